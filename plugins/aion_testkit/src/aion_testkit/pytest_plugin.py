"""The pytest plugin: sees that no case of a conformance class is skipped, expected to fail or left out unseen."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from aion_testkit.needs import NOT_APPLICABLE


class Watcher:
    """Watches the conformance classes of one run."""

    def __init__(self) -> None:
        self._collected: dict[str, str] = {}
        self._deselected: set[str] = set()

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Remember every case that was found."""
        if _is_case(item):
            self._collected[item.nodeid] = item.name

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """What the person at the keyboard left out (`-k`, `--lf`) is reported by pytest, and fine."""
        self._deselected.update(item.nodeid for item in items)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuse a run from which cases have vanished between collection and start."""
        running = {item.nodeid for item in session.items}
        missing = [
            name
            for node, name in self._collected.items()
            if node not in running and node not in self._deselected
        ]  # fmt: skip
        if missing:
            raise pytest.UsageError(
                f"conformance cases were taken out of the run: {', '.join(missing)}. "
                "A store passes all of them, or declares fewer capabilities."
            )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn a skip or an expected failure of a case into a failure."""
        report = yield
        if not _is_case(item):
            return report
        if is_not_applicable(report):
            return report
        expected_to_fail = hasattr(report, "wasxfail")
        if report.skipped or expected_to_fail:
            how = "expected to fail" if expected_to_fail else "skipped"
            reason = str(call.excinfo.value) if call.excinfo is not None else ""
            report.outcome = "failed"
            if expected_to_fail:
                del report.wasxfail
            report.longrepr = (
                f"the conformance case {item.name} was {how}{f' ({reason})' if reason else ''}. "
                "A store passes it, or declares fewer capabilities; to leave a store out where it can not run, "
                "skip its whole module."
            )
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport | pytest.CollectReport) -> tuple[str, str, str] | None:
        """Count cases that do not apply under a name of their own."""
        if is_not_applicable(report):
            return NOT_APPLICABLE, "n", "NOT APPLICABLE"
        return None


def is_not_applicable(report: object) -> bool:
    """Whether a report says that the store's capabilities do not ask for the case."""
    properties: list[tuple[str, object]] = getattr(report, "user_properties", [])
    return bool(getattr(report, "skipped", False)) and any(name == NOT_APPLICABLE for name, _ in properties)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch."""
    if not config.pluginmanager.has_plugin("aion_testkit"):
        config.pluginmanager.register(Watcher(), "aion_testkit")


def _is_case(item: pytest.Item) -> bool:
    cls: Any = getattr(item, "cls", None)
    cases = getattr(cls, "cases", None)
    # Asked by name: importing the conformance classes here would load hypothesis and the core into every test run.
    return bool(cases) and any(base.__name__ == "Conformance" for base in cls.__mro__) and item.name.startswith("test_")
