"""Which columns of which file play which role: as named, or by their usual names. Never by guesswork."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from losscli.errors import InputError, UsageError
from losscli.formats import Column, Pick, Reader
from losscli.formats.paths import split_member
from losscli.kinds import Role
from losscli.kinds.domains import CLASSES
from losscli.literals import is_integer, near

# Column names that need no option, in the README too; other roles are called by their own names. For a column a class,
# or an entry of an embedding: these stems followed by _ and anything.
USUAL = {
    "pred": (
        *("y_pred", "ypred", "pred", "preds", "prediction", "predictions", "predicted", "yhat", "y_hat"),
        *("y_score", "y_prob", "y_proba", "score", "prob", "proba", "probability", "logit"),
    ),
    "target": (
        *("y_true", "ytrue", "y", "target", "targets", "label", "labels", "truth", "true", "ground_truth"),
        *("actual", "observed", "class"),
    ),
    "pred_lengths": ("pred_lengths", "input_lengths", "logit_lengths"),
    "target_lengths": ("target_lengths", "label_lengths"),
    "token_mask": ("token_mask", "attention_mask"),  # 1 counts in both; of a plain mask nobody can tell
}
USUAL_VECTORS = {
    "pred": ("p", "pred", "prob", "proba", "probs", "logit", "logits", "log_prob", "log_probs", "score", "class"),
    "target": ("t", "y", "target", "true", "label"),
}
# begin the roles of columns that are only shown, that stand in a condition, that rows are grouped by, that weak slices
# are looked for in, and that say which rows are a group that has one loss
SHOW, WHERE, BY, FIND, GROUP = "show:", "where:", "by:", "find:", "group:"
WEIGHT, MASK = "weight", "mask"  # roles that any loss may have
IMAGE = "image"  # the number of the image, of arrays of images; and among readers the one that has it
# and what ends in _id or Id; pandas gives an index no name, or one of its own
_KEYS = {
    *("", "id", "ids", "index", "idx", "key", "uuid", "guid", "rowid", "__index_level_0__", "unnamed: 0"),
    *("file", "filename", "file_name", "path", "image", "date", "datetime", "timestamp"),
}
_NOT_CLASSES = _KEYS | {"row", "weight", "weights", "w", "fold", "split"}


class Binding(NamedTuple):
    """Where a role's values are: columns of one reader."""

    role: str
    reader: Reader
    columns: tuple[int, ...]
    labels: bool = False
    by_class: bool = False  # a column a class: paired by name
    note: str = ""
    aside: tuple[int, ...] = ()  # columns that were not taken as they count the rows
    one_hot: bool = False  # labels that stand for a column a class, 0 or 1
    sequence: bool = False
    beside: str = ""  # it has no columns: its values are how long the rows of this role are, or nothing beside them

    @property
    def names(self) -> list[str]:
        return [self.reader.columns[j].name for j in self.columns]

    @property
    def plays(self) -> bool:
        """Whether it is a role or the weight, not a column that is only shown."""
        return ":" not in self.role

    @property
    def is_matrix(self) -> bool:
        """Whether a single column was given as a matrix of one column."""
        return self.reader.is_matrix or self.are_lists

    @property
    def pick(self) -> Pick:
        return Pick(self.columns, self.labels, aside=self.aside, sequence=self.sequence and self.are_lists)

    @property
    def are_lists(self) -> bool:
        """Whether a cell holds a list; a row of an array of many dimensions is none."""
        columns = [self.reader.columns[j] for j in self.columns]
        return any(c.ragged or (c.vector and not self.reader.row_shape) for c in columns)


def bind(roles: Sequence[Role], readers: Mapping[str, Reader], chosen: Mapping[str, Sequence[str]]) -> list[Binding]:
    """The columns of every role, of weight and mask, as named in `chosen` or by their usual names. Raises UsageError.

    `readers` has a reader for the roles that have a file of their own; the others are looked for in the first role's.
    """
    try:
        return _bind_all(roles, readers, chosen)
    except UsageError as error:
        absent = [r for r in roles if r.name not in readers and r.name not in chosen and not r.optional]
        if not absent:
            raise
        names = ", ".join(role.name for role in absent)
        hint = absent[-1].instead if len(readers[roles[0].name].columns) == 1 else ""
        raise UsageError(f"{error}; or give a file of {names}{hint}") from None


