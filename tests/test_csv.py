"""CSV: what is read, what is refused with its place, and what is said of it."""

import ast
import csv
import io
import math
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import losscli
from losscli.errors import InputError, UsageError
from losscli.formats import BLOCK, Pick, open_reader
from losscli.formats.dialect import reading_of
from losscli.keys import cells_of
from tests import support
from tests.support import put


@pytest.fixture(autouse=True, params=["cells", "decoder"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short files are read cell by cell, and the decoder must say the same of them."""
    if request.param == "decoder":
        monkeypatch.setattr(losscli.formats.csv, "SHORT", 0)


TARGETS = "y\n1\n2\n3\n"
LONG = 300_000


def mae(pred: Any = "x.csv", target: Any = "t.csv", **request: Any) -> losscli.Report:
    return losscli.evaluate("mae", pred=pred, target=target, **request)


def refusal(here: Path, data: str | bytes, code: int = 3, **request: Any) -> str:
    """The message for a file of predictions that is refused."""
    put(here, {"t.csv": TARGETS, "x.csv": data})
    with pytest.raises(losscli.LossError) as caught:
        mae(**request)
    assert caught.value.exit_code == code
    return str(caught.value)


# A whole file: name, bytes, the place that the message begins with, a word of what was found

REFUSED = {
    "too few rows": ("y_pred\n1\n2\n", "row counts differ", "x.csv has 2 rows, t.csv has 3"),
    "too many rows": ("y_pred\n1\n2\n3\n4\n", "row counts differ", "x.csv has 4 rows, t.csv has 3"),
    "empty": ("", "x.csv:", "empty"),
    "only newlines": ("\n\n\n", "x.csv:", "empty"),
    "only a byte order mark": ("\ufeff", "x.csv:", "empty"),
    "header only": ("y_pred\n", "x.csv:", "no data rows"),
    "header only, no line end": ("y_pred", "x.csv:", "no data rows"),
    "blank rows after a header": ("y_pred\n\n\n", "x.csv:", "no data rows"),
    "missing values": ("id,y_pred\n1,1\n2,\n3,NA\n", "x.csv:3:y_pred:", "2 missing values"),
    "missing value": ("id,y_pred\n1,1\n2,2\n3,nan\n", "x.csv:4:y_pred:", "missing value"),
    "a row of missing values": ("id,y_pred\n1,1\n,\n3,3\n", "x.csv:3:y_pred:", "missing value"),
    "a last row of missing values": ("id,y_pred\n1,1\n2,2\n,\n", "x.csv:4:y_pred:", "missing value"),
    "ragged, longer": ("id,y_pred\n1,1\n2,2,2\n3,3\n", "x.csv:3:", "3 fields, the header has 2"),
    "ragged, shorter": ("id,y_pred\n1,1\n2\n3,3\n", "x.csv:3:", "1 field, the header has 2"),
    "ragged, all rows": ("id,y_pred\n1,1,9\n2,2,9\n3,3,9\n", "x.csv:2:", "3 fields, the header has 2"),
    "ragged, no header": ("1\n2,2\n3\n", "x.csv:2:", "2 fields, the first row has 1"),
    "a comma at the end of rows": ("id,y_pred\n1,1,\n2,2,\n3,3,\n", "x.csv:2:", "3 fields, the header has 2"),
    "cut in a row": ("id,y_pred,z\n1,1,1\n2,2,2\n3,3", "x.csv:4:", "2 fields, the header has 3"),
    "blank row": ("y_pred\n1\n\n3\n", "x.csv:3:", "blank row"),
    "blank row of several columns": ("id,y_pred\n1,1\n\n3,3\n", "x.csv:3:", "blank row"),
    "row of spaces": ("y_pred\n1\n  \t\n3\n", "x.csv:3:", "blank row"),
    "blank first row": ("\ny_pred\n1\n2\n3\n", "x.csv:1:", "blank row"),
    "column name twice": ("y_pred,y_pred\n1,1\n2,2\n3,3\n", "x.csv:1:", "'y_pred' appears twice"),
    "unused column name twice": ("z,z,y_pred\n1,1,1\n2,2,2\n3,3,3\n", "x.csv:1:", "'z' appears twice"),
    "quote never closed": ('y_pred\n1\n"2\n3\n', "x.csv:3:", "never closed"),
    "quote never closed at the end": ('y_pred\n1\n2\n"3', "x.csv:4:", "never closed"),
    "quote never closed in an unused column": ('z,y_pred\na,1\n"b,2\nc,3\n', "x.csv:3:", "never closed"),
    "quote never closed in the header": ('"y_pred\n1\n2\n3\n', "x.csv:1:", "never closed"),
    "quote never closed without a header": ('1\n"2\n3\n', "x.csv:2:", "never closed"),
    "text after a quote": ('y_pred\n1\n"1"2\n3\n', "x.csv:3:", '"1"2'),
    "text before a quote": ('y_pred\n1\n1"2"\n3\n', "x.csv:3:", '1"2"'),
    "quotes in an unused cell": ('z,y_pred\na,1\nb"b"b,2\nc,3\n', "x.csv:3:", 'b"b"b'),
    "decimal comma between semicolons": ("z;y_pred\n1;1\n2;2,5\n3;3\n", "x.csv:3:y_pred:", "decimal comma"),
    "decimal comma between commas": ("z,y_pred\n1,1\n2,2,5\n3,3\n", "x.csv:3:", "decimal comma"),
    "decimal comma alone": ("y_pred\n1\n2,5\n3\n", "x.csv:3:", "decimal comma"),
    "thousands": ('y_pred\n1\n"1,234.5"\n3\n', "x.csv:3:y_pred:", "thousands"),
    "NUL": ("y_pred\n1\n\0002\n3\n", "x.csv:3:", "NUL"),
    "NUL at the end": ("y_pred\n1\n2\n3\n\0\0\0\0", "x.csv:5:", "NUL"),
    "NUL in an unused column": ("z,y_pred\na,1\n\0,2\nc,3\n", "x.csv:3:", "NUL"),
    "latin-1": (b"y_pred\n1\n\xe9\n3\n", "x.csv:3:", "0xE9"),
    "latin-1 in an unused column": (b"z,y_pred\na,1\n\xe9,2\nc,3\n", "x.csv:3:", "0xE9"),
    "latin-1 in the header": (b"\xe9,y_pred\na,1\nb,2\nc,3\n", "x.csv:1:", "0xE9"),
    "a fault in UTF-16": ("y_pred\n1\nx\n3\n".encode("utf-16"), "x.csv:3:y_pred:", "'x'"),
    "UTF-16 without its mark": ("y_pred\n1\n2\n3\n".encode("utf-16-le"), "x.csv:1:", "NUL"),
    "header of numbers": ("0,1,2\n0.5,0.5,0\n0.25,0.25,0.5\n1,0,0\n", "x.csv:1:", "--header or --no-header"),
    "header of numbers from one": ("1,2\n0.5,0.5\n0.25,0.75\n1,0\n", "x.csv:1:", "--header or --no-header"),
    "wide integer beside a fraction": ("y_pred\n1\n9007199254740993\n2.5\n", "x.csv:3:y_pred:", "x.csv:4:y_pred"),
    "fraction beside a wide integer": ("y_pred\n2.5\n1\n-9007199254740993\n", "x.csv:4:y_pred:", "x.csv:2:y_pred"),
    "second header": ("y_pred\n1\ny_pred\n3\n", "x.csv:3:", "the header again"),
    "comment first": ("# made by x\ny_pred\n1\n2\n3\n", "x.csv:1:", "--comment"),
    "a web page": ("<!DOCTYPE html>\n<html>\n<p>1</p>\n", "x.csv:1:", "HTML"),
    "a JSON array": ("[1, 2, 3]\n", "x.csv:1:", "JSON"),
    "missing first value without header": ("nan\n2\n3\n", "x.csv:1:", "missing value"),
    "byte order mark inside": ("y_pred\n1\n\ufeff2\n3\n", "x.csv:3:y_pred:", "U+FEFF"),
    "byte order mark after the header": ("y_pred\n\ufeff1\n2\n3\n", "x.csv:2:y_pred:", "U+FEFF"),
    "quoted line ends before the fault": ('z,y_pred\n"a\nb\n",1\nx,2\ny,z\n', "x.csv:6:y_pred:", "'z'"),
    "quoted line ends in the header": ('"a\nb",y_pred\nx,1\n"x\n",2\ny,z\n', "x.csv:6:y_pred:", "'z'"),
}


@pytest.mark.parametrize("block", [1, 2, BLOCK])
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, block: int, here: Path) -> None:
    data, place, word = REFUSED[name]
    message = refusal(here, data, block=block)
    assert message.startswith(place)
    assert word in message
    assert "\n" not in message


@pytest.mark.parametrize("name", [name for name in REFUSED if "UTF-16" not in name])
def test_refused_with_windows_line_ends(name: str, here: Path) -> None:
    """The same fault at the same place, with CRLF for LF."""
    data, place, word = REFUSED[name]
    message = refusal(here, support.encoded(data).replace(b"\n", b"\r\n"))
    assert message.startswith(place)
    assert word in message


def test_a_blank_row_among_many(here: Path, many_rows: str) -> None:
    put(here, {"both.csv": "y_pred,y\n" + many_rows + "\n\n1,2\n"})
    with pytest.raises(InputError, match=f"both.csv:{LONG + 1}: blank row"):
        losscli.evaluate("mae", pred="both.csv")


def test_many_missing_values_are_counted_to_the_end(here: Path, many_rows: str) -> None:
    put(here, {"both.csv": f"y_pred,y\n1,2\n1,\n{many_rows}NA,nan\n"})
    with pytest.raises(InputError, match=r"^both.csv:3:y: 3 missing values"):
        losscli.evaluate("mae", pred="both.csv")


def test_rows_are_counted_to_the_end_of_both_files(here: Path, many_rows: str) -> None:
    put(here, {"x.csv": "y_pred,z\n" + many_rows, "t.csv": "y,z\n" + many_rows + "1,2\n"})
    with pytest.raises(InputError, match=f"x.csv has {LONG - 1} rows, t.csv has {LONG} rows"):
        mae()


@pytest.fixture(scope="module")
def many_rows() -> str:
    """299 999 good rows of two columns."""
    return "1.5,2\n" * (LONG - 1)


# Accepted: the file, the mean of its three values, and whether something is said of it

ACCEPTED = {
    "plain": ("y_pred\n1\n2\n3\n", 2.0, ""),
    "byte order mark": ("\ufeffy_pred\n1\n2\n3\n", 2.0, ""),
    "byte order mark without a header": ("\ufeff1\n2\n3\n", 2.0, ""),
    "byte order mark before a quote": ('\ufeff"y_pred"\n1\n2\n3\n', 2.0, ""),
    "CRLF": ("y_pred\r\n1\r\n2\r\n3\r\n", 2.0, ""),
    "CR alone": ("y_pred\r1\r2\r3\r", 2.0, ""),
    "LF and CRLF": ("y_pred\n1\r\n2\n3\r\n", 2.0, ""),
    "no final line end": ("y_pred\n1\n2\n3", 2.0, "no line end"),
    "blank lines at the end": ("y_pred\n1\n2\n3\n\n\n", 2.0, ""),
    "lines of spaces at the end": ("y_pred\n1\n2\n3\n  \n \n", 2.0, ""),
    "quoted": ('"y_pred"\n"1"\n"2"\n"3"\n', 2.0, ""),
    "quotes in quotes": ('"a ""b""",y_pred\n"""",1\n"x,y",2\n"",3\n', 2.0, ""),
    "line ends in quotes": ('z,y_pred\n"a\nb",1\n"\n\n",2\n"\r\n",3\n', 2.0, ""),
    "spaces": (" y_pred \n 1\n2 \n\t3 \n", 2.0, ""),
    "spaces after commas": ("id, y_pred\n1, 1\n2, 2\n3, 3\n", 2.0, ""),
    "booleans": ("y_pred\nTrue\nfalse\nTRUE\n", 2 / 3, ""),
    "underflow": ("y_pred\n1e-400\n-1e-400\n3\n", 1.0, ""),
    "spellings": ("y_pred\n+1.\n.5e1\n00E0\n", 2.0, ""),
    "no header": ("1\n2\n3\n", 2.0, ""),
    "tabs": ("id\ty_pred\n9\t1\n9\t2\n9\t3\n", 2.0, "separated by"),
    "semicolons": ("id;y_pred\n9;1\n9;2\n9;3\n", 2.0, "separated by"),
    "bars": ("id|y_pred\n9|1\n9|2\n9|3\n", 2.0, "separated by"),
    "semicolons in a text": ("z,y_pred\na;b,1\nc;d,2\ne;f,3\n", 2.0, ""),
    "a comma at the end of every row": ("y_pred,\n1,\n2,\n3,\n", 2.0, ""),
    "faults of meaning in an unused column": ("z,y_pred\nabc,1\n,2\n1e400,3\n", 2.0, ""),
    "pandas index": (",y_pred\n0,1\n1,2\n2,3\n", 2.0, "taken for an index"),
    "UTF-16": ("y_pred\n1\n2\n3\n".encode("utf-16"), 2.0, "read as UTF-16"),
    "long cell": ("z,y_pred\n" + "x" * 100_000 + ",1\ny,2\nz,3\n", 2.0, ""),
    "many columns": (",".join(["y_pred", *(f"c{k}" for k in range(2000))]) + 3 * ("\n2" + ",0" * 2000) + "\n", 2.0, ""),
    "usual name in capitals": ("ID,Y_Pred\n9,1\n9,2\n9,3\n", 2.0, ""),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str, here: Path) -> None:
    data, mean, note = ACCEPTED[name]
    put(here, {"x.csv": data})
    report = mae(target=[0.0, 0.0, 0.0])
    assert report.value == mean
    assert report.results[0].n == 3
    assert bool(report.notes) == bool(note)
    assert note in "".join(report.notes)


def test_infinity_may_be_let_in(here: Path) -> None:
    put(here, {"x.csv": "y_pred\n1\n-inf\nInfinity\n"})
    assert mae(target=[1.0, 1.0, 1.0], allow_inf=True).value == math.inf


@pytest.mark.parametrize(
    ("pred", "target", "expected"),
    [
        ("9007199254740993", "9007199254740992", 1.0),
        ("-9007199254740993", "-9007199254740992", 1.0),
        ("18446744073709551617", "18446744073709551616", 1.0),
        ("9007199254740993.0", "9007199254740992", 0.0),
    ],
)
def test_integers_keep_every_digit(pred: str, target: str, expected: float, here: Path) -> None:
    put(here, {"x.csv": f"y_pred\n{pred}\n7\n", "t.csv": f"y\n{target}\n7\n"})
    assert mae().value == expected / 2


def test_a_wide_integer_far_from_a_fraction_is_refused(here: Path, many_rows: str) -> None:
    put(here, {"both.csv": f"y_pred,y\n9007199254740993,2\n{many_rows}"})
    with pytest.raises(InputError, match=r"^both.csv:2:y_pred: .*both.csv:3:y_pred"):
        losscli.evaluate("mae", pred="both.csv")


def test_a_row_of_tabs_is_a_row_of_missing_values(here: Path) -> None:
    """Empty cells between tabs are cells: the row is not taken for a blank line at the end, and never dropped."""
    put(here, {"both.csv": "y_pred\ty\n1\t1\n2\t4\n\t\n"})
    with pytest.raises(InputError, match=r"both.csv:4:y_pred: 2 missing values"):
        losscli.evaluate("mae", pred="both.csv")


@pytest.mark.parametrize("data", ["y_pred,y\r1,5\n2,2\n", "y_pred,y\n1,5\r2,2\n", "y_pred,y\r1,5\r\n2,2\r\n"])
def test_a_lone_carriage_return_hides_no_row(data: str, here: Path) -> None:
    """It ends a row or is refused; the row behind it is not lost with the header."""
    put(here, {"both.csv": data})
    try:
        report = losscli.evaluate("mae", pred="both.csv")
    except InputError as error:
        assert str(error).startswith("both.csv:")  # noqa: PT017
    else:
        assert (report.value, report.results[0].n) == (2.0, 2)


def test_more_leading_zeros_than_python_likes(here: Path) -> None:
    put(here, {"x.csv": "y_pred\n" + "0" * 5000 + "9007199254740993\n", "t.csv": "y\n9007199254740992\n"})
    assert mae().value == 1.0


def test_a_row_beyond_16_mib_is_refused(here: Path) -> None:
    put(here, {"x.csv": "z,y_pred\na,1\n" + "x" * (17 << 20) + ",2\nb,3\n", "t.csv": TARGETS})
    with pytest.raises(InputError, match=r"^x.csv:3: a row longer than 16 MiB"):
        mae()


# Which column

ASKS = {
    "two without a usual name": ("a,b\n1,2\n2,3\n3,4\n", "--pred-col NAME; its columns: a, b"),
    "two usual names": ("pred,y_pred\n1,2\n2,3\n3,4\n", "--pred-col pred or y_pred"),
    "two spellings of a usual name": ("Pred,pred\n1,2\n2,3\n3,4\n", "--pred-col Pred or pred"),
    "no index and another": (",a\n1,1\n2,2\n3,3\n", "its columns: (unnamed), a"),
    "two without names": ("1,2\n3,4\n5,6\n", "say 0 to 1"),
}


@pytest.mark.parametrize("name", ASKS)
def test_asks_for_the_column(name: str, here: Path) -> None:
    data, word = ASKS[name]
    message = refusal(here, data, code=2)
    assert message.startswith("x.csv: which column is pred?")
    assert word in message


def test_a_column_that_is_not_there(here: Path) -> None:
    put(here, {"x.csv": "y_pred,model_a\n1,2\n", "t.csv": "y\n1\n"})
    with pytest.raises(UsageError, match=r"^x.csv: has no column 'model-a' for pred; did you mean 'model_a'\?"):
        mae(columns={"pred": "model-a"})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [("b", 2.0), ("1", 2.0), ("'1'", 3.0), ("*'", 3.0), ("0", 1.0)],
    ids=["name", "position", "name of a digit", "glob", "first"],
)
def test_columns_by_name_glob_and_position(columns: str, expected: float, here: Path) -> None:
    put(here, {"x.csv": "a,b,'1'\n1,2,3\n", "t.csv": "y\n0\n"})
    assert mae(columns={"pred": columns}).value == expected


def test_a_name_comes_before_a_position_and_a_comma(here: Path) -> None:
    put(here, {"x.csv": '1,0,"a,b",a,b\n5,6,7,8,9\n', "t.csv": "y\n0\n"})
    means = {name: mae(columns={"pred": name}, header=True).value for name in ("0", "1", "a,b", "4")}
    assert means == {"0": 6.0, "1": 5.0, "a,b": 7.0, "4": 9.0}


@pytest.mark.parametrize("position", ["2", "-1", "1.0", "0x0", "\u0661", "9" * 5000])
def test_a_position_that_is_none(position: str, here: Path) -> None:
    put(here, {"x.csv": "a,b\n1,2\n", "t.csv": "y\n0\n"})
    with pytest.raises(UsageError, match=r"^x.csv: has no column '"):
        mae(columns={"pred": position})


def test_one_column_twice_is_refused(here: Path) -> None:
    put(here, {"x.csv": "a,b\n1,2\n", "t.csv": "y\n0\n"})
    with pytest.raises(UsageError, match="'b' is given twice"):
        mae(columns={"pred": ["b", "a,1"]})


@pytest.mark.parametrize(("header", "mean"), [(None, 2.5), (False, 2.5), (True, 3.0)])
def test_header_as_it_is_said(header: bool | None, mean: float, here: Path) -> None:
    put(here, {"x.csv": "1\n2\n3\n4\n"})
    assert mae(target=np.zeros(4 if not header else 3), header=header).value == mean


def test_a_header_that_is_denied_is_data(here: Path) -> None:
    put(here, {"x.csv": "y_pred\n1\n"})
    with pytest.raises(InputError, match=r"^x.csv:1:.*'y_pred' is not a number"):
        mae(target=[1.0, 1.0], header=False)


# Labels of classes

PROBS = "0.5,0.25,0.25\n0.25,0.5,0.25\n0.125,0.125,0.75\n"
VALUE = (2 * math.log(2) - math.log(0.75)) / 3
SAME = {
    "index": ("p_cat,p_dog,p_owl", "label\n0\n1\n2\n"),
    "whole floats": ("p_cat,p_dog,p_owl", "label\n0.0\n1.0\n2.0\n"),
    "names": ("cat,dog,owl", "label\ncat\ndog\nowl\n"),
    "names after a stem": ("p_cat,p_dog,p_owl", "label\ncat\ndog\nowl\n"),
    "names after a long stem": ("model_p_cat,model_p_dog,model_p_owl", "label\ncat\ndog\nowl\n"),
    "spaces and quotes": ("p_cat,p_dog,p_owl", 'label\n cat\n"dog"\nowl \n'),
    "names that share letters": ("north,nord,none", "label\nnorth\nnord\nnone\n"),
    "NA is a name": ("p_NA,p_nan,p_owl", "label\nNA\nnan\nowl\n"),
    "zeros in front are part of a name": ("p_7,p_07,p_007", "label\n7\n07\n007\n"),
    "integer headers are names": ("p_3,p_7,p_9", "label\n3\n7\n9\n"),
    "integer headers, whole floats": ("p_3,p_7,p_9", "label\n3.0\n7.0\n9.0\n"),
    "integer headers in another order": ("p_2,p_0,p_1", "label\n2\n0\n1\n"),
    "one-hot": ("p_cat,p_dog,p_owl", "cat,dog,owl\n1,0,0\n0,1,0\n0,0,1\n"),
    "one-hot in another order": ("p_cat,p_dog,p_owl", "owl,cat,dog\n0,1,0\n0,0,1\n1,0,0\n"),
    "one-hot after stems": ("p_cat,p_dog,p_owl", "y_owl,y_cat,y_dog\n0,1,0\n0,0,1\n1,0,0\n"),
    "one-hot without names": ("p_cat,p_dog,p_owl", "1,0,0\n0,1,0\n0,0,1\n"),
}


@pytest.mark.parametrize("block", [1, 2, BLOCK])
@pytest.mark.parametrize("name", SAME)
def test_labels_that_mean_the_same(name: str, block: int, here: Path) -> None:
    header, targets = SAME[name]
    put(here, {"p.csv": f"{header}\n{PROBS}", "t.csv": targets})
    value = losscli.evaluate("cross_entropy", pred="p.csv", target="t.csv", block=block).value
    assert value == pytest.approx(VALUE, rel=1e-15)


def test_integer_headers_are_names_without_a_stem(here: Path) -> None:
    put(here, {"p.csv": f"3,7,9\n{PROBS}", "t.csv": "label\n3\n7\n9\n"})
    report = losscli.evaluate("cross_entropy", pred="p.csv", target="t.csv", header=True)
    assert report.value == pytest.approx(VALUE, rel=1e-15)


def test_the_order_of_headers_is_the_order_of_classes(here: Path) -> None:
    pred = "owl,cat,dog\n0.25,0.5,0.25\n0.25,0.25,0.5\n0.75,0.125,0.125\n"
    put(here, {"p.csv": pred, "t.csv": "label\ncat\ndog\nowl\n"})
    assert losscli.evaluate("cross_entropy", pred="p.csv", target="t.csv").value == pytest.approx(VALUE, rel=1e-15)


def test_soft_targets_in_another_order(here: Path) -> None:
    put(here, {"p.csv": "p_a,p_b\n0.5,0.5\n0.25,0.75\n", "t.csv": "b,a\n1,0\n0.75,0.25\n"})
    report = losscli.evaluate("cross_entropy", pred="p.csv", target="t.csv")
    assert report.value == pytest.approx(-(math.log(0.5) + 0.25 * math.log(0.25) + 0.75 * math.log(0.75)) / 2)
    assert report.inputs[1].columns == ("a", "b")


BAD_LABELS = {
    "unknown": ("label\ncat\ndog\nowls\n", "t.csv:4:label:", "did you mean 'owl'"),
    "another case": ("label\nCat\ndog\nowl\n", "t.csv:2:label:", "did you mean 'cat'"),
    "beyond the last": ("label\n0\n1\n3\n", "t.csv:4:label:", "label 3 is outside 0..2"),
    "counting from one": ("label\n1\n2\n3\n", "t.csv:4:label:", "count from 1"),
    "negative": ("label\n0\n-1\n2\n", "t.csv:3:label:", "label -1 is outside 0..2"),
    "not whole": ("label\n0\n1.7\n2\n", "t.csv:3:label:", "1.7 is not an integer"),
    "infinite": ("label\n0\ninf\n2\n", "t.csv:3:label:", "inf"),
    "missing": ("id,label\n1,cat\n2,\n3,owl\n", "t.csv:3:label:", "missing label"),
    "other columns": ("cat,dog,cow\n1,0,0\n0,1,0\n0,0,1\n", "t.csv:", "cat, dog, cow"),
    "a column short": ("cat,dog\n1,0\n0,1\n0,1\n", "shapes differ", "a column a class"),
    "two of one-hot": ("cat,dog,owl\n1,0,0\n0,1,1\n0,0,1\n", "t.csv:3", "add up to 2"),
    "none of one-hot": ("cat,dog,owl\n1,0,0\n0,0,0\n0,0,1\n", "t.csv:3", "add up to 0"),
    "soft targets beyond one": ("cat,dog,owl\n1,0,0\n0,2,-1\n0,0,1\n", "t.csv:3:dog", "outside [0, 1]"),
}


@pytest.mark.parametrize("block", [1, BLOCK])
@pytest.mark.parametrize("name", BAD_LABELS)
def test_refused_labels(name: str, block: int, here: Path) -> None:
    targets, place, word = BAD_LABELS[name]
    put(here, {"p.csv": f"p_cat,p_dog,p_owl\n{PROBS}", "t.csv": targets})
    with pytest.raises(InputError) as caught:
        losscli.evaluate("cross_entropy", pred="p.csv", target="t.csv", block=block)
    assert str(caught.value).startswith(place)
    assert word in str(caught.value)


BAD_PROBS = {
    "two certainties": "1,1,0",
    "no certainty": "0,0,0",
    "one digit": "0.9,0.9,0.1",
    "many digits": "0.5,0.25,0.2503",
    "logits": "1.5,-1,0.5",
}


@pytest.mark.parametrize("name", BAD_PROBS)
def test_rows_of_probabilities_that_are_none(name: str, here: Path) -> None:
    """Whole numbers are not rounded: a row of 1, 1, 0 adds up to 2, however few digits it is printed with."""
    put(here, {"p.csv": f"p_a,p_b,p_c\n1,0,0\n{BAD_PROBS[name]}\n", "t.csv": "label\na\nb\n"})
    with pytest.raises(InputError, match=r"^p.csv:3(:p_.)?: .*(add up to|outside \[0, 1\])"):
        losscli.evaluate("cross_entropy", pred="p.csv", target="t.csv")


def test_probabilities_may_be_rounded(here: Path) -> None:
    put(here, {"p.csv": "p_a,p_b,p_c\n0.33,0.33,0.33\n0.7,0.2,0.2\n1,0,0\n", "t.csv": "label\na\na\na\n"})
    value = losscli.evaluate("cross_entropy", pred="p.csv", target="t.csv").value
    assert value == pytest.approx(-math.log(0.33 * 0.7) / 3, rel=1e-15)


def test_an_integer_label_that_is_no_integer_header(here: Path) -> None:
    put(here, {"p.csv": f"p_3,p_7,p_9\n{PROBS}", "t.csv": "label\n3\n0\n9\n"})
    with pytest.raises(InputError, match=r"^t.csv:3:label: label '0' is no class; .*3, 7, 9"):
        losscli.evaluate("cross_entropy", pred="p.csv", target="t.csv")


# Through the command line: a representative part

SAID = {
    "a place": ("y_pred\n1\n2,5\n3\n", 3),
    "a question": ("a,b\n1,2\n2,3\n3,4\n", 2),
    "a note": ("y_pred\n1\n2\n3", 0),
    "letters of a file": ("y_pred\n1\n\u22122\n3\n", 3),
}


@pytest.mark.parametrize("name", SAID)
def test_the_command_line_prints_the_same_message(name: str, here: Path) -> None:
    data, code = SAID[name]
    put(here, {"x.csv": data, "t.csv": TARGETS})
    ran = support.run("eval", "--loss", "mae", "x.csv", "t.csv", cwd=here)
    try:
        expected = f"note: {mae().notes[0]}"
    except losscli.LossError as error:
        expected = f"error: {error}"
    assert ran.stderr == f"losscli: {expected}\n"
    assert ran.code == code
    assert bool(ran.stdout) == (code == 0)


# Random tables, and random cells

floats = st.integers(0, 2**64 - 1).map(lambda bits: float(np.uint64(bits).view(np.float64))).filter(math.isfinite)
texts = st.text(st.sampled_from('ab é\u4e2d,;\t|"\n#'), max_size=8)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[float]], list[str], bytes]:
    """Numbers, texts, and a file that holds both, with any quoting, separator and line ends."""
    rows, width = draw(st.integers(1, 40)), draw(st.integers(1, 4))
    numbers = [draw(st.lists(floats, min_size=width, max_size=width)) for _ in range(rows)]
    words = draw(st.lists(texts, min_size=rows, max_size=rows))
    separator, end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n"]))
    quoted = draw(st.booleans())
    lines = [[f"n{k}" for k in range(width)] + ["text"]]
    for values, word in zip(numbers, words, strict=True):
        cells = [f'"{v!r}"' if quoted else repr(v) for v in values]
        lines.append([*cells, '"' + word.replace('"', '""') + '"'])
    mark = draw(st.sampled_from(["", "\ufeff"]))
    tail = draw(st.sampled_from(["", end, end + end]))
    return numbers, words, (mark + end.join(separator.join(line) for line in lines) + tail).encode()


@given(table=tables(), size=st.sampled_from([1, 2, 3, 7, 1 << 15]))
@settings(max_examples=150)
def test_random_tables_are_read_back_bit_for_bit(table: Any, size: int, tmp_path_factory: Any) -> None:
    numbers, words, data = table
    path = tmp_path_factory.getbasetemp() / "random.csv"
    path.write_bytes(data)
    width = len(numbers[0])
    with closing(open_reader("table", path)) as reader:
        blocks = list(reader.read([Pick(tuple(range(width))), Pick((width,), labels=True)], size))
    assert [c.name for c in reader.columns] == [f"n{k}" for k in range(width)] + ["text"]
    read = np.concatenate([block.values[0].reshape(-1, width) for block in blocks])
    assert read.astype(np.float64).tobytes() == np.array(numbers).tobytes()
    labels = [["", *block.values[1].names][code + 1] for block in blocks for code in block.values[1].codes]
    assert labels == [word.strip() for word in words]


@st.composite
def dialects(draw: st.DrawFn) -> tuple[list[list[float]], list[str], list[int], bytes, dict[str, Any]]:
    """Numbers, texts, the lines that their rows start at, a file of any dialect, and what is said of it."""
    rows, width = draw(st.integers(1, 20)), draw(st.integers(1, 3))
    numbers = [draw(st.lists(floats, min_size=width, max_size=width)) for _ in range(rows)]
    words = draw(st.lists(texts, min_size=rows, max_size=rows))
    separator, end = draw(st.sampled_from(";\t|")), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    if end == "\r":  # among which a line feed tells of another kind of line ends
        words = [word.replace("\n", " ") for word in words]
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "gb18030"]))
    said: dict[str, Any] = {"decimal": draw(st.sampled_from(".,")), "encoding": encoding}
    if draw(st.booleans()):
        said["thousands"] = ".,"[said["decimal"] == "."]
    if draw(st.booleans()):
        said["delimiter"] = separator
    left_out = []
    if draw(st.booleans()):
        said["comment"] = "#"
        left_out += ["# a comment", ' #"', "#" + separator + "x"]
    if draw(st.booleans()):
        said["skip_blank"] = True
        left_out += ["", "  "]
    text, lines = "", []
    header = [*(f"n{k}" for k in range(width)), "text"]
    marks = str.maketrans({",": said.get("thousands", ""), ".": said["decimal"]})
    written = [[f"{v:,}".translate(marks) for v in values] for values in numbers]
    for cells in [header, *([*c, '"' + w.replace('"', '""') + '"'] for c, w in zip(written, words, strict=True))]:
        for line in draw(st.lists(st.sampled_from(left_out), max_size=2)) if left_out else []:
            text += line + end
        lines.append(1 + text.replace("\r\n", "\n").count(end.strip("\r") or "\r"))
        text += separator.join(cells) + end
    return numbers, words, lines[1:], text.encode(encoding), said


@given(table=dialects(), size=st.sampled_from([1, 2, 7, 1 << 15]))
@settings(max_examples=150)
def test_random_tables_of_any_dialect_are_read_back(table: Any, size: int, tmp_path_factory: Any) -> None:
    """Twice, since a gradient reads twice; and each row stands at the line that an editor shows."""
    numbers, words, lines, data, said = table
    path = tmp_path_factory.getbasetemp() / "dialect.csv"
    path.write_bytes(data)
    width = len(numbers[0])
    with closing(open_reader("table", path, reading_of(**said))) as reader:
        picks = [Pick(tuple(range(width))), Pick((width,), labels=True, key=True)]
        for blocks in (list(reader.read(picks, size)), list(reader.read(picks, size))):
            read = np.concatenate([block.values[0].reshape(-1, width) for block in blocks])
            assert read.astype(np.float64).tobytes() == np.array(numbers).tobytes()
            assert [cell or "" for block in blocks for cell in cells_of(block.values[1])] == [w.strip() for w in words]
            assert [block.at(i) for block in blocks for i in range(len(block))] == [f"{path}:{n}" for n in lines]


PIECES = [
    *(",", ";", "\t", "|", '"', '""', "\n", "\r\n", "\r", " ", "\0", "\xe9", "nan", "NA", "inf", "1e400", "0x1", "1_0"),
    *("9007199254740993", "2.5", "-", "a", "\ufeff", "#", "True", "\v", "\xa0", "\u2028", "-0", "1", "0"),
]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A small table with pieces of text put in anywhere, or characters taken out."""
    width, separator = draw(st.integers(1, 3)), draw(st.sampled_from(",,;\t"))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    cells = st.sampled_from(["1", "2.5", "-3", '"4"', "1e3"])
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=5))
    header = [["y_pred", "y", "z"][:width]] if draw(st.booleans()) else []
    text = end.join(separator.join(row) for row in header + rows) + draw(st.sampled_from(["", end]))
    for piece in draw(st.lists(st.sampled_from(["", *PIECES]), max_size=3)):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + piece + text[at + (not piece) :]
    return text


