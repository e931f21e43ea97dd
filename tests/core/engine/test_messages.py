import pytest

import aion_core as aion
from aion_core.client.reply import Reply
from aion_core.client.requests import CancelRequest
from aion_core.engine.messages import Messages
from aion_core.spi import Outcome, OutcomeKind
from aion_testkit.builders import moment
from aion_testkit.clock import SteppedPlatform


def test_an_outcome_of_a_newer_version_fails_whoever_asked_and_nobody_else():
    outcome = Outcome(
        workflow_id="w", message_id="m", kind=OutcomeKind.RECORDED, body=b'{"type":"recorded/9"}', expires_at=moment(9)
    )
    served = []
    messages = Messages(
        SteppedPlatform(),
        keep=1,
        serve=served.append,
        look_up=lambda _, then: then(outcome),
        settle=lambda *_: None,
        settled=lambda _: None,
        known_elsewhere=lambda _: False,
    )
    reply = Reply()
    messages.submit("w", CancelRequest(), run_id=None, message_id="m", reply=reply)
    with pytest.raises(aion.AionError, match="newer version"):
        reply.result()
    assert served == []
