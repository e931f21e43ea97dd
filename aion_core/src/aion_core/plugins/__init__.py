"""Discovery and composition: stevedore finds and loads, pluggy asks and tells."""

from __future__ import annotations

from aion_core.plugins.composition import Plugins, compose
from aion_core.plugins.drivers import Driver, DriverKind
from aion_core.plugins.extensions import Extension
from aion_core.plugins.installed import InstalledPlugin

__all__ = ["Driver", "DriverKind", "Extension", "InstalledPlugin", "Plugins", "compose"]
