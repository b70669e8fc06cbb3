"""`grange user`: who may sign requests and sign in, and what they may."""

import sys
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import moment
from grange.cli.watching import listed


@click.group()
def command() -> None:
    """Add, disable and list users; set what they may, their passwords and keys."""


@command.command("add", epilog="Example: grange user add ana --role member")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["owner", "member", "worker"]),
    default="member",
    show_default=True,
    help="owner: everything; member: what `grange user set` gives; worker: a machine.",
)
@with_farm
def add_user(connection: Connection, name: str, role: str) -> None:
    """Add a user; give them a password or a key next.

    The key of a worker belongs to the farm named with --farm, or to the only one.
    """
    body: dict[str, Any] = {"name": name, "role": role}
    if role == "worker" and connection.settings.farm_id:
        body["farm_id"] = connection.settings.farm_id
    reply = connection.server_call("POST", "/users", body=body)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.line(f"Added {name} ({role}).")
    if role == "member":
        connection.out.line(f"Say what they may:    grange user set {name} --role CONTRIBUTOR")
    if role != "worker":
        connection.out.line(f"Set a password:       grange user password {name}")
    connection.out.line(f"Or make a key:        grange user key {name}")


@command.command(
    "set",
    epilog="Example: grange user set ana --queue queue-0a1b… --role MANAGER",
)
@click.argument("name")
@click.option("--queue", metavar="ID", help="In one queue only.")
@click.option("--job", metavar="ID", help="On one job only.")
@click.option(
    "--role",
    "level",
    required=True,
    type=click.Choice(["VIEWER", "CONTRIBUTOR", "MANAGER", "OWNER", "none"], case_sensitive=False),
    help="VIEWER reads; CONTRIBUTOR submits and acts on own jobs; MANAGER on all jobs and workers;"
    " OWNER also on users, rates and settings; none: no member any more.",
)
@with_farm
def set_level(
    connection: Connection, name: str, queue: str | None, job: str | None, level: str
) -> None:
    """Say what a member may in a farm (--farm), in one of its queues, or on one job."""
    if queue and job:
        raise click.UsageError("Give --queue or --job, not both.")
    place = "queue" if queue else "job" if job else "farm"
    target = queue or job or connection.farm_id
    given = None if level.lower() == "none" else level.upper()
    body = {"place": place, "target_id": target, "level": given}
    reply = connection.rest("PUT", f"/memberships/{name}", body=body)
    if connection.out.as_json:
        connection.out.data(reply)
    elif given is None:
        connection.out.line(f"{name} is no member of {place} {target} any more.")
    else:
        connection.out.line(f"{name} is {given} of {place} {target}.")


@command.command("members", epilog="Example: grange user members")
@with_farm
def list_members(connection: Connection) -> None:
    """List who is a member of the farm, its queues and jobs."""
    reply = connection.rest("GET", "/memberships")
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["USER", "LEVEL", "OF", "ID", "SINCE"],
        [
            [
                row["user_name"],
                row["level"],
                row["place"],
                row["target_id"],
                moment(row["created_at"]),
            ]
            for row in reply["memberships"]
        ],
    )


@command.command("password", epilog="Example: grange user password ana")
@click.argument("name")
@click.option("--remove", is_flag=True, help="Take the password: keys and links still sign in.")
@with_farm
def set_password(connection: Connection, name: str, remove: bool) -> None:
    """Set a user's password, asked for here or read from standard input; signs browsers out."""
    password = None if remove else _asked_password(name)
    reply = connection.server_call("PUT", f"/users/{name}/password", body={"password": password})
    if connection.out.as_json:
        connection.out.data(reply)
    elif remove:
        connection.out.line(f"{name} has no password any more.")
    else:
        connection.out.line(f"Set the password of {name}; their browsers are signed out.")


def _asked_password(name: str) -> str:
    """Return a password that was typed, never one from the command line, which others can read."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    found: str = click.prompt(
        f"Password of {name}", hide_input=True, confirmation_prompt=True, err=True
    )
    return found


@command.command("sign-out", epilog="Example: grange user sign-out ana")
@click.argument("name")
@with_farm
def sign_out(connection: Connection, name: str) -> None:
    """Sign all browsers of a user out."""
    reply = connection.server_call("DELETE", f"/users/{name}/sign-ins")
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"Signed out all browsers of {name}.")


@command.command("ls", epilog="Example: grange user ls")
@with_farm
@listed
def list_users(connection: Connection) -> None:
    """List users and their keys."""
    reply = connection.server_call("GET", "/users")
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["USER", "ROLE", "MAY", "PASSWORD", "KEYS", "CREATED"],
        [
            [
                user["name"],
                user["role"] + (" (disabled)" if user["disabled"] else ""),
                _may(user),
                "yes" if user.get("has_password") else "no",
                ", ".join(
                    key["key_id"] + (" (revoked)" if key.get("revoked") else "")
                    for key in user.get("keys", [])
                ),
                moment(user["created_at"]),
            ]
            for user in reply["users"]
        ],
    )


def _may(user: dict[str, Any]) -> str:
    """Return a user's levels in short."""
    if user["role"] == "owner":
        return "everything"
    return ", ".join(
        row["level"] if row["place"] == "farm" else f"{row['level']} of {row['target_id']}"
        for row in user.get("memberships", [])
    )


@command.command("key", epilog="Example: grange user key ana > ana.env")
@click.argument("name")
@with_farm
def make_key(connection: Connection, name: str) -> None:
    """Make a key and print it as lines for a shell; it is shown this once."""
    reply = connection.server_call("POST", f"/users/{name}/keys", body={})
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.line(f"export AWS_ACCESS_KEY_ID={reply['key_id']}")
    connection.out.line(f"export AWS_SECRET_ACCESS_KEY={reply['secret']}")


@command.command("revoke", epilog="Example: grange user revoke ana AKGR…")
@click.argument("name")
@click.argument("key_id")
@with_farm
def revoke_key(connection: Connection, name: str, key_id: str) -> None:
    """Revoke a key; requests signed with it are refused from now on."""
    reply = connection.server_call("DELETE", f"/users/{name}/keys/{key_id}")
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"Revoked {key_id} of {name}.")


@command.command("disable", epilog="Example: grange user disable ana")
@click.argument("name")
@with_farm
def disable_user(connection: Connection, name: str) -> None:
    """Disable a user: its keys, its browser and its workers are refused from now on."""
    _change(connection, name, disabled=True, said=f"Disabled {name}.")


@command.command("enable", epilog="Example: grange user enable ana")
@click.argument("name")
@with_farm
def enable_user(connection: Connection, name: str) -> None:
    """Enable a user again, with the keys that were not revoked."""
    _change(connection, name, disabled=False, said=f"Enabled {name}.")


def _change(connection: Connection, name: str, *, disabled: bool, said: str) -> None:
    reply = connection.server_call("PATCH", f"/users/{name}", body={"disabled": disabled})
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(said)
