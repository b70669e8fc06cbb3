"""A farm's life as facts: consistent, random, the same for the same seed."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grange.books.catalog.registry import TABLES
from grange.books.catalog.rows import fact_row
from grange.domain.facts import EventFact, Fact, SessionActionFact, SessionFact
from grange.domain.rates import amount_after
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.testing.books import BooksBench
from grange.testing.facts import (
    FARM,
    FLEET,
    T0,
    action_fact,
    frame_row,
    numbered,
    posted_frame,
    posted_worker_sample,
    sample_row,
    session_fact,
)

USERS = ("ann", "bob")
PROJECTS = ("film", "advert")
APPS = ("mitsuba", "povray")
FLEETS = (FLEET, numbered("fleet", 2))
CHUNK = 2
"""Frames of a task."""


@dataclass(slots=True)
class Story:
    """Everything that happened."""

    facts: list[Fact] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    end: Instant = T0

    def sessions(self) -> list[SessionFact]:
        """Return the sessions."""
        return [fact for fact in self.facts if isinstance(fact, SessionFact)]

    def actions(self) -> list[SessionActionFact]:
        """Return the session actions."""
        return [fact for fact in self.facts if isinstance(fact, SessionActionFact)]

    def attempts(self) -> list[SessionActionFact]:
        """Return the attempts."""
        return [action for action in self.actions() if action.kind == "task_run"]

    def events(self, name: str) -> list[EventFact]:
        """Return the events of a name, in order."""
        found = [f for f in self.facts if isinstance(f, EventFact) and f.name == name]
        return sorted(found, key=lambda event: (event.at, event.event_id))


class Storyteller:
    """Makes up a story: some workers, some jobs of one layer each, sessions that render them."""

    def __init__(self, seed: object, *, hours: int = 6, workers: int = 3, jobs: int = 4) -> None:
        self._rng = random.Random(str(seed))  # noqa: S311 - tests
        self._story = Story(end=Instant(T0 + hours * MILLIS_PER_HOUR))
        self._count = 0
        self._workers = workers
        self._jobs = jobs

    def tell(self) -> Story:
        """Return the story."""
        for number in range(1, self._workers + 1):
            self._worker(number)
        layers = [self._layer(number) for number in range(1, self._jobs + 1)]
        for number in range(1, self._workers + 1):
            for thread in range(self._threads(number)):
                self._thread(number, thread, layers)
        for layer in layers:
            self._finish(layer)
        self._waiting()
        return self._story

    def _threads(self, worker: int) -> int:
        return 1 + worker % 2

    def _event(self, at: int, name: str, **columns: Any) -> None:
        self._count += 1
        values: dict[str, Any] = {"subject": "worker", "subject_id": columns.get("worker_id", "")}
        values.update(columns)
        self._story.facts.append(
            EventFact(
                farm_id=FARM,
                event_id=numbered("event", self._count),
                at=Instant(at),
                name=name,
                **values,
            )
        )

    def _worker(self, number: int) -> None:
        worker_id, fleet_id = numbered("worker", number), FLEETS[number % 2]
        about = {"worker_id": worker_id, "fleet_id": fleet_id, "number": self._threads(number)}
        at = T0 + self._rng.randrange(60_000)
        self._event(at, "worker_status", old="CREATED", new="CREATED", **about)
        self._event(at + 500, "worker_status", old="CREATED", new="STARTED", **about)
        if number == 2:
            off = T0 + (self._story.end - T0) // 2
            silent = off + 7 * MILLIS_PER_MINUTE
            seen = json.dumps({"last_seen_at": off})
            self._event(silent, "worker_status", old="STARTED", new="NOT_RESPONDING",
                        detail=seen, **about)  # fmt: skip
            self._event(silent + 900_000, "worker_status", old="NOT_RESPONDING", new="STARTED",
                        **about)  # fmt: skip
        if number == 3:
            begin = self._story.end - 2 * MILLIS_PER_HOUR
            self._event(begin, "worker_disabled", old="false", new="true", **about)
            self._event(begin + MILLIS_PER_HOUR, "worker_disabled", old="true", new="false",
                        **about)  # fmt: skip
        for at in range(T0 + 20_000, self._story.end, 20_000):
            if self._rng.random() < 0.9:
                sample = posted_worker_sample(at, cpu_milli=self._rng.randrange(1001))
                row = sample_row(sample, worker_id=worker_id, fleet_id=fleet_id)
                self._story.samples.append(row)

    def _layer(self, number: int) -> dict[str, Any]:
        rng = self._rng
        layer: dict[str, Any] = {
            "number": number, "job_id": numbered("job", number),
            "layer_id": numbered("step", number), "user": rng.choice(USERS),
            "project": rng.choice(PROJECTS), "app": rng.choice(APPS),
            "tasks": rng.randrange(2, 9), "next": 0, "again": [], "left": 0,
            "created": T0 + rng.randrange(3_600_000), "ended": T0, "attempts": {},
        }  # fmt: skip
        self._layer_event(layer, layer["created"], None, "READY")
        return layer

    def _layer_event(self, layer: dict[str, Any], at: int, old: str | None, new: str) -> None:
        detail = {
            "user": layer["user"], "project": layer["project"], "app": layer["app"],
            "frame_count": layer["tasks"] * CHUNK,
        }  # fmt: skip
        self._event(
            at, "layer_status", subject="layer", subject_id=layer["layer_id"], old=old, new=new,
            job_id=layer["job_id"], layer_id=layer["layer_id"], number=layer["tasks"],
            detail=json.dumps(detail),
        )  # fmt: skip

    def _thread(self, worker: int, thread: int, layers: Sequence[dict[str, Any]]) -> None:
        rng = self._rng
        at = T0 + MILLIS_PER_HOUR + rng.randrange(600_000)
        if worker == 2:  # silent in the middle: it works afterwards
            at = T0 + (self._story.end - T0) // 2 + MILLIS_PER_HOUR
        while at < self._story.end - MILLIS_PER_HOUR:
            open_layers = [x for x in layers if x["next"] < x["tasks"] or x["again"]]
            if not open_layers:
                return
            at = self._session(worker, thread, rng.choice(open_layers), at)
            at += rng.randrange(1_200_000)

    def _session(self, worker: int, thread: int, layer: dict[str, Any], start: int) -> int:
        rng = self._rng
        self._count += 1
        session_id = numbered("session", self._count)
        threads = self._threads(worker)
        rate = rng.choice([None, 1_234_567_891])
        about: dict[str, Any] = {
            "worker_id": numbered("worker", worker), "fleet_id": FLEETS[worker % 2],
            "thread": thread, "session_id": session_id, "job_id": layer["job_id"],
            "job_name": f"job {layer['number']}", "user_name": layer["user"],
            "project": layer["project"], "threads": threads, "billionths_per_hour": rate,
            "ps_milli": 500 * worker,
        }  # fmt: skip
        at = start + rng.randrange(2_000)
        index = 0

        def act(kind: str, length: int, **columns: Any) -> SessionActionFact:
            nonlocal at, index
            values = about | {"app": layer["app"], "layer_id": None, "layer_name": None,
                              "task_index": None, "attempt": None, "frames": None,
                              "frame_count": None, "session_started_at": start,
                              "assigned_at": max(start, at - 300), "started_at": at,
                              "ended_at": at + length, "kind": kind,
                              "action_index": index} | columns  # fmt: skip
            fact = action_fact(**values)
            self._story.facts.append(fact)
            at += length + rng.choice([0, 0, 250])
            index += 1
            return fact

        act("env_enter", rng.randrange(5_000))
        for _ in range(rng.randrange(1, 4)):
            task = self._next_task(layer)
            if task is None:
                break
            self._attempt(layer, task, act)
        act("env_exit", rng.randrange(1_000))
        self._story.facts.append(
            session_fact(
                **about, started_at=start, ended_at=at,
                amount_billionths=None if rate is None else amount_after(rate, at - start),
            )
        )  # fmt: skip
        layer["ended"] = max(layer["ended"], at)
        return at

    def _next_task(self, layer: dict[str, Any]) -> int | None:
        if layer["again"]:
            return int(layer["again"].pop())
        if layer["next"] < layer["tasks"]:
            layer["next"] += 1
            return int(layer["next"]) - 1
        return None

    def _attempt(self, layer: dict[str, Any], task: int, act: Any) -> None:
        rng = self._rng
        number = layer["attempts"].get(task, 0) + 1
        layer["attempts"][task] = number
        status = "FAILED" if rng.random() < 0.25 and number < 3 else "SUCCEEDED"
        first = task * CHUNK + 1
        if number == 1 and layer["left"] == 0:
            self._layer_event(layer, layer["created"] + 1_000, "READY", "RUNNING")
            layer["left"] = 1
        fact = act(
            "task_run", rng.randrange(1_000, 2_400_000), status=status, task_index=task,
            attempt=number, frames=f"{first}-{first + CHUNK - 1}", frame_count=CHUNK,
            layer_id=layer["layer_id"], layer_name=f"layer {layer['number']}",
        )  # fmt: skip
        if status == "FAILED":
            layer["again"].append(task)
        elif rng.random() < 0.15 and number < 3:
            task_id = f"task-{layer['layer_id'][5:]}-{task}"
            self._event(fact.ended_at, "task_status", subject="task", subject_id=task_id,
                        new="READY", actor="ann", job_id=layer["job_id"],
                        layer_id=layer["layer_id"])  # fmt: skip
            layer["again"].append(task)
        if rng.random() < 0.8 and fact.started_at is not None:
            half = (fact.ended_at - fact.started_at) // 2
            for part in range(CHUNK):
                begin = fact.started_at + part * half
                posted = posted_frame(
                    action_id=fact.action_id, session_id=fact.session_id, job_id=fact.job_id,
                    layer_id=fact.layer_id, task_index=task, frame=first + part,
                    started_at=begin, ended_at=begin + half, render_ms=half,
                )  # fmt: skip
                self._story.frames.append(
                    frame_row(posted, worker_id=fact.worker_id, fleet_id=fact.fleet_id)
                )

    def _finish(self, layer: dict[str, Any]) -> None:
        if layer["next"] == layer["tasks"] and not layer["again"]:
            self._layer_event(layer, layer["ended"], "RUNNING", "SUCCEEDED")

    def _waiting(self) -> None:
        for fleet_id in FLEETS:
            old = None
            for at in range(T0, self._story.end, 1_700_000):
                new = self._rng.choice(["none", "ready", "blocked"])
                self._event(at, "fleet_waiting", subject="fleet", subject_id=fleet_id, old=old,
                            new=new, fleet_id=fleet_id)  # fmt: skip
                old = new


Row = tuple[int, str, Mapping[str, Any]]
"""Time, table, columns."""


def rows_of(story: Story) -> list[Row]:
    """Return everything in a story, in the order of its time."""
    found: list[Row] = []
    for fact in story.facts:
        name, row = fact_row(fact)
        found.append((row[TABLES[name].time_column], name, row))
    found += [(row["ended_at"], "frames", row) for row in story.frames]
    found += [(row["at"], "worker_samples", row) for row in story.samples]
    return sorted(found, key=lambda item: (item[0], item[1], str(item[2])))


def post(bench: BooksBench, rows: Iterable[Row]) -> None:
    """Put rows in the journal."""
    by_table: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for _, name, row in rows:
        by_table[name].append(row)
    for name, listed in by_table.items():
        bench.post(name, listed)
