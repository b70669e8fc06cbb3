"""`grange queue`: where jobs are submitted to, who works for them, what sessions enter first."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import rich_click as click

from grange.cli.asking import confirm
from grange.cli.connection import Connection, with_farm
from grange.cli.output import status
from grange.cli.watching import listed
from grange.kernel.errors import ConfigurationError, InvalidRequestError, NotFoundError

SHIPPED = ("rez", "conda", "venv")
"""Environments that come with Grange."""
_COMPLETE, _CANCEL = "STOP_SCHEDULING_AND_COMPLETE_TASKS", "STOP_SCHEDULING_AND_CANCEL_TASKS"
_WORKS = {"ACTIVE": "", _COMPLETE: " (finishes its tasks)", _CANCEL: " (drops its tasks)"}


@click.group()
def command() -> None:
    """List, stop and start the farm's queues; say what their sessions enter first."""


@command.command("ls", epilog="Example: grange queue ls")
@with_farm
@listed
def list_queues(connection: Connection) -> None:
    """List the farm's queues, and the fleets that work for them."""
    queues = list(connection.pages(f"/farms/{connection.farm_id}/queues", "queues"))
    if connection.out.as_json:
        connection.out.data(queues)
        return
    fleets = _fleets(connection)
    works: dict[str, list[str]] = {}
    for link in _links(connection, {}):
        state = _WORKS.get(link["status"], " (stopped)")
        works.setdefault(link["queueId"], []).append(fleets[link["fleetId"]] + state)
    connection.out.table(
        ["QUEUE", "NAME", "STATUS", "FLEETS"],
        [
            [
                queue["queueId"],
                queue["displayName"],
                status(queue["status"]),
                ", ".join(sorted(works.get(queue["queueId"], []))) or "none",
            ]
            for queue in queues
        ],
    )


@command.command(
    "stop",
    epilog="""\b
Examples:
  grange queue stop main                what runs is finished
  grange queue stop main --fleet cloud  only this fleet stops
  grange queue stop main --now          what runs is canceled, and waits again
""",
)
@click.argument("queue")
@click.option("--fleet", metavar="NAME", help="Only this fleet; default: every one.")
@click.option("--now", is_flag=True, help="Cancel what runs; its tasks are rendered again later.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_farm
def stop(connection: Connection, /, *, queue: str, fleet: str | None, now: bool, yes: bool) -> None:
    """Have workers take no tasks of a queue until it is started again."""
    if now and not yes:
        confirm(f"Cancel every task of {queue} that runs?")
    names = _set_links(connection, queue, fleet, _CANCEL if now else _COMPLETE)
    end = "is canceled" if now else "is finished"
    connection.out.tell(
        f"{_listed(names)} take no tasks of {queue} any more; what runs {end}."
        f" Start again: grange queue start {queue}"
    )


@command.command("start", epilog="Example: grange queue start main")
@click.argument("queue")
@click.option("--fleet", metavar="NAME", help="Only this fleet; default: every one.")
@with_farm
def start(connection: Connection, /, *, queue: str, fleet: str | None) -> None:
    """Have workers take tasks of a queue again."""
    names = _set_links(connection, queue, fleet, "ACTIVE")
    connection.out.tell(f"{_listed(names)} take tasks of {queue}.")


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


def _listed(fleets: list[str]) -> str:
    return f"Workers of {', '.join(fleets)}"


def _fleets(connection: Connection) -> dict[str, str]:
    """Return the names of the farm's fleets by id."""
    rows = connection.pages(f"/farms/{connection.farm_id}/fleets", "fleets")
    return {str(row["fleetId"]): str(row["displayName"]) for row in rows}


def _links_path(connection: Connection) -> str:
    return f"/farms/{connection.farm_id}/queue-fleet-associations"


def _links(connection: Connection, query: dict[str, str]) -> list[dict[str, Any]]:
    return list(connection.pages(_links_path(connection), "queueFleetAssociations", query=query))


def _set_links(connection: Connection, queue: str, fleet: str | None, state: str) -> list[str]:
    """Set how fleets work for a queue; return their names."""
    queue_id = _queue_id(connection, queue)
    fleets = _fleets(connection)
    links = _links(connection, {"queueId": queue_id})
    known = {link["fleetId"]: fleets[link["fleetId"]] for link in links}
    chosen = {one: name for one, name in known.items() if fleet in {None, one, name}}
    if not chosen:
        names = ", ".join(sorted(known.values())) or "no fleet"
        raise ConfigurationError(f"Who works for {queue}: {names}. Nothing was changed.")
    for fleet_id in chosen:
        connection.wire(
            "PATCH", f"{_links_path(connection)}/{queue_id}/{fleet_id}", body={"status": state}
        )
    return sorted(chosen.values())


def _path(connection: Connection, named: str | None) -> str:
    """Return the path of a queue's environments."""
    queue_id = _queue_id(connection, named or connection.settings.queue_id)
    return f"/farms/{connection.farm_id}/queues/{queue_id}/environments"


def _queue_id(connection: Connection, wanted: str | None) -> str:
    queues = list(connection.pages(f"/farms/{connection.farm_id}/queues", "queues"))
    found = [
        str(row["queueId"])
        for row in queues
        if wanted in {None, row["queueId"], row["displayName"]}
    ]
    if len(found) != 1:
        known = ", ".join(row["displayName"] for row in queues) or "none"
        raise ConfigurationError(f"Name one queue of the farm: {known}.")
    return found[0]
