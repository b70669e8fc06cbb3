/** The columns of the lists of jobs and workers. */

import type { Counts, JobRow, WorkerRow } from '../api/types';
import { bytes, count, cpu, UNKNOWN } from '../format/number';
import { ago, elapsed, full } from '../format/time';
import { now } from '../state/clock';
import { drawChip } from '../theme/shapes';
import { TASK_ORDER, TASK_URGENCY, taskLook, orderedLook, WORKER_LOOKS } from '../theme/states';
import { set, write, type Column } from './grid';

type Zone = () => string | undefined;

const lower = (text: string | null): string | null => (text ? text.toLowerCase() : null);
const orDash = (text: string | null): string => text || UNKNOWN;

function link(cell: HTMLElement, href: string, text: string): void {
  let anchor = cell.firstChild;
  if (!(anchor instanceof HTMLAnchorElement)) {
    anchor = document.createElement('a');
    (anchor as HTMLAnchorElement).tabIndex = -1;
    cell.replaceChildren(anchor);
  }
  (anchor as HTMLAnchorElement).href = href;
  write(anchor as HTMLAnchorElement, text);
}

/** How many tasks of which state, in words. */
const inWords = (counts: Counts): string[] =>
  TASK_ORDER.flatMap((status) => {
    const tasks = counts[status] ?? 0;
    return tasks === 0 ? [] : `${count(tasks)} ${taskLook(status).word}`;
  });

/** The tasks of a job as a bar; its words are on it for readers. */
function bar(cell: HTMLElement, counts: Counts, words: string): void {
  let line = cell.firstElementChild?.firstElementChild;
  if (!(line instanceof HTMLElement)) {
    line = document.createElement('div');
    line.className = 'bar';
    set(line, { role: 'img' });
    const progress = document.createElement('div');
    progress.className = 'progress bare';
    progress.append(line);
    cell.replaceChildren(progress);
  }
  let part = line.firstElementChild;
  for (const status of TASK_ORDER) {
    const tasks = counts[status] ?? 0;
    if (tasks === 0) continue;
    if (!(part instanceof HTMLElement)) {
      part = document.createElement('span');
      part.className = 'part';
      line.append(part);
    }
    const { tone, shape } = taskLook(status);
    set(part, { 'data-tone': tone, 'data-shape': shape });
    (part as HTMLElement).style.flexGrow = String(tasks);
    part = part.nextElementSibling;
  }
  while (part !== null) {
    const next: Element | null = part.nextElementSibling;
    part.remove();
    part = next;
  }
  line.setAttribute('aria-label', `Tasks: ${words}`);
}

/** An age that says when exactly as a tip. */
const age = <T>(
  key: string,
  label: string,
  at: (row: T) => number | null,
  zone: Zone,
  more: Partial<Column<T>> = {},
): Column<T> => ({
  key,
  label,
  width: 110,
  min: 70,
  sort: at,
  text: (row) => (at(row) === null ? UNKNOWN : ago(at(row), now())),
  tip: (row) => (at(row) === null ? undefined : full(at(row), zone())),
  ...more,
});

const plain = <T>(
  key: keyof T & string,
  label: string,
  width: number,
  more: Partial<Column<T>> = {},
): Column<T> => ({
  key,
  label,
  width,
  min: 50,
  sort: (row) => lower(row[key] as string | null),
  text: (row) => orDash(row[key] as string | null),
  ...more,
});

const whole = <T>(
  key: keyof T & string,
  label: string,
  width: number,
  more: Partial<Column<T>> = {},
): Column<T> => ({
  key,
  label,
  width,
  min: 50,
  number: true,
  sort: (row) => row[key] as number,
  text: (row) => count(row[key] as number),
  ...more,
});

/** Why a job waits; empty: it does not. */
const waits = (row: JobRow): string => (row.waits === null ? '' : `${row.waits}: ${row.because}`);

const urgency = (status: string): number => TASK_URGENCY.indexOf(status as never);

