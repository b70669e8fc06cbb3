"""Models of what runs on a job thread: how long it takes, how it ends, what it used."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grange.domain.statuses import ActionKind, SessionActionStatus
from grange.domain.work import SessionAction
from grange.simulation.machines import GIB, Machine
from grange.simulation.recipes import LayerRecipe

MIB = 1024**2
_FAILURES: tuple[tuple[str, str, float, int], ...] = (
    ("licence", "No licence: all seats are in use.", 0.22, 3),
    ("memory", "Out of memory.", 0.22, 137),
    ("missing_input", "Cannot read texture: no such file.", 0.2, 1),
    ("crash", "Segmentation fault.", 0.2, 139),
    ("output", "Cannot write output: no space left on device.", 0.05, 2),
    ("failed", "Exited without saying why.", 0.11, 1),
)
"""Class, what the log says, share of all failures, exit code."""
_USUAL_FAILURE = 0.012
"""Share of attempts that fail on a usual machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerModel:
    """One layer of one job."""

    recipe: LayerRecipe
    frame_ms: float
    """Of this job's frames, on a machine of speed 1."""
    drift: float
    """How much longer the last frame takes than the first, as a factor's logarithm."""
    first: int
    frames: int
    memory_bytes: int
    broken: bool
    """Its scene is broken: every attempt fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How one action goes."""

    millis: int
    status: SessionActionStatus
    exit_code: int
    usage: Mapping[str, Any] = field(default_factory=dict)
    frames: tuple[tuple[int, int, int], ...] = ()
    """(frame number, begin and end in ms after the action's begin) of frames that were finished."""
    memory_bytes: int = GIB
    cpu: float = 0.2
    """Share of its job thread's part of the machine."""


class Renderers:
    """Says how actions go, from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"renderers {seed}")  # noqa: S311 - a simulation

    def layer(self, recipe: LayerRecipe, *, first: int, frames: int, broken: bool) -> LayerModel:
        """Return the model of a layer of a new job."""
        rng = self._random
        return LayerModel(
            recipe=recipe,
            frame_ms=recipe.seconds * 1000 * rng.lognormvariate(0, 0.45),
            drift=rng.gauss(0, 0.25),
            first=first,
            frames=frames,
            memory_bytes=round(recipe.memory_gib * GIB * rng.lognormvariate(0, 0.2)),
            broken=broken,
        )

    def run(self, action: SessionAction, layer: LayerModel | None, machine: Machine) -> Run:
        """Return how an action goes on a machine."""
        if action.kind is ActionKind.TASK_RUN and layer is not None:
            return self._task(action, layer, machine)
        rng = self._random
        enters = action.kind is ActionKind.ENV_ENTER
        millis = rng.lognormvariate(math.log(9_000 if enters else 1_500), 0.4)
        if enters and rng.random() < 0.0008 * machine.flaky:
            return Run(
                millis=round(millis) + 30_000,
                status=SessionActionStatus.FAILED,
                exit_code=1,
                usage={"errorClass": "setup", "errorRule": "generic.setup",
                       "errorText": "The scene's package could not be mounted."},
            )  # fmt: skip
        return Run(
            millis=max(200, round(millis)), status=SessionActionStatus.SUCCEEDED, exit_code=0
        )

    def _task(self, action: SessionAction, layer: LayerModel, machine: Machine) -> Run:
        rng, recipe = self._random, layer.recipe
        load = recipe.load_seconds * 1000 * rng.lognormvariate(0, 0.25)
        at = load
        frames = []
        for number in _frames_of(action):
            share = 0.0 if number is None else (number - layer.first) / max(1, layer.frames)
            length = (
                layer.frame_ms
                * math.exp(layer.drift * share)
                * rng.lognormvariate(0, recipe.spread)
                / machine.speed
            )
            if number is not None:
                frames.append((number, round(at), round(at + length)))
            at += length
        copying = recipe.output_mib * max(1, len(frames)) * rng.uniform(4, 12)
        total = round(at + copying)
        if layer.broken or rng.random() < _USUAL_FAILURE * machine.flaky:
            return self._failed(layer, frames, total)
        memory = round(layer.memory_bytes * rng.uniform(0.85, 1.1))
        return Run(
            millis=total,
            status=SessionActionStatus.SUCCEEDED,
            exit_code=0,
            usage={
                "cpuMilliseconds": self._cpu_ms(recipe, machine, total),
                "peakMemoryBytes": memory,
                "outputBytes": round(recipe.output_mib * MIB * max(1, len(frames))),
                "copyMilliseconds": round(copying),
            },
            frames=tuple(frames),
            memory_bytes=memory,
            cpu=recipe.cpu,
        )

    def _failed(self, layer: LayerModel, frames: list[tuple[int, int, int]], total: int) -> Run:
        rng = self._random
        name, text, _, code = rng.choices(_FAILURES, [item[2] for item in _FAILURES])[0]
        share = 0.03 if layer.broken or name == "licence" else rng.random()
        millis = max(1_000, round(total * share))
        return Run(
            millis=millis,
            status=SessionActionStatus.FAILED,
            exit_code=code,
            usage={
                "errorClass": name,
                "errorRule": f"generic.{name}",
                "errorText": text,
                "peakMemoryBytes": layer.memory_bytes,
            },
            frames=tuple(frame for frame in frames if frame[2] <= millis),
            memory_bytes=layer.memory_bytes,
            cpu=layer.recipe.cpu,
        )

    def _cpu_ms(self, recipe: LayerRecipe, machine: Machine, millis: int) -> int:
        cores = machine.cores / machine.threads
        return round(millis * cores * recipe.cpu * self._random.uniform(0.9, 1.0))


def _frames_of(action: SessionAction) -> list[int | None]:
    """Return the frames of a task; [None] of one without frames."""
    given = action.parameters.get("Frame")
    if given is None:
        return [None]
    text = next(iter(given.values()))
    first, dash, last = text.partition("-")
    return list(range(int(first), int(last) + 1)) if dash else [int(first)]
