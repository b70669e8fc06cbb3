"""Statistics aggregations: one at a time per farm, results kept for an hour."""

import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

from grange.books.aggregation import (
    RESULT_MS,
    Aggregation,
    AggregationStatus,
    advice,
    read_request,
    wire_row,
)
from grange.books.periods import buckets, fixed_offset
from grange.books.questions.model import Need
from grange.books.questions.usage import statistics
from grange.domain.exchange import WIRE_CURRENCY, DatedRate, ExchangeRate, in_force
from grange.domain.farm import Farm
from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError, NotFoundError, ThrottledError, TooLargeError
from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.ports.state import AllOf, Compare
from grange.services.books.desk import Desk
from grange.services.books.session_sums import statistics_of
from grange.services.books.shelf import Shelf

MOST_ROWS = 100_000
MOST_BUCKETS = 50_000
MOST_SECONDS = 120.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    aggregation_id: str
    request: Aggregation
    started_at: Instant
    status: AggregationStatus = AggregationStatus.IN_PROGRESS
    message: str | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)


class Aggregations:
    """Runs statistics aggregations. Thread-safe."""

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        executor: Executor,
        *,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
        most_rows: int = MOST_ROWS,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        self._shelf = shelf
        self._clock = clock
        self._executor = executor
        self._new_id = new_id
        self._most_rows = most_rows
        self._most_seconds = most_seconds
        self._lock = threading.Lock()
        self._runs: dict[tuple[str, str], _Run] = {}

    def start(self, request: Mapping[str, Any]) -> str:
        """Begin an aggregation; returns its id.

        Args:
            request: a decoded StartSessionsStatisticsAggregation request.

        Raises:
            InvalidRequestError: the request breaks a rule.
            ThrottledError: another aggregation of the farm is running.
        """
        asked = read_request(request)
        now = self._clock.now()
        with self._lock:
            self._forget(now)
            if any(
                farm_id == asked.farm_id and run.status is AggregationStatus.IN_PROGRESS
                for (farm_id, _), run in self._runs.items()
            ):
                raise ThrottledError(
                    "Another statistics aggregation of this farm is in progress.",
                    retry_after_seconds=2,
                )
            run = _Run(self._new_id(), asked, now)
            self._runs[asked.farm_id, run.aggregation_id] = run
        self._executor.submit(self._run, run)
        return run.aggregation_id

    def get(self, farm_id: str, aggregation_id: str, start: int, size: int) -> dict[str, Any]:
        """Return one page of a result, as members of Deadline Cloud's reply and `more`.

        Raises:
            NotFoundError: there is no such aggregation, or it is older than an hour.
        """
        with self._lock:
            self._forget(self._clock.now())
            run = self._runs.get((farm_id, aggregation_id))
        if run is None:
            raise NotFoundError("sessions statistics aggregation", aggregation_id)
        if run.status is not AggregationStatus.COMPLETED:
            found: dict[str, Any] = {"status": run.status.value, "statistics": [], "more": False}
            return found if run.message is None else found | {"statusMessage": run.message}
        return {
            "status": run.status.value,
            "statistics": run.rows[start : start + size],
            "more": start + size < len(run.rows),
        }

    def _forget(self, now: Instant) -> None:
        for key, run in list(self._runs.items()):
            if now - run.started_at >= RESULT_MS:
                del self._runs[key]

    def _run(self, run: _Run) -> None:
        try:
            run.rows = self._rows(run)
            status = AggregationStatus.COMPLETED
        except TooLargeError as error:
            status, run.message = AggregationStatus.TIMEOUT, str(error)
        except _TooManyError as error:
            status, run.message = AggregationStatus.FAILED, str(error)
        except GrangeError as error:
            _log.warning(
                "A statistics aggregation failed.",
                extra={"action": "aggregation_failed", "reason": str(error)},
            )
            status, run.message = AggregationStatus.FAILED, str(error)
        except Exception:  # noqa: BLE001 - nobody waits for this thread; the asker reads FAILED
            _log.exception("A statistics aggregation broke.", extra={"action": "aggregation_broke"})
            status, run.message = AggregationStatus.FAILED, "An internal error stopped it."
        run.status = status

    def _rows(self, run: _Run) -> list[dict[str, Any]]:
        asked = run.request
        until = Instant(max(asked.span.start, min(asked.span.end, run.started_at)))
        listed: list[Span] = []
        for bucket in buckets(asked.span, asked.period, fixed_offset(asked.timezone)):
            if bucket.start >= until:
                break
            listed.append(bucket)
            if len(listed) > MOST_BUCKETS:
                raise _TooManyError(advice(f"The range has more than {MOST_BUCKETS} periods."))
        farm = self._shelf.state.get(Farm, asked.farm_id)
        own = farm is not None and farm.currency == WIRE_CURRENCY
        rates = None if own else self._exchange(asked.farm_id)
        with self._shelf.view(asked.farm_id) as view:
            licences = view.has(Need(table="licence_uses", start=asked.span.start))
            found = None
            if not licences and not rates:
                found = statistics_of(
                    view, asked, listed, until, self._most_rows,
                    timeout_seconds=self._most_seconds,
                )  # fmt: skip
            if found is None:
                question = statistics(
                    asked, listed, until, self._most_rows,
                    licences=licences, exchange=rates or None,
                )  # fmt: skip
                found = view.ask(question, timeout_seconds=self._most_seconds)
        if found.num_rows > self._most_rows:
            raise _TooManyError(advice(f"There are more than {self._most_rows} rows."))
        with_cost = own or bool(rates)
        return [wire_row(row, asked, with_cost=with_cost) for row in found.to_pylist()]

    def _exchange(self, farm_id: str) -> list[DatedRate]:
        of_farm = AllOf((Compare("farm_id", "=", farm_id), Compare("currency", "=", WIRE_CURRENCY)))
        return in_force(self._shelf.state.find(ExchangeRate, of_farm))


class _TooManyError(GrangeError):
    """The result is too large."""


class _AtOnce(Executor):
    """Runs what is submitted before it returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it; whatever it raises is in the future."""
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


def session_statistics(desk: Desk, *, farm_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Run one aggregation and return all of it: for readers without a server.

    Args:
        desk: the books.
        farm_id: the farm.
        request: the members of StartSessionsStatisticsAggregation; times in milliseconds.

    Raises:
        InvalidRequestError: the request breaks a rule.
    """
    runs = Aggregations(desk.shelf, desk.clock, _AtOnce())
    found = runs.start({**request, "farmId": farm_id})
    return runs.get(farm_id, found, 0, MOST_ROWS)


ANSWERS: Mapping[str, Any] = {"session_statistics": session_statistics}
