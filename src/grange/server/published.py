"""Graphs and pages that anybody may see who was given a token, or who is signed in.

`/published/TOKEN/…` shows what its publication allows and nothing else, until it is revoked; other
pages may embed it. `/published/-/FARM/…` is the same for a browser that is signed in.
"""

import asyncio
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, unquote
from zoneinfo import ZoneInfo

from grange.domain.publications import Publication
from grange.kernel.errors import GrangeError, InvalidRequestError, NotFoundError, ThrottledError
from grange.kernel.units import instant_of
from grange.plots.request_page import request_html
from grange.plots.site import style_css
from grange.plots.stream_words import Language
from grange.ports.state import Compare
from grange.server.authentication import Authenticator
from grange.server.context import Context
from grange.server.http import Request, text_reply
from grange.wire.encode import Reply
from grange.wire.faults import fault_of

PREFIX = "/published/"
SIGNED_IN = "-"
"""Stands where a token stands, for whoever is signed in; the farm follows."""
_HEADERS: tuple[tuple[str, str], ...] = (
    (
        "content-security-policy",
        "default-src 'none'; img-src 'self' data:; style-src 'self'; base-uri 'none';"
        " form-action 'self'; frame-ancestors *",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "cross-origin"),
)
"""Anybody may embed what is published; it holds no script, and its address is told to nobody."""
_AT_ONCE = 2
_WAITING = 32
_LISTS = ("streams", "machines", "products", "measures")
_WORDS = ("kind", "name", "scale", "theme", "language")
_OF_SERIES = frozenset(
    {"start", "end", "hours", "combine", "scale", "theme", "language", "width", "height"}
)
"""What a graph of logged values and one of logs are asked alike."""
_OF_LOGS = ("streams", "kind", "machines", "products", "measures")
_MOST_FIELDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What a request may see."""

    farm_id: str
    only: tuple[str, ...]
    """Names or patterns of streams, and of series behind `series:`; empty: all, and the pages."""


class Published:
    """Answers requests for published graphs and pages."""

    def __init__(self, context: Context, authenticator: Authenticator) -> None:
        """Answer from the books.

        Args:
            context: the services.
            authenticator: knows who is signed in.
        """
        self._context = context
        self._authenticator = authenticator
        self._drawing = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def reply(self, request: Request) -> Reply:
        """Return a graph, a page or a file of a site."""
        if request.method not in {"GET", "HEAD"}:
            return text_reply(405, "Only GET is served here.\n", ("allow", "GET, HEAD"))
        try:
            shown, path = await self._shown(request)
            return await self._answer(request, shown, path)
        except GrangeError as error:
            status = 404 if isinstance(error, NotFoundError) else fault_of(error).status
            return text_reply(status, f"{error}\n", ("cache-control", "no-store"), *_HEADERS)

    async def _shown(self, request: Request) -> tuple[_Shown, str]:
        token, _, path = request.raw_path.removeprefix(PREFIX).partition("/")
        if token == SIGNED_IN:
            caller = self._authenticator.browser(request).caller
            farm_id, _, path = path.partition("/")
            await self._context.access.require(
                caller, "grange:GetStreamGraph", {"farm_id": farm_id}, address=request.address
            )
            await self._context.rows.farm({"farmId": farm_id})
            return _Shown(farm_id=farm_id, only=()), path
        found = await self._context.store.find(
            Publication, Compare("token_hash", "=", token_hash(token))
        )
        if not found or found[0].revoked_at is not None:
            raise NotFoundError("page", "at this address")
        return _Shown(farm_id=found[0].farm_id, only=found[0].streams), path

    async def _answer(self, request: Request, shown: _Shown, path: str) -> Reply:
        name = "/".join(unquote(part) for part in path.split("/"))
        query = _query(request.raw_query)
        if name == "style.css":
            return _file(request, style_css(), "text/css; charset=utf-8")
        if name == "request":
            return await self._request_page(request, shown, query)
        kind = name.removeprefix("graph.")
        if name.startswith("graph.") and kind in {"png", "svg", "csv"}:
            return await self._graph(request, shown, query, kind)
        if name.startswith("latest/") and name.endswith(".png"):
            found = await self._latest(shown, name, query)
            if found is not None:
                return _file(request, found["content"], "image/png")
            raise NotFoundError("page", "at this address")
        if shown.only and name:
            raise NotFoundError("page", "at this address")
        return await self._site_file(request, shown, name)

    async def _site_file(self, request: Request, shown: _Shown, name: str) -> Reply:
        found = await self._ask(
            "stream_page", farm_id=shown.farm_id, name=name or "index.html"
        ) if not shown.only else None  # fmt: skip
        if not name:
            target = "index.html" if found else "request"
            # A browser resolves the page's own links against this address.
            base = "" if request.raw_path.endswith("/") else f"{request.raw_path.split('/')[-1]}/"
            headers = (("location", f"{base}{target}"), ("cache-control", "no-store"), *_HEADERS)
            return Reply(status=303, headers=headers, body=b"")
        if found is None:
            raise NotFoundError("page", "at this address")
        media = mimetypes.guess_type(name)[0] or "application/octet-stream"
        media += "; charset=utf-8" if media.startswith("text/") else ""
        return _file(request, found["content"], media)

    async def _graph(
        self, request: Request, shown: _Shown, query: Mapping[str, Sequence[str]], kind: str
    ) -> Reply:
        farm = await self._context.rows.farm({"farmId": shown.farm_id})
        question, asked = _wanted(query, ZoneInfo(farm.zone))
        made = await self._draw(
            question, farm_id=shown.farm_id, format=kind, only=list(shown.only), **asked
        )
        named = ("content-disposition", _disposition(made["name"], attached=kind == "csv"))
        return _file(request, made["content"], made["media_type"], named)

    async def _latest(
        self, shown: _Shown, name: str, query: Mapping[str, Sequence[str]]
    ) -> dict[str, Any] | None:
        stem = name.removeprefix("latest/").removesuffix(".png")
        theme = "dark" if stem.endswith(".dark") or query.get("theme") == ["dark"] else "light"
        found: dict[str, Any] | None = await self._draw(
            "stream_latest",
            farm_id=shown.farm_id,
            name=stem.removesuffix(".dark"),
            theme=theme,
            only=list(shown.only),
        )
        return found

    async def _request_page(
        self, request: Request, shown: _Shown, query: Mapping[str, Sequence[str]]
    ) -> Reply:
        known = await self._ask("stream_names", farm_id=shown.farm_id, only=list(shown.only))
        language = query.get("language", ["en"])[-1]
        error = ""
        held = await self._ask("series_names", farm_id=shown.farm_id, only=list(shown.only))
        try:
            _wanted(query, ZoneInfo(known["zone"]))
        except InvalidRequestError as problem:
            error = str(problem)
        page = request_html(
            language=Language(language) if language in set(Language) else Language.ENGLISH,
            farm=known["farm"],
            asked=query,
            streams=[(kind, name) for kind, name in known["streams"]],
            machines=known["machines"],
            measures=known["measures"],
            series=held["series"],
            error=error,
        )
        return _file(request, page, "text/html; charset=utf-8")

    async def _draw(self, question: str, **arguments: Any) -> Any:
        """Ask for a picture; few at a time, so that a stranger cannot keep the books busy."""
        if self._waiting >= _WAITING:
            raise ThrottledError("Too many graphs are being drawn. Try again.")
        self._waiting += 1
        try:
            async with self._drawing:
                return await self._ask(question, **arguments)
        finally:
            self._waiting -= 1

    async def _ask(self, question: str, **arguments: Any) -> Any:
        return await self._context.books.ask(question, **arguments)


def token_hash(token: str) -> str:
    """Return what is kept of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def graph_arguments(query: Mapping[str, Sequence[str]], zone: ZoneInfo) -> dict[str, Any]:
    """Return the arguments of a graph that a query string asks for.

    Args:
        query: values by name, as people and forms write them.
        zone: whose clock times without a zone are.

    Raises:
        InvalidRequestError: a number or a time is none.
    """
    asked: dict[str, Any] = {}
    for name in _LISTS:
        asked[name] = _listed(query, name)
    for name in _WORDS:
        if query.get(name):
            asked[name] = query[name][-1]
    asked["combine"] = query.get("combine", ["0"])[-1].lower() in {"1", "true", "yes", "on"}
    for name, least, most in (("width", 200, 4000), ("height", 100, 4000)):
        if query.get(name):
            asked[name] = _whole(name, query[name][-1], least, most)
    for name in ("start", "end"):
        if query.get(name):
            asked[name] = _moment(name, query[name][-1], zone)
    for name in ("hours", "latency_limit_seconds"):
        if query.get(name):
            asked[name] = _number(name, query[name][-1])
    return asked


