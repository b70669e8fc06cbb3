"""The least entity a type allows, for tests that care about one field."""

import typing
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any, TypeVar

from grange.domain.work import Job, Layer, Session, SessionAction, Task

E = TypeVar("E")


def least(entity: type[E], **given: Any) -> E:
    """Return an entity whose required fields are filled in where they are not given."""
    hints = typing.get_type_hints(entity)
    for item in fields(entity):  # type: ignore[arg-type]
        required = item.default is MISSING and item.default_factory is MISSING
        if required and item.name not in given:
            given[item.name] = _least(item.name, hints[item.name])
    return entity(**given)


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
