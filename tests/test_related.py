"""What cards say of other losses: that one is the other at some parameters, times or plus what is said."""

from collections.abc import Callable
from math import log, pi, sqrt
from typing import Any

import numpy as np
import pytest

import losscli

RNG = np.random.default_rng(33)
N = 12
REAL, OTHER = RNG.normal(size=(2, N)) * 3
AMOUNT, COUNT = RNG.uniform(0.1, 5, N), RNG.integers(1, 6, N)
P, Y = RNG.uniform(0.02, 0.98, N), RNG.integers(0, 2, N)
LOGIT, SIGN = np.log(P / (1 - P)), 2 * Y - 1
ROW, SOFT = RNG.dirichlet(np.ones(4), (2, N))
CLASS = RNG.integers(0, 4, N)
SCORE = RNG.normal(size=(N, 4))
MASK = RNG.integers(0, 2, (2, N))
LABELS = np.eye(4)[CLASS]


def of(spec: str, *arrays: Any) -> float:
    """The value of all rows."""
    loss = losscli.get(spec)
    roles = dict(zip(loss.kind.role_names, arrays, strict=True))
    return float(losscli.evaluate(loss, **roles).value)


def each(spec: str, *arrays: Any) -> Any:
    """The value of each row."""
    return losscli.get(spec).value(*arrays)


def residual(spec: str) -> Any:
    return each(spec, REAL, OTHER)


def shares(spec: str) -> Any:
    return each(spec, ROW, SOFT)


def masks(spec: str) -> Any:
    return of(spec, *MASK)


def unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


