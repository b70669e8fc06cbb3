"""The API process: the owner loop, the stores, the journal's writer and the door, put together."""

import asyncio
import contextlib
import logging
import os
import platform
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import msgspec

from grange.adapters.argon import Argon2Passwords
from grange.adapters.arrow import settle_arrow
from grange.adapters.deliveries import FoldersAndMail
from grange.adapters.hook_doors import Doors
from grange.adapters.host.clock import SystemClock
from grange.adapters.host.ids import RandomIds
from grange.adapters.host.magic import UdpMagicPackets
from grange.adapters.host.master_key import master_key
from grange.adapters.host.metrics_token import metrics_token
from grange.adapters.host.probe import HostProbe
from grange.adapters.host.room import RESERVE_BYTES, DiskRoom
from grange.adapters.journal.writer import FileJournal
from grange.adapters.licence_commands import LicenceProcesses
from grange.adapters.log_lines import LogLineReader
from grange.adapters.previews import PreviewProcess
from grange.adapters.sealing import MasterSeal
from grange.adapters.session_logs import SessionLogFiles
from grange.adapters.stream_contacts import ContactFiles
from grange.books.manifest import watermark
from grange.config.attribution import FILE_NAME as ATTRIBUTION
from grange.config.attribution import AttributionFile
from grange.config.environment import environment_of
from grange.config.licence_servers import LicenceServersFile
from grange.config.settings import ServerSettings
from grange.domain.licence_servers import FILE_NAME as LICENCES
from grange.kernel.clock import Clock
from grange.ports.state import StateStore
from grange.ports.traffic import TrafficReading
from grange.server.app import Application, LateApp
from grange.server.asgi import App
from grange.server.authentication import Authenticator
from grange.server.context import Context
from grange.server.effects import Effects, Touch
from grange.server.ports import BooksDoor
from grange.server.upkeep import STEP_SECONDS, Upkeep
from grange.server.web import WebFiles
from grange.services.access import Access
from grange.services.backup import Backups
from grange.services.books.drain import Drain
from grange.services.books.group_commit import GroupCommit
from grange.services.books.ingest import Ingest
from grange.services.books.keeping import retention_of
from grange.services.books.server_samples import ServerSampler
from grange.services.budget_watch import BudgetWatch
from grange.services.draft import Context as DecisionContext
from grange.services.hailing import Hails
from grange.services.hook_run import HookRun
from grange.services.identity import Identity
from grange.services.licence_counts import LicenceWatch
from grange.services.live import LiveHub
from grange.services.model_size import model_to_measure
from grange.services.owner import Owner
from grange.services.reads.board import Board
from grange.services.reads.job_numbers import JobCounter
from grange.services.reads.latest import LatestSamples
from grange.services.reads.pages import Pages
from grange.services.reads.rows import Rows
from grange.services.reads.task_logs import TaskLogs
from grange.services.scheduled_reports import ScheduledReports
from grange.services.signing_in import SigningIn
from grange.services.templates import TaskSpaces
from grange.services.waiting import Waiting
from grange.services.wake import Wakes
from grange.services.wrangle.inbox import Inbox
from grange.wiring.adoption import adopter
from grange.wiring.backup import vault
from grange.wiring.log_errors import bundled_errors
from grange.wiring.marked_books import MarkedBooks
from grange.wiring.state import open_store

STATIC = Path(__file__).parent.parent / "server" / "static"
MIB = 1024 * 1024

_log = logging.getLogger(__name__)

OpenBooks = Callable[[Callable[[], Awaitable[object]]], BooksDoor]
"""Makes the door to the books; it calls what it is given before each question."""


@dataclass(frozen=True, slots=True)
class Api:
    """A running API, not listening yet."""

    app: Application
    rest: LateApp
    context: Context
    drain: Drain


def product_version() -> str:
    """Return Grange's version."""
    return version("grange")


