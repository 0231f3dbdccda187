"""Quantiles, expectiles and intervals: losses that are least where a prediction is the level that it claims to be."""

from typing import TYPE_CHECKING, Annotated

from losscli.kinds import CENTRAL, INTERVAL, LEVELS, RESIDUAL, levels_of
from losscli.lazy import np
from losscli.losses.residuals import halves
from losscli.losses.stable import row_sum
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_LEVELS = Param("level of the quantile that is predicted; of several a column each, 0.1/0.5/0.9", gt=0, lt=1)


def _pinball(pred: "Array", target: "Array", low: "Array | float", high: "Array | float") -> Yields:
    """Of what a unit costs that is too low, and too high."""
    a, fold = halves(pred, target)  # the error may overflow where a share of it does not
    above = pred >= target
    yield a * np.where(above, high, low) * fold
    yield np.where(above, high, -low)
    yield np.zeros_like(a)


def _is_median(q: float | tuple[float, ...]) -> bool:
    return q == 0.5


@loss(
    LEVELS,
    task="regression",
    aliases=("pinball", "pinball_loss", "PinballLoss", "mean_pinball_loss", "quantile_loss", "quantileerror"),
    also=("quantile:q=0.9", "quantile:q=0.01", "quantile:q=0.1/0.5/0.9"),
    degree=1,
    properties=lambda q: "convex symmetric" if _is_median(q) else "convex",
)
def quantile(
    pred: "Array",
    target: "Array",
    *,
    q: Annotated[float | tuple[float, ...], _LEVELS] = 0.5,
) -> Yields:
    """Quantile (pinball): q (target - pred) where the prediction is too low, else (1-q) (pred - target).

    Gradient -q where pred < target, else 1-q; curvature 0. q=0.1/0.5/0.9 takes a column a level, in that order, beside
    one target; a sample's loss is the mean over its columns. With one q on (n, d) it is the mean over the d outputs.

    Use it when the prediction is a quantile: a forecast to be exceeded with probability 1-q.
    Not when the prediction is a mean: that is judged by mse, or by expectile for other levels.
    Assumes nothing of the errors: the mean loss has slope P(target < pred) - q in a constant prediction, which is 0 at
    the q-quantile.
    Good: consistent for the quantile, in the target's units, robust against outliers.
    Beware: q = 0.5 is half mae; quantiles of several levels that cross are not refused and only cost what they cost.
    Ends: as q → 0 or 1 nearly all weight is on one side, and a mean needs many rows.
    Kinks: pred = target, the slope of what is too high, 1-q.
    Related: twice the mean over symmetric levels with the median is wis; expectile is the same with squares.
    Elsewhere: scikit-learn mean_pinball_loss (alpha=0.5), LightGBM quantile (alpha=0.9), CatBoost Quantile (alpha=0.5);
    scoringrules' quantile scores over levels are twice the mean. At a tie scikit-learn's derivative is -q.
    Reference: Koenker and Bassett (1978), doi:10.2307/1913643.

    >>> losscli.evaluate("quantile:q=0.1/0.5/0.9", pred=[[1, 2, 3]], target=[2.5]).value
    0.15
    """
    if not isinstance(q, tuple):
        yield from _pinball(pred, target, q, 1 - q)
        return
    levels = np.array(q)
    value, slope, curvature = _pinball(pred, target[:, None], levels, 1 - levels)
    yield row_sum(value) / len(q)
    yield slope / len(q)
    yield curvature / len(q)


@loss(
    RESIDUAL,
    task="regression",
    aliases=("ExpectileLoss", "expectile_loss", "expectileerror"),
    also=("expectile:q=0.9", "expectile:q=0.01"),
    degree=2,
    properties=lambda q: "convex symmetric differentiable" if _is_median(q) else "convex differentiable",
)
def expectile(
    pred: "Array",
    target: "Array",
    *,
    q: Annotated[float, Param("level of the expectile that is predicted", gt=0, lt=1)] = 0.5,
) -> Yields:
    """Expectile: q e² where the prediction is too low, else (1-q) e², with e = pred - target.

    Gradient 2q e where e < 0, else 2 (1-q) e; curvature 2q where e < 0, else 2 (1-q).
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when too low and too high cost differently and large errors more than in proportion.
    Not when a prediction must be exceeded with a given probability: that is a quantile.
    Assumes nothing of the errors: the mean loss is least where q times the mean shortfall of the prediction equals 1-q
    times its mean excess.
    Good: convex and smooth in the slope; uses the sizes of all errors, not only their signs; q = 0.5 gives the mean.
    Beware: q = 0.5 is half mse in value; sensitive to outliers as mse; levels of expectiles are not probabilities.
    Ends: as q → 0 or 1 the best constant goes to the least or the largest target.
    Related: half_mse is q = 0.5; quantile weighs |e| in place of e².
    Elsewhere: CatBoost Expectile (alpha=0.5) and XGBoost reg:expectileerror weigh too low a prediction by the level, as
    here; Vowpal Wabbit too high a one.
    Reference: Newey and Powell (1987), doi:10.2307/1911031.

    >>> losscli.evaluate("expectile:q=0.75", pred=[0, 4], target=[2, 2]).value
    2.0
    """
    a, fold = halves(pred, target)
    weight = np.where(pred < target, q, 1 - q)
    yield fold * (a * (weight * a)) * fold
    yield np.sign(pred - target) * (2 * (weight * a) * fold)
    yield 2 * weight


