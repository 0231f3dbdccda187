"""Images as rows of pixels: arrays (N, H, W) or (N, C, H, W), and what is said of an image for each of its pixels."""

from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.errors import InputError
from losscli.formats.base import Block, Column, Labels, Pick, Reader
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_AXES = ("z", "y", "x")  # of an image, the last ones where it has fewer
IMAGE = "image"


class Grid(NamedTuple):
    """The pixels of an image: `space` is its shape, `channels` how many numbers a pixel of the prediction has, 0 where
    the array has no dimension of them.
    """

    space: tuple[int, ...]
    channels: int = 0

    @property
    def pixels(self) -> int:
        """How many there are in an image."""
        return prod(self.space)

    @property
    def axes(self) -> tuple[str, ...]:
        """What places in an image are called."""
        return _AXES[-len(self.space) :] if self.space else ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an image of the prediction."""
        return (self.channels, *self.space) if self.channels else self.space

    def spot(self, pixel: int) -> str:
        """`, y 5, x 7`."""
        where: Sequence[Any] = np.unravel_index(pixel, self.space) if self.space else ()
        return "".join(f", {axis} {k}" for axis, k in zip(self.axes, where, strict=True))

    def images(self, values: "Array") -> "Array":
        """Rows of whole images' pixels as an array of images, the channels second where pixels have several."""
        count = len(values) // self.pixels
        if values.ndim == 1:
            return values.reshape(count, *(self.shape if self.channels == 1 else self.space))
        channels = values.shape[1]
        return values.reshape(count, self.pixels, channels).transpose(0, 2, 1).reshape(count, channels, *self.space)


def grid_of(reader: Reader) -> Grid:
    """How the pixels of an array of images lie: its second dimension of four or more is that of the channels. Raises
    InputError for more dimensions than a volume with channels has.
    """
    shape = reader.row_shape
    grid = Grid(shape[1:], shape[0]) if len(shape) > 2 else Grid(shape)
    if len(grid.space) > len(_AXES):
        whole = (reader.rows, *shape)
        raise InputError(f"{reader.name}: has shape {whole}; (N, H, W), (N, C, H, W) or (N, C, D, H, W) is needed")
    return grid


class _Spread:
    """A reader in whose place rows of pixels are read: what it is called, and how many rows there are."""

    doubtful: frozenset[int] = frozenset()
    row_shape: tuple[int, ...] = ()

    def __init__(self, reader: Reader, grid: Grid) -> None:
        self._reader, self._grid = reader, grid
        self.name, self.format, self.is_long = reader.name, reader.format, reader.is_long
        self.headed, self.is_matrix, self.columns = reader.headed, reader.is_matrix, reader.columns
        self.rows = None if reader.rows is None else reader.rows * grid.pixels

    @property
    def notes(self) -> list[str]:
        return self._reader.notes

    def close(self) -> None:
        """It is closed by who opened it."""


class Pixels(_Spread):
    """An array of images, pixel by pixel: a column a channel. An image or two are held at once."""

    def __init__(self, reader: Reader, grid: Grid, channels: int) -> None:
        super().__init__(reader, grid)
        self._channels = channels
        self.headed, self.is_matrix = False, channels > 1
        self.columns = tuple(Column(str(k), dtype=reader.columns[0].dtype) for k in range(channels))

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Blocks of pixels, of one image or of several whole ones."""
        pixels = self._grid.pixels
        for block in self._reader.read([Pick((0,))], max(1, size // pixels)):
            images = block.values[0].reshape(len(block), self._channels, pixels)
            at = partial(_place, block, self._grid)
            step = max(1, size // pixels)
            for first in range(0, len(images), step):
                some = images[first : first + step].transpose(0, 2, 1)
                for start in range(0, pixels, size):
                    rows = some[:, start : start + size].reshape(-1, self._channels)
                    yield Block(tuple(_chosen(rows, pick) for pick in picks), at, first * pixels + start)


def _place(block: Block, grid: Grid, row: int) -> str:
    """Where a pixel of a block of images stands."""
    image, pixel = divmod(row, grid.pixels)
    name, _, number = block.at(image).rpartition(": row ")
    return f"{name}: {IMAGE} {number}{grid.spot(pixel)}"


def _chosen(rows: "Array", pick: Pick) -> "Array":
    if len(pick.columns) == 1:
        return np.ascontiguousarray(rows[:, pick.columns[0]])
    is_whole = pick.columns == tuple(range(rows.shape[1]))
    return np.ascontiguousarray(rows if is_whole else rows[:, list(pick.columns)])


class Repeated(_Spread):
    """What is said once an image, for each of its pixels, there being so many `images`."""

    def __init__(self, reader: Reader, grid: Grid, images: int | None) -> None:
        super().__init__(reader, grid)
        self._images = images
        if reader.rows not in (None, images):
            self._refuse(reader.rows or 0)

    def _refuse(self, found: int) -> None:
        said = f"{found} row{'s' if found != 1 else ''}, where there are {self._images} images of {self._grid.pixels}"
        raise InputError(f"{self.name}: has {said} pixels; one value an image, or one a pixel, is needed")

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Blocks of pixels; places are those of the images."""
        pixels, found = self._grid.pixels, 0
        blocks = self._reader.read(picks, max(1, size // pixels))
        for block in blocks:
            found += len(block)
            if found > (self._images or found):
                self._refuse(found + sum(len(more) for more in blocks))
            for start in range(0, len(block) * pixels, size):
                images = np.arange(start, min(start + size, len(block) * pixels)) // pixels
                values = tuple(_of_images(v, images) for v in block.values)
                yield Block(values, lambda row, block=block: block.at(row // pixels), start)  # type: ignore[misc]
        if found < (self._images or found):
            self._refuse(found)


def _of_images(values: "Array | Labels", images: "Array") -> "Array | Labels":
    if not isinstance(values, Labels) and (values.ndim != 1 or values.dtype.kind not in "biufO"):
        raise InputError("one value an image, or one a pixel, is needed")
    return values[images]


class Coordinates(_Spread):
    """Where pixels are: the number of the image, and y and x in it; of images that are rows the number alone."""

    def __init__(self, reader: Reader, grid: Grid) -> None:
        super().__init__(reader, grid)
        self.headed, self.is_matrix, self.is_long = True, False, False
        self.columns = tuple(Column(name, dtype="int64") for name in (IMAGE, *grid.axes))

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Blocks of whole numbers."""
        total = self.rows or 0
        for start in range(0, total, size):
            rows = np.arange(start, min(start + size, total))
            images, inside = np.divmod(rows, self._grid.pixels)
            found = [images, *(np.unravel_index(inside, self._grid.space) if self._grid.space else ())]
            values = tuple(found[pick.columns[0]] for pick in picks)
            yield Block(values, lambda row: f"{self.name}: {IMAGE} {row // self._grid.pixels}", start)
