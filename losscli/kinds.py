"""What a loss accepts: roles, shapes and domains as data; one checker and one sampler a kind.

A checker takes the arrays of the roles, refuses the first value that is not allowed (`BadValueError`) and hands on what
loss functions compute with: C-contiguous float64 rows, or class indices. Losses themselves never check.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import TYPE_CHECKING, Any

from losscli.errors import BadValueError, InputError
from losscli.exact import to_float
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Interval:
    """A closed interval of numbers; infinite ends are allowed only where `allow_inf` says so."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"

    def refuses(self, values: "Array") -> "Array":
        return (values < self.low) | (values > self.high)


REAL = Interval(-inf, inf)
UNIT = Interval(0.0, 1.0)
FORMS = {"probs": UNIT, "logits": REAL, "log_probs": Interval(-inf, 0.0)}


@dataclass(frozen=True)
class Role:
    """One array a loss takes: its name, its domain (by `form` where the loss has that parameter), and how it lies in
    a file.

    `vector`: a row is a distribution over classes, one column a class. `labels`: one column of class labels stands
    for it.
    """

    name: str
    domain: Interval | Mapping[str, Interval] = REAL
    vector: bool = False
    labels: bool = False

    def allowed(self, params: Params) -> Interval:
        return self.domain if isinstance(self.domain, Interval) else self.domain[params["form"]]


@dataclass(frozen=True)
class Kind:
    """A family of losses that take the same arrays.

    `elementwise`: the function yields a value an element, and a sample's loss is the mean over its outputs; otherwise
    a value a row.
    """

    name: str
    shapes: str
    roles: tuple[Role, ...]
    elementwise: bool
    check: "Callable[[list[Array], Params, bool], list[Array]]"
    sample: "Callable[[np.random.Generator, Params, int, int], list[Array]]"

    @property
    def role_names(self) -> tuple[str, ...]:
        return tuple(role.name for role in self.roles)


def as_rows(array: "Array") -> "Array":
    """(n, 1) is (n,), and a number is one row; nothing else changes shape."""
    array = np.atleast_1d(array)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _floats(array: "Array") -> "Array":
    """C-contiguous float64; an InputError for what is no number or beyond its range."""
    if array.dtype.kind not in "biufO":
        raise InputError(f"dtype {array.dtype} is not numeric")
    try:
        return np.ascontiguousarray(array, dtype=np.float64)
    except OverflowError:
        raise InputError("an integer is beyond the range of a float64") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"not an array of numbers: {error}") from None


def _first(mask: "Array") -> tuple[int, int | None]:
    index = np.unravel_index(int(np.argmax(mask)), mask.shape)
    return int(index[0]), int(index[1]) if mask.ndim == 2 else None


def _check_domain(role: Role, values: "Array", params: Params, allow_inf: bool) -> None:
    if np.isnan(values).any():
        raise BadValueError(role.name, *_first(np.isnan(values)), "missing value (NaN)")
    allowed = role.allowed(params)
    if values.size and (values.min() < allowed.low or values.max() > allowed.high):
        place = _first(allowed.refuses(values))
        found = format_number(values[tuple(i for i in place if i is not None)])
        raise BadValueError(role.name, *place, f"{found} is outside {allowed}{_hint(role, params)}")
    if not allow_inf and np.isinf(values).any():
        raise BadValueError(role.name, *_first(np.isinf(values)), "infinite value; --allow-inf lets it in")


def _hint(role: Role, params: Params) -> str:
    if isinstance(role.domain, Interval):
        return ""
    if params["form"] == "probs":
        return "; if these are logits, say --form logits"
    return ", so it is no log-probability; if these are probabilities, say --form probs, if logits, --form logits"


def _check_same_shape(roles: tuple[Role, ...], arrays: "list[Array]") -> None:
    for role, array in zip(roles, arrays, strict=True):
        if array.ndim > 2:
            raise InputError(f"{role.name} has {array.ndim} dimensions; one row a sample is needed: (n,) or (n, d)")
        if array.shape != arrays[0].shape:
            raise InputError(
                f"shapes differ: {roles[0].name} {arrays[0].shape}, {role.name} {array.shape}; nothing is broadcast"
            )


