"""Divergences that add up a function of each class: Σ_j φ(t_j, p_j), of probabilities, logits or log-probabilities.

Such a divergence is a generator of the shares t and p, the logarithm of p, and columns that add up to Σ (t - p). It
yields the terms; then the slope g in each p_j, and u = p g; then the curvature h in each p_j, and v = p² h. The latter
of each pair are what derivatives in logits and in log-probabilities are made of, and finite where the former need not
be.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from losscli.lazy import np
from losscli.losses.cross_entropies import one_hot, softmax
from losscli.losses.stable import others_of, row_sum

if TYPE_CHECKING:
    from losscli.registry import Array, Yields

Parts = Callable[["Array", "Array", "Array", "Array"], Iterator[Any]]


def over_classes(form: str, pred: "Array", target: "Array", parts: Parts) -> "Yields":
    """Value, gradient and Hessian diagonal of Σ_j φ(t_j, p_j) by row."""
    t = one_hot(target, pred.shape[1])
    yield from _FORMS[form](pred, t, parts)


def _of_probs(p: "Array", t: "Array", parts: Parts) -> "Yields":
    p = np.abs(p)  # -0.0 is 0.0 too
    found = parts(t, p, np.log(p), t - p)
    yield row_sum(next(found))
    yield next(found)[0]
    yield next(found)[0]


def _of_log_probs(log_p: "Array", t: "Array", parts: Parts) -> "Yields":
    p = np.exp(log_p)
    found = parts(t, p, log_p, t - p)
    yield row_sum(next(found))
    (_, u) = next(found)
    yield u
    yield u + next(found)[1]


def _of_logits(z: "Array", t: "Array", parts: Parts) -> "Yields":
    """Through the softmax, whose slope is p_j ([j = k] - p_k): gradient u - p Σu, and so on."""
    p, log_p = softmax(z)
    found = parts(t, p, log_p, lacking_of_softmax(t))
    yield row_sum(next(found))
    q, u = others_of(p), next(found)[1]  # 1 - p, without cancellation
    slope = q * u - p * others_of(u)
    yield slope
    v = next(found)[1]
    yield q * q * v + p * p * others_of(v) + (q - p) * slope


_FORMS = {"probs": _of_probs, "logits": _of_logits, "log_probs": _of_log_probs}


def lacking_of_softmax(t: "Array") -> "Array":
    """Columns that add up to Σt - 1: a softmax adds up to 1, though its rounded shares may not."""
    return np.concatenate([t, np.full((len(t), 1), -1.0)], axis=1)


def log_ratio(t: "Array", p: "Array", log_p: "Array") -> "Array":
    """ln(t/p), near 1 from the difference, of the quotient where that is an ordinary number; 0 where both are 0."""
    ratio, share = t / p, (t - p) / p
    is_plain = (ratio > 1e-300) & (ratio < 1e300) & (p > 1e-300)  # below, a p that was computed lacks digits
    far = np.where(is_plain, np.log(ratio), np.log(t) - log_p)
    found = np.where(np.abs(share) < _NEAR, np.log1p(share), far)
    return np.where((t == 0) & (p == 0) & (log_p == -np.inf), 0.0, found)


_NEAR = 0.5
