/** Which line of a log, or which fold, stands in which row of the page. */

/** Lines that are shown as one row as long as they are not unfolded. */
export interface Hidden {
  first: number;
  last: number;
  isOpen: boolean;
}

export type Row<F> = { line: number } | { fold: F };

export interface Rows<F> {
  count: number;
  at(row: number): Row<F>;
  /** The row of a line, or of the fold that hides it. */
  of(line: number): number;
}

/**
 * The rows of a log. Above the lines of a fold stands a row of its own, open or not.
 *
 * @param lines how many lines there are.
 * @param folds in the order of their lines, none overlapping.
 */
export function createRows<F extends Hidden>(lines: number, folds: F[]): Rows<F> {
  const heads: number[] = [];
  const lasts: number[] = [];
  const known: F[] = [];
  /** How many lines of each are in sight: as it was now, whatever is unfolded later. */
  const shown: number[] = [];
  let shift = 0;
  for (const fold of folds) {
    if (fold.first > lines) break;
    const last = Math.min(fold.last, lines);
    heads.push(fold.first - 1 + shift);
    lasts.push(last);
    known.push(fold);
    shown.push(fold.isOpen ? last - fold.first + 1 : 0);
    shift += fold.isOpen ? 1 : fold.first - last;
  }
  /** The last fold whose place is not behind the wanted one; -1: none is. */
  const before = (wanted: number, place: (index: number) => number) => {
    let low = 0;
    let high = known.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (place(middle) <= wanted) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  return {
    count: lines + shift,
    at(row) {
      const index = before(row, (one) => heads[one]!);
      if (index < 0) return { line: row + 1 };
      const below = row - heads[index]! - 1;
      if (below < 0) return { fold: known[index]! };
      if (below < shown[index]!) return { line: known[index]!.first + below };
      return { line: lasts[index]! + 1 + below - shown[index]! };
    },
    of(line) {
      const index = before(line, (one) => known[one]!.first);
      if (index < 0) return line - 1;
      const head = heads[index]!;
      if (line > lasts[index]!) return head + shown[index]! + line - lasts[index]!;
      return shown[index]! > 0 ? head + 1 + line - known[index]!.first : head;
    },
  };
}
