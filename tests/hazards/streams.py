"""Files and streams, whatever they hold."""

import bz2
import gzip
import io
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.hazards.support import Hazard
from tests.support import raw_npy

MAE = ("eval", "-l", "mae", "--format", "value")
PAIR = (*MAE, "p.csv", "t.csv")
P, T, BOTH = "y_pred\n1\n2\n6\n", "y\n0\n0\n0\n", "y_pred,y\n1,0\n2,0\n6,0\n"
NUMBERS, ZEROS = np.array([1.0, 2.0, 6.0]), np.zeros(3)
TABLE = pa.table({"y_pred": NUMBERS, "y": ZEROS})


def made(write: Callable[[io.BytesIO], Any]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def ipc(new: Callable[..., Any]) -> Callable[[io.BytesIO], Any]:
    def write(file: io.BytesIO) -> None:
        with new(file, TABLE.schema) as writer:
            writer.write_table(TABLE)

    return write


def safetensors() -> bytes:
    header = json.dumps({"y_pred": {"dtype": "F64", "shape": [3], "data_offsets": [0, 24]}}).encode()
    return len(header).to_bytes(8, "little") + header + NUMBERS.tobytes()


def gzip_bomb(path: Path) -> None:
    """1.2 GB of zeros in 1.2 MB."""
    deflate = zlib.compressobj(9, wbits=31)
    with path.open("wb") as file:
        file.write(deflate.compress(raw_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (300, 524288)}")))
        for _ in range(300):
            file.write(deflate.compress(bytes(4 << 20)))
        file.write(deflate.flush())


def refused(
    number: int, name: str, files: Any, args: Any, *says: str, code: int = 3, stdin: bytes | None = None
) -> Hazard:
    return Hazard(number, name, files, (*MAE, *args), code, says, stdin=stdin)


def piped(name: str, data: bytes) -> list[Hazard]:
    """The same through a pipe: read once, and kept where it is read twice."""
    once = Hazard(96, name, {"t.npy": ZEROS}, (*MAE, "-", "t.npy"), value="3.0", stdin=data)
    return [
        once,
        once.but(
            "read twice", args=("eval", "-l", "mae", "-", "t.npy", "--format", "value", "--worst", "1"), value=None
        ),
    ]


FORMATS: dict[str, bytes] = {
    "CSV": P.encode(),
    "JSON lines": b'{"y_pred": 1}\n{"y_pred": 2}\n{"y_pred": 6}\n',
    "NPY": made(lambda file: np.save(file, NUMBERS)),
    "NPZ": made(lambda file: np.savez(file, y_pred=NUMBERS)),
    "deflated NPZ": made(lambda file: np.savez_compressed(file, y_pred=NUMBERS, other=ZEROS)),
    "Parquet": made(lambda file: pq.write_table(TABLE, file)),
    "an Arrow file": made(ipc(pa.ipc.new_file)),
    "an Arrow stream": made(ipc(pa.ipc.new_stream)),
    "safetensors": safetensors(),
    "gzip": gzip.compress(P.encode()),
}
GZ = gzip.compress(P.encode())
HAZARDS: list[Hazard] = [
    Hazard(51, "gzip", {"p.csv": GZ, "t.csv": T}, PAIR, value="3.0"),
    Hazard(51, "gzip targets", {"p.csv": P, "t.csv": gzip.compress(T.encode())}, PAIR, value="3.0"),
    Hazard(51, "zstd", {"p.csv": pa.compress(P.encode(), "zstd", asbytes=True), "t.csv": T}, PAIR, value="3.0"),
    refused(
        51,
        "gzip of a bad cell",
        {"p.csv": gzip.compress(b"y_pred\n1\nx\n6\n"), "t.csv": T},
        PAIR[-2:],
        "p.csv:3:y_pred",
    ),
    refused(51, "bzip2", {"p.csv": bz2.compress(P.encode()), "t.csv": T}, PAIR[-2:], "p.csv: is compressed with bzip2"),
    refused(91, "missing", {"t.csv": T}, ["p.csv", "t.csv"], "p.csv: cannot be opened: No such file or directory"),
    refused(91, "missing targets", {"p.csv": P}, ["p.csv", "t.csv"], "t.csv: cannot be opened: No such file"),
    refused(
        *(91, "dangling link", {"p.csv": lambda path: path.symlink_to("nowhere"), "t.csv": T}, ["p.csv", "t.csv"]),
        "p.csv: cannot be opened: No such file or directory",
    ),
    refused(
        *(91, "link loop", {"p.csv": lambda path: path.symlink_to(path.name), "t.csv": T}, ["p.csv", "t.csv"]),
        "p.csv: cannot be opened: Too many levels of symbolic links",
    ),
    refused(
        *(91, "an empty folder", {"p": lambda path: path.mkdir(), "t.csv": T}, ["p", "t.csv"]),
        "p: is a folder without parts: it holds nothing; name a file",
    ),
    refused(
        91, "a folder that is none", {"p.csv": P, "t.csv": T}, ["p.csv/x", "t.csv"], "cannot be opened: Not a directory"
    ),
    Hazard(
        92,
        "brackets in a name",
        {"p[1].csv": P, "p1.csv": "y_pred\n9\n9\n9\n", "t.csv": T},
        (*MAE, "p[1].csv", "t.csv"),
        value="3.0",
    ),
    Hazard(92, "a star in a name", {"p*.csv": P, "p2.csv": P, "t.csv": T}, (*MAE, "p*.csv", "t.csv"), value="3.0"),
    refused(
        92,
        "a star is no glob",
        {"p1.csv": P, "t.csv": T},
        ["p*.csv", "t.csv"],
        "p*.csv: cannot be opened: No such file",
    ),
    Hazard(
        92,
        "brackets in the name of Parquet",
        {"p[1].parquet": TABLE, "p1.parquet": {"y_pred": [9.0], "y": [0.0]}},
        (*MAE, "p[1].parquet"),
        value="3.0",
    ),
    *(
        refused(93, url.partition(":")[0], {"t.csv": T}, [url, "t.csv"], f"{url}: URLs are not read; fetch it first")
        for url in ("http://localhost/p.csv", "https://localhost/p.parquet", "s3://b/p.csv", "file:///p.csv")
    ),
    Hazard(94, "begins with a minus", {"-x.csv": P, "t.csv": T}, (*MAE, "--", "-x.csv", "t.csv"), value="3.0"),
    Hazard(94, "a line end in a name", {"a\nb.csv": P, "t.csv": T}, (*MAE, "a\nb.csv", "t.csv"), value="3.0"),
    refused(
        94,
        "a line end in a name that is not there",
        {"t.csv": T},
        ["a\nb.csv", "t.csv"],
        "a\\x0ab.csv: cannot be opened",
    ),
    Hazard(94, "no UTF-8 in a name", {"p\udcff.csv": P, "t.csv": T}, (*MAE, "p\udcff.csv", "t.csv"), value="3.0"),
    *(hazard for name, data in FORMATS.items() for hazard in piped(name, data)),
    refused(
        96,
        "a pipe beyond the cap",
        {},
        ["-", "--max-bytes", "100"],
        "-: has to be kept in a temporary file",
        "--max-bytes N",
        stdin=FORMATS["Parquet"],
    ),
    Hazard(
        96, "a pipe that streams has no cap", {}, (*MAE, "-", "--max-bytes", "10"), value="3.0", stdin=BOTH.encode()
    ),
    refused(96, "cut NPY", {"t.npy": ZEROS}, ["-", "t.npy"], "-: truncated: ends at row 2", stdin=FORMATS["NPY"][:-1]),
    refused(96, "cut Parquet", {}, ["-"], "-: not a Parquet file that can be read", stdin=FORMATS["Parquet"][:-9]),
    refused(
        96,
        "cut Arrow stream",
        {},
        ["-"],
        "-: not an Arrow file that can be read",
        stdin=FORMATS["an Arrow stream"][:-30],
    ),
    refused(
        97,
        "standard input twice",
        {},
        ["-", "-"],
        "'-' is standard input, which can be one file only",
        code=2,
        stdin=P.encode(),
    ),
    refused(
        97,
        "as a part too",
        {"t.csv": T},
        ["-", "t.csv", "--input", "pred=-"],
        "'-' is standard input, which cannot be one of several parts",
        code=2,
        stdin=P.encode(),
    ),
    Hazard(
        98,
        "the same file for both",
        {"p.csv": P},
        (*MAE, "p.csv", "p.csv"),
        notes=["pred and target are the same column of p.csv"],
        value="0.0",
    ),
    Hazard(98, "the same file, other columns", {"x.csv": BOTH}, (*MAE, "x.csv", "x.csv"), value="3.0"),
    Hazard(
        98,
        "a link to the same file",
        {"p.csv": P, "q.csv": lambda path: path.symlink_to("p.csv")},
        (*MAE, "p.csv", "q.csv"),
        notes=["pred and target are the same column of"],
        value="0.0",
    ),
    Hazard(
        98,
        "the same array",
        {"x.npy": NUMBERS},
        (*MAE, "x.npy", "x.npy"),
        notes=["pred and target are the same column of x.npy"],
        value="0.0",
    ),
    *(
        refused(99, f"{device}, {how}", {"t.csv": T}, [device, "t.csv", *more], device, "zero bytes")
        for device in ("/dev/zero",)
        for how, more in {"read once": [], "read twice": ["--worst", "1"]}.items()
    ),
    refused(99, "zeros as targets", {"p.csv": P}, ["p.csv", "/dev/zero"], "/dev/zero", "zero bytes"),
    refused(99, "an empty device", {"t.csv": T}, ["/dev/null", "t.csv"], "/dev/null: the file is empty"),
    refused(
        99, "noise", {"t.csv": T}, ["/dev/urandom", "t.csv", "--max-bytes", "1MiB", "--worst", "1"], "/dev/urandom"
    ),
    refused(
        100,
        "truncated",
        {"p.csv.gz": GZ[:-4], "t.csv": T},
        ["p.csv.gz", "t.csv"],
        "p.csv.gz: damaged or cut compressed file: it ends early",
    ),
    refused(
        100, "cut in its data", {"p.csv.gz": GZ[:25], "t.csv": T}, ["p.csv.gz", "t.csv"], "p.csv.gz: damaged or cut"
    ),
    refused(
        100,
        "truncated targets",
        {"p.csv": P, "t.csv": gzip.compress(T.encode())[:-1]},
        ["p.csv", "t.csv"],
        "t.csv: damaged or cut",
    ),
    refused(
        100,
        "a wrong checksum",
        {"p.csv.gz": GZ[:-8] + bytes(4) + GZ[-4:], "t.csv": T},
        ["p.csv.gz", "t.csv"],
        "p.csv.gz: damaged",
        "incorrect data check",
    ),
    refused(
        100,
        "something behind it",
        {"p.csv.gz": GZ + b"x", "t.csv": T},
        ["p.csv.gz", "t.csv"],
        "p.csv.gz: damaged",
        "something else follows",
    ),
    refused(
        100,
        "a bomb",
        {"p.npy": gzip_bomb, "t.csv": T},
        ["p.npy", "t.csv", "--pred-col", "0"],
        "p.npy: ",
        "bytes decompress to",
        "decompress it first",
    ),
    refused(100, "a pipe cut short", {"t.csv": T}, ["-", "t.csv"], "-: damaged or cut compressed file", stdin=GZ[:-4]),
]
if os.geteuid():  # nothing is closed to root

    def _closed(path: Path) -> None:
        path.write_text(P)
        path.chmod(0)

    HAZARDS.append(
        refused(
            91,
            "no permission",
            {"p.csv": _closed, "t.csv": T},
            ["p.csv", "t.csv"],
            "p.csv: cannot be opened: Permission",
        )
    )
