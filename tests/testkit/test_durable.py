"""The cases about durability, with a store that has it: every change is in a file before it is acknowledged."""

import os
import pickle

import pytest

from aion_core.memory import MemoryEventStore
from aion_core.spi import Capability
from aion_testkit import run_conformance

CASE = "test_what_was_acknowledged_survives_a_killed_process"


class Journalled(MemoryEventStore):
    """Writes down every call that changes something, and makes the calls again when it is opened."""

    capabilities = frozenset({Capability.DURABLE})
    syncs = True

    def __init__(self, path):
        super().__init__()
        self._path = path

    def open(self):
        super().open()
        calls = self._path.read_bytes() if self._path.exists() else b""
        while calls:
            method, arguments = pickle.loads(calls)  # noqa: S301 - written by this test
            getattr(MemoryEventStore, method)(self, *arguments)
            calls = calls[len(pickle.dumps((method, arguments))) :]
        self._journal = self._path.open("ab")

    def close(self):
        super().close()
        self._journal.close()

    def append(self, commits):
        return self._changing("append", list(commits))

    def post(self, messages):
        return self._changing("post", list(messages))

    def lease(self, me, want, ttl):
        return self._changing("lease", me, want, ttl)

    def _changing(self, method, *arguments):
        answer = getattr(MemoryEventStore, method)(self, *arguments)
        self._journal.write(pickle.dumps((method, arguments)))
        if self.syncs:
            self._journal.flush()
        return answer


class WritesLater(Journalled):
    syncs = False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can not fork here")
@pytest.mark.parametrize(("store", "survives"), [(Journalled, True), (WritesLater, False)])
def test_a_killed_process_shows_what_is_durable(tmp_path, store, survives):
    report = run_conformance("event_store", lambda: lambda: store(tmp_path / "journal"), only=[CASE])
    assert report.conforms is survives, report
