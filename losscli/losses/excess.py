"""By how much a cross-entropy exceeds the entropy of its targets, by row: the Kullback-Leibler divergence, each form's
own arithmetic.
"""

from typing import TYPE_CHECKING

from losscli.lazy import np
from losscli.losses.cross_entropies import softmax
from losscli.losses.separable import lacking_of_softmax, log_ratio
from losscli.losses.stable import divergence, row_sum, times

if TYPE_CHECKING:
    from losscli.registry import Array


def _excess_probs(p: "Array", t: "Array", cost: "Array") -> "Array":
    """Σ (t ln(t/p) + p - t) + Σ (t - p): terms that are never negative, and differences that are exact near p = t."""
    terms = divergence(t, p, log_ratio(t, p, np.log(p)))
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
