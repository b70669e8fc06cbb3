"""One run over a farm's site of graphs: whose columns are read, which pictures are wanted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from grange.books.graphs.measures import MEASURES, measures_of
from grange.books.graphs.names import MOST_BYTES, safe_name, stream_folder, web_path
from grange.books.graphs.periods import Period, Reach, periods, step_ms
from grange.domain.farm import Farm
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.plots.palette import Theme
from grange.plots.site import (
    SITE_VERSION,
    dark_name,
)
from grange.plots.stream_graph import STREAM_GRAPH_VERSION, Panel, StreamPicture
from grange.plots.stream_words import WORDS, Language
from grange.ports.sites import Site
from grange.services.books.desk import Desk
from grange.services.books.shelf import View
from grange.services.streams.columns import (
    Known,
    Selection,
    Track,
    known_streams,
    read,
)
from grange.services.streams.graphs import UNITS, line_of

MANIFEST = "site.json"
MOST_GROUPS = 500
WIDTH, HEIGHT = 900, 330
LATEST = (480, 190)
SERIES = "series"
"""The kind of a subject that is a series of logged values; its measures are its sources."""
_OLDEST_MS = 3 * 366 * MILLIS_PER_DAY


class SiteGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Streams that have one place on the pages."""

    name: str
    streams: tuple[str, ...] = ()
    kind: str | None = None
    machines: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


class Manifest(msgspec.Struct, kw_only=True):
    """What was drawn of which columns; beside the pages, for the next run and for watchers."""

    version: int = 0
    drawn_at: int = 0
    data_until_at: int | None = None
    pictures: dict[str, str] = {}
    groups: list[SiteGroup] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A stream, a group or a series of logged values: what its columns are of."""

    folder: str
    name: str
    kind: str
    selection: Selection
    measures: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Run:
    """One run over a farm's site."""

    desk: Desk
    farm: Farm
    zone: ZoneInfo
    now: Instant
    limit_seconds: float
    site: Site
    before: Manifest
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
        same = self.before.version == site_version() and self.before.pictures.get(path) == digest
        if not same or self.site.read(path) is None:
            self.drawings.append((path, (picture, panels)))


def latest_path(folder: str) -> str:
    """Return where the picture of the last 24 hours of a stream lies."""
    # A folder's name is safe already; only its length may not do.
    plain = f"{folder}.png"
    return f"latest/{plain if len(plain.encode()) <= MOST_BYTES else safe_name(folder, '.png')}"


def look(run: Run, view: View, groups: Sequence[SiteGroup]) -> tuple[list[Subject], Instant | None]:
    """Read everything that pages show; return their subjects, and until when lines reach."""
    known = known_streams(run.desk, view, Span(Instant(max(run.now - _OLDEST_MS, 0)), run.now))
    if not known:
        return [], None
    until = Instant(max(one.last_at for one in known) + 1)
    subjects = [*map(subject_of_group, groups), *subjects_of_streams(known)]
    for reach in Reach:
        for period in periods(reach, run.now, run.zone):
            _look_at(run, view, subjects, period, until)
    look_at_latest(run, view, subjects, until)
    return subjects, until


def _look_at(
    run: Run, view: View, subjects: Sequence[Subject], period: Period, until: Instant
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
                title=title_of(run, subject),
                span=period.span,
                zone=run.zone,
                data_until_at=Instant(min(until, period.span.end)),
                width=WIDTH,
                height=HEIGHT,
            )
            run.wants(path, picture, [_panel(run, subject, measure, track)])


