"""Losses of all samples at once, from their errors: the largest, the middle one, and the root mean square on a scale
that the targets give.
"""

from fractions import Fraction
from math import inf, isinf, nan
from typing import TYPE_CHECKING, Annotated, Literal

from losscli.exact import Exact, root, to_float
from losscli.kinds import RESIDUAL, SINGLE
from losscli.lazy import np
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


def of_elements(weight: "Array", like: "Array") -> "Array":
    """The weight of each element: that of its row."""
    return np.broadcast_to(weight.reshape(weight.shape + (1,) * (like.ndim - weight.ndim)), like.shape)


def within_range(pred: "Array", target: "Array") -> "tuple[Array, Array, float]":
    """Both, or half of both where an error is beyond the range of float64, and what they were multiplied by."""
    unit = 0.5 if np.isinf(pred - target).any() else 1.0
    return pred * unit, target * unit, unit


def product(factor: Fraction, *arrays: "Array") -> "Array":
    """Factor · array · …, whose parts may leave the range of float64 where it does not."""
    power = factor.numerator.bit_length() - factor.denominator.bit_length()
    parts = [np.frexp(array) for array in arrays]
    size = np.multiply.reduce([mantissa for mantissa, _ in parts]) * to_float(factor / Fraction(2) ** power)
    whole: Array = np.ldexp(size, np.add.reduce([exponent for _, exponent in parts]) + power) + 0.0  # of -0.0 too
    return whole


@loss(
    RESIDUAL,
    task="regression",
    aliases=("maximum_error", "linf"),
    degree=1,
    scope="whole",
    properties="convex symmetric",
)
def max_error(pred: "Array", target: "Array", weight: "Array") -> Yields:
    """Maximum error: the largest |e|, with e = pred - target.

    Of the whole: of all samples and outputs; a weight only says that a sample counts. Gradient sign(e) where |e| is
    largest, else 0; of several as large each has its share, by weight. Curvature 0.

    Use it when a limit must hold for every sample, as a tolerance does.
    Not when data have outliers or labels may be wrong: one sample decides; take a quantile of the errors, or mae.
    Assumes errors that are bounded and spread evenly up to the bound: the largest one is that bound's likeliest value.
    Good: in the target's units; says what no other error exceeds; the best constant is the middle of the range.
    Beware: grows with the number of samples; a mean over batches is not it, their largest is.
    Kinks: where two errors are largest, with the slopes shared; 0 where every error is 0.
    Related: the q-th root of the mean of lq as q → ∞; medae is the middle of the same sizes.
    Elsewhere: scikit-learn's max_error, of one output only.
    Reference: Boyd and Vandenberghe (2004), Convex Optimization, section 6.1, doi:10.1017/CBO9780511804441.

    >>> losscli.evaluate("max_error", pred=[2.5, 0, 2], target=[3, -1, 2]).value
    1.0
    """
    e = pred - target
    size = np.abs(e)
    largest = size.max()
    yield np.full(1, largest)
    share = np.where((size == largest) & (size > 0), of_elements(weight, e), 0.0)
    share = share / max(share.max(), 1e-300) if largest else share  # of the largest weight, so that no sum overflows
    yield np.sign(e) * (share / share.sum()) + 0.0 if largest else share  # 0.0 for -0.0
    yield np.zeros_like(e)


def weighted_median(values: "Array", weight: "Array") -> tuple[float, float]:
    """The two middle ones of the values, each repeated as often as its weight says; twice the same where one is in the
    middle.
    """
    order = np.argsort(values, axis=None)
    ordered, weights = values.ravel()[order], weight.ravel()[order]
    half = Exact.of(weights).fraction / 2

    def first(beyond: bool) -> float:
        """The first value up to which the weights add up to half of all, or to more than that."""
        low, high = 0, len(ordered) - 1
        while low < high:  # exactly, so that an even number is one
            middle = (low + high) // 2
            so_far = Exact.of(weights[: middle + 1]).fraction
            low, high = (low, middle) if so_far > half or (so_far == half and not beyond) else (middle + 1, high)
        return float(ordered[low])

    return first(False), first(True)


