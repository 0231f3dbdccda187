"""Runs SciPy's rank tests on fixed losses and writes their p-values to weak.json, beside this file.

    python -m tests.reference.record_weak

needs scipy; the tests read the file alone. `method` says whose p-value it is: `exact` and `asymptotic` are those of
`mannwhitneyu(group, rest, alternative="greater")`, `permutation` is that of all ways to draw the group (ties and all),
`hypergeom` the probability of at least so many errors in the group where losses are 0 or 1.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("weak.json")
SIZES = ((20, 40), (25, 25), (20, 120), (60, 25), (50, 400))
RARE = (
    (1000, 20, 20, 4),
    (10_000, 100, 20, 3),
    (10_000, 100, 200, 9),
    (10_000, 5000, 500, 305),
    (100_000, 1000, 2000, 56),
)


def continuous() -> list[dict[str, Any]]:
    """Losses of which no two are equal, the group's shifted by more and more."""
    from scipy.stats import mannwhitneyu

    found, rng = [], np.random.default_rng(1)
    for n, rest in SIZES:
        for shift in (0.0, 0.3, 0.6, 1.0):
            drawn = np.argsort(np.argsort(np.concatenate([rng.normal(shift, 1, n), rng.normal(0, 1, rest)])))
            group, others = drawn[:n], drawn[n:]
            found += [_mann_whitney(mannwhitneyu, group, others, method) for method in ("exact", "asymptotic")]
    return found


def tied() -> list[dict[str, Any]]:
    """Losses of few values: the approximation for any size, and all permutations of few rows."""
    from scipy.stats import mannwhitneyu, permutation_test, rankdata

    found, rng = [], np.random.default_rng(2)
    for n, rest in SIZES:
        for shift in (0, 1):
            group, others = rng.poisson(1.5 + shift, n), rng.poisson(1.5, rest)
            found.append(_mann_whitney(mannwhitneyu, group, others, "asymptotic"))
    for n, rest in ((4, 6), (5, 7), (8, 4)):
        ranks = rankdata(rng.poisson(1.5, n + rest))
        test = permutation_test((ranks[:n], ranks[n:]), lambda x, y: x.sum(), alternative="greater", n_resamples=np.inf)
        found.append(_case("permutation", ranks[:n], ranks[n:], test.pvalue))
    return found


def _mann_whitney(test: Any, group: Any, rest: Any, method: str) -> dict[str, Any]:
    return _case(method, group, rest, test(group, rest, alternative="greater", method=method).pvalue)


def _case(method: str, group: Any, rest: Any, p: float) -> dict[str, Any]:
    return {"method": method, "group": group.tolist(), "rest": rest.tolist(), "p": float(p)}


def rare() -> list[dict[str, Any]]:
    """Rows, errors among them, rows of the group, errors among those."""
    from scipy.stats import hypergeom

    names = ("rows", "errors", "n", "found")
    return [
        {"method": "hypergeom", **dict(zip(names, case, strict=True)), "p": float(hypergeom.sf(case[3] - 1, *case[:3]))}
        for case in RARE
    ]


def main() -> None:
    """Write the file: one case a line."""
    cases = ",\n".join(json.dumps(case) for case in [*continuous(), *tied(), *rare()])
    versions = json.dumps({name: version(name) for name in ("scipy", "numpy")})
    FILE.write_text(f'{{\n"versions": {versions},\n"cases": [\n{cases}\n]\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
