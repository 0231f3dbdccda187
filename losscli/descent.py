"""Gradient descent on a linear head: the loss before and after each step, and what the gradient foretells of it.

To first order a step of rate η against the gradient changes the value by -η‖∇‖²: down, whatever the loss.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isfinite, nan
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.engine import evaluate
from losscli.errors import InputError, UsageError
from losscli.exact import to_float
from losscli.formats import PLAIN, Lent, Reader, Reading, open_reader
from losscli.heads import Head, features_of, norm, squared_norm
from losscli.lazy import np
from losscli.literals import canonical, format_number
from losscli.opening import check_reading, opened
from losscli.penalties import Penalty, total_of
from losscli.registry import Loss, get, get_all
from losscli.tensors import check_finite, tensors_of

if TYPE_CHECKING:
    from losscli.registry import Array

_UNBOUNDED = ("logits", "log_rate")  # the forms of predictions that may be any number
_NO_PENALTY: Fraction | float = Fraction()
_ROUNDINGS = 8  # ulps by which a value may go up without a note: it is at the bottom


class Step(NamedTuple):
    """The head before a step: the data loss, the penalty and their total, the norm of the total's gradient, and by how
    much the next step changes the total, as the gradient predicts and as it did. None after the last step.
    """

    step: int
    loss: float
    penalty: float
    total: float
    gradient_norm: float
    predicted_change: float | None = None
    change: float | None = None


@dataclass(frozen=True)
class Descent:
    """The steps, of which the last is the end; `head` is what they led to, `gradient` that of the total before the
    first step, by the names of the parameters.
    """

    loss: str
    penalty: str
    rate: float
    n: int
    steps: tuple[Step, ...]
    head: Head
    gradient: "Mapping[str, Array]"
    notes: tuple[str, ...]

    @property
    def is_finite(self) -> bool:
        """Whether no step led to a value that is infinite or NaN."""
        return isfinite(self.steps[-1].total)

    @property
    def diverged(self) -> str:
        """Where the value became infinite or NaN, and what to do; empty where it did not."""
        last = self.steps[-1]
        if self.is_finite:
            return ""
        what = f"{self.loss} is {format_number(last.total)}"
        if last.step == 0:
            return f"{what} before the first step: its domain, or the parameters, are to be looked at"
        return f"{what} after step {last.step}: the rate {canonical(self.rate)} is too large; take a smaller --rate"

    @property
    def rose(self) -> str:
        """The first step that made the value larger, by more than roundings; empty where none did, or it diverged."""
        rises = [s for s in self.steps if s.change is not None and s.change > _ROUNDINGS * np.spacing(abs(s.total))]
        if not rises or not self.is_finite:
            return ""
        first_one, more = rises[0], f", and {len(rises) - 1} more" if rises[1:] else ""
        up, predicted = f"{first_one.change:.3g}", f"{first_one.predicted_change:.3g}"
        return (
            f"after step {first_one.step}{more}: the value went up by {up}, where the gradient predicts {predicted}: "
            f"it points down, and the rate {canonical(self.rate)} goes too far; take a smaller --rate"
        )


def for_scores(spec: str, params: Mapping[str, Any] | None = None) -> tuple[Loss, str]:
    """The loss of a SPEC, on the scores that a head gives unless it says what predictions are; and what was chosen."""
    if " " in spec.strip():
        raise UsageError(f"'{spec}': descent is of one loss, not of a sum")
    loss = get_all([spec], params or {})[0]
    forms = loss.definition.params["form"] if "form" in loss.params else None
    is_said = "form=" in spec.replace(" ", "") or "form" in (params or {})
    if forms is None or is_said or loss.params["form"] != forms.default:
        return loss, ""
    form = next(form for form in _UNBOUNDED if form in forms.choices)
    chosen = get(loss.name, **{**loss.params, "form": form})
    return (
        chosen,
        f"{chosen}: the outputs of a linear head are taken for {form}; say form={forms.default} if they are not",
    )


def check_loss(loss: Loss) -> None:
    """Raises UsageError for a loss that descent on one prediction and one target cannot lower."""
    kind, found = loss.kind, loss.definition
    if found.underived:
        raise UsageError(f"{loss.name} has no derivatives: {found.underived}")
    if kind.role_names != ("pred", "target"):
        raise UsageError(f"{loss.name} takes {', '.join(kind.role_names)}; a head has one prediction, and one target")
    if found.better != "lower":
        why = "the higher it is" if found.better == "higher" else "the nearer it is to zero"
        raise UsageError(f"{loss.name} is better {why}: descent, which makes it lower, would not make it better")


def descend(
    loss: str | Loss,
    *,
    features: Any,
    target: Any,
    parameters: Any,
    rate: float,
    steps: int = 1,
    penalty: str | None = None,
    params: Mapping[str, Any] | None = None,
    columns: Mapping[str, Any] | None = None,
    reading: Reading = PLAIN,
    **meaning: Any,
) -> Descent:
    """Steps of plain gradient descent on the mean loss of a linear head, and on a penalty of its parameters.

    Parameters
    ----------
    loss : a SPEC, whose predictions are scores unless it says a form, or a `Loss`.
    features, target : a path or an array, (n, d) and as the loss takes it; paired by position.
    parameters : W (d,) or (d, k), and perhaps b: a path (NPZ, NPY, safetensors), a mapping of arrays, or W alone.
    rate, steps : what the gradient is multiplied by, above 0, and how often it is gone against.
    penalty : such as ``"l2:strength=0.01,skip=b"``.
    params : the loss's parameters that its SPEC does not say.
    columns : those of features, target and weight, as in `evaluate`.
    meaning : what labels mean: classes, labels, label_base, as in `evaluate`.

    Raises
    ------
    UsageError, InputError : with the message that the command line prints.
    """
    if not 0 < rate < inf or steps < 1:
        raise UsageError(f"rate {rate}, {steps} steps: a rate above 0 and one step at least are needed")
    chosen, note = (loss, "") if isinstance(loss, Loss) else for_scores(loss, params)
    check_loss(chosen)
    addend = None if penalty is None else Penalty.parse(penalty)
    where = fspath(parameters) if isinstance(parameters, (str, PathLike)) else "parameters"
    tensors, _ = tensors_of(parameters, reading.max_bytes)
    check_finite(where, tensors, allow_inf=False)
    head, named = Head.of(where, tensors), dict(columns or {})
    if addend:
        addend.check(where, list(tensors))
    with ExitStack() as stack:
        readers = [opened(stack, *given, reading, True) for given in (("features", features), ("target", target))]
        check_reading(reading, readers)
        x = features_of(readers, chosen, named, reading.max_bytes)
        named.pop("features", None)
        head.check(where, x.shape[1])
        going = _Going(chosen, addend, x, readers, {"columns": named, **meaning})
        found = list(going.steps(head, rate, steps))
    return Descent(
        loss=str(chosen),
        penalty=str(addend or ""),
        rate=rate,
        n=going.n,
        steps=tuple(step for step, _, _ in found),
        head=found[-1][1],
        gradient=found[0][2],
        notes=(*([note] if note else []), *_square(where, head), *readers[0].notes, *going.notes),
    )


def _square(where: str, head: Head) -> list[str]:
    if not head.is_square:
        return []
    return [f"{where}: {head.weight} is square, and taken as (features, outputs); torch keeps the transposed array"]


class _Going:
    """What the steps have in common; `n` and `notes` are known after the first."""

    def __init__(
        self, loss: Loss, penalty: Penalty | None, x: "Array", readers: Sequence[Reader], rest: dict[str, Any]
    ):
        self._loss, self._penalty, self._x, self._targets, self._rest = loss, penalty, x, readers[1], rest
        self._called = f"X W of {readers[0].name}"
        self.n = 0
        self.notes: tuple[str, ...] = ()

    def steps(self, head: Head, rate: float, count: int) -> "Iterator[tuple[Step, Head, dict[str, Array]]]":
        """Every step with the head before it and the gradient there; the last is where it ends, or diverges."""
        at, gradient = self._at(0, head)
        for k in range(1, count + 1):
            if not isfinite(at.total):
                break
            moved = head.moved(gradient, rate)
            after, next_gradient = self._at(k, moved)
            squared = squared_norm(gradient)
            predicted = -squared if isinstance(squared, float) else to_float(-Fraction(rate) * squared)
            yield at._replace(predicted_change=predicted, change=after.total - at.total), head, gradient
            at, head, gradient = after, moved, next_gradient
        yield at, head, gradient

    def _at(self, k: int, head: Head) -> "tuple[Step, dict[str, Array]]":
        """The values and the gradient of the total at a head."""
        outputs = head.outputs(self._x)
        if not np.isfinite(outputs).all():
            return Step(k, nan, nan, nan, nan), {}
        loss, outer = self._evaluated(k, outputs)
        gradient, value = head.gradient(self._x, outer), _NO_PENALTY
        if self._penalty:
            left_out = self._penalty.left_out(list(head.arrays))
            value = self._penalty.value({name: a for name, a in head.arrays.items() if name not in left_out})
            added = self._penalty.gradient(head.arrays, left_out)
            gradient = {name: values + added[name] for name, values in gradient.items()}
        rounded = value if isinstance(value, float) else to_float(value)
        return Step(k, loss, rounded, total_of(loss, value), norm(squared_norm(gradient))), gradient

    def _evaluated(self, k: int, outputs: "Array") -> "tuple[float, Array]":
        try:
            report = evaluate(
                self._loss,
                pred=Lent(open_reader(self._called, outputs)),
                target=Lent(self._targets),
                grad=True,
                spread=False,
                distribution=False,
                **self._rest,
            )
        except InputError as error:
            if not str(error).startswith(self._called):
                raise
            what, params = str(error).partition("; ")[0], self._loss.definition.params
            hint = "; say form=logits" if "form" in params and "logits" in params["form"].choices else ""
            head = "a linear head's outputs are any numbers"
            raise InputError(f"at step {k}, {what}; {head}, and {self._loss} does not take all{hint}") from None
        if k == 0:
            self.n = report.results[0].n
            self.notes = tuple(note for note in report.notes if not note.startswith(self._called))
        return report.value, report.results[0].gradient
