"""Several systems: what their files' names tell, how they are ranked, what is refused, and every format."""

import csv
import io
import json
import os
import shlex
from collections.abc import Callable, Mapping
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli.cli.progress import progress
from losscli.objectives import parse
from losscli.results import Input, Report, Result
from losscli.selection import Account
from losscli.systems import ranked, settings_of
from tests.support import Ran, column, put
from tests.test_terminals import TERMINALS, assert_unbroken, on_terminal

Run = Callable[..., Ran]

# Settings from names

TOLD: dict[str, dict[str, str]] = {
    "preds.csv": {},
    "lr=0.1.csv": {"lr": "0.1"},
    "lr=0.1": {"lr": "0.1"},
    "LR=0.1.CSV.GZ": {"LR": "0.1"},
    "lr=0.5.parquet": {"lr": "0.5"},
    "lr=1e-3.npy": {"lr": "1e-3"},
    "lr=-1.tsv.zst": {"lr": "-1"},
    "lr=0.1.best": {"lr": "0.1.best"},
    "lr=0.1.best.csv": {"lr": "0.1.best"},
    "x=a-b.csv": {"x": "a-b"},
    "x=a_b,y=c d.csv": {"x": "a_b", "y": "c d"},
    "out-lr=0.1,epochs=5.tsv": {"lr": "0.1", "epochs": "5"},
    "out lr=0.1 epochs=5.tsv": {"lr": "0.1", "epochs": "5"},
    "lr=0.1;epochs=5, seed=7.csv": {"lr": "0.1", "epochs": "5", "seed": "7"},
    "lr=0.1_batch_size=32.csv": {"lr": "0.1", "batch_size": "32"},
    "weight_decay=0.1.csv": {"weight_decay": "0.1"},
    "model_lr=0.1_batch_size=32.csv": {"model_lr": "0.1", "batch_size": "32"},
    "model-lr=0.1__batch_size=32.csv": {"lr": "0.1", "batch_size": "32"},
    "v1.2_lr=0.1.csv": {"lr": "0.1"},
    "λ=0.1.csv": {"λ": "0.1"},
    "runs/lr=0.1/bs=32/preds.csv": {"lr": "0.1", "bs": "32"},
    "/data/lr=0.1.csv/preds.csv": {"lr": "0.1.csv"},
    "runs/lr=0.1/": {"lr": "0.1"},
    "runs/lr=0.1.parquet/": {"lr": "0.1"},
    "../lr=0.1/model,lr=0.2.csv": {"lr": "0.2"},
    "2=3.csv": {},
    "=3.csv": {},
    "lr=.csv": {},
    "lr=,bs=3.csv": {"bs": "3"},
    "a=b=c.csv": {"a": "b=c"},
    "a==b.csv": {"a": "=b"},
    ".csv": {},
    "": {},
    "-": {},
}


@pytest.mark.parametrize("path", TOLD)
def test_settings_of_a_path(path: str) -> None:
    assert settings_of(path) == TOLD[path]
    assert list(settings_of(path)) == list(TOLD[path])


def test_a_members_settings_count_too(here: Path) -> None:
    np.savez(here / "seed=3.npz", **{"lr=0.1": [1.0]})
    assert settings_of("seed=3.npz:lr=0.1") == {"seed": "3", "lr": "0.1"}


@given(st.text("ab1=_-,; ./é\n", max_size=40))
def test_what_is_told_stands_in_the_path(path: str) -> None:
    for key, value in settings_of(path).items():
        assert f"{key}={value}" in path
        assert key.isidentifier()
        assert value


KEYS = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
VALUES = st.floats(allow_nan=False).map(repr) | st.integers().map(str) | st.text("abc.", min_size=1)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.sampled_from([",", ";", " ", "_", "-", "/", ", "]))
def test_what_a_name_is_made_of_is_told(settings: dict[str, str], between: str) -> None:
    path = between.join(f"{key}={value}" for key, value in settings.items()) + ".csv"
    assert settings_of(path) == settings


# Ranking


def result(value: float | None, **given: Any) -> Result:
    counts = {"n": 4, "weight": 4.0, "outputs": 1, "std": None, "min": None, "max": None, "signature": ""}
    return Result(**{"loss": "x", "name": "x", "params": {}, "reduction": "mean", "value": value, **counts, **given})


