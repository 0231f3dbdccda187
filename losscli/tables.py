"""From files to batches: rows paired by position, labels, weights, missing values.

No row is ever dropped or shifted: files of different length are refused, and a row of weight 0 is absent by request
only.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.columns import SHOW, Binding
from losscli.errors import BadValueError, InputError
from losscli.formats import Block, Labels, Reader
from losscli.labels import class_names, in_class_order, indices
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Batch(NamedTuple):
    """Rows of all roles side by side.

    `rows` are their row numbers, `stop` the number of rows read so far, `shown` the columns to be shown beside a
    sample's loss. `at` says where a role's row stands in its file.
    """

    arrays: "Mapping[str, Array]"
    weight: "Array | None"
    rows: Sequence[int]
    stop: int
    shown: "Mapping[str, Any]"
    at: Callable[[str, int, int | None], str]


class Table:
    """All bindings read side by side; `rows` and `classes` are known when `batches` has ended.

    A binding whose role is `show:NAME` is a column that is shown beside a sample's loss, and plays no other part.
    """

    def __init__(self, bindings: Sequence[Binding], size: int) -> None:
        self.size, self.rows = size, 0
        self.classes = class_names(bindings)
        self.bindings = [in_class_order(b, self.classes) for b in bindings]
        self._check_known_rows()

    def batches(self) -> Iterator[Batch]:
        """The rows in order. Raises InputError for files of different length, missing values and bad weights."""
        self.rows = 0
        groups = list({id(b.reader): b.reader for b in self.bindings}.values())
        members = [[b for b in self.bindings if b.reader is reader] for reader in groups]
        missing = _Missing()
        with ExitStack() as stack:
            streams = [r.read([b.pick for b in m], self.size) for r, m in zip(groups, members, strict=True)]
            streams = [_ahead(s, stack) if r.is_long else s for s, r in zip(streams, groups, strict=True)]
            for blocks in self._side_by_side(streams, groups):
                batch = self._batch(
                    {b.role: (block, k) for block, m in zip(blocks, members, strict=True) for k, b in enumerate(m)}
                )
                self.rows += len(blocks[0])
                if batch is not None and not missing.find(batch):
                    yield batch
        missing.refuse()

    def _side_by_side(self, streams: list[Iterator[Block]], readers: list[Reader]) -> Iterator[list[Block]]:
        """Blocks of equal length from every stream, to their common end."""
        waiting: list[Block | None] = [None] * len(streams)
        while True:
            waiting = [block if block else next(stream, None) for block, stream in zip(waiting, streams, strict=True)]
            blocks = [block for block in waiting if block]
            if not blocks:
                return
            if len(blocks) < len(waiting):
                self._refuse_lengths(waiting, streams, readers)
            rows = min(self.size, *(len(block) for block in blocks))
            parts = [block.split(rows) for block in blocks]
            yield [head for head, _ in parts]
            waiting = [rest if len(rest) else None for _, rest in parts]

    def _refuse_lengths(
        self, waiting: Sequence[Block | None], streams: list[Iterator[Block]], readers: list[Reader]
    ) -> None:
        counts = [
            self.rows + (len(block) if block else 0) + sum(len(more) for more in stream)
            for block, stream in zip(waiting, streams, strict=True)
        ]
        self._refuse_counts(list(zip(readers, counts, strict=True)))

    @property
    def known_rows(self) -> int | None:
        """How many rows there are, where a file says so beforehand."""
        return next((b.reader.rows for b in self.bindings if b.reader.rows is not None), None)

    def _check_known_rows(self) -> None:
        readers = list({id(b.reader): b.reader for b in self.bindings}.values())
        known = [(r, r.rows) for r in readers if r.rows is not None]
        if len({rows for _, rows in known}) > 1:
            self._refuse_counts(known)

    def _refuse_counts(self, counts: Sequence[tuple[Reader, int]]) -> None:
        said = ", ".join(f"{r.name} has {rows} row{'s' if rows != 1 else ''}" for r, rows in counts)
        hint = _header_hint(counts)
        raise InputError(f"row counts differ: {said}; rows are paired by position and none is dropped{hint}")

    def _batch(self, found: Mapping[str, tuple[Block, int]]) -> Batch | None:
        """The batch of blocks of equal length, without the rows of weight 0; None when no row is left."""
        blocks = {role: block for role, (block, _) in found.items()}
        values = {role: block.values[k] for role, (block, k) in found.items()}
        stop = self.rows + len(next(iter(blocks.values())))
        rows: Sequence[int] = range(self.rows, stop)
        weight = _weight(values.pop("weight"), blocks["weight"]) if "weight" in values else None
        kept: Array | None = None
        if weight is not None and not weight.all():
            kept = np.flatnonzero(weight)
            values, weight = {role: v[kept] for role, v in values.items()}, weight[kept]
            rows = [rows[i] for i in kept.tolist()]
        if len(rows) == 0:
            return None
        asked = [b.role for b in self.bindings if b.role.startswith(SHOW)]
        shown = {role.removeprefix(SHOW): _texts(values[role]) for role in asked}
        values = {role: v for role, v in values.items() if not role.startswith(SHOW)}
        at = _Places(blocks, {b.role: b for b in self.bindings}, kept).at
        arrays = {role: self._array(role, v, at) for role, v in values.items()}
        return Batch(arrays, weight, rows, stop, shown, at)

    def _array(self, role: str, values: "Array | Labels", at: Callable[[str, int, int | None], str]) -> "Array":
        if isinstance(values, Labels) or any(b.role == role and b.labels for b in self.bindings):
            return indices(role, values, self.classes, at)
        return values


_AHEAD = 2  # blocks of a file read before they are asked for: files whose blocks end at different rows keep in step


def _ahead(stream: Iterator[Block], stack: ExitStack) -> Iterator[Block]:
    """The same blocks, read and decoded by another thread while those before them are computed with."""
    from concurrent.futures import ThreadPoolExecutor  # takes a while to import

    thread = stack.enter_context(ThreadPoolExecutor(1))
    coming = deque(thread.submit(next, stream, None) for _ in range(_AHEAD))
    while (block := coming.popleft().result()) is not None:
        coming.append(thread.submit(next, stream, None))
        yield block


class _Places(NamedTuple):
    blocks: Mapping[str, Block]
    bindings: Mapping[str, Binding]
    kept: "Array | None"

    def at(self, role: str, row: int, column: int | None) -> str:
        """`preds.csv:3:y_pred`: file, line or row, and column where it has a name."""
        original = row if self.kept is None else int(self.kept[row])
        binding = self.bindings[role]
        place = self.blocks[role].at(original)
        single = len(binding.columns) == 1
        if not binding.reader.headed or (column is None and not single):
            return place if column is None or single else f"{place}, column {column}"
        name = binding.names[0 if single else column or 0]
        return f"{place}:{name}" if binding.reader.format == "csv" else f"{place}, column '{name}'"


@dataclass
class _Missing:
    """Missing values are counted to the end of the files, and then refused, with the first place."""

    count: int = 0
    first: str = ""

    def find(self, batch: Batch) -> bool:
        """Whether the batch, or one before it, has missing values."""
        for role, array in batch.arrays.items():
            if array.dtype.kind == "f" and not np.isnan(array.min(initial=0.0)):  # the least is NaN if any is
                continue
            if array.dtype.kind in "fO" and (absent := np.not_equal(array, array)).any():  # NaN is not itself
                index = np.unravel_index(int(np.argmax(absent)), absent.shape)
                place = batch.at(role, int(index[0]), int(index[1]) if absent.ndim == 2 else None)
                self.first, self.count = self.first or place, self.count + int(absent.sum())
        return self.count > 0

    def refuse(self) -> None:
        if self.count:
            plural = "s" if self.count > 1 else ""
            where = f"{self.count} missing value{plural}, the first here" if plural else "missing value"
            raise InputError(f"{self.first}: {where}; fill in or take out the row in every file")


def _texts(values: "Array | Labels") -> "Array":
    """A column as it is shown: text as it stands in the file, numbers as numbers; None for a missing value."""
    if not isinstance(values, Labels):
        return values
    return np.array([*values.names, None], dtype=object)[values.codes]


def _header_hint(counts: Sequence[tuple[Reader, int]]) -> str:
    """A header of numbers, or a first row taken for a header, makes files differ by one row."""
    rows = sorted(count for _, count in counts)
    if all(reader.format != "csv" for reader, _ in counts):
        return ""
    return "; is a first row a header? --header or --no-header decides" if rows[-1] - rows[0] == 1 else ""


def _weight(values: "Array | Labels", block: Block) -> "Array":
    if isinstance(values, Labels) or values.ndim != 1:
        raise InputError(f"{block.at(0)}: the weight is one column of numbers")
    weight = np.ascontiguousarray(values, np.float64)
    wrong = ~((weight >= 0) & np.isfinite(weight))
    if wrong.any():
        row = int(np.argmax(wrong))
        found = "missing weight" if np.isnan(weight[row]) else f"weight {format_number(weight[row])}"
        raise InputError(f"{block.at(row)}: {found}; a weight is a finite number >= 0")
    return weight


def refused_at(error: BadValueError, batch: Batch) -> InputError:
    """The same refusal, with the place in the file in front."""
    return InputError(f"{batch.at(error.role, error.row, error.column)}: {error.what}")
