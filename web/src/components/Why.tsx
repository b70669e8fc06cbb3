import { For, Show, createEffect, createSignal, on, onCleanup } from 'solid-js';
import { A } from '@solidjs/router';
import { getWhy } from '../api/client';
import type { JobRow, Why, WhyLayer } from '../api/types';
import { count, plural } from '../format/number';
import { useFarm } from '../state/farm';
import { throttle } from '../state/throttle';
import { Command } from './Command';
import { Panel } from './Panel';

const EVERY_MS = 3_000;

const WAITING = ['READY', 'PENDING', 'SUSPENDED'] as const;

/** True if some of a job's tasks wait. */
export const waits = (row: JobRow): boolean =>
  row.ended_at === null && WAITING.some((status) => (row.counts[status] ?? 0) > 0);

const word = (reason: string) => reason.replaceAll('_', ' ');

/** What the scheduler says of a job that waits; asked again while the farm changes. */
function createWhy(jobId: () => string, onAnswer: () => void) {
  const farm = useFarm();
  const [why, setWhy] = createSignal<Why | null>(null);
  const read = async () => {
    const farmId = farm.store.farm?.farm_id;
    const id = jobId();
    if (farmId === undefined) return;
    try {
      const found = await getWhy(farmId, id);
      if (jobId() === id) setWhy(found);
    } catch (error) {
      console.info('Why the job waits could not be read; it is tried again.', error);
    } finally {
      onAnswer();
    }
  };
  const refresh = throttle(() => void read(), EVERY_MS);
  onCleanup(() => refresh.cancel());
  createEffect(on([jobId, () => farm.store.farm?.farm_id], () => void read()));
  farm.onRefresh(refresh);
  farm.listen((event) => {
    if (event.kind === 'worker' || event.jobId === jobId()) refresh();
  });
  return why;
}

/** How many workers come to each step, and how many it stops. */
function Funnel(props: { layer: WhyLayer }) {
  const steps = () => props.layer.funnel.filter((step) => step.stopped > 0);
  const first = () => props.layer.funnel[0]?.reached ?? 0;
  return (
    <Show when={steps().length > 0}>
      <div class="scroll-x" role="region" aria-label="Funnel" tabindex="0">
        <table class="funnel">
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col" class="number">
                Workers that reach it
              </th>
              <th scope="col" class="number">
                It stops
              </th>
              <th scope="col">For example</th>
            </tr>
          </thead>
          <tbody>
            <For each={steps()}>
              {(step) => (
                <tr classList={{ first: step.reason === props.layer.reason }}>
                  <td>{word(step.reason)}</td>
                  <td class="number">
                    {count(step.reached)} of {count(first())}
                  </td>
                  <td class="number">{count(step.stopped)}</td>
                  <td>{step.text}</td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </div>
    </Show>
  );
}

function LayerWhy(props: { layer: WhyLayer; alone: boolean }) {
  const waiting = () => props.layer.ready + props.layer.pending + props.layer.suspended;
  return (
    <li>
      <p>
        <Show when={!props.alone}>
          <b>{props.layer.name}:</b>{' '}
        </Show>
        <Show when={props.layer.reason} fallback={<>Nothing keeps it: it starts next.</>}>
          {props.layer.text}
        </Show>
      </p>
      <p class="quiet">
        {plural(waiting(), 'task')} {waiting() === 1 ? 'waits' : 'wait'}
        {props.layer.running > 0 ? `, ${plural(props.layer.running, 'task')} at work` : ''}.
      </p>
      <Show when={props.layer.what_if.length > 0}>
        <ul class="what-if">
          <For each={props.layer.what_if}>
            {(one) => (
              <li>
                Without <b>{word(one.drop)}</b>:{' '}
                {one.next_reason ? `it would wait for ${word(one.next_reason)}` : 'it would start'},{' '}
                {plural(one.workers, 'worker')} could take it.
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show when={props.layer.priority_to_be_first !== null && props.layer.layers_before > 0}>
        <p class="quiet">Priority {props.layer.priority_to_be_first} would put it first.</p>
      </Show>
      <Funnel layer={props.layer} />
      <Show when={props.layer.workers.length > 0}>
        <details>
          <summary>
            {plural(props.layer.workers.length + props.layer.workers_left_out, 'worker')}, one by
            one
          </summary>
          <ul class="each-worker">
            <For each={props.layer.workers}>
              {(worker) => (
                <li>
                  <b>{worker.name}</b> {worker.reason ? worker.text : 'would take it now.'}
                </li>
              )}
            </For>
          </ul>
          <Show when={props.layer.workers_left_out > 0}>
            <p class="quiet">And {plural(props.layer.workers_left_out, 'more worker')}.</p>
          </Show>
        </details>
      </Show>
    </li>
  );
}

/** Why a job waits: the true first reason, and what would change it. */
export function WhyPanel(props: { jobId: string; onAnswer: () => void }) {
  const why = createWhy(
    () => props.jobId,
    () => props.onAnswer(),
  );
  return (
    <Show when={why()}>
      {(found) => (
        <Show when={found().layers.length > 0}>
          <Panel
            title="Why it waits"
            class="why"
            aside={found().reason ? word(found().reason) : 'nothing keeps it'}
          >
            <ul class="why-layers">
              <For each={found().layers}>
                {(layer) => <LayerWhy layer={layer} alone={found().layers.length === 1} />}
              </For>
            </ul>
            <p>
              <A href={`/jobs/${props.jobId}/why`}>Every step, every worker, and what if</A>
            </p>
            <Command text={`grange job why ${props.jobId}`} />
          </Panel>
        </Show>
      )}
    </Show>
  );
}
