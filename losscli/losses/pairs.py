"""Pairs and a sign: losses of two scores, of two vectors, or of their distance, where a label is 1 or -1."""

from math import inf
from typing import TYPE_CHECKING, Annotated

from losscli.kinds import RANKED_PAIRS, SIGNED_DISTANCES, SIGNED_PAIRS
from losscli.lazy import np
from losscli.losses.all_pairs import difference
from losscli.losses.embedding import angle
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    RANKED_PAIRS,
    task="ranking",
    aliases=("MarginRankingLoss", "margin_ranking_loss"),
    also=("margin_ranking:margin=0.7",),
    properties="convex",
)
def margin_ranking(
    left: "Array",
    right: "Array",
    label: "Array",
    *,
    margin: Annotated[float, Param("by how much the one score is to exceed the other", ge=0, lt=inf)] = 0.0,
) -> Yields:
    """Margin ranking: max(0, m - y (left - right)), with label y = 1 or -1 and m = margin.

    y = 1 says that left is to be the higher score, -1 that right is. Gradient with respect to left -y where the loss is
    above 0, else 0, to right the opposite; curvature 0. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when it is known of pairs which of the two is the better, not by how much.
    Not when there are grades of relevance in lists: ranknet and listmle make the pairs themselves.
    Assumes nothing of probabilities. It is a bound: with margin 1 it is at least 1 where a pair is in the wrong order
    or tied, so its mean is at least the share of such pairs.
    Good: convex; only differences of scores count; a pair in order by the margin costs nothing.
    Beware: scores that are all equal cost nothing with margin 0. A pair in the wrong order pulls equally hard
    however far it is off.
    Ends: margin=0 asks for the order alone.
    Kinks: at y (left - right) = m the slope is 0.
    Related: hinge is this with the score in the place of left - right.
    Elsewhere: MarginRankingLoss of torch is the same.
    Reference: Joachims (2002), Optimizing search engines using clickthrough data, doi:10.1145/775047.775067.

    >>> losscli.evaluate("margin_ranking:margin=0.5", left=[2, 1], right=[1, 1.25], label=[1, 1]).value
    0.375
    """
    lacking = _lacking(left, right, label, margin)
    yield np.maximum(lacking, 0.0)
    slope = np.where(lacking > 0, label, 0.0)
    yield 0 - slope, slope + 0.0
    yield np.zeros_like(left), np.zeros_like(left)


def _lacking(left: "Array", right: "Array", label: "Array", margin: float) -> "Array":
    """The margin less y (left - right), with what either subtraction loses made good: right to a rounding, and of the
    right sign next to the corner too.
    """
    lead, lost = difference(np.where(label > 0, left, right), np.where(label > 0, right, left))
    lacking, more = difference(np.full_like(lead, margin), lead)
    mended: Array = lacking + (more - lost)
    return mended


