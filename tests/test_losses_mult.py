"""What is special about the losses of several classes: how they are related, ties, refusals, and calibration."""

from math import inf, nextafter
from typing import Any

import numpy as np
import pytest

from losscli.errors import InputError, UsageError
from losscli.registry import get
from tests.reference.accuracy import ulps
from tests.reference.catalogue import reference
from tests.reference.exact import exactly

RNG = np.random.default_rng(51)
SCORES = RNG.normal(0, 1.5, (12, 4))
PROBS = RNG.dirichlet(np.full(4, 0.7), 12)
LABELS = RNG.integers(0, 4, 12)
BINARY = RNG.integers(0, 2, 12)


def _close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-300)


# How they are related


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("poly1:epsilon=0", "cross_entropy"),
        ("poly1:form=logits,epsilon=0", "cross_entropy:form=logits"),
        ("generalized_cross_entropy:q=0", "cross_entropy"),
        ("generalized_cross_entropy:q=1e-15", "cross_entropy"),
        ("generalized_cross_entropy:form=logits,q=1e-15", "cross_entropy:form=logits"),
    ],
)
def test_ends_of_the_parameters(one: str, other: str) -> None:
    """At one end of its parameter a loss is cross-entropy, with its derivatives."""
    pred = SCORES if "logits" in one else PROBS
    for target in (LABELS, PROBS[::-1]):
        _close(get(one).value(pred, target), get(other).value(pred, target))
        np.testing.assert_allclose(
            get(one).gradient(pred, target), get(other).gradient(pred, target), rtol=1e-12, atol=1e-14
        )


def test_two_classes_are_one_difference() -> None:
    """With two classes margins are hinges of the lead, and classes in an order are a quarter of their Brier score."""
    lead, sign = SCORES[:, 1] - SCORES[:, 0], 2.0 * BINARY - 1
    _close(get("multi_margin").value(SCORES[:, :2], BINARY), get("hinge").value(lead, sign) / 2)
    _close(get("categorical_hinge").value(SCORES[:, :2], BINARY), get("hinge").value(lead, sign))
    pair = np.stack([PROBS[:, 0], 1 - PROBS[:, 0]], axis=1)
    _close(get("emd2").value(pair, BINARY), get("brier").value(pair, BINARY) / 4)


def test_one_label_that_holds_is_a_class() -> None:
    """The margin of a set of one label is that of a class; all labels by themselves are binary cross-entropies."""
    hot = np.eye(4)[LABELS]
    _close(get("multilabel_margin").value(SCORES, hot), get("multi_margin").value(SCORES, LABELS))
    _close(get("multilabel_soft_margin").value(SCORES, hot), get("bce:form=logits").value(SCORES, hot))


@pytest.mark.parametrize(
    "spec",
    [
        *("multi_margin", "multi_margin:p=2", "categorical_hinge", "sparsemax", "top_k:k=2", "emd2:form=logits"),
        *("poly1:form=logits", "generalized_cross_entropy:form=logits"),
    ],
)
def test_a_soft_target_is_the_expected_loss(spec: str) -> None:
    """A one-hot row is the class that it names; of a soft row the loss is expected, but for what only t makes."""
    loss, every = get(spec), [np.full(12, k) for k in range(4)]
    hot, soft = np.eye(4)[LABELS], PROBS
    _close(loss.value(SCORES, hot), loss.value(SCORES, LABELS))
    expected = sum(soft[:, k] * loss.value(SCORES, every[k]) for k in range(4))
    name = spec.partition(":")[0]
    of_target = {"emd2": _variance(soft) / 4, "sparsemax": (1 - (soft**2).sum(axis=1)) / 2}
    spread = of_target.get(name, 0.0)
    np.testing.assert_allclose(loss.value(SCORES, soft), expected - spread, rtol=1e-12)


def _variance(soft: Any) -> Any:
    """Σ_k T_k (1 - T_k)."""
    cumulative = soft.cumsum(axis=1)
    return (cumulative * (1 - cumulative)).sum(axis=1)


def test_a_row_without_pairs_is_nothing() -> None:
    """All labels, none, or a single one: no pair is in the wrong order."""
    loss = get("multilabel_margin")
    assert loss.value(SCORES[:2], [[1, 1, 1, 1], [0, 0, 0, 0]]).tolist() == [0.0, 0.0]
    assert loss.value([-3.0, 5.0], [1, 0]).tolist() == [0.0, 0.0]


# Top-k


