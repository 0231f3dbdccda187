"""Tables for a terminal. Numbers keep all their digits: where the terminal is too narrow, a line a figure is written
instead, or for several losses a column a loss.
"""

import os
from collections.abc import Sequence
from io import StringIO
from shutil import get_terminal_size

from rich.box import SIMPLE_HEAD, Box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from losscli.escape import escape
from losscli.render.lines import (
    GROUP_COLUMNS,
    SYSTEM,
    WEAK_COLUMNS,
    group_rows,
    has_groups,
    has_samples,
    has_value,
    has_weak,
    number,
    penalised,
    sample_rows,
    setting_names,
    system_cells,
    unlisted,
    unranked,
    weak_rows,
)
from losscli.results import EXTRAS, Derivative, Input, Report, Result, change_of

_GAP = 3  # between columns
_PROSE_WIDTH = 24  # the least that is still read with ease
_SPREAD = (*EXTRAS, "p50", "p90", "p99")
_NUMBERS = ("value", "penalty", "total", "baseline", "change", "n", "weight", *_SPREAD)
_FACTS = ("loss", "reduction", *_NUMBERS)
_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = " .:-=+*#@"
_ASCII_HEAD = Box(str(SIMPLE_HEAD).replace("─", "-"), ascii=True)


def table(report: Report, colour: bool) -> str:
    """What was matched; a row a loss, or a line a figure on a narrow terminal; then the groups, then the samples."""
    parts = [_inputs(report)]
    if has_value(report):
        names = setting_names(report, _FACTS)
        facts = [row for result in report.results for row in _facts(result, names)]
        parts.append(_figures(facts, colour))
        parts += [_histogram(result) for result in report.results if result.histogram]
        parts += [_derivative(word, d) for r in report.results for word, d in _derivatives(r)]
    if has_groups(report):
        parts.append("\n" + _groups(report, colour))
    if has_weak(report):
        header, rows = weak_rows(report)
        none = "no slice has losses that are higher than the rest's beyond chance\n"
        parts.append("\n" + (grid(header, rows, WEAK_COLUMNS, colour=colour) if rows else none))
    if has_samples(report):
        header, rows = sample_rows(report)
        parts.append("\n" + grid(header, rows, tuple(name for name in header if name != "of"), colour=colour))
        parts.append(unlisted(report).replace("…", "...") if is_ascii() else unlisted(report))
    return "".join(parts)


def is_ascii() -> bool:
    """Whether the locale says that the terminal shows no UTF-8: lines and blocks are then drawn with ASCII signs."""
    said = next((os.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)), "utf-8")
    return "utf8" not in said.lower().replace("-", "")


def _groups(report: Report, colour: bool) -> str:
    """The groups; their weight only where it is not their number of samples."""
    header, rows = group_rows(report, "(missing)")
    if all(group.weight == group.n for result in report.results for group in result.groups):
        k = len(header) - header[::-1].index("weight") - 1  # a column of the file may be called so too, and comes first
        header, rows = [*header[:k], *header[k + 1 :]], [[*row[:k], *row[k + 1 :]] for row in rows]
    return grid(header, rows, GROUP_COLUMNS, colour=colour)


def _figures(facts: list[dict[str, str]], colour: bool) -> str:
    """A row a loss; of several losses a column a loss where that is too wide."""
    shown = [key for key in facts[-1] if any(f.get(key) for f in facts)]
    rows = [[f.get(key, "") for key in shown] for f in facts]
    if SYSTEM in shown:
        return sparing(shown, rows, (_SPREAD, ("reduction",)), numbers=_NUMBERS, prose=(SYSTEM,), colour=colour)
    if len(rows) > 1 and not _fits(_widths(shown, rows)):
        names, *columns = zip(*rows, strict=True)
        header = [shown[0], *names]
        turned = [[name, *values] for name, values in zip(shown[1:], columns, strict=True)]
        if len(set(header)) == len(header) and _fits(_widths(header, turned)):
            return grid(header, turned, tuple(names), colour=colour)
    return grid(shown, rows, _NUMBERS, colour=colour)


def sparing(
    header: list[str],
    rows: list[list[str]],
    spare: Sequence[tuple[str, ...]],
    *,
    numbers: tuple[str, ...],
    prose: tuple[str, ...],
    colour: bool,
) -> str:
    """A table whose lines are there to be compared: where it is too wide, it does without the columns in `spare`, as
    far as that helps; other formats have them.
    """
    shown, cells = header, rows
    for left_out in ((), *spare):
        kept = [k for k, name in enumerate(shown) if name not in left_out]
        shown, cells = [shown[k] for k in kept], [[row[k] for k in kept] for row in cells]
        if _fits(_widths(shown, cells, prose)):
            return grid(shown, cells, numbers, prose, colour)
    return grid(header, rows, numbers, prose, colour)


