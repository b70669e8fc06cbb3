"""Every constraint of every request: broken on purpose, it is refused and its field is named."""

import copy
import functools
import json
import random
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grange.kernel.errors import InvalidRequestError, UnknownOperationError
from grange.wire.decode import deadline_decoders, decode_request
from grange.wire.encode import timestamp
from grange.wire.router import Route, deadline_router
from grange.wire.spec import Shape, deadline
from grange.wire.validate import MAX_PROBLEMS
from tests.wire.values import Values

SERVICE = deadline()
OPERATIONS = sorted(SERVICE.operations)
HEX = "0" * 32

Keys = tuple[str | int, ...]
Mutation = tuple[Keys, Any, Keys, str]
"""(where, the bad value, the path the problem must name, part of its message)."""

DELETE = object()


def on_the_wire(shape: Shape, value: Any) -> Any:
    """Return a value in its JSON form."""
    match shape.kind:
        case "structure":
            return {
                name: on_the_wire(SERVICE.shapes[shape.members[name].shape], item)
                for name, item in value.items()
            }
        case "list":
            return [on_the_wire(SERVICE.shapes[shape.element or ""], item) for item in value]
        case "map":
            inner = SERVICE.shapes[shape.value or ""]
            return {name: on_the_wire(inner, item) for name, item in value.items()}
        case "timestamp":
            return timestamp(value)
        case _:
            return value


def mutations(shape: Shape, value: Any, keys: Keys) -> Iterator[Mutation]:
    """Yield every way to break one constraint somewhere inside a JSON value."""
    match shape.kind:
        case "structure":
            yield from structure_mutations(shape, value, keys)
        case "list":
            yield from list_mutations(shape, value, keys)
        case "map":
            yield keys, [], keys, "must be an object, not a list"
            element = SERVICE.shapes[shape.value or ""]
            key_shape = SERVICE.shapes[shape.key or ""]
            for name, item in value.items():
                yield (*keys, name), None, (*keys, name), "not null"
                if key_shape.pattern and item is not None:
                    yield keys, {f"{name}\n": item}, (*keys, f"{name}\n"), "must match"
                yield from mutations(element, item, (*keys, name))
            if shape.maximum is not None and key_shape.pattern is None and value:
                item = next(iter(value.values()))
                many = {f"k{number}": item for number in range(int(shape.maximum) + 1)}
                yield keys, many, keys, f"must have at most {shape.maximum} entries"
        case _:
            yield from leaf_mutations(shape, keys, value)


def structure_mutations(shape: Shape, value: Any, keys: Keys) -> Iterator[Mutation]:
    if keys:
        yield keys, "x", keys, "must be an object, not text"
        yield keys, [value], keys, "must be an object, not a list"
    if shape.union and keys:
        yield keys, {}, keys, "must have exactly one of"
        yield keys, {"unknownMember": 1}, keys, "must have exactly one of"
        yield keys, dict.fromkeys(shape.members), keys, "must have exactly one of"
        values = Values(SERVICE, 1, optional=0)
        both = {
            name: on_the_wire(SERVICE.shapes[m.shape], values.value(m.shape))
            for name, m in list(shape.members.items())[:2]
        }
        if len(both) == 2:
            yield keys, both, keys, "must have exactly one of"
    for name in shape.required:
        if shape.members[name].location == "body":
            yield (*keys, name), DELETE, (*keys, name), "is required"
            yield (*keys, name), None, (*keys, name), "is required"
    for name, item in value.items():
        if shape.members[name].location == "body":
            yield from mutations(SERVICE.shapes[shape.members[name].shape], item, (*keys, name))


def list_mutations(shape: Shape, value: Any, keys: Keys) -> Iterator[Mutation]:
    yield keys, {"0": value}, keys, "must be a list, not an object"
    if shape.minimum:
        yield keys, value[: int(shape.minimum) - 1], keys, f"but has {int(shape.minimum) - 1}"
    if shape.maximum is not None and value and shape.maximum <= 300:
        many = (value * (int(shape.maximum) + 1))[: int(shape.maximum) + 1]
        yield keys, many, keys, f"but has {int(shape.maximum) + 1}"
    for index, item in enumerate(value[:1]):
        yield (*keys, index), None, (*keys, index), "not null"
        yield from mutations(SERVICE.shapes[shape.element or ""], item, (*keys, index))


