"""Progress on standard error, for long work on a terminal: rows done, rate, and time left where that is known."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

_PATIENCE = 1.0  # seconds before anything is shown

Step = Callable[[int, int | None], None]


@contextmanager
def progress(quiet: bool) -> Iterator[Step | None]:
    """What to call with the rows done and the rows there are; nothing where standard error is no terminal."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    bar = _Bar()
    try:
        yield bar.step
    finally:
        bar.stop()


class _Bar:
    def __init__(self) -> None:
        self._started, self._shown, self._task = monotonic(), None, None

    _shown: Any
    _task: Any

    def step(self, done: int, total: int | None) -> None:
        if self._shown is None:
            if monotonic() - self._started < _PATIENCE:
                return
            self._show(total)
        self._shown.update(self._task, completed=done)

    def _show(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class _Rate(ProgressColumn):
            """Rows a second, once it is known."""

            def render(self, task: Task) -> Text:
                return Text("" if task.speed is None else f"{task.speed:,.0f} rows/s")

        columns = [TextColumn("{task.completed:,} rows"), _Rate()]
        timing = [TimeElapsedColumn()] if total is None else [BarColumn(), TimeRemainingColumn()]
        self._shown = Progress(*columns, *timing, console=Console(stderr=True), transient=True)
        self._task = self._shown.add_task("", total=total)
        self._shown.start()

    def stop(self) -> None:
        if self._shown is not None:
            self._shown.stop()
