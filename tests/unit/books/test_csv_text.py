"""Tables as comma-separated values, and the mark of farms whose past was made up."""

import csv
import io
from typing import Any

import pytest

from grange.books.csv_text import cell, csv_text
from grange.services.books.marks import marked_simulated


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""), ("=1+1", "'=1+1"), ("+cmd", "'+cmd"), ("@x", "'@x"), ("-12.50", "-12.50"),
        ("+7", "+7"), ("-", "'-"), ("-1e9", "'-1e9"), (-3, -3), ("a=b", "a=b"), (True, True),
    ],
)  # fmt: skip
def test_no_cell_is_taken_for_a_formula_and_numbers_stay_numbers(value, shown):
    assert cell(value) == shown


def test_each_row_of_a_simulated_farm_says_so():
    rows: list[list[Any]] = [[1, "x,y"], [None, "z"]]
    assert csv_text(["a", "b"], rows) == 'a,b\n1,"x,y"\n,z\n'
    found = list(csv.reader(io.StringIO(csv_text(["a", "b"], rows, simulated=True))))
    assert [row[-1] for row in found] == ["simulated", "SIMULATED", "SIMULATED"]
    assert csv_text(["a"], [], simulated=True) == "a,simulated\n"


def test_objects_and_items_of_lists_carry_the_mark():
    assert marked_simulated({"a": 1}) == {"a": 1, "simulated": True}
    assert marked_simulated([{"a": 1}, 7]) == [{"a": 1, "simulated": True}, 7]
    assert marked_simulated(b"file") == b"file"
