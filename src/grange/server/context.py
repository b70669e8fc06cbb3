"""What every handler may use, and one call of an operation."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from grange.config.attribution import AttributionFile
from grange.domain.farm import Farm
from grange.kernel.clock import Clock
from grange.kernel.errors import StorageFullError
from grange.kernel.ids import IdSource
from grange.ports.log_lines import LogLines
from grange.ports.magic import MagicPackets
from grange.ports.room import Room
from grange.ports.session_logs import SessionLogs
from grange.ports.state import StateStore
from grange.ports.watch import Contacts
from grange.server.ports import BooksDoor, Previews
from grange.services.access import Access
from grange.services.backup import Backups
from grange.services.books.ingest import Ingest
from grange.services.hailing import Hails
from grange.services.hook_run import HookRun
from grange.services.identity import Identity
from grange.services.live import LiveHub
from grange.services.owner import Command, Owner, Token
from grange.services.permissions import Principal
from grange.services.reads.board import Board
from grange.services.reads.job_numbers import JobCounter
from grange.services.reads.latest import LatestSamples
from grange.services.reads.pages import Pages
from grange.services.reads.rows import PageRequest, Rows
from grange.services.reads.task_logs import TaskLogs
from grange.services.scheduled_reports import ScheduledReports
from grange.services.signing_in import SigningIn
from grange.services.templates import TaskSpaces
from grange.services.waiting import Waiting
from grange.services.wake import Wakes
from grange.services.wrangle.inbox import Inbox

Result = Mapping[str, Any]
"""The members of an operation's output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The services behind the door."""

    clock: Clock
    ids: IdSource
    store: StateStore
    owner: Owner
    identity: Identity
    access: Access
    signing: SigningIn
    rows: Rows
    spaces: TaskSpaces
    logs: SessionLogs
    log_lines: LogLines
    """The same logs, by lines."""
    task_logs: TaskLogs
    wakes: Wakes
    hold_seconds: float
    """An idle worker's request is held no longer, so that it is heard often enough."""
    hails: Hails
    live: LiveHub
    board: Board
    job_numbers: JobCounter
    waiting: Waiting
    """The active jobs as rows."""
    pages: Pages
    latest: LatestSamples
    ingest: Ingest
    room: Room
    books: BooksDoor
    reports: ScheduledReports
    hooks: HookRun
    attribution: AttributionFile
    inbox: Inbox
    backups: Backups
    contacts: Contacts
    """Of collectors and data loggers."""
    magic: MagicPackets
    previews: Previews
    preview_roots: tuple[str, ...]
    """Folders thumbnails may be read from; empty: wherever a job writes."""
    adopt: Callable[[str], Awaitable[Farm]]
    """Takes in the simulated farm of a folder inside the data folder."""
    version: str
    closing: asyncio.Event
    """Set when the server begins to stop: held requests and streams end."""
    base_url: str
    """Where browsers find this server, e.g. http://127.0.0.1:8765."""


def require_room(context: Context, what: str) -> None:
    """Return if the server's disk has room for more.

    Args:
        context: the services.
        what: what was sent, in the plural.

    Raises:
        StorageFullError: it is nearly full; what workers have done is still recorded.
    """
    if not context.room.has_room():
        raise StorageFullError(
            f"The server's disk is nearly full, so it takes no {what}. Free some space on it, then"
            " send the same again.",
            retry_after_seconds=60,
        )


class Call(Struct, frozen=True, kw_only=True):
    """One decoded request of the Deadline Cloud API."""

    operation: str
    request: Mapping[str, Any]
    caller: Principal
    context: Context
    headers: Mapping[str, str] = {}
    gone: Callable[[], Awaitable[object]] = asyncio.Event().wait
    """Returns when the client has closed the connection; for requests that are held."""

    @property
    def page(self) -> PageRequest:
        """The page of a list that is asked for."""
        return PageRequest(operation=self.operation, query=self.request, caller=self.caller)

    async def ask(self, command: Command) -> Result:
        """Have a command decided and committed, once per client token."""
        token = self.request.get("clientToken")
        if token is None:
            result: Result = await self.context.owner.ask(command)
            return result
        kept = Token(
            caller=self.caller.name,
            operation=self.operation,
            token=token,
            request_hash=sha256(_sorted_json(self.request)).hexdigest(),
        )
        result = await self.context.owner.ask(command, token=kept)
        return dict(result)


Handler = Callable[[Call], Awaitable[Result]]

_NAMES = {
    "farmId": "farm_id",
    "fleetId": "fleet_id",
    "workerId": "worker_id",
    "queueId": "queue_id",
    "jobId": "job_id",
}


def named(members: Mapping[str, str]) -> dict[str, str]:
    """Return what a request of the Deadline Cloud API names, in the words `Access` knows."""
    return {_NAMES[name]: value for name, value in members.items() if name in _NAMES}


_sorted_json = msgspec.json.Encoder(order="sorted").encode
