"""From files to batches: rows that belong together, labels, weights, missing values.

No row is ever shifted, and none is absent but by request: rows without a partner are refused, and an account is kept
of the rows that a condition, a mask, a weight of 0 or a rule for missing values leaves out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.columns import BY, FIND, GROUP, SHOW, WHERE, Binding, alike
from losscli.errors import BadValueError, InputError
from losscli.formats import Block, Labels, Reader, lists_of
from losscli.labels import Labelling, in_class_order, refuse_other_order
from losscli.lazy import np
from losscli.meaning import Meaning
from losscli.pairing import Alike, Paired, Pairing, Stream
from losscli.selection import (
    MASK,
    NO_WEIGHT,
    Account,
    At,
    Condition,
    Rule,
    Selection,
    lacking,
    missing,
    weights,
    where,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from losscli.formats.maps import Grid
    from losscli.normalizing import Normalizing

    Array = NDArray[Any]


class Rules(NamedTuple):
    """What is asked of rows: conditions they have to meet, whether rows with missing values are dropped, how many are
    to be matched, and what their labels mean.
    """

    conditions: tuple[Condition, ...] = ()
    drops_missing: bool = False
    expected: int | None = None
    meaning: Meaning = Meaning()


class Batch(NamedTuple):
    """Rows of all roles side by side.

    `rows` are their row numbers, `stop` the number of rows read so far, `shown` the columns to be shown beside a
    sample's loss. `at` says where a role's row stands in its file. `by` has the columns that rows are grouped by,
    `others` those that weak slices are looked for in, and `group` the one that says which rows have one loss.
    """

    arrays: "Mapping[str, Array]"
    weight: "Array | None"
    rows: Sequence[int]
    stop: int
    shown: "Mapping[str, Any]"
    at: Callable[[str, int, int | None], str]
    by: "Mapping[str, Any]"
    others: "Mapping[str, Any]"
    group: Any


class Table:
    """All bindings read side by side; `rows`, `account` and `classes` are known when `batches` has ended.

    A binding whose role is `show:NAME` is a column that is shown beside a sample's loss, one whose role is `where:NAME`
    stands in a condition, `by:NAME` one that rows are grouped by, and `find:NAME` one that weak slices are looked for
    in, `group:NAME` one that says which rows have one loss; none of them plays another part. Where rows are pixels,
    `grid` is how they lie in their images.
    """

    def __init__(
        self,
        bindings: Sequence[Binding],
        size: int,
        rules: Rules | None = None,
        pairing: Pairing | None = None,
        grid: "Grid | None" = None,
    ) -> None:
        self._sequences = _sequences(bindings)
        self.size = self._sequences.rows_at_once(bindings, size) if self._sequences else size
        self.rows, self.grid = 0, grid
        self.rules = rules or Rules()
        self.labels = Labelling.of(bindings, self.rules.meaning)
        self.bindings = [in_class_order(b, self.labels.classes) for b in bindings]
        refuse_other_order(self.bindings)
        self._by_role = {b.role: b for b in self.bindings}
        self.account = Account()
        self.normalizing = self._normalizing
        groups = readers_of(self.bindings)
        self._members = [[b for b in self.bindings if b.reader is reader and not b.beside] for reader in groups]
        self.pairing = pairing or Pairing(groups, [Alike(*found) for found in alike(groups, self.bindings)])

    def batches(self) -> Iterator[Batch]:
        """The rows in order. Raises InputError for rows without partners, missing values and bad weights.

        Where classes are to be balanced, the rows are read once before, to count them.
        """
        if self.labels.needs_counts:
            self.labels.balance((b.arrays["target"], b.at) for b in self._batches())
        yield from self._batches()

    def _batches(self) -> Iterator[Batch]:
        self.rows, self.normalizing = 0, self._normalizing
        selection = Selection(self._selecting)
        self.account = selection.account
        refused = _Missing()
        streams = [Stream(m[0].reader, [b.pick for b in m]) for m in self._members]
        for paired in self.pairing.paired(streams, self.size):
            batch = self._batch(paired, selection)
            self.rows = paired.stop
            if batch is not None and not refused.find(batch) and not self.labels.is_refused:
                yield batch
        self.account.read, self.account.unmatched = self.pairing.read, self.pairing.unmatched
        self._check_expected()
        refused.refuse()
        self.labels.refuse()

    @property
    def _normalizing(self) -> "dict[str, Normalizing]":
        """Nothing seen yet, of each role whose rows are to be divided by their sum."""
        if not self.rules.meaning.normalize:
            return {}
        from losscli.normalizing import Normalizing  # rarely asked for

        return {role: Normalizing(role) for role in ("pred", "target")}

    def _check_expected(self) -> None:
        expected, matched = self.rules.expected, self.account.matched
        if expected not in (None, matched):
            files = ", ".join(self.account.read)
            raise InputError(f"{files}: {matched} row{'s' if matched != 1 else ''} matched, --expect-rows {expected}")

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in the order of the prediction's columns; none where they have no names."""
        return self.labels.classes

    @property
    def known_rows(self) -> int | None:
        """How many rows there are, where a file says so beforehand."""
        return self.pairing.known_rows

    @property
    def selects(self) -> bool:
        """Whether rows may be absent."""
        return self.pairing.partial or bool(self._selecting) or self.labels.weighing is not None

    @property
    def _selecting(self) -> list[Rule]:
        """The rules, those first that say which rows are meant at all."""
        found = [where(WHERE + str(c), c) for c in self.rules.conditions]
        drops = self.rules.drops_missing
        if "mask" in self._by_role:
            found += [missing("mask")] if drops else []
            found.append(MASK)
        if "weight" in self._by_role:
            found += [missing("weight")] if drops else []
            found.append(NO_WEIGHT)
        found += self.labels.ignoring
        needed = [b.role for b in self.bindings if b.role.startswith(GROUP) or (b.plays and b.role not in _NO_ROLE)]
        found += [missing(role) for role in needed] if drops else []
        return found + self.labels.weightless

    def _batch(self, paired: Paired, selection: Selection) -> Batch | None:
        """The batch of paired rows, without those that are absent; None when no row is left."""
        if len(paired.rows) == 0:
            return None
        members = zip(paired.blocks, self._members, strict=True)
        found = [(b.role, block, k) for block, several in members for k, b in enumerate(several)]
        blocks = {role: block for role, block, _ in found}
        blocks |= {b.role: blocks[b.beside] for b in self.bindings if b.beside}
        read = {role: block.values[k] for role, block, k in found}
        values = self.labels.read(self._sequences.unfolded(read, self.bindings) if self._sequences else read)
        rows = paired.rows
        entry = "channel" if self.grid else "column"
        kept = selection.kept(values, len(rows), _Places(blocks, self._by_role, None, entry).at)
        if kept is not None:
            values = {role: v[kept] for role, v in values.items()}
            rows = kept + rows.start if isinstance(rows, range) else np.asarray(rows)[kept]
        if len(rows) == 0:
            return None
        at = _Places(blocks, self._by_role, kept, entry).at
        weight = weights(values["weight"], at) if "weight" in values else None
        asked = [b.role for b in self.bindings if b.role.startswith(SHOW)]
        shown = {role.removeprefix(SHOW): _texts(values[role]) for role in asked}
        arrays = {b.role: self._array(b, values[b.role], at) for b in self.bindings if _is_array(b)}
        if self.labels.weighing:
            weight = self.labels.weigh(weight, arrays["target"], at)
        by = {role.removeprefix(BY): v for role, v in values.items() if role.startswith(BY)}
        others = {role.removeprefix(FIND): v for role, v in values.items() if role.startswith(FIND)}
        group = next((v for role, v in values.items() if role.startswith(GROUP)), None)
        return Batch(arrays, weight, rows, paired.stop, shown, at, by, others, group)

    def _array(self, binding: Binding, values: "Array | Labels", at: At) -> "Array":
        if isinstance(values, Labels) or binding.role == "target":
            values = self.labels.numbers(values, at)
        if binding.one_hot and not self.labels.is_refused:
            values = self.labels.one_hot(values)
        normalizing = self.normalizing.get(binding.role)
        return normalizing.divided(values, at) if normalizing else values


