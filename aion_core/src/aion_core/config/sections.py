"""The sections of `aion.toml` that belong to the core, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import attrs
from attrs import frozen

from aion_core.model.limits import Limits
from aion_core.model.policies import Cancellation, Exhaustion
from aion_core.model.settings import AtLeast, Rate, Seconds

DAY: Final = 24 * 3600.0

_Count: TypeAlias = Annotated[int, AtLeast(1)]
_Timeout: TypeAlias = Annotated[Seconds, AtLeast(0)]


@frozen(kw_only=True)
class Aion:
    """What concerns the whole engine."""

    namespace: str = "default"
    """Keeps the workflows of several applications apart in one database or bucket."""


@frozen(kw_only=True)
class Queue:
    """One queue of activities. Limits hold per engine."""

    runtime: str | None = None
    """The runtime that runs its activities, by its name in `[runtimes]`. Default: `[runtime]`."""
    concurrency: _Count | None = None
    """Activities running at once. Default: no limit."""
    rate: Rate | None = None
    """Activities started in a time. Default: no limit."""
    per_key: _Count | None = None
    """Activities running at once with an equal `key=`. Default: no limit."""


@frozen(kw_only=True)
class Retry:
    """When to try an activity again. What is not given is as `aion.Retry` has it."""

    max_attempts: Annotated[int, AtLeast(0)] | None = None
    """Attempts in all; 0 is unlimited."""
    initial: Annotated[Seconds, AtLeast(0)] | None = None
    """The delay after the first attempt."""
    factor: Annotated[float, AtLeast(1)] | None = None
    """What each delay is multiplied with for the next."""
    maximum: Annotated[Seconds, AtLeast(0)] | None = None
    """The longest delay."""
    jitter: Annotated[float, AtLeast(0)] | None = None
    """The random part of a delay: 0.1 is ten per cent either way."""
    non_retryable: tuple[str, ...] | None = None
    """Names of error types that are final."""
    retryable: tuple[str, ...] | None = None
    """Names of error types that are tried again although they are programming errors."""


@frozen(kw_only=True)
class ActivityDefaults:
    """What an activity's decorator does not say. A limit of 0 is no limit."""

    start_to_close: _Timeout | None = None
    """How long one attempt may take."""
    schedule_to_close: _Timeout | None = None
    """How long all attempts together may take."""
    schedule_to_start: _Timeout | None = None
    """How long an attempt may wait in its queue."""
    heartbeat: _Timeout | None = None
    """The longest silence of a running attempt."""
    retry: Retry = Retry()
    """When to try again."""
    queue: str | None = None
    """The queue it goes through."""
    priority: int | None = None
    """Higher goes first."""
    cancellation: Cancellation | None = None
    """What cancelling an awaited activity does."""
    on_exhausted: Exhaustion | None = None
    """What happens when no attempts are left."""


@frozen(kw_only=True)
class Activities:
    """`[activities]`, and `[activities.NAME]` for one."""

    defaults: ActivityDefaults = ActivityDefaults(start_to_close=600.0)
    named: Mapping[str, ActivityDefaults] = attrs.field(factory=dict[str, ActivityDefaults])

    def of(self, name: str) -> ActivityDefaults:
        """What holds for one activity: its own table, and `[activities]` for what that does not say."""
        own = self.named.get(name)
        return self.defaults if own is None else _over(self.defaults, own)


def _over(below: ActivityDefaults, above: ActivityDefaults) -> ActivityDefaults:
    retry = attrs.evolve(below.retry, **_said(above.retry))
    return attrs.evolve(below, **{**_said(above), "retry": retry})


def _said(settings: attrs.AttrsInstance) -> dict[str, Any]:
    values = {field.name: getattr(settings, field.name) for field in attrs.fields(type(settings))}
    return {name: value for name, value in values.items() if value is not None}


@frozen(kw_only=True)
class Engine:
    """How workflows are run."""

    resident: Annotated[int, AtLeast(0)] = 10_000
    """Workflows kept in memory between turns; 0 replays on every turn."""
    turn_deadline: Annotated[Seconds, AtLeast(0.001)] = 2.0
    """How long one activation of workflow code may take before it is reported as stuck."""
    lease: Annotated[Seconds, AtLeast(0.5)] = 10.0
    """How long after it was last heard of others wait before they take over what an engine worked on."""


@frozen(kw_only=True)
class Guard:
    """What happens to workflow code that a replay could not repeat."""

    check: Literal["error", "warn", "off"] = "error"
    """What a finding in the source does when a workflow is registered."""
    calls: Literal["raise", "warn", "off"] = "raise"
    """What a call of clock, file, network or process does while workflow code runs."""
    nondeterminism: Literal["fail", "block"] | None = None
    """What a mismatch in a replay does. Default: the run is blocked, and fails only when no change could ever help."""


@frozen(kw_only=True)
class Inbox:
    """Messages to workflows."""

    keep: Annotated[Seconds, AtLeast(1)] = 7 * DAY
    """How long the id of a settled message is remembered, so that the same message is not taken twice."""


@frozen(kw_only=True)
class Retention:
    """What is removed by itself."""

    closed: Annotated[Seconds, AtLeast(1)] | None = None
    """How long closed runs are kept. Default: for ever."""
    archive: Path | None = None
    """The folder in which they are kept as files before they are removed. Default: they are removed without a trace."""


@frozen(kw_only=True)
class ExtensionList:
    """Which extensions take part. Installing one changes nothing by itself."""

    enabled: tuple[str, ...] = ()
    """Their names. The order is the order of wrapping, outermost first."""


PLAIN_SECTIONS: Final[Mapping[str, type[attrs.AttrsInstance]]] = {
    "aion": Aion,
    "engine": Engine,
    "guard": Guard,
    "inbox": Inbox,
    "limits": Limits,
    "retention": Retention,
    "plugins": ExtensionList,
}
"""Sections that are one table with fixed keys."""

SECTIONS: Final = (
    "aion",
    "event_store",
    "visibility_store",
    "runtime",
    "runtimes",
    "queues",
    "loaders",
    "activities",
    "engine",
    "guard",
    "inbox",
    "limits",
    "retention",
    "search_attributes",
    "plugins",
)
"""Every section, in the order in which they are documented and shown."""
