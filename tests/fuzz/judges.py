"""What losscli reads of other files beside what another reader does: values bit for bit."""

import io
import zipfile
from contextlib import closing
from datetime import date, datetime
from math import isnan
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from losscli.errors import LossError
from losscli.formats import Pick, open_reader
from tests.fuzz.agreement import Asked, columns, exact
from tests.fuzz.sandbox import FaultError
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


def _read_all(path: str) -> list[list[Any]] | None:
    """The columns of an array, in small blocks, or None where they are refused."""
    try:
        with closing(open_reader("pred", path)) as reader:
            if reader.format != "npy":
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
    rows = array.reshape(array.shape if array.ndim == 2 else (-1, 1))
    expected = [_decoded(column).tolist() for column in rows.T]
    if [exact(column) for column in found] != [exact(column) for column in expected]:
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
        except (pa.ArrowException, OSError, ValueError, OverflowError):  # of dates before the year 1
            continue
        if exact(found) != exact([_meant(value, column.type) for value in expected]):
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
