"""The audit log: of the server, or of one farm."""

from typing import Annotated
from zoneinfo import ZoneInfo

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from grange.server.rest.given import Services
from grange.services.reads.audit import MOST_ENTRIES, AuditPage, audit_page

_Limit = Annotated[int, QueryParameter(ge=1, le=MOST_ENTRIES)]


@get("/audit", operation="ListServerAudit")
async def list_server_audit(
    *,
    context: Services,
    where: FromQuery[str] = "",
    since: FromQuery[int | None] = None,
    until: FromQuery[int | None] = None,
    before: FromQuery[str | None] = None,
    limit: _Limit = 100,
) -> AuditPage:
    """List who did what on this server, newest first; sign-ins and refusals too."""
    return await audit_page(
        context.store,
        where=where,
        farm_id=None,
        since=since,
        until=until,
        before=before,
        limit=limit,
        zone=ZoneInfo("UTC"),
        now=context.clock.now(),
    )


@get("/farms/{farm_id:str}/audit", operation="ListAudit")
async def list_audit(
    *,
    farm_id: FromPath[str],
    context: Services,
    where: FromQuery[str] = "",
    since: FromQuery[int | None] = None,
    until: FromQuery[int | None] = None,
    before: FromQuery[str | None] = None,
    limit: _Limit = 100,
) -> AuditPage:
    """List who did what in a farm, newest first; what was refused too."""
    farm = await context.rows.farm({"farmId": farm_id})
    return await audit_page(
        context.store,
        where=where,
        farm_id=farm_id,
        since=since,
        until=until,
        before=before,
        limit=limit,
        zone=ZoneInfo(farm.zone),
        now=context.clock.now(),
    )


HANDLERS = [list_server_audit, list_audit]