def report(path: str, *values: float | None, **given: Any) -> Report:
    inputs = (Input("pred", path, "csv", 4, ("y_pred",)), Input("target", "t.csv", "csv", 4, ("y",)))
    return Report("0", inputs, Account({path: 4, "t.csv": 4}, {}, 4), tuple(map(result, values)), **given)


def ranking(spec: str, values: list[float | None]) -> list[tuple[str, int]]:
    reports = {name: report(name, value) for name, value in zip("abcdefgh", values, strict=False)}
    return [(one.pred, one.rank) for one in ranked(parse([spec]), reports).results]


RANKED: dict[str, tuple[str, list[float | None], str]] = {
    "lower": ("mse", [3.0, 1.0, 2.0], "b1 c2 a3"),
    "ties": ("mse", [2.0, 1.0, 2.0, 1.0, 3.0], "b1 d1 a3 c3 e5"),
    "by the last bit": ("mse", [0.1 + 0.2, 0.3], "b1 a2"),
    "zeros": ("mse", [0.0, -0.0], "a1 b1"),
    "infinite": ("mse", [inf, 1e308, nan, inf, 1.0], "e1 b2 a3 d3 c5"),
    "infinite the other way": ("mse", [-inf, 1.0, inf], "b1 a2 c3"),
    "NaN": ("mse", [nan, 1.0, nan], "b1 a2 c2"),
    "higher": ("r2", [-1.0, 0.5, 0.25, 0.5], "b1 d1 c3 a4"),
    "higher, infinite": ("r2", [nan, -inf, 0.5], "c1 b2 a3"),
    "zero": ("bias", [-3.0, 2.0, 3.0, -1.0], "d1 b2 a3 c3"),
    "zero, infinite": ("bias", [-inf, nan, 5.0, inf], "c1 a2 d2 b4"),
    "a factor": ("2 * mse", [2.0, 1.0], "b1 a2"),
    "a sum": ("mse + 0.5 * mae", [2.0, 1.0], "b1 a2"),
    "a sum of higher": ("r2 + d2", [2.0, 1.0], "a1 b2"),
}


@pytest.mark.parametrize("case", RANKED)
def test_ranks(case: str) -> None:
    spec, values, order = RANKED[case]
    assert " ".join(f"{pred}{rank}" for pred, rank in ranking(spec, values)) == order


@given(st.lists(st.sampled_from([nan, inf, -inf, -2.0, -1.0, -0.0, 0.0, 1.0, 2.0]), min_size=1, max_size=8))
def test_a_rank_counts_those_that_are_better(values: list[float | None]) -> None:
    for spec in ("mse", "bias", "r2"):
        found = dict(ranking(spec, values))
        places = [rank for _, rank in ranking(spec, values)]
        assert places == sorted(places)
        for rank in found.values():
            assert rank == 1 + sum(other < rank for other in found.values())


def test_losses_are_ranked_one_by_one() -> None:
    reports = {"a": report("a", 1.0, 0.5), "b": report("b", 2.0, 0.75)}
    found = ranked(parse(["mse", "r2"]), reports).results
    assert [(one.value, one.pred, one.rank) for one in found] == [
        *((1.0, "a", 1), (2.0, "b", 2)),
        *((0.75, "b", 1), (0.5, "a", 2)),
    ]


def test_inputs_and_notes_are_told_once() -> None:
    reports = {
        "a": report("a", 1.0, notes=("of all", "a: of its own")),
        "b": report("b", 2.0, notes=("of all", "odd predictions")),
    }
    merged = ranked(parse(["mse"]), reports)
    assert [(one.role, one.path) for one in merged.inputs] == [("pred", "a"), ("pred", "b"), ("target", "t.csv")]
    assert merged.notes == ("of all", "a: of its own", "b: odd predictions")
    assert merged.account.read == {"a": 4, "b": 4, "t.csv": 4}


# The command

T = column("y", [1, 2, 3, 4])
FILES: Mapping[str, Any] = {
    "t.csv": T,
    "lr=0.1.csv": column("y_pred", [2, 3, 4, 5]),
    "lr=0.2,bs=32.csv": column("y_pred", [1.5, 2.5, 3.5, 4.5]),
    "lr=0.3.csv": column("y_pred", [0, 1, 2, 3]),
}
NAMES = ["lr=0.1.csv", "lr=0.2,bs=32.csv", "lr=0.3.csv"]
SYSTEMS = [word for name in NAMES for word in ("--pred", name)]
MSE = ["eval", "-l", "mse", *SYSTEMS, "t.csv"]


