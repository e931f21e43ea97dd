"""Stores in files of the test's folder, and other processes that have them, too."""

import pytest
from tests.store_sql.others import Other

import aion_core as aion
from aion_store_sql import SqlEventStore, SqlSettings


@pytest.fixture
def path(tmp_path):
    return tmp_path / "aion.db"


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


@pytest.fixture
def config(url):
    return {"event_store": {"use": "sql", "url": url}}


@pytest.fixture
def store(url):
    """The store, open in this process."""
    with SqlEventStore(SqlSettings(url=url)) as store:
        yield store


@pytest.fixture
def other(url):
    """`other()` is one more process. Those that are left at the end are ended."""
    others = []

    def other():
        others.append(Other(url))
        return others[-1]

    yield other
    for each in others:
        if each.process.poll() is None:
            each.kill()


@pytest.fixture
def opened(config):
    """`opened(...)` is an engine in this process, closed at the end."""
    engines = []

    def opened(*code, **how):
        engines.append(aion.Engine.open(config, workflows=code, **how))
        return engines[-1]

    yield opened
    for each in engines:
        each.close(grace=1)


@pytest.fixture
def place_in():
    """`place_in(database)` is the section of a store there that was just created; emptied when the test is over."""
    rented = []

    def rent(database):
        store = database.rent()
        rented.append((database, store))
        return store.section

    yield rent
    for database, store in rented:
        database.give_back(store)
