"""Text and arrays compressed with gzip or zstd, as a stream: nothing is held but a block, checksums are verified.

A file is all its members or frames, one after the other, and nothing else: what is cut, damaged or followed by
something else is refused, since rows would be missing without a word.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from losscli.errors import InputError
from losscli.formats.source import HEAD, Source, check_ratio, spooled
from losscli.lazy import pa, zlib

if TYPE_CHECKING:
    from zlib import _Decompress

_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 16  # compressed bytes taken at a time
_BY_GZIP = 31  # zlib's word for a gzip header and trailer, of any window


class _Decoder(Protocol):
    def read(self, size: int) -> bytes:
        """Up to `size` bytes, none only at the end."""


class Decompressed:
    """What a compressed source holds, with the interface of `Source`. Its length is not known beforehand."""

    def __init__(self, source: Source) -> None:
        self.name, self._source = source.name, source
        self.size: int | None = None
        self._spool: BinaryIO | None = None
        self._start()
        self.head = self._waiting = self._filled(HEAD)

    def _start(self) -> None:
        self._input, self._taken, self._given = self._source, 0, 0
        self._decoder: _Decoder = _Gzip(self._take) if self._source.head.startswith(_GZIP) else _Zstd(self._take)
        self._waiting = b""

    def _take(self, size: int) -> bytes:
        part = self._source.read(size)
        self._taken += len(part)
        return part

    @property
    def is_long(self) -> bool:
        """Whether it pays to read ahead."""
        return self._source.is_long

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end, where the checksum is verified."""
        part, self._waiting = self._waiting[:size], self._waiting[size:]
        return part + self._filled(size - len(part)) if len(part) < size else part

    def _filled(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size and (part := self._decoded(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _decoded(self, size: int) -> bytes:
        try:
            part = self._decoder.read(size)
        except (zlib.error, EOFError) as error:
            what = str(error).split(": ")[-1]
        except OSError as error:  # of pyarrow's
            what = str(error)
        else:
            self._given += len(part)
            check_ratio(self.name, self._given, self._taken)
            return part
        raise InputError(f"{self.name}: damaged or cut compressed file: {what}; fetch or write it again")

    def restart(self) -> "Decompressed":
        """Back to the first byte, which takes decompressing again."""
        self._source.restart()
        self._start()
        return self

    def check_unchanged(self) -> None:
        """Raises InputError where the compressed file is not the one that was opened."""
        self._source.check_unchanged()

    def seekable(self) -> BinaryIO:
        """An unlinked copy, decompressed."""
        if self._spool is None:
            self._spool = spooled(self.restart() if self._given > len(self.head) else self, self._source.max_bytes)
            self.size = self._spool.tell()
        self._spool.seek(0)
        return self._spool

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()
        self._source.close()


class _Gzip:
    """The members of a gzip file, one after the other; zeros at the end are padding."""

    def __init__(self, take: Callable[[int], bytes]) -> None:
        self._take, self._pending = take, b""
        self._member: _Decompress | None = None

    def read(self, size: int) -> bytes:
        while True:
            self._pending = self._pending or self._take(_CHUNK)
            if self._member is None and not self._next_member():
                return b""
            if part := self._of_member(size):
                return part

    def _next_member(self) -> bool:
        while self._pending and not self._pending.strip(b"\0"):
            self._pending = self._take(_CHUNK)
        if self._pending and self._pending[0] != _GZIP[0]:
            raise EOFError("something else follows the compressed data")
        self._member = zlib.decompressobj(_BY_GZIP) if self._pending else None
        return bool(self._pending)

    def _of_member(self, size: int) -> bytes:
        member, is_over = self._member, not self._pending
        if member is None:
            return b""
        part = member.decompress(self._pending, size)
        self._pending = member.unconsumed_tail or member.unused_data
        if member.eof:
            self._member = None
        elif is_over and not part:
            raise EOFError("it ends early")
        return part


class _Zstd:
    """The frames of a zstd file, one after the other, decompressed by pyarrow."""

    def __init__(self, take: Callable[[int], bytes]) -> None:
        self._stream = pa.CompressedInputStream(pa.PythonFile(AsFile(take), "r"), "zstd")

    def read(self, size: int) -> bytes:
        found: bytes = self._stream.read(size)
        return found


class AsFile:
    """As much of a file as pyarrow wants of one that it only reads."""

    closed = False

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def read(self, size: int = -1) -> bytes:
        return self._read(size)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> Any:
        """The source is closed by who opened it."""
