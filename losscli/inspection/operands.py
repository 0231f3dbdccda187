"""Which columns may be predictions and targets: those of usual names, else those that are nothing else."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from os.path import basename
from typing import NamedTuple

from losscli.columns import bind
from losscli.errors import UsageError
from losscli.formats import Reader
from losscli.inspection import names
from losscli.inspection.findings import Field, FileFacts
from losscli.kinds import Role


class Operand(NamedTuple):
    """What may play a role: a column or several of the file at `place`, and whether its name says so."""

    place: int
    file: FileFacts
    field: Field
    is_usual: bool = False

    @property
    def called(self) -> str:
        """`y_pred`, `p_* (10 columns)`, or the file where columns have no names."""
        if not self.file.headed:
            return self.file.path
        return f"{len(self.field.columns)} columns" if len(self.field.columns) > 1 else self.field.name

    @property
    def said(self) -> str:
        """The form that its name tells, or else the name of its file."""
        return names.form_said(self.field.name) or names.form_said(basename(self.file.path))

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of its columns, where they have names of their own."""
        return tuple(self.file.names[j] for j in self.field.columns) if self.file.headed else ()

    @property
    def spec(self) -> str:
        """The columns as `--pred-col` names them."""
        columns, known = self.field.columns, self.file.names
        if not self.file.headed:
            return ",".join(map(str, columns))
        glob = f"{self.field.name}_*"
        if len(columns) > 1 and tuple(j for j, name in enumerate(known) if fnmatchcase(name, glob)) == columns:
            return glob
        plain = all(known[j] and not set(known[j]) & set(",*?[") and known[j].isprintable() for j in columns)
        single = len(columns) == 1 and known[columns[0]].isprintable() and known[columns[0]]
        return single or (",".join(known[j] if plain else str(j) for j in columns))


def predictions(place: int, file: FileFacts, but: str = "target") -> list[Operand]:
    """Columns of numbers, and groups of them, that may be predictions; those of usual names where there are any."""
    found = [Operand(place, file, f, _is_usual(f, "pred", file)) for f in file.lone if _may_predict(f, file, but)]
    return [operand for operand in found if operand.is_usual] or found


def targets(place: int, file: FileFacts, pred: Operand) -> list[Operand]:
    """Columns that may be targets of a prediction: of usual names, else texts that name its classes, else others."""
    columns = set(pred.field.columns) if pred.place == place else set()
    found = [
        Operand(place, file, f, _is_usual(f, "target", file))
        for f in file.lone
        if not columns & set(f.columns) and _may_be_target(f, file)
    ]
    usual = [operand for operand in found if operand.is_usual]
    named = [o for o in found if pred.headers and o.field.facts.texts and _names_classes(o.field, pred.headers)]
    return usual or named or [o for o in found if not names.is_usual(o.field.name, "pred")]


def _names_classes(found: Field, headers: Sequence[str]) -> bool:
    values = {str(value) for value in found.facts.values or ()}
    return bool(values) and all(any(h == v or h.endswith(("_" + v, "-" + v, "." + v)) for h in headers) for v in values)


def _is_usual(found: Field, role: str, file: FileFacts) -> bool:
    if found.is_vector and len(found.columns) > 1:
        return not file.headed or names.is_usual_stem(found.name, role)
    return file.headed and (
        names.is_usual(found.name, role) or (found.is_vector and names.is_usual_stem(found.name, role))
    )


def _may_predict(found: Field, file: FileFacts, but: str) -> bool:
    is_other = names.is_usual(found.name, but) and not names.is_usual(found.name, "pred")
    return found.facts.is_numeric and not is_other and not _is_aside(found, file)


def _may_be_target(found: Field, file: FileFacts) -> bool:
    facts = found.facts
    if facts.refused or _is_aside(found, file) or not facts.numbers + facts.texts:
        return False
    if facts.texts:
        return not facts.numbers and facts.values is not None and "date" not in found.kinds
    return True


def _is_aside(found: Field, file: FileFacts) -> bool:
    """Whether it is neither a prediction nor a target; the only column of a file is one."""
    if len(file.lone) == 1 or names.is_usual(found.name, "pred") or names.is_usual(found.name, "target"):
        return False
    return bool(found.kinds & {"id", "weight", "mask", "date", "empty", "unread", "other"}) or (
        not found.is_vector and bool(found.name) and names.is_aside(found.name)
    )


def unusual_columns(roles: Sequence[Role], readers: dict[str, Reader], wanted: dict[str, Operand]) -> dict[str, str]:
    """The columns of roles that have to be named: as few as lead to those that are wanted."""
    spelled = {role: operand.spec for role, operand in wanted.items()}
    for given in ((), *((role,) for role in wanted), tuple(wanted)):
        chosen = {role: spelled[role] for role in given}
        try:
            bound = bind(roles, readers, {role: [spec] for role, spec in chosen.items()})
        except UsageError:
            continue
        found = {binding.role: binding.columns for binding in bound}
        if all(found[role] == operand.field.columns for role, operand in wanted.items()):
            return chosen
    return spelled
