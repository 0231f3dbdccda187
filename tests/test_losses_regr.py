"""What is special in the losses of regression: relative and logarithmic errors, losses of the whole, skill."""

from collections.abc import Iterator
from fractions import Fraction
from math import copysign, inf, isnan, log1p, nan, nextafter
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import losscli
from losscli.errors import BadValueError, InputError, UsageError
from losscli.exact import root, to_float
from losscli.registry import Loss, get
from tests.laws_support import ALL_VARIANTS, random_data
from tests.reference.accuracy import BOUND, ulps
from tests.reference.catalogue import reference
from tests.reference.exact import DIGITS, ENOUGH, exactly
from tests.reference.recorded import CASES, label, number, roles_of, weight_of

NAMES = ("max_error", "medae", "nrmse", "d2")
WHOLE = [spec for spec in ALL_VARIANTS if spec.partition(":")[0] in NAMES]
every_whole = pytest.mark.parametrize("spec", WHOLE)
TINY, HUGE = 5e-324, 1.7976931348623157e308


# Of the whole


def of_whole(loss: Loss, arrays: list[Any], weight: Any, order: int = 0) -> list[Any]:
    """Value and derivatives of all rows with their weights."""
    checked = loss.check([np.asarray(a) for a in arrays])
    value, *found = loss.yielded([*(a[None] for a in checked), np.asarray(weight, float)[None]], order)
    return [float(value[0]), *(d[0] for d in found)]


def data_of(loss: Loss, rows: int = 9) -> Iterator[tuple[list[Any], Any]]:
    """Arrays in one column and in three where the loss takes them, and weights."""
    rng = np.random.default_rng(11)
    weights = (np.ones(rows), rng.integers(1, 4, rows).astype(float), rng.uniform(0.1, 5, rows))
    for seed, weight in enumerate(weights, 1):
        for outputs in (1, 3):
            yield random_data(loss, rows, outputs, seed).arrays, weight


@every_whole
def test_the_whole_is_that_of_the_definition(spec: str) -> None:
    """Value, gradient and Hessian diagonal, with weights and without."""
    loss = get(spec)
    exact, order = reference(loss), 0 if loss.definition.underived else 2
    for arrays, weight in data_of(loss):
        roles = [exactly(a.tolist()) for a in (*arrays, weight)]
        wanted = exact.value(roles)
        value, *found = of_whole(loss, arrays, weight, order)
        assert ulps(value, wanted.value, wanted.size) <= BOUND
        if arrays[0].ndim == 1:
            for k in range(len(arrays[0])) if found else ():
                for one, other in zip(found, exact.derivatives(roles, 0, k), strict=True):
                    size = max(other.size, mpf(10) ** -40)  # of which a division leaves that much of a slope of 0
                    assert ulps(float(one[k]), other.value, size) <= BOUND, k


@every_whole
def test_a_row_of_the_whole_counts_by_its_weight(spec: str) -> None:
    """A row of weight k is k such rows, and their order is no matter, to the last bit."""
    loss, rng = get(spec), np.random.default_rng(12)
    for arrays, _ in data_of(loss):
        weight = rng.integers(1, 4, len(arrays[0]))
        repeated = [np.repeat(a, weight, axis=0) for a in arrays]
        value = of_whole(loss, arrays, weight)
        assert value == of_whole(loss, repeated, np.ones(weight.sum()))
        order = rng.permutation(len(weight))
        assert value == of_whole(loss, [a[order] for a in arrays], weight[order])
        if not loss.definition.underived:
            shared, single = (
                of_whole(loss, *given, 1)[1] for given in ((arrays, weight), (repeated, np.ones(weight.sum())))
            )
            of_rows = np.add.reduceat(single, np.cumsum(weight) - weight, axis=0)
            np.testing.assert_allclose(shared, of_rows, rtol=1e-14, atol=1e-300)


@every_whole
def test_one_row_and_plain_calls(spec: str) -> None:
    """Loss.value takes the rows as one whole, and one row is enough, or without a scale."""
    loss = get(spec)
    arrays = random_data(loss, 5).arrays
    assert loss.value(*arrays).shape == (1,)
    assert loss.value(*arrays)[0] == of_whole(loss, arrays, np.ones(5))[0]
    one = loss.value(*(a[:1] for a in arrays))[0]
    assert isnan(one) if loss.name == "d2" else one >= 0
    if loss.definition.underived:
        with pytest.raises(UsageError, match="no derivatives"):
            loss.gradient(*arrays)
    else:
        assert loss.gradient(*arrays).shape == loss.hessian(*arrays).shape == arrays[0].shape


