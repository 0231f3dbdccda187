"""Cross-entropy reshaped: other functions of the probability of the class that happened."""

from typing import TYPE_CHECKING, Annotated, NamedTuple

from losscli.kinds import CATEGORICAL
from losscli.lazy import np
from losscli.losses.cross_entropies import CATEGORICAL_FORMS, Form, one_hot, softmax
from losscli.losses.stable import others_of, over, row_sum, times
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


class _Outcome(NamedTuple):
    """Of each class its probability, what is left to 1, and -ln of it, each without cancellation."""

    p: "Array"
    not_p: "Array"
    cost: "Array"


def _of_logits(z: "Array") -> _Outcome:
    p, log_p = softmax(z)
    return _Outcome(p, others_of(p), 0 - log_p)


def _of_probs(p: "Array") -> _Outcome:
    return _Outcome(np.abs(p), 1 - p, 0 - np.log(np.abs(p)))  # -0.0 is 0.0 too


def _of_log_probs(log_p: "Array") -> _Outcome:
    return _Outcome(np.exp(log_p), 0 - np.expm1(log_p), 0 - log_p)


_OUTCOMES = {"probs": _of_probs, "logits": _of_logits, "log_probs": _of_log_probs}


class _Slopes(NamedTuple):
    """Of a loss Σ_j t_j h(ln p_j): -t h', and -t h'' as `rate` times what is not negative; and t (h'' - h')."""

    pull: "Array"
    bend: "Array"
    rate: float
    both: "Array"


def _derivatives(form: str, outcome: _Outcome, slopes: _Slopes) -> Yields:
    """The chain rule through each form: of a softmax ln p_k has the slope [j = k] - p_j in logit j."""
    p, not_p, _ = outcome
    pull, bend, rate, both = slopes
    if form == "log_probs":
        yield 0 - pull
        yield 0 - rate * bend
    elif form == "probs":
        yield 0 - over(pull, p)
        yield over(over(both, p), p)
    else:
        others = others_of(pull)
        yield p * others - pull * not_p
        turn = p * p * others_of(bend) + bend * not_p * not_p
        yield p * not_p * (others + pull) - rate * turn


def _poly1_is(*, epsilon: float, form: str, **_: float) -> str:
    ends = {"probs": epsilon, "logits": 1.0, "log_probs": 0.0}  # up to which it is convex
    return "differentiable" + " convex" * (epsilon <= ends[form]) + " proper" * (epsilon == 0)


@loss(
    CATEGORICAL,
    task="classification",
    aliases=("poly_1", "poly1_cross_entropy", "poly_loss_cross_entropy:form=logits"),
    also=("poly1:form=logits", "poly1:form=log_probs,epsilon=1", "poly1:epsilon=-1", "poly1:form=logits,epsilon=-0.5"),
    properties=_poly1_is,
)
def poly1(
    pred: "Array",
    target: "Array",
    *,
    form: Form = "probs",
    epsilon: Annotated[float, Param("weight of the term 1 - p of the right class", ge=-1, le=1e300)] = 2.0,
) -> Yields:
    """Poly-1: Σ_j t_j [-ln p_j + ε (1 - p_j)] over the classes; for one class y -ln p_y + ε (1 - p_y).

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Gradient with form=probs -t (1/p + ε), with
    form=log_probs -t (1 + ε p), with form=logits of one class (p - t) (1 + ε p_y); curvature with form=probs t/p².
    Targets are class indices or names, or rows t that sum to 1. In nats; one value a row.

    Use it when cross-entropy's pull on classes that are right already is to be stronger (ε > 0) or weaker (ε < 0).
    Not when probabilities are to be calibrated: for ε other than 0 the true ones are not the best.
    Assumes an outcome that is categorical. -ln p is the series Σ_k (1 - p)^k / k; ε is added to the weight of its first
    term, the one that stays where p is near 1.
    Good: one parameter beside cross-entropy; with ε >= -1 no term of the series is negative, and the loss is not.
    Beware: unbounded as cross-entropy is, with an infinite loss at p_y = 0; ε must be chosen for the data.
    Ends: ε = 0 is cross_entropy; ε = -1 leaves no slope at p_y = 1.
    Related: with logits it is convex for ε <= 1; focal weakens the same pull by a power of 1 - p.
    Elsewhere: optax poly_loss_cross_entropy, of logits, with the same ε = 2.
    Reference: Leng et al. (2022), arXiv:2204.12511.

    >>> losscli.evaluate("poly1", pred=[[0.5, 0.25, 0.25]], target=[0]).value
    1.6931471805599454
    """
    outcome, t = _OUTCOMES[form](pred), one_hot(target, pred.shape[1])
    entropy = next(CATEGORICAL_FORMS[form](pred, target, 0.0))
    if epsilon >= 0:
        yield entropy + epsilon * row_sum(times(t, outcome.not_p))
        factor = 1 + epsilon * outcome.p
    else:  # of terms that are never negative
        yield times(np.array(1 + epsilon), entropy) - epsilon * row_sum(times(t, _beyond_linear(outcome)))
        factor = (1 + epsilon) - epsilon * outcome.not_p
    yield from _derivatives(form, outcome, _Slopes(t * factor, t * outcome.p, epsilon, t))


