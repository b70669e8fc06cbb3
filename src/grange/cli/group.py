"""`grange group`: named sets of workers, which may overlap."""

import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, moment
from grange.cli.watching import listed
from grange.kernel.errors import InvalidRequestError


@click.group()
def command() -> None:
    """Put workers in groups; list, export and import them."""


@command.command("ls", epilog="Example: grange group ls")
@click.option("--of", "worker", metavar="WORKER", help="Only groups this worker is in.")
@with_farm
@listed
def list_groups(connection: Connection, worker: str | None) -> None:
    """List groups and who is in them."""
    reply = connection.rest("GET", "/groups")
    groups = [
        group
        for group in reply["groups"]
        if worker is None
        or any(worker in (one["name"], one["worker_id"]) for one in group["members"])
    ]
    if connection.out.as_json:
        connection.out.data({**reply, "groups": groups})
        return
    connection.out.table(
        ["GROUP", "WORKERS", "MEMBERS", "CHANGED", "BY"],
        [
            [
                group["name"],
                len(group["members"]),
                ", ".join(_name(one) for one in group["members"]) or NOTHING,
                moment(group["updated_at"]),
                group["updated_by"],
            ]
            for group in groups
        ],
        right=frozenset({"WORKERS"}),
        empty="There is no group yet. Make one: grange group set NAME WORKER…",
    )


@command.command("set", epilog="Example: grange group set big node01 node02")
@click.argument("name")
@click.argument("workers", nargs=-1)
@with_farm
def set_group(connection: Connection, name: str, workers: Sequence[str]) -> None:
    """Make a group of exactly these workers."""
    _change(connection, name, "set", workers)


@command.command("add", epilog="Example: grange group add big node03")
@click.argument("name")
@click.argument("workers", nargs=-1, required=True)
@with_farm
def add(connection: Connection, name: str, workers: Sequence[str]) -> None:
    """Add workers to a group; it is made if there is none."""
    _change(connection, name, "add", workers)


@command.command("remove", epilog="Example: grange group remove big node03")
@click.argument("name")
@click.argument("workers", nargs=-1, required=True)
@with_farm
def remove(connection: Connection, name: str, workers: Sequence[str]) -> None:
    """Remove workers from a group."""
    _change(connection, name, "remove", workers)


@command.command("rm", epilog="Example: grange group rm big")
@click.argument("name")
@with_farm
def delete(connection: Connection, name: str) -> None:
    """Remove a group. Its workers stay, and its past stays in the books."""
    connection.rest("DELETE", _path(name))
    connection.out.tell(f"Group {name} is removed.")


@command.command("export", epilog="Example: grange group export groups.toml")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), default="-")
@with_farm
def export(connection: Connection, file: Path) -> None:
    """Write all groups to a TOML or JSON file, by its ending; default: TOML, printed."""
    groups = {
        group["name"]: [_name(one) for one in group["members"]]
        for group in connection.rest("GET", "/groups")["groups"]
    }
    as_json = file.suffix == ".json" or connection.out.as_json
    text = json.dumps({"groups": groups}, indent=2, ensure_ascii=False) if as_json else toml(groups)
    if str(file) == "-":
        print(text.rstrip("\n"))
    else:
        file.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
        connection.out.tell(f"{len(groups)} groups are in {file}")


@command.command("import", epilog="Example: grange group import groups.toml")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@with_farm
def import_groups(connection: Connection, file: Path) -> None:
    """Make the farm's groups those of a TOML or JSON file, and no others."""
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    reply = connection.rest("PUT", "/groups", body={"groups": read_groups(text)})
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        changed = reply["changed"]
        connection.out.line(f"Changed: {', '.join(changed)}" if changed else "Nothing changed.")


def toml(groups: Mapping[str, Sequence[str]]) -> str:
    """Return groups as TOML."""
    lines = ["[groups]"]
    for name, workers in groups.items():
        members = ", ".join(json.dumps(worker, ensure_ascii=False) for worker in workers)
        lines.append(f"{json.dumps(name, ensure_ascii=False)} = [{members}]")
    return "\n".join(lines) + "\n"


def read_groups(text: str) -> dict[str, list[str]]:
    """Return the groups of a TOML or JSON text.

    Raises:
        InvalidRequestError: it holds no groups.
    """
    try:
        found: Any = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
        groups = {
            str(name): [str(worker) for worker in workers]
            for name, workers in found["groups"].items()
        }
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InvalidRequestError(
            f"The file holds no groups ({error}). It reads [groups] and name = [workers]; "
            "grange group export shows one."
        ) from error
    return groups


def _change(connection: Connection, name: str, how: str, workers: Sequence[str]) -> None:
    reply = connection.rest("PUT", _path(name), body={"how": how, "workers": list(workers)})
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        count = len(reply["workers"])
        connection.out.line(f"Group {name} has {count} worker{'' if count == 1 else 's'}.")


def _path(name: str) -> str:
    return f"/groups/{quote(name, safe='')}"


def _name(member: Mapping[str, Any]) -> str:
    return str(member["name"] or member["worker_id"])