def test_ties_count_against_the_prediction() -> None:
    """Of scores as large as that of the right class each may be a better guess."""
    scores = [[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [2.0, 1.0, 1.0]]
    assert get("top_k:k=1").value(scores, [0, 0, 0]).tolist() == [1.0, 1.0, 0.0]
    assert get("top_k:k=2").value(scores, [0, 0, 1]).tolist() == [0.0, 1.0, 1.0]


def test_as_many_guesses_as_classes_are_refused() -> None:
    """They would always be right."""
    assert get("top_k:k=3").value(SCORES, LABELS).max() == 1.0
    for spec in ("top_k:k=4", "top_k"):
        with pytest.raises(InputError, match=r"pred has 4 classes.*say k=3 or less"):
            get(spec).value(SCORES, LABELS)


@pytest.mark.parametrize("spec", ["top_k", "ece"])
def test_what_counts_has_no_derivatives(spec: str) -> None:
    """A gradient is refused with the reason."""
    with pytest.raises(UsageError, match=f"{spec} has no derivatives: "):
        get(spec).gradient(np.tile(PROBS, 2) / 2, LABELS)


def test_other_targets_of_label_sets_are_refused() -> None:
    """The layout of torch, indices up to -1, is none of 0 and 1."""
    with pytest.raises(InputError, match=r"3\.0 is not 0 or 1; 1 says that the label holds"):
        get("multilabel_margin").value([[0.1, 0.2, 0.4, 0.8]], [[3, 0, -1, 1]])


# Calibration


def _ece(spec: str, pred: Any, target: Any, weight: Any) -> float:
    loss = get(spec)
    checked = loss.check([np.asarray(pred), np.asarray(target)])
    arrays = [*checked, np.asarray(weight, np.float64)]
    (value,) = loss.yielded([a[None] for a in arrays], 0)[0]
    return float(value)


@pytest.mark.parametrize("spec", ["ece", "ece:n_bins=3", "ece:n_bins=1", "ece:n_bins=1000000007"])
@pytest.mark.parametrize("target", [LABELS, PROBS[::-1]], ids=["labels", "soft"])
def test_calibration_is_that_of_the_definition(spec: str, target: Any) -> None:
    """Rounded once, with weights and without, of several classes and of one column."""
    column, outcome = PROBS[:, 0], BINARY if target.ndim == 1 else target[:, 0]
    for pred, labels in ((PROBS, target), (column, outcome)):
        for weight in (np.ones(12), RNG.uniform(0.1, 3, 12)):
            roles = [exactly(np.asarray(a, labels.dtype if a is labels else float).tolist()) for a in (pred, labels)]
            exact = reference(get(spec)).value([*roles, exactly(weight.tolist())])
            found = _ece(spec, pred, labels, weight)
            size = None if pred.ndim == 2 else 1  # 1 - p is rounded
            assert ulps(found, exact.value, size) <= 1


def test_calibration_does_not_depend_on_the_order_of_rows() -> None:
    """Nor on whether a row is repeated or has a weight: to the last bit."""
    weight = RNG.integers(1, 4, 12)
    wanted = _ece("ece:n_bins=4", PROBS, LABELS, weight)
    for order in (np.arange(12)[::-1], RNG.permutation(12)):
        assert _ece("ece:n_bins=4", PROBS[order], LABELS[order], weight[order]) == wanted
    repeated = np.repeat(np.arange(12), weight)
    assert _ece("ece:n_bins=4", PROBS[repeated], LABELS[repeated], np.ones(len(repeated))) == wanted
    assert get("ece:n_bins=4").value(PROBS, LABELS) == _ece("ece:n_bins=4", PROBS, LABELS, np.ones(12))


def test_one_column_is_two() -> None:
    """The probability of class 1 is as good as both; at one half the first class is predicted, as of two columns."""
    column = np.array([0.25, 0.5, 0.75, 0.125])
    both = np.stack([1 - column, column], axis=1)
    for outcome in ([0, 1, 1, 0], [1, 0, 0, 1]):
        assert get("ece").value(column, outcome) == get("ece").value(both, outcome)


def test_one_row_is_its_own_bin() -> None:
    """By how much its confidence misses what happened."""
    assert get("ece").value([[0.25, 0.75]], [1]).tolist() == [0.25]
    assert get("ece").value([[0.25, 0.75]], [0]).tolist() == [0.75]


@pytest.mark.parametrize(("bins", "end"), [(10, 0.7), (100, 0.57), (15, 0.8), (7, 6 / 7), (3, 2 / 3)])
def test_a_bin_holds_its_upper_end(bins: int, end: float) -> None:
    """Also where k/m is no float64: the nearest one is the end, and the next lies in the bin above."""
    step = 1 / (4 * bins)
    for confidence, is_below in ((end, True), (nextafter(end, inf), False)):
        pred = np.array([confidence, end - step, end + step])
        gaps = np.array([-confidence, 1 - (end - step), -(end + step)])
        together = [abs(gaps[0] + gaps[1]) + abs(gaps[2]), abs(gaps[1]) + abs(gaps[0] + gaps[2])]
        wanted = together[0] if is_below else together[1]
        assert get(f"ece:n_bins={bins}").value(pred, [0, 1, 0])[0] == pytest.approx(wanted / 3, rel=1e-12)


def test_calibration_refuses_what_is_no_probability() -> None:
    """As brier does."""
    with pytest.raises(InputError, match="it takes probabilities, not logits"):
        get("ece").value(SCORES, LABELS)
