"""`losscli check`: every gate of the repository, its table, its exit codes, its baselines."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import losscli
from tests import support
from tests.support import Ran, put

Run = Callable[..., Ran]
HEADER = "check\tgate\tof\tvalue\tlimit\tdifference\tresult\n"
FILES = {
    "p.csv": "y_pred,country\n1,DE\n2,DE\n5,FR\n",
    "t.csv": "y\n1\n4\n2\n",
    "hole.csv": "y_pred,y\n1,1\n,2\n3,5\n",
    "inf.csv": "y_pred,y\n0.5,1\n0,1\n",
    "two.csv": "y_pred,y,d\n1,1,0\n2,4,9\n",
}
FILES_SAID = "files = ['p.csv', 't.csv']\nloss = 'mse'\n"
PASSES = f"[check.fine]\n{FILES_SAID}max = 5\n"
FAILS = f"[check.poor]\n{FILES_SAID}max = 4\n"
REFUSED = "[check.gone]\nfiles = ['nothing.csv', 't.csv']\nloss = 'mse'\nmax = 5\n"
INFINITE = "[check.endless]\nfiles = ['inf.csv']\nloss = 'bce'\nmax = 5\n"
UNKNOWN = "[check.usage]\nfiles = ['p.csv', 't.csv']\nloss = 'mse'\nid = 'nothing'\nmax = 5\n"  # told once it is run
UNWRITTEN = f"[check.unwritten]\n{FILES_SAID}max = 5\nbaseline = 'nofolder/b.json'\n"


@pytest.fixture
def check(here: Path, run_here: Run) -> Callable[..., Ran]:
    """`check(text, …)` runs `losscli check` beside a losscli.toml with the text."""
    put(here, FILES)

    def run_with(text: str, *args: str) -> Ran:
        put(here, {"losscli.toml": text})
        return run_here("check", *args)

    return run_with


# The table


def test_a_row_a_gate_whether_it_passes_or_not(check: Run) -> None:
    ran = check(f"{PASSES}[check.slices]\n{FILES_SAID}fail-if = ['mse[country=DE] > 1', 'mse >= 4.5']\nmin = 0\n")
    assert ran.stdout == (
        f"{HEADER}fine\t--max 5\tmse\t4.333333333333333\t5.0\t-0.666666666666667\tpassed\n"
        "slices\t--min 0\tmse\t4.333333333333333\t0.0\t4.333333333333333\tpassed\n"
        "slices\t--fail-if 'mse[country=DE] > 1'\tmse[country=DE]\t2.0\t1.0\t1.0\tfailed\n"
        "slices\t--fail-if 'mse >= 4.5'\tmse\t4.333333333333333\t4.5\t-0.16666666666666696\tpassed\n"
    )
    assert ran.stderr == "losscli: error: slices: mse[country=DE] is 2.0, above --fail-if 1.0 by 1.0\n"
    assert ran.code == 1


def test_a_gate_without_a_value_has_empty_cells(check: Run) -> None:
    ran = check(f"[check.a]\n{FILES_SAID}fail-if = 'mse[country=UK] > 1'\n")
    assert ran.stdout.splitlines()[1] == "a\t--fail-if 'mse[country=UK] > 1'\tmse[country=UK]\t\t\t\tfailed"
    assert (ran.code, "a: mse[country=UK] has no value: no such group" in ran.stderr) == (1, True)


def test_checks_are_in_the_order_of_the_file(check: Run) -> None:
    ran = check(f"[check.b]\n{FILES_SAID}max = 1\n[check.a]\n{FILES_SAID}max = 2\n")
    assert [line[0] for line in ran.stdout.splitlines()[1:]] == ["b", "a"]
    assert [line.split()[2] for line in ran.stderr.splitlines()] == ["b:", "a:"]


def test_as_json(check: Run) -> None:
    ran = check(PASSES + FAILS.replace("4\n", "4\nby = 'country'\n"), "--json")
    found = json.loads(ran.stdout)
    assert ran.code == 1
    assert list(found) == ["schema", "losscli", "checks"]
    assert (found["schema"], found["losscli"]) == (1, losscli.__version__)
    assert [(one["check"], one["passed"]) for one in found["checks"]] == [("fine", True), ("poor", False)]
    fine, poor = (one["report"] for one in found["checks"])
    assert fine["gates"] == [
        {
            "gate": "--max 5",
            "of": "mse",
            "value": 4.333333333333333,
            "limit": 5.0,
            "difference": -0.666666666666667,
            "passed": True,
            "message": "mse is 4.333333333333333, which passes --max 5",
        }
    ]
    assert fine["results"][0]["std"] > 0  # all that eval's own JSON has
    assert [group["by"] for group in poor["results"][0]["groups"]] == [{"country": "FR"}, {"country": "DE"}]


def test_as_csv_and_as_markdown(check: Run) -> None:
    text = f'[check."=a|b"]\n{FILES_SAID}max = 5\n'
    header, row = csv.reader(io.StringIO(check(text, "--format", "csv").stdout))
    assert "\t".join(header) + "\n" == HEADER
    assert row == ["'=a|b", "'--max 5", "mse", "4.333333333333333", "5.0", "-0.666666666666667", "passed"]
    shown = check(text, "--format", "markdown").stdout.splitlines()
    assert shown[1:] == [
        "| --- | --- | --- | --- | --- | --- | --- |",
        r"| =a\|b | --max 5 | mse | 4.333333333333333 | 5.0 | -0.666666666666667 | passed |",
    ]


@pytest.mark.parametrize("columns", ["40", "200"])
def test_as_a_table_shortens_nothing(columns: str, run: Run, tmp_path: Path) -> None:
    put(tmp_path, {**FILES, "losscli.toml": PASSES + FAILS})
    ran = run("check", "--format", "table", env={"COLUMNS": columns})
    assert ran.code == 1
    for cell in ("fine", "--max 5", "4.333333333333333", "-0.666666666666667", "0.33333333333333304", "failed"):
        assert cell in ran.stdout
    assert ("─" in ran.stdout) == (columns == "200")


def test_into_a_file(check: Run) -> None:
    ran = check(PASSES, "-o", "found.txt")
    assert (ran.code, ran.stdout, ran.stderr) == (0, "", "")
    assert Path("found.txt").read_text().startswith(HEADER)


@pytest.mark.parametrize("name", ["p.csv", "losscli.toml", "b.json"])
def test_no_input_is_written_over(name: str, check: Run, here: Path) -> None:
    put(here, {"b.json": "x"})
    text = PASSES + "baseline = 'b.json'\n"
    ran = check(text, "-o", name)
    assert (ran.code, ran.stderr) == (2, f"losscli: error: {name} is an input file; name another for the output\n")


def test_names_are_made_safe_to_show(check: Run) -> None:
    ran = check(f'[check."a\\u001b[31m\\nb"]\n{FILES_SAID}max = 1\n')
    assert "\x1b" not in ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[1].startswith("a\\x1b[31m\\x0ab\t")
    assert (ran.stderr.count("\n"), "a\\x1b[31m\\x0ab: mse is" in ran.stderr) == (1, True)


# What is said beside it


def test_notes_name_the_check_and_q_silences_them(check: Run) -> None:
    text = "[check.holes]\nfiles = ['hole.csv']\nloss = 'mse'\nmissing = 'drop'\nmax = 1\n"
    ran = check(text)
    assert ran.stderr.splitlines() == [
        "losscli: note: holes: 1 of 3 rows are left out: 1 missing pred",
        "losscli: error: holes: mse is 2.0, above --max 1.0 by 1.0",
    ]
    assert check(text, "-q").stderr.splitlines() == ran.stderr.splitlines()[1:]


def test_many_failures_are_counted(check: Run) -> None:
    ran = check("".join(f"[check.c{k}]\n{FILES_SAID}max = 1\n" for k in range(7)))
    assert ran.stdout.count("failed") == 7
    assert ran.stderr.splitlines()[5:] == ["losscli: error: and 2 more"]


# What all evaluations have in common


def test_a_check_takes_what_eval_says_and_its_own_wins(check: Run) -> None:
    shared = "[eval]\nmissing = 'drop'\nloss = 'huber'\ndelta = 2\nby = 'd'\nformat = 'csv'\n"
    found = json.loads(
        check(
            f"{shared}[check.a]\nfiles = 'two.csv'\nmax = 9\n"
            "[check.b]\nfiles = 'two.csv'\nmax = 9\ndelta = 3\nby = []\n"
            "[check.c]\nfiles = 'two.csv'\nmax = 9\nloss = 'mae'\nmissing = 'error'\n",
            "--json",
        ).stdout
    )
    results = [one["report"]["results"][0] for one in found["checks"]]
    assert [result["loss"] for result in results] == ["huber:delta=2", "huber:delta=3", "mae"]
    assert ["groups" in result for result in results] == [True, False, True]
    assert ["missing:drop" in result["signature"] for result in results] == [True, True, False]


def test_a_gate_for_every_check(check: Run) -> None:
    ran = check(f"[eval]\nmax = 4\n[check.a]\n{FILES_SAID}[check.b]\n{FILES_SAID}max = 5\n")
    assert [line.split("\t")[-1] for line in ran.stdout.splitlines()[1:]] == ["failed", "passed"]


def test_in_pyproject_from_a_folder_below(
    check: Run, here: Path, monkeypatch: pytest.MonkeyPatch, run_here: Run
) -> None:
    (here / "sub").mkdir()
    put(here, {"pyproject.toml": f"[tool.losscli.check.a]\n{FILES_SAID}max = 5\n[tool.losscli.check.b]\nma = 1\n"})
    monkeypatch.chdir(here / "sub")
    assert "../pyproject.toml: [tool.losscli.check.b] has no option 'ma'" in run_here("check").stderr
    put(here, {"pyproject.toml": f"[tool.losscli.check.a]\n{FILES_SAID}max = 5\n"})
    ran = run_here("check", "--json")
    assert ran.code == 0
    assert [one["path"] for one in json.loads(ran.stdout)["checks"][0]["report"]["inputs"]] == ["../p.csv", "../t.csv"]


def test_a_plugin_of_the_command_line(run: Run, here: Path) -> None:
    plugin = support.ROOT / "tests" / "example_plugin" / "losscli_quartic" / "__init__.py"
    text = "[check.a]\nfiles = ['p.csv', 't.csv']\nloss = 'quartic'\nmax = 1\n"
    put(here, {**FILES, "quartic.py": plugin.read_text(), "losscli.toml": text})
    ran = run("check", "--plugin", "quartic.py")
    assert (ran.code, ran.stdout.splitlines()[1].split("\t")[2]) == (1, "quartic")


# Exit codes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PASSES, 0),
        (PASSES + FAILS, 1),
        (FAILS + INFINITE, 4),
        (INFINITE + FAILS + REFUSED + PASSES, 3),
        (REFUSED + UNKNOWN + FAILS, 2),
    ],
)
def test_the_gravest_code_counts_and_stdout_is_whole_or_empty(text: str, code: int, check: Run) -> None:
    ran = check(text)
    assert ran.code == code
    assert (len(ran.stdout.splitlines()) == 1 + text.count("max")) == (code in (0, 1, 4))
    assert bool(ran.stdout) == (code in (0, 1, 4))


def test_what_cannot_be_written_counts_most(check: Run) -> None:
    ran = check(INFINITE + REFUSED + UNWRITTEN + FAILS, "--save-baselines")
    assert (ran.code, ran.stdout) == (74, "")
    assert [line.split(": ")[2] for line in ran.stderr.splitlines()] == [
        *("endless", "endless", "gone", "unwritten", "poor")
    ]
    assert check(PASSES, "-o", "nofolder/found.txt").code == 74


def test_a_check_that_is_refused_stops_no_other(check: Run) -> None:
    ran = check(REFUSED + FAILS)
    assert ran.stderr.splitlines() == [
        "losscli: error: gone: nothing.csv: cannot be opened: No such file or directory",
        "losscli: error: poor: mse is 4.333333333333333, above --max 4.0 by 0.33333333333333304",
    ]
    ran = check(UNKNOWN + FAILS)
    assert "losscli.toml: [check.usage]: p.csv: has no column 'nothing' for --id" in ran.stderr
    assert "poor: mse is" in ran.stderr


def test_an_infinite_value_may_be_allowed(check: Run) -> None:
    ran = check(INFINITE)
    assert (ran.code, ran.stderr.count("endless: bce is inf")) == (4, 2)
    assert check(INFINITE + "allow-nonfinite = true\n").code == 1


# Usage

SPOILT = {
    "": "there is no losscli.toml, nor [tool.losscli] in a pyproject.toml, up to the repository's root: write ",
    "[eval]\n": "losscli.toml: has no checks: write [check.NAME] in losscli.toml with files, loss and a gate, such as",
    "[check.a]\n": "losscli.toml: [check.a]: missing option '--loss'",
    "[check.a]\nloss = 'mse'\nmax = 1\n": "[check.a]: missing argument 'FILES...'",
    f"[check.a]\n{FILES_SAID}": "[check.a] has no gate: add max, min, fail-if, or baseline with max-regress",
    f"[check.a]\n{FILES_SAID}baseline = 'b.json'\n": "[check.a] has no gate",
    f"[check.a]\n{FILES_SAID}fail_if = 'mse > 1'\n": "[check.a] has no option 'fail_if'; did you mean 'fail-if'?",
    f"[check.a]\n{FILES_SAID}fail-if = 'mae > 1'\n": "[check.a]: --fail-if 'mae > 1': no --loss is 'mae'",
    f"[check.a]\n{FILES_SAID}fail-if = 'mse > baseline'\n": "[check.a]: --fail-if 'mse > baseline' needs a baseline",
    f"[check.a]\n{FILES_SAID}max = 'much'\n": "[check.a]: --max: 'much' is not a number",
    f"[check.a]\n{FILES_SAID}max = 5\ndelta = 1\n": "[check.a]: --delta belongs to",
    f"[check.a]\n{FILES_SAID}max = 5\nformat = 'csv'\n": "[check.a]: 'format' is said to losscli check",
    f"[check.a]\n{FILES_SAID}max = 5\ngithub = true\n": "[check.a]: 'github' is for the command line",
    f"[check.a]\n{FILES_SAID}max = 5\noutput = 'a'\n": "[check.a]: 'output' writes a file",
    f"[check.a]\n{FILES_SAID}max = 5\nsave-baseline = 'a'\n": "losscli check --save-baselines writes what baseline",
    f"[check.a]\n{FILES_SAID}max = 5\nplugin = 'a.py'\n": "[check.a]: 'plugin' is a program",
    "[check.a]\nfiles = ['-', 't.csv']\nloss = 'mse'\nmax = 1\n": "[check.a]: 'files' is standard input (-)",
    "[check.a]\npred = '-'\nfiles = 't.csv'\nloss = 'mse'\nmax = 1\n": "[check.a]: 'pred' is standard input (-)",
    "[check]\nfiles = ['p.csv']\n": "'files' in [check] is not a table, but a list: write [check.NAME]",
    f"[eval]\nmissing = 1\n{PASSES}": "[check.fine]: invalid value for '--missing': '1' is not one of",
}


@pytest.mark.parametrize("text", SPOILT, ids=lambda text: text.splitlines()[-1] if text else "nothing")
def test_what_is_no_check_is_told_before_any_is_run(text: str, check: Run, run_here: Run, here: Path) -> None:
    ran = check(f"{REFUSED if text.startswith('[check.') else ''}{text}")
    if not text:
        (here / "losscli.toml").unlink()
        ran = run_here("check")
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert SPOILT[text] in ran.stderr


# Baselines

KEPT = (
    f"[check.a]\n{FILES_SAID}by = 'country'\nbaseline = 'kept/a.json'\n"
    "max-regress = '1%'\nfail-if = 'mse > 2 * baseline'\n"
)


def test_baselines_are_written_by_one_command_and_then_kept(check: Run, here: Path, run_here: Run) -> None:
    (here / "kept").mkdir()
    missing = check(KEPT)
    assert (missing.code, missing.stderr) == (
        3,
        "losscli: error: a: kept/a.json: is not there yet; losscli check --save-baselines makes it\n",
    )
    saved = run_here("check", "--save-baselines")
    assert (saved.code, saved.stdout) == (0, HEADER)
    assert saved.stderr == "losscli: note: a: kept/a.json: is written anew; gates that need it are not judged\n"
    first = (here / "kept" / "a.json").read_bytes()
    same = run_here("check")
    assert (same.code, same.stdout.count("passed"), same.stderr) == (0, 4, "")
    put(here, {"p.csv": FILES["p.csv"].replace("5,FR", "6,FR")})
    worse = run_here("check")
    assert (worse.code, worse.stdout.count("failed")) == (1, 2)
    assert "a: mse[country=FR] is 16.0, above 9.09 by 6.91 (baseline 9.0, --max-regress 1%)" in worse.stderr
    assert (here / "kept" / "a.json").read_bytes() == first
    assert run_here("check", "--save-baselines").code == 0
    assert (run_here("check").code, (here / "kept" / "a.json").read_bytes() == first) == (0, False)


def test_a_baseline_is_not_written_where_another_gate_fails(check: Run, here: Path) -> None:
    (here / "kept").mkdir()
    ran = check(KEPT + "max = 4\n" + FAILS.replace("max = 4", "max = 5"), "--save-baselines")
    assert ran.code == 1
    assert "note: a: kept/a.json: is not written, as a gate failed" in ran.stderr
    assert "is written anew" not in ran.stderr
    assert os.listdir(here / "kept") == []
    assert [line.split("\t")[1] for line in ran.stdout.splitlines()[1:]] == ["--max 4", "--max 5"]


def test_baselines_that_cannot_be_saved(check: Run, here: Path) -> None:
    ran = check(PASSES, "--save-baselines")
    assert (ran.code, "no check of losscli.toml names a baseline" in ran.stderr) == (2, True)
    other = KEPT.replace("kept/a.json", "./b.json").replace("check.a", "check.b")
    ran = check(KEPT.replace("kept/a.json", "b.json") + other, "--save-baselines")
    assert (ran.code, "would be written by each: give each its own" in ran.stderr) == (2, True)
    ran = check(KEPT.replace("kept/a.json", "t.csv"), "--save-baselines")
    assert (ran.code, "t.csv is an input file" in ran.stderr) == (2, True)
    ran = check(KEPT.replace("kept/a.json", "b.json"), "--save-baselines", "-o", "b.json")
    assert (ran.code, "b.json is named for two outputs" in ran.stderr) == (2, True)
    several = "[check.a]\npred = ['p.csv', 'two.csv']\nfiles = 't.csv'\nloss = 'mse'\nmax = 9\nbaseline = 'b.json'\n"
    ran = check(several, "--save-baselines")
    assert (ran.code, "[check.a]: b.json holds one run, and pred names 2" in ran.stderr) == (2, True)
    assert not (here / "b.json").exists()


def test_several_systems_have_a_row_each(check: Run, here: Path) -> None:
    put(here, {"q.csv": FILES["p.csv"]})
    ran = check("[check.a]\npred = ['p.csv', 'q.csv']\nfiles = 't.csv'\nloss = 'mse'\nmax = 5\n")
    assert [line.split("\t")[2] for line in ran.stdout.splitlines()[1:]] == ["mse of p.csv", "mse of q.csv"]


def test_a_run_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    put(tmp_path, {**FILES, "losscli.toml": PASSES})
    code = "import sys; from losscli.cli.app import run; print(run(['check', '-q']), *sorted(sys.modules))"
    ran = support.run_any([sys.executable, "-c", code], b"", tmp_path)
    modules: Any = set(ran.stdout.removeprefix(HEADER).split())
    assert "losscli.engine" in modules
    assert not {"rich", "pandas", "scipy", "pyarrow"} & modules


# Reports for machines


def test_a_suite_a_check_in_junit(check: Run) -> None:
    text = "[check.'b.c']\nfiles = ['inf.csv']\nloss = 'bce'\nmax = 5\n"
    ran = check(PASSES + FAILS + text + REFUSED, "--junit", "found.xml")
    assert (ran.code, ran.stdout) == (3, "")
    suites = ElementTree.fromstring(Path("found.xml").read_text())
    counts = [[suite.get(key) for key in ("name", "tests", "failures", "errors")] for suite in suites]
    assert counts == [
        ["losscli.fine", "2", "0", "0"],
        ["losscli.poor", "2", "1", "0"],
        ["losscli.b_c", "2", "2", "0"],
        ["losscli.gone", "1", "0", "1"],
    ]


def test_junit_is_written_beside_any_result_and_not_over_an_input(check: Run) -> None:
    assert check(PASSES, "--junit", "found.xml", "-o", "found.txt").stdout == ""
    assert (Path("found.txt").read_text()[:5], Path("found.xml").read_text()[:5]) == ("check", "<?xml")
    for name in ("p.csv", "losscli.toml"):
        assert (ran := check(PASSES, "--junit", name)).code == 2
        assert f"{name} is an input file" in ran.stderr
    assert check(PASSES, "--junit", "a.txt", "-o", "a.txt").code == 2
    assert check(PASSES, "--junit", "nofolder/found.xml").code == 74


def test_annotations_and_a_summary_of_all_checks(check: Run, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here / "summary.md"))
    ran = check(PASSES + FAILS, "--github")
    message = "poor: mse is 4.333333333333333, above --max 4.0 by 0.33333333333333304"
    assert ran.stderr.splitlines() == [f"losscli: error: {message}", f"::error title=losscli::{message}"]
    headings = [line for line in (here / "summary.md").read_text().splitlines() if line.startswith("#")]
    assert headings == ["## losscli fine: passed", "## losscli poor: failed"]


def test_a_mistake_in_the_file_is_annotated_too(check: Run, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here / "summary.md"))
    ran = check("[check.a]\nma = 1\n", "--github")
    assert ran.stderr.splitlines()[1] == (
        "::error title=losscli::losscli.toml: [check.a] has no option 'ma'; did you mean 'max'?"
    )


def test_no_summary_to_write_to_is_noted(check: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert "note: --github: GITHUB_STEP_SUMMARY names no file" in check(PASSES, "--github").stderr
