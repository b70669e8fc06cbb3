"""Storage profiles: make, change, delete."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from msgspec.structs import replace

from grange.domain.farm import Farm, Fleet, Queue
from grange.domain.storage import FileSystemLocation, OsFamily, StorageProfile, profile_of_fleet
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.services.draft import Draft
from grange.services.owner import Needs

MOST_LOCATIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateStorageProfile:
    """Say where machines of one kind see the file systems. Answers {"storageProfileId"}."""

    farm_id: FarmId
    name: str
    os_family: OsFamily
    locations: Sequence[FileSystemLocation] = ()
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the profile."""
        draft.get(Farm, self.farm_id)
        profile = StorageProfile(
            farm_id=self.farm_id,
            storage_profile_id=draft.context.ids.new("sp"),
            name=self.name,
            os_family=self.os_family,
            locations=_checked(self.os_family, self.locations, "fileSystemLocations"),
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(profile)
        return {"storageProfileId": profile.storage_profile_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStorageProfile:
    """Change a profile: what it is called, and where file systems lie. Answers {}.

    A location that is removed and added is changed. Jobs that were submitted before are mapped as
    the profile is now.
    """

    farm_id: FarmId
    storage_profile_id: str
    name: str | None = None
    os_family: OsFamily | None = None
    add: Sequence[FileSystemLocation] = ()
    remove: Sequence[FileSystemLocation] = ()
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the profile as it is then."""
        old = draft.find(StorageProfile, self.storage_profile_id)
        if old is None or old.farm_id != self.farm_id:
            raise NotFoundError("storage-profile", self.storage_profile_id)
        kept = [one for one in old.locations if one not in self.remove]
        family = self.os_family or old.os_family
        draft.put(
            replace(
                old,
                name=old.name if self.name is None else self.name,
                os_family=family,
                locations=_checked(family, [*kept, *self.add], "fileSystemLocationsToAdd"),
                updated_at=draft.now,
                updated_by=self.by,
            )
        )
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteStorageProfile:
    """Delete a profile that no queue allows and no fleet has. Answers {}; twice is harmless."""

    farm_id: FarmId
    storage_profile_id: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Remove the row."""
        found = draft.find(StorageProfile, self.storage_profile_id)
        if found is None or found.farm_id != self.farm_id:
            return {}
        users = [
            f"queue {queue.queue_id}"
            for queue in draft.all(Queue)
            if found.storage_profile_id in queue.settings.get("allowedStorageProfileIds", ())
        ] + [
            f"fleet {fleet.fleet_id}"
            for fleet in draft.all(Fleet)
            if profile_of_fleet(fleet.settings) == found.storage_profile_id
        ]
        if users:
            raise InvalidRequestError(
                f"Storage profile {found.storage_profile_id} is used by {', '.join(users)}; take it"
                " away there first.",
                reason="OTHER",
            )
        draft.delete(StorageProfile, found.storage_profile_id)
        return {}


def _checked(
    family: OsFamily, locations: Sequence[FileSystemLocation], field: str
) -> tuple[FileSystemLocation, ...]:
    """Return the locations of a profile.

    Raises:
        InvalidRequestError: a name comes twice, or a path is no whole path of the system.
    """
    names = [one.name for one in locations]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise _bad(field, f"names {', '.join(sorted(twice))} more than once; remove the old one")
    if len(names) > MOST_LOCATIONS:
        raise _bad(field, f"may be {MOST_LOCATIONS} at most")
    for one in locations:
        if family is OsFamily.WINDOWS:
            whole = bool(PureWindowsPath(one.path).drive)
        else:
            whole = PurePosixPath(one.path).is_absolute()
        if not whole:
            raise _bad(field, f"has {one.path!r}, which is no whole path on {family.value}")
    return tuple(locations)


def _bad(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"1 field is not valid: {field} {message}.", fields=[FieldProblem(field, message)]
    )
