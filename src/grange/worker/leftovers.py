"""Processes a former worker of this folder left behind, and how they are found again."""

import logging
from pathlib import Path
from typing import BinaryIO

import msgspec

from grange.kernel.ids import IdSource
from grange.ports.host import Processes, ProcessIdentity
from grange.worker.identity import write_atomically

_log = logging.getLogger(__name__)
_LONGEST_BYTES = 256 * 1024
MARK = "GRANGE_WORKER_MARK"
"""Environment variable of every process below a runner; its value names the worker's folder."""


class _Record(msgspec.Struct, kw_only=True, frozen=True):
    pid: int
    started: str
    user: str | None = None


class _Entry(msgspec.Struct, kw_only=True, frozen=True):
    """What is below a job thread from now on: its runner, or its action's processes."""

    thread: int
    runner: bool
    processes: list[_Record]


class Leftovers:
    """The processes below this worker's runners, on disk.

    Args:
        folder: the worker's folder.
        processes: names and ends processes.
        ids: makes the folder's mark, the first time.
    """

    def __init__(self, folder: Path, processes: Processes, ids: IdSource) -> None:
        self._path = folder / "processes.jsonl"
        self._file: BinaryIO | None = None
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
        told: set[ProcessIdentity] = set()
        for record in self._recorded():
            identity = ProcessIdentity(pid=record.pid, started=record.started)
            told.add(identity)
            killed += self._processes.kill([identity], user=record.user)
        for _ in range(3):  # what is killed may have started something meanwhile
            # A process that was told to end may still be there for a moment: it counts once.
            marked = set(self._processes.marked(MARK, self.mark)) - told
            if not marked:
                break
            told |= marked
            killed += self._processes.kill(list(marked))
        if killed:
            _log.warning(
                "Processes of a former worker were killed.",
                extra={"action": "leftovers_killed", "count": killed},
            )
        self._path.unlink(missing_ok=True)
        return killed

    def close(self) -> None:
        """The runners are gone: nothing is left to find."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._path.unlink(missing_ok=True)

    def identity(self, pid: int) -> ProcessIdentity | None:
        """Return who runs under this number now."""
        return self._processes.identity(pid)

    def seat(self, thread: int, runner: ProcessIdentity | None) -> None:
        """Record the runner of a job thread, or that it is gone."""
        self._records.pop(thread, None)
        self._runners.pop(thread, None)
        if runner is not None:
            self._runners[thread] = _Record(pid=runner.pid, started=runner.started)
        self._write(_Entry(thread=thread, runner=False, processes=[]))
        alive = [self._runners[thread]] if thread in self._runners else []
        self._write(_Entry(thread=thread, runner=True, processes=alive))

    def action(self, thread: int, pids: list[tuple[int, str]], user: str | None) -> None:
        """Record the processes of a job thread's action."""
        self._records[thread] = [
            _Record(pid=pid, started=started, user=user) for pid, started in pids
        ]
        self._write(_Entry(thread=thread, runner=False, processes=self._records[thread]))

    def kill_thread(self, thread: int) -> None:
        """Kill what a runner that died left running."""
        for record in self._records.pop(thread, ()):
            identity = ProcessIdentity(pid=record.pid, started=record.started)
            self._processes.kill([identity], user=record.user)

    def _recorded(self) -> list[_Record]:
        """Return what a former worker wrote: the last whole line of each thread."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        last: dict[tuple[int, bool], list[_Record]] = {}
        for line in lines:
            try:
                entry = msgspec.json.decode(line, type=_Entry)
            except msgspec.DecodeError:
                continue
            last[entry.thread, entry.runner] = entry.processes
        return [record for records in last.values() for record in records]

    def _write(self, entry: _Entry) -> None:
        """Append one line; it outlives this process when this returns."""
        if self._file is None or self._file.tell() > _LONGEST_BYTES:
            self._start_file()
        if self._file is not None:
            self._file.write(msgspec.json.encode(entry) + b"\n")

    def _start_file(self) -> None:
        """Begin a new file with what holds now, and put it in the place of the old one."""
        if self._file is not None:
            self._file.close()
        temporary = self._path.with_suffix(".new")
        with temporary.open("wb") as file:
            for thread, runner in self._runners.items():
                entry = _Entry(thread=thread, runner=True, processes=[runner])
                file.write(msgspec.json.encode(entry) + b"\n")
            for thread, records in self._records.items():
                entry = _Entry(thread=thread, runner=False, processes=records)
                file.write(msgspec.json.encode(entry) + b"\n")
        temporary.replace(self._path)
        self._file = self._path.open("ab", buffering=0)
