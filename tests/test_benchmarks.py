"""The benchmarks run. What they find is for readers: no test asserts a time."""

import os
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support import ROOT, run_any

FOLDER = ROOT / "benchmarks"


@pytest.mark.slow
def test_every_yardstick_has_its_row(tmp_path: Path) -> None:
    table = runpy.run_path(str(FOLDER / "yardsticks.py"))
    options = ["--rows-scale", "0.001", "--repeat", "1", "--data", "data"]
    here = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])  # the losscli that is tested
    ran = run_any([sys.executable, str(FOLDER / "run.py"), *options], b"", tmp_path, {"PYTHONPATH": here})
    assert (ran.stderr, ran.code) == ("", 0)
    lines = [line.strip("| ").split(" | ") for line in ran.stdout.splitlines() if line.startswith("| ")]
    rows = {name: (ours, peers) for name, _, _, ours, peers, *_ in lines[2:]}
    assert list(rows) == [yardstick.name for yardstick in table["YARDSTICKS"]]
    for yardstick in table["YARDSTICKS"]:
        ours, peers = rows[yardstick.name]
        shown = dict(peer.split(": ") for peer in peers.split("; "))
        assert ours.endswith(" MiB")
        assert list(shown) == list(yardstick.peers)
        absent = {label for label in shown if label in table["OPTIONAL"] and find_spec(label) is None}
        assert {label for label, figures in shown.items() if figures == "absent"} == absent
