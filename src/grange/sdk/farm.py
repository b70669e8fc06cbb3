"""One farm, as a script sees it."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grange.config.client import load_client
from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError, UnreachableError
from grange.ports.farm_api import FarmApi
from grange.sdk.books import Books, Door, FolderDoor, RestDoor
from grange.sdk.no_server import NoServer
from grange.wiring.client import connect, system_clock

_WIRE = "/2023-10-12"
_REST = "/api/v1"
_ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED"})
_POLL_SECONDS = 0.5


def open(  # noqa: A001 - reads as grange.open()
    url_or_folder: str | Path | None = None, *, farm_id: str | None = None
) -> "Farm":
    """Return a farm.

    Args:
        url_or_folder: address of the server (http://… or https://…), or a server's data folder,
            whose books are then read in this process (that needs grange[server]); default: the
            server of boto3's variables, then of client.toml.
        farm_id: which farm; default: GRANGE_FARM_ID, or the only one there is.

    Raises:
        ConfigurationError: the server, the key, the folder or the farm is not known.
    """
    if url_or_folder is not None and not _is_url(url_or_folder):
        door = FolderDoor(Path(url_or_folder), farm_id)
        return Farm(NoServer(Path(url_or_folder)), door.farm_id, system_clock(), door=door)
    settings = load_client(
        command_line={
            "server": None if url_or_folder is None else str(url_or_folder),
            "farm_id": farm_id,
        }
    )
    api = connect(settings)
    return Farm(api, settings.farm_id or _only_farm(api), system_clock(), settings.queue_id)


def _is_url(text: str | Path) -> bool:
    return isinstance(text, str) and text.startswith(("http://", "https://"))


def _only_farm(api: FarmApi) -> str:
    farms = api.call("GET", f"{_REST}/farms", service="grange")["farms"]
    farms = [farm for farm in farms if not farm["simulated"]] or farms
    if len(farms) != 1:
        raise ConfigurationError(f"The server has {len(farms)} farms; name one: farm_id=…")
    return str(farms[0]["farm_id"])


class Farm:
    """Reads and changes one farm. Answers are the REST API's, as plain values."""

    def __init__(
        self,
        api: FarmApi,
        farm_id: str,
        clock: Clock,
        queue_id: str | None = None,
        *,
        door: Door | None = None,
    ) -> None:
        """Speak about one farm.

        Args:
            api: the server.
            farm_id: which farm.
            clock: the machine's.
            queue_id: where jobs go if nothing else is said.
            door: the way to the books; default: the server's REST API.
        """
        self.api = api
        self.farm_id = farm_id
        self.books = Books(door or RestDoor(api, farm_id), clock)
        self._clock = clock
        self._queue_id = queue_id

    def jobs(self, where: str = "", *, limit: int = 200) -> list[dict[str, Any]]:
        """Return the newest jobs that a query is true for: docs/where.md.

        Args:
            where: e.g. "state=failed user=ann -sim"; it is applied before the limit.
            limit: most jobs.
        """
        jobs: list[dict[str, Any]] = []
        query = {"where": where}
        while len(jobs) < limit:
            page = self._get("/jobs", {**query, "limit": str(min(1000, limit - len(jobs)))})
            jobs += page["jobs"]
            if page["next"] is None:
                break
            query["after"] = page["next"]
        return jobs

    def workers(self, where: str = "") -> list[dict[str, Any]]:
        """Return the workers a query is true for, and what their job threads do now."""
        workers: list[dict[str, Any]] = self._get("/workers", {"where": where})["workers"]
        return workers

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job with its layers, counts and errors."""
        return self._get(f"/jobs/{job_id}")

    def frames(self, job_id: str) -> dict[str, list[Any]]:
        """Return every frame of a job, as columns of equal length."""
        frames: dict[str, list[Any]] = self._get(f"/jobs/{job_id}/frames")["frames"]
        return frames

    def receipt(self, job_id: str) -> dict[str, Any]:
        """Return what a job took: machine time by account, cost, the slowest frame."""
        return self._get(f"/jobs/{job_id}/receipt")

    def usage(self, *, start_at: int, end_at: int, group_by: str = "project") -> dict[str, Any]:
        """Return hours and cost of sessions in a span of milliseconds since 1970 UTC."""
        query = {"start": str(start_at), "end": str(end_at), "group_by": group_by}
        return self._get("/usage", query)

    def graph(self, name: str, *, kind: str = "png", **query: str) -> bytes:
        """Return a graph (worker-states, cpu, frame-times) as PNG or SVG bytes."""
        return self.api.fetch(f"{_REST}/farms/{self.farm_id}/graphs/{name}.{kind}", query=query)

    def submit(
        self,
        template: Mapping[str, Any],
        *,
        queue_id: str | None = None,
        parameters: Mapping[str, Mapping[str, str]] | None = None,
        tags: Mapping[str, str] | None = None,
        priority: int = 50,
    ) -> str:
        """Create a job from an OpenJD template and return its id.

        Args:
            template: the job template.
            queue_id: where to; default: GRANGE_QUEUE_ID.
            parameters: job parameters as the wire's unions, e.g. {"Samples": {"int": "16"}}.
            tags: `grange:project` and other attributes of the work.
            priority: 0 to 100.

        Raises:
            ConfigurationError: no queue is named.
            InvalidRequestError: OpenJD refuses the template.
        """
        queue = queue_id or self._queue_id
        if queue is None:
            raise ConfigurationError("Name the queue: queue_id=… or GRANGE_QUEUE_ID.")
        body: dict[str, Any] = {
            "template": json.dumps(template),
            "templateType": "JSON",
            "priority": priority,
            "parameters": dict(parameters or {}),
            "tags": dict(tags or {}),
        }
        reply = self.api.call(
            "POST", f"{_WIRE}/farms/{self.farm_id}/queues/{queue}/jobs", body=body
        )
        return str(reply["jobId"])

    def wait(self, job_id: str, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        """Wait until a job has ended and return it.

        Raises:
            UnreachableError: it had not ended in time.
        """
        began = self._clock.monotonic_seconds()
        while True:
            job = self.job(job_id)
            if job["status"] in _ENDED:
                return job
            waited = self._clock.monotonic_seconds() - began
            if timeout_seconds is not None and waited > timeout_seconds:
                raise UnreachableError(f"{job_id} had not ended after {timeout_seconds:g} s.")
            threading.Event().wait(_POLL_SECONDS)

    def cancel(self, job_id: str) -> None:
        """Cancel a job."""
        queue_id = self.job(job_id)["queue_id"]
        self.api.call(
            "PATCH",
            f"{_WIRE}/farms/{self.farm_id}/queues/{queue_id}/jobs/{job_id}",
            body={"targetTaskRunStatus": "CANCELED"},
        )

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self.api.call(
            "GET", f"{_REST}/farms/{self.farm_id}{path}", query=query, service="grange"
        )
