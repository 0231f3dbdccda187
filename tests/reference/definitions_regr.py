"""Relative errors, and losses of the whole, from their mathematical definitions: nothing here knows how losscli
computes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mpmath import log, mpf, sqrt

from tests.reference.definitions_more import _cosine_sizes, cosine_distance
from tests.reference.exact import Aggregate, Definition, Kink, Number

FLAT = 0.0
Vector = Sequence[Number]


def _sign(x: Number) -> int:
    return (x > 0) - (x < 0)


def _mape(pred: Number, target: Number) -> list[Number]:
    return [abs(pred - target) / abs(target)]


def _mape_curvature_size(pred: Number, target: Number, role: int, k: int | None) -> Number:
    """It is 0, up to what the division leaves of 150 digits in a second difference."""
    return mpf(10) ** -70 / target**2


def _smape(pred: Number, target: Number) -> list[Number]:
    return [abs(pred - target) / ((abs(pred) + abs(target)) / 2)] if pred or target else [mpf(0)]


def _smape_kinks() -> list[Kink]:
    """At a tie, and where a prediction has no sign."""
    return [Kink((p, t), (FLAT,), (FLAT,)) for p, t in ((2.0, 2.0), (-0.5, -0.5), (0.0, 3.0), (0.0, -3.0))]


def _size_of_error(pred: Number, target: Number) -> list[Number]:
    return [abs(pred - target)]


def _size_of_target(pred: Number, target: Number) -> list[Number]:
    return [abs(target)]


def _ratio(sums: Sequence[Number], elements: Number) -> Number:
    return sums[0] / sums[1]


def _log_error(pred: Number, target: Number) -> Number:
    return log((1 + pred) / (1 + target))


def _msle(pred: Number, target: Number) -> list[Number]:
    return [_log_error(pred, target) ** 2]


def _msle_curvature_size(pred: Number, target: Number, role: int, k: int | None) -> Number:
    """It is a difference: 2 (1 - L) / (1 + p)²."""
    return 2 * (1 + abs(_log_error(pred, target))) / (1 + pred) ** 2


MSLE = Definition(_msle, alone=True, curvature_size=_msle_curvature_size)


def _nothing(*_: Number) -> list[Number]:
    return [mpf(0)]


def _root_of_mean(sums: Sequence[Number], elements: Number) -> Number:
    """Squares of the smallest numbers are in a sum of their own, 2^1200 as large."""
    return sqrt((sums[0] + sums[1] / mpf(2) ** 1200) / elements)


def _lq(pred: Number, target: Number, *, q: Number) -> list[Number]:
    return [abs(pred - target) ** q if pred != target else mpf(0)]


def _lq_kinks(*, q: float) -> list[Kink]:
    return [Kink((3.0, 3.0), (FLAT,), (FLAT,))] if q < 2 else []


def _cosine(pred: Vector, target: Vector) -> list[Number]:
    return [cosine_distance(pred, target)]


def _cosine_slope_size(pred: Vector, target: Vector, role: int, k: int) -> Number:
    """The slope is what of one unit vector is perpendicular to the other: a difference."""
    return _cosine_sizes(pred, target, 0, k)[1]


def _cosine_curvature_size(pred: Vector, target: Vector, role: int, k: int) -> Number:
    return _cosine_sizes(pred, target, 0, k)[2]


def _number(pred: Number, target: Number) -> list[Number]:
    return [target]


def _square(pred: Number, target: Number) -> list[Number]:
    return [target**2]


def _squared_error(pred: Number, target: Number) -> list[Number]:
    return [(pred - target) ** 2]


_NOTHING = Definition(_nothing)
_LACKING = Definition(_nothing, size=lambda pred, target: target**2)  # of a rounded square
_BY_SIZE = (1, mpf(2) ** -1200, mpf(2) ** 1200)  # ordinary numbers, very small ones and very large ones


def _r2(sums: Sequence[Number], elements: Number) -> Number:
    errors = sum(unit * s for unit, s in zip(_BY_SIZE, sums[:3], strict=True))
    squares = sum(unit * s for unit, s in zip(_BY_SIZE * 2, sums[4:], strict=True))
    return 1 - errors / (squares - sums[3] ** 2 / elements)


# Of the whole: lists of the rows, and of their weights


def _errors(pred: Any, target: Any, weight: Vector) -> list[tuple[Number, Number]]:
    """The error of each element, with its weight."""
    if isinstance(pred[0], list):
        return [pair for p, t, w in zip(pred, target, weight, strict=True) for pair in _errors(p, t, [w] * len(p))]
    return [(p - t, w) for p, t, w in zip(pred, target, weight, strict=True)]


def _max_error(pred: Any, target: Any, weight: Vector) -> list[Number]:
    return [max(abs(e) for e, _ in _errors(pred, target, weight))]


def _median(weighted: Sequence[tuple[Number, Number]]) -> Number:
    """Half way between the least value up to which the weights reach half of their sum and the least one up to which
    they exceed it.
    """
    half = sum(w for _, w in weighted) / 2
    up_to = [(x, sum(w for y, w in weighted if y <= x)) for x, _ in weighted]
    return (min(x for x, w in up_to if w >= half) + min(x for x, w in up_to if w > half)) / 2


def _medae(pred: Any, target: Any, weight: Vector) -> list[Number]:
    return [_median([(abs(e), w) for e, w in _errors(pred, target, weight)])]


def _mean_of(values: Vector, weight: Vector) -> Number:
    return sum(w * x for x, w in zip(values, weight, strict=True)) / sum(weight)


def _nrmse(pred: Vector, target: Vector, weight: Vector, *, divisor: str) -> list[Number]:
    mean = _mean_of(target, weight)
    scale = {
        "mean": abs(mean),
        "range": max(target) - min(target),
        "std": sqrt(_mean_of([(t - mean) ** 2 for t in target], weight)),
    }[divisor]
    errors = [(p - t) ** 2 for p, t in zip(pred, target, strict=True)]
    return [sqrt(_mean_of(errors, weight)) / scale]


def _nrmse_curvature_size(pred: Vector, target: Vector, weight: Vector, role: int, k: int, *, divisor: str) -> Number:
    """It is that of the mean square, less the slope's square over the value."""
    (value,) = _nrmse(pred, target, weight, divisor=divisor)
    flat = _nrmse([p + 1 for p in target], target, weight, divisor=divisor)[0]  # 1 / scale
    own = weight[k] / sum(weight) * flat**2
    return own / value + (own * (pred[k] - target[k])) ** 2 / value**3


