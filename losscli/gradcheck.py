"""Derivatives against an independent reference: a loss's own against numbers, and a user's gradient against ours.

`check` tries the laws on samples of the loss's kind; `compare` says what a gradient is that somebody else has computed.
"""

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Any

from losscli.columns import Binding, bind
from losscli.derivatives import Chain
from losscli.engine import evaluate
from losscli.errors import InputError, LossError, UsageError
from losscli.formats import BLOCK, Reader, open_reader
from losscli.kinds import Interval, Role
from losscli.lazy import np
from losscli.literals import canonical, format_number
from losscli.objectives import Objective
from losscli.registry import Loss, definitions, get, get_all, outputs_of
from losscli.scan import checked_arrays
from losscli.states import Moments
from losscli.tables import Table

if TYPE_CHECKING:
    from losscli.registry import Array

    Function = Callable[[Array], Array]

_NAMES = {1: "gradient", 2: "hessian"}


@dataclass(frozen=True)
class Deviation:
    """How far two numbers lie apart, and where: row and column count from 0, `column` is None in an array (n,)."""

    size: float
    row: int | None = None
    column: int | None = None
    found: float = nan
    expected: float = nan

    @property
    def place(self) -> str:
        """`[3]` or `[3, 1]`; empty where there is none."""
        where = [str(i) for i in (self.row, self.column) if i is not None]
        return f"[{', '.join(where)}]" if where else ""

    def __str__(self) -> str:
        where = f" at {self.place}" if self.place else ""
        return f"{format_number(self.found)}{where}, expected {format_number(self.expected)}"


# --- The laws of a loss ---

_SEED, _ROWS, _FEW, _OUTPUTS = 0, 40, 3, 3  # of the samples that the laws are tried on


@dataclass(frozen=True)
class Law:
    """Whether a loss keeps a law. `checked` entries were looked at; `skipped` ones lie too near a kink for that.

    `deviation` is the largest one of the entries that fail, or of all where none does; `note` says what else is wrong.
    """

    loss: str
    name: str
    of: str
    passed: bool
    checked: int
    skipped: int
    deviation: Deviation
    note: str = ""

    @property
    def message(self) -> str:
        """What is wrong, in one line."""
        of = f" of {self.of}" if self.of else ""
        return f"{self.loss}: {self.name}{of}: {self.note or self.deviation}"

    def merge(self, other: "Law") -> "Law":
        """The law on two samples: what fails counts first, then what deviates most."""
        worst = min(self, other, key=lambda law: (law.passed, -law.deviation.size))
        return replace(worst, checked=self.checked + other.checked, skipped=self.skipped + other.skipped)


def subjects(spec: str, parameters: Mapping[str, str]) -> list[Loss]:
    """The loss that a SPEC and options name; for a bare name its variants off the defaults too."""
    if " " in spec.strip():
        raise UsageError(f"'{spec}' is no single loss: check the terms of a sum one by one")
    (loss,) = get_all([spec], parameters)
    is_bare = ":" not in spec and not parameters and str(loss) == loss.name
    return [loss, *(get(variant) for variant in loss.definition.also)] if is_bare else [loss]


def check(loss: Loss) -> list[Law]:
    """Every law, on samples of the loss's kind with one output and with several; the same samples each time."""
    kept = [_laws(loss, outputs) for outputs in (1, _OUTPUTS)]
    return [one.merge(several) for one, several in zip(*kept, strict=True)]


def _laws(loss: Loss, outputs: int) -> list[Law]:
    many, few = (loss.kind.sample(np.random.default_rng(_SEED), loss.params, n, outputs) for n in (_ROWS, _FEW))
    cases = [(role, order) for role in loss.kind.predictions for order in (1, 2)]
    with np.errstate(all="ignore"):
        return [
            *(_own_law(loss, loss.check(many), role, order) for role, order in cases),
            *(_value_law(loss, loss.check(few), role, order) for role, order in cases),
            _finite_law(loss, loss.check(many)),
            *_row_laws(loss, dict(zip(loss.kind.role_names, many, strict=True))),
            _text_law(loss),
        ]


def _own_law(loss: Loss, arrays: "Sequence[Array]", role: str, order: int) -> Law:
    """Each sample's own derivatives, of each of its terms, are those of its value."""
    index, law = loss.kind.role_names.index(role), Law(str(loss), _NAMES[order], role, True, 0, 0, Deviation(0.0))
    if wrong := _wrong_shape(loss, arrays, role):
        return replace(law, passed=False, note=wrong)
    claimed = np.stack(loss.derivatives(arrays, order)[role][order - 1])
    numeric = _differentiate(partial(_own, loss, arrays, index, order - 1), *_points(loss, arrays, index))
    return _judged(law, claimed, numeric)


def _value_law(loss: Loss, arrays: "Sequence[Array]", role: str, order: int) -> Law:
    """The reported derivatives are those of the weighted mean, or of an aggregate's value."""
    index, name = loss.kind.role_names.index(role), f"value {_NAMES[order]}"
    law = Law(str(loss), name, role, True, 0, 0, Deviation(0.0))
    if wrong := _wrong_shape(loss, arrays, role):
        return replace(law, passed=False, note=wrong)
    claimed = _reported(loss, arrays, role, order)
    numeric = _differentiate(partial(_moved_one_by_one, loss, arrays, index, order - 1), *_points(loss, arrays, index))
    return _judged(law, claimed[None], numeric)


