"""What REST is said to answer of groups, brought records, values and upkeep is what it answers."""

import base64
from typing import Any

import pytest

from grange.server.rest import day_shapes, stream_shapes
from grange.testing.farm import LocalFarm
from tests.answers import difference
from tests.server.conftest import add_worker
from tests.server.raw import signed
from tests.unit.streams.log_facts import busy, hand_in

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def told(farm: LocalFarm) -> dict[str, tuple[Any, Any]]:
    """Name → the answer, and its shape."""

    def rest(method: str, path: str, body: Any = None, **query: Any) -> Any:
        return farm.connect().call(
            method,
            f"/api/v1/farms/{farm.farm_id}{path}",
            query={name: str(value) for name, value in query.items()},
            body=body,
            service="grange",
        )

    now = farm.api.context.clock.now()
    base = (now // 60_000 - 10) * 60_000
    add_worker(farm, "anna")
    rest("PUT", "/groups", {"groups": {"fast": ["anna"], "none": []}})
    record = {"kind": "job", "id": "1", "at": "2026-03-01T00:00:00", "values": {"layer": "a"}}
    rest("POST", "/foreign-history", {"source": "old", "written_at": 1, "records": [record]})
    hand_in(farm, busy(now // HOUR_MS * HOUR_MS - 8 * HOUR_MS, 6, silent_hours=(2,)))
    archives = ["RRA:AVERAGE:0.5:1:600", "RRA:MAX:0.5:6:60"]
    sources = [{"label": "Room"}, {"label": "Door"}]
    rest("PUT", "/series/hall", {"sources": sources, "step_seconds": 10, "archives": archives})
    count = 40
    rest(
        "POST",
        "/streams/values",
        {
            "logger": "tests",
            "names": ["hall"],
            "series": [0] * count,
            "sources": [at % 2 for at in range(count)],
            "at": [base + at * 10_000 + 500 for at in range(count)],
            "values": [20.0 + at / 3 for at in range(count)],
            "sequences": list(range(count)),
        },
    )
    fed = rest("POST", "/streams/rings/feed")
    path = f"/api/v1/farms/{farm.farm_id}/series/hall/rrd"
    xml = signed(farm, "GET", path, service="grange").body
    span = {"since": base, "until": base + 500_000}
    day = {"since": now - 24 * HOUR_MS, "until": now}
    found = stream_shapes
    return {
        "groups": (rest("GET", "/groups"), day_shapes.GroupsAnswer),
        "brought records": (rest("GET", "/foreign-history"), day_shapes.ForeignHistory),
        "verified": (rest("POST", "/books/verify", {}), day_shapes.BooksVerified),
        "rebuilt": (rest("POST", "/books/rebuild", {}), day_shapes.BooksRebuilt),
        "fed": (fed, found.RingsFed),
        "rings": (rest("GET", "/streams/rings"), found.StreamRings),
        "rows of a ring": (
            rest("GET", "/streams/ring-rows", series="hall", **span),
            found.RingRows,
        ),
        "totals": (rest("GET", "/series/hall/totals"), found.SeriesTotals),
        "imported": (
            rest("POST", "/series/hall-again/rrd", {"xml": base64.b64encode(xml).decode()}),
            found.RrdImported,
        ),
        "values": (
            rest("GET", "/streams/values", series="hall", start=base, end=now),
            found.StreamValuesAnswer,
        ),
        "sources": (rest("GET", "/streams/sources"), found.ValueSources),
        "watched": (rest("GET", "/streams/watch", **day), found.StreamWatch),
        "to be drawn": (rest("POST", "/streams/pages", {"dry_run": True}), found.PagesDrawn),
        "some drawn": (rest("POST", "/streams/pages", {"most": 2}), found.PagesDrawn),
        "pages": (rest("GET", "/streams/pages"), found.PageFiles),
        "pruned": (
            rest("POST", "/streams/lines/prune", {"until": now, "dry_run": True}),
            found.LinesPruned,
        ),
    }


def test_every_described_answer_is_as_it_is_described(told: dict[str, tuple[Any, Any]]) -> None:
    differences = {name: difference(*one) for name, one in told.items()}
    assert {name: what for name, what in differences.items() if what is not None} == {}


def test_rows_are_there_to_be_compared(told: dict[str, tuple[Any, Any]]) -> None:
    """An empty list would fit any shape."""
    for name, member in (
        ("groups", "groups"),
        ("groups", "of_workers"),
        ("groups", "memberships"),
        ("brought records", "records"),
        ("verified", "checks"),
        ("rings", "rings"),
        ("rows of a ring", "sources"),
        ("totals", "tiers"),
        ("values", "values"),
        ("sources", "series"),
        ("watched", "hours"),
        ("watched", "gaps"),
        ("watched", "longest"),
        ("watched", "values"),
        ("watched", "writers"),
        ("to be drawn", "drawn"),
        ("pages", "files"),
        ("pruned", "hours"),
    ):
        assert told[name][0][member], (name, member)
