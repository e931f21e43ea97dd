"""`aion store` with a store that has no upkeep of its own."""

import json
from itertools import count

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from tests.core.upkeep.writing import Pen

from aion_core.cli.exits import Exit
from aion_core.cli.root import command
from aion_core.memory import MemoryEventStore
from aion_core.memory.world import MemorySettings, World

_names = (f"aion-store-{number}" for number in count())


@pytest.fixture
def store():
    name = next(_names)
    with MemoryEventStore(MemorySettings(name=name)) as store:
        Pen(store).closed("old", day=0)
        yield store
    World.named.pop(name)


@pytest.fixture
def aion(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = f'use = "memory"\nname = "{store._settings.name}"\n'
    (tmp_path / "aion.toml").write_text(f"schema = 1\n[event_store]\n{settings}")
    return lambda *args: CliRunner().invoke(command(), ["store", *args])


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        (("migrate",), "has no schema to migrate"),
        (("backup", "copy"), "can not be backed up by this command"),
        (("restore", "copy"), "can not be restored by this command"),
    ],
)
def test_what_a_store_does_not_offer_is_told(aion, verb, says):
    result = aion(*verb)
    assert result.exit_code == Exit.CONFIGURATION
    assert result.stderr == f"error: event_store 'memory' {says}.\n"


def test_histories_of_any_store_are_checked(aion, store):
    assert aion("check").stdout == "no problems\n"
    history = store.world.history("old")
    history.batches[0] = replace(history.batches[0], crc=0)
    result = aion("check", "--json")
    assert result.exit_code == Exit.STORE_INTEGRITY
    assert json.loads(result.stdout)["invariant"] == "I1"


def test_any_store_is_trimmed(aion, store):
    assert json.loads(aion("trim", "--older-than", "90d", "--json").stdout)["id"] == "old"
    assert store.state(["old"]) == [None]
