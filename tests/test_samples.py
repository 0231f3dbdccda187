"""The samples behind a value: all, the worst or the first; what is said of each, and the files they go to."""

import json
import math
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.exact import to_float
from losscli.registry import definitions, get
from losscli.results import Result
from tests import support
from tests.laws_support import seldom
from tests.support import Ran, column, command, put, run_any

Run = Callable[..., Ran]
Arrays = Mapping[str, Any]

OF_ROWS = [s for d in definitions().values() for s in (d.name, *d.also) if get(s).scope == "row"]
ROW_LOSSES = [s for s in OF_ROWS if not get(s).finish]
AGGREGATES = [s for s in OF_ROWS if get(s).finish]
P, T, W = [1.0, 2.0, 5.0, 4.0], [1.0, 4.0, 2.0, 3.0], [1.0, 3.0, 0.5, 2.0]
FILES = {
    "p.csv": "code,y_pred\n0017,1\n=2+3,2\nß,5\n,4\n",
    "t.csv": "code,y,w\na,1,1\nb,4,3\nc,2,0.5\nd,3,2\n",
    "all.parquet": {
        "y_pred": P,
        "y": T,
        "big": [1, 2, 2**60 + 1, 4],
        "half": [0.5, 1.5, None, 2.5],
        "name": ["x", None, "|", "y"],
    },
}
MSE = ("eval", "-l", "mse", "p.csv", "t.csv")


@pytest.fixture
def folder(here: Path) -> Path:
    put(here, FILES)
    return here


def evaluated(loss: Any, arrays: Arrays, **options: Any) -> Result:
    return losscli.evaluate(loss, **arrays, **options).results[0]


def listed(loss: Any, arrays: Arrays, **options: Any) -> Any:
    """The columns of the samples of a loss."""
    return evaluated(loss, arrays, **({"per_sample": True} | options)).samples


def drawn(spec: str, rows: int, outputs: int) -> Arrays:
    loss = get(spec)
    arrays = loss.kind.sample(np.random.default_rng(1), loss.params, rows, outputs)
    return dict(zip(loss.kind.role_names, arrays, strict=True))


# What is listed

PLAIN = (
    "loss\treduction\tvalue\tn\tweight\nmse\tmean\t2.8461538461538463\t4\t6.5\n\n"
    "row\tloss\tshare\tprediction\ttarget\n"
    "0\t0.0\t0.0\t1.0\t1.0\n"
    "1\t4.0\t0.6486486486486487\t2.0\t4.0\n"
    "2\t9.0\t0.24324324324324326\t5.0\t2.0\n"
    "3\t1.0\t0.10810810810810811\t4.0\t3.0\n"
)
WORST = [{"row": 1, "loss": 4.0, "share": 24 / 37, "prediction": 2.0, "target": 4.0}]


def test_all_samples(run: Run, folder: Path) -> None:
    assert run(*MSE, "--weight-col", "w", "--per-sample") == Ran(PLAIN, "", 0)


def test_the_worst_by_weighted_loss(run: Run, folder: Path) -> None:
    ran = run(*MSE, "--weight-col", "w", "--worst", "1", "--json")
    assert json.loads(ran.stdout)["results"][0]["samples"] == WORST


def test_each_loss_has_its_samples(run: Run, folder: Path) -> None:
    ran = run(*MSE, "-l", "rmse", "--worst", "1")
    assert ran.stdout.split("\n\n")[1] == (
        "of\trow\tloss\tshare\tprediction\ttarget\tterm\n"
        "mse\t2\t9.0\t0.6428571428571429\t5.0\t2.0\t\n"
        "rmse\t2\t\t0.6428571428571429\t5.0\t2.0\t9.0\n"
    )


@pytest.mark.parametrize("block", [1, 3, 100])
@pytest.mark.parametrize("count", [1, 4, 17, 40, 99])
def test_the_worst_are_ranked_with_ties_by_row(block: int, count: int) -> None:
    rng = np.random.default_rng(2)
    losses, weight = rng.integers(-3, 4, 40), rng.integers(0, 3, 40)
    found = listed("bias", {"pred": losses, "target": np.zeros(40)}, weight=weight, worst=count, block=block)
    ranked = sorted(np.flatnonzero(weight).tolist(), key=lambda row: (-losses[row] * weight[row], row))
    assert found["row"].tolist() == ranked[:count]
    assert found["loss"].tolist() == losses[ranked[:count]].tolist()


INF, NAN = np.inf, np.nan
STRANGE = {"pred": [1.0, INF, -INF, INF, 5.0, INF], "target": [0.0, 0.0, 0.0, INF, 0.0, 0.0]}


@pytest.mark.parametrize("block", [1, 2, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 9])
def test_infinite_and_nan_losses_come_first(block: int, count: int) -> None:
    """By row among themselves; minus infinity comes last."""
    found = listed("bias", STRANGE, worst=count, allow_inf=True, block=block)
    assert found["row"].tolist() == [1, 3, 5, 4, 0, 2][:count]
    np.testing.assert_array_equal(found["loss"], np.array([INF, NAN, INF, 5.0, 1.0, -INF])[:count])


