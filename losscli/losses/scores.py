"""Scores that are no probabilities: of one class of several, or of the labels of a set."""

from math import inf
from typing import TYPE_CHECKING, Annotated

from losscli.exact import two_product
from losscli.kinds import LABEL_SETS, RANKED, SCORES
from losscli.lazy import np
from losscli.losses.cross_entropies import BINARY_FORMS, one_hot
from losscli.losses.margins import two_sum
from losscli.losses.stable import others_of, row_sum, times
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    SCORES,
    task="classification",
    aliases=("multiclass_sparsemax", "multiclass_sparsemax_loss"),
    properties="convex differentiable",
)
def sparsemax(pred: "Array", target: "Array") -> Yields:
    """Sparsemax loss: ½ |p - t|² + Σ_j t_j max(0, τ - z_j), with scores z = pred and p = max(0, z - τ), Σp = 1.

    p is sparsemax(z), the distribution nearest to z. Gradient p - t; curvature 1 - 1/k for the k classes with
    p > 0, else 0. Targets t are class indices or names, or rows that sum to 1. One value a row.

    Use it when a model's last layer is sparsemax, so that most classes have probability 0.
    Not when a wrong class of probability 0 is to be told by a likelihood: there is none.
    Assumes nothing of an outcome. It is the Fenchel-Young loss of half the squared norm: max over distributions q of
    q·z - ½|q|², less what t gives; p is where the maximum is reached, so that p - t is the slope.
    Good: convex and smooth; exactly 0 when the right score leads the others by 1, which no cross-entropy reaches.
    Beware: beyond the reach of p it is linear in the scores; where the set of classes with p > 0 changes the curvature
    jumps.
    Related: cross_entropy:form=logits is the same of the entropy in place of half the squared norm; with two classes
    a smooth hinge of the lead.
    Elsewhere: optax multiclass_sparsemax_loss, of class indices; its sparsemax_loss is of one score and a label 0 or 1.
    Reference: Martins and Astudillo (2016), arXiv:1602.02068.

    >>> losscli.evaluate("sparsemax", pred=[[0.5, 0, -3]], target=[0]).value
    0.0625
    """
    p, beyond = _sparse(pred)
    t = one_hot(target, pred.shape[1])
    e = np.where(t == 1, 0 - others_of(p), p - t)
    yield row_sum(e * e) / 2 + 2 * row_sum(times(t, beyond))
    yield e
    support = p > 0
    yield np.where(support, 1 - 1 / support.sum(axis=1, keepdims=True), 0.0)


def _sparse(z: "Array") -> "tuple[Array, Array]":
    """max(0, z - τ), and half of max(0, τ - z), which itself may overflow: sums and differences keep what they lose, as
    an entry may lie a rounding away from τ.
    """
    top = np.argmax(z, axis=1)[:, None]
    largest = np.take_along_axis(z, top, axis=1)
    below, lost = two_sum(z, -largest)
    np.put_along_axis(below, top, 0.0, axis=1)  # be it infinite
    lost = np.where(np.isfinite(lost), lost, 0.0)
    threshold, rest = _threshold(below, lost)
    above = (below - threshold) + (lost - rest)
    half = np.where(np.isfinite(above), -above / 2, largest / 2 - z / 2)
    return np.maximum(above, 0.0), np.maximum(half, 0.0)


def _threshold(below: "Array", lost: "Array") -> "tuple[Array, Array]":
    """τ beside the largest score, (n, 1), in two parts: (Σ u - 1) / k of the largest k for which 1 + k u_k > Σ u; and
    no u <= -1 is among them.
    """
    order = np.argsort(-below, axis=1, kind="stable")
    ranked, low = (np.take_along_axis(a, order, axis=1) for a in (below, lost))
    total, rest = np.zeros(len(below)), np.zeros(len(below))
    best, size = [total - 1, rest], np.ones(len(below))
    for k in range(1, int((below > -1).sum(axis=1).max(initial=1)) + 1):
        total, error = two_sum(total, ranked[:, k - 1])
        rest = rest + error + low[:, k - 1]
        lacking, error = two_sum(total, np.full_like(total, -1.0))
        is_in = k * ranked[:, k - 1] - lacking - (rest + error) > 0
        best = [np.where(is_in, *both) for both in zip((lacking, rest + error), best, strict=True)]
        size = np.where(is_in, k, size)
    high = best[0] / size
    product, error = two_product(high, size)
    return high[:, None], (((best[0] - product) - error + best[1]) / size)[:, None]


