"""Kinds of losses that compare boxes, four numbers a row, matched row by row."""

from sys import float_info
from typing import TYPE_CHECKING, Any

from losscli.errors import BadValueError, InputError
from losscli.kinds.checks import check_same_shape, first, floats, within
from losscli.kinds.domains import Interval, Kind, Params, Role
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_NAMES = {"xyxy": ("x1", "y1", "x2", "y2"), "xywh": ("x", "y", "w", "h"), "cxcywh": ("cx", "cy", "w", "h")}
_FINITE = Interval(-float_info.max, float_info.max)


def _check_boxes(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Arrays (n, 4) of boxes that are not turned inside out."""
    dtypes = [a.dtype for a in arrays]
    arrays = [floats(np.atleast_1d(a)) for a in arrays]
    check_same_shape(_BOXES, arrays)
    if arrays[0].ndim != 2 or arrays[0].shape[1] != 4:
        names = ", ".join(_NAMES[params["box_format"]])
        raise InputError(f"pred has shape {arrays[0].shape}; a box is a row of four columns: {names}")
    given = [within(*one, params, allow_inf) for one in zip(_BOXES, arrays, dtypes, strict=True)]
    for role, boxes in zip(_BOXES, given, strict=True):
        _check_sides(role, boxes, params["box_format"])
    return given


def _check_sides(role: Role, boxes: "Array", form: str) -> None:
    """No box ends before it begins."""
    is_inverted = boxes[:, 2:] < (boxes[:, :2] if form == "xyxy" else 0)
    if not is_inverted.any():
        return
    row, axis = first(is_inverted)
    axis = axis or 0
    begin, end = (_NAMES[form][k] for k in (axis, axis + 2))
    size = format_number(boxes[row, axis + 2])
    if form == "xyxy":
        found = f"{end} = {size} is less than {begin} = {format_number(boxes[row, axis])}"
        hint = _hint(boxes, form, "the box is inside out")
    else:
        found, hint = f"{end} = {size} is negative", _hint(boxes, form, "a box has no negative size")
    raise BadValueError(role.name, row, axis + 2, f"{found}{hint}")


def _hint(boxes: "Array", form: str, otherwise: str) -> str:
    if form == "xyxy" and (boxes[:, 2:] >= 0).all():
        return "; if these are width and height, say --box-format xywh, or cxcywh with the centre first"
    return f"; {otherwise}"


def _sample_boxes(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    """Boxes that mostly overlap, one within the other, or lie apart."""
    target = _drawn(rng, np.zeros((n, 2)), n)
    pred = _drawn(rng, target[:, :2], n)
    return [_in_format(boxes, params["box_format"]) for boxes in (pred, target)]


def _drawn(rng: "np.random.Generator", near: "Array", n: int) -> "Array":
    corner = near + rng.normal(size=(n, 2)) * 2
    boxes: Array = np.concatenate([corner, corner + rng.uniform(0.2, 6.0, size=(n, 2))], axis=1)
    return boxes


def _in_format(corners: "Array", form: str) -> "Array":
    low, high = corners[:, :2], corners[:, 2:]
    parts = {"xyxy": (low, high), "xywh": (low, high - low), "cxcywh": ((low + high) / 2, high - low)}
    return np.concatenate(parts[form], axis=1)


_BOXES = tuple(Role(name, _FINITE, vector=True, entries="the box") for name in ("pred", "target"))
BOXES = Kind(
    "boxes",
    "pred and target: (n, 4), a box a row, matched row by row; its numbers as box_format says",
    tuple(_BOXES),
    _check_boxes,
    _sample_boxes,
)
