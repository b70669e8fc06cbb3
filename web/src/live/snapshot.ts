/** A snapshot of many rows, packed as grange.services.reads.packing says, as objects again. */

import type { Field } from '../where';

interface PackedIds {
  plain?: string[];
  prefix: string;
  first: number;
  steps: number[];
  /** Base64. */
  rest: string;
}

interface PackedColumn {
  plain?: unknown[];
  values?: unknown[];
  width?: number;
  at?: string;
  pieces?: PackedColumn[];
  after_made?: (number | null)[];
}

interface PackedRows {
  rows: number;
  ids: PackedIds;
  columns: Record<string, PackedColumn>;
}

/** Rows as they were packed last, and what changed since. */
export interface Packed extends PackedRows {
  /** In place of rows of the same ids and beside the others. */
  changed: PackedRows;
  /** Ids of rows that are no longer there. */
  gone: string[];
  /** Of the last event the rows include. */
  number: number;
  now: number;
  zone: string;
  fields: Field[];
  /** False: there are more rows than one snapshot holds. */
  complete: boolean;
  total: number;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const PLACES = new Uint8Array(128);
for (let place = 0; place < DIGITS.length; place += 1) PLACES[DIGITS.charCodeAt(place)] = place;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** Work at one go, in milliseconds, and rows between two looks at the clock. */
const TURN_MS = 12;
const ROWS_AT_ONCE = 1000;
/** Hex digits of an id behind its time and version. */
const CHANCE = 19;

/** Reads a snapshot piece by piece, so that whoever scrolls meanwhile does not notice. */
export async function unpack<T extends object>(
  packed: Packed,
  key: keyof T & string,
  finish: (row: T) => T,
): Promise<T[]> {
  const breathe = breather();
  const rows = await rowsOf(packed, key, finish, breathe);
  if (packed.changed.rows === 0 && packed.gone.length === 0) return rows;
  const gone = new Set<unknown>(packed.gone);
  const changed = new Map<unknown, T>();
  for (const row of await rowsOf(packed.changed, key, finish, breathe)) changed.set(row[key], row);
  const found: T[] = [];
  for (const row of rows) {
    const id = row[key];
    const now = changed.get(id);
    if (now !== undefined) changed.delete(id);
    if (!gone.has(id)) found.push(now ?? row);
  }
  found.push(...changed.values());
  return found;
}

/** Lets the browser do something else after every so many milliseconds of work. */
function breather(): () => Promise<void> | undefined {
  let since = performance.now();
  const { port1, port2 } = new MessageChannel();
  return () => {
    if (performance.now() - since < TURN_MS) return undefined;
    return new Promise((resolve) => {
      port1.onmessage = () => {
        since = performance.now();
        resolve();
      };
      port2.postMessage(null);
    });
  };
}

async function rowsOf<T extends object>(
  packed: PackedRows,
  key: keyof T & string,
  finish: (row: T) => T,
  breathe: () => Promise<void> | undefined,
): Promise<T[]> {
  const { ids, made } = idsOf(packed.ids, packed.rows);
  const names = Object.keys(packed.columns);
  const columns: unknown[][] = [];
  for (const name of names) {
    await breathe();
    columns.push(valuesOf(packed.columns[name]!, made, packed.rows));
  }
  const rows: T[] = new Array(packed.rows);
  for (let at = 0; at < packed.rows; at += 1) {
    if (at % ROWS_AT_ONCE === 0) await breathe();
    const row: Record<string, unknown> = { [key]: ids[at] };
    for (let column = 0; column < names.length; column += 1) {
      row[names[column]!] = columns[column]![at];
    }
    rows[at] = finish(row as T);
  }
  return rows;
}

function idsOf(packed: PackedIds, count: number): { ids: string[]; made: number[] } {
  if (packed.plain !== undefined) return { ids: packed.plain, made: [] };
  const bytes = atob(packed.rest);
  const digits: string[] = new Array(bytes.length);
  for (let at = 0; at < bytes.length; at += 1) {
    digits[at] = HEX[bytes.charCodeAt(at)]!;
  }
  const chance = digits.join('');
  const ids: string[] = new Array(count);
  const made: number[] = new Array(count);
  let time = packed.first;
  for (let at = 0; at < count; at += 1) {
    time += packed.steps[at]!;
    made[at] = time;
    const rest = chance.slice(CHANCE * at, CHANCE * (at + 1));
    ids[at] = `${packed.prefix}${time.toString(16).padStart(12, '0')}7${rest}`;
  }
  return { ids, made };
}

function valuesOf(column: PackedColumn, made: number[], count: number): unknown[] {
  if (column.plain !== undefined) return column.plain;
  if (column.after_made !== undefined) {
    return column.after_made.map((after, at) => (after === null ? null : made[at]! + after));
  }
  if (column.pieces !== undefined) {
    const pieces = column.pieces.map((piece) => valuesOf(piece, made, count));
    const texts: string[] = new Array(count);
    for (let at = 0; at < count; at += 1) {
      let text = pieces[0]![at] as string;
      for (let more = 1; more < pieces.length; more += 1) {
        const piece = pieces[more]![at];
        if (piece !== null) text += `_${String(piece)}`;
      }
      texts[at] = text;
    }
    return texts;
  }
  const { values, at: places, width } = column as Required<PackedColumn>;
  if (values.length === 1) return new Array(count).fill(values[0]);
  const found: unknown[] = new Array(count);
  for (let row = 0, digit = 0; row < count; row += 1) {
    let place = 0;
    for (let left = width; left > 0; left -= 1, digit += 1) {
      place = place * 64 + PLACES[places.charCodeAt(digit)]!;
    }
    found[row] = values[place];
  }
  return found;
}
