"""The browser application's types are those of the REST API's own document."""

import re
from pathlib import Path
from typing import Any

import pytest

from grange.server.rest.app import openapi_document

TYPES = Path(__file__).resolve().parents[3] / "web" / "src" / "api" / "types.ts"
SCHEMAS = {
    "Me": "Me",
    "JobRow": "JobRow",
    "WorkerThread": "ThreadRow",
    "WorkerRow": "WorkerRow",
    "Overview": "Overview",
    "Layer": "LayerRow",
    "JobError": "ErrorRow",
    "JobDetail": "JobDetail",
    "FrameColumns": "FrameColumns",
}
"""Interface in TypeScript → schema in the OpenAPI document."""


@pytest.fixture(scope="module")
def schemas() -> Any:
    return openapi_document("0")["components"]["schemas"]


def members(interface: str) -> dict[str, str]:
    """Return the members of an interface with their types, comments left out."""
    text = re.sub(r"/\*\*.*?\*/", "", TYPES.read_text(), flags=re.DOTALL)
    found = re.search(rf"export interface {interface}[^{{]*{{(.*?)\n}}", text, re.DOTALL)
    assert found is not None, interface
    return dict(re.findall(r"^  (\w+)\??: (.+?);$", found[1], re.MULTILINE))


def may_be_null(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type")
    if kinds == "null" or (isinstance(kinds, list) and "null" in kinds):
        return True
    return any(may_be_null(one) for one in [*schema.get("oneOf", []), *schema.get("anyOf", [])])


@pytest.mark.parametrize("interface", SCHEMAS)
def test_every_member_exists_and_is_null_where_the_api_says_so(
    interface: str, schemas: Any
) -> None:
    properties = schemas[SCHEMAS[interface]]["properties"]
    found = members(interface)
    assert found
    for name, kind in found.items():
        assert name in properties, f"{interface}.{name}"
        if may_be_null(properties[name]):
            assert kind.endswith("| null"), f"{interface}.{name} may be null"
