"""Text from files and names, made safe to show: no control byte, no escape sequence, no bidirectional control."""

import unicodedata

_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}


def escape(text: str) -> str:
    r"""The text on one line, with what could steer a terminal written as `\x1b` or `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(c) for c in text)


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(c: str) -> int:
    return 0 if unicodedata.category(c) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1


def _shown(c: str) -> str:
    if unicodedata.category(c) not in _UNSAFE:
        return c
    code = ord(c)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
