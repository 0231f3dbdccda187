"""Descent on a linear head: torch's SGD reproduced, gradients against mpmath, and the law that the gradient points
down; heads and features as people have them; what is printed; what is refused.
"""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import losscli
from losscli.descent import Descent, check_loss, descend, for_scores
from losscli.errors import InputError, UsageError
from losscli.heads import BIASES, WEIGHTS
from losscli.kinds import REAL
from losscli.registry import get
from tests.laws_support import ALL_VARIANTS, random_data
from tests.support import ROOT, Ran, put

Run = Callable[..., Ran]
DESCENTS = json.loads((ROOT / "tests" / "reference" / "linear.json").read_text("utf8"))["descents"]
CLASSES = DESCENTS[0]  # cross_entropy, twelve rows, three features and three classes
every_descent = pytest.mark.parametrize(
    "case", DESCENTS, ids=lambda case: f"{case['loss']} {'+'.join(case['parameters'])} {case['strength']}"
)


def arrays(case: dict[str, Any]) -> dict[str, Any]:
    return {name: np.array(values) for name, values in case["parameters"].items()}


def descended(case: dict[str, Any], **options: Any) -> Descent:
    strength = case["strength"]
    given = {
        "features": np.array(case["x"]),
        "target": np.array(case["target"]),
        "parameters": arrays(case),
        "rate": case["rate"],
        "steps": len(case["losses"]) - 1,
        "penalty": f"l2:strength={strength},half=true" if strength else None,
    }
    return descend(case["loss"], **{**given, **options})


@pytest.fixture
def files(here: Path) -> Path:
    """The worked example as files: X, labels, W and b."""
    np.save(here / "X.npy", np.array(CLASSES["x"]))
    np.savez(here / "W.npz", **arrays(CLASSES))
    put(here, {"labels.csv": "label\n" + "".join(f"{label}\n" for label in CLASSES["target"])})
    return here


STEP = ("step", "--features", "X.npy", "--parameters", "W.npz", "-l", "cross_entropy", "labels.csv", "--rate")


# Independent sources


