"""What all state machines share: a literal table of what each state accepts, and where it may lead.

A table maps state → event type → the states the event may lead to. `next_of` refuses what the
table does not hold; `settle` checks the outcome against it. Diagrams in the docs are drawn from
the tables.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from grange.kernel.errors import InvalidTransitionError

S = TypeVar("S", bound=StrEnum)

Table = Mapping[S, Mapping[type[Any], tuple[S, ...]]]


def next_of(
    table: Table[S], machine: str, subject: str, state: S, event: object, *, history: str = ""
) -> tuple[S, ...]:
    """Return the states `event` may lead to from `state`.

    Raises:
        InvalidTransitionError: the state does not accept the event.
    """
    allowed = table[state].get(type(event))
    if allowed is None:
        raise InvalidTransitionError(machine, subject, state, type(event).__name__, history)
    return allowed


def mermaid(name: str, table: Table[S], initial: S) -> str:
    """Draw a table as a Mermaid state diagram, one arrow per pair of states."""
    arrows: dict[tuple[S, S], list[str]] = {}
    for state, events in table.items():
        for event, targets in events.items():
            for target in targets:
                arrows.setdefault((state, target), []).append(event.__name__)
    lines = [f"### {name}", "", "```mermaid", "stateDiagram-v2", f"    [*] --> {initial}"]
    for (state, target), names in arrows.items():
        lines.append(f"    {state} --> {target}: {', '.join(names)}")
    lines += ["```", ""]
    return "\n".join(lines)
