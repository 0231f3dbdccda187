"""Cross-entropy of probabilities, logits and log-probabilities, binary and categorical: each form's own arithmetic."""

from math import log, log1p
from typing import TYPE_CHECKING, Annotated, Any, Literal

from losscli.lazy import np
from losscli.losses.stable import others_of, over, times
from losscli.parameters import Param
from losscli.registry import Yields

if TYPE_CHECKING:
    from losscli.registry import Array

Form = Annotated[Literal["probs", "logits", "log_probs"], Param("what the prediction numbers are")]
Clip = Annotated[float, Param("clip probabilities to [clip, 1 - clip] first; 0 is off", ge=0, lt=0.5)]
Smoothing = Annotated[float, Param("share of the target spread evenly over the classes", ge=0, le=1)]


def clip_needs_probs(*, form: str, clip: float, **_: Any) -> str | None:
    return f"clip is for form=probs, not form={form}" if clip and form != "probs" else None


def _ends(p: "Array", clip: float) -> "list[Array]":
    """Where p lies below clip, and where 1 - p does: 1 - clip itself would be rounded."""
    return [p < clip, 1 - p < clip]


def _log(p: "Array", clip: float) -> "Array":
    """Logarithm of p, clipped to [clip, 1 - clip]."""
    return np.select(_ends(p, clip), [log(clip), log1p(-clip)], np.log(p)) if clip else np.log(p)


def _log_not(p: "Array", clip: float) -> "Array":
    """Logarithm of 1 - p, for p clipped to [clip, 1 - clip]."""
    return np.select(_ends(p, clip), [log1p(-clip), log(clip)], np.log1p(-p)) if clip else np.log1p(-p)


def _bce_probs(p: "Array", positive: "Array", negative: "Array", clip: float) -> Yields:
    yield times(positive, -_log(p, clip)) + times(negative, -_log_not(p, clip))
    p, q = np.abs(p), 1 - p  # -0.0 is 0.0 too
    outside = np.logical_or(*_ends(p, clip))  # the clipped loss does not depend on p there
    towards_0, towards_1 = over(negative, q), over(positive, p)
    yield np.where(outside, 0.0, towards_0 - towards_1)
    yield np.where(outside, 0.0, over(towards_1, p) + over(towards_0, q))


def _bce_logits(x: "Array", positive: "Array", negative: "Array", _: float) -> Yields:
    tail = np.exp(-np.abs(x))
    linear = np.where(x > 0, times(negative, x), times(positive, -x))
    yield linear + (positive + negative) * np.log1p(tail)
    above = np.where(x > 0, 1.0, tail) / (1 + tail)  # σ(x), and σ(-x) below, each without cancellation
    below = np.where(x > 0, tail, 1.0) / (1 + tail)
    yield negative * above - positive * below
    yield (positive + negative) * above * below


def _bce_log_probs(log_p: "Array", positive: "Array", negative: "Array", _: float) -> Yields:
    p, q = np.exp(log_p), 0 - np.expm1(log_p)
    log_q = np.where(log_p > -log(2), np.log(q), np.log1p(-p))
    yield times(positive, -log_p) + times(negative, -log_q)
    odds = over(negative * p, q)
    yield odds - positive
    yield over(odds, q)


BINARY_FORMS = {"probs": _bce_probs, "logits": _bce_logits, "log_probs": _bce_log_probs}


def one_hot(target: "Array", classes: int) -> "Array":
    if target.ndim == 2:
        return target
    return np.equal(target[:, None], np.arange(classes)).astype(np.float64)


def _expected(costs: "Array", target: "Array") -> "Array":
    """Σ_j t_j cost_j, or the cost of the one class that happened."""
    if target.ndim == 1:
        return np.take_along_axis(costs, target[:, None], axis=1)[:, 0]
    expected: Array = np.sum(times(target, costs), axis=1)
    return expected


