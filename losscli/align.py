"""Rows that belong together by key: the first file streams in its own order, the others are held in memory."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.errors import InputError
from losscli.formats import Block, Labels, Pick, Reader
from losscli.keys import Column, Keys, Part, key_shown, listed
from losscli.lazy import np
from losscli.pairing import Paired, Pairing, Stream

if TYPE_CHECKING:
    from losscli.registry import Array

_SHOWN = 3  # keys that a refusal names
Columns = Sequence[tuple[int, ...]]  # of each file, the positions of the columns that make up its key


class ByKey(Pairing):
    """By key: the rows in the first file's order, each with those of the other files that have its key.

    The other files are read once, at the first scan, and held.
    """

    def __init__(self, readers: Sequence[Reader], columns: Columns, names: Sequence[str], intersect: bool) -> None:
        super().__init__(readers)
        self._columns, self.partial = columns, intersect
        self.signature = (f"id:{','.join(names)}", *(["ids:intersect"] if intersect else []))
        self._held: list[_Held] | None = None

    def _check(self) -> None:
        """Files may be of different length."""

    @property
    def known_rows(self) -> int | None:
        return self.readers[0].rows

    def paired(self, streams: Sequence[Stream], size: int) -> Iterator[Paired]:
        first, *others = [_Keyed(s, columns) for s, columns in zip(streams, self._columns, strict=True)]
        if self._held is None:
            self._held = [_Held.of(s, size) for s in others]
        scan = _Scan(first, self._held, self.partial)
        with ExitStack() as stack:
            for block in first.blocks(size, stack):
                yield from scan.pairs(block, size)
        scan.finish()
        self.read = {first.reader.name: scan.stop, **{h.reader.name: len(h.keys) for h in self._held}}
        self.unmatched = {name: rows - scan.matched for name, rows in self.read.items()} if self.partial else {}


class _Keyed(NamedTuple):
    """A file, with the columns that make up its key."""

    stream: Stream
    columns: tuple[int, ...]

    @property
    def reader(self) -> Reader:
        return self.stream.reader

    def blocks(self, size: int, stack: ExitStack) -> Iterator[Block]:
        """Its blocks, with the columns of the key behind the others."""
        picks = [*self.stream.picks, *(Pick((j,), True, True) for j in self.columns)]
        return Stream(self.reader, picks).blocks(size, stack)

    def keys(self, block: Block) -> "list[tuple[Part, _Place]]":
        """The key's cells in a block, and where they stand."""
        places = [_Place(self.reader, j, block) for j in self.columns]
        values = block.values[len(self.stream.picks) :]
        return [(Part.of(v, place), place) for v, place in zip(values, places, strict=True)]

    def others(self, block: Block) -> tuple[Any, ...]:
        """The values in a block that are not the key's."""
        return block.values[: len(self.stream.picks)]


@dataclass
class _Rows:
    """Where the rows of a whole file stand, for any row."""

    starts: list[int] = field(default_factory=list)
    places: list[tuple[Callable[[int], str], int]] = field(default_factory=list)
    count: int = 0

    def add(self, block: Block) -> None:
        self.starts.append(self.count)
        self.places.append((block.places, block.start))
        self.count += len(block)

    def at(self, row: int) -> str:
        k = bisect_right(self.starts, row) - 1
        place, start = self.places[k]
        return place(start + row - self.starts[k])


class _Held(NamedTuple):
    """A file in memory: the columns wanted of it, its keys, and where its rows stand."""

    reader: Reader
    values: list[Any]
    columns: list[Column]
    keys: Keys
    rows: _Rows

    @staticmethod
    def of(file: _Keyed, size: int) -> "_Held":
        """The whole file. Raises InputError for a key that is missing or repeated."""
        columns, rows = [Column() for _ in file.columns], _Rows()
        parts: list[list[Any]] = [[] for _ in file.stream.picks]
        with ExitStack() as stack:
            for block in file.blocks(size, stack):
                for column, (part, place) in zip(columns, file.keys(block), strict=True):
                    column.add(part, place)
                for found, values in zip(parts, file.others(block), strict=True):
                    found.append(values)
                rows.add(block)
        held = _Held(file.reader, [_joined(found) for found in parts], columns, Keys(columns), rows)
        held.refuse_repeated()
        return held

    def refuse_repeated(self) -> None:
        again = self.keys.repeated()
        if len(again):
            raise InputError(_repeated(self.reader, len(again), self.named(again)))

    def named(self, rows: "Array") -> list[str]:
        """The first few of some rows: their keys, and where they stand."""
        return [f"{self.keys.shown(row)} ({self.rows.at(row)})" for row in rows[:_SHOWN].tolist()]

    def block(self, rows: "Array") -> Block:
        """Some of its rows, in the order asked for."""
        return Block(tuple(_taken(values, rows) for values in self.values), lambda i: self.rows.at(int(rows[i])))


