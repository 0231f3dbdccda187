"""What losscli reads of other files beside what another reader does: values bit for bit."""

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, datetime
from math import isnan
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from losscli.errors import LossError
from losscli.formats import Pick, open_reader
from tests.fuzz import agreement, records
from tests.fuzz.agreement import CAUTIOUS, Agree, Asked, columns, exact, same_value
from tests.fuzz.numerals import RefusedError
from tests.fuzz.sandbox import ANSWERED, FaultError
from tests.fuzz.values import TYPES
from tests.support import Ran


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


def _read_all(path: str, format: str = "npy") -> list[list[Any]] | None:
    """The columns of an array, in small blocks, or None where they are refused."""
    try:
        with closing(open_reader("pred", path)) as reader:
            if reader.format != format:
                return None
            picks = [Pick((j,), labels=c.text) for j, c in enumerate(reader.columns)]
            return columns(reader, picks, 3)
    except LossError:
        return None


def _same_array(found: list[list[Any]] | None, data: bytes) -> None:
    if found is None:
        return
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception:
        return
    expected = [_decoded(column).tolist() for column in _columns_of(array)]
    if [exact(column) for column in found] != [exact(column) for column in expected]:
        raise FaultError(f"read {found}, where numpy.load reads {expected}")


def _columns_of(array: Any) -> list[Any]:
    """The columns of (n,) and (n, d); of more dimensions one, whose cells are rows as C has them."""
    if array.ndim > 2:
        return [array.reshape(len(array), -1)]
    return list(array.reshape(array.shape if array.ndim == 2 else (-1, 1)).T)


def _decoded(column: Any) -> Any:
    return np.strings.decode(column, "utf8") if column.dtype.kind == "S" else column


def parquet(path: str, data: bytes, asked: Asked, ran: Ran) -> None:
    """As pyarrow reads it at once, where it does. Raises FaultError."""
    for name in _names(path, "parquet"):
        found = _read_column(path, name)
        if found is None:
            continue
        try:
            column = pq.read_table(io.BytesIO(data), columns=[name], use_threads=False).column(0)
            expected = column.to_pylist()
        except (pa.ArrowException, OSError, ValueError, OverflowError):  # of dates before the year 1
            continue
        if exact(found) != exact([_meant(value, column.type) for value in expected]):
            raise FaultError(f"column {name!r} read as {found}, where pyarrow reads {expected}")


def arrow(path: str, data: bytes, asked: Asked, ran: Ran) -> None:
    """As pyarrow reads all batches and columns of the stream at once, where it does. Raises FaultError."""
    names = _names(path, "arrow")
    if not names:
        return
    try:
        with pa.ipc.open_stream(pa.BufferReader(data[8:] if data.startswith(b"ARROW1") else data)) as stream:
            table = stream.read_all()
            table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError):
        return
    for j, name in enumerate(names):
        column = table.column(j)
        found = _read_column(path, name)
        if found is None:
            continue
        try:
            expected = [_meant(value, column.type) for value in column.to_pylist()]
        except (ValueError, OverflowError):
            continue
        if exact(found) != exact(expected):
            raise FaultError(f"column {name!r} read as {found}, where pyarrow reads {expected}")


def safetensors(path: str, data: bytes, asked: Asked, ran: Ran) -> None:
    """As the header has it, read with numpy.frombuffer. Raises FaultError."""
    if data[8:9] != b"{" or not 2 <= int.from_bytes(data[:8], "little") < 1 << 40:
        return
    tensors = _tensors(data)
    if tensors is None and ran.code in ANSWERED and _format(path) == "safetensors":
        raise FaultError("answered, though the header is wrong")
    for name, array in (tensors or {}).items():
        found = _read_all(f"{path}:{name}", "safetensors")
        expected = [column.tolist() for column in _columns_of(array)] if array.size else []
        if found is not None and list(map(exact, found)) != list(map(exact, expected)):
            raise FaultError(f"{name}: read {found}, where its bytes are {expected}")
        is_plain = array.ndim and array.size and array.dtype.kind in "fiu" and name.isidentifier()
        if found is None and is_plain:
            raise FaultError(f"{name}: refused")


