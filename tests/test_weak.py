"""Weak slices: p-values from other sources, planted groups found, nothing found where there is nothing."""

import json
from collections.abc import Mapping
from itertools import combinations
from math import comb, isclose
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losscli import weak
from losscli.formats import Labels
from losscli.ranks import Pools, adjusted, normal
from losscli.weak import Slice, WeakSlices

RECORDED = json.loads(Path(__file__).with_name("reference").joinpath("weak.json").read_text(encoding="utf-8"))["cases"]
Columns = Mapping[str, Any]


def labels(texts: Any) -> Labels:
    names, codes = np.unique(np.asarray(texts, str), return_inverse=True)
    return Labels(np.where(names[codes] == "", -1, codes).astype(np.int64), tuple(names.tolist()))


def search(losses: Any, columns: Columns, weight: Any = None, size: int = 1 << 17, **options: Any) -> WeakSlices:
    """All rows added, in batches of `size` rows."""
    slices = WeakSlices(list(columns), **options)
    for start in range(0, len(losses), size):
        some = slice(start, start + size)
        slices.add(losses[some], None if weight is None else weight[some], {k: v[some] for k, v in columns.items()})
    return slices


def wheres(found: list[Slice]) -> list[tuple[tuple[str, str], ...]]:
    return [one.where for one in found]


# P-values


def pool_of(losses: Any) -> tuple[Pools, Any]:
    """A pool, and its ranks in the order of the losses as given."""
    order = np.argsort(losses, kind="stable")
    runs = np.cumsum(np.concatenate([[True], np.diff(losses[order]) != 0]))
    pool = Pools.of(np.zeros(len(losses), np.uint8), 1, runs)
    ranks = np.empty(len(losses))
    ranks[order] = pool.ranks
    return pool, ranks


def group_of(case: dict[str, Any]) -> tuple[Pools, Any, Any, Any]:
    """The arguments of a pool's tests for a recorded case."""
    if case["method"] == "hypergeom":
        rows, errors, n, found = (case[key] for key in ("rows", "errors", "n", "found"))
        group, rest = np.repeat([0.0, 1.0], [n - found, found]), np.ones(errors - found)
        rest = np.concatenate([rest, np.zeros(rows - n - len(rest))])
    else:
        group, rest = np.array(case["group"], float), np.array(case["rest"], float)
    pool, ranks = pool_of(np.concatenate([group, rest]))
    return pool, np.zeros(1, np.int64), np.array([float(len(group))]), ranks[: len(group)].sum(keepdims=True)


@pytest.mark.parametrize("case", [c for c in RECORDED if c["method"] == "asymptotic"])
def test_the_normal_approximation_is_scipys(case: dict[str, Any]) -> None:
    """With its tie correction and its correction of a half, for ties and for none."""
    pool, which, n, ranks = group_of(case)
    assert isclose(normal(*pool.standard(which, n, ranks, 0.5))[0], case["p"], rel_tol=1e-12)


@pytest.mark.parametrize("case", [c for c in RECORDED if c["method"] != "asymptotic"])
def test_p_values_are_scipys(case: dict[str, Any]) -> None:
    """Exact ones up to 64 rows; beyond, within 0.2 % of the exact ones without ties and 1 % of the hypergeometric's,
    where p is small, and within 2 % where it is not.
    """
    pool, *group = group_of(case)
    p = pool.tails(*group)[0]
    exact = pool.rows[0] <= 64
    near = 1e-12 if exact else 0.02 if case["p"] > 0.16 else 0.01 if case["method"] == "hypergeom" else 0.002
    assert isclose(p, case["p"], rel_tol=near)


@given(st.lists(st.integers(0, 4), min_size=3, max_size=9), st.data())
def test_small_pools_are_counted_out(losses: list[int], data: st.DataObject) -> None:
    pool, ranks = pool_of(np.array(losses, float))
    n = data.draw(st.integers(1, len(losses) - 1))
    sums = [sum(ranks[list(chosen)]) for chosen in combinations(range(len(losses)), n)]
    for reached in set(sums):
        p = pool.tails(np.zeros(1, np.int64), np.array([float(n)]), np.array([reached]))[0]
        assert isclose(p, sum(s >= reached for s in sums) / comb(len(losses), n), rel_tol=1e-12)


