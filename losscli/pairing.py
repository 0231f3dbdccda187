"""Blocks of several files, side by side: which row of one belongs to which of another.

Here by position, and columns of one name that look like keys have to agree; `align.py` pairs by key.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from losscli.errors import InputError, RowCountError
from losscli.formats import Block, Labels, Pick, Reader, Texts
from losscli.formats.cells import printable
from losscli.lazy import np
from losscli.literals import parse_number

_AHEAD = 2  # blocks of a file read before they are asked for: files whose blocks end at different rows keep in step


class Paired(NamedTuple):
    """Rows that belong together: a block of each file, all of one length.

    `rows` are their row numbers in the first file, `stop` the number of its rows passed so far.
    """

    blocks: Sequence[Block]
    rows: Any  # a range, or an array
    stop: int


class Stream(NamedTuple):
    """A file and the columns of it that are wanted."""

    reader: Reader
    picks: Sequence[Pick]

    def blocks(self, size: int, stack: ExitStack) -> Iterator[Block]:
        """Its blocks; those of a long file are read and decoded ahead by a thread, until the stack is closed."""
        found = self.reader.read(self.picks, size)
        return _ahead(found, stack) if self.reader.is_long else found


def _ahead(stream: Iterator[Block], stack: ExitStack) -> Iterator[Block]:
    from concurrent.futures import ThreadPoolExecutor  # takes a while to import

    thread = stack.enter_context(ThreadPoolExecutor(1))
    coming = deque(thread.submit(next, stream, None) for _ in range(_AHEAD))
    while (block := coming.popleft().result()) is not None:
        coming.append(thread.submit(next, stream, None))
        yield block


def by_position(streams: Sequence[Stream], size: int) -> Iterator[Paired]:
    """Row by row. Raises InputError for files of different length."""
    with ExitStack() as stack:
        yield from _side_by_side(streams, [s.blocks(size, stack) for s in streams], size)


def _side_by_side(streams: Sequence[Stream], sources: Sequence[Iterator[Block]], size: int) -> Iterator[Paired]:
    waiting: list[Block | None] = [None] * len(sources)
    start = 0
    while True:
        waiting = [block if block else next(source, None) for block, source in zip(waiting, sources, strict=True)]
        blocks = [block for block in waiting if block]
        if not blocks:
            return
        if len(blocks) < len(waiting):
            counts = [
                start + (len(block) if block else 0) + sum(len(more) for more in source)
                for block, source in zip(waiting, sources, strict=True)
            ]
            _refuse([(s.reader, count) for s, count in zip(streams, counts, strict=True)])
        rows = min(size, *(len(block) for block in blocks))
        parts = [block.split(rows) for block in blocks]
        yield Paired([head for head, _ in parts], range(start, start + rows), start + rows)
        start += rows
        waiting = [rest if len(rest) else None for _, rest in parts]


def check_known_rows(readers: Sequence[Reader]) -> None:
    """Refuse files of different length before they are read, where they say how many rows they have."""
    known = [(r, r.rows) for r in readers if r.rows is not None]
    if len({rows for _, rows in known}) > 1:
        _refuse(known)


def _refuse(counts: Sequence[tuple[Reader, int]]) -> None:
    said = ", ".join(f"{r.name} has {rows} row{'s' if rows != 1 else ''}" for r, rows in counts)
    hint = _header_hint(counts)
    raise RowCountError(f"row counts differ: {said}; rows are paired by position and none is dropped{hint}")


def _header_hint(counts: Sequence[tuple[Reader, int]]) -> str:
    """A header of numbers, or a first row taken for a header, makes files differ by one row."""
    rows = sorted(count for _, count in counts)
    if all(reader.format != "csv" for reader, _ in counts):
        return ""
    return "; is a first row a header? --header or --no-header decides" if rows[-1] - rows[0] == 1 else ""


class Pairing:
    """How the rows of several files belong together: by position.

    `read` says after a scan how many rows each file has, `unmatched` how many of them have no partner.
    """

    partial = False  # whether rows may be left out
    signature: tuple[str, ...] = ()  # what an equal signature of a result has to agree in

    def __init__(self, readers: Sequence[Reader], alike: "Sequence[Alike]" = ()) -> None:
        self.readers, self._alike = readers, alike
        self.read: dict[str, int] = {}
        self.unmatched: dict[str, int] = {}
        self._check()

    def _check(self) -> None:
        check_known_rows(self.readers)

    @property
    def known_rows(self) -> int | None:
        """How many rows there are, where a file says so beforehand."""
        return next((r.rows for r in self.readers if r.rows is not None), None)

    def paired(self, streams: Sequence[Stream], size: int) -> Iterator[Paired]:
        """The rows in the first file's order. Raises InputError for rows that do not belong together."""
        rows = 0
        picks = [
            [Pick((a.columns[k],), True, True) for a in self._alike if k in a.columns] for k in range(len(streams))
        ]
        wider = [Stream(s.reader, [*s.picks, *more]) for s, more in zip(streams, picks, strict=True)]
        for paired in by_position(wider, size):
            self._compare(paired, [len(s.picks) for s in streams])
            rows = paired.stop
            yield paired
        self.read = {s.reader.name: rows for s in streams}

    def _compare(self, paired: Paired, widths: Sequence[int]) -> None:
        found = [iter(block.values[width:]) for block, width in zip(paired.blocks, widths, strict=True)]
        for alike in self._alike:
            (first, values), *others = [(k, next(found[k])) for k in sorted(alike.columns)]
            for k, other in others:
                row = _first_difference(values, other)
                if row is not None:
                    places = [
                        f"{_cell(v, row)} in {paired.blocks[j].at(row)}" for j, v in ((first, values), (k, other))
                    ]
                    alike.refuse(places)


