"""Blocks of several files, side by side: which row of one belongs to which of another."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from losscli.errors import InputError
from losscli.formats import Block, Pick, Reader

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
    check_known_rows([s.reader for s in streams])
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
    raise InputError(f"row counts differ: {said}; rows are paired by position and none is dropped{hint}")


def _header_hint(counts: Sequence[tuple[Reader, int]]) -> str:
    """A header of numbers, or a first row taken for a header, makes files differ by one row."""
    rows = sorted(count for _, count in counts)
    if all(reader.format != "csv" for reader, _ in counts):
        return ""
    return "; is a first row a header? --header or --no-header decides" if rows[-1] - rows[0] == 1 else ""
