"""Collecting, put together: logs and cursors of this machine, the server, the clock."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from grange.adapters.cursor_files import CursorFiles
from grange.adapters.folder_lock import FolderLock
from grange.adapters.host.clock import SystemClock
from grange.adapters.log_files import FolderLogs
from grange.adapters.rsync import RsyncMirror
from grange.collect.backwards import last_lines
from grange.collect.names import Source, chosen, find_sources
from grange.collect.run import Collector, Sender
from grange.collect.sending import Kept, LineSender
from grange.config.streams_collect import CollectSection, collect_folder, machine_name
from grange.kernel.clock import Clock
from grange.kernel.errors import ConflictError
from grange.kernel.units import Instant
from grange.ports.cursors import CursorStore, StreamCursor
from grange.ports.farm_api import FarmApi
from grange.ports.logs import LogFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Collecting:
    """What a round of collecting needs."""

    collector: Collector
    sources: Sequence[Source]
    cursors: CursorStore
    machine: str


class DrySender:
    """Says what would be kept, and sends nothing."""

    def put(self, rows: Any) -> Kept:
        """Count lines."""
        return Kept(accepted=rows.num_rows)

    def replace(self, _source: Source, _start: Instant, _end: Instant, _rows: Any) -> bool:
        """Count an hour that would be replaced."""
        return True


class DryCursors:
    """Cursors that are read, but stay where they are."""

    def __init__(self, cursors: CursorStore) -> None:
        self._cursors = cursors

    def load(self, stream: str, kind: str, machine: str) -> StreamCursor | None:
        """Return a cursor; None if there is none."""
        return self._cursors.load(stream, kind, machine)

    def save(self, _cursor: StreamCursor) -> None:
        """Leave a cursor where it is."""

    def all(self) -> Iterator[StreamCursor]:
        """Yield every cursor."""
        return self._cursors.all()


@contextmanager
def collecting(
    section: CollectSection,
    api: FarmApi | None,
    farm_id: str,
    *,
    streams: Sequence[str] = (),
    kind: str | None = None,
    clock: Clock | None = None,
) -> Iterator[Collecting]:
    """Hold this machine's cursors inside the block; a second one that wants them is refused.

    Args:
        section: the settings.
        api: the server; None: nothing is sent and no cursor moves.
        farm_id: whose books the lines go to.
        streams: names of streams; none: all.
        kind: rx, tx or other; None: any.
        clock: default: the machine's.

    Raises:
        ConflictError: another collector is at work on the same cursors.
    """
    clock = clock or SystemClock()
    folder = collect_folder(section)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder, started_at=clock.now())
    try:
        lock.take()
    except ConflictError as error:
        error.args = (
            f"Another collector is at work on this machine: {error.context['holder']}."
            " Its lines will be there; run this again later.",
        )
        raise
    with ExitStack() as stack:
        stack.callback(lock.release)
        cursors: CursorStore = cursor_store(section)
        sender: Sender = DrySender()
        if api is None:
            cursors = DryCursors(cursors)
        else:
            waiting = clock
            sender = LineSender(api, farm_id, lambda seconds: asyncio.run(_wait(waiting, seconds)))
        logs = FolderLogs()
        machine = machine_name(section)
        sources = find_sources(section, logs, machine, _mirrored(section))
        yield Collecting(
            collector=Collector(logs=logs, cursors=cursors, sender=sender, clock=clock),
            sources=chosen(sources, streams, kind),
            cursors=cursors,
            machine=machine,
        )


async def _wait(clock: Clock, seconds: float) -> None:
    await clock.sleep(seconds)


def _mirrored(section: CollectSection) -> dict[str, str]:
    """Fetch the logs of other machines; return where each place was fetched to."""
    found = _mirrored_before(section)
    mirror = RsyncMirror(ssh_options=section.ssh_options)
    for place, target in found.items():
        mirror.fetch(place, target)
    return found


def _mirrored_before(section: CollectSection) -> dict[str, str]:
    """Return where the logs of other machines are fetched to."""
    folder = collect_folder(section) / "mirror"
    return {
        place: str(folder / hashlib.sha256(place.encode()).hexdigest()[:16])
        for place in sorted({one.mirror for one in section.streams if one.mirror})
    }


def cursor_store(section: CollectSection) -> CursorStore:
    """Return this machine's cursors."""
    return CursorFiles(collect_folder(section) / "cursors")


def local_logs() -> LogFiles:
    """Return the logs of this machine."""
    return FolderLogs()


def tail_of(section: CollectSection, stream: str, count: int) -> list[str]:
    """Return the last lines of a stream's newest log.

    Raises:
        ConfigurationError: no log of the stream was found.
    """
    logs = local_logs()
    sources = find_sources(section, logs, machine_name(section), _mirrored_before(section))
    files = [file for source in chosen(sources, [stream], None) for file in source.files]
    newest = max(files, key=lambda file: (file.changed_ns, file.path))
    return [line.decode("utf-8", "replace") for line in last_lines(logs, newest, count)]
