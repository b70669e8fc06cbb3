"""Reports by name: one question, one table, whoever asks, and files of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.questions import distributions as attempts
from grange.books.questions import usage_report as usage
from grange.books.questions.distributions import Scope
from grange.books.sheet import Sheet, page_of
from grange.books.where import EVERYTHING, Fields, parse
from grange.domain.farm import SIMULATED, Fleet, Queue
from grange.domain.work import Worker
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.intervals import Span
from grange.ports.state import Compare
from grange.services.books import costs, distributions
from grange.services.books.cost_sheet import cost_sheet
from grange.services.books.desk import Desk, span_of
from grange.services.books.distributions import Asked, Maker, narrowed
from grange.services.books.formats import FORMATS, encoded
from grange.services.books.usage_report import PERIODS, usage_sheet

MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that can be asked for."""

    title: str
    by: tuple[str, ...]
    """What it is grouped by unless somebody says."""
    groups: tuple[str, ...]
    """What it can be grouped by; none: it has rows of its own."""
    fields: Fields
    make: Maker | None
    """None: usage and cost, which are made of tiles."""


_ATTEMPT_GROUPS = tuple(name for name in attempts.BY if name != "error")


def _distribution(title: str, make: Maker, by: tuple[str, ...]) -> Report:
    return Report(title=title, by=by, groups=_ATTEMPT_GROUPS, fields=attempts.FIELDS, make=make)


REPORTS: Mapping[str, Report] = {
    "usage": Report(
        title="Usage",
        by=("project",),
        groups=(*usage.BY, *PERIODS),
        fields=usage.FIELDS,
        make=None,
    ),
    "cost": Report(
        title="Cost", by=("project",), groups=costs.GROUPS, fields=costs.FIELDS, make=None
    ),
    "frame-times": _distribution("Frame times", distributions.frame_times, ("project",)),
    "frame-ecdf": _distribution(
        "Share of frames that took at most so long", distributions.frame_ecdf, ("project",)
    ),
    "queue-wait": _distribution("Waiting", distributions.queue_wait, ("queue",)),
    "memory": _distribution("Memory", distributions.memory, ("project",)),
    "cpu": _distribution("Processor use", distributions.cpu, ("app",)),
    "errors": Report(
        title="Errors",
        by=("error",),
        groups=tuple(attempts.BY),
        fields=attempts.FIELDS,
        make=distributions.errors,
    ),
    "hosts": Report(
        title="Workers compared", by=(), groups=(), fields=attempts.FIELDS, make=distributions.hosts
    ),
}
"""Every report, by name."""


def report(
    desk: Desk,
    *,
    farm_id: str,
    report: str,
    start: int,
    end: int,
    by: str | None = None,
    where: str = "",
    limit: int | None = None,
    offset: int = 0,
) -> dict[str, Any]:
    """Return a report as a table.

    Args:
        desk: the books.
        farm_id: the farm.
        report: of `REPORTS`.
        start: from when.
        end: until when, exclusive.
        by: one or two names with a comma between; None: as the report is mostly read.
        where: a condition; it is applied before anything is counted or cut off.
        limit: most rows.
        offset: how many rows to leave out before.
    """
    if limit is not None and not 0 <= limit <= MOST_ROWS:
        raise _bad("limit", f"must be 0 to {MOST_ROWS}")
    if offset < 0:
        raise _bad("offset", "must not be negative")
    kind = _kind(report)
    names = groups_of(kind, by)
    span = span_of(start, end)
    sheet = _sheet(desk, farm_id, kind=kind, span=span, names=names, where=where)
    return {
        "report": report,
        "title": kind.title,
        "by": list(names),
        "where": where,
        "span": {"start_at": span.start, "end_at": span.end},
        "currency": desk.farm(farm_id).currency,
        "totals": None if sheet.totals is None else dict(sheet.totals),
        **marked(desk, farm_id, page_of(sheet, limit=limit, offset=offset)),
    }


