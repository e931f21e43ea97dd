"""One SQLite file and several processes: one runs workflows, the others reach them through the file beside it."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.store_sql.programs.work import CODE, collects, parcel

import aion_core as aion
from aion_testkit.builders import engine

PATIENCE = 30


def test_a_run_of_an_engine_elsewhere_is_started_told_and_heard_of(other, config):
    there = other()
    there.does("engine := aion.Engine.open(config, workflows=CODE)")
    with aion.Client.open(config) as client:
        run = client.start(parcel, "a", id="p")
        run.signal("end", "there")
        assert run.result(timeout=PATIENCE) == "a: there"


def test_what_is_posted_while_no_engine_runs_waits_for_the_next(other, opened):
    there = other()
    there.does("client := aion.Client.open(config)")
    there.does("run := client.start(parcel, 'a', id='p')")
    assert there.does("run.pending") == "True"
    there.does("run.signal('end', 'there')")
    there.kill()
    run = opened(*CODE).start(parcel, "a", id="p")
    assert run.result(timeout=PATIENCE) == "a: there"


def test_a_client_of_another_process_reads_what_an_engine_has_left_behind(other, opened):
    opened(*CODE).start(parcel, "a", id="p")
    there = other()
    there.does("client := aion.Client.open(config)")
    assert there.does("[run.id for run in client.list()]") == "['p']"


def test_a_second_engine_names_the_process_that_has_the_file(other, opened):
    there = other()
    there.does("engine := aion.Engine.open(config, workflows=CODE)")
    with pytest.raises(aion.StoreInUse) as refused:
        opened(*CODE)
    assert (refused.value.host, refused.value.pid) == (socket.gethostname(), there.process.pid)


def test_an_engine_that_is_refused_takes_nothing_from_the_one_that_runs(other, opened):
    running = opened(*CODE)
    assert other().does("engine := aion.Engine.open(config, workflows=CODE)").startswith("StoreInUse: ")
    assert running.health().shards == 64


def test_after_a_kill_the_next_engine_owns_everything_at_once(other, opened):
    there = other()
    there.does("engine := aion.Engine.open(config, workflows=CODE)")
    there.does("run := engine.start(parcel, 'a', id='p')")
    there.kill()
    running = opened(*CODE)
    assert running.health().shards == 64


def test_a_run_goes_on_after_its_engine_was_killed(other, opened):
    there = other()
    there.does("engine := aion.Engine.open(config, workflows=CODE)")
    there.does("run := engine.start(parcel, 'a', id='p')")
    there.kill()
    run = opened(*CODE).handle("p")
    run.signal("end", "there")
    assert run.result(timeout=PATIENCE) == "a: there"


def test_an_engine_that_stands_by_takes_over_from_one_that_is_killed(other, opened):
    there = other()
    there.does("engine := aion.Engine.open(config, workflows=CODE)")
    run = opened(*CODE, standby=True).start(parcel, "a", id="p")
    assert not run.pending
    there.kill()
    run.signal("end", "there")
    assert run.result(timeout=PATIENCE) == "a: there"


def test_messages_of_many_processes_all_arrive_each_senders_in_order(other, opened):
    run = opened(*CODE).start(collects, 80, id="c")
    others = {name: other() for name in "abcd"}
    for name, each in others.items():
        each.does("client := aion.Client.open(config)")
        each.does("run := client.handle('c')")
        each.begin(f"[run.signal('item', f'{name}{{number}}') for number in range(20)] and 'sent'")
    assert [each.ended() for each in others.values()] == ["'sent'"] * 4
    items = run.result(timeout=PATIENCE)
    for name in others:
        assert [item for item in items if item[0] == name] == [f"{name}{number}" for number in range(20)]


def test_a_message_that_is_posted_twice_from_outside_is_recorded_once(other, opened):
    run = opened(*CODE).start(collects, 2, id="c")
    there = other()
    there.does("client := aion.Client.open(config)")
    there.does("run := client.handle('c')")
    there.does("run.signal('item', 'first', message_id='m')")
    there.does("run.signal('item', 'first', message_id='m')")
    there.does("run.signal('item', 'second')")
    assert run.result(timeout=PATIENCE) == ["first", "second"]


# ---- waiting


@pytest.fixture
def waits(store):
    """`waits()` is a wait for news that would last much longer than the test's patience."""
    with ThreadPoolExecutor(max_workers=1) as pool:

        def waits():
            pool.submit(store.wait, 0).result()  # all that came before is known to this thread
            return pool.submit(store.wait, 2 * PATIENCE)

        yield waits


def test_who_has_the_file_hears_of_a_message_of_another_process(other, store, waits):
    there = other()
    there.does("client := aion.Client.open(config)")
    store.lease(engine("e1"), 1, 600)
    waiting = waits()
    there.begin("client.start(parcel, 'a', id='p')")
    waiting.result(PATIENCE)


def test_who_reads_the_file_hears_of_what_another_process_writes(other, store, waits):
    there = other()
    waiting = waits()
    there.does("aion.Engine.open(config, workflows=CODE).close()")
    waiting.result(PATIENCE)
