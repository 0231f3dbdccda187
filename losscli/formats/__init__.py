"""Formats: a file -> blocks of columns. The only code that opens input files; content decides the format, never the
name.
"""

import os
from collections.abc import Sequence
from typing import Any

from losscli.errors import InputError
from losscli.formats import npy, npz, parquet
from losscli.formats.array import ArrayReader
from losscli.formats.base import BLOCK, Block, Column, Labels, Pick, Reader
from losscli.formats.csv import CsvReader
from losscli.formats.lent import Lent
from losscli.formats.npy import NpyReader
from losscli.formats.npz import Member
from losscli.formats.parquet import ParquetReader
from losscli.formats.parts import PartsReader
from losscli.formats.paths import listed, split_member
from losscli.formats.source import Source
from losscli.formats.texts import Texts

_UNREAD = {
    b"\x1f\x8b": "compressed with gzip; decompress it, or pipe it in: gzip -dc FILE | losscli eval … -",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; decompress it, or pipe it in: zstd -dc FILE | losscli eval … -",
    b"BZh": "compressed with bzip2; decompress it, or pipe it in: bzip2 -dc FILE | losscli eval … -",
    b"\xfd7zXZ": "compressed with xz; decompress it, or pipe it in: xz -dc FILE | losscli eval … -",
    b"ARROW1": "an Arrow file; save it as Parquet",
    b"\x89HDF": "an HDF5 file; save the arrays as .npy",
    b"PARE": "a Parquet file with an encrypted footer; decrypt it first",
}
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def open_reader(
    name: str, data: Any, header: bool | None = None, keep: bool = False, usual: Sequence[str] = ()
) -> Reader:
    """A reader for a path, `-`, a folder or a list of paths, or data in memory, which messages call `name`. Raises
    InputError.

    `header` says whether a CSV file's first row is its header; None lets the row itself decide.
    What is to be read more than once is asked to `keep`: a pipe is then copied to a temporary file.
    Of an archive's members, one called `name` or a `usual` name is taken where none is said.
    """
    if isinstance(data, Lent):
        return data
    paths = listed(data)
    if paths is None:
        return ArrayReader(name, data)

    def opened(path: str) -> Reader:
        return _open(path, header, keep, (name, *usual))

    if len(paths) > 1 or isinstance(data, (list, tuple)) or os.path.isdir(paths[0]):
        return PartsReader(paths, opened)
    return opened(paths[0])


def members(path: str) -> list[str]:
    """The members of an NPZ archive that has several, as paths; of anything else the path itself."""
    if split_member(path)[1] is not None or not os.path.isfile(path):
        return [path]
    source = Source(path)
    try:
        found = npz.stems(source) if source.head.startswith(npz.MAGIC) else []
    finally:
        source.close()
    return [f"{path}:{stem}" for stem in found] if len(found) > 1 else [path]


def _open(path: str, header: bool | None, keep: bool, usual: Sequence[str]) -> Reader:
    file, member = split_member(path)
    source = Source(file, keep)
    try:
        if source.head.startswith(npz.MAGIC):
            return NpyReader(Member(source, member, usual))
        if member is not None:
            raise InputError(f"{path}: {file} is no NPZ archive, which alone has members")
        return _reader(source, header)
    except BaseException:
        source.close()
        raise


def _reader(source: Source, header: bool | None) -> Reader:
    if source.head.startswith(npy.MAGIC):
        return NpyReader(source)
    if source.head.startswith(parquet.MAGIC):
        return ParquetReader(source)
    for magic, what in _UNREAD.items():
        if source.head.startswith(magic):
            raise InputError(f"{source.name}: is {what}")
    if source.head.startswith(_PICKLES):
        raise InputError(f"{source.name}: is a pickle, which is never loaded; save the numbers as .npy, CSV or Parquet")
    return CsvReader(source, header)


__all__ = ["BLOCK", "Block", "Column", "Labels", "Lent", "Pick", "Reader", "Texts", "members", "open_reader"]