@pytest.fixture
def files(here: Path) -> Path:
    put(here, FILES)
    return here


def test_plain(files: Path, run_here: Run) -> None:
    ran = run_here("eval", "-l", "mse", "-l", "bias", *SYSTEMS, "t.csv")
    assert (ran.code, ran.stderr) == (0, "")
    assert [line.split("\t") for line in ran.stdout.splitlines()] == [
        ["loss", "reduction", "value", "n", "weight", "rank", "lr", "bs", "pred"],
        ["mse", "mean", "0.25", "4", "4.0", "1", "0.2", "32", "lr=0.2,bs=32.csv"],
        ["mse", "mean", "1.0", "4", "4.0", "2", "0.1", "", "lr=0.1.csv"],
        ["mse", "mean", "1.0", "4", "4.0", "2", "0.3", "", "lr=0.3.csv"],
        ["bias", "mean", "0.5", "4", "4.0", "1", "0.2", "32", "lr=0.2,bs=32.csv"],
        ["bias", "mean", "1.0", "4", "4.0", "2", "0.1", "", "lr=0.1.csv"],
        ["bias", "mean", "-1.0", "4", "4.0", "2", "0.3", "", "lr=0.3.csv"],
    ]


def test_each_has_the_value_of_its_own_run(files: Path, run_here: Run) -> None:
    together = [line.split("\t") for line in run_here(*MSE).stdout.splitlines()[1:]]
    for name in NAMES:
        alone = run_here("eval", "-l", "mse", name, "t.csv").stdout.splitlines()[1].split("\t")
        assert next(row for row in together if row[-1] == name)[: len(alone)] == alone


def test_one_system_is_an_evaluation_like_any_other(files: Path, run_here: Run) -> None:
    for form in ("plain", "json", "table"):
        said = run_here("eval", "-l", "mse", "--pred", "lr=0.1.csv", "t.csv", "--format", form)
        assert said == run_here("eval", "-l", "mse", "lr=0.1.csv", "t.csv", "--format", form)


def test_csv_has_the_columns_of_plain(files: Path, run_here: Run) -> None:
    rows = list(csv.reader(io.StringIO(run_here(*MSE, "--format", "csv").stdout)))
    assert rows == [line.split("\t") for line in run_here(*MSE).stdout.splitlines()]


def test_markdown_has_the_columns_of_plain(files: Path, run_here: Run) -> None:
    head, _, *rows = run_here(*MSE, "--format", "markdown").stdout.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in [head, *rows]]
    assert cells == [line.split("\t") for line in run_here(*MSE).stdout.splitlines()]


def test_value_keeps_the_order(files: Path, run_here: Run) -> None:
    assert run_here(*MSE, "--format", "value").stdout == "0.25\n1.0\n1.0\n"


def test_json(files: Path, run_here: Run) -> None:
    told = json.loads(run_here(*MSE, "--json").stdout)
    assert [one["path"] for one in told["inputs"]] == [*NAMES, "t.csv"]
    assert told["rows"] == {"matched": 4, "dropped": 0}
    assert [(r["pred"], r["rank"], r["settings"], r["value"]) for r in told["results"]] == [
        ("lr=0.2,bs=32.csv", 1, {"lr": "0.2", "bs": "32"}, 0.25),
        ("lr=0.1.csv", 2, {"lr": "0.1"}, 1.0),
        ("lr=0.3.csv", 2, {"lr": "0.3"}, 1.0),
    ]
    lines = run_here(*MSE, "--format", "jsonl").stdout.splitlines()
    assert list(map(json.loads, lines)) == told["results"]


def test_the_terms_of_a_sum_are_a_systems_and_have_no_rank(files: Path, run_here: Run) -> None:
    ran = run_here("eval", "-l", "mse + mae", *SYSTEMS, "t.csv")
    rows = [line.split("\t") for line in ran.stdout.splitlines()[1:]]
    assert [(row[0], row[5], row[6], row[-1]) for row in rows[:3]] == [
        ("mse", "", "0.2", "lr=0.2,bs=32.csv"),
        ("mae", "", "0.2", "lr=0.2,bs=32.csv"),
        ("mse + mae", "1", "0.2", "lr=0.2,bs=32.csv"),
    ]


