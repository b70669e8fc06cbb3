"""The job history: one record for each layer that was ever submitted."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.history import record as put
from grange.books.history.codes import JobState, TimeMode, actor_text
from grange.books.history.fields import FIELDS, HistoryFilter
from grange.books.history.log import capped_errors, capped_log, errors_of, log_of, plain
from grange.books.questions import history as ask
from grange.books.questions.model import Question
from grange.books.where import EVERYTHING
from grange.books.where.order import order_of
from grange.domain.rates import RateCard
from grange.domain.work import Worker
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_MINUTE, Instant
from grange.ports.state import Compare
from grange.services.books.desk import Desk
from grange.services.books.shelf import View

MOST_RECORDS = 10_000


def history_projects(desk: Desk, *, farm_id: str) -> dict[str, Any]:
    """Return the projects that have a history."""
    desk.farm(farm_id)
    with desk.view(farm_id, live=False) as view:
        return {"projects": view.ask(ask.projects()).to_pylist()}


def history(
    desk: Desk,
    *,
    farm_id: str,
    project: str | None = None,
    where: str = "",
    user: str = "",
    app: str = "",
    renderer: str = "",
    render_type: str = "",
    age_hours: float | None = None,
    invert: bool = False,
    states: int = JobState.ALL,
    mode: int = TimeMode.NONE,
    start: int | None = None,
    end: int | None = None,
    oldest_first: bool = False,
    sort: str = "",
    details: bool = False,
    limit: int = 100,
    offset: int = 0,
) -> dict[str, Any]:
    """Return records: filtered first, limited then, with how many matched of how many.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        project: one project's records; None: of all.
        where: a query; its words are turned around by `invert`.
        user: exactly this user.
        app: exactly this application.
        renderer: exactly this renderer.
        render_type: exactly this render type.
        age_hours: changed within this many hours.
        invert: see `where`.
        states: sum of `JobState` values.
        mode: what `start` and `end` are about; a `TimeMode`.
        start: from when.
        end: until before when.
        oldest_first: the order; default: newest first.
        sort: fields to sort by first, as `-time,layer`.
        details: usage, sums and cost of each record too.
        limit: at most so many records.
        offset: so many are passed over first.
    """
    farm = desk.farm(farm_id)
    if not 1 <= limit <= MOST_RECORDS or offset < 0:
        raise _bad("limit", f"must be 1 to {MOST_RECORDS}")
    if mode not in list(TimeMode):
        raise _bad("mode", "must be 0 to 4")
    chosen = HistoryFilter(
        user=user,
        app=app,
        renderer=renderer,
        render_type=render_type,
        age_hours=age_hours,
        text=where,
        invert=invert,
        states=states,
        start=None if start is None else Instant(start),
        end=None if end is None else Instant(end),
        mode=TimeMode(mode),
    )
    with desk.view(farm_id) as view:
        question = ask.records(
            chosen.node(ZoneInfo(farm.zone), view.now),
            project=project,
            newest_first=not oldest_first,
            limit=limit,
            offset=offset,
            order=order_of(sort, FIELDS),
        )
        rows: list[dict[str, Any]] = view.ask(question).to_pylist()
        matched, of_all = rows[0]["matched"], rows[0]["of_all"]
        rows = [row for row in rows if row["layer_id"] is not None]
        records = _records(desk, view, rows) if details else [put.identity(row) for row in rows]
    return {
        "records": records,
        "matched": matched,
        "of": of_all,
        "offset": offset,
        "currency": farm.currency,
    }


def history_record(desk: Desk, *, farm_id: str, layer_id: str) -> dict[str, Any]:
    """Return one record with everything: usage, sums, cost, workers, errors and log as capped."""
    with desk.view(farm_id) as view:
        row = _row(desk, view, layer_id)
        record = _records(desk, view, [row])[0]
        since = Instant(row["submitted_at"])
        attempts = _ask(view, ask.attempts_of(layer_id), since)
        indices, names = _workers(desk, farm_id)
        errors = _named(errors_of(attempts, indices), names)
        entries = log_of(
            attempts,
            _ask(view, ask.events_of(row["job_id"], layer_id), since),
            indices=indices,
            frame_count=row["frame_count"],
        )
        workers = _ask(view, ask.workers_of(layer_id), since)
        return record | {
            "workers": [
                {
                    **one,
                    "worker": names.get(one["worker_id"], one["worker_id"]),
                    "index": indices.get(one["worker_id"]),
                }
                for one in workers
            ],
            "error_list": capped_errors(errors),
            "error_count": len(errors),
            "server_error_count": sum(1 for error in errors if error["by_server"]),
            "log": [_said(entry, indices, names) for entry in capped_log(entries)],
            "log_count": len(entries),
        }


def history_errors(desk: Desk, *, farm_id: str, layer_id: str) -> dict[str, Any]:
    """Return every error of a layer, oldest first: the store keeps more than a view shows."""
    with desk.view(farm_id) as view:
        row = _row(desk, view, layer_id)
        indices, names = _workers(desk, farm_id)
        attempts = _ask(view, ask.attempts_of(layer_id), Instant(row["submitted_at"]))
        found = errors_of(attempts, indices)
    return {
        "errors": _named(found, names),
        "server_errors": sum(1 for error in found if error["by_server"]),
    }


def history_log(desk: Desk, *, farm_id: str, layer_id: str) -> dict[str, Any]:
    """Return every entry of a layer's log, oldest first."""
    with desk.view(farm_id) as view:
        row = _row(desk, view, layer_id)
        indices, names = _workers(desk, farm_id)
        since = Instant(row["submitted_at"])
        entries = log_of(
            _ask(view, ask.attempts_of(layer_id), since),
            _ask(view, ask.events_of(row["job_id"], layer_id), since),
            indices=indices,
            frame_count=row["frame_count"],
        )
    return {"log": [_said(entry, indices, names) for entry in entries]}


