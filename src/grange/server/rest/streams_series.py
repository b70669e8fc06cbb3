"""Series of logged values, and what rings keep of streams."""

import base64
import binascii
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from grange.books.archives.profiles import archives_of, emit
from grange.domain.series import DataSource, DsType, Series
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.ports.state import Compare
from grange.server.rest.given import Caller, Done, Services
from grange.server.rest.shapes import as_file, described
from grange.server.rest.stream_shapes import (
    RingRows,
    RingsFed,
    RrdImported,
    SeriesTotals,
    StreamRings,
)
from grange.services.commands.series import PutSeries, RemoveSeries

Answer = dict[str, Any]
_Seconds = Annotated[int, msgspec.Meta(ge=1)]


class SourceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of a series; its place in the list is its index."""

    label: str
    ds_type: DsType = DsType.GAUGE
    minimum: float | None = None
    maximum: float | None = None
    address: str = ""
    value_id: str = ""
    value_index: Annotated[int, msgspec.Meta(ge=0)] = 0


class SeriesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A series. `archives` is a profile's name, or texts like `RRA:AVERAGE:0.5:1:1440`."""

    sources: Annotated[list[SourceBody], msgspec.Meta(min_length=1, max_length=1000)]
    step_seconds: _Seconds = 300
    heartbeat_seconds: _Seconds | None = None
    """The longest silence that is still known; default: two steps."""
    archives: str | list[str] = "janitoo"


class SeriesChange(msgspec.Struct, frozen=True, kw_only=True):
    """Whether anything was another than before."""

    name: str
    changed: bool


class SeriesRow(msgspec.Struct, frozen=True, kw_only=True):
    """A series."""

    name: str
    step_seconds: int
    heartbeat_seconds: int
    sources: list[DataSource]
    archives: list[str]
    profile: str
    created_at: int
    created_by: str
    updated_at: int | None
    updated_by: str | None


class SeriesRows(msgspec.Struct, frozen=True, kw_only=True):
    """The series of a farm, by name."""

    series: list[SeriesRow]


@get("/farms/{farm_id:str}/series", operation="ListSeries")
async def list_series(farm_id: FromPath[str], context: Services) -> SeriesRows:
    """List the series of logged values."""
    await context.rows.farm({"farmId": farm_id})
    found = await context.store.find(Series, Compare("farm_id", "=", farm_id))
    return SeriesRows(series=[_row(one) for one in sorted(found, key=lambda one: one.name)])


@get("/farms/{farm_id:str}/series/{name:str}", operation="GetSeries")
async def get_series(farm_id: FromPath[str], name: FromPath[str], context: Services) -> SeriesRow:
    """Show a series."""
    await context.rows.farm({"farmId": farm_id})
    found = await context.store.get(Series, (farm_id, name))
    if found is None:
        raise NotFoundError("series", name)
    return _row(found)


@put("/farms/{farm_id:str}/series/{name:str}", operation="PutSeries")
async def put_series(
    *,
    farm_id: FromPath[str],
    name: FromPath[str],
    data: JSONBody[SeriesBody],
    context: Services,
    caller: Caller,
    new: FromQuery[bool] = False,
) -> SeriesChange:
    """Set up a series, or change its labels, limits and sources; `new` refuses a taken name."""
    found = await context.owner.ask(
        PutSeries(
            farm_id=FarmId(farm_id),
            name=name,
            step_seconds=data.step_seconds,
            heartbeat_seconds=data.heartbeat_seconds or 2 * data.step_seconds,
            sources=[
                DataSource(index=index, **msgspec.structs.asdict(source))
                for index, source in enumerate(data.sources)
            ],
            archives=archives_of(data.archives),
            profile=data.archives if isinstance(data.archives, str) else "",
            new=new,
            by=caller.name,
        )
    )
    return SeriesChange(name=found["name"], changed=found["changed"])


@delete("/farms/{farm_id:str}/series/{name:str}", operation="DeleteSeries", status_code=200)
async def delete_series(
    farm_id: FromPath[str], name: FromPath[str], context: Services, caller: Caller
) -> Done:
    """Remove a series and its archives; its values stay in the books."""
    await context.owner.ask(RemoveSeries(farm_id=FarmId(farm_id), name=name, by=caller.name))
    await context.books.ask("forget_ring", farm_id=farm_id, series=name)
    return Done()


@get("/farms/{farm_id:str}/streams/rings", operation="ListRings", responses=described(StreamRings))
async def list_rings(farm_id: FromPath[str], context: Services) -> Answer:
    """List the rings: of series and of log streams, how far each reaches and how large it is."""
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask("stream_rings", farm_id=farm_id)
    return answer


