"""`losscli.evaluate` and its neighbours, as Python programs use them."""

import json
import math
import warnings
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import losscli
from losscli import InputError, LossError, UsageError
from tests import support
from tests.support import put

P, T = [1.0, 2.0, 5.0], [1.0, 4.0, 2.0]
MSE = 13 / 3


class Tensor:
    """What a tensor of another library is to NumPy: something with `__array__`."""

    def __init__(self, values: Any) -> None:
        self.values = np.array(values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.values if dtype is None else self.values.astype(dtype)


# What may be given

VECTORS = {
    "list": P,
    "tuple": tuple(P),
    "array": np.array(P),
    "float32": np.array(P, np.float32),
    "integers": np.array(P, np.int8),
    "objects": np.array(P, object),
    "big end first": np.array(P, ">f8"),
    "a view": np.arange(12.0)[[1, 2, 5]][::1],
    "every other": np.array([1.0, 9, 2, 9, 5, 9])[::2],
    "backwards": np.array(P[::-1])[::-1],
    "column": np.array(P)[:, None],
    "read-only": np.frombuffer(np.array(P).tobytes()),
    "Series": pd.Series(P),
    "Series of another index": pd.Series(P, index=[2, 0, 1]),
    "Series of Float64": pd.Series(P, dtype="Float64"),
    "Series of Int64": pd.Series([1, 2, 5], dtype="Int64"),
    "Series of pyarrow": pd.Series(P, dtype="double[pyarrow]"),
    "Series of categories": pd.Series(P).astype("category"),
    "frame of one column": pd.DataFrame({"anything": P}),
    "frame with the usual name": pd.DataFrame({"id": [7, 8, 9], "y_pred": P}, index=[3, 1, 2]),
    "tensor": Tensor(P),
    "Arrow array": pa.array(P),
    "chunked array": pa.chunked_array([P[:1], P[1:]]),
}


@pytest.mark.parametrize("block", [2, 1 << 15])
@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name: str, block: int) -> None:
    """By position, never by index."""
    assert losscli.evaluate("mse", pred=VECTORS[name], target=pd.Series(T, index=[9, 8, 7]), block=block).value == MSE


FILES = {"p.csv": support.column("y_pred", P), "p.npy": P, "p.parquet": {"y_pred": P}}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", [str, Path])
def test_paths_and_arrays_in_any_mix(name: str, kind: type, here: Path) -> None:
    put(here, {name: FILES[name], "t.csv": support.column("y", T)})
    assert losscli.evaluate("mse", pred=kind(name), target=np.array(T)).value == MSE
    assert losscli.evaluate("mse", pred=np.array(P), target=kind("t.csv")).value == MSE
    assert losscli.evaluate("mse", pred=kind(name), target=kind("t.csv")).value == MSE


def test_a_frame_may_hold_all_roles() -> None:
    frame = pd.DataFrame({"w": [1.0, 2.0, 0.0], "y_pred": P, "y": T, "z": T[::-1]})
    assert losscli.evaluate("mse", pred=frame).value == MSE
    assert losscli.evaluate("mse", pred=frame, columns={"weight": "w"}).value == 8 / 3
    assert losscli.evaluate("mse", pred=frame, columns={"pred": "z", "target": ["w"]}).value == (1 + 4 + 1) / 3


def test_columns_by_position() -> None:
    matrix = np.array([P, T]).T
    assert losscli.evaluate("mse", pred=matrix, columns={"pred": "0", "target": "1"}).value == MSE


@pytest.mark.parametrize("weight", [[1, 2, 0], pd.Series([1.0, 2.0, 0.0], index=[5, 4, 3]), np.array([[1], [2], [0]])])
def test_weights(weight: Any) -> None:
    report = losscli.evaluate("mse", pred=[*P[:2], math.nan], target=T, weight=weight)
    assert (report.value, report.results[0].n, report.results[0].weight) == (8 / 3, 2, 3.0)


def test_weights_from_a_file(here: Path) -> None:
    put(here, {"w.csv": support.column("w", [1, 2, 0])})
    assert losscli.evaluate("mse", pred=P, target=T, weight="w.csv").value == 8 / 3


def test_wide_integers_keep_every_digit() -> None:
    for pred, target in (([2**53 + 1], [2**53]), ([2**70 + 1], [2**70]), (np.array([2**63 + 1], "u8"), [2**63])):
        assert losscli.evaluate("mae", pred=pred, target=target).value == 1.0
    assert losscli.evaluate("mae", pred=pd.Series([2**53 + 1], dtype="Int64"), target=[2**53]).value == 1.0


# Labels

PROBS = pd.DataFrame({"cat": [0.5, 0.25], "dog": [0.5, 0.75]})
TEXTS = ["string", "object", "category", "string[python]", "string[pyarrow]", "str"]


@pytest.mark.parametrize("dtype", TEXTS)
def test_labels_of_every_text_type(dtype: str) -> None:
    expected = -math.log(0.375) / 2
    for labels in (
        pd.Series(["cat", "dog"], dtype=dtype),
        pd.DataFrame({"label": pd.Series(["cat", "dog"], dtype=dtype)}),
    ):
        assert losscli.evaluate("cross_entropy", pred=PROBS, target=labels).value == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("dtype", TEXTS)
