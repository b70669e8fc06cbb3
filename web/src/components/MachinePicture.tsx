import { Show, createEffect, createMemo, createSignal, onCleanup } from 'solid-js';
import { A } from '@solidjs/router';
import { reasonOf } from '../api/client';
import { getAttemptAt, type AttemptAt, type AttemptRow } from '../api/machines';
import {
  drawPicture,
  hitPicture,
  instantAt,
  pictureHeight,
  type PictureLook,
} from '../charts/picture';
import { percent } from '../format/number';
import { clock, duration, full } from '../format/time';
import { useFarm } from '../state/farm';
import type { MachineTime } from '../state/machineTime';
import { isDark } from '../state/theme';
import { createWidth } from '../state/width';
import { ACCOUNTS } from '../theme/accounts';
import { ACTION_WORDS, attemptLook } from '../theme/states';
import { StateChip } from './StateChip';
import { showTip } from './Tooltip';

export function AttemptWords(props: { row: AttemptRow }) {
  const farm = useFarm();
  const what = () =>
    props.row.kind === 'task_run'
      ? [props.row.layer_name, props.row.frames].filter(Boolean).join(' ')
      : (ACTION_WORDS[props.row.kind] ?? props.row.kind);
  return (
    <span class="attempt-words">
      <StateChip look={attemptLook(props.row)} />{' '}
      <A href={`/jobs/${props.row.job_id}`}>{props.row.job_name}</A> {what()}
      <span class="quiet">
        {' '}
        {clock(props.row.started_at, farm.zone())} – {clock(props.row.ended_at, farm.zone())},{' '}
        {duration(props.row.ended_at - props.row.started_at)}
      </span>
      <Show when={props.row.page}>
        {(page) => (
          <>
            {' '}
            <A href={page()}>log of attempt {props.row.attempt}</A>
          </>
        )}
      </Show>
      <Show when={props.row.error_text}>{(text) => <pre class="attempt-error">{text()}</pre>}</Show>
    </span>
  );
}

/** Machines over time: drag to choose a span, click a second to open its attempt. */
export function MachinePicture(props: {
  time: MachineTime | null;
  row?: number;
  /** Machines it will show, as far as is known before it is drawn; none said: the farm's. */
  expects?: number;
  onBrush?: (start: number, end: number) => void;
}) {
  const farm = useFarm();
  const [width, watch] = createWidth();
  const [brush, setBrush] = createSignal<[number, number] | null>(null);
  const [picked, setPicked] = createSignal<(AttemptAt & { worker: string }) | null>(null);
  const [problem, setProblem] = createSignal<string | null>(null);
  let canvas!: HTMLCanvasElement;
  let began: number | null = null;
  const look = createMemo<PictureLook>(() => ({
    width: width(),
    zone: farm.zone(),
    names: new Map(farm.store.workers.map((worker) => [worker.worker_id, worker.name])),
    brush: brush(),
    row: props.row ?? null,
  }));
  createEffect(() => {
    const { time } = props;
    const now = look();
    isDark();
    if (time === null || now.width < 100 || time.end <= time.start) return;
    const turn = requestAnimationFrame(() => drawPicture(canvas, time, now));
    onCleanup(() => cancelAnimationFrame(turn));
  });

  const point = (event: PointerEvent) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top] as const;
  };
  const onMove = (event: PointerEvent) => {
    const { time } = props;
    if (time === null) return;
    const [px, py] = point(event);
    if (began !== null && props.onBrush) {
      const at = instantAt(time, look(), px);
      setBrush([Math.min(began, at), Math.max(began, at)]);
      showTip(null);
      return;
    }
    const hit = hitPicture(time, look(), px, py);
    if (hit === null) return showTip(null);
    const zone = farm.zone();
    const what =
      hit.account === null
        ? 'No data'
        : `${hit.account}, ${clock(hit.from, zone)} – ${clock(hit.to, zone)}`;
    showTip(
      `${hit.worker}, thread ${hit.thread}, ${clock(hit.at, zone)}\n${what}`,
      event.clientX,
      event.clientY - 6,
    );
  };
  const onDown = (event: PointerEvent) => {
    if (props.time === null || event.button !== 0) return;
    began = instantAt(props.time, look(), point(event)[0]);
    canvas.setPointerCapture(event.pointerId);
  };
  const onUp = (event: PointerEvent) => {
    const { time } = props;
    const chosen = brush();
    began = null;
    setBrush(null);
    if (time === null) return;
    const least = (time.end - time.start) / Math.max(width(), 1);
    if (chosen !== null && chosen[1] - chosen[0] > 6 * least) {
      props.onBrush?.(Math.floor(chosen[0]), Math.ceil(chosen[1]));
      return;
    }
    const hit = hitPicture(time, look(), ...point(event));
    if (hit !== null) void open(hit.workerId, hit.worker, hit.thread, hit.at);
  };
  const open = async (workerId: string, worker: string, thread: number, at: number) => {
    setProblem(null);
    try {
      const found = await getAttemptAt(farm.store.farm!.farm_id, workerId, at, thread);
      setPicked({ ...found, worker });
    } catch (error) {
      setPicked(null);
      setProblem(reasonOf(error));
    }
  };
  const whole = () => props.time?.accounts.machine_ms ?? 0;
  const spoken = () =>
    ACCOUNTS.filter(({ key }) => (props.time?.accounts.total[`${key}_ms`] ?? 0) > 0)
      .map(
        ({ key, label }) =>
          `${label} ${percent((props.time?.accounts.total[`${key}_ms`] ?? 0) / whole())}`,
      )
      .join(', ');
  const machines = createMemo(
    () => new Set((props.time?.rows ?? []).map((row) => row.worker_id)).size,
  );
  // What stands below the picture does not move when it is drawn.
  const height = () =>
    pictureHeight(
      props.time === null ? (props.expects ?? farm.store.workers.length) : machines(),
      props.row ?? null,
    );

  return (
    <div class="picture-box" ref={watch}>
      <canvas
        class="farm-picture"
        ref={canvas}
        style={{ height: `${height()}px` }}
        role="img"
        aria-label={`${machines()} machines over time: ${spoken()}`}
        onPointerMove={onMove}
        onPointerLeave={() => showTip(null)}
        onPointerDown={onDown}
        onPointerUp={onUp}
      />
      <div class="picked" role="status">
        <Show when={problem()}>{(text) => <p class="problem">{text()}</p>}</Show>
        <Show when={picked()}>
          {(one) => (
            <div class="picked-attempt">
              <p>
                <b>
                  <A href={`/workers/${one().worker_id}`}>{one().worker}</A>
                </b>
                , {full(one().at, farm.zone())}{' '}
                <button type="button" aria-label="Close" onClick={() => setPicked(null)}>
                  ×
                </button>
              </p>
              <Show
                when={one().attempt}
                fallback={
                  <p>
                    No attempt at that moment.{' '}
                    <Show when={one().before}>
                      {(row) => (
                        <>
                          Before: <AttemptWords row={row()} />
                        </>
                      )}
                    </Show>
                  </p>
                }
              >
                {(row) => (
                  <p>
                    <AttemptWords row={row()} />
                  </p>
                )}
              </Show>
            </div>
          )}
        </Show>
      </div>
    </div>
  );
}
