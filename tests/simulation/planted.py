"""Bugs that are put into the engine and the reference store, to see that the sweep would find them.

Each is a mistake that somebody could make: a few lines that are left out, or done too early. `where` names the
scenario that meets it, so that finding it does not take the whole sweep.
"""

from collections.abc import Callable
from typing import Any, Final

from attrs import field, frozen
from msgspec.structs import replace

from aion_core.engine import taking, turns
from aion_core.engine.activities import Activities
from aion_core.engine.messages import Messages
from aion_core.engine.recorder import Recorder
from aion_core.engine.turns import Turns
from aion_core.engine.writer import Writer
from aion_core.ledger import RunLedger
from aion_core.machine.run import WorkflowRun
from aion_core.memory.events import MemoryEventStore
from aion_core.memory.world import History
from aion_core.model import events as e
from aion_core.model.times import Instant
from aion_core.spi import Committed, Conflict, Unknown
from aion_core.worker import Driver


@frozen
class Planted:
    """A bug by name. `plant` gets a `MonkeyPatch`."""

    name: str
    plant: Callable[[Any], None]
    where: str
    seeds: tuple[int, ...] = field(default=(0, 3))


BUGS: Final[dict[str, Planted]] = {}


def bug(where: str, *, seeds: tuple[int, ...] = (0, 3)) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    def add(plant: Callable[[Any], None]) -> Callable[[Any], None]:
        name = plant.__name__.replace("_", " ")
        BUGS[name] = Planted(name, plant, where, seeds)
        return plant

    return add


# ---- too early


@bug("sequence")
def acknowledged_before_the_commit(patch):
    commit = Turns._commit

    def hasty(self, resident, turn, ledger):
        for caller, reaction in turn.reactions:
            self._around.tell(caller, reaction, durable=True)
        commit(self, resident, turn, ledger)

    patch.setattr(Turns, "_commit", hasty)


@bug("cautious")
def an_effect_released_before_the_acknowledgement(patch):
    commit, release = Turns._commit, Turns._acknowledged

    def hasty(self, resident, turn, ledger):
        commit(self, resident, turn, ledger)
        self._around.release(ledger, turn.recording)

    def acknowledged(self, resident, *, durable=True):
        turn = resident.turn
        if turn is not None and durable:
            turn.recording = type(turn.recording)(runs=turn.recording.runs)
        release(self, resident, durable=durable)

    patch.setattr(Turns, "_commit", hasty)
    patch.setattr(Turns, "_acknowledged", acknowledged)


@bug("signals", seeds=(4, 1))
def a_timer_fires_early(patch):
    early = 50_000
    due, is_due = RunLedger.due_timers, taking.is_due
    patch.setattr(RunLedger, "due_timers", lambda self, now: due(self, Instant(now + early)))
    patch.setattr(turns, "is_due", lambda resident, now: is_due(resident, Instant(now + early)))


# ---- what the store answers is not what is understood


@bug("sequence")
def a_conflict_taken_for_success(patch):
    sort = Writer._sort

    def trusting(self, group, results):
        sort(self, group, [Committed(each.head) if isinstance(each, Conflict) else each for each in results])

    patch.setattr(Writer, "_sort", trusting)


@bug("sequence")
def an_unknown_outcome_taken_for_success(patch):
    sort = Writer._sort

    def trusting(self, group, results):
        sort(self, group, [Committed(0) if isinstance(each, Unknown) else each for each in results])

    patch.setattr(Writer, "_sort", trusting)


@bug("waiting")
def the_op_id_regenerated_on_retry(patch):
    decide, written = Writer._decide, Turns.written
    renamed: dict[str, str] = {}

    def anew(self):
        fresh = [replace(commit, op_id=self._platform.op_id()) for commit in self._doubtful]
        renamed.update((new.op_id, old.op_id) for new, old in zip(fresh, self._doubtful, strict=True))
        self._doubtful = fresh
        decide(self)

    def heard(self, results):
        written(
            self,
            [
                replace(each, commit=replace(each.commit, op_id=renamed.get(each.commit.op_id, each.commit.op_id)))
                for each in results
            ],
        )

    patch.setattr(Writer, "_decide", anew)
    patch.setattr(Turns, "written", heard)


@bug("sequence")
def a_commit_in_doubt_is_forgotten(patch):
    def forget(self):
        self._doubtful = []

    patch.setattr(Writer, "_decide", forget)


# ---- the store