def leaf_mutations(shape: Shape, keys: Keys, value: Any) -> Iterator[Mutation]:
    bad: Any
    match shape.kind:
        case "string":
            yield from text_mutations(shape, keys, value)
        case "integer" | "long":
            for bad in (2**70, -(2**70), 2**31 if shape.kind == "integer" else 2**63):
                yield keys, bad, keys, "must be between"
            for bad in (1.5, 1.0, True, "1"):
                yield keys, bad, keys, "must be a whole number, not"
            for bad in beyond(shape, 1):
                yield keys, int(bad), keys, "must be between"
        case "float" | "double":
            for bad in (True, "1.5", "NaN"):
                yield keys, bad, keys, "must be a number, not"
            for bad in (10**400, *beyond(shape, 0.001)):
                yield keys, bad, keys, "must be "
        case "timestamp":
            yield keys, 1_769_860_800, keys, "must be a time as text, not a whole number"
            for bad in TIMES_REFUSED:
                yield keys, bad, keys, "must be a time with its zone"
        case _:
            assert shape.kind == "document"


def text_mutations(shape: Shape, keys: Keys, value: str) -> Iterator[Mutation]:
    yield keys, 5, keys, "must be text, not a whole number"
    yield keys, {"a": 1}, keys, "must be text, not an object"
    yield keys, "\0", keys, "NUL"
    if shape.enum:
        yield keys, f"{value}\n", keys, f"must be one of {shape.enum[0]}"
        yield keys, "", keys, "must be one of"
        return
    if shape.pattern:
        yield keys, f"{value}\n", keys, "must "
    if shape.minimum:
        yield keys, "a" * int(shape.minimum - 1), keys, "long, not"
    if shape.maximum:
        yield keys, "é" * int(shape.maximum + 1), keys, "long, not"


def beyond(shape: Shape, step: float) -> list[float]:
    """Return the numbers just outside the bounds."""
    below = [] if shape.minimum is None else [shape.minimum - step]
    return below + ([] if shape.maximum is None else [shape.maximum + step])


TIMES_REFUSED = [
    "",
    "yesterday",
    "2026-01-31",
    "2026-01-31T12:00:00",
    "2026-01-31T12:00:00Z\n",
    "2026-02-30T12:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T12:00:60Z",
    "2026-01-31T12:00Z",
    "20260131T120000Z",
    "2026-W05-6T12:00:00Z",
    "2026-01-31T12:00:00+24:00",
    "2026-01-31T12:00:00+00:60",
    "2026-01-31T12:00:00.Z",
    "٢٠٢٦-01-31T12:00:00Z",
    "0000-01-31T12:00:00Z",
]


def mutated(document: Any, keys: Keys, bad: Any) -> Any:
    """Return a copy of a JSON value with one place changed."""
    if not keys:
        return bad
    changed = copy.copy(document)
    if len(keys) == 1 and bad is DELETE:
        del changed[keys[0]]
    else:
        changed[keys[0]] = mutated(document[keys[0]], keys[1:], bad)
    return changed


def rendered(keys: Keys) -> str:
    """Return a path as the fault names it."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key[:80]}" for key in keys)
    return text.removeprefix(".")


def route_of(name: str, members: dict[str, Any]) -> tuple[Route, str]:
    """Return the route and raw query of an operation's request."""
    operation = SERVICE.operations[name]
    shape = SERVICE.shapes[operation.input]
    uri, query = operation.uri, []
    for member in shape.members.values():
        value = members.get(member.name)
        if member.location == "uri":
            uri = uri.replace(f"{{{member.wire_name}}}", quote(str(value), safe=""))
        elif member.location == "query" and value is not None:
            texts = value if isinstance(value, list) else [value]
            query += [f"{member.wire_name}={quote(str(text), safe='')}" for text in texts]
    return deadline_router().route(operation.method, uri), "&".join(query)


