"""Losses of a score and a side: functions of the margin m = y s, with targets y = -1 or 1."""

from math import inf
from typing import TYPE_CHECKING, Annotated

from losscli.kinds import SIGNED
from losscli.lazy import np
from losscli.losses.cross_entropies import BINARY_FORMS
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Margin = Annotated[float, Param("score on the right side from which nothing is lost", ge=0, lt=inf)]


@loss(
    SIGNED,
    task="classification",
    aliases=("hinge_loss", "HingeLoss"),
    also=("hinge:margin=0.3", "hinge:margin=0"),
    properties="convex",
)
def hinge(pred: "Array", target: "Array", *, margin: Margin = 1.0) -> Yields:
    """Hinge: max(0, m - y s), with score s = pred, target y = -1 or 1 and m = margin.

    Gradient -y where y s < m, else 0; curvature 0. margin is the score on the right side from which nothing is lost;
    scores and margin k times as large lose k times as much.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when only the side of the decision and a margin count, as in a support vector machine.
    Not when probabilities are wanted: scores that minimise it do not say how likely a class is.
    Assumes nothing of probabilities. With m = 1 it is a convex bound of zero_one from above: 1 - y s ≥ 1 where y s ≤ 0.
    The mean P max(0, m - s) + (1-P) max(0, m + s) is least at s = m where P = P(y=1) > 1/2, at -m where it is less.
    Good: convex; 0 for what is right by the margin, linear in the score otherwise; few samples decide the fit.
    Beware: targets are -1/+1, and 0/1 labels are refused; say --labels 01 to have them read as such. A few mislabelled
    samples far on the wrong side dominate the mean.
    Ends: margin=0 is perceptron, whose minimum all-zero scores reach.
    Kinks: at y s = m the slope jumps from -y to 0; there it is 0.
    Related: squared_hinge is its square; multi_margin is it for a column a class.
    Elsewhere: keras Hinge reads 0/1 labels as -1/+1 where a whole batch holds no others, scikit-learn's hinge_loss
    the larger of any two labels as +1; optax's hinge_loss does not convert.
    Reference: Cortes and Vapnik (1995), doi:10.1007/BF00994018.

    >>> losscli.evaluate("hinge", pred=[0.5, -2, 3], target=[1, 1, 1]).value
    1.1666666666666667
    """
    lacking = margin - target * pred
    yield np.maximum(lacking, 0.0)
    yield np.where(lacking > 0, -target, 0.0)
    yield np.zeros_like(pred)


@loss(
    SIGNED,
    task="classification",
    aliases=("SquaredHinge",),
    also=("squared_hinge:margin=0.3", "squared_hinge:margin=0"),
    properties="convex differentiable",
)
def squared_hinge(pred: "Array", target: "Array", *, margin: Margin = 1.0) -> Yields:
    """Squared hinge: max(0, m - y s)², with score s = pred, target y = -1 or 1 and m = margin.

    Gradient -2 y (m - y s) where y s < m, else 0; curvature 2 where y s < m, else 0.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when hinge is wanted with a continuous slope, as in L2 support vector machines.
    Not when labels are noisy: what is far on the wrong side costs by the square.
    Assumes nothing of probabilities. What minimises it in the mean is m (2 P(y=1) - 1): set the mean slope to 0,
    P (m - s) = (1 - P) (m + s). So its scores do say how likely a class is, within ±m.
    Good: convex, once differentiable; 0 for what is right by the margin.
    Beware: outliers decide, as for mse; targets are -1/+1, and 0/1 labels are refused: say --labels 01.
    Ends: margin=0 is the square of perceptron.
    Related: for scores between -m and m it is mse of targets m y; with m = 1 modified_huber is it down to y s = -1, and
    linear below.
    Elsewhere: keras SquaredHinge reads 0/1 labels as -1/+1 where a whole batch holds no others.
    Reference: Zhang (2004), doi:10.1214/aos/1079120130.

    >>> losscli.evaluate("squared_hinge", pred=[0.5, -2, 3], target=[1, 1, 1]).value
    3.0833333333333335
    """
    lacking = np.maximum(margin - target * pred, 0.0)
    yield lacking * lacking
    yield -2 * target * lacking
    yield np.where(lacking > 0, 2.0, 0.0)


@loss(SIGNED, task="classification", aliases=("perceptron_loss",), properties="convex")
def perceptron(pred: "Array", target: "Array") -> Yields:
    """Perceptron: max(0, -y s), with score s = pred and target y = -1 or 1.

    Gradient -y where y s < 0, else 0; curvature 0. It costs how far on the wrong side a score is, and nothing else.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when scores on the right side, by however little, are good enough.
    Not when scores may shrink: all zeros lose nothing.
    Assumes nothing. A step along -gradient adds y x to the weights of a linear score on each mistake, which is
    Rosenblatt's rule.
    Good: convex; proportional to the scale of the scores.
    Beware: no margin; its minimum 0 is reached by scores that are all 0. Targets are -1/+1: for 0/1 say --labels 01.
    Kinks: at s = 0 the slope jumps from -y to 0; there it is 0.
    Related: it is hinge:margin=0.
    Elsewhere: optax perceptron_loss is this; scikit-learn's SGDClassifier(loss="perceptron") steps at s = 0 too.
    Reference: Rosenblatt (1958), doi:10.1037/h0042519.

    >>> losscli.evaluate("perceptron", pred=[0.5, -2, 3], target=[1, 1, -1]).value
    1.6666666666666667
    """
    lacking = 0.0 - target * pred
    yield np.maximum(lacking, 0.0)
    yield np.where(lacking > 0, -target, 0.0)
    yield np.zeros_like(pred)


