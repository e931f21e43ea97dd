"""`aion completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from aion_core.cli.root import command

SHELLS = ("bash", "zsh", "fish")


HELP = """Print a script that completes commands in a shell.

\b
bash:  aion completion bash > ~/.local/share/bash-completion/completions/aion
zsh:   aion completion zsh > "${fpath[1]}/_aion"
fish:  aion completion fish > ~/.config/fish/completions/aion.fish
"""


@click.command(help=HELP)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what the shell has to source."""
    maker = get_completion_class(shell)
    if maker is None:
        raise click.UsageError(f"no completion for {shell}.")
    click.echo(maker(command(), {}, "aion", "_AION_COMPLETE").source())
