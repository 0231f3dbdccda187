"""Runs other libraries on fixed data and writes what they give to values.json, beside this file.

    python -m tests.reference.record

needs torch and scikit-learn; the tests read the file alone. torch computes in float64, whatever the type in which the
case's numbers are given to losscli. Gradients and Hessian diagonals are autograd's, of the weighted mean.
"""

import json
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("values.json")
ROWS = 7

Case = dict[str, Any]
Data = tuple[Any, Any, Any]  # pred, target, and weight or None


def as_json(array: Any) -> Any:
    """An array with its type, or a number; infinite and NaN as words."""
    if isinstance(array, np.ndarray):
        return {"dtype": str(array.dtype), "values": _plain(array.tolist())}
    return _plain(array)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value if isinstance(value, (int, str)) or isfinite(value) else str(float(value))


def case(loss: str, by: str, pred: Any, target: Any, **found: Any) -> Case:
    """A loss of arrays (`weight` among `found`), what computed it, and what it found: value, gradient, hessian."""
    arrays = {"pred": np.asarray(pred), "target": np.asarray(target)}
    return {"loss": loss, "by": by, **{k: as_json(v) for k, v in {**arrays, **found}.items() if v is not None}}


def differing(why: str, refused: str = "", **given: Any) -> Case:
    """A case in which a library gives something else by a rule of its own; `why` says which, and why ours stands.

    `refused`: what losscli says of an input that it does not take. `ours`: its gradient, by hand.
    """
    return {"why": why, **({"refused": refused} if refused else {}), **case(**given)}


# torch


def by_torch(loss: str, by: str, function: Callable[..., Any], data: Data) -> Case:
    """`function(pred, target)` gives each sample's loss; recorded is the weighted mean, with its derivatives."""
    import torch

    pred, target, weight = data
    p = torch.tensor(np.asarray(pred), dtype=torch.float64, requires_grad=True)
    t = torch.tensor(np.asarray(target))
    t = t.double() if t.is_floating_point() or np.shape(pred) == np.shape(target) else t
    w = torch.ones(len(p), dtype=torch.float64) if weight is None else torch.tensor(weight, dtype=torch.float64)

    def mean(x: Any) -> Any:
        losses = function(x, t)
        result = (w * losses.reshape(len(x), -1).mean(1)).sum() / w.sum()
        return result.sqrt() if loss == "rmse" else result

    value = mean(p)
    (gradient,) = torch.autograd.grad(value, p)
    hessian = torch.autograd.functional.hessian(mean, p.detach()).reshape(p.numel(), p.numel()).diag()
    shape = tuple(p.shape)
    derivatives = {"gradient": gradient.numpy(), "hessian": hessian.reshape(shape).numpy()}
    if by.startswith("binary_cross_entropy") and "logits" not in by:
        del derivatives["hessian"]  # see the differences
    return case(loss, f"torch: {by}", pred, target, weight=weight, value=float(value), **derivatives)


def regression_data() -> list[Data]:
    """pred, target and weight in each shape and type."""
    rng = np.random.default_rng(11)

    def pair(*shape: int) -> tuple[Any, Any]:
        return rng.normal(2, 3, shape), rng.normal(2, 3, shape)

    weight = rng.uniform(0.1, 3, ROWS)
    narrow = tuple(a.astype(np.float32) for a in pair(ROWS))
    whole = tuple(rng.integers(-9, 10, ROWS) for _ in range(2))
    return [
        *((*pair(*shape), None) for shape in ((ROWS,), (ROWS, 1), (ROWS, 3), (1,))),
        (*narrow, None),
        (*whole, None),
        (*pair(ROWS), weight),
        (*pair(ROWS, 3), weight),
    ]


