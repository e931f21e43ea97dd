"""The root of the command: which commands there are, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn, cast

import click
from attrs import frozen

from aion_core.cli.exits import Exit, report


@frozen
class Deferred:
    """A command that is imported when it is used. `help` repeats the first line of its own."""

    place: str
    help: str


COMMANDS: Final[Mapping[str, Deferred]] = {
    "config": Deferred("aion_core.cli.config_commands:config", "Show and check the configuration."),
    "plugins": Deferred("aion_core.cli.plugin_commands:plugins", "List, describe and check plugins."),
    "explain": Deferred("aion_core.cli.explain:explain", "Say what an error code means and what to do about it."),
    "completion": Deferred("aion_core.cli.completion:completion", "Print a script that completes commands in a shell."),
    "version": Deferred("aion_core.cli.version:version", "Print the versions of Aion and Python."),
}
"""Every command of the core, in the order of the help. Help prints these lines and imports nothing."""


class Root(click.Group):
    """Imports a command when it is asked for, and turns every error into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The core's commands, then those of enabled extensions."""
        return [*COMMANDS, *sorted(name for name in self.commands if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command of the core; anything else may be an extension's."""
        if deferred := COMMANDS.get(cmd_name):
            module, _, name = deferred.place.partition(":")
            return cast("click.Command", getattr(importlib.import_module(module), name))
        if not self.commands:
            self._add_extensions()
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's, but with a suggestion."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            error.message = unknown(args[0], self.list_commands(ctx))
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing the core's."""
        note = self._add_extensions_if_they_can_be()
        rows = [(name, deferred.help) for name, deferred in COMMANDS.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
        extra = [(name, self.commands[name].get_short_help_str(60)) for name in sorted(self.commands)]
        if extra:
            with formatter.section("Commands of extensions"):
                formatter.write_dl(extra)
        if note:
            formatter.write_paragraph()
            formatter.write_text(note)

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override] # always exits
        """Run, then exit with the code of what happened."""
        given = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            code = super().main(given, prog_name or "aion", **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read our output has seen enough. Python would complain when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(Exit.OK)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 # the end of the line: reported and counted
            sys.exit(report(error, as_json="--json" in given, debug=bool(os.environ.get("AION_DEBUG"))))
        sys.exit(code if isinstance(code, int) else Exit.OK)

    def _add_extensions(self) -> None:
        """Let the extensions that the discovered configuration enables add their commands."""
        from aion_core.config import enabled_extensions

        if names := enabled_extensions():
            from aion_core.cli.composing import compose

            compose(names).register_commands(self)

    def _add_extensions_if_they_can_be(self) -> str:
        """Help is printed whatever is wrong with the configuration; but it says what is missing from it."""
        from aion_core.model.errors import AionError

        try:
            self._add_extensions()
        except AionError as error:
            return f"Commands of extensions are not listed: {error}"
        return ""


def unknown(name: str, known: Sequence[str]) -> str:
    """The message about a name that does not exist."""
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"there is no command {name!r}.{hint}"


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 internal error, 2 usage, 3 not found, 6 unavailable, 8 configuration or plugin, "
    "13 invalid input. Set AION_DEBUG=1 for tracebacks.",
)
def main() -> None:
    """Run durable workflows and look after them.

    Configuration is found in aion.toml, here or in a folder above; see `aion config show`.
    """
