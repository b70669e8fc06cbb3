"""An OpenJD job bundle as one CreateJob request. Pure: `submit.py` reads the files."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from grange.cli.frame_range import parse_frames
from grange.cli.submit_plan import LayerPlan, SubmitPlan, attribute_tags
from grange.kernel.errors import FieldProblem, InvalidRequestError

_UNIONS = {
    "INT": "int",
    "FLOAT": "float",
    "STRING": "string",
    "PATH": "path",
    "BOOL": "bool",
    "RANGE_EXPR": "rangeExpr",
}
"""OpenJD parameter type → member of the wire's union of parameter values."""

_FORMAT = re.compile(r"\{\{\s*(?:Raw)?Param\.(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The files of a job bundle, as read."""

    folder: Path
    """Absolute."""
    template: str
    template_type: str
    """JSON or YAML."""
    document: Mapping[str, Any]
    """The template, parsed."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The bundle's own parameter values by name; names such as deadline:priority among them."""
    has_asset_references: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRequest:
    """`grange submit BUNDLE` as given."""

    bundle: Bundle
    given: Mapping[str, str]
    """Values of -p NAME=VALUE."""
    here: Path
    """The folder relative paths of `given` are meant from; absolute."""
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    priority: int | None = None
    of_queue: Mapping[str, str] = field(default_factory=dict)
    """Parameters that the queue's environments add: name → OpenJD type."""


def queue_values(
    given: Mapping[str, str], of_queue: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Return the given values that are for environments of the queue, as the wire has them."""
    return {
        name: {_union(name, {"type": of_queue[name]}): value}
        for name, value in given.items()
        if name in of_queue
    }


def unknown_parameters(bundle: Bundle, given: Mapping[str, str]) -> set[str]:
    """Return the names with values that the bundle's template does not declare."""
    own = {name for name in bundle.values if ":" not in name}
    return (own | set(given)) - set(_definitions(bundle.document))


def bundle_plan(request: BundleRequest) -> SubmitPlan:
    """Return the job of a bundle.

    Relative paths become absolute: those of the bundle from its folder, those of the command line
    from the current one. The template's text is sent as it stands.

    Raises:
        InvalidRequestError: the template is no job template, or a value is missing, unknown or of
            no use.
    """
    document = request.bundle.document
    definitions = _definitions(document)
    values = _values(request, definitions)
    resolved = {
        name: str(values.get(name, {}).get(_UNIONS.get(kind, ""), definition.get("default", "")))
        for name, definition in definitions.items()
        for kind in [str(definition.get("type"))]
    }
    settings = {
        name: value for name, value in request.bundle.values.items() if name.startswith("deadline:")
    }
    own_priority = settings.get("deadline:priority", 50)
    failed = settings.get("deadline:maxFailedTasksCount")
    plan = SubmitPlan(
        name=_resolve(str(document.get("name", "")), resolved) or str(document.get("name", "")),
        template=request.bundle.template,
        template_type=request.bundle.template_type,
        parameters=values,
        tags=attribute_tags(request.attributes),
        priority=int(own_priority) if request.priority is None else request.priority,
        max_failed_tasks=None if failed is None else int(failed),
        layers=tuple(_layer(step, resolved) for step in _steps(document)),
    )
    if request.bundle.has_asset_references:
        return replace(
            plan,
            notes=("asset_references is left out: workers read the files where they are.",),
        )
    return plan


def _steps(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    steps = document.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise InvalidRequestError("The template has no steps: it is no OpenJD job template.")
    return steps


def _definitions(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    definitions = document.get("parameterDefinitions") or []
    if not isinstance(definitions, list) or not all(
        isinstance(item, dict) and "name" in item for item in definitions
    ):
        raise InvalidRequestError(
            "The template's parameterDefinitions must be a list of parameters."
        )
    return {str(item["name"]): item for item in definitions}


def _values(
    request: BundleRequest, definitions: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    bundle = request.bundle
    own = {name: value for name, value in bundle.values.items() if ":" not in name}
    unknown = sorted((set(own) | set(request.given)) - set(definitions) - set(request.of_queue))
    if unknown:
        known = ", ".join(sorted(definitions)) or "none"
        raise InvalidRequestError(
            f"The template has no parameter {unknown[0]}. It has: {known}.",
            fields=[FieldProblem(name, "unknown parameter") for name in unknown],
        )
    texts = {name: str(value) for name, value in own.items()} | dict(request.given)
    only_queue = {name: kind for name, kind in request.of_queue.items() if name not in definitions}
    values: dict[str, dict[str, str]] = queue_values(texts, only_queue)
    missing: list[str] = []
    for name, definition in definitions.items():
        is_path = definition.get("type") == "PATH"
        if name in request.given:
            text = request.given[name]
            if is_path and text:
                text = str(request.here / Path(text).expanduser())
        elif name in own:
            text = _from_bundle(own[name], bundle.folder, is_path=is_path)
        elif "default" not in definition:
            missing.append(name)
            continue
        elif is_path and definition["default"]:
            text = _from_bundle(definition["default"], bundle.folder, is_path=True)
        else:
            continue
        values[name] = {_union(name, definition): text}
    if missing:
        raise InvalidRequestError(
            f"The template's parameter {missing[0]} has no default. Give it: -p {missing[0]}=VALUE",
            fields=[FieldProblem(name, "missing") for name in missing],
        )
    return values


def _from_bundle(value: Any, folder: Path, *, is_path: bool) -> str:
    text = str(value)
    return str(folder / text) if is_path and text and not Path(text).is_absolute() else text


def _union(name: str, definition: Mapping[str, Any]) -> str:
    kind = str(definition.get("type"))
    union = _UNIONS.get(kind)
    if union is None:
        raise InvalidRequestError(
            f"Parameter {name} is of type {kind}, which -p cannot set; give it a default."
        )
    return union


def _resolve(text: str, values: Mapping[str, str]) -> str | None:
    """Return text with its {{Param.…}} replaced; None if something else stands in braces."""
    done = _FORMAT.sub(lambda match: values.get(match[1], match[0]), text)
    return None if "{{" in done else done


def _layer(step: Mapping[str, Any], values: Mapping[str, str]) -> LayerPlan:
    name = str(step.get("name", "?"))
    space = step.get("parameterSpace")
    if space is None:
        return LayerPlan(name=name, tasks=1, frames=None)
    parameters = space.get("taskParameterDefinitions") if isinstance(space, dict) else None
    if not isinstance(parameters, list) or space.get("combination"):
        return LayerPlan(name=name, tasks=None, frames=None)
    counts = [_count(parameter, values) for parameter in parameters if isinstance(parameter, dict)]
    if any(tasks is None for tasks, _ in counts):
        return LayerPlan(name=name, tasks=None, frames=None)
    frames = [frames for _, frames in counts if frames is not None]
    return LayerPlan(
        name=name,
        tasks=math.prod(tasks for tasks, _ in counts if tasks is not None),
        frames=frames[0] if len(frames) == 1 else None,
    )


def _count(
    parameter: Mapping[str, Any], values: Mapping[str, str]
) -> tuple[int | None, int | None]:
    """Return how many values one task parameter takes, and how many frames if it counts frames."""
    spread = parameter.get("range")
    is_frames = parameter.get("type") == "CHUNK[INT]" or parameter.get("name") == "Frame"
    if isinstance(spread, list):
        text = ",".join(str(item) for item in spread)
        if parameter.get("type") != "CHUNK[INT]":
            return len(spread), len(spread) if is_frames else None
    else:
        text = str(spread)
    expression = _resolve(text, values)
    if expression is None:
        return None, None
    try:
        frames = parse_frames(expression)
    except InvalidRequestError:
        return None, None
    chunks = parameter.get("chunks")
    if not isinstance(chunks, dict):
        return len(frames.frames), len(frames.frames) if is_frames else None
    size = _resolve(str(chunks.get("defaultTaskCount", 1)), values)
    if size is None or not size.isdecimal() or int(size) < 1:
        return None, None
    if chunks.get("rangeConstraint") == "NONCONTIGUOUS":
        return -(-len(frames.frames) // int(size)), len(frames.frames)
    return frames.chunk_count(int(size)), len(frames.frames)
