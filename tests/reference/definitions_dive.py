"""Divergences from their mathematical definitions: nothing here knows how losscli computes."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mpmath import exp, inf, log, mpf, sqrt

from tests.reference.definitions import unit
from tests.reference.exact import Definition, Kink, Number

Row = Sequence[Number]
Divergence = Callable[..., "list[Number]"]  # of the shares t and p: the terms

NUDGE = mpf(10) ** -30  # the share by which a share is moved to see how much that matters
NOISE = mpf(10) ** -70  # what a difference of differences leaves of a straight line


def _distribution(target: Any, classes: int) -> list[Number]:
    """The row that a target stands for: itself, or 1 for the class that it names."""
    return list(target) if isinstance(target, list) else [mpf(j == target) for j in range(classes)]


def _logs(pred: Row, form: str) -> list[Number]:
    if form == "probs":
        return [log(p) if p else mpf("-inf") for p in pred]
    if form == "log_probs":
        return list(pred)
    top = max(pred)
    total = log(sum(exp(z - top) for z in pred))
    return [z - top - total for z in pred]


def _shares(pred: Row, form: str) -> list[Number]:
    return list(pred) if form == "probs" else [exp(lp) for lp in _logs(pred, form)]


def _entropic(p: Number) -> Number:
    return p * log(p) if p else mpf(0)


def _relative(t: Number, p: Number) -> Number:
    """t ln(t/p)"""
    return mpf(0) if t == 0 else t * log(t / p) if p else mpf(inf)


# Kullback and Leibler's


def _kl(pred: Row, target: Any, *, form: str, units: str) -> list[Number]:
    rows = zip(_distribution(target, len(pred)), _logs(pred, form), strict=True)
    return [(_entropic(t) - t * lp) / unit(units) if t else mpf(0) for t, lp in rows]


def _kl_size(pred: Row, target: Any, *, form: str, units: str) -> Number:
    """Of probabilities only what the rows' sums differ by may cancel. Of logits, a logarithm's rounding counts by the
    share and by how far the two distributions differ there; of log-probabilities, by the share.
    """
    shares, logs = _distribution(target, len(pred)), _logs(pred, form)
    value = abs(sum(_kl(pred, target, form=form, units="nats")))
    if form == "probs":
        return (value + 2 * abs(sum(shares) - sum(pred))) / unit(units)
    known = [(t, log(t), lp) for t, lp in zip(shares, logs, strict=True) if t]
    if form == "log_probs":
        return (value + sum(t * (abs(lt) + abs(lp)) for t, lt, lp in known)) / unit(units)
    sizes = [(t, lt - lp, abs(lt) + abs(lp) + 1) for t, lt, lp in known]
    lost = sum(t * (min(abs(gap), 1) + size / 2**52) * size for t, gap, size in sizes)
    return (value + lost + 2 * abs(sum(shares) - 1)) / unit(units)


def _kl_slope_size(pred: Row, target: Any, role: int, k: int, *, form: str, units: str) -> Number:
    """The slope on logits is softmax · Σt - t, a difference of what is added to one class and taken from others."""
    if form != "logits":
        return mpf(0)
    shares, p = _distribution(target, len(pred)), exp(_logs(pred, form)[k])
    return (p * (sum(shares) - shares[k]) + (1 - p) * shares[k]) / unit(units)


# Of functions of the shares


def _of_shares(divergence: Divergence, **more: Any) -> Definition:
    """A divergence of the shares t and p, in any form. What a rounding of a share moves bounds the error where the
    shares are not given but computed, of a slope and of a curvature twice.
    """

    def terms(pred: Row, target: Any, *, form: str, units: str = "nats", **params: Any) -> list[Number]:
        given = _distribution(target, len(pred)), _shares(pred, form)
        return [term / unit(units) for term in divergence(*given, **params)]

    def moved(pred: Row, target: Any, form: str, units: str, params: Any) -> tuple[list[Number], list[Number]]:
        """Of each class p dφ/dp and p² d²φ/dp²."""
        t, p = _distribution(target, len(pred)), _shares(pred, form)
        slopes, bends = [], []
        for k, share in enumerate(p):
            low, here, high = (
                sum(divergence(t, [s * (1 + (j == k) * m * NUDGE) for j, s in enumerate(p)], **params)) if share else 0
                for m in (-1, 0, 1)
            )
            slopes.append(abs(high - low) / (2 * NUDGE) / unit(units))
            bends.append(abs(high - 2 * here + low) / NUDGE**2 / unit(units))
        return slopes, bends

    def size(pred: Row, target: Any, *, form: str, units: str = "nats", **params: Any) -> Number:
        t, p = _distribution(target, len(pred)), _shares(pred, form)
        value = abs(sum(divergence(t, p, **params))) / unit(units)
        lacking = abs(sum(t) - sum(p)) / unit(units)
        if form == "probs" or not value < inf:
            return value + 2 * lacking
        return value + 2 * lacking + sum(moved(pred, target, form, units, params)[0])

    def slope_size(
        pred: Row, target: Any, role: int, k: int, *, form: str, units: str = "nats", **params: Any
    ) -> Number:
        if form == "probs":
            return more.get("probs_slope_size", lambda *_: mpf(0))(pred, target, k)
        slopes, bends = moved(pred, target, form, units, params)
        own = slopes[k] + bends[k]
        return own + (_shares(pred, form)[k] * (sum(slopes) + sum(bends)) if form == "logits" else 0)

    def curvature_size(
        pred: Row, target: Any, role: int, k: int, *, form: str, units: str = "nats", **params: Any
    ) -> Number:
        if form == "probs":
            return NOISE
        return 2 * slope_size(pred, target, role, k, form=form, units=units, **params)

    return Definition(
        terms,
        rowwise=True,
        alone=True,
        size=size,
        slope_size=slope_size,
        curvature_size=curvature_size,
        kinks=more.get("kinks", lambda **_: []),
        ulps=more.get("ulps", 4.0),
    )


def _reverse_kl(t: Row, p: Row) -> list[Number]:
    return [_relative(q, s) for s, q in zip(t, p, strict=True)]


def _js(t: Row, p: Row) -> list[Number]:
    means = [(s + q) / 2 for s, q in zip(t, p, strict=True)]
    halves = [(_relative(s, m) / 2, _relative(q, m) / 2) for s, q, m in zip(t, p, means, strict=True)]
    return [a + b for a, b in halves]


def _hellinger(t: Row, p: Row) -> list[Number]:
    """One term, of which a square root makes a distance: nothing cancels in it."""
    return [sqrt(sum((sqrt(s) - sqrt(q)) ** 2 for s, q in zip(t, p, strict=True)) / 2)]


def _kinks(*, form: str) -> list[Kink]:
    """Where prediction and target are the same."""
    even = {"probs": [0.5, 0.5], "logits": [0.0, 0.0], "log_probs": [-0.6931471805599453] * 2}[form]
    return [Kink((even, [0.5, 0.5]), ([0.0, 0.0],))]


def _variation(t: Row, p: Row) -> list[Number]:
    return [abs(q - s) / 2 for s, q in zip(t, p, strict=True)]


def _chi_squared(t: Row, p: Row) -> list[Number]:
    return [(s - q) ** 2 / q if q else mpf(inf if s else 0) for s, q in zip(t, p, strict=True)]


def _raised(t: Number, p: Number, alpha: Number) -> Number:
    """t^α p^(1-α), with 0 · ∞ = 0 for a class that has no share on either side."""
    return mpf(0) if t == p == 0 else t**alpha * p ** (1 - alpha)


def _alpha(t: Row, p: Row, *, alpha: Number) -> list[Number]:
    if alpha in (0, 1):
        first, second = (p, t) if alpha == 0 else (t, p)
        return [_relative(a, b) - a + b for a, b in zip(first, second, strict=True)]
    pairs = list(zip(t, p, strict=True))
    return [(alpha * s + (1 - alpha) * q - _raised(s, q, alpha)) / (alpha * (1 - alpha)) for s, q in pairs]


def _renyi(t: Row, p: Row, *, order: Number) -> list[Number]:
    pairs = list(zip(t, p, strict=True))
    if order == 1:
        return [sum(_relative(s, q) for s, q in pairs) / sum(t)]
    return [log(sum(_raised(s, q, order) if s else mpf(0) for s, q in pairs) / sum(t)) / (order - 1)]


def _entropy(_: Row, p: Row) -> list[Number]:
    return [-_entropic(q) for q in p]


def _one_role(found: Definition) -> Definition:
    """Of a loss without a target: whatever it is, it plays no part."""

    def alone(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda pred, *args, **params: function(pred, list(pred), *args, **params)

    return Definition(
        alone(found.terms),
        rowwise=True,
        alone=True,
        size=lambda pred, **params: (
            sum(abs(x) for x in alone(found.terms)(pred, **params))
            + (0 if params["form"] == "probs" else alone(found.size)(pred, **params))
        ),
        slope_size=alone(found.slope_size),
        curvature_size=alone(found.curvature_size),
        ulps=found.ulps,
    )


def _generalized_kl(pred: Any, target: Any) -> list[Number]:
    """Each cell's as one term, as nothing may be lost though its parts cancel."""
    if not isinstance(pred, list):
        return _generalized_kl([pred], [target])
    return [_relative(t, p) - t + p for p, t in zip(pred, target, strict=True)]