def _wrong_shape(loss: Loss, arrays: "Sequence[Array]", role: str) -> str:
    """What is wrong with the shapes of values and derivatives; empty where nothing is."""
    shape = arrays[loss.kind.role_names.index(role)].shape
    for term in loss.terms(arrays):
        if term.shape not in (shape, shape[:1]):
            return f"the value has shape {term.shape}, expected {shape[:1]} or {shape}"
    for name, terms in zip(_NAMES.values(), loss.derivatives(arrays, 2)[role], strict=True):
        for term in terms:
            if term.shape != shape:
                return f"the {name} has shape {term.shape}, expected {shape}"
    return ""


def _points(loss: Loss, arrays: "Sequence[Array]", index: int) -> "tuple[Array, Array]":
    """Where to differentiate, and first steps: small beside x, and beside its distance from the domain's ends."""
    x, domain = arrays[index], loss.kind.roles[index].allowed(loss.params)
    low, high = (domain.low, domain.high) if isinstance(domain, Interval) else (-inf, inf)
    return x, np.minimum(_FIRST_STEP * np.maximum(np.abs(x), 1.0), np.minimum(x - low, high - x) / 4)


def _own(loss: Loss, arrays: "Sequence[Array]", index: int, order: int, moved: "Array") -> "Array":
    """For each term, each entry's own value (order 0) or gradient when that entry alone moves in its row."""
    role = loss.kind.role_names[index]

    def found(values: "Array") -> "Array":
        with_it = [*arrays[:index], values, *arrays[index + 1 :]]
        return np.stack(loss.derivatives(with_it, order)[role][order - 1] if order else loss.terms(with_it))

    if loss.terms(arrays)[0].shape == moved.shape:
        return found(moved)
    columns = []
    for k in range(moved.shape[1]):
        values = arrays[index].copy()
        values[:, k] = moved[:, k]
        columns.append(found(values)[..., k] if order else found(values))
    return np.stack(columns, axis=-1)


def _moved_one_by_one(loss: Loss, arrays: "Sequence[Array]", index: int, order: int, moved: "Array") -> "Array":
    """The reported value (order 0) or its gradient there, when one entry alone moves."""
    result = np.empty((1, *moved.shape))
    for place in np.ndindex(moved.shape):
        values = arrays[index].copy()
        values[place] = moved[place]
        with_it = [*arrays[:index], values, *arrays[index + 1 :]]
        if order:
            result[(0, *place)] = _reported(loss, with_it, loss.kind.role_names[index], order)[place]
        else:
            result[(0, *place)] = _state(loss, with_it).value(loss, "mean")
    return result


def _state(loss: Loss, arrays: "Sequence[Array]") -> Moments:
    return Moments.of(loss, arrays, _weights(arrays), range(len(arrays[0])), False)


def _weights(arrays: "Sequence[Array]") -> "Array":
    return np.arange(1.0, len(arrays[0]) + 1)


def _reported(loss: Loss, arrays: "Sequence[Array]", role: str, order: int) -> "Array":
    state = _state(loss, arrays)
    chain = Chain.of(1.0, loss, state, "mean", state.weight.fraction)
    return chain.apply(arrays, _weights(arrays), order)[role][order - 1]


def _finite_law(loss: Loss, arrays: "Sequence[Array]") -> Law:
    """A valid sample has a finite value and finite derivatives."""
    found = [*loss.terms(arrays), *(a for both in loss.derivatives(arrays, 2).values() for t in both for a in t)]
    law = Law(str(loss), "finite", "", True, len(arrays[0]), 0, Deviation(0.0))
    for values in found:
        if not np.isfinite(values).all():
            place = np.argwhere(~np.isfinite(values))[0].tolist()
            at = Deviation(inf, place[0], place[1] if len(place) > 1 else None, float(values[tuple(place)]))
            return replace(law, passed=False, deviation=at, note=f"{format_number(at.found)} at {at.place}")
    return law


def _row_laws(loss: Loss, arrays: "Mapping[str, Array]") -> list[Law]:
    """The value knows a sample by its weight alone, to the last bit: not by its place, and not by its block."""

    def value(rows: Any, **options: Any) -> float:
        return evaluate(loss, spread=False, **options, **{role: a[rows] for role, a in arrays.items()}).value

    every = np.arange(len(next(iter(arrays.values()))))
    weight = np.random.default_rng(_SEED).integers(0, 4, len(every)).astype(np.float64)
    there = weight > 0
    repeated = np.repeat(every, weight.astype(int))
    shuffled = np.random.default_rng(_SEED).permutation(every)
    whole = value(every)
    pairs = {
        "integer weight": (value(every[there], weight=weight[there]), value(repeated)),
        "zero weight": (value(every, weight=weight), value(every[there], weight=weight[there])),
        "row order": (value(shuffled), whole),
        "blocks": (value(every, block=7), whole),
    }
    return [_same(loss, name, len(every), *pair) for name, pair in pairs.items()]


def _same(loss: Loss, name: str, rows: int, found: float, expected: float) -> Law:
    is_same = found == expected or (isnan(found) and isnan(expected))
    size = 0.0 if is_same else abs(found - expected)
    return Law(str(loss), name, "", is_same, rows, 0, Deviation(size, found=found, expected=expected))


def _text_law(loss: Loss) -> Law:
    """The canonical text and the pickle of a loss bring it back."""
    law = Law(str(loss), "text", "", True, 1, 0, Deviation(0.0))
    for back in (get(str(loss)), pickle.loads(pickle.dumps(loss))):  # noqa: S301 - our own pickle
        if dict(back.params) != dict(loss.params) or str(back) != str(loss):
            return replace(law, passed=False, note=f"comes back as {back}")
    return law


# --- Numeric derivatives ---

_LEVELS, _FIRST_STEP = 7, 2.0**-5
_ROUNDING = 4 * 2.0**-52  # of a value that lies within 4 units in the last place


