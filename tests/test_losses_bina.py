"""What is special of binary outcomes, margins, decisions and focal, and of the names that are refused."""

from math import inf, log
from typing import Any

import numpy as np
import pytest
from mpmath import mpf

import losscli
from losscli.errors import InputError
from losscli.registry import get
from tests.reference.accuracy import BOUND, ulps
from tests.reference.catalogue import reference

RNG = np.random.default_rng(71)


# Relations


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("focal:form=logits,gamma=0", "bce:form=logits"),
        ("focal:gamma=0", "bce"),
        ("focal:form=log_probs,gamma=0", "bce:form=log_probs"),
        ("perceptron", "hinge:margin=0"),
    ],
)
def test_one_is_the_other(one: str, other: str) -> None:
    """Value, gradient and curvature of a loss that is another at the end of a parameter."""
    arrays = get(one).kind.sample(RNG, get(one).params, 50, 1)
    for method in ("value", "gradient", "hessian"):
        found, wanted = (getattr(get(spec), method)(*arrays) for spec in (one, other))
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


@pytest.mark.parametrize("form", ["probs", "logits", "log_probs"])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_one_column_is_the_second_of_two(form: str, gamma: float) -> None:
    """A column for class 1 says what a column a class does."""
    z, y = RNG.normal(0, 3, 40), RNG.integers(0, 2, 40)
    p = 1 / (1 + np.exp(-z))
    both = {"probs": np.stack([1 - p, p], 1), "logits": np.stack([0 * z, z], 1)}
    both["log_probs"] = np.log(both["probs"])
    loss = get("focal", form=form, gamma=gamma)
    found = loss.value(both[form][:, 1], y)
    np.testing.assert_allclose(found, loss.value(both[form], y), rtol=1e-12)
    np.testing.assert_allclose(found, get("focal:form=logits", gamma=gamma).value(z, y), rtol=1e-11)


def test_soft_margin_is_bce_of_signs() -> None:
    """Labels -1 and 1 in place of 0 and 1 give the same bits."""
    z, y = RNG.normal(0, 20, 100), RNG.integers(0, 2, 100)
    assert (get("soft_margin").value(z, 2 * y - 1) == get("bce:form=logits").value(z, y)).all()


def test_a_weight_of_half_halves() -> None:
    """alpha=0.5 weighs both classes alike."""
    z, y = RNG.normal(0, 3, 40), RNG.integers(0, 2, 40)
    assert (get("focal:form=logits,alpha=0.5").value(z, y) == get("focal:form=logits").value(z, y) / 2).all()


