"""Divergences between distributions: a value a row."""

from typing import TYPE_CHECKING

from losscli.kinds import CATEGORICAL
from losscli.lazy import np
from losscli.losses.cross_entropies import CATEGORICAL_FORMS, Form, softmax
from losscli.losses.stable import divergence, row_sum, times
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    CATEGORICAL,
    task="divergence",
    aliases=("kl_divergence", "KLDivergence", "KLDivLoss:form=log_probs"),
    also=("kl:form=logits", "kl:form=log_probs"),
)
def kl(pred: "Array", target: "Array", *, form: Form = "probs") -> Yields:
    """Kullback-Leibler divergence: Σ_j t_j (ln t_j - ln p_j) over the classes, with 0 · ln 0 = 0.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Targets are rows t that sum to 1; a class
    index or name is the row that is 1 there, for which the value is the cross-entropy. In nats; one value a row.
    Gradient with form=probs -t/p, with form=logits softmax · Σt - t, with form=log_probs -t;
    curvature with form=probs t/p², with form=logits p (1-p): those of cross_entropy.

    Use it when the target is a distribution, and what counts is how much is lost by using p in its place.
    Assumes nothing; it is cross-entropy minus the entropy of the target, which no prediction changes.
    Good: 0 only where p = t, so the least value is 0 on soft targets too; exact where p is near t.
    Beware: asymmetric; infinite where p is 0 and t is not. A target whose printed digits add up to less than the
    prediction's may give a little less than 0. torch's KLDivLoss divides by the number of classes too unless told
    otherwise; its batchmean is the mean here.
    Reference: Kullback and Leibler (1951), doi:10.1214/aoms/1177729694.
    """
    cross_entropy = CATEGORICAL_FORMS[form](pred, target, 0.0)
    cost = next(cross_entropy)
    yield cost if target.ndim == 1 else _EXCESS[form](pred, target, cost)
    yield from cross_entropy  # the target's entropy does not depend on the prediction


def _excess_probs(p: "Array", t: "Array", cost: "Array") -> "Array":
    """Σ (t ln(t/p) + p - t) + Σ (t - p): terms that are never negative, and differences that are exact near p = t."""
    terms = divergence(t, p, _log_ratio(t, p))
    return np.where(_is_hard(t), cost, row_sum(np.concatenate([terms, t - p], axis=1)))


def _log_ratio(t: "Array", p: "Array") -> "Array":
    """The logarithm of t/p: of the quotient where that is an ordinary number."""
    ratio = t / p
    return np.where((ratio > 1e-300) & (ratio < 1e300), np.log(ratio), np.log(t) - np.log(p))


def _excess_log_probs(log_p: "Array", t: "Array", cost: "Array") -> "Array":
    return np.where(_is_hard(t), cost, row_sum(times(t, np.log(t) - log_p)))


def _excess_logits(z: "Array", t: "Array", cost: "Array") -> "Array":
    """Cross-entropy minus entropy; where they nearly cancel, from terms that are never negative: softmax adds up to 1,
    so that Σ (t - p) is Σt - 1.
    """
    excess: Array = cost + row_sum(times(t, np.log(t)))
    close = excess < cost / 2
    if close.any():
        t, (p, log_p) = t[close], softmax(z[close])
        terms = divergence(t, p, np.log(t) - log_p)
        lacking = np.concatenate([t, np.full((len(t), 1), -1.0)], axis=1)
        careful = row_sum(lacking) + row_sum(terms)
        excess[close] = np.where(np.isfinite(careful), careful, excess[close])
    return excess


def _is_hard(t: "Array") -> "Array":
    """Rows of a target whose entropy is exactly 0: one class, for certain."""
    hard: Array = ((t == 0) | (t == 1)).all(axis=1)
    return hard


_EXCESS = {"probs": _excess_probs, "logits": _excess_logits, "log_probs": _excess_log_probs}
