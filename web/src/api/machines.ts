/** What the pages of machines ask: one worker in full, what it was at, its samples, sums by hour. */

import type { Instant, Served, WorkerRow } from './types';
import { get, inFarm, send, within } from './client';

export type WorkerDetail = Served['WorkerDetail'] & WorkerRow;
export type AttemptRow = Served['WorkerAttempt'];
export type AttemptAt = Served['AttemptAt'];
export type Samples = Served['SamplesAnswer'];
export type AccountRow = Served['AccountRow'];

const of = (farm: string, worker: string) =>
  `${inFarm(farm)}/workers/${encodeURIComponent(worker)}`;

export const getWorker = (farm: string, worker: string) => get<WorkerDetail>(of(farm, worker));

export const getWorkerAttempts = (farm: string, worker: string, start: Instant, end: Instant) =>
  get<Served['WorkerAttempts']>(`${of(farm, worker)}/attempts`, within(start, end));

export const getAttemptAt = (farm: string, worker: string, at: Instant, thread: number) =>
  get<AttemptAt>(`${of(farm, worker)}/attempt`, { at: Math.round(at), thread });

export const getSamples = (farm: string, worker: string, start: Instant, end: Instant) =>
  get<Samples>(`${inFarm(farm)}/samples/workers`, {
    worker,
    ...within(start, end),
    points: 400,
  });

export const getHourlyAccounts = (farm: string, start: Instant, end: Instant) =>
  get<Served['AccountsAnswer']>(`${inFarm(farm)}/accounts`, {
    ...within(start, end),
    by: 'worker',
    step: 'hour',
  });

export const setNote = (farm: string, worker: string, note: string) =>
  send('PATCH', of(farm, worker), { note });
