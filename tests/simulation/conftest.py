import gc
import logging

import pytest


@pytest.fixture(autouse=True)
def thousands_of_worlds():
    """Each leaves cycles and a log of its troubles: they are collected rarely, and not written down."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    gc.set_threshold(*before)
    gc.unfreeze()
