"""Relative errors, and losses of the whole, from their mathematical definitions: nothing here knows how losscli
computes.
"""

from collections.abc import Mapping, Sequence

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
}
