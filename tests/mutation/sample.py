"""Which of Cosmic Ray's mutants are tried: a random sample of those that change what a function computes."""

import ast
import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import WorkerOutcome, WorkResult

from tests.mutation import ROOT

_ROOTS = ("losscli/losses", "losscli/exact.py")
_ARITHMETIC = {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"}

Place = tuple[int, int]  # line and column, as Cosmic Ray counts them


def draw(session: Path, seed: int, counts: tuple[int, int], part: tuple[int, ...]) -> None:
    """Mark all mutants as skipped but those drawn: so many of the losses, so many of the exact sums."""
    with use_db(session) as found:
        items = sorted(found.work_items, key=lambda item: _order(item.mutations[0]))
        drawn: list[Any] = []
        for root, count in zip(_ROOTS, counts, strict=True):
            pool = [item for item in items if item.mutations[0].module_path.is_relative_to(root)]
            kept = [item for item in pool if _is_of_interest(item.mutations[0])]
            print(f"{root}: {len(pool)} mutants, {len(kept)} of interest, {min(count, len(kept))} drawn")
            drawn += random.Random(seed).sample(kept, min(count, len(kept)))
        mine = {item.job_id for item in drawn[part[0] :: part[1]]}
        others = [item.job_id for item in items if item.job_id not in mine]
        found.set_multiple_results(others, WorkResult(output="not drawn", worker_outcome=WorkerOutcome.SKIPPED))


def _order(mutation: Any) -> tuple[Any, ...]:
    return str(mutation.module_path), mutation.start_pos, mutation.operator_name, mutation.occurrence


def _is_of_interest(mutation: Any) -> bool:
    """Whether it changes what a function computes, and not only makes it raise a TypeError."""
    swapped = re.fullmatch(r"core/ReplaceBinaryOperator_(\w+)_(\w+)", mutation.operator_name)
    if swapped and (swapped[1] in _ARITHMETIC) != (swapped[2] in _ARITHMETIC):
        return False
    return not any(start <= mutation.start_pos < end for start, end in _passive(mutation.module_path))


@cache
def _passive(path: Path) -> list[tuple[Place, Place]]:
    """Where a module has decorators, annotations, docstrings and what is only for type checkers."""
    text = (ROOT / path).read_text(encoding="utf-8")
    lines = text.splitlines()

    def place(line: int, offset: int) -> Place:
        return line, len(lines[line - 1].encode()[:offset].decode())

    return [
        (place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset))
        for node in _passive_nodes(ast.parse(text))
    ]


def _passive_nodes(tree: ast.AST) -> Iterator[Any]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                yield from node.decorator_list
                if isinstance(node, ast.FunctionDef) and node.returns:
                    yield node.returns
            case ast.arg(annotation=ast.expr()) | ast.AnnAssign():
                yield node.annotation
            case ast.Assign(value=ast.Subscript(value=ast.Name("Annotated" | "Callable" | "tuple"))):
                yield node  # the name of a type
            case ast.If(test=ast.Name("TYPE_CHECKING")) | ast.Expr(value=ast.Constant(str())):
                yield node
