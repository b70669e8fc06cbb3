/** What a query means, as a tree. Every node is true or false for a row, never unknown. */

export type Kind = 'text' | 'path' | 'number' | 'duration' | 'bytes' | 'money' | 'instant' | 'flag';

/** A field as the server tells it: the same list it evaluates queries with. */
export interface Field {
  name: string;
  kind: Kind;
  /** The member of a row that holds it. */
  key: string;
  /** Bare words are looked for in it. */
  searched: boolean;
  aliases: string[];
  /** The values there are, if these are few. */
  choices: string[];
  /** What a number as written is multiplied with to be what is stored. */
  factor: number;
}

export type Op = '=' | '<' | '<=' | '>' | '>=' | 'contains' | 'ends' | 'missing';

export type Node =
  | { kind: 'compare'; field: Field; op: Op; value: string | number | boolean }
  | { kind: 'word'; text: string; fields: Field[] }
  | { kind: 'not'; node: Node }
  | { kind: 'every'; nodes: Node[] }
  | { kind: 'any'; nodes: Node[] };

/** True for every row. */
export const EVERYTHING: Node = { kind: 'every', nodes: [] };

/** What is wrong with a query, where (in characters from 0), and what to write instead. */
export class WhereError extends Error {
  constructor(
    readonly problem: string,
    readonly position: number,
    readonly hint: string,
  ) {
    super(`${problem} ${hint}`.trim());
  }
}
