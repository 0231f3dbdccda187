"""Against values that other libraries gave when they were run, and values worked out by hand.

Where a library gives something else, that is no accident: it has a rule of its own, which the record names, and the
mathematical definition decides.
"""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import InputError
from losscli.registry import get
from tests.reference.accuracy import BOUND, ulps
from tests.reference.definitions import Reference, exactly
from tests.reference.recorded import CASES, DIFFERENCES, VERSIONS, array, label, number

VALUE, DERIVATIVE = 1e-12, 1e-11  # relative; recorded by hand to `digits` digits

every_case = pytest.mark.parametrize("case", CASES, ids=label)


@every_case
def test_value(case: dict[str, Any]) -> None:
    """The weighted mean is what the library gave."""
    tolerance = max(VALUE, 10.0 ** -case.get("digits", 15))
    assert _evaluated(case) == pytest.approx(number(case), rel=tolerance, abs=0)


def _derivatives(cases: list[dict[str, Any]]) -> list[Any]:
    """The derivatives that the cases have, as parameters of a test."""
    found = [(case, key) for key in ("gradient", "hessian") for case in cases if key in case]
    return [pytest.param(case, key, id=f"{key}: {case.get('why') or label(case)}") for case, key in found]


@pytest.mark.parametrize(("case", "key"), _derivatives(CASES))
def test_derivative(case: dict[str, Any], key: str) -> None:
    """The derivatives of the weighted mean are what the library's autograd, or its own formula, gave."""
    found, recorded = _of_the_mean(case)[key], array(case, key)
    assert found.shape == recorded.shape
    np.testing.assert_allclose(found, recorded, rtol=DERIVATIVE, atol=1e-14)


def _evaluated(case: dict[str, Any], **options: Any) -> float:
    arrays = {key: array(case, key) for key in ("pred", "target", "weight")}
    return losscli.evaluate(case["loss"], **arrays, **options).value


def _of_the_mean(case: dict[str, Any]) -> dict[str, Any]:
    """Gradient and Hessian diagonal of the weighted mean; for an aggregate loss by the chain rule."""
    loss, arrays = get(case["loss"]), [array(case, "pred"), array(case, "target")]
    share = _share(case).reshape(-1, *[1] * (arrays[0].ndim - 1))
    gradient, hessian = share * loss.gradient(*arrays), share * loss.hessian(*arrays)
    if loss.definition.finish:
        _, slope, curvature = loss.definition.finish(Fraction(float(_share(case) @ loss.value(*arrays))))
        return {"gradient": slope * gradient, "hessian": slope * hessian + curvature * gradient**2}
    return {"gradient": gradient, "hessian": hessian}


def _share(case: dict[str, Any]) -> Any:
    """What part of the mean a row is."""
    weight = array(case, "weight")
    weight = np.ones(len(array(case, "pred"))) if weight is None else weight
    return weight / weight.sum()


# Differences


REFUSED = [case for case in DIFFERENCES if "refused" in case]
OF_VALUES = [case for case in DIFFERENCES if "value" in case and "refused" not in case]


def _named(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["why"])


@_named(OF_VALUES)
def test_a_value_that_differs_is_that_of_the_definition(case: dict[str, Any]) -> None:
    """The library's value is another, by its rule; ours lies within 4 ulp of the definition's."""
    ours = _evaluated(case, allow_inf=True)
    assert number(case) != pytest.approx(ours, rel=1e-9, abs=0)
    assert ulps(ours, *_mean(case)) <= BOUND


@pytest.mark.parametrize(("case", "key"), _derivatives(DIFFERENCES))
def test_a_derivative_that_differs_is_that_of_the_definition(case: dict[str, Any], key: str) -> None:
    """The library's derivative is another, by its rule; ours is the definition's, or the one declared at a kink."""
    ours = _of_the_mean(case)[key]
    assert not np.allclose(array(case, key), ours, rtol=1e-11, atol=0)
    np.testing.assert_allclose(ours, array(case, "ours"), rtol=1e-15)


@_named(REFUSED)
def test_an_input_beyond_the_definition_is_refused(case: dict[str, Any]) -> None:
    """The library gives a number where the definition has none; here the input is refused."""
    assert np.isfinite(number(case))
    with pytest.raises(InputError, match=case["refused"]):
        _evaluated(case)


def _mean(case: dict[str, Any]) -> tuple[Any, Any]:
    """The exact weighted mean of a case with one output, and the size of its terms."""
    loss = get(case["loss"])
    reference = Reference.of(loss.name, loss.params)
    preds, targets = array(case, "pred"), array(case, "target")
    if not reference.definition.rowwise:
        preds, targets = preds.reshape(-1), targets.reshape(-1)
    weight = array(case, "weight")
    found = reference.mean(
        [exactly(p) for p in preds.tolist()],
        [exactly(t) for t in targets.tolist()],
        None if weight is None else weight.tolist(),
    )
    return found.value, found.size


def test_versions_are_recorded() -> None:
    """The file says what it was recorded from."""
    assert set(VERSIONS) == {"torch", "scikit-learn", "numpy"}
    assert {case["by"].split(":")[0] for case in CASES + DIFFERENCES} == {*VERSIONS, "by hand"}
