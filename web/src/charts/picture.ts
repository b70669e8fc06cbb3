/** The picture of a farm: one row per machine over time, a lane per job thread, coloured by account. */

import { ticks } from '../format/time';
import type { MachineTime } from '../state/machineTime';
import { ACCOUNTS, accountOf } from '../theme/accounts';
import { colourOf, faded } from './colours';
import { fillOf } from './hatch';
import { tickLabel } from './machineRows';
import { clip, penOf } from './pen';

const AXIS = 22;
const RIGHT = 6;

export interface PictureLook {
  width: number;
  zone: string | undefined;
  names: Map<string, string>;
  /** Part of the span that is being chosen, as instants. */
  brush: [number, number] | null;
  /** Height of a machine; null: by how many there are. */
  row: number | null;
}

export interface PictureHit {
  workerId: string;
  worker: string;
  thread: number;
  at: number;
  account: string | null;
  from: number;
  to: number;
}

interface Machine {
  id: string;
  name: string;
  top: number;
  height: number;
  lanes: MachineTime['rows'];
}

const gutterOf = (width: number) => (width < 600 ? 72 : 132);

export const rowHeight = (machines: number): number => {
  if (machines <= 12) return 26;
  if (machines <= 32) return 16;
  if (machines <= 80) return 9;
  return machines <= 250 ? 5 : 3;
};

const FIRST_TOP = 2;

const bandOf = (machines: number, row: number | null) => {
  const height = row ?? rowHeight(machines);
  return { height, step: height + (height >= 9 ? 4 : 1) };
};

/** How high a picture of so many machines is, in pixels: known before what it shows. */
export function pictureHeight(machines: number, row: number | null): number {
  const { height, step } = bandOf(machines, row);
  return (machines === 0 ? 40 : FIRST_TOP + (machines - 1) * step + height + 3) + AXIS;
}

function machinesOf(time: MachineTime, look: PictureLook): Machine[] {
  const found: Machine[] = [];
  for (const row of time.rows) {
    const last = found.at(-1);
    if (last?.id === row.worker_id) last.lanes.push(row);
    else {
      const name = look.names.get(row.worker_id) ?? row.worker_id;
      found.push({ id: row.worker_id, name, top: 0, height: 0, lanes: [row] });
    }
  }
  const { height, step } = bandOf(found.length, look.row);
  let y = FIRST_TOP;
  for (const machine of found) {
    machine.top = y;
    machine.height = height;
    y += step;
  }
  return found;
}

const inner = (look: PictureLook) => look.width - gutterOf(look.width) - RIGHT;

export function drawPicture(canvas: HTMLCanvasElement, time: MachineTime, look: PictureLook): void {
  const machines = machinesOf(time, look);
  const bottom = pictureHeight(machines.length, look.row) - AXIS;
  const gutter = gutterOf(look.width);
  const wide = inner(look);
  const pen = penOf(canvas, look.width, bottom + AXIS);
  const x = (at: number) => gutter + ((at - time.start) / (time.end - time.start)) * wide;

  const quiet = colourOf('--text-quiet');
  const text = colourOf('--text');
  const edge = colourOf('--line-strong');
  const line = colourOf('--line');
  pen.textAlign = 'center';
  for (const { at, step } of ticks(time.start, time.end, wide / 80, look.zone)) {
    const left = Math.round(x(at)) + 0.5;
    pen.strokeStyle = line;
    pen.beginPath();
    pen.moveTo(left, 0);
    pen.lineTo(left, bottom + 4);
    pen.stroke();
    pen.fillStyle = quiet;
    const centre = Math.min(Math.max(left, gutter + 20), look.width - 22);
    pen.fillText(tickLabel(at, step, look.zone), centre, bottom + 13);
  }

  const fills = new Map(ACCOUNTS.map((account) => [account.key, fillOf(pen, account)]));
  for (const machine of machines) {
    const each = machine.height / machine.lanes.length;
    pen.fillStyle = colourOf('--surface');
    pen.fillRect(gutter, machine.top, wide, machine.height);
    machine.lanes.forEach((row, lane) => {
      const top = machine.top + lane * each;
      const high = Math.max(each - (machine.lanes.length > 1 && each >= 6 ? 1 : 0), 1);
      for (const [from, to, name] of row.segments) {
        const account = accountOf(name);
        const fill = fills.get(account.key);
        const left = x(Math.max(from, time.start));
        const right = x(Math.min(to, time.end));
        if (fill == null || right <= left) continue;
        pen.fillStyle = fill;
        pen.fillRect(left, top, Math.max(right - left, 0.75), high);
        if (account.key === 'off' && right - left > 2 && high > 3) {
          pen.strokeStyle = edge;
          pen.strokeRect(left + 0.5, top + 0.5, right - left - 1, high - 1);
        }
      }
    });
  }
  pen.textAlign = 'right';
  pen.fillStyle = text;
  let free = -Infinity;
  for (const machine of machines) {
    const middle = machine.top + machine.height / 2;
    if (middle < free) continue;
    free = middle + 12;
    pen.fillText(clip(pen, machine.name, gutter - 12), gutter - 8, middle + 0.5);
  }
  if (look.brush !== null) {
    const [from, to] = look.brush;
    pen.fillStyle = faded(colourOf('--focus'), 0.22);
    pen.fillRect(x(from), 0, x(to) - x(from), bottom);
    pen.strokeStyle = colourOf('--focus');
    pen.strokeRect(x(from), 0.5, x(to) - x(from), bottom - 1);
  }
}

/** The instant under a point, within the span. */
export function instantAt(time: MachineTime, look: PictureLook, px: number): number {
  const share = (px - gutterOf(look.width)) / inner(look);
  return time.start + Math.min(Math.max(share, 0), 1) * (time.end - time.start);
}

/** What lies under a point of the picture. */
export function hitPicture(
  time: MachineTime,
  look: PictureLook,
  px: number,
  py: number,
): PictureHit | null {
  const gutter = gutterOf(look.width);
  if (px < gutter || px > gutter + inner(look)) return null;
  const machine = machinesOf(time, look).find(
    (one) => py >= one.top && py < one.top + one.height + 1,
  );
  if (machine === undefined) return null;
  const lane = Math.min(
    Math.floor(((py - machine.top) / machine.height) * machine.lanes.length),
    machine.lanes.length - 1,
  );
  const row = machine.lanes[Math.max(lane, 0)]!;
  const at = Math.round(instantAt(time, look, px));
  const found = row.segments.find(([from, to]) => at >= from && at < to);
  return {
    workerId: machine.id,
    worker: machine.name,
    thread: row.thread,
    at,
    account: found === undefined ? null : accountOf(found[2]).label,
    from: found?.[0] ?? at,
    to: found?.[1] ?? at,
  };
}
