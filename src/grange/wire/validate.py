"""Checks compiled from shapes: a JSON value in, a Python value and problems out.

Each shape becomes one closure `check(value, path, key, problems)`. It returns the decoded value
and appends a `FieldProblem` for everything it finds wrong; what it returns then is of no use. The
path is a chain of tuples, so that a valid request never pays for naming its members.

What null means: an absent member. In lists and maps null is refused. Unknown members are ignored,
as AWS does, unless the check is strict.
"""

import functools
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec

from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.wire.spec import Service, Shape

Path = tuple[Any, str | int] | None
"""Where a value lies: (path of the parent, key in the parent); None at the root."""

Check = Callable[[Any, Path, str | int, list[FieldProblem]], Any]
"""(value, path of the parent, key in the parent, problems found so far) to the decoded value."""

MAX_PROBLEMS = 100
"""No answer lists more problems than this."""

ROOT = ""
"""The key under which a whole body is checked."""

INTEGER_BOUNDS = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone, as RFC 3339 writes it."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
_read_time = functools.partial(msgspec.convert, type=Time)
_MAX_SHOWN_KEY = 80


def note(problems: list[FieldProblem], path: Path, key: str | int, message: str) -> None:
    """Add a problem, unless there are `MAX_PROBLEMS` already."""
    if len(problems) < MAX_PROBLEMS:
        problems.append(FieldProblem(_rendered(path, key), message))


def invalid_request(problems: list[FieldProblem]) -> InvalidRequestError:
    """Return the error that tells of the problems found in a request."""
    shown = [f"{problem.name} {problem.message}" if problem.name else f"The body {problem.message}"
             for problem in problems[:5]]  # fmt: skip
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    count = "1 field is" if len(problems) == 1 else f"{len(problems)} fields are"
    return InvalidRequestError(f"{count} not valid: {'; '.join(shown)}.", fields=problems)


def _rendered(path: Path, key: str | int) -> str:
    """Return a path as people write it: `capabilities.amounts[0].name`."""
    keys = [key]
    while path is not None:
        path, key = path
        keys.append(key)
    text = ""
    for part in reversed(keys):
        if isinstance(part, int):
            text += f"[{part}]"
        elif text:
            text += f".{part[:_MAX_SHOWN_KEY]}"
        else:
            text = part[:_MAX_SHOWN_KEY]
    return text


