"""What losscli reads of a file beside what another reader does: values bit for bit, refusals too."""

import io
import zipfile
from collections.abc import Callable, Sequence
from contextlib import closing
from math import isnan
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import losscli.formats.csv
from losscli.errors import LossError
from losscli.formats import BLOCK, Labels, Pick, Reader, open_reader
from tests.fuzz import reference
from tests.fuzz.sandbox import ANSWERED, FaultError
from tests.support import Ran

# what losscli asks where the reference takes the likelier of two readings
_CAUTIOUS = ("say --header or --no-header", "numbers with a decimal point", "a lone carriage return")


class Asked(NamedTuple):
    """What a command asks of a file: its header, and for the mean absolute error of two columns, how they are taken."""

    header: bool | None = None
    is_mae: bool = False
    drop: bool = False
    allow_inf: bool = False


_OTHER = (b"PAR1", b"PK\x03\x04", b"BZh")  # tokens that make it a file of another format
# cell by cell, and by the decoder; in one block or many
_WAYS = ((1 << 15, BLOCK), (1 << 15, 1), (0, BLOCK), (0, 2))
Agree = Callable[[str, bytes, Asked, Ran], None]


def csv(path: str, data: bytes, asked: Asked, ran: Ran) -> None:
    """Both ways to read, block by block or at once, and the number in the end. Raises FaultError."""
    if data.startswith(_OTHER):
        return
    try:
        table = reference.table(data, asked.header)
    except reference.RefusedError as error:
        table = None
        if ran.code in ANSWERED:
            raise FaultError(f"answered, though {error}") from None
    if asked.is_mae and table:
        _same_value(table, asked, ran)
    _same_columns(path, table, asked)


def _same_value(table: reference.Table, asked: Asked, ran: Ran) -> None:
    try:
        pred, target = (table.numbers(table.find(column)) for column in ("0", "1"))
        expected = reference.mean_absolute_error(pred, target, asked.drop, asked.allow_inf)
    except reference.RefusedError as error:
        if ran.code in ANSWERED:
            raise FaultError(f"answered {ran.stdout.strip()}, though {error}") from None
        return
    if ran.code in ANSWERED and repr(float(ran.stdout)) != repr(expected):
        raise FaultError(f"answered {ran.stdout.strip()} for {expected!r}")
    if ran.code not in ANSWERED and not any(word in ran.stderr for word in _CAUTIOUS):
        raise FaultError(f"refused, though the value is {expected!r}: {ran.stderr.strip()}")


def _same_columns(path: str, table: reference.Table | None, asked: Asked) -> None:
    for short, size in _WAYS:
        found, how = _read_csv(path, asked.header, short, size), f"blocks of {size}, decoder {not short}"
        if isinstance(found, list):
            if table is None:
                raise FaultError(f"read by {how}")
            _compare(table, found, how)
        elif table is not None and _is_fit(table) and not any(word in found for word in _CAUTIOUS):
            raise FaultError(f"refused by {how}: {found}")


def _is_fit(table: reference.Table) -> bool:
    try:
        for j in range(min(2, len(table.names))):
            table.numbers(j)
    except reference.RefusedError:
        return False
    return True


def _read_csv(path: str, header: bool | None, short: int, size: int) -> "list[Any] | str":
    """The first two columns as numbers, the others as labels and keys; or why they are refused."""
    kept, losscli.formats.csv.SHORT = losscli.formats.csv.SHORT, short
    try:
        with closing(open_reader("pred", path, header)) as reader:
            picks = [Pick((j,), labels=j > 1) for j in range(len(reader.columns))]
            picks += [Pick((j,), key=True) for j in range(2, len(reader.columns))]
            return [[c.name for c in reader.columns], *_columns(reader, picks, size)]
    except LossError as error:
        return str(error)
    finally:
        losscli.formats.csv.SHORT = kept


def _columns(reader: Reader, picks: Sequence[Pick], size: int) -> list[list[Any]]:
    """The values of all blocks, a list a pick."""
    found: list[list[Any]] = [[] for _ in picks]
    for block in reader.read(picks, size):
        for column, values in zip(found, block.values, strict=True):
            column.extend(_plain(values))
    return found


def _plain(values: Any) -> list[Any]:
    if isinstance(values, Labels):
        return [values.names[code] if code >= 0 else None for code in values.codes.tolist()]
    listed: list[Any] = values.tolist()
    return listed


