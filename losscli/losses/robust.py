"""Robust regression: losses that grow more slowly than the square, element by element."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Annotated, Any

from losscli.kinds import RESIDUAL
from losscli.lazy import np
from losscli.parameters import Param
from losscli.registry import loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Yields = Generator[Array, None, None]


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
) -> "Yields":
    """Huber: e²/2 where |e| ≤ δ, else δ (|e| - δ/2), with e = pred - target.

    Gradient e clipped to [-δ, δ]; curvature 1 where |e| ≤ δ, else 0. δ = inf is half the squared error.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when most errors are small and Gaussian and a few are not to be trusted.
    Assumes errors that are Gaussian in the middle and Laplace in the tails, with the change at δ.
    Good: quadratic near 0, linear in the tail; convex, once differentiable, gradient at most δ in size.
    Beware: half mse near 0 and δ·mae up to a constant in the tail; δ is on the target's scale: too large and outliers
    are back.
    Reference: Huber (1964), doi:10.1214/aoms/1177703732.
    """
    e = pred - target
    a = np.abs(e)
    inner = a <= delta
    line = delta * (a - delta / 2)
    if np.isinf(a).any():  # the error may overflow where δ times it does not
        line = 2 * delta * (np.abs(pred / 2 - target / 2) - delta / 4)
    yield np.where(inner, e * (e / 2), line)
    yield np.clip(e, -delta, delta)
    yield inner.astype(e.dtype)
