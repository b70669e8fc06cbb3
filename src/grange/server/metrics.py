"""`/metrics`: how the server does, in the text format of Prometheus.

Who asks shows the token in `metrics.token` of the data folder, as `Authorization: Bearer …`. To
take it back, delete the file and start the server anew.
"""

import asyncio
import hmac
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from grange.domain.farm import Farm
from grange.domain.statuses import TERMINAL, TaskRunStatus, WorkerStatus
from grange.domain.work import Job, Worker
from grange.ports.state import AllOf, Compare, ManifestRow
from grange.server.context import Context
from grange.server.http import Request, text_reply
from grange.wire.encode import Reply

PATH = "/metrics"
KEPT_SECONDS = 10.0
"""Whoever asks more often gets the same answer again."""
_SCHEME = "bearer "


class Metrics:
    """Answers Prometheus."""

    def __init__(self, context: Context, token: str) -> None:
        """Answer those who know a token.

        Args:
            context: the services.
            token: what they must show; empty: nobody is answered.
        """
        self._context = context
        self._token = token
        self._process = ProcessCollector(registry=None)
        self._text = b""
        self._made_at = float("-inf")
        self._making = asyncio.Lock()

    async def reply(self, request: Request) -> Reply:
        """Answer one request."""
        shown = request.headers.get("authorization", "")
        given = shown[len(_SCHEME) :].strip() if shown.lower().startswith(_SCHEME) else ""
        if not self._token or not hmac.compare_digest(given.encode(), self._token.encode()):
            return text_reply(
                401,
                "Show the token in metrics.token of the data folder: Authorization: Bearer …\n",
                ("www-authenticate", 'Bearer realm="grange"'),
            )
        if request.method not in {"GET", "HEAD"}:
            return text_reply(405, "Only GET is served here.\n", ("allow", "GET, HEAD"))
        return Reply(
            status=200,
            headers=(("content-type", CONTENT_TYPE_LATEST), ("cache-control", "no-store")),
            body=await self._exposition(),
        )

    async def _exposition(self) -> bytes:
        async with self._making:
            now = self._context.clock.monotonic_seconds()
            if now - self._made_at >= KEPT_SECONDS:
                families = await self._families()
                registry = CollectorRegistry(auto_describe=False)
                registry.register(_Made([*families, *self._process.collect()]))
                self._text = await asyncio.to_thread(generate_latest, registry)
                self._made_at = now
            return self._text

    async def _families(self) -> list[Metric]:
        context = self._context
        info = InfoMetricFamily("grange", "This server.")
        info.add_metric([], {"version": context.version})
        farms = [farm.farm_id for farm in await context.store.find(Farm)]
        return [
            info,
            _gauge("grange_queued_bytes", "Facts that are not durable yet.", [
                ((), float(context.ingest.queued_bytes)),
            ]),
            _gauge("grange_has_room", "Whether the disk has room for more (1) or not (0).", [
                ((), float(await asyncio.to_thread(context.room.has_room))),
            ]),
            await self._workers(),
            await self._jobs(farms),
            *_books(await context.store.manifest()),
            *await self._backups(),
            await self._contacts(farms),
        ]  # fmt: skip

    async def _workers(self) -> Metric:
        counted: dict[tuple[str, str], int] = defaultdict(int)
        for worker in await self._context.store.find(Worker, Compare("deleted_at", "=", None)):
            for status in WorkerStatus:
                counted[worker.farm_id, status.value] += worker.status is status
        return _gauge("grange_workers", "Workers by status.", counted.items(), "farm", "status")

    async def _jobs(self, farms: Sequence[str]) -> Metric:
        found = []
        for farm_id in farms:
            for status in TaskRunStatus:
                if status in TERMINAL:
                    continue
                where = AllOf(
                    (Compare("farm_id", "=", farm_id), Compare("status", "=", status.value))
                )
                number = await self._context.store.count(Job, where)
                found.append(((farm_id, status.value), float(number)))
        return _gauge("grange_jobs", "Jobs that have not ended.", found, "farm", "status")

    async def _backups(self) -> list[Metric]:
        backups = self._context.backups
        known = await backups.backups()
        newest = [((), known[-1].created_at / 1000)] if known else []
        failed = [((), float(backups.problem is not None))]
        return [
            _gauge("grange_backup_timestamp_seconds", "When the newest backup was made.", newest),
            _gauge("grange_backup_failed", "Whether the last backup failed (1).", failed),
        ]

    async def _contacts(self, farms: Sequence[str]) -> Metric:
        found: list[tuple[tuple[str, ...], float]] = []
        for farm_id in farms:
            known = await asyncio.to_thread(self._context.contacts.all, farm_id)
            found += [((farm_id, one.program, one.machine), one.at / 1000) for one in known]
        text = "When a collector or data logger handed something in last."
        return _gauge(
            "grange_stream_contact_timestamp_seconds", text, found, "farm", "program", "machine"
        )


class _Made(Collector):
    """Families that are made already."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._families


def _books(rows: Sequence[ManifestRow]) -> Iterator[Metric]:
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in rows:
        found = sums[row.farm_id, row.table_name]
        found[0] += 1
        found[1] += row.row_count
        found[2] += row.byte_count
        found[3] = max(found[3], row.end_at)
    names = (
        ("grange_books_files", "Files of the books."),
        ("grange_books_rows", "Rows in them."),
        ("grange_books_bytes", "Their size."),
    )
    for place, (name, text) in enumerate(names):
        values = [(key, float(found[place])) for key, found in sums.items()]
        yield _gauge(name, text, values, "farm", "table")
    ends = [(key, found[3] / 1000) for key, found in sums.items()]
    yield _gauge(
        "grange_books_end_timestamp_seconds",
        "Up to when facts are in files.",
        ends,
        "farm",
        "table",
    )


def _gauge(
    name: str, text: str, values: Iterable[tuple[Sequence[str], float]], *labels: str
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in sorted(values):
        family.add_metric(key, value)
    return family