def _bind_all(
    roles: Sequence[Role], readers: Mapping[str, Reader], chosen: Mapping[str, Sequence[str]]
) -> list[Binding]:
    first = readers[roles[0].name]
    dispensable = {r.name: r for r in roles if r.lengths_of or r.optional}
    placeless = {n for n, r in dispensable.items() if not (n in {*readers, *chosen} or _is_named(r, first))}
    shared = [r.name for r in roles if readers.get(r.name, first) is first and r.name not in placeless]
    bindings: list[Binding] = []
    for r in roles:
        if r.name in placeless:
            bindings.append(_without_columns(r, bindings))
        else:
            is_shared = len(shared) > 1 and r.name in shared
            bindings.append(_bind_role(r, readers.get(r.name, first), chosen.get(r.name), is_shared))
    _refuse_other_shapes([b for b in bindings if not (b.sequence or b.beside)])
    having = {b.role: b.reader for b in bindings}
    for role in (WEIGHT, MASK):
        if role in chosen:
            own = {role: readers[role]} if role in readers else having
            bindings.append(bind_once(role, own, chosen[role], labels=role == MASK))
        elif role in readers:
            bindings.append(Binding(role, readers[role], _one_column(readers[role], role), labels=role == MASK))
    return bindings


def _is_named(role: Role, reader: Reader) -> bool:
    """Whether some column has a usual name of the role; of a sequence, one that holds lists."""
    named = [c for c in reader.columns if c.name.lower() in _usual_names(role)]
    return reader.headed and any(c.vector or c.ragged or not role.sequence for c in named)


def _without_columns(role: Role, bindings: Sequence[Binding]) -> Binding:
    """A role that has no column and needs none: that may be absent, or lengths, which lists have. Raises UsageError."""
    of = next((b for b in bindings if b.role == role.lengths_of), bindings[0])
    if of.are_lists or role.optional:
        return Binding(role.name, of.reader, (), beside=of.role, sequence=role.sequence)
    raise UsageError(f"{of.reader.name}: rows of one length: {role.name} has to say how many entries of each count")


def _refuse_other_shapes(bindings: Sequence[Binding]) -> None:
    """Rows of several dimensions are compared as they lie in memory: their shapes have to be the same, but for 1s."""
    if not any(b.reader.row_shape for b in bindings):
        return
    shapes = [b.reader.row_shape or (len(b.columns),) for b in bindings]
    plain = [[k for k in shape if k != 1] for shape in shapes]
    for binding, shape, lengths in zip(bindings, shapes, plain, strict=True):
        if lengths != plain[0]:
            found = f"a row of {bindings[0].role} has shape {shapes[0]}, of {binding.role} {shape}"
            raise InputError(f"{bindings[0].reader.name}: shapes differ: {found}; nothing is broadcast")


def _bind_role(role: Role, reader: Reader, specs: Sequence[str] | None, is_shared: bool) -> Binding:
    columns = _named(reader, specs, role.name) if specs else _usual(role, reader, is_shared)
    _refuse_doubtful(reader, columns)
    if role.vector and reader.row_shape and not role.sequence:
        raise InputError(f"{reader.name}: has {len(reader.row_shape) + 1} dimensions; (n,) or (n, d) is needed")
    labels = role.labels and _may_be_labels(reader, columns)
    by_class = role.vector and len(columns) > 1 and role.entries == CLASSES
    if role.vector and len(columns) > 1 and any(reader.columns[j].vector for j in columns):
        shown = ", ".join(reader.columns[j].name for j in columns)
        raise UsageError(f"{reader.name}: of the columns {shown} some hold lists; say one of them for {role.name}")
    note = "" if specs else _note(role, reader, columns)
    aside = () if specs else _aside(role, reader, columns)
    return Binding(role.name, reader, columns, labels, by_class, note, aside, sequence=role.sequence)


def _aside(role: Role, reader: Reader, columns: tuple[int, ...]) -> tuple[int, ...]:
    """The index without a name that is left out of a choice which usual names alone would not make."""
    names = [reader.columns[j].name for j in columns]
    if all(name.lower() in _usual_names(role) for name in names) or _are_stemmed(role, names):
        return ()
    return tuple(j for j, column in enumerate(reader.columns) if column.is_index and j not in columns)


