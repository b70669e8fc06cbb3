"""/status: the farm on a wall, without JavaScript; it loads itself again."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from html import escape
from urllib.parse import parse_qs, quote
from zoneinfo import ZoneInfo

from grange.books.where import EVERYTHING
from grange.domain.farm import Farm
from grange.kernel.errors import AccessDeniedError, AuthenticationError, GrangeError
from grange.kernel.units import Instant, datetime_of
from grange.server.authentication import Authenticator
from grange.server.context import Context
from grange.server.http import Request, text_reply
from grange.server.plain import HEADERS, page, see_other
from grange.services.permissions import Principal, Target, check
from grange.services.reads.job_rows import JobRow
from grange.services.reads.pages import WorkerRow
from grange.services.wrangle.clusters import Cluster
from grange.wire.encode import Reply

PATH = "/status"
REFRESH_SECONDS = 15
_MOST_JOBS = 12
_MOST_TROUBLES = 8
_WORKERS = (
    ("rendering", "▶", "active"),
    ("idle", "○", ""),
    ("starting", "◐", ""),
    ("disabled", "‖", "held"),
    ("unknown", "?", "failed"),
    ("off", "□", ""),
)


class StatusPage:
    """Answers /status."""

    def __init__(self, context: Context, authenticator: Authenticator) -> None:
        """Answer from the farm.

        Args:
            context: the services.
            authenticator: knows who is signed in.
        """
        self._context = context
        self._authenticator = authenticator

    async def reply(self, request: Request) -> Reply:
        """Return the page; whoever is not signed in is asked to."""
        if request.method not in {"GET", "HEAD"}:
            return text_reply(405, "Only GET is served here.\n", ("allow", "GET, HEAD"), *HEADERS)
        try:
            caller = self._authenticator.browser(request).caller
            asked = parse_qs(request.raw_query)
            wanted = asked.get("farm", [""])[-1]
            farms = [
                farm
                for farm in await self._context.store.find(Farm)
                if _may(caller, farm) and wanted in {"", farm.farm_id}
            ]
        except AuthenticationError:
            return see_other("/login?next=/status")
        except GrangeError as error:
            return text_reply(403, f"{error}\n", *HEADERS)
        farms.sort(key=lambda farm: (farm.simulated, farm.name))
        own = [farm for farm in farms if not farm.simulated or wanted] or farms
        stays = asked.get("refresh", [""])[-1] == "0"
        parts = [await self._farm(farm) for farm in own]
        parts = parts or ["<h1>Grange</h1><p>There is no farm that you may see.</p>"]
        title = own[0].name if len(own) == 1 else "Grange"
        parts.append(_refreshing(wanted, stays=stays))
        seconds = 0 if stays else REFRESH_SECONDS
        return page(f"{title} · status", "".join(parts), refresh_seconds=seconds)

    async def _farm(self, farm: Farm) -> str:
        context = self._context
        now = context.clock.now()
        zone = ZoneInfo(farm.zone)
        workers = await context.pages.all_workers(farm.farm_id, now)
        jobs = (await context.board.find(farm.farm_id, EVERYTHING)).rows
        inbox = (await context.inbox.look(farm.farm_id)).answer
        troubles = [one for one in inbox.clusters if one.state == "open"]
        simulated = (
            '<p class="simulated"><strong>SIMULATED</strong> Nothing here ever happened.</p>'
            if farm.simulated
            else ""
        )
        return (
            f'<h1>{escape(farm.name)}</h1><p class="quiet">{_clock(now, zone, seconds=True)}'
            f" {escape(farm.zone)}</p>{simulated}"
            + _worker_figures(workers)
            + _job_figures(jobs)
            + _running(jobs)
            + _troubles(troubles, now, zone)
        )


def _refreshing(farm_id: str, *, stays: bool) -> str:
    """Return how the page is told to stay as it is, or to go on."""
    words = ([f"farm={quote(farm_id)}"] if farm_id else []) + ([] if stays else ["refresh=0"])
    place = f"{PATH}?{'&amp;'.join(words)}" if words else PATH
    if stays:
        return f'<p class="quiet below">This page stays. <a href="{place}">Let it go on</a></p>'
    return (
        f'<p class="quiet below">Loads itself again every {REFRESH_SECONDS} s.'
        f' <a href="{place}">Stop that</a></p>'
    )


def _may(caller: Principal, farm: Farm) -> bool:
    try:
        check(caller, "grange:GetOverview", Target(farm_id=farm.farm_id))
    except AccessDeniedError:
        return False
    return True


def _worker_figures(workers: list[WorkerRow]) -> str:
    by_state = Counter(row.status for row in workers)
    known = {name for name, _, _ in _WORKERS}
    rest = [(name, "•", "") for name in sorted(by_state) if name not in known]
    shown = [
        (f"{shape} {name}", by_state[name], tone if by_state[name] else "")
        for name, shape, tone in (*_WORKERS, *rest)
        if by_state[name] or name in {"rendering", "idle"}
    ]
    busy = sum(row.busy for row in workers)
    threads = sum(row.thread_count for row in workers)
    return f"<h2>Workers: {busy} of {threads} job threads busy</h2>{_figures(shown)}"


def _job_figures(jobs: list[JobRow]) -> str:
    running = sum(1 for row in jobs if _runs(row))
    failed = sum(1 for row in jobs if row.status == "FAILED")
    held = sum(1 for row in jobs if row.status == "SUSPENDED")
    waiting = sum(
        1
        for row in jobs
        if row.ended_at is None and not _runs(row) and row.status not in {"SUSPENDED", "FAILED"}
    )
    return "<h2>Jobs</h2>" + _figures(
        [
            ("▶ rendering", running, "active" if running else ""),
            ("○ waiting", waiting, ""),
            ("× failed", failed, "failed" if failed else ""),
            ("‖ paused", held, "held" if held else ""),
        ]
    )


def _figures(shown: Iterable[tuple[str, int, str]]) -> str:
    items = "".join(
        f'<li class="{tone}"><b>{count}</b>{escape(word)}</li>' for word, count, tone in shown
    )
    return f'<ul class="figures">{items}</ul>'


def _runs(row: JobRow) -> bool:
    return row.ended_at is None and row.tasks_running > 0


def _running(jobs: list[JobRow]) -> str:
    shown = [row for row in jobs if _runs(row)][:_MOST_JOBS]
    if not shown:
        return ""
    rows = "".join(
        f"<tr><td>{escape(row.name)}</td><td class=wide>{escape(row.user)}</td>"
        f"<td class=wide>{escape(row.project)}</td><td>{_progress(row)}</td>"
        f"<td class=number>{row.frames_done} / {row.frames_total}</td></tr>"
        for row in shown
    )
    return (
        "<h2>Rendering now</h2><table><thead><tr><th>Job</th><th class=wide>User</th>"
        "<th class=wide>Project</th><th>Progress</th><th class=number>Frames</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _progress(row: JobRow) -> str:
    done, total = row.frames_done, max(row.frames_total, 1)
    label = escape(f"{row.name}: {done} of {total} frames")
    return f'<progress max="{total}" value="{done}" aria-label="{label}"></progress>'


def _troubles(troubles: list[Cluster], now: Instant, zone: ZoneInfo) -> str:
    if not troubles:
        return "<h2>Trouble</h2><p>✓ Nothing needs anybody.</p>"
    rows = "".join(
        f"<tr><td>{escape(one.title)}</td><td class=number>{one.count}</td>"
        f"<td class=wide>{escape(', '.join(job.name for job in one.jobs[:3]))}</td>"
        f"<td class=number>{_clock(Instant(one.last_at), zone, now=now)}</td></tr>"
        for one in troubles[:_MOST_TROUBLES]
    )
    more = len(troubles) - _MOST_TROUBLES
    tail = f"<p class=quiet>and {more} more</p>" if more > 0 else ""
    return (
        "<h2>Trouble</h2><table><thead><tr><th>What</th><th class=number>Times</th>"
        f"<th class=wide>Jobs</th><th class=number>Last</th></tr></thead><tbody>{rows}</tbody>"
        f"</table>{tail}"
    )


def _clock(
    at: Instant, zone: ZoneInfo, *, now: Instant | None = None, seconds: bool = False
) -> str:
    moment: datetime = datetime_of(at).astimezone(zone)
    if now is not None and datetime_of(now).astimezone(zone).date() != moment.date():
        return moment.strftime("%Y-%m-%d %H:%M")
    return moment.strftime("%H:%M:%S" if seconds else "%H:%M")