def test_columns_have_the_order_of_the_files_whatever_is_best(here: Path, run_here: Run) -> None:
    put(here, {"t.csv": T, "a=1.csv": column("y_pred", [9] * 4), "b=1.csv": column("y_pred", [1] * 4)})
    first = run_here("eval", "-l", "mse", "--pred", "a=1.csv", "--pred", "b=1.csv", "t.csv")
    assert first.stdout.splitlines()[0].split("\t")[-3:] == ["a", "b", "pred"]
    assert first.stdout.splitlines()[1].split("\t")[-3:] == ["", "1", "b=1.csv"]
    second = run_here("eval", "-l", "mse", "--pred", "b=1.csv", "--pred", "a=1.csv", "t.csv")
    assert second.stdout.splitlines()[0].split("\t")[-3:] == ["b", "a", "pred"]


def test_settings_are_called_as_no_other_column(here: Path, run_here: Run) -> None:
    odd = ["n=5,rank=a,pred=-x,std=1.csv", "n_setting=1.csv"]
    put(here, {"t.csv": T, **dict.fromkeys(odd, column("y_pred", [1] * 4))})
    args = ["eval", "-l", "mse", "--pred", odd[0], "--pred", odd[1], "t.csv"]
    header, *rows = csv.reader(io.StringIO(run_here(*args, "--format", "csv").stdout))
    settings = ["n_setting", "rank_setting", "pred_setting", "std", "n_setting_setting"]
    assert header[5:] == ["rank", *settings, "pred"]
    assert rows[0][5:] == ["1", "5", "a", "'-x", "1", "", odd[0]]
    head = on_terminal(here, 300, TERMINALS["no colour"], *args).splitlines()[1].split()
    assert len(set(head)) == len(head)
    assert {"std_setting", "n_setting", "n_setting_setting"} <= set(head)


def test_names_do_not_steer_a_terminal(here: Path, run_here: Run) -> None:
    put(here, {"t.csv": T, "x=\x1b[31m.csv": column("y_pred", [1] * 4), "x=[b].csv": column("y_pred", [2] * 4)})
    for form in ("plain", "csv", "table", "markdown", "json"):
        args = ("--pred", "x=\x1b[31m.csv", "--pred", "x=[b].csv", "t.csv", "--format", form)
        ran = run_here("eval", "-l", "mse", *args)
        assert ran.code == 0
        assert "\x1b" not in ran.stdout


# What is listed says whose it is


def test_samples_and_derivatives(files: Path, run_here: Run) -> None:
    told = json.loads(run_here(*MSE, "--worst", "1", "--grad", "--json").stdout)
    assert [r["gradient"]["values"][0] for r in told["results"]] == [0.25, 0.5, -0.5]
    assert [r["samples"][0]["prediction"] for r in told["results"]] == [1.5, 2.0, 0.0]
    ran = run_here(*MSE, "--worst", "1")
    of = [line.split("\t")[0] for line in ran.stdout.partition("\n\n")[2].splitlines()]
    assert of == ["of", "mse of lr=0.2,bs=32.csv", "mse of lr=0.1.csv", "mse of lr=0.3.csv"]
    lines = run_here(*MSE, "--worst", "1", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["of"] for line in lines] == of[1:]
    header = run_here(*MSE, "--grad").stdout.splitlines()[0].split("\t")
    assert header[5:] == ["grad_norm", "grad_max_abs", "grad_nonfinite", "rank", "lr", "bs", "pred"]


def test_groups_and_their_gates(files: Path, run_here: Run) -> None:
    put(files, {"g.csv": "y,g\n1,a\n2,a\n3,b\n4,b\n", "lr=0.3.csv": column("y_pred", [1, 2, 3, 9])})
    args = ["eval", "-l", "mse", *SYSTEMS, "g.csv"]
    ran = run_here(*args, "--fail-if", "mse[g=b] > 1", "--by", "g")
    rows = [line.split("\t") for line in ran.stdout.partition("\n\n")[2].splitlines()]
    assert [row[:3] for row in rows[1:]] == [
        ["mse of lr=0.2,bs=32.csv", "a", "0.25"],
        ["mse of lr=0.2,bs=32.csv", "b", "0.25"],
        ["mse of lr=0.1.csv", "a", "1.0"],
        ["mse of lr=0.1.csv", "b", "1.0"],
        ["mse of lr=0.3.csv", "b", "12.5"],
        ["mse of lr=0.3.csv", "a", "0.0"],
    ]
    assert ran.code == 1
    assert ran.stderr.count("\n") == 1
    assert "mse[g=b] of lr=0.3.csv is 12.5, above --fail-if 1.0" in ran.stderr


