import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest

import aion_core as aion
from aion_core.model import events as e


@dataclass
class Order:
    id: str


Approve = aion.Signal[bool]("approve")
Note = aion.Signal("note", str)
Maybe = aion.Signal[int | None]("maybe")
Wake = aion.Signal[None]("wake")


def test_receive_gives_the_signals_of_a_name_in_order_early_ones_included(start):
    @aion.workflow
    async def reader() -> list[str]:
        await aion.receive("go")
        return [await aion.receive("line", str) for _ in range(3)]

    run = start(reader)
    run.signal("line", "a")
    run.signal("other", "x")
    run.signal("line", "b")
    run.signal("go")
    run.signal("line", "c")
    assert run.result == ["a", "b", "c"]


def test_a_value_is_decoded_as_the_type(start):
    @aion.workflow
    async def reader() -> str:
        order = await aion.receive("order", Order)
        orders = await aion.receive("orders", list[Order])
        return order.id + orders[0].id

    run = start(reader)
    run.signal("order", {"id": "1", "more": 2})
    run.signal("orders", [{"id": "2"}])
    assert run.result == "12"


def test_without_a_type_it_is_what_json_makes_of_it(start):
    @aion.workflow
    async def reader() -> object:
        return await aion.receive("order")

    run = start(reader)
    run.signal("order", Order("1"))
    assert run.result == {"id": "1"}


def test_a_signal_that_can_not_be_decoded_is_consumed_and_raises(start):
    @aion.workflow
    async def reader() -> list[object]:
        try:
            await aion.receive("approve", bool)
        except aion.PayloadError as error:
            return [str(error), await aion.receive("approve", bool)]
        return []

    run = start(reader)
    run.signal("approve", "false")
    run.signal("approve", True)
    message, approved = run.result
    assert "signal approve" in message
    assert "bool" in message
    assert approved is True


def test_a_timeout_that_passes_raises_and_consumes_nothing(start):
    @aion.workflow
    async def reader() -> str:
        try:
            await aion.receive("line", str, timeout=timedelta(seconds=5))
        except aion.WaitTimeout as error:
            assert isinstance(error, TimeoutError)
            assert "line" in str(error)
        await aion.receive("go")
        return await aion.receive("line", str)

    run = start(reader)
    run.fire()
    run.signal("line", "late")
    run.signal("go")
    assert run.result == "late"


def test_a_signal_in_time_cancels_the_timer_of_the_timeout(start):
    @aion.workflow
    async def reader() -> str:
        line = await aion.receive("line", str, timeout=5)
        await aion.receive("go")
        return line

    run = start(reader)
    run.signal("line", "in time")
    assert len(run.events(e.TimerCancelled)) == 1
    run.signal("go")
    assert run.result == "in time"


@pytest.mark.parametrize("default", [None, "nobody"])
def test_a_default_is_given_in_place_of_the_timeout(start, default):
    @aion.workflow
    async def reader() -> str | None:
        return await aion.receive("line", str, timeout=5, default=default)

    run = start(reader)
    run.fire()
    assert run.result == default


def test_no_time_takes_what_is_there_and_waits_for_nothing(start):
    @aion.workflow
    async def reader() -> list[object]:
        await aion.receive("go")
        there = await aion.receive("line", str, timeout=0)
        with pytest.raises(aion.WaitTimeout):
            await aion.receive("line", str, timeout=0)
        return [there, await aion.receive("line", str, timeout=0, default=None)]

    run = start(reader)
    run.signal("line", "a")
    run.signal("go")
    assert run.result == ["a", None]
    assert run.events(e.TimerStarted) == []


def test_a_cancelled_receive_has_consumed_nothing(start):
    @aion.workflow
    async def reader() -> str:
        waiting = asyncio.create_task(aion.receive("line", str))
        await aion.receive("go")
        waiting.cancel()
        return await aion.receive("line", str)

    run = start(reader)
    run.signal("go")
    run.signal("line", "a")
    assert run.result == "a"


@pytest.mark.parametrize("timeout", [-1, "1d", float("nan")])
def test_a_timeout_that_can_not_be_meant_is_refused(start, timeout):
    @aion.workflow
    async def reader():
        await aion.receive("line", str, timeout=timeout)

    assert start(reader).failure.type == "InvalidTime"


def test_an_infinite_timeout_is_none(start):
    @aion.workflow
    async def reader():
        await aion.receive("line", str, timeout=float("inf"))

    assert start(reader).events(e.TimerStarted) == []


@pytest.mark.parametrize("name", ["", 7, None])
def test_a_signal_without_a_name_is_a_type_error(start, name):
    @aion.workflow
    async def reader():
        await aion.receive(name)

    assert start(reader).failure.type == "TypeError"


def test_a_plain_workflow_receives_without_await(start):
    @aion.workflow
    def reader() -> list[object]:
        first = aion.receive("line", str)
        return [first, aion.await_(Note.receive(timeout=1, default=None))]

    run = start(reader)
    run.signal("line", "a")
    run.fire()
    assert run.result == ["a", None]


def test_what_a_plain_workflow_can_not_decode_raises_there(start):
    @aion.workflow
    def reader() -> str:
        try:
            aion.receive("line", int)
        except aion.PayloadError:
            return "caught"
        return ""

    run = start(reader)
    run.signal("line", "a")
    assert run.result == "caught"


# ---- references


