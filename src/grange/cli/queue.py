"""`grange queue`: where jobs are submitted to, and what their sessions enter first."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.output import status
from grange.cli.watching import listed
from grange.kernel.errors import ConfigurationError, InvalidRequestError, NotFoundError

SHIPPED = ("rez", "conda", "venv")
"""Environments that come with Grange."""


@click.group()
def command() -> None:
    """List the farm's queues; say what their sessions enter first."""


@command.command("ls", epilog="Example: grange queue ls")
@with_farm
@listed
def list_queues(connection: Connection) -> None:
    """List the farm's queues."""
    queues = list(connection.pages(f"/farms/{connection.farm_id}/queues", "queues"))
    if connection.out.as_json:
        connection.out.data(queues)
        return
    connection.out.table(
        ["QUEUE", "NAME", "STATUS"],
        [[queue["queueId"], queue["displayName"], status(queue["status"])] for queue in queues],
    )


@command.group("env")
def environments() -> None:
    """Environments that every session of a queue enters: rez, conda, or one of your own."""


@environments.command("ls", epilog="Example: grange queue env ls")
@click.option("--queue", metavar="NAME", help="Queue; else the only one.")
@with_farm
def list_environments(connection: Connection, *, queue: str | None) -> None:
    """List the environments of a queue in the order they are entered."""
    path = _path(connection, queue)
    rows = list(connection.pages(path, "environments"))
    if connection.out.as_json:
        connection.out.data(rows)
        return
    connection.out.table(
        ["ENVIRONMENT", "NAME", "PRIORITY"],
        [[row["queueEnvironmentId"], row["name"], str(row["priority"])] for row in rows],
    )


@environments.command(
    "add",
    epilog="""\b
Examples:
  grange queue env add --rez
  grange queue env add --conda --priority 20
  grange queue env add studio.yaml --queue main
""",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--rez", "shipped", flag_value="rez", help="Packages by rez: -p RezPackages=…")
@click.option("--conda", "shipped", flag_value="conda", help="By conda: -p CondaPackages=…")
@click.option("--venv", "shipped", flag_value="venv", help="By pip: -p VenvPackages=…")
@click.option("--queue", metavar="NAME", help="Queue; else the only one.")
@click.option(
    "--priority",
    type=click.IntRange(0, 10_000),
    default=10,
    show_default=True,
    help="The lowest is entered first.",
)
@with_farm
def add_environment(
    connection: Connection,
    *,
    file: Path | None,
    shipped: str | None,
    queue: str | None,
    priority: int,
) -> None:
    """Have every session of a queue enter an environment, of a template or one that comes along."""
    if (file is None) == (shipped is None):
        raise InvalidRequestError("Give a template's file, or --rez, --conda or --venv.")
    kind = "JSON" if file is not None and file.suffix == ".json" else "YAML"
    body = {
        "priority": priority,
        "templateType": kind,
        "template": template_of(shipped) if file is None else _read(file),
    }
    reply = connection.wire("POST", _path(connection, queue), body=body)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"{reply['queueEnvironmentId']} is entered by new jobs.")


@environments.command("rm", epilog="Example: grange queue env rm Rez")
@click.argument("name")
@click.option("--queue", metavar="NAME", help="Queue; else the only one.")
@with_farm
def remove_environment(connection: Connection, *, name: str, queue: str | None) -> None:
    """Have new jobs enter an environment no more; those that are there keep it."""
    path = _path(connection, queue)
    found = [
        row["queueEnvironmentId"]
        for row in connection.pages(path, "environments")
        if name in (row["name"], row["queueEnvironmentId"])
    ]
    if not found:
        raise NotFoundError("queue environment", name)
    for one in found:
        connection.wire("DELETE", f"{path}/{one}")
    connection.out.tell(f"{name} is entered no more by new jobs.")


def template_of(shipped: str | None) -> str:
    """Return the template of an environment that comes with Grange."""
    return (files("grange") / "environments" / f"{shipped}.yaml").read_text(encoding="utf-8")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error


def _path(connection: Connection, named: str | None) -> str:
    """Return the path of a queue's environments."""
    wanted = named or connection.settings.queue_id
    queues: list[dict[str, Any]] = list(
        connection.pages(f"/farms/{connection.farm_id}/queues", "queues")
    )
    found = [
        row["queueId"] for row in queues if wanted in {None, row["queueId"], row["displayName"]}
    ]
    if len(found) != 1:
        known = ", ".join(row["displayName"] for row in queues) or "none"
        raise ConfigurationError(f"Name the queue with --queue. The farm has: {known}.")
    return f"/farms/{connection.farm_id}/queues/{found[0]}/environments"
