"""Derivatives of the reported value: against the samples' own, against differences of the value, in every output."""

import json
import os
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from mpmath import mp

import losscli
from losscli.registry import Loss, get
from losscli.results import Result
from losscli.states import Moments
from tests.laws_support import DERIVED, seldom
from tests.support import Ran, column, command, environment, put

Arrays = dict[str, Any]
Run = Callable[..., Ran]

VARIANTS = DERIVED
ROW_LOSSES = [spec for spec in VARIANTS if not get(spec).finish]
ORDERS = {1: "gradient", 2: "hessian"}
SHAPES = (1, 3, "soft")
every_variant = pytest.mark.parametrize("spec", seldom(VARIANTS))
every_row_loss = pytest.mark.parametrize("spec", seldom(ROW_LOSSES))
every_order = pytest.mark.parametrize("order", ORDERS, ids=ORDERS.values())


def drawn(loss: Loss, rows: int, shape: int | str, seed: int = 1) -> Arrays:
    """Valid arrays for the roles of a loss, with so many outputs, or with distributions in place of labels."""
    rng = np.random.default_rng(seed)
    arrays = loss.kind.sample(rng, loss.params, rows, 3 if shape == "soft" else int(shape))
    if shape == "soft" and arrays[0].ndim == 2:
        soft = rng.dirichlet(np.full(arrays[0].shape[1], 0.7), rows)
        arrays = [soft if role.labels else a for role, a in zip(loss.kind.roles, arrays, strict=True)]
    return dict(zip(loss.kind.role_names, arrays, strict=True))


def shapes_of(loss: Loss) -> Iterator[int | str]:
    yield from SHAPES if any(role.labels for role in loss.kind.roles) else SHAPES[:2]


def derived(loss: Any, arrays: Mapping[str, Any], **options: Any) -> Result:
    """The result with gradient and Hessian diagonal."""
    return losscli.evaluate(loss, **arrays, grad=True, hess=True, spread=False, **options).results[0]


def by_role(loss: Loss, found: Any) -> Arrays:
    """One array a prediction role."""
    return found if isinstance(found, dict) else {loss.kind.predictions[0]: found}


def both_orders(loss: Loss, result: Result) -> dict[int, Arrays]:
    return {1: by_role(loss, result.gradient), 2: by_role(loss, result.hessian)}


def same_bits(left: Any, right: Any) -> bool:
    return left.shape == right.shape and left.dtype == right.dtype and left.tobytes() == right.tobytes()


# The definition: w·g/(D·Σw) under mean, w·g under sum, g/D under none


def test_a_small_example() -> None:
    arrays = {"pred": [[1.0, 2.0], [3.0, 4.0]], "target": np.zeros((2, 2))}
    mean, total = derived("mse", arrays), derived("mse", arrays, reduction="sum")
    assert (mean.value, mean.gradient.tolist()) == (7.5, [[0.5, 1.0], [1.5, 2.0]])
    assert (total.value, total.gradient.tolist()) == (30.0, [[2.0, 4.0], [6.0, 8.0]])
    assert (mean.hessian.tolist(), total.hessian.tolist()) == ([[0.5, 0.5]] * 2, [[2.0, 2.0]] * 2)


def test_a_perfect_prediction_has_rmse_0_and_gradient_0() -> None:
    found = derived("rmse", {"pred": [1.0, 2.0], "target": [1.0, 2.0]})
    assert (found.value, found.gradient.tolist(), found.hessian.tolist()) == (0.0, [0.0, 0.0], [0.0, 0.0])


@every_row_loss
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_derivatives_are_those_of_the_samples_scaled(spec: str, weighted: bool) -> None:
    loss = get(spec)
    for shape in shapes_of(loss):
        arrays = drawn(loss, 9, shape)
        weight = np.random.default_rng(2).uniform(0.1, 4, 9) if weighted else np.ones(9)
        own = {1: by_role(loss, loss.gradient(*arrays.values())), 2: by_role(loss, loss.hessian(*arrays.values()))}
        for reduction in ("mean", "sum", "none"):
            found = derived(loss, arrays, weight=weight if weighted else None, reduction=reduction)
            scale = {"mean": weight / weight.sum(), "sum": weight * found.outputs, "none": np.ones(9)}[reduction]
            _assert_scaled(both_orders(loss, found), own, scale)


