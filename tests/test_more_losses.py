"""Losses against their definitions on hostile points, and at their corners."""

import itertools
from math import inf, isnan, log, nextafter
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import losscli
from losscli.errors import InputError, UsageError
from losscli.registry import Definition, Loss, definitions, get
from tests.reference.accuracy import BOUND, ulps
from tests.reference.catalogue import reference
from tests.reference.definitions_more import DEFINITIONS, overlap
from tests.reference.exact import DIGITS, ENOUGH, Sum, exactly

TINY, HUGE = 5e-324, 1.7976931348623157e308


def as_tuple(yielded: Any) -> tuple[Any, ...]:
    """The arrays for each prediction."""
    return yielded if isinstance(yielded, tuple) else (yielded,)


def derivatives_of(loss: Loss, roles: dict[str, Any], weight: Any = None) -> dict[str, Any]:
    """Gradient and Hessian diagonal of the value."""
    (result,) = losscli.evaluate(loss, **roles, weight=weight, grad=True, hess=True).results
    return {"gradient": result.gradient, "hessian": result.hessian}


# Against the definitions


def assert_near(loss: Loss, arrays: list[Any], digits: int = DIGITS, derivatives: bool = True) -> None:
    """Value, gradient and Hessian diagonal of checked arrays lie within 4 ulp, or 4 ulp of the size of the terms."""
    exact = reference(loss, digits)
    value, *found = loss.compute(arrays, 2)
    for i, roles in enumerate(exact.items(arrays)):
        wanted = exact.value(roles)
        _assert_one(float(value.ravel()[i]), wanted, f"{loss} of {shown(roles)}")
        if not derivatives or not abs(wanted.value) < inf:
            continue
        for place, role in enumerate(exact.definition.moved):
            both = [as_tuple(derivative)[place] for derivative in found]
            rows = [d[i] if exact.definition.rowwise else d.ravel()[i] for d in both]
            for k, ones in enumerate(zip(*(np.ravel(row).tolist() for row in rows), strict=True)):
                derivatives = exact.derivatives(roles, role, k if isinstance(roles[role], list) else None)
                for order, (one, other) in enumerate(zip(ones, derivatives, strict=True), 1):
                    _assert_one(one, other, f"{loss}, derivative {order} in {k} of role {role}, of {shown(roles)}")


def _assert_one(found: float, exact: Sum, name: str) -> None:
    assert ulps(found, exact.value, exact.size) <= BOUND, f"{name}: {found!r}, not {mp.nstr(exact.value, 20)}"


def shown(roles: Any) -> Any:
    return [shown(r) if isinstance(r, list) else float(r) for r in roles]


ENDS = [0.0, TINY, 1e-310, 1e-200, 1e-160, 1e-20, 0.3, 0.7, 1.1, 37.3, 354.1, 372.7, 400.3, 1e10, 1e154, 1e155]
ENDS += [1e200, 8e307, HUGE / 2]
BETAS = ("0.01", "1", "4", "1e-160", "2e-10", "1e150", "1e300")
ERRORS = [
    *("half_mse", "log_cosh", "quantile", "quantile:q=1e-300", "quantile:q=0.9999999999999999"),
    *(f"smooth_l1:beta={b}" for b in BETAS),
    *(f"smooth_l1:beta={b},variant=unhalved" for b in BETAS),
]


@pytest.mark.parametrize("spec", ERRORS)
def test_errors_of_every_size(spec: str) -> None:
    """From subnormal errors to the largest, of both signs, against targets of other sizes."""
    pairs = [(sign * x, target) for x in ENDS for sign in (1, -1) for target in (0.0, 1e-5, -1e5) if x != target]
    pairs = [pair for pair in pairs if abs(pair[0] - pair[1]) != get(spec).params.get("beta", inf)]
    assert_near(get(spec), [np.array([p for p, _ in pairs]), np.array([t for _, t in pairs])])


@pytest.mark.parametrize("spec", ["smooth_l1", "smooth_l1:variant=unhalved", "log_cosh", "half_mse", "gaussian_nll"])
def test_an_error_may_be_larger_than_any_float64(spec: str) -> None:
    """pred - target overflows where the loss does not, or is beyond the range itself."""
    roles = {"pred": [1e308, -1e308], "target": [-1e308, 1e308]}
    variance = {"variance": [HUGE] * 2} if spec == "gaussian_nll" else {}
    assert losscli.evaluate(spec, **roles, **variance).value == inf
    assert np.isfinite(get(spec).gradient(*roles.values(), *variance.values())[0]) == (
        "l1" in spec or spec == "log_cosh"
    )
    assert get("smooth_l1:beta=1.7e308").value([1e308], [-1e308])[0] == pytest.approx(1.15e308, rel=1e-14)


