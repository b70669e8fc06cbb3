"""Months: what is open, what would be posted, what was posted; and their statements."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from grange.books import postings
from grange.books.pricing import card_spans, sell_spans
from grange.books.questions.costs import Bucket, first_session
from grange.books.statements import BY, month_span, next_month, statement
from grange.books.where import Field, Fields, Kind, holds, parse
from grange.domain.farm import SIMULATED, Farm
from grange.domain.statements import BooksMonth, Posting, PostingKind, PostingPart
from grange.kernel.errors import ConflictError, CorruptDataError, FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant, amount_text, datetime_of, decimal_of
from grange.ports.state import Compare, Order
from grange.services.books.costs import cards_of, priced_apart
from grange.services.books.desk import Desk
from grange.services.books.naming import names_of
from grange.services.books.shelf import View
from grange.services.books.statement_kinds import kinds_made

_NAMES = (
    "session", "action", "job", "job_name", "layer", "user", "project", "client", "queue", "fleet",
    "region", "worker", "app", "sequence", "shot", "version", "render_type", "component", "item",
    "outcome", "cause", "payer",
)  # fmt: skip
"""What a line says, as names of `COST_COLUMNS`."""
_LABELLED = ("queue", "fleet", "worker", "layer", "job")
LINE_FIELDS = Fields(
    Field(
        name=name,
        kind=Kind.TEXT,
        column=postings.TEXTS[place],
        searched=name in ("user", "project", "app", "shot", "job_name"),
    )
    for place, name in enumerate(_NAMES)
)
"""What a condition on posted lines may name."""


UNPOSTED = "open"
"""What stands for the kind of posting of lines that are not posted yet."""
RECHECKED_MS = 365 * MILLIS_PER_DAY
"""Months that ended longer ago are settled: samples of them may be gone."""


class Posted:
    """Everything that was posted for a farm, as it is kept now."""

    def __init__(self, desk: Desk, farm_id: str) -> None:
        own = Compare("farm_id", "=", farm_id)
        self._desk = desk
        self._lines: dict[str, pa.Table] = {}
        self.frozen: dict[str, BooksMonth] = {
            each.month: each for each in desk.state.find(BooksMonth, own, order=(Order("month"),))
        }
        self.postings = desk.state.find(Posting, own, order=(Order("number"),))

    @property
    def last(self) -> int:
        """Number of the last posting; 0 if nothing was posted yet."""
        return max((each.number for each in self.postings), default=0)

    def first_open(self, first: str) -> str:
        """Return the first open month: that after the last frozen one, or the farm's first."""
        return next_month(max(self.frozen)) if self.frozen else first

    def lines(self, posting: Posting) -> pa.Table:
        """Return the lines of a posting.

        Raises:
            CorruptDataError: they are not those that were posted.
        """
        known = self._lines.get(posting.posting_id)
        if known is None:
            parts = self._desk.state.find(
                PostingPart,
                Compare("posting_id", "=", posting.posting_id),
                order=(Order("number"),),
            )
            kept = [dict(part.columns) for part in parts]
            if postings.digest(kept) != posting.sha256:
                raise CorruptDataError(
                    f"posting {posting.posting_id}",
                    "its lines are not those that were posted; restore the state from a backup",
                )
            known = postings.together(postings.read_part(part) for part in kept)
            self._lines[posting.posting_id] = known
        return known

    def about(self, month: str, kinds: Collection[PostingKind]) -> pa.Table:
        """Return what is posted about a month, in whichever month: without the month it names."""
        found = []
        for posting in self.postings:
            if posting.kind not in kinds:
                continue
            lines = self.lines(posting)
            corrects = lines.column("corrects")
            chosen = pc.fill_null(pc.equal(corrects, month), False)
            if posting.month == month:
                chosen = pc.or_(chosen, pc.is_null(corrects))
            found.append(lines.filter(chosen))
        return postings.unmarked(postings.together(found))


