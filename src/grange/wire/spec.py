"""The service model as plain values: operations, shapes and their constraints.

The `deadline` model of 2023-10-12 is read from the pinned botocore's own data, never from a model
a user may have installed. `extensions.json` then adds members that Grange's worker sends beyond
AWS's; they are optional, so that unmodified clients are served unchanged. Botocore itself is not
loaded for it: its data lie in a file.
"""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grange.kernel.errors import ConfigurationError

KINDS = frozenset(
    {
        "boolean",
        "document",
        "double",
        "float",
        "integer",
        "list",
        "long",
        "map",
        "string",
        "structure",
        "timestamp",
    }
)
"""Every kind of shape the wire can decode and encode."""

LOCATIONS = {None: "body", "uri": "uri", "querystring": "query", "header": "header"}
"""Where the model puts a member, and our word for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a structure."""

    name: str
    """The model's name; in a body also the name on the wire."""
    shape: str
    location: str
    """`body`, `uri`, `query` or `header`."""
    wire_name: str
    """The name in the path, query string or header (in lower case)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One type of the model with its constraints; what does not apply is empty or None."""

    name: str
    kind: str
    """One of `KINDS`."""
    members: Mapping[str, Member]
    required: tuple[str, ...]
    union: bool
    """Exactly one member is present."""
    element: str | None
    """Shape of a list's entries."""
    key: str | None
    """Shape of a map's keys."""
    value: str | None
    """Shape of a map's values."""
    enum: tuple[str, ...]
    pattern: str | None
    """A regular expression for the whole text."""
    minimum: float | None
    """Of a number, or of the length of a text, list or map."""
    maximum: float | None
    error_status: int | None
    """The HTTP status, if the shape is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the API."""

    name: str
    method: str
    uri: str
    """The path with `{label}` segments."""
    status: int
    """The HTTP status of success."""
    input: str
    output: str
    errors: tuple[str, ...]
    host_prefix: str
    """`management.` or `scheduling.`; told to clients by the model, of no importance to Grange."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A whole service model."""

    operations: Mapping[str, Operation]
    shapes: Mapping[str, Shape]


@cache
def deadline() -> Service:
    """Return the Deadline Cloud model with Grange's extensions; loaded once, about 0.1 s."""
    model = json.loads(gzip.decompress(_model_file().read_bytes()))
    extensions = json.loads(resources.files(__package__).joinpath("extensions.json").read_text())
    return service_of(model, extensions)


def _model_file() -> Path:
    package = find_spec("botocore")
    if package is None or package.origin is None:
        raise ConfigurationError("The package botocore is missing: pip install 'grange[server]'.")
    folder = Path(package.origin).parent
    return folder / "data" / "deadline" / "2023-10-12" / "service-2.json.gz"


def service_of(
    model: Mapping[str, Any], extensions: Mapping[str, Mapping[str, Any]] | None = None
) -> Service:
    """Return the service a botocore model describes.

    Args:
        model: `shapes` and, optionally, `operations`, as in botocore's service-2.json.
        extensions: `shapes` to add, and `members` to add to structures.

    Raises:
        ValueError: if the model uses something the wire cannot carry, or an extension would
            change what the model says.
    """
    raw_shapes = dict(model["shapes"])
    added_members: Mapping[str, Mapping[str, Any]] = {}
    if extensions is not None:
        clash = raw_shapes.keys() & extensions["shapes"].keys()
        if clash:
            raise ValueError(f"Extensions redefine shapes: {', '.join(sorted(clash))}.")
        raw_shapes |= extensions["shapes"]
        added_members = extensions["members"]
        unknown = added_members.keys() - raw_shapes.keys()
        if unknown:
            raise ValueError(f"Extensions of unknown shapes: {', '.join(sorted(unknown))}.")
    shapes = {
        name: _shape(name, raw, added_members.get(name, {})) for name, raw in raw_shapes.items()
    }
    operations = {
        name: _operation(name, raw) for name, raw in sorted(model.get("operations", {}).items())
    }
    return Service(operations=operations, shapes=shapes)


def _shape(name: str, raw: Mapping[str, Any], added: Mapping[str, Any]) -> Shape:
    kind = "document" if raw.get("document") else raw["type"]
    if kind not in KINDS:
        raise ValueError(f"Shape {name} is a {kind}, which the wire cannot carry.")
    raw_members = dict(raw.get("members", {}))
    clash = raw_members.keys() & added.keys()
    if clash:
        raise ValueError(f"Extensions redefine members of {name}: {', '.join(sorted(clash))}.")
    members = {key: _member(name, key, member) for key, member in {**raw_members, **added}.items()}
    return Shape(
        name=name,
        kind=kind,
        members=members,
        required=tuple(raw.get("required", ())),
        union=bool(raw.get("union", False)),
        element=raw["member"]["shape"] if "member" in raw else None,
        key=raw["key"]["shape"] if "key" in raw else None,
        value=raw["value"]["shape"] if "value" in raw else None,
        enum=tuple(raw.get("enum", ())),
        pattern=raw.get("pattern"),
        minimum=raw.get("min"),
        maximum=raw.get("max"),
        error_status=raw["error"]["httpStatusCode"] if "error" in raw else None,
    )


def _member(shape: str, name: str, raw: Mapping[str, Any]) -> Member:
    location = LOCATIONS.get(raw.get("location"))
    wire_name = raw.get("locationName", name)
    if location is None:
        raise ValueError(f"{shape}.{name}: the wire cannot carry location {raw['location']}.")
    if location == "body" and wire_name != name:
        raise ValueError(f"{shape}.{name} is called {wire_name} in the body.")
    if location == "header":
        wire_name = wire_name.lower()
    return Member(name=name, shape=raw["shape"], location=location, wire_name=wire_name)


def _operation(name: str, raw: Mapping[str, Any]) -> Operation:
    http = raw["http"]
    return Operation(
        name=name,
        method=http["method"],
        uri=http["requestUri"],
        status=http["responseCode"],
        input=raw["input"]["shape"],
        output=raw["output"]["shape"],
        errors=tuple(error["shape"] for error in raw.get("errors", ())),
        host_prefix=raw.get("endpoint", {}).get("hostPrefix", ""),
    )