UNEVEN = {
    "half are 0": np.concatenate([np.zeros(60), 1.0 + np.arange(60)]),
    "few are not 0": np.concatenate([np.zeros(190), 1.0 + np.arange(10)]),
    "five grades": np.repeat(np.arange(5.0), [50, 30, 10, 8, 2]),
    "three values": np.repeat([0.0, 1.0, 2.0], [90, 6, 4]),
}


@pytest.mark.parametrize("name", UNEVEN)
@pytest.mark.parametrize("n", [20, 40])
def test_the_approximation_errs_on_the_safe_side(name: str, n: int) -> None:
    """Where ranks lie in lumps no approximation is close; this one is up to a tenth below the exact value, and
    mostly above it.
    """
    pool, ranks = pool_of(UNEVEN[name])
    rng = np.random.default_rng(3)
    tilted = [
        rng.choice(len(ranks), n, replace=False, p=w / w.sum()) for w in (ranks**k for k in range(4) for _ in range(20))
    ]
    sums = np.unique([ranks[chosen].sum() for chosen in tilted])
    which, sizes = np.zeros(len(sums), np.int64), np.full(len(sums), float(n))
    p, exact = pool.tails(which, sizes, sums), pool._exact(0, sizes, sums)
    assert (p >= 0.9 * exact).all()
    assert np.median(p / exact) > 1
    assert exact.min() < 1e-4


def test_the_normal_tail_is_far_off_where_errors_are_rare() -> None:
    """Why there is a saddlepoint approximation at all: 1 % errors, 200 rows, 9 of them wrong."""
    pool, *group = group_of(next(c for c in RECORDED if c.get("found") == 9))
    assert pool.tails(*group)[0] > 50 * normal(*pool.standard(*group, pool.step / 2))[0]


def test_groups_of_all_the_largest_have_a_tiny_p() -> None:
    pool, ranks = pool_of(np.arange(10_000.0))
    p = pool.tails(np.zeros(1, np.int64), np.array([20.0]), np.array([ranks[-20:].sum()]))[0]
    assert 1 / comb(10_000, 20) <= p < 1e-40


def test_nothing_is_told_by_equal_losses() -> None:
    for rows in (50, 100_000):
        pool, ranks = pool_of(np.full(rows, 0.3))
        assert pool.tails(np.zeros(1, np.int64), np.array([20.0]), ranks[:20].sum(keepdims=True))[0] == 1.0


def test_adjusted_p_values() -> None:
    """By hand: m = 3, 1 + 1/2 + 1/3 = 11/6."""
    assert adjusted(np.array([0.02, 0.01, 0.9])) == pytest.approx([0.055, 0.055, 1.0])
    assert adjusted(np.array([0.001, 0.5, 0.5])) == pytest.approx([0.0055, 11 / 12, 11 / 12])
    assert adjusted(np.zeros(0)).shape == (0,)


# Cells


def cells(values: Any) -> list[str]:
    """The cells of a column that hold any row, each row's text."""
    column = WeakSlices(["a"])
    column.add(np.zeros(len(values)), None, {"a": values})
    (coded,) = column._coded(column._held())
    return [coded.texts[k] for k in coded.codes]


def test_few_numbers_are_cells_of_their_own() -> None:
    assert cells(np.array([2.0, -0.0, np.nan, 0.5, 0.0])) == ["2", "0", "missing", "0.5", "0"]
    assert cells(np.array([3, 2**53 + 1])) == ["3", "9007199254740993"]
    assert cells(np.array([True, False])) == ["true", "false"]
    assert cells(np.array([0.1, 1e20], np.float32)) == ["0.1", "1e20"]
    assert cells(np.full(3, np.nan)) == ["missing"] * 3


def test_many_numbers_are_binned() -> None:
    texts = cells(np.arange(100) / 4)
    assert [texts[k] for k in (0, 19, 20, 40, 60, 99)] == [
        *("[0, 5)", "[0, 5)", "[5, 10)", "[10, 15)", "[15, 20)", "[20, 24.75]"),
    ]


def test_ties_stay_together() -> None:
    """The many zeros are a bin, whose end is where they end, though no quantile lies there."""
    texts = cells(np.concatenate([np.zeros(900), np.arange(1, 101)]))
    assert set(texts) == {"[0, 1)", "[1, 100]"}
    assert texts.count("[0, 1)") == 900