def months(desk: Desk, *, farm_id: str) -> dict[str, Any]:
    """Return every month since the first session, the newest first, and whether it is frozen."""
    farm = desk.farm(farm_id)
    zone = ZoneInfo(farm.zone)
    with desk.view(farm_id) as view:
        begins_at = _begins_at(view)
        today = _month_of(view.now, farm)
    first = None if begins_at is None else _month_of(begins_at, farm)
    posted = Posted(desk, farm_id)
    frozen = posted.frozen
    spans = {name: Span(each.start_at, each.end_at) for name, each in frozen.items()}
    names = sorted({*_between(first or today, today), *frozen}, reverse=True)
    open_month = posted.first_open(first or today)
    return {
        "currency": farm.currency,
        "open_month": open_month,
        "begins_at": begins_at,
        "files": kinds_made(),
        "months": [
            {
                "month": name,
                "start_at": span.start,
                "end_at": span.end,
                "status": "frozen" if name in frozen else "open",
                "frozen_at": frozen[name].frozen_at if name in frozen else None,
                "frozen_by": frozen[name].frozen_by if name in frozen else None,
                "lines": frozen[name].line_count if name in frozen else None,
                "cost": amount_text(frozen[name].amount_billionths) if name in frozen else None,
                "example": frozen[name].example if name in frozen else None,
                "postings": [
                    {
                        "posting_id": each.posting_id,
                        "kind": each.kind.value,
                        "corrects": each.corrects,
                        "reason": each.reason,
                        "lines": each.line_count,
                        "created_at": each.created_at,
                        "created_by": each.created_by,
                    }
                    for each in posted.postings
                    if each.month == name
                ],
            }
            for name in names
            for span in (spans.get(name) or month_span(name, zone),)
        ],
    }


def freeze_plan(desk: Desk, *, farm_id: str, month: str) -> dict[str, Any]:
    """Return the lines that freezing a month would post: its own, and late corrections.

    Raises:
        ConflictError: it is frozen, not over, or an earlier month is open.
    """
    farm = desk.farm(farm_id)
    zone = ZoneInfo(farm.zone)
    span = month_span(month, zone)
    posted = Posted(desk, farm_id)
    with desk.view(farm_id) as view:
        _check_freezable(month, span, posted, _first_month(view, farm), view.now)
        lines = with_corrections(desk, view, month, span, posted)
    return _plan(lines, posted) | {
        "month": month,
        "start_at": span.start,
        "end_at": span.end,
        "zone": farm.zone,
        "currency": farm.currency,
        "example": _example(desk, farm_id, span),
    }


def move_plan(
    desk: Desk,
    *,
    farm_id: str,
    month: str,
    where: str,
    to: Mapping[str, str],
    amount: int | None = None,
) -> dict[str, Any]:
    """Return the signed lines that move posted lines of a month somewhere else.

    Args:
        desk: where it is asked.
        farm_id: the farm.
        month: a frozen month.
        where: which of its lines.
        to: name of `postings.MOVABLE` → new value.
        amount: how much of them, in billionths; None: all.

    Raises:
        InvalidRequestError: nothing fits, or less than the amount.
    """
    strange = set(to) - set(postings.MOVABLE)
    if strange or not to:
        raise _bad("to", f"names some of {', '.join(postings.MOVABLE)}, each with a new value")
    target = dict(to)
    if "project" in target and "client" not in target:
        target["client"] = _client_of(desk, farm_id, month, target["project"])
    chosen, posted, open_month = _chosen(desk, farm_id, month, where)
    _check_amount(chosen, amount)
    return _plan(postings.moved(chosen, target, month, amount), posted) | {
        "month": open_month,
        "corrects": month,
    }


def credit_plan(
    desk: Desk, *, farm_id: str, month: str, where: str, amount: int | None = None
) -> dict[str, Any]:
    """Return the signed lines by which the house takes over what a client would pay.

    Raises:
        InvalidRequestError: nothing fits, or less than the amount.
    """
    chosen, posted, open_month = _chosen(desk, farm_id, month, where)
    paid = chosen.filter(pc.equal(chosen.column("payer"), "client"))
    _check_amount(paid, amount)
    return _plan(postings.credited(paid, month, amount), posted) | {
        "month": open_month,
        "corrects": month,
    }


