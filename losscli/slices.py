"""Slices: the value of each group of rows, by columns of the files, by output or by class."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from math import isfinite, isnan, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.columns import BY
from losscli.distribution import Distribution
from losscli.errors import InputError, UsageError
from losscli.exact import ZERO, Exact, to_float
from losscli.formats import Labels
from losscli.formats.cells import number
from losscli.lazy import np
from losscli.literals import canonical, is_integer, parse_number
from losscli.numbering import Key, Numbered, distinct
from losscli.objectives import Objective
from losscli.registry import Loss
from losscli.results import Group
from losscli.scan import Computed, Tally
from losscli.states import GroupMoments
from losscli.tables import Batch, Table

if TYPE_CHECKING:
    from losscli.registry import Array

Parts = Sequence[tuple[Sequence[Any], Any]]  # keys, and for each row the number of one
FRACTIONS = 1_000  # distinct values beyond which a column of fractions is no column of categories
MANY = 100_000  # groups that are kept: memory must not grow with the rows


class Slicing(NamedTuple):
    """How rows are to be grouped: `bins` for columns of numbers, groups under `min_group` samples in one line."""

    by: Sequence[str] = ()
    bins: int | None = None
    min_group: int | None = None
    per_output: bool = False

    def __bool__(self) -> bool:
        return bool(self.by) or self.per_output

    def check(self, reduction: str) -> None:
        """Raises UsageError for what cannot be asked together."""
        for option, given, needed, is_there in (
            ("--bins", self.bins, "--by", bool(self.by)),
            ("--min-group", self.min_group, "--by or --per-output", bool(self)),
        ):
            if given is not None and not is_there:
                raise UsageError(f"{option} needs groups; add {needed}")
            if given is not None and given < 1:
                raise UsageError(f"{option}: {given} is not a whole number of at least 1")
        if self and reduction == "none":
            raise UsageError(f"{'--by' if self.by else '--per-output'} needs a value, and --reduction none has none")
        for k, name in enumerate(self.by):
            if name in self.by[:k]:
                raise UsageError(f"--by {name} is given twice")
        if self.per_output and {"output", "class"} & set(self.by):
            raise UsageError("--per-output names its groups output or class, as a column of --by is called")


class Interval(NamedTuple):
    """The numbers from `low` to `high`, the high end among them where it `is_last`."""

    low: float
    high: float
    is_last: bool

    def __str__(self) -> str:
        return f"[{canonical(self.low)}, {canonical(self.high)}{']' if self.is_last else ')'}"


class Column(Numbered):
    """A column that rows are grouped by: its values as keys, or the intervals they lie in."""

    def __init__(self, name: str, intervals: Sequence[Interval] = ()) -> None:
        super().__init__()
        self.name, self._starts = name, [interval.low for interval in intervals]
        self._looked_at, self._has_fractions = 0, False
        if intervals:
            self.numbers([*intervals, None])

    def codes(self, values: "Array | Labels", place: str) -> "Array":
        """The number of each row's key."""
        if self._starts:
            return self._binned(as_numbers(values))
        found = self.keyed(values)
        self._check_count(place)
        return found

    def _binned(self, values: "Array") -> "Array":
        found = np.searchsorted(self._starts, values, side="right") - 1
        return np.where(np.isnan(values), len(self._starts), np.maximum(found, 0))

    def _check_count(self, place: str) -> None:
        count = len(self.keys)
        self._has_fractions = self._has_fractions or any(map(_is_fraction, self.keys[self._looked_at :]))
        self._looked_at = count
        if count > FRACTIONS and self._has_fractions:
            raise InputError(f"{place}: column '{self.name}' has more than {FRACTIONS:,} values; --bins N gathers them")
        _check_many(count, place)


def _check_many(count: int, place: str) -> None:
    if count > MANY:
        raise InputError(f"{place}: --by makes more than {MANY:,} groups; --bins N gathers numbers")


def _is_fraction(key: Key) -> bool:
    if isinstance(key, str):
        return not is_integer(key) and parse_number(key) is not None
    return isinstance(key, float)


