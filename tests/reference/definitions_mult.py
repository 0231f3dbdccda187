"""Losses of several classes from their mathematical definitions: nothing here knows how losscli computes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mpmath import ceil, exp, expm1, inf, log, log1p, mpf

from tests.reference.exact import Definition, Kink, Number

Row = Any  # a list of numbers, or a number


def _distribution(target: Any, classes: int) -> list[Number]:
    """The row that a target stands for: itself, or 1 for the class that it names."""
    return list(target) if isinstance(target, list) else [mpf(j == target) for j in range(classes)]


def _times(weight: Number, cost: Callable[[], Number]) -> Number:
    """weight · cost, where an outcome of weight 0 costs nothing, be its cost infinite."""
    return mpf(0) if weight == 0 else weight * cost()


def _costs(pred: Sequence[Number], form: str) -> list[Number]:
    """-ln p of each class."""
    if form == "probs":
        return [-log(p) if p > 0 else inf for p in pred]
    if form == "log_probs":
        return [-log_p for log_p in pred]
    return [log1p(sum(exp(other - z) for j, other in enumerate(pred) if j != k)) for k, z in enumerate(pred)]


def _probabilities(pred: Sequence[Number], form: str) -> list[Number]:
    return list(pred) if form == "probs" else [exp(-cost) for cost in _costs(pred, form)]


# Of the probability of what happened


def _poly1(pred: Sequence[Number], target: Any, *, form: str, epsilon: Number) -> list[Number]:
    def one(cost: Number) -> Number:
        return cost - epsilon * expm1(-cost)

    shares = _distribution(target, len(pred))
    return [_times(t, lambda c=cost: one(c)) for t, cost in zip(shares, _costs(pred, form), strict=True)]


def _generalized(pred: Sequence[Number], target: Any, *, form: str, q: Number) -> list[Number]:
    def one(cost: Number) -> Number:
        return -expm1(-q * cost) / q if q else cost

    shares = _distribution(target, len(pred))
    return [_times(t, lambda c=cost: one(c)) for t, cost in zip(shares, _costs(pred, form), strict=True)]


def _pull(cost: Number, given: Mapping[str, Number]) -> tuple[Number, Number]:
    """-h' and |h''| of a loss h(ln p)."""
    if "epsilon" in given:
        return 1 + given["epsilon"] * exp(-cost), abs(given["epsilon"]) * exp(-cost)
    return exp(-given["q"] * cost), given["q"] * exp(-given["q"] * cost)


def _reshaped_slope_size(pred: Sequence[Number], target: Any, role: int, k: int, *, form: str, **given: Any) -> Number:
    """The slope on logits is a difference of what is added to one class and taken from others."""
    if form != "logits":
        return mpf(0)
    costs, shares = _costs(pred, form), _distribution(target, len(pred))
    p = exp(-costs[k])
    parts = [t * _pull(cost, given)[0] for t, cost in zip(shares, costs, strict=True)]
    return p * (sum(parts) - parts[k]) + (1 - p) * parts[k]


def _reshaped_curvature_size(
    pred: Sequence[Number], target: Any, role: int, k: int, *, form: str, **given: Any
) -> Number:
    if form != "logits":
        return mpf(0)
    costs, shares = _costs(pred, form), _distribution(target, len(pred))
    p = exp(-costs[k])
    pulls = [(t * _pull(c, given)[0], t * _pull(c, given)[1]) for t, c in zip(shares, costs, strict=True)]
    turns = [bend * ((k == j) - p) ** 2 for j, (_, bend) in enumerate(pulls)]
    return p * (1 - p) * sum(pull for pull, _ in pulls) + sum(turns)


# Of margins


def _multi_margin(pred: Sequence[Number], target: Any, *, p: Number, margin: Number) -> list[Number]:
    classes = len(pred)
    return [
        t * max(mpf(0), margin - pred[y] + s) ** int(p) / classes
        for y, t in enumerate(_distribution(target, classes))
        for j, s in enumerate(pred)
        if j != y
    ]


def _of_one_class(pred: Row, *_: Any, **__: Any) -> Number:
    """The curvature counts pairs, each for 1/C: a difference quotient of thirds is not quite 0."""
    return 1 / mpf(len(pred) if isinstance(pred, list) else 1)


