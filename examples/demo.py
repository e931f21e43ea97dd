"""`make demo`: an order runs to its end, although the engine is killed in the middle, in a place chosen at random."""

from __future__ import annotations

import argparse
import inspect
import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import groupby
from random import Random  # noqa: TID251  # a seed is printed, so that a run can be seen again

from attrs import evolve, field, frozen, mutable
from rich.console import Console
from rich.table import Table

import aion_core as aion
from aion_core.client.verbs import Verbs
from aion_core.config import load
from aion_core.engine.catalog import Catalog
from aion_core.engine.core import EngineCore
from aion_core.memory import MemoryEventStore
from aion_core.model.times import SECOND, Instant
from aion_core.opening.engines import parts_of
from aion_core.platform import SystemPlatform
from aion_core.spi import AppendResult, Commit
from aion_testkit import ForwardingEventStore, ForwardingVisibilityStore
from examples import orders
from examples.orders import Order, buy

TURNS = 6
"""That the order takes: the batches of events that its engines commit."""
LEASE = 10
"""Seconds until another engine may take over from one that is gone without a word."""


@frozen
class Place:
    """Between two turns. The body of an activity may have run there whose outcome nobody has written down."""

    after: int
    at_last: bool
    """Whether the next turn is about to be written; otherwise the one before has just been."""

    @classmethod
    def any(cls, seed: int) -> Place:
        draw = Random(seed)  # noqa: S311  # of a kind that can be repeated
        return cls(draw.randrange(1, TURNS), draw.choice((False, True)))

    def __str__(self) -> str:
        how = "as it is about to write the latter" if self.at_last else "as soon as the former is written"
        return f"between turns {self.after} and {self.after + 1}, {how}"


class Dropped(BaseException):
    """Ends the thread that meets it. No `Exception`: code that outlives errors must not outlive this."""


class World(SystemPlatform):
    """The real platform, but time can be skipped, and threads end without a word when their process is dropped."""

    def __init__(self) -> None:
        self._skipped = 0

    def skip(self, seconds: int) -> None:
        self._skipped += seconds

    def now(self) -> Instant:
        return Instant(super().now() + self._skipped * SECOND)

    def monotonic(self) -> float:
        return super().monotonic() + self._skipped

    def thread(self, target: Callable[[], None], *, name: str) -> threading.Thread:
        def live() -> None:
            with suppress(Dropped):
                target()

        return super().thread(live, name=name)


class Line(ForwardingEventStore):
    """What one process has of a store that others use, too. Once it is cut, nothing of the process gets through."""

    def __init__(self, store: MemoryEventStore, place: Place | None = None) -> None:
        """Cut in this place, or never."""
        self.cut = False
        self.over = threading.Event()
        """The process is dead, or done."""
        self.turns: list[Commit] = []
        self.index = Index(store)
        self._place = place
        super().__init__(store)

    def __getattribute__(self, name: str) -> object:
        if name == "store" and self.cut:  # every call goes there
            raise Dropped
        return super().__getattribute__(name)

    def open(self) -> None:
        """It is open already."""

    def close(self) -> None:
        """Others use it."""

    def append(self, commits: Sequence[Commit]) -> Sequence[AppendResult]:
        self._drop_at(len(self.turns), at_last=True)
        answers = self.store.append(commits)
        self.turns += commits
        self._drop_at(len(self.turns), at_last=False)
        return answers

    def _drop_at(self, turn: int, *, at_last: bool) -> None:
        if self._place == Place(turn, at_last):
            self.cut = True
            self.over.set()
            raise Dropped


class Index(ForwardingVisibilityStore):
    """The same for finding runs. What it does not write need not be cut."""

    def open(self) -> None:
        """It is open already."""

    def close(self) -> None:
        """Others use it."""


@mutable
class Story:
    """What the demo shows, for the eye and for its test."""

    place: Place
    lines: list[Line] = field(factory=list)
    effects_at_drop: dict[str, int] = field(factory=dict)
    receipt: str | None = None
    history: aion.History | None = None


def customer(engine: Verbs) -> tuple[str, aion.History]:
    """The program. It may be started again at any time, and says the same things to the same order."""
    run = engine.start(buy, Order("42", 1999), id="order-42")
    for event in run.events():
        if event.type == "MemoUpdated":  # it waits for approval
            break
    run.signal("approve", True, message_id="42-approved")
    return run.result(timeout=30), run.history()


def opened(line: Line, world: World) -> EngineCore:
    """What `aion.Engine.open` opens, but on this line and in this world."""
    config = load({"event_store": {"use": "memory"}}, environ={})
    parts = evolve(parts_of(config, Catalog([buy]), world), store=line, visibility=line.index)
    core = EngineCore(parts)
    core.open()
    return core