@dataclass(frozen=True)
class _Numeric:
    """A derivative by numbers, its estimated error, the size of the function, and where it has a kink."""

    value: "Array"
    error: "Array"
    size: "Array"
    kink: "Array"


def _differentiate(function: "Function", x: "Array", step: "Array") -> _Numeric:
    """The derivative of each entry in its own x: central differences, extrapolated to step 0 as far as that helps.

    Ridders (1982), doi:10.1016/S0141-1195(82)80057-0. At a kink the slopes to both sides do not approach one another.
    """
    centre, row, gaps = function(x), list["tuple[Array, Array]"](), []
    best, error = np.full(centre.shape, nan), np.full(centre.shape, inf)
    for level in range(_LEVELS):
        up, down = x + step / 2**level, x - step / 2**level
        high, low = function(up), function(down)
        gaps.append(_gap((high - centre) / (up - x), (centre - low) / (x - down)))
        noise = _ROUNDING * np.maximum(np.abs(high), np.abs(low)) / (up - x)
        row = _extrapolated((high - low) / (up - down), row)
        for value, spread in row:
            is_better = spread + noise < error
            best, error = np.where(is_better, value, best), np.where(is_better, spread + noise, error)
    return _Numeric(best, error, np.abs(centre), (gaps[-1] > 0) & (gaps[-1] > gaps[0] / 8))


def _gap(right: "Array", left: "Array") -> "Array":
    """How far the slopes to both sides are apart, beyond what rounding does."""
    gap: Array = np.abs(right - left) - 1e-6 * np.maximum(np.abs(right), np.abs(left))
    return gap


def _extrapolated(first: "Array", above: "Sequence[tuple[Array, Array]]") -> "list[tuple[Array, Array]]":
    """The next row of the tableau: each estimate, and how far it lies from those that it was made of."""
    row = [(first, np.full(first.shape, inf))]
    for order, (old, _) in enumerate(above, 1):
        last = row[-1][0]
        new = last + (last - old) / (4.0**order - 1)
        row.append((new, np.maximum(np.abs(new - last), np.abs(new - old))))
    return row


def _judged(law: Law, claimed: "Array", numeric: _Numeric) -> Law:
    """The law, kept where the derivative claimed lies within what the numeric one's error allows."""
    slope = np.maximum(np.abs(numeric.value), np.abs(np.nan_to_num(claimed)))
    precise = numeric.error <= np.maximum(1e-4 * slope, 1e-9 * numeric.size)
    trusted = precise & ~numeric.kink
    apart = np.nan_to_num(np.abs(claimed - numeric.value), nan=inf)
    wrong = trusted & ~(apart <= 10 * numeric.error + 1e-10 * np.abs(numeric.value))
    checked, skipped = int(trusted.sum()), int(trusted.size - trusted.sum())
    law = replace(law, passed=not wrong.any(), checked=checked, skipped=skipped)
    if checked < skipped:
        return replace(law, passed=False, note=f"only {checked} of {trusted.size} points are smooth enough to check")
    return replace(law, deviation=_worst(apart, claimed, numeric.value, wrong if wrong.any() else trusted))


def _worst(apart: "Array", found: "Array", expected: "Array", among: "Array") -> Deviation:
    """The largest deviation among some entries; the arrays have an axis of terms in front."""
    index = np.unravel_index(int(np.argmax(np.where(among, apart, -1.0))), apart.shape)
    row, column = int(index[1]), int(index[2]) if len(index) > 2 else None
    return Deviation(float(apart[index]), row, column, float(found[index]), float(expected[index]))


# --- A user's gradient ---

_PRECISION = {2: (1e-2, 2.0**-10), 4: (1e-4, 2.0**-23), 8: (1e-6, 2.0**-52)}  # bytes of a float: rtol, and its own
_NEAR = 1e-3  # relative deviations that may yet be rounding
_WORDS = {
    "probs": "probabilities",
    "logits": "logits",
    "log_probs": "log-probabilities",
    "rate": "rates",
    "log_rate": "log-rates",
}


@dataclass(frozen=True)
class Finding:
    """What a gradient differs in: a word for programs, and a line for people."""

    cause: str
    text: str


@dataclass(frozen=True)
class Comparison:
    """A gradient `against` ours of the mean with respect to one prediction; equal where there are no findings.

    `factor`: what it is to be divided by before it is what the findings say; None where no relation was found.
    `differing` of `entries` deviate from ours as it stands.
    """

    loss: str
    of: str
    against: str
    shape: tuple[int, ...]
    rtol: float
    findings: tuple[Finding, ...]
    factor: float | None
    entries: int
    differing: int
    correlation: float
    largest: Deviation
    notes: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        return not self.findings

    @property
    def verdict(self) -> str:
        """The causes in one line, and the factor where there is one."""
        if self.equal:
            return f"equal within a relative {format_number(self.rtol)}"
        scaled = self.factor is not None and self.factor != 1
        times = f" (factor {format_number(self.factor)})" if scaled and self.factor is not None else ""
        return "; ".join(finding.text for finding in self.findings) + times


