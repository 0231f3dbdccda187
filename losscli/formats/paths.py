"""What a path stands for: a file, a member of an archive, or the parts in a folder. Never a glob."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

from losscli.errors import InputError
from losscli.literals import near

_NO_PARTS = (".", "_")  # how names of files begin that are no parts: .crc, .DS_Store, _SUCCESS
_SHOWN = 10  # names in a message


def listed(data: Any) -> list[str] | None:
    """The paths that are given for a role: one, or a list of them; None for data in memory.

    A list of texts none of which is a file is a list of labels.
    """
    if isinstance(data, (str, os.PathLike)):
        return [os.fspath(data)]
    if not isinstance(data, (list, tuple)) or not data or not all(isinstance(one, (str, os.PathLike)) for one in data):
        return None
    is_data = all(isinstance(one, str) and not os.path.exists(split_member(one)[0]) for one in set(data))
    return None if is_data else [os.fspath(one) for one in data]


def split_member(path: str) -> tuple[str, str | None]:
    """`run.npz:y_pred` as file and member, which is None where none is said. A file of the whole name wins."""
    if os.path.exists(path):
        return path, None
    at = path.rfind(":")
    while at > 0:
        if os.path.isfile(path[:at]):
            return path[:at], path[at + 1 :]
        at = path.rfind(":", 0, at)
    return path, None


def is_part(path: str) -> bool:
    """Whether a file in a folder of parts is one, by its name."""
    return not os.path.basename(path).startswith(_NO_PARTS)


def parts_in(folder: str) -> list[str]:
    """The files in a folder in name order, without those that are no parts. Raises InputError where there is none."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries)
    except OSError as error:
        raise InputError(f"{folder}: cannot be opened: {error.strerror}") from None
    parts = [(name, is_folder) for name, is_folder in found if is_part(name)]
    if not parts:
        what = f"only {named([name for name, _ in found])}, which begin with . or _" if found else "nothing"
        raise InputError(f"{folder}: is a folder without parts: it holds {what}; name a file, or a folder of files")
    for name, is_folder in parts:
        if is_folder:
            raise InputError(
                f"{os.path.join(folder, name)}: is a folder among the parts in {folder}; "
                "move it away, or give the folders one by one"
            )
    return [os.path.join(folder, name) for name, _ in parts]


def misleading_order(paths: Sequence[str]) -> tuple[str, str] | None:
    """The first two names that stand in name order and would not if their numbers were counted: part-10, part-2."""
    names = [os.path.basename(path) for path in paths]
    return next(((a, b) for a, b in pairwise(names) if _counted(a) > _counted(b)), None)


def _counted(name: str) -> list[str | int]:
    return [int(piece) if piece[:1].isdigit() else piece for piece in re.split("([0-9]+)", name)]


def named(names: Sequence[str]) -> str:
    """Some names for a message."""
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")


def chosen_member(file: str, names: Sequence[str], member: str | None, usual: Sequence[str]) -> str:
    """The member of a file that is asked for, else the only one, else the only one with a name among `usual`, the
    role's first. Raises InputError.
    """
    if member is not None:
        found, why = [name for name in names if name == member], f"has no member '{member}'{near(member, list(names))}"
    else:
        found = [name for name in names if len(names) == 1 or name.lower() in usual]
        why = f"which member is {usual[0]}? write {file}:NAME"
    if len(set(found)) < len(found):
        raise InputError(f"{file}: member '{found[0]}' appears twice")
    if len(found) != 1:
        raise InputError(f"{file}: {why}; its members: {named(names)}")
    return found[0]


def files_of(data: Any) -> list[str]:
    """The files, and the folders of files, that are read for a role; none for data in memory."""
    found: list[str] = []
    for path in listed(data) or []:
        found.append(split_member(path)[0])
        with suppress(OSError):  # it is no folder, or will be refused when it is read
            found += [os.path.join(path, name) for name in os.listdir(path) if is_part(name)]
    return found
