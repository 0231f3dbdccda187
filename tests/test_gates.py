"""Gates: what they say, what fails them, and which losses, slices and directions they speak of."""

import json
import shlex
from collections.abc import Callable
from fractions import Fraction
from math import inf, nan
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli.errors import UsageError
from losscli.gates import Gate, Limit, Regress, direction, fail_if, judged, limits
from losscli.literals import format_number
from losscli.objectives import parse
from losscli.registry import definitions
from losscli.results import Group, Report, Result
from losscli.selection import Account
from tests.support import Ran, put

Run = Callable[..., Ran]

FILES = {
    "p.csv": "country,fold,y_pred\nDE,1,1\nDE,2,2\nFR,1,5\n,2,3\n",
    "t.csv": "y\n1\n4\n2\n3\n",
    "even.csv": "p_a,p_b\n1,0\n0.5,0.5\n1,0\n1,0\n",
    "label.csv": "label\na\nb\nb\na\n",
    "far.csv": "y_pred\n1\ninf\n-inf\n2\n",
    "empty.csv": "y_pred,y,country\n",
}
MAE = ("eval", "-l", "mae", "p.csv", "t.csv")  # 5/4: DE 1, FR 3, missing 0


@pytest.fixture
def files(here: Path) -> None:
    put(here, FILES)


@pytest.fixture
def eval_mae(run_here: Run, files: None) -> Run:
    """`eval_mae("--max", "1")`: the mae of p.csv with these options."""
    return lambda *options: run_here(*MAE, *options)


def report_of(
    value: float | None, baseline: float | None = None, groups: tuple[Group, ...] = (), loss: str = "mae"
) -> Report:
    result = Result(
        *(loss, loss, MappingProxyType({}), "mean", value, 4, 4.0, 1, None, None, None, "made so"),
        baseline=baseline,
        groups=groups,
    )
    return Report("0", (), Account({}, 4, {}, {}), (result,))


# What a gate says


@pytest.mark.parametrize(
    ("gate", "message"),
    {
        "mae > 1": "mae is 1.25, above --fail-if 1.0 by 0.25",
        "mae>1": "mae is 1.25, above --fail-if 1.0 by 0.25",
        "mae >= 1.25": "mae is 1.25, at or above --fail-if 1.25 by 0.0",
        "mae < 2": "mae is 1.25, below --fail-if 2.0 by 0.75",
        "mae <= 1.25": "mae is 1.25, at or below --fail-if 1.25 by 0.0",
        "mae > -inf": "mae is 1.25, which fails --fail-if 'mae > -inf'",
        "L1Loss > 1": "mae is 1.25, above --fail-if 1.0 by 0.25",
        "mae[country=DE] > 0.5": "mae[country=DE] is 1.0, above --fail-if 0.5 by 0.5",
        " mae [ country = DE ] > 0.5": "mae[country=DE] is 1.0, above --fail-if 0.5 by 0.5",
        "mae[country=] < 0.5": "mae[country=] is 0.0, below --fail-if 0.5 by 0.5",
        "mae[fold=1] > 1": "mae[fold=1] is 1.5, above --fail-if 1.0 by 0.5",
        "mae[fold=1.0] > 1": "mae[fold=1.0] has no value: no such group; there are fold=1; fold=2",
        "mae[fold=2,country=DE] > 1": "mae[fold=2,country=DE] is 2.0, above --fail-if 1.0 by 1.0",
        "mae[country=Spain] > 1": (
            "mae[country=Spain] has no value: no such group; there are country=FR; country=DE; country="
        ),
    }.items(),
)
def test_a_gate_that_fails_says_value_limit_and_difference(gate: str, message: str, eval_mae: Run) -> None:
    ran = eval_mae("--fail-if", gate)
    assert (ran.code, ran.stderr) == (1, f"losscli: error: {message}\n")
    assert ran.stdout == eval_mae().stdout


