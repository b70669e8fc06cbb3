/** What a search on the server has found so far; it goes on by itself while the log grows. */

import { createSignal, onCleanup } from 'solid-js';
import { reasonOf } from '../api/client';
import type { Found, FoundLine } from '../api/logs';

type Search = (
  first: number,
  signal: AbortSignal,
  hear: (found: Found) => void,
) => Promise<void> | null;

export function createFound() {
  const [lines, setLines] = createSignal<FoundLine[]>([]);
  const [total, setTotal] = createSignal(0);
  const [isBusy, setBusy] = createSignal(false);
  const [isDone, setDone] = createSignal(false);
  const [problem, setProblem] = createSignal<string | null>(null);
  let stop = new AbortController();
  let scanned = 0;
  let search: Search | null = null;

  const run = async () => {
    if (search === null) return;
    const mine = stop.signal;
    const before = total();
    setBusy(true);
    try {
      const going = search(scanned + 1, mine, (found) => {
        if (mine.aborted) return;
        scanned = Math.max(scanned, found.scanned);
        if (found.found.length > 0) setLines((known) => [...known, ...found.found]);
        setTotal(before + found.total);
      });
      if (going === null) return;
      await going;
      if (!mine.aborted) setDone(true);
    } catch (error) {
      if (!mine.aborted) setProblem(reasonOf(error));
    } finally {
      if (!mine.aborted) setBusy(false);
    }
  };

  const forget = () => {
    stop.abort();
    stop = new AbortController();
    scanned = 0;
    search = null;
    setLines([]);
    setTotal(0);
    setBusy(false);
    setDone(false);
    setProblem(null);
  };
  onCleanup(() => stop.abort());
  return {
    lines,
    total,
    isBusy,
    /** True once the log was looked at up to its end as it was then. */
    isDone,
    problem,
    forget,
    begin(asked: Search) {
      forget();
      search = asked;
      void run();
    },
    /** Look at lines behind those already looked at. */
    goOn(of: number) {
      if (!isBusy() && scanned < of && problem() === null) void run();
    },
  };
}
