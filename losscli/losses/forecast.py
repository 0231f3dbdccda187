"""Forecasts of a place and a scale: by the likelihood of what came, or by the distribution function."""

from math import ceil, erf, fsum, inf, log, log1p, pi, sqrt
from typing import TYPE_CHECKING, Annotated

from losscli.kinds import SCALED
from losscli.lazy import np
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


def _apart(pred: "Array", target: "Array", scale: "Array") -> "Array":
    """|pred - target| / scale, also where the error itself is beyond the range."""
    a = np.abs(pred - target)
    return np.where(np.isinf(a), 2 * (np.abs(pred / 2 - target / 2) / scale), a / scale)


@loss(
    SCALED,
    task="distribution",
    also=("laplace_nll:full=true",),
    properties="convex symmetric proper",
    bounds=(-inf, inf),
)
def laplace_nll(
    pred: "Array",
    target: "Array",
    scale: "Array",
    *,
    full: Annotated[bool, Param("add the terms that do not depend on the prediction")] = False,
) -> Yields:
    """Laplace negative log-likelihood: |e|/b + ln b, with e = pred - target and b the predicted scale.

    Gradient with respect to pred sign(e)/b, curvature 0. full=true adds ln 2, the term that no prediction changes.
    The scale is a role of its own, by --input scale=FILE or --col scale=COLUMN.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when a model predicts its own uncertainty and large errors are more common than a Gaussian has them.
    Not when the model predicts a standard deviation: b is σ/√2 there.
    Assumes errors that are Laplace with scale b, each with its own: density exp(-|e|/b) / 2b, so -ln f = |e|/b + ln b +
    ln 2.
    Good: a proper score; robust, the slope does not grow with the error; the median is its minimiser.
    Beware: b is the mean absolute error that is expected, not a standard deviation; the value may be negative and falls
    without limit as b goes to 0 where e is 0.
    Kinks: at e = 0 the slope jumps from -1/b to 1/b; 0 is taken.
    Related: with one scale for all it is mae / b plus a constant.
    Elsewhere: minus torch.distributions.Laplace.log_prob and scipy.stats.laplace.logpdf are full=true.
    Reference: Kotz, Kozubowski and Podgórski (2001), The Laplace Distribution, doi:10.1007/978-1-4612-0173-1.

    >>> losscli.evaluate("laplace_nll", pred=[1.0, 2.0], target=[3.0, 2.0], scale=[1, 1]).value
    1.0
    """
    yield _apart(pred, target, scale) + np.log(scale) + (log(2) if full else 0.0)
    yield np.sign(pred - target) / scale
    yield np.zeros_like(pred)


_FAR = 30.0  # from where on the series below has all digits


def _log_constant(df: float) -> float:
    """½ ln νπ - ln Γ((ν+1)/2) + ln Γ(ν/2), without the difference of two large logarithms.

    With x = ν/2, ln Γ(x+½) - ln Γ(x) grows by ln(1 + 1/2x) from x to x + 1, and is ½ ln x less a series in 1/x far out.
    """
    x = df / 2
    steps = [log1p(0.5 / (x + k)) for k in range(max(0, ceil(_FAR - x)))]
    far = 1 / (x + len(steps))
    series = far * (1 / 8 - far * far * (1 / 192 - far * far * (1 / 640 - far * far * (17 / 14336))))
    return fsum([log(2 * pi) / 2, log(x * far) / 2, series, *steps])


