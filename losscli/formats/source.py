"""Files as bytes: opened once, looked at, never parsed here. A path is never a glob, `-` is standard input.

What has to be held is measured against `max_bytes` before it is taken, so that no input fills memory or the disk.
"""

import io
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, Protocol

from losscli.errors import InputError
from losscli.formats.base import MAX_BYTES
from losscli.lazy import tempfile

HEAD = 1 << 16
_LONG = 1 << 20  # bytes
_MUCH, _DENSE = 1 << 30, 1000  # bytes decompressed, and times as many as before: no data of anybody's


class Stream(Protocol):
    """Bytes to be read from the first to the last, and again after `restart`: a file's, or a member's of an archive."""

    @property
    def name(self) -> str: ...
    @property
    def head(self) -> bytes: ...
    @property
    def size(self) -> int | None: ...
    @property
    def is_long(self) -> bool: ...
    def read(self, size: int) -> bytes: ...
    def restart(self) -> "Stream": ...
    def seekable(self) -> BinaryIO: ...
    def check_unchanged(self) -> None: ...
    def close(self) -> None: ...


class Source:
    """An opened file, pipe or standard input whose first bytes have been looked at without being lost.

    `name` is what messages call it, `head` up to 64 KiB of it, `size` its length where that is known beforehand,
    `max_bytes` how much of it may be held.
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> None:
        self.name, self.max_bytes = os.fspath(path), max_bytes
        self._file = _open(self.name)
        status = os.fstat(self._file.fileno())
        self._stamp = stamp(status)
        from_start = stat.S_ISREG(status.st_mode) and self._file.tell() == 0  # a script may have read some of `-`
        self.size = status.st_size if from_start else None
        self.head = self._guard(self._read_head)
        self._waiting = self.head

    def keep(self) -> None:
        """Make it bear to be read more than once: a pipe goes to an unlinked temporary file."""
        if self.size is None:
            self.seekable()

    @property
    def is_long(self) -> bool:
        """Whether it pays to read ahead. For a pipe's next bytes a thread might wait when the program should end."""
        return is_long(self.size)

    def _guard(self, read: Callable[..., bytes], *args: int) -> bytes:
        try:
            return read(*args)
        except OSError as error:
            raise InputError(f"{self.name}: cannot be read: {error.strerror or error}") from None

    def _read_head(self) -> bytes:
        parts, length = [], 0
        while length < HEAD and (part := self._file.read(HEAD - length)):
            parts.append(part)
            length += len(part)
        return b"".join(parts)

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end."""
        part, self._waiting = self._waiting[:size], self._waiting[size:]
        while len(part) < size and (more := self._guard(self._file.read, size - len(part))):
            part += more
        if len(part) < size:
            self.check_unchanged()
        return part

    def check_unchanged(self) -> None:
        """To be called when all of it has been read, as `read` does at the end. Raises InputError where it has been
        written to since it was opened: nobody knows then which bytes were read. A file that another one has taken the
        name of stays what it was.
        """
        if self._stamp and stamp(os.fstat(self._file.fileno())) != self._stamp:
            raise changed(self.name)

    def restart(self) -> "Source":
        """Back to the first byte. What is no regular file must have been kept."""
        self._file.seek(0)
        self._waiting = b""
        return self

    def seekable(self) -> BinaryIO:
        """The whole content as a file that can be sought in: the file itself, or an unlinked copy of the pipe."""
        if self.size is None:
            spool = spooled(self, self.max_bytes)
            self._file.close()
            self._file, self.size, self._waiting = spool, spool.tell(), b""
            self._stamp = None
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()


def stamp(status: os.stat_result) -> tuple[int, ...] | None:
    """What differs where a file has been changed or replaced; None for a pipe or a device, which ends as it ends."""
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def changed(name: str, how: str = "") -> InputError:
    """The refusal of a file that is not what it was."""
    return InputError(f"{name}: changed while it was read{how}; wait until it is complete")


def is_long(size: int | None) -> bool:
    """Whether so many bytes are worth a thread that reads ahead: fewer have been read before it is there."""
    return size is not None and size > _LONG


def spooled(stream: Stream, max_bytes: int) -> BinaryIO:
    """An unlinked temporary file of all that is left of a stream, at its end."""
    spool = tempfile.TemporaryFile()
    try:
        while part := stream.read(1 << 20):
            check_held(stream.name, spool.tell() + len(part), max_bytes, "has to be kept in a temporary file")
            spool.write(part)
    except BaseException:
        spool.close()
        raise
    return spool


def check_held(name: str, size: int, max_bytes: int, why: str) -> None:
    """Refuse to hold more than was said."""
    if size > max_bytes:
        raise InputError(f"{name}: {why}, and has more than {max_bytes} bytes; --max-bytes N allows more")


def check_ratio(name: str, size: int, compressed: int) -> None:
    """Refuse what decompresses to very much more than it was, as it may be made to fill a machine."""
    if size > _MUCH and size > _DENSE * compressed:
        raise InputError(
            f"{name}: {compressed} bytes decompress to {size} or more; if that is right, decompress it first"
        )


def _open(path: str) -> BinaryIO:
    if path == "-":
        if sys.stdin is None:
            raise InputError("-: standard input is closed")
        return io.FileIO(os.dup(sys.stdin.fileno()), "rb")
    if "://" in path and not os.path.exists(path):
        raise InputError(f"{path}: URLs are not read; fetch it first, or pipe it in as '-'")
    try:
        return open(path, "rb", buffering=0)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot be opened: {reason}") from None
