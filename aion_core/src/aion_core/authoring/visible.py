"""What a workflow shows of itself without being asked, and what it knows of its run."""

from __future__ import annotations

from aion_core.authoring.awaiting import recording
from aion_core.authoring.context import Info, current
from aion_core.model.errors import LimitExceeded


def set_attributes(**values: object) -> None:
    """Set search attributes, by which `list` finds the run; None unsets one.

    They are checked against those that are declared, all before any is set: `UnknownAttribute`, `InvalidAttribute`.
    """
    run = recording("aion.set_attributes", "attributes of a run are given with its start")
    surroundings = run.surroundings
    run.set_attributes(surroundings.attributes.check_all(values, limit=surroundings.limits.attributes))


def set_memo(**values: object) -> None:
    """Set values of any form that `describe()` and `list` show without running code: progress. None unsets one."""
    run = recording("aion.set_memo", "a memo is given with the start")
    surroundings = run.surroundings
    memo = {name: None if value is None else surroundings.values.encode(value) for name, value in values.items()}
    size = sum(len(payload) for payload in memo.values() if payload is not None)
    if size > surroundings.limits.memo:
        raise LimitExceeded("bytes of the memo", size, surroundings.limits.memo, setting="memo")
    run.set_memo(memo)


def info() -> Info:
    """Who this run is, and how long its history has become."""
    return current("aion.info()", "in an activity, call aion.activity_info()").info()
