"""gzip and zstd: as if they had been decompressed before, and nothing lost where they are damaged."""

import bz2
import gzip
import io
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.errors import InputError
from tests import support
from tests.support import encoded, put, raw_npy

ROWS = 100_000
VALUES = np.random.default_rng(5).normal(size=(ROWS, 2))
CSV = "y_pred,y\n" + "".join(f"{a!r},{b!r}\n" for a, b in VALUES.tolist())


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zstd(data: bytes) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        with pa.CompressedOutputStream(file.name, "zstd") as out:
            out.write(data)
        return Path(file.name).read_bytes()


COMPRESS = {"gz": gzip.compress, "zst": zstd}
TEXTS = {
    "csv": CSV,
    "tsv": CSV.replace(",", "\t"),
    "jsonl": "".join(f'{{"y_pred": {a!r}, "y": {b!r}}}\n' for a, b in VALUES.tolist()),
}
every_kind = pytest.mark.parametrize("kind", COMPRESS)


@every_kind
@pytest.mark.parametrize("form", TEXTS)
def test_the_same_bits_as_decompressed(form: str, kind: str, here: Path) -> None:
    data = encoded(TEXTS[form])
    half = data.index(b"\n", len(data) // 2) + 7  # within a row
    several = COMPRESS[kind](data[:half]) + COMPRESS[kind](data[half:])
    put(here, {f"x.{form}": data, f"x.{form}.{kind}": COMPRESS[kind](data), "several": several})
    expected, *found = (
        losscli.evaluate(["mse", "mae"], pred=path, grad=True, worst=3).to_dict()["results"]
        for path in (f"x.{form}", f"x.{form}.{kind}", "several")
    )
    assert found == [expected] * 2


@every_kind
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays(order: Any, kind: str, here: Path) -> None:
    array = np.asarray(VALUES, order=order)
    put(here, {"x.npy": COMPRESS[kind](npy(array)), "y.npy": array})
    found = [losscli.evaluate("mse", pred=path, target=np.zeros_like(array), worst=2) for path in ("x.npy", "y.npy")]
    assert found[0].to_dict()["results"] == found[1].to_dict()["results"]


@every_kind
def test_a_pipe(kind: str, here: Path) -> None:
    put(here, {"x.csv": CSV})
    for more in ((), ("--worst", "2")):
        args = ("eval", "-l", "mse", *more)
        assert support.run(*args, "-", stdin=COMPRESS[kind](CSV.encode()), cwd=here) == support.run(
            *args, "x.csv", cwd=here
        )


@pytest.mark.skipif(not shutil.which("gzip"), reason="no gzip program here")
def test_files_of_the_gzip_program(here: Path) -> None:
    """With the name and the time in its header, and padded with zeros as tapes are."""
    put(here, {"x.csv": "y_pred,y\n1,0\n2,0\n6,0\n"})
    subprocess.run(["gzip", "x.csv"], check=True)
    put(here, {"y.csv.gz": Path("x.csv.gz").read_bytes() + bytes(1 << 17)})
    assert losscli.evaluate("mae", pred="x.csv.gz").value == losscli.evaluate("mae", pred="y.csv.gz").value == 3.0


@every_kind
def test_parts(kind: str, here: Path) -> None:
    (here / "x").mkdir()
    for k in range(3):
        (here / "x" / f"{k}.csv.{kind}").write_bytes(COMPRESS[kind](f"y_pred,y\n{k},0\n".encode()))
    assert losscli.evaluate("mae", pred="x").value == 1.0


def refusal(path: str = "x", **request: Any) -> str:
    with pytest.raises(InputError) as caught:
        losscli.evaluate("mae", pred=path, **request)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@every_kind
@pytest.mark.parametrize("again", [False, True])
def test_no_cut_is_taken_for_the_end(again: bool, kind: str, here: Path) -> None:
    data = COMPRESS[kind](b"y_pred,y\n" + b"1,2\n" * 20)
    for length in range(4, len(data)):
        put(here, {"x": data + data[:length] if again else data[:length]})
        assert refusal().startswith("x: damaged or cut compressed file: ")


def checked(kind: str, data: bytes) -> bytes:
    """Compressed with a checksum, which the zstd program writes, and pyarrow does not."""
    if kind == "gz":
        return gzip.compress(data)
    if not shutil.which("zstd"):
        pytest.skip("no zstd program here")
    return subprocess.run(["zstd", "-c"], input=data, capture_output=True, check=True).stdout


@every_kind
def test_no_flipped_bit_changes_a_number(kind: str, here: Path) -> None:
    """It is refused, or fills up the last byte of what is compressed, which means nothing."""
    data = checked(kind, b"y_pred,y\n" + b"1,2\n5,2\n" * 9)
    start = {"gz": 10, "zst": 4}[kind]  # behind the header, where a name and a time may stand
    refused = 0
    for k in range(start, len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[k] ^= 1 << bit
            put(here, {"x": bytes(changed)})
            try:
                assert losscli.evaluate("mae", pred="x").value == 2.0
            except InputError:
                refused += 1
    assert refused > 0.8 * 8 * (len(data) - start)


@every_kind
def test_something_behind_it(kind: str, here: Path) -> None:
    put(here, {"x": COMPRESS[kind](b"y_pred,y\n1,2\n") + b"1,2\n"})
    assert refusal().startswith("x: damaged or cut compressed file: ")


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"y": [1.0]}), file)
    return file.getvalue()


OTHERS = {
    "Parquet": (parquet, "x: a compressed file of text or an NPY array is read"),
    "gzip": (lambda: gzip.compress(b"y\n1\n"), "x: a compressed file of text or an NPY array is read"),
    "bzip2": (lambda: bz2.compress(b"y\n1\n"), "x: is compressed with bzip2; pipe it in: bzip2 -dc x"),
    "pickle": (lambda: b"\x80\x04.", "x: is a pickle, which is never loaded"),
    "nothing": (lambda: b"", "x: the file is empty"),
    "a damaged table": (lambda: b"y_pred,y\n1\n", "x:2: the row has 1 field"),
}


@every_kind
@pytest.mark.parametrize("name", OTHERS)
def test_what_it_holds_is_looked_at_too(name: str, kind: str, here: Path) -> None:
    make, message = OTHERS[name]
    put(here, {"x": COMPRESS[kind](make())})
    assert refusal().startswith(message)


@every_kind
def test_what_has_to_be_kept_has_a_cap(kind: str, here: Path) -> None:
    array = raw_npy("{'descr': '<f8', 'fortran_order': True, 'shape': (1000, 2), }", bytes(16_000))
    put(here, {"x": COMPRESS[kind](array)})
    target = np.zeros((1000, 2))
    assert losscli.evaluate("mae", pred="x", target=target, max_bytes=1 << 16).value == 0.0
    assert refusal(target=target, max_bytes=1000).startswith("x: has to be kept in a temporary file, and has more than")
