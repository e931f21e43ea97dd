"""After a fork the parent's engines and clients are the parent's, and the child can not hurt them."""

import pytest

OPEN = ["engine := aion.Engine.open(config, workflows=CODE)", "run := engine.start(parcel, 'a', id='p')"]


@pytest.fixture
def parent(other):
    parent = other()
    for line in OPEN:
        parent.does(line)
    return parent


@pytest.mark.parametrize(
    "verb",
    [
        "engine.start(parcel, 'b', id='q')",
        "run.signal('end', 'there')",
        "run.result(timeout=1)",
        "run.status()",
        "run.history()",
        "list(engine.list())",
        "engine.count()",
        "engine.health()",
        "next(engine.subscribe())",
    ],
)
def test_a_verb_of_the_parents_engine_says_whose_it_is(parent, verb):
    said = parent.does(f"in_child(lambda: {verb})")
    assert f"EngineForked: this engine belongs to process {parent.process.pid}" in said


def test_a_verb_of_the_parents_client_says_whose_it_is(other):
    parent = other()
    parent.does("client := aion.Client.open(config)")
    said = parent.does("in_child(lambda: client.start(parcel, 'b', id='q'))")
    assert f"EngineForked: this engine belongs to process {parent.process.pid}" in said


def test_the_end_of_a_child_disturbs_nobody(parent):
    parent.does("in_child(lambda: None)")
    parent.does("run.signal('end', 'there')")
    assert parent.does("run.result(timeout=30)") == "'a: there'"


def test_closing_the_engine_in_a_child_does_nothing(parent):
    assert parent.does("in_child(engine.close)") == "'None'"
    parent.does("run.signal('end', 'there')")
    assert parent.does("run.result(timeout=30)") == "'a: there'"


def test_the_file_is_the_parents_also_when_a_child_has_ended(parent, other):
    parent.does("in_child(lambda: None)")
    assert other().does("engine := aion.Engine.open(config, workflows=CODE)").startswith("StoreInUse: ")


def test_a_child_does_not_open_a_file_that_was_open_before_it(parent):
    said = parent.does("in_child(lambda: aion.Client.open(config))")
    assert "StoreRefused" in said
    assert "was open when this process was forked" in said


def test_a_child_says_nothing_of_engines_that_were_never_closed(parent):
    parent.does("in_child(lambda: None)")
    parent.does("engine.close()")
    said = parent.leave()  # the parent may remark that its disk is fast
    assert "never closed" not in said
    assert "forgotten" not in said


def test_a_child_opens_what_its_parent_has_closed(parent):
    parent.does("engine.close()")
    said = parent.does("in_child(lambda: (client := aion.Client.open(config)).handle('p').status().value)")
    assert "running" in said
