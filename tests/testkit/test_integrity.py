"""That a conformance class can not be weakened unseen."""

import pytest

from aion_testkit import CaseReplaced, EventStoreConformance, VisibilityStoreConformance
from aion_testkit.conformance import Conformance

pytest_plugins = ["pytester"]

HEAD = """
import uuid
import pytest
from aion_core.memory import MemoryVisibilitySettings, MemoryVisibilityStore
from aion_testkit import EventStoreConformance, VisibilityStoreConformance

class TestStore(VisibilityStoreConformance):
    @pytest.fixture
    def make_store(self):
        settings = MemoryVisibilitySettings(name=str(uuid.uuid4()))
        return lambda: MemoryVisibilityStore(settings)
"""
ONE = "test_a_new_store_has_no_cursor"


def test_a_replaced_case_is_refused_by_name():
    with pytest.raises(CaseReplaced, match=rf"TestWeak changes .*{ONE} \(replaced\)"):

        class TestWeak(VisibilityStoreConformance):
            def test_a_new_store_has_no_cursor(self):
                pass


def test_a_removed_case_is_refused_by_name():
    with pytest.raises(CaseReplaced, match=rf"{ONE} \(removed\)"):

        class TestWeak(VisibilityStoreConformance):
            test_a_new_store_has_no_cursor = None


def test_a_case_replaced_by_another_base_is_refused():
    class Sly:
        def test_a_new_store_has_no_cursor(self):
            pass

    with pytest.raises(CaseReplaced, match=ONE):

        class TestWeak(Sly, VisibilityStoreConformance):
            pass


@pytest.mark.parametrize("mark", [pytest.mark.skip, pytest.mark.xfail(reason="later"), pytest.mark.skipif(True)])
def test_a_class_marked_to_be_skipped_is_refused(mark):
    with pytest.raises(CaseReplaced, match=f"marked {mark.name}"):

        class TestWeak(VisibilityStoreConformance):
            pytestmark = mark


def test_cases_of_the_authors_own_are_welcome():
    class TestMore(VisibilityStoreConformance):
        def test_that_the_server_is_new_enough(self):
            pass

    assert TestMore.__test__


def test_the_base_classes_are_not_collected_where_they_are_imported(pytester):
    pytester.makepyfile(HEAD)
    result = pytester.runpytest_inprocess("--collect-only", "-q")
    assert not result.stdout.fnmatch_lines_random(["*::TestStore::*"])
    assert "Conformance::" not in result.stdout.str()


def test_an_unchanged_class_passes_every_case(pytester):
    pytester.makepyfile(HEAD)
    result = pytester.runpytest_inprocess("-q", "-k", "not agrees")
    counts = result.parseoutcomes()
    assert counts.get("passed") == len(VisibilityStoreConformance.cases) - 1
    assert "failed" not in counts


def run_one(pytester, more="", *, conftest=None):
    if conftest:
        pytester.makeconftest(conftest)
    pytester.makepyfile(HEAD + more)
    return pytester.runpytest_inprocess("-q", "-k", f"{ONE} or test_runs_of_one")


@pytest.mark.parametrize("mark", ["skip", "xfail", "skipif(True, reason='x')"])
def test_a_class_marked_after_its_definition_fails_every_case(pytester, mark):
    result = run_one(pytester, f"TestStore = pytest.mark.{mark}(TestStore)\n")
    how = "expected to fail" if mark == "xfail" else "skipped"
    result.assert_outcomes(**{"failed" if mark == "xfail" else "errors": 2})
    result.stdout.fnmatch_lines([f"*the conformance case {ONE} was {how}*"])


def test_a_skip_raised_by_a_fixture_fails_the_case(pytester):
    result = run_one(
        pytester,
        """
    @pytest.fixture(autouse=True)
    def not_today(self):
        pytest.skip("not today")
""",
    )
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([f"*the conformance case {ONE} was skipped (*not today*"])


def test_an_expected_failure_added_while_collecting_fails_the_case(pytester):
    result = run_one(
        pytester,
        conftest="""
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.xfail(reason="known", strict=False))
""",
    )
    result.assert_outcomes(failed=2)


def test_cases_taken_out_of_the_run_end_it(pytester):
    result = run_one(
        pytester,
        conftest=f"""
def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if item.name != "{ONE}"]
""",
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*conformance cases were taken out of the run: {ONE}*"])


def test_a_case_replaced_after_the_definition_fails_by_name(pytester):
    result = run_one(
        pytester,
        f"""
TestStore.{ONE} = lambda self: None
""",
    )
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines([f"*changes cases of the conformance kit: {ONE} (replaced)*"])


def test_what_the_person_at_the_keyboard_leaves_out_is_fine(pytester):
    result = run_one(pytester)
    result.assert_outcomes(passed=2, deselected=len(VisibilityStoreConformance.cases) - 2)


def test_a_run_without_the_plugin_fails(pytester):
    pytester.makepyfile(HEAD)
    result = pytester.runpytest_inprocess("-q", "-k", ONE, "-p", "no:aion_testkit.pytest_plugin")
    assert result.parseoutcomes().get("errors") == 1
    result.stdout.fnmatch_lines(["*the pytest plugin of aion-testkit is not loaded*"])


def test_a_missing_factory_is_explained(pytester):
    pytester.makepyfile("from aion_testkit import EventStoreConformance\nclass TestMine(EventStoreConformance): pass\n")
    result = pytester.runpytest_inprocess("-q", "-k", "test_a_new_place_is_empty")
    result.stdout.fnmatch_lines(["*TestMine needs a fixture `make_store`*"])


def test_cases_that_do_not_apply_are_counted_by_that_name(pytester):
    pytester.makepyfile("""
from aion_core.memory import MemoryEventStore, MemorySettings
from aion_testkit import EventStoreConformance
import pytest
class Plain(MemoryEventStore):
    capabilities = frozenset()
class TestPlain(EventStoreConformance):
    @pytest.fixture
    def make_store(self):
        return lambda: Plain(MemorySettings())
""")
    result = pytester.runpytest_inprocess("-k", "test_two_engines_share_the_shards or test_a_commit_lists_its_run")
    result.stdout.fnmatch_lines(["*2 not applicable*"])
    assert result.ret == 0


@pytest.mark.parametrize("cls", [EventStoreConformance, VisibilityStoreConformance])
def test_every_case_has_a_layer_and_a_name_of_its_own(cls):
    names = [case.name for case in cls.cases]
    assert len(set(names)) == len(names)
    assert {case.layer.partition(".")[0] for case in cls.cases} <= {
        "contract",
        "concurrency",
        "model",
        "faults",
        "golden",
    }


def test_the_number_of_applicable_cases_is_what_it_is():
    """Changes on purpose only: a capability must not make cases disappear unseen."""
    cases = EventStoreConformance.cases
    every = {"multi_engine", "atomic_visibility", "notify", "durable", "sharded_writers"}
    applicable = {
        "nothing": sum(case.applies_to(()) for case in cases),
        **{name: sum(case.applies_to({name}) for case in cases) for name in sorted(every)},
        "everything": sum(case.applies_to(every) for case in cases),
    }
    assert applicable == {
        "nothing": 279,
        "atomic_visibility": 289,
        "durable": 280,
        "multi_engine": 286,
        "notify": 281,
        "sharded_writers": 279,
        "everything": 299,
    }
    assert sum(case.applies_to(()) for case in VisibilityStoreConformance.cases) == len(
        VisibilityStoreConformance.cases
    )
    assert issubclass(EventStoreConformance, Conformance)
