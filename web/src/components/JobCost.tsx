import { For, Show } from 'solid-js';
import { getReceipt } from '../api/client';
import { getEta, type Eta } from '../api/jobPages';
import type { JobRow, Receipt } from '../api/types';
import { money, plural, share } from '../format/number';
import { clock, day, duration, full } from '../format/time';
import { createAsked } from '../state/asked';
import { useFarm } from '../state/farm';
import { Panel } from './Panel';

const EVERY_MS = 10_000;
const DAY_MS = 86_400_000;

/** When a running job will be done: an interval that holds 80 of 100 times. */
export function EtaLine(props: { row: JobRow }) {
  const farm = useFarm();
  const eta = createAsked<Eta>(
    () => props.row.job_id,
    () => props.row.ended_at,
    getEta,
    EVERY_MS,
  );
  const at = (instant: number, since: number) =>
    instant - since > DAY_MS
      ? `${day(instant, farm.zone())} ${clock(instant, farm.zone()).slice(0, 5)}`
      : clock(instant, farm.zone()).slice(0, 5);
  return (
    <Show when={eta()} fallback={<p class="eta quiet">Working out when it will be done …</p>}>
      {(found) => (
        <p class="eta">
          <Show
            when={found().likely_at !== null && found().earliest_at !== null && found().latest_at}
            fallback={<span class="quiet">No time of its end is known: {found().text}.</span>}
          >
            {(latest) => (
              <>
                <b data-tip={full(found().likely_at, farm.zone())}>
                  Done about {at(found().likely_at!, found().now)}
                </b>{' '}
                <span class="quiet">
                  8 of 10 times between {at(found().earliest_at!, found().now)} and{' '}
                  {at(latest(), found().now)}, with {plural(found().threads, 'thread')}
                  {found().text ? `; ${found().text}` : ''}
                </span>
              </>
            )}
          </Show>
        </p>
      )}
    </Show>
  );
}

const createReceipt = (row: () => JobRow) =>
  createAsked<Receipt>(
    () => row().job_id,
    () => row().ended_at,
    getReceipt,
    EVERY_MS,
  );

/** What a running job cost so far, sessions that are still open included. */
export function CostFigure(props: { row: JobRow }) {
  const receipt = createReceipt(() => props.row);
  return (
    <Show when={receipt()?.cost}>
      {(cost) => (
        <div>
          <dt>Cost so far</dt>
          <dd>{money(cost().total, cost().currency)}</dd>
        </div>
      )}
    </Show>
  );
}

/** What a running job cost so far, by layer. One that has ended has its receipt. */
export function CostSoFar(props: { row: JobRow }) {
  const receipt = createReceipt(() => props.row);
  const total = () => Number(receipt()?.cost?.total ?? 0);
  return (
    <Show when={props.row.ended_at === null && receipt()?.cost}>
      {(cost) => (
        <Panel
          title={`Cost so far${cost().example ? ' (EXAMPLE rates)' : ''}`}
          aside={<b>{money(cost().total, cost().currency)}</b>}
          flush
        >
          <table class="cost-so-far">
            <thead>
              <tr>
                <th scope="col">Layer</th>
                <th scope="col" class="number">
                  Machine time
                </th>
                <th scope="col" class="number">
                  Cost
                </th>
                <th scope="col" class="number">
                  Share
                </th>
              </tr>
            </thead>
            <tbody>
              <For each={cost().by_layer}>
                {(part) => (
                  <tr>
                    <td class="ellipsis">{part.name}</td>
                    <td class="number">{duration(part.machine_ms)}</td>
                    <td class="number">{money(part.cost, cost().currency)}</td>
                    <td class="number">{share(Number(part.cost), total())}</td>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
        </Panel>
      )}
    </Show>
  );
}
