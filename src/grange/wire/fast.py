"""The quick way through a good body: one pass in C, then only what C cannot say.

Shapes become msgspec types (an object is a TypedDict), so that nearly every constraint is checked
while the bytes are read. What is left for Python is turning times into Instants, counting the
members of unions, and recursive shapes, which `validate` checks.

Whatever this refuses is decoded again by `validate`, which alone says what is wrong, and which
alone knows that null means absent. So a body is refused here for any doubt, and never accepted here
if `validate` would refuse it (but for badly written numbers and texts in members the model does not
know, which are not even read); a test holds the two against each other.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

import msgspec

from grange.kernel.errors import FieldProblem
from grange.wire.spec import Service, Shape
from grange.wire.validate import (
    EPOCH,
    INTEGER_BOUNDS,
    MILLISECOND,
    ROOT,
    Check,
    Checks,
    Time,
    millis_of,
)

Finish = Callable[[Any], Any]
"""Completes a value that msgspec has read; may change it in place; raises DoubtError."""


class DoubtError(Exception):
    """Let `validate` look at this body."""


class FastBodies:
    """The quick decoders of one service's bodies."""

    def __init__(self, service: Service, checks: Checks) -> None:
        """Prepare to compile; `checks` are used for recursive shapes."""
        self._shapes = service.shapes
        self._checks = checks
        self._types: dict[str, tuple[Any, Finish | None]] = {}
        self._compiling: list[str] = []

    def decoder(
        self, name: str, members: Mapping[str, str], required: tuple[str, ...]
    ) -> Callable[[bytes], dict[str, Any]]:
        """Return a function from a body to its members.

        It raises DoubtError or one of msgspec's errors, or RecursionError, when the body has to be
        looked at by `validate`.

        Args:
            name: a name for the type, for debuggers.
            members: member names and their shapes' names.
            required: the members that must be there.
        """
        kind, finish = self._object(name, members, required)
        decode = msgspec.json.Decoder(kind).decode

        def decode_body(body: bytes) -> dict[str, Any]:
            if b"\\u0000" in body:
                raise DoubtError
            members: dict[str, Any] = decode(body)
            if finish is not None:
                finish(members)
            return members

        return decode_body

    def _type(self, name: str) -> tuple[Any, Finish | None]:
        """Return the msgspec type of the named shape, and what is left to do in Python."""
        if name in self._compiling:
            return Any, _checked(self._checks.check(name))
        if name not in self._types:
            self._compiling.append(name)
            self._types[name] = self._compile(self._shapes[name])
            self._compiling.pop()
        return self._types[name]

    def _compile(self, shape: Shape) -> tuple[Any, Finish | None]:
        match shape.kind:
            case "structure":
                members = {
                    name: member.shape
                    for name, member in shape.members.items()
                    if member.location == "body"
                }
                kind, finish = self._object(shape.name, members, shape.required)
                return kind, _one_member(finish) if shape.union else finish
            case "list":
                element, finish = self._type(shape.element or "")
                return _sized(_generic(list, element), shape), _each_entry(finish)
            case "map":
                key, _ = self._type(shape.key or "")
                value, finish = self._type(shape.value or "")
                return _sized(_generic(dict, key, value), shape), _each_value(finish)
            case "timestamp":
                return Time, millis_of
            case _:
                return _leaf(shape), None

    def _object(
        self, name: str, members: Mapping[str, str], required: tuple[str, ...]
    ) -> tuple[Any, Finish | None]:
        fields: dict[str, Any] = {}
        finishers: list[tuple[str, Finish]] = []
        for member, shape in members.items():
            kind, finish = self._type(shape)
            fields[member] = Required[kind] if member in required else NotRequired[kind]
            if finish is not None:
                finishers.append((member, finish))
        make: Any = TypedDict
        return make(name, fields), _each_member(tuple(finishers))


def _leaf(shape: Shape) -> Any:
    low, high = shape.minimum, shape.maximum
    match shape.kind:
        case "string" if shape.enum:
            return Literal[shape.enum]
        case "string":
            pattern = None if shape.pattern is None else rf"\A(?a:{shape.pattern})\Z"
            return Annotated[str, _lengths(shape, pattern=pattern)]
        case "integer" | "long":
            narrowest, widest = INTEGER_BOUNDS[shape.kind]
            least = narrowest if low is None else max(narrowest, int(low))
            return Annotated[int, msgspec.Meta(ge=least, le=widest if high is None else int(high))]
        case "float" | "double":
            return Annotated[float, msgspec.Meta(ge=low, le=high)]
        case "boolean":
            return bool
        case _:
            return Any


def _lengths(shape: Shape, *, pattern: str | None = None) -> msgspec.Meta:
    return msgspec.Meta(
        min_length=None if shape.minimum is None else int(shape.minimum),
        max_length=None if shape.maximum is None else int(shape.maximum),
        pattern=pattern,
    )


def _generic(kind: Any, *parameters: Any) -> Any:
    return kind[parameters]


def _sized(kind: Any, shape: Shape) -> Any:
    return Annotated[kind, _lengths(shape)]


def _each_member(finishers: tuple[tuple[str, Finish], ...]) -> Finish | None:
    if not finishers:
        return None
    times = tuple(name for name, complete in finishers if complete is millis_of)
    others = tuple(pair for pair in finishers if pair[1] is not millis_of)

    def finish(value: Any) -> Any:
        for name in times:
            item = value.get(name)
            if item is not None:
                value[name] = (item - EPOCH) // MILLISECOND  # millis_of, without the call
        for name, complete in others:
            item = value.get(name)
            if item is not None:
                value[name] = complete(item)
        return value

    return finish


def _one_member(finish_members: Finish | None) -> Finish:
    def finish(value: Any) -> Any:
        if len(value) != 1:
            raise DoubtError
        return value if finish_members is None else finish_members(value)

    return finish


def _each_entry(complete: Finish | None) -> Finish | None:
    if complete is None:
        return None

    def finish(value: Any) -> Any:
        return [complete(item) for item in value]

    return finish


def _each_value(complete: Finish | None) -> Finish | None:
    if complete is None:
        return None

    def finish(value: Any) -> Any:
        for name, item in value.items():
            value[name] = complete(item)
        return value

    return finish


def _checked(check: Check) -> Finish:
    def finish(value: Any) -> Any:
        problems: list[FieldProblem] = []
        found = check(value, None, ROOT, problems)
        if problems:
            raise DoubtError
        return found

    return finish
