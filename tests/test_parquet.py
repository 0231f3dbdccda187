"""Parquet: every type, vectors, missing values, and files that are damaged."""

import datetime
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.errors import InputError, UsageError
from tests import support
from tests.support import put

TYPES = [
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float16(), pa.float32(), pa.float64(), pa.decimal128(10, 2), pa.decimal256(50, 10)),
]
VECTORS = [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float64(), 2), pa.list_(pa.int16())]


def table(pred: Any, target: Any = None) -> pa.Table:
    return pa.table({"y_pred": pred, "y": pa.array([0.0] * len(pred)) if target is None else target})


def mae(here: Path, data: Any, **request: Any) -> float:
    put(here, {"x.parquet": data})
    return losscli.evaluate("mae", pred="x.parquet", **request).value


def refusal(here: Path, data: Any, **request: Any) -> str:
    with pytest.raises(InputError) as caught:
        mae(here, data, **request)
    message = str(caught.value)
    assert message.startswith("x.parquet: ")
    assert "\n" not in message
    return message


def numbers(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Numbers of any type; pyarrow makes float16 of NumPy's only, and decimals of Python's only."""
    if pa.types.is_decimal(kind):
        return pa.array([Decimal(v) for v in values], kind)
    return pa.array(np.array(values, kind.to_pandas_dtype()), kind)


# Types of numbers


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_every_type_of_numbers(kind: pa.DataType, here: Path) -> None:
    assert mae(here, table(numbers([1, 2, 6], kind))) == 3.0


def test_booleans_are_0_and_1(here: Path) -> None:
    assert mae(here, table([True, False, True])) == 2 / 3


def test_numbers_in_a_dictionary_count_by_value(here: Path) -> None:
    assert mae(here, table(pa.array([5, 1, 5, 1]).dictionary_encode())) == 3.0


def test_decimals_are_rounded_once(here: Path) -> None:
    value = Decimal("0.1000000000000000055511151231257827021181583404541015625")  # the float64 next to 0.1, to its end
    data = table(pa.array([value, value + Decimal(1).scaleb(-55)], pa.decimal256(60, 55)), [0.1, 0.1])
    assert mae(here, data) == 0.0


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.decimal128(20, 0)], ids=str)
def test_integers_keep_every_digit(kind: pa.DataType, here: Path) -> None:
    values = [2**53 + 1, 2**62 + 3], [2**53, 2**62]
    assert mae(here, table(*(pa.array(v if "dec" not in str(kind) else map(Decimal, v), kind) for v in values))) == 2.0


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 100])
def test_row_groups_and_blocks_do_not_matter(rows: int, here: Path) -> None:
    values = np.random.default_rng(1).normal(size=(25, 2))
    vectors, turned = (pa.array(v.tolist(), pa.list_(pa.float64())) for v in (values, values[::-1]))
    pq.write_table(table(vectors, turned), here / "x.parquet", row_group_size=rows)
    found = {losscli.evaluate("mae", pred="x.parquet", block=block).value for block in (1, 4, 1 << 15)}
    assert found == {float(sum(map(Fraction, np.abs(values - values[::-1]).ravel().tolist())) / 50)}


# Vectors and labels


@pytest.mark.parametrize("kind", VECTORS, ids=str)
def test_every_type_of_vectors(kind: pa.DataType, here: Path) -> None:
    assert mae(here, table(pa.array([[1, 2], [3, 4]], kind), pa.array([[0, 0], [0, 0]], pa.list_(pa.int64())))) == 2.5


TEXTS = [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())]


@pytest.mark.parametrize("kind", TEXTS, ids=str)
def test_labels_count_by_name(kind: pa.DataType, here: Path) -> None:
    """The dictionary's codes run the other way round than the classes."""
    labels = pa.array(["dog", "cat", "dog"]).cast(kind)
    put(here, {"x.parquet": {"p_cat": [0.25, 0.5, 0.25], "p_dog": [0.75, 0.5, 0.75], "label": labels}})
    value = losscli.evaluate("cross_entropy", pred="x.parquet").value
    assert value == pytest.approx(-(2 * math.log(0.75) + math.log(0.5)) / 3, rel=1e-15)


def test_a_vector_and_a_label(here: Path) -> None:
    probs = pa.array([[0.25, 0.75], [0.5, 0.5]], pa.list_(pa.float64()))
    put(here, {"x.parquet": {"prob": probs, "label": [1, 0]}})
    assert losscli.evaluate("cross_entropy", pred="x.parquet").value == pytest.approx(-math.log(0.375) / 2, rel=1e-15)


BAD_VECTORS = {
    "ragged": ([[1.0], [2.0, 3.0], [4.0]], "row 1: column 'y_pred': a list of 2"),
    "ragged, later": ([[1.0]] * 5 + [[1.0, 2.0]], "row 5: column 'y_pred': a list of 2"),
    "null": ([[1.0], None, [4.0]], "row 1: column 'y_pred': missing value"),
    "null inside": ([[1.0], [4.0], [None]], "row 2, column 'y_pred': missing value"),
    "empty": ([[], [], []], "row 0: column 'y_pred': a list of 0"),
}


@pytest.mark.parametrize("block", [2, 1 << 15])
@pytest.mark.parametrize("name", BAD_VECTORS)
def test_refused_vectors(name: str, block: int, here: Path) -> None:
    values, word = BAD_VECTORS[name]
    assert word in refusal(here, table(pa.array(values, pa.list_(pa.float64()))), block=block)


def test_a_fixed_size_vector_may_not_be_null(here: Path) -> None:
    data = table(pa.array([[1.0, 2.0], None], pa.list_(pa.float64(), 2)))
    assert "row 1: column 'y_pred': missing value" in refusal(here, data)


# Missing values

MISSING = {
    "float": pa.array([1.0, None, 3.0, None]),
    "float32": pa.array([1.0, None, 3.0, None], pa.float32()),
    "integer": pa.array([2**53 + 1, None, 3, None]),
    "boolean": pa.array([True, None, True, None]),
    "decimal": pa.array([Decimal(1), None, Decimal(3), None]),
    "null and NaN": pa.array([1.0, None, 3.0, math.nan]),
}


@pytest.mark.parametrize("block", [1, 3, 1 << 15])
@pytest.mark.parametrize("name", MISSING)
def test_missing_values_are_counted(name: str, block: int, here: Path) -> None:
    message = refusal(here, table(MISSING[name]), block=block)
    assert message.startswith("x.parquet: row 1, column 'y_pred': 2 missing values")


def test_a_missing_label(here: Path) -> None:
    put(here, {"x.parquet": {"p_a": [0.5, 0.5], "p_b": [0.5, 0.5], "label": ["a", None]}})
    with pytest.raises(InputError, match=r"^x.parquet: row 1, column 'label': missing label"):
        losscli.evaluate("cross_entropy", pred="x.parquet")


def test_wide_integers_survive_missing_values_that_weigh_nothing(here: Path) -> None:
    """No detour through float64 for a column of integers that has nulls."""
    data = {"y_pred": [2**53 + 1, None], "y": [2**53, 0], "w": [1, 0]}
    assert mae(here, data, columns={"weight": "w"}) == 1.0


# Types that are no numbers

OTHERS = {
    "string": ["1", "2"],
    "string dictionary": pa.array(["1", "2"]).dictionary_encode(),
    "binary": [b"1", b"2"],
    "timestamp": [datetime.datetime(2024, 1, 2)] * 2,
    "date": [datetime.date(2024, 1, 2)] * 2,
    "time": [datetime.time(1)] * 2,
    "duration": [datetime.timedelta(1)] * 2,
    "struct": [{"a": 1.0}] * 2,
    "map": pa.array([[("a", 1.0)]] * 2, pa.map_(pa.string(), pa.float64())),
    "list of lists": [[[1.0]]] * 2,
    "list of strings": [["a"]] * 2,
    "nothing": pa.nulls(2),
}


@pytest.mark.parametrize("name", OTHERS)
def test_refused_types(name: str, here: Path) -> None:
    assert "column 'y_pred' is of type" in refusal(here, table(OTHERS[name]))


def test_an_unused_column_may_be_of_any_type(here: Path) -> None:
    data = {"y_pred": [1.0, 2.0], "y": [1.0, 3.0], **OTHERS}
    assert mae(here, data) == 0.5


def test_infinity(here: Path) -> None:
    data = table([1.0, -math.inf])
    assert "row 1, column 'y_pred': infinite value; --allow-inf" in refusal(here, data)
    assert mae(here, data, allow_inf=True) == math.inf


# Columns


def test_columns_by_name_only_those_that_are_needed(here: Path) -> None:
    put(here, {"x.parquet": {"a.b": [1.0], "a": pa.array([{"b": 5.0}]), "model a": [3.0], "y": [0.0]}})
    for name, value in {"a.b": 1.0, "model a": 3.0, "mod*": 3.0, "3": 0.0}.items():
        assert losscli.evaluate("mae", pred="x.parquet", columns={"pred": name}).value == value


def test_asks_for_the_column(here: Path) -> None:
    put(here, {"x.parquet": {"model_a": [1.0], "y": [0.0]}})
    with pytest.raises(UsageError, match=r"^x.parquet: which column is pred\?.* model_a, y"):
        losscli.evaluate("mae", pred="x.parquet")


def test_column_names_twice(here: Path) -> None:
    data = pa.Table.from_arrays([pa.array([1.0])] * 3, ["y_pred", "y", "y"])
    assert "column 'y' appears twice" in refusal(here, data)


@pytest.mark.parametrize("data", [pa.table({}), table(pa.array([], pa.float64()), pa.array([], pa.float64()))])
def test_nothing_in_it(data: pa.Table, here: Path) -> None:
    assert "no data rows" in refusal(here, data)


def test_row_counts_that_differ(here: Path) -> None:
    put(here, {"x.parquet": {"y_pred": [1.0, 2.0]}, "t.parquet": {"y": [1.0]}})
    with pytest.raises(InputError, match=r"x\.parquet has 2 rows, t\.parquet has 1 row;"):
        losscli.evaluate("mae", pred="x.parquet", target="t.parquet")


# Damaged files


@pytest.fixture
def good(here: Path) -> bytes:
    """A file with page checksums, and nothing packed so that a changed bit is a changed number."""
    data = table([1.0, 2.0, 6.0], [2.5, 2.5, 2.5])
    pq.write_table(data, "good.parquet", write_page_checksum=True, compression="none", use_dictionary=False)
    return (here / "good.parquet").read_bytes()


def test_a_flipped_bit_in_a_page_is_refused(good: bytes, here: Path) -> None:
    start = good.index(np.array([2.5, 2.5, 2.5]).tobytes())
    for bit in range(0, 192, 7):
        flipped = bytearray(good)
        flipped[start + bit // 8] ^= 1 << bit % 8
        assert "Parquet" in refusal(here, bytes(flipped))


@pytest.mark.parametrize("bit", [0, 1, 2, 6])
def test_a_flipped_bit_anywhere_loses_no_row(bit: int, good: bytes, here: Path) -> None:
    """The footer has no checksum: a changed name or type may pass for another file, but every row counts or none."""
    refused = 0
    for k in range(len(good)):
        flipped = bytearray(good)
        flipped[k] ^= 1 << bit
        put(here, {"x.parquet": bytes(flipped)})
        try:
            matched = losscli.evaluate("mae", pred="x.parquet").matched
        except losscli.LossError:
            refused += 1
        else:
            assert matched == 3
    assert refused > len(good) // 3


def test_a_truncated_file_is_refused(good: bytes, here: Path) -> None:
    for length in [*range(4, len(good), 37), len(good) - 1]:
        assert "Parquet" in refusal(here, good[:length])


def test_a_column_name_that_is_no_utf8_is_refused(good: bytes, here: Path) -> None:
    assert "Parquet" in refusal(here, good.replace(b"y_pred", b"y\xdfpred"))


def test_text_behind_the_magic_bytes_is_refused(here: Path) -> None:
    assert "Parquet" in refusal(here, b"PAR1\n1\n2\nPAR1")


def test_an_encrypted_footer_is_named(here: Path) -> None:
    assert "encrypted" in refusal(here, b"PARE" + bytes(40) + b"PARE")


# Names and pipes


def test_the_content_decides_not_the_name(here: Path) -> None:
    put(here, {"x.parquet": {"y_pred": [1.0, 2.0]}, "t.parquet": "y\n1\n4\n"})
    (here / "x.parquet").rename(here / "x.csv")
    assert losscli.evaluate("mae", pred="x.csv", target="t.parquet").value == 1.0


def test_a_pipe_gives_what_a_file_gives(good: bytes, here: Path) -> None:
    piped = support.run("eval", "--loss", "mae", "-", "-q", stdin=good, cwd=here)
    filed = support.run("eval", "--loss", "mae", "good.parquet", "-q", cwd=here)
    assert piped == filed
    assert piped.code == 0


def test_a_damaged_pipe_is_refused(good: bytes, here: Path) -> None:
    piped = support.run("eval", "--loss", "mae", "-", stdin=good[:-20], cwd=here)
    assert (piped.code, piped.stdout) == (3, "")
    assert piped.stderr.startswith("losscli: error: -: not a Parquet file")
