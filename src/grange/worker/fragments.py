"""The wire's job entities as openjd's values. Imported by the runner only."""

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any

from openjd.model import (
    DecodeValidationError,
    ParameterValue,
    ParameterValueType,
    RevisionExtensions,
    SpecificationRevision,
    parse_model,
)
from openjd.model.v2023_09 import Environment, ExtensionName, StepScript, StepTemplate
from openjd.sessions import PathFormat, PathMappingRule

from grange.kernel.errors import InvalidRequestError
from grange.worker.plan import Kind

SCHEMAS = frozenset({"jobtemplate-2023-09", "environment-2023-09"})
_TYPES = {
    "string": ParameterValueType.STRING,
    "int": ParameterValueType.INT,
    "float": ParameterValueType.FLOAT,
    "path": ParameterValueType.PATH,
    "chunkInt": ParameterValueType.CHUNK_INT,
    "bool": ParameterValueType.BOOL,
    "rangeExpr": ParameterValueType.RANGE_EXPR,
    "stringList": ParameterValueType.LIST_STRING,
    "pathList": ParameterValueType.LIST_PATH,
    "intList": ParameterValueType.LIST_INT,
    "floatList": ParameterValueType.LIST_FLOAT,
    "boolList": ParameterValueType.LIST_BOOL,
    "intListList": ParameterValueType.LIST_LIST_INT,
}
"""The wire's members of a parameter's typed union."""
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def parameter_values(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, ParameterValue]:
    """Return job or task parameters as openjd takes them.

    Raises:
        InvalidRequestError: a parameter has a type or value that is none.
    """
    values = {}
    for name, union in parameters.items():
        kind, value = next(iter(union.items()), ("", None))
        if len(union) != 1 or kind not in _TYPES:
            raise InvalidRequestError(f"Parameter {name} has the unknown type {kind!r}.")
        if kind == "bool":
            value = _truth(name, value)
        elif kind == "boolList":
            value = [_truth(name, one) for one in value or ()]
        values[name] = ParameterValue(type=_TYPES[kind], value=value)
    return values


def _truth(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise InvalidRequestError(f"Parameter {name} is neither true nor false: {value!r}.")


def path_mapping_rules(rules: Iterable[Mapping[str, str]]) -> list[PathMappingRule]:
    """Return the wire's path mapping rules as openjd takes them."""
    found = []
    for rule in rules:
        windows = rule["sourcePathFormat"].lower() == "windows"
        source = rule["sourcePath"]
        found.append(
            PathMappingRule(
                source_path_format=PathFormat.WINDOWS if windows else PathFormat.POSIX,
                source_path=PureWindowsPath(source) if windows else PurePosixPath(source),
                destination_path=PurePath(rule["destinationPath"]),
            )
        )
    return found


def revision(job: Mapping[str, Any]) -> RevisionExtensions:
    """Return the revision and extensions a job's session runs with.

    A job that does not say which extensions it uses may use all that openjd has. Redaction is
    always on.

    Raises:
        InvalidRequestError: the job follows a schema this worker does not know.
    """
    check_schema(job)
    declared = job.get("extensions")
    names = {one.value for one in ExtensionName} if declared is None else set(declared)
    return RevisionExtensions(
        spec_rev=SpecificationRevision.v2023_09,
        supported_extensions=sorted(names | {"REDACTED_ENV_VARS"}),
    )


def check_schema(details: Mapping[str, Any]) -> None:
    """Raise InvalidRequestError if an entity follows a schema this worker does not know."""
    schema = details.get("schemaVersion")
    if schema not in SCHEMAS:
        raise InvalidRequestError(f"This worker cannot run jobs of schema version {schema}.")


def step_of(details: Mapping[str, Any]) -> tuple[str, StepScript]:
    """Return a step's name and what its tasks run, from the wire's stepDetails.

    Raises:
        InvalidRequestError: the template does not parse; the message says where.
    """
    check_schema(details)
    template = details["template"]
    try:
        step = parse_model(
            model=StepTemplate, obj=template, supported_extensions=details.get("extensions") or ()
        )
    except DecodeValidationError as error:
        raise InvalidRequestError(f"The step's template does not parse: {error}") from error
    # A step may be written as a bare command (FEATURE_BUNDLE_1); openjd makes a script of it.
    script = step.script or step.resolve_syntax_sugar().script
    if script is None:
        raise InvalidRequestError(f"The step {step.name} has no script.")
    return str(step.name), script


def environment_of(details: Mapping[str, Any]) -> Environment:
    """Return an environment from the wire's environmentDetails.

    Raises:
        InvalidRequestError: the template does not parse; the message says where.
    """
    check_schema(details)
    try:
        return parse_model(
            model=Environment,
            obj=details["template"],
            supported_extensions=details.get("extensions") or (),
        )
    except DecodeValidationError as error:
        raise InvalidRequestError(f"The environment's template does not parse: {error}") from error


def command_text(template: Mapping[str, Any]) -> str:
    """Return everything of a template that says what is run, to recognise renderers by."""
    script = template.get("script")
    if not isinstance(script, dict):
        return json.dumps(template)
    texts = [json.dumps(script.get("actions", {}))]
    texts += [str(one.get("data", "")) for one in script.get("embeddedFiles") or ()]
    return "\n".join(texts)


def notify_seconds(template: Mapping[str, Any], kind: Kind) -> float:
    """Return how long an action may take to end by itself once it is cancelled."""
    script = template.get("script")
    actions = script.get("actions") if isinstance(script, dict) else None
    name = {Kind.TASK_RUN: "onRun", Kind.ENV_ENTER: "onEnter", Kind.ENV_EXIT: "onExit"}.get(kind)
    action = actions.get(name) if isinstance(actions, dict) else None
    method = action.get("cancelation") if isinstance(action, dict) else None
    if not isinstance(method, dict) or method.get("mode") != "NOTIFY_THEN_TERMINATE":
        return 0.0
    usual = 120.0 if kind is Kind.TASK_RUN else 30.0
    try:
        return float(method.get("notifyPeriodInSeconds", usual))
    except (TypeError, ValueError):
        return usual
