from __future__ import annotations

import sys
from types import ModuleType

import attrs
import pytest

from aion_core.model.errors import (
    PluginConflict,
    PluginContractError,
    PluginIncompatible,
    PluginLoadError,
    PluginNotFound,
)
from aion_core.plugins import compose
from aion_core.spi import hookimpl

MODULE = "@hookimpl\ndef aion_engine_started(info): info.append(__name__)"


def names(plugins):
    return [extension.name for extension in plugins.extensions]


class Told:
    """An extension that writes its own name into what it is told."""

    def __init__(self, name):
        self.name = name

    @hookimpl
    def aion_engine_started(self, info):
        info.append(self.name)


# ---- which ones take part


def test_extensions_are_registered_in_the_order_of_enabled_whatever_the_order_of_installation(extend):
    for name in ("b", "c", "a"):
        extend(f"ext-{name}", MODULE, extension=name)
    plugins = compose(["c", "a", "b"])
    info: list[str] = []
    plugins.hook.aion_engine_started(info=info)
    assert names(plugins) == ["c", "a", "b"]
    assert info == ["ext_c", "ext_a", "ext_b"]


def test_an_installed_extension_that_is_not_enabled_is_neither_imported_nor_asked(extend):
    before = compose().hook.aion_engine_started.get_hookimpls()
    extend("ext-quiet", "raise RuntimeError('imported')", extension="quiet")
    extend("ext-loud", MODULE, extension="loud")
    plugins = compose(["loud"])
    assert names(plugins) == ["loud"]
    assert before == []
    assert "ext_quiet" not in sys.modules


def test_extras_come_inside_of_the_enabled_ones_in_their_order(extend):
    extend("ext-a", MODULE, extension="a")
    extend("ext-b", MODULE, extension="b")
    info: list[str] = []
    compose(["a"], extras=[Told("first"), "b", Told("last")]).hook.aion_engine_started(info=info)
    assert info == ["ext_a", "first", "ext_b", "last"]


def test_a_name_or_an_object_that_is_given_twice_takes_part_once_at_its_first_place(extend):
    extend("ext-a", MODULE, extension="a")
    one = Told("one")
    assert names(compose(["a"], extras=[one, "a", one])) == ["a", "Told"]


def test_a_class_becomes_an_object_of_its_own_for_every_engine(extend):
    module = "class Acme:\n    @hookimpl\n    def aion_engine_started(self, info): info.append(self)\n"
    extend("ext-acme", module, extension="acme", value="Acme")
    first, second = compose(["acme"]), compose(["acme"])
    info: list[object] = []
    first.hook.aion_engine_started(info=info)
    second.hook.aion_engine_started(info=info)
    assert type(info[0]) is type(info[1]) is sys.modules["ext_acme"].Acme
    assert info[0] is not info[1]


def test_two_engines_have_nothing_in_common():
    first, second = compose(extras=[Told("first")]), compose(extras=[Told("second")])
    first.close()
    info: list[str] = []
    first.hook.aion_engine_started(info=info)
    second.hook.aion_engine_started(info=info)
    assert info == ["second"]


def test_closing_lets_go_of_the_extensions_and_twice_is_fine():
    told = Told("x")
    with compose(extras=[told]) as plugins:
        assert plugins.hook.aion_engine_started.get_hookimpls()
    plugins.close()
    assert not plugins.hook.aion_engine_started.get_hookimpls()
    assert plugins.extensions == ()
    assert names(compose(extras=[told])) == ["Told"], "it can be handed to another engine"


# ---- which ones can not


def test_an_enabled_extension_that_is_not_installed_lists_those_that_are(extend):
    extend("ext-a", MODULE, extension="audit")
    with pytest.raises(PluginNotFound) as caught:
        compose(["audits"])
    assert str(caught.value) == (
        "aion.toml asks for plugin 'audits', and no installed distribution provides it. "
        "Installed: audit. Did you mean 'audit'?"
    )


def test_an_extension_that_does_not_import_names_itself_among_several(extend):
    extend("ext-a", MODULE, extension="a")
    extend("ext-bad", "import nosuchdep", extension="bad", version="2.0")
    with pytest.raises(PluginLoadError) as caught:
        compose(["a", "bad"])
    assert str(caught.value) == "plugin 'bad' from ext-bad 2.0 could not be imported: No module named 'nosuchdep'"


def test_an_extension_whose_import_fails_an_assertion_names_itself_among_several(extend):
    extend("ext-a", MODULE, extension="a")
    extend("ext-bad", "assert False, 'never'", extension="bad", version="2.0")
    with pytest.raises(PluginLoadError) as caught:
        compose(["a", "bad"])
    assert str(caught.value) == "plugin 'bad' from ext-bad 2.0 could not be imported: AssertionError: never"


