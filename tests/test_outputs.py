"""The formats for other programs and for pages: jsonl, csv and markdown, on stdout and in a file."""

import csv
import html
import io
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import losscli
from losscli.render import render
from tests.support import Ran, column, put

Run = Callable[..., Ran]

FILES = {"p.csv": column("y_pred", [1, 2, 5]), "t.csv": column("y", [1, 4, 2])}
LOSSES = ("eval", "-l", "mse", "-l", "huber:delta=2", "p.csv", "t.csv")
PLAIN = "loss\treduction\tvalue\tn\tweight\nmse\tmean\t4.333333333333333\t3\t3.0\nhuber:delta=2\tmean\t2.0\t3\t3.0\n"
ODD = ["=1+1", "+x", "-y", "@z", "-1.5", "+2", "=", "plain", "a,b", 'say "x"', "two\nlines", " lead", "", "ß|`*_<b>&"]


@pytest.fixture
def folder(here: Path) -> Path:
    put(here, FILES)
    put(here, {"odd.parquet": {"y_pred": [1.0] * len(ODD), "y": [0.5] * len(ODD), "name": ODD}})
    return here


def strict(text: str) -> Any:
    """JSON without the bare NaN and Infinity that Python would take."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def lines_of(ran: Ran) -> list[Any]:
    assert (ran.stderr, ran.code) == ("", 0)
    assert ran.stdout.endswith("\n")
    return [strict(line) for line in ran.stdout.removesuffix("\n").split("\n")]


def cells_of_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def rows_of(ran: Ran) -> list[list[str]]:
    assert (ran.stderr, ran.code) == ("", 0)
    return cells_of_csv(ran.stdout)


# jsonl


def test_jsonl_is_a_result_a_line(run: Run, folder: Path) -> None:
    """The same results as in JSON, with what was asked for."""
    asked = (*LOSSES, "--grad", "--hess", "-l", "mse + 0.5 * rmse")
    results = strict(run(*asked, "--json").stdout)["results"]
    assert len(results) == 3
    assert lines_of(run(*asked, "--format", "jsonl")) == results


def test_jsonl_is_a_sample_and_loss_a_line(run: Run, folder: Path) -> None:
    args = ("--worst", "2", "--grad")
    results = strict(run(*LOSSES, *args, "--json").stdout)["results"]
    found = lines_of(run(*LOSSES, *args, "--format", "jsonl"))
    assert found == [{"of": result["loss"], **sample} for result in results for sample in result["samples"]]
    assert found[0] == {
        "of": "mse",
        "row": 2,
        "loss": 9.0,
        "share": 0.6923076923076923,
        "prediction": 5.0,
        "target": 2.0,
        "gradient": 2.0,
    }


def test_jsonl_has_no_bare_nan(run: Run, here: Path) -> None:
    put(here, {"b.csv": "y_pred,y\n0,1\n0.5,1\n1,0\n"})
    bce = ("eval", "-l", "bce", "b.csv", "--allow-nonfinite", "--grad", "--hess")
    (result,) = lines_of(run(*bce, "--format", "jsonl"))
    assert (result["value"], result["std"], result["max"]) == ("Infinity", "NaN", "Infinity")
    assert result["gradient"]["values"] == ["-Infinity", -2 / 3, "Infinity"]
    first, *_ = lines_of(run(*bce, "--per-sample", "--format", "jsonl"))
    assert (first["loss"], first["share"], first["gradient"]) == ("Infinity", "NaN", "-Infinity")


def test_jsonl_keeps_text_on_its_line(run: Run, folder: Path) -> None:
    ran = run("eval", "-l", "mse", "odd.parquet", "--per-sample", "--show", "name", "--format", "jsonl", "-q")
    assert ran.stdout.isascii()
    assert [sample["name"] for sample in lines_of(ran)] == [name.strip() or None for name in ODD]


# csv


def rendered(form: str, losses: Any = ("mse", "huber:delta=2"), **options: Any) -> str:
    return render(losscli.evaluate(losses, pred=[1.0, 2.0, 5.0], target=[1.0, 4.0, 2.0], **options), form)


ASKED = [{}, {"grad": True, "hess": True}, {"losses": ["mse", "mae + 2 * mse"]}, {"reduction": "sum"}]
SAMPLES = [{"per_sample": True, "grad": True}, {"worst": 1}, {"reduction": "none"}]


@pytest.mark.parametrize("options", ASKED, ids=str)
def test_csv_has_the_columns_of_plain(options: dict[str, Any]) -> None:
    plain = rendered("plain", **options)
    assert options or plain == PLAIN
    assert cells_of_csv(rendered("csv", **options)) == [line.split("\t") for line in plain.splitlines()]


@pytest.mark.parametrize("options", SAMPLES, ids=str)
def test_csv_of_samples_has_the_columns_of_plain(options: dict[str, Any]) -> None:
    """A sheet has one table: the samples, where they were asked for."""
    samples = rendered("plain", **options).split("\n\n")[-1]
    assert cells_of_csv(rendered("csv", **options)) == [line.split("\t") for line in samples.splitlines()]


def test_csv_cells_that_a_spreadsheet_would_compute(run: Run, folder: Path) -> None:
    """Text that begins with = + - @ gets a quote mark; numbers do not, nor what reads as one."""
    rows = rows_of(run("eval", "-l", "bias", "odd.parquet", "--show", "name", "--per-sample", "--format", "csv", "-q"))
    safe = {"=1+1": "'=1+1", "+x": "'+x", "-y": "'-y", "@z": "'@z", "=": "'="}
    assert rows[0] == ["row", "name", "loss", "share", "prediction", "target"]
    assert [row[1].replace("\\x0a", "\n") for row in rows[1:]] == [safe.get(name, name.strip()) for name in ODD]
    assert {tuple(row[2:]) for row in rows[1:]} == {("0.5", repr(1 / len(ODD)), "1.0", "0.5")}


HOSTILE = "h\x1b[31m\x07\x7f\x9b1m\u202e\u200f\u2066\u2028\u2029\x85[red]"


@pytest.mark.parametrize("form", ["csv", "markdown", "jsonl", "plain", "table"])
def test_no_text_of_a_file_steers_a_terminal(form: str, run: Run, here: Path) -> None:
    """Neither in cells nor in names of columns."""
    put(here, {"h.parquet": {"y_pred": [1.0], "y": [0.5], HOSTILE: [HOSTILE]}})
    ran = run("eval", "-l", "mse", "h.parquet", "--show", HOSTILE, "--per-sample", "--format", form)
    assert (ran.stderr, ran.code) == ("", 0)
    unsafe = {c for c in ran.stdout if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\t"}
    assert unsafe == set()


MARKS = ["[/b]", "[red]x", "a\\[b", ":smile:"]


def test_markup_in_a_table_is_text(run: Run, here: Path) -> None:
    """In names of columns as in cells."""
    put(here, {"m.parquet": {"y_pred": [1.0], "y": [0.5], **{name: [name] for name in MARKS}}})
    shown = [arg for name in MARKS for arg in ("--show", name)]
    ran = run("eval", "-l", "mse", "m.parquet", *shown, "--per-sample", "--format", "table", env={"COLUMNS": "200"})
    assert (ran.stderr, ran.code) == ("", 0)
    assert [line.split()[1:5] for line in ran.stdout.splitlines()[-3::2]] == [MARKS, MARKS]


def test_csv_numbers_have_no_quote_mark(run: Run, here: Path) -> None:
    put(here, {"b.csv": "y_pred,y\n-inf,0\n-1,2.5\n"})
    ran = run("eval", "-l", "bias", "b.csv", "--allow-inf", "--per-sample", "--format", "csv", "--allow-nonfinite")
    assert rows_of(ran)[1:] == [["0", "-inf", "nan", "-inf", "0.0"], ["1", "-3.5", "0.0", "-1.0", "2.5"]]


def test_csv_of_a_sum_that_begins_with_a_minus(run: Run, folder: Path) -> None:
    rows = rows_of(run("eval", "-l", "-2 * mse", "p.csv", "t.csv", "--format", "csv"))
    assert rows[-1] == ["'-2 * mse", "mean", "-8.666666666666666", "3", "3.0"]


# markdown


def cells_of(line: str) -> list[str]:
    """What a page shows of a line of a table: cells between bars, backslashes and entities undone."""
    assert line.startswith("| ")
    assert line.endswith(" |")
    cells = re.split(r" (?<!\\)\| ", line[2:-2].replace("<!-- -->", ""))
    return [re.sub(r"\\([^A-Za-z0-9 ])|&#?\w+;", lambda m: m[1] or html.unescape(m[0]), cell) for cell in cells]


@pytest.mark.parametrize("options", [*ASKED, *SAMPLES], ids=str)
def test_markdown_has_the_columns_of_plain(options: dict[str, Any]) -> None:
    tables = rendered("markdown", **options).split("\n\n")
    for table, block in zip(tables, rendered("plain", **options).split("\n\n"), strict=True):
        header, bar, *rows = table.splitlines()
        wanted = [line.split("\t") for line in block.splitlines()]
        assert bar == f"| {' | '.join(['---'] * len(wanted[0]))} |"
        assert [cells_of(line) for line in (header, *rows)] == wanted


def test_markdown_in_full(run: Run, folder: Path) -> None:
    assert run(*LOSSES, "--worst", "1", "--format", "markdown") == Ran(
        "| loss | reduction | value | n | weight |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| mse | mean | 4.333333333333333 | 3 | 3.0 |\n"
        "| huber:delta=2 | mean | 2.0 | 3 | 3.0 |\n"
        "\n"
        "| of | row | loss | share | prediction | target |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| mse | 2 | 9.0 | 0.6923076923076923 | 5.0 | 2.0 |\n"
        "| huber:delta=2 | 2 | 4.0 | 0.6666666666666666 | 5.0 | 2.0 |\n",
        "",
        0,
    )


def test_markdown_shows_text_as_it_is(run: Run, folder: Path) -> None:
    """Neither bars nor markup nor line ends in a name change the table."""
    ran = run("eval", "-l", "mse", "odd.parquet", "--show", "name", "--per-sample", "--format", "markdown")
    lines = ran.stdout.splitlines()[4:]
    assert len(lines) == 2 + len(ODD)
    assert [len(cells_of(line)) for line in lines] == [6] * len(lines)
    assert [cells_of(line)[1] for line in lines[2:]] == [name.strip().replace("\n", "\\x0a") for name in ODD]


MARKUP = ["**bold**", "_it_", "`code`", "<script>", "[a](b)", "![i](j)", "a|b", "a\\|b", "&amp;", "~~gone~~", "\\"]


def test_markdown_markup_is_escaped(run: Run, here: Path) -> None:
    """Each sign that means something to GitHub has a backslash in front."""
    put(here, {"m.parquet": {"y_pred": [1.0] * len(MARKUP), "y": [0.5] * len(MARKUP), "name": MARKUP}})
    ran = run("eval", "-l", "mse", "m.parquet", "--show", "name", "--per-sample", "--format", "markdown")
    lines = ran.stdout.splitlines()[6:]
    for name, line in zip(MARKUP, lines, strict=True):
        bare = re.sub(r"\\[^A-Za-z0-9 ]", "", line.removeprefix("| ").removesuffix(" |"))
        assert not set(bare.replace(" | ", "")) & set("`*_<>[]&~\\|"), name
        assert cells_of(line)[1] == name


# A result file


@pytest.mark.parametrize("form", ["jsonl", "csv", "markdown"])
def test_a_result_file_holds_what_stdout_would(form: str, run: Run, folder: Path) -> None:
    asked = (*LOSSES, "--worst", "2", "--grad", "--format", form)
    wanted = run(*asked, env={"COLUMNS": "150"})
    assert (wanted.stderr, wanted.code) == ("", 0)
    assert run(*asked, "-o", "out", env={"COLUMNS": "150"}) == Ran("", "", 0)
    assert (folder / "out").read_text("utf8") == wanted.stdout


@pytest.mark.parametrize("form", ["jsonl", "csv", "markdown"])
def test_a_gate_that_fails_leaves_the_result_file(form: str, run: Run, folder: Path) -> None:
    ran = run("eval", "-l", "mse", "p.csv", "t.csv", "--max", "1", "--format", form, "-o", "out")
    message = "mse is 4.333333333333333, above --max 1.0 by 3.333333333333333"
    assert ran == Ran("", f"losscli: error: {message}\n", 1)
    assert "4.333333333333333" in (folder / "out").read_text("utf8")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_refused_input_leaves_no_result_file(form: str, run: Run, folder: Path) -> None:
    put(folder, {"bad.csv": "y\n1\n4\nx\n"})
    ran = run("eval", "-l", "mse", "p.csv", "bad.csv", "--format", form, "-o", "out")
    assert ran == Ran("", "losscli: error: bad.csv:4:y: 'x' is not a number\n", 3)
    assert not (folder / "out").exists()
