"""Quantiles and the histogram of the samples' losses: exact, whatever is held in memory and however rows are cut."""

import gc
import json
import os
import pty
import re
import subprocess
import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import losscli
from losscli.distribution import LEVELS, Distribution
from losscli.registry import definitions
from tests import support
from tests.support import Ran, column, command, put

Run = Callable[..., Ran]
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of those made here, not by a report

INF, NAN = np.inf, np.nan
HELD = (1, 2, 7, 1000)  # few enough that losses go to a file and are found in several passes, and enough
every_held = pytest.mark.parametrize("held", HELD)


def distribution(losses: Any, weights: Any = None, held: int = 1000, block: int = 3) -> Distribution:
    """What has taken the losses in blocks."""
    found = Distribution(held)
    values = np.array(losses, dtype=np.float64)
    for start in range(0, len(values), block):
        part = slice(start, start + block)
        found.add(values[part], None if weights is None else np.array(weights, dtype=np.float64)[part])
    return found


def exact(losses: Sequence[float], weights: Sequence[float], level: float) -> float:
    """The least loss with at least `level` of the weight at or below it, by fractions."""
    wanted, below = Fraction(repr(level)) * sum(map(Fraction, weights)), Fraction(0)
    for loss, weight in sorted(zip(losses, weights, strict=True)):
        below += Fraction(weight)
        if below >= wanted:
            return loss
    raise AssertionError("the weights do not reach their sum")


# Against NumPy

DRAWN = {
    "normal": np.random.default_rng(1).normal(size=400),
    "many repeated": np.random.default_rng(2).integers(0, 5, 400).astype(np.float64),
    "all one": np.full(60, 7.25),
    "of every size": np.random.default_rng(3).normal(size=200)
    * 10.0 ** np.random.default_rng(4).uniform(-320, 305, 200),
    "subnormal": np.random.default_rng(5).integers(-9, 9, 50) * 5e-324,
    "neighbours": 1 + np.random.default_rng(6).integers(0, 20, 300) * 2.0**-52,
    "infinite": np.array([INF, -INF, 3.0, INF, -2.0, 0.0, -INF, INF, INF, 1e308]),
    "one": np.array([-3.5]),
}


@every_held
@pytest.mark.parametrize("name", DRAWN)
def test_quantiles_are_numpys(name: str, held: int) -> None:
    losses = DRAWN[name]
    levels = (0.5, 0.75, 0.125, 1.0, 0.0)  # exact in binary, so that NumPy does not round the rank
    wanted = np.quantile(losses, levels, method="inverted_cdf").tolist()
    assert distribution(losses, held=held, block=29).quantiles(levels) == wanted


@every_held
@pytest.mark.parametrize("name", DRAWN)
def test_weighted_quantiles_are_numpys(name: str, held: int) -> None:
    losses = DRAWN[name]
    weights = np.random.default_rng(7).integers(1, 9, len(losses)) / 4
    levels = (0.5, 0.75, 0.125, 1.0)
    wanted = np.quantile(losses, levels, method="inverted_cdf", weights=weights).tolist()
    assert distribution(losses, weights, held, block=29).quantiles(levels) == wanted


# Against fractions

ANY = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 1.0, 5e-324, -5e-324, INF, -INF])


@settings(max_examples=40)
@given(
    st.lists(ANY | st.integers(-2, 2).map(float), min_size=1, max_size=30),
    st.sampled_from(HELD),
    st.integers(1, 31),
)
def test_quantiles_are_exact(losses: list[float], held: int, block: int) -> None:
    wanted = [exact(losses, [1] * len(losses), level) for level in LEVELS]
    assert distribution(losses, None, held, block).quantiles() == wanted


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(ANY | st.integers(-2, 2).map(float), st.floats(1e-300, 1e300) | st.sampled_from([0.1, 0.2, 0.7])),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(HELD),
    st.integers(1, 31),
)
def test_weighted_quantiles_are_exact(pairs: list[tuple[float, float]], held: int, block: int) -> None:
    losses, weights = zip(*pairs, strict=True)
    wanted = [exact(losses, weights, level) for level in LEVELS]
    assert distribution(losses, weights, held, block).quantiles() == wanted


@every_held
def test_a_weight_is_so_many_losses(held: int) -> None:
    rng = np.random.default_rng(8)
    losses, weights = rng.normal(size=40), rng.integers(1, 6, 40)
    repeated = distribution(np.repeat(losses, weights), held=held).quantiles()
    assert distribution(losses, weights, held).quantiles() == repeated


