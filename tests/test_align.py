"""Rows paired by key: what is refused and where, and that the order of the files makes no difference."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import losscli
from losscli.align import _joined
from losscli.formats import Block, Labels
from losscli.formats.csv import CsvReader
from losscli.keys import Column, Dense, Hashed, Keys, Part, index_of
from tests.support import Ran, put

Run = Callable[..., Ran]
PREDS = "id,y_pred\n3,0.5\n1,1.5\n2,4\n"
TARGETS = "id,y\n1,1\n2,2\n3,3\n"


def refused(run: Run, here: Path, preds: Any, targets: Any, *args: str, suffix: str = "csv") -> str:
    """The message that an evaluation of two files is refused with."""
    put(here, {f"p.{suffix}": preds, f"t.{suffix}": targets})
    ran = run("eval", "-l", "mse", f"p.{suffix}", f"t.{suffix}", *(args or ("--id", "id")))
    assert (ran.stdout, ran.code) == ("", 3), ran.stderr
    assert ran.stderr.count("\n") == 1
    return ran.stderr.removeprefix("losscli: error: ").removesuffix("\n")


def value(**roles: Any) -> float:
    return losscli.evaluate("mse", **roles).value


# Order


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("block", [1, 7, 1 << 17])
@pytest.mark.parametrize("keys", ["dense", "wide", "text"])
def test_order_makes_no_difference(keys: str, block: int, suffix: str, here: Path) -> None:
    draw = np.random.default_rng(0)
    ids: Any = {"dense": np.arange(5, 55), "wide": draw.integers(-(2**62), 2**62, 50)}.get(keys, np.arange(50))
    if keys == "text":
        ids = np.array([f"k{i:03}" for i in ids])
    pred, y, weight = draw.normal(size=50), draw.normal(size=50), draw.integers(0, 3, 50)
    frames = {"p": pd.DataFrame({"id": ids, "pred": pred}), "t": pd.DataFrame({"id": ids, "y": y, "weight": weight})}
    shuffled = {"a": frames["p"].iloc[draw.permutation(50)], "b": frames["t"].iloc[draw.permutation(50)]}
    for name, frame in {**frames, **shuffled}.items():
        (frame.to_csv if suffix == "csv" else frame.to_parquet)(here / f"{name}.{suffix}", index=False)
    options: dict[str, Any] = {"columns": {"weight": ["weight"]}, "grad": True, "block": block, "per_sample": True}
    asked: list[Any] = ["mse", "rmse"]
    plain = losscli.evaluate(asked, pred=f"p.{suffix}", target=f"t.{suffix}", **options)
    for first, second in itertools.product("pa", "tb"):
        keyed = losscli.evaluate(asked, pred=f"{first}.{suffix}", target=f"{second}.{suffix}", id="id", **options)
        order = np.arange(50) if first == "p" else shuffled["a"].index.to_numpy()
        for one, other in zip(keyed.results, plain.results, strict=True):
            assert (one.value, one.std, one.weight, one.n) == (other.value, other.std, other.weight, other.n)
            assert one.gradient.tolist() == other.gradient[order].tolist()
        assert keyed.results[0].samples is not None
        rows = keyed.results[0].samples["row"]
        assert rows.tolist() == np.flatnonzero(weight[order]).tolist()
        assert keyed.results[0].samples["target"].tolist() == y[order][rows].tolist()


def test_formats_mix(here: Path) -> None:
    put(here, {"p.csv": PREDS, "t.parquet": {"id": [1, 2, 3], "y": [1.0, 2.0, 3.0]}})
    assert value(pred="p.csv", target="t.parquet", id="id") == (2.5**2 + 0.5**2 + 2**2) / 3


def test_frames_are_paired_by_key() -> None:
    preds = pd.DataFrame({"id": ["a", "b"], "pred": [1.0, 2.0]})
    targets = pd.DataFrame({"id": ["b", "a"], "y": [2.0, 1.0]})
    assert value(pred=preds, target=targets, id="id") == 0


def test_arrays_are_paired_by_a_position() -> None:
    columns = {"pred": 1, "target": 1}
    assert value(pred=[[1, 5.0], [2, 6]], target=[[2, 6.0], [1, 5]], id=0, columns=columns) == 0


def test_standard_input_is_paired_whichever_file_it_is(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"p.csv": PREDS, "t.csv": TARGETS})
    plain = run("eval", "-l", "rmse", "p.csv", "t.csv", "--id", "id", "--grad")
    assert plain.code == 0, plain.stderr
    for args, text in (("-", "t.csv"), PREDS), (("p.csv", "-"), TARGETS):
        assert run("eval", "-l", "rmse", *args, "--id", "id", "--grad", stdin=text.encode()) == plain


def test_several_columns_make_a_key(here: Path) -> None:
    put(here, {"p.csv": "day,shop,y_pred\n1,a,1\n1,b,2\n2,a,3\n", "t.csv": "shop,day,y\na,2,3\nb,1,2\na,1,1\n"})
    for names in ("day,shop", ["day", "shop"], ["shop,day"]):
        assert value(pred="p.csv", target="t.csv", id=names) == 0


def test_a_file_a_role(here: Path) -> None:
    put(here, {"p.csv": PREDS, "t.csv": TARGETS, "w.csv": "id,weight\n2,0\n1,1\n3,3\n"})
    report = losscli.evaluate(
        "mse", pred="p.csv", target="t.csv", weight="w.csv", columns={"weight": "weight"}, id="id", grad=True
    )
    assert report.value == (3 * 2.5**2 + 0.5**2) / 4
    assert report.results[0].gradient.tolist() == [2 * 3 * -2.5 / 4, 2 * 0.5 / 4, 0]


def test_conditions_and_shown_columns_of_either_file(here: Path, run_here: Run) -> None:
    put(here, {"p.csv": PREDS, "t.csv": "id,y,place\n1,1,x\n2,2,y\n3,3,z\n"})
    ran = run_here(
        *("eval", "-l", "mae", "p.csv", "t.csv", "--id", "id"),
        *("--where", "place!=x", "--per-sample", "--show", "place", "--format", "csv"),
    )
    assert [line.split(",")[:5] for line in ran.stdout.splitlines()[1:]] == [
        ["0", "z", "2.5", "0.5555555555555556", "0.5"],
        ["2", "y", "2.0", "0.4444444444444444", "4.0"],
    ]


def test_the_other_files_are_read_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(here, {"p.csv": PREDS, "t.csv": TARGETS})
    held: list[str] = []
    read = CsvReader.read

    def counted(reader: CsvReader, *args: Any) -> Iterator[Block]:
        held.append(reader.name)
        return read(reader, *args)

    monkeypatch.setattr(CsvReader, "read", counted)
    assert losscli.evaluate("rmse", pred="p.csv", target="t.csv", id="id", grad=True).results[0].gradient.shape == (3,)
    assert sorted(held) == ["p.csv", "p.csv", "t.csv"]


# Rows without a partner


def test_rows_without_a_partner_are_refused(run_here: Run, here: Path) -> None:
    said = refused(run_here, here, "id,y_pred\n9,1\n1,1\n8,1\n7,1\n6,1\n", TARGETS)
    assert said == (
        "4 keys of p.csv are not in t.csv: 9 (p.csv:2), 8 (p.csv:4), 7 (p.csv:5), …; 2 keys of t.csv are not in p.csv: "
        "2 (t.csv:3), 3 (t.csv:4); --ids intersect keeps the rows that all files have"
    )
    parquet = refused(run_here, here, {"id": [1], "pred": [1.0]}, {"id": [1, 5], "y": [1.0, 2.0]}, suffix="parquet")
    assert parquet.startswith("1 key of t.parquet is not in p.parquet: 5 (t.parquet: row 1); ")


@pytest.mark.parametrize("block", [1, 2, 100])
def test_the_common_rows_keep_their_places(block: int, here: Path) -> None:
    put(here, {"p.csv": "id,y_pred\n9,1\n3,0.5\n8,1\n1,1.5\n7,1\n", "t.csv": TARGETS})
    options: dict[str, Any] = {"id": "id", "ids": "intersect", "block": block}
    outputs: dict[str, Any] = {"grad_out": "g.npy", "per_sample_out": "s.npy"}
    report = losscli.evaluate("mse", pred="p.csv", target="t.csv", grad=True, worst=5, **options, **outputs)
    result = report.results[0]
    assert report.value == (2.5**2 + 0.5**2) / 2
    assert result.gradient.tolist() == np.load("g.npy").tolist() == [0, -2.5, 0, 0.5, 0]
    np.testing.assert_array_equal(np.load("s.npy"), [np.nan, 6.25, np.nan, 0.25, np.nan])
    assert result.samples is not None
    assert result.samples["row"].tolist() == [1, 3]
    assert report.to_dict()["rows"]["unmatched"] == {"p.csv": 3, "t.csv": 1}
    assert report.account.read == {"p.csv": 5, "t.csv": 3}
    assert [i.rows for i in report.inputs] == [5, 3]
    assert "|id:id|ids:intersect|" in result.signature
    assert report.notes == ("left out for want of a partner: 3 of 5 rows of p.csv, 1 of 3 rows of t.csv",)


def test_no_common_key(run_here: Run, here: Path) -> None:
    said = refused(run_here, here, PREDS, "id,y\n4,1\n", "--id", "id", "--ids", "intersect")
    assert said == "no key stands in all files: p.csv has 3 in p.csv:2:id, t.csv 4 in t.csv:2:id"


def test_nothing_is_left_out_where_all_have_partners(here: Path) -> None:
    put(here, {"p.csv": PREDS, "t.csv": TARGETS})
    assert not losscli.evaluate("mse", pred="p.csv", target="t.csv", id="id", ids="intersect").notes


# Keys that are refused


@pytest.mark.parametrize("extra", [(), ("--ids", "intersect")])
@pytest.mark.parametrize("key", ["2", "'b'"])
def test_repeated_keys(key: str, extra: tuple[str, ...], run_here: Run, here: Path) -> None:
    cell = key.strip("'")
    twice, once = f"id,y\n{cell},1\n1,1\n{cell},2\n{cell},3\n", f"id,y_pred\n1,1\n{cell},2\n"
    assert refused(run_here, here, once, twice, "--id", "id", *extra) == (
        f"2 rows of t.csv repeat a key: {key} (t.csv:4), {key} (t.csv:5); a key stands for one row"
    )
    for other in (cell, "1" if key == "2" else "a"):  # of a key that has a partner, and of one that has none
        said = refused(
            run_here, here, f"id,y_pred\n{cell},1\n{cell},2\n1,3\n", f"id,y\n{other},1\n", "--id", "id", *extra
        )
        assert said.startswith(f"1 row of p.csv repeats a key: {key} (p.csv:3); a key stands for one row") or not extra


@pytest.mark.parametrize("block", [1, 2, 100])
def test_repeated_keys_in_other_blocks(block: int, here: Path) -> None:
    put(here, {"p.csv": "id,y_pred\n1,1\n5,1\n2,2\n1,3\n5,1\n", "t.csv": "id,y\n1,1\n2,1\n"})
    with pytest.raises(losscli.InputError, match=r"2 rows of p.csv repeat a key: 1 \(p.csv:5\), 5 \(p.csv:6\)"):
        losscli.evaluate("mse", pred="p.csv", target="t.csv", id="id", ids="intersect", block=block)


@pytest.mark.parametrize("cell", ["", "NaN", " ", "<NA>", "null"])
def test_missing_keys(cell: str, run_here: Run, here: Path) -> None:
    hint = "missing key; take out the row, or give it a key"
    assert refused(run_here, here, f"id,y_pred\n1,1\n{cell},2\n", TARGETS) == f"p.csv:3:id: {hint}"
    assert refused(run_here, here, PREDS, f"id,y\n1,1\n{cell},2\n") == f"t.csv:3:id: {hint}"


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([1, None], "missing key"),
        ([1.0, None], "missing key"),
        (["a", None], "missing key"),
        ([1.0, 2.5], "key 2.5 is no integer"),
        ([1.0, 2.0**60], "key 1.152921504606847e+18 may have been rounded"),
    ],
)
def test_keys_of_parquet_that_are_refused(ids: list[Any], said: str, run_here: Run, here: Path) -> None:
    files = {"id": ids, "y_pred": [1.0, 2.0]}, {"id": [1, 2], "y": [1.0, 2.0]}
    assert refused(run_here, here, *files, suffix="parquet").startswith(f"p.parquet: row 1, column 'id': {said}")


def test_whole_floats_are_integers(here: Path) -> None:
    put(here, {"p.parquet": {"id": [2.0, 1.0], "y_pred": [2.0, 1.0]}, "t.csv": "id,y\n1,1\n2,2\n"})
    assert value(pred="p.parquet", target="t.csv", id="id") == 0


def test_a_list_is_no_key(run_here: Run, here: Path) -> None:
    files = {"id": [[1, 2]], "y_pred": [1.0]}, {"id": [[1, 2]], "y": [1.0]}
    assert "a list is no key" in refused(run_here, here, *files, suffix="parquet")


# Integers and text


@pytest.mark.parametrize("block", [1, 2, 100])
@pytest.mark.parametrize("late", ["007", "+7", "x", "7.0"])
def test_integers_and_text_are_never_compared(late: str, block: int, here: Path) -> None:
    whole = "id,{}\n1,1\n2,2\n3,3\n"
    cells = whole + f"{late},4\n"
    for first, second in (cells, whole + "7,4\n"), (whole + "7,4\n", cells):
        put(here, {"p.csv": first.format("y_pred"), "t.csv": second.format("y")})
        text, number = ("p", "t") if first is cells else ("t", "p")
        kinds = {text: f"text ('{late}' in {text}.csv:5:id)", number: f"integers (1 in {number}.csv:2:id)"}
        with pytest.raises(losscli.InputError) as caught:
            losscli.evaluate("mse", pred="p.csv", target="t.csv", id="id", block=block)
        hint = ": 7.0 as 7 (in pandas, .astype('Int64') before it is saved)" if late == "7.0" else ""
        said = f"the keys of p.csv are {kinds['p']}, those of t.csv {kinds['t']}; write them alike{hint}"
        assert str(caught.value) == said


@pytest.mark.parametrize("block", [1, 2, 100])
def test_a_late_text_makes_all_keys_text(block: int, here: Path) -> None:
    put(here, {"p.csv": "id,y_pred\n1,1\n2,2\n007,3\n", "t.csv": "id,y\nx,0\n".replace("x,0", "007,3") + "2,2\n1,1\n"})
    assert value(pred="p.csv", target="t.csv", id="id", block=block) == 0


def test_text_of_integers_counts_as_integers(here: Path) -> None:
    put(here, {"p.parquet": {"id": ["2", "1"], "y_pred": [2.0, 1.0]}, "t.csv": "id,y\n1,1\n2,2\n"})
    assert value(pred="p.parquet", target="t.csv", id="id") == 0


@pytest.mark.parametrize("base", [2**53, 2**62, 2**63 - 2, 2**63, 2**64 - 3, 10**30, -(2**63), -(10**20)])
def test_large_integers_are_exact(base: int, here: Path) -> None:
    ids = [base, base + 1, base + 2]
    put(
        here,
        {
            "p.csv": "id,y_pred\n" + "".join(f"{i},{k}\n" for k, i in enumerate(ids)),
            "t.csv": "id,y\n" + "".join(f"{i},{k}\n" for k, i in reversed(list(enumerate(ids)))),
        },
    )
    assert value(pred="p.csv", target="t.csv", id="id") == 0
    if 0 <= base < 2**64 - 2:
        put(here, {"p.parquet": {"id": pa.array(ids, pa.uint64()), "y_pred": pa.array([0.0, 1.0, 2.0])}})
        assert value(pred="p.parquet", target="t.csv", id="id") == 0


def test_one_side_has_integers_beyond_64_bits(here: Path) -> None:
    put(here, {"p.csv": f"id,y_pred\n{2**64},1\n1,1\n", "t.csv": "id,y\n1,1\n"})
    for one, other in ("p.csv", "t.csv"), ("t.csv", "p.csv"):
        report = losscli.evaluate(
            "mse", pred=one, target=other, id="id", ids="intersect", columns={"pred": 1, "target": 1}
        )
        assert report.matched == 1


# Files that are long enough for the decoder, quotes, and places


@pytest.mark.parametrize("text", [False, True])
def test_long_files(text: bool, here: Path) -> None:
    draw = np.random.default_rng(0)
    ids: Any = draw.permutation(20_000)
    if text:
        ids = np.array([f"k{i:05}" for i in ids])
    order, y = draw.permutation(20_000), draw.normal(size=20_000)
    pd.DataFrame({"id": ids, "pred": y}).to_csv("p.csv", index=False)
    pd.DataFrame({"id": ids[order], "y": y[order]}).to_csv("t.csv", index=False)
    assert value(pred="p.csv", target="t.csv", id="id", block=1000) == 0
    with pytest.raises(losscli.InputError, match=r"column 'id' differs: .* in p.csv:2, .* in t.csv:2"):
        value(pred="p.csv", target="t.csv")


@pytest.mark.parametrize("quote", ['"a"', '"a\nb"'])
@pytest.mark.parametrize("count", [4, 10_000])
def test_places_in_a_file_that_is_held(quote: str, count: int, here: Path) -> None:
    rows = "".join(f"{quote},{k},1\n" for k in range(count))
    put(here, {"p.csv": "id,y_pred\n" + "".join(f"{k},1\n" for k in reversed(range(count)))})
    put(here, {"t.csv": "name,id,y\n" + rows.replace(f"{count - 2},1\n", f"{count - 2},oops\n", 1)})
    with pytest.raises(losscli.InputError, match=r"^t.csv:\d+:y: 'oops' is not a number"):
        value(pred="p.csv", target="t.csv", id="id")
    put(here, {"t.csv": "name,id,y\n" + rows.replace(f"{count - 2},1\n", f"{count - 2},NaN\n", 1)})
    lines = (here / "t.csv").read_text().splitlines()
    line = next(k for k, text in enumerate(lines, 1) if text.endswith("NaN")) - quote.count("\n")
    with pytest.raises(losscli.InputError, match=rf"^t.csv:{line}:y: missing value"):
        value(pred="p.csv", target="t.csv", id="id", block=100)


def test_columns_of_a_held_file_stay_exact() -> None:
    wide = _joined([np.array([2**53 + 1]), np.array([np.nan, 1.0])])
    assert wide[0] == 2**53 + 1
    assert _joined([np.array([1]), np.array([1.5])]).dtype == np.float64
    joined = _joined([Labels(np.array([0, -1]), ("b",)), Labels(np.array([1, 0]), ("a", "b"))])
    assert [joined.names[c] if c >= 0 else None for c in joined.codes] == ["b", None, "b", "a"]


# What is asked for


def test_a_file_without_the_key(run_here: Run, here: Path) -> None:
    put(here, {"p.csv": PREDS, "t.csv": TARGETS.replace("id", "ids"), "n.npy": [1.0, 2.0]})
    ran = run_here("eval", "-l", "mse", "p.csv", "t.csv", "--id", "id")
    said = "t.csv: has no column 'id' for --id; did you mean 'ids'?; its columns: ids, y"
    assert ran == Ran("", f"losscli: error: {said}\n", 2)
    ran = run_here("eval", "-l", "mse", "p.csv", "n.npy", "--id", "id")
    assert ran == Ran("", "losscli: error: n.npy: has no column 'id' for --id; its only one has no name: say 0\n", 2)


def test_the_key_plays_no_other_part(run_here: Run, here: Path) -> None:
    put(here, {"p.csv": "id\n1\n", "t.csv": TARGETS})
    ran = run_here("eval", "-l", "mse", "p.csv", "t.csv", "--id", "id")
    assert ran == Ran("", "losscli: error: p.csv: column 'id' is the key and pred too; say which is\n", 2)


def test_intersect_needs_a_key(run_here: Run, here: Path) -> None:
    put(here, {"p.csv": PREDS, "t.csv": TARGETS})
    ran = run_here("eval", "-l", "mse", "p.csv", "t.csv", "--ids", "intersect")
    assert ran.code == 2
    assert "--ids intersect needs --id" in ran.stderr
    with pytest.raises(losscli.UsageError, match="ids 'all': it is one of error, intersect"):
        losscli.evaluate("mse", pred="p.csv", target="t.csv", id="id", ids="all")


def test_one_file_has_unique_keys(run_here: Run, here: Path) -> None:
    put(here, {"one.csv": "id,y_pred,y\n2,1,1\n1,1,1\n", "two.csv": "id,y_pred,y\n2,1,1\n1,1,1\n2,1,1\n"})
    assert run_here("eval", "-l", "mse", "one.csv", "--id", "id").code == 0
    ran = run_here("eval", "-l", "mse", "two.csv", "--id", "id")
    said = "1 row of two.csv repeats a key: 2 (two.csv:4); a key stands for one row"
    assert ran == Ran("", f"losscli: error: {said}\n", 3)


# Without --id: columns that look like keys


@pytest.mark.parametrize("name", ["id", "ID", "ids", "index", "idx", "key", "row_id", "sample_id", "User_ID", ""])
def test_keys_that_differ_are_refused(name: str, run_here: Run, here: Path) -> None:
    files = f"{name},y_pred\n1,1\n2,1\n3,1\n", f"y,{name}\n1,1\n1,3\n1,2\n"
    key, called = (name, f"column '{name}'") if name else ("0", "the column without a name")
    assert refused(run_here, here, *files, "--format", "value") == (
        f"{called} differs: 2 in p.csv:3, 3 in t.csv:3; rows are paired by position: put them in one order, "
        f"or say --id {key} to pair them by it"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("id,y_pred\n7,1\n", "id,y\n007,1\n"),
        ("id,y_pred\na,1\n,2\n", "id,y\n a,1\n,2\n"),
        ("id,y_pred\n1,1\n", "Id,y\n2,1\n"),
        ("id,y_pred\n1,1\n", "id2,y\n2,1\n"),
        ("name,y_pred\n1,1\n", "name,y\n2,1\n"),
        ("id,y_pred\n1.0,1\n", {"id": [1], "y": [1.0]}),
        ({"id": ["a"], "y_pred": [1.0]}, "id,y\na,1\n"),
        ({"id": [b"a"], "y_pred": [1.0]}, {"id": [b"b"], "y": [1.0]}),
        ({"id": [[1]], "y_pred": [1.0]}, {"id": [[2]], "y": [1.0]}),
        ({"id": [None, 2], "y_pred": [1.0, 2.0]}, {"id": [None, 2], "y": [1.0, 2.0]}),
    ],
)
def test_what_is_no_difference(first: Any, second: Any, here: Path) -> None:
    put(here, {"p": _as(first), "t": _as(second)})
    report = losscli.evaluate("mse", pred="p", target="t")
    assert not [note for note in report.notes if "id" in note]


def _as(content: Any) -> Any:
    return pa.table(dict(content)) if isinstance(content, Mapping) else content


def test_a_column_that_plays_a_part_may_differ(here: Path) -> None:
    put(here, {"p.csv": "class_id\n1\n2\n", "t.csv": "class_id\n2\n2\n"})
    assert value(pred="p.csv", target="t.csv") == 0.5


@pytest.mark.parametrize("block", [1, 2, 100])
def test_keys_that_differ_late(block: int, here: Path) -> None:
    put(here, {"p.csv": "id,y_pred\na,1\nb,1\nc,1\n", "t.parquet": {"id": ["a", "b", "d"], "y": [1.0, 1.0, 1.0]}})
    with pytest.raises(losscli.InputError, match=r"'c' in p.csv:4, 'd' in t.parquet: row 2"):
        value(pred="p.csv", target="t.parquet", block=block)


def test_frames_have_keys_too() -> None:
    frames = pd.DataFrame({"id": [1, 2], "pred": [1.0, 2.0]}), pd.DataFrame({"id": [2, 1], "y": [1.0, 2.0]})
    with pytest.raises(losscli.InputError, match="1 in pred: row 0, 2 in target: row 0"):
        value(pred=frames[0], target=frames[1])


# Where keys stand


@pytest.mark.parametrize("kind", [Dense, Hashed])
def test_where_integers_stand(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("losscli.keys._CHUNK", 64)
    draw = np.random.default_rng(0)
    values = draw.permutation(1000) * (1 if kind is Dense else 2**40) - 300
    index = index_of(values)
    assert isinstance(index, kind)
    assert index.is_unique
    order = draw.permutation(1000)
    assert index.find(values[order]).tolist() == order.tolist()
    others = np.array([2**63 - 1, -(2**63), 10**6 + 1])
    assert index.find(others).tolist() == [-1, -1, -1]
    for again in (values[:1], values[-1:]):
        assert not index_of(np.append(values, again)).is_unique


def test_pairs_of_large_integers_are_told_apart() -> None:
    draw = np.random.default_rng(0)
    columns = [draw.integers(-(2**63), 2**63 - 1, 300) for _ in range(3)]
    held = [Column(parts=[values]) for values in columns]
    keys = Keys(held)
    order = draw.permutation(300)
    assert keys.find([Part(values[order]) for values in columns]).tolist() == order.tolist()
    assert keys.find([Part(np.roll(columns[0], 1)), *map(Part, columns[1:])]).tolist() == [-1] * 300
    assert not len(keys.repeated())


@pytest.mark.parametrize("ids", ["error", "intersect"])
def test_the_account_names_rows_without_a_partner_where_they_may_be(ids: str, here: Path) -> None:
    put(here, {"p.csv": PREDS, "t.csv": TARGETS})
    found = losscli.evaluate("mse", pred="p.csv", target="t.csv", id="id", ids=ids).to_dict()["rows"]
    extra = {"unmatched": {"p.csv": 0, "t.csv": 0}} if ids == "intersect" else {}
    assert found == {"matched": 3, "dropped": 0, **extra}
