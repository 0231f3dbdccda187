"""Batches of vectors: what belongs together is told from all else in the group by its cosine; a value a group."""

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, Annotated, NamedTuple

from losscli.kinds import LABELLED_VECTORS, VIEWS
from losscli.lazy import np
from losscli.losses.all_pairs import blocks, normalised, product, sums
from losscli.losses.embedding import scaled
from losscli.losses.stable import others_of, row_sum, times
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_TEMPERATURE = Param("what cosines are divided by: the lower, the more the nearest vectors count", gt=0, lt=inf)


@loss(
    VIEWS,
    task="embedding",
    scope="group",
    aliases=("infonce", "InfoNCELoss"),
    also=("info_nce:temperature=0.5",),
    properties="differentiable",
)
def info_nce(anchor: "Array", positive: "Array", *, temperature: Annotated[float, _TEMPERATURE] = 0.07) -> Yields:
    """InfoNCE: the mean over a group's rows i of -ln (exp(c_ii/τ) / Σ_j exp(c_ij/τ)), with τ = temperature.

    c_ij is the cosine of anchor i with positive j, 0 for a vector of zeros: row i's own positive is the right one, the
    positives of the group's other rows are the wrong ones. A value a group, of vectors (n, d). With p_ij the softmax of
    c_ij/τ over j, the gradient with respect to c_ij is (p_ij - [i = j]) / nτ, and that of c_ij with respect to anchor i
    is (v_j - c_ij u_i) / |anchor i|, with directions u and v; to positive j likewise. Curvature: by the chain rule of
    both, p_ij (1 - p_ij) / nτ² in c_ij.

    Use it when rows are pairs that belong together (two views of one thing, a text and its picture), and nothing else
    is known.
    Not when several rows of a group belong together: each would be a wrong one to the other; say so by supcon.
    Assumes that one of the group's positives belongs to an anchor, with odds exp(c/τ): the loss is cross-entropy of
    that choice among n. ln n minus the loss is a lower bound of the mutual information of the two views, for pairs
    drawn independently.
    Good: every row serves as a wrong one for all others; lengths do not count; exact when the right ones win by far.
    Beware: its value depends on how many rows a group has: groups of other sizes cannot be compared. It is one-sided:
    anchors choose among positives; exchange the two roles for the other side. n rows are n² cosines.
    Ends: as temperature → 0 it is near (the largest cosine less the right one) / τ; as temperature → ∞ it is ln n
    whatever the vectors.
    Related: cross_entropy:form=logits of a row of cosines over τ is one row's term; supcon has several right ones.
    Elsewhere: NTXentLoss of pytorch-metric-learning with ref_emb is the same; its form for one batch, optax's ntxent
    and SimCLR's take the anchors too for wrong ones; van den Oord, Li and Vinyals use a learnt score for the cosine.
    Reference: van den Oord, Li and Vinyals (2018), arXiv:1807.03748; cosines over a temperature: Chen, Kornblith,
    Norouzi and Hinton (2020), arXiv:2002.05709.

    >>> losscli.evaluate("info_nce:temperature=1", anchor=[[1, 0], [0, 1]], positive=[[1, 0], [0, 1]]).value
    0.31326168751822286
    """
    rows = anchor.shape[1]
    every = np.full(anchor.shape[:2], 1 / rows)
    batch = _Batch(
        _directed(anchor), _directed(positive), every, np.arange(rows)[None, :].repeat(len(anchor), 0), False
    )
    yield _sum_of_choices(batch, temperature) / rows
    of_anchors, of_positives = _derivatives(batch, temperature)
    yield of_anchors[0], of_positives[0]
    yield of_anchors[1], of_positives[1]


