"""Workflows to be driven, and a small engine that records what they do. Run as a program, it prints one of them."""

import asyncio
import sys
from itertools import count
from pathlib import Path

from msgspec.structs import replace

from aion_core.authoring.activities import activity
from aion_core.authoring.context import current
from aion_core.authoring.workflows import workflow
from aion_core.codec import Values, encode_batch
from aion_core.engine.recorder import Recorder, Rules
from aion_core.ledger import RunLedger
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.payloads import EMPTY
from aion_core.model.policies import ActivityOptions
from aion_core.spi import Activation, Ask, AskKind, WorkerSettings
from aion_core.worker import Driver

VALUES = Values()
ID = "order-42"
SECOND = 1_000_000


# ---- the engine's side


class Source:
    """The code that a worker knows."""

    def __init__(self, *workflows):
        self.workflows = {each.name: each for each in workflows}
        self.noted = []

    def note(self, activity):
        self.noted.append(activity)

    def workflow(self, name, version):
        found = self.workflows[name]
        if isinstance(found, BaseException):
            raise found
        return found


class Story:
    """One workflow as an engine has it run and recorded, turn by turn."""

    def __init__(self, *workflows, settings=None, driver=None, run_id="r1"):
        self.source = Source(*workflows)
        self.driver = driver or Driver(self.source, settings or WorkerSettings(), values=VALUES)
        self.run_id = run_id
        self.ledger = RunLedger(ID)
        self.rules = Rules(
            settle=lambda *_: ("default", ActivityOptions()), reserve=lambda _: True, new_run=lambda: "r2"
        )
        self.batches = []
        self.clock = 0
        self.tickets = count(1)
        self.seen = None
        self.forgetful = False

    def start(self, workflow_type, *args, **fields):
        where = dict(seq=0, at=0, run_id=self.run_id, version="env:1", python="3.11", machine=1)
        event = e.WorkflowStarted(**where, workflow_type=workflow_type, input=VALUES.encode(args), **fields)
        return self.turn(event, history=())

    def turn(self, *arrivals, asks=(), **fields):
        """Have arrivals applied, and record what came of it; the worker's answer."""
        if self.forgetful:
            fields = {"history": tuple(self.batches)} | fields
        result = self.activate(*arrivals, asks=asks, **fields)
        self.arrived = arrivals
        if any(type(command) is c.BlockWorkflow for drain in result.commands for command in drain or ()):
            return result
        recorder = Recorder(self.ledger, self.rules, now=self.clock)
        for event, commands in zip(arrivals, result.commands, strict=True):
            recorder.arrival(event, commands)
        if recorder.made.events:
            self.batches.append(encode_batch(recorder.made.events))
        return result

    def record_block(self, failure):
        """Record that the last turn was void."""
        recorder = Recorder(self.ledger, self.rules, now=self.clock)
        recorder.block(failure, self.arrived)
        self.batches.append(encode_batch(recorder.made.events))

    def activate(self, *arrivals, **fields):
        activation = self.activation(*arrivals, **fields)
        (result,) = self.driver.activate([activation])
        self.seen = activation.ticket
        return result

    def activation(self, *arrivals, seconds=1, **fields):
        self.clock += seconds * SECOND
        values = dict(
            ticket=next(self.tickets),
            workflow_id=ID,
            run_id=self.run_id,
            version="env:1",
            after=None if "history" in fields else self.seen,
            drained_seq=self.ledger.drained_seq,
            arrivals=tuple(
                replace(event, seq=self.ledger.head + place, at=self.clock) for place, event in enumerate(arrivals, 1)
            ),
        )
        return Activation(**values | fields)

    def ask(self, name="step", *, kind=AskKind.QUERY, payload=EMPTY, **fields):
        """The answer to one question."""
        ask = Ask(ask_id="q", kind=kind, name=name, input=payload)
        (answer,) = self.turn(asks=(ask,), seconds=0, **fields).answers
        return answer

    def evict(self):
        self.driver.evict([self.run_id])


def completed(ordinal=0, result="ok"):
    return e.ActivityCompleted(seq=0, at=0, ordinal=ordinal, result=VALUES.encode(result))


def fired(ordinal=0):
    return e.TimerFired(seq=0, at=0, ordinal=ordinal)


def signal(name="go", value=None):
    return e.SignalReceived(seq=0, at=0, name=name, payload=VALUES.encode(value))


