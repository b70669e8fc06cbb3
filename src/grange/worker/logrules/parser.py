"""The parser: lines of one action's output in, what happened out. Pure; times are given."""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from grange.kernel.units import Instant
from grange.worker.logrules.pack import CONVENTION, GENERIC, Pack, Rule

_TAIL_LINES = 200
"""How many last lines are searched for the reason of a failure."""
_LONGEST_KEPT = 2_000
_RECOGNITION_LINES = 400
_WEAKER_THAN_A_SIGNAL = frozenset({"missing_input", "output", "setup"})
"""Generic classes that explain no death by signal."""
_NOT_FOUND = re.compile(r"(?:^|: )([^:]+): (?:command )?not found\s*$")
"""What a shell says of a program it does not find."""
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressed:
    """The action is this far."""

    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameStarted:
    """A frame begins to render."""

    frame: int
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameDone:
    """A frame has been rendered."""

    frame: int
    started_at: Instant
    ended_at: Instant
    path: str | None
    """The file the log named for it, as it was written there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputNamed:
    """The log names a file that is being written, of no frame in particular."""

    path: str


Happening = Progressed | FrameStarted | FrameDone | OutputNamed


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Why an action failed."""

    error_class: str
    rule: str
    """Pack name, version and rule id, e.g. `povray/3:povray.parse-error`."""
    text: str
    """The line that gave it away, or a sentence."""


@lru_cache(maxsize=1024)
def _runs(pack: Pack, command: str) -> bool:
    """Return whether a command names a renderer: the tasks of a layer all run the same."""
    return pack.runs(command)


@dataclass(slots=True)
class _Open:
    """The frame being rendered, or rendered and not reported yet."""

    frame: int
    started_at: Instant
    path: str | None = None
    ended_at: Instant | None = None


