"""The least value that soft targets allow a cross-entropy, and the excess over it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import log, mp, mpf

import losscli
from losscli.registry import get
from tests.reference.accuracy import ulps
from tests.support import Ran, put

RNG = np.random.default_rng(81)
PROBS, SOFT = RNG.dirichlet(np.ones(4), 12), RNG.dirichlet(np.full(4, 0.3), 12)
FORMS = {"probs": PROBS, "log_probs": np.log(PROBS), "logits": np.log(PROBS) + 3}
HARD = RNG.integers(0, 4, 12)


def _evaluated(loss: str, pred: Any, target: Any, **options: Any) -> Any:
    return losscli.evaluate(loss, pred=pred, target=target, **options).results[0]


def _entropy(row: Any) -> Any:
    return -sum(mpf(t) * log(mpf(t)) for t in row if t)


@pytest.mark.parametrize("form", FORMS)
def test_of_classes(form: str) -> None:
    """The floor is the mean entropy of the targets, the excess the mean kl, and both make up the value."""
    weight = RNG.uniform(0.1, 3, 12)
    for options in ({}, {"weight": weight}):
        result = _evaluated(f"cross_entropy:form={form}", FORMS[form], SOFT, **options)
        weights = options.get("weight", np.ones(12))
        with mp.workdps(50):
            exact = sum(mpf(w) * _entropy(row) for w, row in zip(weights, SOFT, strict=True)) / sum(map(mpf, weights))
        assert ulps(result.floor, exact) <= 4
        assert result.excess == _evaluated(f"kl:form={form}", FORMS[form], SOFT, **options).value
        assert result.floor + result.excess == pytest.approx(result.value, rel=1e-15)


def test_of_smoothed_labels() -> None:
    """Smoothing makes soft targets of labels."""
    smoothed = 0.8 * np.eye(4)[HARD] + 0.05
    result = _evaluated("cross_entropy:label_smoothing=0.2", PROBS, HARD)
    assert result.floor == pytest.approx(float(_entropy(smoothed[0])), rel=1e-15)
    assert result.excess == pytest.approx(result.value - result.floor, rel=1e-14)


def test_of_smoothed_outcomes() -> None:
    """In one column likewise, half of it on either side."""
    result = _evaluated("bce:label_smoothing=0.2", [0.25, 0.5, 0.7], [0, 1, 1])
    assert result.floor == pytest.approx(float(_entropy([0.1, 0.9])), rel=1e-14)
    assert result.excess == pytest.approx(result.value - result.floor, rel=1e-13)


def _binary_cost(p: Any, a: Any, b: Any) -> Any:
    return (-a * log(p) if a else mpf(0)) - (b * log(1 - p) if b else mpf(0))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pos_weight", [1.0, 3.0])
@pytest.mark.parametrize("shape", [(9,), (9, 2)])
def test_of_outcomes(form: str, pos_weight: float, shape: tuple[int, ...]) -> None:
    """Of bce the floor is its value at the best probability, a/(a+b); of certain outcomes it is 0."""
    p = RNG.uniform(0.01, 0.99, shape)
    target = np.where(RNG.random(shape) < 0.3, np.rint(p), RNG.uniform(0, 1, shape))
    pred = {"probs": p, "log_probs": np.log(p), "logits": np.log(p / (1 - p))}[form]
    result = _evaluated(f"bce:form={form},pos_weight={pos_weight!r}", pred, target)
    with mp.workdps(50):
        parts = [(mpf(pos_weight) * mpf(t), 1 - mpf(t)) for t in target.ravel().tolist()]
        least = sum(_binary_cost(a / (a + b), a, b) for a, b in parts) / target.size
    assert ulps(result.floor, least) <= 4
    assert result.excess == pytest.approx(result.value - result.floor, rel=1e-13)


def test_the_excess_is_exact_where_the_difference_is_not() -> None:
    """Near p = t value less floor is noise; the excess is what the definition says, and never negative."""
    t = np.array([0.3, 0.7, 1e-9])
    p = t * (1 + 1e-9)
    result = _evaluated("bce", p, t)
    with mp.workdps(60):
        pairs = [(mpf(a), mpf(b)) for a, b in zip(t.tolist(), p.tolist(), strict=True)]
        exact = sum(a * log(a / b) + (1 - a) * log((1 - a) / (1 - b)) for a, b in pairs) / 3
    assert result.excess == pytest.approx(float(exact), rel=1e-12)
    assert _evaluated("bce", t, t).excess == 0
    assert _evaluated("cross_entropy", SOFT, SOFT).excess == 0


@pytest.mark.parametrize(
    ("loss", "pred", "target"),
    [("cross_entropy", PROBS, SOFT), ("nll", np.log(PROBS), SOFT), ("bce", [0.25, 0.5], [0.5, 0.125])],
)
def test_in_bits(loss: str, pred: Any, target: Any) -> None:
    """Floor and excess are in the unit of the value."""
    nats, bits = (_evaluated(spec, pred, target) for spec in (loss, f"{loss}:units=bits"))
    for key in ("value", "floor", "excess"):
        assert getattr(bits, key) == pytest.approx(getattr(nats, key) / np.log(2), rel=1e-15), key


def test_certain_targets_have_none() -> None:
    """Nor do clipped probabilities, sums of losses, other losses, and a reduction that has no value."""
    for target in (HARD, np.eye(4)[HARD]):
        assert "floor" not in _evaluated("cross_entropy", PROBS, target).to_dict()
    assert "floor" not in _evaluated("bce", [0.25, 0.5], [0, 1]).to_dict()
    for loss in ("cross_entropy:clip=1e-9", "0.5 * cross_entropy", "kl"):
        assert "floor" not in _evaluated(loss, PROBS, SOFT).to_dict(), loss
    assert "floor" not in _evaluated("cross_entropy", PROBS, SOFT, reduction="none").to_dict()


def test_certain_rows_among_soft_ones_are_all_excess() -> None:
    """However the rows are cut into blocks, and as a sum the sums."""
    mixed = np.concatenate([np.eye(4)[HARD], SOFT])
    both = np.concatenate([PROBS, PROBS])
    results = [_evaluated("cross_entropy", both, mixed, block=block) for block in (1, 5, 12, 24)]
    assert len({(result.floor, result.excess) for result in results}) == 1
    total = _evaluated("cross_entropy", both, mixed, reduction="sum")
    assert total.floor == pytest.approx(24 * results[0].floor, rel=1e-15)
    assert total.excess == pytest.approx(24 * results[0].excess, rel=1e-15)


def test_infinite_excess() -> None:
    """The floor stays what it is."""
    result = _evaluated("cross_entropy", [[1.0, 0.0]], [[0.5, 0.5]])
    assert (result.floor, result.excess) == (pytest.approx(np.log(2)), np.inf)


def test_json_and_table_show_them(here: Path, run_here: Callable[..., Ran]) -> None:
    """And plain, which scripts read by its columns, does not."""
    put(here, {"p.csv": "a,b\n0.5,0.5\n", "t.csv": "a,b\n0.25,0.75\n"})
    asked = ("eval", "p.csv", "t.csv", "-l", "cross_entropy", "--format")
    shown = {name: run_here(*asked, name).stdout for name in ("json", "table", "plain")}
    (result,) = json.loads(shown["json"])["results"]
    assert result["excess"] == get("kl").value([[0.5, 0.5]], [[0.25, 0.75]])[0]
    assert "floor" in shown["table"]
    assert repr(result["floor"]) in shown["table"]
    assert "floor" not in shown["plain"]
