"""Runs other libraries on fixed data and writes what they give of robust losses, quantiles and intervals to
values_robu.json, beside this file.

    python -m tests.reference.record_robu

needs torch, kornia, robust_loss_pytorch, scikit-learn, SciPy, statsmodels, LightGBM, CatBoost and scoringrules; the
tests read the file alone. As LightGBM and CatBoost hold targets in float32, theirs are numbers that it can hold.
"""

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.record_more import Case, Function, Roles, by_torch, case

FILE = Path(__file__).with_name("values_robu.json")
ROWS = 6


def pairs_of_numbers() -> Iterator[Roles]:
    """Predictions and targets of one output with weights, and of three."""
    rng = np.random.default_rng(71)
    weight = rng.uniform(0.1, 3, ROWS)
    yield {"pred": rng.normal(2, 3, ROWS), "target": rng.normal(2, 3, ROWS), "weight": weight}
    yield {"pred": rng.normal(2, 3, (3, 3)), "target": rng.normal(2, 3, (3, 3))}


def _few() -> Roles:
    """Numbers that a float32 holds."""
    rng = np.random.default_rng(72)
    return {"pred": rng.integers(-40, 40, ROWS) / 8, "target": rng.integers(-40, 40, ROWS) / 8}


def _run(by: str, losses: list[tuple[str, str, Function]]) -> list[Case]:
    found = [
        (by_torch(spec, name, function, roles), name) for spec, name, function in losses for roles in pairs_of_numbers()
    ]
    return [{**one, "by": f"{by}: {name}"} for one, name in found]


def torch_cases() -> list[Case]:
    import torch

    def wing(w: float, eps: float) -> Function:
        def function(p: Any, t: Any) -> Any:
            a = (p - t).abs()
            return torch.where(a < w, w * (1 + a / eps).log(), a - w + w * np.log(1 + w / eps))

        return function

    def tube(eps: float, power: int) -> Function:
        return lambda p, t: torch.relu((p - t).abs() - eps) ** power

    def tilted(q: float) -> Function:
        return lambda p, t: torch.where(p < t, q * (p - t) ** 2, (1 - q) * (p - t) ** 2)

    return _run(
        "torch",
        [
            ("charbonnier", "hypot", lambda p, t: torch.hypot(p - t, torch.tensor(1e-3, dtype=p.dtype))),
            ("charbonnier:eps=0.7", "hypot", lambda p, t: torch.hypot(p - t, torch.tensor(0.7, dtype=p.dtype))),
            ("pseudo_huber:delta=0.3", "sqrt", lambda p, t: 0.09 * ((1 + ((p - t) / 0.3) ** 2).sqrt() - 1)),
            ("fair:c=0.3", "log1p", lambda p, t: 0.09 * ((p - t).abs() / 0.3 - ((p - t).abs() / 0.3).log1p())),
            ("wing", "where", wing(5, 0.5)),
            ("wing:w=2,eps=3", "where", wing(2, 3)),
            ("eps_insensitive:eps=1.5", "relu", tube(1.5, 1)),
            ("squared_eps_insensitive", "relu", tube(0.1, 2)),
            ("squared_eps_insensitive:eps=1.5", "relu", tube(1.5, 2)),
            ("expectile:q=0.9", "where", tilted(0.9)),
        ],
    )


def kornia_cases() -> list[Case]:
    from kornia import losses

    return _run(
        "kornia",
        [
            ("pseudo_huber", "charbonnier_loss", losses.charbonnier_loss),
            ("cauchy", "cauchy_loss", losses.cauchy_loss),
            ("welsch", "welsch_loss", losses.welsch_loss),
            ("geman_mcclure", "geman_mcclure_loss", losses.geman_mcclure_loss),
            ("cauchy:c=0.5", "cauchy_loss of twice the errors", lambda p, t: losses.cauchy_loss(2 * p, 2 * t)),
            ("welsch:c=2", "welsch_loss of half the errors", lambda p, t: losses.welsch_loss(p / 2, t / 2)),
            (
                "geman_mcclure:c=4",
                "geman_mcclure_loss of a quarter of the errors",
                lambda p, t: losses.geman_mcclure_loss(p / 4, t / 4),
            ),
        ],
    )


def barron_cases() -> list[Case]:
    import torch
    from robust_loss_pytorch.general import lossfun

    def general(alpha: float, c: float) -> Function:
        return lambda p, t: lossfun(p - t, *(torch.tensor(x, dtype=p.dtype) for x in (alpha, c)))

    some = ("barron", 1.0, 1.0), ("barron:alpha=1.5,c=0.7", 1.5, 0.7), ("barron:alpha=-8,c=5", -8.0, 5.0)
    ends = ("barron:alpha=0,c=2", 0.0, 2.0), ("barron:alpha=-2", -2.0, 1.0), ("barron:alpha=2", 2.0, 1.0)
    return _run("robust_loss_pytorch", [(spec, "lossfun", general(alpha, c)) for spec, alpha, c in (*some, *ends)])


