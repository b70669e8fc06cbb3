"""`grange rates`: rate cards, written in TOML."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm, with_output
from grange.cli.formatting import NOTHING, moment
from grange.cli.output import Output
from grange.cli.spans import Zone, here, parse_when
from grange.cli.watching import listed
from grange.kernel.errors import InvalidRequestError

_LISTS = {
    "machine": "lines",
    "licence": "licences",
    "energy": "energy",
    "overhead": "overheads",
    "discount": "discounts",
}
"""Tables of the file → members of the request."""
_PLAIN = ("name", "example", "idle", "payers", "sell")
EXAMPLE = """\
# A rate card. Put it with: grange rates put rates.toml
name = "2026"
valid_from = 2026-01-01        # without it: from now on

[[machine]]                    # the line that says most counts: fleet, region, app
unit = "worker_hour"           # or thread_hour, ps_hour
per_hour = "0.60"

# [[machine]]
# fleet = "gpu"                # name or id of a fleet of the farm
# unit = "worker_hour"
# per_hour = "2.40"

[[licence]]
product = "nuke"
apps = ["nuke"]
per_hour = "0.50"
limit = 20

[[energy]]
per_kwh = "0.28"
source = "rated"               # or measured
watts = "450"                  # of machines that do not say theirs

[[overhead]]
name = "rent"
per_month = "12000"

[[overhead]]
name = "administration"
percent = "8"
payer = "client"

[[discount]]
name = "night"
percent = "10"
project = "film"

[payers]                       # who pays for which cause; these are the defaults
machine = "house"
licence = "house"

# A sell card says what a client pays, instead of what the farm pays:
# [sell]
# client = "acme"
# projects = ["film"]
# markup_percent = "25"
"""


@click.group()
def command() -> None:
    """Put rate cards; list and show them. Prices hold for work that begins after."""


@command.command("example", epilog="Example: grange rates example > rates.toml")
@with_output
def print_example(out: Output) -> None:
    """Print a rate card to start from."""
    if out.as_json:
        out.data(tomllib.loads(EXAMPLE))
    else:
        click.echo(EXAMPLE, nl=False)


@command.command("put", epilog="Example: grange rates put rates.toml")
@click.argument(
    "file", metavar="FILE.toml", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@with_farm
def put_card(connection: Connection, file: Path) -> None:
    """Put a rate card; earlier ones stay for what began before it."""
    body = read_card(file.read_text(encoding="utf-8"), str(file), lambda: connection.zone)
    _name_fleets(connection, body)
    reply = connection.rest("POST", "/rate-cards", body=body)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"Put rate card {body['name']}: {reply['card_id']}.")


def read_card(text: str, where: str, zone: Zone = here) -> dict[str, Any]:
    """Return a card written in TOML as the REST API takes it; its dates are days of a zone.

    Raises:
        InvalidRequestError: it is no TOML, or has members no card has.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequestError(f"{where} is not TOML: {error}.") from error
    strange = set(data) - {*_LISTS, *_PLAIN, "valid_from"}
    if strange:
        known = ", ".join([*_PLAIN, "valid_from", *(f"[[{name}]]" for name in _LISTS)])
        raise InvalidRequestError(
            f"{where}: {sorted(strange)[0]} is no part of a rate card. There are {known}."
        )
    if "name" not in data:
        raise InvalidRequestError(f"{where}: give the card a name.")
    body: dict[str, Any] = {name: data[name] for name in _PLAIN if name in data}
    for name, member in _LISTS.items():
        if name in data:
            body[member] = [_texts(line) for line in data[name]]
    if "sell" in body:
        body["sell"] = _texts(body["sell"])
    if "valid_from" in data:
        body["valid_from"] = _instant(data["valid_from"], where, zone)
    return body


def _texts(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table whose prices are text, however they were written; a limit stays a number."""
    return {
        name: repr(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and name != "limit"
        else value
        for name, value in line.items()
    }


def _instant(value: Any, where: str, zone: Zone) -> int:
    if isinstance(value, date):  # a datetime is one, too
        return parse_when(value.isoformat(), 0, zone)
    raise InvalidRequestError(f"{where}: valid_from is a date, e.g. 2026-01-01.")


def _name_fleets(connection: Connection, body: dict[str, Any]) -> None:
    """Put ids where a line names its fleet or queue."""
    for kind in ("fleet", "queue"):
        named = [
            line for member in _LISTS.values() for line in body.get(member, []) if kind in line
        ]
        if not named:
            continue
        known = {
            name: each[f"{kind}Id"]
            for each in connection.pages(f"/farms/{connection.farm_id}/{kind}s", f"{kind}s")
            for name in (each["displayName"], each[f"{kind}Id"])
        }
        for line in named:
            wanted = line.pop(kind)
            if wanted not in known:
                raise InvalidRequestError(f"The farm has no {kind} called {wanted!r}.")
            line[f"{kind}_id"] = known[wanted]


@command.command("ls", epilog="Example: grange rates ls")
@with_farm
@listed
def list_cards(connection: Connection) -> None:
    """List rate cards, the newest first."""
    reply = connection.rest("GET", "/rate-cards")
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["CARD", "NAME", "FROM", "MACHINES", "SELLS TO", "NOTE"],
        [
            [
                card["card_id"],
                card["name"],
                moment(card["valid_from"]),
                ", ".join(f"{line['per_hour']}/{line['unit']}" for line in card["lines"]),
                card["sell"]["client"] if card["sell"] else NOTHING,
                "EXAMPLE: nobody pays it" if card["example"] else "",
            ]
            for card in reply["rate_cards"]
        ],
    )


@command.command("show", epilog="Example: grange rates show")
@click.argument("card", metavar="[CARD]", required=False)
@with_farm
def show_card(connection: Connection, card: str | None) -> None:
    """Show a rate card with all its lines; default: the newest."""
    cards = connection.rest("GET", "/rate-cards")["rate_cards"]
    found = [each for each in cards if card in (None, each["card_id"], each["name"])]
    if not found:
        raise InvalidRequestError(f"There is no rate card {card or ''}.".replace(" .", "."))
    if connection.out.as_json:
        connection.out.data(found[0])
        return
    one = found[0]
    connection.out.fields(
        {
            "card": one["card_id"],
            "name": one["name"],
            "from": moment(one["valid_from"]),
            "idle": one["idle"],
            "note": "EXAMPLE: nobody pays it" if one["example"] else "",
        }
    )
    for title, member in (
        ("machines", "lines"),
        ("licences", "licences"),
        ("energy", "energy"),
        ("overheads", "overheads"),
        ("discounts", "discounts"),
    ):
        for line in one[member]:
            said = ", ".join(
                f"{name} {value}"
                for name, value in line.items()
                if value is not None and name != "line_id"
            )
            connection.out.line(f"{title}: {said}")
    for cause, payer in sorted(one["payers"].items()):
        connection.out.line(f"payer of {cause}: {payer}")
    if one["sell"]:
        connection.out.line(
            f"sells to {one['sell']['client']} ({', '.join(one['sell']['projects'])}), "
            f"markup {one['sell']['markup_percent']} %"
        )
