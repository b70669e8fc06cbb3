"""Finds actions that hang: no line in the log, no CPU time, no output, for too long. Pure.

How long is too long is learned from the layer's own finished frames. Time in which nobody looked
(a machine that slept) is no silence.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from grange.ports.host import TreeReading

DEFAULT_SECONDS = 1800.0
"""Silence that is too long while nothing is known of the layer's frames; it never is longer."""
LEAST_SECONDS = 120.0
FACTOR = 5.0
"""A render may be silent for so many times its layer's longest frame."""
_LAYERS_KEPT = 256
_LONGEST_GAP_SECONDS = 5.0
_WINDOW_SECONDS = 10.0
_LEAST_CPU_MS = 50
_BUSY_PERCENT = 1
"""CPU time is a sign of life from this share of one core on: what hangs may still poll."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """An action that hangs."""

    silent_seconds: float
    frame_seconds: float | None
    """The layer's longest finished frame; None: it is not known."""

    @property
    def text(self) -> str:
        """What happened, for people."""
        known = (
            "" if self.frame_seconds is None else f" Its frames take {self.frame_seconds:.1f} s."
        )
        return (
            f"Nothing was heard of the job for {self.silent_seconds:.0f} s: no line in its log, no"
            f" CPU time, no output.{known}"
        )


@dataclass(slots=True)
class _Watched:
    layer: str
    output: Callable[[], int]
    heard_at: float
    looked_at: float
    log_bytes: int | None = None
    processes: int | None = None
    mark: tuple[float, int] | None = None
    """When CPU time was last compared, and what it was."""
    written: int | None = None
    """Bytes of output, counted once the silence had lasted half as long as it may."""


class Silences:
    """The actions of one worker and how long each has been silent. Used from one thread."""

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}
        self._frame_ms: OrderedDict[str, float] = OrderedDict()

    def begin(
        self, thread: int, layer: str | None, at_seconds: float, output: Callable[[], int]
    ) -> None:
        """Watch an action.

        Args:
            thread: its job thread.
            layer: the layer it renders; None: it renders none.
            at_seconds: now, on a clock that is never set.
            output: counts the bytes it has written; asked only when nothing else was heard.
        """
        self._watched[thread] = _Watched(layer or "", output, at_seconds, at_seconds)

    def end(self, thread: int) -> None:
        """Watch it no longer."""
        self._watched.pop(thread, None)

    def learn(self, layer: str | None, millis: float, *, measured: bool = True) -> None:
        """Take note of how long a frame of a layer took.

        Args:
            layer: the layer.
            millis: how long.
            measured: here; else what the farm says counts only while nothing was measured.
        """
        if not layer or millis <= 0:
            return
        known = self._frame_ms.get(layer)
        if known is not None and not measured:
            return
        self._frame_ms[layer] = max(millis, known or 0.0)
        self._frame_ms.move_to_end(layer)
        while len(self._frame_ms) > _LAYERS_KEPT:
            self._frame_ms.popitem(last=False)

    def allowed_seconds(self, layer: str) -> float:
        """Return how long an action of a layer may be silent."""
        millis = self._frame_ms.get(layer)
        if millis is None:
            return DEFAULT_SECONDS
        return min(DEFAULT_SECONDS, max(LEAST_SECONDS, FACTOR * millis / 1000))

    def look(
        self,
        thread: int,
        at_seconds: float,
        tree: TreeReading | None,
        log_bytes: int,
        given_seconds: float | None = None,
    ) -> Stuck | None:
        """Take a reading of an action; return it if it hangs.

        Args:
            thread: its job thread.
            at_seconds: now.
            tree: its processes; None: they could not be read.
            log_bytes: the length of its log.
            given_seconds: how long it may be silent; None: as learned.
        """
        one = self._watched.get(thread)
        if one is None:
            return None
        gap, one.looked_at = at_seconds - one.looked_at, at_seconds
        if gap > _LONGEST_GAP_SECONDS:
            one.heard_at += gap
        if tree is None or not tree.processes or self._alive(one, at_seconds, tree, log_bytes):
            one.heard_at, one.written = at_seconds, None
            return None
        silent = at_seconds - one.heard_at
        allowed = self.allowed_seconds(one.layer) if given_seconds is None else given_seconds
        if silent >= allowed / 2 and one.written is None:
            one.written = one.output()
        if silent < allowed:
            return None
        if one.output() != one.written:
            one.heard_at, one.written = at_seconds, None
            return None
        millis = self._frame_ms.get(one.layer)
        return Stuck(
            silent_seconds=silent,
            frame_seconds=None if millis is None else millis / 1000,
        )

    def _alive(self, one: _Watched, at: float, tree: TreeReading, log_bytes: int) -> bool:
        alive = one.log_bytes != log_bytes or one.processes != tree.processes
        one.log_bytes, one.processes = log_bytes, tree.processes
        if one.mark is None or tree.cpu_ms < one.mark[1]:
            one.mark = (at, tree.cpu_ms)
            return alive
        elapsed_ms, used = (at - one.mark[0]) * 1000, tree.cpu_ms - one.mark[1]
        busy = used >= _LEAST_CPU_MS and used * 100 >= elapsed_ms * _BUSY_PERCENT
        if busy or elapsed_ms >= _WINDOW_SECONDS * 1000:
            one.mark = (at, tree.cpu_ms)
        return alive or busy
