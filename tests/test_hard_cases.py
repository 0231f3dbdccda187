"""Hostile input: numbers at which an ordinary formula overflows, underflows or cancels.

The files hard_cases*.json hold cases with their exact values to 40 digits; a case whose loss is not registered is left
for when it is. The others are drawn up here, with exact values from the independent definitions.
"""

import json
from collections.abc import Iterator
from fractions import Fraction
from math import copysign, inf, isinf, isnan, log, nextafter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import losscli
from losscli.exact import to_float
from losscli.registry import Loss, get, names
from tests.reference.accuracy import BOUND, DIGITS, ulps
from tests.reference.catalogue import mean, reference
from tests.reference.exact import Sum, exactly

BOUND_OF_MANY = 6.0  # ulp, where hundreds of terms are added up
TINY, HUGE = 5e-324, 1.7976931348623157e308
LN2 = log(2)

# Recorded cases


CASES: list[dict[str, Any]] = [
    case
    for path in sorted(Path(__file__).parent.glob("hard_cases*.json"))
    for case in json.loads(path.read_text("utf8"))
]
REGISTERED = [case for case in CASES if case["loss"].partition(":")[0] in names()]


@pytest.mark.parametrize("case", REGISTERED, ids=lambda case: f"{case['loss']}: {case['note']}")
def test_recorded_case(case: dict[str, Any]) -> None:
    """The value is within 4 ulp where it is finite, and of the right class where it is not."""
    value = losscli.evaluate(get(case["loss"], **case["params"]), **_roles(case)).value
    assert _ulps_of(value, case) <= BOUND, f"{value!r}, not {case['exact']}"


def _roles(case: dict[str, Any]) -> dict[str, Any]:
    return {role: _array(**given) for role, given in case["inputs"].items()}


def _array(dtype: str, values: list[Any]) -> Any:
    """Integers that JSON readers would round are written as text."""
    return np.array([int(v) if isinstance(v, str) else v for v in values], dtype)


def _ulps_of(value: float, case: dict[str, Any]) -> float:
    """By kind: how far a finite value is off; 0 or infinite for the classes."""
    with mp.workdps(DIGITS):
        match case["kind"]:
            case "finite":
                return ulps(value, mpf(case["exact"]))
            case "zero":
                return 0.0 if value == 0 and copysign(1, value) > 0 else inf
            case "infinity" | "overflows":
                return 0.0 if value == inf else inf
            case "undefined":
                return 0.0 if isnan(value) else inf
    raise ValueError(case["kind"])


def test_every_kind_is_known() -> None:
    """The file holds no case that is passed over for want of a rule."""
    assert {case["kind"] for case in CASES} == {"finite", "zero", "infinity", "overflows", "undefined"}
    assert all(_roles(case) for case in CASES)


# Means of many terms, of which one may leave the range though the mean does not

ERRORS = {
    "one square overflows": [1.7e154, 0.0],
    "a square overflows, weighed down": [1e160] + [1e-160] * 3,
    "all squares overflow": [2e200, -1e200],
    "the squares add up beyond the range": [1.3e154] * 4,
    "all squares underflow": [1e-170, -3e-170, 2e-170],
    "squares are subnormal": [1e-160, 3e-160, 7e-162],
    "a square rounds to the least float64": [2e-162],
    "a square rounds to zero": [1e-162, 1e-163],
    "smallest and largest": [TINY, 1e150, -1e-150],
    "subnormal": [TINY, 2 * TINY, -3e-323],
    "largest": [HUGE, HUGE, -HUGE],
    "cancelling": [1e16, 1.0, -1e16],
    "cancelling at the end of the range": [1e308, 1.7e308, 0.5, -1e308, -1.7e308],
    "cancelling but for a subnormal": [1e300, 1e-310, -1e300],
    "next to each other": [1.0, -nextafter(1.0, 2.0)],
    "zeros": [0.0, -0.0],
    "near the scale's seam": [2.0**480, 2.0**479, nextafter(2.0**480, 0), -1e-5],
    "near the lower seam": [2.0**-450, nextafter(2.0**-450, 0), 2.0**-451],
}
RESIDUALS = ["mse", "mae", "bias", "rmse"]
HUBERS = [f"huber:delta={d!r}".replace("e+", "e") for d in (0.3, 1e-300, 1e-160, 2e-10, 1e155, 1e300, inf)]


