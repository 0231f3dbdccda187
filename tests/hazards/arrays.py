"""NPY and NPZ."""

from tests.hazards.support import Hazard

HAZARDS: list[Hazard] = []
