"""Pairs with a sign, batches of vectors and ranked lists by definition: nothing here knows how losscli computes.

A loss of a group takes each role as the list of the group's rows.
"""

from collections.abc import Mapping, Sequence

from mpmath import exp, log, log1p, mpf, sqrt

from tests.reference.exact import Definition, Kink, Number

Vector = Sequence[Number]


# Pairs with a sign


def _margin_ranking(left: Number, right: Number, label: Number, *, margin: Number) -> list[Number]:
    return [max(mpf(0), margin - label * (left - right))]


def _margin_ranking_kinks(*, margin: float) -> list[Kink]:
    return [Kink((2.0 + y * margin, 2.0, y), (0.0, 0.0)) for y in (1.0, -1.0)]


def cosine(left: Vector, right: Vector) -> Number:
    """The cosine of the angle; 0 for a vector of zeros."""
    lengths = sqrt(sum(a * a for a in left) * sum(b * b for b in right))
    return sum(a * b for a, b in zip(left, right, strict=True)) / lengths if lengths else mpf(0)


def _cosine_embedding(left: Vector, right: Vector, label: Number, *, margin: Number) -> list[Number]:
    cos = cosine(left, right)
    if label > 0:
        return [1 - cos, mpf(0)]
    return [cos, -margin] if cos > margin else [mpf(0), mpf(0)]


def _cosine_slope_size(
    left: Vector, right: Vector, label: Number, role: int, k: int, *, margin: Number
) -> Number | None:
    """The slope is what of one unit vector is perpendicular to the other: a difference, twice as exact as its terms."""
    (u, v), length = _directions(left, right, role, k)
    d = 1 - cosine(left, right)
    return 2 * (abs(u - v) + (d + sqrt(d * (2 - d))) * abs(u)) / length


def _cosine_curvature_size(
    left: Vector, right: Vector, label: Number, role: int, k: int, *, margin: Number
) -> Number | None:
    (u, _), length = _directions(left, right, role, k)
    slope = _cosine_slope_size(left, right, label, role, k, margin=margin) * length
    return (2 * abs(cosine(left, right)) * (1 - u * u) + 2 * abs(u) * slope) / length**2


def _directions(left: Vector, right: Vector, role: int, k: int) -> tuple[tuple[Number, Number], Number]:
    own, other = (left, right) if role == 0 else (right, left)
    own_length, other_length = (sqrt(sum(a * a for a in vector)) for vector in (own, other))
    return (own[k] / own_length, other[k] / other_length), own_length


def _cosine_embedding_kinks(*, margin: float) -> list[Kink]:
    flat = [0.0, 0.0]
    kinks = [Kink((flat, flat, y), (flat, flat)) for y in (1, -1)]
    return [*kinks, Kink(([0.0, 1.5], [2.0, 0.0], -1), (flat, flat))] if margin == 0 else kinks


def _hinge_embedding(pred: Number, label: Number, *, margin: Number) -> list[Number]:
    return [pred if label > 0 else max(mpf(0), margin - pred)]


def _hinge_embedding_kinks(*, margin: float) -> list[Kink]:
    return [Kink((margin, -1.0), (0.0,))]


# Batches of vectors


def _contrast(scores: Sequence[Number], chosen: Sequence[int]) -> list[Number]:
    """ln Σ exp of the scores less the mean of the chosen ones, as the gaps to the chosen that make it up."""
    top = max(scores)
    rest = log1p(sum((exp(s - top) for s in scores), mpf(0)) - 1)
    return [rest, *((top - scores[k]) / len(chosen) for k in chosen)]


def _info_nce(anchor: Sequence[Vector], positive: Sequence[Vector], *, temperature: Number) -> list[Number]:
    n = len(anchor)
    rows = [_contrast([cosine(a, p) / temperature for p in positive], [i]) for i, a in enumerate(anchor)]
    return [term / n for row in rows for term in row]


def _supcon(pred: Sequence[Vector], target: Sequence[Number], *, temperature: Number) -> list[Number]:
    terms = []
    for i, own in enumerate(pred):
        others = [j for j in range(len(pred)) if j != i]
        chosen = [k for k, j in enumerate(others) if target[j] == target[i]]
        if chosen:
            terms.append(_contrast([cosine(own, pred[j]) / temperature for j in others], chosen))
    return [term / len(terms) for row in terms for term in row] if terms else [mpf("nan")]


# Ranked lists


def _ranknet(pred: Sequence[Number], target: Sequence[Number]) -> list[Number]:
    n = range(len(pred))
    pairs = [pred[i] - pred[j] for i in n for j in n if target[i] > target[j]]
    return [(max(-d, mpf(0)) + log1p(exp(-abs(d)))) / len(pairs) for d in pairs] if pairs else [mpf("nan")]


def _listnet(pred: Sequence[Number], target: Sequence[Number]) -> list[Number]:
    shares = [exp(t - max(target)) for t in target]
    top = max(pred)
    total = log(sum(exp(s - top) for s in pred))
    return [share / sum(shares) * (top + total - s) for share, s in zip(shares, pred, strict=True)]


def _listmle(pred: Sequence[Number], target: Sequence[Number]) -> list[Number]:
    """A choice after another of what is left; of m tied ones, when l of them are gone, each is left to 1 - l/m."""
    terms: list[Number] = []
    for level in sorted(set(target), reverse=True):
        tied = [s for s, t in zip(pred, target, strict=True) if t == level]
        below = [s for s, t in zip(pred, target, strict=True) if t < level]
        for gone, own in enumerate(tied):
            share = 1 - mpf(gone) / len(tied)
            total = share * sum(exp(s - own) for s in tied) + sum((exp(s - own) for s in below), mpf(0))
            terms.append(log(total))
    return terms


DEFINITIONS: Mapping[str, Definition] = {
    "margin_ranking": Definition(_margin_ranking, moved=(0, 1), alone=True, kinks=_margin_ranking_kinks),
    "cosine_embedding": Definition(
        _cosine_embedding,
        rowwise=True,
        moved=(0, 1),
        slope_size=_cosine_slope_size,
        curvature_size=_cosine_curvature_size,
        kinks=_cosine_embedding_kinks,
        ulps=8,  # 1 - cos comes from the squared sine, in which every rounding counts twice
    ),
    "hinge_embedding": Definition(_hinge_embedding, alone=True, kinks=_hinge_embedding_kinks),
    "info_nce": Definition(_info_nce, rowwise=True, moved=(0, 1), ulps=4500),
    "supcon": Definition(_supcon, rowwise=True, ulps=4500),
    "ranknet": Definition(_ranknet, rowwise=True, alone=True),
    "listnet": Definition(_listnet, rowwise=True, alone=True),
    "listmle": Definition(_listmle, rowwise=True, alone=True),
}
