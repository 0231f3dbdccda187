"""Arrays and tables to files, block by block: CSV, Parquet, NPY and NPZ."""

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from losscli.errors import OutputError, UsageError
from losscli.lazy import np, pa, pq
from losscli.output import Output, undisturbed
from losscli.results import cell, flattened

if TYPE_CHECKING:
    from losscli.formats.maps import Grid
    from losscli.registry import Array

Columns = Mapping[str, Any]  # name -> array (n,) or (n, k), or a list of text
_HEADER = 128  # bytes kept for the header of an NPY file, whose shape is known at the end only


class TableWriter:
    """Rows of columns to a CSV, Parquet or NPY file, by suffix. An NPY file holds one column; rows that are pixels of a
    `grid` stand in it as images.
    """

    def __init__(self, path: str, grid: "Grid | None" = None) -> None:
        suffix = Path(path).suffix.lower()
        if suffix not in _SHEETS:
            raise UsageError(f"{path}: the name must end in {', '.join(_SHEETS)}")
        self._path = path
        self._output = Output(path)
        self._sheet = _Npy(self._output.file, grid) if suffix == _NPY else _SHEETS[suffix](self._output.file)

    def write(self, columns: Columns) -> None:
        """The next rows."""
        self._try(lambda: self._sheet.write(columns))

    def commit(self) -> None:
        """Complete the file and put it in its place."""
        self._try(self._sheet.finish)
        self._try(self._output.commit)

    def abort(self) -> None:
        """Leave no trace."""
        self._sheet.discard()
        self._output.abort()

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            raise OutputError(f"{self._path}: could not be written: {error.strerror or error}") from None


