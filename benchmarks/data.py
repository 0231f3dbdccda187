"""Make one data set, the same each time: python benchmarks/data.py SET ROWS FOLDER.

A program of its own, and in chunks, so that neither it nor the runner needs much memory.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

SEED = 0
CHUNK = 1 << 20  # values
CLASSES = 200
GROUPS = 20

Floats = npt.NDArray[np.float64]


def chunks(rows: int, count: int) -> Iterator[list[Floats]]:
    """A target and `count - 1` noisy copies of it, some rows at a time."""
    rng = np.random.default_rng(SEED)
    for start in range(0, rows, CHUNK):
        target = rng.standard_normal(min(CHUNK, rows - start))
        yield [target, *(target + rng.standard_normal(len(target)) for _ in range(count - 1))]


def make_csv(folder: Path, rows: int) -> None:
    """Two files of one column, in all the digits that a float64 needs."""
    schemas = {"target.csv": pa.schema({"y": pa.float64()}), "pred.csv": pa.schema({"y_pred": pa.float64()})}
    options = pacsv.WriteOptions(quoting_style="none")
    writers = [pacsv.CSVWriter(folder / name, schema, write_options=options) for name, schema in schemas.items()]
    for columns in chunks(rows, 2):
        for writer, schema, column in zip(writers, schemas.values(), columns, strict=True):
            writer.write_table(pa.table([column], schema=schema))
    for writer in writers:
        writer.close()


def make_parquet(folder: Path, rows: int) -> None:
    """One file of four columns, a row group a chunk."""
    schema = pa.schema({name: pa.float64() for name in ("y", "y_pred", "feature_1", "feature_2")})
    with pq.ParquetWriter(folder / "all.parquet", schema) as writer:
        for columns in chunks(rows, 4):
            writer.write_table(pa.table(columns, schema=schema))


def make_groups(folder: Path, rows: int) -> None:
    """The same with a column of text instead of features: twenty values, in no order."""
    schema = pa.schema({"y": pa.float64(), "y_pred": pa.float64(), "country": pa.string()})
    rng = np.random.default_rng(SEED + 1)
    names = pa.array([f"country {k}" for k in range(GROUPS)])
    with pq.ParquetWriter(folder / "all.parquet", schema) as writer:
        for columns in chunks(rows, 2):
            countries = names.take(pa.array(rng.integers(0, GROUPS, len(columns[0]))))
            writer.write_table(pa.table([*columns, countries], schema=schema))


def make_npy(folder: Path, rows: int) -> None:
    """Two files of float64."""
    files = [np.lib.format.open_memmap(folder / name, "w+", "<f8", (rows,)) for name in ("target.npy", "pred.npy")]
    for number, columns in enumerate(chunks(rows, 2)):
        for file, column in zip(files, columns, strict=True):
            file[number * CHUNK :][: len(column)] = column


def make_logits(folder: Path, rows: int) -> None:
    """A file of float32 logits, and one of class numbers."""
    rng = np.random.default_rng(SEED)
    pred = np.lib.format.open_memmap(folder / "pred.npy", "w+", "<f4", (rows, CLASSES))
    for start in range(0, rows, CHUNK // CLASSES):
        part = pred[start : start + CHUNK // CLASSES]
        part[:] = rng.standard_normal(part.shape, np.float32) * 3
    np.save(folder / "target.npy", rng.integers(0, CLASSES, rows))


MAKERS: dict[str, Callable[[Path, int], None]] = {
    "small": make_csv,
    "csv": make_csv,
    "parquet": make_parquet,
    "groups": make_groups,
    "npy": make_npy,
    "tenth": make_npy,
    "logits": make_logits,
}

if __name__ == "__main__":
    name, rows, folder = sys.argv[1:]
    made = Path(f"{folder}.part")  # takes its name once complete, so that a broken run leaves no half of a data set
    made.mkdir(parents=True, exist_ok=True)
    MAKERS[name](made, int(rows))
    made.rename(folder)
