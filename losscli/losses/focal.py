"""Focal loss: cross-entropy weighed by how far from certain the outcome was.

Its powers magnify what is lost in 1 - p, so that it is kept in two parts: the nearest float64, and what that lacks.
"""

from collections.abc import Sequence
from math import inf, log
from typing import TYPE_CHECKING, Annotated, NamedTuple

from losscli.exact import two_product
from losscli.kinds import OUTCOMES
from losscli.lazy import np
from losscli.losses.cross_entropies import Form, one_hot
from losscli.losses.stable import others_of, over, row_sum, times
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_LN2 = log(2)
_LN2_LACKS = 2.3190468138462996e-17  # of ln 2
_SMALLEST = 800.0  # exp of minus that is 0


def _sum(a: "Array", b: "Array") -> "tuple[Array, Array]":
    """The rounded sum and what it lacks, exactly (Knuth's TwoSum)."""
    high = a + b
    back = high - a
    return high, np.where(np.isinf(high), 0.0, (a - (high - back)) + (b - back))


def _exp_of_minus(x: "Array", x_low: "Array") -> "tuple[Array, Array]":
    """Exponential of -(x + x_low), for x >= 0, in two parts; x = inf gives 0."""
    x = np.minimum(x, _SMALLEST)
    halvings = np.rint(x / _LN2)
    multiple, lost = two_product(halvings, np.full_like(x, _LN2))
    rest, rest_low = _sum(multiple, -x)  # at most ln 2 / 2 in size, so that expm1 has digits to spare beside 1
    more = np.expm1(rest)
    high, low = _sum(np.ones_like(x), more)
    high, low = _sum(high, low + high * (rest_low + lost + halvings * _LN2_LACKS - x_low))
    down = -halvings.astype(np.int64)
    return np.ldexp(high, down), np.ldexp(low, down)


class _Outcomes(NamedTuple):
    """Of outcomes: the probability p of each, 1 - p with the share that it lacks, and the cost -ln p = 2 half + rest: a
    difference of logits may overflow where a share of it does not.
    """

    p: "Array"
    not_p: "Array"
    lacks: "Array"
    half: "Array"
    rest: "Array"

    @property
    def ratio(self) -> "Array":
        """What p · -ln p / (1 - p) is, between 0 and 1."""
        return over(times(self.p, 2 * self.half + self.rest), self.not_p)

    def power(self, gamma: float) -> "Array":
        """(1 - p)^gamma."""
        high = np.power(self.not_p, gamma)
        return high + times(gamma * self.lacks, high)

    def slope_of_power(self, gamma: float) -> "Array":
        """Of (1 - p)^gamma in 1 - p."""
        if gamma == 0:
            return np.zeros_like(self.p)
        less = gamma - 1
        lost = gamma - (less + 1)  # by the rounding of the exponent, which a small 1 - p magnifies
        return gamma * self.power(less) * np.exp(lost * np.log(np.where(self.not_p == 0, 1.0, self.not_p)))

    def costs(self, weights: "Array", gamma: float) -> "Array":
        """Weight · (1 - p)^gamma · -ln p."""
        power = self.power(gamma)
        return 2 * times(weights, power * self.half) + times(weights, power * self.rest)


def _of_probs(p: "Array") -> _Outcomes:
    not_p, low = _sum(np.ones_like(p), -p)
    return _Outcomes(np.abs(p), not_p, over(low, not_p), np.zeros_like(p), 0 - np.log(p))  # -0.0 is 0.0 too


def _of_log_probs(log_p: "Array") -> _Outcomes:
    nothing = np.zeros_like(log_p)
    return _Outcomes(np.exp(log_p), 0 - np.expm1(log_p), nothing, nothing, 0 - log_p)


def _of_logits(z: "Array") -> _Outcomes:
    """The classes of a softmax, a row at a time: 1 - p is the share of the others."""
    top = np.argmax(z, axis=1)[:, None]
    largest = np.broadcast_to(np.take_along_axis(z, top, axis=1), z.shape)
    half = np.where(z == largest, 0.0, largest / 2 - z / 2)
    high, low = _exp_of_minus(*_sum(largest, -z))
    for part in (high, low):
        np.put_along_axis(part, top, 0.0, axis=1)
    rest, rest_low = _sum(row_sum(high)[:, None], row_sum(low)[:, None])  # of the others, beside the largest's 1
    total, total_low = _sum(np.ones_like(rest), rest)
    others, others_low = _sum(total, -high)
    for part, of_top in ((others, rest), (others_low, -total_low), (high, np.ones_like(rest)), (low, 0 * rest)):
        np.put_along_axis(part, top, of_top, axis=1)
    not_p = others / total
    back, back_low = two_product(not_p, np.broadcast_to(total, z.shape))
    total_low = total_low + rest_low
    lacking = ((others - back) - back_low) + (others_low + total_low - low) - not_p * total_low
    return _Outcomes(high / total, not_p, over(lacking / total, not_p), half, np.log1p(rest) + rest_low / total)


