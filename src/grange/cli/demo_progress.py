"""The demo's progress: bars on a terminal, a line per change in a pipe."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from grange.cli.formatting import NOTHING, duration, progress
from grange.cli.frame_range import parse_frames
from grange.cli.output import Output, status

_BAR_WIDTH = 32


class Progress:
    """Shows a job as it goes; use it as a context manager."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._live = (
            Live(console=out.console, auto_refresh=False, transient=True)
            if out.console.is_terminal and not out.as_json
            else None
        )
        self._said: dict[str, str] = {}

    def __enter__(self) -> "Progress":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(
        self, job: Mapping[str, Any], workers: list[Mapping[str, Any]], elapsed_ms: int
    ) -> None:
        """Show the state of a job and its workers now."""
        if self._live is not None:
            self._live.update(_picture(job, workers, elapsed_ms), refresh=True)
            return
        for layer in job["layers"]:
            done = progress(layer["counts"])
            line = f"{layer['name']}: {done} tasks, {layer['status'].lower()}"
            self._say(layer["layer_id"], line)
        for error in job.get("errors", []):
            text = error["text"] or error["class"] or "failed"
            self._say(error["action_id"], f"failed, tried again: {text}")

    def _say(self, key: str, line: str) -> None:
        if self._said.get(key) != line:
            self._said[key] = line
            self._out.tell(line)


def _picture(job: Mapping[str, Any], workers: list[Mapping[str, Any]], elapsed_ms: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for layer in job["layers"]:
        counts = layer["counts"]
        total = sum(counts.values()) or 1
        table.add_row(
            Text(layer["name"]),
            ProgressBar(total=total, completed=counts.get("SUCCEEDED", 0), width=_BAR_WIDTH),
            Text(progress(counts)),
            status(layer["status"]),
        )
    table.add_row(
        Text("frames"),
        ProgressBar(
            total=job["frames_total"] or 1,
            completed=job["frames_done"] + _under_way(workers),
            width=_BAR_WIDTH,
        ),
        Text(f"{job['frames_done']}/{job['frames_total']}"),
        Text(duration(elapsed_ms), style="dim"),
    )
    for worker in sorted(workers, key=itemgetter("name")):
        doing = [_doing(thread) for thread in worker["threads"]]
        table.add_row(
            Text(worker["name"], style="dim"),
            Text("  ".join(doing), style="dim"),
            Text(""),
            status(worker["status"]),
        )
    return table


def _under_way(workers: list[Mapping[str, Any]]) -> float:
    """Return how many frames of unfinished chunks are done already."""
    return sum(
        len(parse_frames(thread["frames"]).frames) * float(thread["progress"]) / 100
        for worker in workers
        for thread in worker["threads"]
        if thread["frames"] and thread["progress"]
    )


def _doing(thread: Mapping[str, Any]) -> str:
    """Return what a job thread does: `Render 1-4 75 %`."""
    if not thread["layer_name"]:
        return NOTHING
    percent = "" if thread["progress"] is None else f"{thread['progress']:.0f} %"
    return " ".join(part for part in (thread["layer_name"], thread["frames"], percent) if part)
