import { For, Show, createEffect, createMemo, createSignal, onCleanup } from 'solid-js';
import type uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { drawFrameTimes, lineLook, type FrameLine } from '../charts/frameTimes';
import { duration } from '../format/time';
import type { JobState } from '../state/job';
import { isDark } from '../state/theme';
import { createWidth } from '../state/width';
import { Panel } from './Panel';

/** How long each frame took, by layer. */
export function FrameTimes(props: { job: JobState }) {
  const [width, watch] = createWidth();
  const [frame, setFrame] = createSignal<number | null>(null);
  let target: HTMLDivElement | undefined;
  let drawn: uPlot | undefined;
  const lines = createMemo<FrameLine[]>(
    () =>
      (props.job.detail()?.layers ?? []).flatMap((layer) => {
        const points = props.job
          .framesOf(layer.layer_id)
          .flatMap((one): [number, number][] =>
            one.renderMs === null ? [] : [[one.frame, one.renderMs]],
          );
        return points.length > 1 ? [{ name: layer.name, points }] : [];
      }),
    [],
    { equals: (a, b) => JSON.stringify(a) === JSON.stringify(b) },
  );
  const medianOf = (line: FrameLine) => {
    const times = line.points.map(([, time]) => time).sort((a, b) => a - b);
    return times[Math.floor(times.length / 2)] ?? null;
  };
  const shown = (line: FrameLine) => line.points.find(([one]) => one === frame())?.[1] ?? null;
  onCleanup(() => drawn?.destroy());
  createEffect(() => {
    const [now, wide] = [lines(), width()];
    isDark();
    if (wide < 100 || now.length === 0 || target === undefined) return;
    const place = target;
    const turn = requestAnimationFrame(() => {
      drawn?.destroy();
      drawn = drawFrameTimes(place, now, { width: wide, height: 190, onFrame: setFrame });
    });
    onCleanup(() => cancelAnimationFrame(turn));
  });
  return (
    <Show when={lines().length > 0}>
      <Panel title="Frame times" class="frame-times">
        <div
          class="levels"
          role="img"
          aria-label={`Render time by frame of ${lines()
            .map((line) => `${line.name}, median ${duration(medianOf(line))}`)
            .join('; ')}`}
          ref={(element) => {
            target = element;
            watch(element);
          }}
        />
        <ul class="legend">
          <For each={lines()}>
            {(line, at) => (
              <li>
                <svg width="22" height="6" aria-hidden="true">
                  <line
                    x1="0"
                    x2="22"
                    y1="3"
                    y2="3"
                    stroke={`var(${lineLook(at()).token})`}
                    stroke-width="2"
                    stroke-dasharray={lineLook(at()).dash.join(' ')}
                  />
                </svg>
                {line.name}
                <span class="quiet">
                  {shown(line) === null
                    ? `median ${duration(medianOf(line))}`
                    : `frame ${frame()}: ${duration(shown(line))}`}
                </span>
              </li>
            )}
          </For>
        </ul>
      </Panel>
    </Show>
  );
}
