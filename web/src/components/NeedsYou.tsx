import { For, Show, createMemo, createSignal, onCleanup } from 'solid-js';
import { A } from '@solidjs/router';
import type { JobRow } from '../api/types';
import { getInbox, type Cluster } from '../api/wrangle';
import { plural } from '../format/number';
import { ago } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { Panel } from './Panel';
import { Shape } from './Shape';

const EVERY_MS = 15_000;
const MOST = 6;

function Nothing(props: { text: string }) {
  return (
    <p class="calm">
      <span data-tone="done">
        <Shape name="check" />
      </span>{' '}
      {props.text}
    </p>
  );
}

/** Of one's own jobs: those that failed, or lose tasks while they run. */
export function MyTroubles(props: { jobs: JobRow[] }) {
  const mine = createMemo(() =>
    props.jobs.filter(
      (job) => job.status === 'FAILED' || (job.ended_at === null && (job.counts.FAILED ?? 0) > 0),
    ),
  );
  return (
    <Panel title="Needs you" aside={mine().length > 0 ? plural(mine().length, 'job') : undefined}>
      <Show when={mine().length > 0} fallback={<Nothing text="None of your jobs needs you." />}>
        <ul class="needs">
          <For each={mine().slice(0, MOST)}>
            {(job) => (
              <li data-tone="failed">
                <Shape name="cross" />
                <A href={`/jobs/${job.job_id}`}>{job.name}</A>
                <span class="quiet">
                  {job.status === 'FAILED' ? 'failed' : 'goes on'},{' '}
                  {plural(job.counts.FAILED ?? 0, 'task')} failed
                </span>
              </li>
            )}
          </For>
        </ul>
      </Show>
    </Panel>
  );
}

/** Of the whole farm: the worst clusters of the wrangle inbox. */
export function FarmTroubles(props: { onlyIfAny?: boolean }) {
  const farm = useFarm();
  const [found, setFound] = createSignal<Cluster[] | null>(null);
  const look = () => {
    const id = farm.store.farm?.farm_id;
    if (id === undefined || document.visibilityState === 'hidden') return;
    getInbox(id).then(
      ({ clusters }) => setFound(clusters.filter((one) => one.state === 'open')),
      () => undefined,
    );
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  onCleanup(() => clearInterval(timer));
  const troubles = () => found() ?? [];
  return (
    <Show when={props.onlyIfAny !== true || troubles().length > 0}>
      <Panel title="Needs you" aside={<A href="/wrangle">Inbox</A>}>
        <Show
          when={troubles().length > 0}
          fallback={<Nothing text={found() === null ? 'Looking…' : 'Nothing needs anybody.'} />}
        >
          <ul class="needs">
            <For each={troubles().slice(0, MOST)}>
              {(one) => (
                <li data-tone="failed">
                  <Shape name="cross" />
                  <A href="/wrangle">{one.title}</A>
                  <span class="quiet">
                    {plural(one.count, 'time')}, last {ago(one.last_at, now())}
                  </span>
                </li>
              )}
            </For>
          </ul>
          <Show when={troubles().length > MOST}>
            <p class="quiet">and {troubles().length - MOST} more</p>
          </Show>
        </Show>
      </Panel>
    </Show>
  );
}