def cancel():
    return e.WorkflowCancelRequested(seq=0, at=0, reason="enough")


# ---- the code's side


def here():
    return current("a test")


def show(step):
    """What the query `step` answers from now on."""
    here().answer("step", lambda *_: VALUES.encode(step))


@activity
def charge(order: str) -> str:
    raise AssertionError("bodies run elsewhere")


@activity
def ship(order: str) -> str:
    raise AssertionError("bodies run elsewhere")


@workflow
async def checkout(order: str) -> str:
    show("charging")
    await charge(order)
    show("resting")
    await asyncio.sleep(5)
    show("shipping")
    await ship(order)
    return f"{order} is on its way"


@workflow(name="checkout")
async def checkout_without_rest(order: str) -> str:
    await charge(order)
    await ship(order)
    return order


@workflow
async def approval() -> str:
    show("receiving")
    event = await here().signals.get("go")
    show("deciding")
    decided = []
    here().signals.handle("decide", decided.append)
    await here().condition(lambda: decided)
    show("done")
    return VALUES.decode(event.payload)


@workflow
def plainly(order: str) -> str:
    show("charging plainly")
    here().wait_for(charge(order))
    return order


@workflow
async def family() -> None:
    """Signals race timers and cancellations over sets of tasks: what it does depends on every order of arrival."""
    show("racing")

    async def listener(name):
        while True:
            try:
                async with asyncio.timeout(3):
                    await here().signals.get(name)
                await charge(name)
            except TimeoutError:
                await ship(name)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(listener(name)) for name in "abcdefgh"]
        await here().signals.get("stop")
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        for task in (*done, *pending):
            task.cancel()


FAMILY = (signal("a"), signal("b"), completed(1), fired(4), fired(6), signal("stop"), completed(0), cancel())
"""What happens to it."""


@workflow
async def reader() -> None:
    await here().signals.get("go")
    try:
        Path(__file__).read_text()
    except Exception:
        pass
    await charge("nothing")


MOODS = []


@workflow(name="checkout")
async def moody(order: str) -> str:
    match MOODS.pop(0):
        case "sad":
            await waiting_forever.fn()
        case "good":
            return await checkout_without_rest.fn(order)
        case "careful":
            try:
                return await checkout.fn(order)
            finally:
                LEFT.append("finally")
    return await checkout.fn(order)


@workflow
async def meddler() -> None:
    waiting = asyncio.Event()

    def wake(*_):
        waiting.set()
        return EMPTY

    def record(*_):
        here().set_memo({})
        return EMPTY

    def fail(*_):
        raise ValueError("no such order")

    def echo(_, headers):
        return headers["trace"]

    for handler in (wake, record, fail, echo):
        here().answer(handler.__name__, handler)
    show("waiting")
    await waiting.wait()


@workflow
async def exiting(kind: str) -> None:
    kinds = {each.__name__: each for each in (SystemExit, KeyboardInterrupt, MemoryError, RecursionError)}
    await here().signals.get("go")
    raise kinds[kind]("out of the code")


@workflow
async def throwing() -> None:
    def callback():
        raise ValueError("in a callback")

    await here().signals.get("go")
    asyncio.get_running_loop().call_soon(callback)


LEFT = []
"""What code noted while it left memory."""


@workflow
async def waiting_forever() -> None:
    spare = asyncio.sleep(3)
    try:
        await here().signals.get("never")
    finally:
        LEFT.append("finally")
        await charge("late")
        LEFT.append("charged")
        await spare


@workflow
async def tidy() -> None:
    try:
        await here().signals.get("never")
    finally:
        try:
            Path(__file__).read_text()
        except Exception as error:
            LEFT.append(type(error).__name__)


WATCHED = []


@workflow
async def watcher() -> None:
    LEFT.extend(driver.busy for driver in WATCHED)


def printed(commands):
    return [f"{type(command).__name__}:{getattr(command, 'ordinal', '')}" for command in commands or ()]


def told(story, workflow_type, *args, arrivals):
    """The commands of every drain of a story."""
    results = [story.start(workflow_type, *args), *(story.turn(arrival) for arrival in arrivals)]
    return [drain and printed(drain) for result in results for drain in result.commands]


if __name__ == "__main__":
    sys.stdout.write(str(told(Story(family), "family", arrivals=FAMILY)))
