"""`Client` and `AsyncClient`: opened from a configuration, closed once or twice, and never forgotten."""

import asyncio
import gc
from types import SimpleNamespace

import pytest

import aion_core as aion
from aion_core.config import load
from aion_core.memory import MemoryEventStore, MemorySettings
from aion_core.opening.clients import _plain


@pytest.fixture
def config(request):
    place = {"use": "memory", "name": request.node.name}
    return {"event_store": place, "search_attributes": {"customer": "str"}, "limits": {"memo": "1KB"}}


@pytest.fixture
def engine(make_engine, request):
    return make_engine(MemoryEventStore(MemorySettings(name=request.node.name)))


def test_a_client_reads_what_an_engine_recorded(config, engine):
    engine.record("t", start(engine))
    with aion.Client.open(config) as client:
        assert [run.id for run in client.list("customer is null")] == ["t"]
        assert client.handle("t").status() is aion.Status.RUNNING


def start(engine):
    before = SimpleNamespace(summary=SimpleNamespace(type="total", run_id=None))
    return engine.next_run(before, engine.platform.run_id(), engine.values.encode([]))


def test_a_client_keeps_to_the_limits_and_attributes_of_its_configuration(config):
    with aion.Client.open(load(config, stores_only=True)) as client:
        with pytest.raises(aion.LimitExceeded):
            client.start("total", memo={"x": "y" * 2000})
        with pytest.raises(aion.UnknownAttribute):
            client.start("total", attributes={"custumer": "acme"})


def test_a_client_without_an_engine_posts(config):
    with aion.Client.open(config) as client:
        assert client.start("total", id="t").pending


def test_a_client_that_is_closed_serves_nobody(config):
    client = aion.Client.open(config)
    run = client.handle("t")
    client.close()
    client.close()
    for verb in (client.count, run.status, lambda: client.start("total")):
        with pytest.raises(aion.EngineClosed, match="this client is closed"):
            verb()


def test_a_configuration_that_can_not_be_used_opens_nothing():
    with pytest.raises(aion.ConfigError, match="custom"):
        aion.Client.open({"event_store": {"use": "memory", "custom": 1}})
    with pytest.raises(aion.PluginNotFound):
        aion.Client.open({"event_store": {"use": "nowhere"}})


def test_a_separate_visibility_store_is_opened_and_closed_too(config):
    with aion.Client.open(config | {"visibility_store": {"use": "memory"}}) as client:
        assert client.count() == 0


def test_a_client_that_nobody_closed_warns(config):
    forgotten = [aion.Client.open(config)]
    with pytest.warns(ResourceWarning, match="never closed"):
        forgotten.clear()
    gc.collect()


def test_interceptors_see_the_configuration_as_nested_values(config):
    plain = _plain(load(config, stores_only=True))
    assert plain["event_store"]["use"] == "memory"
    assert plain["search_attributes"] == {"customer": "str"}


def test_an_async_client_is_entered(config, engine):
    engine.record("t", start(engine))

    async def program():
        async with aion.AsyncClient.open(config) as client:
            found = [run.id async for run in client.list()]
            assert (await client.handle("t").status()).open
        with pytest.raises(aion.EngineClosed, match="this client is closed"):
            await client.count()
        return found

    assert asyncio.run(program()) == ["t"]


def test_an_async_client_is_awaited_and_closed(config):
    async def program():
        client = await aion.AsyncClient.open(config)
        assert await client is client
        run = await client.start("total", id="t")
        await client.close()
        await client.close()
        return run.pending

    assert asyncio.run(program())


def test_an_async_client_that_was_not_entered_serves_nobody(config):
    async def program():
        with pytest.raises(aion.EngineClosed):
            await aion.AsyncClient.open(config).count()

    asyncio.run(program())


def test_cancelling_an_awaited_start_leaves_it_posted(config):
    async def program():
        async with aion.AsyncClient.open(config) as client:
            starting = asyncio.ensure_future(client.start("total", id="t"))
            await asyncio.sleep(0)
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting
            return (await client.start("total", id="u")).pending

    assert asyncio.run(program())