def test_an_extension_from_two_distributions_is_a_conflict(extend):
    extend("ext-a", MODULE, extension="dup", version="1")
    extend("ext-b", MODULE, extension="dup", version="2")
    with pytest.raises(PluginConflict) as caught:
        compose(["dup"])
    assert str(caught.value) == "plugin 'dup' is provided more than once: ext-a 1, ext-b 2. Uninstall all but one."


def test_an_extension_for_another_core_is_refused_before_anything_is_imported(install, extend):
    extend("ext-a", MODULE, extension="a")
    install("ext-late", group="aion.plugins", provides={"late": ":"}, requires=["aion-durable-core>=9"])
    with pytest.raises(PluginIncompatible, match=r"plugin 'late' from ext-late 1\.0 needs aion-durable-core>=9, but"):
        compose(["a", "late"])
    assert not {"ext_a", "ext_late"} & sys.modules.keys()


def test_a_class_that_needs_arguments_is_refused():
    class Needy:
        def __init__(self, url): ...

    with pytest.raises(PluginContractError) as caught:
        compose(extras=[Needy])
    assert str(caught.value).startswith(
        "plugin 'Needy' from the application can not be made without arguments: TypeError: "
    )


# ---- hooks that are not what they seem


def refused(plugin):
    with pytest.raises(PluginContractError) as caught:
        compose(extras=[plugin])
    assert caught.value.code == "plugin-contract"
    assert caught.value.kind == "plugin"
    return str(caught.value).removeprefix(f"plugin {caught.value.name!r} from the application ")


def module(**members):
    made = ModuleType("made")
    vars(made).update(members)
    return made


def test_a_hook_that_does_not_exist_is_named_with_a_guess(extend):
    extend("ext-a", "@hookimpl\ndef aion_engine_starting(info): pass", extension="acme", version="3")
    with pytest.raises(PluginContractError) as caught:
        compose(["acme"])
    assert str(caught.value) == (
        "plugin 'acme' from ext-a 3 implements aion_engine_starting, which is not a hook of this core. "
        "Did you mean aion_engine_started?"
    )


def test_a_hook_like_no_other_gets_no_guess():
    @hookimpl
    def entirely_different(): ...

    expected = "implements entirely_different, which is not a hook of this core."
    assert refused(module(entirely_different=entirely_different)) == expected


def test_a_hook_of_another_core_may_be_marked_optional():
    @hookimpl(optionalhook=True)
    def aion_of_tomorrow(whatever): ...

    assert names(compose(extras=[module(aion_of_tomorrow=aion_of_tomorrow)])) == ["made"]


def test_a_function_may_be_named_otherwise_than_its_hook():
    @hookimpl(specname="aion_engine_started")
    def hello(info):
        info.append("hello")

    info: list[str] = []
    compose(extras=[module(hello=hello)]).hook.aion_engine_started(info=info)
    assert info == ["hello"]


def test_an_argument_that_the_hook_does_not_have_is_named_with_those_it_has():
    @hookimpl
    def aion_register_observers(config, engine, loop): ...

    expected = "takes engine, loop in aion_register_observers, which has only config."
    assert refused(module(aion_register_observers=aion_register_observers)) == expected


def test_an_implementation_takes_only_the_arguments_it_wants():
    @hookimpl
    def aion_engine_started(level=3, *, verbose=False): ...

    compose(extras=[module(aion_engine_started=aion_engine_started)]).hook.aion_engine_started(info=None)


def test_a_hook_without_its_mark_is_named():
    def aion_engine_started(info): ...

    assert refused(module(aion_engine_started=aion_engine_started)) == "defines aion_engine_started without @hookimpl."


def test_something_without_any_hook_is_refused():
    assert refused(module()) == "implements no hook: mark its functions with @hookimpl."


def test_an_object_that_compares_by_value_is_refused():
    @attrs.define
    class Equal:
        @hookimpl
        def aion_engine_started(self, info): ...

    expected = "compares by value, so two engines could not tell theirs apart: give its class eq=False."
    assert refused(Equal()) == expected


def test_what_pluggy_itself_refuses_names_the_extension():
    @hookimpl(wrapper=True)
    def aion_engine_started(info): ...

    assert refused(module(aion_engine_started=aion_engine_started)) == (
        "was refused: Declared as wrapper=True or hookwrapper=True but function is not a generator function."
    )


def test_everything_that_is_wrong_with_an_extension_is_said_at_once():
    class Wrong:
        @hookimpl
        def aion_engine_stoping(self, info): ...

        def aion_engine_started(self, info): ...

        @hookimpl
        def aion_classify_error(self, exception): ...

    assert refused(Wrong()) == (
        "defines aion_engine_started without @hookimpl. "
        "It takes exception in aion_classify_error, which has only error. "
        "It implements aion_engine_stoping, which is not a hook of this core. Did you mean aion_engine_stopping?"
    )
