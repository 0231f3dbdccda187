"""Files read by threads of their own, ahead of what is computed: the same bits and refusals, and no thread left."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.formats import BLOCK, source
from tests.support import put

ROWS = 1000


@pytest.fixture(params=["csv", "npy", "parquet"])
def files(request: pytest.FixtureRequest, here: Path) -> dict[str, str]:
    """Predictions and targets whose lines differ in length, so that blocks of bytes end at different rows."""
    rng = np.random.default_rng(7)
    columns = {"pred": rng.normal(size=ROWS) * 10.0 ** rng.integers(-8, 8, ROWS), "target": rng.integers(0, 9, ROWS)}
    form = request.param
    for role, values in columns.items():
        text = "\n".join([role, *map(repr, values.tolist()), ""])
        put(here, {f"{role}.{form}": {"csv": text, "npy": values, "parquet": {role: values}}[form]})
    return {role: f"{role}.{form}" for role in columns}


def found(monkeypatch: pytest.MonkeyPatch, ahead: bool, act: Callable[[], Any]) -> Any:
    """What comes of it, a value or a refusal, with every file read ahead or none."""
    monkeypatch.setattr(source, "_LONG", 0 if ahead else 1 << 60)
    try:
        return act()
    except losscli.LossError as error:
        return str(error)


@pytest.mark.parametrize("block", [1, 7, 999, 1000, BLOCK])
def test_the_same_bits(files: dict[str, str], block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def act() -> tuple[Any, ...]:
        report = losscli.evaluate(["huber", "rmse", "mse"], **files, block=block, grad=True, worst=5)
        return [r.value for r in report.results], report.results[0].gradient.tolist(), report.results[1].std

    assert found(monkeypatch, True, act) == found(monkeypatch, False, act)


FAULTS = {
    "in the predictions": {"pred": (900, "x"), "target": None},
    "in the targets": {"pred": None, "target": (3, "x")},
    "in both": {"pred": (900, "x"), "target": (850, "x")},
    "a missing value": {"pred": (700, ""), "target": None},
    "a row too few": {"pred": (999, None), "target": None},
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("block", [7, BLOCK])
def test_the_same_refusal(name: str, block: int, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for role, fault in FAULTS[name].items():
        cells: list[str | None] = [str(k / 8) for k in range(ROWS)]
        if fault:
            cells[fault[0]] = fault[1]
        lines = [f"{k},{cell}" for k, cell in enumerate(cells) if cell is not None]
        put(here, {f"{role}.csv": "\n".join([f"id,{role}", *lines, ""])})

    def act() -> losscli.Report:
        return losscli.evaluate("mse", pred="pred.csv", target="target.csv", block=block)

    refusal = found(monkeypatch, True, act)
    assert isinstance(refusal, str)
    assert refusal == found(monkeypatch, False, act)


def test_no_thread_is_left(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_LONG", 0)
    before = threading.active_count()
    seen = []

    def stop(done: int, rows: int | None) -> None:
        seen.append(threading.active_count())
        raise InterruptedError

    with pytest.raises(InterruptedError):
        losscli.evaluate("mse", **files, block=10, progress=stop)
    assert seen == [before + 2]
    assert threading.active_count() == before
