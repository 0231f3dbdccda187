"""What a column looks like, from what was counted and from its name: the likeliest first, each with its reason."""

from collections.abc import Iterator, Sequence

from losscli.inspection import names
from losscli.inspection.findings import MOST, Facts, Field, Look, VectorFacts
from losscli.literals import canonical

_CLASSES = 100  # distinct whole numbers that may be classes


def looks_of(found: Field) -> Sequence[Look]:
    """What a column, or a group of them, looks like."""
    if found.facts.refused:
        return [Look("unread", found.facts.refused)]
    facts = found.facts
    if isinstance(facts, VectorFacts):
        return list(_of_vectors(found, facts))
    if not facts.numbers and not facts.texts:
        is_date = any(word in found.dtype for word in ("date", "time"))
        return [Look("date", found.dtype)] if is_date else [_nothing(found)]
    return list(_of_text(found) if facts.texts else _of_numbers(found))


def _nothing(found: Field) -> Look:
    is_typed = found.facts.rows > found.facts.missing
    return Look("other", f"of type {found.dtype}") if is_typed else Look("empty", "every cell is missing")


def _of_text(found: Field) -> Iterator[Look]:
    facts, name = found.facts, found.name
    if facts.numbers:
        yield Look("mixed", f"numbers {facts.numbers}, texts {facts.texts}")
        return
    if facts.are_dates:
        yield Look("date", "ISO dates")
        return
    yield from _constant(facts)
    if names.is_key(name):
        yield Look("id", "its name")
    elif not facts.is_repeated and facts.rows > 1 and not _is_role(name):
        yield Look("id", "no text twice" + ("" if facts.values is not None else f" in the first {MOST}"))
    if names.is_usual(name, "target"):
        yield Look("label", "its name")
    elif facts.values is not None and facts.is_repeated and len(facts.values) > 1:
        yield from _categories(len(facts.values), name)
    yield Look("text", "no numbers")


def _categories(distinct: int, name: str) -> Iterator[Look]:
    """Text that repeats: labels, or groups of rows."""
    why = f"{distinct} distinct texts"
    if names.is_part(name):
        yield Look("group", "its name")
        return
    yield Look("label", why)
    yield Look("group", why)


def _constant(facts: Facts) -> Iterator[Look]:
    if facts.values is not None and len(facts.values) == 1 and facts.rows > 1:
        (value,) = facts.values
        yield Look("constant", f"all {value if isinstance(value, str) else canonical(value)}")


def _of_numbers(found: Field) -> Iterator[Look]:
    facts, name = found.facts, found.name
    yield from _constant(facts)
    if names.is_key(name) and facts.is_whole:
        yield Look("id", "its name" if name else "whole numbers without a name, as an index has")
    elif facts.counts_from is not None and facts.rows > 2 and not _is_role(name):
        yield Look("id", f"counts rows from {facts.counts_from}")
    if names.is_weight(name) and facts.low >= 0:
        yield Look("weight", "its name, none below 0")
    if names.is_mask(name) and facts.only(0, 1):
        yield Look("mask", "its name, 0 and 1")
    if names.is_part(name) and facts.is_whole and facts.values is not None:
        yield Look("group", f"its name, {len(facts.values)} distinct")
    yield from _labels(facts, name)
    if not facts.only(0, 1) and not facts.only(-1, 1):
        yield from _forms(facts, name)
    kind = "prediction" if names.is_usual(name, "pred") else "target" if names.is_usual(name, "target") else "number"
    yield Look(kind, "its name" if kind != "number" else f"{'whole ' if facts.is_whole else ''}numbers")


def _is_role(name: str) -> bool:
    return names.is_usual(name, "pred") or names.is_usual(name, "target")


def _labels(facts: Facts, name: str) -> Iterator[Look]:
    if facts.only(0, 1):
        yield Look("label", "0 and 1" if len(facts.values or ()) > 1 else "0 or 1")
    elif facts.only(-1, 1) and facts.low == -1:
        yield Look("label", "-1 and 1")
    elif _may_be_classes(facts) and not (names.is_usual(name, "pred") or names.is_key(name) or names.is_weight(name)):
        low, high = canonical(facts.low), canonical(facts.high)
        yield Look("label", f"{len(facts.values or ())} whole numbers, {low} to {high}")


def _may_be_classes(facts: Facts) -> bool:
    return facts.is_whole and facts.is_repeated and facts.values is not None and len(facts.values) <= _CLASSES


def _forms(facts: Facts, name: str) -> Iterator[Look]:
    """Forms of predictions of a class."""
    said = names.form_said(name)
    if said == "logits":
        yield Look("logit", "its name")
    elif said == "log_probs" and facts.high <= 0:
        yield Look("log-probability", "its name, none above 0")
    elif said == "percent" or (said == "probs" and 1 < facts.high <= 100 and facts.low >= 0):
        yield Look("percentage", "its name" if said == "percent" else "its name, up to 100")
    elif facts.within(0, 1) and not facts.is_whole:
        yield Look("probability", "all in [0, 1]")
    elif facts.high <= 0 and not facts.is_whole and names.is_usual(name, "pred"):
        yield Look("log-probability or logit", "none above 0")


def _of_vectors(found: Field, facts: VectorFacts) -> Iterator[Look]:
    if not facts.numbers:
        yield Look("empty", "every cell is missing")
        return
    if facts.only(0, 1) and facts.sums_to_one(0):
        yield Look("one-hot rows", "a 1 a row")
    elif facts.only(0, 1):
        yield Look("labels, several a row", "0 and 1")
    elif facts.within(0, 1) and facts.sums_to_one():
        yield Look("probabilities, a column a class", "rows add up to 1")
    elif facts.high <= 0 and 0.999 < facts.exp_low <= facts.exp_high < 1.001:
        yield Look("log-probabilities, a column a class", "their exponentials add up to 1")
    elif facts.within(0, 1):
        yield Look("probabilities of several labels, or not normalised", "in [0, 1], rows do not add up to 1")
    elif names.form_said(found.name) == "logits":
        yield Look("logits, a column a class", "its name")
    else:
        yield Look("logits or vectors", "rows of any numbers")
