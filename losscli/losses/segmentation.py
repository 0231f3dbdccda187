"""Overlap of what is predicted with what is there: segmentation masks, hard or soft."""

from collections.abc import Sequence
from fractions import Fraction
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Annotated, Any, Literal

from losscli.exact import to_float
from losscli.kinds import OVERLAP
from losscli.lazy import np
from losscli.losses.stable import row_sum
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Smooth = Annotated[float, Param("added to numerator and denominator of the overlap; 0 is off", ge=0, lt=inf)]
Empty = Annotated[
    Literal["undefined", "0", "1"], Param("the loss where prediction and target are both empty and smooth is 0")
]
Pool = Annotated[Literal["all", "sample"], Param("one overlap of all rows, or one a row, over its outputs")]


_OF_EMPTY = {"undefined": nan, "0": 0.0, "1": 1.0}


def _empty_needs_no_smooth(*, smooth: float, empty: str, **_: Any) -> str | None:
    is_idle = smooth and empty != "undefined"
    return f"empty={empty} is for smooth=0: with smooth={smooth:g} empty masks have a value" if is_idle else None


def _pooled_dice(sums: Sequence[Fraction], divisor: Fraction, *, smooth: float, empty: str, pool: str) -> Yields:
    """Of the sums of what does not overlap and of what does: a / (a + 2b + s)."""
    apart, both = sums
    whole, overlap = apart + 2 * both + Fraction(smooth), 2 * both + Fraction(smooth)
    if whole == 0:
        slope = nan if empty == "undefined" else 0.0
        yield _OF_EMPTY[empty]
        yield (slope, slope)
        yield [(slope, (slope, slope), (slope, slope))]
        return
    yield to_float(apart / whole)
    slopes = overlap / whole**2, -2 * apart / whole**2
    yield slopes
    yield [(-2 / whole, (Fraction(1), Fraction(2)), slopes)]


@loss(
    OVERLAP,
    task="segmentation",
    aliases=("soft_dice",),
    also=("dice:smooth=1", "dice:pool=sample", "dice:smooth=0.5,pool=sample", "dice:empty=0,pool=sample"),
    finish=_pooled_dice,
    row_when=("pool", "sample"),
    conflicts=_empty_needs_no_smooth,
)
def dice(
    pred: "Array", target: "Array", *, smooth: Smooth = 0.0, empty: Empty = "undefined", pool: Pool = "all"
) -> Yields:
    """Dice: 1 - (2 Σ p t + s) / (Σ p + Σ t + s), with p = pred, t = target and s = smooth.

    With pool=all an aggregate: the sums are over all rows and outputs, with their weights. With pool=sample a loss of
    its own a row, over its d outputs. Gradient ((2 Σ p t + s) - 2t D) / D², with D the denominator; curvature -2/D
    times that.

    Use it when few pixels belong to the object, so that a loss a pixel is won by saying no everywhere.
    Assumes nothing; with 0/1 masks it is 1 minus the F1 score of the pixels.
    Good: between 0 and 1; does not depend on how much background there is.
    Beware: with smooth=0 undefined where both masks are empty, unless empty says what it is there; soft targets do not
    reach 0 at p = t, as p t < p there; with pool=all not a mean of per-sample values.
    Reference: Dice (1945), doi:10.2307/1932409; as a loss, with squares in the denominator, Milletari, Navab and Ahmadi
    (2016), doi:10.1109/3DV.2016.79.
    """
    apart, both = pred * (1 - target) + target * (1 - pred), pred * target
    slope = 1 - 2 * target
    if pool == "sample":
        yield from _dice_of_rows(apart, both, slope, target, smooth=smooth, of_empty=_OF_EMPTY[empty])
    else:
        yield (apart, both)
        yield (slope, target)
        yield (np.zeros_like(pred), np.zeros_like(pred))


def _dice_of_rows(
    apart: "Array", both: "Array", slope: "Array", target: "Array", *, smooth: float, of_empty: float
) -> Yields:
    if single := apart.ndim == 1:
        apart, both, slope, target = (a[:, None] for a in (apart, both, slope, target))
    outside, inside = row_sum(apart)[:, None], row_sum(both)[:, None]
    overlap = 2 * inside + smooth
    whole = outside + overlap
    is_defined = isnan(of_empty) | (whole > 0)
    yield np.where(is_defined, outside / whole, of_empty)[:, 0]
    gradient = (overlap / whole * slope - 2 * (outside / whole) * target) / whole
    for derivative in (np.where(is_defined, d, 0.0) for d in (gradient, -2 * gradient / whole)):
        yield derivative[:, 0] if single else derivative
