"""Whatever arrives in whatever order, however it is batched into turns and from wherever it is replayed: the same."""

import logging
from itertools import cycle

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st
from tests.simulation.programs import LARGER, VALUES
from tests.simulation.stepping import HOW, ID, STEPS, Code, SteppedEngine, told, told_of

from aion_core.codec import encode_batch
from aion_core.machine.history import Role, Sorter
from aion_core.model import events as e
from aion_core.spi import Activation, WorkerSettings
from aion_core.upkeep.rules import findings
from aion_core.worker import Driver

NIGHTLY = settings().max_examples > 100
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
MANY = settings(max_examples=1500 if NIGHTLY else 150, phases=PHASES)
SOME = settings(max_examples=400 if NIGHTLY else 40, phases=PHASES)
SECOND = 1_000_000

# ---- what a workflow does

seconds = st.sampled_from([1, 2, 3, 5])
activities = st.sampled_from(["charge", "stop", "leave", "near"])
limits = st.one_of(st.just([]), seconds.map(lambda limit: [limit]))
steps = st.one_of(
    st.tuples(st.just("get"), st.sampled_from("ab"), limits).map(lambda it: [it[0], it[1], *it[2]]),
    st.tuples(st.just("sleep"), seconds),
    st.tuples(st.just("timer"), st.sampled_from(["sla", "rest"]), seconds),
    st.tuples(st.just("until"), st.integers(1, 3), limits).map(lambda it: [it[0], it[1], *it[2]]),
    st.tuples(st.sampled_from(["call", "start"]), activities),
    st.sampled_from(["dice", "side", "patch", "memo", "fail"]).map(lambda word: [word]),
).map(list)


def around(scripts):
    several = st.lists(scripts, min_size=1, max_size=4)
    return st.one_of(
        st.tuples(st.sampled_from(["then", "all", "group", "first", "settle", "wait"]), several).map(
            lambda it: [it[0], *it[1]]
        ),
        st.tuples(st.just("within"), seconds, scripts).map(list),
        st.tuples(st.sampled_from(["cleaned", "caught", "refused"]), scripts, scripts).map(list),
        st.tuples(st.sampled_from(["shielded", "alone"]), scripts).map(list),
    )


scripts = st.lists(st.recursive(steps, around, max_leaves=5), min_size=1, max_size=3).map(lambda them: ["then", *them])

# ---- what comes

# None that "stops": a body does so because it was told to, and when it hears of that is what differs from way to way.
ends = st.tuples(st.just("ends"), st.integers(0, 3), st.sampled_from(["ok", *(how for how in HOW if how != "stops")]))
arrivals = st.one_of(
    st.tuples(st.just("signal"), st.sampled_from(["a", "b", "tick"]), st.integers(0, 9)),
    st.tuples(st.just("signal"), st.sampled_from(["a", "b", "tick"]), st.integers(0, 9)),
    ends,
    ends,
    st.tuples(st.sampled_from(["cancel", "query"])),
)
schedules = st.lists(st.tuples(st.sampled_from([0, 1, 2, 3, 5, 8, 100]), st.lists(arrivals, max_size=4)), max_size=8)
"""Seconds that pass, and what arrives then, group by group. Within a group no time passes."""
lags = st.lists(st.integers(0, 4), min_size=1, max_size=4)
"""How many of the things under way happen between one arrival and the next, in turn."""
starts = st.fixed_dictionaries(
    {}, optional={"delay": st.just(3 * SECOND), "timeout": st.sampled_from([4 * SECOND, 20 * SECOND])}
)


class Story:
    """What became of a script, a start and a schedule, told of one engine."""

    def __init__(self, script, start, schedule, *, lags=None, **options):
        self.answers = []
        self._engine = engine = SteppedEngine(**options)
        self._lags = None if lags is None else cycle(lags)
        replies = [engine.start(script, **start)]
        for passing, group in schedule:
            engine.pump()
            self._look()
            running = engine.running
            if lags is not None:
                engine.ask()  # a turn that is under way: what comes now waits, and is one batch
            if passing:
                engine.pass_time(passing)
                self._go_on()
            for what in group:
                if (reply := self._arrive(what, running)) is not None:
                    replies.append(reply)
                self._go_on()
        engine.pump()
        self._look()
        self.told = [told(reply) for reply in replies]
        self.history = engine.history
        self.drains = engine.drains
        engine.close()

    def _arrive(self, what, running):
        match what:
            case ["signal", name, value]:
                return self._engine.signal(name, None if name == "tick" else value)
            case ["ends", which, how] if running:
                return self._engine.ends(running[which % len(running)], how)
            case ["query"]:
                self._engine.ask()
            case ["cancel"]:
                return self._engine.cancel()
        return None

    def _go_on(self):
        if self._lags is None:
            self._engine.pump()
            return
        for _ in range(next(self._lags)):
            self._engine.step()

    def _look(self):
        """Ask what the code has done so far. That leaves nothing behind."""
        before = self._engine.state
        reply = self._engine.ask()
        self._engine.pump()
        assert self._engine.state == before
        self.answers.append(str(told_of(reply.result())) if reply.done else "later")  # later: it has not begun


