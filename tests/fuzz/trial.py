"""One input: made from its number, read, judged."""

import json
import os
import resource
import time
from dataclasses import dataclass
from random import Random

import losscli.formats.csv
from tests.fuzz.formats import FORMATS, Input
from tests.fuzz.sandbox import ANSWERED, FaultError, Sandbox, check
from tests.support import Ran

PROBS = "p_a,p_b\n0.5,0.5\n0.25,0.75\n1,0\n0.125,0.875\n"  # what labels in a file are compared with
_PRINTED = 2  # commands of `inspect` that are tried
_WHOLE = 64  # one command in so many is parsed anew


@dataclass(frozen=True)
class Outcome:
    """What came of an input: an exit code, a fault if there is one, and what it took."""

    code: int
    fault: str
    seconds: float
    memory: int


def made(name: str, seed: int, number: int) -> Input:
    """The input of this number, the same in every process."""
    return FORMATS[name].input(Random(f"{seed}/{name}/{number}"))


def prepare(sandbox: Sandbox) -> None:
    (sandbox.folder / "probs.csv").write_text(PROBS)


def tried(sandbox: Sandbox, name: str, one: Input, number: int) -> Outcome:
    """Read an input in a sandbox that was prepared and entered."""
    path, before = FORMATS[name].name, peak()
    with open(path, "wb") as file:
        file.write(one.data)
    start = time.perf_counter()
    code, fault = -1, ""
    losscli.formats.csv.SHORT = (1 << 15, 0)[number % 2]  # cell by cell, or by the decoder
    try:
        ran = sandbox.run(one.command.replace("FILE", path).split(), number % _WHOLE == 0)
        code = ran.code
        check(ran, "--format value" in one.command)
        if set(os.listdir()) != {path, "probs.csv"}:
            raise FaultError(f"files are written: {os.listdir()}")
        FORMATS[name].agree(path, one.data, one.asked, ran)
        if one.command.startswith("inspect") and "--json" in one.command and code == 0:
            _try_printed(sandbox, ran)
    except FaultError as error:
        fault = str(error)
    except Exception as error:  # of a reader: what is no LossError is an internal error
        fault = f"{type(error).__name__}: {error}"
    finally:
        losscli.formats.csv.SHORT = 1 << 15
    os.unlink(path)
    taken = peak() - before
    if taken > FORMATS[name].memory and not fault:
        fault = f"took {taken >> 20} MiB of memory"
    return Outcome(code, fault, time.perf_counter() - start, taken)


def _try_printed(sandbox: Sandbox, ran: Ran) -> None:
    """What `inspect` says that it has tried works as it is printed."""
    for said in json.loads(ran.stdout)["commands"][:_PRINTED]:
        again = sandbox.run(said["argv"][1:], whole=True)
        check(again, is_bare=False)
        if again.code not in ANSWERED:
            raise FaultError(f"{said['command']}: {again.stderr}")


def peak() -> int:
    """The most memory this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