def outcome(decode: Callable[[], dict[str, Any]]) -> dict[str, Any] | InvalidRequestError:
    """Return what decoding gives, or the one error it may raise."""
    try:
        return decode()
    except InvalidRequestError as error:
        return error


def refused(name: str, members: dict[str, Any], body: bytes) -> InvalidRequestError:
    """Return the error with which a request is refused."""
    route, query = route_of(name, members)
    headers = {"x-amz-client-token": members.get("clientToken", "t")}
    with pytest.raises(InvalidRequestError) as caught:
        decode_request(route, raw_query=query, headers=headers, body=body)
    return caught.value


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_broken_constraint_in_a_body_is_named(name: str) -> None:
    shape = SERVICE.shapes[SERVICE.operations[name].input]
    tried: set[tuple[str, str]] = set()
    for number, share in enumerate((1.0, 1.0, 0.5)):
        values = Values(SERVICE, zlib.crc32(name.encode()) + number, optional=share)
        members = values.input(shape.name)
        body = {
            key: on_the_wire(SERVICE.shapes[shape.members[key].shape], item)
            for key, item in members.items()
            if shape.members[key].location == "body"
        }
        for keys, bad, where, message in mutations(shape, body, ()):
            mark = (
                rendered(tuple(k for k in where if isinstance(k, str))),
                message + repr(bad)[:40],
            )
            if mark in tried:
                continue
            tried.add(mark)
            sent = json.dumps(mutated(body, keys, bad)).encode()
            error = refused(name, members, sent)
            assert error.reason == "FIELD_VALIDATION_FAILED", (keys, bad)
            found = {(problem.name, message in problem.message) for problem in error.fields}
            assert (rendered(where), True) in found, (keys, bad, error.fields)
            inside = [p.name for p in error.fields if not p.name.startswith(rendered(where))]
            assert not inside, (keys, bad, error.fields)
    if any(member.location == "body" for member in shape.members.values()):
        assert tried


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_broken_constraint_in_a_path_query_or_header_is_named(name: str) -> None:
    shape = SERVICE.shapes[SERVICE.operations[name].input]
    values = Values(SERVICE, 1, optional=1)
    members = values.input(shape.name)
    body = {
        key: on_the_wire(SERVICE.shapes[shape.members[key].shape], item)
        for key, item in members.items()
        if shape.members[key].location == "body"
    }
    sent = json.dumps(body).encode()
    for member in shape.members.values():
        if member.location == "body":
            continue
        constraints = SERVICE.shapes[member.shape]
        bad_values: list[Any] = []
        if constraints.kind == "integer":
            low, high = int(constraints.minimum or 0), int(constraints.maximum or 0)
            bad_values = [low - 1, high + 1, "", "x", "1.0", "٣", 10**30, "1\n", " 1", "true"]
        elif constraints.pattern:
            bad_values = [f"{members[member.name]}\n", "%%", "ü\0"]
        elif constraints.enum:
            bad_values = ["NO_SUCH", ""]
        elif constraints.maximum:
            bad_values = ["x" * int(constraints.maximum + 1)]
        if member.name in shape.required and member.location == "query":
            bad_values.append(None)
        for bad in bad_values:
            if member.location == "header" and bad is None:
                continue
            error = refused(name, {**members, member.name: bad}, sent)
            named = {problem.name.removesuffix("[0]") for problem in error.fields}
            assert named == {member.name}, (bad, error.fields)


FARM = f"/2023-10-12/farms/farm-{HEX}"


