"""`make demo`: a program is killed with SIGKILL again and again, and an order arrives all the same."""

from __future__ import annotations

import argparse
import inspect
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from attrs import define, field, frozen
from rich.console import Console
from rich.table import Table

import aion_core as aion
from examples import orders

KILLS = 3
PROGRAM = Path(orders.__file__).resolve()


@frozen
class Effect:
    """One run of an activity's body. What has the same key is one thing to a service that drops what it has seen."""

    pid: int
    activity: str
    key: str


@define
class Life:
    """One process of the program."""

    pid: int
    killed: bool = False
    said: list[str] = field(factory=list[str])
    head: int = 0
    """Events in the history when it had ended."""


@define
class Story:
    """What the demo shows, for the eye and for its test."""

    lives: list[Life] = field(factory=list[Life])
    effects: list[Effect] = field(factory=list[Effect])
    history: aion.History | None = None
    receipt: str | None = None

    def recorded(self, activity: str) -> int:
        """How many results of this activity the history holds."""
        events = self.history.events if self.history else ()
        scheduled = {e.data["ordinal"]: e.data["activity_type"] for e in events if e.type == "ActivityScheduled"}
        return sum(e.type == "ActivityCompleted" and scheduled[e.data["ordinal"]] == activity for e in events)


def play(seed: int, folder: Path, on: Callable[[str, Story], None]) -> Story:
    """Start the program and kill it, as often as it takes. `on` hears of every step.

    Its store is what an `aion.toml` in the folder says, and without one a file there, as for any program.
    """
    chance, story = random.Random(seed), Story()
    written = folder / "aion.toml"
    config = written if written.exists() else {"event_store": {"use": "sql", "url": f"sqlite:///{folder}/aion.db"}}
    while story.receipt is None:
        on("starting", story)
        live(story, folder, chance, kill=len(story.lives) < KILLS)
        with aion.Client.open(config) as client:
            story.history = look(client)
        story.lives[-1].head = story.history.events[-1].seq if story.history else 0
        on("ended", story)
    lines = (folder / orders.OUTSIDE).read_text(encoding="utf-8").splitlines()
    story.effects = [Effect(int(pid), activity, key) for pid, activity, key in map(str.split, lines)]
    return story


def live(story: Story, folder: Path, chance: random.Random, *, kill: bool) -> None:
    """One life: to its end, or until a moment that chance chooses after something it has said."""
    word, moment = chance.randint(1, 2), chance.uniform(0.0, 0.05)
    command = [sys.executable, str(PROGRAM)]
    with (
        (folder / "log.txt").open("a", encoding="utf-8") as log,  # a lost attempt is logged, and here it is no news
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        life = Life(process.pid)
        story.lives.append(life)
        for line in process.stdout or ():
            life.said.append(line.strip())
            if kill and len(life.said) == word:
                time.sleep(moment)
                process.kill()
    if process.returncode > 0:
        sys.exit((folder / "log.txt").read_text(encoding="utf-8"))
    life.killed = process.returncode < 0
    if not life.killed:
        story.receipt = life.said.pop()


def look(client: aion.Client) -> aion.History | None:
    """The order's history, if it was there already when its process was killed."""
    try:
        return client.handle("order-42").history()
    except aion.WorkflowNotFound:
        return None


# ---- what one sees

console = Console(highlight=False, soft_wrap=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--seed", type=int, help="chooses the moments at which the program is killed")
    given = parser.parse_args().seed
    seed = secrets.randbelow(1000) if given is None else given

    say("1. An order is a function", "examples/orders.py")
    quote(inspect.getsource(orders.buy.fn))
    say("2. Run the program, and kill it", f"kill -9, at {KILLS} moments chosen at random")
    with tempfile.TemporaryDirectory(prefix="aion-demo-") as folder:
        story = play(seed, Path(folder), show)
    say("3. What happened", "run.history(), out of ./aion.db")
    show_history(story)
    say("4. What the world saw", "how often the bodies of the activities ran")
    show_effects(story)
    console.print(f"\n[dim]Once more, with kills at similar moments: python -m examples.demo --seed {seed}[/]")


def show(step: str, story: Story) -> None:
    if step == "starting":
        console.print(f"   [bold]$ python orders.py[/]  [dim]# for the {len(story.lives) + 1}. time[/]")
        return
    life = story.lives[-1]
    for word in life.said:
        console.print(f"     {word}")
    if life.killed:
        console.print(f"     [red]kill -9 {life.pid}[/]  [dim]{life.head} events are in the history[/]")
    else:
        console.print(f"     [bold green]{story.receipt}[/]  [dim]{life.head} events are in the history[/]")


def show_history(story: Story) -> None:
    if story.history is None:
        return
    headline, *lines = str(story.history).splitlines()
    console.print(f"   [bold]{headline}[/]\n")
    borders = {life.head: life.pid for life in story.lives if life.killed}
    for event, line in zip(story.history.events, lines, strict=True):
        console.print(f"   {line}", markup=False)
        if pid := borders.pop(event.seq, None):
            console.print(f"   [red]┄┄ process {pid} is killed, and the next one goes on ┄┄[/]")


def show_effects(story: Story) -> None:
    ran = Counter(effect.activity for effect in story.effects)
    table = Table(box=None, padding=(0, 2, 0, 3))
    for heading in ("ACTIVITY", "TIMES RUN", "KEYS", "RESULTS RECORDED"):
        table.add_column(heading, justify="left" if heading == "ACTIVITY" else "right")
    for name, times in ran.items():
        keys = {effect.key for effect in story.effects if effect.activity == name}
        table.add_row(name, str(times), str(len(keys)), str(story.recorded(name)))
    console.print(table)
    console.print(f"\n   {verdict(story)}")


def verdict(story: Story) -> str:
    """What is to be learned from it, in this very story."""
    kills = sum(life.killed for life in story.lives)
    ran = Counter(effect.activity for effect in story.effects)
    again = [name for name, times in ran.items() if times > 1]
    once = all(story.recorded(name) == 1 for name in ran)
    end = f"The program was killed {kills} times, and the order has arrived: {story.receipt}."
    if not once:
        return f"{end} But a result is missing or was recorded twice: that must never be."
    if not again:
        return f"{end}\n   Every result was recorded once, and no body ran twice: what is recorded is never run again."
    return (
        f"{end}\n   Every result was recorded once. The process died while {' and '.join(again)} ran, before the result"
        " was\n   recorded: so the body ran again, under the same idempotency key."
    )


def say(what: str, how: str) -> None:
    console.print(f"\n[bold]{what}[/]  [dim]({how})[/]\n")


def quote(text: str) -> None:
    for line in text.splitlines():
        console.print(f"   │ {line}", markup=False)


if __name__ == "__main__":
    main()
