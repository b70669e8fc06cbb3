"""The decision core under random events: late, repeated and contradictory reports included.

Invariants 1 and 2 of the design: no task is lost, no success is recorded twice, a report from a
worker that lost its lease changes nothing but the books.
"""

import contextlib
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from grange.domain import job, layer, session, session_action, task, worker
from grange.domain.facts import LicenceUseFact, SessionActionFact, SessionFact
from grange.domain.faults import JobFaults, passing_on
from grange.domain.licences import LicencePool, Region, RegionTerms
from grange.domain.shares import Share, ShareKind
from grange.domain.statuses import (
    LEASED,
    TERMINAL,
    ActionKind,
    SessionActionStatus,
    TaskRunStatus,
    WorkerStatus,
)
from grange.domain.work import Job, Layer, Session, SessionAction, Task, Worker
from grange.kernel.errors import GrangeError
from grange.kernel.units import Instant
from grange.scheduling.index import SchedulingIndex
from grange.services.commands.jobs import ChangeJob, ChangeTask
from grange.services.commands.licences import SetLicences
from grange.services.commands.shares import SetShare
from grange.services.commands.workers import DisableWorker
from grange.services.reports import ActionReport, FindSilentWorkers, ReportSchedule, ReportWorker
from grange.testing.builders import DecidingFarm, job_template

ASKED = st.sampled_from(
    [
        TaskRunStatus.READY,
        TaskRunStatus.PENDING,
        TaskRunStatus.SUSPENDED,
        TaskRunStatus.CANCELED,
        TaskRunStatus.FAILED,
        TaskRunStatus.SUCCEEDED,
    ]
)


