"""What losscli reads of a CSV file beside what the reference reads: values bit for bit, refusals too."""

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np

import losscli.formats.csv
from losscli.errors import LossError
from losscli.formats import BLOCK, Labels, Pick, Reader, open_reader
from losscli.formats.dialect import reading_of
from tests.fuzz import reference
from tests.fuzz.numerals import RefusedError, mean_absolute_error
from tests.fuzz.reference import Said
from tests.fuzz.sandbox import ANSWERED, FaultError
from tests.support import Ran

# what losscli asks, or sees as damage, where the reference takes the likelier of two readings
CAUTIOUS = (
    *("say --header or --no-header", "a comment, or the header?", " --delimiter '", "a lone carriage return"),
    *("damaged or cut compressed file", "is this line an ", "thousands of digits"),
    *("a merge conflict", "which has no name; name it"),
)


class Asked(NamedTuple):
    """What a command asks of a file: how it is written, and for the mean absolute error of two columns, what counts."""

    said: Said = Said()
    is_mae: bool = False
    drop: bool = False
    allow_inf: bool = False


PLAIN = Asked()
JSON = re.compile(rb"(\xef\xbb\xbf)?\s*(\{|\[\s*[\[{\"\d-])")
# a file that begins so is one of another format
_OTHER = (b"PAR1", b"PK\x03\x04", b"BZh", b"ARROW1", b"\xff\xff\xff\xff", b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
# cell by cell, and by the decoder; in one block or many; and how many columns before those of numbers are read as text
_WAYS = ((1 << 15, BLOCK, 0), (1 << 15, 1, 0), (0, BLOCK, 0), (0, 2, 0), (1 << 15, 2, 1), (0, BLOCK, 1), (0, 2, 2))
Agree = Callable[[str, bytes, Asked, Ran], None]


def csv(path: str, data: bytes, asked: Asked, ran: Ran) -> None:
    """All ways to read, block by block or at once, and the number in the end. Raises FaultError."""
    if data.startswith(_OTHER) or JSON.match(data):
        return
    try:
        table = reference.table(data, asked.said)
    except RefusedError as error:
        table = None
        if ran.code in ANSWERED:
            raise FaultError(f"answered, though {error}") from None
    if asked.is_mae and table:
        same_value(lambda column: table.numbers(table.find(column)), asked, ran)
    _same_columns(path, table, asked.said)


def same_value(numbers: Callable[[str], Sequence[Any]], asked: Asked, ran: Ran) -> None:
    """The mean absolute error of the columns 0 and 1 is what the command said. Raises FaultError."""
    try:
        expected = mean_absolute_error(numbers("0"), numbers("1"), asked.drop, asked.allow_inf)
    except RefusedError as error:
        if ran.code in ANSWERED:
            raise FaultError(f"answered {ran.stdout.strip()}, though {error}") from None
        return
    if ran.code in ANSWERED and repr(float(ran.stdout)) != repr(expected):
        raise FaultError(f"answered {ran.stdout.strip()} for {expected!r}")
    if ran.code not in ANSWERED and not any(word in ran.stderr for word in CAUTIOUS):
        raise FaultError(f"refused, though the value is {expected!r}: {ran.stderr.strip()}")


def _same_columns(path: str, table: reference.Table | None, said: Said) -> None:
    for short, size, first in _WAYS:
        found, how = _read_csv(path, said, short, size, first), f"blocks of {size}, decoder {not short}, from {first}"
        if isinstance(found, list):
            if table is None:
                raise FaultError(f"read by {how}")
            _compare(table, found, first, how)
        elif table is not None and _is_fit(table, first) and not any(word in found for word in CAUTIOUS):
            raise FaultError(f"refused by {how}: {found}")


def _is_fit(table: reference.Table, first: int) -> bool:
    try:
        for j in range(first, min(2, len(table.names))):
            table.numbers(j)
    except RefusedError:
        return False
    return True


def _read_csv(path: str, said: Said, short: int, size: int, first: int) -> "list[Any] | str":
    """The first two columns as numbers, or the second of them, or none; the others as labels and keys; or why they are
    refused.
    """
    kept, losscli.formats.csv.SHORT = losscli.formats.csv.SHORT, short
    try:
        with closing(open_reader("pred", path, reading_of(**said._asdict()))) as reader:
            texts = [j for j in range(len(reader.columns)) if not first <= j < 2]
            picks = [Pick((j,)) for j in range(first, min(2, len(reader.columns)))]
            picks += [*(Pick((j,), labels=True) for j in texts), *(Pick((j,), key=True) for j in texts)]
            return [[c.name for c in reader.columns], *columns(reader, picks, size)]
    except LossError as error:
        return str(error)
    finally:
        losscli.formats.csv.SHORT = kept


def columns(reader: Reader, picks: Sequence[Pick], size: int) -> list[list[Any]]:
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


def _compare(table: reference.Table, found: list[Any], first: int, how: str) -> None:
    names, *read = found
    width = len(table.names)
    texts = [j for j in range(width) if not first <= j < 2]
    try:
        numbers = [table.numbers(j) for j in range(first, min(2, width))]
    except RefusedError as error:
        raise FaultError(f"read by {how}, though {error}") from None
    expected = [*numbers, *map(table.texts, texts), *map(table.keys, texts)]
    if names != table.names:
        raise FaultError(f"{how}: columns {names}, not {table.names}")
    if len(read) != len(expected):
        raise FaultError(f"{how}: {len(read)} columns, not {len(expected)}")
    for j, (column, values) in enumerate(zip(read, expected, strict=True)):
        if exact(column) != exact(values):
            raise FaultError(f"{how}: column {j} is {column}, not {values}")


def exact(values: Sequence[Any]) -> list[Any]:
    """Values of which -0.0 is not 0.0, NaN is NaN, and 1 is 1.0."""
    return [_told(v) for v in values]


def _told(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return exact(value)
    return repr(float(value)) if isinstance(value, (float, np.floating)) or _is_float(value) else value


def _is_float(value: Any) -> bool:
    return isinstance(value, (bool, int)) and abs(value) < 2**1023 and float(value) == value
