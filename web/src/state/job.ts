/** One job with its layers, frames and receipt, kept up to date by the farm's events. */

import { createEffect, createMemo, createSignal, on, onCleanup, type Accessor } from 'solid-js';
import { createStore, reconcile } from 'solid-js/store';
import { ApiError, getFrames, getJob, getReceipt } from '../api/client';
import type { FrameColumns, JobDetail, JobRow, Receipt, TaskStatus } from '../api/types';
import { useFarm } from './farm';
import { throttle } from './throttle';

export interface Frame {
  jobId: string;
  layerId: string;
  frame: number;
  task: number;
  status: TaskStatus;
  renderMs: number | null;
  worker: string | null;
  attempts: number;
  bytes: number | null;
  hasPreview: boolean;
}

export interface JobState {
  detail: Accessor<JobDetail | null>;
  /** The freshest row: events come to the overview before the detail is read again. */
  row: Accessor<JobRow | null>;
  framesOf(layerId: string): Frame[];
  receipt: Accessor<Receipt | null>;
  isMissing: Accessor<boolean>;
  /** All that is asked at first has answered, or took too long: what stands below may be shown. */
  isSettled: Accessor<boolean>;
}

const EVERY_MS = 1_000;
const RETRY_MS = 3_000;
/** The books take seconds to come back; where they stay away, they are asked ever less often. */
const LONGEST_RETRY_MS = 60_000;
/** A page waits so long at most for the books before it shows what it has. */
const SETTLE_MS = 10_000;

const FIELDS = ['task', 'status', 'renderMs', 'worker', 'attempts', 'bytes', 'hasPreview'] as const;

/** Columns as rows per layer. A frame that did not change stays the same object, so pictures stay put. */
function rows(
  jobId: string,
  columns: FrameColumns,
  before: Map<string, Frame[]>,
): Map<string, Frame[]> {
  const known = new Map<string, Frame>();
  for (const frames of before.values()) {
    for (const frame of frames) known.set(`${frame.layerId} ${frame.frame}`, frame);
  }
  const byLayer = new Map<string, Frame[]>();
  for (let at = 0; at < columns.frame.length; at += 1) {
    const layerId = columns.layer_id[at]!;
    const fresh: Frame = {
      jobId,
      layerId,
      frame: columns.frame[at]!,
      task: columns.task_index[at]!,
      status: columns.status[at]!,
      renderMs: columns.render_ms[at] ?? null,
      worker: columns.worker[at] ?? null,
      attempts: columns.attempts[at] ?? 0,
      bytes: columns.output_bytes[at] ?? null,
      hasPreview: columns.has_preview[at] ?? false,
    };
    const old = known.get(`${layerId} ${fresh.frame}`);
    const frame = old && FIELDS.every((field) => old[field] === fresh[field]) ? old : fresh;
    const layer = byLayer.get(layerId);
    if (layer === undefined) byLayer.set(layerId, [frame]);
    else layer.push(frame);
  }
  for (const frames of byLayer.values()) frames.sort((a, b) => a.frame - b.frame);
  return byLayer;
}

export function createJobState(jobId: Accessor<string | null>): JobState {
  const farm = useFarm();
  const [store, setStore] = createStore<{ detail: JobDetail | null }>({ detail: null });
  const detail = () => store.detail;
  const [frames, setFrames] = createSignal(new Map<string, Frame[]>());
  const [receipt, setReceipt] = createSignal<Receipt | null>(null);
  const [isMissing, setMissing] = createSignal(false);
  const [isSettled, setSettled] = createSignal(false);

  let retry: ReturnType<typeof setTimeout> | undefined;
  let retryMs = RETRY_MS;
  const later = () => {
    clearTimeout(retry);
    retry = setTimeout(refresh, retryMs);
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  };

  const read = async () => {
    clearTimeout(retry);
    const farmId = farm.store.farm?.farm_id;
    const id = jobId();
    if (farmId === undefined || id === null) return;
    try {
      const framesAsked = getFrames(farmId, id);
      framesAsked.catch(() => undefined); // said where it is waited for, unless the job itself fails
      const job = await getJob(farmId, id);
      if (jobId() !== id) return;
      setStore('detail', reconcile(job, { key: 'layer_id' }));
      if (job.ended_at === null) setReceipt(null);
      // Frames and receipt come from the books, which may be restarting while the job is well known.
      const answer = await framesAsked;
      if (jobId() !== id) return;
      setFrames((before) => rows(id, answer.frames, before));
      if (job.ended_at !== null) {
        const paper = await getReceipt(farmId, id);
        if (jobId() !== id) return;
        setReceipt(paper);
      }
      if (job.books_answered && answer.books_answered) retryMs = RETRY_MS;
      else later();
    } catch (error) {
      if (error instanceof ApiError && error.isMissing) setMissing(true);
      else console.info('The job could not be read in full; it is tried again.', error);
      if (!(error instanceof ApiError) || error.status >= 500) later();
    } finally {
      if (jobId() === id) setSettled(true);
    }
  };
  const refresh = throttle(() => void read(), EVERY_MS);
  let patience: ReturnType<typeof setTimeout> | undefined;
  onCleanup(() => {
    refresh.cancel();
    clearTimeout(retry);
    clearTimeout(patience);
  });

  createEffect(
    on([jobId, () => farm.store.farm?.farm_id], () => {
      setStore('detail', null);
      setFrames(new Map());
      setReceipt(null);
      setMissing(false);
      setSettled(false);
      clearTimeout(patience);
      retryMs = RETRY_MS;
      patience = setTimeout(() => setSettled(true), SETTLE_MS);
      void read();
    }),
  );
  farm.onRefresh(refresh);
  farm.listen((event) => {
    if (event.jobId === jobId() && event.kind !== 'worker') refresh();
  });

  const row = createMemo<JobRow | null>(
    () => farm.store.jobs.find((job) => job.job_id === jobId()) ?? detail(),
  );
  return {
    detail,
    row,
    framesOf: (layerId) => frames().get(layerId) ?? [],
    receipt,
    isMissing,
    isSettled,
  };
}
