"""Overlap of masks and of boxes, from their mathematical definitions: nothing here knows how losscli computes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mpmath import atan, mpf, pi, sqrt

from tests.reference.exact import Aggregate, Definition, Kink, Number

Row = Any  # a list of numbers, or a number


def _pairs(pred: Row, target: Row) -> list[tuple[Number, Number]]:
    return list(zip(pred, target, strict=True)) if isinstance(pred, list) else [(pred, target)]


# Shares of two masks: 1 - (c Σpt + s) / (whatever Σ apart + c Σpt are + s)


def _overlapping(
    pairs: Sequence[tuple[Number, Number]], whole: Number, factor: int, *, smooth: Number, empty: str, **_: Any
) -> Number:
    if whole + smooth == 0:
        return mpf("nan" if empty == "undefined" else empty)
    return 1 - (factor * sum(p * t for p, t in pairs) + smooth) / (whole + smooth)


def _squared_dice(pred: Row, target: Row, **params: Any) -> list[Number]:
    pairs = _pairs(pred, target)
    return [_overlapping(pairs, sum(p * p + t * t for p, t in pairs), 2, **params)]


def _jaccard(pred: Row, target: Row, **params: Any) -> list[Number]:
    pairs = _pairs(pred, target)
    return [_overlapping(pairs, sum(p + t - p * t for p, t in pairs), 1, **params)]


def _tversky(pred: Row, target: Row, *, alpha: Number, beta: Number, **params: Any) -> list[Number]:
    pairs = _pairs(pred, target)
    whole = sum(p * t + alpha * p * (1 - t) + beta * t * (1 - p) for p, t in pairs)
    return [_overlapping(pairs, whole, 1, **params)]


def _focal_tversky(pred: Row, target: Row, *, gamma: Number, **params: Any) -> list[Number]:
    return [term ** (1 / gamma) for term in _tversky(pred, target, **params)]


def _wrong(pred: Number, target: Number, *, alpha: Number = 1, beta: Number = 1, **_: Any) -> list[Number]:
    return [alpha * pred * (1 - target), beta * target * (1 - pred)]


def _squared_error(pred: Number, target: Number, **_: Any) -> list[Number]:
    return [(pred - target) ** 2]


def _shared(pred: Number, target: Number, **_: Any) -> list[Number]:
    return [pred * target]


def _sizes(
    pred: Row, target: Row, k: int | None, factor: int, squared: bool, *, smooth: Number, alpha: Number, beta: Number
) -> tuple[Number, Number, Number]:
    """The loss and the sizes of what its slope and its curvature are differences of."""
    pairs = _pairs(pred, target)
    p, t = pairs[k or 0]
    apart = sum((x - y) ** 2 if squared else sum(_wrong(x, y, alpha=alpha, beta=beta)) for x, y in pairs)
    shared = factor * sum(x * y for x, y in pairs) + smooth
    whole = apart + shared
    steep = 2 * abs(p - t) if squared else alpha * (1 - t) + beta * t
    slope = (shared * steep + apart * factor * t) / whole**2
    bend = 2 * shared / whole**2 if squared else 0
    slope += mpf(10) ** -30  # of a perfect mask the slope is 0, but not its difference quotient
    return apart / whole, slope, bend + 2 * slope * (steep + factor * t) / whole


def _slope_size(factor: int, squared: bool = False) -> Callable[..., Number]:
    def size(
        pred: Row,
        target: Row,
        role: int,
        k: int | None,
        *,
        smooth: Number,
        alpha: Number = 1,
        beta: Number = 1,
        **_: Any,
    ) -> Number:
        return _sizes(pred, target, k, factor, squared, smooth=smooth, alpha=alpha, beta=beta)[1]

    return size


def _curvature_size(factor: int, squared: bool = False) -> Callable[..., Number]:
    def size(
        pred: Row,
        target: Row,
        role: int,
        k: int | None,
        *,
        smooth: Number,
        alpha: Number = 1,
        beta: Number = 1,
        **_: Any,
    ) -> Number:
        return _sizes(pred, target, k, factor, squared, smooth=smooth, alpha=alpha, beta=beta)[2]

    return size


def _power_slope_size(pred: Row, target: Row, role: int, k: int | None, *, gamma: Number, **params: Any) -> Number:
    share, slope, _ = _sizes(pred, target, k, 1, False, **_without(params))
    return share ** (1 / gamma) * slope / share / gamma if share else mpf(0)


def _power_curvature_size(pred: Row, target: Row, role: int, k: int | None, *, gamma: Number, **params: Any) -> Number:
    share, slope, bend = _sizes(pred, target, k, 1, False, **_without(params))
    return (
        share ** (1 / gamma) / share / gamma * (bend + 2 * abs(1 / gamma - 1) * slope**2 / share) if share else mpf(0)
    )


def _without(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key not in ("empty", "pool")}


def _pooled(factor: int) -> Callable[..., Number]:
    def finish(sums: Sequence[Number], elements: Number, *, smooth: Number, **_: Any) -> Number:
        apart, both = sums
        return apart / (apart + factor * both + smooth)

    return finish


def _power_of_pooled(sums: Sequence[Number], elements: Number, *, gamma: Number, smooth: Number, **_: Any) -> Number:
    return _pooled(1)(sums, elements, smooth=smooth) ** (1 / gamma)


def _masks(terms: Callable[..., list[Number]], apart: Callable[..., list[Number]], factor: int) -> Definition:
    squared = apart is _squared_error
    return Definition(
        terms,
        rowwise=True,
        slope_size=_slope_size(factor, squared),
        curvature_size=_curvature_size(factor, squared),
        aggregate=Aggregate((Definition(apart), Definition(_shared)), _pooled(factor)),
    )


# Correlation of two masks


def _mcc(pred: Row, target: Row, *, empty: str = "undefined", **_: Any) -> list[Number]:
    """1 - cov / √(...): with the counts' sums, n Σpt - Σp Σt over √(Σp Σ(1-p) Σt Σ(1-t))."""
    pairs = _pairs(pred, target)
    n, both, a, b = len(pairs), *(sum(f(p, t) for p, t in pairs) for f in (lambda p, t: p * t, _first, _second))
    product = a * (n - a) * b * (n - b)
    if product == 0:
        return [mpf("nan" if empty == "undefined" else empty if sum(map(abs, map(_gap, pairs))) == 0 else 1)]
    return [1 - (n * both - a * b) / sqrt(product)]


