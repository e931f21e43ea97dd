"""What one caller waits for: step after step, start to result, and a signal on its way into a workflow's code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from benchmarks.measure import percentile
from benchmarks.places import Place
from benchmarks.sql.grounds import Amounts, Answer, Ground, met
from benchmarks.subjects import Subject

STEP: Final = 1.5
RESULT: Final = 2.5
RESIDENT: Final = 2.0
EVICTED: Final = 3.0
"""Times the bare commit."""
FROM_OUTSIDE: Final = 0.05
"""Seconds of a signal from another process."""
SPREAD: Final = 1.0
"""Seconds between signals at most, where somebody may look for them now and then: they come at any time in between."""


def alone(ground: Ground) -> None:
    """Without concurrency: the step of one workflow after the other, then workflows without steps."""

    def measured(subject: Subject, place: Place, amounts: Amounts) -> Answer:
        return subject.ask("alone", place, steps=amounts.alone, starts=amounts.alone)

    answers = ground.in_turn(measured)
    _report(ground, "one step after the other", answers, "steps", times=STEP if ground.name == "SQLite" else None)
    _report(ground, "start to result, no steps", answers, "starts", times=RESULT)


def signals(ground: Ground) -> None:
    """From a caller in the same process to the code, which is in memory; then to code that is replayed for it."""

    def measured(subject: Subject, place: Place, amounts: Amounts) -> Answer:
        return subject.ask("signals", place, signals=amounts.signals, spread=_spread(subject, ground))

    def replayed(subject: Subject, place: Place, amounts: Amounts) -> Answer:
        return subject.ask("evicted", place, signals=amounts.signals)

    answers = ground.in_turn(measured)
    _report(ground, "signal to its receipt", answers, "told", times=RESIDENT)
    _report(ground, "signal to the code, resident", answers, "heard", times=RESIDENT)
    answers = ground.in_turn(replayed, beside=())
    _report(ground, "signal to the code, evicted", answers, "heard", times=EVICTED)


def signals_from_outside(ground: Ground) -> None:
    """From a client in another process to the code."""
    answers = ground.in_turn(_from_outside)

    def judged(ours: Mapping[str, Any], better: float | None) -> Mapping[str, Any]:
        del better
        return met(f"<= {FROM_OUTSIDE * 1e3:.0f} ms", ours["p50_us"] <= FROM_OUTSIDE * 1e6)

    ground.report(
        "signal to the code, from another process",
        answers,
        partial(_told, "heard"),
        raw=ground.limit.commits(),
        judged=judged,
    )


def _from_outside(subject: Subject, place: Place, amounts: Amounts) -> Answer:
    taken: list[float] = []
    with (
        subject.talk("listen", place, signals=amounts.posts) as listener,
        subject.talk("send", place, signals=amounts.posts, spread=SPREAD) as sender,
    ):
        listener.line()
        for _ in range(amounts.posts):
            sender.go()
            began = sender.line()["at"]
            taken.append(listener.line()["at"] - began)
    return {"heard": taken}


def _spread(subject: Subject, ground: Ground) -> float:
    """DBOS looks for messages once a second where its database does not tell it of them."""
    return SPREAD if ground.name == "SQLite" and subject in ground.peers.values() else 0.0


def _report(
    ground: Ground, figure: str, answers: Mapping[str, Sequence[Answer]], key: str, *, times: float | None
) -> None:
    commit = ground.limit.commit * 1e6
    ours = _told(key, answers["ours"])

    def judged(ours: Mapping[str, Any], better: float | None) -> Mapping[str, Any]:
        del better
        return {} if times is None else met(f"<= {times} times raw", ours["p50_us"] <= times * commit)

    raw = {**ground.limit.commits(), "ratio_to_raw": ours["p50_us"] / commit}
    ground.report(figure, answers, partial(_told, key), raw=raw, judged=judged)


def _told(key: str, answers: Sequence[Answer]) -> Mapping[str, float]:
    every = [seconds for answer in answers for seconds in answer[key]]
    return {"p50_us": percentile(0.5, every) * 1e6, "p99_us": percentile(0.99, every) * 1e6}
