"""All jobs of a farm that a query is true for, page by page, the newest first or sorted.

A page goes on where the one before ended (by what is sorted by, time and id, not by number), so
that jobs that are submitted meanwhile shift nothing. One request looks through a bounded number of
jobs; if it found fewer than asked for, it says how far back it has looked, and the next one goes on
from there.
"""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass

from grange.books.where import Compare as Asked
from grange.books.where import Every, Node, Op
from grange.books.where.order import Wish
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.ports.state import AllOf, AnyOf, Compare, Condition, Order, StateStore
from grange.services.reads.board import matching, shown
from grange.services.reads.job_rows import JobRow, JobRows, Why, unknown

MOST_LOOKED_AT = 20_000
"""Jobs one request looks through."""
AT_A_TIME = 2_000
_COLUMNS = {"user": "created_by", "job_id": "job_id", "state": "status", "priority": "priority"}
_INSTANTS = {"submitted": "created_at", "started": "started_at", "finished": "ended_at"}
SORTED = {"name": "name", "user": "created_by", "priority": "priority", **_INSTANTS}
"""What the store sorts all jobs by; other members of a row are made up of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """One page."""

    rows: list[JobRow]
    next: str | None
    """Where the next page goes on; None: there is no other."""
    looked_back_to: int | None
    """When the oldest job that was looked at was submitted; None: they are sorted otherwise."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page ended: behind this job."""

    at: int
    job_id: str
    value: str | int | None = None
    """What the jobs are sorted by."""

    @property
    def text(self) -> str:
        return f"{self.at}.{self.job_id}.{json.dumps(self.value)}"


class JobPages:
    """Looks through the jobs of a farm."""

    def __init__(self, store: StateStore, why: Why = unknown) -> None:
        self._jobs = JobRows(store, why)

    async def page(
        self, farm_id: str, node: Node, limit: int, after: str | None, wish: Wish | None = None
    ) -> JobPage:
        """Return the next jobs that a query is true for.

        Args:
            farm_id: whose jobs.
            node: what they must fulfil.
            limit: how many are wanted.
            after: `next` of the page before; None: from the first one on.
            wish: one of `SORTED` to sort by; None: the newest first.

        Raises:
            InvalidRequestError: `after` is no such place.
        """
        certain = (shown(farm_id), *_certain(node))
        found: list[JobRow] = []
        place = None if after is None else _place(after)
        order = () if wish is None else (Order(SORTED[wish.field.name], wish.descends),)

        def page(last: JobRow | None, *, goes_on: bool) -> JobPage:
            back_to = last.created_at if last is not None and wish is None else None
            goes_on_at = _of(last, wish).text if last is not None and goes_on else None
            return JobPage(rows=found, next=goes_on_at, looked_back_to=back_to)

        last: JobRow | None = None
        for _ in range(MOST_LOOKED_AT // AT_A_TIME):
            where = (*certain, *([] if place is None else [_behind(place, wish)]))
            rows = await self._jobs.first(AllOf(where), AT_A_TIME, order)
            for row in await asyncio.to_thread(matching, rows, node):
                found.append(row)
                if len(found) == limit:
                    return page(row, goes_on=True)
            last = rows[-1] if rows else None
            if last is None or len(rows) < AT_A_TIME:
                return page(last, goes_on=False)
            place = _of(last, wish)
        return page(last, goes_on=True)


def _of(row: JobRow, wish: Wish | None) -> _Place:
    value = None if wish is None else getattr(row, wish.field.row_key)
    return _Place(row.created_at, row.job_id, value)


def _place(text: str) -> _Place:
    at, _, rest = text.partition(".")
    job_id, _, told = rest.partition(".")
    try:
        value = json.loads(told)
    except ValueError:
        value = ...
    is_value = value is None or isinstance(value, str | int)
    if not (at.isascii() and at.isdigit() and len(at) < 16 and job_id and is_value):
        raise InvalidRequestError(
            "Give the `next` of the page before, as it was.",
            fields=[FieldProblem("after", "is not the next of a page")],
        )
    return _Place(int(at), job_id, value)


def _behind(place: _Place, wish: Wish | None) -> Condition:
    """Return the condition of what comes behind a job; what is not known comes last."""
    same_time = AllOf((Compare("created_at", "=", place.at), Compare("job_id", "<", place.job_id)))
    older = AnyOf((Compare("created_at", "<", place.at), same_time))
    if wish is None:
        return older
    column = SORTED[wish.field.name]
    alike = AllOf((Compare(column, "=", place.value), older))
    if place.value is None:
        return alike
    later = Compare(column, "<" if wish.descends else ">", place.value)
    return AnyOf((later, alike, Compare(column, "=", None)))


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
