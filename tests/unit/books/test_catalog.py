"""The catalog says the same as the facts, the storage and the docs."""

import typing
from pathlib import Path
from typing import Any

import pytest

from grange.books.catalog import rows as catalog_rows
from grange.books.catalog.model import CATALOG_VERSION, Kind
from grange.books.catalog.page import tables_page
from grange.books.catalog.registry import FACT_TABLES, TABLES, table
from grange.books.catalog.rows import TABLE_OF_FACT, check_rows, fact_row, problems, row_problem
from grange.books.catalog.schema import arrow_schema, arrow_table, conformed
from grange.books.catalog.telemetry_tables import ADDED_TO_FRAMES, ADDED_TO_SAMPLES
from grange.domain.facts import Fact
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.testing.facts import (
    T0,
    action_fact,
    as_row,
    event_fact,
    frame_row,
    licence_fact,
    posted_frame,
    posted_thread_sample,
    posted_worker_sample,
    sample_row,
    session_fact,
    submission_fact,
)

FACTS: dict[str, Fact] = {
    "session_actions": action_fact(),
    "sessions": session_fact(),
    "events": event_fact("e1", T0, "worker_status"),
    "licence_uses": licence_fact(),
    "submissions": submission_fact(),
}
ROWS = {
    **{name: as_row(fact) for name, fact in FACTS.items()},
    "frames": frame_row(posted_frame()),
    "worker_samples": sample_row(posted_worker_sample(T0)),
    "thread_samples": sample_row(posted_thread_sample(T0)),
    "server_samples": {"farm_id": "f", "server": "s", "at": T0, "coverage_ms": 60_000},
    "foreign_records": {
        "farm_id": "f",
        "source": "before",
        "kind": "job",
        "record_id": "1",
        "part": 0,
        "brought_at": T0,
        "brought_by": "ann",
        "record": "{}",
    },
    "log_lines": {
        "farm_id": "f",
        "stream": "weather",
        "kind": "tx",
        "machine": "node1",
        "at": T0,
        "latency_ms": 2000,
        "bytes": 512,
        "error": False,
        "product": "SAXX31",
        "object_name": "SAXX31:feed",
        "log_file": "/log/tx_weather.log",
        "file_identity": "0a1b",
        "offset": 0,
    },
    "stream_values": {
        "farm_id": "f",
        "series": "rack1",
        "source_index": 0,
        "at": T0,
        "value": 21.5,
        "logger": "cellar",
        "sequence": 7,
    },
}


@pytest.mark.parametrize("kind", TABLE_OF_FACT, ids=lambda kind: kind.__name__)
def test_a_table_of_facts_has_exactly_the_columns_of_its_fact(kind):
    spec = table(TABLE_OF_FACT[kind])
    assert spec.column_names == kind.__struct_fields__


@pytest.mark.parametrize("kind", TABLE_OF_FACT, ids=lambda kind: kind.__name__)
def test_kinds_and_nulls_are_those_of_the_fact(kind):
    spec = table(TABLE_OF_FACT[kind])
    for name, hint in typing.get_type_hints(kind).items():
        options = typing.get_args(hint) or (hint,)
        plain = [option for option in options if option is not type(None)]
        base = getattr(plain[0], "__supertype__", plain[0])
        column = spec.by_name[name]
        assert column.nullable == (type(None) in options), name
        assert column.kind == (Kind.INT if base is int else Kind.TEXT), name


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)
def test_keys_order_and_hour_are_columns_that_are_always_there(spec):
    for name in (*spec.key, *spec.sort, spec.time_column, "farm_id"):
        assert not spec.by_name[name].nullable
    assert len(set(spec.column_names)) == len(spec.columns)
    assert set(spec.key) <= set(spec.sort) | set(spec.key)


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)
def test_columns_added_after_the_first_version_may_be_empty(spec):
    for column in spec.columns:
        assert 1 <= column.since <= CATALOG_VERSION
        assert column.nullable or column.since == 1
        assert column.meaning.endswith(".")


def test_an_unknown_table_is_named():
    with pytest.raises(NotFoundError, match="no_such"):
        table("no_such")


