"""Attributes of the work: project, app, shot, …, resolved once, at CreateJob (ledger rule 11.9).

First hit wins: the tag `grange:<name>.<layer>`, the tag `grange:<name>`, a job parameter of that
name, the rules of `attribution.toml`, what the command of the layer shows, the queue's default, and
`unassigned`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grange.domain.attribution import AttributionRule, Subjects
from grange.domain.work import UNASSIGNED

NAMES = (
    "project",
    "app",
    "app_version",
    "renderer",
    "render_type",
    "shot",
    "sequence",
    "version",
    "camera",
    "class",
    "submit_machine",
)
TAG_PREFIX = "grange:"
_ORDERS = frozenset({"after"})
"""Tags of that kind that tell the farm what to do, and are no attribute of the work."""

_COMMANDS: tuple[tuple[re.Pattern[str], Mapping[str, str]], ...] = (
    (
        re.compile(r"mitsuba", re.IGNORECASE),
        {"app": "mitsuba", "renderer": "mitsuba", "render_type": "three_d"},
    ),
    (
        re.compile(r"povray", re.IGNORECASE),
        {"app": "povray", "renderer": "povray", "render_type": "three_d"},
    ),
    (re.compile(r"ffmpeg", re.IGNORECASE), {"app": "ffmpeg", "render_type": "comp"}),
    (re.compile(r"blender", re.IGNORECASE), {"app": "blender", "render_type": "three_d"}),
    (re.compile(r"\bnuke", re.IGNORECASE), {"app": "nuke", "render_type": "comp"}),
)


def recognised(command_line: Sequence[str]) -> Mapping[str, str]:
    """Return the attributes a layer's command (and its embedded scripts' names) shows, or {}."""
    text = " ".join(command_line)
    return next((found for pattern, found in _COMMANDS if pattern.search(text)), {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The value of an attribute, and what decided it."""

    value: str
    source: str
    """E.g. `tag grange:project`, `parameter Project`, `rule film shares`, `command`, `nothing`."""


def resolve(
    layer_name: str | None,
    *,
    tags: Mapping[str, str],
    parameters: Mapping[str, str],
    command_line: Sequence[str] = (),
    queue_defaults: Mapping[str, str] | None = None,
    rules: Sequence[AttributionRule] = (),
    subjects: Subjects | None = None,
) -> dict[str, str]:
    """Return the value of every attribute for a layer, or for the whole job (layer_name None).

    Args:
        layer_name: the layer's name, for `grange:<name>.<layer>` tags.
        tags: the tags given to CreateJob.
        parameters: job parameters as text; names are matched whatever their case.
        command_line: the command and arguments of the layer.
        queue_defaults: attributes set on the queue.
        rules: those of `attribution.toml`, in order.
        subjects: what the rules look at; None: they do not apply.
    """
    decided = decide(
        layer_name,
        tags=tags,
        parameters=parameters,
        command_line=command_line,
        queue_defaults=queue_defaults,
        rules=rules,
        subjects=subjects,
    )
    return {name: decision.value for name, decision in decided.items()}


def decide(
    layer_name: str | None,
    *,
    tags: Mapping[str, str],
    parameters: Mapping[str, str],
    command_line: Sequence[str] = (),
    queue_defaults: Mapping[str, str] | None = None,
    rules: Sequence[AttributionRule] = (),
    subjects: Subjects | None = None,
) -> dict[str, Decision]:
    """Return the value of every attribute and what decided it; see `resolve`."""
    by_name = {name.lower(): (name, value) for name, value in parameters.items()}
    shown = recognised(command_line)
    ruled: dict[str, Decision] = {}
    for rule in rules if subjects is not None else ():
        for name, value in rule.values(subjects or Subjects()).items():
            ruled.setdefault(name, Decision(value=value, source=f"rule {rule.name}"))
    found: dict[str, Decision] = {}
    for name in dict.fromkeys([*NAMES, *_others(tags), *ruled]):
        given, parameter = by_name.get(name, ("", ""))
        tag = f"{TAG_PREFIX}{name}"
        candidates = (
            (f"tag {tag}.{layer_name}", tags.get(f"{tag}.{layer_name}") if layer_name else None),
            (f"tag {tag}", tags.get(tag)),
            (f"parameter {given}", parameter),
            (ruled[name].source, ruled[name].value) if name in ruled else ("", None),
            ("command", shown.get(name)),
            ("queue", (queue_defaults or {}).get(name)),
        )
        found[name] = next(
            (Decision(value=value, source=source) for source, value in candidates if value),
            Decision(value=UNASSIGNED, source="nothing"),
        )
    return found


def _others(tags: Mapping[str, str]) -> list[str]:
    plain = (
        tag.removeprefix(TAG_PREFIX).split(".", 1)[0] for tag in tags if tag.startswith(TAG_PREFIX)
    )
    return sorted({name for name in plain if name} - {*NAMES, *_ORDERS})
