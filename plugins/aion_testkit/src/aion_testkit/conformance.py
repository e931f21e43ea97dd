"""What all conformance classes share: the catalogue of their cases, and the refusal to be weakened.

A case belongs to the kit. A subclass that replaces one, removes one or marks one to be skipped is refused when it is
defined, by name; what only shows while the tests run (a skip, an expected failure, a case that was taken out of the
run) is turned into a failure by the pytest plugin of this distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar, Final, cast

import pytest
from attrs import frozen

from aion_testkit.needs import NOT_APPLICABLE, needs_of

_KIT: Final = "aion_testkit."


@frozen
class Case:
    """One sentence of the contract, as a test."""

    name: str
    layer: str
    function: Callable[..., None]
    needs: frozenset[str]

    def applies_to(self, capabilities: Collection[str]) -> bool:
        """Whether a driver with these capabilities has to pass it."""
        return self.needs.issubset(capabilities)


class CaseReplaced(TypeError):
    """A conformance class of a plugin does not have all cases of the kit as they are."""


class Layer:
    """A group of cases about one thing. Its name is the first column of every report."""

    layer: ClassVar[str] = ""


class Conformance:
    """Base of the classes that plugin authors subclass."""

    __test__ = False
    kind: ClassVar[str]
    factory: ClassVar[str] = "make_store"
    """The name of the author's fixture: a function that gives a new one of what is tested."""
    cases: ClassVar[tuple[Case, ...]] = ()
    """All cases of the class, in the order in which they run."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__.startswith(_KIT):
            cls.cases = tuple(_catalogued(cls))
            return
        cls.__test__ = True
        if broken := replaced_cases(cls):
            raise CaseReplaced(_refusal(cls, broken))

    @pytest.fixture(autouse=True)
    def _applicable(self, request: pytest.FixtureRequest) -> None:
        """Ends a case that the capabilities do not ask for, and refuses to run unwatched."""
        if not request.config.pluginmanager.has_plugin("aion_testkit"):
            pytest.fail(
                "the pytest plugin of aion-testkit is not loaded, so skipped cases would go unnoticed: "
                "run pytest with `-p aion_testkit.pytest_plugin`.",
                pytrace=False,
            )
        name, function = request.node.name, getattr(request.function, "__func__", request.function)
        if any(case.name == name and case.function is not function for case in self.cases):
            pytest.fail(_refusal(type(self), [f"{name} (replaced)"]), pytrace=False)
        if wanted := needs_of(request.function):
            make = request.getfixturevalue(self.factory)
            missing = wanted.difference(make().capabilities)
            if missing:
                what = self.kind.replace("_", " ")
                reason = f"the {what} does not declare {', '.join(sorted(missing))}"
                request.node.user_properties.append((NOT_APPLICABLE, reason))
                pytest.skip(reason)


def replaced_cases(cls: type[Conformance]) -> list[str]:
    """The names of cases that a class does not have as the kit wrote them, each with what happened to it."""
    found: list[str] = []
    for case in cls.cases:
        present = getattr(cls, case.name, None)
        if present is None:
            found.append(f"{case.name} (removed)")
        elif present is not case.function:
            found.append(f"{case.name} (replaced)")
    found.extend(f"all cases (marked {mark})" for mark in _marks(cls) if mark in {"skip", "skipif", "xfail"})
    return found


def _refusal(cls: type[Conformance], broken: Collection[str]) -> str:
    names = ", ".join(broken)
    return (
        f"{cls.__name__} changes cases of the conformance kit: {names}. A driver passes all of them as they are, "
        "or declares fewer capabilities."
    )


def _marks(cls: type) -> list[str]:
    """The names of the marks on a class."""
    marks: object = getattr(cls, "pytestmark", ())
    several = cast("Iterable[object]", marks) if isinstance(marks, list | tuple) else (marks,)
    return [str(getattr(mark, "name", "")) for mark in several]


def _catalogued(cls: type[Conformance]) -> Iterable[Case]:
    seen: dict[str, str] = {}
    for owner in cls.__mro__:
        layer = str(getattr(owner, "layer", ""))
        for name, function in vars(owner).items():
            if not name.startswith("test_"):
                continue
            if name in seen:
                raise CaseReplaced(f"{owner.__name__} and {seen[name]} both have a case {name}.")
            seen[name] = owner.__name__
            yield Case(name, layer, function, needs_of(function))
