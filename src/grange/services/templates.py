"""Open Job Description: from a template to the values the farm decides on.

The only module that imports openjd.model, and only when a template is read: it takes longer to load
than the rest of a server that comes back after a crash. A layer's tasks are never expanded: a
task's parameters are looked up by its index, from a parameter space rebuilt from the job's template
when it is first asked for.
"""

import importlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grange.books.frame_ranges import compressed
from grange.domain.work import ChunkCut, Job, Requirement
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import JobId

if TYPE_CHECKING:
    from openjd.model import StepParameterSpaceIterator

EXTENSIONS = ("TASK_CHUNKING", "REDACTED_ENV_VARS", "FEATURE_BUNDLE_1", "EXPR")
"""OpenJD extensions a template may ask for."""

_WIRE_TYPES = {
    "INT": "int",
    "FLOAT": "float",
    "STRING": "string",
    "PATH": "path",
    "CHUNK[INT]": "chunkInt",
    "BOOL": "bool",
    "RANGE_EXPR": "rangeExpr",
    "LIST[STRING]": "stringList",
    "LIST[PATH]": "pathList",
    "LIST[INT]": "intList",
    "LIST[FLOAT]": "floatList",
    "LIST[BOOL]": "boolList",
    "LIST[LIST[INT]]": "intListList",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedLayer:
    """One step of a template."""

    name: str
    description: str
    template: Mapping[str, Any]
    environments: tuple[Mapping[str, Any], ...]
    requirement: Requirement
    depends_on: tuple[int, ...]
    """Positions of the layers it waits for."""
    task_count: int
    frame_parameter: str | None
    frame_count: int | None
    command_line: tuple[str, ...]
    frames: str | None = None
    """All its frames as a range expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedJob:
    """A template with its parameters filled in."""

    name: str
    description: str
    schema_version: str
    extensions: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, Any]]
    environments: tuple[Mapping[str, Any], ...]
    """Raw environment fragments: the queue's, then the job's own."""
    layers: tuple[ParsedLayer, ...]


def parse_job(
    template: str,
    template_type: str,
    parameters: Mapping[str, Mapping[str, Any]],
    queue_environments: Sequence[tuple[str, str]] = (),
) -> ParsedJob:
    """Check a job template and fill in its parameters.

    Args:
        template: the template's text.
        template_type: JSON or YAML.
        parameters: name → the wire's typed union, e.g. {"int": "5"}.
        queue_environments: (type, text) of the queue's environment templates, in order.

    Raises:
        InvalidRequestError: OpenJD rejects the template, an environment or a parameter.
    """
    from openjd.model import create_job  # noqa: PLC0415 - see above

    raw, decoded, values, environments = _decode(
        template, template_type, parameters, queue_environments
    )
    try:
        job = create_job(
            job_template=decoded,
            job_parameter_values=values,
            environment_templates=[env for _, env in environments] or None,
        )
    except ValueError as error:
        raise _rejected("template", error) from error
    _check_file_names(raw, "template")
    names = [step.name for step in job.steps]
    by_name = {step["name"]: step for step in raw["steps"]}
    return ParsedJob(
        name=job.name,
        description=job.description or "",
        schema_version=str(raw["specificationVersion"]),
        extensions=tuple(raw.get("extensions") or ()),
        parameters={
            name: {_WIRE_TYPES[value.type.value]: _wire_value(value.value)}
            for name, value in values.items()
        },
        environments=tuple(
            [env_raw["environment"] for env_raw, _ in environments]
            + list(raw.get("jobEnvironments") or ())
        ),
        layers=tuple(_layer(step, by_name[step.name], names) for step in job.steps),
    )


def check_environment(template: str, template_type: str) -> str:
    """Check a queue environment's template and return the environment's name.

    Raises:
        InvalidRequestError: OpenJD rejects it.
    """
    from openjd.model import decode_environment_template  # noqa: PLC0415 - see above

    raw = _document(template, template_type)
    try:
        decoded = decode_environment_template(template=raw, supported_extensions=EXTENSIONS)
    except ValueError as error:
        raise _rejected("template", error) from error
    _check_file_names(raw, "template")
    return str(decoded.environment.name)


def parameter_definitions(template: str, template_type: str) -> list[dict[str, Any]]:
    """Return a job template's parameter definitions as they were written."""
    return list(_document(template, template_type).get("parameterDefinitions") or ())


def job_document(template: str, template_type: str) -> dict[str, Any]:
    """Return a job template as it was written."""
    return _document(template, template_type)


def load() -> None:
    """Load what reads templates, so that the first job does not wait for it."""
    importlib.import_module("openjd.model")


class TaskSpaces:
    """Task parameters by (job, layer position, task index); keeps the spaces of the latest jobs."""

    def __init__(self, keep_jobs: int = 256) -> None:
        self._keep = keep_jobs
        self._spaces: OrderedDict[JobId, list[_LayerSpace]] = OrderedDict()
        self._by_content: OrderedDict[tuple[str, str], list[_LayerSpace]] = OrderedDict()
        """By template and parameters: the jobs of a show often share theirs."""
        self._cut: OrderedDict[tuple[JobId, tuple[ChunkCut, ...]], _LayerSpace] = OrderedDict()
        """Parameter spaces of layers from a cut on."""

    def parameters(self, job: Job, layer_index: int, index: int) -> dict[str, dict[str, str]]:
        """Return the parameters of one task as the wire's typed unions.

        Raises:
            IndexError: the layer has no such task.
        """
        cuts = cuts_of(job, layer_index, up_to=index)
        if cuts:
            found = self._after(job, cuts).space[index - cuts[-1].first_index]
        else:
            found = self._of(job)[layer_index].space[index]
        return {
            name: {_WIRE_TYPES[value.type.value]: str(value.value)} for name, value in found.items()
        }

    def chunk_target(self, job: Job, layer_index: int) -> int | None:
        """Return the seconds a chunk of a layer should take; None if its chunks stay as they are.

        Only chunks of a layer whose one parameter they are can be fitted.
        """
        return self._of(job)[layer_index].chunk_seconds

    def count_after(self, job: Job, cut: ChunkCut) -> int:
        """Return how many tasks there would be from a cut on."""
        cuts = cuts_of(job, cut.layer, up_to=cut.first_index - 1)
        return len(self._after(job, (*cuts, cut)).space)

    def _after(self, job: Job, cuts: tuple[ChunkCut, ...]) -> "_LayerSpace":
        """Return the parameter space of a layer from the last of these cuts on."""
        key = (job.job_id, cuts)
        known = self._cut.get(key)
        if known is None:
            cut, before = cuts[-1], cuts[:-1]
            whole = self._after(job, before) if before else self._of(job)[cut.layer]
            first = before[-1].first_index if before else 0
            known = self._cut[key] = _cut_space(whole, cut.first_index - first, cut.size)
            while len(self._cut) > self._keep:
                self._cut.popitem(last=False)
        self._cut.move_to_end(key)
        return known

    def definition(self, job: Job, layer_index: int) -> list[dict[str, str]]:
        """Return the layer's task parameters as the wire's StepParameter list."""
        step = _document(job.template, job.template_type)["steps"][layer_index]
        definitions = (step.get("parameterSpace") or {}).get("taskParameterDefinitions", ())
        return [
            {
                "name": item["name"],
                "type": "CHUNK_INT" if item["type"] == "CHUNK[INT]" else item["type"],
            }
            for item in definitions
        ]

    def _of(self, job: Job) -> "list[_LayerSpace]":
        spaces = self._spaces.get(job.job_id)
        if spaces is None:
            spaces = self._spaces[job.job_id] = self._of_content(job)
            while len(self._spaces) > self._keep:
                self._spaces.popitem(last=False)
        self._spaces.move_to_end(job.job_id)
        return spaces

    def _of_content(self, job: Job) -> "list[_LayerSpace]":
        from openjd.model import create_job  # noqa: PLC0415 - see above

        content = (job.template, repr(sorted(job.parameters.items())))
        spaces = self._by_content.get(content)
        if spaces is None:
            _, decoded, values, _ = _decode(
                job.template, job.template_type, job.parameters, (), only_known=True
            )
            created = create_job(job_template=decoded, job_parameter_values=values)
            spaces = self._by_content[content] = [
                _LayerSpace(step, _space(step), _chunk_seconds(step)) for step in created.steps
            ]
            while len(self._by_content) > self._keep:
                self._by_content.popitem(last=False)
        self._by_content.move_to_end(content)
        return spaces


@dataclass(frozen=True, slots=True)
class _LayerSpace:
    """A layer, or what is left of it in chunks of another size, and the space of its tasks."""

    step: Any
    """As OpenJD makes it of the template."""
    space: "StepParameterSpaceIterator"
    chunk_seconds: int | None = None
    """How long a chunk of a whole layer should take; None: its chunks stay as they are."""


def cuts_of(job: Job, layer_index: int, *, up_to: int) -> tuple[ChunkCut, ...]:
    """Return the cuts of a layer that begin at a task or before it, in order."""
    return tuple(
        cut for cut in job.cuts or () if cut.layer == layer_index and cut.first_index <= up_to
    )


def _chunk_seconds(step: Any) -> int | None:
    definitions = {} if step.parameterSpace is None else _definitions(step)
    if len(definitions) != 1:
        return None
    chunks = getattr(next(iter(definitions.values())), "chunks", None)
    target = None if chunks is None else chunks.targetRuntimeSeconds
    return int(target) or None if target is not None else None


def _definitions(step: Any) -> dict[str, Any]:
    return dict(step.parameterSpace.taskParameterDefinitions)


def _cut_space(whole: _LayerSpace, taken: int, size: int) -> _LayerSpace:
    """Return what is left of a layer after its first tasks, in chunks of another size."""
    from openjd.model import IntRangeExpr, StepParameterSpaceIterator  # noqa: PLC0415 - see above

    step = whole.step
    ((name, definition),) = _definitions(step).items()
    done = {
        frame
        for index in range(taken)
        for frame in IntRangeExpr.from_str(str(whole.space[index][name].value))
    }
    left = sorted({int(frame) for frame in definition.range} - done)
    shorter = definition.model_copy(update={"range": IntRangeExpr.from_str(compressed(left))})
    parameters = step.parameterSpace.model_copy(
        update={"taskParameterDefinitions": {name: shorter}}
    )
    rest = step.model_copy(update={"parameterSpace": parameters})
    return _LayerSpace(
        rest, StepParameterSpaceIterator(space=parameters, chunks_task_count_override=size)
    )


def frames_of(
    parameters: Mapping[str, Mapping[str, str]], frame_parameter: str | None
) -> str | None:
    """Return the frames a task renders as a range expression (`1-4`, `1,3`), or None."""
    if frame_parameter is None or frame_parameter not in parameters:
        return None
    return next(iter(parameters[frame_parameter].values()))


def frame_count_of(frames: str | None) -> int | None:
    """Return how many frames a range expression names, or None for None."""
    if frames is None:
        return None
    count = 0
    for part in frames.split(","):
        body, _, step = part.partition(":")
        first, dash, last = body[1:].partition("-")
        first = body[:1] + first
        if not dash:
            count += 1
            continue
        count += (int(last) - int(first)) // (int(step) if step else 1) + 1
    return count


def _space(step: Any) -> "StepParameterSpaceIterator":
    """Chunks keep their declared size: a lazy task needs a fixed index, so no size adapts later."""
    from openjd.model import StepParameterSpaceIterator  # noqa: PLC0415 - see above

    space = StepParameterSpaceIterator(space=step.parameterSpace)
    if space.chunks_adaptive:
        return StepParameterSpaceIterator(
            space=step.parameterSpace, chunks_task_count_override=space.chunks_default_task_count
        )
    return space


def _decode(
    template: str,
    template_type: str,
    parameters: Mapping[str, Mapping[str, Any]],
    queue_environments: Sequence[tuple[str, str]],
    *,
    only_known: bool = False,
) -> tuple[dict[str, Any], Any, dict[str, Any], list[tuple[dict[str, Any], Any]]]:
    from openjd.model import (  # noqa: PLC0415 - see above
        decode_environment_template,
        decode_job_template,
        preprocess_job_parameters,
    )

    raw = _document(template, template_type)
    try:
        decoded = decode_job_template(template=raw, supported_extensions=EXTENSIONS)
    except ValueError as error:
        raise _rejected("template", error) from error
    if only_known:  # the parameters of the queue's environments play no part in task spaces
        known = {definition.name for definition in decoded.parameterDefinitions or ()}
        parameters = {name: value for name, value in parameters.items() if name in known}
    environments = []
    for kind, text in queue_environments:
        env_raw = _document(text, kind)
        environments.append(
            (
                env_raw,
                decode_environment_template(template=env_raw, supported_extensions=EXTENSIONS),
            )
        )
    try:
        values = preprocess_job_parameters(
            job_template=decoded,
            job_parameter_values={name: _plain(value) for name, value in parameters.items()},
            # Paths stay as they are: they may be of another system than this server's.
            job_template_dir=Path(),
            current_working_dir=Path(),
            allow_job_template_dir_walk_up=True,
            environment_templates=[env for _, env in environments] or None,
        )
    except ValueError as error:
        raise _rejected("parameters", error) from error
    return raw, decoded, values, environments


def _document(text: str, kind: str) -> dict[str, Any]:
    from openjd.model import DocumentType, document_string_to_object  # noqa: PLC0415 - see above

    document_type = DocumentType.YAML if kind == "YAML" else DocumentType.JSON
    try:
        found = document_string_to_object(document=text, document_type=document_type)
    except ValueError as error:
        raise _rejected("template", error) from error
    if not isinstance(found, dict):
        raise _rejected("template", ValueError("a template is an object"))
    return found


def _check_file_names(value: Any, place: str) -> None:
    """Refuse names of embedded files that OpenJD lets pass and no folder can hold.

    Raises:
        InvalidRequestError: a name is `.` or `..`, or holds the NUL character.
    """
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check_file_names(item, f"{place}[{index}]")
    elif isinstance(value, dict):
        files = value.get("embeddedFiles")
        for index, file in enumerate(files if isinstance(files, list) else ()):
            name = str(file.get("filename", ""))
            if name in {".", ".."} or "\0" in name:
                here = f"{place}.embeddedFiles[{index}].filename"
                message = f"{name!r} is no name of a file in the session's folder"
                raise InvalidRequestError(
                    f"{here}: {message}.", fields=[FieldProblem(here, message)]
                )
        for name, item in value.items():
            _check_file_names(item, f"{place}.{name}")


def _rejected(field: str, error: Exception) -> InvalidRequestError:
    message = str(error)
    return InvalidRequestError(
        f"OpenJD rejects the {field}: {message}",
        reason="FIELD_VALIDATION_FAILED",
        fields=[FieldProblem(field, message[:1000])],
    )


def _plain(value: Mapping[str, Any]) -> Any:
    kind, plain = next(iter(value.items()))
    if kind == "intList":
        return [int(item) for item in plain]
    if kind == "floatList":
        return [float(item) for item in plain]
    return plain


def _wire_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_wire_value(item) for item in value]
    return str(value)


