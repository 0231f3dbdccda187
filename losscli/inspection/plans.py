"""A command before it is printed: what it evaluates, as options and as arguments of `evaluate`, and whether it runs."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from losscli.engine import evaluate
from losscli.errors import LossError
from losscli.escape import escape
from losscli.formats import Lent, Reader
from losscli.inspection.findings import Command
from losscli.kinds import BINARY, GAUSSIAN, OVERLAP, RESIDUAL, SIGNED
from losscli.registry import defined, get, own_names

_WHOLE = 1 << 22  # cells of files that commands are tried on all of
OF_READING = ("header", "no-header", "skip-blank")  # flags that say how files are written, which are open by then
_HEAD = 1 << 16  # rows that they are tried on otherwise
_ALSO = 8  # losses that are named beside the one of a command
_BY_RANGE = (RESIDUAL, GAUSSIAN, BINARY, SIGNED, OVERLAP)  # kinds that refuse values one by one, not rows

Options = Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """A loss of some files: the file of each role by its place among `paths`, the columns of roles that have to be
    named, and other options of `eval`, each once.
    """

    loss: str
    roles: Mapping[str, int]
    columns: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    why: tuple[str, ...] = ()

    def having(self, options: Options, *why: str) -> "Plan":
        """The same with more options, and why."""
        return replace(self, options={**self.options, **options}, why=(*self.why, *why))

    def argv(self, paths: Sequence[str]) -> list[str]:
        """The command's words, without `losscli`."""
        ordered = [role.name for role in get(self.loss).kind.roles if role.ordered and role.name in self.roles]
        name, _, parameters = self.loss.partition(":")
        said = [word for pair in parameters.split(",") if pair for word in _option(*pair.partition("=")[::2])]
        files = [_path(paths[self.roles[role]]) for role in ordered]
        columns = [word for role, spec in self.columns.items() for word in _column(role, spec)]
        options = [word for key, value in self.options.items() for word in _option(key, value)]
        return ["eval", "--loss", name, *said, *files, *columns, *options, *(f"--{flag}" for flag in self.flags)]

    def arguments(self, readers: Sequence[Reader], limit: int | None) -> dict[str, Any]:
        """What `evaluate` takes for it, the files lent."""
        lent = {role: Lent(readers[k], limit) for role, k in self.roles.items()}
        columns = {role: [spec] for role, spec in self.columns.items()}
        columns |= {"weight": [self.options["weight-col"]]} if "weight-col" in self.options else {}
        taken = {key.replace("-", "_"): value for key, value in self.options.items() if key != "weight-col"}
        for key in ("label_base", "ignore_index"):
            taken |= {key: int(taken[key])} if key in taken else {}  # type: ignore[dict-item]
        cheap = dict.fromkeys(("spread", "distribution", "sizes", "values"), False)
        flags = {flag.replace("-", "_"): True for flag in self.flags if flag not in OF_READING and "=" not in flag}
        return {**lent, **taken, **flags, **cheap, "columns": columns}


def _option(key: str, value: str) -> list[str]:
    flag = f"--{key.replace('_', '-')}"
    return [f"{flag}={value}"] if value.startswith("-") else [flag, value]


def _column(role: str, spec: str) -> list[str]:
    return _option(f"{role}-col", spec) if role in ("pred", "target") else _option("col", f"{role}={spec}")


def _path(path: str) -> str:
    """A path that no option is like."""
    return f"./{path}" if path.startswith("-") and path != "-" else path


def tried(plan: Plan, paths: Sequence[str], readers: Sequence[Reader], cells: int, rows: int) -> Command | str:
    """The command, if it runs, or why it does not: on all rows, or on the first of files of many `cells` where the
    ranges of columns, which are known of all rows, decide about the others.
    """
    is_sure = get(plan.loss).kind in _BY_RANGE and "id" not in plan.options and not any(r.row_shape for r in readers)
    limit = _HEAD if is_sure and cells > _WHOLE and rows > _HEAD else None
    try:
        evaluate(plan.loss, **plan.arguments(readers, limit))
    except LossError as error:
        return str(error)
    argv = plan.argv(paths)
    if any(escape(word) != word for word in argv):
        return f"{paths[0]}: a name holds control characters, which no command can show; rename it"
    command = shlex.join(["losscli", *argv])
    why = [*plan.why, *(["give it the same standard input"] if "-" in argv else [])]
    return Command(plan.loss, argv, command, "; ".join(why), _also(plan), limit)


def _also(plan: Plan) -> list[str]:
    """Some other losses that take the same files and options: those of the same kind, where nothing is said of its
    form.
    """
    loss = get(plan.loss)
    spec = plan.loss.partition(":")[2]
    others = [d for d in map(defined, own_names()) if d.kind is loss.kind and d.scope == "row" and d.name != loss.name]
    return [d.name for d in others if not spec or set(loss.params) & set(d.params) >= {"form"}][:_ALSO]