@given(text=damaged(), size=st.sampled_from([1, 2, 100]))
@settings(max_examples=600)
def test_a_damaged_file_is_refused_or_read_as_it_stands(text: str, size: int, tmp_path_factory: Any) -> None:
    """What is accepted is what Python's own csv module reads, row for row and column for column."""
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_bytes(text.encode())
    try:
        with closing(open_reader("damaged", path)) as reader:
            blocks = list(reader.read([Pick((k,)) for k in range(len(reader.columns))], size))
    except losscli.LossError:
        return
    found = [[float(v) for block in blocks for v in block.values[k].tolist()] for k in range(len(reader.columns))]
    separator = next((ast.literal_eval(note.split()[-1]) for note in reader.notes if "separated" in note), ",")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator, strict=True))
    while not "".join(rows[-1]).strip() and len(rows[-1]) < 2:
        rows.pop()
    expected = [[number(cell.strip()) for cell in column] for column in zip(*rows[reader.headed :], strict=True)]
    np.testing.assert_array_equal(found, expected)


def number(cell: str) -> float:
    """What an accepted cell must mean; a ValueError for one that must not be accepted."""
    words = {"true": 1.0, "false": 0.0, "na": math.nan, "": math.nan}
    if NUMBER.fullmatch(cell) or cell.lower().lstrip("+-") in ("inf", "nan"):
        return float(cell)
    if cell.lower() not in words:
        raise ValueError(cell)
    return words[cell.lower()]


NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
cells = st.one_of(
    st.text(st.sampled_from("0123456789+-.eExX_ infaN"), min_size=1, max_size=9),
    st.from_regex(NUMBER, fullmatch=True).map(lambda text: text[:30]),
    floats.map(repr),
)


@given(cell=cells)
@settings(max_examples=400)
def test_a_cell_is_the_number_that_the_grammar_says_or_is_refused(cell: str, tmp_path_factory: Any) -> None:
    """Numbers are what they are in decimal notation; everything else is missing, infinite, a truth value or refused."""
    path = tmp_path_factory.getbasetemp() / "cell.csv"
    path.write_text(f"id,y_pred\n0,{cell}\n")
    text = cell.strip()
    if NUMBER.fullmatch(text) and math.isfinite(float(text)):
        value = losscli.evaluate("bias", pred=path, target=[0.0]).value
        assert (value, math.copysign(1, value)) == (float(text), math.copysign(1, value))
    else:
        with pytest.raises(InputError, match=r"cell.csv:2:y_pred: (missing value|infinite value|'.*' is)"):
            losscli.evaluate("bias", pred=path, target=[0.0])
