"""Runs a conformance class against a factory from within a program, and says what came of each case."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
import types
from collections.abc import Callable, Collection, Generator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

import pytest
from attrs import field, frozen
from hypothesis import configuration

from aion_core.spi import Runtime, Store
from aion_testkit.clock import PassTime
from aion_testkit.conformance import Case, Conformance
from aion_testkit.events import EventStoreConformance
from aion_testkit.pytest_plugin import is_not_applicable
from aion_testkit.runtimes import RuntimeConformance
from aion_testkit.visibility import VisibilityStoreConformance

KINDS: Final[Mapping[str, type[Conformance]]] = {
    cls.kind: cls for cls in (EventStoreConformance, VisibilityStoreConformance, RuntimeConformance)
}
"""The conformance class of every kind of plugin that has one."""

_ERROR_LINES: Final = 6
_IGNORED: Final = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")


class Verdict(StrEnum):
    """What came of a case."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    """The store's capabilities do not ask for it."""


@frozen
class CaseResult:
    """One case of one run."""

    layer: str
    case: str
    verdict: Verdict
    error: str = ""
    """What the contract says and what the store did, in a few lines; empty unless it failed."""


@frozen
class ConformanceReport:
    """What came of all cases that ran."""

    kind: str
    cases: tuple[CaseResult, ...] = field(default=())

    @property
    def passed(self) -> tuple[CaseResult, ...]:
        """The cases that hold."""
        return self._of(Verdict.PASSED)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The cases that do not hold."""
        return self._of(Verdict.FAILED)

    @property
    def not_applicable(self) -> tuple[CaseResult, ...]:
        """The cases that the store's capabilities do not ask for."""
        return self._of(Verdict.NOT_APPLICABLE)

    @property
    def conforms(self) -> bool:
        """Whether cases ran and none failed."""
        return bool(self.passed) and not self.failed

    def _of(self, verdict: Verdict) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.cases if result.verdict is verdict)


def run_conformance(
    kind: str,
    make_place: Callable[[], Callable[[], Store | Runtime]],
    *,
    only: Collection[str] | None = None,
    pass_time: PassTime | None = None,
) -> ConformanceReport:
    """Run the cases of a kind (`event_store`, `visibility_store`, `runtime`).

    `make_place` is called once for each case and gives its factory: a function whose every call gives a store object
    onto the same place, which is empty at first; or a new runtime. `only` names cases, layers (`faults`) or parts of
    one (`contract.feed`); by default all run. `pass_time` lets time pass for stores on a clock that the caller moves.

    Needs no test run around it, reads no configuration of pytest and leaves no files.
    """
    if kind not in KINDS:
        raise ValueError(f"there are no conformance cases for {kind!r}; there are for {', '.join(KINDS)}.")
    base = KINDS[kind]
    wanted = _chosen(base, only)
    session = _Session(_generated(base, make_place, pass_time), {case.name for case in wanted})
    with _undisturbed() as storage:
        code = pytest.main(_arguments(storage), plugins=[session])
    missing = [case.name for case in wanted if case.name not in session.results]
    if missing:
        raise RuntimeError(f"pytest ended with {code!s} before {len(missing)} cases ran:\n{session.complaints()}")
    return ConformanceReport(kind, tuple(_result(case, *session.results[case.name]) for case in wanted))


def _chosen(base: type[Conformance], only: Collection[str] | None) -> list[Case]:
    if only is None:
        return list(base.cases)
    chosen = [case for case in base.cases if any(_named(case, name) for name in only)]
    unknown = [name for name in only if not any(_named(case, name) for case in base.cases)]
    if unknown:
        raise ValueError(f"{base.kind} has no cases or layers called {', '.join(unknown)}.")
    return chosen


def _named(case: Case, name: str) -> bool:
    return name in {case.name, case.layer} or case.layer.startswith(f"{name}.")


def _generated(
    base: type[Conformance], make_place: Callable[[], Callable[[], Store | Runtime]], pass_time: PassTime | None
) -> type[Conformance]:
    """The class that an author would write, around these functions."""

    def make(self: object) -> Callable[[], Store | Runtime]:
        del self
        return make_place()

    def given_pass_time(self: object) -> PassTime | None:
        del self
        return pass_time

    fixtures: dict[str, object] = {
        base.factory: pytest.fixture(make, name=base.factory),
        "pass_time": pytest.fixture(given_pass_time, name="pass_time"),
        "__module__": "aion_testkit_run",
    }
    return types.new_class(f"Test{base.__name__}", (base,), exec_body=lambda members: members.update(fixtures))


