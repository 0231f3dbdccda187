"""What every format gives: columns, and blocks of them in row order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 1 << 17  # rows a batch has at most; results do not depend on it
MAX_BYTES = 8 << 30


class Column(NamedTuple):
    """A column as its file names it; `vector` where a cell holds a list of numbers, `text` where it is known to hold
    text, `other` where it holds neither numbers nor text, `is_index` where it has no name and seems to count the rows.
    `dtype` is its type, where its format has types. `ragged` where a row may be a sequence of its own length that
    no vector is: a list of lists of numbers, or one of another length than its neighbours.
    """

    name: str
    vector: bool = False
    text: bool = False
    other: bool = False
    is_index: bool = False
    dtype: str = ""
    ragged: bool = False


@dataclass(frozen=True)
class Labels:
    """A column of text: `names[codes[i]]` is row i; a code of -1 is a missing value."""

    codes: "NDArray[np.int64]"
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> "Labels":
        return Labels(self.codes[rows], self.names)


Values = "NDArray[Any] | Labels"
Form = Literal["numbers", "text", "key", "sequences"]


class Pick(NamedTuple):
    """Columns to read together, by position: one array (n,) or (n, k), or `Labels` where `labels` says that text is
    wanted. Of a column that is picked as a `key`, text may be `Texts`, as to number its values takes longer. That those
    `aside` count the rows is why they were not taken, and is refused where it is not so. Lists that are picked as a
    `sequence` may differ in length, and hold lists: they are read as an array of arrays, one a row (`as_sequences`).
    """

    columns: tuple[int, ...]
    labels: bool = False
    key: bool = False
    aside: tuple[int, ...] = ()
    sequence: bool = False

    @property
    def form(self) -> "Form":
        """How the columns are read."""
        return "key" if self.key else "text" if self.labels else "sequences" if self.sequence else "numbers"


@dataclass(frozen=True)
class Block:
    """Consecutive rows of a file, one entry in `values` a pick. `place(i)` says where row i of the block stands."""

    values: tuple[Any, ...]  # arrays, Labels, or Texts for keys
    place: Callable[[int], str]
    start: int = 0

    def __len__(self) -> int:
        return len(self.values[0])

    def split(self, rows: int) -> "tuple[Block, Block]":
        head = Block(tuple(v[:rows] for v in self.values), self.place, self.start)
        return head, Block(tuple(v[rows:] for v in self.values), self.place, self.start + rows)

    def at(self, row: int) -> str:
        """`preds.csv:3`, or `preds.npy: row 1`: the place of row `row` of this block."""
        return self.place(self.start + row)

    @property
    def places(self) -> Callable[[int], str]:
        """`place`, without the text of the rows where it held on to that: for who keeps many."""
        kept: Callable[[int], str] = getattr(self.place, "without_text", self.place)
        return kept


class Reading(NamedTuple):
    """What is said of how files are to be read.

    Of CSV files: `header`, whether the first row is one, where None lets the row itself decide; `delimiter`, what
    separates cells, which None leaves to the first rows; `decimal` and `thousands`, how numbers are written;
    `encoding`, where it is not UTF-8; `comment`, what lines begin with that are left out; `skip_blank`, whether blank
    lines are. `max_bytes`: how much of a file may be held at once, in memory or as a temporary file.
    """

    header: bool | None = None
    delimiter: str | None = None
    decimal: str = "."
    thousands: str | None = None
    encoding: str | None = None
    comment: str | None = None
    skip_blank: bool = False
    max_bytes: int = MAX_BYTES


PLAIN = Reading()


class Reader(Protocol):
    """An opened file. `headed` says whether its columns have names of their own, `rows` how many there are, if it is
    known, `is_matrix` whether it is an array of two dimensions or more, `is_long` whether it pays to read ahead. Of an
    array of more than two, whose rows are read as they lie in memory, `row_shape` is the shape of one; else it is ().
    Columns are `doubtful` where their name may be a value: a header was guessed, and it is a number there.
    """

    @property
    def name(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def columns(self) -> tuple[Column, ...]: ...
    @property
    def headed(self) -> bool: ...
    @property
    def is_matrix(self) -> bool: ...
    @property
    def row_shape(self) -> tuple[int, ...]: ...
    @property
    def is_long(self) -> bool: ...
    @property
    def doubtful(self) -> frozenset[int]: ...
    @property
    def rows(self) -> int | None: ...
    @property
    def notes(self) -> list[str]: ...
    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Blocks of about `size` rows at most, in row order. Raises InputError with the place of the first fault.

        May be called again; what came from a pipe must have been kept for that.
        """

    def close(self) -> None: ...


def as_sequences(rows: "Sequence[NDArray[Any]]") -> "NDArray[Any]":
    """An array of arrays, one a row, whatever their lengths."""
    found = np.empty(len(rows), object)
    for k, row in enumerate(rows):  # all at once, rows of one length would become a matrix
        found[k] = row
    return found


def lists_of(values: Any) -> "NDArray[Any] | None":
    """The values where they are an array of arrays; else None."""
    is_ragged = isinstance(values, np.ndarray) and values.dtype == object and values.ndim == 1 and len(values)
    return values if is_ragged and isinstance(values[0], np.ndarray) else None


def matrix(columns: "Sequence[NDArray[Any]]") -> "NDArray[Any]":
    """One array of several columns; a single one stays (n,)."""
    return columns[0] if len(columns) == 1 else np.column_stack(columns)
