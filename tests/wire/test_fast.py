"""The quick decoder of bodies agrees with the thorough one."""

import json
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.wire.decode import RequestDecoder, deadline_decoders
from grange.wire.fast import DoubtError
from grange.wire.spec import deadline
from tests.wire.test_constraints import JSON, mutated, mutations, on_the_wire
from tests.wire.values import Values

SERVICE = deadline()
WITH_BODY = sorted(name for name, d in deadline_decoders().items() if d._body is not None)
REFUSED = object()


def quick(decoder: RequestDecoder, body: bytes) -> Any:
    """Return what the quick decoder makes of a body, or REFUSED."""
    try:
        return decoder._fast_body(body)
    except (DoubtError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return REFUSED


def thorough(decoder: RequestDecoder, body: bytes) -> Any:
    """Return what the thorough decoder makes of a body, or REFUSED."""
    assert decoder._body is not None
    problems: list[FieldProblem] = []
    try:
        found = decoder._decode_body(decoder._body, body, problems)
    except InvalidRequestError:
        return REFUSED
    return REFUSED if problems else found


def body_of(name: str, seed: int, optional: float) -> dict[str, Any]:
    """Return a valid body in its JSON form."""
    shape = SERVICE.shapes[SERVICE.operations[name].input]
    members = Values(SERVICE, seed, optional=optional).input(shape.name)
    return {
        key: on_the_wire(SERVICE.shapes[shape.members[key].shape], item)
        for key, item in members.items()
        if shape.members[key].location == "body"
    }


@pytest.mark.parametrize("name", WITH_BODY)
def test_good_bodies_take_the_quick_way(name: str) -> None:
    decoder = deadline_decoders()[name]
    for number, share in enumerate((0.0, 1.0, 1.0, 0.5)):
        body = json.dumps(body_of(name, zlib.crc32(name.encode()) + number, share)).encode()
        found = quick(decoder, body)
        assert found is not REFUSED
        assert found == thorough(decoder, body)


@pytest.mark.parametrize("name", WITH_BODY)
def test_broken_bodies_are_refused_by_both(name: str) -> None:
    decoder = deadline_decoders()[name]
    shape = SERVICE.shapes[SERVICE.operations[name].input]
    body = body_of(name, 11, 1.0)
    for keys, bad, _where, _message in mutations(shape, body, ()):
        sent = json.dumps(mutated(body, keys, bad)).encode()
        assert quick(decoder, sent) is REFUSED, (keys, bad)
        assert thorough(decoder, sent) is REFUSED, (keys, bad)


@settings(max_examples=500, deadline=None)
@given(name=st.sampled_from(WITH_BODY), seed=st.integers(0, 10_000), junk=JSON, pick=st.data())
def test_what_the_quick_way_accepts_is_what_the_thorough_way_finds(
    name: str, seed: int, junk: Any, pick: st.DataObject
) -> None:
    body = body_of(name, seed, 0.7)
    keys: list[str | int] = []
    inner: Any = body
    while inner and isinstance(inner, dict | list) and pick.draw(st.booleans()):
        options = sorted(inner) if isinstance(inner, dict) else list(range(len(inner)))
        key: Any = pick.draw(st.sampled_from(options))
        keys.append(key)
        inner = inner[key]
    sent = json.dumps(mutated(body, tuple(keys), junk)).encode()
    decoder = deadline_decoders()[name]
    found = quick(decoder, sent)
    if found is not REFUSED:
        assert found == thorough(decoder, sent)


def test_null_members_are_absent_either_way() -> None:
    decoder = deadline_decoders()["CreateFarm"]
    sent = b'{"displayName": "F", "description": null}'
    assert quick(decoder, sent) is REFUSED
    assert thorough(decoder, sent) == {"displayName": "F"}
