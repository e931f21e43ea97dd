import logging

import pytest

import aion_core as aion
from aion_core.authoring.activity_context import ActivityContext, running
from aion_core.codec import Values
from aion_core.model import events as e
from aion_core.model.limits import Limits
from aion_core.model.times import as_datetime
from aion_core.spi.runtime import ActivityTask

TASK = ActivityTask(
    task_id="task-1",
    workflow_id="order-42",
    run_id="r1",
    workflow_type="shop",
    version="v1",
    ordinal=1,
    attempt=2,
    activity_type="charge",
    idempotency_key="key",
)


def test_attributes_are_set_and_unset(start):
    @aion.workflow
    async def shop():
        aion.set_attributes(customer="acme", total=3)
        aion.set_attributes(total=None)

    [first, second] = start(shop).events(e.SearchAttributesUpdated)
    assert {name: it.value for name, it in first.attributes.items()} == {"customer": "acme", "total": 3}
    assert second.attributes == {"total": None}


@pytest.mark.parametrize(
    ("values", "error"), [({"nobody": 1}, "UnknownAttribute"), ({"customer": "a", "total": "3"}, "InvalidAttribute")]
)
def test_attributes_that_do_not_fit_the_declared_ones_are_refused_and_none_is_set(start, values, error):
    @aion.workflow
    async def shop():
        aion.set_attributes(**values)

    run = start(shop)
    assert run.failure.type == error
    assert run.events(e.SearchAttributesUpdated) == []


def test_a_memo_holds_values_of_any_form(start):
    @aion.workflow
    async def shop():
        aion.set_memo(done=3, of={"x": [1]}, note=None)

    [memo] = start(shop).events(e.MemoUpdated)
    assert memo.memo["done"].content == b"3"
    assert memo.memo["of"].content == b'{"x":[1]}'
    assert memo.memo["note"] is None


def test_a_memo_over_the_limit_is_refused(start):
    @aion.workflow
    async def shop():
        aion.set_memo(note="x" * 100)

    assert start(shop, limits=Limits(memo=50)).failure.type == "LimitExceeded"


def test_info_tells_who_the_run_is(start):
    seen = []

    @aion.workflow
    async def shop():
        seen.append(aion.info())
        await aion.receive("go")
        seen.append(aion.info())

    run = start(shop)
    begun = as_datetime(run.clock)
    run.signal("go")
    first, second = seen
    assert (first.workflow_id, first.run_id, first.workflow_type) == ("order-42", "r1", "shop")
    assert (first.started_at, first.attempt, first.parent) == (begun, 1, None)
    assert second.history_length > first.history_length


# ---- the log


def test_a_line_is_logged_once_whatever_is_replayed(start, caplog):
    @aion.workflow
    async def shop():
        aion.log.info("begun %d", 1)
        await aion.receive("go")

    with caplog.at_level(logging.INFO, "aion.workflow"):
        run = start(shop)
        run.replayed()
    assert [record.getMessage() for record in caplog.records] == ["begun 1"]


def test_a_line_has_the_ids_and_the_place_of_the_code(start, caplog):
    @aion.workflow
    async def shop():
        aion.log.warning("hm", extra={"order": 7})

    start(shop)
    [record] = caplog.records
    assert record.name == "aion.workflow"
    assert (record.workflow_id, record.run_id, record.workflow_type, record.order) == ("order-42", "r1", "shop", 7)
    assert (record.filename, record.funcName) == ("test_visible.py", "shop")


def test_a_handler_may_write_a_file(start, tmp_path):
    @aion.workflow
    async def shop() -> str:
        aion.log.warning("hm")
        return "fine"

    handler = logging.FileHandler(tmp_path / "log", delay=True)
    aion.log.logger.addHandler(handler)
    try:
        assert start(shop).result == "fine"
    finally:
        aion.log.logger.removeHandler(handler)
        handler.close()
    assert (tmp_path / "log").read_text() == "hm\n"


def test_a_line_of_an_activity_names_it(caplog):
    context = ActivityContext(TASK, values=Values(), beat=lambda *_: None, resources=None)
    token = running.set(context)
    try:
        aion.log.warning("hm")
    finally:
        running.reset(token)
    [record] = caplog.records
    assert (record.activity, record.attempt, record.workflow_id) == ("charge", 2, "order-42")
    assert (record.filename, record.funcName) == ("test_visible.py", "test_a_line_of_an_activity_names_it")


def test_outside_it_is_an_ordinary_logger(caplog):
    aion.log.warning("hm")
    assert caplog.records[0].getMessage() == "hm"
