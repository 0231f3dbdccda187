"""What the checkers of several kinds share: the first value that is not allowed is refused, with its place."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from losscli.errors import BadValueError, InputError
from losscli.kinds.domains import UNIT, Params, Role
from losscli.kinds.likeness import hint_at
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def as_rows(array: "Array") -> "Array":
    """(n, 1) is (n,), and a number is one row; nothing else changes shape."""
    array = np.atleast_1d(array)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def floats(array: "Array") -> "Array":
    """C-contiguous float64; an InputError for what is no number or beyond its range."""
    if array.dtype.kind not in "biufO":
        raise InputError(f"dtype {array.dtype} is not numeric")
    try:
        return np.ascontiguousarray(array, dtype=np.float64)
    except OverflowError:
        raise InputError("an integer is beyond the range of a float64") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"not an array of numbers: {error}") from None


def first(mask: "Array") -> tuple[int, int | None]:
    """Row and column of the first True."""
    index = np.unravel_index(int(np.argmax(mask)), mask.shape)
    return int(index[0]), int(index[1]) if mask.ndim == 2 else None


def within(role: Role, values: "Array", dtype: Any, params: Params, allow_inf: bool) -> "Array":
    """The values, with those that are outside the role's domain by a rounding in their dtype alone at its end.

    NaN, a value outside the domain, and unless they are let in infinite values are refused.
    """
    allowed = role.allowed(params)
    if allowed.admits(values, allow_inf):
        return values
    if np.isnan(values).any():
        raise BadValueError(role.name, *first(np.isnan(values)), "missing value (NaN)")
    settled = allowed.settled(values, dtype)
    refused = allowed.refuses(settled)
    if refused.any():
        place = first(refused)
        found = format_number(values[tuple(i for i in place if i is not None)])
        raise BadValueError(role.name, *place, allowed.complaint(found) + hint_at(role, params, values))
    if allow_inf or not np.isinf(settled).any():
        return settled
    raise BadValueError(role.name, *first(np.isinf(values)), "infinite value; --allow-inf lets it in")


def check_same_shape(roles: Sequence[Role], arrays: "Sequence[Array]") -> None:
    """All arrays are (n,), or all are (n, d)."""
    for role, array in zip(roles, arrays, strict=True):
        if array.ndim > 2:
            raise InputError(f"{role.name} has {array.ndim} dimensions; one row a sample is needed: (n,) or (n, d)")
        if array.shape != arrays[0].shape:
            found = f"{roles[0].name} {arrays[0].shape}, {role.name} {array.shape}"
            is_one_label = role.name == "target" and role.domain == UNIT and (arrays[0].ndim, array.ndim) == (2, 1)
            hint = ", and labels of classes would be a column a class, 0 or 1" if is_one_label else ""
            raise InputError(f"shapes differ: {found}; nothing is broadcast{hint}")


def check_elements(roles: Sequence[Role], arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Arrays of one shape, (n,) or (n, d), each within its domain."""
    dtypes = [a.dtype for a in arrays]
    arrays = [floats(as_rows(a)) for a in arrays]
    check_same_shape(roles, arrays)
    return [within(*given, params, allow_inf) for given in zip(roles, arrays, dtypes, strict=True)]
