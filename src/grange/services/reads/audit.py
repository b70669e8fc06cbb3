"""Reading the audit log: newest first, with the query language of docs/where.md."""

from datetime import tzinfo

import msgspec

from grange.books.where import EVERYTHING, Field, Fields, Kind, holds, parse
from grange.domain.people import AuditEntry
from grange.kernel.units import Instant
from grange.ports.state import AllOf, Compare, Order, StateStore

MOST_ENTRIES = 1000
_PIECE = 1000
_MOST_READ = 100_000
"""Rows looked at for one answer."""

FIELDS = Fields(
    (
        Field(name="at", kind=Kind.INSTANT, meaning="when"),
        Field(
            name="actor", kind=Kind.TEXT, searched=True, aliases=("user", "by"), meaning="who did"
        ),
        Field(name="operation", kind=Kind.TEXT, searched=True, meaning="what"),
        Field(name="outcome", kind=Kind.TEXT, searched=True, choices=("done", "refused")),
        Field(name="kind", kind=Kind.TEXT, searched=True, meaning="what it was done to"),
        Field(name="subject", kind=Kind.TEXT, searched=True, aliases=("job", "id")),
        Field(name="detail", kind=Kind.TEXT, searched=True),
        Field(name="reason", kind=Kind.TEXT, searched=True, meaning="why it was refused"),
        Field(name="credential", kind=Kind.TEXT, aliases=("key",), meaning="the key, or page"),
        Field(name="address", kind=Kind.TEXT, searched=True, meaning="from where"),
        Field(name="farm", kind=Kind.TEXT, key="farm_id"),
    )
)


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody did something, or tried to."""

    audit_id: str
    at: int
    actor: str
    operation: str
    outcome: str
    farm_id: str
    kind: str
    subject: str
    detail: str
    reason: str
    credential: str
    address: str
    request_id: str


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of the audit log, newest first."""

    entries: list[AuditRow]
    older: str | None
    """Give it as `before` for what is older; None: that is all."""


async def audit_page(
    store: StateStore,
    *,
    where: str,
    farm_id: str | None,
    since: int | None,
    until: int | None,
    before: str | None,
    limit: int,
    zone: tzinfo,
    now: Instant,
) -> AuditPage:
    """Return one page of the audit log.

    Raises:
        WhereError: the condition cannot be read.
    """
    node = parse(where, FIELDS, zone=zone, now=now) if where.strip() else EVERYTHING
    parts = [] if farm_id is None else [Compare("farm_id", "=", farm_id)]
    parts += [] if since is None else [Compare("at", ">=", since)]
    parts += [] if until is None else [Compare("at", "<", until)]
    limit = min(limit, MOST_ENTRIES)
    found: list[AuditRow] = []
    read = 0
    while read < _MOST_READ:
        older = [] if before is None else [Compare("audit_id", "<", before)]
        rows = await store.find(
            AuditEntry,
            AllOf((*parts, *older)),
            order=(Order("audit_id", descending=True),),
            limit=_PIECE if where.strip() else limit + 1,
        )
        for row in rows:
            told = msgspec.to_builtins(row)
            if holds(node, told):
                if len(found) == limit:
                    return AuditPage(entries=found, older=found[-1].audit_id)
                found.append(msgspec.convert(told, AuditRow))
        if not rows or (not where.strip() and len(rows) <= limit) or len(rows) < _PIECE:
            return AuditPage(entries=found, older=None)
        read += len(rows)
        before = rows[-1].audit_id
    return AuditPage(entries=found, older=before)
