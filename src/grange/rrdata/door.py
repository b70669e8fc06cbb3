"""The server's answers, as plain values."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from grange.kernel.errors import ConfigurationError
from grange.ports.farm_api import FarmApi

_REST = "/api/v1"
_SLOWEST_SECONDS = 300.0


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
        if len(farms) != 1:
            raise ConfigurationError(f"The server has {len(farms)} farms; name one: GRANGE_FARM_ID")
        return str(farms[0]["farm_id"])

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

    def delete(self, path: str) -> dict[str, Any]:
        """Delete something."""
        return self._send("DELETE", path)

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
    return {name: str(value) for name, value in query.items() if value is not None}
