"""What people built in the demo's scene: the barn, the silos, the windmill, the harvester."""

import math
from itertools import pairwise
from typing import Any

import mitsuba as mi
from land import height
from shapes import Colour, Mesh, Vector, ball, cone, cylinder, matte, metal, mix, painted, varnished


def barn(dusk: float) -> list[Any]:
    """Return the grange itself: red walls, white trim, slate roof, light in it at dusk."""
    walls, trim, roof = Mesh(), Mesh(), Mesh()
    red, deep, white = (0.50, 0.055, 0.035), (0.36, 0.035, 0.03), (0.80, 0.78, 0.72)
    x0, x1, y0, y1, eave, ridge = 2.6, 6.4, -0.2, 5.2, 2.5, 4.3
    middle, knee, shoulder = (x0 + x1) / 2, 0.78, 3.65
    walls.box((x0, y0, -0.3), (x1, y1, eave), red)
    profile = [
        (x0, eave), (x0 + knee, shoulder), (middle, ridge), (x1 - knee, shoulder), (x1, eave),
    ]  # fmt: skip
    for y in (y0, y1):
        walls.add([(x, y, z) for x, z in profile], [(0, 1, 4), (1, 3, 4), (1, 2, 3)], red)
    over = 0.35
    for (ax, az), (bx, bz) in pairwise(profile):
        lift = 0.07
        roof.quad(
            (ax, y0 - over, az + lift), (bx, y0 - over, bz + lift),
            (bx, y1 + over, bz + lift), (ax, y1 + over, az + lift),
            (0.17, 0.19, 0.23) if az != bz else white,
        )  # fmt: skip
        trim.quad(
            (ax, y0 - over, az + lift), (bx, y0 - over, bz + lift),
            (bx, y0 - over, bz - 0.14), (ax, y0 - over, az - 0.14), white,
        )  # fmt: skip
    boards = 13
    for k in range(1, boards):
        x = x0 + (x1 - x0) * k / boards
        walls.box((x - 0.02, y0 - 0.03, -0.2), (x + 0.02, y0, eave), deep)
    for k in range(1, 17):
        y = y0 + (y1 - y0) * k / 17
        walls.box((x0 - 0.03, y - 0.02, -0.2), (x0, y + 0.02, eave), deep)
    front = y0 - 0.05
    for left, right in ((middle - 1.05, middle - 0.03), (middle + 0.03, middle + 1.05)):
        trim.box((left, front - 0.03, 0.0), (right, front, 0.13), white)
        trim.box((left, front - 0.03, 1.77), (right, front, 1.9), white)
        trim.box((left, front - 0.03, 0.0), (left + 0.12, front, 1.9), white)
        trim.box((right - 0.12, front - 0.03, 0.0), (right, front, 1.9), white)
        for (ax, az), (bx, bz) in (((left, 0.1), (right, 1.8)), ((left, 1.8), (right, 0.1))):
            trim.quad(
                (ax, front - 0.035, az - 0.07), (bx, front - 0.035, bz - 0.07),
                (bx, front - 0.035, bz + 0.07), (ax, front - 0.035, az + 0.07), white,
            )  # fmt: skip
    for x in (x0, x1):
        for y in (y0, y1):
            trim.box((x - 0.09, y - 0.09, -0.2), (x + 0.09, y + 0.09, eave), white)
    glass = Mesh()
    panes = [(middle - 0.42, 2.45, middle + 0.42, 3.15)]
    for left, low, right, high in panes:
        trim.box(
            (left - 0.1, front - 0.02, low - 0.1), (right + 0.1, front + 0.03, high + 0.1), white
        )
        glass.quad((left, front - 0.04, low), (right, front - 0.04, low),
                   (right, front - 0.04, high), (left, front - 0.04, high), white)  # fmt: skip
    for y in (0.9, 2.5, 4.1):
        side = x0 - 0.05
        trim.box((side - 0.02, y - 0.45, 0.85), (side + 0.03, y + 0.45, 1.75), white)
        glass.quad((side - 0.04, y - 0.35, 0.95), (side - 0.04, y + 0.35, 0.95),
                   (side - 0.04, y + 0.35, 1.65), (side - 0.04, y - 0.35, 1.65), white)  # fmt: skip
    glow = mix((0.03, 0.04, 0.05), (9.0, 4.6, 1.5), max(0.0, dusk))
    parts = [walls.node(painted()), trim.node(painted()), roof.node(painted())]
    return [*parts, windows(glass, glow)]


def windows(glass: Mesh, glow: Colour) -> Any:
    """Return the window panes as one lamp."""
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(matte((0.05, 0.06, 0.08)))
    lamp = {
        "type": "area",
        "radiance": {"type": "rgb", "value": list(glow)},
        "sampling_weight": 0.3,
    }
    properties["emitter"] = mi.load_dict(lamp)
    mesh = mi.Mesh("windows", len(glass.points), len(glass.faces), properties)
    values = mi.traverse(mesh)
    values["vertex_positions"] = [x for point in glass.points for x in point]
    values["faces"] = [i for face in glass.faces for i in face]
    values.update()
    return mesh