def test_a_bin_ends_where_the_ties_at_its_quantile_end_nearest() -> None:
    """A fifth of the rows lies among the zeros and two fifths among the ones, near their end."""
    texts = cells(np.concatenate([np.zeros(25), np.ones(16), np.arange(2, 61)]))
    assert sorted(set(texts), key=texts.index) == ["[0, 1)", "[1, 2)", "[2, 21)", "[21, 41)", "[41, 60]"]


@given(st.lists(st.integers(-40, 40) | st.just(None), min_size=1, max_size=120))
def test_every_number_lies_in_its_cell(values: list[int | None]) -> None:
    numbers = np.array([np.nan if v is None else v / 8 for v in values])
    for value, text in zip(numbers.tolist(), cells(numbers), strict=True):
        if np.isnan(value):
            assert text == "missing"
        elif text[0] == "[":
            low, high = (float(end) for end in text[1:-1].split(", "))
            assert low <= value < high or (text[-1] == "]" and value == high)
        else:
            assert float(text) == value


def test_missing_is_a_category() -> None:
    assert cells(labels(["x", "", "y", "x", "y"])) == ["x", "missing", "y", "x", "y"]
    assert cells(labels(["missing", "", "missing", "", "y", "y"]))[:2] == ["missing", "(missing)"]


def test_columns_that_are_no_candidates_are_named() -> None:
    rows = 60
    columns = {
        "id": labels([f"r{k}" for k in range(rows)]),
        "pair": np.zeros((rows, 2)),
        "when": np.zeros(rows, "datetime64[s]"),
        "one": np.zeros(rows),
    }
    slices = search(np.arange(float(rows)), columns, size=7)
    assert slices.found() == []
    assert slices.skipped == {
        "id": "more than 50 categories",
        "pair": "not one number a row",
        "when": "not one number a row",
    }
    few = search(np.arange(10.0), {"id": labels([f"r{k}" for k in range(10)])})
    assert few.found() == []
    assert few.skipped == {"id": "more than half of the rows distinct"}


def test_text_and_numbers_do_not_mix() -> None:
    for first, second in ((labels(["a", "b"]), np.zeros(2)), (np.zeros(2), labels(["a", "b"]))):
        slices = WeakSlices(["a"])
        for values in (first, second):
            slices.add(np.zeros(2), None, {"a": values})
        assert slices.found() == []
        assert slices.skipped == {"a": "numbers in some rows, text in others"}


def test_text_that_is_numbers_is_numbers() -> None:
    numbers = np.arange(40.0) % 20
    texts = labels([repr(x) for x in numbers.tolist()])
    losses = np.where(numbers < 4, 9.0, np.arange(40) % 3)
    found = [search(losses, {"a": column}, min_size=4).found() for column in (numbers, texts)]
    assert found[0] == found[1] != []
    codes = search(losses, {"a": labels([f"{int(x) % 4:03}" for x in numbers.tolist()])}, min_size=4)
    assert {cell for one in codes.found(level=1) for _, cell in one.where} <= {"000", "001", "002", "003"}


# What is said of a slice


def test_a_slice_by_hand() -> None:
    """Ten rows, of which four are weak: of the 24 pairs of rows the weak one has the larger loss in all but one."""
    losses = np.array([9.0, 8, 7, 4, 5, 1, 1, 2, 3, 0])
    weight = np.array([1.0, 2, 1, 1, 1, 1, 2, 1, 1, 1])
    slices = search(losses, {"a": labels(list("wwww") + list("rrssrs"))}, weight, min_size=4)
    (found,) = slices.found(level=0.1)
    assert found[:3] == ((("a", "w"),), 4, 5.0)
    assert found[3:6] == (36 / 5, 36 / 49, 13 / 7)
    assert found.effect == 23 / 24
    assert isclose(found.p, 2 / comb(10, 4), rel_tol=1e-12)
    assert isclose(found.q, found.p, rel_tol=1e-12)  # r and s are too small to be tested
    assert slices.found(level=found.q) == [found]
    assert slices.found(level=found.q * 0.999) == []


