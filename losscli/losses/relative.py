"""Relative errors: regression losses that divide the error by the target's own size."""

from collections.abc import Sequence
from fractions import Fraction
from math import inf, nan
from typing import TYPE_CHECKING

from losscli.exact import to_float
from losscli.kinds import NONZERO_TARGET, PAIRED
from losscli.lazy import np
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    NONZERO_TARGET,
    task="regression",
    aliases=("mean_absolute_percentage_error", "mare"),
    degree=0,
    properties="convex",
)
def mape(pred: "Array", target: "Array") -> Yields:
    """MAPE, mean absolute percentage error: |e| / |t|, with e = pred - target and t = target; 0.1 is 10 %.

    Gradient sign(e) / |t|, 0 at e = 0; curvature 0. On (n, d) a sample's loss is the mean over its d outputs.
    A target of 0 is refused.

    Use it when targets are positive and far from 0, and a tenth too much is as bad for a small one as for a large one.
    Not when targets come near 0 or change sign: a few of them decide the mean; take wmape, smape or mae.
    Assumes errors that are Laplace distributed with a scale in proportion to the target: the density
    ∝ exp(-|e|/(b|t|)) / |t|, so minus its logarithm is |e|/(b|t|) and what no prediction changes.
    Good: without units, so that series of different size are comparable; easily told to others.
    Beware: too high costs without limit, too low, down to 0, at most 1: what minimises it predicts too low; the best
    constant is the median with weights 1/|t|.
    Kinks: at e = 0, with slope 0.
    Related: mae with weights 1/|t|; wmape divides the sums instead, smape by both sizes.
    Elsewhere: scikit-learn divides by max(|t|, 2.2e-16), torchmetrics by max(|t|, 1.17e-6), LightGBM and CatBoost by
    max(1, |t|); Keras gives 100 times as much, as percent.
    Reference: Makridakis (1993), Accuracy measures, doi:10.1016/0169-2070(93)90079-3.

    >>> losscli.evaluate("mape", pred=[11, 90], target=[10, 100]).value
    0.1
    """
    e, size = pred - target, np.abs(target)
    value = np.abs(e) / size
    if np.isinf(e).any():  # an error may be beyond the range where its share of the target is not
        value = np.where(np.isinf(e), np.abs(pred / 2 - target / 2) / (size / 2), value)
    yield value
    yield np.sign(e) / size
    yield np.zeros_like(e)


@loss(
    PAIRED,
    task="regression",
    aliases=("symmetric_mean_absolute_percentage_error", "SymmetricMeanAbsolutePercentageError"),
    degree=0,
    properties="symmetric",
    bounds=(0.0, 2.0),
)
def smape(pred: "Array", target: "Array") -> Yields:
    """SMAPE, symmetric MAPE: 2 |p - t| / (|p| + |t|), with p = pred and t = target; 0 where p = t = 0.

    From 0 to 2. Gradient 4 |t| sign(p - t) / (|p| + |t|)² where p and t have the same sign, else 0; curvature there
    -8 |t| sign(p - t) sign(p) / (|p| + |t|)³, else 0. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when targets may be 0 and forecasts of series of different size are to be compared.
    Not when many targets are 0: any prediction but 0 then costs 2, be it ever so near.
    Assumes nothing of the errors; that prediction and target are on one scale with a meaningful 0.
    Good: has an upper limit; without units; prediction and target may change places.
    Beware: too low costs more than too high by as much: at t = 10, p = 5 costs 0.667 and p = 15 costs 0.4. 2 for every
    prediction of the other sign, so no slope leads back. Not convex; it jumps to 0 where both are 0.
    Kinks: at p = t, at p = 0 and where both are 0, with slope 0.
    Related: mape divides by |t| alone. As |p - t| / ((|p| + |t|)/2) it is an error over the mean size.
    Elsewhere: CatBoost gives 100 times as much, from 0 to 200; torchmetrics divides by max(|p| + |t|, 1.17e-6); some
    papers leave out the 2.
    Reference: Makridakis and Hibon (2000), The M3-competition, doi:10.1016/S0169-2070(00)00057-1.

    >>> losscli.evaluate("smape", pred=[11, 0, 3], target=[9, 0, -3]).value
    0.7333333333333334
    """
    unit = np.ldexp(1.0, np.frexp(np.maximum(np.abs(pred), np.abs(target)))[1] - 1)  # a power of 2 rounds nothing
    p, t = pred / unit, target / unit
    total = np.abs(p) + np.abs(t)
    total = np.where(total == 0, 1.0, total)
    yield 2 * np.abs(p - t) / total
    has_slope = np.sign(pred) * np.sign(target) > 0
    slope = np.where(has_slope, 4 * np.abs(t) * np.sign(pred - target), 0.0) / total / total
    yield slope / unit
    yield -2 * (slope * np.sign(pred) / total) / unit / unit


def _ratio_of_sums(sums: Sequence[Fraction], divisor: Fraction) -> Yields:
    errors, sizes = sums
    if sizes == 0:
        yield inf if errors else nan
        yield (nan, nan)
        yield [(nan, (nan, nan), (nan, nan))]
        return
    yield to_float(errors / sizes)
    slopes = 1 / sizes, -errors / sizes**2
    yield slopes
    yield [(-2 / sizes, slopes, (Fraction(0), Fraction(1)))]


@loss(
    PAIRED,
    task="regression",
    aliases=("wape", "weighted_mean_absolute_percentage_error", "WeightedMeanAbsolutePercentageError"),
    degree=1,
    finish=_ratio_of_sums,
    properties="convex",
)
def wmape(pred: "Array", target: "Array") -> Yields:
    """WMAPE, weighted MAPE: Σ w |e| / Σ w |t|, with e = pred - target and t = target; 0.1 is 10 %.

    An aggregate: both sums are over all samples and outputs, with their weights w; a sample's term is |e|. Gradient of
    the value w sign(e) / Σ w |t|, 0 at e = 0; curvature 0. Undefined where every target is 0, and infinite there if
    some prediction is not.

    Use it when single targets may be 0 or small but their total is not, as of sales a day.
    Not when each sample is to count alike: large targets decide it; take mape or smape.
    Assumes errors that are Laplace distributed with one scale, as mae does; the divisor depends on no prediction.
    Good: the total of what was wrong as a share of the total; it may be added up from parts by their two sums.
    Beware: the w in the name is |t|, not a sample's weight, which counts besides; not a mean of per-sample values; with
    targets of both signs |t| counts, not t.
    Kinks: at e = 0, with slope 0.
    Related: mae divided by the mean of |t|; mape weighted by |t|.
    Elsewhere: torchmetrics divides by max(Σ|t|, 1.17e-6); also known as WAPE and as MAD/Mean ratio.
    Reference: Kolassa and Schütz (2007), https://ideas.repec.org/a/for/ijafaa/y2007i6p40-43.html.

    >>> losscli.evaluate("wmape", pred=[11, 0, 90], target=[10, 0, 100]).value
    0.1
    """
    e = pred - target
    yield np.abs(e), np.abs(target)
    yield np.sign(e), np.zeros_like(e)
    yield np.zeros_like(e), np.zeros_like(e)
