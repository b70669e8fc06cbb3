import { For, Show, createMemo } from 'solid-js';
import { A } from '@solidjs/router';
import type { WorkerRow, WorkerThread } from '../api/types';
import { bytes, cpu, percent } from '../format/number';
import { byName } from '../format/order';
import { ago, full } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { ACTION_WORDS, orderedLook } from '../theme/states';
import { WorkerOrders } from './Actions';
import { Meter } from './Meter';
import { StateChip } from './StateChip';

function Thread(props: { thread: WorkerThread; linked: boolean }) {
  const work = () => {
    const { action, layer_name: layer, frames } = props.thread;
    if (layer === null) return (action && ACTION_WORDS[action]) ?? 'open session, between tasks';
    return frames === null ? layer : `${layer} ${frames}`;
  };
  return (
    <li class="thread" classList={{ busy: props.thread.session_id !== null }}>
      <span class="quiet index" data-tip={`Job thread ${props.thread.thread}`}>
        {props.thread.thread}
      </span>
      <Show
        when={props.thread.session_id !== null}
        fallback={<span class="quiet">no session</span>}
      >
        <span class="work ellipsis" data-tip={`${props.thread.job_name ?? 'a job'}: ${work()}`}>
          <Show when={props.thread.job_id}>
            {(job) => <A href={`/jobs/${job()}`}>{props.thread.job_name ?? 'job'}</A>}
          </Show>{' '}
          {work()}
        </span>
        <Show when={props.thread.progress !== null}>
          <span class="track" aria-hidden="true">
            <span class="fill" style={{ width: `${props.thread.progress ?? 0}%` }} />
          </span>
          <span class="value">{percent((props.thread.progress ?? 0) / 100)}</span>
        </Show>
      </Show>
    </li>
  );
}

const SKEW_MS = 5000;

/** What is wrong with a worker's clock, if it is a finding. */
function clockOff(behind: number | null): string | null {
  if (behind === null || Math.abs(behind) <= SKEW_MS) return null;
  const side = behind > 0 ? 'behind' : 'ahead of';
  return `Its clock is ${(Math.abs(behind) / 1000).toFixed(1)} s ${side} the server’s.`;
}

/** One worker: its state, what each job thread does, CPU and memory. */
export function WorkerCard(props: { worker: WorkerRow; linked?: boolean }) {
  const farm = useFarm();
  const memory = () => {
    const { memory_used_bytes: used, memory_total_bytes: total } = props.worker;
    return used === null || !total ? null : used / total;
  };
  const memoryTip = () =>
    `${bytes(props.worker.memory_used_bytes)} of ${bytes(props.worker.memory_total_bytes)}`;
  return (
    <li class="worker" data-worker={props.worker.worker_id}>
      <div class="head">
        <b class="ellipsis">
          <A href={`/workers/${props.worker.worker_id}`}>{props.worker.name}</A>
        </b>
        <StateChip look={orderedLook(props.worker)} />
        <span class="quiet small seen" data-tip={full(props.worker.last_seen_at, farm.zone())}>
          {ago(props.worker.last_seen_at, now())}
        </span>
      </div>
      <Show when={clockOff(props.worker.clock_behind_ms)}>
        {(text) => <p class="small finding">{text()}</p>}
      </Show>
      <Show when={props.worker.hail}>{(hail) => <p class="small finding">{hail().text}</p>}</Show>
      <Show when={props.worker.verified === false}>
        <p class="small finding">Not heard since the server began; it may still render.</p>
      </Show>
      <ol class="threads">
        <For each={props.worker.threads}>
          {(thread) => <Thread thread={thread} linked={props.linked ?? false} />}
        </For>
      </ol>
      <div class="meters">
        <Meter
          label="CPU"
          share={props.worker.cpu_milli === null ? null : props.worker.cpu_milli / 1000}
          text={cpu(props.worker.cpu_milli)}
        />
        <Meter label="Memory" share={memory()} text={percent(memory())} tip={memoryTip()} />
      </div>
      <Show when={props.linked}>
        <WorkerOrders
          workerId={props.worker.worker_id}
          name={props.worker.name}
          isDisabled={props.worker.status === 'disabled'}
        />
      </Show>
    </li>
  );
}

/** Workers by name; with `most`, no more of a large farm than that. */
export function WorkerList(props: { linked?: boolean; most?: number }) {
  const farm = useFarm();
  const sorted = createMemo(() => byName(farm.store.workers));
  // Of many, those that render come first; a farm of few keeps its order.
  const shown = createMemo(() => {
    const all = sorted();
    if (props.most === undefined || all.length <= props.most) return all;
    const rendering = all.filter((one) => one.status === 'rendering');
    if (rendering.length >= props.most) return rendering.slice(0, props.most);
    const others = all.filter((one) => one.status !== 'rendering');
    return [...rendering, ...others].slice(0, props.most);
  });
  return (
    <Show
      when={farm.store.workers.length > 0}
      fallback={
        <p class="empty pad">
          No worker has joined. On a machine that shall render, run{' '}
          <code>grange worker join {location.origin}</code>
        </p>
      }
    >
      <ul class="workers">
        <For each={shown()}>
          {(worker) => <WorkerCard worker={worker} linked={props.linked ?? false} />}
        </For>
      </ul>
      <Show when={shown().length < farm.store.workers.length}>
        <p class="pad">
          <A href="/workers">All {farm.store.workers.length} workers</A>
        </p>
      </Show>
    </Show>
  );
}