def test_missing_labels_of_every_text_type(dtype: str) -> None:
    with pytest.raises(InputError, match=r"^target: row 1: missing label"):
        losscli.evaluate("cross_entropy", pred=PROBS, target=pd.Series(["cat", None], dtype=dtype))


def test_integer_columns_are_names() -> None:
    for target in ([3, 7], [3.0, 7.0], ["3", "7"], pd.Series([3, 7], dtype="Int64")):
        value = losscli.evaluate("cross_entropy", pred=PROBS.set_axis([3, 7], axis=1), target=target).value
        assert value == pytest.approx(-math.log(0.375) / 2, rel=1e-15)


# Missing values

MISSING = {
    "NaN": [1.0, math.nan, math.nan],
    "Int64": pd.Series([2**53 + 1, None, None], dtype="Int64"),
    "Float64": pd.Series([1.0, None, None], dtype="Float64"),
    "pyarrow": pd.Series([1.0, None, None], dtype="double[pyarrow]"),
    "Arrow": pa.array([1.0, None, None]),
    "boolean": pd.Series([True, None, None], dtype="boolean"),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_values(name: str) -> None:
    with pytest.raises(InputError, match=r"^pred: row 1: 2 missing values"):
        losscli.evaluate("mse", pred=MISSING[name], target=T)


def test_masked_values_are_missing() -> None:
    """What a mask hides is not a number to compute with."""
    with pytest.raises(InputError, match="pred"):
        losscli.evaluate("mse", pred=np.ma.masked_array(P, [False, True, False]), target=T)


# Refused


class Tensor:
    """What a tensor that is part of a graph does when it is asked for its values."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.\nUse tensor.detach().numpy() instead.")


REFUSED: dict[str, tuple[Any, str]] = {
    "rows": ([1.0], "pred has 1 row, target has 3"),
    "shapes": (np.zeros((3, 2)), r"shapes differ: pred \(3, 2\), target \(3,\)"),
    "a row for a column": ([P], "pred has 1 row"),
    "three dimensions": (np.zeros((3, 2, 1)), r"a row of pred has shape \(2, 1\), of target \(1,\)"),
    "empty": ([], "no data rows"),
    "no columns": (np.zeros((3, 0)), "no columns"),
    "ragged": ([[1.0], [2.0, 3.0], [4.0]], "not an array of numbers"),
    "infinite": ([1.0, math.inf, 2.0], "row 1: infinite value"),
    "text": (["1", "2", "5"], "not numeric"),
    "bytes": ([b"1", b"2", b"5"], "not numeric"),
    "mixed": ([1.0, "2", 5.0], "not numeric"),
    "complex": ([1j, 2, 5], "not numeric"),
    "dates": (np.zeros(3, "M8[s]"), "not numeric"),
    "objects": ([object()] * 3, "not numeric"),
    "column name twice": (pd.DataFrame([[1.0, 2.0]] * 3, columns=["y_pred", "y_pred"]), "twice"),
    "a dictionary": ({"y_pred": P}, "pred"),
    "a generator": ((x for x in P), "pred"),
    "beyond float64": ([10**400, 2, 5], "range of a float64"),
    "a tensor with a graph": (Tensor(), r"requires grad. Use tensor.detach\(\)"),
    "None among numbers": ([1.0, None, 5.0], "pred"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    data, word = REFUSED[name]
    with pytest.raises(InputError, match=word) as caught:
        losscli.evaluate("mse", pred=data, target=T)
    assert "\n" not in str(caught.value)


USAGE: dict[str, dict[str, Any]] = {
    "no loss": {"loss": []},
    "unknown loss": {"loss": "hubr"},
    "unknown parameter": {"loss": "huber:detla=1"},
    "a loss twice": {"loss": ["mse", "l2"]},
    "no predictions": {"pred": None},
    "no targets": {"target": None},
    "unknown role": {"anchor": P},
    "unknown role of a column": {"columns": {"anchor": "0"}},
    "unknown column": {"columns": {"pred": "7"}},
    "unknown reduction": {"reduction": "median"},
    "sum of an aggregate": {"loss": "rmse", "reduction": "sum"},
    "no block": {"block": 0},
    "weights of two columns": {"weight": np.ones((3, 2))},
    "standard input twice": {"pred": "-", "target": "-"},
}


@pytest.mark.parametrize("name", USAGE)
def test_usage(name: str) -> None:
    request = {"loss": "mse", "pred": P, "target": T, **USAGE[name]}
    with pytest.raises(UsageError):
        losscli.evaluate(request.pop("loss"), **request)


def test_errors_are_one_tree() -> None:
    assert issubclass(InputError, LossError)
    assert issubclass(UsageError, LossError)
    assert issubclass(losscli.OutputError, LossError)
    assert [e.exit_code for e in (UsageError, InputError, losscli.OutputError)] == [2, 3, 74]


# The report


def test_a_report_has_what_json_has(here: Path) -> None:
    put(here, {"p.csv": support.column("y_pred", P), "t.csv": support.column("y", T)})
    for specs in (["huber:delta=0.5"], ["mse", "rmse"], ["mae", "bias"]):
        options = [word for spec in specs for word in ("--loss", spec)]
        printed = json.loads(support.run("eval", *options, "p.csv", "t.csv", "--json", cwd=here).stdout)
        assert losscli.evaluate(specs, pred="p.csv", target="t.csv").to_dict() == printed
        from_arrays = losscli.evaluate(specs, pred=P, target=T).to_dict()
        assert {**from_arrays, "inputs": printed["inputs"]} == printed


def test_a_report_that_is_not_finite_is_json_too(here: Path) -> None:
    put(here, {"b.csv": "prob,label\n1,1\n0,1\n"})
    printed = json.loads(support.run("eval", "--loss", "bce", "b.csv", "--json", cwd=here).stdout)
    report = losscli.evaluate("bce", pred="b.csv")
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == printed
    assert not report.is_finite
    assert report.value == math.inf


def test_value_is_for_one_loss() -> None:
    report = losscli.evaluate(["mse", "mae"], pred=P, target=T)
    assert [r.value for r in report.results] == [MSE, 5 / 3]
    with pytest.raises(UsageError, match=r"2 losses .*results"):
        _ = report.value


def test_inputs_are_named_by_role() -> None:
    report = losscli.evaluate("mse", pred=pd.DataFrame({"y_pred": P}), target=T, weight=[1, 1, 1])
    assert [(i.role, i.rows, i.columns) for i in report.inputs] == [
        ("pred", 3, ("y_pred",)),
        ("target", 3, ("0",)),
        ("weight", 3, ("0",)),
    ]


MESSAGES = {
    "usage": (["--loss", "hubr", "p.csv", "t.csv"], {"loss": "hubr"}),
    "column": (["--loss", "mse", "--pred-col", "b", "p.csv", "t.csv"], {"columns": {"pred": "b"}}),
    "input": (["--loss", "bce", "p.csv", "t.csv"], {"loss": "bce"}),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_errors_have_the_messages_of_the_command_line(name: str, here: Path) -> None:
    put(here, {"p.csv": support.column("y_pred", P), "t.csv": support.column("y", T)})
    args, request = MESSAGES[name]
    ran = support.run("eval", *args, cwd=here)
    with pytest.raises(LossError) as caught:
        losscli.evaluate(**{"loss": "mse", "pred": "p.csv", "target": "t.csv", **request})
    assert ran.stderr == f"losscli: error: {caught.value}\n"
    assert ran.code == caught.value.exit_code


# Losses by name


def test_get_and_text_are_inverses() -> None:
    loss = losscli.get("HuberLoss", delta=0.5)
    assert str(loss) == "huber:delta=0.5"
    assert losscli.get(str(loss)) == loss
    assert losscli.evaluate(loss, pred=P, target=T).value == losscli.evaluate("huber:delta=0.5", pred=P, target=T).value


def test_names_are_those_of_list(tmp_path: Path) -> None:
    listed = support.run("list", cwd=tmp_path).stdout.splitlines()[1:]
    assert losscli.names() == sorted(line.split("\t")[0] for line in listed)


def test_what_is_public() -> None:
    assert {name for name in losscli.__all__ if hasattr(losscli, name)} == set(losscli.__all__)
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        _ = losscli.evaluat


def test_types_are_published() -> None:
    assert resources.files("losscli").joinpath("py.typed").is_file()


# Nothing else happens


@pytest.mark.parametrize("loss", ["mse", "huber:delta=inf", "rmse"])
def test_no_warning_escapes(loss: str) -> None:
    extremes = [1e308, -1e308, 5e-324, 0.0, 1e200]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losscli.evaluate(loss, pred=extremes, target=extremes[::-1])
        losscli.evaluate(loss, pred=[math.inf, -math.inf], target=[1.0, math.inf], allow_inf=True)


@pytest.mark.parametrize("form", ["probs", "logits", "log_probs"])
def test_no_warning_escapes_a_classifier(form: str) -> None:
    pred = {"probs": [0.0, 1.0], "logits": [-800.0, 800.0], "log_probs": [-800.0, 0.0]}[form]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losscli.evaluate(f"bce:form={form}", pred=pred * 2, target=[0.0, 1.0, 1.0, 0.0])


def test_inputs_are_left_as_they_are() -> None:
    pred, target, weight = np.array([[0.25, 0.75], [1.0, 0.0]]), np.array([1, 0]), np.array([1.0, 0.0])
    frame = pd.DataFrame({"y_pred": P, "y": T}, index=[3, 2, 1])
    given = [a.copy() for a in (pred, target, weight)]
    before = frame.copy()
    losscli.evaluate("cross_entropy:clip=0.125,label_smoothing=0.5", pred=pred, target=target, weight=weight)
    losscli.evaluate(["mse", "rmse"], pred=frame)
    assert all(np.array_equal(a, b) for a, b in zip(given, (pred, target, weight), strict=True))
    pd.testing.assert_frame_equal(frame, before)
