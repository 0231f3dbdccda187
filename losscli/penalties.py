"""Penalties: what the parameters of a model cost, added to its data loss.

A penalty is one function, as a loss is: its keyword-only arguments are its parameters, its docstring says what it is.
Of one array it yields the sums that the value is made of, exact, each with its factor; then the gradient.
"""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cached_property
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from losscli.errors import UsageError
from losscli.exact import Exact, to_float
from losscli.formats.paths import named
from losscli.lazy import np
from losscli.literals import canonical, near
from losscli.parameters import Param, Parameter, parameters_of
from losscli.registry import bound_params, pairs_in
from losscli.results import Penalised, Report, Result
from losscli.tensors import Tensors, check_finite, size_of, tensors_of

if TYPE_CHECKING:
    from losscli.registry import Array

Sums = list[tuple[Fraction, Exact]]
Yields = Generator[Any, None, None]
Strength = Annotated[float, Param("λ, what the weights cost", ge=0, le=1e300)]
Half = Annotated[bool, Param("a ½ before the squares, whose gradient is then λ w")]
_SAID = nan  # the default of what has to be said, as libraries differ in it
_SUCH = {"strength": "0.01", "ratio": "0.5"}  # in examples
_HOW = "l2:strength=0.01"


def l1(w: "Array", *, strength: Strength = _SAID) -> Yields:
    """λ Σ|w|, gradient λ sign(w), and 0 at w = 0: the lasso's, which makes weights exactly 0."""
    yield [(Fraction(strength), Exact.of(np.abs(w)))]
    yield _times(Fraction(strength), np.sign(w))


def l2(w: "Array", *, strength: Strength = _SAID, half: Half = False) -> Yields:
    """λ Σ w², gradient 2λ w; with half=true ½ λ Σ w² and λ w, which is the weight decay of plain gradient descent."""
    factor = Fraction(strength) / (2 if half else 1)
    yield [(factor, Exact.of(w, w))]
    yield _times(2 * factor, w)


def elastic_net(
    w: "Array",
    *,
    strength: Strength = _SAID,
    ratio: Annotated[float, Param("the share of the absolute values", ge=0, le=1)] = _SAID,
    half: Half = True,
) -> Yields:
    """λ (r Σ|w| + ½ (1-r) Σ w²), gradient λ (r sign(w) + (1-r) w): scikit-learn's, with r its l1_ratio, and glmnet's,
    with r its α. half=false leaves out the ½.
    """
    absolute = Fraction(strength) * Fraction(ratio)
    squared = Fraction(strength) * (1 - Fraction(ratio)) / (2 if half else 1)
    yield [(absolute, Exact.of(np.abs(w))), (squared, Exact.of(w, w))]
    yield _times(absolute, np.sign(w)) + _times(2 * squared, w)


def _times(factor: Fraction, values: "Array") -> "Array":
    """A factor of 0 leaves nothing, of an infinite number neither."""
    with np.errstate(over="ignore"):
        return np.zeros_like(values) if factor == 0 else to_float(factor) * values


PENALTIES: Mapping[str, Callable[..., Yields]] = {penalty.__name__: penalty for penalty in (l1, l2, elastic_net)}


def parameters_in(name: str) -> Mapping[str, Parameter]:
    """The parameters of the penalty of that name, but `skip`, which all have."""
    return parameters_of(PENALTIES[name])


@dataclass(frozen=True)
class Penalty:
    """A penalty with its parameters bound; `skip` says which members it leaves out. `str` is its canonical text."""

    name: str
    params: Mapping[str, Any]
    skip: str = ""

    @staticmethod
    def parse(spec: str) -> "Penalty":
        """The penalty that a SPEC such as `l2:strength=0.01,skip=*bias*` names. Raises UsageError."""
        name, _, text = spec.partition(":")
        if name not in PENALTIES:
            known = list(PENALTIES)
            raise UsageError(f"unknown penalty '{name}'{near(name, known)}: {', '.join(known)}, such as {_HOW}")
        pairs = pairs_in(text, spec)
        given = dict(pairs)
        if len(given) < len(pairs):
            raise UsageError(f"'{spec}': a parameter is given twice")
        skip = given.pop("skip", "")
        params = bound_params(name, parameters_in(name), given)
        unsaid = next((key for key in _SUCH if isnan(params.get(key, 0.0))), None)
        if unsaid:
            such = ",".join(f"{key}={value}" for key, value in _SUCH.items() if key in params)
            raise UsageError(f"{name} needs its {unsaid}, which has no default, such as {name}:{such}")
        return Penalty(name, params, skip)

    def __str__(self) -> str:
        defaults = {key: parameter.default for key, parameter in parameters_in(self.name).items()}
        given = [f"{key}={canonical(value)}" for key, value in self.params.items() if value != defaults[key]]
        return f"{self.name}:{','.join([*given, *([f'skip={self.skip}'] if self.skip else [])])}"

    def left_out(self, names: Sequence[str]) -> frozenset[str]:
        """The members among `names` that do not count."""
        return frozenset(name for pattern in self._patterns(names) for name in _matching(names, pattern))

    def _patterns(self, names: Sequence[str]) -> list[str]:
        """Names or globs with a slash between them, or the name of one member, which may have a slash itself."""
        if not self.skip:
            return []
        return [self.skip] if self.skip in names else self.skip.split("/")

    def check(self, where: str, names: Sequence[str]) -> None:
        """Raises UsageError where something that it leaves out is not among the members, or where none is left."""
        for pattern in self._patterns(names):
            if not _matching(names, pattern):
                raise UsageError(f"{self}: {where} has no member '{pattern}' to leave out; it has: {named(names)}")
        if len(self.left_out(names)) == len(names):
            raise UsageError(f"{self} leaves out every member of {where}: {named(names)}")

    def value(self, counted: Tensors) -> Fraction | float:
        """The value of all members together, exactly; infinite where a weight is."""
        sums = [part for values in counted.values() for part in self._yielded(values, 1)[0] if part[0] != 0]
        special = sum(sum_.special for _, sum_ in sums)
        return special or sum((factor * sum_.fraction for factor, sum_ in sums), Fraction())

    def gradient(self, tensors: Tensors, left_out: Collection[str] = ()) -> "dict[str, Array]":
        """An array a member, in its shape; 0 for those that are left out."""
        return {
            name: np.zeros(values.shape) if name in left_out else self._yielded(values, 2)[1]
            for name, values in tensors.items()
        }

    def _yielded(self, values: "Array", count: int) -> list[Any]:
        results = PENALTIES[self.name](values.astype(np.float64), **self.params)
        return [next(results) for _ in range(count)]


