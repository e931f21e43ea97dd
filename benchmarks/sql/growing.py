"""Whether the steps of a long workflow are as quick as those of a young one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.growth import BURSTS, GROWTH, YOUNG
from benchmarks.places import Place
from benchmarks.programs import STEPS
from benchmarks.sql.grounds import OURS, Amounts, Answer, Ground, met, middle
from benchmarks.subjects import Subject


def growth(ground: Ground) -> None:
    """The last hundred steps of a workflow of ten thousand, in turn with the first of another one."""
    answers = ground.in_turn(_measured)
    ours = answers[OURS]
    raw = {
        "raw": f"the steps {YOUNG} to {YOUNG + BURSTS * STEPS} of another one, in turn with the last of this one",
        "raw_steps_per_s": 1 / _wall(ours, "early"),
        "ratio_to_raw": _wall(ours, "early") / _wall(ours, "late"),
    }

    def judged(ours: Mapping[str, Any], better: float | None) -> Mapping[str, Any]:
        del better
        return met(f">= {GROWTH}", ours["times_young"] >= GROWTH)

    ground.report("growth of one workflow", answers, _told, raw=raw, judged=judged)


def _measured(subject: Subject, place: Place, amounts: Amounts) -> Answer:
    return {**subject.ask("growth", place, old=amounts.old, young=YOUNG), "steps": amounts.old + BURSTS * STEPS}


def _told(answers: Sequence[Answer]) -> Mapping[str, float]:
    return {
        "steps_per_s": 1 / _wall(answers, "late"),
        "times_young": _wall(answers, "early") / _wall(answers, "late"),
        "cpu_ms_per_step": middle(cpu for answer in answers for _, cpu in answer["late"]) * 1e3,
        "steps": answers[0]["steps"],
    }


def _wall(answers: Sequence[Answer], which: str) -> float:
    return middle(wall for answer in answers for wall, _ in answer[which])
