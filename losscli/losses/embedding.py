"""Embeddings: losses of the distances between vectors; a value a row."""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Annotated, Literal

from losscli.exact import two_product
from losscli.kinds import PAIRS, TRIPLETS
from losscli.lazy import np
from losscli.losses.stable import others_of, row_sum
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Margin = Annotated[float, Param("distance at which different things are far enough apart", gt=0, lt=inf)]


@loss(
    PAIRS,
    task="embedding",
    properties="symmetric",
    also=(
        "contrastive:margin=2.5",
        "contrastive:distance=manhattan",
        "contrastive:distance=cosine",
        "contrastive:margin=0.4,distance=cosine",
    ),
)
def contrastive(
    left: "Array",
    right: "Array",
    label: "Array",
    *,
    margin: Margin = 1.0,
    distance: Annotated[
        Literal["euclidean", "manhattan", "cosine"], Param("how the two vectors of a pair are compared")
    ] = "euclidean",
) -> Yields:
    """Contrastive: d²/2 for a similar pair, max(0, m - d)²/2 for a dissimilar one, with d = |left - right|.

    Label 0 says similar, 1 dissimilar; m = margin. distance=manhattan is d = Σ|left - right|, distance=cosine is
    1 - cos of the angle, where cos is taken as 0 for a vector of zeros. One value a row, of vectors (n, d).
    Slope in d: d for a similar pair, -(m - d) for a dissimilar one closer than m, else 0. Gradient that times the slope
    of d, for distance=euclidean ±(left - right)/d. Curvature of a similar pair for distance=euclidean 1, else the slope
    in d times the curvature of d, and where d is below m the squared slope of d.

    Use it when pairs are known to be alike or not, and vectors are to lie near or far accordingly.
    Not when only the order of distances is known: that is triplet.
    Assumes that d means likeness. For similar pairs alone it is least where all vectors are one; the second part is
    there to keep the dissimilar ones apart, as a spring that pushes until its length is m.
    Good: similar pairs are pulled together, others only pushed until they are the margin apart.
    Beware: looks at pairs only; a margin too small separates nothing, one too large can collapse all vectors. A
    dissimilar pair is pushed the hardest when it is nearest, and not at all where its vectors are the same.
    Ends: margin → 0 leaves the similar pairs alone to count; with distance=cosine a margin above 2 never ends.
    Kinks: where left = right the slope of d is 0, and for a vector of zeros with distance=cosine; at d = m the slope in
    d is 0; with distance=manhattan it is 0 in entries that are equal.
    Related: cosine_embedding has 1 - cos itself, with labels 1 and -1; hinge_embedding takes distances and does not
    square.
    Elsewhere: half of it and label 0 for similar are the paper's; other libraries say 1 for similar or leave out the
    half. ContrastiveLoss of pytorch-metric-learning does not square and takes vectors at length 1; that of MONAI is
    NT-Xent.
    Reference: Hadsell, Chopra and LeCun (2006), doi:10.1109/CVPR.2006.100.

    >>> losscli.evaluate("contrastive:margin=8", left=[[0, 0]], right=[[3, 4]], label=[1]).value
    4.5
    """
    metric = _DISTANCES[distance](left, right)
    d, similar = next(metric), label == 0
    gap = np.where(similar, 0.0, np.maximum(margin - d, 0.0))
    yield np.where(similar, d * (d / 2), gap * (gap / 2))
    slope, bend = np.where(similar, d, -gap)[:, None], (similar | (gap > 0))[:, None]
    slopes, lengths = next(metric), next(metric)
    yield tuple(_product(slope, g) / n for g, n in zip(slopes, lengths, strict=True))
    both = zip(slopes, next(metric), lengths, strict=True)
    curvatures = [(_product(slope, h) + np.where(bend, g * g, 0.0)) / n / n for g, h, n in both]
    if distance == "euclidean":  # half its square is smooth, where left = right too
        curvatures = [np.where(similar[:, None], 1.0, c) for c in curvatures]
    yield tuple(curvatures)


def _product(slope: "Array", derivative: "Array") -> "Array":
    """Their product, with 0 · inf = 0: a distance beyond float64 has no slope where the loss has none."""
    return np.where((slope == 0) | (derivative == 0), 0.0, slope * derivative)