def look_at_latest(run: Run, view: View, subjects: Sequence[Subject], until: Instant) -> None:
    """Read the last 24 hours, and want a picture of them, for light and for dark pages."""
    end = Instant(-(-run.now // 60_000) * 60_000)
    span = Span(Instant(end - MILLIS_PER_DAY), end)
    for subject, tracks in _columns(run, view, subjects, span, 5 * 60_000):
        first = next((name for name in tracks if tracks[name].starts_at), None)
        if first is None:
            continue
        panel = _panel(run, subject, first, tracks[first])
        for theme in Theme:
            picture = StreamPicture(
                title=f"{title_of(run, subject)}: {panel.title}",
                span=span,
                zone=run.zone,
                data_until_at=until,
                theme=theme,
                width=LATEST[0],
                height=LATEST[1],
            )
            path = latest_path(subject.folder)
            run.wants(dark_name(path) if theme is Theme.DARK else path, picture, [panel])


def _columns(
    run: Run, view: View, subjects: Sequence[Subject], span: Span, step: int
) -> Iterator[tuple[Subject, Mapping[str, Track]]]:
    """Yield columns of every subject: those of all streams are read at once."""
    known = known_streams(run.desk, view, span)
    if not known:
        return
    measures = tuple(MEASURES)
    limit = run.limit_seconds
    every = read(
        run.desk,
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
            found = read(run.desk, view, selection, measures, span=span, step_ms=step, known=known)
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
        yield subject, {name: tracks[name] for name in subject.measures if name in tracks}


def _machines(known: Sequence[Known], subject: Subject) -> set[str]:
    return {one.machine for one in known if (one.kind, one.stream) == (subject.kind, subject.name)}


def _tell(run: Run, subject: Subject, members: set[str], machines: set[str]) -> None:
    told = run.about.setdefault(subject.folder, (set(), set()))
    told[0].update(members)
    told[1].update(machines)


def _panel(run: Run, subject: Subject, measure: str, track: Track) -> Panel:
    return Panel(
        key=measure,
        title=WORDS[Language.ENGLISH].measures[measure],
        unit=UNITS[measure],
        counts=MEASURES[measure].counts,
        limit=run.limit_seconds if measure == "latency" else None,
        lines=[line_of(subject.name, track)],
    )


def subject_of_group(group: SiteGroup) -> Subject:
    """Return a group as what pages have a place for."""
    return Subject(
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


def subjects_of_streams(known: Sequence[Known]) -> list[Subject]:
    """Return every stream as what pages have a place for, by name."""
    return [
        Subject(
            folder=stream_folder(kind, stream),
            name=stream,
            kind=kind,
            selection=Selection(kind=kind, streams=(_exactly(stream),)),
            measures=measures_of(kind),
        )
        for stream, kind in sorted({(one.stream, one.kind) for one in known})
    ]


def _exactly(name: str) -> str:
    """Return a pattern that fits one name alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def groups_of(given: Sequence[Mapping[str, Any]]) -> list[SiteGroup]:
    """Return groups as they were sent.

    Raises:
        InvalidRequestError: one is not as groups are, or two have one name.
    """
    try:
        found = [msgspec.convert(dict(one), SiteGroup) for one in given]
    except msgspec.ValidationError as error:
        raise _bad("groups", f"are not as they should be: {error}") from error
    names = [group.name for group in found]
    if len(found) > MOST_GROUPS or len(set(names)) < len(names) or not all(names):
        raise _bad("groups", f"must be at most {MOST_GROUPS}, each with a name of its own")
    return found


def manifest_of(site: Site) -> Manifest:
    """Return what a site remembers; nothing, if that is spoiled: all is drawn again then."""
    content = site.read(MANIFEST)
    if content is None:
        return Manifest()
    try:
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return Manifest()  # a spoiled one only means that everything is drawn again


def site_version() -> int:
    """Return the version of all that is drawn: another one draws everything again."""
    return STREAM_GRAPH_VERSION * 1000 + SITE_VERSION


def _digest(picture: StreamPicture, panels: Sequence[Panel]) -> str:
    return sha256(_encode((picture, panels))).hexdigest()[:24]


_encode = msgspec.msgpack.Encoder(enc_hook=str).encode


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


def title_of(run: Run, subject: Subject) -> str:
    """Return what is above a picture of a stream, group or series."""
    mark = "SIMULATED " if run.farm.simulated else ""
    return f"{mark}{subject.kind} {subject.name}"
