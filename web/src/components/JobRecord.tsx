import { For, Show, createSignal, createUniqueId } from 'solid-js';
import { A } from '@solidjs/router';
import { taskId, taskLogPage } from '../api/client';
import { getAttempts, getJobEvents, type AttemptRow, type JobEvent } from '../api/jobPages';
import { count, plural } from '../format/number';
import { elapsed, full, moment } from '../format/time';
import { createAsked } from '../state/asked';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { attemptLook } from '../theme/states';
import { Panel } from './Panel';
import { StateChip } from './StateChip';

const PAGE = 50;
const EVERY_MS = 3_000;
const OUTCOMES: [string, string][] = [
  ['', 'all'],
  ['FAILED', 'failed'],
  ['RUNNING', 'running'],
  ['SUCCEEDED', 'done'],
  ['INTERRUPTED', 'interrupted'],
  ['CANCELED', 'cancelled'],
];

function More(props: { shown: number; matched: number; onMore: () => void }) {
  return (
    <p class="more">
      <span class="quiet" role="status">
        {count(props.shown)} of {count(props.matched)}
      </span>
      <Show when={props.shown < props.matched}>
        <button type="button" class="plain" onClick={() => props.onMore()}>
          Show more
        </button>
      </Show>
    </p>
  );
}

const worded = (text: string) => text.replaceAll('_', ' ');

function Attempt(props: { jobId: string; row: AttemptRow }) {
  const farm = useFarm();
  const logged = () =>
    props.row.layer_id === null || props.row.task_index === null
      ? null
      : `${taskLogPage(props.jobId, taskId(props.row.layer_id, props.row.task_index))}?attempt=${props.row.attempt ?? 1}`;
  return (
    <tr>
      <td>
        <StateChip look={attemptLook(props.row)} plain />
      </td>
      <td class="ellipsis">
        {props.row.layer_name} {props.row.frames ?? `task ${props.row.task_index}`}
      </td>
      <td class="number">{props.row.attempt}</td>
      <td>
        <A href={`/workers/${encodeURIComponent(props.row.worker_id)}`}>{props.row.worker}</A>
      </td>
      <td data-tip={full(props.row.started_at, farm.zone())}>
        {props.row.started_at === null ? '–' : moment(props.row.started_at, now(), farm.zone())}
      </td>
      <td class="number">
        {elapsed(
          props.row.started_at,
          props.row.status === 'RUNNING' ? null : props.row.ended_at,
          now(),
        )}
      </td>
      <td class="outcome" data-tip={props.row.error_text ?? undefined}>
        <Show when={props.row.error_class ?? props.row.cause}>{(why) => worded(why())}</Show>
      </td>
      <td>
        <Show when={logged()}>{(href) => <A href={href()}>Log</A>}</Show>
      </td>
    </tr>
  );
}

/** Every attempt of a job: where, when, how it ended, and its log. */
export function Attempts(props: { jobId: string }) {
  const [outcome, setOutcome] = createSignal('');
  const [limit, setLimit] = createSignal(PAGE);
  const id = createUniqueId();
  const found = createAsked(
    () => props.jobId,
    () => `${outcome()} ${limit()}`,
    (farm, job) => getAttempts(farm, job, { outcome: outcome(), limit: limit(), offset: 0 }),
    EVERY_MS,
  );
  return (
    <Show when={(found()?.of ?? 0) > 0}>
      <Panel
        title="Attempts"
        flush
        class="attempt-table"
        aside={
          <label for={id}>
            Show{' '}
            <select
              id={id}
              onChange={(event) => {
                setLimit(PAGE);
                setOutcome(event.currentTarget.value);
              }}
            >
              <For each={OUTCOMES}>
                {([value, word]) => (
                  <option value={value} selected={outcome() === value}>
                    {word}
                  </option>
                )}
              </For>
            </select>
          </label>
        }
      >
        <div class="scroll-x" role="region" aria-label="Attempts of the job" tabindex="0">
          <table>
            <thead>
              <tr>
                <th scope="col">Outcome</th>
                <th scope="col">Frames</th>
                <th scope="col" class="number">
                  Attempt
                </th>
                <th scope="col">Worker</th>
                <th scope="col">Began</th>
                <th scope="col" class="number">
                  Took
                </th>
                <th scope="col">Class</th>
                <th scope="col">Log</th>
              </tr>
            </thead>
            <tbody>
              <For each={found()?.attempts}>
                {(row) => <Attempt jobId={props.jobId} row={row} />}
              </For>
            </tbody>
          </table>
        </div>
        <More
          shown={found()?.attempts.length ?? 0}
          matched={found()?.matched ?? 0}
          onMore={() => setLimit(Math.min(1000, limit() + 200))}
        />
      </Panel>
    </Show>
  );
}

/** An event in words: what, of what, from what to what. */
function wordsOf(event: JobEvent): string {
  const what = worded(event.name);
  const of = event.layer !== null && event.subject !== 'job' ? ` of ${event.layer}` : '';
  const task = /-(\d+)$/.exec(event.subject_id);
  const which = event.subject === 'task' && task !== null ? ` ${task[1]}` : '';
  const from = event.old ? ` from ${worded(event.old.toLowerCase())}` : '';
  const after = event.new === null ? '' : worded(event.new.toLowerCase());
  const isStatus = event.name.includes('status');
  const to = after && (event.old || isStatus ? ` to ${after}` : `: ${after}`);
  const many =
    event.number === null
      ? ''
      : isStatus
        ? `, ${plural(event.number, 'task')}`
        : ` (${count(event.number)})`;
  return `${what}${which}${of}${from}${to}${many}`;
}

/** What happened to a job, and by whom. */
export function JobEvents(props: { jobId: string }) {
  const farm = useFarm();
  const [limit, setLimit] = createSignal(20);
  const found = createAsked(
    () => props.jobId,
    limit,
    (farmId, job) => getJobEvents(farmId, job, { limit: limit(), offset: 0 }),
    EVERY_MS,
  );
  return (
    <Show when={(found()?.of ?? 0) > 0}>
      <Panel title="Events" flush class="events">
        <ol>
          <For each={found()?.events}>
            {(event) => (
              <li>
                <time data-tip={full(event.at, farm.zone())}>
                  {moment(event.at, now(), farm.zone())}
                </time>
                <span>{wordsOf(event)}</span>
                <span class="quiet">
                  {[event.actor && `by ${event.actor}`, event.worker && `on ${event.worker}`]
                    .filter(Boolean)
                    .join(' ')}
                </span>
              </li>
            )}
          </For>
        </ol>
        <More
          shown={found()?.events.length ?? 0}
          matched={found()?.matched ?? 0}
          onMore={() => setLimit(Math.min(1000, limit() + 200))}
        />
      </Panel>
    </Show>
  );
}
