"""Every page there is, once: what axe looks at, and what the docs show pictures of.

A new page adds its line here, and to docs/page.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.browser.showroom import MONTH, Showroom


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A page."""

    name: str
    """Of its picture."""
    path: Callable[[Showroom], str]
    ready: str
    """What is there once it is drawn."""
    studio: bool = False
    """Of the farm with a past."""
    pictured: bool = True
    """The docs show it."""


def plain(path: str) -> Callable[[Showroom], str]:
    """Return an address that is always the same."""
    return lambda _: path


def studio_worker(room: Showroom) -> str:
    """Return the worker of the studio where most came to nothing."""
    rows = room.ask("/accounts", start=room.start, end=room.end, by="worker")["rows"]
    best = max(rows, key=lambda row: int(row["rendering_wasted_ms"]))
    return str(best["worker"])


ROUTES = (
    Route(name="farm", path=plain("/"), ready=".strip .cell"),
    Route(name="jobs", path=plain("/jobs"), ready="main section a[href^='/jobs/']"),
    Route(name="job", path=lambda room: f"/jobs/{room.job_id}", ready=".strip .cell"),
    Route(
        name="log",
        path=lambda room: f"/jobs/{room.job_id}/tasks/{room.failed_task}/log?attempt=1",
        ready="main section",
    ),
    Route(name="workers", path=plain("/workers"), ready="main section"),
    Route(name="wall", path=plain("/workers?view=wall"), ready=".wall-map li"),
    Route(
        name="heat",
        path=lambda room: f"/workers?view=heat&{room.day}",
        ready=".heat canvas[data-rows]:not([data-rows='0'])",
        studio=True,
    ),
    Route(
        name="worker",
        path=lambda room: f"/workers/{studio_worker(room)}?{room.day}",
        ready=".telemetry .uplot",
        studio=True,
    ),
    Route(name="wrangle", path=plain("/wrangle"), ready=".trouble"),
    Route(
        name="usage",
        path=lambda room: f"/usage?{room.day}&range=90d",
        ready="table.report",
        studio=True,
    ),
    Route(
        name="cost",
        path=plain(f"/cost?by=project,user&range=90d&month={MONTH}"),
        ready="body:has(.sheet-table):has(.forecast-days)",
        studio=True,
    ),
    Route(name="reports", path=plain("/reports"), ready=".report-list a", studio=True),
    Route(
        name="errors", path=plain("/reports/errors?range=90d"), ready="main section", studio=True
    ),
    Route(
        name="streams",
        path=plain("/streams?streams=archive,feed&measure=files"),
        ready=".line-chart .uplot",
    ),
    Route(name="users", path=plain("/admin/users"), ready="table.people tbody tr"),
    Route(name="audit", path=plain("/admin/audit"), ready="table.audit tbody tr"),
    Route(name="hooks", path=plain("/admin/hooks"), ready="table.hooks tbody tr"),
    Route(name="power", path=plain("/admin/power"), ready="table.people tbody tr"),
    Route(name="licences", path=plain("/admin/licences"), ready="table.people tbody tr"),
    Route(name="account", path=plain("/account"), ready=".needs li"),
    Route(name="status", path=plain("/status?refresh=0"), ready="ul.figures"),
    Route(
        name="why",
        path=lambda room: f"/jobs/{room.stuck_id}/why",
        ready="main section",
        pictured=False,
    ),
    Route(name="nowhere", path=plain("/nowhere"), ready="main section", pictured=False),
)
"""All pages for people who are signed in."""
