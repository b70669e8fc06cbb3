/** What every job thread did, over a span: read again while it still grows. */

import { createEffect, createSignal, on, onCleanup, type Accessor } from 'solid-js';
import { getAccounts, getTimeline } from '../api/client';
import type { Account, Accounts, TimelineRow } from '../api/types';
import { compareNames } from '../format/order';
import { ACCOUNTS, accountOf } from '../theme/accounts';
import { now } from './clock';
import { useFarm } from './farm';

export interface Span {
  start: number;
  /** null: it goes on until now. */
  end: number | null;
}

export interface MachineTime {
  start: number;
  end: number;
  rows: TimelineRow[];
  /** Sums by account, as the books have them. */
  accounts: Accounts;
}

const LIVE_MS = 3_000;

export function createMachineTime(span: Accessor<Span | null>): Accessor<MachineTime | null> {
  const farm = useFarm();
  const [time, setTime] = createSignal<MachineTime | null>(null);
  let turn = 0;

  const read = async () => {
    const farmId = farm.store.farm?.farm_id;
    const wanted = span();
    if (farmId === undefined || wanted === null) return;
    const mine = ++turn;
    const end = Math.max(wanted.end ?? now(), wanted.start + 1);
    try {
      const [timeline, accounts] = await Promise.all([
        getTimeline(farmId, wanted.start, end),
        getAccounts(farmId, wanted.start, end),
      ]);
      if (mine !== turn) return;
      setTime({
        start: timeline.span.start_at,
        end: timeline.span.end_at,
        rows: byName(timeline.rows),
        accounts,
      });
    } catch (error) {
      console.info('Machine time could not be read; it is tried again.', error);
    }
  };
  const byName = (rows: TimelineRow[]) => {
    const names = new Map(farm.store.workers.map((worker) => [worker.worker_id, worker.name]));
    const name = (row: TimelineRow) => names.get(row.worker_id) ?? row.worker_id;
    return rows.toSorted((a, b) => compareNames(name(a), name(b)) || a.thread - b.thread);
  };

  createEffect(
    on([() => span()?.start, () => span()?.end, () => farm.store.farm?.farm_id], () => void read()),
  );
  const timer = setInterval(() => {
    if (!document.hidden && span()?.end === null && farm.link() === 'live') void read();
  }, LIVE_MS);
  onCleanup(() => clearInterval(timer));
  farm.onRefresh(() => void read());
  return time;
}

/** Threads in each account, averaged over `bins` equal pieces of the span. */
export function levels(
  time: MachineTime,
  bins: number,
): { edges: number[]; threads: Record<Account, number[]> } {
  const width = (time.end - time.start) / bins;
  const edges = Array.from({ length: bins }, (_, at) => time.start + at * width);
  const threads = Object.fromEntries(
    ACCOUNTS.map(({ key }) => [key, new Array<number>(bins).fill(0)]),
  ) as Record<Account, number[]>;
  for (const row of time.rows) {
    for (const [from, to, account] of row.segments) {
      const start = Math.max(from, time.start);
      const end = Math.min(to, time.end);
      if (end <= start) continue;
      const column = threads[accountOf(account).key];
      const first = Math.floor((start - time.start) / width);
      const last = Math.min(Math.ceil((end - time.start) / width), bins);
      for (let bin = first; bin < last; bin += 1) {
        const left = time.start + bin * width;
        const share = (Math.min(end, left + width) - Math.max(start, left)) / width;
        column[bin]! += Math.max(share, 0);
      }
    }
  }
  return { edges, threads };
}
