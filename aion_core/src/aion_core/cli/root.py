"""The root of the command: which commands there are, and the one place where errors become exit codes."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn, cast

import click
from attrs import frozen
from click.shell_completion import CompletionItem

from aion_core.cli.exits import Exit, report
from aion_core.model.errors import AionError


@frozen
class Deferred:
    """A command that is imported when it is used. `help` repeats the first line of its own."""

    place: str
    help: str


COMMANDS: Final[Mapping[str, Deferred]] = {
    "worker": Deferred("aion_core.cli.running:worker", "Run workflows until it is stopped."),
    "run": Deferred("aion_core.cli.running:run", "Start a workflow, run it here, and print its result."),
    "start": Deferred("aion_core.cli.start:start", "Start a workflow, for an engine elsewhere to run."),
    "list": Deferred("aion_core.cli.finding:list_", "List workflows, the newest first."),
    "count": Deferred("aion_core.cli.finding:count", "Count workflows."),
    "describe": Deferred(
        "aion_core.cli.showing:describe", "Show what a workflow is doing: its state, what it waits for, why it failed."
    ),
    "history": Deferred("aion_core.cli.showing:history", "Tell what has happened in a workflow, event by event."),
    "result": Deferred("aion_core.cli.results:result", "Wait for a workflow to end, and print what it returned."),
    "signal": Deferred("aion_core.cli.talking:signal", "Send a signal to a workflow."),
    "query": Deferred("aion_core.cli.talking:query", "Ask a workflow's code something, and print the answer as JSON."),
    "cancel": Deferred("aion_core.cli.talking:cancel", "Ask a workflow to stop."),
    "terminate": Deferred("aion_core.cli.talking:terminate", "End a workflow at once."),
    "config": Deferred("aion_core.cli.config_commands:config", "Show and check the configuration."),
    "plugins": Deferred("aion_core.cli.plugin_commands:plugins", "List, describe and check plugins."),
    "store": Deferred("aion_core.cli.store_commands:store", "Migrate, check, back up, restore and trim the store."),
    "doctor": Deferred("aion_core.cli.doctor:doctor", "Look for what would keep workflows from running."),
    "explain": Deferred("aion_core.cli.explain:explain", "Say what an error code means and what to do about it."),
    "completion": Deferred("aion_core.cli.completion:completion", "Print a script that completes commands in a shell."),
    "version": Deferred("aion_core.cli.version:version", "Print the versions of Aion and Python."),
}
"""Every command of the core, in the order of the help. Help prints these lines and imports nothing."""


class _Unread(Exception):
    """Whoever read our output has closed it."""


class Root(click.Group):
    """Imports a command when it is asked for, and turns every error into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The core's commands, then those of enabled extensions."""
        return [*COMMANDS, *sorted(set(self.commands).difference(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command of the core. Only when it has none of the name are extensions looked for."""
        if cmd_name in COMMANDS:
            return imported(cmd_name)
        self._add_extensions()
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's, but with a suggestion, and with the reason why an extension's command may be missing."""
        name = args[0]
        note = ""
        try:
            found = self.get_command(ctx, name)
        except AionError as error:
            found, note = None, f"\n  Commands of extensions are not available: {error}"
        if found is None:
            if name.startswith("-"):
                ctx.fail(f"there is no option {name!r}.")
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"there is no command {name!r}.{hint}{note}")
        return name, found, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing the core's."""
        note = ""
        try:
            self._add_extensions()
        except AionError as error:
            note = f"Commands of extensions are not listed: {error}"
        with formatter.section("Commands"):
            formatter.write_dl([(name, deferred.help) for name, deferred in COMMANDS.items()])
        extra = sorted(set(self.commands).difference(COMMANDS))
        if extra:
            with formatter.section("Commands of extensions"):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(60)) for name in extra])
        if note:
            formatter.write_paragraph()
            formatter.write_text(note)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completion is never an error message."""
        with contextlib.suppress(AionError):
            self._add_extensions()
        return super().shell_complete(ctx, incomplete)

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override] # always exits
        """Run, then exit with the code of what happened."""
        given = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            code = super().main(given, prog_name or "aion", **extra)
            sys.stdout.flush()
        except (BrokenPipeError, _Unread):
            # Whoever read our output has seen enough. Python would complain when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(Exit.OK)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 # the end of the line: reported and counted
            sys.exit(report(error, as_json="--json" in given, debug=bool(os.environ.get("AION_DEBUG"))))
        sys.exit(code if isinstance(code, int) else Exit.OK)

    def invoke(self, ctx: click.Context) -> Any:
        """Like click's, which would turn a closed pipe into exit code 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _Unread from error

    def _add_extensions(self) -> None:
        """Let the extensions that the discovered configuration enables add their commands, once."""
        from aion_core.config import enabled_extensions

        if self.commands or not (names := enabled_extensions()):
            return
        from aion_core.plugins import compose

        plugins = compose(names)
        # The core's own come first: an extension that replaces one of them is refused.
        for name in COMMANDS:
            self.add_command(imported(name))
        plugins.register_commands(self)


def imported(name: str) -> click.Command:
    """A command of the core."""
    module, _, attribute = COMMANDS[name].place.partition(":")
    return cast("click.Command", getattr(importlib.import_module(module), attribute))


def command() -> Root:
    """A new `aion` command: the commands of extensions are added to it, and to no other."""
    return Root(
        name="aion",
        help="""Run durable workflows and look after them.

        Configuration is read from the nearest aion.toml, here or in a folder above: see `aion config show`.
        """,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        epilog="Exit codes: 0 ok, 1 internal error, 2 usage, 3 not found, 4 conflict, 5 denied, 6 unavailable, "
        "7 store integrity, 8 configuration or plugin, 9 non-determinism, 10 run failed, 11 cancelled or terminated, "
        "12 run timed out, 13 invalid input, 124 wait timed out, 130 interrupted. AION_DEBUG=1 shows tracebacks.",
    )


def main() -> NoReturn:
    """Run the command of this process."""
    command().main()
