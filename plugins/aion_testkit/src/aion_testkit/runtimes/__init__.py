"""Conformance of runtimes: one class, made of layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from aion_testkit.conformance import Conformance
from aion_testkit.runtimes.activations import ActivationCases, BrokenCodeCases, QuestionCases
from aion_testkit.runtimes.attempts import AttemptCases, CapabilityCases, LoadCases
from aion_testkit.runtimes.ending import CancellationCases, HangCases, LeavingCases
from aion_testkit.runtimes.stage import MakeRuntime, Stage, Stages

__all__ = ["RuntimeConformance"]


class RuntimeConformance(
    LeavingCases,
    ActivationCases,
    QuestionCases,
    BrokenCodeCases,
    AttemptCases,
    CancellationCases,
    CapabilityCases,
    LoadCases,
    HangCases,
    Conformance,
):
    """Subclass it with one fixture, `make_runtime`.

    `make_runtime` is a factory: every call gives a fresh runtime, not yet opened. The cases open it with a host of
    their own, and run the code of `aion_testkit.runtimes.programs`.
    """

    kind: ClassVar[str] = "runtime"
    factory: ClassVar[str] = "make_runtime"

    @pytest.fixture
    def make_runtime(self) -> MakeRuntime:
        """The author's part."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a fixture `make_runtime`: a function that gives a new runtime each time it "
            "is called."
        )

    @pytest.fixture
    def stages(self, make_runtime: MakeRuntime) -> Iterator[Stages]:
        """Opens runtimes for cases that want other settings, or several."""
        stages = Stages(make_runtime)
        yield stages
        stages.finish()

    @pytest.fixture
    def stage(self, stages: Stages) -> Stage:
        """The runtime under test, open."""
        return stages()
