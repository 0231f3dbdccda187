"""The fourth power of the error, as a plug-in."""

from collections.abc import Iterator
from math import inf
from typing import Annotated, Any

from losscli.kinds import RESIDUAL
from losscli.parameters import Param
from losscli.registry import loss

Scale = Annotated[float, Param("unit that errors are measured in", gt=0, lt=inf)]


@loss(RESIDUAL, task="regression", also=("quartic:scale=2",), properties="convex symmetric differentiable")
def quartic(pred: Any, target: Any, *, scale: Scale = 1.0) -> Iterator[Any]:
    """Quartic: (e/s)⁴, with e = pred - target and s = scale.

    Gradient 4 (e/s)³ / s, curvature 12 (e/s)² / s².

    Use it when large errors are to count far more than small ones.
    """
    e = (pred - target) / scale
    yield e**4
    yield 4 * e**3 / scale
    yield 12 * e**2 / scale**2
