"""Deadline Cloud's statistics of sessions, in and out as the AWS SDK has them."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from grange.cli.connection import Connection
from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import instant_of, iso8601

_PAGE = 100
_POLL_SECONDS = 0.25
_PATH = "/farms/{}/sessions-statistics-aggregation"


def print_statistics(
    connection: Connection,
    request: Mapping[str, Any],
    *,
    max_results: int | None,
    token: str | None,
    aggregation_id: str | None,
) -> None:
    """Ask, wait, and print the answer as JSON: all pages as one, or one page.

    Args:
        connection: the farm.
        request: members of StartSessionsStatisticsAggregation; the farm may be left out.
        max_results: print one page of so many rows, with its aggregationId and nextToken.
        token: the page after this token.
        aggregation_id: an aggregation that was started before.

    Raises:
        InvalidRequestError: the request breaks a rule, or the answer would be too large.
    """
    farm_id = str(request.get("farmId") or connection.farm_id)
    path = _PATH.format(farm_id)
    if aggregation_id is None:
        body = {name: value for name, value in request.items() if name != "farmId"}
        for name in ("startTime", "endTime"):
            if isinstance(body.get(name), str):
                body[name] = _utc(name, body[name])
        aggregation_id = str(connection.wire("POST", path, body=body)["aggregationId"])
    query = {"aggregationId": aggregation_id, "maxResults": str(max_results or _PAGE)}
    if token is not None:
        query["nextToken"] = token
    page = _finished(connection, path, query)
    if max_results is not None:
        connection.out.data({"aggregationId": aggregation_id, **page})
        return
    rows = list(page["statistics"])
    while page.get("nextToken"):
        page = connection.wire("GET", path, query={**query, "nextToken": page["nextToken"]})
        rows += page["statistics"]
    connection.out.data({"statistics": rows, "status": page["status"]})


def _finished(connection: Connection, path: str, query: Mapping[str, str]) -> dict[str, Any]:
    while True:
        page = connection.wire("GET", path, query=query)
        if page["status"] == "COMPLETED":
            return page
        if page["status"] != "IN_PROGRESS":
            raise InvalidRequestError(
                f"{page['status']}: {page.get('statusMessage', 'no reason was given.')}"
            )
        threading.Event().wait(_POLL_SECONDS)


def _utc(name: str, text: str) -> str:
    try:
        return iso8601(instant_of(datetime.fromisoformat(text)))
    except ValueError:
        raise InvalidRequestError(
            f"{name}: {text!r} is no time with a zone, e.g. 2026-11-01T00:00:00Z."
        ) from None
