"""NPZ: a member of the ZIP archives that numpy.savez and numpy.savez_compressed write, as a stream of bytes that the
NPY reader takes for a file's. Nothing is extracted, and no more than a block is held.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from struct import error as StructError  # noqa: N812 - a class
from typing import IO, TYPE_CHECKING, BinaryIO, TypeVar

from losscli.errors import InputError
from losscli.formats import npy
from losscli.formats.foreign import what_archive
from losscli.formats.paths import chosen_member
from losscli.formats.source import HEAD, Source, check_held, check_ratio, is_long, spooled
from losscli.lazy import zipfile, zlib

if TYPE_CHECKING:
    from zipfile import ZipInfo

_SUFFIX = ".npy"
_STORED, _DEFLATED = 0, 8
_DENSEST = 1032  # times that deflate makes bytes fewer at most: a byte a pair of bits, 258 bytes each
_ENCRYPTED = 1

Found = TypeVar("Found")


class Member:
    """A member of an archive, with the interface of `Source`.

    It is the one called `member`, else the only one, else the only one with a name among `usual`, the role's first.
    """

    def __init__(self, source: Source, member: str | None, usual: Sequence[str]) -> None:
        self.name, self._source = source.name, source
        self._spool: BinaryIO | None = None
        self._archive = self._guard(zipfile.ZipFile, source.seekable())
        self._info = self._chosen(member, usual)
        self.name = f"{source.name}:{_stem(self._info)}"
        self._check_info(source.size or 0)
        self.size: int = self._info.file_size
        self._file = self._opened()
        self.head = self.read(HEAD)
        if not self.head.startswith(npy.MAGIC):
            raise InputError(f"{self.name}: is no NPY array, although its name in the archive ends in {_SUFFIX}")
        self.restart()

    def _guard(self, act: Callable[..., Found], *args: object) -> Found:
        try:
            return act(*args)
        except OSError as error:
            raise InputError(f"{self.name}: cannot be read: {error.strerror or error}") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, StructError, RuntimeError) as error:
            what = str(error).strip().splitlines()
            raise InputError(
                f"{self.name}: damaged or cut NPZ archive: {what[0] if what else 'it ends early'}"
            ) from None

    def _check_info(self, archive: int) -> None:
        """What the directory says of the member, which may be anything, before anything is made of that size."""
        info = self._info
        if info.flag_bits & _ENCRYPTED:
            raise InputError(f"{self.name}: is encrypted; decrypt the archive first")
        if info.compress_type not in (_STORED, _DEFLATED):
            raise InputError(
                f"{self.name}: is compressed by method {info.compress_type}, which NumPy does not write; "
                "write it with numpy.savez_compressed"
            )
        most = info.compress_size if info.compress_type == _STORED else info.compress_size * _DENSEST
        if info.compress_size > archive or info.file_size > most:
            raise InputError(
                f"{self.name}: damaged or cut NPZ archive: {info.file_size} bytes are declared, "
                f"{info.compress_size} hold them, in a file of {archive}"
            )
        check_held(self.name, info.file_size, self._source.max_bytes, "is a member of an archive")
        check_ratio(self.name, info.file_size, info.compress_size)

    def _chosen(self, member: str | None, usual: Sequence[str]) -> "ZipInfo":
        infos = self._archive.infolist()
        members = [info for info in infos if info.filename.endswith(_SUFFIX)]
        if not members:
            what = what_archive([info.filename for info in infos]).replace("FILE", self.name)
            raise InputError(f"{self.name}: is {what}")
        stems = [_stem(info) for info in members]
        if member is not None and member not in stems:
            member = member.removesuffix(_SUFFIX)
        return members[stems.index(chosen_member(self.name, stems, member, usual))]

    def _opened(self) -> IO[bytes]:
        return self._guard(self._archive.open, self._info)

    @property
    def is_long(self) -> bool:
        """Whether it pays to read ahead."""
        return is_long(self.size)

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end, where the checksum is verified."""
        part = self._guard(self._file.read, size)
        if len(part) < size:
            self.check_unchanged()
        return part

    def check_unchanged(self) -> None:
        """Of the archive, as `Source`."""
        self._source.check_unchanged()

    def restart(self) -> "Member":
        """Back to the first byte."""
        self._file.close()
        self._file = self._opened()
        return self

    def seekable(self) -> BinaryIO:
        """An unlinked copy: to seek in a member is to read it from its start."""
        if self._spool is None:
            self._spool = spooled(self.restart(), self._source.max_bytes)
            self.size = self._spool.tell()
        self._spool.seek(0)
        return self._spool

    def close(self) -> None:
        for file in (self._file, self._spool, self._archive):
            with suppress(OSError):
                if file is not None:
                    file.close()
        self._source.close()


def stems(source: Source) -> list[str]:
    """The members of an archive by name; none of a damaged one, which its reader refuses."""
    with (
        suppress(OSError, zipfile.BadZipFile, ValueError, StructError, RuntimeError, EOFError),
        zipfile.ZipFile(source.seekable()) as archive,
    ):
        return [_stem(info) for info in archive.infolist() if info.filename.endswith(_SUFFIX)]
    return []


def _stem(info: "ZipInfo") -> str:
    """A member as numpy.load calls it."""
    return info.filename.removesuffix(_SUFFIX)
