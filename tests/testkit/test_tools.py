"""What the kit is made of: wrappers, faults, the runner, the clock, the oracle and the golden files."""

import itertools
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion_core.memory import MemoryEventStore, MemorySettings, MemoryVisibilitySettings, MemoryVisibilityStore
from aion_core.spi import Commit, Committed, EventStore, StoreUnavailable, Unknown, VisibilityStore, check_commits
from aion_core.visibility import matches, ordered
from aion_testkit import (
    Fault,
    FaultyEventStore,
    ForwardingEventStore,
    ForwardingVisibilityStore,
    NotForwarded,
    SteppedPlatform,
    Verdict,
    check_forwarding,
    run_conformance,
)
from aion_testkit.builders import (
    closing_commit,
    continuing_commit,
    engine,
    moment,
    new_run_commit,
    next_commit,
    run_id,
    start_commit,
)
from aion_testkit.clock import wait_for_the_clock_of
from aion_testkit.events.golden import golden_commits, golden_names
from aion_testkit.events.model import ModelStore
from aion_testkit.expect import raises, same
from aion_testkit.forwarding import methods_of, require_forwarding
from aion_testkit.profile import profile
from aion_testkit.visibility.oracle import listed
from aion_testkit.visibility.samples import queries, summaries

_numbers = itertools.count()


def memory_place():
    settings = MemorySettings(name=f"tools-{next(_numbers)}")
    return lambda: MemoryEventStore(settings)


def visibility_place():
    settings = MemoryVisibilitySettings(name=f"tools-{next(_numbers)}")
    return lambda: MemoryVisibilityStore(settings)


# ---- wrappers


def test_the_forwarding_wrappers_forward_every_method():
    check_forwarding(EventStore, ForwardingEventStore)
    check_forwarding(VisibilityStore, ForwardingVisibilityStore)


def test_a_method_that_a_contract_gains_later_is_an_error_until_it_is_forwarded():
    class Grown(EventStore):
        def weather(self) -> str:
            return "fine"

    class Wrapper(ForwardingEventStore, Grown):
        pass

    with pytest.raises(NotForwarded, match="Wrapper does not forward weather"):
        require_forwarding(Wrapper, Grown)


def test_every_method_of_the_contracts_is_abstract():
    for contract in (EventStore, VisibilityStore):
        assert set(methods_of(contract)) == set(contract.__abstractmethods__)


def test_a_wrapper_that_swallows_a_call_is_caught():
    class Swallows(ForwardingEventStore):
        def settle(self, outcomes):
            pass

    with pytest.raises(NotForwarded, match=r"Swallows\.settle does not reach"):
        check_forwarding(EventStore, Swallows)


def test_a_wrapper_that_loses_an_answer_is_caught():
    class Loses(ForwardingEventStore):
        def deliver(self, leases):
            self.store.deliver(leases)
            return 0

    with pytest.raises(NotForwarded, match=r"Loses\.deliver does not return"):
        check_forwarding(EventStore, Loses)


def test_a_wrapper_that_drops_an_argument_is_caught():
    class Drops(ForwardingEventStore):
        def put_package(self, package, *, route=()):
            self.store.put_package(package)

    with pytest.raises(NotForwarded, match="put_package"):
        check_forwarding(EventStore, Drops)


def test_a_wrapper_declares_what_its_store_can_do():
    store = MemoryEventStore()
    wrapped = ForwardingEventStore(store)
    assert (wrapped.capabilities, wrapped.limits) == (store.capabilities, store.limits)


def test_a_wrapped_store_conforms():
    def wrapped_place():
        make = memory_place()
        return lambda: FaultyEventStore(make(), [])

    report = run_conformance("event_store", wrapped_place, only=["contract.histories", "contract.commits"])
    assert report.failed == ()
    assert report.conforms


@pytest.mark.parametrize(
    ("fault", "landed"),
    [(Fault.LOST_REPLY, [True, True]), (Fault.LOST_REQUEST, [False, False]), (Fault.HALF, [True, False])],
)
def test_a_fault_applies_what_its_name_says(fault, landed):
    with FaultyEventStore(MemoryEventStore(), [fault]) as store:
        fences = {lease.shard: lease.fence for lease in store.lease(engine(), store.shards, 60).mine}
        commits = [start_commit(name, fence=next(iter(fences.values()))) for name in ("a", "b")]
        assert [type(answer) for answer in store.append(commits)] == [Unknown, Unknown]
        assert [state is not None for state in store.state(["a", "b"])] == landed


def test_an_unavailable_store_has_done_nothing():
    with FaultyEventStore(MemoryEventStore(), [Fault.UNAVAILABLE]) as store:
        store.lease(engine(), store.shards, 60)
        commit = start_commit("a", fence=1)
        with pytest.raises(StoreUnavailable):
            store.append([commit])
        assert store.append([commit]) == [Committed(1)]


# ---- the runner


def test_a_report_has_every_case_with_its_layer():
    report = run_conformance("visibility_store", visibility_place, only=["contract", "faults"])
    assert report.conforms
    assert {result.layer for result in report.cases} >= {"contract.listing", "faults"}
    assert {result.verdict for result in report.cases} == {Verdict.PASSED}


def test_a_failure_is_reported_in_the_words_of_the_contract():
    class Forgets(MemoryEventStore):
        def state(self, workflow_ids):
            return [None for _ in workflow_ids]

    def place():
        settings = MemorySettings(name=f"tools-{next(_numbers)}")
        return lambda: Forgets(settings)

    case = "test_the_state_names_the_op_id_that_wrote_it"
    (failed,) = run_conformance("event_store", place, only=[case]).failed
    assert (failed.layer, failed.case) == ("contract.commits", case)
    assert "WorkflowState.op_id is of the commit that wrote the row" in failed.error
    assert "got:      None" in failed.error


