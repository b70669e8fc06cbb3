/** Runs of lines that are shown as one, and which of them are unfolded. */

import { createMemo, createSignal, onCleanup, untrack } from 'solid-js';
import { reasonOf } from '../api/client';
import type { Folds, FoundFold } from '../api/logs';
import { createRows, type Hidden } from './rows';

type Search = (first: number, signal: AbortSignal, hear: (found: Folds) => void) => Promise<void>;

/** So many folds are kept: behind the last of them lines are shown one by one. */
const MOST_FOLDS = 20_000;

export class Fold implements Hidden {
  constructor(
    readonly first: number,
    public last: number,
    readonly kind: FoundFold[2],
    public isOpen: boolean,
  ) {}

  holds(line: number): boolean {
    return this.first <= line && line <= this.last;
  }
}

/** What of a run is hidden: of lines that are alike the first and the last stay in sight. */
function hiddenOf([first, last, kind]: FoundFold): [number, number] {
  return kind === 'alike' ? [first + 1, last - 1] : [first, last];
}

/**
 * The folds of a log.
 *
 * @param lines how many lines it has.
 * @param isOpenAtFirst whether a fold is unfolded when it is found, by its first hidden line.
 */
export function createFolds(lines: () => number, isOpenAtFirst: (line: number) => boolean) {
  const [version, setVersion] = createSignal(0);
  const [problem, setProblem] = createSignal<string | null>(null);
  const changed = () => setVersion((before) => before + 1);
  let folds: Fold[] = [];
  let stop = new AbortController();
  let search: Search | null = null;
  let again = 1;
  let scanned = 0;
  let isBusy = false;
  /** Lines asked for before the fold that hides them was known. */
  let revealed = new Set<number>();

  const take = (found: FoundFold) => {
    const [first, last] = hiddenOf(found);
    const before = folds.at(-1);
    if (before !== undefined && before.last >= found[0]) {
      // Told again from near the end of what was known: the same run, which may have gone on.
      if (before.kind === found[2]) before.last = Math.max(before.last, last);
      return;
    }
    const fold = new Fold(first, last, found[2], isOpenAtFirst(first));
    for (const line of revealed) if (fold.holds(line)) fold.isOpen = true;
    folds.push(fold);
  };

  const run = async () => {
    if (search === null || isBusy || folds.length >= MOST_FOLDS) return;
    const mine = stop.signal;
    const of = untrack(lines);
    isBusy = true;
    try {
      await search(again, mine, (found) => {
        if (mine.aborted) return;
        scanned = found.scanned;
        again = found.again;
        if (found.folds.length === 0) return;
        found.folds.forEach(take);
        changed();
      });
      if (!mine.aborted) setProblem(null);
    } catch (error) {
      if (!mine.aborted) setProblem(reasonOf(error));
    } finally {
      if (!mine.aborted) {
        isBusy = false;
        if (untrack(lines) > of) void run();
      }
    }
  };

  onCleanup(() => stop.abort());
  const rows = createMemo(() => {
    version();
    return createRows(lines(), folds);
  });
  const at = (line: number) => folds.find((one) => one.holds(line));

  return {
    rows,
    problem,
    count: () => {
      version();
      return folds.length;
    },
    areAllOpen: () => {
      version();
      return folds.every((one) => one.isOpen);
    },
    /** How many lines a fold hides, or would. */
    sizeOf: (fold: Fold) => {
      version();
      return Math.min(fold.last, lines()) - fold.first + 1;
    },
    isOpen: (fold: Fold) => {
      version();
      return fold.isOpen;
    },
    /** First lines of the folds that are open. */
    opened: () => {
      version();
      return folds.flatMap((one) => (one.isOpen ? [one.first] : []));
    },
    begin(asked: Search) {
      stop.abort();
      stop = new AbortController();
      folds = [];
      revealed = new Set();
      again = 1;
      scanned = 0;
      isBusy = false;
      search = asked;
      setProblem(null);
      changed();
    },
    /** Look at lines behind those already looked at. */
    goOn(of: number) {
      if (scanned < of) void run();
    },
    toggle(fold: Fold) {
      fold.isOpen = !fold.isOpen;
      changed();
    },
    toggleAll(isOpen: boolean) {
      for (const one of folds) one.isOpen = isOpen;
      changed();
    },
    /** Unfold what hides a line, now or once it is known. */
    reveal(line: number) {
      revealed.add(line);
      const fold = at(line);
      if (fold === undefined || fold.isOpen) return;
      fold.isOpen = true;
      changed();
    },
  };
}

export type LogFolds = ReturnType<typeof createFolds>;
