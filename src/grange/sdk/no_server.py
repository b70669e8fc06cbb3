"""What stands for the server where only a data folder was opened."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from grange.kernel.errors import ConfigurationError


class NoServer:
    """A `FarmApi` that says what to do instead."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

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
        """Refuse."""
        self._refuse(method, path, query, body, headers, service, timeout_seconds)

    def fetch(
        self, path: str, *, query: Mapping[str, str] | None = None, timeout_seconds: float = 60.0
    ) -> bytes:
        """Refuse."""
        self._refuse(path, query, timeout_seconds)

    def upload(
        self,
        path: str,
        content: bytes,
        *,
        query: Mapping[str, str] | None = None,
        timeout_seconds: float = 60.0,
    ) -> dict[str, Any]:
        """Refuse."""
        self._refuse(path, content, query, timeout_seconds)

    def stream(
        self, path: str, *, query: Mapping[str, str] | None = None, stop: Callable[[], bool]
    ) -> Iterator[Mapping[str, str]]:
        """Refuse."""
        self._refuse(path, query, stop)

    def _refuse(self, *_asked: object) -> NoReturn:
        raise ConfigurationError(
            f"Only the books can be read from the folder {self._folder}. For jobs and workers open "
            "the server's address: grange.open('http://127.0.0.1:8765')."
        )
