"""Files and streams, whatever they hold."""

from tests.hazards.support import Hazard

HAZARDS: list[Hazard] = []
