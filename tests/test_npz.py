"""NPZ: members of archives as NumPy writes them, and archives that are damaged, hostile or something else."""

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import losscli
from losscli.errors import InputError, UsageError
from losscli.formats import Pick, open_reader
from tests import support
from tests.support import put, raw_npy

RNG = np.random.default_rng(11)
PRED, TARGET = RNG.normal(size=1000), RNG.normal(size=1000)
SAVE = {"stored": np.savez, "deflated": np.savez_compressed}


@pytest.fixture(params=SAVE)
def save(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Both ways in which NumPy writes archives."""
    found: Callable[..., None] = SAVE[request.param]
    return found


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), **options)
    return file.getvalue()


def archive(members: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return file.getvalue()


def refusal(**files: Any) -> str:
    with pytest.raises(InputError) as caught:
        losscli.evaluate("mae", **files)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The same as an NPY file

ARRAYS = {
    "numbers": PRED,
    "float32": PRED.astype("f4"),
    "big end first": PRED.astype(">f8"),
    "integers": np.arange(1000) - 2**60,
    "booleans": PRED > 0,
    "a column": PRED[:, None],
    "a matrix": PRED.reshape(250, 4),
    "Fortran": np.asfortranarray(PRED.reshape(250, 4)),
    "long": RNG.normal(size=300_000),
}


@pytest.mark.parametrize("block", [1 << 17, 7])
@pytest.mark.parametrize("name", ARRAYS)
def test_the_same_bits_as_npy(name: str, block: int, save: Callable[..., None], here: Path) -> None:
    array = ARRAYS[name]
    if block == 7 and len(array) > 1000:
        block = 9999
    put(here, {"x.npy": array, "t.npy": np.full(array.shape, 0.3)})
    save("x.npz", x=array, other=TARGET)
    reports = [
        losscli.evaluate(["huber", "rmse"], pred=path, target="t.npy", grad=True, worst=3, block=block)
        for path in ("x.npy", "x.npz:x")
    ]
    one, other = (report.to_dict() for report in reports)
    assert other["inputs"][0] == {**one["inputs"][0], "path": "x.npz:x"}
    assert json.dumps(other["results"]) == json.dumps(one["results"])
    gradients = [report.results[0].gradient for report in reports]
    assert gradients[0].tobytes() == gradients[1].tobytes()


def test_labels(save: Callable[..., None], here: Path) -> None:
    save("run.npz", probs=[[0.25, 0.75], [0.5, 0.5]], labels=np.array(["b", "a"]))
    put(here, {"p.csv": "p_a,p_b\n0.25,0.75\n0.5,0.5\n"})
    expected = losscli.evaluate("cross_entropy", pred="p.csv", target=np.array([1, 0])).value
    assert losscli.evaluate("cross_entropy", pred="p.csv", target="run.npz").value == expected
    assert losscli.evaluate("cross_entropy", pred="run.npz", target=np.array([1, 0])).value == expected


def test_a_member_is_read_again(save: Callable[..., None], here: Path) -> None:
    save("x.npz", a=PRED, f=np.asfortranarray(PRED.reshape(500, 2)))
    for member, shape in (("a", (1000,)), ("f", (500, 2))):
        reader = open_reader("pred", f"x.npz:{member}")
        picks = [Pick(tuple(range(len(shape))))]
        for _ in range(3):
            found = np.concatenate([block.values[0] for block in reader.read(picks, 33)])
            assert found.tobytes() == PRED.reshape(shape).tobytes()
        reader.close()


def test_nothing_is_left_open_or_behind(save: Callable[..., None], here: Path) -> None:
    save("x.npz", f=np.asfortranarray(PRED.reshape(500, 2)))
    before = sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else []
    losscli.evaluate("mae", pred="x.npz", target=np.zeros((500, 2)))
    assert sorted(os.listdir("/proc/self/fd")) == before if before else True
    assert os.listdir(here) == ["x.npz"]


# Which member

WHICH = {
    "as said": ("x.npz:a", {"a": PRED, "b": TARGET}),
    "with its suffix": ("x.npz:a.npy", {"a": PRED, "b": TARGET}),
    "in a folder": ("x.npz:run/a", {"run/a": PRED, "b": TARGET}),
    "with a colon": ("x.npz:run:a", {"run:a": PRED, "a": TARGET}),
    "the only one": ("x.npz", {"whatever": PRED}),
    "without a name": ("x.npz", {"arr_0": PRED}),
    "the role's name": ("x.npz", {"pred": PRED, "b": TARGET}),
    "a usual name": ("x.npz", {"Y_Pred": PRED, "y": TARGET, "weight": TARGET}),
    "a usual name of vectors": ("x.npz", {"logits": PRED, "labels": TARGET}),
}


@pytest.mark.parametrize("name", WHICH)
def test_which_member(name: str, save: Callable[..., None], here: Path) -> None:
    path, members = WHICH[name]
    save("x.npz", **members)
    assert losscli.evaluate("mae", pred=path, target=PRED).value == 0.0


def test_a_member_for_each_role(save: Callable[..., None], here: Path) -> None:
    save("run.npz", y_pred=PRED, y_true=TARGET, weight=np.ones(1000), variance=np.ones(1000), fold=TARGET)
    report = losscli.evaluate("gaussian_nll", **dict.fromkeys(["pred", "target", "variance", "weight"], "run.npz"))
    assert [i.path for i in report.inputs] == [f"run.npz:{name}" for name in ("y_pred", "y_true", "variance", "weight")]
    assert not report.notes


@pytest.mark.parametrize(
    ("loss", "members", "columns", "paths"),
    [
        ("mse", ["y_pred", "y", "fold"], {}, ["y_pred", "y"]),
        ("mse", ["logits", "labels", "mean"], {}, ["logits", "labels"]),
        ("mse", ["pred", "target", "other"], {"target": "other"}, ["pred", "other"]),
        ("mse", ["a", "b"], {"pred": "a", "target": "b"}, ["a", "b"]),
        ("mse", ["pred", "y", "w", "m"], {"weight": "w", "mask": "m"}, ["pred", "y", "w", "m"]),
        ("gaussian_nll", ["pred", "target", "variance", "id"], {}, ["pred", "target", "variance"]),
        ("triplet", ["anchor", "negative", "positive"], {}, ["anchor", "positive", "negative"]),
    ],
)
def test_one_archive_holds_all_roles(
    loss: str, members: list[str], columns: dict[str, str], paths: list[str], here: Path
) -> None:
    """Without naming a member: each role has the one that a column option names, or the one with a usual name."""
    values = {name: np.round(np.abs(PRED)) % 2 if name == "m" else np.abs(PRED) + k for k, name in enumerate(members)}
    np.savez("run.npz", **values)
    first, *others = losscli.get(loss).kind.role_names
    report = losscli.evaluate(loss, **{first: "run.npz"}, columns=columns)
    assert [i.path for i in report.inputs] == [f"run.npz:{name}" for name in paths]
    arrays = dict(zip([first, *others, "weight", "mask"], (values[name] for name in paths), strict=False))
    assert report.value == losscli.evaluate(loss, **arrays).value


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (["y_pred", "fold"], "x.npz: which member is target? say --col target=NAME; its members: y_pred, fold"),
        (
            ["y_pred", "y", "label"],
            "x.npz: which member is target? say --col target=NAME; its members: y_pred, y, label",
        ),
    ],
)
def test_a_role_without_a_member(members: list[str], said: str, here: Path) -> None:
    np.savez("x.npz", **dict.fromkeys(members, PRED))
    with pytest.raises(UsageError) as caught:
        losscli.evaluate("mae", pred="x.npz")
    assert str(caught.value) == said


@pytest.mark.parametrize("said", [{"by": "fold"}, {"where": ["fold=1"]}, {"show": ["fold"], "per_sample": True}])
def test_members_are_no_columns(said: dict[str, Any], here: Path) -> None:
    """Where a column is asked for by name, what to say instead; and that is taken."""
    np.savez("x.npz", y_pred=PRED, y=TARGET.round(), fold=np.arange(1000) % 2)
    with pytest.raises(UsageError) as caught:
        losscli.evaluate("mae", pred="x.npz", **said)
    option = f"--{next(iter(said))}"
    assert str(caught.value).startswith(f"no file has a column 'fold' for {option}")
    assert str(caught.value).endswith(
        "x.npz:y: its only one has no name: say 0; members of an archive are files, not columns: say target:0 and its "
        "like, or take a table"
    )
    taken = {
        name: "target:0" if name == "by" else ["target:0=1" if name == "where" else "target:0"]
        for name in said
        if name != "per_sample"
    }
    report = losscli.evaluate("mae", pred="x.npz", **{**said, **taken})
    assert report.results[0].n == ((TARGET.round() == 1).sum() if "where" in said else 1000)


def test_a_file_of_that_name_wins(save: Callable[..., None], here: Path) -> None:
    save("x.npz", a=TARGET)
    put(here, {"x.npz:a": PRED})
    assert losscli.evaluate("mae", pred="x.npz:a", target=PRED).value == 0.0


def test_the_content_decides_not_the_name(save: Callable[..., None], here: Path) -> None:
    save("x.npz", a=PRED)
    Path("x.npz").rename("x.csv")
    assert losscli.evaluate("mae", pred="x.csv:a", target=PRED).value == 0.0


TWO = archive({"a.npy": npy(PRED), "b.npy": npy(TARGET)})
UNSAID = {
    "none is usual": ("x.npz", TWO, "x.npz: which member is pred? write x.npz:NAME; its members: a, b"),
    "two are usual": (
        "x.npz",
        archive({"pred.npy": npy(PRED), "y_pred.npy": npy(PRED)}),
        "x.npz: which member is pred? write x.npz:NAME; its members: pred, y_pred",
    ),
    "no such member": (
        "x.npz:weigth",
        archive({"weight.npy": npy(PRED), "b.npy": npy(PRED)}),
        "x.npz: has no member 'weigth'; did you mean 'weight'?; its members: weight, b",
    ),
    "an empty name": ("x.npz:", TWO, "x.npz: has no member ''; its members: a, b"),
    "many": (
        "x.npz",
        archive({f"m{k}.npy": npy(PRED) for k in range(12)}),
        "x.npz: which member is pred? write x.npz:NAME; its members: m0, m1, m2, m3, m4, m5, m6, m7, m8, m9 …",
    ),
    "a member of a CSV file": (
        "x.npz:a",
        b"y_pred\n1\n",
        "x.npz:a: x.npz is no NPZ archive and no safetensors file, which alone have members",
    ),
    "a member of no file": ("y.npz:a", TWO, "y.npz:a: cannot be opened: No such file or directory"),
}


@pytest.mark.parametrize("name", UNSAID)
def test_which_member_cannot_be_told(name: str, here: Path) -> None:
    path, data, message = UNSAID[name]
    put(here, {"x.npz": data})
    assert refusal(pred=path, target=PRED) == message


# Refused, with file and member

EMPTY = "x.npz: is a ZIP archive without .npy members; unpack it, or save each array as .npy"


def edited(kind: int, act: Callable[[bytearray, int, int], None], array: Any = PRED) -> bytes:
    """An archive with one member, changed at its local header (the first place given) or its entry in the directory."""
    data = bytearray(archive({"a.npy": npy(array)}, kind))
    act(data, 0, data.rindex(b"PK\x01\x02"))
    return bytes(data)


def sized(declared: int) -> Callable[[bytearray, int, int], None]:
    def act(data: bytearray, local: int, entry: int) -> None:
        data[entry + 24 : entry + 28] = data[local + 22 : local + 26] = declared.to_bytes(4, "little")

    return act


def flip(data: bytearray, local: int, entry: int) -> None:
    data[entry - 3] ^= 1


def encrypt(data: bytearray, local: int, entry: int) -> None:
    data[local + 6] |= 1
    data[entry + 8] |= 1


def spoil_local(data: bytearray, local: int, entry: int) -> None:
    data[local + 30] ^= 1  # its name


def spoil_first(data: bytearray, local: int, entry: int) -> None:
    data[local + 40] ^= 0xFF


STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
HUGE = "{{'descr': '<f8', 'fortran_order': {}, 'shape': {}, }}"
DAMAGED = "damaged or cut NPZ archive: "
REFUSED: dict[str, tuple[bytes, str]] = {
    "no members": (archive({}), EMPTY),
    "no arrays": (archive({"archive/data.txt": b"1\n"}), EMPTY),
    "no array": (archive({"a.npy": b"1\n2\n"}), "x.npz:a: is no NPY array"),
    "an empty member": (archive({"a.npy": b""}), "x.npz:a: is no NPY array"),
    "objects": (
        archive({"a.npy": npy(np.array([None, 1]), allow_pickle=True)}),
        "x.npz:a: holds pickled objects, which are never loaded",
    ),
    "three dimensions": (
        archive({"a.npy": npy(np.zeros((2, 2, 2)))}),
        "x.npz:a: shapes differ: a row of pred has shape (2, 2), of target (1,)",
    ),
    "missing": (
        archive({"a.npy": npy(np.where(PRED[7] == PRED, np.nan, PRED))}, DEFLATED),
        "x.npz:a: row 7: missing value",
    ),
    "rows": (archive({"a.npy": npy([1.0])}), "row counts differ: x.npz:a has 1 row,"),
    "cut": (TWO[:-30], f"x.npz: {DAMAGED}"),
    "cut in half": (TWO[: len(TWO) // 2], f"x.npz: {DAMAGED}"),
    "cut to its magic": (TWO[:4], f"x.npz: {DAMAGED}"),
    "a checksum": (edited(STORED, flip), f"x.npz:a: {DAMAGED}Bad CRC-32"),
    "a checksum of the compressed": (edited(DEFLATED, flip), f"x.npz:a: {DAMAGED}"),
    "a compressed block": (edited(DEFLATED, spoil_first), f"x.npz:a: {DAMAGED}"),
    "a local header": (edited(STORED, spoil_local), f"x.npz:a: {DAMAGED}"),
    "encrypted": (edited(STORED, encrypt), "x.npz:a: is encrypted; decrypt the archive first"),
    "another compression": (archive({"a.npy": npy(PRED)}, zipfile.ZIP_LZMA), "x.npz:a: is compressed by method 14"),
    "a huge size": (edited(STORED, sized(2**32 - 2)), f"x.npz:a: {DAMAGED}4294967294 bytes are declared, 8128 hold"),
    "a huge size, compressed": (edited(DEFLATED, sized(2**32 - 2)), f"x.npz:a: {DAMAGED}4294967294 bytes are declared"),
    "a size too large": (edited(DEFLATED, sized(8129)), "x.npz:a: 1 bytes after the array"),
    "a size too small": (edited(DEFLATED, sized(8127)), f"x.npz:a: {DAMAGED}Bad CRC-32"),
    "a shape too large": (
        archive({"a.npy": raw_npy(HUGE.format("False", "(4, 1000000000000)"), PRED.tobytes())}, DEFLATED),
        "x.npz:a: truncated: its header promises",
    ),
    "a Fortran shape too large": (
        archive({"a.npy": raw_npy(HUGE.format("True", "(4, 1000000000000)"), PRED.tobytes())}, DEFLATED),
        "x.npz:a: truncated: its header promises",
    ),
    "two arrays in a member": (archive({"a.npy": npy(PRED) * 2}), "x.npz:a: 8128 bytes after the array"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, here: Path) -> None:
    data, message = REFUSED[name]
    put(here, {"x.npz": data})
    assert refusal(pred="x.npz", target=PRED).startswith(message)
    assert os.listdir(here) == ["x.npz"]


@pytest.mark.parametrize("kind", [STORED, DEFLATED])
def test_a_checksum_is_verified_at_the_end_of_a_long_member(kind: int, here: Path) -> None:
    def spoil_checksum(data: bytearray, local: int, entry: int) -> None:
        data[local + 14] ^= 1
        data[entry + 16] ^= 1

    put(here, {"x.npz": edited(kind, spoil_checksum, ARRAYS["long"])})
    message = refusal(pred="x.npz", target=np.zeros(300_000))
    assert message == f"x.npz:a: {DAMAGED}Bad CRC-32 for file 'a.npy'"


@pytest.mark.parametrize("declared", [8127, 8129])
def test_a_false_size_of_a_fortran_matrix(declared: int, here: Path) -> None:
    matrix = np.asfortranarray(PRED.reshape(500, 2))
    put(here, {"x.npz": edited(DEFLATED, sized(declared), matrix)})
    assert refusal(pred="x.npz", target=np.zeros((500, 2))).startswith("x.npz:a: ")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_appears_twice(here: Path) -> None:
    with zipfile.ZipFile("x.npz", "w") as made:
        made.writestr("a.npy", npy(PRED))
        made.writestr("a.npy", npy(TARGET))
    assert refusal(pred="x.npz:a", target=PRED) == "x.npz: member 'a' appears twice"


SMALL = archive({"y_pred.npy": npy(np.arange(20.0)), "y.npy": npy(np.arange(20.0))}, DEFLATED)


@given(st.integers(0, len(SMALL) - 1), st.integers(0, 255), st.booleans())
@settings(max_examples=400)
def test_a_damaged_archive_is_refused_or_read_as_it_was(at: int, byte: int, is_cut: bool) -> None:
    data = SMALL[:at] if is_cut else SMALL[:at] + bytes([byte]) + SMALL[at + 1 :]
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        file.write(data)
        file.flush()
        try:
            report = losscli.evaluate("mae", pred=f"{file.name}:y_pred", target=np.zeros(20))
        except losscli.LossError:
            return
    assert report.value == 9.5


# Through the command line


def test_at_the_command_line(save: Callable[..., None], here: Path) -> None:
    save("run.npz", y_pred=PRED, y=TARGET)
    put(here, {"p.npy": PRED, "t.npy": TARGET})
    plain = support.run("eval", "-l", "mse", "p.npy", "t.npy", "--grad-out", "one.npy", cwd=here)
    assert support.run("eval", "-l", "mse", "run.npz", "run.npz", "--grad-out", "two.npy", cwd=here) == plain
    assert Path("one.npy").read_bytes() == Path("two.npy").read_bytes()
    data = Path("run.npz").read_bytes()
    piped = support.run("eval", "-l", "mse", "-", "run.npz:y", "--grad-out", "two.npy", stdin=data, cwd=here)
    assert piped == plain
    assert support.run("gradcheck", "mse", "run.npz", "run.npz:y", "--against", "two.npy", cwd=here).code == 0
    assert support.run("gradcheck", "mse", "run.npz", "--against", "two.npy", cwd=here).code == 0
    assert support.run("eval", "-l", "mse", "run.npz", "--grad-out", "two.npy", cwd=here) == plain


def test_an_archive_is_not_overwritten(save: Callable[..., None], here: Path) -> None:
    save("run.npz", y_pred=PRED, y=TARGET)
    ran = support.run("eval", "-l", "mse", "run.npz:y_pred", "run.npz:y", "--grad-out", "run.npz", cwd=here)
    assert ran == support.Ran("", "losscli: error: run.npz is an input file; name another for the output\n", 2)


def test_a_refusal_at_the_command_line(here: Path) -> None:
    put(here, {"x.npz": edited(DEFLATED, flip), "t.npy": TARGET})
    ran = support.run("eval", "-l", "mse", "x.npz", "t.npy", cwd=here)
    assert (ran.stdout, ran.code) == ("", 3)
    assert ran.stderr.startswith("losscli: error: x.npz:a: damaged or cut NPZ archive: ")


# Memory

PEAK = (
    "import resource, subprocess, sys\n"
    "subprocess.run(sys.argv[1:], check=True, capture_output=True)\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
)


def peak(*args: str) -> int:
    """The most memory a run has taken, in KiB."""
    ran = subprocess.run(
        [sys.executable, "-c", PEAK, *support.command(*args)],
        env=support.environment(),
        capture_output=True,
        check=True,
    )
    return int(ran.stdout)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_does_not_grow_with_the_rows(order: Any, save: Callable[..., None], here: Path) -> None:
    for name, rows in (("short", 1 << 19), ("long", 1 << 22)):
        save(f"{name}.npz", y_pred=np.ones((rows, 2), order=order), y=np.zeros((rows, 2), order=order))
    short, long = (peak("eval", "-l", "mse", f"{name}.npz", f"{name}.npz") for name in ("short", "long"))
    assert long < short + (24 << 10)  # KiB; the arrays are 64 MiB each


def test_what_a_bomb_would_fill_is_not_taken(here: Path) -> None:
    """A gibibyte that is declared, and not there: refused before memory is taken."""
    data = raw_npy(HUGE.format("False", "(1, 134217728)"), bytes(64))
    put(here, {"x.npz": archive({"y_pred.npy": data}, DEFLATED), "t.npy": TARGET})
    limit = (1 << 30, resource.getrlimit(resource.RLIMIT_DATA)[1])
    ran = subprocess.run(
        support.command("eval", "-l", "mse", "x.npz", "t.npy"),
        env=support.environment(),
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, limit),
    )
    assert ran.returncode == 3
    assert b"x.npz:y_pred: truncated: its header promises 1073741824 bytes of data, 64 are there" in ran.stderr
