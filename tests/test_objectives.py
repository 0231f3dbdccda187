"""Sums of losses: how they are written, their values, derivatives and samples, and what is said of them."""

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import losscli
from losscli.objectives import Objective, parse
from losscli.registry import definitions, get
from losscli.render import render
from losscli.results import Result
from tests.support import Ran, column, put

Run = Callable[..., Ran]

VARIANTS = [spec for d in definitions().values() for spec in (d.name, *d.also)]
FILES = {"p.csv": column("y_pred", [1, 2, 5]), "t.csv": column("y", [1, 4, 2])}
P, T = [1.0, 2.0, 5.0], [1.0, 4.0, 2.0]


@pytest.fixture
def folder(here: Path) -> Path:
    put(here, FILES)
    return here


def evaluated(loss: Any, arrays: Any, **options: Any) -> Result:
    return losscli.evaluate(loss, **arrays, **options).results[0]


# Text

FACTORS = st.floats(allow_nan=False, allow_infinity=False).filter(bool) | st.sampled_from([1.0, -1.0, 0.5, -2.0, 1e200])
OBJECTIVES = st.lists(st.tuples(FACTORS, st.sampled_from(VARIANTS).map(get)), min_size=1, max_size=5).map(
    lambda terms: Objective(tuple(terms))
)


@given(OBJECTIVES)
def test_text_brings_an_objective_back(objective: Objective) -> None:
    """To the last bit of its factors."""
    again = parse([str(objective)])[0]
    assert again == objective
    assert str(again) == str(objective)
    assert [f.hex() for f, _ in again.terms] == [f.hex() for f, _ in objective.terms]


CANONICAL = {
    "mse": "mse",
    "1 * mse": "mse",
    "1.0 * mse": "mse",
    "  mse   +   mae ": "mse + mae",
    "MSE + 2 * MeanAbsoluteError": "mse + 2 * mae",
    "mse + 1 * mae": "mse + mae",
    "mse - 0.50 * mae": "mse - 0.5 * mae",
    "mse + -0.5 * mae": "mse - 0.5 * mae",
    "mse - -0.5 * mae": "mse + 0.5 * mae",
    "-0.5 * mse + mae": "-0.5 * mse + mae",
    "-1 * mse": "-1 * mse",
    "+2 * mse": "2 * mse",
    "2e3 * mse": "2000 * mse",
    "1e+200 * mse": "1e200 * mse",
    ".5 * mse": "0.5 * mse",
    "huber:delta=1 + 0.1 * smooth_l1:beta=0.5,variant=standard": "huber + 0.1 * smooth_l1:beta=0.5",
    "CrossEntropyLoss + brier": "cross_entropy:form=logits + brier",
    "mse + mse": "mse + mse",
}


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_text(text: str) -> None:
    assert str(parse([text])[0]) == CANONICAL[text]


