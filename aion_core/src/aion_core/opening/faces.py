"""What engines and clients have in common as users hold them: opened once, closed once, and heard of when forgotten."""

from __future__ import annotations

import asyncio
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from aion_core.client.aio import AsyncVerbs
from aion_core.client.backend import Backend
from aion_core.client.verbs import Verbs
from aion_core.model.times import Duration


class Open(Backend, Protocol):
    """A backend that was opened, and is somebody's to close."""

    @property
    def closed(self) -> bool:
        """Whether it serves nobody."""
        ...

    def close(self, grace: float) -> None:
        """Let go. Twice is fine."""
        ...


B = TypeVar("B", bound=Open)


class Face(Verbs, ABC, Generic[B]):
    """Verbs that block, over a backend of their own."""

    def __init__(self, backend: B) -> None:
        """Over an open backend, which it closes. Use `open`."""
        super().__init__(backend)
        self._backend = backend

    @abstractmethod
    def close(self) -> None:
        """Let go of the backend. Subclasses say how long that may take."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        _forgotten(self, getattr(self, "_backend", None))


class AsyncFace(AsyncVerbs, ABC, Generic[B]):
    """Verbs that are awaited. The backend is made when this is awaited or entered, on a thread."""

    def __init__(self, make: Callable[[], B]) -> None:
        """Nothing is opened yet. Use `open`."""
        super().__init__()
        self._make = make
        self._backend: B | None = None
        self._opening = threading.Lock()

    @abstractmethod
    async def close(self, grace: Duration = ...) -> None:
        """Let go of the backend. Subclasses say how long that may take."""

    async def _let_go(self, seconds: float) -> None:
        """Serve nobody from now on, and close the backend on a thread."""
        backend, self._backend = self._backend, None
        self._serve(None)
        if backend is not None:
            await asyncio.to_thread(backend.close, seconds)

    def __await__(self) -> Generator[Any, Any, Self]:
        return self._opened().__await__()

    async def __aenter__(self) -> Self:
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _opened(self) -> Self:
        await asyncio.to_thread(self._open_once)
        return self

    def _open_once(self) -> None:
        with self._opening:  # a cancelled wait may be followed by another one
            if self._backend is None:
                self._backend = self._make()
                self._serve(self._backend)

    def __del__(self) -> None:
        _forgotten(self, getattr(self, "_backend", None))


def _forgotten(face: object, backend: Open | None) -> None:
    if backend is not None and not backend.closed:
        warnings.warn(f"{type(face).__name__} was never closed: use `with`.", ResourceWarning, stacklevel=2)
        with suppress(Exception):  # the interpreter may be half gone
            backend.close(0.0)
