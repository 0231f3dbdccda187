"""Keys: cells as integers or as text, never one for the other; and at which row a key stands.

A column counts as integers as long as every cell of it is one, which is known at its end only. An integer's text is
always the same (`7`, never `007` or `+7`), so cells of a column that turns out to be text may be compared as text.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.errors import InputError
from losscli.formats import Labels, Texts
from losscli.formats.cells import printable
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from losscli.registry import Array

Place = Callable[[int], str]  # where a row of a block stands, its column too
INTEGERS, TEXT = "integers", "text"
_ABSENT = frozenset({"", "nan", "NaN", "NAN", "<NA>", "null", "NULL"})  # as pandas, NumPy and databases write it
_EXACT = 2**53  # beyond it a float is several integers
_CHUNK = 1 << 18  # keys hashed at a time
_DENSE = 4  # a range of at most so many times the keys is looked up in a table


class Part(NamedTuple):
    """A key column of a block: `ints` where every cell is an integer of 64 bits, else `texts`. `text_row` is the first
    row whose cell is no integer, if any is.
    """

    ints: "Array | None"
    texts: "list[str] | None" = None
    text_row: int | None = None

    @staticmethod
    def of(values: Any, place: Place) -> "Part":
        """The cells of a column. Raises InputError for a missing key, and for numbers that are no integers."""
        is_text = isinstance(values, (Labels, Texts))
        return _of_text(values, place) if is_text else _of_numbers(values, place)

    def __len__(self) -> int:
        return len(self.texts or ()) if self.ints is None else len(self.ints)

    @property
    def as_texts(self) -> list[str]:
        return [str(v) for v in self.ints.tolist()] if self.ints is not None else self.texts or []

    def take(self, rows: "Array") -> "Part":
        if self.ints is not None:
            return Part(self.ints[rows])
        texts = [(self.texts or [])[i] for i in rows.tolist()]
        return Part(None, texts, next((i for i, t in enumerate(texts) if not _is_integer(t)), None))


def _of_text(values: Any, place: Place) -> Part:
    ints = values.integers() if isinstance(values, Texts) else None
    if ints is not None:
        return Part(ints)
    texts = [text or "" for text in cells_of(values)]
    if not _ABSENT.isdisjoint(texts):
        _refuse_missing(place(next(i for i, t in enumerate(texts) if t in _ABSENT)))
    try:
        numbers = [int(t) for t in texts]
    except ValueError:
        return Part(None, texts, _first_text(texts))
    if [str(n) for n in numbers] != texts:
        return Part(None, texts, _first_text(texts))
    return _of_integers(numbers)


def cells_of(values: "Labels | Texts") -> list[Any]:
    """The cells of a column of text, None for those that are missing."""
    if isinstance(values, Texts):
        return values.tolist()
    return [values.names[code] if code >= 0 else None for code in values.codes.tolist()]


def _is_integer(text: str) -> bool:
    try:
        return str(int(text)) == text
    except ValueError:
        return False


def _first_text(texts: Sequence[str]) -> int:
    return next(i for i, text in enumerate(texts) if not _is_integer(text))


def _of_integers(numbers: Sequence[int]) -> Part:
    try:
        return Part(np.array(numbers, np.int64))
    except OverflowError:
        return Part(None, [str(n) for n in numbers])


def _of_numbers(values: "Array", place: Place) -> Part:
    if values.ndim != 1:
        raise InputError(f"{place(0)}: a list is no key; keys are integers or text")
    if values.dtype.kind in "bi" or (values.dtype.kind == "u" and int(values.max(initial=0)) < 2**63):
        return Part(values.astype(np.int64, copy=False))
    if values.dtype.kind == "u":
        return _of_integers(values.tolist())
    if values.dtype.kind == "f":
        return Part(_whole(values, place))
    return _of_integers([_as_integer(v, i, place) for i, v in enumerate(values.tolist())])


def _as_integer(value: Any, row: int, place: Place) -> int:
    if isinstance(value, int):
        return value
    number = np.array([np.nan if value is None else value], np.float64)
    return int(_whole(number, lambda _: place(row))[0])


def _whole(values: "Array", place: Place) -> "Array":
    """Whole floats as integers: what pandas makes of integers beside a missing value."""
    values = values.astype(np.float64, copy=False)  # a float16 does not know of 2^53
    fine = (np.abs(values) <= _EXACT) & (values == np.floor(values))
    if not fine.all():
        row = int(np.argmin(fine))
        if np.isnan(values[row]):
            _refuse_missing(place(row))
        why = "is no integer" if np.abs(values[row]) <= _EXACT else "may have been rounded"
        raise InputError(
            f"{place(row)}: key {format_number(float(values[row]))} {why}; keys are integers, saved as such, or text"
        )
    whole: Array = values.astype(np.int64)
    return whole


def _refuse_missing(place: str) -> None:
    raise InputError(f"{place}: missing key; take out the row, or give it a key")


@dataclass
class Column:
    """A key column of a whole file, block by block: integers, until a cell is none.

    `of_integer` and `of_text` are an example of each kind, with its place.
    """

    of_integer: str = ""
    of_text: str = ""
    parts: "list[Array]" = field(default_factory=list)
    texts: list[str] | None = None

    def watch(self, part: Part, place: Place) -> None:
        """Take note of the kind of some more cells."""
        if part.text_row is not None and not self.of_text:
            self.of_text = f"{shown(part, part.text_row)} in {place(part.text_row)}"
        if not self.of_integer and len(part) and part.text_row != 0:
            self.of_integer = f"{shown(part, 0)} in {place(0)}"

    def add(self, part: Part, place: Place) -> None:
        """Take some more cells."""
        self.watch(part, place)
        if self.texts is None and part.ints is not None:
            self.parts.append(part.ints)
            return
        if self.texts is None:
            self.texts = [str(v) for ints in self.parts for v in ints.tolist()]
            self.parts.clear()
        self.texts += part.as_texts

    @property
    def kind(self) -> str:
        return TEXT if self.of_text else INTEGERS

    @property
    def example(self) -> str:
        return self.of_text or self.of_integer

    def whole(self) -> Part:
        """All cells; the parts are given up."""
        if self.texts is not None:
            return Part(None, self.texts, 0 if self.of_text else None)
        ints = np.concatenate(self.parts) if self.parts else np.empty(0, np.int64)
        self.parts.clear()
        return Part(ints)


def shown(part: Part, row: int) -> str:
    """A cell as a message shows it: text in quotes."""
    if part.ints is not None:
        return str(part.ints[row])
    text = (part.texts or [])[row]
    return text if _is_integer(text) and part.text_row is None else printable(text.encode())


class Dense(NamedTuple):
    """Where integers stand that fill their range: a table from the least to the largest, -1 where there is none."""

    low: int
    table: "Array"
    is_unique: bool

    @staticmethod
    def of(values: "Array", low: int, high: int, dtype: Any) -> "Dense":
        table = np.full(high - low + 1, -1, dtype)
        table[values - low] = np.arange(len(values), dtype=dtype)
        return Dense(low, table, np.count_nonzero(table >= 0) == len(values))

    def find(self, values: "Array") -> "Array":
        """The rows of the values, -1 for those that are not there."""
        inside = (values >= self.low) & (values < self.low + len(self.table))
        if inside.all():
            rows: Array = self.table[values - self.low]
            return rows
        rows = np.full(len(values), -1, self.table.dtype)
        rows[inside] = self.table[values[inside] - self.low]
        return rows


@dataclass
class Hashed:
    """Where integers of any range stand: a hash table of their rows, probed one slot after another, many at a time.

    Takes a third of the time of a sort and a search.
    """

    values: "Array"
    table: "Array"
    is_unique: bool = True

    @staticmethod
    def of(values: "Array", dtype: Any) -> "Hashed":
        found = Hashed(values, np.full(1 << (2 * len(values)).bit_length(), -1, dtype))
        for start in range(0, len(values), _CHUNK):
            found._insert(np.arange(start, min(start + _CHUNK, len(values)), dtype=dtype))
        return found

    def _insert(self, rows: "Array") -> None:
        values = self.values[rows]
        slots = self._slots(values)
        while len(rows):
            empty = self.table[slots] < 0
            self.table[slots[empty]] = rows[empty]  # of several rows one gets the slot
            there = self.table[slots]
            lost = there != rows
            again = lost & (self.values[there] == values)
            if again.any():
                self.is_unique, lost = False, lost & ~again
            rows, values, slots = rows[lost], values[lost], (slots[lost] + 1) & (len(self.table) - 1)

    def _slots(self, values: "Array") -> "Array":
        """Any pattern of the values is scattered over the table."""
        bits = values.view(np.uint64)
        bits = (bits ^ (bits >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        slots: Array = (bits >> np.uint64(65 - len(self.table).bit_length())).astype(np.int64)
        return slots

    def find(self, values: "Array") -> "Array":
        """The rows of the values, -1 for those that are not there."""
        values = np.ascontiguousarray(values)
        slots = self._slots(values)
        found = self.table[slots]
        wrong = np.flatnonzero((found >= 0) & (self.values[found] != values))
        while len(wrong):
            slots[wrong] = (slots[wrong] + 1) & (len(self.table) - 1)
            there = self.table[slots[wrong]]
            found[wrong] = there
            wrong = wrong[(there >= 0) & (self.values[there] != values[wrong])]
        return found


def index_of(values: "Array") -> Dense | Hashed:
    """Where each of some integers stands; of one that stands there several times, somewhere."""
    dtype = np.int32 if len(values) < 2**31 else np.int64
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, -1)
    if high - low < _DENSE * len(values) + 1024:
        return Dense.of(values, low, high, dtype)
    return Hashed.of(np.ascontiguousarray(values), dtype)


class Keys:
    """The keys of a whole file: single cells, or one of each of several columns."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.parts = [column.whole() for column in columns]
        self._texts: list[dict[str, int] | None] = []
        codes = [self._numbered(part) for part in self.parts]
        self._steps: list[_Step] = []
        self.codes = codes[0]
        for values in codes[1:]:
            step, self.codes = _Step.of(self.codes, values)
            self._steps.append(step)
        self.index = index_of(self.codes)

    def __len__(self) -> int:
        return len(self.codes)

    def _numbered(self, part: Part) -> "Array":
        """A column as integers: text by the row of its last appearance."""
        if part.ints is not None:
            self._texts.append(None)
            return part.ints
        texts = part.as_texts
        numbers = dict(zip(texts, range(len(texts)), strict=True))
        self._texts.append(numbers)
        if len(numbers) == len(texts):
            return np.arange(len(texts))
        return np.fromiter(map(numbers.__getitem__, texts), np.int64, len(texts))

    def find(self, parts: Sequence[Part]) -> "Array":
        """The rows at which keys stand, -1 where they do not."""
        found = [_coded(part, numbers) for part, numbers in zip(parts, self._texts, strict=True)]
        codes, known = found[0]
        for step, (values, are_known) in zip(self._steps, found[1:], strict=True):
            codes, exist = step.find(codes, values)
            known = known & are_known & exist
        rows: Array = self.index.find(codes)
        rows[~known] = -1
        return rows

    def repeated(self) -> "Array":
        """The rows whose key stands in a row before."""
        if self.index.is_unique:
            return np.empty(0, np.int64)
        order = np.argsort(self.codes, kind="stable")  # the first of each key before the others
        again: Array = order[1:][self.codes[order[1:]] == self.codes[order[:-1]]]
        again.sort()
        return again

    def shown(self, row: int) -> str:
        return key_shown(self.parts, row)


