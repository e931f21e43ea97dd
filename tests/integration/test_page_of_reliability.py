"""The page of reliability says what was tried, and what was not."""

import json

import pytest
from docs.reliability import PAGE, TRIALS, page

pytest_plugins = ["pytester"]

LINE = {"what": "kill -9", "on": "SQLite", "times": 150, "seed": 1, "profile": "ci", "measured": {"lives": 1_234}}


def rows(text, what):
    return [line for line in text.splitlines() if line.startswith(f"| {what} |")]


def test_parts_of_a_trial_are_one_row_with_what_was_measured():
    (row,) = rows(page([LINE, LINE]), "kill -9")
    assert row == "| kill -9 | SQLite | 300 | 1 | lives 1,234 |"


def test_what_was_tried_at_night_is_a_row_of_its_own():
    assert len(rows(page([LINE, {**LINE, "profile": "nightly"}]), "kill -9")) == 2


def test_a_trial_without_evidence_is_said_not_to_have_been_run():
    assert all("**not run**" in rows(page([]), trial.what)[0] for trial in TRIALS)


def test_a_trial_that_the_page_does_not_explain_is_refused():
    with pytest.raises(SystemExit, match="does not know these trials: magic"):
        page([{**LINE, "what": "magic"}])


def test_everything_on_the_page_as_it_stands_was_run():
    assert "**not run**" not in PAGE.read_text(encoding="utf-8")


def test_evidence_goes_where_the_option_says(pytester):
    pytester.makeconftest("pytest_plugins = ['tests.evidence']")
    pytester.makepyfile("def test_it(evidence): evidence('kill -9', on='here', times=3, lives=2)")
    pytester.runpytest_inprocess("--evidence", "found.jsonl").assert_outcomes(passed=1)
    (line,) = (pytester.path / "found.jsonl").read_text().splitlines()
    assert (json.loads(line)["times"], json.loads(line)["measured"]) == (3, {"lives": 2})