def silo() -> list[Any]:
    """Return two silos with aluminium domes."""
    parts: list[Any] = []
    for x, y, radius, top in ((7.9, 3.4, 1.05, 4.9), (8.1, 1.1, 0.85, 3.7)):
        parts.append(
            cylinder((x, y, -0.3), (x, y, top), radius, varnished((0.62, 0.63, 0.62), 0.35))
        )
        parts.append(ball((x, y, top), radius, metal()))
        for k in range(1, 6):
            z = top * k / 6
            parts.append(cylinder((x, y, z - 0.05), (x, y, z + 0.05), radius + 0.03, metal(0.4)))
    return parts


def windmill(turn: float) -> list[Any]:
    """Return the windmill on the hill; `turn` is its rotor's angle in degrees."""
    x, y = -4.6, 6.6
    z = height(x, y)
    mesh = Mesh()
    sides, top = 12, 4.4
    stone = (0.74, 0.70, 0.62)
    for k in range(sides):
        a, b = (2 * math.pi * (k + s) / sides for s in (0, 1))
        wide, slim = 1.35, 0.82
        mesh.quad(
            (x + wide * math.cos(a), y + wide * math.sin(a), z - 0.4),
            (x + wide * math.cos(b), y + wide * math.sin(b), z - 0.4),
            (x + slim * math.cos(b), y + slim * math.sin(b), z + top),
            (x + slim * math.cos(a), y + slim * math.sin(a), z + top),
            stone if k % 2 else mix(stone, (0.55, 0.5, 0.45), 0.25),
        )
    cone(mesh, (x, y, z + top - 0.02), 1.02, 1.15, (0.33, 0.13, 0.08), 12)
    mesh.box((x - 0.3, y - 1.38, z - 0.2), (x + 0.3, y - 1.05, z + 1.0), (0.22, 0.13, 0.07))
    hub = (x, y - 1.15, z + top - 0.25)
    sails = Mesh()
    for blade in range(4):
        angle = math.radians(turn + 90 * blade)
        out, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))

        def place(r: float, w: float, out: Any = out, across: Any = across) -> Vector:
            return hub[0] + r * out[0] + w * across[0], hub[1], hub[2] + r * out[1] + w * across[1]

        sails.quad(
            place(0, -0.05), place(3.1, -0.05), place(3.1, 0.06), place(0, 0.06), (0.25, 0.16, 0.1)
        )
        sails.quad(
            place(0.6, 0.06),
            place(3.05, 0.06),
            place(3.05, 0.68),
            place(0.6, 0.5),
            (0.86, 0.82, 0.72),
        )
    axle = cylinder((hub[0], hub[1] - 0.1, hub[2]), (x, y, hub[2]), 0.13, metal(0.4))
    return [mesh.node(painted()), sails.node(painted()), axle]


def harvester(x: float) -> list[Any]:
    """Return the combine harvester whose header stands at `x`."""
    paint, dark, parts = Mesh(), Mesh(), []
    y = -3.6
    green, yellow, grey = (0.09, 0.30, 0.10), (0.85, 0.62, 0.05), (0.08, 0.08, 0.09)
    back = x - 0.5
    paint.box((back - 2.7, y - 0.75, 0.65), (back - 0.3, y + 0.75, 1.85), green)
    paint.box((back - 2.5, y - 0.6, 1.85), (back - 1.3, y + 0.6, 2.2), green)
    paint.box((back - 2.72, y - 0.77, 1.15), (back - 0.28, y + 0.77, 1.27), yellow)
    dark.box((back - 1.1, y - 0.58, 1.85), (back - 0.25, y + 0.58, 2.75), (0.10, 0.14, 0.18))
    paint.box((back - 1.2, y - 0.66, 2.75), (back - 0.15, y + 0.66, 2.85), green)
    paint.box((back - 0.3, y - 0.4, 0.45), (x - 0.1, y + 0.4, 1.0), green)
    paint.box((x - 0.25, y - 2.9, 0.12), (x, y + 2.9, 0.5), yellow)
    for k in range(6):
        angle = math.radians(60 * k + 97 * x)
        rx, rz = x + 0.18 + 0.36 * math.cos(angle), 0.78 + 0.36 * math.sin(angle)
        paint.box((rx - 0.03, y - 2.85, rz - 0.03), (rx + 0.03, y + 2.85, rz + 0.03), yellow)
    dark.box((back - 2.0, y + 0.75, 1.75), (back - 1.8, y + 2.3, 1.95), grey)
    rubber, hub = matte((0.03, 0.03, 0.033)), varnished(yellow)
    for wx, r in ((back - 0.75, 0.62), (back - 2.3, 0.42)):
        for side in (-1, 1):
            a, b = (wx, y + side * 0.6, r + 0.02), (wx, y + side * 1.0, r + 0.02)
            parts.append(cylinder(a, b, r, rubber))
            for radius, material, push in ((r, rubber, 0.0), (r * 0.5, hub, 0.012)):
                turned = mi.ScalarTransform4f().look_at(
                    origin=[wx, y + side * (1.0 + push), r + 0.02],
                    target=[wx, y + side * 3, r + 0.02],
                    up=[0, 0, 1],
                )
                scaled = turned @ mi.ScalarTransform4f().scale(radius)
                parts.append({"type": "disk", "to_world": scaled, "bsdf": material})
    return [paint.node(painted()), dark.node(painted()), *parts]
