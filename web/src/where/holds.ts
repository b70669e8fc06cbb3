/** A query as a function of rows. */

import type { Node } from './tree';

export type Row = Readonly<Record<string, unknown>>;
export type Test = (row: Row) => boolean;

const lower = (value: unknown): string =>
  value === null || value === undefined ? '' : String(value).toLowerCase();

/** Compiles a query: asked of 100,000 rows, it is worth it. */
export function holds(node: Node): Test {
  switch (node.kind) {
    case 'every': {
      const tests = node.nodes.map(holds);
      return (row) => tests.every((test) => test(row));
    }
    case 'any': {
      const tests = node.nodes.map(holds);
      return (row) => tests.some((test) => test(row));
    }
    case 'not': {
      const test = holds(node.node);
      return (row) => !test(row);
    }
    case 'word': {
      const { text } = node;
      const keys = node.fields.map((field) => field.key);
      return (row) => keys.some((key) => lower(row[key]).includes(text));
    }
    case 'compare':
      return compared(node);
  }
}

function compared(node: Node & { kind: 'compare' }): Test {
  const { key } = node.field;
  const value = node.value;
  const known = (test: (found: never) => boolean): Test => {
    return (row) => {
      const found = row[key];
      return found !== null && found !== undefined && test(found as never);
    };
  };
  switch (node.op) {
    case 'missing':
      return (row) => row[key] === null || row[key] === undefined;
    case 'contains':
      return known((found: unknown) => lower(found).includes(value as string));
    case 'ends':
      return known((found: unknown) => String(found).endsWith(value as string));
    case '=':
      return known((found: unknown) => found === value);
    case '<':
      return known((found: number) => found < (value as number));
    case '<=':
      return known((found: number) => found <= (value as number));
    case '>':
      return known((found: number) => found > (value as number));
    case '>=':
      return known((found: number) => found >= (value as number));
  }
}
