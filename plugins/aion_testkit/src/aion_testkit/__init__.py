"""The conformance kit for authors of Aion plugins.

    from aion_testkit import EventStoreConformance

    class TestMyStore(EventStoreConformance):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda: MyStore(MySettings(path=tmp_path / "store"))

Names are imported when they are first used: the pytest plugin of this distribution is loaded with every test run of the
environment, and must cost nothing there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aion_testkit.clock import SteppedPlatform
    from aion_testkit.conformance import Case, CaseReplaced
    from aion_testkit.events import EventStoreConformance
    from aion_testkit.faults import FaultInjectingStore, FaultKind, FaultPlan, PlannedFault
    from aion_testkit.faulty import Fault, FaultyEventStore
    from aion_testkit.forwarding import (
        ForwardingEventStore,
        ForwardingVisibilityStore,
        NotForwarded,
        check_forwarding,
    )
    from aion_testkit.inline import InlineRuntime, InlineSettings
    from aion_testkit.invariants import Acknowledged, Invariant, Violation, check_invariants
    from aion_testkit.replaying import Mismatch, Replays
    from aion_testkit.running import CaseResult, ConformanceReport, Verdict, run_conformance
    from aion_testkit.runtimes import RuntimeConformance
    from aion_testkit.simulated import Crash, SimulatedPlatform, Stuck
    from aion_testkit.visibility import VisibilityStoreConformance

__all__ = [
    "Acknowledged",
    "Case",
    "CaseReplaced",
    "CaseResult",
    "ConformanceReport",
    "Crash",
    "EventStoreConformance",
    "Fault",
    "FaultInjectingStore",
    "FaultKind",
    "FaultPlan",
    "FaultyEventStore",
    "ForwardingEventStore",
    "ForwardingVisibilityStore",
    "InlineRuntime",
    "InlineSettings",
    "Invariant",
    "Mismatch",
    "NotForwarded",
    "PlannedFault",
    "Replays",
    "RuntimeConformance",
    "SimulatedPlatform",
    "SteppedPlatform",
    "Stuck",
    "Verdict",
    "Violation",
    "VisibilityStoreConformance",
    "check_forwarding",
    "check_invariants",
    "run_conformance",
]

_HOMES = {
    "Acknowledged": "invariants",
    "Case": "conformance",
    "CaseReplaced": "conformance",
    "CaseResult": "running",
    "ConformanceReport": "running",
    "Crash": "simulated",
    "EventStoreConformance": "events",
    "Fault": "faulty",
    "FaultInjectingStore": "faults",
    "FaultKind": "faults",
    "FaultPlan": "faults",
    "FaultyEventStore": "faulty",
    "ForwardingEventStore": "forwarding",
    "ForwardingVisibilityStore": "forwarding",
    "InlineRuntime": "inline",
    "InlineSettings": "inline",
    "Invariant": "invariants",
    "Mismatch": "replaying",
    "NotForwarded": "forwarding",
    "PlannedFault": "faults",
    "Replays": "replaying",
    "RuntimeConformance": "runtimes",
    "SimulatedPlatform": "simulated",
    "SteppedPlatform": "clock",
    "Stuck": "simulated",
    "Verdict": "running",
    "Violation": "invariants",
    "VisibilityStoreConformance": "visibility",
    "check_forwarding": "forwarding",
    "check_invariants": "invariants",
    "run_conformance": "running",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