def test_a_store_that_can_not_be_made_fails_its_cases():
    def place():
        raise OSError("no server")

    report = run_conformance("event_store", place, only=["test_a_new_place_is_empty"])
    assert not report.conforms
    assert "no server" in report.failed[0].error


def test_a_failure_while_closing_is_a_failure():
    class Jams(MemoryEventStore):
        def close(self):
            raise OSError("jammed")

    def place():
        settings = MemorySettings(name=f"tools-{next(_numbers)}")
        return lambda: Jams(settings)

    assert run_conformance("event_store", place, only=["test_a_new_place_is_empty"]).failed


def test_cases_that_do_not_apply_are_reported_as_such():
    report = run_conformance("event_store", memory_place, only=["test_what_was_acknowledged_survives_a_killed_process"])
    assert [result.verdict for result in report.cases] == [Verdict.NOT_APPLICABLE]
    assert not report.conforms, "a report without a passed case proves nothing"


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="there are no conformance cases for 'loader'"):
        run_conformance("loader", memory_place)
    with pytest.raises(ValueError, match="no cases or layers called nosuch"):
        run_conformance("event_store", memory_place, only=["contract.feed", "nosuch"])


PROGRAM = """
import itertools, sys
from aion_core.memory import MemoryVisibilitySettings, MemoryVisibilityStore
from aion_testkit import run_conformance
names = (f"place-{n}" for n in itertools.count())
def make_place():
    settings = MemoryVisibilitySettings(name=next(names))
    return lambda: MemoryVisibilityStore(settings)
for _ in range(2):
    report = run_conformance("visibility_store", make_place, only=["model", "faults"])
    assert report.conforms and len(report.cases) == 3, report
"""


def test_a_program_runs_conformance_twice_quietly_and_leaves_nothing(tmp_path):
    (tmp_path / "conftest.py").write_text("raise SystemExit('the conftest of somebody else')\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --bogus\n")
    before = sorted(tmp_path.rglob("*"))
    environment = {**os.environ, "PYTEST_ADDOPTS": "--bogus", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(tmp_path.rglob("*")) == before


def test_the_plugin_costs_a_test_run_nothing():
    program = (
        "import sys, aion_testkit.pytest_plugin; print([n for n in ('aion_core', 'hypothesis') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ---- what the cases stand on


@given(st.lists(summaries(), max_size=8), queries())
def test_the_oracle_agrees_with_the_core(rows, query):
    kept = list({(row.id, row.run_id): row for row in rows}.values())
    found = [row for row in kept if query.where is None or matches(query.where, row)]
    assert listed(kept, query) == ordered(found, query.order)


def test_builders_make_valid_commits():
    first = start_commit("order-1", events=2)
    second = next_commit(first, events=0, open_record=b"x")
    third = continuing_commit(second)
    fourth = closing_commit(third)
    fifth = new_run_commit(fourth)
    chain: list[Commit] = [first, second, third, fourth, fifth]
    model = ModelStore()
    for commit in chain:
        check_commits([commit], EventStore.limits)
        assert model.append(commit) == Committed(commit.head)
    runs = model.workflows[first.workflow_id].runs
    assert [(run.run_id, run.first_seq, run.last_seq) for run in runs] == [
        (run_id("order-1", 1), 1, 3),
        (run_id("order-1", 2), 4, 5),
        (run_id("order-1", 3), 6, None),
    ]
    assert [run.previous_run for run in runs] == [None, run_id("order-1", 1), run_id("order-1", 2)]


def test_run_ids_are_version_7_and_sort_by_number():
    ids = [run_id("order-1", number) for number in range(1, 20)]
    assert ids == sorted(ids)
    assert {(text[14], text[19]) for text in ids} == {("7", "8")}


@pytest.mark.parametrize("name", golden_names())
def test_golden_files_hold_valid_commits(name):
    commits = golden_commits(name)
    assert commits
    for commit in commits:
        check_commits([commit], EventStore.limits)


def test_a_stepped_platform_moves_only_by_hand():
    platform = SteppedPlatform()
    assert platform.now() == moment(0)
    platform.advance(1.5)
    platform.sleep(0.5)
    assert (platform.now(), platform.monotonic()) == (moment(2), 2.0)
    assert platform.run_id() != platform.run_id()
    assert platform.op_id() != platform.op_id()
    assert len(platform.random_bytes(16)) == 16


def test_without_a_clock_of_ours_the_store_s_own_time_passes():
    with MemoryEventStore() as store:
        before = store.lease(engine(), 0, 1.0).now
        wait_for_the_clock_of(store, 0.05)
        assert store.lease(engine(), 0, 1.0).now - before > 50_000


def test_expectations_say_what_the_contract_says():
    with pytest.raises(AssertionError, match=r"(?s)the sentence.*expected: 2.*got:      1"):
        same(1, 2, "the sentence")
    with (
        pytest.raises(AssertionError, match=r"(?s)the sentence.*StoreUnavailable.*no error"),
        raises(StoreUnavailable, "the sentence"),
    ):
        pass
    with pytest.raises(AssertionError, match=r"(?s)the sentence.*OSError"), raises(StoreUnavailable, "the sentence"):
        raise OSError


@pytest.mark.parametrize("name", ["default", "ci", "nightly"])
def test_profiles_come_from_the_environment(monkeypatch, name):
    monkeypatch.setenv("AION_TEST_PROFILE", name)
    assert profile().examples >= 100


def test_an_unknown_profile_is_refused(monkeypatch):
    monkeypatch.setenv("AION_TEST_PROFILE", "nosuch")
    with pytest.raises(ValueError, match="nosuch: the profiles are default, ci, nightly"):
        profile()
