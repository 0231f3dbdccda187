"""NPY: every dtype and layout, and files that are damaged, hostile or something else."""

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import InputError
from tests import support
from tests.support import put, raw_npy, write_npy

NUMBERS = np.array([1.0, 2.0, 4.0])
HEADER = "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}"
BODY = NUMBERS.tobytes()


def npy(array: Any, version: tuple[int, int] | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), version=version, **options)
    return file.getvalue()


def header(descr: str = "'<f8'", order: str = "False", shape: str = "(3,)") -> str:
    return HEADER.format(descr, order, shape)


def mae(path: str, target: Any = NUMBERS) -> float:
    return losscli.evaluate("mae", pred=path, target=target).value


# Layouts and types

KINDS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
DTYPES = [*("<" + kind for kind in KINDS), *(">" + kind for kind in KINDS), "g"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_of_numbers(dtype: str, here: Path) -> None:
    put(here, {"x.npy": NUMBERS.astype(dtype)})
    assert mae("x.npy", [0, 0, 0]) == 7 / 3


def test_booleans_are_0_and_1(here: Path) -> None:
    put(here, {"x.npy": [True, False, True]})
    assert mae("x.npy", [0, 0, 0]) == 2 / 3


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)], ids=str)
def test_every_version(version: tuple[int, int], here: Path) -> None:
    write_npy(here / "x.npy", NUMBERS, version)
    assert mae("x.npy") == 0.0


MATRIX = np.arange(1.0, 13.0).reshape(4, 3)
LAYOUTS = {
    "C": MATRIX,
    "Fortran": np.asfortranarray(MATRIX),
    "big end first": MATRIX.astype(">f8"),
    "Fortran, big end first": np.asfortranarray(MATRIX).astype(">f4"),
    "transposed": np.ascontiguousarray(MATRIX.T).T,
}


@pytest.mark.parametrize("block", [1, 3, 1 << 15])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(layout: str, block: int, here: Path) -> None:
    put(here, {"x.npy": LAYOUTS[layout]})
    weight = [1.0, 2.0, 4.0, 8.0]
    report = losscli.evaluate("bias", pred="x.npy", target=np.zeros((4, 3)), weight=weight, block=block)
    assert report.value == np.average(MATRIX.mean(axis=1), weights=weight)


@pytest.mark.parametrize("layout", ["C", "Fortran"])
@pytest.mark.parametrize(("column", "mean"), [("0", 5.5), ("2", 7.5), ("2,0", 6.5)])
def test_columns_by_position(layout: str, column: str, mean: float, here: Path) -> None:
    put(here, {"x.npy": LAYOUTS[layout]})
    target = np.zeros((4, 2)) if "," in column else np.zeros(4)
    assert losscli.evaluate("bias", pred="x.npy", target=target, columns={"pred": column}).value == mean


@pytest.mark.parametrize("array", [np.array(3.0), np.array([3.0]), np.array([[3.0]])], ids=["0-d", "(1,)", "(1, 1)"])
def test_one_number(array: Any, here: Path) -> None:
    put(here, {"x.npy": array})
    assert mae("x.npy", [1.0]) == 2.0


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_column_is_a_vector(order: Any, here: Path) -> None:
    put(here, {"x.npy": NUMBERS.reshape(3, 1).copy(order)})
    assert mae("x.npy") == 0.0


def test_integers_keep_every_digit(here: Path) -> None:
    put(here, {"x.npy": np.array([2**53 + 1, -(2**53) - 1]), "t.npy": np.array([2**53, -(2**53)])})
    assert mae("x.npy", "t.npy") == 1.0
    put(here, {"x.npy": np.array([2**64 - 1], np.uint64), "t.npy": np.array([2**64 - 2], np.uint64)})
    assert mae("x.npy", "t.npy") == 1.0


def test_a_long_double_counts_where_a_float64_holds_it(here: Path) -> None:
    put(here, {"x.npy": np.array([1, 0.5, np.longdouble(2) ** 1000])})
    assert mae("x.npy", [1.0, 0.5, 2.0**1000]) == 0.0


LONG_DOUBLES = {
    "a third": (np.longdouble(1) / 3, "float64"),
    "too large": (np.longdouble(2) ** 2000, "float64"),
    "too small": (np.longdouble(2) ** -2000, "float64"),
    "missing": (np.longdouble("nan"), "missing value"),
    "infinite": (np.longdouble("inf"), "infinite value"),
}


