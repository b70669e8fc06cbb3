"""`grange books months|freeze|statement|move|credit`: months that are closed and stay closed."""

import sys
from pathlib import Path
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, moment
from grange.cli.output import Cell
from grange.kernel.errors import InvalidRequestError

_FORMATS = ("csv", "xlsx", "html", "pdf")
_TEXTS = ("csv", "html")
"""What goes to standard output where no file is named."""
_SLOW_SECONDS = 600.0


@click.command("months", epilog="Example: grange books months")
@with_farm
def list_months(connection: Connection) -> None:
    """List the months of the books: frozen or open, and what was posted in each."""
    reply = connection.rest("GET", "/months")
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["MONTH", "STATUS", "COST", "LINES", "FROZEN", "BY", "MOVES AND CREDITS"],
        [
            [
                row["month"],
                row["status"],
                NOTHING if row["cost"] is None else f"{row['cost']} {reply['currency']}",
                row["lines"],
                moment(row["frozen_at"]),
                row["frozen_by"],
                ", ".join(
                    f"{each['kind']} of {each['corrects']}: {each['reason']}"
                    for each in row["postings"]
                    if each["kind"] != "freeze"
                ),
            ]
            for row in reply["months"]
        ],
        right=frozenset({"COST", "LINES"}),
    )
    connection.out.line(f"The first open month is {reply['open_month']}.")


@click.command("freeze", epilog="Example: grange books freeze 2026-01")
@click.argument("month", metavar="MONTH")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_farm
def freeze_month(connection: Connection, month: str, *, yes: bool) -> None:
    """Post a month's lines for good. What is found later is posted in the first open month."""
    if not yes:
        _confirm_freeze(connection, month)
    reply = connection.rest(
        "POST", f"/months/{month}/freeze", body={}, timeout_seconds=_SLOW_SECONDS
    )
    _tell(connection, reply, f"Froze {month}: {reply['lines']:,} lines.")


@click.command(
    "statement",
    epilog="Examples: grange books statement 2026-01; grange books statement 2026-01 --client acme "
    "--pdf -o acme.pdf; grange books statement 2026-01 --lines --csv",
)
@click.argument("month", metavar="MONTH")
@click.option("--by", metavar="NAME[,NAME…]", default="client,project,component", show_default=True)
@click.option("--client", metavar="NAME", help="What this client pays; default: what it cost.")
@click.option("--lines", is_flag=True, help="Every line, down to its attempt (CSV, XLSX).")
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV.")
@click.option(
    "--xlsx", "as_xlsx", is_flag=True, help="Write XLSX; with --lines, a second sheet of them."
)
@click.option("--html", "as_html", is_flag=True, help="Write HTML.")
@click.option("--pdf", "as_pdf", is_flag=True, help="Write PDF (the server needs grange[pdf]).")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False))
@with_farm
def month_statement(
    connection: Connection,
    /,
    *,
    month: str,
    by: str,
    client: str | None,
    lines: bool,
    output: Path | None,
    **formats: bool,
) -> None:
    """Print the statement of a month; its printed column adds up."""
    kinds = [kind for kind in _FORMATS if formats[f"as_{kind}"]]
    query = {"by": by, **({"client": client} if client else {})}
    if lines:
        query["lines"] = "true"
    if len(kinds) > 1 or (kinds and connection.out.as_json):
        raise InvalidRequestError("Name one of --csv, --xlsx, --html, --pdf and --json.")
    if kinds:
        content = connection.rest_bytes(f"/months/{month}/statement/{kinds[0]}", query=query)
        if kinds[0] in _TEXTS and output is None:
            sys.stdout.write(content.decode())
            return
        path = output or Path(f"statement-{month}.{kinds[0]}")
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(content)
        partial.replace(path)
        connection.out.note(f"Wrote {path}.")
        return
    reply = connection.rest(
        "GET", f"/months/{month}/statement", query=query, timeout_seconds=_SLOW_SECONDS
    )
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        _print(connection, reply)


