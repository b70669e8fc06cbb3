"""`grange worker`: run a worker on this machine; list the farm's workers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rich_click as click
from click import get_current_context
from click.core import ParameterSource

from grange.cli.connection import Connection, with_farm, with_output
from grange.cli.formatting import NOTHING, moment, plural, size
from grange.cli.output import Output, status
from grange.cli.watching import listed
from grange.cli.worker_limits import command as limits
from grange.cli.worker_machine import benchmark, wake
from grange.cli.worker_options import WorkerOptions
from grange.cli.worker_orders import COMMANDS as ORDERS
from grange.cli.worker_renderers import command as renderers
from grange.cli.worker_show import findings, hail, show, state_words
from grange.cli.worker_test import command as trial
from grange.cli.worker_token import command as token


@click.group()
def command() -> None:
    """Run a worker on this machine; list the farm's workers."""


for _order in ORDERS:
    command.add_command(_order)
command.add_command(benchmark)
command.add_command(limits)
command.add_command(renderers)
command.add_command(trial)
command.add_command(token)
command.add_command(wake)
command.add_command(show)
command.add_command(hail)


def _run_options(function: Any) -> Any:
    """Give a command the options of a running worker."""
    for option in reversed(
        [
            click.option(
                "--name", metavar="TEXT", help="Name in the farm; default: this machine's."
            ),
            click.option(
                "--threads",
                type=click.IntRange(1, 1024),
                default=1,
                show_default=True,
                help="Job threads: how many jobs render at a time.",
            ),
            click.option(
                "--data",
                "data_dir",
                type=click.Path(path_type=Path),
                help="Folder of the worker's identity and spool; one worker per folder.",
            ),
            click.option("--farm", metavar="ID", help="Id of the farm; else GRANGE_FARM_ID."),
            click.option("--fleet", metavar="ID", help="Id of the fleet; else GRANGE_FLEET_ID."),
            click.option("--job-user", metavar="USER[:GROUP]", help="Run jobs as this user."),
            click.option("--allow-root", is_flag=True, help="Let jobs run as root."),
            click.option("--watts", type=float, help="Rated power of this machine."),
            click.option(
                "--pass-env",
                metavar="NAME",
                multiple=True,
                help="A variable jobs inherit; NAME* stands for all that begin so.",
            ),
            click.option(
                "--renderer",
                metavar="NAME=PATH",
                multiple=True,
                help="Where a renderer is that is not found by itself; without PATH it is hidden.",
            ),
            click.option(
                "--contain/--no-contain",
                default=True,
                show_default=True,
                help="Write jobs' output to this machine first, then copy it to its place.",
            ),
            click.option(
                "--copy-rate",
                type=click.FloatRange(0, min_open=True),
                metavar="MIB",
                help="Copy output no faster than this many MiB a second.",
            ),
            click.option(
                "--hail/--no-hail",
                default=True,
                show_default=True,
                help="Answer neighbours that ask whether this worker lives.",
            ),
            click.option(
                "--hail-port",
                type=click.IntRange(0, 65535),
                default=0,
                metavar="PORT",
                help="Where they ask; default: any free port.",
            ),
            click.option(
                "--shutdown-command",
                metavar="COMMAND",
                help="Turns this machine off when the farm wants it, e.g. 'systemctl poweroff'.",
            ),
            click.option(
                "--restart-command",
                metavar="COMMAND",
                help="Starts this machine anew, e.g. 'systemctl reboot'.",
            ),
            click.option("--parent", type=int, hidden=True, help="End when this process does."),
        ]
    ):
        function = option(function)
    return function


@command.command("run", epilog="Example: grange worker run --threads 2")
@click.option("--server", metavar="URL", help="Address of the server; else AWS_ENDPOINT_URL.")
@_run_options
@with_output
def run(out: Output, /, *, server: str | None, **given: Any) -> int:
    """Run a worker on this machine until Ctrl-C.

    It needs a key of role worker: from boto3's variables, or as `grange worker join` left it in the
    worker's folder. Options that are not given are as they were when the machine joined.
    """
    from grange.cli.worker_run import run_worker_here  # noqa: PLC0415 - not for `worker ls`

    return run_worker_here(_options(server, given), out)


@command.command(
    "join", epilog="Example: grange worker join https://farm:8765 --fingerprint sha256:…"
)
@click.argument("server", metavar="URL")
@click.option(
    "--fingerprint",
    metavar="SHA256",
    help="Of the server's authority, as grange admin init printed it: only that server is joined.",
)
@click.option("--token", metavar="TOKEN", help="As `grange worker token` printed it.")
@_run_options
@click.option("--no-run", is_flag=True, help="Only join; start later with grange worker run.")
@with_output
def join(out: Output, /, *, server: str, no_run: bool, **given: Any) -> int:
    """Join this machine to a farm as a worker, and run it.

    A server on another machine is reached over TLS. With --fingerprint its authority is fetched,
    compared and kept; nothing is sent to a server that has another one.

    A token holds everything: the key, the farm and the fleet, and whom to trust. Without one,
    with an owner's key in boto3's variables, a key for workers is made and kept in the worker's
    folder with the server's address. With a worker's key, that one is kept.
    """
    from grange.cli.worker_run import join_farm, run_worker_here  # noqa: PLC0415

    options = _options(server, given)
    join_farm(options, out)
    return 0 if no_run else run_worker_here(options, out)


def _options(server: str | None, given: dict[str, Any]) -> WorkerOptions:
    names: Sequence[str] = given.pop("pass_env")
    programs: Sequence[str] = given.pop("renderer")
    context = get_current_context()
    said = {
        {"renderer": "renderers"}.get(name, name)
        for name in context.params
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    return WorkerOptions(
        server=server,
        pass_env=tuple(names),
        renderers=tuple(programs),
        given=frozenset(said),
        **given,
    )


@command.command("ls", epilog="Example: grange worker ls --where state=off")
@click.option(
    "--where", metavar="QUERY", default="", help="Only these, e.g. group=big; docs/where.md."
)
@with_farm
@listed
def list_workers(connection: Connection, where: str) -> None:
    """List the farm's workers and what each job thread does now."""
    now = connection.clock.now()
    found = connection.rest("GET", "/workers", query={"where": where} if where else {})
    workers = found["workers"]
    if connection.out.as_json:
        connection.out.data(workers)
        return
    connection.out.table(
        ["WORKER", "NAME", "STATUS", "THREADS", "CPU", "MEMORY", "DOING", "SEEN"],
        [
            [
                worker["worker_id"],
                worker["name"],
                status(state_words(worker)),
                len(worker["threads"]),
                NOTHING if worker["cpu_milli"] is None else f"{worker['cpu_milli'] / 10:.0f} %",
                size(worker["memory_used_bytes"]),
                ", ".join(map(_doing, filter(_is_busy, worker["threads"]))) or NOTHING,
                moment(worker["last_seen_at"], now),
            ]
            for worker in workers
        ],
        right=frozenset({"THREADS", "CPU", "MEMORY"}),
    )
    if found["matched"] < found["total"]:
        connection.out.note(f"{found['matched']} of {plural(found['total'], 'worker')}.")
    for worker in workers:
        for finding in findings(worker):
            connection.out.note(f"{worker['name']}: {finding}")


def _is_busy(thread: dict[str, Any]) -> bool:
    return thread["job_name"] is not None


def _doing(thread: dict[str, Any]) -> str:
    parts = (thread["job_name"], thread["layer_name"], thread["frames"])
    return " ".join(part for part in parts if part)
