"""Skill: how much of the best constant's loss predictions take away; 1 is perfect, 0 as good as the constant."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf, log, log1p, nan
from typing import TYPE_CHECKING, Annotated, Literal

from losscli.exact import Exact, to_float, two_product
from losscli.kinds import COMPARED, SINGLE
from losscli.lazy import np
from losscli.losses.binary import bce
from losscli.losses.deviances import gamma_deviance, poisson_deviance
from losscli.losses.overall import product, weighted_median, within_range
from losscli.losses.regression import mae, mse
from losscli.parameters import Param
from losscli.registry import Function, Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_SHIFTS = (0, 600, -600)  # squares of very small and of very large numbers are taken of 2^shift times these
_UNITS = tuple(Fraction(4) ** -shift for shift in _SHIFTS)


def _by_size(size: "Array", low: float, high: float) -> "list[Array]":
    """Which numbers are ordinary (or 0, or NaN), which very small, which very large."""
    small, large = (size < low) & (size > 0), size >= high
    return [~(small | large), small, large]


def _explained(sums: Sequence[Fraction], divisor: Fraction) -> Yields:
    """Of Σ w e² in three sizes, Σ w t, and Σ w t² in three sizes twice, the rounded squares and what they lack."""
    zero, one, none = (Fraction(0),) * 3, (Fraction(1),), (Fraction(0),)
    error = sum((u * s for u, s in zip(_UNITS, sums[:3], strict=True)), Fraction(0))
    total = sums[3]
    spread = sum((u * s for u, s in zip(_UNITS * 2, sums[4:], strict=True)), Fraction(0)) - total**2 / divisor
    if spread == 0:  # the best constant is perfect: no share of its loss can be taken away
        yield nan
        yield (nan,) * len(sums)
        yield [(nan, (nan,) * len(sums), (nan,) * len(sums))]
        return
    yield to_float(1 - error / spread)
    of_error = _UNITS + none + zero + zero
    of_spread = (*zero, -2 * total / divisor, *_UNITS, *_UNITS)
    ratio = error / spread**2
    yield tuple(ratio * s - e / spread for e, s in zip(of_error, of_spread, strict=True))
    of_total = zero + one + zero + zero
    yield [
        (2 / spread**2, of_error, of_spread),
        (-2 * ratio / spread, of_spread, of_spread),
        (-2 * ratio / divisor, of_total, of_total),
    ]


@loss(
    SINGLE,
    task="regression",
    aliases=("r2_score", "R2Score", "nse", "nash_sutcliffe"),
    finish=_explained,
    properties="differentiable",
    bounds=(-inf, 1.0),
    better="higher",
)
def r2(pred: "Array", target: "Array") -> Yields:
    """R²: 1 - Σ w e² / Σ w (t - t̄)², with e = pred - target and t̄ the mean of the targets t.

    The coefficient of determination, an aggregate: both sums are over all samples, with their weights, and
    t̄ = Σ w t / Σ w; one column each; a sample's term is e². Higher is better: 1 is perfect, 0 as good as predicting t̄.
    Gradient -2 w e / Σ w (t - t̄)², curvature -2 w / Σ w (t - t̄)². Undefined where all targets are the same.

    Use it when the question is how much of the targets' variation the predictions account for.
    Not when two data sets are compared: the same errors give a higher value where targets vary more.
    Assumes errors that are Gaussian with one variance, as mse does: it is 1 less the share of the variance left over.
    Good: without units; the same whatever scale and zero the targets have.
    Beware: below 0 for predictions worse than the mean, without limit; no square of anything then. Of targets outside
    the data that t̄ was taken of it says little. It is not the square of the correlation, which forgives bias and scale.
    Related: d2 with deviance=mse; nrmse:divisor=std is √(1 - R²); a mean of parts' values is not it.
    Elsewhere: scikit-learn's r2_score gives 0 for constant targets, or 1 if all are met; of several outputs the mean of
    a value a column.
    Reference: Nash and Sutcliffe (1970), River flow forecasting, doi:10.1016/0022-1694(70)90255-6.

    >>> losscli.evaluate("r2", pred=[2.5, 0, 2, 8], target=[3, -0.5, 2, 7]).value
    0.9486081370449678
    """
    pred, target = (np.where(np.isinf(a), nan, a) for a in (pred, target))  # which have no share of anything
    e = pred - target
    errors = [
        np.where(where, np.ldexp(pred, shift) - np.ldexp(target, shift), 0.0)
        for shift, where in zip(_SHIFTS, _by_size(np.abs(e), 2.0**-500, 2.0**500), strict=True)
    ]
    sizes = _by_size(np.abs(target), 2.0**-450, 2.0**480)
    parts = [
        two_product(part, part)
        for part in (np.where(w, np.ldexp(target, s), 0.0) for s, w in zip(_SHIFTS, sizes, strict=True))
    ]
    squares, lost = zip(*parts, strict=True)
    yield (*(error * error for error in errors), target, *squares, *lost)
    none = (np.zeros_like(e),) * 9
    yield (2 * e, *none)  # of all squares of errors as of the first, from whose slope the others' differ by a factor
    yield (np.full_like(e, 2.0), *none)


Deviance = Annotated[
    Literal["mse", "mae", "bce", "poisson_deviance", "gamma_deviance"],
    Param("the loss that is compared with that of its best constant"),
]
_LOSSES: Mapping[str, Function] = {
    "mse": mse,
    "mae": mae,
    "bce": bce,
    "poisson_deviance": poisson_deviance,
    "gamma_deviance": gamma_deviance,
}
_POWERS = {"poisson_deviance": 1, "gamma_deviance": 2}  # of the mean, which the variance grows with


def _least(target: "Array", weight: "Array", deviance: str) -> Fraction:
    """The weighted sum of the best constant's losses: exactly, but for logarithms."""
    total, whole = Exact.of(target, weight).fraction, Exact.of(weight).fraction
    if deviance == "mse":
        return Exact.of(target, target, weight).fraction - total**2 / whole
    if deviance == "mae":
        middle, _ = weighted_median(target, weight)
        side = np.sign(target - middle)
        return Exact.of(target, side, weight).fraction - Fraction(middle) * Exact.of(side, weight).fraction
    if deviance in _POWERS:
        return _least_deviance(target, weight, deviance, total / whole)
    return whole * Fraction(_entropy(total / whole)) if 0 < total < whole else Fraction(0)


