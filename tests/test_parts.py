"""Several files as one table: folders, `--input` that repeats, lists of paths."""

import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.formats import BLOCK, Pick, open_reader, source
from tests import support
from tests.support import put

RNG = np.random.default_rng(13)
ROWS, CUTS = 1000, (0, 400, 401, 990, 1000)
PRED = RNG.normal(size=ROWS) * 10.0 ** RNG.integers(-8, 8, ROWS)
TARGET = RNG.normal(size=ROWS)


def csv(columns: Mapping[str, Any]) -> str:
    rows = zip(*(np.asarray(values).tolist() for values in columns.values()), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(repr, row)) for row in rows), ""])


def one(form: str, columns: Mapping[str, Any]) -> Any:
    """A file's content; NPY has the columns without their names."""
    if form == "npy":
        return np.column_stack(list(columns.values())) if len(columns) > 1 else next(iter(columns.values()))
    return csv(columns) if form == "csv" else pa.table(dict(columns))


def put_parts(folder: Path, forms: str | list[str], columns: Mapping[str, Any]) -> list[str]:
    """The columns cut into four files in a folder, whose paths are returned."""
    folder.mkdir(exist_ok=True)
    paths = []
    for k, (start, stop) in enumerate(pairwise(CUTS)):
        form = forms if isinstance(forms, str) else forms[k]
        put(folder, {f"{k}.{form}": one(form, {name: values[start:stop] for name, values in columns.items()})})
        paths.append(f"{folder.name}/{k}.{form}")
    return paths


def refusal(data: Any, **request: Any) -> str:
    with pytest.raises(losscli.LossError) as caught:
        losscli.evaluate("mae", pred=data, **{"target": np.zeros(2), **request})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def said(report: losscli.Report) -> str:
    """All of the numbers, and none of the names."""
    return json.dumps([result.to_dict() for result in report.results], default=lambda a: a.tolist())


# The same as one file

FORMS: dict[str, str | list[str]] = {
    "csv": "csv",
    "npy": "npy",
    "parquet": "parquet",
    "mixed": ["csv", "npy", "parquet", "npy"],
    "names come late": ["npy", "csv", "npy", "parquet"],
}


