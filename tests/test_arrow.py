"""Arrow: files, Feather and streams give what Parquet gives; dates as text; and files that are damaged."""

import base64
import datetime
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.errors import InputError
from losscli.formats import Pick, open_reader
from tests import support
from tests.support import put

RNG = np.random.default_rng(17)
ROWS = 5000


def new(kind: Callable[..., Any], table: pa.Table, compression: str | None = None, rows: int = 700) -> bytes:
    file = io.BytesIO()
    with kind(file, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return file.getvalue()


def feather(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pyarrow.feather.write_feather(table, file)
    return file.getvalue()


WRITERS: dict[str, Callable[[pa.Table], bytes]] = {
    "file": lambda table: new(pa.ipc.new_file, table),
    "file of lz4": lambda table: new(pa.ipc.new_file, table, "lz4"),
    "file of one batch": lambda table: new(pa.ipc.new_file, table, rows=1 << 30),
    "stream": lambda table: new(pa.ipc.new_stream, table),
    "stream of zstd": lambda table: new(pa.ipc.new_stream, table, "zstd"),
    "Feather": feather,
}
every_writer = pytest.mark.parametrize("writer", WRITERS)


def table() -> pa.Table:
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(k % 40) for k in range(ROWS)]
    return pa.table(
        {
            "y_pred": RNG.normal(size=ROWS),
            "y": pa.array(RNG.integers(-9, 9, ROWS), pa.int16()),
            "w": pa.array(RNG.random(ROWS), pa.float32()),
            "g": pa.array(RNG.choice(["a", "b", "c"], ROWS)).dictionary_encode(),
            "t": pa.array([None if k % 7 == 0 else f"t{k % 5}" for k in range(ROWS)]),
            "day": days,
            "v": pa.array(RNG.normal(size=(ROWS, 3)).tolist()),
            "u": pa.array(RNG.normal(size=(ROWS, 3)).tolist(), pa.list_(pa.float32(), 3)),
            "struct": [{"a": 1}] * ROWS,
        }
    )


TABLE = table()
REQUESTS: dict[str, dict[str, Any]] = {
    "numbers": {"grad": True, "columns": {"weight": "w"}},
    "vectors": {"grad": True, "columns": {"pred": "v", "target": "u"}},
    "groups": {"by": ["g", "day"], "where": ["t!=t1"]},
    "read twice": {"worst": 4, "show": ["day", "t"], "block": 333},
}


@every_writer
@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_as_parquet(name: str, writer: str, here: Path) -> None:
    put(here, {"x.arrow": WRITERS[writer](TABLE), "x.parquet": TABLE})
    found = [losscli.evaluate("mse", pred=path, **REQUESTS[name]) for path in ("x.arrow", "x.parquet")]
    assert found[0].to_dict()["results"] == found[1].to_dict()["results"]
    assert found[0].inputs[0].format == "arrow"


@every_writer
def test_a_pipe_read_once_and_twice(writer: str, here: Path) -> None:
    put(here, {"x.parquet": TABLE})
    data = WRITERS[writer](TABLE)
    for more in ([], ["--worst", "2"]):
        args = ["eval", "-l", "mse", "--where", "g=a", *more]
        assert support.run(*args, "-", stdin=data, cwd=here) == support.run(*args, "x.parquet", cwd=here)


@every_writer
def test_rows_paired_by_date(writer: str, here: Path) -> None:
    days = [datetime.date(2024, 1, d) for d in (3, 1, 2)]
    put(here, {"x.arrow": WRITERS[writer](pa.table({"day": days, "y_pred": [3.0, 1.0, 2.0]}))})
    put(here, {"t.csv": "day,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n"})
    assert losscli.evaluate("mae", pred="x.arrow", target="t.csv", id="day").value == 0.0


def test_slices_and_nulls(here: Path) -> None:
    """Arrays that do not begin at the start of their buffers, with bits of validity that do not either."""
    whole = pa.table(
        {"y_pred": [None, 1.0, 2.0, None, 6.0], "y": [9.0, 0.0, 0.0, 0.0, 0.0], "g": ["z", "a", None, "b", "a"]}
    )
    put(here, {"x.arrow": new(pa.ipc.new_file, whole, rows=2)})
    reader = open_reader("pred", "x.arrow")
    blocks = list(reader.read([Pick((0,)), Pick((2,), True)], 1))
    reader.close()
    assert [b.values[0].tolist() for b in blocks][1:3] == [[1.0], [2.0]]
    assert [b.values[1].names for b in blocks] == [("z",), ("a",), (), ("b",), ("a",)]
    assert losscli.evaluate("mae", pred="x.arrow", missing="drop").value == 3.0


# Dates and times as text

ZONES = {
    "date": (pa.date32(), datetime.date(2024, 2, 29), "2024-02-29"),
    "date of milliseconds": (pa.date64(), datetime.date(2024, 2, 29), "2024-02-29"),
    "seconds": (pa.timestamp("s"), datetime.datetime(2024, 1, 2, 10, 20, 30), "2024-01-02 10:20:30"),
    "a whole second": (pa.timestamp("ns"), datetime.datetime(2024, 1, 2, 10, 20, 30), "2024-01-02 10:20:30"),
    "a part of a second": (
        pa.timestamp("us"),
        datetime.datetime(2024, 1, 2, 3, 4, 5, 250_000),
        "2024-01-02 03:04:05.25",
    ),
    "UTC": (pa.timestamp("ms", "UTC"), datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.UTC), "2024-01-02 03:00:00Z"),
    "a zone": (
        pa.timestamp("us", "Europe/Berlin"),
        datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.UTC),
        "2024-01-02 03:00:00Z",
    ),
}


