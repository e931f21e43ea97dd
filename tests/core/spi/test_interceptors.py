from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest
from attrs import evolve

from aion_core.spi import Interceptor, RunActivity, StartWorkflow, json_payload
from aion_core.spi.interceptors import chain, without_loop

START = StartWorkflow(workflow_id="order-42", workflow_type="checkout")
RUN = RunActivity(workflow_id="order-42", run_id="r", activity_type="charge", queue="default", attempt=1)


class Noting(Interceptor):
    def __init__(self, name, log):
        self.name, self.log = name, log

    def start(self, call, proceed):
        self.log.append(f"{self.name} before")
        headers = {**call.headers, self.name: json_payload(b"1")}
        result = proceed(evolve(call, headers=headers))
        self.log.append(f"{self.name} after")
        return result

    async def run_activity(self, call, proceed):
        self.log.append(f"{self.name} before")
        try:
            return await proceed(call)
        finally:
            self.log.append(f"{self.name} after")


def test_the_first_interceptor_is_outermost_and_each_sees_the_headers_of_those_outside():
    log: list[str] = []
    calls: list[StartWorkflow] = []

    def send(call):
        calls.append(call)
        return 7

    assert chain([Noting("a", log), Noting("b", log)], Interceptor.start, send)(START) == 7
    assert log == ["a before", "b before", "b after", "a after"]
    assert list(calls[0].headers) == ["a", "b"]
    assert START.headers == {}


def test_without_an_interceptor_of_the_verb_the_function_itself_is_called():
    def send(call): ...

    assert chain((), Interceptor.start, send) is send
    assert chain([Interceptor(), Noting("a", [])], Interceptor.signal, send) is send


@pytest.mark.parametrize("verb", [name for name in vars(Interceptor) if not name.startswith("_")])
def test_every_method_passes_call_and_result_through_unless_overridden(verb):
    async def later(call):
        return call

    method = getattr(Interceptor(), verb)
    if asyncio.iscoroutinefunction(method):
        assert without_loop(method(START, later)) is START
    else:
        assert method(START, lambda call: call) is START


def test_an_exception_passes_through_the_chain():
    log: list[str] = []

    async def body(call):
        raise KeyError("body")

    with pytest.raises(KeyError, match="body"):
        asyncio.run(chain([Noting("a", log)], Interceptor.run_activity, body)(RUN))
    assert log == ["a before", "a after"]


def test_a_plain_function_runs_inside_run_activity_without_a_loop_and_sees_its_context():
    tenant: ContextVar[str] = ContextVar("tenant", default="none")

    class Tenant(Interceptor):
        async def run_activity(self, call, proceed):
            tenant.set("acme")
            return await proceed(call)

    async def body(call):
        return tenant.get()

    assert without_loop(chain([Tenant()], Interceptor.run_activity, body)(RUN)) == "acme"


def test_an_interceptor_that_waits_around_a_plain_function_is_told_so_and_left():
    left: list[str] = []

    class Waiting(Interceptor):
        async def run_activity(self, call, proceed):
            try:
                await asyncio.sleep(0)
            finally:
                left.append("yes")
            return await proceed(call)

    async def body(call): ...

    with pytest.raises(TypeError, match="awaited something other than `proceed`") as caught:
        without_loop(chain([Waiting()], Interceptor.run_activity, body)(RUN))
    assert left == ["yes"], "although the error's traceback still holds the frame"
    assert caught.value