def _assert_scaled(found: dict[int, Arrays], own: dict[int, Arrays], scale: Any) -> None:
    for order, by_name in own.items():
        assert found[order].keys() == by_name.keys()
        for role, values in by_name.items():
            wanted = values * (scale if values.ndim == 1 else scale[:, None])
            np.testing.assert_allclose(
                found[order][role], wanted, rtol=4e-15, atol=0, err_msg=f"{ORDERS[order]} {role}"
            )


@pytest.mark.parametrize("spec", [spec for spec in VARIANTS if get(spec).finish])
@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_an_aggregate_has_a_mean_only(spec: str, reduction: str) -> None:
    with pytest.raises(losscli.UsageError, match="aggregate"):
        losscli.evaluate(spec, **drawn(get(spec), 5, 1), reduction=reduction, grad=True)


# Against differences of the value

STEPS = (1e-3, 1e-2, 1e-4, 1e-5, 1e-6)


@every_variant
@every_order
def test_derivatives_are_limits_of_differences_of_the_value(spec: str, order: int) -> None:
    loss = get(spec)
    if (spec, order) == ("charbonnier", 2):
        pytest.skip("its curvature changes within 1e-3, too fast for float64; laws hold it to mpmath's")
    for shape, weight in zip(shapes_of(loss), (None, np.array([0.75, 2.0, 1.25]), None), strict=False):
        arrays = drawn(loss, 3, shape, seed=5)
        checked, result = loss.check(list(arrays.values())), derived(loss, arrays, weight=weight)
        assert value_of(loss, checked, weight) == result.value
        for role, found in both_orders(loss, result)[order].items():
            at = loss.kind.role_names.index(role)
            for index, claimed in np.ndenumerate(found.reshape(checked[at].shape)):
                slope = along(loss, checked, weight, at, index)
                assert is_limit(slope, float(claimed), order), f"{shape}, {role} {index}: {claimed}"


def value_of(loss: Loss, checked: list[Any], weight: Any) -> float:
    """The reported value, of arrays that need not pass the checks: probabilities that no longer add up to 1."""
    return Moments.of(loss, checked, weight, range(3), spread=False).value(loss, "mean")


def along(loss: Loss, checked: list[Any], weight: Any, at: int, index: tuple[int, ...]) -> Callable[[float], float]:
    """The value as a function of a step of one entry of one array."""

    def value(step: float) -> float:
        moved = [a.copy() if k == at else a for k, a in enumerate(checked)]
        moved[at][index] += step
        return value_of(loss, moved, weight)

    return value


def is_limit(value: Callable[[float], float], claimed: float, order: int) -> bool:
    """Whether differences of the value, extrapolated (Richardson), reach what is claimed for some size of step: a
    large one would step over a kink or out of the domain, a small one is lost in rounding.
    """
    slack = 1e-6 * abs(claimed) + 1e-8 * max(1.0, abs(value(0.0)))
    found = ((4 * difference(value, h / 2, order) - difference(value, h, order)) / 3 for h in STEPS)
    return any(abs(one - claimed) <= slack for one in found)


def difference(value: Callable[[float], float], h: float, order: int) -> float:
    if order == 1:
        return (value(h) - value(-h)) / (2 * h)
    return (value(h) - 2 * value(0.0) + value(-h)) / (h * h)


def test_a_wrong_derivative_is_not_a_limit() -> None:
    assert is_limit(np.sin, 1.0, 1)
    assert is_limit(np.cos, -1.0, 2)
    assert not is_limit(np.sin, 1.00001, 1)
    assert not is_limit(np.cos, -1.00001, 2)


# Blocks, formats, absent rows


@every_variant
def test_the_size_of_blocks_does_not_change_a_bit(spec: str) -> None:
    loss = get(spec)
    for shape in shapes_of(loss):
        arrays, weight = drawn(loss, 13, shape), np.random.default_rng(3).uniform(0.1, 4, 13)
        wanted = derived(loss, arrays, weight=weight)
        for block in (1, 5, 12):
            assert_same(loss, derived(loss, arrays, weight=weight, block=block), wanted)


def assert_same(loss: Loss, found: Result, wanted: Result) -> None:
    for order, by_name in both_orders(loss, wanted).items():
        for role, values in by_name.items():
            assert same_bits(both_orders(loss, found)[order][role], values), f"{ORDERS[order]} {role}"
    assert [sizes(d) for d in found.gradients.values()] == [sizes(d) for d in wanted.gradients.values()]