@pytest.mark.parametrize(
    "gate",
    [
        *("mae > 1.25", "mae >= 1.26", "mae < 1.25", "mae <= 1.24", "mae > inf", "mae > 1.25e0"),
        *("mae[country=DE] > 1", "mae[fold=2] > 1", "mae[country=*] > 3", "mae[fold=*,country=*] > 3"),
    ],
)
def test_a_gate_that_passes_says_nothing(gate: str, eval_mae: Run) -> None:
    assert eval_mae("--fail-if", gate) == eval_mae()


def test_every_gate_is_judged(eval_mae: Run) -> None:
    ran = eval_mae("--max", "1", "--min", "2", "--fail-if", "mae > 5", "--fail-if", "mae[country=*] > 0.5")
    assert ran.code == 1
    assert ran.stderr.splitlines() == [
        "losscli: error: mae is 1.25, above --max 1.0 by 0.25",
        "losscli: error: mae is 1.25, below --min 2.0 by 0.75",
        "losscli: error: mae[country=FR] is 3.0, above --fail-if 0.5 by 2.5",
        "losscli: error: mae[country=DE] is 1.0, above --fail-if 0.5 by 0.5",
    ]


def test_json_holds_what_became_of_each_gate(eval_mae: Run) -> None:
    ran = eval_mae("--max", "1", "--fail-if", "mae[country=FR] > 3", "--json")
    assert json.loads(ran.stdout)["gates"] == [
        {
            "gate": "--max 1",
            "of": "mae",
            "value": 1.25,
            "limit": 1.0,
            "difference": 0.25,
            "passed": False,
            "message": "mae is 1.25, above --max 1.0 by 0.25",
        },
        {
            "gate": "--fail-if 'mae[country=FR] > 3'",
            "of": "mae[country=FR]",
            "value": 3.0,
            "limit": 3.0,
            "difference": 0.0,
            "passed": True,
            "message": "mae[country=FR] is 3.0, which passes --fail-if 'mae[country=FR] > 3'",
        },
    ]


def test_groups_are_shown_only_where_they_were_asked_for(eval_mae: Run) -> None:
    hidden = eval_mae("--fail-if", "mae[country=FR] > 3", "--json")
    shown = eval_mae("--fail-if", "mae[country=FR] > 3", "--json", "--by", "country")
    assert "groups" not in json.loads(hidden.stdout)["results"][0]
    assert [group["value"] for group in json.loads(shown.stdout)["results"][0]["groups"]] == [3.0, 1.0, 0.0]


def test_a_slice_may_be_an_output_or_a_class(run_here: Run, files: None) -> None:
    bce = ("eval", "-l", "cross_entropy:clip=0.25", "even.csv", "label.csv", "--per-output")
    ran = run_here(*bce, "--fail-if", "cross_entropy[class=b] > 1", "--fail-if", "cross_entropy[class=a] > 1")
    assert "cross_entropy:clip=0.25[class=b] is 1.0397207708399179, above --fail-if 1.0 by 0.03" in ran.stderr
    assert ran.stderr.count("error") == 1


def test_a_slice_of_bins_is_named_by_its_interval(eval_mae: Run) -> None:
    ran = eval_mae("--by", "country,y_pred", "--bins", "2", "--fail-if", "mae[country=FR,y_pred=[3, 5]] > 2")
    assert ran.stderr == "losscli: error: mae[country=FR,y_pred=[3, 5]] is 3.0, above --fail-if 2.0 by 1.0\n"


def test_groups_gathered_for_being_small_are_none(eval_mae: Run) -> None:
    ran = eval_mae("--by", "country", "--min-group", "2", "--fail-if", "mae[country=FR] > 9")
    said = "no such group, or one too small for --min-group; there are country=DE"
    assert ran.stderr == f"losscli: error: mae[country=FR] has no value: {said}\n"


