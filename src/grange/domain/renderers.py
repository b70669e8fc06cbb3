"""Renderers: how a scene is rendered from the command line, and how a program is found. Pure.

`{start}`, `{end}`, `{step}` and `{frame}` stand for frames of a chunk, `{scene}` and `{output}` for
the scene and the folder of the output, `{name}`, `{ext}`, `{first}` and `{last}` for what is known
when the job is submitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ATTRIBUTE = "grange:attr.renderer"
"""The worker capability that lists what is installed."""


class Each(StrEnum):
    """What one run of the program renders."""

    CHUNK = "chunk"
    FRAME = "frame"
    ONCE = "once"
    """Everything: the program is run a single time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that can be found on a worker."""

    key: str
    """What workers say they have."""
    names: tuple[str, ...]
    """As it is called on the search path."""
    places: tuple[str, ...] = ()
    """Patterns of other places it is installed in."""
    version: tuple[str, ...] = ()
    """Arguments that make it say its version; none: it is not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """One way to render a scene."""

    name: str
    app: str
    renderer: str = ""
    program: str
    """Key of the program it needs."""
    suffixes: tuple[str, ...] = ()
    """Of scenes that are rendered so unless another renderer is named."""
    command: tuple[str, ...]
    each: Each = Each.CHUNK
    extension: str = "exr"
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`camera` or `layer` → words that choose it, put before the scene."""
    formats: Mapping[str, str] = field(default_factory=dict)
    """File extension → what the program calls the format; empty: it takes the extension."""
    render_type: str = "three_d"
    tested: bool = False
    """With the real program, by Grange's own tests."""
    local_target: bool = True
    """The output folder is on the command line, so that output can be contained."""


PROGRAMS: tuple[Program, ...] = (
    Program(
        key="blender",
        names=("blender",),
        places=("/opt/blender*/blender", "/Applications/Blender.app/Contents/MacOS/Blender"),
        version=("--version",),
    ),
    Program(key="mitsuba", names=("mitsuba",), version=("--help",)),
    Program(key="povray", names=("povray",), version=("--version",)),
    Program(key="ffmpeg", names=("ffmpeg",), version=("-version",)),
    Program(
        key="maya",
        names=("Render",),
        places=(
            "/usr/autodesk/maya*/bin/Render",
            "/Applications/Autodesk/maya*/Maya.app/*/bin/Render",
        ),
    ),
    Program(key="nuke", names=("nuke", "Nuke"), places=("/usr/local/Nuke*/Nuke[0-9]*.[0-9]*",)),
    Program(key="houdini", names=("hrender",), places=("/opt/hfs*/bin/hrender",)),
    Program(key="husk", names=("husk",), places=("/opt/hfs*/bin/husk",)),
    Program(key="arnold", names=("kick",), places=("/opt/arnold*/bin/kick",)),
    Program(
        key="vray",
        names=("vray",),
        places=("/usr/ChaosGroup/V-Ray/*/bin/vray", "/opt/vray*/bin/vray"),
    ),
)

_MAYA_SCENE = ("-s", "{start}", "-e", "{end}", "-b", "{step}", "{scene}")
_MAYA_TARGET = ("-rd", "{output}", "-fnc", "name_#.ext", "-im", "{name}")
_MAYA_OPTIONS = {"camera": ("-cam", "{camera}"), "layer": ("-rl", "{layer}")}


def _maya(name: str, renderer: str, engine: str, *more: str, scenes: bool = False) -> Renderer:
    return Renderer(
        name=name,
        app="Maya",
        renderer=renderer,
        program="maya",
        suffixes=(".ma", ".mb") if scenes else (),
        command=("Render", "-r", engine, *more, *_MAYA_TARGET, *_MAYA_SCENE),
        options=_MAYA_OPTIONS,
    )


