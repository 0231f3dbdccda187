"""What a system does to a run: full disks, limits, files that change, signals, and death at any moment.

Never a wrong number, never half a file, and one line that says what it was.
"""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.output import Output
from tests import support
from tests.support import Ran, command, environment, put

ROWS = 20_000
VALUES = np.arange(ROWS) % 7 / 4
TEXT = "y_pred,y\n" + "".join(f"{v},0.25\n" for v in VALUES)
BOTH = {"y_pred": VALUES, "y": np.full(ROWS, 0.25)}
FILES = {"b.csv": TEXT, "p.npy": VALUES, "t.npy": BOTH["y"], "b.parquet": BOTH}
INPUTS = {"csv": ["b.csv"], "npy": ["p.npy", "t.npy"], "parquet": ["b.parquet"]}
OUTPUTS = ["--grad-out", "g.npy", "--hess-out", "h.npz", "--per-sample-out", "s.parquet", "-o", "out.json", "--json"]
WRITTEN = ["g.npy", "h.npz", "s.parquet", "out.json"]
has_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
has_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits on memory are those of Linux")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, FILES)
    return tmp_path


def limited(folder: Path, limits: Mapping[int, int], *args: str, env: Mapping[str, str] | None = None) -> Ran:
    """A run under limits of the system's."""

    def limit() -> None:
        for what, most in limits.items():
            resource.setrlimit(what, (most, most))

    done = subprocess.run(
        command(*args),
        cwd=folder,
        env=environment(env),
        capture_output=True,
        preexec_fn=limit,
        timeout=300,
        check=False,
    )
    return Ran(done.stdout.decode(), done.stderr.decode(), done.returncode)


def one_line(ran: Ran, code: int) -> str:
    """The message of a run that has failed with this code, and with nothing else to show."""
    assert (ran.code, ran.stdout) == (code, ""), ran
    assert ran.stderr.startswith("losscli: error: "), ran
    assert ran.stderr.count("\n") == 1, ran
    return ran.stderr.removeprefix("losscli: error: ").removesuffix("\n")


def inputs_only(folder: Path) -> bool:
    return {path.name for path in folder.iterdir()} == set(FILES)


# Outputs that cannot be written


def linked_to_full(folder: Path, name: str) -> str:
    """A file name that leads to a full disk: outputs are told apart by suffix."""
    (folder / name).symlink_to("/dev/full")
    return name


FULL = [("-o", "x"), *((o, f"x.{s}") for o in ("--grad-out", "--per-sample-out") for s in ("npy", "csv", "parquet"))]


@has_full
@pytest.mark.parametrize(("option", "name"), [*FULL, ("--grad-out", "x.npz"), ("--hess-out", "x.npz")])
def test_an_output_on_a_full_disk(option: str, name: str, folder: Path) -> None:
    path = linked_to_full(folder, name)
    ran = support.run("eval", "-l", "mse", "b.csv", option, path, cwd=folder)
    assert one_line(ran, 74) == f"{path}: could not be written: No space left on device"


UNWRITABLE = {
    "no folder": ("nowhere/x{}", "No such file or directory"),
    "a file as folder": ("b.csv/x{}", "Not a directory"),
    "a long name": ("x" * 300 + "{}", "File name too long"),
    "a folder": ("folder{}", "Is a directory"),
}


@pytest.mark.parametrize("suffix", ["", ".npy", ".npz", ".csv", ".parquet"])
@pytest.mark.parametrize("name", UNWRITABLE)
def test_an_output_that_cannot_be_made(name: str, suffix: str, here: Path, run_here: Any) -> None:
    put(here, FILES)
    path, reason = UNWRITABLE[name][0].format(suffix), UNWRITABLE[name][1]
    (here / f"folder{suffix}").mkdir()
    before = sorted(here.iterdir())
    ran = run_here("eval", "-l", "mse", "b.csv", "--grad-out" if suffix else "-o", path)
    assert one_line(ran, 74) == f"{path}: could not be written: {reason}"
    assert sorted(here.iterdir()) == before


def test_a_name_as_long_as_names_may_be(here: Path, run_here: Any) -> None:
    """The unfinished file beside it must not need a longer one."""
    put(here, FILES)
    for name in ("n" * 251 + ".npy", "ß" * 125 + ".npy"):
        assert run_here("eval", "-l", "mse", "b.csv", "--grad-out", name).code == 0
        assert np.load(name).shape == (ROWS,)


STREAMS = {
    "closed stdout": (">&-", 74),
    "closed stderr": ("2>&-", 0),
    "both closed": (">&- 2>&-", 74),
    "all three closed": ("<&- >&- 2>&-", 74),
}


