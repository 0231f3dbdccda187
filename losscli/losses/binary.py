"""Binary outcomes: losses of one column of probabilities or logits, or of several yes-or-no outputs, and decisions."""

from math import inf, log, log1p
from typing import TYPE_CHECKING, Annotated, Any

from losscli.kinds import BINARY, DECISIONS
from losscli.lazy import np
from losscli.losses.cross_entropies import BINARY_FORMS, Clip, Form, Smoothing, clip_needs_probs, one_hot
from losscli.losses.stable import others_of
from losscli.losses.units import Units, in_units
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


def _bce_properties(*, pos_weight: float, label_smoothing: float, clip: float, **_: Any) -> str:
    return " ".join(
        [
            *(["convex", "differentiable"] if not clip else []),
            *(["proper"] if pos_weight == 1 and not label_smoothing else []),
        ]
    )


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
        "binary_cross_entropy_with_logits:form=logits",
        "sigmoid_binary_cross_entropy:form=logits",
        "HalfBinomialLoss:form=logits",
        "HalfBinomialLossArrayAPI:form=logits",
    ),
    also=(
        "bce:form=logits",
        "bce:form=log_probs",
        "bce:clip=0.05",
        "bce:pos_weight=3,label_smoothing=0.2",
        "bce:form=logits,pos_weight=0.25,label_smoothing=0.1",
        "bce:form=log_probs,pos_weight=2",
        "bce:units=bits",
    ),
    conflicts=clip_needs_probs,
    properties=_bce_properties,
)
def bce(
    pred: "Array",
    target: "Array",
    *,
    form: Form = "probs",
    pos_weight: Annotated[float, Param("factor on the loss of the positive class", gt=0, lt=inf)] = 1.0,
    label_smoothing: Smoothing = 0.0,
    clip: Clip = 0.0,
    units: Units = "nats",
) -> Yields:
    """Binary cross-entropy: -y ln p - (1-y) ln(1-p), with p = P(class 1) and target y, which is 0, 1 or a probability.

    With form=logits p = σ(pred), with form=log_probs p = exp(pred). In nats; units=bits divides by ln 2.
    Gradient with form=probs (p-y) / (p (1-p)), with form=logits p - y, with form=log_probs (p-y) / (1-p).
    Curvature with form=probs y/p² + (1-y)/(1-p)², with form=logits p (1-p), with form=log_probs (1-y) p / (1-p)².
    pos_weight multiplies the term -y ln p; label_smoothing α replaces y by y (1-α) + α/2; clip c puts p between c and
    1 - c first. On (n, d), of yes-or-no outputs that are independent, a sample's loss is the mean over its d outputs.

    Use it when the outcome is one of two, or each of several yes-or-no outputs is.
    Not when exactly one of several classes holds: that is cross_entropy.
    Assumes an outcome that is Bernoulli with probability p: P(y) = p^y (1-p)^(1-y), and the loss is -ln P(y).
    Good: a proper score: the true probability minimises it. With logits the gradient is at most 1 in size, for
    class 1 times pos_weight, and the loss convex.
    Beware: unbounded: p = 0 where y = 1 is an infinite loss, and is said to be one; nothing is clipped unless clip asks
    for it. With soft targets its least value is their entropy, not 0. pos_weight, smoothing and clip move the minimum.
    Ends: label_smoothing=1 is every target at 1/2; pos_weight → 0 counts the negative class alone.
    Kinks: with clip the slope is 0 beyond c and 1 - c, and the inner one at them.
    Related: soft_margin is it on labels -1 and 1; of the two columns 1 - p and p cross_entropy is the same number;
    focal of one column with gamma=0 is it.
    Elsewhere: torch BCELoss holds each logarithm at -100 or above, keras clips p to [1e-7, 1 - 1e-7], scikit-learn's
    log_loss to the epsilon of p's type; here p = 0 is p = 0. torch's weight divides by N, not by the weights.
    Reference: Good (1952), doi:10.1111/j.2517-6161.1952.tb00104.x.

    >>> losscli.evaluate("bce", pred=[0.5, 0.25, 0.75], target=[1, 0, 1]).value
    0.4228371084878357
    """
    y, not_y = target, 1 - target
    if label_smoothing:  # of both: 1 - y would lose a small smoothing
        y, not_y = (t * (1 - label_smoothing) + label_smoothing / 2 for t in (y, not_y))
    yield from in_units(BINARY_FORMS[form](pred, pos_weight * y, not_y, clip), units)


