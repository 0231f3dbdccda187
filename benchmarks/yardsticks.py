"""What is measured against what, as data: our command, the peers' commands, and the figures to reach."""

import shlex
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OPTIONAL = ("duckdb", "polars", "torch")  # peers that may be absent; a peer's label starts with its module


def losscli(arguments: str) -> list[str]:
    """The installed command, because it is what users start."""
    return [str(Path(sysconfig.get_path("scripts")) / "losscli"), *shlex.split(arguments)]


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@dataclass(frozen=True)
class Yardstick:
    """One row of the table. The goals: at most `ratio` times the fastest peer, at most `mib` of memory."""

    name: str
    work: str
    ours: list[str]
    peers: Mapping[str, list[str]]
    ratio: float | None = None
    mib: int | None = None
    data: tuple[str, ...] = ()  # data sets of data.py, the one whose rows are shown first
    of_memory: bool = False  # the ratio is one of peak memory, not of time


# The peers' programs; the tables' columns are y_pred and y.
POLARS = """import polars as pl
loss = (pl.col("y_pred") - pl.col("y")).pow(2).mean()
print({}.select(loss).collect(engine="streaming").item())"""
POLARS_CSV = 'pl.concat([pl.scan_csv("csv/pred.csv"), pl.scan_csv("csv/target.csv")], how="horizontal")'
DUCKDB = """import duckdb
print(duckdb.sql("select avg((y_pred - y) ** 2) from {}").fetchall()[0][0])"""
DUCKDB_GROUPS = """import duckdb
loss = "avg((y_pred - y) ** 2)"
print(duckdb.sql(f"select country, {loss}, count(*) from 'groups/all.parquet' group by 1 order by 2").fetchall())"""
DUCKDB_CSV = "'csv/pred.csv' positional join 'csv/target.csv'"
PANDAS = """import pandas as pd
print(((pd.read_csv("csv/pred.csv")["y_pred"] - pd.read_csv("csv/target.csv")["y"]) ** 2).mean())"""
NUMPY = """import numpy as np
pred, target = np.load("npy/pred.npy"), np.load("npy/target.npy")
d = pred - target
"""
TORCH = """import numpy as np, torch
torch.set_num_threads(2)
logits, target = (torch.from_numpy(np.load(f"logits/{name}.npy")) for name in ("pred", "target"))
print(torch.nn.functional.cross_entropy(logits.double(), target).item())"""

IN_CSV = {
    "polars": python(POLARS.format(POLARS_CSV)),
    "duckdb": python(DUCKDB.format(DUCKDB_CSV)),
    "pandas": python(PANDAS),
}
IN_PARQUET = {
    "polars": python(POLARS.format('pl.scan_parquet("parquet/all.parquet")')),
    "duckdb": python(DUCKDB.format("'parquet/all.parquet'")),
}
TEXTBOOK = {"numpy": python(f"{NUMPY}print(np.where(np.abs(d) <= 1, 0.5 * d * d, np.abs(d) - 0.5).mean())")}
GRADIENT = {  # two ways to write the same: the faster counts
    "numpy where": python(f"{NUMPY}np.save('out.npy', np.where(np.abs(d) <= 1, d, np.sign(d)) / d.size)"),
    "numpy clip": python(f"{NUMPY}np.save('out.npy', np.clip(d, -1, 1) / d.size)"),
}

# Our commands, where they are long or serve twice
EVAL = "eval --format value"
SMALL = losscli(f"{EVAL} -l mse small/pred.csv small/target.csv")
PARQUET = losscli(f"{EVAL} -l mse parquet/all.parquet")
FIVE = losscli(f"{EVAL} -l mse -l mae -l rmse -l bias -l huber parquet/all.parquet")
GROUPS = losscli("eval --format csv -l mse groups/all.parquet --by country")
NPY = losscli(f"{EVAL} -l huber npy/pred.npy npy/target.npy")
TENTH = losscli(f"{EVAL} -l huber tenth/pred.npy tenth/target.npy")
LOGITS = losscli(f"{EVAL} -l cross_entropy --form logits logits/pred.npy logits/target.npy")

YARDSTICKS = (
    Yardstick("version", "`--version`", losscli("--version"), {"python -c pass": python("pass")}, 2.5),
    Yardstick("help", "`--help`", losscli("--help"), {"import typer": python("import typer")}, 2.5),
    Yardstick("small-csv", "mse of two CSVs", SMALL, {"import numpy": python("import numpy")}, 2.0, data=("small",)),
    Yardstick(
        "csv", "mse of two CSVs", losscli(f"{EVAL} -l mse csv/pred.csv csv/target.csv"), IN_CSV, 1.0, 250, ("csv",)
    ),
    Yardstick("parquet", "mse of one Parquet, 2 of 4 columns", PARQUET, IN_PARQUET, 1.2, 250, ("parquet",)),
    Yardstick("npy", "huber of two NPY", NPY, TEXTBOOK, 0.6, 150, ("npy",)),
    Yardstick("logits", "cross_entropy of NPY, 200 logits", LOGITS, {"torch": python(TORCH)}, 0.35, data=("logits",)),
    Yardstick(
        "grad-out", "that huber with `--grad-out`", [*NPY, "--grad-out", "out.npy"], GRADIENT, 1.0, 200, ("npy",)
    ),
    Yardstick("five-losses", "five losses of one Parquet", FIVE, {"mse alone": PARQUET}, 2.0, data=("parquet",)),
    Yardstick("worst", "mse with `--worst 20`", [*PARQUET, "--worst", "20"], {"without": PARQUET}, data=("parquet",)),
    Yardstick("by", "mse with `--by`, 20 groups", GROUPS, {"duckdb": python(DUCKDB_GROUPS)}, 1.5, 250, ("groups",)),
    Yardstick(
        "flat-memory", "peak memory", NPY, {"tenth of the rows": TENTH}, 1.1, None, ("npy", "tenth"), of_memory=True
    ),
)