def _needs_exact_difference(array: "Array") -> bool:
    wide = array.dtype == object or (array.dtype.kind in "iu" and array.dtype.itemsize == 8)
    return wide and array.size > 0 and bool((array > 2**53).any() or (array < -(2**53)).any())


def _exact_difference(pred: "Array", target: "Array") -> "Array":
    """Pred - target as the nearest float64, through integers and fractions, for values that float64 does not hold."""
    pairs = zip(pred.ravel().tolist(), target.ravel().tolist(), strict=True)
    exact = [Fraction(p) - Fraction(t) for p, t in pairs]
    return np.array([to_float(e) for e in exact]).reshape(pred.shape)


def _check_residual(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    arrays = [as_rows(a) for a in arrays]
    _check_same_shape(RESIDUAL.roles, arrays)
    floats = [_floats(a) for a in arrays]
    for role, values in zip(RESIDUAL.roles, floats, strict=True):
        _check_domain(role, values, params, allow_inf)
    if any(_needs_exact_difference(a) for a in arrays) and all(np.isfinite(f).all() for f in floats):
        return [_exact_difference(*arrays), np.zeros(arrays[0].shape)]
    return floats


def _sample_residual(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    shape = (n,) if outputs == 1 else (n, outputs)
    target = rng.normal(size=shape) * 3
    return [target + rng.normal(size=shape) * rng.choice([0.1, 1.0, 10.0], size=shape), target]


RESIDUAL = Kind(
    "residual",
    "pred and target: (n,) or (n, d); depends on pred - target alone",
    (Role("pred"), Role("target")),
    True,
    _check_residual,
    _sample_residual,
)


def _check_binary(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    arrays = [_floats(as_rows(a)) for a in arrays]
    _check_same_shape(BINARY.roles, arrays)
    for role, values in zip(BINARY.roles, arrays, strict=True):
        _check_domain(role, values, params, allow_inf)
    return arrays


def _in_form(probs: "Array", logits: "Array", params: Params) -> "Array":
    return {"probs": probs, "logits": logits, "log_probs": np.log(probs)}[params["form"]]


def _sample_binary(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    shape = (n,) if outputs == 1 else (n, outputs)
    logits = rng.normal(size=shape) * 3
    target = np.where(rng.random(shape) < 0.7, rng.integers(0, 2, shape), rng.random(shape))
    return [_in_form(1 / (1 + np.exp(-logits)), logits, params), target]


BINARY = Kind(
    "binary",
    "pred and target: (n,) or (n, d); target 0, 1 or a probability between",
    (Role("pred", FORMS), Role("target", UNIT)),
    True,
    _check_binary,
    _sample_binary,
)


def _check_categorical(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    pred, target = arrays
    if np.ndim(pred) != 2 or pred.shape[1] < 2:
        raise InputError(f"pred has shape {np.shape(pred)}; a column a class is needed: (n, C) with C at least 2")
    roles, digits = CATEGORICAL.roles, pred.dtype
    pred = _floats(pred)
    _check_domain(roles[0], pred, params, allow_inf)
    if params["form"] != "logits":
        _check_sums(roles[0], pred if params["form"] == "probs" else np.exp(pred), pred, digits)
    target = as_rows(np.asarray(target))
    if len(target) != len(pred):
        raise InputError(f"pred has {len(pred)} rows, target {len(target)}")
    if target.ndim == 1:
        return [pred, class_indices(target, pred.shape[1])]
    if target.shape != pred.shape:
        raise InputError(f"shapes differ: pred {pred.shape}, target {target.shape}; soft targets have a column a class")
    soft = _floats(target)
    _check_domain(roles[1], soft, params, allow_inf)
    _check_sums(roles[1], soft, soft, target.dtype)
    return [pred, soft]


def class_indices(labels: "Array", classes: int) -> "Array":
    """Labels as indices 0 … classes-1: integers, or floats that are whole."""
    values = np.asarray(labels)
    if values.dtype.kind not in "iub":
        floats = _floats(values)
        if np.isnan(floats).any():
            raise BadValueError("target", *_first(np.isnan(floats)), "missing label")
        if (floats != np.floor(floats)).any():
            row = int(np.argmax(floats != np.floor(floats)))
            raise BadValueError("target", row, None, f"label {format_number(floats[row])} is not an integer")
        values = floats
    outside = (values < 0) | (values >= classes)
    if outside.any():
        row = int(np.argmax(outside))
        hint = "; do the labels count from 1?" if values[row] == classes and values.min() >= 1 else ""
        raise BadValueError("target", row, None, f"label {values[row]:.0f} is outside 0..{classes - 1}{hint}")
    return values.astype(np.intp)


def _check_sums(role: Role, probs: "Array", given: "Array", dtype: Any) -> None:
    """Rows of probabilities add up to 1, within what their dtype or the digits they are written with allow."""
    excess = np.abs(probs.sum(axis=1) - 1.0)
    of_dtype = {2: 2.0**-9, 4: 2.0**-22}.get(dtype.itemsize if dtype.kind == "f" else 8, 2.0**-50)
    doubtful = np.flatnonzero(excess > probs.shape[1] * of_dtype)
    if not doubtful.size:
        return
    slopes = 1.0 if given is probs else probs[doubtful]  # an error of ln p is p times as large in p
    wrong = doubtful[excess[doubtful] > _rounding_error(given[doubtful], slopes)]
    if wrong.size:
        total = format_number(float(probs[wrong[0]].sum()))
        hint = "; if these are logits, say --form logits" if role.name == "pred" else ""
        raise BadValueError(role.name, int(wrong[0]), None, f"the row's probabilities add up to {total}, not 1{hint}")


def _rounding_error(rows: "Array", slopes: "Array | float") -> "Array":
    """The most that rounding to the digits written can have moved each row's sum.

    Digits may be decimals (`%.4f`), significant ones (`%.4g`), or those of a float32 that was widened or printed.
    """
    decimals = _decimals(rows)
    sizes = np.floor(np.log10(np.where(rows == 0, 1.0, np.abs(rows))))
    digits = np.where(rows == 0, 0, decimals + sizes + 1).max(axis=1, keepdims=True)
    fixed = np.broadcast_to(0.5 * 10.0 ** -decimals.max(axis=1, keepdims=True), rows.shape)
    significant = np.where(rows == 0, 0.0, 0.5 * 10.0 ** (sizes - digits + 1))
    is_single = (np.abs(rows - rows.astype(np.float32)) <= 0.5 * 10.0**-decimals).all(axis=1)
    single = np.where(is_single, rows.shape[1] * 2.0**-22, 0.0)
    error = np.maximum((fixed * slopes).sum(axis=1), (significant * slopes).sum(axis=1))
    is_whole = decimals.max(axis=1) == 0  # 0 and 1 are certainties, not rounded probabilities
    allowed: Array = np.where(is_whole, 0.0, np.maximum(error, single) * (1 + 1e-9))  # the bound itself is rounded
    return allowed


def _decimals(values: "Array") -> "Array":
    """How many decimals each value is written with, at most 22; where more are needed, 22."""
    found = np.full(values.shape, 22.0)
    for places in range(21, -1, -1):
        scale = 10.0**places  # exact, and so is the quotient where the value has that many decimals
        found[np.rint(values * scale) / scale == values] = places
    return found


def _sample_categorical(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    classes = max(outputs, 2)
    logits = rng.normal(size=(n, classes)) * 2
    probs = np.exp(logits)
    probs /= probs.sum(axis=1, keepdims=True)
    return [_in_form(probs, logits, params), rng.integers(0, classes, n)]


CATEGORICAL = Kind(
    "categorical",
    "pred: (n, C), a column a class; target: (n,) class indices or names, or (n, C) one-hot or soft rows that sum to 1",
    (Role("pred", FORMS, vector=True), Role("target", UNIT, vector=True, labels=True)),
    False,
    _check_categorical,
    _sample_categorical,
)
