"""The turn loop: arrivals, activation, commit, effects. Everything here runs on the engine's one thread."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import count, islice
from typing import Final, Protocol

import msgspec
from attrs import frozen

from aion_core.client.requests import AnyReaction, Recorded, Started, StartRequest
from aion_core.codec.failures import failure_of
from aion_core.engine.commits import commit_of
from aion_core.engine.lifecycle import Begin, CodeOptions, Join, Refuse, decide_start, started
from aion_core.engine.recorder import AttemptFailed, Recorder, Recording, Rules
from aion_core.engine.resident import Arrived, Asked, AttemptBegins, Caller, Phase, Resident, Turn
from aion_core.engine.retrying import next_attempt
from aion_core.engine.writer import Write, Written
from aion_core.ledger import RunLedger
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.errors import AionError, StoreRefused
from aion_core.model.failed import NotOwner, WorkflowBlocked, WorkflowClosed, WorkflowNotFound
from aion_core.model.failures import Failure
from aion_core.model.ids import Fence, RunId, Version, WorkflowId
from aion_core.model.status import Status
from aion_core.model.times import Instant
from aion_core.platform import Platform
from aion_core.spi.records import Batch, Committed
from aion_core.spi.runtime import Activated, Activation, ActivationResult, NeedHistory, Ticket, TicketLost

_log = logging.getLogger("aion.engine")

_LOSSES_BEFORE_BLOCKED: Final = 3


@frozen(kw_only=True)
class Loaded:
    """A workflow was read: its current run, or that there is none, or why it can not be read."""

    workflow_id: WorkflowId
    ledger: RunLedger | None = None
    history: Sequence[Batch] = ()
    error: AionError | None = None


class Surroundings(Protocol):
    """What the turn loop needs of the engine around it. Nothing here blocks."""

    platform: Platform
    rules: Rules
    resident: int
    """Idle workflows that stay in memory."""

    def load(self, workflow_id: WorkflowId) -> None:
        """Read it; `Turns.loaded` hears of it."""
        ...

    def activate(self, batch: Sequence[Activation]) -> None:
        """Run code; `Turns.activated` hears of it."""
        ...

    def evict(self, runs: Sequence[RunId]) -> None:
        """The runtime forgets these."""
        ...

    def write(self, item: Write) -> None:
        """Commit; `Turns.written` hears of it."""
        ...

    def fence(self, workflow_id: WorkflowId) -> Fence | None:
        """Under which lease the workflow is written; None when its shard is not ours."""
        ...

    def code(self, workflow_type: str, version: Version | None) -> CodeOptions:
        """What a new run of this type begins with. Raises `UnknownWorkflow`."""
        ...

    def release(self, resident: Resident, recording: Recording) -> None:
        """The turn is durable: let its effects happen."""
        ...

    def give_back(self, recording: Recording) -> None:
        """The turn was not written: slots that it reserved are free again."""
        ...


class Turns:
    """Runs the turns of all workflows of this engine, each workflow's one after the other."""

    def __init__(self, around: Surroundings) -> None:
        """Nothing is loaded yet."""
        self._around = around
        self._platform = around.platform
        self._residents: dict[WorkflowId, Resident] = {}
        self._tickets = count(1)
        self._by_ticket: dict[Ticket, Resident] = {}
        self._activations: list[Activation] = []

    def __len__(self) -> int:
        """How many workflows are in memory."""
        return len(self._residents)

    # ---- what comes

    def arrive(self, workflow_id: WorkflowId, arrived: Arrived) -> None:
        """Something came for a workflow."""
        resident = self._resident(workflow_id)
        resident.arrivals.append(arrived)
        self._advance(resident)

    def ask(self, workflow_id: WorkflowId, asked: Asked) -> None:
        """A question, answered between turns or with the next one."""
        resident = self._resident(workflow_id)
        resident.asks.append(asked)
        self._advance(resident)

    def loaded(self, loaded: Loaded) -> None:
        """A workflow was read."""
        resident = self._residents[loaded.workflow_id]
        resident.phase = Phase.IDLE
        if loaded.error is not None:
            self._refuse_all(resident, loaded.error)
            return
        resident.known = True
        resident.ledger = loaded.ledger
        resident.history = loaded.history if loaded.ledger is not None else None
        self._advance(resident)

    def activated(self, results: Iterable[ActivationResult]) -> None:
        """The code ran, or could not."""
        for result in results:
            resident = self._by_ticket.pop(result.ticket, None)
            if resident is None or resident.turn is None or resident.turn.ticket != result.ticket:
                continue  # of a worker that was given up
            match result:
                case Activated():
                    resident.losses = 0
                    resident.turn.commands = result.commands
                    resident.turn.answers = result.answers
                    self._record(resident)
                case NeedHistory():
                    self._roll_back(resident)
                case TicketLost():
                    self._lost(resident, result)

    def written(self, written: Iterable[Written]) -> None:
        """Commits have their verdicts."""
        for each in written:
            resident = self._residents.get(each.commit.workflow_id)
            if resident is None or resident.turn is None or resident.turn.op_id != each.commit.op_id:
                continue
            if isinstance(each.verdict, Committed):
                self._acknowledged(resident)
            elif isinstance(each.verdict, StoreRefused):
                self._not_written(resident)
                self._refused_by_the_store(resident, each.verdict)
            else:
                self._not_written(resident)
                self._roll_back(resident)

    def flush(self) -> None:
        """Hand over the activations that came together. Called when a batch of arrivals was taken in."""
        if self._activations:
            batch, self._activations = self._activations, []
            self._around.activate(batch)

    # ---- a turn

    def _resident(self, workflow_id: WorkflowId) -> Resident:
        resident = self._residents.get(workflow_id)
        if resident is None:
            resident = self._residents[workflow_id] = Resident(workflow_id)
        return resident

    def _advance(self, resident: Resident) -> None:
        """Begin the next turn, if nothing is under way and something is to be done."""
        if resident.phase is not Phase.IDLE or resident.idle:
            return
        if self._around.fence(resident.workflow_id) is None:
            self._refuse_all(resident, NotOwner(resident.workflow_id))
        elif not resident.known:
            resident.phase = Phase.LOADING
            self._around.load(resident.workflow_id)
        else:
            asked = self._answerable(resident)
            if asked or resident.arrivals:
                self._begin(resident, asked)

    def _answerable(self, resident: Resident) -> list[Asked]:
        """The questions that the code can answer now. A run that has not begun answers later, a blocked one never."""
        if not resident.asks:
            return []
        ledger, asks = resident.ledger, resident.asks
        if ledger is not None and ledger.undrained_start and ledger.summary.status is not Status.BLOCKED:
            return []
        resident.asks = []
        if ledger is not None and ledger.summary.status is not Status.BLOCKED:
            return asks
        for asked in asks:
            asked.reply.fail(_silent(resident.workflow_id, ledger))
        return []

    def _begin(self, resident: Resident, asked: Sequence[Asked]) -> None:
        ledger = resident.ledger
        arrived = self._take(resident)
        turn = resident.turn = Turn(arrived, self._time(ledger, arrived), asked=asked)
        events = [self._event(resident, turn, each) for each in arrived]
        if events and isinstance(events[0], e.WorkflowStarted) and (signal := _signal_with(arrived[0], turn.now)):
            turn.following.append(Arrived(what=signal))
            events.append(signal)
        code: list[e.Event] = []
        for event in events:
            if event is None or isinstance(event, _WITHOUT_CODE):
                turn.events.append(event)
                continue
            seq = (ledger.head if ledger else 0) + len(code) + 1
            code.append(msgspec.structs.replace(event, seq=seq, at=turn.now))
            turn.events.append(code[-1])
        starting = next((event for event in code if isinstance(event, e.WorkflowStarted)), None)
        held = starting.not_before is not None if starting else ledger is not None and ledger.held
        if asked or (code and (not held or any(isinstance(event, _GOES_ON) for event in code))):
            self._activate(resident, turn, code, starting)
        else:
            self._record(resident, held=held)

    def _time(self, ledger: RunLedger | None, arrived: Sequence[Arrived]) -> Instant:
        """The time of a turn: never before the last event's, nor before a timer that fires in it was due."""
        now = self._platform.now()
        if ledger is None:
            return now
        due = (ledger.timers.get(each.what.ordinal) for each in arrived if isinstance(each.what, e.TimerFired))
        return max(now, ledger.last_at, *(at for at in due if at is not None))

    def _take(self, resident: Resident) -> list[Arrived]:
        """The arrivals of the next turn: all there are. A start is a turn of its own."""
        taken: list[Arrived] = []
        while resident.arrivals:
            start = isinstance(resident.arrivals[0].what, StartRequest)
            if start and taken:
                break
            taken.append(resident.arrivals.popleft())
            if start:
                break
        return taken

    def _event(self, resident: Resident, turn: Turn, arrived: Arrived) -> e.Event | None:
        """What the code is given; None for what it never sees, and for what is answered without an event."""
        what, ledger = arrived.what, resident.ledger
        match what:
            case StartRequest():
                return self._starting(resident, turn, what, arrived.caller)
            case AttemptBegins():
                return None
            case AttemptFailed():
                return self._outcome(ledger, what, turn.now)
            case _:
                if ledger is None or not ledger.open:
                    _tell(turn, arrived.caller, _nobody(ledger or RunLedger(resident.workflow_id)))
                    return None
                return what

    def _outcome(self, ledger: RunLedger | None, failed: AttemptFailed, now: Instant) -> e.Event | None:
        """The event that ends an activity whose attempt failed; None when it is tried again."""
        activity = ledger.activities.get(failed.ordinal) if ledger is not None else None
        if ledger is None or activity is None or activity.attempt != failed.attempt:
            return None
        if failed.ordinal not in ledger.stopping:
            again = next_attempt(activity, failed.failure, run_id=ledger.run_id, now=now)
            if again is not None:
                return None
        return e.ActivityFailed(
            seq=0,
            at=now,
            ordinal=failed.ordinal,
            failure=failed.failure,
            attempt=failed.attempt,
            activity_type=activity.activity_type if activity.local else None,
            input=activity.input if activity.local else None,
        )

    def _starting(self, resident: Resident, turn: Turn, request: StartRequest, caller: Caller | None) -> e.Event | None:
        decision = decide_start(resident.workflow_id, request, resident.ledger)
        match decision:
            case Join(run_id):
                _tell(turn, caller, Started(run_id=run_id, created=False, workflow_type=request.workflow_type))
                if resident.ledger is None or not resident.ledger.open:
                    return None
                return _signal_with(Arrived(what=request, caller=caller), turn.now)
            case Refuse(error):
                _tell(turn, caller, error)
                return None
            case Begin(terminating):
                turn.replaces = terminating
                try:
                    code = self._around.code(request.workflow_type, request.version)
                except AionError as error:
                    _tell(turn, caller, error)
                    return None
                event = started(
                    request,
                    code,
                    now=turn.now,
                    run_id=self._platform.run_id(),
                    previous=resident.ledger,
                    request_id=caller.message_id if caller else None,
                )
                _tell(turn, caller, Started(run_id=event.run_id, created=True, workflow_type=request.workflow_type))
                return event

    def _activate(
        self, resident: Resident, turn: Turn, code: Sequence[e.Event], starting: e.WorkflowStarted | None
    ) -> None:
        ledger = resident.ledger
        base = ledger.head if ledger else 0
        turn.ticket = Ticket(next(self._tickets))
        resident.phase = Phase.RUNNING
        self._by_ticket[turn.ticket] = resident
        run_id, version = RunId(""), Version("")
        if starting is not None:
            run_id, version = starting.run_id, starting.version
        elif ledger is not None:
            run_id, version = ledger.run_id, ledger.summary.version
        self._activations.append(
            Activation(
                ticket=turn.ticket,
                workflow_id=resident.workflow_id,
                run_id=run_id,
                version=version,
                base_seq=base,
                drained_seq=ledger.drained_seq if ledger else 0,
                history=() if starting is not None else resident.history,
                arrivals=tuple(code),
                asks=tuple(asked.ask for asked in turn.asked),
            )
        )

    def _record(self, resident: Resident, *, held: bool = False) -> None:
        """Write the turn: arrivals in their order, each with what its own drain issued."""
        turn = resident.turn
        if turn is None:
            raise AssertionError("recording needs a turn")
        ledger = resident.ledger or RunLedger(resident.workflow_id)
        recorder = Recorder(ledger, self._around.rules, now=turn.now)
        turn.recording = recorder.made
        if turn.replaces is not None:
            recorder.end(e.WorkflowTerminated(seq=0, at=turn.now, reason="restarted"))
        if (failure := _blocking(turn.commands)) is not None:
            recorder.block(failure, [event for event in turn.events if event is not None])
            for arrived in turn.arrived:
                if not isinstance(arrived.what, StartRequest):
                    _tell(turn, arrived.caller, Recorded(run_id=ledger.run_id))
        else:
            self._write_in_order(recorder, turn, held=held)
        resident.history = None
        for arrived, event in turn.steps():
            if isinstance(arrived.what, StartRequest) and isinstance(event, e.WorkflowStarted):
                ledger.start_hash = arrived.what.input_hash
        if recorder.made.events or recorder.made.noted:
            resident.ledger = ledger
            self._commit(resident, turn, ledger)
        else:
            self._acknowledged(resident)

    def _write_in_order(self, recorder: Recorder, turn: Turn, *, held: bool) -> None:
        commands = iter(turn.commands)
        ledger = recorder.ledger
        for arrived, event in turn.steps():
            if event is None:
                _note(recorder, arrived)
                continue
            if isinstance(event, e.WorkflowBlocked) or (held and not isinstance(event, _WITHOUT_CODE)):
                recorded = recorder.held(event)
            elif isinstance(event, _WITHOUT_CODE):
                recorded = recorder.end(event)
            else:
                recorded = recorder.arrival(event, next(commands))
            if not isinstance(arrived.what, StartRequest):
                _tell(turn, arrived.caller, Recorded(run_id=ledger.run_id) if recorded else _nobody(ledger))

    def _commit(self, resident: Resident, turn: Turn, ledger: RunLedger) -> None:
        fence = self._around.fence(resident.workflow_id)
        if fence is None or turn.recording is None:
            self._not_written(resident)
            self._roll_back(resident)
            return
        turn.op_id = self._platform.op_id()
        resident.phase = Phase.WRITING
        commit = commit_of(ledger, turn.recording, op_id=turn.op_id, fence=fence)
        self._around.write(Write(commit=commit, start=commit.expected_seq == 0))

    # ---- how it ends

    def _acknowledged(self, resident: Resident) -> None:
        """It is durable: now, and not before, it has effects."""
        turn, resident.turn = resident.turn, None
        resident.phase = Phase.IDLE
        if turn is None:
            return
        if turn.recording is not None:
            self._around.release(resident, turn.recording)
        for caller, reaction in turn.reactions:
            if isinstance(reaction, BaseException):
                caller.refuse(reaction)
            else:
                caller.answer(reaction)
        answers = {answer.ask_id: answer for answer in turn.answers}
        for asked in turn.asked:
            if (answer := answers.get(asked.ask.ask_id)) is not None:
                asked.reply.set(answer)
        if turn.recording is not None:
            ended = [run.run_id for run in turn.recording.runs if run.last_seq is not None]
            if ended:
                self._around.evict(ended)
        self._advance(resident)
        if resident.idle and self._residents.get(resident.workflow_id) is resident:
            self._rest(resident)

    def _rest(self, resident: Resident) -> None:
        """Nothing is to be done: what is closed leaves memory, and so does what was used the longest ago."""
        ledger = resident.ledger
        if ledger is None or not ledger.open:
            del self._residents[resident.workflow_id]
            if ledger is not None:
                self._around.evict([ledger.run_id])  # a closed run may have been replayed for a question
            return
        self._residents[resident.workflow_id] = self._residents.pop(resident.workflow_id)
        if len(self._residents) > self._around.resident:
            self._evict_the_oldest()

    def _evict_the_oldest(self) -> None:
        surplus = len(self._residents) - self._around.resident
        idle = (each for each in self._residents.values() if each.idle)
        leaving = list(islice(idle, surplus))
        for each in leaving:
            del self._residents[each.workflow_id]
        self._around.evict([each.ledger.run_id for each in leaving if each.ledger is not None])

    def _not_written(self, resident: Resident) -> None:
        if resident.turn is not None and resident.turn.recording is not None:
            self._around.give_back(resident.turn.recording)

    def _roll_back(self, resident: Resident) -> None:
        """Drop what is ahead of the store. What arrived returns to the head of the queue, for after the replay."""
        turn, resident.turn = resident.turn, None
        if resident.ledger is not None and resident.ledger.head:
            self._around.evict([resident.ledger.run_id])
        resident.forget()
        resident.phase = Phase.IDLE
        if turn is not None:
            resident.arrivals.extendleft(reversed(turn.arrived))
            resident.asks[:0] = turn.asked
        self._advance(resident)

    def _lost(self, resident: Resident, lost: TicketLost) -> None:
        """The worker died or hangs. Its third loss in a row blocks the workflow, so that a crash loop ends."""
        resident.losses += 1
        where = f" in {lost.frame}" if lost.frame else ""
        _log.warning("workflow %r: %s%s", resident.workflow_id, lost.reason, where)
        if resident.losses < _LOSSES_BEFORE_BLOCKED or resident.turn is None:
            self._roll_back(resident)
            return
        failure = Failure(type="TicketLost", message=f"{lost.reason}{where}", code="worker-lost")
        resident.turn.commands = [[c.BlockWorkflow(failure=failure)]]
        self._record(resident)

    def _refused_by_the_store(self, resident: Resident, refusal: StoreRefused) -> None:
        """Whoever caused it hears of it, and the workflow goes on from where the store has it."""
        turn, resident.turn = resident.turn, None
        if resident.ledger is not None and resident.ledger.head:
            self._around.evict([resident.ledger.run_id])
        resident.forget()
        resident.phase = Phase.IDLE
        for arrived in turn.arrived if turn else ():
            if arrived.caller is not None:
                arrived.caller.refuse(refusal)
        if turn is not None and not any(isinstance(arrived.what, StartRequest) for arrived in turn.arrived):
            blocked = e.WorkflowBlocked(seq=0, at=self._platform.now(), failure=failure_of(refusal, tracebacks=False))
            resident.arrivals.appendleft(Arrived(what=blocked))
        self._advance(resident)
        if resident.idle:
            self._residents.pop(resident.workflow_id, None)

    def _refuse_all(self, resident: Resident, error: AionError) -> None:
        """Nothing can be done for this workflow here."""
        del self._residents[resident.workflow_id]
        for arrived in resident.arrivals:
            if arrived.caller is not None:
                arrived.caller.refuse(error)
        for asked in resident.asks:
            asked.reply.fail(error)


