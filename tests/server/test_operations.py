"""Every served operation through unmodified boto3, with every required member of its answer."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from grange.server.deadline import HANDLERS
from grange.testing.farm import LocalFarm
from grange.wire.spec import deadline
from tests.server.conftest import add_worker, template

CALLED: set[str] = set()


@pytest.fixture(autouse=True, scope="module")
def _count_calls(client: Any) -> None:
    client.meta.events.register("after-call.*.*", _after_call)


def _after_call(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    CALLED.add(model.name)
    if "Error" not in parsed:
        missing = _missing(model.output_shape, parsed)
        assert not missing, f"{model.name} lacks {missing}"


def _missing(shape: Any, value: Any, path: str = "") -> list[str]:
    """Return the required members that an answer lacks, at any depth."""
    if shape.type_name == "structure":
        found = [f"{path}.{name}" for name in shape.required_members if name not in value]
        for name, member in shape.members.items():
            if name in value:
                found += _missing(member, value[name], f"{path}.{name}")
        return found
    if shape.type_name == "list":
        return [
            item
            for index, entry in enumerate(value)
            for item in _missing(shape.member, entry, f"{path}[{index}]")
        ]
    if shape.type_name == "map":
        return [
            item
            for key, entry in value.items()
            for item in _missing(shape.value, entry, f"{path}.{key}")
        ]
    return []


def submit(client: Any, farm: LocalFarm, **changes: Any) -> str:
    wanted = {"template": template(), "templateType": "JSON", "priority": 50, **changes}
    job_id: str = client.create_job(farmId=farm.farm_id, queueId=farm.queue_id, **wanted)["jobId"]
    return job_id


def test_farms(client: Any):
    made = client.create_farm(displayName="second", description="a farm", costScaleFactor=0.5)
    farm_id = made["farmId"]
    found = client.get_farm(farmId=farm_id)
    assert found["displayName"] == "second"
    assert found["costScaleFactor"] == 0.5
    assert found["createdBy"] == "owner"
    client.update_farm(farmId=farm_id, displayName="renamed")
    assert client.get_farm(farmId=farm_id)["displayName"] == "renamed"
    assert farm_id in {item["farmId"] for item in client.list_farms()["farms"]}
    client.delete_farm(farmId=farm_id)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_farm(farmId=farm_id)


def test_queues(client: Any, farm: LocalFarm):
    profiles = [
        client.create_storage_profile(
            farmId=farm.farm_id, displayName=name, osFamily="LINUX", fileSystemLocations=[]
        )["storageProfileId"]
        for name in ("one", "two")
    ]
    queue_id = client.create_queue(
        farmId=farm.farm_id,
        displayName="comp",
        defaultBudgetAction="NONE",
        jobRunAsUser={"runAs": "WORKER_AGENT_USER"},
        allowedStorageProfileIds=profiles[:1],
    )["queueId"]
    client.update_queue(
        farmId=farm.farm_id,
        queueId=queue_id,
        description="compositing",
        allowedStorageProfileIdsToAdd=profiles[1:],
        allowedStorageProfileIdsToRemove=profiles[:1],
    )
    found = client.get_queue(farmId=farm.farm_id, queueId=queue_id)
    assert found["description"] == "compositing"
    assert found["allowedStorageProfileIds"] == profiles[1:]
    assert found["updatedBy"] == "owner"
    listed = client.list_queues(farmId=farm.farm_id, status="IDLE")["queues"]
    assert queue_id in {item["queueId"] for item in listed}
    (allowed,) = client.list_storage_profiles_for_queue(farmId=farm.farm_id, queueId=queue_id)[
        "storageProfiles"
    ]
    assert allowed["displayName"] == "two"
    client.delete_queue(farmId=farm.farm_id, queueId=queue_id)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_queue(farmId=farm.farm_id, queueId=queue_id)


def test_fleets_and_associations(client: Any, farm: LocalFarm):
    fleet_id = client.create_fleet(
        farmId=farm.farm_id,
        displayName="gpu",
        roleArn="arn:aws:iam::000000000000:role/fleet",
        maxWorkerCount=3,
        configuration={
            "customerManaged": {
                "mode": "NO_SCALING",
                "workerCapabilities": {
                    "vCpuCount": {"min": 1},
                    "memoryMiB": {"min": 1024},
                    "osFamily": "LINUX",
                    "cpuArchitectureType": "x86_64",
                },
            }
        },
    )["fleetId"]
    client.update_fleet(farmId=farm.farm_id, fleetId=fleet_id, maxWorkerCount=5)
    found = client.get_fleet(farmId=farm.farm_id, fleetId=fleet_id)
    assert found["maxWorkerCount"] == 5
    assert found["workerCount"] == 0
    named = {"farmId": farm.farm_id, "displayName": "gpu"}
    assert [item["fleetId"] for item in client.list_fleets(**named)["fleets"]] == [fleet_id]
    pair = {"farmId": farm.farm_id, "queueId": farm.queue_id, "fleetId": fleet_id}
    client.create_queue_fleet_association(**pair)
    assert client.get_queue_fleet_association(**pair)["status"] == "ACTIVE"
    with pytest.raises(client.exceptions.ConflictException) as refused:
        client.delete_fleet(farmId=farm.farm_id, fleetId=fleet_id)
    assert refused.value.response["reason"] == "RESOURCE_IN_USE"
    client.update_queue_fleet_association(**pair, status="STOP_SCHEDULING_AND_CANCEL_TASKS")
    listed = client.list_queue_fleet_associations(farmId=farm.farm_id, fleetId=fleet_id)
    assert [item["status"] for item in listed["queueFleetAssociations"]] == ["STOPPED"]
    client.delete_queue_fleet_association(**pair)
    client.delete_fleet(farmId=farm.farm_id, fleetId=fleet_id)


def test_queue_environments(client: Any, farm: LocalFarm):
    text = json.dumps(
        {
            "specificationVersion": "environment-2023-09",
            "environment": {"name": "Tools", "variables": {"TOOLS": "/tools"}},
        }
    )
    queue_id = client.create_queue(farmId=farm.farm_id, displayName="with environment")["queueId"]
    own = {"farmId": farm.farm_id, "queueId": queue_id}
    made = client.create_queue_environment(**own, priority=5, templateType="JSON", template=text)[
        "queueEnvironmentId"
    ]
    client.update_queue_environment(**own, queueEnvironmentId=made, priority=7)
    found = client.get_queue_environment(**own, queueEnvironmentId=made)
    assert (found["name"], found["priority"]) == ("Tools", 7)
    assert client.list_queue_environments(**own)["environments"][0]["queueEnvironmentId"] == made
    client.delete_queue_environment(**own, queueEnvironmentId=made)
    assert client.list_queue_environments(**own)["environments"] == []
    with pytest.raises(client.exceptions.ValidationException):
        client.create_queue_environment(**own, priority=5, templateType="JSON", template="{}")


def test_a_job_and_its_parts(client: Any, farm: LocalFarm):
    job_id = submit(client, farm, nameOverride="teapot", maxRetriesPerTask=2)
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}
    job = client.get_job(**own)
    assert job["name"] == "teapot"
    assert job["taskRunStatusCounts"]["READY"] == 10
    assert job["taskRunStatusCounts"]["PENDING"] == 1
    assert job["parameters"] == {"Shot": {"string": "sh010"}, "Speed": {"int": "3"}}
    names = {
        item["name"]
        for item in client.list_job_parameter_definitions(**own)["jobParameterDefinitions"]
    }
    assert names == {"Shot", "Speed"}
    render, encode = client.list_steps(**own)["steps"]
    step = client.get_step(**own, stepId=render["stepId"])
    assert step["parameterSpace"]["parameters"] == [{"name": "Frame", "type": "INT"}]
    depends = client.list_step_dependencies(**own, stepId=encode["stepId"])["dependencies"]
    assert depends == [{"stepId": render["stepId"], "status": "UNRESOLVED"}]
    consumers = client.list_step_consumers(**own, stepId=render["stepId"])["consumers"]
    assert consumers == [{"stepId": encode["stepId"], "status": "UNRESOLVED"}]
    pages = client.get_paginator("list_tasks").paginate(
        **own, stepId=render["stepId"], PaginationConfig={"PageSize": 3}
    )
    tasks = [task for page in pages for task in page["tasks"]]
    assert [task["parameters"]["Frame"]["int"] for task in tasks] == [str(n) for n in range(1, 11)]
    task = client.get_task(**own, stepId=render["stepId"], taskId=tasks[4]["taskId"])
    assert task["runStatus"] == "READY"
    client.update_task(
        **own, stepId=render["stepId"], taskId=tasks[4]["taskId"], targetRunStatus="SUSPENDED"
    )
    task = client.get_task(**own, stepId=render["stepId"], taskId=tasks[4]["taskId"])
    assert task["runStatus"] == "SUSPENDED"
    client.update_step(**own, stepId=render["stepId"], targetTaskRunStatus="SUSPENDED")
    assert client.get_step(**own, stepId=render["stepId"])["taskRunStatus"] == "SUSPENDED"
    client.update_job(**own, priority=80, name="teapot 2", targetTaskRunStatus="CANCELED")
    job = client.get_job(**own)
    assert (job["priority"], job["name"], job["taskRunStatus"]) == (80, "teapot 2", "CANCELED")
    assert job_id in {
        item["jobId"]
        for item in client.list_jobs(farmId=farm.farm_id, queueId=farm.queue_id)["jobs"]
    }
    found = client.batch_get_job(identifiers=[own])["jobs"]
    assert found[0]["name"] == "teapot 2"
    steps = client.batch_get_step(identifiers=[{**own, "stepId": render["stepId"]}])
    assert steps["steps"][0]["name"] == "render"
    gone = {**own, "stepId": "step-" + "0" * 32}
    assert client.batch_get_step(identifiers=[gone])["errors"][0]["code"] == (
        "ResourceNotFoundException"
    )
    identifier = {**own, "stepId": render["stepId"], "taskId": tasks[0]["taskId"]}
    assert (
        client.batch_get_task(identifiers=[identifier])["tasks"][0]["taskId"] == tasks[0]["taskId"]
    )
    client.update_job(**own, lifecycleStatus="ARCHIVED")
    assert client.get_job(**own)["lifecycleStatus"] == "ARCHIVED"


def test_a_job_made_of_an_older_one(client: Any, farm: LocalFarm):
    source = submit(client, farm)
    again = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        sourceJobId=source,
        priority=50,
        targetTaskRunStatus="SUSPENDED",
        parameters={"Speed": {"int": "9"}},
    )["jobId"]
    job = client.get_job(farmId=farm.farm_id, queueId=farm.queue_id, jobId=again)
    assert job["sourceJobId"] == source
    assert job["parameters"]["Speed"] == {"int": "9"}
    assert job["taskRunStatus"] == "SUSPENDED"


def test_the_same_client_token_makes_one_job(client: Any, farm: LocalFarm):
    """The answer of the first request is given again; the token with another request is refused."""
    token = "a" * 32
    first = submit(client, farm, clientToken=token)
    assert submit(client, farm, clientToken=token) == first
    with pytest.raises(client.exceptions.ConflictException):
        submit(client, farm, clientToken=token, priority=51)


def test_a_session_from_assignment_to_statistics(client: Any, farm: LocalFarm):
    queue_id = client.create_queue(farmId=farm.farm_id, displayName="sessions")["queueId"]
    client.create_queue_fleet_association(
        farmId=farm.farm_id, queueId=queue_id, fleetId=farm.fleet_id
    )
    for job in client.list_jobs(farmId=farm.farm_id, queueId=farm.queue_id)["jobs"]:
        if job["lifecycleStatus"] != "ARCHIVED":
            client.update_job(
                farmId=farm.farm_id,
                queueId=farm.queue_id,
                jobId=job["jobId"],
                targetTaskRunStatus="CANCELED",
            )
    own = {"farmId": farm.farm_id, "queueId": queue_id}
    job_id = client.create_job(
        **own, template=template(frames="1-3"), templateType="JSON", priority=50
    )["jobId"]
    own["jobId"] = job_id
    worker = add_worker(farm, "render01")
    worker.client.meta.events.register("after-call.*.*", _after_call)
    told = worker.start()
    assert told["log"]["options"]["logStreamName"] == worker.worker_id
    answer = worker.schedule()
    ((session_id, assigned),) = answer["assignedSessions"].items()
    assert assigned["jobId"] == job_id
    assert assigned["logConfiguration"]["options"]["logStreamName"] == session_id
    run = assigned["sessionActions"][0]["definition"]["taskRun"]
    assert run["parameters"]["Frame"]["int"] == "1"
    entities = worker.client.batch_get_job_entity(
        **worker.named,
        identifiers=[
            {"jobDetails": {"jobId": job_id}},
            {"stepDetails": {"jobId": job_id, "stepId": run["stepId"]}},
            {"jobAttachmentDetails": {"jobId": job_id}},
            {"environmentDetails": {"jobId": job_id, "environmentId": f"JOB:{job_id}:none"}},
        ],
    )
    details, step, _ = entities["entities"]
    assert details["jobDetails"]["schemaVersion"] == "jobtemplate-2023-09"
    assert step["stepDetails"]["template"]["name"] == "render"
    assert entities["errors"][0]["environmentDetails"]["code"] == "ResourceNotFoundException"
    credentials = worker.client.assume_queue_role_for_worker(**worker.named, queueId=queue_id)
    assert credentials["credentials"]["sessionToken"]
    assert client.get_worker(**worker.named)["status"] == "RUNNING"
    listed = client.search_workers(
        farmId=farm.farm_id,
        fleetIds=[farm.fleet_id],
        itemOffset=0,
        filterExpressions={
            "filters": [
                {"stringFilter": {"name": "STATUS", "operator": "EQUAL", "value": "RUNNING"}}
            ],
            "operator": "AND",
        },
    )
    assert [item["workerId"] for item in listed["workers"]] == [worker.worker_id]
    action_id = assigned["sessionActions"][0]["sessionActionId"]
    updates = {action["sessionActionId"]: worker.done() for action in assigned["sessionActions"]}
    worker.schedule(updates)
    action = client.get_session_action(**own, sessionActionId=action_id)
    assert action["status"] == "SUCCEEDED"
    assert action["processExitCode"] == 0
    batch = client.batch_get_session_action(identifiers=[{**own, "sessionActionId": action_id}])
    assert batch["sessionActions"][0]["sessionActionId"] == action_id
    actions = client.list_session_actions(**own, sessionId=session_id)["sessionActions"]
    assert action_id in {item["sessionActionId"] for item in actions}
    task_id = run["taskId"]
    of_task = client.list_session_actions(**own, taskId=task_id)["sessionActions"]
    assert [item["sessionActionId"] for item in of_task] == [action_id]
    (session,) = client.list_sessions(**own)["sessions"]
    assert session["sessionId"] == session_id
    found = client.get_session(**own, sessionId=session_id)
    assert found["log"]["options"]["logStreamName"] == session_id
    batch = client.batch_get_session(identifiers=[{**own, "sessionId": session_id}])
    assert batch["sessions"][0]["workerId"] == worker.worker_id
    of_worker = client.list_sessions_for_worker(**worker.named)["sessions"]
    assert session_id in {item["sessionId"] for item in of_worker}
    assert worker.worker_id in {
        item["workerId"]
        for item in client.list_workers(farmId=farm.farm_id, fleetId=farm.fleet_id)["workers"]
    }
    assert client.batch_get_worker(identifiers=[worker.named])["workers"][0]["status"]
    steps = client.search_steps(
        farmId=farm.farm_id, queueIds=[queue_id], jobId=job_id, itemOffset=0
    )
    assert steps["totalResults"] == 2
    client.update_job(**own, targetTaskRunStatus="CANCELED")
    worker.stop()
    worker.client.delete_worker(**worker.named)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_worker(**worker.named)


def test_roles_of_a_queue(client: Any, farm: LocalFarm):
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id}
    assert client.assume_queue_role_for_user(**own)["credentials"]["accessKeyId"]
    assert client.assume_queue_role_for_read(**own)["credentials"]["sessionToken"]


def test_every_other_operation_says_that_it_is_not_served(farm: LocalFarm):
    operations = deadline().operations
    other = sorted(set(operations) - set(HANDLERS))
    assert other
    client = farm.boto3(parameter_validation=False)
    for name, arguments in (
        ("list_budgets", {"farmId": farm.farm_id}),
        ("list_limits", {"farmId": farm.farm_id}),
        ("list_monitors", {}),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(client, name)(**arguments)
        assert refused.value.response["Error"]["Code"] == "NotServedException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
