"""The main function that the machine is given."""

import pytest

import aion_core as aion
from aion_core.authoring.context import Surroundings
from aion_core.codec import Values
from aion_core.machine import WorkflowLoop, WorkflowRun
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.attributes import AttributeSchema
from aion_core.model.limits import Limits
from aion_core.model.payloads import EMPTY, json_payload
from aion_core.spi import Interceptor
from aion_core.worker.main import main_of

VALUES = Values()


@aion.workflow
async def double(n: int, *, plus: int = 0) -> int:
    return 2 * n + plus


@aion.workflow
def plain(n: int) -> int:
    return 2 * n


@aion.workflow
async def nothing():
    pass


@aion.workflow
async def unwritable():
    return object()


def end(workflow, text=b"[]", *, interceptors=()):
    around = Surroundings(values=VALUES, limits=Limits(), attributes=AttributeSchema(), noted_activity=lambda _: None)
    started = e.WorkflowStarted(
        seq=1, at=1, run_id="r1", workflow_type=workflow.name, version="env:1", python="3.11", machine=1,
        input=json_payload(text), headers={"user": json_payload(b'"me"')},
    )  # fmt: skip
    with WorkflowLoop() as loop:
        run = WorkflowRun(loop, main_of(workflow, VALUES, interceptors), workflow_id="w", surroundings=around)
        [command] = run.apply(started)
    return command


@pytest.mark.parametrize(
    ("workflow", "text", "result"),
    [
        (double, b"[3]", b"6"),
        (double, b'{"args": [3], "kwargs": {"plus": 1}}', b"7"),
        (plain, b"[3]", b"6"),
    ],
)
def test_input_is_decoded_and_the_result_encoded(workflow, text, result):
    assert end(workflow, text) == c.CompleteWorkflow(result=json_payload(result))


def test_no_result_is_the_empty_payload():
    assert end(nothing).result is EMPTY


@pytest.mark.parametrize(("workflow", "text"), [(double, b'["3"]'), (plain, b"[1, 2]"), (unwritable, b"[]")])
def test_what_can_not_be_decoded_or_encoded_fails_the_run(workflow, text):
    assert end(workflow, text).failure.type == "PayloadError"


@pytest.mark.parametrize("workflow", [double, plain])
def test_interceptors_see_the_whole_main_task_the_first_outermost(workflow):
    seen = []

    class Seeing(Interceptor):
        def __init__(self, name):
            self.name = name

        async def run_workflow(self, call, proceed):
            seen.append((self.name, call.workflow_id, call.run_id, call.workflow_type, call.attempt, call.replaying))
            assert call.headers["user"].content == b'"me"'
            try:
                return await proceed(call)
            finally:
                seen.append(self.name)

    command = end(workflow, b"[3]", interceptors=(Seeing("outer"), Interceptor(), Seeing("inner")))
    assert command.result.content == b"6"
    call = ("w", "r1", workflow.name, 1, False)
    assert seen == [("outer", *call), ("inner", *call), "inner", "outer"]


def test_interceptors_see_that_the_input_does_not_fit():
    seen = []

    class Seeing(Interceptor):
        async def run_workflow(self, call, proceed):
            try:
                return await proceed(call)
            except Exception as error:
                seen.append(type(error))
                raise

    end(double, b'["3"]', interceptors=(Seeing(),))
    assert seen == [aion.PayloadError]
