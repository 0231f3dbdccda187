"""Every hazard: the files are made, the command is run, and what a user sees is compared."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import losscli
from losscli.errors import InputError
from losscli.formats import Pick, open_reader
from tests import support
from tests.hazards import arrays, meaning, streams, tables, text
from tests.hazards.support import Hazard, check

HAZARDS = [*text.HAZARDS, *arrays.HAZARDS, *tables.HAZARDS, *streams.HAZARDS, *meaning.HAZARDS]


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.id)
def test_hazard(hazard: Hazard, here: Path, run_here: Callable[..., support.Ran]) -> None:
    check(hazard, here, run_here)


ELSEWHERE = {73, 95}  # below: they need a file that changes, or two processes


def test_no_hazard_is_left_out() -> None:
    assert {h.number for h in HAZARDS} == set(range(1, 134)) - ELSEWHERE


@pytest.mark.parametrize("hazard", [h for h in text.HAZARDS if h.code == 3 or h.value], ids=lambda hazard: hazard.id)
def test_the_decoder_of_long_files_says_the_same_of_short_ones(
    hazard: Hazard, here: Path, run_here: Callable[..., support.Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losscli.formats.csv, "SHORT", 0)
    check(hazard, here, run_here)


# What needs more than one process, or a file that changes


def test_73_a_file_that_shrinks_while_it_is_read(here: Path) -> None:
    """No signal, as of a file that is mapped: what is gone is missed."""
    support.write_npy(here / "p.npy", np.zeros(1 << 18))
    reader = open_reader("pred", "p.npy")
    blocks = reader.read([Pick((0,))], 1 << 10)
    next(blocks)
    os.truncate("p.npy", 1 << 16)
    with pytest.raises(InputError, match=r"^p.npy: (truncated: ends at row|changed while it was read)"):
        list(blocks)
    reader.close()


@pytest.mark.parametrize("shell", ['"$@" p t.csv', '"$@" <(cat p.csv) t.csv', '"$@" p.csv <(cat t.npy)'])
def test_95_and_96_pipes_with_names(shell: str, here: Path) -> None:
    support.put(here, {"p.csv": "y_pred\n1\n2\n6\n", "t.csv": "y\n0\n0\n0\n", "t.npy": [0.0, 0.0, 0.0]})
    os.mkfifo("p")
    with subprocess.Popen(["sh", "-c", "cat p.csv > p"]) as writer:
        argv = support.command("eval", "-l", "mae", "--format", "value")
        ran = support.run_any(["bash", "-c", shell, "bash", *argv], b"", here)
        writer.terminate()
    assert ran == support.Ran("3.0\n", "", 0)


def test_95_a_pipe_without_a_writer_waits_until_it_is_ended(here: Path) -> None:
    os.mkfifo("p")
    argv = support.command("eval", "-l", "mae", "p", "p")
    process = subprocess.Popen(argv, env=support.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (130, b"", b"")