def decoded(
    method: str, raw_path: str, *, query: str = "", body: bytes = b"", **headers: str
) -> dict[str, Any]:
    """Route and decode a request written by hand."""
    route = deadline_router().route(method, raw_path)
    return decode_request(route, raw_query=query, headers=headers, body=body)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"{} {}",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"displayName": NaN}',
        b'{"displayName": 1e999}',
        b'{"displayName": "\xff"}',
        b'{"displayName": "\\ud800"}',
        b"{'a': 1}",
        b'{"displayName":"' + b"x" * 10,
        b"[" * 100_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    ],
)
def test_a_body_that_is_no_json_object_cannot_be_parsed(body: bytes) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        decoded("POST", "/2023-10-12/farms", body=body)
    assert caught.value.reason == "CANNOT_PARSE"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("digits", [19, 20, 308, 309, 4300, 4301, 100_000])
def test_a_huge_number_is_refused_whatever_its_size(digits: int) -> None:
    body = b'{"displayName": "F", "costScaleFactor": ' + b"1" * digits + b"}"
    with pytest.raises(InvalidRequestError):
        decoded("POST", "/2023-10-12/farms", body=body)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        decoded(
            "POST",
            f"/2023-10-12/farms/farm-1/queues/queue-{HEX}/jobs",
            body=json.dumps(
                {
                    "template": 5,
                    "templateType": "XML",
                    "parameters": {"Frame": {"int": "01"}, "": {"int": "1", "float": "1"}},
                    "attachments": {"manifests": [{"rootPath": "/"}]},
                }
            ).encode(),
        )
    assert [problem.name for problem in caught.value.fields] == [
        "farmId",
        "template",
        "templateType",
        "parameters.Frame.int",
        "parameters.",
        "parameters.",
        "attachments.manifests[0].rootPathFormat",
        "priority",
    ]
    assert str(caught.value).startswith("8 fields are not valid: farmId must match the pattern")


def test_no_more_than_a_hundred_problems_are_listed() -> None:
    many: dict[str, Any] = {f"k{number}": {} for number in range(150)}
    body = {"template": "t", "templateType": "JSON", "priority": 1, "parameters": many}
    error = refused(
        "CreateJob",
        {"farmId": f"farm-{HEX}", "queueId": f"queue-{HEX}"},
        json.dumps(body).encode(),
    )
    assert len(error.fields) == MAX_PROBLEMS
    assert "and 95 more" in str(error)


def test_secrets_are_not_echoed() -> None:
    body = json.dumps({"displayName": {"secret": "hunter2"}, "kmsKeyArn": "hunter2"}).encode()
    with pytest.raises(InvalidRequestError) as caught:
        decoded("POST", "/2023-10-12/farms", body=body)
    assert "hunter2" not in str(caught.value) + repr(caught.value.fields)


def test_null_and_unknown_members_are_absent() -> None:
    body = b'{"displayName": "F", "description": null, "somethingNew": {"a": [1]}}'
    assert decoded("POST", "/2023-10-12/farms", body=body) == {"displayName": "F"}


def test_an_empty_body_counts_as_an_empty_object() -> None:
    assert decoded("PATCH", FARM) == {"farmId": f"farm-{HEX}"}
    with pytest.raises(InvalidRequestError, match="displayName is required"):
        decoded("POST", "/2023-10-12/farms")


def test_the_body_of_an_operation_without_one_is_not_read() -> None:
    assert decoded("GET", FARM, body=b"{{{") == {"farmId": f"farm-{HEX}"}


def test_query_parameters() -> None:
    path = "/2023-10-12/tags/arn%3Aaws%3Adeadline%3A%3A%3Afarm%2Fx"
    assert decoded("DELETE", path, query="tagKeys=a%20b&other=1&tagKeys=%C3%BC+c&&tagKeys") == {
        "resourceArn": "arn:aws:deadline:::farm/x",
        "tagKeys": ["a b", "ü+c", ""],
    }
    assert decoded("GET", "/2023-10-12/farms", query="maxResults=7") == {"maxResults": 7}
    for query, message in [
        ("maxResults=7&maxResults=8", "maxResults must be given only once"),
        ("nextToken=%FF", "nextToken must be percent-encoded UTF-8 text"),
        ("nextToken=%00", "nextToken must not contain the NUL character"),
    ]:
        with pytest.raises(InvalidRequestError, match=message):
            decoded("GET", "/2023-10-12/farms", query=query)


