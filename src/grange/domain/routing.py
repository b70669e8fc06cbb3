"""Which workers a job is for: classes A to Z, and groups, that it requires or would rather have.

A job says so by its attributes `class`, `group`, `prefer_class` and `prefer_group`; each may name
several with commas, of which a worker needs one. They become part of what its layers demand.
"""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from grange.domain.work import UNASSIGNED, Requirement

GROUP = "grange:attr.worker.group"
"""Names of the groups a worker is in."""
CLASS = "grange:attr.worker.class"
"""Letters A to Z of the work a worker is for."""

_LETTER = re.compile(r"[A-Z]\Z")


def routed(requirement: Requirement, attributes: Mapping[str, str]) -> Requirement:
    """Return what a layer demands, with the classes and groups its attributes name.

    A class that is no letter is only a word about the job; it routes nothing.
    """
    needed = _named(attributes, "")
    wished = _named(attributes, "prefer_")
    if not needed and not wished:
        return requirement
    more = tuple((name, values, ()) for name, values in needed)
    return replace(
        requirement,
        attributes=tuple(sorted((*requirement.attributes, *more))),
        prefers=tuple(sorted(wished)),
    )


def letters(text: str) -> tuple[str, ...]:
    """Return the classes a text names, e.g. `A,C` or `AC`; none if one of them is no letter."""
    found = [word.strip() for word in text.split(",")] if "," in text else list(text.strip())
    good = all(_LETTER.match(letter) for letter in found)
    return tuple(sorted(set(found))) if good else ()


def _named(attributes: Mapping[str, str], prefix: str) -> list[tuple[str, tuple[str, ...]]]:
    found = []
    classes = letters(attributes.get(f"{prefix}class", ""))
    if classes:
        found.append((CLASS, classes))
    text = attributes.get(f"{prefix}group", "")
    groups = tuple(sorted({name.strip() for name in text.split(",") if name.strip()}))
    if groups and text != UNASSIGNED:
        found.append((GROUP, groups))
    return found
