"""How signals and queries are named."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def handler_name(kind: str, fn: Callable[..., Any], given: object) -> str:
    """`name=`, or what the function is called. TypeError when it has no name that one could send something to."""
    if not callable(fn):
        raise TypeError(f"@aion.{kind} stands on a function, not on {fn!r}.")
    name = getattr(fn, "__name__", None) if given is None else given
    if not isinstance(name, str) or not name or (given is None and name.startswith("<")):
        raise TypeError(f"the {kind} that {fn!r} handles needs a name: aion.{kind}(…, name={kind!r}).")
    return name


def name_of(kind: str, name: object) -> str:
    """A name that somebody wrote, checked."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"a {kind} is named by a text that is not empty, and not by {name!r}.")
    return name


def is_plain(fn: object) -> bool:
    """Whether it is something that can be called and does not have to be awaited."""
    return callable(fn) and not inspect.iscoroutinefunction(fn)