def _wanted(query: Mapping[str, Sequence[str]], zone: ZoneInfo) -> tuple[str, dict[str, Any]]:
    """Return what a query string asks of the books, and with which arguments."""
    asked = graph_arguments(query, zone)
    if query.get("series"):
        return "series_picture", _of_series(query, asked)
    return "stream_picture", asked


def _of_series(query: Mapping[str, Sequence[str]], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a graph of logged values.

    Raises:
        InvalidRequestError: it also asks for what only a graph of logs has.
    """
    for name in _OF_LOGS:
        if query.get(name):
            raise InvalidRequestError(
                f"Ask for series of logged values or for {name} of logs: a graph shows one of them."
            )
    kept = {name: value for name, value in asked.items() if name in _OF_SERIES}
    return {**kept, "series": _listed(query, "series"), "sources": _listed(query, "sources")}


def _listed(query: Mapping[str, Sequence[str]], name: str) -> list[str]:
    found = [part.strip() for text in query.get(name, ()) for part in text.split(",")]
    return [part for part in found if part]


def _query(raw: str) -> dict[str, list[str]]:
    try:
        return parse_qs(raw, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidRequestError("The address asks for too much at once.") from error


def _whole(name: str, text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise InvalidRequestError(f"{name} must be {least} to {most}.")
    return int(text)


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise InvalidRequestError(f"{name} must be a number.") from error
    if not 0 < value < 1e9:
        raise InvalidRequestError(f"{name} must be more than 0.")
    return value


def _moment(name: str, text: str, zone: ZoneInfo) -> int:
    if text.isdecimal() and len(text) > 8:
        return min(int(text), 2**53)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequestError(f"{name} must be a time like 2026-01-31T12:00.") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return instant_of(moment.astimezone(UTC))


def _disposition(name: str, *, attached: bool) -> str:
    how = "attachment" if attached else "inline"
    plain = name.encode("ascii", "replace").decode().replace('"', "").replace("\\", "")
    return f'{how}; filename="{plain}"'


def _file(request: Request, content: bytes, media_type: str, *more: tuple[str, str]) -> Reply:
    etag = f'"{sha256(content).hexdigest()[:20]}"'
    headers = (
        ("content-type", media_type),
        ("cache-control", "no-cache"),
        ("etag", etag),
        *more,
        *_HEADERS,
    )
    if request.headers.get("if-none-match") == etag:
        return Reply(status=304, headers=headers, body=b"")
    return Reply(status=200, headers=headers, body=content)
