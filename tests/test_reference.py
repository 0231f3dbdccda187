"""Against values that other libraries gave when they were run, and values worked out by hand.

Where a library gives something else, that is no accident: it has a rule of its own, which the record names, and the
mathematical definition decides.
"""

from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import InputError
from losscli.registry import get
from tests.reference.accuracy import BOUND, ulps
from tests.reference.catalogue import mean, references
from tests.reference.exact import exactly
from tests.reference.recorded import (
    BY_FILE,
    CASES,
    DIFFERENCES,
    VERSIONS,
    array,
    derivative_of,
    label,
    number,
    roles_of,
    weight_of,
)

VALUE, DERIVATIVE = 1e-12, 1e-11  # relative; recorded by hand to `digits` digits

OF_ROWS = [case for case in CASES if get(case["loss"]).scope == "row"]
every_case = pytest.mark.parametrize("case", OF_ROWS, ids=label)


@every_case
def test_value(case: dict[str, Any]) -> None:
    """The weighted mean is what the library gave."""
    tolerance = max(VALUE, 10.0 ** -case.get("digits", 15))
    assert _evaluated(case) == pytest.approx(number(case), rel=tolerance, abs=0)


def _derivatives(cases: list[dict[str, Any]]) -> list[Any]:
    """The derivatives that the cases have, as parameters of a test."""
    found = [(case, key) for key in ("gradient", "hessian") for case in cases if key in case]
    return [pytest.param(case, key, id=f"{key}: {case.get('why') or label(case)}") for case, key in found]


@pytest.mark.parametrize(("case", "key"), _derivatives(OF_ROWS))
def test_derivative(case: dict[str, Any], key: str) -> None:
    """The derivatives of the weighted mean are what the library's autograd, or its own formula, gave."""
    found, recorded = _derivative(case, key), derivative_of(case, key)
    assert found.keys() == set(get(case["loss"]).kind.predictions)
    for role, wanted in recorded.items():
        assert found[role].shape == wanted.shape
        np.testing.assert_allclose(found[role], wanted, rtol=DERIVATIVE, atol=1e-14)


def _evaluated(case: dict[str, Any], **options: Any) -> float:
    return losscli.evaluate(case["loss"], **roles_of(case), weight=weight_of(case), **options).value


def _derivative(case: dict[str, Any], key: str) -> dict[str, Any]:
    """Gradient or Hessian diagonal of the weighted mean by prediction."""
    wanted = {"gradient": "grad", "hessian": "hess"}[key]
    report = losscli.evaluate(case["loss"], **roles_of(case), weight=weight_of(case), **{wanted: True})
    (result,) = report.results
    found = {"gradient": result.gradients, "hessian": result.hessians}[key]
    return {role: derivative.values for role, derivative in found.items()}


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
    ((role, recorded),) = derivative_of(case, key).items()
    ours = _derivative(case, key)[role]
    assert not np.allclose(recorded, ours, rtol=1e-11, atol=0)
    np.testing.assert_allclose(ours, array(case["ours"]), rtol=1e-15)


@_named(REFUSED)
def test_an_input_beyond_the_definition_is_refused(case: dict[str, Any]) -> None:
    """The library gives a number where the definition has none; here the input is refused."""
    assert np.isfinite(number(case))
    with pytest.raises(InputError, match=case["refused"]):
        _evaluated(case)


def _mean(case: dict[str, Any]) -> tuple[Any, Any]:
    """The exact weighted mean of a case with one output, and the size of its terms."""
    loss, arrays, weight = get(case["loss"]), list(roles_of(case).values()), weight_of(case)
    groups = [[exactly(a.tolist()) for a in arrays]]
    items = groups if loss.scope == "group" else list(references(loss)[0].items(arrays))
    found = mean(loss, items, None if weight is None else weight.tolist())
    return found.value, found.size


def test_versions_are_recorded() -> None:
    """The files say what they were recorded from."""
    for versions, cases in zip(VERSIONS, BY_FILE, strict=True):
        assert "numpy" in versions
        assert {case["by"].split(":")[0] for case in cases} <= {*versions, "by hand", "paper"}
