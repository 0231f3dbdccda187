"""Which rows count: conditions, masks, missing values; the account of the others, and what is said of faults."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import UsageError
from losscli.selection import Condition
from tests.support import Ran, put

Run = Callable[..., Ran]
ROWS = {
    "id": [1, 2, 3, 4, 5, 6, 7],
    "y_pred": [1.0, 2.0, None, 4.0, 5.0, 1.0, 9.0],
    "y": [2.0, 4.0, 5.0, 4.0, 4.0, 4.0, None],
    "split": ["test", "train", "test", "test", "test", None, "test"],
    "age": [10.0, 20.5, 30.0, None, 50.0, 60.0, 70.0],
    "m": [True, True, True, False, True, True, True],
    "w": [1.0, 1.0, 1.0, 1.0, 0.0, 2.0, 1.0],
}
MSE = ("eval", "-l", "mse")


def as_csv(columns: dict[str, list[Any]]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join("" if c is None else str(c) for c in row) for row in rows), ""])


@pytest.fixture(params=["csv", "parquet"])
def table(request: pytest.FixtureRequest, here: Path) -> str:
    put(here, {f"t.{request.param}": as_csv(ROWS) if request.param == "csv" else ROWS})
    return f"t.{request.param}"


def rows_of(where: list[str], table: str, **more: Any) -> list[int]:
    """The rows that are left."""
    report = losscli.evaluate("mse", pred=table, where=where, missing="drop", per_sample=True, **more)
    return list(report.results[0].samples["row"])


KEPT = {  # rows 2 and 6 have a missing value
    "split=test": [0, 3, 4],
    "split==test": [0, 3, 4],
    "split != test": [1],
    "split=": [],
    "age<30": [0, 1],
    "age <= 20.5": [0, 1],
    "age>=50": [4, 5],
    "age > 5e1": [5],
    "age=10.0": [0],
    "age=1e1": [0],
    "age!=10": [1, 4, 5],
    "m=true": [0, 1, 4, 5],
    "m=1": [0, 1, 4, 5],
    "m!=True": [3],
    "id=4": [3],
}


@pytest.mark.parametrize("condition", KEPT)
@pytest.mark.parametrize("block", [1, 2, 100])
def test_rows_that_meet_a_condition(condition: str, block: int, table: str) -> None:
    if KEPT[condition]:
        assert rows_of([condition], table, block=block) == KEPT[condition]
    else:
        with pytest.raises(losscli.LossError, match="no row is left of 7: 7 filtered"):
            rows_of([condition], table, block=block)


def test_all_conditions_have_to_be_met(table: str) -> None:
    assert rows_of(["split=test", "age<40", "id>=1"], table) == [0]


def test_text_is_compared_as_text(here: Path) -> None:
    put(here, {"t.csv": "y_pred,y,code\n1,1,007\n2,3,7\n3,3,x\n"})
    for block in (1, 2, 3):
        assert rows_of(["code=7"], "t.csv", block=block) == [1]
        assert rows_of(["code=007"], "t.csv", block=block) == [0]
        assert rows_of(["code!=007"], "t.csv", block=block) == [1, 2]


def test_dates_have_an_order(here: Path, run_here: Run) -> None:
    put(here, {"t.csv": "y_pred,y,date\n1,1,2024-01-31\n2,3,2024-02-01T10:00\n3,3,2024-11-01\n"})
    assert rows_of(["date>=2024-02-01"], "t.csv") == [1, 2]
    assert rows_of(["date<2024-02-01"], "t.csv") == [0]
    ran = run_here(*MSE, "t.csv", "--where", "date>yesterday")
    assert (ran.code, "compares numbers or dates" in ran.stderr) == (3, True)


def test_a_missing_mask_can_be_dropped(here: Path, run_here: Run) -> None:
    put(here, {"t.csv": "y_pred,y,m\n1,1,1\n2,3,\n3,4,1\n"})
    ran = run_here(*MSE, "t.csv", "--mask-col", "m")
    assert (ran.code, "t.csv:3:m: missing mask; " in ran.stderr, "--missing drop" in ran.stderr) == (3, True, True)
    assert rows_of([], "t.csv", columns={"mask": "m"}) == [0, 2]


ACCOUNTS = {
    "nothing": ((), {}, None),
    "missing": (("--missing", "drop"), {"dropped_by": {"missing pred": 1, "missing target": 1}}, "2 of 7"),
    "all": (
        ("--missing", "drop", "--where", "split=test", "--mask-col", "m", "--weight-col", "w"),
        {"filtered": 2, "masked": 1, "zero_weight": 1, "dropped_by": {"missing pred": 1, "missing target": 1}},
        "5 of 7",
    ),
}


@pytest.mark.parametrize("name", ["missing", "all"])
def test_an_account_is_kept_of_the_rows(name: str, table: str, run_here: Run) -> None:
    options, absent, said = ACCOUNTS[name]
    ran = run_here(*MSE, table, *options, "--json")
    dropped = sum(absent.get("dropped_by", {}).values())
    assert json.loads(ran.stdout)["rows"] == {"matched": 7, "dropped": dropped, **absent}
    assert ran.stderr.startswith(f"losscli: note: {said} rows are left out: ")
    shown = run_here(*MSE, table, *options, "--format", "table", "-q")
    assert shown.stderr == ""
    assert shown.stdout.startswith("7 rows matched (")


def test_what_is_left_is_what_a_file_of_those_rows_gives(table: str, here: Path, run_here: Run) -> None:
    kept = [0, 1, 5]
    put(here, {"left.csv": as_csv({name: [values[k] for k in kept] for name, values in ROWS.items()})})
    options = ("--weight-col", "w", "--format", "value")
    alone = run_here(*MSE, "left.csv", *options, "--where", "id<7")
    ran = run_here(*MSE, table, *options, "--missing", "drop", "--mask-col", "m", "-q")
    assert (ran.stdout, ran.code) == (alone.stdout, 0)


def test_a_row_left_out_has_derivative_0(table: str) -> None:
    report = losscli.evaluate("mse", pred=table, where=["split=test"], missing="drop", grad=True)
    assert report.results[0].gradient.tolist() == [-2 / 3, 0, 0, 0, 2 / 3, 0, 0]
    assert report.value == 2 / 3


def test_the_domain_is_that_of_the_rows_that_count(here: Path, run_here: Run) -> None:
    put(here, {"b.csv": "prob,y,m,s\n0.5,1,1,a\n7,1,0,a\n8,1,1,b\n"})
    ran = run_here("eval", "-l", "bce", "b.csv", "--mask-col", "m", "--where", "s=a", "--format", "value", "-q")
    assert ran == Ran("0.6931471805599453\n", "", 0)


def test_a_mask_may_be_a_file_or_an_array(here: Path, run_here: Run) -> None:
    put(here, {"p.npy": [1.0, 2.0], "t.npy": [3.0, 3.0], "m.npy": np.array([True, False])})
    assert run_here(*MSE, "p.npy", "t.npy", "--input", "mask=m.npy", "--format", "value", "-q").stdout == "4.0\n"
    assert losscli.evaluate("mse", pred=[1, 2], target=[3, 3], mask=[0, 1]).value == 1


REFUSED = {
    "a mask that is no mask": (("--mask-col", "id"), 3, ["t.csv:3:id", "1 or true"]),
    "a missing mask": (("--mask-col", "age", "--where", "id>3"), 3, ["t.csv:5:age"]),
    "text against a number": (("--where", "split>3"), 3, ["t.csv", "split", "there is text"]),
    "no condition": (("--where", "split"), 2, ["--where 'split'", "COL=VALUE"]),
    "no column": (("--where", "=3"), 2, ["--where '=3'"]),
    "an unknown column": (("--where", "splt=test"), 2, ["no column 'splt'", "--where", "did you mean 'split'"]),
    "nothing left": (("--where", "id>99"), 3, ["no row is left of 7: 7 filtered"]),
    "missing values": ((), 3, ["t.csv:4:y_pred", "2 missing values"]),
    "an unknown rule": (("--missing", "fill"), 2, ["fill"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, here: Path, run_here: Run) -> None:
    put(here, {"t.csv": as_csv(ROWS)})
    options, code, words = REFUSED[name]
    ran = run_here(*MSE, "t.csv", *options)
    assert (ran.stdout, ran.code, len(ran.stderr.splitlines())) == ("", code, 1)
    assert [word for word in words if word not in ran.stderr] == []


@pytest.mark.parametrize("text", ["a=b", "a!=b", "a<1", "a<=1", "a>1", "a>=1", "a=b=c", "a b=c d", "a="])
def test_text_brings_a_condition_back(text: str) -> None:
    assert str(Condition.parse(text)) == text
    with pytest.raises(UsageError):
        Condition.parse(text.replace("=", "").replace("<", "").replace(">", "").replace("!", ""))


def test_a_signature_tells_which_rows(table: str) -> None:
    def signature(**options: Any) -> str:
        return losscli.evaluate("mse", pred=table, missing="drop", **options).results[0].signature

    plain = signature()
    assert "|missing:drop|" in plain
    assert signature(where=["split=test"]) == plain.replace("|missing", "|where:split=test|missing").replace(
        "n:5", "n:3"
    )
    assert signature(columns={"mask": "m"}) == plain.replace("|missing", "|mask:m|missing").replace("n:5", "n:4")


def test_conditions_after_one_that_no_row_meets(here: Path) -> None:
    put(here, {"one.csv": "y_pred,y,a,b\n1,1,x,u\n2,1,y,v\n"})
    with pytest.raises(losscli.InputError, match="no row is left of 2: 2 filtered"):
        losscli.evaluate("mse", pred="one.csv", where=["a=q", "b=u"])
