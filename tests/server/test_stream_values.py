"""Logged values through the door: kept once, shown as they came, refused with a count."""

import math
from typing import Any

import pytest

from grange.kernel.errors import AccessDeniedError, InvalidRequestError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR
from grange.services.books.ingest import AHEAD_MS
from grange.testing.farm import LocalFarm


def put(farm: LocalFarm, key: Any = None, **changes: Any) -> dict[str, Any]:
    now = farm.api.context.clock.now()
    body = {
        "logger": "cellar",
        "names": ["rack1", "rack2"],
        "series": [0, 0, 1],
        "sources": [0, 1, 0],
        "at": [now - 3, now - 2, now - 1],
        "values": [1.5, -2.0, math.pi],
        "sequences": [7, 7, 8],
        **changes,
    }
    path = f"/api/v1/farms/{farm.farm_id}/streams/values"
    return farm.connect(key).call("POST", path, body=body, service="grange")


def ask(farm: LocalFarm, path: str, **query: Any) -> dict[str, Any]:
    text = {name: str(value) for name, value in query.items()}
    path = f"/api/v1/farms/{farm.farm_id}/streams/{path}"
    return farm.connect().call("GET", path, query=text, service="grange")


def values(farm: LocalFarm, series: str) -> list[tuple[int, int, float]]:
    now = farm.api.context.clock.now()
    found = ask(farm, "values", series=series, start=now - MILLIS_PER_HOUR, end=now + 1)
    return list(zip(found["sources"], found["at"], found["values"], strict=True))


def test_values_are_kept_once_however_often_they_are_sent(farm: LocalFarm):
    """Ledger S3-13: what is sent again after a lost answer is counted once."""
    now = farm.api.context.clock.now()
    times = [now - 30, now - 20, now - 10]
    for _ in range(3):
        assert put(farm, names=["once1", "once2"], at=times) == {
            "accepted": 3,
            "refused": 0,
            "message": "",
        }
    assert values(farm, "once1") == [(0, times[0], 1.5), (1, times[1], -2.0)]
    assert values(farm, "once2") == [(0, times[2], math.pi)]
    found = {
        (row["series"], row["source_index"]): row["count"]
        for row in ask(farm, "sources")["series"]
        if row["series"].startswith("once")
    }
    assert found == {("once1", 0): 1, ("once1", 1): 1, ("once2", 0): 1}


def test_what_is_too_old_or_in_the_future_is_refused_with_a_count(farm: LocalFarm):
    now = farm.api.context.clock.now()
    kept = put(
        farm,
        names=["late", "late2"],
        at=[now - 401 * MILLIS_PER_DAY, now - 5, now + AHEAD_MS + 60_000],
    )
    assert (kept["accepted"], kept["refused"]) == (1, 2)
    assert "older" in kept["message"]
    assert "future" in kept["message"]
    assert values(farm, "late") == [(1, now - 5, -2.0)]


@pytest.mark.parametrize(
    "changes",
    [
        {"series": [0, 0, 2]},
        {"series": [0, 0]},
        {"sources": [0, -1, 0]},
        {"sources": [0, 10_000, 0]},
        {"sequences": [-1, 0, 0]},
        {"names": ["", "b"]},
        {"values": [1.0, 2.0, "x"]},
        {"at": [2**63, 0, 0]},
    ],
    ids=str,
)
def test_columns_that_do_not_fit_keep_nothing(farm: LocalFarm, changes: dict[str, Any]):
    before = ask(farm, "sources")["series"]
    with pytest.raises(InvalidRequestError):
        put(farm, **changes)
    assert ask(farm, "sources")["series"] == before


def test_a_key_of_workers_sends_values_but_reads_none(farm: LocalFarm):
    assert put(farm, farm.ids.worker)["accepted"] == 3
    path = f"/api/v1/farms/{farm.farm_id}/streams/sources"
    with pytest.raises(AccessDeniedError):
        farm.connect(farm.ids.worker).call("GET", path, service="grange")


def test_logged_values_survive_in_books_that_verify(farm: LocalFarm):
    put(farm)
    path = f"/api/v1/farms/{farm.farm_id}/books/verify"
    found = farm.connect().call("POST", path, body={}, service="grange")
    assert found["ok"], [check for check in found["checks"] if not check["ok"]]
