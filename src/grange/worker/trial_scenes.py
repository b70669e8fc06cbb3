"""Scenes of one small picture each, to see whether a renderer of this machine draws at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialScene:
    """A scene as files, and how it is drawn."""

    renderer: str
    """Whose command line is tried, as `grange submit --renderer` names it."""
    scene: str
    """Name of the scene's file; a pattern, for a sequence of pictures."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Name → content."""
    extension: str
    command: tuple[str, ...] = ()
    """Instead of the renderer's own command line, where there is no scene to give to it."""


_MITSUBA = b"""<scene version="3.0.0">
  <integrator type="direct"/>
  <sensor type="perspective"><transform name="to_world">
    <lookat origin="0,0,4" target="0,0,0" up="0,1,0"/></transform>
    <film type="hdrfilm">
      <integer name="width" value="16"/><integer name="height" value="16"/>
    </film>
    <sampler type="independent"><integer name="sample_count" value="1"/></sampler>
  </sensor>
  <shape type="sphere"><bsdf type="diffuse"/></shape>
  <emitter type="constant"/>
</scene>
"""
_POVRAY = b"""#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 0, -4> look_at 0 }
light_source { <2, 4, -6> rgb 1 }
sphere { 0, 1 pigment { rgb <1, 0.5, 0> } }
"""
_PICTURE = b"P6\n16 16\n255\n" + bytes(16 * 16 * 3)
_BLENDER = (
    "import bpy; s = bpy.context.scene; s.render.engine = 'CYCLES'; s.cycles.samples = 1;"
    " s.render.resolution_x = s.render.resolution_y = 16"
)

TRIAL_SCENES: Mapping[str, TrialScene] = {
    "mitsuba": TrialScene(
        renderer="mitsuba", scene="trial.xml", files={"trial.xml": _MITSUBA}, extension="exr"
    ),
    "povray": TrialScene(
        renderer="povray", scene="trial.pov", files={"trial.pov": _POVRAY}, extension="png"
    ),
    "ffmpeg": TrialScene(
        renderer="ffmpeg",
        scene="trial%04d.ppm",
        files={"trial0001.ppm": _PICTURE},
        extension="mp4",
    ),
    "blender": TrialScene(
        renderer="blender",
        scene="",
        extension="png",
        command=(
            *("blender", "-b", "--factory-startup", "--python-expr", _BLENDER),
            *("-o", "{output}/{name}_####", "-F", "PNG", "-x", "1", "-f", "1"),
        ),
    ),
}
"""Program → its scene. The others' scenes are no text, so they are only asked for their version."""
