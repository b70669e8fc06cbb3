/** What the REST API under /api/v1 answers. Instants are epoch milliseconds; money is a decimal string. */

import type { components } from './schema';

/** What the server's OpenAPI document describes. */
export type Served = components['schemas'];

export type Instant = number;
export type Money = string;

export type TaskStatus =
  | 'PENDING'
  | 'READY'
  | 'ASSIGNED'
  | 'STARTING'
  | 'SCHEDULED'
  | 'INTERRUPTING'
  | 'RUNNING'
  | 'SUSPENDED'
  | 'CANCELED'
  | 'FAILED'
  | 'SUCCEEDED'
  | 'NOT_COMPATIBLE';

export type WorkerState = 'rendering' | 'idle' | 'disabled' | 'off' | 'unknown' | 'starting';

export type Account =
  | 'rendering_useful'
  | 'rendering_wasted'
  | 'overhead'
  | 'idle_no_work'
  | 'idle_blocked'
  | 'disabled'
  | 'off'
  | 'unknown';

export type Counts = Partial<Record<TaskStatus, number>>;

export type Farm = Served['FarmRow'];

export interface Held {
  place: string;
  target_id: string;
  level: string;
}

export type JobNumbers = Served['JobNumbers'];

export interface Me {
  name: string;
  role: string;
  home: 'artist' | 'wrangler' | 'admin' | 'finance';
  has_password: boolean;
  memberships: Held[];
}

export interface JobRow {
  job_id: string;
  queue_id: string;
  name: string;
  user: string;
  project: string;
  priority: number;
  status: TaskStatus;
  counts: Counts;
  tasks_total: number;
  frames_total: number;
  frames_done: number;
  created_at: Instant;
  started_at: Instant | null;
  ended_at: Instant | null;
  /** null without a rate card, and in lists. */
  cost: Money | null;
  lifecycle_status: string;
  queue: string;
  shot: string | null;
  sequence: string | null;
  app: string | null;
  tasks_running: number;
  tasks_failed: number;
  /** What keeps it, in the scheduler's word; null: nothing does, as far as is known. */
  waits: string | null;
  /** The same in words. */
  because: string | null;
}

export interface WorkerThread {
  thread: number;
  session_id: string | null;
  job_id: string | null;
  job_name: string | null;
  layer_name: string | null;
  /** Kind of the running action. */
  action: string | null;
  frames: string | null;
  /** Of 100. */
  progress: number | null;
}

export interface WorkerRow {
  worker_id: string;
  fleet_id: string;
  name: string;
  status: WorkerState;
  threads: WorkerThread[];
  /** Thousandths of the whole machine. */
  cpu_milli: number | null;
  memory_used_bytes: number | null;
  memory_total_bytes: number | null;
  last_seen_at: Instant | null;
  /** How far its clock is behind the server's; negative: ahead. More than 5 s is a finding. */
  clock_behind_ms: number | null;
  /** False: it is said to render since before the server began, and was not heard since. */
  verified?: boolean;
  /** What its neighbours met while the server did not hear of it. */
  hail?: { verdict: string; text: string } | null;
  fleet: string;
  thread_count: number;
  /** Job threads that have a session. */
  busy: number;
  job_names: string | null;
  /** Letters of the work it is for, as set by hand. */
  classes: string | null;
  groups: string | null;
  note: string | null;
  draining: boolean;
  /** It takes no other task; its status says so once it has ended those it has. */
  disabled: boolean;
  /** Why it is quarantined; null: it is not. */
  quarantine: string | null;
}

/** Jobs a query is true for, as the server found them. */
export interface FoundJobs {
  jobs: JobRow[];
  /** null: not all were looked at. */
  matched: number | null;
  total: number;
  /** `after` of the next page. */
  next: string | null;
  looked_back_to: Instant | null;
}

/** A filter, an order and columns of a page, under a name. */
export interface SavedView {
  page: string;
  name: string;
  query: string;
}

export interface Overview {
  farm: Farm;
  now: Instant;
  /** Of the last event that all of it includes. */
  number: number;
  queues: { queue_id: string; name: string }[];
  fleets: { fleet_id: string; name: string }[];
  jobs: JobRow[];
  workers: WorkerRow[];
}

export interface Layer {
  layer_id: string;
  name: string;
  status: TaskStatus;
  counts: Counts;
  task_count: number;
  frame_count: number | null;
  depends_on: string[];
  mean_frame_ms: number | null;
}

export interface JobError {
  action_id: string;
  session_id: string;
  task_id: string | null;
  layer_id: string | null;
  worker: string;
  at: Instant;
  class: string | null;
  text: string;
}

export interface JobDetail extends JobRow {
  layers: Layer[];
  attributes: Record<string, string>;
  /** Each as its type and its value, e.g. {"string": "1-24"}. */
  parameters: Record<string, Record<string, unknown>>;
  errors: JobError[];
  /** False: the books are being restarted, and what only they know is missing. */
  books_answered: boolean;
}

/** One array per column, all of one length. */
export interface FrameColumns {
  layer_id: string[];
  frame: number[];
  task_index: number[];
  status: TaskStatus[];
  render_ms: (number | null)[];
  worker: (string | null)[];
  attempts: number[];
  output_bytes: (number | null)[];
  has_preview: boolean[];
}

export interface JobFrames {
  frames: FrameColumns;
  /** False: the books are being restarted, and what only they know is missing. */
  books_answered: boolean;
}

export type CostPart = Served['CostPart'];
export type Receipt = Served['ReceiptAnswer'];

/** [start, end, account]: half open, epoch milliseconds. */
export type Segment = [Instant, Instant, Account];

export interface TimelineRow {
  worker_id: string;
  thread: number;
  segments: Segment[];
}

/** What each job thread did; `span` ends at the server's now at the latest. */
export interface Timeline {
  span: { start_at: Instant; end_at: Instant };
  rows: TimelineRow[];
}

/** Machine time by account over a span. */
export type Accounts = Pick<Served['AccountsAnswer'], 'span' | 'workers' | 'machine_ms'> & {
  total: Record<`${Account}_ms`, number>;
};

export interface ApiFault {
  error: { code: string; message: string; fields?: { name: string; message: string }[] };
}

export type Report = Served['ReportAnswer'];
export type ReportColumn = Served['ReportColumn'];
export type ReportKind = Served['ReportKind'];
export type ReportRow = Report['rows'][number];

/** Worker-hours and workers needed of the coming days, and the days they follow from. */
export type Forecast = Served['ForecastAnswer'];

export type WhyStep = Served['Step'];
export type WhyLayer = Served['LayerAnswer'];
export type Why = Served['JobAnswer'];

/** What an action would do, or did. */
export interface Consequence {
  action: string;
  applied: boolean;
  text: string;
  /** There is nothing to do. */
  nothing: boolean;
  /** What could not be done: id → why. */
  refused: Record<string, string>;
}

/** The log streams that were heard in a span: kind and name. */
export type StreamNames = Served['StreamNamesAnswer'];