def compare(
    loss: Loss,
    grad: Any,
    *,
    of: str | None = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    header: bool | None = None,
    allow_inf: bool = False,
    rtol: float | None = None,
    **roles: Any,
) -> Comparison:
    """What `grad` is beside the gradient of the mean, w·g/(D·Σw), that we find for the same predictions and targets.

    Parameters
    ----------
    loss : the loss whose gradient it is to be.
    grad : a path or an array of the prediction's shape; a column of a table is named in ``columns["grad"]``.
    of : the prediction that it is with respect to, where the loss has several.
    columns : role -> column names, globs or 0-based positions, ``"weight"`` and ``"grad"`` among the roles.
    rtol : how far an entry may be off, relative to its size; by default what the gradient's dtype allows.
    **roles : what the loss takes, and ``weight``: paths or arrays, as for `evaluate`.

    Raises
    ------
    UsageError, InputError : with the message that the command line prints.
    """
    of = of or loss.kind.predictions[0]
    if of not in loss.kind.predictions:
        raise UsageError(f"{loss.name} has no prediction '{of}'; it has {', '.join(loss.kind.predictions)}")
    given = {role: data for role, data in roles.items() if data is not None}
    _check_request(loss, given, grad, rtol)
    chosen = {role: [names] if isinstance(names, str) else list(names) for role, names in (columns or {}).items()}
    with ExitStack() as stack:
        readers = {role: _opened(stack, role, data, header) for role, data in given.items()}
        other = _opened(stack, "grad", grad, header)
        (binding,) = bind([Role("grad", vector=True)], {"grad": other}, chosen, False)
        values = np.concatenate([block.values[0] for block in other.read([binding.pick], BLOCK)])
        data, unweighted = _Data.read_both(
            loss, of, bind(loss.kind.roles, readers, chosen, "weight" in chosen), allow_inf
        )
    with np.errstate(all="ignore"):
        found = _Case.of(data, unweighted, other.name, values, rtol).comparison()
    return replace(found, notes=tuple(note for reader in (*readers.values(), other) for note in reader.notes))


def _check_request(loss: Loss, given: Mapping[str, Any], grad: Any, rtol: float | None) -> None:
    names = loss.kind.role_names
    for role in given:
        if role not in (*names, "weight"):
            raise UsageError(f"{loss.name} takes {', '.join(names)}, not {role}")
    if names[0] not in given:
        raise UsageError(f"{loss.name} needs {names[0]}")
    if sum(isinstance(data, str) and data == "-" for data in (*given.values(), grad)) > 1:
        raise UsageError("'-' is standard input, which can be one file only")
    if rtol is not None and not 0 <= rtol < 1:
        raise UsageError(f"rtol {format_number(rtol)}: it is at least 0 and below 1")


def _opened(stack: ExitStack, role: str, data: Any, header: bool | None) -> Reader:
    """A reader that may read twice: with weights, and without."""
    reader = open_reader(role, data, header, keep=True)
    stack.callback(reader.close)
    return reader


@dataclass(frozen=True)
class _Data:
    """Predictions and targets as they were read, without the rows of weight 0, which `total` counts too."""

    loss: Loss
    of: str
    arrays: "Mapping[str, Array]"
    weight: "Array | None"
    rows: "Array"
    total: int
    allow_inf: bool

    @staticmethod
    def read(loss: Loss, of: str, bindings: Sequence[Binding], allow_inf: bool) -> "_Data":
        table, objective = Table(bindings, BLOCK), Objective(((1.0, loss),))
        batches = []
        for batch in table.batches():
            checked_arrays(objective, batch, allow_inf)  # refuses a value with its place in the file
            batches.append(batch)
        if not batches:
            raise InputError("every row has weight 0; a mean needs some weight")
        arrays = {role: np.concatenate([b.arrays[role] for b in batches]) for role in loss.kind.role_names}
        weights = [b.weight for b in batches if b.weight is not None]
        rows = np.concatenate([np.asarray(b.rows) for b in batches])
        weight = np.concatenate(weights) if weights else None
        return _Data(loss, of, arrays, weight, rows, table.rows, allow_inf)

    @staticmethod
    def read_both(loss: Loss, of: str, bindings: Sequence[Binding], allow_inf: bool) -> "tuple[_Data, _Data | None]":
        """What the bindings hold; where rows have weights, the same once more as if they had none."""
        data, rest = _Data.read(loss, of, bindings, allow_inf), [b for b in bindings if b.role != "weight"]
        if len(rest) < len(bindings):
            with suppress(InputError):  # a row of weight 0 need not be valid
                return data, _Data.read(loss, of, rest, allow_inf)
        return data, None

    @property
    def checked(self) -> "list[Array]":
        return self.loss.check(list(self.arrays.values()), self.allow_inf)

    @property
    def n(self) -> int:
        return len(self.rows)

    @property
    def weights(self) -> "Array":
        return np.ones(self.n) if self.weight is None else self.weight

    @property
    def value(self) -> float:
        roles: dict[str, Any] = {**self.arrays, "weight": self.weight}
        return evaluate(self.loss, allow_inf=self.allow_inf, spread=False, **roles).value

    @cached_property
    def outputs(self) -> int:
        return outputs_of(self.loss.terms(self.checked)[0])

    @property
    def unit(self) -> "Array":
        """(n, 1): what each sample's own derivatives are multiplied by in those of the mean, w/(D·Σw)."""
        unit: Array = self.weights / (self.outputs * self.weights.sum())
        return unit[:, None]

    def placed(self, values: "Array") -> "Array":
        """(total, d): the rows where they stand in the file, 0 where a row is absent."""
        full = np.zeros((self.total, *values.shape[1:]) if values.ndim > 1 else (self.total, 1))
        full[self.rows] = values if values.ndim > 1 else values[:, None]
        return full

    def gradients(self, loss: Loss | None = None, **changed: "Array") -> "dict[str, tuple[Array, Array]]":
        """By prediction: the gradient of the mean, and for each entry the numbers whose rounding it is exposed to."""
        loss, arrays = loss or self.loss, {**self.arrays, **changed}
        roles: dict[str, Any] = {**arrays, "weight": self.weight}
        result = evaluate(loss, allow_inf=self.allow_inf, grad=True, hess=True, spread=False, **roles).results[0]
        is_log = loss.params.get("form") in ("logits", "log_probs", "log_rate")  # exp of them is near 1
        found = {}
        for role, gradient in result.gradients.items():
            exposed = np.abs(self.placed(result.hessians[role].values * arrays[role].astype(np.float64)))
            exposed = np.nan_to_num(exposed, posinf=0.0) + is_log * self.placed(self.unit)
            found[role] = self.placed(gradient.values), exposed
        return found


