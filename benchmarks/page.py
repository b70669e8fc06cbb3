"""The page with 100,000 active jobs: first paint, bytes, scrolling, changes, many readers."""

import json
import os
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from subprocess import Popen
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from benchmarks.contest import Contestant, Goal, Table, held
from benchmarks.farms import hear, program, say
from benchmarks.readers import BROWSERS, browsers_open
from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.wire.signature import Credentials

JOBS = 100_000
CHANGES_PER_SECOND = 500
CHANGES_SECONDS = 60.0
MOST_PROCESSOR = 15.0
"""Percent of one processor thread that the page may take meanwhile."""
SCROLL_SECONDS = 5.0
ASKS = 200
LONG_MS = 100.0
VIEW = ViewportSize(width=1440, height=900)
PATIENCE_MS = 300_000
"""A busy machine is slow; the figures say so, and a run ends."""
_ROWS = ".grid-body .grid-row[data-id]"
_WATCH = """() => {
  window.tasks = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.tasks.push(entry.duration);
  }).observe({ type: 'longtask', buffered: false });
}"""
_SCROLL = """async (seconds) => {
  const grid = document.querySelector('.grid');
  const end = performance.now() + seconds * 1000;
  let frames = 0;
  await new Promise((done) => {
    const step = () => {
      frames += 1;
      grid.scrollTop += 900;
      if (performance.now() < end) requestAnimationFrame(step);
      else done();
    };
    requestAnimationFrame(step);
  });
  return frames / seconds;
}"""


def contests(folder: Path, rounds: int, scale: float) -> tuple[list[Table], list[Goal]]:
    """Measure the list of jobs in Chromium, and what readers cost the server."""
    count = max(1000, round(JOBS * scale))
    paint = Table(f"First paint of {count:,} jobs", "s", higher_is_better=False)
    whole = Table(f"All {count:,} jobs listed", "s", higher_is_better=False)
    size = Table(f"Bytes sent for {count:,} jobs, page included", "MB", higher_is_better=False)
    speed = Table("Frames while scrolling", "per s", higher_is_better=True)
    task = Table(f"Longest task at {CHANGES_PER_SECOND} changes/s", "ms", higher_is_better=False)
    busy = Table(
        f"Processor time of the page at {CHANGES_PER_SECOND} changes/s",
        "% of a thread",
        higher_is_better=False,
    )
    asks = Table("99th percentile of a request while jobs change", "ms", higher_is_better=False)
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        program("benchmarks.page_server", place, str(count)) as server,
        sync_playwright() as playwright,
    ):
        told = json.loads(hear(server))
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("GRANGE_TEST_CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox"],
        )
        context = browser.new_context(viewport=VIEW)
        context.set_default_timeout(PATIENCE_MS)
        way_in = context.new_page()
        way_in.goto(told["login"])
        way_in.close()
        held(paint, [Contestant("Grange", lambda: _first_paint(context, told))], rounds)
        held(whole, [Contestant("Grange", lambda: _listed(context, told, count))], rounds)
        held(size, [Contestant("Grange", lambda: _megabytes(browser, context, told, count))], 1)
        page = _opened(context, told)
        _all_there(page, count)
        held(
            speed,
            [Contestant("Grange", lambda: float(page.evaluate(_SCROLL, SCROLL_SECONDS)))],
            rounds,
        )
        seconds = CHANGES_SECONDS * min(1.0, max(scale, 0.25))
        longest, share = _followed(browser, page, server, seconds)
        held(task, [Contestant("Grange", lambda: longest)], 1)
        held(busy, [Contestant("Grange", lambda: share)], 1)
        browser.close()
        contestants = [
            Contestant("nobody looks", lambda: _asking(told, server, readers=0)),
            Contestant(f"{BROWSERS} browsers", lambda: _asking(told, server, readers=BROWSERS)),
        ]
        held(asks, contestants, rounds)
    return [paint, whole, size, speed, task, busy, asks], [
        Goal("First paint, seconds", 1.5, paint.median("Grange"), at_most=True),
        Goal("Bytes, MB", 2.0, size.median("Grange"), at_most=True),
        Goal("Frames per second while scrolling", 45.0, speed.median("Grange")),
        Goal("Longest task, ms", LONG_MS, task.median("Grange"), at_most=True),
        Goal("Processor time, %", MOST_PROCESSOR, busy.median("Grange"), at_most=True),
    ]


