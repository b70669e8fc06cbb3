import { For, Show, createEffect, createMemo, createSignal, on } from 'solid-js';
import { A } from '@solidjs/router';
import { taskLogPage } from '../api/client';
import type { JobDetail, JobRow, Layer } from '../api/types';
import { count, money, percent, plural } from '../format/number';
import { duration, elapsed, full, moment } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import type { Frame, JobState } from '../state/job';
import { taskLook } from '../theme/states';
import { CostFigure } from './JobCost';
import { FrameStrip } from './FrameStrip';
import { FrameView, Filmstrip } from './Preview';
import { ProgressBar } from './ProgressBar';
import { StateChip } from './StateChip';

/** How many frames of a job are there: those of tasks at work too, as they come. */
function framesThere(job: JobState, row: JobRow): number {
  const known = (job.detail()?.layers ?? [])
    .flatMap((layer) => job.framesOf(layer.layer_id))
    .filter(
      ({ status, renderMs }) =>
        status === 'SUCCEEDED' || (status === 'RUNNING' && renderMs !== null),
    ).length;
  return Math.max(row.frames_done, known);
}

const shareThere = (job: JobState, row: JobRow): number | null =>
  row.frames_total === 0 ? null : framesThere(job, row) / row.frames_total;

function Heading(props: { job: JobState; row: JobRow; cost: string | null; linked: boolean }) {
  const farm = useFarm();
  const meta = () =>
    [
      props.row.project !== 'unassigned' && `project ${props.row.project}`,
      `by ${props.row.user}`,
      farm.store.queues[props.row.queue_id] && `queue ${farm.store.queues[props.row.queue_id]}`,
      `priority ${props.row.priority}`,
      `submitted ${moment(props.row.created_at, now(), farm.zone())}`,
    ].filter(Boolean);
  return (
    <header class="job-head">
      <div class="who">
        <h1>
          <Show when={props.linked} fallback={props.row.name}>
            <A href={`/jobs/${props.row.job_id}`}>{props.row.name}</A>
          </Show>
          <StateChip look={taskLook(props.row.status)} />
        </h1>
        <p class="quiet" data-tip={full(props.row.created_at, farm.zone())}>
          {meta().join(' · ')}
        </p>
      </div>
      <dl class="figures">
        <div>
          <dt>Frames</dt>
          <dd>
            {count(framesThere(props.job, props.row))}
            <span class="quiet"> / {count(props.row.frames_total)}</span>
          </dd>
        </div>
        <div>
          <dt>Done</dt>
          <dd>{percent(shareThere(props.job, props.row))}</dd>
        </div>
        <div>
          <dt>{props.row.ended_at === null ? 'Elapsed' : 'Took'}</dt>
          <dd>{elapsed(props.row.started_at, props.row.ended_at, now())}</dd>
        </div>
        <Show
          when={props.row.ended_at !== null}
          fallback={
            <Show when={props.linked}>
              <CostFigure row={props.row} />
            </Show>
          }
        >
          <Show when={props.cost !== null}>
            <div>
              <dt>Cost</dt>
              <dd>{money(props.cost, farm.store.farm?.currency ?? 'USD')}</dd>
            </div>
          </Show>
        </Show>
      </dl>
    </header>
  );
}

function LayerRow(props: {
  layer: Layer;
  names: Map<string, string>;
  frames: Frame[];
  selected: Frame | null;
  onSelect: (frame: Frame) => void;
}) {
  const waitsFor = () =>
    props.layer.depends_on.map((layer) => props.names.get(layer) ?? layer).join(', ');
  return (
    <li class="layer" data-layer={props.layer.layer_id}>
      <div class="line">
        <b>{props.layer.name}</b>
        <StateChip look={taskLook(props.layer.status)} plain />
        <span class="quiet">
          {plural(props.layer.task_count, 'task')}
          {props.layer.frame_count ? `, ${plural(props.layer.frame_count, 'frame')}` : ''}
        </span>
        <Show when={waitsFor()}>
          <span class="quiet">after {waitsFor()}</span>
        </Show>
        <Show when={props.layer.mean_frame_ms !== null}>
          <span class="quiet end">mean {duration(props.layer.mean_frame_ms)} a frame</span>
        </Show>
      </div>
      <Show
        when={props.frames.length > 0}
        fallback={<ProgressBar counts={props.layer.counts} bare />}
      >
        <FrameStrip
          label={`Frames of ${props.layer.name}`}
          frames={props.frames}
          selected={props.selected}
          onSelect={props.onSelect}
        />
      </Show>
    </li>
  );
}

