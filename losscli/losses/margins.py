"""Margins between the scores of classes: what a right class lacks to beat the wrong ones."""

from collections.abc import Callable, Iterator
from itertools import islice
from math import ceil, log2
from typing import TYPE_CHECKING, Annotated

from losscli.kinds import LABEL_SETS, SCORES
from losscli.lazy import np
from losscli.losses.stable import row_sum, times
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Margin = Annotated[float, Param("lead of the right score from which nothing is lost", ge=0, le=1e300)]
_LARGE = 1e300  # scores from which differences, or sums of them, may overflow though their mean does not


def _of_margins(*, p: int, **_: float) -> str:
    return "convex differentiable" if p > 1 else "convex"


@loss(
    SCORES,
    task="classification",
    aliases=("MultiMarginLoss", "multi_margin_loss", "weston_watkins"),
    also=("multi_margin:p=2", "multi_margin:margin=0.3", "multi_margin:p=2,margin=0"),
    properties=_of_margins,
)
def multi_margin(
    pred: "Array",
    target: "Array",
    *,
    p: Annotated[int, Param("power of what is lacking, 1 or 2", ge=1, le=2)] = 1,
    margin: Margin = 1.0,
) -> Yields:
    """Multi-margin: (1/C) Σ_{j≠y} max(0, m - s_y + s_j)^p, with scores s = pred, the right class y and margin m.

    Gradient with p=1 1/C for each wrong class that comes too close, and minus their sum for the right one; with p=2
    twice what each lacks in place of 1. Curvature 0 with p=1; with p=2 2/C for each, and their sum for the right one.
    Targets are class indices or names; of rows t that sum to 1 the value is Σ_y t_y times that of y. One value a row.

    Use it when every class that comes too close to the right one is to cost something.
    Not when probabilities are wanted: scores have no scale but the margin.
    Assumes nothing of probabilities: each pair of the right and a wrong class is to keep its distance. max(0, m - d) is
    above the 0/1 loss of that pair for m = 1; the mean over the classes adds the pairs up.
    Good: convex; 0 for what is right by the margin; with p=2 its slope does not jump.
    Beware: divided by C, not by the C - 1 wrong classes, as torch does: with many classes and one close rival it is
    small.
    Ends: m = 0 asks only that the right score is not below the others.
    Kinks: with p=1 the slope is 0 where a wrong class keeps the margin exactly.
    Related: with two classes and p=1 half the hinge of s_y - s_j; categorical_hinge takes the closest rival alone.
    Elsewhere: torch MultiMarginLoss, of class indices; optax and scikit-learn have categorical_hinge.
    Reference: Weston and Watkins (1999), Support vector machines for multi-class pattern recognition; Alber, Zimmert,
    Dogan and Kloft (2017), doi:10.1371/journal.pone.0178161.

    >>> losscli.evaluate("multi_margin", pred=[[0.5, 0.25, -2, 0]], target=[0]).value
    0.3125
    """

    def cost(scores: "Array", label: "Array") -> Yields:
        classes, scale = scores.shape[1], _scale(scores, scores.shape[1])
        lacking = _lacking(scores * scale, label, margin * scale)
        powers = lacking if p == 1 else lacking * (lacking / classes)
        yield row_sum(powers) / (classes if p == 1 else 1) / scale[:, 0] ** p
        close = (lacking > 0).astype(np.float64)
        yield _against(close / classes if p == 1 else 2 * (lacking / classes) / scale, label, -1)
        yield np.zeros_like(scores) if p == 1 else _against(2 * close / classes, label, 1)

    yield from _expected(cost, pred, target)


@loss(
    SCORES,
    task="classification",
    aliases=("crammer_singer", "multiclass_hinge", "multiclass_hinge_loss"),
    properties="convex",
)
def categorical_hinge(pred: "Array", target: "Array") -> Yields:
    """Categorical hinge: max(0, 1 - s_y + max_{j≠y} s_j), with scores s = pred and the right class y.

    Gradient 1 for the closest rival and -1 for the right class where the value is above 0, else 0; curvature 0.
    Targets are class indices or names; of rows t that sum to 1 the value is Σ_y t_y times that of y. One value a row.

    Use it when only the side of the decision and a margin count, as in a support vector machine of several classes.
    Not when probabilities are wanted: scores have no scale but the margin.
    Assumes nothing of probabilities. It is above the 0/1 loss: where a wrong score is at least the right one, the value
    is at least 1.
    Good: convex; looks at the closest rival alone, however many classes there are.
    Beware: the gradient moves two classes a row only, and jumps from rival to rival.
    Kinks: of equal rivals the first has the slope; where the margin is kept exactly the slope is 0.
    Related: with two classes the hinge of s_y - s_j; multi_margin adds up all rivals.
    Elsewhere: scikit-learn's hinge_loss of several classes, and optax's multiclass_hinge_loss; keras's
    CategoricalHinge takes the largest (1-t)·s, where the right class counts as a score of 0, so that it is larger
    where all wrong scores lie below 0.
    Reference: Crammer and Singer (2001), https://www.jmlr.org/papers/v2/crammer01a.html.

    >>> losscli.evaluate("categorical_hinge", pred=[[0.5, 0.25, -2, 0]], target=[0]).value
    0.75
    """

    def cost(scores: "Array", label: "Array") -> Yields:
        scale = _scale(scores, 1)
        lacking = _lacking(scores * scale, label, scale).max(axis=1)
        yield lacking / scale[:, 0]
        rivals = scores.copy()
        np.put_along_axis(rivals, label[:, None], -np.inf, axis=1)
        closest = np.equal(rivals.argmax(axis=1)[:, None], np.arange(scores.shape[1]))
        yield _against((closest & (lacking > 0)[:, None]).astype(np.float64), label, -1)
        yield np.zeros_like(scores)

    yield from _expected(cost, pred, target)


