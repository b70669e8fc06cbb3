"""The worker's requests to the server, and what its answers mean. Blocking: called from threads."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from grange.kernel.clock import Clock
from grange.kernel.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConflictError,
    GrangeError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
)
from grange.kernel.units import Instant, instant_of, iso8601
from grange.ports.farm_api import FarmApi
from grange.wire.signature import Credentials
from grange.worker.plan import (
    ActionReport,
    Answer,
    AssignedSession,
    Assumed,
    Call,
    CallKind,
    Created,
    Failure,
    Kind,
    PlannedAction,
    Scheduled,
    Told,
)

ApiFactory = Callable[[Credentials | None], FarmApi]
"""Credentials to an api that signs with them; None: the worker's own key."""

_PREFIX = "/2023-10-12"
_NATIVE = {"x-grange-native": "1"}
"""Says that this worker understands what Grange adds to replies."""
_KINDS = {
    "envEnter": Kind.ENV_ENTER,
    "envExit": Kind.ENV_EXIT,
    "taskRun": Kind.TASK_RUN,
    "syncInputJobAttachments": Kind.SYNC_INPUT,
}


class ServerCalls:
    """Everything a worker asks of its server. Thread-safe.

    Args:
        factory: makes apis.
        clock: the machine's clock, which every schedule call carries.
        farm_id: the farm.
        fleet_id: the fleet the worker belongs to.
        host_properties: the wire's hostProperties.
        capabilities: the wire's capabilities.
    """

    def __init__(
        self,
        factory: ApiFactory,
        clock: Clock,
        *,
        farm_id: str,
        fleet_id: str,
        host_properties: Mapping[str, Any],
        capabilities: Mapping[str, Any],
    ) -> None:
        self._factory = factory
        self._clock = clock
        self._own = factory(None)
        self._temporary: FarmApi | None = None
        self._credentials = threading.Event()
        self._farm_id = farm_id
        self._fleet = f"{_PREFIX}/farms/{farm_id}/fleets/{fleet_id}"
        self._host_properties = host_properties
        self._capabilities = capabilities
        self.worker_id: str | None = None
        self.hail_addresses = ""
        """Where this worker's neighbours can hail it."""
        self.closed = ""
        """Why the machine takes no work now; empty: it does."""
        self.user_logged_in: bool | None = False
        """Whether somebody is logged in to the machine; None: it is not known."""

    def ready(self) -> bool:
        """Return True once there are credentials of this worker."""
        return self._credentials.is_set() and self.worker_id is not None

    def forget(self) -> None:
        """Drop the worker's credentials: it is no more."""
        self.worker_id = None
        self._temporary = None
        self._credentials.clear()

    def perform(self, call: Call) -> Answer:
        """Make one of the core's calls.

        Raises:
            GrangeError: it failed; see `failure_of`.
        """
        match call.kind:
            case CallKind.CREATE:
                created = {"hostProperties": self._host_properties}
                reply = self._own.call("POST", f"{self._fleet}/workers", body=created)
                self.worker_id = str(reply["workerId"])
                return Created(worker_id=self.worker_id)
            case CallKind.ASSUME:
                return self._assume()
            case CallKind.SCHEDULE:
                return self._schedule(call)
            case CallKind.START:
                body = {
                    "status": "STARTED",
                    "capabilities": self._capabilities,
                    "hostProperties": self._host_properties,
                }
                self._worker_call("PATCH", "", body)
            case CallKind.STOPPING:
                self._worker_call("PATCH", "", {"status": "STOPPING"})
            case CallKind.STOP:
                self._worker_call("PATCH", "", {"status": "STOPPED"}, timeout_seconds=10.0)
        return Told()

    def entities(self, identifiers: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """Return what BatchGetJobEntity says, by `entity_key`.

        Raises:
            NotFoundError: the server does not know one of them.
            GrangeError: the call failed.
        """
        found: dict[str, dict[str, Any]] = {}
        for at in range(0, len(identifiers), 10):
            body = {"identifiers": list(identifiers[at : at + 10])}
            reply = self._worker_call("POST", "/batchGetJobEntity", body, headers=_NATIVE)
            for problem in reply.get("errors") or ():
                kind, error = next(iter(problem.items()))
                raise NotFoundError(kind, str(error.get("message") or error.get("code")))
            for entity in reply.get("entities") or ():
                kind, details = next(iter(entity.items()))
                found[entity_key(kind, details)] = details
        return found

    def put_facts(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post a batch of facts."""
        return self._api().call(
            "POST",
            f"/api/v1/farms/{self._farm_id}/workers/{self.worker_id}/facts",
            body=body,
            service="grange",
        )

    def put_log(self, session_id: str, offset: int, content: bytes) -> int:
        """Add bytes to a session's log and return how long it is now."""
        reply = self._api().upload(
            f"/api/v1/farms/{self._farm_id}/sessions/{session_id}/log",
            content,
            query={"offset": str(offset)},
        )
        return int(reply["size"])

    def put_hail(self, hail_id: str, outcome: str, answer: str) -> None:
        """Tell what this worker met when it hailed another one."""
        self._api().call(
            "POST",
            f"/api/v1/farms/{self._farm_id}/workers/{self.worker_id}/hails",
            body={"hail_id": hail_id, "outcome": outcome, "answer": answer},
            service="grange",
            timeout_seconds=10.0,
        )

    def wakes(self, stop: Callable[[], bool]) -> Iterable[Mapping[str, str]]:
        """Follow the wake stream."""
        return self._api().stream(
            f"/api/v1/farms/{self._farm_id}/workers/{self.worker_id}/wake", stop=stop
        )

    def _assume(self) -> Assumed:
        reply = self._own.call("GET", f"{self._fleet}/workers/{self.worker_id}/fleet-roles")
        issued = reply["credentials"]
        self._temporary = self._factory(
            Credentials(
                access_key_id=issued["accessKeyId"],
                secret_access_key=issued["secretAccessKey"],
                session_token=issued["sessionToken"],
            )
        )
        self._credentials.set()
        return Assumed(expires_at=instant_of(_moment(issued["expiration"])))

    def _schedule(self, call: Call) -> Scheduled:
        body: dict[str, Any] = {}
        if call.reports:
            body["updatedSessionActions"] = {
                action_id: report_body(report) for action_id, report in call.reports.items()
            }
        reply = self._worker_call(
            "PATCH",
            "/schedule",
            body,
            headers={
                **_NATIVE,
                "x-grange-sent-at": str(self._clock.now()),
                **({"x-grange-closed": self.closed} if self.closed else {}),
                **({"x-grange-hail": self.hail_addresses} if self.hail_addresses else {}),
                **_person(self.user_logged_in),
            },
        )
        return schedule_of(reply)

    def _worker_call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 60.0,
    ) -> dict[str, Any]:
        return self._api().call(
            method,
            f"{self._fleet}/workers/{self.worker_id}{path}",
            body=body,
            headers=headers,
            timeout_seconds=timeout_seconds,
        )

    def _api(self) -> FarmApi:
        if self._temporary is None:
            raise AuthenticationError("The worker has no credentials yet.")
        return self._temporary


def failure_of(error: GrangeError) -> Failure:
    """Return what an error means to the core."""
    match error:
        case ThrottledError():
            return Failure.THROTTLED
        case UnreachableError():
            return Failure.UNREACHABLE
        case AuthenticationError() | AccessDeniedError():
            return Failure.EXPIRED
        case NotFoundError():
            return Failure.GONE
        case ConflictError(reason="STATUS_CONFLICT", resource_type="worker"):
            return Failure.NOT_STARTED
        case ConflictError():
            return Failure.THROTTLED
        case _:
            return Failure.REFUSED


def report_body(report: ActionReport) -> dict[str, Any]:
    """Return one member of updatedSessionActions."""
    body: dict[str, Any] = {
        "completedStatus": report.outcome and report.outcome.value,
        "processExitCode": report.exit_code,
        "progressMessage": report.message or None,
        "progressPercent": report.percent,
        "startedAt": _iso(report.started_at),
        "endedAt": _iso(report.ended_at),
        "updatedAt": _iso(report.updated_at),
        "grangeUsage": dict(report.usage) or None,
    }
    return {name: value for name, value in body.items() if value is not None}


def schedule_of(reply: Mapping[str, Any]) -> Scheduled:
    """Return what a reply to UpdateWorkerSchedule says."""
    return Scheduled(
        sessions=tuple(
            AssignedSession(
                session_id=session_id,
                queue_id=session["queueId"],
                job_id=session["jobId"],
                actions=tuple(_action(action) for action in session["sessionActions"]),
            )
            for session_id, session in (reply.get("assignedSessions") or {}).items()
        ),
        cancels={
            session_id: tuple(action_ids)
            for session_id, action_ids in (reply.get("cancelSessionActions") or {}).items()
        },
        interval_seconds=float(reply.get("updateIntervalSeconds", 15)),
        stop_wanted=reply.get("desiredWorkerStatus") == "STOPPED",
        order=str(reply.get("grangeOrder") or ""),
    )


def entity_identifier(job_id: str, action: PlannedAction) -> dict[str, Any] | None:
    """Return how BatchGetJobEntity is asked for what an action runs; None if it needs nothing."""
    if action.kind is Kind.TASK_RUN:
        return {"stepDetails": {"jobId": job_id, "stepId": action.step_id}}
    if action.kind is Kind.ENV_ENTER:
        return {"environmentDetails": {"jobId": job_id, "environmentId": action.environment_id}}
    return None


def entity_key(kind: str, details: Mapping[str, Any]) -> str:
    """Return the key an entity is kept under."""
    part = details.get("stepId") or details.get("environmentId") or ""
    return f"{kind} {details['jobId']} {part}"


def _action(action: Mapping[str, Any]) -> PlannedAction:
    name, definition = next(iter(action["definition"].items()))
    return PlannedAction(
        action_id=action["sessionActionId"],
        kind=_KINDS.get(name, Kind.SYNC_INPUT),
        environment_id=definition.get("environmentId"),
        step_id=definition.get("stepId"),
        task_id=definition.get("taskId"),
        parameters=definition.get("parameters") or {},
    )


def _iso(at: Instant | None) -> str | None:
    return None if at is None else iso8601(at)


def _moment(value: str | float) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return datetime.fromisoformat(iso8601(Instant(round(value * 1000))))


def _person(user_logged_in: bool | None) -> dict[str, str]:
    if user_logged_in is None:
        return {"x-grange-person": "unknown"}
    return {"x-grange-person": "logged_in"} if user_logged_in else {}