def numpy_cases() -> list[Case]:
    """Values, and where a library has them derivatives, of NumPy arrays."""
    from scipy import special
    from sklearn.linear_model._sgd_fast import EpsilonInsensitive, SquaredEpsilonInsensitive
    from sklearn.metrics import mean_pinball_loss
    from statsmodels.robust.norms import TukeyBiweight

    roles = _few()
    pred, target = roles["pred"], roles["target"]
    e, n = pred - target, len(pred)
    cases = [
        case(f"{name}:delta={delta:g}", f"scipy: special.{name}", roles, value=float(function(delta, e).mean()))
        for name, function in (("huber", special.huber), ("pseudo_huber", special.pseudo_huber))
        for delta in (0.5, 3.0)
    ]
    for spec, c in (("tukey_biweight", 4.685), ("tukey_biweight:c=2", 2.0)):
        norm = TukeyBiweight(c=c)
        derivatives = {"gradient": norm.psi(e) / n, "hessian": norm.psi_deriv(e) / n}
        cases.append(case(spec, "statsmodels: TukeyBiweight", roles, value=float(norm.rho(e).mean()), **derivatives))
    for name, one in (("eps_insensitive", EpsilonInsensitive), ("squared_eps_insensitive", SquaredEpsilonInsensitive)):
        for spec, eps in ((name, 0.1), (f"{name}:eps=2.5", 2.5)):
            loss = one(eps)
            pairs = list(zip(target.tolist(), pred.tolist(), strict=True))
            value = float(np.mean([loss.py_loss(p, t) for t, p in pairs]))
            gradient = np.array([loss.py_dloss(p, t) for t, p in pairs]) / n
            cases.append(case(spec, f"scikit-learn: {one.__name__}", roles, value=value, gradient=gradient))
    levels = (0.1, 0.5, 0.9)
    columns = np.sort(np.random.default_rng(73).normal(size=(ROWS, 3)))
    value = np.mean([mean_pinball_loss(target, c, alpha=q) for q, c in zip(levels, columns.T, strict=True)])
    spec = "quantile:q=0.1/0.5/0.9"
    many = {"pred": columns, "target": target}
    return [*cases, case(spec, "scikit-learn: mean_pinball_loss of each column", many, value=float(value))]


def booster_cases() -> list[Case]:
    import lightgbm as lgb
    from catboost.utils import eval_metric

    roles = _few()
    pred, target = roles["pred"], roles["target"]

    def lightgbm(**params: Any) -> float:
        """The metric of a model that adds nothing to the first scores, which are the predictions."""
        options = {"min_data_in_leaf": 1, "min_data_in_bin": 1, "verbosity": -1, "learning_rate": 1e-300}
        options |= {"boost_from_average": False, **params}
        data = lgb.Dataset(np.arange(ROWS, dtype=float)[:, None], label=target, init_score=pred, params=options)
        found: dict[str, Any] = {}
        callbacks = [lgb.record_evaluation(found)]
        lgb.train(options, data, 1, valid_sets=[data], valid_names=["all"], callbacks=callbacks)
        return float(found["all"][params["objective"]][0])

    cases = [
        case("fair", "lightgbm: fair", roles, value=lightgbm(objective="fair")),
        case("fair:c=2.5", "lightgbm: fair", roles, value=lightgbm(objective="fair", fair_c=2.5)),
        case("huber:delta=0.5", "lightgbm: huber", roles, value=lightgbm(objective="huber", alpha=0.5)),
    ]
    for spec, metric, digits in (
        ("fair:c=2", "FairLoss:smoothness=2", 15),
        ("expectile", "Expectile", 15),
        ("expectile:q=0.75", "Expectile:alpha=0.75", 15),
        ("huber:delta=0.5", "Huber:delta=0.5", 15),
        ("quantile:q=0.75", "Quantile:alpha=0.75", 5),
    ):
        value = float(eval_metric(target, pred, metric)[0])
        cases.append({**case(spec, f"catboost: {metric}", roles, value=value), "digits": digits})
    return cases


def scoringrules_cases() -> list[Case]:
    import scoringrules as sr

    rng = np.random.default_rng(74)
    target, centre, reach = rng.normal(size=ROWS), rng.normal(size=ROWS), rng.uniform(0.1, 1.5, ROWS)
    ends = {"lower": centre - reach, "upper": centre + reach, "target": target}
    found = [
        case(
            spec,
            "scoringrules: interval_score",
            ends,
            value=float(np.mean(sr.interval_score(target, ends["lower"], ends["upper"], alpha))),
        )
        for spec, alpha in (("interval:level=0.5", 0.5), ("interval:level=0.75", 0.25), ("interval", 1 - 0.95))
    ]
    for spec, q in (("wis", (0.025, 0.25, 0.5, 0.75, 0.975)), ("wis:q=0.1/0.5/0.9", (0.1, 0.5, 0.9))):
        roles = {"pred": np.sort(rng.normal(size=(ROWS, len(q)))), "target": target}
        value = float(np.mean(sr.crps_quantile(target, roles["pred"], np.array(q))))
        found.append(case(spec, "scoringrules: crps_quantile", roles, value=value))
    return found


