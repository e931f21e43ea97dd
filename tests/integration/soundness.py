"""What does not hold of a store when its engines have gone."""

from tests.engine.replaying import Replayer

from aion_core.config import load
from aion_core.engine.catalog import Catalog
from aion_core.platform import SYSTEM
from aion_testkit import check_invariants


def wrong_with(config, workflow, known=None):
    """Of a store in which every run of this workflow has ended; `known` is what was acknowledged."""
    with load(config, stores_only=True).event_store.make(SYSTEM) as store:
        replayer = Replayer(store, Catalog([workflow]))
        return check_invariants(store, store, acknowledged=known, replayer=replayer, all_ended=True)
