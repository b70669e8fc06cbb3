"""Log lines: taken in from collectors, replaced, answered in slots, listed and pulled."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId
from grange.server.context import Context
from grange.server.rest.given import Services
from grange.server.rest.shapes import as_file, described
from grange.server.rest.stream_shapes import LinesPruned, StreamHours, StreamsAnswer, StreamSlots
from grange.services.books.keeping import retention_of
from grange.services.streams.lines import keep_lines

Answer = dict[str, Any]


class LinesAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of lines; those accepted are durable now."""

    accepted: int
    refused: int


class LinesReplaced(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an interval; not changed: it held these lines already."""

    changed: bool
    rows_before: int
    rows_after: int


class PruneBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines go: all before the hour that `until` lies in."""

    until: Annotated[int, msgspec.Meta(ge=0)]
    dry_run: bool = False


@put("/farms/{farm_id:str}/streams/lines", operation="PutLogLines")
async def put_log_lines(
    farm_id: FromPath[str], context: Services, request: Request[Any, Any, State]
) -> LinesAccepted:
    """Take in log lines as an Arrow stream; durable when answered, repeats harmless."""
    await context.rows.farm({"farmId": farm_id})
    kept = await keep_lines(
        context.ingest,
        farm_id=FarmId(farm_id),
        retention=await retention_of(context.store, FarmId(farm_id)),
        now=context.clock.now(),
        body=await request.body(),
    )
    return LinesAccepted(accepted=kept.accepted, refused=kept.refused)


@put("/farms/{farm_id:str}/streams/lines/replaced", operation="ReplaceLogLines")
async def replace_log_lines(
    *,
    farm_id: FromPath[str],
    stream: FromQuery[str],
    kind: FromQuery[Literal["rx", "tx", "other"]],
    machine: FromQuery[str],
    start: FromQuery[int],
    end: FromQuery[int],
    context: Services,
    request: Request[Any, Any, State],
) -> LinesReplaced:
    """Put lines in the place of all that a stream of a machine has between two instants."""
    _check_span(start, end)
    await context.rows.farm({"farmId": farm_id})
    found = await context.books.ask(
        "replace_lines",
        farm_id=farm_id,
        stream=stream,
        kind=kind,
        machine=machine,
        start=start,
        end=end,
        body=await request.body(),
    )
    return msgspec.convert(found, LinesReplaced)


@post(
    "/farms/{farm_id:str}/streams/lines/prune",
    operation="PruneLogLines",
    status_code=200,
    responses=described(LinesPruned),
)
async def prune_log_lines(
    farm_id: FromPath[str], data: JSONBody[PruneBody], context: Services
) -> Answer:
    """Delete the log lines before an hour, or say how many that would be."""
    return await _ask(
        context, "prune_lines", farm_id=farm_id, until=data.until, dry_run=data.dry_run
    )


@get("/farms/{farm_id:str}/streams", operation="ListStreams", responses=described(StreamsAnswer))
async def list_streams(
    farm_id: FromPath[str], context: Services, since: FromQuery[int | None] = None
) -> Answer:
    """List log streams: their machines, lines, first and last line."""
    return await _ask(context, "stream_list", farm_id=farm_id, since=since)


@get(
    "/farms/{farm_id:str}/streams/slots",
    operation="GetStreamSlots",
    responses=described(StreamSlots),
)
async def get_stream_slots(
    *,
    farm_id: FromPath[str],
    since: FromQuery[int],
    until: FromQuery[int],
    context: Services,
    streams: FromQuery[str] = "",
    kind: FromQuery[Literal["rx", "tx", "other"] | None] = None,
    machines: FromQuery[str] = "",
    products: FromQuery[str] = "",
    measures: FromQuery[str] = "",
    group: FromQuery[str | None] = None,
    step_seconds: Annotated[int, QueryParameter(ge=1, le=86_400)] = 60,
    latency_limit_seconds: Annotated[float, QueryParameter(ge=0)] = 15.0,
) -> Answer:
    """Sum log streams in slots: least, most, mean, median, total of each measure, extremes named.

    Lists have commas between; names, machines and products may have wildcards. With `group`, all
    streams are one of this name.
    """
    _check_span(since, until)
    return await _ask(
        context,
        "stream_slots",
        farm_id=farm_id,
        since=since,
        until=until,
        streams=_list(streams),
        kind=kind,
        machines=_list(machines),
        products=_list(products),
        measures=_list(measures),
        group=group,
        step_seconds=step_seconds,
        latency_limit_seconds=latency_limit_seconds,
    )


@get(
    "/farms/{farm_id:str}/streams/hours",
    operation="ListStreamHours",
    responses=described(StreamHours),
)
async def list_stream_hours(
    *,
    farm_id: FromPath[str],
    since: FromQuery[int],
    until: FromQuery[int],
    context: Services,
    stream: FromQuery[str | None] = None,
    kind: FromQuery[Literal["rx", "tx", "other"] | None] = None,
    machine: FromQuery[str | None] = None,
) -> Answer:
    """List the hour blocks of streams: address, lines, hash of the content."""
    _check_span(since, until)
    return await _ask(
        context,
        "stream_hours",
        farm_id=farm_id,
        since=since,
        until=until,
        stream=stream,
        kind=kind,
        machine=machine,
    )


@get(
    "/farms/{farm_id:str}/streams/hours/lines",
    operation="GetStreamHour",
    responses=as_file("The lines", "application/vnd.apache.arrow.stream"),
)
async def get_stream_hour(
    *,
    farm_id: FromPath[str],
    stream: FromQuery[str],
    kind: FromQuery[Literal["rx", "tx", "other"]],
    machine: FromQuery[str],
    start: FromQuery[int],
    context: Services,
    end: FromQuery[int | None] = None,
) -> Response[bytes]:
    """Hand out the lines of one hour block as an Arrow stream."""
    await context.rows.farm({"farmId": farm_id})
    body: bytes = await context.books.ask(
        "stream_hour_lines",
        farm_id=farm_id,
        stream=stream,
        kind=kind,
        machine=machine,
        start=start,
        end=end,
    )
    return Response(body, media_type="application/vnd.apache.arrow.stream")


async def _ask(context: Context, question: str, *, farm_id: str, **arguments: Any) -> Answer:
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask(question, farm_id=farm_id, **arguments)
    return answer


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _check_span(start: int, end: int) -> None:
    if end <= start:
        raise InvalidRequestError(
            "The end must lie behind the start.",
            fields=[FieldProblem("until", "must be larger than since")],
        )


HANDLERS = [
    put_log_lines,
    replace_log_lines,
    prune_log_lines,
    list_streams,
    get_stream_slots,
    list_stream_hours,
    get_stream_hour,
]
