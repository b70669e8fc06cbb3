"""The door of a data logger on loopback: files, pages and counts to read, actions to do.

Reading needs nothing. An action is a POST that carries the token of the logger's folder. The Host
header must name this machine, so that no page of the web can reach it through a browser.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import compare_digest
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from grange.books.values.sources import LoggedSeries, parse_source, source_text
from grange.datalog.page import index_page, series_page
from grange.datalog.program import DataLogger
from grange.kernel.clock import Clock
from grange.kernel.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    GrangeError,
    InvalidRequestError,
    NotFoundError,
    ThrottledError,
)
from grange.kernel.units import MILLIS_PER_DAY, Instant

_log = logging.getLogger(__name__)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
_MOST_BODY = 1024 * 1024
_POINTS = 800
_STATUS: Mapping[type[GrangeError], HTTPStatus] = {
    AuthenticationError: HTTPStatus.UNAUTHORIZED,
    AccessDeniedError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    ThrottledError: HTTPStatus.TOO_MANY_REQUESTS,
}

Answer = tuple[str, bytes]
"""Content type and body."""


class Door:
    """What can be read of a logger, and done with it.

    Args:
        logger: the data logger.
        clock: the machine's clock.
    """

    def __init__(self, logger: DataLogger, clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._pages: Mapping[str, Callable[[], Answer]] = {
            "/": self._index_page,
            "/index.json": lambda: _json(self._index()),
            "/index.txt": self._index_text,
            "/counts": lambda: _json(logger.counts()),
            "/metrics": self._metrics,
            "/timers": lambda: _json(logger.timers.state()),
            "/settings": lambda: _json(msgspec.to_builtins(logger.cache.tuning)),
            "/cached": lambda: _json([list(key) for key in logger.cache.cached()]),
            "/due": lambda: _json([list(key) for key in logger.cache.due(clock.now())]),
        }
        self._actions: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "flush": lambda said: {"rows": logger.flush(_optional(said, "series"))},
            "rotate": lambda _: {"rows": logger.rotate()},
            "dump": lambda _: {"record": logger.dump()},
            "retire": lambda _: {"series": logger.retire()},
            "add": self._add,
            "remove": self._remove,
            "settings": lambda said: msgspec.to_builtins(logger.tune(dict(said))),
            "reload": self._reload,
            "timer": self._switch,
        }

    def read(self, path: str, query: Mapping[str, str]) -> Answer:
        """Return what a path shows.

        Raises:
            NotFoundError: there is nothing there.
        """
        page = self._pages.get(path)
        if page is not None:
            return page()
        kind, _, rest = path.lstrip("/").partition("/")
        if kind == "files":
            return self._file(rest)
        if kind == "series" and rest:
            return self._series_page(rest, query)
        if kind == "labels" and rest:
            name, _, place = rest.partition("/")
            if place.isdigit():
                return _json({"label": self._logger.cache.label(name, int(place))})
            return _json({"labels": list(self._logger.cache.series(name).labels)})
        raise NotFoundError("page", path)

    def health(self) -> tuple[HTTPStatus, Answer]:
        """Return how the logger does; 503 if it is not well."""
        found = self._logger.health()
        status = HTTPStatus.OK if found["healthy"] else HTTPStatus.SERVICE_UNAVAILABLE
        return status, _json(found)

    def act(self, action: str, said: Mapping[str, Any]) -> Answer:
        """Do something and return what came of it.

        Raises:
            NotFoundError: there is no such action.
            InvalidRequestError: it lacks something.
        """
        perform = self._actions.get(action)
        if perform is None:
            raise NotFoundError("action", action)
        return _json(perform(said))

    @property
    def actions(self) -> list[str]:
        """The names of all actions (S3-19)."""
        return sorted(self._actions)

    def _index(self) -> list[dict[str, Any]]:
        cache = self._logger.cache
        return [
            {
                "name": one.name,
                "file": str(cache.tuning.place(one.name)),
                "step_seconds": one.step_seconds,
                "sources": [source_text(source) for source in one.sources],
                "labels": list(one.labels),
            }
            for one in cache.index()
        ]

    def _index_text(self) -> Answer:
        lines = "".join(f"{one['file']}\n" for one in self._index())
        return "text/plain; charset=utf-8", lines.encode()

    def _index_page(self) -> Answer:
        tuning = self._logger.cache.tuning
        series = [(one, str(tuning.place(one.name))) for one in self._logger.cache.index()]
        return _html(index_page(self._logger.name, series))

    def _series_page(self, name: str, query: Mapping[str, str]) -> Answer:
        cache = self._logger.cache
        series = cache.series(name)
        days = query.get("days", "1")
        if not days.isdigit() or not 1 <= int(days) <= 3660:
            raise InvalidRequestError("days must be a number from 1 to 3660.")
        end = self._clock.now()
        start = Instant(end - int(days) * MILLIS_PER_DAY)
        history = cache.read(name, start, end, _POINTS)
        return _html(series_page(series, history, cache.open_rows(name)))

    def _file(self, rest: str) -> Answer:
        cache = self._logger.cache
        for one in cache.all_series():
            if str(cache.tuning.place(one.name)) == rest:
                try:
                    return "application/octet-stream", cache.path(one.name).read_bytes()
                except FileNotFoundError:
                    break
        raise NotFoundError("file", rest)

    def _metrics(self) -> Answer:
        counts = self._logger.counts()
        flat = {**counts, **counts.pop("received")}
        lines = [
            f'grange_datalog_{name}{{logger="{self._logger.name}"}} {value}'
            for name, value in flat.items()
            if isinstance(value, int)
        ]
        return "text/plain; version=0.0.4; charset=utf-8", ("\n".join(lines) + "\n").encode()

    def _add(self, said: Mapping[str, Any]) -> dict[str, Any]:
        fixed = dict(said)
        texts = fixed.get("sources", ())
        if isinstance(texts, list):
            fixed["sources"] = [
                msgspec.to_builtins(parse_source(text)) if isinstance(text, str) else text
                for text in texts
            ]
        try:
            series = msgspec.convert(fixed, LoggedSeries)
        except msgspec.ValidationError as error:
            raise InvalidRequestError(f"This is no series: {error}.") from error
        return {"added": self._logger.add_series(series)}

    def _remove(self, said: Mapping[str, Any]) -> dict[str, Any]:
        name = _named(said, "series")
        self._logger.remove_series(name)
        return {"removed": name}

    def _reload(self, _said: Mapping[str, Any]) -> dict[str, Any]:
        self._logger.reload()
        return {"series": len(self._logger.cache.index())}

    def _switch(self, said: Mapping[str, Any]) -> dict[str, Any]:
        running = said.get("running")
        if not isinstance(running, bool):
            raise InvalidRequestError("running must be true or false.")
        self._logger.timers.switch(_named(said, "timer"), running=running)
        return self._logger.timers.state()


class DoorServer:
    """Serves a door over HTTP on loopback, in threads of its own.

    Args:
        door: what is served.
        host: an address of loopback.
        port: 0 for any free one.
        token: what an action must carry.

    Raises:
        ConfigurationError: the address is not of loopback, or somebody has the port.
    """

    def __init__(self, door: Door, host: str, port: int, token: str) -> None:
        if host not in _LOOPBACK:
            raise ConfigurationError(
                f"The data logger serves on loopback alone, not on {host}. Put a web server with "
                "TLS in front of it."
            )
        try:
            self._server = _Server((host, port), _Handler)
        except OSError as error:
            raise ConfigurationError(f"{host}:{port} cannot be served: {error}.") from error
        self._server.door, self._server.token = door, token
        self.address = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="datalog-door",
            daemon=True,
        )  # fmt: skip

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    door: Door
    token: str


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """Answer a reader."""
        self._answer(self._read)

    def do_POST(self) -> None:
        """Do an action."""
        self._answer(self._act)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing of every request."""
        _log.debug(format, *args)

    def _read(self) -> tuple[HTTPStatus, Answer]:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        if path == "/health":
            return self.server.door.health()
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        return HTTPStatus.OK, self.server.door.read(path, query)

    def _act(self) -> tuple[HTTPStatus, Answer]:
        given = self.headers.get("authorization", "").removeprefix("Bearer ")
        body = self._body()
        if not compare_digest(given.encode(), self.server.token.encode()):
            raise AuthenticationError("An action needs the token in door.json of the folder.")
        kind, _, action = urlsplit(self.path).path.lstrip("/").partition("/")
        if kind != "actions":
            raise NotFoundError("page", self.path)
        return HTTPStatus.OK, self.server.door.act(action, body)

    def _body(self) -> Mapping[str, Any]:
        length = self.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > _MOST_BODY:
            self.close_connection = True
            raise InvalidRequestError(f"A request may have {_MOST_BODY} bytes.")
        text = self.rfile.read(int(length))
        try:
            found = json.loads(text) if text else {}
        except ValueError as error:
            raise InvalidRequestError(f"The request is not JSON: {error}.") from error
        if not isinstance(found, dict):
            raise InvalidRequestError("The request must be a JSON object.")
        return found

    def _answer(self, made: Callable[[], tuple[HTTPStatus, Answer]]) -> None:
        try:
            self._check_host()
            status, (kind, body) = made()
        except GrangeError as error:
            status = next(
                (found for wrong, found in _STATUS.items() if isinstance(error, wrong)),
                HTTPStatus.BAD_REQUEST,
            )
            kind, body = _json({"error": {"message": str(error)}})
        except OSError as error:
            status, (kind, body) = (
                HTTPStatus.INTERNAL_SERVER_ERROR,
                _json({"error": {"message": str(error)}}),
            )
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.send_header("x-content-type-options", "nosniff")
        self.send_header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(body)

    def _check_host(self) -> None:
        name = self.headers.get("host", "")
        host = name if name.endswith("]") else name.rsplit(":", 1)[0]
        if host not in _LOOPBACK:
            raise AccessDeniedError(f"This is not {name}: ask for 127.0.0.1.")


def _json(value: Any) -> Answer:
    return "application/json", msgspec.json.encode(value)


def _html(text: str) -> Answer:
    return "text/html; charset=utf-8", text.encode()


def _named(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidRequestError(f"{name} is missing.")
    return value


def _optional(said: Mapping[str, Any], name: str) -> str | None:
    return _named(said, name) if said.get(name) is not None else None
