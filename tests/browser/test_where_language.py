"""The query language in the browser gives the same rows as in Python: one table, and chance."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grange.books.where import Field, Fields, Kind, WhereError, holds, parse
from grange.kernel.units import Instant
from grange.services.reads.row_fields import JOB_FIELDS, told
from tools.web import WEB, node

pytestmark = pytest.mark.chromium

TABLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "unit" / "books" / "data" / "where_cases.json").read_text("utf-8")
)
FIELDS = Fields(
    Field(
        name=field["name"],
        kind=Kind(field["kind"]),
        searched=field.get("searched", False),
        aliases=tuple(field.get("aliases", ())),
        choices=tuple(field.get("choices", ())),
        scale=field.get("scale", 1),
    )
    for field in TABLE["fields"]
)
ROWS: list[dict[str, Any]] = TABLE["rows"]
Query = dict[str, Any]


def asked(queries: list[Query], *, fields: Fields = FIELDS, **about: Any) -> list[dict[str, Any]]:
    """Ask the browser's code; it is built from the same source as the page."""
    given = {
        "zone": TABLE["zone"],
        "now": TABLE["now"],
        "fields": told(fields),
        "rows": ROWS,
        "queries": queries,
        **about,
    }
    program = subprocess.run(
        [*node(), str(WEB / "dev" / "where.mjs")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert program.returncode == 0, program.stderr
    found: list[dict[str, Any]] = json.loads(program.stdout)
    return found


def python_says(query: Query, zone: str, now: int) -> dict[str, Any]:
    try:
        tree = parse(
            query["text"],
            FIELDS,
            zone=ZoneInfo(zone),
            now=Instant(now),
            invert=query.get("invert", False),
        )
    except WhereError as error:
        return {"position": error.position, "hint": error.hint}
    return {"matches": [row["id"] for row in ROWS if holds(tree, row)]}


def differences(queries: list[Query], zone: str, now: int) -> list[Any]:
    found = asked(queries, zone=zone, now=now)
    for answer in found:
        answer.pop("problem", None)
    pairs = zip(queries, found, strict=True)
    wrong = [(query, says, python_says(query, zone, now)) for query, says in pairs]
    return [one for one in wrong if one[1] != one[2]]


def test_the_table_of_cases_holds_in_the_browser():
    """Ledger S0-42; UX-4: the same table that Python and SQL are held to."""
    answers = asked([*TABLE["cases"], *TABLE["errors"]])
    for case, answer in zip([*TABLE["cases"], *TABLE["errors"]], answers, strict=True):
        if "matches" in case:
            assert answer == {"matches": case["matches"]}, case["text"]
        else:
            assert answer["position"] == case["position"], case["text"]
            assert case["hint"] in answer["hint"], case["text"]


PARTS = [
    *(case["text"] for case in [*TABLE["cases"], *TABLE["errors"]]),
    *("or", "OR", "-", "--", '"', "\\", ",", "..", "=", "!=", "<", "~", "none", "NONE"),
    *("\u00a0", "\u2003", "\ufeff", "\U0001d518", "\x1c", "\u0130", "\u017f", "\u212a"),
    "user=",
    "-user",
    "ŭser=x",
    "frames=+.5",
    "frames=1e3",
    "time=1.5h1.25s",
    "time=0.0005s",
    "cost=0.0000000005",
    "memory=1.5kib",
    "finished>-1.5s",
    "finished=-0.5ms..now",
    "framess>1",
    "time_=1",
    "f=1",
    "sta=idle",
    "state=Idle,FINISHED",
    "finished=0000",
    "finished=9999",
    "finished=0001-01",
    "finished<2026-03-29T02:30",
    "finished>2026-10-25T02:30",
    "finished=2026-03-29",
    "finished=2026-10-25T02:30:15.5",
    "finished=2024-02-29",
    "finished=2023-02-29",
    "finished=2026-08-01t24:00",
    "finished=2026-08-01T10:00+25:00",
]


@pytest.mark.parametrize(
    ("zone", "now"),
    [
        ("Europe/Berlin", TABLE["now"]),
        ("America/Sao_Paulo", 1_541_300_000_000),
        ("Australia/Lord_Howe", 1_775_318_400_000),
        ("UTC", 1_709_164_800_000),
    ],
)
def test_queries_put_together_by_chance_mean_the_same(zone: str, now: int):
    """Ledger S0-42: rows, places of errors, hints; also where clocks go forward and back."""
    rng = random.Random(zone)
    queries: list[Query] = [{"text": part} for part in PARTS]
    for _ in range(1200):
        parts = rng.choices(PARTS, k=rng.randrange(1, 5))
        text = rng.choice(["", "or ", "-"]) + rng.choice([" ", " ", "", ","]).join(parts)
        queries.append({"text": text, "invert": rng.random() < 0.3})
    assert differences(queries, zone, now)[:3] == []


def test_the_fields_of_jobs_reach_the_browser_as_the_server_has_them():
    """UX-4: the browser is told the server's own list."""
    rows = [
        {"id": 1, "name": "teapot", "status": "FAILED", "tasks_failed": 2, "shot": None},
        {"id": 2, "name": "bunny", "status": "READY", "tasks_failed": 0, "shot": "sh010"},
    ]
    texts = {
        "state=failed": [1],
        "status=READY": [2],
        "errors>0": [1],
        "shot=none": [1],
        "SH010": [2],
    }
    found = asked([{"text": text} for text in texts], fields=JOB_FIELDS, rows=rows)
    assert [answer["matches"] for answer in found] == list(texts.values())
