"""All jobs of a farm that a query is true for, page by page, the newest first.

A page goes on where the one before ended (by time and id, not by number), so that jobs that are
submitted meanwhile shift nothing. One request looks through a bounded number of jobs; if it found
fewer than asked for, it says how far back it has looked, and the next one goes on from there.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from grange.books.where import Compare as Asked
from grange.books.where import Every, Node, Op
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.ports.state import AllOf, AnyOf, Compare, Condition, StateStore
from grange.services.reads.board import matching, shown
from grange.services.reads.job_rows import JobRow, JobRows, Why, unknown

MOST_LOOKED_AT = 20_000
"""Jobs one request looks through."""
AT_A_TIME = 2_000
_COLUMNS = {"user": "created_by", "job_id": "job_id", "state": "status", "priority": "priority"}
_INSTANTS = {"submitted": "created_at", "started": "started_at", "finished": "ended_at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """One page."""

    rows: list[JobRow]
    next: str | None
    """Where the next page goes on; None: there is no other."""
    looked_back_to: int | None
    """When the oldest job that was looked at was submitted."""


class JobPages:
    """Looks through the jobs of a farm."""

    def __init__(self, store: StateStore, why: Why = unknown) -> None:
        self._jobs = JobRows(store, why)

    async def page(self, farm_id: str, node: Node, limit: int, after: str | None) -> JobPage:
        """Return the next jobs that a query is true for.

        Args:
            farm_id: whose jobs.
            node: what they must fulfil.
            limit: how many are wanted.
            after: `next` of the page before; None: from the newest on.

        Raises:
            InvalidRequestError: `after` is no such place.
        """
        certain = (shown(farm_id), *_certain(node))
        found: list[JobRow] = []
        place = None if after is None else _place(after)
        for _ in range(MOST_LOOKED_AT // AT_A_TIME):
            where = (*certain, *([] if place is None else [_older(*place)]))
            rows = await self._jobs.newest(AllOf(where), AT_A_TIME)
            for row in await asyncio.to_thread(matching, rows, node):
                found.append(row)
                if len(found) == limit:
                    return _page(found, (row.created_at, row.job_id))
            if len(rows) < AT_A_TIME:
                oldest = rows[-1].created_at if rows else None
                return JobPage(rows=found, next=None, looked_back_to=oldest)
            place = (rows[-1].created_at, rows[-1].job_id)
        return _page(found, place)


def _page(found: list[JobRow], place: tuple[int, str] | None) -> JobPage:
    at, job_id = place or (None, None)
    goes_on = None if at is None else f"{at}.{job_id}"
    return JobPage(rows=found, next=goes_on, looked_back_to=at)


def _place(text: str) -> tuple[int, str]:
    at, dot, job_id = text.partition(".")
    if not (at.isascii() and at.isdigit() and len(at) < 16 and dot and job_id):
        raise InvalidRequestError(
            "Give the `next` of the page before, as it was.",
            fields=[FieldProblem("after", "is not the next of a page")],
        )
    return int(at), job_id


def _older(at: int, job_id: str) -> Condition:
    same = AllOf((Compare("created_at", "=", at), Compare("job_id", "<", job_id)))
    return AnyOf((Compare("created_at", "<", at), same))


def _certain(node: Node) -> Iterable[Condition]:
    """Yield what the store can leave out for sure; the query itself is asked of every row still."""
    parts = node.nodes if isinstance(node, Every) else (node,)
    for part in parts:
        if isinstance(part, Every):
            yield from _certain(part)
        if not isinstance(part, Asked) or part.op in (Op.CONTAINS, Op.ENDS):
            continue
        column = {**_COLUMNS, **_INSTANTS}.get(part.field.name)
        if column is None:
            continue
        if part.op is Op.MISSING:
            yield Compare(column, "=", None)
        elif isinstance(part.value, float) and part.value.is_integer():
            yield Compare(column, part.op.value, int(part.value))
        elif not isinstance(part.value, float):
            yield Compare(column, part.op.value, part.value)
