/** What the pages of machines ask: one worker in full, what it was at, its samples, sums by hour. */

import type { Account, Instant, WorkerRow } from './types';
import { get, inFarm, send, within } from './client';

export interface WorkerDetail extends Omit<WorkerRow, 'classes' | 'groups'> {
  disabled: boolean;
  draining: boolean;
  closed: string;
  note: string | null;
  classes: string | null;
  groups: string | null;
  ps_milli: number;
  amounts: Record<string, number>;
  attributes: Record<string, string[]>;
  host_properties: Record<string, unknown>;
  created_at: Instant;
  quarantined_at: Instant | null;
  quarantine_cause: string;
  strokes: number;
}

export interface AttemptRow {
  action_id: string;
  thread: number;
  kind: string;
  status: string;
  job_id: string;
  job_name: string;
  layer_name: string | null;
  task_id: string | null;
  attempt: number | null;
  frames: string | null;
  started_at: Instant;
  ended_at: Instant;
  superseded: boolean;
  error_class: string | null;
  error_text: string | null;
  user_name: string;
  project: string;
  page: string | null;
}

export interface AttemptAt {
  worker_id: string;
  at: Instant;
  attempt: AttemptRow | null;
  others: AttemptRow[];
  before: AttemptRow | null;
  after: AttemptRow | null;
}

export interface Samples {
  span: { start_at: Instant; end_at: Instant };
  step_ms: number;
  columns: Record<string, (number | string | null)[]>;
}

export type AccountRow = Record<`${Account}_ms`, number> & {
  worker: string;
  start_at: Instant;
  end_at: Instant;
  machine_ms: number;
};

const of = (farm: string, worker: string) =>
  `${inFarm(farm)}/workers/${encodeURIComponent(worker)}`;

export const getWorker = (farm: string, worker: string) => get<WorkerDetail>(of(farm, worker));

export const getWorkerAttempts = (farm: string, worker: string, start: Instant, end: Instant) =>
  get<{ rows: AttemptRow[]; left_out: boolean }>(
    `${of(farm, worker)}/attempts`,
    within(start, end),
  );

export const getAttemptAt = (farm: string, worker: string, at: Instant, thread: number) =>
  get<AttemptAt>(`${of(farm, worker)}/attempt`, { at: Math.round(at), thread });

export const getSamples = (farm: string, worker: string, start: Instant, end: Instant) =>
  get<Samples>(`${inFarm(farm)}/samples/workers`, {
    worker,
    ...within(start, end),
    points: 400,
  });

export const getHourlyAccounts = (farm: string, start: Instant, end: Instant) =>
  get<{ rows: AccountRow[] }>(`${inFarm(farm)}/accounts`, {
    ...within(start, end),
    by: 'worker',
    step: 'hour',
  });

export const setNote = (farm: string, worker: string, note: string) =>
  send('PATCH', of(farm, worker), { note });
