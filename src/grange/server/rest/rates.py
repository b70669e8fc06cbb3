"""Rate cards: machines, licences, energy, overheads, discounts, payers; what clients pay."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from grange.books.payers import PAYERS
from grange.domain.rates import (
    CardTerms,
    Discount,
    EnergyLine,
    EnergySource,
    Idle,
    LicenceLine,
    LicenceUnit,
    OverheadLine,
    RateCard,
    RateLine,
    RateUnit,
    SellTerms,
)
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId, FleetId
from grange.kernel.units import Instant, amount_text, billionths_of
from grange.ports.state import Order
from grange.server.context import Context
from grange.server.rest.given import Caller, Once, Services, once_token
from grange.services.commands.farm_objects import PutRateCard
from grange.services.reads.rows import equals

PAYER = Literal["client", "house"]
_PERCENT = Decimal(10_000)
"""Millionths in a percent."""


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Members are as they are written; others are refused."""


class RateLineBody(_Body, frozen=True, kw_only=True):
    """One price of machines; `per_hour` is a decimal amount of the farm's currency."""

    unit: Literal["worker_hour", "thread_hour", "ps_hour"]
    per_hour: str
    fleet_id: str | None = None
    region: str | None = None
    app: str | None = None
    line_id: str | None = None


class LicenceLineBody(_Body, frozen=True, kw_only=True):
    """The price of a licence while work of its applications runs."""

    product: str
    per_hour: str
    apps: list[str]
    unit: Literal["thread_hour", "worker_hour"] = "thread_hour"
    region: str | None = None
    limit: int | None = None


class EnergyLineBody(_Body, frozen=True, kw_only=True):
    """The price of energy; `watts` counts for machines that do not say theirs."""

    per_kwh: str
    source: Literal["rated", "measured"] = "rated"
    watts: str | None = None
    fleet_id: str | None = None
    region: str | None = None


class OverheadLineBody(_Body, frozen=True, kw_only=True):
    """A cost beside machines: an amount a month, or a percentage of the machine's price."""

    name: str
    per_month: str | None = None
    percent: str | None = None
    payer: PAYER = "house"


class DiscountBody(_Body, frozen=True, kw_only=True):
    """A percentage off the price of machines, for the work it names."""

    name: str
    percent: str
    fleet_id: str | None = None
    queue_id: str | None = None
    project: str | None = None
    user: str | None = None
    app: str | None = None


class SellBody(_Body, frozen=True, kw_only=True):
    """Makes a card a sell card: what a client pays for its projects."""

    client: str
    projects: list[str]
    markup_percent: str = "0"


class RateCardBody(_Body, frozen=True, kw_only=True):
    """A rate card to put; in force from `valid_from`, default now."""

    name: str
    lines: Annotated[list[RateLineBody], msgspec.Meta(max_length=1000)] = []
    valid_from: int | None = None
    example: bool = False
    licences: list[LicenceLineBody] = []
    energy: list[EnergyLineBody] = []
    overheads: list[OverheadLineBody] = []
    discounts: list[DiscountBody] = []
    idle: Literal["apart", "allocated"] = "apart"
    payers: dict[str, PAYER] = {}
    sell: SellBody | None = None


class RateCardRow(msgspec.Struct, frozen=True, kw_only=True):
    """A rate card."""

    card_id: str
    name: str
    valid_from: int
    example: bool
    lines: list[RateLineBody]
    licences: list[LicenceLineBody]
    energy: list[EnergyLineBody]
    overheads: list[OverheadLineBody]
    discounts: list[DiscountBody]
    idle: str
    payers: dict[str, str]
    sell: SellBody | None
    created_at: int
    created_by: str


class RateCards(msgspec.Struct, frozen=True, kw_only=True):
    """All rate cards of a farm, newest first."""

    rate_cards: list[RateCardRow]


class CardId(msgspec.Struct, frozen=True, kw_only=True):
    """The id of a rate card."""

    card_id: str


@post("/farms/{farm_id:str}/rate-cards", operation="PutRateCard", status_code=201)
async def put_rate_card(
    farm_id: FromPath[str],
    data: JSONBody[RateCardBody],
    context: Services,
    caller: Caller,
    once: Once = None,
) -> CardId:
    """Put a rate card; earlier ones stay for what began before it."""
    if not data.lines and data.sell is None:
        raise _refused("lines", "must have at least one price of machines")
    strange = set(data.payers) - set(PAYERS)
    if strange:
        raise _refused("payers", f"names causes out of {', '.join(sorted(PAYERS))}")
    found = await context.owner.ask(
        PutRateCard(
            farm_id=FarmId(farm_id),
            name=data.name,
            valid_from=None if data.valid_from is None else Instant(data.valid_from),
            example=data.example,
            lines=tuple(_line(item, f"lines[{n}]", context) for n, item in enumerate(data.lines)),
            terms=_terms(data),
            by=caller.name,
        ),
        token=once_token(caller, "PutRateCard", once, farm_id, data),
    )
    return CardId(card_id=found["card_id"])


@get("/farms/{farm_id:str}/rate-cards", operation="ListRateCards")
async def list_rate_cards(farm_id: FromPath[str], context: Services) -> RateCards:
    """List a farm's rate cards."""
    cards = await context.store.find(
        RateCard, equals(farm_id=farm_id), order=(Order("valid_from", descending=True),)
    )
    return RateCards(rate_cards=[_card_row(card) for card in cards])


def _line(item: RateLineBody, where: str, context: Context) -> RateLine:
    return RateLine(
        line_id=item.line_id or context.ids.new("line"),
        unit=RateUnit(item.unit),
        billionths_per_hour=_amount(item.per_hour, f"{where}.per_hour"),
        fleet_id=_fleet(item.fleet_id),
        region=item.region,
        app=item.app,
    )


