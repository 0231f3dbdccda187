"""Reports for CI: JUnit XML, annotations and the job summary of GitHub Actions, and Markdown as GitHub shows it."""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from junitparser import Error, Failure, JUnitXml
from markdown_it import MarkdownIt
from markdown_it.token import Token

import losscli
from losscli.escape import escape
from losscli.render import render
from losscli.render.github import MOST, summary
from losscli.render.junit import junit
from losscli.render.outcomes import Outcome
from losscli.render.sheets import in_markdown, table
from losscli.results import Group, Report, Verdict
from tests.support import Ran, command, put, run_any

Run = Callable[..., Ran]
MSE = ("eval", "-l", "mse", "p.csv", "t.csv")
BY = ("eval", "-l", "mse", "by.csv", "--by", "g")
INFINITE = ("eval", "-l", "bce", "-l", "mse", "certain.csv")
FILES = {
    "p.csv": "y_pred\n1\n2\n5\n",
    "t.csv": "y\n1\n4\n2\n",
    "by.csv": "y_pred,y,g\n1,1,a\n2,4,b\n5,2,c\n",
    "certain.csv": "y_pred,y\n0,1\n0.5,1\n1,0\n",
    "bad.csv": "y\n1\nx\n2\n",
    "many.csv": "y_pred,y,g\n" + "".join(f"{k},0,group{k}\n" for k in range(1, 14)),
}


@pytest.fixture
def folder(here: Path) -> Path:
    put(here, FILES)
    return here


def report(names: Sequence[str] = (), gates: Sequence[Verdict] = ()) -> Report:
    """A report with groups of these names, and verdicts."""
    found = losscli.evaluate("mse", pred=[1.0, 2.0, 5.0], target=[1.0, 4.0, 2.0])
    groups = tuple(Group({"g": name}, 1.0, 1, 1.0, None) for name in names)
    return replace(found, results=(replace(found.results[0], groups=groups),), gates=tuple(gates))


def verdict(gate: str = "--max 4", of: str = "mse", value: float = 5.0, message: str = "mse is 5.0") -> Verdict:
    return Verdict(gate, of, value, 4.0, value - 4.0, value <= 4.0, message)


# JUnit XML: what CI servers find in it


def cases(path: Path) -> dict[str, Any]:
    """The test cases by name, as a JUnit parser reads them; counts and names are what they should be."""
    root = ET.parse(path).getroot()
    assert root.tag == "testsuites"
    for suite in root:
        counted = (len(suite.findall(f"testcase{kind}")) for kind in ("", "/failure", "/error", "/skipped"))
        told = tuple(int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped"))
        assert tuple(counted) == told
    found = [case for suite in JUnitXml.fromfile(str(path)) for case in suite]
    by_name = {case.name: case for case in found}
    assert len(by_name) == len(found) > 0
    return by_name


def ends(path: Path) -> dict[str, str]:
    """How each test case ended."""
    return {name: case.result[0].type if case.result else "passed" for name, case in cases(path).items()}


def test_junit_has_a_case_for_each_gate_and_value(run_here: Run, folder: Path) -> None:
    ran = run_here(*MSE, "-l", "mae", "--fail-if", "mse > 4", "--fail-if", "mae > 4", "--junit", "j.xml")
    assert ran.code == 1
    found = cases(folder / "j.xml")
    assert ends(folder / "j.xml") == {
        "mse is finite": "passed",
        "mae is finite": "passed",
        "--fail-if 'mse > 4' at mse": "gate",
        "--fail-if 'mae > 4' at mae": "passed",
    }
    (failure,) = found["--fail-if 'mse > 4' at mse"].result
    assert isinstance(failure, Failure)
    assert f"losscli: error: {failure.message}\n" == ran.stderr
    assert failure.text == failure.message
    assert {case.classname for case in found.values()} == {"losscli.mse", "losscli.mae"}


def test_junit_in_full(run_here: Run, folder: Path) -> None:
    """The attributes are of the schemas of Ant and Jenkins, but for time and host: equal runs write equal files."""
    assert run_here(*MSE, "--max", "5", "--junit", "j.xml").code == 0
    signature = f"mse|mean|w:none|missing:error|n:3|v:{losscli.__version__}"
    assert (folder / "j.xml").read_text("utf8") == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<testsuites>\n"
        '  <testsuite name="losscli" package="losscli" id="0" tests="2" failures="0" errors="0" skipped="0" time="0">\n'
        "    <properties>\n"
        '      <property name="value of mse" value="4.333333333333333" />\n'
        f'      <property name="signature of mse" value="{signature}" />\n'
        "    </properties>\n"
        '    <testcase classname="losscli.mse" name="mse is finite" time="0" />\n'
        '    <testcase classname="losscli.mse" name="--max 5 at mse" time="0" />\n'
        "  </testsuite>\n"
        "</testsuites>\n"
    )


