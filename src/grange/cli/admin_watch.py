"""`grange admin watch`: look after streams and this machine, and tell people what is wrong."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.exits import FAILED, OK
from grange.cli.formatting import moment
from grange.cli.output import Output
from grange.config.streams import load_streams, streams_file
from grange.kernel.errors import InvalidRequestError

if TYPE_CHECKING:
    from grange.watch.run import Look, Watch

_EXAMPLES = """\b
Examples:
  grange admin watch --once
  grange admin watch --once --dry-run
  grange admin watch --list
"""


@click.command("watch", epilog=_EXAMPLES)
@click.option("--once", is_flag=True, help="Look once and leave: for cron.")
@click.option("--list", "only_list", is_flag=True, help="List what is open, without looking.")
@click.option("--dry-run", is_flag=True, help="Look once; remember nothing and tell nobody.")
@click.option("--test", is_flag=True, help="Send a message to everybody who would be told.")
@click.option(
    "--forget", metavar="PROGRAM@MACHINE",
    help="Forget a collector or data logger that was taken out of service, e.g. collect@px1.",
)  # fmt: skip
@click.option("--no-server", is_flag=True, help="Watch this machine only.")
@click.option("--strict", is_flag=True, help="Exit code 1 if a warning or worse is open.")
@click.option(
    "--metrics", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the findings for a Prometheus exporter of text files.",
)  # fmt: skip
@click.option(
    "--config", "file", metavar="FILE", type=click.Path(path_type=Path),
    help="The settings of streams; default: streams.toml in the platform's folder.",
)  # fmt: skip
@with_farm
def watch(
    connection: Connection,
    *,
    once: bool,
    only_list: bool,
    dry_run: bool,
    test: bool,
    forget: str | None,
    no_server: bool,
    strict: bool,
    metrics: Path | None,
    file: Path | None,
) -> int:
    """Look after streams and this machine; tell people once what is wrong and when it is over.

    Looked at are disks, hours that were not collected or are empty, gaps, changed settings and
    schedules, stale pages, stopped collectors and loggers, silent streams, and values out of the
    range they have been in. `[watch]` of streams.toml says who is told, and when.
    """
    if forget is not None:
        return _forgotten(connection, forget)
    from grange.wiring.watch import watch_of  # noqa: PLC0415 - loads adapters

    found = watch_of(
        lambda: load_streams(file).watch,
        file or streams_file(),
        api=None if no_server or only_list or test else connection.api,
        farm_id=lambda: connection.farm_id,
    )
    out = connection.out
    if only_list:
        return _told(out, found.recall().open, strict=strict)
    if test:
        return _tested(out, found, load_streams(file).watch.notify)
    if not once and not dry_run:
        _keep_looking(found, load_streams(file).watch.every_minutes, metrics)
        return OK
    look = found.step(tell=not dry_run)
    if metrics is not None:
        _publish(look, found, metrics)
    if not out.as_json:
        if dry_run:
            for letter in look.letters:
                out.line(f"Subject: {letter.subject}\n\n{letter.body}")
        for waiting in look.undelivered:
            out.note(f"Not delivered: {waiting.problem}")
    return _told(out, look.open, strict=strict, look=look)


def _told(out: Output, found: Any, *, strict: bool, look: "Look | None" = None) -> int:
    if out.as_json:
        out.data(
            {
                "open": [_row(one) for one in found],
                "looked_at": None if look is None else look.at,
                "unknown": []
                if look is None
                else [one.check for one in look.judgements if not one.known],
            }
        )
    elif found:
        out.table(
            ["SEVERITY", "CHECK", "SINCE", "FINDING"],
            [[one.severity.value, one.check, moment(one.opened_at), one.text] for one in found],
        )
    else:
        out.line("All is well.")
    bad = any(one.severity.rank > 0 for one in found)
    return FAILED if strict and bad else OK


def _row(one: Any) -> dict[str, Any]:
    return {
        "check": one.check,
        "subject": one.subject,
        "severity": one.severity.value,
        "text": one.text,
        "machine": one.machine,
        "opened_at": one.opened_at,
        "since_at": one.since_at,
    }


def _forgotten(connection: Connection, name: str) -> int:
    program, at, machine = name.partition("@")
    if not at:
        raise InvalidRequestError(f"{name!r} must be PROGRAM@MACHINE, e.g. collect@px1.")
    query = {"program": program, "machine": machine}
    reply = connection.rest("DELETE", "/streams/contacts", query=query)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"{name} is forgotten. If it hands something in, it is known again.")
    return OK


def _tested(out: Output, found: "Watch", targets: tuple[str, ...]) -> int:
    problems = found.try_out(targets)
    for target, problem in problems:
        out.note(f"{target}: {problem}")
    out.tell(f"{len(targets) - len(problems)} of {len(targets)} took the message.")
    return FAILED if problems else OK


def _keep_looking(found: "Watch", every_minutes: float, metrics: Path | None) -> None:
    def after(look: "Look") -> None:
        if metrics is not None:
            _publish(look, found, metrics)

    asyncio.run(found.run(every_minutes * 60, after=after))


def _publish(look: "Look", found: "Watch", path: Path) -> None:
    from grange.watch.metrics import exposition  # noqa: PLC0415 - rarely wanted

    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(exposition(look, found.machine), encoding="utf-8")
    partial.replace(path)