HOW = "write a sum of losses as 'dice + 0.5 * bce', with spaces round + and *"
WRONG = {
    "": HOW,
    "   ": HOW,
    "mse + ": HOW,
    "+ mse": HOW,
    "- mse": HOW,
    "mse + + mae": HOW,
    "mse mae": HOW,
    "2 mse": HOW,
    "2 * 3 * mse": HOW,
    "2 *": HOW,
    "0 * mse": "the factor '0' is not a finite number other than 0",
    "mse + -0.0 * mae": "the factor '-0.0' is not a finite number other than 0",
    "1e-400 * mse": "the factor '1e-400' is not a finite number other than 0",
    "inf * mse": "the factor 'inf' is not a finite number other than 0",
    "1e400 * mse": "the factor '1e400' is not a finite number other than 0",
    "nan * mse": "the factor 'nan' is not a finite number other than 0",
    "mse * 2": "the factor 'mse' is not a finite number other than 0",
    "0x2 * mse": "the factor '0x2' is not a finite number other than 0",
    "1_0 * mse": "the factor '1_0' is not a finite number other than 0",
    "½ * mse": "the factor '½' is not a finite number other than 0",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_expressions(text: str) -> None:
    with pytest.raises(losscli.UsageError) as refused:
        parse([text])
    assert str(refused.value) == f"'{text}': {WRONG[text]}"


@pytest.mark.parametrize(
    "text", ["mse+mae", "0.5*mse", "mse +mae", "mse+ mae", "2* mse", "2 *mse", "mse:delta=1 + mae"]
)
def test_expressions_without_spaces_and_unknown_losses(text: str) -> None:
    with pytest.raises(losscli.UsageError):
        parse([text])


@pytest.mark.parametrize("text", ["mse + + mae", "0 * mse", "mse+mae"])
def test_wrong_expressions_are_2(text: str, run: Run, folder: Path) -> None:
    ran = run("eval", "-l", text, "p.csv", "t.csv")
    assert (ran.stdout, ran.code, ran.stderr.count("\n")) == ("", 2, 1)
    assert text in ran.stderr


# Values

NUMBERS = {"pred": np.random.default_rng(1).normal(size=40) * 3, "target": np.random.default_rng(2).normal(size=40)}
OUTPUTS = {role: a.reshape(10, 4) for role, a in NUMBERS.items()}
SHARES = {"pred": np.random.default_rng(3).random(40), "target": np.random.default_rng(4).integers(0, 2, 40)}
CLASSES = {
    "pred": np.random.default_rng(5).dirichlet([1, 1, 1], 20),
    "target": np.random.default_rng(6).integers(0, 3, 20),
}
VECTORS = {
    "left": np.random.default_rng(7).normal(size=(20, 2)),
    "right": np.random.default_rng(8).normal(size=(20, 2)),
    "label": np.random.default_rng(9).integers(0, 2, 20),
}
SUMS = {
    "numbers": ("mse + 0.5 * mae", NUMBERS),
    "outputs": ("0.25 * huber:delta=0.3 - 2 * log_cosh", OUTPUTS),
    "one with a factor": ("-3 * mae", NUMBERS),
    "three": ("mse + mae + 0.1 * quantile:q=0.9", OUTPUTS),
    "one twice": ("mse + 0.5 * mse", NUMBERS),
    "classes": ("cross_entropy + 0.5 * brier", CLASSES),
    "vectors": ("contrastive + 2 * contrastive:margin=3", VECTORS),
    "shares": ("bce - 0.5 * brier", SHARES),
}
AGGREGATES = {
    "aggregate first": ("rmse + 0.5 * mae", NUMBERS),
    "aggregate last": ("0.5 * mae - rmse", OUTPUTS),
    "overlap": ("dice + 0.5 * bce", SHARES),
    "two": ("rmse + dice:smooth=1", SHARES),
    "one with a factor": ("2 * rmse", NUMBERS),
}
ALL = {**SUMS, **{f"{name}, aggregate": case for name, case in AGGREGATES.items()}}
every_sum = pytest.mark.parametrize("name", SUMS)
every_objective = pytest.mark.parametrize("name", ALL)


def weights(arrays: Any) -> Any:
    return np.random.default_rng(10).integers(0, 4, len(next(iter(arrays.values())))) / 4


def reductions(name: str) -> tuple[str, ...]:
    return ("mean",) if name not in SUMS else ("mean", "sum")


@every_objective
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_the_value_is_the_sum_of_the_terms(name: str, weighted: bool) -> None:
    text, arrays = ALL[name]
    options: Any = {"weight": weights(arrays)} if weighted else {}
    for reduction in reductions(name):
        found = evaluated(text, arrays, reduction=reduction, **options)
        terms = parse([text])[0].terms
        alone = [evaluated(loss, arrays, reduction=reduction, **options).value for _, loss in terms]
        assert [(t.loss, t.factor, t.value) for t in found.terms] == [
            (str(loss), factor, value) for (factor, loss), value in zip(terms, alone, strict=True)
        ]
        parts = [Fraction(f) * Fraction(value) for (f, _), value in zip(terms, alone, strict=True)]
        size = float(sum(map(abs, parts)))
        assert found.value == pytest.approx(float(sum(parts)), abs=4e-15 * size, rel=0)


@every_objective
def test_the_size_of_blocks_does_not_change_a_bit(name: str) -> None:
    text, arrays = ALL[name]
    weight = weights(arrays)
    wanted = evaluated(text, arrays, weight=weight, grad=True, hess=True)
    for block in (1, 7):
        found = evaluated(text, arrays, weight=weight, grad=True, hess=True, block=block)
        assert (found.value, found.std, found.min, found.max) == (wanted.value, wanted.std, wanted.min, wanted.max)
        for word in ("gradients", "hessians"):
            for role, derivative in getattr(wanted, word).items():
                np.testing.assert_array_equal(getattr(found, word)[role].values, derivative.values)


@every_sum
def test_spread_of_a_sum_is_that_of_its_samples(name: str) -> None:
    text, arrays = SUMS[name]
    weight = weights(arrays)
    losses = sum(f * loss.value(*arrays.values()) for f, loss in parse([text])[0].terms)[weight > 0]
    found = evaluated(text, arrays, weight=weight)
    mean = np.average(losses, weights=weight[weight > 0])
    assert (found.min, found.max) == pytest.approx((losses.min(), losses.max()), rel=1e-14)
    assert found.std == pytest.approx(np.average((losses - mean) ** 2, weights=weight[weight > 0]) ** 0.5, rel=1e-12)
    assert (found.n, found.weight) == ((weight > 0).sum(), weight.sum())


@pytest.mark.parametrize("name", AGGREGATES)
def test_a_sum_with_an_aggregate_has_no_spread_and_no_sum(name: str) -> None:
    text, arrays = AGGREGATES[name]
    found = evaluated(text, arrays, distribution=True)
    assert (found.std, found.min, found.max, found.quantiles) == (None, None, None, {})
    for reduction in ("sum", "none"):
        with pytest.raises(losscli.UsageError, match=r"is an aggregate: it has one value, of --reduction mean only"):
            evaluated(text, arrays, reduction=reduction)


@every_sum
def test_the_mean_times_the_weight_is_the_sum(name: str) -> None:
    """mean · D · Σw = sum, with the `outputs` and `weight` of the report."""
    text, arrays = SUMS[name]
    mean, total = (evaluated(text, arrays, reduction=r, weight=weights(arrays)) for r in ("mean", "sum"))
    assert mean.value * mean.outputs * mean.weight == pytest.approx(total.value, rel=1e-12)


# Derivatives


@every_objective
def test_derivatives_add(name: str) -> None:
    text, arrays = ALL[name]
    for reduction in (*reductions(name), *(["none"] if name in SUMS else [])):
        options: Any = {"reduction": reduction, "weight": weights(arrays), "grad": True, "hess": True}
        found = evaluated(text, arrays, **options)
        terms = [(f, evaluated(loss, arrays, **options)) for f, loss in parse([text])[0].terms]
        for word in ("gradients", "hessians"):
            for role, derivative in getattr(found, word).items():
                parts = [factor * getattr(one, word)[role].values for factor, one in terms]
                slack = 4e-15 * max(np.abs(part).max() for part in parts)
                np.testing.assert_allclose(derivative.values, sum(parts), rtol=0, atol=slack)


def test_derivatives_of_a_sum_to_files(here: Path) -> None:
    found = evaluated("mse + 0.5 * mae", {"pred": P, "target": T}, grad=True, grad_out="g.npy", hess_out="h.npy")
    assert np.load("g.npy").tolist() == found.gradient.tolist() == [0.0, -4 / 3 - 1 / 6, 2 + 1 / 6]
    assert np.load("h.npy").tolist() == [2 / 3] * 3


# What is said of them

TOTAL = 15.5 / 3  # summed exactly and divided once
SUM = ("eval", "-l", "mse + 0.5 * mae", "p.csv", "t.csv")


def test_terms_in_json(run: Run, folder: Path) -> None:
    result = json.loads(run(*SUM, "--json").stdout)["results"][0]
    assert result == {
        "loss": "mse + 0.5 * mae",
        "name": "mse + 0.5 * mae",
        "params": {},
        "reduction": "mean",
        "value": TOTAL,
        "n": 3,
        "weight": 3.0,
        "outputs": 1,
        "std": result["std"],
        "min": 0.0,
        "max": 10.5,
        "p50": 5.0,
        "p90": 10.5,
        "p99": 10.5,
        "signature": f"mse + 0.5 * mae|mean|w:none|missing:error|n:3|v:{losscli.__version__}",
        "terms": [
            {"loss": "mse", "factor": 1.0, "value": 4.333333333333333},
            {"loss": "mae", "factor": 0.5, "value": 1.6666666666666667},
        ],
    }
    assert result["std"] == pytest.approx(np.std([0.0, 5.0, 10.5]), rel=1e-15)


@pytest.mark.parametrize("form", ["plain", "csv", "markdown"])
@pytest.mark.parametrize("text", ["mse + 0.5 * mae", "-0.5 * mse", "mae - 2 * mse"])
def test_a_row_has_the_value_of_the_loss_it_names(form: str, text: str) -> None:
    arrays: Any = {"pred": P, "target": T}
    lines = render(losscli.evaluate(text, **arrays), form).replace("\\*", "*").splitlines()
    rows = [re.split(r"\t|,| ?\| ?", line.strip("| ")) for line in lines if "---" not in line]
    assert rows[0] == ["loss", "reduction", "value", "n", "weight"]
    assert rows[-1][0].lstrip("'") == text
    for name, reduction, value, n, weight in rows[1:]:
        assert float(value) == pytest.approx(evaluated(name.lstrip("'"), arrays).value, rel=1e-15), name
        assert (reduction, n, weight) == ("mean", "3", "3.0")


def test_a_sum_beside_a_loss_in_plain(run: Run, folder: Path) -> None:
    rows = run(*SUM, "-l", "rmse", "--grad").stdout.splitlines()
    cells = [row.split("\t") for row in rows]
    assert [len(row) for row in cells] == [8] * 5
    assert [row[0] for row in cells[1:]][-2:] == ["mse + 0.5 * mae", "rmse"]
    assert [float(row[2]) for row in cells[-2:]] == [TOTAL, 2.0816659994661326]
    assert cells[1][5:] == cells[2][5:] == ["", "", ""]


def test_the_bare_value_is_the_total(run: Run, folder: Path) -> None:
    assert run(*SUM, "-l", "mae", "--format", "value") == Ran(f"{TOTAL!r}\n1.6666666666666667\n", "", 0)


def test_terms_in_a_table(run: Run, folder: Path) -> None:
    lines = run(*SUM, "--format", "table", env={"COLUMNS": "150"}).stdout.splitlines()
    assert len(lines) == 6
    assert lines[3].split()[:1] == ["mse"]
    assert "mae" in lines[4].split()
    assert lines[5].startswith("mse + 0.5 * mae  ")
    assert repr(TOTAL) in lines[5].split()


def test_columns_of_a_table_stand_in_their_usual_order(run: Run, folder: Path) -> None:
    header = run(*SUM, "--format", "table", env={"COLUMNS": "150"}).stdout.splitlines()[1]
    assert header.split() == ["loss", "reduction", "value", "n", "std", "min", "max", "p50", "p90", "p99"]


@pytest.mark.parametrize(("gate", "code"), [("5.2", 0), ("5.1", 1), ("4.5", 1)])
def test_gates_are_on_the_total(gate: str, code: int, run: Run, folder: Path) -> None:
    ran = run(*SUM, "--format", "value", "--max", gate)
    assert (ran.stdout, ran.code) == (f"{TOTAL!r}\n", code)
    assert ran.stderr.startswith(f"losscli: error: mse + 0.5 * mae is {TOTAL!r}, above --max {gate} by ") == bool(code)


def test_an_infinite_term_is_4(run: Run, here: Path) -> None:
    put(here, {"b.csv": "y_pred,y\n0,1\n0.5,1\n"})
    ran = run("eval", "-l", "brier + 0.5 * bce", "b.csv", "--format", "value")
    message = "1 of 2 samples have such a loss, the first in data row 0 (counted from 0); --clip 1e-15 bounds it"
    assert ran == Ran("inf\n", f"losscli: error: brier + 0.5 * bce is inf: {message}\n", 4)


def test_infinite_terms_that_cancel_are_4_without_a_warning(run: Run, here: Path) -> None:
    put(here, {"b.csv": "y_pred,y\n0,1\n0.5,1\n"})
    ran = run("eval", "-l", "bce - bce", "b.csv", "--format", "value")
    message = "1 of 2 samples have such a loss, the first in data row 0 (counted from 0); --clip 1e-15 bounds it"
    assert ran == Ran("nan\n", f"losscli: error: bce - bce is nan: {message}\n", 4)


# Options, several losses


def value(run: Run, *args: str) -> str:
    ran = run("eval", "p.csv", "t.csv", "--format", "json", *args)
    assert (ran.stderr, ran.code) == ("", 0)
    return " | ".join(result["loss"] for result in json.loads(ran.stdout)["results"])


def test_an_option_goes_to_each_loss_that_has_it(run: Run, folder: Path) -> None:
    found = value(run, "-l", "huber + 0.5 * smooth_l1 + mse", "-l", "huber", "--delta", "2", "--beta", "3")
    assert found == "huber:delta=2 + 0.5 * smooth_l1:beta=3 + mse | huber:delta=2"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("huber:delta=3 + mse", "--delta", "2"), "huber: delta is given twice"),
        (("mse + mae", "--delta", "2"), "--delta belongs to huber, pseudo_huber, not to mse, mae"),
    ],
)
def test_options_that_are_refused(args: tuple[str, ...], message: str, run: Run, folder: Path) -> None:
    assert run("eval", "p.csv", "t.csv", "-l", *args) == Ran("", f"losscli: error: {message}\n", 2)