def test_a_key_that_is_a_number_is_compared_as_one() -> None:
    groups = tuple(Group({"c": key}, 2.0, 1, 1.0, None) for key in (1.0, 10, "1"))
    for said, found in {"1": ["mae[c=1.0]", "mae[c=1]"], "1e1": ["mae[c=10]"], "1.00": ["mae[c=1.0]"]}.items():
        verdicts = judged(report_of(1.0, None, groups), [fail_if(f"mae[c={said}] > 3", parse(["mae"]))])
        assert [verdict.of for verdict in verdicts] == found


# What is infinite or NaN


@pytest.mark.parametrize("gate", ["--max inf", "--min -inf", "--fail-if 'x > 1'", "--fail-if 'x < 1'"])
@pytest.mark.parametrize("value", [nan, inf, -inf, None])
def test_what_is_no_finite_number_fails_every_gate(gate: str, value: float | None) -> None:
    option, _, text = gate.partition(" ")
    made = Gate(gate, "", {}, text[3], Limit(None, 1.0)) if "x" in text else limits(option, text, float(text))
    (verdict,) = judged(report_of(value), [made])
    assert not verdict.passed
    assert verdict.message == f"mae is {'missing' if value is None else format_number(value)}, which fails {gate}"


@pytest.mark.parametrize("regress", ["0", "1%", "1e300"])
@pytest.mark.parametrize(("value", "baseline"), [(nan, 1.0), (inf, 1.0), (1.0, nan), (1.0, inf), (1.0, None)])
def test_nor_is_there_a_regression_without_two_numbers(regress: str, value: float, baseline: float | None) -> None:
    (verdict,) = judged(report_of(value, baseline), [Regress.of(regress, None, parse(["mae"]))])
    assert not verdict.passed


def test_an_infinite_slice_fails_its_gate_alone(run_here: Run, files: None) -> None:
    far = ("eval", "-l", "mae", "far.csv", "t.csv", "--allow-inf", "--allow-nonfinite")
    ran = run_here(*far, "--fail-if", "mae[y=1] > 9", "--fail-if", "mae[y=4] > 9")
    assert (ran.code, ran.stderr) == (1, "losscli: error: mae[y=4] is inf, which fails --fail-if 'mae[y=4] > 9'\n")


# What is asked for


@pytest.mark.parametrize(
    ("options", "message"),
    {
        "--fail-if mae": "--fail-if 'mae': write it as 'mae > 0.3', ",
        "--fail-if 'mae = 3'": "--fail-if 'mae = 3': write it as ",
        "--fail-if 'mae > high'": "--fail-if 'mae > high': write it as ",
        "--fail-if 'mae > 1e999'": "--fail-if 'mae > 1e999': write it as ",
        "--fail-if 'mae > 2 * baseline * 2'": "--fail-if 'mae > 2 * baseline * 2': write it as ",
        "--fail-if 'mae > inf * baseline'": "--fail-if 'mae > inf * baseline': write it as ",
        "--fail-if 'mea > 1'": "--fail-if 'mea > 1': no --loss is 'mea'; did you mean 'mae'?",
        "--fail-if 'huber > 1'": "--fail-if 'huber > 1': no --loss is 'huber'; there is mae",
        "--fail-if 'mae[country] > 1'": "--fail-if 'mae[country] > 1': write a slice as [COL=VALUE], ",
        "--fail-if 'mae[] > 1'": "--fail-if 'mae[] > 1': write a slice as ",
        "--fail-if 'mae[country=DE] > 1' --by fold": "names every column that groups are made by, which are fold; ",
        "--fail-if 'mae[country=DE] > 1' --fail-if 'mae[fold=1] > 1'": (
            "which are country; slices by other columns want a run of their own"
        ),
        "--fail-if 'mae[town=Ulm] > 1'": "no file has a column 'town' for --by",
        "--fail-if 'mae > baseline'": "--fail-if 'mae > baseline' needs a baseline; add --baseline FILE",
        "--max-regress 1%": "--max-regress 1% needs a baseline; add --baseline FILE",
        "--min-abs 1": "--min-abs 1 needs --max-regress",
        "--max 1 --reduction none": "--max needs a value, and --reduction none has none",
        "--fail-if 'mae > 1' --reduction none": "--fail-if needs a value, and --reduction none has none",
        "--save-baseline b.json --reduction none": "--save-baseline needs a value, and --reduction none has none",
        "--junit j.xml --reduction none": "--junit needs a value, and --reduction none has none",
        "--max 1 -l mse": "--max is for one loss; 2 are given: --fail-if can say which",
        "--max ''": "--max: '' is not a number",
        "--max nan": "--max: 'nan' is not a number",
    }.items(),
)
def test_what_cannot_be_judged_is_refused(options: str, message: str, eval_mae: Run) -> None:
    ran = eval_mae(*shlex.split(options))
    assert (ran.code, ran.stdout) == (2, "")
    assert message in ran.stderr


