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

WITHOUT_CODE: Final = frozenset({e.WorkflowTerminated, e.WorkflowTimedOut, e.WorkflowBlocked, e.WorkflowCancelled})
"""What comes from outside and runs no code. (A cancellation does where the run is blocked.)"""

_GOES_ON: Final = (e.WorkflowResumed, e.WorkflowUnblocked)


def take(resident: Resident, asked: Sequence[Asked], around: Surroundings) -> Turn:
    """The next turn: what arrived and what is due, as the code is given it."""
    ledger, now = resident.ledger, around.platform.now()
    held = ledger is not None and ledger.held
    arrived = _due(resident, now) if ledger is not None and ledger.waits else []
    arrived += _waiting(resident, waits=held and _waits(resident, arrived))
    turn = Turn(arrived, now if ledger is None else max(now, ledger.last_at), asked=asked, held=held)
    seq = ledger.head if ledger is not None else 0
    events: list[e.Event | None] = []
    code: list[e.Event] = []
    for each in arrived:
        event = _event(resident, turn, each, around)
        if event is not None and type(event) not in WITHOUT_CODE:
            seq += 1
            event = msgspec.structs.replace(event, seq=seq, at=turn.now)  # as if each were the next
            code.append(event)
        events.append(event)
    turn.code = code
    turn.events = code if len(code) == len(events) else events
    first = turn.code[0] if turn.code else None
    if isinstance(first, e.WorkflowStarted):
        _begin(turn, first)
    elif first is not None and ledger is not None:
        turn.excess = _excess(ledger, around.limits)
    return turn


def _begin(turn: Turn, started: e.WorkflowStarted) -> None:
    """The turn begins a run, with the signal that its start brings along."""
    turn.starting = started
    turn.held = started.not_before is not None
    signal = signal_with(turn.arrived[0], turn.now)
    if signal is not None:
        signal = msgspec.structs.replace(signal, seq=started.seq + 1)
        turn.following = (Arrived(what=signal),)
        turn.events = turn.code = [started, signal]


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
    if ledger is None or not ledger.open or not ledger.waits:
        return False
    first = ledger.next_timer()
    return first is not None and first[0] <= now


def tell(turn: Turn, caller: Caller | None, reaction: AnyReaction | BaseException) -> None:
    """Remember what to tell whom, once the turn is durable."""
    if caller is not None:
        turn.reactions += ((caller, reaction),)


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


def _due(resident: Resident, now: Instant) -> list[Arrived]:
    ledger = resident.ledger
    if ledger is None or not ledger.open or resident.starting:
        return []
    return [Arrived(what=_timed(ordinal, at), by_clock=True) for at, ordinal in ledger.due_timers(now)]


def _timed(ordinal: int, at: Instant) -> e.Event:
    if ordinal == DEADLINE:
        return e.WorkflowTimedOut(seq=0, at=at)
    if ordinal == DELAY:
        return e.WorkflowResumed(seq=0, at=at)
    return e.TimerFired(seq=0, at=at, ordinal=ordinal)


def _waits(resident: Resident, due: Sequence[Arrived]) -> bool:
    """Whether a run that is held goes on by a cancellation: one that is blocked does not, nor one whose time came."""
    ledger = resident.ledger
    if ledger is None or not ledger.open or ledger.summary.status is Status.BLOCKED:
        return False
    return not any(isinstance(each.what, e.WorkflowResumed) for each in due)


def _waiting(resident: Resident, *, waits: bool) -> list[Arrived]:
    """What arrived, in its order. A start is a turn of its own; a cancellation lets a run go on that is held.

    `waits` says whether it is, before the first of these; a pause among them holds it, too.
    """
    taken: list[Arrived] = []
    count = 0
    for arrived in resident.arrivals:
        kind = type(arrived.what)
        if count and (kind is StartRequest or len(taken) >= MOST_ARRIVALS):
            break
        count += 1
        if kind is e.WorkflowPaused:
            waits = True
        elif kind is e.WorkflowResumed:
            waits = False
        elif waits and kind is e.WorkflowCancelRequested:
            taken.append(Arrived(what=e.WorkflowResumed(seq=0, at=Instant(0)), by_clock=True))
            waits = False
        taken.append(arrived)
        if kind is StartRequest or kind is e.WorkflowBlocked:
            break  # what comes behind a block is kept, which is decided per turn
    del resident.arrivals[:count]
    return taken


def _event(resident: Resident, turn: Turn, arrived: Arrived, around: Surroundings) -> e.Event | None:
    """What the code is given; None for what it never sees, and for what is answered without an event."""
    what, ledger = arrived.what, resident.ledger
    match what:
        case StartRequest():
            return _starting(resident, turn, what, arrived.caller, around)
        case _ if ledger is None or not ledger.open or (arrived.run_id or ledger.run_id) != ledger.run_id:
            tell(turn, arrived.caller, nobody(resident.workflow_id, ledger, arrived.run_id))
            turn.over |= {id(arrived)}
            return None
        case e.ActivityCompleted() | e.ActivityCancelled():
            return _ending(resident, ledger, turn, arrived, what)
        case AttemptBegins() | AttemptNoted():
            return None
        case AttemptFailed():
            ends = verdict(ledger, what, at=turn.now)
            return ends if isinstance(ends, e.ActivityFailed) else None  # one that is tried again is only noted
        case e.WorkflowUnblocked() if ledger.summary.status is not Status.BLOCKED:
            turn.over |= {id(arrived)}
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
        turn.over |= {id(arrived)}
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


def _excess(ledger: RunLedger, limits: Limits) -> LimitExceeded | None:
    """A history that has grown beyond what is bearable blocks its run, and loses nothing."""
    events = ledger.head - ledger.run_start + 1
    if events < limits.history_events and ledger.size < limits.history_size:
        return None
    if ledger.summary.status is Status.BLOCKED:
        return None
    if events >= limits.history_events:
        return LimitExceeded("events of one run", events, limits.history_events, setting="history_events")
    return LimitExceeded("bytes of one run's events", ledger.size, limits.history_size, setting="history_size")
