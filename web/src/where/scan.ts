/** Cuts a query into terms; the same as grange.books.where.scan. */

import { WhereError } from './tree';

/** A value, or one of several with commas between. */
export interface Item {
  text: string;
  /** Some of it stood in quotes; then it means itself. */
  quoted: boolean;
  position: number;
}

/** One condition of a query: a word, or a field with values. */
export interface Term {
  position: number;
  negated: boolean;
  /** The field; empty for a word. */
  name: string;
  operator: string;
  items: Item[];
}

export const textOf = (term: Term): string => term.items.map((item) => item.text).join(',');
export const isQuoted = (term: Term): boolean => term.items.some((item) => item.quoted);

const NAME = /^([A-Za-z][\p{L}\p{N}_.-]*)(!=|>=|<=|=|>|<|~)/u;
/** What Python calls a space. */
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** The terms of a query. Positions count characters, not halves of them. */
export function* terms(text: string): Generator<Term> {
  const letters = Array.from(text);
  let at = 0;
  for (;;) {
    while (at < letters.length && SPACE.test(letters[at]!)) at += 1;
    if (at >= letters.length) return;
    const position = at;
    const negated = letters[at] === '-';
    if (negated) at += 1;
    const named = NAME.exec(letters.slice(at).join(''));
    if (named !== null) at += Array.from(named[0]).length;
    const [items, end] = itemsFrom(letters, at);
    at = end;
    if (!items.some((item) => item.text !== '' || item.quoted)) {
      if (named === null) {
        throw new WhereError(
          '`-` stands alone.',
          position,
          'Write the word to leave out right behind it: -volume.',
        );
      }
      throw new WhereError(
        `${named[1]}${named[2]} has no value.`,
        at,
        `Write it right behind, without a blank; ${named[1]}=none: there is none.`,
      );
    }
    yield {
      position,
      negated,
      name: named?.[1] ?? '',
      operator: named?.[2] ?? '',
      items,
    };
  }
}

function itemsFrom(letters: string[], start: number): [Item[], number] {
  const items: Item[] = [];
  let at = start;
  let text = '';
  let begin = at;
  let quoted = false;
  while (at < letters.length && !SPACE.test(letters[at]!)) {
    const letter = letters[at]!;
    if (letter === '"') {
      const [inside, end] = quotation(letters, at);
      text += inside;
      at = end;
      quoted = true;
      continue;
    }
    at += 1;
    if (letter === ',') {
      items.push({ text, quoted, position: begin });
      text = '';
      begin = at;
      quoted = false;
    } else {
      text += letter;
    }
  }
  items.push({ text, quoted, position: begin });
  return [items, at];
}

function quotation(letters: string[], begin: number): [string, number] {
  let text = '';
  let at = begin + 1;
  while (at < letters.length) {
    let letter = letters[at]!;
    if (letter === '"') return [text, at + 1];
    const next = letters[at + 1];
    if (letter === '\\' && (next === '"' || next === '\\')) {
      at += 1;
      letter = next;
    }
    text += letter;
    at += 1;
  }
  throw new WhereError('A quote has no end.', begin, 'Close it with another ".');
}
