"""What REST is said to answer is what it answers: nothing is missing, nothing more is said."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant, datetime_of
from grange.server.rest import day_shapes, history_shapes, shapes, stream_shapes
from tests.answers import difference
from tests.browser.showroom import BERLIN, MONTH, Showroom

pytestmark = pytest.mark.chromium
"""Not for the browser: these ask the showroom, which the browser's tests have."""


@pytest.fixture(scope="module")
def asked(showroom: Showroom) -> dict[str, tuple[Any, Any]]:
    """Path → the answer, and its shape."""
    day = showroom.start + MILLIS_PER_DAY
    span = {"start": day, "end": day + MILLIS_PER_DAY}
    jobs = showroom.ask("/jobs", limit=200)["jobs"]
    job = next(row for row in jobs if row["status"] == "SUCCEEDED")["job_id"]
    failed = next((row for row in jobs if row["tasks_failed"]), jobs[0])["job_id"]
    worker = showroom.ask("/workers")["workers"][0]
    machine = f"/workers/{worker['worker_id']}"
    farm = showroom.farm

    def own(path: str, **query: Any) -> Any:
        return farm.connect().call(
            "GET",
            f"/api/v1/farms/{farm.farm_id}{path}",
            query={name: str(value) for name, value in query.items()},
            service="grange",
        )

    ask = showroom.ask
    return {
        "accounts": (ask("/accounts", **span), shapes.AccountsAnswer),
        "accounts by hour": (
            ask("/accounts", **span, by="worker", step="hour"),
            shapes.AccountsAnswer,
        ),
        "timeline": (ask("/timeline", **span), shapes.TimelineAnswer),
        "receipt": (ask(f"/jobs/{job}/receipt"), shapes.ReceiptAnswer),
        "samples": (
            ask("/samples/workers", **span, worker=worker["worker_id"]),
            shapes.SamplesAnswer,
        ),
        "attempts of a job": (ask(f"/jobs/{failed}/attempts"), shapes.JobAttempts),
        "attempts of a running job": (own(f"/jobs/{showroom.job_id}/attempts"), shapes.JobAttempts),
        "events of a job": (own(f"/jobs/{showroom.job_id}/events"), shapes.JobEvents),
        "eta": (own(f"/jobs/{showroom.job_id}/eta"), shapes.EtaAnswer),
        "attempts of a worker": (ask(f"{machine}/attempts", **span), shapes.WorkerAttempts),
        "an attempt": (
            ask(f"{machine}/attempt", at=day + 12 * MILLIS_PER_HOUR),
            shapes.AttemptAt,
        ),
        "months": (ask("/months"), shapes.MonthsAnswer),
        "a statement": (
            ask(f"/months/{MONTH}/statement", lines="true"),
            shapes.StatementAnswer,
        ),
        "licences": (own("/licences"), shapes.LicencesAnswer),
        "names of streams": (own("/streams/names"), shapes.StreamNamesAnswer),
        **_history(showroom, own),
        **_days(showroom, own, worker["worker_id"]),
        **_streams(own, int(time.time() * 1000)),
        "frames of a job": (ask(f"/jobs/{job}/frame-records"), history_shapes.FrameRecords),
        "frames of jobs": (
            ask("/frame-records", jobs=f"{job},{failed}"),
            history_shapes.FrameRecordsOfJobs,
        ),
        "contacts": (ask("/contacts"), history_shapes.Contacts),
        "usage": (ask("/usage", **span, group_by="project,worker"), history_shapes.UsageAnswer),
        "costs": (ask("/costs", **span, by="project,fleet"), history_shapes.CostsAnswer),
        "the books": (ask("/books/about"), history_shapes.BooksAbout),
        "workers of the books": (ask("/books/workers"), history_shapes.BookWorkers),
        "files of the books": (ask("/books/files"), history_shapes.BookFiles),
        "reports": (ask("/reports"), shapes.ReportKinds),
        **{
            f"report {kind['name']}": (
                ask(f"/reports/{kind['name']}", start=showroom.start, end=showroom.end),
                shapes.ReportAnswer,
            )
            for kind in ask("/reports")["reports"]
        },
    }


