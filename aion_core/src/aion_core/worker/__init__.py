"""What a runtime runs in its threads or processes. For authors of runtimes.

`Driver` runs workflow code, `Bodies` runs attempts of activities, `Resources` keeps what activities share. None of them
starts a thread: where they run is the runtime's choice.
"""

from aion_core.authoring.resources import Resources
from aion_core.codec.values import Values
from aion_core.worker.bodies import Attempt, Bodies
from aion_core.worker.driver import Driver

__all__ = ["Attempt", "Bodies", "Driver", "Resources", "Values"]
