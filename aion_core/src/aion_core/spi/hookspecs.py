"""The hooks that an extension may implement, and the marker to implement them with.

An extension is a module, a class or an object with functions marked `@hookimpl`, named like the hook and taking any of
its arguments, by name. It takes part only when `[plugins] enabled` names it or the application hands it over. Hooks are
called at the edges of an engine's life (open, close, commands, errors), never per event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

import pluggy
from attrs import frozen

from aion_core.model.failures import Failure
from aion_core.model.ids import EngineId
from aion_core.spi.codecs import PayloadCodec
from aion_core.spi.interceptors import Interceptor
from aion_core.spi.observers import Observer

if TYPE_CHECKING:
    import click  # a plugin without commands does not need it, and neither does a program without the CLI

PROJECT: Final = "aion"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of an extension as the implementation of the hook of its name."""


class Register(Protocol):
    """Takes one driver under the name that `use = …` gives in `aion.toml`."""

    def __call__(self, name: str, cls: type[object], /) -> None:
        """The class is checked against its contract when it is used, not before."""
        ...


class ErrorClass(StrEnum):
    """What an error means for trying again."""

    TRANSIENT = "transient"
    """It may go away by itself: try again, as the retry policy says."""
    PERMANENT = "permanent"
    """Trying again can not help: the activity fails with it."""


@frozen(kw_only=True)
class RunningEngine:
    """An engine as its own extensions see it."""

    engine_id: EngineId
    namespace: str
    store_id: str
    event_store: str
    """The name of the driver; so are the next ones."""
    visibility_store: str
    runtimes: tuple[str, ...]
    """Of `[runtime]` first, then those of `[runtimes.NAME]`."""
    workflow_types: tuple[str, ...]
    """What it can run when it opens. Empty: a client."""
    core_version: str


# ---- drivers without an entry point


@hookspec
def aion_event_stores(register: Register) -> None:
    """Offer event stores by calling `register(name, cls)`. For tests and applications; packages use entry points."""


@hookspec
def aion_visibility_stores(register: Register) -> None:
    """Offer visibility stores by calling `register(name, cls)`."""


@hookspec
def aion_runtimes(register: Register) -> None:
    """Offer runtimes by calling `register(name, cls)`."""


@hookspec
def aion_loaders(register: Register) -> None:
    """Offer loaders by calling `register(name, cls)`."""


# ---- what is collected once when an engine or a client opens


@hookspec
def aion_register_interceptors(config: Mapping[str, object]) -> Iterable[Interceptor]:  # type: ignore[empty-body]
    """Interceptors of this extension, outermost first.

    `config` is the effective configuration as nested mappings of plain values.
    """


@hookspec
def aion_register_observers(config: Mapping[str, object]) -> Iterable[Observer]:  # type: ignore[empty-body]
    """Observers of this extension. They are told of what is committed after the engine started."""


@hookspec
def aion_register_codecs(config: Mapping[str, object]) -> Iterable[PayloadCodec]:  # type: ignore[empty-body]
    """Payload codecs of this extension, in the order of encoding. All extensions' codecs have different names."""


@hookspec
def aion_register_commands(cli: click.Group) -> None:
    """Add commands to the `aion` command line: `cli.add_command(…)`. A name that exists is refused by the core."""


# ---- what is asked: the first answer counts


@hookspec(firstresult=True)
def aion_resolve_secret(reference: Mapping[str, object]) -> str | None:
    """The value of a reference to a secret, such as `{ keyring = "orders-db" }`; None for one of another kind.

    `{ env = … }` and `{ file = … }` are resolved by the core and do not come here. Called while the configuration is
    read, so an extension that resolves secrets has no settings that are secret themselves.
    """


@hookspec(firstresult=True)
def aion_classify_error(error: Failure) -> ErrorClass | None:
    """Whether a failed attempt of an activity may be tried again; None when this extension has no opinion.

    Asked when neither the error itself (`ActivityError(retryable=…)`) nor the activity's `Retry` says. `error` is the
    failure as it is recorded: `error.is_("RateLimited")` matches base classes too, and there is no exception object,
    since the activity may have run in another process. Quick and without I/O: it runs on the engine's thread.
    """


# ---- what is told


@hookspec
def aion_engine_started(info: RunningEngine) -> None:
    """The engine is open: recovered, and taking calls. An exception closes it again and leaves `Engine.open`."""


@hookspec
def aion_engine_stopping(info: RunningEngine) -> None:
    """The engine is closing: no turn runs any more, observers have seen everything, and the stores are still open.

    Called in reverse order, for extensions whose `aion_engine_started` returned or which have none. Here files and
    connections are closed. An exception is logged and stops nobody.
    """
