"""Colours, materials and the few shapes the demo's scene is made of."""

import math
from itertools import pairwise
from typing import Any

import mitsuba as mi

Vector = tuple[float, float, float]
Colour = tuple[float, float, float]
Faces = list[tuple[int, int, int]]
Node = dict[str, Any]


def mix(a: Colour, b: Colour, t: float) -> Colour:
    """Return the colour `t` of the way from `a` to `b`."""
    return tuple(x + (y - x) * t for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def along(stops: list[tuple[float, Colour]], t: float) -> Colour:
    """Return the colour at `t` of a list of (position, colour), positions ascending."""
    for (left, a), (right, b) in pairwise(stops):
        if t <= right:
            return mix(a, b, max(0.0, (t - left) / (right - left)))
    return stops[-1][1]


def matte(colour: Colour) -> Node:
    """Return a matte material seen from both sides."""
    bsdf = {"type": "diffuse", "reflectance": {"type": "rgb", "value": list(colour)}}
    return {"type": "twosided", "bsdf": bsdf}


def painted() -> Node:
    """Return a matte material that takes its colour from the mesh's vertices."""
    bsdf = {"type": "diffuse", "reflectance": {"type": "mesh_attribute", "name": "vertex_color"}}
    return {"type": "twosided", "bsdf": bsdf}


def varnished(colour: Colour, roughness: float = 0.25) -> Node:
    """Return a varnished material."""
    return {
        "type": "roughplastic",
        "diffuse_reflectance": {"type": "rgb", "value": list(colour)},
        "alpha": roughness,
    }


def metal(roughness: float = 0.3) -> Node:
    """Return brushed sheet metal."""
    shine = {"type": "rgb", "value": [0.86, 0.87, 0.88]}
    return {
        "type": "roughconductor",
        "material": "none",
        "specular_reflectance": shine,
        "alpha": roughness,
    }


class Mesh:
    """Triangles with a colour per corner, collected until `node` makes one shape of them."""

    def __init__(self) -> None:
        self.points: list[Vector] = []
        self.colours: list[Colour] = []
        self.faces: Faces = []

    def add(self, points: list[Vector], faces: Faces, colour: Colour) -> None:
        """Add faces over `points`, all of one colour."""
        first = len(self.points)
        self.points += points
        self.colours += [colour] * len(points)
        self.faces += [(a + first, b + first, c + first) for a, b, c in faces]

    def quad(self, a: Vector, b: Vector, c: Vector, d: Vector, colour: Colour) -> None:
        """Add the four-sided face a b c d."""
        self.add([a, b, c, d], [(0, 1, 2), (0, 2, 3)], colour)

    def box(self, low: Vector, high: Vector, colour: Colour) -> None:
        """Add an upright box."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        ring = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
            self.quad((ax, ay, z0), (bx, by, z0), (bx, by, z1), (ax, ay, z1), colour)
        self.quad((x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1), colour)

    def node(self, material: Node) -> Any:
        """Return the collected triangles as one shape."""
        properties = mi.Properties()
        properties["bsdf"] = mi.load_dict(material)
        mesh = mi.Mesh("mesh", len(self.points), len(self.faces), properties)
        mesh.add_attribute("vertex_color", 3, [0.0] * (3 * len(self.points)))
        values = mi.traverse(mesh)
        values["vertex_positions"] = [x for point in self.points for x in point]
        values["vertex_color"] = [x for colour in self.colours for x in colour]
        values["faces"] = [i for face in self.faces for i in face]
        values.update()
        return mesh


def cylinder(a: Vector, b: Vector, radius: float, material: Node) -> Node:
    """Return an open cylinder from `a` to `b`."""
    return {"type": "cylinder", "p0": list(a), "p1": list(b), "radius": radius, "bsdf": material}


def ball(centre: Vector, radius: float, material: Node) -> Node:
    """Return a sphere."""
    return {"type": "sphere", "center": list(centre), "radius": radius, "bsdf": material}


def cone(
    mesh: Mesh, base: Vector, radius: float, height: float, colour: Colour, sides: int = 9
) -> None:
    """Add an upright cone with a few flat sides."""
    x, y, z = base
    ring = [
        (x + radius * math.cos(a), y + radius * math.sin(a), z)
        for a in (2 * math.pi * k / sides for k in range(sides))
    ]
    faces = [(k, (k + 1) % sides, sides) for k in range(sides)]
    for k, face in enumerate(faces):
        mesh.add([*ring, (x, y, z + height)], [face], mix(colour, (1, 1, 1), 0.05 * (k % 3)))
