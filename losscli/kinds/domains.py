"""Domains, roles and kinds: what a loss accepts, as data."""

from collections.abc import Callable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Params = Mapping[str, Any]


class Interval(NamedTuple):
    """A closed interval of numbers, or with `is_open` one without its low end; infinite ends are allowed only where
    `allow_inf` says so. What lies beyond an end by `ulps` roundings of 1 at most counts as that end. `hole` is a number
    inside that is not allowed.
    """

    low: float
    high: float
    is_open: bool = False
    ulps: int = 0
    hole: float | None = None

    def __str__(self) -> str:
        middle = "" if self.hole is None else f"{self.hole:g}) or ({self.hole:g}, "
        return f"{'(' if self.is_open else '['}{self.low:g}, {middle}{self.high:g}]"

    def admits(self, values: "Array", allow_inf: bool) -> bool:
        """Whether all values are allowed: NaN never, an infinite one where it is said."""
        if values.size == 0:
            return True
        low, high = values.min(), values.max()  # NaN if there is one
        is_inside = (low > self.low if self.is_open else low >= self.low) and high <= self.high
        is_whole = self.hole is None or not (values == self.hole).any()
        return bool(is_inside and is_whole and (allow_inf or (low > -inf and high < inf)))

    def refuses(self, values: "Array") -> "Array":
        """Which values are not allowed."""
        low = values <= self.low if self.is_open else values < self.low
        refused: Array = low | (values > self.high)
        return refused if self.hole is None else refused | (values == self.hole)

    def settled(self, values: "Array", dtype: Any) -> "Array":
        """The values, with those that a rounding in their dtype may have put outside at the end they belong to."""
        slack = self.ulps * {2: 2.0**-10, 4: 2.0**-23}.get(dtype.itemsize if dtype.kind == "f" else 8, 2.0**-52)
        low = np.where((values < self.low) & (values >= self.low - slack), self.low, values)
        return np.where((low > self.high) & (low <= self.high + slack), self.high, low)

    def complaint(self, found: str) -> str:
        return f"{found} is outside {self}"


class Values(NamedTuple):
    """A few numbers, and no other."""

    numbers: tuple[float, ...]

    def __str__(self) -> str:
        return " or ".join(f"{number:g}" for number in self.numbers)

    def admits(self, values: "Array", allow_inf: bool) -> bool:
        """Whether all values are allowed."""
        return not self.refuses(values).any()

    def refuses(self, values: "Array") -> "Array":
        """Which values are not allowed."""
        refused: Array = np.logical_and.reduce([values != number for number in self.numbers])
        return refused

    def settled(self, values: "Array", dtype: Any) -> "Array":
        """The values as they are."""
        return values

    def complaint(self, found: str) -> str:
        return f"{found} is not {self}"


Domain = Interval | Values
REAL = Interval(-inf, inf)
UNIT = Interval(0.0, 1.0, ulps=4)
POSITIVE = Interval(0.0, inf, is_open=True)
FORMS = {"probs": UNIT, "logits": REAL, "log_probs": Interval(-inf, 0.0, ulps=4)}


CLASSES = "the classes"


class Role(NamedTuple):
    """One array a loss takes: its name, its domain (by `form` where the loss has that parameter, or as another of its
    parameters decides), and how it lies in a file.

    `vector`: a row is a distribution over classes, one column a class, or an embedding. `labels`: one column of class
    labels stands for it. `ordered`: it has a place among the files in order. `hint`: what to do about a value outside.
    `entries`: what the columns of a vector of predictions or targets are, in words.
    `mask`: 0 and 1 alone are as usual as what lies between, and so is nothing but one of them. `instead`: what to do
    where a file of one column is all there is.
    `sequence`: a row is a sequence of its own length, of numbers or of rows of numbers. `lengths_of` such a role: how
    many entries of each row count; lists have their own length. An `optional` role may be absent: a sequence then has
    no entries, (n, 0), and of arrays all entries count.
    """

    name: str
    domain: Domain | Mapping[str, Interval] | Callable[[Params], Domain] = REAL
    vector: bool = False
    labels: bool = False
    ordered: bool = True
    hint: str = ""
    mask: bool = False
    entries: str = CLASSES
    instead: str = ""
    sequence: bool = False
    lengths_of: str = ""
    optional: bool = False

    @property
    def counts(self) -> bool:
        """Whether it says which entries of sequences count: by their number, or 1 for each that does."""
        return bool(self.lengths_of) or (self.sequence and isinstance(self.domain, Values))

    def allowed(self, params: Params) -> Domain:
        if isinstance(self.domain, Mapping):
            return self.domain[params["form"]]
        return self.domain(params) if callable(self.domain) else self.domain


class Kind(NamedTuple):
    """A family of losses that take the same arrays.

    Derivatives are with respect to the roles in `predictions`: a function of several yields a tuple of arrays for them.
    Where it yields a value an element, a sample's loss is the mean over its outputs; otherwise it yields a value a row.
    `apart`: what to do where one role has more rows than another, if there is more to say than that they differ.
    `why` says of a single row, as it is checked, why its loss is infinite.
    """

    name: str
    shapes: str
    roles: tuple[Role, ...]
    check: "Callable[[list[Array], Params, bool], list[Array]]"
    sample: "Callable[[np.random.Generator, Params, int, int], list[Array]]"
    predictions: tuple[str, ...] = ("pred",)
    apart: str = ""
    why: "Callable[[list[Array]], str] | None" = None

    @property
    def role_names(self) -> tuple[str, ...]:
        return tuple(role.name for role in self.roles)

    @property
    def is_sequential(self) -> bool:
        """Whether a row is a sequence."""
        return any(role.sequence for role in self.roles)