def test_path_labels_are_decoded_after_splitting() -> None:
    for raw in ("%FF", "a%C3", "%ED%A0%80"):
        with pytest.raises(InvalidRequestError, match="resourceArn must be percent-encoded"):
            decoded("GET", f"/2023-10-12/tags/{raw}")
    with pytest.raises(InvalidRequestError, match="NUL"):
        decoded("GET", "/2023-10-12/tags/a%00b")
    found = decoded("GET", "/2023-10-12/tags/%2E%2E%2F%F0%9F%8E%AC")
    assert found == {"resourceArn": "../🎬"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", ""),
        ("GET", "*"),
        ("GET", "/2023-10-12"),
        ("GET", "/2023-10-12/farms/"),
        ("GET", "/2023-10-12//farms"),
        ("GET", "/2023-10-12/farms/.."),
        ("GET", "/2023-10-12/farms/./queues"),
        ("GET", "/2023-10-12/farms//queues"),
        ("GET", "/2023-10-12/Farms"),
        ("GET", "/2023-10-12/tags/a/b"),
        ("GET", "/2023-10-12/farms%2Fx"),
        ("get", "/2023-10-12/farms"),
    ],
)
def test_an_unknown_path_is_no_operation(method: str, path: str) -> None:
    with pytest.raises(UnknownOperationError):
        deadline_router().route(method, path)


def test_a_wrong_method_is_told_the_right_ones() -> None:
    with pytest.raises(UnknownOperationError) as caught:
        deadline_router().route("PUT", FARM)
    assert caught.value.allowed == ("DELETE", "GET", "PATCH")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31T12:00:00Z", 1_769_860_800_000),
        ("2026-01-31t12:00:00z", 1_769_860_800_000),
        ("2026-01-31T12:00:00.1Z", 1_769_860_800_100),
        ("2026-01-31 12:00:00Z", 1_769_860_800_000),
        ("2026-01-31T12:00:00.123999Z", 1_769_860_800_123),
        ("2026-01-31T12:00:00.123999999Z", 1_769_860_800_124),
        ("2026-01-31T13:30:00.500+01:30", 1_769_860_800_500),
        ("2026-01-31T04:00:00-08:00", 1_769_860_800_000),
        ("1969-12-31T23:59:59.999Z", -1),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140_000),
    ],
)
def test_times_are_read_to_the_millisecond(text: str, instant: int) -> None:
    body = {
        "resourceIds": {"queueIds": [f"queue-{HEX}"]},
        "startTime": text,
        "endTime": text,
        "groupBy": ["QUEUE_ID"],
        "statistics": ["SUM"],
    }
    found = decoded(
        "POST", f"{FARM}/sessions-statistics-aggregation", body=json.dumps(body).encode()
    )
    assert found["startTime"] == found["endTime"] == instant


SCHEDULE = f"{FARM}/fleets/fleet-{HEX}/workers/worker-{HEX}/schedule"


def test_the_members_granges_worker_adds() -> None:
    usage = {
        "cpuMilliseconds": 2**62,
        "peakMemoryBytes": 2**33,
        "outputBytes": 0,
        "copyMilliseconds": 1,
        "framesDone": 8,
        "errorClass": "render",
        "errorRule": "",
        "errorText": "x" * 4096,
        "exitSignal": "SIGKILL",
    }
    action = f"sessionaction-{HEX}-0"
    body = json.dumps({"updatedSessionActions": {action: {"grangeUsage": usage}}}).encode()
    found = decoded("PATCH", SCHEDULE, body=body)
    assert found["updatedSessionActions"] == {action: {"grangeUsage": usage}}
    for member, bad in [("cpuMilliseconds", -1), ("framesDone", 2**63), ("errorText", "x" * 4097)]:
        bad_body = {"updatedSessionActions": {action: {"grangeUsage": {member: bad}}}}
        with pytest.raises(InvalidRequestError) as caught:
            decoded("PATCH", SCHEDULE, body=json.dumps(bad_body).encode())
        assert caught.value.fields[0].name == f"updatedSessionActions.{action}.grangeUsage.{member}"


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20), st.sampled_from(["2026-01-31T12:00:00Z", f"farm-{HEX}", "\0", "1"]),
    ),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(sorted({m for s in SERVICE.shapes.values() for m in s.members}))
        | st.text(max_size=5),
        inner,
        max_size=5,
    ),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(name=st.sampled_from(OPERATIONS), body=JSON | st.binary(max_size=40), query=st.text())