def test_each_is_compared_with_the_baseline(files: Path, run_here: Run) -> None:
    assert run_here("eval", "-l", "mse", "lr=0.2,bs=32.csv", "t.csv", "--save-baseline", "base.json").code == 0
    ran = run_here(*MSE, "--baseline", "base.json", "--max-regress", "1%")
    header, *rows = [line.split("\t") for line in ran.stdout.splitlines()]
    assert header == ["loss", "reduction", "value", "n", "weight", "baseline", "change", "rank", "lr", "bs", "pred"]
    assert [row[5:8] for row in rows] == [["0.25", "0.0", "1"], ["0.25", "0.75", "2"], ["0.25", "0.75", "2"]]
    assert ran.code == 1
    assert [line.partition(" is 1.0, ")[0] for line in ran.stderr.splitlines()] == [
        "losscli: error: mse of lr=0.1.csv",
        "losscli: error: mse of lr=0.3.csv",
    ]


def test_what_is_infinite_is_said_of_its_system(files: Path, run_here: Run) -> None:
    put(files, {"lr=0.1.csv": column("y_pred", [1, "inf", 3, 4])})
    ran = run_here("eval", "-l", "mse", "-l", "mae", *SYSTEMS, "t.csv", "--allow-inf")
    assert ran.code == 4
    assert [line.split("\t")[5:8:2] for line in ran.stdout.splitlines()[1:4]] == [["1", "32"], ["2", ""], ["3", ""]]
    assert ran.stderr.startswith("losscli: error: mse of lr=0.1.csv is inf: 1 of 4 samples")
    assert "losscli: error: mae of lr=0.1.csv is inf" in ran.stderr
    assert run_here(*MSE, "--allow-inf", "--allow-nonfinite").code == 0


# On a terminal


def test_a_person_sees_ranks_and_settings_first(files: Path) -> None:
    shown = on_terminal(files, 200, TERMINALS["no colour"], *MSE, "--grad")
    lines = shown.splitlines()
    assert lines[0] == "4 rows matched: pred 3 files:y_pred, target t.csv:y"
    assert lines[1].split()[:6] == ["rank", "lr", "bs", "loss", "reduction", "value"]
    assert lines[1].split()[-1] == "pred"
    assert lines[3].split()[:6] == ["1", "0.2", "32", "mse", "mean", "0.25"]
    assert "mse of lr=0.1.csv: gradient of pred: norm 1.0, largest 0.5" in lines
    assert [line.partition("  ")[0] for line in lines if "█" in line] == [
        "mse of lr=0.2,bs=32.csv",
        "mse of lr=0.1.csv",
        "mse of lr=0.3.csv",
    ]


def test_a_narrow_terminal_has_less_and_no_shorter_numbers(here: Path) -> None:
    thirds = np.arange(60) / 3
    names = [f"scale={k}.npy" for k in (1, 2)]
    put(here, {"t.npy": thirds, names[0]: thirds * 1.1, names[1]: thirds * 1.2})
    args = ["eval", "-l", "mse", "-l", "mae", "--pred", names[0], "--pred", names[1], "t.npy"]
    heads = {}
    for columns in (40, 66, 80, 220):
        shown = on_terminal(here, columns, TERMINALS["no colour"], *args)
        assert_unbroken(shown, columns)
        heads[columns] = shown.splitlines()[1].split() if columns > 40 else []
    assert {"std", "p99", "reduction"} <= set(heads[220])
    assert heads[80] == ["rank", "scale", "loss", "reduction", "value", "n", "pred"]
    assert heads[66] == ["rank", "scale", "loss", "value", "n", "pred"]


def test_a_person_sees_where_columns_differ(files: Path, run_here: Run) -> None:
    put(files, {"lr=0.3.csv": column("pred", [0, 1, 2, 3])})
    shown = run_here(*MSE, "--format", "table").stdout
    assert "pred lr=0.2,bs=32.csv:y_pred" in shown
    assert "pred lr=0.3.csv:pred" in shown


# What is refused

