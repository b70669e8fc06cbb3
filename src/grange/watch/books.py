"""The farm's books of streams, asked over HTTP."""

from collections.abc import Callable
from typing import Any

import msgspec

from grange.kernel.units import Instant
from grange.ports.farm_api import FarmApi
from grange.ports.watch import StreamsSeen

_TIMEOUT_SECONDS = 300.0


class FarmStreams:
    """Implements `ports.watch.StreamBooks` with a server's REST API."""

    def __init__(self, api: FarmApi, farm_id: Callable[[], str]) -> None:
        """Ask about one farm.

        Args:
            api: the server, as somebody who may read the farm.
            farm_id: finds out which farm; asked at each look, for the server may be down.
        """
        self._api = api
        self._farm_id = farm_id

    def seen(self, *, since: Instant, until: Instant, gap_seconds: int) -> StreamsSeen:
        """Return what the books know of a span."""
        answer = self._api.call(
            "GET",
            f"/api/v1/farms/{self._farm_id()}/streams/watch",
            query={"since": str(since), "until": str(until), "gap_ms": str(gap_seconds * 1000)},
            service="grange",
            timeout_seconds=_TIMEOUT_SECONDS,
        )
        return read_streams(answer)


def read_streams(answer: dict[str, Any]) -> StreamsSeen:
    """Return an answer of the server as values; members that are not asked for are left out."""
    return msgspec.convert(answer, StreamsSeen)


def report_contact(
    api: FarmApi,
    farm_id: str,
    *,
    program: str,
    machine: str,
    collected: list[dict[str, Any]] | None = None,
) -> None:
    """Tell the server that a collector or data logger is at work, and how far it has read.

    Call it after each run, also one that found nothing: silence is what a watch takes for a stop.

    Args:
        api: the server.
        farm_id: the farm that facts are handed in to.
        program: collect or datalog.
        machine: the machine whose logs or values they are.
        collected: `{"stream", "kind", "until_at"}` for each stream that was read to an instant.
    """
    body: dict[str, Any] = {"program": program, "machine": machine, "collected": collected or []}
    api.call("PUT", f"/api/v1/farms/{farm_id}/streams/contacts", body=body, service="grange")