def _row(desk: Desk, view: View, layer_id: str) -> dict[str, Any]:
    desk.farm(view.farm_id)
    question = ask.records(
        EVERYTHING, project=None, layer_id=layer_id, newest_first=True, limit=1, offset=0
    )
    found = view.ask(question).to_pylist()
    if found[0]["layer_id"] is None:
        raise NotFoundError("step", layer_id)
    row: dict[str, Any] = found[0]
    return row


def _records(desk: Desk, view: View, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return records with usage, sums and cost."""
    ids = [row["layer_id"] for row in rows]
    if not ids:
        return []
    since = Instant(min(row["submitted_at"] for row in rows))
    totals = {(one["layer_id"], one["scope"]): one for one in _ask(view, ask.totals(ids), since)}
    busy = {(one["layer_id"], one["scope"]): one for one in _ask(view, ask.busy(ids), since)}
    figures = {one["layer_id"]: one for one in _ask(view, ask.frame_figures(ids), since)}
    watched = ask.frame_traffic(ids, _span(rows, view.now))
    traffic = {one["layer_id"]: one for one in _ask(view, watched, since)}
    costs = {one["layer_id"]: one["cost_billionths"] for one in _ask(view, ask.priced(ids), since)}
    by_layer: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in _ask(view, ask.ps_time(ids), since):
        by_layer[one["layer_id"]].append(one)
    cards = {
        card.card_id: card
        for card in desk.state.find(RateCard, Compare("farm_id", "=", view.farm_id))
    }
    found = []
    for row in rows:
        key = row["layer_id"]
        total, whole = totals.get((key, "lifetime")), busy.get((key, "lifetime"))
        record = put.identity(row) | {
            "usage": put.usage(row, total, whole, figures.get(key), traffic.get(key)),
            "lifetime": put.sums(total, whole),
            "current": put.sums(totals.get((key, "current")), busy.get((key, "current"))),
            "cost": put.money(costs.get(key)),
            "ps_cost": put.money(put.ps_cost(by_layer[key], cards)),
        }
        found.append(record)
    return found


def _ask(view: View, question: Question, since: Instant) -> list[dict[str, Any]]:
    """Return the answer to a question about layers that were submitted at `since` or later."""
    rows: list[dict[str, Any]] = view.ask(question.since(since)).to_pylist()
    return rows


def _span(rows: Sequence[Mapping[str, Any]], now: Instant) -> Span:
    starts = [row["started_at"] for row in rows if row["started_at"] is not None]
    ends = [row["changed_at"] for row in rows if row["changed_at"] is not None]
    return Span(
        Instant(min(starts, default=now)), Instant(max(ends, default=now) + MILLIS_PER_MINUTE)
    )


def _workers(desk: Desk, farm_id: str) -> tuple[dict[str, int], dict[str, str]]:
    workers = desk.state.find(Worker, Compare("farm_id", "=", farm_id))
    return (
        {worker.worker_id: worker.global_index for worker in workers},
        {worker.worker_id: worker.host_name or worker.worker_id for worker in workers},
    )


def _named(errors: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {**error, "worker": names.get(error["worker_id"], error["worker_id"])} for error in errors
    ]


def _said(entry: Any, indices: Mapping[str, int], names: Mapping[str, str]) -> dict[str, Any]:
    by_index = {index: names[worker_id] for worker_id, index in indices.items()}
    who = by_index.get(entry.machine) or entry.by or actor_text(entry.machine)
    return plain(entry) | {"who": who}


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


ANSWERS: Mapping[str, Any] = {
    "history_projects": history_projects,
    "history": history,
    "history_record": history_record,
    "history_errors": history_errors,
    "history_log": history_log,
}
