"""Kinds of losses whose rows are sequences: frames of classes beside a sequence of labels, each of its own length."""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from losscli.errors import BadValueError, InputError
from losscli.kinds.checks import first, floats, within
from losscli.kinds.classes import check_sums, class_indices
from losscli.kinds.domains import FORMS, REAL, Interval, Kind, Params, Role
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_FRAMES, _ENTRIES = "the frames", "the entries"


class Rows:
    """Sequences of one role: `flat` are the entries that count, one after the other, `lengths` how many of each row.

    Raises BadValueError for a length that is no number of its entries.
    """

    def __init__(self, role: str, values: "Array", lengths: "Array") -> None:
        self.role = role
        self._lists = values if values.dtype == object and values.ndim == 1 else None
        if self._lists is None and values.ndim < 2:
            raise InputError(f"{role} has shape {values.shape}; a row is a sequence: (n, T)")
        self.there = own = (
            np.full(len(values), values.shape[1]) if self._lists is None else np.array([len(row) for row in values])
        )
        self.lengths = _whole(f"{role}_lengths", role, lengths, own)
        self.longest = int(own.max(initial=0))
        self.counts = np.arange(self.longest) < self.lengths[:, None]
        if self._lists is None:
            self.flat = values[self.counts]
        else:
            self.flat = self._joined(self._lists)

    def _joined(self, rows: "Array") -> "Array":
        """The entries of all lists. A list without entries may have any shape."""
        parts = [row[:length] for row, length in zip(rows, self.lengths.tolist(), strict=True)]
        shapes = {part.shape[1:] for part in parts if len(part)}
        if len(shapes) > 1:
            row = next(k for k, part in enumerate(parts) if len(part) and part.shape[1:] != parts[0].shape[1:])
            raise BadValueError(self.role, row, None, f"entries of shape {parts[row].shape[1:]}, before {min(shapes)}")
        shape = shapes.pop() if shapes else ()
        return np.concatenate([part.reshape(-1, *shape) if len(part) else np.empty((0, *shape)) for part in parts])

    def padded(self, flat: "Array") -> "Array":
        """(n, T) or (n, T, C): entries such as `flat` in their rows, 0 elsewhere."""
        return filled(self.counts, flat)

    def checked(self, check: "Callable[[Array], Array]", entry: str) -> "Array":
        """What a check of `flat` gives, in its rows."""
        return self.padded(placed(self.role, self.counts, check, self.flat, entry))


def filled(counts: "Array", flat: "Array") -> "Array":
    """The entries that count in their rows, 0 elsewhere."""
    found = np.zeros((*counts.shape, *flat.shape[1:]), flat.dtype)
    found[counts] = flat
    return found


def placed(role: str, counts: "Array", check: "Callable[[Array], Array]", flat: "Array", entry: str) -> "Array":
    """What a check of the entries that count gives; a value that it refuses is one of a row, and of an entry in it."""
    try:
        return check(flat)
    except BadValueError as error:
        row, k = (int(i) for i in np.argwhere(counts)[error.row])
        column = "" if error.column is None else f", class {error.column}"
        raise BadValueError(role, row, None, f"{entry} {k}{column}: {error.what}") from None


def _whole(name: str, of: str, lengths: "Array", there: "Array") -> "Array":
    """Lengths as integers, of which each is a number of entries that are there."""
    if lengths.shape != there.shape:
        raise InputError(f"{name} has shape {lengths.shape}, {of} has {len(there)} rows; one length a row is needed")
    values = floats(lengths)
    wrong = ~((values >= 0) & (values <= there) & (values == np.rint(values)))
    if wrong.any():
        row, _ = first(wrong)
        found, most = format_number(values[row]), int(there[row])
        raise BadValueError(
            name, row, None, f"length {found}; {of} has {most} entries there, so it is one of 0..{most}"
        )
    return values.astype(np.intp)