def sizes(derivative: Any) -> tuple[float, float, int]:
    return derivative.norm, derivative.max_abs, derivative.nonfinite


@every_variant
def test_the_format_does_not_change_a_bit(spec: str, here: Path) -> None:
    loss = get(spec)
    for shape in shapes_of(loss):
        arrays = drawn(loss, 11, shape)
        wanted = derived(loss, arrays)
        columns = {role: [f"{role}_*"] for role in arrays}
        for ending in ("csv", "npy", "parquet"):
            put(here, {f"{role}.{ending}": as_file(ending, role, a) for role, a in arrays.items()})
            files = {role: f"{role}.{ending}" for role in arrays}
            found = derived(loss, files, columns=None if ending == "npy" else columns, block=4)
            assert_same(loss, found, wanted)


def as_file(ending: str, role: str, array: Any) -> Any:
    if ending == "npy":
        return array
    named = {f"{role}_{j}": values.tolist() for j, values in enumerate(array.reshape(len(array), -1).T)}
    if ending == "parquet":
        return named
    return "".join(",".join(map(str, row)) + "\n" for row in [[*named], *zip(*named.values(), strict=True)])


WEIGHT = np.array([0, 0, 1.5, 0, 2, 1, 0, 0, 0.25, 0])


@every_variant
@pytest.mark.parametrize("block", [1, 4, 100])
def test_absent_rows_have_derivative_0_in_their_places(spec: str, block: int) -> None:
    """Rows of weight 0, also first and last and whole blocks of them; they may hold anything."""
    loss, kept = get(spec), np.flatnonzero(WEIGHT)
    for shape in shapes_of(loss):
        arrays = drawn(loss, len(WEIGHT), shape)
        alone = derived(loss, {role: a[kept] for role, a in arrays.items()}, weight=WEIGHT[kept])
        found = derived(loss, {role: spoilt(a) for role, a in arrays.items()}, weight=WEIGHT, block=block)
        assert [sizes(d) for d in found.gradients.values()] == [sizes(d) for d in alone.gradients.values()]
        for order, by_name in both_orders(loss, alone).items():
            for role, values in by_name.items():
                wanted = np.zeros((len(WEIGHT), *values.shape[1:]))
                wanted[kept] = values
                assert same_bits(both_orders(loss, found)[order][role], wanted), f"{ORDERS[order]} {role}"


def spoilt(array: Any) -> Any:
    changed = array.astype(np.float64)
    changed[WEIGHT == 0] = np.nan
    return changed


@every_variant
def test_read_only_inputs_are_left_as_they_are(spec: str) -> None:
    loss = get(spec)
    arrays = drawn(loss, 6, 3)
    copies = {role: a.copy() for role, a in arrays.items()}
    for a in arrays.values():
        a.flags.writeable = False
    derived(loss, arrays, weight=np.arange(6.0), worst=2)
    assert all(same_bits(arrays[role], copies[role]) for role in arrays)


# Shapes

PRED_SHAPES = {
    "numbers": ("mse", {"pred": (4,), "target": (4,)}),
    "a matrix of one column": ("mse", {"pred": (4, 1), "target": (4, 1)}),
    "outputs": ("mse", {"pred": (4, 3), "target": (4, 3)}),
    "an aggregate of outputs": ("rmse", {"pred": (4, 3), "target": (4, 3)}),
    "classes": ("cross_entropy:form=logits", {"pred": (4, 3), "target": (4,)}),
    "vectors": ("contrastive", {"left": (4, 3), "right": (4, 3), "label": (4,)}),
    "vectors of one entry": ("contrastive", {"left": (4, 1), "right": (4, 1), "label": (4,)}),
    "numbers for vectors": ("contrastive", {"left": (4,), "right": (4,), "label": (4,)}),
    "a sum of losses": ("mse + 0.5 * mae", {"pred": (4, 1), "target": (4, 1)}),
}
every_shape = pytest.mark.parametrize("name", PRED_SHAPES)


def with_shapes(name: str) -> tuple[str, Arrays]:
    spec, shapes = PRED_SHAPES[name]
    rng = np.random.default_rng(4)
    discrete = {"label", *(["target"] if "cross_entropy" in spec else [])}
    arrays = {r: rng.integers(0, 2, s) if r in discrete else rng.normal(size=s) for r, s in shapes.items()}
    return spec, arrays


