"""`aion plugins`: what is installed, what it can do, and whether it keeps its contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from aion_core.cli.checking import check_driver
from aion_core.cli.exits import CommandFailed, Exit
from aion_core.cli.output import json_option, print_heading, print_json, print_table
from aion_core.config.describing import described
from aion_core.plugins import DriverKind, InstalledPlugin, Plugins

EXTENSION = "plugin"


@click.group()
def plugins() -> None:
    """List, describe and check plugins."""


@plugins.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List everything that is installed, broken plugins included.

    Drivers are chosen with `use = "NAME"` in aion.toml; a plugin takes part when [plugins] enabled names it.
    """
    found = list(_installed())
    if as_json:
        for plugin in found:
            print_json(_record(plugin))
        return
    print_table(
        ["KIND", "NAME", "FROM", "STATE"],
        [[plugin.kind, plugin.name, plugin.provider, _state(plugin)] for plugin in found],
        styles=["dim", "bold"],
    )


@plugins.command()
@click.argument("name")
@json_option
def info(name: str, *, as_json: bool) -> None:
    """Describe a plugin: where it comes from, what it can do, what its table in aion.toml takes."""
    found = [plugin for plugin in _installed() if plugin.name == name]
    if not found:
        raise _not_found(name)
    for number, plugin in enumerate(found):
        if as_json:
            print_json(_record(plugin))
            continue
        if number:
            click.echo()
        _describe(plugin)


@plugins.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["event_store", "visibility_store", "runtime"]),
    default="event_store",
    show_default=True,
    help="What the plugin is checked as.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the plugin; may be given repeatedly."
)
@click.option("--only", multiple=True, metavar="NAME", help="Only these cases or layers; may be given repeatedly.")
@json_option
def check(name: str, *, kind: str, settings: Sequence[str], only: Sequence[str], as_json: bool) -> None:
    """Run the conformance kit against a store or a runtime.

    Never against the store of your configuration: the settings are the plugin's defaults and what --set gives, and
    relative files are made in a temporary folder. Every case has an empty place of its own: {place} in a setting
    stands for its name, as in  aion plugins check memory --set name={place}
    """
    check_driver(DriverKind(kind), name, settings, only=only, as_json=as_json)


def _installed() -> Iterator[InstalledPlugin]:
    for kind in DriverKind:
        yield from Plugins.installed(kind)
    yield from Plugins.installed_extensions()


def _state(plugin: InstalledPlugin) -> str:
    return plugin.problem or "ok"


def _record(plugin: InstalledPlugin) -> dict[str, object]:
    return {
        "kind": plugin.kind,
        "name": plugin.name,
        "provider": plugin.provider,
        "path": plugin.path,
        "problem": plugin.problem,
        "contract": plugin.contract,
        "capabilities": sorted(plugin.capabilities),
        "hooks": list(plugin.hooks),
        "settings": [
            {"key": each.key, "type": each.type, "default": each.default, "text": each.text}
            for each in (described(plugin.settings) if plugin.settings else ())
        ],
    }


def _describe(plugin: InstalledPlugin) -> None:
    print_heading(f"{plugin.kind} {plugin.name}")
    click.echo(f"  from          {plugin.provider} ({plugin.path})")
    if plugin.problem:
        click.echo(f"  broken        {plugin.problem}")
        return
    if plugin.kind == EXTENSION:
        click.echo(f"  hooks         {', '.join(plugin.hooks)}")
        click.echo(f"  enable with   [plugins] enabled = [{plugin.name!r}]".replace("'", '"'))
        return
    click.echo(f"  contract      {plugin.contract}")
    click.echo(f"  capabilities  {', '.join(sorted(plugin.capabilities)) or 'none'}")
    click.echo(f'  choose with   [{plugin.kind}] use = "{plugin.name}"')
    settings = described(plugin.settings) if plugin.settings else ()
    if not settings:
        return
    click.echo()
    print_table(
        ["SETTING", "TYPE", "DEFAULT", "MEANING"],
        [[each.key, each.type, each.default or "-", each.text] for each in settings],
        styles=["bold", "", "dim"],
    )


def _not_found(name: str) -> CommandFailed:
    names = sorted({plugin.name for plugin in _installed()})
    return CommandFailed(f"no plugin {name!r} is installed. Installed: {', '.join(names) or 'none'}.", Exit.NOT_FOUND)
