"""Pages of rows in the order of a key, and tokens that say where one ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from aion_core.spi import Page, PageToken, StoreRefused
from aion_store_sql.dialects.dialect import Row

T = TypeVar("T")


def key_of(token: PageToken | None, *types: type) -> tuple[Any, ...]:
    """The key that a token holds; nothing for None. StoreRefused for one that this kind of page did not give."""
    if token is None:
        return ()
    try:
        key: list[Any] = msgspec.json.decode(token, type=list[Any])
    except msgspec.MsgspecError:
        key = []
    if [type(part) for part in key] != list(types):
        raise StoreRefused(f"{token!r} is not a page token of this store.")
    return tuple(key)


def token_of(key: Sequence[Any]) -> PageToken:
    """The token that holds this key."""
    return msgspec.json.encode(key).decode()


def page_of(
    rows: Sequence[Row], limit: int, item: Callable[[Row], T], key: Callable[[Row], Sequence[Any]]
) -> Page[T, PageToken]:
    """A page of rows that were asked for with one more than it may hold, to see whether there is another."""
    shown = rows[:limit]
    return Page(tuple(map(item, shown)), token_of(key(shown[-1])) if len(rows) > limit else None)
