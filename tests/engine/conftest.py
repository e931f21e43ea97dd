"""The fixtures of behaviour: every test runs on every store and runtime, with workflows in memory and without."""

import concurrent.futures
import os
import threading

import pytest
from tests.engine.houses import PLACES, RESIDENT, RUNTIMES, House, ways
from tests.engine.programs import gates

NIGHTLY = os.environ.get("AION_TEST_PROFILE") == "nightly"


def pytest_generate_tests(metafunc):
    if "store" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("shared_store")
        shared = marker.args[0] if marker else None
        pairs = ways(metafunc.definition.originalname, nightly=NIGHTLY, shared=shared)
        if metafunc.definition.get_closest_marker("runtime_only"):
            pairs = [("memory", "resident")]
        metafunc.parametrize(("store", "resident"), pairs, indirect=True)


@pytest.fixture
def store(request, tmp_path):
    """Where histories are."""
    return PLACES[request.param](tmp_path)


@pytest.fixture(params=RUNTIMES)
def runtime(request):
    """What runs the code."""
    return RUNTIMES[request.param]


@pytest.fixture
def resident(request):
    """How many workflows are kept in memory."""
    return RESIDENT[request.param]


@pytest.fixture
def house(store, runtime, resident):
    """Engines and clients over one store. At the end every history is checked, and replayed."""
    house = House(store, runtime, resident)
    yield house
    gates.open_all()
    wrong = list(house.leave())
    gates.forget_all()
    assert wrong == []


@pytest.fixture
def engine(house, request):
    """An engine with the test module's `CODE`, and the sections `SETTINGS` of its configuration."""
    module = request.module
    return house.open(*module.CODE, **getattr(module, "SETTINGS", {}))


@pytest.fixture
def gate():
    """`gate(name)` is where bodies of activities come by."""
    return gates.gate


@pytest.fixture
def within():
    """`within(call)` is what the call gives; one that does not return fails the test."""

    def within(call, *args, **kwargs):
        future = concurrent.futures.Future()

        def run():
            try:
                future.set_result(call(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return future.result(gates.PATIENCE)

    return within


@pytest.fixture
def until(within):
    """`until(run, "TimerStarted", 2)` waits until the run has two of these events; the last of them."""

    def until(run, kind, times=1):
        def look():
            left = times
            for event in run.events():
                left -= event.type == kind
                if left == 0:
                    return event
            raise AssertionError(f"the run has ended without {times} {kind}:\n{run.history()}")

        return within(look)

    return until
