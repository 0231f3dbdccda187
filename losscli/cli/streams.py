"""What reaches the outside: stdout whole or not at all, files whole or not at all, one line a message, and the exit
code.
"""

import errno
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from losscli.errors import LossError, OutputError
from losscli.escape import escape, width

NO_RESOURCES = 71  # the exit code where memory, or another thing that the system gives, has run out
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # of our own: no text of a file has them any more
_MOST = 5  # messages of a kind, before they are counted only
_MOST_SHOWN = 10  # annotations of a step that GitHub shows


def say(level: str, messages: Sequence[str]) -> None:
    """`losscli: note: …`, a line each on stderr; beyond five they are counted. A closed stderr is no error."""
    lines = [f"losscli: {level}: {_inert(escape(m))}" for m in messages[:_MOST]]
    if len(messages) > _MOST:
        lines.append(f"losscli: {level}: and {len(messages) - _MOST} more")
    _to_stderr(lines)


def annotate(messages: Sequence[str]) -> None:
    """Errors as GitHub Actions shows them beside a run: a line each on stderr; beyond ten they are counted."""
    shown = [escape(m).replace("%", "%25") for m in messages[:_MOST_SHOWN]]  # a line end is escaped already
    if len(messages) > _MOST_SHOWN:
        shown[-1] += f" (and {len(messages) - _MOST_SHOWN} more)"
    _to_stderr([f"::error title=losscli::{text}" for text in shown])


def _inert(text: str) -> str:
    """Text that the runner of GitHub Actions takes no command from: it looks for `##[` anywhere in a line."""
    return text.replace("##[", r"#\x23[") if os.environ.get("GITHUB_ACTIONS") else text


def _to_stderr(lines: Sequence[str]) -> None:
    if sys.stderr is not None and lines:
        with suppress(OSError):  # past Python's own buffer, which would fail once more at exit
            os.write(2, "".join(line + "\n" for line in lines).encode("utf8", "backslashreplace"))


def on_terminal() -> bool:
    """Whether standard output is a terminal."""
    return os.isatty(1)


def write_out(text: str) -> int:
    """The whole text to stdout, past Python's own buffer, so that a full disk or a closed pipe is seen here. Returns
    0.
    """
    if sys.stdout is None:
        raise OutputError("the result could not be written: standard output is closed")
    data = memoryview(text.encode("utf8", "backslashreplace"))
    try:
        while data:
            data = data[_write(data) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"the result could not be written to standard output: {error.strerror}") from None
    return 0


def _write(data: memoryview) -> int:
    """Some of the bytes to stdout; how many. A pipe that would not wait for its reader is waited for here."""
    try:
        return os.write(1, data)
    except BlockingIOError:
        from select import select

        select([], [1], [])
        return 0


def write_file(path: str, text: str) -> None:
    """The whole text as a file: written beside, synced, and renamed into place. A pipe or a device is written to as
    it is.
    """
    try:
        if os.path.realpath(path) == os.path.realpath("/dev/stdout"):
            write_out(text)
            return
        _replace(path, text.encode("utf8", "backslashreplace"))
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {error.strerror}") from None


def append_file(path: str, text: str) -> None:
    """The text at the end of a file, apart from what is there by an empty line; whole, or the file is as it was."""
    try:
        with open(path, "ab", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            data = ("\n\n" * bool(size) + text).encode("utf8", "backslashreplace")
            try:
                while data:
                    data = data[file.write(data) or 0 :]
            except OSError:
                with suppress(OSError):
                    file.truncate(size)
                raise
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {error.strerror}") from None


def show(text: str) -> int:
    """As `write_out`, for text that people read: on a terminal, lines that are wider than it are broken at spaces. The
    terminal would break them anywhere, in a number too.
    """
    if not on_terminal():
        return write_out(text)
    from shutil import get_terminal_size

    columns = get_terminal_size().columns
    lines = text.removesuffix("\n").split("\n")
    return write_out("".join(f"{part}\n" for line in lines for part in _folded(line, columns)))


def _folded(line: str, columns: int) -> list[str]:
    """The line, or parts of it, indented as it is."""
    if _width(line) <= columns:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    parts, rest = [], indent
    for word in re.findall(r"\s*\S+", line[len(indent) :]):
        if _width(rest + word) > columns and rest.strip():
            parts.append(rest)
            rest = indent + word.lstrip()
        else:
            rest += word
    return [*parts, rest]


def _width(text: str) -> int:
    return width(_COLOURS.sub("", text))


def deliver(text: str, output: str | None, format: str) -> int:
    """The whole text in a format where it was asked for: as a file, or on stdout. Returns 0."""
    if output is None:
        return show(text) if format == "table" else write_out(text)
    write_file(output, text)
    return 0


def wants_colour(output: str | None) -> bool:
    """Colour on a terminal that has it; NO_COLOR and FORCE_COLOR decide where they are set."""
    if os.environ.get("NO_COLOR") or output:
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (on_terminal() and os.environ.get("TERM") != "dumb")


def _replace(path: str, data: bytes) -> None:
    from losscli.output import Output, undisturbed  # slow to import, and rarely needed

    with undisturbed():
        output = Output(path)
    try:
        output.file.write(data)
        output.commit()
    finally:
        output.abort()


def guarded(action: Callable[[], int], debug: bool, github: bool = False) -> int:
    """Run a command; whatever goes wrong is one line on stderr and an exit code, never a traceback (but with
    --debug); with `github` an annotation too.
    """
    try:
        return action()
    except LossError as error:
        return _ended(str(error), error.exit_code, github)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except Exception as error:
        return _failed(error, debug, github)


def _ended(message: str, code: int, github: bool) -> int:
    say("error", [message])
    if github:
        annotate([message])
    return code


def _failed(error: Exception, debug: bool, github: bool) -> int:
    if found := _of_the_system(error):
        return _ended(*found, github)
    if debug:
        from traceback import print_exception

        print_exception(error)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    message = f"internal error, please report it with the command and the output of --debug: {what}"
    return _ended(message, LossError.exit_code, github)


_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_HANDLES = (errno.EMFILE, errno.ENFILE)
_NO_MEMORY = (errno.ENOMEM, errno.EAGAIN)
_TOLD = {  # what libraries and threads say instead of an error of the system's
    "too many open files": errno.EMFILE,
    "failed to map segment": errno.ENOMEM,
    "cannot allocate memory": errno.ENOMEM,
    "can't start new thread": errno.ENOMEM,
}


def _of_the_system(error: Exception) -> tuple[str, int] | None:
    """What the system is short of, and the exit code; None where it is not the system's fault."""
    number = _number(error)
    if number in _NO_SPACE:
        return f"no space left for temporary files: {os.strerror(number)}", OutputError.exit_code
    if number in _NO_HANDLES:
        return f"{os.strerror(number).lower()}: raise the limit, ulimit -n", NO_RESOURCES
    if number in _NO_MEMORY:
        return "out of memory", NO_RESOURCES
    if isinstance(error, FileNotFoundError) and "temporary directory" in str(error.strerror):  # of tempfile
        return (
            "no folder for temporary files can be written to: is the disk full? TMPDIR names another",
            OutputError.exit_code,
        )
    return None


def _number(error: Exception) -> int:
    """The number that the system has for what went wrong; 0 where it has none."""
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, OSError):
        return error.errno or 0
    said = str(error).lower() if isinstance(error, (ImportError, RuntimeError)) else ""
    return next((number for text, number in _TOLD.items() if text in said), 0)