def test_a_reference_has_its_type_in_brackets_or_as_an_argument(start):
    @aion.workflow
    async def reader() -> list[object]:
        await aion.receive("go")
        return [await Approve.receive(), await aion.receive(Note), await Maybe.receive(), await Wake.receive()]

    run = start(reader)
    for name, value in [("approve", True), ("note", "x"), ("maybe", None), ("wake", None), ("go", None)]:
        run.signal(name, value)
    assert run.result == [True, "x", None, None]


def test_a_reference_decodes_strictly(start):
    @aion.workflow
    async def reader():
        await Approve.receive()

    run = start(reader)
    run.signal("approve", 1)
    assert run.failure.type == "PayloadError"


def test_a_reference_takes_a_timeout_and_a_default(start):
    @aion.workflow
    async def reader() -> object:
        with pytest.raises(aion.WaitTimeout):
            await Approve.receive(timeout=0)
        return await aion.receive(Approve, timeout=5, default="never")

    run = start(reader)
    run.fire()
    assert run.result == "never"


def test_a_reference_without_a_type_is_a_type_error():
    with pytest.raises(TypeError, match=r"aion.Signal\[bool\]\('approve'\)"):
        aion.Signal("approve")


@pytest.mark.parametrize("name", ["", 7, None])
def test_a_reference_without_a_name_is_a_type_error(name):
    with pytest.raises(TypeError):
        aion.Signal[bool](name)


def test_a_reference_that_is_received_as_another_type_is_a_type_error(start):
    @aion.workflow
    async def reader():
        await aion.receive(Approve, str)

    assert start(reader).failure.type == "TypeError"


# ---- handlers


class Cart:
    def __init__(self):
        self.items = []

    def add(self, item: str):
        self.items.append(item)


def test_a_handler_gets_every_signal_of_its_name_early_ones_first(start):
    @aion.workflow
    async def shop() -> list[str]:
        items = []
        await aion.receive("open")

        @aion.signal
        def add(item: str):
            items.append(item)

        await aion.receive("close")
        return items

    run = start(shop)
    run.signal("add", "a")
    run.signal("add", "b")
    run.signal("open")
    run.signal("add", "c")
    run.signal("close")
    assert run.result == ["a", "b", "c"]


@pytest.mark.parametrize(
    "register",
    [
        lambda cart: aion.signal(cart.add, name="put"),
        lambda cart: aion.signal(name="put")(cart.add),
        lambda cart: aion.signal("put")(cart.add),
        lambda cart: aion.signal(partial(cart.add), name="put"),
        lambda cart: aion.Signal("put", str).handler(cart.add),
    ],
)
def test_any_callable_handles_by_a_name(start, register):
    @aion.workflow
    async def shop() -> list[str]:
        cart = Cart()
        register(cart)
        await aion.receive("close")
        return cart.items

    run = start(shop)
    run.signal("put", "a")
    run.signal("close")
    assert run.result == ["a"]


def test_a_bound_method_handles_by_its_own_name(start):
    @aion.workflow
    async def shop() -> list[str]:
        cart = Cart()
        aion.signal(cart.add)
        await aion.receive("close")
        return cart.items

    run = start(shop)
    run.signal("add", "a")
    run.signal("close")
    assert run.result == ["a"]


def test_a_handler_may_await_and_may_take_nothing(start):
    @aion.workflow
    async def shop() -> int:
        count = 0

        @aion.signal
        async def wake():
            nonlocal count
            await aion.sleep(1)
            count += 1

        await aion.wait_until(lambda: count == 1)
        return count

    run = start(shop)
    run.signal("wake", "ignored")
    run.fire()
    assert run.result == 1


def test_the_type_of_a_reference_is_that_of_its_handlers_values(start):
    @aion.workflow
    async def shop() -> object:
        seen = []
        aion.Signal("order", Order).handler(lambda order: seen.append(order.id))
        await aion.wait_until(lambda: seen)
        return seen

    run = start(shop)
    run.signal("order", {"id": "7"})
    assert run.result == ["7"]


def test_what_a_handler_raises_fails_the_workflow(start):
    @aion.workflow
    async def shop():
        @aion.signal
        def add(item: str):
            raise KeyError(item)

        await aion.receive("close")

    run = start(shop)
    run.signal("add", "a")
    assert not run.closed
    run.signal("close")
    assert run.failure.type == "KeyError"


def test_a_value_that_does_not_fit_fails_like_an_error_of_the_handler(start):
    @aion.workflow
    async def shop():
        aion.signal(Cart().add)
        await aion.receive("close")

    run = start(shop)
    run.signal("add", 7)
    run.signal("close")
    assert run.failure.type == "PayloadError"


@pytest.mark.parametrize("timeout", [None, 0, 5])
def test_receiving_what_is_handled_is_a_value_error(start, timeout):
    @aion.workflow
    async def shop():
        aion.signal(Cart().add)
        await aion.receive("add", timeout=timeout)

    assert start(shop).failure.type == "ValueError"


def test_handling_what_is_received_is_a_value_error(start):
    @aion.workflow
    async def shop():
        await aion.receive("add", timeout=0, default=None)
        aion.signal(Cart().add)

    assert start(shop).failure.type == "ValueError"


@pytest.mark.parametrize("handler", [lambda: None, 7, lambda a, b: None])
def test_what_can_not_handle_a_signal_is_a_type_error(start, handler):
    @aion.workflow
    async def shop():
        aion.signal(handler, name="x" if callable(handler) and handler.__code__.co_argcount else None)

    assert start(shop).failure.type == "TypeError"
