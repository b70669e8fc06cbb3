"""What REST is said to answer is what it answers: nothing is missing, nothing more is said."""

from typing import Any

import msgspec
import pytest

from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR
from grange.server.rest import shapes
from tests.browser.showroom import MONTH, Showroom

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
        "reports": (ask("/reports"), shapes.ReportKinds),
        **{
            f"report {kind['name']}": (
                ask(f"/reports/{kind['name']}", start=showroom.start, end=showroom.end),
                shapes.ReportAnswer,
            )
            for kind in ask("/reports")["reports"]
        },
    }


def test_every_described_answer_is_as_it_is_described(asked: dict[str, tuple[Any, Any]]) -> None:
    wrong = {}
    for name, (answer, kind) in asked.items():
        try:
            told = msgspec.convert(answer, kind, strict=True)
        except msgspec.ValidationError as error:
            wrong[name] = str(error)
        else:
            same = msgspec.json.decode(msgspec.json.encode(told))
            if same != answer:
                wrong[name] = f"more is said: {sorted(_paths(answer) - _paths(same))[:5]}"
    assert wrong == {}


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
    ):
        assert asked[name][0][member], name


def _paths(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {path}.union(*(_paths(inner, f"{path}.{name}") for name, inner in value.items()))
    if isinstance(value, list):
        return {path}.union(*(_paths(inner, f"{path}[]") for inner in value))
    return {path}