@loss(
    RESIDUAL,
    task="regression",
    aliases=("median_absolute_error", "MedianAbsoluteError"),
    degree=1,
    scope="whole",
    properties="symmetric",
    underived="the middle error is that of one or two samples, and no other counts",
)
def medae(pred: "Array", target: "Array", weight: "Array") -> Yields:
    """Median absolute error: the median of |e|, with e = pred - target.

    Of the whole: of all samples and outputs. Of an even number it is the mean of the two middle ones; with weights the
    median of as many copies of each as its weight says: the mean of the least size up to which the weights reach half
    of their sum and of the least up to which they exceed it.

    Use it when up to half of the samples may be wrong and the size of an ordinary error is asked for.
    Not when the bad half matters: it does not change however large the errors above the middle grow.
    Assumes nothing; of Gaussian errors it is 0.6745 standard deviations.
    Good: in the target's units; nearly half of the samples may be anything.
    Beware: no mean of parts' medians; not convex; nothing to minimise by gradients.
    Related: mae is the mean of the same sizes, max_error their largest.
    Elsewhere: scikit-learn's median_absolute_error, whose weighted median is this one (in 1.9); of several outputs it
    takes the mean of a median a column.
    Reference: Rousseeuw (1984), Least median of squares regression, doi:10.1080/01621459.1984.10477105.

    >>> losscli.evaluate("medae", pred=[1, 2, 3, 4], target=[1, 0, 0, -4]).value
    2.5
    """
    pred, target, unit = within_range(pred, target)
    size = np.abs(pred - target)
    if np.isnan(size).any():
        yield np.full(1, nan)
        return
    low, high = weighted_median(size, of_elements(weight, size))
    middle = low if isinf(low) or low == high else inf if isinf(high) else (Fraction(low) + Fraction(high)) / 2
    yield np.full(1, to_float(Fraction(middle) / Fraction(unit)) if middle < inf else inf)


@loss(
    SINGLE,
    task="regression",
    aliases=("normalized_root_mean_squared_error", "NormalizedRootMeanSquaredError"),
    also=("nrmse:divisor=range", "nrmse:divisor=std"),
    scope="whole",
    properties="convex",
)
def nrmse(
    pred: "Array",
    target: "Array",
    weight: "Array",
    *,
    divisor: Annotated[
        Literal["mean", "range", "std"], Param("what of the targets the error is divided by, with their weights")
    ] = "mean",
) -> Yields:
    """NRMSE, normalised rmse: √(Σ w e² / Σ w) / s, with e = pred - target and s a scale of the targets t.

    divisor=mean is s = |Σ w t / Σ w|, divisor=range the largest t less the smallest, divisor=std their standard
    deviation, the root of Σ w t² / Σ w less the mean squared. Of the whole: s depends on all targets. One column each.
    Gradient w e / (Σw · s² · nrmse), 0 where every error is 0. Where s = 0 it is infinite, or undefined if every error
    is 0.

    Use it when rmse is to be compared between series of different units or size.
    Not when the targets' mean is near 0 or their 0 has no meaning, as of degrees Celsius: take divisor=std or range.
    Assumes errors that are Gaussian with one variance, as rmse does; the scale depends on no prediction.
    Good: without units; with divisor=std 1 is what predicting the mean gets, with divisor=mean it is a share of a usual
    target.
    Beware: the name says nothing of the scale, and the three differ by far; the range grows with the number of samples
    and is decided by two of them.
    Kinks: where every error is 0, with slope 0.
    Related: with divisor=std its square is 1 - r2, and it is known as RSR; with divisor=mean as CV(RMSE).
    Elsewhere: torchmetrics' default is the mean, with its sign, and it divides by the root of Σt² too (l2).
    Reference: Moriasi and others (2007), Model evaluation guidelines, doi:10.13031/2013.23153.

    >>> losscli.evaluate("nrmse:divisor=range", pred=[1, 2, 4], target=[1, 4, 1]).value
    0.693888666488711
    """
    pred, target, unit = within_range(pred, target)
    e = pred - target
    squares, total = Exact.of(e, e, weight), Exact.of(weight).fraction
    if not (squares.is_finite and np.isfinite(target).all()):
        yield np.full(1, nan if np.isinf(target).any() else inf)
        yield from (np.full_like(e, nan), np.full_like(e, nan))
        return
    scale = _square_of_scale(target, weight, divisor)
    mean = squares.fraction / total
    value = root(mean / scale) if scale else inf if mean else nan
    yield np.full(1, value)
    slope = Fraction(unit) / (total * scale * Fraction(value)) if 0 < value < inf else Fraction(0)
    gradient = product(slope, e, weight)
    yield gradient if scale else np.full_like(e, nan)
    bend = product(1 / Fraction(value), gradient, gradient) if slope else gradient
    yield product(slope * Fraction(unit), weight) - bend if scale else np.full_like(e, nan)


def _square_of_scale(target: "Array", weight: "Array", divisor: str) -> Fraction:
    if divisor == "range":
        return (Fraction(float(target.max())) - Fraction(float(target.min()))) ** 2
    total = Exact.of(weight).fraction
    mean = Exact.of(target, weight).fraction / total
    return mean**2 if divisor == "mean" else Exact.of(target, target, weight).fraction / total - mean**2
