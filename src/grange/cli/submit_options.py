"""From the options of `grange submit SCENE` and the disk to a plan."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rich_click as click

from grange.cli.frame_range import FrameRange, parse_frames, range_of
from grange.cli.submit_plan import SubmitPlan
from grange.cli.submit_scene import SceneRequest, image_of, output_of, scene_plan
from grange.domain.renderers import RENDERERS, Renderer, renderer_for, renderer_named
from grange.kernel.errors import InvalidRequestError
from grange.worker.pictures import problem_of

_MOST_READ = 16 * 2**20
_NUMBER = re.compile(r"(\d+)$")


TARGET_SECONDS = 120
"""How long a chunk should take with `--chunk auto`."""
_CHUNK = re.compile(r"auto(?::([1-9]\d{0,5}))?")


class ChunkSize(click.ParamType[tuple[int, int | None]]):
    """`8`: frames per task. `auto`, `auto:300`: fitted to so many seconds of measured time."""

    name = "SIZE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int | None]:
        """Return (frames per task at first, seconds a task should take or None)."""
        if isinstance(value, tuple):
            return value
        fitted = _CHUNK.fullmatch(value)
        if fitted is not None:
            return 1, int(fitted[1] or TARGET_SECONDS)
        if not value.isdecimal() or not 1 <= int(value) <= 10_000:
            self.fail("must be 1 to 10000, auto or auto:SECONDS.", param, ctx)
        return int(value), None


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneOptions:
    """What the command line said."""

    frames: str | None
    chunk: int
    chunk_seconds: int | None = None
    output: str | None
    image: str | None
    extension: str | None
    camera: str | None
    layer: str | None
    preview: bool
    resume: bool
    arguments: Sequence[str]
    name: str | None
    attributes: Mapping[str, str | None]
    priority: int


class NothingLeftError(InvalidRequestError):
    """A resumed job has all its frames: there is nothing to submit, and nothing is wrong."""


def scene_renderer(scene: str | None, named: str | None) -> Renderer | None:
    """Return the renderer of what is submitted; None if it is no scene.

    Raises:
        InvalidRequestError: no renderer has the name.
    """
    if named is not None:
        found = renderer_named(named)
        if found is None:
            known = ", ".join(one.name for one in RENDERERS)
            raise InvalidRequestError(f"There is no renderer {named!r}. There are {known}.")
        return found
    if scene is None or Path(scene).is_dir():
        return None
    return renderer_for(scene)


def submitted_scene(renderer: Renderer, scene: str, options: SceneOptions) -> SubmitPlan:
    """Return the plan of a scene.

    Raises:
        InvalidRequestError: the scene is not there, or no output is given.
        NothingLeftError: every frame is there already.
    """
    path = Path(scene).absolute()
    if "#" not in path.name and not path.is_file():
        raise InvalidRequestError(f"There is no scene {path}.")
    if options.output is None and renderer.local_target:
        raise InvalidRequestError("Say where the output goes: --output DIR.")
    frames = parse_frames(options.frames or "1")
    request = SceneRequest(
        renderer=renderer,
        scene=str(path),
        scene_text=_text(path) if renderer.name == "mitsuba" else "",
        output=str(Path(options.output or path.parent).absolute()),
        image=options.image,
        extension=options.extension,
        frames=frames,
        chunk=options.chunk,
        chunk_seconds=options.chunk_seconds,
        camera=options.camera,
        layer=options.layer,
        preview=options.preview,
        arguments=options.arguments,
        name=options.name,
        attributes=options.attributes,
        priority=options.priority,
    )
    if not options.resume:
        return scene_plan(request)
    extension = (options.extension or renderer.extension).lstrip(".")
    done = frames_there(Path(output_of(request)), image_of(request), extension)
    return scene_plan(_without(request, frames, done))


def frames_there(folder: Path, image: str, extension: str) -> set[int]:
    """Return the frames whose files lie in a folder and are whole."""
    if not folder.is_dir():
        return set()
    found = set()
    for path in folder.iterdir():
        number = _NUMBER.search(path.stem)
        if number is None or path.suffix.lower() != f".{extension.lower()}":
            continue
        if path.stem[: number.start()].rstrip("._-") == image and problem_of(path) is None:
            found.add(int(number[1]))
    return found


def _without(request: SceneRequest, frames: FrameRange, done: set[int]) -> SceneRequest:
    left = [frame for frame in frames.frames if frame not in done]
    if not left:
        raise NothingLeftError(
            f"All {len(frames.frames)} frames are there and whole: nothing is left to render."
        )
    values = {name: getattr(request, name) for name in SceneRequest.__slots__}
    return SceneRequest(**values | {"frames": range_of(left), "span": frames.frames})


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MOST_READ).decode("utf-8", "replace")
