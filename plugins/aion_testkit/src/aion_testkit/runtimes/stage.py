"""The runtime under test as a case sees it: open, with a host that records, and with words for what engines send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from aion_core.codec import encode_batch
from aion_core.model import events as e
from aion_core.spi import (
    EMPTY,
    SYSTEM,
    Activated,
    Activation,
    ActivationResult,
    ActivityDone,
    ActivityTask,
    Answer,
    Ask,
    AskKind,
    Batch,
    Command,
    Event,
    MessageId,
    NeedHistory,
    Platform,
    Runtime,
    TaskId,
    Ticket,
    WorkerSettings,
)
from aion_core.worker import Values
from aion_testkit.builders import VERSION, moment
from aion_testkit.expect import all_are, one, same
from aion_testkit.runtimes import host
from aion_testkit.runtimes.host import RecordingHost

MakeRuntime: TypeAlias = Callable[[], Runtime]
VALUES: Final = Values()
ORDER: Final = "o-1"
QUERY: Final = MessageId("q-1")


class Stage:
    """A runtime and its host. Cases send what an engine could have sent, and wait for the answers."""

    def __init__(
        self, make_runtime: MakeRuntime, *, platform: Platform = SYSTEM, turn_deadline: float = 60.0, **settings: Any
    ) -> None:
        """`settings` are those of `WorkerSettings`; the turn deadline is one that no case reaches by being slow."""
        self.host = RecordingHost(WorkerSettings(turn_deadline=turn_deadline, **settings), platform)
        self.runtime = make_runtime()
        self.runtime.open(self.host)
        self._tickets = count(1)
        self._tasks = count(1)

    def close(self, grace: float | None = None) -> None:
        """Close it; from then on the runtime has nothing to say."""
        self.runtime.close(min(5.0, host.PATIENCE) if grace is None else grace)
        self.host.silent_from_now = True

    def finish(self) -> None:
        """Close it, and say what it did that no runtime may do."""
        self.close()
        same(self.host.complaints, [], "each is answered once, in the form that the contract says, and not after close")

    # ---- workflow code

    def activation(
        self,
        run: str,
        *arrivals: Event,
        after: Ticket | None = None,
        history: Sequence[Batch] | None = None,
        asks: Sequence[Ask] = (),
    ) -> Activation:
        """One more activation, with a ticket of its own. The history is that of `History`, or none."""
        head = history[-1].last_seq if history else 0
        numbered = [replace(event, seq=head + place) for place, event in enumerate(arrivals, 1)] if head else arrivals
        made = Activation(
            ticket=Ticket(next(self._tickets)),
            workflow_id=workflow_of(run),
            run_id=run_id(run),
            version=VERSION,
            after=after,
            drained_seq=head,
            history=history,
            arrivals=tuple(numbered),
            asks=asks,
        )
        self.host.asked[made.ticket] = made
        return made

    def answers(self, *activations: Activation) -> list[ActivationResult]:
        """Send them in one call, and wait for all answers."""
        self.runtime.activate(activations)
        return self.wait_for(*activations)

    def wait_for(self, *activations: Activation) -> list[ActivationResult]:
        """The answers to what was sent."""
        results = self.host.results
        self.host.wait_until(
            lambda: all(each.ticket in results for each in activations), "every activation is answered"
        )
        return [results[each.ticket] for each in activations]

    def activated(self, activation: Activation) -> Activated:
        """Send it, and the code must run."""
        return one(self.answers(activation), Activated, "a worker that is where it should be runs the code")

    def begin(self, run: str, workflow_type: str = "journey", argument: object = ORDER) -> Activation:
        """Start a run, which must run; the activation that it has seen now."""
        activation = self.activation(run, started(run, workflow_type, argument), history=())
        self.activated(activation)
        return activation

    def step_of(self, run: str, *, after: Ticket | None, history: Sequence[Batch] | None = None) -> object:
        """Where the run is, as its query says."""
        answer = self.asked(self.activation(run, after=after, history=history, asks=[query()]))
        same(answer.failure, None, "a question that has a handler is answered")
        return VALUES.decode(answer.value or EMPTY, str)

    def asked(self, activation: Activation) -> Answer:
        """Send an activation with one question; its answer."""
        answers = self.activated(activation).answers
        same([answer.ask_id for answer in answers], [QUERY], "every question has its answer")
        return answers[0]

    # ---- activities

    def task(self, activity_type: str, *args: object, **fields: Any) -> ActivityTask:
        """One more attempt."""
        number = next(self._tasks)
        values: dict[str, Any] = {
            "task_id": TaskId(f"task-{number}"),
            "workflow_id": workflow_of("run"),
            "run_id": run_id("run"),
            "workflow_type": "journey",
            "version": VERSION,
            "ordinal": number,
            "attempt": 1,
            "activity_type": activity_type,
            "input": VALUES.encode(list(args)),
        }
        made = ActivityTask(**{**values, **fields})
        self.host.given[made.task_id] = made
        return made

    def execute(self, *tasks: ActivityTask) -> None:
        """Send them in one call."""
        self.runtime.execute(tasks)

    def begun(self, *tasks: ActivityTask) -> None:
        """Send them, and wait until their bodies have beaten."""
        self.execute(*tasks)
        self.host.wait_until(
            lambda: all(self.host.has_beaten(task) for task in tasks), "heartbeats reach the host while bodies run"
        )

    def outcomes(self, *tasks: ActivityTask) -> list[ActivityDone]:
        """Wait for the outcomes of what was sent."""
        done = self.host.done
        self.host.wait_until(lambda: all(task.task_id in done for task in tasks), "every attempt is answered")
        return [done[task.task_id] for task in tasks]

    def run(self, activity_type: str, *args: object, **fields: Any) -> ActivityDone:
        """One attempt from its beginning to its outcome."""
        task = self.task(activity_type, *args, **fields)
        self.execute(task)
        return self.outcomes(task)[0]

    def still_works(self) -> None:
        """Workflow code, plain and async activities run as ever."""
        run = f"run-{next(self._tickets)}"
        self.begin(run)
        for activity_type in ("echo", "echo_async"):
            same(result(self.run(activity_type, 42)), 42, "the runtime goes on after whatever happened")


# ---- what engines send


def workflow_of(run: str) -> Any:
    """The workflow whose run it is."""
    return f"order-of-{run}"


def run_id(run: str) -> Any:
    """The id of a run."""
    return f"id-of-{run}"


def started(run: str, workflow_type: str = "journey", argument: object = ORDER) -> e.WorkflowStarted:
    """The first event of a run."""
    return e.WorkflowStarted(
        seq=1,
        at=moment(1),
        run_id=run_id(run),
        workflow_type=workflow_type,
        input=VALUES.encode([argument]),
        version=VERSION,
        python="3.11",
        machine=1,
    )


def completed(seq: int = 3, ordinal: int = 0) -> e.ActivityCompleted:
    """The activity's outcome."""
    return e.ActivityCompleted(seq=seq, at=moment(seq), ordinal=ordinal, result=VALUES.encode(ORDER))


