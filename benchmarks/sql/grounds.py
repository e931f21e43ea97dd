"""What a figure is measured on: a kind of place, its raw limit, this engine and its peers there, and how much of it."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from attrs import frozen

from benchmarks.commits import Limit, limit
from benchmarks.measure import report
from benchmarks.peers.dbos import dbos
from benchmarks.places import Kind, Place
from benchmarks.subjects import AION, Failed, Subject

OURS: Final = "ours"
PEER: Final = "peer"

Answer = Mapping[str, Any]
Answers = Mapping[str, Sequence[Answer]]


@frozen
class Amounts:
    """How much is done for the figures. A peer that takes minutes does less, and its lines say how much."""

    rounds: int
    """Of every figure; the median of them stands for all."""
    sizes: Sequence[tuple[int, int]]
    """Workflows of ten steps: how many at once, and how many one after the other."""
    alone: int
    """Steps of one workflow, and workflows without steps, one after the other."""
    signals: int
    posts: int
    """Signals from another process."""
    sleeping: int
    interrupted: int
    old: int
    """Steps that a workflow has done when its growth is measured."""


FULL: Final = Amounts(
    rounds=3,
    sizes=((1, 60), (50, 20), (1_000, 3)),
    alone=200,
    signals=200,
    posts=20,
    sleeping=100_000,
    interrupted=10_000,
    old=9_900,
)
PEERS: Final = Amounts(
    rounds=3,
    sizes=((1, 30), (50, 2), (1_000, 1)),
    alone=50,
    signals=20,
    posts=20,
    sleeping=1_000,
    interrupted=1_000,
    old=900,
)
SMALL: Final = Amounts(
    rounds=1, sizes=((1, 2), (10, 2), (20, 1)), alone=10, signals=5, posts=3, sleeping=30, interrupted=20, old=40
)
"""To try it out. Its figures mean nothing."""


@frozen
class Ground:
    """One kind of place, for a while."""

    name: str
    make: Kind
    limit: Limit
    peers: Mapping[str, Subject]
    """By the prefix of what lines say of them."""
    peer: str
    """What the first of them is called; or why there is none."""
    ours: Amounts
    theirs: Amounts

    def in_turn(
        self, measured: Callable[[Subject, Place, Amounts], Answer], *, beside: Sequence[str] = (PEER,)
    ) -> Answers:
        """This engine and the peers of these prefixes in rounds, each time in a place of its own.

        So a noisy moment hits all of them, and the raw limit, which is of these rounds only: what a disk can do
        differs from minute to minute. A peer that fails has fewer answers, or none.
        """
        self.limit.forget()
        answers: dict[str, list[Answer]] = {OURS: []}
        for _ in range(self.ours.rounds):
            self.limit.sample()
            with self.make() as place:
                answers[OURS].append(measured(AION, place, self.ours))
            self.limit.sample()
            for prefix in beside:
                answers.setdefault(prefix, [])
                if prefix in self.peers:
                    with self.make() as place:
                        answers[prefix] += _tried(measured, self.peers[prefix], place, self.theirs)
        return answers

    def report(
        self,
        figure: str,
        answers: Answers,
        told: Callable[[Sequence[Answer]], Mapping[str, Any]],
        *,
        raw: Mapping[str, Any],
        judged: Callable[[Mapping[str, Any], float | None], Mapping[str, Any]] | None = None,
        **context: Any,
    ) -> None:
        """A line: what is `told` of our answers, the raw limit, and the same of the peers.

        The first of what is told is what the peer is compared by, and so is CPU time. `judged` gets what is told of
        ours, and how many times better than the peer that is.
        """
        ours = told(answers[OURS])
        theirs = {prefix: told(found) for prefix, found in answers.items() if found and prefix != OURS}
        said: dict[str, Any] = {}
        if PEER in answers:
            said[PEER] = self.peer + (" failed" if self.peers and not answers[PEER] else "")
        for prefix, values in theirs.items():
            if prefix != PEER:
                said[PEER] += f"; {prefix.removeprefix(f'{PEER}_')}: {self.peers[prefix].name}"
            said |= {f"{prefix}_{key}": value for key, value in values.items()}
        better = None
        if PEER in theirs:
            main = next(iter(ours))
            better = said["ratio_to_peer"] = _times_better(main, ours, theirs[PEER])
            said |= {
                f"ratio_to_peer_{key}": _times_better(key, ours, theirs[PEER])
                for key in ours
                if key.startswith("cpu") and key in theirs[PEER]
            }
        report(figure, place=self.name, **context, **ours, **raw, **said, **(judged(ours, better) if judged else {}))


@contextmanager
def ground(name: str, make: Kind, ours: Amounts, theirs: Amounts) -> Iterator[Ground]:
    """With its raw limit measured beside it."""
    with limit(make) as bare:
        peers, peer = dbos(name)
        yield Ground(name=name, make=make, limit=bare, peers=peers, peer=peer, ours=ours, theirs=theirs)


def middle(values: Iterable[float]) -> float:
    """The median."""
    return statistics.median(values)


def met(target: str, *conditions: bool | None) -> Mapping[str, Any]:
    """What a line says of its target. None is a condition on a peer that is not there."""
    reached = False if False in conditions else None if None in conditions else True
    return {"target": target, "met": reached}


def at_least(value: float | None, least: float) -> bool | None:
    """A condition, if there is a value."""
    return None if value is None else value >= least


def _tried(
    measured: Callable[[Subject, Place, Amounts], Answer], peer: Subject, place: Place, amounts: Amounts
) -> list[Answer]:
    try:
        return [measured(peer, place, amounts)]
    except Failed as failed:
        print(failed, file=sys.stderr)
        return []


def _times_better(key: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    """Rates are better when they are higher, and everything else when it is lower."""
    mine, others = float(ours[key]), float(theirs[key])
    return mine / others if key.endswith("per_s") else others / mine
