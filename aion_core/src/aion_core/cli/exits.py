"""Exit codes, and how an error is told."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from enum import IntEnum
from pathlib import Path
from typing import Final

import click

from aion_core.cli.records import failure_record
from aion_core.model import errors, failed

_PACKAGE: Final = f"{Path(__file__).parents[1]}{os.sep}"


class Exit(IntEnum):
    """What the command's exit code says. Scripts rely on them: they never change."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    DENIED = 5
    UNAVAILABLE = 6
    STORE_INTEGRITY = 7
    CONFIGURATION = 8
    NON_DETERMINISM = 9
    RUN_FAILED = 10
    RUN_CANCELLED = 11
    RUN_TIMED_OUT = 12
    INVALID_INPUT = 13
    WAIT_TIMED_OUT = 124
    INTERRUPTED = 130


EXITS: Final[dict[type[errors.AionError], Exit]] = {
    errors.InvalidInput: Exit.INVALID_INPUT,
    errors.ConfigError: Exit.CONFIGURATION,
    errors.PluginError: Exit.CONFIGURATION,
    errors.HistoryError: Exit.STORE_INTEGRITY,
    errors.NonDeterminism: Exit.NON_DETERMINISM,
    errors.WaitTimeout: Exit.WAIT_TIMED_OUT,
    errors.StoreUnavailable: Exit.UNAVAILABLE,
    errors.StoreRefused: Exit.STORE_INTEGRITY,
    errors.CursorTooOld: Exit.NOT_FOUND,
    errors.BlobNotFound: Exit.STORE_INTEGRITY,
    failed.QueryTimeout: Exit.WAIT_TIMED_OUT,
    failed.Failed: Exit.RUN_FAILED,
    failed.WorkflowNotFound: Exit.NOT_FOUND,
    errors.UnknownWorkflow: Exit.NOT_FOUND,
    failed.UnknownHandler: Exit.NOT_FOUND,
    failed.WorkflowIdConflict: Exit.CONFLICT,
    failed.WorkflowClosed: Exit.CONFLICT,
    failed.WorkflowOpen: Exit.CONFLICT,
    failed.WorkflowBlocked: Exit.CONFLICT,
    failed.WorkflowCancelled: Exit.RUN_CANCELLED,
    failed.WorkflowTerminated: Exit.RUN_CANCELLED,
    failed.WorkflowTimedOut: Exit.RUN_TIMED_OUT,
    failed.ShuttingDown: Exit.UNAVAILABLE,
    failed.NotOwner: Exit.UNAVAILABLE,
    failed.StoreInUse: Exit.CONFLICT,
    errors.AionError: Exit.INTERNAL,
}
"""The code of an error is that of its nearest class in here."""


def exit_of(error: BaseException) -> Exit:
    """The exit code of an error."""
    match error:
        case click.UsageError():
            return Exit.USAGE
        case click.exceptions.Abort() | KeyboardInterrupt() | Detached():
            return Exit.INTERRUPTED
        case CommandFailed():
            return error.exit
        case _:
            return next((EXITS[cls] for cls in type(error).__mro__ if cls in EXITS), Exit.INTERNAL)


class Detached(click.ClickException):
    """Somebody no longer waits. What was waited for goes on."""


class CommandFailed(click.ClickException):
    """A command did its work, and the answer is no. What there is to see is on stdout."""

    def __init__(self, message: str, exit_: Exit) -> None:
        """The `message` goes to stderr."""
        super().__init__(message)
        self.exit = exit_


def report(error: BaseException, *, as_json: bool, debug: bool) -> Exit:
    """Tell on stderr what happened, as text or as an object; the exit code that belongs to it."""
    code = exit_of(error)
    if debug and code is not Exit.USAGE:
        traceback.print_exception(error, file=sys.stderr)
    if as_json:
        click.echo(json.dumps({"error": _as_object(error)}), err=True)
    else:
        _print(error, debug=debug)
    return code


def _print(error: BaseException, *, debug: bool) -> None:
    match error:
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
        case click.UsageError():
            if error.ctx is not None:
                click.echo(error.ctx.get_usage(), err=True)
            click.echo(f"error: {_sentence(error.format_message())}", err=True)
            if error.ctx is not None:
                click.echo(f"  Try:  {error.ctx.command_path} --help", err=True)
        case Detached():
            click.echo(error.format_message(), err=True)
        case click.ClickException():
            click.echo(f"error: {error.format_message()}", err=True)
        case click.exceptions.Abort() | KeyboardInterrupt():
            click.echo("interrupted", err=True)
        case errors.AionError():
            _print_tracebacks(error)
            click.echo(f"error: {error}", err=True)
            for note in getattr(error, "__notes__", ()):
                click.echo(f"error: {note}", err=True)
            click.echo(f"  Try:  aion explain {error.code}", err=True)
        case _:
            click.echo(f"error: {type(error).__name__}: {error}", err=True)
            if not debug:
                click.echo("  This is a fault in Aion. Set AION_DEBUG=1 for the traceback.", err=True)


def _as_object(error: BaseException) -> dict[str, object]:
    match error:
        case errors.ConfigError():
            return {"code": error.code, "message": str(error), "problems": list(error.problems)}
        case errors.AionError():
            text = "\n".join([str(error), *getattr(error, "__notes__", ())])
            return {"code": error.code, "message": text, **_data(error)}
        case click.UsageError():
            return {"code": "usage", "message": error.format_message()}
        case CommandFailed():
            return {"code": error.exit.name.lower().replace("_", "-"), "message": error.format_message()}
        case click.exceptions.Abort() | KeyboardInterrupt():
            return {"code": "interrupted", "message": "interrupted"}
        case Detached():
            return {"code": "interrupted", "message": error.format_message()}
        case _:
            return {"code": "internal", "message": f"{type(error).__name__}: {error}"}


def _data(error: errors.AionError) -> dict[str, object]:
    """What a program wants to know of an error beside its text: whom it is about, and whose exception it was."""
    found: dict[str, object] = {
        name: getattr(error, name) for name in ("id", "run_id") if getattr(error, name, None) is not None
    }
    if isinstance(error, failed.Failed):
        found["failure"] = failure_record(error)
    return found


def _print_tracebacks(error: errors.AionError) -> None:
    """Where a user's code has failed, as it was recorded: the first cause at the top."""
    if not isinstance(error, failed.WorkflowFailed):
        return
    recorded: list[str] = []
    cause: BaseException | None = error
    while isinstance(cause, failed.Failed):
        if frames := _theirs(cause.traceback):
            recorded.insert(0, f"{cause.type}, most recent call last:\n{frames}")
        cause = cause.__cause__
    click.echo("".join(f"{each}\n" for each in recorded), err=True, nl=False)


def _theirs(recorded: str) -> str:
    """A traceback without the frames of this package, which say nothing about the user's code."""
    frames = re.split(r'^(?=  File ")', recorded, flags=re.MULTILINE)
    return "".join(each for each in frames if not each.startswith(f'  File "{_PACKAGE}')).rstrip()


def _sentence(message: str) -> str:
    return message[:1].lower() + message[1:]
