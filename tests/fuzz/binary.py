"""Arrays and tables as NPY, NPZ and Parquet files, mostly well-formed, of many types and layouts."""

import io
import zipfile
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz.values import COUNTS, FLOATS, INTEGERS, TEXTS

_DTYPES = (
    *("<f8", "<f8", "<f8", ">f8", "<f4", "<f2", "<f16", "|b1", "|i1", "<i4", ">i4", "<i8", "|u1", "<u8", ">u8", "<u2"),
    *("<U3", ">U2", "|S3", "<c16", "<M8[s]", "<m8[s]", "|V4", "|O", "=f8", "f8", "float64", "<f8,<f8", "<U0", "|S0"),
)
_HEADERS = (
    *("{'descr': 'DESCR', 'fortran_order': ORDER, 'shape': SHAPE, }",) * 12,
    *("{'descr': 'DESCR', 'shape': SHAPE, 'fortran_order': ORDER}", "{'shape': SHAPE, 'fortran_order': ORDER}"),
    *("{'descr': 'DESCR', 'fortran_order': ORDER, 'shape': SHAPE, 'x': 1}", "[('descr', 'DESCR'), ('shape', SHAPE)]"),
    *(
        "{'descr': ('DESCR', (2,)), 'fortran_order': ORDER, 'shape': SHAPE}",
        "__import__('os').abort()",
        "",
        "{",
        "(" * 3000,
    ),
    *(
        "{'descr': [('a', 'DESCR')], 'fortran_order': ORDER, 'shape': SHAPE}",
        "{'descr': 'DESCR', **{}}",
        "{[]: 1}",
        "-" * 9999,
    ),
    *(
        "{'descr': b'DESCR', 'fortran_order': 0, 'shape': SHAPE}",
        "{'descr': None, 'fortran_order': ORDER, 'shape': SHAPE}",
    ),
    *(
        "{'descr': 'DESCR\\x1b[31m', 'fortran_order': ORDER, 'shape': SHAPE}",
        "9" * 5000,
        "{1: 'DESCR', 'shape': {SHAPE}}",
    ),
    *("{'descr': {'names': ['a'], 'formats': ['DESCR']}, 'fortran_order': ORDER, 'shape': SHAPE}", "1if 1else", "0_0x"),
)
_LONGEST, _USED = 16, 10  # bytes of a long double, and those that its value takes
NPY_TOKENS = tuple(
    token.encode()
    for token in (
        *_DTYPES,
        *("True", "False", "(3,)", "(2, 2)", "()", "(0,)", "(-1,)", "[3]", "3", "(3L,)", "(1e3,)", "(True,)", "None"),
        *(f"({count},)" for count in COUNTS),
        *(f"({count}, {count})" for count in COUNTS),
        *("'", '"', "{", "}", "\\", "\\u", "\\N{", "#", "\n", "\0", " ", ":", ",", "\x93NUMPY", "descr", "shape"),
    )
)
ZIP_TOKENS = (
    *(b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"y_pred.npy", b"../", b"\0", b".npy"),
    *(count.to_bytes(8, "little")[:4] for count in COUNTS),
)
PARQUET_TOKENS = (
    *(
        b"PAR1",
        b"PARE",
        b"\x15\x00",
        b"\x15\x02",
        b"\x00",
        b"\x19",
        b"\x1c",
        b"\x26",
        b"\xff\xff\xff\xff\x0f",
        b"\x80\x80\x80\x80\x08",
    ),
    *(
        b"y_pred",
        b"y",
        b"schema",
        b"ARROW:schema",
        b"\x18\x06y_pred",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x15\xfe\xff\xff\xff\x0f",
    ),
)


