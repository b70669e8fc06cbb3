"""The query language: one table of cases for every reading of it."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grange.books.where import Field, Fields, Kind, WhereError, choose, condition, holds, parse
from grange.kernel.units import Instant

TABLE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "where_cases.json").read_text(encoding="utf-8")
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


def _parse(text: str, *, invert: bool = False):
    return parse(
        text, FIELDS, zone=ZoneInfo(TABLE["zone"]), now=Instant(TABLE["now"]), invert=invert
    )


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as connection:
        connection.register("jobs", pa.Table.from_pylist(ROWS))
        yield connection


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["text"] or "empty")
def test_a_query_finds_the_rows_of_the_table_in_python_and_in_sql(case, database):
    """Ledger S0-42: words AND, -word, leading or, Field=value, SceneFile by its end, invert."""
    node = _parse(case["text"], invert=case.get("invert", False))
    assert [row["id"] for row in ROWS if holds(node, row)] == case["matches"]
    asked = condition(node)
    found = database.execute(
        f"SELECT id FROM jobs WHERE {asked.sql} ORDER BY id", dict(asked.parameters)
    ).fetchall()
    assert [number for (number,) in found] == case["matches"]


@pytest.mark.parametrize("case", TABLE["errors"], ids=lambda case: case["text"])
def test_what_cannot_be_read_is_answered_with_its_place_and_a_hint(case):
    """Ledger S0-42: errors say where, and what to write instead."""
    with pytest.raises(WhereError) as caught:
        _parse(case["text"])
    assert caught.value.position == case["position"]
    assert case["hint"] in caught.value.hint
    assert f"at character {case['position'] + 1} " in str(caught.value)
    assert caught.value.fields[0].name == "where"


def test_rows_are_filtered_before_they_are_limited():
    """Ledger S0-42: a limit never hides that more rows match."""
    chosen = choose(ROWS, _parse("state=finished"), limit=1, offset=1)
    assert [row["id"] for row in chosen.rows] == [4]
    assert (chosen.matched, chosen.total) == (3, 5)


def test_parameters_carry_the_values_so_that_a_text_is_never_sql():
    asked = condition(_parse('"\'; DROP TABLE jobs" user="\' OR 1=1"'), prefix="w")
    assert "DROP" not in asked.sql
    assert sorted(asked.parameters) == ["w_0", "w_1"]


@given(st.text(max_size=30), st.booleans())
def test_any_text_is_read_or_refused_with_a_place_inside_it(text, invert):
    refused: WhereError | None = None
    try:
        node = _parse(text, invert=invert)
    except WhereError as error:
        refused = error
    else:
        assert all(holds(node, row) in (True, False) for row in ROWS)
    if refused is not None:
        assert 0 <= refused.position <= len(text)
        assert refused.hint


_TERM = st.sampled_from([case["text"] for case in TABLE["cases"] if " " not in case["text"]])


@given(st.lists(_TERM.filter(lambda text: text.lower() != "or"), max_size=4), st.booleans())
def test_sql_and_python_agree_on_queries_put_together(texts, either):
    """Ledger S0-42: one meaning, two ways to compute it."""
    node = _parse(" ".join([*(["or"] if either else []), *texts]))
    asked = condition(node)
    with duckdb.connect() as connection:
        connection.register("jobs", pa.Table.from_pylist(ROWS))
        found = connection.execute(
            f"SELECT id FROM jobs WHERE {asked.sql} ORDER BY id", dict(asked.parameters)
        ).fetchall()
    assert [number for (number,) in found] == [row["id"] for row in ROWS if holds(node, row)]
