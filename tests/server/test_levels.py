"""Levels in practice: what people may do to each other's jobs, over REST and the wire."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from grange.cli.main import run
from grange.kernel.errors import AccessDeniedError, InvalidRequestError
from grange.server.rest.app import HANDLERS
from grange.testing.farm import LocalFarm
from grange.wiring.init import Key
from tests.server.conftest import add_worker, template

PEOPLE = {"vic": "VIEWER", "cara": "CONTRIBUTOR", "carl": "CONTRIBUTOR", "max": "MANAGER"}


class People:
    """A farm with a person of each level."""

    def __init__(self, farm: LocalFarm) -> None:
        self.farm = farm
        self.keys: dict[str, Key] = {"owner": farm.ids.owner}
        for name in (*PEOPLE, "oz", "quin", "stranger"):
            self.call("owner", "POST", "/users", {"name": name, "role": "member"})
            made = self.call("owner", "POST", f"/users/{name}/keys", {})
            self.keys[name] = Key(user=name, key_id=made["key_id"], secret=made["secret"])
        for name, level in (*PEOPLE.items(), ("oz", "OWNER")):
            self.put(name, level)

    def call(self, name: str, method: str, path: str, body: Any = None, **query: str) -> Any:
        return self.farm.connect(self.keys[name]).call(
            method, f"/api/v1{path}", body=body, query=query, service="grange"
        )

    def rest(self, name: str, method: str, path: str, body: Any = None, **query: str) -> Any:
        return self.call(name, method, f"/farms/{self.farm.farm_id}{path}", body, **query)

    def put(self, name: str, level: str | None, place: str = "farm", target: str = "") -> Any:
        body = {"level": level, "place": place, "target_id": target or None}
        return self.rest("owner", "PUT", f"/memberships/{name}", body)

    def wire(self, name: str) -> Any:
        return self.farm.boto3(key=self.keys[name])

    def submit(self, name: str, queue: str = "") -> str:
        answer = self.wire(name).create_job(
            farmId=self.farm.farm_id,
            queueId=queue or self.farm.queue_id,
            template=template(),
            templateType="JSON",
            priority=50,
        )
        return str(answer["jobId"])

    def cancel(self, name: str, job_id: str, queue: str = "") -> bool:
        try:
            self.wire(name).update_job(
                farmId=self.farm.farm_id,
                queueId=queue or self.farm.queue_id,
                jobId=job_id,
                targetTaskRunStatus="CANCELED",
            )
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException"  # noqa: PT017
            return False
        return True

    def audit(self, where: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("owner", "GET", "/audit", where=where)["entries"]
        return found


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    folder: Path = tmp_path_factory.mktemp("farm")
    with LocalFarm(folder) as farm:
        yield People(farm)


def refused(call: Any, *args: Any) -> bool:
    try:
        call(*args)
    except AccessDeniedError:
        return True
    return False


def test_an_artist_acts_on_own_jobs_and_on_nobody_elses(people: People):
    """Issue 6: the refusal and what was attempted are in the audit log."""
    own, other = people.submit("cara"), people.submit("carl")
    assert not people.cancel("cara", other)
    assert people.cancel("cara", own)
    (entry,) = people.audit(f"subject={other} outcome=refused")
    assert (entry["actor"], entry["operation"]) == ("cara", "UpdateJob")
    assert "MANAGER" in entry["reason"]
    assert entry["credential"] == people.keys["cara"].key_id
    (done,) = people.audit(f"subject={own} operation=UpdateJob")
    assert (done["actor"], done["outcome"]) == ("cara", "done")
    assert json.loads(done["detail"])["target_status"] == "CANCELED"
    assert people.cancel("max", other)
    assert not people.audit(f"subject={other} outcome=done actor=cara")


def test_bulk_actions_of_an_artist_spare_other_peoples_jobs(people: People):
    own, other = people.submit("cara"), people.submit("carl")
    body = {"action": "cancel", "select": {"jobs": [own, other]}, "apply": True}
    found = people.rest("cara", "POST", "/jobs/actions", body)
    assert list(found["refused"]) == [other]
    assert people.rest("cara", "GET", f"/jobs/{own}")["status"] == "CANCELED"
    assert people.rest("cara", "GET", f"/jobs/{other}")["status"] == "READY"
    assert people.audit(f"subject={other} outcome=refused")[0]["actor"] == "cara"
    alone = {"action": "delete", "select": {"jobs": [other]}, "apply": True}
    assert refused(people.rest, "cara", "POST", "/jobs/actions", alone)


def test_a_viewer_reads_and_does_nothing_else(people: People):
    job = people.submit("carl")
    assert people.rest("vic", "GET", f"/jobs/{job}")["name"] == "job"
    assert people.rest("vic", "GET", "/overview")["jobs"]
    with pytest.raises(ClientError):
        people.submit("vic")
    assert not people.cancel("vic", job)
    assert refused(people.rest, "vic", "GET", "/audit")


def test_a_manager_acts_on_workers_and_an_owner_on_rates_and_people(people: People):
    worker = add_worker(people.farm, "rig").worker_id
    order = {"order": "disable", "workers": [worker], "apply": True}
    assert refused(people.rest, "carl", "POST", "/workers/actions", order)
    assert people.rest("max", "POST", "/workers/actions", order)["applied"]
    share = ("PUT", "/shares/project/film", {"weight": 2.0})
    assert refused(people.rest, "max", *share)
    assert people.rest("oz", *share)
    assert refused(people.rest, "max", "GET", "/memberships")
    assert len(people.rest("oz", "GET", "/memberships")["memberships"]) > len(PEOPLE)
    assert {row["actor"] for row in people.rest("oz", "GET", "/audit")["entries"]} >= {"max", "oz"}
    assert refused(people.call, "oz", "GET", "/audit")
    assert refused(people.call, "oz", "POST", "/backups", {})


def test_a_farms_owner_cannot_become_more(people: People):
    """Not by the key, password or link of somebody who may more, nor by a new owner."""
    for call in (
        ("POST", "/users/owner/keys", {}),
        ("PUT", "/users/owner/password", {"password": "a very long one"}),
        ("POST", "/login-links", {"name": "owner"}),
        ("PATCH", "/users/owner", {"disabled": True}),
        ("POST", "/users", {"name": "eve", "role": "owner"}),
        ("POST", "/users", {"name": "eve", "role": "worker"}),
        ("POST", "/users/worker/keys", {}),
    ):
        assert refused(people.call, "oz", *call), call
    assert people.call("oz", "POST", "/users", {"name": "newbie", "role": "member"})
    assert people.call("oz", "POST", "/users/newbie/keys", {})["secret"]
    names = {row["name"] for row in people.call("oz", "GET", "/users")["users"]}
    assert "newbie" in names
    assert "owner" not in names


def test_a_level_in_a_queue_is_for_that_queue_and_its_jobs(people: People):
    farm = people.farm
    made = people.wire("owner").create_queue(farmId=farm.farm_id, displayName="night")
    night = made["queueId"]
    people.put("quin", "MANAGER", "queue", night)
    theirs, elsewhere = people.submit("owner", night), people.submit("carl")
    assert people.cancel("quin", theirs, night)
    assert not people.cancel("quin", elsewhere)
    # The path names the queue quin manages, the job is in another one.
    assert not people.cancel("quin", elsewhere, night)
    wire = people.wire("quin")
    listed = wire.list_queues(farmId=farm.farm_id)["queues"]
    assert [queue["queueId"] for queue in listed] == [night]
    assert [one["farmId"] for one in wire.list_farms()["farms"]] == [farm.farm_id]
    found = wire.search_jobs(farmId=farm.farm_id, queueIds=[night], itemOffset=0, pageSize=10)
    assert [job["jobId"] for job in found["jobs"]] == [theirs]
    with pytest.raises(ClientError, match="is no member"):
        wire.search_jobs(
            farmId=farm.farm_id, queueIds=[night, farm.queue_id], itemOffset=0, pageSize=10
        )
    got = wire.batch_get_job(
        identifiers=[
            {"farmId": farm.farm_id, "queueId": night, "jobId": theirs},
            {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": elsewhere},
        ]
    )
    assert [job["jobId"] for job in got["jobs"]] == [theirs]
    assert [error["jobId"] for error in got["errors"]] == [elsewhere]
    assert refused(people.rest, "quin", "GET", "/overview")
    assert people.submit("quin", night)
    with pytest.raises(ClientError):
        people.submit("quin")


def test_a_level_on_one_job_and_taking_it_back(people: People):
    job = people.submit("carl")
    assert refused(people.rest, "stranger", "GET", f"/jobs/{job}")
    people.put("stranger", "VIEWER", "job", job)
    assert people.rest("stranger", "GET", f"/jobs/{job}")["name"] == "job"
    assert not people.cancel("stranger", job)
    people.put("stranger", None, "job", job)
    assert refused(people.rest, "stranger", "GET", f"/jobs/{job}")
    assert people.call("stranger", "GET", "/farms")["farms"] == []
    assert people.wire("stranger").list_farms()["farms"] == []


def test_a_workers_key_hands_in_lines_and_values_for_its_own_farm_alone(people: People):
    """A key that leaked from one farm's collector cannot write into another farm's streams."""
    farm = people.farm
    other = people.wire("owner").create_farm(displayName="other")["farmId"]
    key = farm.ids.worker
    for where, error in ((farm.farm_id, InvalidRequestError), (other, AccessDeniedError)):
        with pytest.raises(error):
            farm.connect(key).upload(f"/api/v1/farms/{where}/streams/lines", b"no lines")
    contact = {"program": "collect", "machine": "m", "collected": []}
    path = f"/api/v1/farms/{other}/streams/contacts"
    with pytest.raises(AccessDeniedError, match="does not belong"):
        farm.connect(key).call("PUT", path, body=contact, service="grange")
    body = {"level": "CONTRIBUTOR"}
    people.call("owner", "PUT", f"/farms/{other}/memberships/worker", body)
    assert farm.connect(key).call("PUT", path, body=contact, service="grange")["at"]
    with pytest.raises(InvalidRequestError, match="several farms"):
        people.call("owner", "POST", "/users", {"name": "rig2", "role": "worker"})
    rig = people.call("owner", "POST", "/users", {"name": "r", "role": "worker", "farm_id": other})
    assert [row["farm_id"] for row in rig["memberships"]] == [other]


def test_the_audit_log_is_written_with_the_act_and_pages(people: People):
    """One transaction: what was decided and who decided it are there together, or neither."""
    with pytest.raises(InvalidRequestError):
        people.put("owner", "VIEWER")  # refused by the command: nothing was done
    assert not people.audit("operation~PutMembership subject=owner")
    people.put("vic", "CONTRIBUTOR")
    people.put("vic", "VIEWER")
    first = people.call("owner", "GET", "/audit", where="subject=vic", limit="1")
    assert first["older"]
    rest = people.call(
        "owner", "GET", "/audit", where="subject=vic", limit="1", before=first["older"]
    )
    newest, before = first["entries"][0], rest["entries"][0]
    assert json.loads(newest["detail"])["level"] == "VIEWER"
    assert json.loads(before["detail"])["level"] == "CONTRIBUTOR"
    assert newest["at"] >= before["at"]
    at = newest["at"]
    assert not people.call("owner", "GET", "/audit", since=str(at + 60_000))["entries"]
    with pytest.raises(InvalidRequestError, match="actor"):
        people.audit("actr=vic")


def test_nobody_can_delete_or_change_what_is_in_the_audit_log(people: People):
    """It is only added to: there is no route, and the draft refuses."""
    methods = {
        method
        for handler in HANDLERS
        for path in handler.paths
        if "audit" in path
        for method in handler.http_methods
    }
    assert methods <= {"GET", "HEAD"}


def test_from_the_command_line(
    people: People, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """`grange user …` and `grange admin audit`; a password never stands in the arguments."""
    for name, value in people.farm.environment().items():
        monkeypatch.setenv(name, value)

    def grange(*words: str) -> str:
        assert run([*words]) == 0
        return capsys.readouterr().out

    assert "Added ida (member)" in grange("user", "add", "ida")
    assert "CONTRIBUTOR of farm" in grange("user", "set", "ida", "--role", "contributor")
    assert "ida" in grange("user", "members")
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough one\n"))
    assert "Set the password of ida" in grange("user", "password", "ida")
    (row,) = [
        user
        for user in json.loads(grange("user", "ls", "--json"))["users"]
        if user["name"] == "ida"
    ]
    assert row["has_password"]
    assert row["memberships"][0]["level"] == "CONTRIBUTOR"
    assert "no member of farm" in grange("user", "set", "ida", "--role", "none")
    told = grange("admin", "audit", "--where", "subject=ida", "--since", "1h")
    assert "SetPassword" in told
    assert "a long enough one" not in told
    assert "Signed out" in grange("user", "sign-out", "ida")
    assert run(["user", "password", "ida", "secret on argv"]) == 2


def test_the_home_page_fits_the_level_until_one_is_chosen(people: People):
    assert people.call("max", "GET", "/me")["home"] == "wrangler"
    assert people.call("oz", "GET", "/me")["home"] == "admin"
    assert people.call("cara", "GET", "/me")["home"] == "artist"
    people.call("cara", "PATCH", "/me", {"home": "finance"})
    me = people.call("cara", "GET", "/me")
    assert (me["home"], me["home_chosen"]) == ("finance", True)
