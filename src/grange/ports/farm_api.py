"""The farm as programs outside the server see it: signed HTTP requests, JSON in and out."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol


class FarmApi(Protocol):
    """One connection to a server, signing as one identity. Thread-safe."""

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        service: str = "deadline",
        timeout_seconds: float = 60.0,
    ) -> dict[str, Any]:
        """Send one request and return the JSON reply ({} if empty).

        `path` is raw, e.g. `/2023-10-12/farms/farm-…/queues`; `service` is the SigV4 service:
        `deadline`, `grange` (the REST API under /api/v1) or `logs`.

        Raises:
            GrangeError: the server's fault as the matching class of `kernel.errors`, with its
                message; UnreachableError if there was no answer; ThrottledError for 429.
        """
        ...

    def fetch(
        self, path: str, *, query: Mapping[str, str] | None = None, timeout_seconds: float = 60.0
    ) -> bytes:
        """GET a path of the REST API and return the raw body (pictures, CSV, logs)."""
        ...

    def upload(
        self,
        path: str,
        content: bytes,
        *,
        query: Mapping[str, str] | None = None,
        timeout_seconds: float = 60.0,
    ) -> dict[str, Any]:
        """PUT raw bytes to a path of the REST API and return the JSON reply."""
        ...

    def stream(
        self, path: str, *, query: Mapping[str, str] | None = None, stop: Callable[[], bool]
    ) -> Iterator[Mapping[str, str]]:
        """GET a server-sent event stream; yield its events ({id, event, data}) until `stop()`."""
        ...
