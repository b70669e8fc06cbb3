/** Times in the farm's zone with a 24-hour clock; durations in words that stay short. */

import { UNKNOWN } from './number';

type Kind = 'clock' | 'minute' | 'full' | 'day' | 'offset';

const clocks = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string | undefined, kind: Kind) {
  const key = `${zone ?? ''} ${kind}`;
  let found = clocks.get(key);
  if (found === undefined) {
    const options: Intl.DateTimeFormatOptions = { hourCycle: 'h23' };
    if (zone !== undefined) options.timeZone = zone;
    if (kind !== 'day') Object.assign(options, { hour: '2-digit', minute: '2-digit' });
    if (kind === 'clock' || kind === 'full' || kind === 'offset') options.second = '2-digit';
    if (kind === 'offset') {
      Object.assign(options, { year: 'numeric', month: '2-digit', day: '2-digit' });
    }
    if (kind === 'full') {
      Object.assign(options, { day: 'numeric', month: 'short', year: 'numeric' });
      options.timeZoneName = 'short';
    }
    if (kind === 'day') Object.assign(options, { day: 'numeric', month: 'short' });
    found = new Intl.DateTimeFormat('en-GB', options);
    clocks.set(key, found);
  }
  return found;
}

/** 14:02:37 */
export const clock = (at: number, zone?: string): string => formatter(zone, 'clock').format(at);
/** 14:02:37 of today, else 3 Nov, 14:02. */
export const moment = (at: number, today: number, zone?: string): string =>
  day(at, zone) === day(today, zone) ? clock(at, zone) : `${day(at, zone)}, ${minute(at, zone)}`;
/** 14:02 */
export const minute = (at: number, zone?: string): string => formatter(zone, 'minute').format(at);
/** 3 Nov */
export const day = (at: number, zone?: string): string => formatter(zone, 'day').format(at);
/** 3 Nov 2026, 14:02:37 GMT: what a tooltip shows. */
export const full = (at: number | null, zone?: string): string =>
  at === null ? UNKNOWN : formatter(zone, 'full').format(at);

/** 0.8 s, 42 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function duration(milliseconds: number | null): string {
  if (milliseconds === null) return UNKNOWN;
  const total = Math.max(milliseconds, 0) / 1000;
  if (total < 10) return `${total.toFixed(1)} s`;
  if (total < 60) return `${Math.round(total)} s`;
  const all = Math.round(total);
  if (all < 3600) return pair(Math.floor(all / 60), 'min', all % 60, 's');
  if (all < 86_400) return pair(Math.floor(all / 3600), 'h', Math.floor((all % 3600) / 60), 'min');
  return pair(Math.floor(all / 86_400), 'd', Math.floor((all % 86_400) / 3600), 'h');
}

/** "November 2026", of 2026-11. */
export const monthName = (month: string): string =>
  new Date(`${month}-15T12:00:00Z`).toLocaleDateString('en-GB', { month: 'long', year: 'numeric' });

const thousandths = new Intl.NumberFormat('en-GB', {
  minimumFractionDigits: 3,
  maximumFractionDigits: 3,
});
const HOUR_MS = 3_600_000;

/**
 * Writes the times of one table in one unit, that of its files: hours, which are what is priced.
 * Where all of it is less than an hour they would be noughts, and short words say more.
 */
export const hoursOrWords = (whole: number): ((milliseconds: number) => string) =>
  whole < HOUR_MS ? duration : (milliseconds) => `${thousandths.format(milliseconds / HOUR_MS)} h`;

/** How long something has gone on, in whole seconds while it still does: tenths would only flicker. */
export const elapsed = (started: number | null, ended: number | null, now: number): string => {
  if (started === null) return UNKNOWN;
  if (ended !== null) return duration(ended - started);
  const seconds = Math.floor(Math.max(now - started, 0) / 1000);
  return seconds < 10 ? `${seconds} s` : duration(seconds * 1000);
};

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

/** "just now", "42 s ago", "3 min ago". */
export function ago(at: number | null, now: number): string {
  if (at === null) return 'never';
  const passed = now - at;
  if (passed < 3_000) return 'just now';
  if (passed < 60_000) return `${Math.floor(passed / 1000)} s ago`;
  if (passed < 3_600_000) return `${Math.floor(passed / 60_000)} min ago`;
  if (passed < 86_400_000) return `${Math.floor(passed / 3_600_000)} h ago`;
  return `${Math.floor(passed / 86_400_000)} d ago`;
}

const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800,
  345600, 604800, 1209600, 1814400, 2419200, 4838400,
];

/** How far a zone's clock is ahead of UTC at an instant, in milliseconds. */
function zoneOffset(at: number, zone: string | undefined): number {
  const parts = new Map(
    formatter(zone, 'offset')
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const local = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  );
  return local - Math.floor(at / 1000) * 1000;
}

/** Round local instants inside [start, end], about `most` of them; right over a clock change too. */
export function ticks(
  start: number,
  end: number,
  most: number,
  zone?: string,
): { at: number; step: number }[] {
  const wanted = (end - start) / 1000 / Math.max(most, 1);
  const step = (STEPS.find((candidate) => candidate >= wanted) ?? 9_676_800) * 1000;
  const first = zoneOffset(start, zone);
  const found: { at: number; step: number }[] = [];
  for (let local = Math.ceil((start + first) / step) * step; ; local += step) {
    const at = local - zoneOffset(local - first, zone);
    if (at > end) return found;
    if (at >= start) found.push({ at, step });
  }
}
