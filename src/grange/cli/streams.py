"""`grange streams`: growing logs, logged values, archives and pages of them."""

import importlib

import rich_click as click

SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "collect": ("grange.cli.streams_collect", "collect"),
    "pages": ("grange.cli.streams_pages", "pages"),
    "publish": ("grange.cli.streams_pages", "publish"),
    "ls": ("grange.cli.streams_show", "list_streams"),
    "slots": ("grange.cli.streams_show", "slots"),
    "hours": ("grange.cli.streams_show", "hours"),
    "block": ("grange.cli.streams_show", "block"),
    "cursors": ("grange.cli.streams_show", "cursors"),
    "tail": ("grange.cli.streams_show", "tail"),
    "prune": ("grange.cli.streams_show", "prune"),
    "sync": ("grange.cli.streams_sync", "sync"),
    "rewind": ("grange.cli.streams_rewind", "rewind"),
    "cycle": ("grange.cli.streams_cycle", "cycle"),
    "series": ("grange.cli.streams_series", "series"),
    "archive": ("grange.cli.streams_series", "archive"),
    "datalog": ("grange.cli.streams_datalog", "datalog"),
}
"""Name → the module and the object of the command; imported when it is first used."""


class Subcommands(click.RichGroup):
    """The group of all commands about streams, each imported when it is first used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names."""
        return sorted(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if there is no such name."""
        if cmd_name not in SUBCOMMANDS:
            return None
        module, name = SUBCOMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(module), name)
        found.name = cmd_name
        return found


@click.group(cls=Subcommands)
def command() -> None:
    """Collect logs and logged values; archives, pages and graphs of them."""
