"""What `grange submit SCENE` sends: a scene and its renderer as one CreateJob request. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from grange.cli.frame_range import FrameRange, range_of
from grange.cli.submit_plan import (
    PREVIEW,
    LayerPlan,
    SubmitPlan,
    attribute_tags,
    chunk_notes,
    chunk_parameter,
    preview_frames,
    run_script,
)
from grange.domain.renderers import ATTRIBUTE, Each, Renderer
from grange.kernel.errors import InvalidRequestError

_TOKEN = re.compile(r"<(\w+)>")
_HASHES = re.compile(r"#+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRequest:
    """`grange submit SCENE` as given."""

    renderer: Renderer
    scene: str
    """Absolute path."""
    scene_text: str = ""
    """What is in it, where that matters and it can be read."""
    output: str
    """Absolute path of a folder; may hold tokens."""
    image: str | None = None
    """Beginning of the names of files; may hold tokens. Default: the scene's name."""
    extension: str | None = None
    frames: FrameRange
    span: Sequence[int] = ()
    """All frames of the scene, if not all of them are to be rendered."""
    chunk: int = 1
    chunk_seconds: int | None = None
    """Chunks are fitted to take about so long; None: they stay as they are."""
    camera: str | None = None
    layer: str | None = None
    preview: bool = False
    """The first, the middle and the last frame are rendered before the others."""
    arguments: Sequence[str] = ()
    """Further words for the renderer."""
    name: str | None = None
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    priority: int = 50


def output_of(request: SceneRequest) -> str:
    """Return the folder of the output, its tokens filled in."""
    return _filled(request, request.output)


def image_of(request: SceneRequest) -> str:
    """Return the beginning of the names of the output's files."""
    stem = _HASHES.sub("", PurePath(request.scene).name.partition(".")[0]).rstrip("._-")
    return _filled(request, request.image) if request.image else stem


def scene_plan(request: SceneRequest) -> SubmitPlan:
    """Return the job that renders a scene.

    Raises:
        InvalidRequestError: the renderer has no such option, or a token is not known.
    """
    renderer, frames = request.renderer, request.frames
    name = (request.name or f"{PurePath(request.scene).name} {frames.text}")[:128]
    once = renderer.each is Each.ONCE
    early = preview_frames(frames.frames) if request.preview and not once else ()
    rest = tuple(frame for frame in frames.frames if frame not in early)
    parts = [(PREVIEW, "PreviewOutputDir", early), ("Render", "OutputDir", rest)]
    steps = [
        _step(request, layer, output, part)
        for layer, output, part in parts
        if part or (once and layer == "Render")
    ]
    if len(steps) > 1:
        steps[1]["dependencies"] = [{"dependsOn": PREVIEW}]
    outputs = [output for _, output, part in parts if part]
    scene, folder = _scene_parameter(request)
    template = {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": name.replace("{{", "{ {").replace("}}", "} }"),
        "parameterDefinitions": [scene, *(_output_parameter(output) for output in outputs)],
        "steps": steps,
    }
    target = output_of(request)
    size = 1 if renderer.each is Each.FRAME and request.chunk < 1 else request.chunk
    return SubmitPlan(
        name=name,
        template=json.dumps(template),
        template_type="JSON",
        parameters={
            "SceneFile": {"path": folder},
            **{output: {"path": target} for output in outputs},
        },
        tags=attribute_tags(
            {
                "app": renderer.app,
                "renderer": renderer.renderer or None,
                "render_type": renderer.render_type,
                "camera": request.camera,
                **{key: value for key, value in request.attributes.items() if value},
            }
        ),
        priority=request.priority,
        layers=tuple(
            LayerPlan(
                name=layer,
                tasks=(1 if once else range_of(part).chunk_count(1 if layer == PREVIEW else size)),
                frames=len(part),
            )
            for layer, _, part in parts
            if part
        ),
        notes=_notes(request),
    )


