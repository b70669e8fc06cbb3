"""`grange user`: who may sign requests."""

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import moment


@click.group()
def command() -> None:
    """Add, disable and list users, make and revoke their keys."""


@command.command("add", epilog="Example: grange user add ana")
@click.argument("name")
@click.option("--role", type=click.Choice(["owner", "worker"]), default="owner", show_default=True)
@with_farm
def add_user(connection: Connection, name: str, role: str) -> None:
    """Add a user; a key is made with `grange user key`."""
    reply = connection.server_call("POST", "/users", body={"name": name, "role": role})
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"Added {name} ({role}). Make a key: grange user key {name}")


@command.command("ls", epilog="Example: grange user ls")
@with_farm
def list_users(connection: Connection) -> None:
    """List users and their keys."""
    reply = connection.server_call("GET", "/users")
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["USER", "ROLE", "KEYS", "CREATED"],
        [
            [
                user["name"],
                user["role"] + (" (disabled)" if user["disabled"] else ""),
                ", ".join(
                    key["key_id"] + (" (revoked)" if key.get("revoked") else "")
                    for key in user.get("keys", [])
                ),
                moment(user["created_at"]),
            ]
            for user in reply["users"]
        ],
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
