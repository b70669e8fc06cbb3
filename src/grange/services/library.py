"""The books as one thing: what the books process keeps, and what it answers.

Methods named in `QUESTIONS`, and the functions of `ANSWERS`, can be asked by name over a socket:
arguments are plain values, answers are dictionaries and lists of plain values. They block: call
them from threads.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from grange.books.catalog.registry import table as table_named
from grange.books.manifest import PRODUCER, Grain
from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError, InvalidRequestError
from grange.kernel.units import Instant
from grange.ports.blocks import Blocks
from grange.ports.journal import JournalReader
from grange.ports.query import QueryEngine
from grange.ports.rings import Rings
from grange.ports.state import StateStore
from grange.services.books import answers
from grange.services.books.adoption import adopt
from grange.services.books.aggregation import Aggregations
from grange.services.books.bridge import StateBridge
from grange.services.books.desk import Desk, span_of
from grange.services.books.progress import Progress
from grange.services.books.rebuild import Rebuilder
from grange.services.books.receipt import receipt
from grange.services.books.registry import ANSWERS as OF_BOOKS
from grange.services.books.replacing import Replacer
from grange.services.books.sealing import GRACE_MS
from grange.services.books.shelf import Shelf
from grange.services.books.slots import slots_of_day
from grange.services.books.upkeep import Upkeep, Upkept
from grange.services.books.verify import verify
from grange.services.streams.registry import ANSWERS as OF_STREAMS
from grange.services.streams.replacing import StreamPlace, prune_lines, replace_lines
from grange.services.streams.ring_feed import Fed, RingFeeder

QUESTIONS = (
    "receipt",
    "accounts",
    "timeline",
    "usage",
    "worker_samples",
    "job_frames",
    "attempts",
    "layer_times",
    "start_aggregation",
    "get_aggregation",
    "files",
    "slots",
    "verify",
    "rebuild",
    "replace",
    "replace_lines",
    "prune_lines",
    "progress",
    "adopt",
    "feed_rings",
    "feed_rings_again",
    "forget_ring",
)
"""What can be asked by name of the books themselves."""
ANSWERS = {**OF_BOOKS, **OF_STREAMS}
"""Name → function of the desk: what can be asked by name besides."""

_ALSO_CALLED = {"attempts": "session_actions"}
"""Other names of tables."""


_log = logging.getLogger(__name__)


class Books:
    """The books of a data folder. Thread-safe."""

    def __init__(
        self,
        *,
        store: StateStore,
        journal: JournalReader,
        blocks: Blocks,
        engine: QueryEngine,
        clock: Clock,
        rings: Rings | None = None,
    ) -> None:
        """Put the books together; nothing is read before `open`.

        Args:
            store: a state store of their own; they open it, in a thread of their own.
            journal: the reader's side of the journal.
            blocks: the files.
            engine: what runs questions.
            clock: the server's clock.
            rings: the archives of streams; None: they are neither fed nor read.
        """
        self.state = StateBridge(store)
        self.clock = clock
        self.shelf = Shelf(
            state=self.state, journal=journal, blocks=blocks, engine=engine, clock=clock
        )
        self.desk = Desk(shelf=self.shelf, state=self.state, clock=clock, rings=rings)
        self._feeder = None if rings is None else RingFeeder(self.shelf, rings)
        self._engine = engine
        self._upkeep = Upkeep(self.shelf)
        self._progress = Progress()
        self._executor = ThreadPoolExecutor(2, thread_name_prefix="books-aggregation")
        self._aggregations = Aggregations(self.shelf, clock, self._executor)

    def open(self) -> None:
        """Open the state store and read the manifest and the journal's tail."""
        self.state.open()
        self.shelf.open()

    def close(self) -> None:
        """Finish what runs and close everything."""
        self._executor.shutdown(cancel_futures=True)
        self._engine.close()
        self.state.close()

    def call(self, question: str, arguments: Mapping[str, Any]) -> Any:
        """Answer a question by name.

        Raises:
            InvalidRequestError: there is no such question.
        """
        if question in QUESTIONS:
            return getattr(self, question)(**arguments)
        if question in ANSWERS:
            return ANSWERS[question](self.desk, **arguments)
        raise InvalidRequestError(
            f"The books know no question called {question}.", reason="UNKNOWN_OPERATION"
        )

    # ── upkeep ────────────────────────────────────────────────────────────────────────────────────

    def seal(self, *, force: bool = False) -> Upkept:
        """Move facts of past hours (with `force`: all facts) into files, and roll them up."""
        return self._upkeep.seal(self.clock.now(), force=force)

    def seal_day(self, end: Instant, up_to: int, *, roll: bool = True) -> Upkept:
        """Move facts into files of whole days, and roll up everything before `end`.

        For a long past that comes in at once: it needs no files of hours that are put together
        later.

        Args:
            end: the end of a day; every fact before it is in the journal.
            up_to: the last sequence of the journal that is sealed.
            roll: False leaves the rolling up to a later call.
        """
        now = Instant(end + GRACE_MS)
        return self._upkeep.seal(now, force=True, grain=Grain.DAY, up_to=up_to, roll=roll)

    def compact(self) -> Upkept:
        """Put files together, and delete what was replaced and what is no longer kept."""
        return self._upkeep.compact(self.clock.now())

    def expire(self) -> Upkept:
        """Delete what nobody needs any more."""
        return self._upkeep.expire(self.clock.now())

    def upkeep(self) -> None:
        """Do what is due by the clock: feed rings, seal and compact."""
        try:
            self.feed_rings()
        except (GrangeError, OSError) as error:
            # Facts must go into files, whatever is wrong with an archive; it is fed again later.
            _log.warning(
                "Archives of streams were not fed.",
                exc_info=error,
                extra={"action": "rings_not_fed"},
            )
        self.seal()
        self.compact()

    def feed_rings(self) -> dict[str, Any]:
        """Put into the archives of streams what has come; returns how many rings have more."""
        return asdict(Fed() if self._feeder is None else self._feeder.feed())

    def feed_rings_again(self, *, farm_id: str) -> dict[str, Any]:
        """Compute every row of rings again whose facts are kept."""
        return asdict(Fed() if self._feeder is None else self._feeder.again(farm_id))

    def forget_ring(self, *, farm_id: str, series: str) -> dict[str, Any]:
        """Delete the ring of a series."""
        if self._feeder is not None:
            self._feeder.forget(farm_id, series)
        return {}

    # ── questions ─────────────────────────────────────────────────────────────────────────────────

    def receipt(self, *, farm_id: str, job_id: str, start: int | None = None) -> dict[str, Any]:
        """Return the receipt of a job."""
        job = self.desk.job(farm_id, job_id)
        with self.shelf.view(farm_id) as view:
            return receipt(view, self.state, job, start=None if start is None else Instant(start))

    def accounts(
        self, *, farm_id: str, start: int, end: int, by: str = "farm", step: str | None = None
    ) -> dict[str, Any]:
        """Return machine time by account."""
        with self.shelf.view(farm_id) as view:
            return answers.accounts(view, span_of(start, end), by=by, step=step)

    def timeline(self, *, farm_id: str, start: int, end: int) -> dict[str, Any]:
        """Return the account segments of every job thread."""
        with self.shelf.view(farm_id) as view:
            return answers.timeline(view, span_of(start, end))

    def usage(
        self, *, farm_id: str, start: int, end: int, group_by: str = "user"
    ) -> dict[str, Any]:
        """Return hours and cost of sessions by attribute."""
        with self.shelf.view(farm_id) as view:
            return answers.usage_by(view, self.state, span_of(start, end), group_by)

    def worker_samples(
        self,
        *,
        farm_id: str,
        start: int,
        end: int,
        worker_id: str | None = None,
        points: int = 500,
    ) -> dict[str, Any]:
        """Return samples of workers as columns."""
        with self.shelf.view(farm_id, live=False) as view:
            return answers.samples(view, span_of(start, end), worker_id=worker_id, points=points)

    def job_frames(self, *, farm_id: str, job_id: str) -> list[dict[str, Any]]:
        """Return the best record of each frame of a job."""
        job = self.desk.job(farm_id, job_id)
        with self.shelf.view(farm_id) as view:
            return answers.frames_of_job(view, job, answers.worker_names(self.state, farm_id))

    def attempts(self, *, farm_id: str, job_id: str) -> dict[str, Any]:
        """Return every attempt of a job."""
        job = self.desk.job(farm_id, job_id)
        with self.shelf.view(farm_id) as view:
            return answers.attempts_of_job(view, job, answers.worker_names(self.state, farm_id))

    def layer_times(self, *, farm_id: str, job_id: str) -> dict[str, Any]:
        """Return frame times of each layer of a job."""
        job = self.desk.job(farm_id, job_id)
        with self.shelf.view(farm_id, live=False) as view:
            return answers.times_of_layers(view, job)

    def start_aggregation(self, *, request: Mapping[str, Any]) -> str:
        """Begin a statistics aggregation; returns its id."""
        return self._aggregations.start(request)

    def get_aggregation(
        self, *, farm_id: str, aggregation_id: str, start: int = 0, size: int = 100
    ) -> dict[str, Any]:
        """Return one page of a statistics aggregation."""
        return self._aggregations.get(farm_id, aggregation_id, start, size)

    def files(self, *, farm_id: str, table: str | None = None) -> dict[str, Any]:
        """Return the live files of the books.

        Raises:
            NotFoundError: there is no such table.
        """
        name = _ALSO_CALLED.get(table or "", table)
        if name is not None:
            table_named(name)
        return {
            "files": [
                {
                    "path": row.path,
                    "location": self.shelf.blocks.location(row.path),
                    "form": row.form,
                    "table_name": row.table_name,
                    "start_at": row.start_at,
                    "end_at": row.end_at,
                    "row_count": row.row_count,
                    "byte_count": row.byte_count,
                    "sha256": row.sha256,
                    "catalog_version": row.catalog_version,
                    "provenance": dict(row.provenance),
                }
                for row in self.shelf.files()
                if row.farm_id == farm_id and name in (None, row.table_name)
            ]
        }

    def slots(self, *, farm_id: str, day: str, subject: str = "user") -> dict[str, Any]:
        """Return the 96 quarters of a local day for users, projects, apps or worker groups."""
        farm = self.desk.farm(farm_id)
        with self.shelf.view(farm_id) as view:
            return slots_of_day(view, self.state, farm, day, subject)

    def rebuild(self, *, farm_id: str) -> dict[str, Any]:
        """Make blocks again from the journal's kept segments, and rollups from blocks."""
        now = self.clock.now()
        with self._progress.of(farm_id, "rebuild") as say, self._upkeep.sealer.lock:
            return asdict(Rebuilder(self.shelf, farm_id, now, say).rebuild())

    def replace(
        self,
        *,
        farm_id: str,
        table: str,
        start: int,
        end: int,
        rows: Sequence[Mapping[str, Any]],
        producer: str = PRODUCER,
    ) -> dict[str, Any]:
        """Put rows that were collected again in the place of what whole hours of a table hold."""
        with self._upkeep.sealer.lock:
            replacer = Replacer(self.shelf, self._upkeep.sealer)
            return asdict(
                replacer.replace(
                    farm_id, table, span_of(start, end), rows, now=self.clock.now(),
                    producer=producer,
                )
            )  # fmt: skip

    def replace_lines(
        self,
        *,
        farm_id: str,
        stream: str,
        kind: str,
        machine: str,
        start: int,
        end: int,
        body: bytes,
    ) -> dict[str, Any]:
        """Put lines in the place of all that a stream of a machine has in [start, end)."""
        with self._upkeep.sealer.lock:
            replacer = Replacer(self.shelf, self._upkeep.sealer)
            return replace_lines(
                replacer, StreamPlace(farm_id=farm_id, stream=stream, kind=kind, machine=machine),
                span_of(start, end), body, now=self.clock.now(),
            )  # fmt: skip

    def prune_lines(self, *, farm_id: str, until: int, dry_run: bool) -> dict[str, Any]:
        """Delete the log lines before the hour of an instant."""
        with self._upkeep.sealer.lock, self.shelf.view(farm_id, live=False) as view:
            replacer = Replacer(self.shelf, self._upkeep.sealer)
            return prune_lines(
                replacer, view, Instant(until), now=self.clock.now(), dry_run=dry_run
            )

    def adopt(self, *, farm_id: str, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Take in the files of a simulated farm, which lie in the folder under temporary names."""
        with self._upkeep.sealer.lock:
            return adopt(self.shelf, farm_id, files, self.clock.now())

    def progress(self, *, farm_id: str) -> list[dict[str, Any]]:
        """Return how far verify or rebuild are, where somebody asked for them."""
        return self._progress.steps(farm_id)

    def verify(self, *, farm_id: str) -> dict[str, Any]:
        """Recompute everything from the facts and say what differs."""
        with self._progress.of(farm_id, "verify") as say:
            found = verify(self.shelf, farm_id, say)
        return {
            "checks": [
                {"name": check.name, "ok": check.ok, "detail": check.detail} for check in found
            ],
            "ok": all(check.ok for check in found),
        }