def month_statement(
    desk: Desk,
    *,
    farm_id: str,
    month: str,
    by: str = ",".join(BY),
    client: str | None = None,
    lines: bool = False,
) -> dict[str, Any]:
    """Return the statement of a month: of a frozen one as posted, of an open one as it is now."""
    farm = desk.farm(farm_id)
    posted = Posted(desk, farm_id)
    frozen = posted.frozen.get(month)
    rows = _month_lines(desk, farm, month, posted)
    span = month_span(month, ZoneInfo(farm.zone)) if frozen is None else None
    named = tuple(part.strip() for part in by.split(","))
    # The names of all jobs and layers are many: they are read where rows are labelled with them.
    kinds = {"worker", *named} if lines else set(named)
    shown = names_of(desk.state, farm_id, kinds.intersection(_LABELLED))
    found = statement(rows, farm.currency, by=named, client=client)
    _label(found, named, shown)
    return {
        "farm": farm.name,
        "farm_id": farm_id,
        SIMULATED: farm.simulated,
        "month": month,
        "status": "open" if frozen is None else "frozen",
        "currency": farm.currency if frozen is None else frozen.currency,
        "zone": farm.zone if frozen is None else frozen.zone,
        "start_at": frozen.start_at if frozen else span.start if span else None,
        "end_at": frozen.end_at if frozen else span.end if span else None,
        "frozen_at": frozen.frozen_at if frozen else None,
        "frozen_by": frozen.frozen_by if frozen else None,
        "example": frozen.example if frozen else bool(span and _example(desk, farm_id, span)),
        **found,
        "line_rows": (
            [_plain_line(row, client, shown["worker"]) for row in rows] if lines else None
        ),
    }


def _label(
    found: dict[str, Any], by: Sequence[str], shown: Mapping[str, Mapping[str, str]]
) -> None:
    for place, name in enumerate(by):
        names = shown.get(name, {})
        for row in found["rows"]["rows"]:
            row[place] = names.get(row[place], row[place])


def _plain_line(
    row: Mapping[str, Any], client: str | None, workers: Mapping[str, str]
) -> dict[str, Any]:
    amount = row["cost"] if client is None else row["sell"]
    return {
        **{name: row[name] for name in (*postings.TEXTS, "corrects", "posting", "reason")},
        "worker": workers.get(row["worker_id"], row["worker_id"]),
        "thread_ms": row["ms"],
        "threads": row["threads"],
        "amount": None if amount is None else amount_text(amount),
    }


def _month_lines(desk: Desk, farm: Farm, month: str, posted: Posted) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for posting in posted.postings:
        if posting.month == month:
            note = {"posting": posting.kind.value, "reason": posting.reason}
            rows += [row | note for row in posted.lines(posting).to_pylist()]
    if month in posted.frozen:
        return rows
    span = month_span(month, ZoneInfo(farm.zone))
    with desk.view(farm.farm_id) as view:
        first, current = _first_month(view, farm), _month_of(view.now, farm)
        if month > current:
            raise _bad("month", f"{month} has not begun; the latest is {current}")
        if month < (first or current) and not rows:
            raise _bad(
                "month", f"{month} lies before the first one of the books, {first or current}"
            )
        if month == posted.first_open(first or month):
            lines = with_corrections(desk, view, month, span, posted)
        else:
            lines = computed(desk, view, span)
    note = {"posting": UNPOSTED, "reason": ""}
    return rows + [row | note for row in lines.to_pylist()]


def computed(desk: Desk, view: View, span: Span) -> pa.Table:
    """Return the lines of a span as the facts have them now."""
    of_work, others = priced_apart(desk, view, [Bucket(name="", span=span)], _NAMES)
    lines = [postings.lines_in(of_work)] if of_work is not None else []
    return postings.netted(postings.together([*lines, postings.lines_of(others)]))


