"""Attributes of the work: project, app, shot, …, resolved once, at CreateJob (ledger rule 11.9).

First hit wins: the tag `grange:<name>.<layer>`, the tag `grange:<name>`, a job parameter of that
name, what the command of the layer shows, the queue's default, and `unassigned`.
"""

import re
from collections.abc import Mapping, Sequence

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


def resolve(
    layer_name: str | None,
    *,
    tags: Mapping[str, str],
    parameters: Mapping[str, str],
    command_line: Sequence[str] = (),
    queue_defaults: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the value of every attribute for a layer, or for the whole job (layer_name None).

    Args:
        layer_name: the layer's name, for `grange:<name>.<layer>` tags.
        tags: the tags given to CreateJob.
        parameters: job parameters as text; names are matched whatever their case.
        command_line: the command and arguments of the layer.
        queue_defaults: attributes set on the queue.
    """
    by_name = {name.lower(): value for name, value in parameters.items()}
    shown = recognised(command_line)
    names = [*NAMES, *_others(tags)]
    found: dict[str, str] = {}
    for name in names:
        candidates = (
            tags.get(f"{TAG_PREFIX}{name}.{layer_name}") if layer_name else None,
            tags.get(f"{TAG_PREFIX}{name}"),
            by_name.get(name),
            shown.get(name),
            (queue_defaults or {}).get(name),
        )
        found[name] = next((value for value in candidates if value), UNASSIGNED)
    return found


def _others(tags: Mapping[str, str]) -> list[str]:
    plain = (
        tag.removeprefix(TAG_PREFIX).split(".", 1)[0] for tag in tags if tag.startswith(TAG_PREFIX)
    )
    return sorted({name for name in plain if name and name not in NAMES})
