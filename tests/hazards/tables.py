"""Parquet."""

from tests.hazards.support import Hazard

HAZARDS: list[Hazard] = []