def _first(p: Number, t: Number) -> Number:
    return p


def _second(p: Number, t: Number) -> Number:
    return t


def _gap(pair: tuple[Number, Number]) -> Number:
    return pair[0] - pair[1]


def _mcc_sizes(pred: Row, target: Row, k: int | None) -> tuple[Number, Number]:
    """Of slope and curvature: those of the two parts of M' = N'/√Q - M h/2, with h = 1/Σp - 1/Σ(1-p)."""
    pairs = _pairs(pred, target)
    n, t = len(pairs), pairs[k or 0][1]
    a, b = sum(p for p, _ in pairs), sum(t for _, t in pairs)
    if a * (n - a) * b * (n - b) == 0:
        return mpf(0), mpf(0)
    over, under, rest, absent = 1 / a, 1 / (n - a), n - a, n - b
    root = sqrt(a * rest * b * absent)
    parts = [sum(p * t for p, t in pairs) * sum((1 - p) * (1 - t) for p, t in pairs)]
    parts.append(sum(p * (1 - t) for p, t in pairs) * sum((1 - p) * t for p, t in pairs))
    part, h, correlation = (t * absent + (1 - t) * b) / root, over + under, sum(parts) / root
    return part + correlation * h / 2, h * part + correlation * (h**2 / 4 + (over**2 + under**2) / 2)


def _mcc_slope_size(pred: Row, target: Row, role: int, k: int | None, **_: Any) -> Number:
    return _mcc_sizes(pred, target, k)[0]


def _mcc_curvature_size(pred: Row, target: Row, role: int, k: int | None, **_: Any) -> Number:
    return _mcc_sizes(pred, target, k)[1]


def _pooled_mcc(sums: Sequence[Number], elements: Number, **_: Any) -> Number:
    hit, false, missed, rest = sums
    return 1 - (hit * rest - false * missed) / sqrt((hit + false) * (hit + missed) * (rest + false) * (rest + missed))