@pytest.mark.parametrize("name", STREAMS)
def test_closed_streams(name: str, folder: Path) -> None:
    """The result to stdout; and output files, none of which gets the number of a stream that is closed."""
    closed, code = STREAMS[name]
    script = f'"$@" {closed}'
    argv = ["sh", "-c", script, "sh", *command("eval", "-l", "mse", "b.csv")]
    assert support.run_any(argv, b"", folder).code == code
    ran = support.run_any([*argv, *OUTPUTS], b"", folder)
    assert (ran.code, ran.stdout) == (0, "")
    assert np.load(folder / "g.npy").shape == (ROWS,)
    assert (folder / "out.json").read_text().startswith("{\n")


def test_a_pipe_that_does_not_wait(folder: Path) -> None:
    """As terminals and other programs may leave it behind: what it does not take at once is written later."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    argv = command("eval", "-l", "mse", "b.csv", "--per-sample")
    with subprocess.Popen(argv, cwd=folder, env=environment(), stdout=writing) as process:
        os.close(writing)
        time.sleep(0.5)  # the pipe is full by now, or will be: either way all of it has to come
        with os.fdopen(reading, "rb") as pipe:
            assert pipe.read().count(b"\n") == ROWS + 4
    assert process.returncode == 0


@pytest.mark.parametrize("args", [[], ["--json", "--per-sample"], ["--format", "csv", "--per-sample"]], ids=str)
def test_a_reader_that_is_gone(args: list[str], folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    argv = command("eval", "-l", "mse", "b.csv", *args)
    done = subprocess.run(
        argv, cwd=folder, env=environment(), stdout=writing, stderr=subprocess.PIPE, timeout=300, check=False
    )
    os.close(writing)
    assert (done.stderr, done.returncode) == (b"", 141)


# Limits

NO_FOLDER = "no folder for temporary files can be written to: is the disk full? TMPDIR names another"


@has_proc
@pytest.mark.parametrize("megabytes", [40, 60, 80, 95, 110, 125, 150, 200, 250, 300, 350, 400, 500])
@pytest.mark.parametrize("form", INPUTS)
def test_little_memory(form: str, megabytes: int, folder: Path) -> None:
    """Enough, or one line: no trace, no signal, no library's own way to end."""
    ran = limited(folder, {resource.RLIMIT_AS: megabytes << 20}, "eval", "-l", "mse", *INPUTS[form])
    if ran.code == 0:
        assert ran.stdout.splitlines()[1].startswith("mse\tmean\t")
    else:
        assert one_line(ran, 71) == "out of memory"


@has_proc
@pytest.mark.parametrize("megabytes", [100, 300, 500])
def test_little_memory_while_files_are_written(megabytes: int, folder: Path) -> None:
    ran = limited(folder, {resource.RLIMIT_AS: megabytes << 20}, "eval", "-l", "mse", "b.csv", *OUTPUTS)
    if ran.code:
        assert one_line(ran, 71) == "out of memory"
        assert inputs_only(folder)
    else:
        assert {path.name for path in folder.iterdir()} == {*FILES, *WRITTEN}


@pytest.mark.parametrize(("option", "name"), [*FULL, ("--grad-out", "x.npz")])
@pytest.mark.parametrize("size", [0, 1000, 40_000])
def test_a_limit_on_the_size_of_files(size: int, option: str, name: str, folder: Path) -> None:
    """The signal that comes with it is not what the run dies of."""
    args = ["--per-sample"] if option == "-o" else []
    ran = limited(folder, {resource.RLIMIT_FSIZE: size}, "eval", "-l", "mse", "b.csv", option, name, *args)
    if ran.code:
        message = one_line(ran, 74)
        assert "File too large" in message or message == NO_FOLDER
        assert inputs_only(folder)
    else:
        assert (folder / name).stat().st_size <= size


