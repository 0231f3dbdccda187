"""Divergences of the whole, which the laws of rows do not reach, and what is special to the others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import losscli
from losscli.errors import InputError, UsageError
from losscli.registry import get
from tests.laws_support import computed
from tests.reference.accuracy import ulps
from tests.reference.definitions_dive import DEFINITIONS, SAMPLES
from tests.reference.exact import exactly
from tests.support import Ran, put

WHOLE = {"wasserstein": SAMPLES, "energy_distance": DEFINITIONS["energy_distance"]}
RNG = np.random.default_rng(71)
STEP = mpf(10) ** -30

every_whole = pytest.mark.parametrize("name", WHOLE)


def _samples(n: int, ties: bool) -> tuple[Any, Any, Any]:
    """Two samples and weights; with ties whole numbers, many of them equal."""
    pred, target = RNG.normal(0, 3, n), RNG.normal(1, 2, n)
    return (np.rint(pred), np.rint(target), RNG.uniform(0.1, 5, n)) if ties else (pred, target, RNG.uniform(0.1, 5, n))


def _found(name: str, *arrays: Any, order: int = 0) -> list[Any]:
    """What the function yields of one group, the axis of groups taken off."""
    pred, target, *weight = arrays
    weight = weight or [np.ones(len(pred))]
    return [a[0] for a in get(name).yielded([np.asarray(a, float)[None] for a in (pred, target, *weight)], order)]


def _exact(name: str, *arrays: Any) -> Any:
    with mp.workdps(150):
        return sum(WHOLE[name].terms(*(exactly(np.asarray(a, float).tolist()) for a in arrays)))


@every_whole
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [1, 2, 7, 20])
def test_samples_are_those_of_the_definition(name: str, n: int, ties: bool) -> None:
    """The value, with weights and without, is within 4 ulp."""
    pred, target, weight = _samples(n, ties)
    for given in (np.ones(n), weight, weight * 1e-300, np.where(np.arange(n) % 3, weight, 1e200)):
        value = float(_found(name, pred, target, given)[0])
        assert ulps(value, _exact(name, pred, target, given)) <= 4


@every_whole
def test_slopes_of_samples(name: str) -> None:
    """Gradient and curvature are those of the definition, and at ties the mean of the slopes to the left and right."""
    pred, target, weight = _samples(9, ties=False)
    pred[3], pred[5] = target[2], pred[6]
    _, gradient, curvature = _found(name, pred, target, weight, order=2)

    def moved(k: int, step: Any) -> Any:
        rows = [exactly(a.tolist()) for a in (pred, target, weight)]
        rows[0][k] += step
        return sum(WHOLE[name].terms(*rows))

    with mp.workdps(150):
        for k in range(9):
            low, middle, high = (moved(k, step) for step in (-STEP, 0, STEP))
            assert float((high - low) / (2 * STEP)) == pytest.approx(gradient[k], rel=1e-13)
            if k not in {3, 5, 6}:
                assert float((high - 2 * middle + low) / STEP**2) == pytest.approx(curvature[k], rel=1e-12, abs=1e-15)


@every_whole
@pytest.mark.parametrize("ties", [False, True])
def test_a_weight_is_a_repeated_row_and_order_is_nothing(name: str, ties: bool) -> None:
    """To the last bit of the value; the gradient of a row is that of its copies together."""
    pred, target, _ = _samples(30, ties)
    times = RNG.integers(1, 5, 30)
    value, gradient = _found(name, pred, target, times.astype(float), order=1)
    copies = [np.repeat(a, times) for a in (pred, target)]
    repeated, each = _found(name, *copies, order=1)
    assert value == repeated == get(name).value(*copies)[0]
    if name == "energy_distance":  # a row of weight 2 moves as one, its copies one by one, which differs at a kink only
        np.testing.assert_allclose(np.bincount(np.repeat(np.arange(30), times), each), gradient, rtol=1e-12, atol=1e-15)
    order = RNG.permutation(30)
    assert _found(name, pred[order], target[order], times[order].astype(float))[0] == value
    assert _found(name, pred, target[order], np.ones(30))[0] == _found(name, pred, target)[0]


@every_whole
def test_samples_that_are_the_same_are_at_distance_0(name: str) -> None:
    """In whatever order, and with slope 0; far apart they are as far as a float64 says."""
    value, gradient, curvature = _found(name, [3.0, -1.0, 3.0], [-1.0, 3.0, 3.0], order=2)
    assert (value, gradient.tolist(), curvature.tolist()) == (0, [0, 0, 0], [0, 0, 0])
    assert _found(name, [np.inf], [0.0])[0] == np.inf


def test_samples_at_the_ends_of_the_range() -> None:
    """Differences beyond the largest float64, where their mean is not, and the least one."""
    assert get("wasserstein").value([1.6e308, 1.6e308], [0, 0]) == 1.6e308
    assert get("wasserstein").value([1.7e308, 0], [-1.7e308, 0]) == 1.7e308
    assert get("wasserstein").value([1.7e308], [-1.7e308]) == np.inf
    assert get("wasserstein").value([1.7e308, -1.7e308], [-1.7e308] * 2) == 1.7e308  # of neighbours that far apart
    assert get("wasserstein").value([5e-324], [0]) == 5e-324


@every_whole
def test_samples_are_single_columns(name: str) -> None:
    """(n, 1) is (n,); several columns and other lengths are refused."""
    assert get(name).value([[1.0], [2.0]], [3.0, 5.0]) == get(name).value([1.0, 2.0], [3.0, 5.0])
    with pytest.raises(InputError, match="one column"):
        get(name).value(np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(InputError, match="shapes differ"):
        get(name).value([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("wasserstein:mode=histogram,support=1/2", "pred has 3 columns, support 2"),
        ("wasserstein:mode=histogram,support=1/3/2", "support must rise"),
        ("wasserstein:mode=histogram,support=1/1/2", "support must rise"),
        ("wasserstein:mode=histogram,support=1/2/inf", "support must rise, |finite"),
    ],
)
def test_support_is_a_rising_number_for_each_column(spec: str, message: str) -> None:
    """Anything else is refused."""
    with pytest.raises(InputError, match=message):
        get(spec).value([[0.25, 0.25, 0.5]], [0])


def test_support_is_for_histograms() -> None:
    """Samples have numbers of their own."""
    with pytest.raises(InputError, match="mode=histogram"):
        get("wasserstein:support=1/2").value([1.0, 2.0], [1.0, 2.0])


@pytest.mark.parametrize("spec", ["kl", "js", "hellinger", "renyi", "renyi:order=1", "renyi:order=2"])
def test_a_class_that_nobody_holds_possible(spec: str) -> None:
    """Value, slope and curvature are their limits for a prediction that goes to 0 where the target is 0."""
    target = np.array([[0.0, 0.25, 0.75]])
    at, near = (computed(get(spec), np.array([[p, 0.5, 0.5]]), target) for p in (0.0, 1e-200))
    for one, other in zip(at, near, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-90)


def test_a_class_that_nobody_holds_possible_draws_nothing_in_reverse() -> None:
    """Its slope has no limit there; 0 is what is declared."""
    for spec in ("reverse_kl", "alpha_divergence:alpha=0"):
        assert get(spec).gradient([[0.0, 0.5, 0.5]], [[0.0, 0.25, 0.75]])[0][0] == 0


def test_labels_are_no_distributions() -> None:
    """Where a target of 0 is infinitely far, labels are refused; one-hot rows are what they are."""
    for name in ("reverse_kl", "alpha_divergence"):
        with pytest.raises(InputError, match="not labels"):
            get(name).value([[0.25, 0.75]], [1])
    assert get("reverse_kl").value([[0.25, 0.75], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]).tolist() == [np.inf, 0.0]


def test_a_loss_without_a_target(here: Path, run_here: Callable[..., Ran]) -> None:
    """Entropy takes one role, from a file or an array; a second file is refused."""
    put(here, {"p.csv": "a,b\n0.5,0.5\n0,1\n", "t.csv": "y\na\nb\n"})
    done = run_here("eval", "p.csv", "-l", "entropy", "--units", "bits", "--format", "value")
    assert (done.code, done.stdout) == (0, "0.5\n")
    assert run_here("eval", "p.csv", "t.csv", "-l", "entropy").code == 2
    with pytest.raises(UsageError, match="target"):
        losscli.evaluate("entropy", pred=[[0.5, 0.5]], target=[0])


@pytest.mark.parametrize("alpha", [-3, -1e-9, 0, 1e-9, 0.3, 0.5, 1 - 1e-9, 1, 1 + 1e-9, 2, 7])
def test_powers_near_and_at_their_limits(alpha: float) -> None:
    """Far from and near p = t the values of the definition, through α = 0 and α = 1."""
    for reach in (1.0, 1e-3, 1e-9):
        pred = RNG.dirichlet(np.ones(4), 5)
        target = pred * np.exp(reach * RNG.normal(size=pred.shape))
        target /= target.sum(axis=1, keepdims=True)
        found = get("alpha_divergence", alpha=alpha).value(pred, target).tolist()
        for one, p, t in zip(found, pred.tolist(), target.tolist(), strict=True):
            with mp.workdps(150):
                exact = sum(
                    DEFINITIONS["alpha_divergence"].terms(exactly(p), exactly(t), form="probs", alpha=mpf(alpha))
                )
            assert ulps(one, exact) <= 256, (reach, one, exact)