@pytest.mark.parametrize("spec", RESIDUALS)
@pytest.mark.parametrize("errors", ERRORS.values(), ids=ERRORS)
def test_mean_of_errors(spec: str, errors: list[float]) -> None:
    """The mean is right though terms overflow, underflow or cancel, in one column and in several."""
    exact = _exact_mean(get(spec), errors, [0.0] * len(errors))
    for shape in ((-1,), (-1, 1), (1, -1)):
        pred = np.reshape(errors, shape)
        _assert_mean(get(spec), pred, np.zeros(pred.shape), exact)
        _assert_mean(get(spec), np.zeros(pred.shape), -pred, exact)


@pytest.mark.parametrize("spec", RESIDUALS)
@pytest.mark.parametrize("errors", ERRORS.values(), ids=ERRORS)
def test_weighted_mean_of_errors(spec: str, errors: list[float]) -> None:
    """The same with weights that are large where the errors are small, and the other way round."""
    for weight in ([10.0 ** (40 * (k % 3 - 1)) for k in range(len(errors))], [1e300, 1e-300] * 3, [3.0, 1.0] * 3):
        used = weight[: len(errors)]
        exact = _exact_mean(get(spec), errors, [0.0] * len(errors), used)
        value = losscli.evaluate(spec, pred=errors, target=[0.0] * len(errors), weight=used).value
        assert ulps(value, exact.value, exact.size) <= BOUND


def _exact_mean(loss: Loss, preds: list[Any], targets: list[Any], weights: list[float] | None = None) -> Sum:
    return mean(loss, [[exactly(p), exactly(t)] for p, t in zip(preds, targets, strict=True)], weights)


def _assert_mean(loss: Loss, pred: Any, target: Any, exact: Sum) -> None:
    value = losscli.evaluate(loss, pred=pred, target=target).value
    assert ulps(value, exact.value, exact.size) <= BOUND, f"{loss}: {value!r}, not {exact.value}"


@pytest.mark.parametrize("errors", ERRORS.values(), ids=ERRORS)
def test_bias_is_rounded_once(errors: list[float]) -> None:
    """Where the errors are float64 numbers, their mean and their sum are the nearest float64, whatever cancels."""
    exact = sum((Fraction(e) for e in errors), Fraction(0))
    for block in (1, 2, 1000):
        for shape in ((-1, 1), (1, -1)):
            pred = np.reshape(errors, shape)
            for reduction, wanted in (("sum", exact), ("mean", exact / len(errors))):
                report = losscli.evaluate("bias", pred=pred, target=0 * pred, reduction=reduction, block=block)
                assert report.value == to_float(wanted)


@pytest.mark.parametrize("spec", ["mse", "mae", "rmse", "huber:delta=0.25"])
def test_an_error_may_be_larger_than_any_float64(spec: str) -> None:
    """pred - target overflows where the loss, or its mean with others, does not."""
    preds, targets = [1e308, 0.0, 1.0, 1.0], [-1e308, 0.0, 1.0, 1.0]
    _assert_mean(get(spec), np.array(preds), np.array(targets), _exact_mean(get(spec), preds, targets))


@pytest.mark.parametrize("spec", ["mse", "mae", "bias", "huber", "huber:delta=inf"])
def test_a_perfect_prediction_is_zero(spec: str) -> None:
    """0 without a sign, and without deviation, whatever the signs of the zeros that were compared."""
    for values in ([HUGE, -HUGE], [TINY, 0.1], [0.0, -0.0], [-0.0, 0.0]):
        for other in (values, values[::-1] if 0 in values else values):
            (result,) = losscli.evaluate(spec, pred=values, target=other).results
            assert [str(x) for x in (result.value, result.std, result.min, result.max)] == ["0.0"] * 4


