"""An engine, put together: its rooms, the lanes between them, and how it opens and closes."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, Final, TypeVar, cast

from attrs import frozen

from aion_core.client.reply import Reply
from aion_core.client.requests import AnyReaction, AnyRequest, Ending
from aion_core.client.through_store import StoreBackend
from aion_core.codec import Values
from aion_core.engine import keeper as leasing
from aion_core.engine import watcher as watching
from aion_core.engine.activities import Activities
from aion_core.engine.awaiting import Awaiting
from aion_core.engine.catalog import Catalog
from aion_core.engine.effects import Effects, Lanes, Step
from aion_core.engine.endings import Endings
from aion_core.engine.health import Health, health_of
from aion_core.engine.host import Host
from aion_core.engine.janitor import Begin, Janitor
from aion_core.engine.keeper import Keeper, Leased
from aion_core.engine.messages import Messages
from aion_core.engine.reader import Reader
from aion_core.engine.recorder import Rules
from aion_core.engine.resident import Arrived
from aion_core.engine.serving import Serving
from aion_core.engine.settings import EngineSettings
from aion_core.engine.surroundings import Loaded
from aion_core.engine.timers import Timers
from aion_core.engine.turns import Turns
from aion_core.engine.watcher import Watcher
from aion_core.engine.writer import Chore, Writer, Written
from aion_core.ledger import record_of
from aion_core.model import events as e
from aion_core.model.errors import AionError, StoreClosed
from aion_core.model.failed import EngineClosed, EngineError, EngineForked, ShuttingDown, StoreInUse
from aion_core.model.ids import MessageId, RunId, Shard, WorkflowId, shard_of
from aion_core.model.status import Status
from aion_core.model.times import Instant
from aion_core.platform import Lane, Platform
from aion_core.spi.capabilities import Capability
from aion_core.spi.records import EngineInfo, Fenced, Lease, LeaseTable, Outcome, OutcomeKey, Wake
from aion_core.spi.runtime import Runtime
from aion_core.spi.stores import EventStore, VisibilityStore

T = TypeVar("T")

_log = logging.getLogger("aion.engine")

_FIRST_LEASE: Final = 30.0
"""Seconds that opening waits for the first picture of the leases."""
_LAST_TURNS: Final = 5.0
"""Seconds that closing waits for turns under way, beside the grace of bodies."""
_LOOK_AGAIN: Final = 0.05
"""Seconds until a look into a store that failed is repeated."""


@frozen(kw_only=True)
class Parts:
    """What an engine is made of. It opens and closes the stores and runtimes."""

    store: EventStore
    visibility: VisibilityStore | None = None
    """None: the event store is one itself."""
    runtime: Runtime
    runtimes: Mapping[str, Runtime]
    """Of queues that have one of their own."""
    catalog: Catalog
    settings: EngineSettings
    platform: Platform


class EngineCore:
    """Runs workflows. A `Backend` for the verbs; all else happens on its lanes."""

    def __init__(self, parts: Parts) -> None:
        """Closed until `open`."""
        settings, platform = parts.settings, parts.platform
        self.platform = platform
        self.limits = settings.limits
        self.values = Values(settings.limits)
        self.attributes = settings.attributes
        self.interceptors = settings.interceptors
        self._parts = parts
        self._store = parts.store
        self._visibility = parts.visibility or cast("VisibilityStore", parts.store)
        self._owner = os.getpid()
        self._gate = threading.Lock()
        self._closing = False
        self._closed = True
        self._standby = False
        self._farewells: list[Callable[[], None]] = []
        self._broken: EngineError | None = None
        self._elsewhere: StoreBackend | None = None
        self._me = EngineInfo(
            engine_id=settings.engine_id, host=settings.host, pid=settings.pid, types=parts.catalog.types
        )
        self._effects = effects = Effects(
            settings,
            platform,
            catalog=parts.catalog,
            store=parts.store,
            visibility=parts.visibility,
            runtime=parts.runtime,
            runtimes=parts.runtimes,
        )
        self._turns = effects.turns = Turns(effects)
        self._timers = effects.timers = Timers(platform, wake=self._turns.wake)
        self._activities = effects.activities = Activities(
            platform,
            arrive=self._turns.arrive,
            execute=effects.execute,
            cancel=effects.cancel_activity,
            tell=effects.tell,
            queues=settings.queues,
            origin=settings.origin,
        )
        effects.rules = Rules(settle=settings.settle, reserve=self._activities.reserve, new_run=platform.run_id)
        self._endings = effects.endings = Endings()
        self._awaiting = Awaiting(
            parts.store,
            self._endings,
            ours=lambda workflow_id: effects.fence(workflow_id) is not None,
            ledger=self._turns.ledger,
            later=lambda call: self._jobs.put(call),  # noqa: PLW0108 # the lanes are made when it is opened
            elsewhere=self._await_elsewhere,
        )
        self._serving = Serving(self._turns, effects, platform)
        self._messages = effects.messages = Messages(
            platform,
            keep=settings.keep,
            serve=self._serving.serve,
            look_up=self._look_up,
            settle=self._settle,
            settled=self._settled,
            known_elsewhere=self._known_elsewhere,
        )
        self._idle: Reply[None] | None = None
        self._drained: Reply[None] | None = None
        self._leases: tuple[Lease, ...] = ()
        self._giving: tuple[Lease, ...] = ()

    # ---- opening and closing

    def open(self, *, standby: bool = False) -> None:
        """Open stores and runtimes, take the leases, and begin. Raises what they raise, and `StoreInUse`.

        On `standby` a store that another engine has is waited for: until then, verbs go to that engine.
        """
        platform, parts = self.platform, self._parts
        with ExitStack() as opened:
            for store in (parts.store, *((parts.visibility,) if parts.visibility else ())):
                store.open()
                opened.callback(store.close)
            self._effects.shards = parts.store.shards
            self._make_lanes()
            opened.callback(self._close_lanes)
            host = Host(self._engine, platform, parts, self._turns, self._activities)
            for runtime in self._effects.every_runtime:
                runtime.open(host)
                opened.callback(runtime.close, 0.0)
            self._keeping.put(leasing.Beat())
            self._tidying.put(Begin())
            table = self._first_picture.wait(platform, _FIRST_LEASE, what="the first lease")
            if not standby:
                self._check_alone(table)
            self._standby = standby
            opened.pop_all()
        self._closed = False

    def before_closing(self, call: Callable[[], None]) -> None:
        """Call it when no turn runs any more, and the stores are still open. The last one first; it must not raise."""
        self._farewells.insert(0, call)

    def close(self, grace: float = 30.0) -> None:
        """Take nothing new, let bodies end within the grace and turns be written, then let go. Twice is fine.

        In a forked child nothing is done: it is the parent's to close.
        """
        if os.getpid() != self._owner:
            return
        with self._gate:
            if self._closed or self._closing:
                return
            self._closing = True
        ends = self.platform.monotonic() + grace
        idle: Reply[None] = Reply()
        self._engine.put((self._begin_nothing, idle))
        with suppress(AionError):  # bodies that take longer, or an engine that has stopped by itself
            idle.wait(self.platform, grace)
        self._engine.put((self._take_nothing, None))
        for runtime in self._effects.every_runtime:
            runtime.close(max(0.0, ends - self.platform.monotonic()))
        drained: Reply[None] = Reply()
        self._engine.put((self._drain, drained))
        try:
            drained.wait(self.platform, _LAST_TURNS)
        except AionError:
            _log.warning("closing with turns that could not be written: they are done again by whoever goes on")
        for call in self._farewells:
            call()
        self._close_lanes()
        if self._elsewhere is not None:
            self._elsewhere.close()
        self._endings.end(EngineClosed())
        self._turns.give_up(EngineClosed())
        if self._parts.visibility is not None:
            self._parts.visibility.close()
        self._parts.store.close()
        self._closed = True

    @property
    def closed(self) -> bool:
        """Whether it serves nobody. In a forked child it never did."""
        return self._closed or os.getpid() != self._owner

    @property
    def info(self) -> EngineInfo:
        """How others see it."""
        return self._me

    @property
    def store_id(self) -> str:
        """Of its event store, once it is open."""
        return self._store.store_id

    def _make_lanes(self) -> None:
        platform, store = self.platform, self._store
        self._first_picture: Reply[LeaseTable | None] = Reply()
        self._keeper = Keeper(
            store,
            platform,
            self._me,
            leased=lambda news: self._engine.put((self._leased, news)),
            ttl=self._parts.settings.lease,
            refused=self._first_picture.fail,
        )
        self._writer = Writer(
            store,
            platform,
            written=lambda written: self._engine.put((self._written, written)),
            leases=lambda: self._leases,
            may_write=self._keeper.may_write,
        )
        self._reader = Reader(store, platform, loaded=lambda found: self._engine.put((self._loaded, found)))
        self._watcher = Watcher(
            store,
            platform,
            messages=lambda messages: self._engine.put((self._messages.take, messages)),
            wakes=lambda wakes: self._engine.put((self._wake, wakes)),
        )
        self._janitor = Janitor(
            store,
            self._parts.visibility,
            platform,
            self._parts.settings.retention,
            leases=lambda: self._leases,
            write=lambda chore: self._writing.put(chore),  # noqa: PLW0108 # the lanes are made below
            done=lambda done: self._tidying.put(done),  # noqa: PLW0108 # likewise
        )
        self._engine: Lane[Step] = platform.lane(self._step, name="aion-engine")
        self._writing = platform.lane(self._writer.handle, name="aion-writer")
        self._loading = platform.lane(self._reader.handle, name="aion-reader")
        self._jobs: Lane[Callable[[], None]] = platform.lane(_do, name="aion-jobs")
        self._watching = platform.lane(self._watcher.handle, name="aion-watcher")
        self._keeping = platform.lane(self._keeper.handle, name="aion-keeper")
        self._tidying = platform.lane(self._janitor.handle, name="aion-janitor")
        self._effects.lanes = Lanes(engine=self._engine, writer=self._writing, reader=self._loading)

    def _close_lanes(self) -> None:
        self._keeping.put(leasing.Close())
        lanes = (self._tidying, self._watching, self._loading, self._jobs, self._writing, self._keeping, self._engine)
        for lane in lanes:
            lane.close()
        for lane in lanes:
            lane.join(_LAST_TURNS)

    def _check_alone(self, table: LeaseTable | None) -> None:
        """On a store for one engine, another one that is alive is an error that names it."""
        if table is None or not self._me.types or Capability.MULTI_ENGINE in self._store.capabilities:
            return
        others = {owner for owner in table.owners.values() if owner not in {None, self._me.engine_id}}
        for engine in table.engines:
            if engine.engine_id in others:
                raise StoreInUse(engine.host, engine.pid)

    # ---- see `Backend`

    def submit(
        self,
        workflow_id: WorkflowId,
        request: AnyRequest,
        *,
        run_id: RunId | None = None,
        message_id: MessageId | None = None,
    ) -> Reply[AnyReaction | None]:
        """See `Backend.submit`."""
        reply: Reply[AnyReaction | None] = Reply()
        self._engine.put((self._submitted, (workflow_id, request, run_id, message_id, reply)))
        self._fail_if_closed(reply)
        return reply

    def ending(self, workflow_id: WorkflowId, run_id: RunId | None) -> Reply[Ending]:
        """See `Backend.ending`."""
        reply: Reply[Ending] = Reply()
        self._engine.put((self._awaiting.ask, (workflow_id, run_id, reply)))
        self._fail_if_closed(reply)
        return reply

    def reading(self, job: Callable[[EventStore, VisibilityStore], T]) -> Reply[T]:
        """See `Backend.reading`."""
        reply: Reply[T] = Reply()
        self._job(reply, lambda: job(self._store, self._visibility))
        return reply

    def complain(self) -> None:
        """See `Backend.complain`."""
        if os.getpid() != self._owner:
            raise EngineForked(self._owner)
        if self._closed:
            raise EngineClosed
        if self._closing:
            raise ShuttingDown
        if self._broken is not None:
            raise self._broken

    def health(self) -> Reply[Health]:
        """How it is doing, looked at on its own thread."""
        reply: Reply[Health] = Reply()
        self._engine.put((self._tell_health, reply))
        self._fail_if_closed(reply)
        return reply

    def _fail_if_closed(self, reply: Reply[T]) -> None:
        if self._closed:  # the lane may have dropped it
            reply.fail(EngineClosed())

    # ---- the engine's thread

    def _step(self, steps: Sequence[Step]) -> float | None:
        """Take everything that came, hand on what came of it, and say when to look at the clock again."""
        if self._broken is not None:
            self._refuse(steps, self._broken)
            return None
        try:
            for method, argument in steps:
                method(argument)
            times = (self._timers.due(), self._activities.due(self.platform.monotonic()))
            due = min((time for time in times if time is not None), default=None)
            self._turns.flush()
            if self._idle is not None or self._drained is not None or self._giving:
                self._settle_down()
        except Exception as error:  # noqa: BLE001  # an error of ours: better no engine than one that nobody can rely on
            _log.critical("the engine stops after an error of its own; what was acknowledged is safe", exc_info=True)
            self._broken = EngineError(f"the engine has stopped after an error of its own: {error!r}")
            self._broken.__cause__ = error
            self._turns.give_up(self._broken)
            self._endings.end(self._broken)
            self._refuse(steps, self._broken)
            return None
        return due

    @staticmethod
    def _refuse(steps: Sequence[Step], error: EngineError) -> None:
        """Whoever waits for these hears that nothing will come."""
        for _, argument in steps:
            parts = cast("tuple[object, ...]", argument if isinstance(argument, tuple) else (argument,))
            for part in parts:
                if isinstance(part, Reply):
                    cast("Reply[object]", part).fail(error)

    def _submitted(
        self,
        letter: tuple[WorkflowId, AnyRequest, RunId | None, MessageId | None, Reply[AnyReaction | None]],
    ) -> None:
        workflow_id, request, run_id, message_id, reply = letter
        if self._effects.fence(workflow_id) is None:
            self._job(reply, lambda: self._others().submit(workflow_id, request, run_id=run_id, message_id=message_id))
        else:
            self._messages.submit(workflow_id, request, run_id=run_id, message_id=message_id, reply=reply)

    def _await_elsewhere(self, workflow_id: WorkflowId, run_id: RunId | None, reply: Reply[Ending]) -> None:
        self._job(reply, lambda: self._others().ending(workflow_id, run_id))

    def _leased(self, news: Leased) -> None:
        """What the engine owns now."""
        self._effects.fences = self._keeper.fences
        before = {lease.shard: lease.fence for lease in self._leases}
        after = {lease.shard: lease.fence for lease in (*news.leases, *news.giving)}
        lost = {shard for shard, fence in before.items() if after.get(shard) != fence}
        gained = {lease.shard for lease in news.leases if before.get(lease.shard) != lease.fence}
        if self._standby and gained and not before:
            _log.warning("this engine stood by, and takes over")
        self._leases, self._giving = (*news.leases, *news.giving), news.giving
        if lost:
            self._leave(lost)
        self._watching.put(watching.Shards(news.leases))
        if gained:
            self._jobs.put(lambda: self._look_for_blocked(gained))
        if not self._first_picture.done:
            self._first_picture.set(news.table)

    def _leave(self, shards: set[Shard]) -> None:
        """These are another engine's, or may be."""
        count = self._effects.shards

        def of(workflow_id: WorkflowId) -> bool:
            return shard_of(workflow_id, count) in shards

        self._turns.drop(of)
        self._timers.forget(of)
        self._activities.forget(of)
        self._messages.forget(of)
        self._awaiting.leave(of)

    def _written(self, written: Sequence[Written]) -> None:
        for each in written:
            if type(each.verdict) is Fenced:
                self._keeping.put(leasing.Beat())  # whose it is now is better asked than tried out
                break
        self._turns.written(written)
        self._awaiting.written(written)

    def _loaded(self, found: Sequence[Loaded]) -> None:
        for each in found:
            self._turns.loaded(each)
        self._awaiting.loaded(found)

    def _wake(self, wakes: Sequence[Wake]) -> None:
        """The store's times of the next minute. Runs with attempts under way say "at once", and are known."""
        self._timers.read_ahead(wake for wake in wakes if wake.workflow_id not in self._activities)

    def _look_for_blocked(self, shards: set[Shard]) -> None:
        """On the jobs' thread: runs that other code blocked may go on with this one."""
        after = None
        try:
            while True:
                page = self._store.states(shards, status={Status.BLOCKED}, after=after, limit=500)
                blocked = [
                    state.workflow_id
                    for state in page.items
                    if record_of(state.open).blocked_by not in {None, self._parts.catalog.version}
                ]
                self._engine.put((self._unblock, blocked))
                after = page.next
                if after is None:
                    return
        except StoreClosed:
            return
        except Exception as error:  # noqa: BLE001  # a driver's bug must not end the thread that answers everybody
            _log.warning("blocked runs are looked for again: %s", error)
            self.platform.sleep(_LOOK_AGAIN)
            self._jobs.put(lambda: self._look_for_blocked(shards))

    def _unblock(self, workflow_ids: Sequence[WorkflowId]) -> None:
        for workflow_id in workflow_ids:
            self._turns.arrive(workflow_id, Arrived(what=e.WorkflowUnblocked(seq=0, at=Instant(0))))

    def _begin_nothing(self, idle: Reply[None]) -> None:
        """No attempt begins any more; tell when those that run have ended, and their outcomes are written."""
        self._activities.close()
        self._idle = idle

    def _take_nothing(self, _: None) -> None:
        """Runtimes close now: no turn begins any more."""
        self._turns.close()

    def _drain(self, drained: Reply[None]) -> None:
        """Nothing new comes any more: tell when nothing is under way."""
        self._drained = drained

    def _settle_down(self) -> None:
        if self._idle is not None and not self._turns.busy and not self._activities.running:
            self._idle.set(None)
            self._idle = None
        if self._drained is not None and not self._turns.busy:
            self._drained.set(None)
        if self._giving:
            count = self._effects.shards
            busy = {shard_of(workflow_id, count) for workflow_id in self._turns.under_way()}
            done = tuple(lease for lease in self._giving if lease.shard not in busy)
            if done:
                self._giving = tuple(lease for lease in self._giving if lease not in done)
                self._keeping.put(leasing.Drained(done))

    def _tell_health(self, reply: Reply[Health]) -> None:
        reply.set(
            health_of(
                self._me,
                shards=(len(self._leases), self._effects.shards),
                standby=self._standby and not self._leases,
                turns=self._turns,
                timers=self._timers,
                activities=self._activities,
                runtime=self._parts.runtime.health(),
                store=self._store.health(),
                writer=self._writer,
                messages=self._watcher.unsettled,
                trouble=(self._writer.trouble, self._keeper.trouble, self._watcher.trouble, self._janitor.trouble),
            )
        )

    # ---- the store's side

    def _look_up(self, key: OutcomeKey, then: Callable[[Outcome | None], None]) -> None:
        """The outcome of a request that was made before."""

        def look() -> None:
            try:
                (outcome,) = self._store.outcomes([key])
            except StoreClosed:
                return
            except Exception as error:  # noqa: BLE001  # as above
                _log.warning("an outcome is looked for again: %s", error)
                self.platform.sleep(_LOOK_AGAIN)
                self._jobs.put(look)
                return
            self._engine.put((then, outcome))

        self._jobs.put(look)

    def _settle(self, outcome: Outcome, then: Callable[[], None]) -> None:
        chore = Chore(call=lambda store: store.settle([outcome]))
        chore.reply.then(lambda _: self._engine.put((lambda _: then(), None)))
        self._writing.put(chore)

    def _settled(self, keys: Sequence[OutcomeKey]) -> None:
        self._watching.put(watching.Settled(tuple(keys)))

    def _known_elsewhere(self, workflow_type: str) -> bool:
        table = self._keeper.table
        engines = table.engines if table else ()
        return any(workflow_type in each.types for each in engines if each.engine_id != self._me.engine_id)

    def _others(self) -> StoreBackend:
        """The way to workflows of other engines: through the store."""
        if self._elsewhere is None:
            self._elsewhere = StoreBackend(
                self._store,
                self._parts.visibility,
                platform=self.platform,
                limits=self.limits,
                attributes=self.attributes,
                owned=False,
            )
            self._elsewhere.open()
        return self._elsewhere

    def _job(self, reply: Reply[T], call: Callable[[], T | Reply[T]]) -> None:
        """Do it on the jobs' thread; its answer, or the answer that it answers with, is the reply's."""

        def run() -> None:
            try:
                answer = call()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's
                reply.fail(error)
                return
            if isinstance(answer, Reply):
                theirs = cast("Reply[T]", answer)
                theirs.then(lambda other: _hand_on(other, reply))
                # Whoever answers may hold it weakly: it is kept for as long as somebody waits for ours.
                reply.then(partial(_keep, theirs))
            else:
                reply.set(answer)

        self._jobs.put(run)
        self._fail_if_closed(reply)


def _do(jobs: Sequence[Callable[[], None]]) -> None:
    for job in jobs:
        job()


def _keep(_: Reply[Any], __: Reply[Any]) -> None:
    """Nothing is left to be done with it."""


def _hand_on(settled: Reply[T], to: Reply[T]) -> None:
    try:
        to.set(settled.result())
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's
        to.fail(error)