def test_a_loss_that_is_given_twice_is_named_by_its_parameters(run_here: Run, files: None) -> None:
    two = ("eval", "-l", "huber:delta=3", "-l", "huber:delta=2", "p.csv", "t.csv")
    for name in ("huber", "HuberLoss"):
        said = run_here(*two, "--fail-if", f"{name} > 1").stderr
        assert "which of huber:delta=3, huber:delta=2 is meant?" in said
    ran = run_here(*two, "--fail-if", "huber:delta=2.0 > 1")
    assert ran.stderr == "losscli: error: huber:delta=2 is 1.5, above --fail-if 1.0 by 0.5\n"
    three = (*two, "-l", "huber")
    assert "which of huber:delta=3, huber:delta=2, huber is meant? say its parameters, huber:…" in (
        run_here(*three, "--fail-if", "huber > 0.9").stderr
    )
    assert run_here(*three, "--fail-if", "huber:delta=1 > 0.9").stderr.startswith("losscli: error: huber is 1.0, above")


def test_a_gate_may_be_of_a_sum(run_here: Run, files: None) -> None:
    ran = run_here("eval", "-l", "mae + 0.5 * mse", "p.csv", "t.csv", "--fail-if", "mae + 0.5 * mse > 1")
    assert ran.stderr == "losscli: error: mae + 0.5 * mse is 2.875, above --fail-if 1.0 by 1.875\n"


# Limits and regressions, against exact arithmetic

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
DECIMALS = st.decimals("0", "1000", places=3)


@given(value=NUMBERS, limit=NUMBERS, sign=st.sampled_from([">", ">=", "<", "<="]))
def test_a_limit_is_compared_as_it_stands(value: float, limit: float, sign: str) -> None:
    gate = fail_if(f"mae {sign} {limit!r}", parse(["mae"]))
    (verdict,) = judged(report_of(value), [gate])
    holds = {">": value > limit, ">=": value >= limit, "<": value < limit, "<=": value <= limit}[sign]
    assert verdict.passed is not holds
    assert verdict.difference == value - limit


@given(value=NUMBERS, baseline=NUMBERS, factor=DECIMALS, offset=DECIMALS)
def test_a_limit_of_the_baseline_is_rounded_once(value: float, baseline: float, factor: Any, offset: Any) -> None:
    gate = fail_if(f"mae > {factor} * baseline - {offset}", parse(["mae"]))
    exact = Fraction(factor) * Fraction(baseline) - Fraction(offset)
    (verdict,) = judged(report_of(value, baseline), [gate])
    assert verdict.limit == float(exact)
    assert verdict.passed is (value <= float(exact))


@given(value=NUMBERS, baseline=NUMBERS, percent=DECIMALS, least=DECIMALS, loss=st.sampled_from(["mae", "bias", "r2"]))
def test_a_regression_is_worse_by_more_than_is_allowed(
    value: float, baseline: float, percent: Any, least: Any, loss: str
) -> None:
    """By the share, and by the least change that counts, on the side that is worse for the loss."""
    (verdict,) = judged(report_of(value, baseline, loss=loss), [Regress.of(f"{percent}%", str(least), parse([loss]))])
    worse = {
        "mae": Fraction(value) - Fraction(baseline),
        "r2": Fraction(baseline) - Fraction(value),
        "bias": abs(Fraction(value)) - abs(Fraction(baseline)),
    }[loss]
    allowed = max(abs(Fraction(baseline)) * Fraction(percent) / 100, Fraction(least))
    rounding = Fraction(1, 2**50) * (abs(Fraction(baseline)) + allowed)
    if abs(worse - allowed) > rounding:
        assert verdict.passed is (worse <= allowed)
    if worse <= 0:
        assert verdict.passed


