/** Every state is a colour, a shape and a word; this is the one table of them. */

import type { TaskStatus, WorkerState } from '../api/types';

export type Tone = 'done' | 'active' | 'waiting' | 'held' | 'failed' | 'muted' | 'unsure';

export type ShapeName =
  'check' | 'play' | 'half' | 'ring' | 'dots' | 'pause' | 'cross' | 'slash' | 'square' | 'question';

export interface StateLook {
  word: string;
  tone: Tone;
  shape: ShapeName;
}

export const TASK_LOOKS: Record<TaskStatus, StateLook> = {
  SUCCEEDED: { word: 'done', tone: 'done', shape: 'check' },
  RUNNING: { word: 'rendering', tone: 'active', shape: 'play' },
  ASSIGNED: { word: 'assigned', tone: 'active', shape: 'half' },
  STARTING: { word: 'starting', tone: 'active', shape: 'half' },
  SCHEDULED: { word: 'scheduled', tone: 'active', shape: 'half' },
  INTERRUPTING: { word: 'stopping', tone: 'held', shape: 'pause' },
  READY: { word: 'ready', tone: 'waiting', shape: 'ring' },
  PENDING: { word: 'waits for a layer', tone: 'waiting', shape: 'dots' },
  SUSPENDED: { word: 'suspended', tone: 'held', shape: 'pause' },
  FAILED: { word: 'failed', tone: 'failed', shape: 'cross' },
  CANCELED: { word: 'cancelled', tone: 'muted', shape: 'slash' },
  NOT_COMPATIBLE: { word: 'no worker fits', tone: 'unsure', shape: 'question' },
};

/** Statuses in the order people read a progress bar: what is certain first. */
export const TASK_ORDER: TaskStatus[] = [
  'SUCCEEDED',
  'RUNNING',
  'INTERRUPTING',
  'STARTING',
  'ASSIGNED',
  'SCHEDULED',
  'READY',
  'PENDING',
  'SUSPENDED',
  'NOT_COMPATIBLE',
  'FAILED',
  'CANCELED',
];

/** What a cell that stands for several frames shows: the status that asks for attention. */
export const TASK_URGENCY: TaskStatus[] = [
  'FAILED',
  'NOT_COMPATIBLE',
  'INTERRUPTING',
  'SUSPENDED',
  'RUNNING',
  'STARTING',
  'ASSIGNED',
  'SCHEDULED',
  'CANCELED',
  'READY',
  'PENDING',
  'SUCCEEDED',
];

export const WORKER_LOOKS: Record<WorkerState, StateLook> = {
  rendering: { word: 'rendering', tone: 'active', shape: 'play' },
  idle: { word: 'idle', tone: 'waiting', shape: 'ring' },
  starting: { word: 'starting', tone: 'active', shape: 'half' },
  disabled: { word: 'disabled', tone: 'held', shape: 'pause' },
  off: { word: 'off', tone: 'muted', shape: 'square' },
  unknown: { word: 'not heard from', tone: 'unsure', shape: 'question' },
};

/** A frame whose picture is there while its task still runs: it counts once the task is done. */
const RENDERED: StateLook = { word: 'rendered, task still runs', tone: 'active', shape: 'check' };

/** The look of one frame: its task's, unless it is rendered ahead of it. */
export function frameLook(frame: { status: string; renderMs: number | null }): StateLook {
  return frame.status === 'RUNNING' && frame.renderMs !== null ? RENDERED : taskLook(frame.status);
}

/** The look of a status, also of one that this build does not know yet. */
export function taskLook(status: string): StateLook {
  return (
    TASK_LOOKS[status as TaskStatus] ?? {
      word: status.toLowerCase().replaceAll('_', ' '),
      tone: 'unsure',
      shape: 'question',
    }
  );
}

const INTERRUPTED: StateLook = { word: 'interrupted', tone: 'muted', shape: 'slash' };
const SUPERSEDED: StateLook = { word: 'rendered again since', tone: 'held', shape: 'slash' };

/** The look of an attempt: its own status, which no task has, or what became of it since. */
export function attemptLook(row: { status: string; superseded?: boolean | null }): StateLook {
  if (row.superseded && row.status === 'SUCCEEDED') return SUPERSEDED;
  return row.status === 'INTERRUPTED' ? INTERRUPTED : taskLook(row.status);
}

/** What a session does that is no task. */
export const ACTION_WORDS: Record<string, string> = {
  env_enter: 'sets up the environment',
  env_exit: 'takes down the environment',
  sync_input: 'copies input',
};

export function workerLook(status: string): StateLook {
  return WORKER_LOOKS[status as WorkerState] ?? { word: status, tone: 'unsure', shape: 'question' };
}

/** The look of a worker's state, and what it was told for when its task ends. */
export function orderedLook(row: {
  status: string;
  disabled: boolean;
  draining: boolean | null;
  quarantine?: string | null;
}): StateLook {
  const look = workerLook(row.status);
  if (row.quarantine != null && row.status === 'disabled') return { ...look, word: 'quarantined' };
  if (row.status === 'disabled' || row.status === 'off') return look;
  if (row.disabled) {
    const then = row.quarantine != null ? 'quarantined' : 'disabled';
    return { ...look, word: `${look.word}, then ${then}` };
  }
  return row.draining ? { ...look, word: `${look.word}, draining` } : look;
}
