"""The command line: it parses, calls and prints; no arithmetic."""

import gc
import os
import signal
import sys
from types import FrameType


def main() -> None:
    """The console script. Its exit codes are those of the README."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # before the slow imports: Ctrl-C is quiet there too
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a job in the background
            signal.signal(number, _stop)
    gc.set_threshold(100_000)  # start-up makes many objects and no garbage: looking for it takes a tenth of the time
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # losscli multiplies no matrices: NumPy need start no threads
    _fill_closed()
    try:
        code = _run(sys.argv[1:])
    except (MemoryError, ImportError) as error:  # too little memory to start with
        if isinstance(error, ImportError) and "failed to map segment" not in str(error):
            raise
        os.write(2, b"losscli: error: out of memory\n")
        code = 71
    if code == 71:
        os._exit(code)  # libraries that got half the memory they want may crash where they are taken down
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    if arguments == ["--version"]:  # answered before anything is imported that takes time
        from losscli.cli.streams import guarded, write_out
        from losscli.version import VERSION

        return guarded(lambda: write_out(f"losscli {VERSION}\n"), debug=False)
    from losscli.cli.app import run

    return run(arguments)


def _fill_closed() -> None:
    """No file that is opened later takes the number of a closed standard stream, which a library may write to."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
