"""Files as bytes: opened once, looked at, never parsed here. A path is never a glob, `-` is standard input."""

import io
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, Protocol

from losscli.errors import InputError
from losscli.lazy import tempfile

HEAD = 1 << 16
_LONG = 1 << 20  # bytes


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

    `name` is what messages call it, `head` up to 64 KiB of it, `size` its length where that is known beforehand. What
    is to be read more than once is asked to `keep`: a pipe then goes to an unlinked temporary file first.
    """

    def __init__(self, path: str | os.PathLike[str], keep: bool = False) -> None:
        self.name = os.fspath(path)
        self._file = _open(self.name)
        status = os.fstat(self._file.fileno())
        self._stamp = stamp(status)
        from_start = stat.S_ISREG(status.st_mode) and self._file.tell() == 0  # a script may have read some of `-`
        self.size = status.st_size if from_start else None
        self.head = self._guard(self._read_head)
        self._waiting = self.head
        if keep:
            self.seekable()
            self._waiting = b""

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
            spool = spooled(self.read)
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


def spooled(read: Callable[[int], bytes]) -> BinaryIO:
    """An unlinked temporary file of all that `read` gives, at its end."""
    spool = tempfile.TemporaryFile()
    try:
        while part := read(1 << 20):
            spool.write(part)
    except BaseException:
        spool.close()
        raise
    return spool


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
