"""Answers from the tombstones of messages."""

from __future__ import annotations

import msgspec

from aion_core.client.refusals import error_of
from aion_core.client.reply import Reply
from aion_core.client.requests import AnyReaction, reaction_of
from aion_core.model.errors import AionError
from aion_core.spi.records import Outcome, OutcomeKind


def settle(reply: Reply[AnyReaction | None], outcome: Outcome) -> bool:
    """Settle with what an outcome says, if that is the last word."""
    if outcome.kind is OutcomeKind.ACCEPTED:
        return False
    try:
        if outcome.kind is OutcomeKind.REFUSED:
            reply.fail(error_of(outcome.body))
        else:
            reply.set(reaction_of(outcome.body))
    except msgspec.DecodeError as error:
        what = f"the answer to message {outcome.message_id!r}"
        refused = AionError(f"{what} can not be read, and may be in the format of a newer version: {error}")
        reply.fail(refused)
    return True