def play(place: Place, on: Callable[[str, Story], None]) -> Story:
    """Run the order, drop its engine in this place, and open another one. `on` hears of every step."""
    orders.EFFECTS.clear()
    story, world = Story(place), World()
    with MemoryEventStore(platform=world) as store:
        first = Line(store, place)
        story.lines.append(first)

        def live() -> None:
            try:
                customer(Verbs(opened(first, world)))  # no `Engine`, which would close it when it is collected
            except Exception:
                if not first.cut:  # a dead program may wait until it gives up, and nobody hears of it
                    raise
            finally:
                first.over.set()

        on("dropping", story)
        threading.Thread(target=live, daemon=True).start()
        first.over.wait(30)
        story.effects_at_drop = dict(orders.times())
        on("dropped", story)

        world.skip(LEASE)
        second = Line(store)
        story.lines.append(second)
        with aion.Engine(opened(second, world)) as engine:
            story.receipt, story.history = customer(engine)
        on("ended", story)
    return story


# ---- what one sees

console = Console(highlight=False, soft_wrap=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--seed", type=int, help="chooses the place where the engine is killed")
    given = parser.parse_args().seed
    seed = secrets.randbelow(1000) if given is None else given
    logging.getLogger("aion").setLevel(logging.CRITICAL)  # a lost attempt is logged, and here it is no news

    say("1. An order is a function", "examples/orders.py")
    quote(inspect.getsource(buy.fn))
    story = play(Place.any(seed), show)
    say("4. What happened", "run.history()")
    show_history(story)
    say("5. What the world saw", "how often the bodies of the activities ran")
    show_effects(story)
    console.print(f"\n[dim]Again, in the same place: python -m examples.demo --seed {seed}[/]")


def show(step: str, story: Story) -> None:
    match step:
        case "dropping":
            say("2. Run it, and kill the engine", "no close(), no finally")
            console.print(f"   The place, chosen at random: {story.place}.\n")
        case "dropped":
            show_turns(story)
            console.print(f"   [red]engine {len(story.lines)} is gone.[/]")
            say(
                "3. Start the same program again",
                "another engine, the same store, ten seconds later: its lease has to end",
            )
        case _:
            show_turns(story)
            console.print(f"   [bold green]The order has ended: {story.receipt}[/]")


def show_turns(story: Story) -> None:
    number, line = len(story.lines), story.lines[-1]
    before = sum(len(each.turns) for each in story.lines[:-1])
    for turn, commit in enumerate(line.turns, before + 1):
        batch = commit.batch
        events = "no event" if batch is None else f"events {batch.first_seq} to {batch.last_seq}"
        console.print(f"   engine {number} writes turn {turn}: {events}")


def show_history(story: Story) -> None:
    headline, *lines = str(story.history).splitlines()
    console.print(f"   [bold]{headline}[/]\n")
    writers = [
        number
        for number, line in enumerate(story.lines, 1)
        for commit in line.turns
        if commit.batch is not None
        for _ in range(commit.batch.first_seq, commit.batch.last_seq + 1)
    ]
    for number, written in groupby(zip(writers, lines, strict=True), key=lambda pair: pair[0]):
        if number > 1:
            console.print(f"   [red]┄┄ engine {number - 1} is killed, and engine {number} goes on ┄┄[/]")
        for _, line in written:
            console.print(f"   {line}", markup=False)


def show_effects(story: Story) -> None:
    table = Table(box=None, padding=(0, 2, 0, 3))
    for heading in ("ACTIVITY", "BEFORE THE KILL", "AFTER IT", "KEYS", "RESULTS RECORDED"):
        table.add_column(heading, justify="left" if heading == "ACTIVITY" else "right")
    for name, times in orders.times().items():
        before = story.effects_at_drop.get(name, 0)
        keys = {effect.key for effect in orders.EFFECTS if effect.activity == name}
        table.add_row(name, str(before), str(times - before), str(len(keys)), str(recorded(story, name)))
    console.print(table)
    again = [name for name, times in orders.times().items() if times > 1]
    if again:
        console.print(
            f"\n   The body of {again[0]} had run, and nobody had written it down: so it ran again, under the same\n"
            "   idempotency key, by which the outside knows that it is the same thing. Every result was recorded once."
        )
    else:
        console.print("\n   Nothing ran twice: what was recorded is never run again.")


def recorded(story: Story, activity: str) -> int:
    """How many results of this activity the history holds."""
    events = story.history.events if story.history else ()
    ordinals = [
        e.data["ordinal"] for e in events if e.type == "ActivityScheduled" and e.data["activity_type"] == activity
    ]
    return sum(1 for e in events if e.type == "ActivityCompleted" and e.data["ordinal"] in ordinals)


def say(what: str, how: str) -> None:
    console.print(f"\n[bold]{what}[/]  [dim]({how})[/]\n")


def quote(text: str) -> None:
    for line in text.splitlines():
        console.print(f"   │ {line}", markup=False)


if __name__ == "__main__":
    main()
