"""Steps per second of one, fifty and a thousand workflows at once, and the bytes that a step leaves behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from benchmarks.commits import Limit
from benchmarks.places import Place
from benchmarks.sql.grounds import OURS, PEER, Amounts, Answer, Ground, at_least, met, middle
from benchmarks.subjects import Subject

TARGETS: Final = {"SQLite": (100.0, 20_000.0, 0.05), "PostgreSQL": (25.0, 0.0, 0.1)}
"""With the most at once: times the peer, steps/s, CPU ms per step."""


def steps(ground: Ground) -> None:
    """Workflows of ten steps, each an activity that returns what it gets, from their starts to their results."""
    answers = ground.in_turn(_measured, beside=tuple(ground.peers) or (PEER,))
    for number, (at_once, _) in enumerate(ground.ours.sizes):
        last = number == len(ground.ours.sizes) - 1
        ours = _told(number, answers[OURS])
        taken = sorted((answer["taken"][number] for answer in answers[OURS]), key=lambda one: float(one["cpu"]))
        own = taken[len(taken) // 2]
        ground.report(
            "steps",
            answers,
            partial(_told, number),
            concurrent=at_once,
            raw={**ground.limit.appends(), "ratio_to_raw": _limit(ground.limit, at_once) / ours["steps_per_s"]},
            judged=partial(_judged, ground.name) if last else None,
            cpu_us_by_room=own["rooms"],
            cpu_us_of_it_collecting_garbage=own["collecting"] * 1e6,
        )
    ground.report("disk", answers, _left, raw={})


def _limit(limit: Limit, at_once: int) -> float:
    """Commits per second: one alone has nothing to share them with."""
    return 1 / limit.commit if at_once == 1 else limit.appends_per_s


def _measured(subject: Subject, place: Place, amounts: Amounts) -> Answer:
    subject.ask("prepare", place)
    before = place.size()
    answer = subject.ask("steps", place, sizes=amounts.sizes)
    return {**answer, "bytes": place.size() - before}


def _told(number: int, answers: Sequence[Answer]) -> Mapping[str, float]:
    taken = [answer["taken"][number] for answer in answers]
    return {
        "steps_per_s": 1 / middle(one["wall"] for one in taken),
        "cpu_ms_per_step": middle(one["cpu"] for one in taken) * 1e3,
    }


def _left(answers: Sequence[Answer]) -> Mapping[str, float]:
    """Of ten steps each, so there is a tenth of the workflow in it."""
    return {"bytes_per_step": middle(answer["bytes"] / answer["steps"] for answer in answers)}


def _judged(place: str, ours: Mapping[str, Any], better: float | None) -> Mapping[str, Any]:
    if place not in TARGETS:
        return {}
    times, rate, cpu = TARGETS[place]
    said = [f">= {times:.0f} times the peer", f">= {rate:,.0f} steps/s" if rate else "", f"<= {cpu} CPU ms"]
    return met(
        ", ".join(filter(None, said)),
        at_least(better, times),
        ours["steps_per_s"] >= rate,
        ours["cpu_ms_per_step"] <= cpu,
    )
