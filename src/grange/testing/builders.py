"""Short ways to the values tests start from."""

import functools
import random
from collections.abc import Sequence
from typing import Any

import msgspec

from grange.domain.statuses import WorkerStatus
from grange.domain.work import Worker
from grange.kernel.clock import VirtualClock
from grange.kernel.ids import FarmId, FleetId, QueueId, WorkerId, uuid7_hex
from grange.kernel.units import Instant
from grange.services.commands.farm_objects import Associate, CreateFarm, CreateFleet, CreateQueue
from grange.services.commands.jobs import CreateJob
from grange.services.commands.workers import CreateWorker
from grange.services.draft import Context, Draft, Memory
from grange.services.hooks import notice
from grange.services.owner import Command
from grange.services.reports import ReportWorker
from grange.services.templates import ParsedJob, TaskSpaces, parse_job
from grange.services.work import book_statuses

FLEET_CONFIGURATION = {
    "customerManaged": {
        "mode": "NO_SCALING",
        "workerCapabilities": {
            "vCpuCount": {"min": 1},
            "memoryMiB": {"min": 512},
            "osFamily": "LINUX",
            "cpuArchitectureType": "x86_64",
        },
    }
}


class SeededIds:
    """An IdSource that gives the same ids every time."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - ids of tests, not secrets
        self._count = 0

    def new(self, prefix: str) -> str:
        """Return the next id; later ones sort later."""
        self._count += 1
        return f"{prefix}-{uuid7_hex(Instant(self._count), self._random.randbytes(10))}"


class DecidingFarm:
    """The decision core alone: memory, a virtual clock, no store and no loop.

    `do` decides a command as the owner would, and keeps what a commit would have written.
    """

    def __init__(self, *, silence_seconds: int = 60) -> None:
        self.clock = VirtualClock()
        self.memory = Memory()
        self.context = Context(
            ids=SeededIds(), spaces=TaskSpaces(), silence_seconds=silence_seconds
        )
        self.rows: dict[tuple[type[Any], tuple[str | int, ...]], Any] = {}
        self.facts: list[Any] = []
        self.effects: list[Any] = []
        self.farm_id = FarmId(self.do(CreateFarm(name="f", by="ann"))["farmId"])
        self.queue_id = QueueId(
            self.do(CreateQueue(farm_id=self.farm_id, name="q", by="ann"))["queueId"]
        )
        self.fleet_id = FleetId(
            self.do(CreateFleet(farm_id=self.farm_id, name="l", max_worker_count=100, by="ann"))[
                "fleetId"
            ]
        )
        self.do(
            Associate(
                farm_id=self.farm_id, queue_id=self.queue_id, fleet_id=self.fleet_id, by="ann"
            )
        )

    def do(self, command: Command) -> Any:
        """Decide one command; raises what it raises, having changed nothing."""
        draft = Draft(memory=self.memory, context=self.context, now=self.clock.now())
        try:
            result = command.decide(draft)
            book_statuses(draft)
            notice(draft)
        except Exception:
            draft.undo()
            raise
        self.rows.update(draft.changed)
        self.facts.extend(draft.facts)
        self.effects.extend(draft.effects)
        return result

    def worker(self, *, threads: int = 1, **amounts: float) -> WorkerId:
        """Register and start a worker."""
        worker_id = WorkerId(
            self.do(CreateWorker(farm_id=self.farm_id, fleet_id=self.fleet_id, by="w"))["workerId"]
        )
        self.do(
            ReportWorker(
                farm_id=self.farm_id,
                fleet_id=self.fleet_id,
                worker_id=worker_id,
                status=WorkerStatus.STARTED,
                amounts={"grange:amount.worker.jobthreads": float(threads), **amounts},
                attributes={"attr.worker.os.family": ("linux",)},
            )
        )
        return worker_id

    def job(self, template: dict[str, Any] | None = None, **members: Any) -> Any:
        """Submit a job; returns its id."""
        text = msgspec.json.encode(template or job_template()).decode()
        return self.do(
            CreateJob(
                farm_id=self.farm_id,
                queue_id=self.queue_id,
                parsed=_parsed(text),
                template=text,
                template_type="JSON",
                by="ann",
                **members,
            )
        )["jobId"]

    def all(self, kind: type[Any]) -> Sequence[Any]:
        """Return every row of a type ever written, in its latest form."""
        return [row for (row_kind, _), row in self.rows.items() if row_kind is kind and row]


@functools.cache
def _parsed(text: str) -> ParsedJob:
    return parse_job(text, "JSON", {})


def job_template(
    *,
    frames: str = "1-4",
    layers: int = 1,
    environments: int = 0,
    layer_environments: int = 0,
    chunk: int | None = None,
) -> dict[str, Any]:
    """Return a job template of `layers` steps, each depending on the one before."""

    def environment(name: str) -> dict[str, Any]:
        return {"name": name, "script": {"actions": {"onEnter": {"command": "true"}}}}

    def step(index: int) -> dict[str, Any]:
        parameter: dict[str, Any] = {"name": "Frame", "type": "INT", "range": frames}
        if chunk is not None:
            parameter |= {
                "type": "CHUNK[INT]",
                "chunks": {"defaultTaskCount": chunk, "rangeConstraint": "CONTIGUOUS"},
            }
        found: dict[str, Any] = {
            "name": f"layer{index}",
            "parameterSpace": {"taskParameterDefinitions": [parameter]},
            "script": {"actions": {"onRun": {"command": "echo", "args": ["{{Task.Param.Frame}}"]}}},
        }
        if index:
            found["dependencies"] = [{"dependsOn": f"layer{index - 1}"}]
        if layer_environments:
            found["stepEnvironments"] = [
                environment(f"L{index}E{number}") for number in range(layer_environments)
            ]
        return found

    template: dict[str, Any] = {
        "specificationVersion": "jobtemplate-2023-09",
        "name": "shot",
        "steps": [step(index) for index in range(layers)],
    }
    if chunk is not None:
        template["extensions"] = ["TASK_CHUNKING"]
    if environments:
        template["jobEnvironments"] = [environment(f"E{n}") for n in range(environments)]
    return template


def worker_row(farm: DecidingFarm, worker_id: WorkerId) -> Worker:
    """Return a worker as the farm knows it."""
    row: Worker = farm.memory.tables[Worker][worker_id,]
    return row
