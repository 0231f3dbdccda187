"""What is in some files, and which losses fit: every file is read once, in blocks; commands are tried before they are
told.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from losscli.errors import InputError, UsageError
from losscli.formats import PLAIN, Reader, Reading, members, open_reader
from losscli.formats.dialect import said_of
from losscli.inspection.alignment import aligned, shared_names
from losscli.inspection.commands import Found, Given, embeddings, fitting
from losscli.inspection.findings import Alignment, Command, Field, FileFacts, Inspection, Key, Look
from losscli.inspection.looks import looks_of
from losscli.inspection.names import is_usual, is_usual_stem
from losscli.inspection.passes import in_rows, inspected
from losscli.inspection.tallies import Digest
from losscli.opening import check_reading

_MEMBERS = 2  # files of which one is an archive of several members
_ROLES = 3  # files that a loss takes at most


class _Opened(NamedTuple):
    """A file, and what its rows are read from: of an array of images its pixels."""

    path: str
    reader: Reader
    rows: Reader


def inspect(paths: Sequence[str], reading: Reading = PLAIN) -> Inspection:
    """What is in the files, which are the roles of a loss in order, or members of one archive. Raises InputError."""
    if list(paths).count("-") > 1:
        raise UsageError("'-' is standard input, which can be one file only")
    with ExitStack() as stack:
        several = {path: members(path) for path in paths}
        opened = [_open(stack, path, reading, several[given] == [given]) for given in paths for path in several[given]]
        readers = [one.reader for one in opened if isinstance(one, _Opened)]
        check_reading(reading, readers)
        keys = shared_names(readers)
        files, digests = _described(opened, keys, reading)
        read = [file for file in files if not file.refused]
        alignment = aligned(readers, read, digests) if len(readers) > 1 else None
        given = Given([file.path for file in read], readers, read, said_of(reading))
        parts = [[k for k, file in enumerate(read) if file.path in several[path]] for path in paths]
        found = _of_members(given, parts) if len(paths) < len(files) else _found(given, alignment)
        notes = list(dict.fromkeys(note for reader in readers for note in reader.notes))
        return Inspection(files, alignment, found.commands, found.advice, notes)


def _open(stack: ExitStack, path: str, reading: Reading, is_given: bool) -> "_Opened | FileFacts":
    """A file, opened; of a member of an archive that nobody named and that cannot be read, why."""
    try:
        reader = open_reader(path, path, reading, keep=True)
        stack.callback(reader.close)
        return _Opened(path, reader, in_rows(reader))
    except InputError as error:
        if is_given:
            raise
        return FileFacts(path, "npz", refused=str(error))


def _described(
    opened: "Sequence[_Opened | FileFacts]", keys: Sequence[str], reading: Reading
) -> tuple[list[FileFacts], list[dict[str, Digest]]]:
    is_plain = reading.decimal == PLAIN.decimal and reading.thousands is None
    files: list[FileFacts] = []
    digests: list[dict[str, Digest]] = []
    for one in opened:
        if isinstance(one, FileFacts):
            files.append(one)
            continue
        facts, found = inspected(one.rows, one.path, keys, is_plain)
        facts.images = (one.reader.rows or 0, *one.reader.row_shape) if one.reader.row_shape else ()
        for field in (*facts.columns, *facts.groups):
            field.looks = looks_of(field)
        files.append(facts)
        digests.append(found)
    return files, digests


def _found(given: Given, alignment: Alignment | None) -> Found:
    """The commands for the files as roles in order."""
    count = len(given.files)
    if count > _ROLES:
        return Found([], [f"no loss takes {count} files in order: give predictions, then targets"])
    vectors = embeddings(given, alignment) if count != 2 else Found([], [])
    if count == _ROLES or vectors.commands:
        return vectors
    places = _order(given.files)
    found = fitting(given, [places], alignment)
    if places == (1, 0):
        first, second = given.paths
        found.advise(f"the predictions stand in {second}, the targets in {first}: commands name them in that order")
    return found


def _order(files: Sequence[FileFacts]) -> tuple[int, int]:
    """Where the predictions are and where the targets, which names may tell to stand in another order."""
    if len(files) == 1:
        return 0, 0
    first, second = ({role for role in ("pred", "target") if _names_role(file, role)} for file in files)
    return (1, 0) if first == {"target"} and second == {"pred"} else (0, 1)


def _names_role(file: FileFacts, role: str) -> bool:
    return any(is_usual(name, role) for name in file.names) or any(is_usual_stem(g.name, role) for g in file.groups)


def _of_members(given: Given, parts: Sequence[Sequence[int]]) -> Found:
    """Members of archives: those of usual names, or all; of one archive for both roles, in both orders."""
    if len(parts) > _MEMBERS:
        return Found([], ["which members are meant? name each: FILE.npz:MEMBER"])
    first, last = parts[0], parts[-1]
    preds, wanted = _called_as("pred", given, first), _called_as("target", given, last)
    if len(parts) == 1:
        preds, wanted = preds or [k for k in first if k not in wanted], wanted or [k for k in last if k not in preds]
    places = [(p, t) for p in preds or first for t in wanted or last if p != t]
    found = Found([], [])
    for p, t in places:
        paths, readers, files = ([part[p], part[t]] for part in (given.paths, given.readers, given.files))
        pair = Given(paths, readers, files, given.flags)  # type: ignore[arg-type]
        more = fitting(pair, [(0, 1)], aligned(pair.readers, pair.files, [{}, {}]))
        found.commands.extend(more.commands)
        found.advice.extend(text for text in more.advice if text not in found.advice)
    return Found(found.commands, [] if found.commands else found.advice)


def _called_as(role: str, given: Given, places: Sequence[int]) -> list[int]:
    """The members whose names are usual for a role."""
    stems = {k: given.paths[k].rpartition(":")[2].lower() for k in places}
    return [k for k, stem in stems.items() if is_usual(stem, role) or is_usual_stem(stem, role)]


__all__ = ["Alignment", "Command", "Field", "FileFacts", "Inspection", "Key", "Look", "inspect"]