def _refuse_doubtful(reader: Reader, columns: tuple[int, ...]) -> None:
    """A guessed header whose chosen cells are numbers may be the first row, unless they number several columns."""
    doubtful = [reader.columns[j].name for j in columns if j in reader.doubtful]
    if doubtful and not (len(columns) > 1 and all(is_integer(name) for name in doubtful)):
        raise UsageError(f"{reader.name}:1: is '{doubtful[0]}' a column's name or a value? say --header or --no-header")


def _note(role: Role, reader: Reader, columns: tuple[int, ...]) -> str:
    """What a careful reader would want to know of columns that were not named by the user."""
    if not reader.headed:
        return ""
    names = [reader.columns[j].name for j in columns]
    others = {name for r, usual in USUAL.items() if r != role.name for name in usual} | _NOT_CLASSES - {""}
    if len(names) == 1 and names[0].lower() in others - set(_usual_names(role)):
        return f"{reader.name}: its only column, '{names[0]}', is taken for {role.name}"
    if role.vector and len(names) > 1 and not (_are_stemmed(role, names) or all(map(is_integer, names))):
        shown = ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
        taken = role.entries if role.name in USUAL else role.name
        return f"{reader.name}: its {len(names)} columns are taken for {taken}: {shown}"
    aside = [c.name for c in reader.columns if c.name not in names and not _is_usual(c.name)]
    aside = [name for name in aside if name.lower() not in _NOT_CLASSES and not name.lower().endswith("_id")]
    if role.vector and role.name in USUAL and len(names) > 1 and aside and all(map(is_integer, names)):
        return (
            f"{reader.name}: columns {', '.join(names[:10])} are taken for {role.entries}, not {', '.join(aside[:10])}"
        )
    return ""


def _are_stemmed(role: Role, names: Sequence[str]) -> bool:
    return any(all(n.lower().startswith(stem + "_") for n in names) for stem in _stems(role))


def _may_be_labels(reader: Reader, columns: tuple[int, ...]) -> bool:
    return len(columns) == 1 and not reader.columns[columns[0]].vector


def _one_column(reader: Reader, role: str) -> tuple[int, ...]:
    if len(reader.columns) != 1:
        raise UsageError(f"{reader.name}: has {len(reader.columns)} columns; {role} is one")
    _refuse_vector(reader, 0, role)
    return (0,)


def _named(reader: Reader, specs: Sequence[str], role: str) -> tuple[int, ...]:
    """The columns that `--pred-col` and its like name: exact names first, then commas, globs and positions."""
    found = [j for spec in specs for j in _positions(reader, spec, role)]
    if len(set(found)) < len(found):
        raise UsageError(f"{reader.name}: column '{reader.columns[_repeated(found)].name}' is given twice for {role}")
    return tuple(found)


def _repeated(found: list[int]) -> int:
    return next(j for j in found if found.count(j) > 1)


def _positions(reader: Reader, spec: str, role: str) -> list[int]:
    names = [c.name for c in reader.columns]
    if reader.headed and spec in names:
        return [names.index(spec)]
    if "," in spec:
        return [j for part in spec.split(",") for j in _positions(reader, part.strip(), role)]
    if reader.headed and any(c in spec for c in "*?["):
        matches = [j for j, name in enumerate(names) if fnmatchcase(name, spec)]
    else:
        matches = [j for j in range(len(names)) if spec == str(j)]
    if not matches:
        raise UsageError(f"{reader.name}: has no column '{spec}' for {role}{near(spec, names)}; {_listed(reader)}")
    return matches


def _listed(reader: Reader) -> str:
    if not reader.headed:
        count = len(reader.columns)
        return f"it has {count} without names: say 0 to {count - 1}" if count > 1 else "its only one has no name: say 0"
    names = [c.name or "(unnamed)" for c in reader.columns]
    return f"its columns: {', '.join(names[:20])}{' …' if len(names) > 20 else ''}"


