"""Logarithmic errors: regression losses of ln(1 + pred) - ln(1 + target)."""

from collections.abc import Sequence
from fractions import Fraction
from math import inf
from typing import TYPE_CHECKING

from losscli.exact import two_product
from losscli.kinds import ABOVE_MINUS_ONE
from losscli.lazy import np
from losscli.losses.regression import root_of_mean, two_sum
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    ABOVE_MINUS_ONE,
    task="regression",
    aliases=("mean_squared_log_error", "squared_logarithmic_error"),
    properties="symmetric differentiable",
)
def msle(pred: "Array", target: "Array") -> Yields:
    """MSLE, mean squared logarithmic error: L², with L = ln(1 + p) - ln(1 + t), p = pred, t = target.

    Gradient 2L / (1 + p), curvature 2 (1 - L) / (1 + p)². On (n, d) a sample's loss is the mean over its d outputs.
    Values of -1 and below are refused.

    Use it when targets are counts or amounts of many decades and a factor too much is as bad as a factor too little.
    Not when numbers lie in (-1, 0) or the total is to be right: what minimises it predicts too low for a mean.
    Assumes that ln(1 + t) is Gaussian about ln(1 + p) with one variance: minus the logarithm of its density
    exp(-L²/2σ²) is L²/2σ² and a constant.
    Good: relative for large numbers, absolute near 0, and 0 is allowed.
    Beware: not convex: beyond L = 1 the curvature is negative and the slope falls; the best constant is the geometric
    mean of 1 + t, less 1; the unit matters, as 1 is added in it.
    Related: mse of ln(1 + x); rmsle is its root.
    Elsewhere: scikit-learn's mean_squared_log_error is it; Keras raises p to 1e-7 first, so it has no error of a
    prediction below 0; XGBoost's squared log error is half of it.
    Reference: Törnqvist, Vartia and Vartia (1985), How should relative changes be measured?,
    doi:10.1080/00031305.1985.10479385.

    >>> losscli.evaluate("msle", pred=[99, 2.5], target=[9, 2.5]).value
    2.6509490552391997
    """
    ratio = _log_ratio(pred, target)
    yield ratio * ratio
    above = 1 + pred
    yield 2 * ratio / above
    yield 2 * (1 - ratio) / above / above


_SMALL, _SHIFT = 2.0**-500, 600  # squares of what is smaller are taken of numbers 2^600 as large


def _root_of_both(sums: Sequence[Fraction], divisor: Fraction) -> Yields:
    share = Fraction(1, 4**_SHIFT)
    whole = root_of_mean([sums[0] + share * sums[1]], divisor)
    yield next(whole)
    yield tuple(slope * part for (slope,) in [next(whole)] for part in (1, share))
    yield [(c, (u, u * share), (v, v * share)) for c, (u,), (v,) in next(whole)]


@loss(
    ABOVE_MINUS_ONE,
    task="regression",
    aliases=("root_mean_squared_log_error",),
    finish=_root_of_both,
    properties="symmetric",
)
def rmsle(pred: "Array", target: "Array") -> Yields:
    """RMSLE, root of msle: √(Σ w L² / Σ w), with L = ln(1 + pred) - ln(1 + target).

    An aggregate: the square root is taken once, of the mean over all samples and outputs; a sample's term is L².
    Gradient of the value w L / ((1 + pred) Σw · rmsle), 0 where every L is 0. Values of -1 and below are refused.

    Use it when msle's order of models is wanted as a number that reads as a relative error: 0.1 is about 10 %.
    Not when it is to be averaged over batches or folds: average msle and take the root at the end.
    Assumes that ln(1 + target) is Gaussian about ln(1 + pred), as msle does: it estimates the standard deviation.
    Good: for small errors of large numbers about the relative error.
    Beware: not a mean of per-sample values; not convex, as msle; too low costs more than too high by as much.
    Kinks: where every L is 0, with slope 0.
    Related: the root of msle; rmse of ln(1 + x).
    Elsewhere: scikit-learn's root_mean_squared_log_error, XGBoost's metric rmsle.
    Reference: Törnqvist, Vartia and Vartia (1985), How should relative changes be measured?,
    doi:10.1080/00031305.1985.10479385.

    >>> losscli.evaluate("rmsle", pred=[99, 9], target=[9, 9]).value
    1.628173533515147
    """
    ratio, above, none = _log_ratio(pred, target), 1 + pred, np.zeros_like(pred)
    small = np.abs(ratio) < _SMALL
    parts = np.where(small, 0.0, ratio), np.where(small, np.ldexp(ratio, _SHIFT), 0.0)
    yield tuple(part * part for part in parts)
    yield 2 * ratio / above, none  # of both terms as of the first, from whose slope the second's differs by a factor
    yield 2 * (1 - ratio) / above / above, none


def _log_ratio(pred: "Array", target: "Array") -> "Array":
    """Ln((1 + pred) / (1 + target)) to about an ulp: of a ratio near 1 from the difference, and with what the roundings
    of the difference, of both sums and of the quotient have lost.
    """
    e, e_lost = two_sum(pred, -target)
    (top, top_lost), (bottom, bottom_lost) = (two_sum(np.ones_like(a), a) for a in (pred, target))
    shift = 1 - np.frexp(bottom)[1]  # numbers relative to 1 + target, whose square and parts stay in the range
    unit = np.ldexp(bottom, shift)
    excess, quotient = e / bottom, top / bottom
    near = np.abs(excess) <= 0.5
    part, whole = np.where(near, excess, quotient), np.where(near, e, top)
    high, low = two_product(part, unit)
    lost = (np.ldexp(whole, shift) - high) - low
    lost += np.ldexp(np.where(near, e_lost, top_lost), shift) - part * np.ldexp(bottom_lost, shift)
    lost /= unit * np.where(near, 1 + excess, quotient)
    is_safe = (np.abs(part) > 2.0**-300) & (np.abs(part) < 2.0**300)
    far = np.where((quotient > _LEAST) & (quotient < inf), np.log(quotient), np.log(top) - np.log(bottom))
    ratio: Array = np.where(near, np.log1p(excess), far) + np.where(is_safe, lost, 0.0)
    return ratio


_LEAST = 2.0**-1022