def marked(desk: Desk, farm_id: str, page: dict[str, Any]) -> dict[str, Any]:
    """Return a page with a note above all others if the farm's past was made up."""
    if not desk.farm(farm_id).simulated:
        return page
    notes = ["SIMULATED: the past of this farm was made up.", *page["notes"]]
    return page | {"notes": notes, SIMULATED: True}


def file_of(desk: Desk, farm_id: str, found: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return a report as a file; its name says so if the farm's past was made up."""
    farm = desk.farm(farm_id)
    return {
        "content": encoded(found, kind, ZoneInfo(farm.zone)),
        "media_type": FORMATS[kind],
        "name": f"{'SIMULATED-' if farm.simulated else ''}{found['report']}.{kind}",
    }


def _sheet(
    desk: Desk, farm_id: str, *, kind: Report, span: Span, names: Sequence[str], where: str
) -> Sheet:
    farm = desk.farm(farm_id)
    with desk.view(farm_id) as view:
        node = (
            parse(where, kind.fields, zone=ZoneInfo(farm.zone), now=view.now)
            if where
            else EVERYTHING
        )
        called = called_names(desk, farm_id)
        if kind is REPORTS["cost"]:
            return cost_sheet(desk, view, span, by=names, node=node)
        if kind.make is None:
            return usage_sheet(desk, view, span, by=names, node=node, names=called)
        scope, facts = narrowed(view, span, Scope(span=span, names=called, node=node))
        made = kind.make(Asked(desk, view, scope, names))
        return Sheet(columns=made.columns, rows=made.rows, notes=made.notes, facts=facts)


def report_file(desk: Desk, *, format: str, **asked: Any) -> dict[str, Any]:  # noqa: A002
    """Return a report as a file: its content, media type and name.

    Args:
        desk: the books.
        format: csv, json, parquet or xlsx.
        **asked: as for `report`.
    """
    if format not in FORMATS:
        raise _bad("format", f"must be one of {', '.join(FORMATS)}")
    return file_of(desk, asked["farm_id"], report(desk, **asked), format)


def report_list(desk: Desk, *, farm_id: str) -> dict[str, Any]:
    """Return which reports there are, how they can be grouped, and what conditions may name."""
    desk.farm(farm_id)
    return {
        "reports": [
            {
                "name": name,
                "title": kind.title,
                "by": list(kind.by),
                "groups": list(kind.groups),
                "fields": [
                    {"name": one.name, "kind": one.kind.value, "meaning": one.meaning}
                    for one in kind.fields.values()
                ],
            }
            for name, kind in REPORTS.items()
        ]
    }


def groups_of(kind: Report, by: str | None) -> tuple[str, ...]:
    """Return the names of a grouping.

    Raises:
        InvalidRequestError: these are not one or two the report knows.
    """
    if by is None or not kind.groups:
        if by:
            raise _bad("by", "is not for this report: it has a row for each worker")
        return kind.by
    names = tuple(name.strip().replace("-", "_") for name in by.split(","))
    parts = [name for name in names if name in PERIODS]
    if (
        not 1 <= len(names) <= 2
        or set(names) - set(kind.groups)
        or len(set(names)) < len(names)
        or len(parts) > 1
    ):
        raise _bad("by", f"must be one or two of {', '.join(kind.groups)}")
    return names


def called_names(desk: Desk, farm_id: str) -> dict[str, str]:
    """Return what people call queues, fleets and workers, by id."""
    own = Compare("farm_id", "=", farm_id)
    found: dict[str, str] = {}
    for queue in desk.state.find(Queue, own):
        found[queue.queue_id] = queue.name
    for fleet in desk.state.find(Fleet, own):
        found[fleet.fleet_id] = fleet.name
    for worker in desk.state.find(Worker, own):
        found[worker.worker_id] = worker.host_name or worker.worker_id
    return found


def _kind(name: str) -> Report:
    found = REPORTS.get(name)
    if found is None:
        raise NotFoundError("report", name)
    return found


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


ANSWERS: Mapping[str, Any] = {
    "report": report,
    "report_file": report_file,
    "report_list": report_list,
}
