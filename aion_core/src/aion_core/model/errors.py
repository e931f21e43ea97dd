"""Every error that callers may handle: one tree, each class with one meaning and a stable code.

    AionError
    ├── InvalidInput (ValueError)     what the caller handed over can not be accepted; nothing was changed
    │   ├── InvalidId                 a workflow, run, schedule or message id
    │   ├── InvalidTime               a naive datetime, a negative duration
    │   ├── PayloadError              a value that can not be encoded, or not decoded as the annotated type
    │   │   └── PayloadTooLarge       a value over `[limits] payload`
    │   ├── UnknownAttribute          a search attribute that nobody declared
    │   ├── InvalidAttribute          a search attribute of another type than declared
    │   ├── AttributeConflict         a search attribute declared twice, with two types
    │   ├── InvalidQuery              visibility query text, with the column
    │   ├── InvalidPackage            a package record whose bytes are not what its version says
    │   ├── DuplicateName             two workflows, or two activities, of one name
    │   ├── UnknownWorkflow           no engine here knows a workflow type of this name
    │   └── LimitExceeded             more of something than `[limits]` allows
    ├── ConfigError                   everything that is wrong with the configuration, at once
    ├── PluginError
    │   ├── PluginNotFound            no installed distribution provides the name
    │   ├── PluginLoadError           it could not be imported
    │   ├── PluginConflict            two distributions provide the same name
    │   ├── PluginIncompatible        it needs another version of the core
    │   └── PluginContractError       it lacks methods, has another contract, or lacks a capability
    ├── HistoryError                  one workflow's history can not be used; the others are fine
    │   ├── HistoryTooNew             it holds an event type that this version does not know
    │   ├── HistoryCorrupt            its bytes are not what was written
    │   └── RunChainBroken            its runs do not follow each other
    ├── WorkflowCodeError             workflow code did what it may not do
    │   ├── NonDeterministicCall      it called what gives another answer in a replay, or leaves the process
    │   ├── NonDeterministicCode      its source shows that a replay could not repeat it
    │   ├── NonDeterminism            its commands are not those of the history
    │   ├── ReadOnlyViolation         a query or validator recorded something
    │   └── NotInWorkflow             a call for workflow code was made outside of any
    ├── NotInActivity (RuntimeError)  a call for the bodies of activities was made outside of any
    ├── WaitTimeout (TimeoutError)    a wait ended before what it waited for
    ├── QueryTimeout (TimeoutError)   a query was not answered in its time
    ├── ActivityError                 raised in activities: what went wrong, and whether to try again
    ├── WorkflowError                 raised in workflows: fails the run, with details
    ├── Failed                        what awaiting code and callers catch: somebody else's code failed
    │   ├── ActivityFailed            an activity, after its last attempt
    │   │   ├── ActivityTimedOut      one of its limits passed
    │   │   └── ActivityLost          its worker is gone, and it may not run twice
    │   ├── WorkflowFailed            a workflow
    │   ├── QueryFailed               a query's handler
    │   ├── UpdateRejected            an update's validator; nothing was recorded
    │   └── UpdateFailed              an update's handler
    ├── RunError                      what a verb on a workflow meets
    │   ├── WorkflowNotFound          there is no workflow of this id, or no run of this run id
    │   ├── WorkflowIdConflict        the id is taken, and the start's policy refuses to share it
    │   ├── WorkflowClosed            the run has ended
    │   ├── WorkflowOpen              the run has not ended yet
    │   ├── WorkflowCancelled         the result that was waited for will not come: it was cancelled
    │   ├── WorkflowTerminated        … it was terminated
    │   ├── WorkflowTimedOut          … its deadline passed
    │   ├── WorkflowContinuedAsNew    … the run went on as another one
    │   ├── WorkflowBlocked           the run can not go on until its code changes
    │   └── UnknownHandler            it has no query, signal or update of this name
    ├── EngineError
    │   ├── ShuttingDown              the engine takes nothing new any more
    │   ├── EngineClosed              used after `close`
    │   ├── EngineForked              used in a child process that was forked from its owner
    │   ├── StoreInUse                another engine owns this store
    │   └── NotOwner                  another engine owns this workflow now
    └── StoreError
        ├── StoreUnavailable          nothing was done; try again
        ├── StoreRefused              nothing was done, nor will be: a value, a size, a constraint
        ├── StoreClosed               used before `open` or after `close`
        ├── CursorTooOld              retention has passed this position of the feed
        └── BlobNotFound              a payload that is kept outside its event is gone

An error carries its data as attributes, says what happened, then what to do. `code` never changes once released;
`aion explain CODE` prints the class's documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import ClassVar


class AionError(Exception):
    """Base of every error that Aion raises on purpose."""

    code: ClassVar[str] = "aion-error"


# ---- what the caller handed over


class InvalidInput(AionError, ValueError):
    """Something that was handed to Aion can not be accepted. Nothing was recorded or changed."""

    code: ClassVar[str] = "invalid-input"


class InvalidId(InvalidInput):
    """An id breaks the rules: 1 to 255 characters, no control characters, no space at either end, no `aion:` prefix.

    The prefix `aion:` is reserved for the engine's own workflows.
    """

    code: ClassVar[str] = "invalid-id"

    def __init__(self, what: str, value: object, problem: str) -> None:
        """`what` kind of id, the offending `value`, and the `problem` as the rest of a sentence."""
        super().__init__(f"{what} {_shown(value)} {problem}.")
        self.what = what
        self.value = value
        self.problem = problem


class InvalidTime(InvalidInput):
    """A point in time without a time zone, outside the calendar, or a duration that is not positive."""

    code: ClassVar[str] = "invalid-time"


class PayloadError(InvalidInput):
    """A value can not be written to a history, or what a history holds can not be read as the annotated type.

    `path` says where inside the value (`$.items[2].price`), `type_name` what was expected there.
    """

    code: ClassVar[str] = "payload"

    def __init__(self, problem: str, *, path: str = "$", type_name: str | None = None) -> None:
        """`problem` is the rest of the sentence that begins with where."""
        where = "the value" if path == "$" else f"the value at {path}"
        expected = f" (expected {type_name})" if type_name else ""
        super().__init__(f"{where} {problem}{expected}.")
        self.problem = problem
        self.path = path
        self.type_name = type_name


class PayloadTooLarge(PayloadError):
    """A value is larger than `[limits] payload` allows. Keep large data elsewhere and pass a reference to it."""

    code: ClassVar[str] = "payload-too-large"

    def __init__(self, size: int, limit: int) -> None:
        """Both in bytes."""
        super().__init__(
            f"takes {size:,} bytes, and [limits] payload allows {limit:,}: pass a reference to it, or raise the limit"
        )
        self.size = size
        self.limit = limit


class UnknownAttribute(InvalidInput):
    """A search attribute was used that `[search_attributes]` does not declare."""

    code: ClassVar[str] = "unknown-attribute"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        """`known` are the declared names."""
        declared = ", ".join(sorted(known)) or "none"
        super().__init__(
            f"search attribute {name!r} is not declared (declared: {declared}). "
            f'Add it to aion.toml:  [search_attributes]  {name} = "str"'
        )
        self.name = name
        self.known = tuple(sorted(known))


class InvalidAttribute(InvalidInput):
    """A search attribute's value is not of its declared type. Nothing is converted: an int is not a str."""

    code: ClassVar[str] = "invalid-attribute"

    def __init__(self, name: str, problem: str) -> None:
        """`problem` is the rest of the sentence."""
        super().__init__(f"search attribute {name!r} {problem}.")
        self.name = name
        self.problem = problem


