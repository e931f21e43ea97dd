"""What another process has left: opening where many workflows sleep, and going on where many were interrupted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.answers import now
from benchmarks.places import Place
from benchmarks.sql.grounds import OURS, Amounts, Answer, Ground, met, middle
from benchmarks.subjects import Subject

OPEN: Final = 1.0
ALL_LIVE: Final = 10.0
"""Seconds."""
AGAIN: Final = 3
"""Openings of a place; those who slept there sleep on."""


def opening(ground: Ground) -> None:
    """A store in which nothing is to be done: until it is open, and until the first workflow has its result."""

    def measured(subject: Subject, place: Place, amounts: Amounts) -> Answer:
        with subject.talk("sleep", place, count=amounts.sleeping) as sleeping:
            sleeping.line()
            sleeping.end()
        opened: list[Answer] = []
        for _ in range(AGAIN):
            with ground.make() as empty:
                opened.append(subject.ask("reopen", place, count=amounts.sleeping, empty=subject.place(empty)))
        return {"opened": opened, "count": amounts.sleeping}

    def told(found: Sequence[Answer]) -> Mapping[str, float]:
        every = [opened for answer in found for opened in answer["opened"]]
        keys = {"open": "open_ms", "first": "first_result_ms", "all": "all_back_ms", "cpu": "cpu_ms"}
        told = {said: middle(one[key] for one in every) * 1e3 for key, said in keys.items() if key in every[0]}
        return {**told, "sleeping": found[0]["count"]}

    def judged(ours: Mapping[str, Any], better: float | None) -> Mapping[str, Any]:
        del better
        return met(f"open in <= {OPEN:.0f} s", ours["open_ms"] <= OPEN * 1e3)

    answers = ground.in_turn(measured)
    ground.report("open, workflows sleep", answers, told, raw={}, judged=judged)


def recovery(ground: Ground) -> None:
    """Of processes that were killed while each workflow was in a step: until all of them have done the next one."""
    answers = ground.in_turn(_recovered)
    wanted = ground.ours.interrupted
    rate = _told(answers[OURS])["workflows_per_s"]

    def judged(ours: Mapping[str, Any], better: float | None) -> Mapping[str, Any]:
        del better
        return met(f"{wanted:,} in <= {ALL_LIVE:.0f} s", ours["all_live_s"] <= ALL_LIVE)

    raw = {"raw": ground.limit.appends()["raw"], "raw_appends_per_s": ground.limit.appends_per_s}
    raw["ratio_to_raw"] = ground.limit.appends_per_s / rate
    ground.report("recovery after kill -9", answers, _told, raw=raw, judged=judged)


def _recovered(subject: Subject, place: Place, amounts: Amounts) -> Answer:
    with subject.talk("hang", place, count=amounts.interrupted) as hanging:
        hanging.line()
        killed = now()
        hanging.kill()
    with subject.talk("recover", place, count=amounts.interrupted) as recovering:
        said = recovering.line()
    return {"seconds": said["at"] - killed, "cpu": said["cpu"], "count": amounts.interrupted}


def _told(found: Sequence[Answer]) -> Mapping[str, float]:
    count = found[0]["count"]
    seconds = middle(answer["seconds"] for answer in found)
    return {
        "workflows_per_s": count / seconds,
        "interrupted": count,
        "all_live_s": seconds,
        "cpu_ms_per_workflow": middle(answer["cpu"] for answer in found) / count * 1e3,
    }
