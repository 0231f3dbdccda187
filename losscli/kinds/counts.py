"""Kinds of losses of counts and of positive amounts: one number against one number, (n,) or (n, d)."""

from collections.abc import Sequence
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from losscli.errors import BadValueError
from losscli.kinds.checks import check_elements, first
from losscli.kinds.domains import POSITIVE, REAL, Domain, Interval, Kind, Params, Role
from losscli.kinds.elements import check_residual, sample_residual, shape_of
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_COUNTED = Interval(0.0, inf)
_RATE_FORMS = {"rate": _COUNTED, "log_rate": REAL}


def _check_counts(roles: Sequence[Role], arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Rates or log-rates and counts; the probability of a count (full=true) is that of a whole number."""
    pred, target = check_elements(roles, arrays, params, allow_inf)
    broken = (target != np.rint(target)) if params["full"] else np.zeros(0, bool)
    if broken.any():
        place = first(broken)
        found = format_number(target[tuple(k for k in place if k is not None)])
        hint = "which full=true needs; full=false takes any number from 0"
        raise BadValueError("target", *place, f"{found} is no count, {hint}")
    return [pred, target]


def _amounts(rng: "np.random.Generator", n: int, outputs: int) -> "list[Array]":
    """Predictions and targets that differ by factors of up to ten or so."""
    pred = np.exp(rng.normal(size=shape_of(n, outputs)) * 1.5)
    return [pred, pred * np.exp(rng.normal(size=pred.shape) * rng.choice([0.01, 0.3, 1.0], size=pred.shape))]


def _sample_counts(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    rate, target = _amounts(rng, n, outputs)
    counts = np.rint(target) if params.get("full") else np.where(rng.random(rate.shape) < 0.5, np.rint(target), target)
    return [np.log(rate) if params.get("form") == "log_rate" else rate, counts]


_TARGET = Role("target", _COUNTED, hint="; counts start at 0")
_POISSON = (Role("pred", _RATE_FORMS, hint="; if these are log-rates, say --form log_rate"), _TARGET)
COUNTS = Kind(
    "counts",
    "pred: (n,) or (n, d), rates or their logarithms; target: in the same shape, counts",
    _POISSON,
    partial(_check_counts, _POISSON),
    _sample_counts,
)

_RATES = (Role("pred", _COUNTED, hint="; it takes rates, of log-rates their exp"), _TARGET)
RATES = Kind(
    "rates",
    "pred: (n,) or (n, d), rates; target: in the same shape, counts or any number from 0",
    _RATES,
    partial(check_elements, _RATES),
    _sample_counts,
)


def sample_amounts(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return _amounts(rng, n, outputs)


_AMOUNTS = (
    Role("pred", POSITIVE, hint="; it takes means, of their logarithms the exp"),
    Role("target", POSITIVE, hint="; where targets are 0, tweedie_deviance with a power from 1 up to 2 takes them"),
)
AMOUNTS = Kind(
    "amounts",
    "pred and target: (n,) or (n, d), both above 0",
    _AMOUNTS,
    partial(check_elements, _AMOUNTS),
    sample_amounts,
)


def _of_power(params: Params) -> Domain:
    """Targets of a Tweedie distribution, and their means: any number, from 0 on, or above 0."""
    power = params["power"]
    return REAL if power == 0 else _COUNTED if power < 2 else POSITIVE


def _check_powers(roles: Sequence[Role], arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    check = check_elements if params["power"] else check_residual
    return check(roles, arrays, params, allow_inf)


def _sample_powers(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    if params["power"] == 0:
        return sample_residual(rng, params, n, outputs)
    pred, target = _amounts(rng, n, outputs)
    return [pred, target if params["power"] >= 2 else np.where(rng.random(pred.shape) < 0.3, 0.0, target)]


_TWEEDIE = tuple(
    Role(name, _of_power, hint="; power 1 up to 2 takes numbers from 0, 2 and more those above 0, 0 any")
    for name in ("pred", "target")
)
TWEEDIE = Kind(
    "tweedie",
    "pred and target: (n,) or (n, d); any number with power 0, from 0 with a power of 1 up to 2, above 0 from 2 on",
    _TWEEDIE,
    partial(_check_powers, _TWEEDIE),
    _sample_powers,
)
