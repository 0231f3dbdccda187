"""A user's gradient against ours: both are read and found, and what there is to say is put together."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from math import inf, nan
from typing import TYPE_CHECKING, Any

from losscli.columns import bind
from losscli.errors import UsageError
from losscli.formats import BLOCK, PLAIN, Reading
from losscli.gradcheck.case import Case
from losscli.gradcheck.causes import likely_cause
from losscli.gradcheck.data import Data
from losscli.gradcheck.findings import Comparison, Deviation, Finding
from losscli.kinds import Role
from losscli.lazy import np
from losscli.literals import format_number
from losscli.opening import Given, check_reading, opened
from losscli.registry import Loss

if TYPE_CHECKING:
    from losscli.registry import Array


def compare(
    loss: Loss,
    grad: Any,
    *,
    of: str | None = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    reading: Reading = PLAIN,
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
    reading : what is said of how CSV files are written.
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
    given, chosen, _ = Given(given, chosen).with_members(loss.kind.roles)
    with ExitStack() as stack:
        readers = {role: opened(stack, role, data, reading, keep=True) for role, data in given.items()}
        other = opened(stack, "grad", grad, reading, keep=True)
        check_reading(reading, [*readers.values(), other])
        (binding,) = bind(
            [Role("grad", vector=True)], {"grad": other}, {r: c for r, c in chosen.items() if r == "grad"}
        )
        values = np.concatenate([block.values[0] for block in other.read([binding.pick], BLOCK)])
        data, unweighted = Data.read_both(loss, of, bind(loss.kind.roles, readers, chosen), allow_inf)
    with np.errstate(all="ignore"):
        found = _comparison(Case.of(data, unweighted, other.name, values, rtol))
    return replace(found, notes=tuple(note for reader in (*readers.values(), other) for note in reader.notes))


def _check_request(loss: Loss, given: Mapping[str, Any], grad: Any, rtol: float | None) -> None:
    if loss.definition.underived or loss.scope != "row":
        why = loss.definition.underived or "its rows have no loss of their own"
        raise UsageError(f"{loss.name} has no gradient to compare with: {why}")
    if loss.kind.is_sequential:
        raise UsageError(f"{loss.name}: gradients of sequences are not compared; losscli eval --grad-out writes ours")
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


def _comparison(case: Case) -> Comparison:
    """What there is to say."""
    alike, fit = case.alike(case.ours, 1.0) & case.is_plain, likely_cause(case)
    both = case.known & np.isfinite(case.ours.values)
    correlation = _correlation(case.user[both], case.ours.values[both])
    apart = np.where(alike & ~both, 0.0, np.nan_to_num(np.abs(case.user - case.ours.values), nan=inf))
    largest = case.deviation(np.unravel_index(int(np.argmax(apart)), apart.shape))
    found = fit.findings if fit else (_unrelated(case, correlation, largest),)
    return Comparison(
        loss=str(case.data.loss),
        of=case.data.of,
        against=case.name,
        shape=case.shape,
        rtol=case.rtol,
        findings=(*_shape_findings(case), *_strange(case), *found),
        factor=fit.factor if fit else None,
        entries=alike.size,
        differing=int(alike.size - alike.sum()),
        correlation=correlation,
        largest=largest,
    )


def _shape_findings(case: Case) -> list[Finding]:
    given = (*case.user.T.shape,)
    return [Finding("transposed", f"it is transposed: {given} for {case.shape}")] if case.is_turned else []


def _strange(case: Case) -> list[Finding]:
    strange = np.argwhere(~case.is_plain)
    if not len(strange):
        return []
    first = case.deviation(tuple(strange[0]))
    count = f"{len(strange)} entries are" if len(strange) > 1 else "an entry is"
    return [Finding("nonfinite", f"{count} infinite or NaN: {first}")]


def _unrelated(case: Case, correlation: float, largest: Deviation) -> Finding:
    if not case.user[case.known].any():
        return Finding("zero", "every entry is 0")
    text = f"no relation to ours was found: correlation {correlation:.3g}, the largest deviation is {largest}"
    return Finding("unrelated", text)


def _correlation(found: "Array", expected: "Array") -> float:
    if len(found) < 2 or not (np.ptp(found) and np.ptp(expected)):
        return nan
    return float(np.corrcoef(found, expected)[0, 1])
