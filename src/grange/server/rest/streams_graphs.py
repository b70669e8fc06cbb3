"""Graphs of log streams, their static pages, and whom they are published to."""

import secrets
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from grange.domain.publications import Publication
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.ports.state import Compare
from grange.server.context import Context
from grange.server.published import PREFIX, token_hash
from grange.server.rest.given import Caller, Once, Services, once_token
from grange.server.rest.shapes import StreamNamesAnswer, as_file, described
from grange.server.rest.stream_shapes import PageFiles, PagesDrawn
from grange.services.commands.publications import Publish, RevokePublication

Answer = dict[str, Any]
TOKEN_BYTES = 24
_FORMATS = ("png", "svg", "csv")


class GroupBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Streams that are drawn as one."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    streams: list[str] = []
    kind: Literal["rx", "tx", "other"] | None = None
    machines: list[str] = []
    products: list[str] = []


class PagesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How pages are drawn."""

    groups: list[GroupBody] | None = None
    """Left out: those of the run before."""
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    latency_limit_seconds: Annotated[float, msgspec.Meta(gt=0, le=1e9)] = 15.0
    most: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 300
    """So many pictures at most; ask again while some are `left`."""
    dry_run: bool = False


class PublicationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom something is published to."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    streams: list[str] = []
    """Names or patterns, of series with `series:` in front; none: all, and the pages."""


class PublicationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A new publication: the only time that its token is told."""

    publication_id: str
    token: str
    url: str


class PublicationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One publication."""

    publication_id: str
    name: str
    streams: list[str]
    created_at: int
    created_by: str
    revoked_at: int | None
    revoked_by: str | None


class PublicationRows(msgspec.Struct, frozen=True, kw_only=True):
    """The publications of a farm, oldest first."""

    publications: list[PublicationRow]


@get(
    "/farms/{farm_id:str}/streams/graphs/{picture:str}",
    operation="GetStreamGraph",
    responses=as_file("The picture as PNG or SVG, or its slots as CSV"),
)
async def get_stream_graph(
    *,
    farm_id: FromPath[str],
    picture: FromPath[str],
    context: Services,
    streams: FromQuery[str] = "",
    kind: FromQuery[Literal["rx", "tx", "other"] | None] = None,
    machines: FromQuery[str] = "",
    products: FromQuery[str] = "",
    measures: FromQuery[str] = "",
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
    hours: FromQuery[float | None] = None,
    combine: FromQuery[bool] = False,
    name: FromQuery[str] = "",
    latency_limit_seconds: Annotated[float, QueryParameter(gt=0, le=1e9)] = 15.0,
    scale: FromQuery[Literal["auto", "linear", "log"]] = "auto",
    theme: FromQuery[Literal["light", "dark"]] = "light",
    language: FromQuery[Literal["en", "fr"]] = "en",
    width: Annotated[int, QueryParameter(ge=200, le=8000)] = 1000,
    height: Annotated[int | None, QueryParameter(ge=100, le=8000)] = None,
) -> Response[bytes]:
    """Draw log streams as PNG or SVG, or list their slots as CSV; lists have commas between."""
    kind_of_file = picture.rpartition(".")[2]
    if kind_of_file not in _FORMATS:
        raise InvalidRequestError("A graph's name ends in .png, .svg or .csv.", reason="OTHER")
    made = await _ask(
        context,
        "stream_picture",
        farm_id=farm_id,
        format=kind_of_file,
        streams=_parts(streams),
        kind=kind,
        machines=_parts(machines),
        products=_parts(products),
        measures=_parts(measures),
        start=start,
        end=end,
        hours=hours,
        combine=combine,
        name=name,
        latency_limit_seconds=latency_limit_seconds,
        scale=scale,
        theme=theme,
        language=language,
        width=width,
        height=height,
    )
    return Response(
        made["content"],
        media_type=made["media_type"],
        headers={"cache-control": "no-store"},
    )


@get(
    "/farms/{farm_id:str}/streams/value-graphs/{picture:str}",
    operation="GetSeriesGraph",
    responses=as_file("The picture as PNG or SVG, or its rows as CSV"),
)
async def get_series_graph(
    *,
    farm_id: FromPath[str],
    picture: FromPath[str],
    context: Services,
    series: FromQuery[str],
    sources: FromQuery[str] = "",
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
    hours: FromQuery[float | None] = None,
    combine: FromQuery[bool] = False,
    scale: FromQuery[Literal["auto", "linear", "log"]] = "auto",
    theme: FromQuery[Literal["light", "dark"]] = "light",
    language: FromQuery[Literal["en", "fr"]] = "en",
    width: Annotated[int, QueryParameter(ge=200, le=8000)] = 1000,
    height: Annotated[int | None, QueryParameter(ge=100, le=8000)] = None,
) -> Response[bytes]:
    """Draw series of logged values as PNG, SVG or CSV: a line per source, or their sum."""
    made = await _ask(
        context,
        "series_picture",
        farm_id=farm_id,
        format=picture.rpartition(".")[2],
        series=_parts(series),
        sources=_parts(sources),
        start=start,
        end=end,
        hours=hours,
        combine=combine,
        scale=scale,
        theme=theme,
        language=language,
        width=width,
        height=height,
    )
    return Response(
        made["content"], media_type=made["media_type"], headers={"cache-control": "no-store"}
    )


@get(
    "/farms/{farm_id:str}/streams/names",
    operation="ListStreamNames",
    responses=described(StreamNamesAnswer),
)
async def list_stream_names(
    *,
    farm_id: FromPath[str],
    context: Services,
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
    hours: Annotated[float, QueryParameter(gt=0, le=87_840)] = 48,
    streams: FromQuery[str] = "",
    kind: FromQuery[Literal["rx", "tx", "other"] | None] = None,
    machines: FromQuery[str] = "",
) -> Answer:
    """List the log streams, machines and measures that were heard in a span."""
    return await _ask(
        context,
        "stream_names",
        farm_id=farm_id,
        start=start,
        end=end,
        hours=hours,
        streams=_parts(streams),
        kind=kind,
        machines=_parts(machines),
    )


@post(
    "/farms/{farm_id:str}/streams/pages",
    operation="DrawStreamPages",
    status_code=200,
    responses=described(PagesDrawn),
)
async def draw_stream_pages(
    farm_id: FromPath[str], data: JSONBody[PagesBody], context: Services
) -> Answer:
    """Bring the static pages up to date: pictures whose data changed, periods that were missed."""
    groups = None if data.groups is None else [msgspec.to_builtins(one) for one in data.groups]
    return await _ask(
        context,
        "stream_pages",
        farm_id=farm_id,
        groups=groups,
        workers=data.workers,
        latency_limit_seconds=data.latency_limit_seconds,
        most=data.most,
        dry_run=data.dry_run,
    )


@get(
    "/farms/{farm_id:str}/streams/pages",
    operation="ListStreamPages",
    responses=described(PageFiles),
)
async def list_stream_pages(farm_id: FromPath[str], context: Services) -> Answer:
    """List the files of the static pages, with the digest of each."""
    return await _ask(context, "stream_page_files", farm_id=farm_id)


@get(
    "/farms/{farm_id:str}/streams/pages/{name:path}",
    operation="GetStreamPage",
    responses=as_file("The file", "application/octet-stream"),
)
async def get_stream_page(
    farm_id: FromPath[str], name: FromPath[str], context: Services
) -> Response[bytes]:
    """Hand out one file of the static pages."""
    wanted = name.lstrip("/")
    found = await _ask(context, "stream_page", farm_id=farm_id, name=wanted)
    if not found:
        raise NotFoundError("page", wanted)
    return Response(
        found["content"],
        media_type="application/octet-stream",
        headers={"cache-control": "no-store"},
    )


@get("/farms/{farm_id:str}/streams/publications", operation="ListPublications")
async def list_publications(farm_id: FromPath[str], context: Services) -> PublicationRows:
    """List whom graphs and pages are published to; tokens are told to nobody twice."""
    await context.rows.farm({"farmId": farm_id})
    found = await context.store.find(Publication, Compare("farm_id", "=", farm_id))
    found.sort(key=lambda one: (one.created_at, one.publication_id))
    return PublicationRows(
        publications=[
            PublicationRow(
                publication_id=one.publication_id,
                name=one.name,
                streams=list(one.streams),
                created_at=one.created_at,
                created_by=one.created_by,
                revoked_at=one.revoked_at,
                revoked_by=one.revoked_by,
            )
            for one in found
        ]
    )


@post("/farms/{farm_id:str}/streams/publications", operation="PutPublication", status_code=201)
async def put_publication(
    farm_id: FromPath[str],
    data: JSONBody[PublicationBody],
    context: Services,
    caller: Caller,
    once: Once = None,
) -> PublicationAnswer:
    """Publish graphs and pages: whoever has the address sees them, until it is revoked."""
    # Only a hash of it is kept, so what is asked again must lead to the same one again.
    token = context.identity.published_token(
        caller.name, farm_id, once or secrets.token_urlsafe(TOKEN_BYTES)
    )
    made = await context.owner.ask(
        Publish(
            farm_id=FarmId(farm_id),
            name=data.name,
            streams=data.streams,
            token_hash=token_hash(token),
            by=caller.name,
        ),
        token=once_token(caller, "PutPublication", once, farm_id, data),
    )
    return PublicationAnswer(
        publication_id=made["publication_id"],
        token=token,
        url=f"{context.base_url}{PREFIX}{token}/",
    )


@delete(
    "/farms/{farm_id:str}/streams/publications/{publication_id:str}",
    operation="RevokePublication",
    status_code=204,
)
async def revoke_publication(
    farm_id: FromPath[str], publication_id: FromPath[str], context: Services, caller: Caller
) -> None:
    """Revoke a publication: its address shows nothing any more."""
    await context.owner.ask(
        RevokePublication(farm_id=FarmId(farm_id), publication_id=publication_id, by=caller.name)
    )


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


async def _ask(context: Context, question: str, *, farm_id: str, **arguments: Any) -> Answer:
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask(question, farm_id=farm_id, **arguments)
    return answer


HANDLERS = [
    get_stream_graph,
    get_series_graph,
    list_stream_names,
    draw_stream_pages,
    list_stream_pages,
    get_stream_page,
    list_publications,
    put_publication,
    revoke_publication,
]
