"""What clients do with the reference workflows, and how that may end."""

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen
from tests.simulation import workflows as w
from tests.simulation.callers import Caller

import aion_core as aion

Drive = Callable[[Caller], Any]
Ends = Callable[[Any], bool]


@frozen
class Scenario:
    """A client's part, and the ends that are right: results, or errors."""

    name: str
    drive: Drive
    ends: Ends


def _sequence(caller: Caller) -> Any:
    run = caller.start(w.sequence, "walk", id="walk")
    said = caller.query(run, "last", type=str)
    assert said in {"", "walk one!", "walk two!", "walk three!", "walk walked"}, said
    return caller.result(run)


def _fanout(caller: Caller) -> Any:
    return caller.result(caller.start(w.fanout, 3, id="fan"))


def _signals(caller: Caller) -> Any:
    run = caller.start(w.signals, 4, id="counting")
    for number, rest in enumerate((0.0, 0.31, 0.1, 0.9)):
        caller.rest(rest)
        caller.signal(run, "number", number)
    caller.signal(run, "number", 3, again=True)
    return caller.result(run)


def _races(caller: Caller) -> Any:
    run = caller.start(w.races, id="races")
    caller.rest(0.2)
    caller.signal(run, "go", 1)
    return caller.result(run)


def _retries(caller: Caller) -> Any:
    return caller.result(caller.start(w.retries, id="again"))


def _cautious(caller: Caller) -> Any:
    return caller.result(caller.start(w.cautious, id="once"))


def _cleanup(caller: Caller) -> Any:
    run = caller.start(w.cleanup, id="room")
    caller.rest(0.35)
    caller.cancel(run)
    return caller.result(run)


def _stubborn(caller: Caller) -> Any:
    run = caller.start(w.stubborn, id="mule")
    caller.rest(0.1)
    caller.cancel(run)
    return caller.result(run)


def _deadline(caller: Caller) -> Any:
    return caller.result(caller.start(w.deadline, id="late"))


def _longloop(caller: Caller) -> Any:
    return caller.result(caller.start(w.longloop, 12, id="loop"))


def _locals(caller: Caller) -> Any:
    return caller.result(caller.start(w.locals_, 5, id="notes"))


def _waiting(caller: Caller) -> Any:
    run = caller.signal_with_start(w.waiting, 3, signal="add", value=1, id="sum")
    caller.signal(run, "add", 10)
    caller.query(run, "total", type=int)
    caller.signal(run, "add", 100)
    caller.signal(run, "add", 100, again=True)
    return caller.result(run)


def _several(caller: Caller) -> Any:
    """Many at once: their commits go to the store together."""
    runs = [
        caller.start(w.plainly, "hand", id="plain"),
        caller.start(w.longloop, 2, id="short"),
        caller.start(w.doomed, id="doomed"),
        caller.start(w.waiting, 1, id="one"),
        caller.start(w.deadline, id="slow"),
    ]
    caller.signal(runs[3], "add", 7)
    caller.terminate(runs[4])
    return [caller.result(run) for run in runs]


def _again(end: Any) -> bool:
    """An attempt that was lost counts, too: of a call with two, the last may be that."""
    return end[:3] == ["0", "3", "Declined"] and end[3] in {"Outage", "ActivityLost"}


def _is(*results: Any) -> Ends:
    return lambda end: end in results


def _error(*kinds: type[BaseException]) -> Ends:
    return lambda end: isinstance(end, kinds)


def _of_several(ends: Any) -> bool:
    plain, short, doomed, one, slow = ends
    return (
        (plain, short, one) == ("hand!hand walked", 4, 7)
        and isinstance(doomed, aion.WorkflowFailed)
        and doomed.type == "Purpose"
        # A termination is not numbered: it may come after the end, and then it is refused.
        and isinstance(slow, aion.WorkflowTerminated | aion.WorkflowTimedOut)
    )


def _refuses(end: Any) -> bool:
    """Cancellations have no ids: one whose answer was lost is sent twice, and the second one meets the clean-up."""
    return end == "to the end" or isinstance(end, aion.WorkflowCancelled)


def _wins(end: Any) -> bool:
    names = end.split()
    return len(names) == 3 and set(names) <= {"go", "late", "work"} and names.count("go") <= 1


SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario("sequence", _sequence, _is("walk one!, walk two!, walk three!, walk walked")),
        Scenario(
            "fanout",
            _fanout,
            _is([f"{how} {number}!" for how in ("gathered", "grouped", "mapped") for number in range(3)]),
        ),
        Scenario("signals", _signals, _is({"heard": [0, 1, 2, 3]})),
        Scenario("races", _races, _wins),
        Scenario("retries", _retries, _again),
        Scenario("cautious", _cautious, _is("paid once", "lost")),
        Scenario("cleanup", _cleanup, _error(aion.WorkflowCancelled)),
        Scenario("stubborn", _stubborn, _refuses),
        Scenario("deadline", _deadline, _error(aion.WorkflowTimedOut)),
        Scenario("longloop", _longloop, _is(26)),
        Scenario("locals", _locals, _is(110)),
        Scenario("waiting", _waiting, _is(111)),
        Scenario("several", _several, _of_several),
    )
}
