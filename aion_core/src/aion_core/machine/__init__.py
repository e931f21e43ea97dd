"""The deterministic machine: runs workflow code, one event after the other, and says what it asks for.

It touches no clock, store or thread: what it is given is applied, and what comes of it is returned.
"""

from aion_core.machine import ordered
from aion_core.machine.facts import ContinuedAsNew
from aion_core.machine.guard import Guard
from aion_core.machine.history import Sorter
from aion_core.machine.loop import WorkflowLoop
from aion_core.machine.plain import in_plain_code, run_plain, wait_for
from aion_core.machine.replay import replay
from aion_core.machine.run import WorkflowRun

__all__ = [
    "ContinuedAsNew",
    "Guard",
    "Sorter",
    "WorkflowLoop",
    "WorkflowRun",
    "in_plain_code",
    "replay",
    "run_plain",
    "wait_for",
]

ordered.install()
