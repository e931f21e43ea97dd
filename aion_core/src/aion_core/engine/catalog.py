"""What code an engine has: the workflows and activities it was handed, by name, and which version they are."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeAlias, cast

from aion_core.authoring.activities import AsyncActivity, SyncActivity
from aion_core.authoring.workflows import Workflow
from aion_core.engine.lifecycle import CodeOptions
from aion_core.model.errors import DuplicateName, UnknownWorkflow
from aion_core.model.ids import Version

_ENVIRONMENT: Final = "env:"

AnyWorkflow: TypeAlias = Workflow[..., Any]
AnyActivity: TypeAlias = SyncActivity[..., Any] | AsyncActivity[..., Any]


class Catalog:
    """A `CodeSource` of what was handed over. Looked into from any thread; what code calls is added later."""

    def __init__(self, workflows: Iterable[object] = (), activities: Iterable[object] = ()) -> None:
        """Functions, modules (every decorated object in them) and dotted names, in both lists.

        Raises `DuplicateName` for two of one name, and TypeError for what is neither.
        """
        self._workflows: dict[str, AnyWorkflow] = {}
        self._activities: dict[str, AnyActivity] = {}
        self._learned: dict[str, AnyActivity] = {}
        for given in (*workflows, *activities):
            for found in _members(_imported(given)):
                self._register(found)
        self.version = _version_of((*self._workflows.values(), *self._activities.values()))
        """Of all of it together: a change anywhere in the modules that define it makes another one, and so does
        another choice from them."""

    @property
    def types(self) -> tuple[str, ...]:
        """The names of the workflows, sorted."""
        return tuple(sorted(self._workflows))

    def options(self, workflow_type: str, version: Version | None) -> CodeOptions:
        """What a new run of this type begins with. Raises `UnknownWorkflow`, naming those that are known."""
        known = self._workflows.get(workflow_type)
        if known is None or version not in {None, self.version}:
            raise UnknownWorkflow(workflow_type, self.types)
        return CodeOptions(version=self.version, timeout=known.timeout, retry=known.retry)

    def knows_activity(self, name: str) -> bool:
        """Whether its body is at hand. Unless it was handed over, that takes a run that has called it."""
        return name in self._activities or name in self._learned

    # ---- see `CodeSource`

    def workflow(self, name: str, version: Version) -> object:
        """See `CodeSource.workflow`. Code of the environment is what it is today, whatever version a run began with."""
        del version
        if name not in self._workflows:
            known = ", ".join(self.types) or "none"
            raise LookupError(f"workflow {name!r} is not registered here; known are: {known}")
        return self._workflows[name]

    def activity(self, name: str, version: Version) -> object:
        """See `CodeSource.activity`."""
        del version
        found = self._activities.get(name) or self._learned.get(name)
        if found is None:
            raise LookupError("hand it to Engine.open(activities=[…]), or call it from a workflow that is registered")
        return found

    def note(self, activity: object) -> None:
        """See `CodeSource.note`."""
        known = cast("AnyActivity", activity)
        self._learned[known.name] = known

    # ----

    def _register(self, found: AnyWorkflow | AnyActivity) -> None:
        if isinstance(found, Workflow):
            self._add("workflows", self._workflows, found)
        else:
            self._add("activities", self._activities, found)

    @staticmethod
    def _add(kind: str, known: dict[str, Any], found: AnyWorkflow | AnyActivity) -> None:
        other = known.get(found.name)
        if other is not None and other.fn is not found.fn and other != found:
            raise DuplicateName(kind, found.name, _place(other.fn), _place(found.fn))
        known[found.name] = found


def _imported(given: object) -> object:
    """What a dotted name stands for; anything else as it is."""
    if not isinstance(given, str):
        return given
    try:
        return import_module(given)
    except ModuleNotFoundError as error:
        module, _, name = given.rpartition(".")
        if not module or (error.name is not None and not given.startswith(error.name)):
            raise
        return getattr(import_module(module), name)


def _members(given: object) -> list[AnyWorkflow | AnyActivity]:
    if isinstance(given, Workflow | SyncActivity | AsyncActivity):
        return [cast("AnyWorkflow | AnyActivity", given)]
    if isinstance(given, ModuleType):
        return [
            cast("AnyWorkflow | AnyActivity", each)
            for each in vars(given).values()
            if isinstance(each, Workflow | SyncActivity | AsyncActivity)
        ]
    shown = getattr(given, "__name__", None) or repr(given)
    raise TypeError(
        f"{shown} is neither a workflow nor an activity: decorate it with @aion.workflow or @aion.activity, "
        "or name a module that holds some."
    )


def _place(fn: object) -> str:
    """`shop.py:41`, or what else says where it is."""
    code = getattr(inspect.unwrap(fn) if callable(fn) else fn, "__code__", None)
    if code is None:
        return repr(fn)
    return f"{code.co_filename}:{code.co_firstlineno}"


def _version_of(registered: Iterable[AnyWorkflow | AnyActivity]) -> Version:
    """A hash of which these are, and of the modules' sources that define them; of bytecode where there is no source.

    Which they are counts: what is blocked for want of a type goes on once the same module's type is handed over.
    """
    parts: dict[str, bytes] = {}
    for each in registered:
        parts[f"{each.name} {each.__module__}"] = getattr(each.fn, "__qualname__", "").encode()
        module = sys.modules.get(each.__module__)
        source = _source(module)
        code = getattr(each.fn, "__code__", None)
        if source is not None:
            parts[each.__module__] = source
        elif code is not None:
            parts[f"{each.__module__}.{each.name}"] = code.co_code + repr(code.co_consts).encode()
    digest = hashlib.sha256()
    for name in sorted(parts):
        digest.update(f"{name} {len(parts[name])} ".encode())
        digest.update(parts[name])
    return Version(f"{_ENVIRONMENT}{digest.hexdigest()[:16]}")


def _source(module: ModuleType | None) -> bytes | None:
    file = getattr(module, "__file__", None)
    if file is None:
        return None
    try:
        return Path(file).read_bytes()
    except OSError:
        return None