@every_descent
def test_the_steps_are_those_of_torchs_sgd(case: dict[str, Any]) -> None:
    found = descended(case)
    np.testing.assert_allclose([step.loss for step in found.steps], case["losses"], rtol=1e-12)
    assert found.head.arrays.keys() == case["after"].keys()
    for name, values in case["after"].items():
        np.testing.assert_allclose(found.head.arrays[name], values, rtol=1e-12, atol=1e-13)
    without = descended(case, penalty=None).gradient
    for name, values in case["gradient"].items():
        np.testing.assert_allclose(without[name], values, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("case", [CLASSES, DESCENTS[3]], ids=["cross_entropy", "mse"])
def test_the_gradient_is_the_slope_in_fifty_digits(case: dict[str, Any]) -> None:
    """Of the mean loss with an elastic net, differentiated numerically in each parameter by mpmath."""
    found = descended(case, penalty="elastic_net:strength=0.2,ratio=0.5", steps=1)
    names = list(case["parameters"])
    flat = np.concatenate([np.ravel(case["parameters"][name]) for name in names]).tolist()
    shape = np.shape(case["parameters"][names[0]])
    ours = np.concatenate([np.ravel(found.gradient[name]) for name in names])
    with mpmath.workdps(50):
        total = lambda *at: mean_loss(case, at, shape) + elastic(at)  # noqa: E731
        slopes = [mpmath.diff(total, flat, tuple(int(j == k) for j in range(len(flat)))) for k in range(len(flat))]
        assert found.steps[0].total == pytest.approx(float(total(*flat)), rel=1e-15)
    np.testing.assert_allclose(ours, [float(slope) for slope in slopes], rtol=1e-12, atol=1e-15)


def elastic(at: Any) -> Any:
    strength, half = mpmath.mpf(0.2), mpmath.mpf(0.5)
    return strength * (half * sum(abs(w) for w in at) + half * half * sum(w * w for w in at))


def mean_loss(case: dict[str, Any], at: Any, shape: tuple[int, ...]) -> Any:
    """Of the linear head whose weights, and then bias, are `at`."""
    d, k = shape[0], shape[1] if len(shape) > 1 else 1
    found = []
    for row, target in zip(case["x"], case["target"], strict=True):
        outputs = [sum(x * at[j * k + c] for j, x in enumerate(row)) + at[d * k + c] for c in range(k)]
        if case["loss"] == "mse":
            found.append((outputs[0] - target) ** 2)
        else:
            found.append(mpmath.log(sum(mpmath.exp(z) for z in outputs)) - outputs[target])
    return sum(found) / len(found)


def test_the_gradient_is_features_times_gradient_and_twice_the_weights() -> None:
    x, t, w = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([1.0, -2.0]), np.array([0.5, 0.25])
    g = losscli.evaluate("mse", pred=x @ w, target=t, grad=True).results[0].gradient
    found = descend("mse", features=x, target=t, parameters=w, rate=0.125, penalty="l2:strength=0.5")
    assert found.gradient["W"].tolist() == (x.T @ g + 2 * 0.5 * w).tolist()
    assert found.head.arrays["W"].tolist() == (w - 0.125 * found.gradient["W"]).tolist()


# Laws


APPLICABLE = [
    spec
    for spec in ALL_VARIANTS
    if (loss := get(spec)).kind.role_names == ("pred", "target")
    and not loss.definition.underived
    and loss.definition.better == "lower"
]
ANY_NUMBER = [spec for spec in APPLICABLE if get(spec).kind.roles[0].allowed(get(spec).params) == REAL]
ON_A_SIMPLEX = {spec for spec in APPLICABLE if spec not in ANY_NUMBER and "sum to 1" in get(spec).kind.shapes}


@pytest.mark.parametrize("spec", [spec for spec in APPLICABLE if spec not in ON_A_SIMPLEX])
def test_the_gradient_points_down(spec: str) -> None:
    """On predictions of the loss's own domain, which the features, an identity, hand on: a small enough step against
    the gradient lowers the loss by what the gradient predicts, or leaves it where it is.
    """
    loss = get(spec)
    pred, target = random_data(loss, rows=12, outputs=3).arrays
    pred = np.asarray(pred, dtype=float)
    size = np.abs(losscli.evaluate(loss, pred=pred, target=target, grad=True).results[0].gradient).max()
    options = {"features": np.eye(len(pred)), "target": target, "parameters": pred}
    found = descend(loss, **options, rate=1e-7 / (size or 1.0))
    first = found.steps[0]
    assert first.predicted_change is not None
    assert first.change is not None
    assert first.predicted_change <= 0
    roundings = 16 * np.spacing(abs(first.total))
    assert first.change <= roundings
    assert first.change == pytest.approx(first.predicted_change, rel=0.01, abs=roundings)


@pytest.mark.parametrize("spec", ANY_NUMBER)
def test_a_small_rate_lowers_the_loss_of_a_head(spec: str) -> None:
    """On random features, with weights and a bias, for every loss whose predictions may be any number."""
    loss, rng = get(spec), np.random.default_rng(2)
    pred, target = random_data(loss, rows=12, outputs=3).arrays
    shape = np.shape(pred)[1:]
    parameters = {"W": 0.1 * rng.standard_normal((4, *shape)), "b": 0.1 * rng.standard_normal(shape)}
    given = {"features": rng.standard_normal((12, 4)), "target": target, "parameters": parameters}
    steep = descend(loss, **given, rate=1e-9).steps[0].gradient_norm
    found = descend(loss, **given, rate=1e-6 / (steep or 1.0) ** 2, steps=3)
    for before, after in pairwise(found.steps):
        roundings = 16 * np.spacing(abs(before.total))
        assert after.total <= before.total + roundings
        assert before.change == pytest.approx(before.predicted_change, rel=0.05, abs=roundings)


def test_most_losses_are_tried() -> None:
    assert len(APPLICABLE) > 100
    assert len(ON_A_SIMPLEX) < len(APPLICABLE) / 4
    assert len(ANY_NUMBER) > 50


@every_descent
def test_a_step_is_the_change_of_the_total(case: dict[str, Any]) -> None:
    found = descended(case)
    for before, after in pairwise(found.steps):
        assert before.change == after.total - before.total
        assert before.predicted_change == pytest.approx(-case["rate"] * before.gradient_norm**2, rel=1e-14)
        assert before.step + 1 == after.step
    assert (found.steps[-1].predicted_change, found.steps[-1].change) == (None, None)


def test_steps_can_be_gone_in_parts(files: Path) -> None:
    whole = descended(CLASSES, steps=4)
    half = descended(CLASSES, steps=2)
    rest = descended(CLASSES, steps=2, parameters=half.head.arrays)
    assert [s.loss for s in whole.steps[2:]] == [s.loss for s in rest.steps]
    for name, values in whole.head.arrays.items():
        assert values.tolist() == rest.head.arrays[name].tolist()


def test_the_total_has_the_penalty() -> None:
    found = descended(CLASSES, penalty="l2:strength=0.5,skip=b", steps=2)
    weights = np.array(CLASSES["parameters"]["W"])
    assert found.steps[0].penalty == pytest.approx(0.5 * (weights**2).sum(), rel=1e-15)
    assert all(step.total == pytest.approx(step.loss + step.penalty, rel=1e-15) for step in found.steps)
    alone = descended(CLASSES, steps=2)
    np.testing.assert_array_equal(found.gradient["b"], alone.gradient["b"])
    np.testing.assert_allclose(found.gradient["W"], alone.gradient["W"] + weights, rtol=1e-14)
    assert [step.penalty for step in alone.steps] == [0, 0, 0]


# What a loss's predictions are


@pytest.mark.parametrize(
    ("spec", "params", "loss", "noted"),
    [
        ("cross_entropy", {}, "cross_entropy:form=logits", True),
        ("bce:label_smoothing=0.1", {}, "bce:form=logits,label_smoothing=0.1", True),
        ("poisson_nll", {}, "poisson_nll:form=log_rate", True),
        ("cross_entropy:form=log_probs", {}, "cross_entropy:form=log_probs", False),
        ("cross_entropy:form=probs", {}, "cross_entropy", False),
        ("cross_entropy", {"form": "probs"}, "cross_entropy", False),
        ("CrossEntropyLoss", {}, "cross_entropy:form=logits", False),
        ("huber", {"delta": "2"}, "huber:delta=2", False),
    ],
)
def test_outputs_of_a_head_are_scores_unless_it_is_said(
    spec: str, params: dict[str, str], loss: str, noted: bool
) -> None:
    chosen, note = for_scores(spec, params)
    assert (str(chosen), bool(note)) == (loss, noted)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("top_k", "has no derivatives: it counts"),
        ("gaussian_nll", "takes pred, target, variance"),
        ("triplet", "takes anchor, positive, negative"),
        ("shannon_entropy", "takes pred; a head"),
        ("r2", "better the higher it is"),
        ("bias", "better the nearer it is to zero"),
    ],
)
def test_losses_that_are_refused(spec: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        check_loss(get(spec))


# Heads and features


@pytest.mark.parametrize("prefix", ["", "fc.", "model.head."])
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("weight", WEIGHTS)
def test_weights_and_bias_are_found_by_their_usual_names(weight: str, bias: str, prefix: str) -> None:
    parameters = {prefix + bias: np.zeros(3), prefix + weight: np.zeros((3, 3))}
    head = descended(CLASSES, parameters=parameters, steps=1).head
    assert (head.weight, head.bias) == (prefix + weight, prefix + bias)


def test_an_array_alone_is_the_weights(files: Path) -> None:
    np.save("head.npy", np.zeros((3, 3)))
    np.savez("one.npz", anything=np.zeros((3, 3)))
    for path, name in (("head.npy", "head"), ("one.npz", "anything"), ("W.npz:W", "W")):
        assert descended(CLASSES, parameters=path, steps=1).head.weight == name


@pytest.mark.parametrize("bias", [0.5, [0.5]])
def test_a_bias_keeps_its_shape(bias: Any) -> None:
    case = DESCENTS[3]
    found = descended(case, parameters={"w": np.zeros(3), "b": np.array(bias)}, steps=2).head.arrays["b"]
    assert np.shape(found) == np.shape(bias)


def test_a_column_of_weights_is_weights() -> None:
    case = DESCENTS[4]
    column = descended(case, parameters={"coef": np.array(case["parameters"]["coef"])[:, None]})
    assert [s.total for s in column.steps] == [s.total for s in descended(case).steps]
    assert column.head.arrays["coef"].shape == (3, 1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"weight": np.zeros((2, 3)), "bias": np.zeros(2)}, "weight has shape .2, 3., .outputs, features. as torch"),
        ({"coef_": np.zeros((1, 3))}, "write the transposed array, coef_.T"),
        ({"W": np.zeros(4)}, r"W has shape \(4,\), and there are 3 features: \(3,\) or \(3, outputs\) is needed"),
        ({"W": np.zeros((4, 2))}, "and there are 3 features"),
        ({"W": np.zeros((3, 2, 2))}, "a linear head has"),
        ({"W": np.zeros(())}, "a linear head has"),
        ({"W": np.zeros((3, 2)), "b": np.zeros(3)}, r"b has shape \(3,\); beside W \(3, 2\) it is \(2,\)"),
        ({"W": np.zeros((3, 2)), "b": np.zeros(())}, r"b has shape \(\); beside W"),
        ({"W": np.zeros(3), "b": np.zeros(3)}, "it is one number"),
        ({"W": np.zeros(3), "extra": np.zeros(3)}, "is no linear head alone, .*: it has W, extra"),
        ({"a": np.zeros(3), "c": np.zeros(3)}, "is no linear head alone"),
        ({"W": np.zeros(3), "weight": np.zeros(3)}, "is no linear head alone"),
        ({"W": np.array([0, np.nan, 1])}, r"W\[1\] is nan"),
        ({"W": np.array([0, np.inf, 1])}, r"W\[1\] is inf"),
    ],
)
def test_heads_that_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        descended(CLASSES, parameters=parameters)


