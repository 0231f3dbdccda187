"""The commands for the losses that fit: of every reading of every pair of columns, those that run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from losscli.formats import Reader
from losscli.inspection import names
from losscli.inspection.alignment import MISSING, OTHER, SAME
from losscli.inspection.findings import Alignment, Command, Field, FileFacts
from losscli.inspection.operands import Operand, predictions, targets, unusual_columns
from losscli.inspection.passes import in_rows
from losscli.inspection.plans import Plan, tried
from losscli.inspection.readings import read
from losscli.inspection.tallies import shown
from losscli.registry import get

_GROUPS = 20  # distinct values of a column that rows are grouped by
_MOST = 4  # pairs of columns whose names tell nothing
_TRIED = 20  # columns of a role; where there are more, it is asked which is meant
_SHOWN = 8  # columns that a text names
_REFUSALS = 2  # of a pair of columns, that are told


class Given(NamedTuple):
    """What was inspected: the files, as they are named in commands, opened, and as options have them read."""

    paths: Sequence[str]
    readers: Sequence[Reader]
    files: Sequence[FileFacts]
    flags: tuple[str, ...]

    @property
    def cells(self) -> int:
        """How many cells the files have."""
        return sum(f.rows * max(len(f.names), sum(g.width for g in f.groups)) for f in self.files)


class Found(NamedTuple):
    """Commands that run, and what stands in the way of others."""

    commands: list[Command]
    advice: list[str]

    def advise(self, text: str) -> None:
        if text not in self.advice:
            self.advice.append(text)

    def take(self, given: Given, plan: Plan) -> str:
        """Try a plan; returns why it does not run, or nothing."""
        outcome = tried(plan, given.paths, given.readers, given.cells, max(f.rows for f in given.files))
        if isinstance(outcome, str):
            return outcome
        if all(outcome.argv != command.argv for command in self.commands):
            self.commands.append(outcome)
        return ""


def fitting(given: Given, places: Sequence[tuple[int, int]], alignment: Alignment | None) -> Found:
    """The commands for predictions and targets in files at these `places`."""
    found = Found([], [])
    pairings = list(_pairings(alignment, given, found)) if alignment else [({}, "")]
    for p, t in places if pairings else ():
        pairs = list(_pairs(given, p, t, found))
        for pred, target in _plausible(pairs, found):
            _fit(found, given, pred, target, pairings)
    return found


def _pairs(given: Given, p: int, t: int, found: Found) -> Iterator[tuple[Operand, Operand]]:
    """Predictions and targets that may belong together."""
    preds = predictions(p, given.files[p])
    if not preds:
        found.advise(f"{given.files[p].path}: no column that may be a prediction: {_held(given.files[p])}")
    for pred in preds[:_TRIED]:
        wanted = targets(t, given.files[t], pred)[:_TRIED]
        if not wanted:
            more = _without_target(given.files[t]) if p == t else ""
            found.advise(f"{given.files[t].path}: no column that may be a target: {_held(given.files[t])}{more}")
        for target in wanted:
            yield pred, target


def _without_target(file: FileFacts) -> str:
    named = "" if file.headed or len(file.names) == 1 else ", or name columns by position: --pred-col 0 --target-col 1"
    return f"; give the file of targets too{named}"


def _plausible(pairs: list[tuple[Operand, Operand]], found: Found) -> list[tuple[Operand, Operand]]:
    """The pairs that their names tell; else those of one name; else all. Of too many none: it is asked instead."""
    told = [pair for pair in pairs if any(operand.is_usual for operand in pair)]
    alike = [(p, t) for p, t in pairs if p.headers and p.headers == t.headers]
    chosen = told or (alike if len(pairs) > 1 else []) or pairs
    if len(chosen) <= _MOST or all(p.is_usual and t.is_usual for p, t in chosen):
        return chosen
    preds, wanted = (_some({operand.called: 0 for operand in side}) for side in zip(*chosen, strict=True))
    found.advise(
        f"which column is the prediction ({preds}) and which the target ({wanted})? say --pred-col NAME and "
        "--target-col NAME, or call them y_pred and y"
    )
    return []


def _some(called: Iterable[str]) -> str:
    names_ = list(called)
    return ", ".join(names_[:_SHOWN]) + (" …" if len(names_) > _SHOWN else "")


def _held(file: FileFacts) -> str:
    """What a file has, in short."""
    found = [f"{f.name or 'numbers'} ({_in_short(f)})" for f in file.lone if f.looks]
    return _some(found)


def _in_short(found: Field) -> str:
    """What a column looks like; of numbers with texts among them, where the first text stands."""
    facts, look = found.facts, found.looks[0]
    if not (facts.texts and facts.numbers):
        return look.kind
    return f"{look.kind}: {look.why}; the first text, {shown(facts.first_text)}, at {facts.first_text_at}"


def _pairings(alignment: Alignment, given: Given, found: Found) -> Iterator[tuple[Mapping[str, str], str]]:
    """How rows may be paired: by position, or by a key; both where a column that is not called like a key differs."""
    differing = [key for key in alignment.keys if key.relation in (OTHER, MISSING)]
    keyed = [key for key in differing if names.is_key(key.name)] or differing
    is_told = bool(keyed) and names.is_key(keyed[0].name)
    if alignment.same_rows and not is_told:
        yield {}, f"if rows are in one order, although {keyed[0].name} differs" if keyed else ""
    for key in keyed[:1]:
        options = {"id": key.name or _position(given), **({"ids": "intersect"} if key.relation == MISSING else {})}
        left_out = f", {key.says.partition(': ')[2]} and are left out" if key.relation == MISSING else ""
        yield options, f"rows paired by {key.name or 'the column without a name'}{left_out}"
    for key in alignment.keys:
        if key.relation not in (SAME, OTHER, MISSING):
            found.advise(f"rows cannot be paired by {key.name or 'the column without a name'}: {key.says}")
    if not alignment.same_rows and not keyed:
        counts = sorted(alignment.rows)
        hint = "; is a first row a header? --header or --no-header decides" if counts[-1] - counts[0] == 1 else ""
        found.advise(f"{alignment.says}; pair them by a key that all files have, or write files of one length{hint}")


def _position(given: Given) -> str:
    return str(list(given.files[0].names).index(""))


def _fit(
    found: Found, given: Given, pred: Operand, target: Operand, pairings: Sequence[tuple[Mapping[str, str], str]]
) -> None:
    """The commands of a prediction and a target."""
    readings = read(pred, target)
    for text in readings.advice:
        found.advise(text)
    refusals: list[str] = []
    first: Plan | None = None
    for options, paired in pairings:
        for reading in readings.readings:
            plan = _plan(given, reading.loss, {"pred": pred, "target": target}, reading.why)
            plan = plan.having({**reading.options, **options}, *([paired] if paired else []))
            why = found.take(given, plan)
            refusals += [why] if why else []
            first = first or (None if why else plan)
    if first is None:
        for why in refusals[:_REFUSALS]:
            found.advise(why)
        return
    for more in _variants(given, first, pred, target):
        found.take(given, more)


def _plan(given: Given, loss: str, operands: Mapping[str, Operand], why: str) -> Plan:
    """A loss of some columns, with what they need: missing values left out, infinite ones let in."""
    roles = get(loss).kind.roles
    first = next(iter(operands.values())).place
    places = {role: o.place for k, (role, o) in enumerate(operands.items()) if k == 0 or o.place != first}
    columns = unusual_columns(roles, {role: in_rows(given.readers[k]) for role, k in places.items()}, dict(operands))
    missing = {o.called: o.field.facts.missing for o in operands.values() if o.field.facts.missing}
    infinite = any(o.field.facts.infinite for o in operands.values())
    plan = Plan(loss, places, columns, {}, (*(("allow-inf",) if infinite else ()), *given.flags), (why,))
    told = " and ".join(f"{count} missing in {name}" for name, count in missing.items())
    return plan.having({"missing": "drop"}, f"rows left out: {told}") if missing else plan


def _variants(given: Given, plan: Plan, pred: Operand, target: Operand) -> Iterator[Plan]:
    """The same weighted, for the groups of a column, and with a column of variances."""
    played = {(o.place, j) for o in (pred, target) for j in o.field.columns}
    roles = {"pred": pred.place, "target": target.place}
    others = [
        (role, f)
        for role, k in roles.items()
        if role == "pred" or k != pred.place
        for f in given.files[k].columns
        if (k, f.columns[0]) not in played and f.name and "," not in f.name and ":" not in f.name
    ]
    counts = [f.name for _, f in others]
    called = [(f.name if counts.count(f.name) == 1 else f"{role}:{f.name}", role, f) for role, f in others]
    weights = [spec for spec, _, f in called if "weight" in f.kinds and not f.facts.missing + f.facts.infinite]
    yield from (plan.having({"weight-col": spec}, f"weighted by {spec}") for spec in weights[:1])
    groups = [spec for spec, _, f in called if _is_group(f)]
    yield from (plan.having({"by": spec}, f"for each {spec}") for spec in groups[:1])
    for _, role, f in called:
        if role == "pred" and f.name.lower() in names.VARIANCES and f.facts.low > 0 and plan.loss == "mse":
            variance, why = Operand(pred.place, pred.file, f), f"{f.name} holds the predicted variance"
            found = _plan(given, "gaussian_nll", {"pred": pred, "target": target, "variance": variance}, why)
            yield found.having({k: v for k, v in plan.options.items() if k in ("id", "ids")})


def _is_group(found: Field) -> bool:
    values = found.facts.values
    return "group" in found.kinds and values is not None and 1 < len(values) <= _GROUPS


_OTHERS = ("triplet", "contrastive")


def embeddings(given: Given, alignment: Alignment | None) -> Found:
    """Commands for vectors side by side: three files, or one with columns called as the roles are."""
    found = Found([], [])
    pairings = list(_pairings(alignment, given, found)) if alignment else [({}, "")]
    for loss in _OTHERS:
        roles = [role.name for role in get(loss).kind.roles]
        if len(given.files) == 1 and not all(_has(given.files[0], role) for role in roles):
            continue
        places = {role: k for k, role in enumerate(roles) if k < len(given.files)}
        why = f"{', '.join(roles)}, as they stand in {'order' if len(places) > 1 else 'the file'}"
        for options, paired in pairings:
            plan = Plan(loss, places, {}, {}, given.flags).having(options, why, *([paired] if paired else []))
            if (refusal := found.take(given, plan)) and len(given.files) > 1:
                found.advise(f"{loss}: {refusal}")
    return Found(found.commands, [] if found.commands else found.advice)


def _has(file: FileFacts, role: str) -> bool:
    return any(name.lower() == role or name.lower().startswith(f"{role}_") for name in file.names)
