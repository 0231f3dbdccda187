"""Runs other libraries on fixed data and writes what they give to values_regr.json, beside this file.

    python -m tests.reference.record_regr

needs torch, scikit-learn and torchmetrics; the tests read the file alone.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.record_more import ROWS, Case, Roles, as_json, by_torch, case

FILE = Path(__file__).with_name("values_regr.json")


def hand(loss: str, roles: Roles, value: float, **more: Any) -> Case:
    return case(loss, "by hand", roles, value=value, **more)


def amounts() -> Iterator[Roles]:
    """Predictions and targets above 0 in one column and in three, with weights and without."""
    rng = np.random.default_rng(71)
    for shape in ((ROWS,), (ROWS, 3)):
        target = np.exp(rng.normal(1, 1.5, shape))
        yield {"pred": target * np.exp(rng.normal(0, 0.6, shape)), "target": target}
    target = np.exp(rng.normal(1, 1.5, ROWS))
    pred = target * np.exp(rng.normal(0, 0.6, ROWS))
    yield {"pred": pred, "target": target, "weight": rng.uniform(0.1, 3, ROWS)}


def signed() -> Iterator[Roles]:
    """One column of both signs, with weights and without."""
    rng = np.random.default_rng(72)
    for weight in ({}, {"weight": rng.uniform(0.1, 3, ROWS)}, {"weight": rng.integers(1, 4, ROWS)}):
        target = rng.normal(1, 3, ROWS)
        yield {"pred": target + rng.normal(0, 1, ROWS), "target": target, **weight}


# torch


def torch_cases() -> list[Case]:
    import torch
    import torch.nn.functional as f

    def log_error(p: Any, t: Any) -> Any:
        return torch.log1p(p) - torch.log1p(t)

    losses = [
        ("mape", "abs", lambda p, t: (p - t).abs() / t.abs()),
        ("smape", "abs", lambda p, t: 2 * (p - t).abs() / (p.abs() + t.abs())),
        ("msle", "log1p", lambda p, t: log_error(p, t) ** 2),
        *((f"lq:q={q}", "pow", lambda p, t, q=q: (p - t).abs() ** q) for q in (1.5, 3)),
    ]
    cases = [by_torch(spec, by, function, roles) for spec, by, function in losses for roles in amounts()]
    for roles in amounts():
        weight = torch.tensor(roles.get("weight", np.ones(ROWS)))
        weight = weight if roles["pred"].ndim == 1 else weight[:, None]

        def wmape(p: Any, t: Any, w: Any = weight) -> Any:
            return ((w * (p - t).abs()).sum() / (w * t.abs()).sum()).expand(ROWS)

        def rmsle(p: Any, t: Any, w: Any = weight) -> Any:
            return ((w * log_error(p, t) ** 2).sum() / w.expand(p.shape).sum()).sqrt().expand(ROWS)

        cases += [by_torch("wmape", "Σw|e| / Σw|t|", wmape, roles), by_torch("rmsle", "sqrt", rmsle, roles)]
    for roles in signed():
        weight = torch.tensor(roles.get("weight", np.ones(ROWS)))

        def r2(p: Any, t: Any, w: Any = weight) -> Any:
            mean = (w * t).sum() / w.sum()
            return (1 - (w * (p - t) ** 2).sum() / (w * (t - mean) ** 2).sum()).expand(ROWS)

        cases.append(by_torch("r2", "1 - Σwe² / Σw(t - mean)²", r2, roles))
    rng = np.random.default_rng(73)
    vectors = {role: rng.normal(size=(ROWS, 4)) for role in ("pred", "target")}
    return [
        *cases,
        by_torch("cosine_distance", "cosine_similarity", lambda p, t: 1 - f.cosine_similarity(p, t), vectors),
    ]


# scikit-learn and torchmetrics


def sklearn_cases() -> list[Case]:
    from sklearn import metrics

    by = {
        "mape": metrics.mean_absolute_percentage_error,
        "msle": metrics.mean_squared_log_error,
        "rmsle": metrics.root_mean_squared_log_error,
    }
    cases = [_by_sklearn(spec, function, roles) for roles in amounts() for spec, function in by.items()]
    one_column = {
        "r2": metrics.r2_score,
        "d2": metrics.r2_score,
        "medae": metrics.median_absolute_error,
        "d2:deviance=mae": metrics.d2_absolute_error_score,
    }
    cases = [c for c in cases if c["loss"] != "rmsle" or len(np.shape(c["pred"]["values"])) == 1]  # one root a column
    for roles in signed():
        cases += [_by_sklearn(spec, function, roles) for spec, function in one_column.items()]
        value = metrics.max_error(roles["target"], roles["pred"])
        plain = {key: roles[key] for key in ("pred", "target")}
        cases.append(case("max_error", "scikit-learn: max_error", plain, value=float(value)))
    even = {"pred": [1.0, 5.0, 2.0, -3.0], "target": [0.5, 1.0, 4.0, -3.0]}
    cases.append(_by_sklearn("medae", metrics.median_absolute_error, even))
    rng = np.random.default_rng(74)
    outcomes = {"pred": rng.uniform(0.05, 0.95, ROWS), "target": np.array([0, 1, 1, 0, 1, 1, 0])}
    outcomes |= {"weight": rng.uniform(0.1, 3, ROWS)}
    cases.append(_by_sklearn("d2:deviance=bce", metrics.d2_log_loss_score, outcomes))
    amounts_of = {"pred": rng.uniform(0.2, 4, ROWS), "target": rng.uniform(0.1, 5, ROWS)}
    amounts_of |= {"weight": rng.uniform(0.1, 3, ROWS)}
    counts = {**amounts_of, "target": np.array([0, 1, 3, 0, 7, 2, 2])}
    return [
        *cases,
        _by_sklearn("d2:deviance=poisson_deviance", partial(metrics.d2_tweedie_score, power=1), counts),
        _by_sklearn("d2:deviance=gamma_deviance", partial(metrics.d2_tweedie_score, power=2), amounts_of),
    ]


def _by_sklearn(spec: str, function: Any, roles: Roles) -> Case:
    value = function(roles["target"], roles["pred"], sample_weight=roles.get("weight"))
    called = getattr(function, "func", function).__name__
    return case(spec, f"scikit-learn: {called}", roles, value=float(value))


def torchmetrics_cases() -> list[Case]:
    import torch
    from torchmetrics import regression as tm

    roles = next(amounts())
    both = [torch.tensor(roles[key]) for key in ("pred", "target")]
    metrics = {
        "smape": tm.SymmetricMeanAbsolutePercentageError(),
        "wmape": tm.WeightedMeanAbsolutePercentageError(),
        **{f"nrmse:divisor={by}" if by != "mean" else "nrmse": _tm_nrmse(by) for by in ("mean", "range", "std")},
    }
    return [
        case(spec, f"torchmetrics: {type(metric).__name__}", roles, value=float(metric.set_dtype(torch.float64)(*both)))
        for spec, metric in metrics.items()
    ]


def _tm_nrmse(by: str) -> Any:
    from torchmetrics.regression import NormalizedRootMeanSquaredError

    return NormalizedRootMeanSquaredError(normalization=by)


# By hand


def by_hand() -> list[Case]:
    from math import log, sqrt

    def numbers(pred: Any, target: Any) -> Roles:
        return {"pred": np.array(pred), "target": np.array(target)}

    four = numbers([1.0] * 4, [0.0, 0.5, 2.0, 4.0])
    return [
        hand("mape", numbers([11.0, 90.0], [10.0, 100.0]), 0.1, gradient=np.array([0.05, -0.005])),
        hand("mape", numbers(np.uint8([0, 10, 200, 3]), np.uint8([1, 20, 100, 250])), 0.872),
        hand("smape", four, (2 + 2 / 3 + 2 / 3 + 1.2) / 4),
        hand("smape", numbers([0.0, 0.0, 3.0], [0.0, 1.0, -3.0]), 4 / 3, gradient=np.zeros(3)),
        hand("smape", numbers([5.0, 15.0], [10.0, 10.0]), (2 / 3 + 2 / 5) / 2),
        hand("wmape", numbers([0.0, 3.0], [0.0, 2.0]), 0.5),
        hand("msle", numbers([1.0, 0.0], [0.0, 1.0]), log(2) ** 2, gradient=np.array([log(2) / 2, -log(2)])),
        hand("rmsle", numbers([1.0, 0.0], [0.0, 1.0]), log(2)),
        hand(
            "lq:q=2", numbers([1.0, 4.0], [2.0, 2.0]), 2.5, gradient=np.array([-1.0, 2.0]), hessian=np.array([1.0, 1.0])
        ),
        hand("lq:q=3", numbers([1.0, 4.0], [2.0, 2.0]), 4.5, gradient=np.array([-1.5, 6.0])),
        hand("lq:q=1", numbers([1.0, 4.0], [2.0, 2.0]), 1.5, hessian=np.zeros(2)),
        hand("cosine_distance", numbers([[3.0, 4.0]], [[1.0, 0.0]]), 0.4, gradient=np.array([[-0.128, 0.096]])),
        hand("cosine_distance", numbers([[3.0, 4.0], [0.0, 0.0]], [[-6.0, -8.0], [1.0, 0.0]]), 1.5),
        hand("r2", numbers([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0]), 1 - 1.5 / 29.1875),
        hand("r2", numbers([3.0, 2.0, 1.0], [1.0, 2.0, 3.0]), -3.0, gradient=np.array([-2.0, 0.0, 2.0])),
        hand("max_error", numbers([1.0, 5.0], [2.0, 2.0]), 3.0),
        hand("medae", {**numbers([1.0, 2.0, 5.0], [0.0, 0.0, 0.0]), "weight": np.array([1.0, 1.0, 2.0])}, 3.5),
        hand("nrmse", numbers([1.0, 2.0, 4.0], [1.0, 4.0, 1.0]), sqrt(13 / 3) / 2),
        hand("nrmse:divisor=range", numbers([1.0, 2.0, 4.0], [1.0, 4.0, 1.0]), sqrt(13 / 3) / 3),
        hand("nrmse:divisor=std", numbers([1.0, 2.0, 4.0], [1.0, 4.0, 1.0]), sqrt(13 / 6)),
        hand("d2:deviance=mae", numbers([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0]), 1 - 2 / 8.5),
    ]


# Where a library has a rule of its own


def differences() -> list[Case]:
    import torch
    from sklearn.metrics import mean_absolute_percentage_error
    from torch.nn.functional import cosine_similarity
    from torchmetrics.functional import regression as tm

    tiny = {"pred": np.array([2e-20, 3.0]), "target": np.array([1e-20, 2.0])}
    zero = {"pred": np.array([1.0, 3.0]), "target": np.array([0.0, 2.0])}
    short = {"pred": np.array([[1e-9, 1e-9]]), "target": np.array([[1e-9, 0.0]])}
    both = [torch.tensor(tiny[key]) for key in ("pred", "target")]
    by_sklearn, by_torchmetrics = "scikit-learn: mean_absolute_percentage_error", "torchmetrics: "
    return [
        case(
            "mape", by_sklearn, tiny, value=float(mean_absolute_percentage_error(tiny["target"], tiny["pred"])),
            why="scikit-learn divides by 2.2e-16 at least",
        ),
        case(
            "mape", by_sklearn, zero, value=float(mean_absolute_percentage_error(zero["target"], zero["pred"])),
            why="scikit-learn takes a target of 0 for one of 2.2e-16", refused="outside",
        ),
        case(
            "mape", by_torchmetrics + "mean_absolute_percentage_error", tiny,
            value=float(tm.mean_absolute_percentage_error(*both)), why="torchmetrics divides by 1.17e-6 at least",
        ),
        case(
            "smape", by_torchmetrics + "symmetric_mean_absolute_percentage_error", tiny,
            value=float(tm.symmetric_mean_absolute_percentage_error(*both)),
            why="torchmetrics divides by 1.17e-6 at least, of both sizes too",
        ),
        case(
            "cosine_distance", "torch: 1 - cosine_similarity", short,
            value=1 - float(cosine_similarity(*(torch.tensor(a) for a in short.values()), dim=1)),
            why="torch divides by lengths of 1e-8 at least",
        ),
    ]  # fmt: skip


def main() -> None:
    """Write the file, a case a line."""
    import sklearn
    import torch
    import torchmetrics

    versions = {
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "torchmetrics": torchmetrics.__version__,
        "numpy": np.__version__,
    }
    found = [one for group in (by_hand, torch_cases, sklearn_cases, torchmetrics_cases) for one in group()]
    lines, others = (
        ",\n".join(json.dumps(as_json(one), ensure_ascii=False) for one in some) for some in (found, differences())
    )
    text = f'{{\n"versions": {json.dumps(versions)},\n"cases": [\n{lines}\n],\n"differences": [\n{others}\n]\n}}\n'
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
