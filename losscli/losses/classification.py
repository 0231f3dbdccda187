"""Classification: losses of probabilities, logits, log-probabilities or scores."""

from math import inf
from typing import TYPE_CHECKING, Annotated, Any

from losscli.kinds import BINARY, CATEGORICAL, LOG_CATEGORICAL, PROBABILITIES, SIGNED
from losscli.lazy import np
from losscli.losses.cross_entropies import BINARY_FORMS, CATEGORICAL_FORMS, Form, one_hot
from losscli.losses.stable import row_sum
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Clip = Annotated[float, Param("clip probabilities to [clip, 1 - clip] first; 0 is off", ge=0, lt=0.5)]
Smoothing = Annotated[float, Param("share of the target spread evenly over the classes", ge=0, le=1)]


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
) -> Yields:
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
    yield from BINARY_FORMS[form](pred, pos_weight * y, not_y, clip)


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
) -> Yields:
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
        target = (1 - label_smoothing) * one_hot(target, classes) + label_smoothing / classes
    yield from CATEGORICAL_FORMS[form](pred, target, clip)


@loss(LOG_CATEGORICAL, task="classification", aliases=("NLLLoss", "nll_loss", "negative_log_likelihood"))
def nll(pred: "Array", target: "Array") -> Yields:
    """Negative log-likelihood: -Σ_j t_j l_j of log-probabilities l = pred; for a target that is one class y, -l_y.

    Gradient -t, curvature 0. It is cross_entropy:form=log_probs: with l = log-softmax of logits, their cross-entropy.
    Targets are class indices or names, or rows t that sum to 1 (one-hot or soft). In nats; one value a row.

    Use it when a model's last layer is a log-softmax.
    Assumes an outcome that is categorical with probabilities exp(l).
    Good: linear in what it is given; small probabilities do not vanish.
    Beware: takes log-probabilities only; rows whose exponentials do not add up to 1 are refused. Along l alone it falls
    without limit: its gradient means something only through the softmax in front.
    Reference: Fisher (1922), doi:10.1098/rsta.1922.0009.
    """
    yield from CATEGORICAL_FORMS["log_probs"](pred, target, 0.0)


@loss(PROBABILITIES, task="classification", aliases=("brier_score", "brier_score_loss", "BrierScore"))
def brier(pred: "Array", target: "Array") -> Yields:
    """Brier score: (p - y)² for one column of probabilities, Σ_j (p_j - t_j)² for a column a class.

    One column: p = P(class 1), y is 0, 1 or a probability; values in [0, 1]. A column a class: targets are class
    indices or names, or rows t that sum to 1; values in [0, 2]. Gradient 2 (p - t), curvature 2. One value a row.

    Use it when probabilities are to be judged and no single confident error should decide.
    Assumes nothing; it is the squared distance of the forecast from what happened.
    Good: a proper score, bounded, finite at p = 0.
    Beware: two columns give twice the value of one; sklearn halves where there are two classes. Rare classes hardly
    count.
    Reference: Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    e = pred - (target if pred.ndim == 1 else one_hot(target, pred.shape[1]))
    yield e * e if e.ndim == 1 else row_sum(e * e)
    yield 2 * e
    yield np.full_like(e, 2.0)


@loss(SIGNED, task="classification", aliases=("hinge_loss", "HingeLoss"), also=("hinge:margin=0.3", "hinge:margin=0"))
def hinge(
    pred: "Array",
    target: "Array",
    *,
    margin: Annotated[float, Param("score on the right side from which nothing is lost", ge=0, lt=inf)] = 1.0,
) -> Yields:
    """Hinge: max(0, m - y s), with score s = pred, target y = -1 or 1 and m = margin.

    Gradient -y where y s < m, else 0, at the corner too; curvature 0. margin=0 is the perceptron's loss.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when only the side of the decision and a margin count, as in a support vector machine.
    Assumes nothing of probabilities: scores have no scale but the margin.
    Good: convex; 0 for what is right by the margin, linear in the score otherwise.
    Beware: says nothing of probabilities; targets are -1/+1, and 0/1 labels are refused; the slope jumps at the corner.
    Reference: Cortes and Vapnik (1995), doi:10.1007/BF00994018.
    """
    lacking = margin - target * pred
    yield np.maximum(lacking, 0.0)
    yield np.where(lacking > 0, -target, 0.0)
    yield np.zeros_like(pred)
