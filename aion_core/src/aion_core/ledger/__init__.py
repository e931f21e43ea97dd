"""What a history amounts to: the fold of a run, and the record of what is open beside it."""

from aion_core.ledger.open_record import FAILURES_IN_HISTORY, OpenActivity, OpenRecord, record_bytes, record_of
from aion_core.ledger.run import DEADLINE, DELAY, HOLDING, RunLedger, fold

__all__ = [
    "DEADLINE",
    "DELAY",
    "FAILURES_IN_HISTORY",
    "HOLDING",
    "OpenActivity",
    "OpenRecord",
    "RunLedger",
    "fold",
    "record_bytes",
    "record_of",
]
