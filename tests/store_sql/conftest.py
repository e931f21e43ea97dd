import pytest


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
