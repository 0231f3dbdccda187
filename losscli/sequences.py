"""Rows that are sequences: in the shape that they had before a file laid them flat, and how many entries of each count.

Sequences lie in an array, (n, T) or (n, T, C), beside their lengths (n,), or they are an array of arrays, one a row.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from math import prod
from typing import TYPE_CHECKING, Any

from losscli.columns import Binding
from losscli.derivatives import in_place
from losscli.errors import UsageError
from losscli.formats import lists_of
from losscli.formats.base import as_sequences
from losscli.formats.paths import named
from losscli.kinds import Role
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

CELLS = 1 << 19  # numbers of sequences that are looked at together: a block of 4 MiB


def rows_at_once(bindings: Sequence[Binding], most: int) -> int:
    """How many rows a batch has, so that sequences do not fill the memory; others are as many as they may."""
    widths = [prod(b.reader.row_shape) for b in bindings if b.sequence and b.reader.row_shape]
    return max(1, min(most, CELLS // max(widths, default=1)))


def doubted(roles: Sequence[Role], bindings: Sequence[Binding], idle: Sequence[str]) -> list[Binding]:
    """The bindings, with a note where all entries of an array count as nothing says which do, and members of the same
    archive are `idle`, which may say it. Where only targets have lengths, that is worth knowing and may be meant.
    """
    first, by_role = bindings[0], {b.role: b for b in bindings}
    ways = [role.name for role in roles if role.counts and role.lengths_of in ("", first.role)]
    if first.are_lists or not all(by_role[way].beside for way in ways):
        return list(bindings)
    longest = first.reader.row_shape[0] if first.reader.row_shape else len(first.columns)
    counted = f"{first.reader.name}: all {longest} {roles[0].entries.removeprefix('the ')} of every row count"
    if not idle:
        note = f"{counted}, as there is no {ways[0]}"
        if any(role.lengths_of and not by_role[role.name].beside for role in roles):
            first.reader.notes.extend([] if note in first.reader.notes else [note])
        return list(bindings)
    play = f"members {named(idle)} of its archive play" if len(idle) > 1 else f"member {idle[0]} of its archive plays"
    said = f"{counted}, and {play} no part; --col {' or '.join(f'{way}=NAME' for way in ways)} says which do"
    said += f"; if all do, name the members that are meant: {first.reader.name} and so on"
    return [b._replace(note=said) if b.role == ways[0] else b for b in bindings]


def unfolded(values: Mapping[str, Any], bindings: Sequence[Binding]) -> dict[str, Any]:
    """The values of all roles, sequences in their shape, and their lengths where no column has them; a sequence that is
    absent has no entries. What lies behind the end of a sequence is no value, and not missing either.
    """
    found = dict(values)
    for b in bindings:
        if b.sequence and not b.beside and b.reader.is_matrix and lists_of(found[b.role]) is None:
            shape = b.reader.row_shape if len(b.columns) == len(b.reader.columns) else ()
            found[b.role] = found[b.role].reshape(-1, *(shape or (len(b.columns),)))
    for b in bindings:
        if b.beside:
            rows = found[b.beside]
            found[b.role] = np.zeros((len(rows), 0)) if b.sequence else own_lengths(rows)
    first = found[f"{bindings[0].role}_lengths"]  # which are those of what stands beside it too
    for role in [b.role for b in bindings if b.sequence]:
        found[role] = _without_padding(found[role], found.get(f"{role}_lengths", first))
    return found


def ends_of(bindings: Sequence[Binding], path: str | None) -> "list[Ends]":
    """For each prediction of lists; none can be written to a file."""
    found = [Ends(b.role) for b in bindings if b.sequence and b.are_lists]
    if found and path:
        raise UsageError(
            f"{path}: an array has rows of one length, and the rows of {found[0].role} are lists; --grad --format json "
            "writes lists"
        )
    return found


def own_lengths(values: "Array") -> "Array":
    """How many entries each row has."""
    if lists_of(values) is not None:
        return np.array([len(row) for row in values], np.int64)
    return np.full(len(values), values.shape[1] if values.ndim > 1 else 1, np.int64)


def _without_padding(values: "Array", lengths: Any) -> "Array":
    """Zeros in place of NaN behind the ends."""
    if lists_of(values) is not None or values.dtype.kind != "f" or not np.isnan(values.min(initial=0.0)):
        return values
    if getattr(lengths, "shape", ()) != values.shape[:1] or values.ndim < 2:
        return values  # which is refused
    behind = np.arange(values.shape[1]) >= lengths[:, None]
    return np.where(behind.reshape(*behind.shape, *[1] * (values.ndim - 2)), 0.0, values)


class Ends:
    """Where the lists of a prediction end, block by block: what is found of them has as many entries."""

    def __init__(self, role: str) -> None:
        self.role, self._ends = role, list["Array"]()

    def add(self, values: "Array", rows: Sequence[int], start: int, stop: int) -> None:
        """Take the rows that are there of those from `start` up to `stop`; a list that is absent has no entries."""
        self._ends.append(in_place(own_lengths(values), rows, start, stop))

    def cut(self, blocks: "Sequence[Array]") -> "Array":
        """An array of arrays: of the rows of all blocks the entries before the ends."""
        ends = chain(np.concatenate(self._ends).astype(int).tolist(), repeat(0))
        return as_sequences([row[:end] for row, end in zip(chain(*blocks), ends, strict=False)])
