"""`grange worker enable`, `disable`, `drain`, `class` and `note`."""

from collections.abc import Sequence
from typing import Any

import rich_click as click

from grange.cli.asking import confirm
from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import duration
from grange.cli.output import status


@click.command("enable", epilog="Example: grange worker enable node07")
@click.argument("workers", nargs=-1, required=True, metavar="WORKER...")
@click.option("--yes", "_yes", is_flag=True, help="As of the other orders; this never asks.")
@with_farm
def enable(connection: Connection, workers: Sequence[str], _yes: bool) -> None:
    """Let workers take work again: disabled, draining or quarantined ones."""
    _order(connection, "enable", workers, ask=False)


@click.command("disable", epilog="Example: grange worker disable node07 --now --yes")
@click.argument("workers", nargs=-1, required=True, metavar="WORKER...")
@click.option("--now", is_flag=True, help="Stop running tasks; they run again elsewhere.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_farm
def disable(connection: Connection, workers: Sequence[str], now: bool, yes: bool) -> None:
    """Give workers no more work; running tasks are finished, unless --now is given."""
    _order(connection, "stop" if now else "disable", workers, ask=now and not yes)


@click.command("drain", epilog="Example: grange worker drain node07")
@click.argument("workers", nargs=-1, required=True, metavar="WORKER...")
@click.option("--yes", "_yes", is_flag=True, help="As of the other orders; this never asks.")
@with_farm
def drain(connection: Connection, workers: Sequence[str], _yes: bool) -> None:
    """Let workers go on with the jobs they work on, and begin no other."""
    _order(connection, "drain", workers, ask=False)


@click.command("shutdown", epilog="Example: grange worker shutdown node07 --yes")
@click.argument("workers", nargs=-1, required=True, metavar="WORKER...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_farm
def shutdown(connection: Connection, workers: Sequence[str], yes: bool) -> None:
    """Turn machines off, once their running tasks are finished.

    Their workers must have been started with --shutdown-command.
    """
    _order(connection, "shutdown", workers, ask=not yes)


@click.command("restart", epilog="Example: grange worker restart node07 --yes")
@click.argument("workers", nargs=-1, required=True, metavar="WORKER...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_farm
def restart(connection: Connection, workers: Sequence[str], yes: bool) -> None:
    """Start machines anew, once their running tasks are finished.

    Their workers must have been started with --restart-command.
    """
    _order(connection, "restart", workers, ask=not yes)


@click.command("quit", epilog="Example: grange worker quit node07 --yes")
@click.argument("workers", nargs=-1, required=True, metavar="WORKER...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_farm
def leave(connection: Connection, workers: Sequence[str], yes: bool) -> None:
    """End workers, once their running tasks are finished; the machines stay on."""
    _order(connection, "quit", workers, ask=not yes)


@click.command("class", epilog="Example: grange worker class node07 AC")
@click.argument("worker")
@click.argument("letters", default="")
@with_farm
def set_classes(connection: Connection, worker: str, letters: str) -> None:
    """Set the classes A to Z a worker is for; without letters, as the worker itself says."""
    _change(connection, worker, {"classes": letters})
    connection.out.tell(f"Classes of {worker}: {letters.upper() or 'as it says'}.")


@click.command("note", epilog='Example: grange worker note node07 "fan is loud"')
@click.argument("worker")
@click.argument("text", default="")
@with_farm
def note(connection: Connection, worker: str, text: str) -> None:
    """Note something about a worker; without a text, the note is removed."""
    _change(connection, worker, {"note": text})
    connection.out.tell(f"Noted about {worker}." if text else f"Removed the note about {worker}.")


COMMANDS = (enable, disable, drain, shutdown, restart, leave, set_classes, note)


def _order(connection: Connection, order: str, workers: Sequence[str], *, ask: bool) -> None:
    body = {"order": order, "workers": list(workers)}
    found = connection.rest("POST", "/workers/actions", body=body)
    out = connection.out
    if ask:
        _print(connection, found)
        confirm("Go on?", says=found["text"])
    ids = [row["worker_id"] for row in found["workers"]]
    done = connection.rest(
        "POST", "/workers/actions", body={"order": order, "workers": ids, "apply": True}
    )
    if out.as_json:
        out.data(done)
    else:
        out.line(done["text"])


def _change(connection: Connection, worker: str, body: dict[str, Any]) -> None:
    found = connection.rest(
        "POST", "/workers/actions", body={"order": "enable", "workers": [worker]}
    )
    worker_id = found["workers"][0]["worker_id"]
    connection.rest("PATCH", f"/workers/{worker_id}", body=body)


def _print(connection: Connection, found: dict[str, Any]) -> None:
    connection.out.table(
        ["WORKER", "NAME", "STATUS", "RUNNING", "LOST"],
        [
            [
                row["worker_id"],
                row["name"],
                status(row["status"]),
                row["running"],
                duration(row["lost_ms"]) if row["lost_ms"] else "",
            ]
            for row in found["workers"]
        ],
        right=frozenset({"RUNNING", "LOST"}),
    )
