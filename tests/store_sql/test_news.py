"""How processes learn of each other's messages, without asking all the time."""

import threading

import pytest
import sqlalchemy as sa
from tests.databases import SERVERS, postgresql

from aion_store_sql import SqlEventStore, SqlSettings
from aion_store_sql.news import Heard
from aion_testkit import SteppedPlatform
from aion_testkit.builders import message

LONG = 600
PATIENCE = 60


@pytest.fixture(params=[*SERVERS, "pooler"])
def section(request, place_in):
    """Every kind of database, and PostgreSQL behind a pooler."""
    if request.param == "pooler":
        return {**place_in(postgresql()), "pooler": True}
    return place_in(SERVERS[request.param]())


@pytest.fixture
def two(section):
    """Two open stores of one place, as in two processes."""
    with SqlEventStore(SqlSettings(**section)) as one, SqlEventStore(SqlSettings(**section)) as other:
        yield one, other


def waits(store):
    """A thread that waits for news, and has seen all that there were."""
    if isinstance(store._place._news, Heard):
        store.wait(PATIENCE)  # until its listener listens, which is news
    ready = threading.Event()

    def wait():
        store.wait(0)
        ready.set()
        store.wait(LONG)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    ready.wait()
    return thread


def has_ended(thread):
    thread.join(PATIENCE)
    return not thread.is_alive()


def test_a_message_of_another_process_ends_a_wait(two):
    one, other = two
    waiter = waits(one)
    other.post([message("order-1", "m-1")])
    assert has_ended(waiter)


def test_a_message_of_this_process_ends_a_wait(two):
    one, _ = two
    waiter = waits(one)
    one.post([message("order-1", "m-1")])
    assert has_ended(waiter)


def test_closing_the_store_ends_a_wait_for_news(place_in):
    store = SqlEventStore(SqlSettings(**place_in(postgresql())))
    store.open()
    waiter = waits(store)
    store.close()
    assert has_ended(waiter)


def test_a_listener_that_lost_its_connection_hears_again(place_in):
    section = place_in(postgresql())
    with SqlEventStore(SqlSettings(**section)) as one, SqlEventStore(SqlSettings(**section)) as other:
        waiter = waits(one)
        with postgresql().engine.connect() as connection:
            ended = connection.execute(
                sa.text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
            ).all()
        assert ended
        assert has_ended(waiter)
        again = waits(one)
        other.post([message("order-1", "m-1")])
        assert has_ended(again)


class Counted:
    """A database that counts the notifications."""

    def __init__(self):
        self.sent = 0

    def read(self, work):
        self.sent += 1


@pytest.fixture
def platform():
    return SteppedPlatform()


@pytest.fixture
def database():
    return Counted()


@pytest.fixture
def heard(database, platform):
    heard = Heard(database, platform)
    heard.open("store")
    yield heard
    heard.close()


def test_the_first_news_are_told_at_once(heard, database):
    assert heard._speak([None]) is None
    assert database.sent == 1


def test_news_that_follow_closely_are_told_together(heard, database, platform):
    heard._speak([None])
    due = heard._speak([None, None])
    assert heard._speak([None]) == due
    assert database.sent == 1
    platform.advance(due)
    assert heard._speak([]) is None
    assert database.sent == 2
