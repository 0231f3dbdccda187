"""Robust regression: losses that grow as the square near 0 and as the error itself in the tail, element by element."""

from math import inf, log
from typing import TYPE_CHECKING, Annotated, Literal

from losscli.kinds import RESIDUAL
from losscli.lazy import np
from losscli.losses.residuals import halves, over_size, sized
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Knee = Annotated[float, Param("size of error at which the parabola turns into a line", gt=0)]


def _line(pred: "Array", target: "Array", slope: float, knee: float) -> "Array":
    """The tail of a parabola that turns into a line at the knee: slope · (|e| - knee/2)."""
    a, fold = halves(pred, target)  # the error may overflow where the line does not
    line: Array = slope * fold * (a - knee / 2 / fold)
    return line


@loss(
    RESIDUAL,
    task="regression",
    aliases=("HuberLoss", "huber_loss"),
    also=("huber:delta=0.3", "huber:delta=4", "huber:delta=inf"),
    properties="convex symmetric differentiable",
)
def huber(pred: "Array", target: "Array", *, delta: Knee = 1.0) -> Yields:
    """Huber: e²/2 where |e| ≤ δ, else δ (|e| - δ/2), with e = pred - target.

    Gradient e clipped to [-δ, δ]; curvature 1 where |e| ≤ δ, else 0. δ is in the target's units.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when most errors are small and Gaussian and a few are not to be trusted.
    Not when outliers are so many or so far that they must not count at all: tukey_biweight or welsch forget them.
    Assumes errors that are Gaussian in the middle and Laplace in the tails, with the change at δ: minus the log of a
    density ∝ exp(-ℓ) is ℓ. It is least in the worst case when a share of the errors is of any other distribution.
    Good: quadratic near 0, linear in the tail; convex, once differentiable, gradient at most δ in size.
    Beware: half mse near 0 and δ·mae up to a constant in the tail; δ is on the target's scale: too large and outliers
    are back, too small and the fit is slow.
    Ends: δ = inf is half_mse; as δ → 0 the value divided by δ becomes mae.
    Related: δ times smooth_l1 with β = δ, so that both are one at δ = β = 1; pseudo_huber has its shape and all
    derivatives, and lies δ²/2 below it far out.
    Elsewhere: torch HuberLoss(delta=1), Keras Huber(delta=1), optax huber_loss(delta=1); LightGBM calls δ alpha, 0.9
    unless it is given; scipy.special.huber(delta, r).
    Reference: Huber (1964), doi:10.1214/aoms/1177703732.

    >>> losscli.evaluate("huber:delta=0.5", pred=[2.5, 0], target=[0, 0.5]).value
    0.625
    """
    e = pred - target
    slope = np.clip(e, -delta, delta)
    value = slope * (e - slope / 2)
    if np.isinf(e).any():
        value = np.where(np.isinf(e), _line(pred, target, delta, delta) if delta < inf else inf, value)
    yield value
    yield slope
    yield (np.abs(e) <= delta).astype(e.dtype)


def _smooth_l1_properties(beta: float, variant: str) -> str:
    """Of the unhalved variant the slope falls at β; with β = 0 both are mae."""
    if beta == 0:
        return "convex symmetric"
    return "symmetric" if variant == "unhalved" else "convex symmetric differentiable"


