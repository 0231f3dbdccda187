"""safetensors: every type, which tensor, and headers that are wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import InputError
from tests import support
from tests.support import put

NUMBERS = np.array([1.0, 2.0, 6.0])
TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
}


def file_of(tensors: dict[str, tuple[str, Any, bytes]], more: str = "", pad: int = 0) -> bytes:
    """A file as the description of the format has it: the length of the header, the header, the numbers."""
    header, start = {}, 0
    for name, (kind, shape, data) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, start + len(data)]}
        start += len(data)
    return raw(json.dumps(header)[:-1] + more + "}" + " " * pad, b"".join(data for *_, data in tensors.values()))


def raw(header: str, data: bytes = b"") -> bytes:
    text = header.encode()
    return len(text).to_bytes(8, "little") + text + data


def one(kind: str = "F64", shape: Any = (3,), data: bytes = NUMBERS.tobytes()) -> bytes:
    return file_of({"y_pred": (kind, shape, data)})


def mae(here: Path, data: bytes, target: Any = (0.0, 0.0, 0.0), path: str = "x.safetensors") -> float:
    put(here, {"x.safetensors": data})
    return losscli.evaluate("mae", pred=path, target=np.array(target)).value


@pytest.mark.parametrize("kind", TYPES)
def test_every_type(kind: str, here: Path) -> None:
    assert mae(here, one(kind, (3,), NUMBERS.astype(TYPES[kind]).tobytes())) == 3.0


def test_the_upper_half_of_a_float32(here: Path) -> None:
    """bfloat16 of 1, 2, 6 and the least number above 1: by their bits."""
    bits = np.array([0x3F80, 0x4000, 0x40C0, 0x3F81], "<u2")
    assert mae(here, one("BF16", (4,), bits.tobytes()), [1, 2, 6, 1]) == 2**-7 / 4


def test_booleans(here: Path) -> None:
    assert mae(here, one("BOOL", (3,), b"\1\0\1"), [0, 0, 0]) == pytest.approx(2 / 3)
    put(here, {"x.safetensors": one("BOOL", (3,), b"\1\0\2")})
    assert "row 2: a boolean that is neither" in refusal(here, one("BOOL", (3,), b"\1\0\2"))


def test_integers_beyond_2_53_stay_exact(here: Path) -> None:
    assert mae(here, one("I64", (1,), np.int64(2**53 + 1).tobytes()), [2**53]) == 1.0


def test_the_same_bits_as_npy(here: Path) -> None:
    matrix = np.random.default_rng(3).normal(size=(300_001, 3))
    put(here, {"x.npy": matrix, "x.safetensors": file_of({"p": ("F64", matrix.shape, matrix.tobytes())}, pad=5)})
    by = [
        losscli.evaluate(["mse", "huber"], pred=path, target=np.zeros_like(matrix), grad=True)
        for path in ("x.npy", "x.safetensors")
    ]
    for a, b in zip(by[0].results, by[1].results, strict=True):
        assert (a.value, a.gradient.tobytes()) == (b.value, b.gradient.tobytes())
    assert by[1].inputs[0].format == "safetensors"


TWO = file_of({"a": ("F64", [3], NUMBERS.tobytes()), "y_pred": ("F32", [3], bytes(12))}, ', "__metadata__": {"k": "v"}')


def test_which_tensor(here: Path) -> None:
    assert mae(here, TWO) == 0.0
    assert mae(here, TWO, path="x.safetensors:a") == 3.0
    with pytest.raises(InputError, match=r"^x.safetensors: has no member 'b'; its members: a, y_pred"):
        mae(here, TWO, path="x.safetensors:b")
    with pytest.raises(InputError, match=r"^x.safetensors: which member is target\? write x.safetensors:NAME"):
        losscli.evaluate("mae", pred=NUMBERS, target="x.safetensors")


def test_a_pipe_read_twice(here: Path) -> None:
    put(here, {"t.npy": [0.0, 0.0, 0.0], "x.safetensors": TWO})
    piped = support.run("eval", "-l", "mae", "-", "t.npy", "--worst", "2", stdin=TWO, cwd=here)
    assert piped == support.run("eval", "-l", "mae", "x.safetensors", "t.npy", "--worst", "2", cwd=here)
    assert piped.code == 0


def refusal(here: Path, data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        mae(here, data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def field(**changes: Any) -> str:
    return json.dumps({"y_pred": {"dtype": "F64", "shape": [3], "data_offsets": [0, 24], **changes}})


def overlapping(start: int, stop: int) -> bytes:
    header = {
        "a": {"dtype": "F64", "shape": [3], "data_offsets": [0, 24]},
        "b": {"dtype": "F64", "shape": [3], "data_offsets": [start, stop]},
    }
    return raw(json.dumps(header), bytes(max(stop, 24)))


BODY = NUMBERS.tobytes()
BAD = "x.safetensors: bad safetensors header: "
REFUSED = {
    "FP8": (one("F8_E4M3", (3,), b"abc"), "x.safetensors:y_pred: dtype F8_E4M3 is not read; save it as F32"),
    "complex": (one("C64", (3,), BODY), "x.safetensors:y_pred: dtype C64 is not read"),
    "three dimensions": (one("F64", (1, 3, 1)), "x.safetensors:y_pred: shapes differ: a row of pred has shape (3, 1)"),
    "no rows": (one("F64", (0,), b""), "x.safetensors:y_pred: has shape (0,): no data rows"),
    "cut": (one()[:-1], "x.safetensors: truncated: its header promises 24 bytes of data, 23 are there"),
    "more behind": (one() + b"x", "x.safetensors: 1 bytes after the last tensor"),
    "a header beyond the file": (raw(field(), BODY)[:40], f"{BAD}{len(field())} bytes long, in a file of 40"),
    "a huge header": ((1 << 39).to_bytes(8, "little") + b'{"a', f"{BAD}549755813888 bytes long"),
    "no JSON": (raw('{"y_pred": ', BODY), BAD),
    "NaN": (raw('{"y_pred": NaN}', BODY), f"{BAD}NaN is no JSON"),
    "nested deeply": (raw('{"a":' * 100_000, BODY), f"{BAD}it is nested too deep"),
    "no UTF-8": (raw(field(), BODY).replace(b"y_pred", b"y_pr\xffd"), BAD),
    "a name twice": (raw(f"{field()[:-1]}, {field()[1:]}", BODY), f"{BAD}'y_pred' appears twice"),
    "a size that is not the shape's": (raw(field(shape=[4]), BODY), f"{BAD}'y_pred' of F64, shape [4], does not"),
    "a huge shape": (raw(field(shape=[2**40, 2**40]), BODY), f"{BAD}'y_pred' of F64"),
    "a negative shape": (raw(field(shape=[-3]), BODY), f"{BAD}'y_pred' has shape [-3]"),
    "a shape of floats": (raw(field(shape=[3.0]), BODY), f"{BAD}'y_pred' has shape [3.0]"),
    "a shape of text": (raw(field(shape="3"), BODY), f"{BAD}'y_pred' has shape '3'"),
    "offsets the other way round": (raw(field(data_offsets=[24, 0]), BODY), f"{BAD}'y_pred' has shape"),
    "one offset": (raw(field(data_offsets=[0]), BODY), BAD),
    "a field too many": (raw(field(x=1), BODY), f"{BAD}the fields of 'y_pred'"),
    "a tensor that is none": (raw('{"y_pred": 3}', BODY), f"{BAD}a tensor lacks its fields"),
    "a list": (raw(" [1]", BODY), "x.safetensors:1: NUL byte"),
    "overlap": (overlapping(16, 40), f"{BAD}'b' begins at byte 16 and overlaps"),
    "a hole": (overlapping(32, 56), f"{BAD}'b' begins at byte 32 and leaves 8 bytes unused"),
    "nothing in it": (raw("{}"), "x.safetensors: has no tensors"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, here: Path) -> None:
    data, message = REFUSED[name]
    assert refusal(here, data).startswith(message)


def test_a_file_as_the_package_of_that_name_writes_it(here: Path) -> None:
    """Version 0.8 of `safetensors.numpy.save_file`: the widest type first, and a header that is filled up."""
    header = (
        '{"__metadata__":{"format":"np"},"m":{"dtype":"I64","shape":[3,2],"data_offsets":[0,48]},'
        '"y_pred":{"dtype":"F64","shape":[3],"data_offsets":[48,72]},"y":{"dtype":"F32","shape":[3],'
        '"data_offsets":[72,84]}}     '
    )
    data = raw(header, np.arange(6, dtype="<i8").tobytes() + BODY + bytes(12))
    assert data[0] == 0xD0
    put(here, {"x.safetensors": data})
    assert losscli.evaluate("mae", pred="x.safetensors", target="x.safetensors").value == 3.0
    assert losscli.evaluate("mae", pred="x.safetensors:m", target=np.zeros((3, 2))).value == 2.5