@dataclass(frozen=True)
class _Place:
    """Where a cell of a key stands."""

    reader: Reader
    column: int
    block: Block

    def __call__(self, row: int) -> str:
        place = self.block.at(row)
        if not self.reader.headed:
            return place
        name = self.reader.columns[self.column].name
        return f"{place}:{name}" if self.reader.format in ("csv", "jsonl") else f"{place}, column '{name}'"


def _repeated(reader: Reader, count: int, examples: Sequence[str]) -> str:
    what = f"rows of {reader.name} repeat a key" if count > 1 else f"row of {reader.name} repeats a key"
    return f"{listed(count, what, examples)}; a key stands for one row"


def _joined(parts: list[Any]) -> Any:
    """A column's blocks as one; the parts are given up. What a dtype has kept exact stays exact."""
    if isinstance(parts[0], Labels):
        numbers: dict[str, int] = {}
        codes = [_renumbered(part, numbers) for part in parts]
        parts.clear()
        return Labels(np.concatenate(codes), tuple(numbers))
    kinds = {part.dtype.kind for part in parts}
    if "f" in kinds and kinds & set("iu") and any(_is_wide(part) for part in parts):
        parts[:] = [part.astype(object) for part in parts]
    joined = np.concatenate(parts)
    parts.clear()
    return joined


def _is_wide(part: "Array") -> bool:
    """Whether there are integers that float64 does not hold."""
    return part.dtype.kind in "iu" and bool(part.size) and (int(part.max()) > 2**53 or int(part.min()) < -(2**53))


def _renumbered(part: Labels, numbers: dict[str, int]) -> "Array":
    codes: Array = np.array([*(numbers.setdefault(name, len(numbers)) for name in part.names), -1], np.int64)
    return codes[part.codes]


def _taken(values: Any, rows: "Array") -> Any:
    """The values of some rows; labels with the names that occur in them only, since a batch looks at every name."""
    if not isinstance(values, Labels) or len(values.names) <= len(rows):
        return values[rows]
    distinct, codes = np.unique(values.codes[rows], return_inverse=True)
    absent = int(distinct[:1].tolist() == [-1])
    return Labels(codes - absent, tuple(values.names[k] for k in distinct[absent:].tolist()))


