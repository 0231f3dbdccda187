"""More losses from their mathematical definitions: nothing here knows how losscli computes."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from mpmath import exp, log, log1p, mpf, pi, sinh, sqrt

from tests.reference.definitions import unit
from tests.reference.definitions_dive import NOISE
from tests.reference.exact import Aggregate, Definition, Kink, Number

Row = Any  # a list of numbers, or a number


# Of one error


def _half_squared_error(pred: Number, target: Number) -> list[Number]:
    return [(pred - target) ** 2 / 2]


def _smooth_l1(pred: Number, target: Number, *, beta: Number, variant: str) -> list[Number]:
    size, half = abs(pred - target), mpf(2 if variant == "standard" else 1)
    if size < beta:
        return [size**2 / (half * beta)]
    return [size - beta / 2 if variant == "standard" else size]


def _smooth_l1_kinks(*, beta: float, variant: str) -> list[Kink]:
    """From β on the outer slope; at 0 the parabola's, or with β = 0 that of the absolute value."""
    return [Kink((s * beta, 0.0), (s if beta else 0.0,)) for s in (1.0, -1.0)]


def _log_cosh(pred: Number, target: Number) -> list[Number]:
    """ln cosh e; of what remains of it beside |e| - ln 2 in the tail a derivative needs the digits."""
    size = abs(pred - target)
    if size < 1:
        return [log1p(2 * sinh(size / 2) ** 2), mpf(0), mpf(0)]
    return [size, -log(mpf(2)), log1p(exp(-2 * size))]


def _gaussian_nll(pred: Number, target: Number, variance: Number, *, full: bool) -> list[Number]:
    return [log(variance) / 2, (pred - target) ** 2 / (2 * variance), log(2 * pi) / 2 if full else mpf(0)]


def _hinge(pred: Number, target: Number, *, margin: Number) -> list[Number]:
    return [max(mpf(0), margin - target * pred)]


def _hinge_kinks(*, margin: float) -> list[Kink]:
    return [Kink((y * margin, y), (0.0,)) for y in (1.0, -1.0)]


# Of a row of classes


def _distribution(target: Any, classes: int) -> list[Number]:
    """The row that a target stands for: itself, or 1 for the class that it names."""
    return list(target) if isinstance(target, list) else [mpf(j == target) for j in range(classes)]


def _nll(pred: Sequence[Number], target: Any, *, units: str) -> list[Number]:
    pairs = zip(_distribution(target, len(pred)), pred, strict=True)
    return [-t * lp / unit(units) if t else mpf(0) for t, lp in pairs]


def _brier(pred: Row, target: Any) -> list[Number]:
    if not isinstance(pred, list):
        return [(pred - target) ** 2]
    return [(p - t) ** 2 for p, t in zip(pred, _distribution(target, len(pred)), strict=True)]


# Of vectors


def norm(left: Sequence[Number], right: Sequence[Number], p: Number) -> Number:
    """The p-norm of the difference."""
    sizes = [abs(a - b) for a, b in zip(left, right, strict=True)]
    return max(sizes) if p == inf else sum(size**p for size in sizes) ** (1 / mpf(p)) if any(sizes) else mpf(0)


def cosine_distance(left: Sequence[Number], right: Sequence[Number]) -> Number:
    """1 - cos of the angle; cos is 0 for a vector of zeros."""
    lengths = sqrt(sum(a * a for a in left) * sum(b * b for b in right))
    return 1 - sum(a * b for a, b in zip(left, right, strict=True)) / lengths if lengths else mpf(1)


def _contrastive(
    left: Sequence[Number], right: Sequence[Number], label: Number, *, margin: Number, distance: str
) -> list[Number]:
    if distance == "cosine":
        d = cosine_distance(left, right)
    else:
        d = norm(left, right, mpf(2 if distance == "euclidean" else 1))
    if label == 0:
        return [d**2 / 2, mpf(0), mpf(0)]
    return [margin**2 / 2, -margin * d, d**2 / 2] if d < margin else [mpf(0)] * 3


def _contrastive_size(
    left: Sequence[Number], right: Sequence[Number], label: Number, *, margin: Number, distance: str
) -> Number:
    """Twice the terms of a cosine: the square of a distance has twice its error."""
    terms = _contrastive(left, right, label, margin=margin, distance=distance)
    return (2 if distance == "cosine" else 1) * sum(abs(term) for term in terms)


def _contrastive_slope_size(
    left: Sequence[Number], right: Sequence[Number], label: Number, role: int, k: int, *, margin: Number, distance: str
) -> Number | None:
    """Of a cosine the slope is what of one unit vector is perpendicular to the other: a difference."""
    if distance != "cosine":
        return None
    d, slope, _ = _cosine_sizes(left, right, role, k)
    return (d if label == 0 else margin + d) * slope


def _contrastive_curvature_size(
    left: Sequence[Number], right: Sequence[Number], label: Number, role: int, k: int, *, margin: Number, distance: str
) -> Number | None:
    if distance != "cosine":
        return None
    d, slope, curvature = _cosine_sizes(left, right, role, k)
    return slope**2 + (d if label == 0 else margin + d) * curvature


