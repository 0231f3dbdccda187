"""Distributions: minus the log-likelihood of a target under predicted parameters."""

from math import inf, log, pi
from typing import TYPE_CHECKING, Annotated

from losscli.kinds import GAUSSIAN
from losscli.lazy import np
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Full = Annotated[bool, Param("add the terms that do not depend on the prediction")]


@loss(
    GAUSSIAN,
    task="distribution",
    aliases=("GaussianNLLLoss", "gaussian_nll_loss"),
    also=("gaussian_nll:full=true",),
    properties="convex symmetric differentiable proper",
    bounds=(-inf, inf),
)
def gaussian_nll(pred: "Array", target: "Array", variance: "Array", *, full: Full = False) -> Yields:
    """Gaussian negative log-likelihood: (ln v + e²/v) / 2, with e = pred - target and v the predicted variance.

    Gradient with respect to pred e/v, curvature 1/v. full=true adds ½ ln 2π, the term that no prediction changes.
    The variance is a role of its own, by --input variance=FILE or --col variance=COLUMN.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when a model predicts its own uncertainty, as a variance beside each prediction.
    Not when a few errors are far beyond their variance: they decide the value; see student_t_nll and crps_normal.
    Assumes errors that are Gaussian with variance v, each with its own: density exp(-e²/2v) / √(2πv), so
    -ln f = ½ (ln v + e²/v + ln 2π).
    Good: a proper score; with one variance for all it ranks models as mse does.
    Beware: v is the variance, not σ or ln σ; the value may be negative and falls without limit as v goes to 0 where e
    is 0; no lower limit is put on v.
    Related: with v = 1 it is half_mse, plus ½ ln 2π with full=true.
    Elsewhere: torch's GaussianNLLLoss raises variances to 1e-6 at least; CatBoost's RMSEWithUncertainty takes ln σ and
    is full=true; scoringrules' logs_normal takes σ and is full=true.
    Reference: Nix and Weigend (1994), doi:10.1109/ICNN.1994.374138.

    >>> losscli.evaluate("gaussian_nll", pred=[1.0, 2.0], target=[3.0, 2.0], variance=[1, 1]).value
    1.0
    """
    e = pred - target
    (size, power), (unit, shift) = np.frexp(e), np.frexp(variance)
    ratio = np.ldexp(size * size / unit, 2 * power - shift)  # e²/v, where e² or 1/v alone may leave the range
    yield (np.log(variance) + ratio + (log(2 * pi) if full else 0.0)) / 2
    yield e / variance
    yield 1 / variance
