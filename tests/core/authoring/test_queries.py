from dataclasses import dataclass
from functools import partial

import pytest

import aion_core as aion
from aion_core.model.payloads import EMPTY
from aion_core.spi import Interceptor

State = aion.Query[[], str]("status")
Find = aion.Query[[str, int], list[str]]("find")


@dataclass
class Item:
    sku: str


class Cart:
    def __init__(self):
        self.items = ["a"]

    def total(self) -> int:
        return len(self.items)


def test_a_query_sees_the_state_between_turns_and_after_the_end(start):
    @aion.workflow
    async def shop():
        state = "begun"

        @aion.query
        def status() -> str:
            return state

        await aion.receive("go")
        state = "over"

    run = start(shop)
    assert run.query("status") == "begun"
    run.signal("go")
    assert run.closed
    assert run.query("status") == "over"


@pytest.mark.parametrize(
    ("register", "name"),
    [
        (lambda cart: aion.query(cart.total), "total"),
        (lambda cart: aion.query(cart.total, name="sum"), "sum"),
        (lambda cart: aion.query(name="sum")(cart.total), "sum"),
        (lambda cart: aion.query("sum")(cart.total), "sum"),
        (lambda cart: aion.query(partial(cart.total), name="sum"), "sum"),
        (lambda cart: aion.query(lambda: cart.total(), name="sum"), "sum"),  # noqa: PLW0108  # it has no name
        (lambda cart: aion.Query[[], int]("sum").handler(cart.total), "sum"),
    ],
)
def test_any_callable_answers_by_a_name(start, register, name):
    @aion.workflow
    async def shop():
        register(Cart())
        await aion.receive("go")

    assert start(shop).query(name) == 1


def test_arguments_are_decoded_as_annotated(start):
    @aion.workflow
    async def shop():
        @aion.query
        def find(item: Item, count: int = 2) -> list[str]:
            return [item.sku] * count

        await aion.receive("go")

    run = start(shop)
    assert run.query("find", {"sku": "x"}) == ["x", "x"]
    with pytest.raises(aion.PayloadError, match="count"):
        run.query("find", {"sku": "x"}, "3")


def test_a_decorated_function_can_still_be_called(start):
    @aion.workflow
    async def shop() -> str:
        @aion.query
        def status() -> str:
            return "fine"

        return status() + status.name

    assert start(shop).result == "finestatus"


def test_what_gives_nothing_answers_with_none(start):
    @aion.workflow
    async def shop():
        aion.query(lambda: None, name="nothing")
        await aion.receive("go")

    assert start(shop).run.query("nothing", EMPTY.__class__(json=b"[]")) is EMPTY


def test_a_query_that_records_fails_its_caller_only(start):
    @aion.workflow
    async def shop() -> str:
        aion.query(lambda: aion.set_memo(x=1), name="record")
        aion.query(aion.random, name="draw")
        aion.query(lambda: aion.sleep(1), name="wait")
        aion.query(lambda: aion.receive("go", timeout=0), name="take")
        aion.query(lambda: aion.query(Cart().total), name="register")
        return await aion.receive("go", str)

    run = start(shop)
    for name in ("record", "draw", "wait", "take", "register"):
        with pytest.raises(aion.ReadOnlyViolation):
            run.query(name)
    run.signal("go", "on")
    assert run.result == "on"


def test_a_query_may_look_at_the_run(start):
    @aion.workflow
    async def shop():
        aion.query(lambda: [aion.info().workflow_id, aion.now()], name="look")
        await aion.receive("go")

    run = start(shop)
    assert run.query("look") == ["order-42", run.now.isoformat()]


def test_a_query_is_seen_by_interceptors(start):
    seen = []

    class Seeing(Interceptor):
        def handle_query(self, call, proceed):
            seen.append((call.name, call.workflow_id, call.run_id))
            return proceed(call)

    @aion.workflow
    async def shop():
        aion.query(Cart().total)
        await aion.receive("go")

    assert start(shop, interceptors=(Seeing(),)).query("total") == 1
    assert seen == [("total", "order-42", "r1")]


def test_an_async_function_can_not_answer(start):
    @aion.workflow
    async def shop():
        @aion.query
        async def status() -> str:
            return ""

    assert start(shop).failure.type == "TypeError"


@pytest.mark.parametrize("bad", [7, lambda: 1, partial(int)])
def test_what_has_no_name_can_not_answer(start, bad):
    @aion.workflow
    async def shop():
        aion.query(bad)

    assert start(shop).failure.type == "TypeError"


def test_a_reference_knows_the_type_of_its_answers():
    assert State.returns is str
    assert Find.returns == list[str]
    assert aion.Query("untyped").returns is not str


def test_a_reference_can_not_be_called():
    with pytest.raises(TypeError, match=r"run\.query"):
        State()


def test_a_reference_needs_a_name():
    with pytest.raises(TypeError):
        aion.Query[[], str]("")
