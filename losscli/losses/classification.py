"""Classification: losses of probabilities, logits or log-probabilities."""

from collections.abc import Generator
from math import inf, log, log1p
from typing import TYPE_CHECKING, Annotated, Any, Literal

from losscli.kinds import BINARY, CATEGORICAL
from losscli.lazy import np
from losscli.parameters import Param
from losscli.registry import loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Yields = Generator[Array, None, None]

Form = Annotated[Literal["probs", "logits", "log_probs"], Param("what the prediction numbers are")]
Clip = Annotated[float, Param("clip probabilities to [clip, 1 - clip] first; 0 is off", ge=0, lt=0.5)]
Smoothing = Annotated[float, Param("share of the target spread evenly over the classes", ge=0, le=1)]


def _times(weight: "Array", value: "Array") -> "Array":
    """Weight times value, with 0 · inf = 0: an outcome that does not happen costs nothing."""
    return np.where(weight == 0, 0.0, weight * value)


def _over(weight: "Array", p: "Array") -> "Array":
    """Weight divided by p, with 0 / 0 = 0; dividing by p twice does not overflow where dividing by p² would."""
    return np.where(weight == 0, 0.0, weight / p)


def _ends(p: "Array", clip: float) -> "list[Array]":
    """Where p lies below clip, and where 1 - p does: 1 - clip itself would be rounded."""
    return [p < clip, 1 - p < clip]


def _log(p: "Array", clip: float) -> "Array":
    """Logarithm of p, clipped to [clip, 1 - clip]."""
    return np.select(_ends(p, clip), [log(clip), log1p(-clip)], np.log(p)) if clip else np.log(p)


def _log_not(p: "Array", clip: float) -> "Array":
    """Logarithm of 1 - p, for p clipped to [clip, 1 - clip]."""
    return np.select(_ends(p, clip), [log1p(-clip), log(clip)], np.log1p(-p)) if clip else np.log1p(-p)


def _clip_needs_probs(*, form: str, clip: float, **_: Any) -> str | None:
    return f"clip is for form=probs, not form={form}" if clip and form != "probs" else None


@loss(
    BINARY,
    task="classification",
    aliases=(
        "binary_cross_entropy",
        "binary_crossentropy",
        "BCELoss",
        "BinaryCrossentropy",
        "binary_logloss",
        "BCEWithLogitsLoss:form=logits",
        "sigmoid_binary_cross_entropy:form=logits",
    ),
    also=(
        "bce:form=logits",
        "bce:form=log_probs",
        "bce:clip=0.05",
        "bce:pos_weight=3,label_smoothing=0.2",
        "bce:form=logits,pos_weight=0.25,label_smoothing=0.1",
        "bce:form=log_probs,pos_weight=2",
    ),
    conflicts=_clip_needs_probs,
)
def bce(
    pred: "Array",
    target: "Array",
    *,
    form: Form = "probs",
    pos_weight: Annotated[float, Param("factor on the loss of the positive class", gt=0, lt=inf)] = 1.0,
    label_smoothing: Smoothing = 0.0,
    clip: Clip = 0.0,
) -> "Yields":
    """Binary cross-entropy: -y ln p - (1-y) ln(1-p), for one column of probabilities p = P(class 1).

    With form=logits p = σ(pred), with form=log_probs p = exp(pred). The target y is 0, 1 or a probability.
    Gradient with form=probs (p-y) / (p (1-p)), with form=logits σ(pred) - y; curvature with form=logits σ (1-σ).
    pos_weight multiplies the term -y ln p; label_smoothing α replaces y by y (1-α) + α/2. In nats.

    Use it when the outcome is one of two, or several independent yes-or-no outputs (n, d).
    Assumes an outcome that is Bernoulli with probability p.
    Good: a proper score: the true probability minimises it. With logits the gradient is at most 1 in size.
    Beware: unbounded: p = 0 where y = 1 is an infinite loss, and is said to be one; nothing is clipped unless clip
    asks for it.
    Reference: Good (1952), doi:10.1111/j.2517-6161.1952.tb00104.x.
    """
    y, not_y = target, 1 - target
    if label_smoothing:  # of both: 1 - y would lose a small smoothing
        y, not_y = (t * (1 - label_smoothing) + label_smoothing / 2 for t in (y, not_y))
    yield from _BCE[form](pred, pos_weight * y, not_y, clip)


def _bce_probs(p: "Array", positive: "Array", negative: "Array", clip: float) -> "Yields":
    yield _times(positive, -_log(p, clip)) + _times(negative, -_log_not(p, clip))
    p, q = np.abs(p), 1 - p  # -0.0 is 0.0 too
    outside = np.logical_or(*_ends(p, clip))  # the clipped loss does not depend on p there
    towards_0, towards_1 = _over(negative, q), _over(positive, p)
    yield np.where(outside, 0.0, towards_0 - towards_1)
    yield np.where(outside, 0.0, _over(towards_1, p) + _over(towards_0, q))


def _bce_logits(x: "Array", positive: "Array", negative: "Array", _: float) -> "Yields":
    tail = np.exp(-np.abs(x))
    linear = np.where(x > 0, _times(negative, x), _times(positive, -x))
    yield linear + (positive + negative) * np.log1p(tail)
    above = np.where(x > 0, 1.0, tail) / (1 + tail)  # σ(x), and σ(-x) below, each without cancellation
    below = np.where(x > 0, tail, 1.0) / (1 + tail)
    yield negative * above - positive * below
    yield (positive + negative) * above * below