def key_shown(parts: Sequence[Part], row: int) -> str:
    """A key as a message shows it: `7`, `'a'`, or `(7, 'a')`."""
    cells = [shown(part, row) for part in parts]
    return cells[0] if len(cells) == 1 else f"({', '.join(cells)})"


def _coded(part: Part, numbers: dict[str, int] | None) -> "tuple[Array, Any]":
    """The cells of a block as the integers that they are in a whole file, and which of them have one."""
    if numbers is not None:
        codes = np.fromiter(map(numbers.get, part.as_texts, repeat(-1)), np.int64, len(part))
        return codes, codes >= 0
    if part.ints is not None:
        return part.ints, np.True_
    wide = [int(t) for t in part.as_texts]  # some have no 64 bits, and so no like
    fits = [-(2**63) <= n < 2**63 for n in wide]
    return np.array([n if fit else 0 for n, fit in zip(wide, fits, strict=True)], np.int64), np.array(fits)


class _Step(NamedTuple):
    """Two columns of integers as one: each by the rank of its value, so that no pair is too large for 64 bits."""

    first: Dense | Hashed
    second: Dense | Hashed
    width: int

    @staticmethod
    def of(first: "Array", second: "Array") -> "tuple[_Step, Array]":
        firsts, ranks = np.unique(first, return_inverse=True)
        seconds, others = np.unique(second, return_inverse=True)
        step = _Step(index_of(firsts), index_of(seconds), len(seconds))
        return step, ranks * len(seconds) + others

    def find(self, first: "Array", second: "Array") -> "tuple[Array, Array]":
        ranks, others = self.first.find(first).astype(np.int64), self.second.find(second)
        return ranks * self.width + others, (ranks >= 0) & (others >= 0)


def listed(count: int, what: str, examples: Iterable[str]) -> str:
    """`2 rows of b.csv repeat a key: 7 (b.csv:4), 8 (b.csv:5)`, of which the first few are there."""
    found = list(examples)
    return f"{count} {what}: {', '.join(found)}{', …' if count > len(found) else ''}"
