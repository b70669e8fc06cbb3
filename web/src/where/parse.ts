/** Reads a query; the same grammar as grange.books.where.parse, held to it by a table of cases. */

import { extent, FLAGS, SPELLINGS, type Extent, type Moment } from './literals';
import { nearest } from './nearest';
import { isQuoted, terms, textOf, type Item, type Term } from './scan';
import { EVERYTHING, WhereError, type Field, type Node, type Op } from './tree';

const quotes = (text: string) => `To look for the text itself, put it in quotes: "${text}".`;
const plain = (name: string) => name.toLowerCase().replaceAll('_', '').replaceAll('-', '');

const every = (nodes: Node[]): Node =>
  nodes.length === 1 ? nodes[0]! : nodes.length > 0 ? { kind: 'every', nodes } : EVERYTHING;
const any = (nodes: Node[]): Node => (nodes.length === 1 ? nodes[0]! : { kind: 'any', nodes });
const not = (node: Node): Node => ({ kind: 'not', node });

/**
 * What a query means; an empty one is true for every row. `invert` turns the words around, not the
 * conditions on fields. Throws a WhereError if it cannot be read.
 */
export function parse(text: string, fields: Field[], moment: Moment, invert = false): Node {
  const reader = new Reader(fields, moment);
  const words: Node[] = [];
  const conditions: Node[] = [];
  const noWords: Node[] = [];
  const noConditions: Node[] = [];
  let either = false;
  let number = 0;
  for (const term of terms(text)) {
    if (!term.name && !isQuoted(term) && textOf(term).toLowerCase() === 'or' && !term.negated) {
      if (number > 0) {
        throw new WhereError(
          '`or` stands at the beginning and holds for everything.',
          term.position,
          'Write: or a b. To look for the word, put it in quotes: "or".',
        );
      }
      either = true;
    } else if (term.name) {
      (term.negated ? noConditions : conditions).push(reader.condition(term));
    } else {
      (term.negated ? noWords : words).push(reader.word(term));
    }
    number += 1;
  }
  const chosen = either ? any : every;
  const leftOut = noConditions.map(not);
  if (!invert || words.length + noWords.length === 0) {
    const picked = [...words, ...conditions];
    return every([...(picked.length > 0 ? [chosen(picked)] : []), ...noWords.map(not), ...leftOut]);
  }
  const wanted = words.length > 0 ? [chosen(words)] : [];
  const turned = not(every([...wanted, ...noWords.map(not)]));
  return every([chosen([turned, ...conditions]), ...leftOut]);
}

class Reader {
  readonly #known: Map<string, Field>;
  readonly #searched: Field[];

