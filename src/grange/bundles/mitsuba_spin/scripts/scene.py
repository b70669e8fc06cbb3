"""The demo's scene: a day of harvest on a floating island.

Everything is procedural; nothing is read from disk. Lengths are metres, the island's centre is the
origin, z points up. `build` returns the scene of one moment, 0.0 (morning) to 1.0 (dusk).
"""

import math
import random
from typing import Any

import mitsuba as mi
from buildings import barn, harvester, silo, windmill
from land import fence, island, trees, wheat
from shapes import Node, along, mix


def sky(day: float) -> tuple[Any, Node]:
    """Return the sky as a picture of light, and the sun as a distant disk."""
    top = along(
        [
            (0, (0.30, 0.50, 0.86)),
            (0.5, (0.20, 0.42, 0.86)),
            (0.8, (0.20, 0.26, 0.58)),
            (1, (0.16, 0.17, 0.42)),
        ],
        day,
    )
    low = along(
        [
            (0, (1.0, 0.83, 0.66)),
            (0.5, (0.78, 0.88, 0.98)),
            (0.8, (1.05, 0.58, 0.33)),
            (1, (1.0, 0.46, 0.30)),
        ],
        day,
    )
    haze = along(
        [
            (0, (0.85, 0.78, 0.78)),
            (0.5, (0.70, 0.80, 0.92)),
            (0.8, (0.72, 0.50, 0.48)),
            (1, (0.42, 0.30, 0.40)),
        ],
        day,
    )
    wide, tall = 8, 128
    values: list[float] = []
    for row in range(tall):
        up = math.cos(math.pi * (row + 0.5) / tall)
        colour = mix(low, top, up**0.5) if up >= 0 else mix(low, haze, min(1.0, -3 * up))
        values += list(colour) * wide
    picture = mi.Bitmap(mi.TensorXf(values, (tall, wide, 3)))
    upright = mi.ScalarTransform4f().rotate([1, 0, 0], 90)
    dome = {"type": "envmap", "bitmap": picture, "scale": 0.9, "to_world": upright}
    climb = math.radians(along([(0, (24, 0, 0)), (0.45, (48, 0, 0)), (1, (7, 0, 0))], day)[0])
    round_ = math.radians(200 + 28 * day)
    towards = (
        math.cos(climb) * math.cos(round_),
        math.cos(climb) * math.sin(round_),
        math.sin(climb),
    )
    beam = along(
        [
            (0, (5.2, 4.0, 2.7)),
            (0.45, (5.6, 5.1, 4.3)),
            (0.8, (5.4, 2.9, 1.3)),
            (1, (4.6, 1.75, 0.62)),
        ],
        day,
    )
    distance, radius = 400.0, 9.0
    strength = distance**2 / radius**2 / math.pi
    seat = mi.ScalarTransform4f().look_at(
        origin=[distance * c for c in towards], target=[0, 0, 0], up=[0, 0, 1]
    ) @ mi.ScalarTransform4f().scale(radius)
    sun = {
        "type": "disk",
        "to_world": seat,
        "emitter": {
            "type": "area",
            "radiance": {"type": "rgb", "value": [strength * c for c in beam]},
        },
    }
    return dome, sun


def camera(day: float, width: int, height_: int, samples: int) -> Node:
    """Return the camera: an arc around the island that sinks and comes closer."""
    angle = math.radians(-131 + 66 * day)
    far, up = 40 - 6.5 * day, 15.5 - 7.0 * day
    return {
        "type": "perspective",
        "fov": 36,
        "fov_axis": "x",
        "to_world": mi.ScalarTransform4f().look_at(
            origin=[far * math.cos(angle), far * math.sin(angle), up],
            target=[0, 0, 0.4 + 0.3 * day],
            up=[0, 0, 1],
        ),
        "film": {
            "type": "hdrfilm",
            "width": width,
            "height": height_,
            "pixel_format": "rgb",
            "rfilter": {"type": "gaussian"},
        },
        "sampler": {"type": "multijitter", "sample_count": samples},
    }


def build(day: float, width: int, height_: int, samples: int) -> Any:
    """Return the scene at a moment of the day.

    Args:
        day: 0.0 (morning) to 1.0 (dusk).
        width: pixels.
        height_: pixels.
        samples: light paths per pixel.
    """
    reaches = -7.6 + 9.0 * day
    dome, sun = sky(day)
    lit = max(0.0, (day - 0.62) / 0.38)
    parts = [
        *island(random.Random(1)), *trees(random.Random(7)), *fence(),
        *wheat(random.Random(3), reaches, 9 * day),
        *barn(lit), *silo(), *windmill(400 * day), *harvester(reaches + 0.2),
    ]  # fmt: skip
    nodes = {f"part{number}": part for number, part in enumerate(parts)}
    return mi.load_dict(
        {
            "type": "scene",
            "integrator": {"type": "path", "max_depth": 4},
            "sensor": camera(day, width, height_, samples),
            "dome": dome,
            "sun": sun,
            **nodes,
        }
    )
