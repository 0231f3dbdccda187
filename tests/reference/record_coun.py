"""Runs other libraries on counts, amounts and forecasts and writes what they give to values_coun.json.

    python -m tests.reference.record_coun

needs torch, scikit-learn, scipy, scoringrules and properscoring; the tests read the file alone.
"""

import json
from collections.abc import Iterator
from importlib.metadata import version
from math import e, log, pi
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.record_more import Case, Function, Roles, by_torch, case

FILE = Path(__file__).with_name("values_coun.json")
LIBRARIES = ("torch", "scikit-learn", "scipy", "scoringrules", "properscoring", "numpy")
ROWS = 5


def _shapes() -> Iterator[tuple[np.random.Generator, tuple[int, ...], dict[str, Any]]]:
    """Of one output and of three, without weights and with."""
    rng = np.random.default_rng(41)
    yield rng, (ROWS,), {}
    yield rng, (ROWS, 3), {}
    yield rng, (ROWS,), {"weight": rng.uniform(0.1, 3, ROWS)}


def counts() -> Iterator[Roles]:
    """Rates and counts, 0 among them."""
    for rng, shape, weight in _shapes():
        pred = rng.gamma(2.0, 2.0, shape)
        yield {"pred": pred, "target": rng.poisson(pred * rng.gamma(2.0, 0.5, shape)).astype(float), **weight}


def amounts() -> Iterator[Roles]:
    """Means and amounts, all above 0."""
    for rng, shape, weight in _shapes():
        pred = rng.gamma(2.0, 2.0, shape)
        yield {"pred": pred, "target": pred * rng.gamma(2.0, 0.5, shape), **weight}


def scaled() -> Iterator[Roles]:
    """Places, outcomes and scales."""
    for rng, shape, weight in _shapes():
        pair = {"pred": rng.normal(2, 3, shape), "target": rng.normal(2, 3, shape)}
        yield {**pair, "scale": rng.gamma(2.0, 1.0, shape), **weight}


# torch


def torch_counts() -> list[Case]:
    import torch
    import torch.nn.functional as f

    def nll(log_input: bool) -> Function:
        return lambda p, t: f.poisson_nll_loss(p, t, log_input=log_input, eps=0, reduction="none")

    def minus_log_prob(p: Any, t: Any) -> Any:
        return -torch.distributions.Poisson(p, validate_args=False).log_prob(t)

    def deviance(p: Any, t: Any) -> Any:
        return 2 * (torch.xlogy(t, t) - t * torch.log(p) - t + p)

    def tweedie(power: float) -> Function:
        a, b = 1 - power, 2 - power
        return lambda p, t: 2 * (t**b / (a * b) - t * p**a / a + p**b / b)

    cases = []
    for roles in counts():
        logs = {**roles, "pred": np.log(roles["pred"])}
        cases += [
            by_torch("poisson_nll", "poisson_nll_loss", nll(False), roles),
            by_torch("poisson_nll:form=log_rate", "poisson_nll_loss", nll(True), logs),
            by_torch("poisson_nll:full=true", "distributions.Poisson", minus_log_prob, roles),
            by_torch("poisson_deviance", "xlogy", deviance, roles),
            by_torch("tweedie_deviance:power=1.25", "powers", tweedie(1.25), roles),
        ]
    for roles in amounts():
        cases += [
            by_torch("gamma_nll", "distributions.Exponential", _exponential, roles),
            by_torch("gamma_deviance", "log", lambda p, t: 2 * (torch.log(p / t) + t / p - 1), roles),
            by_torch("tweedie_deviance:power=3", "powers", tweedie(3.0), roles),
        ]
    return cases


def _exponential(p: Any, t: Any) -> Any:
    import torch

    return -torch.distributions.Exponential(1 / p).log_prob(t)


def torch_scaled() -> list[Case]:
    import torch
    from torch.distributions import Laplace, StudentT

    def crps(p: Any, t: Any, s: Any) -> Any:
        u = (t - p) / s
        return s * (u * torch.erf(u / 2**0.5) + (2 / pi) ** 0.5 * torch.exp(-u * u / 2) - pi**-0.5)

    def student(df: float) -> Function:
        return lambda p, t, s: -StudentT(df, p, s).log_prob(t)

    cases = []
    for roles in scaled():
        cases += [
            by_torch(
                "laplace_nll:full=true", "distributions.Laplace", lambda p, t, s: -Laplace(p, s).log_prob(t), roles
            ),
            by_torch("student_t_nll", "distributions.StudentT", student(4.0), roles),
            by_torch("student_t_nll:df=1.5", "distributions.StudentT", student(1.5), roles),
            by_torch("crps_normal", "erf", crps, roles),
        ]
    return cases


# scikit-learn, scipy, scoringrules and properscoring


