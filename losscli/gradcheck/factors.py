"""Factors with a name: the signs, halves and divisors that a gradient is off by when its formula is off."""

from dataclasses import replace
from itertools import product

from losscli.gradcheck.data import Data
from losscli.gradcheck.findings import Finding
from losscli.literals import canonical, format_number

NEAR = 1e-3  # relative deviations that may yet be rounding

_SIGNS = [(1.0, None), (-1.0, Finding("negated", "its sign is flipped"))]
_FACTORS = [
    (1.0, None),
    (2.0, Finding("doubled", "it is twice as large: a half is forgotten, or a 2 is one too many")),
    (0.5, Finding("halved", "it is half as large: a 2 is forgotten, or a half added, as in half the squared error")),
]
Scales = list[tuple[float, Finding | None]]


def scales_of(data: Data) -> Scales:
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


def named(ratio: float, scales: Scales) -> "list[tuple[float, tuple[Finding, ...]]]":
    """The factors near the ratio that signs, halves and divisors make, of as few of these as will do; where several
    do, the text of the first says so.
    """
    options: dict[int, list[tuple[float, list[Finding]]]] = {}
    for parts in product(scales or [(1.0, None)], _FACTORS, _SIGNS):
        value, said = parts[0][0] * parts[1][0] * parts[2][0], [part for _, part in reversed(parts) if part]
        if said and abs(ratio - value) <= NEAR * abs(value):
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
