from __future__ import annotations

import sys
from importlib import metadata

import pytest
from stevedore.extension import ExtensionManager

from aion_core.model.errors import (
    PluginConflict,
    PluginContractError,
    PluginIncompatible,
    PluginLoadError,
    PluginNotFound,
)
from aion_core.platform import SYSTEM
from aion_core.plugins import DriverKind, compose
from aion_core.spi import Capability, hookimpl

STORE = DriverKind.EVENT_STORE
INSTALLED = ", ".join(sorted({entry_point.name for entry_point in metadata.entry_points(group="aion.event_stores")}))
CORE = metadata.version("aion-durable-core")


@pytest.fixture
def plugins():
    with compose() as plugins:
        yield plugins


def test_a_driver_comes_with_its_class_settings_capabilities_and_provider(plugins, install):
    install("acme-store", "2.0", provides={"whole": "Whole"})
    driver = plugins.driver(STORE, "whole")
    assert (driver.kind, driver.name, driver.provider) == (STORE, "whole", "acme-store 2.0")
    assert driver.cls is sys.modules["acme_store"].Whole
    assert driver.settings is sys.modules["acme_store"].Settings
    assert driver.capabilities == {Capability.DURABLE}


def test_a_driver_is_made_with_its_settings_and_the_platform(plugins, install):
    install("acme-store", provides={"whole": "Whole"})
    driver = plugins.driver(STORE, "whole")
    settings = driver.settings(url="x:")
    assert driver.make(settings, SYSTEM).made_with == (settings, SYSTEM)


def test_a_name_that_nobody_provides_lists_what_is_installed(plugins):
    with pytest.raises(PluginNotFound) as caught:
        plugins.driver(STORE, "redis")
    assert caught.value.code == "plugin-not-found"
    assert str(caught.value) == (
        f"aion.toml asks for event_store 'redis', and no installed distribution provides it. Installed: {INSTALLED}."
    )


@pytest.mark.parametrize(
    ("kind", "name", "distribution"),
    [
        (DriverKind.EVENT_STORE, "s3", "aion-store-s3"),
        (DriverKind.EVENT_STORE, "sql", "aion-store-sql"),
        (DriverKind.VISIBILITY_STORE, "sql", "aion-store-sql"),
        (DriverKind.RUNTIME, "thread", "aion-runtime-thread"),
        (DriverKind.RUNTIME, "process", "aion-runtime-process"),
        (DriverKind.RUNTIME, "isolated", "aion-runtime-process"),
    ],
)
def test_a_first_party_name_that_is_not_installed_says_what_to_install(plugins, monkeypatch, kind, name, distribution):
    monkeypatch.setattr(metadata, "entry_points", lambda **_: metadata.EntryPoints())
    with pytest.raises(PluginNotFound) as caught:
        plugins.driver(kind, name)
    assert str(caught.value) == (
        f"aion.toml asks for {kind} {name!r}, and no installed distribution provides it. Installed: none."
        f"\n  Install it with:  pip install {distribution}"
    )


def test_a_name_that_is_nearly_right_gets_a_guess(plugins, install):
    install("acme-store", provides={"cassandra": "Whole"})
    with pytest.raises(PluginNotFound, match=r"Did you mean 'cassandra'\?$"):
        plugins.driver(STORE, "casandra")


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import nosuchdep", "No module named 'nosuchdep'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("assert 1 > 2, 'this machine is odd'", "AssertionError: this machine is odd"),
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("", "AttributeError: module 'acme_store' has no attribute 'Bad'"),
    ],
)
def test_a_module_that_does_not_import_names_the_plugin_and_the_reason(plugins, install, module, reason):
    install("acme-store", "2.0", provides={"bad": "Bad"}, module=module)
    with pytest.raises(PluginLoadError) as caught:
        plugins.driver(STORE, "bad")
    assert caught.value.code == "plugin-load"
    assert str(caught.value) == f"event_store 'bad' from acme-store 2.0 could not be imported: {reason}"
    assert caught.value.__cause__ is not None