def _is_above(pred: "Array", form: str, threshold: float) -> "Array":
    """Where the probability that a prediction stands for is above the threshold."""
    cuts = {"probs": threshold, "logits": log(threshold) - log1p(-threshold), "log_probs": log(threshold)}
    above: Array = pred > cuts[form]
    return above


@loss(
    BINARY,
    task="classification",
    aliases=("hamming_loss", "HammingLoss"),
    also=("hamming:form=logits,threshold=0.3", "hamming:form=log_probs"),
    underived="it steps where a prediction crosses the threshold, and is flat elsewhere",
    properties=lambda threshold, **_: "proper" if threshold == 0.5 else "",
    bounds=(0.0, 1.0),
)
def hamming(
    pred: "Array",
    target: "Array",
    *,
    form: Form = "probs",
    threshold: Annotated[float, Param("probability above which a label is predicted", gt=0, lt=1)] = 0.5,
) -> Yields:
    """Hamming: share of labels that are wrong: [ŷ ≠ y], with ŷ = 1 where p > threshold, else 0, and p = P(label).

    With form=logits p = σ(pred), with form=log_probs p = exp(pred). Predictions that are 0 and 1 themselves are probs.
    A target that is a probability y counts as what is wrong in the mean: 1 - y where ŷ = 1, else y.
    No gradient: it steps at the threshold. On (n, d) a sample's loss is the share of its d labels that are wrong.

    Use it when a row has several labels and each counts alike.
    Not when labels are rare: predicting none of them is nearly perfect; dice and jaccard leave out the true negatives.
    Assumes nothing. With a threshold of 1/2 the mean is least where ŷ is the more probable value of each label.
    Good: between 0 and 1; says directly how often.
    Beware: not a measure of probabilities, which may be anything on their side of the threshold; p = threshold is no.
    Ends: threshold → 0 predicts every label that is possible at all, → 1 none that is not certain.
    Related: of one column it is zero_one; 1 - hamming is the accuracy over labels.
    Elsewhere: scikit-learn's hamming_loss takes labels as predictions, not probabilities; of one column of classes it
    is zero_one.
    Reference: Hamming (1950), doi:10.1002/j.1538-7305.1950.tb00463.x.

    >>> losscli.evaluate("hamming", pred=[[0.9, 0.2], [0.6, 0.4]], target=[[1, 1], [0, 0]]).value
    0.5
    """
    yield np.where(_is_above(pred, form, threshold), 1 - target, target)


@loss(
    DECISIONS,
    task="classification",
    aliases=("zero_one_loss", "ZeroOneLoss"),
    also=("zero_one:form=logits", "zero_one:form=log_probs"),
    underived="it steps where another class wins, and is flat elsewhere",
    properties="proper",
    bounds=(0.0, 1.0),
)
def zero_one(pred: "Array", target: "Array", *, form: Form = "probs") -> Yields:
    """Zero-one: [ŷ ≠ y], 1 for a wrong class and 0 for the right one, with ŷ the class of the largest score.

    A column a class: scores in any form, as probabilities, their logarithms and logits have the same winner; targets
    are class indices or names. One column: form says what it is, and class 1 wins where P(class 1) > 1/2, which is a
    logit above 0. A soft target counts as what is wrong in the mean: 1 - t of the winner. One value a row. No gradient.

    Use it when only right or wrong counts; its mean is 1 - accuracy.
    Not when something is to be trained, or two good models told apart: it is flat, and deaf to how sure they are.
    Assumes equal costs of all mistakes. The mean is least where the winner is the most probable class (Bayes' rule).
    Good: between 0 and 1; the plainest number there is.
    Beware: of equal scores the first class wins, so that a model that says the same of all is right where class 0 is;
    with rare classes always naming the common one looks good.
    Related: cross_entropy, soft_margin, hinge and exponential are smooth or convex stand-ins; top_k with k=1 counts
    the same, up to ties; hamming is it label by label.
    Elsewhere: scikit-learn's zero_one_loss takes predicted labels, and with normalize=False is the sum.
    Reference: Friedman (1997), doi:10.1023/A:1009778005914.

    >>> losscli.evaluate("zero_one", pred=[[2.5, 0.5, -1], [0, 0, 3], [1, 1, 0]], target=[0, 1, 1]).value
    0.6666666666666666
    """
    if pred.ndim == 1:
        yield np.where(_is_above(pred, form, 0.5), 1 - target, target)
        return
    winner = np.argmax(pred, axis=1)[:, None]
    yield np.take_along_axis(others_of(one_hot(target, pred.shape[1])), winner, axis=1)[:, 0]