def torch_regression() -> list[Case]:
    import torch.nn.functional as f

    losses: list[tuple[str, str, Callable[..., Any]]] = [
        ("mse", "mse_loss", lambda p, t: f.mse_loss(p, t, reduction="none")),
        ("mae", "l1_loss", lambda p, t: f.l1_loss(p, t, reduction="none")),
        ("rmse", "sqrt of mse_loss", lambda p, t: f.mse_loss(p, t, reduction="none")),
        ("bias", "p - t", lambda p, t: p - t),
        ("huber:delta=inf", "mse_loss / 2", lambda p, t: f.mse_loss(p, t, reduction="none") / 2),
    ]
    for delta in (1.0, 0.3, 3.5):  # off the errors of the whole numbers: no kinks
        spec = "huber" if delta == 1 else f"huber:delta={delta:g}"
        losses.append((spec, "huber_loss", lambda p, t, d=delta: f.huber_loss(p, t, reduction="none", delta=d)))
    return [by_torch(spec, by, function, data) for spec, by, function in losses for data in regression_data()]


def binary_data() -> list[Data]:
    """Logits, targets and weights in each shape and type, hard and soft."""
    rng = np.random.default_rng(12)
    weight = rng.uniform(0.1, 3, ROWS)
    logits = [rng.normal(0, 2, shape) for shape in ((ROWS,), (ROWS, 1), (ROWS, 3), (1,), (ROWS,), (ROWS,))]
    hard = [rng.integers(0, 2, x.shape) for x in logits]
    soft = [rng.uniform(0, 1, x.shape) for x in logits]
    return [
        *((x, t, None) for x, t in zip(logits[:4], hard[:4], strict=True)),
        *((x, t, None) for x, t in zip(logits[:4], soft[:4], strict=True)),
        (logits[4].astype(np.float32), hard[4], None),
        (logits[5], soft[5], weight),
    ]


def torch_binary() -> list[Case]:
    import torch
    import torch.nn.functional as f

    def in_form(logits: Any, form: str) -> Any:
        x = torch.tensor(logits, dtype=torch.float64)
        made = {"probs": torch.sigmoid, "logits": lambda v: v, "log_probs": f.logsigmoid}[form](x)
        return made.numpy().astype(logits.dtype)

    def written_out(p: Any, t: Any, positive: float, smoothing: float) -> Any:
        y = t * (1 - smoothing) + smoothing / 2
        return -positive * torch.special.xlogy(y, p) - torch.special.xlog1py(1 - y, -p)

    losses: list[tuple[str, str, str, Callable[..., Any]]] = [
        ("bce", "probs", "binary_cross_entropy", lambda p, t: f.binary_cross_entropy(p, t, reduction="none")),
        (
            "bce:form=logits",
            "logits",
            "binary_cross_entropy_with_logits",
            lambda x, t: f.binary_cross_entropy_with_logits(x, t, reduction="none"),
        ),
        (
            "bce:form=logits,pos_weight=0.25,label_smoothing=0.1",
            "logits",
            "binary_cross_entropy_with_logits(pos_weight) of smoothed targets",
            lambda x, t: f.binary_cross_entropy_with_logits(
                x, t * 0.9 + 0.05, reduction="none", pos_weight=torch.tensor(0.25, dtype=torch.float64)
            ),
        ),
        ("bce", "probs", "xlogy", lambda p, t: written_out(p, t, 1, 0)),
        ("bce:form=log_probs", "log_probs", "xlogy of exp", lambda x, t: written_out(torch.exp(x), t, 1, 0)),
        ("bce:pos_weight=3,label_smoothing=0.2", "probs", "xlogy", lambda p, t: written_out(p, t, 3, 0.2)),
        (
            "bce:clip=0.05",
            "probs",
            "binary_cross_entropy of clamp",
            lambda p, t: f.binary_cross_entropy(p.clamp(0.05, 0.95), t, reduction="none"),
        ),
    ]
    return [
        by_torch(spec, by, function, (in_form(x, form), target, weight))
        for spec, form, by, function in losses
        for x, target, weight in binary_data()
    ]


