"""Contract of ATOMIC_VISIBILITY: append and trim keep the summaries in the same atom."""

from __future__ import annotations

from msgspec.structs import replace

from aion_core.spi import (
    Capability,
    Conflict,
    Fenced,
    Query,
    Status,
    Summary,
    VisibilityStore,
    WorkflowId,
)
from aion_testkit.builders import (
    closing_commit,
    continuing_commit,
    new_run_commit,
    next_commit,
    run_id,
    start_commit,
)
from aion_testkit.conformance import Layer
from aion_testkit.expect import one, same
from aion_testkit.needs import needs
from aion_testkit.place import Place

_ALL = 1000


def listed(place: Place) -> list[Summary]:
    """Every run that the store lists, by workflow and run id."""
    if not isinstance(place.store, VisibilityStore):
        raise TypeError("a store that declares ATOMIC_VISIBILITY is a VisibilityStore")
    return sorted(place.store.list(Query(), limit=_ALL).items, key=lambda row: (row.id, row.run_id))


class AtomicVisibilityCases(Layer):
    """Summaries that are kept by the event store itself."""

    layer = "contract.visible"

    @needs(Capability.ATOMIC_VISIBILITY)
    def test_a_commit_lists_its_run(self, place: Place) -> None:
        commit = start_commit("order-1", attributes={"customer": "acme"})
        place.commit(commit)
        same(listed(place), [commit.state.summary], "append keeps the summary in the same atom")

    @needs(Capability.ATOMIC_VISIBILITY)
    def test_a_later_commit_replaces_the_summary(self, place: Place) -> None:
        first = start_commit("order-1")
        last = closing_commit(next_commit(first, attributes={"customer": "acme"}), Status.FAILED)
        place.commit(first, next_commit(first, attributes={"customer": "acme"}), last)
        same(listed(place), [last.state.summary], "one row for each run: the last one")

    @needs(Capability.ATOMIC_VISIBILITY)
    def test_a_commit_without_a_batch_may_change_the_summary(self, place: Place) -> None:
        first = start_commit("order-1")
        quiet = next_commit(first, events=0, attributes={"customer": "acme"})
        place.commit(first, quiet)
        same(listed(place), [quiet.state.summary], "visibility follows the state, with or without events")

    @needs(Capability.ATOMIC_VISIBILITY)
    def test_a_continued_run_stays_listed_beside_the_next(self, place: Place) -> None:
        first = start_commit("order-1")
        second = continuing_commit(first)
        place.commit(first, second)
        same(listed(place), [run.summary for run in second.runs], "every run of the commit is listed")

    @needs(Capability.ATOMIC_VISIBILITY)
    def test_a_conflict_changes_nothing_that_is_listed(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first)
        rival = start_commit("order-1", mark="rival", attributes={"customer": "rival"})
        one(place.append(rival), Conflict, "the rival meets a conflict")
        same(listed(place), [first.state.summary], "a conflict changes nothing visible")

    @needs(Capability.ATOMIC_VISIBILITY)
    def test_a_fenced_commit_changes_nothing_that_is_listed(self, place: Place) -> None:
        first = place.fenced(start_commit("order-1"))
        place.commit(first)
        place.take_over()
        one(place.store.append([closing_commit(first)]), Fenced, "the old owner is fenced")
        same(listed(place), [first.state.summary], "a fenced commit changes nothing visible")

    @needs(Capability.ATOMIC_VISIBILITY)
    def test_a_repeated_commit_changes_nothing_that_is_listed(self, place: Place) -> None:
        commit = start_commit("order-1")
        place.commit(commit, replace(commit, visible=True))
        same(listed(place), [commit.state.summary], "a repeat does nothing")

    @needs(Capability.ATOMIC_VISIBILITY)
    def test_trimming_removes_the_runs_before_from_the_list(self, place: Place) -> None:
        first = start_commit("order-1")
        ended = closing_commit(first)
        second = new_run_commit(ended)
        place.commit(first, ended, second)
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 2))
        same(listed(place), [second.state.summary], "trim removes the summaries of the runs before")

    @needs(Capability.ATOMIC_VISIBILITY)
    def test_removing_a_workflow_removes_it_from_the_list(self, place: Place) -> None:
        gone, kept = start_commit("order-1"), start_commit("order-2")
        place.commit(gone, closing_commit(gone), kept)
        place.store.trim(WorkflowId("order-1"), None)
        same(listed(place), [kept.state.summary], "trim with None removes all its summaries, and no other's")

    @needs(Capability.ATOMIC_VISIBILITY)
    def test_summaries_of_commits_survive_reopening(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first, closing_commit(first))
        before = listed(place)
        place.reopen()
        same(listed(place), before, "the list is as durable as the history")