@pytest.mark.parametrize("spec", FACT_TABLES, ids=lambda spec: spec.name)
def test_a_sensible_row_fits_its_table_and_survives_storage(spec):
    row = ROWS[spec.name]
    check_rows(spec, [row])
    stored = arrow_table(spec, [row]).to_pylist()[0]
    assert stored == {name: row.get(name) for name in spec.column_names}


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"colour": 1}, "colour", "is not a column of frames"),
        ({"frame": "1"}, "frame", "must be a whole number"),
        ({"frame": True}, "frame", "must be a whole number"),
        ({"render_ms": 1.5}, "render_ms", "must be a whole number"),
        ({"render_ms": -1}, "render_ms", "must lie between 0 and 9223372036854775807"),
        ({"frame": 2**63}, "frame", "must lie between"),
        ({"averaged_over": 0}, "averaged_over", "must lie between 1"),
        ({"first_of_chunk": 1}, "first_of_chunk", "must be true or false"),
        ({"first_of_chunk": None}, "first_of_chunk", "may not be null"),
        ({"action_id": 7}, "action_id", "must be text"),
        ({"output_path": "x" * 65_537}, "output_path", "is longer than 65536 characters"),
        ({"part_job_cpu": [1, 2, 3]}, "part_job_cpu", "must have 5 items"),
        ({"part_job_cpu": [1, 2, 3, 4, None]}, "part_job_cpu", "must be a whole number"),
        ({"part_job_cpu": "12345"}, "part_job_cpu", "must be a list"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_field_and_reason(changes, field, message):
    spec = table("frames")
    row = frame_row(posted_frame(), **changes)
    found = problems(spec, [frame_row(posted_frame()), row])
    assert [(problem.index, problem.field) for problem in found] == [(1, field)]
    assert message in found[0].message
    with pytest.raises(InvalidRequestError, match=field) as caught:
        check_rows(spec, [row])
    assert caught.value.fields[0].name == f"frames[0].{field}"


def test_a_missing_column_is_refused_and_a_missing_empty_one_is_not():
    row = frame_row(posted_frame())
    del row["output_path"]
    assert not problems(table("frames"), [row])
    del row["frame"]
    assert [(p.field, p.message) for p in problems(table("frames"), [row])] == [
        ("frame", "is missing")
    ]


def test_a_row_that_is_no_object_is_refused():
    assert problems(table("frames"), [7])[0].message == "is not an object"


@pytest.mark.parametrize(
    ("name", "posted", "added"),
    [
        ("frames", posted_frame(), ADDED_TO_FRAMES),
        ("worker_samples", posted_worker_sample(T0), ADDED_TO_SAMPLES),
        ("thread_samples", posted_thread_sample(T0), ADDED_TO_SAMPLES),
    ],
)
def test_what_workers_post_is_the_table_without_what_the_server_adds(name, posted, added):
    """S0-25, S0-26, S0-31, S0-32: fields of samples and frame records."""
    assert set(posted) == set(table(name).column_names) - added


def test_a_file_of_an_older_catalog_is_read_with_empty_columns():
    spec = table("frames")
    older = arrow_table(spec, [frame_row(posted_frame())]).drop_columns(["output_path"])
    read = conformed(spec, older.append_column("from_the_future", older.column("frame")))
    assert read.schema == arrow_schema("frames")
    assert read.column("output_path").to_pylist() == [None]


def test_a_fact_becomes_a_row_of_its_table():
    name, row = fact_row(FACTS["sessions"])
    assert name == "sessions"
    assert row == ROWS["sessions"]


def test_the_page_of_tables_is_current():
    page = Path(__file__).resolve().parents[3] / "docs" / "books-tables.md"
    assert page.read_text(encoding="utf-8") == tables_page(), "python -m tools.books_tables"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1.5", True])
def test_a_logged_value_is_a_finite_number(value):
    with pytest.raises(InvalidRequestError, match="value must be a finite number"):
        check_rows(table("stream_values"), [{**ROWS["stream_values"], "value": value}])


_STRANGE: tuple[Any, ...] = (
    None, True, 0, 1, -1, 2**63, 2**63 - 1, -(2**63) - 1, 2**80, 1.0, float("nan"), "",
    "x" * 70_000, [1, 2, 3, 4, 5], (1, 2, 3, 4, 5), [1, 2], [1, 2, 3, 4, "5"], [True] * 5, b"x", {},
)  # fmt: skip


@pytest.mark.parametrize("spec", TABLES.values(), ids=lambda spec: spec.name)
def test_the_compiled_check_says_what_the_check_by_hand_says(spec, monkeypatch):
    good = {
        column.name: {
            Kind.INT: max(column.minimum or 0, 0),
            Kind.TEXT: "t",
            Kind.FLAG: True,
            Kind.REAL: 1.0,
            Kind.INTS: [max(column.minimum or 0, 0)] * (column.length or 2),
        }[column.kind]
        for column in spec.columns
    }
    rows = [{**good, name: value} for name in good for value in _STRANGE]
    rows += [{key: good[key] for key in good if key != name} for name in good]
    rows += [good, {**good, "strange": 1}]
    compiled = [row_problem(spec, row) for row in rows]
    monkeypatch.setattr(catalog_rows, "_shape", lambda *_: None)  # the check by hand alone
    assert compiled == [row_problem(spec, row) for row in rows]
    assert row_problem(spec, good) is None
