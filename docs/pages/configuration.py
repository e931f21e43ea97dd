"""The page of configuration: every key of every section."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from aion_core.config.describing import Setting, described
from aion_core.config.sections import PLAIN_SECTIONS, SECTIONS, ActivityDefaults, Queue
from aion_core.memory import MemoryEventStore, MemoryVisibilityStore
from aion_core.model.attributes import AttributeType


@frozen
class Section:
    """A section whose keys are not all written in one class of the core."""

    title: str
    text: str
    keys: type[Any] | None = None


_DRIVER: Final = "`use` names the driver; every other key belongs to it. `aion plugins info NAME` lists its keys."

SPECIAL: Final[Mapping[str, tuple[Section, ...]]] = {
    "event_store": (
        Section(
            "[event_store]",
            f'Where histories are kept. {_DRIVER} Default: `use = "sql"`, `url = "sqlite:///aion.db"`.',
        ),
        Section('[event_store] with use = "memory"', "Lost with the process: for tests.", MemoryEventStore.settings),
    ),
    "visibility_store": (
        Section(
            "[visibility_store]",
            f'Where runs are found by their attributes. {_DRIVER} Default: `use = "event_store"`, the event store\'s '
            "own, which has no other keys.",
        ),
        Section(
            '[visibility_store] with use = "memory"',
            "Lost with the process: for tests.",
            MemoryVisibilityStore.settings,
        ),
    ),
    "runtime": (
        Section(
            "[runtime]",
            "What runs workflow code, and activities of queues that name no other runtime. "
            f'{_DRIVER} Default: `use = "thread"`.',
        ),
    ),
    "runtimes": (Section("[runtimes.NAME]", f"Further runtimes, for queues to name. {_DRIVER}"),),
    "queues": (Section("[queues.NAME]", inspect.cleandoc(Queue.__doc__ or ""), Queue),),
    "loaders": (
        Section(
            "[[loaders]]",
            f"Where workflow code comes from; as many as there are. {_DRIVER} Default: what `Engine.open` is handed.",
        ),
    ),
    "activities": (
        Section(
            "[activities], [activities.NAME]",
            "What an activity's decorator does not say: for all activities, and for one. A limit of 0 is no limit. "
            "In `[activities]`, `start_to_close` is `600` by default.",
            ActivityDefaults,
        ),
    ),
    "search_attributes": (
        Section(
            "[search_attributes]",
            "Declares the attributes that runs are found by: `NAME = TYPE`. The types are "
            + ", ".join(f'`"{kind}"`' for kind in AttributeType)
            + ".",
        ),
    ),
}


def page() -> str:
    """Every section in its order."""
    parts = [
        "# Configuration keys",
        (
            "How `aion.toml` is found, what beats what and how secrets are written: see the "
            "[guide](../guides/configuration.md). `aion config show` prints what holds and where it was said."
        ),
        (
            'A **size** is a number of bytes, or text with a unit of 1024: `"64KB"`, `"2MB"`, `"1GB"`. '
            'A **duration** is a number of seconds, or text: `"500ms"`, `"30s"`, `"5m"`, `"2h"`, `"7d"`, `"2w"`. '
            'A **rate** is text: `"25/s"`, `"100/m"`, `"1000/h"`. A **secret** is text or a reference.'
        ),
        "## Top level",
        (
            "| key | type | default | meaning |\n|---|---|---|---|\n"
            "| `schema` | integer |  | The version of the file's format: `1`. Every file says it. |\n"
            "| `profiles.NAME` | table |  | Sections that are laid over the file's when the profile is chosen. |"
        ),
    ]
    for name in SECTIONS:
        parts.extend(_sections(name))
    return "\n\n".join(parts)


def _sections(name: str) -> Iterator[str]:
    kind = PLAIN_SECTIONS.get(name)
    sections = SPECIAL.get(name) or (Section(f"[{name}]", inspect.cleandoc((kind and kind.__doc__) or ""), kind),)
    for section in sections:
        yield f"## `{section.title}`"
        yield section.text
        if section.keys is not None:
            yield "\n".join(
                ["| key | type | default | meaning |", "|---|---|---|---|", *map(_row, described(section.keys))]
            )


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else ""
    return f"| `{setting.key}` | {setting.type} | {default} | {setting.text} |"
