"""`make demo`: a store that somebody else published is selected by name, used, and held against its contract."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from aion_core.codec import Values, decode_batch, encode_batch
from aion_core.config import Config, load
from aion_core.model import events as e
from aion_core.model.summaries import fold_runs
from aion_core.platform import SYSTEM
from aion_core.spi import Commit, EngineId, EngineInfo, EventStore, Version, WorkflowId, WorkflowState, shard_of
from aion_testkit import ConformanceReport, Verdict, run_conformance

HERE = Path(__file__).parent
AION_TOML = """\
schema = 1

[event_store]
use = "diary"
path = "diary.txt"
"""

console = Console(highlight=False)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="aion-demo-") as folder:
        place = Path(folder)
        install_the_plugin(place / "site")
        config = compose_it_from_a_file(place)
        store: EventStore = config.event_store.make(SYSTEM)
        with store:
            keep_a_history(store, place / "diary.txt")
        hold_it_against_the_contract(config, place)


def install_the_plugin(site: Path) -> None:
    say("1. Install a plugin that somebody else wrote", "pip install ./diary_store")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command = [*pip, "--no-build-isolation", "--target", str(site), str(HERE / "diary_store")]
    subprocess.run(command, check=True)  # noqa: S603  # our own interpreter, our own folder
    sys.path.append(str(site))
    importlib.invalidate_caches()


def compose_it_from_a_file(place: Path) -> Config:
    say("2. Select it by name", "aion.toml")
    (place / "aion.toml").write_text(AION_TOML)
    quote(AION_TOML)
    config = load(place / "aion.toml", environ={}, stores_only=True)
    driver = config.event_store.driver
    assert driver is not None  # noqa: S101  # for the type checker: an event store always has one
    console.print(
        f"   event_store {driver.name!r} comes from [bold]{driver.provider}[/], contract {driver.cls.contract},"
    )
    console.print(f"   and can: {', '.join(sorted(driver.capabilities))}\n")
    return config


def keep_a_history(store: EventStore, diary: Path) -> None:
    say("3. Keep a history in it", "what a workflow would record")
    order = WorkflowId("order-42")
    values = Values()
    lease = store.lease(EngineInfo(engine_id=EngineId("demo")), want=store.shards, ttl=60.0)
    fence = {one.shard: one.fence for one in lease.mine}[shard_of(order, store.shards)]
    now, run = SYSTEM.now(), SYSTEM.run_id()
    turns: list[list[e.Event]] = [
        [
            e.WorkflowStarted(
                seq=1,
                at=now,
                run_id=run,
                workflow_type="checkout",
                input=values.encode([{"id": "42", "cents": 1999}]),
                version=Version("env:demo"),
                python="3.11",
                machine=1,
            ),
            e.ActivityScheduled(seq=2, at=now, ordinal=0, activity_type="charge", input=values.encode(["42"])),
        ],
        [
            e.ActivityCompleted(seq=3, at=now, ordinal=0, result=values.encode("receipt-42")),
            e.WorkflowCompleted(seq=4, at=now, result=values.encode("receipt-42")),
        ],
    ]
    head, past = 0, list[e.Event]()
    for turn in turns:
        past += turn
        (current,) = fold_runs(order, past)
        batch = encode_batch(turn)
        state = WorkflowState(
            workflow_id=order,
            summary=current.summary,
            head=batch.last_seq,
            run_start=1,
            drained_seq=batch.last_seq,
        )
        commit = Commit(
            workflow_id=order,
            expected_seq=head,
            op_id=SYSTEM.op_id(),
            fence=fence,
            batch=batch,
            state=state,
            runs=(current,),
        )
        console.print(f"   {store.append([commit])[0]}")
        head = batch.last_seq

    table = Table(box=None, padding=(0, 2, 0, 3))
    for heading in ("SEQ", "EVENT", "WHAT STANDS IN THE HISTORY"):
        table.add_column(heading, overflow="ellipsis", no_wrap=True)
    for batch in store.read(order).items:
        for event in decode_batch(batch):
            payload = getattr(event, "input", None) or getattr(event, "result", None)
            shown = payload.content.decode() if payload is not None else ""
            table.add_row(str(event.seq), e.event_tag(type(event)), shown)
    console.print(table)
    (state_row,) = store.state([order])
    console.print(
        f"\n   order-42 is [bold green]{state_row.summary.status if state_row else 'gone'}[/]. Its diary says:"
    )
    quote(diary.read_text())


def hold_it_against_the_contract(config: Config, place: Path) -> None:
    say("4. Hold it against the contract", "every case of the conformance kit")
    driver = config.event_store.driver
    assert driver is not None  # noqa: S101  # as above
    places = iter(range(10**9))

    def make_place() -> Callable[[], EventStore]:
        settings: Any = driver.settings(path=place / f"diary-{next(places)}.txt")
        return lambda: driver.make(settings, SYSTEM)

    report = run_conformance("event_store", make_place)
    show(report)
    if not report.conforms:
        raise SystemExit(1)


def show(report: ConformanceReport) -> None:
    counts = Counter((case.layer, case.verdict) for case in report.cases)
    table = Table(box=None, padding=(0, 2, 0, 3))
    table.add_column("LAYER")
    for verdict in Verdict:
        table.add_column(verdict.value.upper(), justify="right")
    for layer in dict.fromkeys(case.layer for case in report.cases):
        table.add_row(layer, *(str(counts[layer, verdict] or "·") for verdict in Verdict))
    console.print(table)
    for case in report.failed:
        console.print(f"\n   [red]{case.case}[/]\n{case.error}", markup=True)
    total = len(report.passed)
    console.print(f"\n   [bold]{total} cases passed, {len(report.failed)} failed.[/]")


def say(what: str, how: str) -> None:
    console.print(f"\n[bold]{what}[/]  [dim]({how})[/]\n")


def quote(text: str) -> None:
    for line in text.splitlines():
        console.print(f"   │ {line}", markup=False)
    console.print()


if __name__ == "__main__":
    main()
