"""How hard the random cases try: `AION_TEST_PROFILE` is `default`, `ci` or `nightly`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from attrs import frozen
from hypothesis import HealthCheck, Phase, settings


@frozen
class Profile:
    """So many examples of so many steps."""

    examples: int
    steps: int
    random: bool
    """Other examples in every run; without, the same ones, so that a failure is there again next time."""


PROFILES: Final[Mapping[str, Profile]] = {
    "default": Profile(100, 30, random=False),
    "ci": Profile(300, 50, random=False),
    "nightly": Profile(20_000, 100, random=True),
}


def profile() -> Profile:
    """The one that the environment asks for."""
    name = os.environ.get("AION_TEST_PROFILE", "default")
    if name not in PROFILES:
        raise ValueError(f"AION_TEST_PROFILE={name}: the profiles are {', '.join(PROFILES)}.")
    return PROFILES[name]


def hypothesis_settings() -> settings:
    """The profile as hypothesis takes it. Nothing is written anywhere: the place under test may be anything."""
    chosen = profile()
    return settings(
        max_examples=chosen.examples,
        stateful_step_count=chosen.steps,
        derandomize=not chosen.random,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