class AttributeConflict(InvalidInput):
    """A search attribute is declared with two types. A declared type never changes: histories hold its values."""

    code: ClassVar[str] = "attribute-conflict"

    def __init__(self, name: str, existing: str, requested: str) -> None:
        """The two types by name."""
        super().__init__(
            f"search attribute {name!r} is declared as {existing} and can not become {requested}: "
            "choose another name for the new one."
        )
        self.name = name
        self.existing = existing
        self.requested = requested


class InvalidQuery(InvalidInput):
    """Query text that can not be understood. `column` counts from 1; the message shows the place."""

    code: ClassVar[str] = "invalid-query"

    def __init__(self, text: str, position: int, problem: str) -> None:
        """`position` counts from 0 in `text`."""
        super().__init__(f"{problem} (column {position + 1})\n{_pointed(text, position)}")
        self.text = text
        self.position = position
        self.column = position + 1
        self.problem = problem


class InvalidPackage(InvalidInput):
    """A package's bytes do not hash to its version, or its record is malformed. Nothing was stored."""

    code: ClassVar[str] = "invalid-package"


class LimitExceeded(InvalidInput):
    """More of something than `[limits]` allows. Nothing was recorded."""

    code: ClassVar[str] = "limit-exceeded"

    def __init__(self, what: str, actual: int, limit: int, *, setting: str) -> None:
        """`setting` is the key in `[limits]`."""
        super().__init__(f"{what}: {actual:,}, and [limits] {setting} allows {limit:,}.")
        self.what = what
        self.actual = actual
        self.limit = limit
        self.setting = setting