@pytest.mark.parametrize("block", [1, 2, 100])
def test_the_worst_of_losses_that_are_minus_infinity(block: int) -> None:
    arrays = {"pred": [-INF, -INF, 1.0, -INF, -INF], "target": np.zeros(5)}
    assert listed("bias", arrays, worst=3, allow_inf=True, block=block)["row"].tolist() == [2, 0, 1]


def test_a_loss_of_more_than_one_block() -> None:
    pred = np.random.default_rng(3).normal(size=80_000)
    found = listed("mae", {"pred": pred, "target": np.zeros(80_000)}, worst=50)
    assert found["row"].tolist() == np.argsort(-abs(pred), kind="stable")[:50].tolist()


@pytest.mark.parametrize("block", [1, 2, 100])
def test_the_first_samples_that_are_there(block: int) -> None:
    arrays = {"pred": np.arange(8.0), "target": np.zeros(8)}
    found = listed("mae", arrays, weight=[0, 1, 0, 1, 1, 0, 1, 1], limit=3, block=block)
    assert found["row"].tolist() == [1, 3, 4]


LENGTHS = {"table": 20, "markdown": 20, "plain": 25, "csv": 25, "json": 25, "jsonl": 25}


@pytest.mark.parametrize("form", LENGTHS)
def test_how_many_are_listed(form: str, run: Run, here: Path) -> None:
    put(here, {"p.csv": column("y_pred", range(100, 125)), "t.csv": column("y", [0] * 25)})
    text = run(*MSE, "--per-sample", "--format", form, env={"COLUMNS": "200"}).stdout
    assert [f"{number}.0" in text for number in range(100, 125)] == [k < LENGTHS[form] for k in range(25)]


@pytest.mark.parametrize("form", ["markdown", "csv"])
def test_a_limit_on_how_many_are_listed(form: str, run: Run, folder: Path) -> None:
    text = run(*MSE, "--per-sample", "--limit", "2", "--format", form).stdout
    assert [f" {loss} " in text.replace(",", " ") for loss in (4.0, 9.0)] == [True, False]


@pytest.mark.parametrize(
    ("option", "count"), [("--worst", "0"), ("--limit", "-1"), ("--limit", "2.5"), ("--worst", "")]
)
def test_counts_that_are_refused(option: str, count: str, run: Run, folder: Path) -> None:
    message = f"{option}: '{count}' is not a whole number of at least 1"
    assert run(*MSE, f"{option}={count}") == Ran("", f"losscli: error: {message}\n", 2)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("--worst 3 --limit 2", "--limit 2 and --worst 3 exclude one another; --worst 2 lists 2"),
        ("--worst 3 --limit 2 --per-sample", "--limit 2 and --worst 3 exclude one another; --worst 2 lists 2"),
        ("--limit 2", "--limit needs a listing of samples; add --per-sample"),
        ("--limit 2 --per-sample-out s.csv", "--limit needs a listing of samples; add --per-sample"),
        ("--show y", "--show needs a listing of samples; add --per-sample, --worst K or --per-sample-out FILE"),
        ("--show y --grad --json", "--show needs a listing of samples; add --per-sample, --worst K or "),
    ],
)
def test_what_has_no_listing_to_act_on_is_refused(args: str, said: str, run: Run, folder: Path) -> None:
    ran = run(*MSE, *args.split())
    assert (ran.stdout, ran.code, ran.stderr.count("\n")) == ("", 2, 1)
    assert ran.stderr.startswith(f"losscli: error: {said}")
    assert not (folder / "s.csv").exists()


@pytest.mark.parametrize(
    "args",
    [
        "--per-sample --limit 1",
        "--reduction none --limit 1",
        "--per-sample --show y",
        "--reduction none --show y",
        "--worst 2 --show y",
        "--per-sample-out s.csv --show y",
    ],
)
def test_what_has_a_listing_to_act_on_is_heeded(args: str, run: Run, folder: Path) -> None:
    given = args.split()
    without, with_it = (run(*MSE, *some, "--format", "csv") for some in (given[:-2], given))
    assert (without.code, with_it.code) == (0, 0)
    written = (folder / "s.csv").read_text() if "s.csv" in given else ""
    assert with_it.stdout != without.stdout or ",y," in written.splitlines()[0]


# The numbers of a sample


@pytest.mark.parametrize("spec", seldom(ROW_LOSSES))
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_the_value_is_the_exact_mean_and_sum_of_what_is_listed(spec: str, weighted: bool) -> None:
    arrays = drawn(spec, 31, 1)
    weight = np.random.default_rng(4).uniform(0.1, 4, 31) if weighted else None
    weights = [Fraction(w) for w in ([1.0] * 31 if weight is None else weight.tolist())]
    for reduction, divisor in (("mean", sum(weights)), ("sum", Fraction(1))):
        found = evaluated(spec, arrays, weight=weight, reduction=reduction, per_sample=True, block=7)
        losses = [Fraction(loss) for loss in found.samples["loss"].tolist()]
        assert found.outputs == 1
        assert found.value == to_float(sum(w * x for w, x in zip(weights, losses, strict=True)) / divisor)
        assert found.samples["row"].tolist() == list(range(31))


