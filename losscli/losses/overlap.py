"""What losses of overlap share: of two masks, a share apart / (apart + c · both + s), of each row or of all rows."""

from collections.abc import Sequence
from fractions import Fraction
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Annotated, Any, Literal

from losscli.exact import to_float
from losscli.lazy import np
from losscli.losses.stable import row_sum
from losscli.parameters import Param
from losscli.registry import Yields

if TYPE_CHECKING:
    from losscli.registry import Array

Smooth = Annotated[float, Param("added to numerator and denominator of the overlap; 0 is off", ge=0, lt=inf)]
Empty = Annotated[
    Literal["undefined", "0", "1"], Param("the loss where prediction and target are both empty and smooth is 0")
]
Pool = Annotated[Literal["all", "sample"], Param("one overlap of all rows, or one a row, over its outputs")]

OF_EMPTY = {"undefined": nan, "0": 0.0, "1": 1.0}


def empty_needs_no_smooth(*, smooth: float, empty: str, **_: Any) -> str | None:
    """What is wrong with saying both."""
    is_idle = smooth and empty != "undefined"
    return f"empty={empty} is for smooth=0: with smooth={smooth:g} empty masks have a value" if is_idle else None


def mistaken(pred: "Array", target: "Array", alpha: float = 1.0, beta: float = 1.0) -> "tuple[Array, Array, Array]":
    """What is predicted and not there, alpha times, and what is there and not predicted, beta times: element by
    element, with both derivatives with respect to the prediction.
    """
    absent = 1 - target
    apart = alpha * (pred * absent) + beta * (target * (1 - pred))
    return apart, alpha * absent - beta * target, np.zeros_like(pred)


def overlap(
    pred: "Array",
    target: "Array",
    apart: "tuple[Array, Array, Array]",
    factor: float,
    *,
    smooth: float,
    empty: str,
    pool: str,
) -> Yields:
    """The terms that `pooled` adds up, or with pool=sample the loss of each row. `apart` is what the masks do not
    share, with its two derivatives; what they do, p·t, counts `factor` times.
    """
    value, slope, bend = apart
    if pool == "sample":
        yield from _of_rows(apart, (pred * target, target), factor, smooth, OF_EMPTY[empty])
        return
    yield value, pred * target
    yield slope, target
    yield bend, np.zeros_like(pred)


def _of_rows(
    parts: "tuple[Array, ...]", both: "tuple[Array, ...]", factor: float, smooth: float, of_empty: float
) -> Yields:
    shape = parts[0].shape
    apart, slope, bend, hit, target = (a.reshape(len(a), -1) for a in (*parts, *both))
    outside, shared = row_sum(apart)[:, None], factor * row_sum(hit)[:, None] + smooth
    whole = outside + shared
    is_defined = isnan(of_empty) | (whole > 0)
    lost, kept = outside / whole, shared / whole
    yield np.where(is_defined, lost, of_empty)[:, 0]
    gradient = (kept * slope - lost * (factor * target)) / whole
    yield np.where(is_defined, gradient, 0.0).reshape(shape)
    curvature = (kept * bend - 2 * gradient * (slope + factor * target)) / whole
    yield np.where(is_defined, curvature, 0.0).reshape(shape)


def pooled(factor: int, sums: Sequence[Fraction], divisor: Fraction, *, smooth: float, empty: str, **_: Any) -> Yields:
    """Of the sums of what is apart and of what is shared: the loss, its slopes and its curvature in them."""
    apart, both = sums
    shared = factor * both + Fraction(smooth)
    whole = apart + shared
    if whole == 0:
        yield from nowhere(empty, 2)
        return
    yield to_float(apart / whole)
    slopes = shared / whole**2, -factor * apart / whole**2
    yield slopes
    yield [(-2 / whole, (Fraction(1), Fraction(factor)), slopes)]


def nowhere(empty: str, sums: int, value: float | None = None) -> Yields:
    """What an aggregate is where there is no overlap to speak of, and no slope in its sums; `value` if it is not what
    is said of empty masks.
    """
    slopes = (nan if empty == "undefined" else 0.0,) * sums
    yield OF_EMPTY[empty] if value is None else value
    yield slopes
    yield [(slopes[0], slopes, slopes)]
