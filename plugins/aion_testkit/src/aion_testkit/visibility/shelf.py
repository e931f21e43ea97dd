"""The visibility store under test as a case sees it: open, with lists that page to the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from aion_core.spi import (
    Condition,
    Query,
    Summary,
    VisibilityStore,
)
from aion_testkit.openings import Openings

MakeVisibilityStore: TypeAlias = Callable[[], VisibilityStore]

_MOST_PAGES: Final = 10_000


class Shelf(Openings[VisibilityStore]):
    """Where stores of one factory keep their summaries. `store` is open; more objects come from `open`."""

    def ids(self, where: Condition | None = None) -> list[str]:
        """The workflow ids that match, sorted."""
        return sorted(row.id for row in self.list(Query(where)))

    def list(self, query: Query | None = None, *, limit: int = 4) -> list[Summary]:
        """Every run that a query asks for, in pages."""
        asked = query or Query()
        found: list[Summary] = []
        page = self.store.list(asked, limit=limit)
        for _ in range(_MOST_PAGES):
            found.extend(page.items)
            if page.next is None:
                return found
            page = self.store.list(asked, after=page.next, limit=limit)
        raise AssertionError("a page without more behind it has no `next`")
