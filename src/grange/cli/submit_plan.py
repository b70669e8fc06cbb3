"""What `grange submit` sends: a command over frames as one CreateJob request. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from typing import Any

from grange.cli.frame_range import FrameRange, range_of
from grange.kernel.errors import InvalidRequestError

_KNOWN = ("start", "end", "step", "frame")


@cache
def _placeholder(more: tuple[str, ...] = ()) -> re.Pattern[str]:
    names = "|".join((*_KNOWN, *more))
    return re.compile(rf"\{{({names})(?::0?(\d{{1,2}})d?)?\}}")


_PLACEHOLDER = _placeholder()
_ANY_WORD = re.compile(r"(?<![$\\\\{])\{([A-Za-z_]+)(?::0?\d{1,2}d?)?\}(?!\})")
"""A word in braces; behind a $ it is a variable of the shell's."""
_CLOSE = 0.8
"""So alike are a word and the placeholder it is taken for, as `strat` and `start` are."""
_TWO_BRACES = re.compile(r"([{}])(?=\1)")
_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlan:
    """One layer as the plan shows it; None where only the server will know."""

    name: str
    tasks: int | None
    frames: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitPlan:
    """One CreateJob request and what to tell the user about it."""

    name: str
    template: str
    template_type: str
    """JSON or YAML."""
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    priority: int = 50
    max_failed_tasks: int | None = None
    layers: tuple[LayerPlan, ...] = ()
    notes: tuple[str, ...] = ()
    """What the user should know, a sentence each."""
    storage_profile: str | None = None
    """Id of the profile that says how paths were written; None: they are the same everywhere."""

    def request(self) -> dict[str, Any]:
        """Return the body of the CreateJob request."""
        body: dict[str, Any] = {
            "template": self.template,
            "templateType": self.template_type,
            "priority": self.priority,
        }
        if self.parameters:
            body["parameters"] = {name: dict(value) for name, value in self.parameters.items()}
        if self.tags:
            body["tags"] = dict(self.tags)
        if self.max_failed_tasks is not None:
            body["maxFailedTasksCount"] = self.max_failed_tasks
        if self.storage_profile is not None:
            body["storageProfileId"] = self.storage_profile
        return body


_MOST_AFTER = 6
"""A tag holds so many job ids."""


def begin_after(plan: SubmitPlan, job_ids: Sequence[str]) -> SubmitPlan:
    """Return a plan that waits for other jobs.

    Raises:
        InvalidRequestError: there are too many.
    """
    if len(job_ids) > _MOST_AFTER:
        raise InvalidRequestError(
            f"--after names {len(job_ids)} jobs; at most {_MOST_AFTER} fit. Submit it paused or"
            " without, and name more with grange job set JOB --after."
        )
    if not job_ids:
        return plan
    return replace(plan, tags={**plan.tags, "grange:after": ",".join(job_ids)})


