"""Exchange rates into the wire's dollars."""

from dataclasses import dataclass
from typing import Any

from grange.domain.exchange import WIRE_CURRENCY, ExchangeRate
from grange.domain.farm import Farm
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant
from grange.services.draft import Draft
from grange.services.owner import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class PutExchangeRate:
    """Say what the farm's currency is worth from a date on. Answers {"rate_id"}."""

    farm_id: FarmId
    billionths: int
    """Billionths of a dollar for one unit of the farm's currency."""
    valid_from: Instant | None = None
    """None: from now on."""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the rate; earlier ones stay as they are."""
        farm = draft.get(Farm, self.farm_id)
        if farm.currency == WIRE_CURRENCY:
            message = f"is not needed: the farm's currency is {WIRE_CURRENCY} already"
            raise InvalidRequestError(
                f"An exchange rate {message}.", fields=[FieldProblem("rate", message)]
            )
        rate = ExchangeRate(
            farm_id=self.farm_id,
            rate_id=draft.context.ids.new("exchange"),
            billionths=self.billionths,
            valid_from=draft.now if self.valid_from is None else self.valid_from,
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(rate)
        return {"rate_id": rate.rate_id}
