"""The server tells a watch what it asks, and knows which programs hand facts in."""

from typing import Any

import pytest

from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.units import MILLIS_PER_DAY
from grange.testing.farm import LocalFarm


def call(farm: LocalFarm, method: str, path: str, **more: Any) -> dict[str, Any]:
    path = f"/api/v1/farms/{farm.farm_id}/streams{path}"
    return farm.connect().call(method, path, service="grange", **more)


def test_a_program_that_handed_something_in_is_known_with_what_it_read(farm):
    """Ledger S4-33: stopped writers; S4-35: update times."""
    before = farm.api.context.clock.now()
    body = {
        "program": "collect",
        "machine": "px1",
        "collected": [{"stream": "feed/A", "kind": "tx", "until_at": 1000}],
    }
    call(farm, "PUT", "/contacts", body=body)
    call(farm, "PUT", "/contacts", body={"program": "datalog", "machine": "../up"})
    seen = call(farm, "GET", "/watch", query={"since": "0", "until": str(MILLIS_PER_DAY)})
    assert seen["collected"] == [
        {"stream": "feed/A", "kind": "tx", "machine": "px1", "until_at": 1000}
    ]
    assert [(one["program"], one["machine"]) for one in seen["writers"]] == [
        ("collect", "px1"),
        ("datalog", "../up"),
    ]
    assert seen["writers"][0]["last_at"] >= before
    assert seen["hours"] == seen["gaps"] == seen["longest"] == seen["values"] == []
    named = {"program": "collect", "machine": "px1"}
    listed = call(farm, "GET", "/contacts")["contacts"]
    assert [one["streams"] for one in listed] == [1, 0]
    left = call(farm, "DELETE", "/contacts", query=named)["contacts"]
    assert [one["program"] for one in left] == ["datalog"]
    with pytest.raises(NotFoundError):
        call(farm, "DELETE", "/contacts", query=named)


def test_a_contact_that_is_wrong_is_refused(farm):
    for body in ({"program": "other", "machine": "x"}, {"program": "collect", "machine": ""}):
        with pytest.raises(InvalidRequestError):
            call(farm, "PUT", "/contacts", body=body)