def test_junit_without_gates_is_not_empty(run_here: Run, folder: Path) -> None:
    assert run_here(*MSE, "--junit", "j.xml") == Ran(run_here(*MSE).stdout, "", 0)
    assert ends(folder / "j.xml") == {"mse is finite": "passed"}


def test_junit_of_a_value_that_is_not_finite(run_here: Run, folder: Path) -> None:
    """The message is that of stderr, at the result that it speaks of."""
    ran = run_here(*INFINITE, "--fail-if", "bce > 3", "--junit", "j.xml")
    assert ran.code == 4
    found = cases(folder / "j.xml")
    assert ends(folder / "j.xml") == {
        "bce is finite": "nonfinite",
        "mse is finite": "passed",
        "--fail-if 'bce > 3' at bce": "gate",
    }
    assert f"losscli: error: {found['bce is finite'].result[0].message}" in ran.stderr.splitlines()
    assert run_here(*INFINITE, "--allow-nonfinite", "--junit", "j.xml").code == 0
    assert set(ends(folder / "j.xml").values()) == {"passed"}


def test_junit_of_groups(run_here: Run, folder: Path) -> None:
    assert run_here(*BY, "--fail-if", "mse[g=*] > 3.5", "--junit", "j.xml").code == 1
    assert list(ends(folder / "j.xml").values()) == ["passed", "gate", "gate", "passed"]
    assert {case.classname for case in cases(folder / "j.xml").values()} == {"losscli.mse"}


def test_junit_of_a_loss_that_should_be_near_zero(run_here: Run, folder: Path) -> None:
    """What is judged is its size, which is another name for the same loss."""
    bias = ("eval", "-l", "bias", "-l", "bias + 0.5 * mse", "p.csv", "t.csv")
    assert run_here(*bias[:3], *bias[5:], "--save-baseline", "base.json").code == 0
    ran = run_here(*bias[:3], *bias[5:], "--baseline", "base.json", "--max-regress", "1%", "--junit", "j.xml")
    assert ran.code == 0
    assert [(c.name, c.classname) for c in cases(folder / "j.xml").values()] == [
        ("bias is finite", "losscli.bias"),
        ("--max-regress 1% at |bias|", "losscli.bias"),
    ]
    assert run_here(*bias, "--junit", "j.xml").code == 0
    assert [c.classname for c in cases(folder / "j.xml").values()] == ["losscli.bias", "losscli.bias + 0_5 * mse"]


@pytest.mark.parametrize("args", [("bad.csv", "--max", "9"), ("t.csv", "--max", "x"), ("t.csv", "-o", "no/where")])
def test_junit_is_left_where_nothing_was_run(args: tuple[str, ...], run_here: Run, folder: Path) -> None:
    """Usage: nothing is written. Refused input is told, lest a report of an earlier run is shown; a result that could
    not be written has been judged.
    """
    ran = run_here("eval", "-l", "mse", "p.csv", *args, "--junit", "j.xml")
    assert (ran.stdout, ran.code) == ("", {"bad.csv": 3}.get(args[0], 74 if "-o" in args else 2))
    assert (folder / "j.xml").exists() == (args[0] == "bad.csv" or "-o" in args)
    if args[0] == "bad.csv":
        ((case,),) = JUnitXml.fromfile(str(folder / "j.xml"))
        assert [type(result) for result in case.result] == [Error]


@pytest.mark.parametrize("more", [(), ("--save-baseline", "base.json")])
def test_junit_that_cannot_be_written(more: tuple[str, ...], run_here: Run, folder: Path) -> None:
    ran = run_here(*MSE, "--junit", "no/j.xml", *more)
    assert ran == Ran("", "losscli: error: no/j.xml: could not be written: No such file or directory\n", 74)
    assert not (folder / "base.json").exists()


def test_junit_in_place_of_an_input_is_refused(run_here: Run, folder: Path) -> None:
    assert run_here(*MSE, "--junit", "p.csv").code == 2
    assert (folder / "p.csv").read_text() == FILES["p.csv"]


