/** All active jobs and all workers, read once and kept live for as long as the page lives. */

import { batch, createSignal, type Accessor } from 'solid-js';
import { unwrap } from 'solid-js/store';
import { getSnapshot, reasonOf } from '../api/client';
import type { JobRow, WorkerRow } from '../api/types';
import { unpack } from '../live/snapshot';
import { LiveTable } from '../live/table';
import type { Field } from '../where';
import { now } from './clock';
import type { FarmState } from './farm';

export interface LiveList<T extends object> {
  table: LiveTable<T>;
  /** Goes up whenever everything was read anew. */
  loaded: Accessor<number>;
  /** True: only the newest rows are there yet. */
  partial: Accessor<boolean>;
  problem: Accessor<string | null>;
  fields: Accessor<Field[]>;
  zone: Accessor<string>;
  /** False: there are more jobs than the list holds, so the server has to be asked. */
  complete: Accessor<boolean>;
  /** How many there are, those left out included. */
  total: Accessor<number>;
}

/** How long rows wait for the stream of events to begin; longer where the newest are shown. */
const STREAM_MS = 600;
const STREAM_BEHIND_MS = 2500;

const RUNNING = ['RUNNING', 'ASSIGNED', 'INTERRUPTING'] as const;

/** The sums a snapshot leaves out. */
function counted(row: JobRow): JobRow {
  let tasks = 0;
  let running = 0;
  for (const status in row.counts) {
    const count = row.counts[status as keyof typeof row.counts] ?? 0;
    tasks += count;
    if ((RUNNING as readonly string[]).includes(status)) running += count;
  }
  row.tasks_total = tasks;
  row.tasks_running = running;
  row.tasks_failed = row.counts.FAILED ?? 0;
  return row;
}

const DAY_MS = 86_400_000;

/** True of jobs the list holds: those that have not ended, or did within a day. */
export const isListed = ({ ended_at }: JobRow): boolean =>
  ended_at === null || ended_at >= now() - DAY_MS;

/** The newest of the active jobs, as the farm's overview has them. */
function newestJobs(farm: FarmState): JobRow[] {
  return unwrap(farm.store.jobs)
    .filter(isListed)
    .map((row) => ({ ...row, counts: { ...row.counts } }));
}

const jobLists = new WeakMap<FarmState, LiveList<JobRow>>();
const workerLists = new WeakMap<FarmState, LiveList<WorkerRow>>();

export function useJobList(farm: FarmState): LiveList<JobRow> {
  let list = jobLists.get(farm);
  if (list === undefined) {
    list = createList<JobRow>(farm, {
      of: 'jobs',
      kind: 'job',
      key: 'job_id',
      first: newestJobs(farm),
      finish: counted,
      whole: (row) => 'counts' in row,
      gone: (row) => row.lifecycle_status === 'ARCHIVED',
    });
    jobLists.set(farm, list);
  }
  return list;
}

export function useWorkerList(farm: FarmState): LiveList<WorkerRow> {
  let list = workerLists.get(farm);
  if (list === undefined) {
    list = createList<WorkerRow>(farm, {
      of: 'workers',
      kind: 'worker',
      key: 'worker_id',
      first: [],
      finish: (row) => row,
      whole: (row) => 'threads' in row,
      gone: () => false,
    });
    workerLists.set(farm, list);
  }
  return list;
}

interface Source<T> {
  of: 'jobs' | 'workers';
  kind: 'job' | 'worker';
  key: keyof T & string;
  /** Rows that are known already, the newest first, to show before all are there. */
  first: T[];
  finish: (row: T) => T;
  /** An event may say only which thing changed. */
  whole: (row: object) => boolean;
  gone: (row: T) => boolean;
}

function createList<T extends object>(farm: FarmState, source: Source<T>): LiveList<T> {
  const table = new LiveTable<T>((row) => row[source.key] as string);
  table.load(source.first);
  const [loaded, setLoaded] = createSignal(0);
  const [partial, setPartial] = createSignal(source.first.length > 0);
  const [problem, setProblem] = createSignal<string | null>(null);
  const [fields, setFields] = createSignal<Field[]>([]);
  const [zone, setZone] = createSignal(farm.zone() ?? 'UTC');
  const [complete, setComplete] = createSignal(true);
  const [total, setTotal] = createSignal(0);
  let early: { rows: T[]; number: number }[] | null = null;
  let turn = 0;

  const read = async () => {
    const farmId = farm.store.farm?.farm_id;
    if (farmId === undefined) return;
    const mine = (turn += 1);
    early = [];
    try {
      const packed = await getSnapshot(farmId, source.of, farm.lastNumber());
      if (mine !== turn) return;
      const rows = await unpack<T>(packed, source.key, source.finish);
      if (mine !== turn) return;
      table.load(rows);
      // What the page makes of them is work of its own.
      await new Promise((goOn) => setTimeout(goOn));
      if (mine !== turn) return;
      for (const { rows, number } of early) {
        if (number > packed.number) table.update(rows, source.gone);
      }
      early = null;
      batch(() => {
        setFields(packed.fields);
        setZone(packed.zone);
        setComplete(packed.complete);
        setTotal(packed.total);
        setProblem(null);
        setPartial(false);
        setLoaded((times) => times + 1);
      });
    } catch (error) {
      if (mine !== turn) return;
      setProblem(reasonOf(error));
      setTimeout(() => void read(), 3000);
    }
  };
  farm.follow(source.kind, (rows, number) => {
    const whole = (rows as T[]).filter(source.whole);
    if (whole.length < rows.length) void read();
    if (early !== null) early.push({ rows: whole, number });
    else {
      const before = table.size;
      table.update(whole, source.gone);
      setTotal((count) => count + table.size - before);
    }
  });
  farm.onReset(() => void read());
  // Rows read before the stream began may lack what changed in between: they are read after it, or
  // once more if it was long in coming.
  let began = farm.lastNumber() > 0;
  const patience = setTimeout(
    () => void read(),
    began ? 0 : source.first.length > 0 ? STREAM_BEHIND_MS : STREAM_MS,
  );
  farm.follow('hello', () => {
    if (began) return;
    began = true;
    clearTimeout(patience);
    void read();
  });
  return { table, loaded, partial, problem, fields, zone, complete, total };
}
