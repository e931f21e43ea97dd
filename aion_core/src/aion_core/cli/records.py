"""What `--json` prints of runs and events. Scripts rely on these names: they never change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aion_core.cli.moments import iso
from aion_core.model.failed import Failed

if TYPE_CHECKING:  # the rooms of the client are imported by commands that talk to a store
    from aion_core.client.events import Event
    from aion_core.client.views import Description, PendingActivity, Summary


def summary_record(found: Summary) -> dict[str, object]:
    """One run of a list."""
    return {**_run(found), "cursor": found.cursor}


def description_record(found: Description) -> dict[str, object]:
    """One run with what it waits for."""
    return {
        **_run(found),
        "history_length": found.history_length,
        "pending": [_pending(each) for each in found.pending],
        "failure": failure_record(found.failure),
    }


def event_record(event: Event) -> dict[str, object]:
    """One event of a history."""
    return {"seq": event.seq, "type": event.type, "at": iso(event.at), "data": event.data}


def failure_record(failure: Failed | None) -> Mapping[str, object] | None:
    """Somebody's exception, with its causes."""
    if failure is None:
        return None
    cause = failure.__cause__
    return {
        "type": failure.type,
        "message": failure.message,
        "details": failure.details,
        "traceback": failure.traceback or None,
        "cause": failure_record(cause) if isinstance(cause, Failed) else None,
    }


def _run(found: Summary) -> dict[str, object]:
    return {
        "id": found.id,
        "run_id": found.run_id,
        "type": found.type,
        "status": str(found.status),
        "started": iso(found.started),
        "closed": iso(found.closed),
        "version": found.version,
        "parent": found.parent,
        "schedule": found.schedule,
        "blocked_reason": found.blocked_reason,
        "attributes": found.attributes,
        "memo": found.memo,
    }


def _pending(activity: PendingActivity) -> dict[str, object]:
    return {
        "activity": activity.activity,
        "ordinal": activity.ordinal,
        "queue": activity.queue,
        "attempt": activity.attempt,
        "dispatched": activity.dispatched,
        "scheduled": iso(activity.scheduled),
        "next_attempt": iso(activity.next_attempt),
        "last_error": failure_record(activity.last_error),
        "details": activity.details,
    }
