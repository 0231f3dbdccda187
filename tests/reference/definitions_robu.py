"""Robust losses, quantiles and intervals from their definitions: nothing here knows how losscli computes."""

from collections.abc import Callable, Mapping, Sequence
from math import inf, nextafter
from typing import Any

from mpmath import exp, expm1, log, log1p, mpf, sqrt

from tests.reference.exact import Definition, Kink, Number


def _of_error(loss: Callable[..., list[Number]]) -> Callable[..., list[Number]]:
    return lambda pred, target, **params: loss(abs(pred - target), **params)


@_of_error
def _pseudo_huber(a: Number, *, delta: Number) -> list[Number]:
    return [a**2 / 2 if delta == inf else a**2 / (sqrt(1 + (a / delta) ** 2) + 1)]


@_of_error
def _charbonnier(a: Number, *, eps: Number) -> list[Number]:
    return [sqrt(a**2 + eps**2)]


def _charbonnier_kinks(*, eps: float) -> list[Kink]:
    return [] if eps else [Kink((1.5, 1.5), (0.0,), (0.0,))]


@_of_error
def _fair(a: Number, *, c: Number) -> list[Number]:
    return [c**2 * (a / c - log1p(a / c))]


@_of_error
def _wing(a: Number, *, w: Number, eps: Number) -> list[Number]:
    return [w * log(1 + a / eps)] if a < w else [a - w, w * log(1 + w / eps)]


def _wing_kinks(*, w: float, eps: float) -> list[Kink]:
    return [Kink((0.25, 0.25), (0.0,)), Kink((w, 0.0), (1.0,), (0.0,)), Kink((-w, 0.0), (-1.0,), (0.0,))]


@_of_error
def _eps_insensitive(a: Number, *, eps: Number) -> list[Number]:
    return [max(mpf(0), a - eps)]


def _tube_kinks(*, eps: float) -> list[Kink]:
    return [Kink((eps, 0.0), (0.0,), (0.0,)), Kink((0.0, eps), (0.0,), (0.0,))]


@_of_error
def _squared_eps_insensitive(a: Number, *, eps: Number) -> list[Number]:
    return [max(mpf(0), a - eps) ** 2]


@_of_error
def _cauchy(a: Number, *, c: Number) -> list[Number]:
    return [log1p((a / c) ** 2 / 2)]


def _bend_size(curve: Callable[..., Number]) -> Callable[..., Number]:
    """Of the curvature, what is added and what is taken away, as a function of u = e/c."""
    return lambda pred, target, role, k, *, c, **more: curve(((pred - target) / c) ** 2, **more) / c**2


@_of_error
def _welsch(a: Number, *, c: Number) -> list[Number]:
    return [mpf(1), -exp(-((a / c) ** 2) / 2)]  # apart, as far out the slope is far below the digits of their sum


def _welsch_size(pred: Number, target: Number, *, c: Number) -> Number:
    return -expm1(-(((pred - target) / c) ** 2) / 2)


@_of_error
def _geman_mcclure(a: Number, *, c: Number) -> list[Number]:
    return [2 * a**2 / (a**2 + 4 * c**2)]


@_of_error
def _tukey(a: Number, *, c: Number) -> list[Number]:
    if c == inf:
        return [a**2 / 2]
    return [c**2 / 6 * (1 - (1 - min(a / c, mpf(1)) ** 2) ** 3)]


def _tukey_size(pred: Number, target: Number, role: int, k: int | None, *, c: Number) -> Number:
    square = ((pred - target) / c) ** 2
    return abs(1 - square) * (1 + 5 * square) if square <= 1 else mpf(0)


def _tukey_kinks(*, c: float) -> list[Kink]:
    """At c the slope is 0, and so is the curvature."""
    return [] if c == inf else [Kink((c, 0.0), (0.0,), (0.0,)), Kink((nextafter(c, inf), 0.0), (0.0,), (0.0,))]


@_of_error
def _barron(a: Number, *, alpha: Number, c: Number) -> list[Number]:
    half = (a / c) ** 2 / 2
    if alpha == 2:
        return [half]
    if alpha == 0:
        return [log1p(half)]
    if alpha == -inf:
        return [-expm1(-half)]
    return [(2 - alpha) / alpha * expm1(alpha / 2 * log1p(2 * half / (2 - alpha)))]


def _barron_bend(square: Number, *, alpha: Number) -> Number:
    if alpha == -inf:
        return (1 + square) * exp(-square / 2)
    if alpha == 2:
        return mpf(1)
    w = square / (2 - alpha)
    return (1 + w) ** (alpha / 2 - 2) * (1 + abs(alpha - 1) * w)


# Of quantiles


