"""What `step` found, as text: a row a step, and on a terminal the curve."""

from shutil import get_terminal_size
from typing import Any

from losscli.descent import Descent
from losscli.lazy import np
from losscli.literals import canonical
from losscli.render.json import to_json
from losscli.render.lines import number
from losscli.render.plain import tab_separated
from losscli.results import SCHEMA
from losscli.version import VERSION

_COLUMNS = ("step", "loss", "penalty", "total", "gradient_norm", "predicted_change", "change")
_OF_PENALTY = ("penalty", "total")  # columns that only a penalty makes
_LEAST_FIRST = (
    "predicted_change",
    "gradient_norm",
    "change",
    "penalty",
)  # what a narrow table leaves out, in this order
_WIDEST = 61


def text_of(found: Descent, format: str, colour: bool = False) -> str:
    """The descent in one of the formats."""
    if format == "json":
        return to_json(_data(found))
    columns = [name for name in _COLUMNS if found.penalty or name not in _OF_PENALTY]
    if format == "plain":
        return tab_separated([columns, *_rows(found, columns)])
    return _table(found, columns, colour)


def _rows(found: Descent, columns: list[str]) -> list[list[str]]:
    return [[number(getattr(step, name)) for name in columns] for step in found.steps]


def _data(found: Descent) -> dict[str, Any]:
    columns = [name for name in _COLUMNS if found.penalty or name not in _OF_PENALTY]
    steps = [{name: getattr(step, name) for name in columns} for step in found.steps]
    return {
        "schema": SCHEMA,
        "losscli": VERSION,
        "loss": found.loss,
        **({"penalty": found.penalty} if found.penalty else {}),
        "rate": found.rate,
        "n": found.n,
        "parameters": {name: list(values.shape) for name, values in found.head.arrays.items()},
        "steps": [{name: value for name, value in step.items() if value is not None} for step in steps],
        **({"notes": list(found.notes)} if found.notes else {}),
    }


def _table(found: Descent, columns: list[str], colour: bool) -> str:
    from losscli.render.table import fits, grid, is_ascii

    shown, left_out = columns, list[str]()
    for name in _LEAST_FIRST:
        if name in shown and not fits(shown, _rows(found, shown)):
            shown, left_out = [column for column in shown if column != name], [*left_out, name]
    more = f"narrow: {', '.join(left_out)} left out; --format plain has all\n" if left_out else ""
    penalty = f" and {found.penalty}" if found.penalty else ""
    head = f"{found.loss}{penalty} of {found.n} rows, rate {canonical(found.rate)}\n"
    drawing = _curve(found, is_ascii())
    return head + grid(shown, _rows(found, shown), tuple(shown), colour=colour) + more + f"\n{_words(found)}\n{drawing}"


def _words(found: Descent) -> str:
    """What the steps show of the gradient."""
    changes = [step.change for step in found.steps if step.change is not None]
    fell = sum(change < 0 for change in changes)
    first, last = found.steps[0].total, found.steps[-1].total
    what = "total" if found.penalty else "loss"
    return f"the {what} fell in {fell} of {len(changes)} steps, from {number(first)} to {number(last)}"


def _curve(found: Descent, is_ascii: bool) -> str:
    """The total over the steps; nothing where it does not change or is not finite."""
    from losscli.render.curve import drawn

    width, totals = min(get_terminal_size().columns - 12, _WIDEST), np.array([step.total for step in found.steps])
    if width < len("step") or len(totals) < 2 or not np.ptp(totals) > 0:
        return ""
    stride = max(1, (width - 1) // (len(totals) - 1))
    places = np.arange(len(totals)) * stride if len(totals) <= width else np.arange(width)
    kept = totals if len(totals) <= width else totals[np.linspace(0, len(totals) - 1, width).round().astype(int)]
    line = np.full(int(places[-1]) + 1, np.nan)
    line[places] = kept
    axis = " " * 10 + "0" + str(found.steps[-1].step).rjust(len(line) - 1)
    return f"\n{'total' if found.penalty else 'loss'} over steps\n{drawn([line], '*' if is_ascii else '●')}\n{axis}\n"
