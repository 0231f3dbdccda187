"""Kinds of losses of one outcome a row: one column says how likely class 1 is, several are a column a class."""

from typing import TYPE_CHECKING, Any

from losscli.errors import BadValueError, InputError
from losscli.kinds.checks import as_rows, first
from losscli.kinds.classes import CATEGORICAL
from losscli.kinds.domains import FORMS, REAL, UNIT, Kind, Params, Role
from losscli.kinds.elements import BINARY, in_form
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_CLASSES = "target: (n,) class indices or names, or (n, C) one-hot or soft rows that sum to 1"
_TARGET = Role("target", UNIT, vector=True, labels=True)


def _draw(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    """Outcomes that are 0 or 1 for one column; of several, classes."""
    if outputs > 1:
        return CATEGORICAL.sample(rng, params, n, outputs)
    logits = rng.normal(size=n) * 3
    return [in_form(1 / (1 + np.exp(-logits)), logits, params), rng.integers(0, 2, n).astype(np.float64)]


def _check_outcomes(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """A weight of class 1 is no weight of one class among several, and a soft target has no one meaning in a column."""
    arrays = [as_rows(a) for a in arrays]
    weight = params.get("alpha")
    if arrays[0].ndim == 1:
        pred, target = BINARY.check(arrays, params, allow_inf)
        soft = (target != 0) & (target != 1)
        if soft.any():
            row, _ = first(soft)
            raise BadValueError(
                "target",
                row,
                None,
                f"{format_number(target[row])} is not 0 or 1; soft targets need two columns, a column a class",
            )
        return [pred, target]
    if weight is not None:
        raise InputError(
            f"pred has {arrays[0].shape[1]} columns, and alpha={weight:g} is the weight of class 1 in one of shape (n,)"
            "; for a column a class leave alpha out, and say --class-weight where classes are to be weighed"
        )
    return CATEGORICAL.check(arrays, params, allow_inf)


def _sample_outcomes(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return _draw(rng, params, n, 1 if params.get("alpha") is not None else outputs)


OUTCOMES = Kind(
    "outcomes",
    f"pred: (n,), a column for class 1, with target 0 or 1; or pred: (n, C), a column a class, with {_CLASSES}",
    (Role("pred", FORMS, vector=True), _TARGET),
    _check_outcomes,
    _sample_outcomes,
)


def _check_decisions(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Scores of classes may be any numbers; a single one must be told from its form."""
    arrays = [as_rows(a) for a in arrays]
    if arrays[0].ndim == 1:
        return BINARY.check(arrays, params, allow_inf)
    return CATEGORICAL.check(arrays, {**params, "form": "logits"}, allow_inf)


DECISIONS = Kind(
    "decisions",
    "pred: (n,), a column for class 1, with target 0, 1 or a probability between; or pred: (n, C), a column of scores "
    f"a class, any numbers, with {_CLASSES}",
    (Role("pred", REAL, vector=True), _TARGET),
    _check_decisions,
    _draw,
)
