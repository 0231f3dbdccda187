"""What an inspection finds, as plain data: columns, groups of columns, files, how rows belong together, commands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import NamedTuple

MOST = 1000  # distinct values of a column that are kept

Value = float | int | str


class Look(NamedTuple):
    """What a column looks like, and the reason in a word or two."""

    kind: str
    why: str


@dataclass
class Facts:
    """What one pass over a column, or over several that belong together, has counted.

    `values` are the distinct ones, None where they are more than are kept; `is_repeated` says whether one of them is
    known to occur twice. `low` and `high` are of the numbers, infinite ones among them. `counts_from` is the first of
    numbers that count the rows: 0, 1, 2 …
    """

    rows: int = 0
    missing: int = 0
    numbers: int = 0
    texts: int = 0
    infinite: int = 0
    low: float | int = inf
    high: float | int = -inf
    is_whole: bool = True
    values: set[Value] | None = field(default_factory=set)
    is_repeated: bool = False
    counts_from: int | None = None
    are_dates: bool = True
    first_text: str = ""
    first_text_at: str = ""
    refused: str = ""

    @property
    def is_numeric(self) -> bool:
        """Whether it holds numbers, and nothing else but missing values."""
        return self.numbers > 0 and not self.texts

    def within(self, low: float, high: float) -> bool:
        """Whether it holds numbers, all of which lie in an interval."""
        return self.is_numeric and low <= self.low and self.high <= high

    def only(self, *values: Value) -> bool:
        """Whether it holds nothing but these values."""
        return self.values is not None and self.numbers + self.texts > 0 and self.values <= set(values)


@dataclass
class VectorFacts(Facts):
    """Of several columns side by side: the sums of its rows too, and of their exponentials, which are those of
    log-probabilities.
    """

    sum_low: float = inf
    sum_high: float = -inf
    exp_low: float = inf
    exp_high: float = -inf

    def sums_to_one(self, within: float = 1e-3) -> bool:
        """Whether every row adds up to about 1."""
        return 1 - within <= self.sum_low <= self.sum_high <= 1 + within


@dataclass
class Field:
    """A column, or several that belong together, of a file: positions in it, and what was counted.

    `is_vector`: a row of it is several numbers.
    """

    name: str
    columns: tuple[int, ...]
    dtype: str
    facts: Facts
    is_vector: bool = False
    width: int = 1
    looks: Sequence[Look] = ()
    is_one_thing: bool = True  # whether a group is told of instead of its columns

    @property
    def kinds(self) -> set[str]:
        return {look.kind for look in self.looks}


@dataclass
class FileFacts:
    """A file: its columns, and groups of them. Of a member of an archive that is not read, why it is `refused`; of an
    array of `images` its shape, a row being a pixel.
    """

    path: str
    format: str = ""
    rows: int = 0
    names: Sequence[str] = ()
    headed: bool = False
    columns: Sequence[Field] = ()
    groups: Sequence[Field] = ()
    refused: str = ""
    images: tuple[int, ...] = ()

    @property
    def notes(self) -> str:
        """What there is to say beside its size."""
        return f"images, {' x '.join(map(str, self.images))}: a row is a pixel" if self.images else self.refused

    @property
    def shape(self) -> str:
        """`300 x 10`."""
        return f"{self.rows} x {len(self.names)}" if self.names else ""

    @cached_property
    def lone(self) -> list[Field]:
        """The groups, and the columns that are not told of by one, in the order of the file."""
        grouped = {j for group in self.groups if group.is_one_thing for j in group.columns}
        alone = [column for column in self.columns if column.columns[0] not in grouped]
        return sorted([*alone, *self.groups], key=lambda found: found.columns[0])


class Key(NamedTuple):
    """A column that all files have and that may say which rows belong together: how it compares.

    `relation` is "same order", "another order", "missing" or "unusable"; `unmatched` counts the rows of each file
    without a partner.
    """

    name: str
    relation: str
    says: str
    unmatched: Sequence[int] = ()


class Alignment(NamedTuple):
    """Whether the rows of the files belong together: row counts, and keys."""

    rows: Sequence[int]
    keys: Sequence[Key]
    says: str

    @property
    def same_rows(self) -> bool:
        return len(set(self.rows)) == 1


class Command(NamedTuple):
    """A command that was tried: `also` are losses that take the same files and options, `tried` the rows it ran on,
    None for all.
    """

    loss: str
    argv: Sequence[str]
    command: str
    why: str
    also: Sequence[str]
    tried: int | None


class Inspection(NamedTuple):
    """All that is known of some files. `advice` is what stands in the way of more commands, and what to do."""

    files: Sequence[FileFacts]
    alignment: Alignment | None
    commands: Sequence[Command]
    advice: Sequence[str]
    notes: Sequence[str]
