"""Several files as one table: their rows follow one another, and their columns are the same."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from losscli.errors import InputError, UsageError
from losscli.formats.base import Block, Column, Labels, Pick, Reader
from losscli.formats.paths import misleading_order, parts_in, split_member
from losscli.formats.source import changed, stamp
from losscli.formats.widths import Widths

_MANY = 16  # parts that take long to open, however short they are


class _Model(NamedTuple):
    """The part that the others have to be like: the first whose columns have names, or else the first."""

    name: str
    columns: tuple[Column, ...]
    headed: bool
    doubtful: frozenset[int]


class PartsReader:
    """Files read one after the other, each by its own reader, and open only while it is read.

    Each is looked at when the table is opened, so that one that does not fit is refused before any is read. Places
    name the part and the line or row in it.
    """

    def __init__(self, given: Sequence[str], open_part: Callable[[str], Reader]) -> None:
        self._open = open_part
        self._part: Reader | None = None
        self._notes: dict[str, None] = {}  # each once, in order: a part is opened more than once
        self._folders: dict[str, list[str]] = {}
        self._paths = [part for path in given for part in self._parts_of(path)]
        self._stamps = [_stamp(path) for path in self._paths]  # each is opened more than once
        self.name = given[0] if len(given) == 1 else _called(self._paths)
        self._note_repeated()
        self._rows: list[int | None] = []
        self.is_long, self.is_matrix = len(self._paths) > _MANY, True
        self.row_shape: tuple[int, ...] = ()
        self._model = self._look()
        _, self.columns, self.headed, self.doubtful = self._model

    def _parts_of(self, path: str) -> list[str]:
        if not os.path.isdir(path):
            return [path]
        parts = self._folders[path] = parts_in(path)
        if order := misleading_order(parts):
            self._note(f"{path}: its parts are taken in name order, '{order[0]}' before '{order[1]}'")
        return parts

    def _note(self, text: str) -> None:
        self._notes.setdefault(text)

    def _note_repeated(self) -> None:
        seen = set()
        for path in self._paths:
            if (real := os.path.realpath(path)) in seen:
                self._note(f"{path}: is a part more than once")
            seen.add(real)

    def _look(self) -> _Model:
        """Every part once: do they have the same columns, how many rows, are they long."""
        model = _Model("", (), False, frozenset())  # of no part yet
        formats: list[str] = []
        nameless: list[str] = []
        for path in self._paths:
            with self._opened(path) as part:
                model = _model(part, model)
                self._rows.append(part.rows)
                self.is_long |= part.is_long
                self.is_matrix &= part.is_matrix
                if self._rows[1:] and part.row_shape != self.row_shape:
                    raise InputError(f"{part.name}: rows have shape {part.row_shape}, those before {self.row_shape}")
                self.row_shape = part.row_shape
                formats.append(part.format)
                nameless += [] if part.headed else [part.name]
        self.format = "+".join(dict.fromkeys(formats))
        if model.headed and nameless and len(model.columns) > 1:
            self._note(f"{_called(nameless)}: columns without names, taken in the order of {model.name}")
        return model

    @contextmanager
    def _opened(self, path: str) -> Iterator[Reader]:
        _refuse_no_file(path)
        self._part = part = self._open(path)
        try:
            yield part
        finally:
            for note in part.notes:
                self._note(note)
            part.close()
            self._part = None

    @property
    def rows(self) -> int | None:
        """How many rows there are in all, where every part says so beforehand."""
        known = [rows for rows in self._rows if rows is not None]
        return sum(known) if len(known) == len(self._rows) else None

    @property
    def notes(self) -> list[str]:
        """Of the order of the parts, and those of the parts."""
        return list(self._notes)

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """The blocks of the parts, one part after the other."""
        first: Block | None = None
        widths = Widths()
        for path, rows, before in zip(self._paths, self._rows, self._stamps, strict=True):
            with self._opened(path) as part:
                _refuse_other_columns(part, self._model)
                if part.rows != rows:  # the number of rows may have been divided by already
                    raise changed(part.name, f": it had {rows} rows, now {part.rows}")
                for block in part.read(picks, size):
                    first = first or block
                    self._refuse_other_widths(block, first, picks)
                    self._watch_widths(widths, block, picks)
                    yield block
                if _stamp(path) != before:
                    raise changed(part.name)
        for folder, parts in self._folders.items():
            if parts_in(folder) != parts:
                raise changed(folder, ": there are other parts in it")

    def _refuse_other_widths(self, block: Block, first: Block, picks: Sequence[Pick]) -> None:
        """Vectors are as long in every part, which no header says."""
        for pick, values, expected in zip(picks, block.values, first.values, strict=True):
            if isinstance(values, Labels) or isinstance(expected, Labels):
                continue
            if values.shape[1:] != expected.shape[1:]:
                column = self.columns[pick.columns[0]].name
                raise InputError(
                    f"{block.at(0)}, column '{column}': {_vectors(values.shape)}, where {first.at(0)} has "
                    f"{_vectors(expected.shape)}; parts of one table have the same columns"
                )

    def _watch_widths(self, widths: Widths, block: Block, picks: Sequence[Pick]) -> None:
        """Numbers are as exact in every part, whichever a fraction stands in."""
        for pick, values in zip(picks, block.values, strict=True):
            for k, j in enumerate(pick.columns if pick.form == "numbers" and values.dtype.kind in "fO" else ()):
                column = values[:, k] if values.ndim > 1 else values
                widths.watch(j, column, block.at, self.columns[j].name)

    def close(self) -> None:
        if self._part is not None:
            self._part.close()


def _stamp(path: str) -> tuple[int, ...] | None:
    file, _ = split_member(path)
    try:
        return stamp(os.stat(file))
    except (OSError, ValueError):  # it is refused when it is opened
        return None


def _called(names: Sequence[str]) -> str:
    more = len(names) - 1
    return names[0] + (f" +{more} part{'s' if more > 1 else ''}" if more else "")


def _vectors(shape: tuple[int, ...]) -> str:
    return f"vectors of {shape[1]}" if len(shape) > 1 else "numbers"


def _refuse_no_file(path: str) -> None:
    """A part is opened more than once, which only files bear. A pipe must not even be looked into."""
    if path == "-":
        raise UsageError("'-' is standard input, which cannot be one of several parts")
    file, _ = split_member(path)
    if os.path.exists(file) and not stat.S_ISREG(os.stat(file).st_mode):
        raise InputError(f"{path}: is a pipe or a device, which cannot be one of several parts; save it to a file")


def _model(part: Reader, model: _Model) -> _Model:
    """What the parts have to be like, after one more, which is refused where it is not."""
    if model.columns:
        _refuse_other_columns(part, model)
        if model.headed or not part.headed:
            return model
    return _Model(part.name, tuple(part.columns), part.headed, part.doubtful)


def _refuse_other_columns(part: Reader, model: _Model) -> None:
    found, expected = part.columns, model.columns
    end = "; parts of one table have the same columns in the same order"
    if len(found) != len(expected):
        raise InputError(f"{part.name}: has {_counted(part)}, where {model.name} has {_counted(model)}{end}")
    by_name = part.headed and model.headed
    for j, (column, other) in enumerate(zip(found, expected, strict=True)):
        if by_name and column.name != other.name:
            raise InputError(f"{part.name}: column {j} is '{column.name}', where {model.name} has '{other.name}'{end}")
        if column.vector != other.vector:
            has, had = ("vectors", "numbers") if column.vector else ("numbers", "vectors")
            raise InputError(f"{part.name}: column '{other.name}' holds {has}, where {model.name} has {had}{end}")


def _counted(part: Reader | _Model) -> str:
    count = len(part.columns)
    names = f" ({', '.join(c.name for c in part.columns[:8])}{' …' if count > 8 else ''})" if part.headed else ""
    return f"{count} column{'s' if count > 1 else ''}{names}"
