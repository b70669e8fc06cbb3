"""Logged values: what data loggers send, and what came."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from grange.ports.watch import Contact
from grange.server.context import Context
from grange.server.rest.given import Services
from grange.server.rest.shapes import described
from grange.server.rest.stream_shapes import StreamValuesAnswer, ValueSources
from grange.services.streams.values import MOST_VALUES, PostedValues, keep_values

Answer = dict[str, Any]
Numbers = Annotated[list[int], msgspec.Meta(max_length=MOST_VALUES)]


class StreamValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values of one data logger; the lists are columns of one length."""

    logger: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    """The data logger's name."""
    names: Annotated[list[str], msgspec.Meta(max_length=MOST_VALUES)]
    """Series; `series` holds places in this list, from 0."""
    series: Numbers
    sources: Numbers
    """Which of the series' sources, from 0."""
    at: Numbers
    values: Annotated[list[float], msgspec.Meta(max_length=MOST_VALUES)]
    sequences: Numbers
    """Where each stands in the logger's own log."""


class StreamValuesKept(msgspec.Struct, frozen=True, kw_only=True):
    """What became of them; what was accepted is durable now."""

    accepted: int
    refused: int
    message: str
    """Why some were refused; empty: none was."""


@post("/farms/{farm_id:str}/streams/values", operation="PutStreamValues", status_code=200)
async def put_stream_values(
    farm_id: FromPath[str], data: JSONBody[StreamValues], context: Services
) -> StreamValuesKept:
    """Take in values of a data logger; durable when answered, repeats harmless."""
    await context.rows.farm({"farmId": farm_id})
    kept = await keep_values(
        context.ingest,
        now=context.clock.now(),
        farm_id=farm_id,
        posted=PostedValues(
            logger=data.logger,
            names=data.names,
            series=data.series,
            sources=data.sources,
            at=data.at,
            values=data.values,
            sequences=data.sequences,
        ),
    )
    contact = Contact(program="datalog", machine=data.logger, at=context.clock.now())
    await asyncio.to_thread(context.contacts.note, farm_id, contact)
    return StreamValuesKept(accepted=kept.accepted, refused=kept.refused, message=kept.message)


@get(
    "/farms/{farm_id:str}/streams/values",
    operation="ListStreamValues",
    responses=described(StreamValuesAnswer),
)
async def list_stream_values(
    *,
    farm_id: FromPath[str],
    context: Services,
    series: FromQuery[str],
    start: FromQuery[int],
    end: FromQuery[int],
    limit: Annotated[int, QueryParameter(ge=1, le=200_000)] = 10_000,
) -> Answer:
    """Show the values of a series in a span as they came, oldest first, as columns."""
    return await _ask(
        context, "stream_values", farm_id=farm_id, series=series, start=start, end=end, limit=limit
    )


@get(
    "/farms/{farm_id:str}/streams/sources",
    operation="ListStreamSources",
    responses=described(ValueSources),
)
async def list_stream_sources(
    farm_id: FromPath[str],
    context: Services,
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
) -> Answer:
    """List the sources that values came of: how many, the latest one, and when."""
    return await _ask(context, "stream_series", farm_id=farm_id, start=start, end=end)


async def _ask(context: Context, question: str, *, farm_id: str, **arguments: Any) -> Answer:
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask(question, farm_id=farm_id, **arguments)
    return answer


HANDLERS = [put_stream_values, list_stream_values, list_stream_sources]
