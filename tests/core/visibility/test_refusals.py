"""What is refused: the class, the code, the words and the column of every error."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from aion_core.model.attributes import AttributeSchema
from aion_core.model.errors import InvalidQuery, LimitExceeded
from aion_core.model.limits import Limits
from aion_core.model.times import instant
from aion_core.visibility import parse, parse_condition

NOW = instant(datetime(2026, 1, 31, 10, tzinfo=UTC))
SCHEMA = AttributeSchema(
    {
        "customer": "str",
        "amount": "int",
        "price": "float",
        "paid": "bool",
        "due": "datetime",
        "tags": "keywords",
    }
)
FIELDS = (
    "(fields: id, run_id, type, status, started, closed, version, parent, schedule, blocked_reason, "
    "amount, customer, due, paid, price, tags)"
)
STATUSES = "(statuses: running, paused, blocked, completed, failed, cancelled, terminated, timed_out, continued_as_new)"
OF_TEXT = "=, !=, <, <=, >, >=, in, between, like, is null"
OF_NUMBERS = "=, !=, <, <=, >, >=, in, between, is null"
OFFSETS = "write 2026-01-31T10:00:00Z for UTC, or an offset as in 2026-01-31T10:00:00+01:00"
DATES = "write '2026-01-31', '2026-01-31T10:00:00Z', -2h or now"
NOT_BEHIND = "behind a field, not is followed by in, between or like; of anything else write not"
PREFIXES = "like finds prefixes only: its one % stands at the end (a real % is \\%)"


def refusal(text: str, params: dict[str, object] | None = None, limits: Limits | None = None) -> InvalidQuery:
    with pytest.raises(InvalidQuery) as caught:
        parse(text, schema=SCHEMA, now=NOW, params=params, limits=limits or Limits())
    return caught.value


# The place of the fault is marked with ⟨⟩ in front of it.
@pytest.mark.parametrize(
    ("marked", "problem"),
    [
        # fields
        ("⟨⟩custmer = 'a'", f"there is no field custmer, did you mean customer? {FIELDS}"),
        ("⟨⟩Status = 'failed'", f"there is no field Status, did you mean status? {FIELDS}"),
        ("paid = true and ⟨⟩x.y = 1", f"there is no field x.y {FIELDS}"),
        ("order by ⟨⟩nope", f"there is no field nope {FIELDS}"),
        ("⟨⟩5 = amount", "the name of a field is missing: 5 came instead"),
        ("⟨⟩and amount = 1", "the name of a field is missing: and came instead"),
        ("amount = 1 and ⟨⟩or paid = true", "the name of a field is missing: or came instead"),
        ("amount = 1 and⟨⟩", "the name of a field is missing: the end came instead"),
        ("not⟨⟩", "the name of a field is missing: the end came instead"),
        ("(⟨⟩)", "the name of a field is missing: ) came instead"),
        ("⟨⟩$x = 1", "the name of a field is missing: $x came instead"),
        ("order by⟨⟩", "the name of a field is missing: the end came instead"),
        # operators
        ("customer ⟨⟩'a'", f"customer is followed by one of {OF_TEXT}, and not by 'a'"),
        ("amount⟨⟩", f"amount is followed by one of {OF_NUMBERS}, and not by the end"),
        ("customer ⟨⟩== 'a'", "equality is written ="),
        ("customer ⟨⟩<> 'a'", "inequality is written !="),
        ("customer ⟨⟩! 'a'", "write != or not"),
        ("amount = 1 ⟨⟩&& paid = true", "write and"),
        ("amount = 1 ⟨⟩|| paid = true", "write or"),
        (
            "customer ⟨⟩contains 'a'",
            f"contains does not apply to customer, which is declared as str; possible: {OF_TEXT}",
        ),
        ("closed ⟨⟩like '2026%'", f"like does not apply to closed, which is a datetime; possible: {OF_NUMBERS}"),
        ("tags ⟨⟩= 'a'", "= does not apply to tags, which is declared as keywords; possible: contains, is null"),
        ("tags ⟨⟩>= 'a'", ">= does not apply to tags, which is declared as keywords; possible: contains, is null"),
        ("tags ⟨⟩in ('a')", "in does not apply to tags, which is declared as keywords; possible: contains, is null"),
        ("paid ⟨⟩< true", "< does not apply to paid, which is declared as bool; possible: =, !=, in, is null"),
        (
            "paid ⟨⟩between false and true",
            "between does not apply to paid, which is declared as bool; possible: =, !=, in, is null",
        ),
        ("customer not ⟨⟩= 'a'", f"{NOT_BEHIND} customer …"),
        ("tags not ⟨⟩contains 'a'", f"{NOT_BEHIND} tags …"),
        ("customer is ⟨⟩'a'", "is goes with null or not null; values are compared with =: customer = …"),
        # values of the wrong type
        ("customer = ⟨⟩5", "customer is declared as str and was given an int: write it in quotes, 'acme'"),
        ("status = ⟨⟩5", "status is a str and was given an int: write it in quotes, 'acme'"),
        ("amount = ⟨⟩'ten'", "amount is declared as int and was given a str: write digits, 42"),
        ("amount = ⟨⟩1.5", "amount is declared as int and was given a float: write digits, 42"),
        ("amount = ⟨⟩true", "amount is declared as int and was given a bool: write digits, 42"),
        ("amount = ⟨⟩-2h", "amount is declared as int and was given a relative time: write digits, 42"),
        ("amount in (1, ⟨⟩'2')", "amount is declared as int and was given a str: write digits, 42"),
        ("amount between 1 and ⟨⟩'2'", "amount is declared as int and was given a str: write digits, 42"),
        ("price = ⟨⟩true", "price is declared as float and was given a bool: write a number, 4.2"),
        ("paid = ⟨⟩1", "paid is declared as bool and was given an int: write true or false"),
        ("due > ⟨⟩5", f"due is declared as datetime and was given an int: {DATES}"),
        ("started > ⟨⟩5", f"started is a datetime and was given an int: {DATES}"),
        ("tags contains ⟨⟩5", "tags is declared as keywords and was given an int: write one keyword in quotes, 'vip'"),
        # null
        ("customer = ⟨⟩null", "null is not compared with, write: customer is null, or is not null"),
        ("customer in ('a', ⟨⟩NULL)", "null is not compared with, write: customer is null, or is not null"),
        # values that can not be
        ("customer = ⟨⟩acme", "acme is not a value: write text in quotes, 'acme'"),
        ("customer = ⟨⟩", "a value is missing: the end came instead"),
        ("customer = ⟨⟩)", "a value is missing: ) came instead"),
        ('customer = ⟨⟩"acme"', "text is written in single quotes: 'acme'"),
        ("customer = ⟨⟩'it", "this text has no closing quote (a quote inside of text is written twice: 'it''s')"),
        ("customer = ⟨⟩'a''", "this text has no closing quote (a quote inside of text is written twice: 'it''s')"),
        ("customer = ⟨⟩'\x00'", "this text holds a NUL or a lone surrogate, which no run has"),
        ("customer = ⟨⟩'\ud800'", "this text holds a NUL or a lone surrogate, which no run has"),
        ("amount = ⟨⟩9223372036854775808", "this number does not fit into 64 bits"),
        ("amount = ⟨⟩-9223372036854775809", "this number does not fit into 64 bits"),
        (f"amount = ⟨⟩{'1' * 500}", "a number of 500 digits is more than any field holds"),
        ("amount = ⟨⟩1.2.3", "1.2.3 is neither a number nor a time like -2h"),
        ("amount = ⟨⟩1and(paid = true)", "1and is neither a number nor a time like -2h"),
        ("amount = ⟨⟩0x10", "0x10 is neither a number nor a time like -2h"),
        ("amount = ⟨⟩- 5", "a sign needs digits right after it: -5, -2h"),
        ("price = ⟨⟩1e999", "this number is not finite, or beyond what a float holds"),
        (f"price = ⟨⟩{'1' * 399}", "this number is not finite, or beyond what a float holds"),
        ("due > ⟨⟩2h", "a relative time has a sign: write -2h or +2h"),
        ("due > ⟨⟩-2H", "-2H is neither a number nor a time like -2h"),
        ("due > ⟨⟩-2hours", "-2hours is neither a number nor a time like -2h"),
        ("due > -9999w and due > ⟨⟩-999999w", "-999999w lies outside the calendar (years 1 to 9999)"),
        (
            "due > ⟨⟩'2026-01-31T10:00:00'",
            f"'2026-01-31T10:00:00' has no time zone: {OFFSETS}",
        ),
        ("due > ⟨⟩'2026-02-30'", f"'2026-02-30' is not a date or time: {DATES}"),
        ("due > ⟨⟩'soon'", f"'soon' is not a date or time: {DATES}"),
        (
            "due > ⟨⟩'0001-01-01T00:00:00+14:00'",
            "'0001-01-01T00:00:00+14:00' lies outside the calendar (years 1 to 9999)",
        ),
        ("due > ⟨⟩+999999w", "+999999w lies outside the calendar (years 1 to 9999)"),
        (f"due > ⟨⟩-{'9' * 4000}w", f"-{'9' * 39}… lies outside the calendar (years 1 to 9999)"),
        ("status = ⟨⟩'faild'", f"'faild' is not a status, did you mean failed? {STATUSES}"),
        ("status in ('failed', ⟨⟩'FAILED')", f"'FAILED' is not a status, did you mean failed? {STATUSES}"),
        ("status = ⟨⟩'xyz'", f"'xyz' is not a status {STATUSES}"),
        # patterns
        ("customer like ⟨⟩'a'", "like finds prefixes only: end the pattern with %, or compare with ="),
        ("customer like ⟨⟩'a\\%'", "like finds prefixes only: end the pattern with %, or compare with ="),
        ("customer like ⟨⟩'%a'", PREFIXES),
        ("customer like ⟨⟩'a%b%'", PREFIXES),
        ("customer like ⟨⟩'a%%'", PREFIXES),
        ("customer like ⟨⟩'a\\b%'", "a backslash in a like pattern is followed by % or \\: write \\% or \\\\"),
        ("customer like ⟨⟩'a\\'", "a backslash in a like pattern is followed by % or \\: write \\% or \\\\"),
        ("customer like ⟨⟩5", "customer is declared as str and was given an int: write it in quotes, 'acme'"),
        # lists and ranges
        ("customer in ⟨⟩'a'", "a list is written in parentheses, ('a', 'b'), or is a parameter"),
        ("customer in ⟨⟩['a']", "a list is written in parentheses: ('a', 'b')"),
        ("customer in ('a' ⟨⟩'b')", "expected , or ) after a value of a list, and found 'b'"),
        ("customer in (⟨⟩,)", "a value is missing: , came instead"),
        ("customer in ('a',⟨⟩", "a value is missing: the end came instead"),
        (f"amount in ⟨⟩({','.join(['1'] * 1001)})", "in compares with at most 1,000 values, and these are 1,001"),
        ("amount between 1⟨⟩", "between takes two values: between 1 and 5"),
        ("amount between 1 ⟨⟩or 2", "between takes two values: between 1 and 5"),
        # structure
        ("⟨⟩(amount = 1", "this ( is never closed"),
        ("⟨⟩(paid = true or (amount = 1) order by amount", "this ( is never closed"),
        ("amount = 1⟨⟩)", "this ) closes nothing"),
        ("(amount = 1 ⟨⟩amount = 2)", "expected and, or or ), and found amount"),
        ("amount = 1 ⟨⟩amount = 2", "expected and, or, order by or the end, and found amount"),
        ("amount = 1⟨⟩;", "a query is one condition: leave the ; out"),
        ("select ⟨⟩* from x", "the only operators are comparisons; a prefix is written like 'order-%'"),
        ("⟨⟩é = 1", "'é' has no meaning here"),
        # order
        ("order by ⟨⟩tags", "tags is declared as keywords, and lists of keywords have no order"),
        ("order by amount desc⟨⟩, price", "an order is one field with asc or desc, and nothing follows it"),
        ("order by amount ⟨⟩down", "an order is one field with asc or desc, and nothing follows it"),
        # parameters
        ("amount = ⟨⟩$x", "the parameter $x was not given (given: none)"),
        ("amount = ⟨⟩$", "a parameter is a $ and a name: $customer"),
    ],
)
def test_a_fault_is_named_and_pointed_at(marked, problem) -> None:
    text = marked.replace("⟨⟩", "", 1)
    error = refusal(text, limits=Limits(query=10_000))
    assert (error.problem, error.position) == (problem, marked.index("⟨⟩"))


def test_a_refusal_is_invalid_input_with_a_stable_code() -> None:
    error = refusal("custmer = 'a'")
    assert (error.code, isinstance(error, ValueError)) == ("invalid-query", True)


def test_a_refusal_shows_the_line_and_a_caret_below_the_fault() -> None:
    assert str(refusal("paid = true and\n  amount = ten")) == (
        "ten is not a value: write text in quotes, 'ten' (column 28)\n    amount = ten\n             ^"
    )


def test_a_long_word_is_cut_in_the_message() -> None:
    assert refusal(f"amount = {'x' * 500}").problem == (
        f"{'x' * 40}… is not a value: write text in quotes, '{'x' * 40}…'"
    )


# ---- parameters


@pytest.mark.parametrize(
    ("text", "params", "problem"),
    [
        ("amount = ⟨⟩$a", {"b": 1}, "the parameter $a was not given (given: $b)"),
        (
            "amount = ⟨⟩$amout",
            {"amount": 1},
            "the parameter $amout was not given, did you mean $amount? (given: $amount)",
        ),
        ("amount = 1⟨⟩", {"x": 1}, "the query does not mention the parameter $x"),
        ("amount = $x⟨⟩", {"x": 1, "z": 1, "y": 1}, "the query does not mention the parameters $y, $z"),
        ("⟨⟩", {"x": 1}, "the query does not mention the parameter $x"),
        ("amount = ⟨⟩$x", {"x": "1"}, "amount is declared as int, and $x is a str"),
        ("amount = ⟨⟩$x", {"x": True}, "amount is declared as int, and $x is a bool"),
        ("amount = ⟨⟩$x", {"x": [1]}, "amount is declared as int, and $x is a list; a whole list goes with in"),
        ("amount = ⟨⟩$x", {"x": None}, "null is not compared with ($x is None), write: amount is null, or is not null"),
        ("amount = ⟨⟩$x", {"x": 10**5000}, "this number does not fit into 64 bits"),
        ("price = ⟨⟩$x", {"x": 10**5000}, "this number is not finite, or beyond what a float holds"),
        ("price = ⟨⟩$x", {"x": float("nan")}, "this number is not finite, or beyond what a float holds"),
        ("due > ⟨⟩$x", {"x": date(2026, 1, 31)}, "due is declared as datetime, and $x is a date"),
        (
            "due > ⟨⟩$x",
            {"x": datetime(2026, 1, 31)},
            "$x 2026-01-31T00:00:00 has no time zone: write datetime(..., tzinfo=UTC), say",
        ),
        (
            "due > ⟨⟩$x",
            {"x": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))},
            "$x lies outside the calendar (years 1 to 9999)",
        ),
        ("due > ⟨⟩$x", {"x": timedelta.max}, "$x lies outside the calendar (years 1 to 9999)"),
        ("status = ⟨⟩$x", {"x": "faild"}, f"'faild' is not a status, did you mean failed? {STATUSES}"),
        ("status in ⟨⟩$x", {"x": ["failed", "faild"]}, f"'faild' is not a status, did you mean failed? {STATUSES}"),
        ("customer = ⟨⟩$x", {"x": "\x00"}, "this text holds a NUL or a lone surrogate, which no run has"),
        ("customer like ⟨⟩$x", {"x": "%a"}, PREFIXES),
        ("amount in ⟨⟩$x", {"x": 5}, "in compares with a list, and $x is an int: write in ($x)"),
        ("customer in ⟨⟩$x", {"x": "abc"}, "in compares with a list, and $x is a str: write in ($x)"),
        ("amount in ⟨⟩$x", {"x": [1, "2"]}, "amount is declared as int, and $x[1] is a str"),
        ("amount in ⟨⟩$x", {"x": [1] * 1001}, "in compares with at most 1,000 values, and these are 1,001"),
    ],
)
def test_a_parameter_is_checked_like_a_literal(text, params, problem) -> None:
    error = refusal(text.replace("⟨⟩", ""), params)
    assert (error.problem, error.position) == (problem, text.index("⟨⟩"))


# ---- counting


def test_an_order_is_refused_where_runs_are_counted() -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse_condition("paid = true order by amount", schema=SCHEMA, now=NOW)
    assert (caught.value.problem, caught.value.column) == (
        "there is nothing to order here, only to count: leave order by out",
        13,
    )


def test_an_order_alone_is_refused_where_runs_are_counted() -> None:
    with pytest.raises(InvalidQuery, match="nothing to order"):
        parse_condition("order by amount", schema=SCHEMA, now=NOW)


def test_unused_parameters_are_refused_where_runs_are_counted() -> None:
    with pytest.raises(InvalidQuery, match=r"does not mention the parameter \$x"):
        parse_condition("paid = true", schema=SCHEMA, now=NOW, params={"x": 1})


# ---- limits


def test_text_over_the_limit_is_limit_exceeded() -> None:
    with pytest.raises(LimitExceeded) as caught:
        parse("amount = 1".ljust(4097), schema=SCHEMA, now=NOW)
    assert (caught.value.setting, caught.value.code, str(caught.value)) == (
        "query",
        "limit-exceeded",
        "characters of a query: 4,097, and [limits] query allows 4,096.",
    )


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("(" * 65 + "amount = 1" + ")" * 65, 64),
        ("not " * 65 + "amount = 1", 260),
        ("not (" * 32 + "not (amount = 1)" + ")" * 32, 164),
    ],
)
def test_nesting_over_the_limit_is_refused_where_it_passes_it(text, position) -> None:
    error = refusal(text)
    assert (error.problem, error.position) == ("nested deeper than the 64 levels of [limits] depth", position)
