"""JUnit XML, which CI servers read: a test suite an evaluation, and in it a test case for each value, that it is
finite, and for each gate at each value. Nothing in it tells of the time, so that equal runs write equal files.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from losscli.escape import escape
from losscli.render.lines import number
from losscli.render.outcomes import Outcome
from losscli.results import Result, Verdict


class Case(NamedTuple):
    """A test case: `kind` is the element that says how it ended, a failed one's `failure`, and none where all is well;
    `type` what did not hold.
    """

    group: str
    name: str
    kind: str = ""
    type: str = ""
    message: str = ""


def junit(outcomes: Sequence[Outcome]) -> str:
    """The whole file. What kept an evaluation from its values is an error; any answer is a pass or a failure."""
    suites = ET.Element("testsuites")
    for k, outcome in enumerate(outcomes):
        suites.append(_suite(k, outcome))
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _suite(k: int, outcome: Outcome) -> ET.Element:
    called = "losscli" + (f".{_joined(outcome.name)}" if outcome.name else "")
    cases = _numbered(_cases(outcome))
    ends = Counter(case.kind for case in cases)
    counts = {"tests": len(cases), "failures": ends["failure"], "errors": ends["error"], "skipped": 0}
    suite = _element("testsuite", name=called, package=called, id=k, **counts, time=0)
    suite.append(_properties(outcome))
    for case in cases:
        classname = ".".join([called, *filter(None, [_joined(case.group)])])
        suite.append(element := _element("testcase", classname=classname, name=case.name, time=0))
        if case.kind:
            element.append(end := _element(case.kind, message=case.message, type=case.type))
            end.text = escape(case.message)  # some viewers show the one, some the other
    return suite


def _cases(outcome: Outcome) -> Iterator[Case]:
    if outcome.report is None:
        yield Case("", "evaluation", "error", "error", "; ".join(outcome.errors))
        return
    for result, why in outcome.finite:
        name = f"{result.called} is finite"
        yield Case(result.name, name, "failure", "nonfinite", why) if why else Case(result.name, name)
    for verdict in outcome.report.gates:
        group, name = _loss_of(verdict, outcome.report.results), f"{verdict.gate} at {verdict.of}"
        yield Case(group, name) if verdict.passed else Case(group, name, "failure", "gate", verdict.message)


def _loss_of(verdict: Verdict, results: Sequence[Result]) -> str:
    """The name of the loss whose value was judged: as it is called, its size |…|, or a group of it […]."""
    of = f"{verdict.of.strip('|')}["
    found = [r for r in results if of.startswith((f"{r.loss}[", f"{r.called}["))]
    return max(found, key=lambda result: len(result.loss)).name if found else ""


def _numbered(cases: Iterator[Case]) -> list[Case]:
    """Names that are there already get a number: viewers take cases of one name for one that was run again."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for case in cases:
        seen[case[:2]] += 1
        again = seen[case[:2]]
        found.append(case if again == 1 else case._replace(name=f"{case.name} ({again})"))
    return found


def _properties(outcome: Outcome) -> ET.Element:
    properties = ET.Element("properties")
    for result in outcome.report.results if outcome.report else ():
        for what, value in (("value", number(result.value)), ("signature", result.signature)):
            properties.append(_element("property", name=f"{what} of {result.called}", value=value))
    return properties


def _joined(name: str) -> str:
    """A part of a class's name, which viewers split at dots."""
    return name.replace(".", "_")


def _element(tag: str, **attributes: str | int) -> ET.Element:
    """An element whose texts have no character that XML forbids."""
    return ET.Element(tag, {key: escape(str(value)) for key, value in attributes.items()})
