"""From files and names of columns to a table: readers, bindings, and how rows are paired."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.columns import (
    BY,
    GROUP,
    IMAGE,
    MASK,
    USUAL,
    USUAL_VECTORS,
    WEIGHT,
    WHERE,
    Binding,
    bind,
    bind_by,
    bind_keys,
    bind_once,
    bind_others,
    bind_shown,
    stands_aside,
)
from losscli.errors import InputError, RowCountError, UsageError
from losscli.formats import Reader, Reading, members, open_reader
from losscli.formats.base import PLAIN
from losscli.formats.dialect import refuse_unused
from losscli.formats.paths import named
from losscli.kinds import Role
from losscli.objectives import Objective
from losscli.pairing import Pairing
from losscli.registry import Loss
from losscli.tables import Rules, Table, readers_of

if TYPE_CHECKING:
    from losscli.maps import Maps


class Keyed(NamedTuple):
    """The columns that say which rows belong together, and whether rows without a partner are left out."""

    names: Sequence[str]
    intersect: bool

    def pairing(self, bindings: Sequence[Binding]) -> Pairing | None:
        """How rows are paired; None for by position."""
        if not self.names:
            if self.intersect:
                raise UsageError("--ids intersect needs --id: the column whose values say which rows belong together")
            return None
        from losscli.align import ByKey  # most rows are paired by position

        readers = readers_of(bindings)
        columns = bind_keys(self.names, bindings, readers)
        names = [readers[0].columns[j].name for j in columns[0]]
        return ByKey(readers, columns, names, self.intersect)


def opened(stack: ExitStack, role: str, data: Any, reading: Reading, keep: bool) -> Reader:
    """A reader of what is given for a role, which the stack closes."""
    usual = (*USUAL.get(role, ()), *USUAL_VECTORS.get(role, ()))  # of columns, and of members of archives
    reader = open_reader(role, data, reading, keep, usual)
    stack.callback(reader.close)
    return reader


@contextmanager
def counting_rows(loss: Loss) -> Iterator[None]:
    """Where files are of different length, what the loss has to say of it stands behind the numbers of rows."""
    try:
        yield
    except RowCountError as error:
        raise InputError(f"{error}{loss.kind.apart}") from None


class Given(NamedTuple):
    """What is given for each role, and the columns that are named, by role; and the members of an archive given
    for the first which play no part, but for those that are called as what says which row it is.
    """

    data: dict[str, Any]
    columns: dict[str, list[str]]
    idle: Sequence[str] = ()

    def with_members(self, roles: Sequence[Role]) -> "Given":
        """The same, but where an archive is given for the first role, and no file for some others: they have a member
        of it, the one that is named as a column would be, else the one with a usual name. Raises UsageError.
        """
        path = self.data[roles[0].name]
        wanted = [r for r in (*roles, Role(WEIGHT, optional=True), Role(MASK, optional=True)) if self._lacks(r.name)]
        if not (wanted and isinstance(path, (str, os.PathLike))) or all(role.name in self.data for role in roles[1:]):
            return self
        path = os.fspath(path)
        names = [member.removeprefix(f"{path}:") for member in members(path)]
        found = {role.name: self._member(path, names, role) for role in wanted} if len(names) > 1 else {}
        taken = {role: name for role, name in found.items() if name is not None}
        data = {**self.data, **{role: f"{path}:{name}" for role, name in taken.items()}}
        played = [os.fspath(file) for file in data.values() if isinstance(file, (str, os.PathLike))]
        known = {name for role in roles for name in _known(role)}  # of which files that are given take theirs
        others = [name for name in names if f"{path}:{name}" not in played and name.lower() not in known]
        idle = [name for name in others if not stands_aside(name)] if len(names) > 1 else []
        return Given(data, {role: named for role, named in self.columns.items() if role not in taken}, idle)

    def _lacks(self, role: str) -> bool:
        """Whether no file is given for a role, or a column of it is named, which may be a member."""
        return role not in self.data or role in self.columns

    def _member(self, path: str, names: Sequence[str], role: Role) -> str | None:
        """The member for a role; None where there is none."""
        said = self.columns.get(role.name, [])
        if said or role.name in (WEIGHT, MASK):
            return said[0] if len(said) == 1 and said[0] in names else None
        usual = [name for name in names if name.lower() in _known(role)]
        if len(usual) == 1 or (not usual and (role.optional or role.lengths_of)):
            return usual[0] if usual else None
        raise UsageError(
            f"{path}: which member is {role.name}? say --col {role.name}=NAME; its members: {named(names)}"
        )


def _known(role: Role) -> Sequence[str]:
    """What a member for a role is called, where nobody says."""
    return (role.name, *USUAL.get(role.name, ()), *USUAL_VECTORS.get(role.name, ()))


def check_reading(reading: Reading, readers: Iterable[Reader]) -> None:
    """Refuse what is said of CSV files where none is read."""
    if reading != PLAIN:
        refuse_unused(reading, [reader.format for reader in readers])


class Asked(NamedTuple):
    """What is asked of the table: columns to show, rules for rows, keys to pair them by, groups and their values,
    whether weak slices are looked for, the column that says which rows have one loss, whether samples are listed,
    whether there is to be a group an output, and the members of an archive that are asked for nothing.
    """

    show: Sequence[str]
    rules: Rules
    keys: Keyed
    by: Sequence[str]
    given: Mapping[str, Reader]
    searches: bool
    group: str
    lists: bool
    per_output: bool
    idle: Sequence[str] = ()

    def of_maps(self, maps: "Maps") -> "Asked":
        """The same of images: where a pixel is stands beside its loss. Raises UsageError for keys."""
        if self.keys.names:
            raise UsageError("--id pairs the rows of tables; images are paired by their order")
        axes = [c.name for c in maps.where.columns] if maps.grid and self.lists else []
        show = [*axes, *(name for name in self.show if name not in axes)]
        return self._replace(show=show, given=maps.given)


def open_table(
    objectives: Sequence[Objective],
    readers: Mapping[str, Reader],
    chosen: Mapping[str, Sequence[str]],
    asked: "Asked",
    block: int,
) -> Table:
    losses = [loss for objective in objectives for loss in objective.losses]
    maps = _maps(losses, readers, asked)
    if maps:
        readers, asked = maps.readers, asked.of_maps(maps)
    bindings = bind(maps.roles if maps else losses[0].kind.roles, readers, chosen)
    if maps and maps.one_hot:
        bindings = [b._replace(one_hot=b.role == "target") for b in bindings]
    if any(b.sequence for b in bindings):
        from losscli.sequences import doubted  # most rows are no sequences

        bindings = doubted(losses[0].kind.roles, bindings, asked.idle)
    by_role, rules = {b.role: b.reader for b in bindings if not b.beside}, asked.rules
    if maps:
        by_role[IMAGE] = maps.where
    shown = [binding for spec in asked.show for binding in bind_shown(spec, by_role)]
    tested = [bind_once(WHERE + str(c), by_role, [c.column], labels=True) for c in dict.fromkeys(rules.conditions)]
    others = bind_others(bindings) if asked.searches else []
    group = [_group(by_role, asked.group, asked.given)] if asked.group else []
    everything = [*bindings, *shown, *tested, *_grouped(by_role, asked.by, asked.given), *others, *group]
    return Table(everything, block, rules, asked.keys.pairing(everything), maps.grid if maps else None)


def _maps(losses: Sequence[Loss], readers: Mapping[str, Reader], asked: "Asked") -> "Maps | None":
    """How arrays of images are read, where there are some."""
    if not any(reader.row_shape for reader in readers.values()):
        return None
    from losscli.maps import maps_of  # most files are tables

    meaning = asked.rules.meaning
    found = maps_of(
        losses,
        readers,
        asked.given,
        by_pixel=asked.per_output or meaning.ignore is not None or meaning.weights is not None,
    )
    if found and found.one_hot and meaning.weights is not None:
        raise UsageError(
            "--class-weight is for losses that have a value a sample: labels are taken for a column a class here"
        )
    return found


def _group(by_role: Mapping[str, Reader], name: str, given: Mapping[str, Reader]) -> Binding:
    """The column that says which rows have one loss, of the files or given by itself."""
    role = GROUP + name
    if role not in given:
        return bind_once(role, by_role, [name], labels=True)
    if len(given[role].columns) > 1:
        raise UsageError("group: one value a row is needed")
    return Binding(role, given[role], (0,), labels=True)


def _grouped(by_role: Mapping[str, Reader], names: Sequence[str], given: Mapping[str, Reader]) -> list[Binding]:
    """The columns that rows are grouped by, each of the files or given by itself."""
    found = [
        Binding(BY + name, given[name], (0,), labels=True) if name in given else bind_by(name, by_role)
        for name in names
    ]
    for binding in found:
        called = binding.role.removeprefix(BY)
        if binding.is_matrix or (called in given and len(binding.reader.columns) > 1):
            raise UsageError(f"--by {called}: one value a row is needed")
        if [b.role for b in found].count(binding.role) > 1:
            raise UsageError(f"--by {called} is given twice")
    return found
