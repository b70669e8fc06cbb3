"""Days, rings and workers' records: the statistics that are arrays over time."""

from typing import Any

from litestar import get
from litestar.params import FromPath

from grange.server.context import Context
from grange.server.rest.given import Services

Answer = dict[str, Any]


@get("/farms/{farm_id:str}/books/about", operation="GetBooksAbout")
async def get_books_about(farm_id: FromPath[str], context: Services) -> Answer:
    """Tell the farm's zone and currency, and the instant of the answer."""
    return await _ask(context, "books_about", farm_id=farm_id)


async def _ask(context: Context, question: str, *, farm_id: str, **arguments: Any) -> Answer:
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask(question, farm_id=farm_id, **arguments)
    return answer


HANDLERS = [get_books_about]
