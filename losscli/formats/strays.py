"""Lines that are no rows of a table: how a block is seen to have some, fast, before it is decoded as if it had none."""

import re
from collections.abc import Collection, Sequence

from losscli.formats.cells import Notation, number

MERGE = re.compile(r"<<<<<<< .*|=======|>>>>>>> .*")  # lines that git writes
_MERGE_MARKS = (b"<<<<<<< ", b"=======", b">>>>>>> ")
_CTRL_Z = b"\x1a"
_SPACE = (
    rb"(?:[ \t\f\v\x1c-\x1f]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)*"
)
# a row's only cell
_BLANK = re.compile(rb"(?:\A|\n|\r(?!\n))" + _SPACE + rb'(?:"' + _SPACE + rb'")?(?:\r(?!\n)|\r?\n)')
_CELL = _SPACE + rb'(?:"' + _SPACE + b")?%s" + _SPACE + rb'(?:"' + _SPACE + b")?"


class Strays:
    """What to look for in a table of some width: under a header, where `header` is the names in it."""

    def __init__(self, header: Sequence[str], width: int, delimiter: str, notation: Notation) -> None:
        self._width = width
        self._numbers = {j for j, name in enumerate(header) if not number(name, notation)[1]}
        names = [name.replace('"', '""').encode() for name in header]
        self._longest = max(names, key=len, default=b"")
        self._pattern = re.escape(delimiter).encode().join(_CELL % re.escape(name) for name in names)
        self._again: re.Pattern[bytes] | None = None

    def may_be_in(self, data: bytes, numbers: Collection[int]) -> bool:
        """Whether there may be one that a decoder would take for a row, of which it reads some columns as numbers."""
        if _CTRL_Z in data or (self._numbers.issuperset(numbers) and self._has_header(data)):
            return True
        if numbers:  # no blank line is one, nor what git writes
            return False
        return self._has_blank(data) or any(mark in data for mark in _MERGE_MARKS)

    def _has_header(self, data: bytes) -> bool:
        """Whether some line holds the names of the header, quoted or not."""
        if not self._longest or self._longest not in data:
            return False
        self._again = self._again or re.compile(rb"(?:\A|[\r\n])" + self._pattern + rb"(?:[\r\n]|\Z)")
        return self._again.search(data) is not None

    def _has_blank(self, data: bytes) -> bool:
        if self._width == 1:
            return _BLANK.search(data) is not None
        return data.startswith((b"\r", b"\n")) or any(ends in data for ends in (b"\n\n", b"\n\r\n", b"\r\r"))