@dataclass(frozen=True)
class _Claim:
    """What a gradient may be: its values (total, d), and how they are exposed to rounding. Entries in `apart` are not
    spoken of.
    """

    cause: str
    text: str
    values: "Array"
    exposed: "Array"
    apart: "Array | None" = None
    weighs: bool = True

    def moved(self, cause: str, text: str, index: Any, apart: "Array | None" = None) -> "_Claim":
        """The same numbers in other places."""
        return replace(
            self, cause=cause, text=text, values=self.values[index], exposed=self.exposed[index], apart=apart
        )


@dataclass(frozen=True)
class _Fit:
    """A claim that holds, and the factor that it holds with."""

    factor: float
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Case:
    """A user's gradient, (total, d), beside the data that it is to be the gradient for."""

    data: _Data
    unweighted: _Data | None
    name: str
    user: "Array"
    shape: tuple[int, ...]
    is_turned: bool
    rtol: float
    eps: float

    @staticmethod
    def of(data: _Data, unweighted: _Data | None, name: str, values: "Array", rtol: float | None) -> "_Case":
        usual, eps = _PRECISION[min(values.dtype.itemsize, 8) if values.dtype.kind == "f" else 8]
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
        return _Case(data, unweighted, name, user.T if is_turned else user, shape, is_turned, rtol, eps)

    @cached_property
    def ours(self) -> _Claim:
        return _Claim("", "", *self.data.gradients()[self.data.of])

    @cached_property
    def known(self) -> "Array":
        finite: Array = np.isfinite(self.user)
        return finite

    def comparison(self) -> Comparison:
        """What there is to say."""
        alike, fit = self.alike(self.ours, 1.0) & self._is_plain, self._fitted()
        both = self.known & np.isfinite(self.ours.values)
        correlation = _correlation(self.user[both], self.ours.values[both])
        apart = np.where(alike & ~both, 0.0, np.nan_to_num(np.abs(self.user - self.ours.values), nan=inf))
        largest = self._deviation(np.unravel_index(int(np.argmax(apart)), apart.shape))
        found = fit.findings if fit else (self._unrelated(correlation, largest),)
        return Comparison(
            loss=str(self.data.loss),
            of=self.data.of,
            against=self.name,
            shape=self.shape,
            rtol=self.rtol,
            findings=(*self._shape_findings(), *self._strange(), *found),
            factor=fit.factor if fit else None,
            entries=alike.size,
            differing=int(alike.size - alike.sum()),
            correlation=correlation,
            largest=largest,
        )

    @property
    def _is_plain(self) -> "Array":
        """Whether an entry is finite, or as ours is."""
        both_nan = np.isnan(self.user) & np.isnan(self.ours.values)
        plain: Array = self.known | (self.user == self.ours.values) | both_nan
        return plain

    def _shape_findings(self) -> list[Finding]:
        given = (*self.user.T.shape,)
        return [Finding("transposed", f"it is transposed: {given} for {self.shape}")] if self.is_turned else []

    def _strange(self) -> list[Finding]:
        strange = np.argwhere(~self._is_plain)
        if not len(strange):
            return []
        first = self._deviation(tuple(strange[0]))
        count = f"{len(strange)} entries are" if len(strange) > 1 else "an entry is"
        return [Finding("nonfinite", f"{count} infinite or NaN: {first}")]

    def _unrelated(self, correlation: float, largest: Deviation) -> Finding:
        if not self.user[self.known].any():
            return Finding("zero", "every entry is 0")
        text = f"no relation to ours was found: correlation {correlation:.3g}, the largest deviation is {largest}"
        return Finding("unrelated", text)

    def _deviation(self, index: Sequence[Any], factor: float = 1.0) -> Deviation:
        row, column = (int(i) for i in index)
        found, expected = float(self.user[row, column]), factor * float(self.ours.values[row, column])
        size = 0.0 if found == expected else float(np.nan_to_num(abs(found - expected), nan=inf))
        return Deviation(size, row, None if len(self.shape) == 1 else column, found, expected)

    def alike(self, claim: _Claim, factor: float, rtol: float | None = None, eps: float | None = None) -> "Array":
        """Where the gradient is the claimed one times the factor; entries that are not finite are not spoken of."""
        expected = factor * claim.values
        allowed = (self.rtol if rtol is None else rtol) * np.abs(expected)
        allowed += 8 * (eps or self.eps) * abs(factor) * claim.exposed
        close = (np.abs(self.user - expected) <= allowed) & np.isfinite(expected)
        alike: Array = close | (self.user == expected) | ~self.known
        return alike if claim.apart is None else alike | claim.apart

    def fit(self, claim: _Claim, rtol: float | None = None, eps: float | None = None) -> _Fit | None:
        """The factor with a name that makes the claim hold everywhere."""
        for factor, findings in self._meanings(claim):
            if self.alike(claim, factor, rtol, eps).all():
                more = [Finding(claim.cause, claim.text)] if claim.cause else []
                return _Fit(factor, (*more, *findings))
        return None

    def ratio(self, claim: _Claim, among: "Array | None" = None) -> float:
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

    def _meanings(self, claim: _Claim, among: "Array | None" = None) -> "list[tuple[float, tuple[Finding, ...]]]":
        """The factors with a name that are near the ratio; 1 comes first, and needs no ratio."""
        ratio = self.ratio(claim, among)
        data = self.data if claim.weighs else self.unweighted or self.data
        return [(1.0, ()), *_named(ratio, _scales(data))]

    def _fitted(self) -> _Fit | None:
        attempts = (self._scaled, self._at_kinks, self._rearranged, self._clipped, self._of_another, self._nearly)
        for attempt in (*attempts, self._partly):
            if fit := attempt():
                return fit
        return None

    def _scaled(self) -> _Fit | None:
        if fit := self.fit(self.ours):
            return fit
        ratio = self.ratio(self.ours)
        if ratio and self.alike(self.ours, ratio).all():
            return _Fit(ratio, (Finding("factor", "it is ours times a constant that has no name"),))
        return None

    def _at_kinks(self) -> _Fit | None:
        kinks = self._kinks()
        fit = self.fit(replace(self.ours, apart=kinks)) if kinks.any() else None
        if fit is None:
            return None
        wrong = np.argwhere(~self.alike(self.ours, fit.factor))
        first = self._deviation(tuple(wrong[0]), fit.factor)
        count = f"{len(wrong)} kinks" if len(wrong) > 1 else "a kink"
        text = f"it has another slope at {count}, where the slope jumps: {first}"
        return _Fit(fit.factor, (Finding("kink", text), *fit.findings))

    def _kinks(self) -> "Array":
        """Where the gradient jumps between two neighbours of the prediction, by more than its curvature explains."""
        loss, checked = self.data.loss, self.data.checked
        index = loss.kind.role_names.index(self.data.of)
        x = checked[index]
        step = 8 * self.eps * np.maximum(np.abs(x), np.median(np.abs(x)) or 1.0)
        up, down = (_own(loss, checked, index, 1, moved) for moved in (x + step, x - step))
        curvature = np.abs(np.stack(loss.derivatives(checked, 2)[self.data.of][1]))
        smooth = 4 * step * np.nan_to_num(curvature, posinf=0.0) + 1e-6 * (np.abs(up) + np.abs(down))
        jumps: Array = self.data.placed((np.abs(up - down) > smooth).any(axis=0).astype(np.float64)) > 0
        return jumps

    def _rearranged(self) -> _Fit | None:
        return self._first(self._claims())

    def _of_another(self) -> _Fit | None:
        return self._first(self._other_losses())

    def _first(self, claims: Iterator[_Claim]) -> _Fit | None:
        return next((fit for claim in claims if (fit := self.fit(claim))), None)

    def _claims(self) -> Iterator[_Claim]:
        """What the gradient may be other than ours times a factor, the likeliest first."""
        if self.unweighted:
            found = self.unweighted.gradients()[self.data.of]
            yield _Claim("unweighted", "it leaves the weights out", *found, weighs=False)
        yield from self._columns()
        yield from self._rows()
        yield from self._parts()
        yield from self._forms()
        yield from self._parameters()
        for role, found in self.data.gradients().items():
            if role != self.data.of and found[0].shape == self.user.shape:
                yield _Claim("role", f"it is the gradient with respect to {role}, not {self.data.of}", *found)

    def _columns(self) -> Iterator[_Claim]:
        rows, columns = self.user.shape
        if columns == 1:
            return
        if rows == columns:
            text = "it is transposed"
            yield replace(
                self.ours, cause="transposed", text=text, values=self.ours.values.T, exposed=self.ours.exposed.T
            )
        yield self.ours.moved("columns_reversed", "its columns are in reverse order", np.s_[:, ::-1])
        for order in _orders(*self._keys(axis=0)):
            listed = ", ".join(map(str, order[:20].tolist())) + (" …" if columns > 20 else "")
            text = f"its columns are in another order: they are ours of {listed}"
            yield self.ours.moved("columns_permuted", text, np.s_[:, order])

    def _rows(self) -> Iterator[_Claim]:
        rows = len(self.user)
        yield self.ours.moved("rows_reversed", "its rows are in reverse order", np.s_[::-1])
        mine, theirs = self._keys(axis=1)
        by = _shift(mine, theirs)
        if by:
            source = (np.arange(rows) - by) % rows
            text = f"its rows are shifted by {by}: row {max(by, 0)} holds our row {max(-by, 0)}"
            yield self.ours.moved("rows_rotated", f"{text}, and those pushed out come back at the other end", source)
            wrapped = np.arange(rows) - by != source
            yield self.ours.moved("rows_shifted", text, source, np.broadcast_to(wrapped[:, None], self.user.shape))
        if len(np.unique(theirs)) > 0.9 * rows:  # rows that are alike would fit in many orders
            for order in _orders(mine, theirs):
                text = f"its rows are in another order: row 0 holds our row {order[0]}"
                yield self.ours.moved("rows_permuted", text, order)

    def _keys(self, axis: int) -> "tuple[Array, Array]":
        """A number for each row (axis 1) or column (axis 0) of the gradient and of ours, alike where those are."""
        factors = np.random.default_rng(_SEED).normal(size=self.user.shape[axis])
        finite = [np.nan_to_num(values, posinf=0.0, neginf=0.0) for values in (self.user, self.ours.values)]
        mine, theirs = (np.tensordot(values, factors, axes=(axis, 0)) for values in finite)
        return mine, theirs

    def _parts(self) -> Iterator[_Claim]:
        """Of softmax - t, or what a loss of probabilities has in its place, one half."""
        data, form = self.data, self.data.loss.params.get("form")
        if form not in ("probs", "logits", "log_probs"):
            return
        pred, target = data.checked
        probs = _converted(pred, str(form), "probs")
        if target.ndim < pred.ndim:
            target = (target[:, None] == np.arange(pred.shape[1])).astype(np.float64)
        called = {"logits": "the softmax" if pred.ndim > 1 else "the sigmoid"}.get(str(form), "the probabilities")
        exposed = data.placed(np.broadcast_to(data.unit, (data.n, self.user.shape[1])))
        for cause, text, values in (
            ("no_target", f"it is {called} alone: - t is missing (one-hot or 0/1)", probs),
            ("only_target", f"it is - t alone (one-hot or 0/1): {called} is missing", -target),
        ):
            yield _Claim(cause, text, data.placed(values if values.ndim > 1 else values[:, None]) * exposed, exposed)

    def _forms(self) -> Iterator[_Claim]:
        """Numbers taken for another form than they have, and derivatives with respect to another form."""
        data, role = self.data, self.data.of
        loss, form = data.loss, str(data.loss.params.get("form"))
        parameter = loss.definition.params.get("form")
        for other in parameter.choices if parameter else ():
            if other == form:
                continue
            taken, are = _WORDS.get(other, other), _WORDS.get(form, form)
            moved = _converted(data.checked[loss.kind.role_names.index(role)], form, other)
            for text, changed in (
                (f"it is the gradient with respect to {taken}, not to the {are} given", {role: moved}),
                (f"it takes the {are} for {taken}", {}),
            ):
                yield from self._variant("form", text, {"form": other}, changed)

    def _parameters(self) -> Iterator[_Claim]:
        for name, parameter in self.data.loss.definition.params.items():
            value = self.data.loss.params[name]
            if value != parameter.default and name != "form":
                text = f"it ignores {name}={canonical(value)}: it has {canonical(parameter.default)}"
                yield from self._variant("parameter", text, {name: parameter.default}, {})

    def _variant(
        self, cause: str, text: str, params: Mapping[str, Any], changed: "Mapping[str, Array]"
    ) -> Iterator[_Claim]:
        """The gradient of the loss with other parameters, where it takes these numbers."""
        data = self.data
        with suppress(LossError):
            other = get(data.loss.name, **{**data.loss.params, **params})
            yield _Claim(cause, text, *replace(data, allow_inf=True).gradients(other, **changed)[data.of])

    def _other_losses(self) -> Iterator[_Claim]:
        loss = self.data.loss
        for name, definition in definitions().items():
            if definition.kind is loss.kind and name != loss.name:
                with suppress(LossError):
                    other = get(name, **{key: v for key, v in loss.params.items() if key in definition.params})
                    found = self.data.gradients(other)[self.data.of]
                    yield _Claim("loss", f"it is the gradient of {other}", *found)

    def _clipped(self) -> _Fit | None:
        """Equal inside a range, and at its ends where ours lies beyond them."""
        if not self.known.any():
            return None
        low, high = (float(f(self.user[self.known])) for f in (np.min, np.max))
        inside = self.known & (self.user > low) & (self.user < high)
        if inside.sum() < 3:
            return None
        for factor, findings in self._meanings(self.ours, inside):
            ends = sorted((low / factor, high / factor))
            clipped = replace(self.ours, values=np.clip(self.ours.values, ends[0], ends[1]))
            beyond = ~self.alike(self.ours, factor)
            if beyond.sum() > 1 and self.alike(clipped, factor).all():
                text = f"it is clipped {_range(low, high, set(self.user[beyond].tolist()))}"
                return _Fit(factor, (Finding("clipped", text), *findings))
        return None

    def _nearly(self) -> _Fit | None:
        """Ours, but for deviations that may be rounding."""
        fit = self.fit(self.ours, _NEAR, _PRECISION[4][1]) if self.rtol < _NEAR else None
        if fit is None:
            return None
        apart = np.abs(self.user / (fit.factor * self.ours.values) - 1)
        worst = float(np.nanmax(np.where(self.known & (self.ours.values != 0), apart, 0.0)))
        text = f"it is close, but off by up to a relative {worst:.1e}, beyond --rtol {format_number(self.rtol)}"
        return _Fit(fit.factor, (Finding("near", text), *fit.findings))

    def _partly(self) -> _Fit | None:
        """Ours in at least half of the entries that are not 0; where few numbers occur, in nine tenths."""
        for factor, findings in self._meanings(self.ours):
            wrong = ~self.alike(self.ours, factor)
            of_interest = self.known & ((self.user != 0) | (self.ours.values != 0))
            is_telling = 2 * len(np.unique(self.ours.values[of_interest])) > of_interest.sum()
            if (2 if is_telling else 10) * wrong.sum() <= of_interest.sum():
                text = f"it differs only {self._where(wrong)}: {self._deviation(tuple(np.argwhere(wrong)[0]), factor)}"
                return _Fit(factor, (Finding("partly", text + self._there(wrong, factor)), *findings))
        return None

    def _where(self, wrong: "Array") -> str:
        """The rows or columns of the entries that are wrong, whichever says more."""
        rows, columns = np.flatnonzero(wrong.any(axis=1)), np.flatnonzero(wrong.any(axis=0))
        by_column = len(columns) < wrong.shape[1] and len(columns) / wrong.shape[1] < len(rows) / len(wrong)
        word, which, count = ("column", columns, wrong.shape[1]) if by_column else ("row", rows, len(wrong))
        listed = ", ".join(map(str, which[:5].tolist())) + (" …" if len(which) > 5 else "")
        weightless = not by_column and not np.isin(rows, self.data.rows).any()
        of = f"{len(which)} of {count} {word}s ({listed})" + (", all of weight 0" if weightless else "")
        count = int(wrong.sum())
        return f"in {count} {'entry' if count == 1 else 'entries'}, in {of}"

    def _there(self, wrong: "Array", factor: float) -> str:
        """What the entries that are wrong have in common, if it is a factor with a name."""
        ratio = self.ratio(self.ours, wrong) / factor
        for value, findings in _named(ratio, []):
            if self.alike(self.ours, factor * value)[wrong].all():
                return f"; there {' and '.join(finding.text for finding in findings)}"
        return ""