def _print(connection: Connection, reply: dict[str, Any]) -> None:
    currency = reply["currency"]
    state = "open: figures may still change"
    if reply["frozen_at"] is not None:
        state = f"frozen {moment(reply['frozen_at'])} by {reply['frozen_by']}"
    client = f" for {reply['client']}" if reply["client"] else ""
    connection.out.line(f"Statement {reply['month']}{client}, {state}.")
    if reply["example"]:
        connection.out.line("Made with EXAMPLE rates: nobody pays them.")
    part = reply["rows"]
    names = part["columns"]
    shown = [n for n, name in enumerate(names) if name not in ("amount", "lines", "posting")]
    titles = {"machine_ms": "MACHINE HOURS", "printed": currency}
    table: list[list[Cell]] = [[_cell(names[n], row[n]) for n in shown] for row in part["rows"]]
    total: list[Cell] = [""] * len(shown)
    total[0] = "total"
    total[-2:] = [_cell("machine_ms", part["machine_ms"]), part["printed"]]
    headings = [titles.get(names[n], names[n].replace("_", " ").upper()) for n in shown]
    connection.out.table(headings, [*table, total], right=frozenset(headings[-2:]))
    for row in reply["waste"]["rows"]:
        connection.out.line(
            f"Waste, {row[0]}: {_cell('machine_ms', row[1])} h, {row[4]} {currency}"
        )
    for row in reply["payers"]["rows"]:
        connection.out.line(f"Paid by {row[0]} (cause: {row[1]}): {row[-1]} {currency}")
    connection.out.line(
        f"{reply['lines']:,} lines of {reply['sessions']:,} sessions and {reply['attempts']:,} "
        "actions."
    )


def _cell(name: str, value: Any) -> Cell:
    if value is None:
        return NOTHING
    return f"{value / 3_600_000:,.3f}" if name == "machine_ms" else str(value)


@click.command(
    "move",
    epilog="Example: grange books move 2026-01 --where 'project=unassigned user=ann' "
    "--to project=film --reason 'forgot the tag'",
)
@click.argument("month", metavar="MONTH")
@click.option("--where", metavar="CONDITION", required=True, help="Which posted lines.")
@click.option(
    "--to", "targets", metavar="NAME=VALUE", multiple=True, required=True,
    help="Where to: project, client, user, sequence, shot or version.",
)  # fmt: skip
@click.option("--amount", metavar="AMOUNT", help="How much of their cost; default: all.")
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is on the statement.")
@with_farm
def move_cost(
    connection: Connection,
    /,
    *,
    month: str,
    where: str,
    targets: tuple[str, ...],
    amount: str | None,
    reason: str,
) -> None:
    """Move posted cost somewhere else: signed rows in the first open month that sum to zero."""
    to: dict[str, str] = {}
    for target in targets:
        name, equals, value = target.partition("=")
        if not equals or not value:
            raise InvalidRequestError(f"--to is NAME=VALUE, e.g. project=film; not {target!r}.")
        to[name.strip()] = value.strip()
    body = {"where": where, "to": to, "reason": reason, "amount": amount}
    reply = connection.rest(
        "POST", f"/months/{month}/moves", body=body, timeout_seconds=_SLOW_SECONDS
    )
    _tell(connection, reply, f"Posted {reply['lines']:,} lines in {reply['month']}.")


@click.command(
    "credit",
    epilog="Example: grange books credit 2026-01 --where project=film --amount 100 "
    "--reason 'late delivery'",
)
@click.argument("month", metavar="MONTH")
@click.option("--where", metavar="CONDITION", required=True, help="Which posted lines.")
@click.option("--amount", metavar="AMOUNT", help="How much of them; default: all.")
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is on the statement.")
@with_farm
def credit_cost(
    connection: Connection, /, *, month: str, where: str, amount: str | None, reason: str
) -> None:
    """Let the house pay what a client would have paid: signed rows that sum to zero."""
    body = {"where": where, "reason": reason, "amount": amount}
    reply = connection.rest(
        "POST", f"/months/{month}/credits", body=body, timeout_seconds=_SLOW_SECONDS
    )
    _tell(connection, reply, f"Posted {reply['lines']:,} lines in {reply['month']}.")


def _confirm_freeze(connection: Connection, month: str) -> None:
    """Say what is posted for good, and ask; what cannot be frozen is left to the server to say."""
    if not sys.stdin.isatty():
        raise InvalidRequestError(
            f"A frozen month never changes. Nobody is there to ask: look at"
            f" grange books statement {month}, then add --yes."
        )
    found = connection.rest(
        "GET",
        f"/months/{month}/statement",
        query={"by": "component"},
        timeout_seconds=_SLOW_SECONDS,
    )
    if found["frozen_at"] is None:
        example = " at EXAMPLE rates, which nobody pays" if found["example"] else ""
        click.confirm(
            f"{month}: {found['lines']:,} lines, {found['rows']['printed']} {found['currency']}"
            f"{example}. Once frozen, it never changes. Freeze it?",
            abort=True,
        )


def _tell(connection: Connection, reply: dict[str, Any], text: str) -> None:
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(text)


COMMANDS = (list_months, freeze_month, month_statement, move_cost, credit_cost)