@pytest.mark.parametrize("baseline", [0.1, 3.0, -0.7, 1e-300, 12345.678])
def test_a_decimal_share_is_meant_as_it_is_written(baseline: float) -> None:
    """1.1 * 3 is 3.3, whose float64 lies below the product of the float64 of 1.1 and 3."""
    limit = Limit.parse("1.1 * baseline")
    assert limit is not None
    assert limit.of(baseline) == float(Fraction("1.1") * Fraction(baseline))


def test_what_a_regression_says() -> None:
    one = parse(["mae"])
    told = [
        judged(report_of(*values), [Regress.of(*options, one)])[0].message
        for values, options in (
            ((1.02, 1.0), ("1%", None)),
            ((1.02, 1.0), ("0.01", None)),
            ((1.0, 1.0), ("0", None)),
            ((1.5, 1.0), ("1%", "0.25")),
        )
    ]
    assert told == [
        "mae is 1.02, above 1.01 by 0.010000000000000009 (baseline 1.0, --max-regress 1%)",
        "mae is 1.02, above 1.01 by 0.010000000000000009 (baseline 1.0, --max-regress 0.01)",
        "mae is 1.0, which passes --max-regress 0",
        "mae is 1.5, above 1.25 by 0.25 (baseline 1.0, --max-regress 1% --min-abs 0.25)",
    ]


def test_a_group_without_a_baseline_is_not_held_to_one() -> None:
    groups = (Group({"c": "a"}, 2.0, 1, 1.0, None, baseline=1.0), Group({"c": "b"}, 2.0, 1, 1.0, None))
    verdicts = judged(report_of(1.0, 1.0, groups), [Regress.of("1%", None, parse(["mae"]))])
    assert [(v.of, v.passed) for v in verdicts] == [("mae", True), ("mae[c=a]", False)]


@pytest.mark.parametrize("text", ["-1%", "1%%", "%", "", "inf", "nan", "one", "1 percent", "0x1"])
def test_what_is_no_tolerance(text: str) -> None:
    with pytest.raises(UsageError, match="neither a share such as 1% nor a number"):
        Regress.of(text, None, parse(["mae"]))


def test_a_least_change_goes_with_a_share() -> None:
    with pytest.raises(UsageError, match=r"0\.5 is absolute"):
        Regress.of("0.5", "0.1", parse(["mae"]))
    with pytest.raises(UsageError, match="--min-abs: '-1' is not a number of at least 0"):
        Regress.of("1%", "-1", parse(["mae"]))


@pytest.mark.parametrize(
    ("spec", "better"),
    [("mae", "lower"), ("bias", "zero"), ("r2", "higher"), ("mae + 0.5 * mse", "lower"), ("2 * r2", "higher")],
)
def test_which_values_are_better(spec: str, better: str) -> None:
    assert direction(parse([spec])[0]) == better


@pytest.mark.parametrize("spec", ["mae - mse", "mae + r2", "bias + bias", "2 * bias"])
def test_of_some_sums_nobody_knows(spec: str) -> None:
    with pytest.raises(UsageError, match="which values are better is not known"):
        direction(parse([spec])[0])


def test_every_loss_has_a_direction() -> None:
    found = {name: direction(parse([name])[0]) for name, d in definitions().items() if not d.origin}
    assert {name: better for name, better in found.items() if better != "lower"} == {
        "bias": "zero",
        "r2": "higher",
        "d2": "higher",
    }
