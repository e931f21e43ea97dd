import pytest

import aion_core as aion
from aion_core.client.reply import Reply
from aion_core.client.requests import CancelRequest, request_bytes
from aion_core.engine.messages import Messages
from aion_core.model.failed import NotOwner
from aion_core.spi import MessageKind, Outcome, OutcomeKind
from aion_testkit.builders import message, moment
from aion_testkit.clock import SteppedPlatform


def messages_with(serve, outcome=None):
    return Messages(
        SteppedPlatform(),
        keep=1,
        serve=serve,
        look_up=lambda _, then: then(outcome),
        settle=lambda *_: None,
        settled=lambda _: None,
        known_elsewhere=lambda _: False,
    )


def test_an_outcome_of_a_newer_version_fails_whoever_asked_and_nobody_else():
    outcome = Outcome(
        workflow_id="w", message_id="m", kind=OutcomeKind.RECORDED, body=b'{"type":"recorded/9"}', expires_at=moment(9)
    )
    served = []
    messages = messages_with(served.append, outcome)
    reply = Reply()
    messages.submit("w", CancelRequest(), run_id=None, message_id="m", reply=reply)
    with pytest.raises(aion.AionError, match="newer version"):
        reply.result()
    assert served == []


def test_who_waits_here_for_a_message_of_the_inbox_hears_that_another_engine_has_the_workflow_now():
    served = []
    messages = messages_with(served.append)
    messages.take([message("w", "m", body=request_bytes(CancelRequest()), kind=MessageKind.CANCEL)])
    reply = Reply()
    messages.submit("w", CancelRequest(), run_id=None, message_id="m", reply=reply)
    (submission,) = served
    messages.tell(submission.caller, NotOwner("w"), durable=False)
    with pytest.raises(NotOwner):
        reply.result()
