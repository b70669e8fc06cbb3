"""`grange job why` and `grange job eta`: why a job waits, and when it will be done."""

from collections.abc import Mapping, Sequence
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, duration, moment, plural
from grange.cli.jobs import find_job
from grange.cli.watching import watchable


@click.command("why", epilog="Example: grange job why last --drop group --priority 80")
@click.argument("job", metavar="JOB")
@click.option(
    "--drop",
    metavar="REASON",
    multiple=True,
    help="Say what would be without this reason, e.g. group, class, licence or quota.",
)
@click.option("--priority", type=click.IntRange(0, 100), help="Say what would be with another.")
@click.option("--workers", is_flag=True, help="Say of every worker why it does not take the job.")
@with_farm
@watchable
def why(
    connection: Connection, job: str, drop: Sequence[str], priority: int | None, workers: bool
) -> None:
    """Say why a job waits: the first reason, and what would change it.

    Reasons are looked for in a fixed order: paused, dependency, limit, budget, quota, workers,
    fleet, group, class, hours, excluded, requirement, memory, gpu, renderer, licence, priority.
    The order is that of the scheduler, which is asked: nothing is guessed.
    """
    query = {"drop": ",".join(drop)} if drop else {}
    if priority is not None:
        query["priority"] = str(priority)
    answer = connection.rest("GET", f"/jobs/{find_job(connection, job)}/why", query=query)
    out = connection.out
    if out.as_json:
        out.data(answer)
        return
    word = f"{answer['reason']}: " if answer["reason"] else ""
    out.line(f"{answer['name']} ({answer['job_id']}): {word}{answer['text']}")
    for layer in answer["layers"]:
        _print_layer(connection, layer, workers=workers)


@click.command("eta", epilog="Example: grange job eta last --threads 40")
@click.argument("job", metavar="JOB")
@click.option(
    "--threads",
    type=click.IntRange(1, 100_000),
    help="Reckon with so many job threads; default: those that work on it now.",
)
@with_farm
@watchable
def eta(connection: Connection, job: str, threads: int | None) -> None:
    """Say when a job will be done.

    The interval holds 80 of 100 times, as long as as many threads work on the job as now. It is
    told by the tasks that are done, those that run, and earlier layers of the same name.
    """
    query = {} if threads is None else {"threads": str(threads)}
    answer = connection.rest("GET", f"/jobs/{find_job(connection, job)}/eta", query=query)
    out = connection.out
    if out.as_json:
        out.data(answer)
        return
    now = answer["now"]
    out.line(f"{answer['name']} ({answer['job_id']}): {answer['status'].lower()}")
    if answer["likely_at"] is None:
        out.line(f"No estimate: {answer['text']}.")
        return
    if not answer["layers"]:
        out.line("Nothing is left to do.")
        return
    out.line(
        f"Done {moment(answer['likely_at'])}, in {duration(answer['likely_at'] - now)};"
        f" 80 of 100 times between {duration(answer['earliest_at'] - now)}"
        f" and {duration(answer['latest_at'] - now)} from now."
    )
    out.table(
        ["LAYER", "LEFT", "RUNNING", "TASKS SEEN", "EARLIER"],
        [
            [
                row["name"],
                row["left"],
                row["running"],
                row["tasks_seen"],
                row["earlier_tasks_seen"],
            ]
            for row in answer["layers"]
        ],
        right=frozenset({"LEFT", "RUNNING", "TASKS SEEN", "EARLIER"}),
    )
    out.line(f"Reckoned with {plural(answer['threads'], 'job thread')}.")
    if answer["text"]:
        out.note(f"{answer['text'][:1].upper()}{answer['text'][1:]}.")


def rank_text(layer: Mapping[str, Any]) -> str:
    """Return what comes before a layer, and its way to the front if that is what it waits for."""
    tasks = layer["tasks_before"]
    text = (
        f"{plural(tasks, 'ready task')} of {plural(layer['layers_before'], 'layer')}"
        f" {'comes' if tasks == 1 else 'come'} first."
    )
    wanted = layer["priority_to_be_first"]
    if wanted is None or layer["reason"] not in ("", "priority"):
        return text
    return f"{text} Priority {wanted} would make it the first."


def _print_layer(connection: Connection, layer: dict[str, Any], *, workers: bool) -> None:
    out = connection.out
    out.line()
    waiting = layer["ready"] + layer["pending"] + layer["suspended"]
    word = f"{layer['reason']}: " if layer["reason"] else ""
    out.line(f"{layer['name']}: {plural(waiting, 'task')} waiting. {word}{layer['text']}")
    out.table(
        ["REASON", "WORKERS", "STOPPED", "BECAUSE"],
        [
            [step["reason"], step["reached"], step["stopped"], step["text"] or NOTHING]
            for step in layer["funnel"]
            if step["reached"]
        ],
        right=frozenset({"WORKERS", "STOPPED"}),
    )
    if layer["layers_before"]:
        out.line(rank_text(layer))
    for one in layer["what_if"]:
        then = f"then {one['next_reason']}" if one["next_reason"] else "then it would start"
        out.line(
            f"Without {one['drop']}: {plural(one['workers'], 'worker')} could take it, {then}."
        )
    if workers:
        out.table(
            ["WORKER", "REASON", "BECAUSE"],
            [
                [one["name"] or one["worker_id"], one["reason"] or NOTHING, one["text"] or NOTHING]
                for one in layer["workers"]
            ],
        )
