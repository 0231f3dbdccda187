"""Binary outcomes: losses of one column of probabilities, logits or scores, or of several yes-or-no outputs."""

from math import inf
from typing import TYPE_CHECKING, Annotated

from losscli.kinds import BINARY, SIGNED
from losscli.lazy import np
from losscli.losses.cross_entropies import BINARY_FORMS, Clip, Form, Smoothing, clip_needs_probs
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


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
    conflicts=clip_needs_probs,
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
