"""Reading committed rows by what a request names, and lists page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from grange.domain.farm import Farm, Fleet, Queue, QueueEnvironment, QueueFleetAssociation
from grange.domain.storage import StorageProfile
from grange.domain.work import Job, Layer, Session, SessionAction, Task, Worker
from grange.kernel.clock import Clock
from grange.kernel.errors import NotFoundError
from grange.kernel.ids import SessionId, WorkerId, parse_session_action_id, parse_task_id
from grange.ports.state import AllOf, Compare, Condition, Order, StateStore
from grange.services.permissions import Principal
from grange.wire.page_tokens import issue_page_token, redeem_page_token

E = TypeVar("E")
DEFAULT_PAGE = 100
_MOST_SESSIONS = 20_000
"""Of so many sessions it is remembered whose they are."""

_NAMES: Mapping[type[Any], str] = {
    Farm: "farm",
    Queue: "queue",
    Fleet: "fleet",
    QueueFleetAssociation: "queue-fleet-association",
    QueueEnvironment: "queue-environment",
    StorageProfile: "storage-profile",
    Job: "job",
    Layer: "step",
    Task: "task",
    Session: "session",
    SessionAction: "session-action",
    Worker: "worker",
}


def equals(**columns: str | int | None) -> AllOf:
    """Return the condition that columns have these values."""
    return AllOf(tuple(Compare(name, "=", value) for name, value in columns.items()))


def alive() -> Condition:
    """Return the condition that a worker was not deleted."""
    return Compare("deleted_at", "=", None)


def _not_deleted(worker: Worker) -> Worker:
    if worker.deleted_at is not None:
        raise NotFoundError("worker", worker.worker_id)
    return worker


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """One page of a list, as asked for."""

    operation: str
    query: Mapping[str, Any]
    caller: Principal

    @property
    def size(self) -> int:
        """How many items the page may hold."""
        return int(self.query.get("maxResults", DEFAULT_PAGE))


class Rows:
    """Committed rows of the farm."""

    def __init__(self, store: StateStore, *, clock: Clock, page_key: bytes) -> None:
        self.store = store
        self._clock = clock
        self._page_key = page_key
        self._session_workers: dict[str, WorkerId] = {}

    # One row

    async def farm(self, request: Mapping[str, Any]) -> Farm:
        """Return the farm a request names."""
        return await self._get(Farm, (request["farmId"],))

    async def queue(self, request: Mapping[str, Any]) -> Queue:
        """Return the queue a request names."""
        return await self._get(Queue, (request["queueId"],), farm_id=request["farmId"])

    async def fleet(self, request: Mapping[str, Any]) -> Fleet:
        """Return the fleet a request names."""
        return await self._get(Fleet, (request["fleetId"],), farm_id=request["farmId"])

    async def association(self, request: Mapping[str, Any]) -> QueueFleetAssociation:
        """Return the queue-fleet association a request names."""
        key = (request["queueId"], request["fleetId"])
        return await self._get(QueueFleetAssociation, key, farm_id=request["farmId"])

    async def environment(self, request: Mapping[str, Any]) -> QueueEnvironment:
        """Return the queue environment a request names."""
        return await self._get(
            QueueEnvironment,
            (request["queueEnvironmentId"],),
            farm_id=request["farmId"],
            queue_id=request["queueId"],
        )

    async def storage_profile(self, farm_id: str, storage_profile_id: str) -> StorageProfile:
        """Return a storage profile of a farm."""
        return await self._get(StorageProfile, (storage_profile_id,), farm_id=farm_id)

    async def job(self, request: Mapping[str, Any]) -> Job:
        """Return the job a request names."""
        return await self._get(
            Job, (request["jobId"],), farm_id=request["farmId"], queue_id=request["queueId"]
        )

    async def farm_job(self, farm_id: str, job_id: str) -> Job:
        """Return a job by its farm and its id, whatever its queue."""
        return await self._get(Job, (job_id,), farm_id=farm_id)

    async def layer(self, request: Mapping[str, Any]) -> Layer:
        """Return the layer a request names by stepId."""
        return await self._get(
            Layer,
            (request["stepId"],),
            farm_id=request["farmId"],
            queue_id=request["queueId"],
            job_id=request["jobId"],
        )

    async def task(self, layer: Layer, task_id: str) -> tuple[int, Task | None]:
        """Return a task's index, and its row unless it was never touched."""
        parsed = parse_task_id(task_id)
        if parsed is None or parsed[0] != layer.layer_id or parsed[1] >= layer.task_count:
            raise NotFoundError("task", task_id)
        return parsed[1], await self.store.get(Task, (layer.layer_id, parsed[1]))

    async def session(self, request: Mapping[str, Any]) -> Session:
        """Return the session a request names."""
        return await self._get(
            Session,
            (request["sessionId"],),
            farm_id=request["farmId"],
            queue_id=request["queueId"],
            job_id=request["jobId"],
        )

    async def action(self, request: Mapping[str, Any]) -> SessionAction:
        """Return the session action a request names."""
        action_id = request["sessionActionId"]
        parsed = parse_session_action_id(action_id)
        if parsed is None:
            raise NotFoundError("session-action", action_id)
        found = await self.store.get(SessionAction, parsed)
        if found is None or found.job_id != request["jobId"]:
            raise NotFoundError("session-action", action_id)
        return found

    async def worker(self, request: Mapping[str, Any]) -> Worker:
        """Return the worker a request names; a deleted one is gone."""
        return _not_deleted(
            await self._get(
                Worker,
                (request["workerId"],),
                farm_id=request["farmId"],
                fleet_id=request["fleetId"],
            )
        )

    async def farm_worker(self, farm_id: str, worker_id: str) -> Worker:
        """Return a worker by its farm and its id, whatever its fleet; a deleted one is gone."""
        return _not_deleted(await self._get(Worker, (worker_id,), farm_id=farm_id))

    async def session_worker(self, session_id: str) -> WorkerId | None:
        """Return the worker of a session; None: there is no such session.

        A session stays with its worker, and its log comes in many pieces: it is looked up once.
        """
        known = self._session_workers.get(session_id)
        if known is None:
            session = await self.store.get(Session, (SessionId(session_id),))
            if session is None:
                return None
            if len(self._session_workers) >= _MOST_SESSIONS:
                self._session_workers.clear()
            known = self._session_workers[session_id] = session.worker_id
        return known

    async def _get(self, kind: type[E], key: tuple[str, ...], **within: str) -> E:
        found = await self.store.get(kind, key)
        if found is None or any(getattr(found, name) != value for name, value in within.items()):
            raise NotFoundError(_NAMES[kind], "/".join(key))
        return found

    # Lists

    async def page(
        self, kind: type[E], where: Condition, key: str, request: PageRequest
    ) -> tuple[list[E], str | None]:
        """Return one page of rows in the order of a unique column, and the token of the next."""
        cursor = self.cursor(request)
        after: tuple[Condition, ...] = () if cursor is None else (Compare(key, ">", cursor),)
        rows = await self.store.find(
            kind, AllOf((where, *after)), order=(Order(key),), limit=request.size + 1
        )
        if len(rows) <= request.size:
            return rows, None
        rows = rows[: request.size]
        return rows, self.token(getattr(rows[-1], key), request)

    async def slice(
        self, kind: type[E], where: Condition, order: Sequence[Order], request: PageRequest
    ) -> tuple[list[E], str | None]:
        """Return one page of rows that have no single unique column to go by."""
        start = int(self.cursor(request) or 0)
        rows = await self.store.find(kind, where, order=order, limit=request.size + 1, offset=start)
        if len(rows) <= request.size:
            return rows, None
        return rows[: request.size], self.token(start + request.size, request)

    def cursor(self, request: PageRequest) -> Any:
        """Return where the page starts: None for the first one.

        Raises:
            InvalidRequestError: the token is not one of ours for this request, or too old.
        """
        token = request.query.get("nextToken")
        if token is None:
            return None
        return redeem_page_token(
            token,
            key=self._page_key,
            operation=request.operation,
            query=request.query,
            caller=request.caller.name,
            now=self._clock.now(),
        )

    def token(self, cursor: Any, request: PageRequest) -> str:
        """Return the token of the page that starts after `cursor`."""
        return issue_page_token(
            cursor,
            key=self._page_key,
            operation=request.operation,
            query=request.query,
            caller=request.caller.name,
            now=self._clock.now(),
        )
