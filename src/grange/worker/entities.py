"""What the server says about jobs, steps and environments: asked for once, kept for a while."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from grange.kernel.clock import Clock
from grange.kernel.errors import (
    AuthenticationError,
    GrangeError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
)
from grange.worker.background import in_thread
from grange.worker.calls import ServerCalls, entity_identifier, entity_key
from grange.worker.plan import PlannedAction
from grange.worker.settings import group_of

_JOBS_KEPT = 32
_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0


class Entities:
    """The entities of the last jobs.

    Args:
        calls: the server.
        clock: paces retries.
    """

    def __init__(self, calls: ServerCalls, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock
        self._jobs: OrderedDict[str, dict[str, dict[str, Any]]] = OrderedDict()

    def details(self, job_id: str, action: PlannedAction) -> dict[str, Any] | None:
        """Return what an action runs, if it is known already."""
        identifier = entity_identifier(job_id, action)
        if identifier is None:
            return {}
        return self._jobs.get(job_id, {}).get(_key(identifier))

    async def job(self, job_id: str, actions: Iterable[PlannedAction]) -> dict[str, Any]:
        """Return the wire's jobDetails, and fetch what the actions need along with it.

        Raises:
            GrangeError: the server will not say.
        """
        wanted: dict[str, Any] = {"jobDetails": {"jobId": job_id}}
        await self._fetch(job_id, [wanted, *self._needed(job_id, actions)])
        return self._jobs[job_id][_key(wanted)]

    async def action(self, job_id: str, action: PlannedAction) -> dict[str, Any]:
        """Return what an action runs ({} if it needs nothing).

        Raises:
            GrangeError: the server will not say.
        """
        await self._fetch(job_id, self._needed(job_id, [action]))
        return self.details(job_id, action) or {}

    def _needed(self, job_id: str, actions: Iterable[PlannedAction]) -> list[dict[str, Any]]:
        found = (entity_identifier(job_id, action) for action in actions)
        return list({_key(one): one for one in found if one is not None}.values())

    async def _fetch(self, job_id: str, identifiers: list[dict[str, Any]]) -> None:
        known = self._jobs.setdefault(job_id, {})
        self._jobs.move_to_end(job_id)
        while len(self._jobs) > _JOBS_KEPT:
            self._jobs.popitem(last=False)
        missing = [one for one in identifiers if _key(one) not in known]
        if missing:
            known.update(await self._ask(missing))
        for one in identifiers:
            if _key(one) not in known:
                raise NotFoundError(next(iter(one)), job_id)

    async def _ask(self, identifiers: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Ask until the server answers, however long it is away."""
        pause = _PAUSE_SECONDS
        while True:
            try:
                return await in_thread(lambda: self._calls.entities(identifiers))
            except (UnreachableError, ThrottledError, AuthenticationError) as error:
                if isinstance(error, ThrottledError):
                    pause = max(pause, float(error.retry_after_seconds))
                await self._clock.sleep(pause)
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)


def job_user(details: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the user and group a queue wants its jobs to run as, from the wire's jobDetails.

    Raises:
        GrangeError: the queue wants one but names none for this system.
    """
    wanted = details.get("jobRunAsUser") or {}
    if wanted.get("runAs") != "QUEUE_CONFIGURED_USER":
        return None
    posix = wanted.get("posix") or {}
    if not posix.get("user"):
        raise GrangeError(
            "The job's queue wants its jobs to run as another user but names none for this system;"
            " set jobRunAsUser of the queue, or start the worker with --job-user."
        )
    return posix["user"], posix.get("group") or group_of(posix["user"])


def _key(identifier: Mapping[str, Any]) -> str:
    kind, details = next(iter(identifier.items()))
    return entity_key(kind, details)
