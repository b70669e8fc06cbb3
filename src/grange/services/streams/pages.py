"""Static pages of graphs: days, weeks, months and years of every stream and group.

A picture is drawn again when what it shows has changed: each is known by a digest of its columns.
Periods that were missed are caught up, because every run looks at all periods of every page.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from grange.books.graphs.measures import MEASURES, measures_of
from grange.books.graphs.names import safe_name, stream_folder, web_path
from grange.books.graphs.periods import Period, Reach, periods, step_ms
from grange.domain.farm import Farm
from grange.kernel.errors import ConflictError, FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant, datetime_of
from grange.plots.palette import Theme
from grange.plots.site import (
    SITE_VERSION,
    Cell,
    Row,
    Section,
    SitePage,
    dark_name,
    index_html,
    index_name,
    page_html,
    page_name,
    style_css,
)
from grange.plots.site_words import SITE_WORDS
from grange.plots.stream_graph import STREAM_GRAPH_VERSION, Panel, StreamPicture
from grange.plots.stream_words import WORDS, Language, figure
from grange.ports.sites import Painters, Site, Sites
from grange.services.books.desk import Desk
from grange.services.books.shelf import View
from grange.services.streams.columns import (
    LATENCY_LIMIT_SECONDS,
    Known,
    Selection,
    Track,
    known_streams,
    read,
)
from grange.services.streams.graphs import UNITS, line_of

MANIFEST = "site.json"
MOST_GROUPS = 500
_PARTS = 48
"""Points of a small picture."""
_WIDTH, _HEIGHT = 900, 330
_LATEST = (480, 190)
_OLDEST_MS = 3 * 366 * MILLIS_PER_DAY
_running: set[str] = set()
_guard = threading.Lock()


class SiteGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Streams that have one place on the pages."""

    name: str
    streams: tuple[str, ...] = ()
    kind: str | None = None
    machines: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


class _Manifest(msgspec.Struct, kw_only=True):
    """What was drawn of which columns; beside the pages, for the next run and for watchers."""

    version: int = 0
    drawn_at: int = 0
    data_until_at: int | None = None
    pictures: dict[str, str] = {}
    groups: list[SiteGroup] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """A stream or a group: what its columns are of."""

    folder: str
    name: str
    kind: str
    selection: Selection
    measures: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run over a farm's site."""

    farm: Farm
    zone: ZoneInfo
    now: Instant
    limit_seconds: float
    site: Site
    before: _Manifest
    wanted: dict[str, str] = field(default_factory=dict)
    """Digest of every picture the pages lead to."""
    drawings: list[tuple[str, tuple[StreamPicture, Sequence[Panel]]]] = field(default_factory=list)
    """Pictures that changed, by path."""
    about: dict[str, tuple[set[str], set[str]]] = field(default_factory=dict)
    """Members and machines by folder."""
    tracks: dict[tuple[str, str, str], Mapping[str, Track]] = field(default_factory=dict)
    """By folder, reach and period."""

    def wants(self, path: str, picture: StreamPicture, panels: Sequence[Panel]) -> None:
        """Have a picture on the site: drawn if its columns are not those it was drawn of."""
        digest = _digest(picture, panels)
        self.wanted[path] = digest
        same = self.before.version == _version() and self.before.pictures.get(path) == digest
        if not same or self.site.read(path) is None:
            self.drawings.append((path, (picture, panels)))


