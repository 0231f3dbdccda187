"""`--find-slices` at the command line and in Python: what is looked through, what is listed, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import losscli
from tests.support import Ran, put

Run = Callable[..., Ran]
N = 600
MSE = ("eval", "-l", "mse", "--find-slices")


def table(seed: int, planted: bool) -> dict[str, Any]:
    """Rows whose errors are three times as large in Italy beyond the age of 50, where that is planted."""
    rng = np.random.default_rng(seed)
    country, age = rng.choice(["DE", "FR", "IT"], N), rng.integers(18, 80, N)
    size = np.where((country == "IT") & (age > 50) & planted, 3.0, 1.0)
    target = rng.normal(size=N)
    return {
        "id": [f"r{k}" for k in range(N)],
        "y_pred": (target + rng.normal(size=N) * size).tolist(),
        "y": target.tolist(),
        "country": country.tolist(),
        "age": age.tolist(),
    }


def as_csv(columns: dict[str, Any]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows), ""])


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_planted_slice_is_found(form: str, here: Path, run_here: Run) -> None:
    columns = table(0, planted=True)
    put(here, {f"t.{form}": as_csv(columns) if form == "csv" else columns})
    ran = run_here(*MSE, f"t.{form}", "--json")
    found = json.loads(ran.stdout)["results"][0]["weak_slices"]
    assert ran.code == 0
    assert {"country": "IT"} in [one["where"] for one in found]
    assert found[0]["where"].keys() == {"country", "age"}
    assert "slices are not looked for in id (more than" in ran.stderr
    for one in found:
        rows = pd.DataFrame(columns)
        for column, cell in one["where"].items():
            low, high = (float(end) for end in cell[1:-1].split(",")) if cell.startswith("[") else (None, None)
            inside = rows[column] == cell if low is None else (rows[column] >= low) & (rows[column] < high)
            inside |= cell.endswith("]") & (rows[column] == high)
            rows = rows[inside]
        losses = (rows.y_pred - rows.y) ** 2
        assert one["n"] == one["weight"] == len(rows)
        assert one["mean"] == pytest.approx(losses.mean(), rel=1e-12)
        assert one["mean"] > one["rest_mean"]
        assert one["q"] <= 0.05


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_found_where_nothing_is(seed: int, here: Path, run_here: Run) -> None:
    put(here, {"t.csv": as_csv(table(seed, planted=False))})
    ran = run_here(*MSE, "t.csv", "-q")
    assert ran.stdout.endswith("\n\nslice\tn\tweight\tmean\trest_mean\tshare\tq\n")
    shown = run_here(*MSE, "t.csv", "-q", "--format", "table").stdout
    assert shown.endswith("no slice has losses that are higher than the rest's beyond chance\n")


@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_blocks_do_not_matter(block: int) -> None:
    frame = pd.DataFrame(table(1, planted=True))
    whole, cut = (losscli.evaluate("mse", pred=frame, find_slices=True, block=b).results[0] for b in (N, block))
    assert whole.weak_slices == cut.weak_slices
    assert whole.weak_slices


def test_columns_that_play_a_part_are_not_looked_through(here: Path, run_here: Run) -> None:
    columns = table(0, planted=True)
    two = {**{name: columns[name] for name in ("id", "y", "country")}, "w": [1 + k % 2 for k in range(N)]}
    put(here, {"p.csv": as_csv({k: columns[k] for k in ("id", "y_pred", "country", "age")}), "t.csv": as_csv(two)})
    ran = run_here(*MSE, "p.csv", "t.csv", "--weight-col", "w", "--json", "-q")
    named = {name for one in json.loads(ran.stdout)["results"][0]["weak_slices"] for name in one["where"]}
    assert named <= {"pred:country", "target:country", "age"}
    assert {"pred:country", "target:country"} <= named


def test_only_rows_that_count_are_looked_at(here: Path, run_here: Run) -> None:
    put(here, {"t.csv": as_csv(table(0, planted=True))})
    ran = run_here(*MSE, "t.csv", "-q", "--where", "country!=IT")
    assert ran.stdout.endswith("\n\nslice\tn\tweight\tmean\trest_mean\tshare\tq\n")


REFUSED = {
    "an aggregate": (("eval", "-l", "rmse", "t.csv", "--find-slices"), "aggregate"),
    "no value": ((*MSE, "t.csv", "--reduction", "none"), "--reduction none"),
    "no other column": ((*MSE, "p.csv", "t.csv", "--target-col", "y"), "there are none"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, here: Path, run_here: Run) -> None:
    put(here, {"p.csv": "y_pred\n1\n2\n", "t.csv": "y\n1\n2\n" if "other" in name else "y_pred,y,g\n1,2,a\n2,3,b\n"})
    arguments, word = REFUSED[name]
    ran = run_here(*arguments)
    assert (ran.stdout, ran.code, len(ran.stderr.splitlines())) == ("", 2, 1)
    assert word in ran.stderr
