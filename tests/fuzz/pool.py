"""Many inputs, in processes that may hang, run out of memory or die: each is then said to be the fault of the input at
hand, and another takes its place.
"""

import resource
import shutil
import signal
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tests.fuzz.sandbox import ANSWERED, Sandbox
from tests.fuzz.trial import Outcome, made, prepare, tried

PATIENCE = 30.0  # seconds that an input may take
_CHUNK = 250  # inputs that a process is given at a time
_ADDRESSES = 6 << 30  # bytes of address space a process may have
_WORN = 3 << 30  # bytes of it after which another process goes on: what is freed of a large page is not all given back
_CONTEXT = get_context("spawn")

Chunk = tuple[str, int, int]  # a format, the first number and the one after the last


@dataclass
class Tally:
    """What came of the inputs of a format."""

    codes: Counter[int] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)  # seconds, and the number of the input
    largest: tuple[int, int] = (0, -1)  # bytes
    faults: list[tuple[int, str]] = field(default_factory=list)

    def add(self, number: int, outcome: Outcome) -> None:
        self.codes[outcome.code] += 1
        self.slowest = max(self.slowest, (outcome.seconds, number))
        self.largest = max(self.largest, (outcome.memory, number))
        if outcome.fault:
            self.faults.append((number, outcome.fault))

    def merge(self, other: "Tally") -> None:
        self.codes += other.codes
        self.slowest, self.largest = max(self.slowest, other.slowest), max(self.largest, other.largest)
        self.faults += other.faults

    @property
    def inputs(self) -> int:
        return self.codes.total()

    @property
    def accepted(self) -> int:
        return sum(self.codes[code] for code in ANSWERED)


def chunks(names: Sequence[str], inputs: int) -> list[Chunk]:
    """So many inputs, divided among the formats, and those into chunks that take turns."""
    shares = {name: inputs // len(names) + (k < inputs % len(names)) for k, name in enumerate(names)}
    starts = range(0, max(shares.values(), default=0), _CHUNK)
    return [(n, s, min(s + _CHUNK, shares[n])) for s in starts for n in names if s < shares[n]]


def tally(seed: int, work: Iterable[Chunk], jobs: int) -> dict[str, Tally]:
    """Try the inputs of all chunks in so many processes; Ctrl-C ends it early."""
    waiting, found = deque(work), dict[str, Tally]()
    folder = Path(tempfile.mkdtemp(prefix="fuzz", dir=_memory()))
    workers: list[_Worker] = []
    try:
        workers += [_Worker(seed, folder) for _ in range(jobs)]
        while waiting or any(worker.chunk for worker in workers):
            for worker in workers:
                if waiting and not worker.chunk:
                    worker.give(waiting.popleft())
            wait([worker.pipe for worker in workers if worker.chunk], 1.0)
            for k, worker in enumerate(workers):
                if part := worker.taken(waiting):
                    found.setdefault(part[0], Tally()).merge(part[1])
                if worker.is_gone:
                    workers[k] = _Worker(seed, folder)
    except KeyboardInterrupt:  # the figures so far are figures
        pass
    finally:
        for worker in workers:
            worker.end()
        shutil.rmtree(folder)
    return found


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


class _Worker:
    """A process that tries one chunk after another, and what this one knows of it."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self._at: Any = _CONTEXT.Value("q", -1)
        own = tempfile.mkdtemp(dir=folder)
        self._process = _CONTEXT.Process(target=_work, args=(theirs, self._at, seed, own), daemon=True)
        self._process.start()
        theirs.close()
        self.chunk: Chunk | None = None
        self.is_gone = False
        self._seen, self._since = -1, 0.0

    def give(self, chunk: Chunk) -> None:
        self._at.value, self.chunk, self._since = -1, chunk, time.monotonic()
        self.pipe.send(chunk)

    def taken(self, waiting: deque[Chunk]) -> tuple[str, Tally] | None:
        """What it has done, if its chunk ends or it is worn; where it died or hangs, the fault. The rest goes back."""
        if not self.chunk:
            return None
        name, start, stop = self.chunk
        try:
            if self.pipe.poll():
                reached, done = self.pipe.recv()
                self.chunk = None
                if reached < stop:
                    waiting.appendleft((name, reached, stop))
                    self.end()
                    self.is_gone = True
                return name, done
        except EOFError:
            self._process.join()
        self._watch()
        if self._process.is_alive() and not self._hangs:
            return None
        at, fault = self._at.value, f"takes more than {PATIENCE:.0f} seconds"
        if not self._process.is_alive():
            code = self._process.exitcode or 0
            fault = f"the process ends by {signal.Signals(-code).name}" if code < 0 else f"the process ends with {code}"
        self.end()
        self.is_gone, self.chunk = True, None
        if at < start:
            raise RuntimeError(f"a process does not work: {fault}")
        waiting.extendleft(chunk for chunk in [(name, at + 1, stop), (name, start, at)] if chunk[1] < chunk[2])
        return name, Tally(Counter({-1: 1}), faults=[(at, fault)])

    def _watch(self) -> None:
        if self._at.value != self._seen:
            self._seen, self._since = self._at.value, time.monotonic()

    @property
    def _hangs(self) -> bool:
        return time.monotonic() - self._since > PATIENCE

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _work(pipe: Connection, at: Any, seed: int, folder: str) -> None:
    """In a process of its own: chunk after chunk."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with Sandbox(Path(folder)).entered() as sandbox:
        prepare(sandbox)
        while True:
            name, number, stop = pipe.recv()
            done = Tally()
            while number < stop and _addresses() < _WORN:
                at.value = number
                done.add(number, tried(sandbox, name, made(name, seed, number), number))
                number += 1
            pipe.send((number, done))


def _addresses() -> int:
    """Bytes of address space that this process has; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except FileNotFoundError:
        return 0


__all__ = ["Tally", "chunks", "tally"]