class FarmMachine(RuleBasedStateMachine):
    """Workers that do and say anything, people who ask for anything."""

    def __init__(self) -> None:
        super().__init__()
        self.farm = DecidingFarm(silence_seconds=60)
        self.workers: list[Any] = []
        self.jobs: list[Any] = []
        self.told: dict[Any, list[Any]] = {}
        """Action ids ever assigned to each worker, for late reports."""

    def call(self, worker_id: Any, updates: dict[Any, ActionReport]) -> None:
        with contextlib.suppress(GrangeError):
            schedule = self.farm.do(
                ReportSchedule(
                    farm_id=self.farm.farm_id,
                    fleet_id=self.farm.fleet_id,
                    worker_id=worker_id,
                    updates=updates,
                    sent_at=self.farm.clock.now(),
                )
            )
            for _, actions in schedule.sessions:
                known = self.told.setdefault(worker_id, [])
                known.extend(a.action_id for a in actions if a.action_id not in known)

    @rule(threads=st.integers(1, 3))
    @precondition(lambda self: len(self.workers) < 3)
    def start_worker(self, threads: int) -> None:
        self.workers.append(self.farm.worker(threads=threads))

    @rule(
        frames=st.sampled_from(["1", "1-3", "1-7"]),
        layers=st.integers(1, 3),
        environments=st.integers(0, 1),
        layer_environments=st.integers(0, 1),
        retries=st.integers(0, 2),
        limit=st.sampled_from([0, 20]),
        workers=st.sampled_from([-1, 1]),
        suspended=st.booleans(),
        app=st.sampled_from(["", "nuke"]),
    )
    @precondition(lambda self: len(self.jobs) < 3)
    def submit(self, **choice: Any) -> None:
        template = job_template(
            frames=choice["frames"],
            layers=choice["layers"],
            environments=choice["environments"],
            layer_environments=choice["layer_environments"],
        )
        self.jobs.append(
            self.farm.job(
                template,
                tags={"grange:app": choice["app"]} if choice["app"] else {},
                max_retries_per_task=choice["retries"],
                max_failed_tasks_count=choice["limit"],
                max_worker_count=choice["workers"],
                suspended=choice["suspended"],
            )
        )

    @rule(data=st.data())
    @precondition(lambda self: self.workers)
    def heartbeat(self, data: st.DataObject) -> None:
        self.call(data.draw(st.sampled_from(self.workers)), {})

    @rule(data=st.data(), status=st.sampled_from(list(SessionActionStatus)), code=st.integers(0, 1))
    @precondition(lambda self: any(self.told.values()))
    def report(self, data: st.DataObject, status: SessionActionStatus, code: int) -> None:
        """Report anything about any action ever assigned, over or not, twice or against itself."""
        worker_id = data.draw(st.sampled_from([w for w, told in self.told.items() if told]))
        actions = data.draw(
            st.lists(st.sampled_from(self.told[worker_id]), min_size=1, max_size=3, unique=True)
        )
        now = self.farm.clock.now()
        done = status in session_action.ENDED
        skew = data.draw(st.integers(-5000, 5000))
        self.call(
            worker_id,
            {
                action: ActionReport(
                    completed_status=status if done else None,
                    started_at=Instant(now - 500 + skew),
                    ended_at=Instant(now + skew) if done else None,
                    exit_code=code,
                    progress_percent=50.0,
                )
                for action in actions
            },
        )

    @rule(data=st.data())
    @precondition(lambda self: any(self.told.values()))
    def finish_well(self, data: st.DataObject) -> None:
        """Let a worker do its open work properly, so that jobs come to an end."""
        worker_id = data.draw(st.sampled_from([w for w, told in self.told.items() if told]))
        known = self.farm.memory.tables[Worker][worker_id,]
        updates = {}
        for _, session_id in known.sessions:
            open_session = self.farm.memory.tables[Session][session_id,]
            now = self.farm.clock.now()
            for index in open_session.open_actions[:1]:
                action = self.farm.memory.tables[SessionAction][session_id, index]
                updates[action.action_id] = ActionReport(
                    completed_status=SessionActionStatus.SUCCEEDED, started_at=now, ended_at=now
                )
        self.call(worker_id, updates)

    @rule(data=st.data(), wish=ASKED)
    @precondition(lambda self: self.jobs)
    def ask_job(self, data: st.DataObject, wish: TaskRunStatus) -> None:
        job_id = data.draw(st.sampled_from(self.jobs))
        self.farm.do(
            ChangeJob(
                farm_id=self.farm.farm_id,
                queue_id=self.farm.queue_id,
                job_id=job_id,
                target_status=wish,
                by="ann",
            )
        )

    @rule(data=st.data(), wish=ASKED, index=st.integers(0, 6))
    @precondition(lambda self: self.jobs)
    def ask_task(self, data: st.DataObject, wish: TaskRunStatus, index: int) -> None:
        job_id = data.draw(st.sampled_from(self.jobs))
        layers = self.farm.memory.tables[Job][job_id,].layer_ids
        with contextlib.suppress(GrangeError):
            self.farm.do(
                ChangeTask(
                    farm_id=self.farm.farm_id,
                    queue_id=self.farm.queue_id,
                    job_id=job_id,
                    layer_id=data.draw(st.sampled_from(layers)),
                    index=index,
                    target_status=wish,
                    by="ann",
                )
            )

    @rule(data=st.data(), status=st.sampled_from(["STARTED", "STOPPING", "STOPPED"]))
    @precondition(lambda self: self.workers)
    def worker_says(self, data: st.DataObject, status: str) -> None:
        with contextlib.suppress(GrangeError):
            self.farm.do(
                ReportWorker(
                    farm_id=self.farm.farm_id,
                    fleet_id=self.farm.fleet_id,
                    worker_id=data.draw(st.sampled_from(self.workers)),
                    status=WorkerStatus(status),
                )
            )

    @rule(data=st.data(), disabled=st.booleans())
    @precondition(lambda self: self.workers)
    def disable(self, data: st.DataObject, disabled: bool) -> None:
        self.farm.do(
            DisableWorker(
                farm_id=self.farm.farm_id,
                worker_id=data.draw(st.sampled_from(self.workers)),
                disabled=disabled,
                by="ann",
            )
        )

    @rule(count=st.sampled_from([0, 1, 2, None]))
    def set_licences(self, count: int | None) -> None:
        """Licences of an application, or any number of them."""
        terms = RegionTerms(count=count or 0, unlimited=count is None)
        self.farm.do(
            SetLicences(
                farm_id=self.farm.farm_id, app="nuke", regions={Region.DEFAULT: terms}, by="ann"
            )
        )

    @rule(most=st.sampled_from([0, 1, None]))
    def set_quota(self, most: int | None) -> None:
        self.farm.do(
            SetShare(
                farm_id=self.farm.farm_id,
                kind=ShareKind.USER,
                name="ann",
                max_threads=most,
                by="ann",
            )
        )

    @rule(seconds=st.sampled_from([0.01, 1.0, 30.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.farm.clock.advance(seconds)
        self.farm.do(FindSilentWorkers())

    @invariant()
    def values_are_possible(self) -> None:
        tables = self.farm.memory.tables
        machines = {
            Job: job,
            Layer: layer,
            Task: task,
            Session: session,
            SessionAction: session_action,
            Worker: worker,
        }
        for kind, machine in machines.items():
            for entity in tables[kind].values():
                machine.check_invariants(entity)

    @invariant()
    def counts_are_the_tasks(self) -> None:
        for found in self.farm.memory.tables[Layer].values():
            counts = (
                Counter(t.status for t in self.farm.memory.tasks_of[found.layer_id].values())
                if found.layer_id in self.farm.memory.tasks_of
                else Counter()
            )
            if found.rest_count:
                counts[found.rest_status] += found.rest_count
            assert dict(counts) == dict(found.counts)
        for found in self.farm.memory.tables[Job].values():
            total: Counter[str] = Counter()
            for layer_id in found.layer_ids:
                total.update(self.farm.memory.tables[Layer][layer_id,].counts)
            assert dict(total) == dict(found.counts)

    @invariant()
    def leases_are_open_actions(self) -> None:
        """Every leased task is held by one open action, and every open task_run holds one."""
        held = {
            (a.layer_id, a.task_index): a.action_id
            for a in self.farm.memory.tables[SessionAction].values()
            if a.kind is ActionKind.TASK_RUN and a.ended_at is None
        }
        leased = {
            (t.layer_id, t.index): t.action_id
            for t in self.farm.memory.tables[Task].values()
            if t.status in LEASED
        }
        assert held == leased

    @invariant()
    def no_task_is_stuck(self) -> None:
        """PENDING tasks wait for a dependency; READY ones do not."""
        for found in self.farm.memory.tables[Layer].values():
            if found.unresolved:
                assert TaskRunStatus.READY not in found.counts
            else:
                assert TaskRunStatus.PENDING not in found.counts

    @invariant()
    def the_index_equals_one_rebuilt_from_rows(self) -> None:
        tables = self.farm.memory.tables
        rebuilt = SchedulingIndex()
        rebuilt.pass_time(self.farm.clock.now())
        for pool in tables[LicencePool].values():
            rebuilt.set_pool(pool.farm_id, (pool.app, pool.plugin, pool.version), pool, {})
        for share in tables[Share].values():
            rebuilt.set_share(share.farm_id, share.kind, share.name, share)
        for found in tables[Layer].values():
            rebuilt.set_layer(tables[Job][found.job_id,], found)
        for faults in tables[JobFaults].values():
            for layer_id, left in passing_on(faults).items():
                rebuilt.set_left(layer_id, left)
        for found in tables[Task].values():
            rebuilt.set_task(found.layer_id, None, found)
        for open_session in tables[Session].values():
            project = tables[Job][open_session.job_id,].attributes["project"]
            rebuilt.set_session(project, None, open_session)
        assert rebuilt.snapshot() == self.farm.memory.index.snapshot()

    def threads_do_one_thing_at_a_time(self) -> None:
        """Sessions of a thread never overlap, nor do the actions of a session."""
        by_thread: dict[Any, list[SessionFact]] = {}
        for fact in self.farm.facts:
            if isinstance(fact, SessionFact):
                by_thread.setdefault((fact.worker_id, fact.thread), []).append(fact)
        for facts in by_thread.values():
            facts.sort(key=lambda f: (f.started_at, f.ended_at))
            for one, two in pairwise(facts):
                assert one.ended_at <= two.started_at
        by_session: dict[Any, list[SessionActionFact]] = {}
        for fact in self.farm.facts:
            if isinstance(fact, SessionActionFact) and fact.started_at is not None:
                by_session.setdefault(fact.session_id, []).append(fact)
        for actions in by_session.values():
            actions.sort(key=lambda f: (f.started_at or 0, f.ended_at))
            for first, second in pairwise(actions):
                assert first.ended_at <= (second.started_at or 0)

    def every_fact_is_written_once(self) -> None:
        keys = Counter(f.action_id for f in self.farm.facts if isinstance(f, SessionActionFact))
        assert not [key for key, count in keys.items() if count > 1]

    def every_licence_was_given_back_once(self) -> None:
        """What sessions took is used once each, and nothing is in use when nothing runs."""
        uses = Counter(f.use_id for f in self.farm.facts if isinstance(f, LicenceUseFact))
        assert not [use for use, count in uses.items() if count > 1]
        tallies = self.farm.memory.index.tallies(self.farm.farm_id)
        if not any(s.ended_at is None for s in self.farm.memory.tables[Session].values()):
            assert not tallies.seats
            assert not tallies.threads

    def cancel_what_is_suspended(self) -> None:
        for found in list(self.farm.memory.tables[Job].values()):
            if TaskRunStatus.SUSPENDED in found.counts:
                self.farm.do(
                    ChangeJob(
                        farm_id=self.farm.farm_id,
                        queue_id=self.farm.queue_id,
                        job_id=found.job_id,
                        target_status=TaskRunStatus.CANCELED,
                        by="ann",
                    )
                )

    def teardown(self) -> None:
        """Let everything run to its end: no task may be lost on the way, no second used twice."""
        self.set_licences(None)
        self.set_quota(None)
        self.run_to_the_end()
        self.every_licence_was_given_back_once()
        self.threads_do_one_thing_at_a_time()
        self.every_fact_is_written_once()

    def run_to_the_end(self) -> None:
        if not self.jobs:
            return
        for _ in range(40):
            if all(
                found.status in TERMINAL and not found.open_sessions
                for found in self.farm.memory.tables[Job].values()
            ):
                break
            self.cancel_what_is_suspended()
            self.farm.clock.advance(120)
            self.farm.do(FindSilentWorkers())
            worker_id = self.farm.worker(threads=3) if not self.told.get("last") else None
            worker_id = worker_id or self.told["last"][0]
            self.told["last"] = [worker_id]
            with contextlib.suppress(GrangeError):
                self.farm.do(
                    ReportWorker(
                        farm_id=self.farm.farm_id,
                        fleet_id=self.farm.fleet_id,
                        worker_id=worker_id,
                        status=WorkerStatus.STARTED,
                    )
                )
            self.call(worker_id, {})
            for _ in range(60):
                known = self.farm.memory.tables[Worker][worker_id,]
                if not known.sessions:
                    break
                now = self.farm.clock.now()
                updates = {}
                for _, session_id in known.sessions:
                    open_session = self.farm.memory.tables[Session][session_id,]
                    for index in open_session.open_actions:
                        action = self.farm.memory.tables[SessionAction][session_id, index]
                        updates[action.action_id] = ActionReport(
                            completed_status=SessionActionStatus.SUCCEEDED,
                            started_at=now,
                            ended_at=now,
                        )
                self.call(worker_id, updates)
        stuck = [
            (found.job_id, found.status, dict(found.counts))
            for found in self.farm.memory.tables[Job].values()
            if found.status not in TERMINAL or found.open_sessions
        ]
        assert not stuck


TestDecisions = FarmMachine.TestCase
TestDecisions.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_a_late_success_of_a_lost_worker_changes_only_the_books() -> None:
    """A worker that lost its lease reports success: the task is rendered again, once."""
    farm = DecidingFarm()
    first = farm.worker()
    farm.job(job_template(frames="1"))
    machine_call = ReportSchedule(
        farm_id=farm.farm_id, fleet_id=farm.fleet_id, worker_id=first, sent_at=farm.clock.now()
    )
    schedule = farm.do(machine_call)
    action = schedule.sessions[0][1][0]
    farm.clock.advance(61)
    farm.do(FindSilentWorkers())
    second = farm.worker()
    again = farm.do(ReportSchedule(farm_id=farm.farm_id, fleet_id=farm.fleet_id, worker_id=second))
    retried = again.sessions[0][1][0]
    assert retried.attempt == 2
    farm.do(
        ReportWorker(
            farm_id=farm.farm_id,
            fleet_id=farm.fleet_id,
            worker_id=first,
            status=WorkerStatus.STARTED,
        )
    )
    before = farm.memory.tables[Task].copy()
    farm.do(
        ReportSchedule(
            farm_id=farm.farm_id,
            fleet_id=farm.fleet_id,
            worker_id=first,
            updates={
                action.action_id: ActionReport(completed_status=SessionActionStatus.SUCCEEDED)
            },
        )
    )
    assert farm.memory.tables[Task] == before
    late = [fact for fact in farm.facts if getattr(fact, "name", "") == "late_report"]
    assert [(fact.old, fact.new) for fact in late] == [("NEVER_ATTEMPTED", "SUCCEEDED")]


@pytest.mark.parametrize("frames", ["1-100000"])
def test_a_large_job_costs_rows_only_for_tasks_that_run(frames: str) -> None:
    farm = DecidingFarm()
    farm.job(job_template(frames=frames))
    assert not farm.all(Task)
    worker_id = farm.worker()
    farm.do(ReportSchedule(farm_id=farm.farm_id, fleet_id=farm.fleet_id, worker_id=worker_id))
    assert len(farm.all(Task)) == 1
