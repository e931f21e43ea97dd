"""Clients: another program, which reaches workflows through the store's inbox and hears what became of it."""

import os
import socket

import pytest
from tests.engine.programs.orders import Order, parcel, sleeper, total
from tests.engine.programs.talking import Add, adder, waiting

import aion_core as aion

CODE = (parcel, sleeper, total, adder, waiting)


@pytest.fixture
def client(engine, house):
    """A client beside the engine."""
    return house.client()


def kinds(run):
    return [event.type for event in run.history()]


def test_a_client_starts_a_workflow_and_waits_for_its_result(client):
    run = client.start(total, Order("1", 100), id="t")
    assert run.result(timeout=20) == 100
    assert (run.created, run.pending) == (True, False)


def test_a_client_gets_the_run_that_was_there(client, engine):
    first = engine.start(parcel, "a", id="p")
    again = client.start(parcel, "a", id="p")
    assert (again.run_id, again.created) == (first.run_id, False)


def test_a_client_hears_of_a_conflict(client, engine):
    first = engine.start(parcel, "a", id="p")
    with pytest.raises(aion.WorkflowIdConflict, match="another type") as refused:
        client.start(parcel, "b", id="p")
    assert refused.value.run_id == first.run_id


def test_a_client_hears_of_an_unknown_workflow(client):
    with pytest.raises(aion.UnknownWorkflow, match="parcel"):
        client.start("unheard-of", id="u")
    assert client.count() == 0


def test_a_clients_request_sent_twice_is_taken_once(client, engine):
    one = client.start(parcel, "a", id="p", request_id="r", policy="restart")
    assert client.start(parcel, "a", id="p", request_id="r", policy="restart").run_id == one.run_id
    assert engine.start(parcel, "a", id="p", request_id="r", policy="restart").run_id == one.run_id


def test_a_clients_signals_arrive_once_and_in_order(client):
    run = client.start(adder, 20, id="s")
    for number in range(20):
        run.signal(Add, number, message_id=str(number))
        run.signal(Add, number, message_id=str(number))
    assert run.result(timeout=30) == list(range(20))
    assert kinds(run).count("SignalReceived") == 20


def test_a_client_and_an_engine_share_message_ids(client, engine):
    run = engine.start(adder, 2, id="s")
    client.handle("s").signal(Add, 1, message_id="one")
    run.signal(Add, 1, message_id="one")
    run.signal(Add, 2)
    assert run.result(timeout=20) == [1, 2]


def test_a_clients_signal_to_a_closed_run_is_refused(client, engine):
    engine.start(total, Order("1"), id="t").result(timeout=20)
    with pytest.raises(aion.WorkflowClosed, match="completed"):
        client.handle("t").signal("x")
    with pytest.raises(aion.WorkflowNotFound):
        client.handle("nobody").signal("x")


def test_a_client_starts_with_a_signal(client):
    run = client.signal_with_start(parcel, "a", signal="end", value="there", id="p")
    assert run.result(timeout=20) == "a: there"


def test_a_client_asks(client, engine):
    engine.start(waiting, "timer", id="w")
    run = client.handle("w")
    before = run.history()
    assert run.query("status") == "waits for timer"
    assert run.query("echo", "hello", 2) == ["hello", "hello"]
    with pytest.raises(aion.UnknownHandler) as unknown:
        run.query("state")
    assert "status" in unknown.value.known
    with pytest.raises(aion.QueryFailed, match="not on this shelf"):
        run.query("fails")
    assert "waiting" in run.stack()
    assert run.history() == before


def test_a_client_cancels_and_terminates(client, engine):
    engine.start(sleeper, id="a")
    engine.start(sleeper, id="b")
    client.handle("a").cancel("enough")
    client.handle("b").terminate("at once")
    with pytest.raises(aion.WorkflowCancelled, match="enough"):
        client.handle("a").result(timeout=20)
    with pytest.raises(aion.WorkflowTerminated, match="at once"):
        client.handle("b").result(timeout=20)
    with pytest.raises(aion.WorkflowClosed):
        client.handle("a").cancel()


def test_a_client_reads_what_an_engine_recorded(client, engine, within):
    run = engine.start(total, Order("1"), id="t")
    run.result(timeout=20)
    assert client.handle("t").history() == run.history()
    assert client.handle("t").describe() == run.describe()
    assert [summary.id for summary in client.list("type = 'total'")] == ["t"]
    assert [event.type for event in client.handle("t").events()] == ["WorkflowStarted", "WorkflowCompleted"]
    assert within(next, client.subscribe()).id == "t"


def test_a_client_deletes(client, engine):
    engine.start(total, Order("1"), id="t").result(timeout=20)
    engine.start(sleeper, id="s")
    client.delete("t")
    with pytest.raises(aion.WorkflowOpen):
        client.delete("s")
    assert [summary.id for summary in client.list()] == ["s"]


def test_what_a_client_posted_without_an_engine_is_done_when_there_is_one(house):
    client = house.client()
    run = client.start(parcel, "a", id="p", request_id="r")
    run.signal("end", "there", message_id="m")
    assert run.pending
    with pytest.raises(aion.WaitTimeout):
        run.result(timeout=0.05)
    house.open(*CODE)
    assert run.result(timeout=20) == "a: there"


@pytest.mark.shared_store(True)
def test_two_engines_share_the_work_and_either_reaches_all(house):
    one, other = house.open(*CODE), house.open(*CODE)
    runs = [one.start(parcel, str(number), id=f"p{number}") for number in range(20)]
    for run in runs:
        other.handle(run.id).signal("end", "there", message_id="m")
    assert [other.handle(run.id).result(timeout=60) for run in runs] == [f"{n}: there" for n in range(20)]


@pytest.mark.shared_store(False)
def test_a_second_engine_on_a_store_for_one_hears_who_has_it(house):
    house.open(*CODE)
    with pytest.raises(aion.StoreInUse) as refused:
        house.open(*CODE)
    assert (refused.value.host, refused.value.pid) == (socket.gethostname(), os.getpid())


@pytest.mark.shared_store(False)
def test_an_engine_that_stands_by_takes_over_and_knows_the_runs_it_had(house):
    first = house.open(*CODE)
    second = house.open(*CODE, standby=True)
    run = second.start(parcel, "a", id="p")
    assert second.health().standby
    first.close()
    run.signal("end", "there")
    assert run.result(timeout=20) == "a: there"
    assert not second.health().standby
