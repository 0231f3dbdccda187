"""Reports as rows of text cells, for every format that is made of rows."""

from collections.abc import Iterable
from typing import Any

from losscli.literals import format_number
from losscli.results import Derivative, Group, Report, Result, change_of, flattened

COLUMNS = ("loss", "reduction", "value", "n", "weight")
Rows = tuple[list[str], list[list[str]]]


def number(value: Any) -> str:
    """A cell: a float in full, other values as they are, nothing for None."""
    if isinstance(value, float):
        return format_number(value)
    return "" if value is None else str(value)


def result_rows(report: Report) -> Rows:
    """A row a loss, after a row for each term of a sum of losses; the penalty and the total, the baseline's value and
    the size of derivatives where they were asked for, and of several systems which one it is.
    """
    sizes = [{**penalised(result), **_compared(result), **_sizes(result)} for result in report.results]
    names = setting_names(report, [*COLUMNS, *sizes[0]])
    header = [*COLUMNS, *sizes[0], *system_cells(report.results[0], names)]
    rows = []
    for result, size in zip(report.results, sizes, strict=True):
        counts, system = [result.reduction, str(result.n), number(result.weight)], system_cells(result, names)
        for term in result.terms:
            of_term = [*[""] * len(size), *unranked(system).values()]
            rows.append([term.loss, counts[0], number(term.value), *counts[1:], *of_term])
        rows.append([result.loss, counts[0], number(result.value), *counts[1:], *size.values(), *system.values()])
    return header, rows


RANK, SYSTEM = "rank", "pred"


def setting_names(report: Report, taken: Iterable[str]) -> dict[str, str]:
    """The column of each setting of several systems, in the order in which their files name them; `n_setting` where
    a column that is there already, `taken`, has the setting's name.
    """
    given = [one.path for one in report.inputs if one.role == SYSTEM]
    results = sorted((r for r in report.results if r.pred in given), key=lambda result: given.index(result.pred))
    columns, used = {}, {RANK, SYSTEM, *taken}
    for setting in dict.fromkeys(setting for result in results for setting in result.settings):
        name = setting
        while name in used:
            name += "_setting"
        used.add(name)
        columns[setting] = name
    return columns


def system_cells(result: Result, names: dict[str, str]) -> dict[str, str]:
    """Which of several systems it is, by column; nothing where there is one."""
    if not result.pred:
        return {}
    settings = {name: result.settings.get(setting, "") for setting, name in names.items()}
    return {RANK: str(result.rank), **settings, SYSTEM: result.pred}


def unranked(system: dict[str, str]) -> dict[str, str]:
    """The same of a term, whose value is not what is ranked."""
    return system | ({RANK: ""} if system else {})


def penalised(result: Result) -> dict[str, str]:
    """The penalty, and the total of the data loss and it."""
    added = result.penalty
    return {"penalty": number(added.value), "total": number(added.total)} if added else {}


def _compared(found: Result | Group) -> dict[str, str]:
    """The value of the baseline, and by how much that has changed."""
    return {} if found.baseline is None else {"baseline": number(found.baseline), "change": number(change_of(found))}


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
        named = {"of": result.called} if several else {}
        found += [named | dict(zip(flat, row, strict=True)) for row in zip(*flat.values(), strict=True)]
    header = list(dict.fromkeys(name for row in found for name in row))
    return header, [[number(row.get(name)) for name in header] for row in found]


GROUP_COLUMNS = ("value", "n", "weight", "share")
_COMPARED = ("baseline", "change")


def group_rows(report: Report, missing: str = "") -> Rows:
    """A row a group and loss, the worst first; `missing` is what a missing value is called. An empty cell is nothing
    else, as no text is empty.
    """
    groups = [(result, group) for result in report.results for group in result.groups]
    names = list(dict.fromkeys(name for _, group in groups for name in group.by)) or ["group"]
    several = len(report.results) > 1
    more = _COMPARED if any(group.baseline is not None for _, group in groups) else ()
    taken = {"of", *GROUP_COLUMNS, *more}
    header = [*(["of"] * several), *(f"{n}_by" if n in taken else n for n in names), *GROUP_COLUMNS, *more]
    rows = [
        [
            *([result.called] * several),
            *_by_cells(g, names, missing),
            *_group_cells(g),
            *(_compared(g).get(name, "") for name in more),
        ]
        for result, g in groups
    ]
    return header, rows


def _by_cells(group: Group, names: list[str], missing: str) -> list[str]:
    if group.smaller_than:
        plural = "s" if group.groups > 1 else ""
        return [f"({group.groups} group{plural} smaller than {group.smaller_than})", *[""] * (len(names) - 1)]
    return [number(group.by.get(name, "")) if group.by.get(name, "") is not None else missing for name in names]


def _group_cells(group: Group) -> list[str]:
    return [number(group.value), str(group.n), number(group.weight), number(group.share)]


def has_groups(report: Report) -> bool:
    """Whether groups were asked for."""
    return any(result.groups for result in report.results)


WEAK_COLUMNS = ("n", "weight", "mean", "rest_mean", "share", "q")


def weak_rows(report: Report) -> Rows:
    """A row a weak slice and loss, the worst first."""
    several = len(report.results) > 1
    found = [(result.called, one) for result in report.results for one in result.weak_slices or ()]
    rows = [
        [
            *([loss] * several),
            ", ".join(f"{column}={cell}" for column, cell in one.where),
            *(number(getattr(one, name)) for name in WEAK_COLUMNS),
        ]
        for loss, one in found
    ]
    return [*(["of"] * several), "slice", *WEAK_COLUMNS], rows


def has_weak(report: Report) -> bool:
    """Whether weak slices were looked for."""
    return any(result.weak_slices is not None for result in report.results)


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
