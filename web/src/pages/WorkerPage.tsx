import { For, Show, createMemo, createResource, createSignal } from 'solid-js';
import { A, useParams } from '@solidjs/router';
import { reasonOf } from '../api/client';
import {
  getSamples,
  getWorker,
  getWorkerAttempts,
  setNote,
  type AttemptRow,
  type Samples,
} from '../api/machines';
import { WorkerOrders } from '../components/Actions';
import { createPictureSpan, SpanButtons } from '../components/FarmPicture';
import { LineChart } from '../components/LineChart';
import { AttemptWords, MachinePicture } from '../components/MachinePicture';
import { Panel } from '../components/Panel';
import { StateChip } from '../components/StateChip';
import { hardwareAmount, hardwareWord, propertyText } from '../format/hardware';
import { bytes, cpu, percent } from '../format/number';
import { ago, clock, duration, full } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { createMachineTime } from '../state/machineTime';
import { answerOf } from '../state/resource';
import { createTitle } from '../state/title';
import { ACCOUNTS, accountOf } from '../theme/accounts';
import { orderedLook } from '../theme/states';
import { NotFound } from './NotFound';
import '../styles/picture.css';

const BAD = new Set(['FAILED', 'INTERRUPTED', 'CANCELED']);
const MOST_ROWS = 200;

/** Failed attempts of a span, by job: the most first. */
function byJob(rows: AttemptRow[]) {
  const found = new Map<string, { job: AttemptRow; count: number; lost: number }>();
  for (const row of rows) {
    if (row.kind !== 'task_run' || row.status !== 'FAILED') continue;
    const known = found.get(row.job_id) ?? { job: row, count: 0, lost: 0 };
    known.count += 1;
    known.lost += row.ended_at - row.started_at;
    known.job = row;
    found.set(row.job_id, known);
  }
  return [...found.values()].toSorted((a, b) => b.count - a.count || b.lost - a.lost);
}

/** A column of samples, with a gap wherever nothing was watched. */
function columnsOf(samples: Samples, names: string[], scale = 1): (number | null)[][] {
  const at = (samples.columns['slot_at'] ?? []) as number[];
  const found: (number | null)[][] = [[], ...names.map(() => [])];
  at.forEach((instant, index) => {
    const before = at[index - 1];
    if (before !== undefined && instant - before > samples.step_ms * 1.5) {
      found[0]!.push(before + samples.step_ms);
      names.forEach((_, column) => found[column + 1]!.push(null));
    }
    found[0]!.push(instant);
    names.forEach((name, column) => {
      const value = samples.columns[name]?.[index];
      found[column + 1]!.push(typeof value === 'number' ? value * scale : null);
    });
  });
  return found;
}

const known = (columns: (number | null)[][]) =>
  columns.slice(1).some((column) => column.some((value) => value !== null));

function Telemetry(props: { samples: Samples; onBrush: (start: number, end: number) => void }) {
  const span = () => ({
    start: props.samples.span.start_at,
    end: props.samples.span.end_at,
    height: 150,
    onBrush: props.onBrush,
  });
  const perSecond = () => 1000 / props.samples.step_ms;
  const charts = () => [
    {
      title: 'CPU',
      columns: columnsOf(props.samples, ['cpu_milli', 'cpu_milli_max']),
      words: (value: number) => cpu(value),
      series: [
        { label: 'mean', token: '--tone-active', fill: true },
        { label: 'highest', token: '--tone-waiting', dash: [3, 3] },
      ],
    },
    {
      title: 'Memory',
      columns: columnsOf(props.samples, ['memory_used_bytes', 'memory_total_bytes']),
      words: (value: number) => bytes(value),
      series: [
        { label: 'used', token: '--tone-done', fill: true },
        { label: 'there is', token: '--tone-waiting', dash: [3, 3] },
      ],
    },
    {
      title: 'Network',
      columns: columnsOf(props.samples, ['net_in_bytes', 'net_out_bytes'], perSecond()),
      words: (value: number) => `${bytes(value)}/s`,
      series: [
        { label: 'in', token: '--tone-active' },
        { label: 'out', token: '--tone-held' },
      ],
    },
    {
      title: 'Temperature',
      columns: columnsOf(props.samples, ['temperature_milli_c'], 0.001),
      words: (value: number) => `${Math.round(value)} °C`,
      series: [{ label: 'of the disk', token: '--tone-failed' }],
    },
  ];
  return (
    <div class="telemetry">
      <For each={charts()}>
        {(chart) => (
          <figure>
            <figcaption>
              {chart.title}: {chart.series.map((one) => one.label).join(', ')}
            </figcaption>
            <Show
              when={known(chart.columns)}
              fallback={<p class="empty">Nothing was measured in this span.</p>}
            >
              <LineChart
                label={`${chart.title} over the span`}
                columns={chart.columns}
                look={{ ...span(), words: chart.words, series: chart.series }}
              />
            </Show>
          </figure>
        )}
      </For>
    </div>
  );
}

