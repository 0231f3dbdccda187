"""Kinds of losses that pair one element of the prediction with one of the target: (n,) or (n, d)."""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from losscli.exact import to_float
from losscli.kinds.checks import as_rows, check_elements, check_same_shape, floats, within
from losscli.kinds.domains import FORMS, POSITIVE, UNIT, Kind, Params, Role, Values
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def _needs_exact_difference(array: "Array") -> bool:
    wide = array.dtype == object or (array.dtype.kind in "iu" and array.dtype.itemsize == 8)
    return wide and array.size > 0 and bool((array > 2**53).any() or (array < -(2**53)).any())


def _exact_difference(pred: "Array", target: "Array") -> "Array":
    """Pred - target as the nearest float64, through integers and fractions, for values that float64 does not hold."""
    pairs = zip(pred.ravel().tolist(), target.ravel().tolist(), strict=True)
    exact = [Fraction(p) - Fraction(t) for p, t in pairs]
    return np.array([to_float(e) for e in exact]).reshape(pred.shape)


def check_residual(roles: Sequence[Role], arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Pred and target, of which only the difference counts; what further roles there are keep their values."""
    arrays = [as_rows(a) for a in arrays]
    check_same_shape(roles, arrays)
    found = [within(role, floats(a), a.dtype, params, allow_inf) for role, a in zip(roles, arrays, strict=True)]
    wide = any(_needs_exact_difference(a) for a in arrays[:2])
    if wide and all(np.isfinite(f).all() for f in found[:2]):
        return [_exact_difference(*arrays[:2]), np.zeros(arrays[0].shape), *found[2:]]
    return found


def shape_of(n: int, outputs: int) -> tuple[int, ...]:
    """The shape of n samples with so many outputs."""
    return (n,) if outputs == 1 else (n, outputs)


def sample_residual(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    shape = shape_of(n, outputs)
    target = rng.normal(size=shape) * 3
    return [target + rng.normal(size=shape) * rng.choice([0.1, 1.0, 10.0], size=shape), target]


_PRED, _TARGET = Role("pred"), Role("target")
RESIDUAL = Kind(
    "residual",
    "pred and target: (n,) or (n, d); depends on pred - target alone",
    (_PRED, _TARGET),
    partial(check_residual, (_PRED, _TARGET)),
    sample_residual,
)


def _sample_gaussian(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return [*sample_residual(rng, params, n, outputs), np.exp(rng.normal(size=shape_of(n, outputs)) * 2)]


_VARIANCE = Role("variance", POSITIVE, ordered=False)
GAUSSIAN = Kind(
    "gaussian",
    "pred, target and variance: (n,) or (n, d), all of one shape; depends on pred - target and the variance",
    (_PRED, _TARGET, _VARIANCE),
    partial(check_residual, (_PRED, _TARGET, _VARIANCE)),
    _sample_gaussian,
)


def in_form(probs: "Array", logits: "Array", params: Params) -> "Array":
    """The prediction in the form that the parameters ask for."""
    return {"probs": probs, "logits": logits, "log_probs": np.log(probs)}[params["form"]]


def sample_probabilities(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    """Probabilities, or what `form` says, of outcomes that are mostly 0 or 1."""
    shape = shape_of(n, outputs)
    logits = rng.normal(size=shape) * 3
    target = np.where(rng.random(shape) < 0.7, rng.integers(0, 2, shape), rng.random(shape))
    return [in_form(1 / (1 + np.exp(-logits)), logits, {"form": "probs", **params}), target]


_BINARY = (Role("pred", FORMS), Role("target", UNIT))
BINARY = Kind(
    "binary",
    "pred and target: (n,) or (n, d); target 0, 1 or a probability between",
    _BINARY,
    partial(check_elements, _BINARY),
    sample_probabilities,
)

_SHARES = "; it takes shares between 0 and 1, of logits their sigmoid"
_OVERLAP = (Role("pred", UNIT, mask=True, hint=_SHARES), Role("target", UNIT, mask=True))
OVERLAP = Kind(
    "overlap",
    "pred and target: (n,) or (n, d); shares between 0 and 1 of what belongs to the object, the target's mostly 0 or 1",
    _OVERLAP,
    partial(check_elements, _OVERLAP),
    sample_probabilities,
)


def _sample_signed(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    shape = shape_of(n, outputs)
    return [rng.normal(size=shape) * 2, rng.choice([-1.0, 1.0], size=shape)]


_SIGNED = (
    Role("pred"),
    Role("target", Values((-1.0, 1.0)), hint="; 0/1 labels must be written as -1/+1, or say --labels 01"),
)
SIGNED = Kind(
    "signed",
    "pred: (n,) or (n, d), any score; target: -1 or 1, in the same shape",
    _SIGNED,
    partial(check_elements, _SIGNED),
    _sample_signed,
)
