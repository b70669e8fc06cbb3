"""Valid values for any shape of a service model, made by a seeded generator.

Values are in the form `decode` returns and `encode` takes: timestamps are Instants. Members outside
the body get text that HTTP can carry there.
"""

import random
import re
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from grange.wire.spec import Service, Shape

FEW = 3
"""How many entries a list or map gets, unless the model wants more."""

MAX_DEPTH = 9
"""Below this, optional members are left out and lists are as short as they may be."""

_ANY_TEXT = "aB0 .-_/\\\"'<&>{}[]%+=\n\té漢🎬\u2028"
_SAFE_TEXT = "aB0.-_:/é%+ "
_HEADER_TEXT = "aB0-_"
_CATEGORIES = {
    sre.CATEGORY_DIGIT: "0123456789",
    sre.CATEGORY_WORD: "azAZ09_",
    sre.CATEGORY_SPACE: " \t",
}


class Values:
    """Makes values; the same seed gives the same values."""

    def __init__(self, service: Service, seed: int, *, optional: float) -> None:
        """Prepare.

        Args:
            service: where the shapes are.
            seed: of the random numbers.
            optional: the share of optional members that are present, 0 to 1.
        """
        self.shapes = service.shapes
        self.random = random.Random(seed)
        self.optional = optional

    def input(self, name: str) -> dict[str, Any]:
        """Return the members of an operation's input, wherever they go."""
        return self.structure(self.shapes[name], 0)

    def value(self, name: str, depth: int = 0, location: str = "body") -> Any:
        """Return a value of the named shape."""
        shape = self.shapes[name]
        match shape.kind:
            case "structure":
                return self.structure(shape, depth)
            case "list":
                count = max(self._count(shape, depth), 0 if location == "body" else 1)
                return [self.value(shape.element or "", depth + 1, location) for _ in range(count)]
            case "map":
                return self._map(shape, depth)
            case "string":
                return self.text(shape, location)
            case "document":
                return self.random.choice([{"a": [1, "x", {"b": 1.5}]}, ["x"], "text", 7, True])
            case _:
                return self._leaf(shape)

    def _leaf(self, shape: Shape) -> int | float | bool:
        match shape.kind:
            case "integer" | "long":
                return self._integer(shape)
            case "float" | "double":
                return self._number(shape)
            case "timestamp":
                return self.random.randrange(-(10**12), 4 * 10**12)
            case _:
                assert shape.kind == "boolean"
                return self.random.random() < 0.5

    def structure(self, shape: Shape, depth: int) -> dict[str, Any]:
        """Return members of a structure, exactly one of a union."""
        if shape.union:
            names = list(shape.members)
            if depth > MAX_DEPTH and "groupFilter" in names:
                names.remove("groupFilter")
            chosen = {self.random.choice(names)}
        else:
            share = self.optional if depth <= MAX_DEPTH else 0
            chosen = {
                name
                for name in shape.members
                if name in shape.required or self.random.random() < share
            }
        return {
            name: self.value(member.shape, depth + 1, member.location)
            for name, member in shape.members.items()
            if name in chosen
        }

    def text(self, shape: Shape, location: str = "body") -> str:
        """Return a text that the shape allows."""
        if shape.enum:
            return self.random.choice(shape.enum)
        low, high = int(shape.minimum or 0), int(shape.maximum or 40)
        if shape.pattern:
            return self.matching(shape.pattern, low, int(shape.maximum or 5000))
        alphabet = {"body": _ANY_TEXT, "header": _HEADER_TEXT}.get(location, _SAFE_TEXT)
        if location == "uri":
            low = max(low, 3)
        length = self.random.randint(low, min(high, low + 12))
        return "".join(self.random.choice(alphabet) for _ in range(length))

    def matching(self, pattern: str, low: int, high: int) -> str:
        """Return a text of the right length that matches the whole pattern."""
        parsed = _parser.parse(pattern)
        for _ in range(1000):
            text = "".join(self._part(op, argument) for op, argument in parsed)
            if low <= len(text) <= high:
                assert re.fullmatch(f"(?:{pattern})", text, re.ASCII), (pattern, text)
                return text
        raise AssertionError(f"No text of {low} to {high} characters found for {pattern}.")

    def _part(self, op: Any, argument: Any) -> str:
        if op is sre.LITERAL:
            return chr(argument)
        if op is sre.NOT_LITERAL:
            return "x" if argument != ord("x") else "y"
        if op is sre.ANY:
            return self.random.choice("aé. :")
        if op is sre.IN:
            return self._one_of(argument)
        if op is sre.BRANCH:
            return self._parts(self.random.choice(argument[1]))
        if op is sre.SUBPATTERN:
            return self._parts(argument[3])
        if op is sre.MAX_REPEAT:
            low, high, inner = argument
            count = self.random.randint(low, min(high, low + 3))
            return "".join(self._parts(inner) for _ in range(count))
        assert op is sre.AT, op
        return ""

    def _parts(self, parsed: Any) -> str:
        return "".join(self._part(op, argument) for op, argument in parsed)

    def _one_of(self, choices: Any) -> str:
        allowed: list[str] = []
        refused: set[str] = set()
        negated = choices[0][0] is sre.NEGATE
        for op, argument in choices[1:] if negated else choices:
            if op is sre.LITERAL:
                found = [chr(argument)]
            elif op is sre.RANGE:
                low, high = argument
                found = [chr(low), chr(high), chr((low + high) // 2)]
            else:
                assert op is sre.CATEGORY, op
                found = list(_CATEGORIES[argument])
            allowed += found
            refused.update(found)
        if negated:
            return self.random.choice([c for c in "abcé.-_0" if c not in refused])
        return self.random.choice(allowed)

    def _count(self, shape: Shape, depth: int) -> int:
        low = int(shape.minimum or 0)
        high = int(shape.maximum if shape.maximum is not None else 1000)
        return low if depth > MAX_DEPTH else self.random.randint(low, min(high, max(low, FEW)))

    def _map(self, shape: Shape, depth: int) -> dict[str, Any]:
        count = self._count(shape, depth)
        keys: set[str] = set()
        for _ in range(count * 20):
            if len(keys) == count:
                break
            keys.add(self.text(self.shapes[shape.key or ""]))
        return {key: self.value(shape.value or "", depth + 1) for key in sorted(keys)}

    def _integer(self, shape: Shape) -> int:
        bits = 31 if shape.kind == "integer" else 63
        low = int(shape.minimum if shape.minimum is not None else -(2**bits))
        high = int(shape.maximum if shape.maximum is not None else 2**bits - 1)
        return self.random.choice([low, high, self.random.randint(low, high)])

    def _number(self, shape: Shape) -> float:
        low = shape.minimum if shape.minimum is not None else -1e18
        high = shape.maximum if shape.maximum is not None else 1e18
        chosen = [low, high, self.random.uniform(low, high), (low + high) / 2]
        return float(self.random.choice(chosen))
