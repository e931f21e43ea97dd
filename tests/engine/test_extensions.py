"""What an engine tells the extensions that take part."""

import pytest

import aion_core as aion
from aion_core.spi import hookimpl

MEMORY = {"event_store": {"use": "memory"}}


@aion.workflow
async def calm() -> int:
    return 1


class Told:
    """An extension that notes what it is told."""

    def __init__(self, *, fails=False):
        self.heard = []
        self.fails = fails

    @hookimpl
    def aion_engine_started(self, info):
        self.heard.append(("started", info.workflow_types, info.event_store))
        if self.fails:
            raise OSError("no port is free")

    @hookimpl
    def aion_engine_stopping(self, info):
        self.heard.append(("stopping", info.workflow_types, info.event_store))


def test_extensions_hear_when_the_engine_runs_and_before_it_is_gone():
    told = Told()
    with aion.Engine.open(MEMORY, workflows=[calm], plugins=[told]) as engine:
        assert engine.run(calm) == 1
        assert told.heard == [("started", ("calm",), "memory")]
    assert [what for what, *_ in told.heard] == ["started", "stopping"]


def test_an_extension_that_fails_at_the_start_closes_the_engine_again():
    told = Told(fails=True)
    with pytest.raises(aion.PluginError, match="no port is free"):
        aion.Engine.open(MEMORY, workflows=[calm], plugins=[told])
    assert [what for what, *_ in told.heard] == ["started"]
