"""Do the rows of several files belong together: row counts, and columns that all files have and that may be keys."""

from collections.abc import Mapping, Sequence

from losscli.align import ByKey
from losscli.errors import InputError
from losscli.formats import BLOCK, Reader
from losscli.inspection.findings import Alignment, FileFacts, Key
from losscli.inspection.names import is_key, is_part, is_usual, is_weight
from losscli.inspection.tallies import Digest
from losscli.pairing import Stream

_SHARED = 8  # columns of one name that are compared
_HELD = 1 << 25  # keys of a file that are held in memory

SAME, OTHER, MISSING, UNUSABLE = "same order", "another order", "missing", "unusable"


def shared_names(readers: Sequence[Reader]) -> list[str]:
    """Names of columns that all files have and that may be keys, those called like keys first."""
    if len(readers) < 2 or not all(reader.headed for reader in readers):
        return []
    named = [[c.name for c in reader.columns if not (c.vector or c.other)] for reader in readers]
    shared = [name for name in named[0] if all(names.count(name) == 1 for names in named) and _may_be_key(name)]
    return sorted(shared, key=lambda name: not is_key(name))[:_SHARED]


def _may_be_key(name: str) -> bool:
    return not (is_usual(name, "pred") or is_usual(name, "target") or is_weight(name) or is_part(name))


def aligned(
    readers: Sequence[Reader], files: Sequence[FileFacts], digests: Sequence[Mapping[str, Digest]]
) -> Alignment:
    """How the rows of the files belong together."""
    names = [name for name in digests[0] if all(name in found for found in digests)]
    keys = [_key(name, readers, files, [found[name] for found in digests]) for name in names]
    rows = [file.rows for file in files]
    kept = [key for key in keys if key]
    return Alignment(rows, kept, _says(rows, kept, files))


def _key(name: str, readers: Sequence[Reader], files: Sequence[FileFacts], digests: Sequence[Digest]) -> Key | None:
    """How a shared column compares; None for one that is no key, by its name and by its values."""
    facts = [column.facts for file in files for column in file.columns if column.name == name]
    if not is_key(name) and not all(f.texts and not f.missing and not f.is_repeated for f in facts):
        return None
    if why := next((d.why for d in digests if d.why), ""):
        return Key(name, UNUSABLE, why)
    if len({d.text for d in digests}) == 1:
        repeated = ", repeated keys among them" if any(f.is_repeated for f in facts) else ""
        return Key(name, SAME, f"the same keys in the same order{repeated}")
    if max(file.rows for file in files) > _HELD:
        return Key(name, UNUSABLE, f"differs; more than {_HELD} keys, which are not compared")
    return _by_key(name, readers)


def _by_key(name: str, readers: Sequence[Reader]) -> Key:
    """Keys that are not the same in the same order: are they the same, and which have no partner."""
    columns = [([c.name for c in reader.columns].index(name),) for reader in readers]
    pairing = ByKey(readers, columns, [name], intersect=True)
    try:
        for _ in pairing.paired([Stream(reader, []) for reader in readers], BLOCK):
            pass
    except InputError as error:
        return Key(name, UNUSABLE, str(error))
    unmatched = [pairing.unmatched.get(reader.name, 0) for reader in readers]
    if not any(unmatched):
        return Key(name, OTHER, "the same keys in another order", unmatched)
    lost = [f"{count} of {r.name} have no partner" for r, count in zip(readers, unmatched, strict=True) if count]
    return Key(name, MISSING, f"keys differ: {', '.join(lost)}", unmatched)


def _says(rows: Sequence[int], keys: Sequence[Key], files: Sequence[FileFacts]) -> str:
    """Whether rows can be paired by position."""
    if len(set(rows)) > 1:
        counts = ", ".join(f"{file.path} has {count}" for file, count in zip(files, rows, strict=True))
        return f"row counts differ: {counts}"
    count = f"{rows[0]} rows each"
    differing = [key.name or "(unnamed)" for key in keys if key.relation != SAME]
    if differing:
        return f"{count}, but {', '.join(differing)} differ{'s' if len(differing) == 1 else ''} row by row"
    return f"{count}" if keys else f"{count}; no key tells whether they are in one order"
