"""Penalties: their values and gradients against exact rationals, autograd and scikit-learn's minima; what counts; what
is printed; what is refused.
"""

import json
import struct
from collections.abc import Callable
from fractions import Fraction
from math import inf, isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import losscli
from losscli.errors import InputError, LossError, UsageError
from losscli.penalties import PENALTIES, Penalty, parameters_in, total_of
from losscli.results import Penalised
from tests.support import ROOT, Ran, put

Run = Callable[..., Ran]
FILES: dict[str, Any] = {"p.csv": "y_pred\n1\n2\n5\n", "t.csv": "y\n1\n4\n2\n", "b.csv": "prob,y\n0,1\n"}
EVAL = ("eval", "p.csv", "t.csv", "-l", "mse")
LINEAR = json.loads((ROOT / "tests" / "reference" / "linear.json").read_text("utf8"))
WEIGHTS = {"weight": np.array([[1.0, -2.0], [3.0, 0.5]]), "bias": np.array([1.0, 0.0]), "scale": np.array(-4.0)}
SPECS = [
    "l1:strength=0.3",
    "l2:strength=0.3",
    "l2:strength=0.3,half=true",
    "elastic_net:strength=0.3,ratio=0.25",
    "elastic_net:strength=0.3,ratio=0.25,half=false",
    "elastic_net:strength=0.3,ratio=0",
    "elastic_net:strength=0.3,ratio=1",
    "l2:strength=0",
]
every_spec = pytest.mark.parametrize("spec", SPECS)


def penalised(spec: str, parameters: Any, **options: Any) -> Penalised:
    """The penalty beside an mse of 4.333333333333333."""
    report = losscli.evaluate("mse", pred=[1, 2, 5], target=[1, 4, 2], penalty=spec, parameters=parameters, **options)
    found = report.results[0].penalty
    assert found is not None
    return found


def defined(spec: str, numbers: list[float]) -> Fraction:
    """The penalty by its definition, in rationals."""
    name, _, text = spec.partition(":")
    said = dict(part.split("=") for part in text.split(","))
    strength, squares = Fraction(float(said["strength"])), sum(Fraction(x) ** 2 for x in numbers)
    sizes = sum(abs(Fraction(x)) for x in numbers)
    if name == "l1":
        return strength * sizes
    if name == "l2":
        return strength * squares / (2 if said.get("half") == "true" else 1)
    ratio = Fraction(float(said["ratio"]))
    return strength * (ratio * sizes + (1 - ratio) * squares / (1 if said.get("half") == "false" else 2))


# Values


@every_spec
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_value_is_the_definition_rounded_once(spec: str, numbers: list[float]) -> None:
    exact = defined(spec, numbers)
    value = Penalty.parse(spec).value({"w": np.array(numbers)})
    assert value == exact
    assert penalised(spec, np.array(numbers)).value == rounded(exact)


