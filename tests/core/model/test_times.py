from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion_core.model.errors import InvalidTime
from aion_core.model.times import Instant, as_datetime, instant, micros


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_keeps_every_microsecond_of_a_datetime(when):
    assert as_datetime(instant(when)) == when


def test_the_same_moment_in_two_zones_is_one_instant():
    tokyo = datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert instant(tokyo) == instant(datetime(2026, 1, 1, 0, tzinfo=UTC))


def test_a_naive_datetime_is_refused_since_nobody_can_say_when_it_is():
    with pytest.raises(InvalidTime) as caught:
        instant(datetime(2026, 1, 1), what="not_before")
    assert str(caught.value) == "not_before 2026-01-01T00:00:00 has no time zone: write datetime(..., tzinfo=UTC), say."
    assert caught.value.code == "invalid-time"


def test_an_instant_outside_the_calendar_is_refused():
    with pytest.raises(InvalidTime, match=r"lies outside the calendar \(years 1 to 9999\)"):
        as_datetime(Instant(2**62))


@pytest.mark.parametrize(
    "when",
    [
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_datetime_that_its_zone_leads_out_of_the_calendar_is_refused(when):
    with pytest.raises(InvalidTime, match=r"the time lies outside the calendar \(years 1 to 9999\)"):
        instant(when)


@pytest.mark.parametrize("when", ["2026-01-01", date(2026, 1, 1), 5])
def test_what_is_no_datetime_is_refused(when):
    with pytest.raises(InvalidTime, match=r"not_before is a (str|date|int); write a datetime with a time zone\."):
        instant(when, what="not_before")


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (1, 1_000_000),
        (0.5, 500_000),
        (timedelta(days=1), 86_400_000_000),
        (1e-9, 1),
        (timedelta.resolution, 1),
        (0.0000015, 2),
    ],
)
def test_a_duration_is_seconds_or_a_timedelta(given_, expected):
    assert micros(given_) == expected


@pytest.mark.parametrize(
    ("given_", "problem"),
    [
        (-1, "start_to_close is -1 s; it must be more than 0."),
        (0, "start_to_close is 0 s; it must be more than 0."),
        (timedelta(seconds=-1), "start_to_close is -1.0 s; it must be more than 0."),
        (float("nan"), "start_to_close is nan; write a finite number of seconds."),
        (float("inf"), "start_to_close is inf; write a finite number of seconds."),
        ("5s", "start_to_close is a str; write seconds or a timedelta."),
        (True, "start_to_close is a bool; write seconds or a timedelta."),
        (1e308, "start_to_close is longer than a thousand years."),
        (10**400, "start_to_close is longer than a thousand years."),
        (timedelta.max, "start_to_close is longer than a thousand years."),
        (1e12, "start_to_close is longer than a thousand years."),
    ],
)
def test_a_bad_duration_is_refused_naming_what_it_is_for(given_, problem):
    with pytest.raises(InvalidTime) as caught:
        micros(given_, what="start_to_close")
    assert str(caught.value) == problem


def test_zero_is_a_duration_only_where_it_means_something():
    assert micros(0, zero=True) == 0
