"""`aion.toml`, the environment and what programs hand over, as one typed `Config`."""

from aion_core.config.config import Config
from aion_core.config.drivers import DriverLookup, DriverTable
from aion_core.config.layers import Kind, Origin
from aion_core.config.loading import enabled_extensions, examine, load, settings_of
from aion_core.config.reading import Compose, Examined
from aion_core.config.sections import Activities, ActivityDefaults, Queue, Retry
from aion_core.config.showing import Value
from aion_core.model.settings import AtLeast, AtMost, Rate, Seconds, Secret, Size

__all__ = [
    "Activities",
    "ActivityDefaults",
    "AtLeast",
    "AtMost",
    "Compose",
    "Config",
    "DriverLookup",
    "DriverTable",
    "Examined",
    "Kind",
    "Origin",
    "Queue",
    "Rate",
    "Retry",
    "Seconds",
    "Secret",
    "Size",
    "Value",
    "enabled_extensions",
    "examine",
    "load",
    "settings_of",
]
