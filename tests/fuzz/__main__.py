"""`python -m tests.fuzz --inputs N --seed S`: many inputs, and figures of what came of them."""

import argparse
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.fuzz.formats import FORMATS
from tests.fuzz.pool import Tally, chunks, tally
from tests.fuzz.trial import made

_SHOWN = 20  # faults of a format


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="how many, divided among the formats")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", action="append", choices=FORMATS, help="repeat; all where none is said")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="folder for the inputs that fail")
    said = parser.parse_args(arguments)
    start = time.perf_counter()
    found = tally(said.seed, chunks(said.format or list(FORMATS), said.inputs), said.jobs)
    seconds = time.perf_counter() - start
    for name, one in found.items():
        _print_tally(name, one)
        _keep(name, one, said.seed, said.keep)
    return _print_sum(found, seconds, said.keep)


def _print_tally(name: str, one: Tally) -> None:
    codes = ", ".join(f"{code}: {count}" for code, count in sorted(one.codes.items()))
    (seconds, slowest), (memory, largest) = one.slowest, one.largest
    print(f"{name}: {one.inputs} inputs, {one.accepted / one.inputs:.1%} accepted; exit codes {codes}")
    print(f"  slowest: input {slowest}, {seconds:.3f} s; most memory: input {largest}, {memory / 2**20:.0f} MiB more")
    for number, fault in one.faults[:_SHOWN]:
        print(f"  input {number}: {fault[:300]}")


def _keep(name: str, one: Tally, seed: int, folder: Path) -> None:
    """Write the inputs that failed, each beside its command and what was wrong."""
    for number, fault in one.faults:
        folder.mkdir(parents=True, exist_ok=True)
        case, path = made(name, seed, number), folder / f"{name}-{seed}-{number}"
        path.with_name(path.name + FORMATS[name].name[1:]).write_bytes(case.data)
        path.with_suffix(".txt").write_text(f"losscli {case.command}\n{fault}\n")


def _print_sum(found: Mapping[str, Tally], seconds: float, folder: Path) -> int:
    inputs, faults = sum(one.inputs for one in found.values()), sum(len(one.faults) for one in found.values())
    accepted = sum(one.accepted for one in found.values()) / (inputs or 1)
    print(
        f"{inputs} inputs in {seconds:.0f} s, {inputs / seconds:.0f} a second; {accepted:.1%} accepted, {faults} failed"
    )
    if faults:
        print(f"the inputs that failed are in {folder}")
    return bool(faults)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells ignore for what runs in the background
    raise SystemExit(main())
