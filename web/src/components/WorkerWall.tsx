import { For, Show, createEffect, createMemo, createResource } from 'solid-js';
import { A } from '@solidjs/router';
import { getHourlyAccounts, type AccountRow } from '../api/machines';
import { colourOf } from '../charts/colours';
import { tickLabel } from '../charts/machineRows';
import { clip, penOf } from '../charts/pen';
import { percent, plural } from '../format/number';
import { byName } from '../format/order';
import { ticks } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { answerOf } from '../state/resource';
import { isDark } from '../state/theme';
import { createWidth } from '../state/width';
import { useWords } from '../state/words';
import { WORKER_LOOKS, workerLook } from '../theme/states';
import { Shape } from './Shape';
import { showTip } from './Tooltip';
import '../styles/picture.css';

const HOUR_MS = 3_600_000;

const VIEWS = [
  { key: '', word: 'List' },
  { key: 'cards', word: 'Cards' },
  { key: 'wall', word: 'Wall' },
  { key: 'heat', word: 'Last 24 h' },
];

/** Which view of the workers the address asks for: '' is the list. */
export function createWorkerView() {
  const { word } = useWords();
  return () => VIEWS.find(({ key }) => key === word('view'))?.key ?? '';
}

/** The switch between the views of the workers. */
export function WorkerViews() {
  const { address } = useWords();
  const shows = createWorkerView();
  return (
    <nav class="segmented" aria-label="View of the workers">
      <For each={VIEWS}>
        {(view) => (
          <a
            href={address({ view: view.key })}
            aria-current={shows() === view.key ? 'true' : undefined}
          >
            {view.word}
          </a>
        )}
      </For>
    </nav>
  );
}

/** Every worker as a tile: colour, shape and word of its state. */
export function WallMap() {
  const farm = useFarm();
  const workers = createMemo(() => byName(farm.store.workers));
  const counts = () =>
    Object.keys(WORKER_LOOKS)
      .map((state) => ({
        state,
        count: workers().filter((worker) => worker.status === state).length,
      }))
      .filter(({ count }) => count > 0);
  return (
    <>
      <ul class="wall-counts" aria-label="Workers by state">
        <For each={counts()}>
          {({ state, count }) => (
            <li class="chip" data-tone={workerLook(state).tone}>
              <Shape name={workerLook(state).shape} />
              {count} {workerLook(state).word}
            </li>
          )}
        </For>
      </ul>
      <ul class="wall-map" aria-label="Wall of workers">
        <For each={workers()}>
          {(worker) => (
            <li data-tone={workerLook(worker.status).tone}>
              <A href={`/workers/${worker.worker_id}`}>
                <b class="ellipsis">{worker.name}</b>
                <span class="state">
                  <Shape name={workerLook(worker.status).shape} />
                  {workerLook(worker.status).word}
                </span>
              </A>
            </li>
          )}
        </For>
      </ul>
    </>
  );
}

const useful = (row: AccountRow) => row.rendering_useful_ms / Math.max(row.machine_ms, 1);
const wasted = (row: AccountRow) => row.rendering_wasted_ms / Math.max(row.machine_ms, 1);