# One element or row at a time: value, gradient and Hessian diagonal

PROBS = [0.0, -0.0, TINY, 1e-320, 1e-309, 1e-300, 1e-160, 1e-20, 1e-16, 2.0**-53, 1e-9, 0.1, 0.25, 0.3, 0.5]
PROBS += [nextafter(0.5, 1), 0.75, 0.9, 1 - 1e-9, 1 - 2.0**-52, 1 - 2.0**-53, 1.0]
SIZES = [0.0, TINY, 1e-300, 1e-17, 1e-8, 0.3, LN2, 1.0, 18.0, 36.7, 37.1, 40.0, 88.8, 300.7, 700.1, 708.4, 709.8]
SIZES += [744.4, 745.2, 746.0, 1e4, 1e16, 1e30]
LOGITS = [*SIZES, *(-x for x in SIZES)]
LOG_PROBS = [-x for x in [*SIZES, 1e-16, 1e-10, 1e-5, 1e-3, 0.1, nextafter(LN2, 0), nextafter(LN2, 1), 0.7]]
TARGETS = [0.0, 1.0, 0.3, TINY, 1e-160, 1e-9, 1 - 2.0**-53]

BINARY = [
    ("bce", PROBS),
    ("bce:form=logits", LOGITS),
    ("bce:form=log_probs", LOG_PROBS),
    *((f"bce:label_smoothing={a}", PROBS) for a in ("1e-10", "1e-300", "0.5", "1")),
    *((f"bce:pos_weight={w}", PROBS) for w in ("2", "3")),
    *((f"bce:clip={c}", PROBS) for c in ("1e-15", "1e-300", "0.3")),
    *((f"bce:form=logits,{p}", LOGITS) for p in ("label_smoothing=1e-10", "pos_weight=3")),
    *((f"bce:form=log_probs,{p}", LOG_PROBS) for p in ("label_smoothing=1e-10", "pos_weight=3")),
    *((f"bce:form=logits,pos_weight={w}", [-30.3, -1e-9, 0.0, 0.7, 36.9]) for w in ("1e-300", "1e300")),
]


@pytest.mark.parametrize(("spec", "preds"), BINARY, ids=[spec for spec, _ in BINARY])
def test_binary(spec: str, preds: list[float]) -> None:
    """Value, gradient and Hessian of every prediction against every target."""
    pairs = [(p, t) for p in preds for t in TARGETS]
    _assert_elements(get(spec), [p for p, _ in pairs], [t for _, t in pairs])


ENDS = [0.0, TINY, 1e-310, 1e-200, 1e-160, 1e-20, 0.3, 1.0, 1.5, 1e10, 1e154, 1.5e154, 1e155, 1e200, 8e307, HUGE / 2]


@pytest.mark.parametrize("spec", [*RESIDUALS, *HUBERS, "huber"])
def test_residuals(spec: str) -> None:
    """Value, gradient and Hessian of errors of every size and sign."""
    preds = [x for x in ENDS for _ in range(3)] + [-x for x in ENDS for _ in range(3)]
    targets = [0.0, 1e-5, -1e5] * (2 * len(ENDS))
    _assert_elements(get(spec), preds, targets)


def _assert_elements(loss: Loss, preds: list[Any], targets: list[Any]) -> None:
    """The three yields of elements or rows lie within 4 ulp of the definition, or of the size of its terms."""
    found = _yields(loss, loss.check([np.array(preds), np.array(targets)]))
    for k, (pred, target) in enumerate(zip(preds, targets, strict=True)):
        for name, one, exact in _compared(loss, [f[k] for f in found], exactly(pred), exactly(target)):
            assert ulps(one, exact.value, exact.size) <= BOUND, f"{loss}, {name} of {pred!r} for {target!r}: {one!r}"