def _matching(names: Sequence[str], pattern: str) -> list[str]:
    return [name for name in names if name == pattern or fnmatchcase(name, pattern)]


@dataclass(frozen=True)
class Addend:
    """What a penalty adds to data losses: the penalty, the tensors it may be of, the members that do not count, which
    need not be tensors, and where its gradient goes.
    """

    penalty: Penalty
    where: str
    tensors: Tensors
    left_out: frozenset[str]
    grad_out: str | None

    @staticmethod
    def of(
        spec: str | None, parameters: Any, grad_out: str | None, *, reduction: str, allow_inf: bool, max_bytes: int
    ) -> "Addend":
        """What is asked for; the parameters are read. Raises UsageError and InputError."""
        if spec is None:
            option = "--parameters" if grad_out is None else "--penalty-grad-out"
            raise UsageError(f"{option} is for a penalty; add --penalty {_HOW}")
        penalty = Penalty.parse(spec)
        if parameters is None:
            raise UsageError(f"--penalty {spec} needs the parameters that it is of; add --parameters weights.npz")
        if reduction == "none":
            raise UsageError(f"--penalty {spec} needs a value to add to, and --reduction none has none")
        if grad_out is not None and Path(grad_out).suffix.lower() != ".npz":
            raise UsageError(f"{grad_out}: holds an array a member; the name must end in .npz")
        where = str(parameters) if isinstance(parameters, (str, Path)) else "parameters"
        tensors, unread = tensors_of(parameters, max_bytes, penalty.left_out)
        names = [*tensors, *unread]
        penalty.check(where, names)
        addend = Addend(penalty, where, tensors, penalty.left_out(names), grad_out)
        check_finite(where, addend.counted, allow_inf)
        return addend

    @cached_property
    def counted(self) -> "dict[str, Array]":
        """The members that count."""
        return {name: values for name, values in self.tensors.items() if name not in self.left_out}

    @cached_property
    def value(self) -> Fraction | float:
        return self.penalty.value(self.counted)

    def added(self, report: Report) -> Report:
        """The report with the penalty beside every value; its gradient is written, where a file was asked for."""
        if self.grad_out is not None:
            from losscli.writers import write_members

            write_members(self.grad_out, self.penalty.gradient(self.tensors, self.left_out))
        results = tuple(self._beside(result) for result in report.results)
        return replace(report, results=results, notes=(*report.notes, *self.notes))

    def _beside(self, result: Result) -> Result:
        value = self.value if isinstance(self.value, float) else to_float(self.value)
        total = total_of(result.value or 0.0, self.value)
        sizes = {name: values.size for name, values in self.counted.items()}
        return replace(result, penalty=Penalised(str(self.penalty), value, total, sizes))

    @property
    def notes(self) -> list[str]:
        """What counts, which a bias or a counter among the members makes worth knowing."""
        shapes = named([f"{name} {values.shape}" for name, values in self.counted.items()])
        left_out = f"; left out: {named(sorted(self.left_out))}" if self.left_out else ""
        numbers = size_of(self.counted)
        found = [f"{self.penalty} is of {numbers} number{'s' * (numbers != 1)} in {self.where}: {shapes}{left_out}"]
        whole = [name for name, values in self.counted.items() if values.dtype.kind != "f"]
        if whole and len(whole) < len(self.counted):
            found.append(f"{self.where}: {named(whole)} holds integers and counts too; skip={whole[0]} leaves it out")
        return found


def total_of(loss: float, penalty: Fraction | float) -> float:
    """Data loss and penalty together, rounded once where both are finite."""
    if isinstance(penalty, float) or not np.isfinite(loss):
        return loss + (penalty if isinstance(penalty, float) else to_float(penalty))
    return to_float(Fraction(loss) + penalty)
