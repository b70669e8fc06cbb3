"""Licence minutes: in use, at the limit, denied."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from grange.books.licence_minutes import Held, minutes
from grange.books.questions.licences import app_attempts, licence_uses
from grange.domain.licences import LicencePool, Region
from grange.domain.rates import LicenceLine, LicenceUnit, card_at
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_MINUTE, Instant
from grange.ports.state import Compare
from grange.services.books.costs import cards_of
from grange.services.books.desk import Desk, span_of


def licence_minutes(desk: Desk, *, farm_id: str, start: int, end: int) -> dict[str, Any]:
    """Return how long each product's seats were in use, all in use, and missing.

    A product is held by sessions that said so; of products that no session names, a line of the
    rate card says which applications hold them. Denied is the time of attempts that ended for want
    of a licence.
    """
    with desk.view(farm_id) as view:
        whole = span_of(start, end)
        span = Span(whole.start, Instant(max(whole.start, min(whole.end, view.now))))
        uses = view.ask(licence_uses(span)).to_pylist()
        attempts = view.ask(app_attempts(span)).to_pylist()
        card = card_at(cards_of(desk, farm_id), view.now)
    lines = () if card is None or card.terms is None else card.terms.licences
    held: dict[str, list[Held]] = defaultdict(list)
    known: set[tuple[str, str]] = set()
    for use in uses:
        known.add((use["session_id"], use["product"]))
        held[use["product"]].append(
            Held(start=use["started_at"], end=use["ended_at"], seats=use["seats"])
        )
    denied: dict[str, int] = defaultdict(int)
    denials: dict[str, int] = defaultdict(int)
    machines: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for row in attempts:
        part = Span(row["started_at"], row["ended_at"]).clip(span)
        wanted = _products(lines, row["app"], row["region"])
        for product in [line.product for line in wanted] or [row["app"]]:
            if row["denied"]:
                denied[product] += part.millis
                denials[product] += 1
        for line in wanted:
            if (row["session_id"], line.product) in known:
                continue
            if line.unit is LicenceUnit.WORKER_HOUR:
                machines[line.product, row["worker_id"]].append(part)
            else:
                held[line.product].append(Held(start=part.start, end=part.end))
    for (product, _), parts in machines.items():
        held[product] += [Held(start=one.start, end=one.end) for one in _joined(parts)]
    limits = _limits(desk, farm_id, lines)
    rows = []
    for product in sorted({*held, *denied}):
        found = minutes(held[product], span, limits.get(product))
        rows.append(
            {
                "product": product,
                "limit": limits.get(product),
                "in_use_minutes": _minutes(found.in_use_ms),
                "at_limit_minutes": None
                if found.at_limit_ms is None
                else _minutes(found.at_limit_ms),
                "denied_minutes": _minutes(denied[product]),
                "denied_attempts": denials[product],
                "most_in_use": found.most,
            }
        )
    return {"span": {"start_at": span.start, "end_at": span.end}, "rows": rows}


def _minutes(millis: int) -> float:
    return millis / MILLIS_PER_MINUTE


def _products(lines: tuple[LicenceLine, ...], app: str, region: str) -> list[LicenceLine]:
    found: dict[str, LicenceLine] = {}
    for line in lines:
        if app in line.apps and line.region in (None, region):
            found.setdefault(line.product, line)
    return list(found.values())


def _joined(parts: list[Span]) -> list[Span]:
    """Return spans put together where they overlap: one machine holds one licence."""
    found: list[Span] = []
    for part in sorted(parts):
        if found and part.start <= found[-1].end:
            found[-1] = Span(found[-1].start, Instant(max(found[-1].end, part.end)))
        else:
            found.append(part)
    return found


def _limits(desk: Desk, farm_id: str, lines: tuple[LicenceLine, ...]) -> dict[str, int]:
    """Return how many seats of a product there are: as the rate card says, else its pool."""
    found: dict[str, int] = {}
    for pool in desk.state.find(LicencePool, Compare("farm_id", "=", farm_id)):
        terms = pool.for_region(Region.DEFAULT)
        if not pool.plugin and not pool.version and not terms.unlimited:
            found[pool.app] = terms.count
    for line in lines:
        if line.limit is not None and line.region is None:
            found[line.product] = line.limit
    return found


ANSWERS: Mapping[str, Any] = {"licence_minutes": licence_minutes}