export const jobColumns = (zone: Zone): Column<JobRow>[] => [
  plain('name', 'Job', 214, {
    grows: 3,
    min: 120,
    look: (row) => row.job_id,
    draw: (cell, row) => link(cell, `/jobs/${row.job_id}`, row.name),
  }),
  {
    key: 'state',
    label: 'State',
    width: 116,
    min: 60,
    sort: (row) => urgency(row.status),
    text: (row) => taskLook(row.status).word,
    draw: (cell, row) => drawChip(cell, taskLook(row.status)),
  },
  {
    key: 'tasks',
    label: 'Tasks',
    width: 112,
    min: 60,
    sort: (row) => (row.tasks_total === 0 ? null : (row.counts.SUCCEEDED ?? 0) / row.tasks_total),
    text: (row) => inWords(row.counts).join(', '),
    tip: (row) => inWords(row.counts).join('\n'),
    draw: (cell, row, text) => bar(cell, row.counts, text),
  },
  {
    key: 'frames',
    label: 'Frames',
    width: 92,
    min: 60,
    number: true,
    sort: (row) => row.frames_total,
    text: (row) => `${count(row.frames_done)} / ${count(row.frames_total)}`,
  },
  whole('tasks_running', 'Running', 72),
  whole('tasks_failed', 'Failed', 60),
  {
    key: 'waits',
    label: 'Waiting because',
    grows: 3,
    width: 180,
    min: 80,
    sort: (row) => (row.waits === null ? null : `${row.waits} ${lower(row.because)}`),
    text: waits,
    look: (row) => row.job_id,
    tip: (row) => waits(row) || undefined,
    draw: (cell, row, text) => {
      if (text === '') cell.replaceChildren();
      else link(cell, `/jobs/${row.job_id}/why`, text);
    },
  },
  plain('user', 'User', 78, { grows: 1 }),
  plain('project', 'Project', 90, { grows: 1 }),
  plain('shot', 'Shot', 78, { grows: 1 }),
  plain('sequence', 'Sequence', 96, { hidden: true }),
  plain('app', 'App', 96, { hidden: true }),
  plain('queue', 'Queue', 110, { hidden: true }),
  whole('priority', 'Priority', 68),
  {
    key: 'elapsed',
    label: 'Elapsed',
    width: 92,
    min: 70,
    number: true,
    sort: (row) => (row.started_at === null ? null : (row.ended_at ?? now()) - row.started_at),
    text: (row) => elapsed(row.started_at, row.ended_at, now()),
  },
  age('submitted', 'Submitted', (row) => row.created_at, zone, { width: 92 }),
  age('started', 'Started', (row) => row.started_at, zone, { hidden: true }),
  age('finished', 'Finished', (row) => row.ended_at, zone, { hidden: true }),
  plain('job_id', 'Id', 290, { hidden: true }),
];

/** On a telephone. */
export const NARROW_JOBS = 'name:150,state:116,tasks:88';
export const NARROW_WORKERS = 'name:120,state:120,job_names:130';

const STATES = Object.keys(WORKER_LOOKS);

export const workerColumns = (zone: Zone): Column<WorkerRow>[] => [
  plain('name', 'Worker', 190, {
    grows: 2,
    min: 90,
    look: (row) => row.worker_id,
    draw: (cell, row) => link(cell, `/workers/${row.worker_id}`, row.name),
  }),
  {
    key: 'state',
    label: 'State',
    width: 190,
    min: 60,
    sort: (row) => STATES.indexOf(row.status),
    text: (row) => orderedLook(row).word,
    draw: (cell, row) => drawChip(cell, orderedLook(row)),
  },
  plain('job_names', 'Renders', 240, { grows: 3 }),
  {
    key: 'threads',
    label: 'Threads',
    width: 88,
    min: 60,
    number: true,
    sort: (row) => row.thread_count,
    text: (row) => `${row.busy} / ${row.thread_count}`,
  },
  {
    key: 'cpu',
    label: 'CPU',
    width: 76,
    min: 50,
    number: true,
    sort: (row) => row.cpu_milli,
    text: (row) => cpu(row.cpu_milli),
  },
  {
    key: 'memory',
    label: 'Memory',
    width: 160,
    min: 70,
    number: true,
    sort: (row) => row.memory_used_bytes,
    text: (row) =>
      row.memory_used_bytes === null
        ? UNKNOWN
        : `${bytes(row.memory_used_bytes)} of ${bytes(row.memory_total_bytes)}`,
  },
  plain('fleet', 'Fleet', 110),
  plain('groups', 'Groups', 130),
  plain('classes', 'Classes', 80, { hidden: true }),
  plain('note', 'Note', 200, { grows: 3 }),
  age('seen', 'Seen', (row) => row.last_seen_at, zone),
  {
    key: 'clock',
    label: 'Clock off',
    width: 96,
    min: 60,
    hidden: true,
    number: true,
    sort: (row) => (row.clock_behind_ms === null ? null : Math.abs(row.clock_behind_ms)),
    text: (row) =>
      row.clock_behind_ms === null ? UNKNOWN : `${(row.clock_behind_ms / 1000).toFixed(1)} s`,
  },
  plain('worker_id', 'Id', 320, { hidden: true }),
];
