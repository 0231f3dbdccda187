"""A user's gradient beside what it may be: where the two are alike, and with which factor."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.gradcheck.data import Data
from losscli.gradcheck.factors import named, scales_of
from losscli.gradcheck.findings import Deviation, Finding
from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.registry import Array

PRECISION = {2: (1e-2, 2.0**-10), 4: (1e-4, 2.0**-23), 8: (1e-6, 2.0**-52)}  # bytes of a float: rtol, and its own


@dataclass(frozen=True)
class Claim:
    """What a gradient may be: its values (total, d), and how they are exposed to rounding. Entries in `apart` are not
    spoken of.
    """

    cause: str
    text: str
    values: "Array"
    exposed: "Array"
    apart: "Array | None" = None
    weighs: bool = True

    def moved(self, cause: str, text: str, index: Any, apart: "Array | None" = None) -> "Claim":
        """The same numbers in other places."""
        return replace(
            self, cause=cause, text=text, values=self.values[index], exposed=self.exposed[index], apart=apart
        )


@dataclass(frozen=True)
class Fit:
    """A claim that holds, and the factor that it holds with."""

    factor: float
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Case:
    """A user's gradient, (total, d), beside the data that it is to be the gradient for, and beside ours."""

    data: Data
    unweighted: Data | None
    name: str
    user: "Array"
    shape: tuple[int, ...]
    is_turned: bool
    rtol: float
    eps: float

    @staticmethod
    def of(data: Data, unweighted: Data | None, name: str, values: "Array", rtol: float | None) -> "Case":
        usual, eps = PRECISION[min(values.dtype.itemsize, 8) if values.dtype.kind == "f" else 8]
        shape = (data.total, *data.arrays[data.of].shape[1:])
        user = values.astype(np.float64).reshape(len(values), -1)
        full = (data.total, shape[1] if len(shape) > 1 else 1)
        if full not in (user.shape, user.T.shape):
            hint = "; it is flat: give it that shape first" if user.size == full[0] * full[1] else ""
            raise InputError(
                f"{name}: shape {values.shape}, but the gradient of {data.loss} with respect to {data.of} "
                f"has shape {shape}{hint}"
            )
        is_turned = user.shape != full
        rtol = usual if rtol is None else rtol
        return Case(data, unweighted, name, user.T if is_turned else user, shape, is_turned, rtol, eps)

    @cached_property
    def ours(self) -> Claim:
        return Claim("", "", *self.data.gradients()[self.data.of])

    @cached_property
    def known(self) -> "Array":
        finite: Array = np.isfinite(self.user)
        return finite

    @property
    def is_plain(self) -> "Array":
        """Whether an entry is finite, or as ours is."""
        both_nan = np.isnan(self.user) & np.isnan(self.ours.values)
        plain: Array = self.known | (self.user == self.ours.values) | both_nan
        return plain

    def deviation(self, index: Sequence[Any], factor: float = 1.0) -> Deviation:
        row, column = (int(i) for i in index)
        found, expected = float(self.user[row, column]), factor * float(self.ours.values[row, column])
        size = 0.0 if found == expected else float(np.nan_to_num(abs(found - expected), nan=inf))
        return Deviation(size, row, None if len(self.shape) == 1 else column, found, expected)

    def alike(self, claim: Claim, factor: float, rtol: float | None = None, eps: float | None = None) -> "Array":
        """Where the gradient is the claimed one times the factor; entries that are not finite are not spoken of."""
        expected = factor * claim.values
        allowed = (self.rtol if rtol is None else rtol) * np.abs(expected)
        allowed += 8 * (eps or self.eps) * abs(factor) * claim.exposed
        close = (np.abs(self.user - expected) <= allowed) & np.isfinite(expected)
        alike: Array = close | (self.user == expected) | ~self.known
        return alike if claim.apart is None else alike | claim.apart

    def fit(self, claim: Claim, rtol: float | None = None, eps: float | None = None) -> Fit | None:
        """The factor with a name that makes the claim hold everywhere."""
        for factor, findings in self.meanings(claim):
            if self.alike(claim, factor, rtol, eps).all():
                more = [Finding(claim.cause, claim.text)] if claim.cause else []
                return Fit(factor, (*more, *findings))
        return None

    def ratio(self, claim: Claim, among: "Array | None" = None) -> float:
        """How many times the claim the gradient is: the median of the entries well above rounding; 0 for no such."""
        sizes = np.abs(claim.values)
        usable = self.known & np.isfinite(sizes) & (sizes > 0) & (True if among is None else among)
        if claim.apart is not None:
            usable &= ~claim.apart
        clear = usable & (self.rtol * sizes > 8 * self.eps * claim.exposed)
        usable = clear if clear.any() else usable
        ratios = self.user[usable] / claim.values[usable]
        middle = (len(ratios) - 1) // 2
        return float(np.partition(ratios, middle)[middle]) if len(ratios) else 0.0

    def meanings(self, claim: Claim, among: "Array | None" = None) -> "list[tuple[float, tuple[Finding, ...]]]":
        """The factors with a name that are near the ratio; 1 comes first, and needs no ratio."""
        ratio = self.ratio(claim, among)
        data = self.data if claim.weighs else self.unweighted or self.data
        return [(1.0, ()), *named(ratio, scales_of(data))]