def test_anything_decodes_or_is_an_invalid_request(name: str, body: Any, query: str) -> None:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    members = Values(SERVICE, 5, optional=0).input(SERVICE.operations[name].input)
    route, _ = route_of(name, members)
    found = outcome(lambda: decode_request(route, raw_query=query, headers={}, body=sent))
    if isinstance(found, InvalidRequestError):
        assert found.reason == "CANNOT_PARSE" or found.fields
    else:
        assert set(found) <= set(SERVICE.shapes[SERVICE.operations[name].input].members)


@settings(max_examples=400, deadline=None)
@given(name=st.sampled_from(OPERATIONS), seed=st.integers(0, 10_000), junk=JSON)
def test_a_valid_request_with_junk_somewhere_never_raises_anything_else(
    name: str, seed: int, junk: Any
) -> None:
    shape = SERVICE.shapes[SERVICE.operations[name].input]
    members = Values(SERVICE, seed, optional=0.8).input(shape.name)
    body = {
        key: on_the_wire(SERVICE.shapes[shape.members[key].shape], item)
        for key, item in members.items()
        if shape.members[key].location == "body"
    }
    generator = random.Random(seed)
    keys: list[str | int] = []
    inner: Any = body
    while inner and isinstance(inner, dict | list) and generator.random() < 0.8:
        key = generator.choice(sorted(inner) if isinstance(inner, dict) else range(len(inner)))
        keys.append(key)
        inner = inner[key]
    sent = json.dumps(mutated(body, tuple(keys), junk)).encode()
    route, query = route_of(name, members)
    found = outcome(lambda: decode_request(route, raw_query=query, headers={}, body=sent))
    if isinstance(found, InvalidRequestError):
        assert found.reason == "CANNOT_PARSE" or found.fields


@settings(max_examples=300, deadline=None)
@given(method=st.sampled_from(["GET", "POST", "PATCH", "x"]), path=st.text(max_size=60))
def test_any_path_is_routed_or_refused(method: str, path: str) -> None:
    for prefix in ("", "/", "/2023-10-12/farms/", "/2023-10-12/tags/"):
        try:
            route = deadline_router().route(method, prefix + path)
        except (UnknownOperationError, InvalidRequestError):
            continue
        assert route.operation.method == method


def test_filters_nest_and_too_deep_ones_are_refused() -> None:
    def search(depth: int) -> dict[str, Any]:
        opening = '{"operator":"AND","filters":[{"groupFilter":' * depth
        innermost = '{"operator":"OR","filters":[{"searchTermFilter":{"searchTerm":"x"}}]}'
        filters = opening + innermost + "}]}" * depth
        body = f'{{"queueIds":["queue-{HEX}"],"itemOffset":0,"filterExpressions":{filters}}}'
        return decoded("POST", f"{FARM}/search/jobs", body=body.encode())

    found = search(3)["filterExpressions"]
    for _ in range(3):
        assert found["operator"] == "AND"
        found = found["filters"][0]["groupFilter"]
    assert found["operator"] == "OR"
    for depth in (*range(20, 400, 20), 20_000):
        refusal = outcome(functools.partial(search, depth))
        if isinstance(refusal, InvalidRequestError):
            assert refusal.reason == "CANNOT_PARSE"
        else:
            assert depth < 20_000


def test_decoders_are_compiled_once() -> None:
    assert deadline_decoders() is deadline_decoders()