def categorical_data() -> list[Data]:
    """Logits, class indices or soft targets, and weights; two classes and more, one row and more."""
    rng = np.random.default_rng(13)
    weight = rng.uniform(0.1, 3, ROWS)
    hard = [(rng.normal(0, 2, (n, c)), rng.integers(0, c, n), None) for n, c in ((ROWS, 3), (ROWS, 2), (1, 4), (2, 12))]
    soft = [(rng.normal(0, 2, (n, c)), rng.dirichlet(np.ones(c), n), None) for n, c in ((ROWS, 3), (ROWS, 2), (2, 12))]
    return [
        *hard,
        *soft,
        (hard[0][0].astype(np.float32), hard[0][1], None),
        (hard[0][0], hard[0][1], weight),
        (soft[0][0], soft[0][1], weight),
    ]


def torch_categorical() -> list[Case]:
    import torch
    import torch.nn.functional as f

    def in_form(logits: Any, form: str) -> Any:
        x = torch.tensor(logits, dtype=torch.float64)
        made = {"probs": f.softmax, "logits": lambda v, _: v, "log_probs": f.log_softmax}[form](x, 1)
        return made.numpy().astype(logits.dtype)

    def of_logs(logs: Any, target: Any, smoothing: float = 0.0) -> Any:
        """nll_loss, or the sum over the classes that it stands for where the target is a distribution."""
        classes = logs.shape[1]
        if target.ndim == 1 and not smoothing:
            return f.nll_loss(logs, target, reduction="none")
        rows = target if target.ndim == 2 else f.one_hot(target, classes).double()
        return -(((1 - smoothing) * rows + smoothing / classes) * logs).sum(1)

    def logits_loss(z: Any, t: Any, smoothing: float = 0.0) -> Any:
        return f.cross_entropy(z, t, reduction="none", label_smoothing=smoothing)

    losses: list[tuple[str, str, str, Callable[..., Any]]] = [
        ("cross_entropy:form=logits", "logits", "cross_entropy", logits_loss),
        (
            "cross_entropy:form=logits,label_smoothing=0.25",
            "logits",
            "cross_entropy(label_smoothing)",
            lambda z, t: logits_loss(z, t, 0.25),
        ),
        ("cross_entropy:form=log_probs", "log_probs", "nll_loss", of_logs),
        ("cross_entropy", "probs", "nll_loss of log", lambda p, t: of_logs(p.log(), t)),
        ("cross_entropy:label_smoothing=0.1", "probs", "-Σ t log p", lambda p, t: of_logs(p.log(), t, 0.1)),
        ("cross_entropy:clip=0.05", "probs", "nll_loss of clamp", lambda p, t: of_logs(p.clamp(0.05, 0.95).log(), t)),
    ]
    return [
        by_torch(spec, by, function, (in_form(z, form), target, weight))
        for spec, form, by, function in losses
        for z, target, weight in categorical_data()
    ]


# scikit-learn


def sklearn_cases() -> list[Case]:
    from sklearn import metrics

    named = {"mse": metrics.mean_squared_error, "mae": metrics.mean_absolute_error}
    cases = [
        _by_sklearn(spec, metric, pred, target, weight)
        for spec, metric in named.items()
        for pred, target, weight in regression_data()
    ]
    single = [row for row in regression_data() if row[0].ndim == 1]
    cases += [_by_sklearn("rmse", metrics.root_mean_squared_error, *row) for row in single]
    return cases + _sklearn_log_loss() + _sklearn_raw_losses()


def _by_sklearn(spec: str, metric: Callable[..., float], pred: Any, target: Any, weight: Any) -> Case:
    value = float(metric(target.astype(float), pred.astype(float), sample_weight=weight))
    return case(spec, f"scikit-learn: {metric.__name__}", pred, target, weight=weight, value=value)