HOSTILE = [
    *(
        "<b>&\"'",
        "]]>",
        "<!--",
        "&amp;",
        "nul\0",
        "esc\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufffe",
        "\ud800",
        "\ufdd0",
    ),
    *(
        "Ελλάδα",
        "日本",
        "עברית",
        "e\u0301",
        "𝔘",
        "👩\u200d🔬",
        "a\tb",
        "a\nb",
        "a\r\nb",
        " ",
        "a|b",
        "\\",
        "\\|",
        "\\\\|",
    ),
    *(
        "@octocat",
        "a@b.org",
        "#123",
        "o/r#1",
        "GH-7",
        "https://x.org/?a=1",
        "www.x.org",
        "ftp://x.org",
        "mailto:a@b.org",
    ),
    *(
        ":smile:",
        ":+1:",
        "a:b:c",
        "`code`",
        "``",
        "**b**",
        "_i_",
        "~~s~~",
        "[a](b)",
        "![a](b)",
        "[x]: y",
        "$x$",
        "<br>",
    ),
    *(
        "- a",
        "# a",
        "> a",
        "1. a",
        "---",
        "| a | b |",
        "::error::x",
        "##[error]x",
        "100%",
        "%0A::error::x",
        "%25",
        "=1+1",
    ),
]


def test_junit_is_xml_whatever_the_names_are(tmp_path: Path) -> None:
    """What XML forbids is escaped; all other text comes back."""
    gates = [verdict(f"--fail-if '{name}'", f"mse[g={name}]", message=name) for name in HOSTILE]
    (tmp_path / "j.xml").write_text(junit([Outcome("", report(gates=gates), [])]), "utf8")
    found = cases(tmp_path / "j.xml")
    for name in HOSTILE:
        shown = escape(name)
        case = found[f"--fail-if '{shown}' at mse[g={shown}]"]
        assert (case.result[0].message, case.result[0].text) == (shown, shown)


def test_junit_names_are_unique(tmp_path: Path) -> None:
    """Two columns may hold what is shown alike, and a gate may be given twice."""
    (tmp_path / "j.xml").write_text(junit([Outcome("", report(gates=[verdict()] * 3), [])]), "utf8")
    assert list(cases(tmp_path / "j.xml")) == ["mse is finite", *(f"--max 4 at mse{n}" for n in ("", " (2)", " (3)"))]


def test_junit_of_several_evaluations(tmp_path: Path) -> None:
    """A suite each; what kept one from its values is an error, not a failure."""
    outcomes = [Outcome("v1.2", report(gates=[verdict()]), []), Outcome("nightly", None, ["p.csv: cannot be opened"])]
    (tmp_path / "j.xml").write_text(junit(outcomes), "utf8")
    first, second = JUnitXml.fromfile(str(tmp_path / "j.xml"))
    assert (first.name, first.tests, first.failures, first.errors) == ("losscli.v1_2", 2, 1, 0)
    assert (second.name, second.tests, second.failures, second.errors) == ("losscli.nightly", 1, 0, 1)
    (case,) = second
    assert isinstance(case.result[0], Error)
    assert (case.classname, case.result[0].message) == ("losscli.nightly", "p.csv: cannot be opened")


# Annotations


def commands(text: str) -> list[tuple[str, str]]:
    """What the runner of GitHub Actions takes from the lines of a stream: commands with their data.

    A line that begins with `::NAME …::`, or else one with `##[NAME …]` anywhere in it, is a command.
    """
    found = []
    for line in text.split("\n"):
        match = re.match(r"\s*::(\w[\w-]*)(?: .*?)?::(.*)", line) or re.search(r"##\[(\w[\w-]*).*?\](.*)", line)
        if match:
            data = match[2].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
            found.append((match[1], data))
    return found


def test_each_failed_gate_is_annotated(run_here: Run, folder: Path) -> None:
    ran = run_here(*BY, "--fail-if", "mse[g=*] > 3.5", "--github", "-q")
    errors = [line.removeprefix("losscli: error: ") for line in ran.stderr.splitlines() if "::" not in line]
    assert ran.code == 1
    assert len(errors) == 2
    assert ran.stderr.splitlines()[2:] == [f"::error title=losscli::{error}" for error in errors]
    assert ran.stdout == run_here(*BY).stdout


def test_a_value_that_is_not_finite_is_annotated(run_here: Run, folder: Path) -> None:
    ran = run_here(*INFINITE, "--github", "-q")
    (command,) = commands(ran.stderr)
    assert ran.code == 4
    assert ran.stderr.splitlines()[0] == f"losscli: error: {command[1]}"
    assert commands(run_here(*INFINITE, "--github", "--allow-nonfinite").stderr) == []


