/** Job threads in each account over time, stacked: uPlot. */

import uPlot from 'uplot';
import type { Account } from '../api/types';
import { count } from '../format/number';
import { ticks } from '../format/time';
import { levels, type MachineTime } from '../state/machineTime';
import { ACCOUNTS } from '../theme/accounts';
import { fillOf } from './hatch';
import { tickLabel } from './machineRows';
import { axisLook } from './pen';

/** Stacked from the bottom: what earns first, what is not known never. */
const STACK: Account[] = ACCOUNTS.map(({ key }) => key).filter((key) => key !== 'unknown');

export interface LevelsLook {
  width: number;
  height: number;
  gutter: number;
  right: number;
  zone: string | undefined;
}

/** uPlot's data: for each account the top of its band; bands are filled between neighbours. */
export function stacked(time: MachineTime, bins: number): uPlot.AlignedData {
  const { edges, threads } = levels(time, bins);
  const sum = new Array<number>(bins).fill(0);
  const tops = STACK.map((key) =>
    threads[key].map((value, at) => {
      sum[at]! += value;
      return Math.round(sum[at]! * 1e6) / 1e6;
    }),
  );
  const xs = [...edges, time.end].map((at) => at / 1000);
  // A step holds until the next edge; the last value is repeated at the end.
  return [xs, ...tops.map((column) => [...column, column[column.length - 1] ?? 0]).reverse()];
}

export function drawLevels(
  target: HTMLElement,
  time: MachineTime,
  look: LevelsLook,
  bins: number,
): uPlot {
  const stepped = uPlot.paths.stepped!({ align: 1 });
  const highest = Math.max(time.rows.length, 1);
  const series: uPlot.Series[] = [...STACK].reverse().map((key) => {
    const account = ACCOUNTS.find((candidate) => candidate.key === key)!;
    return {
      label: account.label,
      paths: stepped,
      points: { show: false },
      width: 0,
      fill: (chart) => fillOf(chart.ctx, account) ?? 'transparent',
    };
  });
  const marks = ticks(
    time.start,
    time.end,
    (look.width - look.gutter - look.right) / 90,
    look.zone,
  );
  const axis = axisLook(target);
  return new uPlot(
    {
      width: look.width,
      height: look.height,
      padding: [6, look.right, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [time.start / 1000, time.end / 1000] },
        y: { range: [0, highest] },
      },
      series: [{}, ...series],
      axes: [
        {
          ...axis,
          size: 22,
          gap: 4,
          splits: () => marks.map(({ at }) => at / 1000),
          values: () => marks.map(({ at, step }) => tickLabel(at, step, look.zone)),
        },
        {
          ...axis,
          size: look.gutter,
          gap: 8,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
          space: 22,
          values: (_chart, splits) => splits.map((value) => count(value)),
        },
      ],
    },
    stacked(time, bins),
    target,
  );
}
