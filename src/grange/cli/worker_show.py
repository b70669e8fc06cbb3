"""`grange worker show` and `grange worker hail`: one worker, and what is the matter with it."""

from collections.abc import Mapping, Sequence
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, moment, plural, size
from grange.cli.watching import watchable
from grange.kernel.errors import NotFoundError

_SKEW_MS = 5_000
"""A worker's clock that is further off is a finding."""


@click.command("show", epilog="Example: grange worker show node07")
@click.argument("worker", metavar="NAME")
@with_farm
@watchable
def show(connection: Connection, worker: str) -> None:
    """Show one worker: what it is, for and at, when it was heard, what is the matter with it."""
    overview = connection.rest("GET", "/overview")
    row = _named(overview["workers"], worker)
    detail = connection.rest("GET", f"/workers/{row['worker_id']}")
    if connection.out.as_json:
        connection.out.data(row | detail)
        return
    out = connection.out
    out.line(f"{row['name']} ({row['worker_id']}): {state_words(row)}")
    out.line(f"Last heard: {moment(row['last_seen_at'], overview['now'])}")
    for said in machine(detail):
        out.line(said)
    used, total = size(row["memory_used_bytes"]), size(row["memory_total_bytes"])
    out.line(f"Memory: {used} of {total}")
    for number, thread in enumerate(row["threads"]):
        words = [thread[name] for name in ("job_name", "layer_name", "frames") if thread[name]]
        out.line(f"Job thread {number}: {' '.join(words) or NOTHING}")
    if row["hail"] is not None:
        for witness in row["hail"]["witnesses"]:
            out.line(f"Hailed by {witness['name']}: {witness['outcome']}")
    for finding in findings(row):
        out.note(finding)


@click.command("hail", epilog="Example: grange worker hail node07")
@click.argument("worker", metavar="NAME")
@with_farm
def hail(connection: Connection, worker: str) -> None:
    """Have two neighbours of a worker ask whether it lives."""
    row = _named(connection.rest("GET", "/overview")["workers"], worker)
    met = connection.rest("POST", f"/workers/{row['worker_id']}/hail", body={})
    if connection.out.as_json:
        connection.out.data(met)
        return
    for witness in met["witnesses"]:
        connection.out.line(f"{witness['name']}: {witness['outcome']}")
    if met["verdict"] != "unreachable":
        connection.out.line(met["text"])


def machine(worker: Mapping[str, Any]) -> list[str]:
    """Return what a worker in full is, is for and may, one line each; what is not known is none."""
    amounts, attributes = worker["amounts"], worker["attributes"]
    cores, threads = amounts.get("grange:amount.worker.cores"), amounts.get("amount.worker.vcpu")
    gpus = amounts.get("amount.worker.gpu")
    processor = [
        *([] if cores is None else [plural(int(cores), "core")]),
        *([] if threads is None else [plural(int(threads), "processor thread")]),
        *attributes.get("attr.worker.cpu.arch", ()),
    ]
    lines = {
        "Takes no work": worker["closed"],
        "Note": worker["note"],
        "Fleet": worker["fleet"],
        "Groups": worker["groups"],
        "Classes": worker["classes"],
        "Processor": ", ".join(processor),
        "GPUs": f"{gpus:g}" if gpus else "",
        "Renderers": ", ".join(attributes.get("grange:attr.renderer", ())),
        "Version": _version(attributes),
    }
    return [f"{name}: {said}" for name, said in lines.items() if said]


def _version(attributes: Mapping[str, Sequence[str]]) -> str:
    """Return the version as people write it; on the wire it has `-` for `.`."""
    told = "".join(attributes.get("grange:attr.worker.version", ()))
    return told.removeprefix("v").replace("-", ".")


def state_words(worker: Mapping[str, Any]) -> str:
    """Return what a worker of a list does, and that it will take no more if that is so."""
    does: str = worker["status"]
    held = (
        "quarantined"
        if worker["quarantine"] is not None
        else "disabled"
        if worker["disabled"]
        else "draining"
        if worker["draining"]
        else ""
    )
    if not held or held == does:
        return does
    return held if does in ("idle", "disabled") else f"{does}, {held}"


def findings(worker: dict[str, Any]) -> list[str]:
    """Return what is the matter with a worker of the overview, one sentence or two each."""
    found = []
    if worker["quarantine"] is not None:
        name = worker["name"]
        found.append(
            f"it is quarantined: {worker['quarantine']}. `grange worker enable {name}` ends that."
        )
    behind = worker["clock_behind_ms"] or 0
    if abs(behind) > _SKEW_MS:
        side = "behind" if behind > 0 else "ahead of"
        found.append(
            f"its clock is {abs(behind) / 1000:.1f} s {side} the server's. Have it set by NTP."
        )
    if worker["hail"] is not None:
        text = worker["hail"]["text"]
        found.append(text[:1].lower() + text[1:])
    if not worker["verified"]:
        found.append("it is said to render since before the server began, and was not heard since.")
    return found


def _named(workers: list[dict[str, Any]], name: str) -> dict[str, Any]:
    found = [one for one in workers if name in (one["worker_id"], one["name"])]
    if not found:
        raise NotFoundError("worker", name)
    if len(found) > 1:
        raise click.UsageError(
            f"Several workers are called {name}: give the id. `grange worker ls` lists them."
        )
    return found[0]
