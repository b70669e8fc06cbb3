"""`grange worker wake` and `grange worker benchmark`."""

from pathlib import Path

import rich_click as click

from grange.cli.connection import Connection, with_farm, with_output
from grange.cli.output import Output
from grange.config.client import default_worker_dir
from grange.kernel.errors import NotFoundError
from grange.wiring.client import system_clock


@click.command("wake", epilog="Example: grange worker wake node07")
@click.argument("worker", metavar="NAME")
@click.option(
    "--address",
    default="255.255.255.255",
    show_default=True,
    help="Broadcast address of the machine's network.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=9, show_default=True)
@click.option("--mac", metavar="ADDRESS", help="Hardware address, if the worker never told one.")
@with_farm
def wake(connection: Connection, worker: str, address: str, port: int, mac: str | None) -> None:
    """Wake a machine up: the server sends it a magic packet.

    The books note the attempt; it succeeds when the worker is online.
    """
    worker_id = worker
    if not worker.startswith("worker-"):
        known = connection.rest("GET", "/contacts")["contacts"]
        found = [one["worker_id"] for one in known if one["name"] == worker and not one["deleted"]]
        if not found:
            raise NotFoundError("worker", worker)
        if len(found) > 1:
            raise click.UsageError(
                f"Several workers are called {worker}: give the id. `grange worker ls` lists them."
            )
        worker_id = found[0]
    body = {"address": address, "port": port, **({"mac_address": mac} if mac else {})}
    sent = connection.rest("POST", f"/workers/{worker_id}/wake-up", body=body)
    if connection.out.as_json:
        connection.out.data(sent)
        return
    macs = ", ".join(sent["mac_addresses"])
    connection.out.line(f"A magic packet was sent to {sent['name'] or worker_id} ({macs}).")


@click.command("benchmark", epilog="Example: grange worker benchmark")
@click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path),
    help="Folder of the worker; default: as of grange worker run.",
)
@click.option(
    "--seconds", type=click.FloatRange(0.1, 600), default=5.0, show_default=True, help="How long."
)
@with_output
def benchmark(out: Output, /, *, data_dir: Path | None, seconds: float) -> None:
    """Measure how fast this machine is, and keep it for the worker of the folder.

    The farm learns it when the worker starts next. 1.0 is a machine of eight cores of 2020; work
    that takes it 100 minutes takes a machine of 0.5 twice as long.
    """
    from grange.worker.speed import keep, measure  # noqa: PLC0415 - not for `worker wake`

    speed = measure(system_clock(), seconds=seconds)
    path = keep((data_dir or default_worker_dir()).absolute(), speed)
    if out.as_json:
        out.data(
            {
                "relative_speed": speed.relative_speed,
                "kps": speed.relative_speed / 1000,
                "rounds_per_second": speed.rounds_per_second,
                "cores": speed.cores,
                "seconds": speed.seconds,
                "measured_at": speed.measured_at,
                "path": str(path),
            }
        )
        return
    out.line(f"Relative speed: {speed.relative_speed:.3f} PS, on {speed.cores} cores.")
    out.line(f"Kept in {path}; the farm learns it when the worker starts next.")
