"""Regression: losses of the error e = pred - target, element by element."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from losscli.exact import root
from losscli.kinds import RESIDUAL
from losscli.lazy import np
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    RESIDUAL,
    task="regression",
    aliases=("squared_error", "l2", "mean_squared_error", "MSELoss", "MeanSquaredError"),
    degree=2,
)
def mse(pred: "Array", target: "Array") -> Yields:
    """Mean squared error: e², with e = pred - target.

    Gradient 2e, curvature 2. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when large errors cost more than in proportion.
    Assumes errors that are Gaussian with one variance: minimising it maximises that likelihood.
    Good: smooth and convex in the prediction; the best constant is the mean.
    Beware: outliers dominate the gradient; the value is in squared units of the target.
    Reference: Gauss (1809), Theoria motus corporum coelestium, book 2, section 3.
    """
    e = pred - target
    yield e * e
    yield 2 * e
    yield np.full_like(e, 2.0)


@loss(
    RESIDUAL,
    task="regression",
    aliases=("half_squared_error", "l2_loss", "HalfSquaredError"),
    degree=2,
)
def half_mse(pred: "Array", target: "Array") -> Yields:
    """Half mean squared error: e²/2, with e = pred - target.

    Gradient e, curvature 1. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when a derivation or a library puts ½ in front of the square, so that the gradient is the error itself.
    Assumes what mse assumes; it is minus that log-likelihood for variance 1, up to a constant.
    Good: as mse, with unit curvature: a Newton step lands on the target.
    Beware: half the number that is mostly called mean squared error; outliers dominate the gradient.
    Reference: Gauss (1809), Theoria motus corporum coelestium, book 2, section 3.
    """
    e = pred - target
    yield e * (e / 2)
    yield e
    yield np.ones_like(e)


@loss(
    RESIDUAL,
    task="regression",
    aliases=("l1", "absolute_error", "mean_absolute_error", "L1Loss", "MeanAbsoluteError"),
    degree=1,
)
def mae(pred: "Array", target: "Array") -> Yields:
    """Mean absolute error: |e|, with e = pred - target.

    Gradient sign(e), 0 at e = 0; curvature 0. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when every unit of error costs the same.
    Assumes errors that are Laplace distributed with one scale: minimising it maximises that likelihood.
    Good: robust against outliers, in the target's units; the best constant is the median.
    Beware: the slope jumps at 0 and is constant elsewhere; no closed-form fit.
    Reference: Laplace (1774), Mémoire sur la probabilité des causes par les évènemens.
    """
    e = pred - target
    yield np.abs(e)
    yield np.sign(e)
    yield np.zeros_like(e)


@loss(RESIDUAL, task="regression", aliases=("mean_error", "mean_bias_error", "mbe"), degree=1)
def bias(pred: "Array", target: "Array") -> Yields:
    """Bias: e = pred - target, with its sign; positive where the predictions are too high.

    Gradient 1, curvature 0. On (n, d) a sample's bias is the mean over its d outputs.

    Use it when you ask whether a model predicts too high or too low on the whole.
    Assumes nothing; it is a diagnostic, not something to minimise.
    Good: in the target's units, and exact even where large errors cancel.
    Beware: 0 does not mean a good model, only that the errors balance.
    Reference: Wilks (2011), Statistical Methods in the Atmospheric Sciences, section 8.4, doi:10.1016/C2010-0-65519-2.
    """
    e = pred - target
    yield e
    yield np.ones_like(e)
    yield np.zeros_like(e)


def _root_of_mean(sums: Sequence[Fraction], divisor: Fraction) -> Yields:
    value = root(sums[0] / divisor)
    yield value
    half = 1 / (2 * Fraction(value)) if value else Fraction(0)  # a perfect prediction has no direction: 0
    yield (half / divisor,)
    yield [(-2 * half / divisor**2, (half,), (half,))]


@loss(
    RESIDUAL,
    task="regression",
    aliases=("root_mean_squared_error", "RootMeanSquaredError"),
    degree=2,
    finish=_root_of_mean,
)
def rmse(pred: "Array", target: "Array") -> Yields:
    """Root mean squared error: √(Σ w e² / Σ w), with e = pred - target.

    An aggregate: the square root is taken once, of the mean over all samples and outputs; a sample's term is e².
    Gradient of the value w e / (Σw · rmse), 0 where every error is 0.

    Use it when you want mse's order of models in the target's units.
    Assumes what mse assumes.
    Good: same units as the target; for a constant prediction error it is that error.
    Beware: not a mean of per-sample values, so the mean of two halves' rmse is not the whole's; outliers as for mse.
    Reference: Hyndman and Koehler (2006), doi:10.1016/j.ijforecast.2006.03.001.
    """
    e = pred - target
    yield (e * e,)
    yield (2 * e,)
    yield (np.full_like(e, 2.0),)
