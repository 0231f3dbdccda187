"""Tables for a terminal. Numbers keep all their digits: where the terminal is too narrow, a line a figure is written
instead.
"""

from io import StringIO
from shutil import get_terminal_size

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from losscli.escape import escape
from losscli.literals import format_number
from losscli.results import Report, Result

_GAP = 3  # between columns
_PROSE_WIDTH = 24  # the least that is still read with ease
_NUMBERS = ("value", "n", "weight", "std", "min", "max")


def table(report: Report, colour: bool) -> str:
    """A row a loss, or a line a figure on a narrow terminal, under a line that says what was matched."""
    facts = [_facts(result) for result in report.results]
    shown = [key for key in facts[0] if any(f[key] for f in facts)]
    return _inputs(report) + grid(shown, [[f[key] for key in shown] for f in facts], _NUMBERS, colour=colour)


def _facts(result: Result) -> dict[str, str]:
    spread = {key: getattr(result, key) for key in ("std", "min", "max")}
    return {
        "loss": result.loss,
        "reduction": result.reduction,
        "value": format_number(result.value),
        "n": str(result.n),
        "weight": "" if result.weight == result.n else format_number(result.weight),
        **{key: "" if number is None else format_number(number) for key, number in spread.items()},
    }


def _inputs(report: Report) -> str:
    parts = [f"{i.role} {escape(i.path)}{_named(i.columns)}" for i in report.inputs]
    return f"{report.matched} rows matched: {', '.join(parts)}\n"


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
    widths = {name: max(map(len, [name, *cells])) for name, *cells in zip(header, *rows, strict=True)}
    for name in prose:
        widths[name] = min(widths[name], _PROSE_WIDTH)  # only prose may be broken into lines
    columns = get_terminal_size().columns
    if sum(widths.values()) + _GAP * len(header) > columns:
        return "\n".join(_lines(header, row) for row in rows)
    text = StringIO()
    console = Console(file=text, width=columns, force_terminal=colour, no_color=not colour)
    console.print(_box(widths, rows, numbers))
    return "".join(line.rstrip() + "\n" for line in text.getvalue().splitlines())


def _box(widths: dict[str, int], rows: list[list[str]], numbers: tuple[str, ...]) -> Table:
    box = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, width in widths.items():
        box.add_column(name, justify="right" if name in numbers else "left", min_width=width, overflow="fold")
    for row in rows:
        box.add_row(*(Text(escape(cell)) for cell in row))
    return box


def _lines(header: list[str], row: list[str]) -> str:
    width = max(map(len, header))
    return "".join(f"{name:<{width}}  {escape(cell)}\n" for name, cell in zip(header, row, strict=True) if cell)
