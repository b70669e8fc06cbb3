"""Static pages of graphs: days, weeks, months and years of every stream, group and series.

A picture is drawn again when what it shows has changed: each is known by a digest of its columns.
Periods that were missed are caught up, because every run looks at all periods of every page.
"""

import threading
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from grange.kernel.errors import ConflictError, FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.plots.palette import Theme
from grange.plots.site import (
    dark_name,
)
from grange.plots.stream_graph import stream_graph
from grange.ports.sites import Painters, Sites
from grange.services.books.desk import Desk
from grange.services.streams.columns import (
    LATENCY_LIMIT_SECONDS,
    fits,
    known_streams,
)
from grange.services.streams.series_graphs import known_series
from grange.services.streams.site_pages import pages_of
from grange.services.streams.site_run import (
    MANIFEST,
    SERIES,
    Manifest,
    Run,
    SiteGroup,
    groups_of,
    latest_path,
    look,
    look_at_latest,
    manifest_of,
    site_version,
    subject_of_group,
    subjects_of_streams,
)
from grange.services.streams.site_series import (
    look_at_latest_values,
    look_at_series,
    subject_of_series,
)

_running: set[str] = set()
_guard = threading.Lock()


def draw_pages(
    desk: Desk,
    sites: Sites,
    painters: Painters,
    *,
    farm_id: str,
    groups: Sequence[Mapping[str, Any]] | None = None,
    workers: int = 2,
    latency_limit_seconds: float = LATENCY_LIMIT_SECONDS,
    most: int = 300,
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
        most: how many pictures are drawn at most: the next run goes on.
        dry_run: only say what would be drawn.

    Returns:
        drawn (paths), kept (how many pictures were as they should be), left (how many are still to
        be drawn: pages are written when none is), removed (paths), pages.

    Raises:
        ConflictError: the site is being drawn right now.
        InvalidRequestError: a group is not as groups are.
    """
    farm = desk.farm(farm_id)
    if not 1 <= workers <= 64:
        raise InvalidRequestError(
            "workers must be 1 to 64.", fields=[FieldProblem("workers", "must be 1 to 64")]
        )
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
        before = manifest_of(site)
        chosen = before.groups if groups is None else groups_of(groups)
        run = Run(
            desk=desk,
            farm=farm,
            zone=ZoneInfo(farm.zone),
            now=desk.clock.now(),
            limit_seconds=latency_limit_seconds,
            site=site,
            before=before,
        )
        with desk.view(farm_id) as view:
            subjects, until = look(run, view, chosen)
        series, heard = look_at_series(run)
        subjects, until = [*subjects, *series], until if until is not None else heard
        removed = sorted(set(before.pictures) - set(run.wanted))
        told = {
            "drawn": [path for path, _ in run.drawings],
            "kept": len(run.wanted) - len(run.drawings),
            "left": 0,
            "removed": removed,
            "pages": [],
            "data_until_at": until,
        }
        if dry_run:
            return told
        now, later = run.drawings[:most], run.drawings[most:]
        contents = painters.paint([drawing for _, drawing in now], workers)
        for (path, _), content in zip(now, contents, strict=True):
            site.write(path, content)
        if later:
            return {**told, **_go_on(run, [path for path, _ in now], len(later), chosen)}
        pages = dict(pages_of(run, subjects, until))
        for name, content in pages.items():
            site.write(name, content)
        for path in removed:
            site.remove(path)
        after = Manifest(
            version=site_version(),
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


def _go_on(
    run: Run, drawn: Sequence[str], left: int, groups: Sequence[SiteGroup]
) -> dict[str, Any]:
    """Remember what was drawn, for the next run."""
    known = run.before.pictures if run.before.version == site_version() else {}
    after = Manifest(
        version=site_version(),
        drawn_at=run.before.drawn_at,
        data_until_at=run.before.data_until_at,
        pictures={**known, **{path: run.wanted[path] for path in drawn}},
        groups=list(groups),
    )
    run.site.write(MANIFEST, msgspec.json.encode(after))
    return {"drawn": drawn, "left": left, "removed": []}


def site_file(sites: Sites, *, farm_id: str, name: str) -> dict[str, Any] | None:
    """Return a file of a farm's site: its content; None if there is none."""
    content = sites.of(farm_id).read(name)
    return None if content is None or name == MANIFEST else {"content": content}


def site_files(sites: Sites, *, farm_id: str) -> dict[str, Any]:
    """Return every file of a farm's site with the digest of its bytes, and when it was drawn."""
    site = sites.of(farm_id)
    manifest = manifest_of(site)
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


def latest_picture(
    desk: Desk,
    sites: Sites,
    *,
    farm_id: str,
    name: str,
    theme: str = "light",
    only: Sequence[str] = (),
) -> dict[str, Any] | None:
    """Return the last 24 hours of a stream or group, up to this minute; None: there is none.

    Args:
        desk: the books.
        sites: where the groups of the last run are known from.
        farm_id: whose.
        name: a stream's folder (`tx_archive`, `series_room`), or its name if only one has it.
        theme: light or dark.
        only: names or patterns of the streams that whoever asks may see, of series with `series:`
            in front; groups are for all only.
    """
    site = sites.of(farm_id)
    run = Run(
        desk=desk,
        farm=desk.farm(farm_id),
        zone=ZoneInfo(desk.farm(farm_id).zone),
        now=desk.clock.now(),
        limit_seconds=LATENCY_LIMIT_SECONDS,
        site=site,
        before=Manifest(),
    )
    with desk.view(farm_id) as view:
        span = Span(Instant(run.now - MILLIS_PER_DAY), run.now)
        known = [one for one in known_streams(desk, view, span) if fits(one.stream, only)]
        subjects = (
            [subject_of_group(group) for group in manifest_of(site).groups] if not only else []
        )
        subjects += subjects_of_streams(known)
        subjects += map(subject_of_series, known_series(desk, farm_id, only))
        named = f"latest/{name}.png"
        chosen = [
            one
            for one in subjects
            if named in {f"latest/{one.folder}.png", latest_path(one.folder)}
        ]
        chosen = chosen or [one for one in subjects if one.name == name]
        if len(chosen) != 1:
            return None
        if chosen[0].kind == SERIES:
            look_at_latest_values(run, chosen[0])
        else:
            until = Instant(max((one.last_at for one in known), default=run.now) + 1)
            look_at_latest(run, view, chosen, until)
    drawn = dict(run.drawings)
    path = latest_path(chosen[0].folder)
    drawing = drawn.get(path if theme == Theme.LIGHT else dark_name(path))
    return None if drawing is None else {"content": stream_graph(*drawing)}