function Note(props: { farm: string; worker: string; note: string; onSaved: () => void }) {
  const [text, setText] = createSignal(props.note);
  const [problem, setProblem] = createSignal<string | null>(null);
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      await setNote(props.farm, props.worker, text());
      setProblem(null);
      props.onSaved();
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  return (
    <form class="note" onSubmit={(event) => void save(event)}>
      <label>
        <span class="visually-hidden">Note about this worker</span>
        <textarea
          value={text()}
          maxlength={2000}
          placeholder="What people should know about this machine"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <Show when={problem()}>{(words) => <p class="problem">{words()}</p>}</Show>
      <div class="deeds">
        <button type="submit" disabled={text() === props.note}>
          Save note
        </button>
      </div>
    </form>
  );
}

/** One worker: its day, its failures, how it fared, what it is made of, what it is told. */
export function WorkerPage() {
  const parameters = useParams<{ id: string }>();
  const farm = useFarm();
  const picture = createPictureSpan();
  const farmId = () => farm.store.farm?.farm_id;
  const row = createMemo(() =>
    farm.store.workers.find((worker) => worker.worker_id === parameters.id),
  );
  const beat = createMemo(() => `${row()?.status} ${Math.floor(now() / 15_000)}`);
  const asked = () =>
    farmId() === undefined ? null : ([farmId()!, parameters.id, beat()] as const);
  const [detail, { refetch }] = createResource(asked, ([id, worker]) => getWorker(id, worker));
  const within = createMemo(() =>
    farmId() === undefined
      ? null
      : ([farmId()!, parameters.id, picture.span().start, picture.span().end] as const),
  );
  const [attempts] = createResource(within, ([id, worker, start, end]) =>
    getWorkerAttempts(id, worker, start, end),
  );
  const [samples] = createResource(within, ([id, worker, start, end]) =>
    getSamples(id, worker, start, Math.min(end, now())),
  );
  const time = createMachineTime(picture.span);
  const own = createMemo(() => {
    const all = time();
    if (all === null) return null;
    const rows = all.rows.filter((one) => one.worker_id === parameters.id);
    const total = Object.fromEntries(
      ACCOUNTS.map(({ key }) => [`${key}_ms`, 0]),
    ) as typeof all.accounts.total;
    for (const one of rows)
      for (const [from, to, account] of one.segments) {
        total[`${accountOf(account).key}_ms`] += (to - from) / rows.length;
      }
    const machine = Object.values(total).reduce((sum, part) => sum + part, 0);
    return { ...all, rows, accounts: { ...all.accounts, total, workers: 1, machine_ms: machine } };
  });
  const name = () => answerOf(detail)?.name ?? row()?.name ?? parameters.id;
  createTitle(name);
  /** Its attempts are known, or why they are not. */
  const isRead = () => attempts.error !== undefined || attempts.latest !== undefined;
  const failures = createMemo(() => byJob(answerOf(attempts)?.rows ?? []));
  const listed = createMemo(() =>
    (answerOf(attempts)?.rows ?? []).filter((one) => one.kind === 'task_run').toReversed(),
  );
  const hardware = () => {
    const found = answerOf(detail);
    if (found === undefined) return [];
    return [
      ...Object.entries(found.amounts).map(
        ([key, value]) => [hardwareWord(key), hardwareAmount(key, value)] as const,
      ),
      ...Object.entries(found.attributes).map(
        ([key, value]) => [hardwareWord(key), value.join(', ')] as const,
      ),
      ...Object.entries(found.host_properties).map(
        ([key, value]) => [hardwareWord(key), propertyText(value)] as const,
      ),
    ];
  };

  return (
    <Show when={detail.error === undefined} fallback={<NotFound what="There is no such worker." />}>
      <div class="worker-page">
        <section class="panel" aria-labelledby="worker-title">
          <header>
            <h1 id="worker-title" class="page-title">
              {name()}
            </h1>
            <Show when={answerOf(detail)}>
              {(worker) => (
                <div class="aside">
                  <StateChip look={orderedLook(worker())} />{' '}
                  <span class="quiet" data-tip={full(worker().last_seen_at, farm.zone())}>
                    seen {ago(worker().last_seen_at, now())}
                  </span>
                </div>
              )}
            </Show>
          </header>
          <Show when={answerOf(detail)}>
            {(worker) => (
              <div class="body">
                <Show when={worker().quarantined_at}>
                  {(at) => (
                    <p class="quarantine">
                      <b>Quarantined</b> {ago(at(), now())}: {worker().quarantine_cause}
                    </p>
                  )}
                </Show>
                <Show when={worker().closed}>
                  {(reason) => <p class="quarantine">Takes no work now: {reason()}</p>}
                </Show>
                <dl class="figures">
                  <div>
                    <dt>Job threads</dt>
                    <dd>{worker().threads.length}</dd>
                  </div>
                  <div>
                    <dt>CPU</dt>
                    <dd>{cpu(worker().cpu_milli)}</dd>
                  </div>
                  <div>
                    <dt>Memory</dt>
                    <dd>
                      {worker().memory_total_bytes
                        ? `${percent((worker().memory_used_bytes ?? 0) / worker().memory_total_bytes!)} of ${bytes(worker().memory_total_bytes)}`
                        : '–'}
                    </dd>
                  </div>
                  <div>
                    <dt>Groups</dt>
                    <dd>{worker().groups || 'none'}</dd>
                  </div>
                  <div>
                    <dt>Classes</dt>
                    <dd>{worker().classes || 'as it says'}</dd>
                  </div>
                  <div>
                    <dt>Blamed</dt>
                    <dd data-tip="Failures it was blamed for since its last success">
                      {worker().strokes}
                    </dd>
                  </div>
                </dl>
                <WorkerOrders
                  workerId={worker().worker_id}
                  name={worker().name}
                  isDisabled={worker().disabled}
                />
              </div>
            )}
          </Show>
        </section>

        <Show when={answerOf(detail)}>
          <section class="panel picture-panel" aria-labelledby="day-title">
            <header>
              <h2 id="day-title">What it did</h2>
              <div class="aside">
                <SpanButtons picture={picture} />
              </div>
            </header>
            <div class="body">
              <MachinePicture
                time={own()}
                row={Math.max(28, 22 * (own()?.rows.length ?? row()?.threads.length ?? 1))}
                expects={1}
                onBrush={picture.go}
              />
              <p class="quiet small">
                {full(picture.span().start, farm.zone())} to {full(picture.span().end, farm.zone())}{' '}
                · one lane for each job thread · drag to look closer, click to open an attempt
              </p>
            </div>
          </section>

          <div class="columns">
            <Panel title="Failures by job" flush>
              <Show
                when={failures().length > 0}
                fallback={
                  <p class="empty pad">
                    {isRead() ? 'Nothing failed here in this span.' : 'Reading its attempts …'}
                  </p>
                }
              >
                <div class="scroll-x" role="region" aria-label="Table of failures" tabindex="0">
                  <table>
                    <thead>
                      <tr>
                        <th scope="col">Job</th>
                        <th scope="col" class="number">
                          Failed
                        </th>
                        <th scope="col" class="number">
                          Lost
                        </th>
                        <th scope="col">Latest</th>
                      </tr>
                    </thead>
                    <tbody>
                      <For each={failures()}>
                        {(one) => (
                          <tr>
                            <td>
                              <A href={`/jobs/${one.job.job_id}`}>{one.job.job_name}</A>
                            </td>
                            <td class="number">{one.count}</td>
                            <td class="number">{duration(one.lost)}</td>
                            <td>
                              <Show when={one.job.page} fallback={one.job.error_text}>
                                {(page) => (
                                  <A href={page()}>{one.job.error_text ?? 'log of the attempt'}</A>
                                )}
                              </Show>
                            </td>
                          </tr>
                        )}
                      </For>
                    </tbody>
                  </table>
                </div>
              </Show>
            </Panel>
            <Panel title="Note">
              <Show when={answerOf(detail)}>
                {(worker) => (
                  <Note
                    farm={farmId()!}
                    worker={worker().worker_id}
                    note={worker().note ?? ''}
                    onSaved={() => void refetch()}
                  />
                )}
              </Show>
            </Panel>
          </div>

          <Show when={isRead()}>
            <Panel title="How it fared">
              <Show
                when={answerOf(samples)}
                fallback={<p class="empty telemetry-to-come">Reading what it measured …</p>}
              >
                {(found) => <Telemetry samples={found()} onBrush={picture.go} />}
              </Show>
            </Panel>

            <Panel title="Attempts" flush>
              <Show
                when={listed().length > 0}
                fallback={<p class="empty pad">It was at no task in this span.</p>}
              >
                <ol class="attempt-list">
                  <For each={listed().slice(0, MOST_ROWS)}>
                    {(one) => (
                      <li data-bad={BAD.has(one.status) ? 'yes' : undefined}>
                        <AttemptWords row={one} />
                      </li>
                    )}
                  </For>
                </ol>
                <p class="quiet pad">
                  {Math.min(listed().length, MOST_ROWS)} of {listed().length}
                  {answerOf(attempts)?.left_out ? '+' : ''}, newest first; up to{' '}
                  {clock(listed()[0]?.ended_at ?? 0, farm.zone())}
                </p>
              </Show>
            </Panel>

            <Panel title="Hardware">
              <dl class="hardware">
                <For each={hardware()}>
                  {([key, value]) => (
                    <>
                      <dt>{key}</dt>
                      <dd>{value}</dd>
                    </>
                  )}
                </For>
              </dl>
            </Panel>
          </Show>
        </Show>
      </div>
    </Show>
  );
}
