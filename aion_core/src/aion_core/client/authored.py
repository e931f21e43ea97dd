"""Typed references to signals and queries, as verbs know them."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Signal(Generic[T]):
    """A signal by name and type."""

    def __init__(self, name: str, type: type[T]) -> None:
        """Both are needed."""
        self.name = name
        self.type: Any = type


class Query(Generic[P, R]):
    """A query by name."""

    returns: ClassVar[Any] = Any

    def __init__(self, name: str) -> None:
        """Its types stand in brackets."""
        self.name = name

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Asked with `run.query()` only."""
        del args, kwargs
        raise TypeError(f"ask query {self.name!r} with run.query().")