def _multi_margin_kinks(*, p: float, margin: float) -> list[Kink]:
    return [Kink(([margin, 0.0], 0), ([0.0, 0.0],)), Kink(([margin, 0.0, -7.0], 0), ([0.0] * 3,))]


def _categorical_hinge(pred: Sequence[Number], target: Any) -> list[Number]:
    def one(y: int) -> Number:
        return max(mpf(0), 1 - pred[y] + max(s for j, s in enumerate(pred) if j != y))

    return [t * one(y) for y, t in enumerate(_distribution(target, len(pred)))]


def _categorical_hinge_kinks() -> list[Kink]:
    """Of equal rivals the first has the slope."""
    return [Kink(([1.0, 0.0], 0), ([0.0, 0.0],)), Kink(([0.0, 0.5, 0.5], 0), ([-1.0, 1.0, 0.0],))]


def _rows(pred: Row, target: Row) -> list[tuple[Number, Number]]:
    return list(zip(pred, target, strict=True)) if isinstance(pred, list) else [(pred, target)]


def _multilabel_margin(pred: Row, target: Row) -> list[Number]:
    rows = _rows(pred, target)
    return [max(mpf(0), 1 - right + wrong) / len(rows) for right, t in rows if t == 1 for wrong, u in rows if u == 0]


def _multilabel_margin_kinks() -> list[Kink]:
    return [Kink(([1.0, 0.0], [1.0, 0.0]), ([0.0, 0.0],))]


def _multilabel_soft_margin(pred: Row, target: Row) -> list[Number]:
    rows = _rows(pred, target)
    signed = [-z if t == 1 else z for z, t in rows]
    return [(x + log1p(exp(-x)) if x > 0 else log1p(exp(x))) / len(rows) for x in signed]


# Of other scores


def _sparse(scores: Sequence[Number]) -> tuple[list[Number], Number]:
    """The nearest distribution, and the threshold."""
    ranked = sorted(scores, reverse=True)
    kept = [k for k in range(1, len(ranked) + 1) if 1 + k * ranked[k - 1] > sum(ranked[:k])]
    threshold = (sum(ranked[: kept[-1]]) - 1) / kept[-1]
    return [max(mpf(0), z - threshold) for z in scores], threshold


def _sparsemax(pred: Sequence[Number], target: Any) -> list[Number]:
    """As in the paper: -q·z + ½ Σ_{j in S} (z_j² - τ²) + ½ |q|²."""
    p, threshold = _sparse(pred)
    shares = _distribution(target, len(pred))
    held = sum(z * z - threshold**2 for z, share in zip(pred, p, strict=True) if share > 0)
    return [held / 2 + sum(t * t / 2 - t * z for t, z in zip(shares, pred, strict=True))]


def _sparsemax_size(pred: Sequence[Number], target: Any) -> Number:
    """The value, and what is lost in it where a share is subtracted from another."""
    p, _ = _sparse(pred)
    pairs = zip(p, _distribution(target, len(pred)), strict=True)
    lost = sum(abs(q - t) * (q + t) for q, t in pairs if 0 < t < 1)
    return sum(_sparsemax(pred, target)) + lost


def _sparsemax_slope_size(pred: Sequence[Number], target: Any, role: int, k: int) -> Number:
    """p - t, a difference but where t is all or nothing; p is a difference of scores that lie within 1 of the best."""
    t = _distribution(target, len(pred))[k]
    return mpf(0) if t in (0, 1) else t + _sparse(pred)[0][k]


def _top_k(pred: Sequence[Number], target: Any, *, k: Number) -> list[Number]:
    """A class is missed where k others, or more, have a score as large."""
    rivals = [sum(other >= s for j, other in enumerate(pred) if j != y) for y, s in enumerate(pred)]
    return [t for t, n in zip(_distribution(target, len(pred)), rivals, strict=True) if n >= k]


# Of classes in an order


def _emd2(pred: Sequence[Number], target: Any, *, form: str) -> list[Number]:
    classes = len(pred)
    excess = [p - t for p, t in zip(_probabilities(pred, form), _distribution(target, classes), strict=True)]
    return [sum(excess[: k + 1]) ** 2 / classes for k in range(classes)]