def sklearn_cases() -> list[Case]:
    from sklearn._loss.loss import HalfPoissonLoss
    from sklearn.metrics import mean_gamma_deviance, mean_poisson_deviance, mean_tweedie_deviance

    def found(loss: str, by: Any, roles: Roles, **options: Any) -> Case:
        value = by(roles["target"], roles["pred"], sample_weight=roles.get("weight"), **options)
        return case(loss, f"scikit-learn: {by.__name__}", roles, value=float(value))

    cases = []
    for roles in counts():
        if roles["pred"].ndim == 1:
            cases.append(found("poisson_deviance", mean_poisson_deviance, roles))
            cases += [
                found(f"tweedie_deviance:power={power:g}", mean_tweedie_deviance, roles, power=power)
                for power in (0, 1, 1.1, 1.75)
            ]
            cases.append(found("tweedie_deviance", mean_tweedie_deviance, roles, power=1.5))
    for roles in amounts():
        if roles["pred"].ndim == 1:
            cases.append(found("gamma_deviance", mean_gamma_deviance, roles))
            cases += [
                found(f"tweedie_deviance:power={power:g}", mean_tweedie_deviance, roles, power=power)
                for power in (2, 2.5, 3)
            ]
    roles = next(counts())
    raw = np.log(roles["pred"])
    value = HalfPoissonLoss()(roles["target"], raw)
    return [
        *cases,
        case("HalfPoissonLoss", "scikit-learn: HalfPoissonLoss", {**roles, "pred": raw}, value=float(value)),
    ]


def scipy_cases() -> list[Case]:
    from scipy import stats

    cases = []
    for roles in counts():
        if "weight" not in roles:
            value = -stats.poisson.logpmf(roles["target"], roles["pred"]).mean()
            cases.append(case("poisson_nll:full=true", "scipy: stats.poisson", roles, value=float(value)))
            logs = {**roles, "pred": np.log(roles["pred"])}
            cases.append(case("poisson_nll:form=log_rate,full=true", "scipy: stats.poisson", logs, value=float(value)))
    for roles in amounts():
        if "weight" not in roles:
            value = -stats.gamma.logpdf(roles["target"], 1.0, scale=roles["pred"]).mean()
            cases.append(case("gamma_nll", "scipy: stats.gamma", roles, value=float(value)))
    for roles in scaled():
        if "weight" not in roles:
            given = (roles["target"], roles["pred"], roles["scale"])
            value = -stats.laplace.logpdf(*given).mean()
            cases.append(case("laplace_nll:full=true", "scipy: stats.laplace", roles, value=float(value)))
            for df in (0.5, 4.0, 30.0, 1e6):
                spec = "student_t_nll" if df == 4 else f"student_t_nll:df={df!r}"
                value = -stats.t.logpdf(given[0], df, *given[1:]).mean()
                cases.append(case(spec.replace(".0", ""), "scipy: stats.t", roles, value=float(value)))
    return cases


def forecasts() -> list[Case]:
    import properscoring as ps
    import scoringrules as sr

    cases = []
    for roles in scaled():
        if "weight" not in roles:
            given = (roles["target"], roles["pred"], roles["scale"])
            cases.append(
                case("crps_normal", "scoringrules: crps_normal", roles, value=float(sr.crps_normal(*given).mean()))
            )
            value = float(np.mean(ps.crps_gaussian(*given)))
            cases.append(case("crps_normal", "properscoring: crps_gaussian", roles, value=value))
    rng = np.random.default_rng(42)
    several = [{"pred": rng.normal(0, 2, (ROWS, m)), "target": rng.normal(0, 2, ROWS)} for m in (2, 3, 12)]
    tied = {"pred": np.array([[1.0, 1.0, 2.0], [0.0, 3.0, 3.0]]), "target": np.array([1.0, 2.5])}
    for roles in (*several, tied, {"pred": np.array([[1.0, 2.0, 4.0]]), "target": np.array([2.5])}):
        outcome, members = roles["target"], roles["pred"]
        for estimator, spec in (
            ("nrg", "crps_ensemble"),
            ("qd", "crps_ensemble"),
            ("fair", "crps_ensemble:estimator=fair"),
            ("pwm", "crps_ensemble:estimator=fair"),
        ):
            value = float(sr.crps_ensemble(outcome, members, estimator=estimator).mean())
            cases.append(case(spec, f"scoringrules: crps_ensemble {estimator}", roles, value=value))
        value = float(np.mean(ps.crps_ensemble(outcome, members)))
        cases.append(case("crps_ensemble", "properscoring: crps_ensemble", roles, value=value))
    for m, size in ((2, 2), (5, 3)):
        outcome, members = rng.normal(0, 2, (ROWS, size)), rng.normal(0, 2, (ROWS, m, size))
        roles = {"pred": members.reshape(ROWS, -1), "target": outcome}
        for estimator, spec in (("nrg", "energy_score"), ("fair", "energy_score:estimator=fair")):
            value = float(sr.es_ensemble(outcome, members, estimator=estimator).mean())
            cases.append(case(spec, f"scoringrules: es_ensemble {estimator}", roles, value=value))
    return cases


# By hand


