"""Every reader on files that are damaged, odd or hostile: refused in one line, or read as they stand.

`python -m tests.fuzz` tries many more; what it has found is kept here.
"""

import gzip
import re
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losscli.errors import InputError
from losscli.formats import Pick, open_reader
from tests.fuzz.__main__ import main
from tests.fuzz.agreement import Asked
from tests.fuzz.formats import FORMATS, Input
from tests.fuzz.numerals import RefusedError, number
from tests.fuzz.pool import Tally, chunks
from tests.fuzz.reference import table
from tests.fuzz.sandbox import FaultError, Sandbox, check
from tests.fuzz.trial import made, prepare, tried
from tests.support import ROOT, Ran, put, raw_npy, run_any

Run = Callable[..., Ran]
every_format = pytest.mark.parametrize("name", FORMATS)
INPUTS = {name: 40 if name == "csv-zst" else 150 for name in FORMATS}  # zstd takes long to begin


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def fault(folder: Path, name: str, one: Input, number: int) -> str:
    """What is wrong with how an input is read, or nothing."""
    with Sandbox(folder).entered() as sandbox:  # anew each time: pytest, too, puts other files in place of 1 and 2
        prepare(sandbox)
        return tried(sandbox, name, one, number).fault


@every_format
def test_a_file_is_refused_in_one_line_or_read_as_it_stands(name: str, folder: Path) -> None:
    found = Tally()
    with Sandbox(folder).entered() as sandbox:
        prepare(sandbox)
        for k in range(INPUTS[name]):
            found.add(k, tried(sandbox, name, made(name, 0, k), k))
    assert not found.faults
    assert found.accepted > INPUTS[name] / 10


@every_format
@settings(max_examples=20)
@given(random=st.randoms(use_true_random=False), number=st.integers(0, 1))
def test_a_file_that_shrinks(name: str, random: Random, number: int, folder: Path) -> None:
    """The same generators, drawn from in a way that finds the smallest file that fails."""
    assert not fault(folder, name, FORMATS[name].input(random), number)


@every_format
@settings(max_examples=20)
@given(data=st.data())
def test_pieces_in_any_order(name: str, data: st.DataObject, folder: Path) -> None:
    """No file at all: what means something in the format, and bytes that mean nothing."""
    form = FORMATS[name]
    start = b"" if name.startswith(("csv", "jsonl")) else form.make(Random(1), Asked())[:8]
    pieces = data.draw(st.lists(st.one_of(st.sampled_from(form.tokens), st.binary(max_size=9)), max_size=12))
    command, asked = data.draw(st.sampled_from(form.commands))
    assert not fault(folder, name, Input(start + b"".join(pieces), command, asked), 1)


def test_inputs_are_the_same_each_time() -> None:
    for name in FORMATS:
        assert [made(name, 3, k) for k in range(20)] == [made(name, 3, k) for k in range(20)]


def test_the_work_is_divided() -> None:
    """Every input once, whatever the number of formats."""
    for inputs in (0, 1, 7, 1000, 1999):
        work = chunks(("a", "b", "c"), inputs)
        assert sum(stop - start for _, start, stop in work) == inputs
        assert all(start < stop for _, start, stop in work)


def test_the_program_for_longer_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--inputs", "40", "--seed", "1", "--format", "csv", "--jobs", "1", "--keep", str(here / "kept")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("csv: 40 inputs, ")
    assert ", 0 failed\n" in said
    assert not list(here.iterdir())


HOSTILE = """
import mmap, os, time
from dataclasses import replace
from tests.fuzz import pool
from tests.fuzz.formats import FORMATS

def agree(path, data, asked, ran):
    if len(data) % 23 == 0:
        os.abort()
    if len(data) % 37 == 0:
        time.sleep(99)
    if len(data) % 31 == 0:
        b"x" * (400 << 20)
    if len(data) % 5 == 0:  # what one process can do but once
        kept.append(mmap.mmap(-1, 3 << 30))

kept = []
FORMATS["csv"] = replace(FORMATS["csv"], agree=agree)  # in the processes too, which import this file
pool.PATIENCE = 9.0
if __name__ == "__main__":
    found = pool.tally(1, pool.chunks(["csv"], 60), 2)["csv"]
    print(found.inputs, sorted(found.faults))
"""


