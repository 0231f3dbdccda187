"""Kinds of regression losses that depend on the target's own size or direction, not on pred - target alone."""

from collections.abc import Sequence
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.kinds.checks import as_rows, check_elements, check_same_shape, floats, within
from losscli.kinds.counts import sample_amounts
from losscli.kinds.domains import POSITIVE, REAL, UNIT, Interval, Kind, Params, Role
from losscli.kinds.elements import sample_probabilities, shape_of
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# What is computed with here are the numbers themselves: integers beyond 2^53 count as the nearest float64.


def _sample_paired(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    """Targets of both signs and of some decades, and predictions that are off by a share of them."""
    shape = shape_of(n, outputs)
    target = rng.normal(size=shape) * np.exp(rng.normal(size=shape))
    return [target * (1 + rng.normal(size=shape) * rng.choice([0.01, 0.3, 2.0], size=shape)), target]


_PRED = Role("pred")
_PAIRED = (_PRED, Role("target"))
PAIRED = Kind(
    "paired",
    "pred and target: (n,) or (n, d), any numbers",
    _PAIRED,
    partial(check_elements, _PAIRED),
    _sample_paired,
)


def _check_single(roles: Sequence[Role], arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """One number a row: with several columns it would be open what their targets' common mean or spread stands for."""
    for role, array in zip(roles, arrays, strict=True):
        if array.ndim == 2 and array.shape[1] > 1:
            raise InputError(
                f"{role.name} has {array.shape[1]} columns, shape {array.shape}; this loss compares with the mean or "
                "the spread of one column of targets: give one column at a time (--pred-col, --target-col)"
            )
    return check_elements(roles, arrays, params, allow_inf)


def _sample_single(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return _sample_paired(rng, params, n, 1)


SINGLE = Kind(
    "single",
    "pred and target: (n,), any numbers; one column each",
    _PAIRED,
    partial(_check_single, _PAIRED),
    _sample_single,
)

_DOMAINS = {"bce": UNIT, "poisson_deviance": Interval(0.0, inf), "gamma_deviance": POSITIVE}
_SAMPLES = {"bce": sample_probabilities, "poisson_deviance": sample_amounts, "gamma_deviance": sample_amounts}


def _compared(params: Params) -> Interval:
    """What the loss that is compared allows: any number, where it is none of those."""
    return _DOMAINS.get(params["deviance"], REAL)


def _sample_compared(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return _SAMPLES.get(params["deviance"], _sample_paired)(rng, params, n, 1)


_ALLOWED = "; deviance=bce takes probabilities, poisson_deviance numbers from 0, gamma_deviance numbers above 0"
_COMPARED = (Role("pred", _compared, hint=_ALLOWED), Role("target", _compared, hint=_ALLOWED))
COMPARED = Kind(
    "compared",
    "pred and target: (n,); one column each, of what the loss that is compared (deviance) takes",
    _COMPARED,
    partial(_check_single, _COMPARED),
    _sample_compared,
)

_NO_ZERO = "; no error is relative to 0: mask such rows (--mask-col), or take wmape or smape, which allow it"
_NONZERO = (_PRED, Role("target", Interval(-inf, inf, hole=0.0), hint=_NO_ZERO))
NONZERO_TARGET = Kind(
    "nonzero target",
    "pred and target: (n,) or (n, d), any numbers, but for a target of 0",
    _NONZERO,
    partial(check_elements, _NONZERO),
    _sample_paired,
)


def _sample_above(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    """1 + target over some decades, and 1 + pred that is off by a factor."""
    shape = shape_of(n, outputs)
    logs = rng.normal(size=shape) * 2
    return [np.expm1(logs + rng.normal(size=shape) * rng.choice([0.01, 1.0], size=shape)), np.expm1(logs)]


_LOGARITHM = "; the loss takes ln(1 + x): shift or rescale both columns, or take mse, which has no such limit"
_ABOVE = tuple(Role(name, Interval(-1.0, inf, is_open=True), hint=_LOGARITHM) for name in ("pred", "target"))
ABOVE_MINUS_ONE = Kind(
    "above -1",
    "pred and target: (n,) or (n, d), above -1",
    _ABOVE,
    partial(check_elements, _ABOVE),
    _sample_above,
)


def _check_directions(roles: Sequence[Role], arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Arrays (n, d) of one shape; (n,) is (n, 1)."""
    dtypes = [a.dtype for a in arrays]
    rows = [floats(as_rows(a)) for a in arrays]
    check_same_shape(roles, rows)
    vectors = [a[:, None] if a.ndim == 1 else a for a in rows]
    if vectors[0].shape[1] == 0:
        raise InputError(f"{roles[0].name} has no columns")
    return [within(*given, params, allow_inf) for given in zip(roles, vectors, dtypes, strict=True)]


def _sample_directions(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    target = rng.normal(size=(n, max(outputs, 2)))
    near = target + rng.normal(size=target.shape) * rng.choice([0.1, 1.0, 10.0], size=(n, 1))
    return [near * np.exp(rng.normal(size=(n, 1))), target]


_DIRECTIONS = (Role("pred", vector=True), Role("target", vector=True))
DIRECTIONS = Kind(
    "directions",
    "pred and target: (n, d), a vector a row",
    _DIRECTIONS,
    partial(_check_directions, _DIRECTIONS),
    _sample_directions,
)
