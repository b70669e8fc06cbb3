"""`grange worker`: run a worker on this machine; list the farm's workers."""

from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, moment, size
from grange.cli.output import status


@click.group()
def command() -> None:
    """Run a worker on this machine; list the farm's workers."""


@command.command("ls", epilog="Example: grange worker ls")
@with_farm
def list_workers(connection: Connection) -> None:
    """List the farm's workers and what each job thread does now."""
    overview = connection.rest("GET", "/overview")
    workers = overview["workers"]
    if connection.out.as_json:
        connection.out.data(workers)
        return
    connection.out.table(
        ["WORKER", "NAME", "STATUS", "THREADS", "CPU", "MEMORY", "DOING", "SEEN"],
        [
            [
                worker["worker_id"],
                worker["name"],
                status(worker["status"]),
                len(worker["threads"]),
                NOTHING if worker["cpu_milli"] is None else f"{worker['cpu_milli'] / 10:.0f} %",
                size(worker["memory_used_bytes"]),
                ", ".join(map(_doing, filter(_is_busy, worker["threads"]))) or NOTHING,
                moment(worker["last_seen_at"], overview["now"]),
            ]
            for worker in workers
        ],
        right=frozenset({"THREADS", "CPU", "MEMORY"}),
    )


def _is_busy(thread: dict[str, Any]) -> bool:
    return thread["job_name"] is not None


def _doing(thread: dict[str, Any]) -> str:
    parts = (thread["job_name"], thread["layer_name"], thread["frames"])
    return " ".join(part for part in parts if part)