def as_numbers(values: "Array | Labels") -> "Array":
    """A column as float64; text that is no number is NaN, as a missing value is."""
    if isinstance(values, Labels):
        return np.array([*(number(name)[0] for name in values.names), nan], np.float64)[values.codes]
    return values.astype(np.float64)


class Combinations(Numbered):
    """The combinations of keys that occur, each a tuple; of a single part, all of its keys."""

    def codes(self, parts: Parts) -> "Array":
        """The number of each row's combination, from the keys and codes of its parts."""
        if len(parts) == 1:
            keys, codes = parts[0]
            self.numbers((key,) for key in keys[len(self.keys) :])
            return np.asarray(codes)
        mixed = parts[0][1]
        for keys, codes in parts[1:]:
            mixed = distinct(mixed * len(keys) + codes)[1]
        rows = np.full(int(mixed.max()) + 1, -1)
        rows[mixed] = np.arange(len(mixed))  # a row that has it
        numbers = np.zeros(len(rows), np.int64)
        for code in np.flatnonzero(rows >= 0).tolist():
            numbers[code] = self.number(tuple(keys[codes[rows[code]]] for keys, codes in parts))
        found: Array = numbers[mixed]
        return found


class Groups:
    """The groups of one objective: their states, and where they are told by output or class too, which those are."""

    def __init__(self, objective: Objective, by: Combinations) -> None:
        self.objective, self._by = objective, by
        self._states = [GroupMoments() for _ in objective.terms]
        self._whole = GroupMoments()

    def add(
        self, codes: "Array", checked: "Sequence[Sequence[Array]]", terms: Any, weight: "Array | None"
    ) -> list[tuple[Exact, ...]]:
        """Take a batch: the arrays and terms of each loss. The sums over all groups are found on the way."""
        if self.objective.is_sum:
            self._whole.add_samples(codes, self.objective.combined(terms), weight)
        losses = zip(self._states, self.objective.losses, checked, terms, strict=True)
        return [state.add(codes, loss, arrays, weight, several) for state, loss, arrays, several in losses]

    def tallies(self) -> "Iterator[tuple[tuple[Key, ...], Tally]]":
        """Each group with what was tallied of it."""
        for code, key in enumerate(self._by.keys):
            tally = Tally(self.objective, spread=False)
            tally.states = [state.of(code) for state in self._states]
            if self.objective.is_sum:
                tally.whole = self._whole.of(code)
            if tally.state.n:
                yield key, tally


class Outputs:
    """Groups by output or by class as well, with the rows' own groups if there are some."""

    def __init__(self, table: Table) -> None:
        self._table, self.keys = table, Numbered()
        self.by, self.name = Combinations(), ""

    def split(self, computed: Computed, parts: Parts) -> tuple[Any, ...]:
        """What `Groups.add` takes: for outputs every element by itself. Raises UsageError or InputError."""
        terms, batch = computed.terms, computed.batch
        shapes = {several[0].shape for several in terms}
        if any(len(shape) > 1 for shape in shapes) and len(shapes) == 1:
            self.name = "output"
            return self._elements(computed, parts, *shapes.pop())
        self.name = "class"
        numbers = self.keys.numbers(self._class_names(labels := _true_classes(computed)))
        codes = self.by.codes([*parts, (self.keys.keys, numbers[distinct(labels)[1]])])
        return codes, computed.checked, terms, batch.weight

    def _elements(self, computed: Computed, parts: Parts, rows: int, outputs: int) -> tuple[Any, ...]:
        numbers = self.keys.numbers(self._output_names(computed.objective, outputs))
        own = [*((keys, np.repeat(codes, outputs)) for keys, codes in parts), (self.keys.keys, np.tile(numbers, rows))]
        weight = computed.batch.weight
        return (
            self.by.codes(own),
            [[a.ravel() for a in arrays] for arrays in computed.checked],
            [tuple(t.ravel() for t in several) for several in computed.terms],
            None if weight is None else np.repeat(weight, outputs),
        )

    def _output_names(self, objective: Objective, outputs: int) -> Sequence[Key]:
        binding = next(b for b in self._table.bindings if b.role == objective.predictions[0])
        return binding.names if binding.reader.headed and len(binding.names) == outputs else range(outputs)

    def _class_names(self, labels: "Array") -> list[Key]:
        classes = self._table.classes
        return [classes[k] if classes else k for k in distinct(labels)[0]]


