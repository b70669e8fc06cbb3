"""What a message says, which source it feeds."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grange.books.values.payload import readings
from grange.books.values.sources import (
    LoggedSeries,
    LoggedSource,
    check_series,
    parse_source,
    source_text,
)
from grange.domain.series import DsType
from grange.kernel.errors import InvalidRequestError

WORDS = st.text(
    st.characters(exclude_characters="|", exclude_categories=("Cs", "Cc", "Z")), min_size=1
)


def said(content: Any, topic: str = "studio/rack1/power") -> list[Any]:
    return [tuple(one) for one in readings(topic, msgspec.json.encode(content)).values]


@given(address=WORDS, value_id=WORDS, index=st.integers(0, 10**6), kind=st.sampled_from(DsType))
def test_the_text_of_a_source_goes_both_ways(address, value_id, index, kind):
    """Ledger S3-02: address, value id, index, type and label, joined by bars."""
    source = LoggedSource(
        address=address, value_id=value_id, index=index, ds_type=kind, label="a label"
    )
    assert parse_source(source_text(source)) == source


def test_a_source_as_janitoo_writes_it():
    """Ledger S3-02."""
    found = parse_source("0001/0000|temperature|0|GAUGE|Room 1")
    assert found.key == ("0001/0000", "temperature", 0)
    assert (found.ds_type, found.label) == (DsType.GAUGE, "Room 1")
    for wrong in ("a|b|0|GAUGE", "a|b|x|GAUGE|l", "a|b|0|SPEED|l", "|b|0|GAUGE|l", "a|b|-1|GAUGE|"):
        with pytest.raises(InvalidRequestError, match="sources"):
            parse_source(wrong)


def test_a_series_has_a_name_a_step_and_sources():
    """Ledger S3-01, S3-04: 300 s a step, heartbeat twice the step, unless said otherwise."""
    one = LoggedSeries(name="a", sources=(parse_source("n|v|0|GAUGE|l"),))
    check_series(one)
    assert (one.step_seconds, one.heartbeat) == (300, 600)
    assert msgspec.structs.replace(one, heartbeat_seconds=2000).heartbeat == 2000
    for changes in (
        {"name": "../a"},
        {"name": ".a"},
        {"name": "a/b"},
        {"name": ""},
        {"step_seconds": 0},
        {"sources": ()},
        {"sources": one.sources * 2},
    ):
        with pytest.raises(InvalidRequestError):
            check_series(msgspec.structs.replace(one, **changes))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (21.5, [("studio/rack1", "power", 0, 21.5)]),
        ({"data": 7, "index": 2}, [("studio/rack1", "power", 2, 7.0)]),
        (
            {"hadd": "0001/0000", "value_uuid": "temp", "index": 1, "genre": 2, "data": "3.5"},
            [("0001/0000", "temp", 1, 3.5)],
        ),
        (
            {"0": 1, "1": {"data": 2.5, "genre": "user"}},
            [("studio/rack1", "power", 0, 1.0), ("studio/rack1", "power", 1, 2.5)],
        ),
        (
            {"temp": {"0": 20, "3": 21}, "fan": 900},
            [
                ("studio/rack1/power", "temp", 0, 20.0),
                ("studio/rack1/power", "temp", 3, 21.0),
                ("studio/rack1/power", "fan", 0, 900.0),
            ],
        ),
        ({"on": True}, [("studio/rack1/power", "on", 0, 1.0)]),
        ([1.5, {"data": 2, "value_id": "x"}], [
            ("studio/rack1", "power", 0, 1.5), ("studio/rack1", "x", 0, 2.0),
        ]),
    ],
    ids=["number", "value", "janitoo value", "value map", "node map", "flag", "list"],
)  # fmt: skip
def test_one_value_a_map_of_values_and_a_map_of_nodes(content, expected):
    """Ledger S3-08: the three shapes of a payload."""
    assert said(content) == expected


def test_a_topic_of_janitoo_names_address_value_and_index():
    """Ledger S3-08."""
    assert said({"data": 4}, "/values/user/0001/0002/temp/3") == [("0001/0002", "temp", 3, 4.0)]


@pytest.mark.parametrize("genre", [3, 4, 5, "config", "system", "command"])
def test_only_values_of_users_and_basic_ones_are_kept(genre):
    """Ledger S3-08: configuration, system and commands are no values."""
    content = {"0": {"genre": genre, "data": 1}, "1": {"genre": 1, "data": 2}}
    found = readings("a/b", msgspec.json.encode(content))
    assert [one.value for one in found.values] == [2.0]
    assert found.other_genres == 1


def test_what_is_no_number_is_left_out_and_counted():
    content = {"0": "warm", "1": None, "2": {"data": None}, "3": "1e999", "4": 10**400, "5": 6}
    found = readings("a/b", msgspec.json.encode(content))
    assert [one.value for one in found.values] == [6.0]
    assert found.unusable == 5


@pytest.mark.parametrize("payload", [b"", b"{", b"warm", b"\xff"])
def test_a_payload_that_is_no_json_is_refused(payload):
    with pytest.raises(InvalidRequestError, match="a/b"):
        readings("a/b", payload)


@given(st.binary(max_size=40))
def test_no_payload_does_anything_but_say_values_or_be_refused(payload):
    try:
        found = readings("a/b", payload)
    except InvalidRequestError:
        return
    assert all(abs(one.value) < float("inf") for one in found.values)