def _days(showroom: Showroom, own: Callable[..., Any], worker: str) -> dict[str, tuple[Any, Any]]:
    """What is said of days of a studio, and of a farm of which little is known."""
    ask, found = showroom.ask, day_shapes
    day, next_day = (
        f"{datetime_of(Instant(showroom.start + n * MILLIS_PER_DAY)).astimezone(BERLIN):%Y-%m-%d}"
        for n in (1, 2)
    )
    mine = own("/workers")["workers"][0]["worker_id"]
    return {
        "a day": (ask(f"/days/{day}"), found.DayAnswer),
        "an own day": (own(f"/days/{day}"), found.DayAnswer),
        "a ring": (ask("/rings/day", day=day), found.RingAnswer),
        "an own ring": (own("/rings/auto"), found.RingAnswer),
        "quarters of users": (ask("/slots", day=day), found.SlotsAnswer),
        "quarters of fleets": (ask("/slots", day=day, subject="group"), found.SlotsAnswer),
        "days of a worker": (ask(f"/workers/{worker}/days"), found.WorkerDaysAnswer),
        "days of an own worker": (own(f"/workers/{mine}/days"), found.WorkerDaysAnswer),
        "a day of a worker": (ask(f"/workers/{worker}/days/{day}"), found.WorkerDayAnswer),
        "a day of an own worker": (own(f"/workers/{mine}/days/{day}"), found.WorkerDayAnswer),
        "a day of workers": (ask(f"/worker-days/{day}", workers=worker), found.DayOfWorkers),
        "days of workers": (
            ask("/worker-days", start_day=day, end_day=next_day),
            found.WorkerReportAnswer,
        ),
    }


def _streams(own: Callable[..., Any], now: int) -> dict[str, tuple[Any, Any]]:
    span = {"since": now - 2 * MILLIS_PER_DAY, "until": now}
    found = stream_shapes
    return {
        "streams": (own("/streams"), found.StreamsAnswer),
        "slots of streams": (own("/streams/slots", **span, step_seconds=3600), found.StreamSlots),
        "slots of a group": (
            own("/streams/slots", **span, step_seconds=3600, group="all", measures="bytes"),
            found.StreamSlots,
        ),
        "hours of streams": (own("/streams/hours", **span), found.StreamHours),
        "a watch of streams": (own("/streams/watch", **span), found.StreamWatch),
    }


def _history(showroom: Showroom, own: Callable[..., Any]) -> dict[str, tuple[Any, Any]]:
    """What is said of layers: of a studio's past, and of the farm's own, some of which wait."""
    ask, found = showroom.ask, history_shapes
    wrong = ask("/history", where="errors>0", limit=1)["records"][0]["layer_id"]
    mine = own("/history", limit=1)["records"][0]["layer_id"]
    return {
        "projects": (ask("/history/projects"), found.HistoryProjects),
        "history": (ask("/history", limit=50), found.HistoryAnswer),
        "history with details": (ask("/history", limit=50, details="true"), found.HistoryAnswer),
        "own history": (own("/history", limit=50, details="true"), found.HistoryAnswer),
        "pages of history": (ask("/history-pages", limit=20), found.HistoryPages),
        "own pages of history": (own("/history-pages", limit=20), found.HistoryPages),
        "a record": (ask(f"/history/{wrong}"), found.HistoryRecord),
        "an own record": (own(f"/history/{mine}"), found.HistoryRecord),
        "errors of a layer": (ask(f"/history/{wrong}/errors"), found.LayerErrors),
        "log of a layer": (ask(f"/history/{wrong}/log"), found.LayerLog),
        "times of layers": (ask("/layer-times"), found.LayerTimes),
    }


def test_every_described_answer_is_as_it_is_described(asked: dict[str, tuple[Any, Any]]) -> None:
    differences = {name: difference(*told) for name, told in asked.items()}
    assert {name: what for name, what in differences.items() if what is not None} == {}


def test_rows_are_there_to_be_compared(asked: dict[str, tuple[Any, Any]]) -> None:
    """An empty list would fit any shape."""
    for name, member in (
        ("accounts by hour", "rows"),
        ("timeline", "rows"),
        ("attempts of a job", "attempts"),
        ("attempts of a running job", "attempts"),
        ("events of a job", "events"),
        ("attempts of a worker", "rows"),
        ("months", "months"),
        ("a statement", "line_rows"),
        ("licences", "pools"),
        ("names of streams", "streams"),
        ("report cost", "rows"),
        ("a day", "users"),
        ("a day", "fleets"),
        ("a ring", "columns"),
        ("quarters of users", "rows"),
        ("quarters of fleets", "rows"),
        ("a day of workers", "workers"),
        ("streams", "streams"),
        ("slots of streams", "rows"),
        ("slots of a group", "rows"),
        ("hours of streams", "hours"),
        ("a watch of streams", "hours"),
        ("projects", "projects"),
        ("history with details", "records"),
        ("own history", "records"),
        ("pages of history", "records"),
        ("a record", "workers"),
        ("a record", "error_list"),
        ("errors of a layer", "errors"),
        ("log of a layer", "log"),
        ("times of layers", "lists"),
        ("frames of a job", "frames"),
        ("frames of jobs", "jobs"),
        ("contacts", "contacts"),
        ("usage", "rows"),
        ("costs", "rows"),
        ("workers of the books", "workers"),
        ("files of the books", "files"),
    ):
        assert asked[name][0][member], name
