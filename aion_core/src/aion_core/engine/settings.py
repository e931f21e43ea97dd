"""What an engine is opened with, beside its stores, runtimes and code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from attrs import field, frozen

from aion_core.engine.attempt import Origin
from aion_core.engine.janitor import RetentionSettings
from aion_core.engine.queues import QueueLimits
from aion_core.model.attributes import AttributeSchema
from aion_core.model.ids import EngineId
from aion_core.model.limits import Limits
from aion_core.model.policies import ActivityCall, ActivityOptions
from aion_core.model.times import SECOND, Micros
from aion_core.spi.interceptors import Interceptor

Settle: TypeAlias = Callable[[str, ActivityCall], tuple[str, ActivityOptions]]
"""The queue of a call of this activity, and what holds for it: what the code says, over the configuration."""


@frozen(kw_only=True)
class EngineSettings:
    """The engine's share of the configuration."""

    engine_id: EngineId
    host: str
    pid: int
    settle: Settle
    origin: Origin | None = None
    """Where a limit of an activity comes from, for the message of its timeout."""
    resident: int = 10_000
    turn_deadline: float = 2.0
    lease: float = 10.0
    guard: str = "raise"
    limits: Limits = field(factory=Limits)
    attributes: AttributeSchema = field(factory=AttributeSchema)
    keep: Micros = Micros(7 * 24 * 3600 * SECOND)
    queues: Mapping[str, QueueLimits] = field(factory=dict[str, QueueLimits])
    interceptors: Sequence[Interceptor] = ()
    retention: RetentionSettings = field(factory=RetentionSettings)