def _usual(role: Role, reader: Reader, is_shared: bool) -> tuple[int, ...]:
    """The columns that a role has when nobody says: the only ones there are, or those with a usual name."""
    names, values = [c.name for c in reader.columns], [j for j, c in enumerate(reader.columns) if not c.is_index]
    if not is_shared and (len(values) == 1 or reader.is_matrix):
        return tuple(values)
    if is_shared and not reader.headed and len(names) == 1:
        raise UsageError(f"{reader.name}: has one column; {role.name} needs one of its own, or a file of its own")
    by_name = [j for j, name in enumerate(names) if name.lower() in _usual_names(role)]
    if role.vector and not (role.labels and by_name) and (vector := _usual_vector(role, reader, is_shared)):
        return vector
    if len(by_name) == 1:
        return (by_name[0],)
    option = f"--{role.name}-col " if role.name in ("pred", "target", "grad") else f"--col {role.name}="
    if by_name:
        raise UsageError(
            f"{reader.name}: which column is {role.name}? {option}{' or '.join(names[j] for j in by_name)}"
        )
    if reader.format == "array" and not is_shared:
        return tuple(range(len(names)))  # a frame that was handed over for this role
    raise UsageError(f"{reader.name}: which column is {role.name}? say {option}NAME; {_listed(reader)}")


def _usual_names(role: Role) -> Sequence[str]:
    """Those of a single column, which for a sequence may be a list of what several columns would hold."""
    names = USUAL.get(role.name, (role.name,))
    return (*names, *_stems(role)) if role.sequence else names


def _stems(role: Role) -> Sequence[str]:
    return USUAL_VECTORS.get(role.name, (role.name,))


def _usual_vector(role: Role, reader: Reader, is_shared: bool) -> tuple[int, ...]:
    """A column a class: `p_*` and its like, whole-number headers, or all columns of a file that holds nothing else."""
    names, values = [c.name for c in reader.columns], [j for j, c in enumerate(reader.columns) if not c.is_index]
    for stem in _stems(role):
        stemmed = [j for j, name in enumerate(names) if name.lower().startswith(stem + "_") and not _is_usual(name)]
        if len(stemmed) > 1:
            return tuple(stemmed)
    whole = [j for j, name in enumerate(names) if is_integer(name)] if reader.headed else []
    if len(whole) > 1 and (not is_shared or role.name == "pred"):
        return tuple(whole)
    others = [names[j] for j in values]
    if is_shared or any(n.lower() in _NOT_CLASSES or _is_key(n) or _is_usual(n) for n in others):
        return ()
    return tuple(values)


def bind_keys(spec: Sequence[str], bindings: Sequence[Binding], readers: Sequence[Reader]) -> list[tuple[int, ...]]:
    """The columns of each file that make up its key. Raises UsageError where one has no such column."""
    found = [_named(reader, spec, "--id") for reader in readers]
    if len({len(columns) for columns in found}) > 1:
        raise UsageError(f"--id {','.join(spec)}: stands for several columns of a file; name each")
    for binding in bindings:
        both = set(binding.columns) & set(found[readers.index(binding.reader)])
        if both and binding.plays:
            name = binding.reader.columns[min(both)].name
            raise UsageError(f"{binding.reader.name}: column '{name}' is the key and {binding.role} too; say which is")
    return found


def alike(readers: Sequence[Reader], bindings: Sequence[Binding]) -> list[tuple[str, dict[int, int]]]:
    """Columns named like a key that several files have, and that play no part: the name, and the position in each."""
    played = {(readers.index(b.reader), j) for b in bindings if b.plays for j in b.columns}
    names = [[c.name for c in r.columns] if r.headed else [] for r in readers]
    keys = list(dict.fromkeys(n for of_file in names for n in of_file if _is_key(n)))
    where = [(n, {k: f.index(n) for k, f in enumerate(names) if f.count(n) == 1}) for n in keys]
    plain = [(n, {k: j for k, j in at.items() if not _is_odd(readers[k].columns[j])}) for n, at in where]
    return [(n, at) for n, at in plain if len(at) > 1 and not played & set(at.items())]


def _is_key(name: str) -> bool:
    return name.lower() in _KEYS or name.lower().endswith("_id") or name.endswith("Id")


