"""Each documented member gives what its table says, on a folder written by hand."""

from pathlib import Path

import pytest

import grange.rrdata
from tests.unit.rrdata import table_records, table_statistics
from tests.unit.rrdata.rows import check
from tools.rrdata_documented import DOCUMENTED

TABLES = {**table_statistics.TABLES, **table_records.TABLES}
MEMBERS = [
    pytest.param(name, member, id=f"{name}.{member}")
    for name, members in DOCUMENTED.items()
    for member in (*members.properties, *members.functions)
]


@pytest.mark.parametrize(("name", "member"), MEMBERS)
def test_a_documented_member_gives_what_its_table_says(name: str, member: str, root: Path):
    """Ledger S0-57, and through this door the rows that each table names."""
    check(TABLES[name], member, root)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_properties_are_values_and_functions_are_called(name: str, root: Path):
    subject = TABLES[name].subject(root)
    for member in DOCUMENTED[name].properties:
        assert not callable(getattr(subject, member))
    for member in DOCUMENTED[name].functions:
        assert callable(getattr(subject, member))


def test_the_tables_say_nothing_of_members_that_are_not_documented():
    for name, table in TABLES.items():
        known = {*DOCUMENTED[name].properties, *DOCUMENTED[name].functions}
        assert set(table.rows) - known == set()


def test_every_documented_class_is_there_under_its_name():
    for name in (*DOCUMENTED, "_90_RenderAppBasic_history"):
        assert getattr(grange.rrdata, name).__module__.startswith("grange.rrdata.")
    assert grange.rrdata._90_RenderAppBasic_history is grange.rrdata._RenderAppBasic_history
