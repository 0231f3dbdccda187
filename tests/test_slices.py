"""Slices: values by group, by bins of numbers, by output and by class."""

import json
from collections import Counter
from collections.abc import Callable
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.distribution import Distribution
from losscli.exact import Exact, GroupSums
from losscli.registry import get
from losscli.results import Group, Result
from losscli.slices import FRACTIONS, Finder
from tests.laws_support import MANY, ROWS, Data, evaluated, one_of_each_kind, random_data, soft_data, wild_data
from tests.support import Ran, column, put

Run = Callable[..., Ran]

RNG = np.random.default_rng(7)
COUNTRIES = np.array([["DE", "FR", "007", None][k] for k in RNG.integers(0, 4, ROWS)], object)
WEIGHT = RNG.integers(0, 3, ROWS) * 0.1
FEW = {"spread": False, "distribution": False}


def hexed(number: float | None) -> str | None:
    return None if number is None else float(number).hex()


def told(groups: tuple[Group, ...]) -> list[Any]:
    """All that groups say, to the last bit."""
    return [
        (tuple(g.by.items()), hexed(g.value), g.n, hexed(g.weight), hexed(g.share), g.smaller_than, g.groups)
        for g in groups
    ]


def grouped(data: Data, **options: Any) -> tuple[Group, ...]:
    return evaluated(data, **FEW, **options).groups


def samples(spec: str) -> list[Data]:
    loss = get(spec)
    found = [random_data(loss), random_data(loss, outputs=MANY), wild_data(loss), soft_data(loss)]
    return [data for data in found if data is not None]


def same(found: Group, alone: Result) -> bool:
    return (hexed(found.value), found.n, hexed(found.weight)) == (hexed(alone.value), alone.n, hexed(alone.weight))


@one_of_each_kind
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_a_group_has_the_value_of_its_rows_alone(spec: str, weight: Any) -> None:
    for data in samples(spec):
        options = {"allow_inf": True} if weight is None else {"allow_inf": True, "weight": weight}
        for found in grouped(data, by={"country": COUNTRIES}, **options):
            rows = np.flatnonzero(found.by["country"] == COUNTRIES)
            own = {key: value[rows] if key == "weight" else value for key, value in options.items()}
            assert same(found, evaluated(data.take(rows), **FEW, **own)), (data.label, found)


@one_of_each_kind
def test_neither_blocks_nor_the_order_of_rows_matter(spec: str) -> None:
    order = np.random.default_rng(3).permutation(ROWS)
    for data in samples(spec):
        options = {"min_group": 9, "allow_inf": True}
        whole = told(grouped(data, by={"country": COUNTRIES}, weight=WEIGHT, **options))
        for block in (1, 7):
            assert told(grouped(data, by={"country": COUNTRIES}, weight=WEIGHT, block=block, **options)) == whole
        moved = grouped(data.take(order), by={"country": COUNTRIES[order]}, weight=WEIGHT[order], **options)
        assert told(moved) == whole


@one_of_each_kind
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_whole_with_groups_is_that_without(spec: str, reduction: str) -> None:
    """The sums of the whole are found on the way to those of the groups."""
    if reduction == "sum" and get(spec).finish:
        return
    for data in samples(spec):
        options = {"allow_inf": True, "reduction": reduction}
        for weight in ({}, {"weight": WEIGHT}):
            plain = evaluated(data, **options, **weight)
            found = evaluated(data, by={"country": COUNTRIES}, **options, **weight)
            assert hexed(found.value) == hexed(plain.value)
            assert found.signature == plain.signature


@one_of_each_kind
def test_shares_add_up_to_one(spec: str) -> None:
    found = grouped(random_data(get(spec), outputs=3), by={"country": COUNTRIES})
    assert sum(g.share or 0.0 for g in found) == pytest.approx(1.0)
    assert sum(g.n for g in found) == ROWS


PRED, TARGET = np.array([1.0, 2.0, 5.0, 7.0, 4.0, 0.0]), np.array([1.0, 4.0, 2.0, 7.0, 4.0, 1.0])
KEYS = ["a", "b", "a", "c", "b", "c"]


def by(losses: Any = "mse", **options: Any) -> tuple[Group, ...]:
    options = {"by": {"k": KEYS}, **options}
    return losscli.evaluate(losses, pred=PRED, target=TARGET, **options).results[0].groups


