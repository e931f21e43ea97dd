"""The turn loop: arrivals, activation, commit, effects. Everything here runs on the engine's one thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import count, islice
from typing import Final

from aion_core.client.requests import Recorded, StartRequest
from aion_core.codec.failures import failure_of
from aion_core.engine.commits import commit_of, outcomes_of
from aion_core.engine.recorder import AttemptFailed, AttemptNoted, Recorder
from aion_core.engine.resident import IDLE, LOADING, RUNNING, WRITING, Arrived, Asked, AttemptBegins, Resident, Turn
from aion_core.engine.surroundings import Loaded, Surroundings
from aion_core.engine.taking import WITHOUT_CODE, is_due, needs_code, nobody, take, tell
from aion_core.engine.writer import Write, Written
from aion_core.ledger import RunLedger
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.errors import AionError, StoreRefused
from aion_core.model.failed import NotOwner, WorkflowBlocked, WorkflowNotFound
from aion_core.model.failures import Failure
from aion_core.model.ids import RunId, Version, WorkflowId
from aion_core.model.status import Status
from aion_core.model.times import Instant
from aion_core.spi.records import Committed, Outcome
from aion_core.spi.runtime import Activated, Activation, ActivationResult, NeedHistory, Ticket, TicketLost

_log = logging.getLogger("aion.engine")

_LOSSES_BEFORE_BLOCKED: Final = 3


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
        self._closed = False

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
        resident.asks += (asked,)
        self._advance(resident)

    def wake(self, workflow_id: WorkflowId) -> None:
        """Its time may have come."""
        resident = self._resident(workflow_id)
        resident.woken = True
        self._advance(resident)

    def ledger(self, workflow_id: WorkflowId) -> RunLedger | None:
        """What is known of a workflow in memory. It may be ahead of the store by one turn."""
        resident = self._residents.get(workflow_id)
        return None if resident is None else resident.ledger

    def drop(self, shards: Callable[[WorkflowId], bool]) -> None:
        """These workflows belong to another engine now: whoever waits for them here is told so."""
        for resident in [each for each in self._residents.values() if shards(each.workflow_id)]:
            if resident.ledger is not None and resident.ledger.head:
                self._around.evict([resident.ledger.run_id])
            if resident.turn is not None:
                self._not_written(resident)
                resident.arrivals[:0] = resident.turn.arrived
                resident.asks = (*resident.turn.asked, *resident.asks)
                resident.turn = None  # its code may still answer, and its commit may still have a verdict
            self._refuse_all(resident, NotOwner(resident.workflow_id))

    def give_up(self, error: BaseException) -> None:
        """The engine can not go on: whoever waits is told so."""
        residents, self._residents = self._residents, {}
        for resident in residents.values():
            turn = resident.turn
            for arrived in (*(turn.arrived if turn else ()), *resident.arrivals):
                if arrived.caller is not None and arrived.caller.reply is not None:
                    arrived.caller.reply.fail(error)
            for asked in (*(turn.asked if turn else ()), *resident.asks):
                asked.reply.fail(error)

    def close(self) -> None:
        """Begin no turn any more: what arrives is for the engine that comes next. Those under way may end."""
        self._closed = True

    @property
    def busy(self) -> int:
        """How many turns are under way."""
        return len(self.under_way())

    def under_way(self) -> list[WorkflowId]:
        """Those that a turn is under way for."""
        return [each.workflow_id for each in self._residents.values() if each.phase is not IDLE]

    def loaded(self, loaded: Loaded) -> None:
        """A workflow was read."""
        resident = self._residents.get(loaded.workflow_id)
        if resident is None or resident.phase is not LOADING:
            return  # it was dropped meanwhile
        resident.phase = IDLE
        if loaded.error is not None:
            self._refuse_all(resident, loaded.error)
            return
        resident.known = True
        resident.ledger = loaded.ledger
        if loaded.ledger is not None and loaded.ledger.open:
            self._around.met(loaded.ledger)
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
                    resident.seen = result.ticket
                    resident.turn.commands = result.commands
                    resident.turn.answers = result.answers
                    self._record(resident, resident.turn)
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
        if resident.phase is not IDLE or not (resident.arrivals or resident.asks or resident.woken):
            return
        if self._closed:
            return
        if resident.fence is None:
            resident.fence = self._around.fence(resident.workflow_id)
        if resident.fence is None:
            self._refuse_all(resident, NotOwner(resident.workflow_id))
        elif not resident.known:
            resident.phase = LOADING
            self._around.load(resident.workflow_id)
        else:
            asked = self._answerable(resident) if resident.asks else ()
            if asked or resident.arrivals or is_due(resident, self._platform.now()):
                self._begin(resident, asked)
            elif resident.woken:
                resident.woken = False
                self._rest(resident)

    def _answerable(self, resident: Resident) -> list[Asked]:
        """The questions that the code can answer now. A run that has not begun answers later, a blocked one never."""
        ledger = resident.ledger
        silent = ledger is None or ledger.summary.status is Status.BLOCKED
        if not silent and ledger is not None and ledger.undrained_start:
            return []
        if ledger is None and any(isinstance(each.what, StartRequest) for each in resident.arrivals):
            return []  # it is about to begin
        asks, resident.asks = resident.asks, ()
        answerable: list[Asked] = []
        for asked in asks:
            if silent or ledger is None:
                asked.reply.fail(_silent(resident.workflow_id, ledger))
            elif asked.run_id not in {None, ledger.run_id}:
                asked.reply.fail(nobody(resident.workflow_id, ledger, asked.run_id))
            else:
                answerable.append(asked)
        return answerable

    def _begin(self, resident: Resident, asked: Sequence[Asked]) -> None:
        # What is due is no part of a start's turn, and comes with the next one.
        resident.woken = resident.woken and resident.starting
        turn = resident.turn = take(resident, asked, self._around)
        if needs_code(turn):
            self._activate(resident, turn)
        else:
            self._record(resident, turn)

    def _activate(self, resident: Resident, turn: Turn) -> None:
        ledger, starting = resident.ledger, turn.starting
        turn.ticket = Ticket(next(self._tickets))
        resident.phase = RUNNING
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
                after=None if starting is not None or resident.history is not None else resident.seen,
                drained_seq=ledger.drained_seq if ledger else 0,
                history=() if starting is not None else resident.history,
                arrivals=turn.code,
                asks=[asked.ask for asked in turn.asked] if turn.asked else (),
            )
        )

    def _record(self, resident: Resident, turn: Turn) -> None:
        """Write the turn: arrivals in their order, each with what its own drain issued."""
        ledger = resident.ledger or RunLedger(resident.workflow_id)
        recorder = Recorder(ledger, self._around.rules, now=turn.now)
        turn.recording = recorder.made
        if turn.replaces is not None:
            recorder.end(e.WorkflowTerminated(seq=0, at=turn.now, reason="restarted"))
        failure = _blocking(turn.commands) if turn.excess is None else failure_of(turn.excess, tracebacks=False)
        if failure is not None:
            self._block(recorder, turn, failure)
        else:
            self._write_in_order(recorder, turn)
        resident.history = None
        if turn.held and turn.ticket is None:
            resident.seen = None  # a worker that holds the run has missed this: it needs the history
        if turn.starting is not None and isinstance(turn.arrived[0].what, StartRequest):
            ledger.start_hash = turn.arrived[0].what.input_hash
        if recorder.made.events or recorder.made.noted:
            resident.ledger = ledger
            self._commit(resident, turn, ledger)
        else:
            self._acknowledged(resident, durable=False)

    def _block(self, recorder: Recorder, turn: Turn, failure: Failure) -> None:
        recorder.block(failure, [event for event in turn.events if event is not None])
        recorder.ledger.blocked_by = self._around.current_version()
        for arrived, event in turn.steps():
            if event is None and id(arrived) not in turn.over:
                _note(recorder, turn, arrived)
            elif event is not None and not isinstance(arrived.what, StartRequest):
                tell(turn, arrived.caller, Recorded(run_id=recorder.ledger.run_id))

    def _write_in_order(self, recorder: Recorder, turn: Turn) -> None:
        commands = iter(turn.commands)
        ledger, held = recorder.ledger, turn.held and not turn.commands
        for arrived, event in turn.steps():
            if event is None:
                if id(arrived) not in turn.over:
                    _note(recorder, turn, arrived)
                continue
            if type(event) not in WITHOUT_CODE:
                recorded = recorder.held(event) if held else recorder.arrival(event, next(commands))
            elif isinstance(event, e.WorkflowBlocked):
                recorded = recorder.held(event)
                ledger.blocked_by = self._around.current_version()
            else:
                recorded = recorder.end(event)
            if arrived.caller is not None and not isinstance(arrived.what, StartRequest):
                done = Recorded(run_id=ledger.run_id) if recorded else nobody(ledger.workflow_id, ledger)
                tell(turn, arrived.caller, done)

    def _commit(self, resident: Resident, turn: Turn, ledger: RunLedger) -> None:
        if resident.fence is None or turn.recording is None:
            raise AssertionError("a commit needs a lease and a recording")
        turn.op_id = self._platform.op_id()
        resident.phase = WRITING
        outcomes: Sequence[Outcome] = ()
        if turn.reactions:
            until = Instant(turn.now + self._around.keep)
            outcomes = outcomes_of(ledger.workflow_id, turn.reactions, until=until)
        commit = commit_of(ledger, turn.recording, op_id=turn.op_id, fence=resident.fence, outcomes=outcomes)
        ledger.size += len(commit.batch.body) if commit.batch else 0
        self._around.write(Write(commit=commit, start=commit.expected_seq == 0))

    # ---- how it ends

    def _acknowledged(self, resident: Resident, *, durable: bool = True) -> None:
        """It is durable: now, and not before, it has effects. Not `durable`: nothing was to be recorded."""
        turn, resident.turn = resident.turn, None
        resident.phase = IDLE
        if turn is None:
            return
        if turn.recording is not None and resident.ledger is not None:
            self._around.release(resident.ledger, turn.recording)
        for caller, reaction in turn.reactions:
            self._around.tell(caller, reaction, durable=durable and not isinstance(reaction, BaseException))
        if turn.asked:
            answers = {answer.ask_id: answer for answer in turn.answers}
            for asked in turn.asked:
                if (answer := answers.get(asked.ask.ask_id)) is not None:
                    asked.reply.set(answer)
        if turn.recording is not None and turn.recording.runs:
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
        resident.fence = None
        resident.phase = IDLE
        if turn is not None:
            resident.arrivals[:0] = [each for each in turn.arrived if not each.by_clock]
            resident.woken = True
            resident.asks = (*turn.asked, *resident.asks)
        self._advance(resident)

    def _lost(self, resident: Resident, lost: TicketLost) -> None:
        """The worker died or hangs. Its third loss in a row blocks the workflow, so that a crash loop ends."""
        if self._closed:  # its runtime is closing, which is not the workflow's fault
            self._roll_back(resident)
            return
        resident.losses += 1
        where = f" in {lost.frame}" if lost.frame and lost.frame not in lost.reason else ""
        _log.warning("workflow %r: %s%s", resident.workflow_id, lost.reason, where)
        if resident.losses < _LOSSES_BEFORE_BLOCKED or resident.turn is None:
            self._roll_back(resident)
            return
        failure = Failure(type="TicketLost", message=f"{lost.reason}{where}", code="worker-lost")
        resident.turn.commands = [[c.BlockWorkflow(failure=failure)]]
        self._record(resident, resident.turn)

    def _refused_by_the_store(self, resident: Resident, refusal: StoreRefused) -> None:
        """Whoever caused it hears of it, and the workflow goes on from where the store has it."""
        turn, resident.turn = resident.turn, None
        if resident.ledger is not None and resident.ledger.head:
            self._around.evict([resident.ledger.run_id])
        resident.forget()
        resident.phase = IDLE
        for arrived in turn.arrived if turn else ():
            if arrived.caller is not None:
                self._around.tell(arrived.caller, refusal, durable=False)
        if turn is not None and not any(isinstance(arrived.what, StartRequest) for arrived in turn.arrived):
            blocked = e.WorkflowBlocked(seq=0, at=self._platform.now(), failure=failure_of(refusal, tracebacks=False))
            resident.arrivals.insert(0, Arrived(what=blocked))
        self._advance(resident)
        if resident.idle:
            self._residents.pop(resident.workflow_id, None)

    def _refuse_all(self, resident: Resident, error: AionError) -> None:
        """Nothing can be done for this workflow here."""
        del self._residents[resident.workflow_id]
        for arrived in resident.arrivals:
            if arrived.caller is not None:
                self._around.tell(arrived.caller, error, durable=False)
        for asked in resident.asks:
            asked.reply.fail(error)


def _note(recorder: Recorder, turn: Turn, arrived: Arrived) -> None:
    """What the code never sees: attempts that begin, that say something, and that fail and are tried again."""
    match arrived.what:
        case AttemptBegins(ordinal, attempt):
            recorder.attempt_begins(ordinal, attempt)
        case AttemptFailed():
            ledger, tried = recorder.ledger, len(recorder.made.again)
            recorder.attempt_failed(arrived.what)
            again = len(recorder.made.again) > tried
            tell(turn, arrived.caller, Recorded(run_id=ledger.run_id) if again else nobody(ledger.workflow_id, ledger))
        case AttemptNoted():
            ledger, noted = recorder.ledger, recorder.attempt_noted(arrived.what)
            done = Recorded(run_id=ledger.run_id) if noted else nobody(ledger.workflow_id, ledger)
            tell(turn, arrived.caller, done)
        case _:
            pass


def _silent(workflow_id: WorkflowId, ledger: RunLedger | None) -> AionError:
    """Why a question finds nobody."""
    if ledger is None:
        return WorkflowNotFound(workflow_id)
    return WorkflowBlocked(workflow_id, ledger.run_id, reason=ledger.summary.blocked_reason or "")


def _blocking(commands: Sequence[Sequence[c.Command] | None]) -> Failure | None:
    for drain in commands:
        for command in drain or ():
            if type(command) is c.BlockWorkflow:
                return command.failure
    return None
