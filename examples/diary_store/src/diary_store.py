"""An event store that somebody else wrote: the in-memory one, with a diary of every commit in a text file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from attrs import frozen

from aion_core.memory import MemoryEventStore, MemorySettings
from aion_core.spi import SYSTEM, AppendResult, Capability, Commit, Committed, Platform, as_datetime


@frozen(kw_only=True)
class DiarySettings:
    """What `[event_store]` may say with `use = "diary"`."""

    path: Path
    """The diary. Stores with the same diary are the same store."""


class DiaryStore(MemoryEventStore):
    """Writes a line for every commit, before it is acknowledged."""

    contract: ClassVar[int] = 1
    capabilities: ClassVar[frozenset[Capability]] = MemoryEventStore.capabilities
    settings: ClassVar[type[Any]] = DiarySettings

    def __init__(self, settings: DiarySettings, platform: Platform = SYSTEM) -> None:
        super().__init__(MemorySettings(name=str(settings.path)), platform)
        self._path = settings.path
        self._clock = platform

    def append(self, commits: Sequence[Commit]) -> Sequence[AppendResult]:
        results = super().append(commits)
        with self._path.open("a", encoding="utf-8") as diary:
            for commit, result in zip(commits, results, strict=True):
                if isinstance(result, Committed):
                    when = as_datetime(self._clock.now()).isoformat(timespec="seconds")
                    diary.write(f"{when}  {commit.workflow_id}  up to event {result.head}\n")
        return results