def keys(groups: tuple[Group, ...]) -> list[Any]:
    return [next(iter(g.by.values()), ...) for g in groups]


def test_the_worst_group_comes_first_and_ties_by_key() -> None:
    assert [(g.by["k"], g.value, g.n, g.share) for g in by()] == [
        ("a", 4.5, 2, 9 / 14),
        ("b", 2.0, 2, 4 / 14),
        ("c", 0.5, 2, 1 / 14),
    ]
    assert keys(by(by={"k": [3, 2, 10, 1, 10, 2]})) == [10, 2, 1, 3]
    assert keys(by("mae", by={"k": ["b", None, "10", "9", "a", "b"]})) == ["10", None, "b", "9", "a"]


def test_not_a_number_comes_first() -> None:
    found = losscli.evaluate("dice", pred=[0.0, 1, 1], target=[0.0, 1, 0], by={"k": ["a", "b", "c"]}).results[0].groups
    assert keys(found) == ["a", "c", "b"]
    assert isnan(found[0].value)


def test_sums_and_several_losses() -> None:
    report = losscli.evaluate(["mae + 2 * mse", "mae", "mae + rmse"], pred=PRED, target=TARGET, by={"k": KEYS})
    both, mae, mixed = [{g.by["k"]: g for g in result.groups} for result in report.results]
    assert both["a"].value == 1.5 + 2 * 4.5
    assert both["a"].share == (3 + 18) / (6 + 28)
    assert mae["a"].value == 1.5
    assert mixed["a"].value == 1.5 + 4.5**0.5
    assert mixed["a"].share is None
    assert "share" not in mixed["a"].to_dict()


def test_the_share_of_nothing_and_of_infinity() -> None:
    found = losscli.evaluate("mse", pred=[1.0, 2], target=[1.0, 2], by={"k": ["a", "b"]}).results[0].groups
    assert [hexed(g.share) for g in found] == ["nan", "nan"]
    found = losscli.evaluate("bce", pred=[0.0, 0.5], target=[1, 1], by={"k": ["a", "b"]}).results[0].groups
    assert [(g.value, hexed(g.share)) for g in found] == [(np.inf, "nan"), (np.log(2), hexed(0.0))]


def test_small_groups_are_in_one_line() -> None:
    found = by(by={"k": ["a", "a", "a", "b", "c", "c"]}, min_group=3)
    assert [(dict(g.by), g.n, g.smaller_than, g.groups) for g in found] == [({"k": "a"}, 3, 0, 1), ({}, 3, 3, 2)]
    assert found[1].value == 1 / 3
    assert found[1].to_dict()["smaller_than"] == 3
    assert sum(g.share or 0 for g in found) == 1
    (only,) = by("rmse", min_group=10)
    assert (only.groups, only.value) == (3, (14 / 6) ** 0.5)


def test_combinations_that_occur() -> None:
    found = by(by={"k": KEYS, "j": [1, 1, 1, 2, 2, 2]})
    assert [tuple(g.by.items()) for g in found] == [
        (("k", "a"), ("j", 1)),
        (("k", "b"), ("j", 1)),
        (("k", "c"), ("j", 2)),
        (("k", "b"), ("j", 2)),
    ]


def test_many_groups() -> None:
    pred = np.random.default_rng(1).normal(size=50_000)
    for codes in (np.arange(50_000) % 20_000, np.arange(50_000) * 10**12 % 7_001):
        found = losscli.evaluate("mae", pred=pred, target=pred * 0, by={"k": codes}, block=9_999).results[0].groups
        assert len(found) == len(np.unique(codes))
        for group in found[:: len(found) // 7]:
            assert group.value == np.float64(
                losscli.evaluate(
                    "mae", pred=pred[codes == group.by["k"]], target=0 * pred[codes == group.by["k"]]
                ).value
            )


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "i8", "u8", "f4", "f8", "?", "O"])
def test_numbers_of_every_type_are_categories(dtype: str) -> None:
    values = np.array([1, 0, 1, 0, 1, 0]).astype(dtype)
    assert sorted(keys(by(by={"k": values}))) == [0, 1]
    if dtype in ("i1", "u8", "i8"):
        ends = np.iinfo(dtype)
        values = np.array([ends.min, ends.max, ends.max - 1] * 2, dtype)
        assert sorted(keys(by(by={"k": values}))) == [ends.min, ends.max - 1, ends.max]


