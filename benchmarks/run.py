"""Time losscli and its peers as whole processes, in turn, and print a Markdown table; README.md beside this says how.

This process stays small and imports neither NumPy nor losscli: Linux counts the peak memory of a child from the moment
it is forked, so none can show less than its parent has.
"""

import argparse
import math
import os
import platform
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from yardsticks import OPTIONAL, YARDSTICKS, Yardstick

ROWS = {
    "csv": 10_000_000,
    "parquet": 10_000_000,
    "groups": 10_000_000,
    "npy": 50_000_000,
    "tenth": 5_000_000,
    "logits": 200_000,
}
SMALL = 1_000  # rows of the set that measures start-up, whatever the scale
PACKAGES = ("losscli", "typer", "numpy", "pyarrow", "pandas", *OPTIONAL)


@dataclass(frozen=True)
class Run:
    """A finished process: seconds, its peak memory in MiB, and what it printed."""

    seconds: float
    mib: float
    printed: str = ""

    def __str__(self) -> str:
        return f"{self.seconds * 1000:,.0f} ms, {self.mib:,.0f} MiB"


def tree_mib(pid: int) -> float:
    """The memory of a process and all below it, what they share divided among them; 0 if there is none below."""
    pids = [pid]
    for each in pids:  # grows as it goes
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            pids += map(int, children.read_text().split())
    if len(pids) == 1:
        return 0
    rollups = [Path(f"/proc/{each}/smaps_rollup").read_text() for each in pids]
    return sum(int(text.split("\nPss:")[1].split()[0]) for text in rollups) / 1024


def run(argv: list[str], folder: Path, *, watch: bool = False) -> Run:
    """Run a command to its end.

    The kernel's figure for peak memory is exact, but of one process. To `watch` is to look for children and add up what
    they take, every 10 ms; that costs time, so a watched run is not one to be timed.
    """
    (folder / "out.npy").unlink(missing_ok=True)  # no run pays for the output of the last one
    together = 0.0
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        child = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=output)
        while watch and os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            with suppress(OSError, IndexError):  # a process ended while it was looked at
                together = max(together, tree_mib(child.pid))
            time.sleep(0.01)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)  # Popen was not there to see it
        if child.returncode:
            raise SystemExit(f"exit code {child.returncode}: {argv}")
        output.seek(0)
        return Run(seconds, max(usage.ru_maxrss / 1024, together), output.read().decode())


def check(yardstick: Yardstick, printed: Sequence[str]) -> None:
    """Where all compute one number, it is the same but for rounding; else they did not do the same work."""
    numbers = []
    for text in printed:
        with suppress(ValueError):  # not every command prints one
            numbers.append(float(text))
    if not yardstick.of_memory and any(not math.isclose(each, numbers[0], rel_tol=1e-9) for each in numbers):
        raise SystemExit(f"{yardstick.name}: the values differ: {numbers}")


def measure(yardstick: Yardstick, folder: Path, repeat: int) -> dict[str, Run]:
    """Median time and largest memory of each command that is there, a peer's under its label, ours under `losscli`."""
    commands = {"losscli": yardstick.ours, **yardstick.peers}
    present = {label: argv for label, argv in commands.items() if label not in OPTIONAL or find_spec(label)}
    warm = {label: run(argv, folder, watch=True) for label, argv in present.items()}
    check(yardstick, [each.printed for each in warm.values()])
    rounds = [{label: run(argv, folder) for label, argv in present.items()} for _ in range(repeat)]
    return {
        label: Run(median(each[label].seconds for each in rounds), max(each[label].mib for each in [warm, *rounds]))
        for label in present
    }


def row(yardstick: Yardstick, rows: int | None, measured: dict[str, Run]) -> list[str]:
    figures = {label: each.mib if yardstick.of_memory else each.seconds for label, each in measured.items()}
    ours = figures.pop("losscli")
    return [
        yardstick.name,
        yardstick.work,
        f"{rows:,}" if rows else "",
        str(measured["losscli"]),
        "; ".join(f"{label}: {measured.get(label, 'absent')}" for label in yardstick.peers),
        f"{ours / min(figures.values()):.2f}" if figures else "",
        f"{yardstick.ratio}" if yardstick.ratio else "",
        f"{yardstick.mib}" if yardstick.mib else "",
    ]


def machine() -> str:
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(": ")[1] for line in cpuinfo if line.startswith("model name")), platform.machine())
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}"


def show(cells: Sequence[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def benchmark(chosen: Sequence[Yardstick], scale: float, repeat: int, folder: Path) -> None:
    # Without compiled files every start is three to four times slower, and not every installer makes them: an editable
    # losscli against peers from wheels would measure that. Twice quiet: some packages ship files that do not compile.
    own = find_spec("losscli")
    paths = {
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
        *((own and own.submodule_search_locations) or ()),
    }
    subprocess.run([sys.executable, "-m", "compileall", "-qq", *sorted(paths)], check=False)

    rows = {"small": SMALL, **{name: max(1, round(count * scale)) for name, count in ROWS.items()}}
    for name in sorted({name for yardstick in chosen for name in yardstick.data}):
        if not (folder / name).exists():
            maker = Path(__file__).with_name("data.py")
            subprocess.run([sys.executable, maker, name, str(rows[name]), folder / name], check=True)

    print(f"{machine()}; Python {platform.python_version()}", end="")
    print("".join(f", {name} {version(name) if find_spec(name) else 'absent'}" for name in PACKAGES), end="\n\n")
    print(f"Medians of {repeat}, and peak memory, which cannot show less than the runner's own", end=" ")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB.", end="\n\n")
    show(("yardstick", "work", "rows", "losscli", "peers", "ratio to the fastest", "goal", "goal, MiB"))
    show(["---"] * 8)
    for yardstick in chosen:
        show(row(yardstick, rows.get(next(iter(yardstick.data), "")), measure(yardstick, folder, repeat)))
    (folder / "out.npy").unlink(missing_ok=True)


def main() -> None:
    names = [yardstick.name for yardstick in YARDSTICKS]
    parser = argparse.ArgumentParser(description="Time losscli and its peers.")
    parser.add_argument("--rows-scale", type=float, default=1.0, metavar="X", help="times the rows of every data set")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="timed runs of each command (5)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the data here, for the next run")
    options = parser.parse_args()
    chosen = [yardstick for yardstick in YARDSTICKS if yardstick.name in options.only]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.data or Path(temporary)).resolve() / f"scale-{options.rows_scale}"
        folder.mkdir(parents=True, exist_ok=True)
        benchmark(chosen, options.rows_scale, options.repeat, folder)


if __name__ == "__main__":
    main()
