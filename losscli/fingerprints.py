"""Fingerprints of input files: SHA-256 of their bytes, as `sha256sum` prints it."""

import os
from collections.abc import Mapping
from hashlib import file_digest
from typing import Any, NamedTuple

from losscli.errors import InputError
from losscli.formats.paths import files_of


class Fingerprint(NamedTuple):
    """A file and its SHA-256, which is empty for what can be read only once: standard input, a pipe."""

    path: str
    sha256: str


def fingerprints(given: Mapping[str, Any]) -> dict[str, list[Fingerprint]]:
    """For each role its files, in the order in which they are read. Raises InputError for one that cannot be."""
    return {role: [_of(path) for path in files_of(data) if not os.path.isdir(path)] for role, data in given.items()}


def _of(path: str) -> Fingerprint:
    if not os.path.isfile(path):
        return Fingerprint(path, "")
    try:
        with open(path, "rb") as file:
            return Fingerprint(path, file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