@every_held
def test_ranks_are_not_rounded(held: int) -> None:
    """Nine tenths of ten losses are nine, and of ten weights of 0.1, as a float64, too; a hair more is the next."""
    losses = np.arange(1.0, 11)
    assert distribution(losses, None, held).quantiles([0.9, 0.1, 0.3, 0.7]) == [9.0, 1.0, 3.0, 7.0]
    assert distribution(losses, [0.1] * 10, held).quantiles([0.9, 0.1, 0.3, 0.7]) == [9.0, 1.0, 3.0, 7.0]
    assert distribution(losses, [1e-17] * 9 + [1.0], held).quantiles([0.5]) == [10.0]
    assert distribution(losses, [1e17] * 9 + [1e17 + 16], held).quantiles([0.9]) == [10.0]


@every_held
@pytest.mark.parametrize("weight", [5e-324, 1e-310, 1e308], ids=str)
def test_the_scale_of_the_weights_does_not_matter(weight: float, held: int) -> None:
    losses = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert distribution(losses, [weight] * 5, held).quantiles() == [3.0, 5.0, 5.0]


@every_held
@pytest.mark.parametrize("place", [0, 3, 9])
def test_a_nan_makes_every_quantile_nan(place: int, held: int) -> None:
    losses = np.arange(10.0)
    losses[place] = NAN
    assert np.isnan(distribution(losses, None, held).quantiles()).all()
    assert np.isnan(distribution(losses, np.ones(10), held).quantiles()).all()


def test_the_order_does_not_change_the_sign_of_a_zero() -> None:
    found = {
        tuple(q.hex() for q in distribution(order, None, held, block=2).quantiles())
        for order in permutations([0.0, -0.0, 0.0, -0.0])
        for held in (1, 1000)
    }
    assert len(found) == 1


@every_held
def test_losses_may_be_added_after_a_quantile_was_read(held: int) -> None:
    found = distribution(np.arange(9.0), None, held)
    assert found.quantiles([0.5]) == [4.0]
    assert found.quantiles([0.5]) == [4.0]
    found.add(np.full(20, 100.0), None)
    assert found.quantiles([0.5]) == [100.0]
    assert found.histogram(0.0, 100.0, 2) == [9, 20]


def test_more_losses_than_are_read_back_at_once() -> None:
    losses = np.random.default_rng(9).normal(size=300_000)
    wanted = np.quantile(losses, LEVELS, method="inverted_cdf").tolist()
    assert distribution(losses, None, held=1000, block=1 << 15).quantiles() == wanted


# The histogram


@every_held
@pytest.mark.parametrize("name", ["normal", "many repeated", "all one", "one"])
def test_histogram(name: str, held: int) -> None:
    losses = DRAWN[name]
    low, high = float(losses.min()), float(losses.max())
    wanted = np.histogram(losses, bins=32, range=(low, high))[0].tolist()
    assert distribution(losses, None, held).histogram(low, high, 32) == wanted


NARROW = {
    "neighbours": [1.0, 1.0 + 2**-52, 1.0 + 2**-51],
    "subnormal": [0.0, 5e-324],
    "wide": [-1.7e308, 0.0, 1.7e308],
}


@pytest.mark.parametrize("name", NARROW)
def test_histogram_of_losses_that_are_hardly_or_very_different(name: str) -> None:
    losses = NARROW[name]
    found = losscli.evaluate("bias", pred=losses, target=np.zeros(len(losses)), histogram=True).results[0].histogram
    assert found == () or sum(found) == len(losses)


# In a report


def quantiles(loss: str, arrays: Any, **options: Any) -> list[float]:
    found = losscli.evaluate(loss, **arrays, distribution=True, **options).results[0].quantiles
    assert list(found) == ["p50", "p90", "p99"]
    return list(found.values())


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_quantiles_of_a_report(block: int) -> None:
    rng = np.random.default_rng(10)
    pred, weight = rng.normal(size=300), rng.integers(0, 5, 300)
    arrays, losses = {"pred": pred, "target": np.zeros(300)}, np.abs(pred)
    assert quantiles("mae", arrays, block=block) == [exact(losses.tolist(), [1] * 300, level) for level in LEVELS]
    weighted = [exact(losses.tolist(), weight.tolist(), level) for level in LEVELS]
    assert quantiles("mae", arrays, weight=weight, block=block) == weighted


