"""A hazard: files that are wrong in one way, the command a user would type, and what must come of it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests import support

Files = Mapping[str, Any]  # as `tests.support.put` writes them; a function is called with the folder to make its own
LINES_BEFORE = 300_000  # of a variant in which the fault stands far down a file


@dataclass(frozen=True)
class Hazard:
    """`number` is shared by the parts and variants of one hazard, which `name` tells apart.

    `args` is the command line after `losscli`; `code` the exit code; `says` are words that the first line on stderr
    has to hold (for exit 3: the place, what was found, what to do), `notes` words that stderr has to hold where the
    input is accepted, and `value` the value then printed by `--format value`.
    """

    number: int
    name: str
    files: Files
    args: Sequence[str]
    code: int = 0
    says: Sequence[str] = ()
    notes: Sequence[str] = ()
    value: str | None = None
    stdin: bytes | None = None  # where it is given, the command runs in a process of its own

    @property
    def id(self) -> str:
        return f"{self.number}-{re.sub('[^a-z0-9]+', '-', self.name.lower())}"

    def but(self, name: str, **changes: Any) -> "Hazard":
        """The same with something changed: a variant."""
        return replace(self, name=f"{self.name}, {name}", **changes)


def write(folder: Path, files: Files) -> None:
    """Write the files of a hazard into a folder."""
    made = {name: content for name, content in files.items() if not callable(content)}
    support.put(folder, made)
    for name, make in files.items():
        if callable(make):
            make(folder / name)


def check(hazard: Hazard, folder: Path, run: Callable[..., support.Ran]) -> None:
    """Write the files, run the command, and compare everything that a user sees."""
    write(folder, hazard.files)
    before = sorted(folder.rglob("*"))
    ran = run(*hazard.args) if hazard.stdin is None else support.run(*hazard.args, stdin=hazard.stdin, cwd=folder)
    said = f"exit {ran.code}\nstdout: {ran.stdout}\nstderr: {ran.stderr}"
    assert ran.code == hazard.code, said
    lines = ran.stderr.splitlines()
    assert all(line.startswith("losscli: ") for line in lines), said
    assert sorted(folder.rglob("*")) == before, f"files were written\n{said}"
    if hazard.code in (2, 3):
        assert ran.stdout == "", said
        assert len(lines) == 1, said
        assert lines[0].startswith("losscli: error: "), said
    for word in hazard.says:
        assert word in lines[0], f"{word!r} is not said\n{said}"
    for word in hazard.notes:
        assert word in ran.stderr, f"{word!r} is not said\n{said}"
    if hazard.code == 0 and not hazard.notes:
        assert not lines, said
    if hazard.value is not None:
        assert ran.stdout == hazard.value + "\n", said
