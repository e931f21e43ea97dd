"""Answers questions from the state of a run's code: queries, and where its tasks wait."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aion_core.codec import Values
from aion_core.codec.failures import failure_of
from aion_core.machine import WorkflowRun
from aion_core.model.failed import UnknownHandler
from aion_core.model.failures import Failure
from aion_core.model.payloads import Payload
from aion_core.spi.runtime import Answer, Ask, AskKind


def answers_of(run: WorkflowRun, asks: Sequence[Ask], values: Values) -> list[Answer]:
    """One answer per question, in order. What a handler raises fails its own caller.

    A handler that wakes the workflow's code has changed the run, and `run.violation` says so: then whoever asks after
    it gets the same failure, since nothing that the run says counts any more.
    """
    answers: list[Answer] = []
    for ask in asks:
        try:
            answers.append(Answer(ask_id=ask.ask_id, value=_value(run, ask, values)))
        except BaseException as error:  # noqa: BLE001  # a handler may raise anything
            answers.append(Answer(ask_id=ask.ask_id, failure=_failure(error, values)))
    return answers


def _failure(error: BaseException, values: Values) -> Failure:
    failure = failure_of(error, values=values)
    if not isinstance(error, UnknownHandler):
        return failure
    return msgspec.structs.replace(failure, details=values.encode(list(error.known)))  # for whoever asks what there is


def _value(run: WorkflowRun, ask: Ask, values: Values) -> Payload:
    if run.violation is not None:
        raise run.violation
    match ask.kind:
        case AskKind.QUERY:
            return run.query(ask.name, ask.input, ask.headers)
        case AskKind.STACK:
            return values.encode(run.stack())
        case AskKind.VALIDATE:
            raise NotImplementedError("updates come in a later version.")