def _yields(loss: Loss, checked: list[Any]) -> tuple[Any, ...]:
    """Value, gradient and Hessian diagonal of the one term of a loss of one prediction."""
    (value,), ((gradient,), (hessian,)) = loss.terms(checked), loss.derivatives(checked, 2)["pred"]
    return value, gradient, hessian


def _compared(loss: Loss, found: list[Any], pred: Any, target: Any) -> Iterator[tuple[str, float, Sum]]:
    """What was found, and what it should be; derivatives where the loss is finite, inside the domain, off the kinks."""
    exact = reference(loss)
    value = exact.value([pred, target])
    yield "value", float(found[0]), value
    if isinf(value.value):
        return
    for k, both in enumerate(zip(np.ravel(found[1]).tolist(), np.ravel(found[2]).tolist(), strict=True)):
        at = k if isinstance(pred, list) else None
        if not _is_end(loss, pred if at is None else pred[k], target):
            wanted = exact.derivatives([pred, target], 0, at)
            for name, one, other in zip(("gradient", "hessian"), both, wanted, strict=True):
                yield f"{name} {k}", one, other


def _is_end(loss: Loss, pred: Any, target: Any) -> bool:
    """A point with another definition on one side: probability 0 or 1 or clipped, log-probability 0, error 0 or δ."""
    form = loss.params.get("form")
    if form is None:
        return abs(pred - target) in (0, loss.params.get("delta"))
    clip = loss.params["clip"]
    return pred in {"probs": (0, 1, clip, 1 - clip), "log_probs": (0,), "logits": ()}[form]


# Rows of classes

WIDE = np.random.default_rng(21)
LOGIT_ROWS = [
    [40.0, 0.0],
    [9.0, 0.0],
    [0.1, -39.9],
    [700.1, 0.3],
    [700.1, 0.3, -0.2],
    [0.3, -700.1],
    [0.3, -744.9],
    [-5.3, -45.7],
    [-0.3, -708.9],
    [-300.7, -1000.2],
    [-1000.1, -1500.7, -1001.3],
    [710.3, 709.1, -3.3],
    [745.2, 0.1],
    [700.0, 700.0, -700.0],
    [701.1, 1.1, 699.7],
    [1e4, -1e4],
    [1e16, 1e16 - 4],
    [1e30, -1e30],
    [0.0, TINY],
    [0.0, -0.0, 1e-300],
    [0.0] * 10,
    [1e-17, -1e-17, 0.0],
    [30.0, *[-7.7] * 299],
    [50.3, *[0.1 * k for k in range(200)]],
    (WIDE.normal(size=1000) * 5).tolist(),
    (WIDE.normal(size=300) * 400).tolist(),
]


def _soft_rows(classes: int) -> Iterator[list[float]]:
    """Distributions: even, nearly certain, and with outcomes that do not happen or hardly do."""
    yield [1 / classes] * classes
    yield [1 - 1e-9, 1e-9, *[0.0] * (classes - 2)]
    yield [1e-300, 1.0, *[0.0] * (classes - 2)]
    yield [0.0] * (classes - 2) + [0.25, 0.75]


@pytest.mark.parametrize("spec", ["cross_entropy:form=logits", "cross_entropy:form=logits,label_smoothing=1e-10"])
@pytest.mark.parametrize("row", LOGIT_ROWS, ids=lambda row: f"{len(row)} logits from {row[0]:g} to {row[-1]:g}")
def test_logits(spec: str, row: list[float]) -> None:
    """Value, gradient and Hessian of a row of logits, for classes and for distributions."""
    loss, classes = get(spec), len(row)
    some = range(classes) if classes <= 10 else (0, 1, int(np.argmax(row)), int(np.argmin(row)))
    check = _assert_elements if classes <= 10 else _assert_values
    check(loss, [row] * len(some), list(some))
    soft = list(_soft_rows(classes))
    check(loss, [row] * len(soft), soft)