@loss(
    SIGNED_PAIRS,
    task="embedding",
    aliases=("CosineEmbeddingLoss", "cosine_embedding_loss"),
    also=("cosine_embedding:margin=0.4", "cosine_embedding:margin=-0.3"),
    properties="symmetric",
    bounds=(0.0, 2.0),
)
def cosine_embedding(
    left: "Array",
    right: "Array",
    label: "Array",
    *,
    margin: Annotated[float, Param("cosine from which down a dissimilar pair costs nothing", ge=-1, le=1)] = 0.0,
) -> Yields:
    """Cosine embedding: 1 - cos of the angle for a similar pair, max(0, cos - m) for a dissimilar one.

    Label 1 says similar, -1 dissimilar; m = margin; cos is that of left and right, and 0 for a vector of zeros. One
    value a row. Gradient of cos with respect to left: (v - cos · u) / |left|, with u and v the directions of left and
    right; curvature of cos: ((3 u_k² - 1) cos - 2 u_k v_k) / |left|²; those of the loss are minus these for a similar
    pair, these for a dissimilar one above the margin, else 0.

    Use it when pairs are known to be alike or not, and only the directions of the vectors mean something.
    Not when lengths mean something: contrastive compares by distance.
    Assumes that likeness is the angle: for vectors of length 1 the squared distance is 2 (1 - cos).
    Good: between 0 and 2; the lengths of the vectors do not count; 1 - cos is exact for small angles too.
    Beware: labels are 1 and -1, and 0/1 labels are refused; the gradient falls with the length of a vector, and is 0
    for one of zeros; a pair that points in opposite directions has gradient 0 though its loss is 2.
    Ends: margin=-1 pushes dissimilar pairs until they are opposite, margin=1 leaves them alone.
    Kinks: at cos = m a dissimilar pair has slope 0, and so has a vector of zeros.
    Related: contrastive:distance=cosine squares the same distance and reads its labels the other way round, 0 similar.
    Elsewhere: CosineEmbeddingLoss of torch adds a small number to the squared lengths, which shows for short vectors.
    Reference: Bromley, Bentz, Bottou, Guyon, LeCun, Moore, Säckinger and Shah (1993), doi:10.1142/S0218001493000339.

    >>> losscli.evaluate("cosine_embedding", left=[[3, 4], [1, 0]], right=[[4, 3], [3, 4]], label=[1, -1]).value
    0.32
    """
    metric = angle(left, right)
    cos, distance, similar = next(metric), next(metric), label > 0
    above = cos - margin
    yield np.where(similar, distance, np.maximum(above, 0.0))
    sign = np.where(similar, 1.0, np.where(above > 0, -1.0, 0.0))[:, None]  # of the distance's derivatives
    slopes, lengths = next(metric), next(metric)
    yield tuple(sign * slope / length for slope, length in zip(slopes, lengths, strict=True))
    yield tuple(sign * bend / length / length for bend, length in zip(next(metric), lengths, strict=True))


@loss(
    SIGNED_DISTANCES,
    task="embedding",
    aliases=("HingeEmbeddingLoss", "hinge_embedding_loss"),
    also=("hinge_embedding:margin=0.3",),
    properties="convex",
    bounds=(-inf, inf),
)
def hinge_embedding(
    pred: "Array",
    label: "Array",
    *,
    margin: Annotated[float, Param("distance from which a dissimilar pair costs nothing", ge=0, lt=inf)] = 1.0,
) -> Yields:
    """Hinge embedding: x for a similar pair, max(0, m - x) for a dissimilar one, with x = pred and m = margin.

    The prediction is a distance; label 1 says similar, -1 dissimilar. Gradient 1 for a similar pair, -1 for a
    dissimilar one closer than m, else 0; curvature 0. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when the distances of pairs are computed elsewhere, and pairs are known to be alike or not.
    Not when pred is a score of the side of a decision: that is hinge.
    Assumes that x is a distance, at least 0: a similar pair loses its distance, a dissimilar one what it lacks to the
    margin.
    Good: linear, so that a far pair does not outweigh the others; dissimilar pairs are pushed up to the margin only.
    Beware: labels are 1 and -1; a pred below 0 is taken, and makes the loss of a similar pair negative.
    Ends: margin=0 costs dissimilar pairs nothing as long as no pred is negative.
    Kinks: at x = m a dissimilar pair has slope 0.
    Related: contrastive has the halved squares of the same two parts, of the distance of two vectors.
    Elsewhere: HingeEmbeddingLoss of torch is the same for labels 1 and -1; a label of 0, refused here, adds both parts
    there.
    Reference: Weston, Ratle and Collobert (2008), Deep learning via semi-supervised embedding,
    doi:10.1145/1390156.1390303.

    >>> losscli.evaluate("hinge_embedding", pred=[0.25, 0.25, 3], label=[1, -1, -1], reduction="sum").value
    1.0
    """
    similar, lacking = label > 0, margin - pred
    yield np.where(similar, pred, np.maximum(lacking, 0.0))
    yield np.where(similar, 1.0, np.where(lacking > 0, -1.0, 0.0))
    yield np.zeros_like(pred)