def _cosine_sizes(left: Sequence[Number], right: Sequence[Number], role: int, k: int) -> tuple[Number, Number, Number]:
    """The distance 1 - cos, and twice the sizes of what its slope and its curvature are the sums of."""
    own, other = (left, right) if role == 0 else (right, left)
    own_length, other_length = (sqrt(sum(a * a for a in vector)) for vector in (own, other))
    u, v, d = own[k] / own_length, other[k] / other_length, cosine_distance(left, right)
    slope = 2 * (abs(u - v) + (d + sqrt(d * (2 - d))) * abs(u))  # the root is the sine
    return d, slope / own_length, (2 * abs(1 - d) * (1 - u * u) + 2 * abs(u) * slope) / own_length**2


def _contrastive_kinks(*, margin: float, distance: str) -> list[Kink]:
    zero, flat = ([0.0, 0.0],) * 2, ([0.0, 0.0],) * 2
    kinks = [Kink(([1.5, -2.0], [1.5, -2.0], label), flat) for label in (0, 1)]
    kinks += [Kink((*zero, label), flat) for label in (0, 1)]
    if distance != "cosine":
        kinks.append(Kink(([margin, 0.0], [0.0, 0.0], 1), flat))
    return kinks


def _triplet(
    anchor: Sequence[Number],
    positive: Sequence[Number],
    negative: Sequence[Number],
    *,
    margin: Number,
    p: Number,
    swap: bool,
) -> list[Number]:
    near, far = norm(anchor, positive, p), norm(anchor, negative, p)
    if swap:
        far = min(far, norm(positive, negative, p))
    return [near, -far, margin] if near - far + margin > 0 else [mpf(0)] * 3


def _triplet_kinks(*, margin: float, p: float, swap: bool) -> list[Kink]:
    """A distance of 0 has slope 0, and so has a loss of exactly 0; of equal far distances the anchor's counts."""
    flat = [0.0, 0.0]
    kinks = [
        Kink(([1.0, 2.0], [1.0, 2.0], [1.0, 2.0]), (flat, flat, flat)),
        Kink(([0.0, 0.0], [0.0, 0.0], [margin, 0.0]), (flat, flat, flat)),
    ]
    if swap:
        kinks.append(Kink(([0.0, 0.0], [2.0, 0.0], [1.0, 0.0]), ([0.0, 0.0], [1.0, 0.0], [-1.0, 0.0])))
    return kinks


# Of masks


def overlap(rows: Sequence[tuple[Number, Number]]) -> tuple[Number, Number]:
    """Twice the product of the masks, and the sum of both."""
    return 2 * sum(p * t for p, t in rows), sum(p + t for p, t in rows)


def _dice(pred: Row, target: Row, *, smooth: Number, empty: str = "undefined", pool: str = "sample") -> list[Number]:
    rows = list(zip(pred, target, strict=True)) if isinstance(pred, list) else [(pred, target)]
    twice, total = overlap(rows)
    return (
        [1 - (twice + smooth) / (total + smooth)] if total + smooth else [mpf("nan" if empty == "undefined" else empty)]
    )


def _dice_slope_size(pred: Row, target: Row, role: int, k: int | None, *, smooth: Number, **_: Any) -> Number:
    rows = list(zip(pred, target, strict=True)) if isinstance(pred, list) else [(pred, target)]
    twice, total = overlap(rows)
    t = rows[k or 0][1]
    return ((twice + smooth) * abs(1 - 2 * t) + 2 * (total - twice) * t) / (total + smooth) ** 2


def _dice_curvature_size(pred: Row, target: Row, role: int, k: int | None, *, smooth: Number, **_: Any) -> Number:
    """The curvature is -2 / (Σp + Σt + s) times the slope."""
    total = sum(pred) + sum(target) if isinstance(pred, list) else pred + target
    return 2 * _dice_slope_size(pred, target, role, k, smooth=smooth) / (total + smooth)


def _apart(pred: Number, target: Number, **_: Any) -> list[Number]:
    return [pred * (1 - target), target * (1 - pred)]


def _both(pred: Number, target: Number, **_: Any) -> list[Number]:
    return [pred * target]


def _pooled_dice(sums: Sequence[Number], elements: Number, *, smooth: Number, **_: Any) -> Number:
    apart, both = sums
    return apart / (apart + 2 * both + smooth)


DEFINITIONS: Mapping[str, Definition] = {
    "half_mse": Definition(_half_squared_error),
    "smooth_l1": Definition(_smooth_l1, kinks=_smooth_l1_kinks),
    "log_cosh": Definition(_log_cosh),
    "gaussian_nll": Definition(_gaussian_nll),
    "hinge": Definition(_hinge, kinks=_hinge_kinks),
    "nll": Definition(_nll, rowwise=True, curvature_size=lambda *_, **__: NOISE),
    "brier": Definition(_brier, rowwise=True),
    "contrastive": Definition(
        _contrastive,
        rowwise=True,
        moved=(0, 1),
        size=_contrastive_size,
        slope_size=_contrastive_slope_size,
        curvature_size=_contrastive_curvature_size,
        kinks=_contrastive_kinks,
    ),
    "triplet": Definition(_triplet, rowwise=True, moved=(0, 1, 2), kinks=_triplet_kinks),
    "dice": Definition(
        _dice,
        rowwise=True,
        slope_size=_dice_slope_size,
        curvature_size=_dice_curvature_size,
        aggregate=Aggregate((Definition(_apart), Definition(_both)), _pooled_dice),
    ),
}