def _layer(step: Any, raw: Mapping[str, Any], names: list[str]) -> ParsedLayer:
    space = _space(step)
    parameter, frames = _frames(step, space)
    on_run = (raw.get("script") or {}).get("actions", {}).get("onRun", {})
    command_line = (str(on_run.get("command", "")), *map(str, on_run.get("args") or ()))
    scripts = tuple(
        str(item.get("data", "")) for item in (raw.get("script") or {}).get("embeddedFiles") or ()
    )
    return ParsedLayer(
        name=step.name,
        description=step.description or "",
        template=raw,
        environments=tuple(raw.get("stepEnvironments") or ()),
        requirement=_requirement(step.hostRequirements),
        depends_on=tuple(names.index(item.dependsOn) for item in step.dependencies or ()),
        task_count=len(space),
        frame_parameter=parameter,
        frame_count=None if frames is None else len(frames),
        frames=None if frames is None else compressed(frames),
        command_line=(*command_line, *scripts),
    )


def _frames(step: Any, space: "StepParameterSpaceIterator") -> tuple[str | None, list[int] | None]:
    """Return the parameter that names frames, and the frames in order."""
    if step.parameterSpace is None:
        return None, None
    definitions = step.parameterSpace.taskParameterDefinitions
    name = space.chunks_parameter_name or next(
        (
            name
            for name, definition in definitions.items()
            if name.lower() == "frame" and definition.type.value == "INT"
        ),
        None,
    )
    if name is None:
        return None, None
    values = definitions[name].range
    return name, sorted({int(value) for value in values})


def _requirement(host: Any) -> Requirement:
    if host is None:
        return Requirement()
    return Requirement(
        amounts=tuple(
            sorted(
                (
                    str(item.name).lower(),
                    None if item.min is None else float(item.min),
                    None if item.max is None else float(item.max),
                )
                for item in host.amounts or ()
            )
        ),
        attributes=tuple(
            sorted(
                (
                    str(item.name).lower(),
                    tuple(str(value) for value in item.anyOf or ()),
                    tuple(str(value) for value in item.allOf or ()),
                )
                for item in host.attributes or ()
            )
        ),
    )
