"""What robust losses are made of: errors that may be beyond the range, their sizes beside a scale, bell curves."""

from typing import TYPE_CHECKING, NamedTuple

from losscli.exact import two_product
from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.registry import Array

_FLAT = 40.0  # scales from 0 beyond which exp(-u²/2) is below all float64

_LARGE = 960  # exponent of a scale that errors beyond the range may be compared with


class Sized(NamedTuple):
    """|e| = `a` · `fold`, where fold is 2 if the error is larger than any float64, else 1; the sign of e; the scale
    beside it. `is_small`: |e| <= scale; `ratio`: the smaller of both over the larger, which no sizes overflow.
    """

    a: "Array"
    fold: "Array | float"
    sign: "Array"
    scale: "Array | float"
    is_small: "Array"
    ratio: "Array"


def halves(pred: "Array", target: "Array") -> "tuple[Array, Array | float]":
    """|pred - target| and 1; where the difference overflows, half of it and 2."""
    a = np.abs(pred - target)
    over = np.isinf(a)
    if not over.any():
        return a, 1.0
    return np.where(over, np.abs(pred / 2 - target / 2), a), np.where(over, 2.0, 1.0)


def sized(pred: "Array", target: "Array", scale: float) -> Sized:
    """The errors beside a scale."""
    a, fold = halves(pred, target)
    beside = scale / fold
    is_small = a <= beside
    ratio = np.where(is_small, a / beside, beside / a)
    ratio = np.where(a == beside, 1.0, ratio)  # infinite ones too
    return Sized(a, fold, np.sign(pred - target), beside, is_small, ratio)


def difference(pred: "Array", target: "Array") -> "tuple[Array, Array]":
    """Pred - target as a rounded number, and what it lacks (Knuth's TwoSum)."""
    e = pred - target
    back = e - pred
    lost = (pred - (e - back)) - (target + back)
    return e, np.where(np.isfinite(lost), lost, 0.0)


def scaled(pred: "Array", target: "Array", c: float) -> "Array":
    """E / c; infinite where no float64 is large enough."""
    a, fold = halves(pred, target)
    u: Array = np.sign(pred - target) * (a / (c / fold))
    return u


def bell(pred: "Array", target: "Array", c: float) -> "Array":
    """exp(-u²/2) with u = (pred - target) / c: what the difference, the quotient and the square lose to rounding is put
    back, as the exponential would magnify it up to 700 times.
    """
    unit, shift = np.frexp(np.float64(c))
    if shift > _LARGE:  # the difference may overflow where u does not
        pred, target, shift = np.ldexp(pred, -64), np.ldexp(target, -64), shift - 64
    e, lost = (np.ldexp(x, -shift) for x in difference(pred, target))
    far = ~(np.abs(e) < _FLAT)
    e, lost = np.where(far, 0.0, e), np.where(far, 0.0, lost)
    u = e / unit
    high, low = two_product(u, np.full_like(u, unit))
    rest = ((e - high) - low + lost) / unit
    square, low = two_product(u, u)
    near = np.exp(-square / 2)
    return np.where(far, 0.0, near - near * (low / 2 + u * rest))


def over_size(v: "Array", a: "Array") -> "Array":
    """V² / a for 0 <= v <= 1, where neither v² nor v/a leaves the range unless the result does."""
    found: Array = np.where(v < 1e-100, v / a * v, v * v / a)
    return found