def by_hand() -> list[Case]:
    def hand(loss: str, roles: Roles, value: float, **more: Any) -> Case:
        return case(loss, "by hand", roles, value=value, **more)

    def numbers(pred: Any, target: Any) -> Roles:
        return {"pred": pred, "target": target}

    ends = {"lower": [0.0, 0.0, 4.0], "upper": [2.0, 2.0, 6.0], "target": [1.0, 5.0, 3.0]}
    slopes = {"lower": np.array([-1.0, -1.0, 3.0]) / 3, "upper": np.array([1.0, -3.0, 1.0]) / 3}
    return [
        hand("huber", numbers([1.0] * 4, [0.0, 0.5, 2.0, 4.0]), 0.90625),
        hand("interval:level=0.5", ends, (2 + 14 + 6) / 3, gradient=slopes),
        hand("wis:q=0.1/0.5/0.9", numbers([[1.0, 2.0, 3.0]], [5.0]), (1.5 + 0.1 * 2 + 2) / 1.5),
        hand("wis:q=0.5", numbers([[1.0], [2.0]], [4.0, 1.0]), 2.0),
        hand("quantile:q=0.25/0.75", numbers([[1.0, 3.0]], [2.0]), 0.25, gradient=np.array([[-0.125, 0.125]])),
        hand("expectile:q=0.75", numbers([0.0, 4.0], [2.0, 2.0]), 2.0, gradient=np.array([-1.5, 0.5])),
        hand("tukey_biweight:c=6", numbers([9.0], [0.0]), 6.0),
        hand("geman_mcclure:c=2", numbers([4.0], [0.0]), 1.0),
        hand("eps_insensitive:eps=0.5", numbers([0.25, 3.0], [0.0, 0.0]), 1.25, gradient=np.array([0.0, 0.5])),
    ]


def differences() -> list[Case]:
    """What a library gives by another rule."""
    import scoringrules as sr
    from catboost.utils import eval_metric
    from kornia.losses import charbonnier_loss
    from scipy import special
    from torch import tensor

    one = {"pred": np.array([[1.0, 2.0, 3.0]]), "target": np.array([2.1])}
    median, low, high = np.array([2.0]), np.array([[1.0]]), np.array([[3.0]])
    wis = sr.weighted_interval_score(one["target"], median, low, high, np.array([0.2]))
    far, near = ({"pred": np.array([x]), "target": np.zeros(1)} for x in (1e200, 1e-9))
    some = {"pred": np.array([1.5, 0.0]), "target": np.array([1.0, 2.0])}
    catboost = float(eval_metric(some["target"], some["pred"], "Quantile:alpha=0.75")[0])
    kornia = float(charbonnier_loss(tensor([4.0]).double(), tensor([0.0]).double()).mean())
    overflow = float(special.pseudo_huber(1.0, 1e200))
    cases = [
        (
            "wis:q=0.1/0.5/0.9",
            "scoringrules: weighted_interval_score",
            one,
            float(np.mean(wis)),
            "scoringrules adds the median itself in place of its distance from the target",
        ),
        ("quantile:q=0.75", "catboost: Quantile", some, catboost, "CatBoost takes 1e-6 off every error"),
        (
            "log_cosh",
            "catboost: LogCosh",
            {"pred": np.array([0.5]), "target": np.zeros(1)},
            float(eval_metric([0.0], [0.5], "LogCosh")[0]),
            "CatBoost's exponential is good to four digits",
        ),
        (
            "charbonnier",
            "kornia: charbonnier_loss",
            {"pred": np.array([4.0]), "target": np.zeros(1)},
            kornia,
            "kornia's Charbonnier is √(e² + 1) - 1",
        ),
        ("pseudo_huber", "scipy: special.pseudo_huber", far, overflow, "SciPy's square overflows"),
        (
            "pseudo_huber",
            "kornia: charbonnier_loss",
            near,
            float(charbonnier_loss(tensor([1e-9]).double(), tensor([0.0]).double()).mean()),
            "kornia's root less 1 cancels near 0",
        ),
    ]
    return [{**case(loss, by, roles, value=value), "why": why} for loss, by, roles, value, why in cases]


def main() -> None:
    """Write the file, a case a line."""
    names = ("torch", "kornia", "scipy", "scikit-learn", "statsmodels", "lightgbm", "catboost", "scoringrules", "numpy")
    versions = {name: version(name) for name in names} | {"robust_loss_pytorch": "git 107c4d4, general.py"}
    groups = (by_hand, torch_cases, kornia_cases, barron_cases, numpy_cases, booster_cases, scoringrules_cases)
    cases, others = (
        ",\n".join(json.dumps(one, ensure_ascii=False) for one in found)
        for found in ([one for group in groups for one in group()], differences())
    )
    text = f'{{\n"versions": {json.dumps(versions)},\n"cases": [\n{cases}\n],\n"differences": [\n{others}\n]\n}}\n'
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