# Of distributions on a line


def _shifted_masses(pred: Row, target: Any, support: Any) -> tuple[list[Number], list[Number]]:
    """F - G from each number to the next, and how far that is."""
    points = [mpf(k) for k in range(len(pred))] if support is None else [mpf(x) for x in support]
    differences = [q - s for s, q in zip(_distribution(target, len(pred)), pred, strict=True)]
    ahead = [sum(differences[: k + 1]) for k in range(len(pred) - 1)]
    return ahead, [b - a for a, b in pairwise(points)]


def _histograms(pred: Row, target: Any, *, mode: str, support: Any) -> list[Number]:
    return [abs(a) * width for a, width in zip(*_shifted_masses(pred, target, support), strict=True)]


def _same_histograms(**_: Any) -> list[Kink]:
    return [Kink(([0.25, 0.5, 0.25], [0.25, 0.5, 0.25]), ([0.0, 0.0, 0.0],))]


def _integral(pred: Row, target: Row, weight: Row, power: int) -> Number:
    """∫ |F - G|^power dx of samples, interval by interval."""
    points, total = sorted([*pred, *target]), sum(weight)

    def below(values: Row, x: Number) -> Number:
        return sum(w for v, w in zip(values, weight, strict=True) if v <= x) / total

    steps = [(a, b, below(pred, a) - below(target, a)) for a, b in pairwise(points)]
    return sum((b - a) * abs(step) ** power for a, b, step in steps)