_SIGNS = [(1.0, None), (-1.0, Finding("negated", "its sign is flipped"))]
_FACTORS = [
    (1.0, None),
    (2.0, Finding("doubled", "it is twice as large: a half is forgotten, or a 2 is one too many")),
    (0.5, Finding("halved", "it is half as large: a 2 is forgotten, or a half added, as in half the squared error")),
]
_Scales = list[tuple[float, Finding | None]]


def _scales(data: _Data) -> _Scales:
    """What a mean may be divided by too little or too much."""
    total, outputs, columns = float(data.weights.sum()), data.outputs, data.arrays[data.of].shape[1:]
    called, by = f"N = {data.n}" if total == data.n else f"Σw = {canonical(total)}", f"D = {outputs}"
    if outputs > 1:
        scales = {
            ("sum", f"it is the gradient of the sum: not divided by {called} and {by}"): total * outputs,
            ("own", f"it is each sample's own: not divided by {called}"): total,
            ("outputs", f"its outputs are summed, not averaged: not divided by {by}"): float(outputs),
            ("divided", f"it is divided by {by} once too often"): 1 / outputs,
            ("divided", f"it is divided by {called} and {by} once too often"): 1 / (total * outputs),
        }
    else:
        own = ", or each sample's own" if total == data.n else ""
        scales = {("sum", f"it is the gradient of the sum{own}: not divided by {called}"): total}
    scales["divided", f"it is divided by {called} once too often"] = 1 / total
    if outputs == 1 and columns:
        by = f"the C = {columns[0]} columns"
        scales["columns", f"it is divided by {by} too: a mean over all entries"] = 1 / columns[0]
        scales["columns", f"it is divided by {by}, not by {called}"] = total / columns[0]
    for count in {data.n, data.total}:
        scales["count", f"it is divided by N = {count}, not by {called}"] = total / count
    if data.loss.finish:
        value = data.value
        scales["value", f"it is not divided by the loss itself, {format_number(value)}"] = value
    return [(1.0, None), *((value, Finding(*said)) for said, value in scales.items() if value != 1)]


