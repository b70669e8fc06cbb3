"""Compares what REST answers with what it is said to answer."""

from typing import Any

import msgspec


def difference(answer: Any, kind: type[msgspec.Struct]) -> str | None:
    """Return what of an answer is not as its shape says, or more than it says; None: nothing."""
    try:
        told = msgspec.convert(answer, kind, strict=True)
    except msgspec.ValidationError as error:
        return str(error)
    same = msgspec.json.decode(msgspec.json.encode(told))
    return None if same == answer else f"more: {sorted(_paths(answer) - _paths(same))[:5]}"


def _paths(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {path}.union(*(_paths(inner, f"{path}.{name}") for name, inner in value.items()))
    if isinstance(value, list):
        return {path}.union(*(_paths(inner, f"{path}[]") for inner in value))
    return {path}
