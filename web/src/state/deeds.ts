/** What users do to many jobs or workers: shown at once, taken back with the reason if refused. */

import { actOnJobs, orderWorkers, reasonOf } from '../api/client';
import type { Consequence, Counts, JobRow, TaskStatus, WorkerRow } from '../api/types';
import type { LiveTable } from '../live/table';
import { plural } from '../format/number';
import { notify } from './notices';

/** The server takes at most 1,000 at a time. */
const AT_A_TIME = 500;

export interface Deed<T extends object> {
  word: string;
  /** What was done, of so many: "Paused 3 jobs". */
  done: (count: number) => string;
  ids: string[];
  /** What rows look like afterwards, as far as a browser can know. */
  patch: (row: T) => Partial<T>;
  ask: (farm: string, ids: string[], apply: boolean) => Promise<Consequence>;
  /** It destroys something: it is asked for first what. */
  isGrave?: boolean;
  /** Made of the rows as they were before. */
  undo?: (rows: T[]) => Deed<T>[];
}

/** What a deed would do, in the server's words. */
export const consequence = async <T extends object>(farm: string, deed: Deed<T>) =>
  (await deed.ask(farm, deed.ids.slice(0, AT_A_TIME * 2), false)).text;

export async function perform<T extends object>(
  farm: string,
  table: LiveTable<T>,
  deed: Deed<T>,
  quietly = false,
): Promise<void> {
  const before = deed.ids.flatMap((id) => {
    const row = table.get(id);
    return row === undefined ? [] : [{ ...row }];
  });
  const shown = table.pretend(deed.ids, deed.patch);
  const refused = new Map<string, string>();
  for (let start = 0; start < deed.ids.length; start += AT_A_TIME) {
    const part = deed.ids.slice(start, start + AT_A_TIME);
    try {
      const answer = await deed.ask(farm, part, true);
      for (const [id, why] of Object.entries(answer.refused)) refused.set(id, why);
    } catch (error) {
      for (const id of part) refused.set(id, reasonOf(error));
    }
  }
  shown.rollBack(refused.keys());
  shown.confirm();
  const count = deed.ids.length - refused.size;
  const why = refused.values().next().value;
  if (why !== undefined) {
    notify(`${deed.word}: not done for ${refused.size}. ${why}`, { isProblem: true });
  }
  if (count === 0 || quietly) return;
  const undone = before.filter((row) => !refused.has(table.idOf(row)));
  const back = deed.undo?.(undone).filter((one) => one.ids.length > 0) ?? [];
  notify(`${deed.done(count)}.`, {
    undo:
      back.length === 0
        ? null
        : () => {
            for (const one of back) void perform(farm, table, one, true);
            notify(`Taken back: ${deed.done(count).toLowerCase()}.`);
          },
  });
}

function moveCounts(counts: Counts, from: TaskStatus[], to: TaskStatus): Counts {
  const found: Counts = { ...counts };
  let sum = found[to] ?? 0;
  for (const status of from) {
    if (status === to) continue;
    sum += found[status] ?? 0;
    delete found[status];
  }
  if (sum > 0) found[to] = sum;
  return found;
}

const act =
  (action: string, more: { priority?: number } = {}) =>
  (farm: string, jobs: string[], apply: boolean) =>
    actOnJobs(farm, { action, select: { jobs }, apply, ...more });

const running = (row: JobRow) => row.tasks_running > 0;
const has = (row: JobRow, ...statuses: TaskStatus[]) =>
  statuses.some((status) => (row.counts[status] ?? 0) > 0);
const idsOf = (rows: JobRow[]) => rows.map((row) => row.job_id);

const resumeOf = (rows: JobRow[]): Deed<JobRow> => ({
  word: 'Resume',
  done: (count) => `Resumed ${plural(count, 'job')}`,
  ids: idsOf(rows),
  ask: act('resume'),
  patch: (row) => ({
    status: running(row) ? row.status : 'READY',
    counts: moveCounts(row.counts, ['SUSPENDED'], 'READY'),
  }),
  undo: (before) => [pauseOf(before)],
});

const pauseOf = (rows: JobRow[]): Deed<JobRow> => ({
  word: 'Pause',
  done: (count) => `Paused ${plural(count, 'job')}`,
  ids: idsOf(rows),
  ask: act('pause'),
  patch: (row) => ({
    status: running(row) ? row.status : 'SUSPENDED',
    counts: moveCounts(row.counts, ['READY', 'PENDING'], 'SUSPENDED'),
  }),
  // What was suspended before would be resumed too, so of such a job there is no way back.
  undo: (before) => [resumeOf(before.filter((row) => !has(row, 'SUSPENDED')))],
});

