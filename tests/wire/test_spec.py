"""The model is the one we expect, and the wire says so when it could not carry another."""

import json
from importlib import resources
from typing import Any

import pytest

from grange.wire.coverage import operations_table
from grange.wire.router import Router
from grange.wire.spec import Service, deadline, service_of


def test_the_pinned_model() -> None:
    methods: dict[str, int] = {}
    for operation in deadline().operations.values():
        methods[operation.method] = methods.get(operation.method, 0) + 1
    assert methods == {"GET": 57, "POST": 25, "PATCH": 19, "DELETE": 19, "PUT": 7}
    statuses = {op.name: op.status for op in deadline().operations.values() if op.status != 200}
    assert statuses == {"CreateJob": 201, "TagResource": 204, "UntagResource": 204}
    prefixes = [op.host_prefix for op in deadline().operations.values()]
    assert (prefixes.count("management."), prefixes.count("scheduling.")) == (121, 6)


def test_extensions_add_three_optional_members() -> None:
    text = resources.files("grange.wire").joinpath("extensions.json").read_text()
    added = {
        "UpdatedSessionActionInfo": "grangeUsage",
        "JobDetailsEntity": "grangeOutputs",
        "UpdateWorkerScheduleResponse": "grangeOrder",
    }
    assert set(json.loads(text)["members"]) == set(added)
    for name, member in added.items():
        shape = deadline().shapes[name]
        assert member in shape.members
        assert member not in shape.required


SHAPES: dict[str, Any] = {
    "In": {"type": "structure", "members": {"a": {"shape": "Text"}}},
    "Text": {"type": "string"},
    "Binary": {"type": "blob"},
}


@pytest.mark.parametrize(
    ("shapes", "complaint"),
    [
        ({"Binary": {"type": "blob"}}, "Binary is a blob"),
        (
            {"In": {"type": "structure", "members": {"a": {"shape": "Text", "location": "x"}}}},
            "cannot carry location x",
        ),
        (
            {"In": {"type": "structure", "members": {"a": {"shape": "T", "locationName": "b"}}}},
            "called b in the body",
        ),
    ],
)
def test_what_the_wire_cannot_carry_is_refused(shapes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        service_of({"shapes": shapes})


@pytest.mark.parametrize(
    ("extensions", "complaint"),
    [
        ({"shapes": {"Text": {"type": "string"}}, "members": {}}, "redefine shapes: Text"),
        ({"shapes": {}, "members": {"In": {"a": {"shape": "Text"}}}}, "members of In: a"),
        ({"shapes": {}, "members": {"Out": {"a": {"shape": "Text"}}}}, "unknown shapes: Out"),
    ],
)
def test_an_extension_may_only_add(extensions: dict[str, Any], complaint: str) -> None:
    shapes = {name: SHAPES[name] for name in ("In", "Text")}
    with pytest.raises(ValueError, match=complaint):
        service_of({"shapes": shapes}, extensions)


def service_with(*uris: str) -> Service:
    """Return a service with GET operations at the given paths."""
    empty = {"shape": "Empty"}
    return service_of(
        {
            "shapes": {"Empty": {"type": "structure", "members": {}}},
            "operations": {
                f"Op{number}": {
                    "http": {"method": "GET", "requestUri": uri, "responseCode": 200},
                    "input": empty,
                    "output": empty,
                }
                for number, uri in enumerate(uris)
            },
        }
    )


@pytest.mark.parametrize("uris", [("/a/{b}", "/a/{c}"), ("/a/{b}", "/a/c"), ("/a/c", "/a/{b}")])
def test_ambiguous_paths_are_refused(uris: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"two operations|literal or a label"):
        Router(service_with(*uris))


def test_the_page_of_operations_lists_all() -> None:
    table = operations_table({"CreateJob", "GetJob"})
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 127
    assert table.startswith("2 of 127 operations are served.\n")
    assert (
        "| CreateJob | served | POST | `/2023-10-12/farms/{farmId}/queues/{queueId}/jobs` |" in rows
    )
    assert sum("| not served yet |" in row for row in rows) == 125
    with pytest.raises(ValueError, match="no operation called CreateJop"):
        operations_table({"CreateJop"})