def _true_classes(computed: Computed) -> "Array":
    """The class of each row, as an integer. Raises InputError for a target that is no single class."""
    pairs = zip(computed.objective.losses, computed.checked, strict=True)
    found = [(loss, arrays) for loss, arrays in pairs if _has_classes(loss)]
    if not found:
        what = f"{computed.objective} has one value a sample here"
        raise UsageError(f"--per-output: {what}; it has neither outputs nor classes")
    loss, arrays = found[0]
    target = arrays[loss.kind.role_names.index("target")]
    if target.dtype.kind in "iu":
        return target
    is_hard = (target == np.floor(target)) if target.ndim == 1 else (target.max(axis=1) == 1)
    if not is_hard.all():
        place = computed.batch.at("target", int(np.argmin(is_hard)), None)
        raise InputError(f"{place}: a soft target has no class of its own, and --per-output groups by it")
    classes: Array = target.astype(np.int64) if target.ndim == 1 else target.argmax(axis=1)
    return classes


def _has_classes(loss: Loss) -> bool:
    return loss.definition.task == "classification" or any(role.labels for role in loss.kind.roles)


class Slices:
    """All groups of an evaluation: which rows belong together is found once a batch, for all objectives."""

    def __init__(self, slicing: Slicing, objectives: Sequence[Objective], table: Table) -> None:
        self._slicing, self._table = slicing, table
        self._columns = [Column(b.role.removeprefix(BY)) for b in table.bindings if b.role.startswith(BY)]
        self._by = Combinations()
        self._outputs = [Outputs(table) for _ in objectives] if slicing.per_output else []
        self._groups = [
            Groups(objective, self._outputs[k].by if self._outputs else self._by)
            for k, objective in enumerate(objectives)
        ]
        self._last: tuple[Batch, Array] | None = None

    def prepare(self, stack: ExitStack) -> None:
        """Find the bins, where they are asked for, in a scan of their own. Raises UsageError."""
        if self._slicing.bins is None or not self._slicing:
            return
        finders = [Finder(column.name, self._slicing.bins) for column in self._columns]
        for finder in finders:
            stack.callback(finder.close)
        for batch in self._table.batches():
            for finder in finders:
                finder.add(batch.by[finder.name])
        if not any(finder.is_numeric for finder in finders):
            raise UsageError(f"--bins is for numbers, and --by {','.join(self._slicing.by)} has none")
        self._columns = [Column(finder.name, finder.intervals()) for finder in finders]

    def add(self, k: int, computed: Computed) -> list[tuple[Exact, ...]] | None:
        """Take a batch, as the objective of number k sees it; the sums over all groups are found on the way."""
        if not self._slicing:
            return None
        parts = self._parts(computed.batch)
        if self._outputs:
            return self._groups[k].add(*self._outputs[k].split(computed, parts))
        return self._groups[k].add(parts[0][1], computed.checked, computed.terms, computed.batch.weight)

    def _parts(self, batch: Batch) -> Parts:
        """The combinations of the columns, and the code of each row; nothing where no column is named."""
        if not self._columns:
            return []
        if self._last is None or self._last[0] is not batch:
            parts = [(c.keys, c.codes(batch.by[c.name], self._place(batch, c.name))) for c in self._columns]
            self._last = batch, self._by.codes(parts)
            _check_many(len(self._by.keys), self._place(batch, self._columns[0].name))
        return [(self._by.keys, self._last[1])]

    def _place(self, batch: Batch, name: str) -> str:
        return next(b.reader.name for b in self._table.bindings if b.role == BY + name)

    def groups(self, k: int, reduction: str) -> tuple[Group, ...]:
        """The groups of the objective of number k, the worst first; those that are too small in one, at the end."""
        if not self._slicing:
            return ()
        tallies = list(self._groups[k].tallies())
        least = self._slicing.min_group or 1
        total = sum((tally.state.totals[0] for _, tally in tallies), ZERO)
        found = [
            (key, _group(self._named(k, key), tally, reduction, total))
            for key, tally in tallies
            if tally.state.n >= least
        ]
        found.sort(key=lambda pair: (not isnan(pair[1].value), -pair[1].value, [*map(_order, _flat(pair[0]))]))
        small = [tally for _, tally in tallies if tally.state.n < least]
        gathered = [_group({}, _merged(small), reduction, total, (least, len(small)))] if small else []
        return (*(group for _, group in found), *gathered)

    def _named(self, k: int, key: "tuple[Key, ...]") -> dict[str, Key]:
        names = [column.name for column in self._columns] + ([self._outputs[k].name] if self._outputs else [])
        return {n: str(v) if isinstance(v, Interval) else v for n, v in zip(names, _flat(key), strict=True)}


