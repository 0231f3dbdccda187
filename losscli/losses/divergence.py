"""Divergences made of logarithms, and entropy: a value a row, in nats or bits."""

from collections.abc import Iterator
from math import log
from typing import TYPE_CHECKING, Any

from losscli.kinds import CATEGORICAL, DISTRIBUTION, DISTRIBUTIONS, MEASURES
from losscli.lazy import np
from losscli.losses.cross_entropies import CATEGORICAL_FORMS, Form
from losscli.losses.excess import EXCESS
from losscli.losses.separable import log_ratio, over_classes
from losscli.losses.stable import divergence, over, row_sum, times
from losscli.losses.units import Units, in_units
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    CATEGORICAL,
    task="divergence",
    aliases=("kl_divergence", "kullback_leibler_divergence", "KLDivergence", "KLDivLoss:form=log_probs"),
    also=("kl:form=logits", "kl:form=log_probs", "kl:units=bits"),
    properties="convex differentiable proper",
)
def kl(pred: "Array", target: "Array", *, form: Form = "probs", units: Units = "nats") -> Yields:
    """Kullback-Leibler divergence: KL(t‖p) = Σ_j t_j (ln t_j - ln p_j) over the classes, with 0 · ln 0 = 0.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Targets are rows t that sum to 1; a class
    index or name is the row that is 1 there, for which the value is the cross-entropy. One value a row; units=bits
    divides by ln 2. Gradient with form=probs -t/p, with form=logits softmax · Σt - t, with form=log_probs -t;
    curvature with form=probs t/p², with form=logits p (1-p): those of cross_entropy.

    Use it when the target is a distribution, and what counts is how much is lost by using p in its place.
    Not when predictions may be exactly 0 where the target is not, which is an infinite loss: take js or hellinger.
    Assumes counts or a source that follow t: minus the log-likelihood of p a draw is -Σ t ln p, of the best p, which is
    t itself, -Σ t ln t; their difference is the divergence.
    Good: 0 only where p = t, so the least value is 0 on soft targets too; exact where p is near t.
    Beware: asymmetric; no distance. A target whose printed digits add up to less than the prediction's may give a
    little less than 0.
    Related: cross_entropy less the entropy of the target, which no prediction changes, so both have one gradient;
    reverse_kl is KL(p‖t); for p near t it is half of chi_squared.
    Elsewhere: torch's KLDivLoss takes log-probabilities, and its reduction "mean" divides by the number of classes too:
    its "batchmean" is the mean here. Keras clips both to [1e-7, 1].
    Reference: Kullback and Leibler (1951), doi:10.1214/aoms/1177729694.

    >>> losscli.evaluate("kl:units=bits", pred=[[0.25, 0.75]], target=[[0.5, 0.5]]).value
    0.2075187496394219
    """
    yield from in_units(_kl(pred, target, form), units)


def _kl(pred: "Array", target: "Array", form: str) -> Yields:
    cross_entropy = CATEGORICAL_FORMS[form](pred, target, 0.0)
    cost = next(cross_entropy)
    yield cost if target.ndim == 1 else EXCESS[form](pred, target, cost)
    yield from cross_entropy  # the target's entropy does not depend on the prediction


def _in_probs(always: str, *, only: str) -> Any:
    """Properties, of which some are those of the probabilities alone."""
    return lambda *, form, **_: f"{always} {only}" if form == "probs" else always


@loss(
    DISTRIBUTIONS,
    task="divergence",
    aliases=("reverse_kl_divergence", "exclusive_kl"),
    also=("reverse_kl:form=logits", "reverse_kl:form=log_probs,units=bits"),
    properties=_in_probs("differentiable", only="convex"),
)
def reverse_kl(pred: "Array", target: "Array", *, form: Form = "probs", units: Units = "nats") -> Yields:
    """Reverse Kullback-Leibler divergence: KL(p‖t) = Σ_j p_j (ln p_j - ln t_j) over the classes, with 0 · ln 0 = 0.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Targets are rows t that sum to 1. One value a
    row; units=bits divides by ln 2. With r = ln(p/t), gradient with form=probs r + 1, with form=log_probs p (r + 1),
    with form=logits p (r - KL); curvature 1/p, p (r + 2) and p ((1 - 2p) (r - KL) + 1 - p).

    Use it when a simpler distribution is fitted to t and should lie where t is large, as in variational inference.
    Not when targets are 0 for some class, as one-hot ones are: whatever puts probability there costs without limit.
    Assumes draws from p, judged by t: the mean of minus ln t over them is the cross-entropy of p against t; less the
    entropy of p, which rewards breadth, it is the divergence.
    Good: seeks a mode of t and leaves the others; exact where p is near t.
    Beware: asymmetric; infinite where t is 0 and p is not. Its p may miss what is not rare at all.
    Related: kl with prediction and target in each other's place; alpha_divergence at alpha=0.
    Elsewhere: variational inference writes it KL(q‖p) with q the model; scipy's entropy(p, t) is this.
    Reference: Blei, Kucukelbir and McAuliffe (2017), doi:10.1080/01621459.2017.1285773.

    >>> losscli.evaluate("reverse_kl:units=bits", pred=[[0.5, 0.5]], target=[[0.25, 0.75]]).value
    0.2075187496394219
    """
    yield from in_units(over_classes(form, pred, target, _reverse_parts), units)


