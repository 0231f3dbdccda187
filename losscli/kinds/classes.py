"""Kinds of losses that take a column a class: probabilities or what stands for them, and labels or distributions."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from losscli.errors import BadValueError, InputError
from losscli.kinds.checks import as_rows, check_elements, first, floats, within
from losscli.kinds.domains import FORMS, UNIT, Kind, Params, Role
from losscli.kinds.elements import in_form, sample_probabilities
from losscli.kinds.likeness import hint_at_sums
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def _check_classes(
    roles: Sequence[Role], form: str, arrays: "list[Array]", params: Params, allow_inf: bool
) -> "list[Array]":
    """A column a class; `form` is what the prediction numbers are where no parameter says so."""
    pred, target = arrays
    if np.ndim(pred) != 2 or pred.shape[1] < 2:
        hint = (
            "; are predictions and targets the wrong way round?" if _are_labels(pred) and np.ndim(target) == 2 else ""
        )
        raise InputError(f"pred has shape {np.shape(pred)}; a column a class is needed: (n, C) with C at least 2{hint}")
    form, digits = params.get("form", form), pred.dtype
    pred = within(roles[0], floats(pred), digits, params, allow_inf)
    if form != "logits":
        check_sums(roles[0], form, pred, digits)
    target = as_rows(np.asarray(target))
    if len(target) != len(pred):
        raise InputError(f"pred has {len(pred)} rows, target {len(target)}")
    if target.ndim == 1:
        return [pred, class_indices(target, pred.shape[1])]
    if target.shape != pred.shape:
        raise InputError(f"shapes differ: pred {pred.shape}, target {target.shape}; soft targets have a column a class")
    soft = within(roles[1], floats(target), target.dtype, params, allow_inf)
    check_sums(roles[1], "probs", soft, target.dtype)
    return [pred, soft]


def _are_labels(values: "Array") -> bool:
    numbers = floats(as_rows(values))
    return numbers.ndim == 1 and bool((numbers == np.rint(numbers)).all())


def class_indices(labels: "Array", classes: int, apart: str = "") -> "Array":
    """Labels as indices 0 … classes-1: integers, or floats that are whole. `apart` is what to do about a label below 0,
    which is often written where none counts.
    """
    values = np.asarray(labels)
    if values.dtype.kind not in "iub":
        numbers = floats(values)
        if np.isnan(numbers).any():
            raise BadValueError("target", *first(np.isnan(numbers)), "missing label")
        if (numbers != np.floor(numbers)).any():
            row = int(np.argmax(numbers != np.floor(numbers)))
            raise BadValueError("target", row, None, f"label {format_number(numbers[row])} is not an integer")
        values = numbers
    outside = (values < 0) | (values >= classes)
    if outside.any():
        row = int(np.argmax(outside))
        hint = "; do the labels count from 1?" if values[row] == classes and values.min() >= 1 else ""
        hint = apart if values[row] < 0 else hint
        raise BadValueError("target", row, None, f"label {values[row]:.0f} is outside 0..{classes - 1}{hint}")
    return values.astype(np.intp)


def check_sums(role: Role, form: str, given: "Array", dtype: Any) -> None:
    """Rows of probabilities add up to 1, within what their dtype or the digits they are written with allow."""
    probs = given if form == "probs" else np.exp(given)
    excess = np.abs(probs.sum(axis=1) - 1.0)
    doubtful = np.flatnonzero(excess > rounding_of_sums(dtype, probs.shape[1]))
    if not doubtful.size:
        return
    slopes = 1.0 if given is probs else probs[doubtful]  # an error of ln p is p times as large in p
    with np.errstate(over="ignore"):  # a logarithm may be beyond float32, and its digits beyond float64
        wrong = doubtful[excess[doubtful] > _rounding_error(given[doubtful], slopes)]
    if wrong.size:
        row = int(wrong[0])
        total = format_number(float(probs[row].sum()))
        hint = hint_at_sums(role, form, given)
        raise BadValueError(role.name, row, None, f"the row's probabilities add up to {total}, not 1{hint}")


def rounding_of_sums(dtype: Any, classes: int) -> float:
    """How far from 1 the probabilities of a row may add up to for the roundings of their dtype alone."""
    return classes * {2: 2.0**-9, 4: 2.0**-22}.get(dtype.itemsize if dtype.kind == "f" else 8, 2.0**-50)


def _rounding_error(rows: "Array", slopes: "Array | float") -> "Array":
    """The most that rounding to the digits written can have moved each row's sum.

    Digits may be decimals (`%.4f`), significant ones (`%.4g`), or those of a float32 that was widened or printed.
    """
    places = decimals(rows)
    sizes = np.floor(np.log10(np.where(rows == 0, 1.0, np.abs(rows))))
    digits = np.where(rows == 0, 0, places + sizes + 1).max(axis=1, keepdims=True)
    fixed = np.broadcast_to(0.5 * 10.0 ** -places.max(axis=1, keepdims=True), rows.shape)
    significant = np.where(rows == 0, 0.0, 0.5 * 10.0 ** (sizes - digits + 1))
    is_single = (np.abs(rows - rows.astype(np.float32)) <= 0.5 * 10.0**-places).all(axis=1)
    single = np.where(is_single, rows.shape[1] * 2.0**-22, 0.0)
    error = np.maximum((fixed * slopes).sum(axis=1), (significant * slopes).sum(axis=1))
    is_whole = places.max(axis=1) == 0  # 0 and 1 are certainties, not rounded probabilities
    allowed: Array = np.where(is_whole, 0.0, np.maximum(error, single) * (1 + 1e-9))  # the bound itself is rounded
    return allowed


def decimals(values: "Array") -> "Array":
    """How many decimals each value is written with, at most 22; where more are needed, 22."""
    found = np.full(values.shape, 22.0)
    for places in range(21, -1, -1):
        scale = 10.0**places  # exact, and so is the quotient where the value has that many decimals
        found[np.rint(values * scale) / scale == values] = places
    return found


def _sample_classes(form: str, rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    classes = max(outputs, 2)
    logits = rng.normal(size=(n, classes)) * 2
    probs = np.exp(logits)
    probs /= probs.sum(axis=1, keepdims=True)
    return [in_form(probs, logits, {"form": form, **params}), rng.integers(0, classes, n)]


_CLASSES = "target: (n,) class indices or names, or (n, C) one-hot or soft rows that sum to 1"
_TARGET = Role("target", UNIT, vector=True, labels=True)
_ANY_FORM = (Role("pred", FORMS, vector=True), _TARGET)
CATEGORICAL = Kind(
    "categorical",
    f"pred: (n, C), a column a class; {_CLASSES}",
    _ANY_FORM,
    partial(_check_classes, _ANY_FORM, ""),
    partial(_sample_classes, ""),
)

_LOGS = (
    Role("pred", FORMS["log_probs"], vector=True, hint="; nll takes log-probabilities, cross_entropy any form"),
    _TARGET,
)
LOG_CATEGORICAL = Kind(
    "log_categorical",
    f"pred: (n, C), a column of log-probabilities a class; {_CLASSES}",
    _LOGS,
    partial(_check_classes, _LOGS, "log_probs"),
    partial(_sample_classes, "log_probs"),
)


def _check_any_probabilities(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """One column is the probability of class 1; several are a column a class."""
    arrays = [as_rows(a) for a in arrays]
    if arrays[0].ndim == 1:
        return check_elements(_PROBABILITIES, arrays, params, allow_inf)
    return _check_classes(_PROBABILITIES, "probs", arrays, params, allow_inf)


def _sample_any_probabilities(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    if outputs == 1:
        return sample_probabilities(rng, params, n, 1)
    return _sample_classes("probs", rng, params, n, outputs)


_PROBABILITIES = (Role("pred", UNIT, vector=True, hint="; it takes probabilities, not logits"), _TARGET)
PROBABILITIES = Kind(
    "probabilities",
    "pred: (n,), the probability of class 1, with target 0, 1 or a probability between; or pred: (n, C), a column a "
    f"class, with {_CLASSES}",
    _PROBABILITIES,
    _check_any_probabilities,
    _sample_any_probabilities,
)
