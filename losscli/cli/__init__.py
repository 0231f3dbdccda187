"""The command line: it parses, calls and prints; no arithmetic."""

import gc
import os
import signal
import sys
from types import FrameType


def main() -> None:
    """The console script. Its exit codes are those of the README."""
    for number in (signal.SIGINT, signal.SIGTERM):  # before the slow imports: Ctrl-C is quiet there too
        signal.signal(number, _stop)
    gc.set_threshold(100_000)  # start-up makes many objects and no garbage: looking for it takes a tenth of the time
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # losscli multiplies no matrices: NumPy need start no threads
    if sys.argv[1:] == ["--version"]:  # answered before anything is imported that takes time
        from losscli.cli.streams import guarded, write_out
        from losscli.version import VERSION

        sys.exit(guarded(lambda: write_out(f"losscli {VERSION}\n"), debug=False))
    from losscli.cli.app import run

    sys.exit(run(sys.argv[1:]))


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
