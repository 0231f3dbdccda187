"""Barron's family of robust losses, from the square to what forgets outliers, element by element."""

from math import inf, log, sqrt
from typing import TYPE_CHECKING, Annotated

from losscli.kinds import RESIDUAL
from losscli.lazy import np
from losscli.losses.redescending import Scale, cauchy, geman_mcclure, log_size, welsch
from losscli.losses.residuals import scaled
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_ENDLESS = -1e20  # below it the power is an exponential to the last bit
_FAR = 1e8  # |u|, in units of √|α-2| if that is more than 1, from which 1 + u²/|α-2| is as good as u²/|α-2|
_FEW = 4  # |α-2| up to which the rounding of 1 + w is magnified less by a power than by a logarithm
_NEAR = 1e-9  # |u| up to which every α is the square
_SLIGHT = 1e-17  # exponents up to which α is as good as 0
_LEAST = 1e-200  # of the power, below which its products may underflow


def _square(pred: "Array", target: "Array", c: float) -> Yields:
    """Alpha = 2: half the squared error in units of c."""
    u = scaled(pred, target, c)
    yield u * (u / 2)
    yield u / c
    yield np.full_like(u, 1 / np.float64(c) / c)


def _bounds(alpha: float, c: float) -> tuple[float, float]:
    """Below α = 0 the loss ends at |α-2| / |α|."""
    if alpha >= 0:
        return 0.0, inf
    return 0.0, 1.0 if alpha < _ENDLESS else 1 - 2 / alpha


@loss(
    RESIDUAL,
    task="regression",
    aliases=("general_robust", "adaptive_robust"),
    also=(
        *("barron:alpha=2", "barron:alpha=0,c=0.7", "barron:alpha=-2", "barron:alpha=-inf,c=3"),
        *("barron:alpha=1.5,c=0.7", "barron:alpha=0.001", "barron:alpha=-8,c=5"),
    ),
    properties=lambda alpha, c: "convex symmetric differentiable" if alpha >= 1 else "symmetric differentiable",
    bounds=_bounds,
)
def barron(
    pred: "Array",
    target: "Array",
    *,
    alpha: Annotated[float, Param("shape: 2 is the square, 1 near |e|, below 0 outliers are forgotten", le=2)] = 1.0,
    c: Scale = 1.0,
) -> Yields:
    """Barron's general robust loss: (|α-2|/α) ((u²/|α-2| + 1)^(α/2) - 1), with u = (pred - target) / c.

    At α = 2, 0 and -∞ its limits: u²/2, ln(1 + u²/2), 1 - exp(-u²/2). Gradient (u/c) (u²/|α-2| + 1)^(α/2 - 1). α is
    the shape; c, in the target's units, where the parabola ends. On (n, d) a sample's loss is the mean over its d
    outputs.

    Use it when you want to find out how robust a loss must be: one number goes through the well-known ones.
    Not when α is to be learnt by minimising this: the least α would win; the likelihood needs its normalising constant.
    Assumes errors of density ∝ exp(-ℓ) where α ≥ 0: Gaussian at 2, Cauchy at 0, and minus its logarithm is ℓ and a
    constant; below 0 the loss is bounded, and exp(-ℓ) is no density.
    Good: u²/2 near 0 for every α; smooth in e, α and c; convex for 1 ≤ α ≤ 2; never grows when α falls.
    Beware: not convex below 1; values of different c are not in one unit, as each is divided by c².
    Ends: continuous in α through 2, 0 and down to -∞; below α = -1e20 it is the limit to the last bit.
    Related: α = 2 is half_mse in units of c; 1 pseudo_huber divided by c²; 0 cauchy; -2 geman_mcclure; -∞ welsch.
    Elsewhere: robust_loss_pytorch lossfun(x, alpha, scale), which keeps |α-2| and α at least 1.2e-7 from 0.
    Reference: Barron (2019), doi:10.1109/CVPR.2019.00446.

    >>> losscli.evaluate("barron:alpha=-2,c=2", pred=[0, 4], target=[0, 0]).value
    0.5
    """
    limits = {2.0: _square, 0.0: cauchy, -2.0: geman_mcclure, -inf: welsch}
    limit = limits.get(alpha if alpha >= _ENDLESS else -inf)
    yield from limit(pred, target, c=c) if limit else _power(pred, target, alpha, c)


def _power(pred: "Array", target: "Array", alpha: float, c: float) -> Yields:
    """Of every other α. With b = |α-2| and w = u²/b the power (1+w)^(-b/2) is in all three; far out w is as good as
    1 + w, and what the power is multiplied by goes into its exponent.
    """
    b, u, logs = 2 - alpha, scaled(pred, target, c), log_size(pred, target, c)
    sign, u = np.sign(u), np.abs(u)
    far = u > _FAR * max(1.0, sqrt(b))
    near = np.where(far, 0.0, u)
    w = near * (near / b)
    length = np.where(far, 2 * logs - log(b), np.log1p(w))
    exponent = -b / 2 * length
    power = np.power(1 + w, -b / 2) if b <= _FEW else np.exp(exponent)

    def with_power_of_u(k: int, unit: float, factor: "Array | float" = 0.0) -> "Array":
        """U^k times the power over c^unit, from logarithms, with that of a factor."""
        beyond = (k - b) * logs if k != b else 0.0
        inside = k * np.where(near > 0, logs, -inf) if k else 0.0
        return np.exp(np.where(far, beyond + b / 2 * log(b), inside + exponent) + factor - unit * log(c))

    if alpha < 1:
        y = alpha / 2 * length
        value = np.where(np.abs(y) < _SLIGHT, b / 2 * length, b / alpha * np.expm1(y))
    else:
        value = np.where(far, with_power_of_u(2, 0) - b, near * near * power + b * np.expm1(exponent)) / alpha
    yield np.where(u < _NEAR, u * (u / 2), value)
    hard = far | (power < _LEAST)
    yield sign * np.where(hard, with_power_of_u(1, 1), near * power / c)
    bent = np.where(w < 1, (1 + (alpha - 1) * w) / (1 + w), (alpha - 1) + b / (1 + w))
    factor = log(abs(alpha - 1)) if alpha != 1 else log(b) - length
    factor = np.where(far, factor, np.log(np.abs(bent)))
    direction = np.where(far & (alpha < 1), -1.0, np.where(far, 1.0, np.sign(bent)))
    yield np.where(hard, direction * with_power_of_u(0, 2, factor), bent * power / c / c)
