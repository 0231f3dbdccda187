"""Robust regression that forgives small errors, or counts them more than the square does."""

from math import inf
from typing import TYPE_CHECKING, Annotated

from losscli.kinds import RESIDUAL
from losscli.lazy import np
from losscli.losses.residuals import difference, halves
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Tube = Annotated[float, Param("size of error up to which nothing is lost", ge=0, lt=inf)]


@loss(
    RESIDUAL,
    task="regression",
    aliases=("epsilon_insensitive", "EpsilonInsensitive"),
    also=("eps_insensitive:eps=0", "eps_insensitive:eps=1.5"),
    properties="convex symmetric",
)
def eps_insensitive(pred: "Array", target: "Array", *, eps: Tube = 0.1) -> Yields:
    """ε-insensitive: max(0, |e| - ε), with e = pred - target.

    Gradient sign(e) where |e| > ε, else 0; curvature 0. ε is in the target's units.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when errors up to ε do not matter, or to judge a support vector regression by what it was fitted with.
    Not when small errors matter: inside the tube all predictions are as good.
    Assumes errors that are as likely anywhere within ±ε and Laplace distributed beyond: minus the log of a density
    ∝ exp(-ℓ) is ℓ.
    Good: robust as mae, in the target's units; a fit depends on the points at or beyond the tube alone.
    Beware: an ε on the wrong scale makes everything 0 or nothing; the best constant is not unique.
    Ends: ε = 0 is mae.
    Kinks: |e| = ε, slope 0.
    Related: squared_eps_insensitive is its square; hinge is its counterpart for classes, flat on one side only.
    Elsewhere: scikit-learn LinearSVR has ε = 0, SVR and SGDRegressor 0.1.
    Reference: Vapnik (1995), The Nature of Statistical Learning Theory, doi:10.1007/978-1-4757-2440-0.

    >>> losscli.evaluate("eps_insensitive:eps=0.5", pred=[0.25, 3], target=[0, 0]).value
    1.25
    """
    e, lost = difference(pred, target)
    a, fold = halves(pred, target)
    excess = (a - eps / fold) + np.sign(e) * lost
    yield fold * np.maximum(excess, 0.0)
    yield np.where(excess > 0, np.sign(e), 0.0)
    yield np.zeros_like(e)


@loss(
    RESIDUAL,
    task="regression",
    aliases=("squared_epsilon_insensitive", "SquaredEpsilonInsensitive"),
    also=("squared_eps_insensitive:eps=0", "squared_eps_insensitive:eps=1.5"),
    properties="convex symmetric differentiable",
)
def squared_eps_insensitive(pred: "Array", target: "Array", *, eps: Tube = 0.1) -> Yields:
    """Squared ε-insensitive: max(0, |e| - ε)², with e = pred - target.

    Gradient 2 (|e| - ε) sign(e) where |e| > ε, else 0; curvature 2 where |e| > ε, else 0. ε is in the target's units.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when errors up to ε do not matter and large ones cost more than in proportion.
    Not when there are outliers: beyond the tube it grows as mse does.
    Assumes errors that are as likely anywhere within ±ε and fall off as a Gaussian of variance ½ beyond.
    Good: convex and once differentiable; nothing is spent on errors within the tube.
    Beware: in squared units of the target; the curvature jumps at ε, the best constant is not unique.
    Ends: ε = 0 is mse.
    Related: eps_insensitive is its root; squared_hinge is its counterpart for classes, flat on one side only.
    Elsewhere: scikit-learn LinearSVR and SGDRegressor, without a half.
    Reference: Lee, Hsieh and Huang (2005), ε-SSVR, doi:10.1109/TKDE.2005.77.

    >>> losscli.evaluate("squared_eps_insensitive:eps=0.5", pred=[0.25, 3.5], target=[0, 0]).value
    4.5
    """
    e, lost = difference(pred, target)
    a, fold = halves(pred, target)
    excess = np.maximum((a - eps / fold) + np.sign(e) * lost, 0.0)
    yield fold * excess * excess * fold
    yield np.sign(e) * (2 * excess * fold)
    yield np.where(excess > 0, 2.0, 0.0)


_SERIES = 25  # terms of artanh, of which the next is below 2^-53 of the first up to 1/2


def _log_gap(u: "Array") -> "Array":
    """(u - ln(1+u)) / u² for 0 <= u <= 2, from ln(1+u) = 2 artanh(u/(2+u)), where the difference would cancel."""
    square = (u / (2 + u)) ** 2
    series = np.zeros_like(u)
    for k in reversed(range(_SERIES)):
        series *= square
        series += 1 / (2 * k + 3)
    share = 1 / (2 + u)
    gap: Array = share - 2 * (u / (2 + u)) * series * share * share
    return gap


