"""Kinds of losses that tell classes apart by regions: a row is a place, a column the probability of a class."""

from typing import TYPE_CHECKING, Any

from losscli.errors import BadValueError, InputError
from losscli.kinds.checks import as_rows
from losscli.kinds.classes import PROBABILITIES
from losscli.kinds.domains import Kind, Params
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def _check_classes(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    if as_rows(np.asarray(arrays[0])).ndim == 1:
        raise InputError(f"pred has shape {np.shape(arrays[0])}; a column a class is needed: (n, C) with C at least 2")
    return PROBABILITIES.check(arrays, params, allow_inf)


def _sample_classes(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return PROBABILITIES.sample(rng, params, n, max(outputs, 2))


_PRED = "pred: (n, C), a column a class, rows that sum to 1"
CLASS_PROBABILITIES = Kind(
    "class_probabilities",
    f"{_PRED}; target: (n,) class indices or names, or (n, C) one-hot or soft rows that sum to 1",
    PROBABILITIES.roles,
    _check_classes,
    _sample_classes,
)


def _check_labelled(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """One class a row: its index, also where it comes as a one-hot row."""
    pred, target = _check_classes(arrays, params, allow_inf)
    if target.ndim == 1:
        return [pred, target]
    soft = (target != 0) & (target != 1)
    if soft.any():
        row, column = np.unravel_index(int(np.argmax(soft)), soft.shape)
        hint = "; a row belongs to one class here: give labels or one-hot rows"
        raise BadValueError("target", int(row), int(column), f"{target[row, column]:g} is not 0 or 1{hint}")
    return [pred, target.argmax(axis=1)]


LABELLED_PROBABILITIES = Kind(
    "labelled_probabilities",
    f"{_PRED}; target: (n,) class indices or names, or (n, C) one-hot rows",
    PROBABILITIES.roles,
    _check_labelled,
    _sample_classes,
)