RENDERERS: tuple[Renderer, ...] = (
    Renderer(
        name="blender",
        app="Blender",
        program="blender",
        suffixes=(".blend",),
        command=(
            *(
                "blender",
                "-b",
                "{scene}",
                "-o",
                "{output}/{name}_####",
                "-F",
                "{format}",
                "-x",
                "1",
            ),
            *("-s", "{start}", "-e", "{end}", "-j", "{step}", "-a"),
        ),
        extension="exr",
        formats={"exr": "OPEN_EXR", "png": "PNG", "jpg": "JPEG", "tif": "TIFF"},
        tested=True,
    ),
    Renderer(
        name="mitsuba",
        app="Mitsuba",
        renderer="Mitsuba 3",
        program="mitsuba",
        suffixes=(".xml",),
        command=(
            "mitsuba",
            "-m",
            "scalar_rgb",
            "-o",
            "{output}/{name}.{frame:04}.{ext}",
            "{scene}",
        ),
        each=Each.FRAME,
        tested=True,
    ),
    Renderer(
        name="povray",
        app="POV-Ray",
        renderer="POV-Ray",
        program="povray",
        suffixes=(".pov",),
        command=(
            *("povray", "+I{scene}", "+O{output}/{name}.{ext}", "-D", "+V"),
            *("+KFI{first}", "+KFF{last}", "+SF{frame}", "+EF{frame}"),
        ),
        each=Each.FRAME,
        extension="png",
        tested=True,
    ),
    Renderer(
        name="ffmpeg",
        app="ffmpeg",
        renderer="ffmpeg",
        program="ffmpeg",
        command=(
            *("ffmpeg", "-y", "-nostdin", "-progress", "pipe:1", "-framerate", "24"),
            *("-start_number", "{first}", "-i", "{scene}", "-frames:v", "{count}"),
            *("-pix_fmt", "yuv420p", "{output}/{name}.{ext}"),
        ),
        each=Each.ONCE,
        extension="mp4",
        render_type="comp",
        tested=True,
    ),
    _maya("maya-software", "Maya Software", "sw", scenes=True),
    _maya("maya-hardware", "Maya Hardware 2.0", "hw2"),
    _maya("maya-mray", "mental ray", "mr", "-v", "5"),
    _maya("maya-vray", "V-Ray", "vray"),
    _maya("maya-arnold", "Arnold", "arnold", "-ai:lve", "2"),
    Renderer(
        name="nuke",
        app="Nuke",
        renderer="Nuke",
        program="nuke",
        suffixes=(".nk",),
        command=("nuke", "-x", "-F", "{start}-{end}x{step}", "{scene}"),
        options={"layer": ("-X", "{layer}")},
        render_type="comp",
        local_target=False,
    ),
    Renderer(
        name="houdini",
        app="Houdini",
        program="houdini",
        suffixes=(".hip", ".hiplc"),
        command=(
            *("hrender", "-e", "-f", "{start}", "{end}", "-i", "{step}"),
            *("-o", "{output}/{name}.$F4.{ext}", "{scene}"),
        ),
        options={"layer": ("-d", "{layer}"), "camera": ("-c", "{camera}")},
    ),
    Renderer(
        name="husk",
        app="Houdini",
        renderer="Karma",
        program="husk",
        suffixes=(".usd", ".usda", ".usdc"),
        command=(
            *("husk", "-f", "{frame}", "-n", "1", "-o", "{output}/{name}.{frame:04}.{ext}"),
            *("--verbose", "3a", "{scene}"),
        ),
        each=Each.FRAME,
        options={"camera": ("--camera", "{camera}")},
    ),
    Renderer(
        name="arnold",
        app="Arnold",
        renderer="Arnold",
        program="arnold",
        suffixes=(".ass",),
        command=(
            *("kick", "-i", "{scene}", "-o", "{output}/{name}.{frame:04}.{ext}"),
            *("-v", "4", "-dw", "-dp", "-nostdin"),
        ),
        each=Each.FRAME,
        options={"camera": ("-c", "{camera}")},
    ),
    Renderer(
        name="vray",
        app="V-Ray",
        renderer="V-Ray",
        program="vray",
        suffixes=(".vrscene",),
        command=(
            *("vray", "-sceneFile={scene}", "-imgFile={output}/{name}.{ext}"),
            *("-frames={start}-{end},{step}", "-display=0", "-autoClose=1", "-verboseLevel=3"),
        ),
        options={"camera": ("-camera={camera}",)},
    ),
)


def renderer_named(name: str) -> Renderer | None:
    """Return the renderer of this name."""
    return next((one for one in RENDERERS if one.name == name), None)


def renderer_for(scene: str) -> Renderer | None:
    """Return the renderer of a scene by the end of its name; a numbered sequence is ffmpeg's."""
    lower = scene.lower()
    found = next((one for one in RENDERERS if lower.endswith(one.suffixes or ("\0",))), None)
    if found is None and ("%0" in scene or "####" in scene):
        return renderer_named("ffmpeg")
    return found
