"""Text from files and names, made safe to show: no control byte, no escape sequence, no bidirectional control."""

import unicodedata
from typing import Any

from losscli.literals import format_number, parse_number

_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}


def escape(text: str) -> str:
    r"""The text on one line, with what could steer a terminal written as `\x1b` or `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(c) for c in text)


def _shown(c: str) -> str:
    if unicodedata.category(c) not in _UNSAFE:
        return c
    code = ord(c)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cell(value: Any) -> str:
    """A cell of CSV: a number in full, or text that no spreadsheet takes for a formula."""
    if isinstance(value, float):
        return format_number(value)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") and parse_number(value) is None:
        return "'" + value
    return "" if value is None else str(value)