/** The frame people want to see unasked: the newest picture, else the first frame. */
function newest(frames: Frame[]): Frame | null {
  return frames.findLast((frame) => frame.hasPreview) ?? frames[0] ?? null;
}

/** A job in the few words a browser's tab has room for. */
export function jobTitle(job: JobState): string | null {
  const row = job.row();
  if (row === null || row.ended_at !== null) return row?.name ?? null;
  return `${percent(shareThere(job, row))} ${row.name}`;
}

/** A job with its progress, layers, frame strips and pictures. */
export function JobView(props: { job: JobState; linked?: boolean }) {
  const [chosen, setChosen] = createSignal<Frame | null>(null);
  createEffect(
    on(
      () => props.job.row()?.job_id,
      () => setChosen(null),
    ),
  );

  const layers = () => props.job.detail()?.layers ?? [];
  const names = createMemo(() => new Map(layers().map((layer) => [layer.layer_id, layer.name])));
  const pictured = createMemo(() =>
    layers()
      .flatMap((layer) => props.job.framesOf(layer.layer_id))
      .filter((f) => f.hasPreview),
  );
  const selected = createMemo<Frame | null>(() => {
    const wanted = chosen();
    if (wanted === null) {
      const first = layers()[0];
      return first === undefined ? null : newest(props.job.framesOf(first.layer_id));
    }
    return (
      props.job.framesOf(wanted.layerId).find((frame) => frame.frame === wanted.frame) ?? wanted
    );
  });

  return (
    <Show when={props.job.row()}>
      {(row) => (
        <section class="panel job" aria-label={`Job ${row().name}`}>
          <Heading
            row={row()}
            job={props.job}
            cost={props.job.detail()?.cost ?? null}
            linked={props.linked ?? false}
          />
          <div class="body">
            <ProgressBar counts={row().counts} />
            <Show when={props.job.isSettled()} fallback={<p class="quiet">Reading its frames …</p>}>
              <div class="job-body">
                <Show when={selected()}>
                  {(frame) => (
                    <FrameView layer={names().get(frame().layerId) ?? ''} frame={frame()} />
                  )}
                </Show>
                <div class="job-side">
                  <ul class="layers">
                    <For each={layers()}>
                      {(layer) => (
                        <LayerRow
                          layer={layer}
                          names={names()}
                          frames={props.job.framesOf(layer.layer_id)}
                          selected={selected()}
                          onSelect={setChosen}
                        />
                      )}
                    </For>
                  </ul>
                  <Filmstrip frames={pictured()} selected={selected()} onSelect={setChosen} />
                </div>
              </div>
            </Show>
          </div>
        </section>
      )}
    </Show>
  );
}

/** What went wrong, the newest first, as plain text. */
export function JobErrors(props: { detail: JobDetail }) {
  const farm = useFarm();
  return (
    <Show when={props.detail.errors.length > 0}>
      <section class="panel errors" aria-label="Errors">
        <header>
          <h2>Errors</h2>
          <div class="aside">{plural(props.detail.errors.length, 'failed attempt')}</div>
        </header>
        <ol>
          <For each={props.detail.errors.toSorted((a, b) => b.at - a.at)}>
            {(error) => (
              <li data-tone="failed">
                <div class="line">
                  <StateChip
                    look={{ word: error.class ?? 'failed', tone: 'failed', shape: 'cross' }}
                    plain
                  />
                  <span class="quiet" data-tip={full(error.at, farm.zone())}>
                    {moment(error.at, now(), farm.zone())} on {error.worker}
                  </span>
                  <Show when={error.task_id}>
                    {(task) => <A href={taskLogPage(props.detail.job_id, task())}>Log</A>}
                  </Show>
                </div>
                <pre>{error.text}</pre>
              </li>
            )}
          </For>
        </ol>
      </section>
    </Show>
  );
}
