"""The server's answers, as plain values."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

from grange.kernel.errors import ConfigurationError
from grange.ports.farm_api import FarmApi

_REST = "/api/v1"
_SLOWEST_SECONDS = 300.0

PATHS: Mapping[str, str] = {
    "books_about": "/books/about",
    "day": "/days/{day}",
    "ring": "/rings/{ring}",
    "worker_list": "/books/workers",
    "worker_report": "/worker-days",
    "day_of_workers": "/worker-days/{day}",
    "history_page": "/history-pages",
    "history_projects": "/history/projects",
    "history_record": "/history/{layer_id}",
    "frame_records": "/jobs/{job_id}/frame-records",
    "frame_records_of_jobs": "/frame-records",
    "layer_time_lists": "/layer-times",
    "contacts": "/contacts",
    "groups": "/groups",
    "licence_pools": "/licences",
}
"""Answer of the books → its path below the farm."""


class Asks(Protocol):
    """Whoever answers questions about the books of one farm, by the names of the answers."""

    def ask(self, question: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer in plain values; an argument that is None is not given.

        Raises:
            GrangeError: as the books answer.
        """
        ...


class Door:
    """One farm of a server."""

    def __init__(self, api: FarmApi, farm_id: str | None) -> None:
        self._api = api
        self._given = farm_id

    @cached_property
    def farm_id(self) -> str:
        """The farm: as named, or the only one there is.

        Raises:
            ConfigurationError: there are several, and none was named.
        """
        if self._given:
            return self._given
        farms = self._api.call("GET", f"{_REST}/farms", service="grange")["farms"]
        farms = [farm for farm in farms if not farm["simulated"]] or farms
        if len(farms) != 1:
            raise ConfigurationError(f"The server has {len(farms)} farms; name one: GRANGE_FARM_ID")
        return str(farms[0]["farm_id"])

    def ask(self, question: str, **arguments: Any) -> dict[str, Any]:
        """Put a question of PATHS."""
        path = PATHS[question]
        rest = {name: value for name, value in arguments.items() if f"{{{name}}}" not in path}
        return self.get(path.format(**arguments), **rest)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Ask; `path` begins behind the farm, what is None is not asked for.

        Raises:
            GrangeError: as the server answers.
        """
        return self._send("GET", path, query=_texts(query))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change something."""
        return self._send("POST", path, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Put something in its place."""
        return self._send("PUT", path, body=body)

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return self._api.call(
            method,
            f"{_REST}/farms/{self.farm_id}{path}",
            query=query,
            body=body,
            service="grange",
            timeout_seconds=_SLOWEST_SECONDS,
        )


def _texts(query: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in query.items() if value is not None}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
