"""Every exit code of the README, where gates, a baseline to compare with and one to update are all there: what a build
relies on. Whatever the code, the baseline is new or old, and never half of either.
"""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import support
from tests.support import Ran, command, environment, put

FILES = {
    "p.csv": "y_pred\n1\n2\n5\n",
    "worse.csv": "y_pred\n1\n2\n6\n",
    "broken.csv": "y_pred\n1\ntwo\n5\n",
    "far.csv": "y_pred\n1\ninf\n5\n",
    "t.csv": "y\n1\n4\n2\n",
}
GATES = (
    *("--baseline", "base.json", "--max-regress", "1%", "--fail-if", "mae > 9", "--min", "0"),
    *("--junit", "gates.xml", "--save-baseline", "base.json"),
)
RESULT = "loss\treduction\tvalue\tn\tweight\tbaseline\tchange\nmae\tmean\t{}\t3\t3.0\t1.6666666666666667\t{}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, FILES)
    made = support.run("eval", "-l", "mae", "p.csv", "t.csv", "--save-baseline", "base.json", cwd=tmp_path)
    assert made.code == 0
    return tmp_path


def gated(*args: str) -> tuple[str, ...]:
    return ("eval", "-l", "mae", *args, *GATES)


def left(folder: Path, before: bytes) -> tuple[bool, bool]:
    """Whether the baseline is as it was, and whether there is a report; anything else that is left is an error."""
    assert {path.name for path in folder.iterdir()} - {*FILES, "base.json", "gates.xml"} == set()
    return (folder / "base.json").read_bytes() == before, (folder / "gates.xml").exists()


class Case(NamedTuple):
    """Arguments, and what they leave: exit code, stdout, something of stderr, and whether there is a report."""

    args: tuple[str, ...]
    code: int
    stdout: str
    said: str
    report: bool


FAR = ("far.csv", "t.csv", "--allow-inf")
CASES = [
    Case(("p.csv", "t.csv"), 0, RESULT.format("1.6666666666666667", "0.0"), "", True),
    Case(("worse.csv", "t.csv"), 1, RESULT.format("2.0", "0.33333333333333326"), "mae is 2.0, above 1.68", True),
    Case(("p.csv", "t.csv", "--fail-if", "mea > 1"), 2, "", "no --loss is 'mea'", False),
    Case(("p.csv", "t.csv", "--delta", "1"), 2, "", "delta", False),
    Case(("broken.csv", "t.csv"), 3, "", "broken.csv:3:y_pred: 'two' is not a number", True),
    Case(("nowhere.csv", "t.csv"), 3, "", "nowhere.csv: cannot be opened", True),
    Case(("p.csv", "t.csv", "--missing", "drop"), 3, "", "base.json: was made with missing error", True),
    Case(FAR, 4, RESULT.format("inf", "inf"), "which fails --max-regress 1%", True),
    Case((*FAR, "--allow-nonfinite"), 1, RESULT.format("inf", "inf"), "which fails --min 0", True),
    Case(("p.csv", "t.csv", "-o", "no/where"), 74, "", "no/where: could not be written", True),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {' '.join(case.args)}")
def test_the_codes_of_a_run_that_ends_by_itself(case: Case, folder: Path) -> None:
    before = (folder / "base.json").read_bytes()
    ran = support.run(*gated(*case.args), cwd=folder)
    assert (ran.code, ran.stdout) == (case.code, case.stdout)
    assert case.said in ran.stderr
    assert left(folder, before)[1] is case.report


@pytest.mark.parametrize("args", [("worse.csv", "t.csv"), ("broken.csv", "t.csv"), ("far.csv", "t.csv", "--allow-inf")])
def test_a_run_that_does_not_pass_leaves_the_baseline(args: tuple[str, ...], folder: Path) -> None:
    before = (folder / "base.json").read_bytes()
    assert support.run(*gated(*args), cwd=folder).code != 0
    assert left(folder, before)[0]


@pytest.mark.parametrize("option", ["--junit", "--save-baseline"])
def test_a_report_that_cannot_be_written_is_74(option: str, folder: Path) -> None:
    ran = support.run("eval", "-l", "mae", "p.csv", "t.csv", "--max", "1", "--min", "0", option, "no/where", cwd=folder)
    expected = 1 if option == "--save-baseline" else 74  # where a gate has failed there is nothing to save
    assert (ran.code, bool(ran.stdout)) == (expected, expected == 1)
    ran = support.run("eval", "-l", "mae", "p.csv", "t.csv", "--max", "9", option, "no/where", cwd=folder)
    assert (ran.code, ran.stdout) == (74, "")
    assert ran.stderr == "losscli: error: no/where: could not be written: No such file or directory\n"


def broken(folder: Path, error: str) -> Ran:
    """A run in which the computation raises `error`."""
    code = (
        "import sys, losscli.engine\n"
        f"def broken(*a, **k): raise {error}\n"
        "losscli.engine.evaluate = broken\n"
        "from losscli.cli import main\n"
        f"sys.argv = {['losscli', *gated('p.csv', 't.csv')]}\n"
        "main()\n"
    )
    return support.run_any([command()[0], "-c", code], b"", folder, None)


@pytest.mark.parametrize(("error", "code"), [("RuntimeError('boom')", 70), ("MemoryError()", 71)])
def test_the_codes_of_a_run_that_breaks(error: str, code: int, folder: Path) -> None:
    before = (folder / "base.json").read_bytes()
    ran = broken(folder, error)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (code, "", 1)
    assert left(folder, before) == (True, False)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("preds", ["p.csv", "worse.csv"])
def test_a_full_disk_is_74_whether_a_gate_failed_or_not(preds: str, folder: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command(*gated(preds, "t.csv")), cwd=folder, env=environment(), stdout=full, stderr=-1, check=False
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (74, 1)


@pytest.mark.parametrize("preds", ["p.csv", "worse.csv"])
def test_a_reader_that_is_gone_is_141(preds: str, folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command(*gated(preds, "t.csv")), cwd=folder, env=environment(), stdout=writing, stderr=-1, check=False
    )
    os.close(writing)
    assert (done.stderr, done.returncode) == (b"", 141)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_the_codes_of_a_run_that_is_stopped(number: int, code: int, folder: Path) -> None:
    before = (folder / "base.json").read_bytes()
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command(*gated("-")), cwd=folder, env=environment(), **pipes) as process:
        assert process.stdin
        process.stdin.write(b"y_pred,y\n" + b"1,2\n" * (1 << 19))
        process.stdin.flush()
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert (stdout, stderr, process.returncode) == (b"", b"", code)
    assert left(folder, before) == (True, False)
