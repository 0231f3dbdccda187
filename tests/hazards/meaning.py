"""Files that can be read, and do not mean what the loss takes them for."""

from tests.hazards.support import Hazard

HAZARDS: list[Hazard] = []
