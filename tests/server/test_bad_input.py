"""Whatever is wrong with a request: the documented error, with field and reason."""

import json
from dataclasses import replace
from typing import Any

import pytest

from grange.testing.farm import LocalFarm
from tests.server.conftest import add_worker, template
from tests.server.raw import Answer, send, signed

V = "/2023-10-12"


def _is_fault(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer.json["message"]
    assert answer.headers["x-amzn-requestid"]
    assert answer.headers["date"]


class TestSignatures:
    def test_no_signature(self, farm: LocalFarm):
        _is_fault(send(farm, "GET", f"{V}/farms"), 403, "MissingAuthenticationTokenException")

    def test_wrong_secret(self, farm: LocalFarm):
        key = replace(farm.ids.owner, secret="wrong")
        _is_fault(signed(farm, "GET", f"{V}/farms", key=key), 403, "InvalidSignatureException")

    def test_unknown_key(self, farm: LocalFarm):
        key = replace(farm.ids.owner, key_id="AKIAGRNOBODY00000000")
        _is_fault(signed(farm, "GET", f"{V}/farms", key=key), 403, "UnrecognizedClientException")

    @pytest.mark.parametrize("skew_ms", [-400_000, 400_000])
    def test_a_clock_that_is_wrong_is_told_ours(self, farm: LocalFarm, skew_ms: int):
        answer = signed(farm, "GET", f"{V}/farms", skew_ms=skew_ms)
        _is_fault(answer, 403, "RequestTimeTooSkewed")
        assert answer.headers["date"]

    def test_another_body_than_the_signed_one(self, farm: LocalFarm):
        answer = signed(
            farm, "POST", f"{V}/farms", b'{"displayName":"a"}', send_body=b'{"displayName":"b"}'
        )
        _is_fault(answer, 403, "InvalidSignatureException")

    def test_another_path_than_the_signed_one(self, farm: LocalFarm):
        answer = signed(farm, "GET", f"{V}/farms", send_path=f"{V}/farms/{farm.farm_id}")
        _is_fault(answer, 403, "InvalidSignatureException")

    def test_half_an_authorization_header(self, farm: LocalFarm):
        answer = send(
            farm, "GET", f"{V}/farms", headers={"authorization": "AWS4-HMAC-SHA256 Credential=x"}
        )
        _is_fault(answer, 400, "IncompleteSignatureException")

    def test_a_forged_session_token(self, farm: LocalFarm):
        worker = farm.ids.worker
        answer = signed(farm, "GET", f"{V}/farms", key=worker, session_token="grange1.AAAA")
        _is_fault(answer, 403, "UnrecognizedClientException")

    def test_any_region_is_accepted(self, farm: LocalFarm):
        client = farm.boto3()
        assert client.list_farms()["farms"]


class TestBodies:
    def test_malformed_json(self, farm: LocalFarm):
        answer = signed(farm, "POST", f"{V}/farms", b'{"displayName":')
        _is_fault(answer, 400, "ValidationException")
        assert answer.json["reason"] == "CANNOT_PARSE"

    def test_constraints_name_field_and_reason(self, farm: LocalFarm):
        answer = signed(farm, "POST", f"{V}/farms", b'{"displayName":"","costScaleFactor":-1}')
        _is_fault(answer, 400, "ValidationException")
        assert answer.json["reason"] == "FIELD_VALIDATION_FAILED"
        assert {field["name"] for field in answer.json["fieldList"]} == {
            "displayName",
            "costScaleFactor",
        }

    @pytest.mark.parametrize("size", [4 * 1024 * 1024 + 1, 10 * 1024 * 1024])
    def test_a_body_that_is_too_large_is_refused_before_it_is_read_in(
        self, farm: LocalFarm, size: int
    ):
        _is_fault(signed(farm, "POST", f"{V}/farms", b"x" * size), 400, "ValidationException")

    def test_a_template_that_is_too_large(self, farm: LocalFarm, client: Any):
        large = json.dumps({"specificationVersion": "jobtemplate-2023-09", "x": "y" * 1_000_000})
        with pytest.raises(client.exceptions.ValidationException) as refused:
            _submit(client, farm, template=large)
        assert refused.value.response["fieldList"][0]["name"] == "template"

    @pytest.mark.parametrize(
        "changes",
        [
            {"template": "{}"},
            {"template": "not: [valid", "templateType": "YAML"},
            {"template": template().replace("Task.Param.Frame", "Task.Param.Nothing")},
            {"parameters": {"Nothing": {"int": "1"}}},
            {"parameters": {"Speed": {"int": "fast"}}},
        ],
    )
    def test_what_openjd_rejects(self, farm: LocalFarm, client: Any, changes: dict[str, Any]):
        with pytest.raises(client.exceptions.ValidationException) as refused:
            _submit(client, farm, **changes)
        (problem,) = refused.value.response["fieldList"]
        assert problem["name"].partition(".")[0] in {"template", "parameters"}

    def test_a_page_token_of_somebody_else(self, farm: LocalFarm, client: Any):
        with pytest.raises(client.exceptions.ValidationException) as refused:
            client.list_farms(nextToken="bm9ib2R5")
        assert refused.value.response["fieldList"][0]["name"] == "nextToken"


class TestUnknownThings:
    @pytest.mark.parametrize(
        ("method", "path", "kind"),
        [
            ("GET", "/farms/{farm}/queues/queue-" + "0" * 32, "queue"),
            ("GET", "/farms/{farm}/fleets/fleet-" + "0" * 32, "fleet"),
            ("GET", "/farms/farm-" + "0" * 32, "farm"),
            ("GET", "/farms/{farm}/queues/{queue}/jobs/job-" + "0" * 32, "job"),
            ("GET", "/farms/{farm}/fleets/{fleet}/workers/worker-" + "0" * 32, "worker"),
        ],
    )
    def test_unknown_ids(self, farm: LocalFarm, method: str, path: str, kind: str):
        named = path.format(farm=farm.farm_id, queue=farm.queue_id, fleet=farm.fleet_id)
        answer = signed(farm, method, V + named)
        _is_fault(answer, 404, "ResourceNotFoundException")
        assert answer.json["resourceType"] == kind

    def test_an_id_that_is_none(self, farm: LocalFarm):
        _is_fault(signed(farm, "GET", f"{V}/farms/nonsense"), 400, "ValidationException")

    def test_an_unknown_operation(self, farm: LocalFarm):
        _is_fault(signed(farm, "GET", f"{V}/nothing"), 404, "UnknownOperationException")

    def test_another_service(self, farm: LocalFarm):
        answer = signed(farm, "GET", "/bucket/key", service="s3")
        assert answer.status == 404


class TestPathsThatClimb:
    @pytest.mark.parametrize(
        "path",
        [
            "/../../../../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/assets/../../app.py",
            "/assets/..%2f..%2fapp.py",
            "/..%5c..%5cetc%5cpasswd",
            "//etc/passwd",
        ],
    )
    def test_of_the_page(self, farm: LocalFarm, path: str):
        answer = send(farm, "GET", path)
        assert b"root:" not in answer.body
        assert b"import" not in answer.body
        assert answer.status in {200, 404}  # 200 is the application's own index page

    @pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a/../../b", "..", "a/b", "\0"])
    def test_of_a_file_in_a_job(self, farm: LocalFarm, client: Any, name: str):
        """An embedded file is written into the session's folder, by its name alone."""
        job = json.loads(template())
        job["steps"][0]["script"].setdefault("embeddedFiles", []).append(
            {"name": "Escape", "type": "TEXT", "filename": name, "data": "x"}
        )
        with pytest.raises(client.exceptions.ValidationException) as refused:
            _submit(client, farm, template=json.dumps(job))
        (problem,) = refused.value.response["fieldList"]
        assert problem["name"].startswith("template")
        assert "filename" in str(refused.value.response)

    @pytest.mark.parametrize("stream", ["../../master.key", "session-../../master.key", "a/b"])
    def test_of_a_log(self, farm: LocalFarm, stream: str):
        logs = farm.boto3("logs")
        with pytest.raises(logs.exceptions.InvalidParameterException):
            logs.get_log_events(logGroupName="g", logStreamName=stream)
        with pytest.raises(logs.exceptions.InvalidParameterException):
            logs.put_log_events(
                logGroupName="g",
                logStreamName=stream,
                logEvents=[{"timestamp": 1_700_000_000_000, "message": "x"}],
            )

    def test_of_a_rest_path(self, farm: LocalFarm):
        path = f"/api/v1/farms/{farm.farm_id}/sessions/..%2f..%2fmaster.key/log"
        answer = signed(farm, "GET", path, service="grange")
        assert answer.status == 404


class TestRest:
    def test_without_signature_or_cookie(self, farm: LocalFarm):
        answer = send(farm, "GET", "/api/v1/me")
        assert answer.status == 401
        assert answer.json["error"]["code"] == "MissingAuthenticationTokenException"

    def test_malformed_json(self, farm: LocalFarm):
        answer = signed(farm, "POST", "/api/v1/users", b"{", service="grange")
        assert answer.status == 400
        assert answer.json["error"]["code"] == "ValidationException"

    def test_an_unknown_member(self, farm: LocalFarm):
        body = b'{"name":"ana","colour":"red"}'
        answer = signed(farm, "POST", "/api/v1/users", body, service="grange")
        assert answer.status == 400
        assert "colour" in str(answer.json["error"])

    def test_an_unknown_path(self, farm: LocalFarm):
        answer = signed(farm, "GET", "/api/v1/nothing", service="grange")
        assert answer.status == 404
        assert answer.json["error"]["message"]

    def test_a_wrong_query(self, farm: LocalFarm):
        path = f"/api/v1/farms/{farm.farm_id}/accounts?start=5&end=1"
        answer = signed(farm, "GET", path, service="grange")
        assert answer.status == 400
        assert answer.json["error"]["fields"][0]["name"] == "end"
        path = f"/api/v1/farms/{farm.farm_id}/accounts?start=yesterday&end=1"
        assert signed(farm, "GET", path, service="grange").status == 400

    def test_a_body_that_is_too_large(self, farm: LocalFarm):
        body = b"x" * (16 * 1024 * 1024 + 1)
        answer = signed(farm, "POST", "/api/v1/users", body, service="grange")
        assert answer.status == 400
        assert "larger" in answer.json["error"]["message"]

    def test_a_log_with_a_gap(self, farm: LocalFarm):
        path = f"/api/v1/farms/{farm.farm_id}/sessions/session-{'1' * 32}/log?offset=10"
        answer = signed(farm, "PUT", path, b"text", service="grange")
        assert answer.status == 409
        assert answer.json["error"]["context"] == {"size": "0"}


class TestWorkersThatLie:
    def test_a_report_for_a_task_that_was_lost_changes_nothing(self, farm: LocalFarm, client: Any):
        """Invariant 2: a late report from a worker that lost its lease changes only the books."""
        job_id = _submit(client, farm)
        worker = add_worker(farm)
        worker.start()
        answer = worker.schedule()
        ((_, assigned),) = answer["assignedSessions"].items()
        action = assigned["sessionActions"][0]
        task = action["definition"]["taskRun"]
        worker.start()  # says that it has lost everything
        own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}
        worker.client.update_worker_schedule(
            **worker.named,
            updatedSessionActions={action["sessionActionId"]: worker.done()},
        )
        found = client.get_task(**own, stepId=task["stepId"], taskId=task["taskId"])
        assert found["runStatus"] != "SUCCEEDED"
        client.update_job(**own, targetTaskRunStatus="CANCELED")
        worker.stop()

    def test_an_action_of_another_worker(self, farm: LocalFarm, client: Any):
        job_id = _submit(client, farm)
        first, second = add_worker(farm, "first"), add_worker(farm, "second")
        first.start()
        answer = first.schedule()
        ((_, assigned),) = answer["assignedSessions"].items()
        action = assigned["sessionActions"][0]["sessionActionId"]
        second.start()
        with pytest.raises(second.client.exceptions.ClientError) as refused:
            second.schedule({action: second.done()})
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403, 404, 409}
        client.update_job(
            farmId=farm.farm_id,
            queueId=farm.queue_id,
            jobId=job_id,
            targetTaskRunStatus="CANCELED",
        )
        first.stop()
        second.stop()

    def test_a_schedule_before_start(self, farm: LocalFarm):
        worker = add_worker(farm)
        with pytest.raises(worker.client.exceptions.ConflictException) as refused:
            worker.schedule()
        assert refused.value.response["reason"] == "STATUS_CONFLICT"
        assert refused.value.response["context"]["status"] == "CREATED"


def _submit(client: Any, farm: LocalFarm, **changes: Any) -> str:
    wanted = {"template": template(), "templateType": "JSON", "priority": 50, **changes}
    job_id: str = client.create_job(farmId=farm.farm_id, queueId=farm.queue_id, **wanted)["jobId"]
    return job_id
