"""Streams: full disks, closed pipes, signals, hostile text, and memory that does not grow."""

import gzip
import os
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests import support
from tests.support import Ran, command, environment, put, run_any

FILES = {"p.csv": "y_pred\n1\n2\n5\n", "t.csv": "y\n1\n4\n2\n"}
MSE = ("eval", "--loss", "mse", "p.csv", "t.csv")
RESULT = "loss\treduction\tvalue\tn\tweight\nmse\tmean\t4.333333333333333\t3\t3.0\n"
RUNS = {
    "result": MSE,
    "help": ("eval", "--help"),
    "version": ("--version",),
    "list": ("list",),
    "explain": ("explain", "mse"),
}
every_run = pytest.mark.parametrize("name", RUNS)
has_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, FILES)
    return tmp_path


def in_shell(script: str, folder: Path, *args: str) -> Ran:
    """A shell script in which `"$@"` is losscli with these arguments."""
    return run_any(["sh", "-c", script, "sh", *command(*args)], b"", folder)


# Where the result cannot be written


@has_full
@every_run
def test_a_full_disk_is_74(name: str, folder: Path) -> None:
    ran = in_shell('"$@" > /dev/full', folder, *RUNS[name])
    assert ran.code == 74
    assert ran.stderr == "losscli: error: the result could not be written to standard output: No space left on device\n"


@has_full
def test_a_full_result_file_is_74(folder: Path) -> None:
    ran = support.run(*MSE, "-o", "/dev/full", cwd=folder)
    assert ran == Ran("", "losscli: error: /dev/full: could not be written: No space left on device\n", 74)


@pytest.mark.parametrize("path", ["nowhere/out.tsv", ".", "p.csv/out.tsv"])
def test_a_result_file_that_cannot_be_made_is_74(path: str, folder: Path) -> None:
    ran = support.run(*MSE, "-o", path, cwd=folder)
    assert (ran.stdout, ran.code) == ("", 74)
    assert ran.stderr.startswith(f"losscli: error: {path}: could not be written: ")
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


@every_run
def test_a_closed_stdout_is_74(name: str, folder: Path) -> None:
    ran = in_shell('"$@" >&-', folder, *RUNS[name])
    assert (ran.stdout, ran.code) == ("", 74)
    assert ran.stderr == "losscli: error: the result could not be written: standard output is closed\n"


def test_a_closed_stdout_does_not_matter_to_a_result_file(folder: Path) -> None:
    assert in_shell('"$@" >&- <&-', folder, *MSE, "-o", "out.tsv") == Ran("", "", 0)
    assert (folder / "out.tsv").read_text() == RESULT


@pytest.mark.parametrize("where", ["&-", pytest.param("/dev/full", marks=has_full)])
def test_a_stderr_that_takes_nothing_does_not_matter(where: str, folder: Path) -> None:
    assert in_shell(f'"$@" 2>{where}', folder, *MSE) == Ran(RESULT, "", 0)
    assert in_shell(f'"$@" 2>{where}', folder, *MSE, "--max", "1") == Ran(RESULT, "", 1)
    assert in_shell(f'"$@" 2>{where}', folder, "eval", "--loss", "mse", "nowhere", "t.csv") == Ran("", "", 3)


def test_a_closed_stdin_is_refused(folder: Path) -> None:
    ran = in_shell('"$@" <&-', folder, "eval", "--loss", "mse", "-", "t.csv")
    assert ran == Ran("", "losscli: error: -: standard input is closed\n", 3)


@pytest.mark.parametrize("name", ["list", "help", "explain", "result"])
def test_a_reader_that_takes_one_line(name: str, folder: Path) -> None:
    ran = in_shell('"$@" | head -n 1', folder, *RUNS[name])
    assert (ran.stdout.count("\n"), ran.stderr, ran.code) == (1, "", 0)