def draw_pages(
    desk: Desk,
    sites: Sites,
    painters: Painters,
    *,
    farm_id: str,
    groups: Sequence[Mapping[str, Any]] | None = None,
    workers: int = 2,
    latency_limit_seconds: float = LATENCY_LIMIT_SECONDS,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Bring a farm's site up to date, in English and French.

    Args:
        desk: the books.
        sites: where sites are.
        painters: who draws.
        farm_id: whose site.
        groups: streams that have a place together; None: those of the run before.
        workers: how many pictures are drawn at the same time; the pictures are the same.
        latency_limit_seconds: a file that took longer is over the limit.
        dry_run: only say what would be drawn.

    Returns:
        drawn (paths), kept (how many pictures were as they should be), removed (paths), pages.

    Raises:
        ConflictError: the site is being drawn right now.
        InvalidRequestError: a group is not as groups are.
    """
    farm = desk.farm(farm_id)
    if not 1 <= workers <= 64:
        raise _bad("workers", "must be 1 to 64")
    with _guard:
        if farm_id in _running:
            raise ConflictError(
                "The pages of this farm are being drawn right now. Try again later.",
                reason="CONCURRENT_MODIFICATION",
                resource_type="pages",
                resource_id=farm_id,
            )
        _running.add(farm_id)
    try:
        site = sites.of(farm_id)
        before = _manifest(site)
        chosen = before.groups if groups is None else _groups(groups)
        run = _Run(
            farm=farm,
            zone=ZoneInfo(farm.zone),
            now=desk.clock.now(),
            limit_seconds=latency_limit_seconds,
            site=site,
            before=before,
        )
        with desk.view(farm_id) as view:
            subjects, until = _look(run, view, chosen)
        removed = sorted(set(before.pictures) - set(run.wanted))
        told = {
            "drawn": [path for path, _ in run.drawings],
            "kept": len(run.wanted) - len(run.drawings),
            "removed": removed,
            "pages": [],
            "data_until_at": until,
        }
        if dry_run:
            return told
        contents = painters.paint([drawing for _, drawing in run.drawings], workers)
        for (path, _), content in zip(run.drawings, contents, strict=True):
            site.write(path, content)
        pages = dict(_pages(run, subjects, until))
        for name, content in pages.items():
            site.write(name, content)
        for path in removed:
            site.remove(path)
        after = _Manifest(
            version=_version(),
            drawn_at=run.now,
            data_until_at=until,
            pictures=run.wanted,
            groups=list(chosen),
        )
        # Last: a run that is broken off draws again what it had drawn.
        site.write(MANIFEST, msgspec.json.encode(after))
        return {**told, "pages": sorted(pages)}
    finally:
        with _guard:
            _running.discard(farm_id)


def site_file(sites: Sites, *, farm_id: str, name: str) -> dict[str, Any] | None:
    """Return a file of a farm's site: its content; None if there is none."""
    content = sites.of(farm_id).read(name)
    return None if content is None or name == MANIFEST else {"content": content}


def site_files(sites: Sites, *, farm_id: str) -> dict[str, Any]:
    """Return every file of a farm's site with the digest of its bytes, and when it was drawn."""
    site = sites.of(farm_id)
    manifest = _manifest(site)
    files = []
    for name in site.names():
        content = site.read(name)
        if content is not None and name != MANIFEST:
            files.append(
                {"name": name, "bytes": len(content), "sha256": sha256(content).hexdigest()}
            )
    return {
        "files": files,
        "drawn_at": manifest.drawn_at or None,
        "data_until_at": manifest.data_until_at,
    }


# Looking


def _look(
    run: _Run, view: View, groups: Sequence[SiteGroup]
) -> tuple[list[_Subject], Instant | None]:
    known = known_streams(view, Span(Instant(max(run.now - _OLDEST_MS, 0)), run.now))
    if not known:
        return [], None
    until = Instant(max(one.last_at for one in known) + 1)
    streams = sorted({(one.stream, one.kind) for one in known})
    subjects = [_group(group) for group in groups]
    subjects += [
        _Subject(
            folder=stream_folder(kind, stream),
            name=stream,
            kind=kind,
            selection=Selection(kind=kind, streams=(_exactly(stream),)),
            measures=measures_of(kind),
        )
        for stream, kind in streams
    ]
    for reach in Reach:
        for period in periods(reach, run.now, run.zone):
            _look_at(run, view, subjects, period, until)
    _look_at_latest(run, view, subjects, until)
    return subjects, until


def _look_at(
    run: _Run, view: View, subjects: Sequence[_Subject], period: Period, until: Instant
) -> None:
    if period.span.start >= until:
        return
    step = step_ms(period.reach, period.span, run.now)
    for subject, tracks in _columns(run, view, subjects, period.span, step):
        run.tracks[subject.folder, period.reach, period.name] = tracks
        for measure, track in tracks.items():
            if not track.starts_at:
                continue
            path = web_path(period.reach, measure, subject.folder, period.name)
            picture = StreamPicture(
                title=_title(run, subject),
                span=period.span,
                zone=run.zone,
                data_until_at=Instant(min(until, period.span.end)),
                width=_WIDTH,
                height=_HEIGHT,
            )
            run.wants(path, picture, [_panel(run, subject, measure, track)])


def _look_at_latest(run: _Run, view: View, subjects: Sequence[_Subject], until: Instant) -> None:
    end = Instant(-(-run.now // 60_000) * 60_000)
    span = Span(Instant(end - MILLIS_PER_DAY), end)
    for subject, tracks in _columns(run, view, subjects, span, 5 * 60_000):
        first = next((name for name in tracks if tracks[name].starts_at), None)
        if first is None:
            continue
        panel = _panel(run, subject, first, tracks[first])
        for theme in Theme:
            picture = StreamPicture(
                title=f"{_title(run, subject)}: {panel.title}",
                span=span,
                zone=run.zone,
                data_until_at=until,
                theme=theme,
                width=_LATEST[0],
                height=_LATEST[1],
            )
            path = latest_path(subject.folder)
            run.wants(dark_name(path) if theme is Theme.DARK else path, picture, [panel])


def _columns(
    run: _Run, view: View, subjects: Sequence[_Subject], span: Span, step: int
) -> Iterator[tuple[_Subject, Mapping[str, Track]]]:
    """Yield columns of every subject: those of all streams are read at once."""
    known = known_streams(view, span)
    if not known:
        return
    measures = tuple(MEASURES)
    limit = run.limit_seconds
    every = read(
        view,
        Selection(latency_limit_seconds=limit),
        measures,
        span=span,
        step_ms=step,
        known=known,
    )
    one_kind = len({one.kind for one in known}) == 1
    for subject in subjects:
        if subject.kind == "group":
            selection = replace(subject.selection, latency_limit_seconds=limit)
            found = read(view, selection, measures, span=span, step_ms=step, known=known)
            if not found.tracks:
                continue
            tracks = next(iter(found.tracks.values()))
            members = {f"{kind} {stream}" for kind, stream in found.members}
            _tell(run, subject, members, set(found.machines))
        else:
            label = subject.name if one_kind else f"{subject.kind} {subject.name}"
            if label not in every.tracks:
                continue
            tracks = every.tracks[label]
            _tell(run, subject, set(), _machines(known, subject))
        yield subject, {name: tracks[name] for name in subject.measures}


def _machines(known: Sequence[Known], subject: _Subject) -> set[str]:
    return {one.machine for one in known if (one.kind, one.stream) == (subject.kind, subject.name)}


def _tell(run: _Run, subject: _Subject, members: set[str], machines: set[str]) -> None:
    told = run.about.setdefault(subject.folder, (set(), set()))
    told[0].update(members)
    told[1].update(machines)


def _panel(run: _Run, subject: _Subject, measure: str, track: Track) -> Panel:
    return Panel(
        key=measure,
        title=WORDS[Language.ENGLISH].measures[measure],
        unit=UNITS[measure],
        counts=MEASURES[measure].counts,
        limit=run.limit_seconds if measure == "latency" else None,
        lines=[line_of(subject.name, track)],
    )


# Writing


def latest_path(folder: str) -> str:
    """Return where the picture of the last 24 hours of a stream lies."""
    return f"latest/{safe_name(folder, '.png')}"


def _pages(
    run: _Run, subjects: Sequence[_Subject], until: Instant | None
) -> Iterator[tuple[str, bytes]]:
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
    run: _Run, subject: _Subject, measure: str, shown: Sequence[Period], language: Language
) -> Row:
    words, unit = WORDS[language], UNITS[measure]
    site_words = SITE_WORDS[language]
    cells, top = [], 0.0
    for period in shown:
        tracks = run.tracks.get((subject.folder, period.reach, period.name), {})
        track = tracks.get(measure)
        if track is None or not track.starts_at:
            cells.append(Cell(href=None))
            continue
        values = _parts(track, period.span)
        top = max([top, *(value for value in values if value is not None)])
        high = f"{site_words.highest} {figure(track.highest, unit, words)}"
        if track.sum is None:
            main = f"{site_words.mean} {figure(track.average, unit, words)}"
        else:
            main, high = figure(track.sum, unit, words), f"{high}/min"
        path = web_path(period.reach, measure, subject.folder, period.name)
        cells.append(Cell(href=path, values=values, main=main, more=high))
    return Row(title=site_words.row_titles[measure], top=top, cells=cells)


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


def _about(run: _Run, subject: _Subject, language: Language) -> list[tuple[str, str]]:
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


def _moment(run: _Run, at: Instant, language: Language) -> str:
    local = datetime_of(at).astimezone(run.zone)
    return f"{local.day} {WORDS[language].months[local.month - 1]} {local.year}, {local:%H:%M}"


def _title(run: _Run, subject: _Subject) -> str:
    mark = "SIMULATED " if run.farm.simulated else ""
    return f"{mark}{subject.kind} {subject.name}"


def _farm_name(run: _Run) -> str:
    return f"{'SIMULATED ' if run.farm.simulated else ''}{run.farm.name}"


def _group(group: SiteGroup) -> _Subject:
    return _Subject(
        folder=stream_folder("group", group.name),
        name=group.name,
        kind="group",
        selection=Selection(
            streams=group.streams,
            kind=group.kind,
            machines=group.machines,
            products=group.products,
            combine=True,
            name=group.name,
        ),
        measures=measures_of(group.kind),
    )


def _exactly(name: str) -> str:
    """Return a pattern that fits one name alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _groups(given: Sequence[Mapping[str, Any]]) -> list[SiteGroup]:
    try:
        found = [msgspec.convert(dict(one), SiteGroup) for one in given]
    except msgspec.ValidationError as error:
        raise _bad("groups", f"are not as they should be: {error}") from error
    names = [group.name for group in found]
    if len(found) > MOST_GROUPS or len(set(names)) < len(names) or not all(names):
        raise _bad("groups", f"must be at most {MOST_GROUPS}, each with a name of its own")
    return found


def _manifest(site: Site) -> _Manifest:
    content = site.read(MANIFEST)
    if content is None:
        return _Manifest()
    try:
        return msgspec.json.decode(content, type=_Manifest)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return _Manifest()  # a spoiled one only means that everything is drawn again


def _version() -> int:
    return STREAM_GRAPH_VERSION * 1000 + SITE_VERSION


def _digest(picture: StreamPicture, panels: Sequence[Panel]) -> str:
    return sha256(_encode((picture, panels))).hexdigest()[:24]


_encode = msgspec.msgpack.Encoder(enc_hook=str).encode


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])
