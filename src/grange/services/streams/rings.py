"""What rings keep of streams: rows of a span, a list of rings."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from grange.books.archives.layout import RingSpec, Tier
from grange.books.archives.log_steps import LATENCY, LOG_SOURCES, TIMED
from grange.books.archives.profiles import emit
from grange.domain.series import Consolidation, Series
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.units import MILLIS_PER_SECOND
from grange.ports.rings import Ring, Rings
from grange.services.books.desk import Desk, span_of
from grange.services.streams.ring_paths import (
    LogStream,
    log_path,
    log_stream_of,
    series_of,
    series_path,
)

MOST_ROWS = 100_000
_FIGURES = {
    "average": Consolidation.AVERAGE,
    "minimum": Consolidation.MIN,
    "maximum": Consolidation.MAX,
    "last": Consolidation.LAST,
}


def ring_rows(
    desk: Desk,
    *,
    farm_id: str,
    since: int,
    until: int,
    series: str | None = None,
    stream: str | None = None,
    kind: str | None = None,
    machines: Sequence[str] = (),
    sources: Sequence[str] = (),
    step_seconds: int | None = None,
) -> dict[str, Any]:
    """Return what rings keep of a series, or of a log stream: columns, a value for each row.

    Rows begin at `starts_at` and are `step_seconds` long; rrdtool would call a row by its end.
    Unknown is None; of a span of too many rows, those from before anything is kept are left out.
    `total` is what came in a row's time: of a log stream's counts and milliseconds their sum, of a
    gauge value × seconds. `known_seconds` says of how much of the row it is.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        since: from when on.
        until: until when.
        series: the series; None: a log stream.
        stream: the log stream.
        kind: rx, tx or other; of a log stream.
        machines: whose logs; none named: all machines'. Those of several are added up.
        sources: labels, or names of a log stream's measures; none: all.
        step_seconds: about how long rows shall be; None: as short as still reach back to `since`.

    Raises:
        NotFoundError: there is no such ring (yet).
    """
    desk.farm(farm_id)
    span = span_of(since, until)
    if series is not None:
        entity = desk.state.get(Series, farm_id, series)
        if entity is None:
            raise NotFoundError("series", series)
        paths = [series_path(farm_id, series)]
        labels = [source.label for source in entity.sources]
    elif stream is not None:
        found = _log_streams(desk, farm_id, stream, kind, machines)
        paths = [log_path(farm_id, one) for one in found]
        labels = list(LOG_SOURCES)
    else:
        raise _bad("series", "name a series or a stream")
    rings = [ring for ring in (rings_of(desk).open(path) for path in paths) if ring is not None]
    if not rings:
        raise NotFoundError("ring", series or f"{kind or ''} {stream}".strip())
    try:
        return _rows(
            rings, labels, sources, since=span.start, until=span.end, step_seconds=step_seconds
        )
    finally:
        for ring in rings:
            ring.close()


def stream_rings(desk: Desk, *, farm_id: str) -> dict[str, Any]:
    """Return every ring of a farm: whose it is, from when until when, how large."""
    desk.farm(farm_id)
    found = []
    for path in rings_of(desk).paths(farm_id):
        ring = rings_of(desk).open(path)
        if ring is None:
            continue
        with closing(ring):
            stream = log_stream_of(path)
            head, spec = ring.head, ring.spec
            found.append(
                {
                    "series": series_of(path),
                    "stream": None if stream is None else stream.stream,
                    "kind": None if stream is None else stream.kind,
                    "machine": None if stream is None else stream.machine,
                    "step_seconds": spec.step_seconds,
                    "sources": spec.width,
                    "archives": [emit(one) for one in spec.archives],
                    "first_at": head.first * MILLIS_PER_SECOND,
                    "last_at": head.state.last * MILLIS_PER_SECOND,
                    "sequence": head.sequence,
                    "byte_count": rings_of(desk).size(path),
                    "problems": list(ring.problems()),
                }
            )
    return {"rings": found}


def rings_of(desk: Desk) -> Rings:
    """Return the rings of the folder.

    Raises:
        NotFoundError: it has none.
    """
    if desk.rings is None:
        raise NotFoundError("rings", "of this folder")
    return desk.rings


def _log_streams(
    desk: Desk, farm_id: str, stream: str, kind: str | None, machines: Sequence[str]
) -> list[LogStream]:
    known = [log_stream_of(path) for path in rings_of(desk).paths(f"{farm_id}/logs")]
    found = [
        one
        for one in known
        if one is not None
        and one.stream == stream
        and kind in (None, one.kind)
        and (not machines or one.machine in machines)
    ]
    if len({one.kind for one in found}) > 1:
        raise _bad("kind", f"{stream!r} is there as several kinds; name one")
    if machines and len(found) < len(set(machines)):
        missing = sorted(set(machines) - {one.machine for one in found})
        raise NotFoundError("ring", f"{stream} of {', '.join(missing)}")
    return found


def _rows(
    rings: Sequence[Ring],
    labels: Sequence[str],
    wanted: Sequence[str],
    *,
    since: int,
    until: int,
    step_seconds: int | None,
) -> dict[str, Any]:
    strange = set(wanted) - set(labels)
    if strange:
        raise _bad("sources", f"must be of {', '.join(labels)}, not {min(strange)}")
    spec = rings[0].spec
    last = max(ring.head.state.last for ring in rings)
    number, tier = choose_tier(spec, since // MILLIS_PER_SECOND, last, step_seconds)
    width = tier.steps * spec.step_seconds
    first = since // MILLIS_PER_SECOND // width
    count = -(-until // (MILLIS_PER_SECOND * width)) - first
    if count > MOST_ROWS:
        # A long span of short archives: what they no longer keep is no reason to refuse.
        kept_from = min(max(first, last // width + 1 - tier.rows), first + count)
        first, count = kept_from, first + count - kept_from
    if count > MOST_ROWS:
        raise _bad("step_seconds", f"gives more than {MOST_ROWS} rows; ask for a shorter span")
    kept = [ring.rows(number, first, count) for ring in rings]
    starts = [(first + place) * width * MILLIS_PER_SECOND for place in range(count)]
    shown = []
    for place, label in enumerate(labels):
        if (wanted and label not in wanted) or place >= spec.width:
            continue
        figures = _figures(tier, kept, place, logs=spec.extremes)
        if spec.extremes and place == LATENCY:
            figures["mean"] = _mean(tier, kept)
        ds_type = spec.sources[place].ds_type
        shown.append({"label": label, "ds_type": ds_type.value, **_plain(figures)})
    return {
        "step_seconds": width,
        "machines": len(rings),
        "starts_at": starts,
        "sources": shown,
        "known_until": last * MILLIS_PER_SECOND,
    }


def choose_tier(
    spec: RingSpec, since: int, last: int, step_seconds: int | None
) -> tuple[int, Tier]:
    """Return the tier to read: it reaches back to `since`, and is as coarse as asked for.

    Args:
        spec: the ring.
        since: a second.
        last: the second of the ring's last value.
        step_seconds: rows may be this long; None: the finest.
    """
    tiers = list(enumerate(spec.tiers))
    reaching = [
        (number, tier)
        for number, tier in tiers
        if last - tier.rows * tier.steps * spec.step_seconds <= since
    ] or tiers[-1:]
    fitting = [
        (number, tier)
        for number, tier in reaching
        if step_seconds is not None and tier.steps * spec.step_seconds <= step_seconds
    ]
    return fitting[-1] if fitting else reaching[0]


def _figures(tier: Tier, kept: Sequence[Any], place: int, *, logs: bool) -> dict[str, Any]:
    columns = {
        name: column for name, cf in _FIGURES.items() if (column := tier.column(cf)) is not None
    }
    total = np.sum([np.nan_to_num(rows[:, place, tier.total]) for rows in kept], axis=0)
    known = np.max([np.nan_to_num(rows[:, place, tier.known]) for rows in kept], axis=0)
    unknown = known == 0
    figures: dict[str, Any] = {
        "total": np.where(unknown, np.nan, total),
        "known_seconds": known,
    }
    for name, column in columns.items():
        parts = np.stack([rows[:, place, column] for rows in kept])
        if len(kept) == 1:
            figures[name] = parts[0]
        elif name == "minimum" and place == LATENCY and logs:
            figures[name] = np.fmin.reduce(parts)
        elif name == "maximum" and place == LATENCY and logs:
            figures[name] = np.fmax.reduce(parts)
        elif name == "average" and place != LATENCY:
            # Counts per minute of several machines add up.
            sums = np.nansum(parts, axis=0)
            figures[name] = np.where(np.isnan(parts).all(axis=0), np.nan, sums)
    return figures


def _mean(tier: Tier, kept: Sequence[Any]) -> Any:
    """Return the mean latency of files: the sum of all by the number of all."""
    total = np.sum([np.nan_to_num(rows[:, LATENCY, tier.total]) for rows in kept], axis=0)
    files = np.sum([np.nan_to_num(rows[:, TIMED, tier.total]) for rows in kept], axis=0)
    return np.where(files > 0, total / np.maximum(files, 1), np.nan)


def _plain(figures: Mapping[str, Any]) -> dict[str, list[float | None]]:
    return {
        name: [None if missing else value for value, missing in
               zip(column.tolist(), np.isnan(column).tolist(), strict=True)]
        for name, column in figures.items()
    }  # fmt: skip


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


ANSWERS: Mapping[str, Any] = {"ring_rows": ring_rows, "stream_rings": stream_rings}
