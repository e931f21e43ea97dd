"""The command, run in an empty folder that has nothing configured, and stores that it can be pointed at."""

from itertools import count

import pytest
from click.testing import CliRunner
from tests.core.client.conftest import FakeEngine

from aion_core.cli.root import command
from aion_core.client.verbs import Verbs
from aion_core.memory import MemoryEventStore, MemorySettings
from aion_core.memory.world import World

_names = (f"cli-{number}" for number in count())


@pytest.fixture
def aion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AION_CONFIG", "AION_PROFILE", "AION_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*args: str, stdin: str | None = None, **environ: str):
        return CliRunner().invoke(command(), args, env=environ, input=stdin)

    return run


@pytest.fixture
def store(aion, tmp_path):
    """A configured store in which no engine is."""
    name = next(_names)
    (tmp_path / "aion.toml").write_text(
        f"schema = 1\n[event_store]\nuse = 'memory'\nname = '{name}'\n"
        "[search_attributes]\ncustomer = 'str'\namount = 'float'\nurgent = 'bool'\ntags = 'keywords'\n"
    )
    yield name
    World.named.pop(name, None)


@pytest.fixture
def engine(store):
    """What has recorded histories in that store; it answers nobody else."""
    engine = FakeEngine(MemoryEventStore(MemorySettings(name=store)))
    engine.verbs = Verbs(engine)
    return engine