@pytest.mark.parametrize("spec", ["r2", "nrmse", "d2", "d2:deviance=bce"])
def test_several_columns_have_no_common_scale(spec: str) -> None:
    with pytest.raises(InputError, match=r"pred has 2 columns, shape \(3, 2\); .* one column at a time"):
        get(spec).value(np.full((3, 2), 0.5), np.full((3, 2), 0.5))


OF_WHOLE = [case for case in CASES if get(case["loss"]).name in NAMES]


@pytest.mark.parametrize("case", OF_WHOLE, ids=label)
def test_recorded_values_of_the_whole(case: dict[str, Any]) -> None:
    arrays = list(roles_of(case).values())
    weight = weight_of(case)
    value, *_ = of_whole(get(case["loss"]), arrays, np.ones(len(arrays[0])) if weight is None else weight)
    assert value == pytest.approx(number(case), rel=1e-12, abs=0)


MEDIANS = [
    ([3.0], [1.0], 3.0),
    ([3.0, 1.0], [1.0, 1.0], 2.0),
    ([3.0, 1.0], [1.0, 1.5], 1.0),
    ([3.0, 1.0, 2.0], [0.1, 0.2, 0.3], 2.0),
    ([1.0, 2.0, 3.0], [0.1, 0.2, 0.1 + 0.2], 3.0),  # which as a float64 is more than both together
    ([1.0, 2.0], [1e300, 1e-300], 1.0),
    ([1e308, 1.2e308], [1.0, 1.0], 1.1e308),
    ([TINY, 3 * TINY], [1.0, 1.0], 2 * TINY),
]


@pytest.mark.parametrize(("sizes", "weight", "wanted"), MEDIANS)
def test_weighted_median(sizes: list[float], weight: list[float], wanted: float) -> None:
    """Half of the weights is told from more than half exactly."""
    assert of_whole(get("medae"), [sizes, np.zeros(len(sizes))], weight) == [wanted]


def test_errors_beyond_the_range() -> None:
    """A share of the targets' scale, or half way between two errors, may be a float64 where an error is none."""
    pred, target = [1e308, 1.0, 1e308], [-1e308, 1.0, 1e308]
    assert get("medae").value([1e308, 1.0], [-1e308, 0.0])[0] == 1e308
    assert get("nrmse:divisor=range").value(pred, target)[0] == pytest.approx((1 / 3) ** 0.5, rel=1e-15)
    assert get("d2").value(pred, target)[0] == losscli.evaluate("r2", pred=pred, target=target).value == -1.0
    assert get("max_error").value(pred, target)[0] == inf


@pytest.mark.parametrize(
    ("spec", "pred", "target", "wanted"),
    [
        ("nrmse", [1.0, 2.0], [1.0, -1.0], inf),
        ("nrmse", [1.0, -1.0], [1.0, -1.0], nan),
        ("nrmse:divisor=range", [1.0, 2.0], [3.0, 3.0], inf),
        ("nrmse:divisor=std", [3.0, 3.0], [3.0, 3.0], nan),
        ("d2", [1.0, 2.0], [3.0, 3.0], nan),
        ("d2:deviance=mae", [1.0, 2.0], [3.0, 3.0], nan),
        ("d2:deviance=bce", [0.5, 0.5], [1.0, 1.0], nan),
        ("d2:deviance=bce", [0.0, 0.5], [1.0, 0.0], -inf),
        ("max_error", [3.0], [3.0], 0.0),
    ],
)
def test_scales_of_zero(spec: str, pred: list[float], target: list[float], wanted: float) -> None:
    """Something over nothing is infinite, nothing over nothing undefined, and no constant has skill over itself."""
    np.testing.assert_equal(get(spec).value(pred, target)[0], wanted)


def test_the_largest_errors_share_the_slope() -> None:
    assert get("max_error").gradient([1.0, 5.0, -3.0, 2.0], [0.0, 2.0, 0.0, 2.0]).tolist() == [0.0, 0.5, -0.5, 0.0]
    assert get("max_error").gradient([1.0, 2.0], [1.0, 2.0]).tolist() == [0.0, 0.0]
    assert of_whole(get("max_error"), [[1.0, -1.0], [0.0, 0.0]], [3.0, 1.0], 1)[1].tolist() == [0.75, -0.25]
    assert get("max_error").value(np.uint8([0, 200]), np.uint8([1, 100]))[0] == 100.0