def _compare(table: reference.Table, found: list[Any], how: str) -> None:
    names, *columns = found
    width = len(table.names)
    texts = [[text or None for text in table.texts(j)] for j in range(2, width)]
    try:
        numbers = [table.numbers(j) for j in range(min(2, width))]
    except reference.RefusedError as error:
        raise FaultError(f"read by {how}, though {error}") from None
    expected = [*numbers, *texts, *texts]
    if names != (table.names if table.headed else [str(j) for j in range(width)]):
        raise FaultError(f"{how}: columns {names}, not {table.names}")
    if len(columns) != len(expected):
        raise FaultError(f"{how}: {len(columns)} columns, not {len(expected)}")
    for j, (column, values) in enumerate(zip(columns, expected, strict=True)):
        if _exact(column) != _exact(values):
            raise FaultError(f"{how}: column {j} is {column}, not {values}")


def _exact(values: Sequence[Any]) -> list[Any]:
    """Values of which -0.0 is not 0.0, NaN is NaN, and 1 is 1.0."""
    return [_told(v) for v in values]


def _told(value: Any) -> Any:
    if isinstance(value, list):
        return _exact(value)
    return repr(float(value)) if isinstance(value, (float, np.floating)) or _is_float(value) else value


def _is_float(value: Any) -> bool:
    return isinstance(value, (bool, int)) and abs(value) < 2**1023 and float(value) == value


def npy(path: str, data: bytes, asked: Asked, ran: Ran) -> None:
    """As numpy.load has it, where it loads it. Raises FaultError."""
    _same_array(_read_all(path), data)


def npz(path: str, data: bytes, asked: Asked, ran: Ran) -> None:
    """The same of each member whose name is a plain one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
            members = {name: archive.read(name + ".npy") for name in names}
    except Exception:
        return
    for name, member in members.items():
        found = _read_all(f"{path}:{name}")
        if found is not None and names.count(name) > 1:
            raise FaultError(f"{name}: read, though it is there twice")
        _same_array(found, member)


def _read_all(path: str) -> list[list[Any]] | None:
    """The columns of an array, in small blocks, or None where they are refused."""
    try:
        with closing(open_reader("pred", path)) as reader:
            if reader.format != "npy":
                return None
            picks = [Pick((j,), labels=c.text) for j, c in enumerate(reader.columns)]
            return _columns(reader, picks, 3)
    except LossError:
        return None


def _same_array(found: list[list[Any]] | None, data: bytes) -> None:
    if found is None:
        return
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception:
        return
    rows = array.reshape(array.shape if array.ndim == 2 else (-1, 1))
    expected = [_decoded(column).tolist() for column in rows.T]
    if [_exact(column) for column in found] != [_exact(column) for column in expected]:
        raise FaultError(f"read {found}, where numpy.load reads {expected}")


def _decoded(column: Any) -> Any:
    return np.strings.decode(column, "utf8") if column.dtype.kind == "S" else column


def parquet(path: str, data: bytes, asked: Asked, ran: Ran) -> None:
    """As pyarrow reads it at once, where it does. Raises FaultError."""
    for name in _names(path):
        found = _read_column(path, name)
        if found is None:
            continue
        try:
            column = pq.read_table(io.BytesIO(data), columns=[name], use_threads=False).column(0)
            expected = column.to_pylist()
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            continue
        if _exact(found) != _exact([_meant(value, column.type) for value in expected]):
            raise FaultError(f"column {name!r} read as {found}, where pyarrow reads {expected}")


def _names(path: str) -> list[str]:
    try:
        with closing(open_reader("pred", path)) as reader:
            return [c.name for c in reader.columns] if reader.format == "parquet" else []
    except LossError:
        return []


def _read_column(path: str, name: str) -> list[Any] | None:
    try:
        with closing(open_reader("pred", path)) as reader:
            j = [c.name for c in reader.columns].index(name)
            return _columns(reader, [Pick((j,), labels=reader.columns[j].text)], 3)[0]
    except LossError:
        return None


def _meant(value: Any, kind: pa.DataType) -> Any:
    """A value of a column as losscli gives it: text stripped, decimals rounded once, a vector as numbers."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list):
        return [_meant(entry, kind.value_type) for entry in value]
    if value is None and (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)):
        return None
    if value is None or (isinstance(value, float) and isnan(value)):
        return float("nan")
    return int(value) if not isinstance(value, float) and value == int(value) else float(value)