@pytest.mark.parametrize("name", [name for name, found in definitions().items() if found.scope == "row"])
def test_quantiles_of_every_loss(name: str) -> None:
    """They are those of `loss.value`, also for several outputs; an aggregate's samples have no losses."""
    loss = losscli.get(name)
    drawn = loss.kind.sample(np.random.default_rng(11), loss.params, 30, 3)
    arrays = dict(zip(loss.kind.role_names, drawn, strict=True))
    if loss.finish:
        assert losscli.evaluate(name, **arrays, distribution=True).results[0].quantiles == {}
    else:
        wanted = [exact(loss.value(*drawn).tolist(), [1] * 30, level) for level in LEVELS]
        assert quantiles(name, arrays) == wanted


def test_quantiles_of_a_sum_of_losses() -> None:
    arrays = {"pred": [1.0, 2.0, 5.0], "target": [1.0, 4.0, 2.0]}
    assert quantiles("mse + 0.5 * mae", arrays) == [5.0, 10.5, 10.5]
    assert losscli.evaluate("rmse + mae", **arrays, distribution=True).results[0].quantiles == {}


def test_huge_weights() -> None:
    arrays = {"pred": [1.0, 2.0, 3.0], "target": np.zeros(3)}
    assert quantiles("mae", arrays, weight=[1e308] * 3) == [2.0, 3.0, 3.0]


@pytest.fixture
def folder(here: Path) -> Path:
    put(here, {"p.csv": column("y_pred", [1, 2, 5]), "t.csv": column("y", [1, 4, 2])})
    return here


MAE = ("eval", "-l", "mae", "p.csv", "t.csv")


def test_quantiles_in_json(run: Run, folder: Path) -> None:
    result = json.loads(run(*MAE, "--json").stdout)["results"][0]
    keys = ["value", "n", "weight", "outputs", "std", "min", "max", "p50", "p90", "p99", "signature"]
    assert [key for key in result if key in keys] == keys
    assert [result[key] for key in ("p50", "p90", "p99")] == [2.0, 3.0, 3.0]
    assert json.loads(run(*MAE, "--format", "jsonl").stdout) == result


def test_quantiles_in_a_table(run: Run, folder: Path) -> None:
    lines = run(*MAE, "--format", "table", env={"COLUMNS": "120"}).stdout.splitlines()
    assert lines[1].split() == ["loss", "reduction", "value", "n", "std", "min", "max", "p50", "p90", "p99"]
    assert lines[3].split()[-3:] == ["2.0", "3.0", "3.0"]


@pytest.mark.parametrize("form", ["plain", "csv"])
def test_no_quantiles_in_other_formats(form: str, run: Run, folder: Path) -> None:
    assert "p50" not in run(*MAE, "--format", form).stdout


def on_terminal(folder: Path, *args: str) -> tuple[str, int]:
    """What losscli writes to a terminal, without colour, and its exit code."""
    master, slave = pty.openpty()
    env = support.environment({"COLUMNS": "150", "TERM": "dumb"})
    with subprocess.Popen(command(*args), stdout=slave, stderr=slave, cwd=folder, env=env) as process:
        os.close(slave)
        parts = []
        try:
            while part := os.read(master, 1 << 16):
                parts.append(part)
        except OSError:  # Linux's way to say that the other end is closed
            pass
        code = process.wait()
    os.close(master)
    return b"".join(parts).decode().replace("\r\n", "\n"), code


def test_a_histogram_on_a_terminal(run: Run, folder: Path) -> None:
    text, code = on_terminal(folder, *MAE)
    table = run(*MAE, "--format", "table", env={"COLUMNS": "150"}).stdout
    assert (text.removeprefix(table), code) == (f"\nmae  0.0 █{' ' * 20}█{' ' * 9}█ 3.0\n", 0)


def test_losses_that_are_nearly_equal_on_a_terminal(folder: Path) -> None:
    put(folder, {"both.csv": "y_pred,y\n1.1,1\n0.1,0\n"})
    text, code = on_terminal(folder, "eval", "-l", "mae", "both.csv")
    assert (re.findall(r"error.*", text), code) == ([], 0)


def test_no_file_is_left_open() -> None:
    """More losses than are held go to a file."""
    zeros = np.zeros(1_100_000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert quantiles("mae", {"pred": zeros, "target": zeros}) == [0.0] * 3
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


@pytest.mark.slow
def test_quantiles_of_more_rows_than_are_held() -> None:
    pred = np.random.default_rng(12).normal(size=1_300_000)
    wanted = np.quantile(np.abs(pred), LEVELS, method="inverted_cdf").tolist()
    assert quantiles("mae", {"pred": pred, "target": np.zeros(len(pred))}) == wanted
    assert quantiles("mae", {"pred": pred, "target": np.zeros(len(pred))}, weight=np.full(len(pred), 0.1)) == wanted
