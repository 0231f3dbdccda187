"""CSV and its like."""

from tests.hazards.support import Hazard

HAZARDS: list[Hazard] = []
