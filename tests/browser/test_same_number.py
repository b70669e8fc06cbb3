"""Same question, same number: thirty questions and more, asked through every door that has them.

Design, invariant 6. The figures of the studio are asked for once through each door; then each
question is one test. A door that has no words for a question is not asked it; which doors answer
is in the question's own line.
"""

import csv
import io
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from grange import rrdata
from grange.kernel.clock import VirtualClock
from grange.kernel.units import Instant, datetime_of
from grange.rrdata.door import Door
from grange.rrdata.export import export_farm
from grange.rrdata.place import CONTACTS, HISTORY
from tests.browser.conftest import Visitor
from tests.browser.showroom import Showroom

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.timeout(300)]

PROJECTS = ("harvest", "lanterns", "orchard")
USERS = ("ada", "ben", "chloe", "david", "emil")
DOORS = ("page", "cli", "rest", "deadline", "rrdata", "csv")
DAY_MS = 86_400_000

Figures = dict[str, dict[str, str]]
"""Door → question → figure, as exact text."""


@dataclass
class Asked:
    """What each door said."""

    said: Figures = field(default_factory=lambda: {door: {} for door in DOORS})

    def note(self, door: str, question: str, figure: object) -> None:
        """Keep a figure."""
        self.said[door][question] = str(figure)


QUESTIONS = (
    *(f"sessions of project {name}" for name in PROJECTS),
    *(f"cost of project {name}" for name in PROJECTS),
    *(f"sessions of user {name}" for name in USERS),
    *(f"cost of user {name}" for name in USERS),
    *(f"runtime of user {name}" for name in USERS),
    "runtime of all",
    *(f"layers of project {name}" for name in PROJECTS),
    *(f"attempts of project {name}" for name in PROJECTS),
    *(f"failed attempts of project {name}" for name in PROJECTS),
    "workers",
)


