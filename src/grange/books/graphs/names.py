"""Names of graphs: the same question always gives the same name, and every name is a safe file."""

import re
from collections.abc import Sequence
from hashlib import sha256
from zoneinfo import ZoneInfo

from grange.books.graphs.measures import MEASURES
from grange.kernel.units import MILLIS_PER_HOUR, Instant, datetime_of

MOST_BYTES = 255
"""Bytes a file's name may have on the common file systems."""
_UNSAFE = re.compile(r"[^\w.+=@,-]+|^[.-]+|[. ]+$")
_MARK = 8
_DEVICES = frozenset({"con", "prn", "aux", "nul"}) | {
    f"{name}{number}" for name in ("com", "lpt") for number in range(1, 10)
}


def safe_name(text: str, suffix: str = "") -> str:
    """Return a file name for any text, at most 255 bytes long with its suffix.

    A text that is a safe name stays as it is. Any other gets a mark made of the whole text, so that
    two texts never meet in one name.

    Args:
        text: what is to be named.
        suffix: put behind it, for example `.png`; it must be safe.
    """
    room = MOST_BYTES - len(suffix.encode())
    cleaned = _UNSAFE.sub("-", text) or "-"
    if cleaned == text and len(text.encode()) <= room and text.lower() not in _DEVICES:
        return text + suffix
    mark = "~" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]
    kept = cleaned.encode("utf-8", "replace")[: room - len(mark)].decode("utf-8", "ignore")
    return f"{kept}{mark}{suffix}"


def graph_name(
    *,
    kind: str | None,
    streams: Sequence[str],
    end_at: Instant,
    measures: Sequence[str],
    span_ms: int,
    machines: Sequence[str],
    products: Sequence[str],
    zone: ZoneInfo,
    suffix: str,
) -> str:
    """Return what a graph is called: type, streams, time, measures, hours, machines, products.

    Args:
        kind: rx, tx or other; None: all.
        streams: names or patterns of streams, or groups.
        end_at: the end of its span.
        measures: what it shows.
        span_ms: how long its span is.
        machines: whose logs; empty: all.
        products: which product types; empty: all.
        zone: whose clock the time is.
        suffix: `.png`, `.svg` or `.csv`.
    """
    hours = f"{span_ms / MILLIS_PER_HOUR:.6g}h"
    parts = (
        kind or "all",
        "+".join(streams) or "all",
        f"{datetime_of(end_at).astimezone(zone):%Y-%m-%dT%H%M}",
        "+".join(measures) if len(measures) < len(MEASURES) else "all",
        hours,
        "+".join(machines) or "all",
        "+".join(products) or "all",
    )
    return safe_name("_".join(parts), suffix)


def stream_folder(kind: str, stream: str) -> str:
    """Return the part of paths and addresses that names a stream: `tx_archive`."""
    return safe_name(f"{kind}_{stream}")


def web_path(period: str, measure: str, stream: str, name: str) -> str:
    """Return where the picture of one period lies below a site.

    Args:
        period: daily, weekly, monthly or yearly.
        measure: a key of `MEASURES`.
        stream: of `stream_folder`.
        name: of the period, for example `Mon`, `01`, `Jan` or `2006`.
    """
    return f"webGraphics/{period}/{MEASURES[measure].folder}/{stream}/{name}.png"


def values_path(period: str, source: str, series: str, name: str) -> str:
    """Return where the picture of one period of logged values lies below a site.

    Args:
        period: daily, weekly, monthly or yearly.
        source: the label of the values.
        series: of `stream_folder`.
        name: of the period, for example `Mon`, `01`, `Jan` or `2006`.
    """
    return f"webGraphics/{period}/values/{series}/{safe_name(source)}/{name}.png"