def test_a_square_head_may_be_transposed_and_is_noted() -> None:
    assert any("W is square" in note for note in descended(CLASSES, steps=1).notes)
    assert not any("square" in note for note in descended(DESCENTS[3], steps=1).notes)


def test_features_are_columns_of_any_format(files: Path, run_here: Run) -> None:
    x = np.array(CLASSES["x"])
    rows = "".join(f"{k},{','.join(map(repr, row))}\n" for k, row in enumerate(x.tolist()))
    put(
        files,
        {"X.csv": "id,x_a,x_b,x_c\n" + rows, "bare.csv": "".join(f"{row.partition(',')[2]}\n" for row in rows.split())},
    )
    put(files, {"X.parquet": {name: x[:, k] for k, name in enumerate(("a", "b", "c"))}})
    np.savez("many.npz", features=x, other=x[:, :1])
    expected = run_here(*STEP, "0.1")
    assert expected.code == 0
    for path, more in (
        ("X.csv", ("--col", "features=x_*")),
        ("X.csv", ("--col", "features=1,2,3")),
        ("bare.csv", ()),
        ("X.parquet", ()),
        ("many.npz", ()),
    ):
        args = [path if arg == "X.npy" else arg for arg in STEP]
        assert run_here(*args, "0.1", *more).stdout == expected.stdout
    args = ["X.csv" if arg == "X.npy" else arg for arg in STEP]
    ran = run_here(*args, "0.1")
    assert (ran.code, "say --col features=NAME; its columns: id, x_a, x_b, x_c" in ran.stderr) == (2, True)