_NEAR = 0.5  # 1 - p up to which the series is taken
_TERMS = 17  # of it: the next is below 2^-53 of the first


def _beyond_linear(outcome: _Outcome) -> "Array":
    """-ln p - (1 - p), never negative: with w = q / (2 - q), q = 1 - p, it is q w + 2 w³ (1/3 + w²/5 + …), from
    -ln p = 2 artanh w.
    """
    q = np.where(outcome.not_p < _NEAR, outcome.not_p, 0.0)
    w = q / (2 - q)
    square, series = w * w, np.zeros_like(w)
    for k in reversed(range(_TERMS)):
        series = series * square + 1 / (2 * k + 3)
    return np.where(outcome.not_p < _NEAR, w * (q + 2 * square * series), outcome.cost - outcome.not_p)


def _generalized_is(*, form: str, q: float) -> str:
    is_entropy = q == 0
    return "differentiable" + " convex" * (is_entropy or form == "probs") + " proper" * is_entropy


def _generalized_bounds(*, form: str, q: float) -> tuple[float, float]:
    return 0.0, 1 / q if q else float("inf")


@loss(
    CATEGORICAL,
    task="classification",
    aliases=("gce", "CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy"),
    also=(
        "generalized_cross_entropy:form=logits",
        "generalized_cross_entropy:form=log_probs,q=0.7",
        "generalized_cross_entropy:form=logits,q=1",
        "generalized_cross_entropy:q=0",
    ),
    properties=_generalized_is,
    bounds=_generalized_bounds,
)
def generalized_cross_entropy(
    pred: "Array",
    target: "Array",
    *,
    form: Form = "probs",
    q: Annotated[float, Param("power of the right class's probability, from 0, cross-entropy, to 1", ge=0, le=1)] = 0.5,
) -> Yields:
    """Generalized cross-entropy: Σ_j t_j (1 - p_j^q) / q over the classes; for one class y (1 - p_y^q) / q.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Gradient with form=probs -t p^(q-1), with
    form=log_probs -t p^q, with form=logits of one class (p - t) p_y^q; curvature with form=probs t (1-q) p^(q-2).
    Targets are class indices or names, or rows t that sum to 1. One value a row.

    Use it when some labels are wrong: a class that the model is sure against pulls the less, the surer it is.
    Not when probabilities are to be calibrated: for q > 0 the true ones are not the best.
    Assumes labels of which some are noise. It is minus a Box-Cox transform of the likelihood of a row: p^q in place of
    ln p, whose slope p^(q-1) is cross-entropy's 1/p with the weight p^q.
    Good: between 0 and 1/q, so that no single label decides; between cross-entropy and the error of probabilities.
    Beware: with logits not convex, and nearly flat where p_y is small: from a bad start it learns slowly.
    Ends: q = 0 is the limit, cross_entropy; q = 1 is 1 - p_y, half the absolute error of the probabilities.
    Related: cross_entropy; focal weakens the pull of what is right, this one that of what is wrong.
    Elsewhere: keras CategoricalGeneralizedCrossEntropy, of probabilities, with the same q; the paper tries q = 0.7.
    Reference: Zhang and Sabuncu (2018), arXiv:1805.07836.

    >>> losscli.evaluate("generalized_cross_entropy", pred=[[0.25, 0.5, 0.25]], target=[0]).value
    1.0
    """
    if q == 0:
        yield from CATEGORICAL_FORMS[form](pred, target, 0.0)
        return
    outcome, t = _OUTCOMES[form](pred), one_hot(target, pred.shape[1])
    yield row_sum(times(t, _box_cox(outcome.cost, q)))
    power = np.where(outcome.p > _ORDINARY, np.power(outcome.p, q), np.exp(-q * outcome.cost))
    pull = t * power
    yield from _derivatives(form, outcome, _Slopes(pull, pull, q, (1 - q) * pull))


_ORDINARY = 1e-300  # a smaller p has lost digits, or is 0 where p^q is not
_LINEAR = 1e-17  # q · cost up to which (1 - p^q) / q is the cost, to the last bit


def _box_cox(cost: "Array", q: float) -> "Array":
    exponent = q * cost
    return np.where(exponent < _LINEAR, cost, -np.expm1(-exponent) / q)
