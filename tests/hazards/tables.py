"""Parquet."""

import datetime
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.hazards.support import LINES_BEFORE, Hazard

MAE = ("eval", "-l", "mae", "--format", "value")
CE = ("eval", "-l", "cross_entropy", "--format", "value")
Y = [0.0, 0.0, 0.0]
NUMBERS = [1.0, 2.0, 6.0]
LISTS = {
    "list": pa.list_(pa.float64()),
    "large list": pa.large_list(pa.float64()),
    "fixed list": pa.list_(pa.float64(), 2),
}


def table(pred: Any, target: Any = None, kind: pa.DataType | None = None) -> pa.Table:
    pred = pa.array(pred, kind) if kind is not None or not isinstance(pred, (pa.Array, pa.ChunkedArray)) else pred
    return pa.table({"y_pred": pred, "y": pa.array([0.0] * len(pred)) if target is None else target})


def written(data: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(data, file, **options)
    return file.getvalue()


def refused(number: int, name: str, data: Any, *says: str, args: Any = (*MAE, "x.parquet")) -> Hazard:
    return Hazard(number, name, {"x.parquet": data}, args, 3, ("x.parquet: ", *says))


def read(number: int, name: str, data: Any, value: str = "3.0", args: Any = (*MAE, "x.parquet")) -> Hazard:
    return Hazard(number, name, {"x.parquet": data}, args, value=value)


def flipped() -> bytes:
    """2.5 turned to 5.0 by one bit, under a checksum."""
    data = written(table([2.5] * 3), write_page_checksum=True, compression="none", use_dictionary=False)
    return data.replace(np.array([2.5] * 3).tobytes(), np.array([2.5, 5.0, 2.5]).tobytes())


def bomb(path: Path) -> None:
    """1.6 GB of zeros."""
    zeros = pa.array(np.zeros(1 << 20))
    with pq.ParquetWriter(
        path, pa.schema({"y_pred": pa.float64(), "y": pa.float64()}), compression="zstd", use_dictionary=False
    ) as file:
        for _ in range(200 // 2):
            file.write_table(pa.table({"y_pred": zeros, "y": zeros}))


def int96(path: Path) -> None:
    times = pa.array([datetime.datetime(2024, 1, 2)] * 3)
    pq.write_table(pa.table({"y_pred": times, "y": Y}), path, use_deprecated_int96_timestamps=True)


def encrypted() -> bytes:
    return b"PARE" + bytes(40) + b"PARE"


def far_down(bad: Any, kind: pa.DataType | None = None) -> pa.Table:
    good = [[0.0, 0.0]] if isinstance(bad, list) or kind is not None else [0.0]
    column = pa.array(good * LINES_BEFORE + [bad] + good, kind)
    return pa.table({"y_pred": column, "y": column if kind is not None else pa.array(np.zeros(len(column)))})


PLAIN = written(table(NUMBERS))
TIMES = pa.array([datetime.datetime(2024, 1, 2, 3)] * 3)
NO_NUMBERS = "not numbers"
CUT = "not a Parquet file that can be read: "
HAZARDS: list[Hazard] = [
    *(
        read(74, name, table([[1.0, 3.0], [2.0, 0.0], [6.0, 6.0]], [[0.0, 0.0]] * 3, kind))
        for name, kind in LISTS.items()
    ),
    *(
        Hazard(
            *(74, f"logits as {name}", {"x.parquet": {"logit": pa.array([[0.0, 0.0]] * 3, kind), "label": [0, 1, 0]}}),
            (*CE, "x.parquet", "--form", "logits"),
            value="0.6931471805599453",
        )
        for name, kind in LISTS.items()
    ),
    refused(75, "ragged", table([[1.0], [2.0, 3.0], [4.0]]), "row 1: column 'y_pred': a list of 2 where", "have 1"),
    refused(75, "null row", table([[1.0], None, [4.0]]), "row 1: column 'y_pred': missing value where a list"),
    refused(75, "null element", table([[1.0], [None], [4.0]], [[0.0]] * 3), "row 1, column 'y_pred': missing value"),
    refused(75, "empty lists", table([[], [], []], kind=LISTS["list"]), "row 0: column 'y_pred': a list of 0"),
    refused(75, "ragged targets", table([[1.0]] * 3, [[1.0], [2.0], [3.0, 4.0]]), "row 2: column 'y': a list of 2"),
    refused(
        *(75, "ragged far down", far_down([1.0], LISTS["list"])),
        f"row {LINES_BEFORE}: column 'y_pred': a list of 1",
    ),
    refused(76, "struct", table([{"a": 1.0}] * 3), "column 'y_pred' is of type struct<a: double>", NO_NUMBERS),
    refused(
        76, "map", table([[("a", 1.0)]] * 3, kind=pa.map_(pa.string(), pa.float64())), "is of type map", NO_NUMBERS
    ),
    refused(76, "list of lists", table([[[1.0]]] * 3), "column 'y_pred' is of type", NO_NUMBERS),
    read(77, "decimals", table([Decimal("1.1"), Decimal("2.2"), Decimal("5.7")]), "3.0"),
    read(
        *(77, "wide decimals", table([Decimal(2**53 + 1)] * 3, [2**53] * 3)),
        value="1.0",
    ),
    *(
        read(
            *(78, f"dictionary of {kind}"),
            {
                "p_cat": [0.25, 0.25],
                "p_dog": [0.75, 0.75],
                "label": pa.DictionaryArray.from_arrays(pa.array([0, 0], index), pa.array(["dog", "cat"])),
            },
            "0.2876820724517809",
            (*CE, "x.parquet"),
        )
        for kind, index in {"int8": pa.int8(), "int32": pa.int32()}.items()
    ),
    refused(79, "nulls beside 2^53+1", table([2**53 + 1, None, 3]), "row 1, column 'y_pred': missing value"),
    Hazard(
        *(79, "no detour through floats", {"x.parquet": table([2**53 + 1, None, 3], [2**53, 0, 3])}),
        (*MAE, "x.parquet", "--missing", "drop"),
        notes=["1 of 3 rows are left out: 1 missing pred"],
        value="0.5",
    ),
    refused(80, "null and NaN", table([1.0, None, float("nan")]), "row 1, column 'y_pred': 2 missing values"),
    refused(80, "NaN far down", far_down(float("nan")), f"row {LINES_BEFORE}, column 'y_pred': missing value"),
    *(read(81, str(kind), table([1, 2, 6], kind=kind)) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())),
    read(81, "uint64 beyond int64", table([2**64 - 1] * 3, pa.array([2**64 - 3] * 3, pa.uint64()), pa.uint64()), "2.0"),
    read(81, "float16", table(pa.array(np.array(NUMBERS, "f2")))),
    read(81, "float32", table(NUMBERS, kind=pa.float32())),
    refused(82, "timestamps", table(TIMES), "column 'y_pred' is of type timestamp[us]", NO_NUMBERS),
    refused(
        82, "timestamps of a zone", table(TIMES.cast(pa.timestamp("ns", "UTC"))), "is of type timestamp", NO_NUMBERS
    ),
    refused(82, "dates", table([datetime.date(2024, 1, 2)] * 3), "is of type date32[day]", NO_NUMBERS),
    refused(82, "INT96", int96, "is of type timestamp", NO_NUMBERS),
    refused(82, "timestamps as targets", table(NUMBERS, TIMES), "column 'y' is of type timestamp", NO_NUMBERS),
    Hazard(
        *(
            82,
            "dates in a condition",
            {"x.parquet": {"y_pred": NUMBERS, "y": Y, "day": [datetime.date(2024, 1, d) for d in (1, 2, 3)]}},
        ),
        (*MAE, "x.parquet", "--where", "day >= 2024-01-02"),
        notes=["1 filtered"],
        value="4.0",
    ),
    refused(83, "numbers as text", table(["1", "2", "6"]), "column 'y_pred' is of type string", NO_NUMBERS),
    refused(83, "binary", table([b"1", b"2", b"6"]), "column 'y_pred' is of type binary", NO_NUMBERS),
    refused(84, "zero rows", table([], kind=pa.float64()), "no data rows"),
    refused(84, "zero columns", pa.table({}), "no data rows"),
    refused(84, "null type", table(pa.nulls(3)), "column 'y_pred' is of type null", NO_NUMBERS),
    refused(
        85, "a name twice", pa.Table.from_arrays([pa.array(Y)] * 3, ["y_pred", "y", "y"]), "column 'y' appears twice"
    ),
    refused(86, "truncated", PLAIN[:-20], CUT),
    refused(86, "wrong footer length", PLAIN[:-8] + b"\xff\xff\xff\x7f" + PLAIN[-4:], CUT),
    refused(86, "cut to its magic", PLAIN[:4], CUT),
    refused(86, "text behind the magic", b"PAR1\n1\n2\nPAR1", CUT),
    refused(86, "empty", b"", "the file is empty"),
    refused(86, "encrypted footer", encrypted(), "is a Parquet file with an encrypted footer; decrypt it first"),
    Hazard(
        *(86, "CSV bytes", {"x.parquet": "y_pred,y\n1,0\n2,0\n6,0\n"}),
        (*MAE, "x.parquet"),
        notes=["x.parquet: is read as csv, which it holds, whatever its name says"],
        value="3.0",
    ),
    refused(87, "bit flip in a page", flipped(), CUT, "CRC"),
    read(87, "without checksums", written(table(NUMBERS), write_page_checksum=False)),
    refused(88, "bomb", bomb, "bytes decompress to", "if that is right, decompress it first"),
    refused(
        88,
        "beyond the cap",
        PLAIN,
        "row group 0: ",
        "--max-bytes N allows more",
        args=(*MAE, "x.parquet", "--max-bytes", "50"),
    ),
    Hazard(
        *(89, "a folder", {"x": lambda path: _folder(path, table([1.0, 2.0]), table([6.0]))}),
        (*MAE, "x"),
        value="3.0",
    ),
    Hazard(
        *(
            89,
            "a part with other columns",
            {"x": lambda path: _folder(path, table([1.0]), pa.table({"y_pred": [1.0]}))},
        ),
        *((*MAE, "x"), 3, ["x/part-1.parquet: has 1 column (y_pred), where x/part-0.parquet has 2"]),
    ),
    Hazard(
        *(89, "a part of other types", {"x": lambda path: _folder(path, table([1.0]), table(["a"]))}),
        *((*MAE, "x"), 3, ["x/part-1.parquet: column 'y_pred' is of type string"]),
    ),
    Hazard(
        *(89, "a part without rows", {"x": lambda path: _folder(path, table([1.0]), table([], kind=pa.float64()))}),
        *((*MAE, "x"), 3, ["x/part-1.parquet: no data rows"]),
    ),
    *(
        Hazard(
            *(90, f"named {ending}", {f"x.{ending}": PLAIN}, (*MAE, f"x.{ending}")),
            notes=[f"x.{ending}: is read as parquet, which it holds, whatever its name says"],
            value="3.0",
        )
        for ending in ("csv", "npy", "jsonl")
    ),
    Hazard(90, "no ending", {"x": PLAIN}, (*MAE, "x"), value="3.0"),
]


def _folder(path: Path, *parts: pa.Table) -> None:
    path.mkdir()
    for k, part in enumerate(parts):
        pq.write_table(part, path / f"part-{k}.parquet")
