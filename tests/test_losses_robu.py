"""Robust losses, quantiles and intervals: limits in their parameters, infinite errors, what is refused."""

from itertools import pairwise
from math import inf, nextafter
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import BadValueError, InputError, UsageError
from losscli.losses import FAMILIES
from losscli.registry import definitions, get
from tests.laws_support import all_data, computed, random_data, same_bits

MODULES = ("robust", "flat", "redescending", "adaptive", "quantiles")
NAMES = [name for module in MODULES for name in FAMILIES[module]]
SPECS = [spec for name in NAMES for spec in (name, *definitions()[name].also)]
OF_ERRORS = [
    spec for spec in SPECS if get(spec).kind.role_names == ("pred", "target") and "/" not in str(get(spec).params)
]
OF_ERRORS = [spec for spec in OF_ERRORS if random_data(get(spec), 2).arrays[0].ndim == 1]
ERRORS = np.array([-1e6, -30.0, -3.0, -1.0, -1e-3, 0.0, 1e-9, 0.5, 1.0, 2.0, 7.0, 1e3])
every_spec = pytest.mark.parametrize("spec", SPECS)
of_errors = pytest.mark.parametrize("spec", OF_ERRORS)


# What is said of a loss


@every_spec
def test_values_lie_within_the_bounds(spec: str) -> None:
    for data in all_data(get(spec)):
        values = data.loss.value(*data.arrays)
        low, high = data.loss.bounds
        assert (values >= low).all()
        assert (values <= high).all()


@every_spec
def test_a_convex_loss_lies_below_its_chords(spec: str) -> None:
    """And one that is not said to be convex lies above one somewhere."""
    assert any(_is_above_chords(spec, scale) for scale in (1, 30)) != ("convex" in get(spec).properties)


def _is_above_chords(spec: str, scale: float) -> bool:
    """On random data of some size."""
    loss = get(spec)
    one, other = ([scale * a for a in random_data(loss, 4000, seed=seed).arrays] for seed in (1, 2))
    roles = loss.kind.role_names
    moved = [roles.index(role) for role in loss.kind.predictions]
    other = [b if k in moved else a for k, (a, b) in enumerate(zip(one, other, strict=True))]
    middle = [a / 2 + b / 2 for a, b in zip(one, other, strict=True)]
    chord = loss.value(*one) / 2 + loss.value(*other) / 2
    return bool((loss.value(*middle) > chord * (1 + 1e-12)).any())


@of_errors
def test_a_symmetric_loss_is_the_same_either_way(spec: str) -> None:
    loss = get(spec)
    there, back = loss.value(ERRORS, 0 * ERRORS), loss.value(0 * ERRORS, ERRORS)
    assert same_bits(there, back) == ("symmetric" in loss.properties)


@of_errors
def test_the_gradient_of_a_differentiable_loss_does_not_jump(spec: str) -> None:
    """At every error where a parameter or 0 lies."""
    loss = get(spec)
    knees = [
        0.0,
        *(s * float(x) for x in loss.params.values() if isinstance(x, float) and abs(x) < inf for s in (1, -1)),
    ]
    jumps = []
    for knee in knees:
        low, high = (loss.gradient([knee + side * 1e-9], [0.0])[0] for side in (-1, 1))
        jumps.append(abs(high - low))
    assert (max(jumps) > 1e-2) != ("differentiable" in loss.properties)


# Errors without a limit, and beside others


@of_errors
@pytest.mark.parametrize("error", [inf, -inf])
def test_an_infinite_error_costs_the_most_there_is(spec: str, error: float) -> None:
    loss = get(spec)
    found = loss.compute(loss.check([np.array([error]), np.zeros(1)], allow_inf=True), 2)
    assert found[0][0] == pytest.approx(loss.bounds[1], rel=1e-15)
    assert not np.isnan(found).any()


@of_errors
def test_an_error_beyond_the_range_changes_no_other(spec: str) -> None:
    """Values are those of a row by itself: no scale depends on its neighbours."""
    preds, targets = np.array([5e-324, 1e-300, 0.3, 1.7e308, -2.0]), np.array([0.0, -1e-310, 0.1, -1.7e308, 1e-320])
    loss = get(spec)
    together = computed(loss, preds, targets)
    for k in range(len(preds)):
        alone = computed(loss, preds[k : k + 1], targets[k : k + 1])
        assert all(same_bits(many[k : k + 1], one) for many, one in zip(together, alone, strict=True)), preds[k]


# Limits


def _all(spec: str) -> Any:
    return computed(get(spec), ERRORS, np.zeros(len(ERRORS)))


@pytest.mark.parametrize(
    ("spec", "limit"),
    [
        ("pseudo_huber:delta=inf", "half_mse"),
        ("huber:delta=inf", "half_mse"),
        ("tukey_biweight:c=inf", "half_mse"),
        ("charbonnier:eps=0", "mae"),
        ("smooth_l1:beta=0", "mae"),
        ("eps_insensitive:eps=0", "mae"),
        ("squared_eps_insensitive:eps=0", "mse"),
        ("expectile", "half_mse"),
        ("barron:alpha=2", "half_mse"),
        ("barron:alpha=0", "cauchy"),
        ("barron:alpha=-2", "geman_mcclure"),
        ("barron:alpha=-inf", "welsch"),
        ("barron", "pseudo_huber"),
    ],
)
def test_ends_of_parameters_are_other_losses(spec: str, limit: str) -> None:
    """Value, gradient and Hessian; but for squares at 0, of which one side is taken."""
    for found, wanted in zip(_all(spec), _all(limit), strict=True):
        usual = ERRORS != 0 if spec.startswith("squared") else slice(None)
        np.testing.assert_allclose(found[usual], wanted[usual], rtol=1e-14)