def _terms(data: RateCardBody) -> CardTerms:
    return CardTerms(
        licences=tuple(
            LicenceLine(
                product=item.product,
                unit=LicenceUnit(item.unit),
                billionths_per_hour=_amount(item.per_hour, f"licences[{n}].per_hour"),
                apps=tuple(item.apps),
                region=item.region,
                limit=item.limit,
            )
            for n, item in enumerate(data.licences)
        ),
        energy=tuple(
            EnergyLine(
                billionths_per_kwh=_amount(item.per_kwh, f"energy[{n}].per_kwh"),
                source=EnergySource(item.source),
                watts_milli=None
                if item.watts is None
                else _scaled(item.watts, Decimal(1000), f"energy[{n}].watts"),
                fleet_id=_fleet(item.fleet_id),
                region=item.region,
            )
            for n, item in enumerate(data.energy)
        ),
        overheads=tuple(_overhead(item, n) for n, item in enumerate(data.overheads)),
        discounts=tuple(
            Discount(
                name=item.name,
                ppm=_share(item.percent, f"discounts[{n}].percent"),
                fleet_id=_fleet(item.fleet_id),
                queue_id=item.queue_id,
                project=item.project,
                user_name=item.user,
                app=item.app,
            )
            for n, item in enumerate(data.discounts)
        ),
        idle=Idle(data.idle),
        payers=data.payers,
        sell=None
        if data.sell is None
        else SellTerms(
            client=data.sell.client,
            projects=tuple(data.sell.projects),
            markup_ppm=_scaled(data.sell.markup_percent, _PERCENT, "sell.markup_percent"),
        ),
    )


def _overhead(item: OverheadLineBody, number: int) -> OverheadLine:
    where = f"overheads[{number}]"
    if (item.per_month is None) == (item.percent is None):
        raise _refused(where, "has either per_month or percent")
    return OverheadLine(
        name=item.name,
        billionths_per_month=None
        if item.per_month is None
        else _amount(item.per_month, f"{where}.per_month"),
        machine_ppm=None
        if item.percent is None
        else _scaled(item.percent, _PERCENT, f"{where}.percent"),
        payer=item.payer,
    )


def _fleet(fleet_id: str | None) -> FleetId | None:
    return None if fleet_id is None else FleetId(fleet_id)


def _amount(text: str, where: str) -> int:
    return _number(text, where, billionths_of)


def _scaled(text: str, factor: Decimal, where: str) -> int:
    return _number(text, where, lambda value: int((value * factor).to_integral_value()))


def _millionths(value: Decimal) -> int:
    return int((value * _PERCENT).to_integral_value())


def _share(text: str, where: str) -> int:
    """Return a percentage, of at most 100, in millionths; negative is a surcharge."""
    found = _number(text, where, _millionths, least=-(2**31))
    if found > 100 * _PERCENT:
        raise _refused(where, "must be at most 100")
    return found


def _number(text: str, where: str, read: Callable[[Decimal], int], least: int = 0) -> int:
    try:
        value = read(Decimal(text))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise _refused(where, "must be a decimal number") from error
    if not least <= value < 2**62:
        raise _refused(where, "must not be negative")
    return value


def _refused(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field} {message}.", fields=[FieldProblem(field, message)])


def _percent(ppm: int) -> str:
    return format((Decimal(ppm) / _PERCENT).normalize(), "f")


def _money(billionths: int) -> str:
    return amount_text(billionths)


def _card_row(card: RateCard) -> RateCardRow:
    terms = card.terms or CardTerms()
    return RateCardRow(
        card_id=card.card_id,
        name=card.name,
        valid_from=card.valid_from,
        example=card.example,
        lines=[
            RateLineBody(
                unit=line.unit.value,
                per_hour=_money(line.billionths_per_hour),
                fleet_id=line.fleet_id,
                region=line.region,
                app=line.app,
                line_id=line.line_id,
            )
            for line in card.lines
        ],
        licences=[
            LicenceLineBody(
                product=line.product,
                per_hour=_money(line.billionths_per_hour),
                apps=list(line.apps),
                unit=line.unit.value,
                region=line.region,
                limit=line.limit,
            )
            for line in terms.licences
        ],
        energy=[
            EnergyLineBody(
                per_kwh=_money(line.billionths_per_kwh),
                source=line.source.value,
                watts=None
                if line.watts_milli is None
                else format((Decimal(line.watts_milli) / 1000).normalize(), "f"),
                fleet_id=line.fleet_id,
                region=line.region,
            )
            for line in terms.energy
        ],
        overheads=[_overhead_row(line) for line in terms.overheads],
        discounts=[
            DiscountBody(
                name=each.name,
                percent=_percent(each.ppm),
                fleet_id=each.fleet_id,
                queue_id=each.queue_id,
                project=each.project,
                user=each.user_name,
                app=each.app,
            )
            for each in terms.discounts
        ],
        idle=terms.idle.value,
        payers=dict(terms.payers),
        sell=None
        if terms.sell is None
        else SellBody(
            client=terms.sell.client,
            projects=list(terms.sell.projects),
            markup_percent=_percent(terms.sell.markup_ppm),
        ),
        created_at=card.created_at,
        created_by=card.created_by,
    )


def _overhead_row(line: OverheadLine) -> OverheadLineBody:
    payer: Any = line.payer
    return OverheadLineBody(
        name=line.name,
        per_month=None if line.billionths_per_month is None else _money(line.billionths_per_month),
        percent=None if line.machine_ppm is None else _percent(line.machine_ppm),
        payer=payer,
    )


HANDLERS = [put_rate_card, list_rate_cards]
