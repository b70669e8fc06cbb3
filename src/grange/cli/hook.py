"""`grange hook`: programs, web addresses and people that hear when something happens."""

import re
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.exits import FAILED, OK
from grange.cli.formatting import NOTHING, moment
from grange.cli.watching import listed
from grange.kernel.errors import InvalidRequestError, NotFoundError

EVENTS = (
    "job_submitted",
    "first_frame",
    "first_failure",
    "job_succeeded",
    "job_failed",
    "job_canceled",
    "worker_quarantined",
    "budget_reached",
)
_QUIET = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)")


@click.group("hook")
def command() -> None:
    """Tell programs and people when something happens."""


@command.command(
    "add",
    epilog="""\b
Examples:
  grange hook add slack --on job_failed --url https://hooks.studio.example/farm
  grange hook add ingest --on job_succeeded -- to_review.sh --quiet
""",
)
@click.argument("name")
@click.option(
    "--on", "events", multiple=True, required=True, type=click.Choice(EVENTS), help="Of what."
)
@click.option("--url", default="", help="Web address; what it gets is signed.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@with_farm
def add(
    connection: Connection, *, name: str, events: tuple[str, ...], url: str, words: tuple[str, ...]
) -> None:
    """Have NAME told of events; one of the same name is replaced.

    WORDS are a program of the server's folder of hooks and what it is given.
    """
    body = {"name": name, "events": list(events), "command": list(words), "url": url}
    reply = connection.rest("POST", "/hooks", body=body)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.line(f"{name} is told of {', '.join(events)}.")
    if reply["secret"]:
        connection.out.line(f"Secret: {reply['secret']}")


@command.command("ls", epilog="Example: grange hook ls")
@with_farm
@listed
def list_hooks(connection: Connection) -> None:
    """List hooks, what waits for each, and who hears of their jobs."""
    reply = connection.rest("GET", "/hooks")
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["NAME", "TELLS", "ON", "WAITING", "LAST ERROR"],
        [
            [
                row["name"],
                row["target"],
                ", ".join(row["events"]),
                str(row["waiting"]),
                row["last_error"] or NOTHING,
            ]
            for row in reply["hooks"]
        ],
    )
    if reply["messages"]:
        connection.out.line("")
        connection.out.table(
            ["USER", "HEARS BY", "OF", "LAST TOLD"],
            [
                [
                    row["user"],
                    ", ".join(row["to"]),
                    ", ".join(row["events"]),
                    moment(row["told_at"]),
                ]
                for row in reply["messages"]
            ],
        )


@command.command("rm", epilog="Example: grange hook rm slack")
@click.argument("name")
@with_farm
def remove(connection: Connection, name: str) -> None:
    """Tell NAME nothing more."""
    hook = _find(connection, name)
    connection.rest("DELETE", f"/hooks/{hook['hook_id']}")
    connection.out.tell(f"{name} is told nothing more.")


@command.command("secret", epilog="Example: grange hook secret slack --renew")
@click.argument("name")
@click.option("--renew", is_flag=True, help="Make another one; the old one signs nothing more.")
@with_farm
def secret(connection: Connection, *, name: str, renew: bool) -> None:
    """Show the secret that signs what a web address gets."""
    hook = _find(connection, name)
    path = f"/hooks/{hook['hook_id']}/secret"
    reply = connection.rest("POST", path, body={}) if renew else connection.rest("GET", path)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(reply["secret"] or "A command is not signed: it has no secret.")


@command.command("test", epilog="Example: grange hook test slack")
@click.argument("name")
@with_farm
def test(connection: Connection, name: str) -> int:
    """Send an event of no importance now; exit code 1 if it was not taken."""
    hook = _find(connection, name)
    reply = connection.rest("POST", f"/hooks/{hook['hook_id']}/test", body={})
    if connection.out.as_json:
        connection.out.data(reply)
    elif reply["status"] == "delivered":
        connection.out.line(f"{name} took it.")
    else:
        connection.out.line(f"{name} did not take it: {reply['error'] or 'it is still under way.'}")
    return OK if reply["status"] == "delivered" else FAILED