@loss(
    SCALED,
    task="distribution",
    also=("student_t_nll:df=1", "student_t_nll:df=inf"),
    properties=lambda df: "symmetric differentiable proper" + " convex" * (df == inf),
    bounds=(-inf, inf),
)
def student_t_nll(
    pred: "Array",
    target: "Array",
    scale: "Array",
    *,
    df: Annotated[float, Param("degrees of freedom: the fewer, the heavier the tails", ge=1e-6)] = 4.0,
) -> Yields:
    """Student t negative log-likelihood: (ν+1)/2 · ln(1 + z²/ν) + ln σ + c(ν), with z = (pred - target)/σ.

    σ is the predicted scale and df=ν; c(ν) = ln Γ(ν/2) - ln Γ((ν+1)/2) + ½ ln νπ is always there, so that values for
    different ν compare. Gradient with respect to pred (ν+1) z / ((ν + z²) σ), curvature (ν+1)(ν - z²) / ((ν + z²)² σ²).
    The scale is a role of its own, by --input scale=FILE or --col scale=COLUMN.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when predictions come with a scale and a few outcomes are far beyond what a Gaussian allows.
    Not when you need one minimum: beyond |z| = √ν it is not convex.
    Assumes errors that follow Student's t with ν degrees of freedom and scale σ: a Gaussian whose variance is itself
    random, so that its density falls as |z|^-(ν+1).
    Good: a proper score; an outlier's pull on the prediction goes to 0 with its distance.
    Beware: σ is no standard deviation: that is σ √(ν/(ν-2)), and for ν of 2 or less there is none. ν is for the user to
    choose; 4 is a common choice for heavy tails.
    Ends: ν = 1 is the Cauchy distribution, ν = inf the Gaussian: gaussian_nll with full=true and variance σ².
    Related: with ν = 1 cauchy of c = σ/√2, plus ln πσ; laplace_nll lies between it and gaussian_nll in the tails.
    Elsewhere: minus torch.distributions.StudentT.log_prob and scipy.stats.t.logpdf.
    Reference: Lange, Little and Taylor (1989), doi:10.1080/01621459.1989.10478852.

    >>> losscli.evaluate("student_t_nll:df=1", pred=[0, 0], target=[1, 0], scale=[1, 1]).value
    1.4913034761293726
    """
    z = _apart(pred, target, scale) * np.sign(pred - target)
    if df == inf:
        yield z * z / 2 + np.log(scale) + log(2 * pi) / 2
        yield z / scale
        yield 1 / scale / scale
        return
    yield _log_tail(pred, target, scale, z, df) + np.log(scale) + _log_constant(df)
    # over 1 + z²/ν where z is small, over y² + 1/ν with y = 1/z where it is large: z² may leave the range
    top, near, apart = 1 + 1 / df, np.abs(z) <= 1, pred - target
    times = np.where(np.isfinite(apart), 1.0, 2.0)  # of halves, where the whole leaves the range
    e = np.where(np.isfinite(apart), apart, pred / 2 - target / 2)
    u, y = np.where(near, z, 0.0), np.where(near, 0.0, scale / e / times)
    inner, outer = 1 + u * u / df, y * y + 1 / df
    yield np.where(near, top * u / inner / scale, top / outer / e / times)
    yield top * np.where(
        near,
        (1 - u * u / df) / inner / inner / scale / scale,
        (y * y - 1 / df) / outer / outer / e / times / e / times,
    )


def _log_tail(pred: "Array", target: "Array", scale: "Array", z: "Array", df: float) -> "Array":
    """(ν+1)/2 · ln(1 + z²/ν), where z² or z itself may leave the range, or ν outgrow it."""
    share, w = z / df * z, np.abs(z) / sqrt(df)
    beyond = np.log(np.abs(pred / 2 - target / 2)) - np.log(scale) + log(2) - log(df) / 2
    log_w = np.where(w < 1e300, np.log(w), beyond)
    tail = np.where(share < 1e16, np.log1p(share), 2 * log_w)
    tiny = share < 1e-17
    return np.where(tiny, z * z * (0.5 + 0.5 / df), tail * (df / 2 + 0.5))


@loss(
    SCALED,
    task="distribution",
    aliases=("crps_gaussian",),
    properties="convex symmetric differentiable proper",
)
def crps_normal(pred: "Array", target: "Array", scale: "Array") -> Yields:
    """CRPS of a Gaussian: σ (u (2Φ(u) - 1) + 2φ(u) - 1/√π), with u = (pred - target)/σ and σ the scale.

    Φ and φ are the distribution function and the density of the standard normal distribution. Gradient with respect to
    pred 2Φ(u) - 1, curvature 2φ(u)/σ. The scale σ, the predicted standard deviation, is a role of its own, by
    --input scale=FILE or --col scale=COLUMN. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when forecasts are Gaussian and shall be compared in the target's unit, or with forecasts of a number alone.
    Not when rare events in the tails decide: it forgives them more than gaussian_nll does.
    Assumes nothing of the errors: it is ∫ (F(x) - [x ≥ t])² dx for the forecast's distribution function F, here
    Gaussian, which for any F is E|X - t| - ½ E|X - X'|.
    Good: a strictly proper score in the target's unit; bounded slope, so robust; finite for any σ.
    Beware: scale is the standard deviation, not the variance; a perfect place still costs 0.2337 σ.
    Ends: σ → 0 is mae.
    Related: crps_ensemble, of many members drawn from the Gaussian, comes near it; gaussian_nll judges the same
    forecast by its likelihood, of the variance σ².
    Elsewhere: scoringrules' crps_normal and properscoring's crps_gaussian.
    Reference: Gneiting and Raftery (2007), Strictly proper scoring rules, doi:10.1198/016214506000001437.

    >>> losscli.evaluate("crps_normal", pred=[0, 0], target=[0, 2], scale=[1, 1]).value
    0.8432433994705061
    """
    u = _apart(pred, target, scale)
    risen = _erf(u / sqrt(2))  # 2Φ(|u|) - 1
    bell = np.exp(-u * u / 2) * sqrt(2 / pi)
    error = np.abs(pred / 2 - target / 2)  # half of it may be within the range where it is not
    error = np.where(error < _TINY, np.abs(pred - target) / 2, error)
    yield 2 * (error * risen + (bell - 1 / sqrt(pi)) * (scale / 2))
    yield np.sign(pred - target) * risen
    yield bell / scale


_TINY = 2.0**-1000  # below it a half may lose digits


def _erf(x: "Array") -> "Array":
    return np.array([erf(one) for one in x.ravel().tolist()], dtype=np.float64).reshape(x.shape)
