/** Amounts of money of one table: written alike, and rounded so that they add up as printed. */

import { UNKNOWN } from './number';

const PLACES = 9;
const SMALL_DIGITS = 4;

/** Decimal text as whole billionths. */
function billionths(amount: string): bigint {
  const negative = amount.startsWith('-');
  const [whole = '0', part = ''] = amount.replace(/^[-+]/, '').split('.');
  const value =
    BigInt(whole || '0') * 10n ** 9n + BigInt(part.padEnd(PLACES, '0').slice(0, PLACES));
  return negative ? -value : value;
}

/** How many decimals a currency is written with: a cent, a yen. */
function decimals(currency: string): number {
  try {
    const format = new Intl.NumberFormat('en-GB', { style: 'currency', currency });
    return format.resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2; // no currency that is known by its letters
  }
}

/** The decimals of a table: a whole of less than one keeps the digits that say something. */
export function digitsOf(whole: string | null, currency: string): number {
  const value = whole === null ? 0 : Math.abs(Number(whole));
  return value > 0 && value < 1 ? SMALL_DIGITS : decimals(currency);
}

const halfEven = (amount: bigint, unit: bigint): bigint => {
  const rest = ((amount % unit) + unit) % unit;
  const below = (amount - rest) / unit;
  if (rest * 2n === unit) return below % 2n === 0n ? below : below + 1n;
  return rest * 2n > unit ? below + 1n : below;
};

/**
 * Amounts in units of so many digits that sum to their rounded sum, by largest remainder: as the
 * books print statements. What is not known stays so.
 */
export function roundedTogether(amounts: (string | null)[], digits: number): (number | null)[] {
  const unit = 10n ** BigInt(PLACES - digits);
  const exact = amounts.map((amount) => (amount === null ? null : billionths(amount)));
  const known = exact.flatMap((amount, at) => (amount === null ? [] : [{ amount, at }]));
  const parts = known.map(({ amount, at }) => {
    const rest = ((amount % unit) + unit) % unit;
    return { at, rest, units: (amount - rest) / unit };
  });
  const whole = known.reduce((sum, { amount }) => sum + amount, 0n);
  const missing = halfEven(whole, unit) - parts.reduce((sum, { units }) => sum + units, 0n);
  const first = parts.toSorted((a, b) =>
    a.rest === b.rest ? a.at - b.at : a.rest > b.rest ? -1 : 1,
  );
  for (const part of first.slice(0, Number(missing))) part.units += 1n;
  const found: (number | null)[] = exact.map(() => null);
  for (const { at, units } of parts) found[at] = Number(units) / 10 ** digits;
  return found;
}

/** "EUR 10,563.93", with so many decimals. */
export function written(amount: number | null, currency: string, digits: number): string {
  if (amount === null) return UNKNOWN;
  const number = new Intl.NumberFormat('en-GB', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(amount);
  return `${currency} ${number}`;
}

/** An amount that was rounded by the books: "849.16" as "EUR 849.16". */
export const printed = (amount: string | null, currency: string): string =>
  amount === null ? UNKNOWN : written(Number(amount), currency, amount.split('.')[1]?.length ?? 0);
