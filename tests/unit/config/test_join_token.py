"""A token to join a farm with."""

import pytest

from grange.config.join_token import PREFIX, JoinToken, parse_token
from grange.kernel.errors import ConfigurationError

TOKEN = JoinToken(
    farm_id="farm-1", fleet_id="fleet-1", access_key_id="AKIAX", secret_access_key="s" * 40
)


def test_a_token_is_one_word_and_comes_back_whole() -> None:
    """Ledger S1-11: farm, fleet, key, and whom to trust."""
    pinned = JoinToken(
        farm_id="f", fleet_id="g", access_key_id="k", secret_access_key="s", fingerprint="sha256:0"
    )
    for token in (TOKEN, pinned):
        assert len(token.text().split()) == 1
        assert parse_token(f" {token.text()}\n") == token


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AKIAX",
        TOKEN.text()[:-3],
        TOKEN.text()[3:],
        TOKEN.text().removeprefix(PREFIX),
        TOKEN.text() + "x",
        "grange-worker-1.e30",
    ],
)
def test_what_is_no_whole_token_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="grange worker token"):
        parse_token(text)
