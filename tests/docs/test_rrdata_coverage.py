"""The page of covered members says what is so."""

from tests.unit.rrdata.test_members import TABLES
from tools.rrdata_coverage import PAGE, page, tables
from tools.rrdata_documented import DOCUMENTED


def test_the_page_is_current():
    """Ledger S0-57: to write it anew: python -m tools.rrdata_coverage."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_documented_member_has_a_row_of_expected_values():
    """Ledger S0-57."""
    missing = [
        f"{name}.{member}"
        for name, members in DOCUMENTED.items()
        for member in (*members.properties, *members.functions)
        if member not in TABLES[name].rows
    ]
    assert missing == []
    assert set(tables()) == set(DOCUMENTED)
