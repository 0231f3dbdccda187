"""Parquet, batch by batch, with page checksums verified where the file has them; list columns are vectors."""

from collections.abc import Iterator, Sequence
from typing import Any

from losscli.errors import InputError
from losscli.formats.arrowcolumns import Decoder, is_text, repeats
from losscli.formats.base import Block, Pick
from losscli.formats.source import Source, check_held, check_ratio
from losscli.lazy import pa, pq

_PEEK = 1 << 12  # rows that tell whether text repeats
_SEQUENCES = 1 << 22  # bytes of sequences that are decoded together


class ParquetReader:
    """The columns of a Parquet file. Only those asked for are decoded, a few pages at a time."""

    format = "parquet"
    doubtful: frozenset[int] = frozenset()
    headed = True
    is_matrix = False
    row_shape: tuple[int, ...] = ()

    def __init__(self, source: Source) -> None:
        self.name, self._source = source.name, source
        self.is_long = source.is_long
        self.notes: list[str] = []
        try:
            self._file = _open(source)
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._refusal(error) from None
        self._types = schema.types
        self._decoder = Decoder(self.name, schema)
        self.columns = self._decoder.columns
        self._is_reopened = False
        self.rows = self._file.metadata.num_rows
        if not schema.names or not self.rows:
            raise InputError(f"{self.name}: no data rows")

    def _refusal(self, error: Exception) -> InputError:
        if isinstance(error, MemoryError):  # pyarrow's is one of its own errors too
            raise error
        what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return InputError(f"{self.name}: not a Parquet file that can be read: {what}")

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Batches of rows, each column as an array; nulls are NaN, or missing labels."""
        wanted = self._decoder.wanted(picks)
        names = [self.columns[j].name for j in wanted]
        self._check_sizes()
        size = self._rows_at_once(size) if any(pick.sequence for pick in picks) else size
        self._reopen([name for name, j in zip(names, wanted, strict=True) if is_text(self._types[j])])
        start = 0
        for batch in self._batches(names, size):
            yield self._decoder.block(batch, wanted, picks, start)
            start += batch.num_rows
        self._source.check_unchanged()
        self._check_rows(start, names)

    def _check_sizes(self) -> None:
        """What the footer says of the row groups' sizes, before any is decompressed: pages are held in whole. What it
        says of single columns is not asked here: where it is damaged, pyarrow ends the process.
        """
        metadata = self._file.metadata
        sizes = [metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups)]
        for k, size in enumerate(sizes):
            check_held(f"{self.name}: row group {k}", size, self._source.max_bytes, "is decompressed in whole pages")
        check_ratio(self.name, sum(sizes), self._source.size or 0)

    def _rows_at_once(self, most: int) -> int:
        """Of sequences, which may be long, as many rows as take a few MiB on average."""
        metadata = self._file.metadata
        size = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
        return max(1, min(most, int(_SEQUENCES * self.rows // max(size, 1))))

    def _reopen(self, texts: list[str]) -> None:
        """Text that repeats is read as a dictionary and codes, as it is mostly written: no cell is a text of its own.
        Whether it does, the first rows tell; the metadata are not to be trusted so far.
        """
        if texts and not self._is_reopened:
            head = next(self._batches(texts, _PEEK), None)
            repeated = [] if head is None else [n for n in texts if repeats(head.column(n))]
            self._file, self._is_reopened = _open(self._source, repeated) if repeated else self._file, True

    def _check_rows(self, read: int, names: Sequence[str]) -> None:
        """The footer has no checksum: its counts must agree with one another and with what was read."""
        metadata = self._file.metadata
        groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
        counts = {sum(group.num_rows for group in groups), read}
        counts |= {sum(group.column(j).num_values for group in groups) for j in self._flat_columns(metadata, names)}
        if counts != {self.rows}:
            said = " or ".join(str(count) for count in sorted(counts | {self.rows}))
            raise InputError(f"{self.name}: damaged Parquet file: it has {said} rows, depending on who counts")

    def _flat_columns(self, metadata: Any, names: Sequence[str]) -> list[int]:
        """Columns that were read and whose values are counted one a row. To ask for the counts of another may abort
        the process, where they are damaged: pyarrow catches no exception there.
        """
        columns = [metadata.schema.column(j) for j in range(metadata.num_columns)]
        return [j for j, c in enumerate(columns) if c.max_repetition_level == 0 and c.path in names]

    def _batches(self, names: list[str], size: int) -> "Iterator[pa.RecordBatch]":
        try:
            for batch in self._file.iter_batches(size, columns=names, use_threads=False):
                if batch.num_rows:
                    self._check_text(batch)
                    yield batch.select(names)
        except (pa.ArrowException, OSError) as error:
            raise self._refusal(error) from None

    def _check_text(self, batch: "pa.RecordBatch") -> None:
        """That text is UTF-8, which pyarrow does not look at when it reads Parquet."""
        for column in batch.columns:
            if is_text(column.type):
                try:
                    column.validate(full=True)
                except pa.ArrowInvalid as error:
                    raise InputError(f"{self.name}: damaged file: {str(error).splitlines()[0]}") from None

    def close(self) -> None:
        self._file.close()
        self._source.close()


def _open(source: Source, repeated: Sequence[str] = ()) -> "pq.ParquetFile":
    """The file, some of its columns as dictionaries. Small buffers and no read-ahead: memory must not grow with the
    row groups.
    """
    return pq.ParquetFile(
        source.seekable(),
        read_dictionary=list(repeated) or None,
        pre_buffer=False,
        buffer_size=1 << 20,
        page_checksum_verification=True,
    )