@dataclass
class _Faults:
    """Rows with the same fault: their number, and the first few."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, count: int, named: "Callable[[int], list[str]]") -> None:
        self.count += count
        if count and len(self.first) < _SHOWN:
            self.first += named(_SHOWN - len(self.first))


class _Scan:
    """One pass over the first file. Faults are gathered to its end, as their number is told; from the first on, no rows
    are handed out.
    """

    def __init__(self, file: _Keyed, held: Sequence[_Held], intersect: bool) -> None:
        self._file, self._reader, self._held, self._intersect = file, file.reader, held, intersect
        self.stop = self.matched = 0
        self._columns = [Column() for _ in file.columns]  # their kinds
        self._seen = [np.zeros(len(h.keys), bool) for h in held]
        self._again, self._lost = _Faults(), [_Faults() for _ in held]
        self._lonely = _Lonely([Column() for _ in file.columns])  # keys that stand in no other file may be repeated too

    def pairs(self, block: Block, size: int) -> Iterator[Paired]:
        """The rows of a block with their partners, unless there is a fault."""
        while len(block):
            head, block = block.split(size)
            paired = self._pair(head)
            if not (self._again.count or any(lost.count for lost in self._lost)):
                yield paired

    def _pair(self, block: Block) -> Paired:
        parts = self._parts(block)
        found = [h.keys.find(parts) for h in self._held]
        for k, rows in enumerate(found):
            self._note(k, rows, parts, block)
        self._note_lonely(found, parts, block)
        kept = _common(found)
        first, self.stop = self.stop, self.stop + len(block)
        values = self._file.others(block)
        if kept is None:
            self.matched += len(block)
            numbers: Any = range(first, self.stop)
            here = Block(values, block.place, block.start)
        else:
            self.matched += len(kept)
            numbers, found = first + kept, [rows[kept] for rows in found]
            here = Block(tuple(v[kept] for v in values), lambda i: block.at(int(kept[i])))
        return Paired([here, *(h.block(rows) for h, rows in zip(self._held, found, strict=True))], numbers, self.stop)

    def _parts(self, block: Block) -> list[Part]:
        """The key's cells. Raises InputError where they are text, and another file's are integers."""
        found = self._file.keys(block)
        for column, (part, place) in zip(self._columns, found, strict=True):
            column.watch(part, place)
        self._check_kinds(at_end=False)
        return [part for part, _ in found]

    def _check_kinds(self, at_end: bool) -> None:
        """Text is known at once, integers at the end of the file only."""
        for k, column in enumerate(self._columns):
            for held in self._held:
                other = held.columns[k]
                if column.kind != other.kind and (at_end or column.of_text):
                    raise InputError(
                        f"the keys of {self._reader.name} are {column.kind} ({column.example}), those of "
                        f"{held.reader.name} {other.kind} ({other.example}); write them alike"
                        f"{_hint(column.of_text or other.of_text)}"
                    )

    def _note(self, k: int, rows: "Array", parts: Sequence[Part], block: Block) -> None:
        """What is missing of a file's partners, and what has been there before."""
        is_there = rows >= 0
        lost = np.flatnonzero(~is_there)
        if len(lost) and not self._intersect:
            self._lost[k].add(len(lost), lambda count: _named(parts, block, lost[:count]))
        hits = rows[is_there] if len(lost) else rows
        again = self._repeats(hits, self._seen[k]) if k == 0 else np.empty(0, np.int64)
        self._seen[k][hits] = True
        if len(again):
            at = np.flatnonzero(is_there)[again]
            self._again.add(len(at), lambda count: _named(parts, block, at[:count]))

    @staticmethod
    def _repeats(hits: "Array", seen: "Array") -> "Array":
        """Which of the hits have been hit before, in this block or in one before it."""
        before = seen[hits]
        ordered = np.sort(hits)
        if not before.any() and not (ordered[1:] == ordered[:-1]).any():
            return np.empty(0, np.int64)
        order = np.argsort(hits, kind="stable")
        before[order[1:]] |= hits[order[1:]] == hits[order[:-1]]
        return np.flatnonzero(before)

    def _note_lonely(self, found: "Sequence[Array]", parts: Sequence[Part], block: Block) -> None:
        rows = np.flatnonzero(found[0] < 0) if found else np.arange(len(block))
        if len(rows) and (self._intersect or not found):
            self._lonely.add([p if len(rows) == len(p) else p.take(rows) for p in parts], block, rows)

    def finish(self) -> None:
        """Refuse what was found."""
        self._check_kinds(at_end=True)
        again, named = self._lonely.repeated()
        self._again.add(again, lambda count: named[:count])
        said = [_repeated(self._reader, self._again.count, self._again.first)] if self._again.count else []
        if not self._intersect:
            missing = [m for k in range(len(self._held)) for m in self._missing(k)]
            said += [*missing, "--ids intersect keeps the rows that all files have"] if missing else []
        elif self._held and not self.matched:
            said.append(self._nothing_common())
        if said:
            raise InputError("; ".join(said))

    def _missing(self, k: int) -> Iterator[str]:
        held, lost = self._held[k], self._lost[k]
        if lost.count:
            yield listed(lost.count, _not_in(lost.count, self._reader, held.reader), lost.first)
        unseen = np.flatnonzero(~self._seen[k])
        if len(unseen):
            yield listed(len(unseen), _not_in(len(unseen), held.reader, self._reader), held.named(unseen))

    def _nothing_common(self) -> str:
        examples = [f"{self._reader.name} has {', '.join(c.example for c in self._columns)}"]
        examples += [f"{h.reader.name} {', '.join(c.example for c in h.columns)}" for h in self._held]
        return f"no key stands in all files: {', '.join(examples)}"


def _hint(example: str) -> str:
    """Whole numbers with a point are what pandas writes of integers beside a missing value."""
    whole = re.match(r"'([+-]?[0-9]+)\.0*'", example)
    return f": {whole[1]}.0 as {whole[1]} (in pandas, .astype('Int64') before it is saved)" if whole else ""


def _not_in(count: int, reader: Reader, other: Reader) -> str:
    return f"key{'s' if count > 1 else ''} of {reader.name} {'are' if count > 1 else 'is'} not in {other.name}"


def _common(found: "Sequence[Array]") -> "Array | None":
    """The rows that have a partner in each file; None for all."""
    if all(rows.min(initial=0) >= 0 for rows in found):
        return None
    return np.flatnonzero(np.logical_and.reduce([rows >= 0 for rows in found]))


def _named(parts: Sequence[Part], block: Block, rows: "Array") -> list[str]:
    return [f"{key_shown(parts, row)} ({block.at(row)})" for row in rows.tolist()]


@dataclass
class _Lonely:
    """The first file's keys that stand in no other."""

    columns: list[Column]
    rows: _Rows = field(default_factory=_Rows)
    numbers: "list[Array]" = field(default_factory=list)

    def add(self, parts: Sequence[Part], block: Block, rows: "Array") -> None:
        for column, part in zip(self.columns, parts, strict=True):
            column.add(part, block.at)
        self.numbers.append(self.rows.count + rows)
        self.rows.add(block)

    def repeated(self) -> tuple[int, list[str]]:
        """How many of them repeat a key, and the first few."""
        if not self.numbers:
            return 0, []
        keys, numbers = Keys(self.columns), np.concatenate(self.numbers)
        again = keys.repeated()
        return len(again), [f"{keys.shown(r)} ({self.rows.at(int(numbers[r]))})" for r in again[:_SHOWN].tolist()]
