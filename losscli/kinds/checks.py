"""What the checkers of several kinds share: the first value that is not allowed is refused, with its place."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from losscli.errors import BadValueError, InputError
from losscli.kinds.domains import Params, Role
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


def check_domain(role: Role, values: "Array", params: Params, allow_inf: bool) -> None:
    """NaN, a value outside the role's domain, and unless they are let in infinite values are refused."""
    allowed = role.allowed(params)
    if allowed.admits(values, allow_inf):
        return
    if np.isnan(values).any():
        raise BadValueError(role.name, *first(np.isnan(values)), "missing value (NaN)")
    refused = allowed.refuses(values)
    if refused.any():
        place = first(refused)
        found = format_number(values[tuple(i for i in place if i is not None)])
        raise BadValueError(role.name, *place, allowed.complaint(found) + _hint(role, params))
    raise BadValueError(role.name, *first(np.isinf(values)), "infinite value; --allow-inf lets it in")


def _hint(role: Role, params: Params) -> str:
    if not isinstance(role.domain, Mapping):
        return role.hint
    if params["form"] == "probs":
        return "; if these are logits, say --form logits"
    return ", so it is no log-probability; if these are probabilities, say --form probs, if logits, --form logits"


def check_same_shape(roles: Sequence[Role], arrays: "Sequence[Array]") -> None:
    """All arrays are (n,), or all are (n, d)."""
    for role, array in zip(roles, arrays, strict=True):
        if array.ndim > 2:
            raise InputError(f"{role.name} has {array.ndim} dimensions; one row a sample is needed: (n,) or (n, d)")
        if array.shape != arrays[0].shape:
            raise InputError(
                f"shapes differ: {roles[0].name} {arrays[0].shape}, {role.name} {array.shape}; nothing is broadcast"
            )


def check_elements(roles: Sequence[Role], arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Arrays of one shape, (n,) or (n, d), each within its domain."""
    arrays = [floats(as_rows(a)) for a in arrays]
    check_same_shape(roles, arrays)
    for role, values in zip(roles, arrays, strict=True):
        check_domain(role, values, params, allow_inf)
    return arrays