@contextlib.asynccontextmanager
async def running_api(
    settings: ServerSettings,
    *,
    address: str,
    open_books: OpenBooks,
    names: Sequence[str] = (),
    clock: Clock | None = None,
    silence_seconds: int | None = None,
    reserve_bytes: int = RESERVE_BYTES,
    failed: Callable[[], None] = lambda: None,
    traffic: Callable[[], TrafficReading] | None = None,
) -> AsyncIterator[Api]:
    """Run everything behind the door inside the block.

    Args:
        settings: the server's.
        address: `host:port` that clients are told.
        open_books: makes the door to the books.
        names: further names of this server, which browsers may use.
        clock: default: the machine's.
        silence_seconds: how long a worker may be silent; default: as the settings say.
        reserve_bytes: how much of the disk is kept back for when it is full.
        failed: called when something ended that must not, so that the process can be replaced.
        traffic: reads the buffers of the server's connections.
    """
    clock = clock or SystemClock()
    silence = settings.worker_silence_seconds if silence_seconds is None else silence_seconds
    settle_arrow()
    async with contextlib.AsyncExitStack() as stack:
        store = open_store(settings)
        await store.open()
        stack.push_async_callback(store.close)
        wakes = Wakes()
        effects = Effects(wakes)
        spaces = TaskSpaces()
        ids = RandomIds(clock)
        room = DiskRoom(settings.data_dir, reserve_bytes=reserve_bytes)
        await asyncio.to_thread(room.keep_reserve)
        owner = Owner(
            store,
            clock,
            DecisionContext(ids=ids, spaces=spaces, silence_seconds=silence),
            effects.perform,
            room=room,
        )
        wakes.roomy = owner.roomy
        sealed = watermark(row.provenance for row in await store.manifest())
        journal = await asyncio.to_thread(
            FileJournal, settings.data_dir / "journal", clock, start_after=sealed
        )
        commit = GroupCommit(journal, clock)
        stack.callback(journal.close)
        drain = Drain(store, commit, clock, pause_seconds=0.2)
        probe = HostProbe(settings.data_dir, clock)
        sampler = ServerSampler(
            store,
            commit,
            clock,
            probe,
            server=platform.node(),
            process=probe.own,
            model=lambda: model_to_measure(owner.memory),
            traffic=traffic,
        )
        await owner.start()
        key = master_key(settings.data_dir)
        identity = await _identity(key, store)
        base_url = f"{'https' if settings.tls else 'http'}://{address}"
        hooks = HookRun(
            store=store,
            owner=owner,
            doors=Doors(
                settings.hooks, clock, user=settings.hook_user, kinds=settings.message_kinds
            ),
            sealing=MasterSeal(key),
            secret_of=identity.secret_of_hook,
            clock=clock,
            base_url=base_url,
        )
        effects.deliver = hooks.wake
        hails = Hails(
            owner=owner,
            wakes=wakes,
            key_of=identity.hail_key,
            clock=clock,
            randomness=os.urandom,
            overdue_ms=silence * 500,
        )
        stack.push_async_callback(hails.stop)
        books = MarkedBooks(open_books(drain.drain), store)
        reports = ScheduledReports(
            store=store,
            owner=owner,
            books=books,
            deliveries=FoldersAndMail(
                settings.data_dir / "reports",
                settings.report_folders,
                mail_server=settings.mail_server,
                mail_from=settings.mail_from,
            ),
            clock=clock,
        )
        backups = Backups(
            store=store,
            copier=store,
            drain=drain,
            vault=vault(settings),
            clock=clock,
            version=product_version(),
            keep=settings.backup_keep,
        )
        stack.push_async_callback(backups.stop)
        latest = LatestSamples()
        waiting = Waiting(owner.ask, clock)
        pages = Pages(store, owner, spaces, latest, waiting.of)
        board, live = _shown(store, pages, waiting, clock)
        effects.touch = _both(live.touch, board.touch)
        waiting.tell = partial(_tell_job, live.touch)  # the board has heard it by `changed`
        effects.committed = drain.wake
        logs = SessionLogFiles(
            settings.data_dir / "logs" / "sessions",
            max_bytes=settings.session_log_max_mib * MIB,
        )
        log_lines = LogLineReader(logs)
        previews = PreviewProcess(settings.data_dir / "previews")
        stack.push_async_callback(previews.close)
        context = Context(
            clock=clock,
            ids=ids,
            store=store,
            owner=owner,
            identity=identity,
            access=Access(store, owner, clock),
            signing=SigningIn(
                identity=identity,
                owner=owner,
                store=store,
                hasher=Argon2Passwords(),
                clock=clock,
                new_id=ids.new,
            ),
            rows=Rows(store, clock=clock, page_key=identity.page_token_key),
            spaces=spaces,
            logs=logs,
            log_lines=log_lines,
            task_logs=TaskLogs(store, log_lines, bundled_errors()),
            hold_seconds=silence / 3,
            wakes=wakes,
            hails=hails,
            live=live,
            board=board,
            job_numbers=JobCounter(store, clock),
            waiting=waiting,
            pages=pages,
            latest=latest,
            ingest=Ingest(
                commit,
                clock,
                has_room=room.has_room,
                retention=partial(retention_of, store),
            ),
            room=room,
            books=books,
            reports=reports,
            hooks=hooks,
            attribution=AttributionFile(settings.data_dir / ATTRIBUTION),
            inbox=Inbox(store=store, owner=owner, latest=latest, room=room, clock=clock),
            backups=backups,
            contacts=ContactFiles(settings.data_dir / "streams" / "contacts"),
            magic=UdpMagicPackets(),
            previews=previews,
            preview_roots=tuple(str(root) for root in settings.preview_roots),
            adopt=adopter(settings.data_dir, owner, books),
            version=product_version(),
            closing=asyncio.Event(),
            base_url=base_url,
        )
        rest = LateApp(lambda: _rest(context))
        app = Application(
            context=context,
            authenticator=Authenticator(
                identity=identity, clock=clock, hosts=_hosts(settings, address, names)
            ),
            rest=rest,
            web=WebFiles(STATIC),
            secure=settings.tls,
            authority=_authority(settings),
            metrics_token=metrics_token(settings.data_dir),
        )
        upkeep = Upkeep(
            context,
            step_seconds=min(STEP_SECONDS, silence / 8),
            log_days_succeeded=settings.session_log_days_succeeded,
            log_days_failed=settings.session_log_days_failed,
        )
        working = {
            "live": live.run(),
            "waiting": waiting.run(),
            "board": board.run(),
            "licence-servers": _licences(settings, owner, clock),
            "budgets": BudgetWatch(owner, clock, books.ask).run(),
            "upkeep": upkeep.run(),
            "server-samples": sampler.run(),
            "scheduled-reports": reports.run(),
            "hooks": hooks.run(),
            "close-live": _close_live(context.closing, live),
        }
        stack.push_async_callback(commit.finish)
        async with _at_work(context, working, live=live, drain=drain, failed=failed):
            yield Api(app, rest, context, drain)


