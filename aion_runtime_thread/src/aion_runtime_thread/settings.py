"""What the table of the thread runtime in `aion.toml` may hold."""

from __future__ import annotations

from typing import Annotated

from attrs import frozen

from aion_core.spi import AtLeast, Seconds


@frozen(kw_only=True)
class ThreadSettings:
    """The settings of `use = "thread"`."""

    threads: Annotated[int, AtLeast(1)] = 512
    """The most threads for plain activities. A few are started as soon as there is work, more when work has waited for
    a moment: the concurrency of the queues is what really limits them."""
    grace: Annotated[Seconds, AtLeast(0)] = 10.0
    """How long a body may go on after it was told to stop, or after its time was up. Then its thread is left behind."""
