"""Small files to test with, and the command line, run as its users run it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
UNSET = (
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "FORCE_COLOR",
    "TERM",
    "PYTHONWARNINGS",
    "PYTHONIOENCODING",
    "PYTHONDONTWRITEBYTECODE",
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
)


@dataclass(frozen=True)
class Ran:
    """What a finished command left: its output as text (stdout must be UTF-8) and its exit code."""

    stdout: str
    stderr: str
    code: int


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what changes the output of a command line, and with `extra`."""
    return {**{key: value for key, value in os.environ.items() if key not in UNSET}, **(extra or {})}


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "losscli", *args]


def run(*args: str, stdin: bytes = b"", cwd: Path, env: Mapping[str, str] | None = None) -> Ran:
    """Run `losscli` with these arguments to its end."""
    return run_any(command(*args), stdin, cwd, env)


def run_any(argv: list[str], stdin: bytes, cwd: Path, env: Mapping[str, str] | None = None) -> Ran:
    done = subprocess.run(
        argv, input=stdin, cwd=cwd, env=environment(env), capture_output=True, timeout=300, check=False
    )
    return Ran(done.stdout.decode("utf8"), done.stderr.decode("utf8", "surrogateescape"), done.returncode)


def put(folder: Path, files: Mapping[str, Any]) -> None:
    """Write files: text or bytes as they are, lists and arrays as NPY, mappings of columns and tables as Parquet."""
    for name, content in files.items():
        path = folder / name
        if isinstance(content, str):
            path.write_bytes(content.encode())
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, pa.Table):
            pq.write_table(content, path)
        elif isinstance(content, Mapping):
            pq.write_table(pa.table(dict(content)), path)
        else:
            write_npy(path, np.asarray(content))


def write_npy(path: Path, array: Any, version: tuple[int, int] | None = None) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.asanyarray(array), version=version)


def raw_npy(header: str, body: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """An NPY file with any header, right or wrong."""
    text = header.encode("latin1")
    return b"\x93NUMPY" + bytes(version) + len(text).to_bytes(2 if version == (1, 0) else 4, "little") + text + body


def column(name: str, values: Any, end: str = "\n") -> str:
    """A CSV file of one column."""
    return end.join([name, *map(str, values)]) + end


def encoded(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
