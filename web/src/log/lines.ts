/** The lines of a log that are on the screen or near it; the rest stays on the server. */

import { createSignal, onCleanup, untrack } from 'solid-js';
import { reasonOf } from '../api/client';
import { getLines, getLog, getRows, type LogAbout, type LogName } from '../api/logs';
import type { Instant } from '../api/types';

export interface Line {
  number: number;
  /** undefined: not read yet; null: not kept by the server. */
  text: string | null | undefined;
  at: Instant | null;
  isCut: boolean;
}

/** So many lines are read at a time. */
const WINDOW = 500;
/** So many windows are kept. */
const MOST_WINDOWS = 40;
/** Lines in view that lie in more windows than these are read one by one. */
const FEW_WINDOWS = 8;
/** So many lines that were read one by one are kept. */
const MOST_SINGLE = 2_000;
const EVERY_MS = 1_000;
const RETRY_MS = 3_000;

interface Kept {
  lines: Line[];
  /** How many lines the log had when it was read. */
  of: number;
}

/**
 * The lines of a log.
 *
 * @param told the text of a line that a search has told already: it is there before its window.
 */
export function createLines(
  name: () => LogName | null,
  told: (line: number) => string | undefined,
) {
  const [about, setAbout] = createSignal<LogAbout | null>(null);
  const [count, setCount] = createSignal(0);
  const [grows, setGrows] = createSignal(false);
  const [problem, setProblem] = createSignal<string | null>(null);
  const [version, setVersion] = createSignal(0);
  const windows = new Map<number, Kept>();
  const asked = new Set<number>();
  /** Lines read one by one: those between folds, in a log of which little is in sight. */
  const single = new Map<number, Line>();
  let isReadingSingle = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = new AbortController();

  const say = (error: unknown) => {
    if (stop.signal.aborted) return;
    setProblem(reasonOf(error));
  };

  const readWindow = async (at: number) => {
    const log = name();
    if (log === null || asked.has(at)) return;
    const mine = stop.signal;
    asked.add(at);
    try {
      const lines: Line[] = [];
      let of = 0;
      const first = at * WINDOW + 1;
      for (;;) {
        const found = await getLines(log, first + lines.length, WINDOW - lines.length, mine);
        if (mine.aborted) return;
        of = found.lines;
        const cut = new Set(found.cut);
        found.text.forEach((text, index) => {
          const number = found.first + index;
          lines.push({ number, text, at: found.at[index] ?? null, isCut: cut.has(number) });
        });
        setCount(of);
        setGrows(found.grows);
        if (found.text.length === 0 || first + lines.length > Math.min(of, first + WINDOW - 1))
          break;
      }
      windows.delete(at);
      windows.set(at, { lines, of });
      for (const old of [...windows.keys()].slice(0, Math.max(0, windows.size - MOST_WINDOWS))) {
        windows.delete(old);
      }
      setProblem(null);
      setVersion((before) => before + 1);
    } catch (error) {
      say(error);
    } finally {
      asked.delete(at);
    }
  };

  const readSingle = async (numbers: number[]) => {
    const log = name();
    if (log === null || isReadingSingle) return; // what is still missing is asked for behind it
    const mine = stop.signal;
    isReadingSingle = true;
    try {
      const found = await getRows(log, numbers, mine);
      if (mine.aborted) return;
      const cut = new Set(found.cut);
      found.number.forEach((number, index) => {
        const [text, at] = [found.text[index], found.at[index] ?? null];
        single.set(number, { number, text, at, isCut: cut.has(number) });
      });
      for (const old of [...single.keys()].slice(0, Math.max(0, single.size - MOST_SINGLE))) {
        single.delete(old);
      }
      setCount(found.lines);
      setGrows(found.grows);
      setProblem(null);
      isReadingSingle = false;
      if (found.number.length > 0) setVersion((before) => before + 1);
    } catch (error) {
      say(error);
    } finally {
      if (!mine.aborted) isReadingSingle = false;
    }
  };

  /** Lines by number, from 1; those that are not here yet are fetched. */
  const linesOf = (numbers: number[]): Line[] => {
    version();
    const found: Line[] = [];
    const missing = new Set<number>();
    const lacking: number[] = [];
    for (const number of numbers) {
      const at = Math.floor((number - 1) / WINDOW);
      const line = windows.get(at)?.lines[(number - 1) % WINDOW] ?? single.get(number);
      if (line === undefined) {
        missing.add(at);
        lacking.push(number);
      }
      found.push(line ?? { number, text: told(number), at: null, isCut: false });
    }
    untrack(() => {
      if (missing.size > FEW_WINDOWS) void readSingle(lacking);
      else missing.forEach((at) => void readWindow(at));
    });
    return found;
  };

  const look = async () => {
    const log = name();
    if (log === null) return;
    const mine = stop.signal;
    try {
      const found = await getLog(log, mine);
      if (mine.aborted) return;
      const grew = found.lines !== count();
      setAbout(found);
      setGrows(found.grows);
      setProblem(null);
      if (grew) {
        // The last window that is here may have room for what was added, and its last line may
        // have been half a line.
        for (const [at, kept] of windows) {
          if (kept.of < found.lines && kept.lines.length < WINDOW) void readWindow(at);
        }
        single.delete(count());
        setCount(found.lines);
      }
      if (found.grows) timer = setTimeout(() => void look(), document.hidden ? 5_000 : EVERY_MS);
    } catch (error) {
      say(error);
      timer = setTimeout(() => void look(), RETRY_MS);
    }
  };

  const begin = () => {
    clearTimeout(timer);
    stop.abort();
    stop = new AbortController();
    windows.clear();
    asked.clear();
    single.clear();
    isReadingSingle = false;
    setAbout(null);
    setCount(0);
    setProblem(null);
    setVersion((before) => before + 1);
    void look();
  };
  onCleanup(() => {
    clearTimeout(timer);
    stop.abort();
  });
  return { about, count, grows, problem, linesOf, begin };
}
