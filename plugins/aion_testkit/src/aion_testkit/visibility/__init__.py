"""Conformance of visibility stores: one class, made of layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from aion_testkit.conformance import Conformance
from aion_testkit.visibility.finding import FindingCases, OrderCases, RandomQueryCases, ReadersCases
from aion_testkit.visibility.recording import CrashCases, RecordingCases
from aion_testkit.visibility.shelf import MakeVisibilityStore, Shelf

__all__ = ["VisibilityStoreConformance"]


class VisibilityStoreConformance(
    RecordingCases, FindingCases, OrderCases, ReadersCases, CrashCases, RandomQueryCases, Conformance
):
    """Subclass it with one fixture, `make_store`.

    `make_store` is a factory: every call gives a fresh store object, not yet opened, onto the same place, which is
    empty when the test begins. Several of these objects are open at a time.
    """

    kind: ClassVar[str] = "visibility_store"

    @pytest.fixture
    def make_store(self) -> MakeVisibilityStore:
        """The author's part."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a fixture `make_store`: a function that gives a new store object onto the "
            "same place each time it is called."
        )

    @pytest.fixture
    def shelf(self, make_store: MakeVisibilityStore) -> Iterator[Shelf]:
        """The place under test, with one open store."""
        shelf = Shelf(make_store)
        yield shelf
        shelf.close()
