"""What the command line shows while it works and while it is typed: progress on a terminal, and names of columns."""

import io
import os
import pty
import re
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest

import losscli
from tests import support
from tests.support import command, environment, put, write_npy

# Progress in Python


@pytest.mark.parametrize(
    ("pred", "known"),
    [("p.csv", None), ("p.npy", 10), ("p.parquet", 10), ("array", 10)],
    ids=["csv", "npy", "parquet", "array"],
)
def test_steps_count_the_rows(pred: str, known: int | None, here: Path) -> None:
    """How many rows there are is told where a file says so."""
    values = np.arange(10.0)
    put(here, {"p.csv": support.column("p", values), "p.npy": values, "p.parquet": {"p": values}})
    steps: list[tuple[int, int | None]] = []
    arrays: Any = {"pred": values if pred == "array" else pred, "target": "p.csv"}
    losscli.evaluate("mse", **arrays, block=4, progress=lambda *step: steps.append(step))
    assert steps == [(4, known), (8, known), (10, known)]


def test_steps_count_absent_rows() -> None:
    steps: list[tuple[int, int | None]] = []
    arrays: Any = {"pred": np.ones(6), "target": np.ones(6), "weight": [1, 0, 0, 1, 0, 1]}
    losscli.evaluate("mse", **arrays, block=2, progress=lambda *step: steps.append(step))
    assert steps == [(2, 6), (4, 6), (6, 6)]


# Progress on a terminal

ROWS = 1 << 20  # 4 MiB as text, more than is read at once
PART = b"1,3\n3,1\n" * (ROWS // 2)
WAIT = 1.3  # seconds: more than nothing is shown for


class Terminal:
    """A pseudo-terminal that collects what is written to it."""

    def __init__(self) -> None:
        self._master, self.slave = pty.openpty()
        self._parts: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while part := os.read(self._master, 1 << 16):
                self._parts.append(part)
        except OSError:  # Linux's way to say that the other end is closed
            pass

    def text(self) -> str:
        """All of it, when the last writer has gone."""
        self._reader.join()
        os.close(self._master)
        return b"".join(self._parts).decode()


def fed_slowly(folder: Path, parts: Sequence[bytes], *args: str, stderr: int) -> tuple[str, bytes | None, int]:
    """Run losscli on a standard input that pauses between its parts: stdout, stderr where it is a pipe, exit code."""
    argv = command("eval", "-l", "mse", "-", "--format", "value", *args)
    env = environment({"TERM": "xterm", "COLUMNS": "100", "NO_COLOR": "1"})
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=stderr, cwd=folder, env=env) as process:
        if stderr != pipe:
            os.close(stderr)
        assert process.stdin
        try:
            for pause, part in zip([0.0, *[WAIT] * len(parts)], parts, strict=False):
                sleep(pause)
                process.stdin.write(part)
                process.stdin.flush()
        except BrokenPipeError:
            pass  # it has gone, and its exit code says why
        stdout, errors = process.communicate(timeout=120)
    return stdout.decode(), errors, process.returncode


def screen(text: str) -> list[str]:
    """The lines that are left to be seen: line ends, and the sequences that go up a line and erase one."""
    lines, at = [""], 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
        if token == "\n":
            at += 1
            lines += [""] * (at + 1 - len(lines))
        elif re.fullmatch(r"\x1b\[\d*A", token):
            at = max(at - int(token[2:-1] or 1), 0)
        elif token == "\x1b[2K":
            lines[at] = ""
        elif token != "\r" and not token.startswith("\x1b"):
            lines[at] = token  # a line is always written whole
    return [line.rstrip() for line in lines if line.strip()]


def counted(text: str) -> list[int]:
    """The numbers of rows that were shown."""
    return [int(number.replace(",", "")) for number in re.findall(r"([\d,]+) rows(?!/)", text)]


TEXT = [b"y_pred,y\n" + PART, PART, PART]


def test_progress_is_shown_and_erased(tmp_path: Path) -> None:
    terminal = Terminal()
    stdout, _, code = fed_slowly(tmp_path, TEXT, stderr=terminal.slave)
    text = terminal.text()
    assert (stdout, code) == ("4.0\n", 0), text
    assert any(0 < rows <= 3 * ROWS for rows in counted(text)), text
    assert counted(text) == sorted(counted(text))
    assert screen(text) == []
    assert text.rfind("\x1b[?25h") >= text.rfind("\x1b[?25l"), "the cursor is shown again"