@pytest.mark.parametrize("ahead", [False, True], ids=["here", "ahead"])
@pytest.mark.parametrize("block", [7, BLOCK])
@pytest.mark.parametrize("name", FORMS)
def test_the_same_bits_as_one_file(
    name: str, block: int, ahead: bool, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_LONG", 0 if ahead else 1 << 60)
    put(here, {"x.csv": csv({"y_pred": PRED}), "t.npy": TARGET})
    paths = put_parts(here / "x", FORMS[name], {"y_pred": PRED})
    request: dict[str, Any] = {"target": "t.npy", "grad": True, "worst": 5, "block": block}
    expected = losscli.evaluate(["huber", "rmse"], pred="x.csv", **request)
    for data in ("x", paths, [Path(path) for path in paths], tuple(paths), ["x"], [*paths[:1], *paths[1:]]):
        report = losscli.evaluate(["huber", "rmse"], pred=data, **request)
        assert said(report) == said(expected)
        for found, result in zip(report.results, expected.results, strict=True):
            assert found.gradient.tobytes() == result.gradient.tobytes()
        assert not report.notes


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_all_roles_in_one_folder(form: str, here: Path) -> None:
    columns = {"y_pred": PRED, "y": TARGET, "weight": np.arange(ROWS) % 3}
    put_parts(here / "x", form, columns)
    put(here, {"x.csv": csv(columns)})
    request: dict[str, Any] = {"columns": {"weight": "weight"}, "grad": True}
    assert said(losscli.evaluate("mse", pred="x", **request)) == said(losscli.evaluate("mse", pred="x.csv", **request))


def test_outputs_are_those_of_one_file(here: Path) -> None:
    put_parts(here / "x", "csv", {"y_pred": PRED})
    put(here, {"x.csv": csv({"y_pred": PRED}), "t.npy": TARGET})
    for path in ("x", "x.csv"):
        name = "parts" if path == "x" else "whole"
        outputs = {"grad_out": f"{name}.npy", "hess_out": f"{name}.csv", "per_sample_out": f"{name}.parquet"}
        losscli.evaluate("huber", pred=path, target="t.npy", **outputs)
    for ending in ("npy", "csv"):
        assert Path(f"parts.{ending}").read_bytes() == Path(f"whole.{ending}").read_bytes()
    assert pq.read_table("parts.parquet").equals(pq.read_table("whole.parquet"))


def test_members_of_archives_are_parts(here: Path) -> None:
    (here / "x").mkdir()
    for k in range(2):
        np.savez(f"x/{k}.npz", y_pred=PRED[k * 500 :][:500], y=TARGET[k * 500 :][:500])
    expected = losscli.evaluate("mse", pred=PRED, target=TARGET).value
    assert losscli.evaluate("mse", pred="x", target="x").value == expected
    pred, target = ([f"x/{k}.npz:{name}" for k in range(2)] for name in ("y_pred", "y"))
    assert losscli.evaluate("mse", pred=pred, target=target).value == expected


def test_labels_and_vectors_in_parts(here: Path) -> None:
    put(here, {"a.parquet": {"p": [[0.25, 0.75], [0.5, 0.5]]}, "b.parquet": {"p": [[0.125, 0.875]]}})
    put(here, {"a.csv": "label\n1\n0\n", "b.csv": "label\n1\n"})
    report = losscli.evaluate("cross_entropy", pred=["a.parquet", "b.parquet"], target=["a.csv", "b.csv"])
    assert report.value == losscli.evaluate("cross_entropy", pred=[[0.25, 0.75], [0.5, 0.5], [0.125, 0.875]],
                                            target=[1, 0, 1]).value  # fmt: skip


def test_texts_of_which_none_is_a_file_are_labels(here: Path) -> None:
    put(here, {"p.csv": "p_cat,p_dog\n0.25,0.75\n0.5,0.5\n", "a.npy": [1.0], "b.npy": [0.0]})
    by_name = losscli.evaluate("cross_entropy", pred="p.csv", target=["dog", "cat"]).value
    assert by_name == losscli.evaluate("cross_entropy", pred="p.csv", target=["a.npy", "b.npy"]).value
    assert refusal(["c.npy", "d.npy"]) == "pred: dtype <U5 is not numeric; nor is any of its texts a file"


# What is known of the whole

PAIR = {"a.csv": "y_pred\n1\n2\n", "b.csv": "y_pred\n3\n"}
KNOWN: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "a folder": ({}, "x", ("x", "csv", None)),
    "a folder with a slash": ({}, "x/", ("x/", "csv", None)),
    "two files": ({}, ["x/a.csv", "x/b.csv"], ("x/a.csv +1 part", "csv", None)),
    "one file": ({}, ["x/a.csv"], ("x/a.csv", "csv", None)),
    "a folder and a file": ({}, ["x", "x/b.csv"], ("x/a.csv +2 parts", "csv", None)),
    "rows that are known": ({"a.csv": [1.0, 2.0], "b.csv": [3.0]}, "x", ("x", "npy", 3)),
    "rows that are known of some": ({"a.csv": [1.0, 2.0]}, "x", ("x", "npy+csv", None)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known(name: str, here: Path) -> None:
    files, data, expected = KNOWN[name]
    (here / "x").mkdir()
    put(here / "x", {**PAIR, **files})
    reader = open_reader("pred", data)
    assert (reader.name, reader.format, reader.rows) == expected
    assert reader.is_long is False
    for size in (1, 2, BLOCK, 1):
        blocks = list(reader.read([Pick((0,))], size))
        assert np.concatenate([b.values[0] for b in blocks]).tolist()[:3] == [1.0, 2.0, 3.0][: sum(map(len, blocks))]
    reader.close()


def test_places_are_those_of_the_part(here: Path) -> None:
    put(here, {"a.csv": "id,y_pred\n1,1\n2,2\n", "b.npy": [[3.0, 3.0]], "c.parquet": {"id": [4], "y_pred": [4.0]}})
    reader = open_reader("pred", ["a.csv", "b.npy", "c.parquet"])
    places = [b.at(i) for b in reader.read([Pick((1,))], BLOCK) for i in range(len(b))]
    assert places == ["a.csv:2", "a.csv:3", "b.npy: row 0", "c.parquet: row 0"]
    assert list(reader.notes) == ["b.npy: columns without names, taken in the order of a.csv"]


def test_rows_go_on_through_the_parts(here: Path) -> None:
    put(here, PAIR)
    report = losscli.evaluate("mae", pred=["a.csv", "b.csv"], target=[0, 0, 0], worst=1)
    assert report.to_dict()["results"][0]["samples"][0]["row"] == 2
    assert report.to_dict()["inputs"][0] == {
        "role": "pred", "path": "a.csv +1 part", "format": "csv", "rows": 3, "columns": ["y_pred"],
    }  # fmt: skip


@pytest.mark.parametrize("shapes", [((2, 1), (1, 1)), ((2, 1), (1,))])
def test_a_matrix_of_one_column(shapes: Any, here: Path) -> None:
    """(n, 1) equals (n,): the gradient is a matrix where all parts are."""
    put(here, {"a.npy": np.ones(shapes[0]), "b.npy": np.ones(shapes[1])})
    report = losscli.evaluate("mae", pred=["a.npy", "b.npy"], target=np.zeros(3), grad=True)
    assert report.results[0].gradient.shape == ((3, 1) if len(shapes[1]) == 2 else (3,))


# Folders

FILES = {"2.csv": "y_pred\n3\n", "1.csv": "y_pred\n1\n2\n"}


def put_folder(here: Path, files: Mapping[str, Any]) -> None:
    for name, content in files.items():
        path = here / "x" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir()
        else:
            put(path.parent, {path.name: content})


def test_parts_are_in_name_order(here: Path) -> None:
    put_folder(here, FILES)
    assert losscli.evaluate("mae", pred="x", target=[1, 2, 3]).value == 0.0


def test_an_order_that_may_mislead_is_noted(here: Path) -> None:
    put_folder(here, {f"part-{k}.csv": f"y_pred\n{k}\n" for k in (1, 2, 10)})
    report = losscli.evaluate("mae", pred="x", target=[1, 10, 2])
    assert report.value == 0.0
    assert report.notes == ("x: its parts are taken in name order, 'part-10.csv' before 'part-2.csv'",)


def test_what_is_no_part(here: Path) -> None:
    others = {"_SUCCESS": "", ".1.csv.crc": b"\0", "_delta_log": None, ".git": None, "_0.csv": "z\n9\n"}
    put_folder(here, {**FILES, **others})
    assert losscli.evaluate("mae", pred="x", target=[1, 2, 3]).value == 0.0


def test_a_path_is_never_a_glob(here: Path) -> None:
    put_folder(here, {"[ab]*.csv": "y_pred\n1\n", "a.csv": "y_pred\n2\n"})
    assert losscli.evaluate("mae", pred=["x/[ab]*.csv"], target=[1]).value == 0.0
    assert refusal([Path("x/*.csv")]) == "x/*.csv: cannot be opened: No such file or directory"


# Refused: what is in the folder x, the message

END = "; parts of one table have the same columns in the same order"
HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"
TWO = "y_pred,y\n1,1\n2,2\n"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": (
        {".": ""},
        "x: is a folder without parts: it holds nothing; name a file, or a folder of files",
    ),
    "no part": (
        {"_SUCCESS": "", ".crc": ""},
        "x: is a folder without parts: it holds only .crc, _SUCCESS, which begin with . or _; "
        "name a file, or a folder of files",
    ),
    "a folder": (
        {"a.csv": TWO, "b/c.csv": TWO},
        "x/b: is a folder among the parts in x; move it away, or give the folders one by one",
    ),
    "another name": (
        {"a.csv": TWO, "b.csv": "y_pred,z\n1,1\n"},
        f"x/b.csv: column 1 is 'z', where x/a.csv has 'y'{END}",
    ),
    "another order": (
        {"a.csv": TWO, "b.csv": TWO, "c.csv": "y,y_pred\n1,1\n"},
        f"x/c.csv: column 0 is 'y', where x/a.csv has 'y_pred'{END}",
    ),
    "a column more": (
        {"a.csv": TWO, "b.csv": "y_pred,y,z\n1,1,1\n"},
        f"x/b.csv: has 3 columns (y_pred, y, z), where x/a.csv has 2 columns (y_pred, y){END}",
    ),
    "a column less, without names": (
        {"a.npy": np.ones((2, 2)), "b.npy": np.ones(2)},
        f"x/b.npy: has 1 column, where x/a.npy has 2 columns{END}",
    ),
    "names after no names": (
        {"a.npy": np.ones((2, 2)), "b.csv": TWO, "c.parquet": {"y_pred": [1.0], "z": [1.0]}},
        f"x/c.parquet: column 1 is 'z', where x/b.csv has 'y'{END}",
    ),
    "vectors and numbers": (
        {"a.parquet": {"y_pred": [1.0]}, "b.parquet": {"y_pred": [[1.0, 2.0]]}},
        f"x/b.parquet: column 'y_pred' holds vectors, where x/a.parquet has numbers{END}",
    ),
    "vectors of another length": (
        {"a.parquet": {"y_pred": [[1.0, 2.0]]}, "b.parquet": {"y_pred": [[1.0]]}},
        "x/b.parquet: row 0, column 'y_pred': vectors of 1, where x/a.parquet: row 0 has vectors of 2; "
        "parts of one table have the same columns",
    ),
    "an empty part": ({"a.csv": "y_pred\n1\n", "b.csv": ""}, "x/b.csv: the file is empty"),
    "a part without rows": ({"a.csv": "y_pred\n1\n", "b.csv": "y_pred\n"}, "x/b.csv: no data rows"),
    "a cell": ({"a.csv": "y_pred\n1\n", "b.csv": "y_pred\n2\nx\n"}, "x/b.csv:3:y_pred: 'x' is not a number"),
    "a missing value": (
        {"a.csv": "y_pred\n1\n", "b.csv": "y_pred\nNA\n"},
        "x/b.csv:2:y_pred: missing value; fill in, or leave such rows out: --missing drop",
    ),
    "a missing value of NPY": (
        {"a.npy": [1.0], "b.npy": [np.nan]},
        "x/b.npy: row 0: missing value; fill in, or leave such rows out: --missing drop",
    ),
    "a truncated part": (
        {
            "a.npy": [1.0],
            "b.npy": support.raw_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", bytes(16)),
        },
        "x/b.npy: truncated: its header promises 24 bytes of data, 16 are there",
    ),
    "a pickle": ({"a.npy": [1.0], "b.npy": b"\x80\x04."}, "x/b.npy: is a pickle, which is never loaded; "),
    "rows": (
        {"a.csv": "y_pred\n1\n", "b.csv": "y_pred\n1\n2\n3\n"},
        "row counts differ: x has 4 rows, target has 2 rows; rows are paired by position and none is dropped",
    ),
    "known rows": ({"a.npy": [1.0], "b.npy": [1.0, 2.0, 3.0]}, "row counts differ: x has 4 rows, target has 2 rows; "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, here: Path) -> None:
    files, message = REFUSED[name]
    (here / "x").mkdir()
    put_folder(here, {name: content for name, content in files.items() if name != "."})
    found = refusal("x", target=np.zeros((2, 2)) if "length" in name else np.zeros(2))
    assert found.startswith(message)
    assert found == message or message[-2:] == "; " or "row" in name


def test_a_part_that_is_not_there(here: Path) -> None:
    put(here, PAIR)
    assert refusal(["a.csv", "c.csv"]) == "c.csv: cannot be opened: No such file or directory"


def test_what_cannot_be_read_twice_is_no_part(here: Path) -> None:
    put(here, PAIR)
    os.mkfifo("pipe")
    assert refusal(["a.csv", "-"]) == "'-' is standard input, which cannot be one of several parts"
    assert refusal(["a.csv", "pipe"]) == (
        "pipe: is a pipe or a device, which cannot be one of several parts; save it to a file"
    )


def test_a_part_given_twice_is_noted(here: Path) -> None:
    put(here, PAIR)
    report = losscli.evaluate("mae", pred=["a.csv", "b.csv", "./a.csv"], target=np.zeros(5))
    assert report.notes == ("./a.csv: is a part more than once",)


def test_notes_of_parts_are_said_once(here: Path) -> None:
    put(here, {"a.csv": "y_pred;y\n1;1\n2;2", "b.csv": "y_pred,y\n3,3\n"})
    report = losscli.evaluate("mae", pred=["a.csv", "b.csv"], worst=1, grad_out="g.npy")
    assert report.notes == (
        "a.csv: columns are separated by ';'",
        "a.csv: the last line has no line end; is the file complete?",
    )


CHANGES: dict[str, tuple[Any, str]] = {
    "rows": ([3.0, 4.0], "b.npy: changed while it was read: it had 1 rows, now 2; wait until it is complete"),
    "columns": ([[3.0, 4.0]], f"b.npy: has 2 columns, where a.npy has 1 column{END}"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_part_that_changes_between(name: str, here: Path) -> None:
    content, message = CHANGES[name]
    put(here, {"a.npy": [1.0, 2.0], "b.npy": [3.0]})
    reader = open_reader("pred", ["a.npy", "b.npy"])
    put(here, {"b.npy": content})
    with pytest.raises(losscli.InputError) as caught:
        list(reader.read([Pick((0,))], BLOCK))
    assert str(caught.value) == message


# Many parts

LIMITED = (
    "import resource, subprocess, sys\n"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)\n"
    "sys.exit(subprocess.run(sys.argv[2:]).returncode)\n"
)


@pytest.mark.parametrize("form", ["csv", "npy", "parquet"])
def test_a_thousand_parts_need_few_descriptors(form: str, here: Path) -> None:
    (here / "x").mkdir()
    put(here / "x", {f"{k:04}.{form}": one(form, {"y_pred": np.array([k, k + 0.5])}) for k in range(1000)})
    put(here, {"t.npy": np.zeros(2000)})
    args = support.command("eval", "-l", "mae", "x", "t.npy", "--format", "value", "--grad-out", "g.npy", "-q")
    ran = support.run_any([sys.executable, "-c", LIMITED, "64", *args], b"", here)
    assert ran == support.Ran("499.75\n", "", 0)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are listed by Linux")
def test_a_part_is_closed_before_the_next_is_opened(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_LONG", 0)
    put_parts(here / "x", "csv", {"y_pred": PRED})
    seen = []
    before, threads = len(os.listdir("/proc/self/fd")), threading.active_count()

    def look(done: int, rows: int | None) -> None:
        seen.append(len(os.listdir("/proc/self/fd")) - before)

    losscli.evaluate("mae", pred="x", target=TARGET, block=10, progress=look)
    assert set(seen) <= {0, 1}
    (here / "x" / "3.csv").write_text("y_pred\n1\nz\n")
    with pytest.raises(losscli.InputError, match=r"^x/3.csv:3:y_pred: "):
        losscli.evaluate("mae", pred="x", target=TARGET, block=10)
    gc.collect()
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == (before, threads)


PEAK = (
    "import resource, subprocess, sys\n"
    "subprocess.run(sys.argv[1:], check=True, capture_output=True)\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
)


def test_memory_does_not_grow_with_the_parts(here: Path) -> None:
    block = np.ones(1 << 20)
    peaks = []
    for count in (2, 16):
        (here / str(count)).mkdir()
        put(here / str(count), {f"{k:02}.npy": block for k in range(count)})
        args = support.command("eval", "-l", "mse", str(count), str(count))
        ran = subprocess.run(
            [sys.executable, "-c", PEAK, *args], env=support.environment(), capture_output=True, check=True
        )
        peaks.append(int(ran.stdout))
    assert peaks[1] < peaks[0] + (24 << 10)  # KiB; the parts are 8 MiB each


# Through the command line


@pytest.fixture
def table(here: Path) -> Path:
    put(here, {"p.csv": csv({"y_pred": PRED}), "t.csv": csv({"y": TARGET}), "v.npy": np.ones(ROWS)})
    put_parts(here / "p", "csv", {"y_pred": PRED})
    put_parts(here / "t", "parquet", {"y": TARGET})
    put_parts(here / "v", "npy", {"variance": np.ones(ROWS)})
    return here


AS_PARTS = {
    "folders": "p t --input variance=v",
    "repeated": "p/0.csv t --input variance=v/0.npy --input variance=v/1.npy --input pred=p/1.csv"
    " --input variance=v/2.npy --input pred=p/2.csv --input pred=p/3.csv --input variance=v/3.npy",
    "both": "p/0.csv t/0.parquet --input variance=v --input target=t/1.parquet --input target=t/2.parquet"
    " --input target=t/3.parquet --input pred=p/1.csv --input pred=p/2.csv --input pred=p/3.csv",
}


@pytest.mark.parametrize("name", AS_PARTS)
def test_at_the_command_line(name: str, table: Path, run_here: Callable[..., support.Ran]) -> None:
    request = ("eval", "-l", "gaussian_nll", "--grad")
    whole = run_here(*request, *["p.csv", "t.csv", "--input", "variance=v.npy"])
    assert whole.code == 0
    assert run_here(*request, *AS_PARTS[name].split()) == whole


def test_a_run_of_its_own(table: Path) -> None:
    args = ("eval", "-l", "mse", "--grad-out")
    whole = support.run(*args, "one.npy", "p.csv", "t.csv", cwd=table)
    assert support.run(*args, "two.npy", "p", "t", cwd=table) == whole
    assert Path("one.npy").read_bytes() == Path("two.npy").read_bytes()
    assert support.run("gradcheck", "mse", "p", "t", "--against", "two.npy", cwd=table).code == 0


WRONG = {
    "standard input": ("- t --input pred=p/1.csv", "'-' is standard input, which cannot be one of several parts", 2),
    "none is there": ("a.csv t --input pred=b.csv", "a.csv: cannot be opened: No such file or directory", 3),
    "over a part": ("p t --grad-out p/1.csv", "p/1.csv is an input file; name another for the output", 2),
    "over a part of a list": (
        "p.csv t --input pred=v.npy --grad-out v.npy",
        "v.npy is an input file; name another for the output",
        2,
    ),
    "among the parts": (
        "p t --grad-out p/g.csv",
        "p/g.csv would be a part of an input, whose folder it is in; write it elsewhere",
        2,
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_at_the_command_line(name: str, table: Path, run_here: Callable[..., support.Ran]) -> None:
    args, message, code = WRONG[name]
    assert run_here("eval", "-l", "mse", *args.split()) == support.Ran("", f"losscli: error: {message}\n", code)


def test_beside_the_parts_but_none(table: Path, run_here: Callable[..., support.Ran]) -> None:
    assert run_here("eval", "-l", "mse", "p", "t", "--grad-out", "p/_grad.npy").code == 0
    assert run_here("eval", "-l", "mse", "p", "t", "--grad-out", "p/_grad.npy").code == 0