_CELLS = tuple(
    Definition(lambda pred, target, f=f, **_: [f(pred, target)])
    for f in (
        lambda p, t: p * t,
        lambda p, t: p * (1 - t),
        lambda p, t: (1 - p) * t,
        lambda p, t: (1 - p) * (1 - t),
    )
)


# Of all rows: columns are classes, weights last


def _shares(target: Any, classes: int) -> list[Number]:
    return list(target) if isinstance(target, list) else [mpf(c == target) for c in range(classes)]


def _generalized_dice(pred: Sequence[Row], target: Sequence[Any], weight: Sequence[Number]) -> list[Number]:
    classes = len(pred[0])
    above, below = mpf(0), mpf(0)
    for c in range(classes):
        column = [(w, p[c], _shares(t, classes)[c]) for p, t, w in zip(pred, target, weight, strict=True)]
        volume = sum(w * t for w, _, t in column)
        if volume:
            above += sum(w * p * t for w, p, t in column) / volume**2
            below += sum(w * (p + t) for w, p, t in column) / volume**2
    return [1 - 2 * above / below]


# Lovász extensions


def _lovasz(pixels: Sequence[tuple[Number, bool, Number]]) -> Number:
    """Σ m_k (J(first k) - J(first k - 1)) of errors, whether of the object, and weights; J(set) is the set over its
    union with the object.
    """
    ordered = sorted(pixels, key=lambda pixel: -pixel[0])
    members = sum((w for _, inside, w in ordered if inside), mpf(0))
    total, last, wrong, union = mpf(0), mpf(0), mpf(0), members
    for m, inside, w in ordered:
        wrong, union = wrong + w, union + (0 if inside else w)
        total += max(m, mpf(0)) * (wrong / union - last)
        last = wrong / union
    return total


def _lovasz_hinge(pred: Any, target: Any, weight: Any = None, *, pool: str) -> list[Number]:
    """Of one row, or of all: numbers or rows of them."""
    rows = list(zip(pred, target, weight, strict=True)) if weight is not None else [(pred, target, mpf(1))]
    return [_lovasz([(1 - s * y, y > 0, w) for row, labels, w in rows for s, y in _pairs(row, labels)])]


def _lovasz_softmax(pred: Sequence[Row], target: Sequence[int], weight: Sequence[Number]) -> list[Number]:
    present = sorted({int(label) for label in target})
    rows = list(zip(pred, target, weight, strict=True))
    return [
        _lovasz([(1 - p[c] if label == c else p[c], label == c, w) for p, label, w in rows]) / len(present)
        for c in present
    ]


# Boxes


def _corners(box: Sequence[Number], form: str) -> tuple[Number, Number, Number, Number]:
    a, b, c, d = box
    if form == "xywh":
        return a, b, a + c, b + d
    return (a - c / 2, b - d / 2, a + c / 2, b + d / 2) if form == "cxcywh" else (a, b, c, d)


def _box_iou(pred: Sequence[Number], target: Sequence[Number], *, box_format: str, empty: str) -> list[Number]:
    (a, b, c, d), (e, f, g, h) = _corners(pred, box_format), _corners(target, box_format)
    shared = max(min(c, g) - max(a, e), mpf(0)) * max(min(d, h) - max(b, f), mpf(0))
    union = (c - a) * (d - b) + (g - e) * (h - f) - shared
    return [1 - shared / union if union else mpf("nan" if empty == "undefined" else empty)]


def _hull(pred: Sequence[Number], target: Sequence[Number], form: str) -> tuple[Number, Number]:
    (a, b, c, d), (e, f, g, h) = _corners(pred, form), _corners(target, form)
    return max(c, g) - min(a, e), max(d, h) - min(b, f)


def _giou(pred: Sequence[Number], target: Sequence[Number], *, box_format: str, empty: str) -> list[Number]:
    (a, b, c, d), (e, f, g, h) = _corners(pred, box_format), _corners(target, box_format)
    shared = max(min(c, g) - max(a, e), mpf(0)) * max(min(d, h) - max(b, f), mpf(0))
    wide, high = _hull(pred, target, box_format)
    union = (c - a) * (d - b) + (g - e) * (h - f) - shared
    wasted = 1 - union / (wide * high) if wide * high else mpf(0)
    return [*_box_iou(pred, target, box_format=box_format, empty=empty), wasted]


