"""Jobs that wait for other jobs: held, released, opened again, and why."""

from typing import Any

import pytest

from grange.domain.statuses import TaskRunStatus
from grange.domain.work import Job, Layer
from grange.kernel.errors import ConflictError, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId, JobId
from grange.scheduling.blocks import Block
from grange.services.commands.job_links import SetJobAfter, named_jobs
from grange.services.commands.jobs import ChangeJob
from grange.services.why import AskWhy
from grange.testing.builders import DecidingFarm, job_template
from tests.unit.scheduling.test_limits import call, finish, open_jobs


class Linked:
    """A farm with one worker and a job that waits for another."""

    def __init__(self) -> None:
        self.farm = DecidingFarm()
        self.worker = self.farm.worker()
        self.first = self.farm.job(job_template(frames="1"), priority=10)
        self.second = self.farm.job(
            job_template(frames="1-2", layers=2), priority=90, after=(self.first,)
        )

    def after(self, job: Any, *others: Any) -> Any:
        return self.farm.do(
            SetJobAfter(farm_id=self.farm.farm_id, job_id=job, after=others, by="ann")
        )

    def ask(self, job: Any, status: TaskRunStatus) -> None:
        self.farm.do(
            ChangeJob(
                farm_id=self.farm.farm_id,
                queue_id=self.farm.queue_id,
                job_id=job,
                target_status=status,
                by="ann",
            )
        )

    def why(self, job: Any) -> tuple[str, str]:
        answer = self.farm.do(AskWhy(farm_id=self.farm.farm_id, job_id=job))
        return answer.reason, answer.text

    def job(self, job: Any) -> Job:
        found: Job = self.farm.memory.tables[Job][job,]
        return found

    def layers(self, job: Any) -> list[Layer]:
        return [self.farm.memory.tables[Layer][one,] for one in self.job(job).layer_ids]


def test_a_job_begins_when_the_job_before_it_has_succeeded_whatever_its_priority() -> None:
    at = Linked()
    told = call(at.farm, at.worker)
    assert open_jobs(at.farm) == [at.first]
    assert at.why(at.second)[0] == Block.DEPENDENCY
    assert "shot" in at.why(at.second)[1]
    finish(at.farm, at.worker, told)
    assert open_jobs(at.farm) == [at.second]
    assert at.job(at.second).waits_for is None
    assert at.job(at.second).after == (at.first,)
    assert at.layers(at.second)[1].waits  # its second layer still waits for the first


@pytest.mark.parametrize(
    ("status", "words"),
    [(TaskRunStatus.CANCELED, "was canceled"), (TaskRunStatus.FAILED, "failed")],
)
def test_a_job_goes_on_waiting_for_one_that_failed_or_was_canceled(
    status: TaskRunStatus, words: str
) -> None:
    at = Linked()
    at.ask(at.first, status)
    assert not call(at.farm, at.worker).sessions
    reason, text = at.why(at.second)
    assert reason == Block.DEPENDENCY
    assert words in text
    assert f"grange job set {at.second} --after none" in text
    at.after(at.second)
    assert at.why(at.second)[0] == ""
    call(at.farm, at.worker)
    assert open_jobs(at.farm) == [at.second]


def test_what_has_not_begun_waits_again_when_the_job_before_is_opened_again() -> None:
    at = Linked()
    told = finish(at.farm, at.worker, call(at.farm, at.worker))
    assert open_jobs(at.farm) == [at.second]
    at.ask(at.first, TaskRunStatus.PENDING)
    assert at.job(at.second).waits_for == (at.first,)
    told = finish(at.farm, at.worker, told)  # its running task is finished, the next one waits
    counts = at.layers(at.second)[0].counts
    assert counts == {"SUCCEEDED": 1, "PENDING": 1}
    assert [session.job_id for session, _ in told.sessions] == [at.first]
    finish(at.farm, at.worker, told)
    assert open_jobs(at.farm) == [at.second]


def test_a_job_waits_for_all_of_several() -> None:
    at = Linked()
    third = at.farm.job(job_template(frames="1"), priority=5)
    at.after(at.second, at.first, third)
    told = finish(at.farm, at.worker, call(at.farm, at.worker))
    assert open_jobs(at.farm) == [third]
    finish(at.farm, at.worker, told)
    assert open_jobs(at.farm) == [at.second]


def test_a_paused_job_that_is_released_stays_paused() -> None:
    at = Linked()
    at.ask(at.second, TaskRunStatus.SUSPENDED)
    finish(at.farm, at.worker, call(at.farm, at.worker))
    assert open_jobs(at.farm) == []
    at.ask(at.second, TaskRunStatus.READY)
    call(at.farm, at.worker)
    assert open_jobs(at.farm) == [at.second]


def test_a_job_that_waits_for_one_that_has_succeeded_waits_for_nothing() -> None:
    at = Linked()
    finish(at.farm, at.worker, call(at.farm, at.worker))
    late = at.farm.job(job_template(frames="1"), after=(at.first,))
    assert at.job(late).waits_for is None


def test_jobs_cannot_wait_for_each_other_nor_for_themselves() -> None:
    at = Linked()
    third = at.farm.job(job_template(), after=(at.second,))
    for other in (at.first, at.second, third):
        with pytest.raises(InvalidRequestError, match="wait for each other"):
            at.after(at.first, other)
    assert at.job(at.first).waits_for is None


def test_what_cannot_be_waited_for_is_refused() -> None:
    at = Linked()
    with pytest.raises(NotFoundError):
        at.after(at.second, JobId("job-none"))
    with pytest.raises(NotFoundError):
        at.farm.job(job_template(), after=(JobId("job-none"),))
    with pytest.raises(NotFoundError):
        at.farm.do(SetJobAfter(farm_id=FarmId("farm-x"), job_id=at.second, after=(), by="ann"))
    with pytest.raises(InvalidRequestError, match="at most"):
        at.after(at.second, *(JobId(f"job-{number}") for number in range(101)))
    finish(at.farm, at.worker, call(at.farm, at.worker))
    with pytest.raises(ConflictError):
        at.after(at.first, at.second)


def test_a_tag_names_the_jobs_and_is_no_attribute_of_the_work() -> None:
    tags = {"grange:after": "job-a, job-b,job-a", "grange:mood": "dark"}
    assert named_jobs(tags) == ("job-a", "job-b")
    farm = DecidingFarm()
    job = farm.job(job_template(), tags=tags)
    attributes = farm.memory.tables[Job][job,].attributes
    assert "after" not in attributes
    assert attributes["mood"] == "dark"
