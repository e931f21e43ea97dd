"""Reading: status, description, history, events, lists and the feed, on both faces."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice

import pytest

from aion_core import (
    CursorTooOld,
    HistoryCorrupt,
    InvalidInput,
    InvalidQuery,
    Status,
    StoreRefused,
)
from aion_core.client.feed import FeedPlace, next_entries
from aion_core.model import events as e
from aion_core.model.attributes import AttributeSchema
from aion_core.model.failures import Failure
from aion_core.model.payloads import Payload
from aion_core.model.policies import RetryPolicy
from aion_core.model.times import Instant
from aion_core.visibility import parse_condition

FAILURE = Failure(type="CardDeclined", message="no cover")


def scheduled(ordinal=0, **more):
    return dict(kind=e.ActivityScheduled, ordinal=ordinal, activity_type="charge", **more)


# ---- one run


def test_a_status_is_that_of_the_current_run(verbs, backend):
    run = verbs.start("total", id="t")
    backend.continue_as_new("t")
    assert run.status() is Status.RUNNING
    assert verbs.handle("t", run.run_id).status() is Status.CONTINUED_AS_NEW


def test_a_description_shows_what_a_summary_does_and_more(verbs, backend):
    run = verbs.start("total", id="t", attributes={"customer": "acme"}, memo={"done": [1, 2]})
    backend.record("t", scheduled())
    shown = run.describe()
    assert (shown.id, shown.run_id, shown.type, shown.status) == ("t", run.run_id, "total", Status.RUNNING)
    assert (shown.attributes, shown.memo, shown.history_length) == ({"customer": "acme"}, {"done": [1, 2]}, 2)
    assert (shown.failure, shown.version) == (None, "env:test")


def test_a_description_lists_the_activities_that_are_open(verbs, backend):
    run = verbs.start("total", id="t")
    again = Instant(1_700_000_060_000_000)
    backend.record("t", scheduled(0), scheduled(1), scheduled(2, queue="stripe"))
    backend.record("t", dict(kind=e.ActivityFailed, ordinal=0, failure=FAILURE, next_attempt_at=again))
    backend.record("t", dict(kind=e.ActivityCompleted, ordinal=1))
    first, second = run.describe().pending
    assert (first.activity, first.attempt, first.last_error.type) == ("charge", 2, "CardDeclined")
    assert first.next_attempt == datetime(2023, 11, 14, 22, 14, 20, tzinfo=UTC)
    assert (second.ordinal, second.queue, second.attempt, second.last_error) == (2, "stripe", 1, None)


def test_a_description_says_why_a_run_failed_or_is_blocked(verbs, backend):
    failed, blocked = verbs.start("total", id="f"), verbs.start("total", id="b")
    backend.record("f", dict(kind=e.WorkflowFailed, failure=FAILURE))
    backend.record("b", dict(kind=e.WorkflowBlocked, failure=FAILURE))
    assert str(failed.describe().failure) == "workflow 'f' failed: CardDeclined: no cover"
    assert (blocked.describe().failure.type, blocked.describe().blocked_reason) == ("CardDeclined", "no cover")


def test_a_history_is_that_of_one_run(verbs, backend):
    run = verbs.start("total", 1, id="t")
    backend.continue_as_new("t", 2)
    assert [event.seq for event in verbs.handle("t", run.run_id).history()] == [1, 2]
    assert [event.data["input"] for event in run.history()] == [[2]]


def test_an_event_shows_values_times_and_durations_as_python_has_them(verbs, backend):
    run = verbs.start("total", id="t")
    policy = RetryPolicy(max_attempts=3, non_retryable=("ValueError",))
    options = e.ActivityOptions(start_to_close=30_000_000, retry=policy)
    backend.record("t", scheduled(options=options, input=backend.values.encode([{"id": "42"}])))
    backend.record("t", dict(kind=e.TimerStarted, ordinal=0, fire_at=Instant(1_700_000_060_000_000)))
    _, activity, timer = run.history().events
    assert (activity.seq, activity.type) == (2, "ActivityScheduled")
    assert activity.at == datetime(2023, 11, 14, 22, 13, 22, tzinfo=UTC)
    assert activity.data["input"] == [{"id": "42"}]
    assert activity.data["options"]["start_to_close"] == timedelta(seconds=30)
    assert activity.data["options"]["retry"]["non_retryable"] == ["ValueError"]
    assert timer.data["fire_at"] == datetime(2023, 11, 14, 22, 14, 20, tzinfo=UTC)


def test_a_payload_that_is_kept_beside_the_history_is_fetched(verbs, backend):
    run = verbs.start("total", id="t")
    large = b'{"much":"' + b"x" * 100_000 + b'"}'
    digest = sha256(large).hexdigest()
    kept = Payload(blob=0, size=len(large), digest=digest)
    backend.record("t", dict(kind=e.SignalReceived, name="plan", payload=kept), blobs=[large])
    assert run.history().events[-1].data["payload"] == {"much": "x" * 100_000}
    wrong = Payload(blob=0, size=1, digest="0" * 64)
    backend.record("t", dict(kind=e.SignalReceived, name="plan", payload=wrong), blobs=[b"1"])
    with pytest.raises(HistoryCorrupt, match="other bytes"):
        run.history()


# ---- events


def test_events_end_with_the_run(verbs, backend):
    run = verbs.start("total", id="t")
    run.signal("approve")
    backend.complete("t", 1)
    assert [event.type for event in run.events()] == ["WorkflowStarted", "SignalReceived", "WorkflowCompleted"]
    assert [event.seq for event in run.events(after=1)] == [2, 3]
    assert list(run.events(after=3)) == []


def test_events_wait_for_more_while_the_run_is_open(verbs, backend):
    run = verbs.start("total", id="t")
    events = run.events()
    assert next(events).type == "WorkflowStarted"
    run.signal("approve")
    assert next(events).type == "SignalReceived"
    backend.complete("t", 1)
    assert [event.type for event in events] == ["WorkflowCompleted"]


def test_events_that_are_there_are_had_without_waiting(verbs):
    run = verbs.start("total", id="t")
    assert [event.seq for event in run.events(wait=False)] == [1]


def test_events_of_a_workflow_go_on_into_the_next_run(verbs, backend):
    run = verbs.start("total", id="t")
    events = run.events()
    next(events)
    backend.continue_as_new("t")
    backend.complete("t", 1)
    assert [event.seq for event in events] == [2, 3, 4]
    assert [event.seq for event in verbs.handle("t").events()] == [3, 4]
    assert [event.seq for event in verbs.handle("t", run.run_id).events()] == [1, 2]


def test_events_before_the_first_are_not_asked_for(verbs):
    with pytest.raises(InvalidInput, match="numbered from 1"):
        next(iter(verbs.start("total", id="t").events(after=-1)))


# ---- lists


@pytest.fixture
def many(verbs):
    for number in range(7):
        customer = "acme" if number % 2 else "bolt"
        verbs.start("total", number, id=f"t-{number}", attributes={"customer": customer}, memo={"n": number})


def test_a_list_shows_attributes_and_memo(verbs, many):
    found = list(verbs.list("customer = $c", params={"c": "acme"}, order="id asc"))
    assert [(run.id, run.attributes["customer"], run.memo) for run in found] == [
        ("t-1", "acme", {"n": 1}),
        ("t-3", "acme", {"n": 3}),
        ("t-5", "acme", {"n": 5}),
    ]


def test_a_list_goes_on_behind_any_of_its_runs(verbs, many):
    everything = [run.id for run in verbs.list(order="id asc")]
    for number, run in enumerate(verbs.list(order="id asc"), 1):
        rest = [later.id for later in verbs.list(order="id asc", after=run.cursor)]
        assert rest == everything[number:]
        some = [later.id for later in verbs.list(order="id asc", after=run.cursor, limit=2)]
        assert some == everything[number:][:2]


def test_a_list_goes_on_behind_a_run_that_is_gone(verbs, backend, many):
    first = next(verbs.list(order="id asc"))
    backend.complete(first.id)
    verbs.delete(first.id)
    assert next(verbs.list(order="id asc", after=first.cursor)).id == "t-1"


def test_a_list_that_is_resumed_means_the_same_times(verbs, many, backend):
    found = verbs.list("started > -100000h", limit=3)
    *_, last = found
    assert len(list(verbs.list("started > -100000h", after=last.cursor))) == 4


def test_pages_of_a_list_are_read_as_they_are_needed(verbs, backend, monkeypatch):
    monkeypatch.setattr("aion_core.client.listing._PAGE", 2)
    for number in range(5):
        verbs.start("total", id=f"t-{number}")
    everything = [run.id for run in verbs.list(order="id asc")]
    assert everything == [f"t-{number}" for number in range(5)]
    for number, run in enumerate(verbs.list(order="id asc"), 1):
        assert [later.id for later in verbs.list(order="id asc", after=run.cursor)] == everything[number:]


def test_a_cursor_of_another_query_is_refused(verbs, many, monkeypatch):
    monkeypatch.setattr("aion_core.client.listing._PAGE", 2)
    *_, last = verbs.list(order="id asc", limit=4)
    with pytest.raises(StoreRefused, match="another query"):
        list(verbs.list("customer = 'acme'", order="id asc", after=last.cursor))


@pytest.mark.parametrize("cursor", ["", "x", "☃", "e30", 5])
def test_what_is_no_cursor_is_refused(verbs, cursor):
    with pytest.raises(InvalidInput, match="cursor"):
        list(verbs.list(after=cursor))
    with pytest.raises(InvalidInput, match="cursor"):
        next(iter(verbs.subscribe(after=cursor)))


def test_a_limit_is_kept(verbs, many):
    assert len(list(verbs.list(limit=3))) == 3
    assert list(verbs.list(limit=0)) == []
    with pytest.raises(InvalidInput, match="limit"):
        list(verbs.list(limit=-1))


def test_a_query_that_can_not_be_understood_points_at_the_column(verbs):
    for ask in (lambda: list(verbs.list("custumer = 'a'")), lambda: verbs.count("custumer = 'a'")):
        with pytest.raises(InvalidQuery, match="column 1"):
            ask()


def test_counting_takes_the_same_queries(verbs, many):
    assert verbs.count() == 7
    assert verbs.count("customer = $c", {"c": "acme"}) == 3


# ---- the feed


def test_a_subscription_sees_every_event_in_order(verbs, backend):
    run = verbs.start("total", id="t")
    run.signal("approve")
    feed = verbs.subscribe()
    first, second = islice(feed, 2)
    assert (first.id, first.run_id, first.event.type) == ("t", run.run_id, "WorkflowStarted")
    assert second.event.seq == 2
    backend.complete("t")
    assert next(feed).event.type == "WorkflowCompleted"


def test_a_subscription_goes_on_behind_any_event_of_a_commit(verbs, backend):
    run = verbs.signal_with_start("total", signal="a", id="t")
    backend.record("t", *(dict(kind=e.SignalReceived, name=name) for name in "bcd"))
    entries = list(islice(verbs.subscribe(), 5))
    assert [entry.event.seq for entry in entries] == [1, 2, 3, 4, 5]
    backend.complete("t")
    for number, entry in enumerate(entries, 1):
        rest = list(islice(verbs.subscribe(after=entry.cursor), 6 - number))
        assert [later.event.seq for later in rest] == [*range(number + 1, 7)]
        assert {later.run_id for later in rest} == {run.run_id}


def test_a_commit_that_ends_a_run_and_begins_the_next_is_of_both(verbs, backend):
    run = verbs.start("total", id="t")
    following = backend.continue_as_new("t")
    entries = list(islice(verbs.subscribe(), 3))
    assert [entry.run_id for entry in entries] == [run.run_id, run.run_id, following]
    ended = list(islice(verbs.subscribe("status = 'continued_as_new'"), 2))
    assert [entry.event.type for entry in ended] == ["WorkflowStarted", "WorkflowContinuedAsNew"]
    assert next(verbs.subscribe("status = 'running'")).run_id == following


def test_a_subscription_is_to_the_runs_that_match(verbs):
    verbs.start("total", id="a", attributes={"customer": "acme"})
    verbs.start("total", id="b", attributes={"customer": "bolt"})
    verbs.start("total", id="c", attributes={"customer": "acme"})
    found = list(islice(verbs.subscribe("customer = $c", params={"c": "acme"}), 2))
    assert [entry.id for entry in found] == ["a", "c"]


def test_a_subscription_that_was_left_behind_is_told(verbs, backend):
    verbs.start("total", id="t")
    cursor = "0"
    backend.complete("t")
    verbs.delete("t")
    with pytest.raises(CursorTooOld):
        next(iter(verbs.subscribe(after=cursor)))


def test_events_of_a_workflow_that_was_deleted_meanwhile_match_nothing(backend, verbs):
    verbs.start("total", id="t")
    where = parse_condition("type = 'total'", schema=AttributeSchema({}), now=Instant(0))
    backend.store.state = lambda ids: [None for _ in ids]
    found, place = next_entries(backend.store, where, FeedPlace())
    assert (found, str(place) != "0") == ([], True)