@every_run
def test_a_reader_that_is_gone_is_141(name: str, folder: Path) -> None:
    """The reading end is closed before the command starts, so its first write already fails."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command(*RUNS[name]), cwd=folder, env=environment(), stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.stderr, done.returncode) == (b"", 141)


# Signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_signal_while_standard_input_is_awaited(number: int, code: int, folder: Path) -> None:
    """More than a pipe holds has been taken from it when the signal comes, so the run is waiting for the rest."""
    argv = command("eval", "--loss", "mse", "-", "-o", "out.tsv")
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(argv, cwd=folder, env=environment(), **pipes) as process:
        assert process.stdin
        process.stdin.write(b"y_pred,y\n" + b"1,2\n" * (1 << 19))
        process.stdin.flush()
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert (stdout, stderr, process.returncode) == (b"", b"", code)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


# All or nothing


@pytest.mark.parametrize("rows", [200_000, pytest.param(2_000_000, marks=pytest.mark.slow)])
def test_a_fault_in_the_last_row_leaves_nothing(rows: int, folder: Path) -> None:
    put(folder, {"both.csv": "y_pred,y\n" + "1,2\n" * (rows - 1) + "1,two\n"})
    expected = Ran("", f"losscli: error: both.csv:{rows + 1}:y: 'two' is not a number\n", 3)
    assert support.run("eval", "--loss", "mse", "both.csv", cwd=folder) == expected
    assert support.run("eval", "--loss", "mse", "both.csv", "-o", "out.tsv", cwd=folder) == expected
    assert not [path for path in folder.iterdir() if "out" in path.name]


OVER_INPUTS = {
    "a file": ["eval", "-l", "mse", "p.csv", "t.csv", "-o", "t.csv"],
    "a derivative": ["eval", "-l", "mse", "p.csv", "t.csv", "--grad-out", "./p.csv"],
    "a file of --input": ["eval", "-l", "gaussian_nll", "p.csv", "t.csv", "--input", "variance=v.csv", "-o", "v.csv"],
    "gradcheck, a file": ["gradcheck", "mse", "--against", "v.csv", "p.csv", "t.csv", "-o", "p.csv"],
    "gradcheck, the gradient": ["gradcheck", "mse", "--against", "v.csv", "p.csv", "t.csv", "-o", "v.csv"],
}


@pytest.mark.parametrize("name", OVER_INPUTS)
def test_an_input_is_never_overwritten(name: str, here: Path, run_here: Any) -> None:
    before = {"p.csv": "y_pred\n1\n", "t.csv": "y\n2\n", "v.csv": "v\n1\n"}
    put(here, before)
    ran = run_here(*OVER_INPUTS[name])
    assert (ran.code, ran.stdout) == (2, "")
    assert "is an input file" in ran.stderr
    assert {path.name: path.read_text() for path in here.iterdir()} == before


@pytest.mark.parametrize("name", ["nowhere.csv", "", ".", "loop", "p.csv/x", "s3://bucket/p.csv"])
def test_what_cannot_be_opened_is_refused(name: str, folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    ran = support.run("eval", "--loss", "mse", name, "t.csv", cwd=folder)
    assert (ran.stdout, ran.code) == ("", 3)
    assert ran.stderr.startswith(f"losscli: error: {name}: ")
    assert len(ran.stderr.splitlines()) == 1


def test_output_is_utf8_whatever_the_locale(folder: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    ran = support.run("explain", "huber", cwd=folder, env=plain)
    assert "δ" in ran.stdout
    assert ran == support.run("explain", "huber", cwd=folder)


# Hostile text: escape sequences, a bell, C1 controls, direction marks, separators and line ends

HOSTILE = "h\x1b[31m\x07\x7f\x9b1m\u202e\u200f\u2066\u2028\u2029\x85\r\n\v[red]"
QUOTED = f'"{HOSTILE}"'
CSV = f"{QUOTED},y\n1,1\n2,4\n"
LABELS = {"p.csv": "p_a,p_b\n0.5,0.5\n", "t.csv": f"label\n{QUOTED}\n"}
HOSTILES: dict[str, tuple[dict[str, Any], list[str], int]] = {
    "missing file": ({}, [HOSTILE, "t.csv"], 3),
    "file": ({HOSTILE: FILES["p.csv"]}, [HOSTILE, "t.csv"], 0),
    "file as a table": ({HOSTILE: FILES["p.csv"]}, [HOSTILE, "t.csv", "--format", "table"], 0),
    "file as json": ({HOSTILE: FILES["p.csv"]}, [HOSTILE, "t.csv", "--json"], 0),
    "file with a note": ({HOSTILE: "y_pred\n1\n2\n5"}, [HOSTILE, "t.csv"], 0),
    "file with a fault": ({HOSTILE: "y_pred\n1\n2\nx\n"}, [HOSTILE, "t.csv"], 3),
    "npy file": ({HOSTILE: [1.0, 2.0]}, [HOSTILE, "t.csv"], 3),
    "column": ({"x.csv": CSV}, ["x.csv", "--pred-col", HOSTILE], 0),
    "column as a table": ({"x.csv": CSV}, ["x.csv", "--pred-col", "0", "--format", "table"], 0),
    "column as json": ({"x.csv": CSV}, ["x.csv", "--pred-col", "0", "--json"], 0),
    "column to choose": ({"x.csv": CSV}, ["x.csv"], 2),
    "column that is not there": ({"x.csv": CSV}, ["x.csv", "--pred-col", HOSTILE + "x"], 2),
    "column with a fault": ({"x.csv": CSV.replace("2,", "x,")}, ["x.csv", "--pred-col", "0"], 3),
    "column twice": ({"x.csv": f"{QUOTED},{QUOTED}\n1,2\n"}, ["x.csv"], 3),
    "column of parquet": ({"x.parquet": {HOSTILE: [None, 1.0], "y": [1.0, 1.0]}}, ["x.parquet", "--pred-col", "0"], 3),
    "column of no numbers": ({"x.parquet": {HOSTILE: ["a"], "y": [1.0]}}, ["x.parquet", "--pred-col", "0"], 3),
    "weight": ({"x.csv": CSV}, ["x.csv", "--pred-col", "y", "--weight-col", HOSTILE], 0),
    "weight that is not there": ({}, ["p.csv", "t.csv", "--weight-col", HOSTILE], 2),
    "cell": ({"x.csv": f"y_pred,y\n{QUOTED},1\n"}, ["x.csv"], 3),
    "row": ({"x.csv": f'y_pred,y\n1,{HOSTILE}"\n'}, ["x.csv"], 3),
    "label": (LABELS, ["-l", "cross_entropy", "p.csv", "t.csv"], 3),
    "class": ({**LABELS, "p.csv": f"{QUOTED},b\n0.5,0.5\n"}, ["-l", "cross_entropy", "p.csv", "t.csv"], 0),
    "class and label": ({**LABELS, "p.csv": f"x{QUOTED},b\n0.5,0.5\n"}, ["-l", "cross_entropy", "p.csv", "t.csv"], 3),
    "loss": ({}, ["-l", HOSTILE, "p.csv", "t.csv"], 2),
    "parameter": ({}, ["-l", f"huber:{HOSTILE}=1", "p.csv", "t.csv"], 2),
    "parameter's value": ({}, ["-l", "huber", "--delta", HOSTILE, "p.csv", "t.csv"], 2),
    "option": ({}, [f"--{HOSTILE}", "p.csv", "t.csv"], 2),
    "limit": ({}, ["p.csv", "t.csv", "--max", HOSTILE], 2),
    "format": ({}, ["p.csv", "t.csv", "--format", HOSTILE], 2),
    "result file": ({}, ["p.csv", "t.csv", "-o", f"{HOSTILE}/out.tsv"], 74),
}


@pytest.mark.parametrize("name", HOSTILES)
def test_hostile_text_is_escaped(name: str, here: Path, run_here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    files, args, code = HOSTILES[name]
    put(here, {**FILES, **files})
    monkeypatch.setenv("COLUMNS", "300")
    ran = run_here("eval", *(args if "-l" in args else ["-l", "mse", *args]))
    assert ran.code == code, ran
    assert not unsafe(ran.stdout + ran.stderr)
    assert bool(ran.stdout) == (code == 0)
    assert code == 0 or len(ran.stderr.splitlines()) == 1
    assert all(line.startswith("losscli: ") for line in ran.stderr.splitlines())


def unsafe(text: str) -> set[str]:
    """What could steer a terminal: controls but tab and line end, marks of direction, separators."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\t"}


