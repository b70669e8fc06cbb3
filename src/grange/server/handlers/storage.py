"""Storage profiles, and the path mapping rules that follow from them."""

from collections.abc import Iterable, Mapping
from typing import Any

from grange.domain.farm import Fleet, Queue
from grange.domain.storage import (
    FileSystemLocation,
    OsFamily,
    StorageProfile,
    path_rules,
    profile_of_fleet,
)
from grange.domain.work import Job
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.ports.state import AllOf, OneOf, StateStore
from grange.server.context import Call, Handler, Result
from grange.services.commands.storage import (
    ChangeStorageProfile,
    CreateStorageProfile,
    DeleteStorageProfile,
)
from grange.services.reads import shapes
from grange.services.reads.rows import equals


async def create_storage_profile(call: Call) -> Result:
    """Answer CreateStorageProfile."""
    request = call.request
    return await call.ask(
        CreateStorageProfile(
            farm_id=request["farmId"],
            name=request["displayName"],
            os_family=OsFamily(request["osFamily"]),
            locations=_locations(request.get("fileSystemLocations", ())),
            by=call.caller.name,
        )
    )


async def get_storage_profile(call: Call) -> Result:
    """Answer GetStorageProfile."""
    profile = await _profile(call, call.request["storageProfileId"])
    return {**_in_full(profile), **shapes.stamps(profile)}


async def list_storage_profiles(call: Call) -> Result:
    """Answer ListStorageProfiles."""
    await call.context.rows.farm(call.request)
    where = equals(farm_id=call.request["farmId"])
    rows, token = await call.context.rows.page(
        StorageProfile, where, "storage_profile_id", call.page
    )
    return {"storageProfiles": [_in_short(row) for row in rows], "nextToken": token}


async def update_storage_profile(call: Call) -> Result:
    """Answer UpdateStorageProfile."""
    request = call.request
    family = request.get("osFamily")
    return await call.ask(
        ChangeStorageProfile(
            farm_id=request["farmId"],
            storage_profile_id=request["storageProfileId"],
            name=request.get("displayName"),
            os_family=None if family is None else OsFamily(family),
            add=_locations(request.get("fileSystemLocationsToAdd", ())),
            remove=_locations(request.get("fileSystemLocationsToRemove", ())),
            by=call.caller.name,
        )
    )


async def delete_storage_profile(call: Call) -> Result:
    """Answer DeleteStorageProfile."""
    request = call.request
    await call.context.rows.farm(request)
    return await call.ask(
        DeleteStorageProfile(
            farm_id=request["farmId"], storage_profile_id=request["storageProfileId"]
        )
    )


async def list_storage_profiles_for_queue(call: Call) -> Result:
    """Answer ListStorageProfilesForQueue: those the queue allows."""
    queue = await call.context.rows.queue(call.request)
    allowed = tuple(queue.settings.get("allowedStorageProfileIds", ()))
    where = AllOf((equals(farm_id=queue.farm_id), OneOf("storage_profile_id", allowed)))
    rows, token = await call.context.rows.page(
        StorageProfile, where, "storage_profile_id", call.page
    )
    return {"storageProfiles": [_in_short(row) for row in rows], "nextToken": token}


async def get_storage_profile_for_queue(call: Call) -> Result:
    """Answer GetStorageProfileForQueue, for a profile the queue allows."""
    queue = await call.context.rows.queue(call.request)
    wanted = call.request["storageProfileId"]
    if wanted not in queue.settings.get("allowedStorageProfileIds", ()):
        raise NotFoundError("storage-profile", wanted)
    return _in_full(await _profile(call, wanted))


async def check_profiles(call: Call, ids: Iterable[str]) -> None:
    """Return if every profile is one of the farm.

    Raises:
        NotFoundError: one is not.
    """
    for one in ids:
        await _profile(call, one)


def check_profile_of_job(queue: Queue, storage_profile_id: str | None) -> None:
    """Return if a job with this profile may be submitted to the queue.

    Raises:
        InvalidRequestError: the queue does not allow it.
    """
    allowed = queue.settings.get("allowedStorageProfileIds", ())
    if storage_profile_id is not None and storage_profile_id not in allowed:
        message = "must be one of the queue's allowedStorageProfileIds"
        raise InvalidRequestError(
            f"1 field is not valid: storageProfileId {message}.",
            fields=[FieldProblem("storageProfileId", message)],
        )


async def rules_of(
    store: StateStore, job: Job, queue: Queue | None, fleet: Fleet | None
) -> list[dict[str, str]]:
    """Return the wire's path mapping rules for a job on a fleet.

    There is one for each file system location that the queue requires, and that both the job's
    profile and the fleet's have under different paths.
    """
    source_id = job.settings.get("storageProfileId")
    destination_id = None if fleet is None else profile_of_fleet(fleet.settings)
    if queue is None or source_id is None or destination_id is None:
        return []
    source = await store.get(StorageProfile, (source_id,))
    destination = await store.get(StorageProfile, (destination_id,))
    if source is None or destination is None:
        return []
    names = queue.settings.get("requiredFileSystemLocationNames", ())
    return [
        {
            "sourcePathFormat": rule.source_format,
            "sourcePath": rule.source_path,
            "destinationPath": rule.destination_path,
        }
        for rule in path_rules(source, destination, names)
    ]


async def _profile(call: Call, storage_profile_id: str) -> StorageProfile:
    return await call.context.rows.storage_profile(call.request["farmId"], storage_profile_id)


def _locations(given: Iterable[Mapping[str, Any]]) -> list[FileSystemLocation]:
    return [
        FileSystemLocation(name=one["name"], path=one["path"], type=one["type"]) for one in given
    ]


def _in_short(profile: StorageProfile) -> dict[str, Any]:
    return {
        "storageProfileId": profile.storage_profile_id,
        "displayName": profile.name,
        "osFamily": profile.os_family.value,
    }


def _in_full(profile: StorageProfile) -> dict[str, Any]:
    locations = [
        {"name": one.name, "path": one.path, "type": one.type} for one in profile.locations
    ]
    return {**_in_short(profile), "fileSystemLocations": locations}


HANDLERS: dict[str, Handler] = {
    "CreateStorageProfile": create_storage_profile,
    "GetStorageProfile": get_storage_profile,
    "ListStorageProfiles": list_storage_profiles,
    "UpdateStorageProfile": update_storage_profile,
    "DeleteStorageProfile": delete_storage_profile,
    "ListStorageProfilesForQueue": list_storage_profiles_for_queue,
    "GetStorageProfileForQueue": get_storage_profile_for_queue,
}
