"""Saved views: everybody's own, on every machine they sign in at."""

from typing import Annotated

import msgspec
from litestar import delete, get, put
from litestar.params import FromPath, JSONBody

from grange.domain.views import SavedView
from grange.kernel.ids import FarmId
from grange.ports.state import Order
from grange.server.rest.given import Caller, Done, Services
from grange.services.commands.views import LONGEST_QUERY, RemoveView, SaveView
from grange.services.reads.rows import equals


class ViewBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a view shows."""

    query: Annotated[str, msgspec.Meta(max_length=LONGEST_QUERY)]
    """What stands behind the `?` of the page's address."""


class ViewRow(msgspec.Struct, frozen=True, kw_only=True):
    """One view."""

    page: str
    name: str
    query: str
    updated_at: int


class Views(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's own views, by page and name."""

    views: list[ViewRow]


@get("/farms/{farm_id:str}/views", operation="ListViews")
async def list_views(farm_id: FromPath[str], context: Services, caller: Caller) -> Views:
    """List the caller's own views."""
    await context.rows.farm({"farmId": farm_id})
    own = equals(farm_id=farm_id, user_name=caller.name)
    found = await context.store.find(SavedView, own, order=(Order("page"), Order("name")))
    return Views(
        views=[
            ViewRow(page=one.page, name=one.name, query=one.query, updated_at=one.updated_at)
            for one in found
        ]
    )


@put("/farms/{farm_id:str}/views/{page:str}/{name:str}", operation="PutView")
async def put_view(
    *,
    farm_id: FromPath[str],
    page: FromPath[str],
    name: FromPath[str],
    data: JSONBody[ViewBody],
    context: Services,
    caller: Caller,
) -> Done:
    """Keep a view of the caller's; one of that name is replaced."""
    await context.owner.ask(
        SaveView(
            farm_id=FarmId(farm_id),
            user_name=caller.name,
            page=page,
            name=name,
            query=data.query,
        )
    )
    return Done()


@delete("/farms/{farm_id:str}/views/{page:str}/{name:str}", operation="DeleteView", status_code=200)
async def delete_view(
    *,
    farm_id: FromPath[str],
    page: FromPath[str],
    name: FromPath[str],
    context: Services,
    caller: Caller,
) -> Done:
    """Forget a view of the caller's."""
    await context.owner.ask(
        RemoveView(farm_id=FarmId(farm_id), user_name=caller.name, page=page, name=name)
    )
    return Done()


HANDLERS = [list_views, put_view, delete_view]
