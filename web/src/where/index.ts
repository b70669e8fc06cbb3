/** The query language of docs/where.md, evaluated over rows the browser holds. */

export { holds, type Row, type Test } from './holds';
export { parse } from './parse';
export { EVERYTHING, WhereError, type Field, type Kind, type Node } from './tree';
