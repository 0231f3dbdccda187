"""Files that appear whole under their names, or not at all: written beside, synced, and renamed into place."""

import errno
import fcntl
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from shutil import copyfileobj
from typing import IO

from losscli.errors import OutputError

_SIGN = ".losscli-"  # in the names of unfinished files, before some random letters
_LONGEST = 200  # bytes of an output's name in that of its unfinished file: a name may have 255


class Output:
    """A file that appears whole under its name, or not at all: `commit` puts it there, `abort` leaves no trace."""

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path)
        self._is_stream = os.path.exists(self.path) and not os.path.isfile(self.path)  # a pipe or a device
        try:
            if os.path.isdir(self.path):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            handle, self._beside = tempfile.mkstemp() if self._is_stream else _unfinished(self.path)
        except OSError as error:
            raise OutputError(f"{path}: could not be written: {error.strerror}") from None
        try:
            self.file: IO[bytes] = os.fdopen(handle, "w+b")
        except BaseException:
            os.unlink(self._beside)
            raise

    def commit(self) -> None:
        """Sync and rename; the permissions of an old file stay. What is no file is written to as it is."""
        self.file.flush()
        if self._is_stream:
            self.file.seek(0)
            with open(self.path, "wb", buffering=0) as stream:
                copyfileobj(self.file, stream)
            return
        os.fchmod(self.file.fileno(), permissions(self.path))
        os.fsync(self.file.fileno())
        os.replace(self._beside, self.path)
        self.file.close()  # not before: its lock goes with it, and another run would take it for a stray

    def abort(self) -> None:
        """Take the unfinished file away."""
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            os.unlink(self._beside)


def _unfinished(path: str) -> tuple[int, str]:
    """A new file beside `path`, open and locked. What runs that were killed have left there is taken away.

    The system lets a lock go with the process that holds it: a file without one belongs to nobody any more.
    """
    folder, name = os.path.split(path)
    prefix = f".{os.fsdecode(os.fsencode(name)[:_LONGEST])}{_SIGN}"
    _take_away_strays(folder, prefix)
    while True:
        handle, beside = tempfile.mkstemp(dir=folder, prefix=prefix)
        if _lock(handle) is not False and os.fstat(handle).st_nlink:
            return handle, beside
        os.close(handle)  # another run has looked between the two, and taken it for a stray


def _take_away_strays(folder: str, prefix: str) -> None:
    with suppress(OSError), os.scandir(folder) as entries:
        strays = [e.path for e in entries if e.name.startswith(prefix) and e.is_file(follow_symlinks=False)]
        for stray in strays:
            with suppress(OSError):
                handle = os.open(stray, os.O_RDWR | os.O_NOFOLLOW)
                try:
                    if _lock(handle):
                        os.unlink(stray)
                finally:
                    os.close(handle)


def _lock(handle: int) -> bool | None:
    """Whether the file is locked now; None where its file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def permissions(path: str) -> int:
    """The permissions that the old file has, or a new one would get."""
    with suppress(OSError):
        return os.stat(path).st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@contextmanager
def undisturbed() -> Iterator[None]:
    """No signal comes between the making of a file and the promise to take it away again."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
