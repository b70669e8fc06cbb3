"""The store of the books: how large it is, how long it keeps what."""

from typing import Annotated, TypeVar

import msgspec
from litestar import get, put
from litestar.params import FromPath, JSONBody

from grange.kernel.ids import FarmId
from grange.server.rest.given import Caller, Services
from grange.services.commands.retention import SetRetention

T = TypeVar("T")


class TableSizeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One table: what it takes now, and what it will take."""

    table: str
    rollup: bool
    files: int
    rows: int
    byte_count: int
    first_at: int | None
    last_at: int | None
    kept_days: int | None
    kept_hours: int | None
    rows_per_day: int | None
    bytes_per_day: int | None
    full_bytes: int | None
    bytes_later: dict[str, int | None]


class BooksSize(msgspec.Struct, frozen=True, kw_only=True):
    """What the books take now, and in so many days at the growth of the last 30 days."""

    at: int
    tables: list[TableSizeRow]
    byte_count: int
    bytes_per_day: int | None
    bytes_later: dict[str, int | None]
    journal_bytes: int
    retired_bytes: int
    free_bytes: int
    full_in_days: int | None
    facts_refused: dict[str, int]


class KeptTable(msgspec.Struct, frozen=True, kw_only=True):
    """How long a table is kept; no days: for ever."""

    table: str
    kept_days: int | None
    kept_hours: int | None
    declared_days: int | None
    lasting: bool
    set: bool


class RetentionRows(msgspec.Struct, frozen=True, kw_only=True):
    """How long every table is kept."""

    tables: list[KeptTable]
    updated_at: int | None
    updated_by: str | None


class RetentionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long to keep a table: so many days, for ever (null), or as the catalog says."""

    days: Annotated[int, msgspec.Meta(ge=1, le=36_525)] | None = None
    as_declared: bool = False


@get("/farms/{farm_id:str}/books/size", operation="GetBooksSize")
async def get_books_size(farm_id: FromPath[str], context: Services) -> BooksSize:
    """Say how large the books are and will be."""
    return await _ask(context, "books_size", BooksSize, farm_id)


class WorkStep(msgspec.Struct, frozen=True, kw_only=True):
    """How far something is; `of` is 0 where nobody knows how much there is."""

    what: str
    step: str
    done: int
    of: int


class WorkSteps(msgspec.Struct, frozen=True, kw_only=True):
    """What the books are busy with."""

    steps: list[WorkStep]


@get("/farms/{farm_id:str}/books/progress", operation="GetBooksProgress")
async def get_books_progress(farm_id: FromPath[str], context: Services) -> WorkSteps:
    """Say how far verify and rebuild are."""
    await context.rows.farm({"farmId": farm_id})
    found = await context.books.ask("progress", farm_id=farm_id)
    return WorkSteps(steps=msgspec.convert(found, list[WorkStep]))


@get("/farms/{farm_id:str}/books/retention", operation="GetRetention")
async def get_retention(farm_id: FromPath[str], context: Services) -> RetentionRows:
    """Say how long each table is kept."""
    return await _ask(context, "books_retention", RetentionRows, farm_id)


@put("/farms/{farm_id:str}/books/retention/{table:str}", operation="SetRetention")
async def set_retention(
    farm_id: FromPath[str],
    table: FromPath[str],
    data: JSONBody[RetentionBody],
    context: Services,
    caller: Caller,
) -> RetentionRows:
    """Keep a table longer or shorter."""
    await context.owner.ask(
        SetRetention(
            farm_id=FarmId(farm_id),
            table=table,
            days=data.days,
            as_declared=data.as_declared,
            by=caller.name,
        )
    )
    return await _ask(context, "books_retention", RetentionRows, farm_id)


async def _ask(context: Services, question: str, kind: type[T], farm_id: str) -> T:
    await context.rows.farm({"farmId": farm_id})
    return msgspec.convert(await context.books.ask(question, farm_id=farm_id), kind)


HANDLERS = [get_books_size, get_books_progress, get_retention, set_retention]