# R²


def _exact_r2(pred: list[float], target: list[float]) -> tuple[Fraction, Fraction]:
    """1 - the share that is left, and that share."""
    errors = [(Fraction(p) - Fraction(t)) ** 2 for p, t in zip(pred, target, strict=True)]
    mean = sum(map(Fraction, target)) / len(target)
    share = sum(errors) / sum((Fraction(t) - mean) ** 2 for t in target)
    return 1 - share, share


TARGETS = {
    "near each other": [1e8, 1e8 + 2e-8, 1e8 - 1e-8, 1e8],
    "neighbours": [1.0, 1.0 + 2.0**-52, 1.0, 1.0],
    "huge": [1e200, -3e200, 2e199, 1e308],
    "largest": [HUGE, -HUGE, 0.0, HUGE],
    "tiny": [1e-200, 3e-200, -1e-200, 1e-300],
    "subnormal": [TINY, 3 * TINY, 0.0, 1e-310],
    "of every size": [1e-300, 1e300, 1.0, -1e-5],
    "at the seams": [2.0**480, 2.0**479, -(2.0**480), 2.0**481],
    "at the lower seams": [2.0**-450, 2.0**-451, 0.0, -(2.0**-450)],
}


@pytest.mark.parametrize("spec", ["r2", "d2"])
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_r2_of_hostile_targets(spec: str, target: list[float]) -> None:
    """Within 4 ulp of the size of its terms, whatever cancels, overflows or vanishes in squares."""
    near = np.clip([t * 1.001 for t in target], -HUGE, HUGE).tolist()
    for pred in (near, [0.0] * 4, target[::-1], [*target[:3], target[3] / 2]):
        value, share = _exact_r2(pred, target)
        loss = get(spec)
        found = losscli.evaluate(loss, pred=pred, target=target).value if spec == "r2" else loss.value(pred, target)[0]
        exact, size = (mpf(x.numerator) / x.denominator for x in (value, 1 + share))
        assert ulps(found, exact, size) <= BOUND, (pred, found)


def test_r2_undefined_and_derivatives() -> None:
    """Constant targets are no standard; a large error's slope is right though its square is beyond the range."""
    (result,) = losscli.evaluate("r2", pred=[1.0, 2.0], target=[0.1, 0.1], grad=True).results
    assert isnan(result.value)
    assert np.isnan(result.gradient).all()
    pred, target = [3e200, 1e200, 0.0], [1e200, 2e200, -1e200]
    (result,) = losscli.evaluate("r2", pred=pred, target=target, grad=True, hess=True).results
    spread = Fraction(1e200) ** 2 + Fraction(2e200) ** 2 + Fraction(1e200) ** 2 - Fraction(2e200) ** 2 / 3
    wanted = [to_float(-2 * (Fraction(p) - Fraction(t)) / spread) for p, t in zip(pred, target, strict=True)]
    np.testing.assert_allclose(result.gradient, wanted, rtol=1e-15)
    assert result.hessian.tolist() == [0.0] * 3  # -2 / 5e400
    assert isnan(losscli.evaluate("r2", pred=[inf, 1.0], target=[1.0, 2.0], allow_inf=True).value)


def test_r2_is_one_minus_nrmse_squared() -> None:
    pred, target = random_data(get("r2")).arrays
    share = losscli.evaluate("r2", pred=pred, target=target).value
    assert 1 - get("nrmse:divisor=std").value(pred, target)[0] ** 2 == pytest.approx(share, rel=1e-14)
    assert get("d2").value(pred, target)[0] == pytest.approx(share, rel=1e-15)
    assert get("r2").definition.better == get("d2").definition.better == "higher"


@pytest.mark.parametrize("deviance", ["poisson_deviance", "gamma_deviance"])
@pytest.mark.parametrize(
    "target",
    [[1.0, nextafter(1.0, 2), 1.0], [TINY, 2 * TINY, TINY], [HUGE, HUGE / 2, 1e307], [1e-300, 1e300, 5.0]],
)
def test_d2_of_hostile_deviances(deviance: str, target: list[float]) -> None:
    """The least deviance is that of the exact mean, where targets hardly differ and at the ends of the range."""
    pred = [t * 0.5 if t > 1 else t * 3 for t in target]
    weight = [1.0] * 3
    loss = get("d2", deviance=deviance)
    exact = reference(loss).value([[mpf(x) for x in some] for some in (pred, target, weight)])
    assert ulps(losscli.evaluate(loss, pred=pred, target=target).value, exact.value, exact.size) <= BOUND


