/** Values as people write them: numbers, durations, sizes, amounts, dates. */

import type { Field, Kind } from './tree';

const MILLIS: Record<string, bigint> = {
  ms: 1n,
  s: 1_000n,
  m: 60_000n,
  h: 3_600_000n,
  d: 86_400_000n,
  w: 604_800_000n,
};

const BYTES: Record<string, bigint> = {
  '': 1n,
  b: 1n,
  k: 1000n,
  kb: 1000n,
  m: 1000n ** 2n,
  mb: 1000n ** 2n,
  g: 1000n ** 3n,
  gb: 1000n ** 3n,
  t: 1000n ** 4n,
  tb: 1000n ** 4n,
  kib: 1024n,
  mib: 1024n ** 2n,
  gib: 1024n ** 3n,
  tib: 1024n ** 4n,
};

export const FLAGS: Record<string, boolean> = {
  yes: true,
  true: true,
  '1': true,
  no: false,
  false: false,
  '0': false,
};

export const SPELLINGS: Partial<Record<Kind, string>> = {
  number: 'a number, e.g. 12 or 0.5',
  duration: 'a duration, e.g. 90s, 10m or 1h30m',
  bytes: 'a size, e.g. 500MB or 4GiB',
  money: 'an amount, e.g. 12.50',
  instant: 'a date, e.g. 2026-07, 2026-07-01, 2026-07-01T14:30, today or -7d',
  flag: 'yes or no',
};

/** Where dates are cut into days, and what `today` counts from. */
export interface Moment {
  zone: string;
  now: number;
}

/** All stored values from `least` to `most`, both included: a date stands for its whole day. */
export interface Extent {
  least: number;
  most: number;
}

/** Python's dates begin and end here. */
const FIRST_INSTANT = -62_135_596_800_000;
const LAST_DAY = Date.UTC(9999, 11, 31);

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)$/;
const DURATION = /^((\d+(?:\.\d+)?)(ms|s|m|h|d|w))+$/;
const SIZE = /^(\d+(?:\.\d+)?)([a-z]*)$/;
const DAY = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/;
const MINUTE =
  /^(\d{4})-(\d\d)-(\d\d)t(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(z|[+-]\d\d:\d\d)?$/;

/** What a text means as a value of a field with numbers; null if it means nothing. */
export function extent(field: Field, text: string, moment: Moment): Extent | null {
  switch (field.kind) {
    case 'number':
    case 'money':
      return point(scaled(text, BigInt(field.factor)));
    case 'duration':
      return point(duration(text));
    case 'bytes':
      return point(size(text.toLowerCase()));
    case 'instant':
      return instant(text.toLowerCase(), moment);
    default:
      return null;
  }
}

/** A duration in milliseconds; a bare number is seconds. */
function duration(text: string): number | null {
  if (NUMBER.test(text)) return scaled(text, 1000n);
  if (!DURATION.test(text)) return null;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)];
  const places = Math.max(...parts.map(([, number]) => decimals(number!)));
  const scale = 10n ** BigInt(places);
  const sum = parts.reduce(
    (total, [, number, unit]) => total + digits(number!, places) * MILLIS[unit!]!,
    0n,
  );
  return quotient(sum, scale);
}

function size(text: string): number | null {
  const found = SIZE.exec(text);
  const factor = found === null ? undefined : BYTES[found[2]!];
  return factor === undefined ? null : scaled(found![1]!, factor);
}

/** A decimal times a whole number, exactly if it is whole itself. */
function scaled(text: string, factor: bigint): number | null {
  if (!NUMBER.test(text)) return null;
  const places = decimals(text);
  return quotient(digits(text, places) * factor, 10n ** BigInt(places));
}

const decimals = (text: string): number => (text.split('.')[1] ?? '').length;

/** The digits of a decimal with so many places behind the point, as a whole number. */
function digits(text: string, places: number): bigint {
  const negative = text.startsWith('-');
  const [whole, part] = text.replace(/^[+-]/, '').split('.');
  const value = BigInt(`${whole || '0'}${(part ?? '').padEnd(places, '0')}`);
  return negative ? -value : value;
}

