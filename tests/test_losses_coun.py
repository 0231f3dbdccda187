"""Counts, amounts and forecasts: hostile points, the ends of parameters, and what their definitions imply."""

import itertools
from math import inf, log, pi
from typing import Any

import numpy as np
import pytest
from mpmath import isfinite, loggamma, mp, mpf

import losscli
from losscli.errors import InputError, UsageError
from losscli.kinds import POSITIVE
from losscli.registry import get
from tests.reference.accuracy import ulps
from tests.reference.catalogue import reference
from tests.reference.exact import DIGITS, ENOUGH, Sum

TINY, HUGE = 5e-324, 1.7976931348623157e308
ENDS = [TINY, 1e-310, 1e-300, 1e-160, 1e-20, 0.3, 1.0, 1.1, 37.3, 1e10, 1e155, 1e300, HUGE / 2]


def assert_near(spec: str, *arrays: Any) -> None:
    """Values, and gradients and curvatures where the value is finite, are within what is promised of the definition."""
    loss = get(spec)
    exact = reference(loss, ENOUGH if "power=3" in spec else DIGITS)
    value, gradient, hessian = loss.compute(loss.check([np.array(a, float) for a in arrays]), 2)
    for i, roles in enumerate(exact.items([np.array(a, float) for a in arrays])):
        wanted, bound = exact.value(roles), exact.definition.ulps
        assert ulps(value[i], wanted.value, wanted.size) <= bound, f"{spec} of {[*map(float, roles)]}: {value[i]!r}"
        if not (isfinite(wanted.value) and roles[0]):
            continue
        slope, curvature = exact.derivatives(roles)
        slope = Sum(0, 0) if roles[0] == roles[1] else slope  # of which a difference leaves its last digits
        for found, one in ((gradient[i], slope), (hessian[i], curvature)):
            assert ulps(found, one.value, one.size) <= bound, f"{spec}, of {[*map(float, roles)]}: {found!r}"


# Counts and amounts


@pytest.mark.parametrize(
    "spec",
    [
        *("poisson_nll", "poisson_deviance", "gamma_nll", "gamma_deviance"),
        *(f"tweedie_deviance:power={power}" for power in ("1.0000000001", "1.5", "1.9999999999")),
        *(f"tweedie_deviance:power={power}" for power in ("2.5", "3")),
    ],
)
def test_amounts_of_every_size(spec: str) -> None:
    """From subnormal to the largest, far apart, next to each other, and 0 where it may be."""
    near = [(x, x * (1 + share)) for x in ENDS[:-1] for share in (0.0, 1e-15, 1e-8, -1e-3, 0.3, 1.5)]
    pairs = [*itertools.product(ENDS, ENDS), *near]
    if get(spec).kind.roles[1].allowed(get(spec).params) != POSITIVE:
        pairs += [(x, 0.0) for x in ENDS]
    assert_near(spec, *zip(*pairs, strict=True))


@pytest.mark.parametrize("spec", ["poisson_nll:full=true", "poisson_nll:form=log_rate,full=true"])
def test_probabilities_of_counts(spec: str) -> None:
    """Minus the logarithm of a probability, within 4 ulp of itself for counts from 0 to those no factorial reaches."""
    counts = [0, 1, 2, 3, 7, 14, 15, 16, 17, 40, 170, 171, 1000, 2.0**53, 1e100]
    rates = [(max(t, 0.5) * factor, t) for t in counts for factor in (1e-5, 0.7, 1.0, 1.0 + 1e-9, 1.4, 30.0)]
    if "log_rate" in spec:
        rates = [(log(rate), t) for rate, t in rates]
    assert_near(spec, *zip(*rates, strict=True))


def test_probabilities_of_counts_add_up_to_1() -> None:
    counts = np.arange(100.0)
    for rate in (1e-9, 0.4, 3.0, 22.5):
        costs = get("poisson_nll:full=true").value(np.full(100, rate), counts)
        assert np.exp(-costs).sum() == pytest.approx(1, rel=1e-14)