def _sklearn_log_loss() -> list[Case]:
    from sklearn.metrics import log_loss

    by = "scikit-learn: log_loss"
    cases = []
    for x, y, weight in [row for row in binary_data() if row[0].ndim == 1 and row[0].size > 1]:
        p, hard = 1 / (1 + np.exp(-x.astype(float))), np.round(y).astype(int)
        value = log_loss(hard, p, sample_weight=weight, labels=[0, 1])
        cases.append(case("bce", by, p, hard, weight=weight, value=float(value)))
    for z, y, weight in [row for row in categorical_data() if row[1].ndim == 1]:
        p = np.exp(z.astype(float)) / np.exp(z.astype(float)).sum(1, keepdims=True)
        value = log_loss(y, p, sample_weight=weight, labels=range(z.shape[1]))
        cases.append(case("cross_entropy", by, p, y, weight=weight, value=float(value)))
    return cases


def _sklearn_raw_losses() -> list[Case]:
    """The losses of the boosted trees, whose derivatives are written by hand: of each sample, so divided by n."""
    from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss

    x, y, _ = binary_data()[0]
    binary, n = HalfBinomialLoss(), len(x)
    gradient, hessian = (a / n for a in binary.gradient_hessian(y_true=y.astype(float), raw_prediction=x))
    value = float(binary(y_true=y.astype(float), raw_prediction=x))
    found = {"value": value, "gradient": gradient, "hessian": hessian}
    cases = [case("bce:form=logits", "scikit-learn: HalfBinomialLoss", x, y, **found)]
    z, labels, _ = categorical_data()[0]
    many = HalfMultinomialLoss(n_classes=z.shape[1])
    gradient, hessian = (a / n for a in many.gradient_hessian(y_true=labels.astype(float), raw_prediction=z))
    value = float(many(y_true=labels.astype(float), raw_prediction=z))
    found = {"value": value, "gradient": gradient, "hessian": hessian}
    return [*cases, case("cross_entropy:form=logits", "scikit-learn: HalfMultinomialLoss", z, labels, **found)]


# By hand, and from publications: given to the digits printed


def by_hand() -> list[Case]:
    from math import log

    logits = [[2.0, -1.0, 0.5], [0.3, 0.2, -0.7], [1.0, 1.0, 1.0], [-2.0, 3.0, 0.0]]
    third = 1 / 3

    def hand(loss: str, pred: Any, target: Any, value: float, digits: int = 15, **more: Any) -> Case:
        return {**case(loss, "by hand", pred, target, value=value, **more), "digits": digits}

    return [
        hand("mse", [1.0, 2.0, 4.0], [1.0, 4.0, 1.0], 13 / 3, gradient=np.array([0, -4 / 3, 2.0])),
        hand("mse", [[1.0, 2.0], [3.0, 5.0]], [[0.0, 0.0], [0.0, 1.0]], 7.5),
        hand("mse", [1.0, 2.0, 4.0], [1.0, 4.0, 1.0], 34 / 9, weight=np.array([1.5, 2.0, 1.0])),
        hand("mae", [1.0, 2.0, 4.0], [1.0, 4.0, 1.0], 5 / 3, gradient=np.array([0, -third, third])),
        hand("bias", [1.0, 2.0, 4.0], [1.0, 4.0, 1.0], third, gradient=np.array([third] * 3)),
        hand("bias", [1e16, 1.0, -1e16], [0.0, 0.0, 0.0], third),
        hand("rmse", [3.0, 0.0], [0.0, -3.0], 3.0, gradient=np.array([0.5, 0.5])),
        hand("rmse", [[1.0, 2.0], [3.0, 5.0]], [[0.0, 0.0], [0.0, 1.0]], 7.5**0.5),
        hand("huber", [1.0] * 4, [0.0, 0.5, 2.0, 4.0], 0.90625),
        hand("huber:delta=2", [3.0, 1.0], [0.0, 0.0], 2.25, gradient=np.array([1.0, 0.5])),
        hand("bce", [0.5, 0.25], [1, 0], (log(2) + log(4 / 3)) / 2, gradient=np.array([-1.0, 2 / 3])),
        hand("bce:form=logits", [0.0], [0.3], log(2), gradient=np.array([0.2]), hessian=np.array([0.25])),
        hand("bce:clip=0.1", [0.0, 1.0], [1, 1], (log(10) + log(10 / 9)) / 2, gradient=np.zeros(2)),
        hand("cross_entropy", [[0.7, 0.2, 0.1]], [2], log(10), gradient=np.array([[0, 0, -10.0]])),
        hand("cross_entropy", [[0.5, 0.25, 0.25]], [[0.5, 0.5, 0.0]], 1.5 * log(2)),
        hand("cross_entropy:form=log_probs", [[log(0.25), log(0.75)]], [0], log(4)),
        hand("cross_entropy:form=logits", [[5.0, 4.0, 2.0]], [0], 0.3490, digits=4),
        hand("cross_entropy:form=logits", logits, [0, 2, 1, 1], 1.0924900250, 10, weight=np.array([1.0, 4, 2, 2])),
        hand("cross_entropy:label_smoothing=1", [[0.5, 0.25, 0.25]], [0], 5 * log(2) / 3),
    ]