@loss(
    RESIDUAL,
    task="regression",
    aliases=("SmoothL1Loss", "smooth_l1_loss"),
    also=("smooth_l1:beta=0", "smooth_l1:beta=0.3", "smooth_l1:beta=4", "smooth_l1:beta=0.7,variant=unhalved"),
    properties=_smooth_l1_properties,
)
def smooth_l1(
    pred: "Array",
    target: "Array",
    *,
    beta: Annotated[float, Param("size of error at which the parabola turns into a line", ge=0, lt=inf)] = 1.0,
    variant: Annotated[
        Literal["standard", "unhalved"], Param("e²/2β then |e| - β/2, or e²/β then |e|, whose slope jumps at β")
    ] = "standard",
) -> Yields:
    """Smooth L1: e²/(2β) where |e| < β, else |e| - β/2, with e = pred - target.

    Gradient e/β where |e| < β, else sign(e); curvature 1/β where |e| < β, else 0. β is in the target's units.
    variant=unhalved: e²/β where |e| < β, else |e|; gradient 2e/β, curvature 2/β inside.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when boxes or other coordinates are regressed and outliers are common.
    Not when values of different β are to be compared: the value at a given error falls as β grows.
    Assumes what huber assumes: divided by β, its likelihood's logarithm has the same maximum.
    Good: quadratic near 0, in the target's units beyond β, gradient at most 1 in size (unhalved 2).
    Beware: the unhalved variant is continuous, but its slope falls from 2 to 1 at β: it is not convex there.
    Ends: β = 0 is mae; the standard variant times β is half_mse as β → ∞.
    Kinks: β = 0 at e = 0, slope 0; unhalved at |e| = β, the outer slope.
    Related: huber with δ = β, divided by β, so that both are one at β = δ = 1.
    Elsewhere: torch SmoothL1Loss(beta=1); detectors often take β = 1/9.
    Reference: Girshick (2015), Fast R-CNN, doi:10.1109/ICCV.2015.169.

    >>> losscli.evaluate("smooth_l1", pred=[0.5, 3], target=[0, 0]).value
    1.3125
    """
    e = pred - target
    inner = np.abs(e) < beta
    factor = 2 if variant == "unhalved" else 1
    knee = 0.0 if variant == "unhalved" else beta
    yield np.where(inner, e * (e / beta) * (factor / 2), _line(pred, target, 1.0, knee))
    yield np.where(inner, factor * (e / beta), np.sign(e))
    yield np.where(inner, factor / np.float64(beta), 0.0)


@loss(
    RESIDUAL,
    task="regression",
    aliases=("LogCosh", "LogCoshError"),
    properties="convex symmetric differentiable",
)
def log_cosh(pred: "Array", target: "Array") -> Yields:
    """Log-cosh: ln cosh e, with e = pred - target.

    Gradient tanh(e), curvature 1 - tanh²(e). On (n, d) a sample's loss is the mean over its d outputs.

    Use it when you want huber's shape without a parameter and with all derivatives.
    Not when errors are much larger or much smaller than 1: rescale the data first, or take pseudo_huber.
    Assumes errors that follow a hyperbolic secant distribution, density ∝ 1/cosh e, with the target's unit as scale:
    minus its logarithm is ln cosh e, up to a constant.
    Good: e²/2 near 0, |e| - ln 2 in the tail; convex, smooth everywhere, gradient below 1 in size.
    Beware: where the parabola ends is fixed at about one unit of the target.
    Related: huber and pseudo_huber with δ = 1 have the same parabola at 0; in the tail they lie 0.19 above and 0.31
    below it.
    Elsewhere: Keras LogCosh, optax log_cosh, CatBoost LogCosh; the plain formula overflows beyond |e| = 710, as
    torchmetrics' does.
    Reference: Green (1990), Bayesian reconstructions from emission tomography data, doi:10.1109/42.52985.

    >>> losscli.evaluate("log_cosh", pred=[0, 1000], target=[0, 0]).value
    499.65342640972005
    """
    e = pred - target
    a = np.abs(e)
    tail = np.exp(-2 * a)
    half = np.sinh(np.minimum(a, 1.0) / 2)
    yield np.where(a < 1, np.log1p(2 * half * half), a - log(2) + np.log1p(tail))
    yield np.tanh(e)
    back = e - pred
    lost = (pred - (e - back)) - (target + back)  # by the rounding of e, which the exponential would magnify
    yield np.where(tail == 0, 0.0, 4 * (tail - tail * (2 * np.sign(e) * lost)) / ((1 + tail) * (1 + tail)))


