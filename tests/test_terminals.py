"""What a person sees: tables in narrow and wide terminals, and hostile texts in every format.

No number is shortened or broken, no text of a file steers a terminal, one record stays one line.
"""

import csv
import fcntl
import io
import json
import os
import re
import struct
import subprocess
import termios
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.escape import escape, width
from losscli.render import render
from losscli.results import cell
from tests import support
from tests.support import command, environment, put

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

# Terminals

THIRDS = np.arange(60) / 3
FILES = {
    "x.parquet": {
        "y_pred": THIRDS,
        "y": THIRDS[::-1].copy() / 7,
        "fold": ["a", "b", "c"] * 20,
        "a rather long name of a column": ["p", "q"] * 30,
    },
    "w.parquet": {
        "y_pred": [*np.zeros(200), *np.full(40, 7 / 3)],
        "y": np.arange(240) / 1e5,
        "g": ["a"] * 200 + ["b"] * 40,
    },
    "g.npy": THIRDS,
}
EVAL = ["eval", "-l", "mse", "x.parquet"]
SEEN = {
    "one loss": EVAL,
    "several losses": [*EVAL, "-l", "huber:delta=0.3333333333333333", "-l", "mae"],
    "a sum": ["eval", "-l", "mse + 0.5 * mae", "x.parquet"],
    "groups": [*EVAL, "--by", "fold,a rather long name of a column"],
    "samples": [*EVAL, "--worst", "4", "--show", "fold", "--grad", "--hess"],
    "weak slices": ["eval", "-l", "mse", "w.parquet", "--find-slices"],
    "gradcheck": ["gradcheck", "huber"],
    "gradcheck against": ["gradcheck", "mse", "--against", "g.npy", "x.parquet"],
}
PROSE = {
    "list": ["list"],
    "explain": ["explain", "cross_entropy"],
    "help": ["--help"],
    "help of eval": ["eval", "--help"],
    "help of a loss": ["eval", "-l", "huber", "--help"],
    "help of gradcheck": ["gradcheck", "--help"],
}
NO_UTF8 = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
TERMINALS: dict[str, dict[str, str]] = {
    "xterm": {"TERM": "xterm-256color"},
    "no colour": {"TERM": "xterm", "NO_COLOR": "1"},
    "colour wanted": {"TERM": "dumb", "FORCE_COLOR": "1"},
    "dumb": {"TERM": "dumb"},
    "no TERM": {},
    "COLUMNS 0": {"TERM": "xterm", "COLUMNS": "0"},
    "COLUMNS of letters": {"TERM": "xterm", "COLUMNS": "wide"},
    "COLUMNS below 0": {"TERM": "xterm", "COLUMNS": "-5"},
    "C": {"TERM": "xterm", "LC_ALL": "C"},
    "C and no UTF-8 mode": {"TERM": "xterm", **NO_UTF8},
    "latin-1": {"TERM": "xterm", **NO_UTF8, "LC_ALL": "", "LANG": "en_US.ISO-8859-1", "PYTHONIOENCODING": "latin-1"},
    "ascii": {"TERM": "xterm", "PYTHONIOENCODING": "ascii:strict"},
    "no home": {"TERM": "xterm", "HOME": ""},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("terminals")
    put(made, FILES)
    return made


def on_terminal(folder: Path, columns: int, env: Mapping[str, str], *args: str, stdin: bool = True) -> str:
    """What a run writes to a terminal of so many columns."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    unset = ("LC_ALL", "LC_CTYPE", "LANG")
    known = {key: value for key, value in environment().items() if key not in unset}
    argv = ["sh", "-c", '"$@"' if stdin else '"$@" <&-', "sh", *command(*args)]
    with subprocess.Popen(
        argv, cwd=folder, env={**known, **env}, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL
    ):
        os.close(theirs)
        found = b""
        while part := _read(ours):
            found += part
    os.close(ours)
    return found.decode("utf8").replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # all have closed it
        return b""


def screen(text: str, columns: int) -> list[str]:
    """The lines that a terminal shows, which breaks what is wider than it."""
    lines = []
    for line in COLOUR.sub("", text).split("\n"):
        shown = ""
        for c in line:
            if width(shown + c) > columns:
                lines.append(shown)
                shown = ""
            shown += c
        lines.append(shown)
    return lines


def numbers(lines: list[str]) -> list[str]:
    return sorted(number for line in lines for number in NUMBER.findall(line))


def assert_unbroken(shown: str, columns: int) -> None:
    """The same numbers on the screen as in the text: none is cut at its edge, and none is shortened."""
    assert "…" not in "".join(line for line in shown.split("\n") if "more" not in line and "(" not in line)
    assert numbers(screen(shown, columns)) == numbers(COLOUR.sub("", shown).split("\n"))
    assert not unsafe(COLOUR.sub("", shown))


UNSEEN = ("params", "values", "losscli", "weight", "factor", "p", "effect")  # in a table


def floats(data: Any) -> set[float]:
    """The numbers that a table shows of a report: all but what stands beside a sample's or a group's own."""
    if isinstance(data, dict):
        return set().union(*(floats(v) for k, v in data.items() if k not in UNSEEN))
    if isinstance(data, list):
        return set().union(*map(floats, data))
    return {data} if isinstance(data, float) else set()


@pytest.mark.parametrize("columns", [40, 200])
@pytest.mark.parametrize("name", SEEN)
def test_tables_hold_all_digits(name: str, columns: int, folder: Path) -> None:
    shown = on_terminal(folder, columns, TERMINALS["xterm"], *SEEN[name])
    assert_unbroken(shown, columns)
    report = json.loads(support.run(*SEEN[name], "--json", cwd=folder).stdout)
    wanted = floats(report["results"]) if "results" in report else floats(report.get("laws", report.get("largest")))
    assert {repr(number) for number in wanted} <= set(numbers(screen(shown, columns)))


@pytest.mark.parametrize("columns", [40, 200])
@pytest.mark.parametrize("name", PROSE)
def test_prose_breaks_no_number(name: str, columns: int, folder: Path) -> None:
    shown = on_terminal(folder, columns, TERMINALS["xterm"], *PROSE[name])
    assert len(shown.split("\n")) > 10
    assert numbers(screen(shown, columns)) == numbers(shown.split("\n"))
    assert max(len(line) for line in shown.split("\n") if "=" not in line) <= columns + 1  # as Typer has it


@cache
def usually(folder: Path, columns: int) -> str:
    return on_terminal(folder, columns, TERMINALS["xterm"], *SEEN["samples"])


@pytest.mark.parametrize("columns", [40, 200])
@pytest.mark.parametrize("name", TERMINALS)
def test_terminals_of_all_kinds(name: str, columns: int, folder: Path) -> None:
    """The same text but for colour, and for the lines of boxes where the locale has no UTF-8."""
    env = TERMINALS[name]
    shown = on_terminal(folder, columns, env, *SEEN["samples"])
    usual = usually(folder, columns)
    assert_unbroken(shown, columns)
    if "COLUMNS" in env:  # Python's way: the terminal's own
        assert COLOUR.sub("", shown) == COLOUR.sub("", usual)
    assert ("\x1b" in shown) == (columns == 200 and env.get("TERM") != "dumb" and "NO_COLOR" not in env)
    is_ascii = "LC_ALL" in env or "LANG" in env
    assert shown.isascii() == is_ascii
    if not is_ascii:
        assert COLOUR.sub("", shown) == COLOUR.sub("", usual)


def test_without_a_standard_input(folder: Path) -> None:
    usual = on_terminal(folder, 100, TERMINALS["dumb"], *EVAL)
    assert on_terminal(folder, 100, TERMINALS["dumb"], *EVAL, stdin=False) == usual


@pytest.mark.parametrize("env", [NO_UTF8, TERMINALS["latin-1"], TERMINALS["ascii"]], ids=["C", "latin-1", "ascii"])
@pytest.mark.parametrize("form", ["table", "plain", "json", "jsonl", "csv", "markdown"])
def test_names_of_files_stay_utf8(form: str, env: dict[str, str], here: Path) -> None:
    put(here, {"größe.parquet": {"y_pred": [1.0], "y": [0.5], "ñame": ["日本"]}})
    args = ["eval", "-l", "mse", "größe.parquet", "--per-sample", "--show", "2", "--format", form]
    ran = support.run(*args, cwd=here, env=env)
    assert (ran.stderr, ran.code) == ("", 0)
    shown = json.dumps(ran.stdout) if "json" not in form else ran.stdout
    assert "日本" in json.loads(shown.splitlines()[0] if form == "jsonl" else shown).__str__()


# Hostile texts

HOSTILE = [
    *(
        "\x1b[31mred",
        "\x1b]0;title\x07",
        "\x1b]8;;http://x.y\x1b\\link\x1b]8;;\x1b\\",
        "\x1b[2J\x1b[H",
        "a\x1bc",
        "bell\x07",
    ),
    *(
        "back\x08\x08\x08space",
        "del\x7f",
        "\x9b31mC1",
        "\x9d0;t\x9c",
        "next\x85line",
        "nul\x00byte",
        "form\x0cfeed",
        "v\x0bt",
    ),
    *("two\nlines", "cr\rcr", "crlf\r\nx", "tab\tx", "a\u2028b", "a\u2029b", "unit\x1fsep"),
    *(
        "\u202eevil",
        "\u2066iso\u2069",
        "ltr\u200emark",
        "arab\u061cmark",
        "zero\u200bwidth",
        "zwj\u200dx",
        "\ufeffbom",
        "soft\u00adhyphen",
    ),
    *(
        "e\u0301\u0302\u0303\u0304\u0305\u0306",
        "\u0301first",
        "日本語の列",
        "ＷＩＤＥ",
        "👩‍👩‍👧 family",
        "🇩🇪 flag",
        "❤️ vs16",
        "ﷺ",
    ),
    *("[red]x", "[/]", "[bold", "[link=http://x.y]z[/link]", ":smile:", "\\[x]", "a\\", "\\x1b", "\\n"),
    *("=cmd|' /C calc'!A0", "@SUM(A1)", "-1+2", "+1", "=", "%s%n%d", "{0.__class__}", "{}", "${HOME}", "$(id)", "`id`"),
    *(
        "; rm -rf /",
        "a && b",
        "<script>alert(1)</script>",
        "<b>",
        "&lt;",
        "a|b",
        "||",
        "**b** _i_ ~~s~~",
        "# h",
        "![i](j)",
        "$x^2$",
    ),
    *('"', '","x":"', "'", "]}", "//c", "a,b", "a;b", "x" * 300, "123456789012345678901234567890", "1e5", "null?"),
]
FORMATS = ["table", "plain", "json", "jsonl", "csv", "markdown"]
N = len(HOSTILE)
WORTH = [(k + 1) / 3 for k in range(N)]
every_format = pytest.mark.parametrize("form", FORMATS)


def unsafe(text: str) -> set[str]:
    """What could steer a terminal."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\t"}