@command.command("log", epilog="Example: grange hook log slack --status waiting")
@click.argument("name", required=False)
@click.option("--status", type=click.Choice(["waiting", "delivered", "given_up"]))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@with_farm
def log(connection: Connection, *, name: str | None, status: str | None, limit: int) -> None:
    """Show what was told, and what still waits; of all hooks, or of one hook or `user:NAME`."""
    hooks = {row["hook_id"]: row["name"] for row in connection.rest("GET", "/hooks")["hooks"]}
    query: dict[str, str] = {"limit": str(limit)}
    if status is not None:
        query["status"] = status
    if name is not None:
        query["hook_id"] = name if name.startswith("user:") else _find(connection, name)["hook_id"]
    rows = connection.rest("GET", "/hook-deliveries", query=query)["deliveries"]
    if connection.out.as_json:
        connection.out.data(rows)
        return
    connection.out.table(
        ["AT", "HOOK", "EVENT", "STATUS", "TRIES", "EVENT ID", "ERROR"],
        [
            [
                moment(row["created_at"]),
                hooks.get(row["hook_id"], row["hook_id"]),
                row["event"],
                row["status"],
                str(row["attempts"]),
                row["event_id"],
                row["error"] or NOTHING,
            ]
            for row in rows
        ],
    )


@command.command(
    "replay",
    epilog="""\b
Examples:
  grange hook replay slack --event event-0192…
  grange hook replay slack --hours 24
""",
)
@click.argument("name")
@click.option("--event", "event_id", help="Of this id, as `grange hook log` shows it.")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), help="All of the last hours.")
@with_farm
def replay(connection: Connection, *, name: str, event_id: str | None, hours: float | None) -> None:
    """Send events to NAME again, with the same ids."""
    if (event_id is None) == (hours is None):
        raise InvalidRequestError("Give --event or --hours.")
    hook = _find(connection, name)
    body = {"event_id": event_id, "hours": hours}
    reply = connection.rest("POST", f"/hooks/{hook['hook_id']}/replay", body=body)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"{reply['replayed']} on their way again.")


@command.command(
    "tell",
    epilog="""\b
Examples:
  grange hook tell ann --to mailto://farm:PASSWORD@mail.studio.example?to=ann@studio.example
  grange hook tell ann --to ntfy://ntfy.studio.example/ann --quiet 22:00-07:00
  grange hook tell ann --off
""",
)
@click.argument("user")
@click.option("--to", multiple=True, help="Address as apprise knows it; may be repeated.")
@click.option("--on", "events", multiple=True, type=click.Choice(EVENTS[:6]), help="Of what.")
@click.option(
    "--digest",
    type=click.IntRange(0, 1440),
    default=10,
    show_default=True,
    help="Minutes after a message in which more is gathered into one.",
)
@click.option("--quiet", metavar="HH:MM-HH:MM", help="Hours in which nothing is sent.")
@click.option("--off", is_flag=True, help="Tell nothing more.")
@with_farm
def tell(
    connection: Connection,
    *,
    user: str,
    to: tuple[str, ...],
    events: tuple[str, ...],
    digest: int,
    quiet: str | None,
    off: bool,
) -> None:
    """Let USER hear of the end and the first failure of their jobs."""
    if off == bool(to):
        raise InvalidRequestError("Give --to ADDRESS, or --off.")
    if off:
        connection.rest("DELETE", f"/messages/{user}")
        connection.out.tell(f"{user} hears of nothing more.")
        return
    body: dict[str, Any] = {"to": list(to), "digest_seconds": digest * 60}
    if events:
        body["events"] = list(events)
    if quiet is not None:
        found = _QUIET.fullmatch(quiet)
        if found is None:
            raise InvalidRequestError(f"--quiet {quiet} must be like 22:00-07:00.")
        parts = [int(part) for part in found.groups()]
        body["quiet"] = [parts[0] * 60 + parts[1], parts[2] * 60 + parts[3]]
    connection.rest("POST", f"/messages/{user}", body=body)
    connection.out.tell(f"{user} hears of their jobs.")


def _find(connection: Connection, name: str) -> dict[str, Any]:
    rows = connection.rest("GET", "/hooks")["hooks"]
    for row in rows:
        if name in (row["name"], row["hook_id"]):
            return dict(row)
    raise NotFoundError("hook", name)
