import { For, Show, createMemo, createSignal } from 'solid-js';
import { A, useParams, useSearchParams } from '@solidjs/router';
import { getWhyIf } from '../api/jobPages';
import type { Why, WhyLayer } from '../api/types';
import { Command } from '../components/Command';
import { Panel } from '../components/Panel';
import { count, plural } from '../format/number';
import { compareNames } from '../format/order';
import { createAsked } from '../state/asked';
import { createTitle } from '../state/title';
import '../styles/why.css';

const EVERY_MS = 3_000;
const word = (reason: string) => reason.replaceAll('_', ' ');

/** Each step of the funnel as a bar: who comes to it, and who it stops. */
function FunnelBars(props: { layer: WhyLayer }) {
  const all = () => Math.max(props.layer.funnel[0]?.reached ?? 0, 1);
  return (
    <ol class="funnel-bars">
      <For each={props.layer.funnel}>
        {(step) => (
          <li
            classList={{ stops: step.stopped > 0, first: step.reason === props.layer.reason }}
            data-tip={step.text || undefined}
          >
            <span class="step">{word(step.reason)}</span>
            <span class="bar" aria-hidden="true">
              <span
                class="through"
                style={{ width: `${((step.reached - step.stopped) / all()) * 100}%` }}
              />
              <span class="stopped" style={{ width: `${(step.stopped / all()) * 100}%` }} />
            </span>
            <span class="number">
              {count(step.reached - step.stopped)} of {count(step.reached)} pass
            </span>
            <span class="says">{step.stopped > 0 ? step.text : ''}</span>
          </li>
        )}
      </For>
    </ol>
  );
}