def test_rows_that_do_not_belong_together_are_refused(here: Path) -> None:
    put(here, {"X.csv": "id,a\n1,0.5\n2,1.5\n", "t.csv": "id,y\n2,1\n1,2\n"})
    given = {"features": "X.csv", "parameters": np.zeros(1), "rate": 1.0, "columns": {"features": ["a"]}}
    with pytest.raises(InputError, match=r"column 'id' differs: 1 in X.csv:2, 2 in t.csv:2; .*put them in one order$"):
        descend("mse", target="t.csv", **given)
    put(here, {"t.csv": "id,y\n1,1\n2,2\n3,3\n"})
    with pytest.raises(InputError, match=r"row counts differ: X\.csv has 2 rows, t.csv has 3 rows"):
        descend("mse", target="t.csv", **given)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n3,\n", "X.csv:3: a missing value in column b"),
        ("a,b\n1,2\ninf,3\n", "X.csv:3: an infinite value in column a"),
        ("a,b\n1,2\n3,x\n", "X.csv:3:b: 'x' is not a number"),
    ],
)
def test_features_that_are_refused(content: str, message: str, here: Path) -> None:
    put(here, {"X.csv": content, "t.csv": "y\n1\n2\n"})
    with pytest.raises(InputError, match=message):
        descend("mse", features="X.csv", target="t.csv", parameters=np.zeros(2), rate=1.0)


