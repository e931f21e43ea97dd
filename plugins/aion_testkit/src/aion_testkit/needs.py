"""Which capability a case needs, and how a case that does not apply is told apart from one that was skipped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

F = TypeVar("F", bound=Callable[..., None])

NOT_APPLICABLE: Final = "not applicable"
"""The property of a test that ends because its case does not apply; every other skip is a failure."""
_ATTRIBUTE: Final = "aion_needs"


def needs(*capabilities: str) -> Callable[[F], F]:
    """Declare that a case applies only to stores with these capabilities."""

    def declare(case: F) -> F:
        setattr(case, _ATTRIBUTE, frozenset(capabilities))
        return case

    return declare


def needs_of(case: Callable[..., None]) -> frozenset[str]:
    """What was declared."""
    declared: frozenset[str] = getattr(case, _ATTRIBUTE, frozenset())
    return declared
