"""Durable workflow execution inside a Python program. Write `import aion_core as aion`.

What is importable from here is the public API. Authors of plugins import from `aion_core.spi`, too.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from aion_core.model.attributes import AttributeSchema, AttributeType, AttributeValue
from aion_core.model.errors import (
    AionError,
    AttributeConflict,
    BlobNotFound,
    ConfigError,
    CursorTooOld,
    DuplicateName,
    HistoryCorrupt,
    HistoryError,
    HistoryTooNew,
    InvalidAttribute,
    InvalidId,
    InvalidInput,
    InvalidPackage,
    InvalidQuery,
    InvalidTime,
    LimitExceeded,
    NonDeterminism,
    NonDeterministicCall,
    NonDeterministicCode,
    NotInActivity,
    NotInWorkflow,
    PayloadError,
    PayloadTooLarge,
    PluginConflict,
    PluginContractError,
    PluginError,
    PluginIncompatible,
    PluginLoadError,
    PluginNotFound,
    ReadOnlyViolation,
    RunChainBroken,
    StoreClosed,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    UnknownAttribute,
    UnknownWorkflow,
    WaitTimeout,
    WorkflowCodeError,
)
from aion_core.model.failed import (
    ActivityError,
    ActivityFailed,
    ActivityLost,
    ActivityTimedOut,
    EngineClosed,
    EngineError,
    EngineForked,
    Failed,
    NotOwner,
    QueryFailed,
    QueryTimeout,
    RunError,
    ShuttingDown,
    StoreInUse,
    UnknownHandler,
    UpdateFailed,
    UpdateRejected,
    WorkflowBlocked,
    WorkflowCancelled,
    WorkflowClosed,
    WorkflowContinuedAsNew,
    WorkflowError,
    WorkflowFailed,
    WorkflowIdConflict,
    WorkflowNotFound,
    WorkflowOpen,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from aion_core.model.status import Status
from aion_core.model.times import Duration

if TYPE_CHECKING:
    from aion_core.client.aio import AsyncRun
    from aion_core.client.events import Event
    from aion_core.client.history import History
    from aion_core.client.run import Run
    from aion_core.client.views import Description, FeedEntry, PendingActivity, Summary
    from aion_core.opening import AsyncClient, Client

__version__ = "0.1.0"

__all__ = [
    "ActivityError",
    "ActivityFailed",
    "ActivityLost",
    "ActivityTimedOut",
    "AionError",
    "AsyncClient",
    "AsyncRun",
    "AttributeConflict",
    "AttributeSchema",
    "AttributeType",
    "AttributeValue",
    "BlobNotFound",
    "Client",
    "ConfigError",
    "CursorTooOld",
    "Description",
    "DuplicateName",
    "Duration",
    "EngineClosed",
    "EngineError",
    "EngineForked",
    "Event",
    "Failed",
    "FeedEntry",
    "History",
    "HistoryCorrupt",
    "HistoryError",
    "HistoryTooNew",
    "InvalidAttribute",
    "InvalidId",
    "InvalidInput",
    "InvalidPackage",
    "InvalidQuery",
    "InvalidTime",
    "LimitExceeded",
    "NonDeterminism",
    "NonDeterministicCall",
    "NonDeterministicCode",
    "NotInActivity",
    "NotInWorkflow",
    "NotOwner",
    "PayloadError",
    "PayloadTooLarge",
    "PendingActivity",
    "PluginConflict",
    "PluginContractError",
    "PluginError",
    "PluginIncompatible",
    "PluginLoadError",
    "PluginNotFound",
    "QueryFailed",
    "QueryTimeout",
    "ReadOnlyViolation",
    "Run",
    "RunChainBroken",
    "RunError",
    "ShuttingDown",
    "Status",
    "StoreClosed",
    "StoreError",
    "StoreInUse",
    "StoreRefused",
    "StoreUnavailable",
    "Summary",
    "UnknownAttribute",
    "UnknownHandler",
    "UnknownWorkflow",
    "UpdateFailed",
    "UpdateRejected",
    "WaitTimeout",
    "WorkflowBlocked",
    "WorkflowCancelled",
    "WorkflowClosed",
    "WorkflowCodeError",
    "WorkflowContinuedAsNew",
    "WorkflowError",
    "WorkflowFailed",
    "WorkflowIdConflict",
    "WorkflowNotFound",
    "WorkflowOpen",
    "WorkflowTerminated",
    "WorkflowTimedOut",
    "__version__",
]

_LATER: Final = {
    "AsyncClient": "aion_core.opening",
    "AsyncRun": "aion_core.client.aio",
    "Client": "aion_core.opening",
    "Description": "aion_core.client.views",
    "Event": "aion_core.client.events",
    "FeedEntry": "aion_core.client.views",
    "History": "aion_core.client.history",
    "PendingActivity": "aion_core.client.views",
    "Run": "aion_core.client.run",
    "Summary": "aion_core.client.views",
}
"""What is imported when it is first used: talking to workflows needs codecs and configuration, declaring them not."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_LATER[name]), name)
    globals()[name] = found
    return found