class _Session:
    """The pytest plugin of one run: gives it the class to collect, and takes the results."""

    def __init__(self, cls: type[Conformance], names: Collection[str]) -> None:
        self._cls = cls
        self._names = names
        self._complaints: list[str] = []
        self.results: dict[str, tuple[Verdict, str]] = {}

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """The one file of the run stands for a module that holds the class."""
        module = types.ModuleType("aion_testkit_run")
        setattr(module, self._cls.__name__, self._cls)
        collected: _GeneratedModule = _GeneratedModule.from_parent(parent, path=file_path)  # pyright: ignore[reportUnknownMemberType]  # half of its signature is untyped
        collected.generated = module
        return collected

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what was not asked for."""
        left_out = [item for item in items if item.name not in self._names]
        items[:] = [item for item in items if item.name in self._names]
        config.hook.pytest_deselected(items=left_out)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what went wrong before any case ran."""
        if report.failed:
            self._complaints.append(str(report.longrepr))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the verdict: a failure of set-up, case or clean-up is a failure of the case."""
        name = report.nodeid.rpartition("::")[2]
        if report.failed:
            self.results.setdefault(name, (Verdict.FAILED, _short(report)))
            if self.results[name][0] is not Verdict.FAILED:
                self.results[name] = (Verdict.FAILED, _short(report))
        elif is_not_applicable(report):
            self.results[name] = (Verdict.NOT_APPLICABLE, "")
        elif report.when == "call":
            self.results.setdefault(name, (Verdict.PASSED, ""))

    def complaints(self) -> str:
        """What pytest said when it could not run."""
        return "\n".join(self._complaints)


class _GeneratedModule(pytest.Module):
    """A module that was made, not imported."""

    generated: types.ModuleType

    def _getobj(self) -> types.ModuleType:
        return self.generated


def _arguments(storage: Path) -> list[str]:
    standing_for = storage / "conformance"  # without `.py`: pytest itself must not take it for a module
    standing_for.touch()
    configuration = storage / "pytest.ini"
    configuration.write_text("[pytest]\naddopts =\n", encoding="utf-8")
    plugins = [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:junitxml",
        "-p",
        "no:faulthandler",
        "-p",
        "aion_testkit.pytest_plugin",
    ]
    return [
        str(standing_for), "-c", str(configuration), "--rootdir", str(storage), "--noconftest", "--capture=no",
        "--tb=short", "--no-header", "-W", "ignore", *plugins,
    ]  # fmt: skip


@contextlib.contextmanager
def _undisturbed() -> Generator[Path, None, None]:
    """The user's pytest settings and our output out of each other's way; a folder that goes again."""
    before = {name: os.environ.pop(name, None) for name in _IGNORED}
    before |= {name: os.environ.get(name) for name in ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_CURRENT_TEST")}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.TemporaryDirectory(prefix="aion-testkit-") as folder, _hypothesis_in(folder), _quiet():
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


@contextlib.contextmanager
def _quiet() -> Generator[None, None, None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def _hypothesis_in(folder: str) -> Generator[None, None, None]:
    """Hypothesis keeps tables beside the program that it finds itself in; not here."""
    before: Path | None = getattr(configuration, "__hypothesis_home_directory", None)
    configuration.set_hypothesis_home_dir(folder)
    try:
        yield
    finally:
        configuration.set_hypothesis_home_dir(before)


def _result(case: Case, verdict: Verdict, error: str) -> CaseResult:
    return CaseResult(case.layer, case.name, verdict, error)


def _short(report: pytest.TestReport) -> str:
    """The lines of a failure that tell what was expected, without the way there."""
    text = report.longreprtext
    marked = re.findall(r"^E {1,7}(.*)$", text, flags=re.MULTILINE)
    lines = [line.rstrip() for line in marked or text.splitlines() if line.strip()]
    return "\n".join(lines[:_ERROR_LINES])
