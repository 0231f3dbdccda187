"""Formats: a file -> blocks of columns. The only code that opens input files; content decides the format; the
name breaks a tie between formats that have no magic bytes, no more.
"""

import os
import re
from collections.abc import Sequence
from typing import Any

from losscli.errors import InputError
from losscli.formats.array import ArrayReader
from losscli.formats.base import BLOCK, MAX_BYTES, PLAIN, Block, Column, Labels, Pick, Reader, Reading, lists_of
from losscli.formats.csv import CsvReader
from losscli.formats.foreign import refuse_foreign
from losscli.formats.lent import Lent
from losscli.formats.npy import MAGIC, NpyReader
from losscli.formats.parts import PartsReader
from losscli.formats.paths import listed, split_member
from losscli.formats.source import Source, Stream
from losscli.formats.texts import Texts

_PARQUET = b"PAR1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # of an archive, and of an empty one
_ARROW = (b"ARROW1", b"\xff\xff\xff\xff")  # files, and streams
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")  # gzip, zstd
_JSON_ENDINGS = (".jsonl", ".ndjson")
_BY_ENDING = {  # what a name promises
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    **dict.fromkeys(_JSON_ENDINGS, "jsonl"),
    **dict.fromkeys((".arrow", ".feather"), "arrow"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".npy", ".npz"), "npy"),
    ".safetensors": "safetensors",
}
_JSON = re.compile(rb"(\xef\xbb\xbf)?\s*(\{|\[\s*[\[{\"\d-])")
_JSON_VALUE = re.compile(rb"(\xef\xbb\xbf)?\s*[\[{\"0-9-]")  # where the name says JSON


def open_reader(
    name: str, data: Any, reading: Reading = PLAIN, keep: bool = False, usual: Sequence[str] = ()
) -> Reader:
    """A reader for a path, `-`, a folder or a list of paths, or data in memory, which messages call `name`. Raises
    InputError.

    What is to be read more than once is asked to `keep`: a pipe is then copied to a temporary file.
    Of an archive's members, one called `name` or a `usual` name is taken where none is said.
    """
    if isinstance(data, Lent):
        return data
    paths = listed(data)
    if paths is None:
        return ArrayReader(name, data)

    def opened(path: str) -> Reader:
        return _open(path, reading, keep, (name, *usual))

    if len(paths) > 1 or isinstance(data, (list, tuple)) or os.path.isdir(paths[0]):
        return PartsReader(paths, opened)
    return opened(paths[0])


def members(path: str) -> list[str]:
    """The members of an archive that has several, as paths; of anything else the path itself."""
    if split_member(path)[1] is not None or not os.path.isfile(path):
        return [path]
    source = Source(path)
    try:
        found = _member_names(source)
    finally:
        source.close()
    return [f"{path}:{stem}" for stem in found] if len(found) > 1 else [path]


def _member_names(source: Source) -> list[str]:
    if source.head.startswith(_ZIP):
        from losscli.formats.npz import stems

        return stems(source)
    if _begins_safetensors(source.head):
        from losscli.formats import safetensors

        return safetensors.names(source)
    return []


def _open(path: str, reading: Reading, keep: bool, usual: Sequence[str]) -> Reader:
    file, member = split_member(path)
    source = Source(file, reading.max_bytes)
    try:
        reader = _with_members(source, member, usual)
        if reader is None and member is not None:
            raise InputError(f"{path}: {file} is no NPZ archive and no safetensors file, which alone have members")
        reader = reader or _reader(source, reading, keep)
    except BaseException:
        source.close()
        raise
    promised = _BY_ENDING.get(_ending(file), reader.format)
    if promised != reader.format:
        reader.notes.append(f"{file}: is read as {reader.format}, which it holds, whatever its name says")
    return reader


def _ending(file: str) -> str:
    """`.csv` of `x.csv` and of `x.csv.gz`."""
    stem = file.lower().removesuffix(".gz").removesuffix(".zst")
    return os.path.splitext(stem)[1]


def _with_members(source: Source, member: str | None, usual: Sequence[str]) -> Reader | None:
    """A reader of a member of what has members; None for what has none."""
    if source.head.startswith(_ZIP):
        from losscli.formats.npz import Member  # here and below: what most files do not need

        return NpyReader(Member(source, member, usual))
    if _begins_safetensors(source.head):
        from losscli.formats import safetensors

        return safetensors.reader(source, member, usual)
    return None


def _reader(source: Source, reading: Reading, keep: bool) -> Reader:
    head = source.head
    if head.startswith(_PARQUET):
        from losscli.formats.parquet import ParquetReader

        return ParquetReader(source)
    if head.startswith(_ARROW):
        from losscli.formats.arrow import ArrowReader

        return ArrowReader(source, keep)
    is_compressed = head.startswith(_COMPRESSED)
    if not is_compressed:  # which, without a time in it, may begin as a TFRecord file does
        refuse_foreign(source.name, head)
    if keep:
        source.keep()
    if is_compressed:
        return _decompressed(source, reading)
    return _flat(source, reading)


def _flat(source: Stream, reading: Reading) -> Reader:
    """A reader of what is read from the first byte to the last."""
    if source.head.startswith(MAGIC):
        return NpyReader(source)
    is_json = _JSON_VALUE if _ending(source.name) in _JSON_ENDINGS else _JSON
    if is_json.match(source.head):
        from losscli.formats.jsonl import JsonlReader

        return JsonlReader(source)
    return CsvReader(source, reading)


def _begins_safetensors(head: bytes) -> bool:
    """Whether a file begins as a safetensors file does: with the length of its header, and a brace."""
    return head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") < 1 << 40


def _decompressed(source: Source, reading: Reading) -> Reader:
    from losscli.formats.compressed import Decompressed

    stream = Decompressed(source)
    head = stream.head
    if head.startswith((_PARQUET, *_ARROW, *_ZIP, *_COMPRESSED)) or _begins_safetensors(head):
        raise InputError(
            f"{stream.name}: a compressed file of text or an NPY array is read as it is, and this is none; "
            "decompress it first"
        )
    refuse_foreign(stream.name, head)
    return _flat(stream, reading)


__all__ = [
    "BLOCK",
    "MAX_BYTES",
    "PLAIN",
    "Block",
    "Column",
    "Labels",
    "Lent",
    "Pick",
    "Reader",
    "Reading",
    "Texts",
    "lists_of",
    "members",
    "open_reader",
]