@pytest.mark.slow
def test_a_process_that_dies_hangs_swells_or_is_worn(here: Path) -> None:
    """Each but the last is the fault of the input at hand, and every other input is tried."""
    put(here, {"hostile.py": HOSTILE})
    ran = run_any([sys.executable, "hostile.py"], b"", here, {"PYTHONPATH": str(ROOT)})
    lengths = {k: len(made("csv", 1, k).data) for k in range(60)}
    said = {23: "the process ends by SIGABRT", 37: "takes more than 9 seconds", 31: "took 400 MiB of memory"}
    expected = [
        (k, next(said[d] for d in said if n % d == 0)) for k, n in lengths.items() if any(n % d == 0 for d in said)
    ]
    assert len({fault for _, fault in expected}) == 3
    assert re.sub("took 4[0-9]{2} MiB", "took 400 MiB", ran.stdout) == f"60 {expected}\n"  # it varies by a few


# The judges themselves: a judge that lets everything pass would make all of this worthless

JUDGED = {
    "internal error": Ran("", "losscli: error: internal error\n", 70),
    "a signal": Ran("", "", -11),
    "a gate": Ran("1.0\n", "losscli: error: too much\n", 1),
    "two lines": Ran("", "losscli: error: a\nlosscli: error: b\n", 3),
    "a note beside a refusal": Ran("", "losscli: note: a\nlosscli: error: b\n", 3),
    "no line": Ran("", "", 3),
    "output and a refusal": Ran("1.0\n", "losscli: error: a\n", 3),
    "a warning of Python's": Ran("1.0\n", "x.py:1: RuntimeWarning: overflow\n", 0),
    "a traceback": Ran("", "Traceback (most recent call last):\nlosscli: error: a\n", 3),
    "an escape sequence": Ran("", "losscli: error: \x1b[31m\n", 3),
    "a bidirectional control": Ran("", "losscli: error: \u202e\n", 2),
    "a line that does not end": Ran("1.0\n", "losscli: note: a", 0),
    "an infinite value as success": Ran("inf\n", "", 0),
    "a finite value as failure": Ran("1.0\n", "losscli: error: a\n", 4),
    "an infinite value without a reason": Ran("inf\n", "", 4),
    "no value": Ran("", "", 0),
}


@pytest.mark.parametrize("name", JUDGED)
def test_what_is_no_answer(name: str) -> None:
    with pytest.raises(FaultError):
        check(JUDGED[name], is_bare=True)


@pytest.mark.parametrize(
    "ran",
    [
        Ran("1.0\n", "", 0),
        Ran("1.0\n", "losscli: note: a\nlosscli: warning: b\n", 0),
        Ran("inf\n", "losscli: note: a\nlosscli: error: b\n", 4),
        Ran("", "losscli: error: é\n", 3),
        Ran("", "losscli: error: a\n", 2),
    ],
)
def test_what_is_an_answer(ran: Ran) -> None:
    check(ran, is_bare=True)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *(
            ("1", 1.0),
            ("-0", -0.0),
            (" +.5e1 ", 5.0),
            ("True", 1.0),
            ("9007199254740993", 9007199254740993),
            ("inf", np.inf),
        ),
        *(("2.4703282292062327e-324", 0.0), ("2.4703282292062328e-324", 5e-324), ("9007199254740993.0", 2.0**53)),
        *(("1.7976931348623158e308", 1.7976931348623157e308), ("1e-99999999999", 0.0), ("0e99999999999", 0.0)),
    ],
)
def test_the_reference_on_cells(cell: str, value: float) -> None:
    assert repr(number(cell)) == repr(value)


