"""The page of a long log, in Chromium: opened at its first error, searched, opened at a line.

The log has a million lines. Before each round the server forgets its index and the browser its
files, so every figure holds all of it: page, index, errors, window. A round begins at the
navigation and ends when the line is drawn.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.contest import Contestant, Goal, Table, held
from grange.adapters.log_lines import LogLineReader
from grange.adapters.session_logs import SessionLogFiles
from grange.kernel.units import Instant, iso8601
from grange.testing.farm import LocalFarm

LINES = 1_000_000
GOAL_OPEN_SECONDS = 1.0
GOAL_SEARCH_SECONDS = 2.0
OPENED, SEARCHED, LANDED = "open at the first error", "search", "open at a line"


def contests(folder: Path, rounds: int, scale: float) -> tuple[list[Table], list[Goal]]:
    """Measure the page of a log of a million lines; nothing where there is no Chromium."""
    program = os.environ.get("GRANGE_TEST_CHROMIUM", "/usr/bin/chromium")
    if not Path(program).exists():
        return [], []
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where it can run

    lines = max(1000, round(LINES * scale))
    table = Table(f"The page of a log of {lines:,} lines", "seconds", higher_is_better=False)
    with ExitStack() as stack:
        farm = stack.enter_context(LocalFarm(folder / "page-log", session_log_max_mib=512))
        page_of = _logged(farm, folder / "page-log", lines)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])

        def fresh() -> Any:
            reader = farm.api.context.log_lines
            if isinstance(reader, LogLineReader):
                reader.forget()
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            link = farm.connect().call("POST", "/api/v1/login-links", body={}, service="grange")
            page.goto(str(link["url"]), wait_until="domcontentloaded")
            page.wait_for_selector("nav")
            return page

        def opened(address: str, text: str) -> float:
            page = fresh()
            start = time.perf_counter()
            page.goto(address, wait_until="commit")
            page.wait_for_selector(f"li.chosen code:has-text('{text}')")
            found = time.perf_counter() - start
            page.context.close()
            return found

        def searched() -> float:
            page = fresh()
            page.goto(f"{page_of}#L1", wait_until="domcontentloaded")
            page.wait_for_selector("li.chosen code:has-text('bucket 1')")
            start = time.perf_counter()
            page.get_by_role("searchbox").fill(f"bucket {lines - 1}")
            page.wait_for_selector("[role=status]:text-is('1 line')")
            found = time.perf_counter() - start
            page.context.close()
            return found

        there = round(lines * 0.812345)
        runs: list[tuple[str, Callable[[], float]]] = [
            (OPENED, lambda: opened(page_of, "No space left")),
            (SEARCHED, searched),
            (LANDED, lambda: opened(f"{page_of}#L{there - 5}", f"bucket {there - 5}")),
        ]
        held(table, [Contestant(name, run) for name, run in runs], rounds)
        browser.close()
    table.notes.append("a search waits a quarter of a second for more typing first")
    return [table], [
        Goal(OPENED, GOAL_OPEN_SECONDS, table.median(OPENED), at_most=True),
        Goal(SEARCHED, GOAL_SEARCH_SECONDS, table.median(SEARCHED), at_most=True),
        Goal(LANDED, GOAL_OPEN_SECONDS, table.median(LANDED), at_most=True),
    ]


def _logged(farm: LocalFarm, folder: Path, lines: int) -> str:
    """Have a task begin, write its log, and return the address of its page."""
    template = {
        "specificationVersion": "jobtemplate-2023-09",
        "name": "talks",
        "steps": [
            {"name": "render", "script": {"actions": {"onRun": {"command": "true"}}}},
        ],
    }
    job_id = farm.boto3().create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=json.dumps(template),
        templateType="JSON",
        priority=50,
    )["jobId"]
    client = farm.boto3()
    names = {"farmId": farm.farm_id, "fleetId": farm.fleet_id}
    host = {"hostName": "log-01"}
    names["workerId"] = client.create_worker(**names, hostProperties=host)["workerId"]
    amounts = [
        {"name": "amount.worker.vcpu", "value": 8},
        {"name": "amount.worker.memory", "value": 16384},
    ]
    attributes = [
        {"name": "attr.worker.os.family", "values": ["linux"]},
        {"name": "attr.worker.cpu.arch", "values": ["x86_64"]},
    ]
    client.update_worker(
        **names,
        status="STARTED",
        capabilities={"amounts": amounts, "attributes": attributes},
    )
    sessions = client.update_worker_schedule(**names, updatedSessionActions={})["assignedSessions"]
    ((session_id, session),) = sessions.items()
    (action,) = session["sessionActions"]
    started = {action["sessionActionId"]: {"startedAt": time.time()}}
    client.update_worker_schedule(**names, updatedSessionActions=started)
    stamp = iso8601(Instant(farm.api.context.clock.now()))
    texts = [
        f"{stamp} rendering bucket {number} of the picture\n" for number in range(1, lines + 1)
    ]
    texts[round(lines * 0.812345) - 1] = f"{stamp} write failed: No space left on device\n"
    logs = SessionLogFiles(folder / "logs" / "sessions", max_bytes=512 * 2**20)
    asyncio.run(logs.append(session_id, "".join(texts).encode(), 0))
    task = action["definition"]["taskRun"]["taskId"]
    return f"{farm.endpoint}/jobs/{job_id}/tasks/{task}/log"
