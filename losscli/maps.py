"""Arrays of images: whether a sample is an image or a pixel, and the readers of all that is given as rows of these."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from losscli.columns import MASK, WEIGHT
from losscli.errors import InputError, UsageError
from losscli.formats import Reader
from losscli.formats.maps import Coordinates, Grid, Pixels, Repeated, grid_of
from losscli.kinds import UNIT, Role
from losscli.kinds.domains import CLASSES
from losscli.registry import Loss

Readers = Mapping[str, Reader]


class Maps(NamedTuple):
    """The readers of roles and of groups given by themselves, and the one that says where a sample is. `grid` is None
    where a sample is an image. `roles` are those that are bound; labels are read `one_hot` where a loss needs that.
    """

    readers: Readers
    given: Readers
    where: Reader
    grid: Grid | None
    roles: Sequence[Role]
    one_hot: bool = False


def maps_of(losses: Sequence[Loss], readers: Readers, given: Readers, *, by_pixel: bool) -> Maps | None:
    """How arrays of images are read; None where there are none. Raises InputError for shapes that do not fit.

    A sample is a pixel where a loss takes a column a class, where labels, a mask or weights are given by pixel, and
    `by_pixel`, where something else is asked that pixels alone have; else it is an image.
    """
    role = losses[0].kind.roles[0]
    pred = readers[role.name]
    if not pred.row_shape or role.sequence:
        return None
    _refuse_turned(pred, readers.get("target"))
    by_class = [loss for loss in losses if _has_classes(loss)]
    roles: Sequence[Role] = (by_class or losses)[0].kind.roles
    labels = _has_labels(pred, readers.get("target")) and all(loss in by_class or _is_share(loss) for loss in losses)
    counts = any(readers[role].row_shape for role in (WEIGHT, MASK) if role in readers)
    if not (by_class or by_pixel or labels or counts):
        return Maps(readers, given, Coordinates(pred, Grid(())), None, roles)
    _check_pixels(losses, by_class, pred)
    one_hot = labels and any(not loss.kind.roles[0].vector for loss in losses)
    if one_hot:
        roles = [role._replace(labels=True) if role.name == "target" else role for role in roles]
    grid = grid_of(pred)
    spread = {role: _spread(role, reader, pred, grid) for role, reader in readers.items()}
    groups = {name: _repeated(reader, grid, pred) for name, reader in given.items()}
    return Maps(spread, groups, Coordinates(pred, grid), grid, roles, one_hot)


def _check_pixels(losses: Sequence[Loss], by_class: Sequence[Loss], pred: Reader) -> None:
    """Whether the losses can be had of pixels, and of classes only where there is a dimension of them."""
    for loss in losses:
        if loss.params.get("pool") == "sample":
            raise UsageError(
                f"{loss}: a sample is a pixel here, which has no overlap of its own; {loss.name} with --by image gives "
                "that of each image"
            )
    if by_class and len(pred.row_shape) < 3:
        raise InputError(
            f"{pred.name}: has shape {_shape(pred)}; {by_class[0].name} needs a dimension of classes: (N, C, H, W); "
            "of one image say pred[None] and target[None], of one class pred[:, None]"
        )


def _refuse_turned(pred: Reader, target: Reader | None) -> None:
    """Classes are last in one array and second in the other, or last in both, which labels show."""
    if target is None or len(pred.row_shape) < 3 or target.row_shape == pred.row_shape:
        return
    first, *space = pred.row_shape
    for turned, is_turned in (
        (pred, target.row_shape == pred.row_shape[:-1] and target.row_shape != tuple(space)),
        (target, target.row_shape == (*space, first)),
    ):
        if is_turned:
            axes = ", ".join(map(str, (0, len(pred.row_shape), *range(1, len(pred.row_shape)))))
            shapes = f"pred has shape {_shape(pred)}, target {_shape(target)}"
            raise InputError(f"{turned.name}: {shapes}: put its classes second, by transpose({axes})")


def _has_classes(loss: Loss) -> bool:
    """Whether a row of its predictions is what a pixel has: a number a class, or a vector."""
    role = loss.kind.roles[0]
    return role.name == "pred" and role.vector and role.entries == CLASSES


def _is_share(loss: Loss) -> bool:
    """Whether it compares numbers with shares between 0 and 1, as one-hot labels are."""
    return any(role.name == "target" and role.domain == UNIT for role in loss.kind.roles)


def _has_labels(pred: Reader, target: Reader | None) -> bool:
    """Whether the target has one number where the prediction has one a channel."""
    if target is None or len(pred.row_shape) < 3:
        return False
    plain = target.row_shape[1:] if target.row_shape[:1] == (1,) else target.row_shape
    return pred.row_shape[0] > 1 and plain == pred.row_shape[1:]


def _shape(reader: Reader) -> tuple[int | None, ...]:
    if reader.row_shape:
        return (reader.rows, *reader.row_shape)
    return (reader.rows, len(reader.columns)) if reader.is_matrix else (reader.rows,)


def _spread(role: str, reader: Reader, pred: Reader, grid: Grid) -> Reader:
    """A role's array as rows of pixels. Raises InputError where its shape is not that of the prediction's images."""
    shape, is_count = reader.row_shape, role in (WEIGHT, MASK)
    if is_count and not shape:
        return _repeated(reader, grid, pred)
    if shape == grid.shape and not (is_count and grid.channels > 1):
        return Pixels(reader, grid, max(grid.channels, 1))
    if shape in (grid.space, (1, *grid.space)):
        return Pixels(reader, grid, 1)
    found = f"{reader.name}: {role} has shape {_shape(reader)}, where {pred.name} has {_shape(pred)}"
    raise InputError(f"{found}{_hint(shape, pred, grid, is_count)}")


def _hint(shape: tuple[int, ...], pred: Reader, grid: Grid, is_count: bool) -> str:
    if not shape:
        return "; images come first, as in (N, C, H, W) and (N, H, W): of one image say pred[None] and target[None]"
    if is_count:
        return f"; one number a pixel is needed, (N, {', '.join(map(str, grid.space))}), or one an image, (N,)"
    return "; nothing is broadcast"


def _repeated(reader: Reader, grid: Grid, pred: Reader) -> Reader:
    """What is given a pixel as it is, what is given an image for each of its pixels."""
    if reader.row_shape:
        return _spread(WEIGHT, reader, pred, grid)
    is_by_pixel = reader.rows is not None and reader.rows != pred.rows and reader.rows == (pred.rows or 0) * grid.pixels
    return reader if is_by_pixel else Repeated(reader, grid, pred.rows)
