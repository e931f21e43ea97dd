"""The contract of interceptors: code around starts, activities, signals, queries, updates and children, on both sides.

An interceptor overrides the methods it cares about; all others pass through and cost nothing. Interceptors are
collected once when an engine or a client opens. The first plugin of `[plugins] enabled` is the outermost: it sees a
call first and its outcome last, on both sides.

| methods | run | are | again in replay |
|---|---|---|---|
| `start, signal, query, update` | where the verb is called, on the caller's thread | plain | no |
| `schedule_activity, start_child, signal_workflow, continue_as_new` | in workflow code | plain, deterministic | yes |
| `run_workflow, handle_update` | in workflow code | `async`, deterministic | yes |
| `handle_signal` | in workflow code | plain, deterministic | yes |
| `handle_query` | in workflow code, between turns | plain, read-only | no |
| `run_activity` | where the activity runs | `async` | no |

*Deterministic* means what it means for workflow code: no clock, no randomness, no I/O; the same calls in the same order
in every replay. What is new only the first time (a log line, a counter, a span) is done when `call.replaying` is
false. A replay runs today's interceptors over yesterday's history: headers that a command's replay computes are not
compared and not written, the recorded ones stand. An interceptor that awaits or issues commands of its own is a part of
the workflow's code, and enabling it needs the same care as changing that code.

Every method calls `proceed` exactly once, or raises: then the call ends with that exception, as if what it wraps had
raised it. `proceed` returns what the call returns, which is handed back as it is: depending on the call it is a
value, an awaitable or an answer that is still to come, and `T` keeps it opaque.

One object serves all calls of an engine, from many threads at once and, with runtimes that have worker processes, one
object per process: keep what belongs to a call in local variables.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, TypeVar

from aion_core.spi.calls import (
    Call,
    ContinueAsNew,
    HandleQuery,
    HandleSignal,
    HandleUpdate,
    RunActivity,
    RunWorkflow,
    ScheduleActivity,
    SendQuery,
    SendSignal,
    SendUpdate,
    SignalWorkflow,
    StartChild,
    StartWorkflow,
)

T = TypeVar("T")
C = TypeVar("C", bound=Call)


class Interceptor:
    """Passes everything through. Derive from it and override what you need."""

    # ---- sending, outside of workflows

    def start(self, call: StartWorkflow, proceed: Callable[[StartWorkflow], T]) -> T:
        """A workflow is started. `proceed` returns once the start is under way, not once the workflow is done."""
        return proceed(call)

    def signal(self, call: SendSignal, proceed: Callable[[SendSignal], T]) -> T:
        """A signal is sent."""
        return proceed(call)

    def query(self, call: SendQuery, proceed: Callable[[SendQuery], T]) -> T:
        """A query is asked."""
        return proceed(call)

    def update(self, call: SendUpdate, proceed: Callable[[SendUpdate], T]) -> T:
        """An update is sent."""
        return proceed(call)

    # ---- sending, in workflow code

    def schedule_activity(self, call: ScheduleActivity, proceed: Callable[[ScheduleActivity], T]) -> T:
        """An activity is called. `proceed` returns what the code awaits, long before the activity runs."""
        return proceed(call)

    def start_child(self, call: StartChild, proceed: Callable[[StartChild], T]) -> T:
        """A child is started. `proceed` returns what the code awaits."""
        return proceed(call)

    def signal_workflow(self, call: SignalWorkflow, proceed: Callable[[SignalWorkflow], T]) -> T:
        """Another workflow is sent a signal. `proceed` returns what the code awaits."""
        return proceed(call)

    def continue_as_new(self, call: ContinueAsNew, proceed: Callable[[ContinueAsNew], T]) -> T:
        """The run continues as new. `proceed` does not return: it raises what unwinds the code; let it pass."""
        return proceed(call)

    # ---- receiving

    async def run_workflow(self, call: RunWorkflow, proceed: Callable[[RunWorkflow], Awaitable[T]]) -> T:
        """The whole main task, from its first step to its result or exception.

        Plain `def` workflows come here too. The code that is cut off (evicted, terminated, an engine that closes) is
        left by `GeneratorExit`: nothing can be awaited or recorded then.
        """
        return await proceed(call)

    def handle_signal(self, call: HandleSignal, proceed: Callable[[HandleSignal], T]) -> T:
        """A signal is delivered: `proceed` puts it where `receive` finds it, or begins its handler."""
        return proceed(call)

    def handle_query(self, call: HandleQuery, proceed: Callable[[HandleQuery], T]) -> T:
        """A query's handler runs. Nothing may be changed or recorded, here as in the handler."""
        return proceed(call)

    async def handle_update(self, call: HandleUpdate, proceed: Callable[[HandleUpdate], Awaitable[T]]) -> T:
        """An update's handler runs. Its validator ran before, outside of interceptors."""
        return await proceed(call)

    async def run_activity(self, call: RunActivity, proceed: Callable[[RunActivity], Awaitable[T]]) -> T:
        """One attempt of an activity, the body included. An exception is the attempt's failure.

        Await nothing but `proceed`: a plain `def` activity runs on a thread that has no event loop.
        """
        return await proceed(call)


Verb: TypeAlias = Callable[[Interceptor, C, Callable[[C], T]], T]
"""A method of `Interceptor`, taken from the class: `Interceptor.start`."""


def chain(interceptors: Sequence[Interceptor], verb: Verb[C, T], last: Callable[[C], T]) -> Callable[[C], T]:
    """`last` inside this verb of all the interceptors, the first of them outermost.

    Interceptors that do not override the verb are left out; when none does, `last` itself is returned.
    """
    name = verb.__name__
    for interceptor in reversed(interceptors):
        if getattr(type(interceptor), name) is not getattr(Interceptor, name):
            last = _around(getattr(interceptor, name), last)
    return last


def _around(step: Callable[[C, Callable[[C], T]], T], proceed: Callable[[C], T]) -> Callable[[C], T]:
    def call_it(call: C) -> T:
        return step(call, proceed)

    return call_it


def without_loop(step: Awaitable[T]) -> T:
    """The result of an awaitable that never waits: how a plain `def` activity runs inside `run_activity`."""
    waiting = step.__await__()
    try:
        next(waiting)
    except StopIteration as done:
        result: T = done.value
        return result
    waiting.close()
    raise TypeError(
        "an interceptor's run_activity awaited something other than `proceed`, around a plain function: "
        "that runs on a thread without an event loop."
    )