def test_features_of_three_dimensions_are_refused() -> None:
    with pytest.raises(InputError, match="3 dimensions"):
        descend("mse", features=np.ones((2, 2, 2)), target=[1.0, 2.0], parameters=np.zeros(4), rate=1.0)


def test_weighted_rows_count_as_often(here: Path) -> None:
    put(here, {"t.csv": "y,w\n1,2\n2,1\n5,0\n", "twice.csv": "y\n1\n1\n2\n"})
    given = {"parameters": np.array([0.25]), "rate": 0.125, "steps": 3}
    one = descend("mse", features=[1.0, 2.0, 3.0], target="t.csv", columns={"weight": ["w"], "target": ["y"]}, **given)
    two = descend("mse", features=[1.0, 1.0, 2.0], target="twice.csv", **given)
    assert (one.n, two.n) == (2, 3)
    np.testing.assert_allclose([s.loss for s in one.steps], [s.loss for s in two.steps], rtol=1e-15)


def test_names_of_classes_are_told(files: Path, run_here: Run) -> None:
    put(files, {"names.csv": "label\n" + "".join(f"{'cab'[label]}\n" for label in CLASSES["target"])})
    args = ["names.csv" if arg == "labels.csv" else arg for arg in STEP]
    assert run_here(*args, "0.1").code == 3
    assert run_here(*args, "0.1", "--classes", "c,a,b").stdout == run_here(*STEP, "0.1").stdout


def test_missing_targets_are_left_out_where_it_is_said(here: Path) -> None:
    put(here, {"t.csv": "y,z\n1,0\n,0\n2,0\n"})
    given = {"parameters": np.array([0.25]), "rate": 0.125}
    with pytest.raises(InputError, match="missing value"):
        descend("mse", features=[1.0, 2.0, 3.0], target="t.csv", **given)
    found = descend("mse", features=[1.0, 2.0, 3.0], target="t.csv", missing="drop", **given)
    assert [s.loss for s in found.steps] == [
        s.loss for s in descend("mse", features=[1.0, 3.0], target=[1.0, 2.0], **given).steps
    ]


# What is printed


def test_the_worked_example(files: Path, run_here: Run) -> None:
    ran = run_here(*STEP, "0.1", "--steps", "20", "--parameters-out", "after.npz")
    lines = [line.split("\t") for line in ran.stdout.splitlines()]
    assert ran.code == 0
    assert lines[0] == ["step", "loss", "gradient_norm", "predicted_change", "change"]
    assert [int(line[0]) for line in lines[1:]] == list(range(21))
    np.testing.assert_allclose([float(line[1]) for line in lines[1:]], CLASSES["losses"], rtol=1e-12)
    assert lines[-1][3:] == ["", ""]
    assert "losscli: note: cross_entropy:form=logits: the outputs of a linear head are taken for logits" in ran.stderr
    with np.load("after.npz") as after:
        assert list(after) == ["W", "b"]
        np.testing.assert_allclose(after["W"], CLASSES["after"]["W"], rtol=1e-12, atol=1e-13)