def fired(seq: int = 5, ordinal: int = 0) -> e.TimerFired:
    """The timer's end."""
    return e.TimerFired(seq=seq, at=moment(seq), ordinal=ordinal)


def history_of(run: str, workflow_type: str = "journey", *, turns: int = 1, activity_type: str = "echo") -> list[Batch]:
    """What is recorded of a run after its first turn, or after the second one: the receipt, and the timer begun."""
    scheduled = e.ActivityScheduled(
        seq=2, at=moment(1), ordinal=0, activity_type=activity_type, input=VALUES.encode([ORDER])
    )
    timer = e.TimerStarted(seq=4, at=moment(3), ordinal=0, fire_at=moment(8))
    turned: list[list[Event]] = [[started(run, workflow_type), scheduled], [completed(), timer]]
    return [encode_batch(events) for events in turned[:turns]]


def query(name: str = "step") -> Ask:
    """A question to the code."""
    return Ask(ask_id=QUERY, kind=AskKind.QUERY, name=name)


# ---- reading answers


def kinds(commands: Sequence[Command] | None) -> list[str] | None:
    """The commands of one drain, by name."""
    return None if commands is None else [type(command).__name__ for command in commands]


def drains(result: Activated) -> list[list[str] | None]:
    """The commands of every drain, by name."""
    return [kinds(commands) for commands in result.commands]


def all_activated(results: Sequence[ActivationResult]) -> list[Activated]:
    """The code ran everywhere."""
    return all_are(results, Activated, "a worker that is where it should be runs the code")


def need_history(results: Sequence[ActivationResult]) -> list[NeedHistory]:
    """Nobody held the run."""
    return all_are(results, NeedHistory, "a worker that does not hold the run where it is asks for its history")


def result(done: ActivityDone) -> object:
    """The value of an attempt that completed."""
    same((done.failure, done.later, done.lost), (None, False, False), "the attempt completed")
    return VALUES.decode(done.result or EMPTY, Any)


def failure(done: ActivityDone) -> str:
    """The type of the failure of an attempt that failed."""
    if done.failure is None:
        raise AssertionError(f"the attempt failed\n  got:      {done}")
    return done.failure.type


class Stages:
    """Opens stages, each with a runtime of its own; the case's end closes them."""

    def __init__(self, make_runtime: MakeRuntime) -> None:
        self.make_runtime = make_runtime
        self._made: list[Stage] = []

    def __call__(self, **settings: Any) -> Stage:
        """One more, under these `WorkerSettings`."""
        self._made.append(Stage(self.make_runtime, **settings))
        return self._made[-1]

    def finish(self) -> None:
        """Close all, and say what they did that no runtime may do."""
        for stage in self._made:
            stage.finish()