def _of_other_prob(p: "Array") -> _Outcomes:
    nothing = np.zeros_like(p)
    return _Outcomes(1 - p, np.abs(p), nothing, nothing, 0 - np.log1p(-p))


def _of_other_log_prob(log_p: "Array") -> _Outcomes:
    p, not_p, nothing = np.exp(log_p), 0 - np.expm1(log_p), np.zeros_like(log_p)
    return _Outcomes(not_p, p, nothing, nothing, 0 - np.where(log_p > -_LN2, np.log(not_p), np.log1p(-p)))


def _in_prob(found: _Outcomes, gamma: float) -> Yields:
    """Slope and curvature of an outcome's loss in its p."""
    power = found.power(gamma)
    yield 0 - power * (times(np.asarray(gamma), over(found.rest, found.not_p)) + 1 / found.p)
    bent = (2 + (gamma - 1) * found.ratio) / found.p
    yield times(found.slope_of_power(gamma), bent) + over(over(power, found.p), found.p)


def _in_other_prob(found: _Outcomes, gamma: float) -> Yields:
    """The same in 1 - p."""
    slope, curvature = _in_prob(found, gamma)
    yield 0 - slope
    yield curvature


def _in_log_prob(found: _Outcomes, gamma: float) -> Yields:
    """The same in ln p."""
    yield 0 - found.power(gamma) * (gamma * found.ratio + 1)
    bent = found.p * ((gamma - 1) * found.ratio + 2) - times(found.p, found.rest)
    yield times(bent, found.slope_of_power(gamma))


def _in_other_log_prob(found: _Outcomes, gamma: float) -> Yields:
    """The same in ln(1 - p)."""
    power, odds, factor = found.power(gamma), over(found.not_p, found.p), np.asarray(gamma)
    slope = times(factor, found.rest) + odds
    yield power * slope
    yield power * (times(factor, slope + odds) + over(odds, found.p))


_OF_CLASS = {"probs": (_of_probs, _in_prob), "log_probs": (_of_log_probs, _in_log_prob)}
_OF_OTHER = {"probs": (_of_other_prob, _in_other_prob), "log_probs": (_of_other_log_prob, _in_other_log_prob)}


def _by_column(form: str, pred: "Array", weights: "Array", gamma: float) -> Yields:
    """Of a column a class that are probabilities or their logarithms: each stands by itself."""
    outcomes, derived = _OF_CLASS[form]
    found = outcomes(pred)
    yield row_sum(found.costs(weights, gamma))
    for derivative in derived(found, gamma):
        yield times(weights, derivative)


def _by_logits(z: "Array", weights: "Array", gamma: float) -> Yields:
    found = _of_logits(z)
    yield row_sum(found.costs(weights, gamma))
    p, q = found.p, found.not_p
    power, ratio, cost = weights * found.power(gamma), found.ratio, times(p, 2 * found.half + found.rest)
    fall = power * (gamma * ratio + 1)  # of an outcome's loss as its ln p rises
    of_others = others_of(fall)
    yield p * of_others - q * fall
    change = over(gamma * power * (cost - p * ((gamma - 1) * ratio + 2)), q)  # of the fall, likewise
    changes = others_of(np.maximum(change, 0.0)) - others_of(np.maximum(0 - change, 0.0))
    own = q * power * (p * (gamma * gamma * ratio + 2 * gamma + 1) - gamma * cost)
    yield own + p * (q * of_others - times(p, changes))


