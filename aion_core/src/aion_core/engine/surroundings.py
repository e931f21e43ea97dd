"""What the turn loop needs of the engine around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from aion_core.client.requests import AnyReaction
from aion_core.engine.lifecycle import CodeOptions
from aion_core.engine.recorder import Recording, Rules
from aion_core.engine.resident import Caller
from aion_core.engine.writer import Write
from aion_core.ledger import RunLedger
from aion_core.model.errors import AionError
from aion_core.model.ids import Fence, RunId, Version, WorkflowId
from aion_core.model.limits import Limits
from aion_core.model.times import Micros
from aion_core.platform import Platform
from aion_core.spi.records import Batch
from aion_core.spi.runtime import Activation


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow was read: its current run, or that there is none, or why it can not be read."""

    workflow_id: WorkflowId
    ledger: RunLedger | None = None
    history: Sequence[Batch] = ()
    error: AionError | None = None


class Surroundings(Protocol):
    """Everything that is not the loop's own. Nothing here blocks."""

    platform: Platform
    rules: Rules
    limits: Limits
    resident: int
    """Idle workflows that stay in memory."""
    keep: Micros
    """How long the id of a settled message is remembered."""

    def load(self, workflow_id: WorkflowId) -> None:
        """Read it; `Turns.loaded` hears of it."""
        ...

    def met(self, ledger: RunLedger) -> None:
        """An open run was read: what it waits for has to be known to whoever brings it."""
        ...

    def activate(self, batch: Sequence[Activation]) -> None:
        """Run code; `Turns.activated` hears of it."""
        ...

    def evict(self, runs: Sequence[RunId]) -> None:
        """The runtime forgets these."""
        ...

    def write(self, item: Write) -> None:
        """Commit; `Turns.written` hears of it."""
        ...

    def fence(self, workflow_id: WorkflowId) -> Fence | None:
        """Under which lease the workflow is written; None when its shard is not ours."""
        ...

    def code(self, workflow_type: str, version: Version | None) -> CodeOptions:
        """What a new run of this type begins with. Raises `UnknownWorkflow`."""
        ...

    def current_version(self) -> Version:
        """Of the code that runs here: what a blocked run remembers, to be tried again with another."""
        ...

    def release(self, ledger: RunLedger, recording: Recording) -> None:
        """The turn is durable: let its effects happen."""
        ...

    def give_back(self, recording: Recording) -> None:
        """The turn was not written: slots that it reserved are free again."""
        ...

    def tell(self, caller: Caller, reaction: AnyReaction | BaseException, *, durable: bool) -> None:
        """What became of an arrival. `durable`: its message's outcome stands in the commit."""
        ...
