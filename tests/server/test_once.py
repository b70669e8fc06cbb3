"""A request that makes something, sent again with the same `Idempotency-Key`, makes it once."""

from typing import Any

import pytest

from grange.kernel.errors import ConflictError
from grange.testing.farm import LocalFarm

RATE = {"unit": "worker_hour", "per_hour": "2"}
MADE: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("/users", "users", {"name": "mia", "role": "member"}, {"role": "worker"}),
    (
        "{farm}/budgets",
        "budgets",
        {"name": "film", "amount": "100"},
        {"amount": "200"},
    ),
    (
        "{farm}/rate-cards",
        "rate_cards",
        {"name": "own machines", "lines": [RATE]},
        {"name": "others"},
    ),
    (
        "{farm}/report-schedules",
        "report_schedules",
        {"name": "usage", "report": "usage", "every": "day", "to": "reports"},
        {"name": "all-usage"},
    ),
    (
        "{farm}/hooks",
        "hooks",
        {"name": "chat", "events": ["budget_reached"], "url": "http://127.0.0.1:1/farm"},
        {"name": "other"},
    ),
]


@pytest.mark.parametrize(("post", "member", "body", "change"), MADE, ids=[one[1] for one in MADE])
def test_what_is_sent_again_is_made_once(
    farm: LocalFarm, post: str, member: str, body: Any, change: Any
) -> None:
    api = farm.connect()
    names = {"farm": f"/farms/{farm.farm_id}"}

    def send(once: str, **changes: Any) -> Any:
        return api.call(
            "POST",
            f"/api/v1{post.format(**names)}",
            body={**body, **changes},
            headers={"idempotency-key": once},
            service="grange",
        )

    def there() -> int:
        found = api.call("GET", f"/api/v1{post.format(**names)}", service="grange")
        return len(found[member])

    before = there()
    first = send("the first")
    assert there() == before + 1
    assert send("the first") == first
    assert there() == before + 1
    with pytest.raises(ConflictError, match="used for another request"):
        send("the first", **change)
