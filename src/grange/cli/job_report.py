"""`grange job report`: what became of a job, and what its renders said, errors first."""

import re
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, moment, plural
from grange.cli.jobs import find_job
from grange.cli.output import Output, status


@click.command("report", epilog="Example: grange job report last --lines 20")
@click.argument("job", metavar="JOB")
@click.option(
    "--lines",
    type=click.IntRange(0, 5000),
    default=50,
    show_default=True,
    help="How many of the last lines of each attempt's output to print.",
)
@click.option(
    "--outputs",
    type=click.IntRange(0, 200),
    default=20,
    show_default=True,
    help="Of how many attempts to print output, failed ones first.",
)
@with_farm
def report(connection: Connection, job: str, lines: int, outputs: int) -> None:
    """Report what happened to a job: status, progress, rank, events, and each attempt's output.

    Failed attempts come first, and of each attempt first the lines that tell of errors.
    """
    query = {"lines": str(lines), "outputs": str(outputs)}
    answer = connection.rest("GET", f"/jobs/{find_job(connection, job)}/report", query=query)
    out = connection.out
    if out.as_json:
        out.data(answer)
        return
    out.fields(
        {
            "job": answer["job_id"],
            "name": answer["name"],
            "project": answer["project"],
            "user": answer["user"],
            "status": status(answer["status"]),
            "progress": _progress(answer),
            "priority": answer["priority"],
            "rank": _rank(answer["rank"]),
            "waits for": answer["reason"] or NOTHING,
            "created": moment(answer["created_at"]),
            "elapsed": answer["elapsed"] or NOTHING,
            "mean frame": _seconds(answer["mean_frame_seconds"]),
        }
    )
    out.line()
    out.table(
        ["LAYER", "STATUS", "CHUNKS", "PROGRESS", "RANK", "MEAN FRAME"],
        [
            [
                layer["name"],
                status(layer["status"]),
                layer["chunks"],
                _progress(layer),
                _rank(layer["rank"]),
                _seconds(layer["mean_frame_seconds"]),
            ]
            for layer in answer["layers"]
        ],
        right=frozenset({"CHUNKS", "MEAN FRAME"}),
    )
    for attempt in answer["attempts"]:
        _print_attempt(out, attempt)
    out.line()
    out.line("Events")
    now = connection.clock.now()
    out.table(
        ["AT", "WHAT", "OLD", "NEW", "OF", "WORKER", "BY"],
        [
            [
                moment(event["at"], now),
                event["name"],
                event["old"] or "",
                event["new"] or "",
                event["subject_id"],
                event["worker"] or "",
                event["by"],
            ]
            for event in answer["events"]
        ],
    )


def _print_attempt(out: Output, attempt: dict[str, Any]) -> None:
    out.line()
    frames = f" {frames_text(attempt['frames'])}" if attempt["frames"] else ""
    code = "" if attempt["exit_code"] is None else f", exit code {attempt['exit_code']}"
    out.line(
        f"{attempt['layer']} task {attempt['task_index']}{frames}, attempt {attempt['attempt']}"
        f" on {attempt['worker']}: {attempt['status'].lower()}{code}, {attempt['elapsed']},"
        f" {_seconds(attempt['mean_frame_seconds'])} a frame"
    )
    if attempt["error_class"]:
        out.line(f"  error: {attempt['error_class']} ({attempt['error_rule'] or 'no rule'})")
    if attempt["error_text"]:
        out.line(f"  error: {attempt['error_text']}")
    elif attempt["cause"]:
        out.line(f"  cause: {attempt['cause'].replace('_', ' ')}")
    for line in attempt["error_lines"]:
        word = f"[{line['error_class']}] " if line["error_class"] else ""
        out.line(f"  {line['number']:>6} ! {word}{line['text']}")
    shown = attempt["output"]
    if shown:
        left_out = attempt["output_lines"] - len(shown)
        if left_out:
            out.line(f"         … {plural(left_out, 'line')} before (grange job log)")
        for line in shown:
            out.line(f"  {line['number']:>6}   {line['text']}")


def frames_text(text: str) -> str:
    """Return `frame 7` of the chunk 7-7, else `frames 7-9`."""
    one = re.fullmatch(r"(-?\d+)(-\1)?", text)
    return f"frames {text}" if one is None else f"frame {one[1]}"


def _progress(row: dict[str, Any]) -> str:
    """Return queued, rendering and done; errors and halted ones apart, where there are any."""
    text = (
        f"{row['queued_percent']:.1f} % queued, {row['rendering_percent']:.1f} % rendering,"
        f" {row['done_percent']:.1f} % done"
    )
    for word in ("error", "halted"):
        if row[f"{word}_percent"]:
            text += f", {row[f'{word}_percent']:.1f} % {word}"
    return text


def _rank(rank: int | None) -> str:
    return NOTHING if rank is None else str(rank)


def _seconds(seconds: float | None) -> str:
    return NOTHING if seconds is None else f"{seconds:.1f} s"