@pytest.mark.parametrize("alpha", [2.0, 1.0, 0.0, -2.0, -1e20])
def test_barron_is_continuous_in_alpha(alpha: float) -> None:
    """From both sides."""
    here = _all(f"barron:alpha={alpha!r}".replace("e+", "e"))
    for side in (-inf, inf):
        near = nextafter(alpha, side) if alpha else nextafter(0.0, side)
        if near <= 2:
            there = computed(get("barron", alpha=near), ERRORS, np.zeros(len(ERRORS)))
            for found, wanted in zip(there, here, strict=True):
                np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-15)


def test_a_slope_beyond_the_range_is_infinite() -> None:
    """Where pseudo_huber has no end of its parabola."""
    assert get("pseudo_huber:delta=inf").gradient([1.7e308], [-1.7e308])[0] == np.inf


def test_barron_bends_down_far_out() -> None:
    """For every alpha below 1, though the power alone is positive."""
    for alpha in (-0.5, 0.5):
        exact = (alpha - 1) * (1e40 / (2 - alpha)) ** (alpha / 2 - 1)
        assert get("barron", alpha=alpha).hessian([1e20], [0.0])[0] == pytest.approx(exact, rel=1e-12, abs=0)


def test_barron_never_grows_when_alpha_falls() -> None:
    alphas = [2.0, 1.99999, 1.5, 1.0, 0.5, 1e-9, 0.0, -1e-9, -1.0, -2.0, -50.0, -1e9, -1e19, -1e21, -inf]
    values = [get("barron", alpha=alpha).value(ERRORS, 0 * ERRORS) for alpha in alphas]
    for more, less in pairwise(values):
        assert (less <= more * (1 + 1e-12)).all()


# Quantiles and intervals


def test_scores_are_sums_of_quantile_losses() -> None:
    """WIS is twice their mean; an interval score 2/α times the sum of its ends'. One level is the absolute error."""
    data = random_data(get("wis"))
    levels = "q=0.025/0.25/0.5/0.75/0.975"
    np.testing.assert_allclose(
        data.loss.value(*data.arrays), 2 * get(f"quantile:{levels}").value(*data.arrays), rtol=1e-13
    )
    lower, upper, target = random_data(get("interval:level=0.5")).arrays
    ends = get("quantile:q=0.25").value(lower, target) + get("quantile:q=0.75").value(upper, target)
    np.testing.assert_allclose(get("interval:level=0.5").value(lower, upper, target), 4 * ends, rtol=1e-13)
    assert get("wis:q=0.5").value([[1.0], [2.0]], [4.0, 1.0]).tolist() == [3.0, 1.0]
    assert get("wis:q=0.5").value([1.0, 2.0], [4.0, 1.0]).tolist() == [3.0, 1.0]


def test_columns_go_by_the_order_of_the_levels() -> None:
    rows, target = np.array([[1.0, 2.0, 3.0]]), np.array([2.5])
    for name in ("quantile", "wis"):
        turned = losscli.evaluate(f"{name}:q=0.9/0.5/0.1", pred=rows[:, ::-1], target=target).value
        assert turned == losscli.evaluate(f"{name}:q=0.1/0.5/0.9", pred=rows, target=target).value
        assert turned != losscli.evaluate(f"{name}:q=0.1/0.5/0.9", pred=rows[:, ::-1], target=target).value


@pytest.mark.parametrize("name", ["quantile", "wis"])
@pytest.mark.parametrize(
    ("pred", "target", "what"),
    [
        ([[1.0, 2.0]], [1.0], r"pred has shape \(1, 2\).*a column a level: \(n, 3\)"),
        ([1.0, 2.0, 3.0], [1.0], r"pred has shape \(3,\).*a column a level"),
        ([[1.0, 2.0, 3.0]], [1.0, 2.0], r"target has shape \(2,\)"),
        ([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]], r"target has shape \(1, 3\); one column"),
    ],
)
def test_quantiles_of_another_shape_are_refused(name: str, pred: Any, target: Any, what: str) -> None:
    with pytest.raises(InputError, match=what):
        get(f"{name}:q=0.1/0.5/0.9").value(pred, target)


@pytest.mark.parametrize("q", ["0.1/0.9", "0.1/0.5/0.8", "0.1/0.5/0.5/0.5/0.9", "0.4", "0.1/0.2/0.9"])
def test_levels_that_make_up_no_intervals_are_refused(q: str) -> None:
    with pytest.raises(UsageError, match=r"needs 0\.5 and pairs of levels"):
        get(f"wis:q={q}").value(np.zeros((2, len(q.split("/")))), np.zeros(2))


def test_levels_may_be_off_by_a_rounding() -> None:
    assert get("wis", q=(1 - 0.9, 0.5, 0.9)).value([[1.0, 2.0, 3.0]], [2.5]) == pytest.approx(0.3, rel=1e-14)


@pytest.mark.parametrize("shape", [(4,), (2, 2)])
def test_an_interval_that_is_the_wrong_way_round_is_refused(shape: tuple[int, ...]) -> None:
    lower, upper = np.reshape([0.0, 1.0, 5.0, 2.0], shape), np.reshape([0.0, 2.0, 3.0, 3.0], shape)
    with pytest.raises(BadValueError, match=r"5\.0 lies above the upper end, 3\.0") as caught:
        get("interval").value(lower, upper, lower)
    assert (caught.value.role, caught.value.row) == ("lower", 2 if len(shape) == 1 else 1)


def test_a_point_is_an_interval() -> None:
    assert get("interval:level=0.5").value([1.0], [1.0], [2.0])[0] == 4.0