class Checks:
    """The checks of one service, compiled when first asked for and then kept."""

    def __init__(self, service: Service, *, strict: bool = False) -> None:
        """Prepare to compile.

        Args:
            service: where the shapes are.
            strict: unknown members are problems too.
        """
        self._shapes = service.shapes
        self._strict = strict
        self._compiled: dict[str, Check] = {}
        self._compiling: set[str] = set()

    def check(self, name: str) -> Check:
        """Return the check of the named shape."""
        found = self._compiled.get(name)
        if found is not None:
            return found
        if name in self._compiling:
            return self._later(name)
        self._compiling.add(name)
        check = self._compile(self._shapes[name])
        self._compiling.discard(name)
        self._compiled[name] = check
        return check

    def structure(self, members: Mapping[str, str], required: tuple[str, ...]) -> Check:
        """Return the check of an object with the given members (name to shape name)."""
        checks = {name: self.check(shape) for name, shape in members.items()}
        return _structure(checks, required, strict=self._strict)

    def _later(self, name: str) -> Check:
        """Return a check that looks the real one up when it is used: shapes may be recursive."""
        compiled = self._compiled

        def check(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
            return compiled[name](value, path, key, problems)

        return check

    def _compile(self, shape: Shape) -> Check:
        match shape.kind:
            case "structure" if shape.union:
                return _union(self._members(shape), strict=self._strict)
            case "structure":
                return _structure(self._members(shape), shape.required, strict=self._strict)
            case "list":
                return _list(shape, self.check(shape.element or ""))
            case "map":
                return _map(shape, self.check(shape.key or ""), self.check(shape.value or ""))
            case _:
                return _LEAVES[shape.kind](shape)

    def _members(self, shape: Shape) -> dict[str, Check]:
        return {
            name: self.check(member.shape)
            for name, member in shape.members.items()
            if member.location == "body"
        }


def _structure(members: Mapping[str, Check], required: tuple[str, ...], *, strict: bool) -> Check:
    of_member = dict(members).get
    needed = frozenset(required)

    def check(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
        if type(value) is not dict:
            note(problems, path, key, f"must be an object, not {_named(value)}")
            return None
        here = None if key == ROOT and path is None else (path, key)
        found = {}
        for name, item in value.items():
            if item is None:
                continue
            member = of_member(name)
            if member is not None:
                found[name] = member(item, here, name, problems)
            elif strict:
                note(problems, here, name, "is unknown to the model")
        if not needed <= found.keys():
            for name in required:
                if name not in found:
                    note(problems, here, name, "is required")
        return found

    return check


def _union(members: Mapping[str, Check], *, strict: bool) -> Check:
    structure = _structure(members, (), strict=strict)
    names = ", ".join(members)

    def check(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
        found = structure(value, path, key, problems)
        if found is not None and len(found) != 1:
            given = " and ".join(found) if found else "none"
            note(problems, path, key, f"must have exactly one of {names}, but has {given}")
        return found

    return check


def _list(shape: Shape, element: Check) -> Check:
    low, high = _bounds(shape)
    message = f"must have {_amount(shape, 'entry', 'entries')}"

    def check(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
        if type(value) is not list:
            note(problems, path, key, f"must be a list, not {_named(value)}")
            return None
        if not low <= len(value) <= high:
            note(problems, path, key, f"{message}, but has {len(value)}")
        here = (path, key)
        return [element(item, here, index, problems) for index, item in enumerate(value)]

    return check


def _map(shape: Shape, key_check: Check, value_check: Check) -> Check:
    low, high = _bounds(shape)
    message = f"must have {_amount(shape, 'entry', 'entries')}"

    def check(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
        if type(value) is not dict:
            note(problems, path, key, f"must be an object, not {_named(value)}")
            return None
        if not low <= len(value) <= high:
            note(problems, path, key, f"{message}, but has {len(value)}")
        here = (path, key)
        return {
            key_check(name, here, name, problems): value_check(item, here, name, problems)
            for name, item in value.items()
        }

    return check


def _string(shape: Shape) -> Check:
    low, high = _bounds(shape)
    allowed = frozenset(shape.enum)

    def refuse(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
        note(problems, path, key, _text_fault(shape, value))

    def check_enum(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
        if type(value) is str and value in allowed:
            return value
        return refuse(value, path, key, problems)

    def check_length(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
        if type(value) is str and low <= len(value) <= high:
            return value
        return refuse(value, path, key, problems)

    if allowed:
        return check_enum
    if shape.pattern is None:
        return check_length
    matches = re.compile(f"(?:{shape.pattern})", re.ASCII).fullmatch

    def check_pattern(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
        if type(value) is str and low <= len(value) <= high and matches(value):
            return value
        return refuse(value, path, key, problems)

    return check_pattern


def _text_fault(shape: Shape, value: Any) -> str:
    """Return what is wrong with a text that the shape refuses."""
    low, high = _bounds(shape)
    if type(value) is not str:
        return f"must be text, not {_named(value)}"
    if shape.enum:
        return f"must be one of {', '.join(shape.enum)}"
    if not low <= len(value) <= high:
        return f"must be {_amount(shape, 'character', 'characters')} long, not {len(value)}"
    return f"must match the pattern {shape.pattern}"


def _integer(shape: Shape) -> Check:
    narrowest, widest = INTEGER_BOUNDS[shape.kind]
    low = narrowest if shape.minimum is None else max(narrowest, int(shape.minimum))
    high = widest if shape.maximum is None else min(widest, int(shape.maximum))

    def check(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
        if type(value) is int:
            if low <= value <= high:
                return value
            note(problems, path, key, f"must be between {low} and {high}")
        else:
            note(problems, path, key, f"must be a whole number, not {_named(value)}")
        return None

    return check


def _number(shape: Shape) -> Check:
    low, high = _bounds(shape)
    if shape.maximum is None:
        message = "must be a finite number" if shape.minimum is None else f"must be at least {low}"
    else:
        message = f"must be between {low} and {high}"
    largest = 1.7976931348623157e308
    low, high = max(low, -largest), min(high, largest)

    def check(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
        if type(value) is float or type(value) is int:
            if low <= value <= high:
                return float(value)
            note(problems, path, key, message)
        else:
            note(problems, path, key, f"must be a number, not {_named(value)}")
        return None

    return check


def _timestamp(_shape: Shape) -> Check:
    return _check_timestamp


def _check_timestamp(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
    if type(value) is not str:
        note(problems, path, key, f"must be a time as text, not {_named(value)}")
        return None
    try:
        return millis_of(_read_time(value))
    except msgspec.ValidationError:
        note(problems, path, key, "must be a time with its zone, e.g. 2026-01-31T12:00:00.000Z")
        return None


def millis_of(moment: datetime) -> int:
    """Return an aware datetime as epoch milliseconds, rounded down."""
    return (moment - EPOCH) // MILLISECOND


def _boolean(_shape: Shape) -> Check:
    def check(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> Any:
        if type(value) is bool:
            return value
        note(problems, path, key, f"must be true or false, not {_named(value)}")
        return None

    return check


def _document(_shape: Shape) -> Check:
    def check(value: Any, _path: Path, _key: str | int, _problems: list[FieldProblem]) -> Any:
        return value

    return check


_LEAVES: Mapping[str, Callable[[Shape], Check]] = {
    "boolean": _boolean,
    "document": _document,
    "double": _number,
    "float": _number,
    "integer": _integer,
    "long": _integer,
    "string": _string,
    "timestamp": _timestamp,
}


def _bounds(shape: Shape) -> tuple[float, float]:
    low = float("-inf") if shape.minimum is None else shape.minimum
    return low, float("inf") if shape.maximum is None else shape.maximum


def _amount(shape: Shape, one: str, many: str) -> str:
    """Return the allowed size in words: `1 to 10 entries`, `at least 1 character`."""
    low, high = shape.minimum, shape.maximum
    word = one if (high if high is not None else low) == 1 else many
    if high is None:
        return f"at least {low} {word}"
    if low == high:
        return f"exactly {high} {word}"
    return f"at most {high} {word}" if not low else f"{low} to {high} {word}"


def _named(value: Any) -> str:
    """Return what a JSON value is, never the value itself: it may be secret."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"
