"""NPY and NPZ."""

import io
import pickle
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.hazards.support import LINES_BEFORE, Hazard
from tests.support import raw_npy

MAE = ("eval", "-l", "mae", "--format", "value")
PAIR = (*MAE, "p.npy", "t.npy")
T = [0.0, 0.0, 0.0]
NUMBERS = np.array([1.0, 2.0, 6.0])
HEADER = "{{'descr': {!r}, 'fortran_order': {}, 'shape': {}, }}"


class Harmful:
    """What runs a command where it is unpickled: the file that it makes would be seen."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("harmed"),))


def npy(array: Any, pickled: bool = False) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=pickled)
    return file.getvalue()


def headed(descr: Any = "<f8", fortran: Any = False, shape: Any = (3,), body: bytes = NUMBERS.tobytes()) -> bytes:
    return raw_npy(HEADER.format(descr, fortran, shape), body)


def archive(*members: tuple[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", kind) as made:
        warnings.simplefilter("ignore")  # a name that is there twice
        for name, data in members:
            made.writestr(name, data)
    return file.getvalue()


def refused(number: int, name: str, pred: Any, *says: str) -> Hazard:
    """Predictions that are refused whatever the targets are."""
    return Hazard(number, name, {"p.npy": pred, "t.npy": T}, PAIR, 3, says)


def read(number: int, name: str, pred: Any, value: str = "3.0") -> Hazard:
    return Hazard(number, name, {"p.npy": pred, "t.npy": T}, PAIR, value=value)


def npz(number: int, name: str, data: Any, *says: str, file: str = "x.npz", code: int = 3, more: Any = ()) -> Hazard:
    return Hazard(number, name, {"x.npz": data, "t.npy": T}, (*MAE, file, "t.npy", *more), code, says)


def long_with(value: float) -> Any:
    found = np.zeros(LINES_BEFORE + 5)
    found[LINES_BEFORE] = value
    return found


def zip_bomb() -> bytes:
    """A directory that promises 1.2 GB out of 1.2 MB, a little less than deflate can."""
    noise = np.random.default_rng(71).bytes(1_200_000)
    data = bytearray(archive(("y.npy", noise), kind=zipfile.ZIP_DEFLATED))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = data[22:26] = (1_230_000_000).to_bytes(4, "little")
    return bytes(data)


OBJECTS = npy(np.array([Harmful(), 1, 2], dtype=object), pickled=True)
ONE = archive(("y_pred.npy", npy(NUMBERS)))
TWO = archive(("a.npy", npy(NUMBERS)), ("b.npy", npy(NUMBERS)))
DEFLATED = archive(("y_pred.npy", npy(np.arange(1000.0))), kind=zipfile.ZIP_DEFLATED)
BAD = "bad NPY header"
HAZARDS: list[Hazard] = [
    refused(56, "object dtype", OBJECTS, "p.npy: holds pickled objects, which are never loaded; save numbers"),
    refused(56, "raw pickle", pickle.dumps(Harmful()), "p.npy: is a pickle, which is never loaded; save its numbers"),
    refused(56, "pickle of protocol 0", pickle.dumps(Harmful(), 0), "p.npy: is a pickle, which is never loaded"),
    npz(56, "objects in an archive", archive(("y_pred.npy", OBJECTS)), "x.npz:y_pred: holds pickled objects"),
    refused(56, "objects among fields", npy(np.array([(1, None)], "i4,O"), True), "p.npy: holds pickled objects"),
    Hazard(56, "objects as targets", {"p.npy": T, "t.npy": OBJECTS}, PAIR, 3, ["t.npy: holds pickled objects"]),
    refused(57, "structured", np.zeros(3, "f8,f8"), "p.npy: dtype", "is not numeric"),
    refused(57, "void", np.zeros(3, "V8"), "p.npy: dtype |V8 is not numeric"),
    refused(57, "strings", np.array(["1", "2", "3"]), "p.npy: dtype <U1 is not numeric"),
    refused(57, "bytes", np.array([b"1", b"2", b"3"]), "p.npy: dtype |S1 is not numeric"),
    refused(57, "datetimes", np.array(["2024-01-01"] * 3, "M8[D]"), "p.npy: dtype", "is not numeric"),
    refused(57, "timedeltas", np.zeros(3, "m8[s]"), "p.npy: dtype", "is not numeric"),
    Hazard(
        *(57, "strings as labels", {"p.csv": "p_a,p_b\n1,0\n0,1\n", "t.npy": np.array(["a", "b"])}),
        ("eval", "-l", "cross_entropy", "--format", "value", "p.csv", "t.npy"),
        value="0.0",
    ),
    refused(58, "complex", NUMBERS + 1j, "p.npy: dtype complex128 is not numeric"),
    Hazard(58, "complex targets", {"p.npy": T, "t.npy": NUMBERS * 1j}, PAIR, 3, ["t.npy: dtype complex128 is not"]),
    read(59, "big-endian", NUMBERS.astype(">f8")),
    read(59, "Fortran order", raw_npy(HEADER.format("<f8", True, (3,)), NUMBERS.tobytes())),
    Hazard(
        *(
            59,
            "a matrix in Fortran order",
            {"p.npy": np.asfortranarray(np.arange(6.0).reshape(3, 2)), "t.npy": [[0] * 2] * 3},
        ),
        PAIR,
        value="2.5",
    ),
    Hazard(59, "no dimension", {"p.npy": np.array(2.5), "t.npy": np.array(0.0)}, PAIR, value="2.5"),
    read(59, "booleans", np.array([True, False, True]), "0.6666666666666666"),
    *(read(59, kind, NUMBERS.astype(kind)) for kind in ("f2", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")),
    read(59, "integers beyond 2^53", np.array([2**53 + 1] * 3), "9007199254740992.0"),
    *(
        [
            read(60, "long double that is a double", NUMBERS.astype(np.longdouble)),
            refused(
                60, "long double that is none", NUMBERS + np.longdouble(2) ** -60, "p.npy: row 0: ", "save float64"
            ),
        ]
        if np.dtype(np.longdouble).itemsize > 8
        else []
    ),
    refused(61, "a boolean of 2", headed("|b1", body=b"\0\2\1"), "p.npy: row 1: a boolean that is neither 0 nor 1"),
    refused(62, "truncated", npy(NUMBERS)[:-8], "p.npy: truncated: its header promises 24 bytes of data, 16 are there"),
    refused(62, "cut in its header", npy(NUMBERS)[:40], f"p.npy: {BAD}", "cut or damaged"),
    refused(62, "empty", b"", "p.npy: the file is empty"),
    refused(62, "bad magic", b"\x93NUMPX" + npy(NUMBERS)[6:], "p.npy:1: NUL byte"),
    refused(62, "bad version", b"\x93NUMPY\x09\0" + npy(NUMBERS)[8:], f"p.npy: {BAD}: unknown version 9.0"),
    refused(63, "extra bytes", npy(NUMBERS) + b"x", "p.npy: 1 bytes after the array"),
    refused(63, "two arrays in one file", npy(NUMBERS) * 2, "p.npy: 152 bytes after the array; is it two arrays"),
    Hazard(
        63,
        "extra bytes in a pipe",
        {"t.npy": T},
        (*MAE, "-", "t.npy"),
        3,
        ["-: 5 bytes after"],
        stdin=npy(NUMBERS) + b"extra",
    ),
    refused(64, "claims 1e10 elements", headed(shape=(10**10,)), "p.npy: truncated: its header promises 80000000000"),
    refused(
        64, "claims 1e15 elements", headed(shape=(10**15,)), "p.npy: truncated: its header promises 8000000000000000"
    ),
    refused(64, "claims a row of 1e15", headed(shape=(1, 10**15)), "p.npy: truncated: its header promises"),
    refused(65, "2^32 by 2^32", headed(shape=(2**32, 2**32)), f"p.npy: {BAD}: shape"),
    refused(65, "a negative shape", headed(shape=(-3,)), f"p.npy: {BAD}: shape (-3,)"),
    refused(65, "no tuple", headed(shape=[3]), f"p.npy: {BAD}: shape [3]"),
    refused(65, "a boolean in the shape", headed(shape=(True,)), f"p.npy: {BAD}: shape (True,)"),
    refused(65, "65 dimensions", headed(shape=(1,) * 65), f"p.npy: {BAD}: shape"),
    refused(
        65,
        "an extra key",
        raw_npy(HEADER.format("<f8", False, (3,))[:-1] + "'x': 1}", NUMBERS.tobytes()),
        f"p.npy: {BAD}: its keys",
    ),
    refused(
        65, "code", raw_npy("__import__('os').mkdir('harmed')", NUMBERS.tobytes()), f"p.npy: {BAD}: it is not a plain"
    ),
    refused(
        65,
        "deeply nested",
        raw_npy("(" * 18_000 + ")" * 18_000),
        f"p.npy: {BAD}: it is not a plain",
    )
    if sys.version_info >= (3, 12)
    else refused(65, "deeply nested", raw_npy("[" * 18_000), f"p.npy: {BAD}: it is not a plain"),
    refused(65, "a type that is none", headed("<q9"), f"p.npy: {BAD}"),
    refused(
        66, "subarray dtype", headed([("a", "<f8", (2,))], shape=(1,), body=bytes(16)), "p.npy: dtype", "is not numeric"
    ),
    refused(66, "plain subarray dtype", headed(("<f8", (2,)), shape=(1,), body=bytes(16)), "p.npy: "),
    refused(
        67,
        "signalling NaN",
        np.array([1, 0x7FF0000000000001, 1], "u8").view("f8"),
        "p.npy: row 1: missing value",
        "--missing drop",
    ),
    refused(67, "NaN", [1.0, np.nan, np.nan], "p.npy: row 1: 2 missing values"),
    Hazard(
        67,
        "NaN far down",
        {"p.npy": long_with(np.nan), "t.npy": np.zeros(LINES_BEFORE + 5)},
        PAIR,
        3,
        [f"p.npy: row {LINES_BEFORE}: missing value"],
    ),
    Hazard(
        67,
        "infinity far down",
        {"p.npy": np.zeros(LINES_BEFORE + 5), "t.npy": long_with(np.inf)},
        PAIR,
        3,
        [f"t.npy: row {LINES_BEFORE}: infinite value", "--allow-inf"],
    ),
    npz(68, "two members", TWO, "x.npz: which member is pred? write x.npz:NAME; its members: a, b"),
    npz(68, "no such member", TWO, "x.npz: has no member 'c'", "its members: a, b", file="x.npz:c"),
    Hazard(68, "one member", {"x.npz": ONE, "t.npy": T}, (*MAE, "x.npz", "t.npy"), value="3.0"),
    Hazard(68, "a member that is named", {"x.npz": TWO, "t.npy": T}, (*MAE, "x.npz:b", "t.npy"), value="3.0"),
    npz(
        69,
        "a member twice",
        archive(("y.npy", npy(NUMBERS)), ("y.npy", npy(T))),
        "x.npz: member 'y' appears twice",
        file="x.npz:y",
    ),
    Hazard(
        *(70, "a name that leaves the folder", {"x.npz": archive(("../../harmed.npy", npy(NUMBERS))), "t.npy": T}),
        (*MAE, "x.npz", "t.npy"),
        value="3.0",
    ),
    Hazard(
        71,
        "a bomb",
        {"x.npz": zip_bomb(), "t.npy": T},
        (*MAE, "x.npz", "t.npy"),
        3,
        ["x.npz:y: ", "decompress to 1230000000"],
    ),
    npz(
        71,
        "beyond the cap",
        DEFLATED,
        "x.npz:y_pred: is a member of an archive",
        "more than 4096 bytes; --max-bytes N",
        more=("--max-bytes", "4KiB"),
    ),
    npz(71, "beyond the cap, stored", ONE, "x.npz:y_pred: is a member", "--max-bytes N", more=("--max-bytes", "100")),
    npz(
        72,
        "a wrong checksum",
        ONE.replace(NUMBERS.tobytes(), NUMBERS[::-1].tobytes()),
        "x.npz:y_pred: damaged or cut NPZ archive: Bad CRC-32",
    ),
    npz(72, "truncated", ONE[:-30], "x.npz: damaged or cut NPZ archive"),
    npz(72, "cut within its data", DEFLATED[: len(DEFLATED) // 2], "x.npz: damaged or cut NPZ archive"),
]
