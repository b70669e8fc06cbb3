"""The command `grange`: finds the module of a command, runs it, tells errors in one line.

Commands are imported only when they are used, so that `grange worker run` never loads a web
framework and help stays quick.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import rich_click as click
from click.shell_completion import CompletionItem
from rich.text import Text

from grange.cli.exits import FAILED, INTERRUPTED, USAGE, exit_code, explain
from grange.kernel.errors import GrangeError

COMMANDS: dict[str, str] = {
    "apps": (
        "List what `grange submit SCENE` can render, and what was tested with the real program."
    ),
    "admin": "Prepare a server; trust one from another machine; back up, restore and watch.",
    "attribution": "See what decides the project, shot, app and other attributes of work.",
    "books": "Check, rebuild and list the books; freeze months, print statements.",
    "budget": "Set budgets; see what of each is spent, and when the rest will be gone.",
    "completion": "Print what lets a shell finish commands, options and their choices.",
    "cost": "Show what work cost, what of it was wasted, and what clients pay for it.",
    "demo": (
        "Start a farm with two workers on this machine, render a small film, print its receipt."
    ),
    "farm": "List the server's farms; say what their money is worth in dollars.",
    "fleet": "List the farm's fleets.",
    "forecast": "Foretell worker-hours and workers needed by day; needs 14 days of data.",
    "graph": "Draw worker states, CPU, frame times, or log streams as a file.",
    "group": "Put workers in groups; list, export and import them.",
    "history": "Show the job history: one record for each layer that was ever submitted.",
    "hook": "Tell programs and people when something happens.",
    "job": "List, show, follow and change jobs; say why one waits.",
    "licence": "Say how many licences of an application there are; list and remove pools.",
    "man": "Write a manual page of every command, with all its options.",
    "open": (
        "Open the farm's page in the browser, signed in by a link that works once, for a minute."
    ),
    "power": "Say when machines are woken, turned off and started anew.",
    "queue": "List, stop and start the farm's queues; say what their sessions enter first.",
    "rates": "Put rate cards; list and show them. Prices hold for work that begins after.",
    "report": (
        "Show distributions: frame times, waiting, memory, CPU, errors, hosts; schedule reports."
    ),
    "rrdata": "Use Royal Render's statistics scripts, settings files and history with this farm.",
    "server": "Run the farm's server until Ctrl-C.",
    "share": "Set shares and quotas of projects and users; see what they had of late.",
    "storage": "Say where the file systems of a farm lie on machines of each kind.",
    "streams": "Collect logs and logged values; archives, pages and graphs of them.",
    "submit": "Submit a command over frames, or a job bundle.",
    "usage": (
        "Show hours of machine time, and cost where there is a rate card; the unassigned first."
    ),
    "user": "Add, disable and list users; set what they may, their passwords and keys.",
    "worker": "Run a worker on this machine; list the farm's workers.",
    "wrangle": (
        "Show what needs a person: stuck, silent, failing, without licence, full, waiting for ever."
    ),
}
"""Name → what its own help says first. Command NAME is the object `command` of the module
`grange.cli.NAME`."""
_LISTED = "grange.cli.main.listed"

_MODULES = {"open": "grange.cli.open_page"}
"""Commands whose module cannot be called what they are called."""

_EXAMPLES = """\b
Examples:
  grange demo
  grange submit --frames 1-240 --chunk 8 -- blender -b a.blend -s {start} -e {end} -a
  grange job ls

Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 denied, 5 unreachable.
"""


class Commands(click.RichGroup):
    """The group of all commands, each imported when it is first used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if there is no such name.

        While all are listed, it is one that says no more than what it does.
        """
        if cmd_name not in COMMANDS:
            return None
        if ctx.meta.get(_LISTED):
            return click.RichCommand(name=cmd_name, help=COMMANDS[cmd_name])
        module = importlib.import_module(_MODULES.get(cmd_name, f"grange.cli.{cmd_name}"))
        command: click.Command = module.command
        command.name = cmd_name
        _keep_lines(command)
        return command

    def format_help(self, ctx: click.RichContext, formatter: click.RichHelpFormatter) -> None:  # type: ignore[override]
        """Write the help, without importing any command."""
        with _listed(ctx):
            super().format_help(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what a shell may finish a word with, without importing any command."""
        with _listed(ctx):
            return super().shell_complete(ctx, incomplete)


@contextmanager
def _listed(ctx: click.Context) -> Iterator[None]:
    ctx.meta[_LISTED] = True
    try:
        yield
    finally:
        del ctx.meta[_LISTED]


def _keep_lines(command: click.Command) -> None:
    """Let the examples under a command's help keep their lines: help joins those of plain text."""
    if isinstance(command.epilog, str) and "\n" in command.epilog:
        text = command.epilog.replace("\b\n", "").strip("\n")
        command.epilog = Text(text)  # type: ignore[assignment]
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _keep_lines(inner)


@click.command(
    cls=Commands, epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="grange", message="grange %(version)s")
def root() -> None:
    """Grange, a self-hosted render farm that keeps its own books."""


_keep_lines(root)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        arguments: the words behind `grange`; default: this process's.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        result = root.main(words, prog_name="grange", standalone_mode=False)
    except GrangeError as error:
        if debug:
            raise
        print(f"grange: {explain(error)}", file=sys.stderr)
        return exit_code(error)
    except click.Abort:
        print("grange: stopped.", file=sys.stderr)
        return INTERRUPTED
    except click.ClickException as error:
        error.show(file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as error:  # a group without a command has printed its help
        return error.code if isinstance(error.code, int) else FAILED
    except BrokenPipeError:
        # The reader of the pipe has seen enough; nothing more can be written, not even at exit.
        sys.stdout = None
        return FAILED
    except OSError as error:
        if debug or error.filename is None:
            raise
        print(f"grange: {error.filename}: {error.strerror}.", file=sys.stderr)
        return USAGE
    return result if isinstance(result, int) else 0


def main() -> None:
    """Run the command line of this process and leave with its exit code."""
    sys.exit(run())
