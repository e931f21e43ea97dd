"""What a turn's arrivals are to a run: decided before its code runs, and before anything is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from aion_core.client.requests import AnyReaction, Started, StartRequest
from aion_core.engine.lifecycle import Begin, Join, Refuse, decide_start, started
from aion_core.engine.recorder import AttemptFailed, AttemptNoted, verdict
from aion_core.engine.resident import Arrived, Asked, AttemptBegins, Caller, Resident, Turn
from aion_core.engine.surroundings import Surroundings
from aion_core.ledger import DEADLINE, DELAY, RunLedger
from aion_core.model import events as e
from aion_core.model.errors import AionError, LimitExceeded
from aion_core.model.failed import WorkflowClosed, WorkflowNotFound
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.limits import Limits
from aion_core.model.status import Status
from aion_core.model.times import Instant

MOST_ARRIVALS: Final = 500
"""Of one turn: a commit has room for what they carry."""

WITHOUT_CODE: Final = (e.WorkflowTerminated, e.WorkflowTimedOut, e.WorkflowBlocked, e.WorkflowCancelled)
"""What comes from outside and runs no code. (A cancellation does where the run is blocked.)"""

_GOES_ON: Final = (e.WorkflowResumed, e.WorkflowUnblocked)


def take(resident: Resident, asked: Sequence[Asked], around: Surroundings) -> Turn:
    """The next turn: what arrived and what is due, as the code is given it."""
    ledger = resident.ledger
    now = around.platform.now()
    due = [] if resident.starting else _due(ledger, now)
    waits = ledger is not None and ledger.open and ledger.held and ledger.summary.status is not Status.BLOCKED
    if any(isinstance(each.what, e.WorkflowResumed) for each in due):
        waits = False
    arrived = [*due, *_waiting(resident, waits=waits)]
    turn = Turn(arrived, max(now, ledger.last_at) if ledger else now, asked=asked)
    turn.events = [_event(resident, turn, each, around) for each in arrived]
    begins = bool(turn.events) and isinstance(turn.events[0], e.WorkflowStarted)
    if begins and (signal := signal_with(arrived[0], turn.now)) is not None:
        turn.following.append(Arrived(what=signal))
        turn.events.append(signal)
    _number(turn, ledger)
    if turn.code and isinstance(turn.code[0], e.WorkflowStarted):
        turn.starting = turn.code[0]
    turn.held = turn.starting.not_before is not None if turn.starting else ledger is not None and ledger.held
    if turn.code and ledger is not None and turn.starting is None:
        turn.excess = _excess(ledger, around.limits)
    return turn


def needs_code(turn: Turn) -> bool:
    """Whether code has to run for it."""
    if turn.excess is not None:
        return False
    if turn.asked:
        return True
    return bool(turn.code) and (not turn.held or any(isinstance(event, _GOES_ON) for event in turn.code))


def is_due(resident: Resident, now: Instant) -> bool:
    """Whether a time of the run has come."""
    ledger = resident.ledger
    if ledger is None or not ledger.open:
        return False
    first = ledger.next_timer()
    return first is not None and first[0] <= now


def tell(turn: Turn, caller: Caller | None, reaction: AnyReaction | BaseException) -> None:
    """Remember what to tell whom, once the turn is durable."""
    if caller is not None:
        turn.reactions.append((caller, reaction))


def nobody(workflow_id: WorkflowId, ledger: RunLedger | None, run_id: RunId | None = None) -> AionError:
    """Why an arrival found nobody."""
    if ledger is None or not ledger.head:
        return WorkflowNotFound(workflow_id)
    if run_id is not None and run_id != ledger.run_id:
        return WorkflowClosed(workflow_id, run_id, status="another run is current")
    return WorkflowClosed(workflow_id, ledger.run_id, status=ledger.summary.status.value)


def signal_with(arrived: Arrived, now: Instant) -> e.SignalReceived | None:
    """The signal that a start brings along."""
    request, caller = arrived.what, arrived.caller
    if not isinstance(request, StartRequest) or request.signal is None:
        return None
    return e.SignalReceived(
        seq=0,
        at=now,
        name=request.signal.name,
        payload=request.signal.payload,
        message_id=caller.message_id if caller else None,
        headers=request.signal.headers,
    )


# ---- inside


def _due(ledger: RunLedger | None, now: Instant) -> list[Arrived]:
    if ledger is None or not ledger.open:
        return []
    return [Arrived(what=_timed(ordinal, at), by_clock=True) for at, ordinal in ledger.due_timers(now)]


def _timed(ordinal: int, at: Instant) -> e.Event:
    if ordinal == DEADLINE:
        return e.WorkflowTimedOut(seq=0, at=at)
    if ordinal == DELAY:
        return e.WorkflowResumed(seq=0, at=at)
    return e.TimerFired(seq=0, at=at, ordinal=ordinal)


def _waiting(resident: Resident, *, waits: bool) -> list[Arrived]:
    """What arrived, in its order. A start is a turn of its own; a cancellation lets a run go on that is held.

    `waits` says whether it is, before the first of these; a pause among them holds it, too.
    """
    taken: list[Arrived] = []
    while resident.arrivals and len(taken) < MOST_ARRIVALS:
        start = resident.starting
        if start and taken:
            break
        arrived = resident.arrivals.pop(0)
        if isinstance(arrived.what, e.WorkflowPaused):
            waits = True
        elif isinstance(arrived.what, e.WorkflowResumed):
            waits = False
        elif waits and isinstance(arrived.what, e.WorkflowCancelRequested):
            taken.append(Arrived(what=e.WorkflowResumed(seq=0, at=Instant(0)), by_clock=True))
            waits = False
        taken.append(arrived)
        if start or isinstance(arrived.what, e.WorkflowBlocked):
            break  # what comes behind a block is kept, which is decided per turn
    return taken


def _event(resident: Resident, turn: Turn, arrived: Arrived, around: Surroundings) -> e.Event | None:
    """What the code is given; None for what it never sees, and for what is answered without an event."""
    what, ledger = arrived.what, resident.ledger
    match what:
        case StartRequest():
            return _starting(resident, turn, what, arrived.caller, around)
        case _ if ledger is None or not ledger.open or arrived.run_id not in {None, ledger.run_id}:
            tell(turn, arrived.caller, nobody(resident.workflow_id, ledger, arrived.run_id))
            turn.over.add(id(arrived))
            return None
        case AttemptBegins() | AttemptNoted():
            return None
        case AttemptFailed():
            ends = verdict(ledger, what, at=turn.now)
            return ends if isinstance(ends, e.ActivityFailed) else None  # one that is tried again is only noted
        case e.ActivityCompleted() | e.ActivityCancelled():
            return _ending(resident, ledger, turn, arrived, what)
        case e.WorkflowUnblocked() if ledger.summary.status is not Status.BLOCKED:
            turn.over.add(id(arrived))
            return None
        case e.WorkflowCancelRequested() if ledger.summary.status is Status.BLOCKED:
            return e.WorkflowCancelled(seq=0, at=turn.now, reason=what.reason, message_id=what.message_id)
        case _:
            return what


def _ending(
    resident: Resident,
    ledger: RunLedger,
    turn: Turn,
    arrived: Arrived,
    outcome: e.ActivityCompleted | e.ActivityCancelled,
) -> e.Event | None:
    """The outcome of an attempt, if that is current."""
    activity = ledger.activities.get(outcome.ordinal)
    if activity is None or activity.attempt != outcome.attempt:
        tell(turn, arrived.caller, nobody(resident.workflow_id, ledger, arrived.run_id))
        turn.over.add(id(arrived))
        return None
    if activity.local and isinstance(outcome, e.ActivityCompleted):
        return msgspec.structs.replace(outcome, activity_type=activity.activity_type, input=activity.input)
    return outcome


def _starting(
    resident: Resident, turn: Turn, request: StartRequest, caller: Caller | None, around: Surroundings
) -> e.Event | None:
    ledger = resident.ledger
    decision = decide_start(resident.workflow_id, request, ledger)
    match decision:
        case Join(run_id):
            tell(turn, caller, Started(run_id=run_id, created=False, workflow_type=request.workflow_type))
            if ledger is None or not ledger.open:
                return None
            return signal_with(Arrived(what=request, caller=caller), turn.now)
        case Refuse(error):
            tell(turn, caller, error)
            return None
        case Begin(terminating):
            turn.replaces = terminating
            try:
                code = around.code(request.workflow_type, request.version)
            except AionError as error:
                turn.replaces = None
                tell(turn, caller, error)
                return None
            event = started(
                request,
                code,
                now=turn.now,
                run_id=around.platform.run_id(),
                previous=ledger,
                request_id=caller.message_id if caller else None,
            )
            tell(turn, caller, Started(run_id=event.run_id, created=True, workflow_type=request.workflow_type))
            return event


def _number(turn: Turn, ledger: RunLedger | None) -> None:
    """Number what the code is given as if each were the next, at the time of the turn."""
    seq = ledger.head if ledger else 0
    for place, event in enumerate(turn.events):
        if event is not None and not isinstance(event, WITHOUT_CODE):
            seq += 1
            turn.events[place] = numbered = msgspec.structs.replace(event, seq=seq, at=turn.now)
            turn.code.append(numbered)


def _excess(ledger: RunLedger, limits: Limits) -> LimitExceeded | None:
    """A history that has grown beyond what is bearable blocks its run, and loses nothing."""
    if ledger.summary.status is Status.BLOCKED:
        return None
    events = ledger.head - ledger.run_start + 1
    if events >= limits.history_events:
        return LimitExceeded("events of one run", events, limits.history_events, setting="history_events")
    if ledger.size >= limits.history_size:
        return LimitExceeded("bytes of one run's events", ledger.size, limits.history_size, setting="history_size")
    return None