# Where a library gives something else


def differences() -> list[Case]:
    return [*_torch_differences(), *_sklearn_differences(), *_numpy_differences()]


def _torch_differences() -> list[Case]:
    import torch
    import torch.nn.functional as f

    def number(values: Any, dtype: Any = torch.float64) -> Any:
        return torch.tensor(values, dtype=dtype)

    def gradient(function: Callable[..., Any], pred: Any, target: Any) -> Any:
        p = number(pred).requires_grad_(True)
        return torch.autograd.grad(function(p, number(target)), p)[0].numpy()

    def curvature(function: Callable[..., Any], pred: Any, target: Any) -> Any:
        return torch.autograd.functional.hessian(lambda p: function(p, number(target)), number(pred)).diag().numpy()

    def sigmoid_loss(p: Any, t: Any) -> Any:
        return f.binary_cross_entropy_with_logits(p, t)

    logits = [[2.0, -1.0, 0.5], [0.3, 0.2, -0.7], [1.0, 1.0, 1.0], [-2.0, 3.0, 0.0]]
    classes, one_hot = number([1.0, 2.0, 4.0]), np.eye(3)[[0, 2, 1, 1]]
    return [
        differing(
            "torch holds ln p at -100 and more; the definition is infinite, and is said to be",
            loss="bce",
            by="torch: binary_cross_entropy",
            pred=[0.0],
            target=[1.0],
            value=float(f.binary_cross_entropy(number([0.0]), number([1.0]))),
        ),
        differing(
            "torch divides by max(p (1 - p), 1e-12); the slope is -1/p",
            loss="bce",
            by="torch: binary_cross_entropy",
            pred=[1e-14],
            target=[1.0],
            gradient=gradient(f.binary_cross_entropy, [1e-14], [1.0]),
            ours=np.array([-1e14]),
        ),
        differing(
            "torch differentiates the slope with an eps in its divisor; the curvature is 1/p²",
            loss="bce",
            by="torch: binary_cross_entropy",
            pred=[0.001],
            target=[1.0],
            hessian=curvature(f.binary_cross_entropy, [0.001], [1.0]),
            ours=np.array([1e6]),
        ),
        differing(
            "torch's curvature where |e| = δ is the outer 0; the inner 1 is declared here",
            loss="huber",
            by="torch: huber_loss",
            pred=[1.0],
            target=[0.0],
            hessian=curvature(f.huber_loss, [1.0], [0.0]),
            ours=np.array([1.0]),
        ),
        differing(
            "1 - σ(40) is 0 in float64; σ(-40) is not",
            loss="bce:form=logits",
            by="torch: binary_cross_entropy_with_logits",
            pred=[40.0],
            target=[1.0],
            gradient=gradient(sigmoid_loss, [40.0], [1.0]),
            ours=np.array([-4.248354255291589e-18]),
        ),
        differing(
            "torch takes any target; a target is a probability",
            refused=r"2.0 is outside \[0, 1\]",
            loss="bce:form=logits",
            by="torch: binary_cross_entropy_with_logits",
            pred=[1.5],
            target=[2.0],
            value=float(sigmoid_loss(number([1.5]), number([2.0]))),
        ),
        differing(
            "torch broadcasts a column against a row, with a warning; nothing is broadcast here",
            loss="mse",
            by="torch: mse_loss",
            pred=[[1.0], [2.0], [3.0]],
            target=[1.0, 2.0, 3.0],
            value=_quietly(lambda: float(f.mse_loss(number([[1.0], [2.0], [3.0]]), number([1.0, 2.0, 3.0])))),
        ),
        differing(
            "the chain rule gives torch 0 times infinity; a perfect prediction has no direction, and its slope is 0",
            loss="rmse",
            by="torch: sqrt of mse_loss",
            pred=[1.0, 2.0],
            target=[1.0, 2.0],
            gradient=gradient(lambda p, t: f.mse_loss(p, t).sqrt(), [1.0, 2.0], [1.0, 2.0]),
            ours=np.zeros(2),
        ),
        differing(
            "torch subtracts log-sum-exp from a logit of nearly its size; the rest of the softmax keeps the loss exact",
            loss="cross_entropy:form=logits",
            by="torch: cross_entropy",
            pred=[[40.0, 0.0]],
            target=[0],
            value=float(f.cross_entropy(number([[40.0, 0.0]]), torch.tensor([0]))),
        ),
        differing(
            "torch computes float32 in float32; here everything is float64",
            loss="bce:form=logits",
            by="torch: binary_cross_entropy_with_logits",
            pred=np.array([16.5], np.float32),
            target=np.array([1.0], np.float32),
            value=float(sigmoid_loss(number([16.5], torch.float32), number([1.0], torch.float32))),
        ),
        differing(
            "0 times infinity; an outcome that does not happen costs nothing, whatever its logit",
            loss="cross_entropy:form=logits",
            by="torch: cross_entropy",
            pred=[[0.0, -np.inf]],
            target=[[1.0, 0.0]],
            value=float(f.cross_entropy(number([[0.0, -np.inf]]), number([[1.0, 0.0]]))),
        ),
        differing(
            "torch divides by n, not by the weight, where the targets are distributions; a weighted mean is Σwℓ/Σw",
            loss="cross_entropy:form=logits",
            by="torch: cross_entropy(weight)",
            pred=logits,
            target=one_hot,
            weight=np.array([1.0, 4, 2, 2]),
            value=float(f.cross_entropy(number(logits), number(one_hot), weight=classes)),
        ),
        differing(
            "torch weighs the smoothed share of each class by that class; a weight here belongs to the row",
            loss="cross_entropy:form=logits,label_smoothing=0.1",
            by="torch: cross_entropy(weight, label_smoothing)",
            pred=logits,
            target=[0, 2, 1, 1],
            weight=np.array([1.0, 4, 2, 2]),
            value=float(
                f.cross_entropy(number(logits), torch.tensor([0, 2, 1, 1]), weight=classes, label_smoothing=0.1)
            ),
        ),
    ]


