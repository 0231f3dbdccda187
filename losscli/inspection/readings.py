"""What a prediction and a target may mean together, and the losses of each meaning. Where two are possible, both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from losscli.inspection.findings import Field, VectorFacts
from losscli.inspection.operands import Operand
from losscli.literals import canonical

_IGNORED = (-100, 255)  # torch's default, and what the unknown is in maps of labels, where there are fewer classes
_CLASSES = 100
_LEAST_PERCENT = 10  # the largest of percentages is above it
_FRACTIONS_OF_ONE = 0.05  # how far sums may be from 1 for probabilities that are meant to add up to it


class Reading(NamedTuple):
    """A loss, options that it needs beside, and why it fits."""

    loss: str
    why: str
    options: Mapping[str, str] = {}


@dataclass
class Read:
    """The readings of a prediction and a target, and what stands in the way of others."""

    readings: list[Reading] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)


def read(pred: Operand, target: Operand) -> Read:
    """What they may mean together."""
    found = Read()
    p, t = pred.field, target.field
    if p.width > 1 and t.width == 1:
        found.readings += _of_classes(pred, target, found.advice)
    elif p.width != t.width:
        found.advice.append(
            f"{pred.called} has {p.width} number{'s' * (p.width > 1)} a row, {target.called} {t.width}: "
            "nothing is broadcast; give a file, or columns, of one width"
        )
    elif p.width > 1:
        found.readings += _of_vectors(pred, t)
    elif t.facts.texts:
        found.readings += _of_names(pred, target, found.advice)
    else:
        found.readings += _of_numbers(pred, target, found.advice)
    return found


def _of_names(pred: Operand, target: Operand, advice: list[str]) -> Iterator[Reading]:
    """One column of numbers beside labels of text."""
    advice.append(
        f"{target.called} holds text and {pred.called} one number a row: which text is class 1 is not known; "
        "write 0 and 1 for probabilities of class 1, or give a column a class"
    )
    return iter(())


def _of_numbers(pred: Operand, target: Operand, advice: list[str]) -> Iterator[Reading]:
    p, t = pred.field.facts, target.field.facts
    if t.only(-1, 1) and t.low == -1:
        yield Reading("hinge", f"{target.called} is -1 or 1, {pred.called} a score")
        return
    if t.only(0, 1):
        yield from _of_outcomes(pred, target, advice)
        return
    decided = p.is_whole and t.is_whole and p.values and t.values and p.values <= t.values and len(t.values) <= _CLASSES
    if decided:
        advice.append(
            f"{pred.called} holds classes that are decided, it seems: as classes they have no loss here; "
            "give a column of probabilities a class"
        )
    both = p.within(0, 1) and t.within(0, 1)
    as_what = "if they are quantities" if both or decided else "numbers against numbers"
    yield Reading("mse", f"{pred.called} and {target.called}: {as_what}")
    if both:
        yield Reading("bce", f"if {target.called} holds probabilities of class 1, between 0 and 1")
        yield Reading("brier", f"if {target.called} holds probabilities of class 1, between 0 and 1")


def _of_outcomes(pred: Operand, target: Operand, advice: list[str]) -> Iterator[Reading]:
    """Targets 0 and 1."""
    p, said = pred.field.facts, pred.said
    outcomes = f"{target.called} is 0 or 1"
    is_percent = p.low >= 0 and _LEAST_PERCENT < p.high <= 100
    if is_percent and said in ("percent", "probs"):
        advice.append(
            f"{pred.called} goes up to {canonical(float(p.high))}: percentages? divide by 100 for bce and brier"
        )
        return
    if is_percent and said != "logits":
        advice.append(f"{pred.called} lies in [0, 100]: if these are percentages, divide by 100 instead")
    is_probable = p.within(0, 1)
    if is_probable:
        clause = "all in [0, 1]: if they are probabilities" if said in ("logits", "log_probs") else "in [0, 1]"
        yield from _of_probabilities(f"{outcomes}, {pred.called} {clause}", p.only(0, 1), pred, advice)
    forms = {"log_probs"} if p.low < p.high <= 0 and said != "logits" else set()
    forms |= {"logits"} if said == "logits" or (not is_probable and said != "log_probs") else set()
    as_number = not is_probable and not said
    quantity = Reading("mse", f"if {target.called}, which is all 0 or 1, is a quantity")
    is_constant = target.field.facts.values is not None and len(target.field.facts.values) == 1
    doubt = len(forms) + is_probable + as_number > 1
    if as_number and is_constant:
        yield quantity
    for form in sorted(forms, reverse=True):
        reason = f"if they are {_WORDS[form]}" if doubt else f"{_WORDS[form]}, not all in [0, 1]"
        yield Reading(f"bce:form={form}", f"{outcomes}, {pred.called}: {reason}")
    if "logits" in forms:
        yield Reading("hinge", f"{outcomes}, {pred.called}: if they are scores of a margin", {"labels": "01"})
    if (as_number and not is_constant) or (is_probable and is_constant):
        yield quantity


_WORDS = {"logits": "logits", "log_probs": "log-probabilities of class 1"}


def _of_probabilities(why: str, decided: bool, pred: Operand, advice: list[str]) -> Iterator[Reading]:
    if decided:
        advice.append(
            f"{pred.called} holds 0 and 1 alone: classes that are decided, it seems, for which bce is infinite where "
            "they are wrong; give probabilities"
        )
    else:
        yield Reading("bce", why)
    yield Reading("brier", why)
    yield Reading("dice", f"{why}: overlap, if they are masks of an object")


def _class_forms(pred: Operand) -> Iterator[tuple[str, str]]:
    """What a column a class may hold: a form, and the reason. What does not add up is refused when it is tried."""
    facts, said = pred.field.facts, pred.said
    if not isinstance(facts, VectorFacts):
        return
    is_probable = facts.within(0, 1) and facts.sums_to_one(_FRACTIONS_OF_ONE)
    is_log = facts.high <= 0 and 1 - _FRACTIONS_OF_ONE <= facts.exp_low <= facts.exp_high <= 1 + _FRACTIONS_OF_ONE
    if is_probable:
        yield "probs", "rows add up to 1"
    if is_log:
        yield "log_probs", "exponentials of rows add up to 1"
    if said == "logits" or not (is_probable or is_log or facts.within(0, 1)):
        yield "logits", "rows do not add up to 1" if not (is_probable or is_log) else "if they are logits, as named"


def _class_losses(form: str, why: str, options: Mapping[str, str]) -> Iterator[Reading]:
    if form == "probs":
        yield Reading("cross_entropy", why, options)
        yield Reading("brier", why, options)
        return
    yield Reading(f"cross_entropy:form={form}", why, options)
    if form == "log_probs":
        yield Reading("nll", why, options)


def _of_classes(pred: Operand, target: Operand, advice: list[str]) -> Iterator[Reading]:
    """A column a class, and one column of labels."""
    meanings = list(_meanings(pred, target, advice))
    forms = list(_class_forms(pred))
    facts = pred.field.facts
    if meanings and not forms and isinstance(facts, VectorFacts):
        advice.append(
            f"{pred.called} in [0, 1], but rows add up to {facts.sum_low:.6g} to {facts.sum_high:.6g}: probabilities "
            "of several labels a row need a column of 0 and 1 a label as targets; others have to be normalised"
        )
    for form, reason in forms:
        for meaning, options in meanings:
            yield from _class_losses(form, f"{pred.field.width} columns, {reason}; {target.called}: {meaning}", options)


def _meanings(pred: Operand, target: Operand, advice: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """What labels may be: names of the columns, names in an order that is to be said, numbers from 0 or from 1."""
    facts, classes = target.field.facts, pred.field.width
    if facts.texts:
        yield from _named(pred, target, advice)
        return
    if not facts.is_whole or facts.infinite:
        advice.append(
            f"{target.called} is no label of {classes} classes: fractions are among its numbers; give labels, or a "
            "prediction of one column"
        )
        return
    said = [float(v) for v in facts.values or (facts.low, facts.high)]
    ignored = next((v for v in _IGNORED if v in said and not 0 <= v <= classes), None)
    known = sorted(v for v in said if v != ignored)
    ignoring = {} if ignored is None else {"ignore_index": str(ignored)}
    if pred.headers and all(header.rpartition("_")[2].isdigit() for header in pred.headers):
        yield "numbers that name the columns", ignoring
        return
    if not known or known[0] < 0 or known[-1] > classes or (known[-1] == classes and known[0] < 1):
        advice.append(
            f"{target.called} has labels {canonical(facts.low)} to {canonical(facts.high)}, "
            f"{pred.called} is {classes} wide: they do not fit one another"
        )
        return
    both = known[0] >= 1 and known[-1] < classes
    doubt = ", if so: no label is 0" if both else ""
    if known[-1] < classes:
        yield f"counted from 0{doubt}", ignoring
    if known[0] >= 1:
        yield f"counted from 1{doubt}", {"label_base": "1", **ignoring}


def _named(pred: Operand, target: Operand, advice: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    values = sorted(str(value) for value in target.field.facts.values or ())
    if pred.headers and not all(header.isdigit() for header in pred.headers):
        yield "names of the columns", {}
        return
    if len(values) == pred.field.width and not any("," in value for value in values):
        yield (
            "names in alphabetical order, as many libraries have the columns; else say theirs",
            {"classes": ",".join(values)},
        )
        return
    advice.append(
        f"{target.called} has {len(values)} names, {pred.called} {pred.field.width} columns without names: "
        "say them in the columns' order, --classes A,B,C"
    )


def _of_vectors(pred: Operand, t: Field) -> Iterator[Reading]:
    """Rows of numbers on both sides."""
    p, facts = pred.field, t.facts
    if isinstance(facts, VectorFacts) and facts.within(0, 1) and facts.sums_to_one():
        what = "one-hot rows" if facts.only(0, 1) else "distributions"
        for form, reason in _class_forms(pred):
            yield from _class_losses(form, f"{p.width} columns, {reason}; targets are {what}", {})
        return
    if facts.only(-1, 1):
        yield Reading("hinge", f"scores of {p.width} outputs, targets -1 and 1")
        return
    if facts.only(0, 1):
        form = "" if p.facts.within(0, 1) else ":form=logits"
        yield Reading(f"bce{form}", f"{p.width} labels a row, 0 or 1; {'logits' if form else 'predictions in [0, 1]'}")
        if p.facts.high <= 0 and form:
            yield Reading("bce:form=log_probs", f"{p.width} labels a row, 0 or 1; if they are log-probabilities")
        return
    yield Reading("mse", f"{p.width} numbers against {p.width} numbers a row")
