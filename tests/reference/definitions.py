"""Losses from their mathematical definitions: nothing here knows how losscli computes."""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

from mpmath import exp, expm1, log, log1p, mpf, sqrt

from tests.reference.exact import Aggregate, Definition, Kink, Number


def _squared_error(pred: Number, target: Number) -> list[Number]:
    return [(pred - target) ** 2]


def _root_of_mean(sums: Sequence[Number], elements: Number) -> Number:
    return sqrt(sums[0] / elements)


def _absolute_error(pred: Number, target: Number) -> list[Number]:
    return [abs(pred - target)]


def _error(pred: Number, target: Number) -> list[Number]:
    return [pred - target]


def _huber(pred: Number, target: Number, *, delta: Number) -> list[Number]:
    size = abs(pred - target)
    return [size**2 / 2] if size <= delta else [delta * (size - delta / 2)]


def _huber_kinks(*, delta: float) -> list[Kink]:
    if delta == inf:
        return []
    return [Kink((e, 0.0), (e,), (1.0,)) for e in (delta, -delta)]


def _times(weight: Number, cost: Callable[[], Number]) -> Number:
    """weight · cost, where an outcome of weight 0 costs nothing, be its cost infinite."""
    return mpf(0) if weight == 0 else weight * cost()


def _ln(p: Number) -> Number:
    return log(p) if p > 0 else mpf("-inf")


def _ln_not(p: Number) -> Number:
    """ln(1 - p)"""
    return log1p(-p) if p < 1 else mpf("-inf")


def _clipped(p: Number, clip: Number) -> Number:
    return min(max(p, clip), 1 - clip) if clip else p


def _softplus(x: Number) -> Number:
    return x + log1p(exp(-x)) if x > 0 else log1p(exp(x))


def unit(units: str) -> Number:
    """How many nats a unit is."""
    return log(mpf(2)) if units == "bits" else mpf(1)


def _bce(
    pred: Number, target: Number, *, form: str, pos_weight: Number, label_smoothing: Number, clip: Number, units: str
) -> list[Number]:
    y = target * (1 - label_smoothing) + label_smoothing / 2
    cost_of_1, cost_of_0 = {
        "probs": (lambda: -_ln(_clipped(pred, clip)), lambda: -_ln_not(_clipped(pred, clip))),
        "logits": (lambda: _softplus(-pred), lambda: _softplus(pred)),
        "log_probs": (lambda: -pred, lambda: -_ln(-expm1(pred))),
    }[form]
    return [cost / unit(units) for cost in (_times(pos_weight * y, cost_of_1), _times(1 - y, cost_of_0))]


def _bce_kinks(*, form: str, pos_weight: float, label_smoothing: float, clip: float, units: str) -> list[Kink]:
    """At the ends of the clip the slope is the inner one, here in nats."""
    assert not clip or units == "nats"

    def kink(p: float, target: float) -> Kink:
        y = target * (1 - label_smoothing) + label_smoothing / 2
        slope = (1 - y) / (1 - p) - pos_weight * y / p
        return Kink((p, target), (slope,), ((1 - y) / (1 - p) ** 2 + pos_weight * y / p**2,))

    return [kink(p, target) for p in (clip, 1 - clip) for target in (0.0, 1.0)] if clip else []


def distribution(target: Any, classes: int) -> list[Number]:
    """The row that a target stands for: itself, or 1 for the class that it names."""
    if isinstance(target, (list, tuple)):
        return list(target)
    return [mpf(j == target) for j in range(classes)]


def _smoothed(target: Any, classes: int, label_smoothing: Number) -> list[Number]:
    return [(1 - label_smoothing) * t + label_smoothing / classes for t in distribution(target, classes)]


def _cross_entropy(
    pred: Sequence[Number], target: Any, *, form: str, label_smoothing: Number, clip: Number, units: str
) -> list[Number]:
    weights = _smoothed(target, len(pred), label_smoothing)
    normaliser = log(sum(exp(z) for z in pred)) if form == "logits" else mpf(0)
    cost = {
        "probs": lambda p: -_ln(_clipped(p, clip)),
        "logits": lambda z: normaliser - z,
        "log_probs": lambda log_p: -log_p,
    }[form]
    return [_times(t, lambda x=x: cost(x)) / unit(units) for t, x in zip(weights, pred, strict=True)]


def _cross_entropy_slope_size(
    pred: Sequence[Number], target: Any, role: int, k: int, *, form: str, label_smoothing: Number, units: str, **_: Any
) -> Number:
    """The slope on logits is softmax - t, a difference, except where t is all or nothing."""
    weights = _smoothed(target, len(pred), label_smoothing)
    softmax = exp(pred[k]) / sum(exp(z) for z in pred) if form == "logits" else mpf(0)
    hard = weights[k] == 1 or form != "logits"
    return mpf(0) if hard else (softmax * sum(weights) + weights[k]) / unit(units)


def _cross_entropy_kinks(*, form: str, label_smoothing: float, clip: float, units: str) -> list[Kink]:
    """At the ends of the clip the slope is the inner one, here in nats."""
    assert not clip or units == "nats"

    def kink(row: list[float]) -> Kink:
        weights = [(1 - label_smoothing) * (j == 0) + label_smoothing / 2 for j in range(2)]
        pairs = list(zip(weights, row, strict=True))
        return Kink((row, 0), ([-w / p for w, p in pairs],), ([w / p**2 for w, p in pairs],))

    return [kink([clip, 1 - clip]), kink([1 - clip, clip])] if clip else []


DEFINITIONS: Mapping[str, Definition] = {
    "mse": Definition(_squared_error),
    "mae": Definition(_absolute_error, kinks=lambda: [Kink((3.0, 3.0), (0.0,), (0.0,))]),
    "bias": Definition(_error),
    "rmse": Definition(_squared_error, aggregate=Aggregate((Definition(_squared_error),), _root_of_mean)),
    "huber": Definition(_huber, kinks=_huber_kinks),
    "bce": Definition(_bce, alone=True, kinks=_bce_kinks),
    "cross_entropy": Definition(
        _cross_entropy,
        rowwise=True,
        alone=True,
        kinks=_cross_entropy_kinks,
        slope_size=_cross_entropy_slope_size,
    ),
}