class Replay:
    """What code does that is replayed over a history up to a place in it, and lives on from there."""

    def __init__(self, history):
        self._history = history
        sorter = Sorter()
        self.places = [
            place
            for place, event in enumerate(history)
            if sorter.role(event) is Role.ARRIVAL and not isinstance(event, _WITHOUT_CODE)
        ]

    def lives(self, place):
        """Per arrival from this place on, what the code did; and what it says of itself at the end."""
        past = self._history[:place]
        driver = Driver(Code(), WorkerSettings(), values=VALUES)
        activation = Activation(
            ticket=1,
            workflow_id=ID,
            run_id=self._history[0].run_id,
            version="env:1",
            after=None,
            drained_seq=place,
            history=[encode_batch(past)] if past else [],
            arrivals=[self._as_it_came(each) for each in self.places if each >= place],
            asks=[STEPS],
        )
        (activated,) = driver.activate([activation])
        driver.close()
        return [list(each) for each in activated.commands], str(told_of(*activated.answers))

    def _as_it_came(self, place):
        event = self._history[place]
        if not isinstance(event, e.WorkflowCancelled):
            return event
        return e.WorkflowCancelRequested(seq=event.seq, at=event.at, reason=event.reason)


_WITHOUT_CODE = (e.WorkflowTimedOut, e.WorkflowTerminated)


@pytest.fixture(autouse=True, scope="module")
def quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def in_words(history):
    """For people, when it is not the same."""
    return "\n".join(f"{event.seq} {type(event).__name__} {_shown_of(event)}" for event in history)


def _shown_of(event):
    names = ("ordinal", "activity_type", "name", "attempt", "failure")
    return " ".join(f"{name}={getattr(event, name)}" for name in names if getattr(event, name, None) is not None)


def check_batches_and_evictions(script, start, schedule, lags):
    alone = Story(script, start, schedule)
    note(in_words(alone.history))
    assert not [event for event in alone.history if isinstance(event, e.WorkflowBlocked)]
    assert list(findings(alone.history)) == []
    for options in ({"lags": lags}, {"resident": 0}, {"resident": 0, "lags": lags}):
        other = Story(script, start, schedule, **options)
        note(f"with {options}:\n{in_words(other.history)}")
        assert other.drains == alone.drains
        assert other.history == alone.history
        assert other.told == alone.told
        assert other.answers == alone.answers


def check_replays(script, start, schedule, lags):
    live = Story(script, start, schedule, lags=lags)
    note(in_words(live.history))
    replay = Replay(live.history)
    drains, steps = replay.lives(0)
    assert [each for each in drains if each] == [commands for _, commands in live.drains]
    assert live.answers[-1] in {steps, "later"}
    for number, place in enumerate(replay.places):
        assert replay.lives(place) == (drains[number:], steps)
    assert replay.lives(len(live.history)) == ([], steps)


@MANY
@given(scripts, starts, schedules, lags)
def test_batches_and_evictions_change_nothing(script, start, schedule, lags):
    check_batches_and_evictions(script, start, schedule, lags)


@MANY
@given(scripts, starts, schedules, lags)
def test_a_replay_up_to_any_arrival_goes_on_as_it_did(script, start, schedule, lags):
    check_replays(script, start, schedule, lags)


@pytest.mark.parametrize("script", LARGER)
@SOME
@given(starts, schedules, lags)
def test_batches_evictions_and_replays_change_nothing_of_larger_workflows(script, start, schedule, lags):
    check_batches_and_evictions(script, start, schedule, lags)
    check_replays(script, start, schedule, lags)
