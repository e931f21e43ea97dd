"""The runtime `thread`: workflow code and activities in threads of the engine's own process."""

from aion_runtime_thread.runtime import ThreadRuntime
from aion_runtime_thread.settings import ThreadSettings

__all__ = ["ThreadRuntime", "ThreadSettings"]
