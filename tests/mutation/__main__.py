"""`python -m tests.mutation draw|serve|test`: what Cosmic Ray needs beside its configuration, as
docs/mutation.md says.
"""

import argparse
import socket
import sys
from pathlib import Path

from tests.mutation import ADDRESS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("draw", help="leave a random sample of the mutants in a session of Cosmic Ray")
    drawing.add_argument("session", type=Path)
    drawing.add_argument("--seed", type=int, default=1)
    drawing.add_argument("--losses", type=int, default=250, help="mutants drawn from losscli/losses")
    drawing.add_argument("--exact", type=int, default=60, help="mutants drawn from losscli/exact.py")
    drawing.add_argument("--part", default="0/1", help="K/N: of the sample the K-th of N parts, one a copy of the tree")
    serving = commands.add_parser("serve", help="collect the tests, and run them whenever asked to")
    serving.add_argument("-k", default="", help="of the tests those that pytest takes by this expression")
    commands.add_parser("test", help="ask for a run on the tree as it now is; the exit code is pytest's")
    single = commands.add_parser("alone", help="run the tests of one module as it now is")
    single.add_argument("module")
    said = parser.parse_args()
    if said.command == "draw":
        from tests.mutation.sample import draw

        draw(said.session, said.seed, (said.losses, said.exact), tuple(map(int, said.part.split("/"))))
        return 0
    if said.command == "serve":
        from tests.mutation.server import serve

        return serve(said.k)
    if said.command == "alone":
        from tests.mutation.server import alone

        return alone(said.module)
    return _ask()


def _ask() -> int:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(ADDRESS))
        code, _, output = connection.makefile(encoding="utf-8").read().partition("\n")
    print(output)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