@pytest.mark.parametrize("name", LONG_DOUBLES)
@pytest.mark.skipif(np.longdouble(2) ** 2000 == np.inf, reason="long double is double here")
def test_a_long_double_that_no_float64_holds(name: str, here: Path) -> None:
    value, word = LONG_DOUBLES[name]
    put(here, {"x.npy": np.array([1, 2, value], np.longdouble)})
    with pytest.raises(InputError, match=rf"^x.npy: row 2: .*{word}"):
        mae("x.npy")


@pytest.mark.skipif(np.finfo(np.longdouble).nmant != 63, reason="long double has 80 bits on x86 only")
def test_a_long_double_that_is_no_number(here: Path) -> None:
    """With its leading bit cleared, which no number has; there is no warning of a cast either."""
    damaged = bytearray(npy(np.array([1, 2, 4], np.longdouble)))
    damaged[-9] &= 0x7F
    put(here, {"x.npy": bytes(damaged)})
    with pytest.raises(InputError, match=r"^x.npy: row 2: "):
        mae("x.npy")


@pytest.mark.parametrize("dtype", ["U3", "S3", ">U3"])
def test_text_is_for_labels(dtype: str, here: Path) -> None:
    put(here, {"p.csv": "p_cat,p_dog\n0.25,0.75\n0.5,0.5\n", "t.npy": np.array(["dog", "cat"], dtype)})
    by_name = losscli.evaluate("cross_entropy", pred="p.csv", target="t.npy").value
    assert by_name == losscli.evaluate("cross_entropy", pred="p.csv", target=[1, 0]).value
    with pytest.raises(InputError, match=r"^t.npy: dtype .* is not numeric"):
        mae("t.npy", [0.0, 0.0])


# Refused: the file, and a word of what is said