def named(found: Any) -> Arrays:
    return found if isinstance(found, dict) else {"pred": found}


@every_shape
def test_derivatives_have_the_shape_of_the_prediction(name: str, here: Path) -> None:
    spec, arrays = with_shapes(name)
    put(here, {f"{role}.npy": a for role, a in arrays.items()})
    for given in (arrays, {role: f"{role}.npy" for role in arrays}):
        result = derived(spec, given)
        for found in (named(result.gradient), named(result.hessian)):
            assert {role: a.shape for role, a in found.items()} == {role: arrays[role].shape for role in found}


@every_shape
def test_a_file_of_derivatives_has_the_shape_of_the_prediction(name: str, here: Path) -> None:
    spec, arrays = with_shapes(name)
    losscli.evaluate(spec, **arrays, grad_out="g.npz")
    with np.load("g.npz") as found:
        assert {role: found[role].shape for role in found} == {role: arrays[role].shape for role in found}
    if "pred" in arrays:
        losscli.evaluate(spec, **arrays, grad_out="g.npy")
        assert np.load("g.npy").shape == arrays["pred"].shape


def test_a_matrix_in_fortran_order(here: Path) -> None:
    pred = np.asfortranarray(np.arange(12.0).reshape(4, 3))
    np.save("p.npy", pred)
    losscli.evaluate("mse", pred="p.npy", target=np.zeros((4, 3)), grad_out="g.npy", block=3)
    assert (np.load("g.npy") == pred * 2 / 12).all()


# Extreme numbers


@pytest.mark.parametrize("spec", ["mse", "rmse", "mse + rmse"])
@pytest.mark.parametrize("weight", [1e308, 1e-310], ids=["huge", "tiny"])
def test_the_scale_of_the_weights_does_not_matter(spec: str, weight: float) -> None:
    """Under mean equal weights are no weights, however large or small: the value does not depend on them."""
    arrays = {"pred": [1.0, 2.0, 5.0], "target": [1.0, 4.0, 2.0]}
    found, wanted = derived(spec, arrays, weight=[weight] * 3), derived(spec, arrays)
    assert found.value == wanted.value
    np.testing.assert_allclose(found.gradient, wanted.gradient, rtol=1e-14)
    np.testing.assert_allclose(found.hessian, wanted.hessian, rtol=1e-14)


@pytest.mark.parametrize("size", [1e-160, 1e-200, 1e200, 1e-310], ids=str)
def test_rmse_of_very_large_and_very_small_errors(size: float) -> None:
    """The gradient of rmse does not depend on the scale of the errors."""
    found = derived("rmse", {"pred": [3 * size, 4 * size], "target": [0.0, 0.0]})
    np.testing.assert_allclose(found.gradient, [3 / 50**0.5, 4 / 50**0.5], rtol=1e-12)


@every_variant
def test_norm_and_largest_entry(spec: str) -> None:
    """The Euclidean norm of all entries, rounded once, and the largest size."""
    loss = get(spec)
    result = derived(loss, drawn(loss, 12, 3))
    for by_name in (result.gradients, result.hessians):
        for derivative in by_name.values():
            entries = derivative.values.ravel().tolist()
            with mp.workdps(400):
                assert derivative.norm == float(mp.sqrt(mp.fsum(mp.mpf(g) * mp.mpf(g) for g in entries)))
            assert (derivative.max_abs, derivative.nonfinite) == (max(map(abs, entries)), 0)


def test_infinite_entries_are_counted_and_left_out_of_norm_and_largest() -> None:
    found = derived("bce", {"pred": [0.0, 0.5, 1.0], "target": [1.0, 1.0, 0.0]}).gradients["pred"]
    assert found.values.tolist() == [-np.inf, -2 / 3, np.inf]
    assert sizes(found) == (2 / 3, 2 / 3, 2)


# What the command prints

P, T = column("y_pred", [1, 2, 5]), column("y", [1, 4, 2])
FILES = {"p.csv": P, "t.csv": T}
MSE = ("eval", "-l", "mse", "p.csv", "t.csv")
NORM, LARGEST = "2.4037008503093262", "2.0"


@pytest.fixture
def folder(here: Path) -> Path:
    put(here, FILES)
    return here