def _reverse_parts(t: "Array", p: "Array", log_p: "Array", lacking: "Array") -> Iterator[Any]:
    ratio = log_ratio(t, p, log_p)
    terms = divergence(p, t, 0 - ratio)
    terms = np.where((t == 0) & (log_p > -np.inf), np.inf, terms)  # be p too small for a float64
    yield np.concatenate([terms, 0 - lacking], axis=1)
    yield np.where((t == 0) & (p == 0), 0.0, 1 - ratio), times(p, 1 - ratio)
    yield 1 / p, p


@loss(
    CATEGORICAL,
    task="divergence",
    aliases=("jensen_shannon", "jensen_shannon_divergence", "js_divergence", "JensenShannonDivergence"),
    also=("js:form=logits", "js:form=log_probs", "js:units=bits"),
    properties=_in_probs("differentiable", only="convex symmetric"),
    bounds=lambda *, units, **_: (0.0, log(2) if units == "nats" else 1.0),
)
def js(pred: "Array", target: "Array", *, form: Form = "probs", units: Units = "nats") -> Yields:
    """Jensen-Shannon divergence: ½ KL(t‖m) + ½ KL(p‖m), with m = (p + t)/2; from 0 to ln 2.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Targets are class indices or names, or rows t
    that sum to 1. One value a row; units=bits divides by ln 2. Gradient with form=probs g = ½ ln(p/m), with
    form=log_probs p g, with form=logits p (g - Σ p g); curvature with form=probs ½ t / (p (p + t)).

    Use it when two distributions are compared as equals, or one may be 0 where the other is not.
    Not when probabilities are fitted to outcomes: it is no proper score, and near its upper limit has little slope.
    Assumes a fair coin that picks t or p, and a draw from that: it is what the draw tells of the coin, the entropy of m
    less the mean entropy of t and p.
    Good: symmetric, finite, at most ln 2 (1 bit); its square root is a distance; exact where p is near t.
    Beware: distributions without a common class are all equally far, ln 2, and so give no way to go.
    Related: the mean of two kl, of t and of p against m; for p near t an eighth of chi_squared.
    Elsewhere: scipy's jensenshannon is the square root of this. torchmetrics divides both rows by their sums.
    Reference: Lin (1991), doi:10.1109/18.61115.

    >>> losscli.evaluate("js:units=bits", pred=[[0, 1], [0.5, 0.5]], target=[[1, 0], [0.5, 0.5]]).value
    0.5
    """
    yield from in_units(over_classes(form, pred, target, _js_parts), units)


_CLOSE = 0.7  # |p - t| / (p + t) up to which the series is taken
_TERMS = 52  # of the series: the next is below 2^-53 of the first


def _js_parts(t: "Array", p: "Array", log_p: "Array", lacking: "Array") -> Iterator[Any]:
    """With v = (p-t)/(p+t) a term is (p+t)/4 · ((1+v) ln(1+v) + (1-v) ln(1-v)) = (p+t)/4 · Σ v^2k / (k (2k-1))."""
    total = p + t
    v = np.where(total > 0, (p - t) / total, 0.0)
    square, series = np.where(np.abs(v) < _CLOSE, v * v, 0.0), np.zeros_like(v)
    for k in range(_TERMS, 0, -1):
        series = (series + 1 / (k * (2 * k - 1))) * square
    far = (times(p, np.log(2 * (p / total))) + times(t, np.log(2 * (t / total)))) / 2
    yield np.where(np.abs(v) < _CLOSE, total / 4 * series, np.where(total > 0, far, 0.0))
    slope = np.where(v > -0.5, np.log1p(v), np.log(2 * (p / total))) / 2
    slope = np.where(total > 0, slope, np.log(2) / 2)
    yield slope, times(p, slope)
    yield over(over(t, total), p) / 2, times(t, p / total) / 2


