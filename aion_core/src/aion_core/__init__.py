"""Durable workflow execution inside a Python program. Write `import aion_core as aion`.

What is importable from here is the public API. Authors of plugins import from `aion_core.spi`, too.
"""

from aion_core.model.attributes import AttributeSchema, AttributeType, AttributeValue
from aion_core.model.errors import (
    AionError,
    AttributeConflict,
    BlobNotFound,
    ConfigError,
    CursorTooOld,
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
    PayloadError,
    PayloadTooLarge,
    PluginConflict,
    PluginContractError,
    PluginError,
    PluginIncompatible,
    PluginLoadError,
    PluginNotFound,
    RunChainBroken,
    StoreClosed,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    UnknownAttribute,
)
from aion_core.model.status import Status
from aion_core.model.summaries import Summary
from aion_core.model.times import Duration

__version__ = "0.1.0"

__all__ = [
    "AionError",
    "AttributeConflict",
    "AttributeSchema",
    "AttributeType",
    "AttributeValue",
    "BlobNotFound",
    "ConfigError",
    "CursorTooOld",
    "Duration",
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
    "PayloadError",
    "PayloadTooLarge",
    "PluginConflict",
    "PluginContractError",
    "PluginError",
    "PluginIncompatible",
    "PluginLoadError",
    "PluginNotFound",
    "RunChainBroken",
    "Status",
    "StoreClosed",
    "StoreError",
    "StoreRefused",
    "StoreUnavailable",
    "Summary",
    "UnknownAttribute",
    "__version__",
]