def _facts(result: Result, names: dict[str, str]) -> list[dict[str, str]]:
    system = system_cells(result, names)
    which = {key: cell for key, cell in system.items() if key != SYSTEM}
    whose = {key: cell for key, cell in system.items() if key == SYSTEM}
    terms = [{**unranked(which), "loss": t.loss, "value": number(t.value), **whose} for t in result.terms]
    whole = {
        **which,
        "loss": result.loss,
        "reduction": result.reduction,
        "value": number(result.value),
        **penalised(result),
        "baseline": number(result.baseline),
        "change": number(change_of(result)),
        "n": str(result.n),
        "weight": "" if result.weight == result.n else number(result.weight),
        **{key: number(getattr(result, key)) for key in EXTRAS},
        **{key: number(value) for key, value in result.quantiles.items()},
        **whose,
    }
    return [*terms, whole]


def _histogram(result: Result) -> str:
    """The samples' losses from the least to the largest, a block a bin, as high as the bin is full."""
    signs, top = _ASCII_BLOCKS if is_ascii() else _BLOCKS, max(result.histogram)
    blocks = "".join(signs[-(-count * (len(signs) - 1) // top)] for count in result.histogram)
    low, high = f"{escape(result.called)}  {number(result.min)}", number(result.max)
    gap = " " if cell_len(low + blocks + high) + 2 <= get_terminal_size().columns else "\n"
    return f"\n{low}{gap}{blocks}{gap}{high}\n"


def _derivatives(result: Result) -> list[tuple[str, Derivative]]:
    found = [("gradient", d) for d in result.gradients.values()] + [("hessian", d) for d in result.hessians.values()]
    return [(f"{escape(result.called)}: {word} of {d.of}", d) for word, d in found]


def _derivative(what: str, derivative: Derivative) -> str:
    size = f"norm {number(derivative.norm)}, largest {number(derivative.max_abs)}"
    strange = f", {derivative.nonfinite} entries infinite or NaN" if derivative.nonfinite else ""
    return f"\n{what}: {size}{strange}\n"


def _inputs(report: Report) -> str:
    by_role: dict[str, list[Input]] = {}
    for one in report.inputs:
        by_role.setdefault(one.role, []).append(one)
    absent = f" ({report.account})" if str(report.account) else ""
    return f"{report.matched} rows matched{absent}: {', '.join(map(_read_from, by_role.values()))}\n"


def _read_from(inputs: list[Input]) -> str:
    """Where a role is read from; of many files how many, if their columns are called the same."""
    first = inputs[0]
    if len(inputs) > 1 and all(one.columns == first.columns for one in inputs):
        return f"{first.role} {len(inputs)} files{_named(first.columns)}"
    return ", ".join(f"{one.role} {escape(one.path)}{_named(one.columns)}" for one in inputs)


def _named(columns: tuple[str, ...]) -> str:
    if all(name.isdigit() for name in columns):
        return "" if len(columns) == 1 else f" ({len(columns)} columns)"
    return f":{escape(columns[0])}" if len(columns) == 1 else f" ({len(columns)} columns)"


def grid(
    header: list[str],
    rows: list[list[str]],
    numbers: tuple[str, ...] = (),
    prose: tuple[str, ...] = (),
    colour: bool = False,
) -> str:
    """A table as wide as it needs to be, or a line a cell where the terminal is narrower than that."""
    header = [escape(name) for name in header]
    widths = _widths(header, rows, prose)
    if not _fits(widths):
        return "\n".join(_lines(header, row) for row in rows)
    text = StringIO()
    width = get_terminal_size().columns
    console = Console(file=text, width=width, height=len(rows), force_terminal=colour, no_color=not colour)
    console.print(_box(widths, rows, numbers))
    return "".join(line.rstrip() + "\n" for line in text.getvalue().splitlines())


def fits(header: list[str], rows: list[list[str]]) -> bool:
    """Whether the terminal is as wide as the table."""
    return _fits(_widths(header, rows))


def _widths(header: list[str], rows: list[list[str]], prose: tuple[str, ...] = ()) -> dict[str, int]:
    """What columns need; only prose may be broken into lines."""
    columns = zip(header, *rows, strict=True)
    widths = {name: max(cell_len(escape(c)) for c in [name, *cells]) for name, *cells in columns}
    return {name: min(width, _PROSE_WIDTH) if name in prose else width for name, width in widths.items()}


def _fits(widths: dict[str, int]) -> bool:
    return sum(widths.values()) + _GAP * len(widths) <= get_terminal_size().columns


def _box(widths: dict[str, int], rows: list[list[str]], numbers: tuple[str, ...]) -> Table:
    box = Table(box=_ASCII_HEAD if is_ascii() else SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, width in widths.items():
        box.add_column(Text(name), justify="right" if name in numbers else "left", min_width=width, overflow="fold")
    for row in rows:
        box.add_row(*(Text(escape(cell)) for cell in row))
    return box


def _lines(header: list[str], row: list[str]) -> str:
    width = max(map(cell_len, header))
    names = [name + " " * (width - cell_len(name)) for name in header]
    return "".join(f"{name}  {escape(cell)}\n" for name, cell in zip(names, row, strict=True) if cell)