def markdown_cells(line: str) -> list[str]:
    """What a page shows of a row: no cell may hold a sign that means something, but behind a backslash."""
    assert line.startswith("| ")
    assert line.endswith(" |")
    cells = re.split(r" (?<!\\)\| ", line[2:-2].replace("<!-- -->", ""))
    for text in cells:
        assert not set(re.sub(r"\\[^A-Za-z0-9\s]", "", text)) & set("|<>`*_~[]&$\\"), text
    return [re.sub(r"\\([^A-Za-z0-9\s])", r"\1", text) for text in cells]


def rows_of(form: str, text: str) -> list[list[str]]:
    """The rows of the last table in a format of rows, its header first."""
    if form == "csv":
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    lines = text.removesuffix("\n").split("\n\n")[-1].split("\n")
    if form == "plain":
        return [line.split("\t") for line in lines]
    return [markdown_cells(line) for k, line in enumerate(lines) if k != 1]


def shown_as(form: str, text: str) -> str:
    """How a text from a file is written: escaped, and in CSV made no formula."""
    return cell(escape(text)) if form == "csv" else escape(text)


def reported(form: str, **options: Any) -> str:
    text = render(losscli.evaluate("mse", **options), form)
    assert not unsafe(text)
    return text


def assert_in_lines(text: str, shown: list[str], values: list[str]) -> None:
    """A text and its number side by side on a line, or in a block of lines where the terminal is too narrow."""
    lines = text.split("\n")
    for name, number in zip(shown, values, strict=True):
        assert any(name in line for line in lines), name
        assert any(number in line.split() for line in lines), number


