"""Kinds of losses of two players: what a discriminator or a critic says of real samples, and of generated ones."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from losscli.errors import InputError
from losscli.kinds.checks import as_rows, check_elements
from losscli.kinds.domains import FORMS, REAL, Domain, Interval, Kind, Params, Role
from losscli.kinds.elements import in_form, shape_of
from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.kinds.domains import Array

_APART = "; a row is a real and a generated sample: take as many of each"
_OR_ADD = f"{_APART}, or add what 'losscli explain LOSS' names under Related for either"
_TWICE = "; with part=generator real does not count: give fake twice"


def _kind(
    name: str, shapes: str, domain: Domain | Mapping[str, Interval], apart: str = _OR_ADD, instead: str = _TWICE
) -> Kind:
    roles = tuple(Role(role, domain, instead=instead) for role in ("real", "fake"))
    sample = _sample_scores if domain is REAL else _sample_opinions
    check = partial(_check, roles, apart)
    return Kind(name, f"real and fake: (n,) or (n, d), {shapes}", roles, check, sample, ("real", "fake"), apart)


def _check(
    roles: tuple[Role, ...], apart: str, arrays: "list[Array]", params: Params, allow_inf: bool
) -> "list[Array]":
    rows = [len(as_rows(a)) for a in arrays]
    if rows[0] != rows[1]:
        raise InputError(f"row counts differ: real has {rows[0]} rows, fake has {rows[1]}{apart}")
    return check_elements(roles, arrays, params, allow_inf)


def _sample_scores(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    real, fake = rng.normal(size=(2, *shape_of(n, outputs))) * 2
    return [real + 0.5, fake - 0.5]


def _sample_opinions(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return [in_form(1 / (1 + np.exp(-a)), a, params) for a in _sample_scores(rng, params, n, outputs)]


_PLACES = "of n real and of n generated samples; d places of each"
DISCRIMINATIONS = _kind("discriminations", f"what a discriminator says {_PLACES}", FORMS)
CRITIQUES = _kind("critiques", f"any scores {_PLACES}", REAL)
COMPARISONS = _kind(
    "comparisons", f"any scores {_PLACES}; depends on the differences of real and fake alone", REAL, _APART, ""
)