def rounded(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return inf


@every_spec
def test_a_value_does_not_depend_on_how_the_numbers_are_cut(spec: str) -> None:
    numbers = np.random.default_rng(3).standard_normal(60) * 10.0 ** np.random.default_rng(4).uniform(-200, 150, 60)
    whole = penalised(spec, numbers)
    parts = {"a": numbers[40:].reshape(4, 5), "b": numbers[7:40], "c": numbers[0], "d": numbers[1:7].reshape(1, 2, 3)}
    cut = penalised(spec, parts)
    assert (cut.value, cut.total) == (whole.value, whole.total)
    assert cut.members == {"a": 20, "b": 33, "c": 1, "d": 6}


@every_spec
def test_laws(spec: str) -> None:
    """Not negative, even, 0 for zeros, convex, and as strong as its strength says."""
    penalty, rng = Penalty.parse(spec), np.random.default_rng(5)
    a, b = rng.standard_normal((2, 30))
    value = lambda w: penalty.value({"w": w})  # noqa: E731
    assert value(a) >= 0
    assert value(a) == value(-a)
    assert value(np.zeros(5)) == 0
    assert value((a + b) / 2) <= (value(a) + value(b)) / 2 * (1 + Fraction(1, 10**12))
    twice = Penalty(penalty.name, {**penalty.params, "strength": 2 * penalty.params["strength"]})
    assert twice.value({"w": a}) == 2 * value(a)


def test_the_total_is_rounded_once() -> None:
    """Half an ulp and a little more is rounded up, where the rounded penalty would be a tie and rounded down."""
    tiny = Fraction(2) ** -53 + Fraction(2) ** -120
    assert float(tiny) == 2.0**-53
    assert total_of(1.0, tiny) == 1.0 + 2.0**-52
    assert total_of(1.0, 2.0**-53) == 1.0


@pytest.mark.parametrize(
    ("spec", "numbers", "value"),
    [
        ("l2:strength=1e-300", [1e200, -1e200], 2e100),
        ("l2:strength=1e300", [1e-200, 1e-200], 2e-100),
        ("l2:strength=1", [1e200], inf),
        ("l2:strength=1e-300", [5e-324], 0.0),
        ("l1:strength=1", [1e308, 1e308, -1e308], inf),
        ("l1:strength=0.25", [1e308, 1e308], 5e307),
        ("l1:strength=1", [2.0**53, 1.0, 1.0], 2.0**53 + 2),
    ],
)
def test_huge_and_tiny_weights(spec: str, numbers: list[float], value: float) -> None:
    assert penalised(spec, np.array(numbers)).value == pytest.approx(value, rel=1e-15)


# Independent sources


@pytest.mark.parametrize("case", LINEAR["penalties"], ids=lambda case: case["spec"])
def test_values_and_gradients_are_those_of_autograd(case: dict[str, Any]) -> None:
    w = np.array(case["weights"])
    assert penalised(case["spec"], w).value == pytest.approx(case["value"], rel=1e-15)
    np.testing.assert_allclose(Penalty.parse(case["spec"]).gradient({"w": w})["w"], case["gradient"], rtol=1e-15)


def test_weight_decay_of_torch_is_half_an_l2() -> None:
    case = LINEAR["decay"]
    w = np.array(case["before"])
    after = w - case["rate"] * Penalty.parse(case["spec"]).gradient({"w": w})["w"]
    np.testing.assert_allclose(after, case["after"], rtol=1e-15)


@pytest.mark.parametrize("case", LINEAR["solutions"], ids=lambda case: case["penalty"])
def test_what_scikit_learn_finds_is_a_minimum_of_the_total(case: dict[str, Any]) -> None:
    """There the slope is 0; or the weight is 0, and the slope of the loss alone is within the kink of the penalty."""
    x, w = np.array(case["x"]), np.array(case["weights"])
    result = losscli.evaluate(
        case["loss"], pred=x @ w, target=case["y"], reduction=case["reduction"], grad=True
    ).results[0]
    penalty = Penalty.parse(case["penalty"])
    slopes, kink = result.gradient @ x, penalty.params["strength"] * penalty.params.get("ratio", 1.0)
    np.testing.assert_allclose((slopes + penalty.gradient({"w": w})["w"])[w != 0], 0, atol=1e-7)
    assert (np.abs(slopes[w == 0]) <= kink).all()
    assert (w != 0).any()


# Gradients


@every_spec
def test_a_gradient_is_the_slope_of_the_value(spec: str) -> None:
    penalty, h = Penalty.parse(spec), Fraction(1, 2**20)
    w = np.array([1.0, -2.0, 0.5, 3.0])
    for k, slope in enumerate(penalty.gradient({"w": w})["w"].tolist()):
        up, down = (defined(spec, [*w[:k], w[k] + sign * float(h), *w[k + 1 :]]) for sign in (1, -1))
        assert slope == pytest.approx(float((up - down) / (2 * h)), rel=1e-15, abs=1e-300)


@every_spec
def test_a_gradient_at_zero_is_zero(spec: str) -> None:
    assert Penalty.parse(spec).gradient({"w": np.array([0.0, -0.0])})["w"].tolist() == [0.0, 0.0]


def test_the_gradient_to_a_file(here: Path, run_here: Run) -> None:
    np.savez(here / "w.npz", **WEIGHTS)
    put(here, FILES)
    ran = run_here(
        *EVAL, "--penalty", "l2:strength=0.25,skip=bias", "--parameters", "w.npz", "--penalty-grad-out", "g.npz"
    )
    assert ran.code == 0
    with np.load("g.npz") as found:
        assert {name: array.tolist() for name, array in found.items()} == {
            "weight": [[0.5, -1.0], [1.5, 0.25]],
            "bias": [0.0, 0.0],
            "scale": -2.0,
        }
        assert {array.dtype for array in found.values()} == {np.dtype("<f8")}
    first = (here / "g.npz").read_bytes()
    run_here(*EVAL, "--penalty", "l2:strength=0.25,skip=bias", "--parameters", "w.npz", "--penalty-grad-out", "g.npz")
    assert (here / "g.npz").read_bytes() == first


@pytest.mark.parametrize("broken", ["p.csv", "w.npz"])
def test_no_gradient_is_left_where_something_is_refused(broken: str, here: Path, run_here: Run) -> None:
    np.savez(here / "w.npz", w=np.array([1.0, np.nan]) if broken == "w.npz" else np.array([1.0]))
    put(here, {**FILES, **({"p.csv": "y_pred\n1\nx\n5\n"} if broken == "p.csv" else {})})
    more = "--penalty", "l2:strength=1", "--parameters", "w.npz", "--penalty-grad-out", "g.npz"
    assert run_here(*EVAL, *more).code == 3
    assert not list(here.glob("*g.npz*"))


# What counts


def test_safetensors_and_arrays_alone_are_read(here: Path) -> None:
    header = json.dumps(
        {
            "head.weight": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
            "dense/bias:0": {"dtype": "F64", "shape": [], "data_offsets": [8, 16]},
        }
    ).encode()
    body = struct.pack("<2f", 3.0, -4.0) + struct.pack("<d", 2.0)
    (here / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + body)
    assert penalised("l2:strength=1", "w.safetensors").members == {"head.weight": 2, "dense/bias:0": 1}
    assert penalised("l2:strength=1", "w.safetensors").value == 29
    assert penalised("l2:strength=1,skip=dense/bias:0", "w.safetensors").value == 25
    assert penalised("l2:strength=1", "w.safetensors:dense/bias:0").members == {"dense/bias:0": 1}
    slashed = {"a/b": np.ones(2), "a": np.ones(3), "b": np.ones(4)}
    assert penalised("l2:strength=1,skip=a/b", slashed).members == {"a": 3, "b": 4}
    np.save(here / "w.npy", np.array([[1.0, 2.0]]))
    assert penalised("l1:strength=1", "w.npy").members == {"w": 2}
    assert penalised("l1:strength=1", Path("w.npy")).members == {"w": 2}


def test_every_memory_order_and_type_is_the_same(here: Path) -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    layouts = [values, np.asfortranarray(values), values.astype("f4"), values.astype(">f8"), values.astype("i2")]
    for k, array in enumerate(layouts):
        np.savez(here / f"{k}.npz", w=array)
        penalised("l2:strength=1", f"{k}.npz", penalty_grad_out="g.npz")
        with np.load("g.npz") as found:
            np.testing.assert_array_equal(found["w"], 2 * values)


@pytest.mark.parametrize(
    ("skip", "members"),
    [
        ("bias", {"weight": 4, "scale": 1}),
        ("bias/scale", {"weight": 4}),
        ("*s*", {"weight": 4}),
        ("b*/scale", {"weight": 4}),
        ("[bs]*", {"weight": 4}),
    ],
)
def test_members_are_left_out_by_name_or_glob(skip: str, members: dict[str, int]) -> None:
    found = penalised(f"l1:strength=1,skip={skip}", WEIGHTS)
    assert found.members == members
    assert found.value == sum(np.abs(WEIGHTS[name]).sum() for name in members)


def test_what_holds_no_numbers_has_to_be_left_out(here: Path) -> None:
    np.savez(here / "w.npz", w=[1.0], names=np.array(["a"]), o=np.array([{}], dtype=object), m=np.array([True]))
    with pytest.raises(InputError, match="names: holds text, which no parameter is; skip=NAME"):
        penalised("l2:strength=1,skip=o/m", "w.npz")
    with pytest.raises(InputError, match="m: holds booleans"):
        penalised("l2:strength=1,skip=o/names", "w.npz")
    with pytest.raises(InputError, match="o: holds pickled objects, which are never loaded"):
        penalised("l2:strength=1,skip=m/names", "w.npz")
    assert penalised("l2:strength=1,skip=m/names/o", "w.npz").members == {"w": 1}


def test_what_counts_is_noted(here: Path, run_here: Run) -> None:
    np.savez(here / "w.npz", **WEIGHTS, steps=np.int64(7))
    put(here, FILES)
    ran = run_here(*EVAL, "--penalty", "l2:strength=1,skip=bias", "--parameters", "w.npz")
    assert ran.stderr.splitlines() == [
        "losscli: note: l2:strength=1,skip=bias is of 6 numbers in w.npz: weight (2, 2), scale (), steps (); "
        "left out: bias",
        "losscli: note: w.npz: steps holds integers and counts too; skip=steps leaves it out",
    ]


# What is printed


def test_penalty_and_total_stand_beside_the_value(here: Path, run_here: Run) -> None:
    np.savez(here / "w.npz", **WEIGHTS)
    put(here, FILES)
    penalty = "--penalty", "l2:strength=0.5,skip=scale", "--parameters", "w.npz", "-q"
    assert run_here(*EVAL, "-l", "mae", *penalty) == Ran(
        "loss\treduction\tvalue\tn\tweight\tpenalty\ttotal\n"
        "mse\tmean\t4.333333333333333\t3\t3.0\t7.625\t11.958333333333332\n"
        "mae\tmean\t1.6666666666666667\t3\t3.0\t7.625\t9.291666666666666\n",
        "",
        0,
    )
    first = json.loads(run_here(*EVAL, *penalty, "--json").stdout)["results"][0]
    assert list(first)[3:7] == ["reduction", "value", "penalty", "total"]
    assert first["penalty"] == {
        "spec": "l2:strength=0.5,skip=scale",
        "value": 7.625,
        "parameters": 6,
        "members": {"weight": 4, "bias": 2},
    }
    assert first["total"] == 11.958333333333332
    table = run_here(*EVAL, *penalty, "--format", "table").stdout
    assert [line.split() for line in table.splitlines() if "total" in line] == [["total", "11.958333333333332"]]


def test_a_sum_is_added_to_as_it_is() -> None:
    for reduction, value in (("mean", 13 / 3), ("sum", 13.0)):
        report = losscli.evaluate(
            "mse", pred=[1, 2, 5], target=[1, 4, 2], reduction=reduction, penalty="l1:strength=1", parameters=WEIGHTS
        )
        found = report.results[0].penalty
        assert found is not None
        assert (report.value, found.value, found.total) == (value, 11.5, value + 11.5)


def test_gates_are_on_the_data_loss(here: Path, run_here: Run) -> None:
    np.savez(here / "w.npz", **WEIGHTS)
    put(here, FILES)
    ran = run_here(*EVAL, "--penalty", "l2:strength=1", "--parameters", "w.npz", "--max", "5")
    assert ran.code == 0
    assert run_here(*EVAL, "--penalty", "l2:strength=1", "--parameters", "w.npz", "--max", "4").code == 1


def test_an_infinite_total_is_no_finite_value(here: Path, run_here: Run) -> None:
    np.save(here / "w.npy", [1e200])
    put(here, FILES)
    ran = run_here(*EVAL, "--penalty", "l2:strength=1", "--parameters", "w.npy", "-q")
    assert (ran.code, ran.stdout.splitlines()[1].split("\t")[2:]) == (
        4,
        ["4.333333333333333", "3", "3.0", "inf", "inf"],
    )
    assert ran.stderr.startswith("losscli: error: mse and l2:strength=1 add up to inf: ")
    allowed = run_here(*EVAL, "--penalty", "l2:strength=1", "--parameters", "w.npy", "-q", "--allow-nonfinite")
    assert (allowed.code, allowed.stderr) == (0, "")


def test_an_infinite_loss_has_an_infinite_total(here: Path, run_here: Run) -> None:
    np.save(here / "w.npy", [1.0])
    put(here, FILES)
    ran = run_here("eval", "-l", "bce", "b.csv", "--penalty", "l2:strength=1", "--parameters", "w.npy", "-q")
    assert (ran.code, ran.stdout.splitlines()[1].split("\t")[-2:]) == (4, ["1.0", "inf"])
    assert len(ran.stderr.splitlines()) == 1


def test_infinite_parameters_are_let_in_where_it_is_said() -> None:
    with pytest.raises(InputError, match=r"parameters: W\[1\] is inf; --allow-inf lets it in"):
        penalised("l2:strength=1", np.array([1.0, inf]))
    assert penalised("l2:strength=1", np.array([1.0, inf]), allow_inf=True).total == inf
    assert penalised("elastic_net:strength=1,ratio=1", np.array([-inf]), allow_inf=True).value == inf
    assert not isnan(penalised("l2:strength=0", np.array([inf]), allow_inf=True).value)


# What is refused


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "--penalty l2:strength=1",
            "--penalty l2:strength=1 needs the parameters that it is of; add --parameters weights.npz",
        ),
        ("--parameters w.npz", "--parameters is for a penalty; add --penalty l2:strength=0.01"),
        ("--penalty-grad-out g.npz", "--penalty-grad-out is for a penalty; add --penalty l2:strength=0.01"),
        (
            "--penalty l3:strength=1 --parameters w.npz",
            "unknown penalty 'l3': l1, l2, elastic_net, such as l2:strength=0.01",
        ),
        ("--penalty elasticnet --parameters w.npz", "did you mean 'elastic_net'?"),
        ("--penalty l2 --parameters w.npz", "l2 needs its strength, which has no default, such as l2:strength=0.01"),
        (
            "--penalty elastic_net:strength=1 --parameters w.npz",
            "elastic_net needs its ratio, which has no default, such as elastic_net:strength=0.01,ratio=0.5",
        ),
        ("--penalty l2:strength=-1 --parameters w.npz", "strength=-1: strength must be >= 0"),
        ("--penalty l2:strength=nan --parameters w.npz", "strength=nan: not a number"),
        ("--penalty l2:strength=inf --parameters w.npz", "strength=inf: strength must be"),
        ("--penalty l2:strength=1,strength=2 --parameters w.npz", "a parameter is given twice"),
        ("--penalty l2:strenght=1 --parameters w.npz", "did you mean 'strength'?"),
        ("--penalty l1:strength=1,half=true --parameters w.npz", "l1 has no parameter 'half' (it has: strength)"),
        ("--penalty elastic_net:strength=1,ratio=2 --parameters w.npz", "ratio must be >= 0 and <= 1"),
        (
            "--penalty l2:strength=1,skip=bais --parameters w.npz",
            "w.npz has no member 'bais' to leave out; it has: weight, bias",
        ),
        ("--penalty l2:strength=1,skip=* --parameters w.npz", "leaves out every member of w.npz: weight, bias"),
        ("--penalty l2:strength=1 --parameters w.npz --reduction none", "--reduction none has none"),
        ("--penalty l2:strength=1 --parameters w.npz --format value", "--format value would leave it out"),
        ("--penalty l2:strength=1 --parameters w.npz --format csv --per-sample", "--format csv would leave it out"),
        ("--penalty l2:strength=1 --parameters w.npz --penalty-grad-out g.npy", "the name must end in .npz"),
        ("--penalty l2:strength=1 --parameters w.npz --penalty-grad-out w.npz", "w.npz is an input file"),
    ],
)
def test_usage_errors(more: str, message: str, here: Path, run_here: Run) -> None:
    np.savez(here / "w.npz", weight=[1.0], bias=[2.0])
    put(here, FILES)
    ran = run_here(*EVAL, *more.split())
    assert (ran.code, ran.stdout) == (2, "")
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.npz", "none.npz: cannot be opened"),
        ("p.csv", "p.csv: is csv; parameters are read from NPZ, NPY and safetensors"),
        ("nan.npz", "nan.npz: w[0, 1] is nan, the first of 2"),
        ("scalar.npz", "scalar.npz: w is nan"),
        ("big.npz", "big.npz:w: an integer beyond 2^53"),
        ("complex.npz", "complex.npz:w: dtype complex128 is not numeric"),
        ("empty.npz", "empty.npz:w: has shape (0,)"),
        ("cut.npz", "cut.npz"),
        ("text.npz", "text.npz:w: holds text"),
    ],
)
def test_files_that_are_refused(path: str, message: str, here: Path, run_here: Run) -> None:
    put(here, FILES)
    np.savez(here / "nan.npz", w=[[1.0, np.nan], [np.nan, 1.0]])
    np.savez(here / "scalar.npz", w=np.nan)
    np.savez(here / "big.npz", w=np.array([2**62 + 1]))
    np.savez(here / "complex.npz", w=np.array([1j]))
    np.savez(here / "empty.npz", w=np.zeros(0))
    np.savez(here / "text.npz", w=np.array(["1.0"]))
    (here / "cut.npz").write_bytes((here / "nan.npz").read_bytes()[:-30])
    ran = run_here(*EVAL, "--penalty", "l2:strength=1", "--parameters", path)
    assert (ran.code, ran.stdout) == (3, "")
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_what_takes_too_much_memory_is_refused(here: Path) -> None:
    np.save(here / "w.npy", np.zeros(1000))
    with pytest.raises(InputError, match="--max-bytes N allows more"):
        penalised("l2:strength=1", "w.npy", max_bytes=4000)