def _diou(pred: Sequence[Number], target: Sequence[Number], *, box_format: str, empty: str) -> list[Number]:
    (a, b, c, d), (e, f, g, h) = _corners(pred, box_format), _corners(target, box_format)
    wide, high = _hull(pred, target, box_format)
    square = ((a + c - e - g) / 2) ** 2 + ((b + d - f - h) / 2) ** 2
    share = square / (wide**2 + high**2) if wide or high else mpf(0)
    return [*_box_iou(pred, target, box_format=box_format, empty=empty), share]


def _ciou(pred: Sequence[Number], target: Sequence[Number], *, box_format: str, empty: str) -> list[Number]:
    (a, b, c, d), (e, f, g, h) = _corners(pred, box_format), _corners(target, box_format)
    lost, share = _diou(pred, target, box_format=box_format, empty=empty)
    v = 4 / pi**2 * (_angle(g - e, h - f) - _angle(c - a, d - b)) ** 2
    return [lost, share, v**2 / (lost + v) if lost + v else mpf(0)]


def _angle(wide: Number, high: Number) -> Number:
    return atan(wide / high) if high else pi / 2


def _box_kinks(*, box_format: str, **_: Any) -> list[Kink]:
    """Equal boxes; and an edge on an edge."""
    same = {"xyxy": [1.0, 2.0, 3.0, 5.0], "xywh": [1.0, 2.0, 2.0, 3.0], "cxcywh": [2.0, 3.5, 2.0, 3.0]}[box_format]
    return [Kink((same, same), ([0.0] * 4,))]


def _matched(terms: Callable[..., list[Number]]) -> Definition:
    """Of matched boxes; where both edges move, their slopes cancel, which are about as large as one over the hull."""

    def size(order: int) -> Callable[..., Number]:
        def of_boxes(pred: Any, target: Any, role: int, k: int, *, box_format: str, **_: Any) -> Number:
            side = _hull(pred, target, box_format)[k % 2]
            return 1 / side**order if side else mpf(0)

        return of_boxes

    return Definition(terms, rowwise=True, slope_size=size(1), curvature_size=size(2), kinks=_box_kinks)


def _perfect_mask(*, gamma: float, pool: str, **_: Any) -> list[Kink]:
    """For γ > 1 the slope has no limit on the way there."""
    return [Kink(([1.0, 0.0], [1.0, 0.0]), ([0.0, 0.0],), jumps=True)] if gamma > 1 and pool == "sample" else []


def _lovasz_hinge_kinks(*, pool: str) -> list[Kink]:
    """Where an error is 0."""
    return [Kink(([1.0, -3.0, -1.0], [1.0, -1.0, -1.0]), ([0.0, 0.0, 0.0],))] if pool == "sample" else []


DEFINITIONS: Mapping[str, Definition] = {
    "squared_dice": _masks(_squared_dice, _squared_error, 2),
    "jaccard": _masks(_jaccard, _wrong, 1),
    "tversky": _masks(_tversky, _wrong, 1),
    "focal_tversky": Definition(
        _focal_tversky,
        rowwise=True,
        slope_size=_power_slope_size,
        curvature_size=_power_curvature_size,
        kinks=_perfect_mask,
        aggregate=Aggregate((Definition(_wrong), Definition(_shared)), _power_of_pooled),
    ),
    "mcc": Definition(
        _mcc,
        rowwise=True,
        slope_size=_mcc_slope_size,
        curvature_size=_mcc_curvature_size,
        aggregate=Aggregate(_CELLS, _pooled_mcc),
        ulps=8,  # a quotient of four square roots
    ),
    "generalized_dice": Definition(_generalized_dice, rowwise=True),
    "lovasz_hinge": Definition(
        _lovasz_hinge, rowwise=True, curvature_size=lambda *_, **__: mpf(1), kinks=_lovasz_hinge_kinks
    ),
    "lovasz_softmax": Definition(_lovasz_softmax, rowwise=True),
    "box_iou": _matched(_box_iou),
    "giou": _matched(_giou),
    "diou": _matched(_diou),
    "ciou": _matched(_ciou),
}
