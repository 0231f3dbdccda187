"""Redescending losses: the gradient falls to 0 in the tail, so that an outlier is forgotten, element by element."""

from math import inf
from typing import TYPE_CHECKING, Annotated

from losscli.kinds import RESIDUAL
from losscli.lazy import np
from losscli.losses.residuals import bell, difference, halves, over_size, scaled, sized
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Scale = Annotated[float, Param("size of error from which the loss grows more slowly than the square", gt=0, lt=inf)]
_LN2 = 0.6931471805599453


def log_size(pred: "Array", target: "Array", c: float) -> "Array":
    """Ln(|e| / c), where the quotient may be beyond the range."""
    u = np.abs(scaled(pred, target, c))
    a, fold = halves(pred, target)
    logs: Array = np.where(np.isinf(u), (np.log(a) + np.log(fold)) - np.log(c), np.log(u))
    return logs


@loss(
    RESIDUAL,
    task="regression",
    aliases=("lorentzian", "CauchyLoss", "cauchy_loss"),
    also=("cauchy:c=0.3", "cauchy:c=20"),
    properties="symmetric differentiable",
)
def cauchy(pred: "Array", target: "Array", *, c: Scale = 1.0) -> Yields:
    """Cauchy (Lorentzian): ln(1 + (e/c)²/2), with e = pred - target.

    Gradient 2e/(2c² + e²), curvature 2 (2c² - e²)/(2c² + e²)²; c is in the target's units, the value has none.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when outliers are far and frequent and are to count, but hardly.
    Not when a fit starts far from the data: it is not convex, and far errors pull too little to bring it there.
    Assumes errors of a Cauchy distribution of scale √2·c: density ∝ 1/(1 + (e/c)²/2), minus its logarithm is ℓ.
    Good: (e/c)²/2 near 0, only logarithmic in the tail; smooth, gradient at most 1/(√2·c) in size.
    Beware: the curvature is negative beyond √2·c; a mean of values does not show how bad the outliers are.
    Related: barron with α = 0; welsch and tukey_biweight forget outliers wholly.
    Elsewhere: kornia cauchy_loss (c = 1); statistics books write (k²/2) ln(1 + (e/k)²), which is c² times this with
    k = √2·c; scipy's least_squares calls ln(1 + z), z = (e/c)², cauchy.
    Reference: Black and Anandan (1996), doi:10.1006/cviu.1996.0006.

    >>> losscli.evaluate("cauchy:c=2", pred=[0, 4], target=[0, 0]).value
    0.5493061443340549
    """
    e = sized(pred, target, c)
    u = np.abs(scaled(pred, target, c))
    yield np.where(u < 1e100, np.log1p(u * (u / 2)), 2 * log_size(pred, target, c) - _LN2)
    half, over = e.ratio * (e.ratio / 2), 1 + 2 * e.ratio * e.ratio
    yield e.sign * np.where(e.is_small, e.ratio / (1 + half) / c, 2 / e.fold / e.a / over)
    inner, outer = 1 / np.float64(c) / (1 + half), 1 / e.a / e.fold / over
    yield np.where(e.is_small, (1 - half) * inner * inner, 2 * (over - 2) * outer * outer)


@loss(
    RESIDUAL,
    task="regression",
    aliases=("leclerc", "WelschLoss", "welsch_loss"),
    also=("welsch:c=0.3", "welsch:c=20"),
    properties="symmetric differentiable",
    bounds=(0.0, 1.0),
)
def welsch(pred: "Array", target: "Array", *, c: Scale = 1.0) -> Yields:
    """Welsch (Leclerc): 1 - exp(-(e/c)²/2), with e = pred - target.

    Gradient (e/c²) exp(-(e/c)²/2), curvature (1/c²)(1 - (e/c)²) exp(-(e/c)²/2); c is in the target's units, the value
    has none. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when outliers must not count: beyond 3c an error is forgotten.
    Not when a fit starts far from the data: there is no slope to follow there.
    Assumes that what counts is how many errors are small: minimising it maximises the mean of a Gaussian kernel of
    width c at the errors, their correntropy.
    Good: (e/c)²/2 near 0, at most 1 an element; smooth, gradient at most 0.61/c in size.
    Beware: not convex; curvature negative beyond c; a c too small forgets the data as well.
    Related: barron with α = -∞; geman_mcclure falls off more slowly.
    Elsewhere: kornia welsch_loss (c = 1); statistics books write (k²/2)(1 - exp(-(e/k)²)), which is c² times this with
    k = √2·c.
    Reference: Dennis and Welsch (1978), doi:10.1080/03610917808812083.

    >>> losscli.evaluate("welsch:c=2", pred=[0, 2], target=[0, 0]).value
    0.1967346701436833
    """
    u = np.clip(scaled(pred, target, c), -1e100, 1e100)
    yield -np.expm1(-u * (u / 2))
    curve = bell(pred, target, c)
    u = np.clip(u, -100.0, 100.0)  # beyond, the curve is 0
    yield u / c * curve
    yield (1 - u) * (1 + u) * curve / c / c


