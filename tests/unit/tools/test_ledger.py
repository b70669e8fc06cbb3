"""Rows of the ledger are found where tests name them, and missed where they do not."""

from tools.ledger import ASKED, ROW, gaps, rows_in


def test_rows_are_recognised_by_their_form():
    assert ROW.findall("proves S0-03 and S12-07b, not S3 or S3-1, nor XS0-03") == [
        "S0-03",
        "S12-07b",
    ]


def test_the_ends_of_a_range_do_not_name_its_rows():
    assert rows_in("rows S0-01 to S0-07, S2-01 – 05 and S0-09") == {"S0-09"}


def test_rows_that_no_test_names_are_listed():
    every = {
        f"{section}-{number:02}": ["a test"]
        for section, last in ASKED.items()
        for number in range(1, last + 1)
    }
    assert gaps(every) == []
    del every["S0-17"], every["S2-18"]
    assert gaps(every) == ["S0-17", "S2-18"]