def test_json(files: Path, run_here: Run) -> None:
    ran = run_here(*STEP, "0.1", "--json", "-q", "--penalty", "l2:strength=0.02,skip=b")
    found = json.loads(ran.stdout)
    assert (ran.code, ran.stderr) == (0, "")
    assert {key: found[key] for key in ("schema", "loss", "penalty", "rate", "n", "parameters")} == {
        "schema": 1,
        "loss": "cross_entropy:form=logits",
        "penalty": "l2:strength=0.02,skip=b",
        "rate": 0.1,
        "n": 12,
        "parameters": {"W": [3, 3], "b": [3]},
    }
    assert list(found["steps"][0]) == [
        *("step", "loss", "penalty", "total", "gradient_norm", "predicted_change", "change"),
    ]
    assert list(found["steps"][1]) == ["step", "loss", "penalty", "total", "gradient_norm"]


@pytest.mark.parametrize("columns", ["60", "80", "100", "140"])
@pytest.mark.parametrize("penalty", [(), ("--penalty", "l2:strength=0.02")])
def test_a_table_and_a_curve(columns: str, penalty: tuple[str, ...], files: Path, run: Run) -> None:
    ran = run(*STEP, "0.1", "--steps", "20", "--format", "table", *penalty, env={"COLUMNS": columns})
    lines = ran.stdout.splitlines()
    assert max(map(len, lines[1:24])) <= int(columns)  # on a terminal longer lines of words are broken
    assert [line.split()[0] for line in lines[3:24]] == [str(k) for k in range(21)]
    assert ("--format plain has all" in ran.stdout) == ("predicted_change" not in lines[1])
    what = "total" if penalty else "loss"
    assert any(line.startswith(f"the {what} fell in 20 of 20 steps, from 1.1") for line in lines)
    assert f"{what} over steps" in lines
    assert sum(line.count("●") for line in lines) == 21


def test_a_curve_of_many_steps_fits(files: Path, run: Run) -> None:
    ran = run(*STEP, "0.1", "--steps", "300", "--format", "table", env={"COLUMNS": "80", "LC_ALL": "C"})
    lines = ran.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.count("*") for line in lines) == 61
    assert lines[-1].split() == ["0", "300"]


def test_a_rate_that_goes_too_far_is_noted(files: Path, run_here: Run) -> None:
    ran = run_here(*STEP, "50", "--steps", "5")
    assert ran.code == 0
    notes = [line for line in ran.stderr.splitlines() if "went up" in line]
    assert len(notes) == 1
    assert "it points down, and the rate 50 goes too far; take a smaller --rate" in notes[0]
    assert "went up" not in run_here(*STEP, "0.1", "--steps", "20").stderr


def test_what_diverges_is_exit_4_and_says_where(here: Path, run_here: Run) -> None:
    put(here, {"X.npy": [[1.0], [2.0]], "t.csv": "y\n1\n2\n", "w.npy": [3.0]})
    args = ("step", "--features", "X.npy", "--parameters", "w.npy", "-l", "mse", "t.csv")
    ran = run_here(*args, "--rate", "1e100", "--steps", "9", "--parameters-out", "o.npz")
    assert ran.code == 4
    assert ran.stderr == (
        "losscli: error: mse is inf after step 2: the rate 1e100 is too large; take a smaller --rate; "
        "o.npz is not written\n"
    )
    assert [line.split("\t")[:2] for line in ran.stdout.splitlines()][-1] == ["2", "inf"]
    assert not (here / "o.npz").exists()
    beyond = run_here(*args, "--rate", "1e308", "--steps", "9")
    assert (beyond.code, "mse is nan after step 1" in beyond.stderr) == (4, True)