def with_corrections(desk: Desk, view: View, month: str, span: Span, posted: Posted) -> pa.Table:
    """Return a month's own lines, and the late findings about frozen months before it."""
    tables = [computed(desk, view, span)]
    for name, old in posted.frozen.items():
        if name < month and old.end_at > view.now - RECHECKED_MS:
            now = computed(desk, view, Span(old.start_at, old.end_at))
            about = posted.about(name, (PostingKind.FREEZE,))
            tables.append(postings.difference(now, about, name))
    return postings.together(tables)


def _chosen(desk: Desk, farm_id: str, month: str, where: str) -> tuple[pa.Table, Posted, str]:
    """Return what is posted about a frozen month now, as far as a condition holds."""
    posted = Posted(desk, farm_id)
    if month not in posted.frozen:
        raise _bad("month", f"{month} is not frozen; only posted months are moved and credited")
    lines = postings.netted(posted.about(month, tuple(PostingKind)))
    farm = desk.farm(farm_id)
    node = parse(where, LINE_FIELDS, zone=ZoneInfo(farm.zone), now=desk.clock.now())
    names = {field.name: field.column for field in LINE_FIELDS.values()}
    rows = lines.to_pylist()
    mask = [holds(node, {name: row[column] for name, column in names.items()}) for row in rows]
    return lines.filter(pa.array(mask, pa.bool_())), posted, next_month(max(posted.frozen))


def _check_amount(lines: pa.Table, amount: int | None) -> None:
    if not lines.num_rows:
        raise _bad("where", "holds for no posted line of the month")
    most = postings.total(lines, "cost") or postings.total(lines, "sell")
    if amount is not None and not 0 < amount <= most:
        raise _bad("amount", f"must be more than 0 and at most {decimal_of(most)}")


def _check_freezable(
    month: str, span: Span, posted: Posted, first: str | None, now: Instant
) -> None:
    def refuse(message: str) -> ConflictError:
        return ConflictError(
            message, reason="STATUS_CONFLICT", resource_type="month", resource_id=month
        )

    if month in posted.frozen:
        raise refuse(f"{month} is frozen already; corrections are posted in the first open month.")
    if span.end > now:
        raise refuse(f"{month} is not over yet.")
    expected = posted.first_open(first or month)
    if month > expected:
        raise refuse(f"Freeze {expected} first: months are frozen one after the other.")
    if month < expected:
        raise refuse(f"{month} lies before the first month of the books, {expected}.")


def _plan(lines: pa.Table, posted: Posted) -> dict[str, Any]:
    parts = list(postings.parts_of(lines))
    return {
        "parts": parts,
        "line_count": lines.num_rows,
        "amount_billionths": postings.total(lines, "cost"),
        "sha256": postings.digest(parts),
        "based_on": posted.last,
    }


def _begins_at(view: View) -> int | None:
    """Return when the first session began, which is where the books begin."""
    (found,) = view.ask(first_session()).to_pylist()
    begins_at: int | None = found["started_at"]
    return begins_at


def _first_month(view: View, farm: Farm) -> str | None:
    begins_at = _begins_at(view)
    return None if begins_at is None else _month_of(begins_at, farm)


def _month_of(at: int, farm: Farm) -> str:
    return f"{datetime_of(Instant(at)).astimezone(ZoneInfo(farm.zone)):%Y-%m}"


def _between(first: str, last: str) -> list[str]:
    found = [first]
    while found[-1] < last:
        found.append(next_month(found[-1]))
    return found


def _client_of(desk: Desk, farm_id: str, month: str, project: str) -> str:
    farm = desk.farm(farm_id)
    end = month_span(month, ZoneInfo(farm.zone)).end
    for span in sell_spans(cards_of(desk, farm_id)):
        sell = span.card.sell
        if span.project == project and span.start < end <= span.end and sell is not None:
            return sell.client
    return "unassigned"


def _example(desk: Desk, farm_id: str, span: Span) -> bool:
    return any(
        each.card is not None and each.card.example and each.start < span.end
        for each in card_spans(cards_of(desk, farm_id))
        if each.end > span.start
    )


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


ANSWERS: Mapping[str, Any] = {
    "months": months,
    "freeze_plan": freeze_plan,
    "move_plan": move_plan,
    "credit_plan": credit_plan,
    "month_statement": month_statement,
}
