"""Distances of two distributions on a line, by their cumulative functions."""

from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from losscli.exact import Exact, root, to_float
from losscli.kinds import HISTOGRAMS, SAMPLES
from losscli.lazy import np
from losscli.losses.cross_entropies import one_hot
from losscli.losses.stable import row_sum
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_HUGE, _DOWN = 2.0**1022, 2  # sizes whose differences leave the range, and by how many bits they are scaled down


class Steps(NamedTuple):
    """The difference F - G of two samples' cumulative weights, a step function: `steps` between neighbours of the
    pooled sorted values, which are `gaps` apart, at a scale of 2^shift; before and after each prediction; and the
    predictions' own weights. Weights are whole numbers, and so are exact, `total` of them.
    """

    gaps: "Array"
    steps: "Array"
    shift: int
    before: "Array"
    after: "Array"
    own: "Array"
    total: Fraction

    @staticmethod
    def of(pred: "Array", target: "Array", weight: "Array") -> "Steps":
        shift = -_DOWN if max(np.abs(pred).max(), np.abs(target).max()) >= _HUGE else 0
        p, t = np.ldexp(pred, shift), np.ldexp(target, shift)
        whole = _whole(weight)
        pooled, signed = np.concatenate([p, t]), np.concatenate([whole, -whole])
        order = np.argsort(pooled, kind="stable")
        values, sums = pooled[order], np.cumsum(signed[order])
        sums = np.concatenate([np.zeros_like(sums[:1]), sums])
        gaps = np.diff(values)
        return Steps(
            gaps,
            _floats(sums[1:-1]),
            shift,
            sums[np.searchsorted(values, p, "left")],
            sums[np.searchsorted(values, p, "right")],
            whole,
            Fraction(int(whole.sum())),
        )

    @property
    def area(self) -> float:
        """∫ |F - G|, with F and G in shares of the weight, rounded once."""
        return Exact.of(self.gaps, np.abs(self.steps)).scaled(-self.shift).over(self.total)

    @property
    def energy(self) -> float:
        """√(2 ∫ (F - G)²), likewise."""
        found = Exact.of(self.gaps, self.steps, self.steps).scaled(-self.shift)
        return found.special or root(2 * found.fraction / self.total**2)

    def share(self, whole: "Array") -> "Array":
        """Whole weights as shares of the total."""
        return _floats(whole) / to_float(self.total)


def _whole(weight: "Array") -> "Array":
    """Weights as whole numbers in one unit: of machine size where all and their sum fit, else Python's."""
    mantissas, exponents = np.frexp(weight)
    if not len(weight) or (weight == weight[0]).all():
        return np.ones(len(weight), np.int64)
    least = int(exponents[weight > 0].min()) - 53
    trailing = [int(m * 2**53) << (int(e) - 53 - least) for m, e in zip(mantissas, exponents, strict=True)]
    unit = _common_power(trailing)
    found = [whole >> unit for whole in trailing]
    return np.array(found, np.int64 if sum(found) < 2**62 else object)


def _common_power(numbers: list[int]) -> int:
    """How often 2 divides all of the numbers, of which some are above 0."""
    together = 0
    for number in numbers:
        together |= number
    return (together & -together).bit_length() - 1


def _floats(whole: "Array") -> "Array":
    return np.asarray(whole, np.float64) if whole.dtype != object else np.array([to_float(Fraction(x)) for x in whole])


Support = Annotated[float | tuple[float, ...] | None, Param("the numbers that the columns stand for; none: 0/1/2…")]


@loss(
    SAMPLES,
    task="divergence",
    aliases=("wasserstein_distance", "wasserstein_1d"),
    also=("wasserstein:mode=histogram", "wasserstein:mode=histogram,support=-1/0.5/4"),
    scope="whole",
    row_when=("mode", "histogram"),
    row_kind=HISTOGRAMS,
    properties=lambda *, mode, support: "convex symmetric" if mode == "histogram" else "symmetric",
)
def wasserstein(
    pred: "Array",
    target: "Array",
    *weight: "Array",
    mode: Annotated[
        Literal["samples", "histogram"], Param("what a row is: one draw on either side, or two distributions")
    ] = "samples",
    support: Support = None,
) -> Yields:
    """Wasserstein distance: ∫ |F(x) - G(x)| dx, with F and G the cumulative distributions of prediction and target.

    With mode=samples the two columns are samples, whose rows are not paired: one value of the whole, the mean distance
    of the sorted values; a row's weight is that of both its numbers. Gradient with respect to each number its weight's
    share times the sign of the way it goes; curvature 0. With mode=histogram a row loss of distributions over the
    columns, which stand for the numbers in support: Σ_k |F_k - G_k| (x_(k+1) - x_k); gradient of column j the sum of
    sign(F_k - G_k) (x_(k+1) - x_k) over k >= j.

    Use it when what matters is how far mass has to be carried, as with ordered classes, counts, or generated values.
    Not when classes have no order, nor when predictions belong to targets row by row: that is mae.
    Assumes that carrying mass costs in proportion to the distance: it is the least cost of turning one into the other.
    Good: in the target's units; finite for distributions that share no point; says by how much, not only whether.
    Beware: numbers are not weights: of [0.1, 0.2, 0.7] and [0.7, 0.2, 0.1] as samples the distance is 0, as histograms
    1.2. With samples all rows are held in memory, and values of parts do not add up.
    Kinks: where F = G over an interval, or a number equals one of the other side, with the mean of the slopes to its
    left and right.
    Related: on samples at most mae; energy_distance takes the square of F - G; on the columns 0 and 1 total_variation.
    Elsewhere: scipy's wasserstein_distance takes values and, apart from them, weights.
    Reference: Vallender (1974), doi:10.1137/1118101.

    >>> losscli.evaluate("wasserstein:mode=histogram", pred=[[0.5, 0.25, 0.25]], target=[[0.25, 0.25, 0.5]]).value
    0.5
    """
    if mode == "histogram":
        yield from _of_histograms(pred, one_hot(target, pred.shape[1]), support)
    else:
        yield from _of_samples(pred, target, *weight)