def _cumulative(pred: Sequence[Number], target: Any, form: str) -> list[tuple[Number, Number]]:
    """P and T of each class."""
    p, shares = _probabilities(pred, form), _distribution(target, len(pred))
    return [(sum(p[: k + 1]), sum(shares[: k + 1])) for k in range(len(pred))]


def _emd2_size(pred: Sequence[Number], target: Any, *, form: str) -> Number:
    """The value, and what is lost in it where probabilities that are not given themselves are subtracted."""
    value = sum(_emd2(pred, target, form=form))
    if form == "probs":
        return value
    return value + 2 * sum(abs(p - t) * (p + t) for p, t in _cumulative(pred, target, form)) / len(pred)


def _emd2_slope_size(pred: Sequence[Number], target: Any, role: int, k: int, *, form: str) -> Number:
    if form != "log_probs":
        return mpf(0)
    return 2 * exp(pred[k]) * sum(p + t for p, t in _cumulative(pred, target, form)[k:]) / len(pred)


def _emd2_curvature_size(pred: Sequence[Number], target: Any, role: int, k: int, *, form: str) -> Number:
    """Of a square that of its slope and that of itself may be of two signs."""
    if form == "probs":
        return mpf(0)
    own, classes = _probabilities(pred, form)[k], len(pred)
    both = _cumulative(pred, target, form)
    moved = [own * ((j >= k) - (p if form == "logits" else 0)) for j, (p, _) in enumerate(both)]
    apart = [p + t if form == "log_probs" else abs(p - t) for p, t in both]
    return 2 * sum(m * m + d * abs(m) for m, d in zip(moved, apart, strict=True)) / classes


# Of all rows


def _ece(pred: Sequence[Row], target: Sequence[Any], weight: Sequence[Number], *, n_bins: Number) -> list[Number]:
    """Σ_b |Σ w (hit - confidence)| / Σ w over the bins ((k-1)/m, k/m] of the confidence."""
    apart: dict[int, Number] = {}
    for p, t, w in zip(pred, target, weight, strict=True):
        row, shares = (list(p), _distribution(t, len(p))) if isinstance(p, list) else ([1 - p, p], [1 - t, t])
        guess = row.index(max(row))
        one = int(ceil(row[guess] * n_bins))
        apart[one] = apart.get(one, mpf(0)) + w * (shares[guess] - row[guess])
    return [abs(gap) / sum(weight) for gap in apart.values()]


ROUNDINGS = 8  # ulp: a softmax, its complement and a power of it, each with a rounding or two

DEFINITIONS: Mapping[str, Definition] = {
    "poly1": Definition(
        _poly1,
        rowwise=True,
        alone=True,
        slope_size=_reshaped_slope_size,
        curvature_size=_reshaped_curvature_size,
        ulps=ROUNDINGS,
    ),
    "generalized_cross_entropy": Definition(
        _generalized,
        rowwise=True,
        alone=True,
        slope_size=_reshaped_slope_size,
        curvature_size=_reshaped_curvature_size,
        ulps=ROUNDINGS,
    ),
    "multi_margin": Definition(_multi_margin, rowwise=True, kinks=_multi_margin_kinks, curvature_size=_of_one_class),
    "categorical_hinge": Definition(_categorical_hinge, rowwise=True, kinks=_categorical_hinge_kinks),
    "multilabel_margin": Definition(
        _multilabel_margin, rowwise=True, kinks=_multilabel_margin_kinks, curvature_size=_of_one_class
    ),
    "multilabel_soft_margin": Definition(_multilabel_soft_margin, rowwise=True),
    "sparsemax": Definition(
        _sparsemax, rowwise=True, size=_sparsemax_size, slope_size=_sparsemax_slope_size, ulps=ROUNDINGS
    ),
    "top_k": Definition(_top_k, rowwise=True),
    "emd2": Definition(
        _emd2,
        rowwise=True,
        alone=True,
        size=_emd2_size,
        slope_size=_emd2_slope_size,
        curvature_size=_emd2_curvature_size,
        ulps=ROUNDINGS,
    ),
    "ece": Definition(_ece),
}
