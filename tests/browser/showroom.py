"""A server with two farms: one where things go wrong today, and a studio with a past of days."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from grange.adapters.host.clock import SystemClock
from grange.domain.rates import RateLine, RateUnit
from grange.kernel.units import MILLIS_PER_DAY, Instant, datetime_of, instant_of
from grange.testing.farm import LocalFarm
from grange.testing.studio import simulated_studio
from tests.browser.conftest import submit_job
from tests.browser.handworker import HandWorker
from tests.unit.streams.log_facts import busy, hand_in

BERLIN = ZoneInfo("Europe/Berlin")


def week_before_last(today: date) -> date:
    """Return the Monday of the week before last: a forecast needs two weeks that are over."""
    return today - timedelta(days=today.weekday() + 14)


MONDAY = instant_of(
    datetime.combine(week_before_last(datetime.now(BERLIN).date()), time.min, BERLIN)
)
"""Midnight in Berlin. The studio's past lies so near that every span of a page still holds it,
and so far that no page takes it for today's."""
MONTH = f"{datetime_of(Instant(MONDAY + MILLIS_PER_DAY)).astimezone(BERLIN):%Y-%m}"
"""The month of the studio's second day."""
LOG = """Loading scene /show/sh010/beauty_v012.scene
Textures: 212 files, 3.4 GiB
\x1b[33mWARNING\x1b[0m: /show/tex/leaf.1003.exr has no mip levels; it is read whole
Building acceleration structure: 4,120,998 triangles in 6.2 s
Rendering frame 3, 1920 x 1080, 256 samples a pixel
Progress: 25 %
\x1b[31mERROR\x1b[0m: no such texture /show/tex/wood.1001.exr
Rendering stopped. 1 error, 1 warning.
"""
RATE = RateLine(line_id="line-1", unit=RateUnit.WORKER_HOUR, billionths_per_hour=4_000_000_000)
PICTURES = Path(__file__).parents[2] / "docs" / "images" / "pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Showroom:
    """What there is to show."""

    farm: LocalFarm
    studio_id: str
    """The farm whose past was made up."""
    start: int
    end: int
    """Of the studio's past."""
    job_id: str
    """A job with tasks in every state."""
    stuck_id: str
    """A job that no worker can do."""
    failed_task: str
    """A task of the first job that has failed, with a log."""
    bad: HandWorker
    """A worker that fails at everything."""

    @property
    def day(self) -> str:
        """A working day of the studio, as words of an address."""
        return f"from={MONDAY + MILLIS_PER_DAY}&to={MONDAY + 2 * MILLIS_PER_DAY}"

    def ask(self, path: str, **query: Any) -> Any:
        """Ask the REST API about the studio."""
        return self.farm.connect().call(
            "GET",
            f"/api/v1/farms/{self.studio_id}{path}",
            query={name: str(value) for name, value in query.items()},
            service="grange",
        )


def furnish(farm: LocalFarm, data: Path) -> Showroom:
    """Put a studio's past and today's trouble into a running farm."""
    with ThreadPoolExecutor(1) as elsewhere:  # this thread may drive a browser already
        past = elsewhere.submit(
            simulated_studio, data / "showroom", workers=8, days=2.75, start=MONDAY, seed=4
        ).result()
    farm.connect().call(
        "POST", "/api/v1/farms/simulated", body={"folder": "showroom"}, service="grange"
    )
    shutil.rmtree(data / "showroom", ignore_errors=True)
    hand_in_streams(farm)
    set_up(farm)
    job_id = submit_job(farm, name="sh010 beauty", frames="1-24", chunk=2)
    stuck_id = submit_job(farm, name="sh020 fur", frames="1-8", chunk=4, memory_mib=900_000)
    good = HandWorker(farm, "rn01", threads=3)
    bad = HandWorker(farm, "rn02", threads=1)
    HandWorker(farm, "rn03", threads=1)
    fail(bad, 3)
    taken = list(reversed(good.take()))
    first, second, third = (action["sessionActionId"] for _, action in taken)
    session_id, action = taken[-1]
    good.write(session_id, LOG.splitlines())
    good.start(first, percent=30)
    good.finish(second)
    good.finish(third, fails_with="no such texture /show/tex/wood.1001.exr")
    return Showroom(
        farm=farm,
        studio_id=past.farm_id,
        start=past.start,
        end=past.end,
        job_id=job_id,
        stuck_id=stuck_id,
        failed_task=action["definition"]["taskRun"]["taskId"],
        bad=bad,
    )


def set_up(farm: LocalFarm) -> None:
    """Tell the farm what farms are told once: a hook, a power policy, licences."""
    told: list[tuple[str, str, Any]] = [
        (
            "POST",
            "/hooks",
            {
                "name": "chat",
                "events": ["budget_reached", "worker_quarantined"],
                "url": "http://127.0.0.1:1/farm",
            },
        ),
        (
            "PUT",
            "/power/farm",
            {"shutdown_idle_seconds": 7200, "keep_on": 2, "hours": "Mon-Fri 20:00-07:00"},
        ),
        (
            "POST",
            "/licences",
            {"app": "nuke", "regions": {"default": {"count": 20, "cost": "0.5"}}},
        ),
        (
            "POST",
            "/licences",
            {
                "app": "maya",
                "plugin": "arnold",
                "regions": {"cloud": None, "default": {"count": 8}, "farm": {"unlimited": True}},
            },
        ),
    ]
    for method, path, body in told:
        farm.connect().call(
            method, f"/api/v1/farms/{farm.farm_id}{path}", body=body, service="grange"
        )


def hand_in_streams(farm: LocalFarm) -> None:
    """Hand in the logs of two streams of the last day."""
    hour = 3_600_000
    end = SystemClock().now() // hour * hour
    rows = busy(end - 20 * hour, 20, stream="archive", machine="ada")
    rows += busy(end - 14 * hour, 14, stream="feed", kind="rx", machine="bob", seed=4)
    hand_in(farm, rows)


def fail(worker: HandWorker, count: int) -> None:
    """Take tasks and fail each as a broken driver does."""
    for number in range(count):
        session_id, action = worker.take()[0]
        worker.start(action["sessionActionId"])
        text = f"CUDA error 719 at 0x7f{number:06x}: launch failure"
        worker.write(session_id, ["reading the scene", f"ERROR {text}", "leaving"])
        worker.finish(action["sessionActionId"], fails_with=text)