def test_margins_bound_the_mistakes() -> None:
    """Hinge, its square, exponential and soft margin over ln 2 are nowhere below the zero-one loss."""
    s, y = RNG.normal(0, 2, 500), RNG.choice([-1, 1], 500)
    wrong = get("zero_one:form=logits").value(s, (y + 1) // 2)
    for name, factor in (
        ("hinge", 1),
        ("squared_hinge", 1),
        ("modified_huber", 1),
        ("exponential", 1),
        ("soft_margin", 1 / log(2)),
    ):
        assert (get(name).value(s, y) * factor >= wrong).all(), name


# Decisions


def test_the_first_of_equal_scores_wins() -> None:
    """A tie is class 0's in one column, and the first's of several."""
    assert get("zero_one").value([0.5, 0.5], [0, 1]).tolist() == [0, 1]
    assert get("zero_one:form=logits").value([0.0, -0.0], [0, 1]).tolist() == [0, 1]
    assert get("zero_one:form=log_probs").value([log(0.5)] * 2, [0, 1]).tolist() == [0, 1]
    assert get("zero_one").value([[1, 3, 3]] * 3, [0, 1, 2]).tolist() == [1, 0, 1]


def test_scores_of_classes_are_of_any_form() -> None:
    """Several columns are scores, whatever form says; one column is checked against it."""
    logits = RNG.normal(0, 3, (30, 4))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = RNG.integers(0, 4, 30)
    wanted = get("zero_one").value(logits, labels)
    for scores in (probs, np.log(probs), 10 * logits):
        assert (get("zero_one").value(scores, labels) == wanted).all()
    with pytest.raises(InputError, match="--form logits"):
        get("zero_one").value(logits[:, 0], labels % 2)


@pytest.mark.parametrize("spec", ["zero_one", "hamming"])
def test_decisions_have_no_derivatives(spec: str) -> None:
    """A gradient of a step is refused, with the reason."""
    with pytest.raises(losscli.UsageError, match=f"{spec} has no derivatives: it steps"):
        losscli.evaluate(spec, pred=[0.2, 0.7], target=[0, 1], grad=True)


def test_thresholds_are_probabilities() -> None:
    """A label is predicted above the threshold, in each form."""
    for form, pred in (
        ("probs", [0.75, 0.76]),
        ("logits", [log(3) - 1e-9, log(3) + 1e-9]),
        ("log_probs", [log(0.75), -0.2]),
    ):
        assert get("hamming", form=form, threshold=0.75).value(pred, [0, 1]).tolist() == [0, 0], form


@pytest.mark.parametrize("gamma", [0.01, 0.2, 0.3])
@pytest.mark.parametrize(("form", "pred"), [("probs", 1 - 2.0**-53), ("log_probs", -1e-300)])
def test_the_curvature_of_what_was_nearly_certain(form: str, pred: float, gamma: float) -> None:
    """The rounding of gamma - 1, which a power of the small 1 - p magnifies, is put back."""
    loss = get("focal", form=form, gamma=gamma)
    _, exact = reference(loss, 700).derivatives([mpf(pred), mpf(1)], 0, None)
    assert ulps(loss.hessian([pred], [1])[0], exact.value, exact.size) <= BOUND


# What focal refuses


def test_soft_targets_of_one_column_are_refused() -> None:
    """They are read in two ways; of two columns they are the mean."""
    with pytest.raises(InputError, match=r"target.*0\.25 is not 0 or 1; soft targets need two columns"):
        losscli.evaluate("focal", pred=[0.5, 0.75], target=[1, 0.25])
    value = losscli.evaluate("focal", pred=[[0.25, 0.75]], target=[[0.75, 0.25]]).value
    hard = [losscli.evaluate("focal", pred=[0.75], target=[y]).value for y in (0, 1)]
    assert value == pytest.approx(0.75 * hard[0] + 0.25 * hard[1], rel=1e-15)


def test_a_weight_of_class_1_needs_one_column() -> None:
    """Of a column a class alpha would have three meanings."""
    with pytest.raises(InputError, match=r"alpha=0.25 is the weight of class 1 in one.*--class-weight"):
        losscli.evaluate("focal:alpha=0.25", pred=[[0.5, 0.5]], target=[1])


# Ends of the domain, and rows of many classes


@pytest.mark.parametrize(
    ("spec", "pred", "target", "wanted"),
    [
        ("focal", 0.0, 1, (inf, -inf, inf)),
        ("focal", -0.0, 1, (inf, -inf, inf)),
        ("focal", 1.0, 1, (0.0, 0.0, 0.0)),
        ("focal:gamma=1", 1.0, 1, (0.0, 0.0, 2.0)),
        ("focal:gamma=0.5", 1.0, 1, (0.0, 0.0, inf)),
        ("focal:gamma=0", 0.0, 1, (inf, -inf, inf)),
        ("focal:gamma=0", 1.0, 0, (inf, inf, inf)),
        ("focal:form=log_probs", 0.0, 0, (inf, inf, inf)),
        ("focal:form=log_probs", -inf, 1, (inf, -1.0, 0.0)),
        ("focal:form=log_probs", -inf, 0, (0.0, 0.0, 0.0)),
        ("focal:form=logits", inf, 1, (0.0, 0.0, 0.0)),
        ("focal:form=logits", inf, 0, (inf, 1.0, 0.0)),
        ("focal:form=logits", -inf, 1, (inf, -1.0, 0.0)),
        ("focal:form=logits,gamma=0.5", inf, 1, (0.0, 0.0, 0.0)),
        ("focal:form=logits", [0.0, -inf], 1, (inf, [1.0, -1.0], [0.0, 0.0])),
        ("focal:form=logits", [inf, 0.0], 0, (0.0, [0.0, 0.0], [0.0, 0.0])),
        ("focal:form=logits", [0.0, inf], [0.25, 0.75], (inf, [-0.25, 0.25], [0.0, 0.0])),
        ("soft_margin", -inf, 1, (inf, -1.0, 0.0)),
        ("squared_hinge", -inf, 1, (inf, -inf, 2.0)),
        ("modified_huber", -inf, 1, (inf, -4.0, 0.0)),
        ("exponential", inf, 1, (0.0, 0.0, 0.0)),
    ],
)
def test_ends_of_the_domain(spec: str, pred: Any, target: Any, wanted: tuple[Any, ...]) -> None:
    """Values and derivatives are their limits from inside."""
    loss = get(spec)
    found = loss.compute(loss.check([np.array([pred]), np.array([target])], allow_inf=True), 2)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one[0], other)


ROWS = [[40.0, 0.0], [0.3, -100.1], [9.1, 0.2, -3.3], [0.0] * 10, [30.0, *[-7.7] * 50], RNG.normal(0, 8, 20).tolist()]


@pytest.mark.parametrize("gamma", [0.5, 2.0, 3.0])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{len(row)} logits from {row[0]:g}")
def test_rows_of_logits(row: list[float], gamma: float) -> None:
    """Values and gradients of confident rows, whose 1 - p is small, for classes and for distributions."""
    loss = get("focal:form=logits", gamma=gamma)
    exact = reference(loss)
    for target in (0, 1, [1 - 1e-9, 1e-9, *[0.0] * (len(row) - 2)], [*[0.0] * (len(row) - 2), 0.25, 0.75]):
        arrays = loss.check([np.array([row]), np.array([target])])
        value, gradient = loss.compute(arrays, 1)
        (roles,) = exact.items(arrays)
        assert ulps(float(value[0]), exact.value(roles).value) <= BOUND, target
        for k in (0, len(row) - 1):
            slope, _ = exact.derivatives(roles, 0, k)
            assert ulps(float(gradient[0, k]), slope.value, slope.size) <= BOUND, (target, k)