@loss(
    RANKED,
    task="classification",
    aliases=("top_k_error",),
    also=("top_k:k=1", "top_k:k=3"),
    bounds=(0.0, 1.0),
    underived="it counts, so that its slope is 0 wherever it has one",
)
def top_k(
    pred: "Array",
    target: "Array",
    *,
    k: Annotated[int, Param("how many of the best scores may hold the right class", ge=1, lt=inf)] = 5,
) -> Yields:
    """Top-k error: 0 if the right class is among the k with the largest scores, else 1, with scores s = pred.

    Scores are probabilities, logits or any other numbers, of which the largest wins: no form need be said. A class that
    ties counts as behind those it ties with: it is among the best k if fewer than k others have a score as large. It
    has no derivatives. Targets are class indices or names; of rows t that sum to 1 the value is the share Σ_j t_j of
    the classes that are not among the best k. One value a row.

    Use it when several guesses are shown, or classes are so alike that the second best is no error.
    Not when training: it has no slope. Not when it matters how sure a guess is: cross_entropy.
    Assumes nothing; it is the share of rows on which k guesses fail, 1 minus the top-k accuracy.
    Good: easy to read; does not change when scores are scaled, shifted or made probabilities.
    Beware: moves in steps of one row; scores that all tie are all wrong; with k classes or fewer it would always be 0,
    and is refused.
    Ends: k = 1 is the share of wrong classes.
    Related: categorical_hinge lies above it for k = 1.
    Elsewhere: scikit-learn's top_k_accuracy_score and keras's TopKCategoricalAccuracy are 1 minus it where no scores
    tie.
    Reference: Russakovsky et al. (2015), doi:10.1007/s11263-015-0816-y.

    >>> losscli.evaluate("top_k:k=2", pred=[[0.5, 0.25, 0.125, 0.125], [0.5, 0.25, 0.25, 0]], target=[1, 1]).value
    0.5
    """
    classes = pred.shape[1]
    first_out = np.partition(pred, classes - 1 - k, axis=1)[:, classes - 1 - k, None]
    missed = (pred <= first_out).astype(np.float64)
    yield row_sum(times(one_hot(target, classes), missed))


@loss(
    LABEL_SETS,
    task="classification",
    aliases=("MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss"),
    properties="convex differentiable",
)
def multilabel_soft_margin(pred: "Array", target: "Array") -> Yields:
    """Multilabel soft margin: -(1/C) Σ_j [t_j ln σ(z_j) + (1-t_j) ln σ(-z_j)], with logits z = pred and targets t.

    Gradient (σ(z) - t) / C, curvature σ (1-σ) / C. Targets are a column a label, 1 where it holds, else 0. One value a
    row.

    Use it when a row may have any number of labels, each decided by itself.
    Not when exactly one class is right: cross_entropy. Not of probabilities: bce.
    Assumes labels that are independent and Bernoulli with probabilities σ(z): it is minus the log-likelihood of the
    row's labels, Σ_j ln(1 + exp(-z_j)) over those that hold and Σ_j ln(1 + exp(z_j)) over the others, divided by C.
    Good: convex; the gradient is at most 1/C in size.
    Beware: few of many labels hold as a rule, and saying no everywhere is cheap; no finite logit reaches 0.
    Related: bce:form=logits of C outputs has the same mean; its sum is C times as large, as it adds up elements.
    Elsewhere: torch MultiLabelSoftMarginLoss.
    Reference: Good (1952), doi:10.1111/j.2517-6161.1952.tb00104.x.

    >>> losscli.evaluate("multilabel_soft_margin", pred=[[0, 0, 0]], target=[[1, 1, 0]]).value
    0.6931471805599453
    """
    logits, labels = (a[:, None] if a.ndim == 1 else a for a in (pred, target))
    costs = BINARY_FORMS["logits"](logits, labels, 1 - labels, 0.0)
    each = next(costs)
    total, classes = row_sum(each), logits.shape[1]
    yield np.where(np.isfinite(total), total / classes, row_sum(each / classes))
    for derivative in costs:
        yield (derivative / classes).reshape(pred.shape)