def test_tensors_that_numpy_cannot_have_are_refused() -> None:
    class Tensor:
        def __array__(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("call detach() first")

    with pytest.raises(InputError, match=r"W: not an array of numbers: call detach\(\) first"):
        penalised("l2:strength=1", {"W": Tensor()})


def test_bfloat16_is_read(here: Path) -> None:
    header = b'{"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}'
    (here / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes([0x80, 0x3F, 0x40, 0xC0]))
    assert penalised("l1:strength=1", "w.safetensors").value == 4


def test_one_standard_input_only(run: Run, tmp_path: Path) -> None:
    put(tmp_path, FILES)
    ran = run("eval", "-", "t.csv", "-l", "mse", "--penalty", "l2:strength=1", "--parameters", "-")
    assert (ran.code, ran.stderr) == (2, "losscli: error: '-' is standard input, which can be one file only\n")


# The text of a penalty, and what is told of it


@every_spec
@pytest.mark.parametrize("skip", ["", ",skip=*bias*/b"])
def test_text_and_penalty_are_inverses(spec: str, skip: str) -> None:
    penalty = Penalty.parse(spec + skip)
    assert Penalty.parse(str(penalty)) == penalty
    assert str(Penalty.parse(str(penalty))) == str(penalty)


def test_canonical_text_leaves_defaults_out() -> None:
    assert str(Penalty.parse("l2:half=false,strength=1e-2")) == "l2:strength=0.01"
    assert str(Penalty.parse("elastic_net:half=true,ratio=0.5,strength=1.0")) == "elastic_net:strength=1,ratio=0.5"


@pytest.mark.parametrize("name", PENALTIES)
def test_the_topic_tells_of_every_penalty(name: str, run_here: Run) -> None:
    text = run_here("explain", "penalty").stdout
    assert name in text
    assert all(parameter in text for parameter in [*parameters_in(name), "skip"])
    assert PENALTIES[name].__doc__


def test_errors_are_of_the_tree() -> None:
    for spec in ("", "l2:", "l2:strength", ":strength=1", "l2:strength=1,skip", "l2:skip=x"):
        with pytest.raises(LossError):
            penalised(spec, WEIGHTS)
    with pytest.raises(UsageError):
        losscli.evaluate("mse", pred=[1], target=[1], parameters=WEIGHTS)