def _pinball(pred: Number, target: Number, q: Number) -> Number:
    return max(q * (target - pred), (q - 1) * (target - pred))


def _quantile(pred: Any, target: Number, *, q: Any) -> list[Number]:
    if not isinstance(q, tuple):
        return [_pinball(pred, target, q)]
    return [_pinball(p, target, mpf(level)) / len(q) for p, level in zip(pred, q, strict=True)]


def _quantile_kinks(*, q: float | tuple[float, ...]) -> list[Kink]:
    if not isinstance(q, tuple):
        return [Kink((2.5, 2.5), (1 - q,))]
    return [Kink(([2.5] * len(q), 2.5), ([(1 - level) / len(q) for level in q],))]


def _no_curvature(*roles: Any, **params: Any) -> Number:
    """There is none; what a division leaves in the last digit is not to be taken for it."""
    return mpf("1e-50")


def _expectile(pred: Number, target: Number, *, q: Number) -> list[Number]:
    return [(q if target > pred else 1 - q) * (pred - target) ** 2]


def _expectile_kinks(*, q: float) -> list[Kink]:
    return [Kink((2.5, 2.5), (0.0,), (2 * (1 - q),))]


def _interval(lower: Number, upper: Number, target: Number, *, level: Number) -> list[Number]:
    missed = max(mpf(0), lower - target), max(mpf(0), target - upper)
    return [upper - lower, *(2 / (1 - level) * miss for miss in missed)]


def _interval_kinks(*, level: float) -> list[Kink]:
    inside = (-1.0, 1.0)
    return [Kink((1.0, 2.0, 1.0), inside, (0.0, 0.0)), Kink((1.0, 2.0, 2.0), inside, (0.0, 0.0))]


def _wis(pred: Sequence[Number], target: Number, *, q: Any) -> list[Number]:
    """The paper's: intervals of the pairs of levels, and the median."""
    found = dict(zip(q if isinstance(q, tuple) else (q,), pred, strict=True))
    levels, y = sorted(found), target
    pairs = [(low, found[low], found[high]) for low, high in zip(levels, reversed(levels), strict=True) if low < 0.5]
    scores = [mpf(low) * (u - m) + max(mpf(0), m - y) + max(mpf(0), y - u) for low, m, u in pairs]
    return [part / (len(pairs) + mpf(1) / 2) for part in (abs(y - found[0.5]) / 2, *scores)]


def _wis_kinks(*, q: Any) -> list[Kink]:
    levels = q if isinstance(q, tuple) else (q,)
    return [Kink(([2.5] * len(levels), 2.5), ([round(1 - level, 12) / (len(levels) / 2) for level in levels],))]


_QUOTIENTS = 8  # ulp: the curvature is a product of many rounded factors
_POWER = 64  # ulp: of a power the rounding of the exponent is magnified by the exponent

DEFINITIONS: Mapping[str, Definition] = {
    "pseudo_huber": Definition(_pseudo_huber),
    "charbonnier": Definition(_charbonnier, kinks=_charbonnier_kinks, curvature_ulps=8.0),
    "fair": Definition(_fair),
    "wing": Definition(_wing, kinks=_wing_kinks),
    "eps_insensitive": Definition(_eps_insensitive, kinks=_tube_kinks),
    "squared_eps_insensitive": Definition(_squared_eps_insensitive, kinks=_tube_kinks),
    "cauchy": Definition(_cauchy, curvature_size=_bend_size(lambda s: 1 / (1 + s / 2)), ulps=_QUOTIENTS),
    "welsch": Definition(
        _welsch, size=_welsch_size, curvature_size=_bend_size(lambda s: (1 + s) * exp(-s / 2)), curvature_ulps=8.0
    ),
    "geman_mcclure": Definition(
        _geman_mcclure, curvature_size=_bend_size(lambda s: 16 * (4 + 3 * s) / (s + 4) ** 3), ulps=_QUOTIENTS
    ),
    "tukey_biweight": Definition(_tukey, kinks=_tukey_kinks, curvature_size=_tukey_size, ulps=_QUOTIENTS),
    "barron": Definition(_barron, curvature_size=_bend_size(_barron_bend), ulps=_POWER),
    "quantile": Definition(
        _quantile,
        kinks=_quantile_kinks,
        rowwise=lambda q: isinstance(q, tuple),
        curvature_size=_no_curvature,
    ),
    "expectile": Definition(_expectile, kinks=_expectile_kinks),
    "interval": Definition(_interval, moved=(0, 1), kinks=_interval_kinks, curvature_size=_no_curvature),
    "wis": Definition(_wis, rowwise=True, kinks=_wis_kinks, curvature_size=_no_curvature),
}