TWICE = [("mse", "l2"), ("mse", "1 * mse"), ("mse + mae", "mse  +  1 * l1"), ("huber", "mae", "huber:delta=1.0")]


@pytest.mark.parametrize("losses", TWICE, ids=" and ".join)
def test_a_loss_asked_for_twice(losses: tuple[str, ...]) -> None:
    name = str(parse([losses[0]])[0])
    with pytest.raises(losscli.UsageError) as refused:
        losscli.evaluate(losses, pred=P, target=T)
    assert str(refused.value) == f"{name} is asked for twice"


OF_TOKENS = "pred, target, token_mask, pred_lengths"
DIFFERENT = {
    ("mse + 0.5 * contrastive",): "mse takes pred, target; contrastive takes {contrastive}",
    ("token_nll", "bits_per_byte"): f"token_nll takes {OF_TOKENS}; bits_per_byte also takes bytes",
    ("bits_per_byte", "token_nll"): f"bits_per_byte takes {OF_TOKENS}, bytes; token_nll takes {OF_TOKENS}",
}


@pytest.mark.parametrize("losses", DIFFERENT, ids=" and ".join)
def test_losses_of_different_roles(losses: tuple[str, ...], run: Run, folder: Path) -> None:
    said = DIFFERENT[losses].format(contrastive=", ".join(get("contrastive").kind.role_names))
    ran = run("eval", "p.csv", "t.csv", *(word for loss in losses for word in ("-l", loss)))
    assert ran == Ran("", f"losscli: error: {said}: evaluate them one by one\n", 2)


def test_the_order_of_the_terms_does_not_matter() -> None:
    arrays = {"pred": CLASSES["pred"][:4], "target": np.array(["0", "2", "1", "1"])}
    one, other = (evaluated(text, arrays).value for text in ("brier + cross_entropy", "cross_entropy + brier"))
    assert one == other


def test_python_takes_objectives_texts_and_losses() -> None:
    arrays: Any = {"pred": P, "target": T}
    total = evaluated("mse + 0.5 * mae", arrays).value
    assert evaluated(Objective(((1.0, get("mse")), (0.5, get("mae")))), arrays).value == total == TOTAL
    report = losscli.evaluate(["mse + 0.5 * mae", get("mse"), "2 * mae"], **arrays)
    assert [result.loss for result in report.results] == ["mse + 0.5 * mae", "mse", "2 * mae"]
    assert [result.value for result in report.results] == [TOTAL, 13 / 3, 10 / 3]
