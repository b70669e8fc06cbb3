"""`grange storage`: under which paths machines of each kind see the farm's file systems."""

from collections.abc import Sequence
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING
from grange.cli.watching import listed
from grange.domain.storage import (
    FileSystemLocation,
    OsFamily,
    StorageProfile,
    path_rules,
    profile_of_fleet,
)
from grange.kernel.errors import ConfigurationError, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant

_SYSTEMS = [family.value.lower() for family in OsFamily]


@click.group("storage")
def command() -> None:
    """Say where the file systems of a farm lie on machines of each kind.

    A location of the same name in two profiles holds the same files. So paths of the machine that
    submits become paths of the machine that renders.
    """


@command.command("ls", epilog="Example: grange storage ls")
@with_farm
@listed
def list_profiles(connection: Connection) -> None:
    """List storage profiles and their locations."""
    found = [_full(connection, one["storageProfileId"]) for one in _profiles(connection)]
    if connection.out.as_json:
        connection.out.data(found)
        return
    connection.out.table(
        ["PROFILE", "NAME", "SYSTEM", "LOCATION", "PATH", "TYPE"],
        [
            [
                one["storageProfileId"],
                one["displayName"],
                one["osFamily"].lower(),
                location["name"],
                location["path"],
                location["type"].lower(),
            ]
            for one in found
            for location in one["fileSystemLocations"]
            or [{"name": NOTHING, "path": NOTHING, "type": NOTHING}]
        ],
    )


@command.command(
    "add",
    epilog=r"""\b
Examples:
  grange storage add stations --os windows -l Projects=X:\projects
  grange storage add nodes --os linux -l Projects=/mnt/projects --local Cache=/var/cache
""".replace(r"\b", "\b"),
)
@click.argument("name")
@click.option("--os", "system", type=click.Choice(_SYSTEMS), required=True, help="Of the machines.")
@click.option("-l", "shared", metavar="NAME=PATH", multiple=True, help="A shared location.")
@click.option("--local", metavar="NAME=PATH", multiple=True, help="A location of each machine.")
@with_farm
def add(
    connection: Connection,
    *,
    name: str,
    system: str,
    shared: Sequence[str],
    local: Sequence[str],
) -> None:
    """Add a profile for machines that see the file systems under the same paths."""
    body = {
        "displayName": name,
        "osFamily": system.upper(),
        "fileSystemLocations": [*_locations(shared, "SHARED"), *_locations(local, "LOCAL")],
    }
    reply = connection.wire("POST", f"/farms/{connection.farm_id}/storage-profiles", body=body)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"{name} is {reply['storageProfileId']}.")


@command.command("set", epilog="Example: grange storage set nodes -l Projects=/srv/projects")
@click.argument("name")
@click.option("-l", "shared", metavar="NAME=PATH", multiple=True, help="A shared location.")
@click.option("--local", metavar="NAME=PATH", multiple=True, help="A location of each machine.")
@click.option("--drop", metavar="NAME", multiple=True, help="Take a location away.")
@with_farm
def change(
    connection: Connection,
    *,
    name: str,
    shared: Sequence[str],
    local: Sequence[str],
    drop: Sequence[str],
) -> None:
    """Add or move locations of a profile, or take some away."""
    found = _full(connection, _profile(connection, name))
    added = [*_locations(shared, "SHARED"), *_locations(local, "LOCAL")]
    gone = {*drop, *(one["name"] for one in added)}
    unknown = set(drop) - {one["name"] for one in found["fileSystemLocations"]}
    if unknown:
        raise NotFoundError("location", ", ".join(sorted(unknown)))
    connection.wire(
        "PATCH",
        f"/farms/{connection.farm_id}/storage-profiles/{found['storageProfileId']}",
        body={
            "fileSystemLocationsToRemove": [
                one for one in found["fileSystemLocations"] if one["name"] in gone
            ],
            "fileSystemLocationsToAdd": added,
        },
    )
    connection.out.tell(f"{name} is changed.")


@command.command("rm", epilog="Example: grange storage rm stations")
@click.argument("name")
@with_farm
def remove(connection: Connection, name: str) -> None:
    """Delete a profile that no queue allows and no fleet has."""
    profile = _profile(connection, name)
    connection.wire("DELETE", f"/farms/{connection.farm_id}/storage-profiles/{profile}")
    connection.out.tell(f"{name} is deleted.")


@command.command(
    "queue",
    epilog="Example: grange storage queue main --allow stations --allow nodes --require Projects",
)
@click.argument("queue")
@click.option("--allow", metavar="PROFILE", multiple=True, help="Jobs may have this profile.")
@click.option("--forbid", metavar="PROFILE", multiple=True, help="Jobs may no longer have it.")
@click.option("--require", metavar="LOCATION", multiple=True, help="Paths in it are mapped.")
@click.option("--drop", metavar="LOCATION", multiple=True, help="Paths in it are left as they are.")
@with_farm
def of_queue(
    connection: Connection,
    *,
    queue: str,
    allow: Sequence[str],
    forbid: Sequence[str],
    require: Sequence[str],
    drop: Sequence[str],
) -> None:
    """Say which profiles jobs of a queue may have, and which locations are mapped."""
    queue_id = _named(connection, "queues", "queueId", queue)
    path = f"/farms/{connection.farm_id}/queues/{queue_id}"
    given = {
        "allowedStorageProfileIdsToAdd": [_profile(connection, one) for one in allow],
        "allowedStorageProfileIdsToRemove": [_profile(connection, one) for one in forbid],
        "requiredFileSystemLocationNamesToAdd": list(require),
        "requiredFileSystemLocationNamesToRemove": list(drop),
    }
    body = {name: value for name, value in given.items() if value}
    if body:
        connection.wire("PATCH", path, body=body)
    shown = connection.wire("GET", path)
    names = {one["storageProfileId"]: one["displayName"] for one in _profiles(connection)}
    allowed = shown.get("allowedStorageProfileIds", [])
    required = shown.get("requiredFileSystemLocationNames", [])
    if connection.out.as_json:
        connection.out.data({"allowed": allowed, "required": required})
        return
    shown_names = ", ".join(names.get(one, one) for one in allowed)
    connection.out.line(f"profiles  {shown_names or 'none'}")
    connection.out.line("locations " + (", ".join(required) or "none: no path is mapped"))