def test_derivatives_in_json(run: Run, folder: Path) -> None:
    result = json.loads(run(*MSE, "--grad", "--hess", "--json").stdout)["results"][0]
    third = 2 / 3
    assert result["gradient"] == {
        "of": "pred",
        "norm": float(NORM),
        "max_abs": 2.0,
        "nonfinite": 0,
        "values": [0.0, -2 * third, 2.0],
    }
    hessian = {"of": "pred", "norm": 1.1547005383792515, "max_abs": third, "nonfinite": 0, "values": [third] * 3}
    assert result["hessian"] == hessian


def test_derivatives_in_plain(run: Run, folder: Path) -> None:
    ran = run(*MSE, "-l", "mae", "--grad", "--format", "plain")
    assert ran == Ran(
        "loss\treduction\tvalue\tn\tweight\tgrad_norm\tgrad_max_abs\tgrad_nonfinite\n"
        f"mse\tmean\t4.333333333333333\t3\t3.0\t{NORM}\t{LARGEST}\t0\n"
        "mae\tmean\t1.6666666666666667\t3\t3.0\t0.4714045207910317\t0.3333333333333333\t0\n",
        "",
        0,
    )


def test_derivatives_in_a_table(run: Run, folder: Path) -> None:
    ran = run(*MSE, "--grad", "--hess", "--format", "table", env={"COLUMNS": "150"})
    assert ran.stdout.splitlines()[4:] == [
        "",
        f"mse: gradient of pred: norm {NORM}, largest {LARGEST}",
        "",
        "mse: hessian of pred: norm 1.1547005383792515, largest 0.6666666666666666",
    ]


def test_derivatives_of_several_predictions(run: Run, folder: Path) -> None:
    put(folder, {"l.npy": [[0.0, 0], [0, 0]], "r.npy": [[3.0, 4], [0.0, 0.5]], "y.npy": [0, 1]})
    files = ("l.npy", "r.npy", "y.npy")
    ran = run("eval", "-l", "contrastive", *files, "--grad", "--json")
    result = json.loads(ran.stdout)["results"][0]
    loss = get("contrastive").gradient(*(np.load(name) for name in files))
    assert result["gradient"].keys() == {"left", "right"}
    for role, derivative in result["gradient"].items():
        assert derivative["of"] == role
        assert derivative["values"] == (loss[role] / 2).tolist()
    header = run("eval", "-l", "contrastive", *files, "--hess").stdout.splitlines()[0].split("\t")
    assert header[5:] == [f"hess_{role}_{what}" for role in ("left", "right") for what in SIZES]


SIZES = ("norm", "max_abs", "nonfinite")


def test_infinite_entries_in_every_format(run: Run, folder: Path) -> None:
    put(folder, {"p.csv": column("p", [0, 0.5]), "t.csv": column("y", [1, 1])})
    bce = ("eval", "-l", "bce", "p.csv", "t.csv", "--grad", "--allow-nonfinite")
    assert json.loads(run(*bce, "--json").stdout)["results"][0]["gradient"] == {
        "of": "pred",
        "norm": 1.0,
        "max_abs": 1.0,
        "nonfinite": 1,
        "values": ["-Infinity", -1.0],
    }
    assert run(*bce, "--format", "plain").stdout.splitlines()[1] == "bce\tmean\tinf\t2\t2.0\t1.0\t1.0\t1"
    table = run(*bce, "--format", "table", env={"COLUMNS": "150"}).stdout
    assert table.splitlines()[-1] == "bce: gradient of pred: norm 1.0, largest 1.0, 1 entries infinite or NaN"


def test_without_grad_there_are_no_derivatives(run: Run, folder: Path) -> None:
    result = json.loads(run(*MSE, "--json").stdout)["results"][0]
    assert not {"gradient", "hessian", "samples", "terms"} & set(result)


# Files of derivatives


def load(path: str, order: int) -> Any:
    """The one array in the file, whose name of columns or member is checked."""
    if path.endswith("npz"):
        with np.load(path) as archive:
            assert list(archive) == ["pred"]
            return archive["pred"]
    if path.endswith("npy"):
        return np.load(path)
    if path.endswith("csv"):
        header, *lines = Path(path).read_text().splitlines()
        header, rows = header.split(","), [[float(cell) for cell in line.split(",")] for line in lines]
    else:
        table = pq.read_table(path)
        header, rows = table.column_names, list(zip(*(c.to_pylist() for c in table.columns), strict=True))
    single = header == [ORDERS[order]]
    assert single or header == [f"{ORDERS[order]}_{k}" for k in range(len(header))]
    return np.array([row[0] for row in rows]) if single else np.array(rows)


