"""Conformance of event stores: one class, made of layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from aion_testkit.clock import PassTime
from aion_testkit.conformance import Conformance
from aion_testkit.events.commits import CommitCases
from aion_testkit.events.concurrency import ConcurrencyCases
from aion_testkit.events.faults import FaultCases
from aion_testkit.events.feed import FeedCases
from aion_testkit.events.golden import GoldenCases
from aion_testkit.events.histories import HistoryCases
from aion_testkit.events.lifecycle import LifecycleCases
from aion_testkit.events.machine import ModelCases
from aion_testkit.events.messages import PostCases, SettleCases
from aion_testkit.events.ownership import OwnershipCases
from aion_testkit.events.packages import BlobCases, PackageCases
from aion_testkit.events.states import RunCases, StateCases, WakeCases
from aion_testkit.events.trimming import TrimCases
from aion_testkit.events.visible import AtomicVisibilityCases
from aion_testkit.place import MakeEventStore, Place

__all__ = ["EventStoreConformance"]


class EventStoreConformance(
    LifecycleCases,
    HistoryCases,
    CommitCases,
    StateCases,
    RunCases,
    WakeCases,
    PostCases,
    SettleCases,
    OwnershipCases,
    FeedCases,
    TrimCases,
    PackageCases,
    BlobCases,
    AtomicVisibilityCases,
    ConcurrencyCases,
    FaultCases,
    GoldenCases,
    ModelCases,
    Conformance,
):
    """Subclass it with one fixture, `make_store`.

    `make_store` is a factory: every call gives a fresh store object, not yet opened, onto the same place, which is
    empty when the test begins. Several of these objects are open at a time.

    A store on a clock that the test moves may have a second fixture, `pass_time`: a function that lets so many seconds
    pass for it. Without one, cases about the end of leases let a second really pass.
    """

    kind: ClassVar[str] = "event_store"

    @pytest.fixture
    def make_store(self) -> MakeEventStore:
        """The author's part."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a fixture `make_store`: a function that gives a new store object onto the "
            "same place each time it is called."
        )

    @pytest.fixture
    def pass_time(self) -> PassTime | None:
        """None: time really passes."""
        return None

    @pytest.fixture
    def place(self, make_store: MakeEventStore, pass_time: PassTime | None) -> Iterator[Place]:
        """The place under test, with one open store."""
        place = Place(make_store, pass_time)
        yield place
        place.close()
