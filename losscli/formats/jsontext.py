"""Lines of JSON, parsed strictly: one value a line, no name twice, no NaN, nothing before or after a value.

The lines of a block are parsed together, as one array, which takes half the time. It finds the same as line by line
where every line is seen to be one flat value: each begins with the only brace it has, and there are as many values as
lines. A block of which that is not so, or that is refused, is parsed line by line, which names the place of the fault.
"""

import json
import re
from typing import Any, NamedTuple, NoReturn

from losscli.errors import InputError
from losscli.formats.source import Stream
from losscli.formats.text import BOM, LONGEST

KINDS = {dict: "an object", list: "an array", str: "a text", float: "a number"}
_BLANK = b" \t\r\n"
_MINUS_ZERO = re.compile(r"-0\s*([,\]}\n]|$)")  # an integer has no such zero, a float has
_OPENING: dict[type, bytes] = {dict: b"{", list: b"["}
_NO_NUMBERS = re.compile(rb'[,\[{"]')
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')


def how(name: str, of: str = ".[]") -> str:
    """How to make lines of a document of JSON."""
    return f"JSON is read as lines of one value each; write such lines: jq -c '{of}' {name} > x.jsonl"


class Part(NamedTuple):
    """Whole lines of a file, without a line end behind the last, and the line they start at."""

    data: bytes
    line: int


class Lines:
    """The text of a file, cut after whole lines."""

    def __init__(self, source: Stream) -> None:
        self.name, self._source = source.name, source
        if source.head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError(f"{self.name}: is UTF-16; save it as UTF-8")
        source.read(len(BOM) if source.head.startswith(BOM) else 0)
        self._pending, self._line, self.ended = b"", 1, False

    def next(self, size: int) -> Part | None:
        """The next whole lines, about `size` bytes of them; None at the end."""
        while not self.ended:
            part = self._source.read(size)
            self.ended = len(part) < size
            self._pending += part
            if data := self._whole_lines():
                found = Part(data.rstrip(_BLANK), self._line)
                self._line += data.count(b"\n")
                self._check(found)
                return found
            if len(self._pending) > LONGEST:
                raise InputError(f"{self.name}:{self._line}: a line longer than 16 MiB; {how(self.name)}")
        return None

    def _whole_lines(self) -> bytes:
        """What is pending up to the last line end; blank lines wait until more follows, as they may end the file."""
        data = self._pending if self.ended else self._pending[: self._pending.rfind(b"\n") + 1]
        kept = data.rstrip(_BLANK)
        end = data.find(b"\n", len(kept)) + 1 or len(data)
        end = end if kept else 0
        self._pending = self._pending[end:]
        return data[:end]

    def _check(self, part: Part) -> None:
        """Refuse NUL bytes and what is not UTF-8."""
        if b"\0" in part.data:
            raise InputError(f"{self._at(part, part.data.index(0))}: NUL byte; is the file truncated, or not text?")
        try:
            if not part.data.isascii():
                part.data.decode("utf8")
        except UnicodeDecodeError as error:
            what = f"byte 0x{part.data[error.start]:02X} is not UTF-8; save it as UTF-8"
            raise InputError(f"{self._at(part, error.start)}: {what}") from None

    def _at(self, part: Part, position: int) -> str:
        start = part.data.rfind(b"\n", 0, position) + 1
        line = part.line + part.data.count(b"\n", 0, position)
        return f"{self.name}:{line}:{position - start + 1}"


def values_of(part: Part, kind: type, name: str) -> list[Any]:
    """The values of the lines, all of one kind. Raises InputError with the place of the first fault."""
    text = part.data.decode("utf8")
    decoder = _decoder(text)
    if _is_flat(part.data, kind) and not _may_be_half(text):
        try:
            values: list[Any] = decoder.decode("[" + text.replace("\n", ",\n") + "]")
        except (ValueError, RecursionError):
            pass
        else:
            if len(values) == part.data.count(b"\n") + 1:
                return values
    lines = text.split("\n")
    return [
        _checked(_value(line, f"{name}:{part.line + k}", decoder), kind, name, part.line + k)
        for k, line in enumerate(lines)
    ]


def first_value(part: Part, name: str) -> Any:
    """The value of the first line. Raises InputError, for a document of another layout too."""
    line = part.data.partition(b"\n")[0].decode("utf8")
    value = _value(line, f"{name}:{part.line}", _decoder(line), f"; {how(name, '.' if line[:1] == '{' else '.[]')}")
    if isinstance(value, list) and any(isinstance(one, (dict, list)) for one in value):
        raise InputError(f"{name}:{part.line}: one JSON array of records; {how(name)}")
    if isinstance(value, str) or value in ([], {}):
        raise InputError(f"{name}:{part.line}: {KINDS[type(value)]} where a row is needed; {how(name)}")
    return value


def kind_of(value: Any) -> type:
    """`dict`, `list`, `str`, or `float` for what is read as a number: booleans and null too."""
    return type(value) if isinstance(value, (dict, list, str)) else float


def _checked(value: Any, kind: type, name: str, line: int) -> Any:
    if kind_of(value) is not kind:
        raise InputError(f"{name}:{line}: {KINDS[kind_of(value)]}, where the lines before hold {KINDS[kind]} each")
    return value


def _is_flat(data: bytes, kind: type) -> bool:
    """Whether every line begins with a brace, and there is no other."""
    if kind is float:
        return _NO_NUMBERS.search(data) is None
    brace = _OPENING[kind]
    ends = data.count(b"\n")
    return data.startswith(brace) and data.count(b"\n" + brace) == ends and data.count(brace) == ends + 1


def _may_be_half(text: str) -> bool:
    """Whether there are escapes of UTF-16, which stand for a character two by two."""
    return "\\u" in text and _SURROGATE.search(text) is not None


def _refuse_half(value: Any, place: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf8")
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise InputError(f"{place}: \\u{half:04x} alone is half a character; write the character") from None


def _decoder(text: str) -> json.JSONDecoder:
    integer = _integer if "-0" in text and _MINUS_ZERO.search(text) else None
    return json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse_constant, parse_int=integer)


def _integer(text: str) -> int | float:
    return -0.0 if text == "-0" else int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twice[:40]}' appears twice in an object")
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON; a missing value is null, an infinite one has no place")


def _value(line: str, place: str, decoder: json.JSONDecoder, hint: str = "") -> Any:
    if not line.strip():
        raise InputError(f"{place}: blank line; take it out, or write the value that is missing")
    try:
        value = decoder.decode(line)
    except json.JSONDecodeError as error:
        what = (error.msg[:1].lower() + error.msg[1:]).removesuffix(" at")
        raise InputError(f"{place}:{error.pos + 1}: not a line of JSON: {what}{hint}") from None
    except RecursionError:
        raise InputError(f"{place}: nested too deep") from None
    except ValueError as error:
        constant = next((match for match in _CONSTANT.finditer(line) if match[1]), None)
        if constant is not None:
            raise InputError(f"{place}:{constant.start() + 1}: {error}") from None
        what = "a number of thousands of digits" if "digits" in str(error) else str(error)
        raise InputError(f"{place}: {what}") from None
    if _may_be_half(line):
        _refuse_half(value, place)
    return value