def test_a_name_is_escaped_and_not_changed(folder: Path) -> None:
    """A line end in a name is shown as one, not as a space: the name can be told from its neighbours."""
    ran = support.run("eval", "-l", "mse", "a\nb.csv", "t.csv", cwd=folder)
    assert ran.stderr.startswith("losscli: error: a\\x0ab.csv: ")


@pytest.mark.parametrize("name", ["file as a table", "column that is not there", "option"])
def test_hostile_text_is_escaped_in_a_process_of_its_own(name: str, folder: Path) -> None:
    files, args, code = HOSTILES[name]
    put(folder, files)
    ran = support.run("eval", "-l", "mse", *args, cwd=folder, env={"COLUMNS": "300"})
    assert ran.code == code
    assert not unsafe(ran.stdout + ran.stderr)


def test_a_name_that_is_no_utf8(folder: Path) -> None:
    put(folder, {"p\udcff.csv": FILES["p.csv"]})
    for form in ("table", "json"):
        ran = support.run("eval", "-l", "mse", "p\udcff.csv", "t.csv", "--format", form, cwd=folder)
        assert (ran.code, ran.stderr) == (0, "")
        assert "4.333333333333333" in ran.stdout


# Memory

LAUNCHER = (
    "import resource, subprocess, sys\n"
    "code = subprocess.call(sys.argv[1:])\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    "sys.exit(code)\n"
)