REFUSED: dict[str, tuple[str, str]] = {
    "the same file": ("--pred ./lr=0.1.csv t.csv", "--pred ./lr=0.1.csv and lr=0.1.csv are the same file"),
    "the same name": ("--pred lr=0.1.csv t.csv", "--pred lr=0.1.csv is given twice"),
    "a link": ("--pred link.csv t.csv", "--pred link.csv and lr=0.1.csv are the same file"),
    "standard input": ("--pred - t.csv", "'-' can be read once"),
    "targets from standard input": ("-", "'-' can be read once"),
    "weights from standard input": ("t.csv --input weight=-", "'-' can be read once"),
    "weights of classes from standard input": ("t.csv --class-weight -", "'-' can be read once"),
    "a pipe": ("pipe", "'pipe' can be read once"),
    "parts": ("t.csv --input pred=lr=0.3.csv", "--input pred=FILE adds a part to one --pred"),
    "--grad-out": ("t.csv --grad-out g.npy", "--grad-out g.npy holds one run, and --pred names 2"),
    "--hess-out": ("t.csv --hess-out g.npy", "--hess-out g.npy holds one run"),
    "--per-sample-out": ("t.csv --per-sample-out g.npy", "--per-sample-out g.npy holds one run"),
    "--probs-out": ("t.csv --probs-out g.npy", "--probs-out g.npy holds one run"),
    "--save-baseline": ("t.csv --save-baseline b.json", "--save-baseline b.json holds one run"),
    "no value": ("t.csv --reduction none", "--reduction none has none"),
    "a difference": ("t.csv -l 'mse - mae'", "'mse - mae': which values are better is not known"),
    "too many files": ("t.csv t.csv", "mse takes 1 file beside --pred (target), 2 are given"),
    "no predictions": ("t.csv -o lr=0.1.csv", "lr=0.1.csv is an input file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case: str, files: Path, run_here: Run) -> None:
    os.mkfifo("pipe")
    os.symlink("lr=0.1.csv", "link.csv")
    args, message = REFUSED[case]
    before = set(os.listdir())
    ran = run_here("eval", "-l", "mse", "--pred", "lr=0.1.csv", "--pred", "lr=0.3.csv", *shlex.split(args))
    assert ran.code == 2
    assert message in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert ran.stdout == ""
    assert set(os.listdir()) == before


def test_members_of_one_file_are_systems(here: Path, run_here: Run) -> None:
    put(here, {"t.csv": T})
    np.savez(here / "run.npz", **{"lr=0.1": [1.0, 2, 3, 4], "lr=0.2": [2.0, 3, 4, 5]})
    ran = run_here("eval", "-l", "mse", "--pred", "run.npz:lr=0.2", "--pred", "run.npz:lr=0.1", "t.csv")
    assert [line.split("\t")[5:] for line in ran.stdout.splitlines()] == [
        ["rank", "lr", "pred"],
        ["1", "0.1", "run.npz:lr=0.1"],
        ["2", "0.2", "run.npz:lr=0.2"],
    ]


def test_a_loss_of_other_predictions_has_no_systems(files: Path, run_here: Run) -> None:
    ran = run_here("eval", "-l", "contrastive", *SYSTEMS, "t.csv")
    assert (ran.code, ran.stdout) == (2, "")
    assert "--pred is for losses that take pred" in ran.stderr


def test_a_fault_names_its_file(files: Path, run_here: Run) -> None:
    put(files, {"lr=0.3.csv": column("y_pred", [0, 1, 2])})
    ran = run_here(*MSE)
    assert (ran.code, ran.stdout) == (3, "")
    assert "lr=0.3.csv" in ran.stderr


# The same rows

OWN: Mapping[str, Any] = {
    "a.csv": "y_pred,y,w,m\n1,2,1,1\n2,3,1,1\n5,3,1,1\n",
    "b.csv": "y_pred,y,w,m\n1,2,1,1\n,3,1,1\n5,3,1,1\n",
    "c.csv": "y_pred,y,w,m\n,2,1,1\n2,3,1,1\n5,3,1,1\n",
    "heavy.csv": "y_pred,y,w,m\n1,2,2,1\n2,3,1,1\n5,3,1,1\n",
    "light.csv": "y_pred,y,w,m\n1,2,0,1\n2,3,1,1\n5,3,1,1\n",
    "lighter.csv": "y_pred,y,w,m\n1,2,1,1\n2,3,0,1\n5,3,1,1\n",
    "masked.csv": "y_pred,y,w,m\n1,2,1,0\n2,3,1,1\n5,3,1,1\n",
    "unmasked.csv": "y_pred,y,w,m\n1,2,1,1\n2,3,1,0\n5,3,1,1\n",
    "short.csv": "y_pred,y,w,m\n1,2,1,1\n2,3,1,1\n",
}
OTHERS: dict[str, tuple[str, str]] = {
    "a gap": ("a.csv b.csv --missing drop", "b.csv has 3 rows matched (1 missing pred), n 2, weight 2.0"),
    "weight": ("a.csv heavy.csv --weight-col w", "a.csv has 3 rows matched, n 3, weight 3.0, heavy.csv has 3 rows"),
    "a row of no weight": ("a.csv light.csv --weight-col w", "light.csv has 3 rows matched (1 of weight 0), n 2"),
    "a row that is masked": ("a.csv masked.csv --mask-col m", "masked.csv has 3 rows matched (1 masked), n 2"),
    "a row less": ("a.csv short.csv", "a.csv has 3 rows matched, n 3, weight 3.0, short.csv has 2 rows matched, n 2"),
    "a condition": ("a.csv heavy.csv --where w=1", "heavy.csv has 3 rows matched (1 filtered), n 2, weight 2.0"),
}


def of_two(text: str) -> list[str]:
    one, other, *rest = shlex.split(text)
    return ["eval", "-l", "mse", "--pred", one, "--pred", other, *rest]


@pytest.mark.parametrize("case", OTHERS)
def test_other_rows_are_refused(case: str, here: Path, run_here: Run) -> None:
    put(here, OWN)
    args, message = OTHERS[case]
    ran = run_here(*of_two(args))
    assert (ran.code, ran.stdout) == (3, "")
    assert message in ran.stderr
    assert ran.stderr.endswith("mend the files, choose rows that all have with --where, or pair them with --id COL\n")


def test_targets_of_each_file_are_noted(here: Path, run_here: Run) -> None:
    put(here, OWN)
    ran = run_here(*of_two("a.csv heavy.csv"))
    assert ran.code == 0
    note = "losscli: note: target is read from each file, and nobody has checked that it is the same in all\n"
    assert ran.stderr == note
    ran = run_here(*of_two("a.csv heavy.csv --mask-col m"))
    assert "target and mask are read from each file" in ran.stderr
    put(here, {"t.csv": column("y", [2, 3, 3])})
    assert run_here(*of_two("a.csv heavy.csv t.csv")).stderr == ""


@pytest.mark.parametrize(
    "args",
    ["b.csv c.csv --missing drop", "light.csv lighter.csv --weight-col w", "masked.csv unmasked.csv --mask-col m"],
)
def test_as_many_rows_need_not_be_the_same(args: str, here: Path, run_here: Run) -> None:
    put(here, OWN)
    ran = run_here(*of_two(args))
    first = args.partition(" ")[0]
    doubt = f"1 row is left out for {first}, as many for others: nobody has checked that these are the same of all"
    assert ran.code == 0
    assert ran.stderr.splitlines()[0] == f"losscli: note: {doubt}"
    ran = run_here(*of_two(args), "--strict")
    assert (ran.code, ran.stdout) == (3, "")
    assert doubt in ran.stderr


def test_as_many_partners_need_not_be_the_same(here: Path, run_here: Run) -> None:
    keyed = {"a.csv": "id,y_pred\n1,2\n2,3\n", "b.csv": "id,y_pred\n1,2\n3,3\n"}
    put(here, {**keyed, "t.csv": "id,y\n1,2\n2,3\n3,9\n", "few.csv": "id,y\n1,2\n"})
    ran = run_here(*of_two("a.csv b.csv t.csv --id id --ids intersect"))
    assert ran.code == 0
    assert "1 row is left out for a.csv, as many for others" in ran.stderr
    ran = run_here(*of_two("a.csv b.csv few.csv --id id --ids intersect"))
    assert ran.code == 0
    assert "as many for others" not in ran.stderr


# Beside that


def test_progress_begins_anew_with_each(files: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    began = []

    def counted(quiet: bool) -> Any:
        began.append(quiet)
        return progress(quiet)

    monkeypatch.setattr("losscli.cli.progress.progress", counted)
    assert run_here(*MSE, "-q").code == 0
    assert began == [True] * 3


def test_columns_of_systems_are_completed(files: Path, run: Run) -> None:
    words = "losscli eval -l mse --pred lr=0.1.csv --pred-col y"
    env = {"_LOSSCLI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "7"}
    assert run(env=env).stdout.split() == ["y_pred"]