REFUSED: dict[str, tuple[bytes, str]] = {
    "rows": (npy([1.0, 2.0]), "row counts differ: x.npy has 2 rows"),
    "one row for a column": (npy([[1.0, 2.0, 4.0]]), "row counts differ: x.npy has 1 row"),
    "three dimensions": (
        npy(np.zeros((3, 2, 1))),
        "a row of pred has shape (2, 1), of target (1,); nothing is broadcast",
    ),
    "no columns of rows": (npy(np.zeros((3, 2, 0))), "has shape (3, 2, 0): no data rows"),
    "shape of huge rows": (raw_npy(header(shape="(1, 1000000000, 1000000000)"), BODY), "truncated"),
    "text of three dimensions": (npy([[["a"]], [["b"]], [["c"]]]), "dtype <U1 is not numeric"),
    "no rows": (npy([]), "no data rows"),
    "no columns": (npy(np.zeros((3, 0))), "no data rows"),
    "missing": (npy([1.0, np.nan, np.nan]), "row 1: 2 missing values"),
    "signalling NaN": (raw_npy(header(), b"\1\0\0\0\0\0\xf4\x7f" + BODY[8:]), "row 0: missing value"),
    "infinite": (npy([1.0, 2.0, -np.inf]), "row 2: infinite value; --allow-inf"),
    "truncated": (npy(NUMBERS)[:-3], "truncated"),
    "over-long": (npy(NUMBERS) + b"\n", "after the array"),
    "two arrays": (npy(NUMBERS) * 2, "after the array"),
    "magic bytes alone": (b"\x93NUMPY", "header"),
    "cut in the length": (b"\x93NUMPY\x01\x00\x10", "header"),
    "cut in the header": (npy(NUMBERS)[:40], "header"),
    "unknown version": (raw_npy(header(), BODY, (4, 0)), "version 4.0"),
    "objects": (npy(np.array([1, None, "x"], object), allow_pickle=True), "pickled objects, which are never loaded"),
    "structured objects": (raw_npy(header("[('a', '|O')]"), BODY), "pickled objects"),
    "structured": (npy(np.zeros(3, [("a", "f8")])), "not numeric"),
    "subarrays": (raw_npy(header("('<f8', (2,))"), BODY * 2), "not numeric"),
    "void": (npy(np.zeros(3, "V8")), "not numeric"),
    "complex": (npy(np.zeros(3, complex)), "complex128 is not numeric"),
    "datetime": (npy(np.zeros(3, "M8[s]")), "datetime64[s] is not numeric"),
    "timedelta": (npy(np.zeros(3, "m8[s]")), "timedelta64[s] is not numeric"),
    "text": (npy(["1", "2", "4"]), "not numeric"),
    "bad boolean": (raw_npy(header("'|b1'"), b"\0\1\2"), "row 2: a boolean that is neither 0 nor 1"),
    "shape too large": (raw_npy(header(shape="(1000000000000000,)"), BODY), "truncated"),
    "shape beyond all memory": (raw_npy(header(shape="(4294967296, 4294967296)"), BODY), "header: shape"),
    "negative shape": (raw_npy(header(shape="(-3,)"), BODY), "header: shape (-3,)"),
    "shape of a list": (raw_npy(header(shape="[3]"), BODY), "header: shape [3]"),
    "shape of a number": (raw_npy(header(shape="3"), BODY), "header: shape 3"),
    "shape of a boolean": (raw_npy(header(shape="(True,)"), BODY), "header: shape (True,)"),
    "shape of a float": (raw_npy(header(shape="(3.0,)"), BODY), "header: shape (3.0,)"),
    "shape of 65 dimensions": (raw_npy(header(shape="(" + "1," * 65 + ")"), BODY[:8]), "header: shape"),
    "shape of thousands of digits": (raw_npy(header(shape="(" + "9" * 5000 + ",)"), BODY), "header"),
    "order of a number": (raw_npy(header(order="1"), BODY), "header"),
    "extra key": (raw_npy(header()[:-1] + "'x': 1}", BODY), "header: its keys"),
    "key that lacks": (raw_npy("{'descr': '<f8', 'shape': (3,)}", BODY), "header: its keys"),
    "keys alone": (raw_npy("{'descr', 'fortran_order', 'shape'}", BODY), "header"),
    "not a dictionary": (raw_npy("3", BODY), "header"),
    "not Python": (raw_npy("{'descr': ", BODY), "header"),
    "NUL in the header": (raw_npy("\0", BODY), "header"),
    "not UTF-8": (raw_npy("\xff", BODY, (3, 0)), "header"),
    "code": (raw_npy("__import__('pathlib').Path('ran').touch()", BODY), "header"),
    "code for a shape": (raw_npy(header(shape="(len('abc'),)"), BODY), "header"),
    "nested": (raw_npy("(" * 9000 + ")" * 9000, BODY), "header"),
    "nested signs": (raw_npy("-" * 50_000 + "1", BODY), "header"),
    "huge header": (raw_npy(header() + " " * 70_000, BODY, (2, 0)), "header"),
    "unknown type": (raw_npy(header("'<q7'"), BODY), "header"),
    "type of nothing": (raw_npy(header("None"), BODY), "header"),
    "type of a tuple of one": (raw_npy(header("('<f8',)"), BODY), "header"),
    "type with a comma": (raw_npy(header("',f8'"), BODY), "header"),
    "old name of a type": (raw_npy(header("'|a8'"), BODY), "x.npy"),
    "type of a list of numbers": (raw_npy(header("[1]"), BODY), "header"),
    "text of no length": (raw_npy(header("'<U0'")), "x.npy"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, here: Path) -> None:
    data, word = REFUSED[name]
    put(here, {"x.npy": data})
    with pytest.raises(InputError) as caught:
        mae("x.npy")
    message = str(caught.value)
    assert message.startswith(("x.npy: ", "row counts differ: x.npy"))
    assert word in message
    assert "\n" not in message
    assert " at 0x" not in message, "an address in memory differs from run to run"
    assert os.listdir(here) == ["x.npy"]


@pytest.mark.parametrize("array", ["C", "F"])
def test_a_fault_in_a_matrix_is_found_at_its_row(array: Any, here: Path) -> None:
    matrix = np.ones((100_000, 3), order=array)
    matrix[99_999, 1] = np.nan
    put(here, {"x.npy": matrix})
    with pytest.raises(InputError, match=r"^x.npy: row 99999(, column 1)?: missing value"):
        mae("x.npy", np.ones((100_000, 3)))


class Harmful:
    """What a hostile pickle is: loading it creates a file."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("ran",)


FOREIGN = {
    "pickle": (pickle.dumps(Harmful(), 2), "pickle, which is never loaded"),
    "pickle of a later protocol": (pickle.dumps(Harmful(), 5), "pickle, which is never loaded"),
    "pickled object array": (npy(np.array([Harmful()]), allow_pickle=True), "pickled objects, which are never loaded"),
    "bzip2": (b"BZh91AY&SY" + bytes(20), "bzip2 -dc"),
    "xz": (b"\xfd7zXZ\0" + bytes(20), "xz -dc"),
    "pickled array of protocol 1": (pickle.dumps(NUMBERS, 1), "pickle, which is never loaded"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(20), "HDF5"),
    "Feather 1": (b"FEA1" + bytes(20), "to_feather"),
    "ORC": (b"ORC\n" + bytes(20), "read_orc"),
    "Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "save the sheet as CSV"),
    "SQLite": (b"SQLite format 3\0" + bytes(20), "sqlite3 -header -csv x."),
    "MATLAB": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(128), "scipy.io.loadmat('x."),
    "Avro": (b"Obj\x01\x04" + bytes(20), "read_avro"),
    "ROOT": (b"root\0\0\xf6" + bytes(20), "uproot"),
    "TFRecord": (b"\x12" + bytes(7) + b"\x11\x22\x33\x44\x0a\x10" + bytes(20), "TFRecord"),
    "lz4": (b"\x04\x22\x4d\x18" + bytes(20), "lz4 -dc"),
    "pickle of protocol 0": (pickle.dumps([1.0, 2.0], 0), "pickle, which is never loaded"),
    "pickle of protocol 1": (pickle.dumps([1.0, 2.0], 1), "pickle, which is never loaded"),
    "pickled array of protocol 0": (pickle.dumps(NUMBERS, 0), "pickle, which is never loaded"),
    "pickled dictionary of protocol 1": (pickle.dumps({"a": 1}, 1), "pickle, which is never loaded"),
    "PyTorch before 1.6": (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + b"\x80\x02.", "weights_only=True"),
}


@pytest.mark.parametrize("suffix", ["npy", "csv", "parquet"])
@pytest.mark.parametrize("name", FOREIGN)
def test_other_formats_are_refused_with_what_to_do(name: str, suffix: str, here: Path) -> None:
    data, word = FOREIGN[name]
    put(here, {f"x.{suffix}": data})
    with pytest.raises(InputError) as caught:
        mae(f"x.{suffix}")
    assert str(caught.value).startswith(f"x.{suffix}: ")
    assert word in str(caught.value)
    assert os.listdir(here) == [f"x.{suffix}"]


def test_archives_without_arrays_are_refused_with_what_to_do(here: Path) -> None:
    with zipfile.ZipFile("x.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02.")
    with pytest.raises(InputError, match=r"^x.pt: is a PyTorch checkpoint, .*torch.load\('x.pt', weights_only=True\)"):
        mae("x.pt")


def test_the_content_decides_not_the_name(here: Path) -> None:
    put(here, {"x.npy": NUMBERS, "t.npy": "y\n1\n2\n5\n"})
    (here / "x.npy").rename(here / "x.csv")
    assert mae("x.csv", "t.npy") == 1 / 3


# Through a pipe

PIPED = {
    "C": npy(MATRIX),
    "Fortran": npy(np.asfortranarray(MATRIX)),
    "one column": npy(np.arange(1.0, 5.0)),
    "truncated": npy(MATRIX)[:-5],
    "truncated, Fortran": npy(np.asfortranarray(MATRIX))[:-5],
    "over-long": npy(MATRIX) + b"1234567",
    "over-long, Fortran": npy(np.asfortranarray(MATRIX)) + b"1234567",
    "shape too large": raw_npy(header(shape="(1000000000000, 3)"), BODY),
}


@pytest.mark.parametrize("name", PIPED)
def test_a_pipe_gives_what_a_file_gives(name: str, here: Path) -> None:
    put(here, {"x.npy": PIPED[name], "t.npy": MATRIX if "column" not in name else MATRIX[:, 0]})
    piped = support.run("eval", "--loss", "mae", "-", "t.npy", stdin=PIPED[name], cwd=here)
    try:
        value = mae("x.npy", "t.npy")
    except InputError:
        assert (piped.code, piped.stdout) == (3, "")
        assert piped.stderr.startswith(("losscli: error: -: ", "losscli: error: row counts differ"))
    else:
        assert piped.stdout.splitlines()[1].split("\t")[2] == repr(value)


def test_a_truncated_pipe_names_the_row_it_ends_in(here: Path) -> None:
    put(here, {"t.npy": MATRIX})
    piped = support.run("eval", "--loss", "mae", "-", "t.npy", stdin=npy(MATRIX)[:-30], cwd=here)
    assert piped.stderr == "losscli: error: -: truncated: ends at row 2\n"


@pytest.mark.parametrize("text", ["country\nDE\nUS\n", "root\na\nb\n", "ORC\na\nb\n", "CDF\na\nb\n", "B\nZh\n(lp\n"])
def test_text_that_begins_like_another_format_is_text(text: str, here: Path) -> None:
    put(here, {"p.npy": np.full((2, 2), 0.5), "t.csv": text})
    value = losscli.evaluate("cross_entropy", pred="p.npy", target="t.csv", classes=text.split()[1:]).value
    assert value == pytest.approx(np.log(2))
