"""How tests are dealt out to several processes, `pytest -n 2`: each by itself, to whoever has time."""

import pytest

TOGETHER = (
    ".md",  # the examples of a document go on from each other
    "tests/core/typing/test_typing.py",  # each checker runs once
    "tests/integration/processes/test_other_processes.py",  # an engine of each store is started once
    "tests/integration/test_a_strangers_store.py",  # it is installed once
    "tests/integration/test_demo.py",  # each play is played once
)
"""Files whose tests stay in one process, one after the other."""


def part_of(nodeid):
    """Tests of which this is the same are not torn apart."""
    file = nodeid.split("::")[0]
    return file if file.endswith(TOGETHER) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    if config.getvalue("dist") != "load":  # what -n means without --dist
        return None
    # Not at the top: tests can run without the plugin, in one process.
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415

    class Parts(LoadScopeScheduling):
        # Not the marks and the mode that the plugin has for this: it changes ids of tests, which pytest 9.2 takes no
        # notice of.
        def _split_scope(self, nodeid):
            return part_of(nodeid)

    return Parts(config, log)
