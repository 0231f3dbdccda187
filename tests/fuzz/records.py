"""JSON lines: files of them, mostly well-formed, and how they are read from their rules alone."""

import json
from collections.abc import Sequence
from math import isfinite, nan
from random import Random
from typing import Any, NamedTuple, NoReturn

from tests.fuzz.numerals import Number, RefusedError, number
from tests.fuzz.values import TEXTS

_PLAIN = ("0", "1", "-1", "2.5", "-0", "3e2", "0.1", "12345.678", "-7", "1e-3", "42", "100")
_ODD = (
    *("9007199254740993", "-9007199254740993", "9007199254740992", "18446744073709551617", "1e22", "1" + "0" * 30),
    *(
        "1E+05",
        "-0.0",
        "1e-400",
        "5e-324",
        "2.5e-324",
        "1.7976931348623157e308",
        "9007199254740993.0",
        "0.1e1",
        "1e400",
    ),
    *("true", "false", "null", "1" + "0" * 308, "1" + "0" * 309, "-1e-400", "9007199254740992.5"),
)
_WRONG = (
    *("NaN", "Infinity", "-Infinity", "01", "+1", ".5", "1.", "0x1", "1_0", "'a'", "{}", "[]", '{"a": 1}', "[[1]]"),
    *('"1"', '"\\ud800"', '"\\u0000"', "[1, null]", "[1, [2]]", '["a"]', "nul", "", "\u0661", "9" * 5000, "[" * 2000),
)
_TOKENS = tuple(
    token.encode()
    for token in (
        *("{", "}", "[", "]", ",", ":", '"', "\\", "\n", "\r\n", "\r", "\n\n", " ", "\t", "\0", "\ufeff", '"y_pred": '),
        *('"y"', "\\u00e9", "\\ud83d", "\u2028", "\x85", "\xa0", "-", "e", ".", "0", "null", "true", *_PLAIN, *_ODD),
        *(*_WRONG, "a", "\u4e2d"),
    )
)
TOKENS = (*_TOKENS, b"\xe9", b"\xed\xa0\x80", b"\xff\xfe", b"\x1f\x8b")


def records(random: Random) -> bytes:
    """Objects, arrays or numbers a line; the same kind in nearly all lines."""
    height, kind = random.choice((1, 2, 2, 3, 4, 5, 9)), random.choice(("object",) * 6 + ("array", "number"))
    names = random.choice(
        (["y_pred", "y", "z"],) * 8 + (["y_pred", "y"], ["0", "1", "2"], ["a", "b", "a"], ["", "y", 'q"q'])
    )
    kinds = [_kind(j, random) for j in range(3)]
    lines = []
    for _ in range(height):
        cells = [_cell(kinds[j], random) for j in range(len(names))]
        lines.append(_line(random.choice((kind,) * 99 + ("array",)), names, cells, random))
    end = random.choice(("\n", "\n", "\n", "\r\n"))
    tail = random.choice((end, end, end, "", end * 2, end + "  "))
    return (("\ufeff" if random.random() < 0.05 else "") + end.join(lines) + tail).encode("utf8", "surrogatepass")


def _kind(column: int, random: Random) -> str:
    return (
        "number" if column < 2 and random.random() < 0.93 else random.choice(("text", "text", "number", "list", "any"))
    )


def _cell(kind: str, random: Random) -> str:
    if random.random() < 0.01 or kind == "any":
        return random.choice((*_ODD, *_WRONG))
    if kind == "text":
        return json.dumps(random.choice(TEXTS), ensure_ascii=random.random() < 0.5)
    if kind == "list":
        return f"[{', '.join(_cell('number', random) for _ in range(2 if random.random() < 0.98 else 3))}]"
    return random.choice(_ODD[:-8] if random.random() < 0.06 else _PLAIN)


