"""What failed of a job, task by task: each failure once, how often it came, of how many tries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grange.cli.formatting import plural
from grange.cli.frame_range import range_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failure of one task, however often it came."""

    what: str
    """E.g. `Render, frame 12`."""
    text: str
    times: int
    tries: int | None
    """Of the task, those that did not fail included; None: unknown."""
    given_up: bool
    last_at: int
    workers: tuple[str, ...]
    """Where, the latest first."""

    def line(self, last: str) -> str:
        """Return it in one line; `last`: when it came last, in words."""
        tries = ""
        if self.tries is not None:
            tries = f" in {self.tries} {'try' if self.tries == 1 else 'tries'}"
        given_up = ", given up" if self.given_up else ""
        return (
            f"{self.what}: failed {plural(self.times, 'time')}{tries}{given_up};"
            f" last {last} on {', '.join(self.workers)}"
        )


def failures(
    errors: Sequence[Mapping[str, Any]],
    layers: Sequence[Mapping[str, Any]],
    frames: Mapping[str, Sequence[Any]],
) -> list[Failure]:
    """Return the failures of a job, the latest first.

    Args:
        errors: its failed attempts, the latest first.
        layers: its layers.
        frames: its frames, as columns.
    """
    names = {layer["layer_id"]: str(layer["name"]) for layer in layers}
    of_task: dict[tuple[str, int], list[int]] = defaultdict(list)
    tries: dict[tuple[str, int], int] = {}
    given_up = set()
    columns = ("layer_id", "task_index", "frame", "attempts", "status")
    rows = zip(*(frames[name] for name in columns), strict=True)
    for layer_id, index, frame, attempts, state in rows:
        of_task[layer_id, index].append(frame)
        tries[layer_id, index] = attempts
        if state == "FAILED":
            given_up.add((layer_id, index))
    alike: dict[tuple[Any, str], list[Mapping[str, Any]]] = defaultdict(list)
    for error in errors:
        said = str(error["text"] or error["class"])
        alike[error["task_id"] or (error["layer_id"], error["worker"]), said].append(error)
    found = []
    for (_, text), same in alike.items():
        latest = same[0]
        task = None
        if latest["task_id"] is not None:
            task = (latest["layer_id"], int(latest["task_id"].rsplit("-", 1)[1]))
        words = [names[latest["layer_id"]]] if latest["layer_id"] in names else []
        if task is None:
            words.append("environment")
        elif numbers := sorted(of_task.get(task, ())):
            ending = "" if len(numbers) == 1 else "s"
            words.append(f"frame{ending} {range_of(numbers).text}")
        else:
            words.append(f"task {task[1]}")
        found.append(
            Failure(
                what=", ".join(words),
                text=text,
                times=len(same),
                tries=tries.get(task) if task is not None else None,
                given_up=task in given_up,
                last_at=latest["at"],
                workers=tuple(dict.fromkeys(str(one["worker"]) for one in same)),
            )
        )
    return found