def test_rows_of_weight_0_are_left_out() -> None:
    losses, weight = np.array([5.0, 6, 7, 1, 2, 3, 100, 100]), np.array([1.0, 1, 1, 1, 1, 1, 0, 0])
    slices = search(losses, {"a": labels(list("wwwrrrrr"))}, weight, min_size=3)
    (found,) = slices.found(level=0.2)
    assert slices.seen == 6
    assert found[:6] == ((("a", "w"),), 3, 3.0, 6.0, 0.75, 2.0)


def test_no_columns_or_no_rows() -> None:
    assert WeakSlices(["a"]).found() == []
    assert search(np.arange(100.0), {}).found() == []


def test_higher_ranks_alone_are_no_weak_slice() -> None:
    """Most of the rest is lower, but its few huge losses make its mean higher."""
    losses = np.concatenate([np.full(200, 2.0) + np.arange(200) / 1e3, np.arange(800) / 1e3])
    columns = {"a": labels(["w"] * 200 + ["r"] * 800)}
    assert wheres(search(losses, columns).found()) == [(("a", "w"),)]
    losses[-5:] = 1e6
    assert search(losses, columns).found() == []
    weight = np.ones(1000)
    weight[-5:] = 1e-9  # the mean is the weighted one
    assert wheres(search(losses, columns, weight).found()) == [(("a", "w"),)]


def test_a_pair_has_a_higher_mean_than_the_rest_of_either_parent() -> None:
    """The rest of its parent has lower ranks, but when a few of its losses are huge, a higher mean."""
    ramp = np.arange(10_400) / 1e6
    losses = np.repeat([2.0, 1.0, 1.0, 0.5], [200, 200, 200, 9800]) + ramp
    pair = (("a", "w"), ("b", "w"))
    columns = {
        "a": labels(np.repeat(["w", "r"], [400, 10_000])),
        "b": labels(np.repeat([*"wrwr"], [200, 200, 200, 9800])),
    }
    assert pair in wheres(search(losses, columns).found())
    for start in (200, 400):
        uneven = losses.copy()
        uneven[start : start + 5] = 1000.0
        assert pair not in wheres(search(uneven, columns).found())


def test_a_rest_has_as_many_rows_as_a_group_at_least() -> None:
    """Of a column, and of a pair within its parents."""
    losses = np.concatenate([np.arange(15.0), 100.0 + np.arange(985)])
    column = {"a": labels(["r"] * 15 + ["w"] * 985)}
    assert search(losses, column, min_size=16).found() == []
    assert len(search(losses, column, min_size=15).found()) == 1
    losses = np.concatenate([np.arange(15.0) + 50, 100.0 + np.arange(100), np.arange(885) / 10])
    columns = {"a": labels(["w"] * 115 + ["r"] * 885), "b": labels(["r"] * 15 + ["w"] * 200 + ["r"] * 785)}
    for least in (15, 16):
        found = wheres(search(losses, columns, min_size=least).found())
        assert ((("a", "w"), ("b", "w")) in found) == (least == 15)


def test_sums_are_added_up_in_one_order() -> None:
    rng = np.random.default_rng(7)
    losses, weight, order = rng.integers(0, 3, 1000) / 3, rng.random(1000), rng.permutation(1000)
    found = []
    for some in (slice(None), order):
        rows = search(losses[some], {}, weight[some])._held()
        found.append(weak._Search(rows, [], 20)._sums(np.zeros(1000, np.uint8), 1).tolist())
    assert found[0] == found[1]


def test_nan_and_infinite_losses_are_tied() -> None:
    losses, columns = np.arange(1000.0) * 37 % 100, {"a": labels(["w"] * 100 + ["r"] * 900)}
    losses[:50] = losses[500:600] = np.inf
    tests = []
    for _ in range(2):
        (found,) = search(losses, columns).found()
        tests.append((found.p, found.q, found.effect))
        losses[:50:2] = losses[500:600:3] = np.nan
    assert tests[0] == tests[1]


@pytest.mark.parametrize("strange", [np.inf, np.nan])
def test_infinite_losses_are_the_worst(strange: float) -> None:
    rng = np.random.default_rng(4)
    losses, columns = rng.exponential(size=1000), {"a": labels(["w"] * 100 + ["r"] * 900)}
    losses[:30] = strange
    (found,) = search(losses, columns).found()
    assert found.where == (("a", "w"),)
    assert np.isnan(found.mean) if np.isnan(strange) else found.mean == np.inf
    losses[:100] = rng.exponential(size=100) + 1
    losses[999] = strange  # one in the rest hides nothing
    assert wheres(search(losses, columns).found()) == [(("a", "w"),)]