def _line(kind: str, names: Sequence[str], cells: list[str], random: Random) -> str:
    if kind == "number":
        return cells[0]
    if kind == "array":
        return f"[{', '.join(cells[:2])}]"
    pairs = [f"{json.dumps(n)}: {c}" for n, c in zip(names, cells, strict=True)]
    if random.random() < 0.1:
        random.shuffle(pairs)
    if random.random() < 0.02:
        pairs.pop()
    return "{" + random.choice((", ", ",")).join(pairs) + "}"


class _Number(NamedTuple):
    text: str


class Table(NamedTuple):
    """Columns of values as JSON has them, numbers as text."""

    names: list[str]
    headed: bool
    columns: list[list[Any]]

    def numbers(self, column: int) -> list[Any]:
        """A column of numbers, or of lists of one length. Raises RefusedError."""
        cells = self.columns[column]
        if any(isinstance(cell, list) for cell in cells):
            if not all(isinstance(cell, list) and cell and len(cell) == len(cells[0]) for cell in cells):
                raise RefusedError("lists of several lengths")
            flat = _numbers([entry for cell in cells for entry in cell])
            width = len(cells[0])
            return [flat[k : k + width] for k in range(0, len(flat), width)]
        return list(_numbers(cells))

    def is_text(self, column: int) -> bool:
        return any(isinstance(cell, str) for cell in self.columns[column])

    def texts(self, column: int) -> list[str | None]:
        """A column of text. Raises RefusedError."""
        if any(cell is not None and not isinstance(cell, str) for cell in self.columns[column]):
            raise RefusedError("text and something else")
        return [(cell or "").strip() or None for cell in self.columns[column]]


def _numbers(cells: Sequence[Any]) -> list[Number]:
    found = [_value(cell) for cell in cells]
    if any(isinstance(v, int) for v in found) and any(
        isinstance(v, float) and isfinite(v) and not v.is_integer() for v in found
    ):
        raise RefusedError("an integer that no float64 holds beside a fraction")
    return found


def _value(cell: Any) -> Number:
    if cell is None:
        return nan
    if isinstance(cell, bool):
        return float(cell)
    if not isinstance(cell, _Number):
        raise RefusedError("no number")
    return number(cell.text)


def table(data: bytes) -> Table:
    """The rows of a file by columns. Raises RefusedError."""
    rows = [_parsed(line) for line in _lines(data)]
    kinds = {_kind_of(row) for row in rows}
    if len(kinds) > 1 or kinds <= {str} or rows[0] in ([], {}):
        raise RefusedError("rows of several kinds, or of none")
    if kinds == {dict}:
        names = list(dict.fromkeys(name for row in rows for name in row))
        return Table(names, True, [[row.get(name) for row in rows] for name in names])
    if kinds == {list}:
        if any(isinstance(entry, (list, dict)) for entry in rows[0]) or len({len(row) for row in rows}) > 1:
            raise RefusedError("arrays in arrays, or of several lengths")
        return Table([str(j) for j in range(len(rows[0]))], False, [list(column) for column in zip(*rows, strict=True)])
    return Table(["0"], False, [rows])


def _kind_of(row: Any) -> type:
    return type(row) if isinstance(row, (dict, list, str)) and not isinstance(row, _Number) else float


def _lines(data: bytes) -> list[str]:
    try:
        text = data.decode("utf8").removeprefix("\ufeff").rstrip(" \t\r\n")
    except UnicodeDecodeError:
        raise RefusedError("not UTF-8") from None
    if "\0" in text or not text.strip():
        raise RefusedError("NUL, or nothing")
    return text.split("\n")


def _parsed(line: str) -> Any:
    try:
        found = json.loads(
            line, parse_float=_Number, parse_int=_Number, parse_constant=_no_number, object_pairs_hook=_object
        )
        json.dumps(found, ensure_ascii=False).encode("utf8")
    except (ValueError, RecursionError):
        raise RefusedError("no JSON, or half a character") from None
    return found


def _no_number(word: str) -> NoReturn:
    raise RefusedError(f"{word} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise RefusedError("a name twice")
    return dict(pairs)
