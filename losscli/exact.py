"""Sums that are exact and merge by integer addition: the one numeric primitive.

A finite float64 is an integer times 2^-1074, and a product of three is one times 2^-3222. An `Exact` holds a sum of
such products as one Python integer in units of 2^-3222, so nothing is lost, whatever the order and however the terms
are cut into blocks; the only rounding is the one of the final division.

Vectorised by error-free transformations: extraction of leading bits for a sum (Rump, Ogita, Oishi 2008,
doi:10.1137/050645671), TwoProduct with Veltkamp's splitting for a product (Dekker 1971, doi:10.1007/BF01397083), and
bins by exponent, as in a superaccumulator (Neal 2015, arXiv:1505.05571), for terms of widely differing size.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import inf, isqrt, nan
from typing import TYPE_CHECKING

from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PLACES = 3 * 1074  # a product of three float64 is a multiple of 2^-PLACES
_BLOCK = 1 << 15  # terms summed at once: the sum of their leading bits must fit 53 bits
_PASSES = 4  # extractions tried before the terms are sorted into bins
_EXTRACTS = 960  # terms of at most 2^960 are extracted from without overflow
_SPLITTER = 134217729.0  # 2^27 + 1 (Veltkamp)
_SAFE = 300  # a product of three within 2^±300 neither overflows nor loses its low half


@dataclass(frozen=True)
class Exact:
    """A sum: `units` × 2^-3222, and `special`, the float sum of the terms that are infinite or NaN (0.0 when none
    is).
    """

    units: int = 0
    special: float = 0.0

    @staticmethod
    def of(terms: "Floats", *factors: "Floats") -> "Exact":
        """The sum of `terms`, each multiplied by its entry in `factors` (at most two, of the same shape), exactly."""
        arrays = {id(a): np.ascontiguousarray(a, dtype=np.float64).reshape(-1) for a in (terms, *factors)}
        total = Exact()
        for start in range(0, arrays[id(terms)].size, _BLOCK):
            blocks = {key: a[start : start + _BLOCK] for key, a in arrays.items()}  # a square's factors stay one array
            total += _block_sum([blocks[id(a)] for a in (terms, *factors)])
        return total

    @staticmethod
    def count(n: int) -> "Exact":
        """N ones."""
        return Exact(n << PLACES)

    def __add__(self, other: "Exact") -> "Exact":
        return Exact(self.units + other.units, self.special + other.special)

    def scaled(self, shift: int) -> "Exact":
        """The sum times 2^shift; a negative shift must not reach below the unit, as it does not for rounded
        products.
        """
        units = self.units << shift if shift >= 0 else self.units >> -shift
        return Exact(units, self.special)

    @property
    def is_finite(self) -> bool:
        return self.special == 0.0

    @property
    def fraction(self) -> Fraction:
        """The finite sum as a fraction."""
        return Fraction(self.units, 1 << PLACES)

    def __float__(self) -> float:
        return self.special or to_float(self.fraction)

    def over(self, divisor: Fraction) -> float:
        """The sum divided by a positive divisor, rounded once."""
        return self.special or to_float(self.fraction / divisor)


ZERO = Exact()


def to_float(value: Fraction) -> float:
    """The nearest float64; infinite where none is large enough."""
    try:
        return value.numerator / value.denominator
    except OverflowError:
        return inf if value > 0 else -inf


def root(value: Fraction) -> float:
    """The square root of a fraction ≥ 0, rounded once: an integer root with a sticky bit, 118 bits long."""
    if value == 0:
        return 0.0
    shift = (value.denominator.bit_length() - value.numerator.bit_length()) // 2 + 118
    scaled, remainder = divmod(value.numerator << max(2 * shift, 0), value.denominator << max(-2 * shift, 0))
    digits = isqrt(scaled)
    sticky = remainder != 0 or digits * digits != scaled
    return to_float(Fraction(2 * digits + sticky, 2) / (Fraction(2) ** shift))


def _block_sum(factors: "list[Floats]") -> Exact:
    distinct = {id(f): f for f in factors}.values()
    if len(factors) > 1 and all(_is_safe(f) for f in distinct):
        return Exact(sum(_sum(part) for part in _expand(factors)))
    if not all(np.isfinite(f).all() for f in distinct):
        return _with_specials(factors)
    if len(factors) == 1:
        return Exact(_sum(factors[0]))
    mantissas, exponents = zip(*(np.frexp(f) for f in factors), strict=True)
    exponent = np.sum(exponents, axis=0)
    return Exact(sum(_bins(part, exponent) for part in _expand(list(mantissas))))


def _with_specials(factors: "list[Floats]") -> Exact:
    finite = np.logical_and.reduce([np.isfinite(f) for f in factors])
    # of a finite factor only the sign counts: its size could make a 0 of a product, and a NaN of 0 times inf
    signs = [np.where(np.isfinite(f), np.sign(f), f)[~finite] for f in factors]
    rest = _block_sum([f[finite] for f in factors])
    with np.errstate(invalid="ignore"):  # 0·inf is NaN
        products = np.multiply.reduce(signs)
    return rest + Exact(0, _special_sum(products.tolist()))


def _special_sum(values: "list[float]") -> float:
    """inf, -inf or NaN, whatever the order; 0·inf is NaN."""
    distinct = set(values)
    if distinct in ({inf}, {-inf}):
        return distinct.pop()
    return nan


def _is_safe(values: "Floats") -> bool:
    """Zero, or between 2^-300 and 2^300 in size."""
    sizes = np.abs(values)
    if not sizes.max(initial=0.0) <= 2.0**_SAFE:  # or NaN
        return False
    return bool(sizes.min(initial=inf) >= 2.0**-_SAFE or ((sizes >= 2.0**-_SAFE) | (sizes == 0)).all())


def _expand(factors: "list[Floats]") -> "list[Floats]":
    """Arrays that add up to the product of two or three factors without error."""
    high, low = two_product(factors[0], factors[1])
    if len(factors) == 2:
        return [high, low]
    return [*two_product(high, factors[2]), *two_product(low, factors[2])]


def two_product(a: "Floats", b: "Floats") -> "tuple[Floats, Floats]":
    """The rounded product of each pair and what it lacks, exactly, for sizes within 2^±300."""
    high = a * b
    a1, a2 = _split(a)
    b1, b2 = (a1, a2) if b is a else _split(b)
    return high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2


def _split(a: "Floats") -> "tuple[Floats, Floats]":
    big = _SPLITTER * a
    upper = big - (big - a)
    return upper, a - upper


def _sum(terms: "Floats") -> int:
    """The sum of at most 2^15 finite terms, in units."""
    largest = max(float(terms.max(initial=0.0)), -float(terms.min(initial=0.0)))
    if largest == 0.0:
        return 0
    rest, total, exponent = terms, 0, int(np.frexp(largest)[1])
    leading, other = np.empty_like(terms), np.empty_like(terms)
    for _ in range(_PASSES if exponent <= _EXTRACTS else 0):
        # |rest| <= 2^exponent and at most 2^15 terms: the leading parts are multiples of ulp(sigma) and add up below
        # 2^53 of them; what is left is half an ulp at most
        sigma = 2.0 ** (exponent + 17)
        np.add(rest, sigma, leading)
        leading -= sigma
        total += _units(float(leading.sum()))
        rest = np.subtract(rest, leading, other)
        if not rest.any():
            return total
        exponent -= 36
    mantissas, exponents = np.frexp(rest)
    return total + _bins(mantissas, exponents)


def _units(value: float) -> int:
    numerator, denominator = value.as_integer_ratio()
    return numerator << (PLACES + 1 - denominator.bit_length())


def _bins(mantissas: "Floats", exponents: "NDArray[np.int64]") -> int:
    """The sum of mantissa × 2^exponent for mantissas up to 1 in size, in units: one bin an exponent, in two halves
    of bits.
    """
    mantissas, more = np.frexp(mantissas)
    exponents = exponents + more
    lowest = int(exponents.min())
    upper = np.trunc(np.ldexp(mantissas, 27))
    lower = np.ldexp(np.ldexp(mantissas, 27) - upper, 26)
    total = 0
    for half, bits in ((upper, 27), (lower, 53)):
        sums = np.bincount(exponents - lowest, weights=half)
        for k in np.flatnonzero(sums):
            shift = PLACES + lowest + int(k) - bits
            whole = int(sums[k])
            total += whole << shift if shift >= 0 else whole >> -shift  # exact: every term is a whole unit
    return total


class GroupSums:
    """Exact sums of many groups at once. What is added is told by codes: `codes[i] >= 0` is the group of term i.

    A pass extracts leading bits from a block of terms, which NumPy then adds up by group without error; these sums are
    kept as integers in units of one power of two, and only now and then become Python's. So the work is that of a few
    passes over the terms, however many groups there are.
    """

    def __init__(self) -> None:
        self._units: dict[int, int] = {}
        self._special: dict[int, float] = {}
        self._waiting: dict[int, NDArray[np.int64]] = {}  # exponent -> the sum of each group in units of its power of 2
        self._blocks = 0  # added since the waiting sums were last taken in
        self._size = 1  # groups that there is room for

    def add(self, codes: "NDArray[np.int64]", terms: "Floats", *factors: "Floats") -> Exact:
        """Add `terms`, each multiplied by its entry in `factors` (at most two), all of shape (n,) as `codes` is.

        The sum of all that was added is found on the way.
        """
        if not len(codes):
            return ZERO
        self._size = max(self._size, int(codes.max()) + 1)
        arrays = [np.ascontiguousarray(a, dtype=np.float64) for a in (terms, *factors)]
        total = ZERO
        for start in range(0, len(codes), _BLOCK):
            block = slice(start, start + _BLOCK)
            total += self._add_block(codes[block], [a[block] for a in arrays])
        return total

    def _add_block(self, codes: "NDArray[np.int64]", factors: "list[Floats]") -> Exact:
        if self._blocks >= _WAITING or len(self._waiting) * self._size > _ROOM:
            self._take_in()
        self._blocks += 1
        if len(factors) == 1 and _is_extractable(factors[0]):
            return Exact(self._extract(codes, factors[0]))
        if len(factors) > 1 and all(map(_is_safe, factors)):
            return Exact(sum(self._extract(codes, part) for part in _expand(factors)))
        return self._add_one_by_one(codes, factors)

    def _extract(self, codes: "NDArray[np.int64]", terms: "Floats") -> int:
        total = 0
        rest, leading, other = terms, np.empty_like(terms), np.empty_like(terms)
        while largest := max(float(rest.max()), -float(rest.min())):
            # as in `_sum`: the leading parts are multiples of 2^(exponent - 36), and less than 2^52 of those in a group
            exponent = int(np.frexp(largest)[1])
            sigma = 2.0 ** (exponent + 17)
            np.add(rest, sigma, leading)
            leading -= sigma
            sums = np.bincount(codes, weights=leading, minlength=self._size)
            whole = np.ldexp(sums, 36 - exponent).astype(np.int64)
            total += _shifted(int(whole.sum()), PLACES + exponent - 36)
            self._wait(exponent - 36, whole)
            rest = np.subtract(rest, leading, other)
        return total

    def _wait(self, exponent: int, sums: "NDArray[np.int64]") -> None:
        waiting = self._waiting.get(exponent)
        if waiting is None or len(waiting) < len(sums):
            self._waiting[exponent] = sums
            sums = waiting if waiting is not None else sums[:0]
        self._waiting[exponent][: len(sums)] += sums

    def _take_in(self) -> None:
        """From NumPy's integers, which would overflow, to Python's, which do not."""
        for exponent, sums in self._waiting.items():
            for code in np.flatnonzero(sums).tolist():
                self._units[code] = self._units.get(code, 0) + _shifted(int(sums[code]), PLACES + exponent)
        self._waiting, self._blocks = {}, 0

    def _add_one_by_one(self, codes: "NDArray[np.int64]", factors: "list[Floats]") -> Exact:
        """Terms beyond what can be extracted from, infinite ones, NaN: a sum of its own for each group."""
        order = np.argsort(codes, kind="stable")
        total, ordered = ZERO, codes[order]
        for rows in np.split(order, np.flatnonzero(np.diff(ordered)) + 1):
            code = int(codes[rows[0]])
            found = _block_sum([f[rows] for f in factors])
            self._units[code] = self._units.get(code, 0) + found.units
            self._special[code] = self._special.get(code, 0.0) + found.special
            total += found
        return total

    def of(self, code: int) -> Exact:
        """The sum of a group."""
        self._take_in()
        return Exact(self._units.get(code, 0), self._special.get(code, 0.0))


_WAITING = 1 << 9  # blocks whose sums, at most four of them below 2^52, an int64 holds
_ROOM = 1 << 23  # integers that wait at most


def _shifted(whole: int, shift: int) -> int:
    """Whole × 2^shift; where that is to the right, no bit is lost, as the terms were whole units."""
    return whole << shift if shift >= 0 else whole >> -shift


def _is_extractable(terms: "Floats") -> bool:
    return max(float(terms.max()), -float(terms.min())) < 2.0**_EXTRACTS  # false for NaN too


def sums_by_group(codes: "NDArray[np.int64]", terms: "Floats") -> dict[int, Fraction]:
    """The exact sum of the finite terms of each group: `codes[i] >= 0` is the group of term i."""
    sums = GroupSums()
    sums.add(codes, terms)
    return {code: sums.of(code).fraction for code in np.unique(codes).tolist()}
