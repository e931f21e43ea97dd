"""Stores that several processes reach: a file, and the servers that run here."""

import pytest
from tests.databases import SERVERS


@pytest.fixture(scope="module", params=["sqlite", *SERVERS])
def kind(request):
    """Which database."""
    return request.param


@pytest.fixture(scope="module")
def section(kind, tmp_path_factory):
    """The `[event_store]` of a new store, for all tests of a module."""
    if kind == "sqlite":
        yield {"use": "sql", "url": f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/aion.db"}
        return
    database = SERVERS[kind]()
    store = database.rent()
    yield {"use": "sql", **store.section}
    database.give_back(store)
