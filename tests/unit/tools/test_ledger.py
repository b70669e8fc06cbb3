"""Rows of the ledger are found where tests name them."""

from tools.ledger import ROW


def test_rows_are_recognised_by_their_form():
    assert ROW.findall("proves S0-03 and S12-07b, not S3 or S3-1, nor XS0-03") == [
        "S0-03",
        "S12-07b",
    ]
