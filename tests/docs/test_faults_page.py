"""The page of faults has a row for every fault that is injected, as it is injected."""

from tests.acceptance.injected import FAULTS
from tests.acceptance.injected_table import PAGE, PARTITION, committed, with_rows


def test_every_fault_has_its_row_and_no_other_has_one() -> None:
    rows = committed(PAGE.read_text(encoding="utf-8"))
    assert list(rows) == [*(fault.title for fault in FAULTS), PARTITION]
    for fault in FAULTS:
        assert f"| {fault.title} | {fault.made} |" in rows[fault.title]


def test_writing_the_rows_it_has_changes_nothing() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_rows(page, committed(page)) == page
    assert with_rows(page, {PARTITION: f"| {PARTITION} | x |"}).count("| x |") == 1