def _bce_log_probs(log_p: "Array", positive: "Array", negative: "Array", _: float) -> "Yields":
    p, q = np.exp(log_p), 0 - np.expm1(log_p)
    log_q = np.where(log_p > -log(2), np.log(q), np.log1p(-p))
    yield _times(positive, -log_p) + _times(negative, -log_q)
    odds = _over(negative * p, q)
    yield odds - positive
    yield _over(odds, q)


_BCE = {"probs": _bce_probs, "logits": _bce_logits, "log_probs": _bce_log_probs}


@loss(
    CATEGORICAL,
    task="classification",
    aliases=(
        "ce",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy",
        "multi_logloss",
        "mlogloss",
        "CrossEntropyLoss:form=logits",
        "softmax_cross_entropy:form=logits",
    ),
    also=(
        "cross_entropy:form=logits",
        "cross_entropy:form=log_probs",
        "cross_entropy:label_smoothing=0.1",
        "cross_entropy:form=logits,label_smoothing=0.25",
        "cross_entropy:clip=0.05",
    ),
    conflicts=_clip_needs_probs,
)
def cross_entropy(
    pred: "Array",
    target: "Array",
    *,
    form: Form = "probs",
    label_smoothing: Smoothing = 0.0,
    clip: Clip = 0.0,
) -> "Yields":
    """Cross-entropy: -Σ_j t_j ln p_j over the classes; for a target that is one class y, -ln p_y.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Targets are class indices or names, or rows
    t that sum to 1 (one-hot or soft). label_smoothing α replaces t by (1-α) t + α/C. In nats; one value a row.
    Gradient with form=probs -t/p, with form=logits softmax - t, with form=log_probs -t;
    curvature with form=probs t/p², with form=logits p (1-p).

    Use it when the outcome is one of C classes.
    Assumes an outcome that is categorical with probabilities p: it is minus the log-likelihood.
    Good: a proper score; with logits the gradient is bounded and the loss convex.
    Beware: unbounded: p_y = 0 is an infinite loss, and is said to be one; nothing is clipped unless clip asks for it.
    With soft targets its least value is their entropy, not 0.
    Reference: Good (1952), doi:10.1111/j.2517-6161.1952.tb00104.x; Bridle (1990), doi:10.1007/978-3-642-76153-9_28.
    """
    if label_smoothing:
        classes = pred.shape[1]
        target = (1 - label_smoothing) * _one_hot(target, classes) + label_smoothing / classes
    yield from _CROSS_ENTROPY[form](pred, target, clip)


def _one_hot(target: "Array", classes: int) -> "Array":
    if target.ndim == 2:
        return target
    return np.equal(target[:, None], np.arange(classes)).astype(np.float64)


def _expected(costs: "Array", target: "Array") -> "Array":
    """Σ_j t_j cost_j, or the cost of the one class that happened."""
    if target.ndim == 1:
        return np.take_along_axis(costs, target[:, None], axis=1)[:, 0]
    expected: Array = np.sum(_times(target, costs), axis=1)
    return expected


def _cross_entropy_probs(p: "Array", target: "Array", clip: float) -> "Yields":
    yield _expected(0 - _log(p, clip), target)
    t, p = _one_hot(target, p.shape[1]), np.abs(p)  # -0.0 is 0.0 too
    outside = np.logical_or(*_ends(p, clip))  # the clipped loss does not depend on p there
    yield np.where(outside, 0.0, 0 - _over(t, p))
    yield np.where(outside, 0.0, _over(_over(t, p), p))


def _cross_entropy_log_probs(log_p: "Array", target: "Array", _: float) -> "Yields":
    yield _expected(0 - log_p, target)
    yield 0 - _one_hot(target, log_p.shape[1])
    yield np.zeros_like(log_p)


def _cross_entropy_logits(z: "Array", target: "Array", _: float) -> "Yields":
    top = np.argmax(z, axis=1)[:, None]
    largest = np.take_along_axis(z, top, axis=1)
    others = _exp_difference(z, largest)
    np.put_along_axis(others, top, 0.0, axis=1)
    rest = others.sum(axis=1, keepdims=True)  # of all classes but the largest: its log1p keeps confident losses exact
    total = np.ones(len(z)) if target.ndim == 1 else target.sum(axis=1)  # 1, up to the rounding of soft targets
    yield _expected_gap(z, largest, target) + total * np.log1p(rest)[:, 0]
    p = others / (1 + rest)
    np.put_along_axis(p, top, 1 / (1 + rest), axis=1)
    t = _one_hot(target, z.shape[1])
    q = np.where(np.arange(z.shape[1]) == top, rest / (1 + rest), 1 - p)  # 1 - p from the small side
    yield np.where(t == 1, -q, p * total[:, None] - t)
    yield p * q * total[:, None]


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


_CROSS_ENTROPY = {
    "probs": _cross_entropy_probs,
    "logits": _cross_entropy_logits,
    "log_probs": _cross_entropy_log_probs,
}
