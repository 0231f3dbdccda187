"""The unit of information: what a logarithm of base e, or of base 2, measures in."""

from math import log
from typing import TYPE_CHECKING, Annotated, Literal

from losscli.parameters import Param

if TYPE_CHECKING:
    from losscli.registry import Yields

Units = Annotated[Literal["nats", "bits"], Param("what information is measured in: nats (ln) or bits (log2)")]


def in_units(yields: "Yields", units: str) -> "Yields":
    """The value and derivatives of a loss in nats, in the unit that is wanted: a bit is ln 2 nats."""
    for found in yields:
        yield found if units == "nats" else found / log(2)