def test_no_space_for_what_came_from_a_pipe(folder: Path) -> None:
    """It is kept in a temporary file, as it is read twice."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    argv = command("eval", "-l", "mse", "-", "--grad", "--json")
    done = subprocess.run(
        argv,
        input=TEXT.encode(),
        cwd=folder,
        env=environment(),
        capture_output=True,
        preexec_fn=limit,
        check=False,
    )
    message = one_line(Ran(done.stdout.decode(), done.stderr.decode(), done.returncode), 74)
    assert message == "no space left for temporary files: File too large"


def test_no_folder_for_temporary_files(folder: Path) -> None:
    """All places that Python tries are as good as full."""
    code = (
        "import tempfile, sys; tempfile._candidate_tempdir_list = lambda: ['/nowhere']; sys.argv[0] = 'losscli';"
        "from losscli.cli import main; main()"
    )
    argv = [sys.executable, "-c", code, "eval", "-l", "mse", "-", "--grad", "--json"]
    ran = support.run_any(argv, b"y_pred,y\n1,2\n", folder)
    assert one_line(ran, 74) == NO_FOLDER
    ran = support.run("eval", "-l", "mse", "b.csv", "--grad", cwd=folder, env={"TMPDIR": "/nowhere"})
    assert ran.code == 0  # nothing temporary is needed


@pytest.mark.parametrize("most", range(5, 16))
@pytest.mark.parametrize("args", [["b.csv"], ["p.npy", "t.npy"], ["b.parquet", *OUTPUTS]], ids=["csv", "npy", "all"])
def test_few_descriptors(args: list[str], most: int, folder: Path) -> None:
    ran = limited(folder, {resource.RLIMIT_NOFILE: most}, "eval", "-l", "mse", *args)
    if ran.code:
        message = one_line(ran, ran.code)
        assert "too many open files" in message.lower() or message == NO_FOLDER
        assert ran.code in (3, 71, 74)
        assert inputs_only(folder)


# Inputs that change

OTHER = "y_pred,y\n" + "".join(f"{v},2.25\n" for v in VALUES)  # as many rows and bytes, other values


def rewritten(path: Path, content: Any) -> None:
    """In place: the file that is open already gets another content."""
    put(path.parent, {"other": content})
    path.write_bytes((path.parent / "other").read_bytes())


def renamed(path: Path, content: Any) -> None:
    put(path.parent, {"other": content})
    (path.parent / "other").replace(path)


def appended(path: Path, content: Any) -> None:
    with path.open("ab") as file:
        file.write(b"1,2\n")


def shortened(path: Path, content: Any) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path, content: Any) -> None:
    os.truncate(path, 0)


MATRIX = np.asfortranarray(np.stack([VALUES, VALUES], axis=1))
CHANGING: dict[str, tuple[str, Any, Any, dict[str, str]]] = {  # a file, its content, another, and the roles
    "csv": ("b.csv", TEXT, OTHER, {"pred": "b.csv"}),
    "npy": ("p.npy", VALUES, VALUES + 2, {"pred": "p.npy", "target": "t.npy"}),
    "npy by columns": ("p.npy", MATRIX, MATRIX + 2, {"pred": "p.npy", "target": "p2.npy"}),
    "parquet": ("b.parquet", BOTH, {**BOTH, "y": BOTH["y"] + 2}, {"pred": "b.parquet"}),
}
WRITES = {"rewritten": rewritten, "appended": appended, "shortened": shortened, "emptied": emptied}


def changed_after(rows: int, change: Callable[[], None], **options: Any) -> Any:
    """An evaluation during which something happens when so many rows have been passed."""
    waiting = [change]

    def step(done: int, total: int | None) -> None:
        if done >= rows and waiting:
            waiting.pop()()

    return losscli.evaluate("mse", progress=step, block=1000, **options)


@pytest.mark.parametrize("rows", [1000, ROWS], ids=["in the first scan", "between the scans"])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("form", CHANGING)
def test_an_input_that_is_written_to(form: str, write: str, rows: int, here: Path) -> None:
    """Refused, though it may have as many rows as before, and whether its new bytes can be read or not."""
    name, content, other, roles = CHANGING[form]
    put(here, {**FILES, name: content, "p2.npy": MATRIX + 1})
    os.utime(name, (1, 1))
    change = lambda: WRITES[write](here / name, other)  # noqa: E731
    with pytest.raises(losscli.InputError) as caught:
        changed_after(rows, change, **roles, per_sample_out="s.csv", grad=True)
    assert str(caught.value).startswith(name)
    if write in ("rewritten", "appended"):
        assert str(caught.value) == f"{name}: changed while it was read; wait until it is complete"
    assert not (here / "s.csv").exists()


@pytest.mark.parametrize("rows", [1000, ROWS])
@pytest.mark.parametrize("form", CHANGING)
def test_an_input_whose_name_another_file_takes(form: str, rows: int, here: Path) -> None:
    """What was opened is read to its end, twice if need be: the result is that of the old file."""
    name, content, other, roles = CHANGING[form]
    put(here, {**FILES, name: content, "p2.npy": MATRIX + 1})
    before = losscli.evaluate("mse", **roles, per_sample_out="before.csv", grad=True)
    found = changed_after(rows, lambda: renamed(here / name, other), **roles, per_sample_out="s.csv", grad=True)
    assert found.value == before.value
    assert np.array_equal(found.results[0].gradient, before.results[0].gradient)
    assert (here / "s.csv").read_bytes() == (here / "before.csv").read_bytes()


@pytest.mark.parametrize("form", ["csv", "npy", "parquet"])
def test_a_scan_alone_sees_that_its_file_grows(form: str, here: Path) -> None:
    """As logs do: its last row may have been cut."""
    name, content, _, roles = CHANGING[form]
    put(here, {**FILES, name: content})
    os.utime(name, (1, 1))
    with pytest.raises(losscli.InputError, match="changed while it was read"):
        changed_after(1000, lambda: appended(here / name, None), **roles)


PARTS: dict[str, Callable[[Path], None]] = {
    "one is replaced": lambda parts: renamed(parts / "b.csv", OTHER),
    "one is rewritten": lambda parts: rewritten(parts / "b.csv", OTHER),
    "one is replaced that has been read": lambda parts: renamed(parts / "a.csv", OTHER),
    "one is appended to": lambda parts: appended(parts / "b.csv", None),
    "one is taken away": lambda parts: (parts / "b.csv").unlink(),
    "one comes": lambda parts: put(parts, {"c.csv": TEXT}),
}


@pytest.mark.parametrize("rows", [1000, 2 * ROWS], ids=["in the first scan", "between the scans"])
@pytest.mark.parametrize("name", PARTS)
def test_a_folder_of_parts_that_changes(name: str, rows: int, here: Path) -> None:
    """Parts are opened again for each scan, so that a name has to stand for the same file."""
    (here / "parts").mkdir()
    put(here / "parts", {"a.csv": TEXT, "b.csv": TEXT})
    for part in (here / "parts").iterdir():
        os.utime(part, (1, 1))
    with pytest.raises(losscli.InputError, match=r"changed while it was read|cannot be opened"):
        changed_after(rows, lambda: PARTS[name](here / "parts"), pred="parts", per_sample_out="s.csv")
    assert not (here / "s.csv").exists()


def test_a_file_that_shrinks_under_a_run_of_its_own(folder: Path) -> None:
    """The file is opened, then standard input is waited for: that is when it shrinks. No signal, but a refusal."""
    argv = command("eval", "-l", "mse", "p.npy", "-")
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    put(folder, {"p.npy": np.zeros(1_000_000)})
    with subprocess.Popen(argv, cwd=folder, env=environment(), **pipes) as process:
        process.stdin.write(b"y\n" + b"0.5\n" * 100_000)  # more than a pipe holds: some has been taken
        process.stdin.flush()
        os.truncate(folder / "p.npy", 1000)
        stdout, stderr = process.communicate(b"0.5\n" * 900_000, timeout=60)
    ran = Ran(stdout.decode(), stderr.decode(), process.returncode)
    assert one_line(ran, 3) == "p.npy: changed while it was read; wait until it is complete"


# Signals and death while files are written

OLD = b"what was there before"
LONG = 400_000


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose evaluation takes about a second, and what it writes when nothing disturbs it."""
    made = tmp_path_factory.mktemp("long")
    values = np.arange(LONG) % 11 / 8
    put(made, {"both.parquet": {"y_pred": values, "y": values[::-1].copy()}})
    (made / "whole").mkdir()
    ran = support.run("eval", "-l", "mse", "both.parquet", *into("whole"), cwd=made)
    assert ran == Ran("", "", 0)
    return made


