"""One pass over a file: every column as numbers where it holds some, as text where not, in blocks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.formats import BLOCK, Block, Labels, Pick, Reader, Texts
from losscli.inspection.cells import Cells
from losscli.inspection.findings import Facts, Field, FileFacts
from losscli.inspection.names import groups_of
from losscli.inspection.tallies import Digest, Tally, VectorTally
from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.registry import Array

_CELLS = BLOCK * 4  # of a block
_FEWEST = 1 << 10  # rows of a block
_VECTOR = 64  # numbers that a cell of a vector is thought to hold


def inspected(
    reader: Reader, path: str, keys: Sequence[str] = (), is_plain: bool = True
) -> "tuple[FileFacts, dict[str, Digest]]":
    """What is in a file, and the digests of the columns called as `keys`; `is_plain` where its numbers have a decimal
    point and no thousands. Raises InputError for what is no table.
    """
    wanted, refused = _picks(reader, is_plain), dict[int, str]()
    try:
        scan = _Scan(reader, wanted, keys).run()
    except InputError as error:
        wanted, refused = _readable(reader, wanted, error)
        scan = _Scan(reader, wanted, keys).run()
    return _facts(reader, path, scan, refused), scan.digests


def in_rows(reader: Reader) -> Reader:
    """Of an array of images the pixels, of any other file itself. Raises InputError for too many dimensions."""
    if not reader.row_shape:
        return reader
    from losscli.formats.maps import Pixels, grid_of  # most files are tables

    grid = grid_of(reader)
    return Pixels(reader, grid, max(grid.channels, 1))


def _is_text_file(reader: Reader) -> bool:
    return "csv" in reader.format.split("+")


def _picks(reader: Reader, is_plain: bool) -> list[Pick]:
    """How the columns are read: a matrix at once, cells of text files and of columns of text as text."""
    if reader.is_matrix and not any(column.text for column in reader.columns):
        return [Pick(tuple(range(len(reader.columns))))]
    is_text = _is_text_file(reader)
    return [_pick(j, is_text or c.text, reader, is_plain) for j, c in enumerate(reader.columns) if not c.other]


def _pick(column: int, as_text: bool, reader: Reader, is_plain: bool = True) -> Pick:
    is_named = is_plain and (reader.headed or _is_text_file(reader))
    return Pick((column,), as_text, as_text and is_named)


def _readable(reader: Reader, wanted: Sequence[Pick], error: InputError) -> tuple[list[Pick], dict[int, str]]:
    """The columns that can be read by themselves, and why others cannot. Raises the error where it is the file's."""
    if _is_text_file(reader) or len(wanted) < 2:
        raise error
    found, refused = [], dict[int, str]()
    for given in wanted:
        as_text = _pick(given.columns[0], True, reader)
        why = _fault(reader, given)
        pick = as_text if why and not _fault(reader, as_text) else given
        if why and pick is given:
            refused[given.columns[0]] = why
        else:
            found.append(pick)
    if not found or found == [*wanted]:
        raise error
    return found, refused


def _fault(reader: Reader, pick: Pick) -> str:
    try:
        for _ in reader.read([pick], _FEWEST):
            pass
    except InputError as error:
        return str(error)
    return ""


