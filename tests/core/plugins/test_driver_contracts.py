from __future__ import annotations

from typing import ClassVar

import attrs
import pytest

from aion_core.model.errors import PluginContractError
from aion_core.plugins import DriverKind
from aion_core.plugins.drivers import INTERFACES, load_driver
from aion_core.plugins.offers import HandedOffer
from aion_core.spi import Capability, Loader


@attrs.frozen
class Settings:
    url: str = ""


class WholeLoader(Loader):
    contract: ClassVar[int] = 1
    settings: ClassVar[type] = Settings

    def __init__(self, settings, platform):
        pass

    def open(self, host):
        pass

    def load(self):
        return ()

    def changed(self):
        return False

    def close(self):
        pass


def problems(offered, kind=DriverKind.LOADER):
    offer = HandedOffer(kind=kind, name="half", provider="acme-store 2.0", offered=offered)
    with pytest.raises(PluginContractError) as caught:
        load_driver(kind, offer)
    return str(caught.value).removeprefix(f"{kind} 'half' from acme-store 2.0 ")


def changed(**members):
    return type("Changed", (WholeLoader,), members)


def test_a_class_that_fulfils_its_contract_is_accepted():
    offer = HandedOffer(kind="loader", name="whole", provider="x", offered=WholeLoader)
    assert load_driver(DriverKind.LOADER, offer).cls is WholeLoader


def test_a_half_implemented_class_names_what_it_lacks_and_the_contract_it_was_written_for():
    class Half(Loader):
        contract: ClassVar[int] = 7
        settings: ClassVar[type] = Settings

        def open(self, host):
            pass

        def close(self):
            pass

    assert problems(Half) == "lacks changed, load. It implements contract 7; this core needs 1."


@pytest.mark.parametrize("kind", DriverKind)
def test_a_driver_of_any_kind_must_implement_its_interface(kind):
    interface = INTERFACES[kind]
    nothing = type("Nothing", (interface,), {"contract": interface.contract, "settings": Settings})
    assert problems(nothing, kind) == f"lacks {', '.join(sorted(interface.__abstractmethods__))}."


def test_a_contract_number_that_is_only_inherited_says_nothing():
    class Silent(WholeLoader):
        pass

    bare = type("Bare", (Loader,), {k: v for k, v in vars(WholeLoader).items() if k not in {"contract", "__dict__"}})
    assert problems(bare) == "does not say which contract it implements: write `contract = 1` into the class."
    assert load_driver(DriverKind.LOADER, HandedOffer(kind="loader", name="x", provider="x", offered=Silent)), (
        "a number that a plugin's own base class states counts"
    )


def test_an_older_contract_is_refused():
    assert problems(changed(contract=0)) == "implements contract 0; this core needs 1."


def test_something_that_is_no_class_is_refused():
    assert problems(lambda: None) == "is of type function, and must be a class derived from aion_core.spi.Loader."


def test_a_class_with_all_methods_and_another_ancestry_is_refused():
    stranger = type("Stranger", (), {k: v for k, v in vars(WholeLoader).items() if not k.startswith("_abc")})
    assert problems(stranger).startswith("does not derive from aion_core.spi.Loader.")


@pytest.mark.parametrize("capabilities", [{Capability.DURABLE}, frozenset({"durable"}), None])
def test_capabilities_of_another_type_are_refused(capabilities):
    assert problems(changed(capabilities=capabilities)) == "has `capabilities` that are not a frozenset of Capability."


def test_atomic_visibility_needs_a_visibility_store():
    both = frozenset({Capability.ATOMIC_VISIBILITY})
    assert problems(changed(capabilities=both)) == "declares atomic_visibility and is no VisibilityStore."


@pytest.mark.parametrize(
    "settings",
    [None, Settings(), dict, attrs.define(type("Mutable", (), {})), attrs.make_class("Loose", [], slots=False)],
)
def test_settings_that_are_no_frozen_attrs_class_are_refused(settings):
    expected = "has no `settings`: a frozen attrs class of what its table in aion.toml may hold."
    assert problems(changed(settings=settings)) == expected


def test_a_frozen_settings_class_with_a_dict_is_accepted():
    loose = changed(settings=attrs.make_class("Loose", [], slots=False, frozen=True))
    assert load_driver(DriverKind.LOADER, HandedOffer(kind="loader", name="x", provider="x", offered=loose))


def test_a_constructor_of_another_shape_is_refused():
    assert problems(changed(__init__=lambda self, settings: None)) == "can not be made with (settings, platform)."


def test_everything_that_is_wrong_is_said_at_once():
    wrong = changed(contract=2, capabilities=(), settings=None, load=None)
    assert problems(wrong) == (
        "lacks load. It implements contract 2; this core needs 1. "
        "It has `capabilities` that are not a frozenset of Capability. "
        "It has no `settings`: a frozen attrs class of what its table in aion.toml may hold."
    )