def _quietly(function: Callable[[], float]) -> float:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function()


def _sklearn_differences() -> list[Case]:
    from sklearn import metrics
    from sklearn._loss import AbsoluteError

    p, t = np.array([[1.0, 5.0], [2.0, 3.0]]), np.array([[1.0, 2.0], [3.0, 1.0]])
    unnormalised = [[0.2, 0.6, 0.4], [0.1, 0.1, 0.8]]
    slope = AbsoluteError().gradient(y_true=np.array([2.0, 1.0]), raw_prediction=np.array([2.0, 3.0])) / 2
    clipped = "scikit-learn clips p to [eps, 1 - eps] of its type"
    return [
        differing(
            f"{clipped}; the definition is infinite, and is said to be",
            loss="bce",
            by="scikit-learn: log_loss",
            pred=[0.0, 0.5],
            target=[1, 0],
            value=float(metrics.log_loss([1, 0], [0.0, 0.5])),
        ),
        differing(
            f"{clipped}; the loss of a perfect prediction is 0",
            loss="cross_entropy",
            by="scikit-learn: log_loss",
            pred=[[1.0, 0.0], [0.0, 1.0]],
            target=[0, 1],
            value=float(metrics.log_loss([0, 1], [[1.0, 0.0], [0.0, 1.0]])),
        ),
        differing(
            f"{clipped}; nothing is clipped here unless clip asks for it",
            loss="bce",
            by="scikit-learn: log_loss",
            pred=[1e-20, 0.5],
            target=[1, 0],
            value=float(metrics.log_loss([1, 0], [1e-20, 0.5])),
        ),
        differing(
            "scikit-learn warns of probabilities that do not add up to 1; they are refused here",
            refused="add up to 1.2",
            loss="cross_entropy",
            by="scikit-learn: log_loss",
            pred=unnormalised,
            target=[1, 2],
            value=_quietly(lambda: float(metrics.log_loss([1, 2], unnormalised, labels=[0, 1, 2]))),
        ),
        differing(
            "scikit-learn averages the columns' roots; here the root is taken once, of the mean over all elements",
            loss="rmse",
            by="scikit-learn: root_mean_squared_error",
            pred=p,
            target=t,
            value=float(metrics.root_mean_squared_error(t, p)),
        ),
        differing(
            "scikit-learn's slope at a tie is -1; here it is 0, the middle of the slopes on both sides",
            loss="mae",
            by="scikit-learn: AbsoluteError",
            pred=[2.0, 3.0],
            target=[2.0, 1.0],
            gradient=slope,
            ours=np.array([0.0, 0.5]),
        ),
    ]


