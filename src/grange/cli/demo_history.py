"""`grange demo --history 90d`: the past of a studio, simulated into a data folder."""

import re
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from grange.cli.exits import OK
from grange.cli.formatting import plural
from grange.cli.output import Output
from grange.kernel.clock import Clock
from grange.kernel.errors import ConflictError, InvalidRequestError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant, iso8601
from grange.simulation.doors import Tally
from grange.simulation.plan import StudioPlan
from grange.wiring.simulation import Simulated, simulate

_DAYS = re.compile(r"(\d+(?:\.\d+)?)([hdw])")
_DAYS_OF = {"h": 1 / 24, "d": 1.0, "w": 7.0}


def parse_days(text: str) -> float:
    """Return the days a text means: `36h`, `90d`, `12w`.

    Raises:
        InvalidRequestError: it means none.
    """
    found = _DAYS.fullmatch(text.strip())
    if found is None or float(found[1]) == 0:
        raise InvalidRequestError(f"{text!r} is no span. Write e.g. 36h, 90d or 12w.")
    return float(found[1]) * _DAYS_OF[found[2]]


def run_history(
    folder: Path, *, days: float, workers: int, seed: int, clock: Clock, out: Output
) -> int:
    """Simulate a studio's past that ends with the last full hour; say how to look at it."""
    if folder.exists() and any(folder.iterdir()):
        raise ConflictError(
            f"{folder} is not empty. A past is simulated into a folder of its own: name another "
            "one with --data.",
            reason="RESOURCE_ALREADY_EXISTS",
            resource_type="folder",
            resource_id=str(folder),
        )
    end = Instant(clock.now() - clock.now() % MILLIS_PER_HOUR)
    plan = StudioPlan(
        seed=seed,
        workers=workers,
        start=Instant(end - round(days * MILLIS_PER_DAY)),
        end=end,
        farm="Studio (SIMULATED)",
    )
    out.tell(f"Simulating {days:g} days of {plural(workers, 'worker')} into {folder}")
    with _Shown(plan, out) as shown:
        found = simulate(folder, plan, progress=shown.show)
    _tell(found, folder, out)
    return OK


def _tell(found: Simulated, folder: Path, out: Output) -> None:
    tally = found.tally
    if out.as_json:
        out.data(
            {
                "farm_id": found.farm_id,
                "start_at": found.start,
                "end_at": found.end,
                "seconds": round(found.seconds, 3),
                "jobs": tally.jobs,
                "attempts": tally.attempts,
                "frames": tally.frames,
                "samples": found.samples,
                "commands": tally.commands,
                "simulated": True,
            }
        )
        return
    out.line(
        f"{tally.jobs:,} jobs, {tally.attempts:,} attempts, {tally.frames:,} frames,"
        f" {found.samples:,} samples in {found.seconds:.0f} s"
    )
    out.line("SIMULATED: nothing of this farm ever happened. Its pages and answers say so.")
    out.line()
    out.line("Next:")
    out.line(f"  grange server --data {folder}")
    out.line(f"  . {folder}/client.env")
    out.line(f"  grange usage --start {iso8601(found.start)[:10]} --by project")


class _Shown:
    """How far a past has come: a bar on a terminal, a line for each tenth elsewhere."""

    def __init__(self, plan: StudioPlan, out: Output) -> None:
        self._plan = plan
        self._out = out
        self._tenth = 0
        self._bar: Progress | None = None
        if out.console.is_terminal and not out.as_json:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[said]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=out.console,
                transient=True,
            )
            self._task = self._bar.add_task("past", total=plan.end - plan.start, said="")

    def __enter__(self) -> "_Shown":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, at: Instant, tally: Tally) -> None:
        """Show that everything before an instant is simulated."""
        said = f"{iso8601(at)[:10]}  {tally.attempts:,} attempts"
        if self._bar is not None:
            self._bar.update(self._task, completed=at - self._plan.start, said=said)
            return
        tenth = 10 * (at - self._plan.start) // (self._plan.end - self._plan.start)
        if tenth > self._tenth:
            self._tenth = tenth
            self._out.tell(f"{tenth * 10} %: {said}")
