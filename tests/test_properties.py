"""What a loss says of itself: its bounds, and that it is convex, symmetric, differentiable or proper."""

from inspect import signature
from itertools import combinations
from math import inf
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.cli.eval import eval_command
from losscli.cli.gradcheck import gradcheck_command
from losscli.kinds import UNIT
from losscli.registry import PROPERTIES, Loss, definitions, get, per_sample
from tests.laws_support import ALL_VARIANTS, ROWS, all_data, arrays_of, random_data, soft_data, wild_data
from tests.reference.catalogue import DEFINITIONS, reference

ROUNDING = 1e-12
NEAR = 1e-14  # to a kink: a slope may go to what it is there as slowly as a root


def having(word: str) -> Any:
    """The variants that say so of themselves."""
    return pytest.mark.parametrize("spec", [spec for spec in ALL_VARIANTS if word in get(spec).properties])


def values(loss: Loss, arrays: list[Any]) -> Any:
    """What the loss has a value for: rows, or all of them."""
    if loss.scope == "row" and not loss.finish:
        return per_sample(loss.terms(arrays)[0])
    roles = dict(zip(loss.kind.role_names, arrays, strict=True))
    return np.array([losscli.evaluate(loss, **roles, allow_inf=True, spread=False).value])


@pytest.mark.parametrize("spec", ALL_VARIANTS)
def test_properties_are_known(spec: str) -> None:
    assert get(spec).properties <= set(PROPERTIES)


def test_no_parameter_is_an_option() -> None:
    """Each is an option of the commands that compute, --delta: none may stand for another thing there."""
    options = {*signature(eval_command).parameters, *signature(gradcheck_command).parameters}
    taken = {found.name: options & found.params.keys() for found in definitions().values()}
    assert {"bins", "against", "parameters"} <= options
    assert not {name: words for name, words in taken.items() if words}


@pytest.mark.parametrize("spec", ALL_VARIANTS)
def test_values_lie_between_the_bounds(spec: str) -> None:
    loss = get(spec)
    low, high = loss.bounds
    assert low < high
    slack = 0.0 if low == 0 else ROUNDING
    for data in [*all_data(loss), wild_data(loss)]:
        found = values(loss, data.checked)
        assert not (found < low - slack * abs(low)).any(), data.label
        assert high == inf or not (found > high * (1 + ROUNDING)).any(), data.label


@having("convex")
def test_convex(spec: str) -> None:
    """Halfway between two predictions the loss is at most the mean of theirs."""
    loss = get(spec)
    moved = [loss.kind.role_names.index(role) for role in loss.kind.predictions]
    for outputs in (1, 3):
        ends = [random_data(loss, outputs=outputs, seed=seed).checked for seed in (1, 11)]
        one, other = ends[0], [b if k in moved else a for k, (a, b) in enumerate(zip(*ends, strict=True))]
        middle = [(a + b) / 2 if k in moved else a for k, (a, b) in enumerate(zip(one, other, strict=True))]
        here, mean = values(loss, middle), (values(loss, one) + values(loss, other)) / 2
        assert (here <= mean + ROUNDING * np.abs(mean)).all()


@having("symmetric")
def test_symmetric(spec: str) -> None:
    """Prediction and target may change places."""
    loss = get(spec)
    for outputs in (1, 3):
        data = soft_data(loss, classes=max(outputs, 2)) or random_data(loss, outputs=outputs)  # labels have one place
        first, second, *others = data.checked
        found, turned = values(loss, [first, second, *others]), values(loss, [second, first, *others])
        assert np.allclose(found, turned, rtol=ROUNDING, atol=0)


@having("differentiable")
def test_differentiable(spec: str) -> None:
    """At what is declared a kink it is the curvature that jumps, or has no limit: the slopes to both sides are one."""
    loss = get(spec)
    for kink in reference(loss).kinks():
        for role in loss.kind.predictions:
            place = loss.kind.role_names.index(role)
            sides = []
            for side in (-NEAR, NEAR):
                moved = [[r] for r in kink.roles]
                moved[place] = np.asarray(moved[place]) * (1 + side) + side
                sides.append(np.concatenate([a.ravel() for a in arrays_of(loss.gradient(*moved))]))
            assert np.allclose(*sides, rtol=1e-5, atol=1e-6), (kink, role)


