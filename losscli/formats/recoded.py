"""Bytes made of others ahead of the scan: text in another encoding becomes UTF-8, and lines are left out on request.

Only what asks for it goes this way, which is slower than reading the bytes as they are.
"""

import codecs
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from losscli.errors import InputError
from losscli.formats.source import HEAD

_MARKS = (  # the longer ones first: that of UTF-32 begins as that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_QUOTE = b'"'


class Bytes(Protocol):
    """What a scan needs of a stream: `read` gives the next bytes, fewer than asked for only at the end."""

    @property
    def name(self) -> str: ...
    @property
    def head(self) -> bytes: ...
    def read(self, size: int) -> bytes: ...


class Recoded:
    """A stream whose bytes a function makes of another's, part by part; it is told which part is the last."""

    def __init__(self, source: Bytes, convert: Callable[[bytes, bool], bytes]) -> None:
        self.name, self._source, self._convert = source.name, source, convert
        self._waiting, self._ended = b"", False
        self.head = self.read(HEAD)
        self._waiting = self.head + self._waiting

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end."""
        while len(self._waiting) < size and not self._ended:
            wanted = max(size, HEAD)
            part = self._source.read(wanted)
            self._ended = len(part) < wanted
            self._waiting += self._convert(part, self._ended)
        found, self._waiting = self._waiting[:size], self._waiting[size:]
        return found


def encoding_of(name: str, head: bytes, said: str | None) -> str | None:
    """The encoding of a file as its byte order mark or the user says; None for UTF-8. Raises InputError where they
    disagree.
    """
    mark = next((called for mark, called in _MARKS if head.startswith(mark)), None)
    spelt = codecs.lookup(said or mark or "utf-8").name.removesuffix("-sig")
    if mark and spelt != mark and not head[:4].decode(spelt, "ignore").startswith("\ufeff"):
        raise InputError(
            f"{name}: begins with the byte order mark of {mark.upper()}, not of {said}; take out --encoding"
        )
    if head and not mark and spelt in ("utf-16", "utf-32"):
        raise InputError(f"{name}: has no byte order mark: which comes first? say --encoding {spelt}-le or {spelt}-be")
    return None if spelt == "utf-8" else spelt


class Decoder:
    """Bytes of any encoding -> UTF-8. Raises InputError with the line of a byte that stands for nothing."""

    def __init__(self, name: str, encoding: str) -> None:
        self._name, self._encoding = name, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._feeds = self._returns = 0

    def __call__(self, data: bytes, is_last: bool) -> bytes:
        state: Any = self._decoder.getstate()
        try:
            return self._counted(self._decoder.decode(data, is_last))
        except UnicodeDecodeError:
            self._decoder.setstate(state)
            self._refuse(data)
            raise

    def _counted(self, text: str) -> bytes:
        self._feeds += text.count("\n")
        self._returns += text.count("\r")
        return text.encode("utf8", "surrogatepass")  # half a character is refused where UTF-8 is checked

    def _refuse(self, data: bytes) -> None:
        """Find the byte again: what a codec says of its position differs from codec to codec."""
        for k in range(len(data)):
            try:
                self._counted(self._decoder.decode(data[k : k + 1]))
            except UnicodeDecodeError as error:
                bad = error.object[error.start]
                raise InputError(f"{self._place}: byte 0x{bad:02X} is not {self._encoding}") from None
        raise InputError(f"{self._place}: the file ends inside a character of {self._encoding}; is it complete?")

    @property
    def _place(self) -> str:
        return f"{self._name}:{1 + (self._feeds or self._returns)}"


class Lines:
    """Comment lines and blank lines are left out, but not inside quotes; it is known which they were.

    What is blank depends on the separator: tabs may be empty cells. Where it is not said, tabs are blank if there is
    none in the first line.
    """

    def __init__(self, name: str, comment: str | None, skip_blank: bool, delimiter: str | None) -> None:
        self._name, self._comment, self._skips_blank = name, (comment or "").encode(), skip_blank
        self._blank = b" \r" if delimiter is None else b" \t\r".replace(delimiter.encode(), b"")
        self._is_settled = delimiter is not None
        self._newline, self._rest, self._quoted = b"", b"", False
        self._before = array("q")  # for each line left out, how many stand before it that are kept
        self._kept = self._comments = 0
        self._ended = False

    def __call__(self, data: bytes, is_last: bool) -> bytes:
        if not self._newline:
            self._newline = newline_of(data)
            data = data.removeprefix(codecs.BOM_UTF8)
        *lines, self._rest = (self._rest + data).split(self._newline)
        found = b"".join([line + self._newline for line in lines if self._keeps(line)])
        if is_last:
            self._ended = True
            return found + (self._rest if self._rest and self._keeps(self._rest) else b"")
        return found

    def _keeps(self, line: bytes) -> bool:
        text = line.lstrip(self._blank)
        if not self._quoted and self._is_left_out(text):
            self._before.append(self._kept)
            return False
        if not self._is_settled:
            self._is_settled = True
            self._blank += b"" if b"\t" in line else b"\t"
        self._kept += 1
        if _QUOTE in line:
            self._quoted ^= line.count(_QUOTE) % 2 == 1
        return True

    def _is_left_out(self, text: bytes) -> bool:
        if self._comment and text.startswith(self._comment):
            self._comments += 1
            return True
        return self._skips_blank and not text

    def original(self, line: int) -> int:
        """The line in the file that the so-manieth of the lines kept is."""
        return line + bisect_left(self._before, line)

    @property
    def notes(self) -> Sequence[str]:
        """How many lines were left out, once that is known."""
        blank = len(self._before) - self._comments
        found = [(self._comments, "comment line"), (blank, "blank line")]
        return [
            f"{self._name}: {count} {what}{'s are' if count > 1 else ' is'} left out"
            for count, what in found
            if count and self._ended
        ]


def newline_of(data: bytes) -> bytes:
    """What ends the lines of a text, CRLF included."""
    return b"\n" if b"\n" in data or b"\r" not in data else b"\r"
