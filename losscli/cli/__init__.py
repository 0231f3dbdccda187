"""The command line: it parses, calls and prints; no arithmetic."""

import sys


def main() -> None:
    """The console script. Its exit codes are those of the README."""
    if sys.argv[1:] == ["--version"]:  # answered before anything is imported that takes time
        from losscli.cli.streams import guarded, write_out
        from losscli.version import VERSION

        sys.exit(guarded(lambda: write_out(f"losscli {VERSION}\n"), debug=False))
    from losscli.cli.app import run

    sys.exit(run(sys.argv[1:]))