def _named(ratio: float, scales: _Scales) -> "list[tuple[float, tuple[Finding, ...]]]":
    """The factors near the ratio that signs, halves and divisors make, of as few of these as will do; where several
    do, the text of the first says so.
    """
    options: dict[int, list[tuple[float, list[Finding]]]] = {}
    for parts in product(scales or [(1.0, None)], _FACTORS, _SIGNS):
        value, said = parts[0][0] * parts[1][0] * parts[2][0], [part for _, part in reversed(parts) if part]
        if said and abs(ratio - value) <= _NEAR * abs(value):
            options.setdefault(len(said), []).append((value, said))
    found = []
    for _, alternatives in sorted(options.items()):
        for value in dict.fromkeys(value for value, _ in alternatives):
            same = [said for other, said in alternatives if abs(other - value) <= 1e-12 * abs(value)]
            found.append((value, _either(same)))
    return found


def _either(alternatives: list[list[Finding]]) -> tuple[Finding, ...]:
    first, *others = alternatives
    texts = ["; ".join(finding.text for finding in said) for said in others]
    last = replace(first[-1], text=", or ".join([first[-1].text, *texts]))
    return (*first[:-1], last)


def _orders(mine: "Array", theirs: "Array") -> "Iterator[Array]":
    """The orders of theirs that may be mine, up to a factor of either sign."""
    for sign in (1, -1):
        order = np.empty(len(mine), dtype=np.intp)
        order[np.argsort(mine, kind="stable")] = np.argsort(sign * theirs, kind="stable")
        yield order