class DuplicateName(InvalidInput):
    """Two workflows, or two activities, of one name in one engine. Give one of them another `name=`."""

    code: ClassVar[str] = "duplicate-name"

    def __init__(self, kind: str, name: str, first: str, second: str) -> None:
        """`first` and `second` say where the two are defined."""
        super().__init__(f"two {kind} are called {name!r}: {first} and {second}. Give one of them another name=.")
        self.kind = kind
        self.name = name


class UnknownWorkflow(InvalidInput):
    """No workflow type of this name is registered here. Nothing was recorded."""

    code: ClassVar[str] = "unknown-workflow"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        """`known` are the registered names."""
        self.name = name
        self.known = tuple(sorted(known))
        near = get_close_matches(name, self.known, 1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(
            f"there is no workflow {name!r} here. Known: {', '.join(self.known) or 'none'}.{guess} "
            "Hand it to Engine.open(workflows=[...])."
        )


# ---- configuration and plugins


class ConfigError(AionError):
    """The configuration can not be used. `problems` lists everything that is wrong with it, not just the first."""

    code: ClassVar[str] = "config"

    def __init__(self, problems: Sequence[str], *, source: str | None = None) -> None:
        """Each problem begins with its path in the configuration."""
        self.problems = tuple(problems)
        self.source = source
        where = f" in {source}" if source else ""
        if len(self.problems) == 1:
            super().__init__(f"the configuration{where} can not be used: {self.problems[0]}")
        else:
            lines = "\n".join(f"  {problem}" for problem in self.problems)
            super().__init__(f"the configuration{where} can not be used, {len(self.problems)} problems:\n{lines}")


class PluginError(AionError):
    """A plugin can not be used. `kind` is what it was wanted for (`event_store`), `name` its name in `aion.toml`."""

    code: ClassVar[str] = "plugin"

    def __init__(self, message: str, *, kind: str, name: str) -> None:
        """Subclasses write the message."""
        super().__init__(message)
        self.kind = kind
        self.name = name


class PluginNotFound(PluginError):
    """The configuration names a plugin that no installed distribution provides."""

    code: ClassVar[str] = "plugin-not-found"

    def __init__(self, kind: str, name: str, installed: Iterable[str], *, distribution: str | None = None) -> None:
        """`distribution` is what to install, when it is known."""
        self.installed = tuple(sorted(set(installed)))
        self.distribution = distribution
        near = get_close_matches(name, self.installed, 1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        hint = f"\n  Install it with:  pip install {distribution}" if distribution else ""
        super().__init__(
            f"aion.toml asks for {kind} {name!r}, and no installed distribution provides it. "
            f"Installed: {', '.join(self.installed) or 'none'}.{guess}{hint}",
            kind=kind,
            name=name,
        )


class PluginLoadError(PluginError):
    """A plugin's module raised while it was imported."""

    code: ClassVar[str] = "plugin-load"

    def __init__(self, kind: str, name: str, provider: str, reason: object) -> None:
        """`provider` is distribution and version."""
        self.provider = provider
        super().__init__(f"{kind} {name!r} from {provider} could not be imported: {reason}", kind=kind, name=name)


class PluginConflict(PluginError):
    """Several installed distributions provide a plugin of the same name."""

    code: ClassVar[str] = "plugin-conflict"

    def __init__(self, kind: str, name: str, providers: Iterable[str]) -> None:
        """`providers` are distributions with their versions."""
        self.providers = tuple(providers)
        super().__init__(
            f"{kind} {name!r} is provided more than once: {', '.join(self.providers)}. Uninstall all but one.",
            kind=kind,
            name=name,
        )


class PluginIncompatible(PluginError):
    """A plugin's distribution requires another version of the core than the installed one."""

    code: ClassVar[str] = "plugin-incompatible"

    def __init__(self, kind: str, name: str, provider: str, *, needs: str, installed: str) -> None:
        """`needs` is the requirement as the distribution states it."""
        self.provider = provider
        self.needs = needs
        self.installed = installed
        super().__init__(
            f"{kind} {name!r} from {provider} needs {needs}, but {installed} is installed.", kind=kind, name=name
        )


class PluginContractError(PluginError):
    """A plugin does not fulfil the contract of its kind: methods, contract number, or a capability asked for."""

    code: ClassVar[str] = "plugin-contract"

    def __init__(self, kind: str, name: str, provider: str, problems: Sequence[str]) -> None:
        """Each problem is a full sentence without its subject: `lacks append, read.`."""
        self.provider = provider
        self.problems = tuple(problems)
        sentences = " ".join(["", *self.problems[:1], *(f"It {problem}" for problem in self.problems[1:])])
        super().__init__(f"{kind} {name!r} from {provider}{sentences}", kind=kind, name=name)


# ---- histories


class HistoryError(AionError):
    """One workflow's history can not be used. The workflow is left as it is, and no other one is affected."""

    code: ClassVar[str] = "history"


class HistoryTooNew(HistoryError):
    """A history holds an event type of a newer version. Run the newer version, or leave the workflow to it."""

    code: ClassVar[str] = "history-too-new"

    def __init__(self, event_type: str, *, workflow_id: str | None = None, seq: int | None = None) -> None:
        """The unknown `event_type` as it is written in the history."""
        whose = f"the history of {workflow_id!r}" if workflow_id else "the history"
        at = f" at event {seq}" if seq else ""
        super().__init__(
            f"{whose} holds {event_type!r}{at}, which this version of Aion does not know: "
            "it was written by a newer one. Upgrade aion-durable-core; nothing was changed."
        )
        self.event_type = event_type
        self.workflow_id = workflow_id
        self.seq = seq


class HistoryCorrupt(HistoryError):
    """A history's bytes are not what was written: truncated, flipped, or out of order."""

    code: ClassVar[str] = "history-corrupt"

    def __init__(self, problem: str, *, workflow_id: str | None = None) -> None:
        """`problem` is the rest of the sentence."""
        whose = f"the history of {workflow_id!r}" if workflow_id else "the history"
        super().__init__(f"{whose} {problem}. Restore it from a backup; nothing was changed.")
        self.problem = problem
        self.workflow_id = workflow_id


class RunChainBroken(HistoryError):
    """The runs of a workflow do not follow each other: no first one, two after the same one, or a circle."""

    code: ClassVar[str] = "run-chain-broken"


# ---- workflow code


class WorkflowCodeError(AionError):
    """Workflow code did what it may not do. The turn commits nothing; change the code, and the run goes on."""

    code: ClassVar[str] = "workflow-code"


class NonDeterministicCall(WorkflowCodeError):
    """Workflow code called something that gives another answer in a replay, or that leaves the process."""

    code: ClassVar[str] = "non-deterministic-call"

    def __init__(self, what: str, instead: str, *, source: str = "") -> None:
        """`what` was called, what to use `instead`, and where (`shop.py:41`)."""
        where = f" at {source}" if source else ""
        super().__init__(f"workflow code can not use {what}{where}: use {instead} instead.")
        self.what = what
        self.instead = instead
        self.source = source


class NonDeterministicCode(WorkflowCodeError):
    """The source of a workflow shows something that a replay could not repeat. Nothing was registered."""

    code: ClassVar[str] = "non-deterministic-code"

    def __init__(self, findings: Sequence[str]) -> None:
        """Each finding is a line: file, line, what, and what to use instead."""
        self.findings = tuple(findings)
        listed = "\n".join(f"  {finding}" for finding in self.findings)
        super().__init__(f"workflow code that a replay could not repeat:\n{listed}")


class NonDeterminism(WorkflowCodeError):
    """Replayed code issued other commands than the history holds: it was changed, or it is not deterministic."""

    code: ClassVar[str] = "non-determinism"

    def __init__(self, history: str, code_does: str, *, seq: int | None = None) -> None:
        """What the `history` has and what the code does now, as parts of a sentence."""
        super().__init__(
            f"history has {history}; the code now {code_does}. "
            "Bring the code back, or keep both ways with aion.patched(); nothing was changed."
        )
        self.history = history
        self.code_does = code_does
        self.seq = seq


class ReadOnlyViolation(WorkflowCodeError):
    """A query, a validator or a condition of `wait_until` called something that records."""

    code: ClassVar[str] = "read-only"

    def __init__(self, what: str, call: str) -> None:
        """`what` is running, and the `call` that it made."""
        super().__init__(f"{what} may look and not touch: it called {call}, which records something.")
        self.what = what
        self.call = call


class NotInWorkflow(WorkflowCodeError):
    """A call that only workflow code can make was made outside of any."""

    code: ClassVar[str] = "not-in-workflow"

    def __init__(self, call: str, instead: str) -> None:
        """`instead` says what to do outside of workflows."""
        super().__init__(f"{call} works in workflow code only: {instead}.")
        self.call = call


class NotInActivity(AionError, RuntimeError):
    """A call that only the body of an activity can make was made outside of any."""

    code: ClassVar[str] = "not-in-activity"

    def __init__(self, call: str) -> None:
        """`call` as one writes it."""
        super().__init__(
            f"{call} works in the body of a running activity only. "
            "A test that calls the function itself runs it in aion.testing.activity_context()."
        )
        self.call = call


class WaitTimeout(AionError, TimeoutError):
    """A wait ended before what it waited for came. Nothing was consumed or cancelled."""

    code: ClassVar[str] = "wait-timeout"


# ---- stores


class StoreError(AionError):
    """A store could not do what was asked."""

    code: ClassVar[str] = "store"


class StoreUnavailable(StoreError):
    """The store can not be reached. Nothing was done, and the same call may be made again."""

    code: ClassVar[str] = "store-unavailable"


class StoreRefused(StoreError):
    """The store will never accept this: a value, a size or a constraint. Nothing of the call was done."""

    code: ClassVar[str] = "store-refused"


class StoreClosed(StoreError):
    """The store is used before `open` or after `close`."""

    code: ClassVar[str] = "store-closed"

    def __init__(self, store: str) -> None:
        """`store` is its kind."""
        super().__init__(f"this {store} is not open: call open() first, and nothing after close().")


class CursorTooOld(StoreError):
    """Retention has passed this position of the feed. Rebuild from `states()`, then go on from a new cursor."""

    code: ClassVar[str] = "cursor-too-old"

    def __init__(self, shard: int, position: int, floor: int) -> None:
        """The cursor's position in the shard, and the first one that can still be read after."""
        super().__init__(
            f"the feed of shard {shard} was read up to {position}, and retention has removed entries up to {floor}: "
            "rebuild from states() and read on from there."
        )
        self.shard = shard
        self.position = position
        self.floor = floor


class BlobNotFound(StoreError):
    """A payload that is kept outside its event is not in the store any more, or never was."""

    code: ClassVar[str] = "blob-not-found"

    def __init__(self, key: str) -> None:
        """The blob's key."""
        super().__init__(f"there is no blob {key!r}: it was trimmed with its run, or the store is damaged.")
        self.key = key


def all_errors() -> Iterator[type[AionError]]:
    """Every class of the tree, parents before children, in the order they are drawn above.

    Without those that users and plugins derive: their codes are not ours to promise.
    """
    ours = __name__.partition(".")[0]

    def below(parent: type[AionError]) -> Iterator[type[AionError]]:
        yield parent
        for child in parent.__subclasses__():
            if child.__module__.partition(".")[0] == ours:
                yield from below(child)

    return below(AionError)


_SHOWN = 80


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _pointed(text: str, position: int) -> str:
    """The line of `text` that holds `position`, cut to a readable width, and a caret below the place."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start : end if end >= 0 else len(text)]
    left = max(0, position - start - _SHOWN // 2)
    return f"  {line[left : left + _SHOWN]}\n  {' ' * (position - start - left)}^"
