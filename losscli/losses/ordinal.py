"""Classes in an order: how far the probability has to move, not only whether it is in the right place."""

from typing import TYPE_CHECKING

from losscli.kinds import CATEGORICAL
from losscli.lazy import np
from losscli.losses.cross_entropies import Form, one_hot, softmax
from losscli.losses.margins import two_sum
from losscli.losses.stable import others_of, row_sum
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


def _emd2_is(*, form: str) -> str:
    return "differentiable proper" + " convex symmetric" * (form == "probs")


@loss(
    CATEGORICAL,
    task="classification",
    aliases=("squared_emd", "squared_earth_mover"),
    also=("emd2:form=logits", "emd2:form=log_probs"),
    properties=_emd2_is,
    bounds=(0.0, 1.0),
)
def emd2(pred: "Array", target: "Array", *, form: Form = "probs") -> Yields:
    """Squared earth mover's distance: (1/C) Σ_k (P_k - T_k)², with P_k = p_1 + … + p_k and T_k = t_1 + … + t_k.

    The classes are in the order of the columns. With form=logits p = softmax(pred), with form=log_probs p = exp(pred).
    Gradient with form=probs G_j = (2/C) Σ_{k>=j} (P_k - T_k), with form=log_probs p G, with form=logits p (G - Σ p G);
    curvature with form=probs (2/C) (C - j + 1), j from 1. Targets are class indices or names, or rows t that sum to 1.
    One value a row.

    Use it when classes have an order, as grades or ages do, and a near miss costs less than a far one.
    Not when they have none: the order of the columns would count; take cross_entropy.
    Assumes classes that are equally far apart. The least work of moving p into t is Σ_k |P_k - T_k| on a line; squares
    in place of sizes give the slope that goes to 0 with the distance.
    Good: a proper score; bounded, with a finite slope at p = 0; convex in probabilities.
    Beware: the last term is 0, as both add up to 1, and yet C divides; with logits not convex, with a small slope where
    a far class has all probability.
    Related: C/(C-1) times it is the ranked probability score as some divide it, C times it as others do; with two
    classes a quarter of their brier.
    Elsewhere: as a loss for training it has no fixed form: the paper's general one takes a power and a root of
    Σ |P - T|, and some leave out 1/C. Packages for forecasts have its multiple, the ranked probability score.
    Reference: Hou, Yu and Samaras (2016), arXiv:1611.05916; as a score, Epstein (1969),
    doi:10.1175/1520-0450(1969)008<0985:ASSFPF>2.0.CO;2.

    >>> losscli.evaluate("emd2", pred=[[0.5, 0.25, 0.25, 0]], target=[0]).value
    0.078125
    """
    classes, t = pred.shape[1], one_hot(target, pred.shape[1])
    p, *excess = _FORMS[form](pred, t)
    apart = _running(*excess)  # P - T
    yield row_sum(apart * apart) / classes
    if form == "logits":
        yield from _through_softmax(p, apart)
        return
    slope, bend = 2 / classes * _remaining(apart), 2 / classes * (classes - np.arange(classes))
    yield slope if form == "probs" else p * slope
    yield np.broadcast_to(bend, p.shape).copy() if form == "probs" else p * (slope + p * bend)


def _of_logits(z: "Array", t: "Array") -> "tuple[Array, ...]":
    p, _ = softmax(z)
    return p, np.where(t == 1, 0 - others_of(p), p - t)


def _of_probs(p: "Array", t: "Array") -> "tuple[Array, ...]":
    return p, *two_sum(p, -t)


def _of_log_probs(log_p: "Array", t: "Array") -> "tuple[Array, ...]":
    return np.exp(log_p), np.where(t == 1, np.expm1(log_p), np.exp(log_p) - t)


# the probabilities, and how much more they are than the target: where they are given, exactly
_FORMS = {"probs": _of_probs, "logits": _of_logits, "log_probs": _of_log_probs}


def _running(terms: "Array", low: "Array | float" = 0.0) -> "Array":
    """The sum of each entry and those before it, with what the additions lose; `low` is what terms lack."""
    lacking = np.broadcast_to(low, terms.shape)
    sums, total, lost = np.empty_like(terms), np.zeros(len(terms)), np.zeros(len(terms))
    for k in range(terms.shape[1]):
        total, error = two_sum(total, terms[:, k])
        lost = lost + error + lacking[:, k]
        sums[:, k] = total + lost
    return sums


def _remaining(terms: "Array") -> "Array":
    """The sum of each entry and those behind it."""
    return _running(terms[:, ::-1])[:, ::-1].copy()


def _through_softmax(p: "Array", apart: "Array") -> Yields:
    """P_k has in logit j the slope p_j ([j <= k] - P_k), and the second p_j (1 - 2 p_j) ([j <= k] - P_k)."""
    below, double = _running(p), 2 / p.shape[1]
    above = np.concatenate([_remaining(p)[:, 1:], np.zeros((len(p), 1))], axis=1)  # 1 - P, of what lies behind
    pull = double * (_remaining(apart * above) - _before(apart * below))
    yield p * pull
    turn = double * (_remaining(above * above) + _before(below * below))
    yield p * ((1 - 2 * p) * pull + p * turn)


def _before(terms: "Array") -> "Array":
    """The sum of what lies before each entry."""
    return np.concatenate([np.zeros((len(terms), 1)), _running(terms)[:, :-1]], axis=1)