def attribute_tags(attributes: Mapping[str, str | None]) -> dict[str, str]:
    """Return the CreateJob tags that carry attributes of the work, without the empty ones."""
    return {f"grange:{name}": value for name, value in attributes.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRequest:
    """`grange submit --frames … -- COMMAND …` as given."""

    command: Sequence[str]
    """Program and arguments; {start}, {end}, {step} and {frame} stand for the chunk's frames."""
    frames: FrameRange | None
    """None: the command runs once."""
    chunk: int = 1
    chunk_seconds: int | None = None
    """Chunks are fitted to take about so long; None: they stay as they are."""
    preview: bool = False
    """The first, the middle and the last frame are rendered before the others."""
    name: str | None = None
    folder: str = ""
    """Working directory; empty: the session's own."""
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    """project, shot, render_type, …"""
    priority: int = 50


def command_plan(request: CommandRequest) -> SubmitPlan:
    """Return the job that runs a command over frames.

    The job has one layer, whose script cuts the chunk's range into {start}, {end} and {step}. If
    the command names {frame} but neither {start} nor {end}, it runs once for each frame.

    Raises:
        InvalidRequestError: the command is empty, or its placeholders do not fit the frames.
    """
    if not request.command or not request.command[0]:
        raise InvalidRequestError(
            "No command was given. Write it after --, e.g. -- blender -b a.blend …"
        )
    used = {match[1] for word in request.command for match in _PLACEHOLDER.finditer(word)}
    notes = _check_placeholders(request, used)
    program = request.command[0].rsplit("/", 1)[-1]
    name = (request.name or " ".join([program, *_frame_words(request.frames)]))[:128]
    per_frame = "frame" in used and not used & {"start", "end"}
    parts = _parts(request)
    template: dict[str, Any] = {
        "specificationVersion": "jobtemplate-2023-09",
        "name": _literal(name),
        "steps": [_step(request, layer, part, per_frame=per_frame) for layer, part in parts],
    }
    if request.frames is not None:
        template["extensions"] = ["TASK_CHUNKING"]
    if len(parts) > 1:
        template["steps"][1]["dependencies"] = [{"dependsOn": PREVIEW}]
    return SubmitPlan(
        name=name,
        template=json.dumps(template),
        template_type="JSON",
        tags=attribute_tags(request.attributes),
        priority=request.priority,
        layers=tuple(
            LayerPlan(
                name=layer,
                tasks=(
                    1
                    if part is None
                    else part.chunk_count(1 if layer == PREVIEW else request.chunk)
                ),
                frames=None if part is None else len(part.frames),
            )
            for layer, part in parts
        ),
        notes=(*notes, *chunk_notes(request.chunk_seconds)),
    )


_LAYER = "Render"
PREVIEW = "Preview"
"""The layer whose frames are rendered before the others."""


def preview_frames(frames: Sequence[int]) -> tuple[int, ...]:
    """Return the first, the middle and the last of some frames."""
    if not frames:
        return ()
    return tuple(sorted({frames[0], frames[len(frames) // 2], frames[-1]}))


def chunk_notes(seconds: int | None) -> tuple[str, ...]:
    """Return what there is to say of chunks that are fitted."""
    if seconds is None:
        return ()
    return (f"Chunks are fitted to take about {seconds} s, once frames are measured.",)


def _parts(request: CommandRequest) -> list[tuple[str, FrameRange | None]]:
    """Return the layers and their frames: those of the preview, then the others."""
    if request.frames is None or not request.preview:
        return [(_LAYER, request.frames)]
    early = preview_frames(request.frames.frames)
    rest = [frame for frame in request.frames.frames if frame not in early]
    found: list[tuple[str, FrameRange | None]] = [(PREVIEW, range_of(early))]
    return [*found, (_LAYER, range_of(rest))] if rest else [(_LAYER, range_of(early))]


def _check_placeholders(request: CommandRequest, used: set[str]) -> tuple[str, ...]:
    if request.frames is None:
        if used:
            raise InvalidRequestError(
                f"The command uses {{{min(used)}}} but no frames were given."
                " Add for example --frames 1-240."
            )
        return ()
    if request.chunk < 1:
        raise InvalidRequestError("--chunk must be at least 1.")
    _check_spelling(request.command)
    if not used:
        raise InvalidRequestError(
            "The command names no frames, so every task would do the same. Put {start} and {end},"
            " or {frame}, where the renderer takes them; without --frames it runs once."
        )
    if "start" in used and "end" not in used and request.chunk > 1:
        return (
            "The command uses {start} but not {end}: it must find the end of its chunk by itself.",
        )
    return ()


def _check_spelling(command: Sequence[str]) -> None:
    """Refuse a word in braces that looks like a misspelt placeholder: it would stay as it stands.

    Raises:
        InvalidRequestError: there is one.
    """
    for match in (one for word in command for one in _ANY_WORD.finditer(word)):
        near = get_close_matches(match[1].lower(), _KNOWN, n=1, cutoff=_CLOSE)
        if near and match[1] not in _KNOWN:
            raise InvalidRequestError(
                f"{{{match[1]}}} is no placeholder; did you mean {{{near[0]}}}? Known are"
                f" {', '.join(f'{{{name}}}' for name in _KNOWN)}. If it shall stay as it is, put"
                " the command into a script."
            )


def _frame_words(frames: FrameRange | None) -> list[str]:
    return [] if frames is None else [frames.text]


def _literal(text: str) -> str:
    """Return text that OpenJD takes as it is: two braces in a row would begin a format string."""
    return text.replace("{{", "{ {").replace("}}", "} }")


def _step(
    request: CommandRequest, name: str, frames: FrameRange | None, *, per_frame: bool
) -> dict[str, Any]:
    step: dict[str, Any] = {
        "name": name,
        "script": run_script(
            request.command,
            folder=request.folder,
            has_frames=request.frames is not None,
            per_frame=per_frame,
        ),
    }
    if frames is not None:
        step["parameterSpace"] = {
            "taskParameterDefinitions": [
                chunk_parameter(frames, 1)
                if name == PREVIEW
                else chunk_parameter(frames, request.chunk, request.chunk_seconds)
            ]
        }
    return step


def chunk_parameter(frames: FrameRange, chunk: int, seconds: int | None = None) -> dict[str, Any]:
    """Return the definition of the task parameter Frame, cut into chunks.

    Args:
        frames: all frames.
        chunk: how many a chunk holds.
        seconds: the server fits chunks to take about so long; None: it leaves them as they are.
    """
    fitted = {} if seconds is None else {"targetRuntimeSeconds": seconds}
    constraint = "CONTIGUOUS" if frames.contiguous else "NONCONTIGUOUS"
    return {
        "name": "Frame",
        "type": "CHUNK[INT]",
        "range": frames.text,
        "chunks": {"defaultTaskCount": chunk, **fitted, "rangeConstraint": constraint},
    }


def run_script(
    command: Sequence[str],
    *,
    folder: str = "",
    arguments: Mapping[str, str] | None = None,
    has_frames: bool,
    per_frame: bool,
) -> dict[str, Any]:
    """Return the script of a step that runs a command; see `shell_script`.

    Args:
        command: program and arguments with placeholders.
        folder: working directory; empty: the session's own.
        arguments: further placeholders → what OpenJD fills them with.
        has_frames: whether the task has a parameter Frame.
        per_frame: run the command once for each frame instead of once for each run of frames.
    """
    given = arguments or {}
    text = shell_script(
        command,
        folder=folder,
        has_frames=has_frames,
        per_frame=per_frame,
        arguments=tuple(given),
    )
    return {
        "actions": {
            "onRun": {
                "command": "/bin/sh",
                "args": ["{{Task.File.Run}}", *given.values()],
                "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": 10},
            }
        },
        "embeddedFiles": [{"name": "Run", "type": "TEXT", "filename": "run.sh", "data": text}],
    }


_CUT = r"""range='{{Task.Param.Frame}}'
run_part() {
  case $part in -*) sign=- ;; *) sign= ;; esac
  body=${part#-}
  digits=${body%%[!0-9]*}
  start=$sign$digits
  rest=${body#"$digits"}
  case $rest in *:*) step=${rest##*:} ;; *) step=1 ;; esac
  rest=${rest%%:*}
  case $rest in -*) end=${rest#-} ;; *) end=$start ;; esac
  run_frames
}
each_part() {
  left=$range,
  while [ -n "$left" ]; do
    part=${left%%,*}
    left=${left#*,}
    run_part
  done
}
"""
"""Cuts a range such as `1-8`, `1-7:2` or `3,8,9` into $start, $end and $step, part by part."""

_PER_FRAME = r"""run_frames() {
  frame=$start
  while [ "$frame" -le "$end" ]; do
    echo "grange: frame $frame start"
    run_command
    echo "grange: frame $frame done"
    frame=$((frame + step))
  done
}
"""

_PER_PART = r"""run_frames() {
  frame=$start
  run_command
}
"""


def shell_script(
    command: Sequence[str],
    *,
    folder: str,
    has_frames: bool,
    per_frame: bool,
    arguments: Sequence[str] = (),
) -> str:
    """Return the POSIX shell script a task runs, safe as the data of an OpenJD embedded file.

    Args:
        command: program and arguments with placeholders.
        folder: working directory; empty: the session's own.
        has_frames: whether the task has a parameter Frame.
        per_frame: run the command once for each frame instead of once for each run of frames.
        arguments: further placeholders, whose values are the script's arguments.
    """
    lines = ["#!/bin/sh", "set -eu"]
    lines += [f"{name}=${number}" for number, name in enumerate(arguments, 1)]
    if folder:
        lines.append(
            f'cd {_quoted(folder)} || {{ echo "grange: this worker cannot enter the folder the job'
            ' was submitted from; give --cwd a folder every worker has" >&2; exit 1; }'
        )
    words = " ".join(_word(word, arguments) for word in command)
    if not has_frames:
        return "\n".join([*lines, f"exec {words}", ""])
    body = _PER_FRAME if per_frame else _PER_PART
    return "\n".join([*lines, f"{_CUT}run_command() {{\n  {words}\n}}\n{body}each_part", ""])


def _quoted(text: str) -> str:
    """Return text quoted for the shell, free of the braces that begin and end a format string."""
    if text and _BARE.issuperset(text):
        return text
    quoted = "'" + text.replace("'", "'\"'\"'") + "'"
    return _TWO_BRACES.sub(r"\1''", quoted)


def _word(word: str, arguments: Sequence[str] = ()) -> str:
    """Return one word of the command for the shell, placeholders replaced by shell variables."""
    pieces: list[str] = []
    cursor = 0
    for match in _placeholder(tuple(arguments)).finditer(word):
        if match.start() > cursor:
            pieces.append(_quoted(word[cursor : match.start()]))
        width = int(match[2] or 0)
        variable = f'"${match[1]}"'
        pieces.append(f'"$(printf %0{width}d {variable})"' if width else variable)
        cursor = match.end()
    if cursor < len(word) or not pieces:
        pieces.append(_quoted(word[cursor:]))
    return "".join(pieces)
