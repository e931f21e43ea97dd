"""The parser: from query text to conditions. Either the whole text is understood, or the first fault is pointed at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import define, field

from aion_core.model.attributes import AttributeSchema, AttributeType, AttributeValue
from aion_core.model.conditions import (
    FIELD_TYPES,
    NEWEST_FIRST,
    Among,
    And,
    Between,
    Comparison,
    Condition,
    Contains,
    Field,
    IsNull,
    Not,
    Operator,
    Or,
    Order,
    Query,
    StartsWith,
)
from aion_core.model.errors import InvalidQuery, LimitExceeded
from aion_core.model.limits import Limits
from aion_core.model.times import Instant
from aion_core.visibility.evaluate import ALWAYS_PRESENT
from aion_core.visibility.tokens import Kind, Token, tokens_of
from aion_core.visibility.values import Values, did_you_mean

DEFAULT_LIMITS: Final = Limits()

_BUILT_IN: Final = {name: Field(name, kind) for name, kind in FIELD_TYPES.items()}
_COMPARISONS: Final = {str(operator): operator for operator in Operator}
_ORDERED: Final = (*_COMPARISONS, "in", "between", "is null")
_TEXT: Final = (*_COMPARISONS, "in", "between", "like", "is null")
_POSSIBLE: Final[Mapping[AttributeType, tuple[str, ...]]] = {
    AttributeType.STR: _TEXT,
    AttributeType.INT: _ORDERED,
    AttributeType.FLOAT: _ORDERED,
    AttributeType.DATETIME: _ORDERED,
    AttributeType.BOOL: ("=", "!=", "in", "is null"),
    AttributeType.KEYWORDS: ("contains", "is null"),
}
_NEGATABLE: Final = ("in", "between", "like")


def parse(
    text: str,
    *,
    schema: AttributeSchema,
    now: Instant,
    params: Mapping[str, object] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Query:
    """What to list, and in which order. Blank text is every run, newest first.

    `$name` in the text stands for `params["name"]`, and relative times count from `now`. Raises `InvalidQuery`, which
    points at the column, or `LimitExceeded`.
    """
    parser = _Parser(text, schema, Values(text, now=now, params=params or {}), limits)
    query = Query(parser.where(), parser.order())
    parser.end()
    return query


def parse_condition(
    text: str,
    *,
    schema: AttributeSchema,
    now: Instant,
    params: Mapping[str, object] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Condition | None:
    """Which runs to count; None is all of them. As `parse`, but an `order by` is refused."""
    parser = _Parser(text, schema, Values(text, now=now, params=params or {}), limits)
    where = parser.where()
    parser.no_order()
    parser.end()
    return where


@define
class _Group:
    """What has been read of a pair of parentheses, or of the whole text."""

    opened_by: Token | None = None
    negations: int = 0
    """How often the group as a whole is negated."""
    depth: int = 0
    alternatives: list[Condition] = field(factory=list[Condition])
    conjuncts: list[Condition] = field(factory=list[Condition])
    """Of the last alternative, which is still being read."""

    def end_alternative(self) -> None:
        self.alternatives.append(_all_of(self.conjuncts))
        self.conjuncts = []

    def condition(self) -> Condition:
        self.end_alternative()
        return _any_of(self.alternatives)


class _Parser:
    """Reads one text from left to right. What is open is kept on a list, so that depth costs no stack."""

    def __init__(self, text: str, schema: AttributeSchema, values: Values, limits: Limits) -> None:
        if len(text) > limits.query:
            raise LimitExceeded("characters of a query", len(text), limits.query, setting="query")
        self._text = text
        self._schema = schema
        self._values = values
        self._deepest = limits.depth
        self._tokens = tokens_of(text)
        self._next = 0

    # ---- clauses

    def where(self) -> Condition | None:
        """The condition, if there is one."""
        if self._tokens[0].kind is Kind.END or self._at_order():
            return None
        groups = [_Group()]
        whole: Condition | None = None
        while whole is None:
            negations, token = self._negations()
            depth = groups[-1].depth + negations
            if token.text == "(":
                depth += 1
                groups.append(_Group(token, negations, depth))
            if depth > self._deepest:
                raise self._refused(token, f"nested deeper than the {self._deepest:,} levels of [limits] depth")
            if token.text != "(":
                whole = self._after(_negated(self._test(token), negations), groups)
        return whole

    def order(self) -> Order:
        """The order, or the default one."""
        if not self._at_order():
            return NEWEST_FIRST
        self._next += 2
        token = self._take()
        by = self._field(token)
        if by.type is AttributeType.KEYWORDS:
            raise self._refused(token, f"{by.name} is declared as keywords, and lists of keywords have no order")
        descending = self._accept("desc")
        if not descending:
            self._accept("asc")
        if self._peek().kind is not Kind.END:
            raise self._refused(self._peek(), "an order is one field with asc or desc, and nothing follows it")
        return Order(by, descending)

    def no_order(self) -> None:
        """Refuse an order where none has a meaning."""
        if self._at_order():
            raise self._refused(self._peek(), "there is nothing to order here, only to count: leave order by out")

    def end(self) -> None:
        """Refuse whatever is left: of the text, and of the parameters."""
        token = self._peek()
        if token.text == ")":
            raise self._refused(token, "this ) closes nothing")
        if token.kind is not Kind.END:
            raise self._refused(token, f"expected and, or, order by or the end, and found {token.shown}")
        self._values.check_used()

    # ---- conditions

    def _negations(self) -> tuple[int, Token]:
        """How many times `not` is written here, and the token after them."""
        count = 0
        token = self._take()
        while token.word == "not":
            count += 1
            token = self._take()
        return count, token

    def _after(self, operand: Condition, groups: list[_Group]) -> Condition | None:
        """Take in an operand and the words that follow it. The whole condition, unless another operand has to come."""
        while True:
            group = groups[-1]
            group.conjuncts.append(operand)
            if self._accept("and"):
                return None
            if self._accept("or"):
                group.end_alternative()
                return None
            if group.opened_by is None:
                return group.condition()
            self._close(group.opened_by)
            groups.pop()
            operand = _negated(group.condition(), group.negations)

    def _test(self, token: Token) -> Condition:
        """A test of one field, whose name is `token`."""
        tested = self._field(token)
        sign = self._take()
        if comparison := _COMPARISONS.get(sign.text):
            self._check_possible(sign.text, sign, tested)
            return Comparison(tested, comparison, self._values.one(self._take(), tested))
        if sign.word == "is":
            return self._is_null(tested)
        if sign.word != "not":
            return self._worded_test(sign, tested)
        sign = self._take()
        if sign.word not in _NEGATABLE:
            problem = (
                f"behind a field, not is followed by in, between or like; of anything else write not {token.shown} …"
            )
            raise self._refused(sign, problem)
        lacks = Not(self._worded_test(sign, tested))
        return lacks if tested.name in ALWAYS_PRESENT else And((Not(IsNull(tested)), lacks))

    def _worded_test(self, sign: Token, tested: Field) -> Condition:
        match sign.word:
            case "in" | "between" | "like" | "contains":
                self._check_possible(sign.word, sign, tested)
            case _:
                possible = ", ".join(_POSSIBLE[tested.type])
                raise self._refused(sign, f"{tested.name} is followed by one of {possible}, and not by {sign.shown}")
        match sign.word:
            case "in":
                return Among(tested, self._list(tested))
            case "between":
                low = self._values.one(self._take(), tested)
                self._expect("and", "between takes two values: between 1 and 5")
                return Between(tested, low, self._values.one(self._take(), tested))
            case "like":
                return StartsWith(tested, self._values.prefix(self._take(), tested))
            case _:
                return Contains(tested, str(self._values.one(self._take(), tested)))

    def _is_null(self, tested: Field) -> Condition:
        negated = self._accept("not")
        self._expect("null", f"is goes with null or not null; values are compared with =: {tested.name} = …")
        return Not(IsNull(tested)) if negated else IsNull(tested)

    def _list(self, tested: Field) -> tuple[AttributeValue, ...]:
        opening = self._take()
        if opening.kind is Kind.PARAMETER:
            return self._values.many(opening, tested)
        if opening.text != "(":
            raise self._refused(opening, "a list is written in parentheses, ('a', 'b'), or is a parameter")
        values: list[AttributeValue] = []
        token = self._take()
        while token.text != ")":
            values.append(self._values.one(token, tested))
            token = self._take()
            if token.text == ",":
                token = self._take()
            elif token.text != ")":
                raise self._refused(token, f"expected , or ) after a value of a list, and found {token.shown}")
        self._values.check_length(len(values), opening)
        return tuple(values)

    def _field(self, token: Token) -> Field:
        name = token.text
        if built_in := _BUILT_IN.get(name):
            return built_in
        if declared := self._schema.type_of(name):
            return Field(name, declared, attribute=True)
        if token.kind is not Kind.NAME or token.word in {"and", "or"}:
            raise self._refused(token, f"the name of a field is missing: {token.shown} came instead")
        known = [*_BUILT_IN, *sorted(self._schema.types)]
        problem = f"there is no field {token.shown}{did_you_mean(name, known)} (fields: {', '.join(known)})"
        raise self._refused(token, problem)

    def _check_possible(self, sign: str, token: Token, tested: Field) -> None:
        possible = _POSSIBLE[tested.type]
        if sign not in possible:
            declared = f"is {'declared as' if tested.attribute else 'a'} {tested.type}"
            problem = f"{sign} does not apply to {tested.name}, which {declared}; possible: {', '.join(possible)}"
            raise self._refused(token, problem)

    # ---- tokens

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        if token.kind is not Kind.END:
            self._next += 1
        return token

    def _accept(self, word: str) -> bool:
        found = self._tokens[self._next].word == word
        self._next += found
        return found

    def _expect(self, word: str, problem: str) -> None:
        token = self._take()
        if token.word != word:
            raise self._refused(token, problem)

    def _at_order(self) -> bool:
        return self._peek().word == "order" and self._tokens[self._next + 1].word == "by"

    def _close(self, opened_by: Token) -> None:
        token = self._take()
        if token.text == ")":
            return
        if token.kind is Kind.END or token.word == "order":
            raise self._refused(opened_by, "this ( is never closed")
        raise self._refused(token, f"expected and, or or ), and found {token.shown}")

    def _refused(self, token: Token, problem: str) -> InvalidQuery:
        return InvalidQuery(self._text, token.position, problem)


def _negated(condition: Condition, times: int) -> Condition:
    for _ in range(times):
        condition = Not(condition)
    return condition


def _all_of(operands: list[Condition]) -> Condition:
    """One `And` of them, without an `And` directly inside."""
    if len(operands) == 1:
        return operands[0]
    flat: list[Condition] = []
    for operand in operands:
        flat += operand.operands if isinstance(operand, And) else (operand,)
    return And(tuple(flat))


def _any_of(operands: list[Condition]) -> Condition:
    """One `Or` of them, without an `Or` directly inside."""
    if len(operands) == 1:
        return operands[0]
    flat: list[Condition] = []
    for operand in operands:
        flat += operand.operands if isinstance(operand, Or) else (operand,)
    return Or(tuple(flat))