def _opened(context: BrowserContext, told: dict[str, Any]) -> Page:
    page = context.new_page()
    page.goto(f"{told['endpoint']}/jobs", wait_until="commit")
    page.locator(_ROWS).first.wait_for()
    return page


def _first_paint(context: BrowserContext, told: dict[str, Any]) -> float:
    """Return the seconds from asking for the page until rows of jobs are drawn."""
    began = time.perf_counter()
    page = _opened(context, told)
    found = time.perf_counter() - began
    page.close()
    return found


def _listed(context: BrowserContext, told: dict[str, Any], count: int) -> float:
    """Return the seconds from asking for the page until it has every job."""
    began = time.perf_counter()
    page = _opened(context, told)
    _all_there(page, count)
    found = time.perf_counter() - began
    page.close()
    return found


def _all_there(page: Page, count: int) -> None:
    page.locator(".list-figures", has_text=f"{count:,} of {count:,}").wait_for()


def _megabytes(
    browser: Browser, signed_in: BrowserContext, told: dict[str, Any], count: int
) -> float:
    """Return what a browser that has nothing yet is sent, compressed as it comes."""
    context = browser.new_context(viewport=VIEW, storage_state=signed_in.storage_state())
    page = context.new_page()
    protocol = context.new_cdp_session(page)
    protocol.send("Network.enable")
    sizes: list[float] = []
    protocol.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(f"{told['endpoint']}/jobs")
    _all_there(page, count)
    page.wait_for_timeout(500)
    context.close()
    return sum(sizes) / 1e6


def _followed(
    browser: Browser, page: Page, server: "Popen[str]", seconds: float
) -> tuple[float, float]:
    """Return the longest task in ms, and the percentage of a thread's time, while jobs change.

    The time is that of all renderers: the page, and the worker that hears for all pages.
    """
    page.evaluate(_WATCH)
    before = _processor_seconds(browser)
    began = time.perf_counter()
    say(server, f"changes {CHANGES_PER_SECOND} {seconds}")
    page.wait_for_timeout(seconds * 1000)
    hear(server)
    taken = _processor_seconds(browser) - before
    share = 100 * taken / (time.perf_counter() - began)
    found: list[float] = page.evaluate("() => window.tasks")
    return max(found, default=0.0), share


def _processor_seconds(browser: Browser) -> float:
    session = browser.new_browser_cdp_session()
    told = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return float(sum(one["cpuTime"] for one in told if one["type"] == "renderer"))


def _asking(told: dict[str, Any], server: "Popen[str]", *, readers: int) -> float:
    """Return the 99th percentile of small requests while jobs change and browsers read events."""
    key, secret = told["owner"]
    credentials = Credentials(access_key_id=key, secret_access_key=secret)
    with browsers_open(told, readers):
        api = HttpFarmApi(told["endpoint"], credentials, SystemClock())
        api.call(
            "GET", f"/api/v1/farms/{told['farm']}/jobs", query={"limit": "1"}, service="grange"
        )
        say(server, f"changes {CHANGES_PER_SECOND} 5")
        taken = []
        for _ in range(ASKS):
            began = time.perf_counter()
            api.call("GET", "/api/v1/me", service="grange")
            taken.append((time.perf_counter() - began) * 1000)
            time.sleep(0.02)
        hear(server)
    api.close()
    return quantiles(taken, n=100)[98]
