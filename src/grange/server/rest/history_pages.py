"""Whole records of the job history, many at once."""

from typing import Annotated, Any

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from grange.server.rest.given import Services
from grange.server.rest.history_shapes import HistoryPages
from grange.server.rest.shapes import described

Answer = dict[str, Any]


@get(
    "/farms/{farm_id:str}/history-pages",
    operation="ListHistoryPages",
    responses=described(HistoryPages),
)
async def list_history_pages(
    *,
    farm_id: FromPath[str],
    context: Services,
    project: FromQuery[str | None] = None,
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
    offset: Annotated[int, QueryParameter(ge=0)] = 0,
) -> Answer:
    """List records with usage, workers, errors and log, oldest first; for whoever copies them."""
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask(
        "history_page",
        farm_id=farm_id,
        project=project,
        start=start,
        end=end,
        limit=limit,
        offset=offset,
    )
    return answer


HANDLERS = [list_history_pages]