@command.command("fleet", epilog="Example: grange storage fleet nodes --profile linux-nodes")
@click.argument("fleet")
@click.option("--profile", help="How the fleet's machines see the file systems.")
@click.option("--none", "nothing", is_flag=True, help="The fleet has no profile any more.")
@with_farm
def of_fleet(connection: Connection, *, fleet: str, profile: str | None, nothing: bool) -> None:
    """Say which profile the machines of a fleet have."""
    if (profile is None) == (not nothing):
        raise InvalidRequestError("Give --profile NAME, or --none.")
    fleet_id = _named(connection, "fleets", "fleetId", fleet)
    path = f"/farms/{connection.farm_id}/fleets/{fleet_id}"
    configuration = dict(connection.wire("GET", path)["configuration"])
    managed = dict(configuration["customerManaged"])
    managed.pop("storageProfileId", None)
    if profile is not None:
        managed["storageProfileId"] = _profile(connection, profile)
    connection.wire("PATCH", path, body={"configuration": {"customerManaged": managed}})
    connection.out.tell(f"{fleet} has {profile or 'no profile'}.")


@command.command("rules", epilog="Example: grange storage rules main --from stations")
@click.argument("queue")
@click.option("--from", "source", required=True, help="Profile of the machine that submits.")
@with_farm
def rules(connection: Connection, *, queue: str, source: str) -> None:
    """Show how paths of a profile are mapped for each fleet of a queue."""
    queue_id = _named(connection, "queues", "queueId", queue)
    farm = f"/farms/{connection.farm_id}"
    required = connection.wire("GET", f"{farm}/queues/{queue_id}").get(
        "requiredFileSystemLocationNames", []
    )
    here = _value(_full(connection, _profile(connection, source)))
    rows: list[dict[str, Any]] = []
    notes = [] if required else [f"{queue} requires no location, so no path is mapped."]
    links = connection.pages(
        f"{farm}/queue-fleet-associations",
        "queueFleetAssociations",
        query={"queueId": queue_id},
    )
    for link in links:
        fleet = connection.wire("GET", f"{farm}/fleets/{link['fleetId']}")
        name = fleet["displayName"]
        profile_id = profile_of_fleet(fleet)
        if profile_id is None:
            notes.append(f"Fleet {name} has no profile: its machines get paths as they are.")
            continue
        there = _value(_full(connection, profile_id))
        missing = set(required) - {one.name for one in there.locations}
        notes += [f"Fleet {name} has no location {one}." for one in sorted(missing)]
        rows += [
            {"fleet": name, "from": rule.source_path, "to": rule.destination_path}
            for rule in path_rules(here, there, required)
        ]
    if connection.out.as_json:
        connection.out.data({"rules": rows, "notes": notes})
        return
    connection.out.table(
        ["FLEET", "FROM", "TO"], [[row["fleet"], row["from"], row["to"]] for row in rows]
    )
    for note in notes:
        connection.out.line(note)


def profile_named(connection: Connection, name: str) -> str:
    """Return the id of a storage profile by its name or id.

    Raises:
        NotFoundError: there is none.
    """
    return _profile(connection, name)


def _profiles(connection: Connection) -> list[dict[str, Any]]:
    return list(
        connection.pages(f"/farms/{connection.farm_id}/storage-profiles", "storageProfiles")
    )


def _profile(connection: Connection, name: str) -> str:
    return _named(connection, "storage-profiles", "storageProfileId", name)


def _full(connection: Connection, profile_id: str) -> dict[str, Any]:
    return connection.wire("GET", f"/farms/{connection.farm_id}/storage-profiles/{profile_id}")


def _named(connection: Connection, path: str, key: str, name: str) -> str:
    """Return the id of a queue, fleet or profile by its name or id."""
    member = "storageProfiles" if path == "storage-profiles" else path
    rows = connection.pages(f"/farms/{connection.farm_id}/{path}", member)
    found = [str(row[key]) for row in rows if name in (row[key], row["displayName"])]
    if len(found) > 1:
        raise ConfigurationError(f"Several are called {name}; name one by id: {', '.join(found)}.")
    if not found:
        raise NotFoundError(path.removesuffix("s").replace("-", " "), name)
    return found[0]


def _locations(pairs: Sequence[str], kind: str) -> list[dict[str, str]]:
    found = []
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not equals or not name or not path:
            raise InvalidRequestError(f"{pair} must be NAME=PATH, e.g. Projects=/mnt/projects.")
        found.append({"name": name, "path": path, "type": kind})
    return found


def _value(shown: dict[str, Any]) -> StorageProfile:
    return StorageProfile(
        farm_id=FarmId(""),
        storage_profile_id=shown["storageProfileId"],
        name=shown["displayName"],
        os_family=OsFamily(shown["osFamily"]),
        locations=tuple(
            FileSystemLocation(name=one["name"], path=one["path"], type=one["type"])
            for one in shown["fileSystemLocations"]
        ),
        created_at=Instant(0),
        created_by="",
    )
