"""The recipes of README.md, run as they stand."""

import re
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import support
from tests.support import ROOT, Ran, put

TEXT = (ROOT / "README.md").read_text("utf8")
FILES = {
    "preds.csv": "y_pred\n1\n2\n5\n",
    "targets.csv": "y\n1\n4\n2\n",
    "losscli.toml": '[check.validation]\nfiles = ["preds.csv", "targets.csv"]\nloss = "mae"\nmax = 2\n',
    "step=1000.csv": "y_pred\n1\n2\n5\n",
    "step=2000.csv": "y_pred\n1\n4\n3\n",
}
GOOD, WORSE, BROKEN = "y_pred\n1\n2\n5\n", "y_pred\n1\n2\n9\n", "y_pred\n1\ntwo\n5\n"


def recipe(name: str) -> str:
    """The block of the README that begins with the file's name."""
    (found,) = re.findall(rf"^```[a-z]+\n# {re.escape(name)}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, FILES)
    return tmp_path


def sh(folder: Path, script: str, env: Mapping[str, str] | None = None) -> Ran:
    path = f"{sysconfig.get_path('scripts')}:/usr/local/bin:/usr/bin:/bin"
    return support.run_any(["/bin/sh", "-c", script], b"", folder, {"PATH": path, **(env or {})})


def test_a_step_of_github_actions(folder: Path) -> None:
    (job,) = yaml.safe_load(recipe(".github/workflows/model.yml"))["jobs"].values()
    command = job["steps"][-1]["run"]
    env = {"GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    passed = sh(folder, command, env)
    assert (passed.code, passed.stderr) == (0, "")
    put(folder, {"preds.csv": WORSE})
    failed = sh(folder, command, env)
    assert failed.code == 1
    assert "\n::error title=losscli::" in failed.stderr
    assert (folder / "summary.md").read_text("utf8").count("validation") >= 2
    assert "<failure" in (folder / "losscli.xml").read_text("utf8")


def test_a_hook_of_pre_commit(folder: Path) -> None:
    (repository,) = yaml.safe_load(recipe(".pre-commit-config.yaml"))["repos"]
    (hook,) = repository["hooks"]
    assert (repository["repo"], hook["language"], hook["pass_filenames"]) == ("local", "system", False)
    assert all(re.search(hook["files"], name) for name in ("preds.csv", "a/b.parquet", "losscli.toml", "base.json"))
    assert not re.search(hook["files"], "model.py")
    assert sh(folder, hook["entry"]).code == 0
    put(folder, {"preds.csv": WORSE})
    ran = sh(folder, hook["entry"])
    assert (ran.code, ran.stderr) == (1, "losscli: error: validation: mae is 3.0, above --max 2.0 by 1.0\n")


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_rules_of_a_makefile(folder: Path) -> None:
    put(folder, {"Makefile": recipe("Makefile")})
    assert sh(folder, "make baseline && make accept").code == 0
    assert "Nothing to be done" in sh(folder, "make accept").stdout
    put(folder, {"preds.csv": WORSE})
    failed = sh(folder, "touch -d '+1 second' preds.csv; make accept")
    assert (failed.code, "mae is 3.0, above 1.68" in failed.stderr) == (2, True)
    assert sh(folder, "make baseline && make accept").code == 0


@pytest.mark.parametrize(
    ("preds", "said", "code"), [(GOOD, "accepted", 0), (WORSE, "too large a loss", 1), (BROKEN, "no verdict", 2)]
)
def test_an_if_of_the_shell(preds: str, said: str, code: int, folder: Path) -> None:
    put(folder, {"preds.csv": preds})
    ran = sh(folder, recipe("accept.sh").replace("--max 45", "--max 2"))
    assert (ran.stdout, ran.code) == (f"{said}\n", code)


def test_a_comparison_of_two_checkpoints(folder: Path) -> None:
    ran = sh(folder, recipe("checkpoints.sh"))
    assert ran.code == 0
    header, *rows = (line.split("\t") for line in ran.stdout.splitlines())
    told: list[dict[str, Any]] = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["loss"], row["rank"], row["step"]) for row in told] == [
        *(("mae", "1", "2000"), ("mae", "2", "1000")),
        *(("rmse", "1", "2000"), ("rmse", "2", "1000")),
    ]