function quotient(value: bigint, by: bigint): number {
  if (value % by === 0n) return Number(value / by);
  return Number(value) / Number(by);
}

const point = (value: number | null): Extent | null =>
  value === null ? null : { least: value, most: value };

function instant(text: string, { zone, now }: Moment): Extent | null {
  if (text === 'now') return { least: now, most: now };
  if (text === 'today' || text === 'yesterday') {
    const [year, month, day] = localDay(now, zone);
    const first = Date.UTC(year, month - 1, day) - (text === 'yesterday' ? 86_400_000 : 0);
    return days(first, first + 86_400_000, zone);
  }
  if (text.startsWith('-') && DURATION.test(text.slice(1))) {
    const ago = duration(text.slice(1));
    return ago === null ? null : point(now - halfEven(ago));
  }
  return written(text, zone);
}

function written(text: string, zone: string): Extent | null {
  const found = DAY.exec(text);
  if (found !== null) {
    const [year, month, day] = [found[1], found[2] ?? '1', found[3] ?? '1'].map(Number);
    const first = utc(year!, month!, day!);
    if (first === null) return null;
    const after =
      found[3] !== undefined
        ? first + 86_400_000
        : found[2] !== undefined
          ? Date.UTC(year!, month!, 1)
          : Date.UTC(year! + 1, 0, 1);
    return after > LAST_DAY ? null : days(first, after, zone);
  }
  const time = MINUTE.exec(text);
  if (time === null) return null;
  const [year, month, day, hour, minute, second] = time
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const date = utc(year!, month!, day!);
  if (date === null || hour! > 23 || minute! > 59 || second! > 59) return null;
  if (Number(time[8]?.slice(1, 3)) > 23 || Number(time[8]?.slice(4, 6)) > 59) return null;
  const millis = Number((time[7] ?? '0').padEnd(3, '0'));
  const local = date + hour! * 3_600_000 + minute! * 60_000 + second! * 1000 + millis;
  const start = time[8] === undefined ? fromLocal(local, zone) : local - offsetOf(time[8]);
  const width = time[6] === undefined ? 60_000 : time[7] === undefined ? 1_000 : 1;
  return { least: start, most: start + width - 1 };
}

function offsetOf(text: string): number {
  if (text === 'z') return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(4, 6));
  return (text.startsWith('-') ? -1 : 1) * minutes * 60_000;
}

/** Midnight UTC of a date, null for a 30th of February. */
function utc(year: number, month: number, day: number): number | null {
  if (year < 1) return null;
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  const same = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return same && date.getUTCFullYear() === year ? date.getTime() : null;
}

function days(first: number, after: number, zone: string): Extent | null {
  const least = fromLocal(first, zone);
  return least < FIRST_INSTANT ? null : { least, most: fromLocal(after, zone) - 1 };
}

/** Python rounds halves to the even neighbour. */
function halfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function partsOf(at: number, zone: string): Record<string, number> {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  return Object.fromEntries(
    format.formatToParts(at).map((part) => [part.type, Number(part.value)]),
  );
}

function localDay(at: number, zone: string): [number, number, number] {
  const parts = partsOf(at, zone);
  return [parts['year']!, parts['month']!, parts['day']!];
}

/** How far a zone's clock is ahead of UTC at an instant. */
function ahead(at: number, zone: string): number {
  const parts = partsOf(at, zone);
  const local = new Date(0);
  local.setUTCFullYear(parts['year']!, parts['month']! - 1, parts['day']!);
  local.setUTCHours(parts['hour']!, parts['minute']!, parts['second']!);
  return local.getTime() - Math.floor(at / 1000) * 1000;
}

/** The instant of a local time: of a repeated one the first, of a skipped one by the old offset. */
function fromLocal(local: number, zone: string): number {
  const before = local - ahead(local - 86_400_000, zone);
  if (local - before === ahead(before, zone)) return before;
  const offset = ahead(local + 86_400_000, zone);
  return ahead(local - offset, zone) === offset ? local - offset : before;
}
