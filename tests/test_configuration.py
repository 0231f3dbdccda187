"""Options of eval in losscli.toml: where it is looked for, what it may say, and what the command line says instead."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from losscli.configuration import find
from losscli.inspection import inspect
from tests.support import Ran, put

Run = Callable[..., Ran]
FILES = {
    "p.csv": "y_pred,country\n1,DE\n2,DE\n5,FR\n,FR\n",
    "t.csv": "y\n1\n4\n2\n3\n",
    "whole.csv": "y_pred,y,w\n1,1,1\n2,4,2\n5,2,1\n",
    "semicolons.csv": "y_pred;y\n1;1\n2;4\n5;2\n",
    "bare.csv": "1,1\n2,4\n5,2\n",
}
WHOLE = ("eval", "whole.csv")


def values(ran: Ran) -> dict[str, str]:
    """The value of each loss, of plain output."""
    lines = ran.stdout.partition("\n\n")[0].splitlines()[1:]
    return {line.split("\t")[0]: line.split("\t")[2] for line in lines}


@pytest.fixture(autouse=True)
def _files(here: Path) -> None:
    put(here, FILES)


@pytest.fixture
def said(here: Path, run_here: Run) -> Callable[..., Ran]:
    """`said(text, "eval", …)` runs losscli beside a losscli.toml with the text."""

    def run_with(text: str, *args: str) -> Ran:
        put(here, {"losscli.toml": text})
        return run_here(*args)

    return run_with


# Where it is looked for


def paths_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str | None:
    monkeypatch.chdir(folder)
    found = find()
    return found and found.path


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_up_to_the_root_of_the_repository(kind: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = here / "repository" / "a" / "b"
    inner.mkdir(parents=True)
    put(here, {"losscli.toml": "[eval]\n"})
    assert paths_found(inner, monkeypatch) == "../../../losscli.toml"  # as the tests' folders are in a repository
    root = here / "repository"
    (root / ".git").mkdir() if kind == "folder" else (root / ".git").write_text("gitdir: elsewhere\n")
    assert paths_found(inner, monkeypatch) is None
    put(root, {"losscli.toml": "[eval]\n"})
    assert paths_found(inner, monkeypatch) == "../../losscli.toml"
    assert paths_found(root, monkeypatch) == "losscli.toml"


def test_the_nearest_wins_alone(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = here / "a" / "b"
    inner.mkdir(parents=True)
    put(here, {"losscli.toml": "[eval]\nmissing = 'drop'\n"})
    put(here / "a", {"pyproject.toml": "[tool.losscli.eval]\nstrict = true\n"})
    put(inner, {"pyproject.toml": "[project]\ndependencies = ['losscli']\n"})
    assert paths_found(inner, monkeypatch) == "../pyproject.toml"
    assert (found := find()) is not None
    assert found.tables == {"eval": {"strict": True}}


def test_outside_a_repository_the_current_folder_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        if any((above / ".git").exists() for above in folder.parents):
            pytest.skip("temporary folders are in a repository")
        (folder / "inner").mkdir()
        put(folder, {"losscli.toml": "[eval\n"})
        assert paths_found(folder / "inner", monkeypatch) is None
        put(folder / "inner", {"losscli.toml": "[eval]\n"})
        assert paths_found(folder / "inner", monkeypatch) == "losscli.toml"
        monkeypatch.chdir("/")


def test_a_long_way_up_is_shown_from_the_root(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = here.joinpath(*"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz")
    inner.mkdir(parents=True)
    put(here, {"losscli.toml": "[eval]\n"})
    assert paths_found(inner, monkeypatch) == str(here / "losscli.toml")


def test_a_deleted_folder_has_none(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "gone").mkdir()
    monkeypatch.chdir(here / "gone")
    (here / "gone").rmdir()
    assert find() is None
    monkeypatch.chdir(here)


def test_two_in_a_folder_are_refused(here: Path, said: Run) -> None:
    put(here, {"pyproject.toml": "[tool.losscli]\n"})
    ran = said("[eval]\n", *WHOLE, "-l", "mse")
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr == "losscli: error: losscli.toml: and pyproject.toml has [tool.losscli] too: keep one of them\n"


@pytest.mark.parametrize("text", ["[project\n", "[project]\nname = 'a'\n", "[project]\nname = 'losscli'\n"])
def test_a_pyproject_without_our_table_says_nothing(text: str, here: Path, run_here: Run) -> None:
    put(here, {"pyproject.toml": text})
    ran = run_here(*WHOLE, "-l", "mse")
    assert (ran.code, ran.stderr) == (0, "")


def test_pyproject_is_as_good(here: Path, run_here: Run) -> None:
    put(here, {"pyproject.toml": '[project]\nname = "a"\n[tool.losscli.eval]\nloss = "mae"\n'})
    ran = run_here(*WHOLE)
    assert (ran.code, ran.stderr) == (0, "losscli: note: pyproject.toml: loss = mae\n")
    assert list(values(ran)) == ["mae"]
    put(here, {"pyproject.toml": '[tool.losscli.eval]\nlos = "mae"\n'})
    assert "pyproject.toml: [tool.losscli.eval] has no option 'los'; did you mean 'loss'?" in run_here(*WHOLE).stderr


@pytest.mark.parametrize("args", [["eval", "--help"], ["eval", "-l", "huber", "-h"], ["list"], ["explain", "mse"]])
def test_a_broken_file_keeps_no_help_from_showing(args: list[str], said: Run) -> None:
    ran = said("[eval\n", *args)
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout


def test_other_commands_do_not_read_it(said: Run, here: Path) -> None:
    assert said("[eval\n", "inspect", "whole.csv").code == 0
    assert said("[eval\n", "gradcheck", "mse").code == 0
    assert inspect([str(here / "whole.csv")]).commands


def test_completion_does_not_read_it(run: Run, here: Path) -> None:
    put(here, {"losscli.toml": "[eval\n"})
    words = {"_LOSSCLI_COMPLETE": "complete_bash", "COMP_WORDS": "losscli eval --loss hu", "COMP_CWORD": "3"}
    ran = run(env=words)
    assert (ran.code, ran.stdout.split(), ran.stderr) == (0, ["huber"], "")
    words = {"_LOSSCLI_COMPLETE": "complete_bash", "COMP_WORDS": "losscli check --sa", "COMP_CWORD": "2"}
    assert run(env=words).stdout.split() == ["--save-baselines"]


# What is said there, and what the command line says instead


EFFECTS: dict[str, tuple[str, list[str], str, list[str], str]] = {
    # what the file says, arguments with it, the note; arguments that win over it, and the note then
    "one value": ("missing = 'drop'", ["p.csv", "t.csv"], "missing = drop", ["--missing", "error"], ""),
    "a flag": ("strict = true", ["whole.csv"], "strict = true", ["--no-strict"], ""),
    "a flag that is false": ("strict = false", ["whole.csv"], "strict = false", ["--strict"], ""),
    "a flag of two sides": ("header = false", ["bare.csv", "--pred-col", "0"], "header = false", ["--header"], ""),
    "one of a list": ("where = 'w=1'", ["whole.csv"], "where = w=1", ["--where", "w=2"], ""),
    "a list": ("where = ['w=1', 'y=1']", ["whole.csv"], "where = [w=1, y=1]", ["--where", "w=2"], ""),
    "a number": ("expect-rows = 3", ["whole.csv"], "expect-rows = 3", ["--expect-rows", "4"], ""),
    "a delimiter": ("delimiter = ';'", ["semicolons.csv"], "delimiter = ;", ["--delimiter", ","], ""),
    "a format": ("format = 'csv'", ["whole.csv"], "format = csv", ["--format", "plain"], ""),
    "a format, and --json": ("format = 'csv'", ["whole.csv"], "format = csv", ["--json"], ""),
    "a gate": ("max = 5", ["whole.csv"], "max = 5", ["--max", "1"], ""),
    "gates": ("fail-if = ['mse > 5']", ["whole.csv"], "fail-if = mse > 5", ["--fail-if", "mse > 1"], ""),
    "one of two": (
        "missing = 'drop'\nby = 'country'",
        ["p.csv", "t.csv"],
        "missing = drop, by = country",
        ["--missing", "error"],
        "by = country",
    ),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_the_file_is_as_good_as_the_command_line_which_wins(name: str, said: Run, run_here: Run) -> None:
    text, args, note, winning, then = EFFECTS[name]
    args = ["eval", "-l", "mse", *args]
    ran = said(f"[eval]\n{text}\n", *args)
    assert ran.stderr.startswith(f"losscli: note: losscli.toml: {note}\n")
    won = said(f"[eval]\n{text}\n", *args, *winning)
    assert won.stderr.startswith(f"losscli: note: losscli.toml: {then}\n") if then else "toml:" not in won.stderr
    Path("losscli.toml").unlink()
    alone = run_here(*args, *(["--by", "country"] if then else []), *(w for w in winning if w != "--no-strict"))
    assert (won.code, won.stdout) == (alone.code, alone.stdout)
    assert won != ran


def test_a_flag_has_a_negative_only_where_the_file_sets_it(said: Run) -> None:
    assert said("[eval]\nstrict = true\n", *WHOLE, "-l", "mse", "--no-strict").code == 0
    assert "no such option: --no-normalize" in said("[eval]\nstrict = true\n", *WHOLE, "--no-normalize").stderr
    assert "no such option: --no-strict" in said("[eval]\nstrict = false\n", *WHOLE, "--no-strict").stderr


def test_what_the_file_says_is_heeded(said: Run) -> None:
    assert values(said("[eval]\nmissing = 'drop'\n", "eval", "-l", "mse", "p.csv", "t.csv")) == {
        "mse": "4.333333333333333"
    }
    assert said("[eval]\nmissing = 'error'\n", "eval", "-l", "mse", "p.csv", "t.csv").code == 3
    assert said("[eval]\nexpect-rows = 4\n", *WHOLE, "-l", "mse").code == 3
    assert said("[eval]\nmax = 4.0\n", *WHOLE, "-l", "mse").code == 1
    assert said("[eval]\nformat = 'json'\n", *WHOLE, "-l", "mse").stdout.startswith("{")
    assert list(values(said("[eval]\nloss = ['mae', 'huber:delta=3']\n", *WHOLE))) == ["mae", "huber:delta=3"]


def test_the_losses_of_the_command_line_replace_those_of_the_file(said: Run) -> None:
    ran = said("[eval]\nloss = ['mae', 'mse']\n", *WHOLE, "-l", "huber")
    assert (list(values(ran)), ran.stderr) == (["huber"], "")


def test_parameters_of_losses(said: Run) -> None:
    text = "[eval]\nloss = 'huber'\ndelta = 2\n"
    ran = said(text, *WHOLE)
    assert (list(values(ran)), ran.stderr) == (
        ["huber:delta=2"],
        "losscli: note: losscli.toml: loss = huber, delta = 2\n",
    )
    assert list(values(said(text, *WHOLE, "--delta", "3"))) == ["huber:delta=3"]


@pytest.mark.parametrize("spec", ["mae", "huber", "huber:delta=3"])
def test_a_loss_of_the_command_line_replaces_the_file_s_with_its_parameters(spec: str, said: Run) -> None:
    ran = said("[eval]\nloss = 'huber'\ndelta = 2\n", *WHOLE, "-l", spec)
    assert (list(values(ran)), ran.stderr) == ([spec], "")


def test_parameters_without_a_loss_are_for_any(said: Run) -> None:
    assert list(values(said("[eval]\ndelta = 2\n", *WHOLE, "-l", "huber"))) == ["huber:delta=2"]
    refused = said("[eval]\ndelta = 2\n", *WHOLE, "-l", "mae")
    assert refused.code == 2
    assert "--delta belongs to" in refused.stderr
    assert "(losscli.toml says delta)" in refused.stderr


def test_a_parameter_that_is_true_and_one_of_several_numbers(said: Run) -> None:
    counts = "[eval]\nloss = 'poisson_nll'\nfull = true\n"
    assert list(values(said(counts, *WHOLE))) == ["poisson_nll:full=true"]
    quantile = "[eval]\nloss = 'quantile'\nq = 0.25\n"
    assert list(values(said(quantile, *WHOLE))) == ["quantile:q=0.25"]


@pytest.mark.parametrize(("text", "shown"), [("0.10", "0.10"), ("1_000.5", "1000.5"), ("inf", "inf"), ("0x10", "16")])
def test_numbers_are_taken_as_they_are_written(text: str, shown: str, said: Run) -> None:
    assert f"max = {shown}\n" in said(f"[eval]\nmax = {text}\n", *WHOLE, "-l", "mse").stderr


def test_quiet_silences_the_note_and_not_the_error(said: Run) -> None:
    for quiet in (["-q"], ["--quiet"], ["-ql", "mae"]):
        ran = said("[eval]\nloss = 'mse'\n", *WHOLE, *quiet)
        assert (ran.code, ran.stderr) == (0, "")
    ran = said("[eval]\nloss = 'mse'\nid = 'k'\n", *WHOLE, "-q")
    assert (ran.code, ran.stderr.count("\n")) == (2, 1)
    assert ran.stderr.endswith("(losscli.toml says loss, id)\n")


def test_an_error_of_usage_names_the_file_only_where_it_says_something(said: Run) -> None:
    assert "losscli.toml" not in said("[check.a]\n", *WHOLE, "-l", "nothing").stderr
    assert "losscli.toml" not in said("[eval]\nmissing = 'drop'\n", *WHOLE, "-l", "no", "--missing=drop").stderr


def test_words_of_the_file_are_made_safe_to_show(said: Run) -> None:
    ran = said('[eval]\n"a\\u001b[31m" = 1\n', *WHOLE, "-l", "mse")
    assert (ran.code, "\x1b" in ran.stderr, "a\\x1b[31m" in ran.stderr) == (2, False, True)
    ran = said('[eval]\nloss = "mse"\nwhere = "w!=\\u202e"\n', *WHOLE)
    assert "where = w!=\\u202e" in ran.stderr


# Paths


def test_paths_are_relative_to_the_file(run_here: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "sub").mkdir()
    put(here, {"w.csv": "weight\n1\n2\n1\n", "losscli.toml": "[eval]\nloss = 'mse'\ninput = ['weight=w.csv']\n"})
    monkeypatch.chdir(here / "sub")
    ran = run_here("eval", "../whole.csv", "--json")
    assert json.loads(ran.stdout)["inputs"][-1]["path"] == "../w.csv"
    assert "note: ../losscli.toml: loss = mse, input = weight=../w.csv\n" in ran.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("baseline = 'b.json'\nmax-regress = 0", "../b.json: cannot be opened"),
        ("class-weight = 'w.csv'", "../w.csv"),
        ("input = 'weight=w.csv'", "../w.csv: "),
        ("baseline = '/nowhere/b.json'\nmax-regress = 0", "/nowhere/b.json: cannot be opened"),
    ],
)
def test_every_path_is_seen_from_the_current_folder(
    text: str, shown: str, run_here: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "sub").mkdir()
    put(here, {"losscli.toml": f"[eval]\n{text}\n", "c.csv": "p_a,p_b,label\n0.5,0.5,a\n"})
    monkeypatch.chdir(here / "sub")
    ran = run_here("eval", "-l", "cross_entropy", "../c.csv")
    assert ran.code == 3
    assert shown in ran.stderr.splitlines()[-1]


def test_class_weights_that_are_no_file(said: Run, here: Path, monkeypatch: pytest.MonkeyPatch, run_here: Run) -> None:
    (here / "sub").mkdir()
    put(here, {"c.csv": "p_a,p_b,label\n0.5,0.5,a\n0.5,0.5,b\n"})
    for words in ("balanced", "a=1,b=3"):
        put(here, {"losscli.toml": f"[eval]\nclass-weight = '{words}'\n"})
        monkeypatch.chdir(here / "sub")
        ran = run_here("eval", "-l", "cross_entropy", "../c.csv")
        assert (ran.code, f"class-weight = {words}\n" in ran.stderr) == (0, True)
        monkeypatch.chdir(here)


def test_the_file_is_not_written_over(said: Run) -> None:
    for text in ("[eval]\nmissing = 'error'\n", "[check.a]\n"):
        for option in ("-o", "--save-baseline", "--per-sample-out"):
            ran = said(text, *WHOLE, "-l", "mse", option, "losscli.toml")
            assert (ran.code, "losscli.toml is an input file" in ran.stderr) == (2, True)
            assert Path("losscli.toml").read_text() == text


# What is refused

REFUSED = {
    "[eval]\nfail_if = ['mse > 1']": "[eval] has no option 'fail_if'; did you mean 'fail-if'?",
    "[eval]\ndelt = 1": "[eval] has no option 'delt'; did you mean 'delta'?",
    "[eval]\nxyzzy = 1": "[eval] has no option 'xyzzy'\n",
    "[eval]\nno-header = true": "[eval]: 'no-header' is said as header = false",
    "[eval]\njson = true": "[eval]: 'json' is said as format = \"json\"",
    "[eval]\ndebug = true": "[eval]: 'debug' is for the command line",
    "[eval]\nhelp = true": "[eval]: 'help' is for the command line",
    "[eval]\nquiet = true": "[eval]: 'quiet' would keep quiet about these very options",
    "[eval]\nplugin = 'a.py'": "[eval]: 'plugin' is a program, which no file found in a folder may start",
    "[eval]\nfiles = ['a.csv']": "[eval]: 'files' belongs to one run",
    "[eval]\npred = ['a.csv']": "[eval]: 'pred' belongs to one run",
    "[eval]\noutput = 'a.txt'": "[eval]: 'output' writes a file",
    "[eval]\njunit = 'a.xml'": "[eval]: 'junit' writes a file",
    "[eval]\ngrad-out = 'a.npy'": "[eval]: 'grad-out' writes a file",
    "[eval]\nsave-baseline = 'b.json'": "[eval]: 'save-baseline' writes a file, which is asked for where it is run: ",
    "[eval]\nmissing = true": "[eval]: 'missing' wants a text or a number, not true",
    "[eval]\nmissing = ['drop']": "[eval]: 'missing' wants a text or a number, not a list",
    "[eval]\nmissing = {a = 1}": "[eval]: 'missing' wants a text or a number, not a table",
    "[eval]\nmax = 2020-01-01": "[eval]: 'max' wants a text or a number, not a date or a time",
    "[eval]\nstrict = 'yes'": "[eval]: 'strict' wants true or false, not 'yes'",
    "[eval]\nstrict = 1": "[eval]: 'strict' wants true or false, not 1",
    "[eval]\nheader = []": "[eval]: 'header' wants true or false, not a list",
    "[eval]\nby = [true]": "[eval]: 'by' wants a list of texts or numbers, not true",
    "[eval]\nby = false": "[eval]: 'by' wants a text or a number, or a list of them, not false",
    "[eval]\ninput = ['weight=-']": "[eval]: 'input' is standard input (-)",
    "[eval]\nmissing = 'drp'": "invalid value for '--missing': 'drp' is not one of 'error', 'drop'. (losscli.toml says",
    "[eval]\nmin-group = 'x'": "--min-group: 'x' is not a whole number of at least 1 (losscli.toml says min-group)",
    "[eval]\nmax-regress = '1%'": "1% needs a baseline; add --baseline FILE (losscli.toml says max-regress)",
    "[evl]": "there is no table [evl]; did you mean 'eval'?",
    "missing = 'drop'": "'missing' stands in no table: write it under [eval] or [check.NAME]",
    "eval = 1": "[eval] is not a table, but 1",
    "[[check]]": "[check] is not a table, but a list: write [check.NAME] in losscli.toml",
    "[check]\nmax = 1": "'max' in [check] is not a table, but 1: write [check.NAME]",
    "[eval\n": "is not TOML: Expected ']' at the end of a table declaration (at line 1, column 6)",
    "a = " + "[" * 100_000: "is not TOML: ",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:40].replace("\n", " "))
def test_what_it_may_not_say(text: str, said: Run) -> None:
    ran = said(text + "\n", *WHOLE, "-l", "mse")
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    message = ran.stderr.removeprefix("losscli: error: ")
    assert REFUSED[text] in message
    assert "losscli.toml" in message


def test_what_is_not_utf8_or_cannot_be_opened(here: Path, run_here: Run) -> None:
    put(here, {"losscli.toml": b"[eval]\nby = '\xff'\n"})
    assert "losscli.toml: is not TOML: 'utf-8' codec can't decode" in run_here(*WHOLE, "-l", "mse").stderr
    (here / "losscli.toml").unlink()
    os.symlink("nowhere.toml", here / "losscli.toml")
    ran = run_here(*WHOLE, "-l", "mse")
    assert (ran.code, ran.stderr) == (
        2,
        "losscli: error: losscli.toml: cannot be opened: No such file or directory\n",
    )


def test_a_byte_order_mark_is_none_of_its_keys(here: Path, run_here: Run) -> None:
    put(here, {"losscli.toml": b"\xef\xbb\xbf[eval]\nloss = 'mse'\n"})
    assert run_here(*WHOLE).code == 0


def test_a_folder_of_that_name_is_no_configuration(here: Path, run_here: Run) -> None:
    (here / "losscli.toml").mkdir()
    assert run_here(*WHOLE, "-l", "mse").code == 0


def test_every_option_of_eval_is_known(said: Run, run_here: Run) -> None:
    """None is refused for its name, but those that have their reason."""
    from losscli.cli.app import command_of
    from losscli.cli.defaults import options_of

    kinds = options_of(command_of("eval")).kinds
    assert (kinds["strict"], kinds["header"], kinds["by"], kinds["max"], kinds["missing"]) == (
        *("flag", "flag", "many"),
        *("one", "one"),
    )
    reasons: dict[str, Any] = {}
    for key, kind in kinds.items():
        value = {"flag": "true", "one": "'x'", "many": "['x']"}[kind]
        ran = said(f"[eval]\n{key} = {value}\n", *WHOLE, "-l", "mse", "-q")
        assert "has no option" not in ran.stderr
        if f"'{key}' " in ran.stderr and "[eval]: " in ran.stderr:
            reasons[key] = ran.stderr
    assert set(reasons) == {
        *("files", "pred", "json", "debug", "quiet", "github", "output", "junit", "save-baseline"),
        *("grad-out", "hess-out", "per-sample-out", "probs-out", "penalty-grad-out"),
    }
