"""Kinds of losses that compare the rows of a group with one another: ranked lists, and batches of vectors."""

from typing import TYPE_CHECKING

from losscli.errors import BadValueError, InputError
from losscli.kinds.checks import as_rows, check_same_shape, floats, within
from losscli.kinds.domains import Interval, Kind, Params, Role
from losscli.kinds.vectors import check_vectors, near_by
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from losscli.kinds.domains import Array


def _check_list(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    given = [as_rows(a) for a in arrays]
    rows = [floats(a) for a in given]
    if rows[0].ndim != 1:
        raise InputError(f"pred has shape {rows[0].shape}; one score a row is needed: (n,)")
    check_same_shape(_LIST, rows)
    return [within(*r, params, allow_inf) for r in zip(_LIST, rows, [a.dtype for a in given], strict=True)]


def _sample_list(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    target = rng.integers(0, 4, n).astype(np.float64)
    return [target / 2 + rng.normal(size=n), target]


_LIST = (Role("pred"), Role("target"))
RANKED_LIST = Kind(
    "ranked_list",
    "pred and target: (n,), a score and a relevance a row, the higher the better; the rows of a group are one list",
    _LIST,
    _check_list,
    _sample_list,
)


def _check_views(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    return check_vectors(_VIEWS, arrays, params, allow_inf)


def _sample_views(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    anchor = rng.normal(size=(n, max(outputs, 2)))
    return [anchor, near_by(rng, anchor, 1.0)]


_VIEWS = (Role("anchor", vector=True), Role("positive", vector=True))
VIEWS = Kind(
    "views",
    "anchor and positive: (n, d), two vectors a row that belong together; the rows of a group are one batch",
    _VIEWS,
    _check_views,
    _sample_views,
    ("anchor", "positive"),
)


def _check_labelled(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    (pred,) = check_vectors(_LABELLED[:1], arrays[:1], params, allow_inf)
    label = as_rows(arrays[1])
    if label.shape != (len(pred),):
        raise InputError(f"pred has {len(pred)} rows, target has shape {label.shape}; one label a row is needed")
    classes = within(_LABELLED[1], floats(label), label.dtype, params, allow_inf)
    broken = classes != np.rint(classes)
    if broken.any():
        row = int(np.argmax(broken))
        raise BadValueError("target", row, None, f"label {format_number(classes[row])} is not an integer")
    return [pred, classes]


def _sample_labelled(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    label = rng.integers(0, 3, n)
    centres = rng.normal(size=(3, max(outputs, 2)))
    return [near_by(rng, centres[label], 2.0), label]


_LARGEST = 2.0**53 - 1  # from there on a float64 takes two whole numbers for one
_LABELLED = (
    Role("pred", vector=True),
    Role("target", Interval(-_LARGEST, _LARGEST), hint="; number the classes from 0"),
)
LABELLED_VECTORS = Kind(
    "labelled_vectors",
    "pred: (n, d), a vector a row; target: (n,), its class, any whole number; the rows of a group are one batch",
    _LABELLED,
    _check_labelled,
    _sample_labelled,
)