def test_no_more_annotations_than_are_shown(run_here: Run, folder: Path) -> None:
    ran = run_here("eval", "-l", "mse", "many.csv", "--fail-if", "mse[g=*] > 0", "--github", "-q")
    lines = ran.stderr.splitlines()
    assert lines[5] == "losscli: error: and 8 more"
    assert all(line.startswith("::error title=losscli::mse[g=group") for line in lines[6:])
    assert [line.endswith(" (and 3 more)") for line in lines[6:]] == [*[False] * 9, True]


@pytest.mark.parametrize("args", [("bad.csv",), ("none.csv",), ("t.csv", "-o", "no/where"), ("t.csv", "--by", "g")])
def test_an_error_that_ends_the_run_is_annotated(args: tuple[str, ...], run_here: Run, folder: Path) -> None:
    ran = run_here("eval", "-l", "mse", "p.csv", *args, "--github", "-q")
    assert ran.code in (2, 3, 74)
    error, annotation = ran.stderr.splitlines()
    assert annotation == f"::error title=losscli::{error.removeprefix('losscli: error: ')}"


def test_a_failure_of_our_own_is_annotated(run_here: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("100% broken\n::stop-commands::x")

    monkeypatch.setattr("losscli.gates.judged", fail)
    ran = run_here(*MSE, "--github")
    (command,) = commands(ran.stderr)
    assert ran.code == 70
    assert command[0] == "error"
    assert command[1].endswith("RuntimeError: 100% broken\\x0a::stop-commands::x")


def test_without_the_option_nothing_is_annotated(run_here: Run, folder: Path) -> None:
    assert commands(run_here(*MSE, "--max", "4").stderr + run_here(*MSE[:4], "bad.csv").stderr) == []


@pytest.mark.parametrize("start", ["", " "])
def test_no_data_starts_a_command_on_stderr(
    start: str, run_here: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in an error, nor in a note, nor in an annotation."""
    hostile = [f"{start}{text}" for text in ("::stop-commands::x", "##[add-mask]x", "a\n::error::x", "%0A::error::x")]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    put(here, {"h.parquet": {"y_pred": [1.0] * 4, "y": [2.0] * 4, "g": hostile}})
    ran = run_here("eval", "-l", "mse", "h.parquet", "--fail-if", "mse[g=*] > 0", "--github")
    assert [name for name, _ in commands(ran.stderr)] == ["error"] * 4
    said = {data.partition(" is 1.0")[0] for _, data in commands(ran.stderr)}
    assert said == {f"mse[g={escape(text).strip()}]" for text in hostile}


@pytest.mark.parametrize("name", ["##[error]p.csv", "::error::p.csv"])
def test_no_name_of_a_file_starts_a_command(
    name: str, run_here: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert commands(run_here("eval", "-l", "mse", name, name).stderr) == []


# The job summary


def test_a_summary_is_added_to_what_is_there(run_here: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, {"summary.md": "<b>Before</b>"})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    assert run_here(*MSE, "--max", "4", "--github").code == 1
    assert run_here(*MSE, "--max", "5", "--github", "--per-sample") == Ran(run_here(*MSE, "--per-sample").stdout, "", 0)
    text = (folder / "summary.md").read_text("utf8")
    assert text.startswith("<b>Before</b>\n\n## losscli: failed\n\n| gate |")
    assert text.count("\n## losscli: passed\n") == 1
    assert text.count(render(losscli.evaluate("mse", pred="p.csv", target="t.csv"), "markdown")) == 2
    assert text.count(f"n:3\\|v:{losscli.__version__} |") == 2
    assert "prediction" not in text  # a column of the samples


def test_a_summary_has_errors_and_notes(run_here: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    ran = run_here(*INFINITE, "--github", "--save-baseline", "base.json")
    header, *_ = shown((folder / "summary.md").read_text("utf8"))
    assert header[0] == ["error"]
    assert f"losscli: error: {header[1][0]}" in ran.stderr
    assert shown((folder / "summary.md").read_text("utf8"))[-1] == [
        ["note"],
        ["base.json: is not written, as a gate failed or a value is not finite"],
    ]


@pytest.mark.parametrize("unset", [{}, {"GITHUB_STEP_SUMMARY": ""}], ids=["unset", "empty"])
def test_no_summary_to_write_to_is_noted(unset: dict[str, str], run: Run, folder: Path) -> None:
    ran = run(*MSE, "--github", env=unset)
    assert (ran.stdout, ran.code) == (run(*MSE).stdout, 0)
    assert (
        ran.stderr
        == "losscli: note: --github: GITHUB_STEP_SUMMARY names no file that a job summary could be written to\n"
    )


@pytest.mark.parametrize("path", ["no/summary.md", "/dev/full", "."])
def test_a_summary_that_cannot_be_written(
    path: str, run_here: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", path)
    ran = run_here(*MSE, "--max", "4", "--github", "--save-baseline", "base.json")
    assert (ran.stdout, ran.code) == ("", 74)
    assert ran.stderr.startswith(f"losscli: error: {path}: could not be written: ")
    assert not (folder / "base.json").exists()


def test_a_summary_that_the_disk_has_no_room_for_leaves_what_was_there(folder: Path) -> None:
    """A part of it fits, and is taken back."""
    put(folder, {"summary.md": "x" * 800})
    limited = ["bash", "-c", 'ulimit -f 1; exec "$@"', "bash", *command(*MSE, "--github")]
    ran = run_any(limited, b"", folder, {"GITHUB_STEP_SUMMARY": "summary.md"})
    assert (ran.stdout, ran.code) == ("", 74)
    assert (folder / "summary.md").read_text() == "x" * 800


def test_a_summary_has_at_most_a_hundred_rows_of_a_table() -> None:
    """The failed gates come first."""
    names = [f"group{k:03}" for k in range(150)]
    gates = [verdict(of=f"mse[g={name}]", value=3.0 + (k >= 140) * 2) for k, name in enumerate(names)]
    text = summary([Outcome("", report(names, gates=gates), [])])
    gate_table, _, group_table, _ = shown(text)
    assert [row[-1] for row in gate_table[1:]] == ["failed"] * 10 + ["passed"] * 90
    assert len(group_table) == 101
    assert text.count("\n… and 50 more\n") == 2


def test_a_summary_is_never_too_long() -> None:
    """Lines stay whole, and what is left out is told; a heading that there is no room for is left out too."""
    outcomes = [Outcome("", report([f"日本{'x' * 20000}{k}" for k in range(99)]), [])]
    text = summary(outcomes)
    assert MOST - 25000 < len(text.encode()) <= MOST
    assert text.endswith(" |\n\n… and more, which a summary has no room for\n")
    assert summary(outcomes, 80).splitlines()[0] == "## losscli: passed"
    assert summary(outcomes, 60) == summary(outcomes, -5) == ""


def test_a_summary_that_there_is_no_room_for_is_noted(
    run_here: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, {"summary.md": "x" * MOST})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    ran = run_here(*MSE, "--github")
    assert (ran.stderr, ran.code) == ("losscli: note: --github: summary.md has no room for a job summary\n", 0)
    assert (folder / "summary.md").stat().st_size == MOST


def test_a_summary_of_several_evaluations() -> None:
    outcomes = [Outcome("a_b", report(), []), Outcome("#2", None, ["# p.csv: cannot be opened"])]
    text = summary(outcomes)
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## losscli a\\_b: passed", "## losscli #<!-- -->2: failed"]
    assert shown(text)[-1] == [["error"], ["# p.csv: cannot be opened"]]


# Markdown as GitHub shows it


PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def shown(text: str) -> list[list[list[str]]]:
    """The cells of each table."""
    tables: list[list[list[str]]] = []
    tokens = PARSER.parse(text)
    for before, token in pairwise([Token("", "", 0), *tokens]):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif before.type in ("th_open", "td_open"):
            tables[-1][-1].append("".join(pieces(token)))
    return tables


def pieces(token: Token) -> list[str]:
    """What an inline token shows, in the parts that GitHub looks for names and addresses in; it may be nothing but text
    with comments in between.
    """
    parts = [""]
    for child in token.children or []:
        if child.type == "html_inline":
            assert child.content == "<!-- -->"
            parts.append("")
        else:
            assert child.type in ("text", "text_special")
            parts[-1] += child.content
    return parts


def visible(text: str) -> str:
    """How a text is shown: control characters as escapes, without space around it."""
    return escape(text).strip()


def test_each_cell_comes_back_as_the_text_it_stood_for() -> None:
    rows = [[name, "1.0"] for name in HOSTILE]
    for header in (["name", "value"], *rows):
        (found,) = shown(table((header, rows)))
        wanted = [[visible(cell) for cell in row] for row in [header, *rows]]
        assert [[cell.strip() for cell in row] for row in found] == wanted


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_link_a_person_or_a_picture(text: str) -> None:
    """GitHub looks for these in what is shown between tags, whatever had a backslash in front."""
    (token,) = (token for token in PARSER.parse(f"| x {in_markdown(text)} |\n| --- |\n") if token.children)
    linked = r"@\w|#\d|GH-\d|:[\w+-]+:|(https?|ftp)://\w|www\.\w"
    assert not [part for part in pieces(token) if re.search(linked, part)]


def test_a_column_without_a_name_leaves_the_table_whole() -> None:
    assert shown(table((["", " ", "x"], [["", "1", ""]]))) == [[["", "", "x"], ["", "1", ""]]]


def test_markdown_has_the_gates_behind_the_other_tables(run_here: Run, folder: Path) -> None:
    ran = run_here(*BY, "--fail-if", "mse[g=a] > 3", "--max", "4", "--format", "markdown", "--worst", "1")
    *others, gates = shown(ran.stdout)
    assert [found[0][0] for found in others] == ["loss", "g", "row"]
    assert gates == [
        ["gate", "of", "value", "limit", "difference", "result"],
        ["--max 4", "mse", "4.333333333333333", "4.0", "0.33333333333333304", "failed"],
        ["--fail-if 'mse[g=a] > 3'", "mse[g=a]", "0.0", "3.0", "-3.0", "passed"],
    ]


def test_markdown_of_a_gate_without_a_value(run_here: Run, folder: Path) -> None:
    """What there is not is an empty cell. A page shows gates, and a terminal's errors tell of them."""
    ran = run_here(*BY, "--fail-if", "mse[g=z] > 3", "--format", "markdown")
    assert shown(ran.stdout)[-1][1] == ["--fail-if 'mse[g=z] > 3'", "mse[g=z]", "", "", "", "failed"]
    assert "--fail-if" not in run_here(*BY, "--fail-if", "mse[g=z] > 3", "--format", "table").stdout


def test_names_in_a_report_steer_no_terminal() -> None:
    gates = [verdict(name, name, message=name) for name in HOSTILE]
    outcome = Outcome("\x1b[31m\u202e", report(gates=gates), HOSTILE)
    for text in (junit([outcome]), summary([outcome]), render(report(gates=gates), "markdown")):
        assert {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")} == {"\n"}


def test_json_has_no_command_of_the_runner_in_it(run_here: Run, here: Path) -> None:
    put(here, {"g.csv": "g,y_pred,y\n##[error]boo,1,2\n"})
    for form in ("json", "jsonl"):
        text = run_here("eval", "-l", "mae", "g.csv", "--by", "g", "--format", form).stdout
        assert "##[" not in text
        assert json.loads(text)
        assert "##[error]boo" in str(json.loads(text))


def test_slices_of_several_systems_stand_under_their_loss(run_here: Run, here: Path) -> None:
    put(here, {"t.csv": "y,g\n1,a\n2,b\n", "k=1.csv": "y_pred\n1\n2\n", "k=2.csv": "y_pred\n2\n2\n"})
    args = (
        "eval",
        "-l",
        "mae",
        "-l",
        "mae + 0.5 * mse",
        "t.csv",
        "--pred",
        "k=1.csv",
        "--pred",
        "k=2.csv",
        "--by",
        "g",
    )
    run_here(*args, "--fail-if", "mae[g=a] > 9", "--fail-if", "mae + 0.5 * mse > 9", "--junit", "j.xml")
    found = {case.name: case.classname for suite in JUnitXml.fromfile("j.xml") for case in suite}
    assert found["--fail-if 'mae[g=a] > 9' at mae[g=a] of k=1.csv"] == "losscli.mae"
    assert found["--fail-if 'mae + 0.5 * mse > 9' at mae + 0.5 * mse of k=2.csv"] == "losscli.mae + 0_5 * mse"


def test_an_infinite_total_is_a_failure(run_here: Run, here: Path) -> None:
    put(here, {"b.csv": "y_pred,y\n1,2\n", "w.npy": [1.0, float("inf")]})
    penalty = ("--penalty", "l2:strength=1", "--parameters", "w.npy", "--allow-inf")
    assert run_here("eval", "-l", "mae", "b.csv", *penalty, "--junit", "j.xml").code == 4
    ((case,),) = JUnitXml.fromfile("j.xml")
    assert [type(result) for result in case.result] == [Failure]