@loss(
    TRIPLETS,
    task="embedding",
    aliases=("triplet_margin", "triplet_margin_loss", "TripletMarginLoss"),
    also=("triplet:margin=0.3,p=1", "triplet:p=3", "triplet:margin=2,swap=true", "triplet:p=1.5,swap=true"),
)
def triplet(
    anchor: "Array",
    positive: "Array",
    negative: "Array",
    *,
    margin: Margin = 1.0,
    p: Annotated[float, Param("of the norm: 2 is Euclid's, 1 the sum of sizes, inf the largest", ge=1)] = 2.0,
    swap: Annotated[bool, Param("compare with the positive's distance from the negative where that is less")] = False,
) -> Yields:
    """Triplet: max(0, |anchor - positive| - |anchor - negative| + m), with p-norms and m = margin.

    Gradient where the loss is above 0 that of the first distance minus that of the second, for p = 2 differences over
    distances; 0 elsewhere. Curvature likewise, for p = 2 (1 - slope²) / distance. With swap=true the second distance is
    the lesser of |anchor - negative| and |positive - negative|. One value a row, of vectors (n, d).

    Use it when it is known what should lie nearer to what, not how near.
    Not when pairs are known to be alike or not by themselves: contrastive needs no third.
    Assumes that distance means likeness, the same everywhere. It bounds the share of triplets that are not in order:
    the loss over m is at least 1 where the negative is no further than the positive.
    Good: only the order and a margin count; triplets that are in order already cost nothing.
    Beware: most random triplets are in order soon: how they are chosen decides. Vectors that are all one cost the
    margin only, with slope 0, so that a collapse does not end by itself.
    Ends: p=1 sums the sizes of the differences, p=inf takes the largest; margin → 0 asks for the order alone.
    Kinks: a loss of exactly 0 has slope 0, and so has a distance of 0; at a tie of the two distances that swap compares
    the anchor's counts; below p = 2 an entry of 0 has infinite curvature, and 0 is given.
    Related: margin_ranking of the two distances is the same, of distances computed elsewhere.
    Elsewhere: distances are plain here; torch adds 1e-6 to each difference, optax a small number in the root. The paper
    squares the distances; pytorch-metric-learning takes vectors at length 1, and 0.05 for the margin.
    Reference: Schroff, Kalenichenko and Philbin (2015), doi:10.1109/CVPR.2015.7298682; swap: Balntas, Riba, Ponsa and
    Mikolajczyk (2016), doi:10.5244/C.30.119.

    >>> losscli.evaluate("triplet", anchor=[[0, 0]], positive=[[3, 4]], negative=[[0, 2]]).value
    4.0
    """
    base, swapped = anchor, np.zeros((len(anchor), 1), dtype=bool)
    if swap:
        swapped = (next(_norm(positive, negative, p)) < next(_norm(anchor, negative, p)))[:, None]
        base = np.where(swapped, positive, anchor)
    near, far = _norm(anchor, positive, p), _norm(base, negative, p)
    gap = next(near) - next(far) + margin
    beyond = ~np.isfinite(gap)
    if beyond.any():
        gap[beyond] = _smaller_gap([a[beyond] for a in (anchor, positive, base, negative)], p, margin)
    yield np.maximum(gap, 0.0)
    active = (gap > 0)[:, None]
    for other in (-1, 1):  # to the second of its vectors a distance has the opposite slope, and the same curvature
        pull, push = (np.where(active, next(norm), 0.0) for norm in (near, far))
        kept, moved = np.where(swapped, 0.0, push), np.where(swapped, push, 0.0)
        yield pull - kept, 0.0 - moved + other * pull, 0.0 - other * push


def _smaller_gap(vectors: "list[Array]", p: float, margin: float) -> "Array":
    """The gap of distances that may be beyond float64 where it is not: distances are homogeneous."""
    anchor, positive, base, negative = (a * _SMALLER for a in vectors)
    gap: Array = next(_norm(anchor, positive, p)) - next(_norm(base, negative, p)) + margin * _SMALLER
    return gap / _SMALLER


_SMALLER = 2.0**-64


