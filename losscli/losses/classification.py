"""Classification: losses of probabilities, logits or log-probabilities."""

from math import inf
from typing import TYPE_CHECKING, Annotated, Any, Literal

from losscli.kinds import BINARY, CATEGORICAL
from losscli.losses.cross_entropies import BINARY_FORMS, CATEGORICAL_FORMS, one_hot
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Form = Annotated[Literal["probs", "logits", "log_probs"], Param("what the prediction numbers are")]
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
    asks for it. Reference: Good (1952), doi:10.1111/j.2517-6161.1952.tb00104.x.
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