def _unit_of(target: "Array") -> float:
    """What to multiply with so that no mean and no deviance of the smallest numbers is subnormal, as far as it goes."""
    return 2.0**500 if target.max() < 2.0**-500 else 1.0


def _least_deviance(target: "Array", weight: "Array", deviance: str, mean: Fraction) -> Fraction:
    """That of the mean as a float64 has it, less what the rounding adds: the deviance of that from the mean itself."""
    if deviance == "gamma_deviance":  # which is the same of all numbers times one
        unit = _unit_of(target)
        target, mean = target * unit, mean * Fraction(unit)
    rounded = to_float(mean)
    if not rounded:  # all counts are 0
        return Fraction(0)
    of_each = next(_LOSSES[deviance](np.full_like(target, rounded), target))
    added = (mean - Fraction(rounded)) ** 2 / Fraction(rounded) ** _POWERS[deviance]
    return Exact.of(of_each, weight).fraction - Exact.of(weight).fraction * added


def _entropy(share: Fraction) -> float:
    """Of one of two outcomes, each logarithm from the smaller side."""
    p, q = to_float(share), to_float(1 - share)
    return -p * (log1p(-q) if q < p else log(p)) - q * (log1p(-p) if p < q else log(q))


@loss(
    COMPARED,
    task="regression",
    also=(
        "d2:deviance=mae",
        "d2:deviance=bce",
        "d2:deviance=poisson_deviance",
        "d2:deviance=gamma_deviance",
    ),
    scope="whole",
    properties=lambda deviance: "" if deviance == "mae" else "differentiable",
    bounds=(-inf, 1.0),
    better="higher",
)
def d2(pred: "Array", target: "Array", weight: "Array", *, deviance: Deviance = "mse") -> Yields:
    """D²: 1 - L / L₀, with L = Σ w ℓ(pred, target) and L₀ the least L of a constant prediction.

    deviance names ℓ: mse, which makes it R², mae, bce, poisson_deviance or gamma_deviance; each takes what that loss
    takes, with bce pred is the probability of a target of 1. The constant is the mean of the targets, with mae their
    median. Of the whole; one column each. Higher is better: 1 is perfect, 0 as good as the constant. Gradient and
    curvature -w / L₀ times those of ℓ. Undefined where the constant is perfect, as where all targets are the same.

    Use it when a loss is to be read as a share: how much better than knowing nothing but the targets' distribution.
    Not when data sets are compared: L₀ is that of these targets.
    Assumes what ℓ assumes: Gaussian errors with mse, Laplace errors with mae, outcomes of 0 and 1 with bce, counts or
    amounts with the deviances. Where ℓ is minus a log-likelihood less its least value, L₀ is that of a model that is a
    constant alone, and D² the share of its deviance that is explained.
    Good: without units; the order of models is that of ℓ.
    Beware: the constant is fitted to the targets that are evaluated, so it is a little better than any that could be
    known before; below 0 without limit.
    Kinks: those of ℓ: with deviance=mae at pred = target, with slope 0.
    Related: r2 is deviance=mse, of sums that merge; of it √(1 - D²) is nrmse:divisor=std. mse, mae, bce and the two
    deviances are the ℓ.
    Elsewhere: scikit-learn's d2_absolute_error_score (deviance=mae), d2_log_loss_score (deviance=bce, with clipped
    probabilities) and d2_tweedie_score (power=1 is poisson_deviance, power=2 gamma_deviance); in the literature on
    log-likelihoods McFadden's R².
    Reference: Cameron and Windmeijer (1997), An R-squared measure, doi:10.1016/S0304-4076(96)01818-0.

    >>> losscli.evaluate("d2:deviance=mae", pred=[2.5, 0, 2, 8], target=[3, -0.5, 2, 7]).value
    0.7647058823529411
    """
    unit = 1.0
    if deviance in ("mse", "mae"):
        pred, target, unit = within_range(pred, target)
    elif deviance == "poisson_deviance":
        unit = _unit_of(target)
        pred, target = pred * unit, target * unit
    yields = _LOSSES[deviance](pred, target)
    loss_of_each, e = next(yields), pred - target
    found = Exact.of(e, e, weight) if deviance == "mse" else Exact.of(loss_of_each, weight)
    least = _least(target, weight, deviance) if np.isfinite(target).all() else Fraction(0)
    if least:
        yield np.full(1, to_float(1 - found.fraction / least) if found.is_finite else -found.special)
    else:
        yield np.full(1, nan)
    for order, derivative in enumerate(yields, 1):
        yield product(-(Fraction(unit) ** order) / least, derivative, weight) if least else np.full_like(pred, nan)