/** How busy each worker was in each hour of the last day; wasted time is marked. */
export function HeatStrip() {
  const farm = useFarm();
  const [width, watch] = createWidth();
  let canvas!: HTMLCanvasElement;
  const { word } = useWords();
  const end = createMemo(() => Math.ceil((Number(word('to')) || now()) / HOUR_MS) * HOUR_MS);
  const [found] = createResource(
    () => (farm.store.farm === null ? null : ([farm.store.farm.farm_id, end()] as const)),
    ([farmId, until]) => getHourlyAccounts(farmId, until - 24 * HOUR_MS, until),
  );
  const workers = createMemo(() => byName(farm.store.workers));
  const rows = createMemo(() => {
    const known = new Map<string, AccountRow>();
    for (const row of answerOf(found)?.rows ?? []) known.set(`${row.worker} ${row.start_at}`, row);
    return known;
  });
  const high = () => (workers().length <= 40 ? 18 : workers().length <= 120 ? 9 : 5);
  const gutter = () => (width() < 600 ? 72 : 132);
  const cell = () => (width() - gutter() - 4) / 24;

  createEffect(() => {
    const known = rows();
    isDark();
    if (width() < 100) return;
    const bottom = workers().length * high() + 2;
    const pen = penOf(canvas, width(), bottom + 22);
    const [good, bad, none] = [
      colourOf('--account-rendering-useful'),
      colourOf('--account-rendering-wasted'),
      colourOf('--sunken'),
    ];
    let free = -Infinity;
    workers().forEach((worker, at) => {
      const top = at * high();
      for (let hour = 0; hour < 24; hour += 1) {
        const row = known.get(`${worker.worker_id} ${end() - (24 - hour) * HOUR_MS}`);
        const left = gutter() + hour * cell();
        if (row === undefined || row.machine_ms === 0) continue;
        pen.globalAlpha = 1;
        pen.fillStyle = none;
        pen.fillRect(left, top, cell() - 1, high() - 1);
        pen.globalAlpha = Math.min(useful(row), 1);
        pen.fillStyle = good;
        pen.fillRect(left, top, cell() - 1, high() - 1);
        pen.globalAlpha = 1;
        // Wasted time is a bar at the foot of the cell: it tells without its colour.
        if (wasted(row) >= 0.005) {
          pen.fillStyle = bad;
          const tall = Math.max(2, wasted(row) * (high() - 1));
          pen.fillRect(left, top + high() - 1 - tall, (cell() - 1) * 0.6, tall);
        }
      }
      const middle = top + high() / 2;
      if (middle < free) return;
      free = middle + 12;
      pen.textAlign = 'right';
      pen.fillStyle = colourOf('--text');
      pen.fillText(clip(pen, worker.name, gutter() - 12), gutter() - 8, middle);
    });
    pen.textAlign = 'center';
    pen.fillStyle = colourOf('--text-quiet');
    for (const { at, step } of ticks(
      end() - 24 * HOUR_MS,
      end(),
      (width() - gutter()) / 70,
      farm.zone(),
    )) {
      const x = gutter() + ((at - end()) / HOUR_MS + 24) * cell();
      pen.fillText(
        tickLabel(at, step, farm.zone()),
        Math.min(Math.max(x, gutter() + 16), width() - 20),
        bottom + 12,
      );
    }
  });

  const onMove = (event: PointerEvent) => {
    const box = canvas.getBoundingClientRect();
    const worker = workers()[Math.floor((event.clientY - box.top) / high())];
    const hour = Math.floor((event.clientX - box.left - gutter()) / cell());
    const start = end() - (24 - hour) * HOUR_MS;
    const row = worker && rows().get(`${worker.worker_id} ${start}`);
    if (worker === undefined || hour < 0 || hour > 23 || row === undefined) return showTip(null);
    const when = tickLabel(start, 60_000, farm.zone());
    showTip(
      `${worker.name}, the hour from ${when}\n${percent(useful(row))} useful, ${percent(wasted(row))} wasted`,
      event.clientX,
      event.clientY - 6,
    );
  };
  const mean = () => {
    const all = answerOf(found)?.rows ?? [];
    const whole = all.reduce((sum, row) => sum + row.machine_ms, 0);
    return whole === 0 ? 0 : all.reduce((sum, row) => sum + row.rendering_useful_ms, 0) / whole;
  };
  return (
    <div class="heat" ref={watch}>
      <Show when={workers().length > 0} fallback={<p class="empty">No worker has joined.</p>}>
        <canvas
          ref={canvas}
          role="img"
          data-rows={rows().size}
          aria-label={`The last 24 hours of ${plural(workers().length, 'worker')} by hour: ${percent(mean())} of their time was useful rendering`}
          onPointerMove={onMove}
          onPointerLeave={() => showTip(null)}
        />
        <p class="heat-key">
          <span>the fuller the colour, the more of the hour was useful rendering</span>
          <span>a bar at the foot: time that was wasted</span>
          <span>nothing drawn: the worker was not there</span>
        </p>
      </Show>
    </div>
  );
}
