"""Contract: packages and routes change in one step, and blobs belong to their commits."""

from __future__ import annotations

from msgspec.structs import replace

from aion_core.spi import (
    BlobKey,
    BlobNotFound,
    Commit,
    Conflict,
    InvalidPackage,
    PackageRecord,
    Route,
    Version,
    WorkflowId,
)
from aion_testkit.builders import closing_commit, next_commit, package, start_commit
from aion_testkit.conformance import Layer
from aion_testkit.expect import one, raises, same
from aion_testkit.place import Place


def listed(*packages: PackageRecord) -> list[PackageRecord]:
    """As `list_packages` returns them: without archives."""
    return [replace(record, archive=b"") for record in packages]


class PackageCases(Layer):
    """Packages and routes."""

    layer = "contract.packages"

    def test_an_empty_store_has_no_packages_and_no_routes(self, place: Place) -> None:
        same(list(place.store.list_packages()), [], "no packages")
        same(list(place.store.list_routes()), [], "no routes")

    def test_a_package_is_returned_as_it_was_put(self, place: Place) -> None:
        record = package("a", types=("order", "Bestellung 🧾"), archive=bytes(range(256)) * 40)
        place.store.put_package(record)
        same(place.store.get_package(record.version), record, "archive and manifest are bytes to the store")

    def test_a_package_whose_bytes_were_changed_is_refused(self, place: Place) -> None:
        kept = package("a", archive=b"as it was built")
        place.store.put_package(kept, route=["order"])
        changed = replace(kept, archive=b"as it came")
        with raises(InvalidPackage, "the archive's hash is checked, as `check_package` does"):
            place.store.put_package(changed, route=["refund"])
        same(place.store.get_package(kept.version), kept, "the one that was there is untouched")
        same(list(place.store.list_routes()), [Route("order", kept.version)], "nothing was routed")

    def test_an_unknown_package_is_none(self, place: Place) -> None:
        place.store.put_package(package("a"))
        same(place.store.get_package(Version("b" * 64)), None, "an unknown version is None")

    def test_packages_are_listed_in_the_order_of_deployment(self, place: Place) -> None:
        records = {digit: package(digit, deployed=at) for digit, at in (("c", 1), ("a", 3), ("b", 2))}
        for digit in "abc":
            place.store.put_package(records[digit])
        same(
            list(place.store.list_packages()),
            listed(records["c"], records["b"], records["a"]),
            "by deployed_at, whatever the order in which they were put, and without archives",
        )

    def test_packages_deployed_at_one_moment_are_listed_by_version(self, place: Place) -> None:
        for digit in "cab":
            place.store.put_package(package(digit, deployed=1))
        found = [record.version[0] for record in place.store.list_packages()]
        same(found, ["a", "b", "c"], "ties by version")

    def test_putting_a_version_again_replaces_it(self, place: Place) -> None:
        place.store.put_package(package("a", deployed=1, archive=b"old"))
        newer = package("a", deployed=2, archive=b"new", types=("order", "refund"))
        place.store.put_package(newer)
        same(list(place.store.list_packages()), listed(newer), "one package for each version")
        same(place.store.get_package(newer.version), newer, "with the new bytes and time")

    def test_putting_a_package_with_routes_points_them_at_it(self, place: Place) -> None:
        record = package("a", types=("order", "refund", "audit"))
        place.store.put_package(record, route=["order", "refund"])
        same(
            list(place.store.list_routes()),
            [Route("order", record.version), Route("refund", record.version)],
            "exactly the types that were named are routed",
        )

    def test_putting_a_package_without_routes_leaves_them_alone(self, place: Place) -> None:
        first, second = package("a"), package("b")
        place.store.put_package(first, route=["order"])
        place.store.put_package(second)
        same(list(place.store.list_routes()), [Route("order", first.version)], "routes change only when asked to")

    def test_putting_a_package_moves_existing_routes(self, place: Place) -> None:
        first, second = package("a"), package("b")
        place.store.put_package(first, route=["order", "refund"])
        place.store.put_package(second, route=["order"])
        same(
            list(place.store.list_routes()),
            [Route("order", second.version), Route("refund", first.version)],
            "one route for each type: the last one",
        )

    def test_routing_back_touches_no_archive(self, place: Place) -> None:
        first, second = package("a", deployed=1), package("b", deployed=2)
        place.store.put_package(first, route=["order"])
        place.store.put_package(second, route=["order"])
        place.store.put_routes([Route("order", first.version)])
        same(list(place.store.list_routes()), [Route("order", first.version)], "put_routes points at the older one")
        same(list(place.store.list_packages()), listed(first, second), "both packages are still there")

    def test_a_route_may_point_at_a_version_that_is_not_stored(self, place: Place) -> None:
        route = Route("order", Version("e" * 64))
        place.store.put_routes([route])
        same(list(place.store.list_routes()), [route], "a version need not be stored")

    def test_routes_are_put_together(self, place: Place) -> None:
        routes = [Route(name, Version("a" * 64)) for name in ("refund", "order")]
        place.store.put_routes(routes)
        place.store.put_routes([])
        same(list(place.store.list_routes()), [routes[1], routes[0]], "all of them, and nothing by an empty call")

    def test_routes_are_listed_in_the_order_of_types(self, place: Place) -> None:
        names = ["b", "Z", "a", "é", "z", "🧾", "\uffee"]
        place.store.put_routes([Route(name, Version("a" * 64)) for name in names])
        same([route.workflow_type for route in place.store.list_routes()], sorted(names), "by code point")

    def test_deleting_a_package_removes_it_alone(self, place: Place) -> None:
        gone, kept = package("a", deployed=1), package("b", deployed=2)
        place.store.put_package(gone, route=["order"])
        place.store.put_package(kept, route=["refund"])
        place.store.delete_package(gone.version)
        same(list(place.store.list_packages()), listed(kept), "the others stay")
        same(place.store.get_package(gone.version), None, "it is gone")

    def test_deleting_a_package_keeps_its_routes(self, place: Place) -> None:
        gone = package("a")
        place.store.put_package(gone, route=["order"])
        place.store.delete_package(gone.version)
        same(list(place.store.list_routes()), [Route("order", gone.version)], "routes stay")

    def test_deleting_what_is_not_there_does_nothing(self, place: Place) -> None:
        kept = package("b")
        place.store.put_package(kept)
        for _ in range(2):
            place.store.delete_package(Version("a" * 64))
        same(list(place.store.list_packages()), listed(kept), "removing what is not there does nothing")

    def test_packages_and_routes_survive_reopening(self, place: Place) -> None:
        record = package("a")
        place.store.put_package(record, route=["order"])
        place.reopen()
        same(place.store.get_package(record.version), record, "the package is durable")
        same(list(place.store.list_routes()), [Route("order", record.version)], "and its route")

    def test_another_client_sees_the_package_and_its_route(self, place: Place) -> None:
        other = place.open()
        record = package("a")
        place.store.put_package(record, route=["order"])
        same(list(other.list_routes()), [Route("order", record.version)], "the route is seen by others")
        same(other.get_package(record.version), record, "and so is what it points at")