@pytest.mark.parametrize("ending", ["npy", "npz", "csv", "parquet"])
@pytest.mark.parametrize("shape", [(5,), (5, 3)], ids=["numbers", "outputs"])
def test_a_file_holds_what_json_does(ending: str, shape: tuple[int, ...], run: Run, here: Path) -> None:
    rng = np.random.default_rng(6)
    put(here, {"p.npy": rng.normal(size=shape), "t.npy": rng.normal(size=shape), "w.npy": [0, 1.5, 2, 1, 0]})
    outputs = (f"g.{ending}", f"h.{ending}")
    args = ("--input", "weight=w.npy", "--grad-out", outputs[0], "--hess-out", outputs[1], "--grad", "--hess")
    ran = run("eval", "-l", "log_cosh", "p.npy", "t.npy", *args, "--json")
    assert (ran.stderr, ran.code) == ("", 0)
    result = json.loads(ran.stdout)["results"][0]
    for order, path in enumerate(outputs, 1):
        found = load(path, order)
        assert found.tolist() == result[ORDERS[order]]["values"]
        assert found.dtype == np.float64
    assert sorted(p.name for p in here.iterdir()) == sorted(["p.npy", "t.npy", "w.npy", *outputs])


def test_a_file_for_several_predictions_has_a_member_each(run: Run, here: Path) -> None:
    rng = np.random.default_rng(7)
    files = {"l.npy": rng.normal(size=(4, 2)), "r.npy": rng.normal(size=(4, 2)), "y.npy": [0, 1, 0, 1]}
    put(here, files)
    ran = run("eval", "-l", "contrastive", *files, "--grad-out", "g.npz", "--grad", "--json")
    values = json.loads(ran.stdout)["results"][0]["gradient"]
    with np.load("g.npz") as archive:
        assert list(archive) == ["left", "right"]
        assert {role: archive[role].tolist() for role in archive} == {r: d["values"] for r, d in values.items()}


@pytest.mark.parametrize("ending", ["npy", "npz", "csv", "parquet"])
def test_a_file_of_many_blocks(ending: str, here: Path) -> None:
    """More rows than are read at once, absent ones among them."""
    rng = np.random.default_rng(8)
    pred, weight = rng.normal(size=70_000), rng.integers(0, 2, 70_000)
    weight[-40_000:] = 0
    result = losscli.evaluate(
        *("mse",), pred=pred, target=np.zeros(70_000), weight=weight, grad=True, grad_out=f"g.{ending}"
    ).results[0]
    assert same_bits(load(f"g.{ending}", 1), result.gradient)


def test_a_gradient_without_values_is_still_written(here: Path) -> None:
    arrays = {"pred": [1.0, 2.0], "target": [0.0, 0.0]}
    result = losscli.evaluate("mse", **arrays, grad_out="g.npy", values=False).results[0]
    assert result.gradient is None
    assert np.load("g.npy").tolist() == [1.0, 2.0]


STDIN = {"csv": P.encode(), "npy": None, "parquet": None}


@pytest.mark.parametrize("ending", STDIN)
def test_predictions_from_standard_input(ending: str, run: Run, folder: Path) -> None:
    """They are read twice."""
    put(folder, {"in.npy": [1.0, 2.0, 5.0], "in.parquet": {"y_pred": [1.0, 2.0, 5.0]}, "in.csv": P})
    data = (folder / f"in.{ending}").read_bytes()
    ran = run("eval", "-l", "mse", "-", "t.csv", "--grad-out", "g.npy", "--format", "value", stdin=data)
    assert ran == Ran("4.333333333333333\n", "", 0)
    assert np.load("g.npy").tolist() == [0.0, -4 / 3, 2.0]


def test_many_rows_from_standard_input(run: Run, here: Path) -> None:
    values = np.random.default_rng(9).integers(-9, 9, 60_000).tolist()
    data = "y_pred,y\n" + "".join(f"{v},0\n" for v in values)
    ran = run("eval", "-l", "half_mse", "-", "--reduction", "sum", "--grad-out", "g.npy", "-q", stdin=data.encode())
    assert (ran.stderr, ran.code) == ("", 0)
    assert np.load("g.npy").tolist() == values


# What is refused