def test_log_rates_of_every_size() -> None:
    rates = [-1e308, -1000.0, -745.2, -1.0, 0.0, 1e-300, 2.0, 700.0, 709.7, 710.0, 1e308]
    pairs = list(itertools.product(rates, [0.0, 0.25, 3.0, 1e15]))
    assert_near("poisson_nll:form=log_rate", *zip(*pairs, strict=True))


@pytest.mark.parametrize(
    ("spec", "pred", "target", "wanted"),
    [
        ("poisson_nll", 0.0, 0.0, (0.0, 1.0, 0.0)),
        ("poisson_nll:full=true", 0.0, 0.0, (0.0, 1.0, 0.0)),
        ("poisson_nll", 0.0, 2.0, (inf, -inf, inf)),
        ("poisson_deviance", 0.0, 0.0, (0.0, 2.0, 0.0)),
        ("poisson_deviance", 0.0, 2.0, (inf, -inf, inf)),
        ("tweedie_deviance", 0.0, 0.0, (0.0, inf, -inf)),
        ("tweedie_deviance", 0.0, 2.0, (inf, -inf, inf)),
        ("tweedie_deviance", 4.0, 0.0, (8.0, 1.0, -0.125)),
    ],
)
def test_ends_of_the_domain(spec: str, pred: float, target: float, wanted: tuple[float, ...]) -> None:
    """At a prediction of 0 values and derivatives are their limits from above."""
    loss = get(spec)
    found = loss.compute(loss.check([np.array([pred]), np.array([target])]), 2)
    assert [one[0] for one in found] == pytest.approx(wanted, rel=1e-15)


def test_powers_are_the_losses_they_are_called_after() -> None:
    """0, 1 and 2 to the last bit; the value runs through 1 and 2 without a jump."""
    rng = np.random.default_rng(51)
    pred, target = rng.gamma(1.0, 2.0, (2, 100))
    for power, name in ((0, "mse"), (1, "poisson_deviance"), (2, "gamma_deviance")):
        loss, same = get("tweedie_deviance", power=power), get(name)
        for found in ("value", "gradient", "hessian"):
            assert (getattr(loss, found)(pred, target) == getattr(same, found)(pred, target)).all()
    for power in (1, 2):
        here = get("tweedie_deviance", power=power).value(pred, target)
        for near in {np.nextafter(power, 0) if power > 1 else 1, np.nextafter(power, 3)}:
            np.testing.assert_allclose(get("tweedie_deviance", power=near).value(pred, target), here, rtol=1e-13)
    np.testing.assert_allclose(
        get("tweedie_deviance:power=3").value(pred, target), (pred - target) ** 2 / (target * pred**2), rtol=1e-13
    )


@pytest.mark.parametrize("power", [TINY, 0.5, np.nextafter(1, 0)])
def test_no_distribution_has_a_power_between_0_and_1(power: float) -> None:
    with pytest.raises(UsageError, match=r"^tweedie_deviance: power=.*power is 0, or from 1 on"):
        get("tweedie_deviance", power=power)


@pytest.mark.parametrize(
    ("spec", "pred", "target", "says"),
    [
        ("poisson_nll", -1.0, 0.0, r"pred: row 1: -1.0 is outside \[0, inf\]; if these are log-rates"),
        ("poisson_nll", 1.0, -1.0, r"target: row 1: -1.0 is outside \[0, inf\]; counts start at 0"),
        ("poisson_nll:full=true", 1.0, 0.5, r"target: row 1: 0.5 is no count, which full=true needs"),
        ("gamma_nll", 0.0, 1.0, r"pred: row 1: 0.0 is outside \(0, inf\]"),
        (
            "gamma_deviance",
            1.0,
            0.0,
            r"target: row 1: 0.0 is outside \(0, inf\]; where targets are 0, tweedie_deviance",
        ),
        ("tweedie_deviance", 1.0, -1.0, r"target: row 1: -1.0 is outside \[0, inf\]; power 1 up to 2"),
        ("tweedie_deviance:power=2", 1.0, 0.0, r"target: row 1: 0.0 is outside \(0, inf\]"),
        ("laplace_nll", 1.0, 0.0, None),
    ],
)
def test_what_is_refused(spec: str, pred: float, target: float, says: str | None) -> None:
    if says is None:
        with pytest.raises(InputError, match=r"scale: row 1: 0.0 is outside \(0, inf\]"):
            losscli.evaluate(spec, pred=[1.0, pred], target=[1.0, target], scale=[1.0, 0.0])
        return
    with pytest.raises(InputError, match=says):
        losscli.evaluate(spec, pred=[1.0, pred], target=[1.0, target])