# Relative errors


def test_a_target_of_zero_is_refused_with_the_way_out() -> None:
    with pytest.raises(
        InputError, match=r"row 1: -0.0 is outside \[-inf, 0\) or \(0, inf\]; .*--mask-col.*wmape or smape"
    ):
        losscli.evaluate("mape", pred=[1.0, 2.0], target=[1.0, -0.0])
    assert losscli.evaluate("mape", pred=[1.0, 2.0], target=[2.0, 0.0], weight=[1, 0]).value == 0.5
    for role in ("pred", "target"):
        arrays = {"pred": [1.0, 0.0], "target": [1.0, 0.0], role: [0.0, -1.0]}
        for spec in ("msle", "rmsle"):
            with pytest.raises(BadValueError, match=r"-1.0 is outside \(-1, inf\]; .*ln\(1 \+ x\)") as caught:
                get(spec).value(*arrays.values())
            assert (caught.value.role, caught.value.row) == (role, 1)


def test_smape_at_its_ends() -> None:
    """Nothing for nothing; 2 for any other prediction of 0, of the other sign, or where the sum is beyond the range."""
    loss = get("smape")
    pred, target = [0.0, -0.0, 1e-300, -1.0, HUGE, TINY, HUGE], [0.0, 0.0, 0.0, 2.0, -HUGE, -TINY, HUGE]
    assert loss.value(pred, target).tolist() == [0.0, 0.0, 2.0, 2.0, 2.0, 2.0, 0.0]
    assert copysign(1, loss.value([0.0], [-0.0])[0]) == 1
    assert loss.gradient(pred, target).tolist() == [0.0] * 7
    assert loss.gradient([TINY], [1e10])[0] == -4e-10
    assert loss.value([HUGE], [HUGE / 3])[0] == pytest.approx(1.0, rel=1e-15)


def test_wmape_of_nothing() -> None:
    """Undefined for no amount and no error, infinite for an error of no amount."""
    assert isnan(losscli.evaluate("wmape", pred=[0.0, 0.0], target=[0.0, 0.0]).value)
    assert losscli.evaluate("wmape", pred=[0.0, 1.0], target=[0.0, 0.0]).value == inf
    assert losscli.evaluate("wmape", pred=[1e308, 1.0], target=[-1e308, 1.0]).value == 2.0
    assert losscli.evaluate("wmape", pred=[3 * TINY], target=[2 * TINY]).value == 0.5


# Logarithmic errors

NEAR = [-1 + 2.0**-53, -1 + 1e-10, -0.75, -0.5, -0.3, -1e-10, -1e-300, 0.0, TINY, 1e-310, 1e-200, 1e-17, 1e-8, 0.3]
NEAR += [0.5, 1.0, 1.5, 1.7182818, 37.0, 1e10, 1e15, 1e15 + 2, 1e200, HUGE]


def test_logarithmic_errors_of_every_size() -> None:
    """Value, gradient and curvature from the end of the domain to that of the range, near each other and far apart."""
    loss, pairs = get("msle"), [(p, t) for p in NEAR for t in NEAR]
    value, gradient, hessian = loss.compute([np.array([p for p, _ in pairs]), np.array([t for _, t in pairs])], 2)
    for k, (p, t) in enumerate(pairs):
        with mp.workdps(ENOUGH):
            above = 1 + mpf(p)
            error = mp.log(above / (1 + mpf(t)))
            bent = 2 * (1 - error) / above**2
            assert ulps(float(value[k]), error**2) <= BOUND, (p, t)
            assert ulps(float(gradient[k]), 2 * error / above) <= BOUND, (p, t)
            assert ulps(float(hessian[k]), bent, 2 * (1 + abs(error)) / above**2) <= BOUND, (p, t)


def test_rmsle_of_the_smallest_errors() -> None:
    """Squares of them are none, their root mean square is."""
    for pred in ([1e-200, 0.0], [TINY, TINY], [1e-155, 1e-145]):
        (result,) = losscli.evaluate("rmsle", pred=pred, target=[0.0, 0.0], grad=True).results
        assert result.value == root(sum((Fraction(p) ** 2 for p in pred), Fraction(0)) / 2)
        wanted = [Fraction(p) / (2 * Fraction(result.value)) for p in pred]
        np.testing.assert_allclose(result.gradient, [to_float(x) for x in wanted], rtol=1e-15)
    assert losscli.evaluate("rmsle", pred=[1.0], target=[0.0]).value == log1p(1.0)


