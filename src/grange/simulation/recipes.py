"""What a studio renders: kinds of jobs, their layers, and how long a frame of each takes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from grange.services.templates import ParsedJob, parse_job

FILM = "film"
COMMERCIALS = "commercials"
COMP = "comp"
GPU = "gpu"
QUEUES = (FILM, COMMERCIALS, COMP, GPU)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecipe:
    """One layer of a kind of job."""

    name: str
    app: str
    app_version: str
    renderer: str
    render_type: str
    seconds: float
    """Median time of a frame on a machine of speed 1."""
    spread: float = 0.25
    """Of a frame's time around its layer's, as the sigma of a lognormal distribution."""
    load_seconds: float = 20.0
    """Loading the scene, once per attempt."""
    chunk: int = 1
    whole: bool = False
    """True: one task without frames (a simulation, an encoding)."""
    memory_gib: float = 8.0
    cpu: float = 0.9
    """Share of its job thread's part of the machine."""
    output_mib: float = 30.0
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A kind of job."""

    name: str
    weight: float
    """How often it is submitted, relative to the others."""
    queue: str
    departments: tuple[str, ...]
    frames: tuple[int, ...]
    """Usual lengths."""
    priority: int = 50
    layers: tuple[LayerRecipe, ...]


RECIPES: tuple[Recipe, ...] = (
    Recipe(
        name="lighting", weight=5, queue=FILM, departments=("lighting",),
        frames=(24, 36, 48, 72, 96, 120), priority=55,
        layers=(
            LayerRecipe(name="beauty", app="maya", app_version="2026.1", renderer="arnold",
                        render_type="three_d", seconds=2100, spread=0.3, load_seconds=90,
                        memory_gib=22, output_mib=85),
            LayerRecipe(name="denoise", app="noice", app_version="7.3", renderer="arnold",
                        render_type="post", seconds=60, chunk=8, memory_gib=9, output_mib=60,
                        after=("beauty",)),
            LayerRecipe(name="slapcomp", app="nuke", app_version="16.0", renderer="nuke",
                        render_type="comp", seconds=18, chunk=24, memory_gib=7, output_mib=24,
                        cpu=0.6, after=("denoise",)),
        ),
    ),
    Recipe(
        name="effects", weight=2, queue=FILM, departments=("effects",),
        frames=(48, 72, 96, 144), priority=60,
        layers=(
            LayerRecipe(name="simulation", app="houdini", app_version="21.0", renderer="none",
                        render_type="simulation", seconds=9000, spread=0.6, whole=True,
                        memory_gib=40, output_mib=9000, cpu=0.7),
            LayerRecipe(name="volumes", app="houdini", app_version="21.0", renderer="karma",
                        render_type="three_d", seconds=1500, spread=0.4, load_seconds=120,
                        memory_gib=28, output_mib=55, after=("simulation",)),
        ),
    ),
    Recipe(
        name="comp", weight=9, queue=COMP, departments=("comp",),
        frames=(60, 90, 120, 180, 240), priority=50,
        layers=(
            LayerRecipe(name="comp", app="nuke", app_version="16.0", renderer="nuke",
                        render_type="comp", seconds=95, spread=0.35, chunk=10, load_seconds=15,
                        memory_gib=12, output_mib=28, cpu=0.65),
            LayerRecipe(name="dailies", app="ffmpeg", app_version="7.1", renderer="ffmpeg",
                        render_type="encode", seconds=240, spread=0.3, whole=True, memory_gib=2,
                        output_mib=180, cpu=0.5, after=("comp",)),
        ),
    ),
    Recipe(
        name="turntable", weight=4, queue=COMMERCIALS, departments=("lookdev",),
        frames=(60, 100, 120), priority=45,
        layers=(
            LayerRecipe(name="spin", app="mitsuba", app_version="3.9", renderer="mitsuba",
                        render_type="three_d", seconds=540, spread=0.15, chunk=4,
                        load_seconds=25, memory_gib=10, output_mib=20),
        ),
    ),
    Recipe(
        name="product", weight=4, queue=COMMERCIALS, departments=("lookdev", "lighting"),
        frames=(48, 75, 125, 250), priority=50,
        layers=(
            LayerRecipe(name="packshot", app="povray", app_version="3.7", renderer="povray",
                        render_type="three_d", seconds=780, spread=0.3, chunk=3,
                        load_seconds=10, memory_gib=6, output_mib=18),
            LayerRecipe(name="encode", app="ffmpeg", app_version="7.1", renderer="ffmpeg",
                        render_type="encode", seconds=180, whole=True, memory_gib=2,
                        output_mib=140, cpu=0.5, after=("packshot",)),
        ),
    ),
    Recipe(
        name="cycles", weight=3, queue=GPU, departments=("lookdev", "effects"),
        frames=(48, 80, 120, 200), priority=50,
        layers=(
            LayerRecipe(name="gpu", app="blender", app_version="5.0", renderer="cycles",
                        render_type="three_d", seconds=420, spread=0.25, chunk=4,
                        load_seconds=35, memory_gib=14, output_mib=32, cpu=0.35),
        ),
    ),
    Recipe(
        name="playblast", weight=5, queue=COMP, departments=("animation",),
        frames=(100, 150, 200, 300), priority=65,
        layers=(
            LayerRecipe(name="preview", app="maya", app_version="2026.1", renderer="hardware",
                        render_type="preview", seconds=9, spread=0.3, chunk=50, load_seconds=40,
                        memory_gib=6, output_mib=2, cpu=0.4),
        ),
    ),
)  # fmt: skip


def shot_length(frames: int, workers: int) -> int:
    """Return how many frames a shot has: small studios make shorter ones."""
    return max(4, min(frames, round(frames * math.sqrt(workers / 40))))


def task_count(layer: LayerRecipe, frames: int) -> int:
    """Return how many tasks a layer has in a job of so many frames."""
    return 1 if layer.whole else -(-frames // layer.chunk)


def template_of(recipe: Recipe, frames: int, first: int) -> dict[str, Any]:
    """Return the OpenJD template of a job.

    Args:
        recipe: what kind of job.
        frames: how many frames.
        first: the first frame's number.
    """
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": recipe.name,
        "jobEnvironments": [
            {
                "name": "Scene",
                "script": {
                    "actions": {
                        "onEnter": {"command": "open-scene"},
                        "onExit": {"command": "close-scene"},
                    }
                },
            }
        ],
        "steps": [_step(layer, frames, first) for layer in recipe.layers],
    }


def _step(layer: LayerRecipe, frames: int, first: int) -> dict[str, Any]:
    step: dict[str, Any] = {
        "name": layer.name,
        "script": {"actions": {"onRun": {"command": layer.app, "args": ["-batch"]}}},
    }
    if layer.after:
        step["dependencies"] = [{"dependsOn": name} for name in layer.after]
    if layer.whole:
        return step
    step["script"]["actions"]["onRun"]["args"] = ["-frames", "{{Task.Param.Frame}}"]
    parameter: dict[str, Any] = {
        "name": "Frame", "type": "INT", "range": f"{first}-{first + frames - 1}",
    }  # fmt: skip
    if layer.chunk > 1:
        parameter |= {
            "type": "CHUNK[INT]",
            "chunks": {"defaultTaskCount": layer.chunk, "rangeConstraint": "CONTIGUOUS"},
        }
    step["parameterSpace"] = {"taskParameterDefinitions": [parameter]}
    return step


@cache
def written(recipe_name: str, frames: int, first: int) -> tuple[str, ParsedJob]:
    """Return a job's template as text, and parsed; jobs of one kind and length share it."""
    recipe = next(recipe for recipe in RECIPES if recipe.name == recipe_name)
    text = msgspec.json.encode(template_of(recipe, frames, first)).decode()
    return text, parse_job(text, "JSON", {})


def tags_of(recipe: Recipe, common: Mapping[str, str]) -> dict[str, str]:
    """Return the tags a submitter of this kind of job sends along.

    Args:
        recipe: what kind of job.
        common: attributes of the whole job.
    """
    tags = {f"grange:{name}": value for name, value in common.items()}
    for layer in recipe.layers:
        tags[f"grange:app.{layer.name}"] = layer.app
        tags[f"grange:app_version.{layer.name}"] = layer.app_version
        tags[f"grange:renderer.{layer.name}"] = layer.renderer
        tags[f"grange:render_type.{layer.name}"] = layer.render_type
    return tags
