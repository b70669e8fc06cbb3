/** Names in the order people expect: node 2 comes before node 10. */

const names = new Intl.Collator('en-GB', { numeric: true });

export const compareNames = (a: string, b: string): number => names.compare(a, b);

export const byName = <T extends { name: string }>(rows: readonly T[]): T[] =>
  rows.toSorted((a, b) => compareNames(a.name, b.name));