def _numpy_differences() -> list[Case]:
    return [
        differing(
            "a sum in float64 forgets the 1; the sum here is exact",
            loss="bias",
            by="numpy: mean",
            pred=[1e16, 1.0, -1e16],
            target=[0.0, 0.0, 0.0],
            value=float(np.mean([1e16, 1.0, -1e16])),
        ),
        differing(
            "the squares overflow, their mean's root does not",
            loss="rmse",
            by="numpy: sqrt of the mean of squares",
            pred=[3e200, -3e200],
            target=[0.0, 0.0],
            value=_quietly(lambda: float(np.sqrt(np.mean(np.square([3e200, -3e200]))))),
        ),
        differing(
            "int64 becomes float64 before the subtraction; integers are subtracted as integers here",
            loss="mae",
            by="numpy: float64 of int64",
            pred=np.array([2**53 + 1]),
            target=np.array([2**53]),
            value=float(np.abs(np.float64(2**53 + 1) - np.float64(2**53))),
        ),
        differing(
            "uint8 wraps around in its own type; the difference of the numbers is taken here",
            loss="mae",
            by="numpy: uint8",
            pred=np.array([1, 2], np.uint8),
            target=np.array([2, 4], np.uint8),
            value=float(np.mean(np.abs(np.array([1, 2], np.uint8) - np.array([2, 4], np.uint8)))),
        ),
    ]


def versions() -> dict[str, str]:
    """Of what is recorded here."""
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "scikit-learn", "numpy")}


def _text(cases: Sequence[Case]) -> str:
    return ",\n".join(json.dumps(one, ensure_ascii=False) for one in cases)


def main() -> None:
    """Write the file: one case a line."""
    cases = [*by_hand(), *torch_regression(), *torch_binary(), *torch_categorical(), *sklearn_cases()]
    parts = [f'"versions": {json.dumps(versions())}', f'"cases": [\n{_text(cases)}\n]']
    parts.append(f'"differences": [\n{_text(differences())}\n]')
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
