"""The receipt of a run, as text."""

from collections.abc import Mapping
from typing import Any

from grange.books.allotment import rounded
from grange.cli.formatting import duration, money, plural, seconds
from grange.cli.output import Output

ACCOUNTS = (
    ("rendering_useful_ms", "rendering, useful"),
    ("rendering_wasted_ms", "rendering, wasted"),
    ("overhead_ms", "overhead"),
    ("idle_no_work_ms", "idle, no work"),
    ("idle_blocked_ms", "idle, blocked"),
    ("disabled_ms", "disabled"),
    ("off_ms", "off"),
    ("unknown_ms", "unknown"),
)
"""Accounts in the order they are printed; each second of each machine is in exactly one."""

_BAR = 30


def balance_line(receipt: Mapping[str, Any]) -> str:
    """Return the line the receipt stands on: machines × time, and what is left over."""
    machines, each, total = _balance(receipt)
    places = _places(receipt)
    noun = "machine" if machines == 1 else "machines"
    return (
        f"{machines} {noun} × {each:,.{places}f} s = {total:,.{places}f} s."
        f" Unaccounted: {seconds(receipt['unaccounted_ms'])}"
    )


def _balance(receipt: Mapping[str, Any]) -> tuple[int, float, float]:
    return receipt["machines"], receipt["seconds_each"], receipt["machine_seconds"]


def _places(receipt: Mapping[str, Any]) -> int:
    """Return how many decimals of a second are printed, so that the balance multiplies out."""
    machines, each, total = _balance(receipt)
    return next((n for n in (1, 2) if round(round(each, n) * machines - total, n) == 0), 3)


def print_receipt(out: Output, receipt: Mapping[str, Any]) -> None:
    """Print frames, time by account, cost, the slowest frame and the files."""
    frames = receipt["frames"]
    out.line(
        f"{plural(frames['rendered'], 'frame')} rendered, {duration(receipt['wall_ms'])} wall time"
        + (
            f", {plural(frames['failed_attempts'], 'failed attempt')}"
            if frames["failed_attempts"]
            else ""
        )
    )
    out.line()
    out.line("Machine time")
    accounts = receipt["accounts"]
    total, places = sum(accounts.values()), _places(receipt)
    # Rounded together: what is printed adds up to the printed balance.
    units = rounded([accounts.get(key, 0) for key, _ in ACCOUNTS], 10 ** (3 - places))
    for (key, name), printed in zip(ACCOUNTS, units, strict=True):
        millis = accounts.get(key, 0)
        if millis:
            share = millis / total
            bar = "█" * round(_BAR * share) or "▏"
            text = f"{printed / 10**places:,.{places}f} s"
            out.line(f"  {name:<18} {text:>10}  {share:>6.1%}  {bar}")
    out.line(f"  {balance_line(receipt)}")
    _print_cost(out, receipt["cost"])
    slowest = receipt["slowest"]
    if slowest:
        out.line()
        out.line(
            f"Slowest frame: {slowest['frame']} of {slowest['layer']},"
            f" {duration(slowest['render_ms'])} on {slowest['worker']} ({slowest['why']})"
        )


def _print_cost(out: Output, cost: Mapping[str, Any] | None) -> None:
    out.line()
    if cost is None:
        out.line("Cost: no rate card, so hours only.")
        return
    mark = " (EXAMPLE rates: nobody pays them)" if cost["example"] else ""
    currency = cost["currency"]
    out.line(f"Cost {money(cost['total'], currency)}{mark}")
    for title, rows in (("layer", cost["by_layer"]), ("worker", cost["by_worker"])):
        for row in rows:
            hours = duration(row["machine_ms"])
            out.line(
                f"  {title:<7} {row['name']:<20} {money(row['cost'], currency):>14}  {hours:>12}"
            )
