"""Processes a former worker of this folder left behind, and how they are found again."""

import logging
from pathlib import Path

import msgspec

from grange.kernel.ids import IdSource
from grange.ports.host import Processes, ProcessIdentity
from grange.worker.identity import write_atomically

_log = logging.getLogger(__name__)
MARK = "GRANGE_WORKER_MARK"
"""Environment variable of every process below a runner; its value names the worker's folder."""


class _Record(msgspec.Struct, kw_only=True, frozen=True):
    pid: int
    started: str
    user: str | None = None


class Leftovers:
    """The processes below this worker's runners, on disk.

    Args:
        folder: the worker's folder.
        processes: names and ends processes.
        ids: makes the folder's mark, the first time.
    """

    def __init__(self, folder: Path, processes: Processes, ids: IdSource) -> None:
        self._path = folder / "processes.json"
        self._processes = processes
        self._records: dict[int, list[_Record]] = {}
        self._runners: dict[int, _Record] = {}
        mark = folder / "mark"
        if not mark.exists():
            write_atomically(mark, ids.new("mark").encode("ascii"))
        self.mark = mark.read_text(encoding="ascii").strip()
        """Value of `MARK` in the environment of everything below this worker."""

    def kill(self) -> int:
        """Kill what a former worker left: what it recorded, and what carries the folder's mark."""
        killed = 0
        for record in self._recorded():
            identity = ProcessIdentity(pid=record.pid, started=record.started)
            killed += self._processes.kill([identity], user=record.user)
        for _ in range(3):  # what is killed may have started something meanwhile
            marked = self._processes.marked(MARK, self.mark)
            if not marked:
                break
            killed += self._processes.kill(marked)
        if killed:
            _log.warning(
                "Processes of a former worker were killed.",
                extra={"action": "leftovers_killed", "count": killed},
            )
        self._path.unlink(missing_ok=True)
        return killed

    def identity(self, pid: int) -> ProcessIdentity | None:
        """Return who runs under this number now."""
        return self._processes.identity(pid)

    def seat(self, thread: int, runner: ProcessIdentity | None) -> None:
        """Record the runner of a job thread, or that it is gone."""
        self._records.pop(thread, None)
        self._runners.pop(thread, None)
        if runner is not None:
            self._runners[thread] = _Record(pid=runner.pid, started=runner.started)
        self._write()

    def action(self, thread: int, pids: list[tuple[int, str]], user: str | None) -> None:
        """Record the processes of a job thread's action."""
        self._records[thread] = [
            _Record(pid=pid, started=started, user=user) for pid, started in pids
        ]
        self._write()

    def kill_thread(self, thread: int) -> None:
        """Kill what a runner that died left running."""
        for record in self._records.pop(thread, ()):
            identity = ProcessIdentity(pid=record.pid, started=record.started)
            self._processes.kill([identity], user=record.user)

    def _recorded(self) -> list[_Record]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[_Record])
        except FileNotFoundError:
            return []
        except msgspec.DecodeError:
            _log.warning(
                "The list of processes cannot be read; only marked ones are looked for.",
                extra={"action": "leftovers_unreadable", "path": str(self._path)},
            )
            return []

    def _write(self) -> None:
        records = [*self._runners.values()]
        for of_thread in self._records.values():
            records += of_thread
        temporary = self._path.with_suffix(".new")
        temporary.write_bytes(msgspec.json.encode(records))
        temporary.replace(self._path)