def peak_memory(folder: Path, *args: str) -> int:
    """The most memory that a run of losscli held, in the unit of the system."""
    ran = run_any([sys.executable, "-c", LAUNCHER, *command(*args)], b"", folder)
    assert (ran.code, ran.stderr) == (0, "")
    return int(ran.stdout)


def write_rows(folder: Path, form: str, rows: int) -> tuple[str, str]:
    values = np.random.default_rng(7).normal(size=(2, rows))
    names = f"p{rows}.{form}", f"t{rows}.{form}"
    for name, column, array in zip(names, ("y_pred", "y"), values, strict=True):
        if form == "csv":
            pyarrow.csv.write_csv(pa.table({column: array}), folder / name)
        elif form == "jsonl":
            support.put(folder, {name: "".join(f'{{"{column}": {value!r}}}\n' for value in array.tolist())})
        elif form == "csv.gz":
            with gzip.open(folder / name, "wb", compresslevel=1) as file:
                pyarrow.csv.write_csv(pa.table({column: array}), file)
        elif form == "arrow":
            table = pa.table({column: array})
            with pa.ipc.new_file(folder / name, table.schema) as writer:
                writer.write_table(table, max_chunksize=1 << 16)
        elif form == "npy":
            np.save(folder / name, array)
        else:
            pq.write_table(pa.table({column: array}), folder / name)
    return names


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "npy", "parquet", "jsonl", "csv.gz", "arrow"])
def test_peak_memory_does_not_grow_with_the_rows(form: str, tmp_path: Path) -> None:
    few, many = (
        peak_memory(tmp_path, "eval", "-l", "mse", "-l", "mae", *write_rows(tmp_path, form, rows), "-o", "out.tsv")
        for rows in (1_000_000, 6_000_000)
    )
    assert many <= 1.15 * few