@post(
    "/farms/{farm_id:str}/streams/rings/feed",
    operation="FeedRings",
    status_code=200,
    responses=described(RingsFed),
)
async def feed_rings(
    farm_id: FromPath[str], context: Services, again: FromQuery[bool] = False
) -> Answer:
    """Put into the archives what has come; with `again`, compute all that facts still say anew."""
    await context.rows.farm({"farmId": farm_id})
    if again:
        answer: Answer = await context.books.ask("feed_rings_again", farm_id=farm_id)
    else:
        answer = await context.books.ask("feed_rings")
    return answer


@get(
    "/farms/{farm_id:str}/streams/ring-rows", operation="GetRingRows", responses=described(RingRows)
)
async def get_ring_rows(
    *,
    farm_id: FromPath[str],
    since: Annotated[int, QueryParameter(ge=0)],
    until: Annotated[int, QueryParameter(ge=0)],
    context: Services,
    series: FromQuery[str | None] = None,
    stream: FromQuery[str | None] = None,
    kind: FromQuery[str | None] = None,
    machines: FromQuery[str] = "",
    sources: FromQuery[str] = "",
    step_seconds: FromQuery[int | None] = None,
) -> Answer:
    """Show what rings keep of a span: average, least, most, last, total and known seconds."""
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask(
        "ring_rows",
        farm_id=farm_id,
        since=since,
        until=until,
        series=series,
        stream=stream,
        kind=kind,
        machines=_words(machines),
        sources=_words(sources),
        step_seconds=step_seconds,
    )
    return answer


@get(
    "/farms/{farm_id:str}/series/{name:str}/rrd",
    operation="GetSeriesRrd",
    responses=as_file("What rrdtool dump would write", "application/xml"),
)
async def get_series_rrd(
    farm_id: FromPath[str], name: FromPath[str], context: Services
) -> Response[bytes]:
    """Export a series as rrdtool's XML; `rrdtool restore` makes an .rrd file of it."""
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask("export_ring", farm_id=farm_id, series=name)
    return Response(
        answer["xml"].encode(),
        media_type="application/xml",
        headers={"content-disposition": f'attachment; filename="{name}.xml"'},
    )


@get(
    "/farms/{farm_id:str}/series/{name:str}/totals",
    operation="GetSeriesRrd",
    responses=described(SeriesTotals),
)
async def get_series_totals(
    farm_id: FromPath[str], name: FromPath[str], context: Services
) -> Answer:
    """Export the totals and known seconds that an .rrd file has no room for."""
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask("export_ring", farm_id=farm_id, series=name)
    found: Answer = answer["totals"]
    return found


class RrdBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """rrdtool's XML (`rrdtool dump`), in base64; the totals of an export, if there are some."""

    xml: str
    totals: Answer | None = None


@post(
    "/farms/{farm_id:str}/series/{name:str}/rrd",
    operation="ImportSeriesRrd",
    status_code=201,
    responses=described(RrdImported, 201),
)
async def import_series_rrd(
    farm_id: FromPath[str],
    name: FromPath[str],
    data: JSONBody[RrdBody],
    context: Services,
    caller: Caller,
) -> Answer:
    """Set up a series from rrdtool's XML, with everything its archives hold."""
    try:
        text = base64.b64decode(data.xml, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidRequestError(
            "xml must be the output of rrdtool dump, in base64.",
            fields=[FieldProblem("xml", "is not base64")],
        ) from error
    await context.rows.farm({"farmId": farm_id})
    plan: Answer = await context.books.ask("read_rrd", xml=text)
    await context.owner.ask(
        PutSeries(
            farm_id=FarmId(farm_id),
            name=name,
            step_seconds=plan["step_seconds"],
            heartbeat_seconds=plan["heartbeat_seconds"],
            sources=msgspec.convert(plan["sources"], list[DataSource]),
            archives=archives_of(plan["archives"]),
            new=True,
            by=caller.name,
        )
    )
    answer: Answer = await context.books.ask(
        "import_ring", farm_id=farm_id, series=name, xml=text, totals=data.totals
    )
    return answer


def _row(series: Series) -> SeriesRow:
    return SeriesRow(
        name=series.name,
        step_seconds=series.step_seconds,
        heartbeat_seconds=series.heartbeat_seconds,
        sources=list(series.sources),
        archives=[emit(spec) for spec in series.archives],
        profile=series.profile,
        created_at=series.created_at,
        created_by=series.created_by,
        updated_at=series.updated_at,
        updated_by=series.updated_by,
    )


def _words(text: str) -> list[str]:
    return [word for word in (part.strip() for part in text.split(",")) if word]


HANDLERS = [
    list_series,
    get_series,
    put_series,
    delete_series,
    list_rings,
    feed_rings,
    get_ring_rows,
    get_series_rrd,
    get_series_totals,
    import_series_rrd,
]
