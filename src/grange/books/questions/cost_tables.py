"""Cards and prices as tables that questions about cost join."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from grange.books.pricing import CardSpan, Mode, Price, SellSpan, payers_of
from grange.domain.rates import PER_MILLION

CONTEXT = (
    "card_no",
    "sell_no",
    "fleet_id",
    "region",
    "queue_id",
    "project",
    "user_name",
    "app",
)
"""What decides which prices hold."""


def card_table(cards: Iterable[CardSpan]) -> pa.Table:
    """Return when each card of rates held."""
    return table(
        ("card_no", "valid_from", "valid_to"),
        [(card.number, card.start, card.end) for card in cards],
    )


def sell_table(sells: Iterable[SellSpan]) -> pa.Table:
    """Return when each card of prices held, for whom."""
    return table(
        ("sell_no", "project", "client", "valid_from", "valid_to"),
        [
            (sell.number, sell.project, sell.card.sell.client, sell.start, sell.end)
            for sell in sells
            if sell.card.sell is not None
        ],
        texts=("project", "client"),
    )


def markup_table(sells: Iterable[SellSpan]) -> pa.Table:
    """Return what each card of prices adds."""
    return table(
        ("sell_no", "sell_mode", "sell_value"),
        sorted(
            {
                (sell.number, str(Mode.SHARE), PER_MILLION + sell.card.sell.markup_ppm)
                for sell in sells
                if sell.card.sell is not None
            }
        ),
        texts=("sell_mode",),
    )


def payer_table(cards: Iterable[CardSpan]) -> pa.Table:
    """Return who pays for which cause."""
    return table(
        ("card_no", "cause", "payer"),
        sorted(
            {
                (card.number, str(cause), str(payer))
                for card in cards
                for cause, payer in payers_of(card.card).items()
            }
        ),
        texts=("cause", "payer"),
    )


_PRICE_TEXTS = (*CONTEXT[2:], "component", "item", "mode", "payer", "sell_mode")


def price_table(prices: Mapping[tuple[str, ...], Sequence[Price]]) -> pa.Table:
    """Return the prices of each context."""
    return table(
        (*CONTEXT, "component", "item", "mode", "value", "watts_milli", "measured", "payer",
         "sell_mode", "sell_value"),
        [
            (*context, str(one.component), one.item, str(one.mode), one.value, one.watts_milli,
             int(one.measured), one.payer, str(one.sell_mode), one.sell_value)
            for context, listed in prices.items()
            for one in listed
        ],
        texts=_PRICE_TEXTS,
    )  # fmt: skip


def table(
    names: Sequence[str], rows: Sequence[Sequence[Any]], texts: Sequence[str] = ()
) -> pa.Table:
    """Return rows of whole numbers, and of texts where they are named, as a table."""
    return pa.table(
        {
            name: pa.array(
                [row[place] for row in rows], pa.string() if name in texts else pa.int64()
            )
            for place, name in enumerate(names)
        }
    )