def test_a_samples_loss_is_the_mean_over_its_outputs() -> None:
    arrays = {"pred": [[1.0, 2.0], [3.0, 5.0]], "target": np.zeros((2, 2))}
    found = evaluated("mse", arrays, weight=[2.0, 1.0], per_sample=True)
    assert (found.samples["loss"].tolist(), found.value) == ([2.5, 17.0], 22 / 3)
    assert found.samples["share"].tolist() == [5 / 22, 17 / 22]


@pytest.mark.parametrize("spec", seldom(ROW_LOSSES + AGGREGATES))
@pytest.mark.parametrize("outputs", [1, 3])
def test_shares_add_up_to_1(spec: str, outputs: int) -> None:
    arrays, weight = drawn(spec, 30, outputs), np.random.default_rng(5).uniform(0, 4, 30)
    found = listed(spec, arrays, weight=weight, block=7)
    name = "term" if spec in AGGREGATES else "loss"
    if not found[name].any():  # a ranking of one label loses nothing
        return
    assert sum(found["share"].tolist()) == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(found["share"] * (found[name] @ weight), found[name] * weight, rtol=1e-12)


@pytest.mark.parametrize("spec", AGGREGATES)
def test_an_aggregate_lists_terms(spec: str) -> None:
    found = listed(spec, drawn(spec, 5, 1))
    assert "term" in found
    assert "loss" not in found
    np.testing.assert_array_equal(found["term"], get(spec).value(*drawn(spec, 5, 1).values()))


SUMS = ["mse + 0.5 * mae", "2 * huber", "0.5 * rmse"]


@pytest.mark.parametrize("text", SUMS)
def test_shares_of_a_sum_of_losses_add_up_to_1(text: str) -> None:
    arrays = {"pred": [0.1, 0.6, 0.9], "target": [0.0, 1.0, 0.5]}
    assert sum(listed(text, arrays, weight=[1.0, 2.0, 0.5])["share"].tolist()) == pytest.approx(1, rel=1e-12)


def test_a_sample_of_a_sum_of_losses() -> None:
    found = listed("mse - 0.5 * mae", {"pred": P, "target": T})
    assert {k: v.tolist() for k, v in found.items()} == {
        "row": [0, 1, 2, 3],
        "loss": [0.0, 3.0, 7.5, 0.5],
        "share": [0.0, 3 / 11, 7.5 / 11, 0.5 / 11],
        "prediction": P,
        "target": T,
    }