def _shift(mine: "Array", theirs: "Array") -> int:
    """By how many rows mine lies behind theirs, where their ranks go together best."""
    ranks = [np.unique(keys, return_inverse=True)[1].astype(np.float64) for keys in (mine, theirs)]
    first, second = (np.fft.rfft(r - r.mean()) for r in ranks)
    spectrum = first * np.conj(second)
    by = int(np.argmax(np.abs(np.fft.irfft(spectrum, len(mine)))))
    return by - len(mine) if 2 * by > len(mine) else by


def _converted(pred: "Array", form: str, wanted: str) -> "Array":
    """Predictions of one form as another; columns are classes where there are several."""
    if form.endswith("rate"):
        return np.log(pred) if wanted == "log_rate" else np.exp(pred)
    probs = pred if form == "probs" else np.exp(pred) if form == "log_probs" else _probabilities(pred)
    if wanted == "probs":
        return probs
    logs = pred if form == "log_probs" else np.log(probs)
    return logs - np.log1p(-probs) if wanted == "logits" and pred.ndim == 1 else logs


def _probabilities(logits: "Array") -> "Array":
    if logits.ndim == 1:
        return 1 / (1 + np.exp(-logits))
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax: Array = raised / raised.sum(axis=1, keepdims=True)
    return softmax


def _range(low: float, high: float, reached: set[float]) -> str:
    if {low, high} <= reached:
        return f"to [{format_number(low)}, {format_number(high)}]"
    return f"above {format_number(high)}" if high in reached else f"below {format_number(low)}"


def _correlation(found: "Array", expected: "Array") -> float:
    if len(found) < 2 or not (np.ptp(found) and np.ptp(expected)):
        return nan
    return float(np.corrcoef(found, expected)[0, 1])