class _Scan:
    """The tallies of a file's columns, of the groups that its first block shows, and the digests of its keys."""

    def __init__(self, reader: Reader, picks: Sequence[Pick], keys: Sequence[str]) -> None:
        self.reader, self.picks = reader, picks
        self.columns = {pick.columns[0]: Tally() for pick in picks if len(pick.columns) == 1}
        self.vectors: dict[int, VectorTally] = {}
        self.groups: dict[str, tuple[int, ...]] | None = None
        self.sums: dict[str, VectorTally] = {}
        names = [column.name for column in reader.columns]
        self.digests = {name: Digest() for name in keys if reader.headed and names.count(name) == 1}
        self.dtypes: dict[int, str] = {}
        self.rows = 0

    def run(self) -> "_Scan":
        if not self.picks:
            self.rows = self.reader.rows or 0
        else:
            for block in self.reader.read(self.picks, self._size):
                self._feed(block)
                self.rows += len(block)
        return self

    @property
    def _size(self) -> int:
        wide = sum(_VECTOR if column.vector else 1 for column in self.reader.columns)
        return max(_FEWEST, min(BLOCK, _CELLS // max(wide, 1)))

    def _feed(self, block: Block) -> None:
        floats: dict[int, Array] = {}
        for pick, values in zip(self.picks, block.values, strict=True):
            j = pick.columns[0]
            self._note_dtype(j, values)
            if not isinstance(values, (Labels, Texts)) and values.ndim == 2:
                self.vectors.setdefault(j, VectorTally()).feed(values)
                continue
            cells = Cells.of(values)
            self.columns[j].feed(cells, block.at)
            floats[j] = cells.floats
            if digest := self.digests.get(self.reader.columns[j].name):
                digest.feed(values, block.at)
        self._feed_groups(floats)

    def _note_dtype(self, j: int, values: Any) -> None:
        is_text = isinstance(values, (Labels, Texts))
        self.dtypes.setdefault(j, self.reader.columns[j].dtype or ("text" if is_text else str(values.dtype)))

    def _feed_groups(self, floats: "Mapping[int, Array]") -> None:
        if self.groups is None:
            numeric = [j for j in floats if self.columns[j].facts.numbers and not self.columns[j].facts.texts]
            self.groups = groups_of(self.reader, numeric)
            self.sums = {stem: VectorTally() for stem in self.groups}
        for stem, columns in self.groups.items():
            self.sums[stem].feed(np.column_stack([floats[j] for j in columns]))


def _facts(reader: Reader, path: str, scan: _Scan, refused: Mapping[int, str]) -> FileFacts:
    groups = [*_vectors(reader, scan), *_groups(reader, scan)]
    columns = [
        f for j in range(len(reader.columns)) if j not in scan.vectors for f in _column(reader, scan, j, refused)
    ]
    names = tuple(column.name for column in reader.columns)
    return FileFacts(path, reader.format, scan.rows, names, reader.headed, columns, groups)


def _column(reader: Reader, scan: _Scan, j: int, refused: Mapping[int, str]) -> Iterator[Field]:
    if scan.vectors and reader.is_matrix:
        return  # a matrix has no columns of their own
    column = reader.columns[j]
    facts = scan.columns[j].facts if j in scan.columns else Facts(rows=scan.rows)
    facts.refused = refused.get(j, "")
    known = scan.dtypes.get(j, column.dtype or "unknown")
    yield Field(column.name, (j,), _inferred(facts) if _is_text_file(reader) else known, facts)


def _inferred(facts: Facts) -> str:
    """The type of a column of cells of text."""
    if facts.texts:
        return "mixed" if facts.numbers else "text"
    return ("integer" if facts.is_whole else "number") if facts.numbers else "empty"


def _vectors(reader: Reader, scan: _Scan) -> Iterator[Field]:
    for j, tally in scan.vectors.items():
        columns = tuple(range(tally.width)) if reader.is_matrix else (j,)
        name = "" if reader.is_matrix else reader.columns[j].name
        yield Field(name, columns, scan.dtypes[j], tally.facts, True, tally.width)


def _groups(reader: Reader, scan: _Scan) -> Iterator[Field]:
    for stem, columns in (scan.groups or {}).items():
        facts = scan.sums[stem].facts
        if any(scan.columns[j].facts.texts for j in columns):
            continue
        adds_up = facts.sums_to_one() or 0.999 < facts.exp_low <= facts.exp_high < 1.001
        others = {j for j in range(len(reader.columns)) if j not in columns}
        if stem == "*" and not adds_up and any(_is_role(reader, j) for j in others):
            continue
        dtypes = {scan.dtypes[j] for j in columns}
        dtype = dtypes.pop() if len(dtypes) == 1 else "mixed"
        dtype = ("integer" if facts.is_whole else "number") if _is_text_file(reader) else dtype
        yield Field(stem, columns, dtype, facts, True, len(columns), is_one_thing=stem != "*" or adds_up)


def _is_role(reader: Reader, j: int) -> bool:
    from losscli.columns import USUAL
    from losscli.inspection.names import is_usual

    return any(is_usual(reader.columns[j].name, role) for role in USUAL)
