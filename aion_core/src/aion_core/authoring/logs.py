"""`aion.log`: a logger that knows whose code is speaking, and is silent while a replay repeats itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

from aion_core.authoring.activity_context import running
from aion_core.authoring.context import current_or_none


class WorkflowLog(logging.LoggerAdapter[logging.Logger]):
    """Adds ids to `extra`. In workflow code each line is written once, whatever number of replays follows."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log it, unless it was logged when the code first came by here."""
        if not self.isEnabledFor(level):
            return
        text, more = self.process(msg, kwargs)
        deeper = int(more.pop("stacklevel", 1))
        run = current_or_none()
        if run is None:
            self.logger.log(level, text, *args, stacklevel=deeper + 1, **more)
        else:  # handlers may write to files and sockets, which is not the workflow's doing
            run.outside(lambda: self.logger.log(level, text, *args, stacklevel=deeper + 3, **more))

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # the name that logging has
        """False in a replay."""
        run = current_or_none()
        return (run is None or not run.replaying) and super().isEnabledFor(level)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """With `workflow_id`, `run_id` and `workflow_type` in `extra`; in an activity its name and attempt, too."""
        return msg, {**kwargs, "extra": {**_ids(), **(kwargs.get("extra") or {})}}


def _ids() -> Mapping[str, object]:
    if (run := current_or_none()) is not None:
        it = run.info()
        return {"workflow_id": it.workflow_id, "run_id": it.run_id, "workflow_type": it.workflow_type}
    if (context := running.get()) is not None:
        task = context.task
        return {
            "workflow_id": task.workflow_id,
            "run_id": task.run_id,
            "workflow_type": task.workflow_type,
            "activity": task.activity_type,
            "attempt": task.attempt,
        }
    return {}


log = WorkflowLog(logging.getLogger("aion.workflow"), {})
"""For workflow code and activities; anywhere else it is an ordinary logger."""