class Alike(NamedTuple):
    """A column that several files have, and that is named like a key: by file, its position."""

    name: str
    columns: dict[int, int]

    def refuse(self, places: Sequence[str]) -> None:
        called, key = (f"column '{self.name}'", self.name) if self.name else ("the column without a name", "0")
        raise InputError(
            f"{called} differs: {', '.join(places)}; rows are paired by position: "
            f"put them in one order, or say --id {key} to pair them by it"
        )


def _first_difference(values: Any, others: Any) -> int | None:
    """The first row in which two columns differ. Numbers are compared as numbers, however they are written."""
    if _are_same(values, others):
        return None
    first, second = _plain(values), _plain(others)
    if first == second:
        return None
    return next((k for k, (a, b) in enumerate(zip(first, second, strict=True)) if _number(a) != _number(b)), None)


def _are_same(values: Any, others: Any) -> bool:
    """Whether two columns are equal as they were read: a cheap look, which may be wrong about unequal ones."""
    if isinstance(values, Labels) or isinstance(others, Labels):
        return False
    if isinstance(values, Texts) and isinstance(others, Texts):
        return values == others
    arrays = [v.integers() if isinstance(v, Texts) else v for v in (values, others)]
    return arrays[0] is not None and arrays[1] is not None and np.array_equal(arrays[0], arrays[1])


def _plain(values: Any) -> list[Any]:
    if isinstance(values, (Labels, Texts)):
        from losscli.keys import cells_of  # only where text is named like a key

        return cells_of(values)
    absent = np.not_equal(values, values)  # NaN is not itself
    return [None if is_absent else v for v, is_absent in zip(values.tolist(), absent, strict=True)]


def _number(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    number = parse_number(cell)
    return cell if number is None else number


def _cell(values: Any, row: int) -> str:
    cell = _plain(values[row : row + 1])[0]
    if cell is None:
        return "nothing"
    return printable(cell.encode()) if isinstance(_number(cell), str) else str(cell)
