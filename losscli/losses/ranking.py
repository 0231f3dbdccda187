"""Ranked lists: the rows of a group are one list, of scores and of how relevant each row is; a value a group."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from losscli.kinds import RANKED_LIST
from losscli.lazy import np
from losscli.losses.all_pairs import blocks, column_sums, difference, exp_difference, normalised, sums
from losscli.losses.cross_entropies import CATEGORICAL_FORMS, softmax
from losscli.losses.stable import row_sum
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_SMALLER = 2.0**-64


@loss(RANKED_LIST, task="ranking", scope="group", properties="convex differentiable")
def ranknet(pred: "Array", target: "Array") -> Yields:
    """RankNet: the mean of ln(1 + exp(-(s_i - s_j))) over all pairs of a group with t_i > t_j, of scores s = pred.

    The rows of a group are one list, and target t says how relevant a row is; a value a group, of (n,). Gradient for
    row k: the mean of -σ(s_j - s_k) over pairs in which k is the more relevant and of σ(s_k - s_j) where it is the
    less; curvature: of σ (1 - σ) over both, each over the number of all pairs.

    Use it when lists are to be put in order and only the order of the relevances means something.
    Not when the top of a list matters most: all pairs count alike here.
    Assumes that i is to stand before j with probability σ(s_i - s_j), each pair for itself: the loss is minus the mean
    log-likelihood of the pairs as they are.
    Good: convex; only differences of scores count; grades need no scale; a pair in order costs hardly anything.
    Beware: a group whose relevances are all equal has no pair and is undefined, not 0; the mean is over a group's
    pairs, then over groups, so a long list counts as much as a short one; n rows are n² comparisons.
    Related: margin_ranking has a corner in the place of the logarithm; bce:form=logits of s_i - s_j is one pair.
    Elsewhere: rankNet of allRank and pairwise_logistic_loss of rax take the mean over pairs too; PairLogit of CatBoost
    takes it over the pairs of all groups together, and lambdarank weights them.
    Reference: Burges, Shaked, Renshaw, Lazier, Deeds, Hamilton and Hullender (2005), doi:10.1145/1102351.1102363.

    >>> losscli.evaluate("ranknet", pred=[0, 0, 0, 3, 1], target=[2, 1, 0, 1, 2], group=list("aaabb")).value
    1.410037595801459
    """
    yield _mean_of_pairs(pred, target)
    gradient, curvature = np.empty_like(pred), np.empty_like(pred)
    count = _pairs(target)[:, None]
    for some, rows in blocks(*pred.shape):
        order, gap, tail = _compared(pred, target, some, rows)
        wrong = np.where(gap * order > 0, tail, 1.0) / (1 + tail)
        gradient[some, rows] = sums(-order * wrong)
        curvature[some, rows] = sums(np.abs(order) * (tail / (1 + tail) / (1 + tail)))
    yield gradient / count
    yield curvature / count


def _compared(pred: "Array", target: "Array", some: slice, rows: slice) -> "tuple[Array, Array, Array]":
    """Of some rows beside all of their groups: whether it is more relevant (1) or less (-1), by how much its score is
    higher, and exp(-|…|) of that.
    """
    t, other_t = target[some, rows, None], target[some, None, :]
    s, other_s = pred[some, rows, None], pred[some, None, :]
    order = np.greater(t, other_t).astype(np.float64) - np.less(t, other_t)
    return order, s - other_s, exp_difference(np.minimum(s, other_s), np.maximum(s, other_s))


def _pairs(target: "Array") -> "Array":
    """How many pairs of a group differ in relevance."""
    count = np.zeros(len(target))
    for some, rows in blocks(*target.shape):
        count[some] += np.greater(target[some, rows, None], target[some, None, :]).sum(axis=(1, 2))
    return count


def _mean_of_pairs(pred: "Array", target: "Array") -> "Array":
    costs = np.empty_like(pred)
    for some, rows in blocks(*pred.shape):
        order, gap, tail = _compared(pred, target, some, rows)
        costs[some, rows] = sums(np.where(order > 0, np.maximum(-gap, 0.0) + np.log1p(tail), 0.0))
    value = row_sum(costs) / _pairs(target)
    beyond = np.isinf(value) & np.isfinite(pred).all(axis=1)
    if beyond.any():  # the costs may add up beyond the range where their mean does not; then they are lines
        value[beyond] = _mean_of_pairs(pred[beyond] * _SMALLER, target[beyond]) / _SMALLER
    return value


@loss(RANKED_LIST, task="ranking", scope="group", properties="convex differentiable")
def listnet(pred: "Array", target: "Array") -> Yields:
    """ListNet: -Σ_i P_i ln Q_i over the rows of a group, with P = softmax(target) and Q = softmax(pred).

    The rows of a group are one list; target says how relevant a row is; a value a group, of (n,). Gradient Q - P,
    curvature Q (1 - Q). P_i is the chance that row i is drawn first where exp(target) are the odds: top-one ListNet.

    Use it when lists are to be put in order, and the top counts more than the rest.
    Not when relevances have no scale: adding to all of them changes nothing, doubling them makes P sharper.
    Assumes that the first of a list is drawn with odds exp(relevance): the loss is the cross-entropy of that draw.
    Good: convex; no pairs, so a list of n rows is n terms; ties in relevance need no rule.
    Beware: its least value is the entropy of P, not 0; a group of one row costs 0; relevances in the hundreds leave
    one row with all the weight.
    Related: cross_entropy:form=logits on the row of a group's scores, with softmax(target) as the soft target.
    Elsewhere: listNet of allRank adds 1e-10 to Q; softmax_loss of rax takes the relevances themselves for P.
    Reference: Cao, Qin, Liu, Tsai and Li (2007), doi:10.1145/1273496.1273513.

    >>> losscli.evaluate("listnet", pred=[0, 0, 1, 1], target=[3, 1, 1, 2], group=list("aabb")).value
    0.6931471805599453
    """
    shares, _ = softmax(target)
    yield from CATEGORICAL_FORMS["logits"](pred, shares, 0.0)


@loss(RANKED_LIST, task="ranking", scope="group", properties="convex differentiable")
def listmle(pred: "Array", target: "Array") -> Yields:
    """ListMLE: Σ_i (ln Σ_k exp(s_k) - s_i), k over row i and those less relevant, of scores s = pred.

    The rows of a group are one list, put in order by target, the most relevant first; a value a group, of (n,): minus
    the log-likelihood of that order where row after row is drawn from what is left, with odds exp(s). Of m rows that
    tie, when l of them are drawn each is left to the share 1 - l/m (Efron's rule), so the order of rows in a file does
    not count. Gradient for row k: Σ_i q_ik - 1, with q_ik the chance of k in draw i; curvature Σ_i q_ik (1 - q_ik).

    Use it when the whole order of a list is known and is to be likely.
    Not when relevances are a few grades of many rows: most of the loss is then of ties, and listnet needs no rule.
    Assumes the model of Plackett and Luce for orders. With ties the mean over all their orders is meant, of which the
    rule is an upper bound, by Jensen's inequality, and exact where tied rows have equal scores.
    Good: convex; only differences of scores count; a list in order by wide gaps costs hardly anything.
    Beware: a sum over the rows of a group, so that longer lists cost more; ties cost ln m! at least; n rows are n²
    comparisons.
    Related: Cox's partial likelihood of event times, with every event seen, is the same sum.
    Elsewhere: listMLE of allRank draws an order of ties at random, and adds 1e-10 to the sums.
    Reference: Xia, Liu, Wang, Zhang and Li (2008), doi:10.1145/1390156.1390306; ties: Efron (1977),
    doi:10.1080/01621459.1977.10480613.

    >>> losscli.evaluate("listmle", pred=[0, 0, 0, 0], target=[2, 1, 1, 2], group=list("aabb")).value
    0.6931471805599453
    """
    order = np.lexsort((-pred, -target), axis=-1)
    scores, levels = (np.take_along_axis(a, order, axis=-1) for a in (pred, target))
    costs = np.empty_like(scores)
    for some, rows, cost, _, _ in _draws(scores, levels):
        costs[some, rows] = cost
    yield row_sum(costs)
    gradient, curvature = np.zeros_like(scores), np.zeros_like(scores)
    for some, rows, _, p, q in _draws(scores, levels):
        curvature[some] += column_sums(p * q)
        own = np.arange(scores.shape[1])[None, rows, None]
        np.put_along_axis(p, own, -np.take_along_axis(q, own, axis=-1), axis=-1)
        gradient[some] += column_sums(p)
    back = np.argsort(order, axis=-1)
    yield np.take_along_axis(gradient, back, axis=-1)
    yield np.take_along_axis(curvature, back, axis=-1)


def _draws(scores: "Array", levels: "Array") -> "Iterator[tuple[slice, slice, Array, Array, Array]]":
    """Draw after draw of sorted lists, in blocks: its cost, the chance of each row in it, and what that lacks to 1."""
    share = _share(levels)
    for some, rows in blocks(*scores.shape):
        s, level = scores[some, rows, None], levels[some, rows, None]
        weight = np.where(level == levels[some, None, :], share[some, rows, None], level > levels[some, None, :])
        left = np.where(weight > 0, scores[some, None, :], -np.inf)
        top = np.argmax(left, axis=-1)[..., None]
        largest = np.take_along_axis(left, top, axis=-1)
        others = weight * exp_difference(left, largest)
        of_top = np.take_along_axis(weight, top, axis=-1)
        np.put_along_axis(others, top, 0.0, axis=-1)
        log_sum, p, q = normalised(others, top, of_top)
        gap, lost = difference(largest, s)
        yield some, rows, gap[..., 0] + (log_sum + lost[..., 0]), p, q


def _share(levels: "Array") -> "Array":
    """1 - l/m for the row before which l of the m rows of its level stand, in sorted lists."""
    before = _before(levels)
    left = _before(levels[:, ::-1])[:, ::-1] + 1
    share: Array = left / (before + left)
    return share


def _before(levels: "Array") -> "Array":
    places, begins = np.arange(levels.shape[1]), np.ones(levels.shape, dtype=bool)
    begins[:, 1:] = levels[:, 1:] != levels[:, :-1]
    before: Array = places - np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    return before
