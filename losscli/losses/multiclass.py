"""One class of several: losses of a column a class."""

from typing import TYPE_CHECKING, Any

from losscli.kinds import CATEGORICAL, LOG_CATEGORICAL, PROBABILITIES
from losscli.lazy import np
from losscli.losses.cross_entropies import CATEGORICAL_FORMS, Clip, Form, Smoothing, clip_needs_probs, one_hot
from losscli.losses.stable import row_sum
from losscli.losses.units import Units, in_units
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


def _cross_entropy_is(*, label_smoothing: float, clip: float, **_: Any) -> str:
    return "" if clip else "convex differentiable" + " proper" * (label_smoothing == 0)


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
        "softmax_cross_entropy_with_integer_labels:form=logits",
        "safe_softmax_cross_entropy:form=logits",
        "HalfMultinomialLoss:form=logits",
        "HalfMultinomialLossArrayAPI:form=logits",
    ),
    also=(
        "cross_entropy:form=logits",
        "cross_entropy:form=log_probs",
        "cross_entropy:label_smoothing=0.1",
        "cross_entropy:form=logits,label_smoothing=0.25",
        "cross_entropy:clip=0.05",
        "cross_entropy:units=bits",
    ),
    conflicts=clip_needs_probs,
    properties=_cross_entropy_is,
)
def cross_entropy(
    pred: "Array",
    target: "Array",
    *,
    form: Form = "probs",
    label_smoothing: Smoothing = 0.0,
    clip: Clip = 0.0,
    units: Units = "nats",
) -> Yields:
    """Cross-entropy: -Σ_j t_j ln p_j over the classes; for a target that is one class y, -ln p_y.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Targets are class indices or names, or rows
    t that sum to 1 (one-hot or soft). label_smoothing α replaces t by (1-α) t + α/C. One value a row, in nats;
    units=bits divides it and its derivatives by ln 2.
    Gradient with form=probs -t/p, with form=logits softmax - t, with form=log_probs -t;
    curvature with form=probs t/p², with form=logits p (1-p).

    Use it when the outcome is one of C classes.
    Not when several labels may hold at once: bce, a column a label; nor when some labels are known to be wrong:
    generalized_cross_entropy.
    Assumes an outcome that is categorical with probabilities p. Its likelihood is Π_j p_j^t_j; minus the logarithm is
    -Σ_j t_j ln p_j.
    Good: a proper score; with logits the gradient is bounded and the loss convex.
    Beware: unbounded: p_y = 0 is an infinite loss, and is said to be one; nothing is clipped unless clip asks for it.
    With soft targets its least value is their entropy, not 0; no finite logits reach the least value of hard ones.
    Ends: label_smoothing = 1 is the same for every target: -(1/C) Σ ln p_j.
    Kinks: with clip the slope is 0 beyond the ends of the clip, and the inner one at them.
    Related: kl is it less the entropy of the target; nll of log-probabilities; of two columns 1 - p and p
    it is bce of p.
    Elsewhere: torch CrossEntropyLoss and optax softmax_cross_entropy take logits. keras divides probabilities by their
    sum and clips them to [1e-7, 1 - 1e-7], scikit-learn's log_loss clips to the rounding of their type.
    Reference: Good (1952), doi:10.1111/j.2517-6161.1952.tb00104.x; Bridle (1990), doi:10.1007/978-3-642-76153-9_28.

    >>> losscli.evaluate("cross_entropy", pred=[[0.5, 0.25, 0.25]], target=[0]).value
    0.6931471805599453
    """
    if label_smoothing:
        classes = pred.shape[1]
        target = (1 - label_smoothing) * one_hot(target, classes) + label_smoothing / classes
    yield from in_units(CATEGORICAL_FORMS[form](pred, target, clip), units)


@loss(
    LOG_CATEGORICAL,
    task="classification",
    aliases=("NLLLoss", "nll_loss", "negative_log_likelihood"),
    also=("nll:units=bits",),
    properties="convex differentiable proper",
)
def nll(pred: "Array", target: "Array", *, units: Units = "nats") -> Yields:
    """Negative log-likelihood: -Σ_j t_j l_j of log-probabilities l = pred; for a target that is one class y, -l_y.

    Gradient -t, curvature 0. It is cross_entropy:form=log_probs: with l = log-softmax of logits, their cross-entropy.
    Targets are class indices or names, or rows t that sum to 1 (one-hot or soft). One value a row, in nats; units=bits
    divides it and its derivatives by ln 2.

    Use it when a model's last layer is a log-softmax.
    Not when it is a softmax, or nothing: cross_entropy, with form=probs or form=logits.
    Assumes an outcome that is categorical with probabilities exp(l): Π_j exp(t_j l_j) is its likelihood, -Σ_j t_j l_j
    minus the logarithm.
    Good: linear in what it is given; small probabilities do not vanish.
    Beware: takes log-probabilities only; rows whose exponentials do not add up to 1 are refused. Along l alone it falls
    without limit: its gradient means something only through the softmax in front.
    Related: cross_entropy:form=log_probs, which can smooth labels too.
    Elsewhere: torch NLLLoss, which takes any numbers, and of probabilities gives a negative value.
    Reference: Fisher (1922), doi:10.1098/rsta.1922.0009.

    >>> losscli.evaluate("nll", pred=[[-0.6931471805599453, -0.6931471805599453]], target=[0]).value
    0.6931471805599453
    """
    yield from in_units(CATEGORICAL_FORMS["log_probs"](pred, target, 0.0), units)


@loss(
    PROBABILITIES,
    task="classification",
    aliases=("brier_score", "brier_score_loss", "BrierScore"),
    properties="convex symmetric differentiable proper",
    bounds=(0.0, 2.0),
)
def brier(pred: "Array", target: "Array") -> Yields:
    """Brier score: (p - y)² for one column of probabilities, Σ_j (p_j - t_j)² for a column a class.

    One column: p = P(class 1), y is 0, 1 or a probability; values in [0, 1]. A column a class: targets are class
    indices or names, or rows t that sum to 1; values in [0, 2]. Gradient 2 (p - t), curvature 2. One value a row.

    Use it when probabilities are to be judged and no single confident error should decide.
    Not when a rare class matters, whose small probabilities hardly count here: cross_entropy.
    Assumes nothing; it is the squared distance of the forecast from what happened. The expected value under true
    probabilities t is |p - t|² and a constant, so that p = t is best.
    Good: a proper score, bounded, finite at p = 0.
    Beware: two columns give twice the value of one. Rare classes hardly count.
    Related: mse of one column; with classes in an order, emd2.
    Elsewhere: scikit-learn's brier_score_loss halves the sum where there are two classes.
    Reference: Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    >>> losscli.evaluate("brier", pred=[[0.5, 0.25, 0.25]], target=[0]).value
    0.375
    """
    e = pred - (target if pred.ndim == 1 else one_hot(target, pred.shape[1]))
    yield e * e if e.ndim == 1 else row_sum(e * e)
    yield 2 * e
    yield np.full_like(e, 2.0)
