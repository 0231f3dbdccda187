"""`losscli gradcheck`: the laws of every loss, faults that break them, and what is said of a user's gradient."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losscli
from losscli import registry
from losscli.errors import InputError, UsageError
from losscli.gradcheck import Comparison, check, compare, subjects
from losscli.kinds import RESIDUAL
from losscli.registry import Loss, definitions, get, loss
from losscli.render.gradcheck import comparison_text, laws_text
from tests.laws_support import DERIVED
from tests.support import Ran, put, run_any

Run = Callable[..., Ran]
Array = Any

VARIANTS = DERIVED
N = 40
RNG = np.random.default_rng(11)

# --- what a user would compute, written down from the formulas of the textbooks ---

P, T = RNG.normal(size=N) * 2, RNG.normal(size=N)
E = P - T
Z = RNG.normal(size=N) * 2
Y = RNG.integers(0, 2, N).astype(np.float64)
S = 1 / (1 + np.exp(-Z))
ZZ = RNG.normal(size=(N, 4)) * 2
SS = np.exp(ZZ) / np.exp(ZZ).sum(axis=1, keepdims=True)
LABELS = RNG.integers(0, 4, N)
ONE_HOT = np.eye(4)[LABELS]

CASES: dict[str, tuple[Array, Array, Array]] = {  # predictions, targets, gradient of the mean
    "mse": (P, T, 2 * E / N),
    "huber:delta=0.7": (P, T, np.clip(E, -0.7, 0.7) / N),
    "bce": (S, Y, (S - Y) / (S * (1 - S)) / N),
    "bce:form=logits": (Z, Y, (S - Y) / N),
    "cross_entropy:form=logits": (ZZ, LABELS, (SS - ONE_HOT) / N),
}


def _shuffled(g: Array) -> Array:
    return np.random.default_rng(3).permutation(g)


DISTORTIONS: dict[str, Callable[[Array], Array]] = {  # cause -> what makes it of the right gradient
    "equal": lambda g: g,
    "halved": lambda g: g / 2,
    "doubled": lambda g: g * 2,
    "negated": lambda g: -g,
    "sum": lambda g: g * N,
    "negated+sum": lambda g: -g * N,
    "divided": lambda g: g / N,
    "factor": lambda g: 0.3712 * g,
    "rows_reversed": lambda g: g[::-1],
    "rows_rotated": lambda g: np.roll(g, 3, axis=0),
    "unrelated": lambda g: np.random.default_rng(5).normal(size=g.shape) * np.abs(g).mean(),
}


def _causes(found: Comparison) -> str:
    return "+".join(finding.cause for finding in found.findings) or "equal"


def _named(spec: str, grad: Array, **roles: Any) -> str:
    return _causes(compare(get(spec), grad, **roles))


@pytest.fixture
def against(run: Run, here: Path) -> Callable[..., tuple[str, Ran]]:
    """Run the command on arrays; the causes that it names, and what it printed."""

    def compared(spec: str, pred: Array, target: Array, grad: Array, *args: str) -> tuple[str, Ran]:
        put(here, {"p.npy": pred, "t.npy": target, "g.npy": grad})
        ran = run("gradcheck", spec, "--against", "g.npy", "p.npy", "t.npy", *args)
        rows = [line.split("\t") for line in ran.stdout.splitlines()]
        return (dict(zip(*rows, strict=True))["result"] if rows else ""), ran

    return compared


@pytest.mark.parametrize("cause", DISTORTIONS)
@pytest.mark.parametrize("spec", CASES)
def test_a_distortion_is_named_on_the_command_line(spec: str, cause: str, against: Any) -> None:
    pred, target, grad = CASES[spec]
    found, ran = against(spec, pred, target, DISTORTIONS[cause](grad))
    assert (found, ran.code) == (cause, int(cause != "equal")), ran.stderr
    assert ran.stderr.startswith(f"losscli: error: g.npy against the gradient of {spec}: ") or not ran.code
    assert ran.stderr.count("\n") == ran.code


MATRICES = {
    "mse": (RNG.normal(size=(N, 3)), RNG.normal(size=(N, 3))),
    "cross_entropy:form=logits": (ZZ, LABELS),
}


@pytest.mark.parametrize("cause", ["transposed", "columns_reversed", "columns_permuted", "rows_permuted"])
@pytest.mark.parametrize("spec", MATRICES)
def test_another_order_of_a_matrix_is_named(spec: str, cause: str, against: Any) -> None:
    pred, target = MATRICES[spec]
    grad = 2 * (pred - target) / pred.size if spec == "mse" else CASES[spec][2]
    moved = {
        "transposed": grad.T,
        "columns_reversed": grad[:, ::-1],
        "columns_permuted": np.roll(grad, 1, axis=1),
        "rows_permuted": _shuffled(grad),
    }
    found, ran = against(spec, pred, target, moved[cause])
    assert (found, ran.code) == (cause, 1)


def test_a_matrix_divided_by_too_little_or_too_much_is_named(against: Any) -> None:
    pred, target = MATRICES["mse"]
    own = 2 * (pred - target)
    for cause, grad in {"equal": own / N / 3, "sum": own, "own": own / 3, "outputs": own / N}.items():
        assert against("mse", pred, target, grad)[0] == cause
    pred, target, grad = CASES["cross_entropy:form=logits"]
    assert against("cross_entropy:form=logits", pred, target, grad / 4)[0] == "columns"
    assert against("cross_entropy:form=logits", pred, target, grad * N / 4)[0] == "columns"


def test_the_factor_is_in_the_message(against: Any) -> None:
    pred, target, grad = CASES["mse"]
    _, ran = against("mse", pred, target, -grad * N / 2)
    assert "its sign is flipped; it is half as large" in ran.stderr
    assert "the sum, or each sample's own: not divided by N = 40 (factor -20.0)" in ran.stderr


@pytest.mark.parametrize(
    ("spec", "slopes", "said"),
    [
        ("mae", (-1.0, 1.0, 1.0), "0.025 at [4], expected 0.0"),
        ("mae", (-1.0, -1.0, 1.0), "-0.025 at [4], expected 0.0"),
        ("quantile:q=0.9", (-0.9, -0.9, 0.1), "-0.0225 at [4], expected 0.0024999999999999996"),
    ],
)
def test_another_slope_at_a_kink_is_named_with_its_place(
    spec: str, slopes: tuple[float, float, float], said: str, against: Any
) -> None:
    pred = P.copy()
    pred[[4, 9]] = T[[4, 9]]
    below, at, above = slopes
    found, ran = against(spec, pred, T, np.where(pred < T, below, np.where(pred == T, at, above)) / N)
    assert (found, ran.code) == ("kink", 1)
    assert f"it has another slope at 2 kinks, where the slope jumps: {said}" in ran.stderr


def test_the_corner_of_a_hinge_is_a_kink() -> None:
    target = np.where(Y > 0, 1.0, -1.0)
    score = np.where(np.arange(N) < 3, target, Z)
    grad = np.where(1 - target * score >= 0, -target, 0.0) / N
    assert _named("hinge", grad, pred=score, target=target) == "kink"


def test_a_kink_beside_a_factor_is_named(against: Any) -> None:
    pred = P.copy()
    pred[7] = T[7]
    found, _ = against("mae", pred, T, np.where(pred >= T, 1.0, -1.0))
    assert found == "kink+sum"


@pytest.mark.parametrize("spec", ["mse", "bce", "bce:form=logits", "cross_entropy:form=logits"])
def test_clipping_is_named_with_its_range(spec: str, against: Any) -> None:
    pred, target, grad = CASES[spec]
    end = float(np.quantile(np.abs(grad), 0.6))
    found, ran = against(spec, pred, target, np.clip(grad, -end, end))
    assert found == "clipped"
    assert f"clipped to [{-end!r}, {end!r}]" in ran.stderr
    assert _named(spec, np.minimum(grad, end), pred=pred, target=target) == "clipped"
    assert _named(spec, np.clip(grad, -end, end) * N, pred=pred, target=target) == "clipped+sum"


def test_half_of_softmax_minus_target_is_named(against: Any) -> None:
    for spec, pred, target, probs, truth in (
        ("cross_entropy:form=logits", ZZ, LABELS, SS, ONE_HOT),
        ("bce:form=logits", Z, Y, S, Y),
    ):
        assert against(spec, pred, target, probs / N)[0] == "no_target"
        assert against(spec, pred, target, probs)[0] == "no_target+sum"
        assert against(spec, pred, target, -truth / N)[0] == "only_target"


def test_another_form_is_named(against: Any) -> None:
    towards_probs = (S - Y) / (S * (1 - S)) / N
    assert against("bce:form=logits", Z, Y, towards_probs)[0] == "form"
    assert against("bce", S, Y, (S - Y) / N)[0] == "form"
    assert against("cross_entropy:form=logits", ZZ, LABELS, -ONE_HOT / SS / N)[0] == "form"
    found, ran = against("cross_entropy", SS, LABELS, (SS - ONE_HOT) / N)
    assert (found, "with respect to logits, not to the probabilities given" in ran.stderr) == ("form", True)
    again = np.exp(SS) / np.exp(SS).sum(axis=1, keepdims=True)
    found, ran = against("cross_entropy", SS, LABELS, (again - ONE_HOT) / N)
    assert (found, "it takes the probabilities for logits" in ran.stderr) == ("form", True)


def test_a_parameter_left_out_is_named(against: Any) -> None:
    found, ran = against("huber", P, T, np.clip(E, -1, 1) / N, "--delta", "0.7")
    assert (found, "it ignores delta=0.7: it has 1" in ran.stderr) == ("parameter", True)
    smooth = "cross_entropy:form=logits,label_smoothing=0.1"
    assert _named(smooth, (SS - ONE_HOT) / N, pred=ZZ, target=LABELS) == "parameter"


def test_the_gradient_of_another_loss_is_named() -> None:
    assert _named("huber", np.sign(E) / N, pred=P, target=T) == "loss"
    grads = losscli.evaluate("triplet", anchor=ZZ, positive=SS, negative=ONE_HOT, grad=True).results[0].gradient
    assert _named("triplet", grads["negative"], anchor=ZZ, positive=SS, negative=ONE_HOT) == "role"
    found = compare(get("triplet"), grads["negative"], of="negative", anchor=ZZ, positive=SS, negative=ONE_HOT)
    assert found.equal


WEIGHT = np.random.default_rng(2).integers(0, 4, N).astype(np.float64)
TOTAL = WEIGHT.sum()


@pytest.mark.parametrize(
    ("cause", "grad"),
    {
        "equal": 2 * E * WEIGHT / TOTAL,
        "sum": 2 * E * WEIGHT,
        "unweighted": 2 * E / N,
        "unweighted+halved": E / N,
        "unweighted+sum": 2 * E,
        "count": 2 * E * WEIGHT / N,
        "divided": 2 * E * WEIGHT / TOTAL**2,
    }.items(),
)
def test_what_weights_do_is_named(cause: str, grad: Array, run: Run, here: Path) -> None:
    put(here, {"g.npy": grad, "all.parquet": {"y_pred": P, "y": T, "w": WEIGHT}})
    ran = run("gradcheck", "mse", "--against", "g.npy", "all.parquet", "--weight-col", "w", "--json")
    found = json.loads(ran.stdout)
    assert "+".join(f["cause"] for f in found["findings"]) == ("" if cause == "equal" else cause)
    assert (found["equal"], ran.code) == (cause == "equal", int(cause != "equal"))


def test_rows_of_weight_0_have_gradient_0() -> None:
    grad = np.where(WEIGHT == 0, 1.0, 2 * E * WEIGHT / TOTAL)
    found = compare(get("mse"), grad, pred=P, target=T, weight=WEIGHT)
    assert (_causes(found), "all of weight 0" in found.verdict) == ("partly", True)


def test_a_few_wrong_entries_are_counted_and_placed(against: Any) -> None:
    pred, target, grad = CASES["mse"]
    wrong = grad.copy()
    wrong[[3, 20]] *= -1
    found, ran = against("mse", pred, target, wrong)
    assert found == "partly"
    assert "in 2 entries, in 2 of 40 rows (3, 20):" in ran.stderr
    assert "there its sign is flipped" in ran.stderr
    pred, target = MATRICES["mse"]
    wrong = 2 * (pred - target) / pred.size
    wrong[:, 1] *= 3.7
    assert "in 40 entries, in 1 of 3 columns (1):" in against("mse", pred, target, wrong)[1].stderr


def test_entries_that_are_no_numbers_come_first(against: Any) -> None:
    pred, target, grad = CASES["mse"]
    for bad in (np.nan, np.inf):
        wrong = grad / 2
        wrong[[4, 6]] = bad
        found, ran = against("mse", pred, target, wrong)
        assert found == "nonfinite+halved"
        assert f"2 entries are infinite or NaN: {bad} at [4], expected" in ran.stderr
    wrong = grad.copy()
    wrong[4] = np.nan
    assert against("mse", pred, target, wrong)[0] == "nonfinite"


def test_an_infinite_gradient_is_equal_to_itself_only() -> None:
    pred, target = np.array([0.0, 0.5, 0.2, 0.4, 0.3]), np.array([1.0, 1.0, 0.0, 1.0, 0.0])
    grad = losscli.evaluate("bce", pred=pred, target=target, grad=True).results[0].gradient
    assert grad[0] == -np.inf
    assert _named("bce", grad, pred=pred, target=target) == "equal"
    clamped = np.where(np.isinf(grad), -1e12, grad)
    assert _named("bce", clamped, pred=pred, target=target) == "partly"


def test_rounding_is_no_difference() -> None:
    """The naive σ(z) - y in float32 and float64, at logits where its digits cancel."""
    z = np.linspace(-30, 30, 61)
    y = (z > 0).astype(np.float64)
    for dtype in (np.float32, np.float64):
        naive = (1 / (1 + np.exp(-z.astype(dtype))) - y.astype(dtype)) / dtype(len(z))
        assert naive.dtype == dtype
        assert _named("bce:form=logits", naive, pred=z, target=y) == "equal"


def test_more_than_rounding_is_near_or_allowed_for(against: Any) -> None:
    pred, target, grad = CASES["mse"]
    near = grad * (1 + 2e-5 * np.sin(np.arange(N)))
    found, ran = against("mse", pred, target, near)
    assert (found, "2.0e-05, beyond --rtol 1e-06" in ran.stderr) == ("near", True)
    assert against("mse", pred, target, near, "--rtol", "1e-4")[0] == "equal"
    assert against("mse", pred, target, near.astype(np.float32))[0] == "equal"


def test_few_rows_leave_several_meanings_and_all_are_said() -> None:
    found = compare(get("mse"), [2.0, 4.0], pred=[1.0, 2.0], target=[0.0, 0.0])
    assert "twice as large" in found.verdict
    assert ", or it is the gradient of the sum" in found.verdict


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("spec", ["mse", "mae", "bce", "huber:delta=0.7", "cross_entropy", "cross_entropy:form=logits"])
def test_no_cause_is_made_up(spec: str, seed: int) -> None:
    """Random numbers, and our own numbers with random signs, are no relation of ours."""
    kind, rng = get(spec).kind, np.random.default_rng(seed)
    roles = dict(zip(kind.role_names, kind.sample(rng, get(spec).params, 12, 3), strict=True))
    ours = losscli.evaluate(spec, **roles, grad=True).results[0].gradient
    flipped = np.abs(ours).ravel()[rng.permutation(ours.size)].reshape(ours.shape)
    for grad in (rng.normal(size=ours.shape), flipped * rng.choice([-1.0, 1.0, 3.1], size=ours.shape)):
        found = compare(get(spec), grad, **roles)
        assert _causes(found) == "unrelated"
        assert "correlation" in found.verdict
        assert str(found.largest) in found.verdict


def test_all_zeros_are_named_and_may_be_right() -> None:
    assert _named("mse", np.zeros(N), pred=P, target=T) == "zero"
    assert _named("mse", np.zeros(N), pred=P, target=P) == "equal"


def test_csv_and_parquet_columns(run: Run, here: Path) -> None:
    grad = CASES["mse"][2]
    rows = "".join(f"{i},{g!r}\n" for i, g in enumerate(grad.tolist()))
    put(here, {"g.csv": f"id,g\n{rows}", "all.parquet": {"y_pred": P, "y": T}, "g.parquet": {"a": grad, "b": grad / 2}})
    assert run("gradcheck", "mse", "--against", "g.csv", "--grad-col", "g", "all.parquet").code == 0
    assert run("gradcheck", "mse", "--against", "g.parquet", "--grad-col", "a", "all.parquet").code == 0
    ran = run("gradcheck", "mse", "--against", "g.parquet", "--grad-col", "b", "all.parquet")
    assert (ran.code, "half as large" in ran.stderr) == (1, True)
    ran = run("gradcheck", "mse", "--against", "g.csv", "all.parquet")
    assert (ran.code, "which column is grad? say --grad-col" in ran.stderr, ran.stdout) == (2, True, "")


def test_what_eval_writes_is_equal(run: Run, here: Path) -> None:
    put(here, {"p.npy": ZZ, "t.npy": LABELS, "v.npy": np.exp(P), "a.npy": P, "b.npy": T})
    for suffix in ("npy", "csv", "parquet"):
        asked = ("--form", "logits", "p.npy", "t.npy")
        assert run("eval", "-l", "cross_entropy", *asked, "--grad-out", f"g.{suffix}").code == 0
        assert run("gradcheck", "cross_entropy", *asked, "--against", f"g.{suffix}").code == 0
    files = ("a.npy", "b.npy", "--input", "variance=v.npy")
    assert run("eval", "-l", "gaussian_nll", *files, "--grad-out", "g.npy").code == 0
    assert run("gradcheck", "gaussian_nll", "--against", "g.npy", *files).code == 0


def test_a_gradient_or_predictions_may_come_from_a_pipe(run: Run, here: Path) -> None:
    put(here, {"p.npy": P, "t.npy": T, "g.npy": CASES["mse"][2]})
    grad, pred = (here / "g.npy").read_bytes(), (here / "p.npy").read_bytes()
    assert run("gradcheck", "mse", "--against", "-", "p.npy", "t.npy", stdin=grad).code == 0
    assert run("gradcheck", "mse", "--against", "g.npy", "-", "t.npy", stdin=pred).code == 0


def test_what_does_not_fit_is_refused(run: Run, here: Path) -> None:
    put(here, {"p.npy": P, "t.npy": T, "g.npy": np.zeros(7), "flat.npy": np.zeros(N * 4), "z.npy": ZZ, "y.npy": LABELS})
    ran = run("gradcheck", "mse", "--against", "g.npy", "p.npy", "t.npy")
    said = "g.npy: shape (7,), but the gradient of mse with respect to pred has shape (40,)"
    assert ran == Ran("", f"losscli: error: {said}\n", 3)
    ran = run("gradcheck", "cross_entropy:form=logits", "--against", "flat.npy", "z.npy", "y.npy")
    assert (ran.code, "it is flat: give it that shape first" in ran.stderr) == (3, True)
    assert run("gradcheck", "mse", "--against", "none.npy", "p.npy", "t.npy").code == 3
    assert run("gradcheck", "bce", "--against", "g.npy", "p.npy", "t.npy").code == 3


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["mse", "p.npy"], "files and their options are for --against GRAD"),
        (["mse", "--against", "g.npy"], "--against g.npy needs the files that it is the gradient for: pred, target"),
        (["mse", "--against", "g.npy", "a", "b", "c"], "mse takes 2 files (pred, target), 3 are given"),
        (["mse", "--against", "-", "-", "b"], "'-' is standard input, which can be one file only"),
        (["mse", "--against", "g.npy", "--of", "left", "a", "b"], "mse has no prediction 'left'; it has pred"),
        (["mse", "--against", "g.npy", "--rtol", "x", "a", "b"], "--rtol: 'x' is not a number"),
        (["mse", "--against", "g.npy", "--rtol", "1", "a", "b"], "rtol 1.0: it is at least 0 and below 1"),
        (["mse", "--delta", "2"], "--delta belongs to "),
        (["mse + mae"], "'mse + mae' is no single loss: check the terms of a sum one by one"),
        (["msee"], "unknown loss 'msee'; did you mean 'mse'?"),
        (["mse", "--json", "--format", "plain"], "--json and --format plain exclude one another"),
    ],
)
def test_usage_errors(args: list[str], said: str, run: Run) -> None:
    ran = run("gradcheck", *args)
    assert (ran.stdout, ran.code) == ("", 2)
    assert ran.stderr.startswith(f"losscli: error: {said}")


def test_python_refuses_what_the_command_line_refuses() -> None:
    with pytest.raises(UsageError, match="mse takes pred, target, not variance"):
        compare(get("mse"), P, pred=P, target=T, variance=P)
    with pytest.raises(InputError, match="every row has weight 0"):
        compare(get("mse"), P, pred=P, target=T, weight=np.zeros(N))


# --- the laws ---


@pytest.mark.parametrize("spec", VARIANTS)
def test_every_loss_keeps_every_law(spec: str) -> None:
    laws = check(get(spec))
    assert [law.message for law in laws if not law.passed] == []
    assert {law.name for law in laws} == NAMES
    assert all(4 * law.skipped <= law.checked for law in laws)


NAMES = {
    "gradient",
    "hessian",
    "value gradient",
    "value hessian",
    "finite",
    "integer weight",
    "zero weight",
    "row order",
    "blocks",
    "text",
}


def test_the_command_prints_a_line_a_law(run: Run) -> None:
    ran = run("gradcheck", "huber", "--delta", "0.3")
    header, *rows = (line.split("\t") for line in ran.stdout.splitlines())
    assert (ran.code, ran.stderr) == (0, "")
    assert header[:7] == ["loss", "law", "of", "result", "checked", "skipped", "deviation"]
    assert {row[1] for row in rows} == NAMES
    assert {(row[0], row[3]) for row in rows} == {("huber:delta=0.3", "passed")}


def test_a_bare_name_is_tried_with_its_variants(run: Run) -> None:
    found = json.loads(run("gradcheck", "HuberLoss", "--json").stdout)
    assert found["passed"]
    assert {law["loss"] for law in found["laws"]} == {"huber", *definitions()["huber"].also}
    assert [str(one) for one in subjects("huber:delta=2", {})] == ["huber:delta=2"]
    assert [str(one) for one in subjects("huber", {"delta": "2"})] == ["huber:delta=2"]


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    definitions()
    for name in ("_definitions", "_spellings"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))


def _huber(e: Array, delta: float) -> list[Array]:
    inner = np.abs(e) <= delta
    line = delta * (np.abs(e) - delta / 2)
    return [np.where(inner, e * e / 2, line), np.clip(e, -delta, delta), inner.astype(np.float64)]


def _broken(made: Callable[[Array], list[Array]], **options: Any) -> Loss:
    def broken(pred: Array, target: Array) -> Any:
        yield from made(pred - target)

    loss(options.pop("kind", RESIDUAL), task="regression", **options)(broken)
    return get("broken")


def _failing(found: Loss) -> set[str]:
    return {law.name for law in check(found) if not law.passed}


@pytest.mark.usefixtures("registered")
def test_each_fault_breaks_its_law() -> None:
    value, slope, curvature = _huber, lambda e: np.clip(e, -1, 1), lambda e: 2 * _huber(e, 0.3)[2]
    assert _failing(_broken(lambda e: value(e, 0.3))) == set()
    ignores_delta = _failing(_broken(lambda e: [value(e, 0.3)[0], slope(e), value(e, 0.3)[2]]))
    assert {"gradient", "value gradient"} <= ignores_delta <= {"gradient", "hessian", "value gradient", "value hessian"}
    assert _failing(_broken(lambda e: [*value(e, 0.3)[:2], curvature(e)])) == {"hessian", "value hessian"}
    assert _failing(_broken(lambda e: [e * e, 2 * e + 1e-6, 2 + 0 * e])) == {"gradient", "value gradient"}
    assert _failing(_broken(lambda e: [e * e, 2 * e * np.where(e > 3, np.nan, 1), 2 + 0 * e])) >= {"gradient", "finite"}


@pytest.mark.usefixtures("registered")
def test_a_loss_that_looks_at_its_neighbours_breaks_the_laws_of_rows() -> None:
    centred = _failing(_broken(lambda e: [(e - e.mean()) ** 2, 2 * (e - e.mean()), 2 + 0 * e]))
    assert {"integer weight", "blocks", "value gradient"} <= centred

    def place(e: Array) -> Array:
        return np.arange(1.0, len(e) + 1).reshape(-1, *[1] * (e.ndim - 1))

    ordered = _failing(_broken(lambda e: [place(e) * e, place(e) + 0 * e, 0 * e]))
    assert ordered == {"integer weight", "row order", "blocks"}


@pytest.mark.usefixtures("registered")
def test_a_derivative_of_another_shape_is_a_failure() -> None:
    laws = check(_broken(lambda e: [e * e, 2 * e.reshape(len(e), -1)[:, 0], 2 + 0 * e]))
    assert laws[0].message == "broken: gradient of pred: the gradient has shape (40,), expected (40, 3)"


@pytest.mark.usefixtures("registered")
def test_a_wrong_end_of_an_aggregate_breaks_the_laws_of_its_value() -> None:
    def squares(e: Array) -> list[Any]:
        return [(e * e,), (2 * e,), (2 + 0 * e,)]

    def root(sums: Any, divisor: Any) -> Any:
        value = float(sums[0] / divisor) ** 0.5
        yield value
        yield (1 / value / float(divisor),)  # a half is missing
        yield [(-1 / (value * float(divisor) ** 2), (0.5 / value,), (0.5 / value,))]

    assert _failing(_broken(squares, finish=root)) == {"value gradient", "value hessian"}


@pytest.mark.usefixtures("registered")
def test_points_on_a_kink_are_skipped_and_counted() -> None:
    def sample(rng: Any, params: Mapping[str, Any], n: int, outputs: int) -> list[Array]:
        pred, target = RESIDUAL.sample(rng, params, n, outputs)
        return [np.where(np.arange(pred.size).reshape(pred.shape) % 4 == 0, target, pred), target]

    kind = RESIDUAL._replace(sample=sample)
    found = _broken(lambda e: [np.abs(e), np.where(e >= 0, 1.0, -1.0), 0 * e], kind=kind)
    gradient = next(law for law in check(found) if law.name == "gradient")
    assert (gradient.passed, gradient.skipped) == (True, 40)
    everywhere = RESIDUAL._replace(sample=lambda *args: [np.zeros(RESIDUAL.sample(*args)[0].shape)] * 2)
    gradient = check(_broken(lambda e: [np.abs(e), np.where(e >= 0, 1.0, -1.0), 0 * e], kind=everywhere))[0]
    assert (gradient.passed, gradient.note) == (False, "only 0 of 40 points are smooth enough to check")


BROKEN = """
import sys
import numpy as np
from losscli.cli.app import run
from losscli.kinds import RESIDUAL
from losscli.registry import loss