def _of_one(form: str, pred: "Array", weights: "Sequence[Array]", gamma: float) -> Yields:
    """Of one column, with the weights of class 0 and of class 1."""
    if form == "logits":
        both = _by_logits(np.stack([np.zeros_like(pred), pred], axis=1), np.stack(weights, axis=1), gamma)
        yield next(both)
        yield next(both)[:, 1]
        yield next(both)[:, 1]
        return
    parts = [(outcomes(pred), derived) for outcomes, derived in (_OF_OTHER[form], _OF_CLASS[form])]
    yield sum(found.costs(weight, gamma) for (found, _), weight in zip(parts, weights, strict=True))
    derivatives = [derived(found, gamma) for found, derived in parts]
    for _ in range(2):
        yield sum(times(weight, next(several)) for several, weight in zip(derivatives, weights, strict=True))


def _properties(*, form: str, gamma: float, alpha: float | None) -> str:
    convex = "convex" if form == "probs" or gamma == 0 else ""
    return f"{convex} differentiable {'proper' if gamma == 0 and alpha in (None, 0.5) else ''}"


@loss(
    OUTCOMES,
    task="classification",
    aliases=("focal_loss", "BinaryFocalCrossentropy", "binary_focal_crossentropy"),
    also=(
        "focal:form=logits",
        "focal:form=log_probs",
        "focal:gamma=0.5",
        "focal:form=logits,gamma=0.5,alpha=0.25",
        "focal:form=log_probs,gamma=3",
        "focal:alpha=0.75",
    ),
    properties=_properties,
)
def focal(
    pred: "Array",
    target: "Array",
    *,
    form: Form = "probs",
    gamma: Annotated[float, Param("how strongly outcomes that were thought likely count less", ge=0, lt=inf)] = 2.0,
    alpha: Annotated[
        float | None, Param("weight of class 1 in one column, that of class 0 being 1 - alpha", ge=0, le=1)
    ] = None,
) -> Yields:
    """Focal: -α_t (1 - p_t)^γ ln p_t, with p_t the probability of what happened.

    One column: p_t = p where the target is 1, 1 - p where it is 0; α_t = α where it is 1, 1 - α where it is 0. With
    form=logits p = σ(pred), with form=log_probs p = exp(pred). A column a class: p_t = p_y of the softmax or of the
    probabilities; targets are indices, names, or rows t, for which it is the mean Σ_j t_j of the loss. One value a row.
    Gradient in the logit z of what happened α_t (1-p)^γ (γ p ln p + p - 1), in its probability
    α_t (1-p)^γ (γ ln p / (1-p) - 1/p). Curvature in z α_t p (1-p)^γ ((2γ+1) (1-p) - γ ln p (γ p - (1-p))).

    Use it when easy samples are so many that together they outweigh the hard ones, as the background in detection.
    Not when probabilities are to be believed: it is not a proper score, and its minimum is not the true probability.
    Assumes nothing of likelihoods. A sample's cross-entropy -ln p_t is multiplied by (1-p_t)^γ: at γ = 2 one with
    p_t = 0.9 counts a hundredth, one with p_t = 0.5 a quarter.
    Good: what is right and sure hardly counts; gradient bounded in the logits.
    Beware: not convex in the logits; the mean is over all samples, where detectors divide by the number of objects.
    Several yes-or-no outputs are no column a class: give them one below the other. Soft targets of one column are
    refused, as they are read in two ways. alpha is refused for several columns, as libraries mean three things by it.
    Ends: γ = 0 is bce, or cross_entropy; γ → ∞ leaves only what was thought impossible. alpha=0.5 is half
    of the loss without alpha.
    Related: bce, cross_entropy; with class weights say --class-weight.
    Elsewhere: torchvision's sigmoid_focal_loss has alpha=0.25 (off is -1), optax's of that name none; keras
    BinaryFocalCrossentropy uses its alpha only with apply_class_balancing, CategoricalFocalCrossentropy multiplies
    every class by alpha=0.25; segmentation-models' "multiclass" takes a sigmoid a class, as MONAI does by default.
    Reference: Lin, Goyal, Girshick, He and Dollár (2017), doi:10.1109/ICCV.2017.324.

    >>> losscli.evaluate("focal:form=logits", pred=[0.3], target=[1]).value
    0.10039327548859708
    """
    if pred.ndim == 1:
        of_1 = 1.0 if alpha is None else alpha
        of_0 = 1.0 if alpha is None else 1 - alpha
        yield from _of_one(form, pred, (of_0 * (1 - target), of_1 * target), gamma)
    else:
        weights = one_hot(target, pred.shape[1])
        yield from _by_logits(pred, weights, gamma) if form == "logits" else _by_column(form, pred, weights, gamma)