@loss(
    RESIDUAL,
    task="regression",
    aliases=("PseudoHuber", "pseudohubererror", "mphe"),
    also=("pseudo_huber:delta=0.3", "pseudo_huber:delta=inf"),
    properties="convex symmetric differentiable",
)
def pseudo_huber(pred: "Array", target: "Array", *, delta: Knee = 1.0) -> Yields:
    """Pseudo-Huber: δ² (√(1 + (e/δ)²) - 1), with e = pred - target.

    Gradient e/√(1 + (e/δ)²), curvature (1 + (e/δ)²)^(-3/2). δ is in the target's units.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when you want huber with all derivatives, for a Newton step or a gradient booster.
    Not when errors beyond δ must not bend the fit at all near δ: huber changes there at once.
    Assumes errors of a hyperbolic distribution: density ∝ exp(-δ √(δ² + e²)), Gaussian in the middle and Laplace in
    the tails; minus its logarithm is the loss, up to a constant.
    Good: e²/2 near 0, δ |e| - δ² in the tail; convex, smooth, gradient below δ in size, curvature never 0.
    Beware: far out it lies δ²/2 below huber with the same δ; δ is on the target's scale.
    Ends: δ = inf is half_mse; as δ → 0 the value divided by δ becomes mae.
    Related: δ times what charbonnier with ε = δ has above δ; barron with α = 1 and c = δ, times δ².
    Elsewhere: XGBoost reg:pseudohubererror and its metric mphe (huber_slope=1), scipy.special.pseudo_huber(delta, r);
    with δ = 1 it is kornia's charbonnier_loss.
    Reference: Charbonnier, Blanc-Féraud, Aubert and Barlaud (1997), doi:10.1109/83.551699.

    >>> losscli.evaluate("pseudo_huber:delta=3", pred=[4, 0], target=[0, 4]).value
    6.0
    """
    e = sized(pred, target, delta)
    root = np.hypot(1.0, e.ratio)
    inner = e.a * (e.a / (1 + root))
    yield np.where(e.is_small, e.fold * inner * e.fold, delta * e.fold * (e.a * (1 / (root + e.ratio))))
    yield e.sign * np.where(e.is_small, e.a / root * e.fold, delta / root)
    curve = np.where(e.is_small, 1.0, e.ratio * e.ratio) / (1 + e.ratio * e.ratio)
    yield curve * np.sqrt(curve)


@loss(
    RESIDUAL,
    task="regression",
    also=("charbonnier:eps=0", "charbonnier:eps=0.7"),
    properties=lambda eps: "convex symmetric differentiable" if eps else "convex symmetric",
    bounds=lambda eps: (eps, inf),
)
def charbonnier(
    pred: "Array",
    target: "Array",
    *,
    eps: Annotated[float, Param("size of error below which |e| is rounded off", ge=0, lt=inf)] = 1e-3,
) -> Yields:
    """Charbonnier: √(e² + ε²), with e = pred - target.

    Gradient e/√(e² + ε²), curvature ε²/(e² + ε²)^(3/2). ε is in the target's units.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when images are restored or super-resolved: mae that is smooth at 0.
    Not when a perfect prediction should cost 0: it costs ε.
    Assumes what mae assumes but at the tip: density ∝ exp(-√(e² + ε²)), a hyperbolic distribution.
    Good: convex and smooth, in the target's units; gradient below 1 in size.
    Beware: the curvature at 0 is 1/ε; some subtract the constant or give each row one root of the mean square.
    Ends: ε = 0 is mae.
    Kinks: ε = 0 at e = 0, slope 0.
    Related: ε times what it has above ε is pseudo_huber with δ = ε.
    Elsewhere: in vision papers ε is 0.001; kornia's charbonnier_loss is √(e² + 1) - 1.
    Reference: Charbonnier, Blanc-Féraud, Aubert and Barlaud (1997), doi:10.1109/83.551699.

    >>> losscli.evaluate("charbonnier:eps=3", pred=[4], target=[0]).value
    5.0
    """
    e = sized(pred, target, eps)
    yield e.fold * np.hypot(e.a, e.scale)
    root = np.hypot(1.0, e.ratio)
    yield e.sign * np.where(e.is_small, e.ratio, 1.0) / root
    outer, square = over_size(e.ratio, e.a) / e.fold, 1 + e.ratio * e.ratio
    yield np.where(e.is_small, 1 / np.float64(eps) if eps else 0.0, outer) / (square * np.sqrt(square))
