"""Pairs with a sign, batches of vectors and ranked lists: what is special to them, and what a loss of a group keeps to.

Values and derivatives of groups against their definitions, the order of rows, the size of blocks, one row, hostile
numbers, and what is refused.
"""

from collections.abc import Sequence
from itertools import permutations
from math import factorial, inf, log, nextafter
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from losscli.errors import InputError, UsageError
from losscli.losses import all_pairs
from losscli.registry import get
from tests.laws_support import GATHERED, all_same_bits, arrays_of, computed, random_data
from tests.reference.accuracy import ulps
from tests.reference.catalogue import reference
from tests.reference.exact import STEP, Sum, exactly

NAMES = ("info_nce", "supcon", "ranknet", "listnet", "listmle")
GROUPS = [spec for spec in GATHERED if spec.partition(":")[0] in NAMES]
LISTS = ("ranknet", "listnet", "listmle")

every_group = pytest.mark.parametrize("spec", GROUPS)


# Groups against their definitions


@every_group
@pytest.mark.parametrize("outputs", [2, 5])
def test_a_group_is_as_defined(spec: str, outputs: int) -> None:
    """Value, gradients and Hessian diagonals of a group, the latter by central differences of the definition."""
    loss = get(spec)
    for rows in (2, 6):
        assert_as_defined(spec, random_data(loss, rows, outputs, seed=rows).arrays)


def assert_as_defined(spec: str, arrays: Sequence[Any], digits: int = 120) -> None:
    loss, exact = get(spec), reference(get(spec), digits)
    bound, roles = exact.definition.ulps, [exactly(np.asarray(a).tolist()) for a in arrays]
    value = exact.value(roles)
    assert ulps(loss.value(*arrays)[0], value.value, value.size) <= bound
    if value.value != value.value:
        return
    found = [arrays_of(derivative) for derivative in (loss.gradient(*arrays), loss.hessian(*arrays))]
    for role in range(len(loss.kind.predictions)):
        places = list(np.ndindex(found[0][role].shape))
        wanted = [_derivatives(exact, roles, role, place) for place in places]
        for order in range(2):
            largest = max(both[order].size for both in wanted)  # what cancels in one entry of a vector, others show
            for place, both in zip(places, wanted, strict=True):
                size = largest if len(place) > 1 else both[order].size
                off = ulps(found[order][role][place], both[order].value, size)
                assert off <= bound, (spec, order + 1, role, place, found[order][role][place], both[order])


def _derivatives(exact: Any, roles: list[Any], role: int, place: tuple[int, ...]) -> tuple[Sum, Sum]:
    """Slope and curvature in one entry of one row, and the sizes of their terms."""

    def terms(step: Any) -> list[Any]:
        moved = [list(rows) for rows in roles]
        row = place[0]
        own = moved[role][row]
        moved[role][row] = [x + step * (k == place[1]) for k, x in enumerate(own)] if len(place) > 1 else own + step
        return exact.definition.terms(*moved, **exact.params)

    with mp.workdps(exact.digits):
        low, here, high = (terms(side * STEP) for side in (-1, 0, 1))
        slopes = [(b - a) / (2 * STEP) for a, b in zip(low, high, strict=True)]
        bends = [(a - 2 * m + b) / STEP**2 for a, m, b in zip(low, here, high, strict=True)]
        first, second = (Sum(sum(found), sum(abs(x) for x in found)) for found in (slopes, bends))
        return first, second


def test_lists_without_ties_by_hand() -> None:
    """Three rows: the pairs, and the draws one after another."""
    s, t = [0.3, -1.2, 2.0], [1.0, 0.0, 2.0]
    pairs = [2.0 - 0.3, 2.0 + 1.2, 0.3 + 1.2]
    assert get("ranknet").value(s, t)[0] == pytest.approx(sum(np.log1p(np.exp(-d)) for d in pairs) / 3, rel=1e-15)
    draws = [np.log(np.exp([2.0, 0.3, -1.2]).sum()) - 2.0, np.log(np.exp([0.3, -1.2]).sum()) - 0.3]
    assert get("listmle").value(s, t)[0] == pytest.approx(sum(draws), rel=1e-14)


def test_ties_of_listmle_bound_the_mean_over_their_orders() -> None:
    """Efron's rule is above the mean over all orders of the tied rows, and on it where their scores are equal."""
    level = np.array([3.0, 2, 2, 2, 1, 1])
    for spread in (0.0, 0.1, 2.0):
        scores = np.array([0.4, *(0.7 + spread * np.array([-1, 0.3, 1])), *(0.2 + spread * np.array([1, 0]))])
        orders = [(0, *a, *b) for a in permutations((1, 2, 3)) for b in permutations((4, 5))]
        strict = [get("listmle").value(scores[list(order)], np.arange(6.0)[::-1])[0] for order in orders]
        found, mean = get("listmle").value(scores, level)[0], np.mean(strict)
        assert found == pytest.approx(mean, rel=1e-14) if spread == 0 else mean < found < mean + spread


