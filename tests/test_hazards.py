"""Every hazard: the files are made, the command is run, and what a user sees is compared."""

from collections.abc import Callable
from pathlib import Path

import pytest

import losscli
from tests import support
from tests.hazards import arrays, meaning, streams, tables, text
from tests.hazards.support import Hazard, check

HAZARDS = [*text.HAZARDS, *arrays.HAZARDS, *tables.HAZARDS, *streams.HAZARDS, *meaning.HAZARDS]


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.id)
def test_hazard(hazard: Hazard, here: Path, run_here: Callable[..., support.Ran]) -> None:
    check(hazard, here, run_here)


@pytest.mark.parametrize("hazard", [h for h in text.HAZARDS if h.code == 3 or h.value], ids=lambda hazard: hazard.id)
def test_the_decoder_of_long_files_says_the_same_of_short_ones(
    hazard: Hazard, here: Path, run_here: Callable[..., support.Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losscli.formats.csv, "SHORT", 0)
    check(hazard, here, run_here)