@loss(
    MEASURES,
    task="divergence",
    aliases=("generalised_kl", "i_divergence"),
    degree=1,
    properties="convex differentiable",
)
def generalized_kl(pred: "Array", target: "Array") -> Yields:
    """Generalised Kullback-Leibler divergence: Σ_j (t_j ln(t_j/p_j) - t_j + p_j), with masses p and t.

    Masses may sum to anything, and 0 · ln 0 = 0.
    A row is a measure over d cells: counts, intensities, a spectrum. One value a row. Gradient 1 - t/p, curvature t/p².

    Use it when amounts are compared and not shares, so that a total that is too large or too small counts too.
    Not when rows are distributions: kl says so, and refuses what does not sum to 1.
    Assumes counts that are Poisson with means p: minus the log-likelihood is Σ (p - t ln p) and what no prediction
    changes; less its least value, at p = t, it is the divergence.
    Good: convex, never negative, 0 only where p = t; twice as much mass on both sides is twice the value.
    Beware: asymmetric; infinite where p is 0 and t is not. Large cells decide.
    Related: kl where both rows sum to the same; on one cell a row half of poisson_deviance. It adds up the cells of a
    row, where losses a cell take their mean.
    Elsewhere: optax's convex_kl_divergence is this of log-predictions.
    Reference: Csiszár (1991), doi:10.1214/aos/1176348385.

    >>> losscli.evaluate("generalized_kl", pred=[[2, 0]], target=[[0, 0]]).value
    2.0
    """
    p, t = (np.abs(a.reshape(len(a), -1)) for a in (pred, target))
    shift = np.where(np.maximum(p, t).max(axis=1) >= 2.0**1000, -64, 0)  # or the sum of two would overflow
    low_p, low_t = (np.ldexp(a, shift[:, None]) for a in (p, t))
    yield np.ldexp(row_sum(divergence(low_t, low_p, log_ratio(low_t, low_p, np.log(low_p)))), -shift)
    yield np.where((p == 0) & (t == 0), 1.0, (p - t) / p).reshape(pred.shape)
    yield over(over(t, p), p).reshape(pred.shape)


@loss(
    DISTRIBUTION,
    task="divergence",
    aliases=("entropy",),
    also=("shannon_entropy:form=logits", "shannon_entropy:form=log_probs", "shannon_entropy:units=bits"),
    properties="differentiable",
)
def shannon_entropy(pred: "Array", *, form: Form = "probs", units: Units = "nats") -> Yields:
    """Entropy of the prediction: H(p) = -Σ_j p_j ln p_j over the classes, with 0 · ln 0 = 0; from 0 to ln C.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). There is no target. One value a row;
    units=bits divides by ln 2. With l = ln p, gradient with form=probs -(l + 1), with form=log_probs -p (l + 1), with
    form=logits -p (l + H); curvature with form=probs -1/p, with form=log_probs -p (l + 2), with form=logits
    -p ((1 - 2p) (l + H) + 1 - p).

    Use it when predictions should be decided without saying for which class, as in semi-supervised learning and at test
    time, or to see how certain they are.
    Not when it stands alone for training: every certain prediction is as good as any other.
    Assumes draws from p: minus ln p is what a draw tells, and its mean over p the entropy.
    Good: 0 for a certain prediction, ln C for an even one; needs no labels.
    Beware: says nothing of being right; concave, so least at the corners. Slope without limit in p at 0.
    Related: cross_entropy of a prediction against itself as target; ln C less reverse_kl against the even target.
    Elsewhere: scipy's entropy(p) is this, after dividing by the sum, and its base=2 units=bits.
    Reference: Shannon (1948), doi:10.1002/j.1538-7305.1948.tb01338.x.

    >>> losscli.evaluate("shannon_entropy:units=bits", pred=[[0.5, 0.5, 0], [0, 1, 0]]).value
    0.5
    """
    yield from in_units(over_classes(form, pred, pred, _entropy_parts), units)


def _entropy_parts(_: "Array", p: "Array", log_p: "Array", lacking: "Array") -> Iterator[Any]:
    yield times(p, 0 - log_p)
    yield 0 - (log_p + 1), times(p, 0 - (log_p + 1))
    yield 0 - 1 / p, 0 - p
