/** One row per job thread over time, coloured by account. Gaps stay gaps. */

import { day, minute, clock, ticks } from '../format/time';
import type { MachineTime } from '../state/machineTime';
import { ACCOUNTS, accountOf } from '../theme/accounts';
import { colourOf } from './colours';
import { fillOf } from './hatch';
import { clip, penOf } from './pen';

const AXIS = 24;
/** Up to so many rows the axis below the second picture serves both. */
const OWN_AXIS_FROM = 24;

export interface RowsLook {
  width: number;
  gutter: number;
  right: number;
  zone: string | undefined;
  names: Map<string, string>;
}

/** Names stand at least so far from each other. */
const LABEL_PX = 11;

export interface RowHit {
  worker: string;
  thread: number;
  account: string | null;
  from: number;
  to: number;
}

export function rowHeight(rows: number): number {
  if (rows <= 12) return 18;
  if (rows <= 40) return 12;
  return rows <= 120 ? 6 : 3;
}

/** Space before row `at`: threads of one worker stand close together. */
function tops(workers: string[]): { tops: number[]; bottom: number; height: number } {
  const height = rowHeight(workers.length);
  const apart = height >= 12 ? 6 : 1;
  let y = 2;
  const found = workers.map((worker, at) => {
    if (at > 0) y += workers[at - 1] === worker ? 1 : apart;
    const top = y;
    y += height;
    return top;
  });
  return { tops: found, bottom: y + 2, height };
}

const topsOf = (time: MachineTime) => tops(time.rows.map((row) => row.worker_id));

const axisBelow = (rows: number) => (rows > OWN_AXIS_FROM ? AXIS : 0);

/** How high a picture is, in pixels: known from the worker of each job thread, before its times. */
export const rowsHeight = (workers: string[]): number =>
  tops(workers).bottom + axisBelow(workers.length);

export function tickLabel(at: number, step: number, zone: string | undefined): string {
  if (step >= 86_400_000) return day(at, zone);
  return step < 60_000 ? clock(at, zone) : minute(at, zone);
}

export function drawRows(canvas: HTMLCanvasElement, time: MachineTime, look: RowsLook): void {
  const { tops: ys, bottom, height } = topsOf(time);
  const hasAxis = axisBelow(time.rows.length) > 0;
  const pen = penOf(canvas, look.width, bottom + axisBelow(time.rows.length));
  const inner = look.width - look.gutter - look.right;
  const x = (at: number) => look.gutter + ((at - time.start) / (time.end - time.start)) * inner;

  const quiet = colourOf('--text-quiet');
  const line = colourOf('--line');

  const marks = ticks(time.start, time.end, inner / 90, look.zone);
  pen.textAlign = 'center';
  for (const { at, step } of marks) {
    const left = Math.round(x(at)) + 0.5;
    pen.strokeStyle = line;
    pen.beginPath();
    pen.moveTo(left, 0);
    pen.lineTo(left, bottom + (hasAxis ? 4 : 0));
    pen.stroke();
    if (!hasAxis) continue;
    pen.fillStyle = quiet;
    const half = 26;
    const centre = Math.min(Math.max(left, look.gutter + half), look.width - half);
    pen.fillText(tickLabel(at, step, look.zone), centre, bottom + 14);
  }

  const fills = new Map(ACCOUNTS.map((account) => [account.key, fillOf(pen, account)]));
  const offEdge = colourOf('--line-strong');
  time.rows.forEach((row, at) => {
    const top = ys[at]!;
    pen.fillStyle = colourOf('--surface');
    pen.fillRect(look.gutter, top, inner, height);
    pen.setLineDash([2, 3]);
    pen.strokeStyle = colourOf('--line');
    pen.beginPath();
    pen.moveTo(look.gutter, top + height / 2);
    pen.lineTo(look.gutter + inner, top + height / 2);
    pen.stroke();
    pen.setLineDash([]);
    for (const [from, to, name] of row.segments) {
      const account = accountOf(name);
      const fill = fills.get(account.key);
      const left = x(Math.max(from, time.start));
      const right = x(Math.min(to, time.end));
      if (fill == null || right <= left) continue;
      pen.fillStyle = fill;
      const wide = Math.max(right - left, 0.75);
      pen.fillRect(left, top, wide, height);
      if (account.key === 'off' && wide > 2) {
        pen.strokeStyle = offEdge;
        pen.strokeRect(left + 0.5, top + 0.5, wide - 1, height - 1);
      }
    }
  });

  pen.textAlign = 'right';
  let previous = '';
  let labelled = -Infinity;
  time.rows.forEach((row, at) => {
    const top = ys[at]!;
    const isFirst = row.worker_id !== previous;
    previous = row.worker_id;
    if (height < 12 && !isFirst) return;
    if (top - labelled < LABEL_PX) return;
    labelled = top;
    const name = look.names.get(row.worker_id) ?? row.worker_id;
    pen.fillStyle = isFirst ? colourOf('--text') : quiet;
    const words = isFirst
      ? `${clip(pen, name, look.gutter - 30)} · ${row.thread}`
      : `${row.thread}`;
    pen.fillText(words, look.gutter - 8, top + height / 2 + 0.5);
  });
}

/** What lies under a point of the picture. */
export function hitRow(time: MachineTime, look: RowsLook, px: number, py: number): RowHit | null {
  const { tops: ys, height } = topsOf(time);
  const inner = look.width - look.gutter - look.right;
  const at = ys.findIndex((top) => py >= top && py < top + height);
  const row = time.rows[at];
  if (row === undefined || px < look.gutter || px > look.gutter + inner) return null;
  const instant = time.start + ((px - look.gutter) / inner) * (time.end - time.start);
  const found = row.segments.find(([from, to]) => instant >= from && instant < to);
  const worker = look.names.get(row.worker_id) ?? row.worker_id;
  const account = found === undefined ? null : accountOf(found[2]).label;
  return {
    worker,
    thread: row.thread,
    account,
    from: found?.[0] ?? instant,
    to: found?.[1] ?? instant,
  };
}
