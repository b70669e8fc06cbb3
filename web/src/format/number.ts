/** Numbers as people read them: en-GB, with units, and an en dash for what is unknown. */

export const UNKNOWN = '–';

const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat('en-GB', {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** A list that scrolls asks this some thousand times a second: few numbers have a separator. */
export const count = (value: number): string =>
  Number.isInteger(value) && value >= 0 && value < 1000 ? String(value) : whole.format(value);

/** "24 frames", "1 frame". */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${whole.format(value)} ${value === 1 ? one : many}`;

/** A share of 1 as a percentage; 99.96 % never reads as done. */
export function percent(share: number | null): string {
  if (share === null || !Number.isFinite(share)) return UNKNOWN;
  const value = share * 100;
  if (value > 0 && value < 1) return '< 1 %';
  return `${Math.min(Math.floor(value + 1e-9), 100)} %`;
}

/** A share of a whole with one decimal, for tables whose rows add up. */
export const share = (part: number, whole: number): string =>
  whole <= 0 ? UNKNOWN : `${oneDecimal.format((part / whole) * 100)} %`;

export const cpu = (milli: number | null): string =>
  milli === null ? UNKNOWN : `${whole.format(milli / 10)} %`;

/** Milliseconds as seconds with one decimal, e.g. "286.4 s": for sums that people check. */
export const seconds = (milliseconds: number): string =>
  `${oneDecimal.format(milliseconds / 1000)} s`;

export const secondsOf = (value: number | string): string =>
  `${oneDecimal.format(Number(value))} s`;

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytes(value: number | null): string {
  if (value === null) return UNKNOWN;
  let amount = value;
  let unit = 0;
  while (amount >= 1024 && unit < BYTE_UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  const text = unit === 0 || amount >= 100 ? whole.format(amount) : oneDecimal.format(amount);
  return `${text} ${BYTE_UNITS[unit]}`;
}

/** An amount with its currency. Small amounts keep the digits that say something. */
export function money(amount: string | null, currency: string): string {
  if (amount === null) return UNKNOWN;
  const value = Number(amount);
  const digits = value !== 0 && Math.abs(value) < 1 ? 4 : 2;
  try {
    return new Intl.NumberFormat('en-GB', {
      style: 'currency',
      currency,
      currencyDisplay: 'code',
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    })
      .format(value)
      .replace(/\u00a0/g, ' ');
  } catch {
    return `${value.toFixed(digits)} ${currency}`;
  }
}