def test_a_name_from_two_distributions_is_a_conflict_and_neither_is_imported(plugins, install):
    install("dup-a", "1", provides={"dup": "Whole"})
    install("dup-b", "2", provides={"dup": "Whole"})
    with pytest.raises(PluginConflict) as caught:
        plugins.driver(STORE, "dup")
    assert caught.value.code == "plugin-conflict"
    assert str(caught.value) == (
        "event_store 'dup' is provided more than once: dup-a 1, dup-b 2. Uninstall all but one."
    )
    assert not {"dup_a", "dup_b"} & sys.modules.keys()


def test_the_cores_own_name_can_not_be_taken(plugins, install):
    install("acme-store", "2.0", provides={"memory": "Whole"})
    with pytest.raises(PluginConflict, match=r"provided more than once: acme-store 2\.0, core \(built in\)\. "):
        plugins.driver(STORE, "memory")


@pytest.mark.parametrize(
    ("requirement", "needs"),
    [
        ("aion-durable-core>=9.4,<9.5", "aion-durable-core>=9.4,<9.5"),
        ("Aion_Durable.Core<9.5,>=9.4", "Aion_Durable.Core>=9.4,<9.5"),
        ("aion-durable-core[extra]==9.4; python_version >= '3'", "aion-durable-core==9.4"),
    ],
)
def test_a_distribution_for_another_core_is_refused_before_it_is_imported(plugins, install, requirement, needs):
    install("acme-store", "0.3.0", provides={"late": "Whole"}, requires=[requirement])
    with pytest.raises(PluginIncompatible) as caught:
        plugins.driver(STORE, "late")
    assert caught.value.code == "plugin-incompatible"
    assert str(caught.value) == (f"event_store 'late' from acme-store 0.3.0 needs {needs}, but {CORE} is installed.")
    assert "acme_store" not in sys.modules


@pytest.mark.parametrize(
    "requirement",
    [
        "aion-durable-core>=0.0.1",
        "aion-durable-core",
        "aion-durable-core>=9 ; python_version < '3'",
        "aion-durable-core>=9 ; extra == 'tomorrow'",
        "aion-durable>=9",
        "what is this",
    ],
)
def test_a_requirement_that_is_met_or_does_not_apply_is_no_obstacle(plugins, install, requirement):
    install("acme-store", provides={"whole": "Whole"}, requires=[requirement])
    assert plugins.driver(STORE, "whole").name == "whole"


def test_a_prerelease_of_the_core_satisfies_the_range_it_lies_in(plugins, install, monkeypatch):
    install("acme-store", provides={"whole": "Whole"}, requires=["aion-durable-core>=0.1,<9"])
    monkeypatch.setattr(metadata, "version", lambda _: "0.4.0rc1")
    assert plugins.driver(STORE, "whole").name == "whole"


def test_a_capability_that_is_asked_for_and_lacking_is_named(plugins, install):
    install("acme-store", "2.0", provides={"whole": "Whole"})
    with pytest.raises(PluginContractError) as caught:
        plugins.driver(STORE, "whole", needs=[Capability.NOTIFY, Capability.DURABLE, Capability.MULTI_ENGINE])
    assert caught.value.code == "plugin-contract"
    assert str(caught.value) == (
        "event_store 'whole' from acme-store 2.0 lacks the capability multi_engine, notify, which was asked for."
    )


def test_a_capability_that_is_there_may_be_asked_for(plugins, install):
    install("acme-store", provides={"whole": "Whole"})
    assert plugins.driver(STORE, "whole", needs=[Capability.DURABLE]).name == "whole"