def command_of(request: SceneRequest) -> tuple[str, ...]:
    """Return the words of the command line, with placeholders for what only the task knows.

    Raises:
        InvalidRequestError: the renderer has no such option or format.
    """
    renderer, frames = request.renderer, request.span or request.frames.frames
    extension = (request.extension or renderer.extension).lstrip(".")
    if renderer.formats and extension not in renderer.formats:
        known = ", ".join(renderer.formats)
        raise InvalidRequestError(f"{renderer.name} writes {known}, not {extension}.")
    first, last = frames[0], frames[-1]
    if renderer.name == "povray":
        last = max(last, first + 1)  # its clock needs a span to run over
    known_now = {
        "name": image_of(request),
        "ext": extension,
        "format": renderer.formats.get(extension, ""),
        "first": str(first),
        "last": str(last),
        "count": str(len(frames)),
        "camera": request.camera or "",
        "layer": request.layer or "",
    }
    words = list(renderer.command)
    extra = [word for key in ("camera", "layer") for word in _option(request, key)]
    if renderer.name == "mitsuba" and re.search(r"\$frame\b", request.scene_text):
        extra.append("-Dframe={frame}")
    at = next((n for n, word in enumerate(words) if "{scene}" in word), len(words))
    if renderer.name == "povray" or words[at - 1] == "-i":
        at = 1
    words[at:at] = [*extra, *request.arguments]
    filled = [_fill(word, known_now) for word in words]
    hashes = _HASHES.search(PurePath(request.scene).name)
    if hashes is None:
        return tuple(filled)
    # A numbered scene: the parameter is its folder, the name is cut around the number.
    number = f"%0{len(hashes[0])}d" if renderer.name == "ffmpeg" else f"{{frame:0{len(hashes[0])}}}"
    file = _HASHES.sub(number, PurePath(request.scene).name, count=1)
    return tuple(word.replace("{scene}", f"{{scene}}/{file}") for word in filled)


def _option(request: SceneRequest, key: str) -> tuple[str, ...]:
    value = request.camera if key == "camera" else request.layer
    if value is None:
        return ()
    words = request.renderer.options.get(key)
    if words is None:
        raise InvalidRequestError(
            f"{request.renderer.name} takes no {key} on its command line: set it in the scene."
        )
    return words


def _fill(word: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda hit: known.get(hit[1], hit[0]), word)


def _filled(request: SceneRequest, text: str) -> str:
    """Fill tokens such as `<Scene>`; each value becomes one part of a path."""
    scene = _HASHES.sub("", PurePath(request.scene).name.partition(".")[0]).rstrip("._-")
    known: dict[str, str | None] = {
        "scene": scene,
        "layer": request.layer or "masterLayer",
        "camera": request.camera or "camera",
        **request.attributes,
    }

    def value(hit: re.Match[str]) -> str:
        found = known.get(hit[1].lower())
        if not found:
            raise InvalidRequestError(
                f"<{hit[1]}> in {text!r} has no value; there are <Scene>, <Layer>, <Camera>, and"
                " attributes that are given, such as <Project>, <Shot> and <Version>."
            )
        return found.replace("/", "_")

    return _TOKEN.sub(value, text)


def _scene_parameter(request: SceneRequest) -> tuple[dict[str, Any], str]:
    """Return the definition of the scene's parameter, and its value."""
    numbered = _HASHES.search(PurePath(request.scene).name) is not None
    definition = {
        "name": "SceneFile",
        "type": "PATH",
        "objectType": "DIRECTORY" if numbered else "FILE",
        "dataFlow": "IN",
    }
    return definition, str(PurePath(request.scene).parent) if numbered else request.scene


def _output_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "type": "PATH", "objectType": "DIRECTORY", "dataFlow": "OUT"}


def _step(request: SceneRequest, layer: str, output: str, frames: Sequence[int]) -> dict[str, Any]:
    renderer = request.renderer
    once = renderer.each is Each.ONCE
    arguments = {"scene": "{{Param.SceneFile}}"}
    if renderer.local_target:
        arguments["output"] = f"{{{{Param.{output}}}}}"
    step: dict[str, Any] = {
        "name": layer,
        "hostRequirements": {"attributes": [{"name": ATTRIBUTE, "anyOf": [renderer.program]}]},
        "script": run_script(
            command_of(request),
            arguments=arguments,
            has_frames=not once,
            per_frame=renderer.each is Each.FRAME,
        ),
    }
    if not once:
        step["parameterSpace"] = {
            "taskParameterDefinitions": [
                chunk_parameter(range_of(frames), 1)
                if layer == PREVIEW
                else chunk_parameter(range_of(frames), request.chunk, request.chunk_seconds)
            ]
        }
    return step


def _notes(request: SceneRequest) -> tuple[str, ...]:
    notes = []
    if not request.renderer.tested:
        notes.append(
            f"The command line of {request.renderer.name} follows its manual; Grange's tests have"
            " not run the program. --dry-run shows it."
        )
    if not request.renderer.local_target:
        notes.append("Where the output goes is written in the scene, so it is not contained.")
    notes += chunk_notes(request.chunk_seconds)
    return tuple(notes)