REFUSED = {
    "several losses": (
        ("-l", "mae", "--grad-out", "g.npy"),
        "g.npy can hold one loss only; 2 are given",
    ),
    "several losses and samples": (
        ("-l", "mae", "--per-sample-out", "s.csv"),
        "s.csv can hold one loss only; 2 are given",
    ),
    "an unknown suffix": (("--grad-out", "g.txt"), "g.txt: the name must end in .csv, .parquet, .npy or .npz"),
    "no suffix": (("--hess-out", "g"), "g: the name must end in .csv, .parquet, .npy or .npz"),
    "one name for two outputs": (("--grad-out", "g.npy", "--hess-out", "g.npy"), "g.npy is named for two outputs"),
    "one name for derivatives and samples": (
        ("--grad-out", "g.csv", "--per-sample-out", "g.csv"),
        "g.csv is named for two outputs",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_outputs_that_are_refused(name: str, run: Run, folder: Path) -> None:
    args, message = REFUSED[name]
    assert run(*MSE, *args) == Ran("", f"losscli: error: {message}\n", 2)
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)


SAME = {
    "another spelling": ("--grad-out", "g.npy", "--hess-out", "./g.npy"),
    "the result": ("--grad-out", "g.csv", "-o", "g.csv"),
    "a link": ("--grad-out", "g.npy", "--hess-out", "link.npy"),
}


@pytest.mark.parametrize("name", SAME)
def test_one_file_for_two_outputs_under_two_names(name: str, run: Run, folder: Path) -> None:
    (folder / "link.npy").symlink_to("g.npy")
    ran = run(*MSE, *SAME[name])
    assert (ran.stdout, ran.code) == ("", 2)
    assert not [p for p in folder.iterdir() if p.name.startswith("g")]


@pytest.mark.parametrize("ending", ["npy", "csv", "parquet"])
def test_several_predictions_need_an_archive(ending: str, here: Path) -> None:
    arrays = {"left": [[1.0, 2]], "right": [[3.0, 4]], "label": [0]}
    with pytest.raises(losscli.UsageError) as refused:
        losscli.evaluate("contrastive", **arrays, grad_out=f"g.{ending}")
    assert str(refused.value) == (f"g.{ending}: there is a gradient for each of left, right; the name must end in .npz")
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("option", "path", "why"),
    [
        ("--grad-out", "nowhere/g.npy", "No such file or directory"),
        ("--hess-out", "nowhere/g.npz", "No such file or directory"),
        ("--grad-out", "p.csv/g.csv", "Not a directory"),
    ],
)
def test_a_folder_that_is_not_there_is_74(option: str, path: str, why: str, run: Run, folder: Path) -> None:
    ran = run(*MSE, option, path)
    assert ran == Ran("", f"losscli: error: {path}: could not be written: {why}\n", 74)
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)


ROWS = 50_000  # more than are read at once
LAST = {
    "both.csv": "y_pred,y\n" + "1,2\n" * ROWS + "1,two\n",
    "p.npy": [0.5] * ROWS + [-0.5],
    "t.npy": [1] * (ROWS + 1),
}
FAULTS = {
    "read twice": (("mse", "both.csv"), f"both.csv:{ROWS + 2}:y: 'two' is not a number"),
    "read once": (("mse", "both.csv", "--reduction", "sum"), f"both.csv:{ROWS + 2}:y: 'two' is not a number"),
    "a number": (
        ("bce", "p.npy", "t.npy"),
        f"p.npy: row {ROWS}: -0.5 is outside [0, 1]; if these are logits, say --form logits",
    ),
}


@pytest.mark.parametrize(
    ("fault", "endings"),
    [
        ("read twice", ("npy", "csv")),
        ("read once", ("csv", "npz")),
        ("read once", ("parquet", "npy")),
        ("a number", ("npz", "parquet")),
    ],
)
def test_a_fault_in_the_last_row_leaves_the_old_files(
    fault: str, endings: tuple[str, str], run: Run, here: Path
) -> None:
    args, message = FAULTS[fault]
    put(here, {**LAST, f"g.{endings[0]}": b"old"})
    outputs = ("--grad-out", f"g.{endings[0]}", "--hess-out", f"h.{endings[1]}")
    assert run("eval", "-l", *args, *outputs) == Ran("", f"losscli: error: {message}\n", 3)
    assert {p.name for p in here.iterdir()} == {*LAST, f"g.{endings[0]}"}
    assert (here / f"g.{endings[0]}").read_bytes() == b"old"


