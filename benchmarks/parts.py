"""Where the CPU time of a step goes on one thread, by what is done: a sample of the stack every millisecond of CPU."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, Final

import aion_core as aion
from aion_core.authoring.activities import Activity
from aion_core.client.requests import StartRequest
from aion_core.codec import Values
from aion_core.engine.activities import Activities
from aion_core.engine.taking import take
from aion_core.engine.turns import Turns
from aion_core.engine.writer import Writer
from aion_core.memory import MemoryEventStore
from aion_core.model.ids import WorkflowId
from aion_core.worker import Bodies, Driver
from aion_store_sql.database import Session
from aion_store_sql.store import SqlEventStore
from benchmarks.measure import report
from benchmarks.one_thread import Opened, opened
from benchmarks.places import Place
from benchmarks.programs import step

AT_ONCE: Final = 50
STEPS: Final = 400
ROUNDS: Final = 5
EVERY: Final = 0.001


@aion.workflow
async def many(count: int) -> int:
    """So many sequential steps."""
    total = 0
    for number in range(count):
        total += await step(number)
    return total


def _code(function: Callable[..., Any]) -> CodeType:
    return function.__code__


_PARTS: Final[dict[CodeType, str]] = {
    _code(Activities.finished): "what bodies answered",
    _code(Activities.due): "what bodies answered",
    _code(Turns.arrive): "what bodies answered",
    _code(take): "taking it as the next turn",
    _code(Driver.activate): "draining the workflow's code",
    _code(Activity.__call__): "the call of an activity in it",
    _code(Turns.activated): "recording events",
    _code(getattr(Turns, "_commit")): "making the commit",  # noqa: B009  # a room's own business, which is measured here
    _code(Writer.handle): "the writer",
    _code(MemoryEventStore.append): "the store",
    _code(SqlEventStore.append): "the store: what of its rows, BEGIN and COMMIT",
    _code(Session.rows): "the store: looking at shards and heads",
    _code(Session.write): "the store: writing rows",
    _code(Turns.written): "what is durable now",
    _code(Activities.release): "letting activities begin",
    _code(Bodies.take): "running the body",
    _code(Bodies.run): "running the body",
}
"""The functions that a step goes through, and what each is for; the innermost one on the stack is charged."""
_BETWEEN: Final = "between these"


def parts(place: Place | None = None) -> None:
    """Microseconds of each part of a step, and of all; at a place, or on an in-memory store."""
    engine = opened(many, place=place)
    _run(engine, 2, 0)
    taken: list[float] = []
    charged: Counter[str] = Counter()
    for number in range(1, ROUNDS + 1):
        cpu = time.process_time()
        _run(engine, STEPS, 2 * number)
        taken.append((time.process_time() - cpu) / (AT_ONCE * STEPS) * 1e6)
        with _sampled(charged):
            _run(engine, STEPS, 2 * number + 1)
    engine.store.close()
    least, samples = min(taken), sum(charged.values())
    report(
        "a step on one thread",
        **({"place": place.kind} if place else {}),
        concurrent=AT_ONCE,
        cpu_us=least,
        cpu_us_by_part={part: round(count / samples * least, 2) for part, count in charged.most_common()},
    )


def _run(engine: Opened, steps: int, round_: int) -> None:
    """Start the workflows and let them end."""
    given, ends = Values().encode([steps]), []
    for number in range(AT_ONCE):
        name = WorkflowId(f"w-{round_}-{number}")
        engine.core.submit(name, StartRequest(workflow_type="many", input=given, input_hash=""))
        ends.append(engine.core.ending(name, None))
    engine.platform.run()
    for end in ends:
        if not end.done:
            raise AssertionError("a workflow has not ended")


@contextmanager
def _sampled(charged: Counter[str]) -> Iterator[None]:
    def sample(_: int, frame: FrameType | None) -> None:
        while frame is not None and frame.f_code not in _PARTS:
            frame = frame.f_back
        charged[_BETWEEN if frame is None else _PARTS[frame.f_code]] += 1

    before = signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0, 0)
        signal.signal(signal.SIGPROF, before)
