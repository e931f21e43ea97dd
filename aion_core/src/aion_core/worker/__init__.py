"""What a runtime runs in its threads or processes. For authors of runtimes.

`Bodies` runs attempts of activities, `Resources` keeps what activities
share. None of them starts a thread: where they run is the runtime's choice.
"""

from aion_core.authoring.resources import Resources
from aion_core.codec.values import Values
from aion_core.worker.bodies import Attempt, Bodies

__all__ = ["Attempt", "Bodies", "Resources", "Values"]
