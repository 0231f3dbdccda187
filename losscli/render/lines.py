"""Reports as rows of text cells, for every format that is made of rows."""

from typing import Any

from losscli.literals import format_number
from losscli.results import Derivative, Report, Result, flattened

COLUMNS = ("loss", "reduction", "value", "n", "weight")
Rows = tuple[list[str], list[list[str]]]


def number(value: Any) -> str:
    """A cell: a float in full, other values as they are, nothing for None."""
    if isinstance(value, float):
        return format_number(value)
    return "" if value is None else str(value)


def result_rows(report: Report) -> Rows:
    """A row a loss, after a row for each term of a sum of losses; the size of derivatives where they were asked for."""
    sizes = [_sizes(result) for result in report.results]
    header = [*COLUMNS, *sizes[0]]
    rows = []
    for result, size in zip(report.results, sizes, strict=True):
        counts = [result.reduction, str(result.n), number(result.weight)]
        for term in result.terms:
            rows.append([term.loss, counts[0], number(term.value), *counts[1:], *[""] * len(size)])
        rows.append([result.loss, counts[0], number(result.value), *counts[1:], *size.values()])
    return header, rows


def _sizes(result: Result) -> dict[str, str]:
    found: dict[str, str] = {}
    for word, by_role in (("grad", result.gradients), ("hess", result.hessians)):
        for role, derivative in by_role.items():
            found.update(_size(f"{word}{'_' + role if len(by_role) > 1 else ''}", derivative))
    return found


def _size(name: str, derivative: Derivative) -> dict[str, str]:
    return {
        f"{name}_norm": number(derivative.norm),
        f"{name}_max_abs": number(derivative.max_abs),
        f"{name}_nonfinite": str(derivative.nonfinite),
    }


def sample_rows(report: Report) -> Rows:
    """A row a sample and loss; `of` names the loss where there are several, and a vector is a column an entry."""
    several = len(report.results) > 1
    found = []
    for result in report.results:
        flat = flattened(result.samples or {})
        named = {"of": result.loss} if several else {}
        found += [named | dict(zip(flat, row, strict=True)) for row in zip(*flat.values(), strict=True)]
    header = list(dict.fromkeys(name for row in found for name in row))
    return header, [[number(row.get(name)) for name in header] for row in found]


def unlisted(report: Report) -> str:
    """What to know of samples that are there and not listed."""
    count = max((result.unlisted for result in report.results), default=0)
    return f"… and {count} more; --limit {count + len(_first_column(report))} lists them all\n" if count else ""


def _first_column(report: Report) -> Any:
    return next(iter((report.results[0].samples or {}).values()), [])


def has_samples(report: Report) -> bool:
    """Whether samples were asked for."""
    return any(result.samples is not None for result in report.results)


def has_value(report: Report) -> bool:
    """Whether there is a value: reduction none has none."""
    return any(result.value is not None for result in report.results)
