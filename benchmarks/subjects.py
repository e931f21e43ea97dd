"""Programs that are measured, each time in a process of their own: this engine and its peers answer alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from attrs import frozen

from benchmarks.places import Place

ROOT: Final = Path(__file__).resolve().parent.parent
PATIENCE: Final = 1_800.0
"""Seconds for one figure. A program that takes longer is not slow but stuck."""


class Failed(Exception):
    """A program ended without an answer; what it had to say stands on stderr."""


class Talk:
    """A running program that says when it is ready, and waits to be told to go on."""

    def __init__(self, what: str, process: subprocess.Popen[str]) -> None:
        """Over a process with pipes."""
        self._what, self._process = what, process

    def line(self) -> Mapping[str, Any]:
        """What it says next."""
        said = _pipe(self._process.stdout).readline()
        if not said:
            raise Failed(f"{self._what} ended without an answer")
        found: Mapping[str, Any] = json.loads(said)
        return found

    def go(self) -> None:
        """Let it go on."""
        try:
            os.write(_pipe(self._process.stdin).fileno(), b"\n")
        except BrokenPipeError as gone:
            raise Failed(f"{self._what} ended too early") from gone

    def end(self) -> None:
        """Let it go on to its end."""
        self.go()
        if self._process.wait():
            raise Failed(f"{self._what} failed in the end")

    def kill(self) -> None:
        """As a crash does: it can do nothing about it. Returns when it is gone."""
        self._process.kill()
        self._process.wait()


@frozen
class Subject:
    """A program on an engine: in which environment, and what it has to know of a place."""

    name: str
    python: Path
    module: str
    place: Callable[[Place], Mapping[str, Any]]

    def ask(self, figure: str, place: Place, **parameters: Any) -> Mapping[str, Any]:
        """Its one answer. It has ended then, and what it wrote is where it stays."""
        command = self._command(figure, place, parameters)
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT, timeout=PATIENCE)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{self.name} took more than {PATIENCE:.0f} seconds for '{figure}'") from late
        if done.returncode:
            raise Failed(f"{self.name} failed at '{figure}'")
        found: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    @contextmanager
    def talk(self, figure: str, place: Place, **parameters: Any) -> Iterator[Talk]:
        """While it runs. Afterwards it is killed, if it has not ended."""
        command = self._command(figure, place, parameters)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            talk = Talk(f"{self.name}, at '{figure}',", process)
            stuck = threading.Timer(PATIENCE, process.kill)
            stuck.start()
            try:
                yield talk
            finally:
                stuck.cancel()
                talk.kill()

    def _command(self, figure: str, place: Place, parameters: Mapping[str, Any]) -> list[str]:
        given = json.dumps({**self.place(place), **parameters})
        return [str(self.python), "-m", self.module, figure, given]


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise Failed("a program without pipes can not be talked with")
    return pipe


AION: Final = Subject(
    name="aion",
    python=Path(sys.executable),
    module="benchmarks.sql.program",
    place=lambda place: {"config": place.config},
)
"""This engine, as this environment has it."""
