"""A plan for proxies: the line breaks at COMMIT, again and again, before or after the server has heard it."""

import random
import threading
from collections import Counter

from attrs import frozen
from tests.store_sql.proxy import How

_MOST_BETWEEN = 6
"""COMMITs from one cut to the next."""
_LATEST = 20
"""Among so many are a new connection and the repeat of the commit."""


@frozen
class OnTheWire:
    """COMMIT, and nothing else, and the answer that it was done."""

    commit: bytes
    done: bytes


WIRE = {
    "postgresql": OnTheWire(b"COMMIT\0", b"COMMIT\0"),
    "mariadb": OnTheWire(b"\3COMMIT", b"\0\0\1\0"),
}


class CommitCuts:
    """So many cuts, at seeded distances. One plan may be for several proxies."""

    def __init__(self, wire, times, seed):
        self.met = Counter()
        self.landed = 0
        self.left = times
        self._wire = wire
        self._chance = random.Random(seed)
        self._distance = self._chance.randint(1, _MOST_BETWEEN)
        self._planning = threading.Lock()

    @property
    def not_landed(self):
        """Cuts whose COMMIT was not done."""
        return self.met.total() - self.landed

    def how(self, said):
        """See `Once` of the proxy."""
        if self._wire.commit not in said:
            return None
        with self._planning:
            self._distance -= 1
            if self._distance or not self.left:
                return None
            self._distance = self._chance.randint(1, _MOST_BETWEEN)
            self.left -= 1
            how = self._chance.choice([*How])
            self.met[how] += 1
            return how

    def lateness(self):
        """How much is said on other lines before the words arrive."""
        with self._planning:
            return self._chance.randint(1, _LATEST)

    def answered(self, answer):
        """See `Once` of the proxy."""
        with self._planning:
            self.landed += self._wire.done in answer