@pytest.fixture(scope="module")
def asked(showroom: Showroom, chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    found = Asked()
    start, end = showroom.start, showroom.end
    for how in (_rest, _cli, _csv, _deadline):
        how(found, showroom, start, end)
    _rrdata(found, showroom, tmp_path_factory.mktemp("rr"))
    return found


def _rows(found: Asked, door: str, by: str, rows: Any) -> None:
    for row in rows:
        name = row[by]
        found.note(door, f"sessions of {by} {name}", row["sessions"])
        found.note(door, f"cost of {by} {name}", Decimal(row["cost"]))
        found.note(door, f"runtime of {by} {name}", int(row["runtime_ms"]))
    if by == "user":
        found.note(door, "runtime of all", sum(int(row["runtime_ms"]) for row in rows))


def _history(found: Asked, door: str, records: Any) -> None:
    layers: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for record in records:
        layers[record["project"]] += 1
        sent[record["project"]] += record["current"]["sent"]
        failed[record["project"]] += record["current"]["crashed"]
    for name in PROJECTS:
        found.note(door, f"layers of project {name}", layers[name])
        found.note(door, f"attempts of project {name}", sent[name])
        found.note(door, f"failed attempts of project {name}", failed[name])


def _rest(found: Asked, room: Showroom, start: int, end: int) -> None:
    for by in ("project", "user"):
        _rows(found, "rest", by, room.ask("/reports/usage", start=start, end=end, by=by)["rows"])
    found.note("rest", "workers", len(room.ask("/contacts")["contacts"]))
    _history(found, "rest", room.ask("/history-pages", limit=500)["records"])


def _cli(found: Asked, room: Showroom, start: int, end: int) -> None:
    span = [f"--since={_when(start)}", f"--until={_when(end)}"]
    for by in ("project", "user"):
        _rows(
            found,
            "cli",
            by,
            json.loads(_grange(room, "usage", f"--by={by}", *span, "--json"))["rows"],
        )
    found.note("cli", "workers", len(json.loads(_grange(room, "worker", "ls", "--json"))))


def _csv(found: Asked, room: Showroom, start: int, end: int) -> None:
    for by in ("project", "user"):
        content = room.farm.connect().fetch(
            f"/api/v1/farms/{room.studio_id}/reports/usage/csv",
            query={"start": str(start), "end": str(end), "by": by},
        )
        _rows(found, "csv", by, list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")))))


def _deadline(found: Asked, room: Showroom, start: int, end: int) -> None:
    client = room.farm.boto3()
    farm = {"farmId": room.studio_id}
    found.note(
        "deadline",
        "workers",
        sum(
            len(client.list_workers(**farm, fleetId=fleet["fleetId"])["workers"])
            for fleet in client.list_fleets(**farm)["fleets"]
        ),
    )
    started = client.start_sessions_statistics_aggregation(
        **farm,
        resourceIds={"queueIds": [one["queueId"] for one in client.list_queues(**farm)["queues"]]},
        startTime=datetime_of(start - start % DAY_MS),  # type: ignore[arg-type]
        endTime=datetime_of(end - end % DAY_MS + DAY_MS),  # type: ignore[arg-type]
        groupBy=["USER_ID"],
        statistics=["SUM"],
    )
    page: dict[str, Any] = {"status": "IN_PROGRESS"}
    for _ in range(1000):
        page = client.get_sessions_statistics_aggregation(
            **farm, aggregationId=started["aggregationId"]
        )
        if page["status"] != "IN_PROGRESS":
            break
        time.sleep(0.02)
    assert page["status"] == "COMPLETED"
    total = 0
    for row in page["statistics"]:
        millis = round(row["runtimeInSeconds"]["sum"] * 1000)
        total += millis
        found.note("deadline", f"sessions of user {row['userId']}", row["count"])
        found.note("deadline", f"runtime of user {row['userId']}", millis)
    found.note("deadline", "runtime of all", total)


def _rrdata(found: Asked, room: Showroom, folder: Path) -> None:
    root = folder / "rr"
    door = DoorThen(room)
    export_farm(door, root, clock=VirtualClock(Instant(room.end)), days=3, frames=False)
    loader = rrdata._historyProjectLoader()
    assert loader.loadProjectList(str(root / HISTORY))
    records = []
    for number in range(loader.projectCount()):
        assert loader.loadProject(number)
        for at in range(loader.jobCount()):
            job = loader.jobAt(at)
            current = {"sent": job.infoTotalSend, "crashed": job.infoTotalCrashed}
            records.append({"project": job.companyProjectName, "current": current})
    _history(found, "rrdata", records)
    contact = rrdata._server_clientInfo()
    assert contact.loadFromFile(str(root / CONTACTS))
    found.note("rrdata", "workers", contact.count())


class DoorThen(Door):
    """The server as it was on the last day of the studio: an export reckons back from today."""

    def __init__(self, room: Showroom) -> None:
        super().__init__(room.farm.connect(), room.studio_id)
        self._then = room.end

    def ask(self, question: str, **arguments: Any) -> dict[str, Any]:
        """Put a question; what time it is, is told as of then."""
        answer = super().ask(question, **arguments)
        return {**answer, "now": self._then} if question == "books_about" else answer


def _when(instant: int) -> str:
    return datetime_of(instant).isoformat()  # type: ignore[arg-type]


def _grange(room: Showroom, *words: str) -> str:
    import os
    import subprocess
    import sys

    environment = {**os.environ, **room.farm.environment(), "GRANGE_FARM_ID": room.studio_id}
    environment.pop("GRANGE_QUEUE_ID", None)
    done = subprocess.run(
        [sys.executable, "-m", "grange", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_there_are_thirty_questions_and_each_door_answers_some(asked: Asked) -> None:
    assert len(set(QUESTIONS)) >= 30
    for door in DOORS:
        if door != "page":
            assert set(asked.said[door]) & set(QUESTIONS), door


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_door_gives_the_same_number(question: str, asked: Asked) -> None:
    """Design, invariant 6."""
    answers = {
        door: figures[question] for door, figures in asked.said.items() if question in figures
    }
    assert len(answers) >= 2, answers
    assert len(set(answers.values())) == 1, answers


def cells(page: Page) -> list[dict[str, str]]:
    """Return the rows of the report's table by the heads of its columns."""
    heads = [head.strip().lower() for head in page.locator("thead .sorter").all_inner_texts()]
    return [
        dict(zip(heads, [one.strip() for one in row.locator("td").all_inner_texts()], strict=False))
        for row in page.locator("table.report tbody tr").all()
    ]


@pytest.mark.parametrize("by", ["project", "user"])
def test_the_page_shows_the_same_numbers_rounded(
    by: str, asked: Asked, showroom: Showroom, visit: Visitor
) -> None:
    """The page rounds amounts; nothing else may differ. Its span holds all of the studio's past."""
    page = visit(showroom.farm).open(f"/usage?by={by}&range=365d", farm_id=showroom.studio_id)
    expect(page.locator("table.report tbody tr").first).to_be_visible()
    rows = cells(page)
    assert rows
    told = asked.said["rest"]
    for row in rows:
        assert row["sessions"] == told[f"sessions of {by} {row[by]}"]
        assert row["cost"] == money(Decimal(told[f"cost of {by} {row[by]}"]))


def test_the_page_of_workers_counts_them_alike(
    asked: Asked, showroom: Showroom, visit: Visitor
) -> None:
    page = visit(showroom.farm).open("/workers?view=wall", farm_id=showroom.studio_id)
    expect(page.locator(".wall-map li")).to_have_count(int(asked.said["rest"]["workers"]))


def money(amount: Decimal) -> str:
    """Return an amount as pages write it where some of a table are one or more."""
    return f"EUR {amount.quantize(Decimal('0.01'), ROUND_HALF_EVEN):,}"
