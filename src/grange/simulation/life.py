"""The life of a studio: one event after the other, each through the farm's own services."""

import heapq
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from grange.domain.effects import Effect, WakeFleet, WakeWorker
from grange.domain.farm import SIMULATED
from grange.domain.rates import RateLine, RateUnit
from grange.domain.statuses import ActionKind, TaskRunStatus, WorkerStatus
from grange.domain.work import Job, Worker
from grange.kernel.ids import FarmId, FleetId, JobId, QueueId, StepId, WorkerId
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.services.commands.farm_objects import (
    Associate,
    CreateFarm,
    CreateFleet,
    CreateQueue,
    PutRateCard,
)
from grange.services.commands.jobs import ChangeJob, CreateJob
from grange.services.commands.workers import CreateWorker, DisableWorker
from grange.services.owner import Command
from grange.services.reports import FindSilentWorkers, ReportSchedule, ReportWorker
from grange.simulation.agents import SOON_MS, Agent, Doing
from grange.simulation.bookkeeping import Hour
from grange.simulation.doors import Doors, Tally
from grange.simulation.machines import FLEETS, GPUS, NODES, STATIONS, Machine, machines_of
from grange.simulation.plan import Artist, Calendar, StudioPlan, people_of
from grange.simulation.recipes import (
    COMMERCIALS,
    COMP,
    FILM,
    GPU,
    QUEUES,
    RECIPES,
    Recipe,
    shot_length,
    tags_of,
    task_count,
    written,
)
from grange.simulation.renderers import LayerModel, Renderers

BY = "studio"
WORKS_FOR = {
    NODES: (FILM, COMMERCIALS, COMP),
    STATIONS: (COMMERCIALS, COMP),
    GPUS: (GPU,),
}
RATES = {NODES: 900_000_000, STATIONS: 350_000_000, GPUS: 1_600_000_000}
"""Billionths of the currency for an hour of a machine."""
_SILENT_AFTER_MS = 75_000
_ASK_AGAIN_MS = 20_000
"""An idle machine that got nothing is not woken again before."""

_WOKEN_AT_ONCE = 3

Step = Callable[[], Awaitable[None]]


