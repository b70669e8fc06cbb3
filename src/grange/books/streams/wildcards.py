"""Names with wildcards: `*`, `?`, `[abc]`, `[!abc]`, as file names have them."""

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r"[*?\[]")


def is_pattern(text: str) -> bool:
    """Return whether a name has wildcards."""
    return bool(_SPECIAL.search(text))


def as_regex(pattern: str) -> str:
    """Return a regular expression (of RE2 and of Python) that matches whole names."""
    parts = []
    place = 0
    while place < len(pattern):
        letter = pattern[place]
        place += 1
        if letter == "*":
            parts.append("(?s:.*)")
        elif letter == "?":
            parts.append("(?s:.)")
        elif letter == "[":
            end = _class_end(pattern, place)
            if end < 0:
                parts.append(r"\[")
                continue
            parts.append(_class(pattern[place:end]))
            place = end + 1
        else:
            parts.append(re.escape(letter))
    return "".join(parts)


def any_of(patterns: Iterable[str]) -> str:
    """Return one regular expression that matches what any of the patterns matches."""
    return "|".join(f"(?:{as_regex(pattern)})" for pattern in patterns)


def _class_end(pattern: str, place: int) -> int:
    start = place
    if pattern[start : start + 1] == "!":
        start += 1
    # A `]` at the very beginning is a member.
    return pattern.find("]", start + 1)


def _class(members: str) -> str:
    inverted = members.startswith("!")
    members = members[1:] if inverted else members
    found: list[str] = []
    place = 0
    while place < len(members):
        if members[place + 1 : place + 2] == "-" and place + 2 < len(members):
            first, last = members[place], members[place + 2]
            if first <= last:
                found.append(f"{_escaped(first)}-{_escaped(last)}")
            place += 3
        else:
            found.append(_escaped(members[place]))
            place += 1
    if not found:  # nothing is in no range, everything is outside it
        return "(?s:.)" if inverted else r"[^\s\S]"
    return f"[{'^' if inverted else ''}{''.join(found)}]"


def _escaped(letter: str) -> str:
    return letter if letter.isalnum() or ord(letter) > 127 else f"\\{letter}"
