"""The command line inside this process, many times a second: its streams caught, what it may not do looked for."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from math import isfinite
from pathlib import Path

from losscli.cli import app
from losscli.cli.streams import guarded
from tests.support import UNSET, Ran

ANSWERED, REFUSED = (0, 4), (2, 3)
_ERROR, _SAID = re.compile(r"losscli: error: \S.*"), re.compile(r"losscli: (note|warning): \S.*")
_STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # Unicode categories of what could steer a terminal


class FaultError(AssertionError):
    """What losscli must not do with any input."""


class Sandbox:
    """An empty folder, this process's current one, and its file descriptors 1 and 2."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._streams = [os.memfd_create(name) for name in ("stdout", "stderr")]

    def run(self, arguments: Sequence[str], whole: bool) -> Ran:
        """The command: `whole` as it is typed, else with its arguments parsed once, which takes most of the time."""
        code = app.run(arguments) if whole else guarded(_action(tuple(arguments)), debug=False)
        out, err = (_emptied(stream) for stream in self._streams)
        return Ran(_text(out, "stdout"), _text(err, "stderr"), code)

    @contextmanager
    def entered(self) -> Iterator["Sandbox"]:
        before, kept = Path.cwd(), [os.dup(number) for number in (1, 2)]
        for name in UNSET:
            os.environ.pop(name, None)
        os.chdir(self.folder)
        for number, stream in zip((1, 2), self._streams, strict=True):
            os.dup2(stream, number)
        try:
            yield self
        finally:
            for number, old in zip((1, 2), kept, strict=True):
                os.dup2(old, number)
                os.close(old)
            os.chdir(before)
            for stream in self._streams:
                os.close(stream)


@cache
def _action(arguments: tuple[str, ...]) -> Callable[[], int]:
    return app.parsed(arguments)


def _emptied(stream: int) -> bytes:
    size = os.lseek(stream, 0, os.SEEK_CUR)
    if not size:
        return b""
    data = os.pread(stream, size, 0)
    os.ftruncate(stream, 0)
    os.lseek(stream, 0, os.SEEK_SET)
    return data


def _text(data: bytes, stream: str) -> str:
    try:
        return data.decode("utf8")
    except UnicodeDecodeError:
        raise FaultError(f"{stream} is not UTF-8: {data[:200]!r}") from None


def check(ran: Ran, is_bare: bool) -> None:
    """Exit code and streams agree with one another; `is_bare` where stdout is a number alone. Raises FaultError."""
    if ran.code not in ANSWERED + REFUSED:
        raise FaultError(f"exit code {ran.code}: {ran.stderr.strip()}")
    lines = ran.stderr.split("\n")
    if lines.pop() or any(unicodedata.category(c) in _STEERING for line in lines for c in line if not c.isprintable()):
        raise FaultError(f"not whole lines of plain text on stderr: {ran.stderr!r}")
    errors = [line for line in lines if _ERROR.fullmatch(line)]
    if len(lines) != len(errors) + len([line for line in lines if _SAID.fullmatch(line)]):
        raise FaultError(f"stderr has other lines: {ran.stderr!r}")
    if ran.code in REFUSED and (len(lines) != 1 or not errors or ran.stdout):
        raise FaultError(f"refused ({ran.code}) with {len(lines)} lines on stderr, {ran.stdout!r} on stdout")
    if ran.code in ANSWERED and (bool(errors) != (ran.code == 4) or not ran.stdout.endswith("\n")):
        raise FaultError(f"answered ({ran.code}) with {ran.stdout!r}, and on stderr {ran.stderr!r}")
    if ran.code in ANSWERED and is_bare and isfinite(float(ran.stdout)) != (ran.code == 0):
        raise FaultError(f"exit code {ran.code} for {ran.stdout!r}")