# A place and a scale


@pytest.mark.parametrize("spec", ["laplace_nll", "student_t_nll", "student_t_nll:df=1", "student_t_nll:df=1e300"])
@pytest.mark.parametrize("scale", [1e-200, 1e-5, 1.0, 1e200])
def test_errors_of_every_size(spec: str, scale: float) -> None:
    """z, its square and its inverse may leave the range where the loss does not."""
    errors = [sign * x for x in (0.0, *ENDS) for sign in (1, -1) if x or "laplace" not in spec]
    assert_near(spec, errors, [0.0] * len(errors), [scale] * len(errors))


@pytest.mark.parametrize("spec", ["student_t_nll", "student_t_nll:df=1e300"])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e308])
def test_errors_between_two_large_numbers(spec: str, scale: float) -> None:
    """What counts is how far they are apart, wherever they lie, even if that is beyond the range."""
    assert_near(spec, [1e200, -1e308, 3e200], [-3e200, 1.7e308, 1e200], [scale] * 3)


def test_the_constant_of_student_t() -> None:
    """It is that of log-gamma, which cancels for many degrees of freedom."""
    for df in (1e-6, 0.5, 1, 2, 4, 29.5, 59.9, 60, 61, 1e3, 1e10, 1e300):
        with mp.workdps(400):
            exact = loggamma(mpf(df) / 2) - loggamma((mpf(df) + 1) / 2) + mp.log(mpf(df) * mp.pi) / 2
        assert ulps(get("student_t_nll", df=df).value([1.0], [1.0], [1.0])[0], exact, max(1, abs(exact))) <= 4


def test_student_t_with_no_end_of_degrees_is_gaussian() -> None:
    rng = np.random.default_rng(52)
    (pred, target), scale = rng.normal(size=(2, 50)), rng.gamma(2.0, 1.0, 50)
    gaussian = get("gaussian_nll:full=true")
    for df in ("inf", "1e20"):
        loss = get(f"student_t_nll:df={df}")
        for found in ("value", "gradient", "hessian"):
            wanted = getattr(gaussian, found)(pred, target, scale**2)
            np.testing.assert_allclose(getattr(loss, found)(pred, target, scale), wanted, rtol=1e-13)


def test_crps_of_a_narrow_gaussian_is_the_absolute_error() -> None:
    pred, target = np.array([3.0, -1e300, 1e-8]), np.array([1.0, 1e300, 0.0])
    loss = get("crps_normal")
    for scale in (TINY, 1e-300, 1e-30):
        assert (loss.value(pred, target, np.full(3, scale)) == np.abs(pred - target)).all()
        assert (loss.gradient(pred, target, np.full(3, scale)) == np.sign(pred - target)).all()
    assert loss.value([2.0], [2.0], [3.0])[0] == pytest.approx(3 * ((2**0.5 - 1) / pi**0.5), rel=1e-15)


# Members


def _pairwise(members: Any, target: float, pairs: int) -> float:
    apart = sum(abs(x - y) for x in members for y in members)
    return float(np.mean(np.abs(members - target)) - apart / (2 * pairs))


