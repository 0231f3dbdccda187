"""Robust regression: losses that grow more slowly than the square, element by element."""

from math import inf, log
from typing import TYPE_CHECKING, Annotated, Literal

from losscli.kinds import RESIDUAL
from losscli.lazy import np
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


def _line(pred: "Array", target: "Array", slope: float, knee: float) -> "Array":
    """The tail of a parabola that turns into a line at the knee: slope · (|e| - knee/2)."""
    a = np.abs(pred - target)
    if np.isinf(a).any():  # the error may overflow where the line does not
        a, slope, knee = np.abs(pred / 2 - target / 2), 2 * slope, knee / 2
    line: Array = slope * (a - knee / 2)
    return line


@loss(
    RESIDUAL,
    task="regression",
    aliases=("HuberLoss", "huber_loss"),
    also=("huber:delta=0.3", "huber:delta=4", "huber:delta=inf"),
)
def huber(
    pred: "Array",
    target: "Array",
    *,
    delta: Annotated[float, Param("size of error at which the parabola turns into a line", gt=0)] = 1.0,
) -> Yields:
    """Huber: e²/2 where |e| ≤ δ, else δ (|e| - δ/2), with e = pred - target.

    Gradient e clipped to [-δ, δ]; curvature 1 where |e| ≤ δ, else 0. δ = inf is half the squared error.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when most errors are small and Gaussian and a few are not to be trusted.
    Assumes errors that are Gaussian in the middle and Laplace in the tails, with the change at δ.
    Good: quadratic near 0, linear in the tail; convex, once differentiable, gradient at most δ in size.
    Beware: half mse near 0 and δ·mae up to a constant in the tail; δ is on the target's scale: too large and outliers
    are back.
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


@loss(
    RESIDUAL,
    task="regression",
    aliases=("SmoothL1Loss", "smooth_l1_loss"),
    also=("smooth_l1:beta=0", "smooth_l1:beta=0.3", "smooth_l1:beta=4", "smooth_l1:beta=0.7,variant=unhalved"),
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

    Gradient e/β where |e| < β, else sign(e); curvature 1/β where |e| < β, else 0. β = 0 is mae, with slope 0 at e = 0.
    variant=unhalved: e²/β where |e| < β, else |e|; gradient 2e/β, curvature 2/β inside; from β on the outer slope.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when boxes or other coordinates are regressed and outliers are common.
    Assumes what huber assumes: it is huber with δ = β, divided by β.
    Good: quadratic near 0, in the target's units beyond β, gradient at most 1 in size (unhalved 2).
    Beware: the value at a given error falls as β grows; the unhalved variant is continuous, but its slope falls from 2
    to 1 at β: it is not convex there.
    Reference: Girshick (2015), Fast R-CNN, doi:10.1109/ICCV.2015.169.
    """
    e = pred - target
    inner = np.abs(e) < beta
    factor = 2 if variant == "unhalved" else 1
    knee = 0.0 if variant == "unhalved" else beta
    yield np.where(inner, e * (e / beta) * (factor / 2), _line(pred, target, 1.0, knee))
    yield np.where(inner, factor * (e / beta), np.sign(e))
    yield np.where(inner, factor / np.float64(beta), 0.0)


@loss(RESIDUAL, task="regression", aliases=("logcosh",))
def log_cosh(pred: "Array", target: "Array") -> Yields:
    """Log-cosh: ln cosh e, with e = pred - target.

    Gradient tanh(e), curvature 1 - tanh²(e). On (n, d) a sample's loss is the mean over its d outputs.

    Use it when you want huber's shape without a parameter and with all derivatives.
    Assumes errors that follow a hyperbolic secant distribution, of the target's unit as scale.
    Good: e²/2 near 0, |e| - ln 2 in the tail; convex, smooth everywhere, gradient below 1 in size.
    Beware: where the parabola ends is fixed at about one unit of the target: rescale the data to move it.
    Reference: Green (1990), Bayesian reconstructions from emission tomography data, doi:10.1109/42.52985.
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
    aliases=("pinball", "pinball_loss", "mean_pinball_loss", "quantile_loss"),
    also=("quantile:q=0.9", "quantile:q=0.01"),
    degree=1,
)
def quantile(
    pred: "Array",
    target: "Array",
    *,
    q: Annotated[float, Param("level of the quantile that is predicted", gt=0, lt=1)] = 0.5,
) -> Yields:
    """Quantile (pinball): q (target - pred) where the prediction is too low, else (1-q) (pred - target).

    Gradient -q where pred < target, else 1-q, at a tie too; curvature 0.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when the prediction is a quantile: a forecast to be exceeded with probability 1-q.
    Assumes nothing of the errors; the loss is least in the mean at the q-quantile of the target.
    Good: a proper score for quantiles, in the target's units, robust against outliers.
    Beware: the slope jumps at a tie; q = 0.5 is half mae; quantiles fitted one by one may cross.
    Reference: Koenker and Bassett (1978), doi:10.2307/1913643.
    """
    e = pred - target
    above = e >= 0
    yield np.abs(e) * np.where(above, 1 - q, q)
    yield np.where(above, 1 - q, -q)
    yield np.zeros_like(e)