def test_a_fault_found_late_leaves_the_old_files(run: Run, folder: Path) -> None:
    """The second output cannot be made when the first is open already."""
    put(folder, {"g.npy": b"old"})
    ran = run(*MSE, "--grad-out", "g.npy", "--hess-out", "nowhere/h.npy")
    assert ran.code == 74
    assert {p.name for p in folder.iterdir()} == {*FILES, "g.npy"}
    assert (folder / "g.npy").read_bytes() == b"old"


def test_a_nonfinite_value_leaves_its_derivatives(run: Run, here: Path) -> None:
    put(here, {"p.csv": column("p", [0, 0.5]), "t.csv": column("y", [1, 1])})
    assert run("eval", "-l", "bce", "p.csv", "t.csv", "--grad-out", "g.npy").code == 4
    assert np.load("g.npy").tolist() == [-np.inf, -1.0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_leaves_no_unfinished_file(number: int, here: Path) -> None:
    """It comes when some rows have been written."""
    put(here, {"p.npy": np.ones(1_500_000), "g.npy": b"old"})
    outputs = ("--grad-out", "g.npy", "--per-sample-out", "s.csv")
    argv = command("eval", "-l", "mse", "p.npy", "p.npy", *outputs)
    with subprocess.Popen(argv, cwd=here, env=environment(), stderr=subprocess.PIPE) as process:
        while not any(p.stat().st_size > 1 << 20 for p in here.glob(".g.npy*")) and process.poll() is None:
            sleep(0.01)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    assert (stderr, process.returncode) == (b"", 128 + number)
    assert sorted(p.name for p in here.iterdir()) == ["g.npy", "p.npy"]
    assert (here / "g.npy").read_bytes() == b"old"


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_a_signal_just_when_a_file_is_begun(ending: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit that a signal asks for comes right after the unfinished file was made."""

    def stop(*_: Any) -> None:
        raise SystemExit(143)

    monkeypatch.setattr("losscli.output.os.fdopen", stop)
    with pytest.raises(SystemExit):
        losscli.evaluate("mse", pred="p.csv", target="t.csv", grad_out=f"g.{ending}")
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)


# What becomes of an old file


@pytest.mark.parametrize("ending", ["npy", "npz", "csv", "parquet"])
def test_permissions_of_an_old_file_stay(ending: str, folder: Path) -> None:
    path = folder / f"g.{ending}"
    path.write_bytes(b"old")
    path.chmod(0o640)
    losscli.evaluate("mse", pred="p.csv", target="t.csv", grad_out=path.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert load(path.name, 1).tolist() == [0.0, -4 / 3, 2.0]


def test_permissions_of_a_new_file_are_the_usual_ones(folder: Path) -> None:
    mask = os.umask(0o027)
    try:
        losscli.evaluate("mse", pred="p.csv", target="t.csv", grad_out="g.npy")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((folder / "g.npy").stat().st_mode) == 0o640


def test_a_link_stays_a_link(folder: Path) -> None:
    (folder / "link.npy").symlink_to("g.npy")
    losscli.evaluate("mse", pred="p.csv", target="t.csv", grad_out="link.npy")
    assert (folder / "link.npy").is_symlink()
    assert np.load("g.npy").tolist() == [0.0, -4 / 3, 2.0]


@pytest.mark.parametrize("option", ["--grad-out", "--per-sample-out"])
def test_what_is_no_file_is_not_replaced(option: str, run: Run, folder: Path) -> None:
    """A pipe stays a pipe, and so would a device."""
    os.mkfifo(folder / "pipe.csv")
    (folder / "link.csv").symlink_to("pipe.csv")
    reading = os.open(folder / "pipe.csv", os.O_RDONLY | os.O_NONBLOCK)
    run(*MSE, option, "link.csv")
    os.close(reading)
    assert stat.S_ISFIFO((folder / "pipe.csv").stat().st_mode)


def test_an_output_does_not_replace_an_input(run: Run, here: Path) -> None:
    put(here, {"p.npy": [1.0, 2.0], "t.npy": [0.0, 0.0]})
    assert run("eval", "-l", "mse", "p.npy", "t.npy", "--grad-out", "p.npy").code == 2
    assert np.load("p.npy").tolist() == [1.0, 2.0]
