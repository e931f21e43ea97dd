"""Cuts query text into tokens, each with its place, so that every later complaint can point at it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

import msgspec

from aion_core.model.errors import InvalidQuery


class Kind(Enum):
    """What a token is."""

    NAME = auto()
    """A field or a keyword: only its place tells which, so an attribute may be called `order`."""
    TEXT = auto()
    INT = auto()
    FLOAT = auto()
    RELATIVE = auto()
    PARAMETER = auto()
    SIGN = auto()
    END = auto()


class Token(msgspec.Struct, frozen=True, gc=False):
    """One piece of the text, as it is written there."""

    kind: Kind
    text: str
    position: int
    word: str = ""
    """A name in lower case, to be compared with keywords; of anything else empty."""

    @property
    def shown(self) -> str:
        """How a message calls it."""
        return "the end" if self.kind is Kind.END else cut(self.text)


# Each alternative ends where a longer word can not begin: `2hours` is no `2h`, and `1.2.3` no `1.2`.
_TOKEN: Final = re.compile(
    r"""\s*+(?:
      (?P<NAME>      [A-Za-z_][A-Za-z0-9_]*+(?:\.[A-Za-z_][A-Za-z0-9_]*+)*+ )
    | (?P<SIGN>      <=|>=|!=|(?:=(?!=))|<(?!>)|[>(),] )
    | (?P<TEXT>      '[^']*+(?:''[^']*+)*+' )
    | (?P<RELATIVE>  [+-]?[0-9]++[smhdw](?![\w.]) )
    | (?P<INT>       [+-]?[0-9]++(?![\w.]) )
    | (?P<FLOAT>     [+-]?[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![\w.]) )
    | (?P<PARAMETER> \$[A-Za-z_][A-Za-z0-9_]*+ )
    | (?P<END>       \Z )
    )""",
    re.VERBOSE,
)
_NUMBER_LIKE: Final = re.compile(r"[+-]?\d[\w.]*")
_KINDS: Final = {kind.name: kind for kind in Kind}

_NOT_OURS: Final[Mapping[str, str]] = {
    "==": "equality is written =",
    "<>": "inequality is written !=",
    "&&": "write and",
    "||": "write or",
    "'": "this text has no closing quote (a quote inside of text is written twice: 'it''s')",
    '"': "text is written in single quotes: 'acme'",
    "$": "a parameter is a $ and a name: $customer",
    "!": "write != or not",
    "-": "a sign needs digits right after it: -5, -2h",
    "+": "a sign needs digits right after it: +5, +1h",
    "*": "the only operators are comparisons; a prefix is written like 'order-%'",
    "%": "a prefix is written like 'order-%', in quotes",
    "[": "a list is written in parentheses: ('a', 'b')",
    ";": "a query is one condition: leave the ; out",
}
"""What other languages write, by how it begins, and what to write here. Longer beginnings come first."""

_SHOWN: Final = 40


def tokens_of(text: str) -> list[Token]:
    """The tokens in order; the last one, and only it, is the end."""
    found: list[Token] = []
    match, position = _TOKEN.match, 0
    while True:
        piece = match(text, position)
        if piece is None:
            raise _unreadable(text, position)
        name = piece.lastgroup or ""
        kind = _KINDS[name]
        word = piece[name]
        position = piece.end()
        found.append(Token(kind, word, position - len(word), word.lower() if kind is Kind.NAME else ""))
        if kind is Kind.END:
            return found


def cut(text: str) -> str:
    """What a message shows of text that may be long."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _unreadable(text: str, position: int) -> InvalidQuery:
    rest = text[position:].lstrip()
    position = len(text) - len(rest)
    if number := _NUMBER_LIKE.match(rest):
        return InvalidQuery(text, position, f"{cut(number.group())} is neither a number nor a time like -2h")
    for beginning, problem in _NOT_OURS.items():
        if rest.startswith(beginning):
            return InvalidQuery(text, position, problem)
    return InvalidQuery(text, position, f"{rest[0]!r} has no meaning here")
