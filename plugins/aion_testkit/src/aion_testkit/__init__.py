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
    from aion_testkit.faulty import Fault, FaultyEventStore
    from aion_testkit.forwarding import (
        ForwardingEventStore,
        ForwardingVisibilityStore,
        NotForwarded,
        check_forwarding,
    )
    from aion_testkit.running import CaseResult, ConformanceReport, Verdict, run_conformance
    from aion_testkit.visibility import VisibilityStoreConformance

__all__ = [
    "Case",
    "CaseReplaced",
    "CaseResult",
    "ConformanceReport",
    "EventStoreConformance",
    "Fault",
    "FaultyEventStore",
    "ForwardingEventStore",
    "ForwardingVisibilityStore",
    "NotForwarded",
    "SteppedPlatform",
    "Verdict",
    "VisibilityStoreConformance",
    "check_forwarding",
    "run_conformance",
]

_HOMES = {
    "Case": "conformance",
    "CaseReplaced": "conformance",
    "CaseResult": "running",
    "ConformanceReport": "running",
    "EventStoreConformance": "events",
    "Fault": "faulty",
    "FaultyEventStore": "faulty",
    "ForwardingEventStore": "forwarding",
    "ForwardingVisibilityStore": "forwarding",
    "NotForwarded": "forwarding",
    "SteppedPlatform": "clock",
    "Verdict": "running",
    "VisibilityStoreConformance": "visibility",
    "check_forwarding": "forwarding",
    "run_conformance": "running",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
