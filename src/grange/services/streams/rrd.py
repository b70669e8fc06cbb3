"""Series out of rings as rrdtool's XML, and in again."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import msgspec

from grange.books.archives.arithmetic import Advance
from grange.books.archives.profiles import emit
from grange.books.archives.rrd_xml import emit_totals, emit_xml, parse_xml
from grange.domain.series import Series
from grange.kernel.errors import NotFoundError
from grange.services.books.desk import Desk
from grange.services.streams.ring_paths import series_path
from grange.services.streams.rings import rings_of


def export_ring(desk: Desk, *, farm_id: str, series: str) -> dict[str, Any]:
    """Return a series as XML, and its totals.

    Raises:
        NotFoundError: there is no such series, or nothing of it yet.
    """
    entity = desk.state.get(Series, farm_id, series)
    if entity is None:
        raise NotFoundError("series", series)
    ring = rings_of(desk).open(series_path(farm_id, series))
    if ring is None:
        raise NotFoundError("ring", series)
    with closing(ring):
        sources = entity.sources[: ring.spec.width]
        spec = replace(ring.spec, sources=sources, heartbeat_seconds=entity.heartbeat_seconds)
        state = ring.head.state
        return {
            "xml": emit_xml(spec, state, ring.rows),
            "totals": emit_totals(spec, state, ring.rows),
        }


def read_rrd(desk: Desk, *, xml: str) -> dict[str, Any]:
    """Return what series an XML describes."""
    found = parse_xml(xml)
    return {
        "step_seconds": found.spec.step_seconds,
        "heartbeat_seconds": found.spec.heartbeat_seconds,
        "sources": [msgspec.to_builtins(source) for source in found.spec.sources],
        "archives": [emit(spec) for spec in found.spec.archives],
    }


def import_ring(
    desk: Desk, *, farm_id: str, series: str, xml: str, totals: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Make the ring of a series from an XML."""
    found = parse_xml(xml, totals)
    spec = found.spec
    oldest = min(
        rows.first * tier.steps * spec.step_seconds
        for rows, tier in zip(found.rows, spec.tiers, strict=True)
    )
    path = series_path(farm_id, series)
    with closing(rings_of(desk).create(path, spec, start=max(0, oldest))) as ring:
        ring.apply(Advance(state=found.state, rows=found.rows), sequence=0)
    return {
        "name": series,
        "rows": sum(len(rows.rows) for rows in found.rows),
        "last_at": found.state.last * 1000,
    }


ANSWERS: Mapping[str, Any] = {
    "export_ring": export_ring,
    "read_rrd": read_rrd,
    "import_ring": import_ring,
}
