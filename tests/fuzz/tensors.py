"""Arrow files and streams, safetensors files, and files compressed, mostly well-formed."""

import gzip
import io
import json
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from tests.fuzz.binary import KINDS, arrow_column
from tests.fuzz.mutate import mutated
from tests.fuzz.values import COUNTS, FLOATS, INTEGERS, TYPES

ARROW_TOKENS = (
    *(b"ARROW1\0\0", b"ARROW1", b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\0\0\0\0", b"y_pred", b"y\0\0\0", b"\0" * 8),
    *(count.to_bytes(8, "little")[:size] for count in COUNTS for size in (1, 4, 8)),
)
SAFETENSORS_TOKENS = tuple(
    token.encode()
    for token in (
        *(
            '"y_pred"',
            '"y"',
            '"dtype"',
            '"shape"',
            '"data_offsets"',
            '"__metadata__"',
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            " ",
        ),
        *(
            '"F64"',
            '"F32"',
            '"BF16"',
            '"BOOL"',
            '"I64"',
            '"U8"',
            '"F8_E4M3"',
            "[4]",
            "[2,2]",
            "[0,32]",
            "-1",
            "1.0",
            "NaN",
        ),
        *(*map(str, COUNTS), "\\u0000", "\n", "\0", "\x1b"),
    )
)
_UNREAD = ("F8_E5M2", "X")  # types of tensors that are none of `TYPES`
GZIP_TOKENS = (b"\x1f\x8b", b"\x1f\x8b\x08\0\0\0\0\0\0\xff", b"\0", b"\0\0\0\0", b"\x03\0\0\0\0\0\0\0\0\0", b"\xff\xff")
ZSTD_TOKENS = (
    b"\x28\xb5\x2f\xfd",
    b"\x50\x2a\x4d\x18\4\0\0\0abcd",
    b"\0",
    b"\x28\xb5\x2f\xfd\0\x58\1\0\0",
    b"\xff\xff",
)


def arrow(random: Random) -> bytes:
    """One of a few hundred tables, which take long to write."""
    return _arrow(random.randrange(400))


@cache
def _arrow(seed: int) -> bytes:
    random = Random(seed)
    rows, columns = random.choice((1, 2, 3, 4, 4, 9, 9, 40)), {}
    for name in random.choice((["y_pred", "y", "z"],) * 5 + (["y_pred", "y"], ["y"], ["a", "b"])):
        kinds = KINDS[:8] if name in ("y_pred", "y") and random.random() < 0.9 else KINDS
        columns[name] = arrow_column(random.choice(kinds), rows, random)
    table, target = pa.table(columns), io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=random.choice((None, None, None, "zstd", "lz4")))
    open_writer = random.choice((pa.ipc.new_file, pa.ipc.new_stream))
    with open_writer(target, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=random.choice((rows, 2)))
    return target.getvalue()


def safetensors(random: Random) -> bytes:
    """One to three tensors behind a header right or wrong."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}} if random.random() < 0.2 else {}
    body = b""
    for name in random.choice((["y_pred"],) * 5 + (["y_pred", "y"], ["y", "y_pred"], ["a"], ["a", "b"], [])):
        kind = random.choice(("F64", "F64", "F32", *TYPES, *_UNREAD))
        shape = random.choice(((4,), (4,), (4,), (3,), (4, 1), (4, 2), (2, 2), (1,), (), (0,), (1, 2, 2)))
        data = _numbers(TYPES.get(kind, "u1"), int(np.prod(shape)), random)
        said: list[Any] = [len(body), len(body) + len(data)]
        if random.random() < 0.03:
            said[random.randrange(2)] = random.choice((*COUNTS, -1, 1.0, "0", None, True))
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": said}
        body += data
    text = json.dumps(header).encode() + b" " * random.choice((0, 0, 5, 8))
    length = len(text) if random.random() < 0.98 else random.choice(COUNTS)
    tail = random.choice((b"",) * 30 + (b"\0", b"abcd"))
    return (length % 2**64).to_bytes(8, "little") + text + body + tail


def _numbers(dtype: str, count: int, random: Random) -> bytes:
    kind = np.dtype(dtype).kind
    if kind == "b":
        return bytes(random.choice((0, 1) if random.random() < 0.95 else (2,)) for _ in range(count))
    if kind == "f":
        wanted = [random.choice(FLOATS if random.random() < 0.05 else FLOATS[:5]) for _ in range(count)]
        with np.errstate(all="ignore"):
            return np.array(wanted, dtype).tobytes()
    size = 256 ** np.dtype(dtype).itemsize
    values = [random.choice(INTEGERS if random.random() < 0.2 else INTEGERS[:5]) % size for _ in range(count)]
    return b"".join(value.to_bytes(np.dtype(dtype).itemsize, "little") for value in values)


Make = Callable[..., bytes]


def compressed(make: Make, tokens: Any, damage: float, compress: Callable[[bytes], bytes]) -> Make:
    """A file, damaged before it is compressed or not; a few in several members or frames."""

    def made(random: Random, *asked: Any) -> bytes:
        data = make(random, *asked)
        if random.random() < damage:
            data = mutated(data, random, tokens, make(random, *asked))
        cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.choice((0, 0, 0, 0, 1, 2))))
        parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        return b"".join(map(compress, parts))

    return made


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def zstd(data: bytes) -> bytes:
    found: bytes = pa.Codec("zstd").compress(data, asbytes=True)
    return found