/** Workers by what stops them, those that come furthest first. */
function WorkersByReason(props: { layer: WhyLayer }) {
  const [sought, setSought] = createSignal('');
  const order = createMemo(() => props.layer.funnel.map((step) => step.reason));
  const rows = createMemo(() => {
    const text = sought().toLowerCase();
    const place = (reason: string) => (reason === '' ? Infinity : order().indexOf(reason));
    return props.layer.workers
      .filter((one) => `${one.name} ${one.reason} ${one.text}`.toLowerCase().includes(text))
      .toSorted((a, b) => place(b.reason) - place(a.reason) || compareNames(a.name, b.name));
  });
  return (
    <Show when={props.layer.workers.length > 0}>
      <div class="by-worker">
        <label>
          <span>Workers</span>{' '}
          <input
            type="search"
            placeholder="name or reason"
            value={sought()}
            onInput={(event) => setSought(event.currentTarget.value)}
          />
        </label>
        <div class="scroll-x" role="region" aria-label="Workers and reasons" tabindex="0">
          <table>
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">Stopped by</th>
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              <For each={rows()}>
                {(one) => (
                  <tr>
                    <td>
                      <A href={`/workers/${encodeURIComponent(one.worker_id)}`}>{one.name}</A>
                    </td>
                    <td>{one.reason ? word(one.reason) : 'nothing'}</td>
                    <td class="says">{one.reason ? one.text : 'It would take it now.'}</td>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
        </div>
        <Show when={props.layer.workers_left_out > 0}>
          <p class="quiet">And {plural(props.layer.workers_left_out, 'more worker')}.</p>
        </Show>
      </div>
    </Show>
  );
}

const outcome = (layer: WhyLayer | undefined): string => {
  if (layer === undefined) return 'nothing of it waits';
  if (layer.reason === '') return 'it starts when a worker asks next';
  return `it waits for ${word(layer.reason)}: ${layer.text}`;
};

/** Why a job waits: the funnel with counts, each worker's reason, and what would be if. */
export function WhyPage() {
  const parameters = useParams<{ id: string }>();
  const [query, setQuery] = useSearchParams<{ drop?: string; priority?: string }>();
  const drop = () => (query.drop ?? '').split(',').filter(Boolean);
  const priority = () => (query.priority === undefined ? null : Number(query.priority));
  const isIf = () => drop().length > 0 || priority() !== null;
  const jobId = () => parameters.id;
  const now = createAsked<Why>(
    jobId,
    () => '',
    (farm, job) => getWhyIf(farm, job, { drop: [], priority: null }),
    EVERY_MS,
    true,
  );
  const then = createAsked<Why>(
    jobId,
    () => `${query.drop} ${query.priority}`,
    (farm, job) => getWhyIf(farm, job, { drop: drop(), priority: priority() }),
    EVERY_MS,
    true,
  );
  createTitle(() => (now() === null ? null : `Why ${now()!.name} waits`));
  const shown = () => (isIf() ? then() : now());
  /** Everything that stops somebody now or stands as a reason. */
  const reasons = createMemo(() => {
    const found = new Set<string>(drop());
    for (const why of [now(), then()]) {
      for (const layer of why?.layers ?? []) {
        if (layer.reason) found.add(layer.reason);
        for (const step of layer.funnel) if (step.stopped > 0) found.add(step.reason);
        for (const one of layer.what_if) found.add(one.drop);
      }
    }
    found.delete('workers');
    return [...found];
  });
  const toggle = (reason: string, on: boolean) => {
    const next = on ? [...drop(), reason] : drop().filter((one) => one !== reason);
    setQuery({ drop: next.join(',') || undefined }, { replace: true });
  };
  return (
    <Show when={now()}>
      {(why) => (
        <div class="why-page">
          <section class="panel" aria-labelledby="why-title">
            <header>
              <h1 id="why-title" class="page-title">
                Why {why().name} waits
              </h1>
              <div class="aside">
                <A href={`/jobs/${parameters.id}`}>The job</A>
              </div>
            </header>
            <div class="body">
              <p class="verdict-line">
                {why().reason === '' && why().layers.length === 0
                  ? `Nothing of it waits: ${why().text}.`
                  : why().reason === ''
                    ? 'Nothing keeps it: it starts when a worker asks next.'
                    : `It waits for ${word(why().reason)}: ${why().text}.`}
              </p>
            </div>
          </section>
          <Show when={why().layers.length > 0}>
            <Panel title="What if" class="what-if-form">
              <fieldset>
                <legend>These did not count</legend>
                <For each={reasons()} fallback={<span class="quiet">nothing stops it</span>}>
                  {(reason) => (
                    <label>
                      <input
                        type="checkbox"
                        checked={drop().includes(reason)}
                        onChange={(event) => toggle(reason, event.currentTarget.checked)}
                      />
                      <span>{word(reason)}</span>
                    </label>
                  )}
                </For>
              </fieldset>
              <label class="priority">
                <span>Its priority were</span>
                <input
                  type="range"
                  min="0"
                  max="100"
                  value={priority() ?? why().priority}
                  onChange={(event) =>
                    setQuery({ priority: event.currentTarget.value }, { replace: true })
                  }
                />
                <output>{priority() ?? why().priority}</output>
              </label>
              <Show when={isIf()}>
                <button
                  type="button"
                  onClick={() =>
                    setQuery({ drop: undefined, priority: undefined }, { replace: true })
                  }
                >
                  As it is
                </button>
              </Show>
              <Show when={isIf() && then()}>
                {(found) => (
                  <div class="then" role="status">
                    <ul>
                      <For each={why().layers}>
                        {(layer) => (
                          <li>
                            <b>{layer.name}</b>: then{' '}
                            {outcome(found().layers.find((one) => one.layer_id === layer.layer_id))}
                            .<span class="quiet"> Now {outcome(layer)}.</span>
                          </li>
                        )}
                      </For>
                    </ul>
                  </div>
                )}
              </Show>
            </Panel>
          </Show>
          <For each={shown()?.layers}>
            {(layer) => (
              <Panel
                title={layer.name}
                aside={`${plural(layer.ready + layer.pending + layer.suspended, 'task')} waiting, ${count(layer.running)} at work`}
              >
                <p>
                  {layer.reason
                    ? layer.text
                    : 'Nothing keeps it: it starts when a worker asks next.'}
                </p>
                <Show when={layer.layers_before > 0}>
                  <p class="quiet">
                    {plural(layer.tasks_before, 'ready task')} of{' '}
                    {plural(layer.layers_before, 'layer')} come first.
                    {layer.priority_to_be_first === null
                      ? ''
                      : ` Priority ${layer.priority_to_be_first} would put it first.`}
                  </p>
                </Show>
                <FunnelBars layer={layer} />
                <Show when={layer.what_if.length > 0}>
                  <ul class="what-if">
                    <For each={layer.what_if}>
                      {(one) => (
                        <li>
                          Without <b>{word(one.drop)}</b>:{' '}
                          {one.next_reason
                            ? `it would wait for ${word(one.next_reason)}`
                            : 'it would start'}
                          , {plural(one.workers, 'worker')} could take it.
                        </li>
                      )}
                    </For>
                  </ul>
                </Show>
                <WorkersByReason layer={layer} />
              </Panel>
            )}
          </For>
          <Command text={`grange job why ${parameters.id}`} />
        </div>
      )}
    </Show>
  );
}