@pytest.mark.parametrize("form", ["arrow", "parquet"])
@pytest.mark.parametrize("name", ZONES)
def test_dates_are_text(name: str, form: str, here: Path) -> None:
    kind, value, text = ZONES[name]
    data = pa.table({"day": pa.array([value, None, value], kind), "y_pred": [1.0, 2.0, 3.0], "y": [0.0] * 3})
    put(here, {f"x.{form}": data if form == "parquet" else new(pa.ipc.new_file, data)})
    groups = losscli.evaluate("mae", pred=f"x.{form}", by="day").results[0].groups
    assert groups is not None
    assert text in str(groups)
    assert losscli.evaluate("mae", pred=f"x.{form}", where=[f"day={text}"]).value == 2.0
    assert losscli.evaluate("mae", pred=f"x.{form}", where=[f"day>={text.replace(' ', 'T')}"]).value == 2.0
    for role in ("pred", "target"):
        with pytest.raises(InputError, match=r"is of type (date|timestamp).*, not numbers"):
            losscli.evaluate("mae", pred=f"x.{form}", columns={role: "day"})


# Damaged


def refusal(here: Path, data: bytes) -> str:
    put(here, {"x.arrow": data})
    with pytest.raises(InputError) as caught:
        losscli.evaluate("mae", pred="x.arrow")
    message = str(caught.value)
    assert message.startswith("x.arrow: ")
    assert "\n" not in message
    return message


SMALL = pa.table({"y_pred": [1.0, 2.0], "y": [0.0, 0.0]})
FILE, STREAM = new(pa.ipc.new_file, SMALL), new(pa.ipc.new_stream, SMALL)


def test_a_cut_file_is_refused(here: Path) -> None:
    for length in range(8, len(FILE), 13):
        assert "not an Arrow file that can be read" in refusal(here, FILE[:length])


def test_a_cut_stream_is_refused_or_noted(here: Path) -> None:
    for length in range(8, len(STREAM) - 8):
        put(here, {"x.arrow": STREAM[:length]})
        with pytest.raises(InputError):
            losscli.evaluate("mae", pred="x.arrow")
    put(here, {"x.arrow": STREAM[:-8]})
    report = losscli.evaluate("mae", pred="x.arrow")
    assert report.value == 1.5
    assert report.notes == ("x.arrow: the Arrow stream has no end mark; is it complete?",)


def test_two_streams_in_one_file(here: Path) -> None:
    assert "something follows the end of the Arrow stream" in refusal(here, STREAM * 2)


def test_no_rows_and_no_columns(here: Path) -> None:
    assert "no data rows" in refusal(here, new(pa.ipc.new_file, SMALL.slice(0, 0)))
    assert "no data rows" in refusal(here, new(pa.ipc.new_stream, SMALL.slice(0, 0)))
    assert "no data rows" in refusal(here, new(pa.ipc.new_file, pa.table({})))


def test_a_name_twice(here: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1.0])] * 3, ["y_pred", "y", "y"])
    assert "column 'y' appears twice" in refusal(here, new(pa.ipc.new_file, twice))


@pytest.mark.parametrize("index", [3, -1])
def test_a_code_outside_its_dictionary_is_refused(index: int, here: Path) -> None:
    codes = pa.DictionaryArray.from_arrays(pa.array([0, index], pa.int8()), pa.array(["a", "b"]), safe=False)
    put(here, {"x.arrow": new(pa.ipc.new_file, SMALL.append_column("g", codes))})
    with pytest.raises(InputError, match=r"^x.arrow: not an Arrow file that can be read"):
        losscli.evaluate("mae", pred="x.arrow", by="g")


