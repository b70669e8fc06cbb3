"""The pages of a site: what was read of streams, put into words and small pictures."""

from collections.abc import Iterator, Sequence

from grange.books.graphs.names import values_path, web_path
from grange.books.graphs.periods import Period, Reach, periods
from grange.kernel.intervals import Span
from grange.kernel.units import Instant, datetime_of
from grange.plots.site import (
    Cell,
    Row,
    Section,
    SitePage,
    index_html,
    index_name,
    page_html,
    page_name,
    style_css,
)
from grange.plots.site_words import SITE_WORDS
from grange.plots.stream_words import WORDS, Language, Unit, figure
from grange.services.streams.columns import (
    Track,
)
from grange.services.streams.graphs import UNITS
from grange.services.streams.site_run import SERIES, Run, Subject, latest_path

_PARTS = 48
"""Points of a small picture."""


def pages_of(
    run: Run, subjects: Sequence[Subject], until: Instant | None
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of every page, and of their style sheet."""
    yield "style.css", style_css()
    for language in Language:
        words = SITE_WORDS[language]
        drawn = _moment(run, run.now, language)
        if until is not None:
            drawn += f" · {words.until} {_moment(run, until, language)}"
        drawn += f" ({run.zone.key})"
        ask = "request" if language is Language.ENGLISH else f"request?language={language}"
        about = {subject.folder: _about(run, subject, language) for subject in subjects}
        for reach in Reach:
            shown = list(periods(reach, run.now, run.zone))
            page = SitePage(
                reach=reach,
                language=language,
                farm=_farm_name(run),
                columns=[_column(period, language) for period in shown],
                sections=[
                    Section(
                        folder=subject.folder,
                        name=subject.name,
                        kind=subject.kind,
                        about=about[subject.folder],
                        rows=[_row(run, subject, one, shown, language) for one in subject.measures],
                    )
                    for subject in subjects
                ],
                drawn=drawn,
                ask=ask,
            )
            yield page_name(reach, language), page_html(page)
        first = SitePage(
            reach="index", language=language, farm=_farm_name(run), columns=(), sections=(),
            drawn=drawn, ask=ask,
        )  # fmt: skip
        cards = [
            (
                Section(folder=subject.folder, name=subject.name, kind=subject.kind),
                latest_path(subject.folder),
                f"{subject.name}: {words.latest}",
            )
            for subject in subjects
            if latest_path(subject.folder) in run.wanted
        ]
        yield index_name(language), index_html(first, cards)


def _row(
    run: Run, subject: Subject, measure: str, shown: Sequence[Period], language: Language
) -> Row:
    words, site_words = WORDS[language], SITE_WORDS[language]
    values = subject.kind == SERIES
    unit = Unit.NONE if values else UNITS[measure]
    cells: list[Cell] = []
    drawn: list[float] = []
    for period in shown:
        tracks = run.tracks.get((subject.folder, period.reach, period.name), {})
        track = tracks.get(measure)
        if track is None or not track.starts_at:
            cells.append(Cell(href=None))
            continue
        points = _parts(track, period.span)
        drawn += [value for value in points if value is not None]
        low, high = (
            "" if value is None else f"{word} {figure(value, unit, words)}"
            for word, value in (
                (site_words.lowest, track.lowest),
                (site_words.highest, track.highest),
            )
        )
        if track.sum is None:
            main = f"{site_words.mean} {figure(track.average, unit, words)}"
        else:
            main, high = figure(track.sum, unit, words), high and f"{high}/min"
        more = f"{low} · {high}" if values and low and high else high
        path = (values_path if values else web_path)(
            period.reach, measure, subject.folder, period.name
        )
        cells.append(Cell(href=path, values=points, main=main, more=more))
    top, bottom = max(drawn, default=0.0), 0.0
    if values and drawn:
        # What is read need not begin at zero, nor be above it.
        room = 0.1 * (top - min(drawn)) or 1.0
        top, bottom = top + room, min(drawn) - room
    title = measure if values else site_words.row_titles[measure]
    return Row(title=title, top=top, cells=cells, bottom=bottom)


def _parts(track: Track, span: Span) -> list[float | None]:
    """Return a track as a few points, evenly over its span."""
    sums = [0.0] * _PARTS
    counts = [0] * _PARTS
    for at, start in enumerate(track.starts_at):
        mean = track.mean[at]
        first = (start - span.start) * _PARTS // max(span.millis, 1)
        last = (start + track.step_ms - 1 - span.start) * _PARTS // max(span.millis, 1)
        if mean is not None:
            for part in range(max(first, 0), min(last, _PARTS - 1) + 1):
                sums[part] += mean
                counts[part] += 1
    return [total / count if count else None for total, count in zip(sums, counts, strict=True)]


def _about(run: Run, subject: Subject, language: Language) -> list[tuple[str, str]]:
    words = SITE_WORDS[language]
    members, machines = run.about.get(subject.folder, (set(), set()))
    told = []
    if machines:
        told.append((words.machines, ", ".join(sorted(machines))))
    if members:
        told.append((words.members, ", ".join(sorted(members))))
    if subject.selection.products:
        told.append((words.products, ", ".join(subject.selection.products)))
    return told


def _column(period: Period, language: Language) -> tuple[str, str]:
    words = WORDS[language]
    first = period.first
    month = words.months[first.month - 1]
    match period.reach:
        case Reach.DAILY:
            days = _DAYS[language]
            return days[first.weekday()], f"{first.day} {month}"
        case Reach.WEEKLY:
            week = "Week" if language is Language.ENGLISH else "Semaine"
            return f"{week} {period.name}", f"{first.day} {month} {first.year}"
        case Reach.MONTHLY:
            return month, f"{first.year}"
        case _:
            return f"{first.year}", ""


_DAYS = {
    Language.ENGLISH: ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    Language.FRENCH: ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."),
}


def _moment(run: Run, at: Instant, language: Language) -> str:
    local = datetime_of(at).astimezone(run.zone)
    return f"{local.day} {WORDS[language].months[local.month - 1]} {local.year}, {local:%H:%M}"


def _farm_name(run: Run) -> str:
    return f"{'SIMULATED ' if run.farm.simulated else ''}{run.farm.name}"