def readers_of(bindings: Sequence[Binding]) -> list[Reader]:
    """The files that bindings use, that of the first role first."""
    return list({id(b.reader): b.reader for b in bindings}.values())


def _sequences(bindings: Sequence[Binding]) -> Any:
    """What is known of rows that are sequences, where some are; most are not."""
    if not any(b.sequence for b in bindings):
        return None
    from losscli import sequences

    return sequences


_NO_ROLE = ("weight", "mask")


def _is_array(binding: Binding) -> bool:
    """Whether it is one of the loss's roles."""
    return binding.plays and binding.role not in _NO_ROLE


class _Places(NamedTuple):
    blocks: Mapping[str, Block]
    bindings: Mapping[str, Binding]
    kept: "Array | None"
    entry: str  # what a number of a row is called

    def at(self, role: str, row: int, column: int | None) -> str:
        """`preds.csv:3:y_pred`: file, line or row, and column where it has a name."""
        original = row if self.kept is None else int(self.kept[row])
        binding = self.bindings[role]
        place = self.blocks[role].at(original)
        single = len(binding.columns) == 1
        if column is not None and binding.reader.row_shape:
            entry = ", ".join(map(str, np.unravel_index(column, binding.reader.row_shape)))
            return f"{place}, entry ({entry})"
        if not binding.reader.headed or (not single and (column is None or binding.is_matrix)):
            return place if column is None or single else f"{place}, {self.entry} {column}"
        name = binding.names[0 if single else column or 0]
        return f"{place}:{name}" if binding.reader.format in ("csv", "jsonl") else f"{place}, column '{name}'"


@dataclass
class _Missing:
    """Missing values are counted to the end of the files, and then refused, with the first place."""

    count: int = 0
    first: str = ""

    def find(self, batch: Batch) -> bool:
        """Whether the batch, or one before it, has missing values."""
        for role, values in batch.arrays.items():
            array = values if lists_of(values) is None else lacking(values)
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
            raise InputError(f"{self.first}: {where}; fill in, or leave such rows out: --missing drop")


def _texts(values: "Array | Labels") -> "Array":
    """A column as it is shown: text as it stands in the file, numbers as numbers; None for a missing value."""
    if not isinstance(values, Labels):
        return values
    return np.array([*values.names, None], dtype=object)[values.codes]


def refused_at(error: BadValueError, batch: Batch) -> InputError:
    """The same refusal, with the place in the file in front."""
    return InputError(f"{batch.at(error.role, error.row, error.column)}: {error.what}")
