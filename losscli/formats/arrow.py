"""Arrow: IPC files, which Feather of version 2 are too, and IPC streams, batch by batch.

A batch is held in whole, as Arrow writes it, and validated before any of its cells is looked at: an offset or a code
that points outside its column would otherwise read memory that is not the file's.

A file is read as the stream that it holds between its magic bytes and its footer: pyarrow's reader of files would read
from a Python file in threads of its own, which may still be at it when the process ends, and then abort it. Some
writers put no stream there (polars); their files are opened once more, by pyarrow itself, and read by the footer.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from losscli.errors import InputError
from losscli.formats.arrowcolumns import Decoder
from losscli.formats.base import Block, Pick
from losscli.formats.compressed import AsFile
from losscli.formats.source import Source, check_held
from losscli.lazy import pa

_MAGIC_BYTES = 8  # of a file: ARROW1 and two zeros
_FOOTER_END = b"ARROW1"
_SEQUENCES = 1 << 22  # bytes of sequences that are looked at together
_LONGEST_FOOTER = 1 << 26
_STREAM = b"\xff\xff\xff\xff"  # how a stream begins, and not a file
_END = b"\xff\xff\xff\xff\0\0\0\0"  # of a stream, where its writer closed it


class ArrowReader:
    """The columns of an Arrow file or stream."""

    format = "arrow"
    doubtful: frozenset[int] = frozenset()
    headed = True
    is_matrix = False
    row_shape: tuple[int, ...] = ()
    rows = None

    def __init__(self, source: Source, keep: bool) -> None:
        self.name, self._source = source.name, source
        self.notes: list[str] = []
        self._is_stream = source.head.startswith(_STREAM)
        if keep:
            source.keep()
        self.is_long = source.is_long
        self._batches, schema = self._opened([])
        try:
            self._decoder = Decoder(self.name, schema)
        except UnicodeDecodeError as error:  # in the name of a column
            raise self._refusal(error) from None
        self.columns = self._decoder.columns
        self._is_fresh = True
        if not self.columns:
            raise InputError(f"{self.name}: no data rows")

    def _opened(self, wanted: Sequence[int]) -> "tuple[Iterator[pa.RecordBatch], pa.Schema]":
        """The batches, with the wanted columns or all, and their schema."""
        options = pa.ipc.IpcReadOptions(included_fields=list(wanted), use_threads=False)
        try:
            if not self._is_stream and self._source.head[_MAGIC_BYTES:][: len(_STREAM)] != _STREAM:
                return self._by_footer(options)
            self._source.read(0 if self._is_stream else _MAGIC_BYTES)
            stream = _Watched(self._source)
            batches = pa.ipc.open_stream(pa.PythonFile(stream, "r"), options=options)
            return self._until_end(stream, batches), batches.schema
        except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
            raise self._refusal(error) from None

    def _by_footer(self, options: Any) -> "tuple[Iterator[pa.RecordBatch], pa.Schema]":
        file = pa.ipc.open_file(pa.OSFile(f"/dev/fd/{self._source.seekable().fileno()}"), options=options)

        def batches() -> "Iterator[pa.RecordBatch]":
            for k in range(file.num_record_batches):
                yield file.get_batch(k)
            self._source.check_unchanged()

        return batches(), file.schema

    def _until_end(self, stream: "_Watched", batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        yield from batches
        rest = self._source.read(_LONGEST_FOOTER)
        if self._is_stream and rest:
            raise InputError(f"{self.name}: something follows the end of the Arrow stream; is it two in one file?")
        if self._is_stream and stream.last != _END:
            self.notes.append(f"{self.name}: the Arrow stream has no end mark; is it complete?")
        if not self._is_stream and (stream.last != _END or not _is_footer(rest)):
            raise self._refusal(ValueError("its footer is cut or damaged"))

    def _refusal(self, error: Exception) -> InputError:
        what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return InputError(f"{self.name}: not an Arrow file that can be read: {what}")

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Batches of rows, each column as an array; nulls are NaN, or missing labels."""
        wanted = self._decoder.wanted(picks)
        names = [self.columns[j].name for j in wanted]
        if self._source.size is not None or not self._is_fresh:
            self._source.restart()
            self._batches, _ = self._opened(wanted)
        self._is_fresh = False
        start = 0
        is_nested = any(pick.sequence for pick in picks)
        for batch in self._checked(names):
            size = max(1, min(size, _SEQUENCES * batch.num_rows // max(batch.nbytes, 1))) if is_nested else size
            for at in range(0, batch.num_rows, size):
                yield self._decoder.block(batch.slice(at, size), wanted, picks, start + at)
            start += batch.num_rows
        if not start:
            raise InputError(f"{self.name}: no data rows")

    def _checked(self, names: list[str]) -> "Iterator[pa.RecordBatch]":
        try:
            for batch in self._batches:
                chosen = batch.select(names)
                chosen.validate(full=True)
                yield chosen
        except (pa.ArrowException, OSError, MemoryError, IndexError) as error:
            raise self._refusal(error) from None

    def close(self) -> None:
        self._source.close()


def _is_footer(data: bytes) -> bool:
    """Whether what follows the batches of a file is its footer, its length and the magic bytes."""
    length = int.from_bytes(data[-10:-6], "little")
    return data.endswith(_FOOTER_END) and length == len(data) - 10


class _Watched(AsFile):
    """A source as pyarrow reads it, and the last bytes that it took."""

    def __init__(self, source: Source) -> None:
        super().__init__(source.read)
        self._source, self.last = source, b""

    def read(self, size: int = -1) -> bytes:
        check_held(f"{self._source.name}: an Arrow batch", size, self._source.max_bytes, "is held in whole")
        part = self._source.read(size)
        self.last = (self.last + part[-len(_END) :])[-len(_END) :]
        return part