@loss(RESIDUAL, task="regression")
def broken(pred, target):
    e = pred - target
    yield e * e
    yield 3 * e
    yield 3 + 0 * e

sys.exit(run(sys.argv[1:]))
"""


def test_a_broken_loss_fails_on_the_command_line(here: Path) -> None:
    (here / "broken.py").write_text(BROKEN)
    ran = run_any([sys.executable, "broken.py", "gradcheck", "broken"], b"", here, None)
    rows = [line.split("\t") for line in ran.stdout.splitlines()]
    assert ran.code == 1
    assert [row[1] for row in rows if row[3] == "failed"] == ["gradient", "value gradient"]
    first = ran.stderr.splitlines()[0]
    assert first.startswith("losscli: error: broken: gradient of pred: ")
    place = ", ".join(filter(None, rows[1][7:9]))
    assert f"{rows[1][9]} at [{place}], expected {rows[1][10]}" in first


def test_tables_say_it_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    laws = laws_text(check(get("mse")), "table")
    assert "passed" in laws
    assert "expected" not in laws
    found = comparison_text(compare(get("mse"), -2 * E / N, pred=P, target=T), "table")
    assert "negated" in found
    assert "\n  its sign is flipped\n" in found


def test_json_holds_what_numbers_cannot() -> None:
    grad = np.where(np.arange(N) == 5, np.nan, CASES["mse"][2])
    found = json.loads(comparison_text(compare(get("mse"), grad, pred=P, target=T), "json"))
    assert (found["largest"]["row"], found["largest"]["found"]) == (5, "NaN")
    assert (found["schema"], found["equal"], found["findings"][0]["cause"]) == (1, False, "nonfinite")
