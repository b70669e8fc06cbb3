"""The least entity a type allows, for tests that care about one field."""

import dataclasses
import typing
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from grange.domain.work import Job, Layer, Session, SessionAction, Task

E = TypeVar("E")


def least(entity: type[E], **given: Any) -> E:
    """Return an entity whose required fields are filled in where they are not given."""
    hints = typing.get_type_hints(entity)
    for name in _required(entity):
        if name not in given:
            given[name] = _least(name, hints[name])
    return entity(**given)


def _required(entity: type[Any]) -> list[str]:
    if issubclass(entity, msgspec.Struct):
        return [item.name for item in msgspec.structs.fields(entity) if item.required]
    return [
        item.name
        for item in dataclasses.fields(entity)
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    ]


def _least(name: str, hint: Any) -> Any:
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    if hint is str:
        return name
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return next(iter(hint))
    if hint in (int, float):
        return hint(1)
    if hint is bool:
        return False
    if type(None) in typing.get_args(hint):
        return None
    return () if typing.get_origin(hint) is tuple else {}


def parents_of(entity: Any) -> list[Any]:
    """Return the least entities that must be there before this one, outermost first."""
    if isinstance(entity, Layer):
        return [least(Job, job_id=entity.job_id)]
    if isinstance(entity, Task):
        layer = least(Layer, layer_id=entity.layer_id, job_id=entity.job_id)
        return [*parents_of(layer), layer]
    if isinstance(entity, SessionAction):
        return [least(Session, session_id=entity.session_id)]
    return []