def _assert_values(loss: Loss, preds: list[Any], targets: list[Any]) -> None:
    """The same of values alone, for rows of many classes, in whose sums an ulp or two more is lost."""
    found = loss.value(np.array(preds), np.array(targets)).tolist()
    for one, pred, target in zip(found, preds, targets, strict=True):
        exact = reference(loss).value([exactly(pred), exactly(target)])
        assert ulps(one, exact.value, exact.size) <= BOUND_OF_MANY, f"{loss} for {target!r}: {one!r}, not {exact.value}"


@pytest.mark.parametrize(
    ("spec", "pred", "target", "share"),
    [
        ("bce:form=logits", -HUGE, 1.0, 1.0),
        ("bce:form=logits", HUGE, 1.0, 0.0),
        ("bce:form=logits", HUGE, 0.75, 0.25),
        ("cross_entropy:form=logits", [HUGE, -HUGE], 0, 0.0),
        ("cross_entropy:form=logits", [HUGE, 0.5], 1, 1.0),
        ("cross_entropy:form=logits", [HUGE, -HUGE], 1, inf),
        ("cross_entropy:form=logits", [HUGE, -HUGE], [0.75, 0.25], 0.5),
        ("cross_entropy:form=logits", [HUGE, 1.0, -HUGE], [0.5, 0.25, 0.25], 0.75),
        ("cross_entropy:form=logits,label_smoothing=0.5", [-HUGE, HUGE], 1, 0.5),
    ],
)
def test_largest_logits(spec: str, pred: Any, target: Any, share: float) -> None:
    """At the end of the range the loss is a share of the largest float64, and infinite only beyond it."""
    assert get(spec).value([pred], [target])[0] == share * HUGE


PROB_ROWS = [
    [1.0, 1e-300],
    [1e-300, 1.0],
    [1.0, 0.0],
    [TINY, 1.0, 0.0],
    [1e-309, 1.0],
    [1e-160, 0.25, 0.75],
    [0.7, 0.3],
    [1 - 2.0**-53, 2.0**-53],
    [2.0**-10] * 1024,
    [0.5, 0.5, 0.0],
]


@pytest.mark.parametrize("option", ["", ":label_smoothing=1e-10", ":label_smoothing=1", ":clip=1e-15", ":clip=1e-300"])
@pytest.mark.parametrize("row", PROB_ROWS, ids=lambda row: f"{len(row)} probabilities from {row[0]:g}")
def test_probabilities(row: list[float], option: str) -> None:
    """Value, gradient and Hessian of a row of probabilities, down to none."""
    _assert_rows(get(f"cross_entropy{option}"), row)


@pytest.mark.parametrize("row", [r for r in PROB_ROWS if all(r)], ids=lambda row: f"{len(row)} classes from {row[0]:g}")
def test_log_probabilities(row: list[float]) -> None:
    """The same of log-probabilities, some so low that exp of them is 0."""
    logs = [log(p) for p in row]
    _assert_rows(get("cross_entropy:form=log_probs"), logs)
    _assert_rows(get("cross_entropy:form=log_probs,label_smoothing=1e-10"), [*logs, -1e4, -1e300])


def _assert_rows(loss: Loss, row: list[float]) -> None:
    few = range(min(len(row), 3))
    check = _assert_elements if len(row) <= 10 else _assert_values
    check(loss, [row] * len(few), list(few))
    soft = list(_soft_rows(len(row)))
    check(loss, [row] * len(soft), soft)


# Ends of the domain, where derivatives are one-sided or infinite