def _flat(key: Any) -> Iterator[Key]:
    """The keys of a combination, of which one may be a combination itself."""
    for part in key:
        if isinstance(part, tuple) and not isinstance(part, Interval):
            yield from part
        else:
            yield part


def _order(key: Key) -> tuple[int, float, str]:
    """Numbers, then text, then what is missing."""
    if key is None:
        return 2, 0, ""
    return (1, 0, key) if isinstance(key, str) else (0, key.low if isinstance(key, Interval) else key, "")


def _group(
    by: Mapping[str, Key], tally: Tally, reduction: str, total: Exact, gathered: tuple[int, int] = (0, 1)
) -> Group:
    state = tally.state
    has_share = not (tally.objective.is_sum and tally.objective.is_aggregate)
    share = _share(state.totals[0], total) if has_share else None
    return Group(by, tally.value(reduction), state.n, state.total_weight, share, *gathered)


def _share(part: Exact, total: Exact) -> float:
    """Part of the total; NaN where that is 0."""
    if isfinite(part.special) and total.is_finite:
        return to_float(part.fraction / total.fraction) if total.units else nan
    with np.errstate(invalid="ignore"):
        return float(np.float64(float(part)) / float(total))


def _merged(tallies: Sequence[Tally]) -> Tally:
    merged = Tally(tallies[0].objective, spread=False)
    for tally in tallies:
        merged.states = [a.merge(b) for a, b in zip(merged.states, tally.states, strict=True)]
        merged.whole = merged.whole.merge(tally.whole)
    return merged


class Finder:
    """Finds the intervals of a column of numbers that hold equally many rows each."""

    def __init__(self, name: str, bins: int) -> None:
        self.name, self._bins = name, bins
        self.is_numeric = True
        self._values, self._count, self._high = Distribution(), 0, -np.inf
        self._seen: set[float] = set()

    def add(self, values: "Array | Labels") -> None:
        """Take the column's values of a batch."""
        if isinstance(values, Labels) and any(number(name)[1] for name in values.names):
            self.is_numeric = False
        if not self.is_numeric:
            return
        numbers = as_numbers(values)
        numbers = numbers[~np.isnan(numbers)]
        if not len(numbers):
            return
        self._values.add(numbers, None)
        self._count += len(numbers)
        self._high = max(self._high, float(numbers.max()))
        if len(self._seen) <= self._bins:
            self._seen.update(distinct(numbers)[0][: self._bins + 1])

    def close(self) -> None:
        """Give the temporary file back, if there is one."""
        self._values.close()

    def intervals(self) -> list[Interval]:
        """The intervals in order; none where the column is text, or has no more values than there would be bins.

        The k-th of N begins at the value that k/N of the rows, rounded down, lie before; values that occur often make
        for fewer intervals.
        """
        if not self.is_numeric or len(self._seen) <= self._bins:
            return []
        starts = sorted({self._values.nth(k * self._count // self._bins) for k in range(self._bins)})
        ends = [*starts[1:], self._high]
        return [Interval(a, b, k == len(starts) - 1) for k, (a, b) in enumerate(zip(starts, ends, strict=True))]