@pytest.mark.parametrize("data", [FILE, STREAM], ids=["file", "stream"])
def test_a_flipped_bit_is_refused_or_a_table(data: bytes, here: Path) -> None:
    """There are no checksums; but no row is lost, and no error is another."""
    for k in range(0, len(data), 3):
        changed = bytearray(data)
        changed[k] ^= 1 << k % 8
        put(here, {"x.arrow": bytes(changed)})
        try:
            matched = losscli.evaluate("mae", pred="x.arrow", allow_inf=True).matched
        except losscli.LossError:
            continue
        assert matched == 2


@pytest.mark.parametrize("scale", [-1728053246, -900_000_000, -5_000])
def test_a_scale_that_no_writer_gives(scale: int, here: Path) -> None:
    """Decimals whose integers would fill the memory, or that Python's decimal cannot hold, are refused at once."""
    kind = pa.decimal128(9, scale)
    column = pa.Array.from_buffers(kind, 1, [None, pa.py_buffer((7).to_bytes(16, "little"))])
    data = io.BytesIO()
    table = pa.table({"y_pred": column, "y": [1.0]})
    with pa.ipc.new_file(data, table.schema) as writer:
        writer.write_table(table)
    put(here, {"x.arrow": data.getvalue()})
    ran = support.run("eval", "-l", "mae", "x.arrow", cwd=here)
    assert (ran.code, ran.stdout) == (3, "")
    assert "x.arrow: row 0: column 'y_pred': damaged decimals" in ran.stderr


def test_a_batch_beyond_the_cap(here: Path) -> None:
    put(here, {"t.npy": np.zeros(ROWS)})
    args = ("eval", "-l", "mae", "--max-bytes", "20000", "-", "t.npy", "--pred-col", "y_pred")
    ran = support.run(*args, stdin=new(pa.ipc.new_stream, TABLE), cwd=here)
    assert (ran.code, ran.stdout) == (3, "")
    assert "-: an Arrow batch: is held in whole, and has more than 20000 bytes; --max-bytes N" in ran.stderr


def test_pandas_index_is_no_column(here: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"y_pred": [1.0, 2.0, 6.0], "y": [0.0] * 3})
    frame.to_feather("x.feather")
    frame.to_parquet("x.parquet")
    for path in ("x.feather", "x.parquet"):
        assert losscli.evaluate("mae", pred=path).value == 3.0
    assert pq.ParquetFile("x.parquet").schema_arrow.names == ["y_pred", "y"]


# What polars 2.1.0 wrote of {"y_pred": [1.0, 2.0], "y": [1.0, 3.0]}: no stream, but batches and a footer
POLARS = base64.b64decode(
    "QVJST1cxAAAEAAAA8v///xQAAAAEAAEAAAAKAAsACAAKAAQA+P///wwAAAAIAAgAAAAEAAIAAAAwAAAABAAAAMT///8cAAAAEAAAAAgAAAAB"
    "AwAAAAAAAML///8CAAAAAQAAAHkAAADs////MAAAACAAAAAYAAAAAQMAABAAEgAEABAAEQAIAAAADAAAAAAA+v///wIABgAGAAQABgAAAHlf"
    "cHJlZAAA/////7AAAAAEAAAA7P///4AAAAAAAAAAFAAAAAQAAwAMABMAEAASAAwABADq////AgAAAAAAAABcAAAAEAAAAAAACgAUAAQADAAQ"
    "AAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAEAAAAAAAAAAAAAAAAAAAABAAAAAAAAAABAAAAAAAAAAAAAAAAIAAAACAAAA"
    "AAAAAAAAAAAAAAAAAgAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAADwPwAAAAAAAAhAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/////wAA"
    "AAAEAAAA7P///0AAAAA4AAAAFAAAAAQAAAAMABIAEAAEAAgADAABAAAAqAAAAAAAAAC4AAAAAAAAAIAAAAAAAAAAAAAAAAAAAAD4////DAAA"
    "AAgACAAAAAQAAgAAADAAAAAEAAAAxP///xwAAAAQAAAACAAAAAEDAAAAAAAAwv///wIAAAABAAAAeQAAAOz///8wAAAAIAAAABgAAAABAwAA"
    "EAASAAQAEAARAAgAAAAMAAAAAAD6////AgAGAAYABAAGAAAAeV9wcmVkAMsAAABBUlJPVzE="
)


def test_a_file_without_a_stream_in_it(here: Path) -> None:
    put(here, {"x.arrow": POLARS})
    assert losscli.evaluate("mse", pred="x.arrow", grad=True).results[0].value == 0.5
    piped = support.run("eval", "-l", "mse", "-", "--format", "value", stdin=POLARS, cwd=here)
    assert piped == support.Ran("0.5\n", "", 0)
    put(here, {"x.arrow": POLARS[:-40] + POLARS[-10:]})
    with pytest.raises(InputError, match=r"^x.arrow: not an Arrow file that can be read"):
        losscli.evaluate("mse", pred="x.arrow")