def _norm(left: "Array", right: "Array", p: float) -> Yields:
    """The p-norm of left - right, row by row, and its derivatives with respect to left; slope 0 at 0.

    Computed relative to a row's own size, so that nothing overflows or vanishes.
    """
    e, unit = scaled(left - right, p)
    beyond = np.isinf(e).any(axis=1)
    if beyond.any():  # a difference may overflow where its half does not
        e[beyond], unit[beyond] = scaled(left[beyond] / 2 - right[beyond] / 2, p)
    factor = np.where(beyond, 2.0, 1.0)[:, None]
    sizes = np.abs(e)
    powers = sizes**p
    total = row_sum(powers)[:, None]
    length = total ** (1 / p)
    yield (length * unit * factor)[:, 0]
    some = total > 0
    yield np.where(some, np.sign(e) * (sizes ** (p - 1) / total ** (1 - 1 / p)), 0.0)
    if p in (1, inf):
        yield np.zeros_like(e)
    else:
        share = (sizes / length) ** (p - 2) * others_of(powers) / total
        some = some & (
            (sizes > 0) | (p >= 2)
        )  # below 2 the curvature is infinite where an entry is 0: none is declared
        yield np.where(some, (p - 1) * share / length / unit / factor, 0.0)


def scaled(e: "Array", p: float) -> "tuple[Array, Array]":
    """Rows divided by a unit: a power of two, which rounds nothing, or for high powers the largest size itself."""
    largest = np.abs(e).max(axis=1, keepdims=True)
    unit = np.where(largest > 0, largest, 1.0)
    if p <= _HIGH:
        unit = np.ldexp(1.0, np.frexp(unit)[1] - 1)
    return e / unit, unit


_HIGH = 64.0


# A distance as `contrastive` takes it: its value; its slopes with respect to left and right, for vectors of length 1;
# the lengths that these are to be divided by; its curvatures, to be divided by the lengths twice.


def _metric(p: float, left: "Array", right: "Array") -> Yields:
    """The p-norm of left - right; its slope does not depend on the vectors' lengths."""
    norm = _norm(left, right, p)
    yield next(norm)
    slope = next(norm)
    yield slope, -slope
    yield 1.0, 1.0
    curvature = next(norm)
    yield curvature, curvature


def _cosine(left: "Array", right: "Array") -> Yields:
    """1 - cos of the angle, and its derivatives as of any distance."""
    metric = angle(left, right)
    next(metric)
    yield from metric


def angle(left: "Array", right: "Array") -> Yields:
    """Cos of the angle, and 1 - cos, for acute angles as sin² / (1 + cos); then as `_metric` the slopes of 1 - cos,
    which are what of the other vector's direction is perpendicular to this one, the lengths, and the curvatures.
    """
    (a, a_unit), (b, b_unit) = scaled(left, 2.0), scaled(right, 2.0)
    a_square, b_square = row_sum(a * a)[:, None], row_sum(b * b)[:, None]
    some = (a_square > 0) & (b_square > 0)
    a_length, b_length = np.sqrt(a_square), np.sqrt(b_square)
    u, v = a / a_length, b / b_length
    cos = row_sum(np.concatenate(two_product(a, b), axis=1))[:, None] / (a_length * b_length)
    straight = _perpendicular(a, b, a_square)
    sin_square = row_sum(straight * straight)[:, None] / b_square
    across_a = straight / b_length
    d = np.where(cos > 0, sin_square / (1 + cos), 1 - cos)
    yield np.where(some, cos, 0.0)[:, 0]
    yield np.where(some, d, 1.0)[:, 0]
    across_b = sin_square * u - cos * across_a
    yield np.where(some, -across_a, 0.0), np.where(some, -across_b, 0.0)
    yield np.where(some, a_length * a_unit, 1.0), np.where(some, b_length * b_unit, 1.0)
    a_bend = cos * (others_of(a * a) / a_square) + 2 * u * across_a
    b_bend = cos * (others_of(b * b) / b_square) + 2 * v * across_b
    yield np.where(some, a_bend, 0.0), np.where(some, b_bend, 0.0)


def _perpendicular(a: "Array", b: "Array", a_square: "Array") -> "Array":
    """What of b is perpendicular to a: from b a_j - a b_j with a_j the largest entry of a, exactly, so that it is 0 for
    parallel vectors and keeps its digits for nearly parallel ones.
    """
    top = np.argmax(np.abs(a), axis=1)[:, None]
    pivot, other = (np.broadcast_to(np.take_along_axis(x, top, axis=1), a.shape) for x in (a, b))
    (high, low), (back, rest) = two_product(b, pivot), two_product(a, other)
    skew = (high - back) + (low - rest)
    straight: Array = (skew - row_sum(skew * a)[:, None] / a_square * a) / pivot
    return straight


_DISTANCES: "dict[str, Callable[[Array, Array], Yields]]" = {
    "euclidean": partial(_metric, 2.0),
    "manhattan": partial(_metric, 1.0),
    "cosine": _cosine,
}
