"""Page tokens work once made, for the same question by the same caller, for a day."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.wire.page_tokens import MAX_CHARACTERS, issue_page_token, redeem_page_token

NOW = Instant(1_770_000_000_000)
QUERY: dict[str, Any] = {"farmId": "farm-1", "status": "READY", "maxResults": 5}
ASKED: dict[str, Any] = {
    "key": b"k" * 32,
    "operation": "ListJobs",
    "query": QUERY,
    "caller": "anna",
    "now": NOW,
}


def refused(token: str, **changes: Any) -> str:
    """Return the complaint about a token."""
    with pytest.raises(InvalidRequestError) as caught:
        redeem_page_token(token, **(ASKED | changes))
    assert [problem.name for problem in caught.value.fields] == ["nextToken"]
    return caught.value.fields[0].message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(cursor=JSON)
def test_a_token_gives_its_cursor_back(cursor: Any) -> None:
    token = issue_page_token(cursor, **ASKED)
    assert len(token) <= MAX_CHARACTERS
    assert redeem_page_token(token, **ASKED) == cursor


def test_page_size_the_token_itself_and_the_order_of_members_do_not_matter() -> None:
    token = issue_page_token(7, **ASKED)
    later = {"status": "READY", "nextToken": token, "maxResults": 100, "farmId": "farm-1"}
    assert redeem_page_token(token, **(ASKED | {"query": later})) == 7


@pytest.mark.parametrize(
    "change",
    [
        {"key": b"x" * 32},
        {"operation": "ListSteps"},
        {"query": QUERY | {"farmId": "farm-2"}},
        {"query": {"farmId": "farm-1"}},
        {"caller": "ben"},
    ],
)
def test_a_token_works_for_nothing_else(change: dict[str, Any]) -> None:
    assert "does not belong to this request" in refused(issue_page_token(7, **ASKED), **change)


def test_a_token_expires_after_a_day() -> None:
    token = issue_page_token(7, **ASKED)
    last = Instant(NOW + MILLIS_PER_DAY - 1)
    assert redeem_page_token(token, **(ASKED | {"now": last})) == 7
    assert "expired" in refused(token, now=Instant(NOW + MILLIS_PER_DAY))


@given(place=st.integers(0, 200), letter=st.sampled_from("ABCxyz019-_"))
def test_a_changed_token_is_refused(place: int, letter: str) -> None:
    token = issue_page_token({"after": "job-1"}, **ASKED)
    place %= len(token) - 1  # the last character carries padding bits only
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        refused(changed)


@given(token=st.text(max_size=200))
def test_any_other_text_is_refused(token: str) -> None:
    refused(token)


def test_a_cursor_too_big_for_a_token_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="too long"):
        issue_page_token("x" * 4000, **ASKED)
