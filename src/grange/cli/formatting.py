"""How numbers, spans and states read in a terminal. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal

from grange.books.allotment import digits_of, printed
from grange.kernel.units import Instant, billionths_of, datetime_of

NOTHING = "–"
"""What is shown where nothing is known."""

STATUS_STYLES: dict[str, str] = {
    "SUCCEEDED": "green",
    "FAILED": "red",
    "CANCELED": "yellow",
    "SUSPENDED": "yellow",
    "RUNNING": "cyan",
    "rendering": "cyan",
    "idle": "green",
    "disabled": "yellow",
    "draining": "yellow",
    "quarantined": "red",
    "unknown": "red",
    "off": "dim",
}
"""Status → colour; the word is always shown too."""


def duration(millis: float | None) -> str:
    """Return a span as people say it: `850 ms`, `12.3 s`, `4 min 05 s`, `3 h 20 min`, `2 d 4 h`."""
    if millis is None:
        return NOTHING
    if millis < 1000:
        return f"{millis:.0f} ms"
    seconds = millis / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def seconds(millis: int) -> str:
    """Return exact seconds with one decimal: `286.4 s`."""
    return f"{millis / 1000:,.1f} s"


def size(count: float | None) -> str:
    """Return bytes with a binary prefix: `1.5 GiB`."""
    if count is None:
        return NOTHING
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def money(amount: str | None, currency: str = "") -> str:
    """Return an amount rounded for reading, with its currency: `12.40 USD`, `0.0143 USD`."""
    if amount is None:
        return NOTHING
    value = Decimal(amount)
    shown = f"{value:,.2f}" if abs(value) >= 1 or value == 0 else f"{value:,.4f}"
    return f"{shown} {currency}".rstrip()


def amounts(of: Sequence[str | None], currency: str) -> list[str]:
    """Return the amounts of a column alike, and rounded so that they add up as printed.

    By largest remainder, as statements and the page round; of a sum of less than one the digits
    that say something are kept.
    """
    known = [billionths_of(Decimal(amount)) for amount in of if amount is not None]
    shown = iter(printed(known, digits_of(sum(known), currency)))
    return [NOTHING if amount is None else f"{next(shown):,} {currency}".rstrip() for amount in of]


def moment(instant: int | None, now: int | None = None, zone: tzinfo | None = None) -> str:
    """Return the time in a zone (None: here); with `now`, only that of day if it is today."""
    if instant is None:
        return NOTHING
    local = datetime_of(Instant(instant)).astimezone(zone)
    if now is not None and _same_day(local, now):
        return f"{local:%H:%M:%S}"
    return f"{local:%Y-%m-%d %H:%M}"


def _same_day(local: datetime, now: int) -> bool:
    return local.date() == datetime_of(Instant(now)).astimezone().date()


def progress(counts: Mapping[str, int]) -> str:
    """Return finished over all tasks: `12/32`."""
    total = sum(counts.values())
    return f"{counts.get('SUCCEEDED', 0)}/{total}" if total else NOTHING


def plural(count: int, noun: str) -> str:
    """Return `1 frame`, `2 frames`, `1,000 frames`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
