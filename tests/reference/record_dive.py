"""Runs other libraries on divergences and writes what they give to values_dive.json, beside this file.

    python -m tests.reference.record_dive

needs torch and scipy; the tests read the file alone.
"""

import json
from collections.abc import Callable, Iterator
from math import log, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.record_more import ROWS, Case, Function, Roles, by_torch, case

FILE = Path(__file__).with_name("values_dive.json")


def distributions() -> Iterator[Roles]:
    """Logits, and distributions as targets: two classes and more, with weights and without."""
    rng = np.random.default_rng(61)
    for n, c in ((ROWS, 3), (2, 2), (1, 12)):
        yield {"pred": rng.normal(0, 1.5, (n, c)), "target": rng.dirichlet(np.ones(c), n)}
    weight = rng.uniform(0.1, 3, ROWS)
    yield {"pred": rng.normal(0, 2, (ROWS, 4)), "target": rng.dirichlet(np.full(4, 0.5), ROWS), "weight": weight}


def torch_divergences() -> list[Case]:
    """Of log-probabilities l and targets t, in each form."""
    import torch
    import torch.nn.functional as f

    def ratio(order: float) -> Function:
        return lambda lp, t: torch.logsumexp(order * t.log() + (1 - order) * lp, 1) / (order - 1)

    def mixed(lp: Any, t: Any) -> Any:
        m = ((lp.exp() + t) / 2).log()
        return (f.kl_div(m, t, reduction="none") + f.kl_div(m, lp, reduction="none", log_target=True)).sum(1) / 2

    def reverse(lp: Any, t: Any) -> Any:
        return f.kl_div(t.log(), lp, reduction="none", log_target=True).sum(1)

    losses: list[tuple[str, str, Function]] = [
        ("kl", "kl_div", lambda lp, t: f.kl_div(lp, t, reduction="none").sum(1)),
        ("reverse_kl", "kl_div(log_target)", reverse),
        ("js", "kl_div", mixed),
        ("hellinger", "norm", lambda lp, t: torch.linalg.vector_norm((lp / 2).exp() - t.sqrt(), dim=1) / sqrt(2)),
        ("total_variation", "l1_loss", lambda lp, t: f.l1_loss(lp.exp(), t, reduction="none").sum(1) / 2),
        ("chi_squared", "square", lambda lp, t: ((t - lp.exp()).square() / lp.exp()).sum(1)),
        ("renyi", "logsumexp", ratio(0.5)),
        ("renyi:order=3", "logsumexp", ratio(3)),
    ]
    forms: dict[str, Function] = {
        "probs": lambda z: f.softmax(z, 1),
        "logits": lambda z: z,
        "log_probs": lambda z: f.log_softmax(z, 1),
    }
    logs: dict[str, Function] = {
        "probs": torch.log,
        "logits": lambda z: f.log_softmax(z, 1),
        "log_probs": lambda lp: lp,
    }
    cases = []
    for spec, by, function in losses:
        for form, shape in forms.items():
            name = spec if form == "probs" else f"{spec.replace(':', f':form={form},')}"
            name = name if form == "probs" or ":" in spec else f"{spec}:form={form}"
            for roles in list(distributions())[:: 1 if form == "logits" else 3]:
                given = {**roles, "pred": shape(torch.tensor(roles["pred"])).numpy()}
                cases.append(by_torch(name, by, lambda p, t, g=function, form=form: g(logs[form](p), t), given))
    return cases


def torch_entropy() -> list[Case]:
    import torch
    from torch.distributions import Categorical

    cases = []
    for roles in distributions():
        alone = {key: found for key, found in roles.items() if key != "target"}
        probs = {**alone, "pred": torch.softmax(torch.tensor(roles["pred"]), 1).numpy()}
        cases.append(
            by_torch(
                "shannon_entropy:form=logits", "Categorical.entropy", lambda z: Categorical(logits=z).entropy(), alone
            )
        )
        cases.append(by_torch("shannon_entropy", "xlogy", lambda p: -torch.xlogy(p, p).sum(1), probs))
    return cases


def _rows(function: Callable[..., float], roles: Roles) -> float:
    """The weighted mean of what a function of two rows gives."""
    pairs = zip(*(roles[role] for role in ("pred", "target") if role in roles), strict=True)
    return float(np.average([function(*pair) for pair in pairs], weights=roles.get("weight")))


