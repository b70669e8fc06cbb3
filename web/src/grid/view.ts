/** Rows filtered, sorted and grouped; a change moves only the rows it concerns. */

import type { Change } from '../live/table';

export interface SortKey<T> {
  valueOf: (row: T) => string | number | null;
  descending: boolean;
}

export interface Ordering<T> {
  test: (row: T) => boolean;
  sort: SortKey<T>[];
  /** The group of a row; null: rows stand by themselves. */
  group: ((row: T) => string) | null;
}

/** The line above the rows of a group. */
export class Group {
  count = 0;
  constructor(
    readonly label: string,
    readonly isOpen: boolean,
  ) {}
}

export type Item<T> = T | Group;

const compareValues = (
  a: string | number | null,
  b: string | number | null,
  descending: boolean,
): number => {
  if (a === b) return 0;
  if (a === null) return 1; // what is not known comes last either way
  if (b === null) return -1;
  const order = a < b ? -1 : 1;
  return descending ? -order : order;
};

export class View<T extends object> {
  #sorted: T[] = [];
  #closed = new Set<string>();
  items: Item<T>[] = [];

  constructor(
    readonly idOf: (row: T) => string,
    public ordering: Ordering<T>,
  ) {}

  get matched(): number {
    return this.#sorted.length;
  }

  /** The rows it shows, those of closed groups included. */
  get rows(): readonly T[] {
    return this.#sorted;
  }

  rebuild(rows: T[]): void {
    const { test, sort, group } = this.ordering;
    const kept = rows.filter(test);
    const labels = group === null ? null : kept.map(group);
    const keys = sort.map((key) => kept.map(key.valueOf));
    const order = kept.map((_, at) => at);
    order.sort((a, b) => {
      if (labels !== null && labels[a] !== labels[b]) return labels[a]! < labels[b]! ? -1 : 1;
      for (let at = 0; at < keys.length; at += 1) {
        const found = compareValues(keys[at]![a]!, keys[at]![b]!, sort[at]!.descending);
        if (found !== 0) return found;
      }
      return this.idOf(kept[a]!) < this.idOf(kept[b]!) ? 1 : -1;
    });
    this.#sorted = order.map((at) => kept[at]!);
    this.#lay();
  }

  /** Takes in changes; returns whether rows came, went or moved. */
  update(changes: Change<T>[]): boolean {
    const { test } = this.ordering;
    const leaving = new Set<T>();
    const coming: T[] = [];
    for (const { row, was, gone } of changes) {
      const stood = was !== null && test(was);
      const stands = !gone && test(row);
      if (stood && stands && this.#compare(was, row) === 0) continue;
      if (stood) leaving.add(row);
      if (stands) coming.push(row);
    }
    if (leaving.size === 0 && coming.length === 0) return false;
    const rest =
      leaving.size === 0 ? this.#sorted : this.#sorted.filter((row) => !leaving.has(row));
    const found = new Set(coming);
    this.#sorted = this.#merged(rest, [...found].sort(this.#order));
    this.#lay();
    return true;
  }

  toggle(label: string): void {
    if (!this.#closed.delete(label)) this.#closed.add(label);
    this.#lay();
  }

  #order = (a: T, b: T): number => this.#compare(a, b) || (this.idOf(a) < this.idOf(b) ? 1 : -1);

  #compare(a: T, b: T): number {
    const { sort, group } = this.ordering;
    if (group !== null) {
      const [labelA, labelB] = [group(a), group(b)];
      if (labelA !== labelB) return labelA < labelB ? -1 : 1;
    }
    for (const key of sort) {
      const found = compareValues(key.valueOf(a), key.valueOf(b), key.descending);
      if (found !== 0) return found;
    }
    return 0;
  }

  /** Finds each new row's place by halving, so that few rows among many cost little. */
  #merged(rest: T[], coming: T[]): T[] {
    if (coming.length === 0) return rest;
    const found: T[] = [];
    let from = 0;
    for (const row of coming) {
      let low = from;
      let high = rest.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.#order(rest[middle]!, row) < 0) low = middle + 1;
        else high = middle;
      }
      for (; from < low; from += 1) found.push(rest[from]!);
      found.push(row);
    }
    for (; from < rest.length; from += 1) found.push(rest[from]!);
    return found;
  }

  #lay(): void {
    const { group } = this.ordering;
    if (group === null) {
      this.items = this.#sorted;
      return;
    }
    const items: Item<T>[] = [];
    let line: Group | null = null;
    for (const row of this.#sorted) {
      const label = group(row);
      if (line === null || line.label !== label) {
        line = new Group(label, !this.#closed.has(label));
        items.push(line);
      }
      line.count += 1;
      if (line.isOpen) items.push(row);
    }
    this.items = items;
  }
}
