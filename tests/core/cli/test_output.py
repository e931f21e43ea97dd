"""How commands print: to people on terminals of some width, to pipes, and to programs."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta

import pytest

from aion_core.cli.moments import age, iso, told
from aion_core.cli.output import print_hanging, print_json, print_table, print_value, status_style

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def terminal(monkeypatch):
    def be(columns):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setattr("shutil.get_terminal_size", lambda: type("Size", (), {"columns": columns}))
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")

    return be


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def lines(text):
    return [line.rstrip() for line in plain(text).splitlines()]


def draw(**more):
    print_table(["ID", "STARTED", "AGO"], [["order-42", "2026-01-01 12:00:00", "3 min"]], **more)


def test_a_table_in_a_pipe_has_all_columns_and_no_colours(capsys):
    draw(styles=["bold"], spare=["STARTED"])
    assert capsys.readouterr().out == ("ID        STARTED              AGO\norder-42  2026-01-01 12:00:00  3 min\n")


def test_a_wide_terminal_gets_all_columns(capsys, terminal):
    terminal(36)
    draw(spare=["STARTED"])
    assert lines(capsys.readouterr().out)[0] == "ID        STARTED              AGO"


def test_a_narrow_terminal_does_without_the_columns_that_can_be_spared(capsys, terminal):
    terminal(35)
    draw(spare=["STARTED"])
    assert lines(capsys.readouterr().out) == ["ID        AGO", "order-42  3 min"]


def test_a_cell_may_have_a_colour_of_its_own(capsys, terminal):
    terminal(80)
    print_table(["STATUS"], [["failed"], ["paused"]], styles=[status_style])
    out = capsys.readouterr().out
    assert "\x1b[31mfailed" in out
    assert "\x1b[31mpaused" not in out


def test_what_is_too_long_goes_on_below_where_it_began(capsys, terminal):
    terminal(30)
    print_hanging("  note  ", "a text of more than thirty characters")
    assert lines(capsys.readouterr().out) == ["  note  a text of more than", "        thirty characters"]


def test_a_pipe_gets_long_lines_whole(capsys):
    print_hanging("  note  ", "word " * 50 + "end")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_no_color_leaves_no_colour(capsys, terminal, monkeypatch):
    terminal(80)
    monkeypatch.setenv("NO_COLOR", "1")
    print_hanging("lead ", "text", style="red")
    assert capsys.readouterr().out == "lead text\n"


def test_programs_get_times_in_utc_durations_in_seconds_and_bytes_in_base64(capsys):
    print_json({"at": NOON, "for": timedelta(minutes=1), "raw": b"\x00\xff"})
    assert json.loads(capsys.readouterr().out) == {"at": "2026-01-01T12:00:00Z", "for": 60.0, "raw": "AP8="}


def test_a_value_is_one_line_in_a_pipe_and_readable_on_a_terminal(capsys, terminal):
    print_value({"a": ["ü"]})
    assert capsys.readouterr().out == '{"a": ["ü"]}\n'
    terminal(80)
    print_value({"a": 1})
    assert capsys.readouterr().out == '{\n  "a": 1\n}\n'


def test_iso_times_are_in_utc_to_the_microsecond():
    assert iso(datetime.fromisoformat("2026-01-01T12:00:00.000001+01:00")) == "2026-01-01T11:00:00.000001Z"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (7300, "2 h"), (86_400 * 40, "40 d")],
)
def test_an_age_has_the_one_unit_that_matters(seconds, shown):
    assert age(NOON, NOON + timedelta(seconds=seconds)) == shown


def test_a_time_is_told_both_ways():
    assert told(NOON, NOON + timedelta(minutes=3)) == "2026-01-01 12:00:00 UTC, 3 min ago"
    assert told(NOON, NOON - timedelta(hours=2)) == "2026-01-01 12:00:00 UTC, in 2 h"
