"""An opened file that is handed over to be read once more, as far as is asked."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from losscli.formats.base import Block, Column, Pick

if TYPE_CHECKING:
    from losscli.formats.base import Reader


class Lent:
    """The first `limit` rows of another reader, or all of them. Who lends it closes it."""

    def __init__(self, reader: "Reader", limit: int | None = None) -> None:
        self._reader, self._limit = reader, limit
        self.name, self.format = reader.name, reader.format
        self.columns: tuple[Column, ...] = reader.columns
        self.headed, self.is_matrix, self.doubtful = reader.headed, reader.is_matrix, reader.doubtful
        self.row_shape = reader.row_shape
        self.is_long = reader.is_long and limit is None
        self.rows = reader.rows if limit is None or reader.rows is None else min(limit, reader.rows)

    @property
    def notes(self) -> list[str]:
        return self._reader.notes

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Its blocks, up to the last row that is asked for."""
        left = self._limit
        for block in self._reader.read(picks, size):
            if left is not None and len(block) >= left:
                yield block.split(left)[0]
                return
            left = None if left is None else left - len(block)
            yield block

    def close(self) -> None:
        """It is closed by who has lent it."""
