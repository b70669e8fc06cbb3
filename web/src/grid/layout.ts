/** Which columns a grid shows, in which order and how wide: as the address has it. */

export interface Shown {
  key: string;
  width: number;
}

interface Known {
  key: string;
  width: number;
  min: number;
  hidden?: boolean;
  /** Its part of the room that is left, while it has its usual width. */
  grows?: number;
}

export const WIDEST = 800;

/** `name:300,state,user`; empty: as it comes. Names that are not known are left out. */
export function layoutOf(text: string | undefined, columns: readonly Known[]): Shown[] {
  if (!text) return columns.filter((one) => !one.hidden).map(({ key, width }) => ({ key, width }));
  const found: Shown[] = [];
  for (const part of text.split(',')) {
    const [key, width] = part.split(':');
    const column = columns.find((one) => one.key === key);
    if (column === undefined || found.some((one) => one.key === key)) continue;
    const wanted = Number(width);
    found.push({
      key: column.key,
      width: Number.isInteger(wanted) ? clamp(wanted, column.min) : column.width,
    });
  }
  return found.length > 0 ? found : layoutOf(undefined, columns);
}

/** The address's words for a layout; undefined for the one it comes with. */
export function layoutText(layout: Shown[], columns: readonly Known[]): string | undefined {
  const text = (shown: Shown[]) =>
    shown
      .map(({ key, width }) => {
        const usual = columns.find((one) => one.key === key)?.width;
        return width === usual ? key : `${key}:${width}`;
      })
      .join(',');
  const found = text(layout);
  return found === text(layoutOf(undefined, columns)) ? undefined : found;
}

/** Columns as wide as a window has room for: those that may grow share what the others leave. */
export function stretched(layout: Shown[], columns: readonly Known[], room: number): Shown[] {
  const spare = room - layout.reduce((sum, { width }) => sum + width, 0);
  const parts = layout.map(({ key, width }) => {
    const column = columns.find((one) => one.key === key);
    return column?.width === width ? (column.grows ?? 0) : 0;
  });
  const all = parts.reduce((sum, part) => sum + part, 0);
  if (spare <= 0 || all === 0) return layout;
  return layout.map(({ key, width }, at) => ({
    key,
    width: clamp(width + Math.floor((spare * parts[at]!) / all), width),
  }));
}

export const clamp = (width: number, least: number): number =>
  Math.min(Math.max(Math.round(width), least), WIDEST);

export function moved(layout: Shown[], key: string, to: number): Shown[] {
  const one = layout.find((column) => column.key === key);
  if (one === undefined) return layout;
  const rest = layout.filter((column) => column.key !== key);
  rest.splice(Math.max(0, Math.min(to, rest.length)), 0, one);
  return rest;
}

export interface SortWish {
  key: string;
  descending: boolean;
}

/** `-priority,name`: descending by priority, then by name. */
export const sortOf = (text: string | undefined, known: ReadonlySet<string>): SortWish[] =>
  (text ?? '')
    .split(',')
    .map((part) => ({ key: part.replace(/^-/, ''), descending: part.startsWith('-') }))
    .filter(({ key }) => known.has(key));

export const sortText = (wishes: SortWish[]): string | undefined =>
  wishes.map(({ key, descending }) => `${descending ? '-' : ''}${key}`).join(',') || undefined;

/** A click sorts by a column, the next one turns it around; with `more` it joins the others. */
export function turned(sort: SortWish[], key: string, more: boolean): SortWish[] {
  const known = sort.find((wish) => wish.key === key);
  const next = { key, descending: known === undefined ? false : !known.descending };
  if (!more) return [next];
  return known === undefined ? [...sort, next] : sort.map((wish) => (wish === known ? next : wish));
}