def _tensors(data: bytes) -> dict[str, Any] | None:
    """The arrays of a file whose header is right; of types that are not read, none."""
    start = 8 + int.from_bytes(data[:8], "little")
    found, ends = {}, []
    try:
        header = json.loads(data[8:start].decode("utf8"), object_pairs_hook=_pairs)
        for name, tensor in header.items():
            if name == "__metadata__":
                continue
            shape, (low, high) = tensor["shape"], tensor["data_offsets"]
            if not all(type(number) is int for number in (*shape, low, high)):
                raise TypeError
            ends.append((low, high))
            if tensor["dtype"] in TYPES:
                array = np.frombuffer(data[start + low : start + high], TYPES[tensor["dtype"]])
                wide = (array.astype(np.uint32) << 16).view(np.float32) if tensor["dtype"] == "BF16" else array
                found[name] = wide.reshape(shape)
        borders = [0, *(high for _, high in sorted(ends))]
        is_whole = start <= len(data) and [low for low, _ in sorted(ends)] == borders[:-1]
        return found if is_whole and start + borders[-1] == len(data) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def jsonl(path: str, data: bytes, asked: Asked, ran: Ran) -> None:
    """Line by line, from the rules of JSON; refusals too. Raises FaultError."""
    try:
        table = records.table(data)
    except RefusedError as error:
        if ran.code in ANSWERED and _format(path) == "jsonl":
            raise FaultError(f"answered, though {error}") from None
        return
    if _format(path) not in ("jsonl", ""):
        return
    for j in range(len(table.names)):
        for size in (1, 1000):
            _same_cells(path, table, j, size)
    if asked.is_mae:
        _same_error(table, asked, ran)


def _same_error(table: records.Table, asked: Asked, ran: Ran) -> None:
    def numbers(column: str) -> Sequence[Any]:
        at = table.names.index(column) if table.headed and column in table.names else int(column)
        if at >= len(table.names):
            raise RefusedError("no such column")
        return table.numbers(at)

    if not any(isinstance(cell, list) for column in table.columns for cell in column):
        same_value(numbers, asked, ran)


def _same_cells(path: str, table: records.Table, j: int, size: int) -> None:
    wanted = table.texts if table.is_text(j) else table.numbers
    expected, why = None, ""
    try:
        expected = wanted(j)
    except RefusedError as error:
        why = str(error)
    try:
        with closing(open_reader("pred", path)) as reader:
            if [c.name for c in reader.columns] != table.names:
                raise FaultError(f"columns {[c.name for c in reader.columns]}, not {table.names}")
            found = columns(reader, [Pick((j,), labels=table.is_text(j))], size)[0]
    except LossError as error:
        if expected is not None and not any(word in str(error) for word in CAUTIOUS):
            raise FaultError(f"column {j} refused: {error}") from None
        return
    if expected is None or exact(found) != exact(expected):
        raise FaultError(f"column {j} read as {found}, not {expected}{why}")


def _format(path: str) -> str:
    try:
        with closing(open_reader("pred", path)) as reader:
            return reader.format
    except LossError:
        return ""


def inside(decompress: Callable[[bytes], bytes], judge: Agree) -> Agree:
    """What is in a compressed file, as another decoder has it. Raises FaultError."""

    def agree(path: str, data: bytes, asked: Asked, ran: Ran) -> None:
        if not data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
            return
        try:
            plain = decompress(data)
        except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
            if ran.code in ANSWERED:
                raise FaultError(f"answered, though {error}") from None
            return
        if ran.code not in ANSWERED and any(word in ran.stderr for word in CAUTIOUS):
            return
        judge(path, plain, asked, ran)

    return agree


def gunzipped(data: bytes) -> bytes:
    return gzip.decompress(data)


def unzstd(data: bytes) -> bytes:
    found: bytes = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
    return found


def text(path: str, data: bytes, asked: Asked, ran: Ran) -> None:
    """CSV, or JSON lines where it begins so. Raises FaultError."""
    if not agreement.JSON.match(data):
        agreement.csv(path, data, asked, ran)
    elif asked.said == Asked().said:
        jsonl(path, data, asked, ran)


def _names(path: str, format: str) -> list[str]:
    try:
        with closing(open_reader("pred", path)) as reader:
            return [c.name for c in reader.columns] if reader.format == format else []
    except LossError:
        return []


def _read_column(path: str, name: str) -> list[Any] | None:
    try:
        with closing(open_reader("pred", path)) as reader:
            j = [c.name for c in reader.columns].index(name)
            return columns(reader, [Pick((j,), labels=reader.columns[j].text)], 3)[0]
    except LossError:
        return None


def _meant(value: Any, kind: pa.DataType) -> Any:
    """A value of a column as losscli gives it: text stripped, dates as ISO 8601 has them, decimals rounded once, a
    vector as numbers.
    """
    if isinstance(value, list):
        return [_meant(entry, kind.value_type) for entry in value]
    if isinstance(value, datetime):
        text = value.isoformat(" ", "seconds" if kind.unit == "s" else "microseconds")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, (str, date)):
        return str(value).strip() or None
    if value is None and (pa.types.is_temporal(kind) or _is_text(kind)):
        return None
    if value is None or (isinstance(value, float) and isnan(value)):
        return float("nan")
    return int(value) if not isinstance(value, float) and value == int(value) else float(value)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))
