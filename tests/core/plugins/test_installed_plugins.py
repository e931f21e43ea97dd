from __future__ import annotations

import sys

import pytest

from aion_core.plugins import DriverKind, Plugins, compose
from aion_core.spi import Capability


def installed(name):
    [found] = [plugin for plugin in Plugins.installed(DriverKind.EVENT_STORE) if plugin.name == name]
    return found


def test_listing_imports_nothing(install):
    install("acme-store", "2.0", provides={"whole": "Whole"})
    found = installed("whole")
    assert (found.kind, found.provider, found.path) == ("event_store", "acme-store 2.0", "acme_store:Whole")
    assert "acme_store" not in sys.modules


def test_a_driver_that_is_fine_shows_its_contract_capabilities_and_settings(install):
    install("acme-store", provides={"whole": "Whole"})
    found = installed("whole")
    assert found.problem is None
    assert (found.contract, found.capabilities) == (1, {Capability.DURABLE})
    assert found.settings is sys.modules["acme_store"].Settings
    assert found.hooks == ()


@pytest.mark.parametrize(
    ("module", "requires", "problem"),
    [
        ("import nosuchdep", [], "could not be imported: No module named 'nosuchdep'"),
        ("", ["aion-durable-core>=9"], "needs aion-durable-core>=9, but"),
        ("Whole = 7", [], "is of type int, and must be a class derived from aion_core.spi.EventStore."),
    ],
)
def test_a_broken_driver_is_listed_with_its_problem_beside_those_that_are_fine(install, module, requires, problem):
    install("acme-fine", provides={"fine": "Whole"})
    install("acme-bad", provides={"bad": "Whole"}, module=module, requires=requires)
    assert installed("fine").problem is None
    bad = installed("bad")
    assert f"event_store 'bad' from acme-bad 1.0 {problem}" in (bad.problem or "")
    assert (bad.contract, bad.capabilities, bad.settings) == (None, frozenset(), None)


def test_both_sides_of_a_conflict_are_listed_with_it(install):
    install("dup-a", "1", provides={"dup": "Whole"})
    install("dup-b", "2", provides={"dup": "Whole"})
    dups = [plugin for plugin in Plugins.installed(DriverKind.EVENT_STORE) if plugin.name == "dup"]
    conflict = "event_store 'dup' is provided more than once: dup-a 1, dup-b 2. Uninstall all but one."
    assert [(dup.provider, dup.problem) for dup in dups] == [("dup-a 1", conflict), ("dup-b 2", conflict)]


def test_extensions_are_listed_with_the_hooks_they_implement_without_being_enabled(extend):
    module = "@hookimpl\ndef aion_engine_started(): pass\n@hookimpl\ndef aion_classify_error(): pass"
    extend("acme-ext", module, extension="acme", version="3.1")
    [found] = Plugins.installed_extensions()
    assert (found.kind, found.name, found.provider, found.path) == ("plugin", "acme", "acme-ext 3.1", "acme_ext")
    assert (found.problem, found.hooks) == (None, ("aion_classify_error", "aion_engine_started"))
    assert compose().extensions == ()


def test_a_broken_extension_is_listed_with_its_problem(extend):
    extend("acme-ext", "@hookimpl\ndef aion_nothing(): pass", extension="acme")
    [found] = Plugins.installed_extensions()
    assert "implements aion_nothing, which is not a hook of this core." in (found.problem or "")
    assert found.hooks == ()