@loss(
    RESIDUAL,
    task="regression",
    aliases=("FairLoss", "fair_loss"),
    also=("fair:c=0.3", "fair:c=20"),
    properties="convex symmetric differentiable",
)
def fair(
    pred: "Array",
    target: "Array",
    *,
    c: Annotated[
        float, Param("size of error from which the loss grows more slowly than the square", gt=0, lt=inf)
    ] = 1.0,
) -> Yields:
    """Fair: c² (|e|/c - ln(1 + |e|/c)), with e = pred - target.

    Gradient e/(1 + |e|/c), curvature 1/(1 + |e|/c)². c is in the target's units.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when outliers are to pull less than in proportion and a convex loss with all derivatives is wanted.
    Not when outliers must not pull at all: cauchy and tukey_biweight fall off.
    Assumes errors whose density is ∝ (1 + |e|/c)^(c²) exp(-c |e|): near Laplace in the tails, Gaussian at 0.
    Good: e²/2 near 0, c |e| less a logarithm in the tail; convex, gradient below c in size, no kink.
    Beware: it leaves the parabola early: at |e| = c the gradient is half of half_mse's.
    Ends: as c → ∞ it becomes half_mse, as c → 0 divided by c mae.
    Related: huber and pseudo_huber with δ = c have the same curvature at 0 and the same slope far out.
    Elsewhere: LightGBM objective fair (fair_c=1), CatBoost FairLoss (smoothness).
    Reference: Fair (1974), On the robust estimation of econometric models; Holland and Welsch (1977),
    doi:10.1080/03610927708827533.

    >>> losscli.evaluate("fair", pred=[0, 1], target=[0, 0]).value
    0.15342640972002733
    """
    a, fold = halves(pred, target)
    sign, beside = np.sign(pred - target), c / fold
    u = a / beside
    near = np.minimum(u, 2.0)
    far = np.where(np.isinf(u), 1.0, 1 - np.log1p(u) / u)
    yield np.where(u <= 2, fold * (a * (a * _log_gap(near))) * fold, c * fold * (a * far))
    yield sign * np.where(u <= 1, a / (1 + u) * fold, c / (1 + beside / a))
    curve = 1 / (1 + u)
    yield curve * curve


@loss(
    RESIDUAL,
    task="regression",
    aliases=("WingLoss", "wing_loss"),
    also=("wing:w=10,eps=2", "wing:w=0.5,eps=3"),
    properties="symmetric",
)
def wing(
    pred: "Array",
    target: "Array",
    *,
    w: Annotated[float, Param("size of error from which the loss is a line of slope 1", gt=0, lt=inf)] = 5.0,
    eps: Annotated[float, Param("the smaller, the steeper the logarithm near 0", gt=0, lt=inf)] = 0.5,
) -> Yields:
    """Wing: w ln(1 + |e|/ε) where |e| < w, else |e| - w + w ln(1 + w/ε), with e = pred - target.

    Gradient sign(e) w/(ε + |e|) where |e| < w, else sign(e); curvature -w/(ε + |e|)² where |e| < w, else 0.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when landmarks are located: small and middling errors, in pixels, are to count more than mae lets them.
    Not when labels are noisy at the scale of ε: the loss then fits the noise.
    Assumes nothing of a likelihood: it is made so that the gradient grows as the error falls, down to ε.
    Good: near the end of training small errors still pull; large ones pull as in mae.
    Beware: not convex, and steepest at 0, where the slope jumps from -w/ε to w/ε.
    Ends: with ε much larger than w it is (w/ε) mae within w.
    Kinks: e = 0, slope 0; |e| = w, the outer slope, where the inner is w/(w + ε).
    Related: mae up to a constant beyond w.
    Elsewhere: segmentation-models-pytorch has w = 5 and ε = 0.5; the paper w = 10 and ε = 2.
    Reference: Feng, Kittler, Awais, Huber and Wu (2018), doi:10.1109/CVPR.2018.00238.

    >>> losscli.evaluate("wing:w=10,eps=2", pred=[0, 4], target=[0, 0]).value
    5.493061443340549
    """
    a, fold = halves(pred, target)
    inner = a < w / fold
    quotient = np.minimum(a, w) / eps
    logs = np.where(np.isinf(quotient), np.log(np.minimum(a, w)) - np.log(eps), np.log1p(quotient))
    line = a * (w / eps) if w / eps < inf else a * w / eps  # where the quotient may be below the range
    rise = np.log1p(w / eps) if w / eps < inf else np.log(w) - np.log(eps)
    yield np.where(inner, np.where(quotient < 1e-20, line, w * logs), fold * ((a - w / fold) + w / fold * rise))
    larger = np.maximum(a, eps)
    steep = w / larger / (1 + np.minimum(a, eps) / larger)
    yield np.sign(pred - target) * np.where(inner, steep, 1.0)
    yield np.where(inner, -steep / larger / (1 + np.minimum(a, eps) / larger), 0.0)