def _of_samples(pred: "Array", target: "Array", weight: "Array") -> Yields:
    found = [Steps.of(*rows) for rows in zip(pred, target, weight, strict=True)]
    yield np.array([steps.area for steps in found])
    sides = [_turned(s.after - s.own, s.after) - _turned(s.before + s.own, s.before) for s in found]
    yield np.stack([s.share(both) / 2 for s, both in zip(found, sides, strict=True)])
    yield np.zeros_like(pred)


def _turned(moved: "Array", whole: "Array") -> "Array":
    return np.abs(moved) - np.abs(whole)


def _of_histograms(p: "Array", t: "Array", support: Any) -> Yields:
    widths = np.ones(p.shape[1] - 1) if support is None else np.diff(np.asarray(support, np.float64))
    ahead = _ahead(p, t)
    yield row_sum(np.abs(ahead) * widths)
    signed = np.sign(ahead) * widths
    slopes = np.zeros_like(p)
    slopes[:, :-1] = np.cumsum(signed[:, ::-1], axis=1)[:, ::-1]
    yield slopes
    yield np.zeros_like(p)


def _ahead(p: "Array", t: "Array") -> "Array":
    """F - G after each column but the last, with what each addition loses kept (Knuth's TwoSum)."""
    total, lost = np.zeros(len(p)), np.zeros(len(p))
    found = np.empty((len(p), p.shape[1] - 1))
    for k in range(p.shape[1] - 1):
        for part in (p[:, k], 0 - t[:, k]):
            new = total + part
            back = new - total
            lost = lost + ((total - (new - back)) + (part - back))
            total = new
        found[:, k] = total + lost
    return found


@loss(
    SAMPLES,
    task="divergence",
    scope="whole",
    properties="symmetric",
)
def energy_distance(pred: "Array", target: "Array", weight: "Array") -> Yields:
    """Energy distance: √(2 ∫ (F(x) - G(x))² dx), with F and G the cumulative distributions of prediction and target.

    That is √(2 E|X-Y| - E|X-X'| - E|Y-Y'|), X and X' being independent draws from the one, Y and Y' from the other.
    The two columns are samples, whose rows are not paired: one value of the whole; a row's weight is that of both its
    numbers, and a number is compared with itself too. With D the distance, w a number's share of the weight and d the
    mean of F - G just left and just right of it, gradient -2 w d / D; curvature minus its square over D.

    Use it when two samples are compared as a whole, each difference of their distributions counting by its square.
    Not when predictions belong to targets row by row: that is mae.
    Assumes that a mean distance exists; it is 0 only where both distributions are one.
    Good: a distance; in the root of the target's units; without bandwidth or bins.
    Beware: its scale is the root of the numbers': of numbers 4 times as large it is twice as large. Two samples of one
    distribution are some way apart. All rows are held in memory, and values of parts do not add up.
    Kinks: where the samples are the same, with slope 0; where a number equals another, with the mean of the slopes to
    its left and right.
    Related: wasserstein is ∫ |F - G|; on one number the square is twice the CRPS.
    Elsewhere: scipy's energy_distance is this; others leave out the root, or the pairs of a number with itself.
    Reference: Székely and Rizzo (2013), doi:10.1016/j.jspi.2013.03.018.

    >>> losscli.evaluate("energy_distance", pred=[0, 0], target=[2, 2]).value
    2.0
    """
    found = [Steps.of(*rows) for rows in zip(pred, target, weight, strict=True)]
    distance = np.array([steps.energy for steps in found])
    yield distance
    column, is_same = distance[:, None], (distance == 0)[:, None]
    shares = np.stack([s.share(s.own) for s in found])
    between = np.stack([s.share(s.before + s.after) for s in found])
    slope = np.where(is_same, 0.0, 0 - shares * (between / column))
    yield slope
    yield np.where(is_same, 0.0, 0 - slope * (slope / column))