def _samples(pred: Row, target: Row, weight: Row) -> list[Number]:
    return [_integral(pred, target, weight, 1)]


def _energy(pred: Row, target: Row, weight: Row) -> list[Number]:
    """√(2 E|X-Y| - E|X-X'| - E|Y-Y'|), from all pairs."""
    total = sum(weight)

    def mean(left: Row, right: Row) -> Number:
        pairs = [
            (v * w, abs(a - b)) for a, v in zip(left, weight, strict=True) for b, w in zip(right, weight, strict=True)
        ]
        return sum(w * d for w, d in pairs) / total**2

    return [sqrt(abs(2 * mean(pred, target) - mean(pred, pred) - mean(target, target)))]


SAMPLES = Definition(_samples, rowwise=True)

DEFINITIONS: Mapping[str, Definition] = {
    "kl": Definition(
        _kl, rowwise=True, alone=True, size=_kl_size, slope_size=_kl_slope_size, ulps=6
    ),  # 4 in nats; in bits there is a division more
    "reverse_kl": _of_shares(_reverse_kl, probs_slope_size=lambda *_: mpf(1)),
    "js": _of_shares(_js),
    "generalized_kl": Definition(_generalized_kl, rowwise=True, alone=True),
    "hellinger": _of_shares(_hellinger, kinks=_kinks, ulps=64),
    "total_variation": _of_shares(_variation, kinks=_kinks),
    "chi_squared": _of_shares(_chi_squared),
    "alpha_divergence": _of_shares(_alpha, ulps=256),
    "renyi": _of_shares(_renyi, ulps=256),
    "wasserstein": Definition(_histograms, rowwise=True, alone=True, kinks=_same_histograms),
    "energy_distance": Definition(_energy, rowwise=True),
    "shannon_entropy": _one_role(_of_shares(_entropy, probs_slope_size=lambda *_: mpf(1))),
}
