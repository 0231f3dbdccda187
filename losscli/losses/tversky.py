"""Overlap in which false positives and false negatives count differently: Tversky's contrast, and a power of it."""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Annotated, Any

from losscli.exact import to_float
from losscli.kinds import OVERLAP
from losscli.lazy import np
from losscli.losses.overlap import Empty, Pool, Smooth, empty_needs_no_smooth, mistaken, overlap, pooled
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Alpha = Annotated[float, Param("weight of false positives: what is predicted and not there", ge=0, lt=inf)]
Beta = Annotated[float, Param("weight of false negatives: what is there and not predicted", ge=0, lt=inf)]


def _tversky_conflicts(*, alpha: float, beta: float, **others: Any) -> str | None:
    if alpha == beta == 0:
        return "with alpha=0 and beta=0 no mistake would count"
    return empty_needs_no_smooth(**others)


def _properties(*, alpha: float, beta: float, **_: Any) -> str:
    return "symmetric differentiable" if alpha == beta else "differentiable"


@loss(
    OVERLAP,
    task="segmentation",
    also=(
        "tversky:alpha=0.9,beta=0.1",
        "tversky:alpha=0.25,beta=0.75,smooth=0.5,pool=sample",
        "tversky:alpha=2,empty=0,pool=sample",
    ),
    finish=partial(pooled, 1),
    row_when=("pool", "sample"),
    conflicts=_tversky_conflicts,
    properties=_properties,
    bounds=(0.0, 1.0),
)
def tversky(
    pred: "Array",
    target: "Array",
    *,
    alpha: Alpha = 0.5,
    beta: Beta = 0.5,
    smooth: Smooth = 0.0,
    empty: Empty = "undefined",
    pool: Pool = "all",
) -> Yields:
    """Tversky: 1 - (I + s) / (I + α FP + β FN + s), with I = Σ p t, FP = Σ p (1 - t), FN = Σ t (1 - p), s = smooth.

    α = alpha weights false positives, β = beta false negatives. With pool=all an aggregate of all rows and outputs,
    with pool=sample a value a row, over its d outputs. Gradient ((I + s) (α (1 - t) - β t) - (α FP + β FN) t) / D²,
    with D the denominator; curvature -2 (α (1 - t) + (1 - β) t)/D times that.

    Use it when a pixel missed costs more than a false alarm (beta above alpha), or the other way round.
    Not when both cost the same: then dice says it more simply.
    Assumes that only overlap counts, and what a mistake of each kind costs: it is Tversky's contrast of two sets,
    I / (I + α |P - T| + β |T - P|), with sums of shares for counts.
    Good: between 0 and 1; trades precision for recall with two numbers.
    Beware: with smooth=0 undefined where the denominator is 0, as for two empty masks, unless empty says what it is
    there; alpha and beta are exchanged in some libraries.
    Ends: alpha = 0 is 1 minus recall, undefined too where the target is empty; beta = 0 is 1 minus precision.
    Related: alpha = beta = 1/2 is dice (with half the smooth), alpha = beta = 1 is jaccard.
    Elsewhere: Keras up to 3.15.1 exchanges alpha and beta and adds 1e-7 below; MONAI adds 1e-5 above and below.
    Reference: Tversky (1977), doi:10.1037/0033-295X.84.4.327; as a loss Salehi, Erdogmus and Gholipour (2017),
    doi:10.1007/978-3-319-67389-9_44.

    >>> losscli.evaluate("tversky:alpha=0,beta=1", pred=[1, 0, 1], target=[1, 1, 0]).value
    0.5
    """
    apart = mistaken(pred, target, alpha, beta)
    yield from overlap(pred, target, apart, 1, smooth=smooth, empty=empty, pool=pool)


def _properties_of_power(*, alpha: float, beta: float, gamma: float, **_: Any) -> str:
    return " ".join(["symmetric"] * (alpha == beta) + ["differentiable"] * (gamma <= 1))


def _power_of_pooled(sums: Sequence[Fraction], divisor: Fraction, *, gamma: float, **params: Any) -> Yields:
    """The 1/γ-th power of what `pooled` gives, with its slopes and its curvature."""
    share = pooled(1, sums, divisor, **params)
    value, slopes, curvature = next(share), next(share), next(share)
    exact = _share(sums, params["smooth"])
    if not exact:  # nothing is wrong, or both masks are empty: the slope is infinite or none, and 0 is taken
        yield value
        yield tuple(0 * slope for slope in slopes)
        yield [(0 * slopes[0], slopes, slopes)]
        return
    exponent = 1 / Fraction(gamma)
    lifted = _lifted(exact, gamma)
    yield lifted
    slope = Fraction(lifted) * exponent / exact
    yield tuple(slope * s for s in slopes)
    yield [(slope * c, u, v) for c, u, v in curvature] + [(slope * (exponent - 1) / exact, slopes, slopes)]


