"""The words of pictures of streams, in English and French, and how figures are written in each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """What a picture or a page is written in."""

    ENGLISH = "en"
    FRENCH = "fr"


class Unit(StrEnum):
    """What a measure is counted in."""

    SECONDS = "s"
    BYTES = "B"
    COUNT = "count"
    NONE = "none"
    """As it was sent; nobody said in what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is written on pictures, in one language."""

    months: tuple[str, ...]
    point: str
    until: str
    no_data: str
    each: str
    band: str
    step_units: tuple[str, str, str]
    """Minutes, hours, days, as they stand behind a number."""
    second: str
    minute: str
    hour: str
    day: str
    bytes: str
    gap: str
    nothing: str
    lowest: str
    mean: str
    highest: str
    total: str
    limit: str
    measures: Mapping[str, str]


WORDS: Mapping[Language, Words] = {
    Language.ENGLISH: Words(
        months=(
            *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
            *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
        ),
        point=".",
        until="data until",
        no_data="no data",
        each="a point is",
        band="band: min to max",
        step_units=("min", "h", "d"),
        second="s",
        minute="min",
        hour="h",
        day="d",
        bytes="B",
        gap="no data",
        nothing="There is no data in this span.",
        lowest="min",
        mean="mean",
        highest="max",
        total="total",
        limit="limit",
        measures={
            "latency": "Latency",
            "bytes": "Bytes per minute",
            "files": "Files per minute",
            "errors": "Errors per minute",
            "late": "Files over the limit, per minute",
        },
    ),
    Language.FRENCH: Words(
        months=(
            *("janv.", "févr.", "mars", "avr.", "mai", "juin"),
            *("juil.", "août", "sept.", "oct.", "nov.", "déc."),
        ),
        point=",",
        until="données jusqu'à",
        no_data="pas de données",
        each="un point vaut",
        band="bande : min à max",
        step_units=("min", "h", "j"),
        second="s",
        minute="min",
        hour="h",
        day="j",
        bytes="o",
        gap="pas de données",
        nothing="Il n'y a pas de données dans cette période.",
        lowest="min",
        mean="moyenne",
        highest="max",
        total="total",
        limit="limite",
        measures={
            "latency": "Latence",
            "bytes": "Octets par minute",
            "files": "Fichiers par minute",
            "errors": "Erreurs par minute",
            "late": "Fichiers au-delà de la limite, par minute",
        },
    ),
}

_SCALES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def figure(value: float | None, unit: Unit, words: Words, *, digits: int = 3) -> str:
    """Return a value as people read it: 1.5 kB, 3 min 20 s, 0.04 s, 12; a dash if unknown.

    Args:
        value: the value; None is unknown.
        unit: what it is counted in.
        words: the language.
        digits: how many digits count, at most.
    """
    if value is None:
        return "–"
    if unit is Unit.SECONDS:
        return _time(value, words, digits)
    suffix = f" {words.bytes}" if unit is Unit.BYTES else ""
    size = abs(value)
    # The scale is chosen by what is shown: 999,999 is 1 M, not 1000 k.
    for scale, letter in _SCALES:
        if float(f"{size:.{digits}g}") >= scale and (unit is not Unit.COUNT or size >= 10_000):
            return f"{_number(value / scale, digits, words)} {letter}{suffix.strip()}"
    if float(value).is_integer() and size < 10_000:
        return f"{int(value)}{suffix}"
    return _number(value, digits, words) + suffix


def step_words(step_ms: int, words: Words) -> str:
    """Return how long a step is: 10 min, 4 h, 1 d."""
    minutes, hours, days = words.step_units
    if step_ms < 60_000:
        return f"{step_ms / 1000:g} s".replace(".", words.point)
    if step_ms % 86_400_000 == 0:
        return f"{step_ms // 86_400_000} {days}"
    if step_ms % 3_600_000 == 0:
        return f"{step_ms // 3_600_000} {hours}"
    return f"{step_ms / 60_000:g} {minutes}".replace(".", words.point)


def _time(seconds: float, words: Words, digits: int) -> str:
    size = abs(seconds)
    sign = "-" if seconds < 0 else ""
    if size < 119.5:
        return f"{_number(seconds, digits, words)} {words.second}"
    whole = round(size)
    if whole < 7200:
        rest = f" {whole % 60} {words.second}" if whole % 60 else ""
        return f"{sign}{whole // 60} {words.minute}{rest}"
    minutes = round(size / 60)
    if minutes < 2880:
        rest = f" {minutes % 60} {words.minute}" if minutes % 60 else ""
        return f"{sign}{minutes // 60} {words.hour}{rest}"
    hours = round(size / 3600)
    rest = f" {hours % 24} {words.hour}" if hours % 24 else ""
    return f"{sign}{hours // 24} {words.day}{rest}"


def _number(value: float, digits: int, words: Words) -> str:
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.{digits - 1}g}".replace(".", words.point)
    text = f"{float(f'{value:.{digits}g}'):f}" if value else "0"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace(".", words.point)