def test_progress_of_rows_that_are_known(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.tile([1.0, 3.0], 1 << 17))
    data = file.getvalue()
    write_npy(tmp_path / "t.npy", np.tile([3.0, 1.0], 1 << 17))
    terminal = Terminal()
    parts = [data[: 1 << 20], data[1 << 20 :]]
    stdout, _, code = fed_slowly(tmp_path, parts, "t.npy", stderr=terminal.slave)
    text = terminal.text()
    assert (stdout, code) == ("4.0\n", 0), text
    assert any(0 < rows <= 1 << 18 for rows in counted(text)), text
    assert screen(text) == []


def test_progress_makes_way_for_an_error(tmp_path: Path) -> None:
    terminal = Terminal()
    stdout, _, code = fed_slowly(tmp_path, [TEXT[0], PART + b"1,two\n"], stderr=terminal.slave)
    text = terminal.text()
    assert (stdout, code) == ("", 3), text
    assert counted(text)
    assert screen(text) == [f"losscli: error: -:{2 * ROWS + 2}:y: 'two' is not a number"]


def test_quiet_shows_no_progress(tmp_path: Path) -> None:
    terminal = Terminal()
    stdout, _, code = fed_slowly(tmp_path, TEXT[:2], "-q", stderr=terminal.slave)
    assert (terminal.text(), stdout, code) == ("", "4.0\n", 0)


def test_a_pipe_gets_no_progress(tmp_path: Path) -> None:
    assert fed_slowly(tmp_path, TEXT[:2], stderr=subprocess.PIPE) == ("4.0\n", b"", 0)


def test_short_work_shows_no_progress(tmp_path: Path) -> None:
    put(tmp_path, {"b.csv": "y_pred,y\n1,3\n"})
    terminal = Terminal()
    argv = command("eval", "-l", "mse", "b.csv", "--format", "value")
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=terminal.slave, cwd=tmp_path, env=environment()
    ) as process:
        os.close(terminal.slave)
        stdout, _ = process.communicate(timeout=60)
    assert (terminal.text(), stdout, process.returncode) == ("", b"4.0\n", 0)


# Completion

FILES = {
    "f.parquet": {"id": [1], "y_pred": [1.0], "y": [2.0], "weight": [1.0]},
    "t.csv": "y,yes,name\n1,2,a\n",
    "x.npy": [[1.0, 2.0]],
    "bare.csv": "1,2\n",
    "bad.csv": b"\xff\xfe\x00",
    "empty.csv": b"",
    "two words.csv": "y one,y\n1,2\n",
}
OPTIONS = ("--pred-col", "--target-col", "--weight-col", "--show")
COMPLETED = {
    "names that begin so": ("eval f.parquet --pred-col y", ["y_pred", "y"]),
    "all names": ("eval f.parquet --weight-col ", ["id", "y_pred", "y", "weight"]),
    "names of two files, each once": ("eval f.parquet t.csv --show y", ["y_pred", "y", "yes"]),
    "after other options": ("eval -l huber --delta 2 --grad t.csv --format json --show n", ["name"]),
    "after a sum of losses": ("eval -l 'mse + 0.5 * mae' t.csv --target-col ye", ["yes"]),
    "a name with a space in it": ("eval 'two words.csv' --pred-col ", ["y one", "y"]),
    "no such name": ("eval f.parquet --pred-col q", []),
    "no file yet": ("eval -l mse --pred-col y", []),
    "files that have no names or cannot be read": ("eval nowhere.csv - . x.npy bare.csv bad.csv empty.csv --show ", []),
    "a file beside one that is not there": ("eval nowhere.csv t.csv --pred-col ye", ["yes"]),
    "names of losses": ("eval t.csv --loss smo", ["smooth_l1"]),
}
Complete = Callable[[str], list[str]]


@pytest.fixture
def complete(tmp_path: Path) -> Complete:
    """What bash is told for a line that ends at the cursor."""
    put(tmp_path, FILES)

    def completed(line: str) -> list[str]:
        words = len(re.findall(r"'[^']*'|\S+", line)) + line.endswith(" ")
        env = {"_LOSSCLI_COMPLETE": "complete_bash", "COMP_WORDS": f"losscli {line}", "COMP_CWORD": str(words)}
        ran = support.run(cwd=tmp_path, env=env)
        assert (ran.stderr, ran.code) == ("", 0)
        return [name for name in ran.stdout.split("\n") if name]

    return completed


@pytest.mark.parametrize("name", COMPLETED)
def test_completion(name: str, complete: Complete) -> None:
    line, wanted = COMPLETED[name]
    assert complete(line) == wanted


@pytest.mark.parametrize("option", OPTIONS)
def test_options_that_take_columns(option: str, complete: Complete) -> None:
    assert complete(f"eval t.csv {option} y") == ["y", "yes"]