def test_huge_losses_do_not_overflow() -> None:
    losses = np.concatenate([np.linspace(1.2e308, 1.7e308, 100), np.linspace(1e308, 1.6e308, 900)])
    assert wheres(search(losses, {"a": labels(["w"] * 100 + ["r"] * 900)}).found()) == [(("a", "w"),)]


def test_the_largest_mean_comes_first_and_the_limit_holds() -> None:
    rng = np.random.default_rng(5)
    group = rng.integers(0, 10, 5000)
    losses = rng.exponential(size=5000) * (1 + group / 5 * (group % 2))
    slices = search(losses, {"a": group, "b": rng.integers(0, 4, 5000)})
    found = slices.found()
    assert [one.mean for one in found] == sorted((one.mean for one in found), reverse=True)
    assert found[0].where == (("a", "9"),)
    assert slices.found(limit=2) == found[:2]
    assert all(one.q <= 0.05 for one in found)


# Rows held


def test_more_rows_than_the_limit_are_drawn_from() -> None:
    """The same rows however they are cut, as many as asked, of all parts of the table."""
    rng = np.random.default_rng(6)
    losses, columns = (
        rng.exponential(size=20_000),
        {"x": np.arange(20_000), "c": labels(rng.choice(list("abc"), 20_000))},
    )
    held = []
    for size in (700, 3001, 20_000):
        slices = search(losses, columns, losses, size, looked_at=1000)
        assert (slices.seen, slices.looked) == (20_000, 1000)
        rows = slices._held()
        held.append([rows.losses.tolist(), rows.weight.tolist(), rows.columns["x"].tolist()])
    assert held[0] == held[1] == held[2]
    kept = np.array(held[0][2])
    assert (losses[kept] == held[0][0]).all()
    counts = np.bincount(kept // 2000, minlength=10)
    assert ((counts - 100) ** 2 / 100).sum() < 27.9  # chi-squared with 9 degrees of freedom: one in a thousand


def test_no_more_rows_are_held_than_allowed() -> None:
    slices = WeakSlices(["x"], looked_at=1000)
    for _ in range(100):
        slices.add(np.zeros(500), None, {"x": np.zeros(500)})
        assert sum(len(part.losses) for part in slices._parts) <= 1250


def table(rng: np.random.Generator, rows: int) -> tuple[Any, Columns]:
    columns = {
        "kind": labels(rng.choice(["", "a", "b", "c"], rows)),
        "few": rng.integers(0, 4, rows),
        "x": np.round(rng.normal(size=rows), 1),
    }
    hard = (columns["few"] == 2) | ((columns["x"] > 0.5) & (columns["kind"].codes == 1))
    return rng.integers(0, 20, rows) + 8.0 * hard, columns


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(30, 400), st.integers(1, 500), st.booleans())
def test_order_and_batches_do_not_matter(seed: int, rows: int, size: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    losses, columns = table(rng, rows)
    weight = rng.random(rows) + 0.1 if weighted else None
    found = search(losses, columns, weight, min_size=5).found()
    order = rng.permutation(rows)
    shuffled = {name: values[order] for name, values in columns.items()}
    kind = shuffled["kind"]
    others = ("b", "a", "unused", "c")  # and no category has the code it had
    shuffled["kind"] = Labels(np.array([0, 1, 0, 3, -1])[kind.codes], others)
    again = search(losses[order], shuffled, None if weight is None else weight[order], size, min_size=5)
    assert again.found() == found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(-1000, 1000), st.integers(-20, 20))
def test_shifted_and_scaled_losses_have_the_same_p(seed: int, shift: int, power: int) -> None:
    """By whole numbers and powers of two, which keep ties and order."""
    losses, columns = table(np.random.default_rng(seed), 300)
    found = {one.where: (one.p, one.q, one.effect) for one in search(losses, columns).found()}
    moved = search((losses + shift) * 2.0**power, columns).found()
    assert {one.where: (one.p, one.q, one.effect) for one in moved} == found


# Planted and shuffled