@loss(
    RESIDUAL,
    task="regression",
    aliases=("GemanMcclureLoss", "geman_mcclure_loss"),
    also=("geman_mcclure:c=0.3", "geman_mcclure:c=20"),
    properties="symmetric differentiable",
    bounds=(0.0, 2.0),
)
def geman_mcclure(pred: "Array", target: "Array", *, c: Scale = 1.0) -> Yields:
    """Geman-McClure: 2 (e/c)² / ((e/c)² + 4), with e = pred - target.

    With u = e/c gradient (1/c) 16u/(u² + 4)², curvature (1/c²) 16 (4 - 3u²)/(u² + 4)³; c is in the target's units, the
    value has none. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when outliers must hardly count, as in registration and optical flow.
    Not when a fit starts far from the data: the gradient falls as 1/|e|³.
    Assumes no density: exp(-ℓ) does not fall to 0, so that it has no integral. It is the least of w u²/2 + 2 (√w - 1)²
    over weights w of an outlier process.
    Good: (e/c)²/2 near 0, at most 2 an element; smooth, made of + - × ÷ alone.
    Beware: not convex; curvature negative beyond 2c/√3.
    Related: barron with α = -2; welsch falls off faster, cauchy more slowly.
    Elsewhere: kornia geman_mcclure_loss (c = 1); many texts write e²/(e² + k²), which is half of this with k = 2c.
    Reference: Geman and McClure (1985), Bayesian image analysis; Black and Rangarajan (1996), doi:10.1007/BF00131148.

    >>> losscli.evaluate("geman_mcclure:c=2", pred=[0, 4], target=[0, 0]).value
    0.5
    """
    e = sized(pred, target, c)
    r = e.ratio
    low, high = 4 + r * r, 1 + 4 * r * r
    yield np.where(e.is_small, 2 * r * (r / low), 2 / high)
    yield e.sign * np.where(e.is_small, 16 * r / (low * low) / c, 16 * over_size(r, e.a) / (high * high) / e.fold)
    outer = r / e.a / e.fold
    inner = (4 - 3 * r * r) / (low * low * low) / c / c
    yield 16 * np.where(e.is_small, inner, (4 * r * r - 3) * outer / (high * high * high) * outer)


@loss(
    RESIDUAL,
    task="regression",
    aliases=("bisquare", "biweight", "tukey", "TukeyBiweight"),
    also=("tukey_biweight:c=2", "tukey_biweight:c=inf"),
    properties=lambda c: "convex symmetric differentiable" if c == inf else "symmetric differentiable",
    bounds=lambda c: (0.0, c * (c / 6)),
)
def tukey_biweight(
    pred: "Array",
    target: "Array",
    *,
    c: Annotated[float, Param("size of error beyond which the loss is constant", gt=0)] = 4.685,
) -> Yields:
    """Tukey's biweight: (c²/6)(1 - (1 - (e/c)²)³) where |e| ≤ c, else c²/6, with e = pred - target.

    Gradient e (1 - (e/c)²)², curvature (1 - (e/c)²)(1 - 5 (e/c)²) where |e| ≤ c, else 0. c is in the target's units.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when gross outliers must have no say at all: beyond c the gradient is exactly 0.
    Not when a fit starts far from the data; begin with huber.
    Assumes errors of standard deviation 1 among the good ones: with c = 4.685 the estimate then is 95 % as efficient as
    the mean if all are Gaussian. It has no density, as it is bounded.
    Good: e²/2 near 0; twice differentiable in the middle and once at c; gross errors cost c²/6 each.
    Beware: divide the errors by their scale first, such as 1.4826 times their median size; not convex.
    Ends: c = inf is half_mse.
    Related: welsch is as bounded, without an end; huber is its convex neighbour.
    Elsewhere: statsmodels TukeyBiweight(c=4.685), whose rho is this.
    Reference: Beaton and Tukey (1974), doi:10.1080/00401706.1974.10489171.

    >>> losscli.evaluate("tukey_biweight:c=6", pred=[0, 9], target=[0, 0]).value
    3.0
    """
    e, lost = difference(pred, target)
    a = np.abs(e)
    inner = a <= c
    u = np.where(inner, a / c, 1.0) if c < inf else np.zeros_like(e)
    square = u * u
    share = (3 - 3 * square + square * square) / 6
    yield np.where(inner, a * (a * share), c * (c / 6))
    lack = ((c - a) - np.sign(e) * lost) / c * (1 + u) if c < inf else np.ones_like(e)  # 1 - u², exact near the end
    lack = np.where(inner, lack, 0.0)
    yield np.where(inner, e, 0.0) * lack * lack
    yield lack * (1 - 5 * square)
