"""Workflow code: one thread that runs it, and a watch that leaves the thread behind when a turn does not return."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from attrs import frozen

from aion_core.spi import Activation, ActivationResult, Lane, RunId, RuntimeHost, Ticket, TicketLost
from aion_core.worker import Driver
from aion_runtime_thread.deadlines import Deadlines
from aion_runtime_thread.frames import innermost_frame

_log = logging.getLogger("aion.engine")

_LOOKS: Final = 4
"""How often the watch looks within one turn deadline: a turn is left behind when it lasted one and a quarter."""


@frozen
class _Evict:
    runs: Sequence[RunId]


@frozen
class _Leave:
    """The last item: nothing comes behind it."""


_Item: TypeAlias = Sequence[Activation] | _Evict | _Leave


class Scheduler:
    """The runtime's half that runs workflow code. All of it runs on one thread at a time, which the GIL asks for."""

    def __init__(self, host: RuntimeHost, deadlines: Deadlines, make_driver: Callable[[], Driver]) -> None:
        """The thread is started."""
        self.over = False  # for its own deadlines
        self._host = host
        self._deadline = host.settings.turn_deadline
        self._deadlines = deadlines
        self._make_driver = make_driver
        self._lock = threading.Lock()
        self._seen: tuple[Ticket, RunId] | None = None
        self._since = 0.0
        self._watching = False
        self._closed = False
        self.abandoned = 0
        self._shift = self._new_shift()

    @property
    def residents(self) -> int:
        """How many runs are in memory."""
        driver = self._shift.driver
        return 0 if driver is None else len(driver)

    @property
    def busy(self) -> bool:
        """Whether workflow code is running."""
        return self._shift.busy is not None

    def activate(self, batch: Sequence[Activation]) -> None:
        """See `Runtime.activate`."""
        with self._lock:
            closed = self._closed
            if not closed:
                self._shift.put(batch)
            look = not closed and not self._watching
            self._watching = self._watching or look
        if closed:
            self._host.activated([_lost(each, "the runtime is closed") for each in batch])
        elif look:
            self._look_again()

    def evict(self, runs: Sequence[RunId]) -> None:
        """See `Runtime.evict`."""
        with self._lock:
            if not self._closed:
                self._shift.lane.put(_Evict(runs))

    def close(self, timeout: float) -> None:
        """Finish what was taken; a turn that has not returned after so many seconds is left behind."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            shift = self._shift
        shift.lane.put(_Leave())
        shift.lane.close()
        ended = shift.lane.join(timeout)
        with self._lock:
            shift.over = True
            rest = [*shift.open.values()]
            shift.open.clear()
            if not ended:
                self.abandoned += 1
        if rest:
            self._host.activated([_lost(each, "the runtime was closed") for each in rest])

    # ---- on the scheduler's thread

    def _run(self, shift: _Shift, items: Sequence[_Item]) -> None:
        if shift.driver is None and isinstance(items[0], _Leave):
            return  # there was never anything to do
        if shift.driver is None:  # made here, since its loop is this thread's
            shift.thread = threading.get_ident()
            shift.driver = self._make_driver()
        for item in items:
            if shift.over or isinstance(item, _Leave):
                shift.driver.close()  # its runs are of no use any more
                return
            if isinstance(item, _Evict):
                shift.driver.evict(item.runs)
            else:
                self._activate(shift, shift.driver, item)

    def _activate(self, shift: _Shift, driver: Driver, batch: Sequence[Activation]) -> None:
        results: Sequence[ActivationResult]
        try:
            results = driver.activate(batch)
        except BaseException as error:  # noqa: BLE001  # a bug of ours must not end the thread
            _log.exception("the driver failed")
            results = [_lost(each, f"the driver raised {error!r}") for each in batch]
        with self._lock:
            if shift.over:
                return
            for each in batch:
                shift.open.pop(each.ticket, None)
        self._host.activated(results)

    # ---- the watch

    def _look_again(self) -> None:
        at = self._host.platform.monotonic() + self._deadline / _LOOKS
        self._deadlines.add(at, Scheduler._look, self)

    def _look(self) -> None:
        now = self._host.platform.monotonic()
        lost: TicketLost | None = None
        with self._lock:
            shift = self._shift
            busy = shift.busy
            if busy is None or busy != self._seen:
                self._seen, self._since = busy, now
            elif now - self._since >= self._deadline and not self._closed:
                lost = self._leave_behind(shift, busy)
            self._watching = bool(self._shift.open) and not self._closed
            again = self._watching
        if lost is not None:
            self._host.activated([lost])
        if again:
            self._look_again()

    def _leave_behind(self, shift: _Shift, busy: tuple[Ticket, RunId]) -> TicketLost | None:
        frame = innermost_frame(shift.thread)
        offender = shift.open.pop(busy[0], None)
        if offender is None or shift.busy != busy:
            return None  # it has just come back
        rest = [*shift.open.values()]
        shift.over = True
        shift.open.clear()
        shift.lane.put(_Leave())  # when it comes back
        shift.lane.close()
        self.abandoned += 1
        self._seen = None
        self._shift = self._new_shift()
        if rest:
            self._shift.put(rest)
        reason = (
            f"a turn of {offender.workflow_id} has not returned for {self._deadline:g} s: it is in {frame}. "
            "Its thread was left behind, and takes its share of the interpreter until it returns"
        )
        _log.error("%s", reason)
        return TicketLost(ticket=offender.ticket, run_id=offender.run_id, reason=reason, frame=frame)

    def _new_shift(self) -> _Shift:
        shift = _Shift()
        shift.lane = self._host.platform.lane(lambda items: self._run(shift, items), name="aion-workflows")
        return shift


class _Shift:
    """One thread with its driver, and the tickets it has not answered."""

    lane: Lane[_Item]

    def __init__(self) -> None:
        self.driver: Driver | None = None
        self.open: dict[Ticket, Activation] = {}
        self.over = False
        self.thread = 0

    @property
    def busy(self) -> tuple[Ticket, RunId] | None:
        """What runs now. From any thread."""
        return None if self.driver is None else self.driver.busy

    def put(self, batch: Sequence[Activation]) -> None:
        for each in batch:
            self.open[each.ticket] = each
        self.lane.put(batch)


def _lost(activation: Activation, reason: str) -> TicketLost:
    return TicketLost(ticket=activation.ticket, run_id=activation.run_id, reason=reason)