@pytest.mark.parametrize("n", [1, 2, 9])
def test_rows_that_are_alike(n: int) -> None:
    """Scores or vectors that say nothing leave the logarithm of a number of choices."""
    zeros, ones, vectors = np.zeros(n), np.ones(n), np.ones((n, 3))
    assert get("listnet").value(zeros, ones)[0] == pytest.approx(log(n), rel=1e-15)
    assert get("listmle").value(zeros, ones)[0] == pytest.approx(log(factorial(n)), rel=1e-15)
    assert get("info_nce").value(vectors, 2 * vectors)[0] == pytest.approx(log(n), rel=1e-15)
    if n > 1:
        assert get("ranknet").value(zeros, np.arange(n))[0] == pytest.approx(log(2), rel=1e-15)
        assert get("supcon").value(vectors, zeros)[0] == pytest.approx(log(n - 1), rel=1e-15)


@pytest.mark.parametrize(
    ("spec", "arrays"),
    [
        ("ranknet", ([1.0, 2.0, 0.5], [1.0, 1.0, 1.0])),
        ("ranknet", ([1.0], [1.0])),
        ("supcon", ([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [0, 1, 2])),
        ("supcon", ([[1.0, 0.0]], [0])),
    ],
)
def test_a_group_that_compares_nothing_is_undefined(spec: str, arrays: Any) -> None:
    """Not 0, which would look like the best there is."""
    assert all(np.isnan(found).all() for found in computed(get(spec), *arrays))


def test_anchors_without_a_positive_are_left_out() -> None:
    """They are compared with, and choose nothing themselves."""
    vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    cos = np.array([0.8, 0.0, 0.6])
    wanted = [log(1 + np.exp((b - a) / 0.5)) for a, b in ((cos[0], cos[1]), (cos[0], cos[2]))]
    assert get("supcon:temperature=0.5").value(vectors, [0, 0, 1])[0] == pytest.approx(sum(wanted) / 2, rel=1e-14)


# What does not change a bit


@every_group
def test_groups_side_by_side_are_groups_by_themselves(spec: str) -> None:
    """To the last bit of value and derivatives."""
    loss = get(spec)
    groups = [loss.check(random_data(loss, 13, 3, seed).arrays) for seed in range(4)]
    together = loss.yielded([np.stack(arrays) for arrays in zip(*groups, strict=True)], 2)
    for k, arrays in enumerate(groups):
        alone = loss.yielded([a[None] for a in arrays], 2)
        flat = [arrays_of_yield(found) for found in (alone, together)]
        assert all(a[0].tobytes() == b[k].tobytes() for a, b in zip(*flat, strict=True)), k


def arrays_of_yield(found: Sequence[Any]) -> list[Any]:
    return [a for one in found for a in (one if isinstance(one, tuple) else (one,))]


@every_group
def test_the_order_of_rows_goes_with_them(spec: str) -> None:
    """Rows in another order have the same value but for roundings, and each its own derivatives."""
    data = random_data(get(spec), 17, 3)
    order = np.random.default_rng(3).permutation(17)
    wanted, found = computed(data.loss, *data.arrays), computed(data.loss, *data.take(order).arrays)
    assert found[0] == pytest.approx(wanted[0], rel=1e-14)
    for one, other in zip(found[1:], wanted[1:], strict=True):
        np.testing.assert_allclose(one, other[order], rtol=1e-12, atol=1e-15)


@every_group
def test_large_groups_are_taken_in_blocks(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The value is the same to the last bit, derivatives but for the rounding of one sum."""
    data = random_data(get(spec), 23, 3)
    wanted = computed(data.loss, *data.arrays)
    monkeypatch.setattr(all_pairs, "_AT_ONCE", 100)
    found = computed(data.loss, *data.arrays)
    assert all_same_bits(found[:1], wanted[:1])
    for one, other in zip(found[1:], wanted[1:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_blocks_are_bounded_and_whole() -> None:
    """Each row of each group once, beside no more rows than fit."""
    for groups, rows in ((1, 1), (7, 3), (100_000, 8), (2, 3_000), (1, 50_000)):
        sizes = [len(range(groups)[a]) * len(range(rows)[b]) for a, b in all_pairs.blocks(groups, rows)]
        assert max(sizes) * rows <= 1 << 20
        assert sum(sizes) == groups * rows
    assert next(all_pairs.blocks(1, 3_000_000)) == (slice(0, 1), slice(0, 1))


def test_products_are_exact_sums() -> None:
    """The product of matrices is within a rounding or two of the exact one, relative to the largest entries, and the
    same for other cuts.
    """
    rng = np.random.default_rng(5)
    left, right = rng.normal(size=(3, 4, 70)), rng.normal(size=(3, 70, 5)) * 10.0 ** rng.integers(-200, 200, (1, 1, 5))
    found = all_pairs.product(left, right)
    assert (all_pairs.product(left[:, 1:3], right)[0] == found[0, 1:3]).all()
    sizes = np.abs(left[0]).max(axis=1)[:, None] * np.abs(right[0]).max(axis=0)
    with mp.workdps(60):
        for i, j in np.ndindex(found[0].shape):
            exact = sum(mpf(a) * mpf(b) for a, b in zip(left[0, i], right[0, :, j], strict=True))
            allowed = (abs(exact) + mpf(sizes[i, j]) / 1024) * mpf(2) ** -53
            assert abs(mpf(found[0, i, j]) - exact) <= allowed, (i, j)


# Hostile numbers

HUGE = 1.7e308
SCORES = [
    ([40.0, 0.0, -40.0], [2.0, 1.0, 0.0]),
    ([700.1, 0.3, -0.2, 700.1], [3.0, 1.0, 1.0, 3.0]),
    ([300.0, 1e-9, 0.0, -1e-9], [3.0, 2.0, 1.0, 0.0]),
    ([1e16, 1e16 - 4, 0.0], [0.0, 1.0, 2.0]),
    ([1e-300, -1e-300, 0.0], [1.0, 0.0, 0.0]),
    ([-745.2, 0.1, 5e-324], [1e308, -1e308, 0.5]),
    ([0.1, nextafter(0.1, 1), 0.3], [1.0, 1.0, 1.0 + 2.0**-52]),
    ([1e4, -1e4, 3.0, 2.0], [5.0, 4.0, 4.0, 4.0]),
]


@pytest.mark.parametrize("spec", LISTS)
@pytest.mark.parametrize(("pred", "target"), SCORES, ids=[str(s) for s, _ in SCORES])
def test_hostile_scores(spec: str, pred: list[float], target: list[float]) -> None:
    """Scores far apart and next to each other, confident lists, relevances of any size."""
    exact = reference(get(spec), 450).value([exactly(pred), exactly(target)])
    assert ulps(get(spec).value(pred, target)[0], exact.value, exact.size) <= exact_bound(spec)
    if max(map(abs, pred)) < 1e3:
        assert_as_defined(spec, [np.array(pred), np.array(target)], 450)


def exact_bound(spec: str) -> float:
    return reference(get(spec)).definition.ulps


def test_costs_may_add_up_beyond_the_range_where_their_mean_does_not() -> None:
    """Two pairs of 1.7e308 each, of which no sum is a float64."""
    assert get("ranknet").value([0.0, HUGE, HUGE], [1.0, 0.0, 0.0])[0] == HUGE
    assert get("ranknet").value([0.0, HUGE, -HUGE], [1.0, 1.0, 0.0])[0] == pytest.approx(0.0)
    assert get("ranknet").value([-HUGE, HUGE], [1.0, 0.0])[0] == inf
    assert get("listnet").value([0.0, HUGE], [0.0, 0.0])[0] == HUGE / 2
    assert get("listmle").value([0.0, HUGE], [1.0, 0.0])[0] == HUGE
    for spec in LISTS:
        assert np.isfinite(get(spec).gradient([-HUGE, HUGE], [1.0, 0.0])).all()


@pytest.mark.parametrize("scale", [1e-320, 1e-160, 1e-5, 1e160, 1e307])
def test_lengths_of_any_size_do_not_count(scale: float) -> None:
    """Cosines of vectors that are huge or tiny are those of their directions."""
    shape, classes = np.array([[1.0, 2.0, 0.5], [-2.0, 1.0, 4.0], [3.0, 2.5, 0.25], [1.0, -1.0, 2.0]]), [0, 0, 1, 1]
    near = shape + np.array([0.25, -0.5, 0.125])
    spread = np.array([[1.0], [scale], [1.0], [scale]])
    rel = 1e-3 if scale < 1e-300 else 1e-12
    for found, wanted in (
        (get("info_nce").value(shape * spread, near), get("info_nce").value(shape, near)),
        (get("supcon").value(shape * spread, classes), get("supcon").value(shape, classes)),
    ):
        assert found == pytest.approx(wanted, rel=rel)


def test_confident_batches_keep_their_digits() -> None:
    """The right one is the nearest by far: exp(-1/τ) remains, and slopes of that size."""
    near = np.array([[0.0, 0.25, -0.125], [0.5, 0.0, 0.125], [0.25, -0.25, 0.5]])
    assert_as_defined("info_nce:temperature=0.01", [np.eye(3) + near, np.eye(3) - near.T / 2], 200)
    axes = np.eye(3)[[0, 0, 1, 1]] + np.array([[0.0], [0.25], [0.0], [0.125]]) * [1.0, 0.5, -0.75]
    assert_as_defined("supcon:temperature=0.01", [axes, np.array([0, 0, 1, 1])], 200)
    value = get("info_nce:temperature=0.002").value(np.eye(2), np.eye(2))[0]
    assert value == pytest.approx(np.exp(-500), rel=1e-12)
    assert get("info_nce:temperature=1e-300").value(np.eye(2), np.eye(2)[::-1])[0] == pytest.approx(1e300)


def test_vectors_of_zeros() -> None:
    """Their cosine is 0 and their slope is 0."""
    anchor, positive = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 0.0]])
    loss = get("info_nce:temperature=1")
    cos = np.sqrt(0.5)
    assert loss.value(anchor, positive)[0] == pytest.approx((log(2) + np.log1p(np.exp(cos))) / 2, rel=1e-15)
    for found in (loss.gradient(anchor, positive), loss.hessian(anchor, positive)):
        assert (found["anchor"][0] == 0).all()
        assert (found["positive"][1] == 0).all()
        assert all(np.isfinite(a).all() for a in arrays_of(found))


# Pairs with a sign


def test_margins_are_kept_to_the_last_bit() -> None:
    """Next to the corner the loss is 0 or not by the exact difference, not by a rounded one."""
    left, right = [1.0, 1.0, 1e16], [2.0**-60, -(2.0**-60), -1.0]
    assert get("margin_ranking:margin=1").value(left, right, [1, 1, 1]).tolist() == [2.0**-60, 0.0, 0.0]
    assert get("margin_ranking:margin=1").gradient(left, right, [1, 1, 1])["left"].tolist() == [-1.0, 0.0, 0.0]
    assert get("margin_ranking").value([2**53 + 1], [2**53], [-1]).tolist() == [1.0]
    assert get("margin_ranking").value([-HUGE, HUGE], [HUGE, -HUGE], [1, 1]).tolist() == [inf, 0.0]


def test_signs_turn_pairs_round() -> None:
    """A label of -1 is the pair the other way round."""
    left, right, label = random_data(get("margin_ranking"), outputs=3).arrays
    loss = get("margin_ranking:margin=0.7")
    assert (loss.value(left, right, label) == loss.value(right, left, -label)).all()


REFUSALS: list[tuple[str, Any, str]] = [
    ("margin_ranking", ([1.0], [2.0], [0]), r"label\[0\]: 0.0 is not -1 or 1; 1 says that left is to be the higher"),
    ("margin_ranking", ([1.0, 2.0], [2.0, 1.0], [1]), "shapes differ"),
    ("margin_ranking", ([1.0, 2.0], [2.0], [1, 1]), "shapes differ"),
    ("cosine_embedding", ([[1.0, 2.0]], [[2.0, 1.0]], [0]), "0/1 labels must be written as -1/1"),
    ("cosine_embedding", ([[1.0, 2.0]], [[2.0, 1.0]], [1, 1]), "one label a pair"),
    ("cosine_embedding", ([[1.0, 2.0]], [[2.0]], [1]), "shapes differ"),
    ("hinge_embedding", ([1.0], [0]), "1 says similar, -1 dissimilar"),
    ("info_nce", ([[1.0, 2.0]], [[1.0, 2.0], [0.0, 1.0]]), "shapes differ"),
    ("info_nce", ([[1.0, np.nan]], [[1.0, 2.0]]), r"anchor\[0, 1\]: missing"),
    ("supcon", ([[1.0, 2.0]], [0, 1]), "one label a row"),
    ("supcon", ([[1.0, 2.0]], [0.5]), "label 0.5 is not an integer"),
    ("supcon", ([[1.0, 2.0]], [2**53]), "number the classes from 0"),
    ("ranknet", ([[1.0, 2.0]], [[1.0, 2.0]]), "one score a row"),
    ("listnet", ([1.0, 2.0], [1.0]), "shapes differ"),
    ("listmle", ([1.0, inf], [1.0, 0.0]), "--allow-inf"),
]


@pytest.mark.parametrize(("spec", "arrays", "message"), REFUSALS, ids=[f"{s}: {m}" for s, _, m in REFUSALS])
def test_refused(spec: str, arrays: Any, message: str) -> None:
    """The first value that is not allowed, with its place and the way out."""
    with pytest.raises(InputError, match=message):
        get(spec).value(*arrays)


@pytest.mark.parametrize(
    "spec",
    [
        *("margin_ranking:margin=-1", "cosine_embedding:margin=1.5", "hinge_embedding:margin=inf"),
        *("info_nce:temperature=0", "info_nce:temperature=inf", "supcon:temperature=-1", "ranknet:sigma=2"),
    ],
)
def test_parameters_beyond_their_limits(spec: str) -> None:
    with pytest.raises(UsageError):
        get(spec)
