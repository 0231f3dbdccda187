"""By how much a cross-entropy exceeds the least value that its targets allow, which is their entropy: the
Kullback-Leibler divergence, each form's own arithmetic.
"""

from typing import TYPE_CHECKING, Any

from losscli.lazy import np
from losscli.losses.cross_entropies import BINARY_FORMS, CATEGORICAL_FORMS, one_hot, softmax
from losscli.losses.separable import lacking_of_softmax, log_ratio
from losscli.losses.stable import divergence, row_sum, times

if TYPE_CHECKING:
    from losscli.registry import Array

    Sides = tuple[tuple[Array, Array], tuple[Array, Array]]  # of class 1 and class 0, a probability and its logarithm


def _excess_probs(p: "Array", t: "Array", cost: "Array") -> "Array":
    """Σ (t ln(t/p) + p - t) + Σ (t - p): terms that are never negative, and differences that are exact near p = t."""
    ratio = t / p  # of numbers that were given, so that a subnormal one lacks no digits
    is_plain = (ratio > 1e-300) & (ratio < 1e300)
    terms = divergence(t, p, np.where(is_plain, np.log(ratio), np.log(t) - np.log(p)))
    return np.where(_is_hard(t), cost, row_sum(np.concatenate([terms, t - p], axis=1)))


def _excess_log_probs(log_p: "Array", t: "Array", cost: "Array") -> "Array":
    return np.where(_is_hard(t), cost, row_sum(times(t, np.log(t) - log_p)))


def _excess_logits(z: "Array", t: "Array", cost: "Array") -> "Array":
    """Cross-entropy minus entropy; where they nearly cancel, from terms that are never negative."""
    excess: Array = cost + row_sum(times(t, np.log(t)))
    close = excess < cost / 2
    if close.any():
        t, (p, log_p) = t[close], softmax(z[close])
        terms = divergence(t, p, np.log(t) - log_p)
        careful = row_sum(lacking_of_softmax(t)) + row_sum(terms)
        excess[close] = np.where(np.isfinite(careful), careful, excess[close])
    return excess


def _is_hard(t: "Array") -> "Array":
    """Rows of a target whose entropy is exactly 0: one class, for certain."""
    hard: Array = ((t == 0) | (t == 1)).all(axis=1)
    return hard


EXCESS = {"probs": _excess_probs, "logits": _excess_logits, "log_probs": _excess_log_probs}


def of_classes(
    pred: "Array", target: "Array", *, form: str = "log_probs", label_smoothing: float = 0.0, **_: Any
) -> "tuple[Array, Array] | None":
    """The least value of each row's cross-entropy, and its excess; None where all targets are certain."""
    if label_smoothing:
        t = (1 - label_smoothing) * one_hot(target, pred.shape[1]) + label_smoothing / pred.shape[1]
    elif target.ndim == 1 or _is_hard(target).all():
        return None
    else:
        t = target
    cost = next(CATEGORICAL_FORMS[form](pred, t, 0.0))
    return row_sum(times(t, 0 - np.log(t))), EXCESS[form](pred, t, cost)


def of_outcomes(
    pred: "Array", target: "Array", *, form: str, pos_weight: float, label_smoothing: float, **_: Any
) -> "tuple[Array, Array] | None":
    """The same of binary cross-entropies -a ln p - b ln(1-p), least at p = a/(a+b), by element."""
    y, not_y = target, 1 - target
    if label_smoothing:
        y, not_y = (t * (1 - label_smoothing) + label_smoothing / 2 for t in (y, not_y))
    elif ((target == 0) | (target == 1)).all():
        return None
    a, b = pos_weight * y, not_y
    cost, total, is_hard = next(BINARY_FORMS[form](pred, a, b, 0.0)), a + b, (a == 0) | (b == 0)
    (p, log_p), (q, log_q) = _SIDES[form](pred)
    p, q, shift = total * p, total * q, np.log(total)
    gap = p - a  # and b - q, but for the rounding of 1 - p
    excess = divergence(a, p, log_ratio(a, p, log_p + shift), gap)
    excess += divergence(b, q, log_ratio(b, q, log_q + shift), 0 - gap)
    least = times(a, np.log1p(b / a)) + times(b, np.log1p(a / b))
    return np.where(is_hard, 0.0, least), np.where(is_hard, cost, excess)


def _sides_of_probs(p: "Array") -> "Sides":
    return (p, np.log(p)), (1 - p, np.log1p(-p))


def _sides_of_logits(x: "Array") -> "Sides":
    return _side(x), _side(0 - x)


def _side(x: "Array") -> "tuple[Array, Array]":
    tail = np.exp(-np.abs(x))
    return np.where(x > 0, 1.0, tail) / (1 + tail), np.minimum(x, 0.0) - np.log1p(tail)


def _sides_of_log_probs(log_p: "Array") -> "Sides":
    q = 0 - np.expm1(log_p)
    return (np.exp(log_p), log_p), (q, np.log(q))


_SIDES = {"probs": _sides_of_probs, "logits": _sides_of_logits, "log_probs": _sides_of_log_probs}