@contextlib.asynccontextmanager
async def _at_work(
    context: Context,
    working: Mapping[str, Coroutine[Any, Any, None]],
    *,
    live: LiveHub,
    drain: Drain,
    failed: Callable[[], None],
) -> AsyncIterator[None]:
    """Do what goes on beside the requests inside the block; then let the owner finish."""
    asking = [asyncio.create_task(work, name=name) for name, work in working.items()]
    draining = asyncio.create_task(drain.run(), name="drain")
    draining.add_done_callback(partial(_must_not_end, failed))
    try:
        yield
    finally:
        context.closing.set()
        live.close()
        await _end(asking)
        await context.owner.stop()
        await drain.stop()
        await _end([draining])


async def _licences(settings: ServerSettings, owner: Owner, clock: Clock) -> None:
    """Ask licence servers outside the farm, for ever."""
    servers = LicenceServersFile(settings.data_dir / LICENCES)
    await LicenceWatch(owner, clock, servers, LicenceProcesses(environment_of({}))).run()


async def _identity(key: bytes, store: StateStore) -> Identity:
    identity = Identity(master_key=key, store=store, randomness=os.urandom)
    await identity.refresh()
    return identity


def _rest(context: Context) -> App:
    # Loaded late: see LateApp.
    from grange.server.rest.app import rest_app  # noqa: PLC0415

    return cast("App", rest_app(context.version))


def _must_not_end(failed: Callable[[], None], task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.critical(
            "A part of the server ended.",
            exc_info=task.exception(),
            extra={"action": "part_ended", "part": task.get_name()},
        )
        failed()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _close_live(closing: asyncio.Event, live: LiveHub) -> None:
    """End the streams of pages as soon as the server begins to stop, or they would hold it up."""
    await closing.wait()
    live.close()


def _shown(
    store: StateStore, pages: Pages, waiting: Waiting, clock: Clock
) -> tuple[Board, LiveHub]:
    """Return the rows of active jobs, and the events that tell how they change."""
    board = Board(store, clock, lambda: live.number, waiting.of)
    live = LiveHub(clock=clock, render=_render(pages, board, clock))
    waiting.changed = board.reason_changed
    waiting.watched = lambda: live.readers > 0
    return board, live


def _tell_job(touch: Touch, farm_id: str, job_id: str) -> None:
    touch(farm_id, "job", job_id)


def _both(first: Touch, second: Touch) -> Touch:
    def touch(farm_id: str, event: str, subject_id: str) -> None:
        first(farm_id, event, subject_id)
        second(farm_id, event, subject_id)

    return touch


def _render(
    pages: Pages, board: Board, clock: Clock
) -> Callable[..., Awaitable[list[dict[str, Any]]]]:
    async def render(farm_id: str, event: str, subjects: list[str]) -> list[dict[str, Any]]:
        match event:
            case "job":
                rows: list[Any] = list(await board.rows(farm_id, subjects))
            case "worker":
                rows = list(await pages.workers(subjects, clock.now()))
            case _:
                rows = [{"job_id": subject} for subject in subjects]
        return [msgspec.to_builtins(row) for row in rows]

    return render


def _hosts(settings: ServerSettings, address: str, more: Sequence[str]) -> list[str]:
    """Return every `name:port` a browser may reach this server by."""
    host, _, port = address.rpartition(":")
    names = {"127.0.0.1", "localhost", "[::1]", host, *settings.allowed_hosts}
    names |= {f"[{name}]" if ":" in name else name for name in more}
    if settings.host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        names.add(f"[{settings.host}]" if ":" in settings.host else settings.host)
    found = [f"{name.lower()}:{port}" for name in names]
    usual = "443" if settings.tls else "80"  # browsers leave the usual port out
    return found + [name.lower() for name in (names if port == usual else settings.allowed_hosts)]


def _authority(settings: ServerSettings) -> bytes:
    """Return the certificate of the server's own authority, which anybody may have."""
    files = settings.tls_files
    if files is None or files.authority is None:
        return b""
    return files.authority.read_bytes()