def _cost(pred: Vector, target: Vector, weight: Vector, deviance: str) -> Number:
    of_one = {
        "mse": lambda p, t: (p - t) ** 2,
        "mae": lambda p, t: abs(p - t),
        "bce": lambda p, t: -(t * log(p) if t else 0) - ((1 - t) * log(1 - p) if t != 1 else 0),
        "poisson_deviance": lambda p, t: 2 * ((t * log(t / p) if t else 0) - t + p),
        "gamma_deviance": lambda p, t: 2 * (log(p / t) + t / p - 1),
    }[deviance]
    return sum(w * of_one(p, t) for p, t, w in zip(pred, target, weight, strict=True))


def _d2(pred: Vector, target: Vector, weight: Vector, *, deviance: str) -> list[Number]:
    pairs = list(zip(target, weight, strict=True))
    best = _median(pairs) if deviance == "mae" else _mean_of(target, weight)
    return [mpf(1), -_cost(pred, target, weight, deviance) / _cost([best] * len(target), target, weight, deviance)]


DEFINITIONS: Mapping[str, Definition] = {
    "mape": Definition(_mape, curvature_size=_mape_curvature_size, kinks=lambda: [Kink((3.0, 3.0), (FLAT,), (FLAT,))]),
    "smape": Definition(_smape, alone=True, kinks=_smape_kinks),
    "wmape": Definition(
        _size_of_error,
        kinks=lambda: [Kink((3.0, 3.0), (FLAT,), (FLAT,))],
        aggregate=Aggregate((Definition(_size_of_error), Definition(_size_of_target)), _ratio),
    ),
    "msle": MSLE,
    "rmsle": Definition(
        _msle,
        alone=True,
        curvature_size=_msle_curvature_size,
        aggregate=Aggregate((MSLE, Definition(_nothing)), _root_of_mean),
    ),
    "lq": Definition(_lq, kinks=_lq_kinks),
    "cosine_distance": Definition(
        _cosine,
        rowwise=True,
        alone=True,
        slope_size=_cosine_slope_size,
        curvature_size=_cosine_curvature_size,
        kinks=lambda: [Kink(([0.0, 0.0], [1.0, 2.0]), ([0.0, 0.0],), jumps=True)],
    ),
    "r2": Definition(
        _squared_error,
        aggregate=Aggregate(
            (
                *(Definition(_squared_error), _NOTHING, _NOTHING, Definition(_number)),
                *(Definition(_square), _NOTHING, _NOTHING, _LACKING, _NOTHING, _NOTHING),
            ),
            _r2,
        ),
    ),
    "max_error": Definition(_max_error, rowwise=True),
    "medae": Definition(_medae, rowwise=True),
    "nrmse": Definition(_nrmse, rowwise=True, curvature_size=_nrmse_curvature_size),
    "d2": Definition(_d2, rowwise=True),
}