@loss(SIGNED, task="classification", properties="convex differentiable")
def modified_huber(pred: "Array", target: "Array") -> Yields:
    """Modified Huber: max(0, 1 - m)² where m ≥ -1, else -4 m, with m = y s of score s = pred and target y = -1 or 1.

    Gradient -2 y (1 - m) where -1 ≤ m < 1, -4 y below, 0 beyond; curvature 2 where -1 ≤ m < 1, else 0.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when squared hinge is wanted, and labels are not to be trusted.
    Not when scores are on a scale of their own: margin and knee are fixed at 1 and -1.
    Assumes nothing of the far side. Between -1 and 1 the minimiser in the mean is 2 P(y=1) - 1, as for squared_hinge,
    so that (s + 1) / 2, clipped, estimates a probability.
    Good: convex, once differentiable, gradient at most 4 in size.
    Beware: named after Huber's idea of a linear tail, but not huber of a residual. Targets are -1/+1: for 0/1 say
    --labels 01.
    Related: squared_hinge where m ≥ -1; as 2·huber:delta=2 of the error 1 - m, cut off at 0.
    Elsewhere: scikit-learn's SGDClassifier(loss="modified_huber") is this.
    Reference: Zhang (2004), doi:10.1145/1015330.1015332.

    >>> losscli.evaluate("modified_huber", pred=[0.5, -0.5, -3], target=[1, 1, 1]).value
    4.833333333333333
    """
    margin = target * pred
    lacking = np.maximum(1 - margin, 0.0)
    yield np.where(margin >= -1, lacking * lacking, -4 * margin)
    yield -2 * target * np.minimum(lacking, 2.0)
    yield np.where((margin >= -1) & (margin < 1), 2.0, 0.0)


@loss(
    SIGNED, task="classification", aliases=("exponential_loss", "ExponentialLoss"), properties="convex differentiable"
)
def exponential(pred: "Array", target: "Array") -> Yields:
    """Exponential: exp(-y s), with score s = pred and target y = -1 or 1.

    Gradient -y exp(-y s); curvature exp(-y s). On (n, d) a sample's loss is the mean over its d outputs.

    Use it when boosting is looked at as descent: its weights of samples are these losses.
    Not when labels are noisy or scores large: one confident mistake outweighs all else.
    Assumes scores of half the log-odds. The mean P e^-s + (1-P) e^s has slope 0 at s = ½ ln(P / (1-P)).
    Good: smooth, convex, strictly decreasing in the margin.
    Beware: grows without limit, and beyond a margin of -709 no float64 holds it; targets are -1/+1: for 0/1 say
    --labels 01.
    Related: soft_margin has the same minimiser up to a factor 2 in s, and grows linearly; both are near e^-m far on the
    right side.
    Elsewhere: scikit-learn's ExponentialLoss takes labels 0 and 1, and is this of -1 and 1.
    Reference: Friedman, Hastie and Tibshirani (2000), doi:10.1214/aos/1016218223.

    >>> losscli.evaluate("exponential", pred=[0, 0], target=[1, -1]).value
    1.0
    """
    value = np.exp(-target * pred)
    yield value
    yield -target * value
    yield value


@loss(SIGNED, task="classification", aliases=("SoftMarginLoss", "soft_margin_loss"), properties="convex differentiable")
def soft_margin(pred: "Array", target: "Array") -> Yields:
    """Soft margin: ln(1 + exp(-y s)), with score s = pred and target y = -1 or 1.

    Gradient -y σ(-y s); curvature σ(s) σ(-s), with σ the logistic function. In nats.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when the labels of a logistic regression are -1 and 1.
    Not when labels are 0 and 1 or probabilities: that is bce:form=logits.
    Assumes a log-odds s: P(y | s) = σ(y s), and -ln σ(y s) = ln(1 + exp(-y s)).
    Good: smooth, convex, a proper score of the log-odds; gradient at most 1 in size.
    Beware: never 0; linear, not bounded, on the wrong side. Targets are -1/+1: for 0/1 say --labels 01.
    Related: bce:form=logits on labels 0 and 1 is the same number; for large scores it is near perceptron.
    Elsewhere: torch's SoftMarginLoss is this where exp(-y s) does not overflow; from y s = -710 on it is infinite.
    Reference: Friedman, Hastie and Tibshirani (2000), doi:10.1214/aos/1016218223.

    >>> losscli.evaluate("soft_margin", pred=[0, -1000], target=[1, 1]).value
    500.34657359027995
    """
    of_margin = BINARY_FORMS["logits"](target * pred, np.ones_like(pred), np.zeros_like(pred), 0.0)
    yield next(of_margin)
    yield target * next(of_margin)
    yield next(of_margin)