PLANTS = {
    "category": [(("c1", "k3"),)],
    "bin": [(("x0", "[0, 20)"),)],
    "pair": [(("c0", "k2"), ("x1", "[80, 99]"))],
    "missing": [(("c2", "missing"),)],
}


def world(seed: int, rows: int, plant: str = "", loss: str = "exponential") -> tuple[Any, Columns]:
    """Six columns of categories and four of numbers; a group whose losses are larger by 0.5 standard deviations, or
    by 15 points of error rate.
    """
    rng = np.random.default_rng(seed)
    codes = {f"c{j}": rng.integers(0, 4 + 2 * j, rows) for j in range(6)}
    codes["c2"][codes["c2"] == 5] = -1
    columns = {name: Labels(c, tuple(f"k{k}" for k in range(14))) for name, c in codes.items()}
    columns |= {f"x{j}": np.floor(np.linspace(0, 100, rows, endpoint=False))[rng.permutation(rows)] for j in range(4)}
    inside = {
        "": np.zeros(rows, np.bool_),
        "category": codes["c1"] == 3,
        "bin": columns["x0"] < 20,
        "pair": (codes["c0"] == 2) & (columns["x1"] >= 80),
        "missing": codes["c2"] == -1,
    }[plant]
    if loss == "0-1":
        return (rng.random(rows) < 0.05 + 0.15 * inside).astype(float), columns
    return rng.exponential(size=rows) + 0.5 * inside, columns


@pytest.mark.parametrize("loss", ["exponential", "0-1"])
@pytest.mark.parametrize("plant", PLANTS)
def test_planted_slices_are_found(plant: str, loss: str) -> None:
    """In each of a few draws; the slow test says how often."""
    for seed in range(3):
        found = wheres(search(*world(seed, 5000, plant, loss)).found())
        assert set(PLANTS[plant]) <= set(found)
        parents = {(cell,) for cell in PLANTS[plant][0]}
        assert set(found) <= parents | set(PLANTS[plant])  # and not again in each column's cells


@pytest.mark.parametrize("loss", ["exponential", "0-1"])
def test_nothing_is_found_in_shuffled_data(loss: str) -> None:
    assert [search(*world(seed, 2000, loss=loss)).found() for seed in range(10)] == [[]] * 10


def test_copies_of_a_column_make_no_pairs() -> None:
    losses, columns = world(1, 5000, "category")
    found = search(losses, {**columns, "copy": columns["c1"]}).found()
    assert wheres(found) == [(("c1", "k3"),), (("copy", "k3"),)]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["exponential", "0-1"])
@pytest.mark.parametrize("rows", [500, 3000])
def test_shuffled_data_rarely_yield_anything(loss: str, rows: int) -> None:
    """Of 200 draws at level 0.05: at most 10 are expected, and 18 have a probability below 1 %."""
    false = sum(bool(search(*world(1000 + seed, rows, loss=loss), min_size=20).found()) for seed in range(200))
    assert false <= 17


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["exponential", "0-1"])
@pytest.mark.parametrize("plant", PLANTS)
def test_planted_slices_are_found_with_power(plant: str, loss: str) -> None:
    """5000 rows, some 2,500 tests: 250 rows of a pair, 500 to 1000 of a column, in 95 of 100 draws at least."""
    found = [set(wheres(search(*world(2000 + seed, 5000, plant, loss)).found())) for seed in range(100)]
    assert sum(set(PLANTS[plant]) <= one for one in found) >= 95
    known = {(cell,) for cell in PLANTS[plant][0]} | set(PLANTS[plant])
    assert sum(len(one - known) for one in found) <= 0.05 * sum(map(len, found))


@pytest.mark.slow
def test_p_values_of_a_shuffled_column_are_uniform() -> None:
    """Before any adjustment: the share of p-values up to 1 % and 5 % is no more, within four standard errors."""
    for loss in ("exponential", "0-1"):
        p = np.concatenate([_p_values(*world(seed, 1000, loss=loss)) for seed in range(200)])
        for level in (0.01, 0.05):
            assert (p <= level).mean() <= level + 4 * np.sqrt(level * (1 - level) / len(p))


def _p_values(losses: Any, columns: Columns) -> Any:
    rows = (slices := search(losses, columns))._held()
    return np.concatenate([one.p for one in weak._Search(rows, slices._coded(rows), 20)._singles()])
