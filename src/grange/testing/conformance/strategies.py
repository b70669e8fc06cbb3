"""Anything an entity's type allows (Hypothesis)."""

import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st

E = TypeVar("E")

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
"""Text that every store keeps as it is."""
WHOLE_NUMBERS = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE_NUMBERS | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)

_SCALARS: Mapping[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: WHOLE_NUMBERS,
    float: NUMBERS,
    bool: st.booleans(),
    Any: JSON,
    type(None): st.none(),
}


def anything(entity: type[E]) -> st.SearchStrategy[E]:
    """Return a strategy for every value of an entity's type."""
    hints = typing.get_type_hints(entity)
    parts = {name: _values(hint) for name, hint in hints.items()}
    return st.builds(entity, **parts)


def _values(hint: Any) -> st.SearchStrategy[Any]:
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*map(_values, arguments))
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return st.lists(_values(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*map(_values, arguments))
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(_values(arguments[0]), _values(arguments[1]), max_size=3)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return anything(hint)
    raise TypeError(f"No values are known for {hint}.")