@pytest.mark.parametrize("cell", ["1e400", "0x1", "1_0", "1,5", "", "\u0661", "1.7976931348623159e308", "--1", "1 2"])
def test_the_reference_refuses_cells(cell: str) -> None:
    if cell:
        with pytest.raises(RefusedError):
            number(cell)
    else:
        assert np.isnan(number(cell))


def test_the_reference_on_a_table() -> None:
    read = table(b'\xef\xbb\xbf"y ""x""";z\r\n1;"a\r\nb"\r\n2;\r\n\r\n')
    assert (read.names, read.headed, read.rows) == (['y "x"', "z"], True, [["1", "a\r\nb"], ["2", ""]])


# What it has found


def test_a_header_that_python_warns_of(here: Path, run: Run) -> None:
    """Python would print a line of its own for `1if`."""
    put(here, {"x.npy": raw_npy("1if 1else\n")})
    assert run("eval", "-l", "mae", "x.npy", "x.npy") == Ran(
        "", "losscli: error: x.npy: bad NPY header: it is not a plain dictionary\n", 3
    )


def test_damaged_metadata_of_a_column_that_is_not_asked_for(here: Path, run: Run) -> None:
    """To ask pyarrow for them ends the process, by a signal."""
    put(here, {"x.parquet": {"y_pred": [1.0, 2.0], "y": [0.0, 0.0], "z": [1.0, None]}})
    file = here / "x.parquet"
    optional, required = b"%\x02\x18\x01z", b"%\x00\x18\x01z"
    assert file.read_bytes().count(optional) == 1
    file.write_bytes(file.read_bytes().replace(optional, required))
    ran = run("eval", "-l", "mae", "x.parquet", "--format", "value")
    assert ran == Ran("1.5\n", "", 0)
    assert run("eval", "-l", "mae", "x.parquet", "--pred-col", "z").code == 3


def test_a_header_of_numbers_over_a_last_line_without_an_end(here: Path, run_here: Run) -> None:
    """The second row counts where it ends with the file: `0,1` was taken for the first row."""
    put(here, {"x.csv": "0,1\n0.5,0.25"})
    ran = run_here("eval", "-l", "mae", "x.csv", "--pred-col", "0", "--target-col", "1")
    assert (ran.code, "--header or --no-header" in ran.stderr) == (3, True)


@pytest.mark.parametrize("tail", ["", "\n", "\n  \n", "\r\n  \r\n", "\n\n"])
@pytest.mark.parametrize("rows", ["2|0.5", "y|z\n2|0.5"])
def test_the_separator_of_a_single_row(rows: str, tail: str, here: Path, run_here: Run) -> None:
    """It is found where blank lines follow, and where no line end does."""
    put(here, {"x.csv": rows + tail})
    ran = run_here("eval", "-l", "mae", "x.csv", "--pred-col", "0", "--target-col", "1", "--format", "value")
    assert (ran.stdout, ran.code) == ("1.5\n", 0)


def test_a_first_row_of_many_lines_before_a_second(here: Path, run_here: Run) -> None:
    """The second row is looked at as a whole, however long it is."""
    put(here, {"x.csv": '0,1\n"' + "\n" * 9000 + '0.5",2\n3,4\n'})
    ran = run_here("eval", "-l", "mae", "x.csv", "--pred-col", "0", "--target-col", "1")
    assert (ran.code, "--header or --no-header" in ran.stderr) == (3, True)


def test_the_line_of_a_second_row_that_is_too_long(here: Path, run_here: Run) -> None:
    put(here, {"x.csv": "y_pred,y\n1," + "x" * (17 << 20) + "\n"})
    ran = run_here("eval", "-l", "mae", "x.csv")
    assert (ran.code, ran.stderr) == (3, "losscli: error: x.csv:2: a row longer than 16 MiB; is it text?\n")