class LogParser:
    """Follows the output of one action.

    Args:
        packs: every known pack.
        command: what is run: command line and scripts, to recognise renderers by.
        frames: the frames the task is to render, in order; empty if it renders none.
        started_at: when the action began.
    """

    def __init__(
        self, packs: Sequence[Pack], command: str, frames: Sequence[int], started_at: Instant
    ) -> None:
        self._convention = next((pack for pack in packs if pack.name == CONVENTION), None)
        self._generic = next((pack for pack in packs if pack.name == GENERIC), None)
        renderers = [pack for pack in packs if pack.name not in {CONVENTION, GENERIC}]
        self.active: list[Pack] = [pack for pack in renderers if _runs(pack, command)]
        """The renderers recognised so far."""
        self._unseen = [pack for pack in renderers if pack not in self.active]
        self._frames = tuple(frames)
        self._done: dict[int, None] = {}
        self._open: _Open | None = None
        self._early_path: str | None = None
        """A file named before its frame began."""
        self._by_convention = False
        self._free_at = started_at
        self._lines = 0
        self._total_seconds: float | None = None
        self._current_percent = 0.0
        self.percent: float | None = None
        """How far the action is, as far as its log says."""
        self.warnings = 0
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)

    @property
    def frames_done(self) -> tuple[int, ...]:
        """Distinct frames reported done, in the order of their reports."""
        return tuple(self._done)

    def line(self, text: str, at: Instant) -> list[Happening]:
        """Take one line of output, without its end, and return what it says."""
        text = _ESCAPES.sub("", text).replace("\x00", "")  # 3ds Max prints UTF-16
        self._tail.append(text[:_LONGEST_KEPT])
        if self._lines < _RECOGNITION_LINES:
            self._lines += 1
            self._recognise(text)
        happenings: list[Happening] = []
        if self._convention is not None and text.startswith("grange: "):
            self._apply(self._convention, text, at, happenings)
        else:
            for pack in self.active:
                self._apply(pack, text, at, happenings)
        return happenings

    def finish(self, at: Instant) -> list[Happening]:
        """The action has ended: return the frame that was waiting for its file's name."""
        happenings: list[Happening] = []
        self._settle(happenings)
        self._open = None
        self._free_at = at
        if self._early_path is not None:
            happenings.append(OutputNamed(path=self._early_path))
            self._early_path = None
        return happenings

    def verdict(self, exit_code: int | None, signal_name: str | None) -> Verdict:
        """Return why the action failed: the renderer's rules first, then the generic ones.

        What a renderer's own rules know as a warning is no reason to the generic ones.
        """
        renderers = sorted(self.active, key=lambda pack: not pack.renderer)  # hosts come later
        packs = [*renderers, *([self._generic] if self._generic is not None else [])]
        harmless = {
            line
            for pack in self.active
            for rule in pack.rules
            if rule.kind == "warning"
            for line in self._tail
            if rule.pattern.search(line)
        }
        for pack in packs:
            tail = pack.whole(self._tail)
            lines = [x for x in tail if pack is not self._generic or x not in harmless]
            for rule in pack.rules:
                weak = pack is self._generic and rule.error_class in _WEAKER_THAN_A_SIGNAL
                if rule.kind == "fatal" and not (weak and signal_name is not None):
                    found = next((x for x in reversed(lines) if rule.pattern.search(x)), None)
                    if found is not None:
                        return Verdict(
                            error_class=rule.error_class,
                            rule=f"{pack.name}/{pack.version}:{rule.rule_id}",
                            text=found.strip()[:1000],
                        )
        return self._verdict_without_words(exit_code, signal_name)

    def _verdict_without_words(self, exit_code: int | None, signal_name: str | None) -> Verdict:
        if signal_name in {"SIGKILL", "SIGTERM", "SIGINT"}:
            return Verdict(
                error_class="killed",
                rule="exit:signal",
                text=f"The process was ended by {signal_name}.",
            )
        if signal_name is not None:
            return Verdict(
                error_class="crash", rule="exit:signal", text=f"The process died of {signal_name}."
            )
        if exit_code == 127:
            return Verdict(error_class="setup", rule="exit:127", text=self._not_found())
        last = next((line.strip() for line in reversed(self._tail) if line.strip()), "")
        said = f" Last line: {last}" if last else ""
        code = "no exit code" if exit_code is None else f"exit code {exit_code}"
        return Verdict(
            error_class="failed",
            rule="exit:code",
            text=f"The process ended with {code}.{said}"[:1000],
        )

    def _not_found(self) -> str:
        """Return which command was not found, as the shell printed it: `run.sh: 25: nuke: …`."""
        named = (_NOT_FOUND.search(line) for line in reversed(self._tail))
        what = next((match[1] for match in named if match is not None), None)
        which = "" if what is None else f" {what}"
        return f"The command{which} was not found (exit 127)."[:1000]

    def _recognise(self, text: str) -> None:
        for pack in [pack for pack in self._unseen if pack.speaks(text)]:
            self._unseen.remove(pack)
            self.active.append(pack)

    def _apply(self, pack: Pack, text: str, at: Instant, out: list[Happening]) -> None:
        for rule in pack.rules:
            if rule.kind == "fatal":
                continue
            match = rule.pattern.search(text)
            if match is not None:
                self._take(pack, rule, match, at, out)
                return

    def _take(
        self, pack: Pack, rule: Rule, match: re.Match[str], at: Instant, out: list[Happening]
    ) -> None:
        groups = match.groupdict()
        match rule.kind:
            case "progress":
                self._progress(rule, groups, out)
            case "total":
                self._total_seconds = _seconds(groups["clock"])
            case "frame_start" | "frame_done":
                if pack.name == CONVENTION:
                    self._enter_convention(int(groups["frame"]))
                elif self._by_convention:
                    return
                frame = self._frame(groups)
                if frame is None:
                    return
                if rule.kind == "frame_start":
                    self._start(frame, at, out)
                else:
                    self._end(frame, groups.get("path"), rule.written, at, out)
            case "output":
                self._output(groups["path"], out)
            case _:
                self.warnings += 1

    def _enter_convention(self, frame: int) -> None:
        """From the first line of Grange's own kind on, a renderer's idea of frames is dropped."""
        if not self._by_convention:
            self._by_convention = True
            if self._open is not None and self._open.frame != frame:
                self._open = None

    def _frame(self, groups: dict[str, str | None]) -> int | None:
        """Return which frame a line is about; None if it cannot be one of the task's."""
        number = groups.get("frame")
        if number is not None:
            frame = int(number)
            return frame if not self._frames or frame in self._frames else None
        ordinal = groups.get("ordinal")
        if ordinal is not None:
            index = int(ordinal) - 1
            return self._frames[index] if 0 <= index < len(self._frames) else None
        if self._open is not None and self._open.ended_at is None:
            return self._open.frame
        settled = self._open.frame if self._open is not None else None
        return next((x for x in self._frames if x not in self._done and x != settled), None)

    def _start(self, frame: int, at: Instant, out: list[Happening]) -> None:
        if self._open is not None and self._open.frame == frame and self._open.ended_at is None:
            return
        self._settle(out)
        self._open = _Open(frame, at, self._take_early_path())
        self._current_percent = 0.0
        out.append(FrameStarted(frame=frame, at=at))

    def _end(
        self, frame: int, path: str | None, written: bool, at: Instant, out: list[Happening]
    ) -> None:
        if self._open is None or self._open.frame != frame:
            self._settle(out)
            self._open = _Open(frame, self._free_at, self._take_early_path())
        self._open.path = path or self._open.path
        self._open.ended_at = at
        self._free_at = at
        if written:
            self._settle(out)

    def _take_early_path(self) -> str | None:
        path, self._early_path = self._early_path, None
        return path

    def _settle(self, out: list[Happening]) -> None:
        """Report the frame that has ended, now that its file's name can no longer follow."""
        held = self._open
        if held is None or held.ended_at is None:
            return
        self._open = None
        if held.frame in self._done:
            return
        self._done[held.frame] = None
        out.append(
            FrameDone(
                frame=held.frame,
                started_at=held.started_at,
                ended_at=held.ended_at,
                path=held.path,
            )
        )
        self._current_percent = 0.0
        if self._frames:
            self._say(100.0 * len(self._done) / len(self._frames), out)

    def _output(self, path: str, out: list[Happening]) -> None:
        if self._open is not None:
            self._open.path = path
        elif len(self._done) < len(self._frames):
            self._early_path = path
        else:
            out.append(OutputNamed(path=path))

    def _progress(self, rule: Rule, groups: dict[str, str | None], out: list[Happening]) -> None:
        percent = self._percent(rule, groups)
        if percent is None:
            return
        self._current_percent = min(100.0, max(0.0, percent))
        if len(self._frames) > 1 and not self._whole_action(rule):
            held = 1 if self._open is not None and self._open.ended_at is not None else 0
            done = min(len(self._frames), len(self._done) + held)
            share = 0.0 if held else self._current_percent / 100
            self._say(100.0 * min(1.0, (done + share) / len(self._frames)), out)
        else:
            self._say(self._current_percent, out)

    def _whole_action(self, rule: Rule) -> bool:
        return rule.rule_id.startswith(f"{CONVENTION}.")

    def _percent(self, rule: Rule, groups: dict[str, str | None]) -> float | None:
        if rule.percent is not None:
            return rule.percent
        if groups.get("percent") is not None:
            return float(groups["percent"] or 0)
        if groups.get("total") is not None:
            total = float(groups["total"] or 0)
            return 100.0 * float(groups["done"] or 0) / total if total else None
        if groups.get("fill") is not None:
            full = len(groups["fill"] or "")
            width = full + len(groups["space"] or "")
            return 100.0 * full / width if width else None
        if groups.get("clock") is not None and self._total_seconds:
            return 100.0 * _seconds(groups["clock"]) / self._total_seconds
        return None

    def _say(self, percent: float, out: list[Happening]) -> None:
        rounded = round(percent, 1)
        if rounded != self.percent:
            self.percent = rounded
            out.append(Progressed(percent=rounded))


def renderer_of(packs: Iterable[Pack], command: str) -> Pack | None:
    """Return the pack of the renderer a command names, if any."""
    return next((pack for pack in packs if pack.commands and pack.runs(command)), None)


def _seconds(clock: str | None) -> float:
    hours, minutes, seconds = (clock or "0:00:00").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
