"""README.md is true: its commands print what it shows, and its Python does what its comments say."""

import ast
import contextlib
import io
import os
import re
import shutil
import sysconfig
from pathlib import Path

import pytest

from losscli import registry
from losscli.columns import USUAL, USUAL_VECTORS
from tests.support import ROOT, run_any

TEXT = (ROOT / "README.md").read_text("utf8")
MARK = "\x1e\n"  # printed after each command, to tell the outputs of a block's commands apart


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return [block for block in found if "pip install" not in block]


def steps(block: str) -> list[tuple[str, str]]:
    """The commands of a block, each with the output shown under it; a line `...` stands for any lines."""
    parts = re.findall(r"^\$ ((?:.*\\\n)*.*\n)((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    assert sum(len(command) + len(output) + 2 for command, output in parts) == len(block), "text before the first `$ `"
    return [(command.replace("\\\n> ", "\\\n"), output) for command, output in parts]


def pattern(shown: str) -> str:
    return "".join(r"(?:.*\n)*?" if line in ("...\n", "…\n") else re.escape(line) for line in shown.splitlines(True))


CONFIGURATION = next(block for block in blocks("toml") if block.startswith("# losscli.toml\n"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    return tmp_path


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: block.splitlines()[0][2:60])
def test_commands_print_what_is_shown(block: str, folder: Path) -> None:
    commands = steps(block)
    if "$ losscli check" in block:
        (folder / "losscli.toml").write_text(CONFIGURATION, "utf8")
    script = "exec 2>&1\n" + "".join(
        f"{command}status=$?\nprintf '{MARK}'\n(exit $status)\n" for command, _ in commands
    )
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    ran = run_any([shutil.which("bash") or "sh", "-c", script], b"", folder, {"PATH": path})
    outputs = ran.stdout.split(MARK)
    assert len(outputs) == len(commands) + 1
    for (command, shown), output in zip(commands, outputs, strict=False):
        assert output == shown or re.fullmatch(pattern(shown), output), f"$ {command}{output}"


def test_python_does_what_is_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment behind a statement, `# → …` or behind a `print`, is what it prints or what its value is."""
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    for block in blocks("python"):
        for statement in ast.parse(block).body:
            line = block.splitlines()[(statement.end_lineno or 1) - 1]
            comment = line[statement.end_col_offset or 0 :].strip()
            said = executed(statement, names)
            if comment.startswith("# →") or (comment and said.startswith("\n")):
                assert said.strip() == comment.removeprefix("# →").removeprefix("#").strip()
    for name in [name for name, d in registry._definitions.items() if d.function in names.values()]:
        del registry._definitions[name], registry._spellings[name]  # it is none of the other tests'


def executed(statement: ast.stmt, names: dict[str, object]) -> str:
    """What a statement prints, after a line end, or else the text of its value."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if not isinstance(statement, ast.Expr):
            exec(compile(ast.Module([statement], []), "README.md", "exec"), names)
            return ""
        value = eval(compile(ast.Expression(statement.value), "README.md", "eval"), names)
    return "\n" + printed.getvalue() if printed.getvalue() else repr(value)


def test_there_is_something_to_run() -> None:
    assert len(blocks("console")) > 5
    assert blocks("python")


def test_the_usual_names_of_columns_are_listed() -> None:
    listed = {
        name for line in TEXT.splitlines() if line.startswith("| ") for name in re.findall(r"`([a-z_]+\*?)`", line)
    }
    assert {name for names in USUAL.values() for name in names} <= listed
    assert {f"{stem}_*" for stems in USUAL_VECTORS.values() for stem in stems} <= listed