@every_format
def test_cells_beside_samples(form: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    put(here, {"x.parquet": {"y_pred": WORTH, "y": np.zeros(N), "name": HOSTILE}})
    text = reported(form, pred="x.parquet", per_sample=True, show=["name"])
    losses = [repr(v * v) for v in WORTH]
    if form == "table":
        lines = [line for line in text.split("\n")[-N - 1 :] if line]
        assert len(lines) == N
        for line, name, loss in zip(lines, HOSTILE, losses, strict=True):
            assert escape(name).strip() in line
            assert loss in line.split()
    elif form in ("json", "jsonl"):
        samples = (
            json.loads(text)["results"][0]["samples"] if form == "json" else list(map(json.loads, text.splitlines()))
        )
        assert [sample["name"] for sample in samples] == HOSTILE
        assert [repr(sample["loss"]) for sample in samples] == losses
    else:
        header, *rows = rows_of(form, text)
        assert [row[header.index("name")] for row in rows] == [shown_as(form, name) for name in HOSTILE]
        assert [row[header.index("loss")] for row in rows] == losses


@every_format
def test_values_of_groups(form: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    put(here, {"x.parquet": {"y_pred": WORTH, "y": np.zeros(N), "name": HOSTILE}})
    text = reported(form, pred="x.parquet", by="name")
    wanted = {name: repr(v * v) for name, v in zip(HOSTILE, WORTH, strict=True)}
    if form == "table":
        lines = text.split("\n")
        for name, value in wanted.items():
            assert any(escape(name).strip() in line and value in line.split() for line in lines), name
    elif form in ("json", "jsonl"):
        groups = json.loads(text)["results"][0]["groups"] if form == "json" else json.loads(text)["groups"]
        assert {group["by"]["name"]: repr(group["value"]) for group in groups} == wanted
    else:
        header, *rows = rows_of(form, text)
        found = {row[header.index("name")]: row[header.index("value")] for row in rows}
        assert found == {shown_as(form, name): value for name, value in wanted.items()}


@every_format
def test_names_of_columns(form: str, here: Path) -> None:
    """As headers beside samples, which JSON has as keys."""
    columns = {name: [name] for name in HOSTILE}
    put(here, {"x.parquet": {"y_pred": [1 / 3], "y": [0.0], **columns}})
    text = reported(form, pred="x.parquet", per_sample=True, show=[str(k + 2) for k in range(N)])
    if form == "table":
        assert_in_lines(text, [escape(name).strip() for name in HOSTILE], [repr((1 / 3) ** 2)] * N)
    elif form in ("json", "jsonl"):
        sample = json.loads(text)["results"][0]["samples"][0] if form == "json" else json.loads(text)
        assert [(name, sample[name]) for name in HOSTILE] == [(name, name) for name in HOSTILE]
    else:
        header, row = rows_of(form, text)
        assert header[1 : N + 1] == row[1 : N + 1] == [shown_as(form, name) for name in HOSTILE]


@every_format
def test_names_of_classes(form: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    names = HOSTILE
    probs = np.full((len(names), len(names)), 0.5 / (len(names) - 1))
    np.fill_diagonal(probs, 0.5)
    files = {name: probs[:, k] for k, name in enumerate(names)}
    put(here, {"p.parquet": files, "t.parquet": {"label": names}})
    report = losscli.evaluate(
        "cross_entropy", pred="p.parquet", target="t.parquet", per_sample=True, columns={"pred": range(N)}
    )
    text = render(report, form)
    assert not unsafe(text)
    if form == "table":
        assert_in_lines(text, [escape(name).strip() for name in names], [repr(0.5)] * len(names))
    elif form in ("json", "jsonl"):
        samples = (
            json.loads(text)["results"][0]["samples"] if form == "json" else list(map(json.loads, text.splitlines()))
        )
        assert [sample["predicted"] for sample in samples] == names
    else:
        header, *rows = rows_of(form, text)
        assert [row[header.index("predicted")] for row in rows] == [shown_as(form, name) for name in names]


NAMES = [name for name in HOSTILE if "/" not in name and "\0" not in name and len(name.encode()) < 200]
NAMES += ["x" * 200, "\udcff\udc80", "no\udce9utf8", "-", "--help", "a:b", "x.npz:y", "~", " ", "*", "?", "%00"]


@every_format
def test_names_of_files(form: str, here: Path) -> None:
    for name in NAMES:
        path = f"./{name}"
        put(here, {path: f"y_pred,y\n{1 / 3},0\n"})
        text = reported(form, pred=path)
        assert repr((1 / 3) ** 2) in text
        if form == "json":
            assert json.loads(text)["inputs"][0]["path"] == path
        elif form == "table":
            assert escape(path) in text.split("\n")[0]


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_messages_about_names(every: int, here: Path, run_here: Any) -> None:
    """Files that are not there, columns, labels, losses, options and their values: each text in all of these places, or
    in every seventh, another for the next text.
    """
    put(here, {"x.csv": "y_pred,y\n1,2\n", "p.csv": "a,b\n0.5,0.5\n"})
    runs = 0
    for k, text in enumerate([t for t in HOSTILE if "\0" not in t] + NAMES):
        put(here, {"t.parquet": {"label": [f"{text.encode('utf8', 'replace').decode()}q"]}})
        places: list[tuple[list[str], int]] = [
            (["-l", "mse", f"./{text}x", "x.csv"], 3),
            (["-l", "mse", "x.csv", "--pred-col", f"{text}:x"], 2),
            (["-l", "mse", "x.csv", "--show", f"{text}x", "--per-sample"], 2),
            (["-l", f"{text}q", "x.csv"], 2),
            (["-l", f"huber:delta={text}q", "x.csv"], 2),
            (["-l", "huber", "--delta", f"{text}q", "x.csv"], 2),
            (["-l", "mse", "x.csv", f"--{text}="], 2),
            (["-l", "mse", "x.csv", "--max", f"q{text}"], 2),
            (["-l", "mse", "x.csv", "--format", f"q{text}"], 2),
            (["-l", "mse", "x.csv", "--by", f"{text}q"], 2),
            (["-l", "mse", "x.csv", "--where", f"{text}q=1"], 2),
            (["-l", "cross_entropy", "p.csv", "t.parquet", "--labels", "text"], 3),
            (["-l", "mse", "x.csv", "-o", f"nowhere/{text}"], 74),
        ]
        for args, code in places[k % every :: every]:
            ran = run_here("eval", *args)
            assert (ran.code, ran.stdout) == (code, ""), (args, ran)
            assert ran.stderr.startswith("losscli: error: "), (args, ran)
            assert ran.stderr.count("\n") == 1, (args, ran)
            assert not unsafe(ran.stderr), (args, ran)
            runs += 1
    assert runs > 1000 / every


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files_of_samples_hold_the_text(suffix: str, here: Path) -> None:
    """No terminal reads them: they hold the text as it is, and CSV quotes what would end a cell."""
    put(here, {"x.parquet": {"y_pred": WORTH, "y": np.zeros(N), "name": HOSTILE}})
    losscli.evaluate("mse", pred="x.parquet", per_sample_out=f"s.{suffix}", show=["name"])
    if suffix == "csv":
        with open("s.csv", encoding="utf8", newline="") as file:
            header, *rows = csv.reader(file, strict=True)
        assert [row[header.index("name")] for row in rows] == [cell(name) for name in HOSTILE]
        assert [row[header.index("loss")] for row in rows] == [repr(v * v) for v in WORTH]
    else:
        from pyarrow.parquet import read_table

        assert read_table("s.parquet").column("name").to_pylist() == HOSTILE


@every_format
def test_names_given_in_python(form: str) -> None:
    """Names of groups that no file could have."""
    for name in (*HOSTILE, "nul\0", "lone\ud800"):
        text = render(losscli.evaluate("mse", pred=[1 / 3, 1.0], target=[0.0, 1.0], by={name: [name, "x"]}), form)
        assert not unsafe(text)
        if form in ("json", "jsonl"):
            data = json.loads(text)
            (group,) = [g for g in (data["results"][0] if form == "json" else data)["groups"] if g["by"][name] != "x"]
            assert (group["by"][name], group["value"]) == (name, (1 / 3) ** 2)
