"""Logs of tasks over REST: an attempt's own lines, windows, searches, errors, download."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from grange.kernel.units import Instant, iso8601
from grange.server.rest import log_shapes
from grange.testing.farm import LocalFarm
from tests.answers import difference
from tests.server.conftest import add_worker, template
from tests.server.raw import Answer, signed

LINES = 3000


@dataclass
class Logged:
    """A task that failed once and runs again, both times in one session."""

    farm: LocalFarm
    job_id: str
    task_id: str

    def get(self, path: str = "", **query: object) -> Answer:
        words = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
        route = f"/api/v1/farms/{self.farm.farm_id}/jobs/{self.job_id}/tasks/{self.task_id}/log"
        return signed(
            self.farm, "GET", f"{route}{path}{'?' if words else ''}{words}", service="grange"
        )


@pytest.fixture(scope="module")
def logged(farm: LocalFarm, client: Any) -> Logged:
    job_id = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template(frames="1"),
        templateType="JSON",
        priority=50,
    )["jobId"]
    worker = add_worker(farm, "logged")
    worker.start()
    now = farm.api.context.clock.now()
    ((session_id, session),) = worker.schedule()["assignedSessions"].items()
    (action,) = session["sessionActions"]
    failed = {
        "completedStatus": "FAILED",
        "processExitCode": 1,
        "startedAt": (now - 60_000) / 1000,
        "endedAt": (now - 30_000) / 1000,
        "progressMessage": "no room",
    }
    answer = worker.schedule({action["sessionActionId"]: failed})
    ((again_id, session),) = answer["assignedSessions"].items()
    (again,) = session["sessionActions"]
    worker.schedule({again["sessionActionId"]: {"startedAt": (now - 20_000) / 1000}})
    texts = ["session begins"] + [f"try one, line {at}" for at in range(1, LINES + 1)]
    texts[2000] = "write failed: No space left on device"
    texts[50] = "an exception to the rule"
    first = [
        f"{iso8601(Instant(now - 70_000 if not at else now - 59_000 + at))} {text}\n"
        for at, text in enumerate(texts)
    ]
    first.append(f"{iso8601(Instant(now - 25_000))} session ends\n")
    second = [f"{iso8601(Instant(now - 10_000 + at))} try two, line {at + 1}\n" for at in range(5)]
    for stream, lines in ((session_id, first), (again_id, second)):
        path = f"/api/v1/farms/{farm.farm_id}/sessions/{stream}/log?offset=0"
        assert signed(farm, "PUT", path, "".join(lines).encode(), service="grange").status == 200
    return Logged(farm, job_id, action["definition"]["taskRun"]["taskId"])


@pytest.fixture
def own_farm(tmp_path: Path) -> Iterator[LocalFarm]:
    """A farm beside that of `logged`, whose failed task another worker would be given."""
    with LocalFarm(tmp_path / "farm") as running:
        yield running


KINDS = (log_shapes.FoundLines, log_shapes.FoundErrors, log_shapes.FoundFolds)


def rows(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    found = [json.loads(line) for line in answer.body.splitlines()]
    said = [all(difference(one, kind) is None for one in found) for kind in KINDS]
    assert any(said), found[0]
    return found


def test_attempts_have_their_own_lines(logged: Logged) -> None:
    """Ledger S1-14, S1-20: which worker tried it, how that ended, and what it wrote."""
    about = logged.get().json
    assert [one["attempt"] for one in about["attempts"]] == [1, 2]
    assert about["attempts"][0]["worker"] == "logged"
    assert about["attempts"][0]["status"] == "FAILED"
    assert about["attempts"][0]["text"] == "no room"
    assert (about["attempt"], about["lines"], about["grows"]) == (2, 5, True)
    first = logged.get(attempt=1).json
    assert (first["attempt"], first["lines"], first["grows"]) == (1, LINES, False)
    assert logged.get(attempt=3).status == 404


def test_a_window_holds_the_lines_asked_for(logged: Logged) -> None:
    found = logged.get("/lines", attempt=1, first=1500, count=3).json
    assert found["text"] == [f"try one, line {at}" for at in (1500, 1501, 1502)]
    assert found["at"][1] - found["at"][0] == 1
    assert (found["first"], found["lines"], found["cut"]) == (1500, LINES, [])
    assert logged.get("/lines", attempt=1, first=LINES, count=9).json["text"] == [
        f"try one, line {LINES}"
    ]
    assert logged.get("/lines", attempt=1, first=LINES + 1).json["text"] == []
    assert logged.get("/lines", first=0).status == 400
    assert logged.get("/lines", count=5000).status == 400


def test_a_search_finds_every_line_and_stays_inside_the_attempt(logged: Logged) -> None:
    found = rows(logged.get("/search", attempt=1, text="LINE 17"))
    assert found[-1]["total"] == 111
    assert found[-1]["scanned"] == LINES
    assert found[0]["found"][0] == [17, "try one, line 17"]
    assert rows(logged.get("/search", regex="^try one"))[-1]["total"] == 0
    assert rows(logged.get("/search", regex=r"^try two, line [24]$"))[-1]["found"] == [
        [2, "try two, line 2"],
        [4, "try two, line 4"],
    ]
    assert rows(logged.get("/search", attempt=1, text="Try", case=True))[-1]["total"] == 0


@pytest.mark.parametrize("query", [{}, {"text": "a", "regex": "b"}, {"regex": "("}])
def test_a_search_for_nothing_sensible_is_refused(logged: Logged, query: dict[str, str]) -> None:
    assert logged.get("/search", **query).status == 400


def test_errors_come_with_the_class_of_the_rule(logged: Logged) -> None:
    """Ledger S1-07: the first error is the first line a rule pack knows."""
    found = [one for row in rows(logged.get("/errors", attempt=1)) for one in row["found"]]
    assert found == [
        [50, "an exception to the rule", None],
        [2000, "write failed: No space left on device", "output"],
    ]


def test_lines_that_are_alike_are_told_as_runs_without_any_error(logged: Logged) -> None:
    found = rows(logged.get("/folds", attempt=1))
    assert [one for row in found for one in row["folds"]] == [
        [1, 49, "alike"],
        [51, 1999, "alike"],
        [2001, LINES, "alike"],
    ]
    assert (found[-1]["scanned"], found[-1]["again"]) == (LINES, LINES - 7)
    later = rows(logged.get("/folds", attempt=1, first=found[-1]["again"]))
    assert later[-1]["folds"] == [[LINES - 7, LINES, "alike"]]
    assert rows(logged.get("/folds"))[-1]["folds"] == []


def test_lines_far_from_each_other_are_read_at_once(logged: Logged) -> None:
    found = logged.get("/rows", attempt=1, numbers=f"{LINES},7,2000,8,{LINES + 1},0").json
    assert found["number"] == [7, 8, 2000, LINES]
    assert found["text"][1:3] == ["try one, line 8", "write failed: No space left on device"]
    assert found["at"][1] - found["at"][0] == 1
    assert (found["lines"], found["grows"], found["cut"]) == (LINES, False, [])
    assert logged.get("/rows", numbers="1;2").status == 400


def test_the_file_holds_the_attempt_with_its_times(logged: Logged) -> None:
    answer = logged.get("/file")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert len(answer.body.splitlines()) == 5
    assert answer.body.splitlines()[0].endswith(b"Z try two, line 1")


def test_a_task_nobody_tried_has_no_log(logged: Logged) -> None:
    task = f"{logged.task_id.rpartition('-')[0]}-7"
    other = Logged(logged.farm, logged.job_id, task)
    assert other.get().json["attempts"] == []
    assert other.get("/lines").json["text"] == []
    assert rows(other.get("/errors")) == [{"found": [], "total": 0, "scanned": 0}]
    assert rows(other.get("/folds")) == [{"folds": [], "scanned": 0, "again": 1}]
    assert other.get("/rows", numbers="1").json["text"] == []
    assert Logged(logged.farm, logged.job_id, "nonsense").get().status == 400


def test_what_one_task_wrote_last_is_not_the_first_line_of_the_next(
    own_farm: LocalFarm,
) -> None:
    """Two tasks in one session, the second from the moment on in which the first has ended."""
    farm = own_farm
    job_id = farm.boto3().create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template(frames="1-2"),
        templateType="JSON",
        priority=50,
    )["jobId"]
    worker = add_worker(farm, "one-after-the-other")
    worker.start()
    now = farm.api.context.clock.now()
    ((session_id, session),) = worker.schedule()["assignedSessions"].items()
    (one,) = session["sessionActions"]
    ended, began = now - 30_000, now - 29_990
    done = {
        "completedStatus": "SUCCEEDED",
        "processExitCode": 0,
        "startedAt": (now - 60_000) / 1000,
        "endedAt": ended / 1000,
    }
    answer = worker.schedule({one["sessionActionId"]: done})
    (other,) = answer["assignedSessions"][session_id]["sessionActions"]
    worker.schedule({other["sessionActionId"]: {"startedAt": began / 1000}})
    written = [(ended - 5, "Process 41 exited with code: 0"), (began - 3, "Task of frame 2")]
    text = "".join(f"{iso8601(Instant(at))} {words}\n" for at, words in written)
    path = f"/api/v1/farms/{farm.farm_id}/sessions/{session_id}/log?offset=0"
    assert signed(farm, "PUT", path, text.encode(), service="grange").status == 200
    first, second = (
        Logged(farm, job_id, action["definition"]["taskRun"]["taskId"]) for action in (one, other)
    )
    assert first.get("/lines").json["text"] == ["Process 41 exited with code: 0"]
    assert second.get("/lines").json["text"] == ["Task of frame 2"]
