"""The floating island of the demo's scene, and what grows on it."""

import math
import random
from typing import Any

import mitsuba as mi
from shapes import Mesh, Vector, ball, cone, cylinder, matte, mix, painted

RADIUS = 12.0
FIELD = (-8.6, 1.6, -7.4, 0.2)
"""West, east, south and north edge of the wheat field."""


def height(x: float, y: float) -> float:
    """Return how high the ground is above the farmyard: flat in the middle, hills at the back."""
    back = max(0.0, 0.55 * y + 0.15 * x - 3.0)
    roll = 0.10 * math.sin(0.7 * x) * math.cos(0.6 * y)
    return 0.22 * back**1.25 + roll * min(1.0, math.hypot(x, y) / 6)


def island(chance: random.Random) -> list[Any]:
    """Return the ground and the rock it floats on."""
    ground, rock = Mesh(), Mesh()
    rings, sides = 26, 84
    grass, meadow, earth = (0.20, 0.36, 0.09), (0.36, 0.48, 0.13), (0.30, 0.20, 0.10)

    def rim(angle: float) -> float:
        return RADIUS * (1 + 0.045 * math.sin(5 * angle) + 0.03 * math.sin(9 * angle + 1))

    def point(ring: int, side: int) -> Vector:
        angle = 2 * math.pi * (side % sides) / sides
        distance = rim(angle) * ring / rings
        x, y = distance * math.cos(angle), distance * math.sin(angle)
        return x, y, height(x, y)

    for ring in range(rings):
        for side in range(sides):
            a, b = point(ring, side), point(ring, side + 1)
            c, d = point(ring + 1, side + 1), point(ring + 1, side)
            x, y = (a[0] + c[0]) / 2, (a[1] + c[1]) / 2
            patch = 0.5 + 0.5 * math.sin(0.55 * x + 1.3 * math.sin(0.4 * y))
            colour = mix(mix(grass, meadow, patch), (0.5, 0.55, 0.2), 0.12 * chance.random())
            west, east, south, north = FIELD
            if west - 0.3 < x < east + 0.3 and south - 0.3 < y < north + 0.3:
                colour = mix((0.46, 0.35, 0.15), (0.54, 0.42, 0.19), chance.random())
            ground.quad(a, b, c, d, colour)
    levels = 9
    for level in range(levels):
        for side in range(sides):
            corners: list[Vector] = []
            for deep, turn in (
                (level, side),
                (level, side + 1),
                (level + 1, side + 1),
                (level + 1, side),
            ):
                angle = 2 * math.pi * (turn % sides) / sides
                t = deep / levels
                jag = (
                    random.Random(1000 * deep + turn % sides).uniform(-1, 1)
                    * 0.45
                    * (0 < deep < levels)
                )
                reach = rim(angle) * (1 - t) ** 0.62 + jag
                x, y = reach * math.cos(angle), reach * math.sin(angle)
                top = height(rim(angle) * math.cos(angle), rim(angle) * math.sin(angle))
                corners.append((x, y, top * (1 - t) - 7.0 * t**1.25))
            shade = mix(earth, (0.34, 0.30, 0.28), min(1.0, level / 4))
            rock.quad(*corners, mix(shade, (0.16, 0.13, 0.12), 0.5 * chance.random()))
    return [ground.node(painted()), rock.node(painted())]


def trees(chance: random.Random) -> list[Any]:
    """Return a wood of firs and round trees around the yard."""
    firs, parts = Mesh(), []
    trunk = matte((0.20, 0.12, 0.06))
    greens = [matte(c) for c in ((0.16, 0.30, 0.06), (0.27, 0.37, 0.07), (0.42, 0.33, 0.06))]
    planted: list[tuple[float, float]] = []
    while len(planted) < 34:
        angle, far = chance.uniform(0.12, 1.06) * math.pi, chance.uniform(7.2, 11.2)
        x, y = far * math.cos(angle), far * math.sin(angle)
        near = any(math.hypot(x - a, y - b) < 1.0 for a, b in planted)
        if (
            near
            or math.hypot(x + 4.6, y - 6.6) < 2.2
            or (1.6 < x < 9.6 and y < 5.9)
            or x < FIELD[0] + 1 > y
        ):
            continue
        planted.append((x, y))
        z, size = height(x, y), chance.uniform(0.75, 1.25)
        if chance.random() < 0.6:
            firs.box(
                (x - 0.09, y - 0.09, z - 0.3), (x + 0.09, y + 0.09, z + 0.5), (0.2, 0.12, 0.06)
            )
            for k in range(3):
                green = mix((0.05, 0.17, 0.07), (0.10, 0.24, 0.08), chance.random())
                cone(
                    firs,
                    (x, y, z + size * (0.4 + 0.62 * k)),
                    size * (0.82 - 0.2 * k),
                    size * 1.05,
                    green,
                )
        else:
            parts.append(cylinder((x, y, z - 0.3), (x, y, z + size), 0.11, trunk))
            green = chance.choice(greens)
            for _ in range(4):
                dx, dy, dz = (chance.uniform(-0.36, 0.36) * size for __ in range(3))
                parts.append(ball((x + dx, y + dy, z + 1.35 * size + dz), 0.55 * size, green))
    return [firs.node(painted()), *parts]