@loss(
    LABEL_SETS,
    task="classification",
    aliases=("MultiLabelMarginLoss", "multilabel_margin_loss"),
    properties="convex",
)
def multilabel_margin(pred: "Array", target: "Array") -> Yields:
    """Multilabel margin: (1/C) Σ_{j: t_j=1} Σ_{i: t_i=0} max(0, 1 - s_j + s_i), with scores s = pred, targets t.

    Gradient 1/C for each i and -1/C for each j of a pair that comes too close; curvature 0. Targets are a column a
    label, 1 where it holds, else 0. One value a row; a row with all labels or with none has no pairs, and is 0.

    Use it when the labels that hold are to be ranked above the others, each pair by a margin.
    Not when probabilities are wanted, or rows without any label are to count: multilabel_soft_margin.
    Assumes nothing of probabilities: a pair in the wrong order costs at least 1, so that C times the value is above the
    number of such pairs.
    Good: convex; 0 for what is ranked right by the margin.
    Beware: grows with the number of pairs, and is divided by the labels' number C alone; only differences of scores
    count, so that no threshold separates the labels of different rows.
    Kinks: the slope of a pair that keeps the margin exactly is 0.
    Related: with one label that holds it is multi_margin.
    Elsewhere: torch's MultiLabelMarginLoss has targets of another layout: the indices of the labels that hold, up to
    the first -1.
    Reference: Elisseeff and Weston (2001), A kernel method for multi-labelled classification,
    https://papers.nips.cc/paper/2001/hash/39dcaf7a053dc372fbc391d4e6b5d693-Abstract.html.

    >>> losscli.evaluate("multilabel_margin", pred=[[0.5, 0.25, -2, 0]], target=[[1, 1, 0, 0]]).value
    0.3125
    """
    scores, labels = (a[:, None] if a.ndim == 1 else a for a in (pred, target))
    classes = scores.shape[1]
    scale = _scale(scores, classes**2)
    lacking = np.zeros_like(scores)
    for label, rows, close in _close_pairs(scores * scale, labels, scale):
        lacking[rows, label[0]] = row_sum(close)
    yield row_sum(lacking) / classes / scale[:, 0]
    slope = np.zeros_like(scores)
    for label, rows, close in _close_pairs(scores * scale, labels, scale):
        slope[rows] += _against((close > 0).astype(np.float64), label, -1)
    yield (slope / classes).reshape(pred.shape)
    yield np.zeros_like(pred)


def _close_pairs(scores: "Array", labels: "Array", margin: "Array") -> "Iterator[tuple[Array, Array, Array]]":
    """For each label the rows where it holds, and what it lacks there against each label that does not."""
    for label, rows in _happening(labels):
        yield label, rows, times(1 - labels[rows], _lacking(scores[rows], label, margin[rows]))


def _scale(scores: "Array", terms: int) -> "Array":
    """A power of two for each row, (n, 1): 1, or where scores are so large that so many differences may overflow,
    small enough that they do not.
    """
    is_large = np.abs(scores).max(axis=1, keepdims=True) > _LARGE
    return np.where(is_large, 2.0 ** -(ceil(log2(terms)) + 2), 1.0)


def _lacking(scores: "Array", label: "Array", margin: "Array | float") -> "Array":
    """max(0, m + s_j - s_y) for every class j but y, 0 for y: the sum of the three is rounded once."""
    own = np.take_along_axis(scores, label[:, None], axis=1)
    lead, lost = two_sum(scores, -own)
    total, more = two_sum(lead, np.broadcast_to(margin, lead.shape))
    lost = lost + more
    lacking = np.maximum(np.where(np.isfinite(lost), total + lost, total), 0.0)
    np.put_along_axis(lacking, label[:, None], 0.0, axis=1)
    return lacking


def two_sum(a: "Array", b: "Array") -> "tuple[Array, Array]":
    """The rounded sum and what it lacks, exactly (Knuth)."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


def _against(others: "Array", label: "Array", sign: int) -> "Array":
    """The entries of the other classes, with their sum, or minus it, as that of the class."""
    total = row_sum(others)[:, None]
    np.put_along_axis(others, label[:, None], total if sign > 0 else 0 - total, axis=1)  # without a sign of zeros
    return others


def _happening(target: "Array") -> "Iterator[tuple[Array, Array]]":
    """For each class the rows where its share is not 0, and the class as the label of each of them."""
    for k in range(target.shape[1]):
        rows = np.flatnonzero(target[:, k])
        if rows.size:
            yield np.full(rows.size, k), rows


def _expected(cost: Callable[..., Yields], pred: "Array", target: "Array") -> Yields:
    """What a class costs: of the one that is right, or Σ_y t_y times that of y."""
    if target.ndim == 1:
        yield from cost(pred, target)
        return
    costs = np.zeros_like(pred)
    for label, rows in _happening(target):
        costs[rows, label[0]] = next(cost(pred[rows], label))
    yield row_sum(times(target, costs))
    for order in (1, 2):
        total = np.zeros_like(pred)
        for label, rows in _happening(target):
            derivative = next(islice(cost(pred[rows], label), order, None))
            total[rows] += target[rows, label[0], None] * derivative
        yield total
