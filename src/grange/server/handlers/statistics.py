"""Statistics of sessions: aggregations are computed by the books, results kept for an hour."""

from grange.server.context import Call, Handler, Result


async def start_aggregation(call: Call) -> Result:
    """Answer StartSessionsStatisticsAggregation."""
    await call.context.rows.farm(call.request)
    found = await call.context.books.ask("start_aggregation", request=dict(call.request))
    return {"aggregationId": found}


async def get_aggregation(call: Call) -> Result:
    """Answer GetSessionsStatisticsAggregation."""
    await call.context.rows.farm(call.request)
    start = int(call.context.rows.cursor(call.page) or 0)
    found = await call.context.books.ask(
        "get_aggregation",
        farm_id=call.request["farmId"],
        aggregation_id=call.request["aggregationId"],
        start=start,
        size=call.page.size,
    )
    end = start + len(found.get("statistics", ()))
    token = call.context.rows.token(end, call.page) if found.pop("more", False) else None
    return {**found, "nextToken": token}


HANDLERS: dict[str, Handler] = {
    "StartSessionsStatisticsAggregation": start_aggregation,
    "GetSessionsStatisticsAggregation": get_aggregation,
}