  constructor(
    readonly fields: Field[],
    readonly moment: Moment,
  ) {
    this.#known = new Map(
      fields.flatMap((field) =>
        [field.name, ...field.aliases].map((name): [string, Field] => [plain(name), field]),
      ),
    );
    this.#searched = fields.filter((field) => field.searched);
  }

  word(term: Term): Node {
    return { kind: 'word', text: textOf(term).toLowerCase(), fields: this.#searched };
  }

  condition(term: Term): Node {
    const field = this.#known.get(plain(term.name));
    if (field === undefined) throw this.#unknown(term);
    if (term.operator === '=' || term.operator === '!=') {
      const equal = any(term.items.map((item) => this.#one(field, term, item)));
      return term.operator === '!=' ? not(equal) : equal;
    }
    if (term.items.length > 1) {
      throw new WhereError(
        `${term.operator} takes one value.`,
        term.items[1]!.position,
        quotes(textOf(term)),
      );
    }
    return this.#one(field, term, term.items[0]!);
  }

  #one(field: Field, term: Term, item: Item): Node {
    const equal = term.operator === '=' || term.operator === '!=';
    if (!item.quoted && item.text.toLowerCase() === 'none' && equal) {
      return compare(field, 'missing', '');
    }
    if (field.kind === 'text' || field.kind === 'path') return this.#text(field, term, item);
    if (term.operator === '~') throw this.#operator(field, term, '= != > >= < <=');
    if (field.kind === 'flag') return this.#flag(field, term, item);
    return this.#number(field, term, item);
  }

  #text(field: Field, term: Term, item: Item): Node {
    if (term.operator === '~') return compare(field, 'contains', item.text.toLowerCase());
    if (term.operator !== '=' && term.operator !== '!=') {
      throw this.#operator(field, term, '= != ~');
    }
    let value = item.text;
    if (field.choices.length > 0) {
      const choice = field.choices.find((one) => one.toLowerCase() === value.toLowerCase());
      if (choice === undefined) {
        throw new WhereError(
          `${field.name} is never '${value}'.`,
          item.position,
          `It is one of ${field.choices.join(', ')}.`,
        );
      }
      value = choice;
    }
    return compare(field, field.kind === 'path' ? 'ends' : '=', value);
  }

  #flag(field: Field, term: Term, item: Item): Node {
    if (term.operator !== '=' && term.operator !== '!=') throw this.#operator(field, term, '= !=');
    const value = FLAGS[item.text.toLowerCase()];
    if (value === undefined) throw this.#bad(field, item, item.text);
    return compare(field, '=', value);
  }

  #number(field: Field, term: Term, item: Item): Node {
    if (item.text.includes('..') && !item.quoted) {
      if (term.operator !== '=' && term.operator !== '!=') {
        throw this.#operator(field, term, '= !=', ' a range');
      }
      return this.#range(field, item);
    }
    const { least, most } = this.#extent(field, item, item.text);
    switch (term.operator) {
      case '>':
        return compare(field, '>', most);
      case '>=':
        return compare(field, '>=', least);
      case '<':
        return compare(field, '<', least);
      case '<=':
        return compare(field, '<=', most);
      default:
        if (least === most) return compare(field, '=', least);
        return every([compare(field, '>=', least), compare(field, '<=', most)]);
    }
  }

  #range(field: Field, item: Item): Node {
    const cut = item.text.indexOf('..');
    const [first, last] = [item.text.slice(0, cut), item.text.slice(cut + 2)];
    const ends: Node[] = [];
    if (first) ends.push(compare(field, '>=', this.#extent(field, item, first).least));
    if (last) ends.push(compare(field, '<=', this.#extent(field, item, last).most));
    if (ends.length === 0) throw this.#bad(field, item, item.text);
    return every(ends);
  }

  #extent(field: Field, item: Item, text: string): Extent {
    const found = extent(field, text, this.moment);
    if (found === null) throw this.#bad(field, item, text);
    return found;
  }

  #bad(field: Field, item: Item, text: string): WhereError {
    return new WhereError(
      `'${text}' is no value of ${field.name}.`,
      item.position,
      `Write ${SPELLINGS[field.kind]}.`,
    );
  }

  #operator(field: Field, term: Term, good: string, what = ` ${field.name}`): WhereError {
    return new WhereError(
      `${term.operator} cannot be used with${what}.`,
      term.position + (term.negated ? 1 : 0) + Array.from(term.name).length,
      `Write one of ${good}.`,
    );
  }

  #unknown(term: Term): WhereError {
    const close = nearest(plain(term.name), [...this.#known.keys()]);
    const near = close === null ? null : this.#known.get(close)!.name;
    const names = this.fields.map((field) => field.name).join(', ');
    return new WhereError(
      `There is no field '${term.name}'.`,
      term.position + (term.negated ? 1 : 0),
      (near === null ? `There are ${names}. ` : `Did you mean ${near}? `) +
        quotes(`${term.name}${term.operator}${textOf(term)}`),
    );
  }
}

const compare = (field: Field, op: Op, value: string | number | boolean): Node => ({
  kind: 'compare',
  field,
  op,
  value,
});
