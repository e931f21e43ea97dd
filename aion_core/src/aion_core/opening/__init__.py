"""Engines and clients, opened from a configuration."""

from aion_core.opening.clients import AsyncClient, Client
from aion_core.opening.engines import AsyncEngine, Engine

__all__ = ["AsyncClient", "AsyncEngine", "Client", "Engine"]
