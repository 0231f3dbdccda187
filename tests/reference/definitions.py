"""Every loss from its mathematical definition, to any precision: nothing here knows how losscli computes.

A definition is a loss of one element (`pred` and `target` are numbers) or of one row (lists; a target may be a class
index), as the terms that it adds up. The terms' sizes bound the error that a sum of both signs may have.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from mpmath import exp, expm1, log, log1p, mp, mpf, sqrt

DIGITS = 450  # so many that what two differences cancel leaves more than a float64 has, at 1e-323 and at 1e308
STEP = mpf(10) ** -30  # of a difference quotient, as a share of what is moved

Number = Any  # an mpf; mpmath has no types
Terms = Callable[..., "list[Number]"]


@dataclass(frozen=True)
class Kink:
    """A prediction at which a derivative jumps, and the slope and curvature that are declared there."""

    pred: Any
    target: Any
    slope: Any
    curvature: Any


@dataclass(frozen=True)
class Definition:
    """`terms` of an element or, where `rowwise`, of a row. `slope_size` is given where the slope is a sum of both signs
    that the terms do not show; `finish` is what an aggregate loss makes of the mean.
    """

    terms: Terms
    rowwise: bool = False
    kinks: Callable[..., list[Kink]] = lambda **_: []
    finish: Callable[[Number], Number] | None = None
    slope_size: Callable[..., Number] | None = None


def _squared_error(pred: Number, target: Number) -> list[Number]:
    return [(pred - target) ** 2]


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
    return [Kink(delta, 0.0, delta, 1.0), Kink(-delta, 0.0, -delta, 1.0)]


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


def _bce(
    pred: Number, target: Number, *, form: str, pos_weight: Number, label_smoothing: Number, clip: Number
) -> list[Number]:
    y = target * (1 - label_smoothing) + label_smoothing / 2
    cost_of_1, cost_of_0 = {
        "probs": (lambda: -_ln(_clipped(pred, clip)), lambda: -_ln_not(_clipped(pred, clip))),
        "logits": (lambda: _softplus(-pred), lambda: _softplus(pred)),
        "log_probs": (lambda: -pred, lambda: -_ln(-expm1(pred))),
    }[form]
    return [_times(pos_weight * y, cost_of_1), _times(1 - y, cost_of_0)]


def _bce_kinks(*, form: str, pos_weight: float, label_smoothing: float, clip: float) -> list[Kink]:
    """At the ends of the clip the slope is the inner one."""

    def kink(p: float, target: float) -> Kink:
        y = target * (1 - label_smoothing) + label_smoothing / 2
        slope = (1 - y) / (1 - p) - pos_weight * y / p
        return Kink(p, target, slope, (1 - y) / (1 - p) ** 2 + pos_weight * y / p**2)

    return [kink(p, target) for p in (clip, 1 - clip) for target in (0.0, 1.0)] if clip else []


def distribution(target: Any, classes: int) -> list[Number]:
    """The row that a target stands for: itself, or 1 for the class that it names."""
    if isinstance(target, (list, tuple)):
        return list(target)
    return [mpf(j == target) for j in range(classes)]


def _smoothed(target: Any, classes: int, label_smoothing: Number) -> list[Number]:
    return [(1 - label_smoothing) * t + label_smoothing / classes for t in distribution(target, classes)]


def _cross_entropy(
    pred: Sequence[Number], target: Any, *, form: str, label_smoothing: Number, clip: Number
) -> list[Number]:
    weights = _smoothed(target, len(pred), label_smoothing)
    normaliser = log(sum(exp(z) for z in pred)) if form == "logits" else mpf(0)
    cost = {
        "probs": lambda p: -_ln(_clipped(p, clip)),
        "logits": lambda z: normaliser - z,
        "log_probs": lambda log_p: -log_p,
    }[form]
    return [_times(t, lambda x=x: cost(x)) for t, x in zip(weights, pred, strict=True)]


def _cross_entropy_slope_size(
    pred: Sequence[Number], target: Any, k: int, *, form: str, label_smoothing: Number, clip: Number
) -> Number:
    """The slope on logits is softmax - t, a difference, except where t is all or nothing."""
    weights = _smoothed(target, len(pred), label_smoothing)
    softmax = exp(pred[k]) / sum(exp(z) for z in pred) if form == "logits" else mpf(0)
    hard = weights[k] == 1 or form != "logits"
    return mpf(0) if hard else softmax * sum(weights) + weights[k]


def _cross_entropy_kinks(*, form: str, label_smoothing: float, clip: float) -> list[Kink]:
    """At the ends of the clip the slope is the inner one."""

    def kink(row: list[float]) -> Kink:
        weights = [(1 - label_smoothing) * (j == 0) + label_smoothing / 2 for j in range(2)]
        pairs = list(zip(weights, row, strict=True))
        return Kink(row, 0, [-w / p for w, p in pairs], [w / p**2 for w, p in pairs])

    return [kink([clip, 1 - clip]), kink([1 - clip, clip])] if clip else []


DEFINITIONS: Mapping[str, Definition] = {
    "mse": Definition(_squared_error),
    "mae": Definition(_absolute_error, kinks=lambda: [Kink(3.0, 3.0, 0.0, 0.0)]),
    "bias": Definition(_error),
    "rmse": Definition(_squared_error, finish=sqrt),
    "huber": Definition(_huber, kinks=_huber_kinks),
    "bce": Definition(_bce, kinks=_bce_kinks),
    "cross_entropy": Definition(
        _cross_entropy, rowwise=True, kinks=_cross_entropy_kinks, slope_size=_cross_entropy_slope_size
    ),
}


@dataclass(frozen=True)
class Sum:
    """An exact number and the sum of the sizes of its terms."""

    value: Number
    size: Number


def _added(terms: Sequence[Number]) -> Sum:
    return Sum(sum(terms, mpf(0)), sum((abs(term) for term in terms), mpf(0)))


def exactly(value: Any) -> Any:
    """The number, list or class index that a value of an array is."""
    if isinstance(value, list):
        return [exactly(v) for v in value]
    return value if isinstance(value, int) else mpf(value)


@dataclass(frozen=True)
class Reference:
    """A loss with its parameters, to be asked for exact values and derivatives of one element or row."""

    definition: Definition
    params: Mapping[str, Any]

    @staticmethod
    def of(name: str, params: Mapping[str, Any]) -> "Reference":
        numbers = {key: mpf(v) if isinstance(v, (int, float)) else v for key, v in params.items()}
        return Reference(DEFINITIONS[name], numbers)

    def kinks(self) -> list[Kink]:
        """Where a derivative jumps, at these parameters."""
        return self.definition.kinks(**{key: float(v) if isinstance(v, mpf) else v for key, v in self.params.items()})

    def value(self, pred: Any, target: Any) -> Sum:
        with mp.workdps(DIGITS):
            return _added(self.definition.terms(pred, target, **self.params))

    def slope(self, pred: Any, target: Any, k: int | None = None) -> Sum:
        """The derivative with respect to the prediction, or to entry k of a row, by a central difference."""
        with mp.workdps(DIGITS):
            step = _step(pred, target, k, self.params.get("form"))
            below, above = (self.definition.terms(_moved(pred, k, s), target, **self.params) for s in (-step, step))
            found = _added([(b - a) / (2 * step) for a, b in zip(below, above, strict=True)])
            if self.definition.slope_size is None:
                return found
            size = self.definition.slope_size(pred, target, k, **self.params)
            return Sum(found.value, size or found.size)

    def curvature(self, pred: Any, target: Any, k: int | None = None) -> Sum:
        """The second derivative, by a central difference."""
        with mp.workdps(DIGITS):
            step = _step(pred, target, k, self.params.get("form"))
            rows = [self.definition.terms(_moved(pred, k, s), target, **self.params) for s in (-step, 0, step)]
            return _added([(a - 2 * b + c) / step**2 for a, b, c in zip(*rows, strict=True)])

    def mean(self, preds: Sequence[Any], targets: Sequence[Any], weights: Sequence[Any] | None = None) -> Sum:
        """Σwℓ/Σw over elements or rows; for an aggregate loss what it makes of that."""
        with mp.workdps(DIGITS):
            given = [mpf(w) for w in weights] if weights is not None else [mpf(1)] * len(preds)
            sums = [self.value(p, t) for p, t in zip(preds, targets, strict=True)]
            value = sum(w * s.value for w, s in zip(given, sums, strict=True)) / sum(given)
            size = sum(w * s.size for w, s in zip(given, sums, strict=True)) / sum(given)
            finish = self.definition.finish
            return Sum(finish(value), finish(size)) if finish else Sum(value, size)

    def items(self, arrays: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        """The elements of float64 arrays in C order, or their rows, as exact numbers."""
        rows = arrays if self.definition.rowwise else [a.ravel() for a in arrays]
        for pred, target in zip(*(a.tolist() for a in rows), strict=True):
            yield exactly(pred), exactly(target)


def _step(pred: Any, target: Any, k: int | None, form: str | None) -> Number:
    """Small beside the length over which the loss changes: for an error that of its parts, for logits 1 at least."""
    here = abs(pred if k is None else pred[k])
    if form == "logits":
        return STEP * max(here, mpf(1))
    return STEP * (max(here, abs(target) if form is None else mpf(0)) or mpf(1))


def _moved(pred: Any, k: int | None, step: Number) -> Any:
    if k is None:
        return pred + step
    return [p + step if j == k else p for j, p in enumerate(pred)]


def derivative(function: Callable[[Number], Number], at: float, order: int) -> Number:
    """The function of one number, its slope or its curvature, by a central difference."""
    with mp.workdps(DIGITS):
        x, step = mpf(at), abs(mpf(at)) * STEP
        low, here, high = (function(x + s) for s in (-step, 0, step))
        return [here, (high - low) / (2 * step), (high - 2 * here + low) / step**2][order]