def wheat(chance: random.Random, cut_to: float, sway: float) -> list[Any]:
    """Return the field: standing wheat east of `cut_to`, stubble and bales west of it."""
    mesh = Mesh()
    west, east, south, north = FIELD
    for row in range(40):
        y = south + (north - south) * (row + 0.5) / 40
        for stalk in range(62):
            x = west + (east - west) * (stalk + 0.5) / 62 + chance.uniform(-0.07, 0.07)
            dy, tone, tall = (
                chance.uniform(-0.06, 0.06),
                chance.random(),
                chance.uniform(0.62, 0.86),
            )
            if math.hypot(x, y) > RADIUS - 0.9:
                continue
            z = height(x, y)
            gold = mix((0.72, 0.47, 0.10), (0.88, 0.66, 0.22), tone)
            if x < cut_to:
                tall, gold = 0.13, mix((0.62, 0.48, 0.2), gold, 0.4)
            lean = 0.13 * tall * math.sin(sway + 0.9 * x + 0.5 * y) if x >= cut_to else 0.0
            half = 0.055
            tip = (x + lean, y + dy, z + tall)
            mesh.add(
                [(x - half, y + dy, z), (x + half, y + dy, z), tip],
                [(0, 1, 2)],
                mix(gold, (0.4, 0.3, 0.1), 0.35),
            )
            mesh.add([(x, y + dy - half, z), (x, y + dy + half, z), tip], [(0, 1, 2)], gold)
            if x >= cut_to:
                ear = 0.062
                a, b = (
                    (x + lean - ear, y + dy, z + tall - 0.1),
                    (x + lean + ear, y + dy, z + tall - 0.1),
                )
                c = (x + lean * 1.2, y + dy, z + tall + 0.16)
                mesh.add([a, b, c], [(0, 1, 2)], mix(gold, (1.0, 0.85, 0.45), 0.4))
    parts: list[Any] = [mesh.node(painted())]
    straw, end = matte((0.70, 0.50, 0.17)), matte((0.80, 0.62, 0.27))
    for x, y, angle in (
        (-7.0, -1.6, 20),
        (-6.3, -5.0, 65),
        (-4.4, -2.9, -15),
        (-2.3, -5.6, 40),
        (-3.0, 0.0, 80),
    ):
        if x + 4.2 > cut_to:
            continue
        z, r = height(x, y) + 0.52, 0.52
        dx, dy = 0.5 * math.cos(math.radians(angle)), 0.5 * math.sin(math.radians(angle))
        parts.append(cylinder((x - dx, y - dy, z), (x + dx, y + dy, z), r, straw))
        for sign in (-1, 1):
            turned = mi.ScalarTransform4f().look_at(
                origin=[x + sign * dx, y + sign * dy, z],
                target=[x + 3 * sign * dx, y + 3 * sign * dy, z],
                up=[0, 0, 1],
            )
            parts.append(
                {"type": "disk", "to_world": turned @ mi.ScalarTransform4f().scale(r), "bsdf": end}
            )
    return parts


def fence() -> list[Any]:
    """Return the white fence between yard and field."""
    mesh = Mesh()
    white = (0.78, 0.76, 0.70)
    for k in range(9):
        x = 2.3 + 0.95 * k
        y = -2.6 - 0.12 * k
        mesh.box((x - 0.06, y - 0.06, -0.2), (x + 0.06, y + 0.06, 0.85), white)
        if k < 8:
            for z in (0.35, 0.65):
                mesh.quad(
                    (x, y, z),
                    (x + 0.95, y - 0.12, z),
                    (x + 0.95, y - 0.12, z + 0.12),
                    (x, y, z + 0.12),
                    white,
                )
    return [mesh.node(painted())]