def _share(sums: Sequence[Fraction], smooth: float) -> Fraction:
    apart, both = sums
    return apart / (apart + both + Fraction(smooth)) if apart else Fraction(0)


def _lifted(share: Fraction, gamma: float) -> float:
    """The power of a share that may be too small for a float64 where its power is not."""
    places = _PLACES if share < Fraction(1, 1 << _PLACES) else 0
    exact = share * (1 << places)
    near = to_float(exact)
    value, unit = _power(np.array([near, 0.5**places]), gamma).tolist()
    return float(value * (1 + to_float(exact / Fraction(near) - 1) / gamma) * unit)


_PLACES = 1000


def _power(x: "Array", gamma: float) -> "Array":
    """X to the 1/γ, for x from 0 to 1: 1/γ is rounded, and what it lacks is made good for."""
    exponent = 1 / gamma
    lack = to_float(1 / Fraction(gamma) - Fraction(exponent))
    raised = x**exponent
    return np.where(x > 0, raised + raised * (lack * np.log(x)), raised)


@loss(
    OVERLAP,
    task="segmentation",
    also=(
        "focal_tversky:alpha=0.3,beta=0.7,gamma=1",
        "focal_tversky:gamma=3,smooth=0.5,pool=sample",
        "focal_tversky:beta=0.2,gamma=0.4,empty=0,pool=sample",
    ),
    finish=_power_of_pooled,
    row_when=("pool", "sample"),
    conflicts=_tversky_conflicts,
    properties=_properties_of_power,
    bounds=(0.0, 1.0),
)
def focal_tversky(
    pred: "Array",
    target: "Array",
    *,
    alpha: Alpha = 0.5,
    beta: Beta = 0.5,
    gamma: Annotated[float, Param("the 1/gamma-th power is taken: above 1 small losses count more", gt=0, lt=inf)] = 4
    / 3,
    smooth: Smooth = 0.0,
    empty: Empty = "undefined",
    pool: Pool = "all",
) -> Yields:
    """Focal Tversky: T^(1/γ), with T the tversky loss of alpha, beta and smooth, and γ = gamma.

    With pool=all an aggregate of all rows and outputs: the power is taken once, of the pooled loss; with pool=sample of
    each row's. Gradient T^(1/γ - 1) T'/γ with T' the gradient of tversky; curvature
    T^(1/γ - 1) (T'' + (1/γ - 1) T'²/T)/γ.

    Use it when small structures stay badly segmented although the loss is small: γ above 1 keeps their slope up.
    Not when gradients near a perfect mask must stay bounded: for γ > 1 they grow without limit there.
    Assumes what tversky assumes; the power bends the scale, and the order of masks stays the same.
    Good: between 0 and 1; with γ = 4/3, the authors' choice, it pays to finish masks that are nearly right.
    Beware: the exponent is 1/γ as in the paper; code that calls the exponent itself gamma means 1/gamma here, so 0.75
    there is 4/3 here. Undefined where tversky is.
    Ends: γ = 1 is tversky; γ to infinity makes every imperfect mask cost 1, γ to 0 none.
    Kinks: at T = 0 the slope is infinite for γ > 1, and 0 is taken for it.
    Related: tversky; with alpha = beta = 1/2 a power of dice.
    Elsewhere: segmentation-models-pytorch's TverskyLoss has gamma as the exponent, of the mean over classes.
    Reference: Abraham and Khan (2018), arXiv:1810.07842.

    >>> losscli.evaluate("focal_tversky:gamma=2", pred=[0.75, 0.25], target=[1, 0]).value
    0.5
    """
    apart = mistaken(pred, target, alpha, beta)
    share = overlap(pred, target, apart, 1, smooth=smooth, empty=empty, pool=pool)
    yield from share if pool == "all" else _powers_of_rows(share, gamma)


def _powers_of_rows(share: Yields, gamma: float) -> Yields:
    x = next(share)
    raised = _power(x, gamma)
    yield raised
    first = next(share)
    is_single = first.ndim == 1
    x, steep = (a if is_single else a[:, None] for a in (x, raised / x / gamma))
    yield np.where(x == 0, 0.0, steep * first)
    bend = next(share) + (1 - gamma) / gamma * (first / x) * first
    yield np.where(x == 0, 0.0, steep * bend)