class _Npy:
    """One array, of several columns the loss: the header is written last, into the space kept for it. Pixels are held
    until their image is whole.
    """

    def __init__(self, file: IO[bytes], grid: "Grid | None" = None) -> None:
        self._file, self._grid, self._rows, self._shape = file, grid, 0, ()
        self._held: list[Array] = []
        file.write(bytes(_HEADER))

    def write(self, columns: Columns) -> None:
        main = next((columns[name] for name in ("loss", "term") if name in columns), None)
        values = np.ascontiguousarray(next(iter(columns.values())) if main is None else main, dtype="<f8")
        values = self._whole_images(values, self._grid) if self._grid else values
        self._rows, self._shape = self._rows + len(values), values.shape[1:]
        self._file.write(values.tobytes())

    def _whole_images(self, pixels: "Array", grid: "Grid") -> "Array":
        """The images that these pixels, and those before them, make up; the pixels of one that is not whole are kept.

        None is left at the end, as files have whole images.
        """
        self._held.append(pixels)
        count = sum(map(len, self._held))
        if count < grid.pixels:
            return grid.images(pixels[:0])
        found, whole = np.concatenate(self._held), count - count % grid.pixels
        self._held = [found[whole:]]
        return grid.images(found[:whole])

    def discard(self) -> None:
        """Nothing is held besides the file."""

    def finish(self) -> None:
        shape = (self._rows, *self._shape)
        text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
        self._file.seek(0)
        self._file.write(b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little"))
        self._file.write(text.ljust(_HEADER - 11) + b"\n")


class _Csv:
    """Comma-separated, with a header; an array (n, k) is k columns."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._has_header = file, False

    def write(self, columns: Columns) -> None:
        flat = flattened(columns)
        text = io.StringIO()
        rows = zip(*(map(cell, column) for column in flat.values()), strict=True)
        write_rows(text, rows if self._has_header else chain([[cell(name) for name in flat]], rows))
        self._has_header = True
        self._file.write(text.getvalue().encode("utf8", "backslashreplace"))

    def finish(self) -> None:
        """Nothing is left to be written."""

    def discard(self) -> None:
        """Nothing is held besides the file."""


def write_rows(text: IO[str], rows: Iterable[Sequence[str]]) -> None:
    r"""The rows as CSV. Python quotes a lone \r only from 3.13 on, although it ends a row for those who read it."""
    plain = csv.writer(text, lineterminator="\n")
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        (quoted if any("\r" in cell for cell in row) else plain).writerow(row)


class _Parquet:
    """A column a column; an array (n, k) is k columns."""

    _writer: Any

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._writer = file, None  # opened with the first rows, whose types it takes

    def write(self, columns: Columns) -> None:
        types = {} if self._writer is None else {field.name: field.type for field in self._writer.schema}
        flat = flattened(columns)
        table = pa.table({name: _column(values, types.get(name)) for name, values in flat.items()})
        if self._writer is None:
            self._writer = pq.ParquetWriter(pa.PythonFile(self._file, mode="w"), table.schema)
        self._writer.write_table(table)

    def finish(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def discard(self) -> None:
        """Close the writer while its file is open; what it still writes goes nowhere."""
        with suppress(Exception):
            self.finish()


_NPY = ".npy"
_SHEETS: dict[str, Callable[[IO[bytes]], Any]] = {".csv": _Csv, ".parquet": _Parquet, _NPY: _Npy}


def _column(values: list[Any], kind: Any) -> Any:
    """A column of the type it had in the first block; there, of the first type that holds it: integers, float64,
    text.
    """
    there = [v for v in values if v is not None]
    if kind is None:
        whole = there and all(isinstance(v, int) for v in there)
        number = there and all(isinstance(v, int | float) for v in there)
        kind = pa.int64() if whole else pa.float64() if number else pa.string()
    as_kind = str if kind == pa.string() else float if kind == pa.float64() else int
    return pa.array([None if v is None else as_kind(v) for v in values], kind)


class ArrayWriter:
    """Derivatives to a file: one array to NPY, CSV or Parquet, or a member a role to NPZ."""

    def __init__(self, path: str, name: str, roles: tuple[str, ...], grid: "Grid | None" = None) -> None:
        self._is_archive = Path(path).suffix.lower() == ".npz"
        if len(roles) > 1 and not self._is_archive:
            raise UsageError(f"{path}: there is a {name} for each of {', '.join(roles)}; the name must end in .npz")
        if not self._is_archive and Path(path).suffix.lower() not in _SHEETS:
            raise UsageError(f"{path}: the name must end in {', '.join(_SHEETS)} or .npz")
        self._name, self._path = name, path
        self._table = None if self._is_archive else TableWriter(path, grid)
        self._output = Output(path) if self._is_archive else None
        self._members: dict[str, IO[bytes]] = {}
        try:
            self._members = {role: tempfile.TemporaryFile() for role in roles if self._is_archive}  # noqa: SIM115
        except BaseException:
            self.abort()
            raise
        self._sheets = {role: _Npy(file, grid) for role, file in self._members.items()}

    def write(self, role: str, values: "Array") -> None:
        """The next rows of a role."""
        if self._table:
            self._table.write({self._name: values})
        else:
            self._sheets[role].write({self._name: values})

    def commit(self) -> None:
        """Complete the file and put it in its place."""
        if self._table:
            self._table.commit()
            return
        try:
            self._pack()
        except OSError as error:
            raise OutputError(f"{self._path}: could not be written: {error.strerror or error}") from None

    def _pack(self) -> None:
        if self._output is None:
            return
        with ZipFile(self._output.file, "w", ZIP_STORED, allowZip64=True) as archive:
            for role, file in self._members.items():
                self._sheets[role].finish()
                file.seek(0)
                with archive.open(f"{role}.npy", "w", force_zip64=True) as member:
                    while part := file.read(1 << 20):
                        member.write(part)
        self._output.commit()

    def abort(self) -> None:
        """Leave no trace."""
        for part in (self._table, self._output):
            if part:
                part.abort()
        for file in self._members.values():
            file.close()


def write_members(path: str, members: "Mapping[str, Array]") -> None:
    """Arrays of any shape to an NPZ file, a member a name, whole or not at all. Raises OutputError."""
    with undisturbed():
        output = Output(path)
    try:
        with ZipFile(output.file, "w", ZIP_STORED, allowZip64=True) as archive:
            for name, values in members.items():
                with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(values, dtype="<f8"), allow_pickle=False)
        output.commit()
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {error.strerror or error}") from None
    finally:
        output.abort()