def test_an_infinite_loss_at_the_start_is_exit_4(here: Path, run_here: Run) -> None:
    put(here, {"X.npy": [[0.0], [1.0]], "t.csv": "y\n1\n1\n", "w.npy": [0.5]})
    ran = run_here(
        "step", "--features", "X.npy", "--parameters", "w.npy", "-l", "bce:form=probs", "t.csv", "--rate", "1"
    )
    assert (ran.code, len(ran.stdout.splitlines())) == (4, 2)
    assert "bce is inf before the first step" in ran.stderr


def test_outputs_outside_the_domain_are_refused_with_the_step(here: Path, run_here: Run) -> None:
    put(here, {"X.npy": [[0.5], [1.0]], "t.csv": "y\n0\n0\n", "w.npy": [0.5]})
    args = ("step", "--features", "X.npy", "--parameters", "w.npy", "-l", "bce", "--form", "probs", "t.csv")
    assert run_here(*args, "--rate", "0.001").code == 0
    ran = run_here(*args, "--rate", "100", "--steps", "3")
    assert (ran.code, ran.stdout) == (3, "")
    assert ran.stderr.startswith("losscli: error: at step 1, X W of X.npy: row 0: ")
    assert "a linear head's outputs are any numbers, and " in ran.stderr


@pytest.mark.parametrize("at", [1, 7])
def test_one_file_may_be_standard_input(at: int, files: Path, run: Run) -> None:
    args = list(STEP)
    path = args[2] if at == 1 else args[7]
    args[args.index(path)] = "-"
    ran = run(*args, "0.1", stdin=(files / path).read_bytes())
    assert ran.stdout == run(*STEP, "0.1").stdout
    both = run("step", "--features", "-", "--parameters", "W.npz", "-l", "mse", "-", "--rate", "1")
    assert (both.code, "can be one file only" in both.stderr) == (2, True)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("0", "--rate 0: a finite number above 0 is needed"),
        ("-1", "--rate -1: a finite number above 0 is needed"),
        ("inf", "--rate inf: a finite number above 0 is needed"),
        ("1_0", "--rate: '1_0' is not a number"),
        ("1 --steps 0", "--steps: '0' is not a whole number of at least 1"),
        ("1 --penalty l2", "l2 needs its strength"),
        ("1 --penalty l2:strength=1,skip=bias", "W.npz has no member 'bias' to leave out; it has: W, b"),
        ("1 --parameters-out W.npz", "W.npz is an input file"),
        ("1 --parameters-out after.npy", "the name must end in .npz"),
        ("1 --delta 2", "--delta belongs to"),
        ("1 --col foo=1", "has no role 'foo'"),
        ("1 --delimiter ; --features labels.csv --col features=w", "has no column 'w' for features"),
    ],
)
def test_usage_errors(more: str, message: str, files: Path, run_here: Run) -> None:
    base = [*STEP]
    if "--features" in more:
        del base[(k := base.index("--features")) : k + 2]
    ran = run_here(*base, *more.split())
    assert (ran.code, ran.stdout) == (2, "")
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_sum_of_losses_is_refused() -> None:
    with pytest.raises(UsageError, match="descent is of one loss, not of a sum"):
        for_scores("mse + mae")


def test_help_names_every_way(run: Run) -> None:
    text = run("step", "--help", env={"COLUMNS": "100"}).stdout
    assert "losscli step --features X.npy --parameters W.npz -l cross_entropy --rate 0.1 --steps 20 labels.csv" in text
    assert "--delta" in run("step", "-l", "huber", "--help", env={"COLUMNS": "100"}).stdout
    assert len(text.splitlines()) <= 60


def test_the_topic_shows_a_command_that_runs(files: Path, run_here: Run) -> None:
    text = run_here("explain", "descent").stdout
    line = next(line for line in text.splitlines() if line.startswith("losscli step"))
    assert run_here(*line.split()[1:]).code == 0