def test_zeros_have_no_sign_and_nan_is_missing() -> None:
    found = by(by={"k": [0.0, -0.0, nan, 1.5, nan, 2.0]})
    assert sorted(map(str, keys(found))) == ["0", "1.5", "2", "None"]
    assert {str(g.by["k"]): g.n for g in found} == {"0": 2, "None": 2, "1.5": 1, "2": 1}


# Bins


def bins(values: Any, count: int, **options: Any) -> dict[Any, int]:
    rows = np.zeros(len(values))
    found = losscli.evaluate("mae", pred=rows, target=rows, by={"x": values}, bins=count, **options).results[0].groups
    return {g.by["x"]: g.n for g in found}


def test_bins_hold_equally_many_rows() -> None:
    assert bins([1, 2, 3, 4], 2) == {"[1, 3)": 2, "[3, 4]": 2}
    assert bins([0.1, 0.2, 0.30000000000000004, 7], 2) == {
        "[0.1, 0.30000000000000004)": 2,
        "[0.30000000000000004, 7]": 2,
    }
    assert list(bins(np.arange(1000.0), 4).values()) == [250] * 4
    assert list(bins(np.arange(1000.0), 3, block=7)) == ["[0, 333)", "[333, 666)", "[666, 999]"]
    assert bins([5.0, -np.inf, np.inf, nan], 2) == {"[-inf, 5)": 1, "[5, inf]": 2, None: 1}


def test_values_that_occur_often_make_for_fewer_bins() -> None:
    assert bins([0, 0, 0, 0, 0, 0, 1, 2, 3], 3) == {"[0, 1)": 6, "[1, 3]": 3}
    assert bins([0, 0, 0, 1, 2, 3, 9, 9, 9, 9, 9], 2) == {"[0, 3)": 5, "[3, 9]": 6}


def test_as_few_values_as_bins_stay_what_they_are() -> None:
    assert bins([1, 2, 1, 2], 2) == {1: 2, 2: 2}


