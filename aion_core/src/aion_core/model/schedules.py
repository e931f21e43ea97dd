"""A schedule's definition and its policies, as `ScheduleCreated` and `ScheduleUpdated` record them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from aion_core.model.attributes import Attribute
from aion_core.model.payloads import EMPTY, Payload
from aion_core.model.times import Instant, Micros


class Overlap(StrEnum):
    """What a firing does while the workflow of an earlier one still runs."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    BUFFER_ALL = "buffer_all"
    CANCEL_OTHER = "cancel_other"
    TERMINATE_OTHER = "terminate_other"
    ALLOW_ALL = "allow_all"


class CatchUp(StrEnum):
    """What happens with the nominal times that passed while no engine ran."""

    ALL = "all"
    ONE = "one"
    SKIP = "skip"


class Interval(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Fires at every multiple of `every` since 1970, shifted by `offset`."""

    every: Micros
    offset: Micros = Micros(0)


class ScheduleDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that a schedule was told: when to fire, and what to start."""

    workflow_type: str
    input: Payload = EMPTY
    cron: tuple[str, ...] = ()
    intervals: tuple[Interval, ...] = ()
    tz: str = "UTC"
    start: Instant | None = None
    end: Instant | None = None
    count: int | None = None
    jitter: Micros = Micros(0)
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.ONE
    window: Micros | None = None
    pause_on_failure: bool = False
    attributes: dict[str, Attribute] = {}  # msgspec copies an empty default for every instance
    memo: dict[str, Payload] = {}  # likewise