@loss(
    LABELLED_VECTORS,
    task="embedding",
    scope="group",
    aliases=("SupConLoss", "supervised_contrastive"),
    also=("supcon:temperature=0.5",),
    properties="differentiable",
)
def supcon(pred: "Array", target: "Array", *, temperature: Annotated[float, _TEMPERATURE] = 0.1) -> Yields:
    """Supervised contrastive: the mean over anchors i and their positives p of -ln (exp(c_ip/τ) / Σ_a exp(c_ia/τ)).

    c_ij is the cosine of the vectors i and j of a group, 0 for a vector of zeros, τ = temperature. Positives of i are
    the other rows of its class, the target; a is any other row. First the mean over the positives of an anchor is taken
    (L_out of the paper), then over anchors; an anchor without a positive is left out. A value a group, of vectors (n,
    d) and labels (n,). Gradient with respect to c_ij: (p_ij - [j is a positive of i] / |positives of i|) / τ over the
    number of anchors, with p_ij the softmax over the other rows, and by the chain rule as in info_nce, for i and for j;
    curvature likewise.

    Use it when classes are known, and vectors of a class are to lie together and away from the others.
    Not when labels are not classes: contrastive and triplet take what pairs are known.
    Assumes that a row of an anchor's class is drawn from the others with odds exp(c/τ): cross-entropy of that draw with
    an even target over the positives.
    Good: uses all pairs of a batch; lengths do not count.
    Beware: a group in which no class has two rows has no anchor and is undefined, not 0. Its least value is not 0:
    where anchors have m positives it is ln m at least. It depends on how many rows a group has; n rows are n² cosines.
    Ends: temperature → ∞ is ln(n - 1) whatever the vectors.
    Related: with one positive an anchor it is NT-Xent, SimCLR's loss: label the two views of a thing alike.
    Elsewhere: SupConLoss of pytorch-metric-learning is the same but for anchors whose loss is exactly 0, which its mean
    leaves out; code that was published with the paper has temperature 0.07 and a factor of temperature over 0.07.
    Reference: Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu and Krishnan (2020), arXiv:2004.11362.

    >>> losscli.evaluate("supcon:temperature=1", pred=[[1, 0], [0.8, 0.6], [0, 1]], target=[0, 0, 1]).value
    0.48461976766468473
    """
    alike = _positives(target)
    has, count = alike > 0, (alike > 0).sum(axis=1)[:, None]
    vectors = _directed(pred)
    batch = _Batch(vectors, vectors, np.where(has, 1.0, 0.0) / count, target, True)
    yield _sum_of_choices(batch, temperature) / count[:, 0]
    as_anchor, as_other = _derivatives(batch, temperature)
    yield as_anchor[0] + as_other[0]
    yield as_anchor[1] + as_other[1]


def _positives(target: "Array") -> "Array":
    """How many other rows of its group are of a row's class."""
    count = np.empty(target.shape)
    for some, rows in blocks(*target.shape):
        count[some, rows] = (target[some, rows, None] == target[some, None, :]).sum(axis=-1) - 1
    return count


class _Directed(NamedTuple):
    """Vectors (g, n, d) relative to powers of two of their own, their units; their lengths in these, infinite for a
    vector of zeros, which makes its cosines and slopes 0; directions; what the square of each of their entries lacks
    to 1.
    """

    vectors: "Array"
    units: "Array"
    lengths: "Array"
    directions: "Array"
    lacks: "Array"


def _directed(given: "Array") -> _Directed:
    flat, units = scaled(given.reshape(-1, given.shape[-1]), 2.0)
    squares = flat * flat
    square = row_sum(squares)[:, None]
    lengths = np.where(square > 0, np.sqrt(square), np.inf)
    lacks = np.where(square > 0, others_of(squares) / square, 1.0)
    shaped = (a.reshape(*given.shape[:2], -1) for a in (flat, units, lengths, flat / lengths, lacks))
    return _Directed(*shaped)


class _Batch(NamedTuple):
    """Vectors that choose among others; each choice's weight in the mean; labels: rows of the same label belong
    together, except that where the vectors choose among themselves (`own`) none chooses itself.
    """

    left: _Directed
    right: _Directed
    weight: "Array"
    label: "Array"
    own: bool


class _Block(NamedTuple):
    """Of some groups, some rows beside all: cosines; the largest one's place; cosines less the largest; the targets;
    and of the softmax the logarithm of the sum, its shares, and what they lack to 1.
    """

    some: slice
    rows: slice
    cosines: "Array"
    top: "Array"
    below: "Array"
    target: "Array"
    log_sum: "Array"
    p: "Array"
    q: "Array"


