"""One pass over a column, or over several that belong together: what there is to count, block by block."""

import re
from collections.abc import Callable
from datetime import date
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.formats.cells import printable
from losscli.inspection.cells import Cells
from losscli.inspection.findings import MOST, Facts, VectorFacts
from losscli.keys import Part
from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.registry import Array

Place = Callable[[int], str]
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)([T ]\d\d:\d\d.*)?", re.ASCII)


class Tally:
    """Of a single column; `fed` blocks of cells, it fills in its `facts`."""

    def __init__(self) -> None:
        self.facts = Facts()

    def feed(self, cells: Cells, place: Place) -> None:
        """Take the cells of some more rows."""
        facts, start = self.facts, self.facts.rows
        numbers = cells.floats[~np.isnan(cells.floats)]
        facts.rows += len(cells.floats)
        facts.numbers += len(numbers)
        facts.texts += cells.text_count
        facts.missing += len(cells.floats) - len(numbers) - cells.text_count
        count_range(facts, numbers)
        self._count_wide(cells.wide)
        self._count_texts(cells, place)
        self._count_values(cells, numbers)
        self._count_up(numbers, len(cells.floats), start)

    def _count_wide(self, wide: tuple[int, ...]) -> None:
        """Integers that no float64 holds stay as they are."""
        for value in wide:
            self.facts.low, self.facts.high = min(self.facts.low, value), max(self.facts.high, value)

    def _count_texts(self, cells: Cells, place: Place) -> None:
        facts = self.facts
        if cells.texts and not facts.first_text_at:
            facts.first_text, row = min(cells.texts.items(), key=lambda item: item[1])
            facts.first_text_at = place(row)
        facts.are_dates = facts.are_dates and all(map(_is_date, cells.texts))

    def _count_values(self, cells: Cells, numbers: "Array") -> None:
        facts = self.facts
        if facts.values is None:
            return
        distinct = np.unique(numbers) if len(numbers) else numbers
        new = {*cells.texts, *distinct[: MOST + 1].tolist()}
        facts.is_repeated |= cells.repeats or len(distinct) < len(numbers) or not facts.values.isdisjoint(new)
        facts.values |= new
        if len(facts.values) > MOST:
            facts.values = None

    def _count_up(self, numbers: "Array", rows: int, start: int) -> None:
        facts = self.facts
        if start == 0 and rows and len(numbers) == rows and numbers[0] in (0, 1):
            facts.counts_from = int(numbers[0])
        if facts.counts_from is not None:
            first = start + facts.counts_from
            if len(numbers) < rows or not np.array_equal(numbers, np.arange(first, first + rows)):
                facts.counts_from = None


def count_range(facts: Facts, numbers: "Array") -> None:
    """The least and the largest of some numbers, how many are infinite, and whether all are whole."""
    if not numbers.size:
        return
    low, high = float(numbers.min()), float(numbers.max())
    facts.low, facts.high = min(facts.low, low), max(facts.high, high)
    if np.isinf(low) or np.isinf(high):
        facts.infinite += int(np.isinf(numbers).sum())
    facts.is_whole = facts.is_whole and bool((numbers == np.floor(numbers)).all())


class VectorTally:
    """Of several columns side by side."""

    def __init__(self) -> None:
        self.facts = VectorFacts()
        self.width = 0

    def feed(self, rows: "Array") -> None:
        """Take some more rows, (n, d)."""
        facts = self.facts
        values = rows.astype(np.float64, copy=False)
        self.width = values.shape[1]
        absent = np.isnan(values)
        facts.rows += len(values)
        facts.missing += int(absent.sum())
        facts.numbers += int(values.size - absent.sum())
        count_range(facts, values[~absent] if absent.any() else values)
        self._count_values(values)
        self._count_sums(values[~absent.any(axis=1)] if absent.any() else values)

    def _count_values(self, values: "Array") -> None:
        """Whether they are 0 and 1, or -1 and 1: no others are kept."""
        facts = self.facts
        for part in (values[:100], values):  # most are told by their first rows
            if facts.values is not None:
                marks = {float(v) for v in (-1, 0, 1) if (part == v).any()}
                is_other = (np.abs(part) != 1) & (part != 0) & ~np.isnan(part)
                facts.values = None if is_other.any() else facts.values | marks

    def _count_sums(self, values: "Array") -> None:
        facts = self.facts
        if not len(values):
            return
        with np.errstate(all="ignore"):
            sums = values.sum(axis=1)
            powers = np.exp(values).sum(axis=1) if facts.high <= 0 else np.array([np.inf])
        facts.sum_low, facts.sum_high = _wider(facts.sum_low, facts.sum_high, sums)
        facts.exp_low, facts.exp_high = _wider(facts.exp_low, facts.exp_high, powers)


def _wider(low: float, high: float, found: "Array") -> tuple[float, float]:
    return min(low, float(found.min())), max(high, float(found.max()))


class Digest:
    """A column that several files have, as one short text: the same for the same keys in the same order.

    None where they are no keys: missing, fractions.
    """

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=32)
        self.why = ""

    def feed(self, values: Any, place: Place) -> None:
        """Take the cells of some more rows."""
        if self.why:
            return
        try:
            texts = Part.of(values, place).as_texts
        except InputError as error:
            self.why = str(error)
            return
        self._hash.update("".join(f"{len(text)}:{text}" for text in texts).encode("utf8", "surrogatepass"))

    @property
    def text(self) -> str:
        return self._hash.hexdigest()


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    try:
        date.fromisoformat(found[1])
    except ValueError:
        return False
    return True


def shown(text: str) -> str:
    """A text in quotes, short."""
    return printable(text.encode("utf8", "replace"))