def test_edges_do_not_depend_on_what_is_held_in_memory() -> None:
    values = np.random.default_rng(2).normal(size=5_000)
    plain, spilled = Finder("x", 7), Finder("x", 7)
    spilled._values = Distribution(held=100)
    for finder, size in ((plain, 5_000), (spilled, 50)):
        for start in range(0, 5_000, size):
            finder.add(values[start : start + size])
    assert plain.intervals() == spilled.intervals()
    ordered = np.sort(values)
    assert [i.low for i in plain.intervals()] == [ordered[k * 5_000 // 7] for k in range(7)]
    plain.close()
    spilled.close()


def test_edges_beside_zero_and_at_the_ends() -> None:
    """Values whose bits are neighbours of those of -0.0, and infinite ones, too many to be held."""
    values = np.repeat([-np.inf, -1e308, -5e-324, -0.0, 0.0, 5e-324, 1e308, np.inf], 60)
    found = Finder("x", 6)
    found._values = Distribution(held=50)
    found.add(values)
    starts = [i.low for i in found.intervals()]
    found.close()
    ordered = np.sort(values) + 0.0
    assert starts == sorted({ordered[k * 480 // 6] for k in range(6)})


def test_only_rows_that_count_are_binned() -> None:
    found = losscli.evaluate(
        "mae", pred=[0.0] * 6, target=[0] * 6, weight=[1, 1, 1, 1, 0, 0], by={"x": [1, 2, 3, 4, 50, 60]}, bins=2
    )
    assert sorted(keys(found.results[0].groups)) == ["[1, 3)", "[3, 4]"]


def test_a_column_of_fractions_needs_bins() -> None:
    values = np.arange(FRACTIONS + 1) + 0.5
    with pytest.raises(losscli.InputError, match=r"^x: column 'x' has more than 1,000 values; --bins N gathers them$"):
        losscli.evaluate("mse", pred=values, target=values, by={"x": values})
    assert len(losscli.evaluate("mse", pred=values, target=values, by={"x": values // 1}).results[0].groups) == 1001


# By output and by class


@one_of_each_kind
def test_an_output_has_the_value_of_its_column_alone(spec: str) -> None:
    loss = get(spec)
    for data in (random_data(loss, outputs=3), wild_data(loss)):
        if loss.terms(data.checked)[0].ndim == 1:
            continue
        for weight in ({}, {"weight": WEIGHT}):
            for found in grouped(data, per_output=True, allow_inf=True, **weight):
                alone = Data(loss, [a[:, found.by["output"]] for a in data.arrays], "")
                assert same(found, evaluated(alone, **FEW, allow_inf=True, **weight))


@one_of_each_kind
def test_a_class_has_the_value_of_its_rows_alone(spec: str) -> None:
    loss = get(spec)
    data = random_data(loss, outputs=3)
    if not any(role.labels for role in loss.kind.roles) or data.arrays[0].ndim == 1:
        return
    labels = np.asarray(data.arrays[1])
    one_hot = Data(loss, [data.arrays[0], np.eye(data.arrays[0].shape[1])[labels]], "one-hot")
    for given in (data, one_hot):
        found = grouped(given, per_output=True)
        assert {g.by["class"] for g in found} == set(labels.tolist())
        for group in found:
            assert same(group, evaluated(given.take(labels == group.by["class"]), **FEW))


def test_outputs_and_classes_by_name(run_here: Run, here: Path) -> None:
    put(here, {"p.csv": "low,high\n1,2\n3,5\n", "t.csv": "low,high\n1,1\n3,1\n", "g.csv": "country\nDE\nFR\n"})
    ran = run_here(
        "eval", "-l", "rmse", "p.csv", "t.csv", "--per-output", "--pred-col", "low,high", "--target-col", "low,high"
    )
    assert (
        ran.stdout.split("\n\n")[1]
        == f"output\tvalue\tn\tweight\tshare\nhigh\t{8.5**0.5!r}\t2\t2.0\t1.0\nlow\t0.0\t2\t2.0\t0.0\n"
    )
    put(here, {"c.csv": "p_cat,p_dog,y,z\n0.75,0.25,cat,1\n0.5,0.5,dog,1\n0.5,0.5,dog,2\n"})
    ran = run_here("eval", "-l", "brier", "c.csv", "--per-output", "--by", "z")
    assert ran.stdout.split("\n\n")[1] == (
        "z\tclass\tvalue\tn\tweight\tshare\n1\tdog\t0.5\t1\t1.0\t0.4444444444444444\n"
        "2\tdog\t0.5\t1\t1.0\t0.4444444444444444\n1\tcat\t0.125\t1\t1.0\t0.1111111111111111\n"
    )


def test_binary_losses_by_class() -> None:
    found = losscli.evaluate("bce", pred=[0.5, 0.75, 0.5], target=[0, 1, 1], per_output=True).results[0].groups
    assert {g.by["class"]: g.n for g in found} == {0: 1, 1: 2}
    found = losscli.evaluate("hinge", pred=[0.5, 0.75], target=[-1, 1], per_output=True).results[0].groups
    assert keys(found) == [-1, 1]


@pytest.mark.parametrize(
    ("loss", "arrays", "said"),
    [
        ("mse", ([1.0], [1.0]), "--per-output: mse has one value a sample here; it has neither outputs nor classes"),
        ("dice:pool=sample", ([[1.0, 0]], [[1.0, 0]]), "dice:pool=sample has one value a sample"),
        ("bce", ([0.5, 0.5], [1, 0.5]), "target: row 1: a soft target has no class of its own"),
        ("cross_entropy", ([[0.5, 0.5]], [[0.25, 0.75]]), "target: row 0: a soft target has no class of its own"),
        ("mae + dice:pool=sample", ([[1.0, 0]], [[1.0, 0]]), "has one value a sample"),
    ],
)
def test_what_has_neither_outputs_nor_classes(loss: str, arrays: Any, said: str) -> None:
    with pytest.raises(losscli.LossError, match=said):
        losscli.evaluate(loss, pred=arrays[0], target=arrays[1], per_output=True)
    with pytest.raises(losscli.UsageError, match="triplet has one value a sample"):
        losscli.evaluate("triplet", anchor=[[1.0, 2]], positive=[[1.0, 2]], negative=[[1.0, 2]], per_output=True)


# Files and formats

NAMES = ["007", "x", "007", "", " x ", "7"]
TEXT = {
    "p.csv": column("y_pred", PRED),
    "t.csv": "y,g\n" + "".join(f"{t},{n}\n" for t, n in zip(TARGET, NAMES, strict=True)),
    "p.npy": PRED,
    "all.parquet": {"y_pred": PRED, "y": TARGET, "g": NAMES, "n": [1, None, 2, 1, 2, 1]},
}


@pytest.mark.parametrize("files", [["p.csv", "t.csv"], ["p.npy", "t.csv"], ["all.parquet"]], ids=str)
def test_text_stays_text_in_every_format(files: list[str], run_here: Run, here: Path) -> None:
    put(here, TEXT)
    ran = run_here("eval", "-l", "mse", *files, "--by", "g", "--json")
    groups = json.loads(ran.stdout)["results"][0]["groups"]
    assert [(g["by"]["g"], g["n"]) for g in groups] == [("007", 2), ("x", 2), ("7", 1), (None, 1)]
    assert list(groups[0]) == ["by", "value", "n", "weight", "share"]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_text_of_every_type_by_its_distinct_values(kind: Any, here: Path) -> None:
    """Whether it repeats or not, in row groups whose dictionaries differ, with missing values, and all missing."""
    rows = 20_000
    texts = [[None, "a", " b", "b ", ""][k % 5] if k < 15_000 else f"t{k % 7}" for k in range(rows)]
    columns = {"few": texts, "many": [f"r{k // 2}" for k in range(rows)], "none": [None] * rows}
    zeros = {"y_pred": np.zeros(rows), "y": np.zeros(rows)}
    if pa.types.is_dictionary(kind):
        del columns["many"]
    made = {
        name: pa.array(values, pa.string() if pa.types.is_dictionary(kind) else kind)
        for name, values in columns.items()
    }
    made = {name: a.cast(kind) if pa.types.is_dictionary(kind) else a for name, a in made.items()}
    pq.write_table(pa.table(zeros | made), "x.parquet", row_group_size=6_000)
    for name, values in columns.items():
        (result,) = losscli.evaluate("mse", pred="x.parquet", by=name, block=999).results
        counted = Counter((t or "").strip() or None for t in values)
        assert {g.by[name]: g.n for g in result.groups} == counted


def test_integers_with_nulls(run_here: Run, here: Path) -> None:
    put(here, TEXT)
    ran = run_here("eval", "-l", "mse", "all.parquet", "--by", "n", "--format", "csv")
    assert (
        ran.stdout
        == "n_by,value,n,weight,share\n2,4.5,2,2.0,0.6428571428571429\n,4.0,1,1.0,0.2857142857142857\n"
        + ("1,0.3333333333333333,3,3.0,0.07142857142857142\n")
    )


def test_every_format_shows_the_groups(run_here: Run, here: Path) -> None:
    put(here, TEXT)
    asked = ("eval", "-l", "mse", "all.parquet", "--by", "g", "--min-group", "2")
    plain = run_here(*asked).stdout
    lines = [line.split("\t") for line in plain.split("\n\n")[1].splitlines()]
    assert lines == [
        ["g", "value", "n", "weight", "share"],
        ["007", "4.5", "2", "2.0", repr(9 / 14)],
        ["x", "2.0", "2", "2.0", repr(4 / 14)],
        ["(2 groups smaller than 2)", "0.5", "2", "2.0", repr(1 / 14)],
    ]
    assert run_here(*asked, "--format", "csv").stdout == "".join(",".join(line) + "\n" for line in lines)
    result = json.loads(run_here(*asked, "--json").stdout)["results"][0]
    assert json.loads(run_here(*asked, "--format", "jsonl").stdout) == result
    assert result["groups"][2] == {
        "by": {}, "smaller_than": 2, "groups": 2, "value": 0.5, "n": 2, "weight": 2.0, "share": 1 / 14
    }  # fmt: skip
    assert "| 007 | 4.5 | 2 | 2.0 |" in run_here(*asked, "--format", "markdown").stdout
    table = run_here(*asked[:-2], "--format", "table").stdout
    assert "(missing)" in table
    assert "weight" not in table.split("\n\n")[-1]
    both = run_here(*asked, "--worst", "1").stdout.split("\n\n")
    assert [block.split("\t")[0] for block in both] == ["loss", "g", "row"]


def test_a_pipe_is_read_twice_for_bins(run: Run, here: Path) -> None:
    put(here, {"t.csv": TEXT["t.csv"]})
    ran = run("eval", "-l", "mse", "-", "t.csv", "--by", "y_pred", "--bins", "2", stdin=column("y_pred", PRED).encode())
    assert (ran.code, ran.stderr) == (0, "")
    assert [line.split("\t")[0] for line in ran.stdout.splitlines()[4:]] == ["[4, 7]", "[0, 4)"]


def test_text_beside_numbers_is_not_binned(run_here: Run, here: Path) -> None:
    put(here, TEXT)
    ran = run_here("eval", "-l", "mse", "all.parquet", "--by", "g", "--by", "y", "--bins", "2", "--format", "csv")
    assert ran.stdout.splitlines()[1].startswith('007,"[1, 4)"')
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--by", "q"], "has no column 'q' for --by"),
        (["--by", "g,g"], "--by g is given twice"),
        (["--bins", "3"], "--bins needs groups; add --by"),
        (["--per-output", "--bins", "3"], "--bins needs groups; add --by"),
        (["--min-group", "3"], "--min-group needs groups; add --by or --per-output"),
        (["--by", "g", "--bins", "0"], "--bins: '0' is not a whole number of at least 1"),
        (["--by", "g", "--bins", "2"], "--bins is for numbers, and --by g has none"),
        (["--by", "g", "--reduction", "none"], "--by needs a value, and --reduction none has none"),
        (["--by", "g", "--format", "value"], "--by needs a format that shows groups"),
        (["--by", "g", "--worst", "1", "--format", "csv"], "--format csv holds groups or samples, not both"),
        (["--by", "g", "--per-sample", "--format", "jsonl"], "--format jsonl holds groups or samples, not both"),
    ],
    ids=str,
)
def test_usage_errors(args: list[str], said: str, run_here: Run, here: Path) -> None:
    put(here, TEXT)
    ran = run_here("eval", "-l", "mse", "all.parquet", *args)
    assert (ran.code, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_columns_of_lists_are_refused(run_here: Run, here: Path) -> None:
    put(here, {"v.parquet": {"y_pred": [1.0], "y": [1.0], "v": [[1.0, 2.0]]}})
    assert "--by needs one value a row" in run_here("eval", "-l", "mse", "v.parquet", "--by", "v").stderr


def test_groups_of_the_rows_that_count(run_here: Run, here: Path) -> None:
    put(here, TEXT)
    ran = run_here("eval", "-l", "mse", "all.parquet", "--by", "g", "--where", "n=1", "--format", "csv", "-q")
    assert [line.split(",")[0] for line in ran.stdout.splitlines()] == ["g", "7", "007", ""]


def test_gradients_in_the_same_scan(run_here: Run, here: Path) -> None:
    put(here, TEXT)
    ran = run_here("eval", "-l", "mse", "p.npy", "t.csv", "--by", "g", "--grad")
    assert ran.stdout.split("\n\n")[1].startswith("g\tvalue")


# Sums of many groups


def test_sums_of_groups_are_exact() -> None:
    rng = np.random.default_rng(5)
    hostile = rng.normal(size=100_000) * 10.0 ** rng.uniform(-320, 300, 100_000)
    infinite = np.where(rng.random(100_000) < 0.001, np.inf, hostile)
    plain = rng.normal(size=100_000)
    codes = rng.integers(0, 50, 100_000)
    for terms in (plain, hostile, infinite):
        for factors in ((), (np.abs(plain),), (np.abs(plain), hostile)):
            sums = GroupSums()
            total = Exact()
            for start in range(0, 100_000, 33_333):
                total += sums.add(
                    codes[start : start + 33_333], *(a[start : start + 33_333] for a in (terms, *factors))
                )
            assert str(total) == str(Exact.of(terms, *factors))
            for code in (0, 17, 49):
                own = codes == code
                assert str(sums.of(code)) == str(Exact.of(terms[own], *(f[own] for f in factors)))
