"""The workflows and activities that the cases have a runtime run.

A runtime that runs code in this process finds them through `RuntimeHost.source`. One that runs it elsewhere is told of
this module by its own settings: `preload = ["aion_testkit.runtimes.programs"]` or whatever it calls that.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from aion_core.authoring.activities import AsyncActivity, SyncActivity, activity
from aion_core.authoring.activity_context import CompleteLater, heartbeat, heartbeat_details
from aion_core.authoring.context import current
from aion_core.authoring.workflows import Workflow, workflow
from aion_core.spi import Payload
from aion_core.worker import Values

_VALUES: Final = Values()
_BEAT: Final = 0.01
_LONGEST: Final = 20.0
"""Bodies that wait for something give up after so many seconds: no case leaves anything behind for good."""


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


# ---- activities


@activity
def echo(value: Any) -> Any:
    """Gives back what it got."""
    return value


@activity(name="echo_async")
async def echo_async(value: Any) -> Any:
    """Likewise, without waiting for anything."""
    return value


@activity
async def echo_slowly(value: Any) -> Any:
    """Likewise, after the loop had a turn."""
    await asyncio.sleep(0)
    return value


@activity
def beats(name: str) -> str:
    """Beats until it is cancelled."""
    for _ in range(round(_LONGEST / _BEAT)):
        heartbeat(name)
        _pause(_BEAT)
    return "nobody cancelled it"


@activity
async def waits(name: str) -> str:
    """Beats once, then waits until it is cancelled."""
    heartbeat(name)
    await asyncio.sleep(_LONGEST)
    return "nobody cancelled it"


@activity
def tidies(name: str) -> str:
    """Beats until it is cancelled, and returns nevertheless."""
    try:
        beats.fn(name)
    except asyncio.CancelledError:
        heartbeat("tidying")
    return "tidied"


@activity
async def tidies_async(name: str) -> str:
    """Likewise."""
    try:
        await waits.fn(name)
    except asyncio.CancelledError:
        await asyncio.sleep(0)
    return "tidied"


@activity
def deaf(seconds: float) -> str:
    """Beats once, then hears nothing for so long."""
    heartbeat("deaf")
    _pause(seconds)
    return "late"


@activity
def goes_on(last: int) -> int:
    """Goes on behind what the attempt before said last."""
    begun: int = heartbeat_details() or 0
    for n in range(begun + 1, last + 1):
        heartbeat(n)
    return begun


class Odd(Exception):
    """Can not be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no message")

    __repr__ = __str__


def _too_deep() -> None:
    _too_deep()


def _raising(error: BaseException) -> Callable[[], None]:
    def raises() -> None:
        raise error

    return raises


ENDS: Final[Mapping[str, tuple[Callable[[], object], str]]] = {
    "ValueError": (_raising(ValueError("no")), "ValueError"),
    "SystemExit": (_raising(SystemExit(3)), "SystemExit"),
    "KeyboardInterrupt": (_raising(KeyboardInterrupt()), "KeyboardInterrupt"),
    "GeneratorExit": (_raising(GeneratorExit()), "GeneratorExit"),
    "CancelledError": (_raising(asyncio.CancelledError()), "CancelledError"),
    "BaseException": (_raising(BaseException("base")), "BaseException"),
    "MemoryError": (_raising(MemoryError()), "MemoryError"),
    "RecursionError": (_too_deep, "RecursionError"),
    "ExceptionGroup": (_raising(ExceptionGroup("two", [ValueError("a"), OSError("b")])), "ExceptionGroup"),
    "an exception that can not be shown": (_raising(Odd()), "Odd"),
    "a message that is no text": (_raising(ValueError("\udcff\x00")), "ValueError"),
    "a result that can not be encoded": (object, "PayloadError"),
    "a result that is too large": (lambda: "x" * 3_000_000, "PayloadTooLarge"),
}
"""How a body may end, and the type of the failure that this is."""


@activity
def ends(how: str) -> object:
    """Ends in one of these ways."""
    return ENDS[how][0]()


@activity
async def ends_async(how: str) -> object:
    """Likewise."""
    await asyncio.sleep(0)
    return ENDS[how][0]()


@activity
def takes_a_number(number: int) -> int:
    """Has a declared argument."""
    return number


@activity
def completes_later() -> None:
    """Leaves the attempt open."""
    raise CompleteLater


@activity
async def completes_later_async() -> None:
    """Likewise."""
    await asyncio.sleep(0)
    raise CompleteLater


@activity
def kills_its_process() -> None:
    """For runtimes that outlive it."""
    heartbeat("killing")
    os._exit(13)


# ---- workflows


def _show(step: str) -> None:
    """What the query `step` answers from now on."""

    def answer(*_: object) -> Payload:
        return _VALUES.encode(step)

    current("the conformance kit").answer("step", answer)


@workflow
async def journey(order: str) -> str:
    """An activity, a timer, an end."""
    _show("charging")
    receipt = await echo(order)
    _show("resting")
    await asyncio.sleep(5)
    return f"{receipt} arrived"


@workflow
async def breaks_a_rule(order: str) -> str:
    """Reaches for a thread when the activity has completed."""
    await echo(order)
    await asyncio.to_thread(len, order)
    return order


@workflow
async def exits(order: str) -> str:
    """Tries to end the interpreter when the activity has completed."""
    await echo(order)
    raise SystemExit(3)


@workflow
async def hangs(seconds: float) -> str:
    """Does not come back for so long."""
    _show("hanging")
    _pause(seconds)
    return "late"


_ALL: Final = (
    echo, echo_async, echo_slowly, beats, waits, tidies, tidies_async, deaf, goes_on, ends, ends_async, takes_a_number,
    completes_later, completes_later_async, kills_its_process,
)  # fmt: skip

ACTIVITIES: Final[Mapping[str, SyncActivity[..., Any] | AsyncActivity[..., Any]]] = {each.name: each for each in _ALL}
WORKFLOWS: Final[Mapping[str, Workflow[..., Any]]] = {
    each.name: each for each in (journey, breaks_a_rule, exits, hangs)
}


class Programs:
    """The `CodeSource` of the kit."""

    def __init__(self) -> None:
        self.noted: list[object] = []

    def note(self, activity: object) -> None:
        """Keep what workflow code called."""
        self.noted.append(activity)

    def workflow(self, name: str, version: object) -> object:
        """A workflow of this module."""
        del version
        return WORKFLOWS[name]

    def activity(self, name: str, version: object) -> object:
        """An activity of this module."""
        del version
        return ACTIVITIES[name]