def stands_aside(name: str) -> bool:
    """Whether it is called as what says which row it is, of which part, or how much it counts."""
    return _is_key(name) or name.lower() in _NOT_CLASSES


def _is_odd(column: Column) -> bool:
    return column.vector or column.other


def _is_usual(name: str) -> bool:
    return any(name.lower() in usual for usual in USUAL.values())


def bind_once(purpose: str, readers: Mapping[str, Reader], spec: Sequence[str], labels: bool = False) -> Binding:
    """A column that stands in exactly one of the files, or is said as `target:weight`. Raises UsageError."""
    role, colon, name = spec[0].partition(":")
    distinct = list({id(r): r for r in readers.values()}.values())
    if colon and role in readers:
        distinct, spec = [readers[role]], [name]
    having = [r for r in distinct if r.headed and spec[0] in [c.name for c in r.columns]]
    if len(having) > 1:
        raise UsageError(
            f"column '{spec[0]}' stands in both files: say {' or '.join(f'{r}:{spec[0]}' for r in readers)}"
        )
    reader = having[0] if having else distinct[0]
    start = purpose.partition(":")[0] + ":"
    said = "--group-col" if start == GROUP else f"--{start[:-1]}" if start in (SHOW, WHERE, BY) else purpose
    columns = _named(reader, spec, said) if having or len(distinct) == 1 else ()
    if len(columns) != 1:
        listed = "; ".join(f"{r.name}: {_listed(r)}" for r in distinct)
        raise UsageError(f"no file has a column '{spec[0]}' for {said}; {listed}{_of_members(readers)}")
    _refuse_vector(reader, columns[0], said)
    return Binding(purpose, reader, columns, labels)


def _of_members(readers: Mapping[str, Reader]) -> str:
    """What to say instead of a name, where the files are members of archives."""
    if any(split_member(reader.name)[1] is None for reader in readers.values()):
        return ""
    return f"; members of an archive are files, not columns: say {list(readers)[-1]}:0 and its like, or take a table"


def _refuse_vector(reader: Reader, column: int, purpose: str) -> None:
    if reader.columns[column].vector:
        raise UsageError(
            f"{reader.name}: column '{reader.columns[column].name}' holds lists; {purpose} needs one value a row"
        )


def bind_shown(spec: str, readers: Mapping[str, Reader]) -> list[Binding]:
    """Columns to be shown, by name, glob or position, each under its own name. Raises UsageError."""
    names = list(dict.fromkeys(c.name for r in readers.values() if r.headed for c in r.columns))
    if spec not in names and any(c in spec for c in "*?["):
        names = [name for name in names if fnmatchcase(name, spec)]
        return [b for name in names for b in bind_shown(name, readers)] or [bind_once(SHOW + spec, readers, [spec])]
    found = bind_once(SHOW + spec, readers, [spec], labels=True)
    is_position = ":" not in spec and found.reader.headed
    return [found._replace(role=SHOW + found.names[0]) if is_position else found]


def bind_others(bindings: Sequence[Binding]) -> list[Binding]:
    """The columns of the files that play no part, each under its name, and with its role where two files have it."""
    readers = {b.reader.name: b.reader for b in reversed(bindings) if b.reader.headed}
    roles = {b.reader.name: b.role for b in reversed(bindings) if b.plays}
    taken = {(b.reader.name, j) for b in bindings if b.plays for j in b.columns}
    found = [
        (reader, j)
        for reader in reversed(readers.values())
        for j, column in enumerate(reader.columns)
        if (reader.name, j) not in taken and not (column.vector or column.other) and column.name
    ]
    names = [reader.columns[j].name for reader, j in found]
    called = [n if names.count(n) == 1 else f"{roles[r.name]}:{n}" for (r, _), n in zip(found, names, strict=True)]
    return [Binding(FIND + name, r, (j,), labels=True) for (r, j), name in zip(found, called, strict=True)]


def bind_by(spec: str, readers: Mapping[str, Reader]) -> Binding:
    """A column that rows are grouped by, under its own name, or as it was said where that tells two files apart."""
    found = bind_once(BY + spec, readers, [spec], labels=True)
    return found._replace(role=BY + found.names[0]) if ":" not in spec and found.reader.headed else found
