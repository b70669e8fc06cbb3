"""`grange power`: when machines are woken, turned off and started anew."""

from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, duration, moment
from grange.cli.output import status
from grange.cli.spans import seconds_of
from grange.cli.watching import listed


@click.group()
def command() -> None:
    """Say when machines are woken, turned off and started anew."""


@command.command("ls", epilog="Example: grange power ls")
@with_farm
@listed
def list_power(connection: Connection) -> None:
    """List the policies, and machines that were told something or are being started."""
    answer = connection.rest("GET", "/power")
    out = connection.out
    if out.as_json:
        out.data(answer)
        return
    out.table(
        ["MACHINES OF", "WAKE", "SHUT DOWN", "RESTART", "KEEP ON", "HOURS", "BY"],
        [
            [
                one["scope"],
                "when work waits" if one["wake"] else NOTHING,
                _after(one["shutdown_idle_seconds"], "idle"),
                _after(one["restart_up_seconds"], "up"),
                one["keep_on"],
                one["hours"],
                one["updated_by"],
            ]
            for one in answer["policies"]
        ],
        right=frozenset({"KEEP ON"}),
        empty="There are no policies: machines are left as they are.",
    )
    busy = [one for one in answer["machines"] if one["order"] or one["booting_since_at"]]
    if busy:
        out.line()
        out.table(
            ["WORKER", "STATUS", "TOLD", "BY", "STARTING SINCE", "TRIES"],
            [
                [
                    one["name"],
                    status(one["status"]),
                    one["order"] or NOTHING,
                    one["ordered_by"] or NOTHING,
                    moment(one["booting_since_at"]),
                    one["wake_tries"],
                ]
                for one in busy
            ],
            right=frozenset({"TRIES"}),
        )


@command.command("set", epilog="Example: grange power set group:night --wake --shutdown-idle 30m")
@click.argument("scope", metavar="SCOPE")
@click.option("--wake/--no-wake", default=False, help="Wake machines when work waits for them.")
@click.option(
    "--wake-most",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    help="At most so many are being started at a time.",
)
@click.option(
    "--wake-tries",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="After so many tries in vain, one try an hour.",
)
@click.option(
    "--boot",
    default="10m",
    show_default=True,
    metavar="TIME",
    help="A machine that is not online by then did not wake up.",
)
@click.option("--shutdown-idle", metavar="TIME", help="Turn off what had nothing to do so long.")
@click.option("--restart-up", metavar="TIME", help="Start anew, once idle, what is up so long.")
@click.option(
    "--keep-on",
    type=click.IntRange(0, 100_000),
    default=0,
    show_default=True,
    help="At least so many machines stay on.",
)
@click.option(
    "--hours",
    default="always",
    show_default=True,
    metavar="TEXT",
    help="When machines may be turned off or restarted, e.g. 'Mon-Fri 20:00-07:00, Sat-Sun"
    " 00:00-24:00', in the farm's zone.",
)
@click.option(
    "--even-logged-in",
    is_flag=True,
    help="Also machines that somebody is logged in to; else these are left on.",
)
@click.option("--address", metavar="IP", help="Broadcast address of the machines' network.")
@with_farm
def set_policy(
    connection: Connection,
    *,
    scope: str,
    wake: bool,
    wake_most: int,
    wake_tries: int,
    boot: str,
    shutdown_idle: str | None,
    restart_up: str | None,
    keep_on: int,
    hours: str,
    even_logged_in: bool,
    address: str | None,
) -> None:
    """Set the policy of SCOPE: farm, fleet:ID or group:NAME.

    A machine follows the policy of its first group that has one, else its fleet's, else the farm's.
    Times are written like 30m, 2h or 7d. Machines are turned off by what their workers were started
    with: --shutdown-command and --restart-command.
    """
    body: dict[str, Any] = {
        "wake": wake,
        "wake_most": wake_most,
        "wake_tries": wake_tries,
        "boot_seconds": seconds_of(boot),
        "shutdown_idle_seconds": None if shutdown_idle is None else seconds_of(shutdown_idle),
        "restart_up_seconds": None if restart_up is None else seconds_of(restart_up),
        "keep_on": keep_on,
        "hours": hours,
        "even_logged_in": even_logged_in,
        **({"address": address} if address else {}),
    }
    connection.rest("PUT", f"/power/{scope}", body=body)
    connection.out.tell(f"Set the power policy of {scope}.")


@command.command("unset", epilog="Example: grange power unset group:night")
@click.argument("scope", metavar="SCOPE")
@with_farm
def unset_policy(connection: Connection, scope: str) -> None:
    """Remove the policy of SCOPE: farm, fleet:ID or group:NAME."""
    connection.rest("DELETE", f"/power/{scope}")
    connection.out.tell(f"Removed the power policy of {scope}.")


def _after(seconds: int | None, word: str) -> str:
    return NOTHING if seconds is None else f"after {duration(seconds * 1000)} {word}"