def _cross_entropy_probs(p: "Array", target: "Array", clip: float) -> Yields:
    yield _expected(0 - _log(p, clip), target)
    t, p = one_hot(target, p.shape[1]), np.abs(p)  # -0.0 is 0.0 too
    outside = np.logical_or(*_ends(p, clip))  # the clipped loss does not depend on p there
    yield np.where(outside, 0.0, 0 - over(t, p))
    yield np.where(outside, 0.0, over(over(t, p), p))


def _cross_entropy_log_probs(log_p: "Array", target: "Array", _: float) -> Yields:
    yield _expected(0 - log_p, target)
    yield 0 - one_hot(target, log_p.shape[1])
    yield np.zeros_like(log_p)


def _cross_entropy_logits(z: "Array", target: "Array", _: float) -> Yields:
    top, largest, others, rest = _relative(z)
    total = np.ones(len(z)) if target.ndim == 1 else target.sum(axis=1)  # 1, up to the rounding of soft targets
    yield _expected_gap(z, largest, target) + total * np.log1p(rest)[:, 0]
    p = _softmax(top, others, rest)
    t = one_hot(target, z.shape[1])
    q = np.where(np.arange(z.shape[1]) == top, rest / (1 + rest), 1 - p)  # 1 - p from the small side
    yield p * (1 - t if target.ndim == 1 else others_of(t)) - t * q  # p Σt - t, where t is nearly 1 too
    yield p * q * total[:, None]


def _relative(z: "Array") -> "tuple[Array, Array, Array, Array]":
    """The class of the largest logit, that logit, the others' exponentials relative to its own, and their sum."""
    top = np.argmax(z, axis=1)[:, None]
    largest = np.take_along_axis(z, top, axis=1)
    others = _exp_difference(z, largest)
    np.put_along_axis(others, top, 0.0, axis=1)
    return top, largest, others, others.sum(axis=1, keepdims=True)  # whose log1p keeps confident losses exact


def _softmax(top: "Array", others: "Array", rest: "Array") -> "Array":
    p: Array = others / (1 + rest)
    np.put_along_axis(p, top, 1 / (1 + rest), axis=1)
    return p


def softmax(z: "Array") -> "tuple[Array, Array]":
    """Softmax of logits, and its logarithm."""
    top, largest, others, rest = _relative(z)
    gap = np.where(z == largest, 0.0, largest - z)  # of the largest itself, be it infinite
    return _softmax(top, others, rest), -(gap + np.log1p(rest))


def _expected_gap(z: "Array", largest: "Array", target: "Array") -> "Array":
    """How far the logit of what happened lies below the largest, >= 0; 0 for the largest itself, be it infinite."""
    if target.ndim == 1:
        logit = np.take_along_axis(z, target[:, None], axis=1)
        return np.where(logit == largest, 0.0, largest - logit)[:, 0]
    half = np.where(z == largest, 0.0, largest / 2 - z / 2)  # a gap may overflow where its share does not
    return 2 * _expected(half, target)


_QUOTIENT = 700.0  # exp of no more than that in size is a normal float64


def _exp_difference(z: "Array", largest: "Array") -> "Array":
    """exp(z - largest), with the rounding of the difference, which exp would magnify, avoided or made good: by row."""
    moderate = (z.min(axis=1) >= -_QUOTIENT) & (largest[:, 0] <= _QUOTIENT)
    if moderate.all():
        return np.exp(z) / np.exp(largest)
    result = np.empty_like(z)
    result[moderate] = np.exp(z[moderate]) / np.exp(largest[moderate])
    result[~moderate] = _exp_corrected(z[~moderate], largest[~moderate])
    return result


def _exp_corrected(z: "Array", largest: "Array") -> "Array":
    below = largest - z
    back = below - largest
    error = (largest - (below - back)) - (z + back)  # of the rounded difference, exactly (Knuth's TwoSum)
    result = np.exp(-below)
    return np.where(result == 0, 0.0, result - result * error)


CATEGORICAL_FORMS = {
    "probs": _cross_entropy_probs,
    "logits": _cross_entropy_logits,
    "log_probs": _cross_entropy_log_probs,
}