@loss(
    INTERVAL,
    task="regression",
    aliases=("interval_score", "winkler", "winkler_score"),
    also=("interval:level=0.5",),
    degree=1,
    properties="convex",
)
def interval(
    lower: "Array",
    upper: "Array",
    target: "Array",
    *,
    level: Annotated[float, Param("share of targets that the interval is to hold", gt=0, lt=1)] = 0.95,
) -> Yields:
    """Interval (Winkler) score: (u - l) + (2/α) max(0, l - t) + (2/α) max(0, t - u), with α = 1 - level.

    l and u are the interval's ends, t the target. Gradient in l -1, and 2/α - 1 where t < l; in u 1, and 1 - 2/α where
    t > u; curvature 0. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when the prediction is a central interval: a narrow one that holds the target is best.
    Not when the interval is one-sided, or its ends are not the quantiles α/2 and 1-α/2.
    Assumes nothing of the errors: it is 2/α times the sum of the ends' quantile losses at α/2 and 1-α/2, so that the
    expected score is least at these quantiles.
    Good: one number for width and coverage, in the target's units; proper for the pair of quantiles.
    Beware: level must be the one that the intervals were made for; a lower end above the upper is refused.
    Ends: as level → 1 a miss costs without limit; as level → 0 the width hardly counts beside 2 |t - median|.
    Kinks: t = l and t = u, the slopes inside.
    Related: wis is a weighted mean of it over levels.
    Elsewhere: scoringrules interval_score takes alpha = 1 - level (0.2 for an interval of 80 %).
    Reference: Winkler (1972), doi:10.1080/01621459.1972.10481224; Gneiting and Raftery (2007),
    doi:10.1198/016214506000001437.

    >>> losscli.evaluate("interval:level=0.5", lower=[0, 0], upper=[2, 2], target=[1, 3]).value
    4.0
    """
    cost = 2 / (1 - level)
    below, above = target < lower, target > upper
    miss = np.where(below, lower - target, np.where(above, target - upper, 0.0))
    yield (upper - lower) + cost * miss
    yield np.where(below, cost - 1, -1.0), np.where(above, 1 - cost, 1.0)
    yield np.zeros_like(miss), np.zeros_like(miss)


@loss(
    CENTRAL,
    task="distribution",
    aliases=("weighted_interval_score",),
    also=("wis:q=0.9/0.1/0.5",),
    degree=1,
    properties="convex",
)
def wis(
    pred: "Array",
    target: "Array",
    *,
    q: Annotated[
        float | tuple[float, ...], Param("levels of the columns, 0.5 and pairs that add up to 1", gt=0, lt=1)
    ] = (
        0.025,
        0.25,
        0.5,
        0.75,
        0.975,
    ),
) -> Yields:
    """Weighted interval score: (½ |t - m| + Σ_k (α_k/2) IS_k) / (K + ½), of the median m and K central intervals.

    IS_k is the interval score at level 1-α_k. pred has a column a level of q, in its order; α_k is twice the lower
    level of a pair. Gradient in the quantile of level q: -q where it is below the target, else 1-q, over K + ½;
    curvature 0.

    Use it when a forecast is given as quantiles: the more levels there are, the nearer it is to the CRPS.
    Not when forecasts with different sets of levels are compared: the score depends on the set.
    Assumes nothing of the errors: with weights α_k/2 an interval score is the sum of its ends' quantile losses, so that
    the whole is Σ_q quantile_q / (K + ½), twice their mean; each is least at its quantile.
    Good: proper for the set of quantiles, in the target's units; for one level, 0.5, it is mae.
    Beware: the order of q is the order of the columns; quantiles that cross are not refused.
    Kinks: a quantile equal to the target, slope 1-q over K + ½.
    Related: twice quantile with the same levels; interval for one pair.
    Elsewhere: scoringutils wis; scoringrules 0.10 weighted_interval_score adds the median itself in place of |t - m|.
    Reference: Bracher, Ray, Gneiting and Reich (2021), doi:10.1371/journal.pcbi.1008618.

    >>> losscli.evaluate("wis:q=0.1/0.5/0.9", pred=[[1, 2, 3]], target=[2.5]).value
    0.3
    """
    levels = np.array(levels_of(q))
    tails = np.minimum(levels, np.sort(levels)[::-1][np.argsort(np.argsort(levels))])  # α_k/2: the lower of each pair
    scale = len(levels) / 2  # K + ½
    is_low = levels <= 0.5
    value, slope, curvature = _pinball(
        pred, target[:, None], np.where(is_low, tails, 1 - tails), np.where(is_low, 1 - tails, tails)
    )
    yield row_sum(value) / scale
    yield slope / scale
    yield curvature / scale