def into(folder: str) -> list[str]:
    return [f"{folder}/{arg}" if arg in WRITTEN else arg for arg in OUTPUTS]


def is_begun(target: Path) -> bool:
    return len(os.listdir(target)) > len(WRITTEN)


def is_put_in_place(target: Path) -> bool:
    """Whether the first of several files is complete, and the others are about to be."""
    return (target / WRITTEN[0]).read_bytes() != OLD


def interrupted(long: Path, number: int, after: float, moment: Callable[[Path], bool] = is_begun) -> tuple[int, Path]:
    """A run over old files that gets a signal some time after a moment, which is that files are begun."""
    target = long / f"to{time.monotonic_ns()}"
    target.mkdir()
    for name in WRITTEN:
        (target / name).write_bytes(OLD)
    argv = command("eval", "-l", "mse", "both.parquet", *into(target.name))
    with subprocess.Popen(argv, cwd=long, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while process.poll() is None and not moment(target):
            time.sleep(0.0005)
        time.sleep(after)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert (stdout, stderr) == (b"", b"")
    return process.returncode, target


def assert_old_or_new(long: Path, target: Path) -> None:
    for name in WRITTEN:
        found, whole = (target / name).read_bytes(), (long / "whole" / name).read_bytes()
        assert found in (OLD, whole), name


@pytest.mark.parametrize("after", [0.0, 0.01, 0.05, 0.1])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_while_files_are_written(number: int, after: float, long: Path) -> None:
    code, target = interrupted(long, number, after)
    assert code in (128 + number, 0)
    assert code or after  # at the first unfinished file there is much to do yet
    assert sorted(os.listdir(target)) == sorted(WRITTEN)
    assert_old_or_new(long, target)


def test_nohup_is_heeded(folder: Path) -> None:
    """A signal that is ignored from the start stays so."""
    argv = ["sh", "-c", 'trap "" HUP INT; exec "$@"', "sh", *command("eval", "-l", "mse", "-", "t.npy")]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(argv, cwd=folder, env=environment(), **pipes) as process:
        process.stdin.write(b"y_pred\n" + b"1.0000000\n" * (ROWS // 2))
        process.stdin.flush()
        for number in (signal.SIGHUP, signal.SIGINT):
            process.send_signal(number)
        stdout, _ = process.communicate(b"1.0000000\n" * (ROWS // 2), timeout=60)
    assert (process.returncode, stdout.splitlines()[1]) == (0, b"mse\tmean\t0.5625\t20000\t20000.0")


def killed(long: Path, times: int) -> None:
    """Every other time while values are written, else while files are put in their places."""
    seed, strays = random.Random(11), 0
    began = time.monotonic()
    interrupted(long, 0, 0)
    span = time.monotonic() - began
    for k in range(times):
        after, moment = (seed.uniform(0, span), is_begun) if k % 2 else (seed.uniform(0, 0.02), is_put_in_place)
        _, target = interrupted(long, signal.SIGKILL, after, moment)
        assert_old_or_new(long, target)
        strays += len(os.listdir(target)) > len(WRITTEN)
        assert support.run("eval", "-l", "mse", "both.parquet", *into(target.name), cwd=long) == Ran("", "", 0)
        assert sorted(os.listdir(target)) == sorted(WRITTEN)  # what a killed run leaves, the next one takes away
        for name in WRITTEN:
            assert (target / name).read_bytes() == (long / "whole" / name).read_bytes()
            (target / name).unlink()
    assert strays  # or nothing has been tried


def test_death_at_any_moment(long: Path) -> None:
    killed(long, 10)


@pytest.mark.slow
def test_death_at_two_hundred_moments(long: Path) -> None:
    killed(long, 200)


def test_the_unfinished_file_of_another_run_stays(tmp_path: Path) -> None:
    """It is locked as long as its process lives."""
    mine, other = Output(str(tmp_path / "x.csv")), Output(str(tmp_path / "x.csv"))
    assert len(os.listdir(tmp_path)) == 2
    other.file.write(b"other")
    other.commit()
    mine.file.write(b"mine")
    mine.commit()
    Output(str(tmp_path / "x.csv")).abort()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x.csv": b"mine"}


WRITER = (
    "import sys\n"
    "from losscli.output import Output\n"
    "for _ in range(200):\n"
    "    output = Output('x.csv')\n"
    "    output.file.write(sys.argv[1].encode() * 1000)\n"
    "    output.commit()\n"
)


def test_runs_that_write_the_same_file(tmp_path: Path) -> None:
    """None takes away what another is writing; the last one wins, whole."""
    argv = [sys.executable, "-c", WRITER]
    env = environment({"PYTHONPATH": str(support.ROOT)})
    writers = [subprocess.Popen([*argv, letter], cwd=tmp_path, env=env) for letter in "abcd"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0, 0]
    assert os.listdir(tmp_path) == ["x.csv"]
    assert (tmp_path / "x.csv").read_bytes() in [letter * 1000 for letter in (b"a", b"b", b"c", b"d")]


def test_only_strays_are_taken_away(tmp_path: Path) -> None:
    names = [".x.csv.losscli-abcdefgh", ".xy.csv.losscli-abcdefgh", ".x.csv.other", "x.csv.losscli-abcdefgh"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / ".x.csv.losscli-folder").mkdir()
    (tmp_path / ".x.csv.losscli-link").symlink_to("x.csv.losscli-abcdefgh")
    Output(str(tmp_path / "x.csv")).abort()
    assert sorted(os.listdir(tmp_path)) == sorted([*names[1:], ".x.csv.losscli-folder", ".x.csv.losscli-link"])
