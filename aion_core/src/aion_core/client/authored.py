"""Stand-ins for what workflow authors write, until their room is here."""

from __future__ import annotations

from typing import Any, Generic, ParamSpec, TypeVar

from aion_core.codec import Values
from aion_core.model.payloads import Payload

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")
T = TypeVar("T")


class Signature:
    """Stand-in."""

    def __init__(self, returns: Any = Any) -> None:
        """Stand-in."""
        self.returns = returns

    def encode(self, values: Values, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Payload:
        """Stand-in."""
        return values.encode({"args": list(args), "kwargs": dict(kwargs)} if kwargs else list(args))

    def decode(self, values: Values, payload: Payload) -> tuple[list[Any], dict[str, Any]]:
        """Stand-in."""
        plain: Any = values.decode(payload)
        return plain, {}


class Signal(Generic[T]):
    """Stand-in."""

    def __init__(self, name: str, type: type[T]) -> None:
        """Stand-in."""
        self.name = name
        self.type = type


class Query(Generic[P, R]):
    """Stand-in."""

    def __init__(self, name: str, returns: Any = Any) -> None:
        """Stand-in."""
        self.name = name
        self.signature = Signature(returns)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Stand-in."""
        raise NotImplementedError