def npy(random: Random) -> bytes:
    """An array, in the given order of bytes and of memory, behind a header right or wrong."""
    descr = random.choice(_DTYPES if random.random() < 0.2 else _DTYPES[:16])
    shape = random.choice(
        (
            *((3,), (4,), (4,), (4,), (3, 1), (3, 2), (4, 2), (4, 2), (4, 2), (2, 3), (1,), (), (0,), (7, 4)),
            *((1, 2, 2), (4, 2, 3), (4, 1, 1), (3, 2, 2, 2)),
        )
    )
    fortran = random.random() < 0.3
    body = _body(descr, shape, fortran, random)
    if random.random() < 0.03:
        body = random.choice((body[:-1], body + b"\0", body * 2, b"", body[: len(body) // 2]))
    said = shape if random.random() < 0.96 else (random.choice(COUNTS), *shape[1:])
    header = random.choice(_HEADERS) if random.random() < 0.15 else _HEADERS[0]
    text = header.replace("DESCR", descr).replace("ORDER", str(fortran)).replace("SHAPE", str(said))
    return _npy_file(text, body, random)


def _plain_npy(random: Random) -> bytes:
    target = io.BytesIO()
    array = np.array([random.choice(FLOATS[:5]) for _ in range(4)], random.choice(("<f8", ">f8", "<f4")))
    np.save(target, array.reshape(random.choice(((4,), (4, 1), (4,), (2, 2)))))
    return target.getvalue()


def _npy_file(header: str, body: bytes, random: Random) -> bytes:
    major = random.choice((1, 1, 1, 1, 2, 3))
    version = (major, 0) if random.random() < 0.97 else (random.randrange(5), random.randrange(2))
    text = (header + " " * random.choice((0, 1, 60)) + random.choice(("\n", ""))).encode("utf8", "replace")
    width = 2 if version[0] == 1 else 4
    length = len(text) if random.random() < 0.97 else random.choice(COUNTS)
    return b"\x93NUMPY" + bytes(version) + (length % 256**width).to_bytes(width, "little") + text + body


def _body(descr: str, shape: tuple[int, ...], fortran: bool, random: Random) -> bytes:
    try:
        dtype = np.dtype(descr)
    except TypeError:
        return b""
    count = int(np.prod(shape))
    if dtype.kind in "cMmVO" or dtype.names:
        return random.randbytes(min(count * dtype.itemsize, 400))
    values: list[Any] = [_value(dtype.kind, random) for _ in range(count)]
    with np.errstate(all="ignore"):
        if dtype.kind in "iu":
            values = [v % 256**dtype.itemsize for v in values]
            array = np.array(values, f"u{dtype.itemsize}").astype(dtype.newbyteorder("=")).astype(dtype)
        else:
            array = np.array(values).astype(dtype)
    body = bytearray(array.reshape(shape).tobytes("F" if fortran else "C"))
    if dtype.kind == "f" and dtype.itemsize == _LONGEST:  # what lies between its numbers is whatever memory held
        for start in range(0, len(body), _LONGEST):
            body[start + _USED : start + _LONGEST] = bytes(_LONGEST - _USED)
    return bytes(body)


def _value(kind: str, random: Random) -> Any:
    if kind == "b":
        return random.random() < 0.5
    if kind in "iu":
        return random.choice(INTEGERS if random.random() < 0.2 else INTEGERS[:5])
    if kind == "f":
        return random.choice(FLOATS if random.random() < 0.1 else FLOATS[:5])
    return random.choice(("a", "b", "", "7", "zz")) if kind == "S" else random.choice(("a", "b", "\u4e2d", "", "7"))


def npz(random: Random) -> bytes:
    """An archive of one to three arrays, under names that may be no names."""
    names = random.choice((["y_pred"],) * 6 + (["y_pred", "y"], ["y_pred", "y", "fold"], ["a"], ["a", "b"], []))
    if random.random() < 0.05:
        names = [random.choice((name, "../" + name, "/" + name, name + "\x1b", "", "a:b", "\u4e2d")) for name in names]
    target = io.BytesIO()
    method = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(target, "w", method) as archive:
        for name in names:
            info = zipfile.ZipInfo(name + random.choice((".npy",) * 9 + (".txt",)))  # no time of day in it
            info.compress_type = method if random.random() < 0.97 else zipfile.ZIP_BZIP2  # LZMA takes too much memory
            if info.filename not in archive.namelist():
                archive.writestr(info, npy(random) if random.random() < 0.5 else _plain_npy(random))
    return target.getvalue().replace(b"b.npy", random.choice((b"b.npy",) * 9 + (b"a.npy",)))


def parquet(random: Random) -> bytes:
    """One of a few hundred tables, which take long to write."""
    return _parquet(random.randrange(400))


@cache
def _parquet(seed: int) -> bytes:
    random = Random(seed)
    rows = random.choice((1, 2, 3, 4, 4, 9, 9, 40))
    columns = {}
    for name in random.choice(
        (["y_pred", "y", "z"],) * 5 + (["y_pred", "y"], ["y_pred", "y", "z", "id"], ["y"], ["a", "b"])
    ):
        kinds = KINDS[:8] if name in ("y_pred", "y") and random.random() < 0.85 else KINDS
        columns[name] = arrow_column(random.choice(kinds), rows, random)
    target = io.BytesIO()
    table = pa.table(columns)
    pq.write_table(
        table,
        target,
        row_group_size=random.choice((rows, rows, 2)),
        compression=random.choice(("none", "none", "none", "snappy", "zstd", "gzip", "lz4")),
        use_dictionary=random.random() < 0.4,
        data_page_version=random.choice(("1.0", "2.0")),
        write_page_checksum=random.random() < 0.3,
        store_schema=random.random() < 0.5,
        write_statistics=random.random() < 0.5,
    )
    return target.getvalue()


KINDS: tuple[Any, ...] = (
    *(pa.float64(), pa.float64(), pa.float64(), pa.float32(), pa.int64(), pa.int32(), pa.uint8(), pa.bool_()),
    *(
        pa.float16(),
        pa.uint64(),
        pa.decimal128(20, 3),
        pa.decimal256(40, 0),
        pa.string(),
        pa.large_string(),
        pa.binary(),
    ),
    *(pa.dictionary(pa.int32(), pa.string()), pa.list_(pa.float64()), pa.list_(pa.float64(), 2), pa.list_(pa.string())),
    *(
        pa.large_list(pa.float32()),
        pa.null(),
        pa.timestamp("us"),
        pa.date32(),
        pa.struct([("a", pa.float64())]),
        pa.int8(),
    ),
    *(
        pa.list_(pa.list_(pa.int64())),
        pa.map_(pa.string(), pa.int64()),
        pa.list_(pa.bool_()),
        pa.list_(pa.decimal128(9, 2)),
    ),
)


def arrow_column(kind: Any, rows: int, random: Random) -> Any:
    nulls = 0.2 if random.random() < 0.15 else 0.0
    return pa.array([None if random.random() < nulls else _item(kind, random) for _ in range(rows)], kind)


def _item(kind: Any, random: Random) -> Any:  # noqa: C901, PLR0911 - a line a type
    if pa.types.is_struct(kind):
        return {"a": 1.0}
    if pa.types.is_map(kind):
        return [("a", 1)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        length = 2 if random.random() < 0.98 else random.choice((0, 1, 3))
        return [_item(kind.value_type, random) for _ in range(2 if pa.types.is_fixed_size_list(kind) else length)]
    if pa.types.is_null(kind):
        return None
    if pa.types.is_boolean(kind):
        return random.random() < 0.5
    if pa.types.is_decimal(kind):
        return Decimal(random.choice(("0", "1", "-7", "12345", "0.12", "1.5") if kind.scale else ("0", "9" * 30)))
    if pa.types.is_floating(kind):
        value = random.choice(FLOATS if random.random() < 0.08 else FLOATS[:5])
        return np.float16(value if abs(value) < 6e4 else np.inf) if pa.types.is_float16(kind) else value
    if pa.types.is_integer(kind):
        unsigned, most = str(kind).startswith("u"), 2**kind.bit_width
        wanted = random.choice(INTEGERS if random.random() < 0.2 else INTEGERS[:5]) % most
        return wanted if unsigned or wanted < most // 2 else wanted - most
    if pa.types.is_binary(kind):
        return b"a"
    if pa.types.is_temporal(kind):
        return random.randrange(9999)
    return random.choice(TEXTS)
