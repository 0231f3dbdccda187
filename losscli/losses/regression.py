"""Regression: losses of the error e = pred - target, element by element."""

from collections.abc import Sequence
from fractions import Fraction
from math import inf
from typing import TYPE_CHECKING, Annotated

from losscli.exact import root
from losscli.kinds import RESIDUAL
from losscli.lazy import np
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    RESIDUAL,
    task="regression",
    aliases=("squared_error", "l2", "mean_squared_error", "MSELoss", "mse_loss", "MeanSquaredError"),
    degree=2,
    properties="convex symmetric differentiable",
)
def mse(pred: "Array", target: "Array") -> Yields:
    """Mean squared error: e², with e = pred - target.

    Gradient 2e, curvature 2. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when large errors cost more than in proportion, and the mean of the target is what is to be predicted.
    Not when a few targets are wrong or far out: take huber or mae. Not for targets of many decades: take msle.
    Assumes errors that are Gaussian with one variance σ²: the density ∝ exp(-e²/2σ²), so minus its logarithm is e²/2σ²
    and a constant, and Σ e² is least where the likelihood is greatest.
    Good: smooth and convex in the prediction; the best constant is the mean.
    Beware: outliers dominate the gradient; the value is in squared units of the target.
    Related: half_mse is half of it, rmse its root; huber:delta=inf is half of it; r2 compares it with that of the mean.
    Elsewhere: the same in torch (MSELoss), Keras and scikit-learn; optax calls e² squared_error and e²/2 l2_loss; the
    gradients of LightGBM's and XGBoost's squared error are those of e²/2. Vowpal Wabbit's squared is linear beyond the
    labels it has seen.
    Reference: Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning,
    doi:10.1007/978-0-387-84858-7.

    >>> losscli.evaluate("mse", pred=[2.5, 0, 2], target=[3, -0.5, 2]).value
    0.16666666666666666
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
    properties="convex symmetric differentiable",
)
def half_mse(pred: "Array", target: "Array") -> Yields:
    """Half mean squared error: e²/2, with e = pred - target.

    Gradient e, curvature 1. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when a derivation or a library puts ½ in front of the square, so that the gradient is the error itself.
    Not when the number is to be compared with a mean squared error: that is mse, twice as much.
    Assumes errors that are Gaussian, as mse does: minus the logarithm of the density exp(-e²/2) / √(2π) is e²/2 and a
    constant.
    Good: as mse, with unit curvature: a Newton step lands on the target.
    Beware: half the number that is mostly called mean squared error; outliers dominate the gradient.
    Related: huber with δ → ∞ is half_mse; mse is twice it; gaussian_nll with variance 1 is it.
    Elsewhere: optax l2_loss and scikit-learn's HalfSquaredError; l2 without the word loss is e² in LightGBM.
    Reference: Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning,
    doi:10.1007/978-0-387-84858-7.

    >>> losscli.evaluate("half_mse", pred=[1, 2, 4], target=[1, 4, 1]).value
    2.1666666666666665
    """
    e = pred - target
    yield e * (e / 2)
    yield e
    yield np.ones_like(e)


@loss(
    RESIDUAL,
    task="regression",
    aliases=(
        "l1",
        "absolute_error",
        "mean_absolute_error",
        "L1Loss",
        "l1_loss",
        "MeanAbsoluteError",
        "AbsoluteError",
        "regression_l1",
    ),
    degree=1,
    properties="convex symmetric",
)
def mae(pred: "Array", target: "Array") -> Yields:
    """Mean absolute error: |e|, with e = pred - target.

    Gradient sign(e), 0 at e = 0; curvature 0. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when every unit of error costs the same, and the median of the target is what is to be predicted.
    Not when few large errors are worse than many small ones: take mse. Not where a smooth loss is needed: take huber.
    Assumes errors that are Laplace distributed with one scale b: the density ∝ exp(-|e|/b), so minus its logarithm is
    |e|/b and a constant, and Σ |e| is least where the likelihood is greatest.
    Good: robust against outliers, in the target's units; the best constant is the median.
    Beware: the slope jumps at 0 and is constant elsewhere, so steps do not shrink near the target; no closed-form fit.
    Kinks: at e = 0, with slope 0.
    Related: quantile:q=0.5 is half of it; smooth_l1:beta=0 is it; medae takes the median of |e| in place of the mean.
    Elsewhere: the same in torch (L1Loss), Keras, scikit-learn and LightGBM (l1). CatBoost counts errors below 1e-6 as
    ties.
    Reference: Portnoy and Koenker (1997), The Gaussian hare and the Laplacian tortoise, doi:10.1214/ss/1030037960.

    >>> losscli.evaluate("mae", pred=[2.5, 0, 2], target=[3, -0.5, 2]).value
    0.3333333333333333
    """
    e = pred - target
    yield np.abs(e)
    yield np.sign(e)
    yield np.zeros_like(e)


@loss(
    RESIDUAL,
    task="regression",
    aliases=("mean_error", "mean_bias_error", "mbe"),
    degree=1,
    properties="convex differentiable",
    bounds=(-inf, inf),
    better="zero",
)
def bias(pred: "Array", target: "Array") -> Yields:
    """Bias: e = pred - target, with its sign; positive where the predictions are too high.

    Gradient 1, curvature 0. On (n, d) a sample's bias is the mean over its d outputs.

    Use it when you ask whether a model predicts too high or too low on the whole.
    Not when one number is to say how good a model is: predictions of one constant, the mean, have bias 0.
    Assumes nothing; it is a diagnostic, not something to minimise.
    Good: in the target's units, and exact even where large errors cancel.
    Beware: 0 does not mean a good model, only that the errors balance; some authors subtract the other way round.
    Related: mse = bias² + the variance of the errors; |bias| is at most mae, which is at most rmse.
    Elsewhere: known as the mean error, ME; where that is said of target - pred, as in many papers on forecasts, its
    sign is the opposite.
    Reference: Wilks (2011), Statistical Methods in the Atmospheric Sciences, section 8.4, doi:10.1016/C2010-0-65519-2.

    >>> losscli.evaluate("bias", pred=[2.5, 0, 3], target=[3, -0.5, 2]).value
    0.3333333333333333
    """
    e = pred - target
    yield e
    yield np.ones_like(e)
    yield np.zeros_like(e)


def root_of_mean(sums: Sequence[Fraction], divisor: Fraction) -> Yields:
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
    finish=root_of_mean,
    properties="convex symmetric",
)
def rmse(pred: "Array", target: "Array") -> Yields:
    """Root mean squared error: √(Σ w e² / Σ w), with e = pred - target.

    An aggregate: the square root is taken once, of the mean over all samples and outputs; a sample's term is e².
    Gradient of the value w e / (Σw · rmse), 0 where every error is 0.

    Use it when you want mse's order of models in the target's units.
    Not when it is to be averaged over batches, days or folds: average mse and take the root at the end.
    Assumes errors that are Gaussian with one variance, as mse does: it is the best estimate of that variance's root.
    Good: same units as the target; for a constant prediction error it is that error.
    Beware: not a mean of per-sample values, so the mean of two halves' rmse is not the whole's; outliers as for mse.
    Kinks: where every error is 0, with slope 0; up to there the gradient's length stays the same.
    Related: the root of mse; at least mae; nrmse puts it on a scale of the target's.
    Elsewhere: of several outputs scikit-learn takes the mean of a root a column, CatBoost's MultiRMSE does not divide
    by their number; here, as in XGBoost, there is one root over all. torch's gradient of √mse is NaN where all errors
    are 0.
    Reference: Hyndman and Koehler (2006), doi:10.1016/j.ijforecast.2006.03.001.

    >>> losscli.evaluate("rmse", pred=[1, 2, 4], target=[1, 4, 1]).value
    2.0816659994661326
    """
    e = pred - target
    yield (e * e,)
    yield (2 * e,)
    yield (np.full_like(e, 2.0),)


def two_sum(a: "Array", b: "Array") -> "tuple[Array, Array]":
    """The rounded sum and what it lacks (Knuth's TwoSum)."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


@loss(
    RESIDUAL,
    task="regression",
    also=("lq:q=1", "lq:q=2", "lq:q=3"),
    properties=lambda q: "convex symmetric differentiable" if q > 1 else "convex symmetric",
)
def lq(
    pred: "Array",
    target: "Array",
    *,
    q: Annotated[float, Param("power of the size of an error", ge=1, lt=inf)] = 1.5,
) -> Yields:
    """Lq: |e|^q, with e = pred - target.

    Gradient q |e|^(q-1) sign(e), curvature q (q-1) |e|^(q-2); 0 at e = 0, but for q = 2, where the curvature is 2.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when large errors are to count more than in mae and less than in mse (1 < q < 2), or more than there (q > 2).
    Not when outliers are the only reason for q < 2: huber has a scale and a bounded slope.
    Assumes errors of a generalised Gaussian (exponential power) distribution: the density ∝ exp(-|e|^q / b), so minus
    its logarithm is |e|^q / b and a constant.
    Good: convex; one number leads from the median (q = 1) over the mean (q = 2) to the middle of the range (q → ∞).
    Beware: in the target's unit to the power q; from q = 3 or so one error decides. For 1 < q < 2 the curvature grows
    without limit towards e = 0, where it is given as 0.
    Ends: q = 1 is mae, q = 2 is mse; the q-th root of the mean goes to max_error as q → ∞.
    Kinks: with q = 1 at e = 0, with slope 0.
    Related: mae, mse, max_error.
    Elsewhere: CatBoost's Lq, which must be told q; torchmetrics' Minkowski distance is (Σ|e|^p)^(1/p), without a mean.
    Reference: Nadarajah (2005), A generalized normal distribution, doi:10.1080/02664760500079464.

    >>> losscli.evaluate("lq:q=3", pred=[1, 2], target=[3, 1]).value
    4.5
    """
    e, lost = two_sum(pred, -target)
    moved = np.where(np.isfinite(e) & (e != 0), lost / e, 0.0)  # by the rounding of e, which the power magnifies
    beyond = np.isinf(e)  # where its half is not
    size = np.where(beyond, np.abs(pred / 2 - target / 2), np.abs(e))

    def power(exponent: float) -> "Array":
        plain = size**exponent * np.where(beyond, np.float64(2.0) ** exponent, 1.0)
        shift = plain * (exponent * moved)
        return plain + np.where(np.isfinite(shift), shift, 0.0)

    yield power(q)
    yield np.sign(e) * q * power(q - 1)
    if q == 1:
        yield np.zeros_like(e)
    else:
        yield np.where((size == 0) & (q < 2), 0.0, q * power(q - 2) * (q - 1))
