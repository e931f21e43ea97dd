import time
from dataclasses import dataclass
from datetime import UTC
from uuid import UUID

import pytest

import aion_core as aion
from aion_core.model import events as e


@dataclass
class Rate:
    percent: float


def test_now_is_the_time_of_the_event_being_applied(start):
    seen = []

    @aion.workflow
    async def clock():
        seen.append(aion.now())
        await aion.receive("go")
        seen.append(aion.now())

    run = start(clock)
    first = run.now
    run.signal("go")
    assert seen == [first, run.now]
    assert seen[0].tzinfo is UTC


def test_random_things_are_the_same_in_every_replay(start):
    seen = []

    @aion.workflow
    async def dice():
        seen.append((aion.random(), aion.rng().randrange(100), aion.uuid4()))
        await aion.receive("go")

    run = start(dice)
    run.replayed()
    assert seen[0] == seen[1]
    number, _, unique = seen[0]
    assert 0 <= number < 1
    assert isinstance(unique, UUID)
    assert unique.version == 4


def test_a_side_effect_runs_once_and_its_record_is_what_counts(start):
    calls = []

    @aion.workflow
    async def reader() -> object:
        calls.append("turn")
        value = aion.side_effect(lambda: calls.append("effect") or {"a": (1, 2)})
        await aion.receive("go")
        return value

    run = start(reader)
    run.signal("go")
    assert run.result == {"a": [1, 2]}
    run.replayed()
    assert calls == ["turn", "effect", "turn"]


def test_a_side_effect_is_decoded_by_its_annotation_or_the_type(start):
    def rate() -> Rate:
        return Rate(3)

    @aion.workflow
    async def reader() -> list[str]:
        both = aion.side_effect(rate), aion.side_effect(lambda: Rate(4), Rate)
        return [f"{type(each).__name__} {each.percent}" for each in both]

    assert start(reader).result == ["Rate 3.0", "Rate 4.0"]


def test_a_built_in_function_can_be_a_side_effect(start):
    @aion.workflow
    async def reader() -> bool:
        return aion.side_effect(time.time) > 0

    assert start(reader).result is True


def test_a_side_effect_may_do_what_workflow_code_may_not(start, tmp_path):
    setting = tmp_path / "setting"
    setting.write_text("on")

    @aion.workflow
    async def reader() -> str:
        return aion.side_effect(setting.read_text, str)

    assert start(reader).result == "on"


def test_what_a_side_effect_raises_is_recorded_like_its_value(start):
    calls = []

    def broken():
        calls.append(1)
        raise KeyError("x")

    @aion.workflow
    async def reader() -> str:
        try:
            aion.side_effect(broken)
        except aion.Failed as failure:
            await aion.receive("go")
            return f"{failure.is_(LookupError)} {failure.message}"
        return ""

    run = start(reader)
    run.signal("go")
    assert run.result == "True 'x'"
    run.replayed()
    assert calls == [1]


def test_a_side_effect_that_can_not_be_encoded_fails(start):
    @aion.workflow
    async def reader():
        aion.side_effect(object)

    assert start(reader).failure.type == "PayloadError"


async def coroutine():
    pass


@pytest.mark.parametrize("fn", [7, coroutine])
def test_what_is_no_plain_function_is_no_side_effect(start, fn):
    @aion.workflow
    async def reader():
        aion.side_effect(fn)

    assert start(reader).failure.type == "TypeError"


def test_patched_is_true_for_live_code_and_recorded(start):
    @aion.workflow
    async def changing() -> bool:
        answers = {aion.patched("stock"), aion.patched("stock")}
        await aion.receive("go")
        return answers == {aion.patched("stock"), True}

    run = start(changing)
    run.signal("go")
    assert run.result is True
    assert [marker.name for marker in run.events(e.MarkerRecorded)] == ["stock"]


def test_patched_is_false_for_a_run_that_came_by_before_the_change(start):
    new = False

    @aion.workflow
    async def changing() -> bool:
        answer = aion.patched("stock") if new else False
        await aion.receive("go")
        return answer

    run = start(changing)
    new = True
    run.run = run.replayed()
    run.signal("go")
    assert run.result is False


@pytest.mark.parametrize("change_id", ["", None, 7])
def test_a_change_has_a_name(start, change_id):
    @aion.workflow
    async def changing():
        aion.patched(change_id)

    assert start(changing).failure.type == "ValueError"