def _check_aligned(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    pred, target, *lengths = map(np.asarray, arrays)
    if len(pred) != len(target):
        raise InputError(f"pred has {len(pred)} rows, target {len(target)}")
    frames, labels = Rows("pred", pred, lengths[0]), Rows("target", target, lengths[1])
    classes = frames.flat.shape[1] if frames.flat.ndim == 2 else 0
    if classes < 2 and (len(frames.flat) or frames.flat.ndim > 1 or pred.ndim > 1):
        raise InputError(f"pred has shape {_shape(pred)}; a row is frames by classes: (n, T, C) with C at least 2")
    if labels.flat.ndim != 1:
        raise InputError(f"target has shape {_shape(target)}; a row is a sequence of labels: (n, S)")
    if classes and params["blank"] >= classes:
        raise InputError(f"blank={params['blank']}, and there are classes 0..{classes - 1}")
    known = classes or 1 + int(max(labels.flat.max(initial=0), params["blank"]))  # of no frames at all
    indices = labels.checked(partial(_check_labels, classes=known, blank=params["blank"]), "label")
    if not classes:
        return [np.zeros((len(pred), 0, known)), indices, frames.lengths, labels.lengths]
    log_p = frames.checked(partial(_check_frames, params=params, allow_inf=allow_inf), "frame")
    return [log_p, indices, frames.lengths, labels.lengths]


def _shape(values: "Array") -> str:
    return f"(n, {', '.join(map(str, values[0].shape))})" if values.dtype == object else str(values.shape)


def _check_frames(frames: "Array", params: Params, allow_inf: bool) -> "Array":
    found = within(_PRED, floats(frames), frames.dtype, params, allow_inf)
    if params["form"] == "log_probs":
        check_sums(_PRED, "log_probs", found, frames.dtype)
    return found


def _check_labels(labels: "Array", classes: int, blank: int) -> "Array":
    found = class_indices(labels, classes, "; target_lengths say where a target ends")
    if (found == blank).any():
        hint = "; target_lengths say where a target ends, blank which class is none"
        raise BadValueError("target", int(np.argmax(found == blank)), None, f"class {blank} is the blank{hint}")
    return found


def _why_no_path(arrays: "list[Array]") -> str:
    """Of a target that no path spells."""
    _, target, (frames,), (count,) = arrays
    labels = target[0, :count]
    least = count + int((labels[1:] == labels[:-1]).sum())
    return f"its target needs {least} frames and has {frames}" if frames < least else "its target has probability 0"


def _sample_aligned(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    """Sequences with repeated labels, some as short as they may be."""
    longest, classes = 4, max(outputs, 2, params["blank"]) + 1
    others = np.delete(np.arange(classes), params["blank"])
    target_lengths = rng.integers(0, longest + 1, n)
    target = rng.choice(others[:2], (n, longest)) if classes < 4 else rng.choice(others, (n, longest))
    target = np.where(np.arange(longest) < target_lengths[:, None], target, 0)
    repeats = ((target[:, 1:] == target[:, :-1]) & (np.arange(1, longest) < target_lengths[:, None])).sum(axis=1)
    least = np.maximum(target_lengths + repeats, 1)
    pred_lengths = np.maximum(least.max() + 1 - rng.integers(0, 3, n), least)
    logits = rng.normal(size=(n, int(pred_lengths.max()), classes)) * 2
    pred = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True)) if params["form"] == "log_probs" else logits
    return [pred, target, pred_lengths, target_lengths]


_COUNTS = Interval(0.0, inf)
_PRED = Role(
    "pred",
    {"log_probs": FORMS["log_probs"], "logits": REAL},
    vector=True,
    entries=_FRAMES,
    sequence=True,
    hint="; if these are logits, say --form logits",
)
_ALIGNED = (
    _PRED,
    Role("target", _COUNTS, vector=True, entries=_ENTRIES, sequence=True),
    Role("pred_lengths", _COUNTS, ordered=False, lengths_of="pred", optional=True),
    Role("target_lengths", _COUNTS, ordered=False, lengths_of="target"),
)
ALIGNED = Kind(
    "aligned",
    "pred: (n, T, C), a column a class for each of T frames; target: (n, S), a sequence of class indices a row; "
    "pred_lengths and target_lengths: (n,), how many of them count; or both as lists, each of its own length",
    _ALIGNED,
    _check_aligned,
    _sample_aligned,
    why=_why_no_path,
)
