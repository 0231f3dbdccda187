"""The likely cause of a difference: what a gradient may be is tried, the simplest first."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from losscli.gradcheck.case import PRECISION, Case, Claim, Fit
from losscli.gradcheck.factors import NEAR, named
from losscli.gradcheck.findings import Finding
from losscli.gradcheck.numeric import own_values
from losscli.gradcheck.orders import other_columns, other_rows
from losscli.gradcheck.variants import forms, other_losses, parameters, parts
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from losscli.registry import Array


def likely_cause(case: Case) -> Fit | None:
    """What explains the gradient, with its factor; None where nothing that has a name does."""
    attempts = (_scaled, _at_kinks, _rearranged, _clipped, _of_another, _nearly, _partly)
    return next((fit for attempt in attempts if (fit := attempt(case))), None)


def _scaled(case: Case) -> Fit | None:
    if fit := case.fit(case.ours):
        return fit
    ratio = case.ratio(case.ours)
    if ratio and case.alike(case.ours, ratio).all():
        return Fit(ratio, (Finding("factor", "it is ours times a constant that has no name"),))
    return None


def _at_kinks(case: Case) -> Fit | None:
    kinks = _kinks(case)
    fit = case.fit(replace(case.ours, apart=kinks)) if kinks.any() else None
    if fit is None:
        return None
    wrong = np.argwhere(~case.alike(case.ours, fit.factor))
    first = case.deviation(tuple(wrong[0]), fit.factor)
    count = f"{len(wrong)} kinks" if len(wrong) > 1 else "a kink"
    text = f"it has another slope at {count}, where the slope jumps: {first}"
    return Fit(fit.factor, (Finding("kink", text), *fit.findings))


def _kinks(case: Case) -> "Array":
    """Where the gradient jumps between two neighbours of the prediction, by more than its curvature explains."""
    loss, checked = case.data.loss, case.data.checked
    index = loss.kind.role_names.index(case.data.of)
    x = checked[index]
    step = 8 * case.eps * np.maximum(np.abs(x), np.median(np.abs(x)) or 1.0)
    up, down = (own_values(loss, checked, index, 1, moved) for moved in (x + step, x - step))
    curvature = np.abs(np.stack(loss.derivatives(checked, 2)[case.data.of][1]))
    smooth = 4 * step * np.nan_to_num(curvature, posinf=0.0) + 1e-6 * (np.abs(up) + np.abs(down))
    jumps: Array = case.data.placed((np.abs(up - down) > smooth).any(axis=0).astype(np.float64)) > 0
    return jumps


def _rearranged(case: Case) -> Fit | None:
    return _first(case, _claims(case))


def _of_another(case: Case) -> Fit | None:
    return _first(case, other_losses(case))


def _first(case: Case, claims: Iterator[Claim]) -> Fit | None:
    return next((fit for claim in claims if (fit := case.fit(claim))), None)


def _claims(case: Case) -> Iterator[Claim]:
    """What the gradient may be other than ours times a factor, the likeliest first."""
    if case.unweighted:
        found = case.unweighted.gradients()[case.data.of]
        yield Claim("unweighted", "it leaves the weights out", *found, weighs=False)
    yield from other_columns(case)
    yield from other_rows(case)
    yield from parts(case)
    yield from forms(case)
    yield from parameters(case)
    for role, found in case.data.gradients().items():
        if role != case.data.of and found[0].shape == case.user.shape:
            yield Claim("role", f"it is the gradient with respect to {role}, not {case.data.of}", *found)


def _clipped(case: Case) -> Fit | None:
    """Equal inside a range, and at its ends where ours lies beyond them."""
    if not case.known.any():
        return None
    low, high = (float(f(case.user[case.known])) for f in (np.min, np.max))
    inside = case.known & (case.user > low) & (case.user < high)
    if inside.sum() < 3:
        return None
    for factor, findings in case.meanings(case.ours, inside):
        ends = sorted((low / factor, high / factor))
        clipped = replace(case.ours, values=np.clip(case.ours.values, ends[0], ends[1]))
        beyond = ~case.alike(case.ours, factor)
        if beyond.sum() > 1 and case.alike(clipped, factor).all():
            text = f"it is clipped {_range(low, high, set(case.user[beyond].tolist()))}"
            return Fit(factor, (Finding("clipped", text), *findings))
    return None


def _nearly(case: Case) -> Fit | None:
    """Ours, but for deviations that may be rounding."""
    fit = case.fit(case.ours, NEAR, PRECISION[4][1]) if case.rtol < NEAR else None
    if fit is None:
        return None
    apart = np.abs(case.user / (fit.factor * case.ours.values) - 1)
    worst = float(np.nanmax(np.where(case.known & (case.ours.values != 0), apart, 0.0)))
    text = f"it is close, but off by up to a relative {worst:.1e}, beyond --rtol {format_number(case.rtol)}"
    return Fit(fit.factor, (Finding("near", text), *fit.findings))


def _partly(case: Case) -> Fit | None:
    """Ours in at least half of the entries that are not 0; where few numbers occur, in nine tenths."""
    for factor, findings in case.meanings(case.ours):
        wrong = ~case.alike(case.ours, factor)
        of_interest = case.known & ((case.user != 0) | (case.ours.values != 0))
        is_telling = 2 * len(np.unique(case.ours.values[of_interest])) > of_interest.sum()
        if (2 if is_telling else 10) * wrong.sum() <= of_interest.sum():
            text = f"it differs only {_where(case, wrong)}: {case.deviation(tuple(np.argwhere(wrong)[0]), factor)}"
            return Fit(factor, (Finding("partly", text + _there(case, wrong, factor)), *findings))
    return None


def _where(case: Case, wrong: "Array") -> str:
    """The rows or columns of the entries that are wrong, whichever says more."""
    rows, columns = np.flatnonzero(wrong.any(axis=1)), np.flatnonzero(wrong.any(axis=0))
    by_column = len(columns) < wrong.shape[1] and len(columns) / wrong.shape[1] < len(rows) / len(wrong)
    word, which, count = ("column", columns, wrong.shape[1]) if by_column else ("row", rows, len(wrong))
    listed = ", ".join(map(str, which[:5].tolist())) + (" …" if len(which) > 5 else "")
    weightless = not by_column and not np.isin(rows, case.data.rows).any()
    of = f"{len(which)} of {count} {word}s ({listed})" + (", all of weight 0" if weightless else "")
    count = int(wrong.sum())
    return f"in {count} {'entry' if count == 1 else 'entries'}, in {of}"


def _there(case: Case, wrong: "Array", factor: float) -> str:
    """What the entries that are wrong have in common, if it is a factor with a name."""
    ratio = case.ratio(case.ours, wrong) / factor
    for value, findings in named(ratio, []):
        if case.alike(case.ours, factor * value)[wrong].all():
            return f"; there {' and '.join(finding.text for finding in findings)}"
    return ""


def _range(low: float, high: float, reached: set[float]) -> str:
    if {low, high} <= reached:
        return f"to [{format_number(low)}, {format_number(high)}]"
    return f"above {format_number(high)}" if high in reached else f"below {format_number(low)}"