class BlobCases(Layer):
    """Payloads outside their events."""

    layer = "contract.blobs"

    def test_blobs_are_read_by_the_keys_of_the_commit_in_order(self, place: Place) -> None:
        blobs = [b"first", b"", bytes(range(256)), "третий".encode()]
        answer = place.commit(start_commit("order-1", blobs=blobs))
        same([place.store.get_blob(key) for key in answer.blobs], blobs, "one key for each blob, in order")

    def test_a_batch_returns_the_keys_of_its_blobs(self, place: Place) -> None:
        first = start_commit("order-1", blobs=[b"a", b"b"])
        second = next_commit(first)
        third = next_commit(second, blobs=[b"c"])
        keys = [place.commit(commit).blobs for commit in (first, second, third)]
        same([batch.blobs for batch in place.batches("order-1")], keys, "Batch.blobs are the keys of its commit")
        same([len(found) for found in keys], [2, 0, 1], "as many keys as blobs")

    def test_an_unknown_blob_is_not_found(self, place: Place) -> None:
        with raises(BlobNotFound, "an unknown key is BlobNotFound"):
            place.store.get_blob(BlobKey("order-1/no-such-blob/0"))

    def test_equal_blobs_of_two_commits_are_not_shared(self, place: Place) -> None:
        """Sharing by content would take one commit's payload away when the other's run is trimmed."""
        first = start_commit("order-1", blobs=[b"the same bytes"])
        other = start_commit("order-2", blobs=[b"the same bytes"])
        place.commit(first, closing_commit(first))
        kept = place.commit(other)
        place.store.trim(WorkflowId("order-1"), None)
        place.store.sweep_blobs(place.leases())
        same(place.store.get_blob(kept.blobs[0]), b"the same bytes", "every commit has its own blobs")

    def test_equal_blobs_within_one_commit_are_all_readable(self, place: Place) -> None:
        answer = place.commit(start_commit("order-1", blobs=[b"same", b"same"]))
        same([place.store.get_blob(key) for key in answer.blobs], [b"same", b"same"], "each position has its bytes")

    def test_sweeping_keeps_the_blobs_of_commits(self, place: Place) -> None:
        commits: list[Commit] = [start_commit(f"order-{n}", blobs=[f"blob {n}".encode()]) for n in range(5)]
        keys = [place.commit(commit).blobs[0] for commit in commits]
        one(place.append(start_commit("order-0", mark="rival", blobs=[b"orphan"])), Conflict, "a rival that loses")
        place.store.sweep_blobs(place.leases())
        same(
            [place.store.get_blob(key) for key in keys],
            [f"blob {n}".encode() for n in range(5)],
            "sweep never removes a blob that a commit refers to",
        )

    def test_sweeping_again_finds_nothing(self, place: Place) -> None:
        place.commit(start_commit("order-1", blobs=[b"blob"]))
        place.store.sweep_blobs(place.leases())
        same(place.store.sweep_blobs(place.leases()), 0, "what was swept is gone")
        same(place.store.sweep_blobs([]), 0, "without leases nothing is swept")

    def test_blobs_survive_reopening(self, place: Place) -> None:
        answer = place.commit(start_commit("order-1", blobs=[b"blob"]))
        place.reopen()
        same(place.store.get_blob(answer.blobs[0]), b"blob", "blobs are as durable as their commit")

    def test_blobs_of_a_commit_in_the_middle_of_a_history_are_kept(self, place: Place) -> None:
        first = start_commit("order-1")
        second = next_commit(first, blobs=[b"middle"])
        third = next_commit(second)
        place.commit(first)
        key = place.commit(second).blobs[0]
        place.commit(third)
        same(place.store.get_blob(key), b"middle", "later commits leave earlier blobs alone")