# Powers of the error


@pytest.mark.parametrize("q", [1.0, 1.5, 2.0, 3.0, 7.5, 40.0])
def test_powers_of_errors_of_every_size(q: float) -> None:
    """Also where an error is beyond the range, or where its rounding would be magnified."""
    ends = [0.0, 1e-200, 1e-20, 0.3, 0.7, 1.1, 37.3, 1e10, 1e154, 8e307, HUGE]
    pairs = [(p, t) for p in (*ends, *(-x for x in ends)) for t in (0.0, 0.1, -1e3, HUGE) if p != t]
    loss = get("lq", q=q)
    found = loss.compute([np.array([p for p, _ in pairs]), np.array([t for _, t in pairs])], 2)
    with mp.workdps(DIGITS):
        for k, (p, t) in enumerate(pairs):
            size = abs(mpf(p) - mpf(t))
            side = 1 if p > t else -1
            wanted = [size**q, side * q * size ** (q - 1), q * (q - 1) * size ** (q - 2)]
            for one, other in zip(found, wanted, strict=True):
                if other == 0 or abs(other) > 1e-300:  # smaller ones have fewer digits, and their error is magnified
                    assert ulps(float(one[k]), other) <= BOUND, (p, t)


def test_powers_at_their_ends() -> None:
    """q=1 is mae and q=2 is mse, in all derivatives; an error of 0 has none, but for the curvature of a square."""
    pred, target = random_data(get("lq"), outputs=3).arrays
    for spec, same in (("lq:q=1", "mae"), ("lq:q=2", "mse")):
        for call in ("value", "gradient", "hessian"):
            np.testing.assert_allclose(
                getattr(get(spec), call)(pred, target), getattr(get(same), call)(pred, target), rtol=1e-15
            )
    at_zero = {q: get("lq", q=q).hessian([1.0], [1.0])[0] for q in (1.0, 1.5, 2.0, 2.5, 2000.0)}
    assert at_zero == {1.0: 0.0, 1.5: 0.0, 2.0: 2.0, 2.5: 0.0, 2000.0: 0.0}
    assert get("lq:q=2000").value([1e308, 0.5], [-1e308, 0.0]).tolist() == [inf, 0.0]


# Directions


def test_cosine_distance_near_its_ends() -> None:
    """Scale-free from the smallest vectors to the largest; 1 for a vector of zeros; exact for the smallest angles."""
    loss = get("cosine_distance")
    for unit in (1e-300, 1e-7, 1.0, 1e300):
        np.testing.assert_allclose(loss.value([[unit, unit]], [[unit, 0.0]]), 1 - 0.5**0.5, rtol=1e-15)
    assert loss.value([[1.0, 1e-9], [0.0, 0.0], [2.0, 1.0]], [[1.0, 0.0], [1.0, 0.0], [4.0, 2.0]]).tolist() == [
        pytest.approx(5e-19, rel=1e-15),
        1.0,
        0.0,
    ]
    assert loss.value([[1.0, 2.0]], [[-3.0, -6.0]]).tolist() == [2.0]
    assert loss.gradient([[0.0, 0.0], [2.0, 4.0]], [[1.0, 0.0], [1.0, 2.0]]).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert loss.value([3.0, -3.0], [1.0, 1.0]).tolist() == [0.0, 2.0]


# What is said of them


@pytest.mark.parametrize(
    ("spec", "properties", "bounds"),
    [
        ("bias", {"convex", "differentiable"}, (-inf, inf)),
        ("rmse", {"convex", "symmetric"}, (0.0, inf)),
        ("smape", {"symmetric"}, (0.0, 2.0)),
        ("lq", {"convex", "symmetric", "differentiable"}, (0.0, inf)),
        ("lq:q=1", {"convex", "symmetric"}, (0.0, inf)),
        ("r2", {"differentiable"}, (-inf, 1.0)),
        ("d2:deviance=mae", set(), (-inf, 1.0)),
    ],
)
def test_properties(spec: str, properties: set[str], bounds: tuple[float, float]) -> None:
    loss = get(spec)
    assert (loss.properties, loss.bounds) == (properties, bounds)
