"""Storage profiles with unmodified boto3, and what workers are told of them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from grange.domain.storage import (
    FileSystemLocation,
    OsFamily,
    StorageProfile,
    mapped,
    path_rules,
)
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant
from grange.testing.builders import FLEET_CONFIGURATION
from grange.testing.farm import LocalFarm
from tests.server.conftest import template

WINDOWS = [
    {"name": "Projects", "path": "X:\\projects", "type": "SHARED"},
    {"name": "Tools", "path": "Z:", "type": "SHARED"},
    {"name": "Cache", "path": "C:\\cache", "type": "LOCAL"},
]
LINUX = [
    {"name": "Projects", "path": "/mnt/projects", "type": "SHARED"},
    {"name": "Tools", "path": "/mnt/tools", "type": "SHARED"},
    {"name": "Cache", "path": "/var/cache", "type": "LOCAL"},
]


def made(client: Any, farm: LocalFarm, family: str, locations: list[dict[str, str]]) -> str:
    return str(
        client.create_storage_profile(
            farmId=farm.farm_id,
            displayName=family.title(),
            osFamily=family,
            fileSystemLocations=locations,
        )["storageProfileId"]
    )


def test_a_profile_is_made_shown_changed_and_deleted(farm: LocalFarm, client: Any):
    own = {"farmId": farm.farm_id}
    found = made(client, farm, "WINDOWS", WINDOWS)
    own["storageProfileId"] = found
    shown = client.get_storage_profile(**own)
    assert shown["fileSystemLocations"] == WINDOWS
    assert (shown["displayName"], shown["osFamily"]) == ("Windows", "WINDOWS")
    assert shown["createdBy"] == farm.ids.owner.user
    client.update_storage_profile(
        **own,
        displayName="Stations",
        fileSystemLocationsToRemove=[WINDOWS[2]],
        fileSystemLocationsToAdd=[{"name": "Extra", "path": "Y:\\", "type": "SHARED"}],
    )
    shown = client.get_storage_profile(**own)
    assert shown["displayName"] == "Stations"
    assert [one["name"] for one in shown["fileSystemLocations"]] == ["Projects", "Tools", "Extra"]
    listed = client.list_storage_profiles(farmId=farm.farm_id)["storageProfiles"]
    assert found in [one["storageProfileId"] for one in listed]
    assert client.delete_storage_profile(**own)["ResponseMetadata"]["HTTPStatusCode"] == 200
    client.delete_storage_profile(**own)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_storage_profile(**own)


@pytest.mark.parametrize(
    ("family", "locations", "why"),
    [
        ("LINUX", [LINUX[0], LINUX[0]], "more than once"),
        ("LINUX", [{"name": "a", "path": "mnt/x", "type": "SHARED"}], "no whole path"),
        ("WINDOWS", [{"name": "a", "path": "/mnt", "type": "SHARED"}], "no whole path"),
        ("LINUX", [{"name": "a/b", "path": "/x", "type": "SHARED"}], "name"),
    ],
)
def test_locations_that_make_no_sense_are_refused(
    farm: LocalFarm, client: Any, family: str, locations: list[dict[str, str]], why: str
):
    with pytest.raises(ClientError, match=why) as refused:
        made(client, farm, family, locations)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_queue_shows_and_takes_only_what_it_allows(farm: LocalFarm, client: Any):
    own = {"farmId": farm.farm_id}
    queue = client.create_queue(**own, displayName="q")["queueId"]
    allowed, other = (made(client, farm, "LINUX", LINUX) for _ in range(2))
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.update_queue(**own, queueId=queue, allowedStorageProfileIdsToAdd=["sp-" + "0" * 32])
    client.update_queue(**own, queueId=queue, allowedStorageProfileIdsToAdd=[allowed])
    listed = client.list_storage_profiles_for_queue(**own, queueId=queue)["storageProfiles"]
    assert [one["storageProfileId"] for one in listed] == [allowed]
    shown = client.get_storage_profile_for_queue(**own, queueId=queue, storageProfileId=allowed)
    assert shown["fileSystemLocations"] == LINUX
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_storage_profile_for_queue(**own, queueId=queue, storageProfileId=other)
    job = {"template": template(), "templateType": "JSON", "priority": 50, "queueId": queue, **own}
    with pytest.raises(ClientError, match="storageProfileId must be one of the queue's"):
        client.create_job(**job, storageProfileId=other)
    job_id = client.create_job(**job, storageProfileId=allowed)["jobId"]
    assert client.get_job(**own, queueId=queue, jobId=job_id)["storageProfileId"] == allowed
    with pytest.raises(ClientError, match=f"is used by queue {queue}"):
        client.delete_storage_profile(**own, storageProfileId=allowed)


def test_a_worker_is_told_the_rules_for_what_the_queue_requires(farm: LocalFarm, client: Any):
    """As Deadline Cloud has it: one rule for each required location that both profiles have."""
    own = {"farmId": farm.farm_id}
    queue = {**own, "queueId": farm.queue_id}
    stations, nodes = made(client, farm, "WINDOWS", WINDOWS), made(client, farm, "LINUX", LINUX)
    client.update_queue(
        **queue,
        allowedStorageProfileIdsToAdd=[stations, nodes],
        requiredFileSystemLocationNamesToAdd=["Projects", "Tools"],
    )
    managed = {**FLEET_CONFIGURATION["customerManaged"], "storageProfileId": nodes}
    client.update_fleet(**own, fleetId=farm.fleet_id, configuration={"customerManaged": managed})
    of = {**own, "fleetId": farm.fleet_id}
    worker = client.create_worker(**of)["workerId"]
    client.update_worker(**of, workerId=worker, status="STARTED")

    def rules(**more: Any) -> list[dict[str, str]]:
        job_id = client.create_job(
            **queue, template=template(frames="1"), templateType="JSON", priority=50, **more
        )["jobId"]
        told: dict[str, Any] = {}
        while not told:
            reply = client.update_worker_schedule(**of, workerId=worker)
            sessions = reply["assignedSessions"]
            told = {key: one for key, one in sessions.items() if one["jobId"] == job_id}
            client.update_worker_schedule(
                **of,
                workerId=worker,
                updatedSessionActions={
                    action["sessionActionId"]: {"completedStatus": "NEVER_ATTEMPTED"}
                    for one in sessions.values()
                    if one["jobId"] != job_id
                    for action in one["sessionActions"]
                },
            )
        reply = client.batch_get_job_entity(
            **of, workerId=worker, identifiers=[{"jobDetails": {"jobId": job_id}}]
        )
        client.update_job(**queue, jobId=job_id, targetTaskRunStatus="CANCELED")
        client.update_worker_schedule(
            **of,
            workerId=worker,
            updatedSessionActions={
                action["sessionActionId"]: {"completedStatus": "NEVER_ATTEMPTED"}
                for one in told.values()
                for action in one["sessionActions"]
            },
        )
        found: list[dict[str, str]] = reply["entities"][0]["jobDetails"]["pathMappingRules"]
        return found

    assert rules(storageProfileId=stations) == [
        {
            "sourcePathFormat": "windows",
            "sourcePath": "X:\\projects",
            "destinationPath": "/mnt/projects",
        },
        {"sourcePathFormat": "windows", "sourcePath": "Z:\\", "destinationPath": "/mnt/tools"},
    ]
    assert rules(storageProfileId=nodes) == [], "nothing is elsewhere"
    assert rules() == [], "the job says nothing about where its paths were written"


def profile(family: OsFamily, **paths: str) -> StorageProfile:
    return StorageProfile(
        farm_id=FarmId("f"),
        storage_profile_id="sp",
        name="n",
        os_family=family,
        locations=tuple(
            FileSystemLocation(name=name, path=path, type="SHARED") for name, path in paths.items()
        ),
        created_at=Instant(0),
        created_by="ann",
    )


def test_the_deepest_location_wins_and_names_must_match_wholly():
    here = profile(OsFamily.MACOS, A="/Volumes/a", B="/Volumes/a/b", C="/only/here")
    there = profile(OsFamily.LINUX, A="/mnt/a", B="/fast/b", D="/only/there")
    rules = path_rules(here, there)
    assert [rule.source_path for rule in rules] == ["/Volumes/a/b", "/Volumes/a"]
    assert mapped("/Volumes/a/b/x.exr", rules) == "/fast/b/x.exr"
    assert mapped("/Volumes/a/x.exr", rules) == "/mnt/a/x.exr"
    assert mapped("/Volumes/ab/x.exr", rules) == "/Volumes/ab/x.exr"
    assert path_rules(here, there, ["B"])[0].destination_path == "/fast/b"
    windows = path_rules(there, profile(OsFamily.WINDOWS, A="X:\\a"))
    assert mapped("/mnt/a/s/t.exr", windows) == "X:\\a\\s\\t.exr"
    back = path_rules(profile(OsFamily.WINDOWS, A="Z:"), there)
    assert mapped("z:\\S\\t.exr", back) == "/mnt/a/S/t.exr"
    assert json.dumps(path_rules(here, here)) == "[]"
