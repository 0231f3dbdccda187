"""Exact sums against fractions: equal to the last bit for any numbers, any order and any cut."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import permutations
from math import inf, isnan, nan, nextafter, prod, ulp
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from losscli.exact import PLACES, ZERO, Exact, GroupSums, root, to_float

BLOCK = 32768
TINY = 5e-324
HUGE = 1.7976931348623157e308

Arrays = list[Any]


def exact_sum(arrays: Sequence[Any]) -> Fraction:
    """Σ of the products, one integer in units of 2^-3222."""
    total = 0
    for numbers in zip(*(a.ravel().tolist() for a in arrays), strict=True):
        ratios = [x.as_integer_ratio() for x in numbers]
        shift = PLACES - sum(denominator.bit_length() - 1 for _, denominator in ratios)
        total += prod(numerator for numerator, _ in ratios) << shift
    return Fraction(total, 1 << PLACES)


# Random numbers of every kind


def _bit_patterns(rng: np.random.Generator, n: int) -> Any:
    found = rng.integers(0, 2**64, 2 * n + 64, dtype=np.uint64).view(np.float64)
    return found[np.isfinite(found)][:n]


def _cancelling(rng: np.random.Generator, n: int) -> Any:
    half = rng.uniform(1, 1.7, n // 2) * 1e308
    return rng.permutation(np.concatenate([half, -half, np.full(n - 2 * (n // 2), 1e-300)]))


KINDS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "of one sign": lambda rng, n: rng.uniform(0.5, 1, n),
    "about 2^300": lambda rng, n: np.ldexp(rng.uniform(0.5, 1, n), rng.integers(290, 420, n)),
    "about 2^-300": lambda rng, n: np.ldexp(rng.uniform(0.5, 1, n), -rng.integers(290, 420, n)),
    "at most 2^±300": lambda rng, n: np.ldexp(rng.uniform(-1, 1, n), rng.integers(-298, 301, n)),
    "whole": lambda rng, n: rng.integers(-(2**53), 2**53, n).astype(np.float64),
    "within 1e±30": lambda rng, n: rng.normal(size=n) * 10.0 ** rng.uniform(-30, 30, n),
    "within 1e±300": lambda rng, n: rng.normal(size=n) * 10.0 ** rng.uniform(-300, 300, n),
    "bit patterns": _bit_patterns,
    "subnormal": lambda rng, n: rng.integers(-(2**52), 2**52, n) * TINY,
    "cancelling at 1.7e308": _cancelling,
    "largest": lambda _, n: np.full(n, HUGE),
    "zeros of both signs": lambda rng, n: np.where(rng.random(n) < 0.5, 0.0, -0.0),
    "sparse": lambda rng, n: np.where(rng.random(n) < 0.01, rng.normal(size=n) * 1e200, 0.0),
    "one that is large": lambda rng, n: np.where(np.arange(n) == n // 2, 2.0**960, rng.normal(size=n)),
    "powers of two": lambda rng, n: np.ldexp(1.0, rng.integers(-1074, 1024, n)),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@pytest.mark.parametrize("factors", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 3, 17, 1000])
def test_a_sum_of_products_is_exact(kind: str, factors: int, n: int) -> None:
    """Terms, products of two and products of three add up without error."""
    rng = np.random.default_rng([n, factors])
    arrays = [KINDS[kind](rng, n) for _ in range(factors)]
    assert Exact.of(*arrays).fraction == exact_sum(arrays)


@pytest.mark.parametrize("factors", [2, 3])
def test_a_product_of_different_kinds_is_exact(factors: int) -> None:
    """Factors of widely differing size, each kind with each."""
    rng = np.random.default_rng(5)
    drawn = [make(rng, 50) for make in KINDS.values()]
    for k, first in enumerate(drawn):
        for second in drawn[k:]:
            arrays = [first, second, drawn[(3 * k + 1) % len(drawn)]][:factors]
            assert Exact.of(*arrays).fraction == exact_sum(arrays)


@pytest.mark.parametrize("kind", ["normal", "of one sign", "within 1e±300", "bit patterns", "one that is large"])
@pytest.mark.parametrize("n", [0, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1])
def test_a_sum_is_exact_around_the_block_size(kind: str, n: int) -> None:
    """More terms than are summed at once, and just as many."""
    values = KINDS[kind](np.random.default_rng(n), n)
    assert Exact.of(values).fraction == exact_sum([values])
    assert Exact.of(values, values[::-1]).fraction == exact_sum([values, values[::-1]])


def test_a_block_of_equal_leading_parts_is_exact() -> None:
    """As many terms just below a power of two as a block holds, of one sign: the extracted parts must not overflow."""
    for value in (1 - 2**-53, -(1 - 2**-53), nextafter(2.0**960, 0), TINY, 2.0**-1022 - TINY):
        values = np.full(BLOCK, value)
        assert Exact.of(values).fraction == BLOCK * Fraction(value)
        assert Exact.of(values, values, values).fraction == BLOCK * Fraction(value) ** 3


def test_layouts_of_the_terms_do_not_matter() -> None:
    """Rows and columns, strides, Fortran order, byte order and broadcast factors are read as they are written."""
    values = KINDS["within 1e±300"](np.random.default_rng(3), 600).reshape(60, 10)
    wanted = exact_sum([values])
    for same in (
        values.T,
        np.asfortranarray(values),
        values[::-1, ::-1],
        values.astype(">f8"),
        np.repeat(values, 2, 0)[::2],
    ):
        assert Exact.of(same).fraction == wanted
    weight = np.broadcast_to(np.arange(60.0)[:, None], values.shape)
    assert Exact.of(values, weight).fraction == exact_sum([values, weight])
    assert Exact.of(values, weight, np.asfortranarray(values)).fraction == exact_sum([values, weight, values])


def test_the_terms_are_left_as_they_are() -> None:
    """Read-only arrays are summed, and not written to."""
    values = KINDS["bit patterns"](np.random.default_rng(4), 100)
    before = values.tobytes()
    values.flags.writeable = False
    Exact.of(values)
    Exact.of(values, values, values)
    assert values.tobytes() == before


# Order and cut


@every_kind
@pytest.mark.parametrize("factors", [1, 2, 3])
def test_order_and_cut_do_not_matter(kind: str, factors: int) -> None:
    """The same sum for any order of the terms and for any pieces of them, merged in any order."""
    rng = np.random.default_rng(6)
    arrays = [KINDS[kind](rng, 500) for _ in range(factors)]
    wanted = Exact.of(*arrays)
    for _ in range(5):
        order = rng.permutation(500)
        cuts = np.sort(rng.integers(0, 501, 6))
        pieces = [Exact.of(*part) for part in zip(*(np.split(a[order], cuts) for a in arrays), strict=True)]
        assert _merged(pieces) == _merged(pieces[::-1]) == wanted


def _merged(pieces: Sequence[Exact]) -> Exact:
    total = ZERO
    for piece in pieces:
        total += piece
    return total


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(rows=st.lists(st.tuples(finite, finite, finite), max_size=40), cut=st.integers(0, 40), seed=st.integers(0, 99))
@example(rows=[(TINY, TINY, TINY)], cut=0, seed=0)
@example(rows=[(HUGE, HUGE, HUGE), (-HUGE, HUGE, HUGE), (TINY, TINY, TINY)], cut=1, seed=1)
def test_any_products_in_any_order(rows: list[tuple[float, float, float]], cut: int, seed: int) -> None:
    """Whatever finite numbers are found, sums of one, two and three factors are exact, cut and shuffled."""
    order = np.random.default_rng(seed).permutation(len(rows))
    table = np.array(rows, np.float64).reshape(-1, 3)[order]
    for factors in (1, 2, 3):
        columns = [table[:, k] for k in range(factors)]
        pieces = [Exact.of(*(c[:cut] for c in columns)), Exact.of(*(c[cut:] for c in columns))]
        assert pieces[0] + pieces[1] == Exact.of(*columns)
        assert Exact.of(*columns).fraction == exact_sum(columns)


@settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(st.lists(st.floats(), min_size=1, max_size=12))
def test_any_floats_keep_their_class(values: list[float]) -> None:
    """With infinities and NaN among the terms the sum is infinite or NaN, as it is in arithmetic; else it is exact."""
    terms = np.array(values)
    total = Exact.of(terms)
    special = _class_of_sum(terms[~np.isfinite(terms)].tolist())
    assert str(total.special) == str(special)
    assert total.is_finite == (special == 0)
    assert total.fraction == exact_sum([terms[np.isfinite(terms)]])
    assert str(float(total)) == str(special or to_float(exact_sum([terms[np.isfinite(terms)]])))


def _class_of_sum(special: list[float]) -> float:
    return 0.0 if not special else special[0] if len(set(special)) == 1 and not isnan(special[0]) else nan


# Infinities and NaN


@pytest.mark.parametrize(
    ("terms", "wanted"),
    [
        ([inf], inf),
        ([-inf], -inf),
        ([nan], nan),
        ([inf, inf, 1.0], inf),
        ([-inf, -inf, -1e308], -inf),
        ([inf, -inf, 0.0], nan),
        ([nan, inf, 1.0], nan),
        ([1.0, -0.0, inf, 1e-320], inf),
        ([HUGE, HUGE, -inf], -inf),
    ],
)
def test_specials_in_any_order(terms: list[float], wanted: float) -> None:
    """The class of a sum does not depend on the order of its terms, nor on how they were cut."""
    for order in permutations(terms):
        array = np.array(order)
        for cut in range(len(order)):
            assert str(float(Exact.of(array[:cut]) + Exact.of(array[cut:]))) == str(wanted)


@pytest.mark.parametrize(
    ("factors", "wanted"),
    [
        ((inf, 2.0), inf),
        ((inf, -2.0), -inf),
        ((-inf, -inf), inf),
        ((inf, 0.0), nan),
        ((inf, -0.0), nan),
        ((nan, 0.0), nan),
        ((inf, TINY, TINY), inf),
        ((-inf, TINY, TINY), -inf),
        ((inf, -HUGE, HUGE), -inf),
        ((inf, 0.0, HUGE), nan),
        ((nan, 1.0, 1.0), nan),
    ],
)
def test_products_with_specials(factors: tuple[float, ...], wanted: float) -> None:
    """Infinity times a number is infinite however small the number, with its sign; times 0 it is NaN."""
    for order in permutations(factors):
        arrays = [np.array([1.0, f, 3.0]) for f in order]
        total = Exact.of(*arrays)
        assert str(float(total)) == str(wanted)
        assert total.fraction == 1 + 3 ** len(factors)


def test_a_product_beyond_the_range_is_not_special() -> None:
    """Finite factors have a finite product, though no float64 holds it."""
    large, small = np.array([1e300, 1e300]), np.array([1e-300, 1e-300])
    assert Exact.of(large, large).is_finite
    assert float(Exact.of(large, large)) == inf
    assert Exact.of(large, large, small) + Exact.of(-large) != ZERO
    assert float(Exact.of(small, small)) == 0.0
    assert Exact.of(small, small).units > 0
    assert Exact.of(large, large).over(Fraction(10) ** 300) == pytest.approx(2e300, rel=1e-15)


# Reading a sum


@every_kind
def test_a_sum_is_rounded_once(kind: str) -> None:
    """float() and over() give the float64 nearest to the exact sum and to the exact quotient."""
    values = KINDS[kind](np.random.default_rng(8), 300)
    exact = exact_sum([values])
    assert float(Exact.of(values)) == to_float(exact)
    for divisor in (Fraction(1), Fraction(300), Fraction(7, 3), Fraction(2) ** 500, Fraction(1, 3**300)):
        assert Exact.of(values).over(divisor) == to_float(exact / divisor)


def test_specials_are_read_as_they_are() -> None:
    """An infinite or undefined sum stays so, whatever it is divided by."""
    for special in (inf, -inf, nan):
        total = Exact.of(np.array([special, 1.0]))
        assert str(total.over(Fraction(7))) == str(float(total)) == str(special)
        assert not total.is_finite


def test_an_empty_sum_is_zero() -> None:
    """No terms add up to 0, the sum that changes no other."""
    assert Exact.of(np.empty(0)) == Exact.of(np.empty(0), np.empty(0)) == ZERO == Exact()
    assert float(ZERO) == 0.0
    assert ZERO + Exact.of(np.array([0.1])) == Exact.of(np.array([0.1]))


@pytest.mark.parametrize("shift", [-900, -53, -1, 0, 1, 64, 2000])
def test_scaled(shift: int) -> None:
    """A sum times a power of two, exactly."""
    values = np.random.default_rng(9).normal(size=100)
    assert Exact.of(values).scaled(shift).fraction == exact_sum([values]) * Fraction(2) ** shift
    assert Exact.of(-values * values).scaled(shift).fraction == exact_sum([-values * values]) * Fraction(2) ** shift
    assert Exact.of(np.array([inf])).scaled(shift).special == inf


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (Fraction(0), 0.0),
        (Fraction(1, 3), 1 / 3),
        (Fraction(2) ** 1024, inf),
        (-(Fraction(10) ** 400), -inf),
        (Fraction(HUGE) + Fraction(ulp(HUGE)) / 2, inf),
        (Fraction(HUGE) + Fraction(ulp(HUGE)) / 2 - 1, HUGE),
        (Fraction(TINY) / 2, 0.0),
        (Fraction(TINY) / 2 + Fraction(1, 10**400), TINY),
        (Fraction(TINY) * 3 / 2, 2 * TINY),
        (Fraction(TINY) * 5 / 2, 2 * TINY),
        (1 + Fraction(1, 2**53), 1.0),
        (1 + Fraction(3, 2**53), 1 + 2**-51),
        (1 + Fraction(1, 2**53) + Fraction(1, 10**100), nextafter(1.0, 2.0)),
    ],
)
def test_to_float_is_nearest_ties_to_even(value: Fraction, wanted: float) -> None:
    """The nearest float64; of two that are equally near the even one; infinite beyond the largest."""
    assert to_float(value) == wanted
    assert to_float(-value) == -wanted


# Roots


def _radicands() -> Iterator[Fraction]:
    rng = np.random.default_rng(10)
    yield from (Fraction(x) for x in (1.0, 2.0, 0.25, 1e-300, 1e300, HUGE, TINY, 3 * TINY))
    yield from (Fraction(int(n), int(d)) for n, d in rng.integers(1, 2**62, (200, 2)))
    yield from (
        Fraction(abs(x)) * Fraction(abs(y)) for x, y in _bit_patterns(rng, 400).reshape(200, 2).tolist() if x and y
    )
    for x in rng.uniform(0.5, 2, 50).tolist():
        halfway = Fraction(x) + Fraction(ulp(x)) / 2  # its square's root lies between two float64, equally near
        yield from (
            Fraction(x) ** 2,
            halfway**2,
            halfway**2 * (1 + Fraction(1, 2**200)),
            halfway**2 * (1 - Fraction(1, 2**200)),
        )


def test_a_root_is_rounded_once() -> None:
    """The root is the float64 nearest to the exact one, also where that lies all but halfway between two."""
    for value in _radicands():
        found = Fraction(root(value))
        below, above = _between(found)
        assert below**2 <= value <= above**2, value


def _between(found: Fraction) -> tuple[Fraction, Fraction]:
    """The halfway points to the neighbours of a float64."""
    x = float(found)
    below, above = Fraction(nextafter(x, -inf)), Fraction(nextafter(x, inf))
    return (found + below) / 2, (found + above) / 2


def test_a_root_of_a_tie_is_even() -> None:
    """Exactly halfway between two float64 the even one is taken, as everywhere."""
    for x in (1.0, nextafter(1.0, 2.0), 1.5, nextafter(1.5, 2.0)):
        halfway = Fraction(x) + Fraction(ulp(x)) / 2
        assert root(halfway**2) == to_float(halfway)


def test_roots_at_the_ends_of_the_range() -> None:
    """Squares that no float64 holds have roots that one does."""
    assert root(Fraction(0)) == 0.0
    assert root(Fraction(TINY) ** 2) == TINY
    assert root(Fraction(HUGE) ** 2) == HUGE
    assert root(Fraction(TINY) ** 2 / 5) == 0.0
    assert root((2 * Fraction(HUGE)) ** 2) == inf
    assert root(Fraction(1, 10**400)) == 1e-200
    assert root(Fraction(10**400)) == 1e200


# Sums of many groups, beside what tests/test_slices.py says of them


def test_a_group_without_terms_is_zero() -> None:
    """So is one whose terms cancel, or were all 0, between others that are not."""
    sums = GroupSums()
    assert sums.of(0) == Exact()
    sums.add(np.array([0, 2, 0, 3]), np.array([1.5, 0.0, -1.5, 2.0]))
    assert [sums.of(code) for code in range(5)] == [Exact()] * 3 + [Exact.of(np.array([2.0])), Exact()]