class Life:
    """Lives the past of one studio."""

    def __init__(self, plan: StudioPlan, doors: Doors) -> None:
        self._plan = plan
        self._doors = doors
        self._clock = doors.clock
        self._rng = random.Random(f"life {plan.seed}")  # noqa: S311 - a simulation, no secrets
        self._renderers = Renderers(plan.seed)
        self._calendar = Calendar(plan.zone)
        self._people = people_of(plan)
        self._events: list[tuple[int, int, Step]] = []
        self._count = 0
        self._agents: dict[WorkerId, Agent] = {}
        self._of_fleet: dict[FleetId, list[Agent]] = {}
        self._introduced: set[WorkerId] = set()
        """Machines that the books have been told of."""
        self._layers: dict[StepId, LayerModel] = {}
        self._hour = Instant(plan.start - plan.start % MILLIS_PER_HOUR)
        self._gap_ms = _mean_gap(plan, self._calendar)
        self._shots = 0
        self.farm_id = FarmId("")
        self._queues: dict[str, QueueId] = {}
        self._fleets: dict[str, FleetId] = {}
        self.tally = Tally()

    async def perform(self, effects: Sequence[Effect]) -> None:
        """Wake machines, as the server would."""
        for effect in effects:
            if isinstance(effect, WakeFleet):
                self._wake_fleet(effect.fleet_id, effect.count)
            elif isinstance(effect, WakeWorker):
                agent = self._agents.get(effect.worker_id)
                if agent is not None:
                    self._report_soon(agent)

    async def live(self) -> None:
        """Go from the start of the plan to its end."""
        await self._found()
        self._at(self._hour + MILLIS_PER_HOUR, self._end_of_hour)
        self._at(self._clock.now() + 1_000, self._submit)
        while self._events and self._events[0][0] < self._plan.end:
            at, _, step = heapq.heappop(self._events)
            self._go_to(at)
            await step()
        self._go_to(self._plan.end)
        await self._close()

    # ── time ──────────────────────────────────────────────────────────────────────────────────────

    def _go_to(self, at: int) -> None:
        if at > self._clock.now():
            self._clock.advance((at - self._clock.now()) / 1000)

    def _at(self, at: float, step: Step) -> None:
        self._count += 1
        heapq.heappush(self._events, (round(at), self._count, step))

    async def _ask(self, command: Command) -> Any:
        self.tally.commands += 1
        return await self._doors.owner.decide_alone(command)

    # ── the studio opens and closes ───────────────────────────────────────────────────────────────

    async def _found(self) -> None:
        plan = self._plan
        made = await self._ask(
            CreateFarm(
                name=plan.farm,
                description="A simulated past.",
                zone=plan.zone,
                currency=plan.currency,
                settings={SIMULATED: True},
                by=BY,
            )
        )
        self.farm_id = FarmId(made["farmId"])
        for name in QUEUES:
            made = await self._ask(CreateQueue(farm_id=self.farm_id, name=name, by=BY))
            self._queues[name] = QueueId(made["queueId"])
        machines = machines_of(plan)
        for name in FLEETS:
            if not any(machine.fleet == name for machine in machines):
                continue
            made = await self._ask(
                CreateFleet(
                    farm_id=self.farm_id, name=name, max_worker_count=10_000,
                    settings=_FLEET_SETTINGS, by=BY,
                )
            )  # fmt: skip
            self._fleets[name] = FleetId(made["fleetId"])
            for queue in WORKS_FOR[name]:
                await self._ask(
                    Associate(
                        farm_id=self.farm_id,
                        queue_id=self._queues[queue],
                        fleet_id=self._fleets[name],
                        by=BY,
                    )
                )
        if GPUS not in self._fleets:
            await self._ask(
                Associate(
                    farm_id=self.farm_id,
                    queue_id=self._queues[GPU],
                    fleet_id=self._fleets[NODES],
                    by=BY,
                )
            )
        await self._put_rates(1.0, "EXAMPLE rates")
        half = (plan.start + plan.end) // 2
        self._at(half, lambda: self._put_rates(1.06, "EXAMPLE rates, energy dearer"))
        for number, machine in enumerate(machines):
            late = number >= 4 and self._rng.random() < 0.08
            wait = self._rng.uniform(0, (plan.end - plan.start) / 3) if late else 300 * number
            self._at(plan.start + 1 + wait, partial(self._join, machine))

    async def _put_rates(self, factor: float, name: str) -> None:
        await self._ask(
            PutRateCard(
                farm_id=self.farm_id,
                name=name,
                example=True,
                lines=tuple(
                    RateLine(
                        line_id=fleet,
                        unit=RateUnit.WORKER_HOUR,
                        billionths_per_hour=round(RATES[fleet] * factor),
                        fleet_id=fleet_id,
                    )
                    for fleet, fleet_id in self._fleets.items()
                ),
                by=BY,
            )
        )

    async def _join(self, machine: Machine) -> None:
        """Register a machine, and begin its days."""
        fleet_id = self._fleets[machine.fleet]
        host = {"hostName": machine.name, "ipAddresses": {"ipV4Addresses": [_address(machine)]}}
        made = await self._ask(
            CreateWorker(farm_id=self.farm_id, fleet_id=fleet_id, host_properties=host, by=BY)
        )
        agent = Agent(
            machine=machine,
            worker_id=WorkerId(made["workerId"]),
            fleet_id=fleet_id,
        )
        self._agents[agent.worker_id] = agent
        self._of_fleet.setdefault(fleet_id, []).append(agent)
        await self._start(agent)
        self._plan_power_loss(agent)
        if machine.fleet == STATIONS:
            self._at(self._clock.now() + 1_000, lambda: self._sit_or_leave(agent))
        if machine.saves_power:
            self._at(self._clock.now() + MILLIS_PER_HOUR, lambda: self._save_power(agent))

    async def _close(self) -> None:
        """Switch every machine off, and end the last hour."""
        for agent in self._agents.values():
            if agent.running:
                await self._stop(agent)
        await self._keep(last=True)

    # ── jobs ──────────────────────────────────────────────────────────────────────────────────────

    async def _submit(self) -> None:
        """Submit a job if the hour is right, and plan the next time."""
        now = self._clock.now()
        self._at(now + self._rng.expovariate(1 / self._gap_ms) + 1, self._submit)
        if self._rng.random() > self._calendar.appetite(now):
            return
        rng = self._rng
        recipe = rng.choices(RECIPES, [recipe.weight for recipe in RECIPES])[0]
        artist = self._artist(recipe)
        frames = shot_length(rng.choice(recipe.frames), self._plan.workers)
        first = rng.choice((1, 101, 1001))
        text, parsed = written(recipe.name, frames, first)
        self._shots += 1
        project = self._project(artist)
        sequence, version = f"{rng.choice('abcd')}{rng.randrange(1, 9):02d}", rng.randrange(1, 40)
        shot = f"{sequence}_{rng.randrange(1, 30) * 10:04d}"
        made = await self._ask(
            CreateJob(
                farm_id=self.farm_id,
                queue_id=self._queues[recipe.queue],
                parsed=parsed,
                template=text,
                template_type="JSON",
                name=f"{project}_{shot}_{recipe.name}_v{version:03d}",
                priority=recipe.priority + rng.choice((-10, -5, 0, 0, 0, 0, 5, 10, 25)),
                max_retries_per_task=3,
                max_worker_count=self._limit(recipe, frames),
                tags=tags_of(
                    recipe,
                    {
                        "project": project, "sequence": sequence, "shot": shot,
                        "version": f"v{version:03d}", "submit_machine": artist.machine,
                    },
                ),
                by=artist.name,
            )
        )  # fmt: skip
        self.tally.jobs += 1
        await self._after_submission(JobId(made["jobId"]), recipe, first, frames)

    async def _after_submission(
        self, job_id: JobId, recipe: Recipe, first: int, frames: int
    ) -> None:
        """Remember the models of a job's layers, and what its artist will want of it."""
        rng, now = self._rng, self._clock.now()
        job = await self._doors.store.get(Job, (job_id,))
        if job is None:
            raise AssertionError(f"{job_id} was just submitted")
        broken = rng.random() < 0.015
        for layer_id, layer in zip(job.layer_ids, recipe.layers, strict=True):
            self._layers[layer_id] = self._renderers.layer(
                layer, first=first, frames=frames, broken=broken
            )
        whim = rng.random()
        queue_id = self._queues[recipe.queue]
        if whim < 0.03:
            self._whim(job_id, queue_id, now + rng.uniform(0.2, 6) * MILLIS_PER_HOUR,
                       target_status=TaskRunStatus.CANCELED)  # fmt: skip
        elif whim < 0.05:
            self._whim(job_id, queue_id, now + rng.uniform(12, 36) * MILLIS_PER_HOUR,
                       target_status=TaskRunStatus.PENDING)  # fmt: skip
        elif whim < 0.1:
            self._whim(job_id, queue_id, now + rng.uniform(0.2, 3) * MILLIS_PER_HOUR,
                       fields={"priority": 90})  # fmt: skip

    def _whim(self, job_id: JobId, queue_id: QueueId, at: float, **wish: Any) -> None:
        async def ask() -> None:
            job = await self._doors.store.get(Job, (job_id,))
            again = wish.get("target_status") is TaskRunStatus.PENDING
            if job is None or again != (job.status is TaskRunStatus.SUCCEEDED):
                return  # it is too late, or too early, for that
            if not again and job.ended_at is not None:
                return
            await self._ask(
                ChangeJob(
                    farm_id=self.farm_id, queue_id=queue_id, job_id=job_id, by=job.created_by,
                    **wish,
                )
            )  # fmt: skip

        self._at(at, ask)

    def _limit(self, recipe: Recipe, frames: int) -> int:
        """Return how many sessions a job may have at once: so many that each has some tasks."""
        most = max(task_count(layer, frames) for layer in recipe.layers)
        return max(1, most // self._rng.choice((2, 5, 7, 10)))

    def _artist(self, recipe: Recipe) -> Artist:
        able = [
            artist for artist in self._people.artists if artist.department in recipe.departments
        ]
        return self._rng.choices(able, [artist.weight for artist in able])[0]

    def _project(self, artist: Artist) -> str:
        """Return what an artist works on this week: mostly one project."""
        projects = self._people.projects
        if self._rng.random() < 0.15:
            return self._rng.choice(projects)
        week = self._clock.now() // (7 * MILLIS_PER_DAY)
        return projects[(sum(artist.name.encode()) + week // 3) % len(projects)]

    # ── machines at work ──────────────────────────────────────────────────────────────────────────

    def _wake_fleet(self, fleet_id: FleetId, count: int) -> None:
        """Let some idle machines of a fleet ask; switch one on if there are none.

        Whoever takes work leaves a wake for the rest, so that few have to be woken at a time.
        """
        now = self._clock.now()
        left = min(count, _WOKEN_AT_ONCE)
        asleep: Agent | None = None
        asked: Agent | None = None
        for agent in self._of_fleet.get(fleet_id, ()):
            if not agent.running:
                if asleep is None and agent.machine.saves_power and not agent.silent:
                    asleep = agent
                continue
            free = agent.machine.threads - len(agent.doing)
            if not free or agent.present or agent.report_due is not None:
                continue
            if now - agent.asked_at < _ASK_AGAIN_MS:
                asked = asked or agent
                continue
            self._report_soon(agent)
            left -= free
            if left <= 0:
                return
        if asked is not None:
            self._report_soon(asked, max(SOON_MS, asked.asked_at + _ASK_AGAIN_MS - now))
        elif asleep is not None and count > 8 and asleep.wanted_at is None:
            asleep.wanted_at = Instant(now + 90_000)
            self._at(asleep.wanted_at, partial(self._boot, asleep))

    def _report_soon(self, agent: Agent, wait_ms: int = SOON_MS) -> None:
        due = self._clock.now() + wait_ms
        if not agent.running or (agent.report_due is not None and agent.report_due <= due):
            return
        agent.report_due = Instant(due)
        life = agent.life

        async def report() -> None:
            if agent.life == life and agent.report_due == due:
                await self._report(agent)

        self._at(due, report)

    async def _report(self, agent: Agent) -> None:
        """Call UpdateWorkerSchedule, and begin what it says."""
        now = self._clock.now()
        agent.report_due = None
        agent.asked_at = now
        updates, agent.updates = agent.updates, {}
        schedule = await self._ask(
            ReportSchedule(
                farm_id=self.farm_id,
                fleet_id=FleetId(agent.fleet_id),
                worker_id=agent.worker_id,
                updates=updates,
                sent_at=agent.own_clock(now),
                native=True,
            )
        )
        if agent.take(
            schedule, now, self._renderers, self._layers, lambda t, d: self._plan_end(agent, t, d)
        ):
            self._report_soon(agent)

    def _plan_end(self, agent: Agent, thread: int, doing: Doing) -> None:
        life, ends_at = agent.life, doing.ends_at

        async def end() -> None:
            current = agent.doing.get(thread)
            if agent.life != life or current is not doing or doing.ends_at != ends_at:
                return
            agent.ended(thread, ends_at)
            if doing.action.kind is ActionKind.TASK_RUN:
                self.tally.attempts += 1
            following = agent.go_on(thread, doing, ends_at, self._renderers, self._layers)
            if following is not None:
                self._plan_end(agent, thread, following)
            await self._report(agent)

        self._at(ends_at, end)

    # ── machines go on and off ────────────────────────────────────────────────────────────────────

    async def _start(self, agent: Agent) -> None:
        machine = agent.machine
        await self._ask(
            ReportWorker(
                farm_id=self.farm_id,
                fleet_id=FleetId(agent.fleet_id),
                worker_id=agent.worker_id,
                status=WorkerStatus.STARTED,
                amounts=machine.amounts,
                attributes=machine.attributes,
            )
        )
        agent.came_on(self._clock.now())
        self._report_soon(agent)

    async def _stop(self, agent: Agent) -> None:
        if agent.doing:
            agent.tell_starts()
            await self._report(agent)
        agent.went_off(self._clock.now())
        for status in (WorkerStatus.STOPPING, WorkerStatus.STOPPED):
            await self._ask(
                ReportWorker(
                    farm_id=self.farm_id,
                    fleet_id=FleetId(agent.fleet_id),
                    worker_id=agent.worker_id,
                    status=status,
                )
            )

    async def _boot(self, agent: Agent) -> None:
        agent.wanted_at = None
        if not agent.running and not agent.silent:
            await self._start(agent)

    async def _save_power(self, agent: Agent) -> None:
        """Switch a machine off that has nothing to do at night; on again in the morning."""
        now = self._clock.now()
        self._at(now + self._rng.uniform(20, 40) * MILLIS_PER_MINUTE,
                 lambda: self._save_power(agent))  # fmt: skip
        hour = self._calendar.hour(now)
        quiet = self._calendar.weekend(now) or hour < 7 or hour >= 20
        if agent.running and quiet and agent.idle_since is not None:
            if now - agent.idle_since > 40 * MILLIS_PER_MINUTE:
                await self._stop(agent)
        elif not agent.running and not agent.silent and not quiet:
            await self._boot(agent)

    async def _sit_or_leave(self, agent: Agent) -> None:
        """Let an artist come to a work station in the morning and leave it in the evening."""
        now = self._clock.now()
        hour = self._calendar.hour(now)
        working = not self._calendar.weekend(now) and 9 <= hour < 18.5
        wait = self._rng.uniform(5, 70) * MILLIS_PER_MINUTE
        if working != agent.present:
            agent.sat_down(now, present=working)
            await self._ask(
                DisableWorker(
                    farm_id=self.farm_id, worker_id=agent.worker_id, disabled=working, by=BY
                )
            )
            wait = self._rng.uniform(5, 7) * MILLIS_PER_HOUR
        self._at(now + wait, lambda: self._sit_or_leave(agent))

    def _plan_power_loss(self, agent: Agent) -> None:
        days = self._rng.expovariate(1 / agent.machine.loses_power_every_days)
        self._at(self._clock.now() + days * MILLIS_PER_DAY, lambda: self._lose_power(agent))

    async def _lose_power(self, agent: Agent) -> None:
        """Let a machine fall silent in the middle of its work; it comes back later."""
        self._plan_power_loss(agent)
        if not agent.running:
            return
        agent.tell_starts()
        await self._report(agent)  # its last word
        now = self._clock.now()
        agent.went_off(now)
        agent.silent = True
        self._at(now + _SILENT_AFTER_MS, self._notice_silence)
        away = self._rng.uniform(4, 180) * MILLIS_PER_MINUTE
        self._at(now + away, lambda: self._come_back(agent))

    async def _come_back(self, agent: Agent) -> None:
        agent.silent = False
        await self._start(agent)

    async def _notice_silence(self) -> None:
        """Let every machine that runs be heard, then look who is not."""
        for agent in self._agents.values():
            if agent.running:
                await self._report(agent)
        await self._ask(FindSilentWorkers())

    # ── books ─────────────────────────────────────────────────────────────────────────────────────

    async def _end_of_hour(self) -> None:
        """Hand over the facts of the hour."""
        await self._keep(last=False)
        self._at(self._hour + MILLIS_PER_HOUR, self._end_of_hour)

    async def _keep(self, *, last: bool) -> None:
        until = self._clock.now()
        self._hour = Instant(self._hour + MILLIS_PER_HOUR)
        told = (agent.facts_until(until) for agent in self._agents.values())
        agents = [one for one in told if one is not None]
        workers = self._doors.owner.memory.tables[Worker]
        joined = [
            (workers[(agent.worker_id,)], agent.machine)
            for agent in self._agents.values()
            if agent.worker_id not in self._introduced
        ]
        self._introduced.update(worker.worker_id for worker, _ in joined)
        self.tally.frames += sum(len(one.frames) for agent in agents for one in agent.rendered)
        facts = self._doors.store.take_facts()
        hour = Hour(
            farm_id=self.farm_id, end=until, facts=facts, joined=joined, agents=agents, last=last
        )
        await self._doors.books.keep(hour)


_FLEET_SETTINGS = {
    "roleArn": "arn:aws:iam::000000000000:role/grange-fleet",
    "configuration": {
        "customerManaged": {
            "mode": "NO_SCALING",
            "workerCapabilities": {
                "vCpuCount": {"min": 1},
                "memoryMiB": {"min": 512},
                "osFamily": "LINUX",
                "cpuArchitectureType": "x86_64",
            },
        }
    },
}


def _mean_gap(plan: StudioPlan, calendar: Calendar) -> float:
    """Return the milliseconds between thoughts of submitting a job, so that the total is right."""
    weights = sum(recipe.weight for recipe in RECIPES)
    tasks = sum(
        recipe.weight
        * sum(
            task_count(layer, shot_length(frames, plan.workers))
            for layer in recipe.layers
            for frames in recipe.frames
        )
        / len(recipe.frames)
        for recipe in RECIPES
    )
    hours = range(max(1, round(plan.days * 24)))
    appetite = sum(
        calendar.appetite(Instant(plan.start + hour * MILLIS_PER_HOUR)) for hour in hours
    ) / len(hours)
    jobs = plan.attempts_per_worker_day * plan.workers * plan.days / (tasks / weights)
    return (plan.end - plan.start) * max(appetite, 0.01) / max(jobs, 1.0)


def _address(machine: Machine) -> str:
    number = int(machine.name[-3:])
    return f"10.{10 + FLEETS.index(machine.fleet)}.{number // 250}.{number % 250 + 1}"
