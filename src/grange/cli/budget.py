"""`grange budget`: amounts that work may cost, and when they will be gone."""

from collections.abc import Mapping
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, moment, money
from grange.cli.watching import listed
from grange.kernel.errors import InvalidRequestError, NotFoundError


@click.group()
def command() -> None:
    """Set budgets; see what of each is spent, and when the rest will be gone."""


@command.command("ls", epilog="Example: grange budget ls")
@with_farm
@listed
def list_budgets(connection: Connection) -> None:
    """List budgets against what was spent, with the date they will be used up."""
    reply = connection.rest("GET", "/budgets", timeout_seconds=300.0)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    currency = reply["currency"]
    connection.out.table(
        [
            "BUDGET",
            "NAME",
            "OF",
            "AMOUNT",
            "SPENT",
            "USED",
            "THEN",
            "A DAY",
            "GONE",
            "BETWEEN",
        ],
        [
            [
                row["budget_id"],
                row["name"],
                " ".join(f"{name}={value}" for name, value in row["scope"].items()) or "all",
                money(row["amount"], currency),
                money(row["spent"], currency),
                NOTHING if row["used"] is None else f"{row['used'] * 100:.1f} %",
                "stops work" if row["stops"] else NOTHING,
                money(row["per_day"]),
                moment(row["exhausted_at"]) if row["exhausted_at"] else row["advice"] or NOTHING,
                between(row),
            ]
            for row in reply["budgets"]
        ],
        right=frozenset({"AMOUNT", "SPENT", "USED", "A DAY"}),
        empty="There is no budget yet. Set one: grange budget set NAME AMOUNT",
    )


@command.command(
    "set",
    epilog="Example: grange budget set 'Film, spring' 20000 --of project=film --until 2026-07-01",
)
@click.argument("name")
@click.argument("amount")
@click.option(
    "--of", "scope", metavar="NAME=VALUE", multiple=True, help="Which work; default: all."
)
@click.option("--sell", is_flag=True, help="Count what the client pays, not what it costs.")
@click.option("--stop", is_flag=True, help="Begin no more work of it once it is spent.")
@click.option("--since", metavar="WHEN", help="From when; default: now.")
@click.option("--until", metavar="WHEN", help="Until when; default: without end.")
@click.option("--change", "budget_id", metavar="BUDGET", help="Change this budget.")
@with_farm
def set_budget(
    connection: Connection,
    /,
    *,
    name: str,
    amount: str,
    scope: tuple[str, ...],
    sell: bool,
    stop: bool,
    since: str | None,
    until: str | None,
    budget_id: str | None,
) -> None:
    """Set a budget of an amount, for all work or some of it."""
    of: dict[str, str] = {}
    for part in scope:
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise InvalidRequestError(f"--of is NAME=VALUE, e.g. project=film; not {part!r}.")
        of[key.strip()] = value.strip()
    reply = connection.rest(
        "POST",
        "/budgets",
        body={
            "name": name,
            "amount": amount,
            "scope": of,
            "of": "sell" if sell else "cost",
            "start_at": None if since is None else connection.when(since),
            "end_at": None if until is None else connection.when(until),
            "stops": stop,
            "budget_id": None if budget_id is None else _named(connection, budget_id),
        },
    )
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"Set budget {reply['budget_id']}.")


@command.command("rm", epilog="Example: grange budget rm budget-0190…")
@click.argument("budget")
@with_farm
def remove_budget(connection: Connection, budget: str) -> None:
    """Remove a budget, named by its id or its name."""
    budget = _named(connection, budget)
    connection.rest("DELETE", f"/budgets/{budget}")
    if not connection.out.as_json:
        connection.out.line(f"Removed {budget}.")


def between(row: Mapping[str, Any]) -> str:
    """Return the span in which a budget is used up; of one that is spent already there is none."""
    if not row["exhausted_at"] or row["earliest_at"] == row["latest_at"]:
        return NOTHING
    return f"{moment(row['earliest_at'])} and {moment(row['latest_at'])}"


def _named(connection: Connection, named: str) -> str:
    """Return the id of a budget that is named by its id or its name.

    Raises:
        NotFoundError: there is none.
        InvalidRequestError: several have the name.
    """
    if named.startswith("budget-"):
        return named
    rows = connection.rest("GET", "/budgets", timeout_seconds=300.0)["budgets"]
    found = [str(row["budget_id"]) for row in rows if row["name"] == named]
    if not found:
        raise NotFoundError("budget", named)
    if len(found) > 1:
        raise InvalidRequestError(
            f"{len(found)} budgets are called {named!r}; give one's id: {', '.join(found)}"
        )
    return found[0]