def _choices(batch: _Batch, temperature: float) -> Iterator[_Block]:
    left, right, _, label, own = batch
    for some, rows in blocks(*label.shape):
        lengths = left.lengths[some, rows] * np.swapaxes(right.lengths[some], 1, 2)
        cosines = product(left.vectors[some, rows], np.swapaxes(right.vectors[some], 1, 2)) / lengths
        target = (label[some, rows, None] == label[some, None, :]).astype(np.float64)
        allowed = cosines
        if own:
            places = np.arange(label.shape[1])[None, rows, None]
            allowed = cosines.copy()
            np.put_along_axis(allowed, places, -np.inf, axis=-1)
            np.put_along_axis(target, places, 0.0, axis=-1)
        target /= np.maximum(target.sum(axis=-1, keepdims=True), 1.0)
        top = np.argmax(allowed, axis=-1)[..., None]
        below = allowed - np.take_along_axis(allowed, top, axis=-1)
        others = np.exp(below / temperature)
        np.put_along_axis(others, top, 0.0, axis=-1)
        yield _Block(some, rows, cosines, top, below, target, *normalised(others, top))


def _sum_of_choices(batch: _Batch, temperature: float) -> "Array":
    """Of each group, over the choices that count: cross-entropy of the targets."""
    costs = np.empty(batch.label.shape)
    for block in _choices(batch, temperature):
        gap = sums(np.where(block.target > 0, 0.0 - block.below * block.target, 0.0))
        costs[block.some, block.rows] = gap / temperature + block.log_sum
    return row_sum(np.where(batch.weight > 0, costs, 0.0))


def _derivatives(batch: _Batch, temperature: float) -> "list[tuple[Array, Array]]":
    """Gradient and curvature of the weighted mean in the vectors that choose, and in those that are chosen from."""
    chosen = [np.zeros_like(batch.right.vectors) for _ in range(3)]
    choosing = [np.zeros_like(batch.left.vectors) for _ in range(3)]
    for block in _choices(batch, temperature):
        here = (block.some, block.rows)
        weight = batch.weight[here][..., None] / temperature
        slope = weight * np.where(block.target == 1, -block.q, block.p - block.target)
        u, v = batch.left.directions[here], batch.right.directions[block.some]
        pull = sums(slope * block.cosines)[..., None]
        spread = times(_variance(block, u, v), weight / temperature)
        for whole, part in zip(choosing, (product(slope, v), pull, spread), strict=True):
            whole[here] = part
        for whole, part in zip(chosen, _of_columns(block, slope, weight / temperature, u, v), strict=True):
            whole[block.some] += part
    return [_chained(batch.left, *choosing), _chained(batch.right, *chosen)]


def _of_columns(block: _Block, slope: "Array", weight: "Array", u: "Array", v: "Array") -> "tuple[Array, Array, Array]":
    """For the vectors chosen from, with directions v: Σ_i of slope · u_i, of slope · cos, of p q (u_i - cos · v)²."""
    bend, cosines = np.swapaxes(times(block.p * block.q, weight), 1, 2), np.swapaxes(block.cosines, 1, 2)
    mixed, own = product(bend * cosines, u), sums(bend * cosines * cosines)[..., None]
    spread = product(bend, u * u) - 2 * v * mixed + v * v * own
    slope = np.swapaxes(slope, 1, 2)
    return product(slope, u), sums(slope * cosines)[..., None], np.maximum(spread, 0.0)


def _variance(block: _Block, u: "Array", v: "Array") -> "Array":
    """The variance, over the choice, of v_j - cos_j · u: from what each differs by from the most probable one, so that
    it keeps its digits where that has nearly all of the probability.
    """
    p = block.p.copy()
    np.put_along_axis(p, block.top, 0.0, axis=-1)
    below = np.where(p > 0, block.below, 0.0)
    top = np.take_along_axis(v, block.top, axis=1)
    rest, fall, squared_fall = (sums(x)[..., None] for x in (p, p * below, p * below * below))
    others, mixed = product(p, v), product(p * below, v)
    mean = others - top * rest - u * fall
    squares = product(p, v * v) - 2 * top * others + top * top * rest
    squares += u * (u * squared_fall - 2 * (mixed - top * fall))
    variance: Array = np.maximum(squares - mean * mean, 0.0)
    return variance


def _chained(of: _Directed, across: "Array", along: "Array", spread: "Array") -> "tuple[Array, Array]":
    """Gradient and curvature in vectors, of Σ slope · direction of the other, of Σ slope · cos, and of what is
    quadratic in the cosines' slopes: those of cos are (v - cos · u) / length and
    -(2 u (v - cos · u) + cos (1 - u²)) / length².
    """
    straight = across - along * of.directions
    bent = spread - 2 * of.directions * straight - along * of.lacks
    return straight / of.lengths / of.units, bent / of.lengths / of.units / of.lengths / of.units
