"""The in-memory stores: the reference implementation, and the model that other stores are compared with.

`use = "memory"` in `aion.toml`. With `name = "…"` all openings of that name in a process are one store, which outlives
`close()`; without a name it is private to the object that opened it, and outlives its `close()` too.
"""

from aion_core.memory.events import MemoryEventStore
from aion_core.memory.visibility import MemoryVisibilitySettings, MemoryVisibilityStore
from aion_core.memory.world import MemorySettings

__all__ = ["MemoryEventStore", "MemorySettings", "MemoryVisibilitySettings", "MemoryVisibilityStore"]
