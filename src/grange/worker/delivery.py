"""The end of a task that went well: its output is looked at and taken to its place."""

import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grange.kernel.clock import Clock
from grange.worker.containing import (
    Output,
    Rejected,
    clear,
    outputs_of,
    place_of,
    prepare,
    verdict_on,
    verdict_on_files,
    written,
)
from grange.worker.copying import Copied, CopyError, Transfer, copy_files

_PATIENCE_SECONDS = 60.0
_MOST_NAMED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What became of a task's output."""

    rejected: Rejected | None = None
    copied: Copied | None = None
    cancelled: bool = False


class Delivery:
    """The contained outputs of one session. One thread delivers; others may cancel.

    Args:
        job: the wire's jobDetails.
        scratch: a folder for this session alone; it is made if anything is contained.
        clock: the machine's clock.
        bytes_per_second: copies are not faster than this.
    """

    def __init__(
        self,
        job: Mapping[str, Any],
        scratch: Path,
        clock: Clock,
        bytes_per_second: float | None = None,
    ) -> None:
        self._scratch = scratch
        self._clock = clock
        self._bytes_per_second = bytes_per_second
        self.outputs: tuple[Output, ...] = outputs_of(job, scratch)
        self._of_step: tuple[Output, ...] = ()
        """Those that the task under way writes to."""
        self.transfers: list[Transfer] = []
        """Every try to copy a file of the task under way."""
        self._cancelled = threading.Event()
        self._idle = threading.Event()
        self._idle.set()

    def rules(self) -> list[dict[str, str]]:
        """Return the wire's path mapping rules that lead jobs to this machine's folders."""
        return [
            {
                "sourcePathFormat": "windows" if output.windows else "posix",
                "sourcePath": output.given,
                "destinationPath": str(output.scratch),
            }
            for output in self.outputs
        ]

    def begin(self, step: str) -> None:
        """Make room for the output of a task of this step."""
        self._cancelled.clear()
        self.transfers.clear()
        self._of_step = tuple(output for output in self.outputs if step in output.steps)
        clear(self.outputs)
        prepare(self.outputs)

    @property
    def contains(self) -> bool:
        """True if the task under way writes to this machine first."""
        return bool(self._of_step)

    def place_of(self, path: str) -> str:
        """Return where a file that the log named belongs."""
        return place_of(self.outputs, path)

    def deliver(self, tag: str, frames: Sequence[int], named: Iterable[Path]) -> Delivered:
        """Look at what was written, and take it to its place.

        Args:
            tag: names the task among all others.
            frames: the frames it was to render.
            named: files the log named, where nothing is contained.
        """
        self._idle.clear()
        try:
            if not self._of_step:
                seen = (file for _, file in zip(range(_MOST_NAMED), named, strict=False))
                whole = [(file, str(file)) for file in seen if file.is_file()]
                return Delivered(rejected=verdict_on_files(whole, lenient=True))
            pairs = written(self._of_step)
            rejected = verdict_on(self._of_step, pairs, frames)
            if rejected is not None:
                return Delivered(rejected=rejected)
            return Delivered(
                copied=copy_files(
                    pairs,
                    tag=tag,
                    clock=self._clock,
                    bytes_per_second=self._bytes_per_second,
                    cancelled=self._cancelled.is_set,
                    note=self.transfers.append,
                )
            )
        except (CopyError, OSError) as error:
            if self._cancelled.is_set():
                return Delivered(cancelled=True)
            failed = Rejected(error_class="output", rule="output:copy", text=str(error))
            return Delivered(rejected=failed)
        finally:
            self._idle.set()

    def cancel(self) -> None:
        """Stop a copy under way: nothing of it will be there."""
        self._cancelled.set()

    def close(self) -> None:
        """Stop a copy under way, wait for its end, and remove what lies on this machine."""
        self.cancel()
        self._idle.wait(_PATIENCE_SECONDS)
        if self.outputs:
            shutil.rmtree(self._scratch, ignore_errors=True)