@pytest.mark.parametrize(
    ("spec", "pred", "target", "wanted"),
    [
        ("bce", 0.0, 1.0, (inf, -inf, inf)),
        ("bce", -0.0, 1.0, (inf, -inf, inf)),
        ("bce", 0.0, 0.0, (0.0, 1.0, 1.0)),
        ("bce", 1.0, 1.0, (0.0, -1.0, 1.0)),
        ("bce", 1.0, 0.0, (inf, inf, inf)),
        ("bce", -0.0, 0.5, (inf, -inf, inf)),
        ("bce:clip=0.25", 0.0, 1.0, (2 * LN2, 0.0, 0.0)),
        ("bce:clip=0.25", 1.0, 0.0, (2 * LN2, 0.0, 0.0)),
        ("bce:form=log_probs", 0.0, 1.0, (0.0, -1.0, 0.0)),
        ("bce:form=log_probs", -0.0, 0.0, (inf, inf, inf)),
        ("bce:form=log_probs", 0.0, 0.0, (inf, inf, inf)),
        ("bce:form=log_probs", -inf, 0.0, (0.0, 0.0, 0.0)),
        ("bce:form=log_probs", -inf, 1.0, (inf, -1.0, 0.0)),
        ("bce:form=logits", inf, 1.0, (0.0, 0.0, 0.0)),
        ("bce:form=logits", inf, 0.0, (inf, 1.0, 0.0)),
        ("bce:form=logits", -inf, 1.0, (inf, -1.0, 0.0)),
        ("cross_entropy", [0.0, 1.0], 0, (inf, [-inf, 0.0], [inf, 0.0])),
        ("cross_entropy", [-0.0, 1.0], 0, (inf, [-inf, 0.0], [inf, 0.0])),
        ("cross_entropy", [0.0, 1.0], 1, (0.0, [0.0, -1.0], [0.0, 1.0])),
        ("cross_entropy", [0.0, 1.0], [0.0, 1.0], (0.0, [0.0, -1.0], [0.0, 1.0])),
        ("cross_entropy:form=log_probs", [-inf, 0.0], 1, (0.0, [0.0, -1.0], [0.0, 0.0])),
        ("cross_entropy:form=log_probs", [-inf, 0.0], [0.0, 1.0], (0.0, [0.0, -1.0], [0.0, 0.0])),
        ("cross_entropy:form=logits", [0.0, -inf], 0, (0.0, [0.0, 0.0], [0.0, 0.0])),
        ("cross_entropy:form=logits", [0.0, -inf], [1.0, 0.0], (0.0, [0.0, 0.0], [0.0, 0.0])),
        ("cross_entropy:form=logits", [0.0, -inf], 1, (inf, [1.0, -1.0], [0.0, 0.0])),
        ("cross_entropy:form=logits", [inf, 0.0], 0, (0.0, [0.0, 0.0], [0.0, 0.0])),
        ("cross_entropy:form=logits", [inf, 0.0], 1, (inf, [1.0, -1.0], [0.0, 0.0])),
        ("cross_entropy:form=logits", [0.0, inf], [0.0, 1.0], (0.0, [0.0, 0.0], [0.0, 0.0])),
        ("cross_entropy:form=logits", [0.0, inf], [0.25, 0.75], (inf, [-0.25, 0.25], [0.0, 0.0])),
        ("huber", inf, 0.0, (inf, 1.0, 0.0)),
        ("huber:delta=inf", inf, 0.0, (inf, inf, 1.0)),
        ("mae", -inf, 0.0, (inf, -1.0, 0.0)),
    ],
)
def test_ends_of_the_domain(spec: str, pred: Any, target: Any, wanted: tuple[Any, ...]) -> None:
    """At the ends values and derivatives are their limits from inside, zeros without a sign in the value."""
    loss = get(spec)
    with np.errstate(all="raise"):
        found = loss.compute(loss.check([np.array([pred]), np.array([target])], allow_inf=True), 2)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one[0], other, rtol=1e-15)
    assert copysign(1, found[0][0]) == 1
    value = losscli.evaluate(loss, pred=[pred], target=[target], allow_inf=True).value
    assert value == pytest.approx(wanted[0], rel=1e-15)


@pytest.mark.parametrize("row", [[inf, inf], [-inf, -inf], [inf, inf, 0.0]])
def test_logits_without_a_limit_are_undefined(row: list[float]) -> None:
    """Two logits that are both infinite have no softmax: NaN, said in the result."""
    (result,) = losscli.evaluate("cross_entropy:form=logits", pred=[row, row], target=[0, 1], allow_inf=True).results
    assert isnan(result.value)
    assert result.infinite == 2
    assert result.first_infinite == 0