CLAIMS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "half_mse: half of mse": lambda: (residual("half_mse"), residual("mse") / 2),
    "huber at delta=inf": lambda: (residual("huber:delta=inf"), residual("half_mse")),
    "huber: delta times smooth_l1": lambda: (residual("huber:delta=2"), 2 * residual("smooth_l1:beta=2")),
    "smooth_l1 at beta=0": lambda: (residual("smooth_l1:beta=0"), residual("mae")),
    "lq at 1": lambda: (residual("lq:q=1"), residual("mae")),
    "lq at 2": lambda: (residual("lq:q=2"), residual("mse")),
    "quantile at 0.5": lambda: (residual("quantile:q=0.5"), residual("mae") / 2),
    "expectile at 0.5": lambda: (residual("expectile:q=0.5"), residual("half_mse")),
    "eps_insensitive at 0": lambda: (residual("eps_insensitive:eps=0"), residual("mae")),
    "squared_eps_insensitive at 0": lambda: (residual("squared_eps_insensitive:eps=0"), residual("mse")),
    "squared_eps_insensitive: a square": lambda: (
        residual("squared_eps_insensitive:eps=1"),
        residual("eps_insensitive:eps=1") ** 2,
    ),
    "pseudo_huber and charbonnier": lambda: (
        residual("pseudo_huber:delta=2"),
        2 * (residual("charbonnier:eps=2") - 2),
    ),
    "barron at 2": lambda: (residual("barron:alpha=2,c=3"), residual("half_mse") / 9),
    "barron at 1": lambda: (residual("barron:alpha=1,c=3"), residual("pseudo_huber:delta=3") / 9),
    "barron at 0": lambda: (residual("barron:alpha=0,c=3"), residual("cauchy:c=3")),
    "barron at -2": lambda: (residual("barron:alpha=-2,c=3"), residual("geman_mcclure:c=3")),
    "barron at -inf": lambda: (residual("barron:alpha=-inf,c=3"), residual("welsch:c=3")),
    "tukey_biweight at inf": lambda: (residual("tukey_biweight:c=inf"), residual("half_mse")),
    "charbonnier at 0": lambda: (residual("charbonnier:eps=0"), residual("mae")),
    "wing beyond w": lambda: (
        each("wing:w=1,eps=2", [9.0, 5.0], [0.0, 0.0]),
        each("mae", [9.0, 5.0], [0.0, 0.0]) - 1 + log(1.5),
    ),
    "mse and bias": lambda: (of("mse", REAL, OTHER), of("bias", REAL, OTHER) ** 2 + np.var(REAL - OTHER)),
    "nrmse and r2": lambda: (of("nrmse:divisor=std", REAL, OTHER), sqrt(1 - of("r2", REAL, OTHER))),
    "d2 and r2": lambda: (of("d2", REAL, OTHER), of("r2", REAL, OTHER)),
    "mape: weights 1/|t|": lambda: (each("mape", REAL, OTHER), residual("mae") / np.abs(OTHER)),
    "wmape: mae over the mean": lambda: (of("wmape", REAL, OTHER), of("mae", REAL, OTHER) / np.abs(OTHER).mean()),
    "msle: mse of logarithms": lambda: (each("msle", AMOUNT, COUNT), each("mse", np.log1p(AMOUNT), np.log1p(COUNT))),
    "cosine_distance: half a squared distance": lambda: (
        each("cosine_distance", SCORE, ROW),
        ((unit(SCORE) - unit(ROW)) ** 2).sum(axis=1) / 2,
    ),
    "gaussian_nll at variance 1": lambda: (each("gaussian_nll", REAL, OTHER, np.ones(N)), residual("half_mse")),
    "laplace_nll at one scale": lambda: (
        each("laplace_nll", REAL, OTHER, np.full(N, 2.0)),
        residual("mae") / 2 + log(2),
    ),
    "student_t_nll at 1": lambda: (
        each("student_t_nll:df=1", REAL, OTHER, np.full(N, 2.0)),
        residual(f"cauchy:c={sqrt(2)}") + log(pi * 2),
    ),
    "student_t_nll at inf": lambda: (
        each("student_t_nll:df=inf", REAL, OTHER, np.full(N, 2.0)),
        each("gaussian_nll:full=true", REAL, OTHER, np.full(N, 4.0)),
    ),
    "crps_normal towards 0": lambda: (each("crps_normal", REAL, OTHER, np.full(N, 1e-300)), residual("mae")),
    "crps_ensemble of one": lambda: (each("crps_ensemble", REAL[:, None], OTHER), residual("mae")),
    "crps_ensemble and energy_distance": lambda: (
        each("crps_ensemble", REAL[None], OTHER[:1])[0],
        of("energy_distance", REAL, np.full(N, OTHER[0])) ** 2 / 2,
    ),
    "energy_score of one entry": lambda: (
        each("energy_score", SCORE, OTHER[:, None]),
        each("crps_ensemble", SCORE, OTHER),
    ),
    "wis: twice quantile": lambda: (
        each("wis:q=0.1/0.5/0.9", np.sort(SCORE[:, :3]), OTHER),
        2 * each("quantile:q=0.1/0.5/0.9", np.sort(SCORE[:, :3]), OTHER),
    ),
    "interval: two quantiles": lambda: (
        each("interval:level=0.5", REAL - 1, REAL + 1, OTHER),
        4 * (each("quantile:q=0.25", REAL - 1, OTHER) + each("quantile:q=0.75", REAL + 1, OTHER)),
    ),
    "tweedie_deviance at 0": lambda: (each("tweedie_deviance:power=0", AMOUNT, COUNT), each("mse", AMOUNT, COUNT)),
    "tweedie_deviance at 1": lambda: (
        each("tweedie_deviance:power=1", AMOUNT, COUNT),
        each("poisson_deviance", AMOUNT, COUNT),
    ),
    "tweedie_deviance at 2": lambda: (
        each("tweedie_deviance:power=2", AMOUNT, COUNT),
        each("gamma_deviance", AMOUNT, COUNT),
    ),
    "tweedie_deviance at 3": lambda: (
        each("tweedie_deviance:power=3", AMOUNT, COUNT),
        (AMOUNT - COUNT) ** 2 / (COUNT * AMOUNT**2),
    ),
    "poisson_nll: half a deviance": lambda: (
        each("poisson_nll", AMOUNT, COUNT) - each("poisson_nll", COUNT, COUNT),
        each("poisson_deviance", AMOUNT, COUNT) / 2,
    ),
    "gamma_nll: half a deviance": lambda: (
        each("gamma_nll", AMOUNT, COUNT) - each("gamma_nll", COUNT, COUNT),
        each("gamma_deviance", AMOUNT, COUNT) / 2,
    ),
    "generalized_kl of one cell": lambda: (
        each("generalized_kl", AMOUNT[:, None], COUNT[:, None]),
        each("poisson_deviance", AMOUNT, COUNT) / 2,
    ),
    "generalized_kl of shares": lambda: (shares("generalized_kl"), shares("kl")),
    "kl: less the entropy": lambda: (shares("kl"), shares("cross_entropy") - each("shannon_entropy", SOFT)),
    "reverse_kl": lambda: (shares("reverse_kl"), each("kl", SOFT, ROW)),
    "js: the mean of two kl": lambda: (
        shares("js"),
        (each("kl", (ROW + SOFT) / 2, SOFT) + each("kl", (ROW + SOFT) / 2, ROW)) / 2,
    ),
    "shannon_entropy": lambda: (each("shannon_entropy", ROW), each("cross_entropy", ROW, ROW)),
    "shannon_entropy and an even target": lambda: (
        each("shannon_entropy", ROW),
        log(4) - each("reverse_kl", ROW, np.full((N, 4), 0.25)),
    ),
    "alpha_divergence at 1": lambda: (shares("alpha_divergence:alpha=1"), shares("kl")),
    "alpha_divergence at 0": lambda: (shares("alpha_divergence:alpha=0"), shares("reverse_kl")),
    "alpha_divergence at 0.5": lambda: (shares("alpha_divergence:alpha=0.5"), 4 * shares("hellinger") ** 2),
    "alpha_divergence at 2": lambda: (shares("alpha_divergence:alpha=2"), shares("chi_squared") / 2),
    "alpha_divergence at -1": lambda: (
        shares("alpha_divergence:alpha=-1"),
        ((SOFT - ROW) ** 2 / SOFT).sum(axis=1) / 2,
    ),
    "renyi at 1": lambda: (shares("renyi:order=1"), shares("kl")),
    "renyi at 0.5": lambda: (shares("renyi:order=0.5"), -2 * np.log(1 - shares("hellinger") ** 2)),
    "renyi at 2": lambda: (shares("renyi:order=2"), np.log1p(shares("chi_squared"))),
    "renyi of one class": lambda: (each("renyi:order=3", ROW, CLASS), each("cross_entropy", ROW, CLASS)),
    "total_variation: half the errors": lambda: (shares("total_variation"), np.abs(ROW - SOFT).sum(axis=1) / 2),
    "wasserstein on the columns 0 and 1": lambda: (
        each("wasserstein:mode=histogram", np.stack([1 - P, P], axis=1), np.stack([P**2, 1 - P**2], axis=1)),
        np.abs(1 - P - P**2),
    ),
    "cross_entropy of two columns": lambda: (each("cross_entropy", np.stack([1 - P, P], axis=1), Y), each("bce", P, Y)),
    "nll": lambda: (each("nll", np.log(ROW), CLASS), each("cross_entropy:form=log_probs", np.log(ROW), CLASS)),
    "brier of one column": lambda: (each("brier", P, Y), each("mse", P, Y)),
    "brier of two columns": lambda: (each("brier", np.stack([1 - P, P], axis=1), Y), 2 * each("mse", P, Y)),
    "emd2 of two classes": lambda: (
        each("emd2", np.stack([1 - P, P], axis=1), Y),
        each("brier", np.stack([1 - P, P], axis=1), Y) / 4,
    ),
    "focal at 0, one column": lambda: (each("focal:gamma=0", P, Y), each("bce", P, Y)),
    "focal at 0": lambda: (each("focal:gamma=0", ROW, CLASS), each("cross_entropy", ROW, CLASS)),
    "poly1 at 0": lambda: (each("poly1:epsilon=0", ROW, CLASS), each("cross_entropy", ROW, CLASS)),
    "generalized_cross_entropy at 0": lambda: (
        each("generalized_cross_entropy:q=0", ROW, CLASS),
        each("cross_entropy", ROW, CLASS),
    ),
    "generalized_cross_entropy at 1": lambda: (
        each("generalized_cross_entropy:q=1", ROW, CLASS),
        np.abs(ROW - LABELS).sum(axis=1) / 2,
    ),
    "multilabel_soft_margin": lambda: (
        each("multilabel_soft_margin", SCORE, LABELS),
        each("bce:form=logits", SCORE, LABELS),
    ),
    "soft_margin": lambda: (each("soft_margin", LOGIT, SIGN), each("bce:form=logits", LOGIT, Y)),
    "hinge at 0": lambda: (each("hinge:margin=0", LOGIT, SIGN), each("perceptron", LOGIT, SIGN)),
    "squared_hinge": lambda: (each("squared_hinge", LOGIT, SIGN), each("hinge", LOGIT, SIGN) ** 2),
    "squared_hinge within the margin": lambda: (
        each("squared_hinge:margin=9", LOGIT, SIGN),
        each("mse", LOGIT, 9 * SIGN),
    ),
    "modified_huber": lambda: (
        each("modified_huber", LOGIT, SIGN),
        2 * each("huber:delta=2", np.maximum(1 - SIGN * LOGIT, 0), np.zeros(N)),
    ),
    "categorical_hinge of two classes": lambda: (
        each("categorical_hinge", SCORE[:, :2], Y),
        each("hinge", SCORE[:, 1] - SCORE[:, 0], SIGN),
    ),
    "multi_margin of two classes": lambda: (
        each("multi_margin", SCORE[:, :2], Y),
        each("hinge", SCORE[:, 1] - SCORE[:, 0], SIGN) / 2,
    ),
    "multilabel_margin of one label": lambda: (
        each("multilabel_margin", SCORE, LABELS),
        each("multi_margin", SCORE, CLASS),
    ),
    "top_k at 1": lambda: (each("top_k:k=1", SCORE, CLASS), each("zero_one", SCORE, CLASS)),
    "hamming of one column": lambda: (each("hamming", P, Y), each("zero_one", P, Y)),
    "margin_ranking and hinge": lambda: (
        each("margin_ranking:margin=0.7", REAL, OTHER, SIGN),
        each("hinge:margin=0.7", REAL - OTHER, SIGN),
    ),
    "triplet and margin_ranking": lambda: (
        each("triplet:margin=0.5", SCORE, ROW, SOFT),
        each(
            "margin_ranking:margin=0.5",
            np.linalg.norm(SCORE - SOFT, axis=1),
            np.linalg.norm(SCORE - ROW, axis=1),
            np.ones(N),
        ),
    ),
    "contrastive and hinge_embedding": lambda: (
        each("contrastive:margin=2", SCORE, ROW, Y),
        each("hinge_embedding:margin=2", np.linalg.norm(SCORE - ROW, axis=1), 1 - 2 * Y) ** 2 / 2,
    ),
    "info_nce: cross_entropy of cosines": lambda: (
        of("info_nce:temperature=0.5", SCORE, ROW),
        of("cross_entropy:form=logits", unit(SCORE) @ unit(ROW).T / 0.5, np.arange(N)),
    ),
    "listnet: cross_entropy of a list": lambda: (
        of("listnet", REAL, OTHER),
        of("cross_entropy:form=logits", REAL[None], (np.exp(OTHER) / np.exp(OTHER).sum())[None]),
    ),
    "gan: a bce of either side": lambda: (
        each("gan", P, P[::-1]),
        each("bce", P, np.ones(N)) + each("bce", P[::-1], np.zeros(N)),
    ),
    "lsgan: a half_mse of either side": lambda: (
        each("lsgan", REAL, OTHER),
        each("half_mse", REAL, np.ones(N)) + each("half_mse", OTHER, np.zeros(N)),
    ),
    "hinge_gan: a hinge of either side": lambda: (
        each("hinge_gan", REAL, OTHER),
        each("hinge", REAL, np.ones(N)) + each("hinge", OTHER, -np.ones(N)),
    ),
    "wgan: a bias of either side": lambda: (
        each("wgan", REAL, OTHER),
        each("bias", OTHER, np.zeros(N)) - each("bias", REAL, np.zeros(N)),
    ),
    "hinge_gan and wgan, the generator's part": lambda: (
        each("hinge_gan:part=generator", REAL, OTHER),
        each("wgan:part=generator", REAL, OTHER),
    ),
    "relativistic_gan and soft_margin": lambda: (
        each("relativistic_gan", REAL, OTHER),
        each("soft_margin", REAL - OTHER, np.ones(N)),
    ),
    "relativistic_average_gan of scores that are alike": lambda: (
        of("relativistic_average_gan", np.full(N, 2.0), np.full(N, 1.5)),
        2 * of("relativistic_gan", np.full(N, 2.0), np.full(N, 1.5)),
    ),
    "relativistic_average_gan at means of 0": lambda: (
        of("relativistic_average_gan", REAL - REAL.mean(), OTHER - OTHER.mean()),
        of("gan:form=logits", REAL - REAL.mean(), OTHER - OTHER.mean()),
    ),
    "dice and tversky": lambda: (masks("dice:smooth=1"), masks("tversky:smooth=0.5")),
    "jaccard and tversky": lambda: (masks("jaccard"), masks("tversky:alpha=1,beta=1")),
    "jaccard and dice": lambda: (masks("jaccard"), 2 * masks("dice") / (1 + masks("dice"))),
    "squared_dice of masks": lambda: (masks("squared_dice"), masks("dice")),
    "focal_tversky at 1": lambda: (
        masks("focal_tversky:gamma=1,alpha=0.3,beta=0.7"),
        masks("tversky:alpha=0.3,beta=0.7"),
    ),
    "focal_tversky and dice": lambda: (masks("focal_tversky:gamma=2,alpha=0.5,beta=0.5"), sqrt(masks("dice"))),
    "mcc and mse": lambda: (
        2 * masks("mcc"),
        of("mse", *((m - m.mean()) / m.std() for m in MASK)),
    ),
    "lovasz_hinge of one output": lambda: (
        each("lovasz_hinge:pool=sample", LOGIT[:, None], SIGN[:, None]),
        each("hinge", LOGIT, SIGN),
    ),
    "max_error and lq": lambda: (of("max_error", REAL, OTHER), (N * of("lq:q=300", REAL, OTHER)) ** (1 / 300)),
    "ece of one bin": lambda: (
        of("ece:n_bins=1", ROW, CLASS),
        abs(ROW.max(axis=1).mean() - (ROW.argmax(axis=1) == CLASS).mean()),
    ),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_related_losses(claim: str) -> None:
    found, wanted = CLAIMS[claim]()
    assert np.ndim(found) == 0 or len(np.unique(found)) > 1
    tolerance = 1e-3 if claim.startswith("max_error") else 1e-9
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=1e-12)


def test_inequalities() -> None:
    """Those that cards state."""
    h, tv = shares("hellinger"), shares("total_variation")
    assert ((tv / sqrt(2) <= h) & (h <= np.sqrt(tv))).all()
    assert (tv <= np.sqrt(shares("kl") / 2)).all()
    assert of("wasserstein", REAL, OTHER) <= of("mae", REAL, OTHER) <= of("rmse", REAL, OTHER)
    assert abs(of("bias", REAL, OTHER)) <= of("mae", REAL, OTHER)
    far = [np.array([1e6]), np.zeros(1)]
    gaps = [each(name, *far)[0] - each("log_cosh", *far)[0] for name in ("huber", "pseudo_huber")]
    assert gaps == pytest.approx([log(2) - 0.5, log(2) - 1], abs=1e-6)
