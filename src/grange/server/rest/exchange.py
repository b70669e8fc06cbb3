"""Exchange rates: what the farm's money is worth in the dollars of Deadline Cloud's API."""

from decimal import Decimal, InvalidOperation

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from grange.domain.exchange import ExchangeRate
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant, amount_text, billionths_of
from grange.ports.state import Order
from grange.server.rest.given import Caller, Once, Services, once_token
from grange.services.commands.exchange import PutExchangeRate
from grange.services.reads.rows import equals


class ExchangeRateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rate to put: dollars for one unit of the farm's currency, in force from `valid_from`."""

    rate: str
    valid_from: int | None = None


class ExchangeRateRow(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange rate."""

    rate_id: str
    currency: str
    rate: str
    valid_from: int
    created_at: int
    created_by: str


class ExchangeRates(msgspec.Struct, frozen=True, kw_only=True):
    """All exchange rates of a farm, newest first."""

    exchange_rates: list[ExchangeRateRow]


class ExchangeRateId(msgspec.Struct, frozen=True, kw_only=True):
    """The id of an exchange rate."""

    rate_id: str


@post("/farms/{farm_id:str}/exchange-rates", operation="PutExchangeRate", status_code=201)
async def put_exchange_rate(
    farm_id: FromPath[str],
    data: JSONBody[ExchangeRateBody],
    context: Services,
    caller: Caller,
    once: Once = None,
) -> ExchangeRateId:
    """Say what the farm's currency is worth in dollars from a date on."""
    found = await context.owner.ask(
        PutExchangeRate(
            farm_id=FarmId(farm_id),
            billionths=_billionths(data.rate),
            valid_from=None if data.valid_from is None else Instant(data.valid_from),
            by=caller.name,
        ),
        token=once_token(caller, "PutExchangeRate", once, farm_id, data),
    )
    return ExchangeRateId(rate_id=found["rate_id"])


@get("/farms/{farm_id:str}/exchange-rates", operation="ListExchangeRates")
async def list_exchange_rates(farm_id: FromPath[str], context: Services) -> ExchangeRates:
    """List what the farm's currency was worth in dollars, and from when on."""
    await context.rows.farm({"farmId": farm_id})
    rates = await context.store.find(
        ExchangeRate, equals(farm_id=farm_id), order=(Order("valid_from", descending=True),)
    )
    return ExchangeRates(
        exchange_rates=[
            ExchangeRateRow(
                rate_id=rate.rate_id,
                currency=rate.currency,
                rate=amount_text(rate.billionths),
                valid_from=rate.valid_from,
                created_at=rate.created_at,
                created_by=rate.created_by,
            )
            for rate in rates
        ]
    )


def _billionths(text: str) -> int:
    try:
        amount = billionths_of(Decimal(text))
    except (InvalidOperation, ValueError, OverflowError):
        amount = 0
    if not 0 < amount < 10**15:
        message = "must be a decimal number larger than 0"
        raise InvalidRequestError(f"rate {message}.", fields=[FieldProblem("rate", message)])
    return amount


HANDLERS = [put_exchange_rate, list_exchange_rates]