@pytest.mark.parametrize("variance", [TINY, 1e-310, 1e-200, 1e-5, 1.0, 1e200, HUGE])
def test_gaussian_variances(variance: float) -> None:
    """e² or 1/v may leave the range where e²/v does not."""
    preds = [x for x in (*ENDS, 1e-158, 3e-5, 1e150) for _ in (0, 1)]
    targets = [0.0, 1e-5] * (len(preds) // 2)
    assert_near(get("gaussian_nll"), [np.array(preds), np.array(targets), np.full(len(preds), variance)])


def test_scores_at_the_margin() -> None:
    """A score just short of the margin costs what it lacks, exactly."""
    scores = [nextafter(1, 0), nextafter(1, 2), 1 - 1e-9, 2.0, -1e300, 1e16, TINY, -TINY]
    for y in (1.0, -1.0):
        assert_near(get("hinge"), [y * np.array(scores), np.full(len(scores), y)])
    assert losscli.evaluate("hinge", pred=[nextafter(1, 0), 2.0], target=[1, 1]).value == 2.0**-54


PROBABILITIES = [
    [1.0, 0.0],
    [0.5, 0.5],
    [1e-300, 1.0],
    [TINY, 1.0, 0.0],
    [1e-309, 1.0],
    [1e-160, 0.25, 0.75],
    [0.7, 0.3],
    [1 - 2.0**-53, 2.0**-53],
    [0.5 + 1e-7, 0.5 - 1e-7],
    [0.5 + 2.0**-41, 0.5 - 2.0**-41],
    [0.5, 0.25, 0.25],
    [0.2, 0.3, 0.5],
    [0.2 + 1e-9, 0.3 - 3e-9, 0.5 + 2e-9],
    [2.0**-4] * 16,
]
PAIRS = [(p, t) for p, t in itertools.product(PROBABILITIES, repeat=2) if len(p) == len(t)]


@pytest.mark.parametrize("form", ["probs", "log_probs", "logits"])
@pytest.mark.parametrize(("pred", "target"), PAIRS)
def test_kl_of_hostile_distributions(pred: list[float], target: list[float], form: str) -> None:
    """Near each other, far apart, and with outcomes that hardly or never happen."""
    with np.errstate(divide="ignore"):
        given = np.array([pred]) if form == "probs" else np.log([pred])
    if form == "logits":
        given = np.maximum(given, -800) + 3.7
    inside = form != "probs" or all(p > 0 for p, t in zip(pred, target, strict=True) if t == 0)
    loss = get("kl", form=form)
    assert_near(loss, loss.check([given, np.array([target])], allow_inf=True), derivatives=inside and 0 not in pred)


@pytest.mark.parametrize("form", ["probs", "logits"])
@pytest.mark.parametrize("gap", [0, 1e-15, 1e-10, 1e-7, 1e-3, 0.1, 0.5, 2, 30])
def test_kl_of_distributions_so_far_apart(gap: float, form: str) -> None:
    """From rows that are equal to rows with nothing in common the value keeps its digits."""
    rng = np.random.default_rng(41)
    for classes in (2, 3, 12):
        target = rng.dirichlet(np.full(classes, 0.7), 12)
        probs = target * np.exp(rng.normal(size=target.shape) * gap)
        probs /= probs.sum(axis=1, keepdims=True)
        pred = probs if form == "probs" else np.log(probs) + rng.normal(size=(12, 1)) * 3
        assert_near(get("kl", form=form), [pred, target], derivatives=False)


def test_kl_of_rows_that_are_close_is_never_negative() -> None:
    """Where rows add up to exactly 1, and where they are equal."""
    rng = np.random.default_rng(42)
    target = rng.integers(1, 2**20, (500, 2)) / 2.0**22
    target = np.concatenate([target, 1 - target.sum(axis=1, keepdims=True)], axis=1)
    step = rng.integers(-3, 4, (500, 1)) * 2.0**-50
    pred = target + np.concatenate([step, -step, 0 * step], axis=1)
    assert (get("kl").value(pred, target) >= 0).all()
    assert (get("kl").value(target, target) == 0).all()


VECTORS = [[3.0, 4.5], [1e200, 1.7e200], [3e200, -4e200], [1e-200, 2e-200], [1.5, 1e-6], [2e-7, 1e-7], [1e-300, 2.0]]
VECTORS += [[TINY, 4 * TINY], [0.1, 0.2000001], [-1.0, 0.3], [nextafter(3, 0), nextafter(4.5, 5)]]
METRICS = ["", ":margin=1e200", ":distance=manhattan", ":margin=0.7,distance=cosine", ":distance=cosine,margin=2"]


@pytest.mark.parametrize("options", METRICS)
def test_pairs_of_every_size(options: str) -> None:
    """Vectors that are huge, tiny, nearly the same and nearly parallel."""
    rows = [(a, b, y) for (a, b), y in itertools.product(itertools.permutations(VECTORS, 2), (0.0, 1.0))]
    loss = get(f"contrastive{options}")
    rows = [row for row in rows if abs(_distance(row, loss) - loss.params["margin"]) > 1e-5]  # off the kink
    rows = rows[:: 1 if "distance" not in options else 3]
    assert_near(loss, [np.array([row[k] for row in rows]) for k in range(3)], ENOUGH)


def _distance(row: Any, loss: Loss) -> float:
    twice = get("contrastive", distance=loss.params["distance"]).value([row[0]], [row[1]], [0])[0]
    return float(np.sqrt(2 * twice))


TRIPLES = [
    ([0.3, -0.4], [0.1, 0.25], [1.0, 1.5]),
    ([3.0, 4.5], [nextafter(3, 0), nextafter(4.5, 5)], [3.5, 4.0]),
    ([1.0, 1e-9], [1.75, -1e-9], [0.1, 3e-9]),
    ([0.1, 0.2], [-7.0, 0.3], [0.3, 0.1]),
    ([1e-200, 2e-200], [3e-200, 1e-200], [2e-200, -5e-200]),
    ([1e200, -2e200], [1.5e200, 1e200], [-1e199, 3e198]),
]


@pytest.mark.parametrize("options", ["", ":p=1", ":margin=0.25,p=3", ":p=1.5", ":p=100", ":swap=true"])
def test_triplets_of_every_size(options: str) -> None:
    """Each of three vectors in each role."""
    rows = [row for triple in TRIPLES for row in itertools.permutations(triple)]
    arrays = [np.array([row[k] for row in rows]) for k in range(3)]
    assert_near(get(f"triplet{options}"), arrays, derivatives=options in ("", ":p=1", ":swap=true"))


@pytest.mark.parametrize("options", ["", ",p=1", ",p=3.5", ",p=inf", ",swap=true"])
@pytest.mark.parametrize("shift", [-900, -300, 300, 900])
def test_triplets_are_homogeneous(options: str, shift: int) -> None:
    """2^k times the vectors and the margin is 2^k times the loss, with the same gradients, to the last bit."""
    arrays = np.random.default_rng(43).normal(size=(3, 30, 5))
    loss, scaled = get(f"triplet:margin=1{options}"), get(f"triplet:margin={2.0**shift!r}{options}".replace("e+", "e"))
    moved = np.ldexp(arrays, shift)
    np.testing.assert_array_equal(scaled.value(*moved), np.ldexp(loss.value(*arrays), shift))
    np.testing.assert_array_equal(list(scaled.gradient(*moved).values()), list(loss.gradient(*arrays).values()))


def test_distances_beyond_the_range() -> None:
    """Two distances may both be larger than any float64, and their difference not."""
    anchor, positive, negative = [[1.6e308, 0.0]], [[-1.6e308, 0.0]], [[-1.5e308, 0.0]]
    assert get("triplet").value(anchor, positive, negative)[0] == pytest.approx(1e307)
    assert get("triplet").value(anchor, negative, positive)[0] == 0
    gradient = get("triplet").gradient(anchor, positive, negative)
    assert {role: g.tolist() for role, g in gradient.items()} == {
        "anchor": [[0.0, 0.0]],
        "positive": [[-1.0, 0.0]],
        "negative": [[1.0, 0.0]],
    }
    assert get("contrastive").value(anchor, positive, [1])[0] == 0
    assert get("contrastive").value(anchor, positive, [0])[0] == inf
    assert get("contrastive").gradient(anchor, positive, [1])["left"].tolist() == [[0.0, 0.0]]


MASKS = [
    ([0.0, 1.0, 0.5], [0.0, 1.0, 1.0]),
    ([1e-300, 1e-300, 0.0], [1.0, 0.0, 0.0]),
    ([1e-200, 0.0, 1.0], [1e-10, 1e-300, 1.0]),
    ([1 - 2.0**-53, 2.0**-53, 1.0], [1.0, 0.0, 1.0]),
    ([0.3, 0.2, 0.9], [0.5, 0.5, 0.5]),
    ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
    ([0.0, 0.0, 0.0], [1.0, 0.0, 1.0]),
]


@pytest.mark.parametrize("options", ["", ",smooth=1", ",smooth=1e-300", ",smooth=1e300"])
def test_masks(options: str) -> None:
    """Nearly right, empty on one side, and with shares that are hardly there."""
    pred, target = (np.array([mask[k] for mask in MASKS]) for k in (0, 1))
    assert_near(get(f"dice:pool=sample{options}"), [pred, target], ENOUGH)


# Dice of all rows


def pooled(rows: list[list[Any]], smooth: Any) -> tuple[Any, Any, Any]:
    """1 - (2 Σ w p t + s) / (Σ w p + Σ w t + s) of exact numbers p, t and w, with numerator and denominator."""
    twice, total = (sum(w * overlap([(p, t)])[k] for p, t, w in rows) + smooth for k in (0, 1))
    return 1 - twice / total, twice, total


@pytest.mark.parametrize("options", ["", ":smooth=1", ":smooth=1e-9"])
@pytest.mark.parametrize("shape", [(9,), (9, 4)])
def test_pooled_dice(options: str, shape: tuple[int, ...]) -> None:
    """The weighted value, its gradient and its Hessian diagonal, from terms in which nothing cancels."""
    loss, rng = get(f"dice{options}"), np.random.default_rng(44)
    pred, weight = rng.uniform(0, 1, shape) ** 4, rng.uniform(0.1, 3, shape[0])
    spread = np.broadcast_to(weight if len(shape) == 1 else weight[:, None], shape)
    for target in (rng.integers(0, 2, shape), rng.uniform(0, 1, shape)):
        roles = {"pred": pred, "target": target}
        with mp.workdps(DIGITS):
            rows = [exactly([float(x) for x in row]) for row in zip(pred.flat, target.flat, spread.flat, strict=True)]
            exact, twice, total = pooled(rows, mpf(loss.params["smooth"]))
            assert ulps(losscli.evaluate(loss, **roles, weight=weight).value, exact) <= BOUND
            found = {key: values.ravel() for key, values in derivatives_of(loss, roles, weight).items()}
            for k, (_, t, w) in enumerate(rows):
                slope = w * (twice - 2 * t * total) / total**2
                size = w * (twice * abs(1 - 2 * t) + 2 * (total - twice) * t) / total**2
                assert ulps(found["gradient"][k], slope, size) <= BOUND
                assert ulps(found["hessian"][k], -2 * w * slope / total, 4 * w * size / total) <= BOUND


def test_pooled_dice_by_differences() -> None:
    """The slope that the last test wrote down is the value's."""
    loss, rng = get("dice:smooth=0.5"), np.random.default_rng(50)
    roles = {"pred": rng.uniform(0, 1, 5), "target": rng.uniform(0, 1, 5)}
    found = derivatives_of(loss, roles)
    with mp.workdps(80):
        for k in range(5):
            step, low, high = mpf(10) ** -20, *(_moved_dice(roles, k, s * mpf(10) ** -20) for s in (-1, 1))
            assert found["gradient"][k] == pytest.approx(float((high - low) / (2 * step)), rel=1e-13)
            here = _moved_dice(roles, k, 0)
            assert found["hessian"][k] == pytest.approx(float((high - 2 * here + low) / step**2), rel=1e-13)


def _moved_dice(roles: dict[str, Any], k: int, step: Any) -> Any:
    pairs = zip(roles["pred"].tolist(), roles["target"].tolist(), strict=True)
    return pooled([[mpf(p) + (step if i == k else 0), mpf(t), 1] for i, (p, t) in enumerate(pairs)], mpf(0.5))[0]


def test_empty_masks_are_undefined() -> None:
    """Nothing predicted where nothing is: 0/0, unless smooth makes it a perfect answer."""
    empty = {"pred": [[0.0, 0.0]], "target": [[0.0, 0.0]]}
    for spec in ("dice", "dice:pool=sample"):
        assert isnan(losscli.evaluate(spec, **empty).value)
        assert np.isnan(derivatives_of(get("dice"), empty)["gradient"]).all()
        assert losscli.evaluate(f"{spec}:smooth=1".replace("sample:", "sample,"), **empty).value == 0
    assert losscli.evaluate("dice", pred=[[0.0, 0.0], [1.0, 0.0]], target=[[0.0, 0.0], [1.0, 0.0]]).value == 0


@pytest.mark.parametrize("empty", ["0", "1"])
def test_empty_masks_have_the_value_that_is_said(empty: str) -> None:
    """And no slope; what is not empty is as it was."""
    nothing, something = ([0.0, 0.0], [0.0, 0.0]), ([0.5, 0.25], [1.0, 0.0])
    pred, target = zip(nothing, something, strict=True)
    for pool in ("all", "sample"):
        spec, plain = f"dice:empty={empty},pool={pool}", f"dice:pool={pool}"
        alone = losscli.evaluate(spec, pred=pred[:1], target=target[:1], grad=True, hess=True)
        assert alone.value == float(empty)
        assert not np.any([alone.results[0].gradient, alone.results[0].hessian])
        of_other = losscli.evaluate(plain, pred=pred[1:], target=target[1:]).value
        both = losscli.evaluate(spec, pred=pred, target=target).value
        assert both == (of_other if pool == "all" else (float(empty) + of_other) / 2)
    groups = losscli.evaluate(f"dice:empty={empty}", pred=pred, target=target, by={"g": ["a", "b"]}).results[0].groups
    assert {group.by["g"]: group.value for group in groups}["a"] == float(empty)


def test_pooled_dice_is_no_mean_of_rows() -> None:
    """pool=all adds up before it divides; pool=sample gives each row a loss of its own, of the shape (n,) too."""
    pred, target = [[0.9, 0.1], [0.2, 0.0]], [[1, 0], [1, 1]]
    one, both = (
        losscli.evaluate("dice:pool=sample", pred=pred, target=target),
        losscli.evaluate("dice", pred=pred, target=target),
    )
    assert one.value == pytest.approx(((0.1 + 0.1) / 2 + (0.8 + 1) / 2.2) / 2)
    assert both.value == pytest.approx(2.0 / 4.2)
    assert (one.results[0].std, both.results[0].std) != (None, None)
    single = get("dice:pool=sample")
    assert single.value([0.25, 1.0], [1, 0]) == pytest.approx([0.6, 1.0])
    assert single.gradient([0.25, 1.0], [1, 0]).shape == (2,)


# Corners


def test_smooth_l1_at_its_knee() -> None:
    """Inside the slope of the parabola, from the knee on the line's; curvature inside only; β = 0 is mae."""
    for spec, inside in (("smooth_l1:beta=2", 1.0), ("smooth_l1:beta=2,variant=unhalved", 2.0)):
        loss = get(spec)
        assert loss.gradient([nextafter(2, 0), 2.0], [0, 0]).tolist() == [pytest.approx(inside), 1.0]
        assert loss.hessian([nextafter(2, 0), 2.0], [0, 0]).tolist() == [inside / 2, 0.0]
        assert loss.value([nextafter(2, 0)], [0]) == pytest.approx(loss.value([2.0], [0]))
    errors = np.random.default_rng(45).normal(size=50)
    for spec in ("smooth_l1:beta=0", "smooth_l1:beta=0,variant=unhalved"):
        np.testing.assert_array_equal(get(spec).value(errors, 0 * errors), get("mae").value(errors, 0 * errors))
        assert get(spec).gradient([0.0], [0.0]).tolist() == [0.0]
    huber, smooth = get("huber:delta=0.5"), get("smooth_l1:beta=0.5")
    np.testing.assert_allclose(huber.value(errors, 0 * errors), 0.5 * smooth.value(errors, 0 * errors), rtol=1e-15)


def test_losses_that_are_others() -> None:
    """Halves, limits and other forms of losses that are there already."""
    rng = np.random.default_rng(46)
    p, t = rng.normal(size=40), rng.normal(size=40)
    np.testing.assert_array_equal(2 * get("half_mse").value(p, t), get("mse").value(p, t))
    np.testing.assert_array_equal(get("half_mse").value(p, t), get("huber:delta=inf").value(p, t))
    np.testing.assert_array_equal(2 * get("quantile").value(p, t), get("mae").value(p, t))
    ones, unit = np.ones(40), get("gaussian_nll").value(p, t, np.ones(40))
    np.testing.assert_array_equal(unit, get("half_mse").value(p, t))
    full = get("gaussian_nll:full=true").value(p, t, ones)
    np.testing.assert_allclose(full - unit, log(2 * np.pi) / 2, rtol=1e-13)
    assert (get("gaussian_nll").gradient(p, t, ones) == p - t).all()
    logs = np.log(rng.dirichlet(np.ones(4), 40))
    for target in (rng.integers(0, 4, 40), rng.dirichlet(np.ones(4), 40)):
        for other in ("value", "gradient", "hessian"):
            found = [getattr(get(spec), other)(logs, target) for spec in ("nll", "cross_entropy:form=log_probs")]
            np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("form", ["probs", "logits", "log_probs"])
def test_kl_of_certain_targets_is_cross_entropy(form: str) -> None:
    """For class indices and one-hot rows value and derivatives are those of cross_entropy, bit for bit."""
    rng = np.random.default_rng(47)
    logits = rng.normal(size=(300, 5)) * rng.choice([1, 30, 1000], (300, 1))
    probs = rng.dirichlet(np.ones(5), 300)
    pred = {"probs": probs, "logits": logits, "log_probs": np.log(probs)}[form]
    index = rng.integers(0, 5, 300)
    for target in (index, np.eye(5)[index]):
        for name in ("value", "gradient", "hessian"):
            found = [getattr(get(loss, form=form), name)(pred, target) for loss in ("kl", "cross_entropy")]
            assert found[0].tobytes() == found[1].tobytes()


def test_kl_of_what_never_happens() -> None:
    """0 · ln 0 is 0 in value and gradient; p = 0 where t is not is an infinite loss."""
    loss = get("kl")
    assert loss.value([[0.5, 0.5, 0.0]], [[0.25, 0.75, 0.0]])[0] == pytest.approx(0.1308120359411369, rel=1e-15)
    assert loss.gradient([[0.5, 0.5, 0.0]], [[0.25, 0.75, 0.0]]).tolist() == [[-0.5, -1.5, 0.0]]
    assert loss.value([[1.0, 0.0]], [[0.5, 0.5]]).tolist() == [inf]
    assert loss.gradient([[1.0, 0.0]], [[0.5, 0.5]]).tolist() == [[-0.5, -inf]]
    far = get("kl:form=logits").value([[0.0, -1.7e308, 1.7e308]], [[0.5, 0.25, 0.25]])
    assert far.tolist() == [pytest.approx(1.7e308, rel=1e-15)]


def test_softmax_cross_terms_stay() -> None:
    """The slope on logits is ŷ_i Σy - y_i for every class, the wrong ones too; it adds up to nothing."""
    z, y = [[5.0, 4.0, 2.0]], [[0.0, 1.0, 0.0]]
    softmax = np.exp(z) / np.exp(z).sum()
    np.testing.assert_allclose(get("kl:form=logits").gradient(z, y), softmax - y, rtol=1e-14)


def test_contrastive_slopes() -> None:
    """-(m - D) for a dissimilar pair within the margin, 0 at and beyond it, and D for a similar one."""
    for margin, label, d, slope in ((8, 1, 5, -3), (5, 1, 5, 0), (2, 1, 5, 0), (8, 0, 5, 5), (2, 0, 5, 5)):
        found = get("contrastive", margin=margin).gradient([[0.6 * d, 0.8 * d]], [[0.0, 0.0]], [label])
        np.testing.assert_allclose(found["left"], [[0.6 * slope, 0.8 * slope]], rtol=1e-15)
        np.testing.assert_array_equal(found["right"], -found["left"])


@pytest.mark.parametrize("distance", ["euclidean", "manhattan", "cosine"])
def test_identical_vectors(distance: str) -> None:
    """Distance 0 and slope 0; a dissimilar pair costs half the margin's square; half a Euclidean square is smooth."""
    loss, vectors = get("contrastive", distance=distance, margin=0.5), [[0.1, -0.7], [1e-200, 1e200]]
    assert loss.value(vectors, vectors, [0, 1]).tolist() == [0.0, 0.125]
    for derivative in loss.gradient(vectors, vectors, [0, 1]).values():
        assert (derivative == 0).all()
    curvature = loss.hessian(vectors, vectors, [0, 1])["left"]
    assert curvature.tolist() == [[1.0, 1.0] if distance == "euclidean" else [0.0, 0.0], [0.0, 0.0]]


def test_cosine_distances() -> None:
    """Parallel vectors are at 0 whatever their lengths, opposite ones at 2, and a vector of zeros at 1."""
    loss = get("contrastive:distance=cosine")
    left = [[0.1, 0.1], [1e200, 1e200], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [1e-200, 1e-200]]
    right = [[0.3, 0.3], [1e-7, 1e-7], [-0.5, -1.0], [1.0, 2.0], [0.0, 0.0], [1e-200, 0.0]]
    exact = [0.0, 0.0, 2.0, 0.5, 0.5, 0.2928932188134524755991556378951509607152**2 / 2]
    np.testing.assert_allclose(loss.value(left, right, [0] * 6), exact, rtol=1e-15)
    gradient = loss.gradient(left, right, [0] * 6)
    assert all((g[[0, 1, 3, 4]] == 0).all() for g in gradient.values())
    small = loss.value([[1.0, 1e-6]], [[1.0, 0.0]], [0])[0]
    assert small == pytest.approx(4.999999999996249547481121384541375414683e-13**2 / 2, rel=1e-15)


@pytest.mark.parametrize("spec", ["contrastive", "contrastive:distance=manhattan", "contrastive:distance=cosine"])
def test_a_pair_has_no_order(spec: str) -> None:
    """Exchanging left and right exchanges the gradients and changes no value."""
    loss = get(spec)
    left, right, label = loss.kind.sample(np.random.default_rng(48), loss.params, 30, 4)
    np.testing.assert_allclose(loss.value(left, right, label), loss.value(right, left, label), rtol=1e-14)
    one, other = loss.gradient(left, right, label), loss.gradient(right, left, label)
    np.testing.assert_allclose(one["left"], other["right"], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(one["right"], other["left"], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("options", ["", ":p=1", ":p=3", ":p=inf", ":swap=true"])
def test_triplet_gradients_add_up_to_nothing(options: str) -> None:
    """Moving all three vectors alike changes no distance; nor does a triplet in order have a gradient."""
    loss = get(f"triplet{options}")
    arrays = loss.kind.sample(np.random.default_rng(49), loss.params, 60, 4)
    gradient = loss.gradient(*arrays)
    np.testing.assert_allclose(sum(gradient.values()), np.zeros((60, 4)), atol=1e-15)
    idle = loss.value(*arrays) == 0
    assert 0 < idle.sum() < 60
    assert all((g[idle] == 0).all() for g in gradient.values())


def test_the_largest_norm() -> None:
    """p = inf is the largest difference; where several are the largest they share the slope."""
    loss = get("triplet:p=inf")
    anchor, positive, negative = [[1.0, 1.0]], [[0.0, 0.0]], [[0.5, 0.25]]
    assert loss.value(anchor, positive, negative).tolist() == [1.25]
    assert loss.gradient(anchor, positive, negative)["positive"].tolist() == [[-0.5, -0.5]]
    assert loss.gradient(anchor, positive, negative)["negative"].tolist() == [[0.0, 1.0]]
    near = get("triplet:p=300").value(anchor, positive, negative)
    assert near == pytest.approx([1.25], rel=0.01)


def test_brier_goes_by_the_shape() -> None:
    """One column is the probability of class 1; several are a column a class, with any kind of target."""
    loss = get("brier")
    assert loss.value([0.7, 0.1], [1, 0]) == pytest.approx([0.09, 0.01])
    assert loss.value([[0.7], [0.1]], [[1], [0.5]]) == pytest.approx([0.09, 0.16])
    assert loss.gradient([[0.7], [0.1]], [[1], [0]]).shape == (2, 1)
    two = loss.value([[0.3, 0.7], [0.9, 0.1]], [1, 0])
    assert two == pytest.approx([0.18, 0.02])
    np.testing.assert_array_equal(two, loss.value([[0.3, 0.7], [0.9, 0.1]], np.eye(2)[[1, 0]]))
    assert loss.value([[1.0, 0.0, 0.0]], [2]).tolist() == [2.0]
    assert losscli.evaluate("brier", pred=[[0.3, 0.7], [0.9, 0.1]], target=[1, 0]).results[0].outputs == 1


REFUSALS = [
    ("hinge", ([0.5, 0.2], [1, 0]), r"target\[1\]: 0.0 is not -1 or 1; 0/1 labels must be written as -1/\+1"),
    ("hinge", ([0.5], [0.5]), "0.5 is not -1 or 1"),
    ("hinge", ([0.5], [float("nan")]), "missing value"),
    ("hinge", ([[0.5, 1.0]], [1]), "shapes differ"),
    ("contrastive", ([[1.0]], [[2.0]], [-1]), "-1.0 is not 0 or 1; 0 says similar, 1 dissimilar"),
    ("contrastive", ([[1.0]], [[2.0]], [0, 1]), "one label a pair"),
    ("contrastive", ([[1.0, 2.0]], [[2.0]], [0]), "shapes differ"),
    ("contrastive", (np.zeros((1, 0)), np.zeros((1, 0)), [0]), "no columns"),
    ("contrastive", ([[inf]], [[2.0]], [0]), "infinite"),
    ("triplet", ([[1.0]], [[2.0]], [[1.0, 2.0]]), "shapes differ"),
    ("triplet", (np.zeros((1, 2, 2)),) * 3, "3 dimensions"),
    ("gaussian_nll", ([1.0], [1.0], [0.0]), r"variance\[0\]: 0.0 is outside \(0, inf\]"),
    ("gaussian_nll", ([1.0], [1.0], [-0.5]), "outside"),
    ("gaussian_nll", ([[1.0, 2.0]], [[1.0, 2.0]], [1.0]), "nothing is broadcast"),
    ("nll", ([[0.2, 0.8]], [0]), "nll takes log-probabilities, cross_entropy any form"),
    ("nll", ([[-0.2, -0.8]], [0]), "add up to 1.268.*nll takes log-probabilities"),
    ("nll", ([[log(0.5), log(0.5)]], [2]), "label 2 is outside 0..1"),
    ("brier", ([1.5], [1]), r"1.5 is outside \[0, 1\]; it takes probabilities, not logits"),
    ("brier", ([0.5], [2]), r"2.0 is outside \[0, 1\]"),
    ("brier", ([[0.5, 0.75]], [1]), "add up to 1.25, not 1"),
    ("kl", ([[0.5, 0.5]], [[0.5, 0.75]]), "target.*add up to 1.25"),
    ("kl", ([0.5], [0.5]), "a column a class"),
    ("dice", ([0.5], [1.5]), "outside"),
    ("dice", ([0.5, 0.5], [1.0]), "shapes differ"),
]


@pytest.mark.parametrize(("spec", "arrays", "message"), REFUSALS, ids=[f"{s}: {m}" for s, _, m in REFUSALS])
def test_refused(spec: str, arrays: Any, message: str) -> None:
    """The first value that is not allowed, with its place and the way out."""
    with pytest.raises(InputError, match=message):
        get(spec).value(*arrays)


def test_vectors_of_one_number() -> None:
    """(n,) is (n, 1), and derivatives have the shape that was given."""
    loss = get("contrastive")
    found = loss.gradient([1.0, 2.0], [1.5, 4.0], [0, 1])
    assert {role: g.shape for role, g in found.items()} == {"left": (2,), "right": (2,)}
    assert loss.value([1.0, 2.0], [1.5, 4.0], [0, 1]).tolist() == [0.125, 0.0]
    assert loss.gradient([[1.0], [2.0]], [[1.5], [4.0]], [[0], [1]])["left"].shape == (2, 1)


def test_infinite_inputs_that_are_let_in() -> None:
    """Vectors infinitely far apart cost a dissimilar pair nothing; scores without bound are right or wrong."""
    assert losscli.evaluate("contrastive", left=[[inf, 0.0]], right=[[0.0, 0.0]], label=[1], allow_inf=True).value == 0
    assert losscli.evaluate("hinge", pred=[inf, -inf], target=[1, -1], allow_inf=True).value == 0
    assert losscli.evaluate("hinge", pred=[inf, -inf], target=[1, 1], allow_inf=True).value == inf


def test_wide_integers_are_subtracted_exactly() -> None:
    """Beside a variance too, as beside none."""
    pred, target = np.array([2**53 + 1]), np.array([2**53])
    assert losscli.evaluate("half_mse", pred=pred, target=target).value == 0.5
    assert losscli.evaluate("gaussian_nll", pred=pred, target=target, variance=[1.0]).value == 0.5


# Names and parameters

NAMES = {
    "half_mse": ["l2_loss", "HalfSquaredError"],
    "smooth_l1": ["SmoothL1Loss", "smooth_l1_loss"],
    "log_cosh": ["logcosh", "LogCosh"],
    "quantile": ["pinball", "mean_pinball_loss", "Quantile"],
    "gaussian_nll": ["GaussianNLLLoss"],
    "nll": ["NLLLoss"],
    "brier": ["brier_score_loss", "BrierScore"],
    "hinge": ["hinge_loss", "Hinge", "HingeLoss"],
    "kl": ["KLDivergence", "kl_divergence"],
    "kl:form=log_probs": ["KLDivLoss"],
    "triplet": ["TripletMarginLoss", "triplet_margin_loss"],
    "dice": ["Dice", "soft_dice"],
}


def test_names_of_other_libraries() -> None:
    """Only where the definition is the same, or a form makes it so."""
    assert {alias: str(get(alias)) for aliases in NAMES.values() for alias in aliases} == {
        alias: spec for spec, aliases in NAMES.items() for alias in aliases
    }


@pytest.mark.parametrize("definition", [definitions()[name] for name in DEFINITIONS], ids=list(DEFINITIONS))
def test_docstrings_are_of_the_house(definition: Definition) -> None:
    """A summary that fits a list, and what it is for, assumes, is good at, and where to beware; a source."""
    assert len(definition.summary) <= 110
    for part in ("Use it when ", "\nAssumes ", "\nGood: ", "\nBeware: ", "Reference: ", "Gradient", "urvature"):
        assert part in definition.doc, part


def test_truths() -> None:
    """A parameter that is true or false, from text and from Python; its canonical text reads back."""
    assert get("triplet:swap=true") == get("triplet", swap=True) == get("triplet", swap="true")
    assert str(get("triplet", swap=True)) == "triplet:swap=true"
    assert str(get("triplet:swap=false")) == "triplet"
    assert get("triplet:swap=true").params["swap"] is True
    for wrong in ("yes", "True", "1", 1, 0, None):
        with pytest.raises(UsageError, match=r"triplet: swap=.*: swap is one of true, false"):
            get("triplet", swap=wrong)


@pytest.mark.parametrize(
    "spec",
    [
        *("quantile:q=0", "quantile:q=1", "smooth_l1:beta=-1", "smooth_l1:beta=inf", "smooth_l1:variant=half"),
        *("hinge:margin=-1", "contrastive:margin=0", "contrastive:distance=l2", "triplet:p=0.9", "triplet:margin=inf"),
        *("dice:smooth=-1", "dice:pool=batch", "gaussian_nll:full=2", "kl:form=rate"),
    ],
)
def test_parameters_beyond_their_limits(spec: str) -> None:
    with pytest.raises(UsageError):
        get(spec)