@pytest.mark.parametrize("spec", ["mse", "cross_entropy:form=logits", "contrastive", "rmse", "mse + mae"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_derivatives_beside_the_samples(spec: str, reduction: str) -> None:
    """The same numbers as in the gradient of the result."""
    if spec == "rmse" and reduction != "mean":
        return
    arrays = drawn(spec.partition(" ")[0], 12, 3)
    found = evaluated(spec, arrays, reduction=reduction, worst=5, grad=True, hess=True, weight=np.arange(1.0, 13))
    rows = found.samples["row"]
    for word, whole in (("gradient", found.gradient), ("hessian", found.hessian)):
        for role, values in (whole if isinstance(whole, dict) else {"": whole}).items():
            beside = found.samples[f"{word}_{role}" if role else word]
            np.testing.assert_allclose(beside, values[rows], rtol=1e-15, atol=0)


def test_without_grad_there_is_none_beside_them() -> None:
    assert list(listed("mse", {"pred": P, "target": T})) == ["row", "loss", "share", "prediction", "target"]


def test_integers_that_no_float64_holds_are_listed_as_they_are() -> None:
    report = losscli.evaluate("mse", pred=np.array([2**60 + 1, 3]), target=np.array([2**60, 5]), per_sample=True)
    first, second = report.to_dict()["results"][0]["samples"]
    assert (first["loss"], second["loss"]) == (1.0, 4.0)
    assert (first["prediction"], first["target"]) == (str(2**60 + 1), str(2**60))
    assert (second["prediction"], second["target"]) == (3, 5)


def test_no_warning_escapes() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        listed("bias", STRANGE, allow_inf=True, grad=True, hess=True)
        listed("bce - bce", {"pred": [0.0, 0.5], "target": [1.0, 1.0]}, grad=True, hess=True)
        listed("bce", {"pred": [0.0, 1.0], "target": [0.0, 1.0]}, grad=True, hess=True)


def text_columns(run: Run, *args: str) -> list[list[str]]:
    """The names of the columns of the samples, in each format of cells."""
    found = []
    for form, sep in (("plain", "\t"), ("csv", ","), ("markdown", "|"), ("table", None)):
        ran = run("eval", *args, "--worst", "1", "--format", form, env={"COLUMNS": "200"})
        assert ran.code == 0
        heads = [[w.strip() for w in line.strip("| ").split(sep)] for line in ran.stdout.splitlines()]
        found.append(next(head for head in heads if head[:1] == ["row"]))
    return found


@pytest.mark.parametrize("loss", ["bce", "mse", "dice:pool=sample", "bce:form=logits"])
def test_an_image_lists_no_column_a_pixel(loss: str, run: Run, here: Path) -> None:
    """Its derivative is nested, which JSON holds and a row of cells does not."""
    put(here, {"p.npy": np.full((3, 2, 2), 0.25), "t.npy": np.ones((3, 2, 2))})
    args = ("-l", loss, "p.npy", "t.npy", "--grad")
    assert text_columns(run, *args) == [["row", "loss", "share"]] * 4
    samples = json.loads(run("eval", *args, "--worst", "1", "--json").stdout)["results"][0]["samples"]
    assert list(samples[0]) == ["row", "loss", "share", "gradient"]
    assert np.shape(samples[0]["gradient"]) == (2, 2)
    assert run("eval", *args, "--per-sample-out", "s.csv").code == 0
    assert list(table_of("s.csv")) == ["row", "loss", "share"]


SEQUENCES = {
    "lists of rows": (
        "tokens.jsonl",
        '{"pred":[[-1,-0.5],[-2,-0.1]],"target":[0,1]}\n{"pred":[[-1,-3]],"target":[1]}\n',
        ("--form", "logits"),
    ),
    "a matrix": ("log_probs.npy", np.full((2, 3), -0.5), ()),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_lists_no_derivatives_as_cells(name: str, run: Run, here: Path) -> None:
    path, data, form = SEQUENCES[name]
    put(here, {path: data})
    args = ("-l", "token_nll", path, *form, "--grad")
    for columns in text_columns(run, *args):
        assert columns[:3] == ["row", "term", "share"]
        assert not any(column.startswith("gradient") for column in columns)
    result = json.loads(run("eval", *args, "--worst", "1", "--json").stdout)["results"][0]
    sample = result["samples"][0]
    assert sample["gradient"] == result["gradient"]["values"][sample["row"]]


# Columns beside them


def shown(run: Run, *args: str) -> list[Any]:
    """The samples as JSON has them, without what is always there."""
    ran = run("eval", "-l", "mse", *args, "--per-sample", "--json")
    assert (ran.stderr, ran.code) == ("", 0)
    always = {"row", "loss", "share", "prediction", "target"}
    samples = json.loads(ran.stdout)["results"][0]["samples"]
    return [{key: value for key, value in sample.items() if key not in always} for sample in samples]


def test_columns_of_csv_are_shown_as_they_stand(run: Run, folder: Path) -> None:
    found = shown(run, "p.csv", "t.csv", "--show", "w,pred:code", "--show", "target:code")
    assert [sample["pred:code"] for sample in found] == ["0017", "=2+3", "ß", None]
    assert [sample["target:code"] for sample in found] == ["a", "b", "c", "d"]
    assert [sample["w"] for sample in found] == ["1", "3", "0.5", "2"]


def test_columns_are_shown_in_the_order_asked_for(run: Run, folder: Path) -> None:
    found = shown(run, "p.csv", "t.csv", "--show", "w,pred:code", "--show", "target:code")
    assert [tuple(sample) for sample in found] == [("w", "pred:code", "target:code")] * 4


def test_columns_of_parquet_have_their_types(run: Run, folder: Path) -> None:
    found = shown(run, "all.parquet", "--show", "big", "--show", "half", "--show", "name")
    assert [sample["big"] for sample in found] == [1, 2, str(2**60 + 1), 4]
    assert [sample["name"] for sample in found] == ["x", None, "|", "y"]
    assert [sample["half"] for sample in found][:2] == [0.5, 1.5]


def test_a_column_that_is_the_target_too(run: Run, folder: Path) -> None:
    assert shown(run, "p.csv", "t.csv", "--show", "y") == [{"y": cell} for cell in ("1", "4", "2", "3")]


@pytest.mark.parametrize("option", [("--worst", "2"), ("--per-sample", "--limit", "2")], ids=" ".join)
def test_columns_follow_their_samples(option: tuple[str, ...], run: Run, folder: Path) -> None:
    ran = run(*MSE, "--show", "target:code", *option, "--format", "csv")
    rows = [line.split(",")[:3] for line in ran.stdout.splitlines()]
    first = [["2", "c", "9.0"], ["1", "b", "4.0"]] if "--worst" in option else [["0", "a", "0.0"], ["1", "b", "4.0"]]
    assert rows == [["row", "target:code", "loss"], *first]


@pytest.mark.parametrize("block", [1, 3])
def test_columns_do_not_depend_on_blocks_or_absent_rows(block: int) -> None:
    frame = pd.DataFrame({"pred": P, "name": ["a", None, "c", "d"]})
    found = listed("mae", {"pred": frame, "target": T}, show=["name"], weight=[0, 1, 1, 1], worst=3, block=block)
    assert list(found["name"]) == ["c", None, "d"]


def test_a_column_in_both_files_is_ambiguous(run: Run, folder: Path) -> None:
    ran = run(*MSE, "--per-sample", "--show", "code")
    message = "column 'code' stands in both files: say pred:code or target:code"
    assert ran == Ran("", f"losscli: error: {message}\n", 2)


@pytest.mark.parametrize("name", ["nope", "target:nope", "nope:id", ""])
def test_a_column_that_is_not_there(name: str, run: Run, folder: Path) -> None:
    ran = run(*MSE, "--per-sample", "--show", name)
    assert (ran.stdout, ran.code) == ("", 2)
    assert "show:" not in ran.stderr


@pytest.mark.parametrize(
    ("spec", "heads"), [("y*", ["y_pred", "y"]), ("?", ["y"]), ("0", ["id"]), ("y_*,id", ["y_pred", "id"])]
)
def test_globs_and_positions_show_columns_under_their_names(
    spec: str, heads: list[str], run_here: Callable[..., Ran], here: Path
) -> None:
    put(here, {"x.csv": "id,y_pred,y\na,1,3\n"})
    ran = run_here("eval", "-l", "mse", "x.csv", "--per-sample", "--show", spec, "--format", "csv")
    assert ran.stdout.splitlines()[0].split(",") == ["row", *heads, "loss", "share", "prediction", "target"]


def test_probabilities_are_written_by_class(run_here: Callable[..., Ran], here: Path) -> None:
    put(here, {"z.csv": "logit_cat,logit_dog\n0,0\n0,800\n", "y.csv": "label\ncat\ndog\n"})
    ce = ("eval", "-l", "cross_entropy")
    files = ("z.csv", "y.csv", "--form", "logits", "--probs-out")
    assert run_here(*ce, *files, "p.csv").code == 0
    assert (here / "p.csv").read_text() == "p_cat,p_dog\n0.5,0.5\n0.0,1.0\n"
    assert run_here(*ce, "p.csv", "y.csv", "--format", "value").stdout == f"{math.log(2) / 2!r}\n"
    run_here(*ce, *files, "p.npy")
    assert np.load(here / "p.npy").tolist() == [[0.5, 0.5], [0.0, 1.0]]


@pytest.mark.parametrize("option", [("--per-sample",), ("--worst", "1"), ("--per-sample-out", "s.csv")], ids=" ".join)
def test_a_sum_with_an_aggregate_lists_no_samples(
    option: tuple[str, ...], run_here: Callable[..., Ran], here: Path
) -> None:
    put(here, {"x.csv": "y_pred,y\n1,3\n"})
    ran = run_here("eval", "-l", "rmse + mae", "x.csv", *option)
    assert ran == Ran("", f"losscli: error: rmse + mae {NO_LOSSES}\n", 2)
    assert sorted(p.name for p in here.iterdir()) == ["x.csv"]


NO_LOSSES = "has no losses of samples, as it has an aggregate term: list each by itself"


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_what_a_limit_leaves_out_is_said(form: str, run_here: Callable[..., Ran], here: Path) -> None:
    put(here, {"x.csv": "y_pred,y\n" + "1,3\n" * 30})
    mse = ("eval", "-l", "mse", "x.csv", "--format", form)
    assert run_here(*mse, "--per-sample").stdout.endswith("… and 10 more; --limit 30 lists them all\n")
    assert "more" not in run_here(*mse, "--per-sample", "--limit", "30").stdout
    assert "more" not in run_here(*mse, "--worst", "3").stdout


@pytest.mark.parametrize("name", ["row", "loss", "share", "prediction", "target"])
def test_a_column_with_the_name_of_what_is_always_there(name: str) -> None:
    """It is refused, or shown under another name: neither takes the place of the other."""
    frame = pd.DataFrame({"y_pred": [1.0, 2.0], "y": [1.0, 4.0], name: ["text", "more"]})
    arguments: Any = {"pred": frame, "columns": {"pred": "y_pred", "target": "y"}}
    found: Any = {}
    with suppress(losscli.UsageError):
        found = listed("mse", arguments, show=[name])
    wanted = {"row": [0, 1], "loss": [0.0, 4.0], "share": [0.0, 1.0], "prediction": [1.0, 2.0], "target": [1.0, 4.0]}
    assert list(found.get(name, wanted[name])) == wanted[name]
    assert not found or ["text", "more"] in [list(values) for values in found.values()]


# Classes

LOGITS = np.array([[5.0, 4, 2], [0, 0, 1], [-1, 3, 3], [2, -7, 0]])
PROBS = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
SOFT = np.array([[0.5, 0.25, 0.25], [0, 0, 1], [0.125, 0.75, 0.125], [1, 0, 0]])
INDICES = np.array([0, 2, 1, 1])
NAMES = ["cat", "dog", "eel"]
FORMS = {"probs": PROBS, "logits": LOGITS, "log_probs": np.log(PROBS)}
TARGETS = {
    "indices": (INDICES, PROBS[range(4), INDICES]),
    "one-hot": (np.eye(3)[INDICES], PROBS[range(4), INDICES]),
    "soft": (SOFT, (SOFT * PROBS).sum(axis=1)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", TARGETS)
def test_certainty_of_classes(form: str, target: str) -> None:
    given, p_target = TARGETS[target]
    found = listed("cross_entropy", {"pred": FORMS[form], "target": given}) if form == "probs" else None
    found = found or listed(f"cross_entropy:form={form}", {"pred": FORMS[form], "target": given})
    assert found["predicted"].tolist() == [0, 2, 1, 0]
    np.testing.assert_allclose(found["confidence"], PROBS.max(axis=1), rtol=1e-14)
    np.testing.assert_allclose(found["p_target"], p_target, rtol=1e-13)
    assert ("target" in found) == (target == "indices")


@pytest.mark.parametrize("spec", ["brier", "nll"])
def test_certainty_of_other_losses_of_classes(spec: str) -> None:
    pred = FORMS["log_probs"] if spec == "nll" else PROBS
    found = listed(spec, {"pred": pred, "target": INDICES})
    assert found["predicted"].tolist() == [0, 2, 1, 0]
    np.testing.assert_allclose(found["p_target"], PROBS[range(4), INDICES], rtol=1e-13)


def test_names_of_classes(run: Run, here: Path) -> None:
    put(
        here,
        {"p.parquet": {f"p_{n}": PROBS[:, k] for k, n in enumerate(NAMES)}, "t.csv": "label\ncat\neel\ndog\ndog\n"},
    )
    ran = run("eval", "-l", "cross_entropy", "p.parquet", "t.csv", "--per-sample", "--json")
    samples = json.loads(ran.stdout)["results"][0]["samples"]
    assert [(s["target"], s["predicted"]) for s in samples] == [
        ("cat", "cat"),
        ("eel", "eel"),
        ("dog", "dog"),
        ("dog", "cat"),
    ]
    assert [s["p_target"] for s in samples] == PROBS[range(4), [0, 2, 1, 1]].tolist()
    assert [s["confidence"] for s in samples] == PROBS.max(axis=1).tolist()


SCORES, OUTCOMES = np.array([-3.0, 0.5, 40.0, -0.25]), np.array([0.0, 1.0, 0.0, 0.75])
BINARY = {"probs": 1 / (1 + np.exp(-SCORES)), "logits": SCORES, "log_probs": -np.log1p(np.exp(-SCORES))}


@pytest.mark.parametrize("form", BINARY)
def test_certainty_of_two_classes(form: str) -> None:
    p, q = 1 / (1 + np.exp(-SCORES)), 1 / (1 + np.exp(SCORES))
    found = listed(f"bce:form={form}", {"pred": BINARY[form], "target": OUTCOMES})
    assert found["predicted"].tolist() == [0, 1, 1, 0]
    np.testing.assert_allclose(found["confidence"], np.maximum(p, q), rtol=1e-14)
    np.testing.assert_allclose(found["p_target"], OUTCOMES * p + (1 - OUTCOMES) * q, rtol=1e-14, atol=1e-16)
    assert found["target"].tolist() == OUTCOMES.tolist()


def test_certainty_of_several_independent_outputs() -> None:
    """Outputs are no classes: none wins over another, and p_target is no sum of theirs."""
    found = listed("bce", {"pred": [[0.9, 0.8], [0.2, 0.7]], "target": [[1.0, 1.0], [0.0, 1.0]]})
    for name in {"predicted", "confidence", "p_target"} & set(found):
        assert np.shape(found[name]) == (2, 2), name


@pytest.mark.parametrize("spec", ["mse", "huber", "hinge", "rmse"])
def test_no_certainty_where_there_are_no_probabilities(spec: str) -> None:
    found = listed(spec, {"pred": [0.5, 0.25], "target": [1.0, -1.0]})
    assert not {"predicted", "confidence", "p_target"} & set(found)


# Files


def table_of(path: str) -> dict[str, list[Any]]:
    """The columns of a CSV or Parquet file; the cells of a CSV file as text."""
    if path.endswith("parquet"):
        return pq.read_table(path).to_pydict()
    return pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("list")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("block", [1, 1000])
def test_all_samples_to_a_file(ending: str, block: int, folder: Path) -> None:
    """Whatever is listed beside."""
    options: Any = {"per_sample_out": f"s.{ending}", "columns": {"weight": "w"}, "show": ["target:code"], "grad": True}
    arrays = {"pred": "p.csv", "target": "t.csv"}
    found = evaluated("mse", arrays, worst=1, block=block, **options)
    rows, gradient = found.samples["row"].tolist(), found.gradient.tolist()
    wanted: dict[str, list[Any]] = {
        "row": [0, 1, 2, 3],
        "target:code": ["a", "b", "c", "d"],
        "loss": [0.0, 4.0, 9.0, 1.0],
        "share": [0.0, 24 / 37, 9 / 37, 4 / 37],
        "prediction": P,
        "target": T,
        "gradient": gradient,
    }
    assert rows == [1]
    as_text = {key: [str(value) for value in values] for key, values in wanted.items()}
    assert table_of(f"s.{ending}") == (as_text if ending == "csv" else wanted)


@pytest.mark.parametrize("args", [(), ("--grad",), ("--show", "w")], ids=" ".join)
def test_losses_of_all_samples_to_an_array(args: tuple[str, ...], run: Run, folder: Path) -> None:
    """A .npy file holds one array: the losses."""
    assert run(*MSE, *args, "--per-sample-out", "s.npy").code == 0
    assert np.load("s.npy").tolist() == [0.0, 4.0, 9.0, 1.0]


def test_vectors_are_a_column_an_entry(here: Path) -> None:
    losscli.evaluate("mse", pred=np.ones((2, 2)), target=np.zeros((2, 2)), grad=True, per_sample_out="s.csv")
    assert (
        here / "s.csv"
    ).read_text() == "row,loss,share,gradient_0,gradient_1\n0,1.0,0.5,0.5,0.5\n1,1.0,0.5,0.5,0.5\n"


def test_absent_rows_are_not_in_a_table_of_samples(here: Path) -> None:
    losscli.evaluate("mse", pred=P, target=T, weight=[0, 1, 0, 1], per_sample_out="s.parquet", block=1)
    assert table_of("s.parquet")["row"] == [1, 3]


@pytest.mark.parametrize("option", ["per_sample_out", "probs_out"])
@pytest.mark.parametrize("block", [1, 1000])
def test_an_array_keeps_the_place_of_every_row(option: str, block: int, here: Path) -> None:
    """It has no row numbers, so rows of weight 0 have a place in it too."""
    arguments: Any = {"pred": [0.25, 0.5, 0.75, 0.5], "target": [1.0, 0, 1, 1], option: "o.npy", "block": block}
    losscli.evaluate("bce", weight=[0, 1, 1, 0], **arguments)
    found, wanted = np.load("o.npy"), {"per_sample_out": -np.log([0.5, 0.75]), "probs_out": [0.5, 0.75]}
    assert found.shape == (4,)
    np.testing.assert_allclose(found[1:3], wanted[option], rtol=1e-15)


ROWS = 40_000  # more than are read at once
CHANGING = {
    "text after none": [*[None] * (ROWS - 1), "a"],
    "integers after a gap": [None, *range(1, ROWS)],
}


@pytest.mark.parametrize("name", CHANGING)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_that_changes_between_blocks(name: str, ending: str, run: Run, here: Path) -> None:
    put(here, {"p.parquet": {"y_pred": np.ones(ROWS), "y": np.ones(ROWS), "shown": CHANGING[name]}})
    ran = run("eval", "-l", "mae", "p.parquet", "--show", "shown", "--per-sample-out", f"s.{ending}", "-q")
    assert (ran.stderr, ran.code) == ("", 0)
    found = table_of(f"s.{ending}")
    assert len(found["row"]) == ROWS
    for row in (1, ROWS - 1):
        wanted = CHANGING[name][row]
        cell = found["shown"][row] or None
        assert (float(cell) if isinstance(wanted, int) else cell) == wanted
    assert len({"." in cell for cell in map(str, found["shown"][1:])}) == 1, "written in one way throughout"


def test_text_that_a_spreadsheet_takes_for_a_formula(run: Run, here: Path) -> None:
    names = ["=1+1", "+x", "-y", "@z", "-1.5", "plain"]
    put(here, {"p.parquet": {"y_pred": [1.0] * 6, "y": [2.5] * 6, "=name": names}})
    args = ("eval", "-l", "bias", "p.parquet", "--show", "=name", "--per-sample", "-q")
    ran = run(*args, "--per-sample-out", "s.csv", "--format", "csv")
    cells = ["'=1+1", "'+x", "'-y", "'@z", "-1.5", "plain"]
    wanted = ["row,'=name,loss,share,prediction,target"]
    wanted += [f"{k},{cell},-1.5,0.16666666666666666,1.0,2.5" for k, cell in enumerate(cells)]
    assert ran == Ran("\n".join(wanted) + "\n", "", 0)
    assert (here / "s.csv").read_text() == ran.stdout


@pytest.mark.parametrize("option", ["--per-sample-out", "--probs-out"])
def test_files_that_are_refused(option: str, run: Run, here: Path) -> None:
    put(here, {"b.csv": "p,y\n0.5,1\n"})
    bce = ("eval", "-l", "bce", "b.csv", "--pred-col", "p", option)
    suffixes = "the name must end in .csv, .parquet, .npy"
    assert run(*bce, "o.npz") == Ran("", f"losscli: error: o.npz: {suffixes}\n", 2)
    missing = "could not be written: No such file or directory"
    assert run(*bce, "no/o.csv") == Ran("", f"losscli: error: no/o.csv: {missing}\n", 74)
    assert [p.name for p in here.iterdir()] == ["b.csv"]


def test_a_fault_in_the_last_row_leaves_the_old_file(run: Run, here: Path) -> None:
    put(here, {"both.csv": "y_pred,y\n" + "1,2\n" * 40_000 + "1,two\n", "s.parquet": b"old"})
    ran = run("eval", "-l", "mse", "both.csv", "--per-sample-out", "s.parquet")
    assert ran == Ran("", "losscli: error: both.csv:40002:y: 'two' is not a number\n", 3)
    assert {p.name: p.stat().st_size for p in here.iterdir() if p.suffix != ".csv"} == {"s.parquet": 3}


# Probabilities


@pytest.mark.parametrize("ending", ["csv", "npy", "parquet"])
def test_softmax_to_a_file(ending: str, run: Run, here: Path) -> None:
    put(here, {"z.npy": [[5.0, 4.0, 2.0], [1000.0, 0.0, -1000.0]], "y.npy": [0, 1]})
    name = f"probs.{ending}"
    assert run("eval", "-l", "CrossEntropyLoss", "z.npy", "y.npy", "--probs-out", name).code == 0
    if ending == "npy":
        found = np.load(name)
    else:
        found = np.array([*table_of(name).values()], dtype=np.float64).T
        assert list(table_of(name)) == ["p_0", "p_1", "p_2"]
    assert found.round(4).tolist() == [[0.7054, 0.2595, 0.0351], [1.0, 0.0, 0.0]]
    np.testing.assert_allclose(found[0], PROBS[0], rtol=1e-15)


OF_FORMS = {
    "probs": ("cross_entropy", PROBS, INDICES, PROBS),
    "log_probs": ("cross_entropy:form=log_probs", np.log(PROBS), INDICES, PROBS),
    "nll": ("nll", np.log(PROBS), INDICES, PROBS),
    "brier of classes": ("brier", PROBS, INDICES, PROBS),
    "brier of one column": ("brier", PROBS[:, 0], [0.0, 1, 1, 0], PROBS[:, 0]),
    "bce": ("bce", PROBS[:, 0], [0.0, 1, 1, 0], PROBS[:, 0]),
    "logits of bce": ("bce:form=logits", [-800.0, 0.0, 800.0, 1.0], [0.0, 1, 1, 0], [0, 0.5, 1, 0.7310585786300049]),
    "log_probs of bce": ("bce:form=log_probs", [np.log(0.25), -900.0], [0.0, 1.0], [0.25, 0.0]),
    "outputs of bce": ("bce:form=logits", [[0.0, 1.0]], [[0.0, 1.0]], [[0.5, 0.7310585786300049]]),
    "a sum of losses": ("bce + 0.5 * brier", [0.25, 0.75], [0.0, 1.0], [0.25, 0.75]),
}


@pytest.mark.parametrize("name", OF_FORMS)
def test_probabilities_of_every_form(name: str, here: Path) -> None:
    spec, pred, target, wanted = OF_FORMS[name]
    losscli.evaluate(spec, pred=pred, target=target, probs_out="p.npy", block=3)
    found = np.load("p.npy")
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, rtol=3e-15, atol=0)


def test_a_loss_without_probabilities(run: Run, folder: Path) -> None:
    put(folder, {"old.csv": b"old"})
    for name in ("new.csv", "old.csv"):
        ran = run(*MSE, "--probs-out", name, "--grad-out", "g.npy")
        assert ran == Ran("", "losscli: error: mse has no probabilities for --probs-out\n", 2)
    assert {p.name for p in folder.iterdir()} == {*FILES, "old.csv"}
    assert (folder / "old.csv").read_bytes() == b"old"


# No reduction


def test_no_reduction_lists_the_samples_and_has_no_value(run: Run, folder: Path) -> None:
    ran = run(*MSE, "--reduction", "none", "--json")
    result = json.loads(ran.stdout)["results"][0]
    assert "value" not in result
    assert (result["reduction"], result["n"], result["min"], result["max"]) == ("none", 4, 0.0, 9.0)
    assert [sample["loss"] for sample in result["samples"]] == [0.0, 4.0, 9.0, 1.0]
    weighted = run(*MSE, "--weight-col", "w", "--reduction", "none")
    assert weighted == Ran(PLAIN.split("\n\n")[1], "", 0)


def test_no_reduction_has_no_value_in_python() -> None:
    report = losscli.evaluate("mse + mae", pred=P, target=T, reduction="none")
    assert (report.results[0].value, report.results[0].terms) == (None, ())
    assert report.results[0].samples["loss"].tolist() == [0.0, 6.0, 12.0, 2.0]
    with pytest.raises(losscli.UsageError, match="no single value"):
        _ = report.value


@pytest.mark.parametrize("args", [("--max", "1"), ("--min", "1"), ("--format", "value")], ids=" ".join)
def test_what_needs_a_value_is_refused(args: tuple[str, ...], run: Run, folder: Path) -> None:
    what = args[0] if args[0] != "--format" else "--format value"
    message = f"{what} needs a value, and --reduction none has none"
    assert run(*MSE, "--reduction", "none", *args) == Ran("", f"losscli: error: {message}\n", 2)


@pytest.mark.parametrize("form", ["table", "markdown", "csv"])
def test_no_reduction_in_formats_of_rows(form: str, run: Run, folder: Path) -> None:
    ran = run(*MSE, "--reduction", "none", "--format", form, env={"COLUMNS": "200"})
    assert (ran.stderr, ran.code) == ("", 0)
    assert "0.6428571428571429" in ran.stdout
    assert "reduction" not in ran.stdout


def test_infinite_losses_without_a_value(run: Run, here: Path) -> None:
    """There is no value that could be infinite."""
    put(here, {"b.csv": "y_pred,y\n0,1\n0.5,1\n"})
    ran = run("eval", "-l", "bce", "b.csv", "--reduction", "none", "--format", "csv")
    assert (ran.stdout.splitlines()[1].split(",")[:2], ran.code) == (["0", "inf"], 0)


# Memory

LAUNCHER = (
    "import resource, subprocess, sys\n"
    "code = subprocess.call(sys.argv[1:])\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    "sys.exit(code)\n"
)


def peak_memory(folder: Path, *args: str) -> int:
    """The most memory that a run of losscli held, in the unit of the system."""
    ran = run_any([sys.executable, "-c", LAUNCHER, *command(*args), "-o", os.devnull], b"", folder)
    assert (ran.stderr, ran.code) == ("", 0)
    return int(ran.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("args", [("--worst", "20"), ("--per-sample", "--limit", "20")], ids=" ".join)
def test_a_few_samples_of_many_rows_take_no_memory(args: tuple[str, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    support.put(tmp_path, {"p.npy": rng.normal(size=2_000_000), "t.npy": rng.normal(size=2_000_000)})
    mse = ("eval", "-l", "mse", "p.npy", "t.npy")
    assert peak_memory(tmp_path, *mse, *args) <= 1.2 * peak_memory(tmp_path, *mse)