const priorityOf = (rows: JobRow[], priority: number): Deed<JobRow> => ({
  word: `Priority ${priority}`,
  done: (count) => `Set priority ${priority} of ${plural(count, 'job')}`,
  ids: idsOf(rows),
  ask: act('priority', { priority }),
  patch: () => ({ priority }),
  undo: (before) => {
    const old = new Set(before.map((row) => row.priority));
    return [...old].map((was) =>
      priorityOf(
        before.filter((row) => row.priority === was),
        was,
      ),
    );
  },
});

/** What can be done to these jobs; of each deed only those it fits. */
export function jobDeeds(rows: JobRow[]): Deed<JobRow>[] {
  const open = rows.filter((row) => row.ended_at === null);
  const deeds: Deed<JobRow>[] = [
    pauseOf(open.filter((row) => has(row, 'READY', 'PENDING', 'RUNNING', 'ASSIGNED'))),
    resumeOf(open.filter((row) => has(row, 'SUSPENDED'))),
    {
      word: 'Try again',
      done: (count) => `Sent failed tasks of ${plural(count, 'job')} again`,
      ids: idsOf(rows.filter((row) => has(row, 'FAILED', 'CANCELED'))),
      ask: act('requeue'),
      patch: (row) => ({
        status: running(row) ? row.status : 'READY',
        counts: moveCounts(row.counts, ['FAILED', 'CANCELED'], 'READY'),
        tasks_failed: 0,
      }),
    },
    {
      word: 'Cancel',
      done: (count) => `Cancelled ${plural(count, 'job')}`,
      ids: idsOf(open),
      ask: act('cancel'),
      isGrave: true,
      patch: () => ({ status: 'CANCELED' }),
    },
    {
      word: 'Delete',
      done: (count) => `Deleted ${plural(count, 'job')}`,
      ids: idsOf(rows),
      ask: act('delete'),
      isGrave: true,
      patch: () => ({}),
    },
  ];
  return deeds.filter((deed) => deed.ids.length > 0);
}

export const setPriority = (rows: JobRow[], priority: number): Deed<JobRow> =>
  priorityOf(
    rows.filter((row) => row.ended_at === null),
    priority,
  );

const order = (word: string) => (farm: string, workers: string[], apply: boolean) =>
  orderWorkers(farm, { order: word, workers, apply });

const enableOf = (rows: WorkerRow[]): Deed<WorkerRow> => ({
  word: 'Enable',
  done: (count) => `Enabled ${plural(count, 'worker')}`,
  ids: rows.map((row) => row.worker_id),
  ask: order('enable'),
  patch: (row) => ({
    disabled: false,
    draining: false,
    quarantine: null,
    status: row.status === 'disabled' ? 'idle' : row.status,
  }),
  undo: (before) => [disableOf(before.filter((row) => row.disabled))],
});

const disableOf = (rows: WorkerRow[]): Deed<WorkerRow> => ({
  word: 'Disable after the task',
  done: (count) => `Disabled ${plural(count, 'worker')}; running tasks are finished`,
  ids: rows.map((row) => row.worker_id),
  ask: order('disable'),
  patch: (row) => ({ disabled: true, status: row.status === 'idle' ? 'disabled' : row.status }),
  undo: (before) => [enableOf(before.filter((row) => !row.disabled && !row.draining))],
});

export function workerDeeds(rows: WorkerRow[]): Deed<WorkerRow>[] {
  const ids = (fits: (row: WorkerRow) => boolean) => rows.filter(fits).map((row) => row.worker_id);
  const deeds: Deed<WorkerRow>[] = [
    enableOf(rows.filter((row) => row.disabled || row.draining)),
    disableOf(rows.filter((row) => !row.disabled)),
    {
      word: 'Drain',
      done: (count) => `Draining ${plural(count, 'worker')}`,
      ids: ids((row) => !row.draining && !row.disabled),
      ask: order('drain'),
      patch: () => ({ draining: true }),
      undo: (before) => [enableOf(before)],
    },
    {
      word: 'Stop now',
      done: (count) => `Stopped ${plural(count, 'worker')}`,
      ids: ids((row) => row.busy > 0 || !row.disabled),
      ask: order('stop'),
      isGrave: true,
      patch: () => ({ disabled: true }),
    },
  ];
  return deeds.filter((deed) => deed.ids.length > 0);
}