@bug("sequence")
def no_compare_and_swap_in_the_store(patch):
    append = MemoryEventStore._append

    def anyway(self, world, commit):
        history = world.history(commit.workflow_id)
        if history is not None:
            history.op_id = ""
            commit = replace(commit, expected_seq=history.state.head)
        return append(self, world, commit)

    patch.setattr(MemoryEventStore, "_append", anyway)


@bug("several")
def the_fence_not_checked(patch):
    append = MemoryEventStore._append

    def anyway(self, world, commit):
        return append(self, world, replace(commit, fence=world.leases.fence(world.shard(commit.workflow_id))))

    patch.setattr(MemoryEventStore, "_append", anyway)


@bug("signals")
def tombstones_are_not_written_with_the_commit(patch):
    patch.setattr(turns, "outcomes_of", lambda *_, **__: [])


@bug("deadline")
def the_next_wake_is_not_written(patch):
    apply = History.apply

    def asleep(self, commit, blobs):
        apply(self, replace(commit, state=replace(commit.state, next_wake=None)), blobs)

    patch.setattr(History, "apply", asleep)


# ---- messages


@bug("waiting", seeds=(2, 3))
def a_message_consumed_outside_the_commit(patch):
    tell = Messages.tell
    patch.setattr(turns, "outcomes_of", lambda *_, **__: [])
    patch.setattr(
        Messages, "tell", lambda self, caller, reaction, *, durable: tell(self, caller, reaction, durable=False)
    )


@bug("waiting")
def a_signal_sent_again_is_recorded_again(patch):
    def at_once(self, key, then):
        then(None)

    init = Messages.__init__

    def deaf(self, *args, **options):
        init(self, *args, **options)
        self._look_up = at_once.__get__(self)

    patch.setattr(Messages, "__init__", deaf)


@bug("waiting")
def an_arrival_lost_on_roll_back(patch):
    roll_back = Turns._roll_back

    def forgetful(self, resident):
        if resident.turn is not None:
            resident.turn.arrived = ()
        roll_back(self, resident)

    patch.setattr(Turns, "_roll_back", forgetful)


@bug("waiting")
def an_arrival_doubled_on_roll_back(patch):
    roll_back = Turns._roll_back

    def generous(self, resident):
        if resident.turn is not None:
            resident.turn.arrived = [*resident.turn.arrived, *resident.turn.arrived]
        roll_back(self, resident)

    patch.setattr(Turns, "_roll_back", generous)


# ---- the machine and the recorder


@bug("signals")
def a_timer_fired_twice(patch):
    arrival = Recorder.arrival

    def twice(self, event, commands):
        if isinstance(event, e.TimerFired) and commands is not None:
            self._write(event)
        return arrival(self, event, commands)

    patch.setattr(Recorder, "arrival", twice)


@bug("sequence")
def a_result_recorded_twice_after_recovery(patch):
    roll_back = Turns._roll_back

    def again(self, resident):
        if resident.turn is not None:
            results = [each for each in resident.turn.arrived if isinstance(each.what, e.ActivityCompleted)]
            resident.turn.arrived = [*resident.turn.arrived, *results]
        roll_back(self, resident)

    patch.setattr(Turns, "_roll_back", again)
    patch.setattr(WorkflowRun, "expects", lambda self, event: True)


@bug("fanout", seeds=(0, 1, 2, 3))
def drained_out_of_order(patch):
    activated = Driver._activated

    def backwards(self, activation):
        result = activated(self, replace(activation, arrivals=tuple(reversed(activation.arrivals))))
        commands = getattr(result, "commands", None)
        return result if commands is None else replace(result, commands=tuple(reversed(commands)))

    patch.setattr(Driver, "_activated", backwards)


# ---- activities


@bug("cautious")
def a_lost_attempt_is_not_counted(patch):
    def again(self, run, activity, *, stopping):
        attempt = self._attempts.open(run, activity)
        attempt.recorded = activity
        self._attempts.seek(attempt)

    patch.setattr(Activities, "_recover", again)


@bug("sequence")
def open_activities_are_not_taken_up_after_a_restart(patch):
    patch.setattr(Activities, "met", lambda self, ledger: None)


@bug("locals")
def what_only_the_row_says_is_not_written(patch):
    apply = History.apply

    def bare(self, commit, blobs):
        apply(self, replace(commit, state=replace(commit.state, open=b"")), blobs)

    patch.setattr(History, "apply", bare)