LISTS = {
    "mask": ("--mask-col", "z"),
    "weight": ("--weight-col", "z"),
    "where": ("--where", "z=1"),
    "show": ("--worst", "1", "--show", "z", "--json"),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_where_one_value_a_row_is_needed(name: str, here: Path, run_here: Run) -> None:
    """A condition on lists has kept rows that did not meet it; the others ended in an internal error."""
    put(here, {"x.parquet": {"y_pred": [1.0, 2.0, 4.0], "y": [0.0] * 3, "z": [[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]}})
    ran = run_here("eval", "-l", "mae", "x.parquet", *LISTS[name])
    assert ran.code == 2
    assert ran.stderr.startswith("losscli: error: x.parquet: column 'z' holds lists; ")
    assert " needs one value a row" in ran.stderr


def test_classes_of_which_some_are_lists(here: Path, run_here: Run) -> None:
    """`b` would be the name of the second entry of the lists in `a`."""
    put(here, {"x.parquet": {"a": [[0.5, 0.25], [0.5, 0.25]], "b": [0.25, 0.25]}, "t.csv": "label\na\nb\n"})
    ran = run_here("eval", "-l", "cross_entropy", "x.parquet", "t.csv")
    assert ran == Ran(
        "", "losscli: error: x.parquet: of the columns a, b some hold lists; say one of them for pred\n", 2
    )


def test_a_weight_file_of_lists(here: Path, run_here: Run) -> None:
    put(here, {"x.parquet": {"y_pred": [1.0, 2.0], "y": [0.0, 0.0]}, "w.parquet": {"w": [[1.0, 2.0], [1.0, 2.0]]}})
    ran = run_here("eval", "-l", "mae", "x.parquet", "--input", "weight=w.parquet")
    assert ran.code == 2
    assert ran.stderr.startswith("losscli: error: w.parquet: column 'w' holds lists; weight needs one value a row")


@pytest.mark.parametrize("option", ["--id", "--by"])
def test_lists_of_text(option: str, here: Path, run_here: Run) -> None:
    put(here, {"x.parquet": {"y_pred": [1.0, 2.0], "y": [0.0, 0.0], "z": [["a", "b"], ["c", "d"]]}})
    ran = run_here("eval", "-l", "mae", "x.parquet", option, "z")
    assert ran.code in (2, 3)
    assert "internal" not in ran.stderr


def test_a_mask_of_integers_beyond_float64(here: Path, run_here: Run) -> None:
    put(here, {"x.parquet": pa.table({"y_pred": [1.0], "y": [0.0], "m": pa.array([10**29], pa.decimal128(38, 0))})})
    ran = run_here("eval", "-l", "mae", "x.parquet", "--mask-col", "m")
    assert (ran.code, "a mask is 1 or true" in ran.stderr) == (3, True)


NULLS = pa.table({"y_pred": [1.0, 2.0, 4.0], "y": [0.0] * 3, "k": pa.array([1, None, 0], pa.int64())})


@pytest.mark.parametrize(("condition", "value"), [("k>=0", 2.5), ("k!=1", 4.0), ("k=1", 1.0)])
def test_a_condition_on_integers_and_nulls(condition: str, value: float, here: Path, run_here: Run) -> None:
    put(here, {"x.parquet": NULLS})
    ran = run_here("eval", "-l", "mae", "x.parquet", "--where", condition, "--format", "value")
    assert (float(ran.stdout), ran.code) == (value, 0)


def test_a_mask_of_integers_and_nulls(here: Path, run_here: Run) -> None:
    put(here, {"x.parquet": NULLS})
    ran = run_here("eval", "-l", "mae", "x.parquet", "--mask-col", "k")
    assert (ran.code, "missing mask" in ran.stderr) == (3, True)


@pytest.mark.parametrize("rest", [("--where", "0=7"), ("--by", "0"), ("--worst", "1", "--show", "0")])
def test_a_column_that_is_text_and_is_to_be_numbers(rest: tuple[str, ...], here: Path, run_here: Run) -> None:
    """A column in two parts: that text is wanted in one does not let it pass in the other."""
    put(here, {"x.parquet": {"y_pred": ["7", "8"], "y": [0.0, 0.0]}, "n.parquet": NULLS})
    ran = run_here("eval", "-l", "mae", "x.parquet", *rest)
    assert (ran.code, "'y_pred' is of type string, not numbers" in ran.stderr) == (3, True)
    ran = run_here("eval", "-l", "mae", "n.parquet", "--pred-col", "k", "--where", "k>=0", "--format", "value")
    assert (ran.code, "'k': missing value" in ran.stderr) == (0, False)


def test_text_that_is_not_utf8(here: Path, run_here: Run) -> None:
    put(here, {"x.parquet": pa.table({"y_pred": [1.0, 2.0], "y": [0.0, 0.0], "k": pa.array(["ab", "cd"])})})
    file = here / "x.parquet"
    file.write_bytes(file.read_bytes().replace(b"cd", b"\xff\x80"))
    for option in ("--by", "--id", "--mask-col"):
        ran = run_here("eval", "-l", "mae", "x.parquet", option, "k")
        assert (ran.code, "UTF8" in ran.stderr) == (3, True)


def test_integers_beyond_float64_beside_long_doubles(here: Path, run_here: Run) -> None:
    np.savez(here / "x.npz", y_pred=np.array([2.0, 4.0], np.longdouble), y=np.array([2**53 + 1, 2], np.int64))
    ran = run_here("eval", "-l", "mae", "x.npz", "x.npz", "--format", "value")
    assert (float(ran.stdout), ran.code) == ((2.0**53 + 1) / 2, 0)


def test_long_doubles_that_are_no_numbers(here: Path, run_here: Run) -> None:
    """To turn some of their bit patterns into float64 sets a flag of the processor, of which NumPy would warn."""
    pattern = bytes.fromhex("000000000000000000a000c000002000")
    put(here, {"x.npy": raw_npy("{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", pattern)})
    ran = run_here("eval", "-l", "mae", "x.npy", "x.npy")
    assert (ran.code, ran.stderr.count("\n")) == (3, 1)


@pytest.mark.parametrize(("descr", "body"), [("<U1", b"\xff\xff\xff\x7f"), ("|S1", b"\xff"), ("<U1", b"\0\xd8\x11\0")])
def test_arrays_of_text_that_is_not_unicode(descr: str, body: bytes, here: Path, run_here: Run) -> None:
    put(here, {"t.npy": raw_npy(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,)}}", body)})
    put(here, {"p.csv": "p_a,p_b\n0.5,0.5\n"})
    ran = run_here("eval", "-l", "cross_entropy", "p.csv", "t.npy")
    assert (ran.code, ran.stderr) == (3, "losscli: error: t.npy: column 0 holds text that is not Unicode\n")


@pytest.mark.parametrize("cell", ["9" * 1_000_000 + "x", "1_" * 500_000 + "x", "9" * 1_000_000 + "d+"])
def test_very_many_digits_that_are_no_number(cell: str, here: Path, run_here: Run) -> None:
    """Each digit is looked at once: a pattern that tried all ways to divide them took hours."""
    put(here, {"x.csv": f"y_pred,y\n{cell},1\n"})
    ran = run_here("eval", "-l", "mae", "x.csv")
    assert (ran.code, "is not a number" in ran.stderr) == (3, True)


def test_a_key_of_half_precision(here: Path, run_here: Run) -> None:
    """2^53 is infinite in float16, of which NumPy would warn on stderr."""
    keys = pa.array(np.array([1, 2], np.float16))
    put(here, {"x.parquet": pa.table({"y_pred": [1.0, 2.0], "y": [0.0, 0.0], "k": keys})})
    ran = run_here("eval", "-l", "mae", "x.parquet", "--id", "k", "--format", "value")
    assert ran == Ran("1.5\n", "", 0)


def test_a_value_outside_among_lists_and_numbers(here: Path, run_here: Run) -> None:
    """The place of a fault in columns of which one holds lists."""
    put(here, {"x.parquet": {"a": [[0.5, 0.5], [0.5, 0.5]], "b": [0.5, float("inf")]}})
    ran = run_here("eval", "-l", "mae", "x.parquet", "x.parquet", "--pred-col", "a,b", "--target-col", "a,b")
    assert (ran.code, ran.stderr.startswith("losscli: error: x.parquet: row 1")) == (3, True)


STRAYS = {
    "the header again, of classes that are numbers": ("i,0,1\na,0.5,0.5\ni,0,1\n", [1, 2]),
    "the header again, otherwise quoted": ('a,b\nx,y\n"a", b\n', []),
    "a blank line among labels": ("y,z\nb,c\n\nb,c\n", []),
    "a blank line in a column of labels": ("y\nb\n \nb\n", []),
    "a line of git's among labels": ("y\nb\n=======\nb\n", []),
    "the header again, in spaces that are none of ASCII": ("\x1c1,y\na,b\n\x1c1,y\n", []),
    "Ctrl-Z before a label": ("z,y\nb,1\n\x1aa,2\n", [1]),
}


@pytest.mark.parametrize("name", STRAYS)
def test_lines_that_are_no_rows_and_pass_for_some(name: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder took them for rows: of classes 0 and 1, the header said that it is certainly the second."""
    text, numbers = STRAYS[name]
    put(here, {"x.csv": text})
    monkeypatch.setattr("losscli.formats.csv.SHORT", 0)
    with closing(open_reader("pred", "x.csv")) as reader:
        picks = [Pick((j,), labels=j not in numbers) for j in range(len(reader.columns))]
        with pytest.raises(InputError, match=r"x\.csv:[23]: (the header again|blank row|looks like|Ctrl-Z)"):
            list(reader.read(picks, 9))


@pytest.mark.parametrize("text", ['"\\ud800"', '"a\\uDC00\\ud83d"', '["a", "\\udfff"]'])
def test_half_a_character_in_json(text: str, here: Path, run_here: Run) -> None:
    """Half a character cannot be written as UTF-8, nor be told from another half there."""
    put(here, {"x.jsonl": f'{{"y_pred": 1, "y": 0, "z": "\\ud83d\\ude00"}}\n{{"y_pred": 1, "y": 0, "z": {text}}}\n'})
    for command in (("eval", "-l", "mae", "x.jsonl", "--by", "z"), ("inspect", "x.jsonl")):
        ran = run_here(*command)
        assert (ran.code, "x.jsonl:2: \\ud" in ran.stderr, "half a character" in ran.stderr) == (3, True, True)


def test_a_whole_character_in_json(here: Path, run_here: Run) -> None:
    put(here, {"x.jsonl": '{"y_pred": 1, "y": 0, "z": "\\ud83d\\ude00"}\n{"y_pred": 1, "y": 0, "z": "\U0001f600"}\n'})
    ran = run_here("eval", "-l", "mae", "x.jsonl", "--by", "z")
    assert (ran.code, ran.stdout.count("\U0001f600")) == (0, 1)


def test_a_gzip_file_that_begins_as_a_tfrecord_file(here: Path, run_here: Run) -> None:
    """Without a time in its header, and a byte of the data where a record has its first field."""
    data = gzip.compress(b"TRUE,3\n1,2\n", 6, mtime=0)
    assert data[12] == ord("\n")
    (here / "x.csv.gz").write_bytes(data)
    ran = run_here("eval", "-l", "mae", "x.csv.gz", "--pred-col", "0", "--target-col", "1", "--no-header")
    assert (ran.code, "1.5" in ran.stdout) == (0, True)


def test_integers_beyond_all_floats_beside_null_in_json(here: Path, run_here: Run) -> None:
    put(here, {"x.jsonl": f'{{"y_pred": 1, "y": {10**309}}}\n{{"y_pred": 1, "y": null}}\n'})
    ran = run_here("inspect", "x.jsonl")
    assert (ran.code, "x.jsonl:1:y: a number out of the range of a float64" in ran.stdout) == (0, True)
