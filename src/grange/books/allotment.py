"""Dividing whole amounts without rest, by largest remainder.

What is divided sums to what was given, to the last unit, whatever the shares are.
"""

from collections.abc import Sequence
from decimal import Decimal

from grange.kernel.units import half_even_divide

_ONE = 10**9
"""One of a currency, in billionths."""
_SMALL_DIGITS = 4


def allotted(total: int, weights: Sequence[int]) -> list[int]:
    """Divide a whole amount in proportion to weights; the parts sum to it.

    Args:
        total: what is divided; negative amounts are divided alike.
        weights: not negative; if all are 0, all count the same.

    Raises:
        ValueError: there is something to divide, but nothing to divide it among.
    """
    if not weights:
        if total:
            raise ValueError("An amount cannot be divided among nothing.")
        return []
    if total < 0:
        return [-part for part in allotted(-total, weights)]
    shares = list(weights) if any(weights) else [1] * len(weights)
    whole = sum(shares)
    parts = [total * share // whole for share in shares]
    rests = [total * share % whole for share in shares]
    for place in _first(rests, total - sum(parts)):
        parts[place] += 1
    return parts


def rounded(amounts: Sequence[int], unit: int) -> list[int]:
    """Return amounts in whole units that sum to their rounded sum.

    Args:
        amounts: of either sign.
        unit: how much a printed unit is, e.g. 10,000,000 billionths for a cent.
    """
    parts = [amount // unit for amount in amounts]
    rests = [amount % unit for amount in amounts]
    missing = half_even_divide(sum(amounts), unit) - sum(parts)
    for place in _first(rests, missing):
        parts[place] += 1
    return parts


def digits_of(whole: int, currency: str) -> int:
    """Return how many decimals amounts of one whole are printed with, for people.

    A whole of less than one keeps the digits that say anything.

    Args:
        whole: in billionths.
        currency: its letters.
    """
    return _SMALL_DIGITS if 0 < abs(whole) < _ONE else decimals(currency)


def printed(amounts: Sequence[int], digits: int) -> list[Decimal]:
    """Return amounts in billionths with so many decimals; they sum to their rounded sum."""
    unit: int = 10 ** (9 - digits)
    return [Decimal(units).scaleb(-digits) for units in rounded(amounts, unit)]


def _first(rests: Sequence[int], count: int) -> list[int]:
    """Return the places of the largest remainders; of equal ones the first."""
    return sorted(range(len(rests)), key=lambda place: (-rests[place], place))[:count]


def minor_unit(currency: str) -> int:
    """Return how many billionths the smallest printed amount of a currency is: a cent, a yen."""
    digits: int = 10 ** (9 - decimals(currency))
    return digits


def decimals(currency: str) -> int:
    """Return how many decimals amounts of a currency are printed with (ISO 4217)."""
    return _DECIMALS.get(currency.upper(), 2)


_DECIMALS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
         "XAF", "XOF", "XPF"),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}  # fmt: skip