def test_what_was_installed_a_moment_ago_is_found_whatever_stevedore_has_cached(plugins, install, monkeypatch):
    monkeypatch.setitem(ExtensionManager.ENTRY_POINT_CACHE, "aion.event_stores", [])
    monkeypatch.setattr("stevedore._cache.get_group_all", lambda *_: [])
    install("acme-store", "2.0", provides={"whole": "Whole"})
    assert plugins.driver(STORE, "whole").provider == "acme-store 2.0"


@pytest.mark.parametrize("kind", [DriverKind.EVENT_STORE, DriverKind.VISIBILITY_STORE])
def test_the_stores_in_memory_are_built_in_and_fulfil_the_contract(plugins, kind):
    driver = plugins.driver(kind, "memory")
    assert driver.provider == "core (built in)"
    with driver.make(driver.settings(), SYSTEM) as store:
        store.close()


def test_where_the_core_is_not_installed_as_a_distribution_nothing_is_compared(plugins, install, monkeypatch):
    def not_installed(name):
        raise metadata.PackageNotFoundError(name)

    install("acme-store", provides={"whole": "Whole"}, requires=["aion-durable-core>=9"])
    monkeypatch.setattr(metadata, "version", not_installed)
    assert plugins.driver(STORE, "whole").name == "whole"


def test_names_lists_what_can_be_chosen_without_importing_it(plugins, install):
    install("acme-store", provides={"zebra": "Whole", "ant": "Whole"})
    assert plugins.names(STORE) == tuple(sorted({*INSTALLED.split(", "), "ant", "zebra"}))
    assert "acme_store" not in sys.modules


class TestDriversOfExtensions:
    @staticmethod
    def offering(name, cls):
        class Offering:
            @hookimpl
            def aion_event_stores(self, register):
                register(name, cls)

        return Offering()

    @pytest.fixture
    def whole(self, install):
        install("acme-store", "2.0", provides={"taken": "Whole"})
        with compose() as plugins:
            return plugins.driver(STORE, "taken").cls

    def test_one_of_the_application_is_found_by_its_name(self, whole):
        driver = compose(extras=[self.offering("mine", whole)]).driver(STORE, "mine")
        assert (driver.cls, driver.provider) == (whole, "the application")

    def test_one_of_the_application_is_checked_like_any_other(self):
        plugins = compose(extras=[self.offering("mine", dict)])
        with pytest.raises(PluginContractError, match="event_store 'mine' from the application lacks append, "):
            plugins.driver(STORE, "mine")

    def test_one_of_an_installed_extension_names_the_extension_too(self, extend, whole):
        module = "@hookimpl\ndef aion_event_stores(register): register('odd', int)"
        extend("acme-ext", module, extension="acme", version="3.1")
        with pytest.raises(PluginContractError, match=r"event_store 'odd' from acme-ext 3\.1 \(plugin 'acme'\) lacks"):
            compose(["acme"]).driver(STORE, "odd")

    def test_a_name_that_is_installed_too_is_a_conflict(self, whole):
        plugins = compose(extras=[self.offering("taken", whole)])
        with pytest.raises(PluginConflict) as caught:
            plugins.driver(STORE, "taken")
        assert caught.value.providers == ("acme-store 2.0", "the application")

    def test_every_kind_has_a_hook_and_a_name_space_of_its_own(self):
        class Offering:
            @hookimpl
            def aion_event_stores(self, register):
                register("one", int)

            @hookimpl
            def aion_visibility_stores(self, register):
                register("two", int)

            @hookimpl
            def aion_runtimes(self, register):
                register("three", int)

            @hookimpl
            def aion_loaders(self, register):
                register("four", int)

        with compose() as without, compose(extras=[Offering]) as plugins:
            new = {kind: {*plugins.names(kind)} - {*without.names(kind)} for kind in DriverKind}
        assert new == {
            DriverKind.EVENT_STORE: {"one"},
            DriverKind.VISIBILITY_STORE: {"two"},
            DriverKind.RUNTIME: {"three"},
            DriverKind.LOADER: {"four"},
        }