def by_hand() -> list[Case]:
    def hand(loss: str, pred: Any, target: Any, value: float, digits: int = 15, **more: Any) -> Case:
        scale = {"scale": more.pop("scale")} if "scale" in more else {}
        return {
            **case(loss, "by hand", {"pred": pred, "target": target, **scale}, value=value, **more),
            "digits": digits,
        }

    return [
        hand("poisson_nll", [1.0, 2.0], [3, 0], 1.5, gradient=np.array([-1.0, 0.5]), hessian=np.array([1.5, 0.0])),
        hand("poisson_nll:full=true", [2.0], [2], 2 - log(2)),
        hand("poisson_nll:full=true", [1.0], [0], 1.0),
        hand("poisson_deviance", [3.0], [2], 0.3781395676, 10),
        hand("gamma_deviance", [3.0], [2], 0.1442635495, 9),
        hand("tweedie_deviance", [3.0], [2], 0.2332968848, 9),
        hand("gamma_nll", [e], [2 * e], 3.0, gradient=np.array([-1 / e])),
        hand("tweedie_deviance", [4.0], [1.0], 2.0, gradient=np.array([0.75]), hessian=np.array([-1 / 32])),
        hand("tweedie_deviance:power=3", [4.0], [1.0], 9 / 16),
        hand("laplace_nll", [1.0], [3.0], 1 + log(2), scale=[2.0], gradient=np.array([-0.5])),
        hand("student_t_nll:df=1", [0.0], [1.0], log(2 * pi), scale=[1.0], gradient=np.array([-1.0])),
        hand("student_t_nll:df=inf", [0.0], [1.0], (1 + log(2 * pi)) / 2, scale=[1.0], gradient=np.array([-1.0])),
        hand("crps_normal", [1.0], [1.0], (2 / pi) ** 0.5 - pi**-0.5, scale=[1.0], gradient=np.array([0.0])),
        hand("crps_ensemble", [[1.0, 2.0, 4.0]], [2.5], 0.5, gradient=np.array([[-1 / 9, -1 / 3, 1 / 9]])),
        hand("crps_ensemble:estimator=fair", [[1.0, 2.0, 4.0]], [2.5], 1 / 6, gradient=np.array([[0, -1 / 3, 0]])),
        hand("crps_ensemble", [3.0, 1.0], [1.0, 2.5], 1.75),
        hand("energy_score", [[3.0, 4.0, 0.0, 0.0]], [[0.0, 0.0]], 1.25, gradient=np.array([[0.15, 0.2, 0.15, 0.2]])),
        hand("energy_score:estimator=fair", [[3.0, 4.0, 0.0, 0.0]], [[0.0, 0.0]], 0.0),
        hand("energy_score", [[3.0, 4.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]], 2.5),
    ]


# Where a library has a rule of its own


def differences() -> list[Case]:
    import torch
    import torch.nn.functional as f
    from sklearn.metrics import mean_poisson_deviance

    def differs(why: str, loss: str, by: str, roles: Roles, value: Any) -> Case:
        return {"why": why, **case(loss, by, roles, value=float(value))}

    def nll(roles: Roles, **options: Any) -> Any:
        return f.poisson_nll_loss(*(torch.tensor(a, dtype=torch.float64) for a in roles.values()), **options)

    rare: Roles = {"pred": np.array([1e-12]), "target": np.array([3.0])}
    two: Roles = {"pred": np.array([2.5]), "target": np.array([2.0])}
    near: Roles = {"pred": np.array([1e8 + 1]), "target": np.array([1e8])}
    sure: Roles = {"pred": np.array([1.0]), "target": np.array([1.0]), "variance": np.array([1e-8])}
    clamped = f.gaussian_nll_loss(*(torch.tensor(a) for a in sure.values()))
    return [
        differs(
            "torch adds 1e-8 to a rate in the logarithm",
            "poisson_nll",
            "torch: poisson_nll_loss",
            rare,
            nll(rare, log_input=False),
        ),
        differs(
            "torch's full has Stirling's approximation for ln t!",
            "poisson_nll:full=true",
            "torch: poisson_nll_loss",
            two,
            nll(two, log_input=False, full=True, eps=0),
        ),
        differs(
            "scikit-learn subtracts terms of the size of the counts",
            "poisson_deviance",
            "scikit-learn: mean_poisson_deviance",
            near,
            mean_poisson_deviance(near["target"], near["pred"]),
        ),
        differs("torch raises variances to 1e-6 at least", "gaussian_nll", "torch: gaussian_nll_loss", sure, clamped),
    ]


def main() -> None:
    """Write the file, a case a line."""
    groups = (by_hand, torch_counts, torch_scaled, sklearn_cases, scipy_cases, forecasts)
    found = {"cases": [one for group in groups for one in group()], "differences": differences()}
    parts = [f'"versions": {json.dumps({name: version(name) for name in LIBRARIES})}']
    for key, several in found.items():
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in several)
        parts.append(f'"{key}": [\n{lines}\n]')
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