_WITHOUT_CODE: Final = (e.WorkflowTerminated, e.WorkflowTimedOut, e.WorkflowBlocked)
"""What comes from outside and runs no code."""

_GOES_ON: Final = (e.WorkflowResumed, e.WorkflowUnblocked)


def _tell(turn: Turn, caller: Caller | None, reaction: AnyReaction | BaseException) -> None:
    if caller is not None:
        turn.reactions.append((caller, reaction))


def _note(recorder: Recorder, arrived: Arrived) -> None:
    """What the code never sees: attempts that begin, and those that fail and are tried again."""
    match arrived.what:
        case AttemptBegins(ordinal) if ordinal in recorder.ledger.activities:
            recorder.attempt_begins(ordinal)
        case AttemptFailed():
            recorder.attempt_failed(arrived.what)
        case _:
            pass


def _signal_with(arrived: Arrived, now: Instant) -> e.SignalReceived | None:
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


def _nobody(ledger: RunLedger) -> AionError:
    """Why an arrival found nobody."""
    if not ledger.head:
        return WorkflowNotFound(ledger.workflow_id)
    return WorkflowClosed(ledger.workflow_id, ledger.run_id, status=ledger.summary.status.value)


def _silent(workflow_id: WorkflowId, ledger: RunLedger | None) -> AionError:
    """Why a question finds nobody."""
    if ledger is None:
        return WorkflowNotFound(workflow_id)
    return WorkflowBlocked(workflow_id, ledger.run_id, reason=ledger.summary.blocked_reason or "")


def _blocking(commands: Sequence[Sequence[c.Command] | None]) -> Failure | None:
    for drain in commands:
        for command in drain or ():
            if isinstance(command, c.BlockWorkflow):
                return command.failure
    return None