@pytest.mark.parametrize("spec", ALL_VARIANTS)
def test_what_is_not_differentiable_has_a_kink(spec: str) -> None:
    """A loss whose gradient jumps declares where, and with which slope."""
    loss = get(spec)
    if "differentiable" not in loss.properties and not loss.definition.underived and loss.scope == "row":
        definition = DEFINITIONS[loss.name]
        assert definition.kinks(**loss.params) or loss.finish, "say that it is differentiable, or declare its kinks"


@having("proper")
def test_proper(spec: str) -> None:
    """The probabilities that outcomes have minimise the expected loss."""
    loss = get(spec)
    if not _takes_probabilities(loss):
        pytest.skip("its family tests it, as its predictions are no probabilities")
    rng = np.random.default_rng(5)
    classes = 1 if not loss.kind.roles[0].vector else 3
    for _ in range(20):
        truth = rng.uniform(0.05, 0.95, 1) if classes == 1 else rng.dirichlet(np.full(classes, 2.0))
        others = rng.uniform(0.01, 0.99, (ROWS, 1)) if classes == 1 else rng.dirichlet(np.ones(classes), ROWS)
        best, *found = (_expected(loss, p, truth) for p in [truth, *others])
        assert all(best <= value + ROUNDING * abs(value) for value in found)


def _takes_probabilities(loss: Loss) -> bool:
    form = loss.params.get("form", "probs")
    return (form == "probs" and loss.kind.roles[0].allowed(loss.params) == UNIT) or form in ("logits", "log_probs")


def _expected(loss: Loss, p: Any, truth: Any) -> float:
    form = loss.params.get("form", "probs")
    if len(truth) == 1:
        pred = {"probs": p, "logits": np.log(p) - np.log1p(-p), "log_probs": np.log(p)}[form]
        both = loss.value(np.repeat(pred, 2), np.array([0.0, 1.0]))
        return float((1 - truth[0]) * both[0] + truth[0] * both[1])
    pred = p if form == "probs" else np.log(p)
    return float(truth @ loss.value(np.tile(pred, (len(truth), 1)), np.arange(len(truth))))


def _comparable() -> list[tuple[Loss, Loss]]:
    """Pairs of losses that take the same arrays."""
    found = [get(name) for name in definitions()]
    return [(a, b) for a, b in combinations(found, 2) if a.kind is b.kind and a.scope == b.scope]


# Known by both names, with the defaults that go with them, at which the definitions meet: two that scale or smooth in
# ways of their own, two that are a member of a family; and parameters at which they do not meet.
MEETING = {
    ("huber", "smooth_l1"): ("huber:delta=2", "smooth_l1:beta=2"),
    ("dice", "tversky"): ("dice:smooth=1", "tversky:smooth=1"),
    ("half_mse", "expectile"): ("half_mse", "expectile:q=0.7"),
    ("pseudo_huber", "barron"): ("pseudo_huber:delta=2", "barron:c=2"),
}


def test_no_two_losses_are_one() -> None:
    """Two entries of the registry differ by more than 1e-6 somewhere, at their defaults or what else is said here."""
    same = {(one.name, other.name) for one, other in _comparable() if _apart(one, other) <= 1e-6}
    assert same == set(MEETING)
    assert all(_apart(*map(get, specs)) > 1e-3 for specs in MEETING.values())


def _apart(one: Loss, other: Loss) -> float:
    """How far they are, on all that both take: soft targets too."""
    found = [0.0]
    for data in (random_data(one), random_data(one, outputs=3), soft_data(one)):
        if data:
            with np.errstate(all="ignore"):
                difference = np.abs(values(one, data.checked) - values(other, data.checked))
            found.append(float(np.nan_to_num(difference, nan=inf).max()))
    return max(found)
