import { Show, createEffect, createMemo, onCleanup } from 'solid-js';
import type uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Account } from '../api/types';
import { drawLevels } from '../charts/levels';
import { drawRows, hitRow, rowsHeight, type RowsLook } from '../charts/machineRows';
import { percent, plural, seconds } from '../format/number';
import { clock, duration } from '../format/time';
import { useFarm } from '../state/farm';
import type { MachineTime } from '../state/machineTime';
import { isDark } from '../state/theme';
import { createWidth } from '../state/width';
import { ACCOUNTS } from '../theme/accounts';
import { AccountsTable } from './AccountsTable';
import { showTip } from './Tooltip';

/** As high as charts.css keeps room for. */
const LEVELS_PX = 110;

/** The machine time chart: a row per job thread, the threads per account below, the sums beside. */
export function MachineTimeChart(props: { time: MachineTime | null }) {
  const farm = useFarm();
  const [width, watch] = createWidth();
  /** The worker of every row: until its times are here, those the farm has now. */
  const threads = () =>
    props.time?.rows.map((row) => row.worker_id) ??
    farm.store.workers.flatMap((worker) => worker.threads.map(() => worker.worker_id));
  let rows!: HTMLCanvasElement;
  let chart!: HTMLDivElement;
  let drawn: uPlot | undefined;

  onCleanup(() => drawn?.destroy());

  const look = createMemo<RowsLook>(() => ({
    width: width(),
    gutter: width() < 600 ? 84 : 128,
    right: 4,
    zone: farm.zone(),
    names: new Map(farm.store.workers.map((worker) => [worker.worker_id, worker.name])),
  }));

  createEffect(() => {
    const { time } = props;
    isDark();
    if (time === null || width() < 100 || time.end <= time.start) return;
    const now = look();
    // Fonts and theme are settled by the next frame; drawing then costs one picture, not three.
    const turn = requestAnimationFrame(() => {
      drawRows(rows, time, now);
      drawn?.destroy();
      const bins = Math.max(Math.min(Math.floor((now.width - now.gutter) / 3), 600), 20);
      drawn = drawLevels(chart, time, { ...now, height: LEVELS_PX }, bins);
    });
    onCleanup(() => cancelAnimationFrame(turn));
  });

  const amount = (key: Account) => props.time?.accounts.total[`${key}_ms`] ?? 0;
  const whole = () => props.time?.accounts.machine_ms ?? 0;
  /** "2 machines × 53.8 s", if each was there all the time; else only how many there were. */
  const factors = (time: MachineTime) => {
    const { span, workers, machine_ms: sum } = time.accounts;
    const each = span.end_at - span.start_at;
    const words = plural(workers, 'machine');
    return sum === workers * each ? `${words} × ${seconds(each)}` : words;
  };
  const shown = () => ACCOUNTS.filter(({ key }) => amount(key) > 0);
  const spoken = () =>
    shown()
      .map(({ key, label }) => `${label} ${percent(amount(key) / whole())}`)
      .join(', ');

  const onMove = (event: PointerEvent) => {
    if (props.time === null) return;
    const box = rows.getBoundingClientRect();
    const hit = hitRow(props.time, look(), event.clientX - box.left, event.clientY - box.top);
    if (hit === null) {
      showTip(null);
      return;
    }
    const zone = farm.zone();
    const what =
      hit.account === null
        ? `No data at ${clock(hit.from, zone)}`
        : `${hit.account}, ${duration(hit.to - hit.from)}\n${clock(hit.from, zone)} – ${clock(hit.to, zone)}`;
    showTip(`${hit.worker}, thread ${hit.thread}\n${what}`, event.clientX, event.clientY - 6);
  };

  return (
    <div class="machine-time">
      <div class="pictures" ref={watch}>
        <Show when={props.time !== null && props.time.rows.length === 0}>
          <p class="empty">No job thread was there in this span.</p>
        </Show>
        <canvas
          ref={rows}
          style={{ height: `${rowsHeight(threads())}px` }}
          role="img"
          aria-label={`Machine time of ${props.time?.rows.length ?? 0} job threads: ${spoken()}`}
          onPointerMove={onMove}
          onPointerLeave={() => showTip(null)}
        />
        <p class="chart-title">Job threads by account</p>
        <div class="levels" ref={chart} aria-hidden="true" />
      </div>
      <AccountsTable
        amount={amount}
        whole={whole()}
        sumOf={props.time === null ? '' : factors(props.time)}
      />
    </div>
  );
}