def scipy_divergences() -> list[Case]:
    from scipy.spatial import distance
    from scipy.special import kl_div, softmax
    from scipy.stats import entropy, power_divergence, wasserstein_distance

    def read(alpha: float) -> Callable[..., float]:
        return lambda p, t: power_divergence(t, p, lambda_=alpha - 1).statistic / 2

    line, uneven = np.arange(12.0), np.array([-1.0, 0.5, 0.75, 4])
    losses: list[tuple[str, str, Callable[..., float]]] = [
        ("kl", "entropy(t, p)", lambda p, t: entropy(t, p)),
        ("kl:units=bits", "entropy(t, p, base=2)", lambda p, t: entropy(t, p, base=2)),
        ("reverse_kl:units=bits", "entropy(p, t, base=2)", lambda p, t: entropy(p, t, base=2)),
        ("js", "jensenshannon²", lambda p, t: distance.jensenshannon(p, t) ** 2),
        ("js:units=bits", "jensenshannon(base=2)²", lambda p, t: distance.jensenshannon(p, t, base=2) ** 2),
        ("generalized_kl", "special.kl_div", lambda p, t: kl_div(t, p).sum()),
        ("hellinger", "euclidean of the roots / √2", lambda p, t: distance.euclidean(p**0.5, t**0.5) / sqrt(2)),
        ("total_variation", "cityblock / 2", lambda p, t: distance.cityblock(p, t) / 2),
        ("chi_squared", "power_divergence", lambda p, t: power_divergence(t, p).statistic),
        (
            "wasserstein:mode=histogram",
            "wasserstein_distance",
            lambda p, t: wasserstein_distance(*[line[: len(p)]] * 2, p, t),
        ),
    ]
    names = {0.5: "alpha_divergence"}
    for alpha in (0.5, 2.0, -1.0, 0.0, 1.0, 5 / 3, 0.2):
        losses.append(
            (
                names.get(alpha, f"alpha_divergence:alpha={alpha!r}".removesuffix(".0")),
                "power_divergence / 2",
                read(alpha),
            )
        )
    cases = []
    for roles in distributions():
        given = {**roles, "pred": softmax(roles["pred"], axis=1)}
        cases += [case(spec, f"scipy: {by}", given, value=_rows(f, given)) for spec, by, f in losses]
        value = _rows(lambda p, _: entropy(p, base=2), given)
        alone = {key: found for key, found in given.items() if key != "target"}
        cases.append(case("shannon_entropy:units=bits", "scipy: entropy(base=2)", alone, value=value))
    masses = {"pred": 10 * given["pred"], "target": 3 * given["target"]}
    cases.append(
        case("generalized_kl", "scipy: special.kl_div", masses, value=_rows(lambda p, t: kl_div(t, p).sum(), masses))
    )
    spec = "wasserstein:mode=histogram,support=-1/0.5/0.75/4"
    value = _rows(lambda p, t: wasserstein_distance(uneven, uneven, p, t), given)
    return [*cases, case(spec, "scipy: wasserstein_distance", given, value=value)]


def scipy_samples() -> list[Case]:
    from scipy.stats import energy_distance, wasserstein_distance

    rng = np.random.default_rng(62)
    cases = []
    for n in (1, 2, 9):
        pred, target, weight = rng.normal(0, 2, n), rng.normal(1, 1, n), rng.uniform(0.1, 3, n)
        for spec, function in (("wasserstein", wasserstein_distance), ("energy_distance", energy_distance)):
            plain = {"pred": pred, "target": target}
            cases.append(case(spec, f"scipy: {function.__name__}", plain, value=float(function(pred, target))))
            value = float(function(pred, target, weight, weight))
            cases.append(case(spec, f"scipy: {function.__name__}", {**plain, "weight": weight}, value=value))
    return cases


def by_hand() -> list[Case]:
    def hand(loss: str, roles: Roles, value: float, digits: int = 15, **more: Any) -> Case:
        return {**case(loss, "by hand", roles, value=value, **more), "digits": digits}

    def rows(pred: Any, target: Any) -> Roles:
        return {"pred": pred, "target": target}

    apart, quarter = rows([[1.0, 0.0]], [[0.0, 1.0]]), rows([[0.25, 0.75]], [[0.5, 0.5]])
    return [
        hand("js", apart, log(2)),
        hand("js", rows([[0.0, 1.0]], [0]), log(2)),
        hand("hellinger", apart, 1.0),
        hand("total_variation", apart, 1.0, gradient=np.array([[0.5, -0.5]])),
        hand("renyi", rows([[0.25, 0.75]], [0]), log(4), gradient=np.array([[-4.0, 0.0]])),
        hand("renyi:order=1", quarter, 0.5 * log(4 / 3)),
        hand("chi_squared", quarter, 1 / 3),
        hand("alpha_divergence", apart, 4.0),
        hand("generalized_kl", rows([2.0, 0.0], [1.0, 0.0]), (1 - log(2)) / 2),
        hand("wasserstein:mode=histogram", rows([[0.1, 0.2, 0.7]], [[0.7, 0.2, 0.1]]), 1.2),
        hand("wasserstein:mode=histogram", rows([[0.5, 0.25, 0.25]], [1]), 0.75),
        hand("wasserstein", rows([0.1, 0.2, 0.7], [0.7, 0.2, 0.1]), 0.0),
        hand("energy_distance", rows([0.0, 0.0], [2.0, 2.0]), 2.0),
        hand("shannon_entropy", {"pred": [[0.5, 0.25, 0.25]]}, 1.5 * log(2)),
    ]


def differences() -> list[Case]:
    """Where a library gives something else, by its own rule."""
    import torch
    import torch.nn.functional as f
    from scipy.spatial import distance

    pred, target = np.array([[0.3, 0.3, 0.4], [0.1, 0.8, 0.1]]), np.array([[0.2, 0.8, 0.0], [0.5, 0.5, 0.0]])
    roles = {"pred": pred, "target": target}
    p, t = torch.tensor(pred), torch.tensor(target)
    root = _rows(distance.jensenshannon, roles)
    return [
        {
            **case("kl", "torch: kl_div(mean)", roles, value=float(f.kl_div(p.log(), t))),
            "why": "torch's mean is over rows and classes",
        },
        {**case("js", "scipy: jensenshannon", roles, value=root), "why": "scipy's Jensen-Shannon distance is the root"},
    ]


def main() -> None:
    """Write the file, a case a line."""
    import scipy
    import torch

    versions = {"torch": torch.__version__, "scipy": scipy.__version__, "numpy": np.__version__}
    groups = (by_hand, torch_divergences, torch_entropy, scipy_divergences, scipy_samples)
    cases, others = (
        ",\n".join(json.dumps(one, ensure_ascii=False) for group in several for one in group())
        for several in (groups, (differences,))
    )
    text = f'{{\n"versions": {json.dumps(versions)},\n"cases": [\n{cases}\n],\n"differences": [\n{others}\n]\n}}\n'
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