@pytest.mark.parametrize("estimator", ["biased", "fair"])
def test_ensembles_with_equal_members(estimator: str) -> None:
    """The same as member by member, whatever their order, with members that are equal and that are the outcome."""
    loss = get(f"crps_ensemble:estimator={estimator}")
    for members in itertools.product([0.0, 1.0, 3.0], repeat=4):
        pairs = 12 if estimator == "fair" else 16
        for target in (-1.0, 0.0, 0.5, 1.0, 3.0, 7.0):
            found = loss.value([members], [target])[0]
            assert found == pytest.approx(_pairwise(np.array(members), target, pairs), rel=1e-14, abs=1e-15)
            assert found == loss.value([sorted(members)], [target])[0]
        backwards = loss.gradient([members[::-1]], [1.0])[0]
        assert (backwards[::-1] == loss.gradient([members], [1.0])[0]).all()


def test_an_ensemble_of_one_is_the_absolute_error() -> None:
    """In one column or in an array of one dimension; fair needs two."""
    pred, target = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.5, 2.0])
    for one in (pred, pred[:, None]):
        assert (get("crps_ensemble").value(one, target) == np.abs(pred - target)).all()
        assert (get("crps_ensemble").gradient(one, target).ravel() == np.sign(pred - target)).all()
        with pytest.raises(InputError, match="two at least are needed, 2 columns of pred"):
            get("crps_ensemble:estimator=fair").value(one, target)


@pytest.mark.parametrize("pred", [[[HUGE, -HUGE]], [[HUGE, HUGE]], [[-HUGE, -HUGE]]])
def test_members_at_the_ends_of_the_range(pred: list[list[float]]) -> None:
    for spec in ("crps_ensemble", "crps_ensemble:estimator=fair"):
        wanted = _pairwise(np.array(pred[0]) / 4, 0.0, 2 if "fair" in spec else 4) * 4
        assert get(spec).value(pred, [0.0])[0] == pytest.approx(wanted, rel=1e-15, abs=0)


def test_vectors_of_one_entry_are_numbers() -> None:
    """energy_score with one column a member is crps_ensemble."""
    rng = np.random.default_rng(53)
    pred, target = rng.normal(size=(20, 6)), rng.normal(size=20)
    for estimator in ("biased", "fair"):
        vectors, numbers = (get(f"{name}:estimator={estimator}") for name in ("energy_score", "crps_ensemble"))
        for found in ("value", "gradient", "hessian"):
            wanted = getattr(numbers, found)(pred, target)
            np.testing.assert_allclose(getattr(vectors, found)(pred, target), wanted, rtol=1e-13, atol=1e-15)


def test_one_vector_costs_its_distance() -> None:
    loss, far = get("energy_score"), [[3.0, -4.0, 0.0]]
    assert loss.value(far, [[0.0, 0.0, 0.0]])[0] == 5
    assert loss.gradient(far, [[0.0, 0.0, 0.0]]) == pytest.approx(np.array([[0.6, -0.8, 0.0]]))
    assert loss.hessian(far, [[0.0, 0.0, 0.0]]) == pytest.approx(np.array([[0.128, 0.072, 0.2]]))
    for size in (HUGE / 8, 1e-200, TINY):
        assert loss.value([[3 * size, 0.0]], [[0.0, 4 * size]])[0] == pytest.approx(5 * size, rel=1e-15, abs=0)
    assert loss.value([[HUGE, -HUGE, HUGE, HUGE]], [[0.0, 0.0]])[0] == pytest.approx((2**0.5 - 0.5) * HUGE, rel=1e-15)


@pytest.mark.parametrize(
    ("spec", "pred", "target", "says"),
    [
        ("energy_score", (4, 5), (4, 2), "as many columns a member as target has"),
        ("energy_score", (4, 2), (4, 3), "as many columns a member as target has"),
        ("energy_score", (4, 4), (3, 2), "as many columns a member as target has"),
        ("energy_score:estimator=fair", (4, 2), (4, 2), "two at least are needed, 4 columns of pred"),
        ("crps_ensemble", (4, 4), (4, 2), "a column a member and one outcome a row"),
    ],
)
def test_members_that_do_not_fit(spec: str, pred: tuple[int, int], target: tuple[int, int], says: str) -> None:
    with pytest.raises(InputError, match=says):
        get(spec).value(np.ones(pred), np.ones(target))
